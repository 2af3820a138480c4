//! The words of the public interface that no stage below needs: options and errors.
//!
//! Uses `config` (its findings are the text of one error). C and Python translate these and nothing else.

use crate::config::finding::Finding;
use std::fmt;

/// Who does the work; fixed for a context's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The caller's thread, inside dispatch. Callbacks must not block.
    #[default]
    Loop,
    /// The library's thread. Callbacks run in dispatch and may block for minutes.
    Thread,
}

/// Why a call failed.
#[derive(Debug)]
pub enum Error {
    /// An argument is wrong, or the call does not fit now.
    Invalid(String),
    /// A struct has a part that this version does not know.
    TooBig,
    /// A dispatch is already running.
    Busy,
    /// This process is a forked child.
    Forked,
    /// The recovery that the token or record names is over, or never was.
    Stale,
    /// The configuration has errors; here is everything that was found.
    Config(Vec<Finding>),
    /// A defect was caught, with message and place; the engine was rebuilt, a retry can help.
    Panicked(String),
    /// A second defect was caught; free the context.
    Broken(String),
    /// The operating system refused, and what we were doing.
    Io(String, std::io::Error),
}

impl Error {
    /// An [`Error::Invalid`].
    pub fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid(what.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(what) => f.write_str(what),
            Self::TooBig => f.write_str("the struct is of a newer version"),
            Self::Busy => f.write_str("dispatch is running; it cannot be entered twice"),
            Self::Forked => f.write_str("the context belongs to the parent of this process"),
            Self::Stale => f.write_str("the recovery of this token or record is over, or never was"),
            Self::Config(findings) => {
                let mut between = "";
                for finding in findings {
                    write!(f, "{between}{finding}")?;
                    between = "\n";
                }
                Ok(())
            }
            Self::Panicked(report) => write!(f, "internal error, engine rebuilt: {report}"),
            Self::Broken(report) => write!(f, "internal error, context broken: {report}"),
            Self::Io(what, error) => write!(f, "{what}: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            _ => None,
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Io("the operating system refused".into(), error)
    }
}
