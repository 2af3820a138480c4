//! Drills: proves the path from this server's BMC to the application, and recovers nothing.

use super::handle::{bmcn_ctx, enter};
use super::options::fits;
use super::result::bmcn_result::BMCN_OK;
use crate::{Context, Drill, DrillState, Error};
use std::ffi::c_int;
use std::mem::{offset_of, size_of};
use std::time::Duration;

/// How a drill stands.
#[repr(C)]
pub enum bmcn_drill_state {
    /// There was none since the context was made.
    BMCN_DRILL_NEVER = 0,
    /// It runs.
    BMCN_DRILL_RUNNING = 1,
    /// The path is proven.
    BMCN_DRILL_PROVEN = 2,
    /// It is not; the last progress of the drill says why.
    BMCN_DRILL_FAILED = 3,
}

/// The drill that runs, or the last one, and the newest proof.  Zero everything, then set `size`, before it is
/// handed in.
///
/// Times in us count from the order; -1: the drill has not come so far.  Later versions append members; a shorter
/// struct is filled as far as it goes.
#[repr(C)]
pub struct bmcn_drill {
    /// sizeof(bmcn_drill) of the caller.
    pub size: usize,
    /// Counts the drills of this context from 1; 0: there was none.
    pub number: u64,
    /// One of bmcn_drill_state.
    pub state: i32,
    /// 1 if the trap carried the drill's own number, 0 if it was a test alert that the BMC made up.
    pub own_event: i32,
    /// The BMC was asked for the alert.
    pub asked_us: i64,
    /// It accepted.
    pub accepted_us: i64,
    /// Its trap was received, and its sender verified.
    pub received_us: i64,
    /// The notice is in the journal, and acknowledged.
    pub journalled_us: i64,
    /// The notice's callback has returned.
    pub delivered_us: i64,
    /// The notice's record in the journal; 0: none.
    pub record: u64,
    /// When the path was proven last, by any context: milliseconds since 1970 UTC; -1: never.
    pub proven_at_ms: i64,
    /// How long that took, from the order to the callback; -1: never.
    pub proven_in_ms: i64,
}

/// The size of the first version, for ever; it ends without padding.
const FIRST_SIZE: usize = 88;
const _: () = assert!(size_of::<bmcn_drill>() == FIRST_SIZE);
const _: () = assert!(offset_of!(bmcn_drill, proven_in_ms) + size_of::<i64>() == size_of::<bmcn_drill>());

/// Begin a drill: this server's BMC is made to send a test alert, and every step is measured, up to the return of
/// the notice's callback.
///
/// Nothing is recovered.  The steps are progress of stage BMCN_STAGE_DRILL; bmcn_ctx_drill_status() tells how it
/// stands.  A drill needs dispatching, as everything does.  Allowed inside a callback.  Any thread.
///
/// Returns BMCN_EINVAL (not now, or never with this configuration: the context's message says why), BMCN_EFORK,
/// BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_drill(ctx: *mut bmcn_ctx) -> c_int {
    unsafe { enter(ctx, |context| context.drill().map(|()| BMCN_OK as c_int)) }
}

/// Say how the drill stands that runs, or how the last one ended, and when the path was proven last.
///
/// Any thread.  Returns BMCN_EINVAL (a NULL, a struct smaller than the first version), BMCN_E2BIG, BMCN_EFORK,
/// BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_drill_status(ctx: *const bmcn_ctx, out: *mut bmcn_drill) -> c_int {
    let status = |context: &Context| {
        // SAFETY: NULL or valid, by contract.
        unsafe { write(&context.drill_status()?, out) }.map(|()| BMCN_OK as c_int)
    };
    unsafe { enter(ctx, status) }
}

/// # Safety
/// `out` is NULL or points to `out->size` writable octets.
unsafe fn write(drill: &Drill, out: *mut bmcn_drill) -> Result<(), Error> {
    if out.is_null() {
        return Err(Error::invalid("out is NULL"));
    }
    // SAFETY: by contract.
    unsafe { fits(out.cast_const().cast(), FIRST_SIZE, size_of::<bmcn_drill>())? };
    // SAFETY: at least the first version is there.
    let size = unsafe { (*out).size };
    let state = match drill.state {
        DrillState::Never => bmcn_drill_state::BMCN_DRILL_NEVER,
        DrillState::Running => bmcn_drill_state::BMCN_DRILL_RUNNING,
        DrillState::Proven => bmcn_drill_state::BMCN_DRILL_PROVEN,
        DrillState::Failed => bmcn_drill_state::BMCN_DRILL_FAILED,
    };
    let full = bmcn_drill {
        size,
        number: drill.number,
        state: state as i32,
        own_event: i32::from(drill.own_event),
        asked_us: micros(drill.asked),
        accepted_us: micros(drill.accepted),
        received_us: micros(drill.received),
        journalled_us: micros(drill.journalled),
        delivered_us: micros(drill.delivered),
        record: drill.record,
        proven_at_ms: drill.proof.map_or(-1, |(at, _)| i64::try_from(at.as_millis()).unwrap_or(i64::MAX)),
        proven_in_ms: drill.proof.map_or(-1, |(_, proof)| i64::from(proof.took_ms)),
    };
    // SAFETY: a caller of an older version has room for the beginning only.
    unsafe { out.cast::<u8>().copy_from_nonoverlapping((&raw const full).cast(), size.min(size_of::<bmcn_drill>())) };
    Ok(())
}

fn micros(after: Option<Duration>) -> i64 {
    after.map_or(-1, |after| i64::try_from(after.as_micros()).unwrap_or(i64::MAX))
}
