//! Decides when the kernel filter is wanted: armed above a rate of foreign traffic, disarmed when it has been quiet.
//!
//! Sans-IO. Its inputs are datagrams of strangers, what came of arming, and time. While the filter is armed each of them
//! stands for [`SAMPLE_ONE_IN`]; those that waited in the socket before it was armed stand for themselves.

use super::filter::SAMPLE_ONE_IN;
use core::time::Duration;

/// Limit: foreign datagrams in one [`WINDOW`] that are still looked at one by one; above it the filter is armed.
pub const ARM_ABOVE: u64 = 1000;

/// Limit: foreign datagrams in one [`QUIET`], as estimated, below which the filter is disarmed: a twentieth of the
/// rate that arms it, so that it does not flap.
pub const DISARM_BELOW: u64 = 500;

/// Limit: what the rate is counted over.
pub const WINDOW: Duration = Duration::from_secs(1);

/// Limit: for so long it must have been quiet.
pub const QUIET: Duration = Duration::from_secs(10);

/// Limit: a filter that could not be armed is not tried again before.
pub const RETRY: Duration = Duration::from_secs(60);

/// What the shell is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Attach the filter.
    Arm,
    /// Take it off.
    Disarm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No filter.
    Open,
    /// It is being attached; what waited in the socket has not been read to its end.
    Arming,
    /// What comes now has passed it.
    Armed,
    /// It could not be attached.
    Unable,
}

/// The decision's memory.
#[derive(Debug, Clone, Copy)]
pub struct Guard {
    state: State,
    /// When the present count began.
    since: Duration,
    /// Foreign datagrams since then; estimated, if armed.
    count: u64,
}

impl Default for Guard {
    fn default() -> Self {
        Self { state: State::Open, since: Duration::ZERO, count: 0 }
    }
}

impl Guard {
    /// A datagram of a stranger came: for how many it stands, and what is to be done.
    pub fn foreign(&mut self, now: Duration) -> (u64, Option<Wish>) {
        match self.state {
            State::Open => {
                if now.saturating_sub(self.since) >= WINDOW {
                    self.restart(now);
                }
                self.count += 1;
                if self.count <= ARM_ABOVE {
                    return (1, None);
                }
                self.state = State::Arming;
                self.restart(now);
                (1, Some(Wish::Arm))
            }
            State::Arming => {
                self.count += 1; // a flood that fills the queue again and again is none that has ended
                (1, None)
            }
            State::Armed => {
                self.count = self.count.saturating_add(SAMPLE_ONE_IN.into());
                (SAMPLE_ONE_IN.into(), None)
            }
            State::Unable => (1, None),
        }
    }

    /// What waited in the socket when the filter was attached has been read.
    pub fn settled(&mut self, now: Duration) {
        match self.state {
            State::Arming => {
                self.state = State::Armed;
                self.restart(now);
            }
            State::Open | State::Armed | State::Unable => {}
        }
    }

    /// It could not be attached, or there is none for so many addresses.
    pub fn unable(&mut self, now: Duration) {
        self.state = State::Unable;
        self.restart(now);
    }

    /// Time passed.
    pub fn timeout(&mut self, now: Duration) -> Option<Wish> {
        if self.next_deadline().is_none_or(|at| now < at) {
            return None;
        }
        let count = self.count;
        self.restart(now);
        match self.state {
            State::Open => None,
            State::Arming | State::Armed => {
                let quiet = count < DISARM_BELOW;
                self.state = if quiet { State::Open } else { self.state };
                quiet.then_some(Wish::Disarm)
            }
            State::Unable => {
                self.state = State::Open;
                None
            }
        }
    }

    /// When `timeout` wants to be called.
    pub fn next_deadline(&self) -> Option<Duration> {
        match self.state {
            State::Open => None,
            State::Arming | State::Armed => Some(self.since.saturating_add(QUIET)),
            State::Unable => Some(self.since.saturating_add(RETRY)),
        }
    }

    /// Whether the filter is, or is being, attached.
    pub fn is_armed(&self) -> bool {
        match self.state {
            State::Arming | State::Armed => true,
            State::Open | State::Unable => false,
        }
    }

    fn restart(&mut self, now: Duration) {
        (self.since, self.count) = (now, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1000);

    fn flood(guard: &mut Guard, now: Duration) {
        let wishes = (0..=ARM_ABOVE).filter_map(|_| guard.foreign(now).1).collect::<Vec<_>>();
        assert_eq!(wishes, [Wish::Arm], "once");
    }

    #[test]
    fn a_rate_that_can_be_borne_arms_nothing() {
        let mut guard = Guard::default();
        let step = WINDOW / ARM_ABOVE as u32;
        for n in 0..20 * ARM_ABOVE as u32 {
            assert_eq!(guard.foreign(NOW + step * n), (1, None));
        }
        assert!(!guard.is_armed() && guard.next_deadline().is_none());
    }

    #[test]
    fn a_flood_arms_at_once_and_its_samples_count_for_all_when_the_queue_was_read() {
        let mut guard = Guard::default();
        flood(&mut guard, NOW);
        assert!(guard.is_armed());
        assert_eq!(guard.foreign(NOW), (1, None), "it waited before");
        guard.settled(NOW);
        assert_eq!(guard.foreign(NOW), (u64::from(SAMPLE_ONE_IN), None));
    }

    #[test]
    fn it_is_disarmed_when_it_was_quiet_for_long_and_not_before() {
        let mut guard = Guard::default();
        flood(&mut guard, NOW);
        guard.settled(NOW);
        for _ in 0..=DISARM_BELOW / u64::from(SAMPLE_ONE_IN) {
            guard.foreign(NOW);
        }
        assert_eq!(guard.timeout(NOW + QUIET - Duration::from_nanos(1)), None);
        assert_eq!(guard.timeout(NOW + QUIET), None, "it was not quiet");
        guard.foreign(NOW + QUIET);
        assert_eq!(guard.timeout(NOW + QUIET * 2), Some(Wish::Disarm));
        assert!(!guard.is_armed());
        assert_eq!((guard.timeout(NOW + QUIET * 3), guard.foreign(NOW + QUIET * 3)), (None, (1, None)));
    }

    #[test]
    fn what_cannot_be_armed_is_tried_again_after_a_while() {
        let mut guard = Guard::default();
        flood(&mut guard, NOW);
        guard.unable(NOW);
        for _ in 0..2 * ARM_ABOVE {
            assert_eq!(guard.foreign(NOW), (1, None));
        }
        guard.settled(NOW); // of no meaning here
        assert_eq!((guard.is_armed(), guard.timeout(NOW + RETRY)), (false, None));
        flood(&mut guard, NOW + RETRY);
    }
}
