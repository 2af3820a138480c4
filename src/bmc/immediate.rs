//! Makes a BMC send a test alert to us: finds its LAN channel and which of its destinations we are, asks, and asks
//! what became of it.
//!
//! Two dialogues, sans-IO like `handshake`; they write nothing into the BMC. Answers are a BMC's, hostile.

use super::dialogue::{Dialogue, Step};
use super::failure::Failure;
use super::lan_channel::{self, Next};
use crate::now::Now;
use crate::wire::command::channel_info;
use crate::wire::ipmi::{Completion, Error, Request, Response};
use crate::wire::lan::{self, Destination, DestinationAddress, parameter};
use crate::wire::pef::alert::{ALERT_BUSY, AlertEvent, AlertImmediate, AlertStatus, Operation};
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

/// Before a BMC that was busy is asked again.
pub const AGAIN: Duration = Duration::from_secs(1);
/// Completion code of Alert Immediate: it takes no event (IPMI 2.0, section 30.7).
const NO_EVENT: u8 = 0x83;

/// Sensor type of our event: system event.
pub const SENSOR_TYPE: u8 = 0x12;
/// Its event type: sensor-specific, asserted.
pub const EVENT_TYPE: u8 = 0x6F;
/// Its offset: a time stamp clock was set. Nothing dies of that, and `notice::deadly` says so, too.
pub const OFFSET: u8 = 0x05;

/// The event that we ask for, with a number that tells one drill from the next.
pub fn event(nonce: [u8; 2]) -> AlertEvent {
    AlertEvent {
        generator: 0x41, // system software: 40h to 46h, bit 0 set
        revision: 0x04,
        sensor_type: SENSOR_TYPE,
        sensor: 0,
        event_type: EVENT_TYPE,
        data: [0xA0 | OFFSET, nonce[0], nonce[1]], // A0h: octets 2 and 3 hold what the maker says
    }
}

/// The BMC has taken the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its LAN channel.
    pub channel: u8,
    /// Which of its destinations we are.
    pub destination: u8,
    /// Whether the alert is to be of our own event.
    pub own_event: bool,
    /// When the order went out, in boottime.
    pub sent: Duration,
}

/// Why the BMC sends nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unasked {
    /// It could not be talked to.
    Unanswered(Failure),
    /// It has no LAN channel.
    NoLan,
    /// It does not say where its alerts go.
    Unreadable(Completion),
    /// None of so many destinations is us.
    NotADestination(u8),
    /// The destination that we are is not sent PETs.
    NotPet(u8),
    /// It does not know the command.
    Unknown,
    /// It refused.
    Refused(Completion),
    /// Another alert of its was on its way all the time.
    Busy,
    /// The deadline came before anything else.
    Late,
}

impl fmt::Display for Unasked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unanswered(failure) => write!(f, "{failure}"),
            Self::NoLan => f.write_str("the BMC shows no LAN channel that alerts could leave by"),
            Self::Unreadable(Completion::PRIVILEGE) | Self::Refused(Completion::PRIVILEGE) => f.write_str(
                "the session may not order alerts: a drill needs privilege = \"administrator\" in [server.bmc], or a BMC that \
                 is talked to in-band",
            ),
            Self::Unreadable(code) => write!(f, "the BMC does not say where its alerts go: {code}"),
            Self::NotADestination(0) => f.write_str(
                "the BMC has no alert destinations: write this server's listen address into one (bmcnotice bmc audit)",
            ),
            Self::NotADestination(count) => write!(
                f,
                "none of the BMC's {count} alert destinations is this server's listen address: its traps go elsewhere, \
                 or nowhere (bmcnotice bmc audit)"
            ),
            Self::NotPet(destination) => {
                write!(f, "destination {destination} of the BMC is this server, but is not of the type PET")
            }
            Self::Unknown => f.write_str(
                "the BMC does not know Alert Immediate: it cannot be drilled, and only a true event proves its path; \
                 bmcnotice bmc audit says what would keep one from coming",
            ),
            Self::Refused(code) => write!(f, "the BMC refused: {code}"),
            Self::Busy => f.write_str("the BMC says that another alert of its is on its way, and does not end"),
            Self::Late => f.write_str("the BMC was not asked in time"),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Question {
    /// Is this channel the LAN?
    Channel(u8),
    /// Does it know the command at all?
    Probe,
    /// How many destinations?
    Count,
    /// Where is it?
    Address(u8),
    /// Is it sent PETs?
    Kind(u8),
    /// The order.
    Order(u8),
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// To ask as soon as this moment has come.
    Due(Question, Duration),
    /// The link has it.
    Asked(Question, Duration),
    Over(Result<Accepted, Unasked>),
}

/// Finds out where, and gives the order.
#[derive(Debug)]
pub struct Asking {
    state: State,
    ours: Vec<IpAddr>,
    event: Option<AlertEvent>,
    channel: u8,
    destinations: u8,
    /// Why it was not asked, or did not accept, so far.
    so_far: Option<Unasked>,
    deadline: Duration,
}

impl Asking {
    /// `ours`: addresses at which we receive traps. `deadline` in boottime.
    pub fn new(ours: Vec<IpAddr>, event: AlertEvent, deadline: Duration) -> Self {
        let state = State::Due(Question::Channel(lan_channel::FIRST), Duration::ZERO);
        Self { state, ours, event: Some(event), channel: lan_channel::USUAL, destinations: 0, so_far: None, deadline }
    }

    fn request(&self, question: Question) -> Request {
        match question {
            Question::Channel(channel) => channel_info(channel),
            Question::Probe => ask(self.channel, 1, Operation::Status, None),
            Question::Count => lan::get(self.channel, parameter::DESTINATIONS, 0),
            Question::Address(destination) => lan::get(self.channel, parameter::DESTINATION_ADDRESS, destination),
            Question::Kind(destination) => lan::get(self.channel, parameter::DESTINATION, destination),
            Question::Order(destination) => ask(self.channel, destination, Operation::Send, self.event),
        }
    }

    /// What an answer leads to: the next question, or the end.
    fn next(&mut self, now: Now, question: Question, sent: Duration, response: &Response) -> State {
        let data = (response.completion == 0).then_some(&*response.data);
        let at_once = |question| State::Due(question, now.boottime);
        match question {
            Question::Channel(channel) => match lan_channel::next(channel, data) {
                Next::Is(lan) => {
                    self.channel = lan;
                    at_once(Question::Probe)
                }
                Next::Untold => at_once(Question::Probe),
                Next::Ask(channel) => at_once(Question::Channel(channel)),
                Next::NoLan => State::Over(Err(Unasked::NoLan)),
            },
            // Whatever else it says of an alert that was never sent, it knows the command.
            Question::Probe => match Completion(response.completion) {
                Completion::UNKNOWN_COMMAND => State::Over(Err(Unasked::Unknown)),
                _ => at_once(Question::Count),
            },
            Question::Count => match data.map(count) {
                Some(Ok(0)) => State::Over(Err(Unasked::NotADestination(0))),
                Some(Ok(count)) => {
                    self.destinations = count;
                    at_once(Question::Address(1))
                }
                Some(Err(_)) => State::Over(Err(Unasked::Unanswered(Failure::Malformed))),
                None => State::Over(Err(Unasked::Unreadable(Completion(response.completion)))),
            },
            Question::Address(destination) => match data.map(address) {
                Some(Ok(address)) if self.ours.contains(&address) => at_once(Question::Kind(destination)),
                // One that cannot be read is not ours; the others are looked at.
                Some(_) | None if destination < self.destinations => at_once(Question::Address(destination + 1)),
                Some(_) | None => State::Over(Err(Unasked::NotADestination(self.destinations))),
            },
            Question::Kind(destination) => match data.map(is_pet) {
                Some(Ok(false)) => State::Over(Err(Unasked::NotPet(destination))),
                Some(Ok(true) | Err(_)) | None => at_once(Question::Order(destination)),
            },
            Question::Order(destination) => match Completion(response.completion) {
                Completion(0) => State::Over(Ok(Accepted {
                    channel: self.channel,
                    destination,
                    own_event: self.event.is_some(),
                    sent,
                })),
                Completion(ALERT_BUSY) => {
                    self.so_far = Some(Unasked::Busy);
                    State::Due(question, now.boottime + AGAIN)
                }
                // Without our event it may be able to: then its test alert is what its maker thought of.
                Completion(NO_EVENT) | Completion::LENGTH | Completion::FIELD if self.event.is_some() => {
                    self.event = None;
                    at_once(question)
                }
                _ => State::Over(Err(refusal(response))),
            },
        }
    }
}

fn ask(channel: u8, destination: u8, operation: Operation, event: Option<AlertEvent>) -> Request {
    AlertImmediate { channel, operation, destination, string: 0, event }.request()
}

/// How many destinations there are beside the volatile one.
fn count(data: &[u8]) -> Result<u8, Error> {
    lan::answered(data)?.first().map(|count| count & 0x0F).ok_or(Error::Truncated)
}

fn address(data: &[u8]) -> Result<IpAddr, Error> {
    DestinationAddress::parse(lan::answered(data)?).map(|destination| destination.to.ip().to_canonical())
}

fn is_pet(data: &[u8]) -> Result<bool, Error> {
    Destination::parse(lan::answered(data)?).map(|destination| destination.kind == lan::PET)
}

fn refusal(response: &Response) -> Unasked {
    match Completion(response.completion) {
        Completion::UNKNOWN_COMMAND => Unasked::Unknown,
        code => Unasked::Refused(code),
    }
}

impl Dialogue for Asking {
    type End = Result<Accepted, Unasked>;

    fn poll(&mut self, now: Now) -> Step<Self::End> {
        if !matches!(self.state, State::Over(_)) && now.boottime >= self.deadline {
            self.state = State::Over(Err(self.so_far.unwrap_or(Unasked::Late)));
        }
        match self.state {
            State::Due(question, at) if at <= now.boottime => {
                self.state = State::Asked(question, now.boottime);
                Step::Submit(self.request(question))
            }
            State::Due(_, at) => Step::Wait(Some(at.min(self.deadline))),
            State::Asked(..) => Step::Wait(Some(self.deadline)),
            State::Over(result) => Step::Over(result),
        }
    }

    fn handle_answer(&mut self, now: Now, result: Result<Response, Failure>) {
        let State::Asked(question, sent) = self.state else { return };
        self.state = match result {
            Ok(response) => self.next(now, question, sent, &response),
            // A session that is just being opened, a BMC that is busy: asked again. A second alert does no harm.
            Err(failure) if failure.is_passing() => {
                self.so_far = Some(Unasked::Unanswered(failure));
                State::Due(question, now.boottime + AGAIN)
            }
            Err(failure) => State::Over(Err(Unasked::Unanswered(failure))),
        };
    }
}

/// Asks the BMC what became of its alert, until it says.
#[derive(Debug)]
pub struct Looking {
    accepted: Accepted,
    /// When it is asked; none: the link has the question.
    due: Option<Duration>,
    end: Option<Option<AlertStatus>>,
    last: Option<AlertStatus>,
    deadline: Duration,
}

impl Looking {
    /// To be asked for the first time a moment from `now`.
    pub fn new(now: Now, accepted: Accepted, deadline: Duration) -> Self {
        Self { accepted, due: Some(now.boottime + AGAIN), end: None, last: None, deadline }
    }
}

impl Dialogue for Looking {
    /// None: it does not say.
    type End = Option<AlertStatus>;

    fn poll(&mut self, now: Now) -> Step<Self::End> {
        if now.boottime >= self.deadline {
            self.end = Some(self.end.unwrap_or(self.last));
        }
        match (self.end, self.due) {
            (Some(end), _) => Step::Over(end),
            (None, Some(due)) if due <= now.boottime => {
                self.due = None;
                let Accepted { channel, destination, .. } = self.accepted;
                Step::Submit(ask(channel, destination, Operation::Status, None))
            }
            (None, Some(due)) => Step::Wait(Some(due.min(self.deadline))),
            (None, None) => Step::Wait(Some(self.deadline)),
        }
    }

    fn handle_answer(&mut self, now: Now, result: Result<Response, Failure>) {
        let fate = result.ok().filter(|response| response.completion == 0);
        match fate.map(|response| AlertStatus::parse(&response.data)) {
            Some(Ok(fate @ (AlertStatus::None | AlertStatus::Running))) => {
                self.last = Some(fate);
                self.due = Some(now.boottime + AGAIN);
            }
            Some(Ok(fate @ (AlertStatus::Done | AlertStatus::Retried | AlertStatus::TimedOut))) => {
                self.end = Some(Some(fate))
            }
            Some(Err(_)) | None => self.end = Some(self.last),
        }
    }
}
