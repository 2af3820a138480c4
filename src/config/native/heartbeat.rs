//! `[heartbeat]`, and what is asked of one BMC.
//!
//! Uses `reader` and `draft`.

use crate::config::draft::{Field, HeartbeatDraft, Placed};
use crate::config::model::Probes;
use crate::config::reader::Reader;
use crate::config::report::{At, cut};
use crate::config::rules;
use crate::config::tree::{Node, Value};
use core::ops::RangeInclusive;
use core::time::Duration;

/// The shortest and the longest heartbeat interval and timeout.
const HEARTBEAT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);
/// Between two feedings of the pulse: what is fed more often cannot be read, and more rarely says nothing.
const PERIOD: RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_secs(600);
/// Percent of the time-out.
const WARNING: RangeInclusive<i64> = 1..=99;

pub(super) fn read(root: &mut Reader<'_, '_, '_>, cluster_at: At) -> HeartbeatDraft {
    match root.table("heartbeat") {
        Field::Given(_, table) => {
            let mut table = Reader::new(table, "[heartbeat]", root.report);
            let lan = lan(&mut table);
            let bmc = table.boolean("bmc");
            let (interval, timeout) = (table.duration("interval", HEARTBEAT), table.duration("timeout", HEARTBEAT));
            let draft = HeartbeatDraft {
                lan,
                bmc,
                interval,
                timeout,
                warning: table.integer("warning", WARNING),
                pulse: table.boolean("pulse"),
                pulse_period: table.duration("pulse_period", PERIOD),
                by_application: table.word("vouch", &[("library", false), ("application", true)]),
                vouch_within: table.duration("vouch_within", HEARTBEAT),
                watchers: watchers(&mut table),
                node_attributes: table.boolean("node_attributes"),
            };
            table.finish();
            draft
        }
        Field::Absent(_) => nothing(cluster_at, false),
        Field::Bad(at) => nothing(at, true),
    }
}

/// A table that is not there, or is no table.
fn nothing(at: At, bad: bool) -> HeartbeatDraft {
    fn field<T>(at: At, bad: bool) -> Field<T> {
        if bad { Field::Bad(at) } else { Field::Absent(at) }
    }
    HeartbeatDraft {
        lan: field(at, bad),
        bmc: field(at, bad),
        interval: field(at, bad),
        timeout: field(at, bad),
        warning: field(at, bad),
        pulse: field(at, bad),
        pulse_period: field(at, bad),
        by_application: field(at, bad),
        vouch_within: field(at, bad),
        watchers: field(at, bad),
        node_attributes: field(at, bad),
    }
}

fn watchers(table: &mut Reader<'_, '_, '_>) -> Field<Vec<Placed<String>>> {
    table.list("watchers", "a list such as [\"server1\", \"server2\"]", |reader, item| {
        match reader.item_text("watchers", item) {
            Field::Given(at, name) => Some((at, name.into_owned())),
            Field::Absent(_) | Field::Bad(_) => None,
        }
    })
}

const PROBES: &[&str] = &["asf", "capabilities", "power", "pulse"];

/// What is asked of one BMC, by the names of the questions.
pub(super) fn probes(table: &mut Reader<'_, '_, '_>) -> Field<Probes> {
    let wanted = "a list such as [\"power\", \"pulse\"]";
    let names = table.list("probes", wanted, |reader, item| {
        let Field::Given(at, name) = reader.item_text("probes", item) else { return None };
        let known = PROBES.iter().find(|known| **known == name).copied();
        if known.is_none() {
            let subject = format!("probes holds \"{}\"", cut(&name));
            reader.add(&rules::WORD, at, &subject, "write some of \"asf\", \"capabilities\", \"power\", \"pulse\"");
        }
        known
    });
    names.and_then(|at, names| {
        if names.is_empty() {
            table.add(&rules::WORD, at, "probes is empty", "name at least one, or write bmc = false in [heartbeat]");
            return None;
        }
        let has = |name| names.contains(&name);
        Some(Probes { asf: has("asf"), capabilities: has("capabilities"), power: has("power"), pulse: has("pulse") })
    })
}

/// `true`, or the names of the LAN heartbeats.
fn lan(table: &mut Reader<'_, '_, '_>) -> Field<bool> {
    let at = table.at();
    let Some(Node { at: value_at, value }) = table.any("lan") else { return Field::Absent(at) };
    match value {
        Value::Boolean(lan) => Field::Given(value_at, lan),
        Value::List(names) => {
            let any = !names.is_empty();
            let wrong = names.into_iter().map(|name| table.item_text("lan", name)).any(|name| name.ok().is_none());
            if wrong { Field::Bad(value_at) } else { Field::Given(value_at, any) }
        }
        Value::Broken => Field::Bad(value_at),
        other => {
            let remedy = "write true, or their names as [\"lanhb1\", \"lanhb2\"]";
            table.add(&rules::TYPE, value_at, &format!("lan is {}", other.kind()), remedy);
            Field::Bad(value_at)
        }
    }
}
