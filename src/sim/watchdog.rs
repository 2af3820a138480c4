//! The watchdog timer of IPMI 2.0 section 27: a true countdown in steps of 100 ms.
//!
//! Time is boottime, handed in. What an expiry does to the host is told to the caller, who owns the host.

use core::time::Duration;

/// One step of the countdown.
const STEP: Duration = Duration::from_millis(100);

/// So much time in steps of the countdown, rounded up; the most that fits if it is more.
pub fn steps(time: Duration) -> u16 {
    u16::try_from(time.as_millis().div_ceil(STEP.as_millis())).unwrap_or(u16::MAX)
}

/// What an expired timer does (IPMI 2.0 table 27-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    None,
    /// Hard reset.
    Reset,
    /// Power down.
    PowerOff,
    /// Power cycle.
    PowerCycle,
}

/// An expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expired {
    /// Timer use: 1 FRB2, 2 POST, 3 OS load, 4 SMS/OS, 5 OEM.
    pub timer_use: u8,
    /// What is to be done.
    pub action: Action,
    /// Event data 2: pre-timeout interrupt and timer use.
    pub data: u8,
    /// Whether an event is to be logged.
    pub log: bool,
}

/// Why a Set is refused; both become completion code CCh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadField;

/// Reset before any Set: completion code 80h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeverSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Timer {
    NeverSet,
    Stopped { left: u16 },
    Running { until: Duration },
}

/// The timer.
#[derive(Debug, Clone)]
pub struct Watchdog {
    timer: Timer,
    dont_log: bool,
    timer_use: u8,
    actions: u8,
    pre_timeout: u8,
    expired: u8,
    initial: u16,
}

impl Default for Watchdog {
    fn default() -> Self {
        Self {
            timer: Timer::NeverSet,
            dont_log: false,
            timer_use: 0,
            actions: 0,
            pre_timeout: 0,
            expired: 0,
            initial: 0,
        }
    }
}

impl Watchdog {
    /// Set Watchdog Timer: stops the timer unless bit 6 says otherwise; never starts it.
    pub fn set(&mut self, now: Duration, data: &[u8; 6]) -> Result<(), BadField> {
        let timer_use = data[0] & 0x07;
        if !(1..=5).contains(&timer_use) || data[1] & 0x07 > 3 || data[1] >> 4 & 0x07 > 3 {
            return Err(BadField);
        }
        self.dont_log = data[0] & 0x80 != 0;
        self.timer_use = timer_use;
        self.actions = data[1] & 0x77;
        self.pre_timeout = data[2];
        self.expired &= !data[3]; // write one to clear
        self.initial = u16::from_le_bytes([data[4], data[5]]);
        let keep = data[0] & 0x40 != 0;
        self.timer = match self.timer {
            Timer::Running { .. } if keep => Timer::Running { until: now + STEP * u32::from(self.initial) },
            Timer::Running { .. } | Timer::Stopped { .. } | Timer::NeverSet => Timer::Stopped { left: self.initial },
        };
        Ok(())
    }

    /// Reset Watchdog Timer: (re)starts the countdown from its initial value.
    pub fn reset(&mut self, now: Duration) -> Result<(), NeverSet> {
        match self.timer {
            Timer::NeverSet => Err(NeverSet),
            Timer::Stopped { .. } | Timer::Running { .. } => {
                self.timer = Timer::Running { until: now + STEP * u32::from(self.initial) };
                Ok(())
            }
        }
    }

    /// Get Watchdog Timer.
    pub fn get(&self, now: Duration) -> [u8; 8] {
        let flags = if self.dont_log { 0x80 } else { 0 } | if self.running() { 0x40 } else { 0 } | self.timer_use;
        let [initial_low, initial_high] = self.initial.to_le_bytes();
        let [left_low, left_high] = self.left(now).to_le_bytes();
        [flags, self.actions, self.pre_timeout, self.expired, initial_low, initial_high, left_low, left_high]
    }

    /// Whether it counts.
    pub fn running(&self) -> bool {
        matches!(self.timer, Timer::Running { .. })
    }

    /// Present countdown, in steps of 100 ms; rounded up, so that zero means expired.
    pub fn left(&self, now: Duration) -> u16 {
        match self.timer {
            Timer::NeverSet => 0,
            Timer::Stopped { left } => left,
            Timer::Running { until } => steps(until.saturating_sub(now)),
        }
    }

    /// Stops it where it stands: the host was reset or lost power.
    pub fn stop(&mut self, now: Duration) {
        match self.timer {
            Timer::Running { .. } => self.timer = Timer::Stopped { left: self.left(now) },
            Timer::NeverSet | Timer::Stopped { .. } => {}
        }
    }

    /// When it will expire.
    pub fn next_deadline(&self) -> Option<Duration> {
        match self.timer {
            Timer::Running { until } => Some(until),
            Timer::NeverSet | Timer::Stopped { .. } => None,
        }
    }

    /// Expires if it is time.
    pub fn handle_timeout(&mut self, now: Duration) -> Option<Expired> {
        if self.next_deadline()? > now {
            return None;
        }
        self.timer = Timer::Stopped { left: 0 };
        self.expired |= 1 << self.timer_use;
        let action = match self.actions & 0x07 {
            1 => Action::Reset,
            2 => Action::PowerOff,
            3 => Action::PowerCycle,
            _ => Action::None, // set() lets nothing above 3 in
        };
        let data = self.actions & 0x70 | self.timer_use;
        Some(Expired { timer_use: self.timer_use, action, data, log: !self.dont_log })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    /// SMS/OS, hard reset, 10 s.
    const SET: [u8; 6] = [0x04, 0x01, 0, 0, 100, 0];

    #[test]
    fn set_loads_reset_starts() {
        let mut watchdog = Watchdog::default();
        assert_eq!(watchdog.reset(SECOND), Err(NeverSet));
        watchdog.set(SECOND, &SET).unwrap();
        assert_eq!(watchdog.get(SECOND * 5), [0x04, 0x01, 0, 0, 100, 0, 100, 0], "Set alone does not start it");
        watchdog.reset(SECOND * 5).unwrap();
        assert_eq!(watchdog.get(SECOND * 8), [0x44, 0x01, 0, 0, 100, 0, 70, 0]);
        assert_eq!(watchdog.next_deadline(), Some(SECOND * 15));
    }

    #[test]
    fn expiry_sets_the_flag_and_stops() {
        let mut watchdog = Watchdog::default();
        watchdog.set(SECOND, &SET).unwrap();
        watchdog.reset(SECOND).unwrap();
        assert_eq!(watchdog.handle_timeout(SECOND * 11 - STEP / 2), None);
        assert_eq!(watchdog.left(SECOND * 11 - STEP / 2), 1);
        let expired = watchdog.handle_timeout(SECOND * 11).unwrap();
        assert_eq!(expired, Expired { timer_use: 4, action: Action::Reset, data: 0x04, log: true });
        assert_eq!(watchdog.get(SECOND * 12), [0x04, 0x01, 0, 0x10, 100, 0, 0, 0]);
        watchdog.set(SECOND, &[0x04, 0x01, 0, 0x10, 100, 0]).unwrap();
        assert_eq!(watchdog.get(SECOND)[3], 0, "writing one clears the flag");
    }

    #[test]
    fn set_stops_a_running_timer_unless_told_not_to() {
        let mut watchdog = Watchdog::default();
        watchdog.set(SECOND, &SET).unwrap();
        watchdog.reset(SECOND).unwrap();
        let mut keep = SET;
        keep[0] |= 0x40;
        keep[4] = 50;
        watchdog.set(SECOND * 2, &keep).unwrap();
        assert_eq!(watchdog.get(SECOND * 3), [0x44, 0x01, 0, 0, 50, 0, 40, 0]);
        watchdog.set(SECOND * 3, &SET).unwrap();
        assert!(!watchdog.running());
        watchdog.set(SECOND * 3, &keep).unwrap();
        assert!(!watchdog.running(), "bit 6 does not start a stopped timer");
    }

    #[test]
    fn reserved_values_are_refused() {
        let mut watchdog = Watchdog::default();
        for (at, value) in [(0, 0), (0, 6), (1, 4), (1, 0x40)] {
            let mut data = SET;
            data[at] = value;
            assert_eq!(watchdog.set(SECOND, &data), Err(BadField));
        }
        assert_eq!(watchdog.reset(SECOND), Err(NeverSet));
    }
}
