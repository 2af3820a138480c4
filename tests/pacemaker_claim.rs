//! All servers of a cluster struck at once, thousands of times: never do all of them give their services
//! away, and as long as all live, everything runs somewhere in the end.
//!
//! Real attempts run against a simulated cluster. Its attribute daemons apply all values in one order;
//! how late each node sees them, when each tool reads, and who dies when, is drawn from the seed. A
//! failure prints it: `SEED=n cargo test --test pacemaker_claim`.

use bmcnotice::now::Now;
use bmcnotice::recovery::pacemaker::tool::{HEALTH, TOOLS};
use bmcnotice::recovery::pacemaker::{Attempt, Ending, Output, Reply, Settings, Trigger, Why};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

/// Microseconds of the simulation.
type Time = u64;
const MS: Time = 1000;
/// The cluster's own state lags by less than an attempt waits before it starts over.
const CIB_LAG: Time = 100 * MS;
const END: Time = 40_000 * MS;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % below.max(1)
    }

    /// Mostly short, sometimes long.
    fn lag(&mut self, long: Time) -> Time {
        if self.roll(8) == 0 { self.roll(long) } else { self.roll(8 * MS) }
    }
}

#[derive(Clone, Debug)]
enum Change {
    Claim(String),
    Red,
    Lost,
}

#[derive(Debug)]
enum Event {
    Strike {
        node: usize,
    },
    /// A tool of this process of the node does what it is for.
    Acts {
        node: usize,
        life: u32,
        id: bmcnotice::recovery::pacemaker::AskId,
        argv: Vec<String>,
    },
    Answers {
        node: usize,
        life: u32,
        id: bmcnotice::recovery::pacemaker::AskId,
        reply: Reply,
        stdout: String,
    },
    Ordered {
        node: usize,
        change: Change,
    },
    Seen {
        node: usize,
        upto: usize,
    },
    Known {
        node: usize,
        upto: usize,
    },
    Wake {
        node: usize,
        life: u32,
    },
    /// The whole node.
    Dies {
        node: usize,
    },
    /// Our process alone, which is started again.
    Killed {
        node: usize,
    },
}

#[derive(Default)]
struct Node {
    alive: bool,
    life: u32,
    attempt: Option<Attempt>,
    ended: Option<Ending>,
    struck: bool,
    triggered: Option<Time>,
    /// How much of the order its attribute daemon, and its copy of the cluster's state, have.
    seen: usize,
    known: usize,
    /// When its last message is ordered, delivered, known: none overtakes.
    ordered_at: Time,
    seen_at: Time,
    known_at: Time,
}

struct World {
    dice: Dice,
    now: Time,
    events: BTreeMap<(Time, u64), Event>,
    serial: u64,
    order: Vec<(usize, Change)>,
    nodes: Vec<Node>,
    died: Option<Time>,
    lag: Time,
}

fn name(node: usize) -> String {
    format!("node{}", node + 1)
}

impl World {
    fn new(seed: u64, count: usize) -> Self {
        let mut dice = Dice(seed);
        let lag = [8 * MS, 40 * MS, 400 * MS][dice.roll(3) as usize];
        let nodes = (0..count).map(|_| Node { alive: true, ..Node::default() }).collect();
        Self { dice, now: 0, events: BTreeMap::new(), serial: 0, order: Vec::new(), nodes, died: None, lag }
    }

    fn at(&mut self, time: Time, event: Event) {
        self.serial += 1;
        self.events.insert((time.max(self.now), self.serial), event);
    }

    fn moment(&self) -> Now {
        let since = Duration::from_micros(self.now);
        Now { boottime: since, wall: since }
    }

    fn run(&mut self) {
        while let Some(((time, _), event)) = self.events.pop_first() {
            if time > END {
                return;
            }
            self.now = time;
            self.happens(event);
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Strike { node } if self.nodes[node].alive => self.strike(node),
            Event::Acts { node, life, id, argv } if self.lives(node, life) => self.act(node, life, id, argv),
            Event::Answers { node, life, id, reply, stdout } if self.lives(node, life) => {
                let now = self.moment();
                if let Some(attempt) = &mut self.nodes[node].attempt {
                    attempt.handle_answer(now, id, &reply, stdout.as_bytes());
                }
                self.drive(node);
            }
            Event::Wake { node, life } if self.lives(node, life) => {
                let now = self.moment();
                if let Some(attempt) = &mut self.nodes[node].attempt {
                    attempt.handle_timeout(now);
                }
                self.drive(node);
            }
            Event::Ordered { node, change } if self.nodes[node].alive || matches!(change, Change::Lost) => {
                self.order.push((node, change));
                let upto = self.order.len();
                for node in 0..self.nodes.len() {
                    let (seen, known) = (self.dice.lag(self.lag), self.dice.lag(CIB_LAG));
                    let seen = (self.now + seen).max(self.nodes[node].seen_at + 1);
                    let known = (self.now + known).max(self.nodes[node].known_at + 1);
                    (self.nodes[node].seen_at, self.nodes[node].known_at) = (seen, known);
                    self.at(seen, Event::Seen { node, upto });
                    self.at(known, Event::Known { node, upto });
                }
            }
            Event::Seen { node, upto } => self.nodes[node].seen = upto,
            Event::Known { node, upto } => self.nodes[node].known = upto,
            Event::Dies { node } if self.nodes[node].alive => {
                self.nodes[node].alive = false;
                self.nodes[node].attempt = None;
                self.died = Some(self.now);
                let noticed = self.now + self.dice.roll(1000 * MS); // corosync's token
                self.at(noticed, Event::Ordered { node, change: Change::Lost });
            }
            Event::Killed { node } if self.nodes[node].alive && self.nodes[node].attempt.is_some() => {
                self.nodes[node].life += 1;
                self.nodes[node].attempt = None;
                let again = self.now + 100 * MS + self.dice.roll(1000 * MS);
                self.at(again, Event::Strike { node });
            }
            _ => {}
        }
    }

    fn lives(&self, node: usize, life: u32) -> bool {
        self.nodes[node].alive && self.nodes[node].life == life
    }

    fn strike(&mut self, node: usize) {
        let nonce = (self.dice.roll(u64::MAX) << 8) | node as u64;
        let settings = Settings {
            target: None,
            trigger: Trigger::Auto,
            health: HEALTH.into(),
            tools: TOOLS.into(),
            nonce,
            put_off: false,
        };
        self.nodes[node].life += 1;
        self.nodes[node].struck = true;
        self.nodes[node].ended = None;
        self.nodes[node].attempt = Some(Attempt::new(self.moment(), settings));
        self.drive(node);
    }

    fn drive(&mut self, node: usize) {
        let life = self.nodes[node].life;
        let Some(mut attempt) = self.nodes[node].attempt.take() else { return };
        while let Some(output) = attempt.poll() {
            if let Output::Run(ask) = output {
                let acts = self.now + MS + self.dice.lag(30 * MS);
                self.at(acts, Event::Acts { node, life, id: ask.id, argv: ask.argv });
            }
        }
        while attempt.poll_remark().is_some() {}
        if let Some(ending) = attempt.ending().cloned() {
            if matches!(ending, Ending::Deferred(_)) {
                let again = self.now + 500 * MS + self.dice.roll(3000 * MS);
                self.at(again, Event::Strike { node });
            }
            self.nodes[node].ended = Some(ending);
            return;
        }
        if let Some(deadline) = attempt.next_deadline() {
            self.at(deadline.as_micros() as Time, Event::Wake { node, life });
        }
        self.nodes[node].attempt = Some(attempt);
    }

    fn act(&mut self, node: usize, life: u32, id: bmcnotice::recovery::pacemaker::AskId, argv: Vec<String>) {
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        let (mut reply, mut stdout) = (Reply::Exited(0), String::new());
        match words[0].rsplit('/').next().unwrap() {
            "crm_mon" => stdout = self.crm_mon(node),
            "crm_attribute" => stdout = "migrate-on-red\n".into(),
            "attrd_updater" if words.contains(&"-Q") => {
                for (host, value) in self.claims(node) {
                    writeln!(stdout, "name=\"bmcnotice-claim\" host=\"{}\" value=\"{value}\"", name(host)).unwrap();
                }
                if stdout.is_empty() {
                    reply = Reply::Exited(78);
                }
            }
            "attrd_updater" => {
                let value = words.last().unwrap().to_string();
                let change = if words.contains(&HEALTH) { Change::Red } else { Change::Claim(value) };
                if matches!(change, Change::Red) {
                    self.nodes[node].triggered.get_or_insert(self.now);
                }
                // The daemon answers before the value is ordered.
                let ordered = (self.now + self.dice.lag(self.lag)).max(self.nodes[node].ordered_at + 1);
                self.nodes[node].ordered_at = ordered;
                self.at(ordered, Event::Ordered { node, change });
            }
            other => panic!("{other}"),
        }
        let answers = self.now + MS + self.dice.lag(30 * MS);
        self.at(answers, Event::Answers { node, life, id, reply, stdout });
    }

    fn claims(&self, node: usize) -> BTreeMap<usize, String> {
        let mut claims = BTreeMap::new();
        for (host, change) in &self.order[..self.nodes[node].seen] {
            match change {
                Change::Claim(value) => drop(claims.insert(*host, value.clone())),
                Change::Lost => drop(claims.remove(host)),
                Change::Red => {}
            }
        }
        claims
    }

    /// Red and lost nodes, as of this much of the order.
    fn state(&self, upto: usize) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let of = |wanted: fn(&Change) -> bool| {
            self.order[..upto].iter().filter(|(_, change)| wanted(change)).map(|(node, _)| *node).collect()
        };
        (of(|change| matches!(change, Change::Red)), of(|change| matches!(change, Change::Lost)))
    }

    fn crm_mon(&self, node: usize) -> String {
        let (red, lost) = self.state(self.nodes[node].known);
        let mut xml = String::from(
            "<pacemaker-result><summary><current_dc present=\"true\" with_quorum=\"true\"/><cluster_options/></summary><nodes>",
        );
        for node in 0..self.nodes.len() {
            let health = if red.contains(&node) { "red" } else { "green" };
            let online = !lost.contains(&node);
            write!(xml, "<node name=\"{}\" online=\"{online}\" health=\"{health}\" type=\"member\"/>", name(node))
                .unwrap();
        }
        xml.push_str("</nodes><resources>");
        let place = |home: usize| {
            let others = (1..self.nodes.len()).map(|step| (home + step) % self.nodes.len());
            core::iter::once(home).chain(others).find(|node| !red.contains(node) && !lost.contains(node))
        };
        for home in 0..self.nodes.len() {
            match place(home) {
                Some(node) => write!(
                    xml,
                    "<resource id=\"app{home}\" role=\"Started\" active=\"true\" managed=\"true\"><node name=\"{}\"/></resource>",
                    name(node)
                ),
                None => write!(xml, "<resource id=\"app{home}\" role=\"Stopped\" active=\"false\" managed=\"true\"/>"),
            }
            .unwrap();
        }
        xml.push_str("</resources></pacemaker-result>");
        xml
    }
}

fn play(seed: u64, deaths: bool, kills: bool) -> World {
    let mut dice = Dice(seed ^ 0x5EED);
    let count = 2 + dice.roll(3) as usize;
    let mut world = World::new(seed, count);
    let struck = if dice.roll(4) == 0 { count - 1 } else { count };
    let spread = [1, 10 * MS, 200 * MS, 3000 * MS][dice.roll(4) as usize];
    for node in 0..struck {
        let time = 1000 * MS + dice.roll(spread);
        world.at(time, Event::Strike { node });
    }
    if deaths {
        let (node, time) = (dice.roll(count as u64) as usize, 900 * MS + dice.roll(500 * MS));
        world.at(time, Event::Dies { node });
    }
    if kills {
        let (node, time) = (dice.roll(count as u64) as usize, 1000 * MS + dice.roll(400 * MS));
        world.at(time, Event::Killed { node });
    }
    world.run();
    world
}

fn seeds(count: u64) -> std::ops::Range<u64> {
    match std::env::var("SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("SEED is a number");
            seed..seed + 1
        }
        Err(_) => 0..count,
    }
}

fn endings(world: &World) -> Vec<&Option<Ending>> {
    world.nodes.iter().map(|node| &node.ended).collect()
}

#[test]
fn all_live_and_everything_runs_somewhere() {
    for seed in seeds(3000) {
        let world = play(seed, false, false);
        let (red, _) = world.state(world.order.len());
        let all = endings(&world);
        assert!(red.len() < world.nodes.len(), "seed {seed}: everyone gave its services away: {all:?}");
        assert!(!red.is_empty(), "seed {seed}: nobody did: {all:?}");
        for (at, node) in world.nodes.iter().enumerate() {
            let done = node.ended == Some(Ending::Done);
            assert!(!red.contains(&at) || done, "seed {seed}: {} is red and not done: {all:?}", name(at));
            let last = node.ended.as_ref();
            assert!(!matches!(last, Some(Ending::Failed(_))), "seed {seed}: {} failed: {all:?}", name(at));
            assert!(!node.struck || done || matches!(last, None | Some(Ending::Deferred(_))), "seed {seed}: {all:?}");
        }
        if world.nodes.iter().all(|node| node.struck) {
            assert_eq!(red.len(), world.nodes.len() - 1, "seed {seed}: one stays, the others leave: {all:?}");
        }
    }
}

#[test]
fn a_killed_process_goes_on_and_not_everyone_goes() {
    for seed in seeds(3000) {
        let world = play(seed, false, true);
        let (red, _) = world.state(world.order.len());
        let all = endings(&world);
        assert!(red.len() < world.nodes.len(), "seed {seed}: everyone gave its services away: {all:?}");
        assert!(!red.is_empty(), "seed {seed}: nobody did: {all:?}");
    }
}

#[test]
fn a_dying_node_is_not_counted_on() {
    let mut met = 0;
    for seed in seeds(3000) {
        let world = play(seed, true, false);
        let (red, lost) = world.state(world.order.len());
        let all = endings(&world);
        assert!(red.len() < world.nodes.len(), "seed {seed}: everyone gave its services away: {all:?}");
        // Who went long after the cluster had noticed the death had somewhere to go.
        let noticed = world.died.unwrap_or(END) + 1000 * MS + 2 * CIB_LAG;
        for (at, node) in world.nodes.iter().enumerate() {
            let late = node.triggered.is_some_and(|time| time > noticed + 400 * MS);
            let place = (0..world.nodes.len()).any(|other| !red.contains(&other) && !lost.contains(&other));
            met += usize::from(late);
            assert!(!late || place, "seed {seed}: {} left for nowhere: {all:?}", name(at));
            let failed = matches!(&node.ended, Some(Ending::Failed(why)) if !matches!(why, Why::NoHealthyPeer(_)));
            assert!(!failed, "seed {seed}: {}: {all:?}", name(at));
        }
    }
    assert!(std::env::var("SEED").is_ok() || met > 10, "nobody ever went late: nothing was looked at ({met})");
}
