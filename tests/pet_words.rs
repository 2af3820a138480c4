//! Our words for events and event data beside those of FreeIPMI's `ipmi-pet`, case by case.
//!
//! `tests/vectors/pet-words.txt` holds what it printed; it is the oracle but for what is listed here, each with its reason.

use bmcnotice::notice::event_data::EventData;
use bmcnotice::notice::{meaning, sensors};
use bmcnotice::wire::pet::{FIXED_OCTETS, Pet};
use std::collections::{BTreeMap, BTreeSet};

/// Sensor types as the specification's table 42-3 calls them, where FreeIPMI cuts the name or has none.
const TYPES: &[(&str, &str)] = &[
    ("Add In Card", "Add-in Card"),
    ("N/A", "Reserved"),
    ("OS Boot", "Base OS Boot/Installation Status"),
    ("OS Critical Stop", "OS Stop/Shutdown"),
    ("Other Units Based Sensor", "Other Units-based Sensor"),
    ("System Boot Initiated", "System Boot/Restart Initiated"),
];

/// Events of which the specification says more than FreeIPMI prints.
const EVENTS: &[(&str, &str)] = &[
    ("Critical stop during OS load", "Critical stop during OS load/initialization"),
    ("Machine Check Exception", "Machine Check Exception (Uncorrectable)"),
    ("N/A", "Unspecified event"),
    ("Parity", "Memory Parity"),
    ("Power Supply Inactive", "Power Supply Inactive (in standby state)"),
    ("Pre-boot Password Violation - setup password", "Pre-boot Password Violation attempt - setup password"),
    ("S0/G0", "S0/G0 \"working\""),
    ("S1", "S1 \"sleeping with system h/w & processor context maintained\""),
    ("S2", "S2 \"sleeping, processor context lost\""),
    ("S3", "S3 \"sleeping, processor & h/w context lost, memory retained\""),
    ("S4", "S4 \"non-volatile sleep/suspend-to disk\""),
    ("S4/S5 soft-off", "S4/S5 soft-off, particular S4/S5 state cannot be determined"),
    ("S5/G2", "S5/G2 \"soft-off\""),
    ("SM BIOS `Uncorrectable CPU-complex Error'", "SM BIOS Uncorrectable CPU-complex Error"),
    ("System Firmware Error", "System Firmware Error (POST Error)"),
    ("battery low", "Battery low (predictive failure)"),
    ("platform generated SNMP trap, OEM format", "Platform generated SNMP trap"),
];

/// Parts of event data in which FreeIPMI slips: a bracket that stays open, words that are missing, a sentence about
/// another event.
const DATA: &[(&str, &str)] = &[
    ("mgmt. controller ;", "mgmt. controller) ;"),
    ("Previous State =  ;", "Previous State = reserved ;"),
    (
        "Session deactivatation cause unspecified. This value is also used for Session Activated events",
        "Session deactivation cause unspecified",
    ),
];

/// One line of the file.
struct Case {
    pet: Pet,
    kind: &'static str,
    event: &'static str,
    data: Vec<&'static str>,
}

fn cases() -> Vec<Case> {
    let lines = include_str!("vectors/pet-words.txt");
    let number = |hex: &str| u32::from_str_radix(hex, 16).unwrap();
    let case = |line: &'static str| {
        let [input, kind, words] = line.splitn(3, '|').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (trap, data) = input.split_once(' ').unwrap();
        let mut octets = [0; FIXED_OCTETS];
        octets[31..34].copy_from_slice(&number(data).to_be_bytes()[1..]);
        let mut parts = words.split(" | ");
        Case {
            pet: Pet::parse(number(trap), &octets).unwrap(),
            kind,
            event: parts.next().unwrap(),
            data: parts.collect(),
        }
    };
    lines.lines().filter(|line| !line.starts_with('#')).map(case).collect()
}

/// Which entries of a list were met.
#[derive(Default)]
struct Met(BTreeSet<&'static str>);

impl Met {
    /// Whether the words are the same, letters large or small and blanks aside, or listed as different.
    fn are_ours(&mut self, theirs: &'static str, ours: &str, different: &[(&'static str, &str)]) -> bool {
        let plain = |words: &str| words.to_lowercase().replace(' ', "");
        let listed = different.iter().find(|(listed, wanted)| *listed == theirs && *wanted == ours);
        self.0.extend(listed.map(|(listed, _)| *listed));
        listed.is_some() || plain(theirs) == plain(ours)
    }

    fn everything(&self, different: &[(&str, &str)]) {
        let unmet: Vec<_> = different.iter().filter(|(listed, _)| !self.0.contains(listed)).collect();
        assert!(unmet.is_empty(), "listed as different, and met by no case: {unmet:?}");
    }
}

#[test]
fn the_words_for_types_and_events() {
    let (mut types, mut events) = (Met::default(), Met::default());
    let mut named = 0;
    for Case { pet, kind, event, .. } in cases() {
        assert!(types.are_ours(kind, sensors::type_name(pet.sensor_type), TYPES), "{kind}: {pet:?}");
        let ours = meaning::event_text(&pet);
        match event {
            // An offset without a name; both print its number.
            "reserved" | "Unspecified" => assert!(ours.starts_with("Event type "), "{ours}: {pet:?}"),
            _ if event.starts_with("Event Offset = ") => {
                let ours_names = ours == "Thermal Trip" && pet.sensor_type == 0x19; // in the errata of the specification
                assert!(ours_names || ours.starts_with("Event type "), "{ours}: {pet:?}");
            }
            _ => {
                assert!(events.are_ours(event, &ours, EVENTS), "{event} / {ours}: {pet:?}");
                named += 1;
            }
        }
    }
    types.everything(TYPES);
    events.everything(EVENTS);
    assert!(named > 1000, "{named}");
}

#[test]
fn the_words_for_event_data() {
    let cases = cases();
    // What an offset is called, by the oracle itself.
    let names: BTreeMap<_, _> =
        cases.iter().map(|Case { pet, event, .. }| ((pet.sensor_type, pet.event_type, pet.offset), *event)).collect();
    let named = |name: &&&str| !name.starts_with("Event Offset = ") && !["reserved", "Unspecified"].contains(*name);
    let (mut same, mut before, mut met) = (0, 0, BTreeSet::new());
    for Case { pet, data, .. } in &cases {
        let discrete = matches!(pet.event_type, 0x02..=0x0C | 0x6F);
        let mut data = data.clone();
        let ours = EventData(pet).to_string();
        let mut ours: Vec<_> = ours.split(" | ").filter(|part| !part.is_empty()).collect();
        if discrete && pet.event_data[0] >> 6 == 1 {
            // By the specification (table 29-6) the state before is an offset of the same sensor. FreeIPMI reads it as the
            // sensor type's code for event data 2, or not at all.
            data.retain(|part| !part.starts_with("Previous State"));
            let state = pet.event_data[1] & 0x0F;
            if state == 0x0F {
                assert!(!ours.iter().any(|part| part.starts_with("Previous State")), "{ours:?}");
            } else if let Some(name) = names.get(&(pet.sensor_type, pet.event_type, state)).filter(named) {
                let said = ours.remove(0).strip_prefix("Previous State = ").unwrap();
                let known = Met::default().are_ours(name, said, EVENTS) || said == "Thermal Trip";
                assert!(known, "{name} / {said}");
                before += 1;
            } else {
                ours.retain(|part| !part.starts_with("Previous State"));
            }
        }
        let specific = |bits: u32| pet.event_type == 0x6F && pet.event_data[0] >> bits & 3 == 3;
        if (pet.sensor_type, pet.offset) == (0x12, 4) && specific(6) {
            // The specification names the actions by bits; FreeIPMI prints the octet.
            ours.retain(|part| !part.starts_with("PEF Action = ") && !part.starts_with("Event Data2 = "));
            data.retain(|part| !part.starts_with("Event Data2 = "));
        }
        if pet.sensor_type == 0x0C && specific(4) {
            // The specification's device number belongs to every memory event; FreeIPMI reads it of a spare alone.
            data.retain(|part| !part.starts_with("Event Data3 = "));
            if pet.offset != 8 {
                ours.retain(|part| !part.starts_with("Memory module/device #"));
            }
        }
        let mut theirs = data.join(" | ");
        for (slip, right) in DATA {
            if theirs.contains(slip) {
                met.insert(*slip);
                theirs = theirs.replace(slip, right);
            }
        }
        let clock = theirs.strip_prefix(" ; event is").map(|rest| format!("event is{rest}")); // it names no clock
        assert_eq!(ours.join(" | "), clock.unwrap_or(theirs), "{pet:?}");
        same += 1;
    }
    assert_eq!(met.len(), DATA.len(), "{met:?}");
    assert_eq!(same, cases.len());
    assert!(before > 30, "{before}");
}

#[test]
fn what_the_oracle_does_not_read() {
    let octets = [0; FIXED_OCTETS];
    let say = |specific: u32, data: [u8; 3]| {
        let mut pet = Pet::parse(specific, &octets).unwrap();
        pet.event_data[..3].copy_from_slice(&data);
        EventData(&pet).to_string()
    };
    assert_eq!(say(0x12_6F_04, [0xC4, 0x01, 0xFF]), "PEF Action = Alert");
    assert_eq!(say(0x12_6F_04, [0xC4, 0x3F, 0xFF]), {
        "PEF Action = Alert, power off, reset, power cycle, OEM action, Diagnostic Interrupt"
    });
    assert_eq!(say(0x12_6F_04, [0xC4, 0x40, 0xFF]), "Event Data2 = 40h");
    assert_eq!(say(0x0C_6F_01, [0x31, 0xFF, 0x05]), "Memory module/device #5");
    assert_eq!(say(0x0C_6F_01, [0xA1, 0x00, 0x05]), "OEM Event Data2 code = 00h | OEM Event Data3 code = 05h");
    assert_eq!(say(0x02_03_01, [0x51, 0xF0, 0x00]), "Previous State = State Deasserted", "severity Fh says nothing");
    assert_eq!(say(0x02_03_01, [0x51, 0x1F, 0x00]), "Severity State = transition to Non-Critical from OK");
    assert_eq!(say(0x02_03_01, [0x51, 0xFF, 0x00]), "");
}

#[test]
fn no_octet_is_too_much() {
    for sensor_type in 0..=0xFF_u32 {
        for event_type in [0x01, 0x03, 0x0D, 0x6F, 0x70_u32] {
            for offset in [0, 1, 3, 4, 5, 6, 7, 15] {
                let mut pet = Pet::parse(sensor_type << 16 | event_type << 8 | offset, &[0; FIXED_OCTETS]).unwrap();
                for (first, second) in
                    (0..=0xFF_u8).step_by(17).flat_map(|a| (0..=0xFF_u8).step_by(85).map(move |b| (a, b)))
                {
                    pet.event_data[..3].copy_from_slice(&[first, second, !second]);
                    let said = EventData(&pet).to_string();
                    assert!(said.len() < 400 && !said.chars().any(char::is_control), "{said}");
                }
            }
        }
    }
}
