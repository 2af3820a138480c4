//! The last round trips as a line of marks, the newest at its right end.
//!
//! The scale is the same for all servers and at all times, half a decade a step, so that marks can be compared: a
//! slow BMC stands out among quick ones, and quick ones do not dance.

use crate::out::Look;
use std::time::Duration;

/// The longest round trip of each mark but the last, in milliseconds.
const STEPS: [u64; 7] = [1, 3, 10, 30, 100, 300, 1000];
const UNICODE: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 8] = ['_', '.', '-', ':', '=', '+', '*', '#'];

/// Exactly `columns` of it; a round that nobody answered is a cross.
pub fn line(trips: &[Option<Duration>], columns: usize, unicode: bool) -> Vec<(Look, String)> {
    let shown = &trips[trips.len().saturating_sub(columns)..];
    let mut spans = vec![(Look::Plain, " ".repeat(columns - shown.len()))];
    for trip in shown {
        let (look, mark) = match trip {
            Some(time) => (Look::Plain, mark(*time, unicode)),
            None => (Look::Bad, if unicode { '×' } else { 'x' }),
        };
        match spans.last_mut() {
            Some((last, text)) if *last == look => text.push(mark),
            Some(_) | None => spans.push((look, mark.into())),
        }
    }
    spans
}

fn mark(time: Duration, unicode: bool) -> char {
    let step = STEPS.iter().position(|most| time <= Duration::from_millis(*most)).unwrap_or(STEPS.len());
    if unicode { UNICODE[step] } else { ASCII[step] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(trips: &[Option<Duration>], columns: usize, unicode: bool) -> String {
        line(trips, columns, unicode).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn every_step_has_its_mark_and_a_miss_is_a_cross() {
        let us = Duration::from_micros;
        let trips = [
            Some(us(100)),
            Some(us(1_000)),
            Some(us(1_001)),
            Some(us(10_000)),
            Some(us(29_000)),
            None,
            Some(us(99_000)),
            Some(us(300_000)),
            Some(us(999_000)),
            Some(us(6_553_400)),
        ];
        assert_eq!(text(&trips, 10, true), "▁▁▂▃▄×▅▆▇█");
        assert_eq!(text(&trips, 12, false), "  __.-:x=+*#");
        assert_eq!(text(&trips, 3, true), "▆▇█", "the newest");
        assert_eq!((text(&[], 2, true), text(&trips, 0, true)), ("  ".into(), String::new()));
        let looks: Vec<Look> = line(&trips, 10, true).iter().map(|(look, _)| *look).collect();
        assert_eq!(looks, [Look::Plain, Look::Bad, Look::Plain]);
    }
}
