//! What an audit finds, and its verdict.
//!
//! Uses `config` for the severities, which mean the same in a configuration's findings.

pub use crate::config::finding::Severity;
use core::fmt;
use core::time::Duration;

/// One rule of the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// `BMCN-A...`; never reused. `docs/audit.md` has a paragraph on each.
    pub id: &'static str,
    /// How serious a breach is.
    pub severity: Severity,
    /// A breach keeps fatal notices from this monitor, some or all of them.
    pub blocks: bool,
    /// What is demanded.
    pub says: &'static str,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is broken.
    pub rule: &'static Rule,
    /// What was found.
    pub subject: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule: Rule { id, severity, says, .. }, subject, remedy } = self;
        write!(f, "{severity} {id}: {subject}. Rule: {says}. Remedy: {remedy}.")
    }
}

/// Whether a fatal notice would reach this monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaches {
    /// Nothing that the BMC told stands in the way.
    Yes,
    /// Some fatal events would not be told, or none.
    No,
    /// The BMC did not tell enough.
    Unknown,
}

impl fmt::Display for Reaches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        })
    }
}

/// What came of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// See the type.
    pub reaches: Reaches,
    /// Errors first, each severity in the order of the ids.
    pub findings: Vec<Finding>,
    /// How long the BMC may send one alert again; `None`: no destination is ours, or it does not say.
    pub retry_span: Option<Duration>,
}

impl Verdict {
    /// Findings of this severity.
    pub fn of(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.rule.severity == severity)
    }
}
