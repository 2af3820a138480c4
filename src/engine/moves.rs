//! What goes on at a cluster: an attempt under way, and the tools that run for it. Values only.

use crate::now::Now;
use crate::recovery::pacemaker::{self, AskId};
use crate::recovery::policy::RETRY;
use core::time::Duration;

/// A tool that runs.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) token: u64,
    /// Whose attempt asked, and what; without: something is taken back.
    pub(super) ask: Option<(usize, AskId)>,
    pub(super) kept: Vec<u8>,
}

/// A claim that an attempt could not take back: the other servers would wait for it.
#[derive(Debug)]
pub(super) struct Leftover {
    pub(super) argv: Vec<String>,
    /// When it is tried next.
    pub(super) at: Duration,
    /// The try that runs.
    pub(super) token: Option<u64>,
    pub(super) tries: u32,
}

impl Leftover {
    pub(super) fn new(now: Now, argv: &[String]) -> Self {
        Self { argv: argv.to_vec(), at: now.boottime.saturating_add(RETRY), token: None, tries: 0 }
    }
}

/// Limit: how often a claim is tried to be taken back, five seconds apart; then people are told.
pub(super) const LEFTOVER_TRIES: u32 = 120;

/// An attempt under way.
#[derive(Debug)]
pub(super) struct Move {
    pub(super) attempt: pacemaker::Attempt,
    /// The machine has gone on without it: it only takes its claim back.
    pub(super) abandoned: bool,
}
