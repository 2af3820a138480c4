//! The judgement: from what a BMC told to findings. A pure function.
//!
//! `path` follows an alert from the filter to us, `filters` looks at which events are alerted, `house` at
//! everything that is not the way of an alert. What was not told is never judged, only listed.

mod filters;
mod found;
mod house;
mod path;

pub use filters::{Coverage, Deadly, action_names, coverage, is_deadly};
pub use found::{TRAP_PORT, Us};
pub use path::{MARGIN, Path};

use found::{Found, numbers};

use super::finding::{Reaches, Verdict};
use super::rules;
use super::told::{Said, Told};

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
    let asked = told.users.iter().filter(|user| user.access.this_enabled != Some(false));
    rest.note_many("the name of user", asked.map(|user| (user.number, user.name.as_ref().err())));
    rest.note("its cipher suites", &told.suites);
    rest.note("the cipher suites of its configuration", &told.suite_table);
    if told.suite_table.as_ref().is_ok_and(|table| !table.is_empty()) {
        rest.note("what its cipher suites may do", &told.suite_privileges);
    }
    rest.note("its own address", &told.address);
    if !rest.0.is_empty() {
        let remedy = "nothing, if that is known otherwise: what was not told was not judged; administrators are told \
                      more (--privilege administrator)";
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
