//! One RMCP+ session with a BMC, from Open Session Request to Close Session (IPMI 2.0, section 13).
//!
//! Sans-IO: `open`, `command` and `close` are orders, `handle_*` inputs, `poll_output` and
//! `next_deadline` outputs. After each call drain the output. One command is in flight at most. Input
//! is datagrams from whoever can reach our port: nothing is believed before its code was checked,
//! and what is not believed changes nothing.

use super::active::Active;
pub use super::active::Ignored;
use super::failure::Failure;
use crate::config::model::Privilege;
use crate::crypto::{Random, Secret};
use crate::now::Now;
use crate::suite::{Exchange, Keys, Suite};
use crate::wire::ipmi::{Request, Response};
use crate::wire::rakp::{Answer, MAX_NAME, OpenRequest, OpenResponse, Opened, Proof, Rakp1, Rakp2, Rakp4, Status};
use crate::wire::rmcp::{self, Datagram, PayloadType, Plus, emit_setup};
use crate::words::Guid;
use core::time::Duration;
use std::collections::VecDeque;

/// What is sent is sent again after this time, then after twice, four times ... it.
pub const RESEND_FIRST: Duration = Duration::from_millis(250);
/// How often one message is sent at most; the silence after the last send counts too, so that a BMC
/// has 3.75 s in all.
pub const TRANSMISSIONS: u32 = 4;

/// Bit 4 of the role: the user is looked up by name alone.
const NAME_ONLY: u8 = 0x10;
/// RAKP status: the check value is wrong.
const CHECK_VALUE_WRONG: Status = Status(0x0F);

/// How to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user's name, at most 16 octets.
    pub user: Vec<u8>,
    /// At most 20 octets.
    pub password: Secret,
    /// The BMC's own key, if it has one; at most 20 octets.
    pub kg: Option<Secret>,
    /// The cipher suites to try, in this order.
    pub suites: Vec<Suite>,
    /// The privilege to ask for.
    pub privilege: Privilege,
}

/// What the session wants from the one who drives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this datagram to the BMC.
    Send(Vec<u8>),
    /// The BMC knows the password, and so do we; commands may follow, at user privilege at first.
    Opened {
        /// The suite in use.
        suite: Suite,
        /// The GUID told in RAKP Message 2.
        guid: Guid,
    },
    /// What became of the command; exactly one for each [`Session::command`].
    Answer(Result<Response, Failure>),
    /// The session is over and this value with it. [`Failure::Stopped`]: by our own `close`.
    Closed(Failure),
}

#[derive(Debug)]
enum State {
    Idle,
    /// Open Session Request is out.
    Opening {
        suite: Suite,
        tag: u8,
        console_session: u32,
    },
    /// RAKP Message 1 is out.
    Introducing {
        suite: Suite,
        tag: u8,
        exchange: Exchange,
    },
    /// RAKP Message 3 is out.
    Proving {
        tag: u8,
        exchange: Exchange,
        keys: Keys,
    },
    Active(Active),
    Closed,
}

/// One RMCP+ session, the console's side.
#[derive(Debug)]
pub struct Session {
    login: Login,
    random: Random,
    state: State,
    /// The suites that are still to be tried.
    suites: VecDeque<Suite>,
    /// Why an earlier suite was refused, if that says more than "not offered".
    refusal: Option<Failure>,
    tag: u8,
    /// Of the message that is out now.
    transmissions: u32,
    /// The only timer: the message that is out is sent again, or given up.
    resend: Option<Duration>,
    /// Something came while we waited, but unreadable.
    malformed: bool,
    output: VecDeque<Output>,
}

impl Session {
    /// A session that is not open yet. `random` must be its own: ids, numbers and vectors come from it.
    pub fn new(mut login: Login, mut random: Random) -> Self {
        login.user.truncate(MAX_NAME);
        let suites = login.suites.iter().copied().collect();
        let [tag] = random.array();
        Self {
            login,
            random,
            state: State::Idle,
            suites,
            refusal: None,
            tag,
            transmissions: 0,
            resend: None,
            malformed: false,
            output: VecDeque::new(),
        }
    }

    /// Starts the key exchange. Ends in `Opened` or `Closed`. Does nothing the second time.
    pub fn open(&mut self, now: Now) {
        match self.state {
            State::Idle => self.try_next_suite(now, Failure::SuiteNotOffered),
            State::Opening { .. }
            | State::Introducing { .. }
            | State::Proving { .. }
            | State::Active(_)
            | State::Closed => {}
        }
    }

    /// Whether a command would be taken.
    pub fn is_free(&self) -> bool {
        matches!(&self.state, State::Active(active) if active.is_free())
    }

    /// Sends a command; gives it back if the session is not open or another one is in flight.
    pub fn command(&mut self, now: Now, request: Request) -> Result<(), Request> {
        match &mut self.state {
            State::Active(active) if active.is_free() => {
                active.take(request);
                self.transmit_first(now);
                Ok(())
            }
            State::Active(_)
            | State::Idle
            | State::Opening { .. }
            | State::Introducing { .. }
            | State::Proving { .. }
            | State::Closed => Err(request),
        }
    }

    /// Ends the session. Says so to the BMC once, without waiting for its answer.
    pub fn close(&mut self) {
        self.end(Failure::Stopped);
    }

    /// What must be done now; `None`: nothing. Drain it after every call.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// When `handle_timeout` is due, in boottime. May change with every call.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.resend
    }

    /// Time has passed. Before the deadline this does nothing.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.resend.is_none_or(|due| now.boottime < due) {
            return;
        }
        if self.transmissions >= TRANSMISSIONS {
            return self.give_up();
        }
        self.transmit(now);
    }

    /// The message that is out stays unanswered. One loss proves nothing: only a command that was sent
    /// again and again takes the session with it.
    fn give_up(&mut self) {
        let why = if self.malformed { Failure::Malformed } else { Failure::Silent };
        match &mut self.state {
            State::Active(active) if !active.repeats() => {
                active.forget();
                self.resend = None;
                self.output.push_back(Output::Answer(Err(why)));
            }
            State::Active(_)
            | State::Idle
            | State::Opening { .. }
            | State::Introducing { .. }
            | State::Proving { .. }
            | State::Closed => self.end(why),
        }
    }

    /// A datagram came from the BMC's address.
    pub fn handle_datagram(&mut self, now: Now, bytes: &[u8]) -> Result<(), Ignored> {
        let result = self.datagram(now, bytes);
        if matches!(result, Err(Ignored::Rmcp(_) | Ignored::Message(_))) {
            self.malformed = true;
        }
        result
    }

    fn datagram(&mut self, now: Now, bytes: &[u8]) -> Result<(), Ignored> {
        let plus = match Datagram::parse(bytes).map_err(Ignored::Rmcp)? {
            Datagram::Plus(plus) => plus,
            Datagram::Ping { .. } | Datagram::Pong { .. } | Datagram::Sessionless(_) => {
                return Err(Ignored::NotAwaited);
            }
        };
        if matches!(plus.payload_type, PayloadType::Ipmi) {
            return self.packet(&plus);
        }
        if plus.encrypted || plus.authenticated || plus.session != 0 {
            return Err(Ignored::NotOurs);
        }
        match plus.payload_type {
            PayloadType::OpenResponse => self.open_response(now, plus.payload),
            PayloadType::Rakp2 => self.rakp2(now, plus.payload),
            PayloadType::Rakp4 => self.rakp4(plus.payload),
            PayloadType::Ipmi | PayloadType::OpenRequest | PayloadType::Rakp1 | PayloadType::Rakp3 => {
                Err(Ignored::NotAwaited)
            }
        }
    }

    fn open_response(&mut self, now: Now, payload: &[u8]) -> Result<(), Ignored> {
        let (suite, tag, console_session) = match self.state {
            State::Opening { suite, tag, console_session } => (suite, tag, console_session),
            State::Idle | State::Introducing { .. } | State::Proving { .. } | State::Active(_) | State::Closed => {
                return Err(Ignored::NotAwaited);
            }
        };
        let response = OpenResponse::parse(payload).map_err(Ignored::Rmcp)?;
        match ours(&response, tag, console_session)? {
            Ok(Opened { algorithms, .. }) if *algorithms != suite.algorithms() => {
                Err(Ignored::Rmcp(rmcp::Error::Algorithms)) // never what we did not ask for
            }
            Ok(Opened { bmc_session, .. }) => {
                let exchange = Exchange {
                    console_session,
                    bmc_session: *bmc_session,
                    console_random: self.random.array(),
                    bmc_random: [0; 16],
                    guid: Guid([0; 16]),
                    role: NAME_ONLY | self.login.privilege as u8,
                    name: self.login.user.clone(),
                };
                self.state = State::Introducing { suite, tag, exchange };
                self.transmit_first(now);
                Ok(())
            }
            Err(status) => {
                self.refused(now, *status);
                Ok(())
            }
        }
    }

    fn rakp2(&mut self, now: Now, payload: &[u8]) -> Result<(), Ignored> {
        let (suite, tag, exchange) = match &mut self.state {
            State::Introducing { suite, tag, exchange } => (*suite, *tag, exchange),
            State::Idle | State::Opening { .. } | State::Proving { .. } | State::Active(_) | State::Closed => {
                return Err(Ignored::NotAwaited);
            }
        };
        let rakp2 = Rakp2::parse(payload).map_err(Ignored::Rmcp)?;
        match ours(&rakp2, tag, exchange.console_session)? {
            Ok(introduced) => {
                exchange.bmc_random = introduced.random;
                exchange.guid = introduced.guid;
                let exchange = exchange.clone();
                if !exchange.rakp2_code(suite, &self.login.password).is(introduced.code) {
                    let refusal = Proof { tag, session: Some(exchange.bmc_session), result: Err(CHECK_VALUE_WRONG) };
                    self.send(emit_setup(PayloadType::Rakp3, &refusal.emit())); // frees the BMC's slot
                    self.end(Failure::WrongPassword);
                    return Ok(());
                }
                let keys = exchange.keys(suite, &self.login.password, self.login.kg.as_ref());
                self.state = State::Proving { tag: self.new_tag(), exchange, keys };
                self.transmit_first(now);
                Ok(())
            }
            Err(status) => {
                self.refused(now, *status);
                Ok(())
            }
        }
    }

    fn rakp4(&mut self, payload: &[u8]) -> Result<(), Ignored> {
        let (tag, exchange, keys) = match &self.state {
            State::Proving { tag, exchange, keys } => (*tag, exchange, keys),
            State::Idle | State::Opening { .. } | State::Introducing { .. } | State::Active(_) | State::Closed => {
                return Err(Ignored::NotAwaited);
            }
        };
        let rakp4 = Rakp4::parse(payload).map_err(Ignored::Rmcp)?;
        match ours(&rakp4, tag, exchange.console_session)? {
            Ok(check) if keys.rakp4_check(exchange).is(check) => {
                self.output.push_back(Output::Opened { suite: keys.suite(), guid: exchange.guid });
                self.state = State::Active(Active::new(keys.clone(), exchange));
                self.resend = None;
                self.malformed = false;
            }
            Ok(_) => self.end(Failure::WrongPassword), // of the two secrets: the BMC key
            Err(status) => self.end(meaning(*status)),
        }
        Ok(())
    }

    fn packet(&mut self, packet: &Plus<'_>) -> Result<(), Ignored> {
        match &mut self.state {
            State::Active(active) => {
                let response = active.open(packet)?;
                self.resend = None;
                self.malformed = false;
                self.output.push_back(Output::Answer(Ok(response)));
                Ok(())
            }
            State::Idle | State::Opening { .. } | State::Introducing { .. } | State::Proving { .. } | State::Closed => {
                Err(Ignored::NotAwaited)
            }
        }
    }

    /// The BMC refused the exchange: the next suite may have more luck.
    fn refused(&mut self, now: Now, status: Status) {
        let why = meaning(status);
        let no_suite = status.is_about_suite() || (status.0 == 0x01 && matches!(self.state, State::Opening { .. }));
        if no_suite {
            self.try_next_suite(now, why);
        } else {
            self.end(why);
        }
    }

    /// `why` is what became of the suite before.
    fn try_next_suite(&mut self, now: Now, why: Failure) {
        if why != Failure::SuiteNotOffered {
            self.refusal = Some(why); // a BMC that is full says more than one that lacks a suite
        }
        let Some(suite) = self.suites.pop_front() else {
            return self.end(self.refusal.unwrap_or(Failure::SuiteNotOffered));
        };
        let console_session = self.random.u32().max(1);
        self.state = State::Opening { suite, tag: self.new_tag(), console_session };
        self.transmit_first(now);
    }

    fn transmit_first(&mut self, now: Now) {
        self.transmissions = 0;
        self.malformed = false;
        self.transmit(now);
    }

    /// Sends what the state has to say, and sets the timer.
    fn transmit(&mut self, now: Now) {
        let first = self.transmissions == 0;
        let next_tag = self.tag.wrapping_add(1);
        let datagram = match &mut self.state {
            State::Idle | State::Closed => return,
            State::Opening { suite, tag, console_session } => {
                let algorithms = suite.algorithms();
                let request = OpenRequest {
                    tag: *tag,
                    privilege: self.login.privilege as u8, // definite: some BMCs hash what is written here
                    console_session: *console_session,
                    proposal: [algorithms.authentication, algorithms.integrity, algorithms.confidentiality].map(Some),
                };
                Some(emit_setup(PayloadType::OpenRequest, &request.emit()))
            }
            State::Introducing { tag, exchange, .. } => {
                // A new tag each time: a BMC may roll a new number for each, and only the last one counts.
                *tag = next_tag;
                self.tag = next_tag;
                let message = Rakp1 {
                    tag: *tag,
                    bmc_session: exchange.bmc_session,
                    random: exchange.console_random,
                    role: exchange.role,
                    name: exchange.name.clone(),
                };
                Some(emit_setup(PayloadType::Rakp1, &message.emit()))
            }
            State::Proving { tag, exchange, keys } => {
                let code = exchange.rakp3_code(keys.suite(), &self.login.password);
                let message = Proof { tag: *tag, session: Some(exchange.bmc_session), result: Ok(code.octets()) };
                Some(emit_setup(PayloadType::Rakp3, &message.emit()))
            }
            State::Active(active) if active.is_free() => return,
            State::Active(active) => active.seal_command(&mut self.random, first),
        };
        if let Some(datagram) = datagram {
            self.send(datagram);
        }
        self.resend = Some(now.boottime + RESEND_FIRST * 2_u32.pow(self.transmissions.min(TRANSMISSIONS)));
        self.transmissions += 1;
    }

    /// Ends the session on every path: the BMC is told if it may hold a slot, the command is answered.
    fn end(&mut self, why: Failure) {
        self.resend = None;
        match core::mem::replace(&mut self.state, State::Closed) {
            State::Closed => return,
            State::Active(mut active) => {
                let datagram = active.seal_close(&mut self.random);
                self.send(datagram);
                if !active.is_free() {
                    self.output.push_back(Output::Answer(Err(why)));
                }
            }
            State::Proving { exchange, keys, .. } => {
                // RAKP Message 4 may have been lost on the way, and the BMC may believe in the session.
                let mut active = Active::new(keys, &exchange);
                let datagram = active.seal_close(&mut self.random);
                self.send(datagram);
            }
            State::Idle | State::Opening { .. } | State::Introducing { .. } => {}
        }
        self.output.push_back(Output::Closed(why));
    }

    fn send(&mut self, datagram: Vec<u8>) {
        self.output.push_back(Output::Send(datagram));
    }

    fn new_tag(&mut self) -> u8 {
        self.tag = self.tag.wrapping_add(1);
        self.tag
    }
}

/// Whether an answer is to our last message; gives its result.
fn ours<T>(answer: &Answer<T>, tag: u8, console_session: u32) -> Result<&Result<T, Status>, Ignored> {
    if answer.tag != tag || answer.session.is_some_and(|session| session != console_session) {
        return Err(Ignored::NotOurs);
    }
    Ok(&answer.result)
}

/// What a status means to the operator.
fn meaning(status: Status) -> Failure {
    match status.0 {
        0x01 | 0x0B => Failure::NoFreeSlot,
        0x04 | 0x05 | 0x10 | 0x11 | 0x12 => Failure::SuiteNotOffered,
        0x09 | 0x0A => Failure::PrivilegeTooHigh,
        0x0C | 0x0D => Failure::WrongUser,
        0x0F => Failure::WrongPassword,
        _ => Failure::Refused(status),
    }
}
