//! The heartbeat's verdicts as node attributes of Pacemaker's, for rules and for people: off by default.
//!
//! Part of [`Engine`]. Each server publishes its own view, on its own node (`bmc-NAME`), so that two views never overwrite
//! each other. One tool at a time, the newest verdict of a server alone; nothing waits for it.

use super::Engine;
use super::output::{Command, CommandEvent, Line, Output, PeerStatus, Print};
use super::seat::PATH;
use super::watching::word;
use crate::config::model::{Pacemaker, Recovery};
use crate::now::Now;
use core::time::Duration;

/// Limit: how long the tool may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// After a failure: the cluster may be starting.
const PAUSE: Duration = Duration::from_secs(5);

impl Engine {
    /// A verdict has changed.
    pub(super) fn publish_verdict(&mut self, now: Now, status: &PeerStatus) {
        if self.cluster.heartbeat.node_attributes && !self.cluster.observe {
            self.attributes.waiting.insert(status.server.clone(), word(status.verdict));
            self.publish_next(now);
        }
    }

    /// The pause after a failure is over, if there was one.
    pub(super) fn publish_next(&mut self, now: Now) {
        let pause = self.attributes.again.is_some_and(|at| now.boottime < at);
        if pause || self.attributes.running.is_some() || self.leaving {
            return;
        }
        self.attributes.again = None;
        let Some((server, word)) = self.attributes.waiting.pop_first() else { return };
        let token = self.token();
        self.attributes.running = Some((token, server.clone(), word));
        let tools = self.cluster.monitors.iter().find_map(|monitor| match &monitor.recovery {
            Recovery::Pacemaker(pacemaker) => Some(pacemaker.tools.clone()),
            Recovery::Callback | Recovery::Command(_) | Recovery::Clusterpro(_) => None,
        });
        let program = format!("{}/attrd_updater", tools.unwrap_or(Pacemaker::default().tools));
        let name = format!("bmc-{server}");
        let argv = [&program, "-n", &name, "-U", word].map(str::to_owned).to_vec();
        let env = [PATH, "LC_ALL=C"].map(str::to_owned).to_vec();
        let command = Command { token, argv, env, print: Print::Log, time: PATIENCE, alone: None };
        self.outputs.push_back(Output::Run(command));
    }

    /// Whether the command was the tool; then nobody else is to hear of it.
    pub(super) fn attribute_ended(&mut self, now: Now, token: u64, event: &CommandEvent) -> bool {
        if self.attributes.running.as_ref().is_none_or(|(running, ..)| *running != token) {
            return false;
        }
        let trouble = match event {
            CommandEvent::Printed(_) | CommandEvent::Kept(_) => return true,
            CommandEvent::Exited(0) | CommandEvent::Lost | CommandEvent::Overflowed => None,
            CommandEvent::Exited(status) => Some(format!("exit status {status}")),
            CommandEvent::Killed(signal) => Some(format!("killed by signal {signal}")),
            CommandEvent::NotStarted(why) => Some(why.clone()),
        };
        let Some((_, server, word)) = self.attributes.running.take() else { return true };
        if let Some(trouble) = trouble {
            // The cluster may not be up yet. What has come since is newer.
            self.attributes.waiting.entry(server).or_insert(word);
            self.attributes.again = Some(now.boottime + PAUSE);
            self.attributes.failures += 1;
            // The first, and then ever more rarely.
            if self.attributes.failures.is_power_of_two() {
                let count = self.attributes.failures;
                self.log(Line::warning(format!("a verdict did not become a node attribute ({count}): {trouble}")));
            }
        }
        self.publish_next(now);
        true
    }
}
