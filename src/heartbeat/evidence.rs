//! What a BMC shows of its server, and why it shows nothing.
//!
//! Values: `countdown` makes a pulse from a watchdog's answers, `peer` weighs them. Uses nothing but `mark`.

use super::mark::Vouched;
use core::fmt;
use core::time::Duration;

/// The server's power, as Get Chassis Status told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Power {
    /// Whether it is on.
    pub on: bool,
    /// Whether the BMC has proven to be this server's. Only then its *off* counts.
    pub proven: bool,
}

/// Who feeds a watchdog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feeder {
    /// A library like this one.
    Ours(Vouched),
    /// The kernel's `ipmi_watchdog`, `bmc-watchdog`, or whoever else.
    Another,
}

/// What the server's watchdog shows (Get Watchdog Timer).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pulse {
    /// Nothing that can be used: not asked, refused, or nonsense.
    Unread,
    /// It was never started, or it was stopped.
    Stopped,
    /// It was stopped by a feeder of ours that ended cleanly.
    Goodbye,
    /// BIOS, POST or the loader of the operating system runs it.
    Boot,
    /// It counts, and was fed last so long ago.
    Fed {
        /// Start value minus present countdown.
        ago: Duration,
        /// By whom.
        by: Feeder,
        /// Another owner feeds at a pace of its own: so long it is in time, whatever our time-out is. Ours: zero.
        good_for: Duration,
    },
    /// It has run out while it was watched: nobody has fed it.
    Expired,
}

/// Why nothing can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// Nothing was asked yet.
    NotAsked,
    /// The BMC is silent.
    Silent,
    /// It refused our login.
    Login,
    /// It has no session left for us.
    NoSlot,
    /// Another BMC answers at its address.
    Identity,
    /// It answers, but no login is configured.
    NoLogin,
    /// It answers what we do not understand.
    Malformed,
    /// It says that the power is off, but whose BMC it is was not proven: no GUID is pinned.
    Unproven,
    /// It answers; two other servers hold the sessions that a cluster may have on it.
    Elsewhere,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAsked => "not asked yet",
            Self::Silent => "BMC silent",
            Self::Login => "login refused",
            Self::NoSlot => "no session left on the BMC",
            Self::Identity => "another BMC answers",
            Self::NoLogin => "BMC answers, no login configured",
            Self::Malformed => "answer not understood",
            Self::Unproven => "off, says a BMC whose guid is not pinned",
            Self::Elsewhere => "BMC answers, other servers hold its sessions",
        })
    }
}
