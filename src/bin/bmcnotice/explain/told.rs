//! What the flight recorder holds, explained, as the daemon tells it: the answer to `explain`. `docs/cli.md` promises
//! its fields.

use crate::arguments::digits;
use crate::clock::stamp;
use crate::control::protocol::VERSION;
use bmcnotice::engine::explain::{Explainer, Outcome, Passage};
use bmcnotice::notice::DropReason;
use bmcnotice::notice::recorder::{Fate, Recorded};
use serde_json::{Value, json};

/// The answer, newline included.
pub fn emit(explainer: &Explainer, flight: &[Recorded]) -> Vec<u8> {
    let datagrams: Vec<Value> = flight.iter().map(|one| recorded(explainer, one)).collect();
    let text = format!("{} datagrams are kept", datagrams.len());
    let value = json!({ "version": VERSION, "ok": true, "code": "done", "text": text, "datagrams": datagrams });
    format!("{value}\n").into_bytes()
}

fn recorded(explainer: &Explainer, one: &Recorded) -> Value {
    // A stranger is refused by its address alone, whatever it says.
    let strange = matches!(one.fate, Fate::Dropped(DropReason::ForeignSource));
    let mut steps = if one.length > one.octets.len() && !strange {
        let why = format!("the first {} octets of {} were kept: it is not judged again", one.octets.len(), one.length);
        vec![step("message", Outcome::Told, &why)]
    } else {
        steps(&explainer.explain(one.at, one.from, &one.octets))
    };
    let (fate, reason, notice) = match one.fate {
        Fate::Noticed { id, repeated: false } => ("notice", None, Some(id)),
        Fate::Noticed { id, repeated: true } => {
            let why = "it was received before: acknowledged again, and counted once";
            steps.push(step("duplicate", Outcome::Ended, why));
            ("repetition", None, Some(id))
        }
        Fate::Dropped(reason) => {
            let now = fate_of(&steps);
            if now != "dropped" && one.length == one.octets.len() {
                let why =
                    format!("it was dropped when it came ({reason}); by the configuration of now it would not be");
                steps.push(step("dropped", Outcome::Ended, &why));
            }
            ("dropped", Some(reason.name()), None)
        }
    };
    json!({
        "number": one.number,
        "time": stamp(one.at.wall),
        "wall_ms": u64::try_from(one.at.wall.as_millis()).unwrap_or(u64::MAX),
        "from": one.from.to_string(),
        "octets": one.length,
        "hex": digits(&one.octets),
        "fate": fate,
        "reason": reason,
        "notice": notice.map(|id| format!("{:016x}", id.0)),
        "steps": steps,
    })
}

/// The steps as JSON.
pub fn steps(way: &[Passage]) -> Vec<Value> {
    way.iter().map(|passage| step(&passage.step, passage.outcome, &passage.why)).collect()
}

fn step(name: &str, outcome: Outcome, why: &str) -> Value {
    let outcome = match outcome {
        Outcome::Passed => "passed",
        Outcome::Ended => "ended",
        Outcome::Told => "told",
    };
    json!({ "step": name, "outcome": outcome, "why": why })
}

/// What steps lead to: only what became a notice has one of that name.
pub fn fate_of(steps: &[Value]) -> &'static str {
    if steps.iter().any(|step| step["step"] == "notice") { "notice" } else { "dropped" }
}
