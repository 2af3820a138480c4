//! The words of IPMI 2.0: sensor types and their events (table 42-3), generic events (table 42-2),
//! severities (PET specification, table 1) and entities (table 43-13).
//!
//! Facts alone, no judgement; that is in `deadly`. The tables are in `table` and `entity`. Uses nothing else.

mod entity;
mod table;

pub use entity::entity_name;
use table::{GENERIC, TYPES};

/// The event type of sensor-specific offsets.
pub const SENSOR_SPECIFIC: u8 = 0x6F;
/// The event type of thresholds.
pub const THRESHOLD: u8 = 0x01;
/// The generic event type whose offsets are severities.
pub const SEVERITIES: u8 = 0x07;
/// Event types that belong to the manufacturer.
pub const OEM_EVENTS: core::ops::RangeInclusive<u8> = 0x70..=0x7F;
/// Sensor types from here on belong to the manufacturer.
pub const FIRST_OEM_TYPE: u8 = 0xC0;

/// A sensor type's name.
pub fn type_name(sensor_type: u8) -> &'static str {
    match TYPES.get(usize::from(sensor_type)) {
        Some((name, _)) => name,
        None if sensor_type >= FIRST_OEM_TYPE => "OEM Reserved",
        None => "Reserved",
    }
}

/// What happened, in the words of the specification. `None` where the specification has none.
pub fn event(sensor_type: u8, event_type: u8, offset: u8) -> Option<&'static str> {
    let events = match event_type {
        SENSOR_SPECIFIC => TYPES.get(usize::from(sensor_type))?.1,
        _ => GENERIC.get(usize::from(event_type))?,
    };
    events.get(usize::from(offset)).copied().filter(|event| !event.is_empty())
}

/// A PET severity's name.
pub fn severity_name(severity: u8) -> &'static str {
    match severity {
        0x00 | 0xFF => "unspecified",
        0x01 => "monitor",
        0x02 => "information",
        0x04 => "OK",
        0x08 => "non-critical",
        0x10 => "critical",
        0x20 => "non-recoverable",
        _ => "unknown",
    }
}
