//! What a verified trap means for its server: class, failing region, and the sentence a person reads.
//!
//! Uses `sensors` (the words), `deadly` (the judgement), `vendor` (traps that are no PET) and `config` (what the site
//! says). Takes a [`VerifiedTrap`] and nothing else, so that nobody's claim gets a meaning before its sender was accepted.
//!
//! The order decides: an event that is over is never fatal, whatever its severity still says; then the site's own
//! judgement; then what the sender calls non-recoverable, and the shipped list; *critical* alone is recoverable. A
//! severity that the sender leaves open is never guessed: the lists alone decide then.

use super::fault::Fault;
use super::source::VerifiedTrap;
use super::told::Meaning;
use super::{deadly, sensors, vendor};
use crate::config::model::Meanings;
use crate::wire::pet::Pet;
use crate::words::{Class, Text};
use core::fmt::Write;

const NON_CRITICAL: u8 = 0x08;
const CRITICAL: u8 = 0x10;
const NON_RECOVERABLE: u8 = 0x20;

/// The offset that says nothing.
const UNSPECIFIED_OFFSET: u8 = 0x0F;
/// The sensor number that says nothing; 00h is also a real one.
const UNSPECIFIED_SENSOR: u8 = 0xFF;

/// The meaning of a trap of the server of this name; `trap_oid`: the trap's, as dotted decimals. `draft` is where its texts
/// are written, again and again.
pub fn of(trap: &VerifiedTrap<'_>, trap_oid: &str, server: &str, meanings: &Meanings, draft: &mut String) -> Meaning {
    if let Some(pet) = trap.pet() {
        let (class, fault) = (class(pet, meanings), Some(Fault::of(pet)));
        let region = Text::drafted(draft, |draft| region(pet, draft));
        return Meaning { class, region, sentence: Text::drafted(draft, |draft| sentence(pet, server, draft)), fault };
    }
    vendor::of(trap, trap_oid, server, meanings, draft).unwrap_or_else(|| Meaning {
        class: Class::Info,
        region: Text::drafted(draft, |draft| draft.push_str("unknown")),
        sentence: Text::drafted(draft, |draft| vendor::unclassified(trap_oid, server, draft)),
        fault: None,
    })
}

/// How bad an event is.
pub fn class(pet: &Pet, meanings: &Meanings) -> Class {
    let (sensor_type, event_type, offset) = (pet.sensor_type, pet.event_type, pet.offset);
    if pet.deasserted {
        return Class::Cleared;
    }
    if let Some(own) = meanings.overrides.iter().find(|own| own.fits(sensor_type, event_type, offset)) {
        return own.class;
    }
    if deadly::is_status_only(sensor_type, event_type, offset) {
        return Class::Info;
    }
    if pet.severity == NON_RECOVERABLE || deadly::is_fatal(sensor_type, event_type, offset) {
        return Class::Fatal;
    }
    match deadly::trouble(sensor_type, event_type, offset) {
        Some(class) => class,
        None if matches!(pet.severity, NON_CRITICAL | CRITICAL) => {
            Class::Recoverable { degradation: false, predictive: false }
        }
        None => Class::Info,
    }
}

/// What happened, in the words of the specification; an event that it does not know by its numbers.
pub fn event_text(pet: &Pet) -> String {
    match sensors::event(pet.sensor_type, pet.event_type, pet.offset) {
        Some(event) => event.into(),
        None if pet.offset == UNSPECIFIED_OFFSET => "Unspecified event".into(),
        None if sensors::OEM_EVENTS.contains(&pet.event_type) => format!("OEM Event Offset = {:02X}h", pet.offset),
        None => format!("Event type {:02X}h, offset {:02X}h", pet.event_type, pet.offset),
    }
}

fn region(pet: &Pet, region: &mut String) {
    match (sensors::entity_name(pet.entity), pet.entity_instance) {
        (Some(entity), 0) => region.push_str(entity),
        (Some(entity), instance @ 1..=0x5F) => _ = write!(region, "{entity} {instance}"),
        (Some(entity), instance) => {
            region.push_str(entity); // relative to its device: not counted from 1
            region.push(' ');
            push_hex(instance, region);
        }
        (None, _) => {
            region.push_str(sensors::type_name(pet.sensor_type));
            region.make_ascii_lowercase();
        }
    }
    if pet.sensor_number != UNSPECIFIED_SENSOR {
        region.push_str(", sensor ");
        push_hex(pet.sensor_number, region);
    }
}

/// A number as the specification writes them: "20h".
fn push_hex(number: u8, to: &mut String) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    to.extend([DIGITS[usize::from(number >> 4)], DIGITS[usize::from(number & 0x0F)], 'h']);
}

fn sentence(pet: &Pet, server: &str, sentence: &mut String) {
    sentence.push_str(sensors::type_name(pet.sensor_type));
    if pet.sensor_number != UNSPECIFIED_SENSOR {
        sentence.push_str(" (sensor ");
        push_hex(pet.sensor_number, sentence);
        sentence.push(')');
    }
    sentence.push_str(": ");
    match sensors::event(pet.sensor_type, pet.event_type, pet.offset) {
        Some(event) => sentence.push_str(event),
        None => sentence.push_str(&event_text(pet)),
    }
    sentence.push_str(if pet.deasserted { " deasserted" } else { " asserted" });
    sentence.push_str("; severity ");
    sentence.push_str(sensors::severity_name(pet.severity));
    sentence.push_str("; reported by BMC of ");
    sentence.push_str(server);
}
