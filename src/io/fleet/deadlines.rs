//! When which of many is due: in order, so that only those are touched that are.
//!
//! Plain bookkeeping over boottime, handed in.

use std::collections::BTreeSet;
use std::time::Duration;

/// The deadlines of a fixed number of places.
///
/// A deadline that moves away is noticed only when the earlier one comes: whoever is called too early finds nothing to
/// do and says when to call again. So a session whose end is put off with every packet costs nothing here.
pub(super) struct Deadlines {
    /// Of each place: the moment by which it stands in `order`.
    by_place: Vec<Option<Duration>>,
    order: BTreeSet<(Duration, usize)>,
    /// What [`Deadlines::changed`] told last; none: it is to be told in any case.
    told: Option<Option<Duration>>,
}

impl Deadlines {
    /// Nobody is due.
    pub fn new(places: usize) -> Self {
        Self { by_place: vec![None; places], order: BTreeSet::new(), told: Some(None) }
    }

    /// The place is due then; none: not by itself.
    pub fn set(&mut self, place: usize, deadline: Option<Duration>) {
        let (Some(by), Some(at)) = (self.by_place.get_mut(place), deadline) else { return };
        match *by {
            Some(earlier) if earlier <= at => return,
            Some(later) => drop(self.order.remove(&(later, place))),
            None => {}
        }
        self.order.insert((at, place));
        *by = Some(at);
    }

    /// Takes out those who are due; each is set again when it has been called.
    pub fn due(&mut self, now: Duration) -> Vec<usize> {
        let mut due = Vec::new();
        while let Some(&(at, place)) = self.order.first()
            && at <= now
        {
            self.order.pop_first();
            self.told = None; // a timer that went off is to be set, even for the same moment
            if let Some(by) = self.by_place.get_mut(place) {
                *by = None;
            }
            due.push(place);
        }
        due
    }

    /// When the first one is due, if that has changed.
    pub fn changed(&mut self) -> Option<Option<Duration>> {
        let first = self.order.first().map(|(at, _)| *at);
        (self.told != Some(first)).then(|| {
            self.told = Some(first);
            first
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn only_those_are_taken_that_are_due() {
        let mut deadlines = Deadlines::new(3);
        assert_eq!(deadlines.changed(), None);
        deadlines.set(0, Some(SECOND * 5));
        deadlines.set(1, Some(SECOND * 3));
        deadlines.set(2, None);
        assert_eq!((deadlines.changed(), deadlines.changed()), (Some(Some(SECOND * 3)), None));
        assert!(deadlines.due(SECOND * 3 - SECOND / 2).is_empty());
        assert_eq!(deadlines.changed(), None);
        assert_eq!(deadlines.due(SECOND * 3), [1]);
        assert_eq!(deadlines.changed(), Some(Some(SECOND * 5)));
        assert_eq!(deadlines.due(SECOND * 9), [0]);
        assert_eq!((deadlines.changed(), deadlines.due(SECOND * 99)), (Some(None), Vec::new()));
    }

    #[test]
    fn earlier_counts_at_once_and_later_when_the_earlier_one_comes() {
        let mut deadlines = Deadlines::new(1);
        deadlines.set(0, Some(SECOND * 5));
        deadlines.set(0, Some(SECOND * 2));
        assert_eq!(deadlines.changed(), Some(Some(SECOND * 2)));
        deadlines.set(0, Some(SECOND * 60));
        assert_eq!(deadlines.changed(), None);
        assert_eq!(deadlines.due(SECOND * 2), [0], "too early, which is harmless");
        deadlines.set(0, Some(SECOND * 60));
        assert_eq!(deadlines.changed(), Some(Some(SECOND * 60)));
        assert_eq!((deadlines.due(SECOND * 59), deadlines.due(SECOND * 60)), (vec![], vec![0]), "it stands there once");
    }

    #[test]
    fn a_timer_that_went_off_is_set_for_the_same_moment_again() {
        let mut deadlines = Deadlines::new(2);
        deadlines.set(0, Some(SECOND));
        deadlines.set(1, Some(SECOND));
        assert_eq!(deadlines.changed(), Some(Some(SECOND)));
        assert_eq!(deadlines.due(SECOND), [0, 1]);
        deadlines.set(0, Some(SECOND));
        assert_eq!(deadlines.changed(), Some(Some(SECOND)));
    }
}
