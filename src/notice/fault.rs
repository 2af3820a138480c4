//! What notices are about: one fault, whatever told of it.
//!
//! A fault is (server, sensor, offset, direction); the server stands beside it in the notice. Derived from the fields
//! alone, so that every node names it alike. Uses `crypto` (a hash, for parts that have no number) and `wire`.

use crate::crypto::Digest;
use crate::wire::pet::Pet;

const BY_SENSOR: u8 = 1;
const BY_PART: u8 = 2;
const UNSPECIFIED: u8 = 0xFF;

/// A fault of a server. The last octet is its direction: 0 asserted, 1 over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fault(pub u64);

impl Fault {
    /// The slave address of a BMC: who owns a sensor when nobody says.
    pub(super) const OF_THE_BMC: u8 = 0x20;

    /// What a PET is about.
    pub fn of(pet: &Pet) -> Self {
        let device = if pet.sensor_device == UNSPECIFIED { Self::OF_THE_BMC } else { pet.sensor_device };
        Self::of_sensor(device, pet.sensor_type, pet.sensor_number, pet.event_type, pet.offset, pet.deasserted)
    }

    /// An event of an IPMI sensor.
    pub(super) fn of_sensor(device: u8, sensor_type: u8, number: u8, event_type: u8, offset: u8, over: bool) -> Self {
        let fields = [BY_SENSOR, device, sensor_type, number, event_type, offset, 0, u8::from(over)];
        Self(u64::from_be_bytes(fields))
    }

    /// A fault of a part that a vendor names by a text.
    pub(super) fn of_part(profile: &str, fault: &[u8], part: &str, over: bool) -> Self {
        let mut digest = Digest::new("fault");
        digest.part(profile.as_bytes());
        digest.part(fault);
        digest.part(part.as_bytes());
        let [a, b, c, d, e, f, ..] = digest.finish().to_be_bytes();
        Self(u64::from_be_bytes([BY_PART, a, b, c, d, e, f, u8::from(over)]))
    }

    /// The IPMI event that it is, if it is a sensor's: owner, sensor type, sensor number, event type (bit 7: it is over)
    /// and offset.
    pub fn event(self) -> Option<[u8; 5]> {
        let [kind, device, sensor_type, number, event_type, offset, _, over] = self.0.to_be_bytes();
        (kind == BY_SENSOR).then_some([device, sensor_type, number, event_type & 0x7F | over << 7, offset])
    }

    /// Whether the other is the same fault, begun or over.
    pub fn is_about(self, other: Self) -> bool {
        self.0 >> 8 == other.0 >> 8
    }
}
