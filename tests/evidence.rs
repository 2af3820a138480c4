//! A trap is believed only when the BMC's log says the same: an engine and a simulated BMC under virtual time, and
//! forgers, who can send anything from the BMC's own address.
#![cfg(feature = "sim")]

#[path = "evidence/world.rs"]
mod world;

use bmcnotice::bmc::evidence::{Doubt, FRESH_FOR, POLL, SILENCE, STILLNESS};
use bmcnotice::crypto::usm::{Auth, Extension, Privacy};
use bmcnotice::recovery::journal::{Hold, Step};
use bmcnotice::sim::{Event, Handshaking, Options};
use bmcnotice::wire::sdr_cache;
use bmcnotice::words::{Guid, Phase, Trust};
use std::time::Duration;
use world::version3::Sender;
use world::{DELAY, World, ms, s};

/// One exchange with the BMC.
const ROUND: Duration = Duration::from_millis(2 * DELAY.as_millis() as u64);

/// A world whose BMC has written v3 with boots 7, time 1000.
fn version3() -> (World, Sender) {
    let sender = Sender::new("80001f8880c0ffee0102030405", Auth::Sha256, Some((Privacy::Aes128, Extension::Reeder)));
    let mut world = World::down("");
    world.users = sender.table().users;
    world.start(1);
    world.run(s(1));
    world.send3("fan-failure", 1, &sender, 7, 1000);
    world.run(s(1));
    (world, sender)
}

#[test]
fn an_authenticated_trap_asks_nobody() {
    let (mut world, sender) = version3();
    let reads = world.reads();
    world.send3("uncorrectable-memory", 2, &sender, 7, 1001);
    assert_eq!(world.recovers.first().map(|(_, trust)| *trust), Some(Trust::Authenticated));
    assert_eq!(world.reads(), reads);
}

#[test]
fn a_bmc_that_was_reset_has_lost_its_clock_and_its_log_says_so() {
    let (mut world, sender) = version3();
    world.raise_silently("uncorrectable-memory");
    world.send3("uncorrectable-memory", 2, &sender, 1, 12);
    assert_eq!(world.recovers, [], "not on its own word");
    world.run(s(2));
    assert_eq!(world.recovers.first().map(|(_, trust)| *trust), Some(Trust::Authenticated));
    assert!(world.said("its SNMP clock is taken over"));
    let (datagrams, fates) = world.fates();
    assert_eq!(datagrams, fates, "one that is handed in again counts once more");
    // From now on that is its clock, after a restart of ours, too.
    world.answer();
    world.run(s(1));
    world.kill();
    world.start(1);
    world.run(s(1));
    world.send3("fan-failure", 3, &sender, 1, 20);
    assert_eq!(world.record(world.newest()).notice.trust, Trust::Authenticated);
}

#[test]
fn a_replay_is_no_reset() {
    let (mut world, sender) = version3();
    world.send3("uncorrectable-memory", 2, &sender, 6, 12);
    world.run(s(60));
    assert_eq!(world.recovers, []);
    assert!(world.said("was a replay"));
    world.send3("uncorrectable-memory", 3, &sender, 6, 13);
    world.run(s(60));
    assert_eq!(world.recovers, []);
    world.send3("uncorrectable-memory", 4, &sender, 7, 1130);
    assert_eq!(world.recovers.len(), 1, "and the BMC's own clock still counts");
}

/// Lets time pass until the BMC knows that we are armed; how long that took.
fn armed(world: &mut World) -> Duration {
    let began = world.time;
    while world.bmc.handshaking() != Handshaking::Armed {
        assert!(world.time < began + s(60), "{:#?}", world.lines);
        world.run(ms(1));
    }
    world.time - began
}

#[test]
fn a_fault_right_behind_armed_is_new() {
    let mut world = World::down("");
    for boot in [1, 2] {
        world.raise_silently("fan-failure"); // the log has something already, once behind our place in it
        world.slow = ms(50);
        world.start(boot);
        armed(&mut world);
        world.raise("uncorrectable-memory");
        world.run(s(2));
        let trust = world.recovers.first().map(|(_, trust)| *trust);
        assert_eq!(trust, Some(Trust::Corroborated), "boot {boot}: {:#?}", world.lines);
        world.answer();
        world.run(s(2));
        world.kill();
        world.recovers.clear();
        world.bmc.restart(world.bmc_now(), s(1)); // it knows of nobody
        world.run(s(5));
    }
}

/// A session is open, and the log is being read.
fn reading() -> World {
    let mut world = World::down("");
    world.slow = ms(50);
    world.start(1);
    while !world.said("session open") {
        world.run(ms(1));
    }
    assert_ne!(world.bmc.handshaking(), Handshaking::Armed);
    world
}

#[test]
fn whoever_leaves_is_not_armed_any_more() {
    let mut world = reading();
    world.stop();
    world.run(s(20));
    assert!(world.said("the BMC knows that we are disarmed") && !world.said("the BMC knows that we are armed"));
}

#[test]
fn a_link_that_breaks_is_armed_when_it_is_back() {
    let mut world = reading();
    world.cut = true;
    world.run(s(60));
    assert!(!world.spins() && !world.said("could not be read yet"), "{:#?}", world.lines);
    world.cut = false;
    armed(&mut world);
}

#[test]
fn a_log_that_cannot_be_read_keeps_nobody_from_being_armed() {
    let mut world = World::down("");
    world.bmc.quirks_mut().erasing = s(30);
    world.clear_log();
    world.start(1);
    let took = armed(&mut world);
    assert!(took > s(9) && took < s(11) && world.said("could not be read yet"), "{took:?}: {:#?}", world.lines);
    // Whoever asks no log does not wait for it.
    let mut world = World::down("trust = \"address\"");
    world.bmc.quirks_mut().erasing = s(30);
    world.clear_log();
    world.start(1);
    assert!(armed(&mut world) < s(1), "{:#?}", world.lines);
}

#[test]
fn a_true_trap_starts_after_two_exchanges() {
    let mut world = World::down("");
    world.raise_silently("fan-failure");
    world.start(1);
    world.run(s(1));
    let reads = world.reads();
    world.raise("uncorrectable-memory");
    world.run(s(1));
    let began = world.began().expect("it begins");
    assert_eq!(world.reads() - reads, 2, "the place, and the record behind it");
    assert_eq!(began, 2 * ROUND);
    assert_eq!(world.statistics(), [1, 0, 0]);
    let (recover, trust) = world.recovers.first().expect("a recovery").clone();
    assert_eq!((recover.contains("ncorrectable"), trust), (true, Trust::Corroborated));
    let record = world.record(1);
    assert_eq!(record.notice.trust, Trust::Corroborated);
    assert_eq!(record.support().map(|record| record.sensor_number()), Some(0x20));
    // *Started* is told only after that.
    let order: Vec<usize> = [
        |step| matches!(step, Step::Asked(_)),
        |step| matches!(step, Step::Supported(_)),
        |step| matches!(step, Step::StartedSent),
    ]
    .iter()
    .map(|pick: &fn(Step) -> bool| record.steps().iter().position(|taken| pick(taken.step)).expect("the step"))
    .collect();
    assert!(order.is_sorted(), "{:?}", record.steps());
}

#[test]
fn an_address_alone_asks_nobody() {
    let mut world = World::of("trust = \"address\"", Options::default());
    let reads = world.reads();
    world.spoof("uncorrectable-memory", 77);
    world.run(DELAY);
    assert_eq!((world.began(), world.reads() - reads), (Some(Duration::ZERO), 0));
    assert_eq!(world.record(1).notice.trust, Trust::Address);
}

#[test]
fn a_forged_trap_starts_nothing_and_is_held_loudly() {
    let mut world = World::up();
    world.spoof("uncorrectable-memory", 77);
    world.run(STILLNESS - ms(10));
    assert_eq!(world.held(), None, "the record may still come");
    world.run(s(1));
    assert_eq!((world.began(), world.held()), (None, Some(Hold::Contradicted)));
    assert_eq!(world.statistics(), [0, 1, 0]);
    assert!(world.said("the BMC, asked, shows no such event"), "{:?}", world.lines);
    assert!(!world.bmc.log().any(|entry| entry.netfn == 0x30 && entry.data == [1]), "the BMC hears of no recovery");
    world.run(s(120));
    assert_eq!(world.began(), None);
    // The operator may know better.
    world.release(1);
    world.run(s(1));
    assert!(world.began().is_some());
}

#[test]
fn a_vendors_trap_that_names_its_event_is_proven_like_a_pet() {
    const VENDOR: &str = "1.3.6.1.4.1.55555";
    let number = [("1.3.6.1.4.1.55555.1.0", 0x20)];
    let mut world = World::up();
    world.raise_silently("uncorrectable-memory");
    world.send_vendor(VENDOR, 1, &number);
    world.run(s(1));
    assert!(world.began().is_some(), "{:?}", world.lines);
    assert_eq!(world.record(1).notice.trust, Trust::Corroborated);
    // Of a forged one the log knows nothing; nor of another sensor's.
    for other in [0x20, 0x21] {
        let mut world = World::up();
        if other == 0x21 {
            world.raise_silently("uncorrectable-memory");
        }
        world.send_vendor(VENDOR, 1, &[("1.3.6.1.4.1.55555.1.0", other)]);
        world.run(DELAY + FRESH_FOR + s(10));
        assert_eq!((world.began(), world.held()), (None, Some(Hold::Contradicted)), "sensor {other:02x}h");
    }
    // One whose event nobody knows cannot be asked for.
    let mut world = World::up();
    world.send_vendor(VENDOR, 2, &number);
    world.run(s(1));
    assert_eq!((world.began(), world.held().is_some()), (None, true));
}

#[test]
fn a_record_may_come_after_its_trap() {
    for (late, held) in [(ms(300), None), (s(3), None), (s(9), None), (s(30), Some(Hold::Contradicted))] {
        let mut world = World::up();
        world.bmc.quirks_mut().sel_after_pet = late;
        world.raise("cpu-ierr");
        world.run(late - ms(1));
        assert_eq!((world.began(), world.held()), (None, held), "{late:?}");
        world.run(s(4));
        let began = world.began().unwrap_or_else(|| panic!("{late:?}: {:?}", world.lines));
        let poll = if held.is_some() { s(2) } else { POLL };
        assert!(began >= late && began <= late + poll + 4 * ROUND, "{late:?}: {began:?}");
    }
}

#[test]
fn a_trap_may_come_after_its_record_was_read() {
    for (late, started) in [(s(45), true), (FRESH_FOR + s(40), false)] {
        let mut world = World::up();
        world.bmc.set_alert(None);
        world.raise("cpu-ierr");
        world.run(late); // the log is looked at every half a minute
        let reads = world.reads();
        world.spoof("cpu-ierr", 5); // not forged: this is the one that the network kept so long
        world.run(if started { ms(1) } else { STILLNESS + s(2) });
        assert_eq!(world.began().is_some(), started, "{late:?}: {:?}", world.lines);
        if started {
            assert_eq!(world.reads(), reads, "it is known already");
        }
    }
}

#[test]
fn one_record_supports_one_notice() {
    let mut world = World::up();
    world.raise("cpu-ierr");
    world.run(s(1));
    assert!(world.began().is_some());
    world.answer();
    world.run(s(1));
    world.cancel(1); // ready for the next one
    world.began = None;
    world.spoof("cpu-ierr", 999);
    world.run(STILLNESS + s(2));
    assert_eq!(world.began(), None, "{:?}", world.lines);
    world.raise("cpu-ierr");
    world.run(s(1));
    assert!(world.began().is_some(), "the next true one is: {:?}", world.lines);
}

#[test]
fn forgers_do_not_stand_in_the_way_of_a_true_one() {
    let mut world = World::up();
    for sequence in 1000..1400 {
        world.spoof("thermal-trip", sequence);
    }
    world.run(ms(100));
    let now = world.time;
    world.raise("uncorrectable-memory");
    world.run(s(1));
    let began = world.began_at.expect("it begins");
    assert!(began - now <= POLL + 4 * ROUND, "{:?}", began - now);
    let (sentence, trust) = world.recovers.last().expect("a recovery").clone();
    assert!(sentence.contains("emory"), "it is about what the BMC has logged: {sentence}");
    assert_eq!(trust, Trust::Corroborated);
    // Nor after they have got it held.
    let mut world = World::up();
    world.spoof("thermal-trip", 5);
    world.run(STILLNESS + s(1));
    assert_eq!(world.held(), Some(Hold::Contradicted));
    world.raise("uncorrectable-memory");
    world.run(s(1));
    assert!(world.began().is_some(), "{:?}", world.lines);
}

/// What makes the log's silence mean nothing, and why.
#[test]
fn silence_is_no_answer_when() {
    type Change = fn(&mut World);
    let table: &[(&str, Change, Doubt, Duration)] = &[
        ("events are not logged", |world| world.bmc.quirks_mut().logging_off = true, Doubt::NotLogging, STILLNESS),
        ("the log is full", |world| world.fill(), Doubt::Full, STILLNESS),
        ("the BMC is silent", |world| world.bmc.quirks_mut().silent = true, Doubt::Silent, SILENCE),
        ("the network is cut", |world| world.cut = true, Doubt::Silent, SILENCE),
    ];
    for (what, change, doubt, after) in table {
        for recovers in [false, true] {
            let more = if recovers { "when_unverifiable = \"recover\"" } else { "" };
            let mut world = World::of(more, Options { sel_capacity: 40, ..Options::default() });
            change(&mut world);
            world.run(s(31));
            world.spoof("uncorrectable-memory", 77);
            world.run(*after - ms(50));
            assert_eq!((world.began(), world.held()), (None, None), "{what}");
            world.run(s(2));
            let found = world.doubt(1);
            assert_eq!(found, Some(*doubt), "{what}: {:?}", world.lines);
            assert_eq!(world.statistics(), [0, 0, 1], "{what}");
            assert_eq!(world.began().is_some(), recovers, "{what}");
            assert_eq!(world.held().is_none(), recovers, "{what}: {:?}", world.held());
        }
    }
}

#[test]
fn what_moves_meanwhile_makes_silence_mean_nothing() {
    // Another event.
    let mut world = World::up();
    world.spoof("uncorrectable-memory", 77);
    world.run(s(5));
    world.bmc.set_alert(None);
    world.raise("fan-failure");
    world.run(s(6));
    assert_eq!((world.held(), world.doubt(1)), (Some(Hold::Unverifiable), Some(Doubt::Moved)));
    // The log is cleared.
    let mut world = World::up();
    world.raise("correctable-memory");
    world.run(s(31));
    world.spoof("uncorrectable-memory", 77);
    world.run(s(5));
    world.clear_log();
    world.run(s(6));
    assert_eq!((world.held(), world.doubt(2)), (Some(Hold::Unverifiable), Some(Doubt::Moved)), "{:?}", world.lines);
    // What we and other nodes write for people is no movement.
    let mut world = World::of("#sel", Options::default());
    world.spoof("uncorrectable-memory", 77);
    world.run(s(5));
    world.write_own();
    world.run(s(6));
    assert_eq!(world.held(), Some(Hold::Contradicted), "{:?}", world.lines);
}

#[test]
fn a_log_that_was_cleared_still_proves_what_came_after() {
    let mut world = World::up();
    for _ in 0..3 {
        world.raise("correctable-memory");
        world.run(s(1));
    }
    world.run(s(31));
    world.clear_log();
    world.raise("uncorrectable-memory");
    world.run(s(1));
    assert!(world.began().is_some(), "{:?}", world.lines);
}

#[test]
fn only_the_right_bmc_proves_anything() {
    // Nobody knows whose it is.
    let mut world = World::of("#unpinned", Options::default());
    world.raise("uncorrectable-memory");
    world.run(ms(10));
    assert_eq!((world.held(), world.doubt(1)), (Some(Hold::Unverifiable), Some(Doubt::Unidentified)));
    // Another system's, whose log has such a record.
    let mut world = World::down("");
    world.bmc.quirks_mut().shown_guid = Some(Guid([9; 16]));
    world.start(1);
    world.run(s(1));
    world.raise("uncorrectable-memory");
    world.run(ms(10));
    assert_eq!((world.held(), world.doubt(1)), (Some(Hold::Unverifiable), Some(Doubt::OtherSystem)));
    assert_eq!(world.reads(), 0);
    // There was another one, and now it is the right one.
    world.bmc.quirks_mut().shown_guid = None;
    world.run(s(120));
    world.raise("uncorrectable-memory");
    world.run(s(1));
    assert!(world.began().is_some());
}

#[test]
fn a_bmc_that_comes_back_answers_for_what_it_logged_meanwhile() {
    let mut world = World::up();
    world.bmc.restart(world.bmc_now(), s(20));
    world.drain();
    world.raise("uncorrectable-memory");
    world.run(s(10));
    assert_eq!((world.held(), world.doubt(1)), (Some(Hold::Unverifiable), Some(Doubt::Silent)), "{:?}", world.lines);
    world.run(s(60));
    assert!(world.began().is_some(), "{:?}", world.lines);
}

#[test]
fn before_anybody_has_looked_nothing_is_fresh() {
    let mut world = World::down("");
    world.raise_silently("uncorrectable-memory");
    world.run(s(5));
    world.start(1);
    world.spoof("uncorrectable-memory", 77); // before the session is open
    world.run(STILLNESS + s(1));
    assert_eq!((world.held(), world.doubt(1)), (Some(Hold::Unverifiable), Some(Doubt::NoPlace)), "{:?}", world.lines);
    // What comes later is.
    world.raise("uncorrectable-memory");
    world.run(s(1));
    assert!(world.began().is_some());
}

#[test]
fn a_trap_after_a_boot_for_a_fault_before_it_starts_nothing() {
    let mut world = World::up();
    world.run(s(5));
    world.kill();
    world.raise_silently("uncorrectable-memory"); // and the host resets, and comes up
    world.run(s(60));
    world.start(2);
    world.run(s(1));
    world.spoof("uncorrectable-memory", 5); // its BMC sends it again, to those who are up now
    world.run(STILLNESS + s(2));
    assert_eq!(world.began(), None, "{:?}", world.lines);
    assert_eq!((world.held(), world.doubt(2)), (Some(Hold::Contradicted), Some(Doubt::Older)), "the log says so");
    assert!(world.said("while we were away it logged record"), "{:?}", world.lines);
}

#[test]
fn a_restart_of_ours_loses_no_evidence() {
    // The record came while we were away.
    let mut world = World::up();
    world.kill();
    world.raise_silently("uncorrectable-memory");
    world.run(s(3));
    world.start(1);
    world.run(s(1));
    world.spoof("uncorrectable-memory", 5);
    world.run(s(1));
    assert!(world.began().is_some(), "{:?}", world.lines);
    // We were killed while we asked.
    let mut world = World::up();
    world.bmc.quirks_mut().sel_after_pet = s(3);
    world.raise("uncorrectable-memory");
    world.run(s(1));
    world.kill();
    world.run(s(1));
    world.start(1);
    world.run(s(3));
    assert!(world.began().is_some(), "{:?}", world.lines);
    // We were killed after the record was read, before its trap came.
    let mut world = World::up();
    world.bmc.set_alert(None);
    world.raise("uncorrectable-memory");
    world.run(s(35));
    world.kill();
    world.start(1);
    world.run(s(1));
    world.spoof("uncorrectable-memory", 5);
    world.run(s(1));
    assert!(world.began().is_some(), "{:?}", world.lines);
    // What a former process has used proves nothing to its successor.
    let mut world = World::up();
    world.raise("uncorrectable-memory");
    world.run(s(1));
    world.answer();
    world.run(s(1));
    world.cancel(1);
    world.run(s(1));
    world.kill();
    world.began = None;
    world.start(1);
    world.run(s(1));
    world.spoof("uncorrectable-memory", 999);
    world.run(STILLNESS + s(2));
    assert_eq!(world.began(), None, "{:?}", world.lines);
}

#[test]
fn a_forged_trap_that_the_operator_cancelled_uses_no_record_up() {
    let mut world = World::up();
    world.spoof("uncorrectable-memory", 77);
    world.run(STILLNESS + s(1));
    assert_eq!(world.held(), Some(Hold::Contradicted));
    world.cancel(1);
    // The true one: its record is read, and then its trap comes.
    world.raise_silently("uncorrectable-memory");
    world.run(s(30));
    world.spoof("uncorrectable-memory", 5);
    world.run(s(1));
    assert!(world.began().is_some(), "{:?}", world.lines);
}

#[test]
fn a_forged_clearing_clears_nothing() {
    let mut world = World::of("cool_down = \"0s\"", Options::default());
    world.spoof("uncorrectable-memory", 5);
    world.run(STILLNESS + s(1));
    assert_eq!(world.held(), Some(Hold::Contradicted));
    world.spoof_cleared("uncorrectable-memory", 6);
    world.run(STILLNESS + s(2));
    assert_eq!(world.held(), Some(Hold::Contradicted));
    assert!(world.said("a trap says that the fault is over; not believed"), "{:?}", world.lines);
    world.clear("uncorrectable-memory");
    world.run(s(1));
    assert_eq!(world.held(), None, "{:?}", world.lines);
}

#[test]
fn the_end_of_another_fault_is_not_this_ones() {
    for more in ["", "trust = \"address\""] {
        let mut world = World::of(more, Options::default());
        world.raise("uncorrectable-memory");
        world.run(s(1));
        world.answer();
        world.run(s(1));
        let serial = world.newest();
        assert!(world.began().is_some(), "{:?}", world.lines);
        world.raise("fan-failure");
        world.run(s(1));
        world.clear("fan-failure");
        world.run(s(2));
        assert_eq!(world.record(serial).closed(), None, "{more}: {:?}", world.lines);
        // Nor after a restart, which finds the record of that end.
        world.kill();
        world.start(1);
        world.run(s(2));
        assert_eq!(world.record(serial).closed(), None, "{more}: {:?}", world.lines);
        world.clear("uncorrectable-memory");
        world.run(s(2));
        assert!(world.record(serial).closed().is_some(), "{more}: {:?}", world.lines);
    }
}

#[test]
fn a_slow_bmc_contradicts_a_forged_trap_too() {
    let mut world = World::of("when_unverifiable = \"recover\"", Options::default());
    world.slow = ms(600);
    world.run(s(30));
    world.spoof("uncorrectable-memory", 77);
    world.run(s(30));
    assert_eq!((world.held(), world.began()), (Some(Hold::Contradicted), None), "{:?}", world.lines);
    world.raise("uncorrectable-memory");
    world.run(s(6));
    assert!(world.began().is_some(), "{:?}", world.lines);
}

#[test]
fn what_was_over_before_the_fault_came_is_not_its_end() {
    let mut world = World::up();
    // The BMC logs an end that concerns nobody.
    world.raise_silently("uncorrectable-memory");
    world.clear("uncorrectable-memory");
    world.run(s(26));
    world.raise("uncorrectable-memory");
    world.run(s(1));
    world.answer();
    world.run(s(1));
    let serial = world.newest();
    world.spoof_cleared("uncorrectable-memory", 999);
    world.run(STILLNESS + s(2));
    assert_eq!(world.record(serial).closed(), None, "{:?}", world.lines);
    // The end of this one is.
    world.clear("uncorrectable-memory");
    world.run(s(1));
    assert!(world.record(serial).closed().is_some(), "{:?}", world.lines);
}

#[test]
fn what_was_handled_before_a_boot_was_not_missed() {
    let mut world = World::up();
    world.raise("uncorrectable-memory");
    world.run(s(1));
    world.answer();
    world.run(s(1));
    assert!(world.began().is_some(), "{:?}", world.lines);
    world.kill(); // with the host
    world.run(s(20));
    world.start(2);
    world.run(s(40));
    assert!(!world.said("while we were away"), "{:?}", world.lines);
}

#[test]
fn what_was_missed_is_told_and_starts_nothing() {
    // Not at the first start: that is history.
    let mut world = World::down("");
    world.raise_silently("uncorrectable-memory");
    world.start(1);
    world.run(s(70));
    assert!(!world.said("while we were away"), "{:?}", world.lines);
    // While we were away, and while the BMC was; not what a trap told.
    world.raise_silently("fan-failure");
    world.run(s(100));
    assert!(!world.said("while we were away"), "{:?}", world.lines);
    world.kill();
    world.raise_silently("cpu-ierr");
    world.start(1);
    world.run(s(1));
    let missed = |world: &World| world.lines.iter().filter(|line| line.contains("while we were away")).count();
    assert_eq!((missed(&world), world.began()), (1, None), "{:?}", world.lines);
    assert!(world.said("record 0003h: Processor (sensor 10h): IERR asserted"), "{:?}", world.lines);
    let noted = world.record(1);
    assert!(noted.monitor.is_none() && noted.notice.sentence.contains("missed while we were away"), "{noted:?}");
    world.lines.clear();
    world.cut = true;
    world.raise_silently("thermal-trip");
    world.run(s(100));
    world.cut = false;
    world.run(s(30));
    assert_eq!((missed(&world), world.began()), (1, None), "{:?}", world.lines);
    // Unless nobody wants to hear it.
    let mut world = World::of("#no catch-up", Options::default());
    world.kill();
    world.raise_silently("cpu-ierr");
    world.start(1);
    world.run(s(5));
    assert_eq!(missed(&world), 0, "{:?}", world.lines);
}

#[test]
fn a_quiet_witness_asks_twice_a_minute() {
    let mut world = World::up();
    world.run(s(30)); // what its sensors are called was read
    let commands = world.bmc.log().count();
    world.run(s(300));
    let asked = world.bmc.log().count() - commands;
    assert!((10..=13).contains(&asked), "{asked}");
}

#[test]
fn the_bmc_hears_started_only_once_it_has_shown_the_record() {
    let mut world = World::up();
    world.bmc.quirks_mut().sel_after_pet = s(2);
    world.raise("uncorrectable-memory");
    world.run(s(5));
    let heard = world.events.iter().position(|event| matches!(event, Event::RecoveryStarted { .. }));
    assert!(heard.is_some(), "{:?}", world.events);
    assert!(world.told(Phase::Started) >= s(2));
}

#[test]
fn a_reload_keeps_the_place_in_the_log_and_asks_again() {
    let mut world = World::up();
    world.bmc.quirks_mut().sel_after_pet = s(20);
    world.raise("uncorrectable-memory");
    world.run(STILLNESS + s(1));
    assert_eq!(world.held(), Some(Hold::Contradicted));
    world.reload();
    world.run(s(12));
    assert!(world.began().is_some(), "{:?}", world.lines);
}

#[test]
fn a_reload_after_which_nobody_asks_the_log_leaves_nothing_due() {
    let mut world = World::up();
    world.run(s(5));
    world.reload_as("trust = \"address\" # alone");
    let reads = world.reads();
    world.run(s(120)); // it comes to rest
    assert!(!world.spins());
    assert_eq!(world.reads(), reads);
}

#[test]
fn what_is_held_for_want_of_evidence_is_asked_for_by_our_successor() {
    let mut world = World::up();
    world.bmc.quirks_mut().sel_after_pet = s(20);
    world.raise("uncorrectable-memory");
    world.run(STILLNESS + s(1));
    assert_eq!(world.held(), Some(Hold::Contradicted));
    world.kill(); // the BMC's trap is acknowledged: it comes no more
    world.run(s(1));
    world.start(1);
    world.run(s(15));
    assert!(world.began().is_some(), "{:?}", world.lines);
}

#[test]
fn sensors_are_called_by_their_names_once_those_are_known() {
    let mut world = World::up();
    world.run(s(30));
    assert!(world.said("12 sensors have names"), "{:?}", world.lines);
    world.raise("uncorrectable-memory");
    world.run(s(1));
    let (sentence, _) = world.recovers.first().expect("a recovery");
    assert!(sentence.starts_with("Memory (DIMM A1, sensor 20h): "), "{sentence}");
    // Another session: one question, for nothing has changed.
    let commands = |world: &World| world.bmc.log().filter(|entry| entry.command == 0x23).count();
    let before = commands(&world);
    world.bmc.restart(world.bmc_now(), s(2));
    world.drain();
    world.run(s(120));
    assert_eq!(commands(&world), before);
}

/// A life in which the names were read and kept.
fn with_a_cache() -> World {
    let mut world = World::up();
    world.run(s(30));
    assert!(world.said("12 sensors have names") && world.cache.is_some(), "{:?}", world.lines);
    world.kill();
    world.lines.clear();
    world
}

fn asked(world: &World, number: u8) -> usize {
    world.bmc.log().filter(|entry| (entry.netfn, entry.command) == (0x0A, number)).count()
}

#[test]
fn a_second_life_knows_the_names_at_once_and_asks_one_question() {
    let mut world = with_a_cache();
    let (info, records) = (asked(&world, 0x20), asked(&world, 0x23));
    world.start(1);
    assert!(world.said("12 sensors have names, as cached"), "before any session: {:?}", world.lines);
    world.raise("uncorrectable-memory");
    world.run(s(1));
    let (sentence, _) = world.recovers.first().expect("a recovery");
    assert!(sentence.starts_with("Memory (DIMM A1, sensor 20h): "), "{sentence}");
    world.answer();
    let cache = world.cache.take();
    world.run(s(120));
    assert_eq!((asked(&world, 0x20) - info, asked(&world, 0x23) - records), (1, 0));
    assert_eq!((world.cache.clone(), cache.is_some()), (None, true), "nothing new is to be kept");
    // The repository is another one in the third life: it is read, and kept.
    world.kill();
    world.cache = cache.clone();
    world.bmc.quirks_mut().sdr_count = Some(99);
    world.start(1);
    world.run(s(60));
    assert!(asked(&world, 0x23) > records);
    assert!(world.cache.is_some() && world.cache != cache);
}

#[test]
fn the_cache_of_another_bmc_names_nothing() {
    let mut world = with_a_cache();
    let octets = world.cache.clone().expect("a cache");
    let (_, stamp, names) = sdr_cache::parse(&octets).expect("ours");
    world.cache = Some(sdr_cache::emit(&Guid([0xEE; 16]), &stamp, &names));
    let records = asked(&world, 0x23);
    world.start(1);
    assert!(!world.said("have names"), "nobody knows yet whose it is");
    world.run(s(1));
    assert!(world.said("made anew: it is of another BMC (GUID eeeeeeee-"), "{:?}", world.lines);
    world.raise("uncorrectable-memory");
    world.run(s(1));
    let (sentence, _) = world.recovers.first().expect("a recovery");
    assert!(sentence.starts_with("Memory (sensor 20h): "), "{sentence}");
    world.answer();
    world.run(s(60));
    assert!(asked(&world, 0x23) > records);
    assert_eq!(world.cache, Some(octets), "it is made anew");
}

#[test]
fn a_broken_cache_is_said_once_and_made_anew() {
    let mut world = with_a_cache();
    let octets = world.cache.clone().expect("a cache");
    world.cache = Some(octets[..octets.len() / 2].to_vec());
    world.start(1);
    world.run(s(60));
    let said = world.lines.iter().filter(|line| line.contains("made anew")).collect::<Vec<_>>();
    assert_eq!(said, ["the cache of sensors' names is made anew: torn or damaged"]);
    assert_eq!(world.cache, Some(octets));
}
