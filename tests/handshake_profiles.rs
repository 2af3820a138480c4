//! The handshake's profiles at work in virtual time: how full the log is, the keep-alive, and what is said again when
//! a BMC has done as it was told and its answer is lost.

#[path = "support/desk.rs"]
mod desk;
#[path = "support/scripted_bmc.rs"]
mod scripted_bmc;

use bmcnotice::engine::CommandEvent;
use bmcnotice::wire::command::{ADD_SEL_ENTRY, CHASSIS_CONTROL, CHASSIS_STATUS, GET_SEL_ENTRY, SEL_INFO};
use bmcnotice::wire::ipmi::{Command, Request};
use bmcnotice::wire::sel::{Entry, LAST, Record, SelInfo};
use bmcnotice::words::Level;
use desk::{Desk, code, ok, site};
use scripted_bmc::Deed;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// Recoveries that may follow one another.
const OFTEN: &str = "budget = 100\nreset_deadline = \"10s\"\ntell_deadline = \"5s\"";
const PINNED: &str = "guid = \"a5a5a5a5-a5a5-a5a5-a5a5-a5a5a5a5a5a5\"";

/// A whole recovery, from its trap to the end of its wait for a reset.
fn recover(desk: &mut Desk, sequence: u16) {
    desk.fatal(sequence);
    let command = desk.runs.pop_front().unwrap_or_else(|| panic!("no recovery: {:#?}", desk.log));
    desk.pass(SECOND);
    desk.engine.handle_command(desk.now, command.token, CommandEvent::Exited(0));
    desk.pass(20 * SECOND);
}

#[test]
fn a_filling_log_is_warned_of_once_and_again_when_it_got_worse() {
    // Records, octets free, records lost.
    let fill = Rc::new(Cell::new((740_u16, 260_u16 * 16, false)));
    let seen = fill.clone();
    let mut desk = Desk::new(&site("", OFTEN, ""), move |request| match request {
        request if request.is(ADD_SEL_ENTRY) => ok([1, 0]),
        request if request.is(SEL_INFO) => {
            let (entries, free, overflow) = seen.get();
            ok(SelInfo { entries, free, added: 0, erased: 0, overflow }.emit())
        }
        _ => None,
    });
    desk.pass(SECOND);
    assert_eq!(desk.bmc.heard(SEL_INFO), 1, "after arming");
    assert!(!desk.said("event log"), "{:#?}", desk.log);
    // What is told, and how often it was told by then.
    let told = [
        ((750, 250 * 16, false), "75% used", Level::Warning, 1),
        ((800, 200 * 16, false), "75% used", Level::Warning, 1),
        ((920, 80 * 16, false), "92% used", Level::Warning, 1),
        ((760, 240 * 16, false), "92% used", Level::Warning, 1),
        ((1000, 0, false), "FULL", Level::Error, 1),
        ((1000, 0, true), "FULL", Level::Error, 1),
        ((10, 990 * 16, false), "has room again", Level::Info, 1),
        ((750, 250 * 16, false), "75% used", Level::Warning, 2),
        ((20, 990 * 16, true), "records were lost", Level::Error, 1),
    ];
    for (sequence, (now, words, level, times)) in (1..).zip(told) {
        fill.set(now);
        recover(&mut desk, sequence);
        assert_eq!((desk.times_said(words), desk.loudest(words)), (times, Some(level)), "{now:?}: {:#?}", desk.log);
    }
    assert!(desk.said("ipmitool sel clear"), "what helps is said");
}

#[test]
fn nothing_stands_between_the_bmc_and_ended() {
    let mut desk = Desk::new(&site("", OFTEN, ""), |request| if request.is(ADD_SEL_ENTRY) { ok([1, 0]) } else { None });
    desk.pass(SECOND);
    let before = desk.bmc.heard(SEL_INFO);
    desk.fatal(1);
    desk.pass(10 * SECOND);
    assert_eq!(desk.bmc.heard(ADD_SEL_ENTRY), 2, "armed, started");
    assert_eq!(desk.bmc.heard(SEL_INFO), before, "not in the middle of a recovery");
    let token = desk.runs.pop_front().unwrap().token;
    desk.engine.handle_command(desk.now, token, CommandEvent::Exited(0));
    desk.drain();
    let place = |command: Command| desk.bmc.heard.iter().rposition(|request| request.is(command)).unwrap();
    assert!(place(ADD_SEL_ENTRY) < place(SEL_INFO), "behind ended");
}

#[test]
fn a_full_log_is_said_with_what_helps_and_stops_no_recovery() {
    let mut desk = Desk::new(&site("", OFTEN, ""), |request| if request.is(ADD_SEL_ENTRY) { code(0xC4) } else { None });
    desk.pass(SECOND);
    recover(&mut desk, 1);
    let words = "the BMC does NOT know: recovery started: its event log is full";
    assert_eq!((desk.times_said(words), desk.loudest(words)), (1, Some(Level::Error)), "{:#?}", desk.log);
    assert!(desk.said("recovery ended(done): its event log is full") && desk.said("ipmitool sel clear"));
    assert_eq!(desk.engine.statistics().done, 1);
}

const RAW: &str = r#"
[handshake.acme]
armed = { netfn = 0x30, command = 0x70 }
started = { netfn = 0x30, command = 0x71, accept = [0, 0x92] }
ended = { netfn = 0x30, command = 0x72, data = ["outcome"] }
keepalive = { netfn = 0x30, command = 0x73, every = "1s", accept = [0, 0x90] }
"#;
const STARTED: Command = Command { netfn: 0x30, number: 0x71 };
const ENDED: Command = Command { netfn: 0x30, number: 0x72 };
const ALIVE: Command = Command { netfn: 0x30, number: 0x73 };

#[test]
fn the_keep_alive_goes_on_in_the_middle_of_a_recovery() {
    let answer = Rc::new(Cell::new(0x90_u8));
    let seen = answer.clone();
    let text = site("handshake = \"acme\"", OFTEN, RAW);
    let mut desk = Desk::new(&text, move |request| if request.is(ALIVE) { code(seen.get()) } else { None });
    desk.pass(SECOND / 2);
    desk.fatal(1);
    let before = desk.bmc.heard(ALIVE);
    desk.pass(10 * SECOND);
    assert_eq!(desk.bmc.heard(ALIVE) - before, 10, "one a second, while the recovery runs");
    assert_eq!(desk.engine.statistics().keepalives, 10);
    assert!(!desk.said("keep-alive"));
    // The BMC takes it no more: said once, and it is sent on.
    answer.set(0xC1);
    desk.pass(10 * SECOND);
    assert_eq!((desk.times_said("does not take our keep-alive"), desk.engine.statistics().keepalives_lost), (1, 10));
    answer.set(0);
    desk.pass(5 * SECOND);
    assert_eq!((desk.times_said("takes our keep-alive again"), desk.engine.statistics().keepalives), (1, 15));
    assert_eq!(desk.runs.len(), 1, "the recovery runs all the while");
    // Silence, too, is said once.
    desk.cut = true;
    desk.pass(30 * SECOND);
    assert_eq!(desk.times_said("does not take our keep-alive"), 2);
    assert!(desk.engine.statistics().keepalives_lost > 10);
}

#[test]
fn a_code_that_means_already_so_is_understood_and_others_are_asked_on() {
    for (completion, understood) in [(0x00, true), (0x92, true), (0x93, false)] {
        let slow = OFTEN.replace("5s", "30s"); // a refusal that does not pass is asked again after ten seconds
        let mut desk = Desk::new(&site("handshake = \"acme\"", &slow, RAW), move |request| {
            if request.is(STARTED) { code(completion) } else { None }
        });
        desk.pass(SECOND);
        desk.fatal(1);
        desk.pass(25 * SECOND);
        assert_eq!(desk.said("the BMC knows: recovery started"), understood, "{completion:02x}h");
        assert_eq!(desk.bmc.heard(STARTED) == 1, understood, "{completion:02x}h: {}", desk.bmc.heard(STARTED));
    }
}

/// What was carried out, as the BMC saw it, when the first two answers to `lost` do not come back.
fn twice_lost(bmc: &str, lost: Command) -> (Desk, Rc<RefCell<Vec<Record>>>) {
    let log = Rc::new(RefCell::new(Vec::<Record>::new()));
    let kept = log.clone();
    let (mut left, mut power) = (2, true);
    let more = if bmc.contains("acme") { RAW } else { "" };
    let monitor = format!("chassis_on_address = true\n{}", OFTEN.replace("5s", "30s"));
    let mut desk = Desk::new(&site(&format!("{PINNED}\n{bmc}"), &monitor, more), move |request: &Request| {
        let deed = match request {
            request if request.is(ADD_SEL_ENTRY) => {
                let mut record = Record::parse(&request.data).unwrap();
                let id = kept.borrow().len() as u16 + 1;
                record.0[..2].copy_from_slice(&id.to_le_bytes());
                kept.borrow_mut().push(record);
                ok(id.to_le_bytes())
            }
            request if request.is(GET_SEL_ENTRY) => {
                let id = u16::from_le_bytes([request.data[2], request.data[3]]);
                let all = kept.borrow();
                match all.iter().rev().find(|record| id == LAST || record.id() == id) {
                    Some(record) => ok(Entry { next: LAST, record: *record }.emit()),
                    None => code(0xCB),
                }
            }
            request if request.is(CHASSIS_CONTROL) => {
                power = false;
                ok([])
            }
            request if request.is(CHASSIS_STATUS) => ok([u8::from(power), 0, 0]),
            request if request.is(SEL_INFO) => code(0xC1),
            _ => ok([]),
        };
        let silent = request.is(lost) && left > 0;
        left -= i32::from(silent);
        if silent { Some(Deed::Silence) } else { deed }
    });
    desk.pass(5 * SECOND);
    desk.fatal(1);
    desk.pass(25 * SECOND);
    let token = desk.runs.pop_front().unwrap().token;
    desk.engine.handle_command(desk.now, token, CommandEvent::Exited(0));
    desk.pass(60 * SECOND);
    (desk, log)
}

#[test]
fn a_raw_message_is_sent_again_until_it_is_answered() {
    for lost in [STARTED, ENDED] {
        let (desk, _) = twice_lost("handshake = \"acme\"", lost);
        assert_eq!(desk.bmc.heard(lost), 3, "carried out twice unheard, and once more");
        assert!(desk.said("the BMC knows: recovery started") && desk.said("the BMC knows: recovery ended(done)"));
    }
}

#[test]
fn a_record_is_looked_for_before_it_is_added_again() {
    let (desk, log) = twice_lost("", ADD_SEL_ENTRY);
    let words: Vec<char> = log.borrow().iter().map(|record| char::from(record.0[10])).collect();
    assert_eq!(words, ['A', 'S', 'E'], "each once, though two answers were lost");
    assert_eq!(desk.bmc.heard(ADD_SEL_ENTRY), 3);
    assert!(desk.bmc.heard(GET_SEL_ENTRY) >= 2 && desk.said("the BMC knows: recovery ended(done)"));
    // The look is no addition: it may be repeated.
    let (desk, log) = twice_lost("", GET_SEL_ENTRY);
    assert_eq!(log.borrow().len(), 3);
    assert_eq!(desk.bmc.heard(GET_SEL_ENTRY), 0, "nothing was lost, so nothing was looked for");
}

#[test]
fn a_chassis_command_is_sent_once_and_its_effect_is_looked_for() {
    let (desk, _) = twice_lost("after_ended = \"power-off\"", CHASSIS_CONTROL);
    assert_eq!(desk.bmc.heard(CHASSIS_CONTROL), 1, "it was carried out, though nobody heard so");
    assert!(desk.bmc.heard(CHASSIS_STATUS) >= 1 && desk.said("the power shows it"), "{:#?}", desk.log);
}

const DUMP: &str =
    "handshake = \"acme\"\npatience = \"600s\"\ndump_hold = \"60s\"\ndump_marker = [\"/run/a\", \"/run/b\"]";

/// A recovery that is done while one of the markers exists.
fn dumping() -> Desk {
    let mut desk = Desk::new(&site(DUMP, OFTEN, RAW), |request| if request.is(ALIVE) { code(0) } else { None });
    desk.pass(SECOND);
    desk.fatal(1);
    desk.markers = vec!["/run/b".into()];
    let token = desk.runs.pop_front().unwrap().token;
    desk.engine.handle_command(desk.now, token, CommandEvent::Exited(0));
    desk.drain();
    desk
}

#[test]
fn ended_waits_while_a_crash_dump_is_written() {
    let mut desk = dumping();
    desk.pass(30 * SECOND);
    assert_eq!(desk.bmc.heard(ENDED), 0);
    assert_eq!(desk.times_said("recovery ended waits for the crash dump (/run/b exists), for 60 s at most"), 1);
    assert!((25..35).contains(&desk.looks), "about one look a second: {}", desk.looks);
    assert!(desk.bmc.heard(ALIVE) >= 29, "meanwhile the BMC hears that we live");
    desk.markers.clear();
    desk.pass(2 * SECOND);
    assert_eq!(desk.bmc.heard(ENDED), 1);
    assert!(desk.said("the crash dump is written") && desk.said("the BMC knows: recovery ended(done)"));
}

#[test]
fn a_dump_that_does_not_end_is_waited_for_no_longer_than_said() {
    let mut desk = dumping();
    desk.pass(59 * SECOND);
    assert_eq!(desk.bmc.heard(ENDED), 0);
    desk.pass(2 * SECOND);
    assert_eq!(desk.bmc.heard(ENDED), 1);
    assert_eq!(desk.loudest("the crash dump is not written in time (/run/b still exists)"), Some(Level::Error));
    // The next recovery has its own time.
    desk.pass(20 * SECOND);
    desk.fatal(2);
    let token = desk.runs.pop_front().unwrap().token;
    desk.engine.handle_command(desk.now, token, CommandEvent::Exited(0));
    desk.pass(30 * SECOND);
    assert_eq!(desk.bmc.heard(ENDED), 1);
    desk.pass(31 * SECOND);
    assert_eq!(desk.bmc.heard(ENDED), 2);
}

#[test]
fn without_a_marker_nothing_is_waited_for() {
    let mut desk = Desk::new(&site(DUMP, OFTEN, RAW), |_| None);
    desk.pass(SECOND);
    desk.fatal(1);
    let token = desk.runs.pop_front().unwrap().token;
    desk.engine.handle_command(desk.now, token, CommandEvent::Exited(0));
    desk.drain();
    assert_eq!((desk.bmc.heard(ENDED), desk.looks), (1, 1), "in the same turn");
    assert!(!desk.said("crash dump"));
}

#[test]
fn a_panic_into_the_crash_kernel_comes_before_ended() {
    let monitor =
        format!("{OFTEN}\nfinal_action = \"sysrq_panic\"\nfinal_action_on_address = true\ndeadline = \"20s\"");
    for (bmc, ended_first) in [(DUMP.replace("dump_hold", "#").replace("dump_marker", "#"), true), (DUMP.into(), false)]
    {
        let mut desk = Desk::new(&site(&bmc, &monitor, RAW), |_| None);
        desk.pass(SECOND);
        desk.fatal(1);
        let token = desk.runs.pop_front().unwrap().token;
        desk.engine.handle_command(desk.now, token, CommandEvent::Exited(1));
        desk.drain();
        assert_eq!((desk.panics, desk.bmc.heard(ENDED)), (1, usize::from(ended_first)), "{:#?}", desk.log);
        // A kernel that does not panic: the BMC hears after all that it failed.
        desk.pass(30 * SECOND);
        assert_eq!((desk.panics, desk.bmc.heard(ENDED)), (1, 1));
        assert!(desk.said("recovery ended(failed)"));
    }
}
