//! How the demonstration looks: one screen of at most 100 columns, or one JSON object at its end.

use super::stage::Stage;
use super::story::{BEATS, Beat, Story};
use crate::out::{Look, Out};
use bmcnotice::PeerStatus;
use bmcnotice::io::sys::now;
use serde_json::{Value, json};
use std::time::Duration;

/// Columns of what is said.
const WORDS: usize = 62;
/// What stands before them.
const INDENT: usize = 38;

/// Where it is shown.
pub struct Screen<'a> {
    /// Standard output.
    pub out: &'a Out,
    /// Nothing but JSON.
    pub json: bool,
}

impl Screen<'_> {
    fn line(&self, text: impl std::fmt::Display) {
        if !self.json {
            self.out.line(text);
        }
    }

    /// What runs where.
    pub fn opening(&self, stage: &Stage) {
        let title = "The cluster of examples/seed.toml, on loopback, with two simulated BMCs";
        self.line(self.out.paint(Look::Strong, title));
        let roles = ["monitor mrw1 recovers group failover1", "watches by the BMC heartbeat"];
        for (host, role) in stage.hosts.iter().zip(roles) {
            self.line(format_args!("  {} at {}, BMC {}: {role}", host.name, host.listen, host.bmc));
        }
    }

    /// What server2 sees, and where the group runs.
    pub fn heartbeat(&self, peers: &[PeerStatus], when: &str, group: &str) {
        self.line("");
        self.line(self.out.paint(Look::Strong, format_args!("BMC heartbeat as server2 sees it, {when}")));
        self.line(self.out.paint(Look::Faint, "  server     verdict    for            restarts"));
        for peer in peers {
            let since = now().boottime.saturating_sub(peer.since);
            let verdict = format!("{:<10}", peer.verdict.to_string());
            let look = if verdict.trim() == "powered" { Look::Good } else { Look::Bad };
            self.line(format_args!(
                "  {:<10} {} {:<14} {}",
                peer.server,
                self.out.paint(look, verdict),
                format!("{} us", grouped(since.as_micros())),
                peer.restarts
            ));
        }
        self.line(format_args!("  {group}"));
    }

    /// Above the steps.
    pub fn heading(&self) {
        self.line("");
        self.line(self.out.paint(Look::Strong, "step  us after fault  who               what was said and done"));
    }

    /// One line of the story, or what is missing from it.
    pub fn beat(&self, story: &Story, beat: Beat) {
        let first = BEATS.iter().find(|other| other.step() == beat.step()) == Some(&beat);
        let step = if first { beat.step().to_string() } else { String::new() };
        let (time, look, text) = match story.said(beat) {
            Some(said) => {
                let (look, wrong) = match said.wrong {
                    Some(wrong) => (Look::Bad, format!(" - WRONG: {wrong}")),
                    None => (Look::Plain, String::new()),
                };
                (relative(said.at, story.fault_at()), look, format!("{}{wrong}", said.what))
            }
            None => ("-".into(), Look::Bad, format!("NOT DONE: {}", beat.missing())),
        };
        let mut lines = wrapped(&text).into_iter();
        let head = lines.next().unwrap_or_default();
        self.line(format_args!(
            "{} {} {:<17} {}",
            self.out.paint(Look::Strong, format_args!("{step:>3}")),
            self.out.paint(Look::Faint, format_args!("{time:>15}")),
            beat.who(),
            self.out.paint(look, head)
        ));
        lines.for_each(|line| self.line(format_args!("{:INDENT$}{}", "", self.out.paint(look, line))));
    }

    /// The last line; with JSON, everything.
    pub fn ending(
        &self,
        story: &Story,
        wrong: &[(u8, &'static str)],
        took: Duration,
        (before, after): (&[PeerStatus], &[PeerStatus]),
        interrupted: bool,
    ) {
        let good = wrong.is_empty() && !interrupted;
        let summary = match wrong.first() {
            _ if interrupted => "interrupted: not all of it was shown".to_owned(),
            None => "failover1 left server1 before its BMC reset it: every step 0 to 7 was done".to_owned(),
            Some((step, why)) => format!("step {step} was not done as it should be: {why}"),
        };
        if self.json {
            return self.out.json(&json!({
                "ok": good,
                "summary": summary,
                "took_us": micros(took),
                "steps": steps(story, wrong),
                "heartbeat": { "before": peers(before), "after": peers(after) },
                "troubles": story.troubles,
            }));
        }
        self.line("");
        let word = if good { self.out.paint(Look::Good, "OK") } else { self.out.paint(Look::Bad, "FAILED") };
        if !good {
            for (step, why) in wrong.iter().skip(1) {
                self.line(format_args!("  step {step}: {why}"));
            }
            story.troubles.iter().for_each(|trouble| self.line(format_args!("  log: {trouble}")));
        }
        self.line(format_args!("{word}: {summary}, in {:.1} s.", took.as_secs_f64()));
    }
}

fn steps(story: &Story, wrong: &[(u8, &'static str)]) -> Vec<Value> {
    let step = |number: u8| {
        let said = |beat: &Beat| {
            let said = story.said(*beat)?;
            Some(json!({
                "after_fault_us": story.fault_at().map(|fault| signed_micros(said.at, fault)),
                "who": beat.who(),
                "what": said.what,
            }))
        };
        let lines: Vec<Value> = BEATS.iter().filter(|beat| beat.step() == number).filter_map(said).collect();
        let why: Vec<&str> = wrong.iter().filter(|(step, _)| *step == number).map(|(_, why)| *why).collect();
        json!({ "step": number, "done": why.is_empty(), "wrong": why, "said": lines })
    };
    (0..=7).map(step).collect()
}

fn peers(peers: &[PeerStatus]) -> Vec<Value> {
    let peer = |peer: &PeerStatus| json!({ "server": &*peer.server, "verdict": peer.verdict.to_string(), "restarts": peer.restarts });
    peers.iter().map(peer).collect()
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn signed_micros(at: Duration, zero: Duration) -> i64 {
    let (later, earlier) = (micros(at.saturating_sub(zero)), micros(zero.saturating_sub(at)));
    i64::try_from(later).unwrap_or(i64::MAX) - i64::try_from(earlier).unwrap_or(i64::MAX)
}

/// Microseconds after the fault; negative before it.
fn relative(at: Duration, fault: Option<Duration>) -> String {
    match fault {
        Some(fault) if at < fault => format!("-{}", grouped((fault - at).as_micros())),
        Some(fault) => grouped((at - fault).as_micros()),
        None => "-".into(),
    }
}

/// Digits in groups of three: microseconds are read in milliseconds and seconds, too.
fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// The text in lines of [`WORDS`] columns.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WORDS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lines_fit_the_screen() {
        assert_eq!((grouped(0), grouped(999), grouped(1000)), ("0".into(), "999".into(), "1 000".into()));
        assert_eq!(grouped(1_301_250), "1 301 250");
        assert_eq!(relative(Duration::from_millis(1), Some(Duration::from_millis(2))), "-1 000");
        let lines = wrapped(&"word ".repeat(40));
        assert!(lines.len() > 1 && lines.iter().all(|line| line.len() <= WORDS && !line.is_empty()));
        assert_eq!(wrapped(""), [""]);
    }
}
