//! UDP sockets: bound with an error that says who is in the way, read until they are empty.

use super::sys::check;
use std::io::{Error, ErrorKind, Result};
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

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

/// The next datagram, or none when the queue is empty.
///
/// Errors that belong to an earlier send (ICMP: port unreachable, ...) are not ours to report here: the
/// session notices the silence. They are skipped, a bounded number of times.
pub fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    const ERRORS_IN_A_ROW: usize = 16;
    for _ in 0..ERRORS_IN_A_ROW {
        match socket.recv_from(buffer) {
            Ok((length, from)) => return Some((length, canonical(from))),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(_) => {}
        }
    }
    None
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
