//! The words behind event data 2 and 3: codes of IPMI 2.0, table 42-3, by sensor type.
//!
//! Facts alone, no judgement. Uses nothing. Wording as FreeIPMI's `ipmi-pet` prints it, where it prints the code.

/// What a system's firmware could not get over (sensor type 0Fh, offset 00h).
pub const POST_ERRORS: &[&str] = &[
    "Unspecified",
    "No system memory is physically installed in the system",
    "No usable system memory, all installed memory has experienced an unrecoverable failure",
    "Unrecoverable hard-disk/ATAPI/IDE device failure",
    "Unrecoverable system-board failure",
    "Unrecoverable diskette subsystem failure",
    "Unrecoverable hard-disk controller failure",
    "Unrecoverable PS/2 or USB keyboard failure",
    "Removable boot media not found",
    "Unrecoverable video controller failure",
    "No video device detected",
    "Firmware (BIOS) ROM corruption detected",
    "CPU voltage mismatch (processors that share same supply have mismatched voltage requirements)",
    "CPU speed matching failure",
];

/// Where the firmware is, or hangs (sensor type 0Fh, offsets 01h and 02h).
pub const POST_PROGRESS: &[&str] = &[
    "Unspecified",
    "Memory initialization",
    "Hard-disk initialization",
    "Secondary processor(s) initialization",
    "User authentication",
    "User-initiated system setup",
    "USB resource configuration",
    "PCI resource configuration",
    "Option ROM initialization",
    "Video initialization",
    "Cache initialization",
    "SM Bus initialization",
    "Keyboard controller initialization",
    "Embedded controller/management controller initialization",
    "Docking station attachment",
    "Enabling docking station",
    "Docking station ejection",
    "Disabling docking station",
    "Calling operating system wake-up vector",
    "Starting operating system boot process, e.g. calling Unsigned Int 19h",
    "Baseboard or motherboard initialization",
    "reserved",
    "Floppy initialization",
    "Keyboard test",
    "Pointing device test",
    "Primary processor initialization",
];

/// What is wrong with a power supply's configuration (sensor type 08h, offset 06h).
pub const SUPPLY_ERRORS: &[&str] = &[
    "Vendor mismatch",
    "Revision mismatch",
    "Processor missing or unexpected/unsupported condition",
    "Power Supply rating mismatch",
    "Voltage rating mismatch",
];

/// What was done to an auxiliary log (sensor type 12h, offset 03h).
pub const LOG_ACTIONS: &[&str] = &[
    "entry added",
    "entry added because event did not be map to standard IPMI event",
    "entry added along with one or more corresponding SEL entries",
    "log cleared",
    "log disabled",
    "log enabled",
];

/// Which auxiliary log.
pub const LOG_TYPES: &[&str] = &["MCA log", "OEM1", "OEM2"];

/// What a PEF action is (sensor type 12h, offset 04h), from bit 0 on.
pub const PEF_ACTIONS: [&str; 6] = ["Alert", "power off", "reset", "power cycle", "OEM action", "Diagnostic Interrupt"];

/// Which clock was set (sensor type 12h, offset 05h).
pub const CLOCKS: &[&str] = &[
    "SEL Timestamp Clock updated (Also used when both SEL and SDR Timestamp clocks are linked together)",
    "SDR Timestamp Clock updated",
];

/// The state that the power did not go to (sensor type 19h, offset 00h).
pub const POWER_STATES: &[&str] = &[
    "S0/G0 \"working\"",
    "S1 \"sleeping with system h/w & processor context maintained\"",
    "S2 \"sleeping, processor context lost\"",
    "S3 \"sleeping, processor & h/w context lost, memory retained.\"",
    "S4 \"non-volatile sleep/suspend-to disk\"",
    "S5/G2 \"soft-off\"",
    "S4/S5 soft-off, particular S4/S5 state cannot be determined",
    "G3/Mechanical Off",
    "Sleeping in an S1, S2, or S3 states (used when particular S1, S2, S3 state cannot be determined)",
    "G1 sleeping (S1-S4 state cannot be determined)",
    "S5 entered by override",
    "Legacy ON state",
    "Legacy OFF state",
];

/// Why the system started again (sensor type 1Dh, offset 07h).
pub const RESTART_CAUSES: &[&str] = &[
    "unknown",
    "Chassis Control command",
    "reset via pushbutton",
    "power-up via power pushbutton",
    "Watchdog expiration",
    "OEM",
    "automatic power-up on AC being applied due to 'always restore' power restore policy",
    "automatic power-up on AC being applied due to 'restore previous power state' power restore policy",
    "reset via PEF",
    "power-cycle via PEF",
    "soft reset (e.g. CTRL-ALT-DEL)",
    "power-up via RTC (system real time clock) wakeup",
];

/// What stands in a slot (sensor type 21h).
pub const SLOT_TYPES: &[&str] = &[
    "PCI",
    "Drive Array",
    "External Peripheral Connector",
    "Docking",
    "other standard internal expansion slot",
    "slot associated with entity specified by Entity ID for sensor",
    "AdvancedTCA",
    "DIMM/memory device",
    "FAN",
    "PCI Express",
    "SCSI (parallel)",
    "SATA / SAS",
    "USB",
];

/// Who had started the watchdog (sensor type 23h); 0 is reserved.
pub const TIMER_USES: &[&str] = &["", "BIOS FRB2", "BIOS/POST", "OS Load", "SMS/OS", "OEM"];

/// How the watchdog warned before.
pub const TIMER_INTERRUPTS: &[&str] = &["none", "SMI", "NMI", "Messaging Interrupt"];

/// Why a session ended (sensor type 2Ah, offset 01h).
pub const SESSION_ENDS: [&str; 4] = [
    "Session deactivation cause unspecified",
    "Session deactivated by Close Session command",
    "Session deactivated by timeout",
    "Session deactivated by configuration change",
];

/// What has another version (sensor type 2Bh).
pub const VERSION_CHANGES: &[&str] = &[
    "unspecified",
    "management controller device ID (change in one or more fields from `Get Device ID')",
    "management controller firmware revision",
    "management controller device revision",
    "management controller manufacturer ID",
    "management controller IPMI version",
    "management controller auxiliary firmware ID",
    "management controller firmware boot block",
    "other management controller firmware",
    "system firmware (EFI/BIOS) change",
    "SMBIOS change",
    "operating system change",
    "operating system loader change",
    "service or diagnostic partition change",
    "management software agent change",
    "management software application change",
    "management software middleware change",
    "programmable hardware change (e.g. FPGA)",
    "board/FRU module change (change of a module plugged into associated entity)",
    "board/FRU component change (addition or removal of a replaceable component on the board/FRU that is not tracked as a FRU)",
];

/// What a FRU was before (sensor type 2Ch).
pub const FRU_STATES: &[&str] = &[
    "FRU Not Installed",
    "FRU Inactive (in standby or `hot spare' state)",
    "FRU Activation Requested",
    "FRU Activation In Progress",
    "FRU Active",
    "FRU Deactivation Requested",
    "FRU Deactivation In Progress",
    "FRU Communication Lost",
];

/// Why a FRU is something else now.
pub const FRU_CAUSES: &[&str] = &[
    "Normal State Change",
    "Change Commanded by software external to FRU",
    "State Change due to operator changing a Handle latch",
    "State Change due to operator pressing the hotswap push button",
    "State Change due to FRU programmatic action",
    "Communication Lost",
    "Communication Lost due to local failure",
    "State Change due to unexpected extraction",
    "State Change due to operator intervention/update",
    "Unable to compute IPMB address",
    "Unexpected Deactivation",
];
