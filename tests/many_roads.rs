//! Many roads of one engine, under virtual time: sessions are opened a bounded number at a time, and a reload keeps what
//! each road waits for.
#![cfg(feature = "sim")]

#[path = "support/logins.rs"]
mod logins;

use bmcnotice::bmc::link::{Identity, Login, Manners};
use bmcnotice::config::facts::Facts;
use bmcnotice::config::model::{Cluster, Privilege};
use bmcnotice::config::native;
use bmcnotice::engine::{Delivery, Engine, Output, Setup};
use bmcnotice::now::Now;
use bmcnotice::recovery::journal::{BootId, replay};
use bmcnotice::sim::{self, Bmc, Options};
use bmcnotice::suite::Suite;
use bmcnotice::words::Guid;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const CLIENT: &str = "192.0.2.1:40000";
/// What is under way at a time; this server's own BMC comes on top.
const UNDER_WAY: usize = 256;

fn address(node: usize) -> SocketAddr {
    SocketAddr::from(([10, 2, (node / 256) as u8, (node % 256) as u8], 623))
}

fn guid(node: usize) -> Guid {
    let mut guid = Options::default().guid;
    guid.0[14..].copy_from_slice(&(node as u16).to_be_bytes());
    guid
}

/// These nodes, in this order; node 0 is this server, and watches all.
fn cluster(nodes: &[usize]) -> Cluster {
    let mut text = String::from("[cluster]\nname = \"many\"\nthis_server = \"node0\"\n");
    for node in nodes {
        let (bmc, guid) = (address(*node), guid(*node));
        write!(
            text,
            "[[server]]\nname = \"node{node}\"\naddresses = [\"10.1.{}.{}\"]\n[server.bmc]\naddress = \"{bmc}\"\nlink = \"lan\"\n\
             guid = \"{guid}\"\nuser = \"admin\"\npassword = \"password\"\nhandshake = \"none\"\n",
            node / 256,
            node % 256
        )
        .unwrap();
    }
    // So rarely that no question falls into what is looked at here, but for the first one's.
    text +=
        "[heartbeat]\nlan = true\npulse = false\nwatchers = [\"node0\"]\ninterval = \"3500s\"\ntimeout = \"3600s\"\n";
    let outcome = native::parse(&text, "many.toml", &[], &Facts::default());
    outcome.cluster.unwrap_or_else(|| panic!("{:#?}", outcome.findings))
}

fn setup(nodes: &[usize]) -> Setup {
    let login = |node: &usize| {
        let login = logins::login("admin", "password", &[Suite::Seventeen], Privilege::User);
        Some(if *node == 0 { login } else { Login { manners: Manners::Peer, ..login } })
    };
    Setup {
        cluster: Arc::new(cluster(nodes)),
        users: Vec::new(),
        logins: nodes.iter().map(login).collect(),
        identity: Identity::Unknown,
        boot: BootId([1; 16]),
        replay: replay(&[]),
        seed: [1; 32],
        troubles: Vec::new(),
        maintenance: false,
        watchdog_owner: None,
    }
}

/// An engine and its BMCs, of which some may be dead, and each takes its time.
struct World {
    now: Now,
    engine: Engine,
    bmcs: BTreeMap<SocketAddr, Bmc>,
    delay: fn(SocketAddr) -> Duration,
    /// Answers on their way.
    flying: Vec<(Duration, SocketAddr, Vec<u8>)>,
    /// Whom the engine has said something to, and when; what it has told people.
    asked: Vec<(Duration, SocketAddr)>,
    log: Vec<String>,
}

impl World {
    fn new(nodes: &[usize], delay: fn(SocketAddr) -> Duration, alive: impl Fn(usize) -> bool) -> Self {
        let now = Now { boottime: Duration::from_secs(100), wall: Duration::from_secs(1_700_000_000) };
        let bmc = |node| Bmc::new(Options { guid: guid(node), ..Options::default() }, [node as u8; 32]);
        let bmcs = nodes.iter().filter(|node| alive(**node)).map(|node| (address(*node), bmc(*node))).collect();
        let engine = Engine::new(now, setup(nodes));
        let mut world = Self { now, engine, bmcs, delay, flying: Vec::new(), asked: Vec::new(), log: Vec::new() };
        world.perform();
        world
    }

    /// Takes what the engine wants.
    fn perform(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Ask { to, bytes } => {
                    self.asked.push((self.now.boottime, to));
                    let Some(bmc) = self.bmcs.get_mut(&to) else { continue };
                    bmc.handle_datagram(self.now, CLIENT.parse().unwrap(), &bytes);
                    while let Some(output) = bmc.poll_output() {
                        if let sim::Output::Send { bytes, .. } = output {
                            self.flying.push((self.now.boottime + (self.delay)(to), to, bytes));
                        }
                    }
                }
                Output::Append(_) => self.engine.handle_appended(self.now, true),
                Output::Deliver(Delivery::Log(line)) => self.log.push(line.text),
                _ => {}
            }
        }
    }

    /// Lives until then.
    fn wait(&mut self, until: Duration) {
        loop {
            let first = self.flying.iter().map(|(at, ..)| *at).min();
            let next = [first, self.engine.next_deadline()].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= until) else { break };
            self.now.boottime = self.now.boottime.max(at);
            let (here, flying) = core::mem::take(&mut self.flying).into_iter().partition(|(there, ..)| *there <= at);
            self.flying = flying;
            let here: Vec<_> = here;
            for (_, from, bytes) in here {
                self.engine.handle_bmc_datagram(self.now, from, &bytes);
                self.perform();
            }
            self.engine.handle_timeout(self.now);
            self.perform();
        }
        self.now.boottime = until;
    }

    fn wait_for(&mut self, time: Duration) {
        self.wait(self.now.boottime + time);
    }

    fn open(&self) -> usize {
        self.log.iter().filter(|line| line.contains("session open")).count()
    }

    fn met(&self) -> BTreeSet<SocketAddr> {
        self.asked.iter().map(|(_, to)| *to).collect()
    }
}

fn at_once(_: SocketAddr) -> Duration {
    Duration::ZERO
}

fn nodes(count: usize) -> Vec<usize> {
    (0..count).collect()
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn sessions_are_opened_a_bounded_number_at_a_time_and_our_own_first() {
    let mut world = World::new(&nodes(1000), at_once, |_| true);
    assert_eq!(world.asked.first().map(|(_, to)| *to), Some(address(0)), "this server's own BMC first");
    assert_eq!((world.asked.len(), world.met().len()), (UNDER_WAY + 1, UNDER_WAY + 1));
    world.wait_for(Duration::ZERO);
    assert_eq!(world.open(), 1000, "the others follow as fast as the BMCs answer");
}

#[test]
fn dead_bmcs_hold_the_living_up_for_a_moment() {
    let mut world = World::new(&nodes(1000), at_once, |node| node == 0 || node >= 600);
    world.wait_for(SECOND - Duration::from_millis(1));
    assert_eq!((world.open(), world.met().len()), (1, UNDER_WAY + 1), "all that is under way is dead");
    world.wait_for(SECOND + Duration::from_millis(1));
    assert_eq!((world.open(), world.met().len()), (401, 1000), "599 dead ones cost two seconds");
}

/// Who waits for its turn is not silent.
#[test]
fn nothing_is_said_of_a_bmc_before_its_turn() {
    let mut world = World::new(&nodes(300), at_once, |node| node == 0 || node > UNDER_WAY);
    world.wait_for(SECOND * 3);
    let of = |part: &str| world.log.iter().filter(|line| line.contains(part)).count();
    assert_eq!((world.open(), of("BMC of node")), (300 - UNDER_WAY, 300 - UNDER_WAY));
    world.wait_for(SECOND * 3);
    assert_eq!(world.log.iter().filter(|line| line.contains("BMC of node")).count(), 300, "then of the dead ones");
}

/// Each BMC has a rhythm of its own, which a reload does not disturb, though servers have other numbers then.
#[test]
fn a_reload_keeps_what_each_road_waits_for() {
    let late = |to: SocketAddr| match to {
        SocketAddr::V4(to) => Duration::from_millis(to.ip().octets()[3].into()),
        SocketAddr::V6(_) => Duration::ZERO,
    };
    let life = |order: Option<&[usize]>| {
        let mut world = World::new(&nodes(40), late, |_| true);
        world.wait_for(SECOND);
        assert_eq!((world.open(), world.flying.len()), (40, 0));
        let before = world.asked.len();
        if let Some(order) = order {
            world.engine.reload(world.now, setup(order));
            world.perform();
        }
        world.wait_for(SECOND * 70);
        assert_eq!((world.engine.statistics().strangers, world.open()), (0, 40), "nobody was opened anew");
        // The first one's power is asked at once, before and after.
        let first = order.map_or(0, |order| order[0]);
        let asked = world.asked.split_off(before).into_iter().filter(|(_, to)| ![0, first].map(address).contains(to));
        asked.collect::<Vec<_>>()
    };
    let mut turned = nodes(40);
    turned.reverse();
    let (undisturbed, reloaded) = (life(None), life(Some(&turned)));
    let undisturbed: Vec<_> = undisturbed.into_iter().filter(|(_, to)| *to != address(39)).collect();
    assert!(undisturbed.len() >= 38 * 2, "each link is used every half minute: {}", undisturbed.len());
    let moments: BTreeSet<Duration> = undisturbed.iter().map(|(at, _)| *at).collect();
    assert!(moments.len() >= 38 * 2, "at a moment of its own");
    assert_eq!(undisturbed, reloaded);
}

/// One that waits for its turn still has it after a reload; one that is gone has not.
#[test]
fn a_reload_forgets_nobody_who_waits_for_its_turn() {
    let mut world = World::new(&nodes(1000), at_once, |node| node == 0 || node >= 600);
    world.wait_for(Duration::ZERO);
    let kept: Vec<usize> = nodes(1000).into_iter().filter(|node| *node == 0 || *node > 300).collect();
    world.engine.reload(world.now, setup(&kept));
    world.perform();
    world.wait_for(SECOND * 3);
    let expected: BTreeSet<SocketAddr> = nodes(UNDER_WAY + 1).into_iter().chain(kept).map(address).collect();
    assert!(world.met() == expected, "{} instead of {}", world.met().len(), expected.len());
    assert_eq!(world.open(), 401);
}
