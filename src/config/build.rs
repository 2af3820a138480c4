//! Makes the cluster of a draft in which `check` found no error.
//!
//! Uses `draft` and `model`; it fills in the defaults and decides nothing.

use super::clusterpro::{LEVELS, Site};
use super::draft::{
    BmcDraft, ClusterproDraft, CommandsDraft, Draft, Field, HandshakeDraft, HandshakeKind, HeartbeatDraft, KeyDraft,
    MonitorDraft, Placed, ServerDraft, UserDraft, default,
};
use super::model::{
    AfterEnded, AfterFailure, Bmc, Cluster, Commands, DumpHold, FinalAction, Handshake, Heartbeat, Journal, KeySource,
    Lan, LinkChoice, Monitor, OwnPulse, Probes, Recovery, Server, StartsOn, User, Version3, Vouch, WhenUnverifiable,
};
use crate::crypto::Secret;
use crate::crypto::usm::Extension;
use crate::words::ServerId;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;

/// `None` only if the draft has an error in it after all.
pub(super) fn cluster(draft: Draft, this: ServerId) -> Option<Cluster> {
    let Draft {
        name,
        servers,
        handshakes,
        users,
        monitors,
        heartbeat,
        hot,
        disk,
        commands,
        clusterpro,
        observe,
        meanings,
        ..
    } = draft;
    let mut names = BTreeMap::new();
    for (id, server) in (0..).map(ServerId).zip(&servers) {
        names.entry(server.name.ok()?.clone()).or_insert(id);
    }
    let monitors: Vec<Monitor> = monitors.into_iter().map(|draft| monitor(draft, &names)).collect::<Option<_>>()?;
    Some(Cluster {
        clusterpro: site(clusterpro, &monitors)?,
        observe: observe.or(false)?,
        name: given(name)?,
        this,
        users: users.into_iter().map(|draft| user(draft, &names)).collect::<Option<_>>()?,
        servers: servers.into_iter().map(|draft| server(draft, &handshakes)).collect::<Option<_>>()?,
        monitors,
        heartbeat: self::heartbeat(heartbeat, &names)?,
        journal: Journal {
            hot: hot.or(Some(default::HOT.to_owned()))?,
            disk: disk.or(Some(default::DISK.to_owned()))?,
        },
        commands: self::commands(commands)?,
        meanings: Arc::new(meanings),
    })
}

fn heartbeat(draft: HeartbeatDraft, servers: &BTreeMap<String, ServerId>) -> Option<Heartbeat> {
    let (period, word) = (draft.period(), draft.word());
    let (period, word) = (draft.pulse_period.or(period)?, draft.vouch_within.or(word)?);
    let timeout = draft.timeout.or(default::TIMEOUT)?;
    let vouch = if draft.by_application.or(false)? { Vouch::Application(word) } else { Vouch::Library };
    let watcher = |(_, name): Placed<String>| servers.get(&name).copied();
    Some(Heartbeat {
        enabled: draft.bmc.or(true)?,
        interval: draft.interval.or(default::INTERVAL)?,
        timeout,
        warning: timeout / 100 * draft.warning.or(default::WARNING)?,
        pulse: draft.pulse.or(true)?.then_some(OwnPulse { period, vouch }),
        watchers: draft.watchers.or(Vec::new())?.into_iter().map(watcher).collect::<Option<_>>()?,
        node_attributes: draft.node_attributes.or(false)?,
    })
}

fn commands(draft: CommandsDraft) -> Option<Commands> {
    let usual = Commands::default();
    Some(Commands {
        stop_service: optional(draft.stop_service)?,
        shutdown: draft.shutdown.or(usual.shutdown)?,
        reboot: draft.reboot.or(usual.reboot)?,
        sysrq_trigger: draft.sysrq_trigger.or(usual.sysrq_trigger)?,
    })
}

/// A value without a default.
fn given<T>(field: Field<T>) -> Option<T> {
    optional(field)?
}

/// A value that need not be there; the outer `None` is an error.
#[expect(clippy::option_option, reason = "absent and wrong are two things")]
fn optional<T>(field: Field<T>) -> Option<Option<T>> {
    match field {
        Field::Absent(_) => Some(None),
        Field::Bad(_) => None,
        Field::Given(_, value) => Some(Some(value)),
    }
}

fn bare<T>(list: Vec<Placed<T>>) -> Vec<T> {
    list.into_iter().map(|(_, value)| value).collect()
}

fn server(draft: ServerDraft, handshakes: &[HandshakeDraft]) -> Option<Server> {
    let bmc = match optional(draft.bmc)? {
        Some(draft) => Some(bmc(draft, handshakes)?),
        None => None,
    };
    Some(Server { name: given(draft.name)?, addresses: bare(given(draft.addresses)?), bmc })
}

fn bmc(draft: BmcDraft, handshakes: &[HandshakeDraft]) -> Option<Bmc> {
    let address = given(draft.address)?;
    let suites = draft.suites.or(default::SUITES.map(|suite| (Default::default(), suite)).to_vec())?;
    let privilege = optional(draft.privilege)?;
    let lan = match (optional(draft.user)?, optional(draft.password)?) {
        (Some(user), Some(password)) => {
            Some(Lan { user, password, kg: optional(draft.kg)?, suites: bare(suites), privilege })
        }
        (None, None) => None,
        (None, Some(_)) | (Some(_), None) => return None,
    };
    let markers = draft.dump_markers.or(vec![default::DUMP_MARKER.to_owned()])?;
    let dump = optional(draft.dump_hold)?.map(|longest| DumpHold { longest, markers });
    draft.drill_max_age.or(default::DRILL_MAX_AGE)?; // for `check` alone
    Some(Bmc {
        address,
        trap_sources: draft.trap_sources.or(vec![(Default::default(), address.ip())]).map(bare)?,
        relays: draft.relays.or(Vec::new()).map(bare)?,
        retry_span: optional(draft.retry_span)?,
        community: draft.community.or(Secret::new(default::COMMUNITY))?,
        lan,
        link: draft.link.or(LinkChoice::Auto)?,
        device: draft.device.or(default::DEVICE.to_owned())?,
        guid: optional(draft.guid)?,
        handshake: handshake(&draft.handshake.or("sel".to_owned())?, handshakes)?,
        after_ended: draft.after_ended.or(AfterEnded::None)?,
        patience: optional(draft.patience)?,
        in_sel: draft.in_sel.or(true)?,
        sel_catch_up: draft.sel_catch_up.or(true)?,
        by_address: draft.by_address.or(false)?,
        dump,
        probes: draft.probes.or(Probes::default())?,
        version3: Version3 {
            engine_ids: draft.version3.engine_ids.or(Vec::new()).map(bare)?,
            learning: optional(draft.version3.learning)?,
            least: optional(draft.version3.least)?,
        },
    })
}

fn user(draft: UserDraft, servers: &BTreeMap<String, ServerId>) -> Option<User> {
    let auth = match (given(draft.auth)?, key(draft.auth_key)?) {
        (Some(auth), Some(source)) => Some((auth, source)),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return None,
    };
    let extension = draft.extension.or(Extension::Blumenthal)?;
    let privacy = match (draft.privacy.or(None)?, key(draft.privacy_key)?) {
        (Some(privacy), Some(source)) => Some((privacy, source, extension)),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return None,
    };
    let server = |(_, name): Placed<String>| servers.get(&name).copied();
    let servers = draft.servers.or(Vec::new())?.into_iter().map(server).collect::<Option<_>>()?;
    Some(User { name: given(draft.name)?, servers, auth, privacy })
}

#[expect(clippy::option_option, reason = "absent and wrong are two things")]
fn key(draft: KeyDraft) -> Option<Option<KeySource>> {
    match (optional(draft.passphrase)?, optional(draft.localized)?) {
        (Some(source), None) => Some(Some(KeySource::Passphrase(source))),
        (None, Some(source)) => Some(Some(KeySource::Localized(source))),
        (None, None) => Some(None),
        (Some(_), Some(_)) => None,
    }
}

fn handshake(name: &str, handshakes: &[HandshakeDraft]) -> Option<Handshake> {
    let draft = handshakes.iter().find(|draft| draft.name == name);
    match (name, draft.map(|draft| &draft.kind)) {
        ("none", _) => Some(Handshake::None),
        ("sel", None) => {
            Some(Handshake::Sel { record_type: default::RECORD_TYPE, manufacturer: default::MANUFACTURER })
        }
        (_, None) => None,
        (_, Some(HandshakeKind::Sel { record_type, manufacturer })) => Some(Handshake::Sel {
            record_type: record_type.clone().or(default::RECORD_TYPE)?,
            manufacturer: manufacturer.clone().or(default::MANUFACTURER)?,
        }),
        (_, Some(HandshakeKind::Raw(raw))) => Some(Handshake::Raw {
            name: name.to_owned(),
            armed: optional(raw.armed.clone())?,
            started: optional(raw.started.clone())?,
            ended: optional(raw.ended.clone())?,
            disarmed: optional(raw.disarmed.clone())?,
            keepalive: optional(raw.keepalive.clone())?,
        }),
    }
}

fn monitor(draft: MonitorDraft, servers: &BTreeMap<String, ServerId>) -> Option<Monitor> {
    let mut keywords = Vec::with_capacity(draft.keywords.len());
    for (_, server, keyword) in draft.keywords {
        keywords.push((*servers.get(&server)?, given(keyword)?));
    }
    Some(Monitor {
        name: given(draft.name)?,
        keywords,
        trust: draft.trust.or(default::TRUST)?,
        when_unverifiable: draft.when_unverifiable.or(WhenUnverifiable::Hold)?,
        starts_on: draft.starts_on.or(StartsOn::Fatal)?,
        recovery: given(draft.recovery)?,
        target: optional(draft.target)?,
        deadline: draft.deadline.or(default::DEADLINE)?,
        tell_deadline: draft.tell_deadline.or(default::TELL_DEADLINE)?,
        wait_for_started: draft.wait_for_started.or(default::WAIT_FOR_STARTED)?,
        reset_deadline: draft.reset_deadline.or(default::RESET_DEADLINE)?,
        restart: draft.plan.restart.or(default::RESTART)?,
        failover: draft.plan.failover.or(default::FAILOVER)?,
        script: optional(draft.plan.script)?,
        final_action: draft.plan.final_action.or(FinalAction::None)?,
        final_action_on_address: draft.plan.final_action_on_address.or(false)?,
        after_failure: draft.plan.after_failure.or(AfterFailure::Ended)?,
        cool_down: draft.plan.cool_down.or(default::COOL_DOWN)?,
        budget: draft.plan.budget.or(default::BUDGET)?,
        budget_window: draft.plan.budget_window.or(default::BUDGET_WINDOW)?,
        rerun: draft.rerun.or(false)?,
        chassis_on_address: draft.chassis_on_address.or(false)?,
    })
}

/// CLUSTERPRO's alert log is written to where it is configured, and where it recovers.
fn site(draft: ClusterproDraft, monitors: &[Monitor]) -> Option<Option<Site>> {
    let wanted = draft.given || monitors.iter().any(|monitor| matches!(monitor.recovery, Recovery::Clusterpro(_)));
    let alert = draft.alert_used();
    draft.alert.or(None)?;
    let site = Site { alert, levels: draft.levels.or(LEVELS.map(str::to_owned))?, ids: draft.ids.or(true)? };
    Some(wanted.then_some(site))
}
