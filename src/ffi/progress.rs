//! The steps of a recovery, as C hears of them.

use super::callback::{Registered, bmcn_destroy_fn, level};
use super::handle::{bmcn_ctx, enter};
use super::result::bmcn_result::{BMCN_EINVAL, BMCN_OK};
use super::text::owned;
use crate::engine::{Progress, Stage};
use crate::{Context, Error};
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::null;
use std::sync::Arc;

/// Which step a recovery took.  A later version may know more of them.
#[repr(C)]
pub enum bmcn_stage {
    /// A genuine, new and serious notice is in the journal.
    BMCN_STAGE_RECORDED = 0,
    /// A further notice joined the recovery.
    BMCN_STAGE_JOINED = 1,
    /// The BMC is being told *started* or *ended*.
    BMCN_STAGE_TELLING = 2,
    /// It has understood.
    BMCN_STAGE_TOLD = 3,
    /// It has not, within the deadline.
    BMCN_STAGE_UNTOLD = 4,
    /// The recovery runs.
    BMCN_STAGE_RECOVERING = 5,
    /// It answered.
    BMCN_STAGE_ANSWERED = 6,
    /// It took too long.
    BMCN_STAGE_OVERRUN = 7,
    /// A chassis command was sent, or why not.
    BMCN_STAGE_CHASSIS = 8,
    /// The BMC's reset is awaited.
    BMCN_STAGE_AWAITING_RESET = 9,
    /// The record is closed.
    BMCN_STAGE_CLOSED = 10,
    /// Something the operator should know: held, released, ...
    BMCN_STAGE_REMARK = 11,
    /// A drill took a step; it is about no recovery: see bmcn_ctx_drill().
    BMCN_STAGE_DRILL = 12,
}

/// A step of a recovery, opaque; valid until the callback that was given it returns.
pub struct bmcn_progress {
    record: u64,
    stage: c_int,
    level: c_int,
    after_us: i64,
    monitor: CString,
    text: CString,
}

impl bmcn_progress {
    fn new(progress: &Progress) -> Self {
        Self {
            record: progress.record,
            stage: stage(&progress.stage) as c_int,
            level: level(progress.stage.level()) as c_int,
            after_us: i64::try_from(progress.after.as_micros()).unwrap_or(i64::MAX),
            monitor: owned(&progress.monitor),
            text: owned(&progress.stage.to_string()),
        }
    }
}

fn stage(stage: &Stage) -> bmcn_stage {
    match stage {
        Stage::Recorded { .. } => bmcn_stage::BMCN_STAGE_RECORDED,
        Stage::Joined { .. } => bmcn_stage::BMCN_STAGE_JOINED,
        Stage::Telling(_) => bmcn_stage::BMCN_STAGE_TELLING,
        Stage::Told(_) => bmcn_stage::BMCN_STAGE_TOLD,
        Stage::Untold(..) => bmcn_stage::BMCN_STAGE_UNTOLD,
        Stage::Recovering => bmcn_stage::BMCN_STAGE_RECOVERING,
        Stage::Answered(_) => bmcn_stage::BMCN_STAGE_ANSWERED,
        Stage::Overrun => bmcn_stage::BMCN_STAGE_OVERRUN,
        Stage::Chassis(_) => bmcn_stage::BMCN_STAGE_CHASSIS,
        Stage::AwaitingReset => bmcn_stage::BMCN_STAGE_AWAITING_RESET,
        Stage::Closed(_) => bmcn_stage::BMCN_STAGE_CLOSED,
        Stage::Remark(..) => bmcn_stage::BMCN_STAGE_REMARK,
        Stage::Drill(..) => bmcn_stage::BMCN_STAGE_DRILL,
    }
}

/// Is told every step of a recovery.
pub type bmcn_progress_fn = Option<unsafe extern "C-unwind" fn(user: *mut c_void, progress: *const bmcn_progress)>;

impl Registered<unsafe extern "C-unwind" fn(*mut c_void, *const bmcn_progress)> {
    fn progress(&self, progress: &Progress) {
        let progress = bmcn_progress::new(progress);
        // SAFETY: registered together; the progress outlives the call.
        unsafe { (self.function)(self.user, &raw const progress) }
    }
}

/// Register what is told every step of a recovery, in place of what was there; `destroy` as in
/// bmcn_ctx_on_recovery().  The log's callback hears of each step, too.  Any thread.
///
/// Returns BMCN_EINVAL, BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_on_progress(
    ctx: *mut bmcn_ctx,
    function: bmcn_progress_fn,
    user: *mut c_void,
    destroy: bmcn_destroy_fn,
) -> c_int {
    let register = |context: &Context| {
        let function = function.ok_or(Error::invalid("function is NULL"))?;
        context.usable()?; // as in bmcn_ctx_on_recovery
        let callback = Registered { function, user, destroy };
        context.register_progress(Arc::new(move |progress| callback.progress(progress)));
        Ok(BMCN_OK as c_int)
    };
    unsafe { enter(ctx, register) }
}

/// Return the id of the recovery's record in the journal; 0 if progress is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_progress_record(progress: *const bmcn_progress) -> u64 {
    // SAFETY: NULL or valid, by contract; so in every function here.
    unsafe { progress.as_ref() }.map_or(0, |progress| progress.record)
}

/// Return which step it was, one of bmcn_stage.  BMCN_EINVAL if progress is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_progress_stage(progress: *const bmcn_progress) -> c_int {
    unsafe { progress.as_ref() }.map_or(BMCN_EINVAL as c_int, |progress| progress.stage)
}

/// Return how loud it is, one of bmcn_level.  BMCN_EINVAL if progress is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_progress_level(progress: *const bmcn_progress) -> c_int {
    unsafe { progress.as_ref() }.map_or(BMCN_EINVAL as c_int, |progress| progress.level)
}

/// Return how many microseconds after the trap it was.  BMCN_EINVAL if progress is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_progress_after_us(progress: *const bmcn_progress) -> i64 {
    unsafe { progress.as_ref() }.map_or(BMCN_EINVAL as i64, |progress| progress.after_us)
}

/// Return the name of the monitor; valid as long as the progress.  NULL if progress is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_progress_monitor(progress: *const bmcn_progress) -> *const c_char {
    unsafe { progress.as_ref() }.map_or(null(), |progress| progress.monitor.as_ptr())
}

/// Return what happened, as a person reads it; valid as long as the progress.  NULL if progress is NULL.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_progress_text(progress: *const bmcn_progress) -> *const c_char {
    unsafe { progress.as_ref() }.map_or(null(), |progress| progress.text.as_ptr())
}
