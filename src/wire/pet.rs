//! The IPMI Platform Event Trap (PET, specification v1.0): what a BMC's trap says.
//!
//! The event is told twice: the specific-trap number carries type and offset, the one varbind carries
//! 47 octets or more with the rest. Both directions are here: the receiver parses, the simulated BMC
//! emits. Input is one varbind's octets; hostile.

use crate::words::Guid;

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
