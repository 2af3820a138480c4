//! Every file through the handlers, with the users of its senders known: how many notices, how many answers, and why the
//! others were dropped.

use crate::common::octets;
use crate::file::datagrams;
use crate::version3::{World, user};
use crate::{HOSTILE, VALID, agent};
use bmcnotice::crypto::usm::{Auth, Extension, Privacy};
use bmcnotice::notice::DropReason;
use bmcnotice::notice::usm::{EngineId, Table};
use bmcnotice::wire::ber;
use bmcnotice::wire::usm::{self, Head, Level, Parameters};
use std::collections::BTreeMap;

fn table() -> Table {
    let mut users = agent::users();
    let seal = |passphrase| Some((Privacy::Des, passphrase, Extension::Blumenthal));
    users.push(user("lextm", Some((Auth::Md5, "authentication")), seal("privacyphrase")));
    users.push(user("test", Some((Auth::Sha1, "testpass")), None));
    // No code proves these: what they sent is read as it lies there.
    for name in ["", "123455", "admin_user", "monitor", "readonly", "noAuthUser"] {
        users.push(user(name, None, None));
    }
    Table { users, ..Table::default() }
}

/// What becomes of the datagrams of a file; `answers` counts the Informs among the notices.
const OUTCOMES: &[(&str, &str)] = &[
    // The others in v3 are under engines and of users that their tests know; two communities are not ours.
    (
        "traps/own-snmptrap.hex",
        "notices 20 not_a_notification 5 unknown_engine 6 unknown_user 12 wrong_community 2 answers 1",
    ),
    ("traps/eipmi-pet.hex", "notices 4 answers 0"),
    ("traps/zeek-snmpv1-trap.hex", "notices 1 answers 0"),
    ("traps/zeek-leak-test.hex", "notices 1 bad_integer 3 not_a_notification 74 unknown_engine 1 answers 0"),
    ("traps/arkime-v2c-trap.hex", "notices 1 not_a_notification 1 answers 0"),
    ("traps/rusticata-assets.hex", "notices 1 not_a_notification 3 unknown_engine 2 answers 0"),
    // The first is without a code, of a user who has one.
    ("traps/sharpsnmplib-v3-traps.hex", "notices 3 not_a_notification 1 too_weak 1 answers 1"),
    ("traps/arduino-snmp-issue35.hex", "notices 1 answers 1"),
    ("traps/made-here.hex", "notices 8 bad_length 3 trailing_bytes 1 wrong_community 2 answers 1"),
    ("traps/own-senders.hex", "notices 5 unknown_user 3 wrong_community 2 answers 0"),
    ("traps/own-snmpget.hex", "not_a_notification 48 unknown_engine 48 answers 0"),
    ("traps/nontrap-suricata-v2c-get.hex", "not_a_notification 8 answers 0"),
    ("traps/nontrap-suricata-v3-encrypted.hex", "unknown_engine 4 unknown_user 4 answers 0"),
    ("traps/nontrap-suricata-v3-unauth.hex", "not_a_notification 4 unknown_engine 4 answers 0"),
    ("hostile/arkime-snmpv3-synthetic.hex", "bad_length 3 bad_tag 2 not_a_notification 5 unknown_version 2 answers 0"),
    ("hostile/cve-2025-68615-boundary.hex", "notices 2 bad_oid 1 answers 0"),
    (
        "hostile/made-here.hex",
        "bad_integer 10 bad_length 9 bad_oid 5 bad_tag 11 bad_value 6 not_a_notification 3 not_snmp 1 \
         too_many_arcs 2 trailing_bytes 6 unknown_engine 1 unknown_version 2 v1_trap_in_v2c 1 v2_pdu_in_v1 2 answers 0",
    ),
    ("hostile/protos-c06-trap-app-1-12.hex", "notices 6 bad_tag 6 answers 0"),
    ("hostile/sharpsnmplib-bad.hex", "trailing_bytes 1 truncated 1 v1_trap_in_v2c 1 answers 0"),
    ("hostile/zeek-oid-subid-too-long.hex", "not_a_notification 1 answers 0"),
    ("hostile/zeek-snmp-crash-62790.hex", "unknown_engine 3 answers 0"),
];

#[test]
fn every_file_gives_its_notices_and_no_more() {
    let (table, mut found) = (table(), Vec::new());
    for file in VALID.iter().chain(HOSTILE) {
        let mut outcomes = BTreeMap::<String, usize>::new();
        let mut answers = 0;
        for datagram in datagrams(file) {
            let received = World::new(table.clone()).receive(&datagram.octets);
            answers += usize::from(received.as_ref().is_ok_and(|received| received.reply.inform.is_some()));
            // Notices stand in front of the reasons.
            let outcome = received.map_or_else(|reason| reason.name().to_owned(), |_| " notices".into());
            *outcomes.entry(outcome).or_default() += 1;
        }
        let outcomes: String = outcomes.iter().map(|(outcome, count)| format!("{} {count} ", outcome.trim())).collect();
        found.push((*file, format!("{outcomes}answers {answers}")));
    }
    let wanted: Vec<_> = OUTCOMES.iter().map(|(file, outcome)| (*file, (*outcome).to_owned())).collect();
    assert_eq!(found, wanted);
}

/// As two old attacks on agents and receivers had it, under the name of a user and of an engine that are known.
#[test]
fn a_varbind_without_a_name_is_refused_behind_everything_else() {
    let engine = octets("80001f8880feedbeef00000001");
    let named = vec![EngineId::new(&engine).unwrap()];
    let mut world = World::new(Table { users: vec![user("bmc", None, None)], named, ..Table::default() });
    for (tag, list, wanted) in [
        (0xA7, "300a30080404458363220400", DropReason::BadTag),
        (0xA7, "30023000", DropReason::BadLength),
        (0xA0, "300a30080404458363220400", DropReason::NotANotification),
    ] {
        let (mut scoped, mut message, list) = (Vec::new(), Vec::new(), octets(list));
        let mut pdu = Vec::new();
        ber::emit(tag, &mut pdu, |out| {
            [7, 0, 0].iter().for_each(|number| ber::emit_signed(ber::INTEGER, *number, out));
            out.extend_from_slice(&list);
        });
        usm::emit_scoped(&engine, b"", &pdu, &mut scoped);
        let parameters = Parameters { engine: &engine, boots: 1, time: 1, user: b"bmc", code: &[], salt: &[] };
        usm::emit(&Head { id: 7, level: Level::NoAuth, reportable: false, parameters }, &scoped, &mut message);
        assert_eq!(world.receive(&message).err(), Some(wanted));
    }
}
