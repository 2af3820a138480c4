//! What must hold in every life, whatever fails. `docs/assurance/simulation.md` shows this list; a test compares.

use std::fmt;

promises! {
    /// A serious notice that reaches a living engine is written down at once, for every monitor that wants it.
    Recorded,
    /// The BMC's trap is acknowledged only when all its records are in the file, or their recovery has begun.
    Acknowledged,
    /// What is in the file is recovered: begun, joined to another, visibly held, ended by the operator or
    /// the fault's clearing, or interrupted by a reset.
    NotLost,
    /// A recovery is started at most once a record; under `rerun` once a life, three times at most. A repeated trap
    /// makes no second record.
    Once,
    /// Every recovery that was begun is told to the BMC as *ended*. A BMC that never listens: the record says so,
    /// and people are told.
    NoSilence,
    /// *Ended* is said only when no recovery of this server is between its record and its end.
    EndedLast,
    /// *Started* is said only for a recovery that has not been told as ended.
    StartedFirst,
    /// *Ended* says how it went: done only if it answered done, unknown only if we were killed in the middle.
    Truth,
    /// A chassis command follows only `ended(done)` that the BMC has understood, is the one declared, comes once,
    /// and never while something recovers.
    Chassis,
    /// After a boot nothing of an earlier boot is run, told or commanded, and its records are closed.
    Boot,
    /// Where the BMC's log is asked, no recovery begins for a trap that the BMC did not mean, unless the operator
    /// releases it; and none that it did mean is taken for forged.
    Proven,
    /// The answer of a recovery that belongs to a former engine or is over is refused.
    Stale,
    /// Two seconds after the storage works again the file says what the engine knows; a compaction
    /// loses nothing that is open.
    File,
    /// Nothing grows without bound: outputs for one input, the journal, its open records.
    Bounded,
    /// Nothing panics.
    NoPanic,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
