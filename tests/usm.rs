//! SNMPv3 from datagrams to notices: codes, clocks, engines, Informs; recorded senders and made ones.

mod common;
#[path = "support/version3.rs"]
mod version3;

use bmcnotice::config::model::Learning;
use bmcnotice::crypto::usm::{Auth, Extension, Privacy};
use bmcnotice::notice::DropReason;
use bmcnotice::notice::usm::{Clock, EngineId, MAX_LEARNED, MAX_REPORTS, Table};
use bmcnotice::wire::usm::{Level, MAX_COUNT, Stat, Version3};
use bmcnotice::words::Trust;
use common::{octets, text};
use version3::{BMC, Sender, World, at, user};

/// The engine of the recorded senders.
const ENGINE: &str = "80001f8880c0ffee0102030405";

/// Every case of net-snmp's senders, with the passphrases of its command line.
#[test]
fn recorded_traps_of_every_algorithm() {
    let text = text("traps/own-snmptrap.hex");
    let (mut case, mut command, mut seen) = ("", "", Vec::new());
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("# case ") {
            case = name;
        } else if let Some(words) = line.strip_prefix("# cmd: ") {
            command = words;
        } else if !line.starts_with('#') && case.starts_with("v3-") && case.ends_with("-trap") {
            let after =
                |flag: &str| command.split_once(&format!(" {flag} ")).map(|(_, rest)| rest.split(' ').next().unwrap());
            let auth = after("-a").map(|name| (auth(name), after("-A").unwrap()));
            let privacy = after("-x").map(|name| (privacy(name), after("-X").unwrap(), Extension::Blumenthal));
            let table = Table { users: vec![user(after("-u").unwrap(), auth, privacy)], ..Table::default() };
            let mut world = World::new(table);
            let received = world.receive(&octets(line)).unwrap_or_else(|reason| panic!("{case}: {reason}"));
            let wanted = if auth.is_some() { Trust::Authenticated } else { Trust::Address };
            assert_eq!(received.notice.trust, wanted, "{case}");
            assert_eq!(received.notice.pet.is_some(), command.contains("3183"), "{case}");
            assert_eq!(received.reply.inform, None, "{case}");
            seen.push(case);
            if let Some((auth, passphrase)) = auth {
                // Another passphrase, another algorithm, and one octet changed.
                let wrong = user(after("-u").unwrap(), Some((auth, "another-passphrase")), privacy);
                let mut other = World::new(Table { users: vec![wrong], ..Table::default() });
                assert_eq!(other.receive(&octets(line)).err(), Some(DropReason::WrongDigest), "{case}");
                let another = if auth == Auth::Md5 { Auth::Sha1 } else { Auth::Md5 };
                let wrong = user(after("-u").unwrap(), Some((another, passphrase)), privacy);
                let mut other = World::new(Table { users: vec![wrong], ..Table::default() });
                assert_eq!(other.receive(&octets(line)).err(), Some(DropReason::WrongDigest), "{case}");
                let mut tampered = octets(line);
                *tampered.last_mut().unwrap() ^= 1;
                assert_eq!(world.receive(&tampered).err(), Some(DropReason::WrongDigest), "{case}");
            }
            if privacy.is_some() {
                let wrong = privacy.map(|(privacy, _, extension)| (privacy, "another-passphrase", extension));
                let wrong = user(after("-u").unwrap(), auth, wrong);
                let mut other = World::new(Table { users: vec![wrong], ..Table::default() });
                assert_eq!(other.receive(&octets(line)).err(), Some(DropReason::DecryptionError), "{case}");
            }
        }
    }
    assert_eq!(seen.len(), 10, "{seen:?}");
}

fn auth(name: &str) -> Auth {
    match name {
        "MD5" => Auth::Md5,
        "SHA" => Auth::Sha1,
        "SHA-224" => Auth::Sha224,
        "SHA-256" => Auth::Sha256,
        "SHA-384" => Auth::Sha384,
        "SHA-512" => Auth::Sha512,
        other => panic!("{other}"),
    }
}

fn privacy(name: &str) -> Privacy {
    match name {
        "DES" => Privacy::Des,
        "AES" => Privacy::Aes128,
        other => panic!("{other}"),
    }
}

/// The sealing by another implementation, whose passphrases stand in the file.
#[test]
fn traps_of_another_library() {
    let users = vec![user(
        "lextm",
        Some((Auth::Md5, "authentication")),
        Some((Privacy::Des, "privacyphrase", Extension::Reeder)),
    )];
    let mut world = World::new(Table { users, ..Table::default() });
    let text = text("traps/sharpsnmplib-v3-traps.hex");
    let traps: Vec<Vec<u8>> = text.lines().filter(|line| !line.starts_with('#')).take(3).map(octets).collect();
    assert_eq!(world.receive(&traps[0]).err(), Some(DropReason::TooWeak), "who can authenticate must");
    assert_eq!(world.receive(&traps[1]).unwrap().notice.trap_oid, "1.3.6");
    assert_eq!(world.receive(&traps[2]).unwrap().notice.trust, Trust::Authenticated);
}

fn sha256() -> Sender {
    Sender::new(ENGINE, Auth::Sha256, Some((Privacy::Aes128, Extension::Blumenthal)))
}

#[test]
fn a_replay_and_a_lost_clock() {
    let sender = sha256();
    let mut world = World::new(sender.table());
    assert!(world.receive(&sender.trap(7, 1000, 1)).is_ok());
    assert!(world.receive(&sender.trap(7, 1000, 1)).unwrap().repeated, "within the window a repetition is one");
    assert!(world.receive(&sender.trap(7, 851, 2)).is_ok());
    assert_eq!(world.receive(&sender.trap(7, 849, 3)).err(), Some(DropReason::NotInTimeWindow));
    assert_eq!(world.receive(&sender.trap(6, 5000, 4)).err(), Some(DropReason::NotInTimeWindow));
    world.now = at(400);
    assert_eq!(world.receive(&sender.trap(7, 1000, 5)).err(), Some(DropReason::NotInTimeWindow), "our clock went on");
    assert!(world.receive(&sender.trap(7, 1400, 6)).is_ok());
    assert!(world.receive(&sender.trap(8, 0, 7)).is_ok(), "started once more, and counted it");

    // Reset, and it has not counted: nothing but its log says so.
    let reset = sender.trap(1, 12, 8);
    assert_eq!(world.receive(&reset).err(), Some(DropReason::NotInTimeWindow));
    let (notice, pet) = world.reception.poll_held().unwrap();
    assert_eq!(pet.sequence, 8);
    assert_eq!(world.reception.poll_held(), None, "told once");
    assert_eq!(world.reception.believe_held(world.now, notice + 1), None, "of another");
    let (from, again) = world.reception.believe_held(world.now, notice).unwrap();
    assert_eq!((from, &again), (BMC, &reset));
    let received = world.receive(&again).unwrap();
    assert_eq!((received.notice.id.0, received.notice.trust), (notice, Trust::Authenticated));
    assert_eq!(world.reception.believe_held(world.now, notice), None);

    // A clock that goes on was not lost: what was held is forgotten.
    assert!(world.receive(&sender.trap(9, 0, 9)).is_ok());
    let replay = sender.trap(1, 13, 10);
    assert_eq!(world.receive(&replay).err(), Some(DropReason::NotInTimeWindow));
    let (notice, _) = world.reception.poll_held().unwrap();
    assert!(world.receive(&sender.trap(9, 1, 11)).is_ok());
    assert_eq!(world.reception.believe_held(world.now, notice), None);
}

/// RFC 3414 sections 2.2.2 and 3.2, step 7: an engine that counts no further is in no window, on first contact neither.
#[test]
fn the_last_boots_are_in_no_window() {
    let sender = sha256();
    let mut world = World::new(sender.table());
    for sequence in 1..3 {
        assert_eq!(world.receive(&sender.trap(MAX_COUNT, 1000, sequence)).err(), Some(DropReason::NotInTimeWindow));
        assert_eq!(world.reception.poll_held(), None, "no log could tell that it is fresh");
        assert_eq!(world.reception.poll_clock(), None);
    }
    assert!(world.receive(&sender.trap(7, 1000, 3)).is_ok(), "its clock was not moved");
    assert_eq!(world.receive(&sender.trap(MAX_COUNT, 1000, 4)).err(), Some(DropReason::NotInTimeWindow));
    assert!(world.receive(&sender.trap(7, 1001, 5)).is_ok());
}

#[test]
fn a_clock_survives_us() {
    let sender = sha256();
    let mut world = World::new(sender.table());
    assert!(world.receive(&sender.trap(7, 1000, 1)).is_ok());
    let clock = world.reception.poll_clock().unwrap();
    assert_eq!((clock.engine.to_string().as_str(), clock.boots, clock.time), (ENGINE, 7, 1000));
    assert_eq!(world.reception.poll_clock(), None);
    assert!(world.receive(&sender.trap(7, 1005, 2)).is_ok());
    assert_eq!(world.reception.poll_clock(), None, "not for every trap");

    let mut world = World::new(sender.table());
    let now = world.now;
    world.reception.usm().unwrap().remember(now, clock);
    assert_eq!(world.receive(&sender.trap(7, 800, 3)).err(), Some(DropReason::NotInTimeWindow));
    assert!(world.receive(&sender.trap(7, 1010, 4)).is_ok());
}

#[test]
fn engines_are_learned_within_bounds_or_approved() {
    let sender = |n: u8| Sender::new(&format!("80000000050{n:x}"), Auth::Sha256, None);
    let mut world = World::new(sender(0).table());
    // Nobody is learned whose code is wrong.
    for n in 0..15 {
        let stranger = Sender { passphrase: "another-passphrase", ..sender(n) };
        assert_eq!(world.receive(&stranger.trap(1, 1, n.into())).err(), Some(DropReason::WrongDigest));
    }
    for n in 0..MAX_LEARNED as u8 {
        assert!(world.receive(&sender(n).trap(1, 1, n.into())).is_ok(), "{n}");
    }
    assert_eq!(world.receive(&sender(15).trap(1, 1, 15)).err(), Some(DropReason::UnknownEngine));
    assert!(world.receive(&sender(0).trap(1, 2, 16)).is_ok(), "and the first is still known");

    let table = Table { learning: Learning::Approve, ..sender(0).table() };
    let mut world = World::new(table.clone());
    assert_eq!(world.receive(&sender(1).trap(1, 1, 1)).err(), Some(DropReason::EngineAwaitsApproval));
    assert_eq!(world.reception.poll_awaiting().map(|id| id.to_string()).as_deref(), Some("800000000501"));
    assert_eq!(world.receive(&sender(1).trap(1, 1, 1)).err(), Some(DropReason::EngineAwaitsApproval));
    assert_eq!(world.reception.poll_awaiting(), None, "told once");
    let named = vec![EngineId::new(&octets("800000000501")).unwrap()];
    let now = world.now;
    world.reception.usm().unwrap().reload(now, Table { named: named.clone(), ..table.clone() });
    assert!(world.receive(&sender(1).trap(1, 1, 1)).is_ok());

    let mut world = World::new(Table { learning: Learning::Never, named: named.clone(), ..table.clone() });
    assert!(world.receive(&sender(1).trap(1, 1, 1)).is_ok());
    assert_eq!(world.receive(&sender(2).trap(1, 1, 1)).err(), Some(DropReason::UnknownEngine));
    // The same passphrase, and another server's BMC: it must never fail this one over.
    let mut world = World::new(Table { others: named, ..sender(0).table() });
    assert_eq!(world.receive(&sender(1).trap(1, 1, 1)).err(), Some(DropReason::OtherServersBmc));
}

#[test]
fn who_may_write_and_how_well() {
    let sender = sha256();
    let refused = |table: Table| World::new(table).receive(&sha256().trap(1, 1, 1)).err();
    assert_eq!(
        refused(Table { users: vec![user("other", None, None)], ..Table::default() }),
        Some(DropReason::UnknownUser)
    );
    assert_eq!(refused(Table::default()), Some(DropReason::Version3NotConfigured));
    let plain = Sender { privacy: None, ..sha256() };
    assert_eq!(refused(plain.table()), Some(DropReason::UnsupportedLevel));
    let table = Table { least: Level::AuthPriv, ..sender.table() };
    assert_eq!(World::new(table.clone()).receive(&plain.trap(1, 1, 1)).err(), Some(DropReason::TooWeak));
    assert!(World::new(table).receive(&sender.trap(1, 1, 1)).is_ok());

    let mut world = World::new(Table { version3_only: true, ..sender.table() });
    assert_eq!(world.receive(&version3::v2c(1)).err(), Some(DropReason::TooWeak));
    let mut world = World::new(sender.table());
    assert_eq!(world.receive(&version3::v2c(1)).unwrap().notice.trust, Trust::Address);
    // The address is asked first.
    assert_eq!(world.receive_from("192.168.0.99:5", &sender.trap(1, 1, 1)).err(), Some(DropReason::ForeignSource));
    assert_eq!(world.receive_from("192.168.0.12:5", &sender.trap(1, 1, 1)).err(), Some(DropReason::OtherServersBmc));
}

/// Every octet changed, and every length cut: a reason, and nothing is learned.
#[test]
fn tampering_is_seen() {
    let sender = sha256();
    let genuine = sender.trap(1, 1, 1);
    let mut world = World::new(sender.table());
    for place in 0..genuine.len() {
        for bit in [0x01, 0x80] {
            let mut tampered = genuine.clone();
            tampered[place] ^= bit;
            assert!(world.receive(&tampered).is_err(), "octet {place}");
        }
        assert!(world.receive(&genuine[..place]).is_err(), "cut at {place}");
    }
    assert_eq!(world.reception.poll_clock(), None);
    assert!(world.receive(&genuine).is_ok());
}

fn report(world: &mut World) -> Option<(u32, Level, u32)> {
    let octets = world.reception.poll_report()?;
    let message = Version3::parse(&octets).unwrap();
    let (stat, count) = version3::report_of(&octets);
    Some((stat, message.level, count))
}

#[test]
fn an_inform_is_discovered_reported_and_answered() {
    let sender = sha256();
    let mut world = World::new(sender.table());
    let own = world.own;
    let (boots, start) = (world.boots, world.now);
    // Discovery: no engine, no user.
    assert_eq!(world.receive(&version3::discovery(41)).err(), Some(DropReason::UnknownEngine));
    let octets = world.reception.poll_report().unwrap();
    let message = Version3::parse(&octets).unwrap();
    assert_eq!((message.id, message.parameters.engine, message.parameters.boots), (41, own.octets(), boots));
    assert_eq!(version3::report_of(&octets), (Stat::UnknownEngineIds as u32, 1));
    assert_eq!(world.reception.poll_report(), None);

    let inform = |engine: EngineId, boots, time| Sender { engine, ..sha256() }.inform(boots, time, 9);
    assert_eq!(world.receive(&inform(own, 0, 0)).err(), Some(DropReason::NotInTimeWindow));
    let octets = world.reception.poll_report().unwrap();
    assert_eq!(version3::report_of(&octets), (Stat::NotInTimeWindows as u32, 1));
    assert!(sender.signed(&octets, own), "that Report is authentic");

    world.now = at(100);
    let elapsed = (world.now.boottime - start.boottime).as_secs() as u32;
    let received = world.receive(&inform(own, boots, elapsed)).unwrap();
    assert_eq!(received.notice.trust, Trust::Authenticated);
    let response = received.reply.inform.unwrap();
    assert!(sender.signed(&response, own));
    let (request_id, pdu) = sender.opened(&response, own);
    assert_eq!((request_id, pdu[0]), (9, 0xA2));
    assert_eq!(world.receive(&inform(own, boots, elapsed + 151)).err(), Some(DropReason::NotInTimeWindow));

    // The others.
    let stranger = Sender { engine: own, name: "stranger", ..sha256() };
    assert_eq!(world.receive(&stranger.inform(boots, elapsed, 1)).err(), Some(DropReason::UnknownUser));
    assert_eq!(report(&mut world), Some((Stat::UnknownUserNames as u32, Level::NoAuth, 1)));
    let wrong = Sender { engine: own, passphrase: "another-passphrase", ..sha256() };
    assert_eq!(world.receive(&wrong.inform(boots, elapsed, 1)).err(), Some(DropReason::WrongDigest));
    assert_eq!(report(&mut world), Some((Stat::WrongDigests as u32, Level::NoAuth, 1)));
    let wrong = Sender { engine: own, secret: "another-passphrase", ..sha256() };
    assert_eq!(world.receive(&wrong.inform(boots, elapsed, 1)).err(), Some(DropReason::DecryptionError));
    assert_eq!(report(&mut world), Some((Stat::DecryptionErrors as u32, Level::NoAuth, 1)));
    // A Trap is answered by nothing, whatever is wrong with it; nor is one taken that names us as its engine.
    let trap = Sender { engine: own, ..sha256() }.trap(boots, elapsed, 3);
    assert_eq!(world.receive(&trap).err(), Some(DropReason::UnknownEngine));
    assert_eq!(report(&mut world), None);
    let wrong = Sender { passphrase: "another-passphrase", ..sha256() };
    assert_eq!(world.receive(&wrong.trap(1, 1, 3)).err(), Some(DropReason::WrongDigest));
    assert_eq!(report(&mut world), None);
    // An Inform to another engine than us is told who we are.
    assert_eq!(world.receive(&sha256().inform(1, 1, 3)).err(), Some(DropReason::UnknownEngine));
    assert_eq!(report(&mut world), Some((Stat::UnknownEngineIds as u32, Level::NoAuth, 2)));
}

#[test]
fn nobody_is_flooded_through_us() {
    let mut world = World::new(sha256().table());
    let mut told = 0;
    for id in 0..1000 {
        assert_eq!(world.receive(&version3::discovery(id)).err(), Some(DropReason::UnknownEngine));
        if let Some(octets) = world.reception.poll_report() {
            assert!(octets.len() < 2 * version3::discovery(id).len());
            told += 1;
        }
    }
    assert_eq!(told, MAX_REPORTS);
    assert_eq!(world.receive_from("192.168.0.99:5", &version3::discovery(1)).err(), Some(DropReason::ForeignSource));
    assert_eq!(world.reception.poll_report(), None);
}

#[test]
fn every_algorithm_there_and_back() {
    for auth in [Auth::Md5, Auth::Sha1, Auth::Sha224, Auth::Sha256, Auth::Sha384, Auth::Sha512] {
        for privacy in [Privacy::Des, Privacy::Aes128, Privacy::Aes192, Privacy::Aes256] {
            for extension in [Extension::Blumenthal, Extension::Reeder] {
                let sender = Sender::new(ENGINE, auth, Some((privacy, extension)));
                let mut world = World::new(sender.table());
                assert!(world.receive(&sender.trap(1, 1, 1)).is_ok(), "{auth:?} {privacy:?} {extension:?}");
                let other = match extension {
                    Extension::Blumenthal => Extension::Reeder,
                    Extension::Reeder => Extension::Blumenthal,
                };
                let dialect = Sender::new(ENGINE, auth, Some((privacy, other)));
                let short = privacy.key_octets() > auth.key_octets();
                let received = World::new(dialect.table()).receive(&sender.trap(1, 1, 1));
                assert_eq!(received.err(), short.then_some(DropReason::DecryptionError), "{auth:?} {privacy:?}");
            }
        }
    }
}

/// Our own clock is in the same journal; it takes nobody's place.
#[test]
fn our_own_clock_is_nobody_elses() {
    let sender = |n: u8| Sender::new(&format!("80000000050{n:x}"), Auth::Sha256, None);
    let mut world = World::new(sender(0).table());
    let clock = Clock { engine: world.own, boots: 1, time: 1 };
    let now = world.now;
    world.reception.usm().unwrap().remember(now, clock);
    for n in 0..MAX_LEARNED as u8 {
        assert!(world.receive(&sender(n).trap(1, 1, n.into())).is_ok(), "{n}");
    }
}
