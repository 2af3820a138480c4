//! What the core tells, as the frozen values of the Python package.
//!
//! They are made by keyword, so that a name that differs between here and there raises at once.

use bmcnotice::config::finding::Finding;
use bmcnotice::heartbeat::mark::Vouched;
use bmcnotice::heartbeat::{Doubt, FedBy, Pulse, TakeOver, Verdict};
use bmcnotice::notice::DropReason;
use bmcnotice::now::Now;
use bmcnotice::wire::pet::Pet;
use bmcnotice::words::{Class, Guid, Level};
use bmcnotice::{Drill, DrillState, Notice, PeerStatus, Progress, Recover, Stage, Statistics};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDateTime, PyDict, PyList, PyMapping, PyMappingProxy, PyTzInfo};
use std::time::Duration;

/// Makes `bmcnotice.$module.$class(field=value, ...)`.
macro_rules! make {
    ($py:expr, $module:literal, $class:literal, { $($field:literal: $value:expr),* $(,)? }) => {{
        let fields = PyDict::new($py);
        $(fields.set_item($field, $value)?;)*
        $py.import(concat!("bmcnotice.", $module))?.getattr($class)?.call((), Some(&fields))
    }};
}

/// A member of one of the package's enums.
pub fn word<'py>(py: Python<'py>, class: &str, value: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("bmcnotice.words")?.getattr(class)?.call1((value,))
}

fn now<'py>(py: Python<'py>, now: Now) -> PyResult<Bound<'py, PyAny>> {
    let utc = PyTzInfo::utc(py)?.to_owned();
    make!(py, "values", "Now", {
        "boottime": now.boottime.as_secs_f64(),
        "wall": PyDateTime::from_timestamp(py, now.wall.as_secs_f64(), Some(&utc))?,
    })
}

fn guid<'py>(py: Python<'py>, guid: Guid) -> PyResult<Bound<'py, PyAny>> {
    let octets = PyDict::new(py);
    octets.set_item("bytes", PyBytes::new(py, &guid.0))?; // wire order, whatever the sender meant by it
    py.import("uuid")?.getattr("UUID")?.call((), Some(&octets))
}

fn pet<'py>(py: Python<'py>, pet: &Pet) -> PyResult<Bound<'py, PyAny>> {
    make!(py, "values", "Pet", {
        "sensor_type": pet.sensor_type,
        "event_type": pet.event_type,
        "offset": pet.offset,
        "deasserted": pet.deasserted,
        "guid": guid(py, pet.guid)?,
        "sequence": pet.sequence,
        "timestamp": pet.timestamp,
        "utc_offset": pet.utc_offset,
        "trap_source": pet.trap_source,
        "event_source": pet.event_source,
        "severity": pet.severity,
        "sensor_device": pet.sensor_device,
        "sensor_number": pet.sensor_number,
        "entity": pet.entity,
        "entity_instance": pet.entity_instance,
        "event_data": PyBytes::new(py, &pet.event_data),
        "language": pet.language,
        "manufacturer": pet.manufacturer,
        "system_id": pet.system_id,
    })
}

/// A notice of `server`.
pub fn notice<'py>(py: Python<'py>, notice: &Notice, server: &str) -> PyResult<Bound<'py, PyAny>> {
    let (degradation, predictive) = match notice.class {
        Class::Recoverable { degradation, predictive } => (degradation, predictive),
        Class::Fatal | Class::Cleared | Class::Info => (false, false),
    };
    make!(py, "values", "Notice", {
        "id": notice.id.0,
        "server": server,
        "class_": word(py, "Class", &notice.class.to_string())?,
        "degradation": degradation,
        "predictive": predictive,
        "trust": word(py, "Trust", &notice.trust.to_string())?,
        "source": (notice.source.ip().to_string(), notice.source.port()),
        "received": now(py, notice.received)?,
        "trap_oid": &*notice.trap_oid,
        "pet": notice.pet.as_ref().map(|event| pet(py, event)).transpose()?,
        "fault": notice.fault.map(|fault| fault.0),
        "region": &*notice.region,
        "sentence": &*notice.sentence,
    })
}

/// A recovery that is due.
pub fn recovery<'py>(py: Python<'py>, recover: &Recover) -> PyResult<Bound<'py, PyAny>> {
    make!(py, "values", "Recovery", {
        "token": recover.token,
        "record": recover.record,
        "monitor": &*recover.monitor,
        "server": &*recover.server,
        "target": &*recover.target,
        "action": word(py, "RecoveryAction", &recover.attempt.action.to_string())?,
        "attempt": recover.attempt.number,
        "notice": notice(py, &recover.notice, &recover.server)?,
        "deadline": recover.deadline.as_secs_f64(),
    })
}

/// As `logging` numbers it.
pub fn level(level: Level) -> u8 {
    match level {
        Level::Error => 40,
        Level::Warning => 30,
        Level::Info => 20,
        Level::Debug => 10,
    }
}

/// A step of a recovery.
pub fn progress<'py>(py: Python<'py>, progress: &Progress) -> PyResult<Bound<'py, PyAny>> {
    let stage = match progress.stage {
        Stage::Recorded { .. } => "recorded",
        Stage::Joined { .. } => "joined",
        Stage::Telling(_) => "telling",
        Stage::Told(_) => "told",
        Stage::Untold(..) => "untold",
        Stage::Recovering => "recovering",
        Stage::Answered(_) => "answered",
        Stage::Overrun => "overrun",
        Stage::Chassis(_) => "chassis",
        Stage::AwaitingReset => "awaiting_reset",
        Stage::Closed(_) => "closed",
        Stage::Remark(..) => "remark",
        Stage::Drill(..) => "drill",
    };
    make!(py, "values", "Progress", {
        "record": progress.record,
        "monitor": &*progress.monitor,
        "stage": word(py, "Stage", stage)?,
        "level": level(progress.stage.level()),
        "at": now(py, progress.at)?,
        "after": progress.after.as_secs_f64(),
        "text": progress.stage.to_string(),
    })
}

/// What the heartbeat says of one server.
pub fn peer<'py>(py: Python<'py>, peer: &PeerStatus) -> PyResult<Bound<'py, PyAny>> {
    let (verdict, doubt) = match peer.verdict {
        Verdict::Alive => ("alive", None),
        Verdict::Powered => ("powered", None),
        Verdict::Booting => ("booting", None),
        Verdict::Delayed => ("delayed", None),
        Verdict::Silent => ("silent", None),
        Verdict::Left => ("left", None),
        Verdict::Off => ("off", None),
        Verdict::Unknown(doubt) => ("unknown", Some(why(doubt))),
    };
    let (pulse, fed) = pulse(peer.pulse);
    make!(py, "values", "Peer", {
        "server": &*peer.server,
        "verdict": word(py, "Verdict", verdict)?,
        "doubt": doubt.map(|doubt| word(py, "Doubt", doubt)).transpose()?,
        "since": peer.since.as_secs_f64(),
        "heard": peer.heard.map(|heard| now(py, heard)).transpose()?,
        "restarts": peer.restarts,
        "power": peer.power,
        "pulse": word(py, "Pulse", pulse)?,
        "fed_by": fed.map(|(by, _)| word(py, "FedBy", by)).transpose()?,
        "fed_ago": fed.map(|(_, ago)| ago.as_secs_f64()),
        "round_trip": peer.round_trip.map(|took| took.as_secs_f64()),
        "misses": peer.misses,
        "own": peer.own,
    })
}

/// Its word, and where it is fed: by whom, and how long ago.
fn pulse(pulse: Pulse) -> (&'static str, Option<(&'static str, Duration)>) {
    match pulse {
        Pulse::Unread => ("unread", None),
        Pulse::Stopped => ("stopped", None),
        Pulse::Goodbye => ("goodbye", None),
        Pulse::Boot => ("boot", None),
        Pulse::Fed { ago, by: FedBy::Ours(Vouched::Library), good_for: _ } => ("fed", Some(("library", ago))),
        Pulse::Fed { ago, by: FedBy::Ours(Vouched::Application), good_for: _ } => ("fed", Some(("application", ago))),
        Pulse::Fed { ago, by: FedBy::Another, good_for: _ } => ("fed", Some(("another", ago))),
        Pulse::Expired => ("expired", None),
    }
}

/// May a server be taken over, and why.
pub fn take_over<'py>(py: Python<'py>, answer: TakeOver, why: &str) -> PyResult<Bound<'py, PyAny>> {
    let answer = match answer {
        TakeOver::No => "no",
        TakeOver::Yes => "yes",
        TakeOver::FenceFirst => "fence_first",
        TakeOver::NoAnswer => "no_answer",
    };
    make!(py, "values", "TakeOverAnswer", { "answer": word(py, "TakeOver", answer)?, "why": why })
}

fn why(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::NotAsked => "not_asked",
        Doubt::Silent => "silent",
        Doubt::Login => "login",
        Doubt::NoSlot => "no_slot",
        Doubt::Identity => "identity",
        Doubt::NoLogin => "no_login",
        Doubt::Malformed => "malformed",
        Doubt::Unproven => "unproven",
        Doubt::Elsewhere => "elsewhere",
    }
}

/// How a drill stands.
pub fn drill<'py>(py: Python<'py>, drill: &Drill) -> PyResult<Bound<'py, PyAny>> {
    let state = match drill.state {
        DrillState::Never => "never",
        DrillState::Running => "running",
        DrillState::Proven => "proven",
        DrillState::Failed => "failed",
    };
    let seconds = |after: Option<Duration>| after.map(|after| after.as_secs_f64());
    let utc = PyTzInfo::utc(py)?.to_owned();
    let proven = drill.proof.map(|(at, _)| PyDateTime::from_timestamp(py, at.as_secs_f64(), Some(&utc))).transpose()?;
    make!(py, "values", "Drill", {
        "number": drill.number,
        "state": word(py, "DrillState", state)?,
        "asked": seconds(drill.asked),
        "accepted": seconds(drill.accepted),
        "received": seconds(drill.received),
        "journalled": seconds(drill.journalled),
        "delivered": seconds(drill.delivered),
        "own_event": drill.own_event,
        "record": drill.record,
        "why": &drill.why,
        "proven_at": proven,
        "proven_in": drill.proof.map(|(_, proof)| f64::from(proof.took_ms) / 1000.0),
    })
}

/// Findings, in their order.
pub fn findings<'py>(py: Python<'py>, findings: &[Finding]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for finding in findings {
        let place = make!(py, "values", "Place", {
            "file": &finding.place.file,
            "line": finding.place.line,
            "column": finding.place.column,
        })?;
        list.append(make!(py, "values", "Finding", {
            "id": finding.id,
            "severity": word(py, "Severity", &finding.severity.to_string())?,
            "place": place,
            "subject": &finding.subject,
            "rule": finding.rule,
            "remedy": &finding.remedy,
        })?)?;
    }
    Ok(list)
}

/// Counters as a read-only mapping.
pub fn statistics<'py>(py: Python<'py>, statistics: &Statistics) -> PyResult<Bound<'py, PyMappingProxy>> {
    let drops = PyDict::new(py);
    for reason in DropReason::ALL {
        drops.set_item(reason.name(), statistics.dropped(reason))?;
    }
    let Statistics {
        datagrams,
        notices,
        repeats,
        drops: _,
        answers,
        estimated,
        filtered,
        overflowed,
        shed,
        queue_asked,
        queue_granted,
        acknowledged,
        recoveries,
        done,
        failed,
        told,
        untold,
        supported,
        contradicted,
        unanswerable,
        journal_failures,
        strangers,
        unsent,
        keepalives,
        keepalives_lost,
        probes,
        probes_missed,
        pulses_absurd,
        sleeps,
        undelivered,
    } = statistics;
    let all = PyDict::new(py);
    all.set_item("datagrams", datagrams)?;
    all.set_item("notices", notices)?;
    all.set_item("repeats", repeats)?;
    all.set_item("drops", frozen(drops)?)?;
    all.set_item("answers", answers)?;
    all.set_item("estimated", estimated)?;
    all.set_item("filtered", filtered)?;
    all.set_item("overflowed", overflowed)?;
    all.set_item("shed", shed)?;
    all.set_item("queue_asked", queue_asked)?;
    all.set_item("queue_granted", queue_granted)?;
    all.set_item("acknowledged", acknowledged)?;
    all.set_item("recoveries", recoveries)?;
    all.set_item("done", done)?;
    all.set_item("failed", failed)?;
    all.set_item("told", told)?;
    all.set_item("untold", untold)?;
    all.set_item("supported", supported)?;
    all.set_item("contradicted", contradicted)?;
    all.set_item("unanswerable", unanswerable)?;
    all.set_item("journal_failures", journal_failures)?;
    all.set_item("strangers", strangers)?;
    all.set_item("unsent", unsent)?;
    all.set_item("keepalives", keepalives)?;
    all.set_item("keepalives_lost", keepalives_lost)?;
    all.set_item("probes", probes)?;
    all.set_item("probes_missed", probes_missed)?;
    all.set_item("pulses_absurd", pulses_absurd)?;
    all.set_item("sleeps", sleeps)?;
    all.set_item("undelivered", undelivered)?;
    frozen(all)
}

fn frozen(dict: Bound<'_, PyDict>) -> PyResult<Bound<'_, PyMappingProxy>> {
    let py = dict.py();
    Ok(PyMappingProxy::new(py, dict.into_bound_py_any(py)?.cast::<PyMapping>()?))
}
