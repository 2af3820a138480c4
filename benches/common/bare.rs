//! What ours is measured beside: a loop of recvmmsg that only counts, or answers, too.

use std::mem::zeroed;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

/// Datagrams of one recvmmsg.
const BATCH: usize = 32;

/// The bare receiver's buffers, as recvmmsg wants them.
pub struct Batch {
    octets: Box<[[u8; 2048]; BATCH]>,
    /// How often each is answered, and with so many octets.
    pub answers: (usize, usize),
    senders: Box<[libc::sockaddr_storage; BATCH]>,
}

impl Batch {
    pub fn new() -> Self {
        // SAFETY: an address of no family is all zero.
        Self { octets: Box::new([[0; 2048]; BATCH]), answers: (0, 0), senders: Box::new([unsafe { zeroed() }; BATCH]) }
    }

    /// Receives until the queue is empty; how many.
    pub fn drain(&mut self, socket: &UdpSocket) -> usize {
        let mut all = 0;
        loop {
            // SAFETY: all zero is a header without buffers.
            let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
            let mut slices: [libc::iovec; BATCH] = unsafe { zeroed() };
            for place in 0..BATCH {
                slices[place] = libc::iovec { iov_base: self.octets[place].as_mut_ptr().cast(), iov_len: 2048 };
                headers[place].msg_hdr.msg_iov = &raw mut slices[place];
                headers[place].msg_hdr.msg_iovlen = 1;
                headers[place].msg_hdr.msg_name = (&raw mut self.senders[place]).cast();
                headers[place].msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as u32;
            }
            let (fd, nobody) = (socket.as_raw_fd(), std::ptr::null_mut());
            // SAFETY: as many headers as said, each with a buffer of ours.
            let count = unsafe { libc::recvmmsg(fd, headers.as_mut_ptr(), BATCH as u32, libc::MSG_DONTWAIT, nobody) };
            match usize::try_from(count) {
                Ok(count) if count > 0 => {
                    for _ in 0..self.answers.0 {
                        slices[..count].iter_mut().for_each(|slice| slice.iov_len = self.answers.1);
                        // SAFETY: so many headers were filled in, by whom they answer.
                        unsafe { libc::sendmmsg(fd, headers.as_mut_ptr(), count as u32, libc::MSG_DONTWAIT) };
                    }
                    all += count;
                }
                _ => return all,
            }
        }
    }
}

/// A socket with a queue of so many octets, or as many as the kernel grants.
pub fn with_queue(address: SocketAddr, octets: libc::c_int) -> UdpSocket {
    let socket = UdpSocket::bind(address).expect("a socket");
    for option in [libc::SO_RCVBUF, libc::SO_RCVBUFFORCE] {
        // SAFETY: reads one int. The second fails without a capability.
        unsafe {
            let value = (&raw const octets).cast();
            libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, value, size_of_val(&octets) as u32)
        };
    }
    socket
}
