//! Faults, traps, the handshake and the watchdog of the simulated BMC, under virtual time.
#![cfg(feature = "sim")]

#[path = "support/board.rs"]
mod board;

use bmcnotice::sim::{AfterFailed, Alert, Event, Handshake, Handshaking, Power, RestartCause};
use bmcnotice::words::Outcome;
use board::*;
use core::time::Duration;

#[test]
fn a_trap_tells_the_fault_as_the_sel_does() {
    let mut world = World::new(|_| {});
    world.raise("uncorrectable-memory");
    let pet = world.pet(0);
    assert_eq!(pet.specific_trap(), 814_849); // 0C 6F 01
    assert_eq!((pet.guid, pet.sequence, pet.severity), (world.bmc.options().guid, 1, 0x20));
    assert_eq!(u64::from(pet.timestamp) + 883_612_800, WALL);
    assert_eq!((pet.sensor_device, pet.sensor_number, pet.entity, pet.entity_instance), (0x20, 0x20, 0x20, 1));
    let record = world.bmc.sel()[0];
    assert_eq!(record[..3], [1, 0, 2]);
    assert_eq!(u64::from(u32::from_le_bytes([record[3], record[4], record[5], record[6]])), WALL);
    assert_eq!(record[10..], [0x0C, 0x20, 0x6F, 0x31, 0xFF, 0x01]);
    assert_eq!(record[13..], pet.event_data[..3]);
}

#[test]
fn a_cleared_fault_is_told_as_a_deassertion() {
    let mut world = World::new(|_| {});
    world.raise("psu-lost");
    assert_eq!(world.command(0x04, 0x2D, &[0x40]), (0, vec![0, 0xC0, 0x08, 0x80]));
    world.clear("psu-lost");
    assert!(!world.pet(0).deasserted && world.pet(1).deasserted);
    assert_eq!(world.pet(1).specific_trap(), 0x0008_6F83);
    assert_eq!(world.bmc.sel()[1][12], 0xEF, "bit 7 of the event type: deasserted");
    assert_eq!(world.command(0x04, 0x2D, &[0x40]), (0, vec![0, 0xC0, 0, 0x80]));
}

#[test]
fn traps_repeat_until_the_retries_are_used_up() {
    let mut world = World::new(|_| {});
    world.raise("fan-failure");
    world.pass(SECOND * 300);
    assert_eq!(world.trap_times(), [0, 20, 40], "three times within a minute");
    assert_eq!(world.traps[0].1, monitor());
    assert_eq!(world.traps[0].2, world.traps[2].2, "one sequence number, the same octets");
    assert_eq!(world.when(|event| matches!(event, Event::TrapGivenUp { sequence: 1 })), Some(SECOND * 60));
}

#[test]
fn traps_repeat_until_acknowledged() {
    let mut world = World::new(|_| {});
    world.raise("fan-failure");
    world.raise("psu-lost");
    world.pass(SECOND * 21);
    let mut wrong = world.pet(0).acknowledge();
    wrong[0] ^= 0x40;
    assert_eq!(world.command(0x04, 0x17, &wrong), (0, Vec::new()));
    assert!(world.when(|event| matches!(event, Event::AcknowledgeUnmatched { .. })).is_some());
    let right = world.pet(0).acknowledge();
    assert_eq!(world.command(0x04, 0x17, &right), (0, Vec::new()));
    assert!(world.when(|event| matches!(event, Event::TrapAcknowledged { sequence: 1, .. })).is_some());
    let told = world.story.len();
    assert_eq!(world.command(0x04, 0x17, &right), (0, Vec::new()), "a second one is fine");
    assert_eq!(world.story.len(), told);
    assert_eq!(world.command(0x04, 0x17, &right[..11]).0, 0xC7);
    world.pass(SECOND * 100);
    assert_eq!(world.trap_times(), [0, 0, 20, 20, 40], "only the other goes on");
    assert_eq!(world.pet(4).sequence, 2);
}

#[test]
fn without_acknowledge_a_trap_goes_once() {
    let mut world = World::new(|options| {
        options.alert = Some(Alert { acknowledged: false, ..Alert::to(monitor()) });
    });
    world.raise("fan-failure");
    world.pass(SECOND * 300);
    assert_eq!(world.trap_times(), [0]);
}

#[test]
fn unarmed_it_resets_at_once_but_tells_first() {
    let mut world = World::new(|_| {});
    world.raise("cpu-ierr");
    assert_eq!(world.traps.len(), 1);
    let names: Vec<String> = world.story.iter().map(|(_, event)| event.to_string()).collect();
    assert_eq!(
        names,
        [
            "fault detected: internal error (IERR) of CPU 1 (SEL record 1), fatal",
            "trap 1 sent to 127.0.0.1:1162 (1 of 3)",
            "resetting the server (for a fatal fault)",
        ]
    );
    assert_eq!(world.bmc.power(), Power::Booting { until: world.now.boottime + SECOND * 5 });
    assert!(world.bmc.power().is_on(), "a reset keeps the power");
    world.pass(SECOND * 5);
    assert_eq!((world.bmc.power(), world.bmc.restart_cause()), (Power::Up, RestartCause::Pef));
    assert_eq!(world.when(|event| matches!(event, Event::HostBooted)), Some(SECOND * 5));
}

#[test]
fn what_is_not_fatal_resets_nothing() {
    for name in ["fan-failure", "psu-lost", "correctable-memory"] {
        let mut world = World::new(|_| {});
        world.raise(name);
        world.pass(SECOND * 300);
        assert_eq!((world.bmc.resets(), world.bmc.power()), (0, Power::Up), "{name}");
    }
}

#[test]
fn armed_it_holds_until_ended() {
    let mut world = World::new(|_| {});
    world.say(&[0x00]);
    world.raise("uncorrectable-memory");
    world.pass(SECOND * 2);
    world.say(&[0x01]);
    world.pass(SECOND * 30);
    world.raise("cpu-ierr");
    assert_eq!(world.reset_at(), None);
    world.say(&[0x02, 0x00]);
    assert_eq!(world.reset_at(), Some(SECOND * 32));
    let started =
        world.when(|event| matches!(event, Event::RecoveryStarted { after: Some(after), .. } if *after == SECOND * 2));
    assert_eq!(started, Some(SECOND * 2));
    assert_eq!(world.bmc.handshaking(), Handshaking::Unarmed, "a reset disarms");
    world.pass(SECOND * 300);
    assert_eq!(world.bmc.resets(), 1, "the patience of a held reset is forgotten with it");
}

#[test]
fn armed_it_holds_until_its_patience_is_over() {
    let mut world = World::new(|options| options.patience = SECOND * 45);
    world.say(&[0x00]);
    world.pass(SECOND * 10);
    world.raise("uncorrectable-memory");
    world.pass(SECOND * 5);
    world.say(&[0x01]);
    world.say(&[0x00]); // a keep-alive does not prolong it
    world.pass(SECOND * 300);
    assert_eq!(world.when(|event| matches!(event, Event::PatienceOver)), Some(SECOND * 55));
    assert_eq!(world.reset_at(), Some(SECOND * 55));
}

#[test]
fn a_failed_recovery_resets_or_not_as_chosen() {
    for (choice, resets) in [(AfterFailed::Reset, 1), (AfterFailed::Stay, 0)] {
        for outcome in [0x01, 0x02] {
            let mut world = World::new(|options| options.after_failed = choice);
            world.say(&[0x00]);
            world.raise("uncorrectable-memory");
            world.say(&[0x02, outcome]);
            world.pass(SECOND * 300);
            assert_eq!(world.bmc.resets(), resets);
        }
    }
}

#[test]
fn the_handshake_also_comes_as_sel_records() {
    let mut world = World::new(|_| {});
    world.add_record(b"A");
    assert_eq!(world.bmc.handshaking(), Handshaking::Armed);
    world.raise("uncorrectable-memory");
    world.add_record(b"S");
    world.add_record(b"X"); // some other OEM record
    assert_eq!(world.reset_at(), None);
    world.add_record(b"ED");
    assert_eq!(world.bmc.resets(), 1);
    let done = |event: &Event| matches!(event, Event::RecoveryEnded { outcome: Outcome::Done, .. });
    assert!(world.when(done).is_some());
    assert_eq!(world.bmc.sel().len(), 5);
    world.add_record(b"A");
    world.add_record(b"D");
    assert_eq!(world.bmc.handshaking(), Handshaking::Unarmed);
}

#[test]
fn a_stock_bmc_cannot_be_armed() {
    let mut world = World::new(|options| options.handshake = Handshake { raw: false, sel: false });
    assert_eq!(world.command(0x30, 0x70, &[0x00]), (0xC1, Vec::new()));
    world.add_record(b"A");
    assert_eq!(world.bmc.handshaking(), Handshaking::Unarmed);
}

#[test]
fn armed_may_name_where_traps_go() {
    let mut world = World::new(|options| options.alert = None);
    world.raise("fan-failure");
    assert_eq!(world.traps.len(), 0);
    world.say(&[0x00, 127, 0, 0, 9, 0x8A, 0x04]);
    world.raise("fan-failure");
    assert_eq!(world.traps[0].1, "127.0.0.9:1162".parse().unwrap());
}

#[test]
fn bad_words_are_refused_and_change_nothing() {
    let mut world = World::new(|_| {});
    for (data, code) in [
        (&[][..], 0xC7),
        (&[0x00, 1], 0xC7),
        (&[0x01, 1], 0xC7),
        (&[0x02], 0xC7),
        (&[0x02, 3], 0xCC),
        (&[0x03, 3], 0xC7),
        (&[0x04], 0xCC),
        (&[0xFF, 1, 2], 0xCC),
    ] {
        assert_eq!(world.command(0x30, 0x70, data), (code, Vec::new()), "{data:?}");
    }
    world.bmc.quirks_mut().handshake_code = Some(0xC0);
    assert_eq!(world.command(0x30, 0x70, &[0x00]), (0xC0, Vec::new()));
    assert_eq!(world.bmc.handshaking(), Handshaking::Unarmed);
}

#[test]
fn the_watchdog_counts_and_resets() {
    let mut world = World::new(|_| {});
    assert_eq!(world.command(0x06, 0x22, &[]).0, 0x80, "Reset before any Set");
    assert_eq!(world.command(0x06, 0x24, &[0x04, 0x01, 0, 0x10, 0x2C, 0x01]).0, 0); // 30 s, hard reset
    assert_eq!(world.command(0x06, 0x22, &[]).0, 0);
    world.pass(Duration::from_millis(12_350));
    assert_eq!(world.command(0x06, 0x25, &[]).1, [0x44, 0x01, 0, 0, 0x2C, 0x01, 177, 0]);
    world.pass(SECOND * 30);
    assert_eq!(world.reset_at(), Some(SECOND * 30));
    assert_eq!(world.bmc.restart_cause(), RestartCause::Watchdog);
    assert_eq!(world.command(0x00, 0x07, &[]).1[0], 0x04);
    assert_eq!(world.command(0x06, 0x25, &[]).1, [0x04, 0x01, 0, 0x10, 0x2C, 0x01, 0, 0]);
    assert_eq!(world.bmc.sel()[0][10..15], [0x23, 0x60, 0x6F, 0xC1, 0x04]);
}

#[test]
fn a_silent_watchdog_logs_nothing_and_power_actions_act() {
    let mut world = World::new(|_| {});
    assert_eq!(world.command(0x06, 0x24, &[0x84, 0x03, 0, 0, 10, 0]).0, 0); // 1 s, power cycle, don't log
    assert_eq!(world.command(0x06, 0x22, &[]).0, 0);
    world.pass(SECOND);
    assert!(!world.bmc.power().is_on());
    world.pass(SECOND);
    assert!(world.bmc.power().is_on());
    assert!(world.bmc.sel().is_empty());
    assert_eq!(world.command(0x00, 0x02, &[0x00]).0, 0, "power down");
    assert_eq!(world.command(0x00, 0x02, &[0x03]).0, 0xD5, "nothing to reset");
    assert_eq!(world.command(0x00, 0x01, &[]).1[0], 0);
    assert_eq!(world.command(0x00, 0x02, &[0x09]).0, 0xCC);
}

#[test]
fn a_reset_stops_the_watchdog() {
    let mut world = World::new(|_| {});
    world.command(0x06, 0x24, &[0x04, 0x01, 0, 0, 100, 0]);
    world.command(0x06, 0x22, &[]);
    world.pass(SECOND * 4);
    world.raise("thermal-trip");
    world.pass(SECOND * 60);
    assert_eq!(world.bmc.resets(), 1);
    assert_eq!(world.command(0x06, 0x25, &[]).1[6..], [60, 0]);
}

#[test]
fn sel_reservations_guard_what_erases() {
    let mut world = World::new(|options| options.sel_capacity = 2);
    for _ in 0..3 {
        world.raise("fan-failure");
    }
    assert_eq!(world.command(0x0A, 0x40, &[]).1[13], 0x8A, "overflow");
    assert_eq!(world.command(0x0A, 0x44, &[0; 16]).0, 0xC4);
    let id = world.command(0x0A, 0x42, &[]).1;
    let clear = [id[0], id[1], b'C', b'L', b'R', 0xAA];
    world.command(0x0A, 0x42, &[]);
    assert_eq!(world.command(0x0A, 0x47, &clear).0, 0xC5, "a newer reservation voids the older");
    let id = world.command(0x0A, 0x42, &[]).1;
    assert_eq!(world.command(0x0A, 0x43, &[0, 0, 0, 0, 4, 8]).0, 0xC5);
    assert_eq!(world.command(0x0A, 0x43, &[id[0], id[1], 0, 0, 10, 2]).1, [2, 0, 0x04, 0x30]);
    assert_eq!(world.command(0x0A, 0x47, &[id[0], id[1], b'C', b'L', b'R', 0xAA]), (0, vec![1]));
    assert_eq!(world.command(0x0A, 0x43, &[0, 0, 0, 0, 0, 0xFF]).0, 0xCB);
}

#[test]
fn the_clock_can_be_set() {
    let mut world = World::new(|_| {});
    assert_eq!(world.command(0x0A, 0x49, &[1, 0, 0, 0x50]).0, 0);
    world.pass(SECOND * 3);
    assert_eq!(world.command(0x0A, 0x48, &[]).1, [4, 0, 0, 0x50]);
}

#[test]
fn a_restarted_bmc_forgets_the_handshake_and_the_watchdog() {
    let mut world = World::new(|_| {});
    world.say(&[0x00]);
    world.command(0x06, 0x24, &[0x04, 0x01, 0, 0, 100, 0]);
    world.raise("uncorrectable-memory");
    assert_eq!(world.command(0x06, 0x02, &[]), (0, Vec::new()));
    world.pass(SECOND * 300);
    assert_eq!(world.bmc.resets(), 0, "a BMC that restarts forgets what it wanted");
    assert_eq!(world.command(0x06, 0x22, &[]).0, 0x80);
    assert_eq!(world.bmc.sel().len(), 1);
}

#[test]
fn every_command_is_in_the_log() {
    let mut world = World::new(|_| {});
    world.command(0x2E, 0x99, &[1, 2, 3]);
    let entry = world.bmc.log().last().unwrap();
    assert_eq!((entry.netfn, entry.command, entry.data.as_slice()), (0x2E, 0x99, &[1, 2, 3][..]));
    assert_eq!(entry.to_string(), "2Eh/99h [01 02 03] from the host itself -> C1h");
    for _ in 0..2000 {
        world.command(0x06, 0x01, &[]);
    }
    assert_eq!(world.bmc.log().count(), bmcnotice::sim::LOG_MAX);
    for (wanted, kept) in [(0, 0), (2, 2), (usize::MAX, bmcnotice::sim::LOG_MAX)] {
        let mut world = World::new(|options| options.log_kept = wanted);
        for number in 0..1500_u16 {
            world.command(0x2E, number as u8, &[]);
        }
        assert_eq!(world.bmc.log().count(), kept);
        assert!(world.bmc.log().last().is_none_or(|entry| entry.command == 1499_u16 as u8), "the newest");
    }
}

#[test]
fn absurd_times_do_not_panic() {
    let mut world = World::new(|options| {
        (options.patience, options.boot_time, options.session_timeout) = (Duration::MAX, Duration::MAX, Duration::MAX);
        options.alert = Some(Alert { interval: Duration::MAX, ..Alert::to(monitor()) });
    });
    world.say(&[0x00]);
    world.raise("uncorrectable-memory");
    world.say(&[0x03]);
    world.pass(SECOND);
    assert_eq!(world.bmc.resets(), 1);
}

#[test]
fn one_seed_one_story() {
    let run = || {
        let mut world = World::new(|_| {});
        world.say(&[0x00]);
        world.raise("uncorrectable-memory");
        world.pass(SECOND * 300);
        (world.story, world.traps)
    };
    assert_eq!(run(), run());
}
