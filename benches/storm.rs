//! A fatal notice in a storm, from its trap's sending to the callback's entry; beside the same without a storm.
//!
//! Two storms: 200,000 datagrams a second of a stranger, which the kernel's filter keeps away once it is armed; and
//! small notices of the very BMC, as fast as an application may be told of them and acknowledged. One thread sends both
//! the storm and the fatal trap, on a core of its own; where it does not get that core for itself the storm is smaller, and
//! the figure says how large its smallest round was. Every one of the fatal notices must reach its callback: one that
//! does not ends the bench. No journal.
//! `cargo bench --bench storm`

#[path = "common/clock.rs"]
mod clock;
#[path = "common/figure.rs"]
mod figure;
#[path = "common/pin.rs"]
mod pin;
#[path = "common/site.rs"]
mod site;
#[path = "common/traps.rs"]
mod traps;

use bmcnotice::words::Class;
use bmcnotice::{Config, Context, Mode};
use clock::monotonic;
use figure::Sides;
use pin::pin;
use site::{free_address, text};
use std::mem::zeroed;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use traps::memory_pet;

/// Fatal notices in each storm, and as many without.
const SHOTS: u32 = 100;
/// Of both, in one round.
const SHOTS_PER_ROUND: u32 = 10;
/// After this one is lost.
const LOST: Duration = Duration::from_secs(5);
/// Datagrams of a stranger, a second.
const FOREIGN_RATE: u64 = 200_000;
/// Notices of the BMC itself, a second.
const OWN_RATE: u64 = 5_000;
/// How long a storm lasts before the first shot, and between two.
const BETWEEN: Duration = Duration::from_millis(20);
/// What a storm may make of the time without one.
const BUDGET: f64 = 2.0;

/// Datagrams of one system call.
const AT_ONCE: usize = 16;

/// Sends all, in order.
fn send_all(socket: &UdpSocket, datagrams: &[Vec<u8>], to: SocketAddr) {
    let SocketAddr::V4(to) = to else { panic!("IPv4 is what is listened at") };
    // SAFETY: all zero is an address of no family, and a header without buffers.
    let (mut address, mut headers): (libc::sockaddr_in, [libc::mmsghdr; AT_ONCE]) = unsafe { zeroed() };
    address.sin_family = libc::AF_INET as libc::sa_family_t;
    address.sin_port = to.port().to_be();
    address.sin_addr.s_addr = u32::from(*to.ip()).to_be();
    let mut slices = datagrams
        .iter()
        .map(|bytes| libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() })
        .collect::<Vec<_>>();
    for (header, slice) in headers.iter_mut().zip(&mut slices) {
        header.msg_hdr.msg_name = (&raw mut address).cast();
        header.msg_hdr.msg_namelen = size_of_val(&address) as u32;
        header.msg_hdr.msg_iov = slice;
        header.msg_hdr.msg_iovlen = 1;
    }
    // SAFETY: as many headers as there are slices, all of which live as long as the call.
    unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), slices.len() as u32, libc::MSG_DONTWAIT) };
}

/// The thread that sends: a storm, and when it is told to, one fatal trap.
struct Storm {
    rate: Arc<AtomicU64>,
    shot: Arc<AtomicU32>,
    sent: Arc<AtomicU64>,
    stormed: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Storm {
    fn start(to: SocketAddr, foreign: bool) -> Self {
        let (rate, shot) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU32::new(0)));
        let (sent, stormed, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)), Arc::default());
        let side = (rate.clone(), shot.clone(), sent.clone(), stormed.clone(), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            let (rate, shot, sent, stormed, over): (_, _, _, _, Arc<AtomicBool>) = side;
            pin(1);
            let bind = |ip| UdpSocket::bind((ip, 0)).expect("a socket");
            let bmc = bind(Ipv4Addr::LOCALHOST);
            let other = if foreign { bind(Ipv4Addr::new(127, 0, 0, 90)) } else { bind(Ipv4Addr::LOCALHOST) };
            for socket in [&bmc, &other] {
                socket.set_nonblocking(true).expect("a socket");
            }
            let (mut number, mut acknowledgement) = (0_u32, [0; 512]);
            let (mut begun, mut done) = (Instant::now(), 0_u64);
            let mut last = 0;
            let mut some: Vec<Vec<u8>> = (0..AT_ONCE as u32).map(|number| memory_pet(0, false, number)).collect();
            while !over.load(SeqCst) {
                let wanted = shot.swap(0, SeqCst);
                if wanted > 0 {
                    let trap = memory_pet(1, false, 0x0100_0000 + wanted);
                    sent.store(monotonic().as_nanos() as u64, SeqCst);
                    let _ = bmc.send_to(&trap, to);
                }
                let rate = rate.load(SeqCst);
                if rate != last {
                    (begun, done, last) = (Instant::now(), 0, rate);
                }
                let due = ((begun.elapsed().as_secs_f64() * rate as f64) as u64).saturating_sub(done);
                if due >= AT_ONCE as u64 {
                    if !foreign {
                        // A stranger's are refused unseen; the BMC's must differ.
                        some.iter_mut().for_each(|trap| {
                            number += 1;
                            *trap = memory_pet(0, false, number);
                        });
                    }
                    send_all(&other, &some, to);
                    done += AT_ONCE as u64;
                    stormed.fetch_add(AT_ONCE as u64, SeqCst);
                    while other.recv_from(&mut acknowledgement).is_ok() {}
                }
                while bmc.recv_from(&mut acknowledgement).is_ok() {}
            }
        });
        Self { rate, shot, sent, stormed, over, thread: Some(thread) }
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.over.store(true, SeqCst);
        self.thread.take().map(std::thread::JoinHandle::join);
    }
}

/// The context, and when its callback last heard of a fatal notice.
struct Ours {
    context: Context,
    entered: Arc<AtomicU64>,
}

impl Ours {
    fn new(at: SocketAddr) -> Self {
        let text = text(at, free_address(), free_address().port(), None, false);
        let context = Context::new(&Config::from_text(text, "bench.toml"), Mode::Loop);
        let context = context.unwrap_or_else(|error| panic!("{error}"));
        let entered = Arc::new(AtomicU64::new(0));
        let note = entered.clone();
        let callback = move |heard: &bmcnotice::Heard| {
            if heard.notice.class == Class::Fatal {
                note.store(monotonic().as_nanos() as u64, SeqCst);
            }
        };
        context.on_notice(Arc::new(callback)).unwrap_or_else(|error| panic!("{error}"));
        Self { context, entered }
    }

    fn turn(&self, wait: Duration) {
        if self.context.wait(Some(wait)).unwrap_or(false) {
            let _ = self.context.dispatch(64);
        }
    }

    fn for_a_while(&self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.turn(Duration::from_millis(1));
        }
    }

    fn shot(&self, storm: &Storm, number: u32) -> f64 {
        self.for_a_while(BETWEEN);
        self.entered.store(0, SeqCst);
        storm.shot.store(number, SeqCst);
        let end = Instant::now() + LOST;
        while self.entered.load(SeqCst) == 0 {
            assert!(Instant::now() < end, "fatal notice {number} did not reach its callback");
            self.turn(LOST);
        }
        (self.entered.load(SeqCst) as f64 - storm.sent.load(SeqCst) as f64) / 1e3
    }
}

fn main() {
    pin(0);
    for (name, foreign, rate) in [
        ("a fatal notice in a storm of strangers", true, FOREIGN_RATE),
        ("a fatal notice in a storm of its BMC's small ones", false, OWN_RATE),
    ] {
        let at = free_address();
        let ours = Ours::new(at);
        let storm = Storm::start(at, foreign);
        let (mut sides, mut number, mut slowest) = (Sides::default(), 0, f64::MAX);
        for _ in 0..SHOTS / SHOTS_PER_ROUND {
            let mut shots = || {
                (0..SHOTS_PER_ROUND)
                    .map(|_| {
                        number += 1;
                        ours.shot(&storm, number)
                    })
                    .collect::<Vec<_>>()
            };
            let idle = shots();
            storm.rate.store(rate, SeqCst);
            let (begun, before) = (Instant::now(), storm.stormed.load(SeqCst));
            let stormy = shots();
            let real = (storm.stormed.load(SeqCst) - before) as f64 / begun.elapsed().as_secs_f64();
            slowest = slowest.min(real);
            storm.rate.store(0, SeqCst);
            ours.for_a_while(BETWEEN);
            sides.round(stormy, idle);
        }
        let counted = ours.context.statistics().unwrap_or_else(|error| panic!("{error}"));
        eprintln!(
            "{name}: {SHOTS} of {SHOTS} heard at {slowest:.0} a second or more of {rate} wanted; {} read, {} kept away by the filter, {} lost",
            counted.datagrams, counted.filtered, counted.overflowed
        );
        let name = format!("{name}, {:.0} a second", slowest.min(rate as f64));
        sides.print(&name, "us", "the same without a storm", Some(BUDGET));
    }
}
