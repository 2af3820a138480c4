//! The simulated BMC's event filters, LAN parameters, alerts by hand, users and channel, under virtual time.
#![cfg(feature = "sim")]

#[path = "support/board.rs"]
mod board;

use bmcnotice::sim::{Event, Power, RestartCause, TRAP_PORT};
use bmcnotice::wire::lan::{self, Destination, DestinationAddress, To};
use bmcnotice::wire::pef::filter::{ANY, Filter, Policy};
use bmcnotice::wire::pef::{action, control, parameter, postpone};
use board::World;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn get_pef(world: &mut World, parameter: u8, set: u8) -> Vec<u8> {
    let (code, data) = world.command(0x04, 0x13, &[parameter, set, 0]);
    assert_eq!(code, 0);
    lan::answered(&data).unwrap().to_vec()
}

fn set_pef(world: &mut World, parameter: u8, data: &[u8]) {
    assert_eq!(world.command(0x04, 0x12, &[&[parameter], data].concat()), (0, Vec::new()));
}

fn get_lan(world: &mut World, parameter: u8, set: u8) -> Vec<u8> {
    let (code, data) = world.command(0x0C, 0x02, &[1, parameter, set, 0]);
    assert_eq!(code, 0);
    lan::answered(&data).unwrap().to_vec()
}

fn set_lan(world: &mut World, parameter: u8, data: &[u8]) {
    assert_eq!(world.command(0x0C, 0x01, &[&[1, parameter], data].concat()), (0, Vec::new()));
}

fn filter(world: &mut World, number: u8) -> Filter {
    Filter::parse(&get_pef(world, parameter::FILTER, number)[1..]).unwrap()
}

fn write_filter(world: &mut World, number: u8, filter: &Filter) {
    set_pef(world, parameter::FILTER, &[&[number], &filter.emit()[..]].concat());
}

fn write_policy(world: &mut World, number: u8, policy: Policy) {
    set_pef(world, parameter::POLICY, &[&[number], &policy.emit()[..]].concat());
}

fn point(world: &mut World, number: u8, address: [u8; 4], acknowledged: bool) {
    let to = To::V4 { gateway: 0, address: address.into(), mac: [0; 6] };
    set_lan(world, 19, &DestinationAddress { number, to }.emit());
    set_lan(world, 18, &Destination { number, acknowledged, kind: 0, timeout: 4, retries: 1 }.emit());
}

fn to(world: &World) -> Vec<String> {
    world.traps.iter().map(|(at, to, _)| format!("{} {to}", at.as_secs())).collect()
}

#[test]
fn what_the_makers_filters_are() {
    let mut world = World::new(|_| {});
    assert_eq!(world.command(0x04, 0x10, &[]), (0, vec![0x51, 0x2F, 16]));
    assert_eq!((get_pef(&mut world, 5, 0), get_pef(&mut world, 8, 0)), (vec![16], vec![8]));
    assert_eq!((get_pef(&mut world, 1, 0), get_pef(&mut world, 2, 0)), (vec![control::PEF], vec![0x2F]));
    let fatal = filter(&mut world, 1);
    assert_eq!((fatal.enabled, fatal.kind, fatal.actions, fatal.policy), (true, 2, action::ALERT, 1));
    assert_eq!((fatal.sensor_type, fatal.event_type, fatal.offsets, fatal.severity), (0x0C, 0x6F, 0x0002, 0x20));
    let rest = filter(&mut world, 4);
    assert_eq!((rest.enabled, rest.kind, rest.sensor_type, rest.offsets), (true, 0, ANY, 0x7FFF));
    assert!((5..=16).all(|number| filter(&mut world, number).is_empty()));
    assert_eq!(get_pef(&mut world, 7, 1), [1, 0xC0]);
    assert_eq!(get_pef(&mut world, 9, 1), [1, 0x18, 0x11, 0]);
    assert_eq!(world.command(0x04, 0x13, &[0x80 | 6, 1, 0]), (0, vec![0x11]), "only the revision");
    for (number, code) in [(6, 0xC9), (9, 0xC9), (100, 0x80)] {
        assert_eq!(world.command(0x04, 0x13, &[number, 99, 0]).0, code);
    }
    assert_eq!(world.command(0x04, 0x12, &[5, 3]).0, 0x82, "read only");
    assert_eq!(world.command(0x04, 0x12, &[6, 1, 2, 3]).0, 0xC7);
    assert_eq!(world.command(0x04, 0x12, &[]).0, 0xC7);
}

#[test]
fn only_what_a_filter_takes_is_told() {
    let mut world = World::new(|_| {});
    let all = filter(&mut world, 4);
    write_filter(&mut world, 4, &Filter { enabled: false, ..all });
    world.raise("fan-failure");
    assert!(world.traps.is_empty());
    assert_eq!(world.bmc.sel().len(), 1, "it is logged all the same");
    set_pef(&mut world, parameter::FILTER_STATE, &[4, 0x80]);
    world.raise("psu-lost");
    assert_eq!(world.traps.len(), 1);
    write_filter(&mut world, 4, &Filter { severity: 0x10, ..all });
    world.raise("correctable-memory");
    assert_eq!(world.pet(1).severity, 0x10, "the filter's severity");
    for (number, off, on) in [(parameter::CONTROL, 0, control::PEF), (parameter::ACTIONS, 0x2E, 0x2F)] {
        let before = world.traps.len();
        set_pef(&mut world, number, &[off]);
        world.raise("fan-failure");
        assert_eq!(world.traps.len(), before);
        set_pef(&mut world, number, &[on]);
        world.raise("fan-failure");
        assert_eq!(world.traps.len(), before + 1);
    }
}

#[test]
fn a_filters_own_reset_comes_before_its_alert_and_nobody_is_waited_for() {
    for (own, power, told) in [
        (action::RESET, None, "resetting the server (for a fatal fault)"),
        (action::POWER_OFF, Some(Power::Off), "power off"),
        (action::POWER_CYCLE | action::RESET, None, "power off"),
    ] {
        let mut world = World::new(|_| {});
        let fatal = filter(&mut world, 1);
        write_filter(&mut world, 1, &Filter { actions: action::ALERT | own, ..fatal });
        world.say(&[0x00]); // armed
        world.raise("uncorrectable-memory");
        let story: Vec<String> = world.story.iter().map(|(_, event)| event.to_string()).collect();
        let place = |what: &str| story.iter().position(|line| line.starts_with(what)).unwrap_or(usize::MAX);
        assert!(place(told) < place("trap 1 sent"), "{story:?}");
        assert!(!story.iter().any(|line| line.contains("holding")), "{story:?}");
        assert_eq!(world.traps.len(), 1, "one alert, by two filters of one policy");
        power.inspect(|power| assert_eq!(world.bmc.power(), *power));
        if own != action::POWER_OFF {
            assert_eq!((world.bmc.resets(), world.bmc.restart_cause()), (1, RestartCause::Pef));
        }
    }
    let mut world = World::new(|_| {});
    let fatal = filter(&mut world, 1);
    write_filter(&mut world, 1, &Filter { actions: action::NMI | action::RESET, ..fatal });
    world.clear("uncorrectable-memory");
    assert_eq!(world.bmc.resets(), 0, "what is over is only told");
    assert_eq!(world.traps.len(), 1);
}

#[test]
fn filtering_can_be_put_off() {
    let mut world = World::new(|_| {});
    assert_eq!(world.command(0x04, 0x11, &[postpone::ASK]), (0, vec![0]));
    assert_eq!(world.command(0x04, 0x11, &[10]), (0, vec![10]));
    world.raise("fan-failure");
    world.pass(SECOND * 4);
    assert_eq!((world.traps.len(), world.command(0x04, 0x11, &[postpone::ASK]).1), (0, vec![6]));
    world.pass(SECOND * 6);
    assert_eq!(world.command(0x04, 0x11, &[postpone::ASK]).1, [0]);
    world.raise("fan-failure");
    assert_eq!(world.traps.len(), 1);
    world.command(0x04, 0x11, &[postpone::FOR_NOW]);
    world.raise("fan-failure");
    assert_eq!(world.traps.len(), 1);
    world.command(0x00, 0x02, &[3]); // a reset of the server
    assert_eq!(world.command(0x04, 0x11, &[postpone::ASK]).1, [0]);
    set_pef(&mut world, parameter::ALERT_DELAY, &[60]);
    set_pef(&mut world, parameter::CONTROL, &[control::PEF | control::ALERT_DELAY]);
    world.raise("fan-failure");
    assert_eq!(world.traps.len(), 1, "too soon after the start");
    world.pass(SECOND * 61);
    world.raise("fan-failure");
    assert!(world.traps.iter().any(|(at, ..)| *at == world.now.boottime - SECOND * 1000));
}

#[test]
fn the_guid_of_the_traps_and_the_last_event_processed() {
    let mut world = World::new(|_| {});
    assert_eq!(world.command(0x04, 0x15, &[]).1[4..], [0xFF, 0xFF, 0, 0, 0, 0]);
    set_pef(&mut world, parameter::GUID, &[[1].as_slice(), &[7; 16]].concat());
    world.raise("fan-failure");
    assert_eq!(world.pet(0).guid.0, [7; 16]);
    assert_eq!(world.command(0x04, 0x15, &[]).1[4..], [1, 0, 0, 0, 1, 0]);
    assert_eq!(world.command(0x04, 0x14, &[0, 1, 0]), (0, Vec::new()));
    assert_eq!(world.command(0x04, 0x15, &[]).1[4..], [1, 0, 1, 0, 1, 0]);
    assert_eq!(world.command(0x04, 0x14, &[1, 9, 0]), (0, Vec::new()));
    assert_eq!(world.command(0x04, 0x15, &[]).1[8..], [9, 0]);
}

#[test]
fn destinations_are_where_traps_go() {
    let mut world = World::new(|options| options.trap_port = Some(11_162));
    assert_eq!(get_lan(&mut world, 17, 0), [4]);
    assert_eq!(get_lan(&mut world, 18, 1), [1, 0x80, 19, 2], "ASF's three within a minute");
    assert_eq!(get_lan(&mut world, 19, 1), [1, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    set_lan(&mut world, 16, &lan::community(b"secret").unwrap());
    point(&mut world, 1, [10, 0, 0, 9], true);
    world.raise("fan-failure");
    world.pass(SECOND * 100);
    assert_eq!(to(&world), ["0 10.0.0.9:11162", "5 10.0.0.9:11162"]);
    let message = bmcnotice::wire::snmp::Message::parse(&world.traps[0].2).unwrap();
    assert_eq!(message.community, b"secret");
    let six = DestinationAddress { number: 1, to: To::V6(Ipv6Addr::LOCALHOST) };
    set_lan(&mut world, 19, &six.emit());
    assert_eq!(get_lan(&mut world, 19, 1), six.emit());
    world.raise("psu-lost");
    assert_eq!(world.traps[2].1, SocketAddr::from((Ipv6Addr::LOCALHOST, 11_162)));
    set_lan(&mut world, 3, &Ipv4Addr::new(192, 0, 2, 1).octets());
    world.raise("psu-lost");
    let message = bmcnotice::wire::snmp::Message::parse(&world.traps[3].2).unwrap();
    let bmcnotice::wire::snmp::Pdu::TrapV1(trap) = message.pdu else { panic!() };
    assert_eq!(trap.agent, Ipv4Addr::new(192, 0, 2, 1));
    let mut stock = World::new(|options| options.alert = None);
    point(&mut stock, 1, [10, 0, 0, 9], false);
    stock.raise("fan-failure");
    assert_eq!(stock.traps[0].1.port(), TRAP_PORT);
}

#[test]
fn parameters_say_what_cannot_be_done_with_them() {
    let mut world = World::new(|_| {});
    for (number, data, code) in [
        (17, &[5][..], 0x82),
        (5, &[0; 6], 0x82),
        (22, &[1], 0x82),
        (99, &[1], 0x80),
        (18, &[9, 0, 0, 0], 0xC9),
        (18, &[1, 0], 0xC7),
        (19, &[1, 0x20], 0xCC),
        (3, &[1], 0xC7),
    ] {
        assert_eq!(world.command(0x0C, 0x01, &[&[1, number], data].concat()).0, code, "{number}");
    }
    assert_eq!(world.command(0x0C, 0x02, &[1, 99, 0, 0]).0, 0x80);
    assert_eq!(world.command(0x0C, 0x02, &[2, 3, 0, 0]).0, 0xCC, "another channel");
    assert_eq!(world.command(0x0C, 0x02, &[1, 3]).0, 0xC7);
    for netfn in [0x0C, 0x04] {
        let mut progress = |state: u8| match netfn {
            0x0C => world.command(0x0C, 0x01, &[1, 0, state]).0,
            _ => world.command(0x04, 0x12, &[0, state]).0,
        };
        assert_eq!([progress(1), progress(1), progress(2), progress(0), progress(1)], [0, 0x81, 0, 0, 0]);
    }
    assert_eq!((get_lan(&mut world, 0, 0), get_pef(&mut world, 0, 0)), (vec![1], vec![1]));
    point(&mut world, 0, [10, 0, 0, 1], false);
    point(&mut world, 2, [10, 0, 0, 2], false);
    world.bmc.restart(world.now, SECOND);
    world.pass(SECOND * 2);
    assert_eq!((get_lan(&mut world, 0, 0), get_pef(&mut world, 0, 0)), (vec![0], vec![0]));
    assert_eq!(get_lan(&mut world, 19, 0)[3..7], [0, 0, 0, 0], "destination 0 is volatile");
    assert_eq!(get_lan(&mut world, 19, 2)[3..7], [10, 0, 0, 2]);
}

fn entry(rule: u8, destination: u8) -> Policy {
    Policy { policy: 1, enabled: true, rule, channel: 1, destination, string: 0 }
}

#[test]
fn policies_go_on_as_their_rules_say() {
    let world = |rules: &[u8], acknowledged: bool| {
        let mut world = World::new(|_| {});
        for (number, rule) in (1..).zip(rules) {
            point(&mut world, number, [10, 0, 0, number], acknowledged);
            write_policy(&mut world, number, entry(*rule, number));
        }
        world.raise("fan-failure");
        world
    };
    let first = |world: &World| world.traps.iter().map(|(_, to, _)| to.to_string()).collect::<Vec<_>>();
    let (a, b, c) = ("10.0.0.1:1162", "10.0.0.2:1162", "10.0.0.3:1162");
    assert_eq!(first(&world(&[0, 0, 0], false)), [a, b, c], "always");
    assert_eq!(first(&world(&[0, 1, 0], false)), [a, c], "not needed");
    assert_eq!(first(&world(&[0, 2, 0], false)), [a], "nobody after that");
    assert_eq!(first(&world(&[0, 3, 0], false)), [a, c]);

    let mut waits = world(&[0, 1, 0], true);
    assert_eq!(first(&waits), [a], "nobody knows yet whether it arrives");
    let acknowledge = waits.pet(0).acknowledge();
    waits.command(0x04, 0x17, &acknowledge);
    assert_eq!(first(&waits), [a, c]);
    let mut fails = world(&[0, 1, 2], true);
    fails.pass(SECOND * 10);
    assert_eq!(first(&fails)[..3], [a, a, b], "sent twice, given up, then the next");

    let mut unset = World::new(|_| {});
    write_policy(&mut unset, 1, entry(0, 3));
    write_policy(&mut unset, 2, entry(2, 1));
    unset.raise("fan-failure");
    assert_eq!(unset.traps.len(), 1, "nobody is at 3, so 1 is told");
}

#[test]
fn a_channel_without_alerts_sends_none() {
    let mut world = World::new(|_| {});
    assert_eq!(world.command(0x06, 0x41, &[1, 0x40]), (0, vec![0x02, 0x04]));
    assert_eq!(world.command(0x06, 0x40, &[1, 0x62, 0]), (0, Vec::new()));
    assert_eq!(world.command(0x06, 0x41, &[1, 0x80]), (0, vec![0x22, 0x04]));
    world.raise("fan-failure");
    assert!(world.traps.is_empty());
    assert_eq!(world.command(0x04, 0x16, &[1, 1, 0]).0, 0xD5);
    assert_eq!(world.command(0x06, 0x40, &[1, 0x41, 0]).0, 0x83, "another access mode");
    assert_eq!(world.command(0x06, 0x40, &[1, 0x42, 0x43]).0, 0xCC, "a limit that would not be kept");
}

#[test]
fn an_alert_by_hand_says_what_was_given() {
    let mut world = World::new(|_| {});
    let event = [0x41, 0x04, 0x12, 0xFF, 0x6F, 0x01, 0xAB, 0xCD];
    let status = |world: &mut World| world.command(0x04, 0x16, &[1, 0x41, 0]).1;
    assert_eq!(status(&mut world), [0x00]);
    assert_eq!(world.command(0x04, 0x16, &[&[0x01, 0x01, 0x00][..], &event].concat()), (0, Vec::new()));
    let pet = world.pet(0);
    assert_eq!((pet.sensor_type, pet.event_type, pet.offset, pet.deasserted), (0x12, 0x6F, 1, false));
    assert_eq!((pet.sensor_device, pet.sensor_number), (0x41, 0xFF));
    assert_eq!(pet.event_data[..3], [0x01, 0xAB, 0xCD]);
    assert_eq!(pet.guid, world.bmc.options().guid);
    assert!(world.bmc.sel().is_empty(), "no event happened");
    assert_eq!(status(&mut world), [0xFF]);
    assert_eq!(world.command(0x04, 0x16, &[1, 1, 0]).0, 0x81, "one after the other");
    let acknowledge = world.pet(0).acknowledge();
    world.command(0x04, 0x17, &acknowledge);
    assert_eq!(status(&mut world), [0x01]);

    assert_eq!(world.command(0x04, 0x16, &[1, 1, 0]), (0, Vec::new()));
    let test = world.pet(1);
    assert_eq!((test.specific_trap(), test.sensor_number, test.severity), (0, 0xFF, 0), "all unspecified");
    world.pass(SECOND * 70);
    assert_eq!(status(&mut world), [0x02], "nobody acknowledged");
    assert_eq!(world.command(0x04, 0x16, &[1, 0x81, 0]), (0, Vec::new()));
    assert_eq!(status(&mut world), [0x00]);

    for (data, code) in [
        (&[1, 3, 0][..], 0xCC),
        (&[1, 9, 0], 0xCC),
        (&[2, 1, 0], 0xCC),
        (&[1, 0xC1, 0], 0xCC),
        (&[1, 1], 0xC7),
        (&[1, 1, 0, 9], 0xC7),
    ] {
        assert_eq!(world.command(0x04, 0x16, data).0, code, "{data:?}");
    }
    point(&mut world, 0, [10, 0, 0, 1], false);
    assert_eq!(world.command(0x04, 0x16, &[1, 0, 0]), (0, Vec::new()));
    assert_eq!((status(&mut world), world.traps.last().unwrap().1.ip().to_string()), (vec![0x01], "10.0.0.1".into()));
}

#[test]
fn users_are_made_changed_and_refused() {
    let mut world = World::new(|_| {});
    let name = |world: &mut World, id: u8| {
        let octets = world.command(0x06, 0x46, &[id]).1;
        String::from_utf8(octets.split(|octet| *octet == 0).next().unwrap().to_vec()).unwrap()
    };
    assert_eq!((name(&mut world, 2), name(&mut world, 1), name(&mut world, 5)), ("admin".into(), "".into(), "".into()));
    let mut named = [0; 17];
    named[0] = 4;
    named[1..4].copy_from_slice(b"eve");
    assert_eq!(world.command(0x06, 0x45, &named), (0, Vec::new()));
    assert_eq!(world.command(0x06, 0x44, &[1, 4]).1, [10, 0x80 | 1, 1, 0x0F], "not enabled");
    let password = |id: u8, operation: u8, word: &[u8; 3]| [&[id, operation][..], word, &[0; 13]].concat();
    assert_eq!(world.command(0x06, 0x47, &password(4, 2, b"abc")), (0, Vec::new()));
    assert_eq!(world.command(0x06, 0x47, &password(4, 3, b"abc")).0, 0);
    assert_eq!(world.command(0x06, 0x47, &password(4, 3, b"abd")).0, 0x80);
    assert_eq!(world.command(0x06, 0x47, &[4, 1]), (0, Vec::new()));
    assert_eq!(world.command(0x06, 0x43, &[0x91, 4, 3]), (0, Vec::new()));
    assert_eq!(world.command(0x06, 0x44, &[1, 4]).1, [10, 0x40 | 2, 1, 0x13], "enabled, operator");
    let user = &world.bmc.options().users[2];
    assert_eq!((user.name.as_str(), user.may_log_in()), ("eve", true));
    for (command, data, code) in
        [(0x44, &[1, 0][..], 0xCC), (0x44, &[1, 11], 0xC9), (0x44, &[2, 1], 0xCC), (0x43, &[1, 1, 4], 0xCC)]
    {
        assert_eq!(world.command(0x06, command, data).0, code, "{data:?}");
    }
    assert_eq!(world.command(0x06, 0x43, &[0x01, 4, 0x0F]), (0, Vec::new()));
    assert!(!world.bmc.options().users[2].may_log_in(), "no access");
}

#[test]
fn logging_can_be_switched_off() {
    let mut world = World::new(|_| {});
    assert_eq!(world.command(0x06, 0x2F, &[]), (0, vec![0x08]));
    assert_eq!(world.command(0x06, 0x2E, &[0x00]), (0, Vec::new()));
    world.raise("fan-failure");
    assert!(world.bmc.sel().is_empty());
    assert!(matches!(world.story[0].1, Event::FaultDetected { record: None, .. }));
    assert_eq!(world.command(0x0A, 0x44, &[0; 16]).0, 0, "what is added by hand is added");
    world.command(0x06, 0x2E, &[0x08]);
    world.raise("fan-failure");
    assert_eq!(world.bmc.sel().len(), 2);
}

#[test]
fn record_ids_begin_where_they_are_told_and_wrap() {
    let mut world = World::new(|options| options.sel_first_id = 0xFFFE);
    world.raise("fan-failure");
    world.raise("psu-lost");
    let ids: Vec<u16> = world.bmc.sel().iter().map(|record| u16::from_le_bytes([record[0], record[1]])).collect();
    assert_eq!(ids, [0xFFFE, 1]);
    assert_eq!(world.command(0x0A, 0x43, &[0, 0, 0xFE, 0xFF, 0, 0xFF]).1[..2], [1, 0], "the follower of the last id");
    world.bmc.erase_sel(world.now);
    assert_eq!(world.command(0x0A, 0x43, &[0, 0, 0, 0, 0, 0xFF]).0, 0xCB);
}
