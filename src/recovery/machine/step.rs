//! The steps that the machine's transitions are made of: each enters a state and says what to do there.
//!
//! Apart from the table of pairs, so that both can be read at a glance.

use super::{At, Job, Turn};
use crate::now::Now;
use crate::recovery::action::{Action, Message};
use crate::recovery::journal::{Closed, Hold, Reconcile, Record, RecordId, Step};
use crate::recovery::timer::Timer;
use crate::words::{Level, Outcome, Phase};
use core::time::Duration;

impl Turn<'_> {
    /// Enters a state; every state arms its own timers.
    fn go(&mut self, at: At) {
        self.machine.at = at;
        self.machine.timers.disarm();
    }

    fn arm(&mut self, timer: Timer, after: Duration) {
        let Now { boottime, .. } = self.now;
        self.machine.timers.arm(timer, boottime, after);
    }

    pub(super) fn journal(&mut self, job: Job, step: Step) {
        self.actions.push(Action::Journal(job.record, step));
    }

    pub(super) fn report(&mut self, level: Level, message: Message) {
        self.actions.push(Action::Report(level, message));
    }

    pub(super) fn stale(&mut self) {
        self.report(Level::Warning, Message::StaleAnswer);
    }

    pub(super) fn accept(&mut self, job: Job) {
        self.go(At::Recorded(job));
        if !job.record.is_durable() {
            self.report(Level::Error, Message::Volatile);
        }
    }

    pub(super) fn verify(&mut self, job: Job) {
        self.go(At::Verifying(job));
        if self.policy.verify {
            self.arm(Timer::Verify, self.policy.verify_deadline);
            self.actions.push(Action::Verify(job.record));
        }
    }

    pub(super) fn hold(&mut self, job: Job, why: Hold) {
        self.go(At::Held(job));
        self.journal(job, Step::Held(why));
        self.report(Level::Error, Message::Held(why));
    }

    pub(super) fn start(&mut self, job: Job) {
        self.go(At::Started(job));
        self.arm(Timer::WaitForStarted, self.policy.wait_for_started);
        self.journal(job, Step::StartedSent);
        self.actions.push(Action::Tell(job.record, Phase::Started));
    }

    pub(super) fn recover(&mut self, job: Job) {
        self.go(At::Recovering(job));
        self.arm(Timer::Recovery, self.policy.deadline);
        self.journal(job, Step::Begun { run: job.run });
        self.actions.push(Action::Recover(job.record));
        self.report(Level::Info, Message::Recovering);
    }

    pub(super) fn abandon(&mut self, job: Job, level: Level, message: Message) {
        self.report(level, message);
        self.journal(job, Step::Abandoned);
        self.actions.push(Action::Abandon(job.record));
        self.end(job, Outcome::Failed);
    }

    pub(super) fn end(&mut self, job: Job, outcome: Outcome) {
        self.go(At::Ending(job, outcome));
        self.arm(Timer::EndedTold, self.policy.tell_deadline);
        self.journal(job, Step::Ending(outcome));
        self.actions.push(Action::Tell(job.record, Phase::Ended(outcome)));
    }

    pub(super) fn give_up(&mut self, job: Job, outcome: Outcome) {
        self.journal(job, Step::EndedGivenUp(outcome));
        self.report(Level::Error, Message::EndedUnanswered);
        self.rest(job, outcome, self.now.boottime);
    }

    /// Nothing is left to say to the BMC; the reset is awaited from `since` on, a boottime.
    pub(super) fn rest(&mut self, job: Job, outcome: Outcome, since: Duration) {
        self.go(match outcome {
            Outcome::Done => At::AwaitingReset(job),
            Outcome::Failed | Outcome::Unknown => At::Failed(job, outcome),
        });
        self.machine.timers.arm(Timer::Reset, since, self.policy.reset_deadline);
        self.journal(job, Step::AwaitingReset);
    }

    /// The BMC has understood *ended*.
    pub(super) fn after_ended(&mut self, job: Job, outcome: Outcome) {
        match (outcome, self.policy.chassis()) {
            (Outcome::Done, Some(command)) if self.policy.chassis_allowed => {
                self.journal(job, Step::Chassis(command)); // before it: a restart must not send it again
                self.actions.push(Action::AfterEnded(job.record, command));
            }
            (Outcome::Done, Some(_)) => self.report(Level::Warning, Message::ChassisWithheld),
            (Outcome::Done, None) | (Outcome::Failed | Outcome::Unknown, _) => {}
        }
    }

    /// A further notice: counted, journaled, and no second recovery.
    pub(super) fn join(&mut self, job: Job, other: RecordId, at: impl Fn(Job) -> At) {
        if other.serial() == job.record.serial() {
            return;
        }
        let job = Job { joined: job.joined.saturating_add(1), ..job };
        self.machine.at = at(job); // the timers go on
        self.journal(job, Step::Joined { other: other.serial(), count: job.joined });
        self.actions.push(Action::Journal(other, Step::Closed(Closed::Superseded)));
        self.report(Level::Info, Message::Joined);
    }

    pub(super) fn cancel(&mut self, job: Job) {
        self.report(Level::Warning, Message::Cancelled);
        self.close(job, Closed::Operator);
    }

    pub(super) fn close(&mut self, job: Job, reason: Closed) {
        self.go(At::Idle);
        self.journal(job, Step::Closed(reason));
    }

    /// Takes up a record after a restart. Two open records for one monitor can only come from a
    /// changed configuration: the second joins the first.
    pub(super) fn restore(&mut self, record: &Record, how: Reconcile) {
        let job = Job { record: record.id, joined: record.joined(), run: record.runs().max(1) };
        if let Reconcile::Close(reason) = how {
            self.journal(job, Step::Closed(reason));
            return self.report(Level::Warning, Message::ClosedAfterBoot);
        }
        if !matches!(self.machine.at, At::Idle) {
            return self.react(crate::recovery::action::Event::Joined(record.id));
        }
        match how {
            Reconcile::Resume => {
                self.report(Level::Warning, Message::Resumed);
                self.accept(job);
            }
            Reconcile::Rerun { run } => {
                self.report(Level::Warning, Message::Rerun);
                self.accept(Job { run, ..job });
            }
            Reconcile::StayHeld => {
                self.report(Level::Warning, Message::Resumed);
                self.go(At::Held(job));
            }
            Reconcile::TellEnded(outcome) => {
                let interrupted = outcome == Outcome::Unknown;
                let (level, message) =
                    if interrupted { (Level::Error, Message::Interrupted) } else { (Level::Warning, Message::Resumed) };
                self.report(level, message);
                self.end(job, outcome);
            }
            Reconcile::Await { outcome, since } => {
                self.report(Level::Info, Message::Resumed);
                self.rest(job, outcome, since);
            }
            Reconcile::Close(_) => {} // above
        }
    }
}
