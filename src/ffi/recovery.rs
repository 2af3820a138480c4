//! What a recovery callback is told.

use super::notice::bmcn_notice;
use super::result::bmcn_result::BMCN_EINVAL;
use super::text::owned;
use crate::engine::Recover;
use std::ffi::{CString, c_char, c_int};
use std::ptr::{from_ref, null};

/// A recovery that is due, opaque; valid until the callback that was given it returns.
pub struct bmcn_recovery {
    token: u64,
    record: u64,
    deadline_ms: i64,
    attempt: u8,
    action: CString,
    monitor: CString,
    target: CString,
    notice: bmcn_notice,
}

impl bmcn_recovery {
    pub(super) fn new(recover: &Recover) -> Self {
        Self {
            token: recover.token,
            record: recover.record,
            deadline_ms: i64::try_from(recover.deadline.as_millis()).unwrap_or(i64::MAX),
            attempt: recover.attempt.number,
            action: owned(&recover.attempt.action.to_string()),
            monitor: owned(&recover.monitor),
            target: owned(&recover.target),
            notice: bmcn_notice::new(recover.notice.clone(), recover.server.clone()),
        }
    }
}

/// Return the token that completes this recovery with bmcn_ctx_complete(); 0, which is never a token, if
/// recovery is NULL.  A number: it may be kept and used on any thread.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_recovery_token(recovery: *const bmcn_recovery) -> u64 {
    // SAFETY: NULL or valid, by contract; so in every function here.
    unsafe { recovery.as_ref() }.map_or(0, |recovery| recovery.token)
}

/// Return the id of the recovery's record in the journal; 0 if recovery is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_recovery_record(recovery: *const bmcn_recovery) -> u64 {
    unsafe { recovery.as_ref() }.map_or(0, |recovery| recovery.record)
}

/// Return how many milliseconds the recovery may take, from when it fell due, which is just before its
/// callback unless dispatch was late; after that it has failed and the token is stale.  BMCN_EINVAL if recovery is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_recovery_deadline_ms(recovery: *const bmcn_recovery) -> i64 {
    unsafe { recovery.as_ref() }.map_or(BMCN_EINVAL as i64, |recovery| recovery.deadline_ms)
}

/// Return what this attempt is to do: "failover" (move the target to another server), "restart" (start it again
/// here) or "stop_service" (stop the cluster service on this server); valid as long as the recovery.  NULL if
/// recovery is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_recovery_action(recovery: *const bmcn_recovery) -> *const c_char {
    unsafe { recovery.as_ref() }.map_or(null(), |recovery| recovery.action.as_ptr())
}

/// Return the number of this attempt, counted from 1 over the whole recovery: one that fails is followed by the
/// next, as the monitor's `restart` and `failover` say.  BMCN_EINVAL if recovery is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_recovery_attempt(recovery: *const bmcn_recovery) -> c_int {
    unsafe { recovery.as_ref() }.map_or(BMCN_EINVAL as c_int, |recovery| c_int::from(recovery.attempt))
}

/// Return the name of the monitor that matched; valid as long as the recovery.  NULL if recovery is NULL.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_recovery_monitor(recovery: *const bmcn_recovery) -> *const c_char {
    unsafe { recovery.as_ref() }.map_or(null(), |recovery| recovery.monitor.as_ptr())
}

/// Return what is to be moved, as the monitor's `target` names it, or ""; valid as long as the recovery.
/// NULL if recovery is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_recovery_target(recovery: *const bmcn_recovery) -> *const c_char {
    unsafe { recovery.as_ref() }.map_or(null(), |recovery| recovery.target.as_ptr())
}

/// Return the notice that started the recovery; valid as long as the recovery.  NULL if recovery is NULL.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_recovery_notice(recovery: *const bmcn_recovery) -> *const bmcn_notice {
    unsafe { recovery.as_ref() }.map_or(null(), |recovery| from_ref(&recovery.notice))
}
