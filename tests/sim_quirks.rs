//! Every quirk of the simulated BMC, by its name: it misbehaves exactly so, and well without it.
#![cfg(feature = "sim")]

#[path = "support/board.rs"]
mod board;
#[path = "support/console.rs"]
mod console;

use bmcnotice::sim::{ANOTHER_GUID, Bmc, COLD_RESET, Event, OVERLONG, QUIRKS, REORDER_WAIT, SENSORS};
use bmcnotice::suite::Suite;
use bmcnotice::wire::ipmi::{Message, Request};
use bmcnotice::wire::rmcp::{self, Datagram};
use board::World;
use console::{Console, Login, exchange, here, options, sent, start};
use core::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// A BMC with these quirks, and its host.
fn with(quirks: &[&str]) -> World {
    World::new(|options| quirks.iter().for_each(|quirk| options.quirks.set(quirk).unwrap()))
}

/// A BMC with these quirks, and an administrator's session.
fn logged_in(quirks: &[&str]) -> (Bmc, Console) {
    let mut bmc = Bmc::new(options(), [1; 32]);
    let console = Console::admin(&mut bmc, start(), here(5000));
    quirks.iter().for_each(|quirk| bmc.quirks_mut().set(quirk).unwrap());
    (bmc, console)
}

fn login(quirks: &[&str], user: &str, password: &str) -> Result<(), u8> {
    let mut bmc = Bmc::new(options(), [1; 32]);
    quirks.iter().for_each(|quirk| bmc.quirks_mut().set(quirk).unwrap());
    Console::open(&mut bmc, start(), here(5000), Suite::Seventeen, user, password).map(drop)
}

const CHASSIS_STATUS: (u8, u8) = (0x00, 0x01);

fn ask(bmc: &mut Bmc, console: &mut Console, (netfn, command): (u8, u8)) -> Option<(u8, Vec<u8>)> {
    console.command(bmc, start(), netfn, command, &[])
}

/// The sealed answers to one sealed command.
fn answers(bmc: &mut Bmc, console: &mut Console, (netfn, command): (u8, u8)) -> Vec<Vec<u8>> {
    let sealed = console.seal(netfn, command, &[]);
    exchange(bmc, start(), here(5000), &sealed)
}

/// Asked without a session: the IPMI message that answers.
fn sessionless(bmc: &mut Bmc, netfn: u8, command: u8, data: &[u8]) -> Vec<u8> {
    let request = Request { netfn, lun: 0, command, data: data.to_vec() };
    let datagram = rmcp::emit_sessionless(&Message::request(1, &request).emit()).unwrap();
    let all = exchange(bmc, start(), here(5000), &datagram);
    let Ok(Datagram::Sessionless(message)) = Datagram::parse(&all[0]) else { panic!() };
    message.to_vec()
}

#[test]
fn every_quirk_is_tested_here() {
    let text = include_str!("sim_quirks.rs");
    for quirk in QUIRKS {
        let name = quirk.name;
        assert!(text.contains(&format!("\"{name}\"")) || text.contains(&format!("\"{name}=")), "{name}");
    }
}

#[test]
fn slow_lost_and_silent() {
    let (mut bmc, mut console) = logged_in(&["slow-answers=5s"]);
    assert!(answers(&mut bmc, &mut console, CHASSIS_STATUS).is_empty());
    bmc.handle_timeout(start().after(SECOND * 5 - MILLISECOND));
    assert!(sent(&mut bmc).is_empty());
    bmc.handle_timeout(start().after(SECOND * 5));
    assert_eq!(sent(&mut bmc).len(), 1);

    let (mut bmc, mut console) = logged_in(&["drop=2"]);
    let heard: Vec<bool> = (0..4).map(|_| ask(&mut bmc, &mut console, CHASSIS_STATUS).is_some()).collect();
    assert_eq!(heard, [false, false, true, true]);
    assert_eq!(bmc.drops().lost, 2);

    let (mut bmc, mut console) = logged_in(&["silent"]);
    assert_eq!(ask(&mut bmc, &mut console, CHASSIS_STATUS), None);
    let mut world = with(&["silent"]);
    world.raise("fan-failure");
    assert!(world.traps.is_empty());
}

#[test]
fn twice_and_out_of_order() {
    let (mut bmc, mut console) = logged_in(&["duplicate-answers"]);
    let both = answers(&mut bmc, &mut console, CHASSIS_STATUS);
    assert_eq!((both.len(), &both[0]), (2, &both[1]));

    let (mut bmc, mut console) = logged_in(&["reorder-answers"]);
    assert!(answers(&mut bmc, &mut console, CHASSIS_STATUS).is_empty(), "the first one waits");
    let both = answers(&mut bmc, &mut console, (0x06, 0x01));
    let commands: Vec<u8> = both
        .iter()
        .map(|answer| Message::parse(&console.keys.open(&console::plus(answer)).unwrap()).unwrap().command)
        .collect();
    assert_eq!(commands, [0x01, 0x01], "Get Device ID has the same number");
    let lengths: Vec<usize> = both.iter().map(Vec::len).collect();
    assert!(lengths[0] > lengths[1], "the second one's answer, which is longer, comes first");
    assert!(answers(&mut bmc, &mut console, CHASSIS_STATUS).is_empty());
    assert_eq!(bmc.next_deadline(), Some(start().boottime + REORDER_WAIT));
    bmc.handle_timeout(start().after(REORDER_WAIT));
    assert_eq!(sent(&mut bmc).len(), 1, "alone, it comes all the same");
}

#[test]
fn replies_of_the_wrong_length() {
    let (mut bmc, mut console) = logged_in(&[]);
    let (_, well) = ask(&mut bmc, &mut console, CHASSIS_STATUS).unwrap();
    bmc.quirks_mut().set("truncated-replies").unwrap();
    assert_eq!(ask(&mut bmc, &mut console, CHASSIS_STATUS), Some((0, well[..well.len() - 1].to_vec())));
    assert_eq!(console.command(&mut bmc, start(), 0x06, 0x3B, &[0]), Some((0, vec![4])), "the session's own are whole");
    let (mut bmc, mut console) = logged_in(&["overlong-replies"]);
    let (code, long) = ask(&mut bmc, &mut console, CHASSIS_STATUS).unwrap();
    assert_eq!((code, &long[..well.len()], long.len()), (0, &well[..], well.len() + OVERLONG));
}

#[test]
fn logins_that_fail() {
    assert_eq!(login(&[], "admin", "password"), Ok(()));
    assert_eq!(login(&["reject-logins"], "admin", "password"), Err(0x0D));
    assert_eq!(login(&["no-free-session"], "admin", "password"), Err(0x01));
    assert_eq!(login(&["privilege-exact"], "observer", "secret"), Err(0x0A), "the highest level is not exactly hers");
    for (role, status) in [(0x14, Some(0x0A)), (0x13, Some(0x0A)), (0x12, None)] {
        let mut bmc = Bmc::new(options(), [1; 32]);
        let mut login = Login::begin(&mut bmc, start(), here(5000), Suite::Three, "observer", "secret").unwrap();
        bmc.quirks_mut().set("privilege-exact").unwrap();
        login.exchange.role = role;
        let answer = exchange(&mut bmc, start(), here(5000), &login.rakp1());
        let rakp2 = bmcnotice::wire::rakp::Rakp2::parse(console::plus(&answer[0]).payload).unwrap();
        assert_eq!(rakp2.result.err().map(|status| status.0), status, "role {role:02X}h");
    }
}

#[test]
fn a_restart_in_the_middle_of_a_session() {
    let (mut bmc, mut console) = logged_in(&["reboot-in-session=2"]);
    assert!(ask(&mut bmc, &mut console, CHASSIS_STATUS).is_some());
    assert_eq!(ask(&mut bmc, &mut console, CHASSIS_STATUS), None);
    assert_eq!(bmc.sessions(), (0, 0));
    let back = start().after(COLD_RESET);
    bmc.handle_timeout(back);
    assert_eq!(console.command(&mut bmc, back, 0x00, 0x01, &[]), None);
    assert_eq!(bmc.drops().unknown_session, 1, "the session is gone");
    let mut again = Console::admin(&mut bmc, back, here(5001));
    for _ in 0..4 {
        assert!(again.command(&mut bmc, back, 0x00, 0x01, &[]).is_some(), "once");
    }
    let (mut bmc, mut console) = logged_in(&["reboot-in-session"]);
    assert_eq!(ask(&mut bmc, &mut console, CHASSIS_STATUS), None);
}

#[test]
fn whose_bmc_it_is() {
    let guid = |quirks: &[&str]| with(quirks).command(0x06, 0x37, &[]).1;
    assert_eq!(guid(&[]), options().guid.0);
    assert_eq!(guid(&["wrong-guid"]), ANOTHER_GUID.0);
    assert_eq!(guid(&["wrong-guid=00112233445566778899aabbccddeeff"])[..3], [0x00, 0x11, 0x22]);
    assert_eq!(guid(&["zero-guid"]), [0; 16]);
}

#[test]
fn what_is_open_to_be_found_is_not_open() {
    let mut bmc = Bmc::new(options(), [1; 32]);
    let none = [0x8E, 0x04];
    assert_eq!(sessionless(&mut bmc, 0x06, 0x38, &none)[9] & 0x01, 0);
    bmc.quirks_mut().set("null-user").unwrap();
    bmc.quirks_mut().set("suite-0").unwrap();
    assert_eq!(sessionless(&mut bmc, 0x06, 0x38, &none)[9] & 0x01, 0x01, "anonymous login");
    let list = sessionless(&mut bmc, 0x06, 0x54, &[0x0E, 0, 0x80]);
    assert!(list.windows(5).any(|record| record == [0xC0, 0, 0, 0x40, 0x80]), "{list:02x?}");
    assert_eq!(Console::open(&mut bmc, start(), here(5000), Suite::Three, "", "").err(), Some(0x0D));
    assert_eq!(Console::open(&mut bmc, start(), here(5000), Suite::Three, "", "password").err(), Some(0x0D));
    let proposal = [Some(0), Some(0), Some(0)];
    let request = bmcnotice::wire::rakp::OpenRequest { tag: 1, privilege: 4, console_session: 7, proposal };
    let open = rmcp::emit_setup(rmcp::PayloadType::OpenRequest, &request.emit());
    let answer = exchange(&mut bmc, start(), here(5000), &open);
    let answer = bmcnotice::wire::rakp::OpenResponse::parse(console::plus(&answer[0]).payload).unwrap();
    assert_eq!(answer.result.err().map(|status| status.0), Some(0x04));
    let mut world = with(&["null-user", "suite-0"]);
    assert_eq!(world.command(0x06, 0x44, &[1, 1]).1, [10, 0x40 | 2, 1, 0x14], "user 1: enabled, administrator");
    assert_eq!(world.command(0x0C, 0x02, &[1, 22, 0, 0]).1, [0x11, 3]);
    assert_eq!(world.command(0x0C, 0x02, &[1, 23, 0, 0]).1[..5], [0x11, 0, 17, 3, 0]);
    let mut well = with(&[]);
    assert_eq!(well.command(0x06, 0x44, &[1, 1]).1, [10, 0x80 | 1, 1, 0x0F]);
    assert_eq!(well.command(0x0C, 0x02, &[1, 22, 0, 0]).1, [0x11, 2]);
}

#[test]
fn the_handshake_and_the_acknowledge_refused() {
    let mut world = with(&["handshake-code=C0h"]);
    assert_eq!((world.command(0x30, 0x70, &[0]).0, world.command(0x0A, 0x44, &[0; 16]).0), (0xC0, 0xC0));
    let mut world = with(&["acknowledge-code=D5h"]);
    world.raise("fan-failure");
    let acknowledge = world.pet(0).acknowledge();
    assert_eq!(world.command(0x04, 0x17, &acknowledge).0, 0xD5);
    world.pass(SECOND * 25);
    assert_eq!(world.traps.len(), 2, "it goes on");
}

#[test]
fn a_malformed_acknowledge_works_all_the_same() {
    let mut bmc = Bmc::new(options(), [1; 32]);
    bmc.set_alert(Some(bmcnotice::sim::Alert::to(board::monitor())));
    bmc.quirks_mut().set("malformed-acknowledge").unwrap();
    bmc.raise(start(), &bmcnotice::sim::Fault::preset("fan-failure").unwrap());
    let trap = sent(&mut bmc).remove(0);
    let message = bmcnotice::wire::snmp::Message::parse(&trap).unwrap();
    let (specific, octets) = bmcnotice::wire::pet::find(&message).unwrap();
    let acknowledge = bmcnotice::wire::pet::Pet::parse(specific, octets).unwrap().acknowledge();
    let answer = sessionless(&mut bmc, 0x04, 0x17, &acknowledge);
    let answer = Message::parse(&answer).unwrap();
    assert!(answer.data.is_empty() && answer.to_response().is_err(), "no completion code");
    bmc.handle_timeout(start().after(SECOND * 60));
    assert!(sent(&mut bmc).is_empty(), "and is not sent again");
}

const SET: [u8; 6] = [0x04, 0x01, 0, 0, 100, 0];

#[test]
fn watchdogs_that_lie() {
    let mut world = with(&["running-bit-stuck"]);
    world.command(0x06, 0x24, &SET);
    world.command(0x06, 0x22, &[]);
    assert_eq!(world.command(0x06, 0x25, &[]).1[0], 0x04);
    assert!(world.bmc.watchdog(world.now)[0] & 0x40 != 0, "it runs");

    let mut world = with(&["stale-watchdog"]);
    world.command(0x06, 0x24, &SET);
    let told = world.command(0x06, 0x25, &[]).1;
    assert_eq!(world.command(0x06, 0x24, &SET), (0, told.clone()), "the octets of the Get before");
    assert_eq!(world.command(0x06, 0x22, &[]), (0, told));

    let mut world = with(&["no-countdown"]);
    world.command(0x06, 0x24, &SET);
    assert_eq!(world.command(0x06, 0x25, &[]), (0, SET.to_vec()));

    let [low, high] = [SET[4], SET[5]];
    let initial = u16::from_le_bytes([low, high]);
    for (quirk, shown) in [
        ("watchdog-frozen", initial),
        ("watchdog-frozen=1500ms", 15),
        ("watchdog-frozen=9min", 5400),
        ("watchdog-absurd", u16::MAX),
    ] {
        let mut world = with(&[quirk]);
        world.command(0x06, 0x24, &SET);
        world.command(0x06, 0x22, &[]);
        for seconds in [0, 2, 4] {
            world.pass(SECOND * seconds);
            let told = world.command(0x06, 0x25, &[]).1;
            assert_eq!(
                (told[0], &told[4..]),
                (0x44, &[&[low, high], &shown.to_le_bytes()[..]].concat()[..]),
                "{quirk}"
            );
        }
        let left = u16::from_le_bytes([world.bmc.watchdog(world.now)[6], world.bmc.watchdog(world.now)[7]]);
        assert_eq!(left, initial - 60, "{quirk}: in truth it counts");
    }
}

#[test]
fn records_that_are_missing_or_late() {
    for quirk in ["no-sel-record", "logging-off"] {
        let mut world = with(&[quirk]);
        world.raise("fan-failure");
        assert_eq!((world.traps.len(), world.bmc.sel().len()), (1, 0), "{quirk}");
    }
    assert_eq!(with(&["no-sel-record"]).command(0x06, 0x2F, &[]).1, [0x08]);
    assert_eq!(with(&["logging-off"]).command(0x06, 0x2F, &[]).1, [0x00], "logging-off can be seen");

    let mut world = with(&["sel-after-pet=3s"]);
    world.raise("fan-failure");
    assert_eq!((world.traps.len(), world.bmc.sel().len()), (1, 0));
    world.pass(SECOND * 3 - MILLISECOND);
    assert_eq!(world.bmc.sel().len(), 0);
    world.pass(MILLISECOND);
    assert_eq!(world.bmc.sel().len(), 1);
    assert_eq!(world.when(|event| matches!(event, Event::RecordWritten { record: 1 })), Some(SECOND * 3));
}

#[test]
fn a_full_event_log() {
    let mut world = with(&[]);
    world.raise("fan-failure");
    world.bmc.quirks_mut().set("sel-full").unwrap();
    world.raise("psu-lost");
    assert_eq!(world.bmc.sel().len(), 1);
    assert_eq!(world.command(0x0A, 0x44, &[0; 16]).0, 0xC4);
    let info = world.command(0x0A, 0x40, &[]).1;
    assert_eq!((&info[..5], info[13] & 0x80), (&[0x51, 1, 0, 0, 0][..], 0x80), "no room, and records were lost");
}

#[test]
fn an_erasure_that_takes_its_time() {
    let mut world = with(&["slow-erasure=2s"]);
    world.raise("fan-failure");
    let held = world.command(0x0A, 0x42, &[]).1;
    let clear = |what: u8| [held[0], held[1], b'C', b'L', b'R', what];
    assert_eq!(world.command(0x0A, 0x47, &clear(0xAA)), (0, vec![0x00]), "it runs");
    for (command, data) in [(0x40, &[][..]), (0x42, &[]), (0x43, &[0, 0, 0, 0, 0, 0xFF]), (0x44, &[0; 16])] {
        assert_eq!(world.command(0x0A, command, data), (0x81, Vec::new()), "{command:02X}h");
    }
    world.raise("psu-lost");
    world.pass(SECOND * 2);
    assert_eq!(world.command(0x0A, 0x47, &clear(0x00)), (0, vec![0x01]), "it is done");
    assert_eq!(world.command(0x0A, 0x40, &[]).1[1], 0, "and what happened meanwhile is lost");
}

#[test]
fn reservations_that_are_lost() {
    let partial = |held: &[u8]| [held[0], held[1], 1, 0, 4, 2];
    let mut world = with(&["lost-reservations=1"]);
    world.raise("fan-failure");
    let held = world.command(0x0A, 0x42, &[]).1;
    assert_eq!(world.command(0x0A, 0x43, &partial(&held)).0, 0xC5);
    assert_eq!(world.command(0x0A, 0x43, &partial(&held)).0, 0x00, "only one was");
    world.raise("psu-lost");
    assert_eq!(world.command(0x0A, 0x43, &partial(&held)).0, 0xC5, "a new record voids it by itself");
    world.bmc.quirks_mut().set("lost-reservations").unwrap();
    for _ in 0..5 {
        let held = world.command(0x0A, 0x42, &[]).1;
        assert_eq!(world.command(0x0A, 0x43, &partial(&held)).0, 0xC5);
        let held = world.command(0x0A, 0x22, &[]).1;
        assert_eq!(world.command(0x0A, 0x23, &partial(&held)).0, 0xC5, "of sensor records, too");
    }
}

#[test]
fn a_repository_that_miscounts_and_small_answers() {
    let count = |quirks: &[&str]| with(quirks).command(0x0A, 0x20, &[]).1[1];
    assert_eq!((usize::from(count(&[])), count(&["sdr-count=99"])), (SENSORS.len(), 99));
    let mut world = with(&["sdr-read-max=8"]);
    assert_eq!(world.command(0x0A, 0x23, &[0, 0, 0, 0, 0, 9]), (0xCA, Vec::new()));
    assert_eq!(world.command(0x0A, 0x23, &[0, 0, 0, 0, 0, 8]).1.len(), 2 + 8);
}

#[test]
fn alerts_that_are_busy_or_unknown() {
    let mut world = with(&["alert-busy"]);
    assert_eq!(world.command(0x04, 0x16, &[1, 1, 0]).0, 0x81);
    let mut world = with(&["no-pef"]);
    for (netfn, command) in [(0x04, 0x10), (0x04, 0x13), (0x04, 0x16), (0x0C, 0x01), (0x0C, 0x02)] {
        assert_eq!(world.command(netfn, command, &[]).0, 0xC1);
    }
    world.raise("fan-failure");
    assert_eq!(world.traps.len(), 1, "it alerts as it was made to");
}
