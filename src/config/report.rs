//! Collects findings, and turns places into lines and columns at the end.
//!
//! Uses `finding` and `rules`.

use super::finding::{Finding, MAX_FINDINGS, Place, Rule, Severity};
use super::rules;

/// A place, before lines are counted: which source (0 the file, n the nth value set by a call), which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct At {
    pub(super) source: usize,
    pub(super) offset: usize,
}

/// Collects findings and turns places into lines and columns.
pub(super) struct Report<'a> {
    text: &'a str,
    file: &'a str,
    overrides: &'a [(String, String)],
    /// Part of the text could not be read: breaches that are absences are not reported.
    pub(super) partial: bool,
    /// Errors, and what is none: a thousand warnings hide no error.
    errors: Vec<Said>,
    lesser: Vec<Said>,
}

type Said = (At, &'static Rule, String, String);

impl<'a> Report<'a> {
    pub(super) fn new(text: &'a str, file: &'a str, overrides: &'a [(String, String)]) -> Self {
        Self { text, file, overrides, partial: false, errors: Vec::new(), lesser: Vec::new() }
    }

    /// Whether nothing more is kept.
    pub(super) fn is_full(&self) -> bool {
        self.errors.len() > MAX_FINDINGS
    }

    pub(super) fn add(&mut self, rule: &'static Rule, at: At, subject: impl Into<String>, remedy: impl Into<String>) {
        let kept = if rule.severity < Severity::Error { &mut self.lesser } else { &mut self.errors };
        if rule.absence && self.partial || kept.len() > MAX_FINDINGS {
            return;
        }
        kept.push((at, rule, subject.into(), remedy.into()));
    }

    /// In the order of the text, values set by calls last.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        let more = match (self.is_full(), self.errors.len() + self.lesser.len() > MAX_FINDINGS) {
            (true, _) => Some((&rules::TRUNCATED, "there are more findings than these")),
            (false, true) => Some((&rules::MORE, "there are more findings than these, and no error among them")),
            (false, false) => None,
        };
        let mut found = self.errors;
        found.append(&mut self.lesser);
        found.truncate(MAX_FINDINGS);
        found.sort_by_key(|(at, rule, ..)| (*at, rule.id));
        if let Some((rule, subject)) = more {
            let at = found.last().map_or(At::default(), |last| last.0);
            found.push((at, rule, subject.to_owned(), "mend the findings above and check again".to_owned()));
        }
        let mut cursor = Cursor { text: self.text, offset: 0, line: 1, column: 1 };
        let (file, overrides) = (self.file, self.overrides);
        let place = |at: At| match at.source {
            0 => {
                let (line, column) = cursor.advance(at.offset);
                Place { file: file.to_owned(), line, column }
            }
            n => {
                Place { file: overrides.get(n - 1).map_or_else(String::new, |(path, _)| cut(path)), line: 0, column: 0 }
            }
        };
        let places: Vec<Place> = found.iter().map(|found| found.0).map(place).collect();
        let made = found.into_iter().zip(places).map(|((_, rule, subject, remedy), place)| {
            let Rule { id, severity, says, .. } = *rule;
            Finding { id, severity, place, subject, rule: says, remedy }
        });
        made.collect()
    }
}

/// Counts lines once, front to back: findings come in the order of the text.
struct Cursor<'a> {
    text: &'a str,
    offset: usize,
    line: u32,
    column: u32,
}

impl Cursor<'_> {
    fn advance(&mut self, to: usize) -> (u32, u32) {
        for (at, c) in self.text.get(self.offset..).unwrap_or_default().char_indices() {
            if self.offset + at >= to {
                self.offset += at;
                return (self.line, self.column);
            }
            (self.line, self.column) = if c == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
        }
        self.offset = self.text.len();
        (self.line, self.column)
    }
}

/// What a finding shows of a value that may be long.
pub(super) fn cut(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = text.chars().take(SHOWN).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}
