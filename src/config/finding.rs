//! What is wrong with a configuration, and what to do about it.
//!
//! Uses nothing. A finding never carries a secret: readers put no value of a secret key into its text.

use core::fmt;

/// Limit: at most so many findings are kept, errors before all others; the last one then says that there are more.
pub const MAX_FINDINGS: usize = 500;

/// Whether a finding stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// It will run, and someone should look.
    Warning,
    /// It does not run like this.
    Error,
}

/// One rule of the catalogue: stable id, severity, and the rule itself in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// `BMCN-C...`; never reused. `docs/findings.md` has a paragraph on each.
    pub id: &'static str,
    /// How serious a breach is.
    pub severity: Severity,
    /// What is demanded.
    pub says: &'static str,
    /// Whether a breach is that something is not there. Such a breach is not reported while part of the
    /// text cannot be read: what is missed may well stand in that part.
    pub absence: bool,
}

/// Where in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file's name as the caller gave it, or the dotted path of a value set by a call.
    pub file: String,
    /// From 1; 0: a value set by a call, which has no line.
    pub line: u32,
    /// In characters, from 1; 0 with `line` 0.
    pub column: u32,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's id.
    pub id: &'static str,
    /// The rule's severity.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// What was found, about whom.
    pub subject: String,
    /// The rule that it breaks.
    pub rule: &'static str,
    /// What to write or to do.
    pub remedy: String,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}:{}", self.file, self.column),
        }
    }
}

/// One line: `place: severity id: subject. Rule. Remedy.`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, severity, place, subject, rule, remedy } = self;
        write!(f, "{place}: {severity} {id}: {subject}. Rule: {rule}. Remedy: {remedy}.")
    }
}
