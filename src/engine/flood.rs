//! What is known of strangers: who is none, and whether they flood.
//!
//! A value; `refuse` acts on it.

use crate::config::model::Cluster;
use crate::notice::filter::Allowed;
use crate::notice::guard::Guard;
use core::net::SocketAddr;
use core::time::Duration;

/// Who may speak, and how those who may not are kept away.
#[derive(Debug)]
pub(super) struct Flood {
    pub(super) allowed: Allowed,
    pub(super) guard: Guard,
}

impl Flood {
    pub(super) fn new(cluster: &Cluster) -> Self {
        Self { allowed: Allowed::of(cluster), guard: Guard::default() }
    }

    pub(super) fn may_speak(&self, from: SocketAddr) -> bool {
        self.allowed.contains(from.ip())
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.guard.next_deadline()
    }
}
