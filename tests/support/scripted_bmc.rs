//! A small BMC for virtual time: it does what a test tells it to, right or wrong, and remembers what it heard.

use bmcnotice::crypto::Secret;
use bmcnotice::suite::{Exchange, Keys, Suite};
use bmcnotice::wire::command;
use bmcnotice::wire::ipmi::{Completion, Message, Request, Response};
use bmcnotice::wire::rakp::{Algorithms, Answer, Introduced, OpenRequest, Opened, Proof, Rakp1, Rakp3, Status};
use bmcnotice::wire::rmcp::{Datagram, PayloadType, Plus, emit_sessionless, emit_setup};
use bmcnotice::words::Guid;
use std::collections::{HashMap, HashSet};

struct Half {
    suite: Suite,
    exchange: Exchange,
}

struct Open {
    keys: Keys,
    console: u32,
    sequence: u32,
    /// Session sequence numbers that came.
    seen: HashSet<u32>,
    /// The last answer: a repeated `rqSeq` gets it again and is not carried out twice.
    last: Option<(u8, Option<Vec<u8>>)>,
}

/// What it does with a request, where a test wants something else; none: the usual.
pub type Script = Box<dyn FnMut(&Request) -> Option<Deed>>;

#[allow(dead_code, reason = "not every suite has a script")]
pub enum Deed {
    Answer(Response),
    /// Carried out, and the answer is lost, as long as the request is repeated by the session.
    Silence,
}

pub struct Bmc {
    pub user: Vec<u8>,
    pub password: Secret,
    pub kg: Option<Secret>,
    pub suites: Vec<Suite>,
    pub guid: Guid,
    /// What Get System GUID answers, if it differs or is refused.
    pub told_guid: Result<Guid, Completion>,
    pub privilege: u8,
    /// Status of every Open Session Response, if it is to refuse.
    pub open_status: Option<u8>,
    /// Completion code for everything that is not listed in `carry_out`.
    pub completion: u8,
    /// Takes any proof of the password, as one who does not know it would.
    pub trusting: bool,
    /// What it answers in Open Session Response instead of what was asked for.
    pub other_algorithms: Option<Algorithms>,
    pub script: Option<Script>,
    pub heard: Vec<Request>,
    /// Outside any session.
    pub outside: Vec<Request>,
    /// Says nothing to a suite that it does not have.
    pub mute_about_suites: bool,
    pub opens: u32,
    half: HashMap<u32, Half>,
    open: HashMap<u32, Open>,
    counter: u32,
}

#[allow(dead_code, reason = "not every suite needs all of it")]
impl Bmc {
    pub fn new() -> Self {
        Self {
            user: b"admin".to_vec(),
            password: Secret::new("secret"),
            kg: None,
            suites: vec![Suite::Seventeen, Suite::Three],
            guid: Guid([0xA5; 16]),
            told_guid: Ok(Guid([0xA5; 16])),
            privilege: 4,
            open_status: None,
            completion: 0,
            trusting: false,
            other_algorithms: None,
            script: None,
            heard: Vec::new(),
            outside: Vec::new(),
            mute_about_suites: false,
            opens: 0,
            half: HashMap::new(),
            open: HashMap::new(),
            counter: 0x100,
        }
    }

    /// Forgets all sessions, as a reset does.
    pub fn reboot(&mut self) {
        self.half.clear();
        self.open.clear();
    }

    pub fn sessions(&self) -> usize {
        self.open.len()
    }

    pub fn heard(&self, command: command::Command) -> usize {
        self.heard.iter().filter(|request| request.is(command)).count()
    }

    pub fn handle(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let plus = match Datagram::parse(bytes) {
            Ok(Datagram::Plus(plus)) => plus,
            Ok(Datagram::Sessionless(message)) => return self.outside(message),
            Ok(Datagram::Ping { .. } | Datagram::Pong { .. }) | Err(_) => return None,
        };
        let payload = plus.payload;
        match plus.payload_type {
            PayloadType::OpenRequest => Some(emit_setup(PayloadType::OpenResponse, &self.open_session(payload)?)),
            PayloadType::Rakp1 => Some(emit_setup(PayloadType::Rakp2, &self.rakp1(payload)?)),
            PayloadType::Rakp3 => Some(emit_setup(PayloadType::Rakp4, &self.rakp3(payload)?)),
            PayloadType::Ipmi => self.packet(&plus),
            _ => None,
        }
    }

    /// Get Channel Authentication Capabilities and Get Channel Cipher Suites.
    fn outside(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let message = Message::parse(message).ok()?;
        let request = message.to_request().ok()?;
        self.outside.push(request.clone());
        let data = if request.is(command::AUTH_CAPABILITIES) {
            command::AuthCapabilities { channel: 1, kg: self.kg.is_some(), rmcp_plus: true }.emit()
        } else if request.is(command::CIPHER_SUITES) {
            let list: Vec<u8> = self.suites.iter().flat_map(|suite| [0xC0, suite.number(), 0, 0x40, 0x80]).collect();
            let part = list.chunks(16).nth(usize::from(request.data[2] & 0x3F)).unwrap_or(&[]);
            [&[1], part].concat()
        } else {
            return None;
        };
        emit_sessionless(&message.answer(&Response::ok(data))).ok()
    }

    fn open_session(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let request = OpenRequest::parse(payload).ok()?;
        let [Some(authentication), Some(integrity), Some(confidentiality)] = request.proposal else {
            return None;
        };
        let suite = Suite::from_algorithms(Algorithms { authentication, integrity, confidentiality });
        let suite = suite.filter(|suite| self.suites.contains(suite));
        let result = match (self.open_status, suite) {
            (Some(status), _) => Err(Status(status)),
            (None, None) if self.mute_about_suites => return None,
            (None, None) => Err(Status(0x11)),
            (None, Some(suite)) => {
                self.counter += 1;
                self.opens += 1;
                let bmc_session = self.counter;
                let exchange = Exchange {
                    console_session: request.console_session,
                    bmc_session,
                    console_random: [0; 16],
                    bmc_random: [0; 16],
                    guid: self.guid,
                    role: 0,
                    name: Vec::new(),
                };
                self.half.insert(bmc_session, Half { suite, exchange });
                Ok(Opened {
                    privilege: request.privilege,
                    bmc_session,
                    algorithms: self.other_algorithms.unwrap_or(suite.algorithms()),
                })
            }
        };
        Some(Answer { tag: request.tag, session: Some(request.console_session), result }.emit())
    }

    fn rakp1(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let request = Rakp1::parse(payload).ok()?;
        let Half { suite, exchange } = self.half.get_mut(&request.bmc_session)?;
        self.counter += 1;
        exchange.console_random = request.random;
        exchange.bmc_random[..4].copy_from_slice(&self.counter.to_le_bytes()); // a new one each time
        exchange.role = request.role;
        exchange.name = request.name;
        let session = Some(exchange.console_session);
        if exchange.name != self.user {
            return Some(Answer::<Introduced> { tag: request.tag, session, result: Err(Status(0x0D)) }.emit());
        }
        let code = exchange.rakp2_code(*suite, &self.password);
        let introduced = Introduced { random: exchange.bmc_random, guid: exchange.guid, code: code.octets() };
        Some(Answer { tag: request.tag, session, result: Ok(introduced) }.emit())
    }

    fn rakp3(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let request = Rakp3::parse(payload).ok()?;
        let bmc_session = request.session?;
        let code = match request.result {
            Ok(code) => code,
            Err(_) => {
                self.half.remove(&bmc_session);
                return None;
            }
        };
        let Half { suite, exchange } = self.half.get(&bmc_session)?;
        let session = Some(exchange.console_session);
        if !self.trusting && !exchange.rakp3_code(*suite, &self.password).is(code) {
            return Some(Proof { tag: request.tag, session, result: Err(Status(0x0F)) }.emit());
        }
        let keys = exchange.keys(*suite, &self.password, self.kg.as_ref());
        let check = keys.rakp4_check(exchange);
        let answer = Proof { tag: request.tag, session, result: Ok(check.octets()) }.emit();
        let console = exchange.console_session;
        self.open.entry(bmc_session).or_insert(Open { keys, console, sequence: 1, seen: HashSet::new(), last: None });
        Some(answer)
    }

    fn packet(&mut self, plus: &Plus) -> Option<Vec<u8>> {
        let open = self.open.get_mut(&plus.session)?;
        let message = open.keys.open(plus).ok()?;
        if !open.seen.insert(plus.sequence) {
            return None;
        }
        let message = Message::parse(&message).ok()?;
        let answer = match &open.last {
            Some((sequence, answer)) if *sequence == message.sequence => answer.clone(),
            _ => {
                let request = message.to_request().ok()?;
                let deed = self.script.as_mut().and_then(|script| script(&request));
                let response = match deed {
                    Some(Deed::Answer(response)) => Some(response),
                    Some(Deed::Silence) => None,
                    None => Some(carry_out(&request, &self.told_guid, self.privilege, self.completion)),
                };
                self.heard.push(request);
                response.map(|response| message.answer(&response))
            }
        };
        open.last = Some((message.sequence, answer.clone()));
        let datagram = open.keys.seal(open.console, open.sequence, [9; 16], &answer?);
        open.sequence += 1;
        if message.command == command::CLOSE_SESSION.number {
            self.open.remove(&plus.session);
        }
        Some(datagram)
    }
}

fn carry_out(request: &Request, guid: &Result<Guid, Completion>, privilege: u8, completion: u8) -> Response {
    if request.is(command::SET_SESSION_PRIVILEGE) {
        return match request.data.as_slice() {
            [level] if *level <= privilege => Response::ok([*level]),
            _ => Response::refusal(Completion(0x81)),
        };
    }
    if request.is(command::GET_SYSTEM_GUID) {
        return match guid {
            Ok(guid) => Response::ok(guid.0),
            Err(code) => Response::refusal(*code),
        };
    }
    Response { completion, data: request.data.clone() }
}
