//! The steps that the machine's transitions are made of: each enters a state and says what to do there.
//!
//! Apart from the table of pairs, so that both can be read at a glance.

use super::{At, Job, Turn};
use crate::config::model::{AfterFailure, FinalAction};
use crate::now::Now;
use crate::recovery::action::{Action, Message};
use crate::recovery::journal::{Closed, Hold, Reconcile, Record, RecordId, Step};
use crate::recovery::plan::Next;
use crate::recovery::policy::RETRY;
use crate::recovery::timer::Timer;
use crate::words::{Attempt, Level, Outcome, Phase, RecoveryAction};
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

    /// The gate: a new recovery may have to wait.
    pub(super) fn admit(&mut self, job: Job) {
        let gate = self.policy.gate;
        if gate.maintenance {
            self.hold(job, Hold::Maintenance);
        } else if gate.spent {
            self.hold(job, Hold::Budget);
        } else if gate.cool_until.is_some_and(|until| until > self.now.boottime) {
            self.hold(job, Hold::CoolDown);
        } else {
            self.verify(job);
        }
    }

    fn verify(&mut self, job: Job) {
        self.go(At::Verifying(job));
        if self.policy.verify {
            self.arm(Timer::Verify, self.policy.verify_deadline);
            self.actions.push(Action::Verify(job.record));
        }
    }

    pub(super) fn hold(&mut self, job: Job, why: Hold) {
        self.stay_held(job, why);
        self.journal(job, Step::Held(why));
        self.report(Level::Error, Message::Held(why));
    }

    /// Holds that end by themselves have a timer.
    fn stay_held(&mut self, job: Job, why: Hold) {
        self.go(At::Held(job, why));
        match why {
            Hold::CoolDown => {
                let now = self.now.boottime;
                let until = self.policy.gate.cool_until.unwrap_or(now);
                self.arm(Timer::Retry, until.saturating_sub(now));
            }
            Hold::PeerRecovers => self.arm(Timer::Retry, RETRY),
            Hold::Contradicted | Hold::Unverifiable | Hold::Maintenance | Hold::Budget | Hold::Failed => {}
        }
    }

    /// The operator lets it go on, or the BMC's evidence does; no gate is asked again.
    pub(super) fn release(&mut self, job: Job, why: Hold) {
        self.journal(job, Step::Released);
        match why {
            Hold::Contradicted | Hold::Unverifiable | Hold::Maintenance | Hold::CoolDown | Hold::Budget => {
                self.start(job);
            }
            Hold::PeerRecovers => self.repeat(job),
            Hold::Failed => self.end(job, Outcome::Failed),
        }
    }

    /// The time of a hold is over.
    pub(super) fn retry(&mut self, job: Job, why: Hold) {
        match why {
            Hold::CoolDown => self.go(At::Recorded(job)), // through the gate again
            Hold::PeerRecovers => {
                self.journal(job, Step::Released);
                self.repeat(job);
            }
            Hold::Contradicted | Hold::Unverifiable | Hold::Maintenance | Hold::Budget | Hold::Failed => {}
        }
    }

    /// The attempt that had moved nothing, once more.
    fn repeat(&mut self, job: Job) {
        match self.policy.plan.at(job.attempt) {
            Next::Attempt(attempt) => self.attempt(job, attempt),
            Next::Final => self.exhausted(job), // the plan has changed since
        }
    }

    /// The fault is over, or the operator ends it. A BMC that heard *started* hears *ended* too.
    pub(super) fn leave_hold(&mut self, job: Job, why: Hold, reason: Closed) {
        if why.has_begun() { self.end(job, Outcome::Failed) } else { self.close(job, reason) }
    }

    pub(super) fn start(&mut self, job: Job) {
        self.go(At::Started(job));
        self.arm(Timer::WaitForStarted, self.policy.wait_for_started);
        self.journal(job, Step::StartedSent);
        self.actions.push(Action::Tell(job.record, Phase::Started));
    }

    pub(super) fn untold_started(&mut self, job: Job) {
        self.journal(job, Step::StartedGivenUp);
        self.report(Level::Warning, Message::StartedUnanswered);
    }

    /// The recovery begins, or runs again after we were killed.
    pub(super) fn begin(&mut self, job: Job) {
        let next = self.policy.plan.at(job.attempt.max(1));
        self.journal(job, Step::Begun { run: job.run });
        if job.attempt > 1
            && let Next::Attempt(attempt) = next
        {
            self.journal(job, Step::Attempt(attempt));
        }
        self.report(Level::Info, Message::Recovering);
        self.prepare(job, next);
    }

    /// The script before it first, where there is one.
    fn prepare(&mut self, job: Job, next: Next) {
        match self.policy.plan.script_before(next) {
            Some(timeout) => {
                self.go(At::Preparing(job, next));
                self.arm(Timer::Script, timeout);
                self.actions.push(Action::Prepare(job.record, next));
                self.report(Level::Info, Message::Preparing);
            }
            None => self.carry_out(job, next),
        }
    }

    /// After the script.
    pub(super) fn carry_out(&mut self, job: Job, next: Next) {
        match next {
            Next::Attempt(attempt) => self.attempt(job, attempt),
            Next::Final => self.finish(job),
        }
    }

    fn attempt(&mut self, job: Job, attempt: Attempt) {
        if attempt.action == RecoveryAction::StopService && !self.policy.final_allowed {
            self.report(Level::Warning, Message::FinalWithheld);
            return self.end(job, Outcome::Failed);
        }
        let job = Job { attempt: attempt.number, ..job };
        self.go(At::Recovering(job, attempt));
        self.arm(Timer::Recovery, self.policy.deadline);
        self.actions.push(Action::Recover(job.record, attempt));
    }

    /// The attempt has failed; what is left of the plan?
    pub(super) fn go_on(&mut self, job: Job, failed: Attempt) {
        match self.policy.plan.after(failed) {
            Next::Attempt(attempt) => {
                self.journal(job, Step::Attempt(attempt));
                self.report(Level::Error, Message::Next(attempt.action));
                self.prepare(Job { attempt: attempt.number, ..job }, Next::Attempt(attempt));
            }
            Next::Final => self.exhausted(job),
        }
    }

    /// Every attempt has failed.
    fn exhausted(&mut self, job: Job) {
        match (self.policy.after_failure, self.policy.plan.final_action) {
            (AfterFailure::Hold, _) => self.hold(job, Hold::Failed),
            (AfterFailure::Ended, FinalAction::Shutdown | FinalAction::Reboot | FinalAction::SysrqPanic) => {
                self.prepare(job, Next::Final);
            }
            (AfterFailure::Ended, FinalAction::None | FinalAction::StopService) => self.end(job, Outcome::Failed),
            (
                AfterFailure::Ended,
                FinalAction::BmcReset | FinalAction::BmcPowerOff | FinalAction::BmcPowerCycle | FinalAction::BmcNmi,
            ) => {
                self.report(Level::Error, Message::FinalAfterFailure);
                self.end(job, Outcome::Failed);
            }
        }
    }

    /// The final action. An operating system that ends tells us so, and only then the BMC hears *ended*; what
    /// leaves no time to say anything comes after *ended*.
    fn finish(&mut self, job: Job) {
        let plan = self.policy.plan;
        let outcome = if plan.is_final_alone() { Outcome::Done } else { Outcome::Failed };
        match plan.final_action {
            action @ (FinalAction::Shutdown | FinalAction::Reboot) if self.policy.final_allowed => {
                self.go(At::Finishing(job, outcome));
                self.arm(Timer::Final, self.policy.deadline);
                self.final_action(job, action);
            }
            // The BMC would reset in the middle of the dump: the crash kernel tells it.
            action @ FinalAction::SysrqPanic if self.policy.dump && self.policy.final_allowed => {
                self.go(At::Finishing(job, outcome));
                self.arm(Timer::Final, self.policy.deadline);
                self.final_action(job, action);
            }
            FinalAction::Shutdown | FinalAction::Reboot => {
                self.report(Level::Warning, Message::FinalWithheld);
                self.end(job, Outcome::Failed);
            }
            FinalAction::SysrqPanic => self.end(Job { panics: true, ..job }, outcome),
            // The chassis's ones follow *ended* as a declared one does: see `Policy::chassis`.
            FinalAction::None
            | FinalAction::StopService
            | FinalAction::BmcReset
            | FinalAction::BmcPowerOff
            | FinalAction::BmcPowerCycle
            | FinalAction::BmcNmi => self.end(job, outcome),
        }
    }

    fn final_action(&mut self, job: Job, action: FinalAction) {
        self.journal(job, Step::Final(action)); // before it: a restart must not do it again
        self.report(Level::Warning, Message::Finishing(action));
        self.actions.push(Action::Finish(job.record, action));
    }

    /// The operator breaks off what runs; nothing else is tried.
    pub(super) fn break_off(&mut self, job: Job) {
        self.report(Level::Warning, Message::Cancelled);
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
        self.panic_at_last(job);
    }

    /// Nothing is left to say to the BMC; the reset is awaited from `since` on, a boottime.
    pub(super) fn rest(&mut self, job: Job, outcome: Outcome, since: Duration) {
        self.go(At::resting(job, outcome));
        self.machine.timers.arm(Timer::Reset, since, self.policy.reset_deadline);
        self.journal(job, Step::AwaitingReset);
    }

    /// The BMC has understood *ended*.
    pub(super) fn after_ended(&mut self, job: Job, outcome: Outcome) {
        match (outcome, self.policy.chassis()) {
            (Outcome::Done, Some((command, true))) => {
                self.journal(job, Step::Chassis(command)); // before it: a restart must not send it again
                self.actions.push(Action::AfterEnded(job.record, command));
            }
            (Outcome::Done, Some((_, false))) => self.report(Level::Warning, Message::ChassisWithheld),
            (Outcome::Done, None) | (Outcome::Failed | Outcome::Unknown, _) => {}
        }
        self.panic_at_last(job);
    }

    /// A panic leaves no time to say anything, so it comes last.
    fn panic_at_last(&mut self, job: Job) {
        if !job.panics {
            return;
        }
        if self.policy.final_allowed {
            self.final_action(job, FinalAction::SysrqPanic);
        } else {
            self.report(Level::Warning, Message::FinalWithheld);
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
        let job = Job {
            joined: record.joined(),
            run: record.runs().max(1),
            attempt: record.attempt(),
            ..Job::new(record.id)
        };
        if let Reconcile::Close(reason) = how {
            // In this order: what is closed has no number any more to be named by.
            self.report(Level::Warning, Message::ClosedAfterBoot);
            return self.journal(job, Step::Closed(reason));
        }
        if !matches!(self.machine.at, At::Idle) {
            return self.react(crate::recovery::action::Event::Joined(record.id));
        }
        match how {
            Reconcile::Resume => {
                self.report(Level::Warning, Message::Resumed);
                if record.has_started() { self.start(job) } else { self.accept(job) }
            }
            // What was let through once is not asked again at the gate.
            Reconcile::Rerun { run } => {
                self.report(Level::Warning, Message::Rerun);
                self.start(Job { run, ..job });
            }
            Reconcile::GoOn { failed } => {
                self.report(Level::Warning, Message::Resumed);
                match self.policy.plan.at(failed) {
                    Next::Attempt(attempt) => self.go_on(job, attempt),
                    Next::Final => self.exhausted(job),
                }
            }
            Reconcile::StayHeld(why) => {
                self.report(Level::Warning, Message::Held(why));
                self.stay_held(job, why);
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
