//! What a trap says happened, and whether a record of the log tells of the same.
//!
//! Values. Made from a PET, which anyone may have forged; compared with a BMC's records.

use crate::wire::pet::Pet;
use crate::wire::sel::{self, Record};

/// Octets of a [`Claim`] in a journal.
pub const CLAIM_OCTETS: usize = 8;

/// What a trap says happened, as far as a record can say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    device: u8,
    sensor_type: u8,
    sensor_number: u8,
    /// Bit 7: it is over.
    event_type: u8,
    offset: u8,
    data: [u8; 3],
}

/// Means "unspecified" in nearly every field of a PET.
const UNSPECIFIED: u8 = 0xFF;

impl Claim {
    /// What this PET says.
    pub fn of(pet: &Pet) -> Self {
        let [one, two, three, ..] = pet.event_data;
        Self {
            device: pet.sensor_device,
            sensor_type: pet.sensor_type,
            sensor_number: pet.sensor_number,
            event_type: pet.event_type & 0x7F | u8::from(pet.deasserted) << 7,
            offset: pet.offset & 0x0F,
            data: [one, two, three],
        }
    }

    /// For the journal.
    pub fn octets(&self) -> [u8; CLAIM_OCTETS] {
        let [one, two, three] = self.data;
        [self.device, self.sensor_type, self.sensor_number, self.event_type, self.offset, one, two, three]
    }

    /// From the journal.
    pub fn from_octets(octets: [u8; CLAIM_OCTETS]) -> Self {
        let [device, sensor_type, sensor_number, event_type, offset, one, two, three] = octets;
        Self { device, sensor_type, sensor_number, event_type, offset, data: [one, two, three] }
    }

    /// Whether the record tells of the same event. What either leaves open is no difference; sensor and
    /// event are never open, or one record would support any trap.
    pub fn is_told_by(&self, record: &Record) -> bool {
        let device = record.generator();
        let open = |octet: u8| matches!(octet, 0 | UNSPECIFIED);
        let [one, two, three] = record.event_data();
        // Bits 7:6 and 5:4 say what the second and the third octet hold; zero: nothing.
        let same = |mask: u8, ours: u8, theirs: u8| {
            let told = self.data[0] & mask != 0 && one & mask != 0;
            !told || ours == UNSPECIFIED || theirs == UNSPECIFIED || ours == theirs
        };
        record.record_type() == sel::SYSTEM_EVENT
            && record.sensor_type() == self.sensor_type
            && record.sensor_number() == self.sensor_number
            && record.event_type() == self.event_type & 0x7F
            && record.is_deassertion() == (self.event_type & 0x80 != 0)
            && one & 0x0F == self.offset
            && (open(device) || open(self.device) || device == self.device)
            && same(0xC0, self.data[1], two)
            && same(0x30, self.data[2], three)
    }
}

/// A record, for people.
pub fn shown(record: &Record) -> String {
    let id = record.id();
    if record.record_type() != sel::SYSTEM_EVENT {
        return format!("record {id:04x}h of type {:02x}h", record.record_type());
    }
    let over = if record.is_deassertion() { ", over" } else { "" };
    format!(
        "record {id:04x}h: sensor {:02x}h of type {:02x}h, event {:02x}h/{}{over}",
        record.sensor_number(),
        record.sensor_type(),
        record.event_type(),
        record.event_data()[0] & 0x0F
    )
}
