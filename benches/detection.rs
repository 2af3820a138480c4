//! The heartbeat in virtual time: how soon a lost power and a hang are found out over a network that loses one datagram in
//! ten, and how many false verdicts a month brings at one in twenty.
//!
//! Whole engines and simulated BMCs, as in `tests/heartbeat_simulation.rs`; nothing here depends on the machine's speed.
//! `cargo bench --bench detection --features sim`
#![allow(dead_code, reason = "the simulation's test uses all of it")]

#[macro_use]
#[path = "../tests/support/promises.rs"]
mod listed;

#[path = "../tests/simulation/dice.rs"]
mod dice;
#[path = "../tests/heartbeat_simulation/fate.rs"]
mod fate;
#[path = "common/figure.rs"]
mod figure;
#[path = "../tests/heartbeat_simulation/judge.rs"]
mod judge;
#[path = "../tests/heartbeat_simulation/life.rs"]
mod life;
#[path = "../tests/heartbeat_simulation/promises.rs"]
mod promises;
#[path = "../tests/heartbeat_simulation/server.rs"]
mod server;
#[path = "../tests/heartbeat_simulation/site.rs"]
mod site;
#[path = "../tests/heartbeat_simulation/truth.rs"]
mod truth;
#[path = "../tests/heartbeat_simulation/world.rs"]
mod world;

use figure::Sides;

/// Lives in which something is to be found out, each with a loss of power and a hang.
const LIVES: u64 = 4000;

/// The latest of all, beside the limit that it is a share of.
fn found(what: &str, shares: &[f64]) {
    let mut sides = Sides::default();
    let latest = shares.iter().copied().fold(0.0, f64::max);
    sides.round(vec![latest], vec![1.0]);
    let what = format!("{what} found out at one loss in ten, the latest of {}", shares.len());
    sides.print(&what, "of it", "time-out and interval", Some(1.0));
}

fn main() {
    let shares = life::detection(0..LIVES);
    found("power off", &shares.off);
    found("a hang", &shares.silent);
    let month = life::month(0, life::MONTH);
    let mut sides = Sides::default();
    sides.round(vec![month.violations.len() as f64], vec![1.0]);
    sides.print("false verdicts in a simulated month at one loss in twenty", "", "one", Some(0.0));
}
