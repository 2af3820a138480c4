//! Which events kill a server, and which merely trouble it: our judgement, shipped.
//!
//! Severity alone does not tell: *critical* is often one fan or one power supply, and many senders
//! write none. Uses `sensors`. The codes are (sensor type, event type, offset) of an asserted event.

use super::sensors::{SENSOR_SPECIFIC as SPECIFIC, THRESHOLD};
use crate::words::Class;

/// Events after which the server is gone or going.
const FATAL: &[(u8, u8, &[u8])] = &[
    // IERR, thermal trip, FRB1 to FRB3, uncorrectable CPU complex, machine check.
    (0x07, SPECIFIC, &[0x00, 0x01, 0x02, 0x03, 0x04, 0x06, 0x0B]),
    // 240VA, interlock, input lost for all supplies, soft power control, unit failure.
    (0x09, SPECIFIC, &[0x02, 0x03, 0x04, 0x05, 0x06]),
    // The power unit's load exceeds what is left of its supplies.
    (0x09, 0x0B, &[0x05]),
    // Uncorrectable, parity, critical over-temperature.
    (0x0C, SPECIFIC, &[0x01, 0x02, 0x0A]),
    // Firmware error and hang: it will not boot.
    (0x0F, SPECIFIC, &[0x00, 0x01]),
    // Undetermined hardware failure.
    (0x12, SPECIFIC, &[0x02]),
    // SERR, bus uncorrectable, fatal NMI, bus fatal; I/O check, PERR and fail-safe by judgement.
    (0x13, SPECIFIC, &[0x02, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0A]),
    // Soft power control, thermal trip of the chip set.
    (0x19, SPECIFIC, &[0x00, 0x01]),
    // Critical stop at load and at run time.
    (0x20, SPECIFIC, &[0x00, 0x01]),
    // The watchdog resets, powers off, cycles.
    (0x23, SPECIFIC, &[0x01, 0x02, 0x03]),
];

/// The same, on a sensor of any type.
const FATAL_ON_ANY: &[(u8, &[u8])] = &[
    // Non-recoverable thresholds, going low and going high.
    (THRESHOLD, &[0x04, 0x0B]),
    // Transition to non-recoverable.
    (0x07, &[0x03, 0x06]),
];

const TROUBLE: Class = Class::Recoverable { degradation: false, predictive: false };
const DEGRADED: Class = Class::Recoverable { degradation: true, predictive: false };
const PREDICTED: Class = Class::Recoverable { degradation: false, predictive: true };

/// Events with which the server goes on.
const TROUBLED: &[(u8, u8, &[u8], Class)] = &[
    (0x07, SPECIFIC, &[0x05, 0x0C], TROUBLE), // configuration error, correctable machine check
    (0x07, SPECIFIC, &[0x08, 0x0A], DEGRADED), // disabled, throttled
    (0x08, SPECIFIC, &[0x01, 0x03, 0x04, 0x05], DEGRADED), // one supply; the power unit says if that was one too many
    (0x08, SPECIFIC, &[0x02], PREDICTED),
    (0x08, SPECIFIC, &[0x06], TROUBLE),
    (0x09, SPECIFIC, &[0x07], PREDICTED),
    (0x0C, SPECIFIC, &[0x00, 0x05], PREDICTED), // correctable errors, and their limit
    (0x0C, SPECIFIC, &[0x03, 0x07], TROUBLE),
    (0x0C, SPECIFIC, &[0x04, 0x09], DEGRADED), // disabled, throttled
    (0x0D, SPECIFIC, &[0x01, 0x05, 0x06, 0x08], DEGRADED), // fault, in critical array, in failed array, rebuild aborted
    (0x0D, SPECIFIC, &[0x02], PREDICTED),
    (0x13, SPECIFIC, &[0x01, 0x07], TROUBLE),
    (0x13, SPECIFIC, &[0x0B], DEGRADED),
    (0x1B, SPECIFIC, &[0x01], TROUBLE),                   // a cable that is wrong
    (0x1E, SPECIFIC, &[0x00, 0x01, 0x02, 0x03], TROUBLE), // it does not boot
    (0x20, SPECIFIC, &[0x05], TROUBLE),
    (0x21, SPECIFIC, &[0x00], TROUBLE),
    (0x27, SPECIFIC, &[0x00], TROUBLE),
    (0x28, SPECIFIC, &[0x00, 0x01, 0x02, 0x03, 0x04, 0x05], TROUBLE), // only the watching is blind
    (0x29, SPECIFIC, &[0x00], PREDICTED),
    (0x29, SPECIFIC, &[0x01], TROUBLE),
    (0x2B, SPECIFIC, &[0x02, 0x03, 0x04, 0x05], TROUBLE), // versions that do not fit together
    (0x2C, SPECIFIC, &[0x07], TROUBLE),
];

/// The same, on a sensor of any type.
const TROUBLED_ON_ANY: &[(u8, &[u8], Class)] = &[
    (THRESHOLD, &[0x00, 0x02, 0x07, 0x09], TROUBLE),
    (0x04, &[0x01], PREDICTED),
    (0x05, &[0x01], TROUBLE),
    (0x06, &[0x01], DEGRADED),
    (0x07, &[0x01, 0x02, 0x04, 0x05], TROUBLE),
    (0x0A, &[0x06], DEGRADED),
    (0x0A, &[0x08], TROUBLE),
    (0x0B, &[0x01, 0x02, 0x03, 0x05, 0x06, 0x07], DEGRADED),
];

/// Either watchdog, "expired, status only": the BMC says that it does nothing about it. System Event, "time stamp
/// clock was set": nothing dies of that, and it is what a drill has the BMC tell; one that comes late must start
/// nothing, whatever severity the BMC writes beside it.
pub fn is_status_only(sensor_type: u8, event_type: u8, offset: u8) -> bool {
    matches!(
        (sensor_type, event_type, offset),
        (0x11, SPECIFIC, 0x06) | (0x23, SPECIFIC, 0x00) | (0x12, SPECIFIC, 0x05)
    )
}

/// Whether the server will not survive the event.
pub fn is_fatal(sensor_type: u8, event_type: u8, offset: u8) -> bool {
    FATAL.iter().any(|(t, e, offsets)| (*t, *e) == (sensor_type, event_type) && offsets.contains(&offset))
        || FATAL_ON_ANY.iter().any(|(e, offsets)| *e == event_type && offsets.contains(&offset))
}

/// Everything that [`is_fatal`] knows: sensor type (`None`: any), event type, offsets.
pub fn fatal_events() -> impl Iterator<Item = (Option<u8>, u8, &'static [u8])> {
    let specific = FATAL.iter().map(|(sensor_type, event_type, offsets)| (Some(*sensor_type), *event_type, *offsets));
    specific.chain(FATAL_ON_ANY.iter().map(|(event_type, offsets)| (None, *event_type, *offsets)))
}

/// What the server suffers from the event and survives, if anything.
pub fn trouble(sensor_type: u8, event_type: u8, offset: u8) -> Option<Class> {
    let specific = TROUBLED.iter().find(|(t, e, at, _)| (*t, *e) == (sensor_type, event_type) && at.contains(&offset));
    let generic = || TROUBLED_ON_ANY.iter().find(|(e, at, _)| *e == event_type && at.contains(&offset));
    specific.map(|found| found.3).or_else(|| generic().map(|found| found.2))
}
