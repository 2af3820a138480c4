//! Asks a BMC for a sign of life without logging in: Get Channel Authentication Capabilities, outside
//! any session (IPMI 2.0, section 22.13).
//!
//! Sans-IO like `session`. Nothing here is authenticated: the answer says that something at this
//! address speaks IPMI, no more. When to ask is the heartbeat's business.

use crate::crypto::Random;
use crate::now::Now;
use crate::wire::command::{AuthCapabilities, auth_capabilities};
use crate::wire::ipmi::Message;
use crate::wire::rmcp::{Datagram, emit_sessionless};
use core::time::Duration;
use std::collections::VecDeque;

/// How long an answer is awaited.
pub const PATIENCE: Duration = Duration::from_secs(1);
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
        /// What it says it can.
        capabilities: AuthCapabilities,
    },
    /// It did not within [`PATIENCE`].
    Silent,
}

/// Asks one BMC, one question at a time.
#[derive(Debug)]
pub struct Probe {
    /// `rqSeq` of the last question.
    sequence: u8,
    /// Timer: the answer is overdue. `None`: nothing was asked.
    due: Option<Duration>,
    output: VecDeque<Output>,
}

impl Probe {
    /// A probe that has not asked yet.
    pub fn new(random: &mut Random) -> Self {
        let [sequence] = random.array();
        Self { sequence: sequence & 0x3F, due: None, output: VecDeque::new() }
    }

    /// Asks. An earlier question that is still open is forgotten.
    pub fn ask(&mut self, now: Now) {
        self.sequence = (self.sequence + 1) & 0x3F;
        let message = Message::request(self.sequence, &auth_capabilities(ADMINISTRATOR)).emit();
        if let Ok(datagram) = emit_sessionless(&message) {
            self.output.push_back(Output::Send(datagram));
            self.due = Some(now.boottime + PATIENCE);
        }
    }

    /// A datagram came from the BMC's address; whether it was the answer.
    pub fn handle_datagram(&mut self, now: Now, bytes: &[u8]) -> bool {
        let capabilities = self.due.and_then(|_| self.answer(bytes));
        match capabilities {
            Some(capabilities) => {
                self.due = None;
                self.output.push_back(Output::Alive { at: now, capabilities });
                true
            }
            None => false,
        }
    }

    fn answer(&self, bytes: &[u8]) -> Option<AuthCapabilities> {
        let Ok(Datagram::Sessionless(message)) = Datagram::parse(bytes) else {
            return None;
        };
        let message = Message::parse(message).ok()?;
        let question = auth_capabilities(ADMINISTRATOR);
        let ours = message.sequence == self.sequence
            && message.netfn == question.netfn | 1
            && message.command == question.command;
        let response = message.to_response().ok().filter(|response| ours && response.completion == 0)?;
        AuthCapabilities::parse(&response.data).ok()
    }

    /// Time has passed. Before the deadline this does nothing.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.due.take_if(|at| *at <= now.boottime).is_some() {
            self.output.push_back(Output::Silent);
        }
    }

    /// What must be done now; `None`: nothing. Drain it after every call.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// When `handle_timeout` is due, in boottime.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.due
    }
}
