//! The heartbeat at scale: what a probe costs of the CPU, what ten thousand peers cost of a core and of memory, how late
//! a probe is sent, and that one peer more costs the same whether there are a hundred or ten thousand.
//!
//! A probe is one Get Chassis Status over a session that is kept, from our timer to the verdict, with all its system
//! calls; the BMCs are simulated, on another core. What is ours is one thread in loop mode, as in a C program.
//! `cargo bench --bench heartbeat --features sim`

#[path = "common/figure.rs"]
mod figure;
#[path = "common/sender.rs"]
#[allow(dead_code, reason = "pinning alone is used here")]
mod sender;
#[path = "common/thread.rs"]
mod thread;

use bmcnotice::heartbeat::Verdict;
use bmcnotice::io::fleet::Fleet;
use bmcnotice::sim::Options;
use bmcnotice::words::Guid;
use bmcnotice::{Config, Context, Mode};
use figure::Sides;
use sender::pin;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use thread::{cpu, held, ours};

/// How many peers, in turn.
const PEERS: [usize; 3] = [100, 1_000, 10_000];
/// How long each is measured, in parts.
const PART: Duration = Duration::from_secs(1);
const PARTS: usize = 15;
/// Until all sessions are open.
const OPENING: Duration = Duration::from_secs(60);
/// Of one core, for the most peers.
const SHARE: f64 = 0.25;
/// KiB for a peer.
const MEMORY: f64 = 8.0;

fn address(place: usize) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 77, 0, 1)) + place as u32)
}

fn guid(place: usize) -> Guid {
    let mut guid = Options::default().guid;
    guid.0[12..].copy_from_slice(&(place as u32).to_be_bytes());
    guid
}

fn fleet(count: usize) -> Fleet {
    let member = |place| (address(place), Options { guid: guid(place), log_kept: 8, ..Options::default() });
    Fleet::start(0, (0..count).map(member).collect(), None).expect("a fleet")
}

/// A cluster whose first server watches all.
fn text(fleet: &Fleet) -> String {
    let mut text = String::from("[cluster]\nname = \"fleet\"\nthis_server = \"node0\"\n");
    for place in 0..fleet.len() {
        let bmc = fleet.address(place).expect("its address");
        write!(
            text,
            "[[server]]\nname = \"node{place}\"\naddresses = [\"10.0.{}.{}\"]\n[server.bmc]\naddress = \"{bmc}\"\n\
             link = \"lan\"\nprobes = [\"power\"]\nhandshake = \"none\"\nguid = \"{}\"\nuser = \"admin\"\npassword = \"password\"\n",
            place / 256,
            place % 256,
            guid(place),
        )
        .expect("a text");
    }
    text += "[heartbeat]\nlan = true\ninterval = \"1s\"\ntimeout = \"10s\"\npulse = false\nwatchers = [\"node0\"]\n";
    text + "[journal]\nhot = false\ndisk = false\n"
}

/// What one number of peers costs.
struct Cost {
    /// CPU of each part, in microseconds.
    cpu: Vec<f64>,
    /// Probes of each part.
    probes: Vec<f64>,
    /// KiB of each peer.
    memory: f64,
}

impl Cost {
    fn share(&self) -> Vec<f64> {
        self.cpu.iter().map(|cpu| cpu / PART.as_secs_f64() / 1e6).collect()
    }

    fn each(&self) -> Vec<f64> {
        self.cpu.iter().zip(&self.probes).map(|(cpu, probes)| cpu / probes).collect()
    }
}

/// A context that watches, once it sees the power of all.
fn watching(count: usize) -> Cost {
    pin(1);
    let fleet = fleet(count);
    pin(0);
    let before = held();
    let context = ours(|| {
        let config = Config::from_text(text(&fleet), "bench.toml");
        Context::new(&config, Mode::Loop).unwrap_or_else(|error| panic!("{error}"))
    });
    let turn = |until: Instant| {
        ours(|| {
            let _ = context.wait(Some(until.saturating_duration_since(Instant::now())));
            while context.dispatch(64).unwrap_or_else(|error| panic!("{error}")) > 0 {}
        });
    };
    let powered = || {
        let peers = context.peers().expect("the peers");
        peers.iter().filter(|peer| peer.verdict == Verdict::Powered).count()
    };
    let begun = Instant::now();
    while powered() < count {
        assert!(begun.elapsed() < OPENING, "{} of {count} sessions are open", powered());
        let until = Instant::now() + PART / 10;
        while Instant::now() < until {
            turn(until);
        }
    }
    let probes = || context.statistics().expect("statistics").probes as f64;
    let mut cost = Cost { cpu: Vec::new(), probes: Vec::new(), memory: 0.0 };
    for part in 0..=PARTS {
        let (used, asked, until) = (cpu(), probes(), Instant::now() + PART);
        while Instant::now() < until {
            turn(until);
        }
        // The first part is warming up.
        if part > 0 {
            cost.cpu.push(cpu() - used);
            cost.probes.push(probes() - asked);
        }
    }
    assert_eq!(powered(), count, "they are powered to the end");
    cost.memory = (held() - before) / count as f64;
    cost
}

fn main() {
    let costs = PEERS.map(watching);
    let (few, many) = (&costs[0], &costs[PEERS.len() - 1]);
    let mut share = Sides::default();
    many.share().into_iter().for_each(|part| share.round(vec![part], vec![SHARE]));
    share.print("10,000 peers, a probe a second each: share of a core", "", "its budget", Some(1.0));
    let mut flat = Sides::default();
    many.each().into_iter().zip(few.each()).for_each(|(many, few)| flat.round(vec![many], vec![few]));
    flat.print("CPU for one probe of 10,000 peers, all in", "us", "of 100 peers", None);
    let mut memory = Sides::default();
    memory.round(vec![many.memory], vec![MEMORY]);
    memory.print("memory of one peer of 10,000", "KiB", "its budget", Some(1.0));
}
