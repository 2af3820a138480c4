//! Makes the datagrams: the corpus and messages of our own, PETs and vendors' traps in every version, each made wrong
//! at places that a seed decides; those of v3 before they are sealed, before they are signed, and after.

use crate::common::{octets, text};
use crate::dice::Dice;
use crate::mutate::{self, Counts};
use crate::pen::{Cover, Desk, Pen};
use crate::site::Site;
use crate::world::Letter;
use crate::{traps, tree, version3};
use bmcnotice::config::model::Wanted;
use bmcnotice::notice::usm::EngineId;
use bmcnotice::wire::oid::OidBuf;
use bmcnotice::wire::pet::{self, Pet};
use bmcnotice::wire::snmp::{self, Value, Varbind};
use bmcnotice::wire::usm::{Level, MAX_COUNT, emit_scoped};
use bmcnotice::words::Guid;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::Ipv4Addr;

/// Datagrams that may come once more.
const KEPT: usize = 32;
/// Larger ones are seldom among them.
const LARGE: usize = 3000;

/// What the sender knows of the receiver.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    /// Seconds of every engine that hostile messages are written under.
    pub theirs: u32,
    /// Our engine, its boots, and its seconds.
    pub own: EngineId,
    pub boots: u32,
    pub ours: u32,
}

pub struct Mail {
    corpus: Vec<Vec<u8>>,
    sent: Vec<Letter>,
    /// Everything that a right key has signed.
    signed: HashSet<u64>,
    pub wrong: Counts,
}

const FILES: [&str; 18] = [
    "traps/own-snmptrap.hex",
    "traps/eipmi-pet.hex",
    "traps/zeek-snmpv1-trap.hex",
    "traps/zeek-leak-test.hex",
    "traps/arkime-v2c-trap.hex",
    "traps/rusticata-assets.hex",
    "traps/sharpsnmplib-v3-traps.hex",
    "traps/arduino-snmp-issue35.hex",
    "traps/nontrap-suricata-v2c-get.hex",
    "traps/nontrap-suricata-v3-encrypted.hex",
    "traps/nontrap-suricata-v3-unauth.hex",
    "hostile/arkime-snmpv3-synthetic.hex",
    "hostile/cve-2025-68615-boundary.hex",
    "hostile/made-here.hex",
    "hostile/protos-c06-trap-app-1-12.hex",
    "hostile/sharpsnmplib-bad.hex",
    "hostile/zeek-oid-subid-too-long.hex",
    "hostile/zeek-snmp-crash-62790.hex",
];

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

fn some(dice: &mut Dice, count: u64) -> Vec<u8> {
    (0..count).map(|_| dice.below(256) as u8).collect()
}

/// A PET of random content that has something true in it.
fn any_pet(dice: &mut Dice) -> Pet {
    let genuine = version3::pet(dice.below(40) as u16);
    let random = some(dice, 32);
    let guid = match dice.below(4) {
        0 => Guid([0; 16]),
        1 => Guid(core::array::from_fn(|at| random[at])),
        _ => genuine.guid,
    };
    let pet = Pet {
        guid,
        severity: *[0x20, 0x10, 0x08, 0x04, 0, 0xFF, random[16]].get(dice.below(7) as usize).unwrap(),
        ..genuine
    };
    if dice.percent(40) {
        return pet;
    }
    Pet {
        sensor_type: random[17] % 0x40,
        event_type: [0x6F, 0x6F, 1, 3, 7, 0x0C, 0x70, random[18]][dice.below(8) as usize],
        offset: random[19] & 0x0F,
        deasserted: dice.percent(30),
        timestamp: dice.below(3) as u32,
        sensor_number: random[20],
        entity: random[21],
        event_data: core::array::from_fn(|at| random[22 + at]),
        ..pet
    }
}

fn octets_of(dice: &mut Dice, pet: &Pet) -> Vec<u8> {
    let mut octets = Vec::new();
    pet.emit(&mut octets);
    if dice.percent(20) {
        let count = dice.below(120);
        octets.resize(count as usize, 0xC1);
    }
    octets
}

fn value<'a>(dice: &mut Dice, octets: &'a [u8], name: &'a OidBuf) -> Value<'a> {
    match dice.below(9) {
        0 => Value::Integer(dice.next() as i64),
        1 => Value::Integer(dice.below(10) as i64),
        2 => Value::Gauge32(dice.next() as u32),
        3 => Value::Counter64(dice.next()),
        4 => Value::Oid(name.as_oid()),
        5 => Value::Null,
        6 => Value::IpAddress(Ipv4Addr::from(dice.next() as u32)),
        7 => Value::Opaque(octets),
        _ => Value::OctetString(octets),
    }
}

/// What goes into a v2c message: the trap's name and its variables.
struct Told {
    name: OidBuf,
    variables: Vec<(OidBuf, Option<i64>, Vec<u8>)>,
}

fn with_instance(name: &OidBuf, last: u32) -> OidBuf {
    OidBuf::from_dotted(&format!("{}.{last}", name.as_oid())).unwrap_or_else(|_| name.clone())
}

/// A trap that a shipped profile knows, with values that it wants, and with odd ones.
fn vendor(dice: &mut Dice, site: &Site) -> Option<Told> {
    let profiles = &site.cluster.meanings.profiles;
    let profile = profiles.get(dice.below(profiles.len().max(1) as u64) as usize)?;
    let rule = profile.rules.get(dice.below(profile.rules.len().max(1) as u64) as usize)?;
    let enterprise = profile.enterprise.get(dice.below(profile.enterprise.len().max(1) as u64) as usize)?;
    let trap = rule.traps.get(dice.below(rule.traps.len().max(1) as u64) as usize).copied().unwrap_or(1);
    let mut variables = Vec::new();
    if let Some((name, wanted)) = &rule.value {
        let (number, text) = match wanted.get(dice.below(wanted.len().max(1) as u64) as usize) {
            Some(Wanted::Number(number)) => (Some(*number), Vec::new()),
            Some(Wanted::Text(text)) => (None, text.clone().into_bytes()),
            None => (None, Vec::new()),
        };
        variables.push((with_instance(name, 0), number, text));
    }
    for name in profile.text.iter().chain(&profile.region).chain(&profile.sensor).chain(&profile.sensor_number) {
        if dice.percent(70) {
            let count = if dice.percent(5) { dice.below(3000) } else { dice.below(60) };
            let octets = if dice.percent(50) { some(dice, count) } else { vec![b'a'; count as usize] };
            variables.push((
                with_instance(name, dice.below(3) as u32),
                dice.percent(30).then(|| dice.below(300) as i64),
                octets,
            ));
        }
    }
    Some(Told { name: with_instance(&with_instance(enterprise, 0), trap), variables })
}

/// A whole v2c message, or a v1 one.
fn message(dice: &mut Dice, site: &Site) -> Vec<u8> {
    let community: &[u8] = if dice.percent(95) { b"public" } else { b"\x1b]private" };
    let agent = [Ipv4Addr::new(10, 0, 1, 1), Ipv4Addr::UNSPECIFIED, Ipv4Addr::new(10, 0, 1, 2)][dice.below(3) as usize];
    let pet = any_pet(dice);
    if dice.percent(30) {
        return traps::v1(&pet, community, agent);
    }
    let told = vendor(dice, site).filter(|_| dice.percent(40)).unwrap_or_else(|| {
        let name = OidBuf::from_dotted(&format!("{}.{}", pet::TRAP_OID_PREFIX, pet.specific_trap())).unwrap();
        let variable = OidBuf::from_dotted(&pet::VARIABLE.to_string()).unwrap();
        Told { name, variables: vec![(variable, None, octets_of(dice, &pet))] }
    });
    let odd = dice.percent(20);
    let mut varbinds = Vec::new();
    for (name, number, octets) in &told.variables {
        let value = match number {
            _ if odd => value(dice, octets, name),
            Some(number) => Value::Integer(*number),
            None => Value::OctetString(octets),
        };
        varbinds.push(Varbind { name: name.as_oid(), value });
    }
    if dice.percent(40) {
        varbinds.push(Varbind { name: snmp::SNMP_TRAP_ADDRESS, value: Value::IpAddress(agent) });
    }
    let mut out = Vec::new();
    let id = dice.next() as i32;
    match dice.percent(40) {
        true => snmp::emit_inform(community, id, 5, told.name.as_oid(), &varbinds, &mut out),
        false => snmp::emit_trap_v2c(community, id, 5, told.name.as_oid(), &varbinds, &mut out),
    }
    out
}

impl Mail {
    pub fn new() -> Self {
        let lines = FILES.iter().flat_map(|file| {
            let text = text(file);
            let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            lines.map(octets).collect::<Vec<_>>()
        });
        Self { corpus: lines.collect(), sent: Vec::new(), signed: HashSet::new(), wrong: Counts::default() }
    }

    fn other(&self, dice: &mut Dice) -> Vec<u8> {
        match self.sent.get(dice.below(KEPT as u64) as usize) {
            Some(letter) if dice.percent(70) => letter.bytes.clone(),
            Some(_) | None => self.corpus[dice.below(self.corpus.len() as u64) as usize].clone(),
        }
    }

    fn spoil(&mut self, dice: &mut Dice, bytes: &mut Vec<u8>) {
        let Some(mut nodes) = tree::read(bytes) else { return };
        let other = self.other(dice);
        for _ in 0..if dice.percent(60) { 1 } else { 3 } {
            mutate::structure(dice, &mut nodes, &other, &mut self.wrong);
        }
        *bytes = tree::write(&nodes);
        mutate::fit(bytes);
    }

    /// The next datagram.
    pub fn next(&mut self, dice: &mut Dice, site: &Site, desk: &Desk, clocks: Clocks) -> Letter {
        if dice.percent(8) && !self.sent.is_empty() {
            let again = dice.below(self.sent.len() as u64) as usize;
            return self.sent[again].clone();
        }
        let bytes = if dice.percent(45) { self.version3(dice, site, desk, clocks) } else { self.open(dice, site) };
        let mut letter = Letter { bytes, signed: false };
        if dice.percent(15) {
            let other = self.other(dice);
            match dice.percent(50) {
                true => mutate::raw(dice, &mut letter.bytes, &other, &mut self.wrong),
                false => self.spoil(dice, &mut letter.bytes),
            }
            mutate::fit(&mut letter.bytes);
        }
        // Whatever was made of it: parts of two may be a whole one.
        letter.signed = self.signed.contains(&hash(&letter.bytes));
        if letter.bytes.len() > LARGE && dice.percent(95) {
            return letter;
        }
        let place = dice.below(KEPT as u64) as usize;
        match self.sent.get_mut(place) {
            Some(place) => place.clone_from(&letter),
            None => self.sent.push(letter.clone()),
        }
        letter
    }

    /// Of v1 or v2c, or whatever the corpus holds.
    fn open(&mut self, dice: &mut Dice, site: &Site) -> Vec<u8> {
        let corpus = dice.percent(30);
        let mut bytes = match corpus {
            true => self.corpus[dice.below(self.corpus.len() as u64) as usize].clone(),
            false => message(dice, site),
        };
        if dice.percent(65) {
            self.spoil(dice, &mut bytes);
        }
        bytes
    }

    fn version3(&mut self, dice: &mut Dice, site: &Site, desk: &Desk, clocks: Clocks) -> Vec<u8> {
        let whole = message(dice, site);
        // Its PDU is the third element.
        let mut pdu = match tree::read(&whole).as_deref() {
            Some([tree::Node { body: tree::Body::Nest(parts), .. }]) => tree::write(&parts[2..]),
            Some(_) | None => whole,
        };
        if dice.percent(50) {
            self.spoil(dice, &mut pdu);
        }
        let informs = dice.percent(30);
        let written = |pen: &Pen| (pen.engine == clocks.own) == informs;
        let places: Vec<usize> = (0..desk.pens.len()).filter(|place| written(&desk.pens[*place])).collect();
        let place = places[dice.below(places.len() as u64) as usize];
        let pen = &desk.pens[place];
        if informs && pdu.first() == Some(&0xA7) || !informs && pdu.first() == Some(&0xA6) && dice.percent(80) {
            pdu[0] = if informs { 0xA6 } else { 0xA7 };
        }
        let mut scoped = Vec::new();
        let context = if dice.percent(90) { pen.engine.octets().to_vec() } else { some(dice, 40) };
        emit_scoped(&context, b"", &pdu, &mut scoped);
        if dice.percent(15) {
            self.spoil(dice, &mut scoped);
        }
        let (boots, time) = match informs {
            true => (clocks.boots, clocks.ours),
            false => (3, clocks.theirs),
        };
        let edges = [0, 1, 2, 4, MAX_COUNT - 1, MAX_COUNT];
        let (boots, time) = match dice.below(300) {
            0 => (edges[dice.below(6) as usize], time),
            1 => (boots, edges[dice.below(6) as usize]),
            2..20 => (boots, time.saturating_sub(dice.below(400) as u32)),
            _ => (boots, time.saturating_sub(dice.below(100) as u32)),
        };
        let level = match dice.below(20) {
            0 => Level::NoAuth,
            1 => Level::Auth,
            _ => Level::AuthPriv,
        };
        let user = if dice.percent(3) { desk.pens[dice.below(desk.pens.len() as u64) as usize].user } else { pen.user };
        let cover =
            Cover { user, id: dice.below(1 << 31) as i32, boots, time, level, reportable: informs == dice.percent(90) };
        let salt = dice.next().to_be_bytes();
        let mut bytes = pen.write(cover, salt, scoped);
        if dice.percent(15) {
            self.spoil(dice, &mut bytes);
        }
        if dice.percent(12) {
            desk.wrong[place].sign(&mut bytes);
            return bytes;
        }
        // Another user's key is none of the right ones.
        if pen.sign(&mut bytes) && cover.user == pen.user {
            self.signed.insert(hash(&bytes));
        }
        bytes
    }
}
