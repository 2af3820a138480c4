//! A PET is acknowledged after the application was called, and always.

use bmcnotice::wire::pet::{ENTERPRISE, Pet, VARIABLE};
use bmcnotice::wire::snmp::{ENTERPRISE_SPECIFIC, TrapV1, Value, Varbind, emit_trap_v1};
use bmcnotice::words::Guid;
use bmcnotice::{Config, Context, Mode};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

fn free_address() -> SocketAddr {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn correctable_memory_error(sequence: u16) -> Vec<u8> {
    let mut octets = vec![7; 16]; // the GUID
    octets.extend(sequence.to_be_bytes());
    octets.extend([0, 0, 0, 9, 0, 0, 0x20, 0x20, 0x08, 0x20, 0x20, 0x20, 1]);
    octets.extend([0x60, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0x19, 0, 0, 0, 0, 0, 0, 0xC1]);
    let pet = Pet::parse(0x000C_6F00, &octets).unwrap();
    assert_eq!((pet.guid, pet.sequence), (Guid([7; 16]), sequence));
    let head = TrapV1 {
        enterprise: ENTERPRISE,
        agent: Ipv4Addr::LOCALHOST,
        generic: ENTERPRISE_SPECIFIC,
        specific: pet.specific_trap(),
        uptime: 1,
    };
    let mut bytes = Vec::new();
    emit_trap_v1(b"public", &head, &[Varbind { name: VARIABLE, value: Value::OctetString(&octets) }], &mut bytes);
    bytes
}

fn context(listen: SocketAddr, mode: Mode) -> Context {
    let text = format!(
        r#"
        [cluster]
        name = "acknowledge"
        this_server = "server1"
        [[server]]
        name = "server1"
        addresses = ["127.0.0.1"]
        [server.bmc]
        address = "{}"
        trap_sources = ["127.0.0.1"]
        handshake = "none"
        after_ended = "none"
        [[monitor]]
        name = "mrw1"
        category = "BMCNOTICE"
        trust = "address"
        recovery = "callback"
        target = "failover1"
        deadline = "20s"
        [monitor.keywords]
        server1 = "{listen}"
        [heartbeat]
        lan = ["lan1"]
        bmc = false
        [journal]
        hot = false
        disk = false
        "#,
        free_address()
    );
    Context::new(&Config::from_text(text, "acknowledge.toml"), mode).unwrap_or_else(|error| panic!("{error}"))
}

/// Traps in one go, and how many are delivered by one dispatch.
fn acknowledged_after(traps: u16, max: usize, mode: Mode) {
    let listen = free_address();
    let context = context(listen, mode);
    let bmc = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    bmc.set_nonblocking(true).unwrap();
    let (calls, early) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (called, seen, socket) = (calls.clone(), early.clone(), bmc.clone());
    let callback = move |_: &bmcnotice::Heard| {
        seen.fetch_add(usize::from(socket.peek(&mut [0; 64]).is_ok()), SeqCst);
        called.fetch_add(1, SeqCst);
    };
    context.on_notice(Arc::new(callback)).unwrap();
    for sequence in 1..=traps {
        bmc.send_to(&correctable_memory_error(sequence), listen).unwrap();
    }
    let end = Instant::now() + Duration::from_secs(5);
    let mut answers = 0;
    while calls.load(SeqCst) < usize::from(traps) || answers < usize::from(traps) {
        assert!(Instant::now() < end, "{} calls, {answers} acknowledgements", calls.load(SeqCst));
        context.wait(Some(Duration::from_millis(20))).unwrap();
        context.dispatch(max).unwrap();
        answers += std::iter::from_fn(|| bmc.recv_from(&mut [0; 64]).ok()).count();
        let due = if mode == Mode::Loop { calls.load(SeqCst) } else { 0 };
        assert!(answers >= due, "{due} calls, {answers} acknowledgements when dispatch returned");
    }
    if mode == Mode::Loop && max > usize::from(traps) {
        assert_eq!(early.load(SeqCst), 0, "the application was called first");
    }
}

#[test]
fn the_application_is_called_before_a_pet_is_acknowledged() {
    acknowledged_after(3, 64, Mode::Loop);
}

#[test]
fn a_dispatch_that_leaves_deliveries_acknowledges_all_the_same() {
    acknowledged_after(3, 1, Mode::Loop);
}

#[test]
fn the_librarys_thread_acknowledges_by_itself() {
    acknowledged_after(3, 64, Mode::Thread);
}
