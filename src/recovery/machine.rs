//! One recovery, from its record to the reset: the machine of one (server, monitor).
//!
//! Every pair of state and event is listed; `docs/recovery-machine.md` is drawn from this code. What
//! it promises: one recovery a record, one *ended* for every *started*, a chassis command only after
//! the BMC has understood `ended(done)`, and none after a failure. Input: events of `engine`.

mod after;
mod pairs;
mod step;

use super::action::{Action, Event};
use super::journal::{Hold, Reconcile, Record, RecordId};
use super::plan::Next;
use super::policy::Policy;
use super::timer::{Timer, Timers};
use crate::now::Now;
use crate::words::{Attempt, Outcome};
use core::time::Duration;

/// What is to be done, in this order. At most `MAX_ACTIONS`.
pub type Actions = Vec<Action>;
/// Limit: the most actions that one event causes.
pub const MAX_ACTIONS: usize = 8;

/// Where a recovery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing to do.
    Idle,
    /// The notice is in the journal. Left at once: the gate lets it through or holds it.
    Recorded,
    /// The BMC is asked whether it meant it.
    Verifying,
    /// *Started* is out, its answer is awaited before anything moves.
    Started,
    /// The script before an attempt, or before the final action, runs.
    Preparing,
    /// An attempt of the operator's recovery runs.
    Recovering,
    /// The operating system is asked to end, as the final action; *ended* goes out when it asks us to.
    Finishing,
    /// *Ended* is out, its answer is awaited.
    Ending,
    /// Done; the reset is awaited. What was moved away stays away.
    AwaitingReset,
    /// Waits for the operator, or for the end of what holds it.
    Held,
    /// Failed, or nobody knows; the reset, or the operator, is awaited.
    Failed,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Idle,
        Self::Recorded,
        Self::Verifying,
        Self::Started,
        Self::Preparing,
        Self::Recovering,
        Self::Finishing,
        Self::Ending,
        Self::AwaitingReset,
        Self::Held,
        Self::Failed,
    ];
}

/// What the recovery is about, in all states but `Idle`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) record: RecordId,
    pub(super) joined: u32,
    pub(super) run: u8,
    /// The newest attempt; 0: none yet.
    pub(super) attempt: u8,
    /// The kernel's panic is to follow, as the final action.
    pub(super) panics: bool,
}

impl Job {
    pub(super) fn new(record: RecordId) -> Self {
        Self { record, joined: 0, run: 1, attempt: 0, panics: false }
    }
}

/// A state with what it knows.
#[derive(Debug, Clone, Copy)]
pub(super) enum At {
    Idle,
    Recorded(Job),
    Verifying(Job),
    Started(Job),
    Preparing(Job, Next),
    Recovering(Job, Attempt),
    Finishing(Job, Outcome),
    Ending(Job, Outcome),
    AwaitingReset(Job),
    Held(Job, Hold),
    Failed(Job, Outcome),
}

impl At {
    /// Where a recovery of this outcome awaits the reset.
    fn resting(job: Job, outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::AwaitingReset(job),
            Outcome::Failed | Outcome::Unknown => Self::Failed(job, outcome),
        }
    }
}

/// The machine of one (server, monitor).
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    at: At,
    timers: Timers,
}

impl Default for Machine {
    fn default() -> Self {
        Self { at: At::Idle, timers: Timers::default() }
    }
}

impl Machine {
    /// A machine with nothing to do.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        match self.at {
            At::Idle => State::Idle,
            At::Recorded(_) => State::Recorded,
            At::Verifying(_) => State::Verifying,
            At::Started(_) => State::Started,
            At::Preparing(..) => State::Preparing,
            At::Recovering(..) => State::Recovering,
            At::Finishing(..) => State::Finishing,
            At::Ending(..) => State::Ending,
            At::AwaitingReset(_) => State::AwaitingReset,
            At::Held(..) => State::Held,
            At::Failed(..) => State::Failed,
        }
    }

    /// The record that it is about.
    pub fn record(&self) -> Option<RecordId> {
        self.job().map(|job| job.record)
    }

    /// How many notices have joined.
    pub fn joined(&self) -> u32 {
        self.job().map_or(0, |job| job.joined)
    }

    /// Why it is held, if it is.
    pub fn held(&self) -> Option<Hold> {
        match self.at {
            At::Held(_, why) => Some(why),
            At::Idle
            | At::Recorded(_)
            | At::Verifying(_)
            | At::Started(_)
            | At::Preparing(..)
            | At::Recovering(..)
            | At::Finishing(..)
            | At::Ending(..)
            | At::AwaitingReset(_)
            | At::Failed(..) => None,
        }
    }

    /// The attempt that runs.
    pub fn attempt(&self) -> Option<Attempt> {
        if let At::Recovering(_, attempt) = self.at { Some(attempt) } else { None }
    }

    /// When [`Machine::handle_timeout`] is due, in boottime. May change with every call.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.timers.next()
    }

    fn job(&self) -> Option<Job> {
        match self.at {
            At::Idle => None,
            At::Recorded(job)
            | At::Verifying(job)
            | At::Started(job)
            | At::Preparing(job, _)
            | At::Recovering(job, _)
            | At::Finishing(job, _)
            | At::Ending(job, _)
            | At::AwaitingReset(job)
            | At::Held(job, _)
            | At::Failed(job, _) => Some(job),
        }
    }

    /// Takes an event. A timer that is not over is no event.
    pub fn handle(&mut self, now: Now, event: Event, policy: &Policy) -> Actions {
        if let Event::Expired(timer) = event {
            if !self.timers.is_over(timer, now) {
                return vec![];
            }
            self.timers.stop(timer);
        }
        let mut turn = Turn { machine: self, now, policy, actions: vec![] };
        turn.react(event);
        turn.settle();
        turn.actions
    }

    /// Takes a timer that is over; a spurious call does nothing.
    pub fn handle_timeout(&mut self, now: Now, policy: &Policy) -> Actions {
        let over = Timer::ALL.into_iter().find(|timer| self.timers.is_over(*timer, now));
        over.map_or(vec![], |timer| self.handle(now, Event::Expired(timer), policy))
    }

    /// *Ended* goes out only now, for it had to wait for another recovery of the server: its time begins
    /// anew. Elsewhere than in `Ending` this does nothing.
    pub fn ended_goes_out(&mut self, now: Now, policy: &Policy) {
        if let At::Ending(..) = self.at {
            self.timers.arm(Timer::EndedTold, now.boottime, policy.tell_deadline);
        }
    }

    /// Takes up a record that a restart found in the journal.
    pub fn restore(&mut self, now: Now, record: &Record, how: Reconcile, policy: &Policy) -> Actions {
        let mut turn = Turn { machine: self, now, policy, actions: vec![] };
        turn.restore(record, how);
        turn.settle();
        turn.actions
    }

    /// A machine in this state, without timers: for the picture.
    pub(super) fn placed(at: At) -> Self {
        Self { at, timers: Timers::default() }
    }

    /// One transition alone, whatever the timers say: for the picture.
    pub(super) fn react(&mut self, now: Now, event: Event, policy: &Policy) -> Actions {
        let mut turn = Turn { machine: self, now, policy, actions: vec![] };
        turn.react(event);
        turn.actions
    }

    /// The transition that needs no event, if there is one here: for the picture.
    pub(super) fn advance(&mut self, now: Now, policy: &Policy) -> bool {
        Turn { machine: self, now, policy, actions: vec![] }.advance()
    }
}

/// One event on its way through the machine.
struct Turn<'a> {
    machine: &'a mut Machine,
    now: Now,
    policy: &'a Policy,
    actions: Actions,
}

impl Turn<'_> {
    fn react(&mut self, event: Event) {
        match self.machine.at {
            At::Idle => self.idle(event),
            At::Recorded(job) => self.recorded(job, event),
            At::Verifying(job) => self.verifying(job, event),
            At::Started(job) => self.started(job, event),
            At::Preparing(job, next) => self.preparing(job, next, event),
            At::Recovering(job, attempt) => self.recovering(job, attempt, event),
            At::Finishing(job, outcome) => self.finishing(job, outcome, event),
            At::Ending(job, outcome) => self.ending(job, outcome, event),
            At::AwaitingReset(job) => self.resting(job, Outcome::Done, event),
            At::Held(job, why) => self.held(job, why, event),
            At::Failed(job, outcome) => self.resting(job, outcome, event),
        }
    }

    /// Goes on as long as no event is needed.
    fn settle(&mut self) {
        while self.advance() {}
    }

    fn advance(&mut self) -> bool {
        match self.machine.at {
            At::Recorded(job) => self.admit(job),
            At::Verifying(job) if !self.policy.verify => self.start(job),
            At::Started(job) if self.policy.wait_for_started.is_zero() => self.begin(job),
            At::Idle
            | At::Verifying(_)
            | At::Started(_)
            | At::Preparing(..)
            | At::Recovering(..)
            | At::Finishing(..)
            | At::Ending(..)
            | At::AwaitingReset(_)
            | At::Held(..)
            | At::Failed(..) => return false,
        }
        true
    }
}
