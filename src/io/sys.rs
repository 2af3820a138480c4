//! Safe wrappers of the descriptors that std does not have.

use crate::now::Now;
use std::ffi::CString;
use std::io::{Error, Result};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// A system call's result as an `io::Result`.
pub(super) fn check(rc: libc::c_int) -> Result<libc::c_int> {
    if rc < 0 { Err(Error::last_os_error()) } else { Ok(rc) }
}

fn owned(rc: libc::c_int) -> Result<OwnedFd> {
    // SAFETY: a descriptor that the kernel just gave to us alone.
    check(rc).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Closes a descriptor that a forked child inherited; whoever owned it must not touch it again.
pub fn close(fd: RawFd) {
    // SAFETY: no memory is involved.
    unsafe { libc::close(fd) };
}

/// The present moment on both clocks.
pub fn now() -> Now {
    Now { boottime: clock(libc::CLOCK_BOOTTIME), wall: clock(libc::CLOCK_REALTIME) }
}

fn clock(id: libc::clockid_t) -> Duration {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec; cannot fail for these clocks.
    unsafe { libc::clock_gettime(id, &mut t) };
    // A wall clock set before 1970 reads as 1970.
    Duration::new(u64::try_from(t.tv_sec).unwrap_or(0), t.tv_nsec as u32)
}

/// Whether this process, by its effective user, may do so: `R_OK` and the like.
pub(super) fn may(path: &Path, mode: libc::c_int) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return false };
    // SAFETY: the path is a string that ends in NUL and outlives the call.
    unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), mode, libc::AT_EACCESS) == 0 }
}

/// Octets from the kernel's generator.
pub fn random() -> Result<[u8; 32]> {
    let mut octets = [0; 32];
    // SAFETY: fills 32 octets of ours; up to 256 come whole once the generator is seeded.
    let count = unsafe { libc::getrandom(octets.as_mut_ptr().cast(), octets.len(), 0) };
    check(count as libc::c_int)?;
    Ok(octets)
}

/// A set of descriptors, itself a descriptor: readable while any of them is.
#[derive(Debug)]
pub struct Epoll(OwnedFd);

impl Epoll {
    /// An empty set.
    pub fn new() -> Result<Self> {
        // SAFETY: no pointer is passed.
        owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }).map(Self)
    }

    /// Watches `fd`, level-triggered, until it is closed.
    pub fn add(&self, fd: impl AsFd) -> Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 0 };
        let (set, fd) = (self.raw(), fd.as_fd().as_raw_fd());
        // SAFETY: both descriptors are open; the kernel copies the event.
        check(unsafe { libc::epoll_ctl(set, libc::EPOLL_CTL_ADD, fd, &mut event) }).map(drop)
    }

    /// Watches one that is in the set for room to write from now on, and for its end, but not for what comes in.
    pub fn until_writable(&self, fd: impl AsFd) -> Result<()> {
        self.modify(fd, libc::EPOLLOUT)
    }

    /// Watches one that is in the set no longer, or again.
    pub fn heed(&self, fd: impl AsFd, heed: bool) -> Result<()> {
        self.modify(fd, if heed { libc::EPOLLIN } else { 0 })
    }

    fn modify(&self, fd: impl AsFd, events: libc::c_int) -> Result<()> {
        let mut event = libc::epoll_event { events: events as u32, u64: 0 };
        let (set, fd) = (self.raw(), fd.as_fd().as_raw_fd());
        // SAFETY: as above.
        check(unsafe { libc::epoll_ctl(set, libc::EPOLL_CTL_MOD, fd, &mut event) }).map(drop)
    }

    /// The number that callers poll.
    pub fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Waits until the set is readable; false when `timeout` ran out or a signal came.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        let ms = timeout.map_or(-1, |t| t.as_millis().min(i32::MAX as u128) as i32);
        // Not poll(2) on the set: whoever sleeps in the set itself is woken without a detour.
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: room for one event, ours.
        unsafe { libc::epoll_wait(self.raw(), &raw mut event, 1, ms) > 0 }
    }
}

/// A timer that makes its descriptor readable.
#[derive(Debug)]
pub struct Timer(OwnedFd);

impl Timer {
    /// A timer that is not armed.
    pub fn new() -> Result<Self> {
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: no pointer is passed.
        owned(unsafe { libc::timerfd_create(libc::CLOCK_BOOTTIME, flags) }).map(Self)
    }

    /// Arms for a moment of boottime, or disarms; either way it stops being readable.
    pub fn set(&self, deadline: Option<Duration>) {
        let at = deadline.unwrap_or_default();
        let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let it_value = libc::timespec { tv_sec: at.as_secs() as _, tv_nsec: at.subsec_nanos() as _ };
        let spec = libc::itimerspec { it_interval: zero, it_value };
        // SAFETY: reads one itimerspec; cannot fail with a valid timer and time.
        unsafe {
            libc::timerfd_settime(self.as_fd().as_raw_fd(), libc::TFD_TIMER_ABSTIME, &spec, std::ptr::null_mut())
        };
    }
}

/// A flag that makes its descriptor readable while it is raised.
#[derive(Debug)]
pub struct Event(OwnedFd);

impl Event {
    /// An event that is not raised.
    pub fn new() -> Result<Self> {
        // SAFETY: no pointer is passed.
        owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }).map(Self)
    }

    /// Raises; raising twice is raising once.
    pub fn raise(&self) {
        // SAFETY: a valid descriptor; only a full counter fails, and then it is raised.
        unsafe { libc::eventfd_write(self.as_fd().as_raw_fd(), 1) };
    }

    /// Lowers.
    pub fn lower(&self) {
        let mut count = 0;
        // SAFETY: writes one u64; fails only when it was not raised.
        unsafe { libc::eventfd_read(self.as_fd().as_raw_fd(), &mut count) };
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsFd for Event {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}
