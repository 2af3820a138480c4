//! A sender on a core of its own that notes when it sends.

use super::clock::monotonic;
use super::pin::pin;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::Duration;

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
