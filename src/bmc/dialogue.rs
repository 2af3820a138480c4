//! A dialogue with one BMC: one question at a time, until its end is known.
//!
//! What the one who drives it must know, and no more. Uses `wire` for requests and responses; the
//! answers that are handed in are a BMC's, hostile.

use super::failure::Failure;
use crate::now::Now;
use crate::wire::ipmi::{Request, Response};
use core::time::Duration;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<End> {
    /// Submit this, once, and hand its answer in.
    Submit(Request),
    /// Nothing until an answer comes or, in boottime, this moment.
    Wait(Option<Duration>),
    /// The end.
    Over(End),
}

impl<End> Step<End> {
    /// The same with another end.
    pub fn map<Other>(self, end: impl FnOnce(End) -> Other) -> Step<Other> {
        match self {
            Self::Submit(request) => Step::Submit(request),
            Self::Wait(until) => Step::Wait(until),
            Self::Over(over) => Step::Over(end(over)),
        }
    }
}

/// A dialogue with one BMC.
pub trait Dialogue {
    /// What is known when it is over.
    type End;

    /// What to do now. Call it again after each answer and when the moment in `Wait` has come.
    fn poll(&mut self, now: Now) -> Step<Self::End>;

    /// The answer to what was submitted. One that comes too late changes nothing.
    fn handle_answer(&mut self, now: Now, result: Result<Response, Failure>);
}
