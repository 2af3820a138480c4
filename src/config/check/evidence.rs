//! Rules over what proves a notice: whether the BMC can be asked, and what follows when it cannot.
//!
//! Uses `case` and `draft`.

use super::case::{Case, Found};
use crate::config::draft::{BmcDraft, Field, MonitorDraft, ServerDraft, default};
use crate::config::model::{LinkChoice, WhenUnverifiable};
use crate::words::Trust;

/// The monitors that ask the BMC first.
fn asking<'c>(case: &Case<'c>) -> impl Iterator<Item = &'c MonitorDraft> {
    case.draft.monitors.iter().filter(|monitor| match monitor.trust {
        Field::Bad(_) => false, // said already
        Field::Absent(_) | Field::Given(..) => monitor.trust.get_or(default::TRUST) == Trust::Corroborated,
    })
}

/// Each of them with every server that it guards and that server's BMC.
fn asked<'c>(case: &Case<'c>) -> impl Iterator<Item = (&'c MonitorDraft, &'c ServerDraft, &'c BmcDraft)> {
    asking(case).flat_map(move |monitor| {
        let servers = monitor.keywords.iter().filter_map(move |(_, name, _)| case.server(name));
        servers.filter_map(move |server| Some((monitor, server, server.bmc.ok()?)))
    })
}

/// Whether there is any road on which the BMC could be asked. It is its own host that asks, which may do so in-band.
fn has_road(case: &Case<'_>, server: &ServerDraft, bmc: &BmcDraft) -> bool {
    !bmc.user.is_absent() || bmc.link.ok() == Some(&LinkChoice::InBand) || in_band(case, server)
}

fn in_band(case: &Case<'_>, server: &ServerDraft) -> bool {
    let own = case.this.filter(|this| case.in_band(*this)).and_then(|this| case.draft.servers.get(this));
    own.is_some_and(|own| own.at == server.at) // two tables have two places
}

pub(super) fn unaskable(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (monitor, server, _) in asked(case).filter(|(_, server, bmc)| !has_road(case, server, bmc)) {
        let subject = format!(
            "monitor {} asks the BMC of server {} whether it meant a trap, and has no login there",
            monitor.shown(),
            server.shown()
        );
        let remedy = "write user and password_file in [server.bmc]; or trust = \"address\" in the monitor, and keep the BMC network closed to others: an address can be forged";
        found.add(server.bmc.at(), subject, remedy);
    }
}

pub(super) fn unidentified(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let own = case.own().and_then(|own| own.name.ok());
    let all = asked(case).filter(|(_, server, bmc)| server.name.ok() == own && has_road(case, server, bmc));
    for (monitor, server, bmc) in all {
        let unknown = bmc.guid.is_absent() && case.facts.own_guid == Some(false) && !in_band(case, server);
        let nothing = bmc.guid.ok().is_some_and(|guid| guid.is_unspecified());
        if unknown || nothing {
            let what = if unknown { "is not pinned, and this host's own cannot be read" } else { "says nothing" };
            let subject =
                format!("monitor {} asks the BMC of server {}, whose guid {what}", monitor.shown(), server.shown());
            let remedy = "read it with bmcnotice bmc audit and write guid = \"...\", or run as a user who may read /sys/class/dmi/id/product_uuid; else every recovery is held";
            found.add(server.bmc.at(), subject, remedy);
        }
    }
}

pub(super) fn unverified_recovers(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for monitor in asking(case) {
        if monitor.when_unverifiable.ok() == Some(&WhenUnverifiable::Recover) {
            let subject = format!("monitor {} recovers when the BMC cannot be asked", monitor.shown());
            let remedy = "write when_unverifiable = \"hold\", unless a recovery that whoever silences the BMC can start is better than none; docs/security.md weighs both";
            found.add(monitor.when_unverifiable.at(), subject, remedy);
        }
    }
}

pub(super) fn not_in_sel(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (monitor, server, bmc) in asked(case).filter(|(_, _, bmc)| bmc.in_sel.ok() == Some(&false)) {
        let (name, of) = (monitor.shown(), server.shown());
        let subject = format!("monitor {name} asks for a record in the log of server {of}'s BMC, which keeps none");
        let remedy =
            "write trust = \"address\" in the monitor, and keep the BMC network closed to others; or in_sel = true";
        found.add(bmc.in_sel.at(), subject, remedy);
    }
}
