//! One life of a cluster: an engine, a journal, a BMC and a host for each node, Pacemaker between them, virtual time.
//!
//! `judge.rs` keeps the promises.

use crate::dice::Dice;
use crate::fate::{Fate, Odd, Tools, What, When, Word};
use crate::pacemaker::{CLAIM, Member, Pacemaker, ToolId};
use crate::promises::Promise;
use crate::site;
use crate::xml::name;
use bmcnotice::bmc::link::Identity;
use bmcnotice::config::model::Cluster;
use bmcnotice::engine::{Command, CommandEvent, Delivery, Engine, Output, Print, Setup, Stage};
use bmcnotice::now::Now;
use bmcnotice::recovery::journal::{BootId, replay};
use bmcnotice::sim::{self, AfterFailed, Alert, Bmc, Event, Fault, Handshaking, Power};
use bmcnotice::wire::command::CHASSIS_CONTROL;
use bmcnotice::wire::ipmi::Request;
use bmcnotice::words::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const BEGIN: Duration = s(1000);
const WALL: Duration = s(1_700_000_000);
/// Without *armed* everywhere until then the faults come all the same.
const ARMED_BY: Duration = s(20);
/// So long is looked on after the first fault: patience, boots and the last disturbance fit in.
const LIFE: Duration = s(240);
const MOST_STEPS: usize = 400_000;
/// The journal's copy on disk lags by so much.
const DISK: Duration = Duration::from_millis(2);
const AIR: Duration = Duration::from_micros(200);
const SIGNAL: Duration = Duration::from_millis(1);

#[derive(Debug)]
enum Due {
    ToTraps(usize, Vec<u8>),
    ToClient(usize, Vec<u8>),
    ToBmc(usize, SocketAddr, Vec<u8>),
    Acts(ToolId, Vec<String>),
    Answers(ToolId, CommandEvent),
    Disk(usize, u32),
    Start(usize, u32),
    Disturb(usize),
    Quorum,
    Power(usize),
}

/// What is drawn for a tool's run.
#[derive(Debug)]
struct Runs {
    keeps: bool,
    /// What it ends with, whatever it did.
    status: Option<CommandEvent>,
    answers: Duration,
}

pub struct Node {
    pub engine: Option<Engine>,
    pub bmc: Bmc,
    cluster: Arc<Cluster>,
    pub hot: Vec<u8>,
    disk: Vec<u8>,
    pub boot: u8,
    boot_at: Duration,
    pub host_up: bool,
    process: u32,
    outputs: usize,
    runs: BTreeMap<u64, Runs>,
    /// A trap of this boot has come.
    pub told: bool,
    /// Services that ran here since the fault.
    pub touched: BTreeSet<usize>,
    /// The newest attempt restarts in place.
    pub in_place: bool,
    /// The record is at rest: a clearing takes back what was set.
    pub at_rest: bool,
    /// It was cleared then, and nothing was triggered since.
    pub clean_since: Option<Duration>,
    /// A tool of ours has failed by fate, since the boot.
    pub tool_failed: bool,
    pub done: usize,
    pub failed: usize,
    pub unknown: usize,
    pub resets: usize,
    /// A recovery of it failed when nobody else could have taken the services.
    pub alone: bool,
}

pub struct World {
    pub time: Duration,
    pub dice: Dice,
    pub fate: Fate,
    pub nodes: Vec<Node>,
    pub pacemaker: Pacemaker,
    due: BTreeMap<(Duration, u64), Due>,
    serial: u64,
    pub fault: Option<Duration>,
    pub nowhere: Vec<Option<Duration>>,
    /// At any time.
    pub lacked_quorum: bool,
    pub runs: usize,
    pub met: BTreeMap<&'static str, usize>,
    pub violations: Vec<(Promise, String)>,
    story: String,
}

impl World {
    pub fn new(seed: u64, fate: Fate) -> Self {
        let mut dice = Dice::new(!seed);
        let members = fate.odd.iter().map(|odd| Member {
            down: *odd == Odd::Down,
            parked: *odd == Odd::Standby,
            ill: *odd == Odd::Ill,
            maintenance: *odd == Odd::Maintenance,
            ..Member::default()
        });
        let pacemaker = Pacemaker::new(Dice::new(dice.next()), BEGIN, members.collect(), fate.services, fate.strategy);
        let nodes = (0..fate.nodes).map(|node| {
            let after_failed = if fate.stays_after_failed { AfterFailed::Stay } else { AfterFailed::Reset };
            let options = sim::Options {
                guid: site::guid(node),
                alert: Some(Alert { interval: s(2), retries: 4, ..Alert::to(site::traps(node)) }),
                patience: fate.patience,
                after_failed,
                boot_time: fate.boot_time,
                ..sim::Options::default()
            };
            Node {
                engine: None,
                bmc: Bmc::new(options, dice.seed()),
                cluster: Arc::new(site::cluster(&fate, node)),
                hot: Vec::new(),
                disk: Vec::new(),
                boot: 1,
                boot_at: BEGIN / 2,
                host_up: true,
                process: 1,
                outputs: 0,
                runs: BTreeMap::new(),
                told: false,
                touched: BTreeSet::new(),
                in_place: false,
                at_rest: false,
                clean_since: None,
                tool_failed: false,
                done: 0,
                failed: 0,
                unknown: 0,
                resets: 0,
                alone: false,
            }
        });
        let nodes = nodes.collect();
        let mut world = Self {
            time: BEGIN,
            dice,
            nodes,
            pacemaker,
            due: BTreeMap::new(),
            serial: 0,
            fault: None,
            nowhere: vec![None; fate.services],
            lacked_quorum: false,
            runs: 0,
            met: BTreeMap::new(),
            violations: Vec::new(),
            story: String::new(),
            fate,
        };
        (0..world.fate.nodes).for_each(|node| world.come_up(node));
        world
    }

    pub fn now(&self, node: usize) -> Now {
        Now { boottime: self.time - self.nodes[node].boot_at, wall: WALL + self.time }
    }

    fn bmc_now(&self) -> Now {
        Now { boottime: self.time, wall: WALL + self.time }
    }

    fn put(&mut self, after: Duration, due: Due) {
        self.serial += 1;
        self.due.insert((self.time + after, self.serial), due);
    }

    pub fn tell(&mut self, text: &str) {
        let since = self.fault.unwrap_or(BEGIN);
        let at = self.time.saturating_sub(since).as_secs_f64() - since.saturating_sub(self.time).as_secs_f64();
        writeln!(self.story, "{at:>12.6} {text}").unwrap();
    }

    pub fn story(&self) -> &str {
        &self.story
    }

    // ---- time

    pub fn run(&mut self) {
        for _ in 0..MOST_STEPS {
            if self.fault.is_none() {
                let armed = |node: &Node| node.bmc.handshaking() == Handshaking::Armed;
                if self.nodes.iter().all(armed) || self.time > BEGIN + ARMED_BY {
                    self.begin();
                }
            }
            let end = self.fault.map_or(BEGIN + ARMED_BY + s(1), |fault| fault + LIFE);
            let Some(next) = self.next().filter(|next| *next <= end) else {
                return self.judge_end();
            };
            self.time = self.time.max(next);
            self.step();
            self.judge();
        }
        self.broken(Promise::NoPanic, "it never rests".into());
    }

    fn next(&self) -> Option<Duration> {
        let due = self.due.keys().next().map(|(at, _)| *at);
        let engines = self
            .nodes
            .iter()
            .filter_map(|node| Some(node.boot_at.saturating_add(node.engine.as_ref()?.next_deadline()?)));
        let bmcs = self.nodes.iter().filter_map(|node| node.bmc.next_deadline());
        due.into_iter().chain(engines).chain(bmcs).chain(self.pacemaker.next()).min()
    }

    fn step(&mut self) {
        self.pacemaker.run_until(self.time);
        self.finish_tools();
        for line in std::mem::take(&mut self.pacemaker.story) {
            self.tell(&format!("Pacemaker: {line}"));
        }
        if let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= self.time) {
            let due = entry.remove();
            return self.happen(due);
        }
        let bmc_now = self.bmc_now();
        for node in 0..self.nodes.len() {
            if self.nodes[node].bmc.next_deadline().is_some_and(|at| at <= self.time) {
                self.nodes[node].bmc.handle_timeout(bmc_now);
                self.drain_bmc(node);
            }
            let now = self.now(node);
            if let Some(engine) = &mut self.nodes[node].engine
                && engine.next_deadline().is_some_and(|at| at <= now.boottime)
            {
                engine.handle_timeout(now);
                self.drain(node);
            }
        }
    }

    fn begin(&mut self) {
        self.fault = Some(self.time);
        for place in 0..self.fate.plan.len() {
            if let When::After(after) = self.fate.plan[place].0 {
                self.put(after, Due::Disturb(place));
            }
        }
    }

    fn happen(&mut self, due: Due) {
        let bmc_now = self.bmc_now();
        match due {
            Due::ToTraps(node, bytes) => {
                let now = self.now(node);
                let Some(engine) = &mut self.nodes[node].engine else { return };
                engine.handle_datagram(now, site::bmc(node), &bytes);
                self.nodes[node].told = true;
                self.drain(node);
            }
            Due::ToClient(node, bytes) => {
                let now = self.now(node);
                let Some(engine) = &mut self.nodes[node].engine else { return };
                engine.handle_bmc_datagram(now, site::bmc(node), &bytes);
                self.drain(node);
            }
            Due::ToBmc(node, from, bytes) => {
                self.nodes[node].bmc.handle_datagram(bmc_now, from, &bytes);
                self.drain_bmc(node);
            }
            Due::Acts(tool, argv) => self.act(tool, &argv),
            Due::Answers(tool, event) => self.answer(tool, event),
            Due::Disk(node, process) if self.nodes[node].process == process => {
                self.nodes[node].disk = self.nodes[node].hot.clone();
            }
            Due::Disk(..) => {}
            Due::Start(node, process) => {
                let here = &self.nodes[node];
                if here.process == process && here.host_up && here.engine.is_none() {
                    self.tell(&format!("{}: we start", name(node)));
                    self.come_up(node);
                }
            }
            Due::Disturb(place) => self.disturb(self.fate.plan[place].1),
            Due::Quorum => {
                self.tell("quorum is back");
                self.pacemaker.cut = None;
                self.pacemaker.changed();
            }
            Due::Power(node) => {
                let _ = self.nodes[node].bmc.command(bmc_now, &Request::new(CHASSIS_CONTROL, [1]));
                self.drain_bmc(node);
            }
        }
    }

    // ---- disturbances

    fn disturb(&mut self, what: What) {
        self.tell(&format!("DISTURBED: {}: {what:?}", what.name()));
        *self.met.entry(what.name()).or_default() += 1;
        let bmc_now = self.bmc_now();
        let fault = Fault::preset("uncorrectable-memory").unwrap();
        match what {
            What::Strike(node) => {
                let touched: BTreeSet<usize> =
                    (0..self.fate.services).filter(|place| self.pacemaker.active[*place].contains(&node)).collect();
                let here = &mut self.nodes[node];
                here.touched.extend(touched);
                here.clean_since = None;
                let fatal = fault.fatal && self.fate.resets;
                here.bmc.raise(bmc_now, &Fault { fatal, ..fault });
                self.drain_bmc(node);
            }
            What::Kill(node, away) => self.kill(node, away),
            What::Reset(node) => {
                let _ = self.nodes[node].bmc.command(bmc_now, &Request::new(CHASSIS_CONTROL, [3]));
                self.drain_bmc(node);
            }
            What::Cleared(node) => {
                let engine = self.nodes[node].engine.is_some();
                if engine && self.nodes[node].at_rest {
                    self.nodes[node].clean_since = Some(self.time);
                }
                self.nodes[node].bmc.clear(bmc_now, &fault);
                self.drain_bmc(node);
            }
            What::Operator(node, word) => self.operate(node, word),
            What::NoQuorum(span) => {
                self.pacemaker.cut = Some(self.time);
                self.pacemaker.changed();
                self.put(span, Due::Quorum);
            }
        }
    }

    fn operate(&mut self, node: usize, word: Word) {
        let now = self.now(node);
        let replay = replay(&self.nodes[node].hot);
        for serial in replay.open().map(|record| record.id.serial()).collect::<Vec<_>>() {
            let at_rest = self.nodes[node].at_rest;
            let Some(engine) = &mut self.nodes[node].engine else { return };
            let done = match word {
                Word::Release => engine.release(now, serial),
                Word::Cancel => engine.cancel(now, serial),
                Word::Clear => engine.clear(now, serial),
            };
            if done.is_ok() && at_rest && word != Word::Release {
                self.nodes[node].clean_since = Some(self.time);
            }
            self.drain(node);
        }
    }

    fn kill(&mut self, node: usize, away: Duration) {
        if self.nodes[node].engine.take().is_some() {
            let here = &mut self.nodes[node];
            here.process += 1;
            here.runs.clear();
            here.clean_since = None; // it may have been about to take things back
            let process = here.process;
            self.put(away, Due::Start(node, process));
            self.put(DISK, Due::Disk(node, process));
        }
    }

    fn come_up(&mut self, node: usize) {
        let now = self.now(node);
        let seed = self.dice.seed();
        let here = &mut self.nodes[node];
        if here.hot.is_empty() {
            here.hot = here.disk.clone();
        }
        here.at_rest = false;
        here.engine = Some(Engine::new(
            now,
            Setup {
                cluster: here.cluster.clone(),
                users: Vec::new(),
                logins: site::logins(self.fate.nodes, node),
                identity: Identity::Unknown,
                boot: BootId([here.boot; 16]),
                replay: replay(&here.hot),
                seed,
                troubles: Vec::new(),
                maintenance: false,
                watchdog_owner: None,
            },
        ));
        self.drain(node);
    }

    fn host_dies(&mut self, node: usize) {
        if !self.nodes[node].host_up {
            return;
        }
        self.tell(&format!("{}: the host is gone", name(node)));
        let here = &mut self.nodes[node];
        (here.engine, here.host_up, here.told, here.tool_failed) = (None, false, false, false);
        (here.at_rest, here.clean_since) = (false, None);
        here.process += 1;
        here.resets += 1;
        here.hot.clear();
        here.runs.clear();
        here.touched.clear();
        self.pacemaker.run_until(self.time);
        self.pacemaker.crash(node);
    }

    fn host_boots(&mut self, node: usize) {
        let (ours, theirs, ago) = (self.dice.up_to(s(5)), self.dice.up_to(s(8)), self.dice.up_to(s(20)));
        let here = &mut self.nodes[node];
        if here.host_up {
            return;
        }
        (here.host_up, here.boot, here.boot_at) = (true, here.boot + 1, self.time - ago);
        here.process += 1;
        let process = here.process;
        self.tell(&format!("{}: the host is up", name(node)));
        self.put(ours, Due::Start(node, process));
        self.pacemaker.boot(node, theirs);
    }

    // ---- what comes out

    fn drain(&mut self, node: usize) {
        while let Some(output) = self.nodes[node].engine.as_mut().and_then(Engine::poll_output) {
            if self.fault.is_some() {
                self.nodes[node].outputs += 1;
            }
            let nth = self.nodes[node].outputs;
            let killed = self.fate.plan.iter().find_map(|(when, what)| match (when, what) {
                (When::Output(at), What::Kill(of, away)) if (*of, *at) == (node, nth) => Some(*away),
                _ => None,
            });
            match killed.filter(|_| self.fault.is_some()) {
                Some(away) => {
                    if self.dice.percent(50) {
                        self.perform(node, output, false);
                    }
                    self.disturb(What::Kill(node, away));
                }
                None => self.perform(node, output, true),
            }
        }
        self.drain_bmc(node);
    }

    fn perform(&mut self, node: usize, output: Output, lives: bool) {
        let now = self.now(node);
        match output {
            Output::Reply { to, bytes } if to == site::bmc(node) => {
                self.put(AIR, Due::ToBmc(node, site::traps(node), bytes));
            }
            Output::Ask { to, bytes } if to == site::bmc(node) => {
                self.put(AIR, Due::ToBmc(node, site::client(node), bytes));
            }
            Output::Reply { .. } | Output::Ask { .. } | Output::InBand(_) => {} // nobody is there
            Output::Append(bytes) => {
                self.nodes[node].hot.extend(bytes);
                let process = self.nodes[node].process;
                self.put(DISK, Due::Disk(node, process));
                if let (true, Some(engine)) = (lives, &mut self.nodes[node].engine) {
                    engine.handle_appended(now, true);
                }
            }
            Output::Compact(bytes) => {
                self.nodes[node].hot = bytes;
                if let (true, Some(engine)) = (lives, &mut self.nodes[node].engine) {
                    engine.handle_compacted(true);
                }
            }
            Output::Run(command) => self.start(node, command),
            Output::Signal { token, .. } => {
                let tool = (node, self.nodes[node].process, token);
                self.tell(&format!("{}: tool {} is killed", name(node), token & 0xFFFF));
                self.pacemaker.kill(tool);
                self.due.retain(|_, due| !matches!(due, Due::Acts(of, _) | Due::Answers(of, _) if *of == tool));
                self.put(SIGNAL, Due::Answers(tool, CommandEvent::Killed(9)));
            }
            Output::Panic(_) | Output::LookForDump(_) | Output::KeepNames(_) | Output::Filter(_) => {}
            Output::Deliver(Delivery::Progress(progress)) => {
                match &progress.stage {
                    Stage::AwaitingReset => self.nodes[node].at_rest = true,
                    Stage::Closed(_) => self.nodes[node].at_rest = false,
                    _ => {}
                }
                self.tell(&format!("{}: {}", name(node), progress.line().text));
            }
            Output::Deliver(Delivery::Log(line)) => self.tell(&format!("{}: {}", name(node), line.text)),
            Output::Deliver(_) => {}
        }
    }

    fn drain_bmc(&mut self, node: usize) {
        while let Some(output) = self.nodes[node].bmc.poll_output() {
            match output {
                sim::Output::Send { to, bytes } if to == site::traps(node) => self.put(AIR, Due::ToTraps(node, bytes)),
                sim::Output::Send { to, bytes } if to == site::client(node) => {
                    self.put(AIR, Due::ToClient(node, bytes));
                }
                sim::Output::Send { .. } => {}
                sim::Output::Event(event) => {
                    if !matches!(event, Event::Command(_)) {
                        self.tell(&format!("{}: BMC: {event}", name(node)));
                    }
                    match event {
                        Event::RecoveryEnded { outcome, .. } => {
                            match outcome {
                                Outcome::Done => self.nodes[node].done += 1,
                                Outcome::Failed => self.nodes[node].failed += 1,
                                Outcome::Unknown => self.nodes[node].unknown += 1,
                            }
                            self.judge_ended(node, outcome);
                        }
                        Event::Reset { .. } => self.host_dies(node),
                        Event::PowerOff => {
                            self.host_dies(node);
                            if self.nodes[node].bmc.power() == Power::Off {
                                self.put(s(20), Due::Power(node));
                            }
                        }
                        Event::HostBooted => self.host_boots(node),
                        _ => {}
                    }
                }
            }
        }
    }

    // ---- tools

    fn start(&mut self, node: usize, command: Command) {
        self.runs += 1;
        let tool = (node, self.nodes[node].process, command.token);
        self.judge_run(node, &command.argv);
        let restarts = command.argv.iter().any(|word| word == "--restart");
        let counts = restarts || command.argv.iter().any(|word| word == CLAIM);
        if counts {
            self.nodes[node].in_place = restarts;
        }
        let millis = Duration::from_millis;
        let (mut before, mut after) =
            (millis(3) + self.dice.up_to(millis(27)), millis(2) + self.dice.up_to(millis(28)));
        let mut status = None;
        match self.fate.tools[node] {
            Tools::Well => {}
            Tools::Denied => status = Some(CommandEvent::Exited(4)),
            Tools::Flaky(percent) if self.dice.percent(percent) => match self.dice.below(4) {
                0 => status = Some(CommandEvent::Exited(102)),
                1 => status = Some(CommandEvent::Killed(9)),
                2 => before += self.dice.up_to(s(12)),
                _ => after += self.dice.up_to(s(12)),
            },
            Tools::Flaky(_) => {}
        }
        self.nodes[node].tool_failed |= status.is_some() || before + after > s(1);
        // One that says no has done nothing; one that is killed may have.
        let acts = match status {
            Some(CommandEvent::Exited(_)) => false,
            Some(_) if restarts => false,
            Some(_) => self.dice.percent(50),
            None => true,
        };
        let text = command.argv.join(" ");
        self.tell(&format!("{}: tool {} runs: {text} {status:?}", name(node), command.token & 0xFFFF));
        let keeps = command.print == Print::Keep;
        self.nodes[node].runs.insert(command.token, Runs { keeps, status: status.clone(), answers: after });
        if acts {
            self.put(before, Due::Acts(tool, command.argv));
        } else if let Some(status) = status {
            self.put(before + after, Due::Answers(tool, status));
        }
    }

    fn act(&mut self, tool: ToolId, argv: &[String]) {
        let node = tool.0;
        if !self.nodes[node].host_up {
            return;
        }
        self.judge_act(node, argv);
        let result = self.pacemaker.act(tool, argv);
        // A tool outlives the process that started it; nobody hears of it.
        let Some(runs) = self.nodes[node].runs.get(&tool.2).filter(|_| self.nodes[node].process == tool.1) else {
            return;
        };
        let (keeps, answers, drawn) = (runs.keeps, runs.answers, runs.status.clone());
        let Some((status, stdout)) = result else { return };
        if keeps && drawn.is_none() {
            self.put(answers, Due::Answers(tool, CommandEvent::Kept(stdout.into_bytes())));
        }
        self.put(answers, Due::Answers(tool, drawn.unwrap_or(CommandEvent::Exited(status))));
    }

    fn finish_tools(&mut self) {
        for (tool, status) in std::mem::take(&mut self.pacemaker.finished) {
            self.put(AIR, Due::Answers(tool, CommandEvent::Exited(status)));
        }
    }

    fn answer(&mut self, tool: ToolId, event: CommandEvent) {
        let (node, process, token) = tool;
        if self.nodes[node].process != process {
            return;
        }
        if !matches!(event, CommandEvent::Kept(_)) && self.nodes[node].runs.remove(&token).is_none() {
            return;
        }
        let now = self.now(node);
        if let Some(engine) = &mut self.nodes[node].engine {
            engine.handle_command(now, token, event);
        }
        self.drain(node);
    }
}
