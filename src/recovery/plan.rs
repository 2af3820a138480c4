//! In which order a recovery tries what: restarts, failovers, the final action.
//!
//! CLUSTERPRO's two counts, read for a single notice: the first attempt that is done ends the recovery, one
//! that fails is followed by the next. Uses `config` and `words`.

use crate::config::model::{FinalAction, Monitor, Script};
use crate::words::{Attempt, RecoveryAction};
use core::time::Duration;

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Next {
    /// This attempt.
    Attempt(Attempt),
    /// The final action, if there is one; no attempt is left.
    Final,
}

/// The attempts of a recovery, and what comes before and after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How many attempts restart.
    pub restart: u8,
    /// How many attempts move.
    pub failover: u8,
    /// What is done when none of them was done, or there is none.
    pub final_action: FinalAction,
    /// How long the script before may take; none: there is no script.
    pub script: Option<Duration>,
    /// Before which actions it runs.
    pub before: Before,
}

/// Before which actions the script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Before {
    /// Before a restart.
    pub restart: bool,
    /// Before a failover.
    pub failover: bool,
    /// Before the final action.
    pub last: bool,
}

impl Plan {
    /// One failover and nothing else: what the linkage should be used with.
    pub const FAILOVER: Self = Self {
        restart: 0,
        failover: 1,
        final_action: FinalAction::None,
        script: None,
        before: Before { restart: false, failover: false, last: false },
    };

    /// The plan of a monitor.
    pub fn new(monitor: &Monitor) -> Self {
        let before = |script: &Script| Before {
            restart: script.before_restart,
            failover: script.before_failover,
            last: script.before_final,
        };
        Self {
            restart: monitor.restart,
            failover: monitor.failover,
            final_action: monitor.final_action,
            script: monitor.script.as_ref().map(|script| script.timeout),
            before: monitor.script.as_ref().map(before).unwrap_or_default(),
        }
    }

    /// What a recovery begins with.
    pub fn first(&self) -> Next {
        self.at(1)
    }

    /// What follows an attempt that failed.
    pub fn after(&self, failed: Attempt) -> Next {
        self.at(failed.number.saturating_add(1))
    }

    /// The attempt of this number, counted from 1.
    pub fn at(&self, number: u8) -> Next {
        let (restarts, all) = (u16::from(self.restart), self.attempts());
        let action = match u16::from(number) {
            place if place <= restarts => RecoveryAction::Restart,
            place if place <= restarts + u16::from(self.failover) => RecoveryAction::Failover,
            place if place <= all => RecoveryAction::StopService,
            _ => return Next::Final,
        };
        Next::Attempt(Attempt { action, number })
    }

    /// How many attempts there are. Stopping the service is one of them: what leaves this server with it has left
    /// before the BMC hears *ended*.
    pub fn attempts(&self) -> u16 {
        u16::from(self.restart) + u16::from(self.failover) + u16::from(self.final_action == FinalAction::StopService)
    }

    /// Whether there is nothing to try: the final action is the whole recovery.
    pub fn is_final_alone(&self) -> bool {
        self.attempts() == 0
    }

    /// How long the script before this may take, if it runs there.
    pub fn script_before(&self, next: Next) -> Option<Duration> {
        let runs = match next {
            Next::Attempt(Attempt { action: RecoveryAction::Restart, .. }) => self.before.restart,
            Next::Attempt(Attempt { action: RecoveryAction::Failover, .. }) => self.before.failover,
            Next::Attempt(Attempt { action: RecoveryAction::StopService, .. }) => self.before.last,
            Next::Final => self.before.last && self.final_action != FinalAction::None,
        };
        self.script.filter(|_| runs)
    }
}
