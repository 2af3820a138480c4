//! What the kernel does for the trap socket: a filter, proven before it is attached; and an account of what it dropped.
//!
//! Uses `notice::filter` for the programs. The kernel has one count for all that a socket lost, whether its filter refused it
//! or its queue was full (SO_MEMINFO, and SO_RXQ_OVFL is the same count). Only while no filter is attached it is what it
//! seems. While one is, the whole host's count of full queues says how many of the losses can at most be that.

use super::sys::check;
use super::udp;
use crate::notice::filter::{Allowed, Instruction, Program};
use std::io::{Error, Result};
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

/// `SO_MEMINFO` and the place of the count in its answer (`linux/sock_diag.h`).
const SO_MEMINFO: libc::c_int = 55;
const MEMINFO_DROPS: usize = 8;
/// Limit: octets that wait, as the kernel counts them (some 800 for a short trap), before what is not fatal gives way.
const CROWDED_BYTES: u32 = 2 << 20;
/// Places of what waits, and of how much may.
const MEMINFO_WAITING: usize = 0;
const MEMINFO_QUEUE: usize = 1;
/// Datagrams of a stranger in the proof of a filter: that all of them are let through as samples does not happen.
const STRANGERS: usize = 12;

/// The kernel's `struct sock_fprog`.
#[repr(C)]
struct Attached {
    length: u16,
    program: *const Raw,
}

/// The kernel's `struct sock_filter`.
#[repr(C)]
struct Raw {
    code: u16,
    if_true: u8,
    if_false: u8,
    k: u32,
}

/// The kernel's side of the trap socket.
#[derive(Debug, Default)]
pub struct Intake {
    filter: Option<Program>,
    /// What waited when the filter was attached may not have been read yet.
    unread: bool,
    /// The last read has emptied the queue.
    emptied: bool,
    /// The socket's count of losses, as it was last.
    lost: u32,
    /// The host's count of full queues, as it was last; only kept while a filter is attached.
    full: u64,
    filtered: u64,
    overflowed: u64,
}

impl Intake {
    /// Attaches a filter in place of any other, or takes it off. It is proven first; on an error there is none.
    pub fn filter(&mut self, socket: Option<&UdpSocket>, wanted: Option<(Program, Allowed)>) -> Result<()> {
        let Some(socket) = socket else { return Ok(()) };
        self.account(socket);
        match wanted {
            None => self.take_off(socket),
            Some((program, allowed)) => {
                let done = prove(&program, &allowed).and_then(|()| self.put_on(socket, &program));
                match done {
                    Ok(()) => (self.filter, self.unread, self.emptied) = (Some(program), true, false),
                    Err(_) => drop(self.take_off(socket)),
                }
                done
            }
        }?;
        self.account(socket);
        Ok(())
    }

    /// Another socket is in the place of the one that all this was about, and has the same filter.
    pub fn move_to(&mut self, socket: Option<&UdpSocket>) -> Result<()> {
        self.lost = 0;
        match (socket, self.filter.clone()) {
            (Some(socket), Some(program)) => self.put_on(socket, &program),
            (Some(_) | None, None) | (None, Some(_)) => Ok(()),
        }
    }

    fn put_on(&mut self, socket: &UdpSocket, program: &Program) -> Result<()> {
        if self.filter.is_none() {
            self.full = queues_that_were_full(); // before the first datagram is refused
        }
        attach(socket.as_raw_fd(), program)
    }

    fn take_off(&mut self, socket: &UdpSocket) -> Result<()> {
        if self.filter.is_none() {
            return Ok(());
        }
        detach(socket.as_raw_fd())?;
        self.account(socket); // still with the filter
        self.filter = None;
        self.unread = false;
        Ok(())
    }

    /// Before a read: whether by now all was read that waited when the filter was attached. True once.
    pub fn is_read(&mut self) -> bool {
        let read = self.unread && self.emptied;
        self.unread &= !read;
        read
    }

    /// A read took so many, of at most so many.
    pub fn took(&mut self, count: usize, most: usize) {
        self.emptied = count < most;
    }

    /// Whether so much waits that a fatal trap behind it would come late, or be lost: two mebibytes, or half of a
    /// shorter queue. Asked only after a read that took all that it could, for the question is a system call.
    pub fn is_crowded(&self, socket: Option<&UdpSocket>) -> bool {
        let said = socket.filter(|_| !self.emptied).and_then(memory);
        said.is_some_and(|said| said[MEMINFO_WAITING] > CROWDED_BYTES.min(said[MEMINFO_QUEUE] / 2))
    }

    /// Whether the last read left something, as far as we know.
    pub fn has_more(&self) -> bool {
        !self.emptied
    }

    /// What the filter refused, and what a full queue lost.
    pub fn counts(&mut self, socket: Option<&UdpSocket>) -> (u64, u64) {
        if let Some(socket) = socket {
            self.account(socket);
        }
        (self.filtered, self.overflowed)
    }

    fn account(&mut self, socket: &UdpSocket) {
        let Some(lost) = losses(socket) else { return };
        let fresh = u64::from(lost.wrapping_sub(self.lost));
        self.lost = lost;
        let overflowed = match self.filter {
            None => fresh,
            Some(_) => {
                let full = queues_that_were_full();
                let others = full.saturating_sub(core::mem::replace(&mut self.full, full));
                fresh.min(others)
            }
        };
        self.overflowed += overflowed;
        self.filtered += fresh - overflowed;
    }
}

/// What the socket lost since it was made, for whatever reason.
fn losses(socket: &UdpSocket) -> Option<u32> {
    memory(socket).map(|said| said[MEMINFO_DROPS])
}

/// What the kernel says of the socket's memory.
fn memory(socket: &UdpSocket) -> Option<[u32; MEMINFO_DROPS + 1]> {
    let mut said = [0_u32; MEMINFO_DROPS + 1];
    let mut length = size_of_val(&said) as libc::socklen_t;
    // SAFETY: writes at most so many octets, and how many.
    let rc = unsafe {
        let value = said.as_mut_ptr().cast();
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, SO_MEMINFO, value, &raw mut length)
    };
    (rc == 0 && length as usize == size_of_val(&said)).then_some(said)
}

/// Datagrams that any socket of this network namespace lost because its queue was full.
fn queues_that_were_full() -> u64 {
    let read = |name| std::fs::read_to_string(name).unwrap_or_default();
    let (v4, v6) = (read("/proc/thread-self/net/snmp"), read("/proc/thread-self/net/snmp6"));
    full_v4(&v4) + full_v6(&v6)
}

fn full_v4(text: &str) -> u64 {
    let mut lines = text.lines().filter(|line| line.starts_with("Udp:"));
    let (Some(names), Some(counts)) = (lines.next(), lines.next()) else { return 0 };
    let found = names.split_whitespace().zip(counts.split_whitespace()).find(|(name, _)| *name == "RcvbufErrors");
    found.and_then(|(_, count)| count.parse().ok()).unwrap_or(0)
}

fn full_v6(text: &str) -> u64 {
    let count = text.lines().find_map(|line| line.strip_prefix("Udp6RcvbufErrors"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

/// The kernel takes the place of an older filter at once: no datagram sees both, or none.
fn attach(fd: RawFd, program: &Program) -> Result<()> {
    let raw = |one: &Instruction| Raw { code: one.code, if_true: one.if_true, if_false: one.if_false, k: one.k };
    let instructions: Vec<Raw> = program.instructions().iter().map(raw).collect();
    let length = u16::try_from(instructions.len()).map_err(|_| Error::from_raw_os_error(libc::EINVAL))?;
    let attached = Attached { length, program: instructions.as_ptr() };
    let (value, size) = ((&raw const attached).cast(), size_of::<Attached>() as libc::socklen_t);
    // SAFETY: reads the header and so many instructions, which live as long as the call.
    check(unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, value, size) }).map(drop)
}

fn detach(fd: RawFd) -> Result<()> {
    let nothing: libc::c_int = 0;
    let (value, size) = ((&raw const nothing).cast(), size_of::<libc::c_int>() as libc::socklen_t);
    // SAFETY: reads one int.
    check(unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_DETACH_FILTER, value, size) }).map(drop)
}

/// Lets the kernel show on sockets of our own that it does what the program says: the very program refuses a stranger,
/// and one of the same making lets that address pass when it is one of the configured.
fn prove(program: &Program, allowed: &Allowed) -> Result<()> {
    let why = |text: &str| Error::other(format!("the filter's proof failed: {text}"));
    let stranger = (1..=254).map(|n| IpAddr::from(Ipv4Addr::new(127, 83, 71, n)));
    let stranger = stranger.into_iter().find(|address| !allowed.contains(*address));
    let stranger = stranger.ok_or_else(|| why("no address of the loopback is left"))?;
    let to = Ipv4Addr::LOCALHOST.into();
    if heard(program, stranger, to)? >= STRANGERS {
        return Err(why("a stranger passes"));
    }
    let wider = allowed.and(stranger).program().unwrap_or_else(|| program.clone());
    if wider != *program && heard(&wider, stranger, to)? != STRANGERS {
        return Err(why("one that is configured does not pass"));
    }
    let six = IpAddr::from(Ipv6Addr::LOCALHOST);
    match allowed.and(six).program() {
        // A host without IPv6 has nothing to prove there.
        Some(wider) if heard(&wider, six, six).is_ok_and(|count| count != STRANGERS) => {
            Err(why("one that is configured does not pass over IPv6"))
        }
        Some(_) | None => Ok(()),
    }
}

/// How many of [`STRANGERS`] datagrams pass the program.
fn heard(program: &Program, from: IpAddr, to: IpAddr) -> Result<usize> {
    let (receiver, sender) = (UdpSocket::bind((to, 0))?, UdpSocket::bind((from, 0))?);
    receiver.set_nonblocking(true)?;
    attach(receiver.as_raw_fd(), program)?;
    let at: SocketAddr = receiver.local_addr()?;
    for _ in 0..STRANGERS {
        udp::send(&sender, b"proof", at)?;
    }
    let mut room = [0; 16];
    Ok((0..STRANGERS).take_while(|_| receiver.recv_from(&mut room).is_ok()).count())
}

#[cfg(test)]
mod tests {
    use super::super::udp::Batch;
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn sender(from: &str) -> UdpSocket {
        UdpSocket::bind((address(from), 0)).expect("a socket")
    }

    /// Senders of all that waits, in order.
    fn heard_from(socket: &UdpSocket) -> Vec<IpAddr> {
        let (mut batch, mut all) = (Batch::default(), Vec::new());
        loop {
            batch.refill(socket);
            match batch.read() {
                Some((from, _)) => all.push(from.ip()),
                None => return all,
            }
        }
    }

    fn wanted(allowed: &Allowed) -> Option<(Program, Allowed)> {
        Some((allowed.program().expect("few enough"), allowed.clone()))
    }

    /// On sockets for IPv4, and for both families: there an IPv4 sender is written as IPv6, and filtered as IPv4.
    #[test]
    fn the_kernel_lets_pass_who_is_configured_and_samples_the_others() {
        const MANY: usize = 4096;
        for listen in ["127.0.0.1:0", "[::]:0"] {
            let socket = udp::bind_traps(listen.parse().expect("an address")).expect("a socket");
            let to = SocketAddr::new(address("127.0.0.1"), socket.local_addr().expect("bound").port());
            let allowed = Allowed::new((2..40).map(|n| IpAddr::from(Ipv4Addr::new(127, 0, 0, n))));
            let mut intake = Intake::default();
            intake.filter(Some(&socket), wanted(&allowed)).expect("attached");
            let (bmc, stranger) = (sender("127.0.0.9"), sender("127.0.0.90"));
            let (mut own, mut samples) = (0, 0);
            for _ in 0..MANY {
                udp::send(&bmc, &[1], to).expect("sent");
                udp::send(&stranger, &[2], to).expect("sent");
                for from in heard_from(&socket) {
                    if from == address("127.0.0.9") { own += 1 } else { samples += 1 }
                }
            }
            assert_eq!(own, MANY, "{listen}");
            // 64 are expected; 8 in either direction is one standard deviation.
            assert!((16..=160).contains(&samples), "{listen}: {samples}");
            let (filtered, overflowed) = intake.counts(Some(&socket));
            assert_eq!(filtered + overflowed, (MANY - samples) as u64, "{listen}");

            intake.filter(Some(&socket), None).expect("taken off");
            udp::send(&stranger, &[2], to).expect("sent");
            assert_eq!(heard_from(&socket), [address("127.0.0.90")], "{listen}");
        }
    }

    #[test]
    fn over_ipv6_as_well() {
        let socket = udp::bind_traps("[::1]:0".parse().expect("an address")).expect("a socket");
        let to = socket.local_addr().expect("bound");
        let stranger = sender("::1");
        let mut intake = Intake::default();
        for (others, passed) in [(vec![address("2001:db8::1")], false), (vec![address("::1")], true)] {
            intake.filter(Some(&socket), wanted(&Allowed::new(others))).expect("attached");
            for _ in 0..STRANGERS {
                udp::send(&stranger, &[1], to).expect("sent");
            }
            let count = heard_from(&socket).len();
            assert!(if passed { count == STRANGERS } else { count < STRANGERS }, "{count}");
        }
    }

    #[test]
    fn a_full_queue_is_told_from_a_filter() {
        let socket = udp::bind_traps("127.0.0.1:0".parse().expect("an address")).expect("a socket");
        let to = socket.local_addr().expect("bound");
        let (bmc, stranger) = (sender("127.0.0.1"), sender("127.0.0.2"));
        let mut intake = Intake::default();
        assert_eq!(intake.counts(Some(&socket)), (0, 0));
        let burst = || (0..40_000).for_each(|_| drop(udp::send(&bmc, &[0; 64], to)));
        burst();
        let kept = heard_from(&socket).len() as u64;
        assert_eq!(intake.counts(Some(&socket)), (0, 40_000 - kept), "no filter: all of it was the queue");

        intake.filter(Some(&socket), wanted(&Allowed::new([address("127.0.0.1")]))).expect("attached");
        for _ in 0..1000 {
            udp::send(&stranger, &[0], to).expect("sent");
        }
        let samples = heard_from(&socket).len() as u64;
        let (filtered, before) = intake.counts(Some(&socket));
        assert_eq!(filtered + before, 1000 - samples + 40_000 - kept);
        burst();
        let kept_too = heard_from(&socket).len() as u64;
        let (still, after) = intake.counts(Some(&socket));
        assert_eq!(still + after, filtered + before + 40_000 - kept_too);
        assert!(after - before >= 40_000 - kept_too, "it is not taken for the filter's: {after}, {before}, {kept_too}");
    }

    #[test]
    fn a_filter_that_does_not_do_what_it_should_is_not_attached() {
        let own = Allowed::new([address("127.0.0.1")]);
        let everyone = Allowed::new((1..=200).map(|n| IpAddr::from(Ipv4Addr::new(127, 83, 71, n))));
        let wrong = everyone.program().expect("few enough"); // lets the stranger of the proof pass
        let socket = udp::bind_traps("127.0.0.1:0".parse().expect("an address")).expect("a socket");
        let mut intake = Intake::default();
        let done = intake.filter(Some(&socket), Some((wrong, own.clone())));
        assert!(done.is_err_and(|error| error.to_string().contains("a stranger passes")));
        udp::send(&sender("127.0.0.2"), &[1], socket.local_addr().expect("bound")).expect("sent");
        assert_eq!(heard_from(&socket).len(), 1, "there is none");
    }

    #[test]
    fn what_waited_before_is_known() {
        let mut intake = Intake::default();
        intake.took(0, 16);
        assert!(!intake.is_read(), "nothing was attached");
        (intake.unread, intake.emptied) = (true, false);
        intake.took(16, 16);
        assert!(!intake.is_read());
        intake.took(3, 16);
        assert!(intake.is_read() && !intake.is_read(), "once");
    }

    #[test]
    fn the_hosts_counts_as_the_kernel_writes_them() {
        let text =
            "Ip: A B\nIp: 1 2\nUdp: InDatagrams NoPorts InErrors RcvbufErrors\nUdp: 5 6 7 8\nUdpLite: InDatagrams\n";
        assert_eq!((full_v4(text), full_v4(""), full_v4("Udp: RcvbufErrors\n")), (8, 0, 0));
        let text = "Udp6InErrors    \t4\nUdp6RcvbufErrors                \t9\n";
        assert_eq!((full_v6(text), full_v6("")), (9, 0));
    }
}
