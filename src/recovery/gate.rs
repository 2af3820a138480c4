//! What a new recovery must pass before it begins: the maintenance switch, the cool-down, the budget.
//!
//! A flapping sensor must not move the services to and fro. The history survives restarts by the journal.
//! Input is what the engine saw begin and end; times are in boottime.

use super::journal::{BootId, Record, Step, Taken};
use crate::now::Now;
use core::time::Duration;

/// What the operator allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// After a recovery is over, the next one waits for so long.
    pub cool_down: Duration,
    /// So many recoveries may begin within the window.
    pub budget: u8,
    /// See `budget`.
    pub window: Duration,
}

/// What stands in the way of a new recovery now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gate {
    /// The operator works on the server.
    pub maintenance: bool,
    /// The last recovery is over not long enough; until then, a boottime.
    pub cool_until: Option<Duration>,
    /// As many recoveries have begun as may.
    pub spent: bool,
}

/// When the last recoveries began and ended, as far as they still count.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// When each beginning stops to count; at most as many as the budget's largest value.
    begun: Vec<Duration>,
    cool_until: Option<Duration>,
}

impl History {
    /// A recovery has begun, so long ago.
    pub fn begun(&mut self, now: Now, ago: Duration, limits: &Limits) {
        let until = (now.boottime + limits.window).saturating_sub(ago);
        self.begun.retain(|over| *over > now.boottime);
        if until > now.boottime {
            if self.begun.len() >= usize::from(u8::MAX) {
                self.begun.remove(0);
            }
            self.begun.push(until);
        }
    }

    /// A recovery that had begun is over, since so long.
    pub fn over(&mut self, now: Now, ago: Duration, limits: &Limits) {
        let until = (now.boottime + limits.cool_down).saturating_sub(ago);
        self.cool_until = self.cool_until.max(Some(until));
    }

    /// What a former process wrote. Within a boot the boottime tells how long ago; across boots the wall clock
    /// does, and one that was set back makes it "just now": the careful side.
    pub fn remember(&mut self, now: Now, record: &Record, boot: BootId, limits: &Limits) {
        let ago = |taken: &Taken| match taken.boot.is_same_as(boot) {
            true => now.boottime.saturating_sub(taken.at.boottime),
            false => now.wall.saturating_sub(taken.at.wall),
        };
        let mut began = false;
        for taken in record.steps() {
            match taken.step {
                Step::Begun { .. } => {
                    began = true;
                    self.begun(now, ago(taken), limits);
                }
                Step::Closed(_) if began => self.over(now, ago(taken), limits),
                _ => {}
            }
        }
    }

    /// What stands in the way now.
    pub fn gate(&self, now: Now, maintenance: bool, limits: &Limits) -> Gate {
        Gate {
            maintenance,
            cool_until: self.cool_until.filter(|until| *until > now.boottime),
            spent: self.begun.iter().filter(|over| **over > now.boottime).count() >= usize::from(limits.budget),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { cool_down: Duration::from_secs(60), budget: 2, window: Duration::from_secs(3600) };

    fn at(seconds: u64) -> Now {
        Now { boottime: Duration::from_secs(seconds), wall: Duration::from_secs(1_800_000_000 + seconds) }
    }

    #[test]
    fn the_budget_is_spent_and_comes_back() {
        let mut history = History::default();
        assert_eq!(history.gate(at(1000), false, &LIMITS), Gate::default());
        history.begun(at(1000), Duration::ZERO, &LIMITS);
        assert!(!history.gate(at(1001), false, &LIMITS).spent);
        history.begun(at(2000), Duration::ZERO, &LIMITS);
        assert!(history.gate(at(2001), false, &LIMITS).spent);
        assert!(history.gate(at(4599), false, &LIMITS).spent);
        assert!(!history.gate(at(4600), false, &LIMITS).spent, "the first one counts no more");
    }

    #[test]
    fn what_began_long_ago_does_not_count_and_nothing_overflows() {
        let mut history = History::default();
        for _ in 0..3 {
            history.begun(at(10), Duration::from_secs(3601), &LIMITS);
            history.over(at(10), Duration::MAX, &LIMITS);
        }
        assert_eq!(history.gate(at(10), false, &LIMITS), Gate::default());
        (0..1000).for_each(|_| history.begun(at(10), Duration::ZERO, &LIMITS));
        assert_eq!(history.begun.len(), 255);
    }

    #[test]
    fn cooling_down_ends_by_itself() {
        let mut history = History::default();
        history.over(at(100), Duration::from_secs(10), &LIMITS);
        assert_eq!(history.gate(at(149), true, &LIMITS).cool_until, Some(Duration::from_secs(150)));
        assert_eq!(history.gate(at(150), true, &LIMITS), Gate { maintenance: true, ..Gate::default() });
    }
}
