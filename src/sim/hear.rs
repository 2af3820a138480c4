//! The words of the example handshake, as the BMC hears them: by the raw command, or in a record that somebody adds.
//!
//! The module's comment in `mod` describes them; `hold` decides what follows.

use super::board::Board;
use super::event::Event;
use super::hold::{Input, State};
use super::log::Caller;
use super::sel::{RECORD_SIZE, Record};
use crate::now::Now;
use crate::words::{Outcome, Phase};

/// OEM record types that the BMC stamps with its time, and that may carry the handshake.
const OEM_WITH_TIME: core::ops::RangeInclusive<u8> = 0xC0..=0xDF;

impl Board {
    /// One word of the handshake.
    pub fn hear(&mut self, now: Now, phase: Phase, by: &Caller) {
        let after = self.newest_fault.map(|at| now.boottime.saturating_sub(at));
        let (by, unarmed) = (by.clone(), self.hold.state() == State::Unarmed);
        let input = match phase {
            Phase::Armed => {
                if unarmed {
                    self.say(Event::Armed { by });
                }
                Input::Armed
            }
            Phase::Started => {
                self.say(Event::RecoveryStarted { by, after });
                Input::Started
            }
            Phase::Ended(outcome) => {
                self.say(Event::RecoveryEnded { by, outcome, after });
                Input::Ended(outcome)
            }
            Phase::Disarmed => {
                self.say(Event::Disarmed { by });
                Input::Disarmed
            }
        };
        self.hold_step(now, input);
    }

    /// A record was added to the SEL by somebody: it may be a word of the handshake.
    pub fn hear_record(&mut self, now: Now, record: &Record, by: &Caller) {
        if !self.options.handshake.sel || !OEM_WITH_TIME.contains(&record[2]) {
            return;
        }
        let phase = match (record[RECORD_SIZE - 6], record[RECORD_SIZE - 5]) {
            (b'A', _) => Phase::Armed,
            (b'S', _) => Phase::Started,
            (b'E', b'D') => Phase::Ended(Outcome::Done),
            (b'E', b'F') => Phase::Ended(Outcome::Failed),
            (b'E', _) => Phase::Ended(Outcome::Unknown),
            (b'D', _) => Phase::Disarmed,
            _ => return, // some other OEM record
        };
        self.hear(now, phase, by);
    }
}
