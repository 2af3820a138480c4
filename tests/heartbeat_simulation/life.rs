//! Lives of one kind: how soon something is found out, and a month in which nothing happens.

use crate::dice::Dice;
use crate::fate::{Fate, What};
use crate::promises::Promise;
use crate::world::{World, s};
use bmcnotice::heartbeat::Verdict;
use std::time::Duration;

/// A server is watched for so long, all watchers of all servers together.
pub const MONTH: Duration = s(30 * 86_400);
/// Servers that watch each other in it, and the pairs that hold a session.
const SERVERS: usize = 4;
const PAIRS: u32 = 8;

/// How soon a lost power and a hang were found out, as shares of time-out and interval.
#[derive(Debug, Default)]
pub struct Found {
    pub off: Vec<f64>,
    pub silent: Vec<f64>,
    /// Lives in which one was found out too late.
    pub late: Vec<u64>,
}

/// Two servers; one loses its power, and later its software stands still. At one loss in ten.
pub fn detection(seeds: core::ops::Range<u64>) -> Found {
    let mut found = Found::default();
    for seed in seeds {
        let mut dice = Dice::new(seed);
        let mut fate = Fate::quiet(2, 10, s(90));
        let (interval, timeout) = [(3, 90), (3, 9), (3, 30), (10, 60)][dice.below(4) as usize];
        (fate.interval, fate.timeout) = (s(interval), s(timeout));
        let lasts = fate.timeout + fate.interval + s(60);
        let at = s(60) + dice.up_to(s(10));
        let again = at + lasts + s(60);
        fate.plan = vec![(at, 0, What::PowerOff(lasts)), (again, 0, What::Stop(lasts))];
        fate.span = again + lasts;
        let mut world = World::new(seed, fate);
        world.run();
        let late = |promise| matches!(promise, Promise::DetectsOff | Promise::DetectsSilent);
        assert!(world.violations.iter().all(|(promise, _)| late(*promise)), "seed {seed}: {:#?}", world.violations);
        if !world.violations.is_empty() {
            found.late.push(seed);
        }
        for (watcher, peer, verdict, since) in &world.wanted {
            let is = |(at, of, about, change): &&(Duration, usize, usize, Verdict)| {
                at >= since && (of, about, change) == (watcher, peer, verdict)
            };
            let took = world.changes.iter().find(is).map_or(lasts, |(at, ..)| *at - *since);
            let shares = if *verdict == Verdict::Off { &mut found.off } else { &mut found.silent };
            shares.push(world.share(took));
        }
    }
    found
}

/// So long, over a network that loses one datagram in twenty.
pub fn month(seed: u64, long: Duration) -> World {
    let fate = Fate::quiet(SERVERS, 5, long / PAIRS + s(60));
    let mut world = World::new(seed, fate);
    world.run();
    world
}

/// What became of it.
pub fn summary(world: &World) -> String {
    let changes: u64 = world.tally.verdicts.values().sum();
    format!(
        "A month of watching, in which nothing happens, at one loss in twenty: {} rounds of questions, {} of them in vain, \
         {} datagrams lost; {} changes of a verdict, those of the beginning included; {} false verdicts.",
        world.tally.rounds,
        world.tally.missed,
        world.tally.lost,
        changes,
        world.violations.len()
    )
}
