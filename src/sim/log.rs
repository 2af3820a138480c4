//! The raw-command log: who said which command, and what was answered.
//!
//! For tests, for the vendors' kit and for people who look for the fault in their setup. Bounded.

use crate::now::Now;
use core::fmt;
use core::net::SocketAddr;
use std::collections::VecDeque;

/// The log keeps so many of the newest commands, unless the options say fewer.
pub const LOG_MAX: usize = 1024;

/// Who gave a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Channel: 1 LAN, Fh the system interface (in-band).
    pub channel: u8,
    /// From where, over LAN.
    pub from: Option<SocketAddr>,
    /// The session's user; none outside a session and in-band.
    pub user: Option<String>,
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.user, self.from) {
            (Some(user), Some(from)) => write!(f, "{user} at {from}"),
            (None, Some(from)) => write!(f, "{from}, no session"),
            (Some(user), None) => write!(f, "{user}"),
            (None, None) => f.write_str("the host itself"),
        }
    }
}

/// One command and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it came.
    pub at: Now,
    /// Who gave it.
    pub caller: Caller,
    /// Network function of the request.
    pub netfn: u8,
    /// Command.
    pub command: u8,
    /// Data of the request.
    pub data: Vec<u8>,
    /// Completion code of the answer.
    pub completion: u8,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}h/{:02X}h [", self.netfn, self.command)?;
        for (i, octet) in self.data.iter().enumerate() {
            write!(f, "{}{octet:02x}", if i == 0 { "" } else { " " })?;
        }
        write!(f, "] from {} -> {:02X}h", self.caller, self.completion)
    }
}

/// The newest commands, [`LOG_MAX`] at most.
#[derive(Debug, Clone)]
pub struct Log {
    kept: usize,
    entries: VecDeque<Entry>,
}

impl Log {
    /// An empty one that keeps so many, and never more than [`LOG_MAX`].
    pub fn new(kept: usize) -> Self {
        Self { kept: kept.min(LOG_MAX), entries: VecDeque::new() }
    }

    /// Oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(super) fn push(&mut self, entry: &Entry) {
        if self.kept == 0 {
            return;
        }
        if self.entries.len() >= self.kept {
            self.entries.pop_front();
        }
        self.entries.push_back(entry.clone());
    }
}
