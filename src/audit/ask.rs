//! Asks a BMC everything that an audit wants to know.
//!
//! A dialogue; sans-IO. What is refused, unknown or malformed is written down as such, and the next
//! question is put: an audit has an answer with every BMC. Its input is a BMC's answers, hostile.

use super::question::{FIRST, Question, SuiteParts, said};
use super::told::{Told, Unsaid};
use crate::bmc::dialogue::{Dialogue, Step};
use crate::bmc::failure::Failure;
use crate::now::Now;
use crate::wire::ipmi::{Completion, Response};
use core::time::Duration;
use std::collections::VecDeque;

/// Before a busy BMC is asked the same again.
const BUSY_PAUSE: Duration = Duration::from_millis(250);
/// How often it is asked the same at most.
const BUSY_TRIES: u8 = 4;
/// How often a question that was not answered is asked at most: a BMC may restart in the middle.
const SILENT_TRIES: u8 = 2;
/// So many questions in a row without an answer: the BMC is gone, and the rest is not asked.
const SILENT_IN_A_ROW: u8 = 2;

/// The questions to one BMC; ends with what it told.
#[derive(Debug)]
pub struct Asking {
    queue: VecDeque<Question>,
    current: Option<Question>,
    told: Told,
    suite_parts: SuiteParts,
    tries: u8,
    silent: u8,
    /// Not before.
    wake: Option<Duration>,
}

impl Default for Asking {
    fn default() -> Self {
        Self::new()
    }
}

impl Asking {
    /// All questions.
    pub fn new() -> Self {
        let told = Told::default();
        let queue = FIRST.into();
        Self { queue, current: None, told, suite_parts: Vec::new(), tries: 0, silent: 0, wake: None }
    }

    /// What was told until now: for one who was cut short.
    pub fn so_far(&self) -> &Told {
        &self.told
    }
}

impl Dialogue for Asking {
    type End = Box<Told>;

    fn poll(&mut self, now: Now) -> Step<Self::End> {
        if let Some(wake) = self.wake.filter(|wake| *wake > now.boottime) {
            return Step::Wait(Some(wake));
        }
        let again = self.wake.take().and(self.current);
        if again.is_none() && self.current.is_some() {
            return Step::Wait(None); // the answer is awaited
        }
        match again.or_else(|| self.queue.pop_front()) {
            Some(question) => {
                self.current = Some(question);
                self.told.asked = self.told.asked.saturating_add(1);
                Step::Submit(question.request(self.told.channel_number()))
            }
            None => Step::Over(Box::new(self.told.clone())),
        }
    }

    fn handle_answer(&mut self, now: Now, result: Result<Response, Failure>) {
        let Some(question) = self.current else { return };
        self.tries += 1;
        let passing = result.as_ref().is_ok_and(|response| Completion(response.completion).is_passing());
        if passing && self.tries < BUSY_TRIES {
            self.wake = Some(now.boottime + BUSY_PAUSE);
            return;
        }
        if result.as_ref().is_err_and(|failure| failure.is_passing()) && self.tries < SILENT_TRIES {
            self.wake = Some(now.boottime); // over a new session, if this one is gone
            return;
        }
        (self.current, self.tries) = (None, 0);
        let answer = said(&result);
        self.silent = if matches!(answer, Err(Unsaid::Unanswered(_))) { self.silent + 1 } else { 0 };
        let more = question.answered(now, &mut self.told, &mut self.suite_parts, answer);
        for question in more.into_iter().rev() {
            self.queue.push_front(question);
        }
        if self.silent >= SILENT_IN_A_ROW {
            self.queue.clear();
        }
    }
}
