//! Takes the keys of one table, each with its type and range; what nobody took is unknown.
//!
//! Uses `tree`, `draft`, `values`, `report` and `rules`. Values of secret keys never reach a finding's text.

use crate::config::draft::{Field, Placed};
use crate::config::finding::Rule;
use crate::config::report::{At, Report, cut};
use crate::config::rules;
use crate::config::tree::{Entry, Node, Table, Value};
use crate::config::values;
use core::net::{IpAddr, SocketAddr};
use core::ops::RangeInclusive;
use core::time::Duration;
use std::borrow::Cow;

/// One table being read. Every key is asked for once; then [`Reader::finish`].
pub(super) struct Reader<'r, 'f, 'a> {
    table: Table<'a>,
    /// Whose table this is, in the words of a finding: "server server1".
    pub(super) who: String,
    asked: Vec<&'static str>,
    pub(super) report: &'r mut Report<'f>,
}

impl<'r, 'f, 'a> Reader<'r, 'f, 'a> {
    pub(super) fn new(table: Table<'a>, who: impl Into<String>, report: &'r mut Report<'f>) -> Self {
        Self { table, who: who.into(), asked: Vec::new(), report }
    }

    pub(super) fn at(&self) -> At {
        self.table.at
    }

    pub(super) fn add(&mut self, rule: &'static Rule, at: At, subject: &str, remedy: impl Into<String>) {
        let subject = format!("{}: {subject}", self.who);
        self.report.add(rule, at, subject, remedy);
    }

    fn take(&mut self, key: &'static str) -> Option<Entry<'a>> {
        self.asked.push(key);
        self.table.take(key)
    }

    /// Takes whatever keys are left: tables whose keys are names.
    pub(super) fn rest(&mut self) -> Vec<Entry<'a>> {
        core::mem::take(&mut self.table.entries)
    }

    /// Says which keys nobody knows.
    pub(super) fn finish(mut self) {
        for entry in self.rest() {
            let remedy = match values::nearest(&entry.key, &self.asked) {
                Some(near) => format!("write {near}, if that is meant, or take the line away"),
                None => format!("take it away; known here: {}", self.asked.join(", ")),
            };
            self.add(&rules::UNKNOWN_KEY, entry.at, &format!("there is no key {}", cut(&entry.key)), remedy);
        }
    }

    fn field<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        read: impl FnOnce(Value<'a>) -> Result<T, Value<'a>>,
    ) -> Field<T> {
        let Some(entry) = self.take(key) else { return Field::Absent(self.table.at) };
        self.typed(key, entry.node, wanted, read)
    }

    fn typed<T>(
        &mut self,
        key: &str,
        node: Node<'a>,
        wanted: &str,
        read: impl FnOnce(Value<'a>) -> Result<T, Value<'a>>,
    ) -> Field<T> {
        let at = node.at;
        match read(node.value) {
            Ok(value) => Field::Given(at, value),
            Err(Value::Broken) => Field::Bad(at),
            Err(other) => {
                self.add(&rules::TYPE, at, &format!("{key} is {}", other.kind()), format!("write {wanted}"));
                Field::Bad(at)
            }
        }
    }

    /// Reports a value that is well typed and wrong in itself.
    fn wrong<T>(&mut self, rule: &'static Rule, at: At, subject: &str, remedy: impl Into<String>) -> Option<T> {
        self.add(rule, at, subject, remedy);
        None
    }

    /// Says that a key without a default is missing.
    pub(super) fn required<T>(&mut self, key: &str, field: Field<T>, remedy: &str) -> Field<T> {
        if field.is_absent() {
            self.add(&rules::MISSING, field.at(), &format!("{key} is missing"), remedy);
            return Field::Bad(field.at());
        }
        field
    }

    /// A text as it stands. Shows its length alone.
    pub(super) fn text(&mut self, key: &'static str, max: usize) -> Field<Cow<'a, str>> {
        let field = self.field(key, "a text in \"quotes\"", text);
        field.and_then(|at, text| {
            if text.is_empty() || text.len() > max || text.contains('\0') {
                let subject = format!(
                    "{key} has {} bytes{}",
                    text.len(),
                    if text.contains('\0') { ", a NUL among them" } else { "" }
                );
                return self.wrong(&rules::TEXT, at, &subject, format!("write 1 to {max} bytes without NUL"));
            }
            Some(text)
        })
    }

    pub(super) fn name(&mut self, key: &'static str) -> Field<String> {
        let field = self.field(key, "a name in \"quotes\"", text);
        field.and_then(|at, name| {
            if !values::is_name(&name) {
                let subject = format!("{key} is not a name: {}", cut(&name));
                return self.wrong(
                    &rules::NAME,
                    at,
                    &subject,
                    "write 1 to 255 bytes, no quotes and no control characters",
                );
            }
            Some(name.into_owned())
        })
    }

    /// One of the key's words.
    pub(super) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Field<T> {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let field = self.field(key, &format!("one of {}", quoted(&known)), text);
        field.and_then(|at, given| {
            if let Some((_, value)) = words.iter().find(|(word, _)| *word == given) {
                return Some(*value);
            }
            let remedy = match values::nearest(&given, &known) {
                Some(near) => format!("write \"{near}\", if that is meant; known are {}", quoted(&known)),
                None => format!("write one of {}", quoted(&known)),
            };
            self.wrong(&rules::WORD, at, &format!("{key} is \"{}\"", cut(&given)), remedy)
        })
    }

    pub(super) fn boolean(&mut self, key: &'static str) -> Field<bool> {
        self.field(key, "true or false", |value| match value {
            Value::Boolean(boolean) => Ok(boolean),
            other => Err(other),
        })
    }

    pub(super) fn integer<T: TryFrom<i64>>(&mut self, key: &'static str, range: RangeInclusive<i64>) -> Field<T> {
        let field = self.field(key, "a whole number", |value| match value {
            Value::Integer(integer) => Ok(integer),
            other => Err(other),
        });
        field.and_then(|at, integer| self.in_range(key, at, integer, &range))
    }

    fn in_range<T: TryFrom<i64>>(
        &mut self,
        key: &str,
        at: At,
        integer: Option<i64>,
        range: &RangeInclusive<i64>,
    ) -> Option<T> {
        if let Some(value) = integer.filter(|value| range.contains(value)).and_then(|value| T::try_from(value).ok()) {
            return Some(value);
        }
        let given = integer.map_or_else(|| "beyond all measure".to_owned(), |value| format!("{value} ({value:#x})"));
        let (low, high) = (range.start(), range.end());
        let remedy = format!("write a number from {low} to {high} ({low:#x} to {high:#x})");
        self.wrong(&rules::RANGE, at, &format!("{key} is {given}"), remedy)
    }

    pub(super) fn duration(&mut self, key: &'static str, range: RangeInclusive<Duration>) -> Field<Duration> {
        let field = self.field(key, "a duration in \"quotes\", such as \"90s\"", text);
        field.and_then(|at, given| {
            let read = values::duration(&given);
            if let Some(duration) = read.filter(|duration| range.contains(duration)) {
                return Some(duration);
            }
            let (low, high) = (values::written(*range.start()), values::written(*range.end()));
            let remedy = format!("write a duration from {low} to {high}, such as \"90s\"");
            self.wrong(&rules::DURATION, at, &format!("{key} is \"{}\"", cut(&given)), remedy)
        })
    }

    pub(super) fn address(&mut self, key: &'static str, default_port: u16) -> Field<SocketAddr> {
        let field = self.field(key, "an address in \"quotes\"", text);
        field.and_then(|at, given| match values::address(&given, default_port) {
            Some(address) => Some(address),
            None => {
                let remedy = format!("write one such as \"192.168.0.11\" or \"[fd00::11]:{default_port}\"");
                self.wrong(&rules::ADDRESS, at, &format!("{key} is \"{}\"", cut(&given)), remedy)
            }
        })
    }

    /// A list whose items are read one by one; one that is wrong spoils the whole.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        mut read: impl FnMut(&mut Self, Node<'a>) -> Option<T>,
    ) -> Field<Vec<T>> {
        let field = self.field(key, wanted, |value| match value {
            Value::List(list) => Ok(list),
            other => Err(other),
        });
        field.and_then(|_, list| {
            let count = list.len();
            let items: Vec<T> = list.into_iter().filter_map(|item| read(self, item)).collect();
            (items.len() == count).then_some(items)
        })
    }

    pub(super) fn ips(&mut self, key: &'static str) -> Field<Vec<Placed<IpAddr>>> {
        self.list(key, "a list such as [\"192.168.0.1\"]", |reader, item| {
            let field = reader.typed(key, item, "an address in \"quotes\"", text);
            let field = field.and_then(|at, given| match values::ip(&given) {
                Some(ip) => Some((at, ip)),
                None => {
                    let remedy = "write an address without a port, such as \"192.168.0.1\" or \"fd00::1\"";
                    reader.wrong(&rules::ADDRESS, at, &format!("{key} holds \"{}\"", cut(&given)), remedy)
                }
            });
            field.ok().copied()
        })
    }

    pub(super) fn octets(&mut self, key: &'static str) -> Field<Vec<Placed<u8>>> {
        self.list(key, "a list such as [17, 3]", |reader, item| {
            let at = item.at;
            reader.octet(key, item).map(|octet| (at, octet))
        })
    }

    pub(super) fn octet(&mut self, key: &str, item: Node<'a>) -> Option<u8> {
        let field = self.typed(key, item, "numbers from 0 to 255 in the list", |value| match value {
            Value::Integer(integer) => Ok(integer),
            other => Err(other),
        });
        field.and_then(|at, integer| self.in_range::<u8>(key, at, integer, &(0..=255))).ok().copied()
    }

    pub(super) fn item_text(&mut self, key: &str, item: Node<'a>) -> Field<Cow<'a, str>> {
        self.typed(key, item, "texts in \"quotes\" in the list", text)
    }

    /// A value of several types, for the caller to sort out.
    pub(super) fn any(&mut self, key: &'static str) -> Option<Node<'a>> {
        self.take(key).map(|entry| entry.node)
    }

    pub(super) fn table(&mut self, key: &'static str) -> Field<Table<'a>> {
        let Some(entry) = self.take(key) else { return Field::Absent(self.table.at) };
        self.as_table(key, entry.node)
    }

    pub(super) fn as_list(&mut self, key: &str, node: Node<'a>, wanted: &str) -> Field<Vec<Node<'a>>> {
        self.typed(key, node, wanted, |value| match value {
            Value::List(list) => Ok(list),
            other => Err(other),
        })
    }

    pub(super) fn as_table(&mut self, key: &str, node: Node<'a>) -> Field<Table<'a>> {
        self.typed(key, node, &format!("a table, as [{key}] or {{ .. }}"), |value| match value {
            Value::Table(table) => Ok(table),
            other => Err(other),
        })
    }

    /// `[[key]]`: one table a row.
    pub(super) fn rows(&mut self, key: &'static str, max: usize) -> Field<Vec<Table<'a>>> {
        let wanted = format!("one [[{key}]] table, in double brackets, for each");
        let field = self.field(key, &wanted, |value| match value {
            Value::List(list) => Ok(list),
            other => Err(other),
        });
        field.and_then(|at, rows| {
            if rows.len() > max {
                let subject = format!("there are {} [[{key}]] tables", rows.len());
                self.add(&rules::TOO_MANY, at, &subject, format!("keep to {max}, or make two clusters of it"));
            }
            let rows = rows.into_iter().take(max);
            Some(
                rows.filter_map(|row| match self.as_table(key, row) {
                    Field::Given(_, table) => Some(table),
                    Field::Absent(_) | Field::Bad(_) => None,
                })
                .collect(),
            )
        })
    }

    /// A text that names a file: an absolute path.
    pub(super) fn path(&mut self, key: &'static str) -> Field<String> {
        self.text(key, MAX_PATH).and_then(|at, path| self.absolute(key, at, path))
    }

    /// Shows nothing of what was written: it may be a password in the wrong key.
    pub(super) fn absolute(&mut self, key: &str, at: At, path: Cow<'a, str>) -> Option<String> {
        if path.starts_with('/') && !path.contains('\0') && path.len() <= MAX_PATH {
            return Some(path.into_owned());
        }
        self.wrong(
            &rules::FOLDER_PATH,
            at,
            &format!("{key} is not an absolute path"),
            "write the whole path, from / on",
        )
    }
}

/// Limit: the longest path, in bytes (PATH_MAX of Linux, its NUL taken off).
const MAX_PATH: usize = 4095;

pub(super) fn text(value: Value<'_>) -> Result<Cow<'_, str>, Value<'_>> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(other),
    }
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    quoted.join(", ")
}
