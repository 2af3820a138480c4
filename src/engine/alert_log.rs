//! What is on its way to CLUSTERPRO's alert log, and the command that writes it. Values with few decisions.

use super::alert::{self, Alert};
use super::output::{Command, Print};
use super::seat;
use crate::config::clusterpro::{Site, Template};
use crate::config::model::{AfterEnded, Cluster};
use alloc::collections::VecDeque;
use core::time::Duration;

/// Limit: alerts that wait for their command; more are lost, counted and said.
const MAX_WAITING: usize = 64;
/// Limit: of these, alerts that any sender of datagrams can cause.
const MAX_CHEAP: usize = 32;
/// Limit: how long the alert command may take before it is killed.
pub(super) const COMMAND_PATIENCE: Duration = Duration::from_secs(10);

/// The alerts on their way.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    pub(super) waiting: VecDeque<Alert>,
    pub(super) running: Option<Running>,
    /// Lost since it was last said.
    pub(super) lost: u64,
    pub(super) failures: u64,
    /// The chassis command whose answer is awaited.
    pub(super) ordered: Option<AfterEnded>,
}

/// The one command that runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running {
    pub(super) token: u64,
    /// It is killed then, once; `None` afterwards.
    pub(super) until: Option<Duration>,
}

impl Alerts {
    /// When the command that runs is to be killed.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.running.and_then(|running| running.until)
    }

    pub(super) fn push(&mut self, alert: Alert) {
        let room = if alert.is_cheap() { MAX_CHEAP } else { MAX_WAITING };
        if self.waiting.len() < room {
            self.waiting.push_back(alert);
        } else {
            self.lost += 1;
        }
    }
}

/// The command that tells CLUSTERPRO's alert log that we could not begin, for whoever has no engine.
pub fn not_started(cluster: &Cluster, why: &str) -> Option<Command> {
    let (site, template) = writer(cluster)?;
    let server = &cluster.this_server().name;
    Some(command(site, template, &alert::not_started(server, why), server, 0))
}

/// What writes the log, if anything does.
pub(super) fn writer(cluster: &Cluster) -> Option<(&Site, &Template)> {
    let site = cluster.clusterpro.as_ref()?;
    Some((site, site.alert.as_ref()?))
}

/// One alert as a command.
pub(super) fn command(site: &Site, template: &Template, alert: &Alert, server: &str, token: u64) -> Command {
    let message = if site.ids { alert.message() } else { alert.text.clone() };
    let id = alert.id.to_string();
    let argv = template.fill(|name| match name {
        "message" => Some(&*message),
        "text" => Some(&*alert.text),
        "level" => Some(site.level(alert.level)),
        "module" => Some(alert.module.name()),
        "id" => Some(&*id),
        "server" => Some(server),
        _ => None,
    });
    let env = vec![seat::PATH.to_owned()];
    Command { token, argv, env, print: Print::Log, time: COMMAND_PATIENCE, alone: None }
}
