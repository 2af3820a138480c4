//! The corpus: what real senders wrote, and what attackers write. See `tests/vectors/README.md`.
//!
//! Our decode of every v1 and v2c notification is printed as snmptrapd prints it and compared with what
//! snmptrapd printed.

mod common;
#[path = "support/version3.rs"]
mod version3;

#[path = "corpus/agent.rs"]
mod agent;
#[path = "corpus/file.rs"]
mod file;
#[path = "corpus/handled.rs"]
mod handled;
#[path = "corpus/print.rs"]
mod print;
#[path = "corpus/reference.rs"]
mod reference;
#[path = "corpus/senders.rs"]
mod senders;

use bmcnotice::wire::Error;
use bmcnotice::wire::pet::{self, Pet};
use bmcnotice::wire::snmp::{self, Message, Pdu, Value};
use common::text;
use file::{Datagram, datagrams};
use print::{print, words};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

const VALID: &[&str] = &[
    "traps/own-snmptrap.hex",
    "traps/eipmi-pet.hex",
    "traps/zeek-snmpv1-trap.hex",
    "traps/zeek-leak-test.hex",
    "traps/arkime-v2c-trap.hex",
    "traps/rusticata-assets.hex",
    "traps/sharpsnmplib-v3-traps.hex",
    "traps/arduino-snmp-issue35.hex",
    "traps/made-here.hex",
    "traps/own-senders.hex",
    "traps/own-snmpget.hex",
    "traps/nontrap-suricata-v2c-get.hex",
    "traps/nontrap-suricata-v3-encrypted.hex",
    "traps/nontrap-suricata-v3-unauth.hex",
];

const HOSTILE: &[&str] = &[
    "hostile/arkime-snmpv3-synthetic.hex",
    "hostile/cve-2025-68615-boundary.hex",
    "hostile/made-here.hex",
    "hostile/protos-c06-trap-app-1-12.hex",
    "hostile/sharpsnmplib-bad.hex",
    "hostile/zeek-oid-subid-too-long.hex",
    "hostile/zeek-snmp-crash-62790.hex",
];

fn all(files: &[&str]) -> Vec<Datagram> {
    files.iter().flat_map(|file| datagrams(file)).collect()
}

fn notifications() -> Vec<Datagram> {
    let mut all = all(VALID);
    all.retain(|datagram| Message::parse(&datagram.octets).is_ok());
    all
}

#[test]
fn every_notification_is_what_snmptrapd_printed() {
    let expected = text("traps/own-snmptrap.expected.txt");
    let mut printed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut version3, mut answers) = (0, 0);
    for datagram in datagrams("traps/own-snmptrap.hex") {
        match Message::parse(&datagram.octets) {
            Ok(message) => printed.entry(datagram.case).or_default().push(words(&print(&message))),
            Err(Error::Version3) => version3 += 1,
            Err(Error::NotANotification) => answers += 1,
            Err(other) => panic!("{}: {other}", datagram.case),
        }
    }
    let mut compared = 0;
    for section in expected.split("=== ").skip(1) {
        let (case, section) = section.split_once('\n').unwrap();
        if case.starts_with("v3") {
            assert!(!printed.contains_key(case));
            continue;
        }
        let (from, body) = section.split_once('\n').unwrap();
        assert_eq!(printed[case], [words(body)], "{case}");
        if case.starts_with("v1") {
            let message = datagrams("traps/own-snmptrap.hex").into_iter().find(|d| d.case == case).unwrap();
            let message = Message::parse(&message.octets).unwrap();
            assert!(from.contains(&format!("[{}]", message.speaks_for().unwrap())), "{case}");
            let community = std::str::from_utf8(message.community).unwrap();
            assert!(from.ends_with(&format!("community {community}")), "{case}");
        }
        compared += 1;
    }
    assert_eq!((compared, version3, answers), (21, 22, 2));
}

#[test]
fn the_other_captures_give_their_notifications_and_no_more() {
    let mut found = Vec::new();
    let elsewhere = ["traps/own-snmptrap.hex", "traps/own-senders.hex", "traps/made-here.hex"];
    for file in VALID.iter().filter(|file| !elsewhere.contains(file)) {
        for datagram in datagrams(file) {
            match Message::parse(&datagram.octets) {
                Ok(message) => {
                    let name = message.trap_oid().map(|oid| oid.to_string()).unwrap_or("-".into());
                    let uptime = message.uptime().map(|ticks| ticks.to_string()).unwrap_or("-".into());
                    let agent = message.speaks_for().map(|address| address.to_string()).unwrap_or("-".into());
                    let short = file.trim_start_matches("traps/").trim_end_matches(".hex");
                    found.push(format!("{short} {name} {agent} {uptime} {}", message.varbinds.len()));
                }
                Err(Error::NotANotification | Error::Version3) => {}
                Err(other) => panic!("{file}: {}: {other}", datagram.comment),
            }
        }
    }
    assert_eq!(
        found,
        [
            "eipmi-pet 1.3.6.1.6.3.1.1.5.3 10.1.40.140 16920 1",
            "eipmi-pet 1.3.6.1.4.1.3183.1.1.0.15953665 10.1.40.140 16868 1",
            "eipmi-pet 1.3.6.1.4.1.3183.1.1.0.15757061 10.1.40.140 16853 1",
            "eipmi-pet 1.3.6.1.4.1.3183.1.1.0.15757057 10.1.40.140 16875 1",
            "zeek-snmpv1-trap 1.3.6.1.6.3.1.1.5.1 127.0.0.1 0 1",
            "zeek-leak-test 1.3.6.1.6.3.1.1.5.1 127.0.0.1 0 1",
            "arkime-v2c-trap 1.3.6.1.6.3.1.1.5.3 - - 1",
            "rusticata-assets 1.3.6.1.6.3.1.1.5.1 127.0.0.1 0 1",
            "sharpsnmplib-v3-traps 1.3.6.1.4.1.2162.1000.2 - 16352 3",
            "arduino-snmp-issue35 - - 676 2",
        ]
    );
}

#[test]
fn every_hostile_datagram_is_refused_with_its_reason() {
    let mut refused = 0;
    for datagram in datagrams("hostile/made-here.hex") {
        let (reason, what) = datagram.comment.split_once(" | ").unwrap();
        let found = Message::parse(&datagram.octets).map(|_| ()).unwrap_err();
        assert!(reason.split('|').any(|reason| reason == format!("{found:?}")), "{what}: {found:?}, not {reason}");
        refused += 1;
    }
    assert_eq!(refused, 59);

    let mut found = Vec::new();
    for file in HOSTILE.iter().filter(|file| **file != "hostile/made-here.hex") {
        let outcomes: Vec<_> = datagrams(file)
            .iter()
            .map(|datagram| match Message::parse(&datagram.octets) {
                Ok(message) => message.trap_oid().unwrap().to_string().chars().take(25).collect(),
                Err(reason) => format!("{reason:?}"),
            })
            .collect();
        found.push(outcomes.join(" "));
    }
    assert_eq!(
        found,
        [
            // What is no notification is not looked into, so its inner faults go unseen.
            "Version3 NotANotification Version3 NotANotification Version3 NotANotification NotANotification \
             NotANotification UnknownVersion UnknownVersion UnknownPdu UnknownPdu",
            // 128 arcs are as many as there may be; reported, with room for two more.
            "1.3.6.1.4.1.3183.2.3.4.5. 1.3.6.1.4.1.3183.2.3.4.5. EmptyOid",
            // The first six are proper traps.
            "1.3.6.1.6.3.1.1.5.1 1.3.6.1.6.3.1.1.5.2 1.3.6.1.6.3.1.1.5.3 1.3.6.1.6.3.1.1.5.4 1.3.6.1.6.3.1.1.5.5 \
             1.3.6.1.6.3.1.1.5.6 HighTag HighTag HighTag HighTag HighTag HighTag",
            "V1TrapInV2c Truncated TrailingBytes",
            "NotANotification",
            "Version3 Version3 Version3",
        ]
    );
}

#[test]
fn the_enterprise_of_the_proper_traps_among_the_hostile_ones() {
    let mut generics = Vec::new();
    for datagram in datagrams("hostile/protos-c06-trap-app-1-12.hex") {
        let Ok(Message { pdu: Pdu::TrapV1(trap), .. }) = Message::parse(&datagram.octets) else { continue };
        assert_eq!(trap.enterprise.to_string(), "1.3.6.1.4.1.4.1.2.21");
        generics.push(trap.generic);
    }
    assert_eq!(generics, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_datagram_of_too_many_varbinds_is_refused() {
    let varbinds = |count: usize| {
        let name = bmcnotice::wire::oid::OidBuf::from_arcs(&[1, 3]).unwrap();
        let varbinds = vec![snmp::Varbind { name: name.as_oid(), value: Value::Null }; count];
        let mut out = Vec::new();
        snmp::emit_trap_v2c(b"public", 1, 2, snmp::SNMP_TRAPS, &varbinds, &mut out);
        out
    };
    let most = varbinds(snmp::MAX_VARBINDS - 2);
    assert_eq!(Message::parse(&most).unwrap().varbinds.len(), snmp::MAX_VARBINDS);
    let more = varbinds(snmp::MAX_VARBINDS - 1);
    assert_eq!(Message::parse(&more).map(|_| ()), Err(Error::TooManyVarbinds));
    assert!(more.len() < 65_507, "it fits a datagram");
}

#[test]
fn every_truncation_is_refused() {
    let mut truncations = 0;
    for datagram in notifications() {
        for length in 0..datagram.octets.len() {
            let refusal = Message::parse(&datagram.octets[..length]).map(|_| ());
            assert_eq!(refusal, Err(Error::Truncated), "{} of {}", length, datagram.comment);
            truncations += 1;
        }
    }
    assert_eq!(truncations, 12_596);
}

/// Reads everything that a message offers.
fn read_all(octets: &[u8]) -> bool {
    let Ok(message) = Message::parse(octets) else { return false };
    let names: Vec<_> = message.varbinds.iter().map(|varbind| varbind.name.to_string()).collect();
    assert_eq!(names.len(), message.varbinds.len(), "what was checked can be read");
    let _ = (message.uptime(), message.speaks_for(), message.trap_oid().map(|oid| oid.to_string()));
    let mut response = Vec::new();
    assert_eq!(snmp::inform_response(&message, &mut response), matches!(message.pdu, Pdu::Inform { .. }));
    if let Some((specific, octets)) = pet::find(&message) {
        let _ = Pet::parse(specific, octets);
    }
    true
}

#[test]
fn no_single_octet_makes_it_panic() {
    let (mut accepted, mut mutations) = (0, 0);
    for datagram in all(VALID).into_iter().chain(all(HOSTILE)) {
        // Every octet, or evenly spread ones where there are thousands.
        let step = datagram.octets.len() / 512 + 1;
        let mut octets = datagram.octets;
        for at in (0..octets.len()).step_by(step) {
            let was = octets[at];
            for value in [0x00, 0x01, 0x7F, 0x80, 0x84, 0xFF, was ^ 0x80, was ^ 0x20, was ^ 1, was.wrapping_add(1)] {
                octets[at] = value;
                accepted += usize::from(read_all(&octets));
                mutations += 1;
            }
            octets[at] = was;
        }
    }
    assert!(mutations > 100_000 && accepted > 1_000 && accepted < mutations, "{accepted} of {mutations}");
}

#[test]
fn an_inform_is_answered_as_snmptrapd_answered_it() {
    let all = datagrams("traps/own-snmptrap.hex");
    let mut answered = 0;
    for pair in all.windows(2) {
        let Ok(message) = Message::parse(&pair[0].octets) else { continue };
        let mut response = Vec::new();
        if snmp::inform_response(&message, &mut response) {
            assert_eq!(response, pair[1].octets, "{}", pair[0].case);
            answered += 1;
        }
    }
    assert_eq!(answered, 2);
}

#[test]
fn what_is_emitted_is_what_the_real_sender_wrote() {
    let mut emitted = 0;
    for datagram in datagrams("traps/own-snmptrap.hex") {
        let Ok(message) = Message::parse(&datagram.octets) else { continue };
        let varbinds: Vec<_> = message.varbinds.iter().collect();
        let mut out = Vec::new();
        match message.pdu {
            Pdu::TrapV1(trap) => snmp::emit_trap_v1(message.community, &trap, &varbinds, &mut out),
            Pdu::TrapV2 { request_id } | Pdu::Inform { request_id } => {
                let Value::Oid(name) = varbinds[1].value else { panic!("snmpTrapOID") };
                let emit = match message.pdu {
                    Pdu::Inform { .. } => snmp::emit_inform,
                    _ => snmp::emit_trap_v2c,
                };
                emit(message.community, request_id, message.uptime().unwrap(), name, &varbinds[2..], &mut out);
            }
        }
        assert_eq!(out, datagram.octets, "{}", datagram.case);
        emitted += 1;
    }
    assert_eq!(emitted, 21);
}

#[test]
fn a_relay_that_leaves_two_names_names_nobody() {
    let address = |octets: [u8; 4]| snmp::Varbind {
        name: snmp::SNMP_TRAP_ADDRESS,
        value: Value::IpAddress(Ipv4Addr::from(octets)),
    };
    let named = |varbinds: &[snmp::Varbind<'_>]| {
        let mut out = Vec::new();
        snmp::emit_trap_v2c(b"public", 1, 2, snmp::SNMP_TRAPS, varbinds, &mut out);
        Message::parse(&out).unwrap().speaks_for()
    };
    assert_eq!(named(&[]), None);
    assert_eq!(named(&[address([10, 0, 0, 1])]), Some(Ipv4Addr::new(10, 0, 0, 1)));
    assert_eq!(named(&[address([10, 0, 0, 1]), address([10, 0, 0, 1])]), Some(Ipv4Addr::new(10, 0, 0, 1)));
    assert_eq!(named(&[address([10, 0, 0, 1]), address([10, 0, 0, 2])]), None);
}
