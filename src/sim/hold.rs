//! Whether a fatal fault's reset happens now or waits: the heart of the handshake.
//!
//! A pure state machine over boottime. Every pair of state and input is listed.

use super::options::AfterFailed;
use crate::words::Outcome;
use core::time::Duration;

/// Where the handshake stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nobody is waited for.
    Unarmed,
    /// Somebody asked to be waited for.
    Armed,
    /// A fatal fault came; its reset waits.
    Holding {
        /// Since when, in boottime.
        since: Duration,
        /// When the patience is over, in boottime.
        until: Duration,
    },
}

/// What comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A fault that wants a reset.
    Fatal,
    /// *armed* was heard.
    Armed,
    /// *recovery started* was heard.
    Started,
    /// *recovery ended* was heard.
    Ended(Outcome),
    /// *disarmed* was heard.
    Disarmed,
    /// Time passed.
    Timeout,
    /// The host restarted or lost its power, whatever the reason.
    Restarted,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    None,
    /// Tell that the reset waits.
    Hold,
    /// Tell that the fault joins the one that is held.
    Join,
    /// Tell that the reset is given up.
    GiveUp,
    /// Tell that the patience is over, and reset.
    OutOfPatience,
    /// Reset.
    Reset,
}

/// The state machine.
#[derive(Debug, Clone)]
pub struct Hold {
    state: State,
    patience: Duration,
    after_failed: AfterFailed,
}

impl Hold {
    /// Unarmed.
    pub fn new(patience: Duration, after_failed: AfterFailed) -> Self {
        Self { state: State::Unarmed, patience, after_failed }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// When the patience is over.
    pub fn next_deadline(&self) -> Option<Duration> {
        match self.state {
            State::Holding { until, .. } => Some(until),
            State::Unarmed | State::Armed => None,
        }
    }

    /// One step.
    pub fn handle(&mut self, now: Duration, input: Input) -> Action {
        let (state, action) = match (self.state, input) {
            (State::Unarmed, Input::Fatal) => (State::Unarmed, Action::Reset),
            (State::Unarmed, Input::Armed) => (State::Armed, Action::None),
            (State::Unarmed, Input::Started) => (State::Unarmed, Action::None),
            (State::Unarmed, Input::Ended(_)) => (State::Unarmed, Action::None),
            (State::Unarmed, Input::Disarmed) => (State::Unarmed, Action::None),
            (State::Unarmed, Input::Timeout) => (State::Unarmed, Action::None),
            (State::Unarmed, Input::Restarted) => (State::Unarmed, Action::None),

            (State::Armed, Input::Fatal) => {
                (State::Holding { since: now, until: now.saturating_add(self.patience) }, Action::Hold)
            }
            (State::Armed, Input::Armed) => (State::Armed, Action::None), // a keep-alive
            (State::Armed, Input::Started) => (State::Armed, Action::None), // a recovery for something else
            (State::Armed, Input::Ended(_)) => (State::Armed, Action::None),
            (State::Armed, Input::Disarmed) => (State::Unarmed, Action::None),
            (State::Armed, Input::Timeout) => (State::Armed, Action::None),
            (State::Armed, Input::Restarted) => (State::Unarmed, Action::None),

            (holding @ State::Holding { .. }, Input::Fatal) => (holding, Action::Join),
            (holding @ State::Holding { .. }, Input::Armed) => (holding, Action::None),
            (holding @ State::Holding { .. }, Input::Started) => (holding, Action::None), // patience counts from the fault
            (State::Holding { .. }, Input::Ended(Outcome::Done)) => (State::Unarmed, Action::Reset),
            (State::Holding { .. }, Input::Ended(Outcome::Failed | Outcome::Unknown)) => match self.after_failed {
                AfterFailed::Reset => (State::Unarmed, Action::Reset),
                AfterFailed::Stay => (State::Armed, Action::GiveUp),
            },
            (State::Holding { .. }, Input::Disarmed) => (State::Unarmed, Action::Reset), // nobody is left to wait for
            (State::Holding { until, .. }, Input::Timeout) if until <= now => (State::Unarmed, Action::OutOfPatience),
            (holding @ State::Holding { .. }, Input::Timeout) => (holding, Action::None),
            (State::Holding { .. }, Input::Restarted) => (State::Unarmed, Action::None),
        };
        self.state = state;
        action
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn after(inputs: &[Input], after_failed: AfterFailed) -> (State, Action) {
        let mut hold = Hold::new(SECOND * 10, after_failed);
        let mut action = Action::None;
        for input in inputs {
            action = hold.handle(SECOND, *input);
        }
        (hold.state(), action)
    }

    #[test]
    fn only_an_armed_bmc_waits() {
        let reset = AfterFailed::Reset;
        assert_eq!(after(&[Input::Fatal], reset), (State::Unarmed, Action::Reset));
        let holding = State::Holding { since: SECOND, until: SECOND * 11 };
        assert_eq!(after(&[Input::Armed, Input::Fatal], reset), (holding, Action::Hold));
        assert_eq!(after(&[Input::Armed, Input::Disarmed, Input::Fatal], reset), (State::Unarmed, Action::Reset));
        assert_eq!(after(&[Input::Armed, Input::Restarted, Input::Fatal], reset), (State::Unarmed, Action::Reset));
        assert_eq!(after(&[Input::Armed, Input::Fatal, Input::Timeout], reset), (holding, Action::None));
        assert_eq!(after(&[Input::Armed, Input::Fatal, Input::Disarmed], reset), (State::Unarmed, Action::Reset));
    }

    #[test]
    fn the_end_of_the_recovery_is_the_end_of_the_wait() {
        let end = |outcome, option| after(&[Input::Armed, Input::Fatal, Input::Started, Input::Ended(outcome)], option);
        assert_eq!(end(Outcome::Done, AfterFailed::Stay), (State::Unarmed, Action::Reset));
        for outcome in [Outcome::Failed, Outcome::Unknown] {
            assert_eq!(end(outcome, AfterFailed::Reset), (State::Unarmed, Action::Reset));
            assert_eq!(end(outcome, AfterFailed::Stay), (State::Armed, Action::GiveUp));
        }
    }
}
