//! One OEM record that must be in the System Event Log once: for people to read, who look there first.
//!
//! Add SEL Entry is not idempotent: after an unanswered one the record is looked for, from the last
//! one backwards, before it is added again. Used by `handshake`; answers are a BMC's, hostile.

use super::failure::{Failure, Untold};
use crate::wire::ipmi::{Completion, Request, Response};
use crate::wire::sel::{self, Entry, Record};
use crate::words::{Outcome, Phase};

/// Records that are looked at, from the last one backwards.
pub const LOOK_BACK: u32 = 16;

/// The log has no room.
const OUT_OF_SPACE: Completion = Completion(0xC4);

/// What came of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// The record is in the log.
    Added,
    /// Ask on, at once.
    Next,
    /// Not yet; ask on after a pause.
    Failed(Untold),
}

/// A record on its way into the log.
#[derive(Debug)]
pub(super) struct SelEntry {
    record: Record,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Adding,
    /// Looking at this id, with so many looks left.
    Looking {
        id: u16,
        left: u32,
    },
}

const LOOK_AT_LAST: State = State::Looking { id: sel::LAST, left: LOOK_BACK };

impl SelEntry {
    pub(super) fn new(record_type: u8, manufacturer: u32, phase: Phase, record: u64) -> Self {
        let (word, outcome) = match phase {
            Phase::Armed => (b'A', b'-'),
            Phase::Started => (b'S', b'-'),
            Phase::Ended(Outcome::Done) => (b'E', b'D'),
            Phase::Ended(Outcome::Failed) => (b'E', b'F'),
            Phase::Ended(Outcome::Unknown) => (b'E', b'U'),
            Phase::Disarmed => (b'D', b'-'),
        };
        let [.., r3, r2, r1, r0] = record.to_be_bytes();
        Self { record: Record::oem(record_type, manufacturer, [word, outcome, r3, r2, r1, r0]), state: State::Adding }
    }

    pub(super) fn request(&self) -> Request {
        match self.state {
            State::Adding => self.record.add(),
            State::Looking { id, .. } => sel::get_entry(id),
        }
    }

    pub(super) fn handle_answer(&mut self, result: Result<Response, Failure>) -> Heard {
        match (self.state, result) {
            (State::Adding, Ok(response)) if response.completion == 0 => Heard::Added,
            (State::Adding, Ok(response)) => {
                let code = Completion(response.completion);
                if code == Completion::TIMEOUT {
                    self.state = LOOK_AT_LAST; // the BMC does not know itself
                }
                Heard::Failed(if code == OUT_OF_SPACE { Untold::LogFull } else { Untold::Refused(code) })
            }
            (State::Adding, Err(failure)) => {
                if failure != Failure::QueueFull {
                    self.state = LOOK_AT_LAST; // it may have arrived
                }
                Heard::Failed(Untold::Unanswered(failure))
            }
            (State::Looking { id, left }, Ok(response)) => self.looked(id, left, &response),
            (State::Looking { .. }, Err(failure)) => Heard::Failed(Untold::Unanswered(failure)),
        }
    }

    fn looked(&mut self, id: u16, left: u32, response: &Response) -> Heard {
        let found = match response.completion {
            0x00 => Entry::parse(&response.data).ok().map(|entry| entry.record),
            sel::EMPTY => None, // no such record, or none at all
            other => return Heard::Failed(Untold::Refused(Completion(other))),
        };
        if found.is_some_and(|found| found.says_the_same(&self.record)) {
            return Heard::Added;
        }
        // The last one says where to go on; holes in the numbers are stepped over.
        let here = match found {
            Some(record) => record.id(),
            None => id,
        };
        let before = here.checked_sub(1).filter(|before| *before != sel::FIRST && here != sel::LAST);
        match before {
            Some(id) if left > 1 => self.state = State::Looking { id, left: left - 1 },
            Some(_) | None => self.state = State::Adding,
        }
        Heard::Next
    }
}
