//! UDP sockets: bound with an error that says who is in the way, read until they are empty, written in batches.

use super::sys::check;
use std::io::{Error, ErrorKind, Result};
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr::null_mut;

/// Limit: octets of the receive queue we ask for, so that a burst waits in the kernel while a callback runs: some ten
/// thousand traps. It is memory only while they wait.
const RECEIVE_QUEUE_BYTES: libc::c_int = 8 << 20;
/// Limit: octets of the queues to and from BMCs that we ask for: ten thousand of them may answer while we are away,
/// and the kernel counts some 800 for the shortest datagram, of twice as much as was asked for.
const BMC_QUEUE_BYTES: libc::c_int = 8 << 20;

/// Binds the socket that traps come to.
///
/// Never shared: without SO_REUSEADDR a second listener on the port is an error and not a thief.
pub fn bind_traps(address: SocketAddr) -> Result<UdpSocket> {
    let socket = bind(address)?;
    ask_for(&socket, (libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), RECEIVE_QUEUE_BYTES)?;
    Ok(socket)
}

/// Binds the socket that BMCs of `peer`'s family are asked from, on any port.
pub fn bind_client(ipv6: bool) -> Result<UdpSocket> {
    let any: IpAddr = if ipv6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    let socket = bind(SocketAddr::new(any, 0))?;
    ask_for(&socket, (libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), BMC_QUEUE_BYTES)?;
    ask_for(&socket, (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF), BMC_QUEUE_BYTES)?;
    Ok(socket)
}

/// Octets of the trap socket's receive queue that were asked for, and that the kernel granted: it doubles what it
/// grants, for its own book-keeping, and tells the double.
pub fn queue(socket: &UdpSocket) -> (u64, u64) {
    let (mut said, mut length): (libc::c_int, _) = (0, size_of::<libc::c_int>() as libc::socklen_t);
    // SAFETY: writes one int, and how long it is.
    let rc = unsafe {
        let value = (&raw mut said).cast();
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, value, &raw mut length)
    };
    let granted = if rc == 0 { u64::try_from(said / 2).unwrap_or(0) } else { 0 };
    (RECEIVE_QUEUE_BYTES as u64, granted)
}

/// The same of a trap socket that this process would bind.
pub fn would_be_granted() -> Option<(u64, u64)> {
    bind_traps((Ipv4Addr::LOCALHOST, 0).into()).ok().map(|socket| queue(&socket))
}

fn bind(address: SocketAddr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Asks for a queue of this size: beyond the kernel's own bound only with CAP_NET_ADMIN, less than asked for is no error.
fn ask_for(socket: &UdpSocket, (force, ask): (libc::c_int, libc::c_int), octets: libc::c_int) -> Result<()> {
    // SAFETY: reads one int.
    let set = |option| unsafe {
        let value = (&raw const octets).cast();
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, value, size_of::<libc::c_int>() as u32)
    };
    if set(force) < 0 {
        check(set(ask))?;
    }
    Ok(())
}

/// Limit: datagrams of one system call, in or out, and so from one socket in one pump.
pub const BATCH: usize = 32;
/// Datagrams of a system call that will hardly find more: to prepare for many costs more than most calls bring.
const FEW: usize = 4;
/// Room for the largest UDP payload (65,507 octets), and some lines of the cache more: at a distance of a power of two
/// the beginnings of all datagrams, which is mostly all of them, would compete for the same few places in it.
const SLOT_BYTES: usize = 65_536 + 5 * 64;

/// Room for the datagrams of one system call, of any size: 1 MB of addresses, of which only what was once
/// written to is resident.
#[derive(Debug)]
pub struct Batch {
    octets: Box<[u8]>,
    taken: Vec<(usize, Option<SocketAddr>)>,
    /// The next one to be read.
    next: usize,
    /// The last call has found as many as it could take.
    many: bool,
}

impl Default for Batch {
    fn default() -> Self {
        Self { octets: vec![0; BATCH * SLOT_BYTES].into(), taken: Vec::with_capacity(BATCH), next: 0, many: false }
    }
}

impl Batch {
    /// Receives what waits in the queue, at most [`BATCH`]; unless something is left of what was received
    /// before, which comes first. How many came, of how many that could; none: it was not asked.
    ///
    /// Errors that belong to an earlier send (ICMP: port unreachable, ...) are not ours to report here: the
    /// session notices the silence. They are skipped, a bounded number of times.
    pub fn refill(&mut self, socket: &UdpSocket) -> Option<(usize, usize)> {
        const ERRORS_IN_A_ROW: usize = 16;
        if self.next < self.taken.len() {
            return None;
        }
        for _ in 0..ERRORS_IN_A_ROW {
            let (most, received) = match self.many {
                true => (BATCH, self.try_receive::<BATCH>(socket)),
                false => (FEW, self.try_receive::<FEW>(socket)),
            };
            let count = match received {
                Err(error) if error.kind() != ErrorKind::WouldBlock => continue,
                Ok(count) => count,
                Err(_) => 0,
            };
            self.many = count == most;
            return Some((count, most));
        }
        None
    }

    /// The next one. It counts as read before it is looked at: what a defect makes of it, it is not read again,
    /// and those behind it are not lost.
    pub fn read(&mut self) -> Option<(SocketAddr, &[u8])> {
        loop {
            let place = self.next;
            let &(length, from) = self.taken.get(place)?;
            self.next += 1;
            let start = place * SLOT_BYTES;
            if let Some(from) = from {
                return Some((from, self.octets.get(start..start + length)?));
            } // the kernel named no sender
        }
    }

    fn try_receive<const MOST: usize>(&mut self, socket: &UdpSocket) -> Result<usize> {
        self.taken.clear();
        self.next = 0;
        // SAFETY: all zero is a header without buffers, and an address of no family.
        let mut headers: [libc::mmsghdr; MOST] = unsafe { zeroed() };
        let mut senders: [libc::sockaddr_in6; MOST] = unsafe { zeroed() };
        let mut slices: [libc::iovec; MOST] = unsafe { zeroed() };
        for (place, octets) in self.octets.chunks_exact_mut(SLOT_BYTES).take(MOST).enumerate() {
            slices[place] = libc::iovec { iov_base: octets.as_mut_ptr().cast(), iov_len: SLOT_BYTES };
            let header = &mut headers[place].msg_hdr;
            (header.msg_iov, header.msg_iovlen) = (&raw mut slices[place], 1);
            // Large enough for both families.
            header.msg_name = (&raw mut senders[place]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
        }
        let (fd, flags) = (socket.as_raw_fd(), libc::MSG_DONTWAIT);
        // SAFETY: MOST headers, each with a buffer and an address of ours that live as long as the call.
        let count = unsafe { libc::recvmmsg(fd, headers.as_mut_ptr(), MOST as u32, flags as _, null_mut()) };
        let count = check(count)? as usize;
        let taken = headers.iter().zip(&senders).take(count);
        self.taken.extend(taken.map(|(header, sender)| (header.msg_len as usize, address(sender))));
        Ok(count)
    }
}

/// An address as the kernel wrote it, in the room of the larger family.
fn address(sender: &libc::sockaddr_in6) -> Option<SocketAddr> {
    match libc::c_int::from(sender.sin6_family) {
        libc::AF_INET => {
            // SAFETY: the family says that it is one; it is smaller and needs no stricter alignment.
            let sender = unsafe { &*(&raw const *sender).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(sender.sin_addr.s_addr));
            Some(SocketAddr::from((ip, u16::from_be(sender.sin_port))))
        }
        libc::AF_INET6 => {
            let ip = Ipv6Addr::from(sender.sin6_addr.s6_addr);
            let (port, flow, scope) = (u16::from_be(sender.sin6_port), sender.sin6_flowinfo, sender.sin6_scope_id);
            Some(canonical(SocketAddrV6::new(ip, port, u32::from_be(flow), scope).into()))
        }
        _ => None,
    }
}

/// Datagrams that go out together, in order, through one socket.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: Vec<(SocketAddr, Vec<u8>)>,
}

impl Outbox {
    /// Adds one; whether it is time to send them.
    pub fn push(&mut self, to: SocketAddr, bytes: Vec<u8>) -> bool {
        self.waiting.push((to, bytes));
        self.waiting.len() >= BATCH
    }

    /// Sends all without blocking, and says how many the kernel did not take.
    pub fn send(&mut self, socket: &UdpSocket) -> u64 {
        let unsent = match self.waiting.as_slice() {
            [] => 0,
            [(to, bytes)] => u64::from(send(socket, bytes, *to).is_err()),
            many => many.chunks(BATCH).map(|some| send_some(socket, some)).sum(),
        };
        self.waiting.clear();
        unsent
    }

    /// Gives up all: there is no socket for them. How many they were.
    pub fn lose(&mut self) -> u64 {
        self.waiting.drain(..).count() as u64
    }
}

/// At most [`BATCH`] of them, in order; how many the kernel did not take. One that it does not take holds no other up.
fn send_some(socket: &UdpSocket, mut datagrams: &[(SocketAddr, Vec<u8>)]) -> u64 {
    // SAFETY: all zero is a header without buffers, and an address of no family.
    let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
    let mut receivers: [libc::sockaddr_in6; BATCH] = unsafe { zeroed() };
    let mut slices: [libc::iovec; BATCH] = unsafe { zeroed() };
    for (place, (to, bytes)) in datagrams.iter().take(BATCH).enumerate() {
        // sendmmsg only reads what it points at.
        slices[place] = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        let header = &mut headers[place].msg_hdr;
        (header.msg_iov, header.msg_iovlen) = (&raw mut slices[place], 1);
        header.msg_namelen = put(*to, &mut receivers[place]);
        header.msg_name = (&raw mut receivers[place]).cast();
    }
    let (mut first, mut unsent) = (0, 0);
    while !datagrams.is_empty() {
        let (fd, count, flags) = (socket.as_raw_fd(), datagrams.len() as u32, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL);
        // SAFETY: so many headers are left, each with a buffer and an address that live as long as the call.
        let sent = unsafe { libc::sendmmsg(fd, headers[first..].as_mut_ptr(), count, flags as _) };
        // An error is that of the first one, which is lost like any datagram.
        let done = match check(sent) {
            Ok(sent) if sent > 0 => sent as usize,
            Ok(_) | Err(_) => {
                unsent += 1;
                1
            }
        };
        (first, datagrams) = (first + done, datagrams.get(done..).unwrap_or_default());
    }
    unsent
}

/// Writes an address as the kernel reads it, in the room of the larger family; its length.
fn put(to: SocketAddr, room: &mut libc::sockaddr_in6) -> libc::socklen_t {
    match to {
        SocketAddr::V4(to) => {
            // SAFETY: it is smaller, of the same beginning, and needs no stricter alignment.
            let room = unsafe { &mut *(&raw mut *room).cast::<libc::sockaddr_in>() };
            room.sin_family = libc::AF_INET as libc::sa_family_t;
            room.sin_port = to.port().to_be();
            room.sin_addr.s_addr = u32::from(*to.ip()).to_be();
            size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        SocketAddr::V6(to) => {
            room.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            room.sin6_port = to.port().to_be();
            room.sin6_flowinfo = to.flowinfo().to_be();
            room.sin6_addr.s6_addr = to.ip().octets();
            room.sin6_scope_id = to.scope_id();
            size_of::<libc::sockaddr_in6>() as libc::socklen_t
        }
    }
}

/// Sends without blocking; a full queue is an error like any other, for the caller to count.
pub fn send(socket: &UdpSocket, bytes: &[u8], to: SocketAddr) -> Result<()> {
    // std sends with MSG_NOSIGNAL.
    let sent = socket.send_to(bytes, to)?;
    if sent == bytes.len() { Ok(()) } else { Err(Error::from(ErrorKind::WriteZero)) }
}

/// An IPv4 address that came in over an IPv6 socket, as IPv4.
fn canonical(from: SocketAddr) -> SocketAddr {
    SocketAddr::new(from.ip().to_canonical(), from.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiver(ip: IpAddr) -> (UdpSocket, SocketAddr) {
        let socket = bind(SocketAddr::new(ip, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    /// All that waits at a socket, in order.
    fn heard(socket: &UdpSocket) -> Vec<Vec<u8>> {
        let (mut batch, mut heard) = (Batch::default(), Vec::new());
        loop {
            batch.refill(socket);
            match batch.read() {
                Some((_, bytes)) => heard.push(bytes.to_vec()),
                None => return heard,
            }
        }
    }

    #[test]
    fn what_goes_out_together_keeps_its_order() {
        for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            let from = bind_client(ip.is_ipv6()).unwrap();
            let bmcs = [receiver(ip), receiver(ip)];
            let mut outbox = Outbox::default();
            let full: Vec<bool> = (0..100).map(|n| outbox.push(bmcs[n % 2].1, vec![n as u8])).collect();
            assert_eq!(full.iter().position(|full| *full), Some(BATCH - 1), "then it is time");
            assert_eq!(outbox.send(&from), 0);
            for (first, (bmc, _)) in bmcs.iter().enumerate() {
                assert_eq!(heard(bmc), Vec::from_iter((first as u8..100).step_by(2).map(|n| vec![n])), "{ip}");
            }
            assert_eq!(outbox.send(&from), 0, "once");
            outbox.push(bmcs[0].1, vec![7]);
            assert_eq!((outbox.send(&from), heard(&bmcs[0].0)), (0, vec![vec![7]]), "one alone");
        }
    }

    #[test]
    fn one_that_is_not_taken_holds_no_other_up() {
        let from = bind_client(false).unwrap();
        let (bmc, to) = receiver(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let mut outbox = Outbox::default();
        let too_long = || vec![0; 70_000];
        for bytes in [too_long(), vec![1], too_long(), too_long(), vec![2], vec![3], too_long()] {
            outbox.push(to, bytes);
        }
        assert_eq!((outbox.send(&from), heard(&bmc)), (4, vec![vec![1], vec![2], vec![3]]));
        outbox.push(to, too_long());
        assert_eq!(outbox.send(&from), 1);
        outbox.push(to, vec![4]);
        assert_eq!((outbox.lose(), outbox.send(&from), heard(&bmc)), (1, 0, vec![]));
    }

    #[test]
    fn ten_thousand_answers_wait_for_us() {
        let asked = bind_client(false).unwrap();
        let to = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), asked.local_addr().unwrap().port());
        let (mut queue, mut length): (libc::c_int, _) = (0, size_of::<libc::c_int>() as libc::socklen_t);
        let (value, option) = ((&raw mut queue).cast(), libc::SO_RCVBUF);
        // SAFETY: writes one int.
        check(unsafe { libc::getsockopt(asked.as_raw_fd(), libc::SOL_SOCKET, option, value, &mut length) }).unwrap();
        let allowed = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap().trim().parse().unwrap();
        assert!(queue / 2 >= BMC_QUEUE_BYTES.min(allowed), "the kernel doubles what is asked for: {queue}");

        let (from, _) = receiver(Ipv4Addr::LOCALHOST.into());
        for _ in 0..10_000 {
            send(&from, &[0; 68], to).unwrap();
        }
        let least = if queue / 2 >= BMC_QUEUE_BYTES { 10_000 } else { queue as usize / 1280 };
        assert!(heard(&asked).len() >= least, "of a queue of {queue}");
    }
}
