//! UDP ports for tests that run at the same time.

use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};
use std::time::Duration;

const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Starts something that listens. Between its fork and its exec another test's child holds a copy of a socket that was just
/// closed, be it a probe's: then it is tried again.
#[allow(dead_code, reason = "not every suite starts a context")]
pub fn once_free<T>(start: impl Fn() -> Result<T, bmcnotice::Error>) -> Result<T, bmcnotice::Error> {
    let is_held = |text: String| text.contains(" held by ") || text.contains("holds it");
    for _ in 0..TRIES {
        match start() {
            Err(error) if is_held(error.to_string()) => std::thread::sleep(PAUSE),
            started => return started,
        }
    }
    start()
}

/// Below the ports that the kernel gives away, so that no client's socket takes one in between.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

/// A port that nobody holds, on either family's loopback, and that this process gives out once.
pub fn free() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = process::id().wrapping_mul(61) % u32::from(COUNT);
    for _ in 0..COUNT {
        let step = u32::from(NEXT.fetch_add(1, SeqCst));
        let port = FIRST + ((begin + step) % u32::from(COUNT)) as u16;
        // Of all addresses: one that is bound to a single one is in the way, too.
        let free = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
            && UdpSocket::bind((Ipv6Addr::LOCALHOST, port)).is_ok();
        if free {
            return port;
        }
    }
    panic!("no free port");
}
