//! TOML as a tree in which everything knows its place.
//!
//! Uses `report`, `rules` and the `toml` crate. Strings borrow from the text, so that a secret is copied only
//! into the `Secret` that wipes it (one written with escapes moves there).

use super::report::{At, Report, cut};
use super::rules;
use core::ops::Range;
use std::borrow::Cow;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Limit: the longest text, in bytes.
pub const MAX_TEXT: usize = 8 << 20;
/// Limit: the deepest nesting of tables and lists.
pub const MAX_DEPTH: usize = 8;
/// Limit: the longest list, in items; tables of tables have limits of their own.
pub const MAX_LIST: usize = 128;

pub(super) struct Node<'a> {
    pub(super) at: At,
    pub(super) value: Value<'a>,
}

pub(super) enum Value<'a> {
    Text(Cow<'a, str>),
    /// `None`: beyond 64 bits.
    Integer(Option<i64>),
    Boolean(bool),
    List(Vec<Node<'a>>),
    Table(Table<'a>),
    /// A float or a date: no key takes one.
    Other(&'static str),
    /// Not read, and said so already.
    Broken,
}

pub(super) struct Table<'a> {
    pub(super) at: At,
    pub(super) entries: Vec<Entry<'a>>,
}

pub(super) struct Entry<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) at: At,
    pub(super) node: Node<'a>,
}

impl<'a> Table<'a> {
    pub(super) fn new(at: At) -> Self {
        Self { at, entries: Vec::new() }
    }

    /// Takes a key's entry away; what is left at the end is unknown.
    pub(super) fn take(&mut self, key: &str) -> Option<Entry<'a>> {
        self.entries.iter().position(|entry| entry.key == key).map(|at| self.entries.remove(at))
    }
}

impl Value<'_> {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "an integer",
            Self::Boolean(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
            Self::Broken => "nothing that can be read",
        }
    }
}

/// Reads the text. Never fails: what cannot be read is a finding, and missing from the tree.
pub(super) fn read<'a>(text: &'a str, report: &mut Report<'_>) -> Table<'a> {
    let mut root = Table::new(At::default());
    if text.len() > MAX_TEXT {
        let subject = format!("the text has {} bytes", text.len());
        report.add(&rules::BOUNDS, At::default(), subject, format!("keep it within {MAX_TEXT} bytes"));
        report.partial = true;
        return root;
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut broken = Vec::new();
    for error in errors {
        if report.is_full() {
            break; // nothing that is found behind it is said either
        }
        let at = At { source: 0, offset: error.span().map_or(0, |span| span.start) };
        let subject = format!("not TOML: {}", cut(error.message()));
        report.add(&rules::SYNTAX, at, subject, "mend this line; texts and paths go in \"quotes\"");
        report.partial = true;
        broken.push(at.offset);
    }
    broken.sort_unstable();
    root.entries = entries(&Origin { source: 0, broken }, table.into_inner(), 1, report);
    root
}

fn entries<'a>(origin: &Origin, table: DeTable<'a>, depth: usize, report: &mut Report<'_>) -> Vec<Entry<'a>> {
    let made = table.into_iter().map(|(key, value)| Entry {
        at: At { source: origin.source, offset: key.span().start },
        key: key.into_inner(),
        node: node(origin, value, depth, report),
    });
    let mut made: Vec<Entry<'a>> = made.collect();
    made.sort_by_key(|entry| entry.at);
    made
}

/// Where a tree comes from.
pub(super) struct Origin {
    /// See [`At`].
    pub(super) source: usize,
    /// Where errors of syntax are, sorted: the parser goes on with a guess at such a value.
    pub(super) broken: Vec<usize>,
}

impl Origin {
    fn is_broken(&self, span: &Range<usize>) -> bool {
        let next = self.broken.partition_point(|error| *error < span.start);
        self.broken.get(next).is_some_and(|error| *error <= span.end)
    }
}

fn is_table(item: &Spanned<DeValue<'_>>) -> bool {
    matches!(item.get_ref(), DeValue::Table(_))
}

/// The value at `depth`, the root being 0.
pub(super) fn node<'a>(
    origin: &Origin,
    value: Spanned<DeValue<'a>>,
    depth: usize,
    report: &mut Report<'_>,
) -> Node<'a> {
    let span = value.span();
    let at = At { source: origin.source, offset: span.start };
    if depth > MAX_DEPTH {
        let subject = format!("tables and lists are nested more than {MAX_DEPTH} deep");
        report.add(&rules::BOUNDS, at, subject, "no key needs this; take the inner ones away");
        report.partial = true;
        return Node { at, value: Value::Broken };
    }
    let whole = matches!(value.get_ref(), DeValue::Array(_) | DeValue::Table(_));
    if !whole && origin.is_broken(&span) {
        return Node { at, value: Value::Broken };
    }
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text),
        // The parser puts a zero of no extent where it could not read a value.
        DeValue::Integer(_) if span.is_empty() => Value::Broken,
        DeValue::Integer(integer) => Value::Integer(i64::from_str_radix(integer.as_str(), integer.radix()).ok()),
        DeValue::Boolean(boolean) => Value::Boolean(boolean),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(list) if list.len() > MAX_LIST && !list.iter().all(is_table) => {
            let subject = format!("the list has {} items", list.len());
            report.add(&rules::BOUNDS, at, subject, format!("no list takes more than {MAX_LIST}"));
            report.partial = true;
            Value::Broken
        }
        DeValue::Array(list) => {
            Value::List(list.into_iter().map(|item| node(origin, item, depth + 1, report)).collect())
        }
        DeValue::Table(table) => Value::Table(Table { at, entries: entries(origin, table, depth + 1, report) }),
    };
    Node { at, value }
}
