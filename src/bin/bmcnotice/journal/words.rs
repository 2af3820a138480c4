//! What a record's steps are called, what state they make, and how long they took.

use bmcnotice::bmc::evidence::shown;
use bmcnotice::config::model::{AfterEnded, FinalAction};
use bmcnotice::recovery::journal::{BootId, Closed, Hold, Record, Step, Taken};
use bmcnotice::words::{Answer, RecoveryAction};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// A step: its name in JSON, what it says more in JSON, and its words for people.
pub struct Named {
    pub name: &'static str,
    pub more: Map<String, Value>,
    pub words: String,
}

/// Names a step.
pub fn named(step: Step) -> Named {
    let plain = |name, words: &str| Named { name, more: Map::new(), words: words.into() };
    let with = |name, key: &str, value: Value, words: String| Named {
        name,
        more: Map::from_iter([(key.into(), value)]),
        words,
    };
    match step {
        Step::StartedSent => plain("started_sent", "recovery started goes out"),
        Step::StartedTold => plain("started_told", "the BMC understood started"),
        Step::StartedGivenUp => plain("started_given_up", "the BMC did not answer to started"),
        Step::Begun { run } => with(
            "begun",
            "run",
            json!(run),
            match run {
                0 | 1 => "the recovery begins".into(),
                again => format!("the recovery begins, run {again}"),
            },
        ),
        Step::Attempt(attempt) => {
            let name = action(attempt.action);
            let more = Map::from_iter([("action".into(), json!(name)), ("number".into(), json!(attempt.number))]);
            Named { name: "attempt", more, words: format!("attempt {} begins: {name}", attempt.number) }
        }
        Step::Answered(answer) => {
            let (name, words) = match answer {
                Answer::Done => ("done", "the recovery is done"),
                Answer::Failed => ("failed", "the recovery failed"),
                Answer::Later => ("later", "the recovery goes on"),
            };
            with("answered", "answer", json!(name), words.into())
        }
        Step::Abandoned => plain("abandoned", "abandoned: deadline over, or cancelled"),
        Step::Ending(outcome) => {
            with("ending", "outcome", json!(outcome.to_string()), format!("ended({outcome}) goes out"))
        }
        Step::EndedTold(outcome) => {
            with("ended_told", "outcome", json!(outcome.to_string()), format!("the BMC understood ended({outcome})"))
        }
        Step::EndedGivenUp(outcome) => with(
            "ended_given_up",
            "outcome",
            json!(outcome.to_string()),
            format!("the BMC did not answer to ended({outcome})"),
        ),
        Step::Chassis(command) => {
            let name = chassis(command);
            with("chassis", "command", json!(name), format!("chassis command goes out: {name}"))
        }
        Step::Final(action) => {
            let name = last(action);
            with("final", "action", json!(name), format!("final action goes out: {name}"))
        }
        Step::Withdrawn => plain("withdrawn", "what was set in the cluster is taken back"),
        Step::Asked(_) => plain("asked", "the BMC is asked whether its log has a record of this"),
        Step::Supported(record) => Named {
            name: "supported",
            more: Map::from_iter([
                ("sel_record".into(), json!(record.id())),
                ("sel_octets".into(), json!(octets(&record.0))),
            ]),
            words: format!("the BMC means it: its log has {}", shown(&record)),
        },
        Step::Unsupported(doubt) => with("unsupported", "reason", json!(doubt.name()), format!("no evidence: {doubt}")),
        Step::AwaitingReset => plain("awaiting_reset", "the reset is awaited"),
        Step::Held(hold) => {
            let (name, words) = held(hold);
            with("held", "reason", json!(name), format!("held: {words}"))
        }
        Step::Released => plain("released", "released by the operator"),
        Step::Joined { other, count } => Named {
            name: "joined",
            more: Map::from_iter([("other".into(), json!(other)), ("count".into(), json!(count))]),
            words: format!("record {other} joined, number {count}"),
        },
        Step::Acknowledged => plain("acknowledged", "the trap was acknowledged"),
        Step::Proven(proof) => {
            let weak = if proof.own_event { "" } else { ", by the BMC's own test alert" };
            let words = format!("a drill proved the path in {} ms{weak}", proof.took_ms);
            let more = [("took_ms", json!(proof.took_ms)), ("own_event", json!(proof.own_event))];
            Named {
                name: "proven",
                more: more.map(|(key, value)| (key.to_owned(), value)).into_iter().collect(),
                words,
            }
        }
        Step::Closed(reason) => {
            let (name, words) = closed(reason);
            with("closed", "reason", json!(name), format!("closed: {words}"))
        }
    }
}

fn action(action: RecoveryAction) -> &'static str {
    match action {
        RecoveryAction::Restart => "restart",
        RecoveryAction::Failover => "failover",
        RecoveryAction::StopService => "stop_service",
    }
}

fn last(action: FinalAction) -> &'static str {
    match action {
        FinalAction::None => "none",
        FinalAction::StopService => "stop_service",
        FinalAction::Shutdown => "shutdown",
        FinalAction::Reboot => "reboot",
        FinalAction::SysrqPanic => "sysrq_panic",
        FinalAction::BmcReset => "bmc_reset",
        FinalAction::BmcPowerOff => "bmc_power_off",
        FinalAction::BmcPowerCycle => "bmc_power_cycle",
        FinalAction::BmcNmi => "bmc_nmi",
    }
}

fn chassis(command: AfterEnded) -> &'static str {
    match command {
        AfterEnded::None => "none",
        AfterEnded::Bmc => "bmc",
        AfterEnded::PowerCycle => "power_cycle",
        AfterEnded::HardReset => "hard_reset",
        AfterEnded::PowerOff => "power_off",
        AfterEnded::Nmi => "nmi",
        AfterEnded::SoftOff => "soft_off",
    }
}

/// Why a recovery is held: in JSON, and for people.
pub fn held(hold: Hold) -> (&'static str, &'static str) {
    match hold {
        Hold::Contradicted => ("contradicted", "the BMC, asked, shows no such event"),
        Hold::Unverifiable => ("unverifiable", "the BMC could not be asked"),
        Hold::Maintenance => ("maintenance", "maintenance is on"),
        Hold::CoolDown => ("cool_down", "the last recovery is over only a moment ago"),
        Hold::Budget => ("budget", "as many recoveries have begun as may"),
        Hold::PeerRecovers => ("peer_recovers", "another server of the cluster recovers"),
        Hold::Failed => ("failed", "every attempt has failed"),
    }
}

/// Why a record is closed: in JSON, and for people.
pub fn closed(reason: Closed) -> (&'static str, &'static str) {
    match reason {
        Closed::Done => ("done", "the recovery was done"),
        Closed::Failed => ("failed", "the recovery failed"),
        Closed::Unknown => ("unknown", "nobody knows how the recovery ended"),
        Closed::Cleared => ("cleared", "the fault went away"),
        Closed::InterruptedByReset => ("interrupted_by_reset", "the host was reset before the recovery ended"),
        Closed::Superseded => ("superseded", "another record's recovery covers it"),
        Closed::Operator => ("operator", "the operator said so"),
    }
}

/// Where a record stands, in a word for a column and for scripts.
pub fn state(record: &Record, boot: BootId) -> &'static str {
    if record.monitor.is_none() {
        return "noted";
    }
    if let Some(reason) = record.closed() {
        return match reason {
            Closed::Done => "done",
            Closed::Failed => "FAILED",
            Closed::Unknown => "unknown",
            Closed::Cleared => "cleared",
            Closed::InterruptedByReset => "interrupted",
            Closed::Superseded => "joined",
            Closed::Operator => "cancelled",
        };
    }
    if !record.boot.is_same_as(boot) {
        return "CUT SHORT"; // the host has booted since: the next start closes it
    }
    // The newest step that moves a recovery on; acknowledgements and joined notices do not.
    let stands = record.find(|step| match step {
        Step::AwaitingReset => Some("awaiting reset"),
        Step::Held(_) => Some("HELD"),
        Step::Ending(_) | Step::EndedTold(_) | Step::EndedGivenUp(_) | Step::Chassis(_) => Some("ending"),
        Step::Begun { .. } | Step::Attempt(_) | Step::Answered(_) | Step::Abandoned | Step::Final(_) => {
            Some("recovering")
        }
        Step::StartedSent | Step::StartedTold | Step::StartedGivenUp => Some("started"),
        Step::Released => Some("released"),
        Step::Joined { .. }
        | Step::Acknowledged
        | Step::Asked(_)
        | Step::Supported(_)
        | Step::Unsupported(_)
        | Step::Proven(_)
        | Step::Withdrawn
        | Step::Closed(_) => None,
    });
    stands.unwrap_or("recorded")
}

/// How long the BMC took to understand *started*, the recovery to answer, the BMC to understand *ended*.
pub struct Took {
    pub started: Option<Duration>,
    pub recovery: Option<Duration>,
    pub ended: Option<Duration>,
}

/// How long the steps took, as far as both ends are known and lie in one boot.
pub fn took(record: &Record) -> Took {
    Took {
        started: between(
            record,
            |step| matches!(step, Step::StartedSent),
            |step| matches!(step, Step::StartedTold | Step::StartedGivenUp),
        ),
        recovery: between(
            record,
            |step| matches!(step, Step::Begun { .. }),
            |step| matches!(step, Step::Answered(Answer::Done | Answer::Failed) | Step::Abandoned),
        ),
        ended: between(
            record,
            |step| matches!(step, Step::Ending(_)),
            |step| matches!(step, Step::EndedTold(_) | Step::EndedGivenUp(_)),
        ),
    }
}

fn between(record: &Record, from: fn(Step) -> bool, to: fn(Step) -> bool) -> Option<Duration> {
    let newest = |pick: fn(Step) -> bool| record.steps().iter().rev().find(|taken| pick(taken.step));
    let (from, to): (&Taken, &Taken) = (newest(from)?, newest(to)?);
    let same = from.boot.is_same_as(to.boot);
    same.then(|| to.at.boottime.checked_sub(from.at.boottime)).flatten()
}

/// How long, in a few characters.
pub fn short(took: Option<Duration>) -> String {
    match took {
        None => "-".into(),
        Some(took) if took < Duration::from_secs(1) => format!("{} ms", took.as_millis()),
        Some(took) if took < Duration::from_secs(100) => format!("{:.1} s", took.as_secs_f64()),
        Some(took) => format!("{} s", took.as_secs()),
    }
}

fn octets(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// What a stranger may have written, fit for a terminal: no control characters.
pub fn safe(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
