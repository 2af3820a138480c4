//! Rules over servers, heartbeat and journal.
//!
//! Uses `case` and `draft`.

use super::case::{Case, Found};
use crate::config::draft::Draft;
use crate::config::draft::default;
use crate::config::facts::Facts;
use crate::config::report::At;
use core::net::IpAddr;

/// Which of the servers this process runs on.
pub(super) fn this(draft: &Draft, facts: &Facts) -> Option<usize> {
    let of = |wanted: &dyn Fn(&str) -> bool| {
        draft.servers.iter().position(|server| server.name.ok().is_some_and(|name| wanted(name)))
    };
    if !draft.this_server.is_absent() {
        let name = draft.this_server.ok()?;
        return of(&|server| server == name);
    }
    let host = facts.host_name.as_deref()?;
    let short = host.split('.').next().unwrap_or(host);
    of(&|server| server.eq_ignore_ascii_case(host)).or_else(|| of(&|server| server.eq_ignore_ascii_case(short)))
}

pub(super) fn this_server(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let field = &case.draft.this_server;
    if case.this.is_some() || case.draft.servers.is_empty() || (field.ok().is_none() && !field.is_absent()) {
        return;
    }
    let names: Vec<&str> = case.draft.servers.iter().map(|server| server.shown()).collect();
    let subject = match (field.ok(), &case.facts.host_name) {
        (Some(name), _) => format!("this_server is {name}, and no server is called so"),
        (None, Some(host)) => format!("this host is called {host}, and no server is called so"),
        (None, None) => "the host's name is not known, and this_server is missing".to_owned(),
    };
    found.add(field.at(), subject, format!("write this_server = \"...\" in [cluster], one of: {}", names.join(", ")));
}

pub(super) fn no_server(case: &Case<'_>, found: &mut Found<'_, '_>) {
    if case.draft.servers.is_empty() {
        found.add(case.draft.at, "there is no [[server]]", "write a [[server]] table for every server of the cluster");
    }
}

pub(super) fn duplicate_name(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let servers: Vec<_> = case.draft.servers.iter().map(|server| &server.name).collect();
    let monitors: Vec<_> = case.draft.monitors.iter().map(|monitor| &monitor.name).collect();
    for (kind, names) in [("server", servers), ("monitor", monitors)] {
        for (n, name) in names.iter().enumerate() {
            let Some(text) = name.ok() else { continue };
            if names.iter().take(n).any(|earlier| earlier.ok() == Some(text)) {
                found.add(name.at(), format!("a second {kind} is called {text}"), "give it a name of its own");
            }
        }
    }
}

/// Every address of every server, with its place.
fn addresses<'c>(case: &Case<'c>) -> impl Iterator<Item = (usize, &'c str, At, IpAddr)> {
    let servers = case.draft.servers.iter().enumerate();
    servers.flat_map(|(n, server)| {
        server.addresses.ok().into_iter().flatten().map(move |(at, ip)| (n, server.shown(), *at, *ip))
    })
}

pub(super) fn shared_address(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let all: Vec<_> = addresses(case).collect();
    for (n, (server, name, at, ip)) in all.iter().enumerate() {
        if let Some((_, first, ..)) = all.iter().take(n).find(|earlier| earlier.3 == *ip && earlier.0 != *server) {
            found.add(
                *at,
                format!("server {name}: {ip} is server {first}'s as well"),
                "write each server's own addresses; floating ones do not belong here",
            );
        }
    }
}

pub(super) fn unusable_address(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let bmcs = case.bmcs().filter_map(|(server, bmc)| Some((server, bmc.address.at(), bmc.address.ok()?.ip())));
    let servers = addresses(case).map(|(_, name, at, ip)| (name, at, ip));
    for (name, at, ip) in servers.chain(bmcs) {
        let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
        if ip.is_unspecified() || ip.is_multicast() || broadcast {
            found.add(at, format!("server {name}: {ip} is nobody's own address"), "write the address of one interface");
        }
    }
}

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

pub(super) fn volatile_journal(case: &Case<'_>, found: &mut Found<'_, '_>) {
    if case.hot().is_none() {
        let subject = "hot is false: after a kill in the middle of a recovery nobody knows of it";
        found.add(case.draft.hot.at(), subject, "take the line away, or write a folder on tmpfs");
    }
}

pub(super) fn no_disk_journal(case: &Case<'_>, found: &mut Found<'_, '_>) {
    if case.disk().is_none() {
        let subject = "disk is false: after a reset nothing tells what happened";
        found.add(case.draft.disk.at(), subject, "take the line away, or write a folder on disk");
    }
}

pub(super) fn one_folder(case: &Case<'_>, found: &mut Found<'_, '_>) {
    if let (Some(hot), Some(disk)) = (case.hot(), case.disk())
        && hot.trim_end_matches('/') == disk.trim_end_matches('/')
    {
        let at = case.draft.hot.at().max(case.draft.disk.at());
        found.add(
            at,
            format!("hot and disk are both {hot}"),
            "put hot on tmpfs (/run/bmcnotice) and disk on disk (/var/lib/bmcnotice)",
        );
    }
}
