//! The simulated BMC's events as JSON: a stable name each, its fields, and the sentence that people read.

use crate::clock;
use bmcnotice::io::simulate::Happened;
use bmcnotice::sim::Event;
use serde_json::{Value, json};
use std::time::Duration;

/// One event.
pub fn happened(happened: &Happened) -> Value {
    let (name, fields) = named(&happened.event);
    let mut object = json!({
        "event": name,
        "time": clock::stamp(happened.at.wall),
        "boottime_us": micros(happened.at.boottime),
        "text": happened.event.to_string(),
    });
    if let (Value::Object(object), Value::Object(fields)) = (&mut object, fields) {
        object.extend(fields);
    }
    object
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn named(event: &Event) -> (&'static str, Value) {
    match event {
        Event::FaultDetected { sentence, record, fatal } => {
            ("fault_detected", json!({ "sentence": sentence, "sel_record": record, "fatal": fatal }))
        }
        Event::RecordWritten { record } => ("record_written", json!({ "sel_record": record })),
        Event::FaultCleared { sentence } => ("fault_cleared", json!({ "sentence": sentence })),
        Event::TrapSent { sequence, nth, of, to } => {
            ("trap_sent", json!({ "sequence": sequence, "nth": nth, "of": of, "to": to.to_string() }))
        }
        Event::TrapAcknowledged { sequence, by } => {
            ("trap_acknowledged", json!({ "sequence": sequence, "by": by.to_string() }))
        }
        Event::AcknowledgeUnmatched { sequence, by } => {
            ("acknowledge_unmatched", json!({ "sequence": sequence, "by": by.to_string() }))
        }
        Event::TrapGivenUp { sequence } => ("trap_given_up", json!({ "sequence": sequence })),
        Event::Armed { by } => ("armed", json!({ "by": by.to_string() })),
        Event::Disarmed { by } => ("disarmed", json!({ "by": by.to_string() })),
        Event::RecoveryStarted { by, after } => {
            ("recovery_started", json!({ "by": by.to_string(), "after_fault_us": after.map(micros) }))
        }
        Event::RecoveryEnded { by, outcome, after } => (
            "recovery_ended",
            json!({ "by": by.to_string(), "outcome": outcome.to_string(), "after_fault_us": after.map(micros) }),
        ),
        Event::Holding { patience } => ("holding", json!({ "patience_us": micros(*patience) })),
        Event::Joined => ("joined", json!({})),
        Event::PatienceOver => ("patience_over", json!({})),
        Event::ResetGivenUp => ("reset_given_up", json!({})),
        Event::Reset { cause } => ("reset", json!({ "cause": cause.to_string() })),
        Event::PowerOff => ("power_off", json!({})),
        Event::PowerOn => ("power_on", json!({})),
        Event::HostBooted => ("host_booted", json!({})),
        Event::Nmi => ("nmi", json!({})),
        Event::Identify => ("identify", json!({})),
        Event::WatchdogExpired { timer_use } => ("watchdog_expired", json!({ "timer_use": timer_use })),
        Event::SessionOpened { user, suite, from } => {
            ("session_opened", json!({ "user": user, "suite": suite, "from": from.to_string() }))
        }
        Event::SessionClosed { user, timed_out } => ("session_closed", json!({ "user": user, "timed_out": timed_out })),
        Event::LoginRefused { user, status, from } => {
            ("login_refused", json!({ "user": user, "status": status, "from": from.to_string() }))
        }
        Event::BmcRestarted => ("bmc_restarted", json!({})),
        Event::Command(entry) => (
            "command",
            json!({
                "netfn": entry.netfn, "command": entry.command, "data": crate::arguments::digits(&entry.data),
                "completion": entry.completion, "by": entry.caller.to_string(),
            }),
        ),
    }
}
