//! Every notification of the other files, in every version, as snmptrapd prints it: `traps/reference-snmptrapd.txt`, which
//! `tests/peers/snmp/record.py` writes.

use crate::agent::{AUTH, POUND};
use crate::common::text;
use crate::file::datagrams;
use crate::print::{print, words};
use crate::version3::{at, user};
use bmcnotice::crypto::usm::{Auth, Extension, Privacy};
use bmcnotice::notice::usm::{Table, User, Usm, own_id};
use bmcnotice::wire::Error;
use bmcnotice::wire::snmp::{Message, Pdu};

/// snmptrapd's answer to what has no snmpTrapOID.0.
const NAMELESS: &str = "Cannot find TrapOID in TRAP2 PDU";
const NOTHING: &str = "(nothing)";

/// What snmptrapd prints and we refuse, and why.
const REFUSED: &[(&str, Error)] = &[("made-here.hex 14", Error::TrailingBytes)];

/// The users that snmptrapd knew. It takes lextm's message without a code, which we do of nobody who can write one.
fn users() -> Vec<User> {
    let lextm = (Privacy::Des, "privacyphrase", Extension::Blumenthal);
    let pound = (Privacy::Des, POUND, Extension::Blumenthal);
    vec![
        user("lextm", Some((Auth::Md5, "authentication")), Some(lextm)),
        user("nobody1", None, None),
        user("shaOnly", Some((Auth::Sha1, AUTH)), None),
        user("pound", Some((Auth::Md5, POUND)), Some(pound)),
    ]
}

/// As snmptrapd prints it, but for the line that says where it came from; and that line's agent and community.
fn ours(octets: &[u8]) -> Result<(String, Option<String>), String> {
    match Message::parse(octets) {
        Ok(message) => {
            let community = String::from_utf8_lossy(message.community);
            let from = matches!(message.pdu, Pdu::TrapV1(_)).then(|| {
                format!("[{}] (via UDP: HERE) TRAP, SNMP v1, community {community}", message.speaks_for().unwrap())
            });
            Ok((words(&print(&message)), from))
        }
        Err(Error::Version3) => {
            let unsigned = [user("lextm", None, None)];
            let mut found = Err(NOTHING.into());
            for users in [users(), unsigned.into()] {
                let table = Table { users, ..Table::default() };
                let mut usm = Usm::new(at(0), table, own_id("cluster", "server1"), 1, 1);
                let mut open = Vec::new();
                if let Ok(opened) = usm.open(at(0), octets, &mut open) {
                    found = Ok((words(&print(&opened.message)), None));
                }
            }
            found
        }
        Err(other) => Err(format!("{other:?}")),
    }
}

#[test]
fn every_other_notification_is_what_snmptrapd_printed() {
    let reference = text("traps/reference-snmptrapd.txt");
    let (mut printed, mut nameless, mut dropped, mut refused) = (0, 0, 0, 0);
    for section in reference.split("=== ").skip(1) {
        let (place, theirs) = section.split_once('\n').unwrap();
        let (file, number) = place.split_once(' ').unwrap();
        let number: usize = number.parse().unwrap();
        let datagram = datagrams(&format!("traps/{file}")).swap_remove(number - 1);
        let ours = ours(&datagram.octets);
        let theirs = theirs.trim();
        if let Some((_, reason)) = REFUSED.iter().find(|(known, _)| *known == place) {
            assert_eq!(ours, Err(format!("{reason:?}")), "{place}");
            refused += 1;
        } else if theirs == NOTHING {
            assert!(ours.is_err(), "{place}: {ours:?}");
            dropped += 1;
        } else if theirs == NAMELESS {
            let message = Message::parse(&datagram.octets).unwrap();
            assert!(message.trap_oid().is_none(), "{place}: reported all the same, without a name");
            nameless += 1;
        } else {
            let (from, body) = theirs.split_once('\n').unwrap();
            let (body_here, from_here) = ours.unwrap_or_else(|why| panic!("{place}: {why}"));
            assert_eq!(body_here, words(body), "{place}");
            assert!(from_here.is_none_or(|here| from.ends_with(&here)), "{place}: {from}");
            printed += 1;
        }
    }
    assert_eq!((printed, nameless, dropped, refused), (29, 3, 4, 1));
}
