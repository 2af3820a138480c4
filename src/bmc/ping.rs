//! Asks a BMC for a sign of life without logging in: Get Channel Authentication Capabilities, outside
//! any session (IPMI 2.0, section 22.13), or an ASF presence ping (ASF 2.0, section 3.2.4.2), or both.
//!
//! Sans-IO like `session`. Nothing here is authenticated: the answer says that something at this
//! address speaks RMCP, no more. When to ask is the heartbeat's business.

use super::few::Few;
use crate::crypto::Random;
use crate::now::Now;
use crate::wire::command::{AuthCapabilities, auth_capabilities};
use crate::wire::ipmi::Message;
use crate::wire::rmcp::{Datagram, emit_ping, emit_sessionless};
use core::time::Duration;

/// How long an answer is awaited.
pub const PATIENCE: Duration = Duration::from_secs(1);
/// Until the question is said again: one that is lost proves nothing.
pub const AGAIN: Duration = Duration::from_millis(250);
/// The privilege that the question names; it changes nothing of the answer that we use.
const ADMINISTRATOR: u8 = 4;

/// What the probe wants from the one who drives it, or has found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this datagram to the BMC.
    Send(Vec<u8>),
    /// It answered.
    Alive {
        /// When the answer came.
        at: Now,
        /// What it says it can; none: it answered a presence ping.
        capabilities: Option<AuthCapabilities>,
    },
    /// It did not within [`PATIENCE`].
    Silent,
}

/// Which questions are asked; the first answer to any of them counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds {
    /// An ASF presence ping.
    pub asf: bool,
    /// Get Channel Authentication Capabilities.
    pub capabilities: bool,
}

impl Kinds {
    fn or_any(self) -> Self {
        Self { capabilities: self.capabilities || !self.asf, ..self }
    }
}

/// Asks one BMC, one question at a time.
#[derive(Debug)]
pub struct Probe {
    kinds: Kinds,
    /// `rqSeq` and tag of the last question.
    sequence: u8,
    /// Timer: the answer is overdue. `None`: nothing was asked.
    due: Option<Duration>,
    /// Timer: it is asked again.
    again: Option<Duration>,
    output: Few<Output>,
}

impl Probe {
    /// A probe that has not asked yet, for the capabilities.
    pub fn new(random: &mut Random) -> Self {
        Self::of(random, Kinds { asf: false, capabilities: true })
    }

    /// A probe that has not asked yet; without any kind it asks for the capabilities.
    pub fn of(random: &mut Random, kinds: Kinds) -> Self {
        let [sequence] = random.array();
        Self { kinds: kinds.or_any(), sequence: sequence & 0x3F, due: None, again: None, output: Few::default() }
    }

    /// Whether it asks like this.
    pub fn is_of(&self, kinds: Kinds) -> bool {
        self.kinds == kinds.or_any()
    }

    /// Asks no more; a question that is open is not answered.
    pub fn stop(&mut self) {
        self.again = None;
        if self.due.take().is_some() {
            self.output.push_back(Output::Silent);
        }
    }

    /// Asks. An earlier question that is still open is forgotten.
    pub fn ask(&mut self, now: Now) {
        self.sequence = (self.sequence + 1) & 0x3F;
        self.due = Some(now.boottime + PATIENCE);
        self.say(now);
    }

    fn say(&mut self, now: Now) {
        if self.kinds.asf {
            self.output.push_back(Output::Send(emit_ping(self.sequence)));
        }
        let message = Message::request(self.sequence, &auth_capabilities(ADMINISTRATOR)).emit();
        let question = emit_sessionless(&message).ok().filter(|_| self.kinds.capabilities);
        self.output.extend(question.map(Output::Send));
        let at = now.boottime + AGAIN;
        self.again = Some(at).filter(|at| self.due.is_some_and(|due| *at < due));
    }

    /// A datagram came from the BMC's address; whether it was the answer.
    pub fn handle_datagram(&mut self, now: Now, bytes: &[u8]) -> bool {
        let capabilities = self.due.and_then(|_| self.answer(bytes));
        match capabilities {
            Some(capabilities) => {
                (self.due, self.again) = (None, None);
                self.output.push_back(Output::Alive { at: now, capabilities });
                true
            }
            None => false,
        }
    }

    fn answer(&self, bytes: &[u8]) -> Option<Option<AuthCapabilities>> {
        let message = match Datagram::parse(bytes) {
            Ok(Datagram::Sessionless(message)) => message,
            Ok(Datagram::Pong { tag, ipmi: _ }) => {
                return (self.kinds.asf && tag == self.sequence).then_some(None);
            }
            Ok(Datagram::Ping { .. } | Datagram::Plus(_)) | Err(_) => return None,
        };
        let message = Message::parse(message).ok()?;
        let question = auth_capabilities(ADMINISTRATOR);
        let ours = message.sequence == self.sequence
            && message.netfn == question.netfn | 1
            && message.command == question.command;
        let response = message.to_response().ok().filter(|response| ours && response.completion == 0)?;
        AuthCapabilities::parse(&response.data).ok().map(Some)
    }

    /// Time has passed. Before the deadline this does nothing.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.due.take_if(|at| *at <= now.boottime).is_some() {
            self.again = None;
            self.output.push_back(Output::Silent);
        }
        if self.again.take_if(|at| *at <= now.boottime).is_some() {
            self.say(now);
        }
    }

    /// What must be done now; `None`: nothing. Drain it after every call.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// When `handle_timeout` is due, in boottime.
    pub fn next_deadline(&self) -> Option<Duration> {
        [self.due, self.again].into_iter().flatten().min()
    }
}
