//! What the heartbeat says of a server.

use super::options::fits;
use crate::Error;
use crate::engine::PeerStatus;
use crate::heartbeat::{Doubt, Verdict};
use std::mem::{offset_of, size_of};
use std::time::Duration;

/// What a BMC's words mean for its server.
#[repr(C)]
pub enum bmcn_verdict {
    /// Nothing can be said; bmcn_peer.doubt says why.
    BMCN_UNKNOWN = 0,
    /// The power is on; whether the services run is not known.
    BMCN_POWERED = 1,
    /// The power is off: read twice, over a session, from the right BMC.
    BMCN_OFF = 2,
}

/// Why nothing can be said of a server.
#[repr(C)]
pub enum bmcn_doubt {
    /// Something can be said.
    BMCN_NO_DOUBT = 0,
    /// Nothing was asked yet.
    BMCN_NOT_ASKED = 1,
    /// The BMC is silent.
    BMCN_SILENT = 2,
    /// It refused our login.
    BMCN_LOGIN = 3,
    /// It has no session left for us.
    BMCN_NO_SLOT = 4,
    /// Another BMC answers at its address.
    BMCN_IDENTITY = 5,
    /// It answers, but no login is configured.
    BMCN_NO_LOGIN = 6,
    /// It answers what we do not understand.
    BMCN_MALFORMED = 7,
    /// It says that the power is off, but whose BMC it is was not proven: no GUID is pinned.
    BMCN_UNPROVEN = 8,
}

/// What the heartbeat says of one server.  Zero everything, then set `size`, before it is handed in.
///
/// Times are CLOCK_BOOTTIME milliseconds.  Later versions append members; a shorter struct is filled as far
/// as it goes.
#[repr(C)]
pub struct bmcn_peer {
    /// sizeof(bmcn_peer) of the caller.
    pub size: usize,
    /// One of bmcn_verdict.
    pub verdict: i32,
    /// One of bmcn_doubt.
    pub doubt: i32,
    /// Since when the verdict holds.
    pub since_ms: u64,
    /// When the BMC last answered; 0: never.
    pub heard_ms: u64,
    /// How often the server's power was seen to come back.
    pub restarts: u32,
    /// Zero.
    pub reserved: u32,
}

/// The size of the first version, for ever; it ends without padding.
const FIRST_SIZE: usize = 40;
const _: () = assert!(size_of::<bmcn_peer>() == FIRST_SIZE);
const _: () = assert!(offset_of!(bmcn_peer, reserved) + size_of::<u32>() == size_of::<bmcn_peer>());

/// # Safety
/// `out` is NULL or points to `out->size` writable octets.
pub(super) unsafe fn write(status: &PeerStatus, out: *mut bmcn_peer) -> Result<(), Error> {
    if out.is_null() {
        return Err(Error::invalid("out is NULL"));
    }
    // SAFETY: by contract.
    unsafe { fits(out.cast_const().cast(), FIRST_SIZE, size_of::<bmcn_peer>())? };
    // SAFETY: at least the first version is there.
    let size = unsafe { (*out).size };
    let (verdict, doubt) = verdict(status.verdict);
    let full = bmcn_peer {
        size,
        verdict: verdict as i32,
        doubt: doubt as i32,
        since_ms: milliseconds(status.since),
        heard_ms: status.heard.map_or(0, |heard| milliseconds(heard.boottime)),
        restarts: status.restarts,
        reserved: 0,
    };
    // SAFETY: a caller of an older version has room for the beginning only.
    unsafe { out.cast::<u8>().copy_from_nonoverlapping((&raw const full).cast(), size.min(size_of::<bmcn_peer>())) };
    Ok(())
}

fn milliseconds(at: Duration) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
}

/// A verdict as its two numbers.
pub(super) fn verdict(verdict: Verdict) -> (bmcn_verdict, bmcn_doubt) {
    use bmcn_doubt::*;
    use bmcn_verdict::*;
    match verdict {
        Verdict::Powered => (BMCN_POWERED, BMCN_NO_DOUBT),
        Verdict::Off => (BMCN_OFF, BMCN_NO_DOUBT),
        Verdict::Unknown(doubt) => (
            BMCN_UNKNOWN,
            match doubt {
                Doubt::NotAsked => BMCN_NOT_ASKED,
                Doubt::Silent => BMCN_SILENT,
                Doubt::Login => BMCN_LOGIN,
                Doubt::NoSlot => BMCN_NO_SLOT,
                Doubt::Identity => BMCN_IDENTITY,
                Doubt::NoLogin => BMCN_NO_LOGIN,
                Doubt::Malformed => BMCN_MALFORMED,
                Doubt::Unproven => BMCN_UNPROVEN,
            },
        ),
    }
}
