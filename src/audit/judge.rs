//! The judgement: from what a BMC told to findings. A pure function.
//!
//! `path` follows an alert from the filter to us, `filters` looks at which events are alerted, `house` at
//! everything that is not the way of an alert. What was not told is never judged, only listed.

mod filters;
mod house;
mod path;

pub use filters::{Coverage, Deadly, action_names, coverage, is_deadly};
pub use path::Path;

use super::finding::{Finding, Reaches, Rule, Verdict};
use super::rules;
use super::told::{Said, Told};
use crate::bmc::identity::Checked;
use crate::crypto::Secret;
use crate::words::Guid;
use core::net::{IpAddr, SocketAddr};

/// The only port that an IPMI BMC sends traps to.
pub const TRAP_PORT: u16 = 162;

/// What the operator and the session say of us and of this BMC.
#[derive(Debug, Clone)]
pub struct Us<'a> {
    /// Where the BMC's server listens for its traps; `None`: no monitor of it listens.
    pub listen: Option<SocketAddr>,
    /// The addresses of that server, for one that listens at all of them.
    pub addresses: &'a [IpAddr],
    /// Relays, which may be the destination in our stead.
    pub relays: &'a [IpAddr],
    /// What its traps must carry.
    pub community: &'a Secret,
    /// The BMC's system GUID, as the session told it.
    pub guid: Guid,
    /// Whether that is the right one.
    pub identity: Checked,
}

impl Us<'_> {
    /// Whether what is sent to this address comes to us.
    pub fn is_at(&self, address: IpAddr) -> bool {
        let Some(listen) = self.listen else { return false };
        let listens = listen.ip() == address || listen.ip().is_unspecified() && self.addresses.contains(&address);
        listens || self.relays.contains(&address)
    }

    /// The address that the BMC must send to: where we listen, or a server's first address of its family.
    pub fn address(&self) -> Option<IpAddr> {
        let listen = self.listen?.ip();
        if !listen.is_unspecified() {
            return Some(listen);
        }
        self.addresses.iter().find(|address| address.is_ipv4() == listen.is_ipv4()).copied()
    }
}

/// Collects findings.
#[derive(Debug, Default)]
struct Found(Vec<Finding>);

impl Found {
    fn add(&mut self, rule: &'static Rule, subject: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Finding { rule, subject: subject.into(), remedy: remedy.into() });
    }
}

/// What `setup` mends.
const SETUP: &str = "bmcnotice bmc setup shows what to write, and writes it with --write";

/// Judges.
pub fn judge(told: &Told, us: &Us<'_>) -> Verdict {
    let mut found = Found::default();
    let path = Path::find(told, us);
    untold(told, &mut found);
    path::judge(told, us, &path, &mut found);
    filters::judge(told, &path, &mut found);
    house::judge(told, us, &mut found);
    let mut findings = found.0;
    findings.sort_by_key(|finding| (core::cmp::Reverse(finding.rule.severity), finding.rule.id));
    let reaches = if findings.iter().any(|finding| finding.rule.blocks) {
        Reaches::No
    } else if findings.iter().any(|finding| finding.rule == &rules::NOT_TOLD) {
        Reaches::Unknown
    } else {
        Reaches::Yes
    };
    Verdict { reaches, findings, retry_span: path.retry_span(told) }
}

/// Lists what was not told, with the reason: what a verdict rests on, and the rest.
fn untold(told: &Told, found: &mut Found) {
    let mut vital = Untold::default();
    vital.note("PEF control", &told.control);
    vital.note("the enabled actions", &told.actions);
    vital.note("the number of filters", &told.filter_count);
    vital.note("the number of policy entries", &told.policy_count);
    vital.note("the number of alert destinations", &told.destination_count);
    vital.note_many("filter", told.filters.iter().map(|(number, filter)| (*number, filter.as_ref().err())));
    vital.note_many("policy entry", told.policies.iter().map(|(number, policy)| (*number, policy.as_ref().err())));
    vital.note_many("the type of destination", told.destinations.iter().map(|to| (to.number, to.how.as_ref().err())));
    vital.note_many("the address of destination", told.destinations.iter().map(|to| (to.number, to.at.as_ref().err())));
    if !vital.0.is_empty() {
        let remedy = "ask as administrator (--privilege administrator), look in the BMC's web interface, or prove the \
                      way by a real alert";
        found.add(&rules::NOT_TOLD, format!("not told: {}", vital.0.join("; ")), remedy);
    }
    let mut rest = Untold::default();
    rest.note("its device id", &told.device);
    rest.note("how one may log in", &told.logins);
    rest.note("the channel's access in force", &told.channel);
    rest.note("the channel's access after a start", &told.channel_kept);
    rest.note("what PEF can do", &told.pef);
    rest.note("the postpone timer", &told.postpone);
    rest.note("the startup delay", &told.startup_delay);
    rest.note("the alert delay", &told.alert_delay);
    rest.note("the community", &told.community);
    rest.note("the GUID in its traps", &told.pet_guid);
    rest.note("the last event that was filtered", &told.processed);
    rest.note("the global enables", &told.enables);
    rest.note("the event log's state", &told.sel);
    rest.note("its clock", &told.clock);
    rest.note("its sessions", &told.sessions);
    rest.note("its users", &told.users_end);
    rest.note("its cipher suites", &told.suites);
    rest.note("the cipher suites of its configuration", &told.suite_table);
    if told.suite_table.as_ref().is_ok_and(|table| !table.is_empty()) {
        rest.note("what its cipher suites may do", &told.suite_privileges);
    }
    rest.note("its own address", &told.address);
    if !rest.0.is_empty() {
        let remedy = "nothing, if that is known otherwise; what was not told was not judged";
        found.add(&rules::SILENT_ON, format!("not told: {}", rest.0.join("; ")), remedy);
    }
}

#[derive(Default)]
struct Untold(Vec<String>);

impl Untold {
    fn note<T>(&mut self, what: &str, said: &Said<T>) {
        if let Err(why) = said {
            self.0.push(format!("{what} ({why})"));
        }
    }

    /// Numbered things, of which there may be a hundred: the first reason stands for all.
    fn note_many<'a>(&mut self, what: &str, all: impl Iterator<Item = (u8, Option<&'a super::told::Unsaid>)>) {
        let missing: Vec<_> = all.filter_map(|(number, why)| Some((number, why?))).collect();
        if let Some((_, why)) = missing.first() {
            self.0.push(format!("{what} {} ({why})", numbers(missing.iter().map(|(number, _)| *number))));
        }
    }
}

/// `1, 3, 5`.
fn numbers(all: impl Iterator<Item = u8>) -> String {
    all.map(|number| number.to_string()).collect::<Vec<_>>().join(", ")
}
