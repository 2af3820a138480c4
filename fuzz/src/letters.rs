//! Messages that the mutator takes parts from: a PET in every version, as Trap and as Inform, for every user; and the
//! traps of the shipped vendor profiles.
//!
//! Nothing is sealed and no code is right: under `--cfg fuzzing` nobody asks.

use crate::site::{BMC, engine};
use crate::version3::{self, discovery, pet, user};
use crate::{BEGIN, sites, traps};
use bmcnotice::config::model::Wanted;
use bmcnotice::crypto::usm::{Auth, Extension, Privacy};
use bmcnotice::notice::usm::{User, own_boots, own_id};
use bmcnotice::wire::oid::OidBuf;
use bmcnotice::wire::pet::{TRAP_OID_PREFIX, VARIABLE};
use bmcnotice::wire::snmp::{
    SNMP_TRAP_ADDRESS, Value, Varbind, emit_inform, emit_inform_pdu, emit_trap_pdu, emit_trap_v2c,
};
use bmcnotice::wire::usm::{Head, Level, Parameters, emit, emit_scoped};
use std::net::Ipv4Addr;
use std::sync::OnceLock;

/// Of every level. None whose keys cost a passphrase at each engine: a fuzzer invents engines.
const USERS: [(&str, Option<Auth>, Option<Privacy>); 4] = [
    ("aes", Some(Auth::Sha256), Some(Privacy::Aes128)),
    ("auth", Some(Auth::Sha512), None),
    ("des", Some(Auth::Md5), Some(Privacy::Des)),
    ("plain", None, None),
];

pub fn users() -> Vec<User> {
    let all = USERS.iter().map(|(name, auth, privacy)| {
        let seals = privacy.map(|privacy| (privacy, "another long one", Extension::Blumenthal));
        user(name, auth.map(|auth| (auth, "a long passphrase")), seals)
    });
    all.collect()
}

/// Octets of the code that a user of this name writes.
pub fn code_octets(name: &[u8]) -> Option<usize> {
    let (_, auth, _) = USERS.iter().find(|(known, ..)| known.as_bytes() == name)?;
    auth.map(Auth::code_octets)
}

fn sealed(place: usize, inform: bool) -> Vec<u8> {
    let (name, auth, privacy) = USERS[place];
    let (mut octets, mut pdu, mut scoped, mut out) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let pet = pet(place as u16);
    pet.emit(&mut octets);
    let trap = OidBuf::from_dotted(&format!("{TRAP_OID_PREFIX}.{}", pet.specific_trap())).expect("a name");
    let varbinds = [Varbind { name: VARIABLE, value: Value::OctetString(&octets) }];
    // A Trap's engine is its sender's, an Inform's is ours.
    let (engine, boots, time) = match inform {
        true => (own_id("hostile", "server1"), own_boots(BEGIN, None), 0),
        false => (engine(1), 3, 1000),
    };
    match inform {
        true => emit_inform_pdu(1, 5, trap.as_oid(), &varbinds, &mut pdu),
        false => emit_trap_pdu(1, 5, trap.as_oid(), &varbinds, &mut pdu),
    }
    emit_scoped(engine.octets(), b"", &pdu, &mut scoped);
    let level = match (auth, privacy) {
        (None, _) => Level::NoAuth,
        (Some(_), None) => Level::Auth,
        (Some(_), Some(_)) => Level::AuthPriv,
    };
    let zeros = [0; 48];
    let parameters = Parameters {
        engine: engine.octets(),
        boots,
        time,
        user: name.as_bytes(),
        code: &zeros[..auth.map_or(0, Auth::code_octets)],
        salt: if privacy.is_some() { &zeros[..8] } else { &[] },
    };
    emit(&Head { id: 1, level, reportable: inform, parameters }, &scoped, &mut out);
    out
}

fn open() -> Vec<Vec<u8>> {
    let address = Ipv4Addr::new(10, 0, 1, 1);
    let (mut octets, mut inform) = (Vec::new(), Vec::new());
    pet(2).emit(&mut octets);
    let trap = OidBuf::from_dotted(&format!("{TRAP_OID_PREFIX}.{}", pet(2).specific_trap())).expect("a name");
    let varbinds = [
        Varbind { name: VARIABLE, value: Value::OctetString(&octets) },
        Varbind { name: SNMP_TRAP_ADDRESS, value: Value::IpAddress(address) },
    ];
    emit_inform(b"public", 1, 5, trap.as_oid(), &varbinds, &mut inform);
    vec![traps::v1(&pet(1), b"public", address), version3::v2c(2), inform, discovery(1)]
}

fn instance(name: &OidBuf, last: u32) -> OidBuf {
    OidBuf::from_dotted(&format!("{}.{last}", name.as_oid())).expect("one arc more")
}

/// One for each rule of the shipped profiles, with all the variables that its profile reads.
fn vendors() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for profile in &sites()[0].cluster.meanings.profiles {
        for rule in &profile.rules {
            let trap = rule.traps.first().copied().unwrap_or(1);
            let trap = instance(&instance(&profile.enterprise[0], 0), trap);
            let mut variables = Vec::new();
            if let Some((name, wanted)) = &rule.value {
                let value = match wanted.first() {
                    Some(Wanted::Number(number)) => Value::Integer(*number),
                    Some(Wanted::Text(text)) => Value::OctetString(text.as_bytes()),
                    None => Value::Null,
                };
                variables.push((instance(name, 0), value));
            }
            for name in profile.text.iter().chain(&profile.region).chain(&profile.sensor) {
                variables.push((instance(name, 0), Value::OctetString(b"DIMM A1")));
            }
            variables.extend(profile.sensor_number.iter().map(|name| (instance(name, 0), Value::Integer(7))));
            let varbinds: Vec<_> =
                variables.iter().map(|(name, value)| Varbind { name: name.as_oid(), value: *value }).collect();
            let mut out = Vec::new();
            emit_trap_v2c(b"public", 1, 5, trap.as_oid(), &varbinds, &mut out);
            all.push(out);
        }
    }
    all
}

/// All of them.
pub fn all() -> &'static [Vec<u8>] {
    static ALL: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    ALL.get_or_init(|| {
        let version3 = (0..USERS.len()).flat_map(|place| [sealed(place, false), sealed(place, true)]);
        open().into_iter().chain(version3).chain(vendors()).collect()
    })
}

/// One that no input has: of the BMC itself, fatal, in v1.
pub fn genuine() -> Vec<u8> {
    let pet = bmcnotice::wire::pet::Pet { timestamp: 0x7777_7777, ..pet(0x7777) };
    traps::v1(&pet, b"public", BMC.parse().map_or(Ipv4Addr::LOCALHOST, |from: std::net::SocketAddrV4| *from.ip()))
}
