//! Rules over the BMCs: addresses, logins, identity, handshakes.
//!
//! Uses `case` and `draft`.

use super::case::{Case, Firsts, Found};
use crate::config::model::{AfterEnded, LinkChoice, Privilege, RawOctet, SecretSource};
use crate::config::report::At;
use alloc::collections::BTreeSet;
use core::net::IpAddr;

/// Limit: iPMI 2.0: a user name's octets.
const MAX_USER: usize = 16;
/// Limit: iPMI 2.0: a password's octets.
const MAX_PASSWORD: usize = 20;

/// Logins that makers ship, user and password; any user case, exact password.
const SHIPPED: &[(&str, &[u8])] = &[
    ("ADMIN", b"ADMIN"),
    ("admin", b"admin"),
    ("admin", b"password"),
    ("Administrator", b"Administrator"),
    ("guest", b"guest"),
    ("root", b"0penBmc"),
    ("root", b"calvin"),
    ("root", b"changeme"),
    ("root", b"root"),
    ("root", b"superuser"),
    ("sysadmin", b"superuser"),
    ("USERID", b"PASSW0RD"),
];

pub(super) fn no_bmc(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for server in case.draft.servers.iter().filter(|server| server.bmc.is_absent()) {
        let remedy = "write [server.bmc] below it with address = \"...\", where the BMC's web console is";
        found.add(server.at, format!("server {} has no BMC", server.shown()), remedy);
    }
}

pub(super) fn shared_bmc(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let mut firsts = Firsts::new();
    for (name, bmc) in case.bmcs() {
        let Some(address) = bmc.address.ok() else { continue };
        if let Some(first) = firsts.earlier(address, name) {
            let subject = format!("the BMC of server {name}: {address} is the BMC of server {first} as well");
            found.add(bmc.address.at(), subject, "write this server's own BMC");
        }
    }
}

pub(super) fn bmc_is_server(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let mut owners = Firsts::new();
    for server in &case.draft.servers {
        for (_, ip) in server.addresses.ok().into_iter().flatten() {
            owners.earlier(*ip, server.shown());
        }
    }
    for (name, bmc) in case.bmcs() {
        // Many simulated BMCs and servers share the loopback address; their ports tell them apart.
        let ip = bmc.address.ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback());
        if let Some((ip, server)) = ip.and_then(|ip| Some((ip, owners.of(&ip)?))) {
            let subject = format!("the BMC of server {name}: {ip} is the operating system of server {server}");
            found.add(bmc.address.at(), subject, "write the address of the BMC's own network port or web console");
        }
    }
}

/// Who speaks for whom: the sources of a BMC are its own, or its address.
pub(super) fn shared_source(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let mut taken: Vec<(usize, &str, At, IpAddr)> = Vec::new();
    let mut relays: Vec<(usize, &str, At, IpAddr)> = Vec::new();
    for (n, (name, bmc)) in case.bmcs().enumerate() {
        match (bmc.trap_sources.ok(), bmc.address.ok()) {
            (Some(sources), _) => taken.extend(sources.iter().map(|(at, ip)| (n, name, *at, *ip))),
            (None, Some(address)) => taken.push((n, name, bmc.address.at(), address.ip())),
            (None, None) => {}
        }
        relays.extend(bmc.relays.ok().into_iter().flatten().map(|(at, ip)| (n, name, *at, *ip)));
    }
    let plain: BTreeSet<&str> =
        case.bmcs().filter(|(_, bmc)| bmc.trap_sources.is_absent()).map(|(name, _)| name).collect();
    let mut speakers = Firsts::new();
    for (n, name, at, ip) in &taken {
        // One BMC's sources are in a row, so the first is another one's, if any is.
        let Some((_, first)) = speakers.earlier(*ip, (*n, *name)).filter(|(first, _)| first != n) else { continue };
        // Without trap_sources of their own, equal addresses are a breach of another rule.
        let both_addresses = [*name, first].iter().all(|server| plain.contains(server));
        if !both_addresses {
            let subject = format!("the BMC of server {name}: traps from {ip} already speak for server {first}");
            found.add(
                *at,
                subject,
                "write the sources of this server's BMC alone; what forwards for several BMCs belongs in relays",
            );
        }
    }
    for (_, name, at, ip) in &relays {
        if let Some((_, speaker)) = speakers.of(ip) {
            let subject =
                format!("the BMC of server {name}: the relay {ip} also speaks for server {speaker} by itself");
            found.add(*at, subject, "a relay that is a BMC too cannot be told apart; send these traps directly");
        }
    }
}

pub(super) fn no_login(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (n, server) in case.draft.servers.iter().enumerate() {
        let Some(bmc) = server.bmc.ok() else { continue };
        let missing = match (bmc.user.is_absent(), bmc.password.is_absent()) {
            (false, false) => continue,
            (true, true) if case.in_band(n) && bmc.kg.is_absent() => continue,
            (true, true) => "user and password_file",
            (true, false) => "user",
            (false, true) => "password_file",
        };
        let reason = match bmc.needs_login() {
            _ if missing != "user and password_file" => "a login has both",
            Some(reason) => reason,
            None if !bmc.kg.is_absent() => "kg_file",
            None => continue,
        };
        let subject = match missing {
            "user and password_file" => {
                format!("the BMC of server {}: {reason} needs a login, and none is given", server.shown())
            }
            _ => format!("the BMC of server {}: {missing} is missing; {reason}", server.shown()),
        };
        let remedy = if case.this == Some(n) || bmc.chassis() {
            format!(
                "write {missing} in [server.bmc]; if nothing shall be told to the BMC, handshake = \"none\" and no after_ended"
            )
        } else {
            format!("write {missing} in [server.bmc]; if nothing shall be told to the BMC, handshake = \"none\"")
        };
        found.add(server.bmc.at(), subject, remedy);
    }
}

pub(super) fn login_length(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (name, bmc) in case.bmcs() {
        if let Some(user) = bmc.user.ok().filter(|user| user.len() > MAX_USER) {
            let subject = format!("the BMC of server {name}: the user's name has {} octets", user.len());
            found.add(bmc.user.at(), subject, format!("use a BMC user of at most {MAX_USER} octets"));
        }
        if let Some(SecretSource::Inline(secret)) = bmc.password.ok()
            && secret.expose().len() > MAX_PASSWORD
        {
            let subject = format!("the BMC of server {name}: the password has {} octets", secret.expose().len());
            found.add(
                bmc.password.at(),
                subject,
                format!("give the BMC user a password of at most {MAX_PASSWORD} octets"),
            );
        }
    }
}

pub(super) fn suite(case: &Case<'_>, found: &mut Found<'_, '_>) {
    const REMEDY: &str = "write cipher_suites = [17, 3], or take the line away";
    for (name, bmc) in case.bmcs() {
        let Some(suites) = bmc.suites.ok() else { continue };
        if suites.is_empty() {
            found.add(bmc.suites.at(), format!("the BMC of server {name}: no cipher suite is left"), REMEDY);
        }
        for (n, (at, suite)) in suites.iter().enumerate() {
            let why = match suite {
                17 | 3 if suites.iter().take(n).all(|(_, earlier)| earlier != suite) => continue,
                17 | 3 => "is named twice",
                0 => "lets anyone in without a password",
                _ => "is not one of ours",
            };
            found.add(*at, format!("the BMC of server {name}: cipher suite {suite} {why}"), REMEDY);
        }
    }
}

pub(super) fn suite_order(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (name, bmc) in case.bmcs() {
        if let Some((at, 3)) = bmc.suites.ok().and_then(|suites| suites.first()) {
            let subject = format!("the BMC of server {name}: suite 3 is tried before anything better");
            found.add(*at, subject, "write [17, 3]: suite 3 is then used where 17 is not offered");
        }
    }
}

pub(super) fn default_login(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (name, bmc) in case.bmcs() {
        let (Some(user), Some(SecretSource::Inline(password))) = (bmc.user.ok(), bmc.password.ok()) else { continue };
        let shipped = |(known, secret): &&(&str, &[u8])| {
            user.eq_ignore_ascii_case(known) && crate::crypto::same(secret, password.expose())
        };
        if SHIPPED.iter().find(shipped).is_some() {
            let subject = format!("the BMC of server {name}: user {user} has a password that its maker ships");
            found.add(bmc.password.at(), subject, "give the BMC a user and a password of your own");
        }
    }
}

pub(super) fn default_community(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (name, bmc) in case.bmcs() {
        let community = &bmc.community;
        let public = community
            .ok()
            .is_some_and(|given| *given == crate::crypto::Secret::new(crate::config::draft::default::COMMUNITY));
        if community.is_absent() || public {
            let subject = format!("the BMC of server {name}: the community is the one that everyone uses");
            found.add(community.at(), subject, "set another one in the BMC's alert settings and here");
        }
    }
}

pub(super) fn identity(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let Some((server, bmc)) = case.own().and_then(|own| Some((own, own.bmc.ok()?))) else { return };
    if bmc.chassis() && bmc.by_address.ok() == Some(&true) {
        let subject = format!("the BMC of server {}: only its address says whose it is", server.shown());
        let remedy =
            "write after_ended = \"none\" or \"bmc\", or have the maker's tool set the board's UUID and pin it";
        return found.add(bmc.after_ended.at(), subject, remedy);
    }
    let in_band = case.this.is_some_and(|this| case.in_band(this));
    if bmc.chassis() && bmc.guid.is_absent() && case.facts.own_guid == Some(false) && !in_band {
        let subject =
            format!("the BMC of server {}: its guid is not pinned, and this host's own cannot be read", server.shown());
        let remedy = "read it with bmcnotice bmc pin and write guid = \"...\", or run as a user who may read /sys/class/dmi/id/product_uuid";
        found.add(bmc.after_ended.at(), subject, remedy);
    }
}

pub(super) fn link_other(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (n, server) in case.draft.servers.iter().enumerate() {
        let Some(bmc) = server.bmc.ok() else { continue };
        if case.this.is_some_and(|this| this != n) && bmc.link.ok() == Some(&LinkChoice::InBand) {
            let subject = format!("the BMC of server {}: from this server it is asked over LAN", server.shown());
            let remedy = "nothing, if this file is for all servers; over LAN it needs user and password_file";
            found.add(bmc.link.at(), subject, remedy);
        }
    }
}

pub(super) fn zero_guid(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (name, bmc) in case.bmcs() {
        if bmc.guid.ok().is_some_and(|guid| guid.is_unspecified()) {
            let remedy =
                "have the maker's tool set the board's UUID, or take the line away and have no chassis command";
            found.add(bmc.guid.at(), format!("the BMC of server {name}: its guid says nothing"), remedy);
        }
    }
}

pub(super) fn shared_guid(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let mut firsts = Firsts::new();
    for (name, bmc) in case.bmcs() {
        let Some(guid) = bmc.guid.ok().filter(|guid| !guid.is_unspecified()) else { continue };
        if let Some(first) = firsts.earlier(guid.0, name) {
            let subject = format!("the BMC of server {name}: its guid is that of server {first}");
            found.add(
                bmc.guid.at(),
                subject,
                "read it again with bmcnotice bmc pin; two boards with one GUID need the maker's tool",
            );
        }
    }
}

pub(super) fn no_patience(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (name, bmc) in case.bmcs() {
        if bmc.after_ended.ok() == Some(&AfterEnded::Bmc) && bmc.patience.is_absent() {
            let subject = format!("the BMC of server {name}: it resets by itself, and nobody says after how long");
            found.add(
                bmc.after_ended.at(),
                subject,
                "write patience = \"...\" as its maker declares it; deadlines are then checked against it",
            );
        }
    }
}

pub(super) fn no_handshake(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (name, bmc) in case.bmcs() {
        let Some(handshake) = bmc.handshake.ok() else { continue };
        let known = case.handshake(handshake).is_some();
        if !known && handshake != "sel" && handshake != "none" {
            let subject = format!("the BMC of server {name}: there is no handshake {handshake}");
            found.add(
                bmc.handshake.at(),
                subject,
                format!("write [handshake.{handshake}] with started and ended, or handshake = \"sel\""),
            );
        }
    }
}

pub(super) fn unused_handshake(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let used: BTreeSet<&str> = case.bmcs().map(|(_, bmc)| bmc.handshake.ok().map_or("sel", String::as_str)).collect();
    for draft in &case.draft.handshakes {
        if draft.name != "none" && !used.contains(draft.name.as_str()) {
            let remedy = format!("write handshake = \"{}\" in [server.bmc], or take the table away", draft.name);
            found.add(draft.at, format!("no BMC uses handshake {}", draft.name), remedy);
        }
    }
}

pub(super) fn half_handshake(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for draft in &case.draft.handshakes {
        let crate::config::draft::HandshakeKind::Raw(raw) = &draft.kind else { continue };
        let missing: Vec<&str> = [("started", &raw.started), ("ended", &raw.ended)]
            .iter()
            .filter(|(_, field)| field.is_absent())
            .map(|(word, _)| *word)
            .collect();
        if !missing.is_empty() {
            let missing = missing.join(" and ");
            found.add(
                draft.at,
                format!("handshake {} has no {missing}", draft.name),
                format!("write {missing} as the vendor's manual gives it"),
            );
        }
    }
}

pub(super) fn privilege(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (name, bmc) in case.bmcs() {
        if let (Some(Privilege::User), Some(reason)) = (bmc.privilege.ok(), bmc.needs_login()) {
            let subject = format!("the BMC of server {name}: privilege user does not suffice for {reason}");
            found.add(
                bmc.privilege.at(),
                subject,
                "write privilege = \"operator\", and give it to the user on the BMC",
            );
        }
    }
}

pub(super) fn listen_family(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (_, at, server, address) in case.keywords() {
        let Some(raw) = case.server(server).and_then(|server| server.bmc.ok()).and_then(|bmc| case.raw(bmc)) else {
            continue;
        };
        let phases = [&raw.armed, &raw.started, &raw.ended, &raw.disarmed].into_iter().filter_map(|phase| phase.ok());
        let messages = phases.chain(raw.keepalive.ok().map(|(message, _)| message));
        let mut octets = messages.flat_map(|message| &message.data);
        if address.is_ipv6() && octets.any(|octet| matches!(octet, RawOctet::ListenAddress(_))) {
            let subject =
                format!("server {server} listens at {address}, and its handshake has room for an IPv4 address");
            found.add(at, subject, "listen at an IPv4 address, or take address0 to address3 out of the handshake");
        }
    }
}

pub(super) fn by_address(case: &Case<'_>, found: &mut Found<'_, '_>) {
    // One that is to be sent chassis commands is an error already.
    for (name, bmc) in case.bmcs().filter(|(_, bmc)| bmc.by_address.ok() == Some(&true) && !bmc.chassis()) {
        let subject = format!("the BMC of server {name}: whoever answers at its address is taken for it");
        found.add(
            bmc.by_address.at(),
            subject,
            "have the maker's tool set the board's UUID, and pin it with guid = \"...\"; until then no chassis command goes to it, and its server is never called off",
        );
    }
}

pub(super) fn dump_unheld(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (name, bmc) in case.bmcs().filter(|(_, bmc)| bmc.dump_hold.is_absent() && bmc.dump_markers.ok().is_some()) {
        let subject = format!("the BMC of server {name}: dump_marker is given, and ended waits for no dump");
        found.add(bmc.dump_markers.at(), subject, "write dump_hold = \"5min\" or the like, or take dump_marker away");
    }
}
