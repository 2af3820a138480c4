//! A whole cluster in virtual time: on each node an engine with its journal and its BMC, and one model of Pacemaker
//! between them, by whose truth the promises are judged. A seed decides everything.
//!
//! `BMCNOTICE_SEED=n` plays one life again and tells its story, `BMCNOTICE_SEEDS=n` sets how many are lived,
//! `BMCNOTICE_REPORT=file` writes what they met. `docs/assurance/cluster.md` explains.
#![cfg(feature = "sim")]

#[macro_use]
#[path = "support/promises.rs"]
mod listed;

#[path = "simulation/dice.rs"]
mod dice;
#[path = "cluster_simulation/fate.rs"]
mod fate;
#[path = "cluster_simulation/judge.rs"]
mod judge;
#[path = "cluster_simulation/pacemaker.rs"]
mod pacemaker;
#[path = "cluster_simulation/promises.rs"]
mod promises;
#[path = "cluster_simulation/site.rs"]
mod site;
#[path = "cluster_simulation/world.rs"]
mod world;
#[path = "cluster_simulation/xml.rs"]
mod xml;

use dice::Dice;
use fate::Fate;
use promises::Promise;
use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use world::World;

/// Lives in `make test`.
const SEEDS: u64 = 200;
/// Killed between the record of what is taken back and the record's end: the claim stayed.
const REMEMBERED: [u64; 1] = [3515];
/// So many broken lives are told of, at most; then it is enough, unless there is a report to write.
const TOLD: usize = 20;

fn live(seed: u64) -> World {
    let fate = Fate::draw(&mut Dice::new(seed));
    let mut world = World::new(seed, fate);
    world.run();
    world
}

#[derive(Default)]
struct Tally {
    lives: u64,
    nodes: [usize; 5],
    all_struck: usize,
    runs: usize,
    ended: [usize; 3],
    resets: usize,
    met: BTreeMap<&'static str, usize>,
    broken: Vec<(u64, Vec<(Promise, String)>)>,
}

impl Tally {
    fn add(&mut self, seed: u64, world: &World) {
        self.lives += 1;
        self.nodes[world.fate.nodes] += 1;
        self.all_struck += usize::from(world.fate.struck.len() == world.fate.nodes);
        self.runs += world.runs;
        for node in &world.nodes {
            self.ended[0] += node.done;
            self.ended[1] += node.failed;
            self.ended[2] += node.unknown;
            self.resets += node.resets;
        }
        for (name, count) in &world.met {
            *self.met.entry(name).or_default() += count;
        }
        if !world.violations.is_empty() {
            self.broken.push((seed, world.violations.clone()));
        }
    }

    fn summary(&self) -> String {
        let Self { lives, nodes, all_struck, runs, ended: [done, failed, unknown], resets, .. } = self;
        format!(
            "{lives} lives ({} of two nodes, {} of three, {} of four), in {all_struck} all nodes were struck: \
             {runs} tools run, ended heard {done} times done, {failed} failed, {unknown} unknown; {resets} resets of hosts",
            nodes[2], nodes[3], nodes[4]
        )
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
        let mut text = format!("{}.\n\n{} broke a promise.\n\n", self.summary(), self.broken.len());
        text.push_str("| disturbance | met |\n|---|---:|\n");
        for (name, count) in &self.met {
            writeln!(text, "| {name} | {count} |").unwrap();
        }
        text
    }
}

#[test]
fn a_cluster_keeps_its_promises() {
    let number = |name: &str| env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let one = number("BMCNOTICE_SEED");
    let seeds = one.map_or(0..number("BMCNOTICE_SEEDS").unwrap_or(SEEDS), |seed| seed..seed + 1);
    let report_to = env::var("BMCNOTICE_REPORT").ok();
    let mut tally = Tally::default();
    // Lives that were broken once, beyond what every run plays.
    let remembered = REMEMBERED.into_iter().filter(|seed| one.is_none() && !seeds.contains(seed));
    for seed in seeds.clone().chain(remembered) {
        if tally.broken.len() >= TOLD && report_to.is_none() {
            break;
        }
        match catch_unwind(AssertUnwindSafe(|| live(seed))) {
            Ok(world) => {
                if one.is_some() {
                    eprintln!("{}\n{}", world.fate, world.story());
                }
                tally.add(seed, &world);
            }
            Err(_) => {
                tally.lives += 1;
                tally.broken.push((seed, vec![(Promise::NoPanic, "it panicked".into())]));
            }
        }
    }
    if let Some(path) = report_to {
        std::fs::write(path, tally.report()).expect("the report");
    }
    assert!(tally.broken.is_empty(), "{}", tally.failures());
    if one.is_none() {
        let lives = tally.lives as usize;
        assert!(tally.ended[0] > lives / 2 && tally.ended[1] > lives / 20, "{}", tally.summary());
        eprintln!("{}", tally.summary());
    }
}

/// The page shows the promises as the code has them.
#[test]
fn the_page_lists_the_promises() {
    let page = include_str!("../docs/assurance/cluster.md");
    let (_, list) = page.split_once("<!-- promises -->\n").expect("the mark");
    let (list, _) = list.split_once("<!-- end of promises -->").expect("the mark");
    let line = |promise: &Promise| format!("- **{promise}**: {}\n", promise.text());
    let expected: String = Promise::ALL.iter().map(line).collect();
    assert_eq!(list, expected);
}

#[test]
fn a_seed_decides_everything() {
    for seed in 0..5 {
        assert_eq!(live(seed).story(), live(seed).story());
    }
}
