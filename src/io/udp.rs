//! UDP sockets: bound with an error that says who is in the way, read until they are empty.

use super::sys::check;
use std::io::{Error, ErrorKind, Result};
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr::null_mut;

/// Limit: octets of the receive queue we ask for, so that a burst waits in the kernel while a callback runs.
const RECEIVE_QUEUE_BYTES: libc::c_int = 1 << 20;

/// Binds the socket that traps come to.
///
/// Never shared: without SO_REUSEADDR a second listener on the port is an error and not a thief.
pub fn bind_traps(address: SocketAddr) -> Result<UdpSocket> {
    bind(address)
}

/// Binds the socket that BMCs of `peer`'s family are asked from, on any port.
pub fn bind_client(ipv6: bool) -> Result<UdpSocket> {
    let any: IpAddr = if ipv6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    bind(SocketAddr::new(any, 0))
}

fn bind(address: SocketAddr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    // Beyond rmem_max only with CAP_NET_ADMIN; less than asked for is no error.
    let wanted = RECEIVE_QUEUE_BYTES;
    // SAFETY: reads one int.
    let set = |option| unsafe {
        let value = (&raw const wanted).cast();
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, value, size_of::<libc::c_int>() as u32)
    };
    if set(libc::SO_RCVBUFFORCE) < 0 {
        check(set(libc::SO_RCVBUF))?;
    }
    Ok(socket)
}

/// Limit: datagrams of one system call, and so from one socket in one pump.
pub const BATCH: usize = 16;
/// Room for the largest UDP payload (65,507 octets), and a whole number of pages.
const SLOT_BYTES: usize = 65_536;

/// Room for the datagrams of one system call, of any size: 1 MB of addresses, of which only what was once
/// written to is resident.
#[derive(Debug)]
pub struct Batch {
    octets: Box<[u8]>,
    taken: Vec<(usize, Option<SocketAddr>)>,
    /// The next one to be read.
    next: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self { octets: vec![0; BATCH * SLOT_BYTES].into(), taken: Vec::with_capacity(BATCH), next: 0 }
    }
}

impl Batch {
    /// Receives what waits in the queue, at most [`BATCH`]; unless something is left of what was received
    /// before, which comes first.
    ///
    /// Errors that belong to an earlier send (ICMP: port unreachable, ...) are not ours to report here: the
    /// session notices the silence. They are skipped, a bounded number of times.
    pub fn refill(&mut self, socket: &UdpSocket) {
        const ERRORS_IN_A_ROW: usize = 16;
        if self.next < self.taken.len() {
            return;
        }
        for _ in 0..ERRORS_IN_A_ROW {
            match self.try_receive(socket) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => {}
                Ok(_) | Err(_) => return,
            }
        }
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

    fn try_receive(&mut self, socket: &UdpSocket) -> Result<usize> {
        self.taken.clear();
        self.next = 0;
        // SAFETY: all zero is a header without buffers, and an address of no family.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
        let mut senders: [libc::sockaddr_in6; BATCH] = unsafe { zeroed() };
        let mut slices: [libc::iovec; BATCH] = unsafe { zeroed() };
        for (place, octets) in self.octets.chunks_exact_mut(SLOT_BYTES).enumerate() {
            slices[place] = libc::iovec { iov_base: octets.as_mut_ptr().cast(), iov_len: SLOT_BYTES };
            let header = &mut headers[place].msg_hdr;
            (header.msg_iov, header.msg_iovlen) = (&raw mut slices[place], 1);
            // Large enough for both families.
            header.msg_name = (&raw mut senders[place]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
        }
        let (fd, flags) = (socket.as_raw_fd(), libc::MSG_DONTWAIT);
        // SAFETY: BATCH headers, each with a buffer and an address of ours that live as long as the call.
        let count = unsafe { libc::recvmmsg(fd, headers.as_mut_ptr(), BATCH as u32, flags as _, null_mut()) };
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
