//! What is true of a server: its power, and what its BMC's timer is, told by the world and not by what anybody says of it.

use std::collections::VecDeque;
use std::time::Duration;

/// The timer, as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Timer {
    /// Not used, or stopped.
    Stopped,
    /// Stopped by a process of ours that ended cleanly.
    Goodbye,
    /// Run by firmware.
    Firmware,
    /// Fed last at this moment.
    Fed(Duration),
    /// It has run out, fed last at this moment.
    Expired(Duration),
}

/// A server at a moment, and until the next one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct State {
    pub on: bool,
    pub timer: Timer,
}

impl State {
    /// Whether it was fed within this time, at the earliest moment of the span that begins then.
    pub fn fed_within(self, from: Duration, time: Duration) -> bool {
        matches!(self.timer, Timer::Fed(at) if at + time >= from)
    }

    /// Whether it had power and had not been fed for longer than this at the end of the span.
    pub fn unfed_for(self, to: Duration, time: Duration) -> bool {
        self.on
            && match self.timer {
                Timer::Fed(at) => at + time < to,
                Timer::Expired(_) => true,
                Timer::Stopped | Timer::Goodbye | Timer::Firmware => false,
            }
    }
}

/// So much of the past is kept.
const KEPT: Duration = Duration::from_secs(400);

/// The states of a server, the newest last.
#[derive(Debug)]
pub struct Truth {
    states: VecDeque<(Duration, State)>,
    /// How often it began to boot, the first time included.
    pub boots: u32,
    /// Since when it is off, or on.
    pub power_since: Duration,
    /// Since when the state is the same, but for the feeding as long as it does not pause.
    pub same_since: Duration,
    pause: Duration,
}

impl Truth {
    pub fn new(now: Duration, pause: Duration) -> Self {
        let state = State { on: true, timer: Timer::Stopped };
        Self { states: VecDeque::from([(now, state)]), boots: 1, power_since: now, same_since: now, pause }
    }

    pub fn now(&self) -> State {
        self.states.back().expect("never empty").1
    }

    /// It is so from now on.
    pub fn is(&mut self, now: Duration, state: State) {
        let before = self.now();
        if before == state {
            return;
        }
        if before.on != state.on {
            self.power_since = now;
            self.boots += u32::from(state.on);
        }
        let same = matches!((before.timer, state.timer), (Timer::Fed(at), Timer::Fed(_)) if at + self.pause > now);
        if before.on != state.on || !same {
            self.same_since = now;
        }
        self.states.push_back((now, state));
        while self.states.len() > 2 && self.states[1].0 + KEPT < now {
            self.states.pop_front();
        }
    }

    /// Whether at some moment of this span it was so: the state, and the part of the span that it had.
    pub fn was(&self, from: Duration, to: Duration, so: impl Fn(State, Duration, Duration) -> bool) -> bool {
        let mut end = to;
        for (begin, state) in self.states.iter().rev() {
            if *begin <= to && so(*state, (*begin).max(from), end) {
                return true;
            }
            if *begin <= from {
                return false;
            }
            end = end.min(*begin);
        }
        false
    }
}
