//! One Chassis Control, sent once, and then a look at what it did.
//!
//! It is never sent again: an unanswered power cycle may well have happened, and a second one would
//! hit a server that has just come back. Sans-IO like `handshake`. Answers are a BMC's; hostile.

use super::dialogue::{Dialogue, Step};
use super::failure::Failure;
use crate::config::model::AfterEnded;
use crate::now::Now;
use crate::wire::command::{CHASSIS_STATUS, ChassisStatus, Control};
use crate::wire::ipmi::{Completion, Request, Response};
use core::fmt;
use core::time::Duration;

/// Between two looks at the power.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is known of an order's effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The power was seen to be as ordered.
    Seen,
    /// The BMC accepted the order; its effect did not show in the power until the deadline, and with
    /// resets and interrupts it never does.
    Accepted,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seen => "the power shows it",
            Self::Accepted => "the BMC accepted it",
        })
    }
}

/// Why an order is not known to have been carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Undone {
    /// The BMC refused it.
    Refused(Completion),
    /// It was not answered, and no effect was seen. It may have been carried out.
    Unanswered(Failure),
    /// It was not even sent before the deadline.
    Late,
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(code) => write!(f, "the BMC refused: {code}"),
            Self::Unanswered(failure) => write!(f, "{failure}; the order may have been carried out"),
            Self::Late => f.write_str("the deadline passed"),
        }
    }
}

/// The chassis command that follows a recovery that is done, if any.
pub fn control(after: AfterEnded) -> Option<Control> {
    match after {
        AfterEnded::None | AfterEnded::Bmc => None,
        AfterEnded::PowerCycle => Some(Control::PowerCycle),
        AfterEnded::HardReset => Some(Control::HardReset),
        AfterEnded::PowerOff => Some(Control::PowerDown),
        AfterEnded::Nmi => Some(Control::Nmi),
        AfterEnded::SoftOff => Some(Control::SoftOff),
    }
}

/// The power that shows that the order was carried out, where any does.
fn shows(control: Control) -> Option<bool> {
    match control {
        Control::PowerDown | Control::SoftOff | Control::PowerCycle => Some(false),
        Control::PowerUp => Some(true),
        Control::HardReset | Control::Nmi => None,
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    Fresh,
    /// The order is at the link.
    Ordered,
    /// To look at the power at this moment.
    ToLook {
        at: Duration,
        answer: Result<(), Failure>,
    },
    /// Get Chassis Status is at the link.
    Looking {
        answer: Result<(), Failure>,
    },
    Over(Result<Effect, Undone>),
}

/// One order to the chassis.
#[derive(Debug)]
pub struct Order {
    control: Control,
    deadline: Duration,
    state: State,
}

impl Order {
    /// `deadline` in boottime: until then the effect is looked for.
    pub fn new(control: Control, deadline: Duration) -> Self {
        Self { control, deadline, state: State::Fresh }
    }

    /// Whether the BMC has not answered it yet: it may still be with us.
    pub fn is_unanswered(&self) -> bool {
        matches!(self.state, State::Fresh | State::Ordered)
    }

    fn over(&mut self, result: Result<Effect, Undone>) -> Step<Result<Effect, Undone>> {
        self.state = State::Over(result);
        Step::Over(result)
    }
}

impl Dialogue for Order {
    /// What is known of its effect.
    type End = Result<Effect, Undone>;

    fn poll(&mut self, now: Now) -> Step<Self::End> {
        let late = now.boottime >= self.deadline;
        match self.state {
            State::Fresh if late => self.over(Err(Undone::Late)),
            State::Fresh => {
                self.state = State::Ordered;
                Step::Submit(self.control.request())
            }
            State::Ordered if late => self.over(Err(Undone::Unanswered(Failure::Silent))),
            State::ToLook { answer, .. } | State::Looking { answer } if late => self.over(ended(answer)),
            State::Ordered | State::Looking { .. } => Step::Wait(Some(self.deadline)),
            State::ToLook { at, answer } if at <= now.boottime => {
                self.state = State::Looking { answer };
                Step::Submit(Request::new(CHASSIS_STATUS, []))
            }
            State::ToLook { at, .. } => Step::Wait(Some(at.min(self.deadline))),
            State::Over(result) => Step::Over(result),
        }
    }

    fn handle_answer(&mut self, now: Now, result: Result<Response, Failure>) {
        self.state = match (self.state, result) {
            (State::Ordered, Ok(response)) if response.completion == 0 => match shows(self.control) {
                Some(_) => State::ToLook { at: now.boottime, answer: Ok(()) },
                None => State::Over(Ok(Effect::Accepted)),
            },
            (State::Ordered, Ok(response)) => State::Over(Err(Undone::Refused(Completion(response.completion)))),
            (State::Ordered, Err(failure @ (Failure::QueueFull | Failure::WrongIdentity | Failure::Stopped))) => {
                State::Over(Err(Undone::Unanswered(failure))) // the link would not answer a look either
            }
            (State::Ordered, Err(failure)) => match shows(self.control) {
                Some(_) => State::ToLook { at: now.boottime, answer: Err(failure) },
                None => State::Over(Err(Undone::Unanswered(failure))),
            },
            (State::Looking { answer }, result) => match power(result) {
                Some(power) if Some(power) == shows(self.control) => State::Over(Ok(Effect::Seen)),
                Some(_) | None => State::ToLook { at: now.boottime + LOOK_EVERY, answer },
            },
            (state @ (State::Fresh | State::ToLook { .. } | State::Over(_)), _) => state,
        };
    }
}

/// The end of an order whose effect was not seen.
fn ended(answer: Result<(), Failure>) -> Result<Effect, Undone> {
    answer.map(|()| Effect::Accepted).map_err(Undone::Unanswered)
}

fn power(result: Result<Response, Failure>) -> Option<bool> {
    let response = result.ok().filter(|response| response.completion == 0)?;
    ChassisStatus::parse(&response.data).ok().map(|status| status.power)
}
