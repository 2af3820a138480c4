//! The journal as JSON; `docs/cli.md` promises these fields.

use super::found::File;
use super::words::{closed, named, state, took};
use crate::arguments::digits;
use crate::clock::stamp;
use bmcnotice::now::Now;
use bmcnotice::recovery::journal::{BootId, Record};
use bmcnotice::words::Class;
use serde_json::{Value, json};
use std::time::Duration;

/// One file.
pub fn file(file: &File) -> Value {
    json!({
        "event": "file",
        "path": file.path.display().to_string(),
        "octets": file.octets,
        "cut_off": file.more,
        "torn_tail": file.replay.torn_tail,
        "damaged": file.replay.corrupt,
        "unknown": file.replay.unknown,
        "later": file.replay.later,
        "orphans": file.replay.orphans,
        "dropped": file.replay.dropped,
        "records": file.replay.records().count(),
    })
}

/// One record with all its steps.
pub fn record(record: &Record, boot: BootId) -> Value {
    let mut steps: Vec<Value> = Vec::new();
    for taken in record.steps() {
        let said = named(taken.step);
        let mut step = said.more;
        step.insert("step".into(), said.name.into());
        time(&mut step, taken.at, taken.boot);
        steps.push(step.into());
    }
    let took = took(record);
    let ms = |time: Option<Duration>| time.map(|time| time.as_millis() as u64); // written from 64 bits of milliseconds
    let notice = &record.notice;
    let (degradation, predictive) = match notice.class {
        Class::Recoverable { degradation, predictive } => (degradation, predictive),
        Class::Fatal | Class::Cleared | Class::Info => (false, false),
    };
    let mut value = json!({
        "event": "record",
        "record": record.id.serial(),
        "this_boot": record.boot.is_same_as(boot),
        "server": &*record.server,
        "monitor": record.monitor.as_deref(),
        "state": state(record, boot).to_lowercase(),
        "open": record.is_open(),
        "closed": record.closed().map(|reason| closed(reason).0),
        "runs": record.runs(),
        "joined": record.joined(),
        "notice_id": format!("{:016x}", notice.id.0),
        "class": notice.class.to_string(),
        "degradation": degradation,
        "predictive": predictive,
        "trust": notice.trust.to_string(),
        "source": notice.source.to_string(),
        "trap_oid": &*notice.trap_oid,
        "region": &*notice.region,
        "sentence": &*notice.sentence,
        "took_ms": { "started": ms(took.started), "recovery": ms(took.recovery), "ended": ms(took.ended) },
        "steps": steps,
    });
    if let Value::Object(fields) = &mut value {
        time(fields, record.at, record.boot);
    }
    value
}

/// When: for people, and as it is written.
fn time(fields: &mut serde_json::Map<String, Value>, at: Now, boot: BootId) {
    fields.insert("time".into(), stamp(at.wall).into());
    fields.insert("wall_ms".into(), (at.wall.as_millis() as u64).into());
    fields.insert("boottime_ms".into(), (at.boottime.as_millis() as u64).into());
    fields.insert("boot".into(), digits(&boot.0).into());
}
