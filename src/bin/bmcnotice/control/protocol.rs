//! What is said on the control socket: one line of JSON each way. `docs/cli.md` describes it.

use bmcnotice::config::finding::{Finding, Severity};
use bmcnotice::{Drill, DrillState, Error, Reload};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of both lines; a daemon refuses another one in words.
pub const VERSION: u64 = 1;
/// Limit: octets of a request, its newline included.
pub const MAX_REQUEST: usize = 4096;
/// Limit: octets of an answer, its newline included.
pub const MAX_ANSWER: usize = 64 * 1024;
/// Limit: the same for `status`, which tells of every server.
pub const MAX_STATUS: usize = 32 * 1024 * 1024;
/// Limit: the same for `explain`, which tells of every datagram that the flight recorder holds.
pub const MAX_EXPLAIN: usize = 4 * 1024 * 1024;

/// The socket of the daemon whose hot folder this is.
pub fn socket(hot: &Path) -> PathBuf {
    hot.join("control")
}

/// What the daemon is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// A held recovery may go on.
    Release(u64),
    /// A recovery is ended, as failed.
    Cancel(u64),
    /// The fault is over.
    Clear(u64),
    /// Recoveries are held, or not any more; none: is asked.
    Maintenance(Option<bool>),
    /// The configuration is read again.
    Reload,
    /// A drill begins.
    Drill,
    /// How does it stand?
    DrillStatus,
    /// Everything that is known.
    Status,
    /// What was received last, and what became of it.
    Explain,
}

impl Request {
    /// As a line.
    pub fn emit(self) -> String {
        let value = match self {
            Self::Release(record) => json!({ "version": VERSION, "command": "release", "record": record }),
            Self::Cancel(record) => json!({ "version": VERSION, "command": "cancel", "record": record }),
            Self::Clear(record) => json!({ "version": VERSION, "command": "clear", "record": record }),
            Self::Maintenance(None) => json!({ "version": VERSION, "command": "maintenance" }),
            Self::Maintenance(Some(on)) => json!({ "version": VERSION, "command": "maintenance", "on": on }),
            Self::Reload => json!({ "version": VERSION, "command": "reload" }),
            Self::Drill => json!({ "version": VERSION, "command": "drill" }),
            Self::DrillStatus => json!({ "version": VERSION, "command": "drill_status" }),
            Self::Status => json!({ "version": VERSION, "command": "status" }),
            Self::Explain => json!({ "version": VERSION, "command": "explain" }),
        };
        format!("{value}\n")
    }

    /// Octets of its answer, its newline included.
    pub fn most(self) -> usize {
        match self {
            Self::Status => MAX_STATUS,
            Self::Explain => MAX_EXPLAIN,
            Self::Release(_)
            | Self::Cancel(_)
            | Self::Clear(_)
            | Self::Maintenance(_)
            | Self::Reload
            | Self::Drill
            | Self::DrillStatus => MAX_ANSWER,
        }
    }

    /// Whether something may be otherwise when it is done.
    pub fn orders(self) -> bool {
        match self {
            Self::Release(_)
            | Self::Cancel(_)
            | Self::Clear(_)
            | Self::Maintenance(Some(_))
            | Self::Reload
            | Self::Drill => true,
            Self::Maintenance(None) | Self::DrillStatus | Self::Status | Self::Explain => false,
        }
    }

    /// From a line of anybody's making; an error says what is wrong with it.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(line).map_err(|_| "the request is no line of JSON")?;
        if value["version"].as_u64() != Some(VERSION) {
            return Err(format!("the request is not of version {VERSION}, which is all that this daemon speaks"));
        }
        let record = || value["record"].as_u64().ok_or("\"record\" is the number of a record");
        Ok(match value["command"].as_str() {
            Some("release") => Self::Release(record()?),
            Some("cancel") => Self::Cancel(record()?),
            Some("clear") => Self::Clear(record()?),
            Some("maintenance") => match &value["on"] {
                Value::Null => Self::Maintenance(None),
                Value::Bool(on) => Self::Maintenance(Some(*on)),
                _ => return Err("\"on\" is true or false".into()),
            },
            Some("reload") => Self::Reload,
            Some("drill") => Self::Drill,
            Some("drill_status") => Self::DrillStatus,
            Some("status") => Self::Status,
            Some("explain") => Self::Explain,
            Some(_) | None => {
                let known = "release, cancel, clear, maintenance, reload, drill, drill_status, status or explain";
                return Err(format!("\"command\" is {known}"));
            }
        })
    }
}

/// Who does what is asked.
pub trait Hands {
    /// See [`Request`].
    fn release(&self, record: u64) -> Result<(), Error>;
    /// See [`Request`].
    fn cancel(&self, record: u64) -> Result<(), Error>;
    /// See [`Request`].
    fn clear(&self, record: u64) -> Result<(), Error>;
    /// Whether recoveries are held.
    fn maintenance(&self) -> Result<bool, Error>;
    /// See [`Request`].
    fn set_maintenance(&self, on: bool) -> Result<(), Error>;
    /// See [`Request`].
    fn reload(&self) -> Result<Reload, Error>;
    /// See [`Request`].
    fn drill(&self) -> Result<(), Error>;
    /// See [`Request`].
    fn drill_status(&self) -> Result<Drill, Error>;
    /// See [`Request`]; the whole answer, newline included.
    fn status(&self) -> Result<Vec<u8>, Error>;
    /// See [`Request`]; the whole answer, newline included.
    fn explain(&self) -> Result<Vec<u8>, Error>;
}

/// Does it, and says how it went: a line.
pub fn answer(request: Result<Request, String>, hands: &dyn Hands) -> Vec<u8> {
    let said = |ok: bool, code: &str, text: String| json!({ "version": VERSION, "ok": ok, "code": code, "text": text });
    let done = |result: Result<(), Error>, text: String| result.map(|()| said(true, "done", text));
    let outcome = match request {
        Err(why) => Ok(said(false, "wrong", why)),
        Ok(Request::Release(record)) => done(hands.release(record), format!("record {record} is released")),
        Ok(Request::Cancel(record)) => done(hands.cancel(record), format!("record {record} is cancelled")),
        Ok(Request::Clear(record)) => done(hands.clear(record), format!("the fault of record {record} is over")),
        Ok(Request::Maintenance(on)) => {
            let set = on.map_or(Ok(()), |on| hands.set_maintenance(on));
            set.and_then(|()| hands.maintenance()).map(|on| {
                let text = if on { "maintenance is on: recoveries are held" } else { "maintenance is off" };
                let mut value = said(true, "done", text.into());
                value["maintenance"] = on.into();
                value
            })
        }
        Ok(Request::Drill) => done(hands.drill(), "the BMC is asked for a test alert".into()),
        Ok(Request::Status | Request::Explain) => {
            let explain = request == Ok(Request::Explain);
            let (told, most) = if explain { (hands.explain(), MAX_EXPLAIN) } else { (hands.status(), MAX_STATUS) };
            match told {
                Ok(line) if line.len() <= most => return line,
                Ok(_) => Ok(said(false, "failed", "there is more to tell than fits into an answer".into())),
                Err(error) => Err(error),
            }
        }
        Ok(Request::DrillStatus) => hands.drill_status().map(|drill| {
            let mut value = said(true, "done", drill.why.clone());
            value["drill"] = told(&drill);
            value
        }),
        Ok(Request::Reload) => hands.reload().map(|reload| match reload {
            Reload::Done => said(true, "done", "the configuration was reloaded".into()),
            Reload::Later => {
                said(true, "later", "the configuration is sound, and holds as soon as no recovery is under way".into())
            }
        }),
    };
    let value = outcome.unwrap_or_else(|error| refusal(&error));
    let line = format!("{value}\n");
    if line.len() <= MAX_ANSWER {
        return line.into_bytes();
    }
    let short = value["text"].as_str().unwrap_or_default();
    let short = &short[..short.floor_char_boundary(MAX_REQUEST)];
    let code = value["code"].as_str().unwrap_or_default();
    format!("{}\n", said(false, code, format!("{short} (more in the daemon's log)"))).into_bytes()
}

/// How a drill stands, as JSON; `docs/cli.md` promises these fields.
pub fn told(drill: &Drill) -> Value {
    let state = match drill.state {
        DrillState::Never => "never",
        DrillState::Running => "running",
        DrillState::Proven => "proven",
        DrillState::Failed => "failed",
    };
    let us = |after: Option<Duration>| after.map(|after| u64::try_from(after.as_micros()).unwrap_or(u64::MAX));
    json!({
        "number": drill.number,
        "state": state,
        "asked_us": us(drill.asked),
        "accepted_us": us(drill.accepted),
        "received_us": us(drill.received),
        "journalled_us": us(drill.journalled),
        "delivered_us": us(drill.delivered),
        "own_event": drill.own_event,
        "record": drill.record,
        "why": drill.why,
        "proven_at_ms": drill.proof.map(|(at, _)| u64::try_from(at.as_millis()).unwrap_or(u64::MAX)),
        "proven_in_ms": drill.proof.map(|(_, proof)| proof.took_ms),
    })
}

fn refusal(error: &Error) -> Value {
    let code = match error {
        Error::Config(_) => "wrong",
        Error::Invalid(_) | Error::Stale => "no",
        Error::TooBig | Error::Busy | Error::Forked | Error::Panicked(_) | Error::Broken(_) | Error::Io(..) => "failed",
    };
    let mut value = json!({ "version": VERSION, "ok": false, "code": code, "text": error.to_string() });
    if let Error::Config(findings) = error {
        let wrong = |finding: &&Finding| finding.severity == Severity::Error;
        let lines: Vec<String> = findings.iter().filter(wrong).map(ToString::to_string).collect();
        value["text"] = "the configuration has errors; nothing was changed".into();
        value["findings"] = lines.into();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_survive_the_way_and_others_are_refused_in_words() {
        for request in [
            Request::Release(7),
            Request::Cancel(u64::MAX),
            Request::Clear(0),
            Request::Maintenance(None),
            Request::Maintenance(Some(true)),
            Request::Reload,
            Request::Drill,
            Request::DrillStatus,
            Request::Status,
            Request::Explain,
        ] {
            assert_eq!(Request::parse(request.emit().as_bytes()), Ok(request));
        }
        for (line, word) in [
            ("", "JSON"),
            ("[[[", "JSON"),
            ("{}", "version"),
            (r#"{"version":2,"command":"reload"}"#, "version"),
            (r#"{"version":1,"command":"dance"}"#, "command"),
            (r#"{"version":1,"command":"release"}"#, "record"),
            (r#"{"version":1,"command":"release","record":-1}"#, "record"),
            (r#"{"version":1,"command":"maintenance","on":"yes"}"#, "on"),
        ] {
            assert!(Request::parse(line.as_bytes()).unwrap_err().contains(word), "{line}");
        }
        assert!(Request::parse(&b"[".repeat(MAX_REQUEST)).is_err(), "nested too deeply");
    }
}
