//! From a trap's sending to the callback's entry, in both modes, beside a bare receiver.
//!
//! Bare: poll, then recv. Ours: the context's `wait`, then `dispatch`, and the notice callback. Both
//! receive on the same thread and core, in turn; the sender has another core. Notices and not recoveries,
//! because after a recovery the machine must come to rest before it can be measured again: a
//! recovery's callback is entered by the same dispatch.
//! `cargo bench --bench callback`

#[path = "common/clock.rs"]
mod clock;
#[path = "common/figure.rs"]
mod figure;
#[path = "common/folder.rs"]
mod folder;
#[path = "common/pin.rs"]
mod pin;
#[path = "common/sender.rs"]
mod sender;
#[path = "common/site.rs"]
mod site;
#[path = "common/traps.rs"]
mod traps;

use bmcnotice::{Config, Context, Mode};
use clock::monotonic;
use figure::Sides;
use folder::Folder;
use pin::pin;
use sender::Sender;
use site::{free_address, text};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use traps::memory_pet;

const ROUNDS: usize = 81;
/// Traps of one side in one round.
const SHOTS: usize = 11;
/// After this a trap is lost.
const LOST: Duration = Duration::from_secs(1);
/// What ours should cost, of the bare receiver.
const GOALS: [(&str, Mode, bool, f64); 3] = [
    ("loop mode, journal on", Mode::Loop, true, 1.3),
    ("loop mode, journal off", Mode::Loop, false, 1.1),
    ("thread mode, journal off", Mode::Thread, false, 1.5),
];

/// The context, and when its callback was last entered.
struct Ours {
    context: Context,
    at: SocketAddr,
    entered: Arc<AtomicU64>,
    _folder: Option<Folder>,
}

impl Ours {
    fn new(mode: Mode, journal: bool) -> Self {
        let folder = journal.then(Folder::new);
        let at = free_address();
        let text = text(at, free_address(), free_address().port(), folder.as_ref().map(Folder::path), false);
        let config = Config::from_text(text, "bench.toml");
        let context = Context::new(&config, mode).unwrap_or_else(|error| panic!("{error}"));
        let entered = Arc::new(AtomicU64::new(0));
        let note = entered.clone();
        let callback = move |_: &bmcnotice::Heard| note.store(monotonic().as_nanos() as u64, SeqCst);
        context.on_notice(Arc::new(callback)).unwrap_or_else(|error| panic!("{error}"));
        Self { context, at, entered, _folder: folder }
    }

    fn shot(&self, sender: &Sender, number: u32) -> Option<f64> {
        self.entered.store(0, SeqCst);
        sender.send(self.at, memory_pet(0, false, number));
        let end = monotonic() + LOST;
        while self.entered.load(SeqCst) == 0 {
            if monotonic() > end {
                return None;
            }
            self.context.wait(Some(LOST)).ok()?;
            self.context.dispatch(16).ok()?;
        }
        Some(sender.since(Duration::from_nanos(self.entered.load(SeqCst))))
    }
}

fn bare(socket: &UdpSocket, sender: &Sender, number: u32) -> Option<f64> {
    sender.send(socket.local_addr().ok()?, memory_pet(0, false, number));
    let mut fd = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, ours.
    unsafe { libc::poll(&mut fd, 1, LOST.as_millis() as i32) };
    let mut buffer = [0; 2048];
    socket.recv_from(&mut buffer).ok()?;
    Some(sender.since(monotonic()))
}

fn main() {
    pin(0);
    let sender = Sender::start(1);
    let socket = UdpSocket::bind(free_address()).expect("a socket");
    socket.set_nonblocking(true).expect("a socket");
    let contexts = GOALS.map(|(_, mode, journal, _)| Ours::new(mode, journal));
    let mut sides = [Sides::default(), Sides::default(), Sides::default()];
    let mut number = 0;
    let mut next = || {
        number += 1;
        number
    };
    for round in 0..=ROUNDS {
        for (ours, sides) in contexts.iter().zip(&mut sides) {
            let (mut a, mut b) = (Vec::new(), Vec::new());
            for _ in 0..SHOTS {
                a.extend(ours.shot(&sender, next()));
                b.extend(bare(&socket, &sender, next()));
            }
            if round > 0 {
                sides.round(a, b); // the first warms up
            }
        }
    }
    for ((how, _, _, goal), sides) in GOALS.into_iter().zip(sides) {
        sides.print_goal(&format!("trap to callback, {how}"), "us", "bare receiver", goal);
    }
}
