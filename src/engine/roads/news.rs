//! Whose conversation with a BMC it was, and what came of it.
//!
//! Values; made by `roads`, read by the engine.

use crate::bmc::chassis::{Effect, Undone};
use crate::bmc::failure::Untold;
use crate::bmc::sel_reading::{Read, Unread};
use crate::bmc::sensor_names::SensorNames;
use crate::heartbeat::Evidence;
use crate::words::{MonitorId, Phase, ServerId};

/// Whose conversation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Owner {
    /// A recovery of this monitor.
    Seat(MonitorId),
    /// The context: armed, disarmed.
    Context,
    /// Whoever reads the BMC's log.
    Witness,
    /// Whoever reads what its sensors are called.
    Names,
    /// A record that a former process left open.
    Leftover(u64),
}

/// What came of it.
#[derive(Debug)]
pub(in crate::engine) enum News {
    /// The BMC has understood.
    Told(Owner, Phase),
    /// It has not, within the deadline.
    Untold(Owner, Phase, Untold),
    /// A chassis command was given, and this is known of its effect.
    Ordered(Owner, Result<Effect, Undone>),
    /// The BMC's log was read, or not.
    Read(Result<Read, Unread>),
    /// What its sensors are called was read, or not.
    Names(Result<Option<SensorNames>, Unread>),
    /// The heartbeat's question was answered, or not.
    Evidence(ServerId, Evidence),
    /// A link came up or went down.
    Link(ServerId),
}
