//! Decoding a PET trap, or reading an SNMPv3 message, allocates nothing.

mod common;

use bmcnotice::config::facts::Facts;
use bmcnotice::config::native;
use bmcnotice::notice::Reception;
use bmcnotice::now::Now;
use bmcnotice::wire::pet::{self, Pet};
use bmcnotice::wire::snmp::Message;
use bmcnotice::wire::usm::{Data, Scoped, Version3};
use common::{octets, text};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

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

#[test]
fn reading_a_v3_message_allocates_nothing() {
    let text = text("traps/own-snmptrap.hex");
    let datagrams: Vec<_> =
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(octets).collect();
    let (mut plain, mut sealed) = (0, 0);
    let spent = allocations(|| {
        for datagram in &datagrams {
            let Ok(message) = Version3::parse(datagram) else { continue };
            match std::hint::black_box(message.data) {
                Data::Plain(scoped) => plain += usize::from(std::hint::black_box(Scoped::parse(scoped)).is_ok()),
                Data::Sealed(_) => sealed += 1,
            }
        }
    });
    assert_eq!((plain + sealed, sealed, spent), (22, 5, 0));
}

/// Its OID, region and sentence. What it is about, and its event data in words, cost nothing before somebody asks.
#[test]
fn a_notice_costs_its_three_texts() {
    let text = "[cluster]\nname = \"c\"\nthis_server = \"s\"\n[[server]]\nname = \"s\"\naddresses = [\"192.0.2.1\"]\n\
                [server.bmc]\naddress = \"127.0.0.1\"\nhandshake = \"none\"\n[heartbeat]\nbmc = false\n";
    let cluster = native::parse(text, "c.toml", &[], &Facts::default()).cluster.unwrap();
    let mut reception = Reception::new(&cluster);
    let now = Now { boottime: Duration::from_secs(9), wall: Duration::from_secs(9) };
    let text = common::text("traps/own-snmptrap.hex");
    let mut lines =
        text.lines().skip_while(|line| *line != "# case v1-pet-deassert-fan").filter(|l| !l.starts_with('#'));
    let datagram = octets(lines.next().unwrap());
    let mut receive = || reception.handle_datagram(now, "127.0.0.1:9".parse().unwrap(), &datagram).unwrap();
    assert!(receive().notice.fault.is_some(), "the first makes room for its sender");
    assert_eq!(allocations(|| drop(std::hint::black_box(receive()))), 3);
}
