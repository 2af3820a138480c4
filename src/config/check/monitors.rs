//! Rules over the monitors: keywords, trust; what they do is in `plan`.
//!
//! Uses `case` and `draft`.

use super::case::{Case, Firsts, Found, list};
use crate::config::draft::default;
use crate::words::Trust;
use alloc::collections::BTreeSet;
use core::net::IpAddr;

/// Limit: names that misspelt ones are compared with, all together; after that nothing is guessed.
const MAX_COMPARED: usize = 32_768;

pub(super) fn keyword_missing(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for monitor in &case.draft.monitors {
        let named: BTreeSet<&str> = monitor.keywords.iter().map(|(_, server, _)| server.as_str()).collect();
        for server in case.draft.servers.iter().filter_map(|server| server.name.ok()) {
            if !named.contains(server.as_str()) {
                let subject = format!("monitor {} has no keyword for server {server}", monitor.shown());
                let remedy = format!(
                    "write {server} = \"<IP>[:<port>]\" in [monitor.keywords], {server}'s own address that its BMC can reach"
                );
                found.add(monitor.keywords_at, subject, remedy);
            }
        }
    }
}

pub(super) fn keyword_server(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let names: Vec<&str> =
        case.draft.servers.iter().filter_map(|server| server.name.ok()).map(String::as_str).collect();
    let mut guesses = MAX_COMPARED;
    for monitor in &case.draft.monitors {
        for (at, server, _) in monitor.keywords.iter().filter(|(_, server, _)| case.server(server).is_none()) {
            if found.is_full() {
                return;
            }
            guesses = guesses.saturating_sub(names.len());
            let near = if guesses > 0 { crate::config::values::nearest(server, &names) } else { None };
            let remedy = match near {
                Some(near) => format!("write {near}, if that is meant"),
                None => format!("write one of {}", list(&names)),
            };
            let server = crate::config::report::cut(server);
            found.add(*at, format!("monitor {}: no server is called {server}", monitor.shown()), remedy);
        }
    }
}

pub(super) fn ports(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let mut firsts = Firsts::new();
    for (monitor, at, server, address) in case.keywords() {
        if let Some((first, other)) = firsts.earlier(server, (monitor, address))
            && other != address
        {
            let subject = format!(
                "server {server} listens at {address} for monitor {} and at {other} for {}",
                monitor.shown(),
                first.shown()
            );
            found.add(at, subject, format!("write {other} in both, and send the BMC's alerts there"));
        }
    }
}

pub(super) fn keyword_is_bmc(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let bmcs = bmcs(case);
    for (monitor, at, server, address) in case.keywords() {
        if let Some(of) = bmcs.of(&address.ip()) {
            let subject = format!("monitor {}: {} is the BMC of server {of}", monitor.shown(), address.ip());
            found.add(
                at,
                subject,
                format!("write {server}'s own address, on the operating system's side, that its BMC can reach"),
            );
        }
    }
}

/// The addresses that are a BMC's and not its own operating system's, with the first server of each.
fn bmcs<'c>(case: &Case<'c>) -> Firsts<IpAddr, &'c str> {
    let mut firsts = Firsts::new();
    for (name, bmc) in case.bmcs() {
        let Some(ip) = bmc.address.ok().map(|address| address.ip()) else { continue };
        let own = case.server(name).and_then(|server| server.addresses.ok());
        if !own.is_some_and(|own| own.iter().any(|(_, own)| *own == ip)) {
            firsts.earlier(ip, name);
        }
    }
    firsts
}

pub(super) fn keyword_not_own(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let bmcs = bmcs(case);
    for (monitor, at, server, address) in case.keywords() {
        let Some(own) = case.server(server).and_then(|server| server.addresses.ok()) else { continue };
        let ip = address.ip();
        if own.iter().any(|(_, own)| *own == ip) || bmcs.of(&ip).is_some() {
            continue;
        }
        let own: Vec<String> = own.iter().map(|(_, ip)| ip.to_string()).collect();
        let subject = format!("monitor {}: {ip} is not an address of server {server}", monitor.shown());
        found.add(at, subject, format!("write one of its addresses ({}), or add this one to them", own.join(", ")));
    }
}

pub(super) fn no_target(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for monitor in case.draft.monitors.iter().filter(|monitor| monitor.target.is_absent()) {
        let remedy = "write target = \"failover1\" or the like: the group or resource that is recovered";
        found.add(monitor.target.at(), format!("monitor {} has no target", monitor.shown()), remedy);
    }
}

pub(super) fn chassis_on_address(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for monitor in &case.draft.monitors {
        if monitor.trust.ok() != Some(&Trust::Address) || monitor.chassis_on_address.get_or(false) {
            continue;
        }
        let guarded = monitor.keywords.iter().filter_map(|(_, server, _)| case.server(server));
        if let Some(server) = guarded.into_iter().find(|server| server.bmc.ok().is_some_and(|bmc| bmc.chassis())) {
            let subject = format!(
                "monitor {} takes trust address, and a chassis command follows on server {}",
                monitor.shown(),
                server.shown()
            );
            let remedy = "write chassis_on_address = true if whoever can forge an address may also reset the server; else after_ended = \"none\"";
            found.add(monitor.chassis_on_address.at(), subject, remedy);
        }
    }
}

pub(super) fn no_monitor(case: &Case<'_>, found: &mut Found<'_, '_>) {
    if case.draft.monitors.is_empty() {
        let remedy = "write a [[monitor]] with name, keywords, trust and recovery";
        found.add(case.draft.at, "there is no [[monitor]]: no notice will start a recovery", remedy);
    }
}

pub(super) fn wait_over_tell(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for monitor in &case.draft.monitors {
        let wait = monitor.wait_for_started.get_or(default::WAIT_FOR_STARTED);
        let tell = monitor.tell_deadline.get_or(default::TELL_DEADLINE);
        if wait > tell {
            let subject =
                format!("monitor {} waits {wait:?} for an answer that is asked for {tell:?} long", monitor.shown());
            found.add(monitor.wait_for_started.at(), subject, "shorten wait_for_started or lengthen tell_deadline");
        }
    }
}
