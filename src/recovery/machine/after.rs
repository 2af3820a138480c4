//! What every event does once no attempt runs any more: one function a state, each listing all events.
//!
//! As `pairs`, whose second half this is.

use super::{At, Job, Turn};
use crate::recovery::action::{Action, Event, Message};
use crate::recovery::journal::{Closed, Step};
use crate::recovery::timer::Timer;
use crate::words::{Answer, Level, Outcome, Phase};

impl Turn<'_> {
    pub(super) fn finishing(&mut self, job: Job, outcome: Outcome, event: Event) {
        match event {
            Event::Recorded(other) | Event::Joined(other) => self.join(job, other, |job| At::Finishing(job, outcome)),
            Event::Told(Phase::Started) => self.journal(job, Step::StartedTold),
            Event::Untold(Phase::Started) => self.untold_started(job),
            // The operating system ends, and we with it: that is what was wanted.
            Event::Leaving => self.end(job, outcome),
            Event::Finished(true) => {}
            Event::Finished(false) | Event::Expired(Timer::Final) => {
                self.report(Level::Error, Message::FinalFailed);
                self.end(job, Outcome::Failed);
            }
            Event::Cancelled => self.break_off(job),
            Event::Answered(Answer::Done | Answer::Failed | Answer::Later) => self.stale(),
            Event::Supported
            | Event::Contradicted
            | Event::Unanswerable
            | Event::Told(Phase::Armed | Phase::Ended(_) | Phase::Disarmed)
            | Event::Untold(Phase::Armed | Phase::Ended(_) | Phase::Disarmed)
            | Event::Prepared(_)
            | Event::Lost
            | Event::Deferred
            | Event::Expired(
                Timer::Verify
                | Timer::WaitForStarted
                | Timer::Script
                | Timer::Recovery
                | Timer::Retry
                | Timer::EndedTold
                | Timer::Reset,
            )
            | Event::Cleared
            | Event::Released
            | Event::Booted => {}
        }
    }

    pub(super) fn ending(&mut self, job: Job, outcome: Outcome, event: Event) {
        match event {
            Event::Recorded(other) | Event::Joined(other) => self.join(job, other, |job| At::Ending(job, outcome)),
            Event::Told(Phase::Started) => self.journal(job, Step::StartedTold),
            Event::Told(Phase::Ended(told)) if told == outcome => {
                self.journal(job, Step::EndedTold(outcome));
                self.rest(job, outcome, self.now.boottime);
                self.after_ended(job, outcome);
            }
            Event::Untold(Phase::Ended(untold)) if untold == outcome => self.give_up(job, outcome),
            Event::Expired(Timer::EndedTold) => self.give_up(job, outcome),
            Event::Answered(Answer::Done | Answer::Failed | Answer::Later) => self.stale(),
            Event::Told(Phase::Armed | Phase::Ended(_) | Phase::Disarmed)
            | Event::Untold(Phase::Armed | Phase::Started | Phase::Ended(_) | Phase::Disarmed)
            | Event::Supported
            | Event::Contradicted
            | Event::Unanswerable
            | Event::Prepared(_)
            | Event::Lost
            | Event::Deferred
            | Event::Finished(_)
            | Event::Leaving
            | Event::Expired(
                Timer::Verify
                | Timer::WaitForStarted
                | Timer::Script
                | Timer::Recovery
                | Timer::Final
                | Timer::Retry
                | Timer::Reset,
            )
            | Event::Cleared
            | Event::Released
            | Event::Cancelled
            | Event::Booted => {}
        }
    }

    /// The reset is awaited: after one that is done, and after one that failed.
    pub(super) fn resting(&mut self, job: Job, outcome: Outcome, event: Event) {
        match event {
            Event::Recorded(other) | Event::Joined(other) => self.join(job, other, |job| At::resting(job, outcome)),
            Event::Expired(Timer::Reset) => {
                self.report(Level::Warning, Message::NoReset);
                self.close(job, outcome.into());
            }
            Event::Cleared => {
                self.report(Level::Info, Message::Cleared);
                self.withdraw(job, Closed::Cleared);
            }
            Event::Booted => {
                self.report(Level::Info, Message::Booted);
                self.close(job, outcome.into());
            }
            Event::Cancelled => {
                self.report(Level::Warning, Message::Cancelled);
                self.withdraw(job, Closed::Operator);
            }
            Event::Answered(Answer::Done | Answer::Failed | Answer::Later) => self.stale(),
            // An *ended* that is understood only now is too late for a chassis command.
            Event::Told(_)
            | Event::Untold(_)
            | Event::Supported
            | Event::Contradicted
            | Event::Unanswerable
            | Event::Prepared(_)
            | Event::Lost
            | Event::Deferred
            | Event::Finished(_)
            | Event::Leaving
            | Event::Expired(
                Timer::Verify
                | Timer::WaitForStarted
                | Timer::Script
                | Timer::Recovery
                | Timer::Final
                | Timer::Retry
                | Timer::EndedTold,
            )
            | Event::Released => {}
        }
    }

    /// What was set in the cluster is taken back before the record is closed.
    fn withdraw(&mut self, job: Job, reason: Closed) {
        self.actions.push(Action::Withdraw(job.record));
        self.close(job, reason);
    }
}
