//! PETs of real senders, and the words for them compared with FreeIPMI's.

mod common;

use bmcnotice::notice::event_data::EventData;
use bmcnotice::notice::{meaning, sensors};
use bmcnotice::wire::Error;
use bmcnotice::wire::pet::{self, Pet};
use bmcnotice::wire::snmp::Message;
use common::{octets, text};

/// What is made of the PETs of a file of datagrams.
fn of_pets<T>(file: &str, make: impl Fn(u32, &[u8]) -> T) -> Vec<T> {
    let text = text(file);
    let datagrams = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(octets);
    let made = datagrams.filter_map(|datagram| {
        let message = Message::parse(&datagram).ok()?;
        let (specific, octets) = pet::find(&message)?;
        Some(make(specific, octets))
    });
    made.collect()
}

fn pets(file: &str) -> Vec<Pet> {
    of_pets(file, |specific, octets| Pet::parse(specific, octets).unwrap())
}

fn lengths(file: &str) -> Vec<usize> {
    of_pets(file, |_, octets| octets.len())
}

/// Dell's chassis intrusion, as of a PowerEdge.
fn dell() -> (u32, Vec<u8>) {
    let hex = "44454c4c500010598043b2c04f333358004219eeab64ffff202000417318008001ff000000000019000002a20100c1";
    (356_096, octets(hex))
}

#[test]
fn the_constants_are_what_they_are_called() {
    assert_eq!(pet::ENTERPRISE.to_string(), "1.3.6.1.4.1.3183.1.1");
    assert_eq!(pet::VARIABLE.to_string(), "1.3.6.1.4.1.3183.1.1.1");
    assert_eq!(pet::TRAP_OID_PREFIX.to_string(), "1.3.6.1.4.1.3183.1.1.0");
}

#[test]
fn a_dell() {
    let (specific, octets) = dell();
    let pet = Pet::parse(specific, &octets).unwrap();
    assert_eq!((pet.sensor_type, pet.event_type, pet.offset, pet.deasserted), (0x05, 0x6F, 0, false));
    assert_eq!(pet.guid.to_string(), "44454c4c-5000-1059-8043-b2c04f333358");
    assert_eq!((pet.sequence, pet.timestamp, pet.utc_offset), (0x42, 0x19EE_AB64, None));
    assert_eq!((pet.trap_source, pet.event_source, pet.severity), (0x20, 0x20, 0));
    assert_eq!((pet.sensor_device, pet.sensor_number, pet.entity, pet.entity_instance), (0x41, 0x73, 0x18, 0));
    assert_eq!(pet.event_data, [0x80, 0x01, 0xFF, 0, 0, 0, 0, 0]);
    assert_eq!((pet.language, pet.manufacturer, pet.system_id), (0x19, 674, 256));
    assert_eq!(pet.acknowledge(), [0x42, 0, 0x64, 0xAB, 0xEE, 0x19, 0x20, 0x41, 0x73, 0x80, 0x01, 0xFF]);

    let mut emitted = Vec::new();
    pet.emit(&mut emitted);
    assert_eq!((emitted, pet.specific_trap()), (octets, specific));
}

#[test]
fn every_pet_of_the_corpus() {
    let own = pets("traps/own-snmptrap.hex");
    // Dell v1, Supermicro, a fan that is well again, Dell v2c, and it over IPv6 and in an Inform with other numbers.
    let specific: Vec<_> = own.iter().map(Pet::specific_trap).collect();
    assert_eq!(specific, [356_096, 0, 262_530, 356_096, 131_330, 262_402]);
    assert_eq!(own[0], own[3], "the same in v1 and in v2c");
    assert_eq!((own[1].manufacturer, own[1].severity), (0x7C2A_0000, 2), "Supermicro's octets are swapped");
    assert!(own[2].deasserted);
    assert_eq!((own[2].offset, own[2].utc_offset, own[2].severity), (2, Some(60), 2));

    let carrier = pets("traps/eipmi-pet.hex");
    assert_eq!(lengths("traps/own-snmptrap.hex"), [47, 51, 47, 47, 47, 47], "Supermicro's has a field of its own");
    assert_eq!(lengths("traps/eipmi-pet.hex"), [110, 110, 110], "zeros, and no end mark");
    let seen: Vec<_> = carrier.iter().map(|p| (p.sensor_type, p.offset, p.sensor_number, p.severity)).collect();
    assert_eq!(seen, [(0xF3, 1, 0x1C, 0xFF), (0xF0, 5, 0x09, 0xFF), (0xF0, 1, 0x09, 0xFF)]);
    assert_eq!((carrier[0].trap_source, carrier[0].entity, carrier[0].entity_instance), (0x24, 0x0A, 0x61));
    assert!(carrier.iter().all(|pet| pet.guid.is_unspecified() && pet.sequence == 0 && pet.timestamp == 0));
}

/// As a comment of ipmiutil (`util/ievents.c`, BSD) shows it, of an Intel BMC; its specific-trap is not told there, and the
/// sentence beside it says System Event, 6Fh.
#[test]
fn an_intel() {
    let octets =
        octets("3ca7568508c511d7c3a2000423bcac12511411723858ffff20200010830701410fff000000000019000001570022c1");
    let pet = Pet::parse(0x0012_6F01, &octets).unwrap();
    assert_eq!((pet.sequence, pet.timestamp, pet.severity), (0x5114, 0x1172_3858, 0));
    assert_eq!((pet.sensor_device, pet.sensor_number, pet.entity, pet.entity_instance), (0x10, 0x83, 7, 1));
    assert_eq!((&pet.event_data[..3], pet.manufacturer, pet.system_id), (&[0x41, 0x0F, 0xFF][..], 343, 0x22));
    assert_eq!(meaning::event_text(&pet), "OEM System Boot Event");
}

#[test]
fn what_follows_the_fixed_octets_does_not_matter() {
    let (specific, octets) = dell();
    let pet = Pet::parse(specific, &octets).unwrap();
    for tail in [&[][..], &[0xC1], &[0; 64], &[0x80, 0, 1, 0, 0xC1], &[0xFF], &[0xC3, 1]] {
        let octets = [&octets[..46], tail].concat();
        assert_eq!(Pet::parse(specific, &octets), Ok(pet.clone()), "{tail:02x?}");
    }
    for length in 0..46 {
        assert_eq!(Pet::parse(specific, &octets[..length]), Err(Error::PetTooShort));
    }
    assert_eq!(Pet::parse(specific | 1 << 24, &octets), Err(Error::PetSpecificTrap));
}

/// Cases in which FreeIPMI knows more: it has asked the BMC for the sensor's record, and so knows names and units.
const WITH_RECORD: &[&str] = &["temp-uc-high", "fan-lnr-low"];

#[test]
fn the_words_are_those_of_freeipmi() {
    let golden = text("pet-golden.txt");
    let mut lines = golden.lines();
    let (mut cases, mut different) = (0, Vec::new());
    while let (Some(case), Some(input), Some(output)) = (lines.next(), lines.next(), lines.next()) {
        let (specific, hex) = input.trim().strip_prefix("trap=").unwrap().split_once(" bytes=").unwrap();
        let pet = Pet::parse(specific.parse().unwrap(), &octets(hex)).unwrap();
        // rc=0 date,time,sensor,type,severity,state,event; commas in the event.
        let columns: Vec<_> = output.trim().splitn(7, ',').collect();
        assert_eq!(sensors::type_name(pet.sensor_type), columns[3], "{case}");
        let severity = columns[4].strip_suffix(" condition").unwrap_or(columns[4]).to_lowercase();
        assert_eq!(sensors::severity_name(pet.severity), severity, "{case}");
        let (event, data) = columns[6].split_once(" | ").unwrap_or((columns[6], ""));
        assert_eq!(meaning::event_text(&pet), event, "{case}");
        // Of a PEF action it prints the octet; `pet_words` has the reasons, and many more cases.
        if EventData(&pet).to_string() != data && case != "sysevent-pef-action" {
            different.push(case);
        }
        cases += 1;
    }
    assert_eq!(cases, 17);
    assert_eq!(different, WITH_RECORD);
}
