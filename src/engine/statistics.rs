//! What is counted. Every datagram ends in exactly one of these numbers.

use crate::notice::DropReason;

/// Counters since the engine was made; they only grow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Datagrams at the trap socket; one that was dropped and handed in again, because the BMC had lost its clock, counts twice.
    pub datagrams: u64,
    /// Of those, new notices.
    pub notices: u64,
    /// Of those, repetitions of a notice.
    pub repeats: u64,
    /// Of those, dropped, by reason, in the order of [`DropReason::ALL`]; with the [`Self::estimated`] ones.
    pub drops: [u64; DropReason::ALL.len()],
    /// Of those, a BMC's answers to our acknowledgements.
    pub answers: u64,
    /// Dropped without having been seen, in `drops` but not in `datagrams`: while the kernel filter is armed, a foreign
    /// datagram that it lets through stands for as many more. An estimate; see `filtered` for the exact sum.
    pub estimated: u64,
    /// What the kernel's filter kept away, as the kernel counts.
    pub filtered: u64,
    /// What the kernel dropped because the trap socket's queue was full; while the filter is armed, at most so many.
    pub overflowed: u64,
    /// Notices, none of them fatal, that were written down but not handed to the application: it was too slow, and a
    /// fatal one behind them would have come late or been lost.
    pub shed: u64,
    /// Octets of the trap socket's queue that the kernel granted; 0 without a socket.
    pub queue_granted: u64,
    /// Octets that were asked for.
    pub queue_asked: u64,
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

    /// One was dropped, which stands for so many.
    pub(super) fn count_drops(&mut self, reason: DropReason, stands_for: u64) {
        if let Some(drops) = self.drops.get_mut(reason as usize) {
            *drops = drops.saturating_add(stands_for);
        }
        self.estimated = self.estimated.saturating_add(stands_for.saturating_sub(1));
    }
}
