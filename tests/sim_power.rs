//! The simulated host's life under virtual time: its buttons, its boots, and the watchdog that its firmware uses meanwhile.
#![cfg(feature = "sim")]

#[path = "support/board.rs"]
mod board;

use bmcnotice::sim::{CYCLE_OFF, Event, Handshaking, Power, RestartCause};
use board::*;
use core::time::Duration;

/// SMS/OS, no action, 10 s.
const FEEDER: [u8; 6] = [0x84, 0, 0, 0, 100, 0];

/// Timer use and whether it runs, as Get Watchdog Timer tells it.
fn timer(world: &mut World) -> (u8, bool) {
    let (completion, told) = world.command(0x06, 0x25, &[]);
    assert_eq!((completion, told.len()), (0, 8));
    (told[0] & 0x07, told[0] & 0x40 != 0)
}

/// How far the timer has counted from its initial value, in steps of 100 ms.
fn counted(world: &World) -> u16 {
    let told = world.bmc.watchdog(world.now);
    let [initial, left] = [4, 6].map(|at| u16::from_le_bytes([told[at], told[at + 1]]));
    initial - left
}

fn cause(world: &mut World) -> u8 {
    let (completion, told) = world.command(0x00, 0x07, &[]);
    assert_eq!(completion, 0);
    told[0]
}

#[test]
fn buttons_do_what_they_say_and_the_bmc_tells_which_it_was() {
    let mut world = World::new(|_| {});
    assert_eq!(cause(&mut world), 3, "it was switched on, once");
    assert!(world.bmc.reset(world.now));
    world.drain();
    assert_eq!((cause(&mut world), world.bmc.restart_cause()), (2, RestartCause::ResetButton));
    assert_eq!(world.when(|event| *event == Event::Reset { cause: RestartCause::ResetButton }), Some(Duration::ZERO));
    assert!(matches!(world.bmc.power(), Power::Booting { .. }));
    world.pass(SECOND * 5);
    assert_eq!(world.bmc.power(), Power::Up);

    world.bmc.power_off(world.now);
    assert_eq!((world.bmc.power(), cause(&mut world)), (Power::Off, 2), "switching off is no restart");
    assert!(!world.bmc.reset(world.now), "the reset button of a host without power");
    world.bmc.power_off(world.now);
    assert_eq!((world.bmc.power(), world.bmc.resets()), (Power::Off, 1));
    world.bmc.power_on(world.now);
    assert_eq!(cause(&mut world), 3);
    world.bmc.power_on(world.now);
    world.pass(SECOND * 5);
    assert_eq!(world.bmc.power(), Power::Up);
    let told: Vec<Event> = world.story.iter().map(|(_, event)| event.clone()).collect();
    let reset = Event::Reset { cause: RestartCause::ResetButton };
    assert_eq!(told, [reset, Event::HostBooted, Event::PowerOff, Event::PowerOn, Event::HostBooted]);
}

#[test]
fn a_button_ends_what_waits_for_a_recovery() {
    for press in
        [|world: &mut World| world.bmc.power_off(world.now), |world: &mut World| assert!(world.bmc.reset(world.now))]
    {
        let mut world = World::new(|_| {});
        world.say(&[0x00]);
        world.raise("uncorrectable-memory");
        assert!(matches!(world.bmc.handshaking(), Handshaking::Holding { .. }));
        press(&mut world);
        assert_eq!(world.bmc.handshaking(), Handshaking::Unarmed);
        let resets = world.bmc.resets();
        world.pass(SECOND * 300);
        assert_eq!(world.bmc.resets(), resets, "and nothing follows");
    }
}

#[test]
fn firmware_uses_the_timer_from_power_on_to_the_system() {
    let mut world = World::new(|options| (options.boot_timers, options.boot_time) = (true, SECOND * 30));
    assert_eq!(timer(&mut world), (0, false), "it is up: nobody uses it");
    assert_eq!(world.command(0x06, 0x24, &FEEDER).0, 0);
    assert_eq!(world.command(0x06, 0x22, &[]).0, 0);
    world.pass(SECOND);
    assert_eq!(timer(&mut world), (4, true));
    assert!(world.bmc.reset(world.now));
    for timer_use in [1, 2, 3] {
        assert_eq!(timer(&mut world), (timer_use, true));
        world.pass(SECOND * 10 - SECOND / 2);
        assert_eq!((timer(&mut world), counted(&world)), ((timer_use, true), 95), "it counts");
        world.pass(SECOND / 2);
    }
    assert_eq!((world.bmc.power(), timer(&mut world)), (Power::Up, (3, false)), "stopped as it was");
    world.pass(SECOND * 600);
    assert_eq!(world.when(|event| matches!(event, Event::WatchdogExpired { .. })), None);
    assert_eq!((world.bmc.resets(), world.bmc.sel().len()), (1, 0));
    assert_eq!(world.command(0x06, 0x22, &[]).0, 0, "whoever comes up finds it stopped, and may set it");
}

#[test]
fn a_power_cycle_begins_the_boot_anew_and_off_stops_the_timer() {
    let mut world = World::new(|options| (options.boot_timers, options.boot_time) = (true, SECOND * 30));
    world.bmc.power_off(world.now);
    assert_eq!(timer(&mut world), (0, false));
    world.bmc.power_on(world.now);
    world.pass(SECOND * 25);
    assert_eq!(timer(&mut world), (3, true));
    assert_eq!(world.command(0x00, 0x02, &[0x02]).0, 0, "power cycle");
    assert_eq!(timer(&mut world), (3, false));
    world.pass(CYCLE_OFF);
    assert_eq!(timer(&mut world), (1, true));
    world.pass(SECOND * 15);
    assert_eq!(timer(&mut world), (2, true));
    assert!(world.bmc.reset(world.now));
    assert_eq!(timer(&mut world), (1, true), "from the beginning");
    world.pass(SECOND * 5);
    assert_eq!(counted(&world), 50);
    assert!(world.bmc.reset(world.now));
    assert_eq!((timer(&mut world), counted(&world)), ((1, true), 0), "and again, within the first part");
}

#[test]
fn each_part_begins_when_it_is_due() {
    let mut world = World::new(|options| (options.boot_timers, options.boot_time) = (true, SECOND * 30));
    assert!(world.bmc.reset(world.now));
    world.pass(SECOND * 12);
    assert_eq!((timer(&mut world), counted(&world)), ((2, true), 20), "2 s ago, with nobody looking");
    world.pass(SECOND * 9);
    assert_eq!((timer(&mut world), counted(&world)), ((3, true), 10));
}

#[test]
fn a_boot_that_is_looked_at_late_is_over_all_the_same() {
    let mut world = World::new(|options| (options.boot_timers, options.boot_time) = (true, SECOND * 30));
    assert!(world.bmc.reset(world.now));
    world.now = world.now.after(SECOND * 3600);
    assert_eq!((timer(&mut world), world.bmc.power()), ((1, false), Power::Up));
    assert_eq!(world.bmc.resets(), 1, "the firmware's timer did not run out meanwhile");
}

#[test]
fn other_firmware_leaves_the_timer_alone() {
    let mut world = World::new(|options| options.boot_time = SECOND * 30);
    assert!(world.bmc.reset(world.now));
    world.pass(SECOND * 15);
    assert_eq!(timer(&mut world), (0, false));
}
