//! Rules over CLUSTERPRO: templates, its alert log, its own monitor beside ours.
//!
//! Uses `case` and `draft`.

use super::case::{Case, Found};
use crate::config::clusterpro::{CONF, Template};
use crate::config::draft::MonitorDraft;

impl Case<'_> {
    /// The alert command that will be used.
    pub(super) fn alert(&self) -> Option<Template> {
        let draft = &self.draft.clusterpro;
        let used = draft.given || self.draft.monitors.iter().any(|monitor| monitor.through_clusterpro().is_some());
        if used { draft.alert_used() } else { None }
    }

    fn observes(&self) -> bool {
        self.draft.observe.get_or(false)
    }

    /// Whether the operator says that CLUSTERPRO's monitor does nothing, or that we do not.
    fn is_settled(&self) -> bool {
        self.observes() || self.draft.clusterpro.mrw_suspended.get_or(false)
    }
}

pub(super) fn placeholder_empty(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for monitor in &case.draft.monitors {
        let Some(clusterpro) = monitor.through_clusterpro() else { continue };
        let address = clusterpro.address.as_deref();
        for (name, value, key) in [
            ("target", monitor.target.ok().map(String::as_str), "target in [[monitor]]"),
            ("address", address, "address in clusterpro = { .. }"),
        ] {
            let used = clusterpro.templates().any(|template| template.placeholders().any(|used| used == name));
            match value {
                None if used && (name == "address" || monitor.target.is_absent()) => {
                    let subject = format!("monitor {}: {{{name}}} stands for nothing", monitor.shown());
                    found.add(monitor.recovery.at(), subject, format!("write {key}"));
                }
                Some(value) if used && value.starts_with('-') => {
                    let subject = format!("monitor {}: {{{name}}} begins with a dash", monitor.shown());
                    found.add(monitor.recovery.at(), subject, format!("write another {key}"));
                }
                Some(_) | None => {}
            }
        }
    }
}

pub(super) fn no_proof(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for monitor in &case.draft.monitors {
        if monitor.through_clusterpro().is_some_and(|clusterpro| clusterpro.verify.is_none()) {
            let subject = format!(
                "monitor {}: nothing proves the failover; exit status 0 of its command counts as done",
                monitor.shown()
            );
            let remedy = "write verify = [\"/path/to/script\", \"{target}\"] in clusterpro = { .. }; it ends with 0 when the target runs on another server (docs/clusterpro.md has one)";
            found.add(monitor.recovery.at(), subject, remedy);
        }
    }
}

/// Whether the plan restarts, without a command that does.
pub(super) fn cannot_restart(monitor: &MonitorDraft) -> bool {
    let without = monitor.through_clusterpro().is_some_and(|clusterpro| clusterpro.restart.is_none());
    without && monitor.plan.restart.get_or(0) > 0
}

pub(super) fn no_restart(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for monitor in &case.draft.monitors {
        if cannot_restart(monitor) {
            let subject = format!("monitor {} restarts its target, and nothing says how", monitor.shown());
            let remedy = "write restart = [\"/path/to/script\", \"{target}\"] in clusterpro = { .. } (docs/clusterpro.md has one), or restart = 0";
            found.add(monitor.plan.restart.at(), subject, remedy);
        }
    }
}

pub(super) fn observing(case: &Case<'_>, found: &mut Found<'_, '_>) {
    if case.observes() {
        let remedy = "take observe = true (or --observe) away when this is to recover the server";
        found.add(case.draft.observe.at(), "notices are written down, and nothing is recovered", remedy);
    }
}

/// Without a look into its configuration, or with one that shows nothing, it is a warning at most.
pub(super) fn clusterpro_runs(case: &Case<'_>, found: &mut Found<'_, '_>) {
    if let (Some(process), None, false) = (&case.facts.clusterpro, &case.facts.bmcnotice_monitors, case.is_settled()) {
        let remedy = "suspend its message receive monitor (mrw) of category BMCNOTICE if it has one (clpmonctrl -s), and write mrw_suspended = true in [clusterpro]; or only observe";
        let subject = format!(
            "CLUSTERPRO runs here ({process}) and may recover this server too: its configuration could not be read"
        );
        found.add(case.draft.at, subject, remedy);
    }
}

pub(super) fn mrw_active(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let (Some(process), Some(monitors), false) =
        (&case.facts.clusterpro, &case.facts.bmcnotice_monitors, case.is_settled())
    else {
        return;
    };
    if !monitors.is_empty() {
        let conf = case.draft.clusterpro.conf.get_or(CONF.to_owned());
        let monitors = monitors.join(", ");
        let subject = format!(
            "CLUSTERPRO runs here ({process}), and by {conf} its monitor {monitors} of category BMCNOTICE recovers this server"
        );
        let remedy = format!(
            "suspend it (clpmonctrl -s -h <server> -m {monitors}) and write mrw_suspended = true in [clusterpro]; or observe = true in [cluster] (bmcnotice run --observe); or leave this server to it"
        );
        found.add(case.draft.at, subject, remedy);
    }
}

pub(super) fn alert_missing(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let Some(alert) = case.alert() else { return };
    let path = alert.program();
    let Some(facts) = case.path(path) else { return };
    let why = match (facts.exists, facts.folder, facts.executable) {
        (false, ..) => "does not exist",
        (_, true, _) => "is a folder",
        (.., false) => "cannot be run by this user",
        (true, false, true) => return,
    };
    let remedy = "write bin = \"...\" or alert = [...] in [clusterpro], or alert = false if nothing is to be written";
    found.add(case.draft.clusterpro.alert.at(), format!("CLUSTERPRO's alert log: {path} {why}"), remedy);
}
