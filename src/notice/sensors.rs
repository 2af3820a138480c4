//! The words of IPMI 2.0: sensor types and their events (table 42-3), generic events (table 42-2),
//! severities (PET specification, table 1) and entities (table 43-13).
//!
//! Facts alone, no judgement; that is in `deadly`. Uses nothing.

/// The event type of sensor-specific offsets.
pub const SENSOR_SPECIFIC: u8 = 0x6F;
/// The event type of thresholds.
pub const THRESHOLD: u8 = 0x01;
/// The generic event type whose offsets are severities.
pub const SEVERITIES: u8 = 0x07;
/// Event types that belong to the manufacturer.
pub const OEM_EVENTS: core::ops::RangeInclusive<u8> = 0x70..=0x7F;
/// Sensor types from here on belong to the manufacturer.
pub const FIRST_OEM_TYPE: u8 = 0xC0;

/// A sensor type's name.
pub fn type_name(sensor_type: u8) -> &'static str {
    match TYPES.get(usize::from(sensor_type)) {
        Some((name, _)) => name,
        None if sensor_type >= FIRST_OEM_TYPE => "OEM Reserved",
        None => "Reserved",
    }
}

/// What happened, in the words of the specification. `None` where the specification has none.
pub fn event(sensor_type: u8, event_type: u8, offset: u8) -> Option<&'static str> {
    let events = match event_type {
        SENSOR_SPECIFIC => TYPES.get(usize::from(sensor_type))?.1,
        _ => GENERIC.get(usize::from(event_type))?,
    };
    events.get(usize::from(offset)).copied().filter(|event| !event.is_empty())
}

/// A PET severity's name.
pub fn severity_name(severity: u8) -> &'static str {
    match severity {
        0x00 | 0xFF => "unspecified",
        0x01 => "monitor",
        0x02 => "information",
        0x04 => "OK",
        0x08 => "non-critical",
        0x10 => "critical",
        0x20 => "non-recoverable",
        _ => "unknown",
    }
}

/// An entity's name, for the common ones.
pub fn entity_name(entity: u8) -> Option<&'static str> {
    Some(match entity {
        0x03 => "processor",
        0x04 => "disk",
        0x05 => "peripheral bay",
        0x06 => "system management module",
        0x07 => "system board",
        0x08 => "memory module",
        0x09 => "processor module",
        0x0A => "power supply",
        0x0B => "add-in card",
        0x0C => "front panel board",
        0x0D => "back panel board",
        0x0E => "power system board",
        0x0F => "drive backplane",
        0x10 => "system internal expansion board",
        0x11 => "other system board",
        0x12 => "processor board",
        0x13 => "power unit",
        0x14 => "power module",
        0x15 => "power management board",
        0x16 => "chassis back panel board",
        0x17 => "system chassis",
        0x18 => "sub-chassis",
        0x1A => "disk drive bay",
        0x1B => "peripheral bay",
        0x1C => "device bay",
        0x1D => "fan",
        0x1E => "cooling unit",
        0x1F => "cable",
        0x20 => "memory device",
        0x21 => "system management software",
        0x22 => "system firmware",
        0x23 => "operating system",
        0x24 => "system bus",
        0x25 => "group",
        0x26 => "remote management communication device",
        0x27 => "external environment",
        0x28 => "battery",
        0x29 => "processing blade",
        0x2A => "connectivity switch",
        0x2B => "processor and memory module",
        0x2C => "I/O module",
        0x2D => "processor and I/O module",
        0x2E => "management controller firmware",
        0x37 => "air inlet",
        0x40 => "air inlet",
        0x41 => "processor",
        0x42 => "baseboard",
        _ => return None,
    })
}

/// Events by event type and offset; empty where the specification has none.
static GENERIC: [&[&str]; 13] = [
    &[],
    &[
        "Lower Non-critical - going low",
        "Lower Non-critical - going high",
        "Lower Critical - going low",
        "Lower Critical - going high",
        "Lower Non-recoverable - going low",
        "Lower Non-recoverable - going high",
        "Upper Non-critical - going low",
        "Upper Non-critical - going high",
        "Upper Critical - going low",
        "Upper Critical - going high",
        "Upper Non-recoverable - going low",
        "Upper Non-recoverable - going high",
    ],
    &["Transition to Idle", "Transition to Active", "Transition to Busy"],
    &["State Deasserted", "State Asserted"],
    &["Predictive Failure deasserted", "Predictive Failure asserted"],
    &["Limit Not Exceeded", "Limit Exceeded"],
    &["Performance Met", "Performance Lags"],
    &[
        "transition to OK",
        "transition to Non-Critical from OK",
        "transition to Critical from less severe",
        "transition to Non-recoverable from less severe",
        "transition to Non-Critical from more severe",
        "transition to Critical from Non-recoverable",
        "transition to Non-recoverable",
        "Monitor",
        "Informational",
    ],
    &["Device Removed/Device Absent", "Device Inserted/Device Present"],
    &["Device Disabled", "Device Enabled"],
    &[
        "transition to Running",
        "transition to In Test",
        "transition to Power Off",
        "transition to On Line",
        "transition to Off Line",
        "transition to Off Duty",
        "transition to Degraded",
        "transition to Power Save",
        "Install Error",
    ],
    &[
        "Fully Redundant",
        "Redundancy Lost",
        "Redundancy Degraded",
        "Non-redundant: Sufficient Resources from Redundant",
        "Non-redundant: Sufficient Resources from Insufficient Resources",
        "Non-redundant: Insufficient Resources",
        "Redundancy Degraded from Fully Redundant",
        "Redundancy Degraded from Non-redundant",
    ],
    &["D0 Power State", "D1 Power State", "D2 Power State", "D3 Power State"],
];

/// Names and sensor-specific events by sensor type; an event is empty where the specification has none.
static TYPES: [(&str, &[&str]); 0x2D] = [
    ("Reserved", &[]),
    ("Temperature", &[]),
    ("Voltage", &[]),
    ("Current", &[]),
    ("Fan", &[]),
    (
        "Physical Security",
        &[
            "General Chassis Intrusion",
            "Drive Bay intrusion",
            "I/O Card area intrusion",
            "Processor area intrusion",
            "LAN Leash Lost",
            "Unauthorized dock",
            "FAN area intrusion",
        ],
    ),
    (
        "Platform Security Violation Attempt",
        &[
            "Secure Mode Violation attempt",
            "Pre-boot Password Violation - user password",
            "Pre-boot Password Violation attempt - setup password",
            "Pre-boot Password Violation - network boot password",
            "Other pre-boot Password Violation",
            "Out-of-band Access Password Violation",
        ],
    ),
    (
        "Processor",
        &[
            "IERR",
            "Thermal Trip",
            "FRB1/BIST failure",
            "FRB2/Hang in POST failure",
            "FRB3/Processor Startup/Initialization failure",
            "Configuration Error",
            "SM BIOS Uncorrectable CPU-complex Error",
            "Processor Presence detected",
            "Processor disabled",
            "Terminator Presence Detected",
            "Processor Automatically Throttled",
            "Machine Check Exception (Uncorrectable)",
            "Correctable Machine Check Error",
        ],
    ),
    (
        "Power Supply",
        &[
            "Presence detected",
            "Power Supply Failure detected",
            "Predictive Failure",
            "Power Supply input lost (AC/DC)",
            "Power Supply input lost or out-of-range",
            "Power Supply input out-of-range, but present",
            "Configuration error",
            "Power Supply Inactive (in standby state)",
        ],
    ),
    (
        "Power Unit",
        &[
            "Power Off/Power Down",
            "Power Cycle",
            "240VA Power Down",
            "Interlock Power Down",
            "AC lost/Power input lost",
            "Soft Power Control Failure",
            "Power Unit Failure detected",
            "Predictive Failure",
        ],
    ),
    ("Cooling Device", &[]),
    ("Other Units-based Sensor", &[]),
    (
        "Memory",
        &[
            "Correctable memory error",
            "Uncorrectable memory error",
            "Memory Parity",
            "Memory Scrub Failed",
            "Memory Device Disabled",
            "Correctable memory error logging limit reached",
            "Presence detected",
            "Configuration error",
            "Spare",
            "Memory Automatically Throttled",
            "Critical Overtemperature",
        ],
    ),
    (
        "Drive Slot",
        &[
            "Drive Presence",
            "Drive Fault",
            "Predictive Failure",
            "Hot Spare",
            "Consistency Check/Parity Check in progress",
            "In Critical Array",
            "In Failed Array",
            "Rebuild/Remap in progress",
            "Rebuild/Remap Aborted",
        ],
    ),
    ("POST Memory Resize", &[]),
    (
        "System Firmware Progress",
        &["System Firmware Error (POST Error)", "System Firmware Hang", "System Firmware Progress"],
    ),
    (
        "Event Logging Disabled",
        &[
            "Correctable Memory Error Logging Disabled",
            "Event Type Logging Disabled",
            "Log Area Reset/Cleared",
            "All Event Logging Disabled",
            "SEL Full",
            "SEL Almost Full",
            "Correctable Machine Check Error Logging Disabled",
        ],
    ),
    (
        "Watchdog 1",
        &[
            "BIOS Watchdog Reset",
            "OS Watchdog Reset",
            "OS Watchdog Shut Down",
            "OS Watchdog Power Down",
            "OS Watchdog Power Cycle",
            "OS Watchdog NMI/Diagnostic Interrupt",
            "OS Watchdog Expired, status only",
            "OS Watchdog pre-timeout Interrupt, non-NMI",
        ],
    ),
    (
        "System Event",
        &[
            "System Reconfigured",
            "OEM System Boot Event",
            "Undetermined system hardware failure",
            "Entry added to Auxiliary Log",
            "PEF Action",
            "Timestamp Clock Synch",
        ],
    ),
    (
        "Critical Interrupt",
        &[
            "Front Panel NMI/Diagnostic Interrupt",
            "Bus Timeout",
            "I/O channel check NMI",
            "Software NMI",
            "PCI PERR",
            "PCI SERR",
            "EISA Fail Safe Timeout",
            "Bus Correctable Error",
            "Bus Uncorrectable Error",
            "Fatal NMI",
            "Bus Fatal Error",
            "Bus Degraded",
        ],
    ),
    (
        "Button/Switch",
        &[
            "Power Button pressed",
            "Sleep Button pressed",
            "Reset Button pressed",
            "FRU latch open",
            "FRU service request button",
        ],
    ),
    ("Module/Board", &[]),
    ("Microcontroller/Coprocessor", &[]),
    ("Add-in Card", &[]),
    ("Chassis", &[]),
    ("Chip Set", &["Soft Power Control Failure", "Thermal Trip"]),
    ("Other FRU", &[]),
    ("Cable/Interconnect", &["Cable/Interconnect is connected", "Configuration Error - Incorrect cable connected"]),
    ("Terminator", &[]),
    (
        "System Boot/Restart Initiated",
        &[
            "Initiated by power up",
            "Initiated by hard reset",
            "Initiated by warm reset",
            "User requested PXE boot",
            "Automatic boot to diagnostic",
            "OS/run-time software initiated hard reset",
            "OS/run-time software initiated warm reset",
            "System Restart",
        ],
    ),
    (
        "Boot Error",
        &[
            "No bootable media",
            "Non-bootable diskette left in drive",
            "PXE Server not found",
            "Invalid boot sector",
            "Timeout waiting for user selection of boot source",
        ],
    ),
    (
        "Base OS Boot/Installation Status",
        &[
            "A: boot completed",
            "C: boot completed",
            "PXE boot completed",
            "Diagnostic boot completed",
            "CD-ROM boot completed",
            "ROM boot completed",
            "Boot completed - boot device not specified",
            "Base OS/Hypervisor Installation started",
            "Base OS/Hypervisor Installation completed",
            "Base OS/Hypervisor Installation aborted",
            "Base OS/Hypervisor Installation failed",
        ],
    ),
    (
        "OS Stop/Shutdown",
        &[
            "Critical stop during OS load/initialization",
            "Run-time Critical Stop",
            "OS Graceful Stop",
            "OS Graceful Shutdown",
            "Soft Shutdown initiated by PEF",
            "Agent Not Responding",
        ],
    ),
    (
        "Slot/Connector",
        &[
            "Fault Status asserted",
            "Identify Status asserted",
            "Slot/Connector Device installed/attached",
            "Slot/Connector Ready for Device Installation",
            "Slot/Connector Ready for Device Removal",
            "Slot Power is Off",
            "Slot/Connector Device Removal Request",
            "Interlock asserted",
            "Slot is Disabled",
            "Slot holds spare device",
        ],
    ),
    (
        "System ACPI Power State",
        &[
            "S0/G0 \"working\"",
            "S1 \"sleeping with system h/w & processor context maintained\"",
            "S2 \"sleeping, processor context lost\"",
            "S3 \"sleeping, processor & h/w context lost, memory retained\"",
            "S4 \"non-volatile sleep/suspend-to disk\"",
            "S5/G2 \"soft-off\"",
            "S4/S5 soft-off, particular S4/S5 state cannot be determined",
            "G3/Mechanical Off",
            "Sleeping in an S1, S2, or S3 states",
            "G1 sleeping",
            "S5 entered by override",
            "Legacy ON state",
            "Legacy OFF state",
            "",
            "Unknown",
        ],
    ),
    (
        "Watchdog 2",
        &["Timer expired, status only", "Hard Reset", "Power Down", "Power Cycle", "", "", "", "", "Timer interrupt"],
    ),
    (
        "Platform Alert",
        &[
            "Platform generated page",
            "Platform generated LAN alert",
            "Platform Event Trap generated",
            "Platform generated SNMP trap",
        ],
    ),
    ("Entity Presence", &["Entity Present", "Entity Absent", "Entity Disabled"]),
    ("Monitor ASIC/IC", &[]),
    ("LAN", &["LAN Heartbeat Lost", "LAN Heartbeat"]),
    (
        "Management Subsystem Health",
        &[
            "Sensor access degraded or unavailable",
            "Controller access degraded or unavailable",
            "Management controller off-line",
            "Management controller unavailable",
            "Sensor failure",
            "FRU failure",
        ],
    ),
    ("Battery", &["Battery low (predictive failure)", "Battery failed", "Battery presence detected"]),
    (
        "Session Audit",
        &["Session Activated", "Session Deactivated", "Invalid Username or Password", "Invalid password disable"],
    ),
    (
        "Version Change",
        &[
            "Hardware change detected with associated Entity",
            "Firmware or software change detected with associated Entity",
            "Hardware incompatibility detected with associated Entity",
            "Firmware or software incompatibility detected with associated Entity",
            "Entity is of an invalid or unsupported hardware version",
            "Entity contains an invalid or unsupported firmware or software version",
            "Hardware Change detected with associated Entity was successful",
            "Software or F/W Change detected with associated Entity was successful",
        ],
    ),
    (
        "FRU State",
        &[
            "FRU Not Installed",
            "FRU Inactive",
            "FRU Activation Requested",
            "FRU Activation In Progress",
            "FRU Active",
            "FRU Deactivation Requested",
            "FRU Deactivation In Progress",
            "FRU Communication Lost",
        ],
    ),
];
