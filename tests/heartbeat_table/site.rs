//! One engine and the BMCs of its cluster, over a network that loses nothing, in virtual time.

use crate::logins;
use crate::play::s;
use bmcnotice::bmc::link::{Identity, Login, Manners};
use bmcnotice::config::facts::Facts;
use bmcnotice::config::model::{Cluster, Privilege};
use bmcnotice::config::native;
use bmcnotice::engine::{Engine, Output, PeerStatus, Setup};
use bmcnotice::heartbeat::Verdict;
use bmcnotice::now::Now;
use bmcnotice::recovery::journal::{BootId, replay};
use bmcnotice::sim::{self, Bmc, Options};
use bmcnotice::suite::Suite;
use bmcnotice::wire::command::CHASSIS_CONTROL;
use bmcnotice::wire::ipmi::Request;
use bmcnotice::words::Guid;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const WIRE: Duration = Duration::from_millis(1);
const US: &str = "10.0.0.1:40000";

pub fn guid(server: u8) -> Guid {
    Guid([0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE, 1, 2, 3, 4, 5, 6, 7, server])
}

fn address(bmc: u8) -> SocketAddr {
    format!("10.0.1.{bmc}:623").parse().unwrap()
}

/// A cluster of these servers, the first of them this one. A server's BMC, and whose GUID is pinned for it.
pub fn cluster(servers: &[(u8, u8, u8)]) -> Cluster {
    let mut text = format!("[cluster]\nname = \"site\"\nthis_server = \"server{}\"\n", servers[0].0);
    for (server, bmc, pinned) in servers {
        writeln!(
            text,
            "[[server]]\nname = \"server{server}\"\naddresses = [\"10.0.0.{server}\"]\n[server.bmc]\naddress = \"{}\"\nuser = \"admin\"\npassword = \"password\"\nlink = \"lan\"\nhandshake = \"none\"\nguid = \"{}\"",
            address(*bmc),
            guid(*pinned)
        )
        .unwrap();
    }
    text.push_str("[heartbeat]\nlan = true\n[[monitor]]\nname = \"mrw1\"\nrecovery = \"callback\"\ntrust = \"address\"\n[monitor.keywords]\n");
    for (server, ..) in servers {
        writeln!(text, "server{server} = \"10.0.0.{server}:162\"").unwrap();
    }
    let outcome = native::parse(&text, "site.toml", &[], &Facts::default());
    outcome.cluster.unwrap_or_else(|| panic!("{:#?}", outcome.findings))
}

pub struct Site {
    pub engine: Engine,
    /// By number, from 1.
    pub bmcs: Vec<Bmc>,
    pub now: Now,
    pub flying: Vec<(Duration, Option<u8>, Vec<u8>)>,
}

impl Site {
    /// Four BMCs; of the servers those that are named.
    pub fn new(servers: &[(u8, u8, u8)]) -> Self {
        let now = Now { boottime: s(1000), wall: s(1_700_000_000) };
        let bmcs = (1..=4).map(|n| Bmc::new(Options { guid: guid(n), ..Options::default() }, [n; 32])).collect();
        let engine = Engine::new(now, Self::setup(servers));
        let mut site = Self { engine, bmcs, now, flying: Vec::new() };
        site.drain();
        site.run(s(12));
        site
    }

    fn setup(servers: &[(u8, u8, u8)]) -> Setup {
        let manners = |place| if place == 0 { Manners::Own } else { Manners::Peer };
        let login =
            |manners| Login { manners, ..logins::login("admin", "password", &[Suite::Seventeen], Privilege::Operator) };
        Setup {
            cluster: Arc::new(cluster(servers)),
            users: Vec::new(),
            logins: (0..servers.len()).map(|place| Some(login(manners(place)))).collect(),
            identity: Identity::Unknown,
            boot: BootId([1; 16]),
            replay: replay(&[]),
            seed: [7; 32],
            troubles: Vec::new(),
            maintenance: false,
            watchdog_owner: None,
        }
    }

    pub fn reload(&mut self, servers: &[(u8, u8, u8)]) {
        assert_eq!(self.engine.reload_waits_for(), None);
        self.engine.reload(self.now, Self::setup(servers));
        self.drain();
    }

    pub fn power(&mut self, bmc: u8, on: bool) {
        let request = Request::new(CHASSIS_CONTROL, [u8::from(on)]);
        assert_eq!(self.bmcs[usize::from(bmc) - 1].command(self.now, &request).completion, 0);
    }

    pub fn status(&self, server: u8) -> PeerStatus {
        let mut all = Vec::new();
        self.engine.peers(&mut all);
        let name = format!("server{server}");
        all.into_iter().find(|status| *status.server == *name).expect("it is watched")
    }

    pub fn verdict(&self, server: u8) -> Verdict {
        self.status(server).verdict
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Ask { to, bytes } => {
                    let bmc = (1..=4).find(|bmc| address(*bmc) == to).expect("a BMC");
                    self.flying.push((self.now.boottime + WIRE, Some(bmc), bytes));
                }
                Output::Append(_) => self.engine.handle_appended(self.now, true),
                Output::Compact(_) => self.engine.handle_compacted(true),
                _ => {}
            }
        }
        for (bmc, number) in self.bmcs.iter_mut().zip(1..) {
            while let Some(output) = bmc.poll_output() {
                if let sim::Output::Send { bytes, .. } = output {
                    self.flying.push((self.now.boottime + WIRE, None, [vec![number], bytes].concat()));
                }
            }
        }
    }

    /// Lets time pass.
    pub fn run(&mut self, span: Duration) {
        let end = self.now.boottime + span;
        for _ in 0..100_000 {
            let flying = self.flying.iter().map(|(at, ..)| *at).min();
            let bmcs = self.bmcs.iter().filter_map(Bmc::next_deadline).min();
            let next = [flying, bmcs, self.engine.next_deadline()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                return self.pass(end.saturating_sub(self.now.boottime));
            };
            self.pass(next.saturating_sub(self.now.boottime));
            if !self.deliver_one() {
                self.bmcs.iter_mut().for_each(|bmc| bmc.handle_timeout(self.now));
                if self.engine.next_deadline().is_some_and(|at| at <= self.now.boottime) {
                    self.engine.handle_timeout(self.now);
                }
            }
            self.drain();
        }
        panic!("it never rests");
    }

    /// The first datagram that has arrived, if any.
    pub fn deliver_one(&mut self) -> bool {
        let Some(place) = self.flying.iter().position(|(at, ..)| *at <= self.now.boottime) else { return false };
        match self.flying.remove(place) {
            (_, Some(bmc), bytes) => {
                self.bmcs[usize::from(bmc) - 1].handle_datagram(self.now, US.parse().unwrap(), &bytes);
            }
            (_, None, bytes) => self.engine.handle_bmc_datagram(self.now, address(bytes[0]), &bytes[1..]),
        }
        true
    }

    /// Time passes, and nobody does anything.
    pub fn pass(&mut self, span: Duration) {
        self.now = self.now.after(span);
    }
}
