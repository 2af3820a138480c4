//! The named timers of one recovery, in one table.
//!
//! Deadlines are in boottime. Uses `now` alone.

use crate::now::Now;
use core::time::Duration;

/// What a recovery may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timer {
    /// The BMC's evidence.
    Verify,
    /// The answer to *started*, before the recovery begins.
    WaitForStarted,
    /// The script before an attempt.
    Script,
    /// An attempt of the recovery.
    Recovery,
    /// The operating system's end, which the final action asked for.
    Final,
    /// The end of a hold that ends by itself.
    Retry,
    /// The answer to *ended*.
    EndedTold,
    /// The reset.
    Reset,
}

impl Timer {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Verify,
        Self::WaitForStarted,
        Self::Script,
        Self::Recovery,
        Self::Final,
        Self::Retry,
        Self::EndedTold,
        Self::Reset,
    ];
}

/// When each timer is over.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timers([Option<Duration>; Timer::ALL.len()]);

impl Timers {
    /// Arms the timer; it is over `after` from `since`, a boottime.
    pub fn arm(&mut self, timer: Timer, since: Duration, after: Duration) {
        self.0[timer as usize] = Some(since.saturating_add(after));
    }

    /// Stops one.
    pub fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    /// Stops all of them: every state arms its own.
    pub fn disarm(&mut self) {
        *self = Self::default();
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Duration> {
        self.0.iter().flatten().min().copied()
    }

    /// Whether this timer is armed and over.
    pub fn is_over(&self, timer: Timer, now: Now) -> bool {
        self.0[timer as usize].is_some_and(|deadline| deadline <= now.boottime)
    }
}
