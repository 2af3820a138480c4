//! Decoding a PET trap allocates nothing.

mod common;

use bmcnotice::wire::pet::{self, Pet};
use bmcnotice::wire::snmp::Message;
use common::{octets, text};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, which counts for each thread.
struct Counting;

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is the same.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn decoding_a_pet_allocates_nothing() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1]))), 1, "the counter counts");

    let text = text("traps/own-snmptrap.hex");
    let datagrams: Vec<_> =
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(octets).collect();
    let mut pets = 0;
    let spent = allocations(|| {
        for datagram in &datagrams {
            let Ok(message) = Message::parse(datagram) else { continue };
            std::hint::black_box((message.trap_oid(), message.uptime(), message.speaks_for()));
            let Some((specific, octets)) = pet::find(&message) else { continue };
            pets += usize::from(std::hint::black_box(Pet::parse(specific, octets)).is_ok());
        }
    });
    assert_eq!((pets, spent), (6, 0));
}
