//! What a callback is told of a notice.

use super::result::bmcn_result::BMCN_EINVAL;
use super::text::owned;
use crate::notice::Notice;
use crate::words::{Class, Trust};
use std::ffi::{CString, c_char, c_int};
use std::ptr::null;
use std::sync::Arc;
use std::sync::OnceLock;

/// A notice, opaque; valid until the callback that was given it returns, or until bmcn_notice_free() for one
/// that bmcn_notice_dup() made.
pub struct bmcn_notice {
    notice: Arc<Notice>,
    server: Arc<str>,
    texts: [OnceLock<CString>; 5],
}

/// What a notice means for its server.
#[repr(C)]
pub enum bmcn_class {
    /// For the record.
    BMCN_INFO = 0,
    /// An earlier event is over.
    BMCN_CLEARED = 1,
    /// The server goes on, with less or not for long.
    BMCN_RECOVERABLE = 2,
    /// The board is dying.
    BMCN_FATAL = 3,
}

/// How a notice's sender was accepted.
#[repr(C)]
pub enum bmcn_trust {
    /// By its source address alone, which anyone on the network can forge.
    BMCN_TRUST_ADDRESS = 0,
    /// The BMC, asked over its authenticated link, showed a fresh matching event.
    BMCN_TRUST_CORROBORATED = 1,
    /// The trap itself was authenticated.
    BMCN_TRUST_AUTHENTICATED = 2,
}

/// The numbers of an IPMI platform event.
#[repr(C)]
pub enum bmcn_field {
    /// Sensor type (IPMI 2.0 table 42-3).
    BMCN_SENSOR_TYPE = 0,
    /// Event type: 01h threshold, 6Fh sensor-specific, ...
    BMCN_EVENT_TYPE = 1,
    /// Offset of the event.
    BMCN_EVENT_OFFSET = 2,
    /// 1 when the event is over.
    BMCN_DEASSERTED = 3,
    /// Number of the sensor.
    BMCN_SENSOR_NUMBER = 4,
    /// 01h monitor, 02h information, 04h OK, 08h non-critical, 10h critical, 20h non-recoverable.
    BMCN_SEVERITY = 5,
    /// Entity id.
    BMCN_ENTITY = 6,
    /// Entity instance.
    BMCN_ENTITY_INSTANCE = 7,
    /// Event data 1.
    BMCN_EVENT_DATA1 = 8,
    /// Event data 2.
    BMCN_EVENT_DATA2 = 9,
    /// Event data 3.
    BMCN_EVENT_DATA3 = 10,
    /// Sequence number of the trap.
    BMCN_SEQUENCE = 11,
    /// IANA number of the manufacturer.
    BMCN_MANUFACTURER = 12,
}

impl bmcn_notice {
    pub(super) fn new(notice: Arc<Notice>, server: Arc<str>) -> Self {
        Self { notice, server, texts: Default::default() }
    }

    /// A text, made when it is first asked for: most callbacks want one or two.
    fn text(&self, place: usize, make: impl FnOnce() -> CString) -> *const c_char {
        self.texts[place].get_or_init(make).as_ptr()
    }
}

/// Return what a notice means, one of bmcn_class; BMCN_EINVAL if notice is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_notice_class(notice: *const bmcn_notice) -> c_int {
    // SAFETY: NULL or a valid notice, by contract; so in every function here.
    match unsafe { notice.as_ref() }.map(|notice| notice.notice.class) {
        Some(Class::Fatal) => bmcn_class::BMCN_FATAL as c_int,
        Some(Class::Recoverable { .. }) => bmcn_class::BMCN_RECOVERABLE as c_int,
        Some(Class::Cleared) => bmcn_class::BMCN_CLEARED as c_int,
        Some(Class::Info) => bmcn_class::BMCN_INFO as c_int,
        None => BMCN_EINVAL as c_int,
    }
}

/// Return how the sender was accepted, one of bmcn_trust; BMCN_EINVAL if notice is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_notice_trust(notice: *const bmcn_notice) -> c_int {
    match unsafe { notice.as_ref() }.map(|notice| notice.notice.trust) {
        Some(Trust::Address) => bmcn_trust::BMCN_TRUST_ADDRESS as c_int,
        Some(Trust::Corroborated) => bmcn_trust::BMCN_TRUST_CORROBORATED as c_int,
        Some(Trust::Authenticated) => bmcn_trust::BMCN_TRUST_AUTHENTICATED as c_int,
        None => BMCN_EINVAL as c_int,
    }
}

/// Return the notice's id, the same on every node and for every repetition; 0 if notice is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_notice_id(notice: *const bmcn_notice) -> u64 {
    unsafe { notice.as_ref() }.map_or(0, |notice| notice.notice.id.0)
}

/// Return what the notice is about, the same for every notice of one fault but for the lowest octet, which is 1 where
/// it is over; 0 where that is not known, or if notice is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_notice_fault(notice: *const bmcn_notice) -> u64 {
    unsafe { notice.as_ref() }.and_then(|notice| notice.notice.fault).map_or(0, |fault| fault.0)
}

/// Return the sentence a person reads, in UTF-8, valid as long as the notice; NULL if notice is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_notice_sentence(notice: *const bmcn_notice) -> *const c_char {
    unsafe { notice.as_ref() }.map_or(null(), |n| n.text(0, || owned(&n.notice.sentence)))
}

/// Return what failed, as far as the trap says; valid as long as the notice.  NULL if notice is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_notice_region(notice: *const bmcn_notice) -> *const c_char {
    unsafe { notice.as_ref() }.map_or(null(), |n| n.text(1, || owned(&n.notice.region)))
}

/// Return the name of the server whose BMC spoke; valid as long as the notice.  NULL if notice is NULL.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_notice_server(notice: *const bmcn_notice) -> *const c_char {
    unsafe { notice.as_ref() }.map_or(null(), |n| n.text(2, || owned(&n.server)))
}

/// Return where the trap came from, as "ADDRESS:PORT"; valid as long as the notice.  NULL if notice is NULL.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_notice_source(notice: *const bmcn_notice) -> *const c_char {
    unsafe { notice.as_ref() }.map_or(null(), |n| n.text(3, || owned(&n.notice.source.to_string())))
}

/// Return the trap's OID in v2 form, as dotted decimals; valid as long as the notice.  NULL if notice is NULL.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_notice_trap_oid(notice: *const bmcn_notice) -> *const c_char {
    unsafe { notice.as_ref() }.map_or(null(), |n| n.text(4, || owned(&n.notice.trap_oid)))
}

/// Return a number of the platform event, one of bmcn_field.
///
/// BMCN_EINVAL if notice is NULL, its trap is no platform event, or there is no such field.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_notice_field(notice: *const bmcn_notice, field: c_int) -> i64 {
    let Some(pet) = unsafe { notice.as_ref() }.and_then(|notice| notice.notice.pet.as_ref()) else {
        return BMCN_EINVAL as i64;
    };
    match field {
        0 => pet.sensor_type.into(),
        1 => pet.event_type.into(),
        2 => pet.offset.into(),
        3 => pet.deasserted.into(),
        4 => pet.sensor_number.into(),
        5 => pet.severity.into(),
        6 => pet.entity.into(),
        7 => pet.entity_instance.into(),
        8 => pet.event_data[0].into(),
        9 => pet.event_data[1].into(),
        10 => pet.event_data[2].into(),
        11 => pet.sequence.into(),
        12 => pet.manufacturer.into(),
        _ => BMCN_EINVAL as i64,
    }
}

/// Write the 16 octets of the system GUID that the event names, in wire order.
///
/// Returns BMCN_EINVAL, with nothing written, if notice or guid is NULL or the trap is no platform event.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_notice_guid(notice: *const bmcn_notice, guid: *mut u8) -> c_int {
    match unsafe { notice.as_ref() }.and_then(|notice| notice.notice.pet.as_ref()) {
        Some(pet) if !guid.is_null() => {
            // SAFETY: the caller vouches for 16 writable octets.
            unsafe { guid.copy_from_nonoverlapping(pet.guid.0.as_ptr(), 16) };
            0
        }
        _ => BMCN_EINVAL as c_int,
    }
}

/// Keep a notice beyond its callback; free it with bmcn_notice_free().  NULL if notice is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_notice_dup(notice: *const bmcn_notice) -> *mut bmcn_notice {
    match unsafe { notice.as_ref() } {
        Some(kept) => Box::into_raw(Box::new(bmcn_notice::new(kept.notice.clone(), kept.server.clone()))),
        None => std::ptr::null_mut(),
    }
}

/// Free a notice that bmcn_notice_dup() made; NULL is a no-op.  Any thread.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_notice_free(notice: *mut bmcn_notice) {
    if !notice.is_null() {
        // SAFETY: made by bmcn_notice_dup, given up by the caller.
        drop(unsafe { Box::from_raw(notice) });
    }
}
