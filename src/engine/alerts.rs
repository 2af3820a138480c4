//! Writes CLUSTERPRO's alert log: one command at a time, behind everything else, and never more than it can take.
//!
//! Part of [`Engine`]. An alert is not an answer to anything: what becomes of its command is counted and said, and a
//! recovery waits for none. A flood of notices fills its share of the queue and no more.

use super::Engine;
use super::alert::{self, Alert};
use super::alert_log::{COMMAND_PATIENCE, Running, command, writer};
use super::output::{CommandEvent, Heard, Line, Output, PeerStatus, Stage, Urgency};
use super::seat::Errand;
use crate::config::model::AfterEnded;
use crate::heartbeat::feeder::Note;
use crate::now::Now;
use crate::recovery::journal::Step;

impl Engine {
    /// Queues an alert, if there is a log to write it to.
    pub(super) fn alert(&mut self, alert: Alert) {
        if self.has_alert_log() {
            self.alerts.push(alert);
        }
    }

    fn has_alert_log(&self) -> bool {
        self.cluster.clusterpro.as_ref().is_some_and(|site| site.alert.is_some())
    }

    pub(super) fn alert_notice(&mut self, heard: &Heard) {
        if !self.has_alert_log() {
            return; // its texts cost more than the rest of a notice
        }
        alert::notice(heard).into_iter().for_each(|one| self.alert(one));
    }

    pub(super) fn alert_peer(&mut self, status: &PeerStatus) {
        alert::peer(status).into_iter().for_each(|one| self.alert(one));
    }

    pub(super) fn alert_no_pulse(&mut self, why: Note) {
        let one = alert::no_pulse(&self.cluster.this_server().name, &why.to_string());
        self.alert(one);
    }

    pub(super) fn alert_stage(&mut self, place: usize, stage: &Stage) {
        let one = alert::stage(stage, &self.seats[place].about());
        one.into_iter().for_each(|one| self.alert(one));
    }

    pub(super) fn alert_step(&mut self, place: usize, step: Step) {
        let one = alert::step(step, &self.seats[place].about());
        one.into_iter().for_each(|one| self.alert(one));
    }

    pub(super) fn alert_chassis(&mut self, command: AfterEnded, failed: bool) {
        self.alerts.ordered = (!failed).then_some(command);
        let one = alert::chassis(command, &self.cluster.this_server().name, failed);
        one.into_iter().for_each(|one| self.alert(one));
    }

    /// The answer to the chassis command was a refusal, or none.
    pub(super) fn alert_chassis_failed(&mut self) {
        if let Some(command) = self.alerts.ordered {
            self.alert_chassis(command, true);
        }
    }

    /// The script before something, or the final action, has ended.
    pub(super) fn alert_errand(&mut self, place: usize, errand: Errand, well: bool) {
        let seat = &self.seats[place];
        let about = seat.about();
        let one = match errand {
            Errand::Script => Some(alert::script(&about, well)),
            Errand::Final if well => None,
            Errand::Final => alert::final_action(seat.policy.plan.final_action, &about, true),
        };
        one.into_iter().for_each(|one| self.alert(one));
    }

    /// The kernel was to panic, and did not.
    pub fn handle_no_panic(&mut self, now: Now, why: &str) {
        self.log(Line::error(format!("the kernel does not panic: {why}")));
        let server = &self.cluster.this_server().name;
        let one = alert::no_panic(server, why);
        self.alert(one);
        self.settle(now);
    }

    /// The last thing of every turn: what the BMC and the recovery wait for is out by then.
    pub(super) fn write_alerts(&mut self, now: Now) {
        if self.alerts.waiting.is_empty() || self.alerts.running.is_some() {
            return;
        }
        let cluster = self.cluster.clone();
        let Some((site, template)) = writer(&cluster) else { return };
        let Some(alert) = self.alerts.waiting.pop_front() else { return };
        self.tokens += 1;
        let token = self.tokens;
        self.alerts.running = Some(Running { token, until: Some(now.boottime.saturating_add(COMMAND_PATIENCE)) });
        let command = command(site, template, &alert, &cluster.this_server().name, token);
        self.outputs.push_back(Output::Run(command));
    }

    /// Whether the command was an alert's; then nobody else is to hear of it.
    pub(super) fn alert_ended(&mut self, token: u64, event: &CommandEvent) -> bool {
        if self.alerts.running.is_none_or(|running| running.token != token) {
            return false;
        }
        let trouble = match event {
            CommandEvent::Printed(_) | CommandEvent::Kept(_) => return true,
            CommandEvent::Exited(0) | CommandEvent::Lost => None,
            CommandEvent::Exited(status) => Some(format!("exit status {status}")),
            CommandEvent::Killed(signal) => Some(format!("killed by signal {signal}")),
            CommandEvent::NotStarted(why) => Some(why.clone()),
            CommandEvent::Overflowed => None, // nothing of it is kept
        };
        self.alerts.running = None;
        if let Some(trouble) = trouble {
            self.alerts.failures += 1;
            // The first, and then ever more rarely: nobody reads the same line a thousand times.
            if self.alerts.failures.is_power_of_two() {
                let count = self.alerts.failures;
                self.log(Line::warning(format!("CLUSTERPRO's alert log: the command failed ({count}): {trouble}")));
            }
        }
        if self.alerts.waiting.is_empty() && self.alerts.lost > 0 {
            let lost = core::mem::take(&mut self.alerts.lost);
            let text = format!("{lost} alerts came too fast and were not written to CLUSTERPRO's alert log");
            self.log(Line::warning(text.clone()));
            self.alert(alert::lost(&text));
        }
        true
    }

    /// Kills an alert command that does not end.
    pub(super) fn alerts_timeout(&mut self, now: Now) {
        if let Some(running) = &mut self.alerts.running
            && running.until.is_some_and(|until| until <= now.boottime)
        {
            running.until = None;
            self.outputs.push_back(Output::Signal { token: running.token, urgency: Urgency::Kill });
        }
    }
}
