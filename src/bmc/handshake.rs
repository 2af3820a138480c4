//! Says one word of the handshake (armed, started, ended, disarmed) to a BMC until it is understood.
//!
//! What the words are on the wire is the profile's business (`config`). Sans-IO: `poll` says what to
//! do, `handle_answer` takes what a link answered; the one who drives it carries requests between
//! this and the link. Answers are a BMC's; hostile.

use super::dialogue::{Dialogue, Step};
use super::failure::Failure;
pub use super::failure::Untold;
use super::sel_entry::{self, SelEntry};
use crate::config::model::{Handshake, RawMessage, RawOctet};
use crate::now::Now;
use crate::wire::ipmi::{Completion, Request, Response};
use crate::words::{Outcome, Phase};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

/// Before the first repetition; doubled each time.
pub const REPEAT_FIRST: Duration = Duration::from_millis(250);
/// The most that it is doubled to.
pub const REPEAT_LAST: Duration = Duration::from_secs(4);
/// After a code that says "never": a BMC may still be starting, so it is asked again, slowly.
pub const REPEAT_REFUSED: Duration = Duration::from_secs(10);

/// How the word is said.
#[derive(Debug)]
enum Words {
    /// A command that may be repeated as it is.
    Raw { request: Request, accept: Vec<u8> },
    /// A record that must be in the log once.
    Sel(SelEntry),
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// To submit as soon as this moment has come.
    Due(Duration),
    /// The link has it.
    Asked,
    Over(Result<(), Untold>),
}

/// One word, said until it is understood.
#[derive(Debug)]
pub struct Telling {
    words: Option<Words>,
    state: State,
    deadline: Duration,
    /// Doubled with each repetition.
    pause: Duration,
    /// Why it was not understood so far.
    so_far: Option<Untold>,
}

impl Telling {
    /// `record` is the journal's id, `listen` where traps come to, `deadline` in boottime. A word
    /// that the profile does not have is over at once.
    pub fn new(profile: &Handshake, phase: Phase, record: u64, listen: Option<SocketAddr>, deadline: Duration) -> Self {
        let (words, state) = match words(profile, phase, record, listen) {
            Ok(Some(words)) => (Some(words), State::Due(Duration::ZERO)),
            Ok(None) => (None, State::Over(Ok(()))),
            Err(untold) => (None, State::Over(Err(untold))),
        };
        Self { words, state, deadline, pause: REPEAT_FIRST, so_far: None }
    }

    /// Why the BMC has not understood so far; the caller may report a refusal before the deadline.
    pub fn so_far(&self) -> Option<Untold> {
        self.so_far
    }

    fn pause_after(&mut self, untold: Untold) -> Duration {
        match untold {
            Untold::Refused(code) if !code.is_passing() => return REPEAT_REFUSED,
            Untold::LogFull => return REPEAT_REFUSED,
            Untold::Refused(_) | Untold::Unanswered(_) | Untold::Late | Untold::NoAddress => {}
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(REPEAT_LAST);
        pause
    }
}

impl Dialogue for Telling {
    /// Whether the BMC understood.
    type End = Result<(), Untold>;

    fn poll(&mut self, now: Now) -> Step<Self::End> {
        if !matches!(self.state, State::Over(_)) && now.boottime >= self.deadline {
            self.state = State::Over(Err(self.so_far.unwrap_or(Untold::Late)));
        }
        match (self.state, &self.words) {
            (State::Due(at), Some(words)) if at <= now.boottime => {
                self.state = State::Asked;
                Step::Submit(match words {
                    Words::Raw { request, .. } => request.clone(),
                    Words::Sel(entry) => entry.request(),
                })
            }
            (State::Due(at), _) => Step::Wait(Some(at.min(self.deadline))),
            (State::Asked, _) => Step::Wait(Some(self.deadline)),
            (State::Over(result), _) => Step::Over(result),
        }
    }

    fn handle_answer(&mut self, now: Now, result: Result<Response, Failure>) {
        match self.state {
            State::Asked => {}
            State::Due(_) | State::Over(_) => return,
        }
        let heard = match &mut self.words {
            Some(Words::Raw { accept, .. }) => match result {
                Ok(response) if accept.contains(&response.completion) => Heard::Understood,
                Ok(response) => Heard::Not(Untold::Refused(Completion(response.completion))),
                Err(failure) => Heard::Not(Untold::Unanswered(failure)),
            },
            Some(Words::Sel(entry)) => match entry.handle_answer(result) {
                sel_entry::Heard::Added => Heard::Understood,
                sel_entry::Heard::Next => Heard::Next,
                sel_entry::Heard::Failed(untold) => Heard::Not(untold),
            },
            None => return,
        };
        self.state = match heard {
            Heard::Understood => State::Over(Ok(())),
            Heard::Next => State::Due(now.boottime),
            Heard::Not(untold) => {
                self.so_far = Some(untold);
                State::Due(now.boottime + self.pause_after(untold))
            }
        };
    }
}

enum Heard {
    Understood,
    /// Ask the next thing at once.
    Next,
    Not(Untold),
}

fn words(profile: &Handshake, phase: Phase, record: u64, listen: Option<SocketAddr>) -> Result<Option<Words>, Untold> {
    let message = match (profile, phase) {
        (Handshake::None, _) => return Ok(None),
        (Handshake::Sel { record_type, manufacturer }, phase) => {
            return Ok(Some(Words::Sel(SelEntry::new(*record_type, *manufacturer, phase, record))));
        }
        (Handshake::Raw { armed, .. }, Phase::Armed) => armed,
        (Handshake::Raw { started, .. }, Phase::Started) => started,
        (Handshake::Raw { ended, .. }, Phase::Ended(_)) => ended,
        (Handshake::Raw { disarmed, .. }, Phase::Disarmed) => disarmed,
    };
    let raw = |message: &RawMessage| {
        let request = raw_request(message, phase, record, listen)?;
        Ok(Words::Raw { request, accept: message.accept.clone() })
    };
    message.as_ref().map(raw).transpose()
}

/// A raw message with its placeholders filled in. Also for the keep-alive of a profile.
pub fn raw_request(
    message: &RawMessage,
    phase: Phase,
    record: u64,
    listen: Option<SocketAddr>,
) -> Result<Request, Untold> {
    let octet = |octet: &RawOctet| {
        let picked = match (*octet, listen) {
            (RawOctet::Literal(value), _) => Some(value),
            (RawOctet::Outcome, _) => Some(outcome(phase)),
            (RawOctet::Record(n), _) => record.to_le_bytes().get(usize::from(n)).copied(),
            (RawOctet::ListenAddress(n), Some(listen)) => match listen.ip() {
                IpAddr::V4(address) => address.octets().get(usize::from(n)).copied(),
                IpAddr::V6(_) => None,
            },
            (RawOctet::ListenPort(n), Some(listen)) => listen.port().to_le_bytes().get(usize::from(n)).copied(),
            (RawOctet::ListenAddress(_) | RawOctet::ListenPort(_), None) => None,
        };
        picked.ok_or(Untold::NoAddress)
    };
    let data = message.data.iter().map(octet).collect::<Result<Vec<u8>, _>>()?;
    Ok(Request { netfn: message.netfn, lun: message.lun, command: message.command, data })
}

fn outcome(phase: Phase) -> u8 {
    match phase {
        Phase::Ended(Outcome::Failed) => 1,
        Phase::Ended(Outcome::Unknown) => 2,
        Phase::Ended(Outcome::Done) | Phase::Armed | Phase::Started | Phase::Disarmed => 0,
    }
}
