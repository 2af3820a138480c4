//! Whose BMC it is: what is said where another one answers, what stops then, and what an override allows.

#[path = "support/desk.rs"]
mod desk;
#[path = "support/scripted_bmc.rs"]
mod scripted_bmc;

use bmcnotice::bmc::link::Identity;
use bmcnotice::heartbeat::{Doubt, Verdict};
use bmcnotice::wire::command::{ADD_SEL_ENTRY, CHASSIS_CONTROL, CHASSIS_STATUS};
use bmcnotice::wire::ipmi::Request;
use bmcnotice::words::{Guid, Level};
use desk::{Desk, ok, site};
use scripted_bmc::{Bmc, Deed};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// What the scripted BMC tells.
const TOLD: &str = "a5a5a5a5-a5a5-a5a5-a5a5-a5a5a5a5a5a5";
const OTHER: &str = "00112233-4455-6677-8899-aabbccddee02";

/// Power off, and every SEL record is taken.
fn off(request: &Request) -> Option<Deed> {
    match request {
        request if request.is(CHASSIS_STATUS) => ok([0x00, 0x00, 0x00]),
        request if request.is(CHASSIS_CONTROL) => ok([]),
        request if request.is(ADD_SEL_ENTRY) => ok([1, 0]),
        _ => None,
    }
}

/// Two servers; the BMC that answers is at the address of the first. `this` is who we are.
fn two(this: &str, first: &str, second: &str, monitor: &str) -> String {
    let one = site(first, monitor, "");
    let one = one.replace("this_server = \"server1\"", &format!("this_server = \"{this}\""));
    let one = one.replace("bmc = false", "bmc = true\ninterval = \"3s\"\ntimeout = \"9s\"");
    let server = format!(
        "[[server]]\nname = \"server2\"\naddresses = [\"10.0.0.2\"]\n[server.bmc]\naddress = \"10.0.1.2\"\nuser = \"admin\"\npassword = \"secret\"\n{second}\n[[monitor]]"
    );
    one.replacen("[[monitor]]", &server, 1)
        .replace("server1 = \"10.0.0.1\"", "server1 = \"10.0.0.1\"\nserver2 = \"10.0.0.2\"")
}

fn pin(guid: &str) -> String {
    format!("guid = \"{guid}\"")
}

fn verdict(desk: &Desk, server: &str) -> Verdict {
    let mut peers = Vec::new();
    desk.engine.peers(&mut peers);
    peers.iter().find(|peer| &*peer.server == server).unwrap().verdict
}

#[test]
fn another_servers_bmc_is_named_and_told_nothing() {
    let text = two("server1", &pin(OTHER), &pin(TOLD), "");
    let mut desk = Desk::new(&text, off);
    desk.pass(20 * SECOND);
    desk.fatal(1);
    desk.pass(60 * SECOND);
    assert!(desk.said("which is pinned as that of server server2: are the two addresses swapped?"), "{:#?}", desk.log);
    assert!(desk.said(TOLD));
    assert_eq!(desk.loudest("BMC of server1: another system"), Some(Level::Error));
    assert_eq!(desk.times_said("BMC of server1: another system"), 1, "once, however often we look again");
    assert_eq!(desk.bmc.heard(ADD_SEL_ENTRY), 0, "no word of the handshake");
    assert_eq!(desk.bmc.heard(CHASSIS_STATUS) + desk.bmc.heard(CHASSIS_CONTROL), 0);
    assert!(desk.runs.is_empty(), "its trap speaks for another system, too");
}

#[test]
fn no_verdict_off_from_a_bmc_that_is_not_the_peers() {
    let right = |desk: &mut Desk| desk.pass(20 * SECOND);
    let mut desk = Desk::new(&two("server2", &pin(TOLD), "", ""), off);
    right(&mut desk);
    assert_eq!(verdict(&desk, "server1"), Verdict::Off, "the right one says off, twice");
    let mut desk = Desk::new(&two("server2", &pin(OTHER), "", ""), off);
    right(&mut desk);
    assert_eq!(verdict(&desk, "server1"), Verdict::Unknown(Doubt::Identity));
    // Nobody pinned it, or only its address counts: off is what it says, and proves nothing.
    for unproven in ["", "identity = \"address\""] {
        let mut desk = Desk::new(&two("server2", unproven, "", ""), off);
        right(&mut desk);
        assert_eq!(verdict(&desk, "server1"), Verdict::Unknown(Doubt::Unproven), "{unproven}");
    }
    // A BMC that is only pinged has no identity: it answers, and that is all.
    let pinged =
        two("server2", "", "", "").replacen("user = \"admin\"\npassword = \"secret\"", "handshake = \"none\"", 1);
    let mut desk = Desk::new(&pinged, off);
    right(&mut desk);
    assert!(
        matches!(verdict(&desk, "server1"), Verdict::Unknown(Doubt::NoLogin | Doubt::Silent)),
        "{:?}",
        verdict(&desk, "server1")
    );
}

#[test]
fn a_bmc_without_a_guid_needs_the_override() {
    let own = Identity::Expected(vec![Guid([7; 16])]);
    for zeros in [Guid([0; 16]), Guid([0xFF; 16])] {
        let mute = || {
            let mut bmc = Bmc::new();
            (bmc.guid, bmc.told_guid) = (zeros, Ok(zeros));
            bmc.script = Some(Box::new(off));
            bmc
        };
        let mut desk = Desk::made(&site("", "", ""), own.clone(), Vec::new(), mute());
        desk.pass(10 * SECOND);
        assert!(desk.said("it tells no GUID") && desk.said("write identity = \"address\""), "{:#?}", desk.log);
        assert_eq!(desk.bmc.heard(ADD_SEL_ENTRY), 0);

        let text = site("identity = \"address\"", "", "");
        let mut desk = Desk::made(&text, own.clone(), Vec::new(), mute());
        desk.pass(10 * SECOND);
        assert!(desk.said("whoever answers at its address is taken for it"), "{:#?}", desk.log);
        assert_eq!(desk.bmc.heard(ADD_SEL_ENTRY), 1, "armed");
    }
}

#[test]
fn a_bmc_that_becomes_another_one_is_noticed() {
    // Nobody said whose it must be: the first that was met is the one.
    for (text, words) in [
        (site("", "", ""), "it has become another one (GUID 01010101-"),
        (site(&pin(TOLD), "", ""), "another system answers at its address (GUID 01010101-"),
    ] {
        let mut desk = Desk::new(&text, off);
        desk.pass(10 * SECOND);
        assert_eq!(desk.bmc.heard(ADD_SEL_ENTRY), 1, "armed");
        // The operator swaps the board, or an address.
        let other = Guid([1; 16]);
        (desk.bmc.guid, desk.bmc.told_guid) = (other, Ok(other));
        desk.bmc.reboot();
        desk.pass(120 * SECOND);
        assert!(desk.said(words), "{words}: {:#?}", desk.log);
        desk.fatal(1);
        desk.pass(60 * SECOND);
        assert_eq!(desk.bmc.heard(ADD_SEL_ENTRY), 1, "nothing is said to the other one");
        // The old one is back: it is looked at again.
        (desk.bmc.guid, desk.bmc.told_guid) = (Guid([0xA5; 16]), Ok(Guid([0xA5; 16])));
        desk.bmc.reboot();
        desk.pass(120 * SECOND);
        desk.fatal(2);
        assert!(desk.bmc.heard(ADD_SEL_ENTRY) > 1, "{:#?}", desk.log);
    }
}

#[test]
fn no_chassis_command_to_a_bmc_that_was_swapped_in_the_middle() {
    let monitor = "chassis_on_address = true\ntell_deadline = \"5s\"";
    let cycling = |swap: bool| {
        let text = site(&format!("{}\nafter_ended = \"power-cycle\"", pin(TOLD)), monitor, "");
        let mut desk = Desk::new(&text, off);
        desk.pass(5 * SECOND);
        desk.fatal(1);
        let token = desk.runs.pop_front().expect("the recovery").token;
        if swap {
            (desk.bmc.guid, desk.bmc.told_guid) = (Guid([1; 16]), Ok(Guid([1; 16])));
            desk.bmc.reboot();
        }
        let done = bmcnotice::engine::CommandEvent::Exited(0);
        desk.engine.handle_command(desk.now, token, done);
        desk.pass(120 * SECOND);
        desk.bmc.heard(CHASSIS_CONTROL)
    };
    assert_eq!(cycling(false), 1);
    assert_eq!(cycling(true), 0);
}
