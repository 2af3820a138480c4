//! The heartbeat at scale: what a probe costs of the CPU, beside the tools that people probe with; what ten thousand peers
//! cost of a core and of memory, how late a probe is sent, and that one peer more costs no more among ten thousand.
//!
//! A probe is one Get Chassis Status over a session that is kept, from our timer to the verdict, with all its system
//! calls; the BMCs are simulated, on another core. What is ours is one thread in loop mode, as in a C program.
//! `cargo bench --bench heartbeat --features sim`

#[path = "common/figure.rs"]
mod figure;
#[path = "common/pin.rs"]
mod pin;
#[path = "common/thread.rs"]
mod thread;
#[path = "common/wire.rs"]
mod wire;

use bmcnotice::bmc::link::{Identity, Manners};
use bmcnotice::config::facts::Facts;
use bmcnotice::config::model::Privilege;
use bmcnotice::config::native;
use bmcnotice::engine::Setup;
use bmcnotice::heartbeat::Verdict;
use bmcnotice::io::fleet::Fleet;
use bmcnotice::io::reactor::{Reactor, moment};
use bmcnotice::io::simulate::SimulatedBmc;
use bmcnotice::io::sockets::Sockets;
use bmcnotice::io::store::Store;
use bmcnotice::io::sys::{Epoll, Event};
use bmcnotice::recovery::journal::{BootId, replay};
use bmcnotice::sim::Options;
use bmcnotice::words::Guid;
use bmcnotice::{Config, Context, Mode};
use figure::Sides;
use pin::pin;
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thread::{cpu, held, ours};
use wire::{LOCAL, Wire, login, tool};

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
/// How late a probe may be sent, in milliseconds.
const LATE: f64 = 20.0;
/// CPU of one probe, in microseconds.
const PROBE: f64 = 15.0;
/// Probes of one round of ours, and of one by processes.
const PROBES: u32 = 500;
const PROCESSES: u32 = 5;
const ROUNDS: usize = 15;

fn address(place: usize) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 77, 0, 1)) + place as u32)
}

fn guid(place: usize) -> Guid {
    let mut guid = Options::default().guid;
    guid.0[12..].copy_from_slice(&(place as u32).to_be_bytes());
    guid
}

/// On the other core.
fn fleet(count: usize) -> Fleet {
    let member = |place| (address(place), Options { guid: guid(place), log_kept: 8, ..Options::default() });
    pin(1);
    let fleet = Fleet::start(0, (0..count).map(member).collect(), None).expect("a fleet");
    pin(0);
    fleet
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
    let fleet = fleet(count);
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

/// How late probes are sent, in milliseconds: from when the first of a turn was due until the turn is over, for all of the
/// turn. A reactor without its context, which shows what its engine waits for.
fn lateness(count: usize) -> Vec<f64> {
    let fleet = fleet(count);
    let outcome = native::parse(&text(&fleet), "bench.toml", &[], &Facts::default());
    let cluster = outcome.cluster.unwrap_or_else(|| panic!("{:?}", outcome.findings.first()));
    let bmcs: Vec<SocketAddr> = (0..count).filter_map(|place| fleet.address(place)).collect();
    let (mut own, mut peer) = (login(Privilege::User), login(Privilege::User));
    (own.manners, peer.manners) = (Manners::Own, Manners::Peer);
    let setup = Setup {
        cluster: Arc::new(cluster),
        logins: (0..count).map(|place| Some(if place == 0 { own.clone() } else { peer.clone() })).collect(),
        users: Vec::new(),
        identity: Identity::Unknown,
        boot: BootId([1; 16]),
        replay: replay(&[]),
        seed: [1; 32],
        troubles: Vec::new(),
        maintenance: false,
        watchdog_owner: None,
    };
    let (epoll, wake) = (Epoll::new().expect("a set"), Event::new().expect("an event"));
    let sockets = Sockets::bind(None, &bmcs).expect("sockets");
    let mut reactor = Reactor::new(sockets, Store::open(None, None).0, setup, &epoll, &wake).expect("a reactor");
    let (mut late, mut up) = (Vec::new(), None);
    let begun = Instant::now();
    loop {
        let due = reactor.engine().next_deadline();
        epoll.wait(Some(PART));
        let before = reactor.engine().statistics().probes;
        reactor.pump(&mut |_| {});
        reactor.finish();
        while reactor.take_touched().is_some() {}
        let sent = reactor.engine().statistics().probes - before;
        match (up, due) {
            (None, _) => {
                assert!(begun.elapsed() < OPENING, "not all sessions are open");
                let mut peers = Vec::new();
                if begun.elapsed() > PART * 3 {
                    reactor.engine().peers(&mut peers);
                }
                let all = peers.iter().filter(|peer| peer.verdict == Verdict::Powered).count() == count;
                up = all.then(Instant::now);
            }
            (Some(since), _) if since.elapsed() > PART * PARTS as u32 => return late,
            (Some(_), Some(due)) => {
                let after = moment().boottime.saturating_sub(due).as_secs_f64() * 1e3;
                late.extend((0..sent).map(|_| after));
            }
            (Some(_), None) => {}
        }
    }
}

/// What children have used of the CPU, in microseconds.
fn children() -> f64 {
    // SAFETY: all zero is a usage; the kernel fills it.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: writes one usage.
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage) };
    [usage.ru_utime, usage.ru_stime].iter().map(|time| time.tv_sec as f64 * 1e6 + time.tv_usec as f64).sum()
}

/// A session that pyghmi keeps, asked so often: what each question took of its CPU, in microseconds.
const PYGHMI: &str = r#"
import sys, time
from pyghmi.ipmi import command
bmc = command.Command(bmc=sys.argv[1], port=int(sys.argv[2]), userid="admin", password="password")
for _ in range(int(sys.argv[3])):
    before = time.process_time()
    assert bmc.raw_command(netfn=0, command=1)["code"] == 0
    print((time.process_time() - before) * 1e6)
"#;

/// What a probe costs over a session that pyghmi keeps.
fn pyghmi(to: SocketAddr) -> Option<Vec<f64>> {
    let (ip, port, count) = (to.ip().to_string(), to.port().to_string(), PROBES.to_string());
    for python in ["target/venv/bin/python", "python3"] {
        let output = Command::new(python).args(["-W", "ignore", "-c", PYGHMI, &ip, &port, &count]).output();
        let Ok(output) = output.as_ref().map(|output| output.clone()) else { continue };
        if output.status.success() {
            let text = String::from_utf8(output.stdout).expect("figures");
            return Some(text.lines().map(|line| line.parse().expect("a figure")).collect());
        }
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains("No module named"), "{error}");
    }
    println!("skipped: a probe beside pyghmi: it is not installed");
    None
}

/// Ours of one round: a session, opened before, and the mean of its probes.
fn one(to: SocketAddr) -> Vec<f64> {
    let mut wire = Wire::new(to, Privilege::Operator);
    wire.up();
    let took = vec![(0..PROBES).map(|_| wire.ask()).sum::<f64>() / f64::from(PROBES)];
    wire.link.stop(wire.now());
    wire.drain();
    took
}

/// One probe alone, beside the tools. The BMC shares our core: to wake another one takes an interrupt, which nobody pays
/// whose BMC is a network away.
fn probe() {
    pin(0);
    let bmc = SimulatedBmc::start(LOCAL.into(), Options::default(), None).expect("a simulated BMC");
    let ours = || one(bmc.address());
    ours(); // warming up
    let name = "CPU for one authenticated probe";
    let mut budget = Sides::default();
    (0..ROUNDS).for_each(|_| budget.round(ours(), vec![PROBE]));
    budget.print(name, "us", "its budget", Some(1.0));
    for tool_name in ["ipmitool", "ipmi-chassis"] {
        let Some(mut command) = tool(tool_name, bmc.address(), "a probe") else { continue };
        let mut sides = Sides::default();
        for _ in 0..ROUNDS {
            let before = children();
            for _ in 0..PROCESSES {
                assert!(command.status().is_ok_and(|status| status.success()), "{tool_name} succeeds");
            }
            sides.round(ours(), vec![(children() - before) / f64::from(PROCESSES)]);
        }
        sides.print(name, "us", &format!("a process of {tool_name}"), None);
    }
    if let Some(its) = pyghmi(bmc.address()) {
        let mut sides = Sides::default();
        its.chunks(its.len().div_ceil(ROUNDS)).for_each(|its| sides.round(ours(), its.to_vec()));
        sides.print(name, "us", "pyghmi, its session kept", None);
    }
}

fn main() {
    probe();
    let costs = PEERS.map(watching);
    let (few, many) = (&costs[0], &costs[PEERS.len() - 1]);
    let mut share = Sides::default();
    many.share().into_iter().for_each(|part| share.round(vec![part], vec![SHARE]));
    share.print("10,000 peers, a probe a second each: share of a core", "", "its budget", Some(1.0));
    let mut memory = Sides::default();
    memory.round(vec![many.memory], vec![MEMORY]);
    memory.print("memory of one peer of 10,000", "KiB", "its budget", Some(1.0));
    let mut late = Sides::default();
    late.round(lateness(PEERS[PEERS.len() - 1]), vec![LATE]);
    late.print("10,000 peers, a probe a second each: how late one is sent", "ms", "its budget", Some(1.0));
    for (count, cost) in PEERS.iter().zip(&costs).skip(1) {
        let mut flat = Sides::default();
        cost.each().into_iter().zip(few.each()).for_each(|(each, few)| flat.round(vec![each], vec![few]));
        flat.print(&format!("CPU for one probe of {count} peers, all in"), "us", "of 100 peers", Some(1.0));
    }
}
