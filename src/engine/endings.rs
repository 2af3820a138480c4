//! Recoveries that have ended and of which the BMC has not heard yet. Values with few decisions.

use crate::words::Outcome;

/// A recovery that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) place: usize,
    pub(super) record: u64,
    pub(super) outcome: Outcome,
}

/// The recoveries that have ended, and what the BMC is being told of them.
#[derive(Debug, Default)]
pub(super) struct Endings {
    /// They wait for the others.
    pub(super) waiting: Vec<Ended>,
    /// The BMC is being told of these.
    pub(super) told: Vec<Ended>,
    /// For whom a chassis command may follow now: one for all, and only when all are done.
    pub(super) chassis: Option<usize>,
    /// Whose chassis command waits, not sent, until it is known whether another recovery begins; and its record.
    pub(super) held_order: Option<(usize, u64)>,
}

impl Endings {
    /// Whether this recovery waits for another one; its timers stand still.
    pub(super) fn holds(&self, place: usize) -> bool {
        self.waiting.iter().any(|ended| ended.place == place)
    }

    /// Whether a chassis command may follow for this recovery.
    pub(super) fn allows_chassis(&self, place: usize) -> bool {
        self.chassis == Some(place)
    }
}

/// What a BMC is to believe of two recoveries.
pub(super) fn worse(a: Outcome, b: Outcome) -> Outcome {
    match (a, b) {
        (Outcome::Failed, _) | (_, Outcome::Failed) => Outcome::Failed,
        (Outcome::Unknown, _) | (_, Outcome::Unknown) => Outcome::Unknown,
        (Outcome::Done, Outcome::Done) => Outcome::Done,
    }
}
