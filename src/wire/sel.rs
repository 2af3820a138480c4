//! The System Event Log: its commands and records (IPMI 2.0, chapters 31 and 32).
//!
//! Both directions. Input is what a BMC answers; hostile.

use super::command::{ADD_SEL_ENTRY, GET_SEL_ENTRY, RESERVE_SEL};
use super::ipmi::{Command, Error, Request};

/// Get SEL Time.
pub const GET_TIME: Command = Command { netfn: 0x0A, number: 0x48 };

/// The first record.
pub const FIRST: u16 = 0x0000;
/// The last record; as the next id: there is none.
pub const LAST: u16 = 0xFFFF;
/// Completion code of Get SEL Entry in an empty log.
pub const EMPTY: u8 = 0xCB;

/// Completion code while the log is being erased.
pub const ERASING: u8 = 0x81;
/// The type of a record that holds an event of a sensor.
pub const SYSTEM_EVENT: u8 = 0x02;
/// The octets of a record.
const RECORD_OCTETS: u16 = 16;

/// Answer to Get SEL Info.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelInfo {
    /// Records in the log.
    pub entries: u16,
    /// Octets free; FFFFh: that many or more.
    pub free: u16,
    /// When a record was added last, by the BMC's clock.
    pub added: u32,
    /// When the log was erased last, by the BMC's clock.
    pub erased: u32,
    /// Records were lost for lack of space.
    pub overflow: bool,
}

impl SelInfo {
    /// Reads the answer.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let Some(&[_version, e0, e1, f0, f1, a0, a1, a2, a3, r0, r1, r2, r3, flags]) = data.first_chunk() else {
            return Err(Error::Truncated);
        };
        Ok(Self {
            entries: u16::from_le_bytes([e0, e1]),
            free: u16::from_le_bytes([f0, f1]),
            added: u32::from_le_bytes([a0, a1, a2, a3]),
            erased: u32::from_le_bytes([r0, r1, r2, r3]),
            overflow: flags & 0x80 != 0,
        })
    }

    /// Whether a record may have been lost, or the next one will be.
    pub fn is_full(&self) -> bool {
        self.overflow || self.free < RECORD_OCTETS
    }

    /// Writes the answer of a log that knows Reserve SEL.
    pub fn emit(&self) -> Vec<u8> {
        let mut data = vec![0x51];
        data.extend(self.entries.to_le_bytes());
        data.extend(self.free.to_le_bytes());
        data.extend(self.added.to_le_bytes());
        data.extend(self.erased.to_le_bytes());
        data.push(u8::from(self.overflow) << 7 | 0x02);
        data
    }
}

/// One record, raw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record(pub [u8; 16]);

impl Record {
    /// An OEM record with time stamp (types C0h to DFh); the BMC sets id and time.
    pub fn oem(record_type: u8, manufacturer: u32, data: [u8; 6]) -> Self {
        let [m0, m1, m2, _] = manufacturer.to_le_bytes();
        let [d0, d1, d2, d3, d4, d5] = data;
        Self([0, 0, record_type, 0, 0, 0, 0, m0, m1, m2, d0, d1, d2, d3, d4, d5])
    }

    /// Its id.
    pub fn id(&self) -> u16 {
        u16::from_le_bytes([self.0[0], self.0[1]])
    }

    /// Its type: 02h system event, C0h to DFh OEM with time, E0h to FFh OEM without.
    pub fn record_type(&self) -> u8 {
        self.0[2]
    }

    /// Whose record it is, for the types C0h to DFh: 24 bits.
    pub fn manufacturer(&self) -> u32 {
        u32::from_le_bytes([self.0[7], self.0[8], self.0[9], 0])
    }

    /// Who made the event: a slave address, or a software's id with bit 0 set. For [`SYSTEM_EVENT`].
    pub fn generator(&self) -> u8 {
        self.0[7]
    }

    /// For [`SYSTEM_EVENT`].
    pub fn sensor_type(&self) -> u8 {
        self.0[10]
    }

    /// For [`SYSTEM_EVENT`].
    pub fn sensor_number(&self) -> u8 {
        self.0[11]
    }

    /// For [`SYSTEM_EVENT`].
    pub fn event_type(&self) -> u8 {
        self.0[12] & 0x7F
    }

    /// Whether the event is over. For [`SYSTEM_EVENT`].
    pub fn is_deassertion(&self) -> bool {
        self.0[12] & 0x80 != 0
    }

    /// Event data 1 to 3. For [`SYSTEM_EVENT`].
    pub fn event_data(&self) -> [u8; 3] {
        [self.0[13], self.0[14], self.0[15]]
    }

    /// Whether both say the same, whatever id and time the BMC gave them.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.0[2] == other.0[2] && self.0[7..] == other.0[7..]
    }

    /// The request that adds it.
    pub fn add(&self) -> Request {
        Request::new(ADD_SEL_ENTRY, self.0)
    }

    /// Reads the data of Add SEL Entry.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        match data.try_into() {
            Ok(octets) => Ok(Self(octets)),
            Err(_) if data.len() > 16 => Err(Error::TooLong),
            Err(_) => Err(Error::Truncated),
        }
    }
}

/// The request for a whole record; that needs no reservation.
pub fn get_entry(id: u16) -> Request {
    get_entry_reserved(id, 0)
}

/// The same for a BMC that wants a reservation all the same.
pub fn get_entry_reserved(id: u16, reservation: u16) -> Request {
    let ([i0, i1], [r0, r1]) = (id.to_le_bytes(), reservation.to_le_bytes());
    Request::new(GET_SEL_ENTRY, [r0, r1, i0, i1, 0, 0xFF])
}

/// The request for a reservation.
pub fn reserve() -> Request {
    Request::new(RESERVE_SEL, [])
}

/// Reads the answer to it.
pub fn parse_reservation(data: &[u8]) -> Result<u16, Error> {
    match data {
        [r0, r1, ..] => Ok(u16::from_le_bytes([*r0, *r1])),
        _ => Err(Error::Truncated),
    }
}

/// Answer to Get SEL Entry for a whole record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The id to ask for next; [`LAST`]: there is none.
    pub next: u16,
    /// The record.
    pub record: Record,
}

impl Entry {
    /// Reads the answer.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        match data {
            [n0, n1, record @ ..] => Ok(Self { next: u16::from_le_bytes([*n0, *n1]), record: Record::parse(record)? }),
            _ => Err(Error::Truncated),
        }
    }

    /// Writes the answer.
    pub fn emit(&self) -> Vec<u8> {
        let mut data = self.next.to_le_bytes().to_vec();
        data.extend(self.record.0);
        data
    }
}

/// Reads the answer to Add SEL Entry: the record's id.
pub fn parse_added(data: &[u8]) -> Result<u16, Error> {
    match data {
        [i0, i1, ..] => Ok(u16::from_le_bytes([*i0, *i1])),
        _ => Err(Error::Truncated),
    }
}

/// Reads the answer to [`GET_TIME`]: the BMC's clock, in seconds since 1970; below 20000000h they count from
/// its own start.
pub fn parse_time(data: &[u8]) -> Result<u32, Error> {
    data.first_chunk().copied().map(u32::from_le_bytes).ok_or(Error::Truncated)
}
