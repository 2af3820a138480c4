//! One UDP socket that stands for many addresses: it says to which of them a datagram came, and answers from that one.
//!
//! Feature `sim` only. The socket is bound to the wildcard address, and IP_PKTINFO tells and takes the addresses. A
//! fleet of loopback addresses alone listens on the loopback interface alone: see [`Socket::bind`].

use crate::io::sys::check;
use std::collections::VecDeque;
use std::io::{Error, ErrorKind, Result};
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::null_mut;

/// Limit: octets of the receive queue that a fleet asks for: ten thousand probes that come at once.
const QUEUE_BYTES: libc::c_int = 16 << 20;
/// Limit: datagrams of one system call of a fleet, in and out.
const BATCH: usize = 64;
/// Limit: octets of a datagram to a BMC of a fleet; a longer one is dropped. RMCP+ needs some hundreds.
const DATAGRAM_MAX: usize = 2048;
/// Limit: datagrams that a fleet has to send at once; more are lost, like any.
const UNSENT_MAX: usize = 65_536;
/// Room for the one thing that the kernel says beside a datagram, and takes beside one.
const CONTROL_BYTES: usize = {
    // SAFETY: arithmetic alone.
    unsafe { libc::CMSG_SPACE(size_of::<libc::in_pktinfo>() as u32) as usize }
};

/// What stands beside a datagram, aligned as its header wants it.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_BYTES]);

/// A datagram that came in.
#[derive(Debug, Clone, Copy)]
struct Taken {
    /// Its place in the buffer; which of them it stands in is its place in the list.
    length: usize,
    from: SocketAddrV4,
    to: Ipv4Addr,
}

/// A datagram that goes out.
struct Unsent {
    from: Ipv4Addr,
    to: SocketAddrV4,
    bytes: Vec<u8>,
}

/// The socket, with what came in and what is to go out.
pub(super) struct Socket {
    socket: UdpSocket,
    /// The index of the loopback interface, if nothing else is listened to.
    only: Option<libc::c_int>,
    port: u16,
}

impl Socket {
    /// Binds `port` (0: any) of every address. With `loopback` nothing is taken that did not come over the loopback
    /// interface from a loopback address, whatever the host's routes say; and where the kernel permits it, the socket
    /// does not even hear of others.
    pub fn bind(port: u16, loopback: bool) -> Result<Self> {
        let flags = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: no pointer is passed.
        let fd = check(unsafe { libc::socket(libc::AF_INET, flags, 0) })?;
        // SAFETY: a descriptor that the kernel just gave to us alone.
        let socket = UdpSocket::from(unsafe { OwnedFd::from_raw_fd(fd) });
        let set = |level, option, value: libc::c_int| {
            let size = size_of::<libc::c_int>() as libc::socklen_t;
            // SAFETY: reads one int.
            check(unsafe { libc::setsockopt(fd, level, option, (&raw const value).cast(), size) })
        };
        set(libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
        // Beyond rmem_max only with CAP_NET_ADMIN; less than asked for is no error.
        if set(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, QUEUE_BYTES).is_err() {
            set(libc::SOL_SOCKET, libc::SO_RCVBUF, QUEUE_BYTES)?;
        }
        let only = if loopback { Some(confine(fd)?) } else { None };
        let any = raw(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port));
        // SAFETY: an address of ours, with its size.
        check(unsafe { libc::bind(fd, (&raw const any).cast(), size_of::<libc::sockaddr_in>() as libc::socklen_t) })?;
        let port = socket.local_addr()?.port();
        Ok(Self { socket, only, port })
    }

    /// The port of all addresses.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether a datagram that came over this interface is to be looked at.
    fn takes(&self, interface: libc::c_int, from: SocketAddrV4) -> bool {
        self.only.is_none_or(|only| only == interface && from.ip().is_loopback())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Keeps the socket to the loopback interface, whose index it returns.
fn confine(fd: libc::c_int) -> Result<libc::c_int> {
    let name = c"lo";
    // SAFETY: a string that ends in NUL.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    if index == 0 {
        return Err(Error::last_os_error());
    }
    let (value, size) = (name.as_ptr().cast(), name.to_bytes_with_nul().len() as libc::socklen_t);
    // SAFETY: reads the name, of this size.
    let bound = check(unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, value, size) });
    match bound {
        // Before Linux 5.7 it takes CAP_NET_RAW. What comes from elsewhere is then dropped by us.
        Err(error) if error.kind() != ErrorKind::PermissionDenied => Err(error),
        Ok(_) | Err(_) => Ok(index as libc::c_int),
    }
}

/// An address as the kernel wants it.
fn raw(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*address.ip()).to_be() },
        sin_zero: [0; 8],
    }
}

/// Room for the datagrams of one system call.
pub(super) struct Inbox {
    octets: Box<[u8]>,
    taken: Vec<Option<Taken>>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self { octets: vec![0; BATCH * DATAGRAM_MAX].into(), taken: Vec::with_capacity(BATCH) }
    }
}

impl Inbox {
    /// Receives what waits in the queue, at most [`BATCH`] datagrams. Errors of earlier sends are skipped.
    pub fn refill(&mut self, socket: &Socket) {
        const ERRORS_IN_A_ROW: usize = 16;
        for _ in 0..ERRORS_IN_A_ROW {
            match self.receive(socket) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => {}
                Ok(()) | Err(_) => return,
            }
        }
    }

    /// What came: to whom, from whom, and what.
    pub fn datagrams(&self) -> impl Iterator<Item = (Ipv4Addr, SocketAddr, &[u8])> {
        let slots = self.octets.chunks_exact(DATAGRAM_MAX);
        self.taken.iter().zip(slots).filter_map(|(taken, slot)| {
            let taken = (*taken)?;
            Some((taken.to, taken.from.into(), slot.get(..taken.length)?))
        })
    }

    fn receive(&mut self, socket: &Socket) -> Result<()> {
        self.taken.clear();
        // SAFETY: all zero is a header without buffers, and an address of no family.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
        let mut senders: [libc::sockaddr_in; BATCH] = unsafe { zeroed() };
        let mut slices: [libc::iovec; BATCH] = unsafe { zeroed() };
        let mut controls = [Control([0; CONTROL_BYTES]); BATCH];
        for (place, octets) in self.octets.chunks_exact_mut(DATAGRAM_MAX).enumerate() {
            slices[place] = libc::iovec { iov_base: octets.as_mut_ptr().cast(), iov_len: DATAGRAM_MAX };
            let header = &mut headers[place].msg_hdr;
            (header.msg_iov, header.msg_iovlen) = (&raw mut slices[place], 1);
            header.msg_name = (&raw mut senders[place]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_control = controls[place].0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL_BYTES as _;
        }
        let (fd, flags) = (socket.socket.as_raw_fd(), libc::MSG_DONTWAIT);
        // SAFETY: BATCH headers, each with buffer, address and control of ours that live as long as the call.
        let count = unsafe { libc::recvmmsg(fd, headers.as_mut_ptr(), BATCH as u32, flags as _, null_mut()) };
        let count = check(count)? as usize;
        let came = headers.iter().zip(&senders).take(count);
        self.taken.extend(came.map(|(header, sender)| taken(socket, header, sender)));
        Ok(())
    }
}

/// A datagram as the kernel described it; none if it is not to be looked at.
fn taken(socket: &Socket, header: &libc::mmsghdr, sender: &libc::sockaddr_in) -> Option<Taken> {
    let whole = header.msg_hdr.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) == 0;
    if !whole || libc::c_int::from(sender.sin_family) != libc::AF_INET {
        return None;
    }
    let from = SocketAddrV4::new(u32::from_be(sender.sin_addr.s_addr).into(), u16::from_be(sender.sin_port));
    let info = pktinfo(&header.msg_hdr)?;
    let to = Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr));
    let taken = Taken { length: header.msg_len as usize, from, to };
    socket.takes(info.ipi_ifindex, from).then_some(taken)
}

/// To which address and over which interface it came.
fn pktinfo(header: &libc::msghdr) -> Option<libc::in_pktinfo> {
    // SAFETY: the header and its control are ours and as the kernel left them; the macros stay within its length.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(header);
        while let Some(control) = next.as_ref() {
            if (control.cmsg_level, control.cmsg_type) == (libc::IPPROTO_IP, libc::IP_PKTINFO) {
                return Some(libc::CMSG_DATA(next).cast::<libc::in_pktinfo>().read_unaligned());
            }
            next = libc::CMSG_NXTHDR(header, next);
        }
    }
    None
}

/// What is to go out.
#[derive(Default)]
pub(super) struct Outbox {
    unsent: VecDeque<Unsent>,
}

impl Outbox {
    /// Puts a datagram behind the others. One to an IPv6 address is lost: the socket has none.
    pub fn push(&mut self, from: Ipv4Addr, to: SocketAddr, bytes: Vec<u8>) {
        if let SocketAddr::V4(to) = to
            && self.unsent.len() < UNSENT_MAX
        {
            self.unsent.push_back(Unsent { from, to, bytes });
        }
    }

    /// Sends all. One that the kernel does not take is lost, like any.
    pub fn flush(&mut self, socket: &Socket) {
        while !self.unsent.is_empty() {
            // Where it stopped, the first one is the one that was refused.
            let gone = self.send(socket).unwrap_or(1);
            self.unsent.drain(..gone.clamp(1, self.unsent.len()));
        }
    }

    fn send(&mut self, socket: &Socket) -> Result<usize> {
        // SAFETY: all zero is a header without buffers, and an address of no family.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
        let mut receivers: [libc::sockaddr_in; BATCH] = unsafe { zeroed() };
        let mut slices: [libc::iovec; BATCH] = unsafe { zeroed() };
        let mut controls = [Control([0; CONTROL_BYTES]); BATCH];
        let count = self.unsent.len().min(BATCH);
        for (place, unsent) in self.unsent.iter_mut().take(BATCH).enumerate() {
            receivers[place] = raw(unsent.to);
            slices[place] = libc::iovec { iov_base: unsent.bytes.as_mut_ptr().cast(), iov_len: unsent.bytes.len() };
            let header = &mut headers[place].msg_hdr;
            (header.msg_iov, header.msg_iovlen) = (&raw mut slices[place], 1);
            header.msg_name = (&raw mut receivers[place]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_control = controls[place].0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL_BYTES as _;
            speak_as(header, unsent.from);
        }
        let (fd, flags) = (socket.socket.as_raw_fd(), libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL);
        // SAFETY: `count` headers, each with buffer, address and control of ours that live as long as the call.
        let sent = unsafe { libc::sendmmsg(fd, headers.as_mut_ptr(), count as u32, flags as _) };
        check(sent).map(|sent| sent as usize)
    }
}

/// Writes into the header's control that the datagram goes out from this address.
fn speak_as(header: &mut libc::msghdr, from: Ipv4Addr) {
    let info = libc::in_pktinfo {
        ipi_ifindex: 0,
        ipi_spec_dst: libc::in_addr { s_addr: u32::from(from).to_be() },
        ipi_addr: libc::in_addr { s_addr: 0 },
    };
    // SAFETY: the header's control is ours and has room for exactly this.
    unsafe {
        if let Some(control) = libc::CMSG_FIRSTHDR(header).as_mut() {
            (control.cmsg_level, control.cmsg_type) = (libc::IPPROTO_IP, libc::IP_PKTINFO);
            control.cmsg_len = libc::CMSG_LEN(size_of::<libc::in_pktinfo>() as u32) as _;
            libc::CMSG_DATA(control).cast::<libc::in_pktinfo>().write_unaligned(info);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> UdpSocket {
        let client = UdpSocket::bind(address).unwrap();
        client.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
        client
    }

    /// What came within a second.
    fn next(inbox: &mut Inbox, socket: &Socket) -> Vec<(Ipv4Addr, SocketAddr, Vec<u8>)> {
        for _ in 0..1000 {
            inbox.refill(socket);
            let came: Vec<_> = inbox.datagrams().map(|(to, from, bytes)| (to, from, bytes.to_vec())).collect();
            if !came.is_empty() {
                return came;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        Vec::new()
    }

    #[test]
    fn it_hears_to_whom_and_speaks_as_whom() {
        let (a, b) = (Ipv4Addr::new(127, 9, 8, 7), Ipv4Addr::new(127, 200, 1, 2));
        let (socket, client) = (Socket::bind(0, true).unwrap(), client("127.3.0.1:0"));
        let (mut inbox, mut outbox, here) = (Inbox::default(), Outbox::default(), client.local_addr().unwrap());
        client.send_to(b"to b", (b, socket.port())).unwrap();
        assert_eq!(next(&mut inbox, &socket), [(b, here, b"to b".to_vec())]);
        for from in [a, b] {
            outbox.push(from, here, from.octets().to_vec());
        }
        outbox.flush(&socket);
        let mut bytes = [0; 8];
        for from in [a, b] {
            assert_eq!(client.recv_from(&mut bytes).unwrap(), (4, (from, socket.port()).into()));
            assert_eq!(bytes[..4], from.octets());
        }
    }

    #[test]
    fn what_the_kernel_does_not_take_is_lost_alone() {
        let (socket, client) = (Socket::bind(0, true).unwrap(), client("127.0.0.1:0"));
        let (mut outbox, here) = (Outbox::default(), client.local_addr().unwrap());
        let own = Ipv4Addr::new(127, 9, 8, 7);
        outbox.push(own, here, vec![1]);
        outbox.push(Ipv4Addr::new(192, 0, 2, 1), here, vec![2]); // not ours
        outbox.push(own, (Ipv4Addr::new(192, 0, 2, 1), 9).into(), vec![3]); // not from loopback
        outbox.push(own, "[::1]:9".parse().unwrap(), vec![4]);
        outbox.push(own, here, vec![5]);
        outbox.flush(&socket);
        let mut bytes = [0; 8];
        let came = [(); 2].map(|()| client.recv(&mut bytes).map(|length| bytes[..length].to_vec()).unwrap());
        assert_eq!((came, outbox.unsent.len()), ([vec![1], vec![5]], 0));
    }

    #[test]
    fn what_did_not_come_over_loopback_is_not_looked_at() {
        let (near, far) = ("127.1.2.3:4".parse().unwrap(), "10.1.2.3:4".parse().unwrap());
        let socket = Socket::bind(0, true).unwrap();
        let lo = socket.only.unwrap();
        let took = [(lo, near), (lo, far), (lo + 1, near), (lo + 1, far)].map(|(over, from)| socket.takes(over, from));
        assert_eq!(took, [true, false, false, false]);
        let open = Socket::bind(0, false).unwrap();
        assert!(open.takes(lo + 1, far));
    }
}
