//! Decoding one PET trap, side by side with the crate snmp2. That ours allocates nothing is `tests/no_alloc.rs`.
//!
//! Both sides read the same: community, enterprise, agent, generic, specific, uptime, the variable's
//! name and its octets, and the PET in them. Only ours checks every element on the way.
//! `cargo bench --bench decode`

#[path = "common/figure.rs"]
mod figure;

use bmcnotice::wire::pet::{self, Pet};
use bmcnotice::wire::snmp::{Message, Pdu};
use figure::Sides;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How often each side is timed.
const ROUNDS: usize = 301;
/// Decodes in one timing.
const DECODES: u32 = 2_000;
/// What ours may cost, of snmp2.
const BUDGET: f64 = 0.6;

const ENTERPRISE: &[u64] = &[1, 3, 6, 1, 4, 1, 3183, 1, 1];
const VARIABLE: &[u64] = &[1, 3, 6, 1, 4, 1, 3183, 1, 1, 1];

fn datagram() -> Vec<u8> {
    let text = include_str!("../tests/vectors/traps/own-snmptrap.hex");
    let mut lines = text.lines().skip_while(|line| *line != "# case v1-pet-dell-chassis-intrusion");
    let line = lines.find(|line| !line.starts_with('#')).expect("the datagram of that case");
    (0..line.len()).step_by(2).map(|at| u8::from_str_radix(&line[at..at + 2], 16).expect("hex")).collect()
}

fn ours(datagram: &[u8]) -> Option<Pet> {
    let message = Message::parse(datagram).ok()?;
    let Pdu::TrapV1(trap) = message.pdu else { return None };
    black_box((message.community, trap.agent, trap.generic, trap.uptime));
    let (specific, octets) = pet::find(&message)?;
    Pet::parse(specific, octets).ok()
}

fn theirs(datagram: &[u8], enterprise: &snmp2::Oid, variable: &snmp2::Oid) -> Option<Pet> {
    let pdu = snmp2::Pdu::from_bytes(datagram).ok()?;
    let trap = pdu.v1_trap_info?;
    black_box((pdu.community, trap.agent_addr, trap.generic_trap, trap.timestamp));
    if trap.enterprise != *enterprise || trap.generic_trap != 6 {
        return None;
    }
    let octets = pdu.varbinds.into_iter().find_map(|(name, value)| match value {
        snmp2::Value::OctetString(octets) if name == *variable => Some(octets),
        _ => None,
    })?;
    Pet::parse(u32::try_from(trap.specific_trap).ok()?, octets).ok()
}

fn time(decode: impl Fn() -> Option<Pet>) -> Duration {
    let start = Instant::now();
    for _ in 0..DECODES {
        black_box(decode());
    }
    start.elapsed()
}

fn main() {
    let datagram = datagram();
    let enterprise = snmp2::Oid::from(ENTERPRISE).expect("an OID");
    let variable = snmp2::Oid::from(VARIABLE).expect("an OID");
    let ours = || ours(black_box(&datagram));
    let theirs = || theirs(black_box(&datagram), &enterprise, &variable);
    assert!(ours().is_some() && ours() == theirs(), "both sides read the same");

    let nanoseconds = |took: Duration| took.as_secs_f64() * 1e9 / f64::from(DECODES);
    let mut sides = Sides::default();
    for _ in 0..ROUNDS {
        sides.round(vec![nanoseconds(time(ours))], vec![nanoseconds(time(theirs))]);
    }
    sides.print("decode one PET trap", "ns", "snmp2", Some(BUDGET));
}
