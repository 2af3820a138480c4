//! Rules over the host; a fact that is not known breaks none.
//!
//! Uses `case` and `draft`.

use super::case::{Case, Device, Found};
use crate::config::draft::{BmcDraft, default};
use crate::config::facts::{FileFacts, PortHolder};
use crate::config::model::{CREDENTIALS, LinkChoice};
use crate::config::report::At;
use crate::words::Obstacle;
use core::net::SocketAddr;
use core::time::Duration;

pub(super) fn not_here(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let (Some((at, listen)), Some(own)) = (case.listen(), &case.facts.addresses) else { return };
    let ip = listen.ip();
    if !ip.is_loopback() && !own.contains(&ip) {
        let own: Vec<String> = own.iter().filter(|ip| !ip.is_loopback()).map(ToString::to_string).collect();
        let subject = format!("{ip} is not an address of this host, which has {}", own.join(", "));
        found.add(at, subject, "bring the interface up before the start, or correct the keyword, or this_server");
    }
}

pub(super) fn port_held(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let Some((at, listen)) = case.listen() else { return };
    for PortHolder { local, process } in
        case.facts.port_holders.iter().filter(|holder| in_the_way(holder.local, listen))
    {
        let port = listen.port();
        let (who, remedy) = match process {
            Some((pid, name)) => {
                let remedy = match name.as_str() {
                    "snmptrapd" => format!(
                        "stop snmptrapd, or let one of the two listen at another port: \"{}:1162\" here and as the alert port in the BMC",
                        listen.ip()
                    ),
                    name if name.starts_with("clp") => {
                        "suspend CLUSTERPRO's own BMCNOTICE monitor (clpmonctrl -s), or leave this server to it"
                            .to_owned()
                    }
                    _ => format!("stop it (kill {pid}), or choose another port here and in the BMC"),
                };
                (format!("process {pid} ({name})"), remedy)
            }
            None => (
                "a process that this user may not see".to_owned(),
                format!("find it as root with: ss -lunp sport = :{port}"),
            ),
        };
        found.add(at, format!("UDP {local} is held by {who}"), remedy);
    }
}

/// Whether a socket at `held` keeps another one from `wanted`. `::` takes IPv4 as well, unless told not to.
fn in_the_way(held: SocketAddr, wanted: SocketAddr) -> bool {
    held.port() == wanted.port()
        && (held.ip().is_unspecified() && (held.is_ipv6() || wanted.is_ipv4()) || held.ip() == wanted.ip())
}

pub(super) fn port_denied(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let (Some((at, listen)), Some(first)) = (case.listen(), case.facts.first_port) else { return };
    if listen.port() < first {
        let port = listen.port();
        let subject = format!("UDP port {port} is below {first}, and this process has no CAP_NET_BIND_SERVICE");
        let remedy = format!(
            "give it the capability (AmbientCapabilities=CAP_NET_BIND_SERVICE in its systemd unit, or setcap cap_net_bind_service=+ep on the program), \
             or set sysctl net.ipv4.ip_unprivileged_port_start={port}, or choose a port from {first} on here and in the BMC"
        );
        found.add(at, subject, remedy);
    }
}

pub(super) fn short_queue(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let (Some((at, _)), Some((asked, granted))) = (case.listen(), case.facts.queue) else { return };
    if granted < asked {
        let subject = format!(
            "the kernel grants the trap socket {granted} octets of the {asked} that it asks for: a burst may overflow it, and \
             the fatal trap in it is lost"
        );
        let remedy = format!(
            "set sysctl net.core.rmem_max={asked}, or give the process CAP_NET_ADMIN (AmbientCapabilities= in its systemd unit)"
        );
        found.add(at, subject, remedy);
    }
}

pub(super) fn esmpro(case: &Case<'_>, found: &mut Found<'_, '_>) {
    if let Some(sign) = &case.facts.esmpro {
        let remedy = "with ESMamsadm set the action after an alert to \"none\" for source ESMCOMMONSERVICE, \
                      events C00001FD, C0000203 and C0000454; its default is to shut down";
        found.add(case.draft.at, format!("ESMPRO/ServerAgent is on this host ({sign})"), remedy);
    }
}

pub(super) fn no_ipmi(case: &Case<'_>, found: &mut Found<'_, '_>) {
    // A simulated BMC, or one that is to be asked over LAN, needs no device.
    let Some(own) = case.this.and_then(|this| case.device(this)) else { return };
    // Where it is the only road, another rule says it louder.
    if case.facts.ipmi_device == Some(false) && own.link != LinkChoice::InBand {
        let remedy = "start it before the cluster (systemctl enable --now ipmi, or modprobe ipmi_si and ipmi_devintf)";
        let subject = match own.obstacle {
            Some(Obstacle::NoInterface) => "there is no /dev/ipmi0: the ipmi driver is loaded and has found no BMC",
            _ => "there is no /dev/ipmi0: the ipmi service does not run",
        };
        found.add(case.draft.at, subject, remedy);
    }
}

/// The device of our own BMC that cannot be used: how it is wanted, its place, its name and why.
fn obstacle(case: &Case<'_>) -> Option<(LinkChoice, At, String, Obstacle)> {
    let Device { link, path, obstacle } = case.device(case.this?)?;
    let bmc = case.own()?.bmc.ok()?;
    let at = if bmc.device.is_absent() { bmc.link.at() } else { bmc.device.at() };
    Some((link, at, path, obstacle?))
}

pub(super) fn no_device(case: &Case<'_>, found: &mut Found<'_, '_>) {
    if let Some((LinkChoice::InBand, at, device, why)) = obstacle(case) {
        found.add(at, format!("link is \"in_band\", and {device} cannot be used: {why}"), why.remedy());
    }
}

pub(super) fn device_unusable(case: &Case<'_>, found: &mut Found<'_, '_>) {
    // Without any device the whole service is missing, and another rule says so.
    if let Some((LinkChoice::Auto, at, device, why)) = obstacle(case)
        && case.facts.ipmi_device != Some(false)
    {
        found.add(at, format!("{device} cannot be used, LAN alone is left: {why}"), why.remedy());
    }
}

/// A folder's path and facts, if both are known.
fn folder(case: &Case<'_>, path: Option<String>) -> Option<(String, FileFacts)> {
    let path = path?;
    let facts = *case.path(&path)?;
    Some((path, facts))
}

fn unwritable(path: &str, facts: &FileFacts) -> Option<String> {
    match facts {
        FileFacts { exists: true, folder: false, .. } => Some(format!("{path} is not a folder")),
        FileFacts { exists: true, writable: false, .. } => Some(format!("{path} cannot be written by this user")),
        FileFacts { exists: false, writable: false, .. } => {
            Some(format!("{path} does not exist, and this user cannot make it"))
        }
        FileFacts { writable: true, .. } => None,
    }
}

const MAKE: &str = "make it for this user (RuntimeDirectory=bmcnotice and StateDirectory=bmcnotice in the systemd unit), or name another";

pub(super) fn hot_writable(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let Some((path, facts)) = folder(case, case.hot()) else { return };
    if let Some(subject) = unwritable(&path, &facts) {
        found.add(case.draft.hot.at(), format!("hot: {subject}; records will be volatile"), MAKE);
    }
}

pub(super) fn hot_tmpfs(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let Some((path, facts)) = folder(case, case.hot()) else { return };
    if !facts.tmpfs {
        found.add(case.draft.hot.at(), format!("hot: {path} is on a disk"), "name a folder under /run");
    }
}

pub(super) fn disk_writable(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let Some((path, facts)) = folder(case, case.disk()) else { return };
    if let Some(subject) = unwritable(&path, &facts) {
        found.add(case.draft.disk.at(), format!("disk: {subject}; records will not survive a reset"), MAKE);
    }
}

pub(super) fn secret_unreadable(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (at, who, path) in case.secret_files() {
        let Some(facts) = case.path(path) else { continue };
        let why = match facts {
            FileFacts { exists: false, .. } => "does not exist",
            FileFacts { folder: true, .. } => "is a folder",
            FileFacts { readable: false, .. } => "cannot be read by this user",
            FileFacts { readable: true, .. } => continue,
        };
        let remedy = if path.starts_with(CREDENTIALS) {
            "give it to the service by LoadCredential= or SetCredentialEncrypted=; outside that unit there is no such folder"
        } else {
            "write the secret into its first line, owned by the user who runs this, mode 0600"
        };
        found.add(at, format!("{who}: {path} {why}"), remedy);
    }
}

pub(super) fn secret_public(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (at, who, path) in case.secret_files() {
        if case.path(path).is_some_and(|facts| facts.exists && facts.others_read) {
            found.add(at, format!("{who}: everyone may read {path}"), format!("chmod 0600 {path}"));
        }
    }
}

pub(super) fn text_public(case: &Case<'_>, found: &mut Found<'_, '_>) {
    let file = case.file;
    if let Some(at) = case.inline_password()
        && case.path(file).is_some_and(|facts| facts.others_read)
    {
        let remedy = format!("write password_file instead, or chmod 0600 {file}");
        found.add(at, format!("a password stands in {file}, which everyone may read"), remedy);
    }
}

pub(super) fn command_missing(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (at, monitor, words) in case.programs() {
        let Some((path, facts)) = words.first().and_then(|path| Some((path, case.path(path)?))) else { continue };
        let why = match facts {
            FileFacts { exists: false, .. } => "does not exist",
            FileFacts { folder: true, .. } => "is a folder",
            FileFacts { executable: false, .. } => "cannot be run by this user",
            FileFacts { executable: true, .. } => continue,
        };
        found.add(at, format!("monitor {monitor}: {path} {why}"), "install it, or correct the path, or chmod 0755");
    }
}

pub(super) fn command_writable(case: &Case<'_>, found: &mut Found<'_, '_>) {
    for (at, monitor, words) in case.programs() {
        let Some((path, facts)) = words.first().and_then(|path| Some((path, case.path(path)?))) else { continue };
        if facts.exists && facts.others_write {
            let subject = format!("monitor {monitor}: everyone may write {path} or replace it");
            found.add(at, subject, format!("chmod o-w {path}, and its folder"));
        }
    }
}

/// This server's BMC, if its path could be drilled, and how long ago it was.
fn proven<'c>(case: &Case<'c>) -> Option<(&'c BmcDraft, Option<Duration>)> {
    let bmc = case.own()?.bmc.ok().filter(|bmc| bmc.user.ok().is_some())?;
    let drilled = case.listen().is_some() && !case.draft.observe.get_or(false);
    case.facts.proven.filter(|_| drilled).map(|proven| (bmc, proven))
}

pub(super) fn drill_old(case: &Case<'_>, found: &mut Found<'_, '_>) {
    if let Some((bmc, Some(age))) = proven(case)
        && age > bmc.drill_max_age.get_or(default::DRILL_MAX_AGE)
    {
        let subject = format!("the last drill that proved the path is {} days ago", age.as_secs() / 86_400);
        found.add(bmc.drill_max_age.at(), subject, "run bmcnotice bmc drill, now and as often");
    }
}

pub(super) fn drill_never(case: &Case<'_>, found: &mut Found<'_, '_>) {
    if let Some((bmc, None)) = proven(case) {
        let subject = "no drill has proven the path from this server's BMC to here";
        found.add(bmc.drill_max_age.at(), subject, "run bmcnotice bmc drill, before the night that needs it");
    }
}
