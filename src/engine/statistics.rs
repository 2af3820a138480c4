//! What is counted. Every datagram ends in exactly one of these numbers.

use crate::notice::DropReason;

/// Counters since the engine was made; they only grow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Datagrams at the trap socket.
    pub datagrams: u64,
    /// Of those, new notices.
    pub notices: u64,
    /// Of those, repetitions of a notice.
    pub repeats: u64,
    /// Of those, dropped, by reason, in the order of [`DropReason::ALL`].
    pub drops: [u64; DropReason::ALL.len()],
    /// Of those, a BMC's answers to our acknowledgements.
    pub answers: u64,
    /// Acknowledgements and Inform responses sent.
    pub acknowledged: u64,
    /// Recoveries begun.
    pub recoveries: u64,
    /// Of those, done.
    pub done: u64,
    /// Of those, failed.
    pub failed: u64,
    /// Phases that a BMC understood.
    pub told: u64,
    /// Phases that it did not, within the deadline.
    pub untold: u64,
    /// Notices that the BMC's log has proven.
    pub supported: u64,
    /// Notices that it shows to be none of the BMC's.
    pub contradicted: u64,
    /// Notices about which it could not be asked, or says neither.
    pub unanswerable: u64,
    /// Appends to the journal that failed.
    pub journal_failures: u64,
    /// Datagrams at the BMC sockets that came from no BMC of ours.
    pub strangers: u64,
    /// Datagrams that the kernel did not take from us.
    pub unsent: u64,
    /// Keep-alives that our BMC took.
    pub keepalives: u64,
    /// Those that it did not.
    pub keepalives_lost: u64,
    /// Questions of the heartbeat's.
    pub probes: u64,
    /// Rounds of them that nobody answered.
    pub probes_missed: u64,
    /// Watchdogs that showed nonsense: a countdown above its start, or one that stands still.
    pub pulses_absurd: u64,
    /// How often this process, or its host, stood still.
    pub sleeps: u64,
    /// Deliveries dropped because dispatch was too slow; thread mode only.
    pub undelivered: u64,
}

impl Statistics {
    /// How often a datagram was dropped for `reason`.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        DropReason::ALL.iter().position(|&other| other == reason).map_or(0, |place| self.drops[place])
    }

    /// Datagrams dropped, whatever the reason.
    pub fn dropped_in_all(&self) -> u64 {
        self.drops.iter().sum()
    }

    pub(super) fn count_drop(&mut self, reason: DropReason) {
        if let Some(place) = DropReason::ALL.iter().position(|&other| other == reason) {
            self.drops[place] += 1;
        }
    }
}
