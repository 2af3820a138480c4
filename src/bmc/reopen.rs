//! When a link that is down tries again.
//!
//! Uses `crypto` for chance: the consoles of a BMC that comes back must not all knock at once. Used by `link`.

use super::failure::Failure;
use crate::crypto::Random;
use core::time::Duration;

/// Between the end of an attempt and the next one, at first; doubled each time.
pub const REOPEN_FIRST: Duration = Duration::from_secs(1);
/// The most that it is doubled to.
pub const REOPEN_LAST: Duration = Duration::from_secs(10);
/// The same where only the operator can help: a BMC may lock a user out after too many attempts.
pub const REFUSED_FIRST: Duration = Duration::from_secs(30);
/// The most that it is doubled to.
pub const REFUSED_LAST: Duration = Duration::from_secs(300);
/// The same where others need the BMC's sessions more than we do.
pub const CROWDED_FIRST: Duration = Duration::from_secs(60);
/// The most that it is doubled to.
pub const CROWDED_LAST: Duration = Duration::from_secs(300);

/// A session that lives so long was no failure, and the next one is opened at once.
pub const STEADY: Duration = Duration::from_secs(10);

/// How often it has failed.
#[derive(Debug, Default)]
pub(super) struct Reopen {
    /// Attempts that failed in a row.
    failures: u32,
    /// Those at its end that only the operator can help. The first is not believed, and none whose messages
    /// were repeated: a BMC that rolls new numbers for a repetition then refuses a right password.
    refusals: u32,
    /// Those at its end that were given back.
    crowded: u32,
}

impl Reopen {
    /// Whether only the operator can help.
    pub(super) fn is_refused(&self) -> bool {
        self.refusals > 1
    }

    /// How long to wait now. Doubled with each failure, up to a bound; a quarter of it is chance.
    pub(super) fn pause(&mut self, why: Failure, repeated: bool, random: &mut Random) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.refusals = if why.is_passing() || repeated { 0 } else { self.refusals.saturating_add(1) };
        self.crowded = if why == Failure::Crowded { self.crowded.saturating_add(1) } else { 0 };
        let (first, last, doublings) = match (self.crowded, self.refusals) {
            (0, 0) => (REOPEN_FIRST, REOPEN_LAST, self.failures - 1),
            (0, 1) => (REOPEN_FIRST, REOPEN_FIRST, 0),
            (0, refusals) => (REFUSED_FIRST, REFUSED_LAST, refusals - 2),
            (crowded, _) => (CROWDED_FIRST, CROWDED_LAST, crowded - 1),
        };
        let doubled = first.saturating_mul(2_u32.saturating_pow(doublings)).min(last);
        let [chance] = random.array();
        doubled + doubled / 4 * u32::from(chance) / 255
    }
}
