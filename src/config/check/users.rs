//! Rules over SNMPv3: users, keys, engines.
//!
//! Uses `case`. What is in a key's file is not known here.

use super::case::{Case, Firsts, Found, list};
use crate::config::draft::{Field, UserDraft};
use crate::config::model::{Learning, Least};
use crate::crypto::usm::{Auth, Privacy};
use crate::wire::usm::Level;
use crate::words::Trust;

pub(super) fn no_key(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for user in &case.draft.users {
        let auth = user.auth.ok().copied().flatten();
        let privacy = user.privacy.ok().copied().flatten();
        for (wanted, known, key, name) in [
            (auth.is_some(), user.auth.ok().is_some(), &user.auth_key, "auth"),
            (privacy.is_some(), !matches!(user.privacy, Field::Bad(_)), &user.privacy_key, "privacy"),
        ] {
            let at = key.passphrase.at().max(key.localized.at());
            let subject = match (key.passphrase.is_absent(), key.localized.is_absent()) {
                (true, true) if wanted => format!("user {} has {name}, and no key for it", user.shown()),
                (false, false) => format!("user {} has a passphrase and a key for {name}", user.shown()),
                (true, false) | (false, true) if known && !wanted => {
                    format!("user {} has a key for {name}, and no {name}", user.shown())
                }
                (_, _) => continue,
            };
            let remedy = format!("write {name} = \"...\" and {name}_passphrase_file = \"...\", or neither");
            found.add(at, subject, remedy);
        }
        if auth.is_none() && user.auth.ok().is_some() && privacy.is_some() {
            let subject = format!("user {} seals what nobody has signed", user.shown());
            found.add(user.privacy.at(), subject, "give it auth, too: there is no privacy without");
        }
    }
}

pub(super) fn weak(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for user in &case.draft.users {
        let who = user.shown();
        match user.auth.ok() {
            Some(None) => {
                let remedy = "give it auth = \"sha256\" in the BMC and here; without, its traps have trust address";
                found.add(user.auth.at(), format!("user {who} authenticates nothing"), remedy);
            }
            Some(Some(Auth::Md5)) => {
                let subject = format!("user {who} authenticates by MD5");
                found.add(user.auth.at(), subject, "use sha256 or the best that the BMC has");
            }
            Some(Some(Auth::Sha1 | Auth::Sha224 | Auth::Sha256 | Auth::Sha384 | Auth::Sha512)) | None => {}
        }
        if user.privacy.ok() == Some(&Some(Privacy::Des)) {
            found.add(user.privacy.at(), format!("user {who} seals by DES"), "use aes128 or the best that the BMC has");
        }
    }
}

pub(super) fn shared_engine(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let mut firsts = Firsts::new();
    for (server, bmc) in case.bmcs() {
        for (at, id) in bmc.version3.engine_ids.ok().into_iter().flatten() {
            if let Some(other) = firsts.earlier(*id, server) {
                let subject = match other == server {
                    true => format!("the BMC of server {server} has engine {id} twice"),
                    false => format!("the BMCs of servers {other} and {server} have one engine, {id}"),
                };
                found.add(*at, subject, "read the ids again; a BMC that was cloned needs a new one");
            }
        }
    }
}

pub(super) fn user_server(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for user in &case.draft.users {
        for (at, server) in user.servers.ok().into_iter().flatten() {
            if case.server(server).is_none() {
                let subject =
                    format!("user {}: no server is called {}", user.shown(), crate::config::report::cut(server));
                found.add(*at, subject, format!("write one of {}", case.names()));
            }
        }
    }
    for server in case.draft.servers.iter().filter_map(|server| server.name.ok()) {
        let mut firsts = Firsts::new();
        for user in case.users_of(server).filter(|user| user.name.ok().is_some()) {
            if firsts.earlier(user.shown(), ()).is_some() {
                let subject = format!("server {server} has two users of the name {}", user.shown());
                found.add(user.name.at(), subject, "write the servers of each, or one user for both");
            }
            if found.is_full() {
                return;
            }
        }
    }
}

pub(super) fn key_engine(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let localized =
        |user: &&UserDraft| [&user.auth_key, &user.privacy_key].into_iter().any(|key| key.localized.ok().is_some());
    for (server, bmc) in case.bmcs() {
        let ids = bmc.version3.engine_ids.ok().map_or(0, Vec::len);
        for user in case.users_of(server).filter(localized) {
            if ids != 1 {
                let at = user.auth_key.localized.at().max(user.privacy_key.localized.at());
                let subject =
                    format!("user {} has a localized key, and the BMC of {server} {ids} engine ids", user.shown());
                found.add(at, subject, "write its one engine id into [server.bmc], or give the user a passphrase");
            }
        }
    }
}

pub(super) fn learned_shared(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for user in case.draft.users.iter().filter(|user| user.level() > Level::NoAuth) {
        let learns = |(server, bmc): &(&str, &crate::config::draft::BmcDraft)| {
            let named = bmc.version3.engine_ids.ok().is_some_and(|ids| !ids.is_empty());
            let usual = if named { Learning::Approve } else { Learning::Learn };
            let learns = bmc.version3.learning.get_or(usual) == Learning::Learn;
            learns && case.users_of(server).any(|other| other.at == user.at)
        };
        let servers: Vec<&str> = case.bmcs().filter(learns).map(|(server, _)| server).collect();
        if servers.len() > 1 {
            let subject = format!("user {} writes for {}, whose engines are learned", user.shown(), list(&servers));
            let remedy = "write the engine_ids of each BMC; or give each a user of its own";
            found.add(user.at, subject, remedy);
        }
    }
}

pub(super) fn least_unmet(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (server, bmc) in case.bmcs() {
        let Some(Least::Version3(least)) = bmc.version3.least.ok() else {
            // Without a word a code is wanted of v3, as soon as there is a user.
            let users: Vec<&UserDraft> = case.users_of(server).collect();
            if bmc.version3.least.is_absent()
                && !users.is_empty()
                && users.iter().all(|user| user.level() < Level::Auth)
            {
                let subject = format!("no user of the BMC of server {server} authenticates, and its v3 traps must be");
                let remedy =
                    "give a user auth; or write minimum_level = \"noAuthNoPriv\" and close the network to others";
                found.add(bmc.version3.least.at(), subject, remedy);
            }
            continue;
        };
        if !case.users_of(server).any(|user| user.level() >= *least) {
            let subject =
                format!("the traps of the BMC of server {server} must have more than any user of it can give");
            found.add(bmc.version3.least.at(), subject, "write a [[user]] that can, or another minimum_level");
        }
    }
}

pub(super) fn no_user(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for monitor in case.draft.monitors.iter().filter(|monitor| monitor.trust.ok() == Some(&Trust::Authenticated)) {
        let guarded = monitor.keywords.iter().map(|(_, server, _)| server.as_str());
        let lacks = |server: &&str| {
            case.server(server).is_some() && !case.users_of(server).any(|user| user.level() >= Level::Auth)
        };
        if let Some(server) = guarded.into_iter().find(lacks) {
            let subject =
                format!("monitor {} takes authenticated notices alone, and {server} has no user", monitor.shown());
            let remedy = "write a [[user]] with auth; or leave trust out: the BMC is then asked whether it meant it";
            found.add(monitor.trust.at(), subject, remedy);
        }
    }
}
