//! The daemon's answer to `status`, read: what the table, the metrics and the live view are made from.
//!
//! Another release's daemon may lack a field, or know a word that we do not: what is missing is empty, and a word that
//! is not known is shown as it stands. Texts in it may be a BMC's: they are made fit for a terminal here.

use crate::journal::words::safe;
use serde_json::Value;
use std::time::Duration;

/// The states of a verdict, the best one first.
pub const VERDICTS: [&str; 8] = ["alive", "powered", "booting", "delayed", "silent", "left", "off", "unknown"];

/// Everything that is known.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// When it was made, by the wall.
    pub at: Duration,
    /// The daemon's version.
    pub version: String,
    /// Since it was started.
    pub up: Duration,
    /// The cluster's name.
    pub cluster: String,
    /// This server's name.
    pub server: String,
    /// Where traps are received.
    pub listen: Option<String>,
    /// It only observes.
    pub observe: bool,
    /// The heartbeat runs.
    pub heartbeat: bool,
    /// What became of our own pulse.
    pub pulse: Option<Pulse>,
    /// Recoveries are held.
    pub maintenance: bool,
    /// When a drill proved the path last, by the wall.
    pub proven: Option<Duration>,
    /// Open recoveries.
    pub recoveries: Vec<Recovery>,
    /// The last notices, the oldest first.
    pub notices: Vec<Notice>,
    /// What was counted.
    pub counters: Vec<(String, u64)>,
    /// Dropped datagrams by reason.
    pub drops: Vec<(String, u64)>,
    /// The servers that have a BMC.
    pub servers: Vec<Server>,
}

/// Our own pulse.
#[derive(Debug, Clone, Default)]
pub struct Pulse {
    /// In a word.
    pub state: String,
    /// Somebody should look.
    pub trouble: bool,
    /// For people.
    pub text: String,
}

/// An open recovery.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// Its record.
    pub record: u64,
    /// The monitor.
    pub monitor: String,
    /// What is moved.
    pub target: String,
    /// Where it stands.
    pub state: String,
    /// Why it is held.
    pub why: Option<String>,
    /// For how long it has stood there.
    pub for_so_long: Duration,
    /// Why it was begun.
    pub sentence: String,
}

/// A notice.
#[derive(Debug, Clone, Default)]
pub struct Notice {
    /// When, by the wall.
    pub at: Duration,
    /// Of which server.
    pub server: String,
    /// Its class.
    pub class: String,
    /// What it says.
    pub sentence: String,
    /// Its record.
    pub record: Option<u64>,
}

/// A server.
#[derive(Debug, Clone, Default)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// It is the daemon's own.
    pub own: bool,
    /// One of [`VERDICTS`].
    pub verdict: String,
    /// Why nothing can be said, in a word.
    pub doubt: Option<String>,
    /// The verdict for people.
    pub text: String,
    /// For how long it has held.
    pub for_so_long: Duration,
    /// How long ago its BMC answered.
    pub heard: Option<Duration>,
    /// Whether it has power.
    pub power: Option<bool>,
    /// What its watchdog shows.
    pub pulse: String,
    /// Who feeds it.
    pub fed_by: Option<String>,
    /// How long ago it was fed, when that was read.
    pub fed_ago: Option<Duration>,
    /// The last answer took so long.
    pub round_trip: Option<Duration>,
    /// The last rounds, oldest first; none: a miss.
    pub round_trips: Vec<Option<Duration>>,
    /// Rounds without an answer since the last answer.
    pub misses: u64,
    /// How often it was seen to restart.
    pub restarts: u64,
    /// `no`, `yes`, `fence_first`, `no_answer`.
    pub take_over: String,
    /// Why.
    pub why: String,
}

impl Server {
    /// Whether somebody should look at it. The daemon's own server is seen from nearer by.
    pub fn needs_a_look(&self) -> bool {
        let elsewhere = self.verdict == "unknown" && self.doubt.as_deref() == Some("elsewhere");
        !self.own && !elsewhere && !["alive", "powered"].contains(&self.verdict.as_str())
    }
}

impl Answer {
    /// Reads it.
    pub fn read(value: &Value) -> Self {
        let daemon = &value["daemon"];
        let pulse = &value["pulse"];
        let statistics = value["statistics"].as_object();
        let counted = statistics.into_iter().flatten().filter_map(|(name, count)| Some((safe(name), count.as_u64()?)));
        let dropped = value["statistics"]["dropped"].as_object().into_iter().flatten();
        Self {
            at: ms(&value["wall_ms"]),
            version: text(&daemon["version"]),
            up: ms(&daemon["up_ms"]),
            cluster: text(&daemon["cluster"]),
            server: text(&daemon["server"]),
            listen: maybe(&daemon["listen"]),
            observe: yes(&daemon["observe"]),
            heartbeat: yes(&value["heartbeat"]["enabled"]),
            pulse: pulse.is_object().then(|| Pulse {
                state: text(&pulse["state"]),
                trouble: yes(&pulse["trouble"]),
                text: text(&pulse["text"]),
            }),
            maintenance: yes(&value["maintenance"]),
            proven: some_ms(&value["drill"]["proven_at_ms"]),
            recoveries: list(&value["recoveries"]).map(recovery).collect(),
            notices: list(&value["notices"]).map(notice).collect(),
            counters: counted.collect(),
            drops: dropped.filter_map(|(name, count)| Some((safe(name), count.as_u64()?))).collect(),
            servers: list(&value["servers"]).map(server).collect(),
        }
    }

    /// How many servers have each verdict, the best one first; what nobody has is left out.
    pub fn verdicts(&self) -> Vec<(String, usize)> {
        let mut counts: Vec<(String, usize)> = VERDICTS.map(|verdict| (verdict.to_owned(), 0)).into();
        for server in &self.servers {
            match counts.iter_mut().find(|(verdict, _)| *verdict == server.verdict) {
                Some((_, count)) => *count += 1,
                None => counts.push((server.verdict.clone(), 1)),
            }
        }
        counts.retain(|(_, count)| *count > 0);
        counts
    }
}

fn recovery(value: &Value) -> Recovery {
    Recovery {
        record: number(&value["record"]),
        monitor: text(&value["monitor"]),
        target: text(&value["target"]),
        state: text(&value["state"]),
        why: maybe(&value["why"]),
        for_so_long: ms(&value["for_ms"]),
        sentence: text(&value["sentence"]),
    }
}

fn notice(value: &Value) -> Notice {
    Notice {
        at: ms(&value["wall_ms"]),
        server: text(&value["server"]),
        class: text(&value["class"]),
        sentence: text(&value["sentence"]),
        record: value["record"].as_u64(),
    }
}

fn server(value: &Value) -> Server {
    let us = |value: &Value| value.as_u64().map(Duration::from_micros);
    Server {
        name: text(&value["server"]),
        own: yes(&value["own"]),
        verdict: text(&value["verdict"]),
        doubt: maybe(&value["doubt"]),
        text: text(&value["text"]),
        for_so_long: ms(&value["for_ms"]),
        heard: some_ms(&value["heard_ago_ms"]),
        power: value["power"].as_str().map(|power| power == "on"),
        pulse: text(&value["pulse"]),
        fed_by: maybe(&value["fed_by"]),
        fed_ago: some_ms(&value["fed_ago_ms"]),
        round_trip: us(&value["round_trip_us"]),
        round_trips: list(&value["round_trips_us"]).map(us).collect(),
        misses: number(&value["misses"]),
        restarts: number(&value["restarts"]),
        take_over: text(&value["take_over"]),
        why: text(&value["why"]),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    maybe(value).unwrap_or_default()
}

fn maybe(value: &Value) -> Option<String> {
    value.as_str().map(safe)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn some_ms(value: &Value) -> Option<Duration> {
    value.as_u64().map(Duration::from_millis)
}

fn ms(value: &Value) -> Duration {
    some_ms(value).unwrap_or_default()
}

fn yes(value: &Value) -> bool {
    value.as_bool() == Some(true)
}
