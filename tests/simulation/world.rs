//! The engine, the BMC, the air between them, and virtual time.

use crate::dice::Dice;
use bmcnotice::bmc::link::{Identity, Login};
use bmcnotice::config::facts::Facts;
use bmcnotice::config::model::{Cluster, Privilege};
use bmcnotice::config::native;
use bmcnotice::crypto::Secret;
use bmcnotice::engine::{Delivery, Engine, Output, Setup, Stage};
use bmcnotice::now::Now;
use bmcnotice::recovery::journal::{BootId, replay};
use bmcnotice::sim::{self, Alert, Bmc, Event, Fault, Handshaking};
use bmcnotice::suite::Suite;
use bmcnotice::words::{Answer, Guid};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const GUID: Guid = Guid([0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE, 1, 2, 3, 4, 5, 6, 7, 8]);
const TRAPS: &str = "10.0.0.1:162";
const CLIENT: &str = "10.0.0.1:40000";
const BMC: &str = "10.0.1.1:623";

/// When everything began, on both clocks.
const BEGIN: Now = Now { boottime: s(1000), wall: s(1_700_000_000) };
/// The monitor's deadline.
const DEADLINE: Duration = s(10);
/// The worst weather is over by then, counted from the fault; *ended* is told for twice as long.
const STORM: Duration = s(30);
/// After the fault so long is looked on.
const AFTERMATH: Duration = s(150);
/// Without *armed* until then no fault is raised.
const ARMED_BY: Duration = s(60);
/// More inputs than any life needs.
const MOST_STEPS: usize = 100_000;

/// What the recovery does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    Answers(Answer, Duration),
    Overruns,
}

/// What will happen, drawn before it does.
#[derive(Debug)]
pub struct Fate {
    loss: u64,
    repeats: u64,
    delay: Duration,
    /// Nothing gets through, from and for so long after the fault.
    outage: Option<(Duration, Duration)>,
    /// Good weather from here, after the fault.
    calm: Duration,
    recovery: Recovery,
    /// We are killed so long after the fault, and are back so much later.
    pub kill: Option<(Duration, Duration)>,
    /// The BMC itself restarts so long after the fault, and is away for so long.
    bmc_restart: Option<(Duration, Duration)>,
    /// Appends fail now and then.
    pub broken_journal: bool,
    pub power_cycle: bool,
    /// The BMC would reset for the fault.
    resets: bool,
}

impl Fate {
    pub fn draw(dice: &mut Dice) -> Self {
        let answer = match dice.below(10) {
            0..6 => Recovery::Answers(Answer::Done, dice.up_to(s(6))),
            6..8 => Recovery::Answers(Answer::Failed, dice.up_to(s(6))),
            _ => Recovery::Overruns,
        };
        let mut some =
            |chance, from: Duration, span: Duration| dice.percent(chance).then(|| (dice.up_to(from), dice.up_to(span)));
        let (outage, kill, bmc_restart) = (some(30, s(5), s(20)), some(30, s(8), s(3)), some(15, s(8), s(10)));
        Self {
            loss: dice.below(40),
            repeats: dice.below(30),
            delay: dice.up_to(Duration::from_millis(80)),
            outage,
            calm: dice.up_to(STORM),
            recovery: answer,
            kill,
            bmc_restart,
            broken_journal: dice.percent(15),
            power_cycle: dice.percent(40),
            resets: dice.percent(50),
        }
    }

    pub fn may_end(&self, outcome: &str) -> bool {
        match outcome {
            "done" => matches!(self.recovery, Recovery::Answers(Answer::Done, _)),
            "failed" => !matches!(self.recovery, Recovery::Answers(Answer::Done, _)),
            _ => self.kill.is_some(),
        }
    }
}

#[derive(Debug)]
enum Due {
    ToTraps(Vec<u8>),
    ToClient(Vec<u8>),
    ToBmc(SocketAddr, Vec<u8>),
    Answer(u64, Answer),
    Kill(Duration),
    Return,
    BmcRestart(Duration),
}

pub struct World {
    now: Now,
    dice: Dice,
    cluster: Arc<Cluster>,
    engine: Option<Engine>,
    bmc: Bmc,
    journal: Vec<u8>,
    /// In the order in which they were put there, which decides among equal times.
    due: Vec<(Duration, Due)>,
    fault: Option<Duration>,
    answer: Recovery,
    pub calls: usize,
    /// The journal lacks something.
    dirty: bool,
    /// It did when we were killed: then nothing is promised.
    pub lost: bool,
    /// A record was made.
    pub noticed: bool,
    reset: Option<Duration>,
    events: Vec<Event>,
    story: String,
}

fn cluster(power_cycle: bool) -> Cluster {
    let after = if power_cycle { "power-cycle" } else { "bmc" };
    let text = format!(
        r#"
        [cluster]
        name = "simulation"
        this_server = "server1"
        [[server]]
        name = "server1"
        addresses = ["10.0.0.1"]
        [server.bmc]
        address = "{BMC}"
        user = "admin"
        password = "password"
        guid = "{GUID}"
        handshake = "sim"
        after_ended = "{after}"
        patience = "200s"
        [handshake.sim]
        armed = {{ netfn = 0x30, command = 0x70, data = [0] }}
        started = {{ netfn = 0x30, command = 0x70, data = [1] }}
        ended = {{ netfn = 0x30, command = 0x70, data = [2, "outcome"] }}
        disarmed = {{ netfn = 0x30, command = 0x70, data = [3] }}
        [[monitor]]
        name = "mrw1"
        trust = "address"
        chassis_on_address = true
        recovery = "callback"
        target = "failover1"
        deadline = "10s"
        tell_deadline = "60s"
        [monitor.keywords]
        server1 = "{TRAPS}"
        [heartbeat]
        bmc = true
        interval = "3s"
        timeout = "30s"
        "#
    );
    let outcome = native::parse(&text, "simulation.toml", &[], &Facts::default());
    outcome.cluster.unwrap_or_else(|| panic!("{:#?}", outcome.findings))
}

impl World {
    pub fn new(seed: u64, fate: &Fate) -> Self {
        let mut dice = Dice::new(!seed);
        let alert = Alert { interval: s(2), ..Alert::to(TRAPS.parse().unwrap()) };
        let options = sim::Options { guid: GUID, alert: Some(alert), patience: s(200), ..sim::Options::default() };
        let bmc = Bmc::new(options, dice.seed());
        let mut world = Self {
            now: BEGIN,
            dice,
            cluster: Arc::new(cluster(fate.power_cycle)),
            engine: None,
            bmc,
            journal: Vec::new(),
            due: Vec::new(),
            fault: None,
            answer: fate.recovery,
            calls: 0,
            dirty: false,
            lost: false,
            noticed: false,
            reset: None,
            events: Vec::new(),
            story: String::new(),
        };
        world.come_up();
        world
    }

    fn come_up(&mut self) {
        let login = Login {
            user: b"admin".to_vec(),
            password: Secret::new("password"),
            kg: None,
            suites: vec![Suite::Seventeen, Suite::Three],
            privilege: Privilege::Administrator,
        };
        self.engine = Some(Engine::new(
            self.now,
            Setup {
                cluster: self.cluster.clone(),
                logins: vec![Some(login)],
                identity: Identity::Unknown,
                boot: BootId([1; 16]),
                replay: replay(&self.journal),
                seed: self.dice.seed(),
                troubles: Vec::new(),
                maintenance: false,
            },
        ));
    }

    /// The whole life.
    pub fn run(&mut self, fate: &Fate) {
        for _ in 0..MOST_STEPS {
            self.drain(fate);
            let since_begin = self.now.boottime - BEGIN.boottime;
            if self.fault.is_none() && self.bmc.handshaking() == Handshaking::Armed && since_begin > s(1) {
                self.raise(fate);
                continue;
            }
            let end = match (self.fault, self.reset) {
                (_, Some(reset)) => reset, // the host is gone, and we with it
                (Some(fault), None) => fault + AFTERMATH,
                (None, None) => BEGIN.boottime + ARMED_BY,
            };
            let Some(next) = self.next().filter(|next| *next <= end) else { return };
            // Never backwards, and a deadline that is over is called at once.
            let by = next.saturating_sub(self.now.boottime);
            self.now = self.now.after(by);
            self.step();
        }
        panic!("it never rests: {}", self.story());
    }

    fn next(&self) -> Option<Duration> {
        let due = self.due.iter().map(|(at, _)| *at).min();
        let engine = self.engine.as_ref().and_then(Engine::next_deadline);
        // Looks around once in a while.
        let look = self.fault.is_none().then_some(self.now.boottime + s(1));
        [due, engine, self.bmc.next_deadline(), look].into_iter().flatten().min()
    }

    fn step(&mut self) {
        let at = self.now.boottime;
        let first = self.due.iter().enumerate().filter(|(_, (due, _))| *due <= at).min_by_key(|(_, (due, _))| *due);
        if let Some(place) = first.map(|(place, _)| place) {
            let (_, due) = self.due.remove(place);
            return self.happen(due);
        }
        if self.bmc.next_deadline().is_some_and(|deadline| deadline <= at) {
            self.bmc.handle_timeout(self.now);
        }
        if let Some(engine) = &mut self.engine {
            engine.handle_timeout(self.now);
        }
    }

    fn happen(&mut self, due: Due) {
        let bmc = BMC.parse().unwrap();
        match (due, &mut self.engine) {
            (Due::ToTraps(bytes), Some(engine)) => engine.handle_datagram(self.now, bmc, &bytes),
            (Due::ToClient(bytes), Some(engine)) => engine.handle_bmc_datagram(self.now, bmc, &bytes),
            (Due::ToBmc(from, bytes), _) => self.bmc.handle_datagram(self.now, from, &bytes),
            (Due::Answer(token, answer), Some(engine)) => drop(engine.answer(self.now, token, answer)),
            (Due::Kill(away), _) => {
                self.tell("killed");
                self.engine = None;
                self.lost |= self.dirty;
                self.due.push((self.now.boottime + away, Due::Return));
            }
            (Due::Return, _) => {
                self.tell("back");
                self.come_up();
            }
            (Due::BmcRestart(away), _) => self.bmc.restart(self.now, away),
            (Due::ToTraps(_) | Due::ToClient(_) | Due::Answer(..), None) => {}
        }
    }

    fn raise(&mut self, fate: &Fate) {
        let at = self.now.boottime;
        self.fault = Some(at);
        if let Some((when, away)) = fate.kill {
            self.due.push((at + when, Due::Kill(away)));
        }
        if let Some((when, away)) = fate.bmc_restart {
            self.due.push((at + when, Due::BmcRestart(away)));
        }
        let fault = Fault { fatal: fate.resets, ..Fault::preset("uncorrectable-memory").unwrap() };
        self.bmc.raise(self.now, &fault);
    }

    /// Performs all output, the engine's first.
    fn drain(&mut self, fate: &Fate) {
        while let Some(output) = self.engine.as_mut().and_then(Engine::poll_output) {
            match output {
                Output::Reply { to, bytes } | Output::Ask { to, bytes } if to != BMC.parse().unwrap() => {
                    panic!("{} octets to {to}", bytes.len());
                }
                Output::Reply { bytes, .. } => self.fly(fate, Due::ToBmc(TRAPS.parse().unwrap(), bytes)),
                Output::Ask { bytes, .. } => self.fly(fate, Due::ToBmc(CLIENT.parse().unwrap(), bytes)),
                Output::Append(bytes) => {
                    let stored = !(fate.broken_journal && self.dice.percent(30));
                    self.dirty |= !stored;
                    if stored {
                        self.journal.extend(bytes);
                    }
                    if let Some(engine) = &mut self.engine {
                        engine.handle_appended(self.now, stored);
                    }
                }
                Output::Compact(bytes) => {
                    let stored = !(fate.broken_journal && self.dice.percent(30));
                    if stored {
                        (self.journal, self.dirty) = (bytes, false);
                    }
                    if let Some(engine) = &mut self.engine {
                        engine.handle_compacted(stored);
                    }
                }
                Output::Panic(_) => panic!("no final action is declared"),
                Output::Deliver(Delivery::Recover(recover)) => {
                    self.calls += 1;
                    if let Recovery::Answers(answer, after) = self.answer {
                        // At once is answered in between, as by a callback; else by its token.
                        if !after.is_zero() {
                            self.due.push((self.now.boottime, Due::Answer(recover.token, Answer::Later)));
                        }
                        self.due.push((self.now.boottime + after, Due::Answer(recover.token, answer)));
                    }
                }
                Output::Deliver(Delivery::Progress(progress)) => {
                    self.noticed |= matches!(progress.stage, Stage::Recorded { .. });
                    self.tell(&progress.line().text);
                }
                Output::Deliver(Delivery::Log(line)) => self.tell(&line.text),
                Output::Deliver(Delivery::Notice(_) | Delivery::Peer(_)) => {}
                Output::Run(_) | Output::Signal { .. } => panic!("no command is configured"),
            }
        }
        while let Some(output) = self.bmc.poll_output() {
            match output {
                sim::Output::Send { to, bytes } if to == TRAPS.parse().unwrap() => self.fly(fate, Due::ToTraps(bytes)),
                sim::Output::Send { to, bytes } => {
                    assert_eq!(to, CLIENT.parse().unwrap());
                    self.fly(fate, Due::ToClient(bytes));
                }
                sim::Output::Event(event) => {
                    if matches!(event, Event::Reset { .. } | Event::PowerOff) {
                        self.reset.get_or_insert(self.now.boottime);
                    }
                    self.tell(&format!("BMC: {event}"));
                    self.events.push(event);
                }
            }
        }
    }

    /// Puts a datagram into the air: it comes never, once or twice, and when it likes.
    fn fly(&mut self, fate: &Fate, due: Due) {
        let since = self.fault.map(|fault| self.now.boottime - fault);
        let out = |(from, span): (Duration, Duration)| since.is_some_and(|since| since >= from && since < from + span);
        let calm = since.is_some_and(|since| since >= fate.calm);
        if calm || since.is_none() {
            // Before the fault the weather is fair: that links open in storms is the links' own test.
            self.due.push((self.now.boottime + Duration::from_micros(100), due));
            return;
        }
        let copies = if fate.outage.is_some_and(out) || self.dice.percent(fate.loss) {
            0
        } else if self.dice.percent(fate.repeats) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let copy = match &due {
                Due::ToTraps(bytes) => Due::ToTraps(bytes.clone()),
                Due::ToClient(bytes) => Due::ToClient(bytes.clone()),
                Due::ToBmc(from, bytes) => Due::ToBmc(*from, bytes.clone()),
                other => panic!("{other:?} does not fly"),
            };
            let delay = self.dice.up_to(fate.delay);
            self.due.push((self.now.boottime + delay, copy));
        }
    }

    fn tell(&mut self, text: &str) {
        let at = self.now.boottime - self.fault.unwrap_or(BEGIN.boottime);
        writeln!(self.story, "{:>12.6} {text}", at.as_secs_f64()).unwrap();
    }

    /// What happened.
    pub fn story(&self) -> &str {
        &self.story
    }

    /// What the BMC heard of recoveries.
    pub fn words(&self) -> Vec<String> {
        let word = |event: &Event| match event {
            Event::RecoveryStarted { .. } => Some("started".to_owned()),
            Event::RecoveryEnded { outcome, .. } => Some(format!("ended {outcome}")),
            _ => None,
        };
        self.events.iter().filter_map(word).collect()
    }

    /// The Chassis Controls that the BMC was given.
    pub fn chassis(&self) -> Vec<u8> {
        let control = self.bmc.log().filter(|entry| (entry.netfn, entry.command) == (0x00, 0x02));
        control.map(|entry| entry.data[0]).collect()
    }

    /// The host was reset, though nobody had said *ended*: by a BMC that restarted and forgot, or lost patience.
    pub fn died_early(&self) -> bool {
        self.reset.is_some() && !self.words().iter().any(|word| word.starts_with("ended"))
    }
}

const _: () = assert!(DEADLINE.as_secs() + STORM.as_secs() < AFTERMATH.as_secs());
