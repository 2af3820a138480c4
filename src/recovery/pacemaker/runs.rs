//! The tools that run for an attempt, what it wants next, and what it has to say.
//!
//! Uses `now` and `words`; knows nothing of what the runs are for but their patience.

use super::tool::{ATTRD_UPDATER, Ask, AskId, CRM_ATTRIBUTE, CRM_MON};
use crate::now::Now;
use crate::words::Level;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

/// Limit: how long one run of a tool may take; Pacemaker answers in milliseconds or is stuck.
pub const TOOL_PATIENCE: Duration = Duration::from_secs(10);
/// Limit: how long taking back a claim may delay a failure.
pub const RELEASE_PATIENCE: Duration = Duration::from_secs(2);
/// Limit: remarks that wait to be fetched; further ones are dropped.
pub const MAX_REMARKS: usize = 32;

/// What the shell does for an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Run this; answered by `handle_answer`.
    Run(Ask),
    /// Kill this run; its answer is not waited for.
    Kill(AskId),
}

/// Something for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// How loud.
    pub level: Level,
    /// A sentence.
    pub text: String,
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Look,
    Strategy,
    Publish,
    Claims,
    Trigger,
    Gone,
    Release,
}

impl What {
    pub(super) fn tool(self, mode: Mode) -> &'static str {
        match (self, mode) {
            (Self::Look, _) => CRM_MON,
            (Self::Strategy, _) | (Self::Trigger, Mode::Standby) => CRM_ATTRIBUTE,
            (Self::Publish | Self::Claims | Self::Gone | Self::Release, _) | (Self::Trigger, Mode::Red) => {
                ATTRD_UPDATER
            }
        }
    }
}

/// How the server is emptied, once that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Red,
    Standby,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Runs {
    next_id: u32,
    running: BTreeMap<AskId, (What, Duration)>,
    outputs: VecDeque<Output>,
    remarks: VecDeque<Remark>,
}

impl Runs {
    pub(super) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(super) fn poll_remark(&mut self) -> Option<Remark> {
        self.remarks.pop_front()
    }

    pub(super) fn remark(&mut self, level: Level, text: String) {
        if self.remarks.len() < MAX_REMARKS {
            self.remarks.push_back(Remark { level, text });
        }
    }

    pub(super) fn ask(&mut self, now: Now, what: What, argv: Vec<String>) {
        let patience = if what == What::Release { RELEASE_PATIENCE } else { TOOL_PATIENCE };
        let id = AskId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        self.running.insert(id, (what, now.boottime.saturating_add(patience)));
        self.outputs.push_back(Output::Run(Ask { id, argv }));
    }

    /// A run has ended: what it was for, unless it had been given up.
    pub(super) fn ended(&mut self, id: AskId) -> Option<What> {
        self.running.remove(&id).map(|(what, _)| what)
    }

    pub(super) fn any(&self) -> Option<What> {
        self.running.values().next().map(|(what, _)| *what)
    }

    pub(super) fn has(&self, what: What) -> bool {
        self.running.values().any(|(running, _)| *running == what)
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.running.values().map(|(_, deadline)| *deadline).min()
    }

    /// A run whose patience is over; it is to be killed, and still counts as running.
    pub(super) fn late(&mut self, now: Now) -> Option<AskId> {
        let late = self.running.iter().find(|(_, (_, deadline))| *deadline <= now.boottime).map(|(id, _)| *id)?;
        self.outputs.push_back(Output::Kill(late));
        Some(late)
    }

    /// Gives up the runs that `which` names.
    pub(super) fn kill(&mut self, which: impl Fn(What) -> bool) {
        let ids: Vec<AskId> = self.running.iter().filter(|(_, run)| which(run.0)).map(|(id, _)| *id).collect();
        for id in ids {
            self.running.remove(&id);
            // What has not been fetched need not be started.
            let before = self.outputs.len();
            self.outputs.retain(|output| !matches!(output, Output::Run(ask) if ask.id == id));
            if self.outputs.len() == before {
                self.outputs.push_back(Output::Kill(id));
            }
        }
    }
}
