//! What a monitor's recovery does: `recovery`, its plan of attempts, the script before, and `[commands]`.
//!
//! Uses `reader` and `draft`.

use super::clusterpro;
use crate::config::clusterpro::Clusterpro;
use crate::config::draft::{CommandsDraft, Field, PlanDraft};
use crate::config::model::{AfterFailure, FinalAction, Pacemaker, Recovery, Script, Trigger};
use crate::config::reader::Reader;
use crate::config::report::{At, cut};
use crate::config::rules;
use crate::config::tree::{Node, Value};
use crate::config::values::{MAX_WORD, MAX_WORDS};
use core::ops::RangeInclusive;
use core::time::Duration;

/// Limit: the most attempts of one kind.
const MAX_ATTEMPTS: u8 = 9;
/// Limit: the longest name of a node attribute, in bytes.
const MAX_ATTRIBUTE: usize = 64;

const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(86_400);
const PAUSE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(30 * 86_400);

/// `"callback"`, `"pacemaker"`, `"clusterpro"`, `{ command = ["/path", "word"] }` or `{ pacemaker = { trigger = "auto" } }`.
pub(super) fn recovery(table: &mut Reader<'_, '_, '_>, bin: &str) -> Field<Recovery> {
    const REMEDY: &str = "write recovery = \"callback\", \"pacemaker\", \"clusterpro\" or recovery = { command = [\"/path/to/program\", \"argument\"] }";
    let at = table.at();
    let Some(Node { at: value_at, value }) = table.any("recovery") else {
        return table.required("recovery", Field::Absent(at), REMEDY);
    };
    let inner = match value {
        Value::Text(word) if word == "callback" => return Field::Given(value_at, Recovery::Callback),
        Value::Text(word) if word == "pacemaker" => {
            return Field::Given(value_at, Recovery::Pacemaker(Pacemaker::default()));
        }
        Value::Text(word) if word == "clusterpro" => {
            return through_clusterpro(clusterpro::recovery(table, value_at, None, bin), value_at);
        }
        Value::Text(word) => {
            table.add(&rules::WORD, value_at, &format!("recovery is \"{}\"", cut(&word)), REMEDY);
            return Field::Bad(value_at);
        }
        Value::Table(inner) => inner,
        Value::Broken => return Field::Bad(value_at),
        other => {
            table.add(&rules::TYPE, value_at, &format!("recovery is {}", other.kind()), REMEDY);
            return Field::Bad(value_at);
        }
    };
    let mut inner = Reader::new(inner, format!("{}, recovery", table.who), table.report);
    if let Field::Given(at, settings) = inner.table("pacemaker") {
        let settings = Reader::new(settings, inner.who.clone(), inner.report);
        let pacemaker = pacemaker(settings);
        inner.finish();
        return pacemaker.map_or(Field::Bad(at), |pacemaker| Field::Given(at, Recovery::Pacemaker(pacemaker)));
    }
    if let Some(node) = inner.any("clusterpro") {
        let recovery = clusterpro::recovery(&mut inner, value_at, Some(node), bin);
        inner.finish();
        return through_clusterpro(recovery, value_at);
    }
    let command = argv(&mut inner, "command");
    let command = inner.required("command", command, REMEDY);
    inner.finish();
    command.and_then(|_, words| Some(Recovery::Command(words)))
}

fn through_clusterpro(recovery: Option<Clusterpro>, at: At) -> Field<Recovery> {
    recovery.map_or(Field::Bad(at), |recovery| Field::Given(at, Recovery::Clusterpro(recovery)))
}

fn pacemaker(mut table: Reader<'_, '_, '_>) -> Option<Pacemaker> {
    let usual = Pacemaker::default();
    let words = [("auto", Trigger::Auto), ("health", Trigger::Health), ("standby", Trigger::Standby)];
    let trigger = table.word("trigger", &words);
    let attribute = table.text("attribute", MAX_ATTRIBUTE).and_then(|_, name| Some(name.into_owned()));
    let tools = table.path("tools");
    table.finish();
    Some(Pacemaker {
        trigger: trigger.or(usual.trigger)?,
        attribute: attribute.or(usual.attribute)?,
        tools: tools.or(usual.tools)?,
    })
}

/// A program's absolute path and its arguments.
pub(super) fn argv(table: &mut Reader<'_, '_, '_>, key: &'static str) -> Field<Vec<String>> {
    let words = table.list(key, "a list such as [\"/path/to/program\", \"argument\"]", |table, word| {
        let word = table.item_text(key, word);
        let word = word.and_then(|at, word| {
            if word.len() <= MAX_WORD && !word.contains('\0') {
                return Some(word.into_owned());
            }
            let remedy = format!("write at most {MAX_WORD} bytes without NUL");
            table.add(&rules::TEXT, at, &format!("a word of the {key} has {} bytes", word.len()), remedy);
            None
        });
        word.ok().cloned()
    });
    words.and_then(|at, words| {
        if !words.first().is_some_and(|path| path.starts_with('/')) {
            let remedy = "begin it with the whole path, from / on; a shell, if you need one, is written out too";
            table.add(&rules::COMMAND_PATH, at, &format!("the {key} does not begin with an absolute path"), remedy);
            return None;
        }
        if words.len() > MAX_WORDS {
            let remedy = format!("keep to {MAX_WORDS}; write the rest into a script");
            table.add(&rules::BOUNDS, at, &format!("the {key} has {} words", words.len()), remedy);
            return None;
        }
        Some(words)
    })
}

/// What a monitor says of attempts, holds and the final action.
pub(super) fn plan(table: &mut Reader<'_, '_, '_>) -> PlanDraft {
    let attempts = 0..=i64::from(MAX_ATTEMPTS);
    let actions = FinalAction::ALL.map(|action| (action.name(), action));
    PlanDraft {
        restart: table.integer("restart", attempts.clone()),
        failover: table.integer("failover", attempts),
        script: script(table),
        final_action: table.word("final_action", &actions),
        final_action_on_address: table.boolean("final_action_on_address"),
        after_failure: table.word("after_failure", &[("ended", AfterFailure::Ended), ("hold", AfterFailure::Hold)]),
        cool_down: table.duration("cool_down", PAUSE),
        budget: table.integer("budget", 1..=255),
        budget_window: table.duration("budget_window", PAUSE),
    }
}

/// `script = { command = [..], timeout = "30s", before = ["restart", "failover", "final"] }`.
fn script(table: &mut Reader<'_, '_, '_>) -> Field<Script> {
    const REMEDY: &str = "write script = { command = [\"/path/to/script\"], before = [\"failover\"] }";
    let (at, inner) = match table.table("script") {
        Field::Given(at, inner) => (at, inner),
        Field::Absent(at) => return Field::Absent(at),
        Field::Bad(at) => return Field::Bad(at),
    };
    let mut inner = Reader::new(inner, format!("{}, script", table.who), table.report);
    let command = argv(&mut inner, "command");
    let command = inner.required("command", command, REMEDY);
    let timeout = inner.duration("timeout", TIMEOUT);
    let before = inner.list("before", "a list such as [\"failover\", \"final\"]", before);
    inner.finish();
    let read = || {
        let before = before.or(vec![Before::Failover])?;
        Some(Script {
            command: command.ok()?.clone(),
            timeout: timeout.or(crate::config::draft::default::SCRIPT_TIMEOUT)?,
            before_restart: before.contains(&Before::Restart),
            before_failover: before.contains(&Before::Failover),
            before_final: before.contains(&Before::Final),
        })
    };
    read().map_or(Field::Bad(at), |script| Field::Given(at, script))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Restart,
    Failover,
    Final,
}

fn before<'a>(table: &mut Reader<'_, '_, 'a>, word: Node<'a>) -> Option<Before> {
    let word = table.item_text("before", word);
    let word = word.and_then(|at, word| match &*word {
        "restart" => Some(Before::Restart),
        "failover" => Some(Before::Failover),
        "final" => Some(Before::Final),
        other => {
            let subject = format!("before holds \"{}\"", cut(other));
            table.add(&rules::WORD, at, &subject, "write \"restart\", \"failover\" or \"final\"");
            None
        }
    });
    word.ok().copied()
}

/// `[commands]`: what the final actions run on this host.
pub(super) fn commands(root: &mut Reader<'_, '_, '_>, cluster_at: At) -> CommandsDraft {
    let every = |place: fn(At) -> Field<Vec<String>>, trigger: fn(At) -> Field<String>, at| CommandsDraft {
        stop_service: place(at),
        shutdown: place(at),
        reboot: place(at),
        sysrq_trigger: trigger(at),
    };
    match root.table("commands") {
        Field::Given(_, table) => {
            let mut table = Reader::new(table, "[commands]", root.report);
            let draft = CommandsDraft {
                stop_service: argv(&mut table, "stop_service"),
                shutdown: argv(&mut table, "shutdown"),
                reboot: argv(&mut table, "reboot"),
                sysrq_trigger: table.path("sysrq_trigger"),
            };
            table.finish();
            draft
        }
        Field::Absent(_) => every(Field::Absent, Field::Absent, cluster_at),
        Field::Bad(at) => every(Field::Bad, Field::Bad, at),
    }
}
