//! What every event does in every state, up to the attempts' end: one function a state, each listing all events.
//!
//! No wildcard arm stands for an event, so a new one does not compile before each state has decided.
//! What follows the attempts is in `after`.

use super::{At, Job, Turn};
use crate::recovery::action::{Action, Event, Message};
use crate::recovery::journal::{Closed, Hold, Step};
use crate::recovery::plan::Next;
use crate::recovery::policy::WhenUnverifiable;
use crate::recovery::timer::Timer;
use crate::words::{Answer, Attempt, Level, Outcome, Phase};

impl Turn<'_> {
    pub(super) fn idle(&mut self, event: Event) {
        match event {
            // A notice that came to join what has just ended is not lost.
            Event::Recorded(record) | Event::Joined(record) => self.accept(Job::new(record)),
            Event::Answered(Answer::Done | Answer::Failed | Answer::Later) => self.stale(),
            Event::Supported
            | Event::Contradicted
            | Event::Unanswerable
            | Event::Told(_)
            | Event::Untold(_)
            | Event::Prepared(_)
            | Event::Lost
            | Event::Deferred
            | Event::Finished(_)
            | Event::Leaving
            | Event::Expired(_)
            | Event::Cleared
            | Event::Released
            | Event::Cancelled
            | Event::Booted => {}
        }
    }

    pub(super) fn recorded(&mut self, job: Job, event: Event) {
        match event {
            Event::Recorded(other) | Event::Joined(other) => self.join(job, other, At::Recorded),
            Event::Cancelled => self.cancel(job),
            Event::Booted => self.close(job, Closed::InterruptedByReset),
            Event::Answered(Answer::Done | Answer::Failed | Answer::Later) => self.stale(),
            Event::Supported
            | Event::Contradicted
            | Event::Unanswerable
            | Event::Told(_)
            | Event::Untold(_)
            | Event::Prepared(_)
            | Event::Lost
            | Event::Deferred
            | Event::Finished(_)
            | Event::Leaving
            | Event::Expired(_)
            | Event::Cleared
            | Event::Released => {}
        }
    }

    pub(super) fn verifying(&mut self, job: Job, event: Event) {
        match event {
            Event::Recorded(other) | Event::Joined(other) => {
                self.join(job, other, At::Verifying);
                self.actions.push(Action::Verify(job.record)); // a retransmission asks again
            }
            Event::Supported => self.start(job),
            Event::Contradicted => self.hold(job, Hold::Contradicted),
            Event::Unanswerable | Event::Expired(Timer::Verify) => match self.policy.when_unverifiable {
                WhenUnverifiable::Hold => self.hold(job, Hold::Unverifiable),
                WhenUnverifiable::Recover => {
                    self.report(Level::Warning, Message::RecoverUnverified);
                    self.start(job);
                }
            },
            Event::Cancelled => self.cancel(job),
            Event::Booted => self.close(job, Closed::InterruptedByReset),
            Event::Answered(Answer::Done | Answer::Failed | Answer::Later) => self.stale(),
            // A clearing notice is no evidence that the fault was none.
            Event::Cleared
            | Event::Told(_)
            | Event::Untold(_)
            | Event::Prepared(_)
            | Event::Lost
            | Event::Deferred
            | Event::Finished(_)
            | Event::Leaving
            | Event::Expired(
                Timer::WaitForStarted
                | Timer::Script
                | Timer::Recovery
                | Timer::Final
                | Timer::Retry
                | Timer::EndedTold
                | Timer::Reset,
            )
            | Event::Released => {}
        }
    }

    pub(super) fn started(&mut self, job: Job, event: Event) {
        match event {
            Event::Recorded(other) | Event::Joined(other) => self.join(job, other, At::Started),
            Event::Told(Phase::Started) => {
                self.journal(job, Step::StartedTold);
                self.begin(job);
            }
            Event::Untold(Phase::Started) | Event::Expired(Timer::WaitForStarted) => {
                self.journal(job, Step::StartedGivenUp);
                self.report(Level::Warning, Message::StartedUnanswered);
                self.begin(job);
            }
            // The BMC has heard *started*, so it hears *ended* too.
            Event::Cancelled => {
                self.report(Level::Warning, Message::Cancelled);
                self.end(job, Outcome::Failed);
            }
            Event::Answered(Answer::Done | Answer::Failed | Answer::Later) => self.stale(),
            Event::Supported
            | Event::Contradicted
            | Event::Unanswerable
            | Event::Told(Phase::Armed | Phase::Ended(_) | Phase::Disarmed)
            | Event::Untold(Phase::Armed | Phase::Ended(_) | Phase::Disarmed)
            | Event::Prepared(_)
            | Event::Lost
            | Event::Deferred
            | Event::Finished(_)
            | Event::Leaving
            | Event::Expired(
                Timer::Verify
                | Timer::Script
                | Timer::Recovery
                | Timer::Final
                | Timer::Retry
                | Timer::EndedTold
                | Timer::Reset,
            )
            | Event::Cleared
            | Event::Released
            | Event::Booted => {}
        }
    }

    pub(super) fn preparing(&mut self, job: Job, next: Next, event: Event) {
        match event {
            Event::Recorded(other) | Event::Joined(other) => self.join(job, other, |job| At::Preparing(job, next)),
            Event::Told(Phase::Started) => self.journal(job, Step::StartedTold),
            Event::Untold(Phase::Started) => self.untold_started(job),
            Event::Prepared(true) => self.carry_out(job, next),
            Event::Prepared(false) => {
                self.report(Level::Error, Message::ScriptFailed);
                self.carry_out(job, next);
            }
            Event::Expired(Timer::Script) => {
                self.report(Level::Error, Message::ScriptOver);
                self.actions.push(Action::Abandon(job.record));
                self.carry_out(job, next);
            }
            Event::Cancelled => self.break_off(job),
            Event::Answered(Answer::Done | Answer::Failed | Answer::Later) => self.stale(),
            Event::Supported
            | Event::Contradicted
            | Event::Unanswerable
            | Event::Told(Phase::Armed | Phase::Ended(_) | Phase::Disarmed)
            | Event::Untold(Phase::Armed | Phase::Ended(_) | Phase::Disarmed)
            | Event::Lost
            | Event::Deferred
            | Event::Finished(_)
            | Event::Leaving
            | Event::Expired(
                Timer::Verify
                | Timer::WaitForStarted
                | Timer::Recovery
                | Timer::Final
                | Timer::Retry
                | Timer::EndedTold
                | Timer::Reset,
            )
            | Event::Cleared
            | Event::Released
            | Event::Booted => {}
        }
    }

    pub(super) fn recovering(&mut self, job: Job, attempt: Attempt, event: Event) {
        match event {
            Event::Recorded(other) | Event::Joined(other) => self.join(job, other, |job| At::Recovering(job, attempt)),
            Event::Told(Phase::Started) => self.journal(job, Step::StartedTold),
            Event::Untold(Phase::Started) => self.untold_started(job),
            Event::Answered(Answer::Done) => {
                self.journal(job, Step::Answered(Answer::Done));
                self.report(Level::Info, Message::Done);
                self.end(job, Outcome::Done);
            }
            Event::Answered(Answer::Failed) => {
                self.journal(job, Step::Answered(Answer::Failed));
                self.report(Level::Error, Message::Failed);
                self.go_on(job, attempt);
            }
            Event::Answered(Answer::Later) => self.journal(job, Step::Answered(Answer::Later)),
            Event::Lost => {
                self.journal(job, Step::Answered(Answer::Failed));
                self.report(Level::Error, Message::ResultLost);
                self.go_on(job, attempt);
            }
            Event::Deferred => self.hold(job, Hold::PeerRecovers),
            Event::Expired(Timer::Recovery) => {
                self.report(Level::Error, Message::DeadlineOver);
                self.journal(job, Step::Abandoned);
                self.actions.push(Action::Abandon(job.record));
                self.go_on(job, attempt);
            }
            Event::Cancelled => self.break_off(job),
            // Half of the services may have moved: only the recovery itself can end well.
            Event::Cleared | Event::Booted => {}
            Event::Supported
            | Event::Contradicted
            | Event::Unanswerable
            | Event::Told(Phase::Armed | Phase::Ended(_) | Phase::Disarmed)
            | Event::Untold(Phase::Armed | Phase::Ended(_) | Phase::Disarmed)
            | Event::Prepared(_)
            | Event::Finished(_)
            | Event::Leaving
            | Event::Expired(
                Timer::Verify
                | Timer::WaitForStarted
                | Timer::Script
                | Timer::Final
                | Timer::Retry
                | Timer::EndedTold
                | Timer::Reset,
            )
            | Event::Released => {}
        }
    }

    pub(super) fn held(&mut self, job: Job, why: Hold, event: Event) {
        match event {
            Event::Recorded(other) | Event::Joined(other) => {
                self.join(job, other, |job| At::Held(job, why));
                if why.is_about_evidence() {
                    self.actions.push(Action::Verify(job.record)); // a retransmission asks again
                }
            }
            Event::Supported if why.is_about_evidence() => self.release(job, why),
            Event::Released => self.release(job, why),
            Event::Expired(Timer::Retry) => self.retry(job, why),
            Event::Cleared => {
                self.report(Level::Info, Message::Cleared);
                self.leave_hold(job, why, Closed::Cleared);
            }
            Event::Cancelled => {
                self.report(Level::Warning, Message::Cancelled);
                self.leave_hold(job, why, Closed::Operator);
            }
            Event::Booted if !why.has_begun() => self.close(job, Closed::InterruptedByReset),
            // Of a recovery that had begun before it was held.
            Event::Told(Phase::Started) if why.has_begun() => self.journal(job, Step::StartedTold),
            Event::Untold(Phase::Started) if why.has_begun() => self.untold_started(job),
            Event::Answered(Answer::Done | Answer::Failed | Answer::Later) => self.stale(),
            Event::Supported
            | Event::Contradicted
            | Event::Unanswerable
            | Event::Told(_)
            | Event::Untold(_)
            | Event::Prepared(_)
            | Event::Lost
            | Event::Deferred
            | Event::Finished(_)
            | Event::Leaving
            | Event::Booted
            | Event::Expired(
                Timer::Verify
                | Timer::WaitForStarted
                | Timer::Script
                | Timer::Recovery
                | Timer::Final
                | Timer::EndedTold
                | Timer::Reset,
            ) => {}
        }
    }
}
