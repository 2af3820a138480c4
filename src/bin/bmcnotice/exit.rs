//! How a command ends: the numbers are a promise (`docs/cli.md`), and errors go to stderr in plain words.

use crate::out::{self, Out};
use bmcnotice::Error;
use bmcnotice::config::finding::{Finding, Severity};
use std::process::ExitCode;

/// A command's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: it failed.
    Failed,
    /// 2: the configuration or the command line is wrong.
    Wrong,
    /// 3: it worked, and the answer is no.
    No,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Wrong => 2,
            Exit::No => 3,
        })
    }
}

impl Exit {
    /// The same, unless what was to be read could not be written: a full disk is a failure.
    pub fn after(self, out: &Out) -> Self {
        let Some(error) = out.refusal() else { return self };
        complain(format_args!("cannot write the output: {error}"), "");
        if self == Self::Done { Self::Failed } else { self }
    }
}

/// Says what went wrong and what to do about it.
pub fn complain(what: impl std::fmt::Display, remedy: &str) {
    out::error(format_args!("bmcnotice: {what}"));
    if !remedy.is_empty() {
        out::error(format_args!("  {remedy}"));
    }
}

/// The same for an error of the library.
pub fn report(error: &Error) -> Exit {
    match error {
        Error::Config(findings) => {
            for finding in findings.iter().filter(|finding| finding.severity == Severity::Error) {
                tell(finding);
            }
            Exit::Wrong
        }
        error => {
            complain(error, "");
            Exit::Failed
        }
    }
}

/// One finding on stderr.
pub fn tell(finding: &Finding) {
    out::error(format_args!("{finding}"));
}
