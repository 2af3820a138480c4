//! What happens to a recovery, and what it wants done.
//!
//! Values only: `engine` makes events of what it hears and hands the actions to the shell.

use super::journal::{Hold, RecordId, Step};
use super::plan::Next;
use super::timer::Timer;
use crate::config::model::{AfterEnded, FinalAction};
use crate::words::{Answer, Attempt, Level, Phase, RecoveryAction};
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
    /// The script before an attempt ended; whether well.
    Prepared(bool),
    /// The attempt answered.
    Answered(Answer),
    /// The attempt ended, but someone else took its result.
    Lost,
    /// The attempt found another server of the cluster recovering; it has moved nothing.
    Deferred,
    /// The command of the final action ended; whether well.
    Finished(bool),
    /// We are asked to end.
    Leaving,
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
    /// Run the script before this; answered by `Prepared`.
    Prepare(RecordId, Next),
    /// Run this attempt of the operator's recovery; answered by `Answered`, `Lost` or `Deferred`.
    Recover(RecordId, Attempt),
    /// Kill the command, make the token stale.
    Abandon(RecordId),
    /// Do this to the operating system; answered by `Finished` if it is a command.
    Finish(RecordId, FinalAction),
    /// Take back what the recovery has set in the cluster: the fault is over.
    Withdraw(RecordId),
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
    /// It goes on with this, for what was tried before has failed.
    Next(RecoveryAction),
    /// The script before an attempt runs.
    Preparing,
    /// It failed, and the recovery goes on.
    ScriptFailed,
    /// It took too long.
    ScriptOver,
    /// A final action is declared, but not allowed on the trust of an address.
    FinalWithheld,
    /// A final action by the chassis is declared, but the recovery has failed.
    FinalAfterFailure,
    /// The final action.
    Finishing(FinalAction),
    /// The operating system did not end.
    FinalFailed,
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
            Self::Held(Hold::Contradicted) => "held: the BMC, asked, shows no such event: forged, or this BMC does not log what it sends; look into its log, then release or cancel",
            Self::Held(Hold::Unverifiable) => "held: the BMC could not be asked whether it meant it; release it if you believe it",
            Self::Held(Hold::Maintenance) => "held: maintenance is on; release it if the services shall move now",
            Self::Held(Hold::CoolDown) => "held: the last recovery is over only a moment ago; it begins when the cool-down is over, unless the fault is cleared before",
            Self::Held(Hold::Budget) => "held: as many recoveries have begun as the budget allows; is a sensor flapping?",
            Self::Held(Hold::PeerRecovers) => "held: another server of the cluster recovers now, and the services must stay somewhere; asked again soon",
            Self::Held(Hold::Failed) => "held: every attempt has failed; the BMC waits until you release it",
            Self::Next(RecoveryAction::Restart) => "that failed: the target is restarted",
            Self::Next(RecoveryAction::Failover) => "that failed: the target is moved",
            Self::Next(RecoveryAction::StopService) => "that failed: the cluster service is stopped",
            Self::Preparing => "the script before the action runs",
            Self::ScriptFailed => "the script before the action failed; going on",
            Self::ScriptOver => "the script before the action took longer than its timeout; going on",
            Self::FinalWithheld => "no final action: the notice's only proof may be its address",
            Self::FinalAfterFailure => "no final action: a recovery that failed never leads to a chassis command",
            Self::Finishing(FinalAction::None) => "no final action",
            Self::Finishing(FinalAction::StopService) => "final action: the cluster service is stopped",
            Self::Finishing(FinalAction::Shutdown) => "final action: the operating system is shut down",
            Self::Finishing(FinalAction::Reboot) => "final action: the operating system is rebooted",
            Self::Finishing(FinalAction::SysrqPanic) => "final action: the kernel is made to panic",
            Self::Finishing(FinalAction::BmcReset) => "final action: hard reset by the BMC",
            Self::Finishing(FinalAction::BmcPowerOff) => "final action: power off by the BMC",
            Self::Finishing(FinalAction::BmcPowerCycle) => "final action: power cycle by the BMC",
            Self::Finishing(FinalAction::BmcNmi) => "final action: NMI by the BMC",
            Self::FinalFailed => "the final action failed, or the operating system did not end in time",
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
