//! The words of the handshake and the chassis order, said to a BMC that answers as told.

use bmcnotice::bmc::chassis::{Effect, LOOK_EVERY, Order, Undone};
use bmcnotice::bmc::dialogue::{Dialogue as _, Step};
use bmcnotice::bmc::failure::Failure;
use bmcnotice::bmc::handshake::{REPEAT_REFUSED, Telling, Untold};
use bmcnotice::bmc::sel_entry::LOOK_BACK;
use bmcnotice::config::model::{Handshake, RawMessage, RawOctet};
use bmcnotice::now::Now;
use bmcnotice::wire::command::{self, ChassisStatus, Control};
use bmcnotice::wire::ipmi::{Completion, Request, Response};
use bmcnotice::wire::sel::{self, Entry, Record};
use bmcnotice::words::{Outcome, Phase};
use core::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);

fn at(milliseconds: u64) -> Now {
    Now { boottime: Duration::from_millis(milliseconds), wall: Duration::ZERO }
}

fn raw(data: Vec<RawOctet>) -> Handshake {
    let message = RawMessage { netfn: 0x2E, lun: 1, command: 0x55, data, accept: vec![0x00, 0x81] };
    Handshake::Raw {
        name: String::new(),
        armed: None,
        started: None,
        ended: Some(message),
        disarmed: None,
        keepalive: None,
    }
}

fn submitted<End: core::fmt::Debug>(step: Step<End>) -> Request {
    match step {
        Step::Submit(request) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn placeholders() {
    let data = vec![
        RawOctet::Literal(0xEE),
        RawOctet::Outcome,
        RawOctet::Record(0),
        RawOctet::Record(7),
        RawOctet::ListenAddress(0),
        RawOctet::ListenAddress(3),
        RawOctet::ListenPort(0),
        RawOctet::ListenPort(1),
    ];
    let profile = raw(data);
    let ended = Phase::Ended(Outcome::Unknown);
    let mut telling = Telling::new(&profile, ended, 0x0807_0605_0403_0201, "192.168.0.11:10162".parse().ok(), DEADLINE);
    let request = submitted(telling.poll(at(0)));
    assert_eq!((request.netfn, request.lun, request.command), (0x2E, 1, 0x55));
    assert_eq!(request.data, [0xEE, 2, 0x01, 0x08, 192, 11, 0xB2, 0x27]);
    for listen in [None, "[::1]:10162".parse().ok()] {
        let mut telling = Telling::new(&profile, ended, 1, listen, DEADLINE);
        assert_eq!(telling.poll(at(0)), Step::Over(Err(Untold::NoAddress)));
    }
    // Words that the profile does not have are over at once.
    for (profile, phase) in [(&profile, Phase::Started), (&Handshake::None, ended)] {
        assert_eq!(Telling::new(profile, phase, 1, None, DEADLINE).poll(at(0)), Step::Over(Ok(())));
    }
}

#[test]
fn said_again_until_understood() {
    let mut telling = Telling::new(&raw(vec![]), Phase::Ended(Outcome::Done), 1, None, DEADLINE);
    let mut now = at(0);
    let mut pauses = Vec::new();
    for i in 0..8 {
        let request = submitted(telling.poll(now));
        assert_eq!(telling.poll(now), Step::Wait(Some(DEADLINE)), "once");
        let result = match i {
            0..6 => Err(Failure::Silent),
            6 => Ok(Response::refusal(Completion::UNKNOWN_COMMAND)),
            _ => Ok(Response { completion: 0x81, data: request.data }),
        };
        telling.handle_answer(now, result);
        match telling.poll(now) {
            Step::Wait(Some(until)) => {
                pauses.push((until - now.boottime).as_millis());
                now = now.after(until - now.boottime);
            }
            other => assert_eq!((i, other), (7, Step::Over(Ok(())))),
        }
        if i == 6 {
            assert_eq!(telling.so_far(), Some(Untold::Refused(Completion::UNKNOWN_COMMAND)));
        }
    }
    assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 4000, REPEAT_REFUSED.as_millis()]);
    telling.handle_answer(now, Err(Failure::Silent));
    assert_eq!(telling.poll(now), Step::Over(Ok(())), "it stays over");
}

#[test]
fn the_deadline() {
    let mut telling = Telling::new(&raw(vec![]), Phase::Ended(Outcome::Done), 1, None, DEADLINE);
    submitted(telling.poll(at(0)));
    assert_eq!(telling.poll(at(59_999)), Step::Wait(Some(DEADLINE)));
    assert_eq!(telling.poll(at(60_000)), Step::Over(Err(Untold::Late)));
    telling.handle_answer(at(60_001), Ok(Response::ok([])));
    assert_eq!(telling.poll(at(60_001)), Step::Over(Err(Untold::Late)));
}

/// A log of records; `lose` answers of Add SEL Entry do not come back.
fn tell_log(log: &mut Vec<Record>, lose: usize, empty_id: bool) -> (Result<(), Untold>, usize) {
    let profile = Handshake::Sel { record_type: 0xD1, manufacturer: 0x0A_0B0C };
    let mut telling = Telling::new(&profile, Phase::Started, 0x1_0203_0405, None, DEADLINE);
    let (mut now, mut adds) = (at(0), 0);
    loop {
        match telling.poll(now) {
            Step::Submit(request) if request.is(command::ADD_SEL_ENTRY) => {
                adds += 1;
                let mut record = Record::parse(&request.data).unwrap();
                assert_eq!(record.0[2..], [0xD1, 0, 0, 0, 0, 0x0C, 0x0B, 0x0A, b'S', b'-', 2, 3, 4, 5]);
                let id = log.last().map_or(1, |record| record.id() + 2); // with holes
                record.0[..2].copy_from_slice(&id.to_le_bytes());
                record.0[3] = 0x77; // the BMC's time
                log.push(record);
                let answer = if adds <= lose { Err(Failure::Silent) } else { Ok(Response::ok(id.to_le_bytes())) };
                telling.handle_answer(now, answer);
            }
            Step::Submit(request) => {
                let id = u16::from_le_bytes([request.data[2], request.data[3]]);
                assert_eq!(request, sel::get_entry(id));
                let found = log.iter().rev().find(|record| id == sel::LAST || record.id() == id);
                let answer = match found.filter(|_| !empty_id) {
                    Some(record) => Response::ok(Entry { next: sel::LAST, record: *record }.emit()),
                    None => Response::refusal(Completion::ABSENT),
                };
                telling.handle_answer(now, Ok(answer));
            }
            Step::Wait(until) => now = now.after(until.unwrap() - now.boottime),
            Step::Over(result) => return (result, adds),
        }
    }
}

#[test]
fn a_record_is_looked_for_before_it_is_added_again() {
    assert_eq!(tell_log(&mut Vec::new(), 0, false), (Ok(()), 1));
    let old = |id: u8| Record([id, 0, 2, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0]);
    let mut log = vec![old(9)];
    assert_eq!(tell_log(&mut log, 1, false), (Ok(()), 1));
    assert_eq!(log.len(), 2);
    // A BMC that shows nothing: it is added again, since nobody can know.
    assert_eq!(tell_log(&mut Vec::new(), 1, true), (Ok(()), 2));
}

#[test]
fn others_wrote_behind_it() {
    for (behind, expected) in [(LOOK_BACK as u8 - 1, 1), (LOOK_BACK as u8, 2)] {
        let profile = Handshake::Sel { record_type: 0xC0, manufacturer: 1 };
        let mut telling = Telling::new(&profile, Phase::Armed, 1, None, DEADLINE);
        let mut ours = Record::parse(&submitted(telling.poll(at(0))).data).unwrap();
        ours.0[0] = 100;
        telling.handle_answer(at(0), Err(Failure::Silent));
        let (mut adds, mut looks) = (1, 0);
        loop {
            match telling.poll(at(5000)) {
                Step::Submit(request) if request.is(command::ADD_SEL_ENTRY) => {
                    adds += 1;
                    telling.handle_answer(at(5000), Ok(Response::ok([0, 0])));
                }
                Step::Submit(request) => {
                    looks += 1;
                    let id = match request.data[2] {
                        0xFF => 100 + behind,
                        id => id,
                    };
                    let record =
                        if id == 100 { ours } else { Record([id, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) };
                    telling.handle_answer(at(5000), Ok(Response::ok(Entry { next: 0xFFFF, record }.emit())));
                }
                Step::Wait(_) => unreachable!(),
                Step::Over(result) => break assert_eq!(result, Ok(())),
            }
        }
        assert_eq!((adds, looks), (expected, LOOK_BACK));
    }
}

/// Carries an order out; `power` is what each look shows.
fn order(control: Control, answer: Result<Response, Failure>, power: &[bool]) -> (Result<Effect, Undone>, usize) {
    let mut order = Order::new(control, DEADLINE);
    let (mut now, mut controls, mut looks) = (at(0), 0, power.iter());
    loop {
        match order.poll(now) {
            Step::Submit(request) if request.is(command::CHASSIS_CONTROL) => {
                controls += 1;
                assert_eq!(controls, 1, "{control:?}");
                assert_eq!(Control::parse(&request.data), Ok(control));
                order.handle_answer(now, answer.clone());
            }
            Step::Submit(_) => {
                let look = looks.next().map(|power| ChassisStatus { power: *power, last_event: 0 }.emit());
                order.handle_answer(now, look.map(Response::ok).ok_or(Failure::Silent));
            }
            Step::Wait(until) => now = now.after(until.unwrap() - now.boottime),
            Step::Over(result) => return (result, controls),
        }
    }
}

#[test]
fn an_order_is_given_once() {
    let good = || Ok(Response::ok([]));
    let refused = Response::refusal(Completion::PRIVILEGE);
    for (control, answer, power, expected) in [
        (Control::PowerCycle, good(), &[true, false][..], Ok(Effect::Seen)),
        (Control::PowerCycle, good(), &[true, true], Ok(Effect::Accepted)),
        (Control::PowerDown, Err(Failure::Silent), &[true, false], Ok(Effect::Seen)),
        (Control::PowerDown, Err(Failure::Silent), &[true], Err(Undone::Unanswered(Failure::Silent))),
        (Control::HardReset, good(), &[], Ok(Effect::Accepted)),
        (Control::HardReset, Err(Failure::Silent), &[], Err(Undone::Unanswered(Failure::Silent))),
        (Control::Nmi, Ok(refused), &[], Err(Undone::Refused(Completion::PRIVILEGE))),
        (Control::PowerDown, Err(Failure::WrongIdentity), &[false], Err(Undone::Unanswered(Failure::WrongIdentity))),
    ] {
        assert_eq!(order(control, answer, power), (expected, 1), "{control:?}");
    }
    assert_eq!(Order::new(Control::PowerDown, DEADLINE).poll(at(60_000)), Step::Over(Err(Undone::Late)));
    assert!(LOOK_EVERY < DEADLINE);
}
