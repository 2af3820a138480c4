//! Whose conversation with a BMC it was, and what came of it.
//!
//! Values; made by `roads`, read by the engine.

use crate::bmc::auto::Remark;
use crate::bmc::chassis::{Effect, Undone};
use crate::bmc::failure::{Failure, Untold};
use crate::bmc::fill::Fill;
use crate::bmc::immediate::{Accepted, Unasked};
use crate::bmc::sel_reading::{Read, Unread};
use crate::bmc::sensor_names::SensorNames;
use crate::heartbeat::Question;
use crate::wire::ipmi::Response;
use crate::wire::pef::alert::AlertStatus;
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
    /// A drill.
    Drill,
    /// Who watches the event log.
    Fill,
}

/// What came of a question of the heartbeat's.
#[derive(Debug)]
pub(in crate::engine) struct Heard {
    pub(in crate::engine) server: ServerId,
    pub(in crate::engine) question: Question,
    pub(in crate::engine) result: Result<Response, Failure>,
    /// Whether the BMC has proven to be this server's.
    pub(in crate::engine) proven: bool,
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
    Heard(Heard),
    /// What our own BMC's watchdog answered to the feeder.
    Fed(Result<Response, Failure>),
    /// What our BMC answered to a keep-alive.
    KeptAlive(Result<Response, Failure>),
    /// How full our BMC's event log is, or why that is not known.
    Filled(Result<Fill, Failure>),
    /// The BMC will send a drill's test alert, or why not.
    DrillAsked(Result<Accepted, Unasked>),
    /// What it thinks became of it; none: it does not say.
    DrillFate(Option<AlertStatus>),
    /// A link came up or went down.
    Link(ServerId),
    /// What people should know of the two roads to our own BMC.
    Remark(ServerId, Remark),
}
