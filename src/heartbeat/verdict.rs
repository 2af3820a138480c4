//! What the evidence means for a server: one word each, and nothing more than the BMC has shown.
//!
//! `peer` comes to the verdict, `take_over` says what it entitles to. Uses `evidence`.

use super::evidence::Doubt;
use core::fmt;

/// What a BMC shows of its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The power is on, and the server's own software feeds the watchdog in time.
    Alive,
    /// The power is on; whether anything runs is not known: no watchdog is fed, or it is not readable.
    Powered,
    /// Firmware or a loader runs the watchdog: the server boots.
    Booting,
    /// The watchdog was fed, but late: beyond the warning's share of the time-out.
    Delayed,
    /// The power is on, and the watchdog was not fed for longer than the time-out.
    Silent,
    /// The power is on, and the feeder said goodbye.
    Left,
    /// The power is off: read twice, over a session, from the right BMC.
    Off,
    /// Nothing can be said.
    Unknown(Doubt),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alive => f.write_str("alive"),
            Self::Powered => f.write_str("powered"),
            Self::Booting => f.write_str("booting"),
            Self::Delayed => f.write_str("delayed"),
            Self::Silent => f.write_str("silent"),
            Self::Left => f.write_str("left"),
            Self::Off => f.write_str("off"),
            Self::Unknown(doubt) => write!(f, "unknown ({doubt})"),
        }
    }
}
