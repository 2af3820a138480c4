//! One attempt through CLUSTERPRO: which command runs next, and what its ending means.
//!
//! A pure machine; `engine` runs the commands, the recovery's own machine has the deadline. The goal is a state and
//! not a deed: what already runs elsewhere is not moved, and what was moved is moved only when `verify` says so.

use crate::now::Now;
use crate::words::Answer;
use core::time::Duration;

/// Limit: how long `verify` is waited for before the command runs all the same: a look must not cost the recovery.
pub const LOOK_PATIENCE: Duration = Duration::from_secs(5);
/// Between two questions whether the target runs elsewhere.
pub const PAUSE: Duration = Duration::from_secs(1);

/// Which command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one that acts.
    Act,
    /// `verify`.
    Verify,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// With exit status 0.
    Well,
    /// In any other way, or it did not begin.
    Badly,
    /// Someone else took its ending.
    Lost,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Run this one.
    Run(Which),
    /// Kill `verify`, which does not end, and act.
    GiveUpLooking,
    /// Nothing until `handle_timeout`.
    Wait,
    /// It is over.
    Over(Answer, Why),
}

/// Why it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The target ran elsewhere before anything was done.
    AlreadyElsewhere,
    /// `verify` saw it running elsewhere.
    Proven,
    /// The command ended with 0, and nothing can prove more.
    Believed,
    /// No template says how.
    NoCommand,
    /// The command failed, and the target does not run elsewhere as far as anyone knows.
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Looking {
        until: Duration,
    },
    Acting,
    /// The command has ended; `failed`: badly, so that this is the last question.
    Proving {
        failed: bool,
    },
    Pausing {
        until: Duration,
    },
    Over,
}

/// One attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    at: At,
    verified: bool,
}

impl Course {
    /// The attempt, and what it does first. `verified`: there is a `verify` that speaks of what is attempted.
    pub fn begin(now: Now, verified: bool) -> (Self, Next) {
        let (at, which) = match verified {
            true => (At::Looking { until: now.boottime.saturating_add(LOOK_PATIENCE) }, Which::Verify),
            false => (At::Acting, Which::Act),
        };
        (Self { at, verified }, Next::Run(which))
    }

    /// When `handle_timeout` is due.
    pub fn next_deadline(&self) -> Option<Duration> {
        match self.at {
            At::Looking { until } | At::Pausing { until } => Some(until),
            At::Acting | At::Proving { .. } | At::Over => None,
        }
    }

    /// Time passed; a spurious call does nothing.
    pub fn handle_timeout(&mut self, now: Now) -> Next {
        match self.at {
            At::Looking { until } if until <= now.boottime => {
                self.at = At::Acting;
                Next::GiveUpLooking
            }
            At::Pausing { until } if until <= now.boottime => {
                self.at = At::Proving { failed: false };
                Next::Run(Which::Verify)
            }
            At::Looking { .. } | At::Pausing { .. } | At::Acting | At::Proving { .. } | At::Over => Next::Wait,
        }
    }

    /// The command that runs has ended.
    pub fn ended(&mut self, now: Now, how: How) -> Next {
        match (self.at, how) {
            (At::Looking { .. }, How::Well) => self.over(Answer::Done, Why::AlreadyElsewhere),
            (At::Looking { .. }, How::Badly | How::Lost) => {
                self.at = At::Acting;
                Next::Run(Which::Act)
            }
            (At::Acting, how) if self.verified => {
                // One whose ending nobody saw may have done its work: it is asked until the deadline.
                self.at = At::Proving { failed: how == How::Badly };
                Next::Run(Which::Verify)
            }
            (At::Acting, How::Well) => self.over(Answer::Done, Why::Believed),
            (At::Acting, How::Badly | How::Lost) => self.over(Answer::Failed, Why::Refused),
            (At::Proving { .. }, How::Well) => self.over(Answer::Done, Why::Proven),
            (At::Proving { failed: true }, How::Badly | How::Lost) => self.over(Answer::Failed, Why::Refused),
            (At::Proving { failed: false }, How::Badly | How::Lost) => {
                self.at = At::Pausing { until: now.boottime.saturating_add(PAUSE) };
                Next::Wait
            }
            (At::Pausing { .. } | At::Over, How::Well | How::Badly | How::Lost) => Next::Wait,
        }
    }

    fn over(&mut self, answer: Answer, why: Why) -> Next {
        self.at = At::Over;
        Next::Over(answer, why)
    }
}

impl core::fmt::Display for Why {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::AlreadyElsewhere => "verify: the target runs on another server already; nothing was moved",
            Self::Proven => "verify: the target runs on another server",
            Self::Believed => "the command ended with 0; there is no verify that could prove it",
            Self::NoCommand => "no command is configured for this attempt",
            Self::Refused => "the command failed, and the target does not run elsewhere as far as anyone knows",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Next::{Over, Run};

    fn at(seconds: u64) -> Now {
        Now { boottime: Duration::from_secs(seconds), wall: Duration::ZERO }
    }

    #[test]
    fn without_a_proof_the_exit_status_counts() {
        for (how, answer, why) in [
            (How::Well, Answer::Done, Why::Believed),
            (How::Badly, Answer::Failed, Why::Refused),
            (How::Lost, Answer::Failed, Why::Refused),
        ] {
            let (mut course, next) = Course::begin(at(0), false);
            assert_eq!((next, course.next_deadline()), (Run(Which::Act), None));
            assert_eq!(course.ended(at(1), how), Over(answer, why));
            assert_eq!(course.ended(at(1), How::Well), Next::Wait);
        }
    }

    #[test]
    fn what_runs_elsewhere_is_not_moved() {
        let (mut course, next) = Course::begin(at(0), true);
        assert_eq!(next, Run(Which::Verify));
        assert_eq!(course.ended(at(0), How::Well), Over(Answer::Done, Why::AlreadyElsewhere));
    }

    #[test]
    fn the_proof_is_asked_for_until_it_is_there() {
        let (mut course, _) = Course::begin(at(0), true);
        assert_eq!(course.ended(at(0), How::Badly), Run(Which::Act));
        assert_eq!(course.ended(at(2), How::Well), Run(Which::Verify));
        for second in 3..50 {
            assert_eq!(course.ended(at(second), How::Badly), Next::Wait);
            assert_eq!(course.handle_timeout(at(second)), Next::Wait);
            assert_eq!(course.next_deadline(), Some(at(second).boottime + PAUSE));
            assert_eq!(course.handle_timeout(at(second + 1)), Run(Which::Verify));
        }
        assert_eq!(course.ended(at(51), How::Well), Over(Answer::Done, Why::Proven));
    }

    #[test]
    fn a_command_that_failed_is_looked_after_once() {
        for (how, over) in
            [(How::Well, Over(Answer::Done, Why::Proven)), (How::Badly, Over(Answer::Failed, Why::Refused))]
        {
            let (mut course, _) = Course::begin(at(0), true);
            course.ended(at(0), How::Badly);
            assert_eq!(course.ended(at(1), How::Badly), Run(Which::Verify));
            assert_eq!(course.ended(at(1), how), over);
        }
    }

    #[test]
    fn a_look_that_does_not_end_costs_no_recovery() {
        let (mut course, _) = Course::begin(at(10), true);
        assert_eq!(course.handle_timeout(at(14)), Next::Wait);
        assert_eq!(course.handle_timeout(at(15)), Next::GiveUpLooking);
        assert_eq!(course.handle_timeout(at(16)), Next::Wait);
        assert_eq!(course.ended(at(17), How::Well), Run(Which::Verify));
    }
}
