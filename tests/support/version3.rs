//! A sender of SNMPv3, and a receiver for it.

#![allow(dead_code, reason = "not every test uses all")]

use bmcnotice::config::model::{
    AfterEnded, Bmc, Cluster, Commands, Handshake, Heartbeat, Journal, LinkChoice, Probes, Server,
};
use bmcnotice::crypto::Secret;
use bmcnotice::crypto::usm::{Auth, Cipher, Extension, Mac, Privacy};
use bmcnotice::notice::usm::{EngineId, Key, Table, User, Usm, own_id};
use bmcnotice::notice::{DropReason, Received, Reception};
use bmcnotice::now::Now;
use bmcnotice::wire::ber;
use bmcnotice::wire::oid::OidBuf;
use bmcnotice::wire::pet::{self, Pet};
use bmcnotice::wire::snmp::{self, Value, Varbind};
use bmcnotice::wire::usm::{self, Data, Head, Level, Parameters, Scoped, Version3};
use bmcnotice::words::{Guid, ServerId};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

pub const BMC: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(192, 168, 0, 11), 623));
const PASSPHRASE: &str = "a long passphrase";
const SECRET: &str = "another long one";

pub fn at(seconds: u64) -> Now {
    Now { boottime: Duration::from_secs(1000 + seconds), wall: Duration::from_secs(1_700_000_000 + seconds) }
}

/// A user with the keys of its passphrases.
pub fn user(name: &str, auth: Option<(Auth, &str)>, privacy: Option<(Privacy, &str, Extension)>) -> User {
    let hash = auth.map(|(auth, _)| auth);
    User {
        name: name.into(),
        auth: auth.map(|(auth, passphrase)| (auth, Key::General(auth.key(passphrase.as_bytes())))),
        privacy: privacy.map(|(privacy, passphrase, extension)| {
            (privacy, Key::General(hash.unwrap().key(passphrase.as_bytes())), extension)
        }),
    }
}

pub fn cluster() -> Cluster {
    let server = |name: &str, last: u8| Server {
        name: name.into(),
        addresses: Vec::new(),
        bmc: Some(Bmc {
            address: SocketAddr::from((Ipv4Addr::new(192, 168, 0, last), 623)),
            trap_sources: vec![Ipv4Addr::new(192, 168, 0, last).into()],
            relays: Vec::new(),
            retry_span: None,
            community: Secret::new("public"),
            lan: None,
            link: LinkChoice::Lan,
            device: String::new(),
            guid: None,
            by_address: false,
            handshake: Handshake::None,
            after_ended: AfterEnded::None,
            patience: None,
            in_sel: true,
            sel_catch_up: true,
            dump: None,
            probes: Probes::default(),
            version3: Default::default(),
        }),
    };
    Cluster {
        clusterpro: None,
        meanings: Default::default(),
        observe: false,
        name: "cluster".into(),
        this: ServerId(0),
        servers: vec![server("server1", 11), server("server2", 12)],
        users: Vec::new(),
        monitors: Vec::new(),
        heartbeat: Heartbeat { enabled: false, ..Heartbeat::default() },
        journal: Journal { hot: None, disk: None },
        commands: Commands::default(),
    }
}

/// A receiver.
pub struct World {
    pub reception: Reception,
    pub now: Now,
    pub own: EngineId,
    pub boots: u32,
}

impl World {
    pub fn new(table: Table) -> Self {
        let (now, own, boots) = (at(0), own_id("cluster", "server1"), 5);
        let mut reception = Reception::new(&cluster());
        reception.read_version3(Some(Usm::new(now, table, own, boots, 1)));
        Self { reception, now, own, boots }
    }

    pub fn receive(&mut self, datagram: &[u8]) -> Result<Received, DropReason> {
        self.reception.handle_datagram(self.now, BMC, datagram)
    }

    pub fn receive_from(&mut self, from: &str, datagram: &[u8]) -> Result<Received, DropReason> {
        self.reception.handle_datagram(self.now, from.parse().unwrap(), datagram)
    }
}

/// A sender.
#[derive(Clone)]
pub struct Sender {
    pub engine: EngineId,
    pub name: &'static str,
    pub auth: Auth,
    pub passphrase: &'static str,
    pub privacy: Option<(Privacy, Extension)>,
    pub secret: &'static str,
}

impl Sender {
    pub fn new(engine: &str, auth: Auth, privacy: Option<(Privacy, Extension)>) -> Self {
        let octets: Vec<u8> =
            (0..engine.len()).step_by(2).map(|at| u8::from_str_radix(&engine[at..at + 2], 16).unwrap()).collect();
        let engine = EngineId::new(&octets).unwrap();
        Self { engine, name: "bmc", auth, passphrase: PASSPHRASE, privacy, secret: SECRET }
    }

    /// The user that it writes under, with the right passphrases.
    pub fn table(&self) -> Table {
        let privacy = self.privacy.map(|(privacy, extension)| (privacy, SECRET, extension));
        Table { users: vec![user("bmc", Some((self.auth, PASSPHRASE)), privacy)], ..Table::default() }
    }

    fn mac(&self, engine: EngineId) -> Mac {
        Mac::new(self.auth, &self.auth.localized(&self.auth.key(self.passphrase.as_bytes()), engine.octets()))
    }

    fn cipher(&self, engine: EngineId) -> Option<Cipher> {
        let (privacy, extension) = self.privacy?;
        let key = self.auth.localized(&self.auth.key(self.secret.as_bytes()), engine.octets());
        Some(Cipher::new(privacy, self.auth, &key, extension, engine.octets()))
    }

    pub fn trap(&self, boots: u32, time: u32, sequence: u16) -> Vec<u8> {
        self.message(boots, time, &pet(sequence), false)
    }

    pub fn trap_of(&self, boots: u32, time: u32, pet: &Pet) -> Vec<u8> {
        self.message(boots, time, pet, false)
    }

    pub fn inform(&self, boots: u32, time: u32, sequence: u16) -> Vec<u8> {
        self.message(boots, time, &pet(sequence), true)
    }

    fn message(&self, boots: u32, time: u32, pet: &Pet, inform: bool) -> Vec<u8> {
        let (mut octets, mut pdu, mut scoped) = (Vec::new(), Vec::new(), Vec::new());
        let sequence = pet.sequence;
        pet.emit(&mut octets);
        let varbinds = [Varbind { name: pet::VARIABLE, value: Value::OctetString(&octets) }];
        let oid = OidBuf::from_dotted(&format!("1.3.6.1.4.1.3183.1.1.0.{}", pet.specific_trap())).unwrap();
        match inform {
            true => snmp::emit_inform_pdu(sequence.into(), 5, oid.as_oid(), &varbinds, &mut pdu),
            false => snmp::emit_trap_pdu(sequence.into(), 5, oid.as_oid(), &varbinds, &mut pdu),
        }
        usm::emit_scoped(self.engine.octets(), b"", &pdu, &mut scoped);
        let salt = [0, 0, 0, 0, 0, 0, (sequence >> 8) as u8, sequence as u8];
        let cipher = self.cipher(self.engine);
        if let Some(cipher) = &cipher {
            cipher.seal(boots, time, salt, &mut scoped);
        }
        let zeros = [0; 48];
        let parameters = Parameters {
            engine: self.engine.octets(),
            boots,
            time,
            user: self.name.as_bytes(),
            code: &zeros[..self.auth.code_octets()],
            salt: if cipher.is_some() { &salt } else { &[] },
        };
        let level = if cipher.is_some() { Level::AuthPriv } else { Level::Auth };
        let head = Head { id: sequence.into(), level, reportable: inform, parameters };
        let mut out = Vec::new();
        let at = usm::emit(&head, &scoped, &mut out);
        self.mac(self.engine).sign(&mut out, at);
        out
    }

    /// Whether a message has this user's code at this engine.
    pub fn signed(&self, octets: &[u8], engine: EngineId) -> bool {
        let message = Version3::parse(octets).unwrap();
        self.mac(engine).verifies(octets, message.code_at)
    }

    /// The request-id and the PDU of a sealed answer.
    pub fn opened(&self, octets: &[u8], engine: EngineId) -> (i32, Vec<u8>) {
        let message = Version3::parse(octets).unwrap();
        let Data::Sealed(sealed) = message.data else { panic!("not sealed") };
        let mut plain = sealed.to_vec();
        let Parameters { boots, time, salt, .. } = message.parameters;
        self.cipher(engine).unwrap().open(boots, time, salt, &mut plain).unwrap();
        let scoped = Scoped::parse_padded(&plain).unwrap();
        (scoped.request_id().unwrap(), scoped.pdu.to_vec())
    }
}

/// An uncorrectable memory error.
pub fn pet(sequence: u16) -> Pet {
    Pet {
        sensor_type: 0x0C,
        event_type: 0x6F,
        offset: 1,
        deasserted: false,
        guid: Guid([1; 16]),
        sequence,
        timestamp: 0x1234_5678,
        utc_offset: None,
        trap_source: 0x20,
        event_source: 0x20,
        severity: 0x20,
        sensor_device: 0x20,
        sensor_number: 0x20,
        entity: 0x20,
        entity_instance: 1,
        event_data: [0xA1, 0, 5, 0, 0, 0, 0, 0],
        language: 0x19,
        manufacturer: 343,
        system_id: 1,
    }
}

/// The same trap in v2c.
pub fn v2c(sequence: u16) -> Vec<u8> {
    let (mut octets, mut out) = (Vec::new(), Vec::new());
    let pet = pet(sequence);
    pet.emit(&mut octets);
    let varbinds = [Varbind { name: pet::VARIABLE, value: Value::OctetString(&octets) }];
    let oid = OidBuf::from_dotted(&format!("1.3.6.1.4.1.3183.1.1.0.{}", pet.specific_trap())).unwrap();
    snmp::emit_trap_v2c(b"public", sequence.into(), 5, oid.as_oid(), &varbinds, &mut out);
    out
}

/// What asks who we are: a Get of nothing, of nobody, to no engine.
pub fn discovery(id: i32) -> Vec<u8> {
    let (mut pdu, mut scoped, mut out) = (Vec::new(), Vec::new(), Vec::new());
    ber::emit(0xA0, &mut pdu, |out| {
        ber::emit_signed(ber::INTEGER, id.into(), out);
        ber::emit_signed(ber::INTEGER, 0, out);
        ber::emit_signed(ber::INTEGER, 0, out);
        ber::emit(ber::SEQUENCE, out, |_| {});
    });
    usm::emit_scoped(&[], &[], &pdu, &mut scoped);
    let parameters = Parameters { engine: &[], boots: 0, time: 0, user: &[], code: &[], salt: &[] };
    usm::emit(&Head { id, level: Level::NoAuth, reportable: true, parameters }, &scoped, &mut out);
    out
}

/// The statistic of a Report, usmStats.N.0, and its value.
pub fn report_of(octets: &[u8]) -> (u32, u32) {
    let message = Version3::parse(octets).unwrap();
    let Data::Plain(scoped) = message.data else { panic!("sealed") };
    let scoped = Scoped::parse(scoped).unwrap();
    let (_, (tag, body)) = ber::element(scoped.pdu).unwrap();
    assert_eq!(tag, 0xA8);
    // request-id, error-status, error-index, and one varbind in its list.
    let mut rest = body;
    for _ in 0..3 {
        rest = ber::integer(rest).unwrap().0;
    }
    let (_, list) = ber::expect(ber::SEQUENCE, rest).unwrap();
    let (_, varbind) = ber::expect(ber::SEQUENCE, list).unwrap();
    let (value, name) = ber::expect(ber::OID, varbind).unwrap();
    assert_eq!(name[..name.len() - 2], [0x2B, 6, 1, 6, 3, 15, 1, 1]);
    let (_, (_, count)) = ber::element(value).unwrap();
    (name[name.len() - 2].into(), ber::unsigned32(count).unwrap())
}
