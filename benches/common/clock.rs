//! The clock that all cores share.

use std::time::Duration;

/// The moment.
pub fn monotonic() -> Duration {
    let mut at = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec; this clock exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut at) };
    Duration::new(at.tv_sec as u64, at.tv_nsec as u32)
}
