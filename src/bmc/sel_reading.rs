//! Reads what was appended to a System Event Log since a place in it; a few records at a time.
//!
//! The place is known again by the whole record that stood there, so that a log that was cleared, and
//! numbers that begin anew, are seen. Every read is bounded, for a BMC's next ids may lead in a
//! circle. Used by `evidence`; the answers are a BMC's, hostile.

use super::dialogue::{Dialogue, Step};
use super::failure::Failure;
use crate::now::Now;
use crate::wire::account::{GET_GLOBAL_ENABLES, global, parse_global_enables};
use crate::wire::command::SEL_INFO;
use crate::wire::ipmi::{Completion, Request, Response};
use crate::wire::sel::{self, Entry, Record, SelInfo};
use core::fmt;

/// Limit: records in one reading; what is left is for the next one.
pub const MAX_RECORDS: usize = 16;
/// Limit: reservations made in one reading, for a BMC that wants one and voids it again and again.
pub const MAX_RESERVATIONS: u8 = 3;

/// A place in a log: behind its last record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The first record of the log when the place was taken; none: it was empty, or nobody looked.
    pub first: Option<Record>,
    /// The record before the place; none: the log was empty.
    pub last: Option<Record>,
    /// The records in the log, as far as we know.
    pub entries: u16,
}

/// Whether the log goes on from where the place was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It does: the records read are those behind the place.
    Continued,
    /// The log was cleared, or has turned over: everything in it is newer than the place.
    Cleared,
    /// The place is gone, and nobody knows what is newer; the new place is the end of the log.
    Lost,
    /// There was no place; this one is the end of the log.
    New,
}

/// What must be known before the log's silence means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audit {
    /// Whether events are written; none: the BMC does not tell.
    pub logging: Option<bool>,
    /// The log is full, or has lost records.
    pub full: bool,
    /// It has more records than were read.
    pub more: bool,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Oldest first; at most [`MAX_RECORDS`].
    pub records: Vec<Record>,
    /// Behind them.
    pub place: Place,
    /// How they belong to the place that was asked from.
    pub kept: Kept,
    /// There are more.
    pub more: bool,
    /// If it was asked for.
    pub audit: Option<Audit>,
}

/// Why nothing was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// No answer.
    Unanswered(Failure),
    /// The BMC refused a command.
    Refused(Completion),
    /// An answer that is none.
    Malformed,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unanswered(failure) => write!(f, "{failure}"),
            Self::Refused(Completion(sel::ERASING)) => f.write_str("the BMC erases its log"),
            Self::Refused(code) => write!(f, "the BMC refused to show its log: {code}"),
            Self::Malformed => f.write_str("the BMC's log is malformed"),
        }
    }
}

/// The question that is to be asked, or was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// How many records there are, before a place is taken.
    Info,
    /// Which one is the last.
    Last,
    /// Which one is the first, now that the last is known.
    First,
    /// Whether the place is still there.
    Place(Record),
    /// Whether an empty log has a record now.
    Any,
    /// Whether the place that is gone was cleared away.
    FirstAfterAll,
    /// Whether the log turns over: then its first record goes without a clearing, and tells nothing.
    Full(Entry),
    /// The record of this id.
    Next(u16),
    /// Ids that go down are a circle, unless there are more records than before.
    Grown(u16),
    /// A reservation, before this is asked again.
    Reservation(Ask),
    /// Whether events are written at all.
    Logging,
    /// Whether there is room for them.
    Room,
}

/// What may need a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Last,
    First,
    Place(Record),
    Any,
    FirstAfterAll,
    Next(u16),
}

impl From<Ask> for Question {
    fn from(ask: Ask) -> Self {
        match ask {
            Ask::Last => Self::Last,
            Ask::First => Self::First,
            Ask::Place(record) => Self::Place(record),
            Ask::Any => Self::Any,
            Ask::FirstAfterAll => Self::FirstAfterAll,
            Ask::Next(id) => Self::Next(id),
        }
    }
}

impl Question {
    /// As one that may need a reservation.
    fn ask(self) -> Option<Ask> {
        match self {
            Self::Last => Some(Ask::Last),
            Self::First => Some(Ask::First),
            Self::Place(record) => Some(Ask::Place(record)),
            Self::Any => Some(Ask::Any),
            Self::FirstAfterAll => Some(Ask::FirstAfterAll),
            Self::Next(id) => Some(Ask::Next(id)),
            Self::Info | Self::Full(_) | Self::Grown(_) | Self::Reservation(_) | Self::Logging | Self::Room => None,
        }
    }
}

#[derive(Debug)]
enum State {
    Due(Question),
    Asked(Question),
    Over(Result<(), Unread>),
}

/// One reading of a log.
#[derive(Debug)]
pub struct Reading {
    state: State,
    /// As far as it was read.
    place: Place,
    kept: Kept,
    records: Vec<Record>,
    more: bool,
    /// Whether to ask what silence means.
    audits: bool,
    logging: Option<bool>,
    audit: Option<Audit>,
    reservation: u16,
    reservations: u8,
}

impl Reading {
    /// From a place on; without one it only takes the place at the end. `audits`: also ask what silence means.
    pub fn new(from: Option<Place>, audits: bool) -> Self {
        let empty = Place { first: None, last: None, entries: 0 };
        let (place, kept, question) = match from {
            None => (empty, Kept::New, Question::Info),
            Some(place) => (place, Kept::Continued, place.last.map_or(Question::Any, Question::Place)),
        };
        Self {
            state: State::Due(question),
            place,
            kept,
            records: Vec::new(),
            more: false,
            audits,
            logging: None,
            audit: None,
            reservation: 0,
            reservations: 0,
        }
    }

    fn request(&self, question: Question) -> Request {
        let entry = |id| sel::get_entry_reserved(id, self.reservation);
        match question {
            Question::Info | Question::Full(_) | Question::Grown(_) | Question::Room => Request::new(SEL_INFO, []),
            Question::Last => entry(sel::LAST),
            Question::First | Question::Any | Question::FirstAfterAll => entry(sel::FIRST),
            Question::Place(record) => entry(record.id()),
            Question::Next(id) => entry(id),
            Question::Reservation(_) => sel::reserve(),
            Question::Logging => Request::new(GET_GLOBAL_ENABLES, []),
        }
    }

    /// What the answer leads to; none: the log is read.
    fn hear(&mut self, question: Question, response: &Response) -> Result<Option<Question>, Unread> {
        if response.completion == Completion::RESERVATION.0
            && let Some(ask) = question.ask()
            && self.reservations < MAX_RESERVATIONS
        {
            self.reservations += 1;
            return Ok(Some(Question::Reservation(ask)));
        }
        match question {
            Question::Info => {
                let info = info(response)?;
                self.place.entries = info.entries;
                Ok((info.entries > 0).then_some(Question::Last))
            }
            Question::Last => {
                self.place.last = entry(response)?.map(|entry| entry.record);
                Ok(self.place.last.map(|_| Question::First))
            }
            Question::First => {
                self.place.first = entry(response)?.map(|entry| entry.record);
                Ok(None)
            }
            Question::Place(record) => match entry(response)? {
                Some(entry) if entry.record == record => Ok(self.follow(entry.next)),
                Some(_) | None => Ok(Some(Question::FirstAfterAll)),
            },
            Question::Any => Ok(entry(response)?.and_then(|entry| {
                self.place.first = Some(entry.record);
                self.take(entry)
            })),
            Question::FirstAfterAll => match entry(response)? {
                None => {
                    (self.kept, self.place) = (Kept::Cleared, Place { first: None, last: None, entries: 0 });
                    Ok(None)
                }
                Some(entry) if self.place.first.is_some_and(|first| first != entry.record) => {
                    Ok(Some(Question::Full(entry)))
                }
                Some(_) => Ok(Some(self.lose())),
            },
            Question::Full(_) if info(response)?.is_full() => Ok(Some(self.lose())),
            Question::Full(entry) => {
                self.kept = Kept::Cleared;
                self.place = Place { first: Some(entry.record), last: None, entries: 0 };
                Ok(self.take(entry))
            }
            // One that has gone meanwhile: the next reading finds out what has become of the log.
            Question::Next(_) => Ok(entry(response)?.and_then(|entry| self.take(entry))),
            Question::Grown(id) => Ok((info(response)?.entries > self.place.entries).then_some(Question::Next(id))),
            Question::Reservation(ask) => {
                good(response)?;
                self.reservation = sel::parse_reservation(&response.data).map_err(|_| Unread::Malformed)?;
                Ok(Some(ask.into()))
            }
            Question::Logging => {
                self.logging = match response.completion {
                    0 => parse_global_enables(&response.data).ok().map(|enables| enables & global::SEL_LOGGING != 0),
                    _ => None,
                };
                Ok(Some(Question::Room))
            }
            Question::Room => {
                let info = info(response)?;
                let more = info.entries > self.place.entries;
                self.audit = Some(Audit { logging: self.logging, full: info.is_full(), more });
                if !more {
                    self.place.entries = info.entries; // some may have been deleted
                }
                Ok(None)
            }
        }
    }

    /// The place is gone: a new one is taken at the end.
    fn lose(&mut self) -> Question {
        (self.kept, self.place) = (Kept::Lost, Place { first: None, last: None, entries: 0 });
        Question::Info
    }

    /// A record behind the place.
    fn take(&mut self, entry: Entry) -> Option<Question> {
        self.place.last = Some(entry.record);
        self.place.entries = self.place.entries.saturating_add(1);
        self.records.push(entry.record);
        self.follow(entry.next)
    }

    /// Where a next id leads.
    fn follow(&mut self, next: u16) -> Option<Question> {
        let here = self.place.last?.id();
        if next == sel::LAST || next == sel::FIRST || next == here {
            return None;
        }
        if self.records.len() >= MAX_RECORDS {
            self.more = true;
            return None;
        }
        let rises = next > here;
        Some(if rises { Question::Next(next) } else { Question::Grown(next) })
    }

    /// What follows when the log is read.
    fn close(&self, read: Option<Question>) -> State {
        match read {
            Some(next) => State::Due(next),
            None if self.audits && self.audit.is_none() && !self.more => State::Due(Question::Logging),
            None => State::Over(Ok(())),
        }
    }
}

impl Dialogue for Reading {
    type End = Result<Read, Unread>;

    fn poll(&mut self, _: Now) -> Step<Self::End> {
        match &self.state {
            State::Due(question) => {
                let question = *question;
                self.state = State::Asked(question);
                Step::Submit(self.request(question))
            }
            State::Asked(_) => Step::Wait(None),
            State::Over(Err(why)) => Step::Over(Err(*why)),
            State::Over(Ok(())) => Step::Over(Ok(Read {
                records: core::mem::take(&mut self.records),
                place: self.place,
                kept: self.kept,
                more: self.more,
                audit: self.audit,
            })),
        }
    }

    fn handle_answer(&mut self, _: Now, result: Result<Response, Failure>) {
        let State::Asked(question) = self.state else { return };
        let heard = match result {
            Ok(response) => self.hear(question, &response),
            Err(failure) => Err(Unread::Unanswered(failure)),
        };
        self.state = match heard {
            Ok(next) => self.close(next),
            // What was read is not lost: a BMC that falls silent in the middle is asked from there.
            Err(_) if !self.records.is_empty() => State::Over(Ok(())),
            Err(why) => State::Over(Err(why)),
        };
    }
}

fn good(response: &Response) -> Result<(), Unread> {
    match response.completion {
        0 => Ok(()),
        code => Err(Unread::Refused(Completion(code))),
    }
}

fn info(response: &Response) -> Result<SelInfo, Unread> {
    good(response)?;
    SelInfo::parse(&response.data).map_err(|_| Unread::Malformed)
}

/// None: there is no such record.
fn entry(response: &Response) -> Result<Option<Entry>, Unread> {
    if response.completion == sel::EMPTY {
        return Ok(None);
    }
    good(response)?;
    Entry::parse(&response.data).map(Some).map_err(|_| Unread::Malformed)
}
