//! What every event does in every state: one function a state, each listing all events.
//!
//! No wildcard arm stands for an event, so a new one does not compile before each state has decided.

use super::{At, Job, Turn};
use crate::recovery::action::{Action, Event, Message};
use crate::recovery::journal::{Closed, Hold, Step};
use crate::recovery::policy::WhenUnverifiable;
use crate::recovery::timer::Timer;
use crate::words::{Answer, Level, Outcome, Phase};

impl Turn<'_> {
    pub(super) fn idle(&mut self, event: Event) {
        match event {
            // A notice that came to join what has just ended is not lost.
            Event::Recorded(record) | Event::Joined(record) => self.accept(Job { record, joined: 0, run: 1 }),
            Event::Answered(Answer::Done | Answer::Failed | Answer::Later) => self.stale(),
            Event::Supported
            | Event::Contradicted
            | Event::Unanswerable
            | Event::Told(_)
            | Event::Untold(_)
            | Event::Lost
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
            | Event::Lost
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
            | Event::Lost
            | Event::Expired(Timer::WaitForStarted | Timer::Recovery | Timer::EndedTold | Timer::Reset)
            | Event::Released => {}
        }
    }

    pub(super) fn started(&mut self, job: Job, event: Event) {
        match event {
            Event::Recorded(other) | Event::Joined(other) => self.join(job, other, At::Started),
            Event::Told(Phase::Started) => {
                self.journal(job, Step::StartedTold);
                self.recover(job);
            }
            Event::Untold(Phase::Started) | Event::Expired(Timer::WaitForStarted) => {
                self.journal(job, Step::StartedGivenUp);
                self.report(Level::Warning, Message::StartedUnanswered);
                self.recover(job);
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
            | Event::Lost
            | Event::Expired(Timer::Verify | Timer::Recovery | Timer::EndedTold | Timer::Reset)
            | Event::Cleared
            | Event::Released
            | Event::Booted => {}
        }
    }

    pub(super) fn recovering(&mut self, job: Job, event: Event) {
        match event {
            Event::Recorded(other) | Event::Joined(other) => self.join(job, other, At::Recovering),
            Event::Told(Phase::Started) => self.journal(job, Step::StartedTold),
            Event::Untold(Phase::Started) => {
                self.journal(job, Step::StartedGivenUp);
                self.report(Level::Warning, Message::StartedUnanswered);
            }
            Event::Answered(Answer::Done) => {
                self.journal(job, Step::Answered(Answer::Done));
                self.report(Level::Info, Message::Done);
                self.end(job, Outcome::Done);
            }
            Event::Answered(Answer::Failed) => {
                self.journal(job, Step::Answered(Answer::Failed));
                self.report(Level::Error, Message::Failed);
                self.end(job, Outcome::Failed);
            }
            Event::Answered(Answer::Later) => self.journal(job, Step::Answered(Answer::Later)),
            Event::Lost => {
                self.report(Level::Error, Message::ResultLost);
                self.end(job, Outcome::Failed);
            }
            Event::Expired(Timer::Recovery) => self.abandon(job, Level::Error, Message::DeadlineOver),
            Event::Cancelled => self.abandon(job, Level::Warning, Message::Cancelled),
            // Half of the services may have moved: only the recovery itself can end well.
            Event::Cleared | Event::Booted => {}
            Event::Supported
            | Event::Contradicted
            | Event::Unanswerable
            | Event::Told(Phase::Armed | Phase::Ended(_) | Phase::Disarmed)
            | Event::Untold(Phase::Armed | Phase::Ended(_) | Phase::Disarmed)
            | Event::Expired(Timer::Verify | Timer::WaitForStarted | Timer::EndedTold | Timer::Reset)
            | Event::Released => {}
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
            | Event::Lost
            | Event::Expired(Timer::Verify | Timer::WaitForStarted | Timer::Recovery | Timer::Reset)
            | Event::Cleared
            | Event::Released
            | Event::Cancelled
            | Event::Booted => {}
        }
    }

    pub(super) fn awaiting_reset(&mut self, job: Job, event: Event) {
        match event {
            Event::Recorded(other) | Event::Joined(other) => self.join(job, other, At::AwaitingReset),
            Event::Expired(Timer::Reset) => {
                self.report(Level::Warning, Message::NoReset);
                self.close(job, Closed::Done);
            }
            Event::Cleared => {
                self.report(Level::Info, Message::Cleared);
                self.close(job, Closed::Cleared);
            }
            Event::Booted => {
                self.report(Level::Info, Message::Booted);
                self.close(job, Closed::Done);
            }
            Event::Cancelled => self.cancel(job),
            Event::Answered(Answer::Done | Answer::Failed | Answer::Later) => self.stale(),
            // An *ended* that is understood only now is too late for a chassis command.
            Event::Told(_)
            | Event::Untold(_)
            | Event::Supported
            | Event::Contradicted
            | Event::Unanswerable
            | Event::Lost
            | Event::Expired(Timer::Verify | Timer::WaitForStarted | Timer::Recovery | Timer::EndedTold)
            | Event::Released => {}
        }
    }

    pub(super) fn held(&mut self, job: Job, event: Event) {
        match event {
            Event::Recorded(other) | Event::Joined(other) => {
                self.join(job, other, At::Held);
                self.actions.push(Action::Verify(job.record)); // a retransmission asks again
            }
            Event::Supported | Event::Released => {
                self.journal(job, Step::Released);
                self.start(job);
            }
            Event::Cleared => {
                self.report(Level::Info, Message::Cleared);
                self.close(job, Closed::Cleared);
            }
            Event::Cancelled => self.cancel(job),
            Event::Booted => self.close(job, Closed::InterruptedByReset),
            Event::Answered(Answer::Done | Answer::Failed | Answer::Later) => self.stale(),
            Event::Contradicted
            | Event::Unanswerable
            | Event::Told(_)
            | Event::Untold(_)
            | Event::Lost
            | Event::Expired(_) => {}
        }
    }

    pub(super) fn failed(&mut self, job: Job, outcome: Outcome, event: Event) {
        match event {
            Event::Recorded(other) | Event::Joined(other) => self.join(job, other, |job| At::Failed(job, outcome)),
            Event::Expired(Timer::Reset) => {
                self.report(Level::Warning, Message::NoReset);
                self.close(job, outcome.into());
            }
            Event::Cleared => {
                self.report(Level::Info, Message::Cleared);
                self.close(job, Closed::Cleared);
            }
            Event::Booted => {
                self.report(Level::Info, Message::Booted);
                self.close(job, outcome.into());
            }
            Event::Cancelled => self.cancel(job),
            Event::Answered(Answer::Done | Answer::Failed | Answer::Later) => self.stale(),
            Event::Told(_)
            | Event::Untold(_)
            | Event::Supported
            | Event::Contradicted
            | Event::Unanswerable
            | Event::Lost
            | Event::Expired(Timer::Verify | Timer::WaitForStarted | Timer::Recovery | Timer::EndedTold)
            | Event::Released => {}
        }
    }
}
