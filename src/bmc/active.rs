//! The open phase of a session: sealed requests out, proven responses in, one command in flight.
//!
//! Used by `session` alone. Input is packets from whoever can reach our port; a packet that is not
//! believed changes nothing.

use super::repeat::may_repeat;
use super::window::Window;
use crate::crypto::Random;
use crate::suite::{Exchange, Keys, Refused};
use crate::wire::command::close_session;
use crate::wire::ipmi::{self, Message, Request, Response};
use crate::wire::rmcp::{self, Plus};

/// Why a datagram changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ignored {
    /// It is not RMCP(+), or a payload is malformed.
    Rmcp(rmcp::Error),
    /// It fails the session's protection.
    Refused(Refused),
    /// The IPMI message in it is malformed.
    Message(ipmi::Error),
    /// It names another session, or answers a tag that is not the last.
    NotOurs,
    /// Its sequence number was seen or is too old.
    Sequence,
    /// A second answer to a command that was sent more than once: the first one was only slow.
    Repeated,
    /// The answer to a command that made way for a more urgent one.
    Overtaken,
    /// Nothing of the kind is awaited now.
    NotAwaited,
}

/// The state of an open session.
#[derive(Debug)]
pub(super) struct Active {
    keys: Keys,
    console_session: u32,
    bmc_session: u32,
    /// Session sequence number of the next packet.
    sequence: u32,
    window: Window,
    /// `rqSeq` of the next request.
    request_sequence: u8,
    in_flight: Option<InFlight>,
    /// `rqSeq` of the command that was answered last, when it had been repeated: another answer to it
    /// shows that the BMC is slow, not that anything was lost.
    repeated: Option<u8>,
    /// `rqSeq` of the command that made way last.
    overtaken: Option<u8>,
}

#[derive(Debug)]
struct InFlight {
    request: Request,
    request_sequence: u8,
}

impl Active {
    pub(super) fn new(keys: Keys, exchange: &Exchange) -> Self {
        Self {
            keys,
            console_session: exchange.console_session,
            bmc_session: exchange.bmc_session,
            sequence: 1,
            window: Window::default(),
            request_sequence: 1,
            in_flight: None,
            repeated: None,
            overtaken: None,
        }
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Our id of the session.
    pub(super) fn console_session(&self) -> u32 {
        self.console_session
    }

    /// Whether no command is in flight.
    pub(super) fn is_free(&self) -> bool {
        self.in_flight.is_none()
    }

    /// Makes this the command in flight.
    pub(super) fn take(&mut self, request: Request) {
        let request_sequence = self.request_sequence;
        self.request_sequence = (request_sequence + 1) & 0x3F;
        self.in_flight = Some(InFlight { request, request_sequence });
    }

    /// Whether the command in flight is sent again when no answer comes.
    pub(super) fn repeats(&self) -> bool {
        self.in_flight.as_ref().is_some_and(|in_flight| may_repeat(&in_flight.request))
    }

    /// No answer to the command in flight is taken any more.
    pub(super) fn forget(&mut self) {
        self.in_flight = None;
    }

    /// The same, for another command that cannot wait for it.
    pub(super) fn make_way(&mut self) {
        self.overtaken = self.in_flight.take().map(|in_flight| in_flight.request_sequence);
    }

    /// The datagram of the command in flight: the first one, or one that repeats it under a new
    /// session sequence number, if it may be repeated.
    pub(super) fn seal_command(&mut self, random: &mut Random, first: bool) -> Option<Vec<u8>> {
        let InFlight { request, request_sequence } = self.in_flight.take()?;
        let repeats = may_repeat(&request);
        self.repeated = (!first && repeats).then_some(request_sequence);
        let datagram = (first || repeats).then(|| self.seal(random, request_sequence, &request));
        self.in_flight = Some(InFlight { request, request_sequence });
        datagram
    }

    /// The datagram that ends the session.
    pub(super) fn seal_close(&mut self, random: &mut Random) -> Vec<u8> {
        self.seal(random, self.request_sequence, &close_session(self.bmc_session))
    }

    /// Seals a request under a new session sequence number.
    fn seal(&mut self, random: &mut Random, request_sequence: u8, request: &Request) -> Vec<u8> {
        let sequence = self.sequence;
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        let message = Message::request(request_sequence, request).emit();
        self.keys.seal(self.bmc_session, sequence, random.array(), &message)
    }

    /// The response to the command in flight, which then is no more.
    pub(super) fn open(&mut self, packet: &Plus<'_>) -> Result<Response, Ignored> {
        if packet.session != self.console_session {
            return Err(Ignored::NotOurs);
        }
        let message = self.keys.open(packet).map_err(Ignored::Refused)?; // the code before the number
        if !self.window.accept(packet.sequence) {
            return Err(Ignored::Sequence);
        }
        let message = Message::parse(&message).map_err(Ignored::Message)?;
        let response = message.to_response().map_err(Ignored::Message)?;
        match &self.in_flight {
            Some(InFlight { request, request_sequence })
                if message.sequence == *request_sequence
                    && message.netfn == request.netfn | 1
                    && message.command == request.command =>
            {
                self.in_flight = None;
                Ok(response)
            }
            // A late answer to an earlier transmission.
            Some(_) | None if self.repeated.take_if(|repeated| *repeated == message.sequence).is_some() => {
                Err(Ignored::Repeated)
            }
            Some(_) | None if self.overtaken.take_if(|overtaken| *overtaken == message.sequence).is_some() => {
                Err(Ignored::Overtaken)
            }
            Some(_) | None => Err(Ignored::NotAwaited),
        }
    }
}
