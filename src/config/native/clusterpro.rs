//! `[clusterpro]`, and the recovery `"clusterpro"` of a monitor: templates of CLUSTERPRO's commands.
//!
//! Uses `reader` and `draft`.

use crate::config::clusterpro::{
    ALERT, BIN, Clusterpro, FAILOVER, IN_ACTIONS, IN_ALERTS, LEVELS, STOP_SERVICE, Template,
};
use crate::config::draft::{ClusterproDraft, Field};
use crate::config::reader::Reader;
use crate::config::report::{At, cut};
use crate::config::rules;
use crate::config::tree::{Node, Table, Value};
use crate::config::values::{self, MAX_WORD, MAX_WORDS};

/// Limit: the longest address of another cluster, in bytes.
const MAX_ADDRESS: usize = 255;
/// Limit: the longest word of a level, in bytes.
const MAX_LEVEL: usize = 32;

/// `[clusterpro]`; without the table everything is absent.
pub(super) fn site(root: &mut Reader<'_, '_, '_>, at: At) -> ClusterproDraft {
    match root.table("clusterpro") {
        Field::Given(_, table) => {
            let mut table = Reader::new(table, "[clusterpro]", root.report);
            let bin = table.path("bin");
            let bin_used = bin.get_or(BIN.to_owned());
            let draft = ClusterproDraft {
                given: true,
                alert: alert(&mut table, &bin_used),
                levels: levels(&mut table),
                ids: table.boolean("ids"),
                mrw_suspended: table.boolean("mrw_suspended"),
                conf: table.path("conf"),
                bin,
            };
            table.finish();
            draft
        }
        Field::Absent(_) => ClusterproDraft::absent(at, false),
        Field::Bad(at) => {
            root.report.partial = true;
            ClusterproDraft::absent(at, true)
        }
    }
}

/// `clusterpro = { .. }` of a recovery; `"clusterpro"` alone is the same with nothing in it.
pub(super) fn recovery<'a>(
    table: &mut Reader<'_, '_, 'a>,
    at: At,
    node: Option<Node<'a>>,
    bin: &str,
) -> Option<Clusterpro> {
    let inner = match node {
        Some(node) => match table.as_table("clusterpro", node) {
            Field::Given(_, inner) => inner,
            Field::Absent(_) | Field::Bad(_) => return None,
        },
        None => Table::new(at),
    };
    let who = format!("{}, clusterpro", table.who);
    let mut table = Reader::new(inner, who, table.report);
    let failover = template(&mut table, "failover", IN_ACTIONS, bin);
    let restart = template(&mut table, "restart", IN_ACTIONS, bin);
    let stop_service = template(&mut table, "stop_service", IN_ACTIONS, bin);
    let verify = template(&mut table, "verify", IN_ACTIONS, bin);
    let address = table.text("address", MAX_ADDRESS).and_then(|_, text| Some(text.into_owned()));
    table.finish();
    Some(Clusterpro {
        failover: failover.or(shipped(FAILOVER, bin)?)?,
        restart: restart.and_then(|_, restart| Some(Some(restart))).or(None)?,
        stop_service: stop_service.or(shipped(STOP_SERVICE, bin)?)?,
        verify: verify.and_then(|_, verify| Some(Some(verify))).or(None)?,
        address: address.and_then(|_, address| Some(Some(address))).or(None)?,
    })
}

/// A template of ours.
pub(in crate::config) fn shipped(words: &[&str], bin: &str) -> Option<Template> {
    Template::new(words.iter().map(|&word| word.to_owned()).collect(), bin)
}

/// A command, or `false` for none.
fn alert(table: &mut Reader<'_, '_, '_>, bin: &str) -> Field<Option<Template>> {
    let at = table.at();
    match table.any("alert") {
        None => Field::Absent(at),
        Some(Node { at, value: Value::Boolean(false) }) => Field::Given(at, None),
        Some(node) => judge(table, "alert", node, IN_ALERTS, bin).and_then(|_, template| Some(Some(template))),
    }
}

fn levels(table: &mut Reader<'_, '_, '_>) -> Field<[String; 3]> {
    let list = table.list("levels", "three words such as [\"INFO\", \"WAR\", \"ERR\"]", |table, word| {
        table.item_text("levels", word).ok().map(|word| word.to_string())
    });
    list.and_then(|at, words| match <[String; 3]>::try_from(words) {
        Ok(words) if words.iter().all(|word| (1..=MAX_LEVEL).contains(&word.len()) && !word.contains('\0')) => {
            Some(words)
        }
        _ => {
            let remedy = format!("write three, for an information, a warning and an error: {LEVELS:?}");
            table.add(&rules::TEXT, at, "levels are not three words", remedy);
            None
        }
    })
}

fn template(table: &mut Reader<'_, '_, '_>, key: &'static str, known: &[&str], bin: &str) -> Field<Template> {
    let at = table.at();
    match table.any(key) {
        None => Field::Absent(at),
        Some(node) => judge(table, key, node, known, bin),
    }
}

/// Words, of which the first is a program and the others may have placeholders.
fn judge<'a>(table: &mut Reader<'_, '_, 'a>, key: &str, node: Node<'a>, known: &[&str], bin: &str) -> Field<Template> {
    let list = table.as_list(key, node, "a list such as [\"clpgrp\", \"-m\", \"{target}\"]");
    list.and_then(|at, list| {
        let count = list.len();
        if count == 0 || count > MAX_WORDS {
            let remedy = format!("write 1 to {MAX_WORDS}, the program first");
            table.add(&rules::BOUNDS, at, &format!("the command {key} has {count} words"), remedy);
            return None;
        }
        let mut words = Vec::with_capacity(count);
        for word in list {
            let word = table.item_text(key, word).and_then(|at, word| {
                if word.len() <= MAX_WORD && !word.contains('\0') {
                    return Some(word.into_owned());
                }
                let remedy = format!("write at most {MAX_WORD} bytes without NUL");
                table.add(&rules::TEXT, at, &format!("a word of {key} has {} bytes", word.len()), remedy);
                None
            });
            words.extend(word.ok().cloned());
        }
        let program = words.first().filter(|_| words.len() == count)?.clone();
        if program.is_empty() || program.contains('/') && !program.starts_with('/') || program.contains(['{', '}']) {
            let remedy = format!("begin it with a whole path, from / on, or with the name of a program in {bin}");
            table.add(&rules::COMMAND_PATH, at, &format!("{key} does not begin with a program's path"), remedy);
            return None;
        }
        let template = Template::new(words, bin)?;
        let mut sound = true;
        for name in template.placeholders().filter(|name| !known.contains(name)) {
            let list = known.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ");
            let remedy = match values::nearest(name, known) {
                Some(near) => format!("write {{{near}}}, if that is meant; {key} knows {list}"),
                None => format!("{key} knows {list}"),
            };
            table.add(&rules::PLACEHOLDER, at, &format!("{key} has {{{}}} in it", cut(name)), remedy);
            sound = false;
        }
        sound.then_some(template)
    })
}

impl ClusterproDraft {
    fn absent(at: At, bad: bool) -> Self {
        fn none<T>(at: At, bad: bool) -> Field<T> {
            if bad { Field::Bad(at) } else { Field::Absent(at) }
        }
        Self {
            given: false,
            bin: none(at, bad),
            alert: none(at, bad),
            levels: none(at, bad),
            ids: none(at, bad),
            mrw_suspended: none(at, bad),
            conf: none(at, bad),
        }
    }

    /// Where programs without a path are looked for.
    pub(in crate::config) fn bin_used(&self) -> String {
        self.bin.get_or(BIN.to_owned())
    }

    /// The alert command that will be used, if a monitor or the table makes one necessary.
    pub(in crate::config) fn alert_used(&self) -> Option<Template> {
        self.alert.get_or(shipped(ALERT, &self.bin_used()))
    }
}
