//! A plan: changes to a BMC's settings, each as it is and as it shall be, and what cannot be done.
//!
//! Values. `wanted` makes them, `write` carries them out.

use crate::wire::ipmi::Request;
use core::fmt;

/// What the operator asks for beside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Take reset, power off, power cycle and NMI out of filters of fatal events.
    pub alert_only: bool,
    /// Use this destination, whatever stands there.
    pub destination: Option<u8>,
}

/// Which "set in progress" covers a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// LAN parameters.
    Lan,
    /// The channel's access: no such thing.
    Channel,
    /// PEF parameters.
    Pef,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where it belongs.
    pub section: Section,
    /// Of what.
    pub what: String,
    /// What the BMC told.
    pub from: String,
    /// What is to be written.
    pub to: String,
    /// How.
    pub request: Request,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.what, self.from, self.to)
    }
}

/// What to do, and what cannot be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order in which they are written.
    pub changes: Vec<Change>,
    /// What would be wanted, and why it cannot be.
    pub cannot: Vec<String>,
    /// What is changed only on request, in words.
    pub on_request: Vec<String>,
}

impl Plan {
    /// Adds a change.
    pub(super) fn change(
        &mut self,
        section: Section,
        what: String,
        from: impl fmt::Display,
        to: impl fmt::Display,
        request: Request,
    ) {
        self.changes.push(Change { section, what, from: from.to_string(), to: to.to_string(), request });
    }

    /// Adds what cannot be done.
    pub(super) fn cannot(&mut self, why: impl Into<String>) {
        self.cannot.push(why.into());
    }
}
