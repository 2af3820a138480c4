//! Which sessions are opened when there are many: a bounded number at a time.
//!
//! Ten thousand at once would drown the network, every queue on the way and us. How fast the next ones follow is up to
//! the BMCs; one that is dead holds the others up for a moment only. Used by `roads` alone.

use crate::words::ServerId;
use alloc::collections::VecDeque;
use core::time::Duration;

/// Limit: sessions that are being opened at a time.
const MAX_UNDER_WAY: usize = 256;
/// Limit: for so long one that is being opened holds another one up.
const PATIENCE: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Openings {
    waiting: VecDeque<ServerId>,
    /// Those under way, and since when; the oldest first.
    begun: VecDeque<(ServerId, Duration)>,
}

impl Openings {
    pub(super) fn new(waiting: impl IntoIterator<Item = ServerId>) -> Self {
        Self { waiting: waiting.into_iter().collect(), begun: VecDeque::new() }
    }

    /// The next one to be opened; call until there is none.
    pub(super) fn poll(&mut self, now: Duration) -> Option<ServerId> {
        if self.waiting.is_empty() {
            return None;
        }
        while self.begun.front().is_some_and(|(_, since)| *since + PATIENCE <= now) {
            self.begun.pop_front();
        }
        if self.begun.len() >= MAX_UNDER_WAY {
            return None;
        }
        let server = self.waiting.pop_front()?;
        self.begun.push_back((server, now));
        Some(server)
    }

    /// It is open, or will not be for now.
    pub(super) fn over(&mut self, server: ServerId) {
        self.begun.retain(|(other, _)| *other != server);
    }

    /// When `poll` will have one, whatever the BMCs do.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let (_, since) = self.begun.front().filter(|_| !self.waiting.is_empty())?;
        Some(*since + PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn poll(openings: &mut Openings, now: Duration) -> Vec<u16> {
        core::iter::from_fn(|| openings.poll(now)).map(|server| server.0).collect()
    }

    #[test]
    fn a_bounded_number_at_a_time_and_each_once() {
        let mut openings = Openings::new((0..10_000).map(ServerId));
        let mut seen = poll(&mut openings, at(0));
        assert_eq!(seen.len(), MAX_UNDER_WAY);
        assert_eq!(poll(&mut openings, at(999)), []);
        for ms in 1..10_000 {
            openings.over(ServerId(ms as u16 - 1));
            let next = poll(&mut openings, at(ms / 100)); // BMCs answer
            assert!(next.len() <= 1, "one for one: {next:?}");
            seen.extend(next);
        }
        assert_eq!(seen, Vec::from_iter(0..10_000));
        assert_eq!(openings.next_deadline(), None);
    }

    #[test]
    fn the_dead_hold_the_others_up_for_a_moment_only() {
        let mut openings = Openings::new((0..1_000).map(ServerId));
        for second in 0..4 {
            let most = (1_000 - second as usize * MAX_UNDER_WAY).min(MAX_UNDER_WAY);
            assert_eq!(poll(&mut openings, at(second * 1000)).len(), most);
            let next = (second < 3).then(|| at((second + 1) * 1000));
            assert_eq!(openings.next_deadline(), next);
        }
    }
}
