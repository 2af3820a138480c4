//! From a watchdog's answers to a pulse: who feeds it, how long ago, and whether the countdown can be believed.
//!
//! Some BMCs show a countdown that never moves, one above its start value, or a running bit that is stuck (IPMI 2.0,
//! section 27.7, as firmware has it). A pulse counts only once the countdown was seen to move, and no longer than what
//! was seen of it lasts. Input is hostile.

use super::evidence::{Feeder, Pulse};
use super::mark::{self, Mark, SMS_OS};
use crate::wire::command::Watchdog;
use core::time::Duration;

/// So many readings of one and the same countdown at least, over so long that the feeding it shows is older than the
/// time-out, and it is taken for frozen. Questions and feeding come with jitter, so a true one differs before.
pub const FROZEN_READINGS: u8 = 6;
/// So many, and it is asked again soon: feeding that happens to come as regularly as the questions is found out so.
const STANDS_READINGS: u8 = 2;
/// So often a countdown must fall under a running bit that says "stopped" before the bit is not believed.
const LYING_READINGS: u8 = 2;
/// And so often stand still before the timer is taken for stopped all the same.
const STILL_READINGS: u8 = 4;
/// OEM timer use.
const OEM: u8 = 5;
/// A watchdog counts in these.
const TICK: Duration = Duration::from_millis(100);
/// Another owner's pace is known after so many feedings.
const PACED_REFILLS: u8 = 3;
/// And it is late after so many times the longest that was seen between two.
const PACES: u32 = 3;

/// What one answer adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// What it shows; none: nothing this time, and the next answer may be clearer.
    pub pulse: Option<Pulse>,
    /// It was set anew, and is yet to be seen to count: what it showed before is over.
    pub anew: bool,
    /// It shows another boot of the server than the one before, or the BMC's watchdog has just reset it.
    pub restarted: bool,
    /// It is nonsense, and counted.
    pub absurd: bool,
    /// It stands where it stood: at another moment it must stand elsewhere, if it is not frozen.
    pub stands: bool,
}

/// What is remembered from one answer to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Countdown {
    /// The last present countdown, with its start value.
    last: Option<(u16, u16)>,
    /// The countdown was seen to move since the timer was set like this.
    moves: bool,
    /// How often it has not, and since when.
    same: u8,
    still: Duration,
    /// How often it was fed under our eyes, and the longest that was seen between two feedings.
    refills: u8,
    longest: Duration,
    /// How often it fell although the running bit says that it is stopped.
    lies: u8,
    /// It was fed, and has not run out or been stopped since.
    fed: bool,
    /// It has run out under our eyes; until it is used again.
    ran_out: bool,
    /// The boot whose mark was seen last.
    tag: Option<u16>,
}

impl Countdown {
    /// The server lost its power: what its timer showed says nothing of the next boot. Its mark is remembered.
    pub fn power_lost(&mut self) {
        *self = Self { tag: self.tag, ..Self::default() };
    }

    /// Weighs an answer that came at this moment (boottime).
    pub fn read(&mut self, at: Duration, timer: &Watchdog, timeout: Duration) -> Reading {
        if timer.present > timer.initial || timer.timer_use > OEM {
            // Its mark is nonsense, too; what was known before stays known.
            return Reading { absurd: true, ..Reading::default() };
        }
        let restarted = self.another_boot(timer);
        let (before, moved) = (self.last, self.look(at, timer));
        let runs = timer.running || self.counts_all_the_same(timer, before, moved);
        if timer.running {
            self.lies = 0; // its bit is not stuck
        }
        if runs && timer.present > 0 {
            self.moves |= moved == Some(true);
            return self.running(at, timer, restarted, timeout);
        }
        // One that stands at zero has run out, whatever else it shows.
        let told = timer.running || timer.expired & (1 << timer.timer_use) != 0;
        let expired = timer.timer_use >= 1 && told && timer.present == 0;
        if core::mem::take(&mut self.fed) && expired && timer.timer_use >= SMS_OS {
            self.ran_out = true;
            // What the timer was to do (IPMI 2.0, table 27-3): reset, power down, power cycle.
            let acted = timer.actions & 0x07 != 0;
            return Reading { pulse: Some(Pulse::Expired), restarted: restarted || acted, ..Reading::default() };
        }
        self.ran_out &= expired;
        self.moves = false;
        let pulse = match mark::read(timer) {
            _ if self.ran_out => Pulse::Expired,
            Some((Mark::Goodbye, _)) => Pulse::Goodbye,
            Some((Mark::Lives(_), _)) | None => Pulse::Stopped,
        };
        Reading { pulse: Some(pulse), restarted, ..Reading::default() }
    }

    fn running(&mut self, at: Duration, timer: &Watchdog, restarted: bool, timeout: Duration) -> Reading {
        self.ran_out = false;
        // What was seen of it lasts as long as the time-out does.
        let old = at.saturating_sub(self.still) + ago(timer) > timeout;
        let frozen = self.same >= FROZEN_READINGS && old;
        let absurd = frozen && self.moves;
        self.moves &= !frozen;
        let mark = mark::read(timer).map(|(mark, _)| mark);
        let pulse = match mark {
            _ if frozen => Some(Pulse::Unread),
            _ if (1..SMS_OS).contains(&timer.timer_use) => Some(Pulse::Boot),
            // A feeding that was under way came behind the goodbye, and started the timer again.
            Some(Mark::Goodbye) => Some(Pulse::Goodbye),
            Some(Mark::Lives(vouched)) if self.moves => {
                Some(Pulse::Fed { ago: ago(timer), by: Feeder::Ours(vouched), good_for: Duration::ZERO })
            }
            None if self.moves => {
                Some(Pulse::Fed { ago: ago(timer), by: Feeder::Another, good_for: self.good_for(timer) })
            }
            Some(Mark::Lives(_)) | None => (self.same > 0).then_some(Pulse::Unread),
        };
        let was_fed = self.fed;
        self.fed = pulse.map_or(was_fed, |pulse| matches!(pulse, Pulse::Fed { .. }));
        let restarted = restarted || was_fed && pulse == Some(Pulse::Boot);
        let stands = self.moves && self.same >= STANDS_READINGS;
        Reading { pulse, anew: pulse.is_none(), restarted, absurd, stands }
    }

    /// Whether the timer runs although its bit says that it does not: it was seen to fall.
    fn counts_all_the_same(&mut self, timer: &Watchdog, before: Option<(u16, u16)>, moved: Option<bool>) -> bool {
        let fell = before.is_some_and(|(present, initial)| initial == timer.initial && timer.present < present);
        if fell && timer.present > 0 {
            self.lies = self.lies.saturating_add(1);
        }
        if moved.is_none() || timer.present == 0 || self.same >= STILL_READINGS {
            self.lies = 0;
        }
        self.lies >= LYING_READINGS
    }

    /// How long another owner's feeding is good for: its timer's whole length, until its pace was seen.
    fn good_for(&self, timer: &Watchdog) -> Duration {
        let whole = TICK * u32::from(timer.initial);
        if self.refills < PACED_REFILLS { whole } else { (self.longest * PACES).min(whole) }
    }

    /// Whether the countdown is another one than last time; none: there was no last time.
    fn look(&mut self, at: Duration, timer: &Watchdog) -> Option<bool> {
        let before = self.last.replace((timer.present, timer.initial));
        let anew = before.is_none_or(|(_, initial)| initial != timer.initial);
        let moved = anew || before.is_some_and(|(present, _)| present != timer.present);
        self.same = if moved { 0 } else { self.same.saturating_add(1) };
        if moved {
            self.still = at;
        }
        if anew {
            (self.moves, self.refills, self.longest) = (false, 0, Duration::ZERO);
            return None;
        }
        if let Some((present, initial)) = before.filter(|(present, _)| *present < timer.present) {
            self.refills = self.refills.saturating_add(1);
            self.longest = self.longest.max(TICK * u32::from(initial.saturating_sub(present)));
        }
        Some(moved)
    }

    /// A mark that is seen first tells of this boot only where the timer runs: a stopped one may be of a former boot.
    fn another_boot(&mut self, timer: &Watchdog) -> bool {
        let Some((_, tag)) = mark::read(timer) else { return false };
        if self.tag.is_none() && !timer.running {
            return false;
        }
        self.tag.replace(tag).is_some_and(|before| before != tag)
    }
}

fn ago(timer: &Watchdog) -> Duration {
    TICK * u32::from(timer.initial.saturating_sub(timer.present))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heartbeat::mark::{Vouched, start};

    const TIMEOUT: Duration = Duration::from_secs(90);

    /// One answer after the other, three seconds apart.
    struct Read {
        countdown: Countdown,
        at: Duration,
    }

    impl Read {
        fn new() -> Self {
            Self { countdown: Countdown::default(), at: Duration::ZERO }
        }

        fn read(&mut self, timer: &Watchdog) -> Reading {
            self.at += Duration::from_secs(3);
            self.countdown.read(self.at, timer, TIMEOUT)
        }
    }

    fn ours(tag: u16, present_below: u16) -> Watchdog {
        let initial = start(Mark::Lives(Vouched::Library), TIMEOUT, tag);
        Watchdog {
            dont_log: true,
            running: true,
            timer_use: SMS_OS,
            actions: 0,
            pre_timeout: 0,
            expired: 0,
            initial,
            present: initial - present_below,
        }
    }

    fn fed(ago_ms: u64) -> Option<Pulse> {
        Some(Pulse::Fed {
            ago: Duration::from_millis(ago_ms),
            by: Feeder::Ours(Vouched::Library),
            good_for: Duration::ZERO,
        })
    }

    #[test]
    fn a_pulse_counts_once_it_was_seen_to_move() {
        let mut countdown = Read::new();
        assert_eq!(countdown.read(&ours(3, 10)).pulse, None);
        assert_eq!(countdown.read(&ours(3, 10)).pulse, Some(Pulse::Unread));
        assert_eq!(countdown.read(&ours(3, 7)).pulse, fed(700));
        assert_eq!(countdown.read(&ours(3, 7)).pulse, fed(700), "once seen is enough for a while");
        assert_eq!(countdown.read(&Watchdog { initial: 100, present: 90, ..ours(3, 0) }).pulse, None, "set anew");
    }

    #[test]
    fn a_frozen_countdown_is_no_pulse_for_longer_than_the_time_out() {
        let mut countdown = Read::new();
        countdown.read(&ours(3, 10));
        assert_eq!(countdown.read(&ours(3, 40)).pulse, fed(4000));
        let all: Vec<Reading> = (0..60).map(|_| countdown.read(&ours(3, 40))).collect();
        assert_eq!(all[27].pulse, fed(4000), "84 s and the 4 s that it shows");
        assert_eq!(all[28].pulse, Some(Pulse::Unread));
        assert_eq!(all.iter().filter(|reading| reading.absurd).count(), 1, "it is counted once");
        assert_eq!(all[59].pulse, Some(Pulse::Unread));
        assert_eq!(countdown.read(&ours(3, 9)).pulse, fed(900), "it moves again");
        // A boot's timer that stands still is no boot.
        let post = |below| Watchdog { timer_use: 2, ..ours(3, below) };
        let all: Vec<Option<Pulse>> = (0..60).map(|_| countdown.read(&post(500)).pulse).collect();
        assert_eq!((all[1], all[59]), (Some(Pulse::Boot), Some(Pulse::Unread)));
    }

    #[test]
    fn nonsense_is_no_pulse_and_forgets_nothing() {
        let mut countdown = Read::new();
        countdown.read(&ours(3, 10));
        countdown.read(&ours(3, 4));
        for nonsense in [
            Watchdog { present: 60_000, ..ours(3, 0) },
            Watchdog { timer_use: 7, ..ours(3, 0) },
            Watchdog { present: u16::MAX, initial: 106, ..ours(3, 0) }, // another boot's mark
        ] {
            assert_eq!(countdown.read(&nonsense), Reading { absurd: true, ..Reading::default() });
        }
        assert_eq!(countdown.read(&ours(3, 7)), Reading { pulse: fed(700), ..Reading::default() });
    }

    #[test]
    fn goodbye_is_no_stop_and_a_stop_no_goodbye() {
        let mut countdown = Read::new();
        countdown.read(&ours(3, 10));
        countdown.read(&ours(3, 4));
        let initial = start(Mark::Goodbye, TIMEOUT, 3);
        let goodbye = Watchdog { running: false, initial, present: initial, ..ours(3, 0) };
        assert_eq!(countdown.read(&goodbye).pulse, Some(Pulse::Goodbye));
        let again = Watchdog { running: true, present: initial - 5, ..goodbye };
        assert_eq!(countdown.read(&again).pulse, Some(Pulse::Goodbye), "a late feeding has started it");
        let stopped = Watchdog { running: false, ..ours(3, 0) };
        assert_eq!(countdown.read(&stopped).pulse, Some(Pulse::Stopped));
        let never = Watchdog { timer_use: 0, initial: 0, present: 0, running: false, ..ours(3, 0) };
        assert_eq!(countdown.read(&never).pulse, Some(Pulse::Stopped));
    }

    #[test]
    fn what_runs_out_under_our_eyes_has_expired_and_what_ran_out_before_is_stopped() {
        let out = Watchdog { running: false, present: 0, expired: 1 << SMS_OS, ..ours(3, 0) };
        let mut countdown = Read::new();
        assert_eq!(countdown.read(&out).pulse, Some(Pulse::Stopped), "nobody knows when");
        countdown.read(&ours(3, 10));
        countdown.read(&ours(3, 4));
        let reading = countdown.read(&out);
        assert_eq!((reading.pulse, reading.restarted), (Some(Pulse::Expired), false), "its action was none");
        assert_eq!(countdown.read(&out).pulse, Some(Pulse::Expired), "and it stays so");
        assert_eq!(countdown.read(&Watchdog { expired: 0, ..out }).pulse, Some(Pulse::Stopped));
        // One that stands at zero and says that it runs.
        countdown.read(&ours(3, 10));
        countdown.read(&ours(3, 4));
        let zero = Watchdog { running: true, present: 0, ..ours(3, 0) };
        assert_eq!(countdown.read(&zero).pulse, Some(Pulse::Expired));
    }

    #[test]
    fn a_watchdog_that_has_reset_its_server_tells_of_a_restart_once() {
        let kernel = Watchdog { actions: 1, dont_log: false, initial: 100, present: 80, ..ours(3, 0) };
        let mut countdown = Read::new();
        countdown.read(&kernel);
        let reading = countdown.read(&Watchdog { present: 95, ..kernel });
        assert_eq!(
            reading.pulse,
            Some(Pulse::Fed {
                ago: Duration::from_millis(500),
                by: Feeder::Another,
                good_for: Duration::from_secs(10)
            })
        );
        let out = Watchdog { running: false, present: 0, expired: 1 << SMS_OS, ..kernel };
        assert!(countdown.read(&out).restarted);
        assert!(!countdown.read(&out).restarted);
        let post = Watchdog { timer_use: 3, ..kernel };
        let reading = countdown.read(&post);
        assert_eq!((reading.pulse, reading.restarted), (Some(Pulse::Boot), false), "told already");
    }

    #[test]
    fn another_boots_mark_and_firmware_after_a_pulse_tell_of_a_restart() {
        let mut countdown = Read::new();
        countdown.read(&ours(3, 10));
        assert!(!countdown.read(&ours(3, 4)).restarted);
        assert!(countdown.read(&ours(4, 4)).restarted);
        assert!(!countdown.read(&ours(4, 3)).restarted);
        countdown.read(&ours(4, 2));
        assert!(countdown.read(&Watchdog { timer_use: 1, ..ours(4, 0) }).restarted);
        countdown.countdown.power_lost();
        assert!(countdown.read(&ours(5, 3)).restarted);
    }

    #[test]
    fn a_running_bit_that_is_stuck_is_seen_through() {
        let stuck = |present| Watchdog { running: false, ..ours(3, present) };
        let mut countdown = Read::new();
        let all: Vec<Option<Pulse>> = [5, 12, 20, 3, 9, 15].map(|below| countdown.read(&stuck(below)).pulse).into();
        assert_eq!(all[..2], [Some(Pulse::Stopped); 2]);
        assert_eq!(all[2..], [fed(2000), fed(300), fed(900), fed(1500)]);
        let after: Vec<Option<Pulse>> = (0..6).map(|_| countdown.read(&stuck(15)).pulse).collect();
        assert_eq!(after.last(), Some(&Some(Pulse::Stopped)), "{after:?}");
    }

    #[test]
    fn a_timer_that_was_stopped_twice_does_not_run() {
        let mut countdown = Read::new();
        countdown.read(&ours(3, 10));
        for _ in 0..3 {
            countdown.read(&ours(3, 4));
            let stopped = Watchdog { running: false, ..ours(3, 20) };
            assert_eq!(countdown.read(&stopped).pulse, Some(Pulse::Stopped), "it stopped where it stood");
        }
    }

    #[test]
    fn another_owner_has_a_pace_of_its_own() {
        let long = |present| Watchdog { actions: 1, initial: 9000, present, ..ours(3, 0) };
        let mut read = Read::new();
        let mut last = None;
        // Fed every minute, a timer of a quarter of an hour; read every twenty seconds.
        for (n, below) in [100, 300, 500].into_iter().cycle().take(12).enumerate() {
            last = read.read(&long(9000 - below)).pulse;
            let Some(Pulse::Fed { good_for, .. }) = last else { continue };
            let whole = n < 9; // three feedings have been seen with the tenth reading
            assert_eq!(good_for, Duration::from_secs(if whole { 900 } else { 150 }), "{n}");
        }
        assert!(matches!(last, Some(Pulse::Fed { .. })), "{last:?}");
        read.read(&Watchdog { initial: 600, present: 590, ..long(0) });
        let anew = read.read(&Watchdog { initial: 600, present: 570, ..long(0) }).pulse;
        assert!(matches!(anew, Some(Pulse::Fed { good_for, .. }) if good_for == Duration::from_secs(60)), "{anew:?}");
    }
}
