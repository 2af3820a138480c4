//! The few system calls that a keeper needs: callable in a fork of a process with threads, for they neither
//! allocate nor lock.

use std::ffi::c_int;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::os::fd::RawFd;
use std::ptr::{null, null_mut};
use std::time::Duration;

/// As fork(2), without its handlers, and with a chosen exit signal.
///
/// # Safety
/// In the child only async-signal-safe calls are allowed.
pub(super) unsafe fn clone3(flags: c_int, exit_signal: c_int, pidfd: *mut RawFd) -> libc::c_long {
    // SAFETY: zeroes are a valid clone_args; a null stack means a copy of the caller's.
    unsafe {
        let mut args: libc::clone_args = zeroed();
        args.flags = flags as u64;
        args.exit_signal = exit_signal as u64;
        args.pidfd = pidfd as u64;
        libc::syscall(libc::SYS_clone3, &args, size_of::<libc::clone_args>())
    }
}

/// Waits until a descriptor is ready or the time is over.
pub(super) unsafe fn wait(fds: &mut [libc::pollfd], time: Duration) {
    let time = libc::timespec { tv_sec: time.as_secs() as _, tv_nsec: time.subsec_nanos() as _ };
    // SAFETY: as many entries as are counted; no signal mask is given.
    unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, &time, null()) };
}

pub(super) unsafe fn is_ready(fd: RawFd, events: libc::c_short) -> bool {
    let mut fds = [libc::pollfd { fd, events, revents: 0 }];
    // SAFETY: one entry.
    unsafe { libc::poll(fds.as_mut_ptr(), 1, 0) > 0 }
}

pub(super) fn boottime() -> Duration {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec; cannot fail for this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut t) };
    Duration::new(t.tv_sec as u64, t.tv_nsec as u32)
}

pub(super) unsafe fn errno() -> c_int {
    // SAFETY: the thread's own.
    unsafe { *libc::__errno_location() }
}

pub(super) unsafe fn unblock() {
    let mut none = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), null_mut());
    }
}
