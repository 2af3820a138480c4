//! The sockets of a context: where traps come to, and what BMCs of either family are asked from.
//!
//! Bound before anything else is begun, and changed by a reload alone. Uses `udp`; read and written by `reactor`.

use super::udp;
use std::io::Result;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};

/// The sockets of a context; each may be absent when nothing needs it.
#[derive(Debug)]
pub struct Sockets {
    pub(super) traps: Option<UdpSocket>,
    pub(super) bmc4: Option<UdpSocket>,
    pub(super) bmc6: Option<UdpSocket>,
}

/// The descriptors that a reload may change, for a forked child to close; negative: none. Two for traps: the
/// socket in use, and the one that waits for its turn. The last is the own BMC's device.
pub type Numbers = Arc<[AtomicI32; 5]>;

impl Sockets {
    /// What a reload needs beside these: the trap socket if `rebind` says so, BMC sockets of a family that had none.
    pub fn beside(&self, rebind: bool, listen: Option<SocketAddr>, bmcs: &[SocketAddr]) -> Result<Self> {
        let listen = listen.filter(|_| rebind);
        let all = Self::bind(listen, &[])?;
        let client = |ipv6, held: &Option<UdpSocket>| {
            let wanted = held.is_none() && bmcs.iter().any(|bmc| bmc.is_ipv6() == ipv6);
            wanted.then(|| udp::bind_client(ipv6)).transpose()
        };
        Ok(Self { bmc4: client(false, &self.bmc4)?, bmc6: client(true, &self.bmc6)?, ..all })
    }

    /// Keeps the trap socket of these, which are given up.
    pub fn keep_traps(&mut self, of: Self) {
        self.traps = of.traps;
    }

    /// Shows the trap socket that waits for its turn.
    pub fn show_waiting(&self, numbers: &Numbers) {
        numbers[3].store(self.traps.as_ref().map_or(-1, AsRawFd::as_raw_fd), SeqCst);
    }

    pub(super) fn show(&self, numbers: &Numbers) {
        let number = |socket: &Option<UdpSocket>| socket.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        for (slot, socket) in numbers.iter().zip([&self.traps, &self.bmc4, &self.bmc6]) {
            slot.store(number(socket), SeqCst);
        }
        numbers[3].store(-1, SeqCst);
    }

    /// Binds `listen`, and a client socket for each family among `bmcs`.
    pub fn bind(listen: Option<SocketAddr>, bmcs: &[SocketAddr]) -> Result<Self> {
        let client = |ipv6| bmcs.iter().any(|bmc| bmc.is_ipv6() == ipv6).then(|| udp::bind_client(ipv6)).transpose();
        Ok(Self { traps: listen.map(udp::bind_traps).transpose()?, bmc4: client(false)?, bmc6: client(true)? })
    }

    /// What is to be said if the kernel granted less of a queue to traps than was asked for.
    pub fn short_queue(&self) -> Option<String> {
        let (asked, granted) = self.traps.as_ref().map(udp::queue)?;
        (granted < asked).then(|| {
            format!(
                "the trap socket's queue has {granted} octets of the {asked} that were asked for, so a burst may overflow \
                 it: raise net.core.rmem_max, or grant CAP_NET_ADMIN"
            )
        })
    }

    /// The one that BMCs of this family answer to.
    pub(super) fn bmcs(&self, ipv6: bool) -> Option<&UdpSocket> {
        if ipv6 { self.bmc6.as_ref() } else { self.bmc4.as_ref() }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &UdpSocket> {
        [&self.traps, &self.bmc4, &self.bmc6].into_iter().flatten()
    }
}
