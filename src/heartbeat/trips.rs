//! The last round trips to one BMC, and the rounds that nobody answered: what a sparkline is drawn from.
//!
//! A value that whoever shows the heartbeat keeps beside each server, so it is small: two octets a round. Uses nothing.

use core::fmt;
use core::time::Duration;

/// Limit: rounds that are remembered of each server.
pub const ROUNDS: usize = 32;
/// What one step of a remembered round trip is worth; a longer one than fits is as long as fits.
const STEP: Duration = Duration::from_micros(100);
/// A round without an answer.
const MISS: u16 = u16::MAX;

/// The last rounds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Trips {
    ring: [u16; ROUNDS],
    /// Rounds so far, up to a whole number of rings.
    count: u8,
}

impl Default for Trips {
    fn default() -> Self {
        Self { ring: [MISS; ROUNDS], count: 0 }
    }
}

impl Trips {
    /// One more round, in place of the oldest. `None`: nobody answered.
    pub fn push(&mut self, round_trip: Option<Duration>) {
        let steps = |time: Duration| time.as_nanos().div_ceil(STEP.as_nanos()).min(u128::from(MISS - 1)) as u16;
        self.ring[usize::from(self.count) % ROUNDS] = round_trip.map_or(MISS, steps);
        let full = 2 * ROUNDS as u8;
        self.count = if self.count + 1 == full { ROUNDS as u8 } else { self.count + 1 };
    }

    /// The rounds, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Option<Duration>> {
        let count = usize::from(self.count);
        let rounds = count.saturating_sub(ROUNDS)..count;
        rounds.map(|round| self.ring[round % ROUNDS]).map(|steps| (steps != MISS).then(|| STEP * u32::from(steps)))
    }
}

impl fmt::Debug for Trips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_rounds_are_kept_in_their_order() {
        let us = Duration::from_micros;
        let mut trips = Trips::default();
        assert_eq!(trips.iter().count(), 0);
        trips.push(Some(us(1)));
        trips.push(None);
        trips.push(Some(us(1_250)));
        assert_eq!(trips.iter().collect::<Vec<_>>(), [Some(us(100)), None, Some(us(1_300))]);
        trips.push(Some(Duration::MAX));
        assert_eq!(trips.iter().last(), Some(Some(us(6_553_400))), "a miss is something else");

        let mut trips = Trips::default();
        for round in 0..1000_u64 {
            trips.push((round % 7 != 0).then(|| us(round * 100)));
            let expected: Vec<_> = (0..=round)
                .skip((round as usize + 1).saturating_sub(ROUNDS))
                .map(|round| (round % 7 != 0).then(|| us(round * 100)))
                .collect();
            assert_eq!(trips.iter().collect::<Vec<_>>(), expected);
        }
        assert!(size_of::<Trips>() <= 2 * ROUNDS + 2, "ten thousand of them are kept");
    }
}
