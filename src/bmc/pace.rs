//! How long to wait for a BMC's answer before the same is said again: learnt from how it has answered.
//!
//! BMCs answer within milliseconds, some within seconds, and the same one is slow while it is busy. Uses
//! nothing; its input is times that we measured ourselves.

use core::time::Duration;

/// What is sent is sent again after this time, then after twice, four times ... it.
pub const RESEND_FIRST: Duration = Duration::from_millis(250);
/// Limit: how often one message is sent; the silence after the last send counts too, so that a BMC
/// which is not known to be slow has 3.75 s in all.
pub const TRANSMISSIONS: u32 = 4;
/// Limit: how often a command is sent in an open session to a BMC that is not known to be slow, in the same 3.75 s: every
/// [`RESEND_FIRST`], for there it is loss that is to be expected, and a session that is given up costs much more. Each
/// has a session sequence number of its own, and a BMC takes no number that is more than 15 ahead (IPMI 2.0, section
/// 6.12.13): two are left for the goodbyes.
pub const QUICK_TRANSMISSIONS: u32 = 12;
/// After the last of them.
const QUICK_LAST: Duration = Duration::from_secs(1);
/// With this sending of a command the BMC is asked outside the session, too, whether it lives.
const ASK_OUTSIDE: u32 = 2;
/// The same where a command is repeated so often: seven in a row, until what was answered there is a second old, are no
/// loss any more.
const QUICK_ASK_OUTSIDE: u32 = 3;
/// Limit: the longest that is waited before the first repetition, however slow the BMC has been.
pub const SLOWEST: Duration = Duration::from_secs(8);

/// The wait before the first repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace(Duration);

impl Default for Pace {
    fn default() -> Self {
        Self(RESEND_FIRST)
    }
}

impl Pace {
    /// The wait after this transmission, the first being 0.
    pub(super) fn wait(self, transmission: u32) -> Duration {
        self.0 + RESEND_FIRST * (2_u32.pow(transmission.min(TRANSMISSIONS)) - 1)
    }

    /// Whether nothing speaks for more than the shortest wait.
    fn is_quick(self) -> bool {
        self.0 == RESEND_FIRST
    }

    /// How often a command of an open session is sent.
    pub(super) fn transmissions_in_session(self) -> u32 {
        if self.is_quick() { QUICK_TRANSMISSIONS } else { TRANSMISSIONS }
    }

    /// The wait after this transmission of it.
    pub(super) fn wait_in_session(self, transmission: u32) -> Duration {
        match self.is_quick() {
            true if transmission + 1 == QUICK_TRANSMISSIONS => QUICK_LAST,
            true => self.0,
            false => self.wait(transmission),
        }
    }

    /// With which transmission of it the BMC is asked outside the session, too.
    pub(super) fn ask_outside(self) -> u32 {
        if self.is_quick() { QUICK_ASK_OUTSIDE } else { ASK_OUTSIDE }
    }

    /// How long after an answer from outside the session one from inside is still awaited.
    pub(super) fn wait_inside(self) -> Duration {
        self.wait(ASK_OUTSIDE)
    }

    /// An answer came after this time. A slow one counts at once; it is forgotten slowly, for a BMC
    /// that is slow now and then stays the same BMC.
    pub(super) fn heard_after(&mut self, time: Duration) {
        let fitting = time.min(SLOWEST) / 4 * 5;
        self.0 = fitting.max(self.0 / 8 * 7).clamp(RESEND_FIRST, SLOWEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn learns_at_once_and_forgets_slowly() {
        let mut pace = Pace::default();
        let whole: Duration = (0..TRANSMISSIONS).map(|n| pace.wait(n)).sum();
        assert_eq!(whole, Duration::from_millis(3750));
        let quick = pace.transmissions_in_session();
        let in_session: Duration = (0..quick).map(|n| pace.wait_in_session(n)).sum();
        assert_eq!((quick, in_session), (QUICK_TRANSMISSIONS, whole), "more often, and no longer");
        pace.heard_after(5 * SECOND);
        assert_eq!(pace.wait(0), Duration::from_millis(6250));
        assert_eq!((pace.transmissions_in_session(), pace.wait_in_session(1)), (TRANSMISSIONS, pace.wait(1)));
        pace.heard_after(Duration::MAX);
        assert_eq!(pace.wait(0), SLOWEST);
        for _ in 0..40 {
            pace.heard_after(Duration::ZERO);
        }
        assert_eq!(pace, Pace::default());
    }
}
