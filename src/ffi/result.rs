//! Results: errors become numbers here.

use crate::{Error, shield};
use std::ffi::{CStr, c_char, c_int};

/// What a call returns: zero or a count is success, errors are negative. Numbers are never reused.
#[repr(C)]
pub enum bmcn_result {
    /// Success.
    BMCN_OK = 0,
    /// An argument is wrong, or the call does not fit now.
    BMCN_EINVAL = -1,
    /// A struct is longer than this library knows, and the unknown part is not zero.
    BMCN_E2BIG = -2,
    /// A dispatch is running on this context.
    BMCN_EBUSY = -3,
    /// The context belongs to the parent of this process.
    BMCN_EFORK = -4,
    /// The operating system refused.
    BMCN_EIO = -5,
    /// An internal error was caught and repaired; a retry can help.
    BMCN_EPANIC = -6,
    /// An internal error could not be repaired; only bmcn_ctx_fd(), _message() and _free() work.
    BMCN_EBROKEN = -7,
    /// The recovery that the token or record names is over, or never was.
    BMCN_ESTALE = -8,
    /// The configuration has errors; the message lists all of them.
    BMCN_ECONFIG = -9,
}

use bmcn_result::*;

/// The only place where errors become numbers.
pub(super) fn code(error: &Error) -> c_int {
    let code = match error {
        Error::Invalid(_) => BMCN_EINVAL,
        Error::TooBig => BMCN_E2BIG,
        Error::Busy => BMCN_EBUSY,
        Error::Forked => BMCN_EFORK,
        Error::Stale => BMCN_ESTALE,
        Error::Config(_) => BMCN_ECONFIG,
        Error::Io(..) => BMCN_EIO,
        Error::Panicked(_) => BMCN_EPANIC,
        Error::Broken(_) => BMCN_EBROKEN,
    };
    code as c_int
}

/// Runs a body that has no context to strike: a panic is just a code.
pub(super) fn shielded(body: impl FnOnce() -> Result<c_int, Error>) -> c_int {
    shield::catch(body).unwrap_or_else(|report| Err(Error::Panicked(report))).unwrap_or_else(|error| code(&error))
}

/// Say in a few words what a result code means.
///
/// The string is static.  Unknown codes have one, too.  Any thread.  Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn bmcn_strerror(code: c_int) -> *const c_char {
    let text: &CStr = match code {
        0.. => c"success",
        -1 => c"invalid argument or state",
        -2 => c"struct of a newer version",
        -3 => c"dispatch is running",
        -4 => c"context of the parent process",
        -5 => c"refused by the operating system",
        -6 => c"internal error, repaired",
        -7 => c"internal error, context broken",
        -8 => c"the recovery is over",
        -9 => c"configuration error",
        _ => c"unknown result code",
    };
    text.as_ptr()
}

/// Return the version of the library, as "major.minor.patch".
///
/// The string is static.  Any thread.  Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn bmcn_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
