//! What this thread has used: of the CPU, and of memory where it says so.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Whether what is allocated now is weighed, and how many octets that is by now.
    static OURS: Cell<bool> = const { Cell::new(false) };
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, which weighs what is allocated meanwhile.
struct Weighing;

fn weigh(octets: isize) {
    if OURS.with(Cell::get) {
        HELD.with(|held| held.set(held.get() + octets));
    }
}

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Weighing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        weigh(layout.size() as isize);
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        weigh(-(layout.size() as isize));
        // SAFETY: the caller's contract is the same.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Weighing = Weighing;

/// Weighs what this work allocates and gives back.
pub fn ours<T>(work: impl FnOnce() -> T) -> T {
    OURS.with(|ours| ours.set(true));
    let result = work();
    OURS.with(|ours| ours.set(false));
    result
}

/// What was weighed and not given back, in KiB.
pub fn held() -> f64 {
    HELD.with(Cell::get) as f64 / 1024.0
}

/// What this thread has used of the CPU, in microseconds.
pub fn cpu() -> f64 {
    let mut at = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec; this clock exists.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut at) };
    at.tv_sec as f64 * 1e6 + at.tv_nsec as f64 / 1e3
}
