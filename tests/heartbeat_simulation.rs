//! Servers that watch each other in virtual time: on each a whole engine and a BMC, between them a network that loses,
//! delays, repeats and parts; judged by what is true of each server. A seed decides everything.
//!
//! `BMCNOTICE_SEED=n` plays one life again and tells its story, `BMCNOTICE_SEEDS=n` sets how many are lived,
//! `BMCNOTICE_REPORT=file` takes the figures, and adds the month. `docs/assurance/heartbeat.md` explains.
#![cfg(feature = "sim")]

#[macro_use]
#[path = "support/promises.rs"]
mod listed;

#[path = "simulation/dice.rs"]
mod dice;
#[path = "heartbeat_simulation/fate.rs"]
mod fate;
#[path = "heartbeat_simulation/judge.rs"]
mod judge;
#[path = "heartbeat_simulation/life.rs"]
mod life;
#[path = "heartbeat_simulation/promises.rs"]
mod promises;
#[path = "heartbeat_simulation/server.rs"]
mod server;
#[path = "heartbeat_simulation/site.rs"]
mod site;
#[path = "heartbeat_simulation/truth.rs"]
mod truth;
#[path = "heartbeat_simulation/world.rs"]
mod world;

use dice::Dice;
use fate::{Fate, What};
use promises::Promise;
use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use world::{Tally, World};

/// Lives in `make test`.
const SEEDS: u64 = 16;
/// Lives of its own kind there.
const DETECTIONS: u64 = 20;
/// So many broken lives are told of, at most; then it is enough, unless there is a report to write.
const TOLD: usize = 20;

fn live(seed: u64, story: bool) -> World {
    let fate = Fate::draw(&mut Dice::new(seed));
    let mut world = World::new(seed, fate);
    world.tells = story;
    world.run();
    world
}

#[derive(Default)]
struct Lives {
    lives: u64,
    tally: Tally,
    met: BTreeMap<&'static str, usize>,
    broken: Vec<(u64, Vec<(Promise, String)>)>,
}

impl Lives {
    fn play(&mut self, seed: u64, life: impl FnOnce() -> World) {
        self.lives += 1;
        match catch_unwind(AssertUnwindSafe(life)) {
            Ok(world) => {
                self.tally.add(&world.tally);
                world.fate.plan.iter().for_each(|(_, _, what)| *self.met.entry(what.name()).or_default() += 1);
                if !world.violations.is_empty() {
                    self.broken.push((seed, world.violations.clone()));
                }
            }
            Err(_) => self.broken.push((seed, vec![(Promise::NoPanic, "it panicked".into())])),
        }
    }

    fn failures(&self) -> String {
        let mut text = String::new();
        let mut promises: BTreeMap<Promise, usize> = BTreeMap::new();
        for (_, violations) in &self.broken {
            violations.iter().for_each(|(promise, _)| *promises.entry(*promise).or_default() += 1);
        }
        writeln!(text, "{} of {} lives broken: {promises:?}", self.broken.len(), self.lives).unwrap();
        for (seed, violations) in self.broken.iter().take(TOLD) {
            writeln!(text, "BMCNOTICE_SEED={seed} plays it again:").unwrap();
            violations.iter().for_each(|(promise, what)| writeln!(text, "    {promise}: {what}").unwrap());
        }
        text
    }

    fn report(&self) -> String {
        let mut text = format!("{} lives. {} broke a promise.\n\n", self.lives, self.broken.len());
        text.push_str(&self.tally.table());
        text.push_str("\n| what happened to a server | how often |\n|---|---:|\n");
        for (name, count) in &self.met {
            writeln!(text, "| {name} | {count} |").unwrap();
        }
        text
    }
}

#[test]
fn no_verdict_is_false() {
    let number = |name: &str| env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    if let Some(seed) = number("BMCNOTICE_SEED") {
        let world = live(seed, true);
        eprintln!("{}\n{}", world.fate, world.story());
        assert!(world.violations.is_empty(), "{:#?}", world.violations);
        return;
    }
    let report_to = env::var("BMCNOTICE_REPORT").ok();
    let mut lives = Lives::default();
    for seed in 0..number("BMCNOTICE_SEEDS").unwrap_or(SEEDS) {
        if lives.broken.len() >= TOLD && report_to.is_none() {
            break;
        }
        lives.play(seed, || live(seed, false));
    }
    let mut report = lives.report();
    if report_to.is_some() {
        let month = life::month(0, life::MONTH);
        writeln!(report, "\n{}", life::summary(&month)).unwrap();
        lives.play(u64::MAX, || month);
    }
    if let Some(path) = report_to {
        std::fs::write(path, report).expect("the report");
    }
    assert!(lives.broken.is_empty(), "{}", lives.failures());
    // It is not because nothing happened at all.
    let Tally { verdicts, yes, off, silent, .. } = &lives.tally;
    assert!(verdicts.values().all(|count| *count > 0) && *yes > 0, "{:?}", lives.tally);
    assert!(off.count + silent.count > 3, "{:?}", lives.tally);
    eprintln!("{}", lives.report());
}

/// `off` and `silent`, at one loss in ten.
#[test]
fn detection() {
    let seeds = env::var("BMCNOTICE_SEEDS").ok().and_then(|value| value.parse().ok()).unwrap_or(DETECTIONS);
    let found = life::detection(0..seeds);
    eprintln!("{} off, {} silent, late: {:?}", found.off.len(), found.silent.len(), found.late);
    assert!(found.off.len() as u64 >= seeds && found.silent.len() as u64 >= seeds, "{found:?}");
    let most = |shares: &[f64]| shares.iter().copied().fold(0.0, f64::max);
    assert!(most(&found.off) <= 1.0 && most(&found.silent) <= 1.0, "of timeout + interval: {found:?}");
}

/// Some hours of the month that the long run plays.
#[test]
fn quiet_hours() {
    let world = life::month(7, life::MONTH / 480);
    assert!(world.violations.is_empty(), "{:#?}", world.violations);
    assert!(world.tally.rounds > 1500, "{:?}", world.tally);
}

/// The page shows the promises as the code has them.
#[test]
fn the_page_lists_the_promises() {
    let page = include_str!("../docs/assurance/heartbeat.md");
    let (_, list) = page.split_once("<!-- promises -->\n").expect("the mark");
    let (list, _) = list.split_once("<!-- end of promises -->").expect("the mark");
    let line = |promise: &Promise| format!("- **{promise}**: {}\n", promise.text());
    let expected: String = Promise::ALL.iter().map(line).collect();
    assert_eq!(list, expected);
}

#[test]
fn a_seed_decides_everything() {
    for seed in 0..2 {
        assert_eq!(live(seed, true).story(), live(seed, true).story());
    }
}

/// The wall clock is for texts alone: a life with its steps is the life without them.
#[test]
fn steps_of_the_wall_clock_change_nothing() {
    for seed in 0..2 {
        let life = |by: i64| {
            let mut fate = Fate::draw(&mut Dice::new(seed));
            let steps = (0..20).map(|n| (std::time::Duration::from_secs(n * 30), (n % 2) as usize, What::Wall(by)));
            fate.plan.extend(steps);
            let mut world = World::new(seed, fate);
            world.tells = true;
            world.run();
            world.story().lines().filter(|line| !line.contains("wall clock")).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(life(0), life(-1_000_000_000), "seed {seed}");
    }
}
