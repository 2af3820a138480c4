//! A bad network between a client and a BMC: a relay that loses, doubles, delays and so swaps datagrams, or lets none through.
//!
//! Kernels in containers often lack netem. What the dice say is repeatable; what they fall on is not, time being real.

use crate::dice::Dice;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What happens to a datagram, in either direction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// In a hundred.
    pub lost: u64,
    pub doubled: u64,
    /// Each copy of it by itself.
    pub delay: Duration,
    /// Nothing passes.
    pub cut: bool,
}

/// What has happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    pub datagrams: u64,
    pub lost: u64,
    pub doubled: u64,
    /// It arrived behind one that was sent later.
    pub swapped: u64,
}

#[derive(Default)]
struct Shared {
    weather: Mutex<Weather>,
    passed: Mutex<Passed>,
    over: AtomicBool,
}

pub struct Relay {
    /// Where clients find the BMC.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    pub fn new(bmc: SocketAddr, weather: Weather, seed: u64) -> Self {
        let front = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (address, shared) = (front.local_addr().unwrap(), Arc::new(Shared::default()));
        *shared.weather.lock().unwrap() = weather;
        let works = shared.clone();
        let thread = Some(thread::spawn(move || Wire::new(front, bmc, seed).run(&works)));
        Self { address, shared, thread }
    }

    pub fn set(&self, weather: Weather) {
        *self.shared.weather.lock().unwrap() = weather;
    }

    pub fn passed(&self) -> Passed {
        *self.shared.passed.lock().unwrap()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.over.store(true, SeqCst);
        let ended = self.thread.take().map(JoinHandle::join);
        if !thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}

/// A datagram under way: due when, sent as the how manieth, of which client, to it or from it.
type Flying = Reverse<(Instant, u64, SocketAddr, bool, Vec<u8>)>;

struct Wire {
    front: UdpSocket,
    bmc: SocketAddr,
    /// Towards the BMC each client has a socket of its own.
    backs: HashMap<SocketAddr, UdpSocket>,
    flying: BinaryHeap<Flying>,
    dice: Dice,
    sent: u64,
    /// The youngest that has arrived, of each client and direction.
    arrived: HashMap<(SocketAddr, bool), u64>,
}

/// How exact its delays are.
const STEP: Duration = Duration::from_millis(1);

fn receive(socket: &UdpSocket) -> Option<(SocketAddr, Vec<u8>)> {
    let mut bytes = [0; 2048];
    match socket.recv_from(&mut bytes) {
        Ok((length, from)) => Some((from, bytes[..length].to_vec())),
        // Nobody listens there: the network says so, and a BMC that is away says nothing.
        Err(error) => {
            let nothing = [ErrorKind::WouldBlock, ErrorKind::TimedOut, ErrorKind::ConnectionRefused];
            assert!(nothing.contains(&error.kind()), "{error}");
            None
        }
    }
}

impl Wire {
    fn new(front: UdpSocket, bmc: SocketAddr, seed: u64) -> Self {
        front.set_read_timeout(Some(STEP)).unwrap();
        let (backs, arrived) = (HashMap::new(), HashMap::new());
        Self { front, bmc, backs, flying: BinaryHeap::new(), dice: Dice::new(seed), sent: 0, arrived }
    }

    fn run(mut self, shared: &Shared) {
        while !shared.over.load(SeqCst) {
            if let Some((client, bytes)) = receive(&self.front) {
                self.take(shared, client, false, &bytes);
            }
            let clients: Vec<SocketAddr> = self.backs.keys().copied().collect();
            for client in clients {
                while let Some((_, bytes)) = self.backs.get(&client).and_then(receive) {
                    self.take(shared, client, true, &bytes);
                }
            }
            self.deliver(shared);
        }
    }

    fn take(&mut self, shared: &Shared, client: SocketAddr, to_client: bool, bytes: &[u8]) {
        let weather = *shared.weather.lock().unwrap();
        let mut passed = shared.passed.lock().unwrap();
        passed.datagrams += 1;
        if weather.cut || self.dice.percent(weather.lost) {
            passed.lost += 1;
            return;
        }
        let doubled = self.dice.percent(weather.doubled);
        passed.doubled += u64::from(doubled);
        for _ in 0..=u8::from(doubled) {
            self.sent += 1;
            let due = Instant::now() + self.dice.up_to(weather.delay);
            self.flying.push(Reverse((due, self.sent, client, to_client, bytes.to_vec())));
        }
    }

    fn deliver(&mut self, shared: &Shared) {
        while self.flying.peek().is_some_and(|Reverse((due, ..))| *due <= Instant::now()) {
            let Some(Reverse((_, place, client, to_client, bytes))) = self.flying.pop() else { return };
            let youngest = self.arrived.entry((client, to_client)).or_default();
            shared.passed.lock().unwrap().swapped += u64::from(place < *youngest);
            *youngest = place.max(*youngest);
            if to_client {
                let _ = self.front.send_to(&bytes, client); // who has left needs no answer
                continue;
            }
            let back = self.backs.entry(client).or_insert_with(|| {
                let back = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                back.set_nonblocking(true).unwrap();
                back
            });
            let _ = back.send_to(&bytes, self.bmc);
        }
    }
}
