//! What goes on at a cluster: an attempt under way, and the tools that run for it. Values only.

use crate::recovery::pacemaker::{self, AskId};

/// A tool that runs.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) token: u64,
    /// Whose attempt asked, and what; without: something is taken back.
    pub(super) ask: Option<(usize, AskId)>,
    pub(super) kept: Vec<u8>,
}

/// An attempt under way.
#[derive(Debug)]
pub(super) struct Move {
    pub(super) attempt: pacemaker::Attempt,
    /// The machine has gone on without it: it only takes its claim back.
    pub(super) abandoned: bool,
}
