//! The mark that our pulse bears: the start value of the BMC's watchdog says whose it is, for whom it vouches and of
//! which boot.
//!
//! A watchdog (IPMI 2.0, section 27) has no room for a name, but its start value is counted in tenths of a second, and
//! everybody else sets whole seconds. So the tenths say what it is, and the seconds, modulo [`TAGS`], which boot of the
//! host set it. Read from a BMC: hostile, and believed for no more than what a foreign timer would be believed for.

use crate::wire::command::Watchdog;
use core::time::Duration;

/// Timer use SMS/OS: the operating system's own (IPMI 2.0, table 27-2).
pub const SMS_OS: u8 = 4;
/// Boots that can be told apart.
pub const TAGS: u16 = 32;
/// Limit: the longest start value that a pulse of ours has; the field has 16 bits of 100 ms.
pub const MAX_START: Duration = Duration::from_secs(6500);
/// How many heartbeat time-outs a pulse's timer lasts: a reader must be able to tell how late it is.
const TIMEOUTS: u32 = 4;

/// The tenths of a second.
const LIBRARY: u16 = 6;
const APPLICATION: u16 = 7;
const GOODBYE: u16 = 8;

/// Who lives, according to a pulse of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Vouched {
    /// Our library's thread, or loop.
    Library,
    /// The application, which says so again and again.
    Application,
}

/// What a start value of ours says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It lives.
    Lives(Vouched),
    /// It ended cleanly.
    Goodbye,
}

/// The start value, in tenths of a second, of a pulse with this heartbeat time-out, in the boot of this tag.
pub fn start(mark: Mark, timeout: Duration, tag: u16) -> u16 {
    let most = MAX_START.as_secs() as u16 / TAGS * TAGS;
    let wanted = timeout.saturating_mul(TIMEOUTS).as_secs().div_ceil(u64::from(TAGS)) * u64::from(TAGS);
    let seconds = u16::try_from(wanted).unwrap_or(most).clamp(TAGS, most);
    let tenths = match mark {
        Mark::Lives(Vouched::Library) => LIBRARY,
        Mark::Lives(Vouched::Application) => APPLICATION,
        Mark::Goodbye => GOODBYE,
    };
    (seconds + tag % TAGS) * 10 + tenths
}

/// The tag of a boot, from its id.
pub fn tag(boot: &[u8]) -> u16 {
    boot.iter().fold(0_u16, |tag, octet| tag.wrapping_mul(31).wrapping_add(u16::from(*octet))) % TAGS
}

/// What the timer's settings say, if they are ours: the mark, and the tag of the boot.
pub fn read(timer: &Watchdog) -> Option<(Mark, u16)> {
    if timer.timer_use != SMS_OS || timer.actions & 0x77 != 0 {
        return None;
    }
    let mark = match timer.initial % 10 {
        LIBRARY => Mark::Lives(Vouched::Library),
        APPLICATION => Mark::Lives(Vouched::Application),
        GOODBYE => Mark::Goodbye,
        _ => return None,
    };
    Some((mark, timer.initial / 10 % TAGS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timer(initial: u16) -> Watchdog {
        Watchdog {
            dont_log: true,
            running: true,
            timer_use: SMS_OS,
            actions: 0,
            pre_timeout: 0,
            expired: 0,
            initial,
            present: initial,
        }
    }

    #[test]
    fn what_is_marked_is_read() {
        for mark in [Mark::Lives(Vouched::Library), Mark::Lives(Vouched::Application), Mark::Goodbye] {
            for seconds in [0, 1, 90, 1600, 100_000] {
                for tag in [0, 1, 31, 32] {
                    let start = start(mark, Duration::from_secs(seconds), tag);
                    assert_eq!(read(&timer(start)), Some((mark, tag % TAGS)), "{seconds} s, tag {tag}");
                    let lasts = Duration::from_millis(u64::from(start) * 100);
                    assert!(seconds == 100_000 || lasts >= Duration::from_secs(seconds * 4), "{lasts:?}");
                }
            }
        }
    }

    #[test]
    fn whole_seconds_and_other_uses_are_somebody_elses() {
        assert_eq!(read(&timer(3600)), None);
        let ours = timer(3606);
        assert!(read(&ours).is_some());
        for other in
            [Watchdog { timer_use: 1, ..ours }, Watchdog { actions: 1, ..ours }, Watchdog { actions: 0x10, ..ours }]
        {
            assert_eq!(read(&other), None, "{other:?}");
        }
    }
}
