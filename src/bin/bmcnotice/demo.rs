//! `bmcnotice demo`: the whole handshake on this machine's loopback, with real sockets and two simulated BMCs.
//!
//! `stage` starts the shipped example, `story` says from what the BMC heard which step was done, `screen` prints.

mod screen;
mod stage;
mod story;

use crate::arguments::duration;
use crate::exit::{Exit, complain, report};
use crate::out::Out;
use bmcnotice::io::signals::{Signal, Signals};
use bmcnotice::io::sys::now;
use bmcnotice::sim::Fault;
use screen::Screen;
use stage::{Stage, Wishes};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use story::{BEATS, Beat, Fact, Story};

/// How long both servers may take to arm their BMCs and to see each other.
const ARMING: Duration = Duration::from_secs(5);
/// How long the rest may take, beside the recovery itself.
const STEPS: Duration = Duration::from_secs(5);
/// How often a signal is looked for.
const GLANCE: Duration = Duration::from_millis(10);

/// Show the whole thing on this machine: no root, no hardware, five seconds
///
/// Starts the cluster of examples/seed.toml, moved to loopback, with a simulated BMC for each of
/// its two servers. server1's BMC finds an uncorrectable memory error; server1 hears of it, tells
/// the BMC that a recovery has started, moves its group to server2, tells the BMC that it has
/// ended, and only then loses its power. server2 watches by the BMC heartbeat.
///
/// Each step counts only if the BMC's own event log shows it. Ends with 0 when every step was
/// done, else with 1.
///
/// What if?
///   --patience 50ms     the BMC waits less than its maker says
///   --fail              the recovery fails
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// How long server1's BMC really holds its reset
    #[arg(long, value_name = "DURATION", default_value = "120s", value_parser = duration)]
    patience: Duration,
    /// How long moving the group takes
    #[arg(long, value_name = "DURATION", default_value = "300ms", value_parser = duration)]
    recovery_takes: Duration,
    /// The recovery fails
    #[arg(long)]
    fail: bool,
    /// Where the servers listen for traps [default: any free port]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Print one JSON object at the end
    #[arg(long)]
    json: bool,
}

/// The command.
pub fn main(arguments: &Arguments, out: &Out) -> Exit {
    let signals = match Signals::take(&Signal::ENDS) {
        Ok(signals) => signals,
        Err(error) => return report(&error.into()),
    };
    let wishes = Wishes {
        port: arguments.port,
        patience: arguments.patience,
        recovery_takes: arguments.recovery_takes,
        fail: arguments.fail,
    };
    let (stage, facts) = match Stage::new(&wishes) {
        Ok(stage) => stage,
        Err(error) => {
            report(&error);
            complain("the demonstration could not begin", "");
            return Exit::Failed;
        }
    };
    let screen = Screen { out, json: arguments.json };
    let play = Play { story: Story::default(), facts, signals, screen, told: 0, interrupted: false };
    play.screen.opening(&stage);
    play.act(arguments.recovery_takes, &stage)
}

/// The demonstration as it runs.
struct Play<'a> {
    story: Story,
    facts: Receiver<Fact>,
    signals: Signals,
    screen: Screen<'a>,
    /// How many beats were printed.
    told: usize,
    interrupted: bool,
}

impl Play<'_> {
    fn act(mut self, recovery: Duration, stage: &Stage) -> Exit {
        let began = now().boottime;
        self.until(ARMING, |story| story.said(Beat::Armed).is_some() && stage.all_powered() && stage.all_armed());
        let before = stage.peers();
        self.screen.heartbeat(&before, "before", "group failover1 runs on server1");
        self.screen.heading();
        if self.story.said(Beat::Armed).is_some() && !self.interrupted {
            if let Some(fault) = Fault::preset("uncorrectable-memory") {
                stage.raise(&fault);
            }
            let all = |story: &Story| BEATS.iter().all(|beat| story.said(*beat).is_some());
            self.until(STEPS.saturating_add(recovery), |story| all(story) && stage.has_seen_restart());
        }
        let after = stage.peers();
        let verdict = self.story.judge(stage.has_seen_restart());
        for beat in &BEATS[self.told..] {
            self.screen.beat(&self.story, *beat);
        }
        let place =
            if self.story.moved() { "group failover1 runs on server2" } else { "group failover1 is where it was" };
        self.screen.heartbeat(&after, "after", place);
        let took = now().boottime.saturating_sub(began);
        self.screen.ending(&self.story, &verdict, took, (&before, &after), self.interrupted);
        if verdict.is_empty() && !self.interrupted { Exit::Done } else { Exit::Failed }
    }

    /// Takes facts, and tells what can be told in the order of the steps, until it is so, or so long.
    fn until(&mut self, patience: Duration, done: impl Fn(&Story) -> bool) {
        let end = now().boottime.saturating_add(patience);
        while !done(&self.story) && now().boottime < end && !self.interrupted {
            match self.facts.recv_timeout(GLANCE) {
                Ok(fact) => self.story.take(fact),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.interrupted = self.signals.wait(Some(Duration::ZERO)).is_some();
            self.tell();
        }
    }

    /// Nothing is told before the fault: the times count from there.
    fn tell(&mut self) {
        while self.story.fault_at().is_some()
            && let Some(beat) = BEATS.get(self.told).filter(|beat| self.story.said(**beat).is_some())
        {
            self.screen.beat(&self.story, *beat);
            self.told += 1;
        }
    }
}
