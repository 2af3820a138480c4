//! Ten thousand simulated BMCs in one process: how long they take to start, and what they cost. Alone in its process, for
//! its memory is weighed.
#![cfg(feature = "sim")]

use bmcnotice::io::fleet::Fleet;
use bmcnotice::sim::Options;
use bmcnotice::wire::rmcp::{Datagram, emit_ping};
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

const COUNT: u32 = 10_000;
/// How long the start may take; unoptimised, on a loaded machine.
const START: Duration = Duration::from_secs(2);
/// What one of them may cost, resident, in KiB.
const EACH: f64 = 4.0;

/// What no file holds of this process, in KiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("RssAnon");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

#[test]
fn ten_thousand_start_at_once_and_cost_little() {
    let (before, begun) = (resident(), Instant::now());
    let address = |place: u32| Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 1)) + place);
    let members = (0..COUNT).map(|place| (address(place), Options::default()));
    let fleet = Fleet::start(0, members.collect(), None).expect("a fleet");
    let (took, each) = (begun.elapsed(), (resident() - before) / f64::from(COUNT));
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    for place in [0, COUNT / 2, COUNT - 1] {
        let at = fleet.address(place as usize).expect("a member");
        socket.send_to(&emit_ping(place as u8), at).expect("sent");
        let mut bytes = [0; 64];
        let (length, from) = socket.recv_from(&mut bytes).expect("a pong");
        let pong = Datagram::parse(&bytes[..length]);
        assert_eq!((from, pong), (at, Ok(Datagram::Pong { tag: place as u8, ipmi: true })));
    }
    assert!(took < START, "{took:?}");
    assert!((0.5..EACH).contains(&each), "{each:.2} KiB each");
}
