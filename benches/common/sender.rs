//! A sender on a core of its own that notes when it sends.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// The moment, on a clock that all cores share.
pub fn monotonic() -> Duration {
    let mut at = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec; this clock exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut at) };
    Duration::new(at.tv_sec as u64, at.tv_nsec as u32)
}

/// Keeps this thread, and those that it starts from now on, on one core; modulo those there are.
pub fn pin(core: usize) {
    // SAFETY: an empty set is all zero; the kernel reads it.
    unsafe {
        let cores = libc::sysconf(libc::_SC_NPROCESSORS_ONLN).max(1) as usize;
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core % cores, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &set);
    }
}

/// A thread on a core of its own that sends what it is told to, a moment later: the receiver sleeps by then.
pub struct Sender {
    orders: mpsc::Sender<(SocketAddr, Vec<u8>)>,
    sent: Arc<AtomicU64>,
}

/// Between the order and the sending.
const SLEEP: Duration = Duration::from_micros(400);

impl Sender {
    /// Starts it on this core.
    pub fn start(core: usize) -> Self {
        let (orders, taken) = mpsc::channel::<(SocketAddr, Vec<u8>)>();
        let sent = Arc::new(AtomicU64::new(0));
        let note = sent.clone();
        std::thread::spawn(move || {
            pin(core);
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
            socket.set_nonblocking(true).expect("a socket");
            let mut answer = [0; 512];
            for (to, bytes) in taken {
                while socket.recv_from(&mut answer).is_ok() {} // acknowledgements
                std::thread::sleep(SLEEP);
                note.store(monotonic().as_nanos() as u64, SeqCst);
                let _ = socket.send_to(&bytes, to); // lost: the shot times out
            }
        });
        Self { orders, sent }
    }

    /// Sends soon.
    pub fn send(&self, to: SocketAddr, bytes: Vec<u8>) {
        self.orders.send((to, bytes)).expect("the sender lives");
    }

    /// From the last sending until `at`, in microseconds.
    pub fn since(&self, at: Duration) -> f64 {
        (at.as_nanos() as f64 - self.sent.load(SeqCst) as f64) / 1e3
    }
}
