//! Pacemaker as a model: members, attributes, services on their way, and what its tools say.
//!
//! The attribute daemons apply all values in one order; how late each node sees them is drawn. The cluster's
//! state lags on every node by a time of that node. The coordinator stops what runs on a node that is emptied,
//! then starts it on a fit one; without one it stops everything, and its tools say nothing of it.

use crate::dice::Dice;
use crate::xml;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

pub const CLAIM: &str = "bmcnotice-claim";
pub const RED: &str = "#health-bmc";
pub const STANDBY: &str = "standby";

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A lost node is noticed within this.
const DETECTION: Duration = ms(3000);
/// A new coordinator is elected within this.
const ELECTION: Duration = ms(2000);
/// An attribute is in the cluster's state so much later than in the daemons, and each node's copy of it lags so much.
const WRITTEN: Duration = ms(60);
const COPIED: Duration = ms(40);
/// A node that comes back is a full member within this.
const JOINING: Duration = ms(1500);
/// The coordinator thinks for so long.
const THINKING: Duration = ms(50);
/// A stop and a start take so long at most.
pub const SLOWEST: Duration = ms(4000);

/// Which run of a tool: node, process, token.
pub type ToolId = (usize, u32, u64);

/// Where a service is, as the cluster knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    Stopped,
    Starting(usize),
    Started(usize),
    Stopping(usize),
}

impl Run {
    pub fn node(self) -> Option<usize> {
        match self {
            Self::Stopped => None,
            Self::Starting(node) | Self::Started(node) | Self::Stopping(node) => Some(node),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Service {
    pub run: Run,
    /// `target-role=Stopped`, which a restart sets for a while.
    pub disabled: bool,
    /// Where it last came up.
    pub ran: Option<usize>,
    /// And before.
    pub before: Option<usize>,
    /// The node that restarted it died meanwhile: it stays stopped until someone looks.
    pub orphaned: bool,
    /// Its agent is at work, or the coordinator thinks of it: what began before is void.
    step: u64,
    busy: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Member {
    /// Its host and its Pacemaker run.
    pub up: bool,
    /// The others count it in.
    pub member: bool,
    pub pending: bool,
    /// Its Pacemaker is never started.
    pub down: bool,
    /// Unfit by someone else's word, for good.
    pub parked: bool,
    pub ill: bool,
    pub maintenance: bool,
    /// What the cluster's state says of our attributes.
    pub red: bool,
    pub standby: bool,
    /// A tool has said so, and no tool or death has taken it back.
    pub emptied: bool,
    /// When it died last.
    pub died: Option<Duration>,
    pub flow: Flow,
}

/// How far its daemons are.
#[derive(Debug, Clone, Default)]
pub struct Flow {
    life: u32,
    seen: usize,
    ordered_at: Duration,
    seen_at: Duration,
    written_at: Duration,
    lag: Duration,
}

/// The cluster's state.
#[derive(Debug, Clone)]
pub struct Cib {
    pub nodes: Vec<Member>,
    pub services: Vec<Service>,
    pub coordinator: Option<usize>,
    pub quorum: bool,
    /// What each node remembers of.
    pub history: BTreeSet<(usize, usize)>,
}

#[derive(Debug, Clone)]
enum Change {
    Set(&'static str, Option<String>),
    Lost,
}

#[derive(Debug)]
enum Timer {
    Ordered(usize, u32, Change),
    Seen(usize, usize),
    Written(usize, u32, &'static str, bool),
    Lost(usize),
    Elected,
    Joins(usize, u32),
    Joined(usize, u32),
    GivesUp(ToolId),
    Thought(usize, u64),
    Done(usize, u64),
}

#[derive(Debug)]
struct Restart {
    tool: ToolId,
    service: usize,
    stopped: bool,
}

pub struct Pacemaker {
    pub nodes: Vec<Member>,
    pub services: Vec<Service>,
    pub strategy: Option<&'static str>,
    /// No quorum by someone else's doing, since when.
    pub cut: Option<Duration>,
    /// Which agents are at work: a service on two nodes would be seen here.
    pub active: Vec<BTreeSet<usize>>,
    /// Tools that end later.
    pub finished: Vec<(ToolId, i32)>,
    pub story: Vec<String>,
    /// Each node's live claim: its nonce, and since when.
    claims: Vec<(u64, Option<Duration>)>,
    restarts: Vec<Restart>,
    order: Vec<(usize, Change)>,
    timers: BTreeMap<(Duration, u64), Timer>,
    serial: u64,
    now: Duration,
    dice: Dice,
    lag: Duration,
    pace: Duration,
    coordinator: Option<usize>,
    history: BTreeSet<(usize, usize)>,
    shown: VecDeque<(Duration, Rc<Cib>)>,
}

impl Pacemaker {
    pub fn new(
        mut dice: Dice,
        now: Duration,
        nodes: Vec<Member>,
        services: usize,
        strategy: Option<&'static str>,
    ) -> Self {
        let lag = [ms(8), ms(40), ms(400)][dice.below(3) as usize];
        let pace = [ms(100), ms(800), SLOWEST][dice.below(3) as usize];
        let service = Service {
            run: Run::Stopped,
            disabled: false,
            ran: None,
            before: None,
            orphaned: false,
            step: 0,
            busy: false,
        };
        let mut this = Self {
            claims: vec![(0, None); nodes.len()],
            nodes,
            services: vec![service; services],
            strategy,
            cut: None,
            active: vec![BTreeSet::new(); services],
            finished: Vec::new(),
            story: Vec::new(),
            restarts: Vec::new(),
            order: Vec::new(),
            timers: BTreeMap::new(),
            serial: 0,
            now,
            dice,
            lag,
            pace,
            coordinator: None,
            history: BTreeSet::new(),
            shown: VecDeque::new(),
        };
        for node in 0..this.nodes.len() {
            let lag = this.dice.up_to(COPIED);
            let member = &mut this.nodes[node];
            (member.up, member.member, member.flow.lag) = (!member.down, !member.down, lag);
        }
        this.coordinator = (0..this.nodes.len()).find(|node| this.nodes[*node].member);
        for place in 0..services {
            let fit: Vec<usize> = (0..this.nodes.len()).filter(|node| this.is_fit(*node)).collect();
            if fit.is_empty() {
                continue;
            }
            let node = fit[this.dice.below(fit.len() as u64) as usize];
            this.services[place].run = Run::Started(node);
            this.services[place].ran = Some(node);
            this.active[place].insert(node);
            this.history.insert((node, place));
        }
        this.show();
        this
    }

    // ---- time

    pub fn next(&self) -> Option<Duration> {
        self.timers.keys().next().map(|(at, _)| *at)
    }

    pub fn run_until(&mut self, now: Duration) {
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= now) {
            self.now = self.now.max(entry.key().0);
            let timer = entry.remove();
            self.happens(timer);
        }
        self.now = now;
    }

    fn after(&mut self, pause: Duration, timer: Timer) {
        self.serial += 1;
        self.timers.insert((self.now + pause, self.serial), timer);
    }

    /// Mostly short, sometimes long.
    fn some(&mut self, long: Duration) -> Duration {
        if self.dice.percent(12) { self.dice.up_to(long) } else { self.dice.up_to(ms(8).min(long)) }
    }

    fn happens(&mut self, timer: Timer) {
        match timer {
            Timer::Ordered(node, life, change) if self.nodes[node].flow.life == life => self.ordered(node, change),
            Timer::Ordered(..) => {}
            Timer::Seen(node, upto) => self.nodes[node].flow.seen = self.nodes[node].flow.seen.max(upto),
            Timer::Written(node, life, name, on) => {
                if self.nodes[node].flow.life == life {
                    if name == RED { self.nodes[node].red = on } else { self.nodes[node].standby = on }
                }
            }
            Timer::Lost(node) => self.lost(node),
            Timer::Elected => {
                self.coordinator = (0..self.nodes.len()).find(|node| self.nodes[*node].member && self.nodes[*node].up);
            }
            Timer::Joins(node, life) if self.nodes[node].flow.life == life => {
                self.history.retain(|(of, _)| *of != node);
                let seen = self.order.len();
                let member = &mut self.nodes[node];
                (member.up, member.member, member.pending, member.flow.seen) = (true, true, true, seen);
                let pause = self.dice.up_to(JOINING);
                self.after(pause, Timer::Joined(node, life));
                if self.coordinator.is_none() {
                    self.after(pause, Timer::Elected);
                }
            }
            Timer::Joined(node, life) if self.nodes[node].flow.life == life => self.nodes[node].pending = false,
            Timer::Joins(..) | Timer::Joined(..) => {}
            Timer::GivesUp(tool) => {
                let given_up: Vec<Restart> = self.restarts.extract_if(.., |restart| restart.tool == tool).collect();
                for restart in given_up {
                    self.services[restart.service].disabled = false;
                    self.finished.push((tool, 124));
                }
            }
            Timer::Thought(place, step) if self.services[place].step == step => self.act_on(place),
            Timer::Done(place, step) if self.services[place].step == step => self.done(place),
            Timer::Thought(..) | Timer::Done(..) => {}
        }
        self.changed();
    }

    /// The coordinator looks at everything again, and all nodes will see it.
    pub fn changed(&mut self) {
        self.restarts_go_on();
        if self.coordinator.is_some_and(|node| self.nodes[node].member && self.nodes[node].up) {
            for place in 0..self.services.len() {
                if !self.services[place].busy && self.wanted(place).is_some() {
                    let pause = self.dice.up_to(THINKING);
                    let step = self.begin(place);
                    self.after(pause, Timer::Thought(place, step));
                }
            }
        }
        self.show();
    }

    fn show(&mut self) {
        let cib = Cib {
            nodes: self.nodes.clone(),
            services: self.services.clone(),
            coordinator: self.coordinator,
            quorum: self.has_quorum(),
            history: self.history.clone(),
        };
        while self.shown.len() > 1 && self.shown[1].0 + COPIED < self.now {
            self.shown.pop_front();
        }
        self.shown.push_back((self.now, Rc::new(cib)));
    }

    // ---- services

    fn begin(&mut self, place: usize) -> u64 {
        self.serial += 1;
        (self.services[place].step, self.services[place].busy) = (self.serial, true);
        self.serial
    }

    pub fn has_quorum(&self) -> bool {
        let members = self.nodes.iter().filter(|node| node.member).count();
        self.cut.is_none() && (members * 2 > self.nodes.len() || self.nodes.len() == 2 && members > 0)
    }

    /// Could take services, as far as the cluster knows.
    pub fn is_fit(&self, node: usize) -> bool {
        let red_moves = matches!(self.strategy, Some("migrate-on-red" | "only-green"));
        let member = &self.nodes[node];
        let unfit = member.pending || member.parked || member.maintenance || member.standby;
        member.member && !unfit && !(red_moves && (member.ill || member.red))
    }

    /// Whether there is a node that lives and could take services, and a cluster that would bring them there.
    pub fn is_able(&self) -> bool {
        let fit = |node: usize| self.is_fit(node) && self.nodes[node].up;
        self.has_quorum() && (0..self.nodes.len()).any(fit)
    }

    /// Where it should be, if that is not where it is.
    fn wanted(&self, place: usize) -> Option<Option<usize>> {
        let service = &self.services[place];
        let may_run = self.has_quorum() && !service.disabled;
        let load = |node: &usize| {
            let others = self.services.iter().filter(|other| other.run.node() == Some(*node)).count();
            (others, *node)
        };
        let best = || (0..self.nodes.len()).filter(|node| self.is_fit(*node)).min_by_key(load);
        match service.run {
            Run::Started(node) if self.nodes[node].maintenance => None,
            Run::Started(node) if may_run && self.is_fit(node) => None,
            Run::Started(_) => Some(None),
            // A restart brings it up where it was, stickiness and all.
            Run::Stopped if may_run => {
                let home = service.ran.filter(|node| self.is_fit(*node));
                home.or_else(best).map(Some)
            }
            Run::Stopped | Run::Starting(_) | Run::Stopping(_) => None,
        }
    }

    fn act_on(&mut self, place: usize) {
        self.services[place].busy = false;
        let Some(wanted) = self.wanted(place) else { return };
        match (wanted, self.services[place].run.node()) {
            (None, Some(node)) => self.services[place].run = Run::Stopping(node),
            (Some(node), _) => {
                self.services[place].run = Run::Starting(node);
                // Where nobody lives nothing starts, though it may look so for a while.
                if self.nodes[node].up {
                    self.active[place].insert(node);
                }
                self.history.insert((node, place));
            }
            (None, None) => return,
        }
        let step = self.begin(place);
        let pause = ms(15) + self.some(self.pace);
        self.after(pause, Timer::Done(place, step));
    }

    fn done(&mut self, place: usize) {
        let service = &mut self.services[place];
        let Some(node) = service.run.node().filter(|node| self.nodes[*node].up) else { return }; // until it is lost
        service.busy = false;
        match service.run {
            Run::Starting(_) => {
                service.before = service.ran;
                (service.run, service.ran) = (Run::Started(node), Some(node));
            }
            Run::Stopping(_) => {
                service.run = Run::Stopped;
                self.active[place].remove(&node);
            }
            Run::Stopped | Run::Started(_) => {}
        }
        let text = format!("svc{place}: {:?}", self.services[place].run);
        self.story.push(text);
    }

    /// Where it really runs.
    pub fn runs_on(&self, place: usize) -> Option<usize> {
        match self.services[place].run {
            Run::Started(node) if self.nodes[node].up => Some(node),
            _ => None,
        }
    }

    // ---- nodes

    /// The host is gone, without a goodbye.
    pub fn crash(&mut self, node: usize) {
        if !self.nodes[node].up {
            return;
        }
        self.active.iter_mut().for_each(|nodes| nodes.retain(|on| *on != node));
        for restart in self.restarts.extract_if(.., |restart| restart.tool.0 == node) {
            self.services[restart.service].orphaned = true;
        }
        let now = self.now;
        let member = &mut self.nodes[node];
        (member.up, member.died, member.emptied) = (false, Some(now), false);
        member.flow.life += 1;
        let noticed = ms(200) + self.dice.up_to(DETECTION - ms(200));
        self.after(noticed, Timer::Lost(node));
    }

    fn lost(&mut self, node: usize) {
        let member = &mut self.nodes[node];
        (member.member, member.pending, member.red, member.standby) = (false, false, false, false);
        for place in 0..self.services.len() {
            if self.services[place].run.node() == Some(node) {
                self.serial += 1;
                let service = &mut self.services[place];
                (service.run, service.busy, service.step) = (Run::Stopped, false, self.serial);
            }
        }
        if self.coordinator == Some(node) {
            self.coordinator = None;
            let pause = self.dice.up_to(ELECTION);
            self.after(pause, Timer::Elected);
        }
        self.ordered(node, Change::Lost);
    }

    /// The host is up again; its Pacemaker follows, some seconds later.
    pub fn boot(&mut self, node: usize, pause: Duration) {
        if !self.nodes[node].down {
            self.nodes[node].flow.life += 1;
            let life = self.nodes[node].flow.life;
            self.after(pause, Timer::Joins(node, life));
        }
    }

    // ---- attributes

    fn say(&mut self, node: usize, name: &'static str, value: Option<String>) {
        let pause = self.some(self.lag);
        let at = (self.now + pause).max(self.nodes[node].flow.ordered_at + Duration::from_micros(1));
        self.nodes[node].flow.ordered_at = at;
        let life = self.nodes[node].flow.life;
        self.after(at - self.now, Timer::Ordered(node, life, Change::Set(name, value)));
    }

    fn ordered(&mut self, node: usize, change: Change) {
        match &change {
            Change::Set(CLAIM, value) => self.claimed(node, value.as_deref()),
            Change::Set(name, value) => {
                let (name, on, life) = (*name, value.is_some(), self.nodes[node].flow.life);
                let at =
                    (self.now + self.some(WRITTEN)).max(self.nodes[node].flow.written_at + Duration::from_micros(1));
                self.nodes[node].flow.written_at = at;
                self.after(at - self.now, Timer::Written(node, life, name, on));
            }
            Change::Lost => self.claimed(node, None),
        }
        self.order.push((node, change));
        let upto = self.order.len();
        for node in 0..self.nodes.len() {
            let at = (self.now + self.some(self.lag)).max(self.nodes[node].flow.seen_at + Duration::from_micros(1));
            self.nodes[node].flow.seen_at = at;
            self.after(at - self.now, Timer::Seen(node, upto));
        }
    }

    fn claimed(&mut self, node: usize, value: Option<&str>) {
        let live = value.filter(|value| !value.ends_with(":stepped-back"));
        let nonce = live.and_then(|value| u64::from_str_radix(value.get(2..18)?, 16).ok()).unwrap_or_default();
        let since = match self.claims[node] {
            (known, since @ Some(_)) if known == nonce => since,
            _ => live.map(|_| self.now),
        };
        self.claims[node] = (nonce, since);
    }

    /// Since when its claim stands, if it does.
    pub fn claims_since(&self, node: usize) -> Option<Duration> {
        self.claims[node].1
    }

    fn claims(&self, node: usize) -> BTreeMap<usize, String> {
        let mut claims = BTreeMap::new();
        for (host, change) in &self.order[..self.nodes[node].flow.seen] {
            match change {
                Change::Set(CLAIM, Some(value)) => drop(claims.insert(*host, value.clone())),
                Change::Set(CLAIM, None) | Change::Lost => drop(claims.remove(host)),
                Change::Set(..) => {}
            }
        }
        claims
    }

    // ---- tools

    /// A tool does what it is for. None: it ends later.
    pub fn act(&mut self, tool: ToolId, argv: &[String]) -> Option<(i32, String)> {
        let node = tool.0;
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        if !self.nodes[node].up {
            return Some((102, String::new()));
        }
        let fine = Some((0, String::new()));
        let program = words[0].rsplit('/').next().unwrap_or_default();
        let value = || words.windows(2).find(|two| matches!(two[0], "-U" | "-v")).map(|two| two[1].to_owned());
        let result = match program {
            "crm_mon" => {
                let until = self.now.saturating_sub(self.nodes[node].flow.lag);
                let view = self.shown.iter().rev().find(|(at, _)| *at <= until).unwrap_or(&self.shown[0]);
                Some((0, xml::crm_mon(&view.1)))
            }
            "crm_attribute" if words.contains(&"crm_config") => match self.strategy {
                Some(strategy) => Some((0, format!("{strategy}\n"))),
                None => Some((105, String::new())),
            },
            "attrd_updater" if words.contains(&"-Q") => {
                let mut lines = String::new();
                for (host, value) in self.claims(node) {
                    writeln!(lines, "name=\"{CLAIM}\" host=\"{}\" value=\"{value}\"", xml::name(host)).unwrap();
                }
                Some((if lines.is_empty() { 78 } else { 0 }, lines))
            }
            "attrd_updater" if words.contains(&CLAIM) => {
                self.say(node, CLAIM, value());
                fine
            }
            "attrd_updater" | "crm_attribute" => {
                let name = if program == "crm_attribute" { STANDBY } else { RED };
                self.nodes[node].emptied = value().is_some();
                self.say(node, name, value());
                fine
            }
            "crm_resource" => {
                let after = |word: &str| words.iter().skip_while(|other| **other != word).nth(1).copied();
                let name = after("--resource").unwrap_or_default();
                if let Some(time) = after("--timeout").and_then(|time| time.strip_suffix('s')?.parse().ok()) {
                    self.after(Duration::from_secs(time), Timer::GivesUp(tool));
                }
                let service = name.strip_prefix("svc").and_then(|number| number.parse::<usize>().ok())?;
                if self.services[service].run == Run::Stopped {
                    return Some((1, String::new())); // it runs nowhere
                }
                self.services[service].disabled = true;
                self.restarts.push(Restart { tool, service, stopped: false });
                None
            }
            other => panic!("{other}"),
        };
        self.changed();
        result
    }

    fn restarts_go_on(&mut self) {
        for restart in &mut self.restarts {
            let service = &mut self.services[restart.service];
            if !restart.stopped && service.run == Run::Stopped {
                (restart.stopped, service.disabled) = (true, false);
            }
        }
        let services = &self.services;
        let over = |restart: &mut Restart| restart.stopped && matches!(services[restart.service].run, Run::Started(_));
        self.finished.extend(self.restarts.extract_if(.., over).map(|restart| (restart.tool, 0)));
    }

    /// A tool is killed: what it has said stays said.
    pub fn kill(&mut self, tool: ToolId) {
        self.restarts.retain(|restart| restart.tool != tool);
    }
}
