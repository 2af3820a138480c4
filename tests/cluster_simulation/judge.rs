//! Keeps the promises: by what the model knows, not by our own words.

use crate::fate::Tools;
use crate::pacemaker::{CLAIM, Run};
use crate::promises::Promise;
use crate::world::{World, s};
use crate::xml::name;
use bmcnotice::recovery::journal::{Hold, Step, replay};
use bmcnotice::words::Outcome;
use std::time::Duration;

/// Stopping, detecting, electing, starting: all at their slowest, twice.
const NOWHERE: Duration = s(30);
/// A node that died so lately may have been counted on.
const LATELY: Duration = s(20);
/// Longer than any attempt is before its trigger, with tools that hang.
const CLAIMS: Duration = s(60);

impl World {
    pub fn broken(&mut self, promise: Promise, what: String) {
        self.tell(&format!("BROKEN: {promise}: {what}"));
        if self.violations.len() < 20 {
            self.violations.push((promise, what));
        }
    }

    /// After every step.
    pub fn judge(&mut self) {
        let able = self.pacemaker.is_able();
        self.lacked_quorum |= !self.pacemaker.has_quorum();
        for place in 0..self.fate.services {
            if self.pacemaker.active[place].len() > 1 {
                let on = self.pacemaker.active[place].clone();
                self.broken(Promise::Once, format!("svc{place} is on {on:?}"));
            }
            for node in self.pacemaker.active[place].iter().copied().collect::<Vec<_>>() {
                if self.nodes[node].told {
                    self.nodes[node].touched.insert(place);
                }
            }
            let orphaned = self.pacemaker.services[place].disabled && self.pacemaker.services[place].orphaned;
            if !able || orphaned || self.pacemaker.runs_on(place).is_some() {
                self.nowhere[place] = None;
                continue;
            }
            let since = *self.nowhere[place].get_or_insert(self.time);
            if self.time > since + NOWHERE {
                self.nowhere[place] = Some(self.time + s(1_000_000)); // said once
                let service = self.pacemaker.services[place].clone();
                self.broken(Promise::Runs, format!("svc{place} is nowhere for 30 s: {service:?}"));
            }
        }
    }

    /// A tool is started.
    pub fn judge_run(&mut self, node: usize, argv: &[String]) {
        let takes_back = argv.iter().any(|word| word == "-D");
        if !self.nodes[node].told && !takes_back && self.nodes[node].boot > 1 {
            self.broken(Promise::Boot, format!("{} runs {} after its boot", name(node), argv.join(" ")));
        }
    }

    /// A tool is about to act.
    pub fn judge_act(&mut self, node: usize, argv: &[String]) {
        let sets = |word: &str| argv.iter().any(|other| other == word);
        let empties = (sets("red") && sets("-U")) || (sets("standby") && sets("-v"));
        if !empties || sets(CLAIM) {
            return;
        }
        self.nodes[node].clean_since = None;
        if self.pacemaker.nodes[node].emptied {
            return;
        }
        let ignored = sets("red") && self.fate.strategy.is_none();
        let cut = self.pacemaker.cut.is_some_and(|since| since + LATELY < self.time);
        if ignored || cut || self.pacemaker.nodes[node].maintenance {
            self.broken(Promise::NoTrace, format!("{} is emptied though a guard says no", name(node)));
        }
        let red_moves = matches!(self.fate.strategy, Some("migrate-on-red" | "only-green"));
        let takes = |(other, member): (usize, &crate::pacemaker::Member)| {
            let lately = member.died.is_some_and(|at| at + LATELY > self.time);
            let unfit = member.parked || member.maintenance || member.down || (red_moves && member.ill);
            other != node && !unfit && (lately || (member.up && !member.emptied))
        };
        if !self.pacemaker.nodes.iter().enumerate().any(takes) {
            self.broken(Promise::NotAll, format!("{} is emptied, and nobody is left", name(node)));
        }
    }

    /// The BMC has heard *ended*.
    pub fn judge_ended(&mut self, node: usize, outcome: Outcome) {
        if outcome != Outcome::Done {
            return self.note_failed(node);
        }
        let meant = |place: &usize| self.fate.target.is_none_or(|target| target == *place);
        if self.nodes[node].in_place {
            return;
        }
        for place in (0..self.fate.services).filter(meant).collect::<Vec<_>>() {
            let service = self.pacemaker.services[place].clone();
            if self.pacemaker.active[place].contains(&node) {
                self.broken(Promise::Proof, format!("svc{place} is still on {}: {service:?}", name(node)));
            } else if self.nodes[node].tool_failed && service.before.is_some_and(|before| before != node) {
                // It had come up elsewhere, and came back while the tool that saw it was late.
            } else if self.nodes[node].touched.contains(&place) && service.ran == Some(node) {
                self.broken(Promise::Proof, format!("svc{place} has not come up elsewhere: {service:?}"));
            }
        }
    }

    /// Nobody could have taken the services when this was decided, and nobody had asked it to wait.
    pub fn note_failed(&mut self, node: usize) {
        let fit = (0..self.fate.nodes).any(|other| other != node && self.pacemaker.is_fit(other));
        let replay = replay(&self.nodes[node].hot);
        let held = |step| (step == Step::Held(Hold::PeerRecovers)).then_some(());
        let waited = replay.open().any(|record| record.find(held).is_some());
        self.nodes[node].alone |= !waited && (!fit || self.lacked_quorum);
    }

    /// The life is over.
    pub fn judge_end(&mut self) {
        for place in 0..self.fate.services {
            if self.nowhere[place].is_some_and(|since| since + NOWHERE < self.time) {
                self.broken(Promise::Runs, format!("svc{place} runs nowhere in the end"));
            }
            if let Run::Started(node) = self.pacemaker.services[place].run
                && !self.pacemaker.active[place].contains(&node)
                && self.pacemaker.nodes[node].up
            {
                self.broken(Promise::Once, format!("svc{place}: the model is at odds with itself"));
            }
        }
        for node in 0..self.nodes.len() {
            if self.nodes[node].engine.is_some() {
                self.judge_node(node);
            }
        }
        if self.fate.is_quiet() && self.fault.is_some() {
            self.judge_moves();
        }
    }

    fn judge_node(&mut self, node: usize) {
        let shown = name(node);
        let member = self.pacemaker.nodes[node].clone();
        let now = self.time;
        let old = |since: Duration| since + CLAIMS < now;
        let flaky = self.fate.tools[node] != Tools::Well && self.nodes[node].tool_failed;
        // A tool that fails by fate may be the very one that takes something back.
        let stands = member.emptied || member.parked || member.ill;
        if !stands && self.pacemaker.claims_since(node).is_some_and(old) {
            self.broken(Promise::NoWaiting, format!("a claim of {shown} stands for nothing"));
        }
        if self.nodes[node].clean_since.is_some_and(old) && member.emptied && !flaky {
            self.broken(Promise::Cleared, format!("{shown} was cleared and is still emptied"));
        }
        let replay = replay(&self.nodes[node].hot);
        let boot = [self.nodes[node].boot; 16];
        let mut triggered = false;
        let mut silent = Vec::new();
        for record in replay.records() {
            let here = record.boot.0 == boot;
            triggered |= here && record.runs() > 0;
            let told = record.find(|step| match step {
                Step::EndedTold(_) | Step::EndedGivenUp(_) => Some(()),
                _ => None,
            });
            if here && record.runs() > 0 && told.is_none() && !record.is_open() {
                silent.push(record.id.serial());
            }
        }
        if member.emptied && !triggered {
            self.broken(Promise::NoTrace, format!("{shown} is emptied, and no recovery of this boot has begun"));
        }
        for serial in silent {
            self.broken(Promise::NoSilence, format!("{shown}: record {serial} is closed, the BMC never heard ended"));
        }
    }

    /// Nothing but faults was wrong.
    fn judge_moves(&mut self) {
        let mut done = 0;
        for node in self.fate.struck.clone() {
            let here = &self.nodes[node];
            let replay = replay(&here.hot);
            let held = |step| (step == Step::Held(Hold::PeerRecovers)).then_some(());
            let told = |step| matches!(step, Step::EndedTold(_) | Step::EndedGivenUp(_)).then_some(());
            let waits = replay.open().any(|record| record.find(held).is_some() && record.find(told).is_none());
            let fine = here.done > 0 || waits || here.resets > 0 || here.alone;
            done += here.done;
            if !fine {
                self.broken(Promise::Moves, format!("{} is neither done nor waits nor was reset", name(node)));
            }
        }
        if done == 0 {
            self.broken(Promise::Moves, "nobody is done".into());
        }
    }
}
