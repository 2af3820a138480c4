//! What the operator says to a context: reload, release, cancel, clear, maintenance.

use super::config::bmcn_config;
use super::handle::{bmcn_ctx, enter};
use super::result::bmcn_result::BMCN_OK;
use crate::{Context, Error, Reload};
use std::ffi::c_int;

/// What came of bmcn_ctx_reload(), if it is no error.
#[repr(C)]
pub enum bmcn_reload {
    /// The new configuration holds.
    BMCN_RELOADED = 0,
    /// It is sound, and will hold as soon as no recovery is under way; the log says when.
    BMCN_RELOAD_LATER = 1,
}

/// Take over another configuration: all of it, or on an error nothing.
///
/// At once, unless a recovery is between its record and its end: then as soon as the last has ended; another
/// reload takes the place of one that waits.  Callbacks, counters, open records, maintenance and what is known of
/// the servers stay; so does the socket, if the address does, and no trap is lost.  The journal's folders must be
/// the same.  `config` is copied; findings are on the context's message.  Allowed inside a callback.  Any thread.
///
/// Returns one of bmcn_reload, or BMCN_ECONFIG (the message lists every finding, one a line), BMCN_EINVAL (another
/// folder for the journal, a NULL), BMCN_EIO (the new port is taken, not permitted, ...), BMCN_EFORK,
/// BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_reload(ctx: *mut bmcn_ctx, config: *const bmcn_config) -> c_int {
    let reload = |context: &Context| {
        // SAFETY: NULL or valid, by contract.
        let config = unsafe { super::config::copy(config) }.ok_or(Error::invalid("config is NULL"))?;
        Ok(match context.reload(&config)? {
            Reload::Done => bmcn_reload::BMCN_RELOADED,
            Reload::Later => bmcn_reload::BMCN_RELOAD_LATER,
        } as c_int)
    };
    unsafe { enter(ctx, reload) }
}

/// Let a held recovery go on, by the number of its record.
///
/// Allowed inside a callback.  Any thread.  Returns BMCN_ESTALE (no recovery is about this record), BMCN_EINVAL (it
/// is not held; NULL), BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_release(ctx: *mut bmcn_ctx, record: u64) -> c_int {
    unsafe { enter(ctx, |context| context.release(record).map(|()| BMCN_OK as c_int)) }
}

/// End a recovery, by the number of its record: one that runs has failed, its token is stale and its command
/// killed; one that is held or awaits its reset is closed.
///
/// Allowed inside a callback.  Any thread.  Returns BMCN_ESTALE (no recovery is about this record), BMCN_EINVAL (the
/// BMC is being told of its end already; NULL), BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_cancel(ctx: *mut bmcn_ctx, record: u64) -> c_int {
    unsafe { enter(ctx, |context| context.cancel(record).map(|()| BMCN_OK as c_int)) }
}

/// Say that the fault of a record is over, as the BMC itself would: what is held or awaits its reset is closed, and
/// what the recovery set in the cluster is taken back.
///
/// Allowed inside a callback.  Any thread.  Returns BMCN_ESTALE (no recovery is about this record), BMCN_EINVAL (it
/// runs, or is just ending; NULL), BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_clear(ctx: *mut bmcn_ctx, record: u64) -> c_int {
    unsafe { enter(ctx, |context| context.clear(record).map(|()| BMCN_OK as c_int)) }
}

/// Switch maintenance on (not 0) or off (0): while it is on, new recoveries are held.
///
/// What runs goes on; what is held stays held until it is released.  Outlives a restart and a boot.  Allowed inside
/// a callback.  Any thread.
///
/// Returns BMCN_EIO (it holds, but cannot be written down, so that it ends with this context), BMCN_EINVAL,
/// BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_set_maintenance(ctx: *mut bmcn_ctx, on: c_int) -> c_int {
    unsafe { enter(ctx, |context| context.set_maintenance(on != 0).map(|()| BMCN_OK as c_int)) }
}

/// Return 1 if maintenance is on, 0 if it is off.
///
/// Any thread.  Returns BMCN_EINVAL, BMCN_EFORK, BMCN_EBROKEN.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_ctx_maintenance(ctx: *const bmcn_ctx) -> c_int {
    unsafe { enter(ctx, |context| context.maintenance().map(c_int::from)) }
}
