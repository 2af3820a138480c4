//! The sensor data records: which sensors there are and what they are called (IPMI 2.0 section 43.2).
//!
//! A handful of compact records, so that a client of the SEL can name what failed. Uses nothing.

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
}

/// The watchdog's sensor.
pub const WATCHDOG_SENSOR: u8 = 0x60;

/// All simulated sensors; a sensor's place is its record's id minus one.
pub const SENSORS: [Sensor; 6] = [
    Sensor {
        number: 0x01,
        sensor_type: 0x01,
        event_type: 0x07,
        offsets: 0x00FF,
        entity: 0x03,
        instance: 1,
        name: "CPU1 Temp",
    },
    Sensor {
        number: 0x10,
        sensor_type: 0x07,
        event_type: 0x6F,
        offsets: 0x07FF,
        entity: 0x03,
        instance: 1,
        name: "CPU1 Status",
    },
    Sensor {
        number: 0x20,
        sensor_type: 0x0C,
        event_type: 0x6F,
        offsets: 0x03FF,
        entity: 0x20,
        instance: 1,
        name: "DIMM A1",
    },
    Sensor {
        number: 0x30,
        sensor_type: 0x04,
        event_type: 0x07,
        offsets: 0x00FF,
        entity: 0x1D,
        instance: 1,
        name: "Fan 1",
    },
    Sensor {
        number: 0x40,
        sensor_type: 0x08,
        event_type: 0x6F,
        offsets: 0x003F,
        entity: 0x0A,
        instance: 1,
        name: "PSU 1",
    },
    Sensor {
        number: WATCHDOG_SENSOR,
        sensor_type: 0x23,
        event_type: 0x6F,
        offsets: 0x010F,
        entity: 0x06,
        instance: 1,
        name: "Watchdog",
    },
];

/// Octets before the name of a compact record.
const NAME_AT: usize = 32;

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
    Some((compact(id, sensor), next))
}

fn compact(id: u16, sensor: &Sensor) -> Vec<u8> {
    let mut record = vec![0; NAME_AT];
    record[0..2].copy_from_slice(&id.to_le_bytes());
    record[2] = 0x51; // SDR version
    record[3] = 0x02; // compact sensor record
    record[5] = super::sel::BMC_ADDRESS;
    record[7] = sensor.number;
    record[8] = sensor.entity;
    record[9] = sensor.instance;
    record[10] = 0x63; // initialise scanning, events, type; both enabled at power-up
    record[11] = 0x40; // re-arms by itself
    record[12] = sensor.sensor_type;
    record[13] = sensor.event_type;
    for mask in [14, 16, 18] {
        record[mask..mask + 2].copy_from_slice(&sensor.offsets.to_le_bytes());
    }
    record[20] = 0xC0; // units 1: no analogue reading
    record[31] = 0xC0 | sensor.name.len() as u8; // 8-bit ASCII
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
        while let Some((record, next)) = get(id) {
            assert_eq!(usize::from(record[4]) + 5, record.len());
            assert_eq!(usize::from(record[31] & 0x1F), record.len() - NAME_AT);
            assert!(record.len() - NAME_AT <= 16);
            names.push(String::from_utf8(record[NAME_AT..].to_vec()).unwrap());
            if next == 0xFFFF {
                break;
            }
            id = next;
        }
        assert_eq!(names, SENSORS.map(|sensor| sensor.name));
        assert_eq!(get(0xFFFF), get(6).filter(|(_, next)| *next == 0xFFFF));
        assert_eq!((get(7), get(0xFFFE)), (None, None));
    }
}
