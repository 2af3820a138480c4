//! Tells a forked child from its parent at the price of one load.

use super::sys::check;
use std::io::{Error, Result};
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const PAGE: usize = 4096; // at least; the kernel rounds up

/// A page that the kernel hands to every child as zeroes (`MADV_WIPEONFORK`, Linux 4.14).
#[derive(Debug)]
pub struct ForkMark(NonNull<AtomicU8>);

// SAFETY: one atomic byte, reached by shared references only.
unsafe impl Send for ForkMark {}
unsafe impl Sync for ForkMark {}

impl ForkMark {
    /// Marks this process.
    pub fn new() -> Result<Self> {
        let (prot, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a fresh private mapping, given back in drop.
        let page = unsafe { libc::mmap(null_mut(), PAGE, prot, flags, -1, 0) };
        if page == libc::MAP_FAILED {
            return Err(Error::last_os_error());
        }
        let mark = Self(NonNull::new(page.cast()).expect("not at address zero"));
        // SAFETY: the mapping above.
        check(unsafe { libc::madvise(page, PAGE, libc::MADV_WIPEONFORK) })?;
        mark.byte().store(1, Ordering::Relaxed);
        Ok(mark)
    }

    /// Whether this process is a child of the one that made the mark.
    pub fn in_child(&self) -> bool {
        self.byte().load(Ordering::Relaxed) == 0
    }

    fn byte(&self) -> &AtomicU8 {
        // SAFETY: mapped as long as self lives; all-zero bytes are a valid AtomicU8.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for ForkMark {
    fn drop(&mut self) {
        // SAFETY: our own mapping; nothing borrows from it any more.
        unsafe { libc::munmap(self.0.as_ptr().cast(), PAGE) };
    }
}

/// Keeps a value whose end must not run in a forked child: its locks may be held for ever there, and its
/// threads are not there. In the child the memory is left alone.
#[derive(Debug)]
pub struct Kept<T> {
    value: ManuallyDrop<T>,
    mark: Arc<ForkMark>,
}

impl<T> Kept<T> {
    /// Keeps `value` for the process of `mark`.
    pub fn new(value: T, mark: &Arc<ForkMark>) -> Self {
        Self { value: ManuallyDrop::new(value), mark: mark.clone() }
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        if !self.mark.in_child() {
            // SAFETY: dropped once, here, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}
