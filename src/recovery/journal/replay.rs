//! What a journal file says after a restart, and what has to be done about it.
//!
//! Input is the octets that `io::store` found: possibly torn by a kill, damaged, written by a later
//! release, or hostile. Nothing here panics on them or keeps more than the limits say.

use super::codec::{self, Content, HOT_OCTETS, MAGIC};
use super::record::{BootId, Closed, Hold, Record, RecordId, Step};
use super::table::Table;
use crate::bmc::evidence::Mark;
use crate::notice::usm::Clock;
use crate::words::{Answer, Outcome};
use core::time::Duration;

/// Limit: how much of a file is looked at, in octets: more than we ever write.
pub const MAX_REPLAY_OCTETS: usize = 4 * HOT_OCTETS;
/// Limit: how much of a later release's frames is carried along, in octets.
pub const MAX_UNKNOWN_OCTETS: usize = 64 * 1024;
/// Limit: how often a recovery may begin for one record under `rerun`: a recovery that kills its host process
/// each time must not do so for ever.
pub const MAX_RUNS: u8 = 3;

/// Limit: SNMP engines whose clocks are kept, the newest: more than a BMC's configured and learned ones, and our own.
pub const MAX_CLOCKS: usize = 32;

/// What a journal file says.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    /// Where the last good frame ends; what follows is cut.
    pub octets: usize,
    /// The file ended in the middle of a frame.
    pub torn_tail: bool,
    /// Damaged places before the end, each skipped up to the next good frame, and frames whose
    /// checksum is right but whose content is not.
    pub corrupt: u32,
    /// Frames of a version or kind that we do not know; carried along within `MAX_UNKNOWN_OCTETS`.
    pub unknown: u32,
    /// Of these, how many are of another version: a later release wrote here.
    pub later: u32,
    /// Steps of records that we do not have.
    pub orphans: u32,
    /// Records without a place, or whose serial was taken.
    pub dropped: u32,
    /// The serial of the next record.
    pub next_serial: u64,
    /// Where a former process was in the log of this server's BMC, and in which boot.
    pub mark: Option<(Mark, BootId)>,
    /// Where the clocks of SNMP engines stood, ours among them, oldest first.
    pub clocks: Vec<Clock>,
    pub(super) table: Table,
    pub(super) carried: Vec<u8>,
}

impl Replay {
    /// The records, oldest first: all open ones, the newest closed ones. Their notice ids tell a
    /// repetition from news after a restart.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.table.iter()
    }

    /// The newest record by which a drill has proven the path.
    pub fn proven(&self) -> Option<&Record> {
        self.table.proven()
    }

    /// The records for which something may still have to be done, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Record> {
        self.table.iter().filter(|record| record.is_open())
    }

    fn read(&mut self, frame: &codec::Frame<'_>) {
        let content = codec::content(frame);
        if !matches!(content, Some(Content::Mark(_) | Content::Clock(_))) {
            self.next_serial = self.next_serial.max(frame.serial + 1); // serials end far below u64::MAX
        }
        match content {
            None => self.corrupt = self.corrupt.saturating_add(1),
            Some(Content::Opened(record)) => {
                if !self.table.insert(*record) {
                    self.dropped = self.dropped.saturating_add(1);
                }
            }
            Some(Content::Step(taken)) => {
                let id = RecordId::mint(frame.serial, true);
                if !self.table.take(id, taken) {
                    self.orphans = self.orphans.saturating_add(1);
                }
            }
            Some(Content::Mark(mark)) => self.mark = Some((mark, frame.boot)),
            Some(Content::Clock(clock)) => keep(&mut self.clocks, clock),
            Some(Content::Unknown) => {
                self.unknown = self.unknown.saturating_add(1);
                self.later = self.later.saturating_add(u32::from(frame.version != codec::VERSION));
                if self.carried.len() + frame.octets.len() <= MAX_UNKNOWN_OCTETS {
                    self.carried.extend(frame.octets);
                }
            }
        }
    }
}

/// The newest clock of each engine, within `MAX_CLOCKS`.
pub(super) fn keep(clocks: &mut Vec<Clock>, clock: Clock) {
    clocks.retain(|other| other.engine != clock.engine);
    if clocks.len() >= MAX_CLOCKS {
        clocks.remove(0);
    }
    clocks.push(clock);
}

/// Reads a journal file.
pub fn replay(bytes: &[u8]) -> Replay {
    let bytes = &bytes[..bytes.len().min(MAX_REPLAY_OCTETS)];
    let mut replay = Replay { next_serial: 1, ..Replay::default() };
    let mut at = 0;
    while let Some(start) = next_frame(bytes, at) {
        if start > at {
            replay.corrupt = replay.corrupt.saturating_add(1);
        }
        let Some(frame) = codec::parse(&bytes[start..]) else { break };
        at = start + frame.octets.len();
        replay.read(&frame);
    }
    replay.octets = at;
    replay.torn_tail = bytes[at..].iter().any(|octet| *octet != 0); // zeros: preallocated
    replay
}

/// Where the next good frame begins, at `from` or later.
fn next_frame(bytes: &[u8], from: usize) -> Option<usize> {
    let mut candidates = (from..bytes.len()).filter(|at| bytes[*at..].starts_with(&MAGIC));
    candidates.find(|at| codec::parse(&bytes[*at..]).is_some())
}

/// What has to be done about an open record after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconcile {
    /// Its recovery never began: as if it had just been recorded.
    Resume,
    /// It was killed in the middle and the monitor says `rerun`.
    Rerun {
        /// Which run this will be.
        run: u8,
    },
    /// An attempt has failed; what follows it had not begun.
    GoOn {
        /// The number of the attempt that failed.
        failed: u8,
    },
    /// It waits, as before.
    StayHeld(Hold),
    /// The BMC is to hear *ended*. With `Unknown` the recovery was killed in the middle and nobody
    /// knows how far it came; otherwise its outcome was fixed before the kill.
    TellEnded(Outcome),
    /// The BMC has heard it (or was given up); the reset is awaited, as before.
    Await {
        /// How the recovery went.
        outcome: Outcome,
        /// Awaited since, in boottime of this boot.
        since: Duration,
    },
    /// It is over: the host has booted since. Nothing is rerun, no chassis is touched.
    Close(Closed),
}

/// What has to be done about each open record, oldest first. `rerun` says whether the monitor of this
/// name runs its recovery again after a kill.
pub fn reconcile(
    replay: &Replay,
    boot: BootId,
    rerun: impl Fn(&str) -> bool,
) -> impl Iterator<Item = (&Record, Reconcile)> {
    replay.open().map(move |record| {
        let rerun = record.monitor.as_deref().is_some_and(&rerun);
        (record, decide(record, boot, rerun))
    })
}

fn decide(record: &Record, boot: BootId, rerun: bool) -> Reconcile {
    let ended = record.steps().iter().rev().find_map(|taken| match taken.step {
        Step::EndedTold(outcome) | Step::EndedGivenUp(outcome) => Some((outcome, taken.at.boottime)),
        // It follows `EndedTold(Done)` alone: should that be damaged, the command must not go out again.
        Step::Chassis(_) => Some((Outcome::Done, taken.at.boottime)),
        _ => None,
    });
    match ended {
        Some((outcome, _)) if !record.boot.is_same_as(boot) => return Reconcile::Close(outcome.into()),
        None if !record.boot.is_same_as(boot) => return Reconcile::Close(Closed::InterruptedByReset),
        Some((outcome, since)) => return Reconcile::Await { outcome, since },
        None => {}
    }
    // `Ending` is appended before anything goes out, so an `ended(unknown)` that may have been sent is
    // repeated as it was and never followed by a rerun.
    let last = record.find(|step| match step {
        Step::Ending(outcome) => Some(Last::Fixed(outcome)),
        Step::Answered(Answer::Done) => Some(Last::Fixed(Outcome::Done)),
        // The operating system was to end, and we are here again in the same boot.
        Step::Final(_) => Some(Last::Fixed(Outcome::Failed)),
        Step::Answered(Answer::Failed) | Step::Abandoned => Some(Last::Failed),
        Step::Attempt(_) => Some(Last::Begun),
        _ => None,
    });
    match (last, record.held(), record.runs()) {
        (Some(Last::Fixed(outcome)), _, _) => Reconcile::TellEnded(outcome),
        (_, Some(why), _) => Reconcile::StayHeld(why),
        (Some(Last::Failed), None, _) => Reconcile::GoOn { failed: record.attempt() },
        (_, None, 0) => Reconcile::Resume,
        (_, None, runs) if rerun && runs < MAX_RUNS => Reconcile::Rerun { run: runs + 1 },
        (_, None, _) => Reconcile::TellEnded(Outcome::Unknown),
    }
}

/// The last word on a recovery's attempts.
enum Last {
    /// The outcome is known, or must be taken for it.
    Fixed(Outcome),
    /// The newest attempt has failed.
    Failed,
    /// A further attempt has begun.
    Begun,
}
