//! Asks a BMC which cipher suites it offers: Get Channel Cipher Suites, outside any session.
//!
//! For BMCs that say nothing to a suite that they do not have. The answer is not authenticated, no more
//! than a refusal is: it can only choose among the suites that the operator allows. Used by
//! `key_exchange`; input is datagrams from whoever can reach our port.

use crate::crypto::Random;
use crate::suite::Suite;
use crate::wire::command::{SUITE_LIST_PART, cipher_suites, parse_suite_list, parse_suite_part};
use crate::wire::ipmi::Message;
use crate::wire::rmcp::emit_sessionless;

/// Limit: answers of one list that are read; the longest list in use has four.
const MAX_PARTS: u8 = 16;

/// What an answer was good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// There is more of the list: ask on.
    More,
    /// The list is whole; whether the suite is on it.
    Offered(bool),
}

/// The list as far as it was told.
#[derive(Debug, Default)]
pub(super) struct SuiteList {
    /// `rqSeq` of the question that is open.
    asked: Option<u8>,
    part: u8,
    octets: Vec<u8>,
}

impl SuiteList {
    /// The question for the next part.
    pub(super) fn ask(&mut self, random: &mut Random) -> Option<Vec<u8>> {
        let [sequence] = random.array();
        let sequence = sequence & 0x3F;
        self.asked = Some(sequence);
        emit_sessionless(&Message::request(sequence, &cipher_suites(self.part)).emit()).ok()
    }

    /// A message came outside any session; `None`: it is not the answer.
    pub(super) fn hear(&mut self, message: &[u8], suite: Suite) -> Option<Told> {
        let message = Message::parse(message).ok()?;
        let question = cipher_suites(self.part);
        let ours = self.asked == Some(message.sequence)
            && message.netfn == question.netfn | 1
            && message.command == question.command;
        let response = message.to_response().ok().filter(|response| ours && response.completion == 0)?;
        let part = parse_suite_part(&response.data).ok()?;
        self.asked = None;
        self.octets.extend(part);
        self.part += 1;
        if part.len() == SUITE_LIST_PART && self.part < MAX_PARTS {
            return Some(Told::More);
        }
        Some(Told::Offered(parse_suite_list(&self.octets).ok()?.contains(&suite.number())))
    }
}
