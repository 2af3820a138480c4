//! One server: its host, its BMC, and our process on it.

use crate::dice::Dice;
use crate::fate::{Fate, Kind};
use crate::site;
use crate::truth::{State, Timer, Truth};
use bmcnotice::bmc::inband;
use bmcnotice::bmc::link::Identity;
use bmcnotice::config::model::Cluster;
use bmcnotice::engine::{Engine, PeerStatus, Setup};
use bmcnotice::heartbeat::Verdict;
use bmcnotice::now::Now;
use bmcnotice::recovery::journal::{BootId, replay};
use bmcnotice::sim::{Bmc, Options};
use bmcnotice::wire::command::{RESET_WATCHDOG, SET_WATCHDOG};
use bmcnotice::wire::ipmi::{Request, Response};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Datagrams that a socket keeps for a process that does not run.
const SOCKET: usize = 64;
const WALL: i64 = 1_700_000_000;

/// What comes to our process.
#[derive(Debug)]
pub enum Arrival {
    Datagram(SocketAddr, Vec<u8>),
    Device(inband::Event),
}

/// What was done to the BMC's timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    Nothing,
    Set,
    Fed,
}

/// Whether our process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    Yes,
    /// It stands still; what comes waits.
    Stopped,
    /// And what comes is lost.
    Suspended,
}

pub struct Server {
    pub kind: Kind,
    pub cluster: Arc<Cluster>,
    pub engine: Option<Engine>,
    pub bmc: Bmc,
    /// The BMC answers nobody.
    pub dead: bool,
    pub away_until: Duration,
    pub runs: Runs,
    /// When it last began to run.
    pub woke: Duration,
    /// How long it has slept in all, until it woke last.
    pub slept: Duration,
    pub asleep_since: Duration,
    /// Of the process; what was meant for an earlier one is void.
    pub process: u32,
    /// Of the host's boot.
    pub boot: BootId,
    pub boot_at: Duration,
    /// The boot whose firmware has begun.
    pub firmware_of: Option<BootId>,
    pub wall: i64,
    pub journal: Vec<u8>,
    inbox: VecDeque<Arrival>,
    /// The process says goodbye.
    pub parting: bool,
    /// The kernel feeds its own timer.
    pub kernel_runs: bool,
    pub truth: Truth,
    /// How often each server had booted when it began.
    pub boots_seen: Vec<u32>,
    /// What it says of each server.
    pub seen: Vec<Option<PeerStatus>>,
    /// And told of it last.
    pub told: Vec<Option<Verdict>>,
    /// When the pulse that it sees of each was another one last.
    pub read: Vec<Duration>,
    /// Timers of engine and BMC.
    pub engine_at: Option<Duration>,
    pub bmc_at: Option<Duration>,
}

impl Server {
    pub fn new(fate: &Fate, place: usize, now: Duration, dice: &mut Dice) -> Self {
        let kind = fate.kinds[place];
        let options = Options { guid: site::guid(place), boot_time: kind.boot_time, ..Options::default() };
        Self {
            kind,
            cluster: Arc::new(site::cluster(fate, place)),
            engine: None,
            bmc: Bmc::new(options, dice.seed()),
            dead: false,
            away_until: Duration::ZERO,
            runs: Runs::Yes,
            woke: now,
            slept: Duration::ZERO,
            asleep_since: now,
            process: 0,
            boot: BootId([0; 16]),
            boot_at: now,
            firmware_of: None,
            wall: WALL,
            journal: Vec::new(),
            inbox: VecDeque::new(),
            parting: false,
            kernel_runs: false,
            truth: Truth::new(now, fate.warning()),
            boots_seen: vec![0; fate.kinds.len()],
            seen: vec![None; fate.kinds.len()],
            told: vec![None; fate.kinds.len()],
            read: vec![Duration::ZERO; fate.kinds.len()],
            engine_at: None,
            bmc_at: None,
        }
    }

    /// The time on this host.
    pub fn now(&self, time: Duration) -> Now {
        let wall = self.wall.saturating_add_unsigned(time.as_secs()).max(0).unsigned_abs();
        Now { boottime: time - self.boot_at, wall: Duration::from_secs(wall) }
    }

    pub fn is_awake(&self) -> bool {
        self.engine.is_some() && self.runs == Runs::Yes
    }

    /// Whether the BMC does what it is told.
    pub fn bmc_works(&self, time: Duration) -> bool {
        !self.dead && self.away_until <= time
    }

    /// Our process begins, in this boot.
    pub fn come_up(&mut self, time: Duration, servers: usize, place: usize, seed: [u8; 32]) {
        self.process += 1;
        self.inbox.clear();
        (self.runs, self.woke, self.parting) = (Runs::Yes, time, false);
        self.slept = Duration::ZERO;
        self.seen.iter_mut().for_each(|seen| *seen = None);
        self.told.iter_mut().for_each(|told| *told = None);
        let setup = Setup {
            cluster: self.cluster.clone(),
            users: Vec::new(),
            logins: site::logins(servers, place),
            identity: Identity::Unknown,
            boot: self.boot,
            replay: replay(&self.journal),
            seed,
            troubles: Vec::new(),
            maintenance: false,
            watchdog_owner: None,
        };
        self.engine = Some(Engine::new(self.now(time), setup));
    }

    /// It is no more, and says nothing.
    pub fn end(&mut self) {
        self.process += 1;
        self.engine = None;
        self.inbox.clear();
        (self.engine_at, self.parting, self.runs) = (None, false, Runs::Yes);
        self.seen.iter_mut().for_each(|seen| *seen = None);
    }

    /// The host is no more: reset, or without power.
    pub fn host_dies(&mut self) {
        self.end();
        self.kernel_runs = false;
        self.journal.clear();
    }

    pub fn arrive(&mut self, time: Duration, arrival: Arrival) {
        match (self.runs, &arrival) {
            (Runs::Yes, _) => self.take(time, arrival),
            (Runs::Stopped, Arrival::Datagram(..)) if self.inbox.len() >= SOCKET => {}
            (Runs::Stopped, _) | (Runs::Suspended, Arrival::Device(_)) => self.inbox.push_back(arrival),
            (Runs::Suspended, Arrival::Datagram(..)) => {}
        }
    }

    fn take(&mut self, time: Duration, arrival: Arrival) {
        let now = self.now(time);
        let Some(engine) = &mut self.engine else { return };
        match arrival {
            Arrival::Datagram(from, bytes) => engine.handle_bmc_datagram(now, from, &bytes),
            Arrival::Device(event) => engine.handle_in_band(now, event),
        }
    }

    pub fn sleep(&mut self, time: Duration, runs: Runs) {
        (self.runs, self.asleep_since) = (runs, time);
    }

    /// It goes on; one thing after the other that waited.
    pub fn wake(&mut self, time: Duration) {
        if self.runs != Runs::Yes {
            self.slept += time - self.asleep_since;
            (self.runs, self.woke) = (Runs::Yes, time);
        }
    }

    pub fn next_arrival(&mut self) -> Option<Arrival> {
        self.inbox.pop_front()
    }

    /// The BMC does what the host tells it.
    pub fn command(&mut self, time: Duration, request: &Request) -> Response {
        let response = self.bmc.command(Now { boottime: time, wall: Duration::from_secs(1) }, request);
        let what = match response.completion {
            0 if request.is(RESET_WATCHDOG) => Done::Fed,
            0 if request.is(SET_WATCHDOG) => Done::Set,
            _ => Done::Nothing,
        };
        self.look(time, what);
        response
    }

    /// What is true now, by the BMC's inside.
    pub fn look(&mut self, time: Duration, done: Done) {
        let octets = self.bmc.watchdog(Now { boottime: time, wall: Duration::from_secs(1) });
        let (running, timer_use) = (octets[0] & 0x40 != 0, octets[0] & 7);
        let (expired, zero) = (octets[3] & 1 << timer_use != 0, octets[6] == 0 && octets[7] == 0);
        let before = self.truth.now();
        let timer = match before.timer {
            _ if running && timer_use < 4 => Timer::Firmware,
            // Started again by somebody who did not set it: it bears our mark all the same.
            Timer::Goodbye if running && done != Done::Set => Timer::Goodbye,
            _ if running && done == Done::Fed => Timer::Fed(time),
            Timer::Fed(at) if running => Timer::Fed(at),
            _ if running => Timer::Fed(time),
            Timer::Fed(at) | Timer::Expired(at) if expired && zero => Timer::Expired(at),
            _ if done == Done::Set && self.parting => Timer::Goodbye,
            Timer::Goodbye if done == Done::Nothing => Timer::Goodbye,
            Timer::Goodbye | Timer::Fed(_) | Timer::Expired(_) | Timer::Stopped | Timer::Firmware => Timer::Stopped,
        };
        self.truth.is(time, State { on: self.bmc.power().is_on(), timer });
    }
}
