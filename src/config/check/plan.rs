//! Rules over what a monitor's recovery does: attempts, deadlines, the final action.
//!
//! Uses `case` and `draft`.

use super::case::{Case, Found};
use super::clusterpro;
use crate::config::draft::default;
use crate::config::draft::{MonitorDraft, ServerDraft};
use crate::config::model::{FinalAction, Recovery};
use crate::words::Trust;
use core::time::Duration;

/// Programs that stop a server or the cluster on it: its services are then nowhere.
const STOPPERS: &[&str] =
    &["reboot", "shutdown", "poweroff", "halt", "init", "telinit", "kexec", "clpdown", "clpstdn", "true", "false"];
/// What `systemctl` is asked that moves nothing.
const UNIT_VERBS: &[&str] =
    &["restart", "try-restart", "start", "stop", "reload", "reboot", "poweroff", "halt", "kexec", "isolate"];

/// The counts of a monitor, as they will be used.
#[derive(Clone, Copy)]
struct Plan {
    restart: u8,
    failover: u8,
    last: FinalAction,
}

impl Plan {
    fn attempts(self) -> u32 {
        u32::from(self.restart) + u32::from(self.failover) + u32::from(self.last == FinalAction::StopService)
    }
}

fn plan(monitor: &MonitorDraft) -> Plan {
    Plan {
        restart: monitor.plan.restart.get_or(default::RESTART),
        failover: monitor.plan.failover.get_or(default::FAILOVER),
        last: monitor.plan.final_action.get_or(FinalAction::None),
    }
}

/// How long the scripts before the attempts may take together.
fn scripts(monitor: &MonitorDraft) -> Duration {
    let Plan { restart, failover, last } = plan(monitor);
    monitor.plan.script.ok().map_or(Duration::ZERO, |script| {
        let restarts = if script.before_restart { u32::from(restart) } else { 0 };
        let failovers = if script.before_failover { u32::from(failover) } else { 0 };
        let last = u32::from(script.before_final && last != FinalAction::None);
        (restarts + failovers + last) * script.timeout
    })
}

pub(super) fn not_failover(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (at, monitor, words) in case.commands() {
        let program = words.first().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        let verb = words.get(1).map(String::as_str).unwrap_or_default();
        if STOPPERS.contains(&program) || program == "systemctl" && UNIT_VERBS.contains(&verb) {
            let shown = if program == "systemctl" { format!("{program} {verb}") } else { program.to_owned() };
            let remedy =
                "run what moves the services to another server, such as clpgrp -m failover1 or crm_resource --move";
            found.add(at, format!("monitor {monitor}: {shown} moves no services"), remedy);
        }
    }
    for monitor in &case.draft.monitors {
        let Plan { restart, failover, last } = plan(monitor);
        let (at, what) = match (restart, failover) {
            // Wrong in a worse way, which is said.
            (0, 0) if last == FinalAction::None || unproven(case, monitor).next().is_some() => continue,
            (1.., _) if clusterpro::cannot_restart(monitor) => continue,
            (_, 0) => (monitor.plan.failover.at(), "never moves its target"),
            (1.., _) if matches!(monitor.recovery.ok(), Some(Recovery::Pacemaker(_))) => continue, // in its own words
            (1.., _) => (monitor.plan.restart.at(), "restarts its target on the dying server first"),
            (0, 1..) => continue,
        };
        let remedy = "write restart = 0 and failover = 1, CLUSTERPRO's preset \"execute failover\"";
        found.add(at, format!("monitor {} {what}", monitor.shown()), remedy);
    }
}

pub(super) fn too_slow(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for monitor in &case.draft.monitors {
        let total = longest(monitor);
        let guarded = monitor.keywords.iter().filter_map(|(_, server, _)| case.server(server));
        // What is left of a BMC's patience once a crash dump was waited for.
        let patient = guarded.filter_map(|server| {
            let bmc = server.bmc.ok()?;
            Some((server, *bmc.patience.ok()?, bmc.dump_hold.get_or(Duration::ZERO)))
        });
        if let Some((server, patience, dump)) = patient.min_by_key(|(_, patience, dump)| patience.saturating_sub(*dump))
            && total + dump > patience
        {
            let total = total + dump;
            let name = monitor.shown();
            let subject = format!(
                "monitor {name} may take {total:?}, and the BMC of server {} waits {patience:?}",
                server.shown()
            );
            let at = monitor.deadline.at();
            found.add(at, subject, "shorten wait_for_started, deadline, tell_deadline or dump_hold; the BMC resets in the middle of the recovery otherwise");
        }
    }
}

/// From *started* to the last word on *ended*, at the longest.
fn longest(monitor: &MonitorDraft) -> Duration {
    monitor.wait_for_started.get_or(default::WAIT_FOR_STARTED)
        + plan(monitor).attempts() * monitor.deadline.get_or(default::DEADLINE)
        + scripts(monitor)
        + monitor.tell_deadline.get_or(default::TELL_DEADLINE)
}

pub(super) fn no_attempt(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for monitor in &case.draft.monitors {
        let plan = plan(monitor);
        if plan.attempts() == 0 && plan.last == FinalAction::None {
            let remedy = "write failover = 1, or a final_action";
            found.add(monitor.plan.failover.at(), format!("monitor {} does nothing", monitor.shown()), remedy);
        }
    }
}

pub(super) fn final_after_failure(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for monitor in &case.draft.monitors {
        let plan = plan(monitor);
        if plan.last.chassis().is_some() && plan.attempts() > 0 {
            let subject =
                format!("monitor {}: {} would follow attempts that have all failed", monitor.shown(), plan.last.name());
            let remedy = "write after_ended at the BMC for what follows a recovery that is done, and shutdown or reboot as the final action of one that failed; or failover = 0";
            found.add(monitor.plan.final_action.at(), subject, remedy);
        }
    }
}

pub(super) fn final_on_address(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for monitor in &case.draft.monitors {
        let allowed = monitor.plan.final_action_on_address.get_or(false);
        if monitor.trust.ok() == Some(&Trust::Address) && plan(monitor).last != FinalAction::None && !allowed {
            let subject = format!("monitor {} takes trust address, and has a final action", monitor.shown());
            let remedy = "write final_action_on_address = true if whoever can forge an address may also do that to the server; else final_action = \"none\"";
            found.add(monitor.plan.final_action.at(), subject, remedy);
        }
    }
}

pub(super) fn final_unproven(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for monitor in &case.draft.monitors {
        for (server, lacks) in unproven(case, monitor) {
            let (name, last) = (monitor.shown(), plan(monitor).last.name());
            let subject = format!("monitor {name}: {last} at server {}, whose BMC {lacks}", server.shown());
            let remedy = "give the BMC user, password and guid, and after_ended = \"none\"";
            found.add(monitor.plan.final_action.at(), subject, remedy);
        }
    }
}

/// Servers whose BMC cannot be ordered to do the monitor's final action, and why.
fn unproven<'c>(case: &Case<'c>, monitor: &'c MonitorDraft) -> impl Iterator<Item = (&'c ServerDraft, &'static str)> {
    let wanted = plan(monitor).last.chassis().is_some();
    let in_band = case.this.filter(|this| case.in_band(*this)).and_then(|this| case.draft.servers.get(this));
    let in_band = in_band.and_then(|server| server.name.ok());
    let guarded = monitor.keywords.iter().filter(move |_| wanted).filter_map(|(_, name, _)| case.server(name));
    guarded.filter_map(move |server| {
        let in_band = server.name.ok().is_some_and(|name| Some(name) == in_band);
        Some((server, lacks(server, in_band)?))
    })
}

/// What a BMC lacks for being ordered to do something to its server.
fn lacks(server: &ServerDraft, in_band: bool) -> Option<&'static str> {
    let bmc = server.bmc.ok()?;
    if bmc.user.is_absent() && !in_band {
        Some("has no login")
    } else if bmc.guid.is_absent() && !in_band {
        Some("has no pinned guid")
    } else if bmc.chassis() {
        Some("has an after_ended of its own")
    } else {
        None
    }
}

pub(super) fn health_attribute(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for monitor in &case.draft.monitors {
        if let Some(Recovery::Pacemaker(pacemaker)) = monitor.recovery.ok()
            && !pacemaker.attribute.starts_with("#health")
        {
            let attribute = crate::config::report::cut(&pacemaker.attribute);
            let subject = format!("monitor {}: the attribute is called {attribute}", monitor.shown());
            found.add(monitor.recovery.at(), subject, "write attribute = \"#health-bmc\", or leave it out");
        }
    }
}

pub(super) fn pacemaker_restart(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for monitor in case.draft.monitors.iter().filter(|monitor| plan(monitor).restart > 0) {
        if let Some(Recovery::Pacemaker(_)) = monitor.recovery.ok() {
            let subject =
                format!("monitor {} restarts through Pacemaker on a server that may be reset", monitor.shown());
            found.add(
                monitor.plan.restart.at(),
                subject,
                "write restart = 0: the failover starts the target anew, elsewhere",
            );
        }
    }
}
