//! The System Event Log: bounded, with real record layouts (IPMI 2.0 section 32).
//!
//! Times are the BMC's own clock, handed in as 32-bit Unix seconds. Uses `fault`.

use super::fault::Fault;

/// Octets of one record.
pub const RECORD_SIZE: usize = 16;
/// The largest capacity, in records: ids are 16 bits, 0000h and FFFFh mean first and last.
pub const CAPACITY_MAX: usize = 0xFFFE;
/// Slave address of the BMC, which generates the records of its sensors.
pub const BMC_ADDRESS: u8 = 0x20;

/// One record, as it stands in the log.
pub type Record = [u8; RECORD_SIZE];

/// The log is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// The System Event Log.
#[derive(Debug, Clone)]
pub struct Sel {
    records: Vec<Record>,
    capacity: usize,
    next_id: u16,
    overflow: bool,
    added: u32,
    erased: u32,
}

impl Sel {
    /// An empty log of `capacity` records, whose first one will have this id.
    pub fn new(capacity: usize, first_id: u16) -> Self {
        Self {
            records: Vec::new(),
            capacity: capacity.min(CAPACITY_MAX),
            next_id: if matches!(first_id, 0 | 0xFFFF) { 1 } else { first_id },
            overflow: false,
            added: u32::MAX, // never
            erased: u32::MAX,
        }
    }

    /// A record could not be added.
    pub fn refuse(&mut self) -> Full {
        self.overflow = true;
        Full
    }

    /// The records, oldest first.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Whether records were lost since it was cleared.
    pub fn overflow(&self) -> bool {
        self.overflow
    }

    /// Free space in octets; 16 bits, as Get SEL Info tells it.
    pub fn free(&self) -> u16 {
        u16::try_from((self.capacity - self.records.len()) * RECORD_SIZE).unwrap_or(u16::MAX)
    }

    /// BMC time of the last addition and of the last erasure; FFFFFFFFh never.
    pub fn times(&self) -> (u32, u32) {
        (self.added, self.erased)
    }

    /// Appends a record as given by Add SEL Entry; id and (where the type has one) time are ours.
    pub fn add(&mut self, time: u32, mut record: Record) -> Result<u16, Full> {
        if self.records.len() >= self.capacity {
            return Err(self.refuse());
        }
        let id = self.next_id;
        // With fewer than FFFEh records some id is always free.
        self.next_id = self.free_id_after(id);
        record[0..2].copy_from_slice(&id.to_le_bytes());
        if record[2] < 0xE0 {
            record[3..7].copy_from_slice(&time.to_le_bytes());
        }
        self.records.push(record);
        self.added = time;
        Ok(id)
    }

    fn free_id_after(&self, id: u16) -> u16 {
        let mut next = id;
        loop {
            next = if next >= 0xFFFE { 1 } else { next + 1 };
            if next == id || !self.records.iter().any(|record| id_of(record) == next) {
                return next;
            }
        }
    }

    /// The record of this id (0000h the first, FFFFh the last) and the id of its follower (FFFFh none).
    pub fn get(&self, id: u16) -> Option<(Record, u16)> {
        let at = match id {
            0 => 0,
            0xFFFF => self.records.len().checked_sub(1)?,
            _ => self.records.iter().position(|record| id_of(record) == id)?,
        };
        let record = self.records.get(at)?;
        Some((*record, self.records.get(at + 1).map_or(0xFFFF, id_of)))
    }

    /// Deletes one record; its id, or none if there is none.
    pub fn delete(&mut self, time: u32, id: u16) -> Option<u16> {
        let id = id_of(&self.get(id)?.0);
        self.records.retain(|record| id_of(record) != id);
        self.erased = time;
        Some(id)
    }

    /// Deletes all.
    pub fn clear(&mut self, time: u32) {
        self.records.clear();
        self.overflow = false;
        self.erased = time;
    }
}

/// What a sensor says, as record type 02h without id and time.
pub fn record_of(fault: &Fault, deasserted: bool) -> Record {
    let mut record = [0; RECORD_SIZE];
    record[2] = 0x02;
    record[7] = BMC_ADDRESS;
    record[9] = 0x04; // event message revision of IPMI 1.5 and 2.0
    record[10] = fault.sensor_type;
    record[11] = fault.sensor;
    record[12] = (fault.event_type & 0x7F) | if deasserted { 0x80 } else { 0 };
    record[13..16].copy_from_slice(&fault.event_data());
    record
}

/// The id of a record.
pub fn id_of(record: &Record) -> u16 {
    u16::from_le_bytes([record[0], record[1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    const OEM: Record = [9, 9, 0xC5, 9, 9, 9, 9, 0, 0, 0, b'A', 0, 0, 0, 0, 0];

    #[test]
    fn a_fault_becomes_a_system_event_record() {
        let mut sel = Sel::new(4, 1);
        let fault = Fault::preset("uncorrectable-memory").unwrap();
        assert_eq!(sel.add(0x0403_0201, record_of(&fault, false)), Ok(1));
        assert_eq!(sel.records()[0], [1, 0, 2, 1, 2, 3, 4, 0x20, 0, 4, 0x0C, 0x20, 0x6F, 0x31, 0xFF, 1]);
    }

    #[test]
    fn ids_and_times_are_the_bmcs() {
        let mut sel = Sel::new(4, 1);
        assert_eq!(sel.add(7, OEM), Ok(1));
        assert_eq!(sel.records()[0][..7], [1, 0, 0xC5, 7, 0, 0, 0]);
        let mut timeless = OEM;
        timeless[2] = 0xE0;
        assert_eq!(sel.add(7, timeless), Ok(2));
        assert_eq!(sel.records()[1][3..7], [9; 4], "record types E0h up have no time");
    }

    #[test]
    fn it_is_bounded_and_says_so() {
        let mut sel = Sel::new(2, 1);
        assert_eq!(sel.free(), 32);
        assert!(sel.add(1, OEM).is_ok() && sel.add(2, OEM).is_ok());
        assert_eq!((sel.free(), sel.overflow()), (0, false));
        assert_eq!(sel.add(3, OEM), Err(Full));
        assert!(sel.overflow());
        sel.clear(4);
        assert_eq!((sel.free(), sel.overflow(), sel.times()), (32, false, (2, 4)));
    }

    #[test]
    fn first_last_next_and_none() {
        let mut sel = Sel::new(4, 1);
        assert_eq!((sel.get(0), sel.get(0xFFFF), sel.get(1)), (None, None, None));
        for _ in 0..3 {
            sel.add(1, OEM).unwrap();
        }
        let walk = |id| sel.get(id).map(|(record, next)| (id_of(&record), next));
        assert_eq!((walk(0), walk(2), walk(0xFFFF)), (Some((1, 2)), Some((2, 3)), Some((3, 0xFFFF))));
        assert_eq!(sel.delete(2, 2), Some(2));
        assert_eq!(sel.get(1).map(|(_, next)| next), Some(3));
        assert_eq!(sel.delete(2, 2), None);
    }

    #[test]
    fn ids_wrap_without_meeting() {
        let mut sel = Sel::new(3, 1);
        sel.add(1, OEM).unwrap();
        sel.next_id = 0xFFFE;
        assert_eq!((sel.add(1, OEM), sel.add(1, OEM)), (Ok(0xFFFE), Ok(2)));
        let mut late = Sel::new(3, 0xFFFE);
        assert_eq!((late.add(1, OEM), late.add(1, OEM)), (Ok(0xFFFE), Ok(1)));
        assert_eq!(late.get(0xFFFE).map(|(_, next)| next), Some(1), "the order is that of the additions");
    }
}
