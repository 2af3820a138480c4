//! Reads what a BMC calls its sensors, when nothing else is to be done.
//!
//! Reserve, then every record in parts; a BMC that wants shorter parts gets them, and one that voids the reservation
//! is asked for another. Everything is counted, for a repository may lead in a circle. Answers are a BMC's, hostile.

use super::dialogue::{Dialogue, Step};
use super::failure::Failure;
use super::sel_reading::Unread;
use crate::now::Now;
use crate::wire::command::RESERVE_SDR;
use crate::wire::ipmi::{Completion, Request, Response};
use crate::wire::sdr::{self, HEADER_OCTETS, Name, Stamp};
use crate::wire::sdr_cache::{self, Unfit};
use crate::wire::sel;
use crate::words::Guid;

/// Limit: records of a repository that are read.
pub const MAX_SDRS: usize = 1024;
/// Limit: names that are kept.
pub const MAX_NAMES: usize = 1024;
/// Limit: reservations made in one reading.
pub const MAX_RESERVATIONS: u8 = 16;
/// Octets asked for at a time, at first.
const PART: u8 = 32;
/// A BMC that gives no more than this is given up.
const SMALLEST_PART: u8 = 4;

/// The sensors' names of one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SensorNames {
    /// Which state of it.
    pub stamp: Stamp,
    all: Vec<Name>,
    /// Read by an earlier process.
    recalled: bool,
}

impl SensorNames {
    /// What the sensor of this number at this owner is called.
    pub fn get(&self, owner: u8, number: u8) -> Option<&str> {
        self.all.iter().find(|name| name.owner == owner && name.number == number).map(|name| name.text.as_str())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// The state that need not be read again. What an earlier process read may be long ago: it is believed only of a
    /// BMC that writes down when its repository changes.
    pub fn known(&self) -> Option<Stamp> {
        (!self.recalled || self.stamp.shows_changes()).then_some(self.stamp)
    }

    /// The file in which these names, read from the BMC of this GUID, outlive us.
    pub fn cache(&self, guid: Guid) -> Vec<u8> {
        sdr_cache::emit(&guid, &self.stamp, &self.all)
    }

    /// Reads that file: of which BMC, and the names.
    pub fn recall(octets: &[u8]) -> Result<(Guid, Self), Unfit> {
        let (guid, stamp, mut all) = sdr_cache::parse(octets)?;
        all.truncate(MAX_NAMES);
        Ok((guid, Self { stamp, all, recalled: true }))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Info,
    Reserve(u16),
    /// From this offset on.
    Part(u16, u8),
}

#[derive(Debug)]
enum State {
    Due(Question),
    Asked(Question),
    Over(Result<bool, Unread>),
}

/// One reading of a repository.
#[derive(Debug)]
pub struct NameReading {
    state: State,
    /// What is known already.
    known: Option<Stamp>,
    stamp: Stamp,
    reservation: u16,
    reservations: u8,
    part: u8,
    /// The record that is being read, and its follower.
    record: Vec<u8>,
    next: u16,
    seen: Vec<u16>,
    all: Vec<Name>,
}

impl NameReading {
    /// Ends at once if the repository is as it was.
    pub fn new(known: Option<Stamp>) -> Self {
        Self {
            state: State::Due(Question::Info),
            known,
            stamp: Stamp { records: 0, added: 0, erased: 0 },
            reservation: 0,
            reservations: 0,
            part: PART,
            record: Vec::new(),
            next: sel::LAST,
            seen: Vec::new(),
            all: Vec::new(),
        }
    }

    /// Octets that the record still lacks; before its header is there, those of the header.
    fn lacks(&self) -> u8 {
        let whole = match self.record.get(4) {
            Some(length) => HEADER_OCTETS.saturating_add(*length),
            None => HEADER_OCTETS,
        };
        whole.saturating_sub(u8::try_from(self.record.len()).unwrap_or(u8::MAX))
    }

    fn request(&self, question: Question) -> Request {
        match question {
            Question::Info => Stamp::request(),
            Question::Reserve(_) => Request::new(RESERVE_SDR, []),
            Question::Part(id, offset) => sdr::get_part(self.reservation, id, offset, self.lacks().min(self.part)),
        }
    }

    fn hear(&mut self, question: Question, response: &Response) -> Result<Option<Question>, Unread> {
        let code = response.completion;
        match question {
            Question::Info if code == 0 => {
                self.stamp = Stamp::parse(&response.data).map_err(|_| Unread::Malformed)?;
                let news = self.known != Some(self.stamp) && self.stamp.records > 0;
                Ok(news.then_some(Question::Reserve(sel::FIRST)))
            }
            Question::Reserve(id) if code == 0 => {
                self.reservation = sel::parse_reservation(&response.data).map_err(|_| Unread::Malformed)?;
                Ok(Some(self.begin(id)))
            }
            Question::Part(id, _) if code == Completion::RESERVATION.0 && self.reservations < MAX_RESERVATIONS => {
                self.reservations += 1;
                Ok(Some(Question::Reserve(id)))
            }
            Question::Part(id, offset) if code == sdr::TOO_MANY && self.part / 2 >= SMALLEST_PART => {
                self.part /= 2;
                Ok(Some(Question::Part(id, offset)))
            }
            Question::Part(id, _) if code == 0 => {
                let (next, part) = sdr::parse_part(&response.data).map_err(|_| Unread::Malformed)?;
                if part.is_empty() || part.len() > usize::from(self.lacks()) {
                    return Err(Unread::Malformed);
                }
                self.record.extend(part);
                self.next = next;
                let offset = u8::try_from(self.record.len()).unwrap_or(u8::MAX);
                if self.lacks() > 0 && offset < u8::MAX {
                    return Ok(Some(Question::Part(id, offset)));
                }
                Ok(self.finish(id))
            }
            // The last one is missing on some.
            Question::Part(..) if code == sel::EMPTY => Ok(None),
            Question::Info | Question::Reserve(_) | Question::Part(..) => Err(Unread::Refused(Completion(code))),
        }
    }

    fn begin(&mut self, id: u16) -> Question {
        self.record.clear();
        Question::Part(id, 0)
    }

    /// The record is whole.
    fn finish(&mut self, id: u16) -> Option<Question> {
        for name in sdr::names(&self.record) {
            if self.all.len() < MAX_NAMES {
                self.all.push(name);
            }
        }
        self.seen.push(id);
        let goes_on = self.next != sel::LAST && !self.seen.contains(&self.next) && self.seen.len() < MAX_SDRS;
        goes_on.then(|| self.begin(self.next))
    }
}

impl Dialogue for NameReading {
    /// None: nothing has changed.
    type End = Result<Option<SensorNames>, Unread>;

    fn poll(&mut self, _: Now) -> Step<Self::End> {
        match &self.state {
            State::Due(question) => {
                let question = *question;
                self.state = State::Asked(question);
                Step::Submit(self.request(question))
            }
            State::Asked(_) => Step::Wait(None),
            State::Over(Err(why)) => Step::Over(Err(*why)),
            State::Over(Ok(false)) => Step::Over(Ok(None)),
            State::Over(Ok(true)) => Step::Over(Ok(Some(SensorNames {
                stamp: self.stamp,
                all: core::mem::take(&mut self.all),
                recalled: false,
            }))),
        }
    }

    fn handle_answer(&mut self, _: Now, result: Result<Response, Failure>) {
        let State::Asked(question) = self.state else { return };
        let heard = match result {
            Ok(response) => self.hear(question, &response),
            Err(failure) => Err(Unread::Unanswered(failure)),
        };
        self.state = match heard {
            Ok(Some(next)) => State::Due(next),
            Ok(None) => State::Over(Ok(self.known != Some(self.stamp))),
            Err(why) => State::Over(Err(why)),
        };
    }
}
