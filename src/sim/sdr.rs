//! The sensor data records: which sensors there are and what they are called (IPMI 2.0 section 43).
//!
//! Full, compact and event-only ones, so that a client of the SEL can name what failed and every layout is met.
//! Uses nothing of ours but an address.

/// Which layout a sensor's record has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Type 01h: with a reading of so many degrees Celsius, and upper thresholds (non-critical, critical,
    /// non-recoverable).
    Full {
        /// What it reads.
        reading: u8,
        /// Above which it would tell.
        upper: [u8; 3],
    },
    /// Type 02h: without a reading; this and the next `share - 1` numbers have one record, and their names end in
    /// 1, 2, 3 and so on when there are several.
    Compact {
        /// How many sensors it is.
        share: u8,
    },
    /// Type 03h: it only makes events.
    EventOnly,
}

/// A simulated sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sensor {
    /// Its number at the BMC.
    pub number: u8,
    /// Sensor type.
    pub sensor_type: u8,
    /// Event type.
    pub event_type: u8,
    /// Offsets that it can tell of, as the record's mask.
    pub offsets: u16,
    /// Entity id.
    pub entity: u8,
    /// Entity instance.
    pub instance: u8,
    /// At most 16 octets, 8-bit ASCII.
    pub name: &'static str,
    /// Its record's layout.
    pub kind: Kind,
}

impl Sensor {
    /// Whether this number is one of its own.
    pub fn has(&self, number: u8) -> bool {
        let share = match self.kind {
            Kind::Compact { share } => share.max(1),
            Kind::Full { .. } | Kind::EventOnly => 1,
        };
        (self.number..self.number.saturating_add(share)).contains(&number)
    }
}

/// The watchdog's sensor.
pub const WATCHDOG_SENSOR: u8 = 0x60;

const fn discrete(
    number: u8,
    (sensor_type, event_type, offsets): (u8, u8, u16),
    (entity, instance): (u8, u8),
    name: &'static str,
) -> Sensor {
    Sensor { number, sensor_type, event_type, offsets, entity, instance, name, kind: Kind::Compact { share: 1 } }
}

/// All simulated sensors; a sensor's place is its record's id minus one.
pub const SENSORS: [Sensor; 9] = [
    discrete(0x01, (0x01, 0x07, 0x00FF), (0x03, 1), "CPU1 Temp"),
    discrete(0x10, (0x07, 0x6F, 0x07FF), (0x03, 1), "CPU1 Status"),
    discrete(0x20, (0x0C, 0x6F, 0x03FF), (0x20, 1), "DIMM A1"),
    discrete(0x30, (0x04, 0x07, 0x00FF), (0x1D, 1), "Fan 1"),
    discrete(0x40, (0x08, 0x6F, 0x003F), (0x0A, 1), "PSU 1"),
    discrete(WATCHDOG_SENSOR, (0x23, 0x6F, 0x010F), (0x06, 1), "Watchdog"),
    Sensor {
        kind: Kind::Full { reading: 24, upper: [40, 45, 50] },
        ..discrete(0x02, (0x01, 0x01, 0x0A80), (0x37, 1), "Inlet Temp")
    },
    Sensor { kind: Kind::Compact { share: 4 }, ..discrete(0x21, (0x0C, 0x6F, 0x03FF), (0x20, 2), "DIMM B") },
    Sensor { kind: Kind::EventOnly, ..discrete(0x50, (0x0F, 0x6F, 0x0007), (0x22, 1), "POST Error") },
];

/// The sensor of this number.
pub fn find(number: u8) -> Option<&'static Sensor> {
    SENSORS.iter().find(|sensor| sensor.has(number))
}

/// The record of this id (0000h the first, FFFFh the last) and the id of its follower (FFFFh none).
pub fn get(id: u16) -> Option<(Vec<u8>, u16)> {
    let at = match id {
        0 => 0,
        0xFFFF => SENSORS.len() - 1,
        _ => usize::from(id) - 1,
    };
    let sensor = SENSORS.get(at)?;
    let id = u16::try_from(at + 1).ok()?;
    let next = if at + 1 == SENSORS.len() { 0xFFFF } else { id + 1 };
    Some((record(id, sensor), next))
}

/// Where the name begins; the octet before it tells its length.
fn name_at(kind: Kind) -> usize {
    match kind {
        Kind::Full { .. } => 48,
        Kind::Compact { .. } => 32,
        Kind::EventOnly => 17,
    }
}

fn record(id: u16, sensor: &Sensor) -> Vec<u8> {
    let name_at = name_at(sensor.kind);
    let mut record = vec![0; name_at];
    record[0..2].copy_from_slice(&id.to_le_bytes());
    record[2] = 0x51; // SDR version
    record[5] = super::sel::BMC_ADDRESS;
    record[7] = sensor.number;
    record[8] = sensor.entity;
    record[9] = sensor.instance;
    let mut both = |at: usize, octets: [u8; 2]| record[at..at + 2].copy_from_slice(&octets);
    match sensor.kind {
        Kind::EventOnly => both(10, [sensor.sensor_type, sensor.event_type]),
        Kind::Full { .. } | Kind::Compact { .. } => {
            both(10, [0x63, 0x40]); // initialise scanning, events, type; both enabled at power-up; re-arms by itself
            both(12, [sensor.sensor_type, sensor.event_type]);
        }
    }
    match sensor.kind {
        Kind::Full { reading, upper: [non_critical, critical, non_recoverable] } => {
            record[3] = 0x01;
            record[11] |= 0x04; // thresholds are readable
            for mask in [14, 16] {
                record[mask..mask + 2].copy_from_slice(&sensor.offsets.to_le_bytes());
            }
            record[18] = 0x38; // readable: the upper three
            record[21] = 0x01; // degrees Celsius
            record[24] = 0x01; // M: one degree a count
            record[30] = 0x01; // the nominal reading is specified
            record[31] = reading;
            record[34] = 0xFF; // highest
            record[36..39].copy_from_slice(&[non_recoverable, critical, non_critical]);
        }
        Kind::Compact { share } => {
            record[3] = 0x02;
            for mask in [14, 16, 18] {
                record[mask..mask + 2].copy_from_slice(&sensor.offsets.to_le_bytes());
            }
            record[20] = 0xC0; // units 1: no analogue reading
            if share > 1 {
                record[23] = share & 0x0F; // a number follows the name
                record[24] = 0x80 | 0x01; // the first is 1; instances are counted, too
            }
        }
        Kind::EventOnly => {
            record[3] = 0x03;
            record[12] = 0x01;
        }
    }
    record[name_at - 1] = 0xC0 | sensor.name.len() as u8; // 8-bit ASCII
    record.extend_from_slice(sensor.name.as_bytes());
    record[4] = (record.len() - 5) as u8;
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_meets_every_sensor_once() {
        let (mut id, mut names) = (0, Vec::new());
        for sensor in SENSORS {
            let (record, next) = get(id).unwrap();
            let name_at = name_at(sensor.kind);
            assert_eq!(usize::from(record[4]) + 5, record.len());
            assert_eq!(usize::from(record[name_at - 1] & 0x1F), record.len() - name_at);
            assert!(record.len() - name_at <= 16);
            names.push(String::from_utf8(record[name_at..].to_vec()).unwrap());
            id = next;
        }
        assert_eq!((id, names), (0xFFFF, SENSORS.map(|sensor| sensor.name.to_owned()).to_vec()));
        assert_eq!(get(0xFFFF), get(9).filter(|(_, next)| *next == 0xFFFF));
        assert_eq!((get(10), get(0xFFFE)), (None, None));
    }

    #[test]
    fn every_layout_is_met_and_no_number_twice() {
        let types: Vec<u8> = (1..=9).map(|id| get(id).unwrap().0[3]).collect();
        assert_eq!(types, [2, 2, 2, 2, 2, 2, 1, 2, 3]);
        for number in 0..=u8::MAX {
            assert!(SENSORS.iter().filter(|sensor| sensor.has(number)).count() <= 1, "{number}");
        }
        assert_eq!((find(0x24).unwrap().name, find(0x25)), ("DIMM B", None));
    }
}
