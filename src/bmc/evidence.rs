//! Whether the BMC meant what a trap said: a fresh record of the same event in its log says so.
//!
//! One witness a BMC, for all who ask: one reading at a time answers them all. Fresh is what was
//! appended behind our place in the log; no clock of the BMC's is looked at. Log and trap are not
//! ordered, so the log is read again and again for a while, and a record that was read before its
//! trap came is remembered for a while. Sans-IO: `poll` says what to read, `handle_read` takes it.
//! Its input is traps that anyone may have forged, and a BMC's log; both hostile.

mod claim;
mod log;
mod words;

pub use claim::{CLAIM_OCTETS, Claim, shown};
pub use words::{Access, Asker, Doubt, Mark, Missed, Said, Verdict};

use super::link::Urgency;
use super::sel_reading::{Place, Read, Reading, Unread};
use crate::now::Now;
use crate::wire::sel::{self, Record};
use crate::words::{Guid, MonitorId};
use alloc::collections::VecDeque;
use core::time::Duration;

/// Between two readings while somebody has asked lately.
pub const POLL: Duration = Duration::from_millis(250);
/// For so long the log must not have moved before its silence means something.
pub const STILLNESS: Duration = Duration::from_secs(10);
/// Between two readings after that, as long as a record may still come.
pub const POLL_LATE: Duration = Duration::from_secs(2);
/// Between two readings when nobody asks: it keeps the session warm, so that the link need not.
pub const POLL_IDLE: Duration = Duration::from_secs(25);
/// Without one answer for so long the BMC cannot be asked.
pub const SILENCE: Duration = Duration::from_secs(4);
/// A record supports traps that come within this time after it was read, and a trap is supported by
/// records that are read within this time after it came. PETs are repeated within a minute.
pub const FRESH_FOR: Duration = Duration::from_secs(60);
/// Limit: records that are remembered; the oldest goes first.
pub const MAX_SEEN: usize = 64;
/// Limit: traps of one recovery that wait for a record; the oldest goes first, for a genuine one is
/// supported within a poll and a forger can send any number.
pub const MAX_CLAIMS: usize = 256;
/// Limit: readings in a row that catch up with a log after we were away; then the rest is not looked at.
pub const MAX_CATCH_UP: u32 = 64;

/// What to do next.
#[derive(Debug)]
pub enum Wish {
    /// Read, once, and hand in what was read.
    Read(Box<Reading>, Urgency),
    /// Say anything to the BMC, so that a link that is down is opened soon.
    Knock,
    /// Nothing before this moment, in boottime.
    Wait(Option<Duration>),
}

/// A record behind our place.
#[derive(Debug, Clone, Copy)]
struct Seen {
    record: Record,
    at: Duration,
    /// The notice that it supports: it supports no other.
    used: Option<u64>,
    /// Where a next process has to begin to see it again.
    before: Place,
}

/// A trap that waits for its record.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    claim: Claim,
    notice: u64,
    at: Duration,
}

/// The traps of one asker.
#[derive(Debug)]
struct Case {
    asker: Asker,
    since: Duration,
    waiting: VecDeque<Waiting>,
    /// Something was said already; a record that comes late may still change it.
    told: bool,
}

/// Where the witness stands in the log.
#[derive(Debug, Clone, Copy)]
enum At {
    /// Nobody has looked.
    Nowhere,
    /// Where a former process, or the time before the link broke, has left; after so many readings.
    Behind(Place, u32),
    /// At its end.
    End(Place),
}

/// What a witness must know of its BMC.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Whether its traps are in its log at all.
    pub in_sel: bool,
    /// Type and manufacturer of the records that we and other nodes write: they tell nothing.
    pub own: Option<(u8, u32)>,
    /// Whether people want to hear what was missed.
    pub catch_up: bool,
}

/// What a former process left in the journal.
#[derive(Debug, Clone, Default)]
pub struct Left {
    /// Where it was in the log.
    pub mark: Option<Mark>,
    /// That was in this boot of the host: what follows is fresh.
    pub here: bool,
    /// Records that have supported a notice.
    pub used: Vec<(Record, u64)>,
}

/// The witness of one BMC.
#[derive(Debug)]
pub struct Witness {
    settings: Settings,
    left: Left,
    guid: Option<Guid>,
    open: bool,
    at: At,
    /// Whether what is found behind the place is fresh.
    fresh: bool,
    /// Since when there is a place.
    placed: Duration,
    /// When a record came that supports nobody, or the log was erased.
    moved: Option<Duration>,
    /// When the log was read last.
    heard: Option<Duration>,
    refused: bool,
    seen: VecDeque<Seen>,
    /// What came before this boot, or may have: it supports nothing.
    old: VecDeque<Record>,
    cases: Vec<Case>,
    /// A reading is under way.
    reading: bool,
    /// It began in another BMC's log.
    stale: bool,
    /// Somebody has asked since it began.
    again: bool,
    next: Duration,
    marked: Option<Mark>,
    missed: VecDeque<Missed>,
    verdicts: VecDeque<Said>,
}

impl Witness {
    /// Nothing was read yet.
    pub fn new(settings: Settings, left: Left) -> Self {
        Self {
            settings,
            marked: left.mark,
            left,
            guid: None,
            open: false,
            at: At::Nowhere,
            fresh: true,
            placed: Duration::ZERO,
            moved: None,
            heard: None,
            refused: false,
            seen: VecDeque::new(),
            old: VecDeque::new(),
            cases: Vec::new(),
            reading: false,
            stale: false,
            again: false,
            next: Duration::ZERO,
            missed: VecDeque::new(),
            verdicts: VecDeque::new(),
        }
    }

    /// Asks for a record of this trap; a repetition asks again. The verdict comes by `poll_verdict`, and
    /// a record that comes after another verdict still supports.
    pub fn ask(&mut self, now: Now, asker: Asker, notice: u64, claim: Claim) {
        let now = now.boottime;
        if !self.settings.in_sel {
            return self.verdicts.push_back(Said { asker, notice, verdict: Verdict::Unanswerable(Doubt::NotInLog) });
        }
        let same = |case: &Case| case.asker.monitor == asker.monitor && case.asker.clears == asker.clears;
        self.cases.retain(|case| !same(case) || case.asker == asker); // another recovery's traps are not this one's
        let place = self.cases.iter().position(same).unwrap_or_else(|| {
            self.cases.push(Case { asker, since: now, waiting: VecDeque::new(), told: false });
            self.cases.len() - 1
        });
        if let Some(case) = self.cases.get_mut(place) {
            case.waiting.retain(|waiting| waiting.notice != notice);
            if case.waiting.len() >= MAX_CLAIMS {
                case.waiting.pop_front();
            }
            case.waiting.push_back(Waiting { claim, notice, at: now });
        }
        (self.next, self.again) = (now, true);
        self.support();
    }

    /// Whether this one's traps wait for a record.
    pub fn is_asked(&self, asker: Asker) -> bool {
        self.cases.iter().any(|case| case.asker == asker)
    }

    /// Whether an event that comes now will be told from old ones; a log that is refused, or has no such events, does no
    /// better later.
    pub fn knows_what_is_new(&self) -> bool {
        let placed = !matches!(self.at, At::Nowhere) && self.fresh;
        placed || self.refused || !self.settings.in_sel
    }

    /// The recovery that asked is over: a record that comes now is not its own.
    pub fn forget(&mut self, monitor: MonitorId) {
        self.cases.retain(|case| case.asker.clears || case.asker.monitor != monitor);
    }

    /// Another configuration: who asked is forgotten, for the monitors are others now.
    pub fn change(&mut self, settings: Settings) {
        self.settings = settings;
        self.cases.clear();
        self.verdicts.clear();
    }

    /// What was read, or why nothing was.
    pub fn handle_read(&mut self, now: Now, access: Access, result: Result<Read, Unread>) {
        self.look(now.boottime, access);
        self.reading = false;
        if core::mem::take(&mut self.stale) {
            return; // the next one begins at once
        }
        match (result, self.open) {
            (Ok(read), true) => self.take(now.boottime, read),
            (Err(Unread::Refused(code)), true) if code.0 == sel::ERASING => {
                (self.heard, self.moved) = (Some(now.boottime), Some(now.boottime));
                self.pause(now.boottime);
            }
            (Err(Unread::Refused(_) | Unread::Malformed), true) => {
                self.refused = true;
                self.pause(now.boottime);
            }
            (Err(Unread::Unanswered(_)), true) | (_, false) => self.pause(now.boottime),
        }
    }

    /// What to do now. Call it after everything else, and when the moment in `Wait` has come.
    pub fn poll(&mut self, now: Now, access: Access) -> Wish {
        let boottime = now.boottime;
        self.look(boottime, access);
        self.expire(boottime, access);
        if self.reading {
            return Wish::Wait(self.wake(boottime));
        }
        let untold = self.cases.iter().any(|case| !case.told);
        if self.next > boottime || (!self.open && !untold) {
            return Wish::Wait(self.wake(boottime));
        }
        if !self.open {
            self.next = boottime + KNOCK;
            return if access == Access::Closed { Wish::Knock } else { Wish::Wait(self.wake(boottime)) };
        }
        (self.reading, self.again) = (true, false);
        let from = match self.at {
            At::Nowhere => None,
            At::Behind(place, _) | At::End(place) => Some(place),
        };
        let audits = self.cases.iter().any(|case| !case.told && case.since + STILLNESS <= boottime);
        let urgency = if untold { Urgency::Urgent } else { Urgency::Normal };
        Wish::Read(Box::new(Reading::new(from, audits)), urgency)
    }

    /// What the log says to whom.
    pub fn poll_verdict(&mut self) -> Option<Said> {
        self.verdicts.pop_front()
    }

    /// What was found after we were away.
    pub fn poll_missed(&mut self) -> Option<Missed> {
        self.missed.pop_front()
    }

    /// Where a next process should begin, if that is news.
    pub fn poll_mark(&mut self) -> Option<Mark> {
        let At::End(end) = self.at else { return None };
        let place = self.seen.front().map_or(end, |seen| seen.before);
        let mark = Mark { guid: self.guid?, place };
        (self.marked != Some(mark)).then(|| {
            self.marked = Some(mark);
            mark
        })
    }

    // ---- inside

    /// Looks for a record for every trap that waits. One record supports one notice.
    fn support(&mut self) {
        let mut place = 0;
        while let Some(case) = self.cases.get(place) {
            let fits = |at: usize, waiting: &Waiting, seen: &Seen| {
                seen.used.is_none_or(|notice| notice == waiting.notice)
                    && waiting.claim.is_told_by(&seen.record)
                    && (!case.asker.clears || self.is_last_word(at, &seen.record))
            };
            let found = case.waiting.iter().find_map(|waiting| {
                let mut all = self.seen.iter().enumerate().rev(); // the newest: it is what the trap most likely tells of
                let own = all.clone().find(|(at, seen)| seen.used == Some(waiting.notice) && fits(*at, waiting, seen));
                let (at, _) = own.or_else(|| all.find(|(at, seen)| fits(*at, waiting, seen)))?;
                Some((at, waiting.notice))
            });
            let Some((at, notice)) = found else {
                place += 1;
                continue;
            };
            let asker = self.cases.swap_remove(place).asker;
            if let Some(seen) = self.seen.get_mut(at) {
                seen.used = Some(notice);
                self.verdicts.push_back(Said { asker, notice, verdict: Verdict::Supported(seen.record) });
            }
        }
    }

    /// Whether a record that says that something is over comes behind all that a recovery began for, and behind what
    /// else its sensor says: what was over before the fault came is not its end.
    fn is_last_word(&self, at: usize, over: &Record) -> bool {
        let begins = |later: &Seen| {
            let of_it = (later.record.sensor_number(), later.record.sensor_type(), later.record.event_type())
                == (over.sensor_number(), over.sensor_type(), over.event_type());
            !later.record.is_deassertion() && (later.used.is_some() || of_it)
        };
        !self.seen.iter().skip(at + 1).any(begins)
    }

    fn tell(&mut self, place: usize, verdict: Verdict) {
        if let Some(case) = self.cases.get_mut(place) {
            case.told = true;
            let notice = case.waiting.back().map_or(0, |waiting| waiting.notice);
            self.verdicts.push_back(Said { asker: case.asker, notice, verdict });
        }
    }

    /// What time alone decides.
    fn expire(&mut self, now: Duration, access: Access) {
        while self.seen.front().is_some_and(|seen| seen.at + FRESH_FOR < now) {
            self.seen.pop_front();
        }
        for place in 0..self.cases.len() {
            let Some(case) = self.cases.get(place).filter(|case| !case.told) else { continue };
            let heard = self.heard.map_or(case.since, |heard| heard.max(case.since));
            let verdict = match access {
                Access::Never(doubt) => Some(doubt),
                Access::Open(_) | Access::Closed if heard + SILENCE <= now && self.refused => Some(Doubt::Refused),
                Access::Open(_) | Access::Closed if heard + SILENCE <= now => Some(Doubt::Silent),
                // A log that is being erased all the time.
                Access::Open(_) | Access::Closed if case.since + STILLNESS + SECOND <= now && self.moves(now) => {
                    Some(Doubt::Moved)
                }
                Access::Open(_) | Access::Closed if case.since + STILLNESS + SLOW <= now => Some(Doubt::Silent),
                Access::Open(_) | Access::Closed => None,
            };
            if let Some(doubt) = verdict {
                self.tell(place, Verdict::Unanswerable(doubt));
            }
        }
        for case in &mut self.cases {
            case.waiting.retain(|waiting| waiting.at + FRESH_FOR > now);
        }
        self.cases.retain(|case| !case.told || !case.waiting.is_empty());
    }

    /// Whether the log has moved lately.
    fn moves(&self, now: Duration) -> bool {
        self.moved.is_some_and(|at| at + STILLNESS > now)
    }

    /// When the log is to be read again.
    fn pause(&mut self, now: Duration) {
        if self.again {
            self.next = now; // what has come since is not in what was read
            return;
        }
        let young = |case: &Case| !case.told || case.waiting.iter().any(|waiting| waiting.at + STILLNESS > now);
        self.next = now
            + if self.cases.iter().any(young) {
                POLL
            } else if self.cases.is_empty() {
                POLL_IDLE
            } else {
                POLL_LATE
            };
    }

    /// The next moment at which time alone changes something.
    fn wake(&self, now: Duration) -> Option<Duration> {
        let untold = self.cases.iter().filter(|case| !case.told);
        let silent = untold.clone().map(|case| self.heard.map_or(case.since, |heard| heard.max(case.since)) + SILENCE);
        let still = untold.flat_map(|case| [Duration::ZERO, SECOND, SLOW].map(|more| case.since + STILLNESS + more));
        let waiting = self.cases.iter().flat_map(|case| case.waiting.iter().map(|waiting| waiting.at + FRESH_FOR));
        let seen = self.seen.front().map(|seen| seen.at + FRESH_FOR);
        let wanted = self.open || self.cases.iter().any(|case| !case.told);
        let next = (wanted && !self.reading).then_some(self.next);
        silent.chain(still).chain(waiting).chain(seen).chain(next).filter(|at| *at > now).min()
    }
}

/// Between two attempts to wake a link that is down while somebody asks.
const KNOCK: Duration = Duration::from_secs(1);

/// What a slow BMC takes at most to say what its log's silence means: the end of a reading, and another of three
/// questions. One that takes more than [`SILENCE`] for a whole reading is silent.
pub const SLOW: Duration = Duration::from_secs(8);

const SECOND: Duration = Duration::from_secs(1);
