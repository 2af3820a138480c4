//! A moment, as the shell saw it.
//!
//! Nothing below `io` asks a clock: every `handle_*` is told the time. Timers use boottime, which goes
//! on while the machine sleeps and never jumps; wall time is for the journal's text and for
//! comparisons across restarts.

use core::time::Duration;

/// The time of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Since the host booted (`CLOCK_BOOTTIME`).
    pub boottime: Duration,
    /// Since 1970-01-01 UTC. May jump in both directions.
    pub wall: Duration,
}

impl Now {
    /// The moment `by` later on both clocks; for simulations and tests.
    pub fn after(self, by: Duration) -> Self {
        Self { boottime: self.boottime + by, wall: self.wall + by }
    }
}
