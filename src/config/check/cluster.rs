//! Rules over servers and journal.
//!
//! Uses `case` and `draft`.

use super::case::{Case, Firsts, Found};
use crate::config::draft::Draft;
use crate::config::facts::Facts;
use crate::config::report::At;
use alloc::collections::BTreeSet;
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
    let subject = match (field.ok(), &case.facts.host_name) {
        (Some(name), _) => format!("this_server is {name}, and no server is called so"),
        (None, Some(host)) => format!("this host is called {host}, and no server is called so"),
        (None, None) => "the host's name is not known, and this_server is missing".to_owned(),
    };
    found.add(field.at(), subject, format!("write this_server = \"...\" in [cluster], one of: {}", case.names()));
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
        let mut firsts = BTreeSet::new();
        for name in names {
            let Some(text) = name.ok() else { continue };
            if !firsts.insert(text) {
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
    let mut firsts = Firsts::new();
    for (server, name, at, ip) in addresses(case) {
        // One server's addresses are in a row, so the first is another one's, if any is.
        if let Some((_, first)) = firsts.earlier(ip, (server, name)).filter(|(first, _)| *first != server) {
            found.add(
                at,
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
