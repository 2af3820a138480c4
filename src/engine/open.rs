//! The recoveries that are open, for people who look: reads, and changes nothing.
//!
//! Part of [`Engine`], like `perform`.

use super::Engine;
use super::seat::Seat;
use crate::notice::Notice;
use crate::recovery::journal::{Hold, Record, Step};
use crate::recovery::machine::State;
use crate::words::Attempt;
use alloc::sync::Arc;
use core::time::Duration;

/// A recovery that is open.
#[derive(Debug, Clone)]
pub struct OpenRecovery {
    /// Its record in the journal.
    pub record: u64,
    /// Whether a killed process would find it again.
    pub durable: bool,
    /// The monitor that matched.
    pub monitor: Arc<str>,
    /// What is to be moved, as the operator named it; empty if not.
    pub target: Arc<str>,
    /// Where it stands.
    pub state: State,
    /// Why it is held, if it is.
    pub held: Option<Hold>,
    /// The attempt that runs.
    pub attempt: Option<Attempt>,
    /// How many notices have joined.
    pub joined: u32,
    /// Since when (by the wall, since 1970) it stands there, as far as the journal tells.
    pub since: Duration,
    /// Why it was begun.
    pub notice: Arc<Notice>,
}

impl Engine {
    /// Every recovery that is open, in the monitors' order.
    pub fn open_recoveries(&self) -> Vec<OpenRecovery> {
        self.seats.iter().filter_map(|seat| self.open(seat)).collect()
    }

    fn open(&self, seat: &Seat) -> Option<OpenRecovery> {
        let (record, matter) = (seat.machine.record()?, seat.matter.as_ref()?);
        let written = self.journal.record(record);
        Some(OpenRecovery {
            record: record.serial(),
            durable: record.is_durable(),
            monitor: seat.name.clone(),
            target: seat.target.clone(),
            state: seat.machine.state(),
            held: seat.machine.held(),
            attempt: seat.machine.attempt(),
            joined: seat.machine.joined(),
            since: written.map_or(matter.notice.received.wall, moved),
            notice: matter.notice.clone(),
        })
    }
}

/// When the recovery took its last step; what only befell it is none.
fn moved(record: &Record) -> Duration {
    let steps = record.steps().iter().rev();
    let moved = steps.filter(|taken| match taken.step {
        Step::StartedSent
        | Step::Begun { .. }
        | Step::Attempt(_)
        | Step::Answered(_)
        | Step::Abandoned
        | Step::Ending(_)
        | Step::EndedTold(_)
        | Step::EndedGivenUp(_)
        | Step::Chassis(_)
        | Step::Final(_)
        | Step::Asked(_)
        | Step::AwaitingReset
        | Step::Held(_)
        | Step::Released
        | Step::Closed(_) => true,
        Step::StartedTold
        | Step::StartedGivenUp
        | Step::Withdrawn
        | Step::Supported(_)
        | Step::Unsupported(_)
        | Step::Joined { .. }
        | Step::Acknowledged
        | Step::Proven(_) => false,
    });
    moved.map(|taken| taken.at.wall).next().unwrap_or(record.at.wall)
}
