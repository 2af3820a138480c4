//! A datagram that makes the engine panic, for tests of what a C program sees of a defect.
//!
//! Only where features `sim` and `capi` meet: the archive of the C tests, never the installed one, never the
//! command line. And only over loopback. Input: a datagram at the trap socket.

use core::net::SocketAddr;

/// No SNMP message begins like this.
const BAIT: &[u8] = b"panic, please";

/// Panics if the datagram is the bait.
pub(crate) fn nibble(from: SocketAddr, bytes: &[u8]) {
    assert!(!(bytes == BAIT && from.ip().is_loopback()), "the bait was taken");
}
