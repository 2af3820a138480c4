//! The rules over a configuration as a whole, and over the host: everything that is wrong, in one pass.
//!
//! Uses `draft`, `facts`, `rules`. Each rule is one small function in [`CHECKS`]; what is wrong with a single value
//! alone was said by `native` when it read it.

mod bmcs;
mod case;
mod cluster;
mod clusterpro;
mod evidence;
mod heartbeat;
mod host;
mod monitors;
mod plan;
mod users;

use super::clusterpro::CONF;
use super::draft::{Draft, default::DEVICE};
use super::facts::{Facts, Wanted};
use super::finding::Rule;
use super::report::Report;
use super::rules;
use crate::words::ServerId;
use case::{Case, Found};
use core::net::SocketAddr;

type Check = fn(&Case<'_>, &mut Found<'_, '_>);

/// Every rule over the whole; the severity is the rule's own.
const CHECKS: &[(&Rule, Check)] = &[
    (&rules::THIS_SERVER, cluster::this_server),
    (&rules::NO_SERVER, cluster::no_server),
    (&rules::DUPLICATE_NAME, cluster::duplicate_name),
    (&rules::SHARED_ADDRESS, cluster::shared_address),
    (&rules::UNUSABLE_ADDRESS, cluster::unusable_address),
    (&rules::NO_BMC, bmcs::no_bmc),
    (&rules::SHARED_BMC, bmcs::shared_bmc),
    (&rules::BMC_IS_SERVER, bmcs::bmc_is_server),
    (&rules::SHARED_SOURCE, bmcs::shared_source),
    (&rules::NO_LOGIN, bmcs::no_login),
    (&rules::LOGIN_LENGTH, bmcs::login_length),
    (&rules::SUITE, bmcs::suite),
    (&rules::SUITE_ORDER, bmcs::suite_order),
    (&rules::DEFAULT_LOGIN, bmcs::default_login),
    (&rules::DEFAULT_COMMUNITY, bmcs::default_community),
    (&rules::IDENTITY, bmcs::identity),
    (&rules::ZERO_GUID, bmcs::zero_guid),
    (&rules::SHARED_GUID, bmcs::shared_guid),
    (&rules::NO_PATIENCE, bmcs::no_patience),
    (&rules::NO_HANDSHAKE, bmcs::no_handshake),
    (&rules::UNUSED_HANDSHAKE, bmcs::unused_handshake),
    (&rules::HALF_HANDSHAKE, bmcs::half_handshake),
    (&rules::PRIVILEGE, bmcs::privilege),
    (&rules::LISTEN_FAMILY, bmcs::listen_family),
    (&rules::BY_ADDRESS, bmcs::by_address),
    (&rules::DUMP_UNHELD, bmcs::dump_unheld),
    (&rules::NO_KEY, users::no_key),
    (&rules::WEAK_USER, users::weak),
    (&rules::SHARED_ENGINE, users::shared_engine),
    (&rules::USER_SERVER, users::user_server),
    (&rules::KEY_ENGINE, users::key_engine),
    (&rules::LEARNED_SHARED, users::learned_shared),
    (&rules::LEAST_UNMET, users::least_unmet),
    (&rules::NO_USER, users::no_user),
    (&rules::KEYWORD_MISSING, monitors::keyword_missing),
    (&rules::KEYWORD_SERVER, monitors::keyword_server),
    (&rules::PORTS, monitors::ports),
    (&rules::KEYWORD_IS_BMC, monitors::keyword_is_bmc),
    (&rules::KEYWORD_NOT_OWN, monitors::keyword_not_own),
    (&rules::NOT_FAILOVER, plan::not_failover),
    (&rules::NO_TARGET, monitors::no_target),
    (&rules::TOO_SLOW, plan::too_slow),
    (&rules::CHASSIS_ON_ADDRESS, monitors::chassis_on_address),
    (&rules::NO_MONITOR, monitors::no_monitor),
    (&rules::WAIT_OVER_TELL, monitors::wait_over_tell),
    (&rules::UNASKABLE, evidence::unaskable),
    (&rules::UNIDENTIFIED, evidence::unidentified),
    (&rules::UNVERIFIED_RECOVERS, evidence::unverified_recovers),
    (&rules::NOT_IN_SEL, evidence::not_in_sel),
    (&rules::PLACEHOLDER_EMPTY, clusterpro::placeholder_empty),
    (&rules::NO_PROOF, clusterpro::no_proof),
    (&rules::NO_RESTART, clusterpro::no_restart),
    (&rules::OBSERVING, clusterpro::observing),
    (&rules::NO_ATTEMPT, plan::no_attempt),
    (&rules::FINAL_AFTER_FAILURE, plan::final_after_failure),
    (&rules::FINAL_ON_ADDRESS, plan::final_on_address),
    (&rules::FINAL_UNPROVEN, plan::final_unproven),
    (&rules::HEALTH_ATTRIBUTE, plan::health_attribute),
    (&rules::PACEMAKER_RESTART, plan::pacemaker_restart),
    (&rules::NO_LAN_HEARTBEAT, heartbeat::no_lan_heartbeat),
    (&rules::TIMEOUT, heartbeat::timeout),
    (&rules::SHORT_TIMEOUT, heartbeat::short_timeout),
    (&rules::UNPINNED_PEER, heartbeat::unpinned_peer),
    (&rules::UNKNOWN_WATCHER, heartbeat::unknown_watcher),
    (&rules::PULSE_TOO_RARE, heartbeat::pulse_too_rare),
    (&rules::WORD_TOO_SHORT, heartbeat::word_too_short),
    (&rules::WATCHDOG_OWNED, heartbeat::watchdog_owned),
    (&rules::VOLATILE_JOURNAL, cluster::volatile_journal),
    (&rules::NO_DISK_JOURNAL, cluster::no_disk_journal),
    (&rules::ONE_FOLDER, cluster::one_folder),
    (&rules::NOT_HERE, host::not_here),
    (&rules::PORT_HELD, host::port_held),
    (&rules::PORT_DENIED, host::port_denied),
    (&rules::CLUSTERPRO_RUNS, clusterpro::clusterpro_runs),
    (&rules::ESMPRO, host::esmpro),
    (&rules::LINK_OTHER, bmcs::link_other),
    (&rules::NO_IPMI, host::no_ipmi),
    (&rules::HOT_WRITABLE, host::hot_writable),
    (&rules::HOT_TMPFS, host::hot_tmpfs),
    (&rules::DISK_WRITABLE, host::disk_writable),
    (&rules::SECRET_UNREADABLE, host::secret_unreadable),
    (&rules::SECRET_PUBLIC, host::secret_public),
    (&rules::TEXT_PUBLIC, host::text_public),
    (&rules::COMMAND_MISSING, host::command_missing),
    (&rules::COMMAND_WRITABLE, host::command_writable),
    (&rules::NO_DEVICE, host::no_device),
    (&rules::DEVICE_UNUSABLE, host::device_unusable),
    (&rules::SHORT_QUEUE, host::short_queue),
    (&rules::MRW_ACTIVE, clusterpro::mrw_active),
    (&rules::ALERT_MISSING, clusterpro::alert_missing),
    (&rules::DRILL_OLD, host::drill_old),
    (&rules::DRILL_NEVER, host::drill_never),
];

/// Judges the draft by every rule; the answer is this server, if it is one of the cluster's.
pub(super) fn run(draft: &Draft, facts: &Facts, file: &str, report: &mut Report<'_>) -> Option<ServerId> {
    let case = Case::new(draft, facts, file, cluster::this(draft, facts));
    for (rule, check) in CHECKS {
        check(&case, &mut Found { rule, report });
    }
    case.this.and_then(|this| u16::try_from(this).ok()).map(ServerId)
}

/// What the rules want to know about the host.
pub(super) fn wanted(draft: &Draft, file: &str) -> Wanted {
    let facts = Facts::default();
    let case = Case::new(draft, &facts, file, None);
    let keywords = draft.monitors.iter().flat_map(|monitor| &monitor.keywords);
    let mut ports: Vec<u16> = keywords.filter_map(|(_, _, keyword)| keyword.ok()).map(SocketAddr::port).collect();
    let mut paths: Vec<String> = Vec::new();
    if case.inline_password().is_some() {
        paths.push(file.to_owned());
    }
    paths.extend(case.secret_files().map(|(_, _, path)| path.to_owned()));
    paths.extend(case.programs().filter_map(|(_, _, words)| words.first().cloned()));
    paths.extend(case.alert().map(|alert| alert.program().to_owned()));
    paths.extend([case.hot(), case.disk()].into_iter().flatten());
    ports.sort_unstable();
    ports.dedup();
    paths.sort_unstable();
    paths.dedup();
    let mut devices: Vec<String> = case.bmcs().map(|(_, bmc)| bmc.device.get_or(DEVICE.to_owned())).collect();
    devices.sort_unstable();
    devices.dedup();
    let journals = [case.hot(), case.disk()].into_iter().flatten().collect();
    Wanted { ports, paths, devices, clp_conf: Some(draft.clusterpro.conf.get_or(CONF.to_owned())), journals }
}
