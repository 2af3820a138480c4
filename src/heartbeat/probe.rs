//! The timetable: when which server's BMC is asked next.
//!
//! Questions to different BMCs are spread over the interval, so that many of them do not answer in one burst, and come with
//! jitter, so that they beat in time with nobody's watchdog. A BMC that is silent is asked more and more rarely, within
//! bounds. Who waits for an answer has no place here. The cost of a question does not depend on how many there are.

use crate::crypto::Random;
use alloc::collections::BTreeSet;
use core::time::Duration;

/// A question comes up to this part of the interval earlier or later than planned.
const JITTER: u32 = 8;
/// Limit: a silent BMC is asked at least once in so many intervals.
pub const MAX_BACK_OFF: u32 = 4;

/// When whom. A row is a number of the caller's.
#[derive(Debug)]
pub struct Timetable {
    interval: Duration,
    random: Random,
    due: BTreeSet<(Duration, usize)>,
}

impl Timetable {
    /// An empty one.
    pub fn new(interval: Duration, random: Random) -> Self {
        Self { interval, random, due: BTreeSet::new() }
    }

    /// Row `row` of `count` is asked first at its place within the first interval.
    pub fn enter(&mut self, now: Duration, row: usize, count: usize) -> Duration {
        let (row32, count) = (u32::try_from(row).unwrap_or(u32::MAX), u32::try_from(count).unwrap_or(u32::MAX).max(1));
        let planned = now + self.interval / count * row32;
        self.due.insert((planned, row));
        planned
    }

    /// A row whose time has come; it leaves the timetable.
    pub fn poll(&mut self, now: Duration) -> Option<(Duration, usize)> {
        let first = self.due.first().copied().filter(|(due, _)| *due <= now)?;
        self.due.remove(&first);
        Some(first)
    }

    /// Its next time, counted from the planned one, so that the rhythm does not drift; a missed round is not made up.
    /// `misses`: rounds without an answer so far. `again`: at this moment, if that is sooner. Gives the planned moment, and
    /// the one at which it is asked. A question between two planned ones leaves the plan as it is.
    pub fn plan(
        &mut self,
        now: Duration,
        row: usize,
        planned: Duration,
        misses: u32,
        again: Option<Duration>,
    ) -> (Duration, Duration) {
        let pause = self.interval * misses.saturating_sub(1).clamp(1, MAX_BACK_OFF);
        let span = self.interval / JITTER;
        let between = planned > now + span;
        let mut next = if between { planned } else { planned + pause };
        if next <= now {
            next = now + pause;
        }
        let jitter = span * 2 / 1024 * (self.random.u32() % 1024);
        let due = (next + jitter).saturating_sub(span).max(now);
        let due = again.map_or(due, |at| at.min(due));
        self.due.insert((due, row));
        (next, due)
    }

    /// A row whose time would come at `due` is asked now.
    pub fn hasten(&mut self, now: Duration, row: usize, due: Duration) -> bool {
        let waits = due > now && self.due.remove(&(due, row));
        waits && self.due.insert((now, row))
    }

    /// When `poll` will have something; none while everybody owes an answer.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.due.first().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(3);

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn table() -> Timetable {
        Timetable::new(INTERVAL, Random::from_seed([1; 32]))
    }

    #[test]
    fn questions_are_spread_and_do_not_pile_up() {
        let mut table = table();
        for row in 0..3 {
            table.enter(at(0), row, 3);
        }
        assert_eq!(table.poll(at(0)), Some((at(0), 0)));
        assert_eq!(table.poll(at(0)), None);
        assert_eq!(table.next_deadline(), Some(at(1000)));
        assert_eq!(table.poll(at(2000)), Some((at(1000), 1)));
        assert_eq!(table.poll(at(2000)), Some((at(2000), 2)));
        assert_eq!(table.next_deadline(), None, "everybody owes an answer");
    }

    #[test]
    fn jitter_stays_within_its_part_and_the_rhythm_does_not_drift() {
        let mut table = table();
        let mut planned = table.enter(at(0), 0, 1);
        let mut seen = BTreeSet::new();
        for round in 1..200_u32 {
            let (due, row) = table.poll(Duration::MAX).unwrap();
            assert_eq!(row, 0);
            let plan = INTERVAL * (round - 1);
            assert!(due + INTERVAL / JITTER >= plan && due <= plan + INTERVAL / JITTER, "{due:?} {plan:?}");
            seen.insert(due.as_millis() as i128 - plan.as_millis() as i128);
            planned = table.plan(due, 0, planned, 0, None).0;
            assert_eq!(planned, INTERVAL * round);
        }
        assert!(seen.len() > 100, "{seen:?}");
    }

    #[test]
    fn after_a_pause_a_missed_round_is_not_made_up() {
        let mut table = table();
        let planned = table.enter(at(0), 0, 1);
        table.poll(at(0));
        assert_eq!(table.plan(at(60_000), 0, planned, 0, None).0, at(63_000));
    }

    #[test]
    fn the_silent_are_asked_more_rarely_within_bounds_and_what_decides_at_once() {
        let mut table = table();
        for (misses, intervals) in [(0, 1), (1, 1), (2, 1), (3, 2), (4, 3), (5, 4), (50, 4)] {
            let (planned, _) = table.plan(at(0), 0, at(0), misses, None);
            assert_eq!(planned, INTERVAL * intervals, "{misses}");
            table.poll(Duration::MAX);
        }
        table.plan(at(0), 0, at(0), 0, Some(at(500)));
        assert_eq!(table.next_deadline(), Some(at(500)));
    }

    #[test]
    fn a_question_in_between_leaves_the_plan_as_it_is() {
        let mut table = table();
        let (planned, due) = table.plan(at(100), 0, at(0), 0, Some(at(600)));
        assert_eq!((planned, due, table.poll(at(600))), (at(3000), at(600), Some((at(600), 0))));
        let (planned, due) = table.plan(at(700), 0, planned, 0, None);
        assert!(planned == at(3000) && due >= at(2625) && due <= at(3375), "{planned:?} {due:?}");
        // One that comes early by its jitter is the planned one.
        table.poll(Duration::MAX);
        assert_eq!(table.plan(at(2650), 0, at(3000), 0, None).0, at(6000));
    }

    #[test]
    fn who_is_hastened_is_asked_now_and_once() {
        let mut table = table();
        let (_, due) = table.plan(at(0), 0, at(0), 5, None);
        assert!(!table.hasten(at(100), 1, due) && !table.hasten(at(100), 0, due + at(1)));
        assert!(table.hasten(at(100), 0, due));
        assert_eq!((table.poll(at(100)), table.poll(Duration::MAX)), (Some((at(100), 0)), None));
        assert!(!table.hasten(at(100), 0, due), "it is being asked");
    }
}
