//! Callbacks: a function, its pointer, and the pointer's destructor.

use super::notice::bmcn_notice;
use super::peer;
use super::recovery::bmcn_recovery;
use super::text::owned;
use crate::engine::{Heard, Line, PeerStatus, Recover};
use crate::words::{Answer, Level};
use std::ffi::{c_char, c_int, c_void};

/// What a recovery callback returns; any other number counts as BMCN_FAILED.
#[repr(C)]
pub enum bmcn_answer {
    /// The recovery is complete.
    BMCN_DONE = 0,
    /// It failed.
    BMCN_FAILED = 1,
    /// It goes on; bmcn_ctx_complete() will say how it ended.
    BMCN_LATER = 2,
}

pub(super) fn level(level: Level) -> bmcn_level {
    match level {
        Level::Error => bmcn_level::BMCN_LOG_ERROR,
        Level::Warning => bmcn_level::BMCN_LOG_WARNING,
        Level::Info => bmcn_level::BMCN_LOG_INFO,
        Level::Debug => bmcn_level::BMCN_LOG_DEBUG,
    }
}

/// How loud a line of the log is.
#[repr(C)]
pub enum bmcn_level {
    /// Someone must act.
    BMCN_LOG_ERROR = 0,
    /// Someone should look.
    BMCN_LOG_WARNING = 1,
    /// A step was taken.
    BMCN_LOG_INFO = 2,
    /// For finding a fault in the setup.
    BMCN_LOG_DEBUG = 3,
}

/// Runs the operator's recovery and returns one of bmcn_answer.
///
/// This callback, like all of them, is called only inside bmcn_ctx_dispatch() or bmcn_ctx_run(), with no lock
/// held, and may call any function on the context, bmcn_ctx_free() included (but dispatching again is
/// BMCN_EBUSY).  It must not throw, longjmp or end the thread: that ends the process.  In loop mode it must not
/// block: while it runs nothing is received, no BMC is told anything and no deadline is kept.
pub type bmcn_recovery_fn =
    Option<unsafe extern "C-unwind" fn(user: *mut c_void, recovery: *const bmcn_recovery) -> c_int>;

/// Is told of every new notice, whether it starts a recovery or not.
pub type bmcn_notice_fn = Option<unsafe extern "C-unwind" fn(user: *mut c_void, notice: *const bmcn_notice)>;

/// Is told what the library would write into a log: one of bmcn_level and one line, valid until it returns.
pub type bmcn_log_fn = Option<unsafe extern "C-unwind" fn(user: *mut c_void, level: c_int, line: *const c_char)>;

/// Is told when what the heartbeat says of a server changes: its name, valid until it returns, one of
/// bmcn_verdict and one of bmcn_doubt.
///
/// It is called as well, with the verdict that holds, when a server was seen to restart; bmcn_peer.restarts counts
/// that.
pub type bmcn_peer_fn =
    Option<unsafe extern "C-unwind" fn(user: *mut c_void, server: *const c_char, verdict: c_int, doubt: c_int)>;

/// Destroys a callback's pointer; called once, after the last possible call of the callback.
pub type bmcn_destroy_fn = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// A registered callback; its end is the destructor's one call.
///
/// "C-unwind" makes a C++ exception that escapes in spite of the contract a defined abort.
pub(super) struct Registered<F> {
    pub function: F,
    pub user: *mut c_void,
    pub destroy: bmcn_destroy_fn,
}

// SAFETY: dispatch runs on one thread at a time; which one is the caller's business, as in C.
unsafe impl<F> Send for Registered<F> {}
unsafe impl<F> Sync for Registered<F> {}

impl Registered<unsafe extern "C-unwind" fn(*mut c_void, *const bmcn_recovery) -> c_int> {
    pub fn recover(&self, recover: &Recover) -> Answer {
        let recovery = bmcn_recovery::new(recover);
        // SAFETY: registered together; the recovery outlives the call.
        match unsafe { (self.function)(self.user, &raw const recovery) } {
            0 => Answer::Done,
            2 => Answer::Later,
            _ => Answer::Failed, // an int, not an enum: C may return anything
        }
    }
}

impl Registered<unsafe extern "C-unwind" fn(*mut c_void, *const bmcn_notice)> {
    pub fn hear(&self, heard: &Heard) {
        let notice = bmcn_notice::new(heard.notice.clone(), heard.server.clone());
        // SAFETY: registered together; the notice outlives the call.
        unsafe { (self.function)(self.user, &raw const notice) }
    }
}

impl Registered<unsafe extern "C-unwind" fn(*mut c_void, c_int, *const c_char)> {
    pub fn log(&self, line: &Line) {
        let level = level(line.level);
        let text = owned(&line.text);
        // SAFETY: registered together; the text outlives the call.
        unsafe { (self.function)(self.user, level as c_int, text.as_ptr()) }
    }
}

impl Registered<unsafe extern "C-unwind" fn(*mut c_void, *const c_char, c_int, c_int)> {
    pub fn peer(&self, status: &PeerStatus) {
        let (verdict, doubt) = peer::verdict(status.verdict);
        let server = owned(&status.server);
        // SAFETY: registered together; the name outlives the call.
        unsafe { (self.function)(self.user, server.as_ptr(), verdict as c_int, doubt as c_int) }
    }
}

impl<F> Drop for Registered<F> {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the last owner is gone, so no call can follow.
            unsafe { destroy(self.user) }
        }
    }
}
