//! What real senders were seen to send: net-snmp's own traps with their fields, and `traps/made-here.hex`, which holds
//! what others write that no book has.

use crate::agent::{AUTH, POUND, PRIVACY, users};
use crate::file::datagrams;
use crate::version3::{World, user};
use bmcnotice::crypto::usm::{Auth, Extension, Privacy};
use bmcnotice::notice::usm::Table;
use bmcnotice::notice::{DropReason, Received};
use bmcnotice::wire::Error;
use bmcnotice::wire::snmp::{Message, Pdu, inform_response};
use bmcnotice::words::{Class, Trust};

fn case(name: &str) -> Vec<u8> {
    datagrams("traps/own-senders.hex").into_iter().find(|datagram| datagram.case == name).unwrap().octets
}

/// One of `made-here.hex`, by what it is.
fn made(what: &str) -> Vec<u8> {
    let mut found = datagrams("traps/made-here.hex").into_iter().filter(|datagram| datagram.comment.contains(what));
    let one = found.next().unwrap_or_else(|| panic!("{what}"));
    assert!(found.next().is_none(), "{what}");
    one.octets
}

#[test]
fn the_fields_of_net_snmps_traps() {
    for (name, generic, uptime) in [("v1-linkdown-of-snmptraps", 2, 239_000), ("v1-linkup-of-snmptraps", 3, 240_000)] {
        let octets = case(name);
        let message = Message::parse(&octets).unwrap();
        let Pdu::TrapV1(trap) = message.pdu else { panic!("{name}") };
        assert_eq!((trap.enterprise.to_string().as_str(), trap.generic), ("1.3.6.1.6.3.1.1.5", generic));
        assert_eq!((trap.agent.to_string().as_str(), trap.uptime), ("10.1.40.7", uptime));
        assert_eq!((message.community, message.varbinds.len()), (&b"public"[..], 4));
    }
    for (name, arc, uptime) in [("v2c-linkdown", 3, 212_000), ("v2c-linkup", 4, 216_000)] {
        let octets = case(name);
        let message = Message::parse(&octets).unwrap();
        assert_eq!(message.trap_oid().unwrap().to_string(), format!("1.3.6.1.6.3.1.1.5.{arc}"));
        assert_eq!((message.community, message.uptime()), (&b"public2c"[..], Some(uptime)));
        assert_eq!(message.varbinds.len(), 6);
    }
    let octets = case("v1-climate");
    let message = Message::parse(&octets).unwrap();
    let Pdu::TrapV1(trap) = message.pdu else { panic!("climate") };
    assert_eq!((trap.enterprise.to_string().as_str(), trap.specific), ("1.3.6.1.4.1.17373", 10_205));
    assert_eq!((trap.agent.to_string().as_str(), message.varbinds.len()), ("10.0.0.42", 4));
    let mut world = World::new(Table::default());
    let notice = world.receive(&octets).unwrap().notice;
    assert_eq!((notice.class, notice.trap_oid.as_str()), (Class::Info, "1.3.6.1.4.1.17373.0.10205"));
    assert_eq!(world.receive(&case("v2c-linkdown")).err(), Some(DropReason::WrongCommunity));
}

/// Sealed for nobody here, with the name of somebody here, and with the right key of its code alone; then it opens.
#[test]
fn what_cannot_be_opened_is_counted_as_that() {
    let sealed = case("v3-sealed");
    let with = |privacy: Option<&'static str>, auth: &'static str| {
        let privacy = privacy.map(|passphrase| (Privacy::Aes128, passphrase, Extension::Blumenthal));
        let table = Table { users: vec![user("shaAes", Some((Auth::Sha1, auth)), privacy)], ..Table::default() };
        World::new(table).receive(&sealed)
    };
    let stranger = Table { users: vec![user("nobody1", None, None)], ..Table::default() };
    assert_eq!(World::new(stranger).receive(&sealed).err(), Some(DropReason::UnknownUser));
    assert_eq!(World::new(Table::default()).receive(&sealed).err(), Some(DropReason::Version3NotConfigured));
    assert_eq!(with(None, AUTH).err(), Some(DropReason::UnsupportedLevel));
    assert_eq!(with(Some(PRIVACY), "another passphrase").err(), Some(DropReason::WrongDigest));
    assert_eq!(with(Some("another passphrase"), AUTH).err(), Some(DropReason::DecryptionError));
    let notice = with(Some(PRIVACY), AUTH).unwrap().notice;
    assert_eq!((notice.trust, notice.trap_oid.as_str()), (Trust::Authenticated, "1.3.6.1.6.3.1.1.5.3"));
}

#[test]
fn the_levels_of_net_snmps_traps() {
    let mut world = World::new(Table {
        users: vec![user("nobody1", None, None), user("shaOnly", Some((Auth::Sha1, AUTH)), None)],
        ..Table::default()
    });
    let taken = |received: Result<Received, DropReason>| {
        let Received { notice, reply, .. } = received.unwrap();
        assert_eq!(reply.inform, None);
        (notice.trust, notice.trap_oid)
    };
    let (down, up) = ("1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.4");
    assert_eq!(taken(world.receive(&case("v3-auth"))), (Trust::Authenticated, down.into()));
    assert_eq!(taken(world.receive(&case("v3-nobody"))), (Trust::Address, down.into()));
    assert_eq!(taken(world.receive(&case("v3-nobody-again"))), (Trust::Address, up.into()));
}

/// A passphrase with a sign that is two octets of UTF-8: as it is written, and by MD5 alone.
#[test]
fn a_passphrase_is_its_octets() {
    let trap = case("v3-pound");
    let mut world = World::new(Table { users: users(), ..Table::default() });
    assert_eq!(world.receive(&trap).unwrap().notice.pet.unwrap().specific_trap(), 814_849);
    let seal = Some((Privacy::Des, POUND, Extension::Blumenthal));
    for auth in [Auth::Sha1, Auth::Sha224, Auth::Sha256, Auth::Sha384, Auth::Sha512] {
        let table = Table { users: vec![user("pound", Some((auth, POUND)), seal)], ..Table::default() };
        assert_eq!(World::new(table).receive(&trap).err(), Some(DropReason::WrongDigest), "{auth:?}");
    }
    let without = Table { users: vec![user("pound", Some((Auth::Md5, "1234567L")), seal)], ..Table::default() };
    assert_eq!(World::new(without).receive(&trap).err(), Some(DropReason::WrongDigest));
}

#[test]
fn what_senders_write_that_no_book_has_is_taken_or_refused_with_its_reason() {
    let (mut taken, mut refused) = (0, 0);
    for datagram in datagrams("traps/made-here.hex") {
        let (wanted, what) = datagram.comment.split_once(" | ").unwrap();
        match Message::parse(&datagram.octets) {
            Ok(_) => {
                assert_eq!(wanted, "ok", "{what}");
                taken += 1;
            }
            Err(reason) => {
                assert_eq!(format!("{reason:?}"), wanted, "{what}");
                let counted = World::new(Table::default()).receive(&datagram.octets).err();
                assert_eq!(counted, Some(DropReason::from(reason)), "{what}");
                refused += 1;
            }
        }
    }
    assert_eq!((taken, refused), (10, 4));
}

/// Every way to write the same PET is one and the same.
#[test]
fn a_pet_is_the_same_however_it_is_written() {
    let mut world = World::new(Table::default());
    let mut pet = |what: &str| world.receive(&made(what)).unwrap().notice.pet.unwrap();
    let plain = pet("82 00 nn");
    assert_eq!((plain.specific_trap(), plain.sequence, plain.manufacturer), (814_849, 5, 674));
    assert_eq!(pet("begins with 80h"), plain);
    assert_eq!(pet("110 octets"), plain);
    let unix = pet("Unix seconds where");
    assert_eq!(unix.timestamp, 1_700_000_000);
    assert_eq!(bmcnotice::wire::pet::Pet { timestamp: plain.timestamp, ..unix }, plain);
    let swapped = pet("octets swapped");
    assert_eq!(swapped.manufacturer, 10_876_u32.swap_bytes());
    assert_eq!(bmcnotice::wire::pet::Pet { manufacturer: plain.manufacturer, ..swapped }, plain);
}

#[test]
fn a_trap_without_a_name_is_told_all_the_same() {
    let octets = made("climate sensor");
    let message = Message::parse(&octets).unwrap();
    assert_eq!(message.pdu, Pdu::TrapV2 { request_id: 496 });
    assert_eq!((message.uptime(), message.trap_oid().is_none(), message.varbinds.len()), (None, true, 4));
    let mut world = World::new(Table::default());
    let received = world.receive(&octets).unwrap();
    assert_eq!((received.notice.class, received.notice.trap_oid.as_str()), (Class::Info, ""));

    let octets = made("small boards");
    let message = Message::parse(&octets).unwrap();
    assert!(message.trap_oid().is_none());
    let mut response = Vec::new();
    assert!(inform_response(&message, &mut response));
    assert_eq!(world.receive(&octets).unwrap().reply.inform, Some(response));
    for (what, id) in [("of request-id 23", 23), ("of request-id 28", 28)] {
        let octets = made(what);
        assert_eq!(Message::parse(&octets).unwrap().pdu, Pdu::TrapV2 { request_id: id });
    }
    let ticks = made("TimeTicks of five octets");
    assert_eq!(Message::parse(&ticks).unwrap().uptime(), Some(0xD900_0001));
    assert_eq!(Message::parse(&made("Unix seconds, manufacturer")).unwrap().uptime(), Some(1_737_474_286));
    assert_eq!(Message::parse(&[&ticks[..], &[0]].concat()).err(), Some(Error::TrailingBytes));
}
