//! From a fatal trap's sending to *started* at the simulated BMC, over a warm LAN link (cipher suite 17),
//! beside a bare UDP relay: sender, relay thread, third socket. Both wake two threads; ours decodes,
//! writes a journal, encrypts and decrypts on the way. The receiving thread has one core, the sender and
//! the BMC the other, and so have the bare ones.
//!
//! Then, a few times, beside snmptrapd with a traphandle that calls ipmitool, against the same BMC.
//! `cargo bench --bench started --features sim`

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

use bmcnotice::io::simulate::{OnEvent, SimulatedBmc};
use bmcnotice::sim::{self, Event, Handshaking};
use bmcnotice::wire::sel;
use bmcnotice::{Answer, Config, Context, Mode, Stage};
use clock::monotonic;
use figure::Sides;
use folder::Folder;
use pin::pin;
use sender::Sender;
use site::{free_address, text};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use traps::{GUID, memory_pet};

const ROUNDS: usize = 41;
/// Traps of one side in one round.
const SHOTS: usize = 7;
/// Of snmptrapd and ipmitool.
const PROCESSES: usize = 7;
/// After this a trap, or what should follow from it, is lost.
const LOST: Duration = Duration::from_secs(3);
/// What ours may cost, of the bare relay.
const BUDGET: f64 = 1.5;
/// The same where the BMC is asked first: 1.5 for the trap and for each of the two exchanges about its log.
const PROVEN: f64 = 4.5;
/// Records that the BMC's log takes: two for every shot.
const LOG: usize = 60_000;

/// A simulated BMC, and when it last heard *started*.
struct Board {
    bmc: SimulatedBmc,
    started: Arc<AtomicU64>,
}

impl Board {
    fn new() -> Self {
        let started = Arc::new(AtomicU64::new(0));
        let note = started.clone();
        let heard: Arc<OnEvent> = Arc::new(move |happened| {
            if matches!(happened.event, Event::RecoveryStarted { .. }) {
                note.store(monotonic().as_nanos() as u64, SeqCst);
            }
        });
        let options = sim::Options { guid: GUID, sel_capacity: LOG, ..sim::Options::default() };
        let bmc = SimulatedBmc::start((Ipv4Addr::LOCALHOST, 0).into(), options, Some(heard)).expect("a simulated BMC");
        Self { bmc, started }
    }

    /// When, if since the last look.
    fn heard(&self) -> Option<Duration> {
        let at = self.started.swap(0, SeqCst);
        (at != 0).then(|| Duration::from_nanos(at))
    }
}

/// Whether `done` came true while `step` was repeated.
fn until(mut done: impl FnMut() -> bool, mut step: impl FnMut()) -> bool {
    let end = monotonic() + LOST;
    while !done() {
        if monotonic() > end {
            return false;
        }
        step();
    }
    true
}

struct Ours {
    board: Board,
    context: Context,
    at: SocketAddr,
    waits: Arc<AtomicBool>,
    closed: Arc<AtomicBool>,
    /// The BMC has to show the event in its log.
    proven: bool,
    _folder: Folder,
}

impl Ours {
    fn new(proven: bool) -> Self {
        pin(1);
        let board = Board::new();
        pin(0);
        let (folder, at) = (Folder::new(), free_address());
        let text = text(at, board.bmc.address(), free_address().port(), Some(folder.path()), false);
        let text = if proven { text.replace("trust = \"address\"", "trust = \"corroborated\"") } else { text };
        let config = Config::from_text(text, "bench.toml");
        let context = Context::new(&config, Mode::Loop).unwrap_or_else(|error| panic!("{error}"));
        let (waits, closed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (is_waiting, is_closed) = (waits.clone(), closed.clone());
        let progress = move |progress: &bmcnotice::Progress| match progress.stage {
            Stage::AwaitingReset => is_waiting.store(true, SeqCst),
            Stage::Closed(_) => is_closed.store(true, SeqCst),
            _ => {}
        };
        context.on_recovery(None, Arc::new(|_| Answer::Done)).unwrap_or_else(|error| panic!("{error}"));
        context.on_progress(Arc::new(progress)).unwrap_or_else(|error| panic!("{error}"));
        let ours = Self { board, context, at, waits, closed, proven, _folder: folder };
        let armed = || ours.board.bmc.with(|bmc, _| bmc.handshaking() == Handshaking::Armed);
        assert!(until(armed, || ours.turn()), "the simulated BMC is armed");
        ours
    }

    fn turn(&self) {
        let _ = self.context.wait(Some(Duration::from_millis(100)));
        self.context.dispatch(64).unwrap_or_else(|error| panic!("{error}"));
    }

    /// The BMC writes the event of the next trap into its log, as BMCs do before they send it.
    fn log(&self, over: bool) {
        if self.proven {
            let event_type = 0x6F | u8::from(over) << 7;
            let record = sel::Record([0, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, 0x0C, 0x20, event_type, 0x61, 0xFF, 0xFF]);
            let added = self.board.bmc.with(|bmc, now| bmc.command(now, &record.add()).completion);
            assert_eq!(added, 0, "the log takes it");
        }
    }

    /// One recovery, from its trap to the machine's rest.
    fn shot(&self, sender: &Sender, number: u32) -> Option<f64> {
        self.waits.store(false, SeqCst);
        self.closed.store(false, SeqCst);
        self.board.heard();
        self.log(false);
        sender.send(self.at, memory_pet(1, false, number));
        let ended = until(|| self.waits.load(SeqCst), || self.turn());
        let took = self.board.heard().map(|at| sender.since(at));
        self.log(true);
        sender.send(self.at, memory_pet(1, true, number));
        let rests = until(|| self.closed.load(SeqCst), || self.turn());
        assert!(ended && rests, "a recovery comes to its end");
        took
    }
}

/// Sender, relay, third socket.
struct Bare {
    relay: UdpSocket,
    third: SocketAddr,
    arrived: Arc<AtomicU64>,
}

fn readable(socket: &UdpSocket) -> bool {
    let mut fd = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, ours.
    unsafe { libc::poll(&mut fd, 1, LOST.as_millis() as i32) > 0 }
}

impl Bare {
    fn new() -> Self {
        let socket = || {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
            socket.set_nonblocking(true).expect("a socket");
            socket
        };
        let (relay, third) = (socket(), socket());
        let address = third.local_addr().expect("its address");
        let arrived = Arc::new(AtomicU64::new(0));
        let note = arrived.clone();
        std::thread::spawn(move || {
            pin(1);
            let mut buffer = [0; 2048];
            loop {
                readable(&third);
                if third.recv_from(&mut buffer).is_ok() {
                    note.store(monotonic().as_nanos() as u64, SeqCst);
                }
            }
        });
        Self { relay, third: address, arrived }
    }

    fn shot(&self, sender: &Sender, number: u32) -> Option<f64> {
        self.arrived.store(0, SeqCst);
        sender.send(self.relay.local_addr().ok()?, memory_pet(1, false, number));
        let mut buffer = [0; 2048];
        readable(&self.relay);
        let (length, _) = self.relay.recv_from(&mut buffer).ok()?;
        self.relay.send_to(&buffer[..length], self.third).ok()?;
        let arrived = until(|| self.arrived.load(SeqCst) != 0, || std::thread::sleep(Duration::from_micros(50)));
        arrived.then(|| sender.since(Duration::from_nanos(self.arrived.load(SeqCst))))
    }
}

/// What people have today: a process for every trap, and one more for every word to the BMC.
struct Processes {
    board: Board,
    snmptrapd: Child,
    at: SocketAddr,
    _folder: Folder,
}

impl Processes {
    fn new() -> Option<Self> {
        let there = |program: &str| {
            let paths = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&paths).any(|folder| folder.join(program).exists())
        };
        for program in ["snmptrapd", "ipmitool"] {
            if !there(program) {
                println!("skipped: trap to started beside snmptrapd and ipmitool: {program} is not installed");
                return None;
            }
        }
        let (board, folder, at) = (Board::new(), Folder::new(), free_address());
        let (script, settings) = (folder.path().join("handle"), folder.path().join("snmptrapd.conf"));
        let to = board.bmc.address();
        let ipmitool = format!(
            "IPMI_PASSWORD=password exec ipmitool -E -I lanplus -C 17 -U admin -H {} -p {} raw 0x30 0x70 0x01",
            to.ip(),
            to.port()
        );
        std::fs::write(&script, format!("#!/bin/sh\ncat > /dev/null\n{ipmitool} > /dev/null 2>&1\n")).ok()?;
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).ok()?;
        let rule = format!("authCommunity execute public\ntraphandle default {}\n", script.display());
        std::fs::write(&settings, rule).ok()?;
        let snmptrapd = Command::new("snmptrapd")
            .args(["-f", "-X", "-C", "-Lf", "/dev/null", "-c"])
            .arg(&settings)
            .arg(format!("udp:{at}"))
            .env("SNMP_PERSISTENT_DIR", folder.path())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        std::thread::sleep(Duration::from_millis(500));
        Some(Self { board, snmptrapd, at, _folder: folder })
    }

    fn shot(&self, sender: &Sender, number: u32) -> Option<f64> {
        self.board.heard();
        sender.send(self.at, memory_pet(1, false, number));
        let mut at = None;
        let heard = || {
            at = self.board.heard();
            at.is_some()
        };
        until(heard, || std::thread::sleep(Duration::from_millis(1)));
        at.map(|at| sender.since(at))
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        let _ = (self.snmptrapd.kill(), self.snmptrapd.wait());
    }
}

fn main() {
    let sender = Sender::start(1);
    let (ours, proven) = (Ours::new(false), Ours::new(true));
    let bare = Bare::new();
    let mut number = 0;
    let mut next = || {
        number += 1;
        number
    };
    let (mut sides, mut asked) = (Sides::default(), Sides::default());
    for round in 0..=ROUNDS {
        let (mut a, mut b, mut c) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..SHOTS {
            a.extend(ours.shot(&sender, next()));
            b.extend(bare.shot(&sender, next()));
            c.extend(proven.shot(&sender, next()));
        }
        if round > 0 {
            asked.round(c, b.clone());
            sides.round(a, b); // the first warms up
        }
    }
    sides.print("trap to started at the BMC, warm LAN link", "us", "bare UDP relay", Some(BUDGET));
    asked.print("the same, corroborated by the BMC's log", "us", "bare UDP relay", Some(PROVEN));

    let Some(processes) = Processes::new() else { return };
    let mut sides = Sides::default();
    for _ in 0..PROCESSES {
        let (a, b) = (ours.shot(&sender, next()), processes.shot(&sender, next()));
        sides.round(a.into_iter().collect(), b.into_iter().collect());
    }
    sides.print("trap to started at the BMC, beside processes", "us", "snmptrapd + ipmitool", None);
}
