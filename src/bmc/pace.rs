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
        pace.heard_after(5 * SECOND);
        assert_eq!(pace.wait(0), Duration::from_millis(6250));
        pace.heard_after(Duration::MAX);
        assert_eq!(pace.wait(0), SLOWEST);
        for _ in 0..40 {
            pace.heard_after(Duration::ZERO);
        }
        assert_eq!(pace, Pace::default());
    }
}
