//! The watchdog as firmware uses it while the host boots: BIOS FRB2, then POST, then the load of the operating system.
//!
//! Off unless the options want it. A pure state machine over boottime; `board` sets and stops the timer by it.

use super::host::Power;
use super::watchdog::steps;
use core::time::Duration;

/// The uses of the timer in a boot, each for a third of it (IPMI 2.0 table 27-2).
const USES: [u8; 3] = [0x01, 0x02, 0x03];
/// How much longer than its part of the boot the timer is set for: a boot that goes on does not let it run out.
const SPARE: Duration = Duration::from_secs(60);
/// What the firmware wants if it does run out: a hard reset.
const HARD_RESET: u8 = 0x01;

/// What is to be done to the timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Set with these octets, and started.
    Start([u8; 6]),
    /// Stopped: the boot is over.
    Stop,
}

/// How far the firmware is.
#[derive(Debug, Clone)]
pub struct Firmware {
    used: bool,
    boot_time: Duration,
    /// The place in [`USES`] of the timer that was started last, in this boot.
    at: Option<usize>,
}

impl Firmware {
    /// Firmware that uses the timer or does not, of a host that takes so long to boot.
    pub fn new(used: bool, boot_time: Duration) -> Self {
        Self { used, boot_time, at: None }
    }

    /// The host was reset or lost its power: the next boot begins anew.
    pub fn restarted(&mut self) {
        self.at = None;
    }

    /// What is to be done now, with the host like this.
    pub fn handle(&mut self, now: Duration, power: Power) -> Option<Step> {
        let wanted = match power {
            Power::Booting { until } if until > now && self.used => Some(self.part(until - now)),
            Power::Booting { .. } | Power::Up | Power::Off | Power::Cycling { .. } => None,
        };
        if wanted == self.at {
            return None;
        }
        self.at = wanted;
        Some(wanted.map_or(Step::Stop, |part| Step::Start(self.octets(part))))
    }

    /// When the next part of the boot begins. Its end is the host's own deadline.
    pub fn next_deadline(&self, power: Power) -> Option<Duration> {
        let (Power::Booting { until }, true) = (power, self.used) else { return None };
        let left = USES.len() - 1 - self.at?;
        (left > 0).then(|| until.saturating_sub(self.each() * left as u32))
    }

    fn each(&self) -> Duration {
        self.boot_time / USES.len() as u32
    }

    /// Which part it is with so much of the boot left.
    fn part(&self, left: Duration) -> usize {
        let later = (0..USES.len() - 1).filter(|part| left <= self.each() * (USES.len() - 1 - part) as u32);
        later.count()
    }

    /// Set Watchdog Timer, as the firmware says it. No event is logged for it.
    fn octets(&self, part: usize) -> [u8; 6] {
        let [low, high] = steps(self.each().saturating_add(SPARE)).to_le_bytes();
        [0x80 | USES[part], HARD_RESET, 0, 0, low, high]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const UP_AT: Duration = Duration::from_secs(130);
    const BOOTING: Power = Power::Booting { until: UP_AT };

    fn started(timer_use: u8) -> Option<Step> {
        Some(Step::Start([0x80 | timer_use, 1, 0, 0, 0xBC, 0x02])) // 10 s and a minute
    }

    #[test]
    fn three_uses_one_after_the_other() {
        let mut firmware = Firmware::new(true, SECOND * 30);
        assert_eq!(firmware.handle(SECOND * 100, BOOTING), started(1));
        assert_eq!(firmware.next_deadline(BOOTING), Some(SECOND * 110));
        assert_eq!(firmware.handle(SECOND * 110 - SECOND / 2, BOOTING), None);
        assert_eq!(firmware.handle(SECOND * 110, BOOTING), started(2));
        assert_eq!(firmware.next_deadline(BOOTING), Some(SECOND * 120));
        assert_eq!(firmware.handle(SECOND * 120, BOOTING), started(3));
        assert_eq!(firmware.next_deadline(BOOTING), None, "the rest is the host's");
        assert_eq!(firmware.handle(UP_AT, BOOTING), Some(Step::Stop), "the host may say it a moment later");
        assert_eq!(firmware.handle(UP_AT, Power::Up), None);
    }

    #[test]
    fn power_lost_and_reset_in_the_middle() {
        let mut firmware = Firmware::new(true, SECOND * 30);
        assert_eq!(firmware.handle(SECOND * 125, BOOTING), started(3), "looked at late");
        assert_eq!(firmware.handle(SECOND * 126, Power::Off), Some(Step::Stop));
        assert_eq!(firmware.handle(SECOND * 127, Power::Cycling { until: SECOND * 128 }), None);
        assert_eq!(firmware.handle(SECOND * 100, BOOTING), started(1));
        firmware.restarted();
        assert_eq!(firmware.handle(SECOND * 101, BOOTING), started(1), "the reset stopped it");
    }

    #[test]
    fn other_firmware_never_touches_it() {
        let mut firmware = Firmware::new(false, SECOND * 30);
        for power in [BOOTING, Power::Up, Power::Off] {
            assert_eq!((firmware.handle(SECOND * 100, power), firmware.next_deadline(power)), (None, None));
        }
    }

    #[test]
    fn absurd_boots_do_not_panic() {
        let mut endless = Firmware::new(true, Duration::MAX);
        let booting = Power::Booting { until: Duration::MAX };
        assert_eq!(endless.handle(SECOND, booting), Some(Step::Start([0x81, 1, 0, 0, 0xFF, 0xFF])));
        assert!(endless.next_deadline(booting).is_some());
        let mut instant = Firmware::new(true, Duration::ZERO);
        assert_eq!(instant.handle(SECOND, Power::Booting { until: SECOND }), None);
    }
}
