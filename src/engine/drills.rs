//! What is known of drills: the one that runs, and how the last one ended. Values with few decisions; `drill` acts.

use crate::bmc::immediate::Accepted;
use crate::notice::NoticeId;
use crate::now::Now;
use crate::recovery::journal::{Proof, RecordId};
use crate::wire::pef::alert::{AlertEvent, AlertStatus};
use core::time::Duration;

/// How a drill stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DrillState {
    /// There was none since the engine was made.
    #[default]
    Never,
    /// It runs.
    Running,
    /// The path is proven.
    Proven,
    /// It is not, and `why` says what failed.
    Failed,
}

/// A drill: the one that runs, or the last one. Times are counted from the order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drill {
    /// Counts the drills of this context from 1.
    pub number: u64,
    /// How it stands.
    pub state: DrillState,
    /// The BMC was asked for the alert.
    pub asked: Option<Duration>,
    /// It accepted.
    pub accepted: Option<Duration>,
    /// Its trap was received, and its sender verified.
    pub received: Option<Duration>,
    /// The notice is in the journal, and acknowledged.
    pub journalled: Option<Duration>,
    /// The notice's callback has returned.
    pub delivered: Option<Duration>,
    /// The trap carried the drill's own number.
    pub own_event: bool,
    /// Its record in the journal; 0: none.
    pub record: u64,
    /// How it ended, in words; empty while it runs.
    pub why: String,
    /// The newest proof that the journal knows of, and when that was by the wall, since 1970.
    pub proof: Option<(Duration, Proof)>,
}

/// The drill that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) begun: Now,
    pub(super) event: AlertEvent,
    /// What the BMC accepted.
    pub(super) accepted: Option<Accepted>,
    /// What it thinks became of it.
    pub(super) fate: Option<AlertStatus>,
    pub(super) notice: Option<NoticeId>,
    pub(super) record: Option<RecordId>,
    pub(super) deadline: Duration,
}

/// All that is known of drills.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) running: Option<Running>,
    pub(super) told: Drill,
    /// When the last one was ordered.
    pub(super) last: Option<Duration>,
}

impl Desk {
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.running.as_ref().map(|running| running.deadline)
    }
}
