//! `kill -9` before and after every packet and journal write of a whole recovery, and the next start.
//!
//! A first run counts them. `make test` takes some of them by a seed, which a failure shows;
//! `BMCNOTICE_KILLS=all` takes all, `BMCNOTICE_SEED=n` the same ones again.

use crate::bmcs::{Bmc, ENDED_DONE, ENDED_UNKNOWN, Simulated, Word};
use crate::host::Host;
use crate::kills;
use crate::pets;
use crate::site::{Site, quoted};
use crate::tracer::{Side, Traced};
use bmcnotice::Mode;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Kill points of one mode in an ordinary run.
const SAMPLES: usize = 6;
/// How often a BMC sends a trap again that nobody acknowledged.
const AGAIN: Duration = Duration::from_millis(100);
/// A recovery that is found must be over so long after the next start, on a busy machine.
const OVER: Duration = Duration::from_secs(20);

/// So long nothing is left to do before a life counts as settled.
const QUIET: Duration = Duration::from_millis(100);

struct Life {
    bmc: Simulated,
    site: Site,
    rerun: bool,
}

impl Life {
    fn new(rerun: bool) -> Self {
        let bmc = Simulated::new();
        let mut site = Site::of(&bmc);
        let folder = site.folder.path().display().to_string();
        // Two at once would find the other's mark.
        let script = format!(
            "cd {folder}; mkdir busy || echo both >> both; trap 'rmdir busy; exit 9' TERM; \
             echo run >> runs; sleep 0.1; rmdir busy"
        );
        site.script(&script).monitor("tell_deadline", quoted("10s"));
        if rerun {
            site.monitor("rerun", "true");
        }
        Self { bmc, site, rerun }
    }

    fn lines(&self, file: &str) -> usize {
        let path: PathBuf = self.site.folder.path().join(file);
        fs::read_to_string(path).unwrap_or_default().lines().count()
    }

    fn is_ended(&self) -> bool {
        matches!(self.bmc.recoveries().last(), Some(Word::Ended(_)))
    }

    /// The victim, until it is killed at its step or all is told. Returns the steps that it took.
    fn first(&self, mode: &str, kill: Option<(usize, Side)>) -> usize {
        let victim = Traced::start(kills::quiet_victim(&self.site, mode), kill);
        let end = Instant::now() + OVER;
        while !victim.is_over() && !self.bmc.words().contains(&Word::Armed) {
            assert!(Instant::now() < end, "not armed: {}", self.bmc.story());
            sleep(Duration::from_millis(2));
        }
        while !victim.is_over() && !self.is_ended() {
            assert!(Instant::now() < end, "not ended: {}", self.bmc.story());
            pets::send(self.site.listen, self.bmc.guid(), 1);
            sleep(AGAIN);
        }
        sleep(Duration::from_millis(100)); // the last words, and the journal's
        let steps = victim.steps();
        let missed = kill.is_some_and(|(at, _)| at < steps) && !victim.is_over();
        assert!(!missed, "it lives behind its step {kill:?}, {steps} steps");
        steps
    }

    /// The next start keeps the promise.
    fn second(&self, mode: Mode) {
        let host = Host::start(&self.site, mode);
        let begun = Instant::now();
        let mut sent = begun;
        pets::send(self.site.listen, self.bmc.guid(), 1);
        // The first life may have told the end already, and not have written that down: then it is told again.
        let is_settled = || {
            let log = host.log();
            let count = |part: &str| log.iter().filter(|line| line.contains(part)).count();
            let settled = count("telling the BMC: recovery ended") <= count("may reset the server now");
            settled && count("the BMC knows that we are armed") > 0
        };
        let mut settled = None;
        loop {
            // The BMC may have heard it before the host says so; and this thread, too, may stand still.
            settled = (self.is_ended() && is_settled()).then(|| settled.unwrap_or_else(Instant::now));
            if settled.is_some_and(|since| since.elapsed() >= QUIET) {
                break;
            }
            let story = || format!("{:#?}\n{}", host.log(), self.bmc.story());
            assert!(begun.elapsed() < OVER, "a recovery is lost, or never ended:\n{}", story());
            if sent.elapsed() > AGAIN {
                pets::send(self.site.listen, self.bmc.guid(), 1);
                sent = Instant::now();
            }
            sleep(Duration::from_millis(2));
        }
        host.until("the orphan is over", || !self.site.folder.path().join("busy").exists());
        let (runs, words) = (self.lines("runs"), self.bmc.recoveries());
        let story = || format!("{runs} runs, {words:?}\n{:#?}\n{}", host.log(), self.bmc.story());
        assert_eq!(self.lines("both"), 0, "two at once: {}", story());
        assert!(self.bmc.chassis().is_empty(), "{}", story());
        if self.rerun {
            assert!((1..=2).contains(&runs) && words.last() == Some(&ENDED_DONE), "{}", story());
        } else {
            assert!(runs <= 1, "run twice: {}", story());
            // It began, and nobody knows; or all is well.
            assert!(runs == 1 || words.last() == Some(&ENDED_UNKNOWN), "{}", story());
        }
        // What is over is not told again with another meaning.
        let ends = words.iter().filter(|word| matches!(word, Word::Ended(_)));
        let mut outcomes: Vec<_> = ends.collect();
        outcomes.dedup();
        assert_eq!(outcomes.len(), 1, "{}", story());
    }

    /// And the one after that finds nothing to do.
    fn third(&self, mode: Mode) {
        let (runs, words) = (self.lines("runs"), self.bmc.recoveries());
        let host = Host::start(&self.site, mode);
        host.armed();
        sleep(Duration::from_millis(50));
        assert_eq!((self.lines("runs"), self.bmc.recoveries()), (runs, words), "{:#?}", host.log());
    }
}

/// splitmix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn seed() -> u64 {
    match env::var("BMCNOTICE_SEED") {
        Ok(text) => text.parse().expect("BMCNOTICE_SEED is a number"),
        Err(_) => std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64,
    }
}

fn killed_everywhere(mode: Mode, name: &str, rerun: bool) {
    let steps = Life::new(rerun).first(name, None);
    assert!(steps >= 10, "a handshake and a journal take more than {steps} steps");
    let all: Vec<(usize, Side)> = (0..steps).flat_map(|at| [(at, Side::Before), (at, Side::After)]).collect();
    let seed = seed();
    let points: Vec<_> = match env::var("BMCNOTICE_KILLS").as_deref() {
        Ok("all") => all,
        _ => {
            let mut state = seed;
            (0..SAMPLES).map(|_| all[(next(&mut state) % all.len() as u64) as usize]).collect()
        }
    };
    println!("{name}, rerun {rerun}: {} of {} points, BMCNOTICE_SEED={seed}", points.len(), 2 * steps);
    for point in points {
        println!("{name}, rerun {rerun}: killed {:?} step {} of {steps}", point.1, point.0);
        let life = Life::new(rerun);
        life.first(name, Some(point));
        life.second(mode);
        life.third(mode);
    }
}

#[test]
fn killed_at_any_step_in_loop_mode() {
    killed_everywhere(Mode::Loop, "loop", false);
}

#[test]
fn killed_at_any_step_in_thread_mode() {
    killed_everywhere(Mode::Thread, "thread", false);
}

#[test]
fn killed_at_any_step_with_rerun() {
    killed_everywhere(Mode::Thread, "thread", true);
}
