//! What the engine remembers of its BMC's event log and sensors' names, and of a crash dump. Values; `fill`, `names` and
//! `dump` decide.

use crate::bmc::sensor_names::SensorNames;
use crate::words::Guid;
use core::time::Duration;

/// What was said last, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Said {
    /// Nothing, or that there is room.
    #[default]
    Room,
    /// That it fills.
    Filling,
    /// That it is nearly full.
    NearlyFull,
    /// That it is full, or has lost records.
    Full,
}

/// *Ended* may have to wait.
#[derive(Debug)]
pub(super) struct Wait {
    pub(super) deadline: Duration,
    /// When to look again; none: the shell is looking.
    pub(super) look: Option<Duration>,
    /// People know.
    pub(super) said: bool,
    /// Nothing is waited for any more.
    pub(super) over: bool,
}

/// What our BMC calls its sensors, as far as that is known.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Of our BMC, and which one that was.
    pub(super) ours: Option<(Guid, SensorNames)>,
    /// What an earlier process kept, as long as nobody knows whether it is our BMC's.
    pub(super) cached: Option<(Guid, SensorNames)>,
}
