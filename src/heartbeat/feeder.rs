//! Our own pulse: feeds this server's BMC's watchdog (IPMI 2.0, section 27), so that others see from outside that we live.
//!
//! The etiquette: never another owner's timer. It is set only when it is stopped, and fed only as long as Get shows
//! exactly our use, action and start value; on any mismatch it is given up for good, and the other owner's feeding
//! counts as the pulse. Firmware's, over the boot, is waited for. The action is none: it is read, and never does
//! anything. On a clean end it is stopped with a mark that says so. Sans-IO, one question at a time. The answers are a
//! BMC's, hostile.

use super::mark::{self, Mark, SMS_OS, Vouched};
use crate::bmc::failure::Failure;
use crate::crypto::Random;
use crate::now::Now;
use crate::wire::command::{GET_WATCHDOG, RESET_WATCHDOG, SET_WATCHDOG, Watchdog};
use crate::wire::ipmi::{Completion, Request, Response};
use core::fmt;
use core::time::Duration;

/// After a BMC's refusal it is tried again so rarely: it will hardly change its mind.
pub const REFUSED_PAUSE: Duration = Duration::from_secs(60);
/// It is fed up to this part of the period earlier or later.
const JITTER: u32 = 8;
/// Reset Watchdog Timer, of a timer that was never set (IPMI 2.0, section 27.5).
const NEVER_SET: u8 = 0x80;

/// What our pulse is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Between two feedings.
    pub period: Duration,
    /// The heartbeat's time-out, for which the timer must last.
    pub timeout: Duration,
    /// Who lives, if it is fed.
    pub vouched: Vouched,
    /// An application's word is good for so long.
    pub word: Duration,
    /// Of this boot ([`mark::tag`]).
    pub tag: u16,
}

/// What people should know of it; said when it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Note {
    /// It is fed.
    Fed,
    /// It is fed by somebody else, or set by somebody else: it is not touched any more.
    Foreign {
        /// Its timer use.
        timer_use: u8,
        /// Whether it ran when that was seen.
        running: bool,
    },
    /// The BMC does not take it.
    Refused(Completion),
    /// The BMC does not answer.
    Unanswered(Failure),
    /// Its answer is nonsense.
    Malformed,
    /// It was set and started, and does not count.
    DoesNotCount,
    /// The application has not given its word in time: it is not fed.
    NoWord,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fed => f.write_str("its watchdog bears our pulse"),
            Self::Foreign { timer_use, running } => {
                let how = if *running { "runs" } else { "was set" };
                write!(
                    f,
                    "its watchdog {how} for somebody else (timer use {timer_use}): it is theirs, and their feeding is the pulse"
                )
            }
            Self::Refused(code) => write!(f, "no pulse: it does not let us use its watchdog: {code}"),
            Self::Unanswered(why) => write!(f, "no pulse at the moment: {why}"),
            Self::Malformed => f.write_str("no pulse: what it says of its watchdog is not understood"),
            Self::DoesNotCount => f.write_str("no pulse: its watchdog was started and does not count"),
            Self::NoWord => f.write_str("no pulse: the application has not vouched in time"),
        }
    }
}

impl Note {
    fn foreign(timer: &Watchdog) -> Self {
        Self::Foreign { timer_use: timer.timer_use, running: timer.running }
    }

    /// Whether somebody should look.
    pub fn is_trouble(self) -> bool {
        match self {
            Self::Fed => false,
            Self::Foreign { running, .. } => !running,
            Self::Refused(_) | Self::Unanswered(_) | Self::Malformed | Self::DoesNotCount | Self::NoWord => true,
        }
    }
}

/// The step that is next, or whose answer is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Get: whose is it?
    Look,
    /// Set: it is stopped, and ours to use.
    Set,
    /// Reset: starts it, or starts it over.
    Feed,
    /// Get: does it count?
    Verify,
    /// Get, before it is stopped for good.
    LookOnce,
    /// Set, which stops it.
    Part,
    /// Nothing any more.
    Over,
}

/// See the module.
#[derive(Debug)]
pub struct Feeder {
    settings: Settings,
    random: Random,
    step: Step,
    /// The step whose answer is awaited.
    asked: Option<Step>,
    /// When the next question is due.
    due: Duration,
    /// It bears our mark, as far as we know.
    ours: bool,
    /// When the application has given its word last.
    word: Option<Duration>,
    said: Option<Note>,
}

impl Feeder {
    /// Looks first, at once. `random` is its own.
    pub fn new(now: Now, settings: Settings, random: Random) -> Self {
        Self { settings, random, step: Step::Look, asked: None, due: now.boottime, ours: false, word: None, said: None }
    }

    /// What is said of it at present; none: nothing is known yet.
    pub fn said(&self) -> Option<Note> {
        self.said
    }

    /// The application lives.
    pub fn vouch(&mut self, now: Now) {
        let missed = !self.has_word(now);
        self.word = Some(now.boottime);
        if missed && self.step == Step::Look && self.asked.is_none() {
            self.due = now.boottime; // somebody waits for it
        }
    }

    fn has_word(&self, now: Now) -> bool {
        match self.settings.vouched {
            Vouched::Library => true,
            Vouched::Application => self.word.is_some_and(|at| now.boottime < at + self.settings.word),
        }
    }

    /// We end: the timer is stopped, if it is ours.
    pub fn part(&mut self, now: Now) {
        if matches!(self.step, Step::LookOnce | Step::Part | Step::Over) {
            return;
        }
        // What is on its way may make it ours yet.
        let ours = self.ours || matches!(self.asked, Some(Step::Set | Step::Feed));
        self.step = if ours { Step::LookOnce } else { Step::Over };
        self.due = now.boottime;
    }

    /// Whether nothing more is to be said to the BMC.
    pub fn is_over(&self) -> bool {
        self.step == Step::Over
    }

    /// What to submit now, if anything; its answer is to be handed in.
    pub fn poll(&mut self, now: Now) -> Option<Request> {
        if self.asked.is_some() || self.step == Step::Over || now.boottime < self.due {
            return None;
        }
        if self.step == Step::Look && !self.has_word(now) {
            self.due = now.boottime + self.settings.period;
            // Before the first word nobody misses it.
            self.said = if self.word.is_some() { Some(Note::NoWord) } else { self.said };
            return None;
        }
        self.asked = Some(self.step);
        Some(match self.step {
            Step::Look | Step::Verify | Step::LookOnce => Request::new(GET_WATCHDOG, []),
            Step::Set => self.set(Mark::Lives(self.settings.vouched)),
            Step::Feed => Request::new(RESET_WATCHDOG, []),
            Step::Part | Step::Over => self.set(Mark::Goodbye),
        })
    }

    /// The answer to what was submitted. Afterwards look at [`Feeder::said`].
    pub fn handle_answer(&mut self, now: Now, result: Result<Response, Failure>) {
        let asked = self.asked.take();
        if asked != Some(self.step) {
            return; // nobody asked, or we part meanwhile
        }
        let response = match result {
            Ok(response) => response,
            Err(why) => return self.pause(now, Note::Unanswered(why), self.settings.period),
        };
        let code = response.completion;
        match self.step {
            Step::Feed if code == NEVER_SET => self.next(now, Step::Set), // the BMC was restarted meanwhile
            Step::Look | Step::Verify | Step::LookOnce | Step::Set | Step::Feed | Step::Part if code != 0 => {
                self.pause(now, Note::Refused(Completion(code)), REFUSED_PAUSE);
            }
            Step::Look | Step::Verify | Step::LookOnce => match Watchdog::parse(&response.data) {
                Ok(timer) => self.looked(now, &timer),
                Err(_) => self.pause(now, Note::Malformed, REFUSED_PAUSE),
            },
            Step::Set => {
                self.ours = true;
                self.next(now, Step::Feed);
            }
            Step::Feed if self.said == Some(Note::Fed) => self.rest(now),
            Step::Feed => self.next(now, Step::Verify),
            Step::Part | Step::Over => self.step = Step::Over,
        }
    }

    fn looked(&mut self, now: Now, timer: &Watchdog) {
        let exactly = self.is_exactly_ours(timer);
        let marked = mark::read(timer).is_some();
        let blank = timer.timer_use == 0 || timer.initial == 0;
        match self.step {
            Step::LookOnce => self.next(now, if exactly { Step::Part } else { Step::Over }),
            Step::Verify if exactly && timer.running => {
                self.said = Some(Note::Fed);
                self.rest(now);
            }
            Step::Verify if exactly => self.pause(now, Note::DoesNotCount, REFUSED_PAUSE),
            Step::Look if exactly && timer.running => {
                self.ours = true;
                self.next(now, Step::Feed);
            }
            // Ours has run out (the host slept), the BMC was restarted, or nobody uses it.
            Step::Look if !timer.running && (exactly || blank || !self.ours) => self.next(now, Step::Set),
            // A pulse that another process or boot of ours has left behind.
            Step::Look if marked && !self.ours => self.next(now, Step::Set),
            // We are up before the firmware's watchdog over the boot was stopped.
            Step::Look if timer.running && !self.ours && (1..SMS_OS).contains(&timer.timer_use) => {
                self.pause(now, Note::foreign(timer), self.settings.period);
            }
            Step::Look | Step::Verify | Step::Set | Step::Feed | Step::Part | Step::Over => {
                self.ours = false;
                self.step = Step::Over;
                self.said = Some(Note::foreign(timer));
            }
        }
    }

    fn is_exactly_ours(&self, timer: &Watchdog) -> bool {
        timer.timer_use == SMS_OS
            && timer.actions & 0x77 == 0
            && timer.initial == self.start(Mark::Lives(self.settings.vouched))
    }

    fn start(&self, mark: Mark) -> u16 {
        mark::start(mark, self.settings.timeout, self.settings.tag)
    }

    /// Without "don't stop": the timer is stopped afterwards, and its old expiry is wiped off.
    fn set(&self, mark: Mark) -> Request {
        let timer = Watchdog {
            dont_log: true,
            running: false,
            timer_use: SMS_OS,
            actions: 0,
            pre_timeout: 0,
            expired: 1 << SMS_OS,
            initial: self.start(mark),
            present: 0,
        };
        Request::new(SET_WATCHDOG, timer.emit_set())
    }

    fn next(&mut self, now: Now, step: Step) {
        self.step = step;
        self.due = now.boottime;
    }

    /// Until it is time to feed again.
    fn rest(&mut self, now: Now) {
        self.step = Step::Look;
        let span = self.settings.period / JITTER;
        let jitter = span * 2 / 1024 * (self.random.u32() % 1024);
        self.due = now.boottime + self.settings.period + jitter - span;
    }

    fn pause(&mut self, now: Now, why: Note, pause: Duration) {
        self.said = Some(why);
        self.step = match self.step {
            // Nobody waits for a second try.
            Step::LookOnce | Step::Part | Step::Over => Step::Over,
            Step::Look | Step::Set | Step::Feed | Step::Verify => Step::Look,
        };
        self.due = now.boottime + pause.max(self.settings.period);
    }

    /// When `poll` will have something, in boottime.
    pub fn next_deadline(&self) -> Option<Duration> {
        (self.asked.is_none() && self.step != Step::Over).then_some(self.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now { boottime: Duration::from_secs(100), wall: Duration::ZERO };
    const SETTINGS: Settings = Settings {
        period: Duration::from_secs(1),
        timeout: Duration::from_secs(6),
        vouched: Vouched::Library,
        word: Duration::MAX,
        tag: 3,
    };

    /// What the feeder asks for after it has seen this timer, within a period.
    fn after(timer_use: u8, running: bool) -> (Option<Request>, Option<Note>) {
        let mut feeder = Feeder::new(NOW, SETTINGS, Random::from_seed([1; 32]));
        assert!(feeder.poll(NOW).is_some_and(|request| request.is(GET_WATCHDOG)));
        let data = [timer_use | if running { 0x40 } else { 0 }, 0, 0, 0, 100, 0, 90, 0];
        feeder.handle_answer(NOW, Ok(Response::ok(data)));
        let later = Now { boottime: NOW.boottime + SETTINGS.period, ..NOW };
        (feeder.poll(later), feeder.said())
    }

    #[test]
    fn firmwares_watchdog_is_waited_for_and_another_owners_left_alone() {
        for timer_use in 1..SMS_OS {
            let (next, said) = after(timer_use, true);
            assert!(
                next.is_some_and(|request| request.is(GET_WATCHDOG)),
                "timer use {timer_use}: it is looked at again"
            );
            assert_eq!(said, Some(Note::Foreign { timer_use, running: true }));
            assert!(after(timer_use, false).0.is_some_and(|request| request.is(SET_WATCHDOG)), "it was stopped");
        }
        for timer_use in [SMS_OS, 5] {
            assert_eq!(after(timer_use, true), (None, Some(Note::Foreign { timer_use, running: true })));
        }
    }
}
