//! A queue that mostly holds one thing: the oldest lies in place, and costs no room of its own.
//!
//! Ten thousand links hold two of them each. Uses nothing.

use std::collections::VecDeque;

/// See the module.
#[derive(Debug)]
pub(super) struct Few<T> {
    /// Older than the rest.
    first: Option<T>,
    rest: VecDeque<T>,
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self { first: None, rest: VecDeque::new() }
    }
}

impl<T> Few<T> {
    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    pub(super) fn push_back(&mut self, one: T) {
        if self.len() == 0 {
            self.first = Some(one);
        } else {
            self.rest.push_back(one);
        }
    }

    pub(super) fn push_front(&mut self, one: T) {
        if let Some(older) = self.first.replace(one) {
            self.rest.push_front(older);
        }
    }

    pub(super) fn pop_front(&mut self) -> Option<T> {
        self.first.take().or_else(|| self.rest.pop_front())
    }

    pub(super) fn front(&self) -> Option<&T> {
        self.first.as_ref().or_else(|| self.rest.front())
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.first.take_if(|one| !keep(one));
        self.rest.retain(keep);
    }
}

impl<T> Extend<T> for Few<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, more: I) {
        more.into_iter().for_each(|one| self.push_back(one));
    }
}

#[cfg(test)]
mod tests {
    use super::Few;

    #[test]
    fn first_in_first_out_however_they_come_and_go() {
        let (mut few, mut next, mut expected) = (Few::default(), 0, 0);
        for (pushes, pops) in [(1, 1), (3, 1), (2, 3), (1, 2), (0, 1), (5, 2), (1, 0), (0, 9)] {
            for _ in 0..pushes {
                few.push_back(next);
                next += 1;
            }
            assert_eq!((few.len(), few.front().copied()), (next - expected, (next > expected).then_some(expected)));
            for _ in 0..pops {
                let one = few.pop_front();
                assert_eq!(one, (next > expected).then_some(expected));
                expected += usize::from(one.is_some());
            }
        }
    }

    #[test]
    fn what_is_put_back_comes_first() {
        for behind in 0..3 {
            let mut few = Few::default();
            (0..=behind).for_each(|n| few.push_back(n));
            let first = few.pop_front().unwrap();
            few.push_front(first);
            few.push_front(9);
            assert_eq!(few.len(), behind + 2);
            assert_eq!(few.pop_front(), Some(9));
            (0..=behind).for_each(|n| assert_eq!(few.pop_front(), Some(n)));
        }
    }

    #[test]
    fn what_is_not_kept_is_gone_wherever_it_was() {
        let mut few = Few::default();
        (0..6).for_each(|n| few.push_back(n));
        few.retain(|n| n % 2 == 1);
        few.push_back(7);
        assert_eq!(
            [few.len(), 1, 3, 5, 7],
            core::array::from_fn(|n| if n == 0 { 4 } else { few.pop_front().unwrap() })
        );
    }
}
