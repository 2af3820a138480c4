//! What the engine remembers of its BMC's event log and sensors' names, of a crash dump, and of what it publishes. Values;
//! `fill`, `names`, `dump` and `attributes` decide.

use crate::bmc::sensor_names::SensorNames;
use crate::words::Guid;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
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

/// Verdicts that become node attributes: what waits, and the tool that runs. Bounded by the number of servers.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    pub(super) waiting: BTreeMap<Arc<str>, &'static str>,
    /// The tool's token, and what it publishes.
    pub(super) running: Option<(u64, Arc<str>, &'static str)>,
    /// Not before, after a failure.
    pub(super) again: Option<Duration>,
    pub(super) failures: u64,
}
