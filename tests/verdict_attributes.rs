//! Verdicts as node attributes of Pacemaker's: the newest one alone, one tool at a time, off by default.

#[path = "support/desk.rs"]
mod desk;
#[path = "support/scripted_bmc.rs"]
mod scripted_bmc;

use bmcnotice::engine::CommandEvent;
use bmcnotice::heartbeat::Verdict;
use bmcnotice::wire::command::{CHASSIS_STATUS, GET_WATCHDOG};
use bmcnotice::wire::ipmi::Request;
use bmcnotice::words::Level;
use desk::{Desk, code, ok, site};
use scripted_bmc::Deed;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A site whose one BMC says that the power is on or off, as `on` says, and has no watchdog.
fn desk(heartbeat: &str, on: &Rc<Cell<bool>>) -> Desk {
    let text = site(
        "guid = \"a5a5a5a5-a5a5-a5a5-a5a5-a5a5a5a5a5a5\"",
        "",
        &format!("interval = \"1s\"\ntimeout = \"10s\"\npulse = false\n{heartbeat}"),
    );
    let on = on.clone();
    Desk::new(&text.replace("bmc = false", "bmc = true"), move |request: &Request| -> Option<Deed> {
        match request.command {
            _ if request.is(CHASSIS_STATUS) => ok([u8::from(on.get()), 0, 0]),
            _ if request.is(GET_WATCHDOG) => code(0xC1),
            _ => None,
        }
    })
}

fn verdicts(desk: &Desk) -> Vec<Verdict> {
    desk.peers.iter().map(|peer| peer.verdict).collect()
}

#[test]
fn the_newest_verdict_is_published_and_a_slow_tool_misses_the_rest() {
    let on = Rc::new(Cell::new(true));
    let mut desk = desk("node_attributes = true", &on);
    desk.pass(3 * SECOND);
    assert_eq!(verdicts(&desk), [Verdict::Powered]);
    let first = desk.runs.pop_front().expect("the tool runs");
    assert_eq!(first.argv, ["/usr/sbin/attrd_updater", "-n", "bmc-server1", "-U", "powered"]);
    on.set(false);
    desk.pass(4 * SECOND);
    on.set(true);
    desk.pass(4 * SECOND);
    on.set(false);
    desk.pass(4 * SECOND);
    assert_eq!(verdicts(&desk)[1..], [Verdict::Off, Verdict::Powered, Verdict::Off]);
    assert!(desk.runs.is_empty(), "one at a time: {:?}", desk.runs);
    desk.engine.handle_command(desk.now, first.token, CommandEvent::Exited(0));
    desk.drain();
    let second = desk.runs.pop_front().expect("what has come since");
    assert_eq!(second.argv.last().map(String::as_str), Some("off"));
    desk.engine.handle_command(desk.now, second.token, CommandEvent::Exited(0));
    desk.pass(5 * SECOND);
    assert!(desk.runs.is_empty(), "nothing is new: {:?}", desk.runs);
}

#[test]
fn a_tool_that_fails_is_said_more_and_more_rarely() {
    let on = Rc::new(Cell::new(true));
    let mut desk = desk("node_attributes = true", &on);
    for round in 0..9 {
        desk.pass(6 * SECOND);
        let run = desk.runs.pop_front().unwrap_or_else(|| panic!("round {round}: {:?}", verdicts(&desk)));
        assert_eq!(run.argv.last().map(String::as_str), Some("powered"), "it is tried again, though nothing is new");
        desk.engine.handle_command(desk.now, run.token, CommandEvent::Exited(102));
        on.set(round < 8);
        desk.pass(4 * SECOND);
        assert!(desk.runs.is_empty(), "after a pause");
    }
    assert_eq!(desk.times_said("did not become a node attribute"), 4, "1, 2, 4, 8 of 9");
    assert_eq!(desk.loudest("did not become a node attribute"), Some(Level::Warning));
    desk.pass(4 * SECOND);
    assert_eq!(desk.runs.pop_front().and_then(|run| run.argv.last().cloned()), Some("off".into()), "the newest");
}

#[test]
fn it_is_off_unless_asked_for() {
    let on = Rc::new(Cell::new(true));
    let mut desk = desk("", &on);
    desk.pass(5 * SECOND);
    assert_eq!(verdicts(&desk), [Verdict::Powered]);
    assert!(desk.runs.is_empty());
}
