//! Rules over the heartbeat: how others are watched, and how this server's pulse is fed.
//!
//! Uses `case` and `draft`.

use super::case::{Case, Found};
use crate::config::draft::default;
use crate::config::report::cut;

pub(super) fn no_lan_heartbeat(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let lan = &case.draft.heartbeat.lan;
    if case.heartbeat() && (lan.is_absent() || lan.ok() == Some(&false)) {
        let remedy = "write lan = true in [heartbeat] if the cluster has a LAN heartbeat; if it has none, give it one, or write bmc = false";
        found.add(lan.at(), "the BMC heartbeat runs and no LAN heartbeat is declared", remedy);
    }
}

pub(super) fn timeout(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let heartbeat = &case.draft.heartbeat;
    let (interval, timeout) =
        (heartbeat.interval.get_or(default::INTERVAL), heartbeat.timeout.get_or(default::TIMEOUT));
    if timeout <= interval {
        let at = heartbeat.timeout.at().max(heartbeat.interval.at());
        let subject = format!("the timeout is {timeout:?} and the interval {interval:?}");
        found.add(at, subject, "write a timeout of several intervals; CLUSTERPRO's are \"3s\" and \"90s\"");
    }
}

pub(super) fn short_timeout(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let heartbeat = &case.draft.heartbeat;
    let (interval, timeout) =
        (heartbeat.interval.get_or(default::INTERVAL), heartbeat.timeout.get_or(default::TIMEOUT));
    if timeout > interval && timeout < interval * 3 {
        let at = heartbeat.timeout.at().max(heartbeat.interval.at());
        let subject = format!("the timeout of {timeout:?} is less than three intervals of {interval:?}");
        found.add(at, subject, "write a longer timeout or a shorter interval");
    }
}

pub(super) fn unpinned_peer(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let Some(this) = case.this.filter(|_| case.heartbeat()) else { return };
    for (n, server) in case.draft.servers.iter().enumerate() {
        let Some(bmc) = server.bmc.ok().filter(|bmc| n != this && bmc.user.ok().is_some() && bmc.guid.is_absent())
        else {
            continue;
        };
        let subject =
            format!("server {}: its BMC's guid is not pinned, so that server will never be called off", server.shown());
        found.add(bmc.guid.at(), subject, "read it with bmcnotice bmc pin and write guid = \"...\"");
    }
}

pub(super) fn unknown_watcher(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (at, name) in case.draft.heartbeat.watchers.ok().into_iter().flatten() {
        if case.server(name).is_none() {
            let subject = format!("watchers names {}, and no server is called so", cut(name));
            found.add(*at, subject, format!("write some of: {}", case.names()));
        }
    }
}

/// Whether this server's pulse is to be fed.
fn fed(case: &Case<'_>) -> bool {
    case.heartbeat() && case.draft.heartbeat.pulse.get_or(true)
}

pub(super) fn pulse_too_rare(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let heartbeat = &case.draft.heartbeat;
    let timeout = heartbeat.timeout.get_or(default::TIMEOUT);
    let warning = timeout / 100 * heartbeat.warning.get_or(default::WARNING);
    let period = heartbeat.period();
    let given = !heartbeat.pulse_period.is_absent() || !heartbeat.warning.is_absent();
    if fed(case) && given && period * 2 > warning {
        let at = heartbeat.pulse_period.at().max(heartbeat.timeout.at()).max(heartbeat.warning.at());
        let subject = format!("the pulse is fed every {period:?} and counts as delayed after {warning:?}");
        let remedy = "write a shorter pulse_period (at least \"500ms\") or a longer timeout, or pulse = false";
        found.add(at, subject, remedy);
    }
}

pub(super) fn word_too_short(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let heartbeat = &case.draft.heartbeat;
    let (period, word) = (heartbeat.period(), heartbeat.word());
    if fed(case) && heartbeat.by_application.get_or(false) && word < period * 2 {
        let at = heartbeat.vouch_within.at().max(heartbeat.pulse_period.at());
        let subject = format!("the application's word lasts for {word:?}, and the pulse is fed every {period:?}");
        found.add(at, subject, "write a longer vouch_within, or a shorter pulse_period");
    }
}

pub(super) fn watchdog_owned(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let in_band = case.this.is_some_and(|this| case.device(this).is_some());
    if let Some(owner) = case.facts.watchdog_owner.as_ref().filter(|_| fed(case) && in_band) {
        let subject =
            format!("this host's BMC watchdog belongs to {owner}: it is not touched, and its feeding is the pulse");
        let remedy = "write pulse = false to say that you know, or end its owner (rmmod ipmi_watchdog, or stop bmc-watchdog) if the pulse is to be ours";
        found.add(case.draft.heartbeat.pulse.at(), subject, remedy);
    }
}
