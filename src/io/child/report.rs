//! What a keeper tells the host of its command's end: two numbers through a pipe.

use std::ffi::c_int;
use std::mem::size_of;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this status.
    Exited(c_int),
    /// This signal killed it.
    Killed(c_int),
    /// It was never started: this system error.
    NotStarted(c_int),
    /// Its keeper was killed before it could tell, and the host took that ending (it waits with `__WALL`).
    Lost,
}

/// What happened, and an error or a status.
pub(super) const REPORT_OCTETS: usize = 2 * size_of::<c_int>();
pub(super) const NOT_STARTED: c_int = 1;
pub(super) const ENDED: c_int = 2;

/// What a report says.
pub(super) fn understand(report: [u8; REPORT_OCTETS]) -> Ending {
    let [a, b, c, d, rest @ ..] = report;
    let value = c_int::from_ne_bytes(rest);
    match c_int::from_ne_bytes([a, b, c, d]) {
        NOT_STARTED => Ending::NotStarted(value),
        _ if libc::WIFSIGNALED(value) => Ending::Killed(libc::WTERMSIG(value)),
        _ => Ending::Exited(libc::WEXITSTATUS(value)),
    }
}
