//! An engine, its journal, a simulated BMC and the network between them, under virtual time.
#[path = "../support/logins.rs"]
mod logins;
#[path = "../support/traps.rs"]
mod traps;
#[path = "../support/version3.rs"]
pub mod version3;

use bmcnotice::bmc::evidence::Doubt;
use bmcnotice::bmc::link::Identity;
use bmcnotice::config::facts::Facts;
use bmcnotice::config::model::{Cluster, Privilege};
use bmcnotice::config::native;
use bmcnotice::engine::{Delivery, Engine, Output, Setup, Stage};
use bmcnotice::notice::usm::User;
use bmcnotice::now::Now;
use bmcnotice::recovery::journal::{BootId, Hold, Record, Step, replay};
use bmcnotice::sim::{self, Alert, Bmc, Event, Fault, Options};
use bmcnotice::suite::Suite;
use bmcnotice::wire::command::{GET_SEL_ENTRY, RESERVE_SEL};
use bmcnotice::wire::ipmi::Request;
use bmcnotice::wire::oid::OidBuf;
use bmcnotice::wire::pet::Pet;
use bmcnotice::wire::sel;
use bmcnotice::wire::snmp::{ENTERPRISE_SPECIFIC, TrapV1, Value, Varbind, emit_trap_v1};
use bmcnotice::words::{Answer, Guid, Phase, Trust};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

pub const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// One way between us and the BMC.
pub const DELAY: Duration = ms(1);
pub const GUID: Guid = Guid([0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE, 1, 2, 3, 4, 5, 6, 7, 8]);
const TRAPS: &str = "10.0.0.1:162";
const CLIENT: &str = "10.0.0.1:40000";
const BMC: &str = "10.0.1.1:623";
const WALL: Duration = s(1_700_000_000);

/// Lines of the monitor's; or what is different, behind a #.
fn cluster(more: &str) -> Cluster {
    let guid = if more == "#unpinned" { String::new() } else { format!("guid = \"{GUID}\"") };
    let handshake = if more == "#sel" { "sel" } else { "sim" };
    let catch_up =
        if more == "#no catch-up" || more.starts_with("trust = \"address\" # alone") { "off" } else { "report" };
    let text = format!(
        r#"
[cluster]
name = "evidence"
this_server = "server1"
[[server]]
name = "server1"
addresses = ["10.0.0.1"]
[server.bmc]
address = "{BMC}"
user = "admin"
password = "password"
link = "lan"
handshake = "{handshake}"
sel_catch_up = "{catch_up}"
{guid}
[handshake.sim]
armed = {{ netfn = 0x30, command = 0x70, data = [0] }}
started = {{ netfn = 0x30, command = 0x70, data = [1] }}
ended = {{ netfn = 0x30, command = 0x70, data = [2, "outcome"] }}
disarmed = {{ netfn = 0x30, command = 0x70, data = [3] }}
[heartbeat]
bmc = false
lan = true
[[monitor]]
name = "mrw1"
recovery = "callback"
target = "failover1"
deadline = "600s"
budget = 4
{more}
[monitor.keywords]
server1 = "{TRAPS}"
[profile.site]
enterprise = ["1.3.6.1.4.1.55555"]
sensor_number = ["1.3.6.1.4.1.55555.1"]
[[profile.site.rule]]
traps = [1]
class = "fatal"
ipmi = [0x0C, 0x6F, 1]
[[profile.site.rule]]
traps = [2]
class = "fatal"
"#
    );
    let text =
        if more.contains("cool_down") { text } else { text.replace("budget = 4", "budget = 4\ncool_down = \"0s\"") };
    let outcome = native::parse(&text, "evidence.toml", &[], &Facts::default());
    outcome.cluster.unwrap_or_else(|| panic!("{:#?}", outcome.findings))
}

pub struct World {
    pub time: Duration,
    cluster: Arc<Cluster>,
    engine: Option<Engine>,
    pub bmc: Bmc,
    journal: Vec<u8>,
    /// Names of sensors that outlive the process.
    pub cache: Option<Vec<u8>>,
    boot: u8,
    flying: Vec<(Duration, SocketAddr, SocketAddr, Vec<u8>)>,
    pub cut: bool,
    /// How long the BMC thinks about each answer.
    pub slow: Duration,
    /// When the last trap that a test sent or caused came to us.
    came: Duration,
    pub began_at: Option<Duration>,
    pub began: Option<u64>,
    pub recovers: Vec<(String, Trust)>,
    pub lines: Vec<String>,
    pub events: Vec<Event>,
    told: Vec<(Duration, Phase)>,
    /// Of SNMPv3.
    pub users: Vec<User>,
}

impl World {
    /// All is well, and the BMC is armed.
    pub fn up() -> Self {
        Self::of("", Options::default())
    }

    pub fn of(more: &str, options: Options) -> Self {
        let mut world = Self::new(more, Options { guid: GUID, ..options });
        world.start(1);
        world.run(s(1));
        world
    }

    /// Nobody is there yet but the BMC.
    pub fn down(more: &str) -> Self {
        Self::new(more, Options { guid: GUID, ..Options::default() })
    }

    fn new(more: &str, options: Options) -> Self {
        // Nothing resets the host here: that is another test's story.
        let alert = Alert { agent: Ipv4Addr::new(10, 0, 1, 1), ..Alert::to(TRAPS.parse().unwrap()) };
        let options = Options { alert: Some(alert), patience: s(100_000), ..options };
        Self {
            time: s(1000),
            cluster: Arc::new(cluster(more)),
            engine: None,
            bmc: Bmc::new(options, [5; 32]),
            journal: Vec::new(),
            cache: None,
            boot: 1,
            flying: Vec::new(),
            cut: false,
            slow: Duration::ZERO,
            came: Duration::ZERO,
            began_at: None,
            began: None,
            recovers: Vec::new(),
            lines: Vec::new(),
            events: Vec::new(),
            told: Vec::new(),
            users: Vec::new(),
        }
    }

    fn now(&self) -> Now {
        Now { boottime: self.time, wall: WALL + self.time }
    }

    pub fn bmc_now(&self) -> Now {
        self.now()
    }

    /// Our process, in this boot of the host.
    pub fn start(&mut self, boot: u8) {
        self.boot = boot;
        let setup = self.setup(boot);
        let mut engine = Engine::new(self.now(), setup);
        if let Some(octets) = &self.cache {
            engine.handle_cached_names(Ok(octets.clone()));
        }
        self.engine = Some(engine);
        self.drain();
    }

    /// The same configuration, read again.
    pub fn reload(&mut self) {
        let (now, setup) = (self.now(), self.setup(self.boot));
        let engine = self.engine.as_mut().unwrap();
        assert_eq!(engine.reload_waits_for(), None);
        engine.reload(now, setup);
        self.drain();
    }

    /// Another one.
    pub fn reload_as(&mut self, more: &str) {
        self.cluster = Arc::new(cluster(more));
        self.reload();
    }

    /// Whether the engine wants to be called at a moment that is long over: the shell would do nothing else.
    pub fn spins(&self) -> bool {
        self.engine.as_ref().and_then(Engine::next_deadline).is_some_and(|at| at + s(1) < self.time)
    }

    fn setup(&self, boot: u8) -> Setup {
        let login = logins::login("admin", "password", &[Suite::Seventeen], Privilege::Administrator);
        Setup {
            cluster: self.cluster.clone(),
            users: self.users.clone(),
            logins: vec![Some(login)],
            identity: Identity::Unknown,
            boot: BootId([boot; 16]),
            replay: replay(&self.journal),
            seed: [7; 32],
            troubles: Vec::new(),
            maintenance: false,
            watchdog_owner: None,
        }
    }

    /// Says goodbye.
    pub fn stop(&mut self) {
        let now = self.now();
        self.engine.as_mut().unwrap().stop(now);
        self.drain();
    }

    pub fn kill(&mut self) {
        self.engine = None;
    }

    fn fly(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        if !self.cut {
            let thinks = if to == CLIENT.parse().unwrap() { self.slow } else { Duration::ZERO };
            self.flying.push((self.time + DELAY + thinks, from, to, bytes));
        }
    }

    pub fn drain(&mut self) {
        let now = self.now();
        while let Some(output) = self.engine.as_mut().and_then(Engine::poll_output) {
            match output {
                Output::Append(octets) => {
                    self.journal.extend(octets);
                    self.engine.as_mut().unwrap().handle_appended(now, true);
                }
                Output::Compact(octets) => {
                    self.journal = octets;
                    self.engine.as_mut().unwrap().handle_compacted(true);
                }
                Output::Ask { to, bytes } => self.fly(CLIENT.parse().unwrap(), to, bytes),
                Output::Reply { to, bytes } => self.fly(TRAPS.parse().unwrap(), to, bytes),
                Output::Deliver(delivery) => self.hear(delivery),
                Output::KeepNames(octets) => self.cache = Some(octets),
                Output::Filter(_) => {}
                Output::Run(_) | Output::Signal { .. } | Output::Panic(_) | Output::LookForDump(_) => {
                    panic!("a command")
                }
                Output::InBand(_) => panic!("no device is here"),
            }
        }
        while let Some(output) = self.bmc.poll_output() {
            match output {
                sim::Output::Send { to, bytes } => self.fly(BMC.parse().unwrap(), to, bytes),
                sim::Output::Event(event) => self.events.push(event),
            }
        }
    }

    fn hear(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Recover(recover) => {
                self.began = Some(recover.token);
                self.began_at = Some(self.time);
                self.recovers.push((recover.notice.sentence.to_string(), recover.notice.trust));
            }
            Delivery::Progress(progress) => {
                if let Stage::Telling(phase) = progress.stage {
                    self.told.push((progress.after, phase));
                }
                self.lines.push(progress.line().text);
            }
            Delivery::Log(line) => self.lines.push(line.text),
            Delivery::Notice(_) | Delivery::Peer(_) | Delivery::Echo(_) => {}
        }
    }

    /// Lets time pass.
    pub fn run(&mut self, span: Duration) {
        let end = self.time + span;
        for _ in 0..1_000_000 {
            self.drain();
            let flying = self.flying.iter().map(|(at, ..)| *at).min();
            let engine = self.engine.as_ref().and_then(Engine::next_deadline);
            let next = [flying, engine, self.bmc.next_deadline()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.time = end;
                return;
            };
            self.time = self.time.max(next);
            let now = self.now();
            if let Some(place) = self.flying.iter().position(|(at, ..)| *at <= self.time) {
                let (_, from, to, bytes) = self.flying.remove(place);
                self.deliver(from, to, &bytes);
                continue;
            }
            if self.bmc.next_deadline().is_some_and(|at| at <= self.time) {
                self.bmc.handle_timeout(now);
            }
            if let Some(engine) = &mut self.engine {
                engine.handle_timeout(now);
            }
        }
        panic!("it never rests: {:?}", self.lines);
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let now = self.now();
        if to == BMC.parse().unwrap() {
            self.bmc.handle_datagram(now, from, bytes);
        } else if let Some(engine) = &mut self.engine {
            if to == TRAPS.parse().unwrap() {
                if !bytes.starts_with(&[6, 0]) {
                    self.came = self.time;
                }
                engine.handle_datagram(now, from, bytes);
            } else {
                engine.handle_bmc_datagram(now, from, bytes);
            }
        }
        self.drain();
    }

    // ---- what the BMC does

    fn fault(name: &str) -> Fault {
        Fault::preset(name).unwrap()
    }

    /// A true one: trap and record.
    pub fn raise(&mut self, name: &str) {
        self.bmc.raise(self.now(), &Self::fault(name));
        self.drain();
    }

    /// A true one whose trap is lost.
    pub fn raise_silently(&mut self, name: &str) {
        let alert = self.bmc.options().alert.clone();
        self.bmc.set_alert(None);
        self.raise(name);
        self.bmc.set_alert(alert);
    }

    pub fn clear(&mut self, name: &str) {
        self.bmc.clear(self.now(), &Self::fault(name));
        self.drain();
    }

    /// So many records as fit in.
    pub fn fill(&mut self) {
        while self.bmc.sel().len() < self.bmc.options().sel_capacity {
            self.raise_silently("correctable-memory");
        }
    }

    pub fn clear_log(&mut self) {
        let now = self.now();
        let reservation = self.bmc.command(now, &Request::new(RESERVE_SEL, [])).data;
        let clear = bmcnotice::wire::command::Command { netfn: 0x0A, number: 0x47 };
        let data = [reservation[0], reservation[1], b'C', b'L', b'R', 0xAA];
        assert_eq!(self.bmc.command(now, &Request::new(clear, data)).completion, 0);
        self.drain();
    }

    /// Another node says a word for people.
    pub fn write_own(&mut self) {
        let now = self.now();
        let record = sel::Record::oem(0xC0, 0, *b"A-\0\0\0\x09");
        assert_eq!(self.bmc.command(now, &record.add()).completion, 0);
        self.drain();
    }

    // ---- what anybody can do

    fn forge(&mut self, name: &str, sequence: u16, deasserted: bool) {
        let bytes = traps::v1(&Self::pet(name, sequence, deasserted), b"public", Ipv4Addr::new(10, 0, 1, 1));
        self.deliver(BMC.parse().unwrap(), TRAPS.parse().unwrap(), &bytes);
    }

    /// A vendor's own trap, from the BMC's own address.
    pub fn send_vendor(&mut self, enterprise: &str, number: u32, varbinds: &[(&str, i64)]) {
        let oid = |text: &str| OidBuf::from_dotted(text).unwrap();
        let (enterprise, mut bytes) = (oid(enterprise), Vec::new());
        let names: Vec<(OidBuf, i64)> = varbinds.iter().map(|(name, number)| (oid(name), *number)).collect();
        let head = TrapV1 {
            enterprise: enterprise.as_oid(),
            agent: Ipv4Addr::new(10, 0, 1, 1),
            generic: ENTERPRISE_SPECIFIC,
            specific: number,
            uptime: 7,
        };
        let varbinds: Vec<Varbind<'_>> = names
            .iter()
            .map(|(name, number)| Varbind { name: name.as_oid(), value: Value::Integer(*number) })
            .collect();
        emit_trap_v1(b"public", &head, &varbinds, &mut bytes);
        self.deliver(BMC.parse().unwrap(), TRAPS.parse().unwrap(), &bytes);
    }

    /// A trap in SNMPv3 from the BMC's own address, with this clock.
    pub fn send3(&mut self, name: &str, sequence: u16, sender: &version3::Sender, boots: u32, time: u32) {
        let bytes = sender.trap_of(boots, time, &Self::pet(name, sequence, false));
        self.deliver(BMC.parse().unwrap(), TRAPS.parse().unwrap(), &bytes);
    }

    fn pet(name: &str, sequence: u16, deasserted: bool) -> Pet {
        let fault = Self::fault(name);
        let mut event_data = [0; 8];
        event_data[..3].copy_from_slice(&fault.event_data());
        Pet {
            sensor_type: fault.sensor_type,
            event_type: fault.event_type,
            offset: fault.offset,
            deasserted,
            guid: GUID,
            sequence,
            timestamp: 1,
            utc_offset: Some(0),
            trap_source: 0x20,
            event_source: 0x20,
            severity: fault.severity,
            sensor_device: 0x20,
            sensor_number: fault.sensor,
            entity: fault.entity,
            entity_instance: fault.entity_instance,
            event_data,
            language: 0x19,
            manufacturer: 0,
            system_id: 0,
        }
    }

    /// A trap from the BMC's own address that the BMC did not send, at this moment.
    pub fn spoof(&mut self, name: &str, sequence: u16) {
        self.forge(name, sequence, false);
    }

    pub fn spoof_cleared(&mut self, name: &str, sequence: u16) {
        self.forge(name, sequence, true);
    }

    // ---- what the operator and the application do

    pub fn release(&mut self, record: u64) {
        let now = self.now();
        self.engine.as_mut().unwrap().release(now, record).unwrap();
        self.drain();
    }

    pub fn cancel(&mut self, record: u64) {
        let now = self.now();
        self.engine.as_mut().unwrap().cancel(now, record).unwrap();
        self.drain();
    }

    pub fn answer(&mut self) {
        let now = self.now();
        self.engine.as_mut().unwrap().answer(now, self.began.unwrap(), Answer::Done).unwrap();
        self.drain();
    }

    // ---- what is seen

    /// How long after its trap came the recovery has begun.
    pub fn began(&self) -> Option<Duration> {
        self.began.and(self.began_at).map(|at| at - self.came)
    }

    pub fn told(&self, phase: Phase) -> Duration {
        self.told.iter().find(|(_, told)| *told == phase).expect("it was told").0
    }

    /// Entries of the log that were asked for.
    pub fn reads(&self) -> usize {
        let number = |entry: &&sim::Entry| (entry.netfn, entry.command) == (GET_SEL_ENTRY.netfn, GET_SEL_ENTRY.number);
        self.bmc.log().filter(number).count()
    }

    /// Supported, contradicted, unanswerable.
    pub fn statistics(&self) -> [u64; 3] {
        let statistics = self.engine.as_ref().unwrap().statistics();
        [statistics.supported, statistics.contradicted, statistics.unanswerable]
    }

    /// Datagrams, and what became of them.
    pub fn fates(&self) -> (u64, u64) {
        let statistics = self.engine.as_ref().unwrap().statistics();
        let all = statistics.notices + statistics.repeats + statistics.answers + statistics.dropped_in_all();
        (statistics.datagrams, all)
    }

    /// As a successor would find it.
    pub fn record(&self, serial: u64) -> Record {
        let replay = replay(&self.journal);
        replay.records().find(|record| record.id.serial() == serial).expect("the record").clone()
    }

    /// The newest record that a monitor wanted.
    pub fn newest(&self) -> u64 {
        let replay = replay(&self.journal);
        let wanted = replay.records().filter(|record| record.monitor.is_some());
        wanted.map(|record| record.id.serial()).max().expect("a record")
    }

    /// Why the open recovery is held.
    pub fn held(&self) -> Option<Hold> {
        let replay = replay(&self.journal);
        replay.open().find_map(Record::held)
    }

    pub fn doubt(&self, serial: u64) -> Option<Doubt> {
        self.record(serial).find(|step| match step {
            Step::Unsupported(doubt) => Some(doubt),
            _ => None,
        })
    }

    pub fn said(&self, part: &str) -> bool {
        self.lines.iter().any(|line| line.contains(part))
    }
}
