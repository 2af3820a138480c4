//! What can be wrong with the simulated server: an event of one of its sensors.
//!
//! Uses nothing. Codes are those of IPMI 2.0 tables 42-2 and 42-3; severities those of the PET.

/// Severity of a PET: information.
pub const INFORMATION: u8 = 0x02;
/// Severity of a PET: non-critical.
pub const NON_CRITICAL: u8 = 0x08;
/// Severity of a PET: critical.
pub const CRITICAL: u8 = 0x10;
/// Severity of a PET: non-recoverable.
pub const NON_RECOVERABLE: u8 = 0x20;

/// A fault: which sensor says what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// For the command line and the log.
    pub name: &'static str,
    /// What happened, for people.
    pub sentence: &'static str,
    /// Sensor type, for example 0Ch memory.
    pub sensor_type: u8,
    /// Event type: 6Fh sensor-specific, 01h threshold, 02h to 0Ch generic.
    pub event_type: u8,
    /// Event offset, 0 to Eh.
    pub offset: u8,
    /// One of the simulated sensors, or any other.
    pub sensor: u8,
    /// Severity as the PET tells it.
    pub severity: u8,
    /// Entity id.
    pub entity: u8,
    /// Entity instance.
    pub entity_instance: u8,
    /// What event data 2 and 3 hold: bits 7:4 of event data 1.
    pub data_kind: u8,
    /// Event data 2 and 3; FFh unspecified.
    pub data: [u8; 2],
    /// Whether the BMC resets the server for it.
    pub fatal: bool,
}

impl Fault {
    /// Every fault that has a name.
    pub const PRESETS: [Self; 6] = [
        Self {
            name: "uncorrectable-memory",
            sentence: "uncorrectable memory error at DIMM A1",
            sensor_type: 0x0C,
            event_type: 0x6F,
            offset: 1,
            sensor: 0x20,
            severity: NON_RECOVERABLE,
            entity: 0x20,
            entity_instance: 1,
            data_kind: 0x30, // data 3: the module's number
            data: [0xFF, 0x01],
            fatal: true,
        },
        Self {
            name: "cpu-ierr",
            sentence: "internal error (IERR) of CPU 1",
            sensor_type: 0x07,
            event_type: 0x6F,
            offset: 0,
            sensor: 0x10,
            severity: NON_RECOVERABLE,
            entity: 0x03,
            entity_instance: 1,
            data_kind: 0,
            data: [0xFF, 0xFF],
            fatal: true,
        },
        Self {
            name: "thermal-trip",
            sentence: "thermal trip of CPU 1",
            sensor_type: 0x07,
            event_type: 0x6F,
            offset: 1,
            sensor: 0x10,
            severity: NON_RECOVERABLE,
            entity: 0x03,
            entity_instance: 1,
            data_kind: 0,
            data: [0xFF, 0xFF],
            fatal: true,
        },
        Self {
            name: "fan-failure",
            sentence: "fan 1 is critical",
            sensor_type: 0x04,
            event_type: 0x07,
            offset: 2,
            sensor: 0x30,
            severity: CRITICAL,
            entity: 0x1D,
            entity_instance: 1,
            data_kind: 0,
            data: [0xFF, 0xFF],
            fatal: false,
        },
        Self {
            name: "psu-lost",
            sentence: "power supply 1 lost its input",
            sensor_type: 0x08,
            event_type: 0x6F,
            offset: 3,
            sensor: 0x40,
            severity: NON_CRITICAL,
            entity: 0x0A,
            entity_instance: 1,
            data_kind: 0,
            data: [0xFF, 0xFF],
            fatal: false,
        },
        Self {
            name: "correctable-memory",
            sentence: "correctable memory error at DIMM A1",
            sensor_type: 0x0C,
            event_type: 0x6F,
            offset: 0,
            sensor: 0x20,
            severity: NON_CRITICAL,
            entity: 0x20,
            entity_instance: 1,
            data_kind: 0x30,
            data: [0xFF, 0x01],
            fatal: false,
        },
    ];

    /// The fault of this name.
    pub fn preset(name: &str) -> Option<Self> {
        Self::PRESETS.into_iter().find(|fault| fault.name == name)
    }

    /// What the watchdog's sensor says at its expiry. The expiry acts on the host itself.
    pub(super) fn watchdog(sensor: u8, offset: u8, severity: u8, data: u8) -> Self {
        Self {
            name: "watchdog",
            sentence: "the watchdog timer expired",
            sensor_type: 0x23,
            event_type: 0x6F,
            offset,
            sensor,
            severity,
            entity: 0x06,
            entity_instance: 1,
            data_kind: 0xC0, // data 2: interrupt and timer use
            data: [data, 0xFF],
            fatal: false,
        }
    }

    /// Event data 1 to 3, as the SEL and the PET carry them.
    pub fn event_data(&self) -> [u8; 3] {
        [(self.data_kind & 0xF0) | (self.offset & 0x0F), self.data[0], self.data[1]]
    }
}
