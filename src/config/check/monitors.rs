//! Rules over the monitors: keywords, trust; what they do is in `plan`.
//!
//! Uses `case` and `draft`.

use super::case::{Case, Found};
use crate::config::draft::default;
use crate::words::Trust;

pub(super) fn keyword_missing(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for monitor in &case.draft.monitors {
        for server in case.draft.servers.iter().filter_map(|server| server.name.ok()) {
            if !monitor.keywords.iter().any(|(_, named, _)| named == server) {
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
    for monitor in &case.draft.monitors {
        for (at, server, _) in monitor.keywords.iter().filter(|(_, server, _)| case.server(server).is_none()) {
            let names: Vec<&str> =
                case.draft.servers.iter().filter_map(|server| server.name.ok()).map(String::as_str).collect();
            let remedy = match crate::config::values::nearest(server, &names) {
                Some(near) => format!("write {near}, if that is meant"),
                None => format!("write one of {}", names.join(", ")),
            };
            let server = crate::config::report::cut(server);
            found.add(*at, format!("monitor {}: no server is called {server}", monitor.shown()), remedy);
        }
    }
}

pub(super) fn ports(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let all: Vec<_> = case.keywords().collect();
    for (n, (monitor, at, server, address)) in all.iter().enumerate() {
        let first = all.iter().take(n).find(|earlier| earlier.2 == *server);
        if let Some((first, _, _, other)) = first
            && other != address
        {
            let subject = format!(
                "server {server} listens at {address} for monitor {} and at {other} for {}",
                monitor.shown(),
                first.shown()
            );
            found.add(*at, subject, format!("write {other} in both, and send the BMC's alerts there"));
        }
    }
}

pub(super) fn keyword_is_bmc(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (monitor, at, server, address) in case.keywords() {
        if let Some((of, _)) = case.bmcs().find(|(of, bmc)| is_bmc(case, of, bmc, address.ip())) {
            let subject = format!("monitor {}: {} is the BMC of server {of}", monitor.shown(), address.ip());
            found.add(
                at,
                subject,
                format!("write {server}'s own address, on the operating system's side, that its BMC can reach"),
            );
        }
    }
}

/// Whether an address is that BMC's and no operating system's.
fn is_bmc(case: &Case<'_>, of: &str, bmc: &crate::config::draft::BmcDraft, ip: core::net::IpAddr) -> bool {
    let own = |server: &crate::config::draft::ServerDraft| {
        server.addresses.ok().is_some_and(|own| own.iter().any(|(_, own)| *own == ip))
    };
    bmc.address.ok().is_some_and(|address| address.ip() == ip) && !case.server(of).is_some_and(own)
}

pub(super) fn keyword_not_own(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (monitor, at, server, address) in case.keywords() {
        let Some(own) = case.server(server).and_then(|server| server.addresses.ok()) else { continue };
        let ip = address.ip();
        if own.iter().any(|(_, own)| *own == ip) || case.bmcs().any(|(of, bmc)| is_bmc(case, of, bmc, ip)) {
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
