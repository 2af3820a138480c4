//! CPU time of the receiving thread for every wanted trap: receive, decode, verify, know repetitions,
//! call back; beside a bare recvmmsg loop. Both drain queues that were filled before, by the same traps.
//!
//! Of three kinds of trap: a vendor's, which asks for no answer; a PET, which is acknowledged twice; an Inform with its
//! response. The bare loop answers as often, with datagrams of the same size. No journal.
//! Then a stranger's datagram while the kernel's filter keeps such away, by all that were sent; and a trap of thousands of
//! varbinds, from its octets to the notice.
//! `cargo bench --bench cpu`

#[path = "common/bare.rs"]
mod bare;
#[path = "common/figure.rs"]
mod figure;
#[path = "common/site.rs"]
mod site;
#[path = "common/traps.rs"]
mod traps;

use bare::{Batch, with_queue};
use bmcnotice::notice::Reception;
use bmcnotice::now::Now;
use bmcnotice::wire::oid::OidBuf;
use bmcnotice::wire::snmp::{Value, Varbind, emit_inform, emit_trap_v2c};
use bmcnotice::{Config, Context, Mode};
use figure::Sides;
use site::{free_address, text};
use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};
use traps::{memory_pet, vendor};

/// Traps of one side in one round: what a socket's queue of a megabyte surely holds.
const TRAPS: usize = 1_000;
/// Of both kinds together these make 200,000 on each side.
const ROUNDS: usize = 101;

/// What the largest trap may cost, in microseconds.
const LARGE_BUDGET: f64 = 200.0;
/// What a wanted trap should cost, of the bare loop.
const WANTED_GOAL: f64 = 1.25;
/// What an Inform and its response should cost, in microseconds.
const INFORM_BUDGET: f64 = 5.0;
/// What a stranger's datagram may cost, of the bare loop.
const FOREIGN_BUDGET: f64 = 0.05;
/// An address that nobody configured.
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 90);
/// Their datagrams in one round.
const FLOOD: usize = 8 * TRAPS;
/// Rounds that the filter needs to be armed, and its queue to be read.
const ARMED_BY: usize = 5;

/// Makes a trap of this number.
type Kind = fn(u32) -> Vec<u8>;

/// A vendor's trap as an Inform of SNMPv2c.
fn inform(number: u32) -> Vec<u8> {
    let oid = |text| OidBuf::from_dotted(text).expect("an OID");
    let (name, variable) = (oid("1.3.6.1.4.1.674.10892.5.3.2.1.0.2155"), oid("1.3.6.1.4.1.674.10892.5.3.1.2.0"));
    let text = format!("The system board fan {number} is operating less than the lower threshold.");
    let varbind = Varbind { name: variable.as_oid(), value: Value::OctetString(text.as_bytes()) };
    let mut bytes = Vec::new();
    emit_inform(b"public", number as i32, number, name.as_oid(), &[varbind], &mut bytes);
    bytes
}

fn pets(number: u32) -> Vec<u8> {
    memory_pet(0, false, number)
}

/// CPU time of this thread.
fn cpu_time() -> Duration {
    let mut at = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec; this clock exists.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut at) };
    Duration::new(at.tv_sec as u64, at.tv_nsec as u32)
}

/// CPU microseconds of this thread for one of what `work` counts.
fn spent(work: impl FnOnce() -> usize) -> Option<f64> {
    let before = cpu_time();
    let count = work();
    let spent = cpu_time() - before;
    (count > TRAPS / 2).then(|| spent.as_secs_f64() * 1e6 / count as f64)
}

fn main() {
    let (at, beside) = (free_address(), with_queue(free_address(), 1 << 20));
    let to_beside = beside.local_addr().expect("its address");
    let mut batch = Batch::new();
    let text = text(at, free_address(), free_address().port(), None, false);
    let config = Config::from_text(text, "bench.toml");
    let context = Context::new(&config, Mode::Loop).unwrap_or_else(|error| panic!("{error}"));
    let heard = Arc::new(AtomicUsize::new(0));
    let count = heard.clone();
    context.on_notice(Arc::new(move |_| _ = count.fetch_add(1, SeqCst))).unwrap_or_else(|error| panic!("{error}"));

    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    sender.set_nonblocking(true).expect("a socket");
    // The last: how often it is answered, with how many octets.
    let kinds: [(&str, Kind, (usize, usize)); 3] = [
        ("a vendor's trap", vendor, (0, 0)),
        ("a PET, acknowledged twice", pets, (2, 33)),
        ("an Inform, answered", inform, (1, inform(1).len())),
    ];
    let mut sides = [Sides::default(), Sides::default(), Sides::default()];
    let mut answered = Sides::default();
    let mut number = 0;
    let mut acknowledgement = [0; 512];
    for round in 0..=ROUNDS {
        for ((kind, trap, answers), sides) in kinds.iter().zip(&mut sides) {
            for _ in 0..TRAPS {
                number += 1;
                let trap = trap(number);
                let _ = (sender.send_to(&trap, at), sender.send_to(&trap, to_beside)); // what is lost is not counted
            }
            heard.store(0, SeqCst);
            let ours = spent(|| {
                while context.wait(Some(Duration::ZERO)).unwrap_or(false) {
                    let _ = context.dispatch(64);
                }
                heard.load(SeqCst)
            });
            batch.answers = *answers;
            let other = spent(|| batch.drain(&beside));
            while sender.recv_from(&mut acknowledgement).is_ok() {}
            if round > 0 {
                if *kind == "an Inform, answered" {
                    answered.round(ours.into_iter().collect(), vec![INFORM_BUDGET]);
                }
                sides.round(ours.into_iter().collect(), other.into_iter().collect()); // the first warms up
            }
        }
    }
    for ((kind, ..), sides) in kinds.iter().zip(sides) {
        sides.print_goal(&format!("CPU for one wanted trap, {kind}"), "us", "bare recvmmsg, answering", WANTED_GOAL);
    }
    answered.print_goal("CPU for one Inform, from its receipt to its response", "us", "its goal", 1.0);
    batch.answers = (0, 0);
    strangers(&context, &mut batch, &beside, at);
    large();
}

/// The filter is armed by a flood; then each round is a flood of its own.
fn strangers(context: &Context, batch: &mut Batch, beside: &UdpSocket, at: SocketAddr) {
    let to_beside = beside.local_addr().expect("its address");
    let sender = UdpSocket::bind((STRANGER, 0)).expect("a socket");
    let mut sides = Sides::default();
    let trap = vendor(1);
    for round in 0..=ROUNDS {
        for n in 0..FLOOD {
            let _ = sender.send_to(&trap, at);
            if n < TRAPS {
                let _ = sender.send_to(&trap, to_beside);
            }
        }
        let ours = spent(|| {
            while context.wait(Some(Duration::ZERO)).unwrap_or(false) {
                let _ = context.dispatch(64);
            }
            FLOOD
        });
        let other = spent(|| batch.drain(beside));
        if round > ARMED_BY {
            sides.round(ours.into_iter().collect(), other.into_iter().collect());
        }
    }
    let counted = context.statistics().unwrap_or_else(|error| panic!("{error}"));
    assert!(counted.filtered > (FLOOD * ROUNDS / 2) as u64, "the filter was not armed");
    sides.print("CPU for one foreign datagram, filter armed", "us", "bare recvmmsg", Some(FOREIGN_BUDGET));
}

/// A trap of thousands of varbinds that fills a datagram.
fn large_trap() -> (usize, Vec<u8>) {
    let oid = |text: &str| OidBuf::from_dotted(text).expect("an OID");
    let names: Vec<OidBuf> = (0..3_800).map(|n| oid(&format!("1.3.6.1.4.1.674.1.{n}"))).collect();
    let varbinds: Vec<Varbind<'_>> =
        names.iter().map(|name| Varbind { name: name.as_oid(), value: Value::Integer(7) }).collect();
    let mut bytes = Vec::new();
    emit_trap_v2c(b"public", 1, 7, oid("1.3.6.1.4.1.674.1.0.1").as_oid(), &varbinds, &mut bytes);
    assert!((60_000..65_507).contains(&bytes.len()), "{}", bytes.len());
    (names.len(), bytes)
}

/// From its octets to the notice, each time a new one.
fn large() {
    let at = free_address();
    let text = text(at, free_address(), free_address().port(), None, false);
    let cluster = Config::from_text(text, "bench.toml").cluster().unwrap_or_else(|error| panic!("{error}"));
    let (mut reception, (count, trap)) = (Reception::new(&cluster), large_trap());
    let from = (Ipv4Addr::LOCALHOST, 162).into();
    let mut sides = Sides::default();
    for round in 0..ROUNDS as u64 {
        // Behind the time for which an equal trap is a repetition.
        let now = Now { boottime: Duration::from_secs(100 * round), wall: Duration::from_secs(100 * round) };
        let start = Instant::now();
        let received = black_box(reception.handle_datagram(now, from, black_box(&trap)));
        let took = start.elapsed().as_secs_f64() * 1e6;
        assert!(received.is_ok_and(|received| !received.repeated), "a new notice");
        sides.round(vec![took], vec![LARGE_BUDGET]);
    }
    sides.print(&format!("a trap of {count} varbinds to its notice"), "us", "its budget", Some(1.0));
}
