//! A BMC that knows the password and means ill: what it says is proven, and wrong in every layer.

use crate::dice::Dice;
use bmcnotice::crypto::Secret;
use bmcnotice::suite::{Exchange, Keys, Suite};
use bmcnotice::wire::command::{self, Command};
use bmcnotice::wire::ipmi::{Message, Request, Response};
use bmcnotice::wire::rakp::{Algorithms, Answer, Introduced, OpenRequest, Opened, Proof, Rakp1, Rakp3};
use bmcnotice::wire::rmcp::{Datagram, PayloadType, Plus, emit_pong, emit_sessionless, emit_setup};
use bmcnotice::words::Guid;

/// Sessions it remembers, of each kind.
const KEPT: usize = 8;

struct Half {
    suite: Suite,
    exchange: Exchange,
}

struct Open {
    keys: Keys,
    bmc: u32,
    console: u32,
    sequence: u32,
}

pub struct Rogue {
    pub guid: Guid,
    /// Of a hundred decisions, so many are wrong.
    pub malice: u64,
    /// Everything it was told inside a session.
    pub heard: Vec<(u8, u8)>,
    /// How often each of its layers was wrong.
    pub wrong: [u64; 6],
    half: Vec<Half>,
    open: Vec<Open>,
    /// What it has said, to say it again at the wrong time.
    said: Vec<Vec<u8>>,
    counter: u32,
}

/// The layers, in the order of [`Rogue::wrong`].
pub const LAYERS: [&str; 6] = [
    "RMCP and RMCP+ framing",
    "key exchange",
    "sealed packets",
    "IPMI messages",
    "command data",
    "order and number of answers",
];

impl Rogue {
    pub fn new(guid: Guid, malice: u64) -> Self {
        Self {
            guid,
            malice,
            heard: Vec::new(),
            wrong: [0; 6],
            half: Vec::new(),
            open: Vec::new(),
            said: Vec::new(),
            counter: 0x100,
        }
    }

    fn wrongs(&mut self, dice: &mut Dice, layer: usize) -> bool {
        let wrongs = dice.percent(self.malice);
        self.wrong[layer] += u64::from(wrongs);
        wrongs
    }

    /// What it says to a datagram.
    pub fn hear(&mut self, dice: &mut Dice, bytes: &[u8]) -> Vec<Vec<u8>> {
        let answer = match Datagram::parse(bytes) {
            Ok(Datagram::Plus(plus)) => match plus.payload_type {
                PayloadType::OpenRequest => self.opening(dice, plus.payload),
                PayloadType::Rakp1 => self.introducing(dice, plus.payload),
                PayloadType::Rakp3 => self.proving(dice, plus.payload),
                PayloadType::Ipmi => self.packet(dice, &plus),
                PayloadType::OpenResponse | PayloadType::Rakp2 | PayloadType::Rakp4 => None,
            },
            Ok(Datagram::Sessionless(message)) => self.outside(dice, message),
            Ok(Datagram::Ping { tag }) => Some(emit_pong(tag)),
            Ok(Datagram::Pong { .. }) | Err(_) => None,
        };
        let mut out: Vec<Vec<u8>> = answer.into_iter().collect();
        if self.wrongs(dice, 0) {
            out.iter_mut().for_each(|bytes| spoil(dice, bytes));
        }
        if self.wrongs(dice, 5) {
            match dice.below(4) {
                0 => out.clear(),
                1 => out.extend(out.clone()),
                2 if !self.said.is_empty() => {
                    for _ in 0..dice.below(4) {
                        let again = dice.below(self.said.len() as u64) as usize;
                        out.insert(0, self.said[again].clone());
                    }
                }
                _ => out.push((0..dice.below(64)).map(|_| dice.below(256) as u8).collect()),
            }
        }
        for bytes in &out {
            if self.said.len() < 32 {
                self.said.push(bytes.clone());
            } else {
                let place = dice.below(32) as usize;
                self.said[place].clone_from(bytes);
            }
        }
        out
    }

    fn setup(&mut self, dice: &mut Dice, kind: PayloadType, mut payload: Vec<u8>) -> Option<Vec<u8>> {
        let mut kind = kind;
        if self.wrongs(dice, 1) {
            match dice.below(4) {
                0 => kind = [PayloadType::OpenResponse, PayloadType::Rakp2, PayloadType::Rakp4][dice.below(3) as usize],
                1 => payload[1] = dice.below(0x14) as u8, // a status
                2 => payload[0] = payload[0].wrapping_sub(dice.below(3) as u8),
                _ => spoil(dice, &mut payload),
            }
        }
        payload.truncate(1024);
        Some(emit_setup(kind, &payload))
    }

    fn opening(&mut self, dice: &mut Dice, payload: &[u8]) -> Option<Vec<u8>> {
        let request = OpenRequest::parse(payload).ok()?;
        let [Some(authentication), Some(integrity), Some(confidentiality)] = request.proposal else { return None };
        let algorithms = Algorithms { authentication, integrity, confidentiality };
        self.counter += 1;
        let exchange = Exchange {
            console_session: request.console_session,
            bmc_session: self.counter,
            console_random: [0; 16],
            bmc_random: [0; 16],
            guid: self.guid,
            role: 0,
            name: Vec::new(),
        };
        push(&mut self.half, Half { suite: Suite::from_algorithms(algorithms)?, exchange });
        let algorithms = if self.wrongs(dice, 1) {
            Algorithms {
                authentication: dice.below(5) as u8,
                integrity: dice.below(6) as u8,
                confidentiality: dice.below(4) as u8,
            }
        } else {
            algorithms
        };
        let opened = Opened { privilege: dice.below(6) as u8, bmc_session: self.counter, algorithms };
        let answer = Answer { tag: request.tag, session: Some(request.console_session), result: Ok(opened) }.emit();
        self.setup(dice, PayloadType::OpenResponse, answer)
    }

    fn introducing(&mut self, dice: &mut Dice, payload: &[u8]) -> Option<Vec<u8>> {
        let request = Rakp1::parse(payload).ok()?;
        let half = self.half.iter_mut().find(|half| half.exchange.bmc_session == request.bmc_session)?;
        half.exchange.console_random = request.random;
        half.exchange.bmc_random = dice.seed()[..16].try_into().expect("sixteen octets");
        half.exchange.role = request.role;
        half.exchange.name = request.name;
        let code = half.exchange.rakp2_code(half.suite, &Secret::new("password"));
        let (random, guid, session) = (half.exchange.bmc_random, half.exchange.guid, half.exchange.console_session);
        let mut octets = code.octets().to_vec();
        if self.wrongs(dice, 1) {
            octets.truncate(dice.below(octets.len() as u64) as usize);
        }
        let introduced = Introduced { random, guid, code: &octets };
        let answer = Answer { tag: request.tag, session: Some(session), result: Ok(introduced) }.emit();
        self.setup(dice, PayloadType::Rakp2, answer)
    }

    fn proving(&mut self, dice: &mut Dice, payload: &[u8]) -> Option<Vec<u8>> {
        let request = Rakp3::parse(payload).ok()?;
        let half = self.half.iter().find(|half| Some(half.exchange.bmc_session) == request.session)?;
        request.result.ok()?;
        let keys = half.exchange.keys(half.suite, &Secret::new("password"), None);
        let check = keys.rakp4_check(&half.exchange);
        let (bmc, console) = (half.exchange.bmc_session, half.exchange.console_session);
        if !self.open.iter().any(|open| open.bmc == bmc) {
            push(&mut self.open, Open { keys, bmc, console, sequence: 0 });
        }
        let answer = Proof { tag: request.tag, session: Some(console), result: Ok(check.octets()) }.emit();
        self.setup(dice, PayloadType::Rakp4, answer)
    }

    fn packet(&mut self, dice: &mut Dice, plus: &Plus<'_>) -> Option<Vec<u8>> {
        let at = self.open.iter().position(|open| open.bmc == plus.session)?;
        let message = self.open[at].keys.open(plus).ok()?;
        let message = Message::parse(&message).ok()?;
        let request = message.to_request().ok()?;
        self.heard.push((request.netfn, request.command));
        let response = self.carry_out(dice, &request);
        let mut answer = message.answer(&response);
        if self.wrongs(dice, 3) {
            match dice.below(3) {
                0 => spoil(dice, &mut answer),
                _ => {
                    // In order by its sums, and wrong: another command, another number, a request.
                    let place = [1, 4, 5][dice.below(3) as usize];
                    answer[place] = answer[place].wrapping_add(1 + dice.below(16) as u8);
                    mend(&mut answer);
                }
            }
        }
        let fault = if self.wrongs(dice, 2) { dice.below(6) } else { 99 };
        let open = &mut self.open[at];
        open.sequence = match fault {
            0 => 0,
            1 => u32::MAX,
            2 => open.sequence.wrapping_sub(dice.below(40) as u32),
            3 => open.sequence.wrapping_add(dice.below(1 << 20) as u32),
            _ => open.sequence.wrapping_add(1),
        };
        let console = if fault == 4 { dice.next() as u32 } else { open.console };
        answer.truncate(900);
        let mut datagram = open.keys.seal(console, open.sequence, [9; 16], &answer);
        if fault == 5 {
            spoil(dice, &mut datagram);
        }
        Some(datagram)
    }

    fn outside(&mut self, dice: &mut Dice, message: &[u8]) -> Option<Vec<u8>> {
        let message = Message::parse(message).ok()?;
        let request = message.to_request().ok()?;
        let response = self.carry_out(dice, &request);
        let mut answer = message.answer(&response);
        if self.wrongs(dice, 3) {
            spoil(dice, &mut answer);
        }
        answer.truncate(255);
        emit_sessionless(&answer).ok()
    }

    /// What an honest BMC could say; then something else.
    fn carry_out(&mut self, dice: &mut Dice, request: &Request) -> Response {
        let asked = Command { netfn: request.netfn, number: request.command };
        let mut data = match asked {
            command::SET_SESSION_PRIVILEGE => request.data.clone(),
            command::GET_SYSTEM_GUID => self.guid.0.to_vec(),
            command::AUTH_CAPABILITIES => vec![1, 0x80, 0x04, 0x02, 0, 0, 0, 0],
            command::CIPHER_SUITES => {
                vec![1, 0xC0, 17, 3, 0x44, 0x81, 0xC0, 3, 1, 0x41, 0x81, 0xC0, 3, 1, 0x41, 0x81, 0xC0]
            }
            command::GET_SESSION_INFO => vec![1, dice.below(64) as u8, dice.below(64) as u8, 2, 4, 0x11, 192, 0, 2, 1],
            command::GET_DEVICE_ID => vec![0x20, 1, 0, 0x10, 2, 0x87, 0, 0, 0, 1, 0],
            command::SEL_INFO => [vec![0x51], (0..13).map(|_| dice.below(256) as u8).collect()].concat(),
            command::ADD_SEL_ENTRY => vec![1, 0],
            command::GET_SEL_ENTRY => {
                let next = dice.below(2) as u8 * 0xFF;
                let record = (0..16).map(|n| dice.below(if n < 2 { 3 } else { 256 }) as u8);
                [vec![next; 2], record.collect()].concat()
            }
            command::CHASSIS_STATUS => vec![dice.below(2) as u8, 0, 0],
            _ => (0..dice.below(40)).map(|_| dice.below(256) as u8).collect(),
        };
        let mut completion = 0;
        if self.wrongs(dice, 4) {
            match dice.below(3) {
                0 => completion = dice.below(256) as u8,
                1 => completion = [0xC0, 0xC3, 0xC5, 0xC9, 0xCA, 0xCB, 0xD4, 0x80, 0x81][dice.below(9) as usize],
                _ => spoil(dice, &mut data),
            }
        }
        Response { completion, data }
    }
}

fn push<T>(kept: &mut Vec<T>, new: T) {
    if kept.len() >= KEPT {
        kept.remove(0);
    }
    kept.push(new);
}

/// Damages octets: bits, lengths, contents.
fn spoil(dice: &mut Dice, bytes: &mut Vec<u8>) {
    match dice.below(6) {
        0 => bytes.truncate(dice.below(bytes.len() as u64 + 1) as usize),
        1 => {
            let most = if dice.percent(5) { 1200 } else { 24 };
            let more = dice.below(most);
            bytes.extend((0..more).map(|_| dice.below(256) as u8));
        }
        2 => bytes.clear(),
        _ => {
            for _ in 0..=dice.below(4) {
                if !bytes.is_empty() {
                    let place = dice.below(bytes.len() as u64) as usize;
                    bytes[place] = [0x00, 0xFF, 0x80, 0x7F, dice.below(256) as u8][dice.below(5) as usize];
                }
            }
        }
    }
}

/// Both sums of a message right again.
fn mend(message: &mut [u8]) {
    let sum = |octets: &[u8]| octets.iter().fold(0_u8, |sum, octet| sum.wrapping_sub(*octet));
    if let [head @ .., _] = message
        && head.len() > 3
    {
        head[2] = sum(&head[..2]);
        let last = sum(&head[3..]);
        message[message.len() - 1] = last;
    }
}
