//! The LAN link: what one authenticated exchange costs us, what opening a session takes beside ipmitool and FreeIPMI, and
//! what an idle link holds in memory.
//!
//! The tools and ours do the same job over one relay, which counts datagrams and takes the time from the first to the
//! last one, so that starting a process costs the tools nothing. `cargo bench --bench link --features sim`

#[path = "common/figure.rs"]
mod figure;
#[path = "common/pin.rs"]
mod pin;
#[path = "common/thread.rs"]
mod thread;
#[path = "common/wire.rs"]
mod wire;

use bmcnotice::bmc::link::{Link, Output, Status, Ticket, Urgency};
use bmcnotice::config::model::Privilege;
use bmcnotice::crypto::Random;
use bmcnotice::io::simulate::SimulatedBmc;
use bmcnotice::now::Now;
use bmcnotice::sim::{self, Bmc, Options};
use bmcnotice::wire::command::CHASSIS_STATUS;
use bmcnotice::wire::ipmi::Request;
use figure::Sides;
use pin::pin;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use thread::{cpu, held, ours};
use wire::{LOCAL, Wire, identity, login, tool};

/// Exchanges of one round.
const EXCHANGES: u32 = 500;
const ROUNDS: usize = 41;
/// Sessions of each side.
const SESSIONS: usize = 15;
/// Idle links that are weighed together.
const LINKS: usize = 200;
/// CPU of one exchange, in microseconds.
const EXCHANGE: f64 = 15.0;
/// Memory of an idle link, in KiB.
const IDLE: f64 = 8.0;

/// The BMC shares our core: to wake another one takes an interrupt, which nobody pays whose BMC is a network away.
fn exchange() {
    pin(0);
    let bmc = SimulatedBmc::start(LOCAL.into(), Options::default(), None).expect("a simulated BMC");
    let mut wire = Wire::new(bmc.address(), Privilege::Operator);
    wire.up();
    let (mut sides, mut all) = (Sides::default(), Sides::default());
    for round in 0..=ROUNDS {
        let before = cpu();
        let took = (0..EXCHANGES).map(|_| wire.ask()).sum::<f64>() / f64::from(EXCHANGES);
        let waiting = (cpu() - before) / f64::from(EXCHANGES);
        if round > 0 {
            sides.round(vec![took], vec![EXCHANGE]);
            all.round(vec![waiting], vec![EXCHANGE]);
        }
    }
    sides.print("CPU for one authenticated exchange, sending and receiving included", "us", "its budget", Some(1.0));
    all.print("the same with a sleep and a wake-up for its answer alone", "us", "its budget", None);
}

/// Datagrams that went through a relay, and when the first and the last one did.
#[derive(Default)]
struct Passed(Mutex<(u32, Option<(Instant, Instant)>)>);

impl Passed {
    fn one(&self) {
        let (now, mut passed) = (Instant::now(), self.0.lock().expect("the count"));
        passed.0 += 1;
        passed.1 = Some((passed.1.map_or(now, |(first, _)| first), now));
    }

    /// How many, and how long in microseconds.
    fn take(&self) -> (f64, f64) {
        let (count, times) = std::mem::take(&mut *self.0.lock().expect("the count"));
        let took = times.map_or(Duration::ZERO, |(first, last)| last - first);
        (f64::from(count), took.as_secs_f64() * 1e6)
    }
}

/// Hands on between one client at a time and the BMC.
fn relay(bmc: SocketAddr) -> (SocketAddr, Arc<Passed>) {
    let (front, back) = (UdpSocket::bind(LOCAL).expect("a socket"), UdpSocket::bind(LOCAL).expect("a socket"));
    let address = front.local_addr().expect("its address");
    back.connect(bmc).expect("connected");
    let passed = Arc::new(Passed::default());
    let client = Arc::new(Mutex::new(None));
    let (out, answers, count, to) =
        (front.try_clone().expect("a socket"), back.try_clone().expect("a socket"), passed.clone(), client.clone());
    std::thread::spawn(move || {
        let mut bytes = [0; 2048];
        while let Ok(length) = answers.recv(&mut bytes) {
            if let Some(to) = *to.lock().expect("the client") {
                count.one();
                let _ = out.send_to(&bytes[..length], to);
            }
        }
    });
    let count = passed.clone();
    std::thread::spawn(move || {
        let mut bytes = [0; 2048];
        while let Ok((length, from)) = front.recv_from(&mut bytes) {
            *client.lock().expect("the client") = Some(from);
            count.one();
            let _ = back.send(&bytes[..length]);
        }
    });
    (address, passed)
}

/// Open, Get Chassis Status, close: by us.
fn our_session(to: SocketAddr) {
    let mut wire = Wire::new(to, Privilege::Operator);
    wire.up();
    wire.ask();
    wire.link.stop(wire.now());
    wire.drain();
    let _ = wire.socket.recv(&mut [0; 512]); // the answer to our goodbye counts, too
}

fn sessions(bmc: SocketAddr) {
    let (to, passed) = relay(bmc);
    let pause = || std::thread::sleep(Duration::from_millis(20)); // what still comes is counted
    for name in ["ipmitool", "ipmi-chassis"] {
        let Some(mut command) = tool(name, to, "a session") else { continue };
        let (mut packets, mut time) = (Sides::default(), Sides::default());
        for _ in 0..SESSIONS {
            passed.take();
            our_session(to);
            pause();
            let (our_packets, our_time) = passed.take();
            assert!(command.status().is_ok_and(|status| status.success()), "{name} succeeds");
            pause();
            let (its_packets, its_time) = passed.take();
            packets.round(vec![our_packets], vec![its_packets]);
            time.round(vec![our_time], vec![its_time]);
        }
        packets.print("a session for one command: packets", "", name, Some(0.99));
        time.print("a session for one command: first to last packet", "us", name, Some(1.0));
    }
}

/// Links that are up and idle, each with a BMC of its own, in virtual time.
fn idle() {
    let from: SocketAddr = "192.0.2.1:50000".parse().expect("an address");
    let mut now = Now { boottime: Duration::from_secs(1), wall: Duration::from_secs(1) };
    let mut links: Vec<Box<Link>> = Vec::with_capacity(LINKS);
    let mut bmcs: Vec<Bmc> = (0..LINKS).map(|n| Bmc::new(Options::default(), [n as u8; 32])).collect();
    for n in 0..LINKS {
        links.push(ours(|| {
            Box::new(Link::new(login(Privilege::Operator), identity(), Random::from_seed([n as u8; 32])))
        }));
        ours(|| links[n].start(now));
    }
    // For an hour, so that what grows with use has grown.
    for second in 0..3600 {
        now = now.after(Duration::from_secs(1));
        for (link, bmc) in links.iter_mut().zip(&mut bmcs) {
            ours(|| link.handle_timeout(now));
            if second % 10 == 5 {
                let read = ours(|| Request::new(CHASSIS_STATUS, []));
                ours(|| link.submit(now, Ticket(second), Urgency::Normal, read));
            }
            while let Some(output) = ours(|| link.poll_output()) {
                if let Output::Send(bytes) = &output {
                    bmc.handle_datagram(now, from, bytes);
                }
                ours(|| drop(output));
                while let Some(output) = bmc.poll_output() {
                    if let sim::Output::Send { bytes, .. } = output {
                        ours(|| link.handle_datagram(now, &bytes));
                    }
                }
            }
        }
    }
    assert!(links.iter().all(|link| matches!(link.status(), Status::Up { .. })), "they are up");
    let mut sides = Sides::default();
    sides.round(vec![held() / LINKS as f64], vec![IDLE]);
    sides.print("memory of an idle link", "KiB", "its budget", Some(1.0));
}

fn main() {
    // On a thread of its own, so that what follows may use all cores.
    std::thread::spawn(exchange).join().expect("the exchanges");
    let bmc = SimulatedBmc::start(LOCAL.into(), Options::default(), None).expect("a simulated BMC");
    sessions(bmc.address());
    idle();
}
