//! Drills: what is proven, what is said where a step fails, and that nothing is ever recovered by one.

#[path = "support/desk.rs"]
mod desk;
#[path = "support/scripted_bmc.rs"]
mod scripted_bmc;

use bmcnotice::bmc::link::Identity;
use bmcnotice::engine::{DrillState, NoDrill, Refusal};
use bmcnotice::wire::command::CHANNEL_INFO;
use bmcnotice::wire::ipmi::Request;
use bmcnotice::wire::lan;
use bmcnotice::wire::pef::alert::{ALERT_IMMEDIATE, AlertImmediate, Operation};
use bmcnotice::words::{Class, Level};
use desk::{Desk, code, ok, site};
use scripted_bmc::Deed;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// What the BMC was asked to send: the event data, or none.
type Asked = Rc<RefCell<Vec<Option<[u8; 3]>>>>;

/// A BMC whose second destination is server1; `more` comes first.
fn able(asked: Asked, mut more: impl FnMut(&Request) -> Option<Deed>) -> impl FnMut(&Request) -> Option<Deed> {
    move |request| {
        if let Some(deed) = more(request) {
            return Some(deed);
        }
        if request.is(CHANNEL_INFO) {
            return ok([0x02, 0x04, 0x01, 0x80, 0xF2, 0x1B, 0, 0, 0]);
        }
        if request.is(lan::GET) {
            let question = lan::Asked::parse(&request.data).unwrap();
            assert_eq!(question.channel, 2, "the LAN's channel is the one that the BMC named");
            return match question.parameter {
                lan::parameter::DESTINATIONS => ok([0x11, 0x03]),
                lan::parameter::DESTINATION => ok([0x11, question.set, 0x00, 3, 3]),
                lan::parameter::DESTINATION_ADDRESS if question.set == 2 => {
                    ok([0x11, 2, 0, 0, 10, 0, 0, 1, 1, 2, 3, 4, 5, 6])
                }
                lan::parameter::DESTINATION_ADDRESS => ok([0x11, question.set, 0, 0, 10, 9, 9, 9, 1, 2, 3, 4, 5, 6]),
                _ => code(0x80),
            };
        }
        if request.is(ALERT_IMMEDIATE) {
            let order = AlertImmediate::parse(&request.data).unwrap();
            if order.operation == Operation::Send {
                assert_eq!((order.channel, order.destination), (2, 2));
                asked.borrow_mut().push(order.event.map(|event| event.data));
                return ok([]);
            }
            return ok([0x00]);
        }
        None
    }
}

fn none(_: &Request) -> Option<Deed> {
    None
}

/// The site, its link up, and what its BMC is asked for.
fn start(more: impl FnMut(&Request) -> Option<Deed> + 'static) -> (Desk, Asked) {
    let asked = Asked::default();
    let mut desk = Desk::new(&site("handshake = \"none\"", "", ""), able(asked.clone(), more));
    desk.pass(SECOND);
    (desk, asked)
}

fn echo(desk: &mut Desk) {
    let echo = desk.echoes.pop_front().expect("nothing came that follows the drill's notice");
    desk.engine.drill_delivered(desk.now, echo);
    desk.drain();
}

#[test]
fn a_drill_proves_the_whole_path_and_recovers_nothing() {
    let (mut desk, asked) = start(none);
    desk.engine.drill(desk.now).unwrap();
    desk.drain();
    let data = asked.borrow()[0].expect("an event of our own");
    assert_eq!(data[0], 0xA5);
    desk.pass(Duration::from_millis(20));
    // The severest trap: it is the number that counts.
    desk.trap(1, [0x12, 0x6F, 0x05], 0x20, data);
    assert_eq!(desk.notices.len(), 1);
    let (class, sentence) = &desk.notices[0];
    assert!(*class == Class::Info && sentence.contains("Drill"), "{class:?} {sentence}");
    assert!(desk.acknowledged > 0 && desk.runs.is_empty());
    desk.pass(Duration::from_millis(5));
    assert_eq!(desk.engine.drill_status().state, DrillState::Running, "the application has not been called");
    echo(&mut desk);

    let drill = desk.engine.drill_status();
    assert_eq!(drill.state, DrillState::Proven, "{drill:?}");
    assert_eq!(drill.received, Some(Duration::from_millis(20)));
    assert_eq!(drill.delivered, Some(Duration::from_millis(25)));
    assert!(drill.asked <= drill.accepted && drill.accepted <= drill.received && drill.own_event);
    let (at, proof) = drill.proof.unwrap();
    assert_eq!((at.as_secs(), proof.took_ms), (desk.now.wall.as_secs(), 25));
    assert!(desk.said("drill: PROVEN"), "{:#?}", desk.log);

    // It survives us, and sixty-five notices that come after it.
    for sequence in 2..70 {
        desk.trap(sequence, [0x04, 0x6F, 0x00], 0x02, [0, 0, sequence as u8]);
    }
    let again = Desk::with(&site("handshake = \"none\"", "", ""), Identity::Unknown, desk.journal.clone(), none);
    let drill = again.engine.drill_status();
    assert_eq!((drill.state, drill.proof.map(|(_, proof)| proof.took_ms)), (DrillState::Never, Some(25)));
    assert!(again.replay().records().count() <= 64, "the proof takes no place of its own");
}

#[test]
fn a_genuine_fatal_notice_recovers_in_the_middle_of_a_drill() {
    let (mut desk, asked) = start(none);
    desk.engine.drill(desk.now).unwrap();
    desk.drain();
    desk.fatal(1);
    assert_eq!(desk.runs.len(), 1, "{:#?}", desk.log);
    // One without a sensor, but non-recoverable, is no test alert either.
    desk.trap(2, [0x00, 0x00, 0x0F], 0x20, [0xFF; 3]);
    assert_eq!(desk.engine.drill_status().received, None);
    // A wrong number is not ours.
    let data = asked.borrow()[0].unwrap();
    desk.trap(3, [0x12, 0x6F, 0x05], 0x10, [data[0], data[1] ^ 1, data[2]]);
    assert_eq!(desk.engine.drill_status().received, None);
    desk.trap(4, [0x12, 0x6F, 0x05], 0x10, data);
    echo(&mut desk);
    assert_eq!(desk.engine.drill_status().state, DrillState::Proven);
}

#[test]
fn a_test_alert_that_comes_too_late_starts_nothing() {
    let (mut desk, asked) = start(none);
    desk.engine.drill(desk.now).unwrap();
    desk.pass(12 * SECOND);
    let drill = desk.engine.drill_status();
    assert_eq!(drill.state, DrillState::Failed);
    assert!(drill.why.contains("no trap came within 10 s") && drill.why.contains("firewall"), "{}", drill.why);
    assert_eq!(desk.loudest("drill: FAILED"), Some(Level::Error));
    let data = asked.borrow()[0].unwrap();
    desk.trap(1, [0x12, 0x6F, 0x05], 0x20, data);
    assert!(desk.runs.is_empty(), "{:#?}", desk.log);
    assert_eq!(desk.notices[0].0, Class::Info);
}

#[test]
fn a_bmc_that_makes_up_its_test_alert_is_the_weaker_proof() {
    let (mut desk, asked) = start(move |request| {
        // As IPMI 2.0 has it: the octets of an event are not supported.
        let with_event = request.is(ALERT_IMMEDIATE) && request.data.len() > 3;
        if with_event { code(0x83) } else { None }
    });
    desk.engine.drill(desk.now).unwrap();
    desk.drain();
    assert_eq!(*asked.borrow(), [None]);
    desk.trap(1, [0x00, 0x00, 0x0F], 0x00, [0xFF; 3]);
    echo(&mut desk);
    let drill = desk.engine.drill_status();
    assert_eq!((drill.state, drill.own_event), (DrillState::Proven, false), "{drill:?}");
    assert!(drill.why.contains("weaker"), "{}", drill.why);
    assert!(!drill.proof.unwrap().1.own_event);
}

#[test]
fn what_failed_is_said_in_words() {
    type Refuse = fn(&Request) -> Option<Deed>;
    let cases: [(&str, Refuse); 7] = [
        ("does not know Alert Immediate", |r| if r.is(ALERT_IMMEDIATE) { code(0xC1) } else { None }),
        (
            "privilege = \"administrator\"",
            |r| if r.is(ALERT_IMMEDIATE) && r.data[1] < 0x40 { code(0xD4) } else { None },
        ),
        ("another alert of its is on its way", |r| {
            if r.is(ALERT_IMMEDIATE) && r.data[1] < 0x40 { code(0x81) } else { None }
        }),
        ("does not say where its alerts go", |r| if r.is(lan::GET) { code(0xC1) } else { None }),
        ("none of the BMC's 3 alert destinations", |r| {
            if r.is(lan::GET) && r.data[1] == 19 {
                ok([0x11, r.data[2], 0, 0, 10, 9, 9, 9, 0, 0, 0, 0, 0, 0])
            } else {
                None
            }
        }),
        ("not of the type PET", |r| {
            if r.is(lan::GET) && r.data[1] == 18 { ok([0x11, r.data[2], 0x06, 3, 3]) } else { None }
        }),
        ("no LAN channel", |r| if r.is(CHANNEL_INFO) { ok([r.data[0], 0x0C, 0]) } else { None }),
    ];
    for (wanted, refuse) in cases {
        let (mut desk, _) = start(refuse);
        desk.engine.drill(desk.now).unwrap();
        desk.pass(30 * SECOND);
        let drill = desk.engine.drill_status();
        assert_eq!(drill.state, DrillState::Failed, "{wanted}");
        assert!(drill.why.contains(wanted), "{wanted}: {}", drill.why);
        assert!(drill.proof.is_none() && desk.runs.is_empty());
    }
}

#[test]
fn a_bmc_that_was_busy_is_asked_again() {
    let mut busy = 3;
    let (mut desk, asked) = start(move |request| {
        let send = request.is(ALERT_IMMEDIATE) && request.data[1] < 0x40 && busy > 0;
        busy -= u32::from(send);
        if send { code(0x81) } else { None }
    });
    desk.engine.drill(desk.now).unwrap();
    desk.pass(2 * SECOND);
    assert!(asked.borrow().is_empty());
    desk.pass(2 * SECOND);
    assert_eq!(asked.borrow().len(), 1);
}

#[test]
fn an_application_that_does_not_dispatch_proves_nothing() {
    let (mut desk, asked) = start(none);
    desk.engine.drill(desk.now).unwrap();
    desk.drain();
    let data = asked.borrow()[0].unwrap();
    desk.trap(1, [0x12, 0x6F, 0x05], 0, data);
    desk.pass(11 * SECOND);
    let drill = desk.engine.drill_status();
    assert!(drill.state == DrillState::Failed && drill.why.contains("does it dispatch"), "{drill:?}");
    // Too late: what comes back of it is of a drill that has failed.
    let late = desk.echoes.pop_front().unwrap();
    desk.engine.drill_delivered(desk.now, late);
    assert_eq!(desk.engine.drill_status().state, DrillState::Failed);
    assert!(desk.engine.drill_status().proof.is_none());
}

#[test]
fn drills_are_refused_where_they_do_not_belong() {
    let refused = |desk: &mut Desk| match desk.engine.drill(desk.now) {
        Err(Refusal::NoDrill(why)) => why,
        other => panic!("{other:?}"),
    };
    let (mut desk, _) = start(none);
    desk.engine.drill(desk.now).unwrap();
    assert_eq!(refused(&mut desk), NoDrill::Runs);
    let (mut desk, _) = start(|request| if request.is(ALERT_IMMEDIATE) { code(0xC1) } else { None });
    desk.engine.drill(desk.now).unwrap();
    desk.pass(SECOND);
    assert_eq!(refused(&mut desk), NoDrill::TooSoon);
    desk.pass(10 * SECOND);
    desk.engine.drill(desk.now).unwrap();
    let observing = site("handshake = \"none\"", "", "").replace("name = \"one\"", "name = \"one\"\nobserve = true");
    assert_eq!(refused(&mut Desk::new(&observing, none)), NoDrill::Observing);
    let no_login =
        site("handshake = \"none\"", "", "").replace("user = \"admin\"\npassword = \"secret\"", "link = \"lan\"");
    assert_eq!(refused(&mut Desk::new(&no_login, none)), NoDrill::NoLogin);
}

#[test]
fn the_end_of_a_context_ends_its_drill() {
    let (mut desk, _) = start(none);
    desk.engine.drill(desk.now).unwrap();
    desk.engine.stop(desk.now);
    desk.drain();
    assert_eq!(desk.engine.drill_status().state, DrillState::Failed);
}
