//! The IPMI Platform Event Trap (PET, specification v1.0): what a BMC's trap says.
//!
//! The event is told twice: the specific-trap number carries type and offset, the one varbind carries
//! 47 octets or more with the rest. Both directions are here: the receiver parses, the simulated BMC
//! emits. Uses `snmp` to find the PET in a message. Input is one varbind's octets; hostile.

use super::Error;
use super::snmp::{ENTERPRISE_SPECIFIC, Message, Pdu, Value};
use crate::words::Guid;

/// The enterprise of every PET.
pub const ENTERPRISE: &[u32] = &[1, 3, 6, 1, 4, 1, 3183, 1, 1];
/// The one variable, an OCTET STRING.
pub const VARIABLE: &[u32] = &[1, 3, 6, 1, 4, 1, 3183, 1, 1, 1];
/// What the trap OID of a PET begins with in v2c; the specific-trap number follows.
pub const TRAP_OID_PREFIX: &[u32] = &[1, 3, 6, 1, 4, 1, 3183, 1, 1, 0];

/// The octets that every PET has; OEM fields and their end mark follow, or do not.
pub const FIXED_OCTETS: usize = 46;
/// Ends the OEM fields.
pub const END_OF_OEM: u8 = 0xC1;

const DEASSERTION: u32 = 0x80;
const UTC_UNSPECIFIED: [u8; 2] = [0xFF, 0xFF];

/// A PET, decoded. Octets that mean "unspecified" have become `None` where that is certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pet {
    /// Specific-trap bits 23:16.
    pub sensor_type: u8,
    /// Specific-trap bits 15:8: 01h threshold, 02h to 0Ch generic, 6Fh sensor-specific, 70h up OEM.
    pub event_type: u8,
    /// Specific-trap bits 3:0; Fh is unspecified.
    pub offset: u8,
    /// Specific-trap bit 7: the event is over. Look at this first: the severity may still be critical.
    pub deasserted: bool,
    /// The system's GUID, in wire order.
    pub guid: Guid,
    /// The same for every retransmission; zero when the sender does not number.
    pub sequence: u16,
    /// Local seconds since 1998-01-01; zero is unspecified. For display only.
    pub timestamp: u32,
    /// Minutes east of UTC.
    pub utc_offset: Option<i16>,
    /// What made the trap (20h IPMI, 68h ASF, FFh unspecified, ...).
    pub trap_source: u8,
    /// What made the event.
    pub event_source: u8,
    /// 01h monitor, 02h information, 04h OK, 08h non-critical, 10h critical, 20h non-recoverable, 00h unspecified.
    pub severity: u8,
    /// Slave address of the sensor's owner; odd is a software id; FFh unspecified.
    pub sensor_device: u8,
    /// Number of the sensor. 00h is also used as a real number, FFh is unspecified.
    pub sensor_number: u8,
    /// Entity id.
    pub entity: u8,
    /// Entity instance.
    pub entity_instance: u8,
    /// Event data 1 to 8; IPMI fills three.
    pub event_data: [u8; 8],
    /// Language of the OEM text; 19h English, FFh unspecified.
    pub language: u8,
    /// IANA number of the manufacturer, as its octets say (some senders swap them).
    pub manufacturer: u32,
    /// System id, by the manufacturer.
    pub system_id: u16,
}

impl Pet {
    /// Reads a PET from its specific-trap number and its variable's octets.
    ///
    /// Reserved bits 6:4 of the offset are ignored. What follows the fixed octets is not looked at:
    /// senders write OEM fields, zeros or nothing there, with and without the end mark.
    #[inline]
    pub fn parse(specific_trap: u32, octets: &[u8]) -> Result<Self, Error> {
        let [0, sensor_type, event_type, offset] = specific_trap.to_be_bytes() else {
            return Err(Error::PetSpecificTrap);
        };
        let fixed = octets.first_chunk::<FIXED_OCTETS>().ok_or(Error::PetTooShort)?;
        let field = |at: usize| [fixed[at], fixed[at + 1]];
        let long_field = |at: usize| u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let mut guid = [0; 16];
        guid.copy_from_slice(&fixed[0..16]);
        let mut event_data = [0; 8];
        event_data.copy_from_slice(&fixed[31..39]);
        Ok(Self {
            sensor_type,
            event_type,
            offset: offset & 0x0F,
            deasserted: u32::from(offset) & DEASSERTION != 0,
            guid: Guid(guid),
            sequence: u16::from_be_bytes(field(16)),
            timestamp: long_field(18),
            utc_offset: (field(22) != UTC_UNSPECIFIED).then(|| i16::from_be_bytes(field(22))),
            trap_source: fixed[24],
            event_source: fixed[25],
            severity: fixed[26],
            sensor_device: fixed[27],
            sensor_number: fixed[28],
            entity: fixed[29],
            entity_instance: fixed[30],
            event_data,
            language: fixed[39],
            manufacturer: long_field(40),
            system_id: u16::from_be_bytes(field(44)),
        })
    }

    /// The specific-trap number.
    pub fn specific_trap(&self) -> u32 {
        let deassertion = if self.deasserted { DEASSERTION as u8 } else { 0 };
        u32::from_be_bytes([0, self.sensor_type, self.event_type, deassertion | self.offset & 0x0F])
    }

    /// Appends the variable's octets: the fixed ones and the end mark.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.guid.0);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.utc_offset.map_or(UTC_UNSPECIFIED, i16::to_be_bytes));
        out.extend_from_slice(&[self.trap_source, self.event_source, self.severity]);
        out.extend_from_slice(&[self.sensor_device, self.sensor_number, self.entity, self.entity_instance]);
        out.extend_from_slice(&self.event_data);
        out.push(self.language);
        out.extend_from_slice(&self.manufacturer.to_be_bytes());
        out.extend_from_slice(&self.system_id.to_be_bytes());
        out.push(END_OF_OEM);
    }

    /// The data of PET Acknowledge (NetFn 04h, command 17h), where sequence and timestamp are
    /// little-endian.
    pub fn acknowledge(&self) -> [u8; 12] {
        let [sequence_low, sequence_high] = self.sequence.to_le_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_le_bytes();
        let [data1, data2, data3, ..] = self.event_data;
        [
            sequence_low,
            sequence_high,
            t0,
            t1,
            t2,
            t3,
            self.event_source,
            self.sensor_device,
            self.sensor_number,
            data1,
            data2,
            data3,
        ]
    }
}

/// Specific-trap number and octets of the PET in a message of either version.
///
/// `None` when it is no PET at all. A PET without its variable has no octets, and so fails to parse.
#[inline]
pub fn find<'a>(message: &Message<'a>) -> Option<(u32, &'a [u8])> {
    let specific_trap = match &message.pdu {
        Pdu::TrapV1(trap) => {
            let pet = trap.generic == ENTERPRISE_SPECIFIC && trap.enterprise.is(ENTERPRISE);
            pet.then_some(trap.specific)?
        }
        Pdu::TrapV2 { .. } | Pdu::Inform { .. } => {
            let mut rest = message.trap_oid()?.strip_prefix(TRAP_OID_PREFIX)?;
            let specific_trap = rest.next()?;
            rest.next().is_none().then_some(specific_trap)?
        }
    };
    let octets = message.varbinds.find_map(VARIABLE, |value| match value {
        Value::OctetString(octets) => Some(octets),
        _ => None,
    });
    Some((specific_trap, octets.unwrap_or_default()))
}
