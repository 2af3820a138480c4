//! One RMCP+ session with a BMC, from Open Session Request to Close Session (IPMI 2.0, section 13).
//!
//! Sans-IO: `open`, `command` and `close` are orders, `handle_*` inputs, `poll_output` and
//! `next_deadline` outputs. After each call drain the output. One command is in flight at most. Input
//! is datagrams from whoever can reach our port: nothing is believed before its code was checked,
//! and what is not believed changes nothing. What cannot have a code (a refusal) is believed late.

use super::abandoned::Abandoned;
use super::active::Active;
pub use super::active::Ignored;
use super::failure::Failure;
use super::few::Few;
use super::key_exchange::{Believed, Heard, KeyExchange};
pub use super::login::{Login, Manners};
use super::pace::Pace;
pub use super::pace::{QUICK_TRANSMISSIONS, RESEND_FIRST, TRANSMISSIONS};
use crate::crypto::Random;
use crate::now::Now;
use crate::suite::Suite;
use crate::wire::command::{AUTH_CAPABILITIES, auth_capabilities};
use crate::wire::ipmi::{Message, Request, Response};
use crate::wire::rmcp::{Datagram, PayloadType, Plus, emit_sessionless};
use crate::words::Guid;
use core::time::Duration;

/// So much sooner is repeated what overtook another command, once the BMC is done with that one.
const HASTE: u32 = 5;

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
    Idle(Login),
    Exchange(Box<KeyExchange>),
    Active(Box<Active>),
    Closed,
}

/// Whether the BMC answers outside the session what it does not answer inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outside {
    NotAsked,
    /// By this `rqSeq`.
    Asked(u8),
    /// Until then it may yet answer inside.
    Answers(Duration),
}

/// One RMCP+ session, the console's side.
#[derive(Debug)]
pub struct Session {
    random: Random,
    state: State,
    pace: Pace,
    /// Of the message that is out now.
    transmissions: u32,
    /// When it was sent first and last.
    sent: (Duration, Duration),
    /// From the first sending of the last command to its answer.
    took: Duration,
    /// The only timer: the message that is out is sent again, or given up.
    resend: Option<Duration>,
    outside: Outside,
    /// A message of the key exchange was sent more than once: the BMC may have rolled new numbers for it,
    /// and what it then refuses proves nothing.
    repeated: bool,
    /// Something came while we waited, but unreadable.
    malformed: bool,
    abandoned: Option<Abandoned>,
    /// The goodbye once more, for when the BMC hears us again.
    farewell: Option<Vec<u8>>,
    output: Few<Output>,
}

impl Session {
    /// A session that is not open yet. `random` must be its own: ids, numbers and vectors come from it.
    pub(super) fn new(login: Login, random: Random, pace: Pace) -> Self {
        Self {
            random,
            state: State::Idle(login),
            pace,
            transmissions: 0,
            sent: (Duration::ZERO, Duration::ZERO),
            took: Duration::ZERO,
            resend: None,
            outside: Outside::NotAsked,
            repeated: false,
            malformed: false,
            abandoned: None,
            farewell: None,
            output: Few::default(),
        }
    }

    /// Starts the key exchange. Ends in `Opened` or `Closed`. Does nothing the second time.
    pub fn open(&mut self, now: Now) {
        let State::Idle(login) = &self.state else { return };
        match KeyExchange::new(login.clone(), &mut self.random) {
            Some(exchange) => {
                self.state = State::Exchange(Box::new(exchange));
                self.transmit_first(now);
            }
            None => self.end(Failure::SuiteNotOffered),
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
            State::Active(_) | State::Idle(_) | State::Exchange(_) | State::Closed => Err(request),
        }
    }

    /// Takes the command in flight back, so that another one need not wait for its answer, and says whether it did. Not one
    /// that must not be sent twice, nor one that was sent again already: that is about to show whether the session lives.
    pub(super) fn interrupt(&mut self) -> bool {
        match &mut self.state {
            State::Active(active) if self.transmissions == 1 && active.repeats() => {
                active.make_way();
                self.resend = None;
                true
            }
            State::Active(_) | State::Idle(_) | State::Exchange(_) | State::Closed => false,
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

    /// Whether a refusal may come from a repetition alone.
    pub(super) fn was_repeated(&self) -> bool {
        self.repeated
    }

    /// Our own process, or host, slept for so long: that is not the time that the BMC takes.
    pub(super) fn slept(&mut self, for_so_long: Duration) {
        self.sent.0 += for_so_long;
        self.sent.1 += for_so_long;
    }

    /// What it has learnt of the BMC's speed.
    pub(super) fn pace(&self) -> Pace {
        self.pace
    }

    /// The BMC is slower than we thought: nothing is repeated before it can have answered.
    pub(super) fn is_slow(&mut self, after: Duration) {
        self.pace.heard_after(after);
        let soonest = self.sent.1 + self.pace.wait(0);
        self.resend = self.resend.map(|at| at.max(soonest));
    }

    /// What to know of it once it is over.
    pub(super) fn take_abandoned(&mut self) -> Option<Abandoned> {
        self.abandoned.take()
    }

    /// Its goodbye once more: the one that was said may not have been heard, and the BMC may hold its slot for a minute.
    pub(super) fn take_farewell(&mut self) -> Option<Vec<u8>> {
        self.farewell.take()
    }

    /// Time has passed. Before the deadline this does nothing.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.resend.is_none_or(|due| now.boottime < due) {
            return;
        }
        let believed = match &mut self.state {
            State::Exchange(exchange) => exchange.believe(&mut self.random),
            State::Idle(_) | State::Active(_) | State::Closed => None,
        };
        match believed {
            Some(Believed::Next) => return self.transmit_first(now),
            Some(Believed::Over(why)) => return self.end(why),
            None => {}
        }
        if matches!(self.outside, Outside::Answers(until) if until <= now.boottime) {
            return self.end(Failure::SessionLost);
        }
        if self.transmissions >= self.most_transmissions() {
            return self.give_up();
        }
        self.transmit(now);
    }

    /// How often what is out is sent.
    fn most_transmissions(&self) -> u32 {
        match self.state {
            State::Active(_) => self.pace.transmissions_in_session(),
            State::Exchange(_) | State::Idle(_) | State::Closed => TRANSMISSIONS,
        }
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
            State::Active(_) | State::Idle(_) | State::Exchange(_) | State::Closed => self.end(why),
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
            Datagram::Sessionless(message) => return self.sessionless(now, message),
            Datagram::Ping { .. } | Datagram::Pong { .. } => return Err(Ignored::NotAwaited),
        };
        if matches!(plus.payload_type, PayloadType::Ipmi) {
            return self.packet(now, &plus);
        }
        if plus.encrypted || plus.authenticated || plus.session != 0 {
            return Err(Ignored::NotOurs);
        }
        let State::Exchange(exchange) = &mut self.state else { return Err(Ignored::NotAwaited) };
        let mut out = Vec::new();
        let heard = exchange.hear(now.boottime, plus.payload_type, plus.payload, &mut self.random, &mut out);
        self.send_all(out);
        self.heard(now, heard?);
        Ok(())
    }

    fn sessionless(&mut self, now: Now, message: &[u8]) -> Result<(), Ignored> {
        match &mut self.state {
            State::Exchange(exchange) => {
                let mut out = Vec::new();
                let heard = exchange.hear_sessionless(message, &mut self.random, &mut out);
                self.send_all(out);
                self.heard(now, heard?);
                Ok(())
            }
            State::Active(_) => {
                let message = Message::parse(message).map_err(Ignored::Message)?;
                let answers = self.outside == Outside::Asked(message.sequence)
                    && message.netfn == AUTH_CAPABILITIES.netfn | 1
                    && message.command == AUTH_CAPABILITIES.number;
                if !answers {
                    return Err(Ignored::NotAwaited);
                }
                // It may yet answer inside; if it does not soon, the session is no more.
                let soon = now.boottime + self.pace.wait_inside();
                self.outside = Outside::Answers(soon);
                self.resend = self.resend.map(|at| at.min(soon));
                Ok(())
            }
            State::Idle(_) | State::Closed => Err(Ignored::NotAwaited),
        }
    }

    fn heard(&mut self, now: Now, heard: Heard) {
        match heard {
            Heard::Same => {}
            Heard::Next => {
                self.learn(now);
                self.transmit_first(now);
            }
            Heard::Doubted => {
                let soon = now.boottime.max(self.sent.1 + self.pace.wait(0));
                self.resend = self.resend.map(|at| at.min(soon));
            }
            Heard::Late(after) => self.is_slow(after),
            Heard::Proven(proven) => {
                self.learn(now);
                let (exchange, keys) = *proven;
                self.output.push_back(Output::Opened { suite: keys.suite(), guid: exchange.guid });
                self.state = State::Active(Box::new(Active::new(keys, &exchange)));
                self.resend = None;
                self.malformed = false;
            }
        }
    }

    /// An answer to what was sent once tells the BMC's speed; else it is not known which sending it is for.
    fn learn(&mut self, now: Now) {
        if self.transmissions == 1 {
            self.pace.heard_after(now.boottime.saturating_sub(self.sent.0));
        }
    }

    fn packet(&mut self, now: Now, packet: &Plus<'_>) -> Result<(), Ignored> {
        let State::Active(active) = &mut self.state else { return Err(Ignored::NotAwaited) };
        match active.open(packet) {
            Ok(response) => {
                self.learn(now);
                self.took = now.boottime.saturating_sub(self.sent.0);
                self.resend = None;
                self.malformed = false;
                self.output.push_back(Output::Answer(Ok(response)));
                Ok(())
            }
            Err(Ignored::Repeated) => {
                // It was repeated in vain: the first answer was under way.
                self.is_slow(self.took);
                Err(Ignored::Repeated)
            }
            Err(Ignored::Overtaken) => {
                // A BMC that takes nothing while it works has not heard what overtook this; one that does answers at once.
                let soon = now.boottime + self.pace.wait(0) / HASTE;
                self.resend = self.resend.map(|at| at.min(soon));
                Err(Ignored::Overtaken)
            }
            Err(ignored) => Err(ignored),
        }
    }

    fn transmit_first(&mut self, now: Now) {
        self.transmissions = 0;
        self.sent.0 = now.boottime;
        self.outside = Outside::NotAsked;
        self.malformed = false;
        self.transmit(now);
    }

    /// Sends what the state has to say, and sets the timer.
    fn transmit(&mut self, now: Now) {
        let (first, last) = (self.transmissions == 0, self.transmissions + 1 == self.most_transmissions());
        let mut wait = self.pace.wait(self.transmissions);
        match &mut self.state {
            State::Idle(_) | State::Closed => return,
            State::Exchange(exchange) => {
                self.repeated |= !first;
                let mut out = Vec::new();
                exchange.say(now.boottime, last, &mut self.random, &mut out);
                self.send_all(out);
            }
            State::Active(active) if active.is_free() => return,
            State::Active(active) => {
                let datagram = active.seal_command(&mut self.random, first);
                let repeated = datagram.is_some();
                self.send_all(datagram);
                wait = self.pace.wait_in_session(self.transmissions);
                if self.transmissions == self.pace.ask_outside() && repeated {
                    self.ask_outside();
                }
            }
        }
        self.sent.1 = now.boottime;
        let at = now.boottime + wait;
        self.resend = Some(match self.outside {
            Outside::Answers(until) => at.min(until),
            Outside::NotAsked | Outside::Asked(_) => at,
        });
        self.transmissions += 1;
    }

    fn ask_outside(&mut self) {
        let [sequence] = self.random.array();
        let sequence = sequence & 0x3F;
        let question = Message::request(sequence, &auth_capabilities(ADMINISTRATOR)).emit();
        self.outside = Outside::Asked(sequence);
        self.send_all(emit_sessionless(&question).ok());
    }

    /// Ends the session on every path: the BMC is told if it may hold a slot, the command is answered.
    fn end(&mut self, why: Failure) {
        self.resend = None;
        let mut out = Vec::new();
        let ours = match &self.state {
            State::Exchange(exchange) => Some((exchange.console_session(), None)),
            State::Active(active) => Some((active.console_session(), Some(active.keys().clone()))),
            State::Idle(_) | State::Closed => None,
        };
        // A command was sent again and again, and a late answer is to the last sending as likely as to the first: it shows
        // no more than that. A BMC that is truly slow shows more in the next session.
        let sent = if matches!(self.state, State::Active(_)) { self.sent.1 } else { self.sent.0 };
        self.abandoned = ours.map(|(session, keys)| Abandoned::new(session, keys, sent));
        match core::mem::replace(&mut self.state, State::Closed) {
            State::Closed => return,
            State::Active(mut active) => {
                out.push(active.seal_close(&mut self.random));
                if why != Failure::Stopped {
                    self.farewell = Some(active.seal_close(&mut self.random));
                }
                if !active.is_free() {
                    self.output.push_back(Output::Answer(Err(why)));
                }
            }
            State::Exchange(exchange) => {
                if let Some((exchange, keys)) = exchange.abandon(why, &mut out) {
                    // RAKP Message 4 may have been lost on the way, and the BMC may believe in the session.
                    out.push(Active::new(keys, &exchange).seal_close(&mut self.random));
                }
            }
            State::Idle(_) => {}
        }
        self.send_all(out);
        self.output.push_back(Output::Closed(why));
    }

    fn send_all(&mut self, datagrams: impl IntoIterator<Item = Vec<u8>>) {
        self.output.extend(datagrams.into_iter().map(Output::Send));
    }
}

/// The privilege that the question outside the session names; it changes nothing of what we look at.
const ADMINISTRATOR: u8 = 4;
