//! One server in virtual time: the engine, its BMC (which does as a test tells it), its journal, and what it delivers.
#[path = "logins.rs"]
mod logins;
#[path = "traps.rs"]
mod traps;

use crate::scripted_bmc::{Bmc, Deed};
use bmcnotice::bmc::inband::{Event, Order};
use bmcnotice::bmc::link::Identity;
use bmcnotice::config::facts::Facts;
use bmcnotice::config::model::Privilege;
use bmcnotice::config::native;
use bmcnotice::engine::{Command, Delivery, Echo, Engine, Line, Output, PeerStatus, Setup};
use bmcnotice::now::Now;
use bmcnotice::recovery::journal::{BootId, Replay, replay};
use bmcnotice::suite::Suite;
use bmcnotice::wire::ipmi::{Request, Response};
use bmcnotice::wire::pet::Pet;
use bmcnotice::words::{Class, Guid, Level, Obstacle};
use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

pub const BMC: &str = "10.0.1.1:623";
pub const BEGIN: Now = Now { boottime: Duration::from_secs(1000), wall: Duration::from_secs(1_800_000_000) };

/// A site of one server; `bmc` and `monitor` are lines of their tables, `more` what follows.
pub fn site(bmc: &str, monitor: &str, more: &str) -> String {
    format!(
        r#"
[cluster]
name = "one"
this_server = "server1"
[[server]]
name = "server1"
addresses = ["10.0.0.1"]
[server.bmc]
address = "10.0.1.1"
user = "admin"
password = "secret"
{bmc}
[[monitor]]
name = "mrw1"
trust = "address"
recovery = {{ command = ["/bin/true"] }}
cool_down = "0s"
{monitor}
[monitor.keywords]
server1 = "10.0.0.1"
[heartbeat]
lan = true
bmc = false
{more}
"#
    )
}

pub struct Desk {
    pub engine: Engine,
    pub bmc: Bmc,
    pub now: Now,
    pub journal: Vec<u8>,
    pub log: Vec<Line>,
    pub notices: Vec<(Class, String)>,
    pub peers: Vec<PeerStatus>,
    pub echoes: VecDeque<Echo>,
    pub runs: VecDeque<Command>,
    pub acknowledged: usize,
    /// Files that exist, and how often one was looked for.
    pub markers: Vec<String>,
    pub looks: usize,
    pub panics: usize,
    /// The network to the BMC is cut.
    pub cut: bool,
}

#[allow(dead_code, reason = "not every suite needs all of it")]
impl Desk {
    pub fn new(text: &str, script: impl FnMut(&Request) -> Option<Deed> + 'static) -> Self {
        Self::with(text, Identity::Unknown, Vec::new(), script)
    }

    pub fn with(
        text: &str,
        identity: Identity,
        journal: Vec<u8>,
        script: impl FnMut(&Request) -> Option<Deed> + 'static,
    ) -> Self {
        let mut bmc = Bmc::new();
        bmc.script = Some(Box::new(script));
        Self::made(text, identity, journal, bmc)
    }

    pub fn made(text: &str, identity: Identity, journal: Vec<u8>, bmc: Bmc) -> Self {
        let outcome = native::parse(text, "site.toml", &[], &Facts::default());
        let cluster = Arc::new(outcome.cluster.unwrap_or_else(|| panic!("{:#?}", outcome.findings)));
        let login = logins::login("admin", "secret", &[Suite::Seventeen], Privilege::Administrator);
        let logins = cluster.servers.iter().map(|server| server.bmc.as_ref()?.lan.as_ref().map(|_| login.clone()));
        let setup = Setup {
            users: Vec::new(),
            logins: logins.collect(),
            cluster: cluster.clone(),
            identity,
            boot: BootId([1; 16]),
            replay: replay(&journal),
            seed: [7; 32],
            troubles: Vec::new(),
            maintenance: false,
            watchdog_owner: None,
        };
        let mut desk = Self {
            engine: Engine::new(BEGIN, setup),
            bmc,
            now: BEGIN,
            journal,
            log: Vec::new(),
            notices: Vec::new(),
            peers: Vec::new(),
            echoes: VecDeque::new(),
            runs: VecDeque::new(),
            acknowledged: 0,
            markers: Vec::new(),
            looks: 0,
            panics: 0,
            cut: false,
        };
        desk.drain();
        desk
    }

    /// Performs all outputs; the BMC answers at once.
    pub fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Ask { to, bytes } if to == BMC.parse().unwrap() && !self.cut => {
                    if let Some(answer) = self.bmc.handle(&bytes) {
                        self.engine.handle_bmc_datagram(self.now, to, &answer);
                    }
                }
                Output::Append(octets) => {
                    self.journal.extend(octets);
                    self.engine.handle_appended(self.now, true);
                }
                Output::Compact(octets) => {
                    self.journal = octets;
                    self.engine.handle_compacted(true);
                }
                Output::LookForDump(markers) => {
                    self.looks += 1;
                    let found = markers.into_iter().find(|marker| self.markers.contains(marker));
                    self.engine.handle_dump(self.now, found);
                }
                // This host has no device: LAN is left.
                Output::InBand(Order::Open(_)) => {
                    self.engine.handle_in_band(self.now, Event::NotOpened(Obstacle::NoDevice));
                }
                Output::Panic(_) => self.panics += 1,
                Output::KeepNames(_) | Output::Filter(_) => {}
                Output::Reply { .. } => self.acknowledged += 1,
                Output::Run(command) => self.runs.push_back(command),
                Output::Deliver(Delivery::Notice(heard)) => {
                    self.notices.push((heard.notice.class, heard.notice.sentence.to_string()));
                }
                Output::Deliver(Delivery::Peer(status)) => self.peers.push(status),
                Output::Deliver(Delivery::Echo(echo)) => self.echoes.push_back(echo),
                Output::Deliver(Delivery::Progress(progress)) => self.log.push(progress.line()),
                Output::Deliver(Delivery::Log(line)) => self.log.push(line),
                _ => {}
            }
        }
    }

    /// Lets so much time pass, timer by timer.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now.boottime + time;
        for _ in 0..100_000 {
            self.drain();
            match self.engine.next_deadline().filter(|at| *at <= end) {
                Some(at) => self.now = self.now.after(at.saturating_sub(self.now.boottime)),
                None => {
                    self.now = self.now.after(end - self.now.boottime);
                    return;
                }
            }
            self.engine.handle_timeout(self.now);
        }
        panic!("time stands still");
    }

    /// A trap from the BMC: type, event type, offset, severity, event data.
    pub fn trap(&mut self, sequence: u16, event: [u8; 3], severity: u8, data: [u8; 3]) {
        let [sensor_type, event_type, offset] = event;
        let mut event_data = [0xFF; 8];
        event_data[..3].copy_from_slice(&data);
        let pet = Pet {
            sensor_type,
            event_type,
            offset: offset & 0x0F,
            deasserted: offset & 0x80 != 0,
            guid: Guid([0xA5; 16]),
            sequence,
            timestamp: 9,
            utc_offset: None,
            trap_source: 0x20,
            event_source: 0x20,
            severity,
            sensor_device: 0x20,
            sensor_number: 0,
            entity: 0,
            entity_instance: 0,
            event_data,
            language: 0x19,
            manufacturer: 0,
            system_id: 0,
        };
        let bytes = traps::v1(&pet, b"public", Ipv4Addr::new(10, 0, 1, 1));
        self.engine.handle_datagram(self.now, BMC.parse().unwrap(), &bytes);
        self.drain();
    }

    /// An uncorrectable memory error.
    pub fn fatal(&mut self, sequence: u16) {
        self.trap(sequence, [0x0C, 0x6F, 0x01], 0x20, [0x21, 0xFF, 0xFF]);
    }

    pub fn said(&self, part: &str) -> bool {
        self.log.iter().any(|line| line.text.contains(part))
    }

    pub fn times_said(&self, part: &str) -> usize {
        self.log.iter().filter(|line| line.text.contains(part)).count()
    }

    pub fn loudest(&self, part: &str) -> Option<Level> {
        self.log.iter().filter(|line| line.text.contains(part)).map(|line| line.level).min()
    }

    pub fn replay(&self) -> Replay {
        replay(&self.journal)
    }
}

pub fn ok(data: impl Into<Vec<u8>>) -> Option<Deed> {
    Some(Deed::Answer(Response { completion: 0, data: data.into() }))
}

#[allow(dead_code, reason = "not every suite needs it")]
pub fn code(completion: u8) -> Option<Deed> {
    Some(Deed::Answer(Response { completion, data: Vec::new() }))
}
