//! What event data 2 and 3 of a PET say: readings and thresholds, states before, and the codes of each sensor type.
//!
//! Uses `sensors` and `event_words`. Its input is a decoded PET, hostile: every octet is looked up, none is believed.
//! Worded as FreeIPMI's `ipmi-pet`; `tests/pet.rs` has the list of where we differ, and why. Nothing is allocated: who
//! wants to read it prints it.

use super::event_words as words;
use super::sensors::{self, OEM_EVENTS, SENSOR_SPECIFIC, SEVERITIES, THRESHOLD};
use crate::wire::pet::Pet;
use core::fmt::{self, Arguments, Formatter};

/// An octet, or half of one, that says nothing.
const UNSPECIFIED: u8 = 0xFF;
const UNSPECIFIED_HALF: u8 = 0x0F;

/// Event data 2 and 3 in words, parts divided by ` | `; empty where they say nothing.
#[derive(Debug, Clone, Copy)]
pub struct EventData<'a>(pub &'a Pet);

impl fmt::Display for EventData<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut parts = Parts { f, any: false };
        let [_, second, third, ..] = self.0.event_data;
        match Form::of(self.0) {
            Form::Raw if self.0.offset == UNSPECIFIED_HALF => Ok(()), // there is no event to speak of
            Form::Raw => parts.add(format_args!("Event Data2 = {second:02X}h | Event Data3 = {third:02X}h")),
            Form::Oem => {
                if Content::of_second(self.0) != Content::Unspecified {
                    parts.octet("OEM Event Data2 code =", second)?;
                }
                match Content::of_third(self.0) {
                    Content::Unspecified => Ok(()),
                    Content::Usual | Content::Oem | Content::Specific => parts.octet("OEM Event Data3 code =", third),
                }
            }
            Form::Threshold => {
                threshold_second(self.0, &mut parts)?;
                threshold_third(self.0, &mut parts)
            }
            Form::Discrete => {
                discrete_second(self.0, &mut parts)?;
                discrete_third(self.0, &mut parts)
            }
        }
    }
}

/// How the octets are to be read (IPMI 2.0, table 29-6).
enum Form {
    /// The event type is unknown: the octets as they are.
    Raw,
    /// The manufacturer's event.
    Oem,
    Threshold,
    /// A generic state, or one of the sensor type.
    Discrete,
}

impl Form {
    fn of(pet: &Pet) -> Self {
        match pet.event_type {
            THRESHOLD => Self::Threshold,
            0x02..=0x0C | SENSOR_SPECIFIC => Self::Discrete,
            kind if OEM_EVENTS.contains(&kind) => Self::Oem,
            0x00 | 0x0D..=0x6E | 0x70..=0xFF => Self::Raw,
        }
    }
}

/// What bits of event data 1 say that another octet is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Unspecified,
    /// A reading or trigger; a state before.
    Usual,
    Oem,
    /// A code of the sensor type.
    Specific,
}

impl Content {
    fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Unspecified,
            1 => Self::Usual,
            2 => Self::Oem,
            _ => Self::Specific,
        }
    }

    fn of_second(pet: &Pet) -> Self {
        Self::from_bits(pet.event_data[0] >> 6)
    }

    fn of_third(pet: &Pet) -> Self {
        Self::from_bits(pet.event_data[0] >> 4)
    }
}

fn threshold_second(pet: &Pet, parts: &mut Parts<'_, '_>) -> fmt::Result {
    let octet = pet.event_data[1];
    match Content::of_second(pet) {
        Content::Unspecified => Ok(()),
        // Without the sensor's SDR nobody knows the unit.
        Content::Usual => parts.add(format_args!("Sensor Reading = {octet:02X}h")),
        Content::Oem => parts.octet("OEM Event Data2 code =", octet),
        Content::Specific => parts.octet("Event Data2 =", octet),
    }
}

fn threshold_third(pet: &Pet, parts: &mut Parts<'_, '_>) -> fmt::Result {
    let octet = pet.event_data[2];
    match Content::of_third(pet) {
        Content::Unspecified => Ok(()),
        Content::Usual => parts.add(format_args!("Threshold = {octet:02X}h")),
        Content::Oem => parts.octet("OEM Event Data3 code =", octet),
        Content::Specific => parts.octet("Event Data3 =", octet),
    }
}

fn discrete_second(pet: &Pet, parts: &mut Parts<'_, '_>) -> fmt::Result {
    let octet = pet.event_data[1];
    match Content::of_second(pet) {
        Content::Unspecified => Ok(()),
        Content::Usual => {
            let (severity, state) = (octet >> 4, octet & UNSPECIFIED_HALF);
            let before = sensors::event(pet.sensor_type, pet.event_type, state);
            if let Some(before) = before.filter(|_| state != UNSPECIFIED_HALF) {
                parts.add(format_args!("Previous State = {before}"))?;
            }
            match sensors::event(0, SEVERITIES, severity).filter(|_| severity != UNSPECIFIED_HALF) {
                Some(severity) => parts.add(format_args!("Severity State = {severity}")),
                None => Ok(()),
            }
        }
        Content::Oem => parts.octet("OEM Event Data2 code =", octet),
        Content::Specific if octet == UNSPECIFIED => Ok(()),
        Content::Specific => match specific_second(pet, octet, parts) {
            Some(done) => done,
            None => parts.octet("Event Data2 =", octet),
        },
    }
}

fn discrete_third(pet: &Pet, parts: &mut Parts<'_, '_>) -> fmt::Result {
    let octet = pet.event_data[2];
    match Content::of_third(pet) {
        Content::Unspecified | Content::Usual => Ok(()), // the specification reserves the second
        Content::Oem => parts.octet("OEM Event Data3 code =", octet),
        Content::Specific if octet == UNSPECIFIED => Ok(()),
        Content::Specific => match specific_third(pet, octet, parts) {
            Some(done) => done,
            None => parts.octet("Event Data3 =", octet),
        },
    }
}

/// `None`: the specification gives this octet no meaning.
fn specific_second(pet: &Pet, octet: u8, parts: &mut Parts<'_, '_>) -> Option<fmt::Result> {
    if pet.event_type != SENSOR_SPECIFIC {
        return None;
    }
    let (high, low) = (octet >> 4, octet & 0x0F);
    Some(match (pet.sensor_type, pet.offset) {
        (0x05, 0x04) => parts.add(format_args!("Network controller #{octet}")),
        (0x0F, 0x00) => parts.add(format_args!("{}", code(words::POST_ERRORS, octet)?)),
        (0x0F, 0x01 | 0x02) => parts.add(format_args!("{}", code(words::POST_PROGRESS, octet)?)),
        (0x10, 0x00) => parts.add(format_args!("Memory module/device #{octet}")),
        (0x10, 0x01) => parts.add(format_args!("Event/Reading Type Code #{octet}")),
        // Where event data 3 is given, too, it says what this number counts.
        (0x10, 0x06) => match Content::of_third(pet) {
            Content::Specific => Ok(()),
            Content::Unspecified | Content::Usual | Content::Oem => parts.add(format_args!("Instance ID #{octet}")),
        },
        (0x12, 0x03) => parts.pair(
            ("Log entry action = ", code(words::LOG_ACTIONS, low)),
            ("Log Type = ", code(words::LOG_TYPES, high)),
        ),
        (0x12, 0x04) => pef_actions(octet, parts)?,
        (0x12, 0x05) => {
            let place = if octet & 0x80 == 0 { "first" } else { "second" };
            match code(words::CLOCKS, low) {
                Some(clock) => parts.add(format_args!("{clock} ; event is {place} of pair")),
                None => parts.add(format_args!("event is {place} of pair")),
            }
        }
        (0x19, 0x00) => parts.add(format_args!("Requested power state = {}", code(words::POWER_STATES, octet)?)),
        (0x1D, 0x07) => parts.add(format_args!("{}", code(words::RESTART_CAUSES, low)?)),
        (0x21, _) => parts.add(format_args!("Slot/Connector Type = {}", code(words::SLOT_TYPES, octet & 0x7F)?)),
        (0x23, _) => {
            let named = |table, half| if half == UNSPECIFIED_HALF { Some("unspecified") } else { code(table, half) };
            parts.both(
                ("Timer use at expiration = ", named(words::TIMER_USES, low)),
                ("Interrupt type = ", named(words::TIMER_INTERRUPTS, high)),
            )
        }
        (0x28, 0x00 | 0x04) => parts.add(format_args!("Sensor Number #{octet}")),
        (0x28, 0x05) => {
            let device = match octet & 0x80 {
                0 => "device is not a logical FRU Device",
                _ => "device is logical FRU Device (accessed via FRU commands to mgmt. controller)",
            };
            let (lun, bus) = (octet >> 3 & 3, octet & 7);
            parts.add(format_args!(
                "{device} ; LUN for Master Write-Read command or FRU Command #{lun} ; Private bus ID #{bus}"
            ))
        }
        (0x2A, 0x00) => match octet & 0x3F {
            0 => parts.add(format_args!("User ID for user that activated session = Unspecified")),
            user => parts.add(format_args!("User ID for user that activated session #{user}")),
        },
        (0x2B, _) => parts.add(format_args!("Version change type = {}", code(words::VERSION_CHANGES, octet)?)),
        (0x2C, _) => {
            let cause = if high == UNSPECIFIED_HALF {
                Some("State Change, Cause Unknown")
            } else {
                code(words::FRU_CAUSES, high)
            };
            let before = code(words::FRU_STATES, low).unwrap_or("reserved");
            parts.both(("Previous State = ", Some(before)), ("Cause of state change = ", cause))
        }
        _ => return None,
    })
}

/// `None`: the specification gives this octet no meaning.
fn specific_third(pet: &Pet, octet: u8, parts: &mut Parts<'_, '_>) -> Option<fmt::Result> {
    if pet.event_type != SENSOR_SPECIFIC {
        return None;
    }
    Some(match (pet.sensor_type, pet.offset) {
        (0x08, 0x06) => parts.add(format_args!("{}", code(words::SUPPLY_ERRORS, octet & 0x0F)?)),
        (0x0C, _) => parts.add(format_args!("Memory module/device #{octet}")),
        (0x10, 0x01) => {
            let direction = if octet & 0x10 == 0 { "deassertion event" } else { "assertion event" };
            let all = if octet & 0x20 == 0 { "" } else { " ; logging has been disabled for all events of given type" };
            parts.add(format_args!("Event Offset #{} ; {direction}{all}", octet & 0x0F))
        }
        (0x10, 0x05) => parts.add(format_args!("{octet}% full")),
        (0x10, 0x06) => {
            let counted = if octet & 0x80 == 0 { "Entity Instance Number" } else { "Vendor-specific Processor Number" };
            parts.add(format_args!("{counted} = #{}", pet.event_data[1]))
        }
        (0x1D, 0x07) => {
            parts.add(format_args!("Channel Number used to deliver command that generated restart #{octet}"))
        }
        (0x21, _) => parts.add(format_args!("Slot/Connector #{octet}")),
        (0x28, 0x05) => parts.add(format_args!("FRU Device ID/Slave Address #{octet}")),
        (0x2A, 0x01) => {
            let end = words::SESSION_ENDS[usize::from(octet >> 4 & 3)];
            let channel = octet & 0x0F;
            parts.add(format_args!("Channel number that session was activated/deactivated = {channel} ; {end}"))
        }
        (0x2A, _) => {
            parts.add(format_args!("Channel number that session was activated/deactivated = {}", octet & 0x0F))
        }
        _ => return None,
    })
}

/// Every action whose bit is set; `None` without one.
fn pef_actions(octet: u8, parts: &mut Parts<'_, '_>) -> Option<fmt::Result> {
    let mut set = (0..).zip(words::PEF_ACTIONS).filter(|(bit, _)| octet >> bit & 1 == 1).map(|(_, action)| action);
    let first = set.next()?;
    let done = parts.add(format_args!("PEF Action = {first}"));
    Some(done.and_then(|()| set.try_for_each(|action| write!(parts.f, ", {action}"))))
}

/// A code's words; empty ones are reserved.
fn code(table: &'static [&'static str], code: u8) -> Option<&'static str> {
    table.get(usize::from(code)).copied().filter(|words| !words.is_empty())
}

/// Writes parts, divided.
struct Parts<'w, 'f> {
    f: &'w mut Formatter<'f>,
    any: bool,
}

impl Parts<'_, '_> {
    fn add(&mut self, part: Arguments<'_>) -> fmt::Result {
        if core::mem::replace(&mut self.any, true) {
            self.f.write_str(" | ")?;
        }
        self.f.write_fmt(part)
    }

    /// The octet as it is, unless it says nothing.
    fn octet(&mut self, name: &str, octet: u8) -> fmt::Result {
        if octet == UNSPECIFIED { Ok(()) } else { self.add(format_args!("{name} {octet:02X}h")) }
    }

    /// Two halves of an octet; what is reserved is left out.
    fn pair(&mut self, (first, a): (&str, Option<&str>), (second, b): (&str, Option<&str>)) -> fmt::Result {
        match (a, b) {
            (Some(a), Some(b)) => self.add(format_args!("{first}{a} ; {second}{b}")),
            (Some(a), None) => self.add(format_args!("{first}{a}")),
            (None, Some(b)) => self.add(format_args!("{second}{b}")),
            (None, None) => Ok(()),
        }
    }

    /// Two halves of an octet; what is reserved is called so.
    fn both(&mut self, (first, a): (&str, Option<&str>), (second, b): (&str, Option<&str>)) -> fmt::Result {
        match (a, b) {
            (Some(a), Some(b)) => self.add(format_args!("{first}{a} ; {second}{b}")),
            (Some(a), None) => self.add(format_args!("{first}{a} ; reserved")),
            (None, Some(b)) => self.add(format_args!("reserved ; {second}{b}")),
            (None, None) => self.add(format_args!("reserved ; reserved")),
        }
    }
}
