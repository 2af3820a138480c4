//! The highest rate of wanted traps at which the kernel loses none, with a queue of 8 MiB, beside a bare recvmmsg loop.
//!
//! Both receive on one core, in turn; the sender has another. The rate grows from step to step until something is lost
//! or the sender cannot send faster, which on two cores comes first: the figure is the time between two traps at that rate.
//! No journal.
//! `cargo bench --bench rate`

#[path = "common/bare.rs"]
mod bare;
#[path = "common/figure.rs"]
mod figure;
#[path = "common/pin.rs"]
mod pin;
#[path = "common/site.rs"]
mod site;
#[path = "common/traps.rs"]
mod traps;

use bare::{Batch, with_queue};
use bmcnotice::{Config, Context, Mode};
use figure::Sides;
use pin::pin;
use site::{free_address, text};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use traps::vendor;

const ROUNDS: usize = 5;
/// Different traps; more than are remembered, so that each is new when it comes again.
const TRAPS: u32 = 1 << 14;
/// The first step, in traps a second, and what each later one is of the one before.
const FIRST: f64 = 80_000.0;
const STEP: f64 = 1.2;
/// How long a step lasts: longer than a queue can hide that its reader is too slow.
const TIME: Duration = Duration::from_millis(800);
/// A sender that reaches less of what it is to send can no more.
const REACHED: f64 = 0.97;
/// Octets of the queue, as our own socket asks for them.
const QUEUE: i32 = 8 << 20;
/// Behind a step the queue is read until nothing has come for so long.
const QUIET: Duration = Duration::from_millis(20);
/// The bare loop's rate may be higher than ours by a tenth.
const GOAL: f64 = 1.0 / 0.9;

/// Sends at this rate from a core of its own; how many, and how many a second.
fn send(to: SocketAddr, rate: f64, traps: &[Vec<u8>], sent: &AtomicU64) -> f64 {
    pin(1);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let (begun, mut count) = (Instant::now(), 0_u64);
    while begun.elapsed() < TIME {
        if (begun.elapsed().as_secs_f64() * rate) as u64 > count {
            // A datagram that the queue has no room for is lost behind our back: this says that it was sent.
            let _ = socket.send_to(&traps[count as usize % traps.len()], to);
            count += 1;
        }
    }
    sent.store(count, SeqCst);
    count as f64 / begun.elapsed().as_secs_f64()
}

/// The highest rate at which `read` reads all; it reads what there is, and says how many it has read since the last time.
fn highest(to: SocketAddr, traps: &[Vec<u8>], mut read: impl FnMut() -> u64) -> f64 {
    let (mut rate, mut best) = (FIRST, 0.0);
    loop {
        let (sent, over) = (AtomicU64::new(0), AtomicBool::new(false));
        let mut came = 0;
        let reached = std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let reached = send(to, rate, traps, &sent);
                over.store(true, SeqCst);
                reached
            });
            let mut last = Instant::now();
            while !over.load(SeqCst) || last.elapsed() < QUIET {
                let some = read();
                if some > 0 {
                    last = Instant::now();
                }
                came += some;
            }
            sender.join().expect("it sends")
        });
        if came < sent.load(SeqCst) {
            return best;
        }
        best = f64::max(best, reached);
        if reached < REACHED * rate {
            return best;
        }
        rate *= STEP;
    }
}

fn main() {
    pin(0);
    let (at, beside) = (free_address(), with_queue(free_address(), QUEUE));
    let config = Config::from_text(text(at, free_address(), free_address().port(), None, false), "bench.toml");
    let context = Context::new(&config, Mode::Loop).unwrap_or_else(|error| panic!("{error}"));
    let heard = Arc::new(AtomicU64::new(0));
    let count = heard.clone();
    context.on_notice(Arc::new(move |_| _ = count.fetch_add(1, SeqCst))).unwrap_or_else(|error| panic!("{error}"));
    let traps: Vec<Vec<u8>> = (0..TRAPS).map(vendor).collect();
    let (mut sides, mut batch) = (Sides::default(), Batch::new());
    let counted = || context.statistics().unwrap_or_else(|error| panic!("{error}"));
    for _ in 0..ROUNDS {
        let mut before = heard.load(SeqCst) + counted().shed;
        let ours = highest(at, &traps, || {
            if context.wait(Some(Duration::from_millis(1))).unwrap_or(false) {
                let _ = context.dispatch(64);
            }
            let now = heard.load(SeqCst) + counted().shed;
            now - core::mem::replace(&mut before, now)
        });
        let other = highest(beside.local_addr().expect("its address"), &traps, || batch.drain(&beside) as u64);
        if ours > 0.0 && other > 0.0 {
            sides.round(vec![1e6 / ours], vec![1e6 / other]);
        }
    }
    sides.print_goal("between two traps at the highest rate without a loss", "us", "bare recvmmsg", GOAL);
}
