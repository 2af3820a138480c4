//! One life: the engine, its files, the BMC and the host, the air between them, and virtual time.
//!
//! `hands.rs` performs what the engine and the BMC put out, `havoc.rs` disturbs, `truth.rs` keeps the promises.

use crate::air::Due;
use crate::coverage::Coverage;
use crate::dice::Dice;
use crate::fate::{Fate, What, When};
use crate::ledger::{Book, State};
use crate::promises::Promise;
use crate::site::{self, GUID, TRAPS};
use crate::storage::Storage;
use crate::truth::{Sent, Truth, place};
use bmcnotice::bmc::link::Identity;
use bmcnotice::config::model::Cluster;
use bmcnotice::engine::{Engine, Setup};
use bmcnotice::now::Now;
use bmcnotice::recovery::journal::{BootId, replay};
use bmcnotice::sim::{self, AfterFailed, Alert, Bmc, Fault, Handshaking};
use bmcnotice::words::Answer;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

pub const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The world's time when a life begins; the host has been up since half of it.
const BEGIN: Duration = s(2000);
const WALL: Duration = s(1_700_000_000);
/// After the last that happened so long is looked on: deadline and telling fit in.
const AFTERMATH: Duration = s(200);
/// Without *armed* until then no fault is raised.
const ARMED_BY: Duration = s(60);
/// More inputs than any life needs.
const MOST_STEPS: usize = 200_000;
/// The most outputs of one input, a start included.
pub const MOST_OUTPUTS: usize = 300;

/// What a trap says, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    Fatal,
    Recoverable,
    Cleared,
}

pub struct World {
    pub time: Duration,
    /// When the host booted, and how far its wall clock is ahead.
    pub boot_at: Duration,
    pub ahead: i64,
    pub dice: Dice,
    pub fate: Fate,
    cluster: Arc<Cluster>,
    pub engine: Option<Engine>,
    pub bmc: Bmc,
    pub storage: Storage,
    /// In the order in which they were put there, which decides among equal times.
    pub due: Vec<(Duration, Due)>,
    pub fault: Option<Duration>,
    pub boot: u8,
    pub host_up: bool,
    /// Counts processes, and engines.
    pub process: u32,
    pub life: u32,
    /// We do not run until then; what comes meanwhile is lost, or waits.
    pub paused: Option<(Duration, bool)>,
    /// What the engine says of itself, whatever became of it in the file.
    pub book: Book,
    pub truths: Vec<Truth>,
    /// Token, life, record, and since when.
    pub tokens: Vec<(u64, u32, u64, Duration)>,
    /// What was answered for good.
    answered: Vec<(u32, u64)>,
    /// The trap that is being handled, and all there were: event, what it says.
    pub handling: Option<u16>,
    pub traps: Vec<(Vec<u8>, Says)>,
    pub last_trap: Option<(u16, Vec<u8>)>,
    /// Of these, those that the BMC never sent; and the boot in which each of the others was.
    pub forged: Vec<u16>,
    pub sent_in: Vec<u8>,
    /// What the BMC hears was sent when this was so.
    pub hearing: Sent,
    /// Outputs since the fault; how many there were when the last recovery came to rest; what comes at which.
    pub outputs: usize,
    pub settled: usize,
    pub at_outputs: Vec<(usize, usize)>,
    pub fired: Vec<bool>,
    /// The record whose final action went out last.
    pub finishing: u64,
    pub excused: bool,
    /// It says goodbye, and takes no trap any more.
    leaving: bool,
    /// The switch, as the operator left it; a new process does not know it.
    pub maintenance: bool,
    pub bmc_may_not_listen: bool,
    pub last_event: Duration,
    pub starts: usize,
    pub ended: Vec<u8>,
    pub chassis: usize,
    pub coverage: Coverage,
    pub violations: Vec<(Promise, String)>,
    story: String,
}

impl World {
    /// `range`: how many outputs this life has without what comes at one.
    pub fn new(seed: u64, fate: Fate, range: usize) -> Self {
        let mut dice = Dice::new(!seed);
        let alert = Alert { interval: s(2), retries: fate.trap_retries, ..Alert::to(TRAPS.parse().unwrap()) };
        let after_failed = if fate.stays_after_failed { AfterFailed::Stay } else { AfterFailed::Reset };
        let options = sim::Options {
            guid: GUID,
            alert: Some(alert),
            patience: fate.patience,
            after_failed,
            boot_time: fate.boot_time,
            ..sim::Options::default()
        };
        let mut bmc = Bmc::new(options, dice.seed());
        bmc.quirks_mut().sel_after_pet = fate.sel_late;
        let nth = |(place, (when, _)): (usize, &(When, What))| match when {
            When::Output(part) => Some((*part as usize * range / 1000 + 1, place)),
            When::After(_) | When::In(..) => None,
        };
        let at_outputs = fate.disturbances.iter().enumerate().filter_map(nth).collect();
        let storage = Storage::new(fate.disk_lag);
        let mut world = Self {
            time: BEGIN,
            boot_at: BEGIN / 2,
            ahead: 0,
            dice,
            cluster: Arc::new(site::cluster(&fate)),
            engine: None,
            bmc,
            storage,
            due: Vec::new(),
            fault: None,
            boot: 1,
            host_up: true,
            process: 1,
            life: 0,
            paused: None,
            book: Book::default(),
            truths: Vec::new(),
            tokens: Vec::new(),
            answered: Vec::new(),
            handling: None,
            traps: Vec::new(),
            last_trap: None,
            forged: Vec::new(),
            sent_in: Vec::new(),
            hearing: Sent::default(),
            outputs: 0,
            settled: 0,
            at_outputs,
            fired: vec![false; fate.disturbances.len()],
            finishing: 0,
            excused: false,
            leaving: false,
            maintenance: false,
            bmc_may_not_listen: fate.trouble() > s(35),
            last_event: BEGIN,
            starts: 0,
            ended: Vec::new(),
            chassis: 0,
            coverage: Coverage::default(),
            violations: Vec::new(),
            story: String::new(),
            fate,
        };
        world.come_up();
        world
    }

    /// As the engine is told.
    pub fn now(&self) -> Now {
        let wall = (WALL + self.time).as_secs() as i64 + self.ahead;
        Now { boottime: self.time - self.boot_at, wall: s(u64::try_from(wall).unwrap_or(0)) }
    }

    /// As the BMC is told, whose clock nobody steps.
    pub fn bmc_now(&self) -> Now {
        Now { boottime: self.time, wall: WALL + self.time }
    }

    /// A process starts, or a panic's engine is rebuilt.
    pub fn come_up(&mut self) {
        let found = match self.storage.open(self.time) {
            Ok(found) => found,
            Err(until) => return self.put(until - self.time, Due::Start(self.process)),
        };
        let excused = self.excused || self.storage.is_excused(self.time);
        self.note_replay(&found, excused);
        (self.life, self.last_event, self.paused) = (self.life + 1, self.time, None);
        (self.excused, self.leaving) = (false, false);
        let seed = self.dice.seed();
        self.engine = Some(Engine::new(
            self.now(),
            Setup {
                cluster: self.cluster.clone(),
                users: Vec::new(),
                logins: site::logins(),
                identity: Identity::Unknown,
                boot: BootId([self.boot; 16]),
                replay: replay(&found),
                seed,
                troubles: Vec::new(),
                maintenance: self.maintenance,
                watchdog_owner: None,
            },
        ));
        let life = self.life;
        self.drain();
        if self.engine.is_some() && self.life == life && self.paused.is_none() {
            self.judge_start();
        }
    }

    /// The process is gone, or what was the engine is.
    pub fn die(&mut self) {
        if self.engine.take().is_some() {
            self.excused = self.storage.is_excused(self.time);
            self.storage.killed();
        }
        (self.paused, self.maintenance) = (None, false);
        self.process += 1;
    }

    /// The whole life.
    pub fn run(&mut self) {
        for _ in 0..MOST_STEPS {
            self.drain();
            self.look();
            if self.fault.is_none() && self.bmc.handshaking() == Handshaking::Armed && self.time > BEGIN + s(1) {
                self.begin();
                continue;
            }
            let end = match self.fault {
                Some(_) => self.last_event + AFTERMATH,
                None => BEGIN + ARMED_BY,
            };
            match self.next().filter(|next| *next <= end) {
                // Never backwards, and a deadline that is over is called at once.
                Some(next) => self.time = self.time.max(next),
                None => {
                    if self.engine.is_some() {
                        self.judge();
                    } else {
                        self.broken(Promise::NoPanic, "the life ends without us".into());
                    }
                    return;
                }
            }
            self.step();
        }
        panic!("it never rests: {}", self.story());
    }

    fn next(&self) -> Option<Duration> {
        let due = self.due.iter().map(|(at, _)| *at).min();
        let engine = self.engine.as_ref().and_then(Engine::next_deadline).map(|at| self.boot_at.saturating_add(at));
        let engine = match self.paused {
            Some((until, _)) => Some(until),
            None => engine,
        };
        // Looks around once in a while.
        let look = self.fault.is_none().then_some(self.time + s(1));
        [due, engine, self.bmc.next_deadline(), self.storage.next(), look].into_iter().flatten().min()
    }

    fn step(&mut self) {
        let first = self.due.iter().enumerate().filter(|(_, (at, _))| *at <= self.time);
        if let Some(place) = first.min_by_key(|(_, (at, _))| *at).map(|(place, _)| place) {
            let (_, due) = self.due.remove(place);
            return self.happen(due);
        }
        self.storage.copy(self.time);
        if self.bmc.next_deadline().is_some_and(|deadline| deadline <= self.time) {
            self.bmc.handle_timeout(self.bmc_now());
        }
        self.wake();
        let now = self.now();
        if self.paused.is_none()
            && let Some(engine) = &mut self.engine
        {
            engine.handle_timeout(now);
        }
    }

    /// We run again, and go on with what we were doing.
    fn wake(&mut self) {
        if self.paused.is_some_and(|(until, _)| until <= self.time) {
            self.paused = None;
            self.drain();
            self.handling = None;
        }
    }

    fn happen(&mut self, due: Due) {
        // While we are stopped the kernel keeps what comes; while the host sleeps it is lost.
        self.wake();
        let ours = matches!(due, Due::ToTraps(..) | Due::ToClient(..) | Due::Answer(..) | Due::Command(..));
        if let (true, Some((until, loses))) = (ours, self.paused) {
            if !(loses && matches!(due, Due::ToTraps(..) | Due::ToClient(..))) {
                self.due.push((until, due));
            }
            return;
        }
        let (now, bmc_now) = (self.now(), self.bmc_now());
        match (due, &mut self.engine) {
            (Due::ToTraps(from, trap, bytes), Some(engine)) => {
                engine.handle_datagram(now, from, &bytes);
                let life = self.life;
                self.handling = trap;
                self.drain();
                self.handling = self.handling.filter(|_| self.paused.is_some());
                if let (Some(trap), true) = (trap, self.engine.is_some() && self.life == life && self.paused.is_none())
                {
                    self.judge_trap(trap);
                }
            }
            (Due::ToClient(from, bytes), Some(engine)) => engine.handle_bmc_datagram(now, from, &bytes),
            (Due::ToTraps(..) | Due::ToClient(..), None) => {}
            (Due::ToBmc(from, sent, bytes), _) => {
                self.hearing = sent;
                self.bmc.handle_datagram(bmc_now, from, &bytes);
                self.drain_bmc();
            }
            (Due::Answer(process, life, token, answer), _) if process == self.process => {
                self.bring(life, token, answer);
            }
            (Due::Command(process, life, token, event), _) if process == self.process => {
                self.bring_command(life, token, event);
            }
            (Due::Answer(..) | Due::Command(..), _) => {} // they died with their process, or nobody knows them
            (Due::Disturb(place), _) => self.fire(place),
            (Due::Reload(process), _) if process == self.process && self.paused.is_none() => self.reload(),
            (Due::Reload(_), _) => {}
            (Due::Operator(word), _) if self.paused.is_none() => self.operate(word),
            (Due::Operator(_), _) => {}
            (Due::Leave(process), Some(engine)) if process == self.process => {
                engine.stop(now);
                self.leaving = true;
                self.put(s(3), Due::HostEnds(self.boot));
            }
            (Due::HostEnds(boot), _) if boot == self.boot && self.host_up => self.host_ends(),
            (Due::Leave(_) | Due::HostEnds(_), _) => {}
            (Due::Start(process), None) if process == self.process && self.host_up => {
                self.tell("we start");
                self.come_up();
            }
            (Due::Start(_), _) => {}
            (Due::BmcIsWell, _) => {
                let quirks = self.bmc.quirks_mut();
                (quirks.no_slots, quirks.reject_logins, quirks.shown_guid) = (false, false, None);
                self.last_event = self.time;
            }
            (Due::BmcHears, _) => self.bmc.quirks_mut().handshake_code = None,
            (Due::BmcSpeaks, _) => self.bmc.quirks_mut().silent = false,
            (Due::PowerButton, _) => self.press_power(),
        }
    }

    fn begin(&mut self) {
        self.fault = Some(self.time);
        self.last_event = self.time;
        for place in 0..self.fate.disturbances.len() {
            if let When::After(after) = self.fate.disturbances[place].0 {
                self.put(after, Due::Disturb(place));
            }
        }
        self.look();
        self.raise(self.fate.first);
    }

    pub fn raise(&mut self, name: &'static str) {
        let preset = Fault::preset(name).unwrap();
        let fatal = preset.fatal && self.fate.resets;
        self.bmc.raise(self.bmc_now(), &Fault { fatal, ..preset });
        self.drain_bmc();
    }

    /// Where the newest recovery stands.
    pub fn state(&self) -> State {
        if !self.host_up {
            return State::Down;
        }
        if self.engine.is_none() {
            return State::Dead;
        }
        let here = |entry: &&crate::ledger::Entry| {
            !entry.monitor.is_empty() && entry.boot == self.boot && entry.closed() != Some(5)
        };
        self.book.0.values().rev().find(here).map_or(State::Idle, |entry| entry.state())
    }

    /// Disturbs, if it is the state for it.
    pub fn look(&mut self) {
        if self.fault.is_none() {
            return;
        }
        let state = self.state();
        for place in 0..self.fate.disturbances.len() {
            if let When::In(wanted, delay) = self.fate.disturbances[place].0
                && wanted == state
                && !self.fired[place]
            {
                self.fired[place] = true;
                match delay.is_zero() {
                    true => self.fire(place),
                    false => self.put(delay, Due::Disturb(place)),
                }
                return; // the state may be another now
            }
        }
    }

    /// What a trap says; none: it is not one of our BMC's.
    pub fn fatal(&self, trap: u16) -> Option<Says> {
        self.traps.get(usize::from(trap)).map(|(_, says)| *says)
    }

    /// The places of the monitors that want it.
    pub fn wanting(&self, says: Says) -> Vec<usize> {
        let wants = |on_recoverable| match says {
            Says::Fatal => true,
            Says::Recoverable => on_recoverable,
            Says::Cleared => false,
        };
        (0..self.fate.plans.len()).filter(|place| wants(self.fate.plans[*place].on_recoverable)).collect()
    }

    fn judge_trap(&mut self, trap: u16) {
        let Some(says) = self.fatal(trap).filter(|_| !self.leaving) else { return };
        if self.is_of_an_earlier_boot(trap) {
            return;
        }
        for wanting in self.wanting(says) {
            let is = |t: &Truth| t.sequence == Some(trap) && (t.known || t.hurt) && place(&t.monitor) == wanting;
            if !self.truths.iter().any(|t| !t.monitor.is_empty() && is(t)) {
                self.broken(Promise::Recorded, format!("trap {trap} came and mrw{} has no record", wanting + 1));
            }
        }
    }

    /// The answer of a callback comes in.
    fn bring(&mut self, life: u32, token: u64, answer: Answer) {
        let now = self.now();
        let Some(engine) = &mut self.engine else { return };
        let taken = engine.answer(now, token, answer).is_ok();
        self.note_answer(life, token, answer, taken);
    }

    fn note_answer(&mut self, life: u32, token: u64, answer: Answer, taken: bool) {
        let Some(&(_, _, serial, _)) = self.tokens.iter().find(|(t, l, ..)| (*t, *l) == (token, life)) else { return };
        if taken && life != self.life {
            self.broken(
                Promise::Stale,
                format!("an answer of record {serial} from engine {life} is taken by {}", self.life),
            );
        }
        if !taken || answer == Answer::Later {
            return;
        }
        if self.answered.contains(&(life, token)) {
            self.broken(Promise::Stale, format!("an attempt of record {serial} is answered twice"));
        }
        self.answered.push((life, token));
        if let Some(truth) = self.truth(serial) {
            (truth.answered, truth.answered_in) = (Some(answer), life);
        }
    }

    fn bring_command(&mut self, life: u32, token: u64, event: bmcnotice::engine::CommandEvent) {
        let now = self.now();
        let Some(engine) = &mut self.engine else { return };
        engine.handle_timeout(now); // what is over is over
        let due = engine.is_due(token);
        let answer = match event {
            bmcnotice::engine::CommandEvent::Exited(0) => Answer::Done,
            _ => Answer::Failed,
        };
        engine.handle_command(now, token, event);
        self.note_answer(life, token, answer, due);
    }

    pub fn tell(&mut self, text: &str) {
        let since = self.fault.unwrap_or(BEGIN);
        let at = self.time.saturating_sub(since).as_secs_f64() - since.saturating_sub(self.time).as_secs_f64();
        writeln!(self.story, "{at:>12.6} {text}").unwrap();
    }

    /// What happened.
    pub fn story(&self) -> &str {
        &self.story
    }
}
