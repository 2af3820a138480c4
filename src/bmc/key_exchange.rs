//! The key exchange of a session: Open Session, RAKP Messages 1 to 4 (IPMI 2.0, sections 13.17 to 13.23).
//!
//! Sans-IO, used by `session`, which repeats messages and keeps the time. Input is payloads from whoever
//! can reach our port. A refusal is not authenticated, and a third party may have made it: it is kept as
//! a doubt, and believed only when nothing better has come in time.

use super::active::Ignored;
use super::failure::Failure;
use super::login::Login;
use super::rakp_said::{TAKEN_BACK, introduce, take_back};
use super::suite_list::{SuiteList, Told};
use crate::crypto::Random;
use crate::suite::{Exchange, Keys, Suite};
use crate::wire::rakp::{Answer, MAX_NAME, OpenRequest, OpenResponse, Opened, Proof, Rakp2, Rakp4, Status};
use crate::wire::rmcp::{self, PayloadType, emit_setup};
use crate::words::Guid;
use core::time::Duration;
use std::collections::VecDeque;

/// Bit 4 of the role: the user is looked up by name alone.
const NAME_ONLY: u8 = 0x10;
/// RAKP status: the check value is wrong.
const CHECK_VALUE_WRONG: Status = Status(0x0F);
/// Limit: answers to one Open Session Request that are followed: the BMC's own, its second one to a
/// repeated request, and some of a third party.
const MAX_CANDIDATES: usize = 4;
/// Limit: how often a BMC may begin anew by a further RAKP Message 2.
const MAX_ANEW: usize = 4;
/// Limit: tags that are remembered, so that a slow answer is known for one.
const MAX_TAGS: usize = 8;

/// Where it is.
#[derive(Debug)]
enum Step {
    /// Open Session Request is out.
    Opening { suite: Suite, list: SuiteList },
    /// RAKP Message 1 is out, to each of the BMC's session ids that were told us.
    Introducing { suite: Suite, tags: VecDeque<(u8, Duration)>, exchange: Exchange, candidates: Vec<u32> },
    /// RAKP Message 3 is out, which answers the RAKP Message 2 of the tag `introduced`.
    Proving { tag: u8, introduced: u8, exchange: Exchange, keys: Keys },
}

/// Why a message seems to be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    Status(Status),
    /// A code that should prove the password does not.
    Code,
    /// The suite is not on the BMC's list.
    NotOffered,
}

/// What an answer was good for.
#[derive(Debug)]
pub(super) enum Heard {
    /// The next message is to be sent.
    Next,
    /// Nothing changes, or something was sent beside.
    Same,
    /// The message seems to be refused; something better may still come.
    Doubted,
    /// An answer to an earlier sending of the same message came after this time.
    Late(Duration),
    /// Both sides have proven themselves.
    Proven(Box<(Exchange, Keys)>),
}

/// What a doubt that is believed leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Believed {
    /// The next message is to be sent: another suite is tried.
    Next,
    /// The session cannot be made.
    Over(Failure),
}

/// One key exchange, the console's side.
#[derive(Debug)]
pub(super) struct KeyExchange {
    login: Login,
    step: Step,
    /// The suites that are still to be tried.
    suites: VecDeque<Suite>,
    /// Why an earlier suite was refused, if that says more than "not offered".
    refusal: Option<Failure>,
    doubt: Option<Doubt>,
    /// An Open Session Response refused, and another one did not.
    refused_beside: Option<Status>,
    /// Of Open Session Request, and our session id in it.
    opening: (u8, u32),
    tag: u8,
    /// How many session ids of the BMC were given back, and how often it began anew.
    freed: usize,
    anew: usize,
}

impl KeyExchange {
    /// `None`: there is no suite to try.
    pub(super) fn new(mut login: Login, random: &mut Random) -> Option<Self> {
        login.user.truncate(MAX_NAME);
        let mut suites: VecDeque<Suite> = login.suites.iter().copied().collect();
        let suite = suites.pop_front()?;
        let [tag] = random.array();
        let mut exchange = Self {
            login,
            step: Step::Opening { suite, list: SuiteList::default() },
            suites,
            refusal: None,
            doubt: None,
            refused_beside: None,
            opening: (0, 0),
            tag,
            freed: 0,
            anew: 0,
        };
        exchange.begin(suite, random);
        Some(exchange)
    }

    fn begin(&mut self, suite: Suite, random: &mut Random) {
        self.opening = (self.new_tag(), random.u32().max(1));
        self.step = Step::Opening { suite, list: SuiteList::default() };
    }

    /// Our session id, by which a late answer is known.
    pub(super) fn console_session(&self) -> u32 {
        self.opening.1
    }

    /// The datagrams of the message that is to be said; `last`: it will not be repeated.
    pub(super) fn say(&mut self, now: Duration, last: bool, random: &mut Random, out: &mut Vec<Vec<u8>>) {
        let tag = self.tag.wrapping_add(1);
        match &mut self.step {
            Step::Opening { suite, list } => {
                let algorithms = suite.algorithms();
                let request = OpenRequest {
                    tag: self.opening.0,
                    privilege: self.login.privilege as u8, // definite: some BMCs hash what is written here
                    console_session: self.opening.1,
                    proposal: [algorithms.authentication, algorithms.integrity, algorithms.confidentiality].map(Some),
                };
                out.push(emit_setup(PayloadType::OpenRequest, &request.emit()));
                if last && !self.suites.is_empty() {
                    out.extend(list.ask(random)); // some say nothing to a suite that they do not have
                }
            }
            Step::Introducing { tags, exchange, candidates, .. } => {
                // A new tag each time: a BMC may roll a new number for each, and only the last one counts.
                self.tag = tag;
                tags.push_front((tag, now));
                tags.truncate(MAX_TAGS);
                out.extend(candidates.iter().map(|bmc_session| introduce(tag, *bmc_session, exchange)));
            }
            Step::Proving { tag, exchange, keys, .. } => {
                let code = exchange.rakp3_code(keys.suite(), &self.login.password);
                let message = Proof { tag: *tag, session: Some(exchange.bmc_session), result: Ok(code.octets()) };
                out.push(emit_setup(PayloadType::Rakp3, &message.emit()));
            }
        }
    }

    /// A payload outside any session came.
    pub(super) fn hear(
        &mut self,
        now: Duration,
        kind: PayloadType,
        payload: &[u8],
        random: &mut Random,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<Heard, Ignored> {
        match kind {
            PayloadType::OpenResponse => self.opened(payload, random, out),
            PayloadType::Rakp2 => self.rakp2(now, payload, out),
            PayloadType::Rakp4 => self.rakp4(payload),
            PayloadType::Ipmi | PayloadType::OpenRequest | PayloadType::Rakp1 | PayloadType::Rakp3 => {
                Err(Ignored::NotAwaited)
            }
        }
    }

    /// An IPMI message outside any session came.
    pub(super) fn hear_sessionless(
        &mut self,
        message: &[u8],
        random: &mut Random,
        out: &mut Vec<Vec<u8>>,
    ) -> Result<Heard, Ignored> {
        let Step::Opening { suite, list } = &mut self.step else { return Err(Ignored::NotAwaited) };
        match list.hear(message, *suite).ok_or(Ignored::NotAwaited)? {
            Told::More => {
                out.extend(list.ask(random));
                Ok(Heard::Same)
            }
            Told::Offered(true) => Ok(Heard::Same), // slow, or far away
            Told::Offered(false) => {
                self.doubt = Some(self.doubt.unwrap_or(Doubt::NotOffered));
                Ok(Heard::Doubted)
            }
        }
    }

    fn opened(&mut self, payload: &[u8], random: &mut Random, out: &mut Vec<Vec<u8>>) -> Result<Heard, Ignored> {
        let response = OpenResponse::parse(payload).map_err(Ignored::Rmcp)?;
        let result = ours(&response, self.opening.0, self.opening.1)?;
        match (&mut self.step, result) {
            (Step::Opening { suite, .. }, Ok(Opened { algorithms, bmc_session, .. })) => {
                if *algorithms != suite.algorithms() {
                    return Err(Ignored::Rmcp(rmcp::Error::Algorithms)); // never what we did not ask for
                }
                let exchange = Exchange {
                    console_session: self.opening.1,
                    bmc_session: *bmc_session,
                    console_random: random.array(),
                    bmc_random: [0; 16],
                    guid: Guid([0; 16]),
                    role: NAME_ONLY | self.login.privilege as u8,
                    name: self.login.user.clone(),
                };
                let (suite, candidates) = (*suite, vec![*bmc_session]);
                self.step = Step::Introducing { suite, tags: VecDeque::new(), exchange, candidates };
                self.doubt = None;
                Ok(Heard::Next)
            }
            (Step::Opening { .. }, Err(status)) => self.doubt(Doubt::Status(*status)),
            // A second answer: the BMC took a repetition for another request, or one of them is not the BMC's.
            (Step::Introducing { suite, tags, exchange, candidates }, Ok(Opened { algorithms, bmc_session, .. })) => {
                let known = candidates.contains(bmc_session);
                if known || *algorithms != suite.algorithms() || candidates.len() >= MAX_CANDIDATES {
                    return Err(Ignored::NotAwaited);
                }
                candidates.push(*bmc_session);
                out.extend(tags.front().map(|(tag, _)| introduce(*tag, *bmc_session, exchange)));
                Ok(Heard::Same)
            }
            (Step::Proving { exchange, .. }, Ok(Opened { bmc_session, .. })) => {
                if *bmc_session == exchange.bmc_session || self.freed >= MAX_CANDIDATES {
                    return Err(Ignored::NotAwaited);
                }
                self.freed += 1;
                out.push(take_back(self.tag, *bmc_session, TAKEN_BACK));
                Ok(Heard::Same)
            }
            (Step::Introducing { .. }, Err(status)) => {
                self.refused_beside = Some(*status); // who has opened a session was perhaps not the BMC
                let doubt = self.doubt.unwrap_or(Doubt::Status(*status));
                self.doubt(doubt)
            }
            (Step::Proving { .. }, Err(_)) => Err(Ignored::NotAwaited),
        }
    }

    fn rakp2(&mut self, now: Duration, payload: &[u8], out: &mut Vec<Vec<u8>>) -> Result<Heard, Ignored> {
        let Step::Introducing { suite, tags, exchange, candidates } = &mut self.step else {
            return self.introduced_anew(payload);
        };
        let suite = *suite;
        let rakp2 = Rakp2::parse(payload).map_err(Ignored::Rmcp)?;
        let (age, sent) = tags
            .iter()
            .enumerate()
            .find_map(|(age, (tag, sent))| (*tag == rakp2.tag).then_some((age, *sent)))
            .ok_or(Ignored::NotOurs)?;
        let introduced = match ours(&rakp2, rakp2.tag, exchange.console_session)? {
            Ok(introduced) => introduced,
            Err(_) if age > 0 => return Err(Ignored::NotAwaited),
            Err(status) => {
                let status = *status;
                return self.doubt(Doubt::Status(status));
            }
        };
        // To which of the BMC's session ids it belongs says the code alone. Some BMCs leave the name-only bit
        // out of it; whoever makes either code knows the password.
        let roles = [exchange.role, exchange.role & !NAME_ONLY];
        let proven = candidates.iter().find_map(|bmc_session| {
            roles.into_iter().find_map(|role| {
                let proven = Exchange {
                    bmc_session: *bmc_session,
                    bmc_random: introduced.random,
                    guid: introduced.guid,
                    role,
                    ..exchange.clone()
                };
                proven.rakp2_code(suite, &self.login.password).is(introduced.code).then_some(proven)
            })
        });
        match proven {
            None if age > 0 => Err(Ignored::NotAwaited),
            None => self.doubt(Doubt::Code),
            Some(_) if age > 0 => Ok(Heard::Late(now.saturating_sub(sent))),
            Some(exchange) => {
                let others = candidates.iter().filter(|other| **other != exchange.bmc_session);
                out.extend(others.map(|other| take_back(self.tag, *other, TAKEN_BACK)));
                let keys = exchange.keys(suite, &self.login.password, self.login.kg.as_ref());
                self.step = Step::Proving { tag: self.new_tag(), introduced: rakp2.tag, exchange, keys };
                self.doubt = None;
                Ok(Heard::Next)
            }
        }
    }

    /// A second RAKP Message 2 to the same message, which was repeated on the way: if the BMC rolled a new
    /// number for it, only that one counts.
    fn introduced_anew(&mut self, payload: &[u8]) -> Result<Heard, Ignored> {
        let Step::Proving { introduced, exchange, keys, .. } = &self.step else { return Err(Ignored::NotAwaited) };
        let rakp2 = Rakp2::parse(payload).map_err(Ignored::Rmcp)?;
        let Ok(anew) = ours(&rakp2, *introduced, exchange.console_session)? else { return Err(Ignored::NotAwaited) };
        let proven = Exchange { bmc_random: anew.random, guid: anew.guid, ..exchange.clone() };
        let (suite, code) = (keys.suite(), anew.code);
        if proven == *exchange || !proven.rakp2_code(suite, &self.login.password).is(code) || self.anew >= MAX_ANEW {
            return Err(Ignored::NotAwaited);
        }
        self.anew += 1;
        let keys = proven.keys(suite, &self.login.password, self.login.kg.as_ref());
        self.step = Step::Proving { tag: self.new_tag(), introduced: rakp2.tag, exchange: proven, keys };
        self.doubt = None;
        Ok(Heard::Next)
    }

    fn rakp4(&mut self, payload: &[u8]) -> Result<Heard, Ignored> {
        let Step::Proving { tag, exchange, keys, .. } = &self.step else { return Err(Ignored::NotAwaited) };
        let rakp4 = Rakp4::parse(payload).map_err(Ignored::Rmcp)?;
        let doubt = match ours(&rakp4, *tag, exchange.console_session)? {
            Ok(check) if keys.rakp4_check(exchange).is(check) => {
                return Ok(Heard::Proven(Box::new((exchange.clone(), keys.clone()))));
            }
            Ok(_) => Doubt::Code, // of the two secrets: the BMC key
            Err(status) => Doubt::Status(*status),
        };
        self.doubt(doubt)
    }

    fn doubt(&mut self, doubt: Doubt) -> Result<Heard, Ignored> {
        self.doubt = Some(doubt);
        Ok(Heard::Doubted)
    }

    /// The time for something better is over; `None`: there was no doubt.
    pub(super) fn believe(&mut self, random: &mut Random) -> Option<Believed> {
        let beside = self.refused_beside.take().map(Doubt::Status);
        let opening = beside.is_some() || matches!(self.step, Step::Opening { .. });
        let doubt = beside.or(self.doubt)?;
        self.doubt = None;
        let why = match doubt {
            Doubt::Status(status) => Failure::of(status),
            Doubt::Code => Failure::WrongPassword,
            Doubt::NotOffered => Failure::SuiteNotOffered,
        };
        if !self.is_about_suite(doubt, opening) {
            return Some(Believed::Over(why));
        }
        if why != Failure::SuiteNotOffered {
            self.refusal = Some(why); // a BMC that is full says more than one that lacks a suite
        }
        Some(match self.suites.pop_front() {
            Some(suite) => {
                self.begin(suite, random);
                Believed::Next
            }
            None => Believed::Over(self.refusal.unwrap_or(Failure::SuiteNotOffered)),
        })
    }

    /// Whether another suite may have more luck. BMCs refuse a suite that is switched off as they please:
    /// as full, as illegal, as not for this role.
    fn is_about_suite(&self, doubt: Doubt, opening: bool) -> bool {
        match (doubt, &self.step) {
            (Doubt::NotOffered, _) => true,
            (Doubt::Code, _) => false,
            (Doubt::Status(status), Step::Opening { .. } | Step::Introducing { .. }) => {
                status.is_about_suite() || opening && matches!(status.0, 0x01 | 0x09 | 0x0A)
            }
            (Doubt::Status(_), Step::Proving { .. }) => false,
        }
    }

    /// It is over before its end: frees what the BMC may hold for us. If the BMC may already believe in the
    /// session, its keys are handed out, to close it with.
    pub(super) fn abandon(self, why: Failure, out: &mut Vec<Vec<u8>>) -> Option<(Exchange, Keys)> {
        match self.step {
            Step::Opening { .. } => None, // its id was not told to us
            Step::Introducing { candidates, .. } => {
                let status = if why == Failure::WrongPassword { CHECK_VALUE_WRONG } else { TAKEN_BACK };
                out.extend(candidates.iter().map(|bmc_session| take_back(self.tag, *bmc_session, status)));
                None
            }
            Step::Proving { exchange, keys, .. } => {
                // May overtake our proof, which is then nobody's; else the goodbye that follows ends the session.
                out.push(take_back(self.tag, exchange.bmc_session, TAKEN_BACK));
                Some((exchange, keys))
            }
        }
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
