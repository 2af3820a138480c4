//! The files as the store knows them: a hot one that survives our death but not the host's, and a copy
//! on disk that lags, freezes, is full. With what can go wrong on the way.

use crate::dice::Dice;
use bmcnotice::recovery::journal::HOT_OCTETS;
use std::time::Duration;

/// A disk that refused or froze is tried again so much later.
const RETRY: Duration = Duration::from_millis(250);
/// The start waits so long for the disk.
pub const READ_WAIT: Duration = Duration::from_secs(2);

/// How the disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Every call hangs.
    Frozen,
    /// Every write fails; reading works.
    Full,
    ReadOnly,
}

/// How appends to the hot file fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failing {
    pub until: Duration,
    pub percent: u64,
    /// A part of the octets is in the file all the same.
    pub short: bool,
    /// Replacing the file fails, too.
    pub compaction: bool,
}

#[derive(Debug, Default)]
pub struct Storage {
    /// The file that the process has open, with what failed writes left behind its end.
    open: Vec<u8>,
    end: usize,
    /// Whether the file still has its name.
    linked: bool,
    disk: Vec<u8>,
    stop: Option<(Stop, Duration)>,
    failing: Option<Failing>,
    /// When the copy is made.
    copy_at: Option<Duration>,
    lag: Duration,
    /// Until then a difference between file and engine has an excuse.
    excused: Duration,
    /// A damaged octet, or a deletion that nobody has noticed: until the file is replaced.
    damaged: bool,
}

/// How long after the storage works again the file may lack something.
const MENDED_BY: Duration = Duration::from_secs(2);

impl Storage {
    pub fn new(lag: Duration) -> Self {
        Self { lag, ..Self::default() }
    }

    pub fn octets(&self) -> &[u8] {
        if self.linked { &self.open } else { &[] }
    }

    /// Whether a difference between what was written and what is there has an excuse.
    pub fn is_excused(&self, now: Duration) -> bool {
        self.damaged || now < self.excused
    }

    /// Nobody can mend it before.
    pub fn nobody_runs_until(&mut self, now: Duration, until: Duration) {
        if now < self.excused {
            self.excused = until + MENDED_BY;
        }
    }

    fn excuse(&mut self, now: Duration) {
        let until = self.failing.map_or(now, |failing| failing.until.max(now));
        self.excused = self.excused.max(until + MENDED_BY);
    }

    pub fn fail(&mut self, failing: Failing) {
        self.failing = Some(failing);
    }

    pub fn stop(&mut self, stop: Stop, until: Duration) {
        self.stop = Some((stop, until));
    }

    fn fails(&mut self, now: Duration, dice: &mut Dice) -> Option<Failing> {
        self.failing = self.failing.filter(|failing| failing.until > now);
        self.failing.filter(|failing| dice.percent(failing.percent))
    }

    fn put(&mut self, octets: &[u8]) {
        let needed = self.end + octets.len();
        if self.open.len() < needed {
            self.open.resize(needed, 0);
        }
        self.open[self.end..needed].copy_from_slice(octets);
    }

    /// As `io::store` does it: whole, or an error and the end where it was.
    pub fn append(&mut self, now: Duration, octets: &[u8], dice: &mut Dice) -> bool {
        if let Some(failing) = self.fails(now, dice) {
            if failing.short {
                let part = dice.below(octets.len() as u64) as usize;
                self.put(&octets[..part]);
            }
            self.excuse(now);
            return false;
        }
        if !self.linked || self.end + octets.len() > HOT_OCTETS {
            self.excuse(now);
            return false;
        }
        self.put(octets);
        self.end += octets.len();
        self.nudge(now);
        true
    }

    /// We are killed in the middle of an append.
    pub fn tear(&mut self, octets: &[u8], dice: &mut Dice) {
        let part = dice.below(octets.len() as u64) as usize;
        self.put(&octets[..part]);
    }

    pub fn replace(&mut self, now: Duration, octets: &[u8], dice: &mut Dice) -> bool {
        if self.failing.is_some_and(|failing| failing.compaction) && self.fails(now, dice).is_some() {
            self.excuse(now);
            return false;
        }
        (self.open, self.end, self.linked) = (octets.to_vec(), octets.len(), true);
        (self.damaged, self.excused) = (false, now);
        self.nudge(now);
        true
    }

    pub fn delete(&mut self) {
        (self.linked, self.damaged) = (false, true);
    }

    /// One octet of what is written changes. False: there is nothing.
    pub fn damage(&mut self, dice: &mut Dice) -> bool {
        if self.end == 0 {
            return false;
        }
        let at = dice.below(self.end as u64) as usize;
        self.open[at] ^= 1 << dice.below(8);
        self.damaged = true;
        true
    }

    fn nudge(&mut self, now: Duration) {
        self.copy_at.get_or_insert(now + self.lag);
    }

    pub fn next(&self) -> Option<Duration> {
        self.copy_at
    }

    /// The storage thread's turn. The process has its file open, whatever became of the name.
    pub fn copy(&mut self, now: Duration) {
        if self.copy_at.is_none_or(|at| at > now) {
            return;
        }
        self.copy_at = match self.stop {
            Some((_, until)) if until > now => Some(until + RETRY),
            Some(_) | None => {
                self.stop = None;
                self.disk = self.open[..self.end].to_vec();
                None
            }
        };
    }

    /// The process is gone, and with it the thread.
    pub fn killed(&mut self) {
        self.copy_at = None;
    }

    /// The host is gone: tmpfs is empty, and the copy that was being written is torn.
    pub fn host_died(&mut self, dice: &mut Dice) {
        let behind = self.copy_at.is_some() && self.stop.is_none() && self.open[..self.end].starts_with(&self.disk);
        if behind && self.end > self.disk.len() {
            let more = dice.below((self.end - self.disk.len()) as u64) as usize;
            self.disk = self.open[..self.disk.len() + more].to_vec();
        }
        *self = Self { disk: std::mem::take(&mut self.disk), stop: self.stop, lag: self.lag, ..Self::default() };
    }

    /// What a start finds, as `Store::open`; `Err`: wait until then and ask again.
    pub fn open(&mut self, now: Duration) -> Result<Vec<u8>, Duration> {
        let mut found = self.octets().to_vec();
        found.truncate(found.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1));
        if found.is_empty() {
            found = match self.stop {
                Some((Stop::Frozen, until)) if until > now && until <= now + READ_WAIT => return Err(until),
                Some((Stop::Frozen, until)) if until > now => {
                    self.disk.clear(); // set aside when it thaws
                    Vec::new()
                }
                Some(_) | None => self.disk.clone(),
            };
        }
        (self.open, self.end, self.linked) = (found.clone(), found.len(), true);
        self.nudge(now);
        Ok(found)
    }
}
