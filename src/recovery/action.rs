//! What happens to a recovery, and what it wants done.
//!
//! Values only: `engine` makes events of what it hears and hands the actions to the shell.

use super::journal::{Hold, RecordId, Step};
use super::timer::Timer;
use crate::config::model::AfterEnded;
use crate::words::{Answer, Level, Phase};
use core::fmt;

/// What happens to a recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A notice that this monitor wants is in the journal.
    Recorded(RecordId),
    /// So is another notice of the same trouble.
    Joined(RecordId),
    /// The BMC shows the event.
    Supported,
    /// It would, if there were one, and does not.
    Contradicted,
    /// It cannot be asked.
    Unanswerable,
    /// The BMC understood.
    Told(Phase),
    /// It did not, and will not be told again.
    Untold(Phase),
    /// The recovery answered.
    Answered(Answer),
    /// The recovery ended, but someone else took its result.
    Lost,
    /// A timer is over.
    Expired(Timer),
    /// A notice said that the fault is over.
    Cleared,
    /// The operator lets a held recovery go on.
    Released,
    /// The operator ends it.
    Cancelled,
    /// The server has booted.
    Booted,
}

/// What a recovery wants done. To be performed in the order given: a journal entry comes before what
/// it announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Append this step.
    Journal(RecordId, Step),
    /// Ask the BMC for evidence; answered by `Supported`, `Contradicted` or `Unanswerable`.
    Verify(RecordId),
    /// Tell the BMC; answered by `Told` or `Untold`.
    Tell(RecordId, Phase),
    /// Run the operator's recovery; answered by `Answer` or `Lost`.
    Recover(RecordId),
    /// Kill the command, make the token stale.
    Abandon(RecordId),
    /// Send this chassis command, once.
    AfterEnded(RecordId, AfterEnded),
    /// Say it to people.
    Report(Level, Message),
}

/// What people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Message {
    /// The record is not in the journal.
    Volatile,
    /// A restart found it.
    Resumed,
    /// A restart found it, and runs the recovery again.
    Rerun,
    /// A restart found it in the middle of the recovery.
    Interrupted,
    /// The host has booted since.
    ClosedAfterBoot,
    /// It waits for the operator.
    Held(Hold),
    /// The BMC could not be asked, and the monitor says to recover all the same.
    RecoverUnverified,
    /// The recovery begins.
    Recovering,
    /// No answer to *started*.
    StartedUnanswered,
    /// The recovery took too long.
    DeadlineOver,
    /// Its result was taken by someone else.
    ResultLost,
    /// The operator ended it.
    Cancelled,
    /// It is done.
    Done,
    /// It failed.
    Failed,
    /// An answer came when none was expected.
    StaleAnswer,
    /// No answer to *ended*, so no chassis command either.
    EndedUnanswered,
    /// A chassis command is declared, but not allowed on the trust of an address.
    ChassisWithheld,
    /// A further notice joined.
    Joined,
    /// The fault is over.
    Cleared,
    /// No reset came.
    NoReset,
    /// The server has booted.
    Booted,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Volatile => "the journal cannot be written: this recovery would not survive a restart of ours",
            Self::Resumed => "found in the journal and taken up again",
            Self::Rerun => "killed in the middle of the recovery; it runs again",
            Self::Interrupted => "killed in the middle of the recovery; the BMC hears ended(unknown)",
            Self::ClosedAfterBoot => "the host has booted since; closed, nothing is rerun",
            Self::Held(Hold::Contradicted) => "held: the BMC, asked, shows no such event",
            Self::Held(Hold::Unverifiable) => "held: the BMC could not be asked whether it meant it",
            Self::RecoverUnverified => "the BMC could not be asked whether it meant it; recovering all the same",
            Self::Recovering => "recovery begins",
            Self::StartedUnanswered => "the BMC did not answer to recovery started",
            Self::DeadlineOver => "the recovery took longer than its deadline: failed",
            Self::ResultLost => "the recovery's result was taken by someone else: failed",
            Self::Cancelled => "cancelled by the operator",
            Self::Done => "recovery done",
            Self::Failed => "recovery failed",
            Self::StaleAnswer => "an answer came from a recovery that is over",
            Self::EndedUnanswered => {
                "the BMC did not answer to recovery ended; it may wait, and gets no chassis command"
            }
            Self::ChassisWithheld => "no chassis command: the notice's only proof may be its address",
            Self::Joined => "a further notice joined",
            Self::Cleared => "the BMC says that the fault is over",
            Self::NoReset => "no reset came; ready again",
            Self::Booted => "the server has booted; ready again",
        })
    }
}
