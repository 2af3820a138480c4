//! Both roads to the own BMC under virtual time: through a driver that does as told, and over LAN beside it.
#![cfg(feature = "sim")]

#[path = "support/logins.rs"]
mod logins;
#[path = "support/own_bmc.rs"]
mod own_bmc;

use bmcnotice::bmc::auto::{Auto, Output, Remark};
use bmcnotice::bmc::failure::{Failure, Obstacle};
use bmcnotice::bmc::inband::{GIVE_UP, KEEP_ALIVE, SILENCE};
use bmcnotice::bmc::link::{Checked, Identity, Link, Login, Status, Ticket, Urgency};
use bmcnotice::bmc::queue::QUEUE;
use bmcnotice::config::model::Privilege;
use bmcnotice::crypto::Random;
use bmcnotice::now::Now;
use bmcnotice::sim::{Bmc, Options};
use bmcnotice::suite::Suite;
use bmcnotice::wire::command::{ADD_SEL_ENTRY, CHASSIS_STATUS, Control, GET_DEVICE_ID, SEL_INFO};
use bmcnotice::wire::ipmi::{Request, Response};
use bmcnotice::wire::sel;
use bmcnotice::words::Guid;
use core::time::Duration;
use own_bmc::{Arrival, Board};
use std::collections::HashMap;

const SECOND: Duration = Duration::from_secs(1);
const US: &str = "10.0.0.1:40000";
const OTHER: Guid = Guid([9; 16]);

struct World {
    auto: Auto,
    board: Board,
    now: Now,
    answers: HashMap<Ticket, (Duration, Result<Response, Failure>)>,
    remarks: Vec<(Duration, Remark)>,
    changes: usize,
    tickets: u64,
}

fn login() -> Login {
    logins::login("admin", "password", &[Suite::Seventeen], Privilege::Administrator)
}

fn device_id() -> Request {
    Request::new(GET_DEVICE_ID, [])
}

fn chassis_status() -> Request {
    Request::new(CHASSIS_STATUS, [])
}

fn record() -> Request {
    Request::new(ADD_SEL_ENTRY, [0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0, b'S', 0, 0, 0, 0, 0])
}

fn guid() -> Guid {
    Options::default().guid
}

impl World {
    fn new(pinned: Option<Guid>, identity: Identity, lan: bool) -> Self {
        let lan = lan.then(|| Link::new(login(), identity.clone(), Random::from_seed([1; 32])));
        Self {
            auto: Auto::new("/dev/ipmi0".into(), pinned, identity, lan),
            board: Board::new(Bmc::new(Options::default(), [2; 32])),
            now: Now { boottime: Duration::from_secs(1000), wall: Duration::from_secs(1_000_000) },
            answers: HashMap::new(),
            remarks: Vec::new(),
            changes: 0,
            tickets: 0,
        }
    }

    /// Both roads are open.
    fn up() -> Self {
        let mut world = Self::new(None, Identity::Unknown, true);
        world.start();
        world.run(SECOND);
        assert!(world.is_in_band(), "{:?}", world.auto.status());
        assert_eq!(world.said(), [Remark::LanBeside]);
        world.remarks.clear();
        world
    }

    fn start(&mut self) {
        self.auto.start(self.now);
        self.drain();
    }

    fn is_in_band(&self) -> bool {
        matches!(self.auto.status(), Status::Up { suite: None, identity: Checked::Matched, .. })
    }

    fn said(&self) -> Vec<Remark> {
        self.remarks.iter().map(|(_, remark)| *remark).collect()
    }

    fn submit(&mut self, request: Request) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.auto.submit(self.now, ticket, Urgency::Urgent, request);
        self.drain();
        ticket
    }

    /// How long the answer took, and what it is.
    fn answer(&self, ticket: Ticket, since: Duration) -> Option<(Duration, Result<Response, Failure>)> {
        self.answers.get(&ticket).map(|(at, result)| (*at - since, result.clone()))
    }

    fn drain(&mut self) {
        while let Some(output) = self.auto.poll_output() {
            match output {
                Output::Order(order) => {
                    if let Some(event) = self.board.perform(self.now, order) {
                        self.auto.handle_in_band(self.now, event);
                    }
                }
                Output::Send(bytes) => self.board.datagram(self.now, bytes),
                Output::Answer { ticket, result } => {
                    let earlier = self.answers.insert(ticket, (self.now.boottime, result));
                    assert!(earlier.is_none(), "{ticket:?} was answered twice");
                }
                Output::Changed => self.changes += 1,
                Output::Remark(remark) => self.remarks.push((self.now.boottime, remark)),
            }
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.now.boottime + span;
        let mut still = 0;
        loop {
            let next = [self.auto.next_deadline(), self.board.next()].into_iter().flatten().min();
            let Some(next) = next.filter(|at| *at <= end) else { break };
            still = if next <= self.now.boottime { still + 1 } else { 0 };
            assert!(still < 1000, "a deadline that does not go away: {:?}", self.auto);
            self.now.wall += next.saturating_sub(self.now.boottime);
            self.now.boottime = self.now.boottime.max(next);
            for arrival in self.board.turn(self.now, US.parse().unwrap(), |_| {}) {
                match arrival {
                    Arrival::InBand(event) => self.auto.handle_in_band(self.now, event),
                    Arrival::Datagram(bytes) => self.auto.handle_datagram(self.now, &bytes),
                }
                self.drain();
            }
            self.auto.handle_timeout(self.now);
            self.drain();
        }
        self.now.wall += end - self.now.boottime;
        self.now.boottime = end;
    }
}

#[test]
fn what_is_on_the_board_is_this_servers_whatever_it_tells_of_itself() {
    for (pinned, shown, no_guid, expected) in [
        (None, guid(), false, Some(guid())),
        (Some(guid()), guid(), false, Some(guid())),
        // It does not know the command, or tells nothing: nothing speaks against it.
        (Some(guid()), guid(), true, Some(Guid([0; 16]))),
        (Some(guid()), Guid([0; 16]), false, Some(Guid([0; 16]))),
        // The board is another one than the operator pinned.
        (Some(OTHER), guid(), false, None),
    ] {
        let mut world = World::new(pinned, Identity::Unknown, false);
        world.board.no_guid = no_guid;
        world.board.bmc.quirks_mut().shown_guid = Some(shown);
        world.start();
        world.run(SECOND);
        let case = format!("{pinned:?} {shown} {no_guid}: {:?}", world.auto.status());
        match expected {
            Some(guid) => {
                let up = Status::Up { suite: None, guid, identity: Checked::Matched };
                assert_eq!(*world.auto.status(), up, "{case}");
            }
            None => {
                assert_eq!(*world.auto.status(), Status::WrongIdentity { found: guid() }, "{case}");
                let (now, taken) = (world.now.boottime, world.board.taken.len());
                let ticket = world.submit(device_id());
                assert_eq!(world.answer(ticket, now), Some((Duration::ZERO, Err(Failure::WrongIdentity))));
                assert_eq!(world.board.taken.len(), taken, "nothing is said to it");
                // The board was exchanged, or the mistake corrected: looked at again in a minute.
                world.board.bmc.quirks_mut().shown_guid = Some(OTHER);
                world.run(Duration::from_secs(61));
                assert!(world.is_in_band(), "{:?}", world.auto.status());
            }
        }
    }
}

#[test]
fn a_pinned_board_that_is_another_one_stops_lan_too() {
    // The configuration of server2 was copied to server1: LAN would reach server2's BMC, and fail that over.
    let mut world = World::new(Some(OTHER), Identity::Expected(vec![OTHER]), true);
    world.board.bmc.quirks_mut().shown_guid = Some(OTHER);
    world.board.inside_guid = Some(guid());
    world.start();
    world.run(SECOND);
    assert_eq!(*world.auto.status(), Status::WrongIdentity { found: guid() });
    let ticket = world.submit(device_id());
    world.run(SECOND);
    assert_eq!(world.answers[&ticket].1, Err(Failure::WrongIdentity));
}

#[test]
fn lan_must_find_the_bmc_that_in_band_has_found() {
    let smbios = Identity::Expected(vec![OTHER]); // boards whose BMC and firmware disagree
    for identity in [Identity::Unknown, smbios] {
        let mut world = World::new(None, identity, true);
        world.start();
        world.run(SECOND);
        assert_eq!(world.said(), [Remark::LanBeside]);
        world.board.hangs = true;
        let ticket = world.submit(device_id());
        world.run(SECOND * 2);
        assert!(world.answers[&ticket].1.is_ok());
        let over_lan = Status::Up { suite: Some(Suite::Seventeen), guid: guid(), identity: Checked::Matched };
        assert_eq!(*world.auto.status(), over_lan);
    }
    // Another system at the address: in-band goes on, and LAN is told nothing.
    let mut world = World::new(None, Identity::Unknown, true);
    world.start();
    world.run(SECOND);
    world.board.bmc.quirks_mut().shown_guid = Some(OTHER);
    world.board.bmc.restart(world.now, SECOND);
    world.run(Duration::from_secs(120));
    assert!(world.is_in_band(), "{:?}", world.auto.status());
    assert!(world.said().contains(&Remark::LanFails(Failure::WrongIdentity)), "{:?}", world.remarks);
    world.board.hangs = true;
    let before = world.now.boottime;
    let ticket = world.submit(device_id());
    world.run(SECOND * 10);
    // The failure of the road that was left is told: another system's BMC.
    let (after, result) = world.answer(ticket, before).unwrap();
    assert_eq!(result, Err(Failure::WrongIdentity), "{after:?}");
}

#[test]
fn a_device_that_cannot_be_opened_is_said_once_and_tried_again() {
    for obstacle in [
        Obstacle::NoDevice,
        Obstacle::NoDriver,
        Obstacle::NoInterface,
        Obstacle::NotADevice,
        Obstacle::Denied,
        Obstacle::Busy,
        Obstacle::Other(5),
    ] {
        for lan in [true, false] {
            let mut world = World::new(None, Identity::Unknown, lan);
            world.board.device = Err(obstacle);
            world.start();
            let early = world.submit(device_id());
            world.run(Duration::from_secs(300));
            assert_eq!(world.said(), [Remark::NoDevice(obstacle, lan)], "said once");
            assert_eq!(world.board.opened.len(), 31, "once every ten seconds");
            let late = world.submit(device_id());
            let chassis = world.submit(Control::PowerCycle.request());
            world.run(SECOND);
            for ticket in [early, late, chassis] {
                let result = &world.answers[&ticket].1;
                match lan {
                    true => assert_eq!(result.as_ref().map(|response| response.completion), Ok(0)),
                    false => assert_eq!(*result, Err(Failure::InBand(obstacle))),
                }
            }
            assert_eq!(world.board.bmc.resets(), u64::from(lan));
            // The ipmi service is started at last.
            world.board.device = Ok(());
            world.run(Duration::from_secs(20));
            assert!(world.is_in_band(), "{:?}", world.auto.status());
        }
    }
}

#[test]
fn what_in_band_does_not_answer_within_a_second_goes_over_lan() {
    let mut world = World::up();
    world.board.hangs = true;
    let begun = world.now.boottime;
    let tickets = [world.submit(device_id()), world.submit(chassis_status())];
    world.run(Duration::from_millis(999));
    assert!(world.answers.is_empty());
    world.run(Duration::from_millis(100));
    for ticket in tickets {
        let (after, result) = world.answer(ticket, begun).expect("answered over LAN");
        assert_eq!(result.unwrap().completion, 0);
        assert!(after >= SILENCE && after < SILENCE + Duration::from_millis(50), "{after:?}");
    }
    assert_eq!(world.board.took(&chassis_status()), 0, "what waited behind it was taken back");
    assert_eq!(world.said(), [Remark::OverLan]);
    assert!(matches!(world.auto.status(), Status::Up { suite: Some(_), identity: Checked::Matched, .. }));
    // As long as it hangs, LAN comes first, and nothing more is said.
    let begun = world.now.boottime;
    let ticket = world.submit(device_id());
    world.run(Duration::from_secs(60));
    assert!(world.answer(ticket, begun).unwrap().0 < Duration::from_millis(50));
    assert_eq!(world.said(), [Remark::OverLan]);
    // It answers again.
    world.board.hangs = false;
    world.run(Duration::from_secs(10));
    assert_eq!(world.said(), [Remark::OverLan, Remark::Back]);
    assert!(world.is_in_band());
    let (datagrams, begun) = (world.board.datagrams, world.now.boottime);
    let ticket = world.submit(device_id());
    world.run(Duration::from_millis(10));
    assert!(world.answer(ticket, begun).unwrap().1.is_ok());
    assert_eq!(world.board.datagrams, datagrams, "in-band alone");
}

#[test]
fn silence_is_known_before_it_matters() {
    let mut world = World::up();
    world.board.hangs = true;
    world.run(KEEP_ALIVE + SILENCE + SECOND);
    assert_eq!(world.said(), [Remark::OverLan]);
}

#[test]
fn what_may_not_be_repeated_takes_one_road() {
    // Taken by the driver, and no answer: never over LAN as well.
    for mute in [false, true] {
        for request in [record(), Control::PowerCycle.request()] {
            let mut world = World::up();
            (world.board.hangs, world.board.mute) = (!mute, mute);
            let begun = world.now.boottime;
            let ticket = world.submit(request.clone());
            world.run(Duration::from_secs(60));
            assert_eq!(world.answer(ticket, begun), Some((GIVE_UP, Err(Failure::Silent))));
            assert_eq!(world.board.took(&request), 1);
            assert_eq!(
                world
                    .board
                    .bmc
                    .log()
                    .filter(|entry| entry.command == request.command && entry.netfn == request.netfn)
                    .count(),
                usize::from(mute)
            );
        }
    }
    // The driver never took it: it may go over LAN, once.
    let mut world = World::up();
    world.board.refuses = Some(Obstacle::Busy);
    let begun = world.now.boottime;
    let ticket = world.submit(record());
    world.run(Duration::from_secs(60));
    let (after, result) = world.answer(ticket, begun).unwrap();
    assert!(result.is_ok() && after < SILENCE + Duration::from_millis(50), "{after:?}");
    assert_eq!(world.board.bmc.sel().len(), 1);
}

#[test]
fn a_busy_driver_is_asked_again_and_a_lost_device_opened_again() {
    let mut world = World::up();
    world.board.refuses = Some(Obstacle::Busy);
    let begun = world.now.boottime;
    let ticket = world.submit(record());
    world.run(Duration::from_millis(300));
    assert_eq!(world.answer(ticket, begun), None);
    world.board.refuses = None;
    world.run(Duration::from_millis(100));
    assert!(world.answer(ticket, begun).unwrap().1.is_ok());
    assert_eq!(world.board.bmc.sel().len(), 1);

    // The driver forbids a command: it alone fails.
    world.board.refuses = Some(Obstacle::Forbidden);
    let ticket = world.submit(record());
    world.run(SECOND);
    world.board.refuses = None;
    assert!(world.answers[&ticket].1.is_ok(), "LAN takes it");
    assert!(world.is_in_band());

    // The interface goes away, and comes back.
    (world.board.refuses, world.board.device) = (Some(Obstacle::NoInterface), Err(Obstacle::NoInterface));
    let ticket = world.submit(record());
    world.run(SECOND);
    assert!(world.answers[&ticket].1.is_ok(), "LAN takes it");
    assert!(world.said().contains(&Remark::NoDevice(Obstacle::NoInterface, true)), "{:?}", world.remarks);
    (world.board.refuses, world.board.device) = (None, Ok(()));
    world.run(Duration::from_secs(20));
    assert!(world.is_in_band());
    assert_eq!(world.board.bmc.sel().len(), 3);
}

#[test]
fn a_command_taken_back_from_a_busy_driver_gives_the_next_one_no_second_turn() {
    let mut world = World::new(None, Identity::Unknown, false);
    world.start();
    world.run(SECOND);
    world.board.refuses = Some(Obstacle::Busy);
    let first = world.submit(chassis_status());
    world.auto.withdraw(first);
    (world.board.refuses, world.board.latency) = (None, Duration::from_millis(200));
    world.submit(record()); // before the first would have been handed in again
    world.run(SECOND);
    assert_eq!((world.board.took(&record()), world.board.bmc.sel().len()), (1, 1));
}

#[test]
fn what_was_taken_back_goes_no_other_road() {
    // In-band is silent: LAN would be asked after a second.
    let mut world = World::up();
    world.board.hangs = true;
    let ticket = world.submit(chassis_status());
    world.auto.withdraw(ticket);
    let heard = world.board.bmc.log().count();
    world.run(Duration::from_secs(10));
    let asked = world.board.bmc.log().skip(heard).filter(|entry| entry.command == CHASSIS_STATUS.number);
    assert_eq!(asked.count(), 0);
    // The device goes away with the command in hand: LAN would be asked at once.
    let mut world = World::up();
    world.board.hangs = true;
    let blocks = world.submit(device_id());
    let ticket = world.submit(Control::PowerCycle.request());
    world.auto.withdraw(ticket);
    world.run(Duration::from_secs(10));
    assert!(world.answers.contains_key(&blocks));
    assert_eq!(world.board.bmc.log().filter(|entry| entry.netfn == 0 && entry.command == 2).count(), 0);
}

#[test]
fn a_bmc_that_nobody_has_proven_gets_no_chassis_command_and_shows_no_log_in_place_of_ours() {
    // What is on the board is ours; whose the one at the LAN address is, nobody knows: it tells no GUID, or the
    // operator says that GUIDs say nothing.
    for (identity, no_guid) in [(Identity::Address, false), (Identity::Unknown, true)] {
        for request in [Control::PowerCycle.request(), sel::get_entry(0), Request::new(SEL_INFO, [])] {
            let mut world = World::new(None, identity.clone(), true);
            world.board.no_guid = no_guid;
            world.start();
            world.run(SECOND);
            assert!(world.is_in_band());
            world.board.refuses = Some(Obstacle::Busy); // it is not sent, and LAN could
            let ours =
                |entry: &&bmcnotice::sim::Entry| entry.command == request.command && entry.netfn == request.netfn;
            let before = world.board.bmc.log().filter(ours).count();
            let ticket = world.submit(request.clone());
            world.run(SECOND * 10);
            assert_eq!(world.board.bmc.log().filter(ours).count(), before, "{request:?} {identity:?}");
            assert!(world.answers[&ticket].1.is_err());
            // LAN is the better road by now.
            let ticket = world.submit(request.clone());
            world.run(SECOND * 10);
            assert_eq!(world.board.bmc.log().filter(ours).count(), before, "{request:?} {identity:?}");
            assert!(world.answers[&ticket].1.is_err());
            // Words may be said to it.
            let ticket = world.submit(chassis_status());
            world.run(SECOND * 10);
            assert!(world.answers[&ticket].1.is_ok());
        }
    }
}

#[test]
fn what_the_driver_says_for_a_dead_bmc_is_no_answer() {
    for code in [0xC3, 0xD1, 0xD2, 0xFF] {
        let mut world = World::up();
        world.board.code = Some(code);
        let ticket = world.submit(device_id());
        world.run(SECOND);
        assert_eq!(world.answers[&ticket].1.as_ref().map(|response| response.completion), Ok(0), "{code:#x}");
        // And the road is not trusted any more: a record that must be added once takes the other one.
        let ticket = world.submit(record());
        world.run(SECOND);
        assert_eq!(world.answers[&ticket].1.as_ref().map(|response| response.completion), Ok(0), "{code:#x}");
        assert_eq!((world.board.took(&record()), world.board.bmc.sel().len()), (0, 1));
        assert_eq!(world.said(), [Remark::OverLan]);
        // Without another road it is told as it came.
        let mut world = World::new(None, Identity::Unknown, false);
        world.start();
        world.run(SECOND);
        world.board.code = Some(code);
        let ticket = world.submit(record());
        world.run(SECOND);
        let kept = world.answers[&ticket].1.as_ref().map(|response| response.completion);
        assert_eq!(kept, if code == 0xC3 { Err(&Failure::Silent) } else { Ok(code) });
    }
    // A BMC that says so to one command and not to others is well.
    let mut world = World::up();
    world.board.code = Some(0xFF);
    world.submit(device_id());
    world.board.code = None;
    world.run(SECOND * 60);
    assert_eq!(world.said(), []);
    assert!(world.is_in_band());
}

#[test]
fn a_bmc_that_was_dead_when_the_device_was_opened_is_asked_who_it_is_later() {
    for (code, hangs) in [(Some(0xD2), false), (Some(0xFF), false), (Some(0xC3), false), (None, true)] {
        let mut world = World::new(Some(OTHER), Identity::Unknown, false);
        (world.board.code, world.board.hangs) = (code, hangs);
        world.start();
        world.run(SECOND * 20);
        assert!(matches!(world.auto.status(), Status::Down { why: Some(Failure::Silent), .. }), "{code:?}");
        (world.board.code, world.board.hangs) = (None, false);
        world.run(SECOND * 10);
        assert_eq!(*world.auto.status(), Status::WrongIdentity { found: guid() }, "{code:?}");
    }
}

#[test]
fn late_answers_are_counted_and_a_slow_bmc_is_still_a_bmc() {
    // In-band alone, and three seconds for an answer.
    let mut world = World::new(None, Identity::Unknown, false);
    world.board.latency = SECOND * 3;
    world.start();
    world.run(SECOND * 4);
    assert!(world.is_in_band(), "{:?}", world.auto.status());
    for _ in 0..5 {
        let begun = world.now.boottime;
        let ticket = world.submit(device_id());
        world.run(SECOND * 7);
        let (after, result) = world.answer(ticket, begun).unwrap();
        assert!(result.is_ok() && after >= SECOND * 3, "{after:?} {result:?}");
        assert!(world.is_in_band(), "{:?}", world.auto.status());
    }
    // Slower than we wait: silent, and the answers to what was given up are no answers to anything else.
    world.board.latency = SECOND * 7;
    let begun = world.now.boottime;
    let ticket = world.submit(chassis_status());
    world.run(SECOND * 60);
    assert_eq!(world.answer(ticket, begun).unwrap().1, Err(Failure::Silent));
    assert!(matches!(world.auto.status(), Status::Down { why: Some(Failure::Silent), .. }));
    world.board.latency = Duration::from_millis(1);
    world.run(SECOND * 20);
    assert!(world.is_in_band(), "{:?}", world.auto.status());
    // The same question again: the answer to the first is none to the second.
    world.board.latency = SECOND * 7;
    let begun = world.now.boottime;
    let first = world.submit(device_id());
    world.run(Duration::from_millis(5500));
    let second = world.submit(device_id());
    world.run(SECOND * 60);
    for (ticket, after) in [(first, GIVE_UP), (second, GIVE_UP + Duration::from_millis(5500))] {
        assert_eq!(world.answer(ticket, begun), Some((after, Err(Failure::Silent))));
    }
}

#[test]
fn a_bmc_that_comes_and_goes_does_not_flood_the_log() {
    let mut world = World::up();
    for _ in 0..2000 {
        world.board.hangs = !world.board.hangs;
        let ticket = world.submit(device_id());
        world.run(SECOND * 7);
        assert!(world.answers[&ticket].1.is_ok());
    }
    let hours = 2000 * 7 / 3600;
    assert!(world.remarks.len() < 40 * hours, "{} lines in {hours} hours", world.remarks.len());
    assert!(world.remarks.len() > 10, "nothing was switched: nothing was tried");
}

#[test]
fn every_ticket_is_answered_once_whatever_happens() {
    for seed in 0..200_u8 {
        let mut dice = Random::from_seed([seed; 32]);
        let mut world = World::new(None, Identity::Unknown, !seed.is_multiple_of(3));
        world.start();
        let mut withdrawn = 0;
        for _ in 0..60 {
            match dice.u32() % 12 {
                0 => world.board.hangs = !world.board.hangs,
                1 => world.board.mute = !world.board.mute,
                2 => world.board.lan_cut = !world.board.lan_cut,
                3 => world.board.latency = Duration::from_millis(u64::from(dice.u32() % 7000)),
                4 => world.board.code = [None, None, Some(0xFF), Some(0xC3)][dice.u32() as usize % 4],
                5 => {
                    world.board.refuses =
                        [None, None, Some(Obstacle::Busy), Some(Obstacle::NoInterface)][dice.u32() as usize % 4]
                }
                6 => world.board.device = if dice.u32().is_multiple_of(2) { Ok(()) } else { Err(Obstacle::Denied) },
                7 if world.tickets > 0 => {
                    let ticket = Ticket(1 + u64::from(dice.u32()) % world.tickets);
                    let known = world.answers.contains_key(&ticket);
                    world.auto.withdraw(ticket);
                    world.drain();
                    if !known && world.answers.insert(ticket, (Duration::ZERO, Err(Failure::Stopped))).is_none() {
                        withdrawn += 1;
                        world.answers.remove(&ticket); // it may be answered all the same
                    }
                }
                8 => drop(world.submit(record())),
                _ => drop(world.submit(device_id())),
            }
            world.run(Duration::from_millis(u64::from(dice.u32() % 2500)));
        }
        world.auto.stop(world.now);
        world.drain();
        assert_eq!(world.auto.next_deadline(), None, "seed {seed}");
        let missing = world.tickets as usize - world.answers.len();
        assert!(missing <= withdrawn, "seed {seed}: {missing} tickets were never answered");
    }
}

#[test]
fn the_queue_is_bounded() {
    let mut world = World::new(None, Identity::Unknown, false);
    world.board.hangs = true;
    world.start();
    let tickets: Vec<Ticket> = (0..QUEUE * 3).map(|_| world.submit(device_id())).collect();
    let full =
        tickets.iter().filter(|ticket| world.answers.get(ticket).is_some_and(|a| a.1 == Err(Failure::QueueFull)));
    assert_eq!(full.count(), QUEUE * 2);
    world.run(SECOND * 30);
    assert!(tickets.iter().all(|ticket| world.answers.contains_key(ticket)));
}
