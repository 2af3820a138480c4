//! Values set by calls, laid over what the file says.
//!
//! Uses `tree`, `report`, `rules`. The C and Python interfaces set values so; each has its dotted path for a place.

use super::report::{At, Report, cut};
use super::rules;
use super::tree::{Entry, MAX_DEPTH, Node, Origin, Table, Value, node};
use std::borrow::Cow;
use toml::de::DeValue;

/// Limit: the longest value set by a call, its path included, in bytes.
pub const MAX_OVERRIDE: usize = 16 << 10;

/// Limit: the most values set by calls.
pub const MAX_OVERRIDES: usize = 4096;

const REMEDY: &str =
    "write a path like heartbeat.interval or server.server1.bmc.address; a name with dots goes in \"quotes\"";

/// Lays all values over the tree, in their order. Never fails: what leads nowhere is a finding.
pub(super) fn lay_over<'a>(root: &mut Table<'a>, overrides: &'a [(String, String)], report: &mut Report<'_>) {
    if overrides.len() > MAX_OVERRIDES {
        let subject = format!("{} values were set by calls", overrides.len());
        let remedy = format!("set at most {MAX_OVERRIDES} by calls, write the others in a file");
        report.add(&rules::BOUNDS, At::default(), subject, remedy);
    }
    for (n, (path, text)) in overrides.iter().take(MAX_OVERRIDES).enumerate() {
        lay_one(root, n + 1, path, text, report);
    }
}

/// Lays one value over the tree. In `server.NAME.key`, `monitor.NAME.key` and `user.NAME.key` the name chooses among the tables of the
/// list; one that is not there yet is made, so that a cluster can be described by calls alone.
fn lay_one<'a>(root: &mut Table<'a>, source: usize, path: &'a str, text: &'a str, report: &mut Report<'_>) {
    let at = At { source, offset: 0 };
    if path.len() + text.len() > MAX_OVERRIDE {
        let subject = format!("{} and its value have {} bytes", cut(path), path.len() + text.len());
        return report.add(&rules::BOUNDS, at, subject, format!("keep them under {MAX_OVERRIDE} bytes"));
    }
    let Some(steps) = steps(path) else {
        return report.add(&rules::OVERRIDE, at, format!("{} is not a path", cut(path)), REMEDY);
    };
    let (value, errors) = DeValue::parse_recoverable(text);
    if let Some(error) = errors.first() {
        // The message says what was expected; it does not quote the value, which may be a secret.
        let subject = format!("the value of {} is not a TOML value: {}", cut(path), cut(error.message()));
        report.partial = true;
        return report.add(
            &rules::SYNTAX,
            at,
            subject,
            "write a text in \"quotes\", a number, true, false or a [list]",
        );
    }
    let mut value = node(&Origin { source, broken: Vec::new() }, value, steps.len(), report);
    flatten(&mut value, at);
    if choose(root, &steps, at, value).is_none() {
        report.add(&rules::OVERRIDE, at, format!("{} leads through a value that is no table", cut(path)), REMEDY);
    }
}

/// A value set by a call has one place, whatever its parts.
fn flatten(node: &mut Node<'_>, at: At) {
    node.at = at;
    match &mut node.value {
        Value::List(list) => list.iter_mut().for_each(|item| flatten(item, at)),
        Value::Table(table) => {
            table.at = at;
            for entry in &mut table.entries {
                entry.at = at;
                flatten(&mut entry.node, at);
            }
        }
        Value::Text(_) | Value::Integer(_) | Value::Boolean(_) | Value::Other(_) | Value::Broken => {}
    }
}

/// The steps of a dotted path; each is bare or in double quotes without escapes. `None`: it is no path.
fn steps(path: &str) -> Option<Vec<&str>> {
    let mut steps = Vec::new();
    let mut rest = path;
    loop {
        let (step, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        if step.is_empty() || steps.len() == MAX_DEPTH {
            return None;
        }
        steps.push(step);
        if after.is_empty() {
            return Some(steps);
        }
        rest = after.strip_prefix('.')?;
    }
}

/// Rows of `server`, `monitor` and `user` are chosen by name. `None`: the way leads through a value that is no table.
fn choose<'a>(root: &mut Table<'a>, steps: &[&'a str], at: At, value: Node<'a>) -> Option<()> {
    let [list @ ("server" | "monitor" | "user"), name, rest @ ..] = steps else { return put(root, steps, at, value) };
    let Value::List(rows) = &mut entry(root, list, at, Value::List(Vec::new())).value else { return None };
    let row = match rows.iter().position(|row| is_named(row, name)) {
        Some(row) => row,
        None => {
            rows.push(Node { at, value: Value::Table(Table::new(at)) });
            rows.len() - 1
        }
    };
    let row = rows.get_mut(row)?;
    if rest.is_empty() {
        *row = value;
    } else if let Value::Table(table) = &mut row.value {
        put(table, rest, at, value)?;
    }
    let Value::Table(table) = &mut row.value else { return None };
    entry(table, "name", at, Value::Text(Cow::Borrowed(name)));
    Some(())
}

fn is_named(row: &Node<'_>, name: &str) -> bool {
    let Value::Table(table) = &row.value else { return false };
    table
        .entries
        .iter()
        .any(|entry| entry.key == "name" && matches!(&entry.node.value, Value::Text(text) if text == name))
}

fn put<'a>(table: &mut Table<'a>, steps: &[&'a str], at: At, value: Node<'a>) -> Option<()> {
    match steps {
        [] => None,
        [last] => {
            table.take(last);
            table.entries.push(Entry { key: Cow::Borrowed(last), at, node: value });
            Some(())
        }
        [first, rest @ ..] => match &mut entry(table, first, at, Value::Table(Table::new(at))).value {
            Value::Table(inner) => put(inner, rest, at, value),
            Value::Text(_)
            | Value::Integer(_)
            | Value::Boolean(_)
            | Value::List(_)
            | Value::Other(_)
            | Value::Broken => None,
        },
    }
}

/// A key's value, made if it is not there.
fn entry<'t, 'a>(table: &'t mut Table<'a>, key: &'a str, at: At, value: Value<'a>) -> &'t mut Node<'a> {
    let place = match table.entries.iter().position(|entry| entry.key == key) {
        Some(place) => place,
        None => {
            table.entries.push(Entry { key: Cow::Borrowed(key), at, node: Node { at, value } });
            table.entries.len() - 1
        }
    };
    &mut table.entries[place].node
}
