//! May I take over? What a verdict entitles a cluster to, and why.
//!
//! A pure function of a verdict and of how old its evidence is. It never says more than the BMC has shown: a silent BMC
//! is no dead server, and a dead feeder is no dead service. Uses `verdict`, `evidence`.

use super::evidence::Doubt;
use super::verdict::Verdict;
use core::fmt;
use core::time::Duration;

/// May I take over what the server runs?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TakeOver {
    /// No: it lives, or may come to life any moment.
    No,
    /// Yes: it has no power.
    Yes,
    /// After it has been fenced: its feeder is dead, its services may not be.
    FenceFirst,
    /// The BMC does not know: ask the cluster's other witnesses.
    NoAnswer,
}

impl TakeOver {
    /// As it is written in a table or in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::FenceFirst => "fence first",
            Self::NoAnswer => "no answer",
        }
    }
}

impl fmt::Display for TakeOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An *off* that is older than so many intervals is no *yes*.
const CURRENT_INTERVALS: u32 = 2;
/// Or than this, whichever is longer: one answer may be lost, and asked for again.
const CURRENT_LEAST: Duration = Duration::from_secs(5);

/// For how long an *off* is good, where the BMC is asked every `interval`.
pub fn current(interval: Duration) -> Duration {
    (interval * CURRENT_INTERVALS).max(CURRENT_LEAST)
}

/// The answer, and the reason in words. `age`: how long ago the BMC has shown what the verdict rests on; `fresh`: how old
/// that may be for a *yes*. A server that was off a minute ago may be on.
pub fn take_over(verdict: Verdict, age: Duration, fresh: Duration) -> (TakeOver, &'static str) {
    match verdict {
        Verdict::Off if age > fresh => (TakeOver::NoAnswer, "it was off, but its BMC has not said so again"),
        Verdict::Off => (TakeOver::Yes, "it has no power: its BMC, proven to be its own, said so twice"),
        Verdict::Alive => (TakeOver::No, "its software feeds its watchdog"),
        Verdict::Booting => (TakeOver::No, "it boots"),
        Verdict::Delayed => (TakeOver::No, "its watchdog is fed late, and may yet be"),
        Verdict::Silent => (TakeOver::FenceFirst, "nobody feeds its watchdog, but its services may still run"),
        Verdict::Powered => (TakeOver::NoAnswer, "it has power, and nothing says whether anything runs"),
        Verdict::Left => (TakeOver::NoAnswer, "its feeder ended cleanly: that says nothing of its services"),
        Verdict::Unknown(doubt) => (TakeOver::NoAnswer, unknown(doubt)),
    }
}

/// What nothing can be concluded from.
fn unknown(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::NotAsked => "its BMC has not been asked yet",
        Doubt::Silent => "its BMC says nothing: BMCs often die with their host",
        Doubt::Login | Doubt::NoLogin | Doubt::NoSlot => {
            "its BMC answers, but not to us: it says nothing of the server"
        }
        Doubt::Elsewhere => "its BMC answers, but other servers ask it: they know",
        Doubt::Identity => "another BMC answers at its address: it speaks of another server",
        Doubt::Malformed => "its BMC answers what is not understood",
        Doubt::Unproven => "a BMC says that the power is off, but nothing proves that it is this server's",
    }
}
