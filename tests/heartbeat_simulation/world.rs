//! One life: the servers, the network between them, and time. `judge.rs` keeps the promises.

use crate::dice::Dice;
use crate::fate::{Fate, What};
use crate::promises::Promise;
use crate::server::{Arrival, Done, Runs, Server};
use crate::site;
use bmcnotice::bmc::inband::{Event as Heard, Order};
use bmcnotice::engine::{Delivery, Output};
use bmcnotice::heartbeat::Verdict;
use bmcnotice::now::Now;
use bmcnotice::recovery::journal::BootId;
use bmcnotice::sim::{self, Event, Power};
use bmcnotice::wire::command::{CHASSIS_CONTROL, RESET_WATCHDOG, SET_WATCHDOG};
use bmcnotice::wire::ipmi::Request;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

pub const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub const BEGIN: Duration = s(100_000);
/// How long the driver takes, there and back.
const DRIVER: Duration = Duration::from_millis(2);
/// A clean stop takes no longer (`src/plant.rs` has the same).
const GOODBYE: Duration = s(1);
/// So often it is looked whether it has ended.
const POLL: Duration = Duration::from_millis(20);

#[derive(Debug)]
enum Due {
    ToBmc(usize, SocketAddr, Vec<u8>),
    ToEngine(usize, u32, SocketAddr, Vec<u8>),
    Device(usize, u32, u32, Request),
    Answer(usize, u32, Heard),
    Plan(usize),
    /// What the plan did to it is over.
    Over(usize, What),
    Start(usize, BootId),
    /// It has said goodbye, or it is too late for one.
    Gone(usize, u32, What, Duration),
    /// Firmware sets the timer, or stops it.
    Firmware(usize, BootId, bool),
    Kernel(usize, BootId),
    Look,
}

/// How soon something was found out, as a share of time-out and interval.
#[derive(Debug, Default, Clone, Copy)]
pub struct Worst {
    pub count: u64,
    pub worst: f64,
}

impl Worst {
    pub fn add(&mut self, other: Self) {
        self.count += other.count;
        self.worst = self.worst.max(other.worst);
    }

    pub fn note(&mut self, share: f64) {
        self.add(Self { count: 1, worst: share });
    }
}

#[derive(Debug, Clone)]
pub struct Tally {
    pub verdicts: BTreeMap<&'static str, u64>,
    pub rounds: u64,
    pub missed: u64,
    /// Moments at which *yes* was the answer.
    pub yes: u64,
    pub restarts: u64,
    pub off: Worst,
    pub silent: Worst,
    pub datagrams: u64,
    pub lost: u64,
    pub seconds: f64,
}

impl Default for Tally {
    fn default() -> Self {
        let words = ["alive", "powered", "booting", "delayed", "silent", "left", "off", "unknown"];
        Self {
            verdicts: words.into_iter().map(|word| (word, 0)).collect(),
            rounds: 0,
            missed: 0,
            yes: 0,
            restarts: 0,
            off: Worst::default(),
            silent: Worst::default(),
            datagrams: 0,
            lost: 0,
            seconds: 0.0,
        }
    }
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        other.verdicts.iter().for_each(|(word, count)| *self.verdicts.entry(word).or_default() += count);
        self.rounds += other.rounds;
        self.missed += other.missed;
        self.yes += other.yes;
        self.restarts += other.restarts;
        self.off.add(other.off);
        self.silent.add(other.silent);
        self.datagrams += other.datagrams;
        self.lost += other.lost;
        self.seconds += other.seconds;
    }

    pub fn table(&self) -> String {
        let mut text = String::from("| what | |\n|---|---:|\n");
        writeln!(text, "| hours of a life | {:.0} |", self.seconds / 3600.0).unwrap();
        writeln!(text, "| rounds of questions | {} |", self.rounds).unwrap();
        writeln!(text, "| of them in vain | {} |", self.missed).unwrap();
        writeln!(text, "| datagrams | {} |", self.datagrams).unwrap();
        writeln!(text, "| of them lost | {} |", self.lost).unwrap();
        for (word, count) in &self.verdicts {
            writeln!(text, "| changes to *{word}* | {count} |").unwrap();
        }
        writeln!(text, "| restarts told | {} |", self.restarts).unwrap();
        for (what, worst) in [("off", self.off), ("silent", self.silent)] {
            writeln!(text, "| *{what}* that had to be found out in time | {} |", worst.count).unwrap();
            writeln!(text, "| the latest, as a share of time-out and interval | {:.3} |", worst.worst).unwrap();
        }
        text
    }
}

pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Alive => "alive",
        Verdict::Powered => "powered",
        Verdict::Booting => "booting",
        Verdict::Delayed => "delayed",
        Verdict::Silent => "silent",
        Verdict::Left => "left",
        Verdict::Off => "off",
        Verdict::Unknown(_) => "unknown",
    }
}

pub struct World {
    pub time: Duration,
    pub dice: Dice,
    pub fate: Fate,
    pub servers: Vec<Server>,
    due: BTreeMap<(Duration, u64), Due>,
    serial: u64,
    /// Client and BMC between which nothing passes.
    cut: Vec<(usize, usize)>,
    /// Until when something other than loss is wrong between a watcher and a BMC; what followed from it included.
    pub rough_until: Vec<Vec<Duration>>,
    /// Every change of a verdict: when, for whom, about whom.
    pub changes: Vec<(Duration, usize, usize, Verdict)>,
    /// What had to be found out: by whom, about whom, and since when it was so.
    pub wanted: Vec<(usize, usize, Verdict, Duration)>,
    pub tally: Tally,
    pub violations: Vec<(Promise, String)>,
    pub tells: bool,
    story: String,
}

impl World {
    pub fn new(seed: u64, fate: Fate) -> Self {
        let mut dice = Dice::new(!seed);
        let count = fate.kinds.len();
        let servers = (0..count).map(|place| Server::new(&fate, place, BEGIN, &mut dice)).collect();
        let mut world = Self {
            time: BEGIN,
            dice,
            servers,
            due: BTreeMap::new(),
            serial: 0,
            cut: Vec::new(),
            rough_until: vec![vec![BEGIN + s(25); count]; count],
            changes: Vec::new(),
            wanted: Vec::new(),
            tally: Tally::default(),
            violations: Vec::new(),
            tells: false,
            story: String::new(),
            fate,
        };
        for server in 0..count {
            let ago = world.dice.up_to(s(90_000));
            world.servers[server].boot_at = BEGIN - ago;
            world.new_boot(server);
            let late = world.dice.up_to(s(5));
            world.put(late, Due::Start(server, world.servers[server].boot));
        }
        for place in 0..world.fate.plan.len() {
            world.put(world.fate.plan[place].0, Due::Plan(place));
        }
        world.put(s(1), Due::Look);
        world
    }

    fn new_boot(&mut self, server: usize) {
        let seed = self.dice.seed();
        let mut boot = [0; 16];
        boot.copy_from_slice(&seed[..16]);
        self.servers[server].boot = BootId(boot);
    }

    fn bmc_now(&self) -> Now {
        Now { boottime: self.time, wall: s(1) }
    }

    fn put(&mut self, after: Duration, due: Due) {
        self.serial += 1;
        self.due.insert((self.time + after, self.serial), due);
    }

    pub fn tell(&mut self, text: impl FnOnce() -> String) {
        if self.tells {
            let at = (self.time - BEGIN).as_secs_f64();
            writeln!(self.story, "{at:>11.4} {}", text()).unwrap();
        }
    }

    pub fn story(&self) -> &str {
        &self.story
    }

    pub fn broken(&mut self, promise: Promise, what: String) {
        self.tell(|| format!("BROKEN: {promise}: {what}"));
        if self.violations.len() < 20 {
            let at = (self.time - BEGIN).as_secs_f64();
            self.violations.push((promise, format!("at {at:.3}: {what}")));
        }
    }

    // ---- time

    pub fn run(&mut self) {
        let end = BEGIN + self.fate.span;
        let most = 200_000 + self.fate.span.as_secs() * 400 * self.servers.len() as u64;
        for _ in 0..most {
            let engines = self.servers.iter().filter(|server| server.is_awake()).filter_map(|server| server.engine_at);
            let bmcs = self.servers.iter().filter_map(|server| server.bmc_at);
            let others = [self.due.keys().next().map(|(at, _)| *at), self.next_wanted()];
            let Some(next) = others.into_iter().flatten().chain(engines).chain(bmcs).min().filter(|next| *next <= end)
            else {
                self.tally.seconds += self.fate.span.as_secs_f64();
                return self.sum_up();
            };
            if next > self.time {
                self.judge_wanted();
            }
            self.time = self.time.max(next);
            self.step();
        }
        self.broken(Promise::NoPanic, "it never rests".into());
    }

    fn step(&mut self) {
        if let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= self.time) {
            let due = entry.remove();
            return self.happen(due);
        }
        for server in 0..self.servers.len() {
            if self.servers[server].bmc_at.is_some_and(|at| at <= self.time) {
                let now = self.bmc_now();
                self.servers[server].bmc.handle_timeout(now);
                self.drain_bmc(server);
            }
            if self.servers[server].is_awake() && self.servers[server].engine_at.is_some_and(|at| at <= self.time) {
                let now = self.servers[server].now(self.time);
                self.servers[server].engine.as_mut().expect("it is awake").handle_timeout(now);
                self.drain(server);
            }
        }
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::ToBmc(server, from, bytes) => {
                let now = self.bmc_now();
                if !self.servers[server].dead {
                    self.servers[server].bmc.handle_datagram(now, from, &bytes);
                    self.drain_bmc(server);
                }
            }
            Due::ToEngine(server, process, from, bytes) => {
                self.arrive(server, process, Arrival::Datagram(from, bytes));
            }
            Due::Device(server, process, id, request) => {
                if !self.servers[server].bmc_works(self.time) {
                    return; // the driver waits
                }
                let response = self.servers[server].command(self.time, &request);
                self.drain_bmc(server);
                let data = [vec![response.completion], response.data].concat();
                let answer = Heard::Answer { id, netfn: request.netfn | 1, command: request.command, data };
                self.put(DRIVER / 2, Due::Answer(server, process, answer));
            }
            Due::Answer(server, process, event) => self.arrive(server, process, Arrival::Device(event)),
            Due::Plan(place) => {
                let (_, server, what) = self.fate.plan[place];
                self.tell(|| format!("server{}: {} {:?}", server + 1, what.name(), what.span()));
                self.begin(server, what);
            }
            Due::Over(server, what) => {
                self.tell(|| format!("server{}: {} is over", server + 1, what.name()));
                self.end(server, what);
            }
            Due::Start(server, boot) => {
                let here = &self.servers[server];
                if here.boot == boot && here.engine.is_none() && here.bmc.power() == Power::Up && !here.dead {
                    self.come_up(server);
                }
            }
            Due::Gone(server, process, what, until) => self.gone(server, process, what, until),
            Due::Firmware(server, boot, begins) => self.firmware(server, boot, begins),
            Due::Kernel(server, boot) => self.kernel(server, boot),
            Due::Look => {
                self.judge_all();
                self.put(s(1), Due::Look);
            }
        }
    }

    fn arrive(&mut self, server: usize, process: u32, arrival: Arrival) {
        if self.servers[server].process == process {
            self.servers[server].arrive(self.time, arrival);
            self.drain(server);
        }
    }

    // ---- what comes out

    pub fn drain(&mut self, server: usize) {
        if self.servers[server].runs != Runs::Yes {
            return;
        }
        loop {
            let here = &mut self.servers[server];
            let now = here.now(self.time);
            let Some(output) = here.engine.as_mut().and_then(|engine| engine.poll_output()) else { break };
            let engine = here.engine.as_mut().expect("it has said something");
            match output {
                Output::Ask { to, bytes } => self.fly(server, to, bytes),
                Output::InBand(Order::Open(_)) => engine.handle_in_band(now, Heard::Opened),
                Output::InBand(Order::Close) => {}
                Output::InBand(Order::Send { id, request }) => {
                    let process = here.process;
                    self.put(DRIVER / 2, Due::Device(server, process, id, request));
                }
                Output::Append(octets) => {
                    here.journal.extend(octets);
                    engine.handle_appended(now, true);
                }
                Output::Compact(octets) => {
                    here.journal = octets;
                    engine.handle_compacted(true);
                }
                Output::Deliver(delivery) => self.hear(server, delivery),
                Output::KeepNames(_) | Output::Filter(_) => {}
                Output::Reply { .. }
                | Output::Run(_)
                | Output::Signal { .. }
                | Output::LookForDump(_)
                | Output::Panic(_) => panic!("nobody asked for that"),
            }
        }
        self.look_at(server);
        let here = &mut self.servers[server];
        here.engine_at = here.engine.as_ref().and_then(|engine| engine.next_deadline()).map(|at| here.boot_at + at);
    }

    fn hear(&mut self, server: usize, delivery: Delivery) {
        match delivery {
            Delivery::Peer(status) => {
                let peer = usize::from(status.id.0);
                self.tell(|| format!("server{}: server{} is {}", server + 1, peer + 1, status.verdict));
                let before = self.servers[server].told[peer].replace(status.verdict);
                if before != Some(status.verdict) {
                    self.changes.push((self.time, server, peer, status.verdict));
                    *self.tally.verdicts.get_mut(word(status.verdict)).expect("a word") += 1;
                } else {
                    self.tally.restarts += 1;
                }
            }
            Delivery::Log(line) => self.tell(|| format!("server{}: {}", server + 1, line.text)),
            Delivery::Recover(_) | Delivery::Progress(_) | Delivery::Notice(_) | Delivery::Echo(_) => {}
        }
    }

    fn drain_bmc(&mut self, server: usize) {
        self.servers[server].look(self.time, Done::Nothing);
        while let Some(output) = self.servers[server].bmc.poll_output() {
            match output {
                sim::Output::Send { to, bytes } => self.fly_back(server, to, bytes),
                sim::Output::Event(Event::PowerOff) => self.host_dies(server),
                sim::Output::Event(Event::Reset { .. }) => {
                    self.host_dies(server);
                    self.servers[server].truth.boots += 1;
                }
                sim::Output::Event(Event::HostBooted) => self.host_boots(server),
                sim::Output::Event(_) => {}
            }
            if self.servers[server].bmc.power().is_on() && self.servers[server].engine.is_none() {
                self.firmware_begins(server);
            }
        }
        self.servers[server].bmc_at = self.servers[server].bmc.next_deadline();
    }

    fn fly(&mut self, from: usize, to: SocketAddr, bytes: Vec<u8>) {
        let bmc = site::place(to);
        let due = |bytes| Due::ToBmc(bmc, site::client(from), bytes);
        self.send((from, bmc), bytes, due);
    }

    fn fly_back(&mut self, bmc: usize, to: SocketAddr, bytes: Vec<u8>) {
        let client = site::place(to);
        if self.servers[bmc].dead {
            return;
        }
        let process = self.servers[client].process;
        self.send((client, bmc), bytes, |bytes| Due::ToEngine(client, process, site::bmc(bmc), bytes));
    }

    fn send(&mut self, between: (usize, usize), bytes: Vec<u8>, due: impl Fn(Vec<u8>) -> Due) {
        let weather = self.fate.weather;
        self.tally.datagrams += 1;
        if self.dice.percent(weather.lost) || self.cut.contains(&between) {
            self.tally.lost += 1;
            return;
        }
        let jitter = weather.slowest - weather.fastest;
        if self.dice.percent(weather.repeated) {
            let late = weather.fastest + self.dice.up_to(jitter * 3);
            self.put(late, due(bytes.clone()));
        }
        let late = weather.fastest + self.dice.up_to(jitter);
        self.put(late, due(bytes));
    }

    // ---- hosts

    fn come_up(&mut self, server: usize) {
        self.tell(|| format!("server{}: our process begins", server + 1));
        let (count, seed) = (self.servers.len(), self.dice.seed());
        self.servers[server].boots_seen = self.servers.iter().map(|other| other.truth.boots).collect();
        self.servers[server].come_up(self.time, count, server, seed);
        for bmc in 0..count {
            self.rough(server, bmc, s(20));
        }
        self.drain(server);
    }

    fn host_dies(&mut self, server: usize) {
        self.tell(|| format!("server{}: the host is gone", server + 1));
        self.servers[server].host_dies();
        self.new_boot(server);
    }

    fn host_boots(&mut self, server: usize) {
        self.tell(|| format!("server{}: the host is up", server + 1));
        let (late, ago) = (self.dice.up_to(s(5)), self.dice.up_to(s(2)));
        let here = &mut self.servers[server];
        here.boot_at = self.time - ago;
        let boot = here.boot;
        self.put(late, Due::Start(server, boot));
        if self.servers[server].kind.kernel.is_some() {
            let early = self.dice.up_to(s(2));
            self.put(early, Due::Kernel(server, boot));
        }
    }

    /// Power, and no operating system yet.
    fn firmware_begins(&mut self, server: usize) {
        let here = &mut self.servers[server];
        let Power::Booting { until } = here.bmc.power() else { return };
        if !here.kind.firmware || here.firmware_of == Some(here.boot) {
            return;
        }
        here.firmware_of = Some(here.boot);
        let (boot, left) = (here.boot, until.saturating_sub(self.time));
        self.put(left / 10, Due::Firmware(server, boot, true));
        self.put(left / 10 * 9, Due::Firmware(server, boot, false));
    }

    /// FRB2 is set and started, or stopped.
    fn firmware(&mut self, server: usize, boot: BootId, begins: bool) {
        if self.servers[server].boot != boot || !self.servers[server].bmc_works(self.time) {
            return;
        }
        let set = Request::new(SET_WATCHDOG, [0x01, 0x00, 0, 0, 0x70, 0x17]);
        self.servers[server].command(self.time, &set);
        if begins {
            self.servers[server].command(self.time, &Request::new(RESET_WATCHDOG, []));
        }
        self.drain_bmc(server);
    }

    /// The kernel's driver sets its timer when it is loaded, and feeds it twice in its time.
    fn kernel(&mut self, server: usize, boot: BootId) {
        let here = &mut self.servers[server];
        let Some(seconds) = here.kind.kernel.filter(|_| here.boot == boot && here.bmc.power() == Power::Up) else {
            return;
        };
        let hangs = here.runs == Runs::Suspended;
        let works = here.bmc_works(self.time);
        if works && !hangs {
            if !here.kernel_runs {
                let [low, high] = ((seconds * 10) as u16).to_le_bytes();
                here.command(self.time, &Request::new(SET_WATCHDOG, [0x04, 0x01, 0, 0, low, high]));
                here.kernel_runs = true;
            }
            let answer = here.command(self.time, &Request::new(RESET_WATCHDOG, []));
            here.kernel_runs = answer.completion == 0;
        }
        self.drain_bmc(server);
        self.put(s(seconds) / 2, Due::Kernel(server, boot));
    }

    // ---- what happens to them

    /// So long something other than loss is wrong here, and what follows from it.
    pub fn rough(&mut self, watcher: usize, bmc: usize, span: Duration) {
        let until = &mut self.rough_until[watcher][bmc];
        *until = (*until).max(self.time + span);
    }

    /// Everybody's way to a BMC.
    fn rough_for_all(&mut self, bmc: usize, span: Duration) {
        (0..self.servers.len()).for_each(|watcher| self.rough(watcher, bmc, span));
    }

    fn order(&mut self, server: usize, control: u8) {
        let _ = self.servers[server].command(self.time, &Request::new(CHASSIS_CONTROL, [control]));
        self.drain_bmc(server);
    }

    fn begin(&mut self, server: usize, what: What) {
        let count = self.servers.len();
        match what {
            What::PowerOff(_) => self.order(server, 0),
            What::Cycle => self.order(server, 2),
            What::Reset => self.order(server, 3),
            What::Hang(_) | What::Suspend(_) => {
                self.servers[server].sleep(self.time, Runs::Suspended);
            }
            What::Stop(_) => self.servers[server].sleep(self.time, Runs::Stopped),
            What::CleanStop(_) => {
                let here = &mut self.servers[server];
                let now = here.now(self.time);
                if let Some(engine) = here.engine.as_mut().filter(|_| here.runs == Runs::Yes) {
                    engine.stop(now);
                    here.parting = true;
                    let process = here.process;
                    self.drain(server);
                    let until = self.time + GOODBYE;
                    self.put(POLL, Due::Gone(server, process, what, until));
                    return;
                }
            }
            What::Kill(_) => {
                self.servers[server].end();
            }
            What::BmcReboot(away) => self.reboot(server, away),
            What::Dies(_) => {
                self.servers[server].dead = true;
                self.rough_for_all(server, what.span() + s(60));
                self.order(server, 0);
            }
            What::Slots(_) => {
                self.servers[server].bmc.quirks_mut().no_slots = true;
                self.rough_for_all(server, what.span() + s(400));
                self.reboot(server, s(1));
            }
            What::Wall(step) => self.servers[server].wall += step,
            What::Cut(_) => {
                for bmc in (0..count).filter(|bmc| *bmc != server) {
                    self.cut.push((server, bmc));
                    self.rough(server, bmc, what.span() + s(60));
                }
            }
            What::Unplugged(_) => {
                for watcher in 0..count {
                    self.cut.push((watcher, server));
                }
                self.rough_for_all(server, what.span() + s(60));
            }
        }
        if what.span() > Duration::ZERO {
            self.put(what.span(), Due::Over(server, what));
        }
    }

    fn reboot(&mut self, server: usize, away: Duration) {
        let now = self.bmc_now();
        self.rough_for_all(server, away + s(60));
        self.servers[server].away_until = self.time + away;
        self.servers[server].kernel_runs = false;
        self.servers[server].bmc.restart(now, away);
        self.drain_bmc(server);
    }

    /// The process ends when its goodbye was heard, or after a second.
    fn gone(&mut self, server: usize, process: u32, what: What, until: Duration) {
        let here = &mut self.servers[server];
        if here.process != process {
            return;
        }
        let now = here.now(self.time);
        let Some(engine) = here.engine.as_mut() else { return };
        if !engine.stopped() && self.time < until {
            self.put(POLL, Due::Gone(server, process, what, until));
            return;
        }
        engine.hang_up(now);
        self.drain(server);
        self.tell(|| format!("server{}: our process has ended", server + 1));
        self.servers[server].end();
        self.put(what.span(), Due::Over(server, what));
    }

    fn end(&mut self, server: usize, what: What) {
        let boot = self.servers[server].boot;
        match what {
            What::PowerOff(_) => self.order(server, 1),
            What::Hang(_) => {
                self.servers[server].wake(self.time);
                self.order(server, 3);
            }
            What::Stop(_) | What::Suspend(_) => self.wake(server),
            What::CleanStop(_) | What::Kill(_) => self.put(Duration::ZERO, Due::Start(server, boot)),
            What::Dies(_) => {
                self.servers[server].dead = false;
                self.reboot(server, s(5));
                self.order(server, 1);
            }
            What::Slots(_) => self.servers[server].bmc.quirks_mut().no_slots = false,
            What::Cut(_) => self.cut.retain(|(watcher, bmc)| *watcher != server || *bmc == server),
            What::Unplugged(_) => self.cut.retain(|(_, bmc)| *bmc != server),
            What::Cycle | What::Reset | What::BmcReboot(_) | What::Wall(_) => {}
        }
    }

    /// It goes on where it stood; what waited comes first.
    fn wake(&mut self, server: usize) {
        self.servers[server].wake(self.time);
        for bmc in 0..self.servers.len() {
            self.rough(server, bmc, s(30));
        }
        // Sessions that it did not use are closed by their BMCs, and it opens new ones.
        while let Some(arrival) = self.servers[server].next_arrival() {
            let process = self.servers[server].process;
            self.arrive(server, process, arrival);
        }
        self.drain(server);
    }
}
