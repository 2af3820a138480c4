//! Resident memory of a daemon with two BMCs on warm links, heartbeat and journal, as Linux counts it.
//!
//! The C example in thread mode, where make has built it (`BMCNOTICE_DAEMON` names it: it is started with
//! the configuration's path); else this executable itself, started again as a daemon in thread mode.
//! `cargo bench --bench memory --features sim`

#[path = "common/figure.rs"]
mod figure;
#[path = "common/folder.rs"]
mod folder;
#[path = "common/site.rs"]
mod site;
#[path = "common/traps.rs"]
mod traps;

use bmcnotice::io::simulate::SimulatedBmc;
use bmcnotice::sim::{self, Handshaking};
use bmcnotice::{Answer, Config, Context, Mode};
use figure::Sides;
use folder::Folder;
use site::{PEER, free_address, text};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use traps::{GUID, memory_pet};

/// What the daemon may take, octets.
const BUDGET: f64 = 5e6;
/// Notices that it has heard before it is measured.
const NOTICES: u32 = 500;

/// This executable as the daemon.
fn daemon(path: &str) {
    let context = Context::new(&Config::from_file(path).expect("a file"), Mode::Thread);
    let context = context.unwrap_or_else(|error| panic!("{error}"));
    context.on_recovery(None, Arc::new(|_| Answer::Done)).unwrap_or_else(|error| panic!("{error}"));
    context.run().unwrap_or_else(|error| panic!("{error}"));
}

/// Resident octets of a process, and how many of them no file holds.
fn resident(process: u32) -> Option<(f64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib * 1024.0)
    };
    Some((field("VmRSS:")?, field("RssAnon:")?))
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = (self.0.kill(), self.0.wait());
    }
}

fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    if let [_, verb, path] = &arguments[..]
        && verb == "daemon"
    {
        return daemon(path);
    }
    let bmc = |address: Ipv4Addr| {
        let options = sim::Options { guid: GUID, ..sim::Options::default() };
        SimulatedBmc::start((address, 0).into(), options, None).expect("a simulated BMC")
    };
    let (own, peer, folder, at) = (bmc(Ipv4Addr::LOCALHOST), bmc(PEER), Folder::new(), free_address());
    let file = folder.path().join("bench.toml");
    let hot = Folder::new();
    std::fs::write(&file, text(at, own.address(), peer.address().port(), Some(hot.path()), true)).expect("a file");
    let example = std::env::var("BMCNOTICE_DAEMON").ok().filter(|path| Path::new(path).exists());
    let (name, mut command) = match &example {
        Some(path) => ("the C example in thread mode", Command::new(path)),
        None => ("a Rust daemon in thread mode", Command::new(std::env::current_exe().expect("this executable"))),
    };
    if example.is_none() {
        command.arg("daemon");
    }
    let child = command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let running = Running(child.expect("the daemon starts"));
    let end = Instant::now() + Duration::from_secs(10);
    while !own.with(|bmc, _| bmc.handshaking() == Handshaking::Armed) {
        assert!(Instant::now() < end, "the daemon arms its BMC");
        std::thread::sleep(Duration::from_millis(20));
    }
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    for number in 1..=NOTICES {
        sender.send_to(&memory_pet(0, false, number), at).expect("sent");
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(1500)); // a heartbeat of both
    let (all, anonymous) = resident(running.0.id()).expect("the daemon lives");
    let mut sides = Sides::default();
    sides.round(vec![all / 1e6], vec![BUDGET / 1e6]);
    sides.print(&format!("resident memory, {name}"), "MB", "its budget", Some(1.0));
    let mut sides = Sides::default();
    sides.round(vec![anonymous / 1e6], vec![all / 1e6]);
    sides.print("of it in no file (heap and stacks)", "MB", "all of it", None);
}
