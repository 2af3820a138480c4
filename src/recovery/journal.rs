//! The journal: what was noticed and done, written before anything acts, read again after a kill.
//!
//! Sans-IO: the octets to append go to the shell, which says whether they were stored. Uses `notice`
//! and `words`; `docs/journal.md` describes the file.

mod codec;
mod record;
mod replay;
mod table;

pub use codec::HOT_OCTETS;
pub use record::{BootId, Closed, Hold, MAX_TEXT_OCTETS, Proof, Record, RecordId, Step, Summary, Taken, cut};
pub use replay::{MAX_CLOCKS, MAX_REPLAY_OCTETS, MAX_RUNS, MAX_UNKNOWN_OCTETS, Reconcile, Replay, reconcile, replay};
pub use table::{MAX_CLOSED_OTHERS, MAX_CLOSED_RECOVERIES, MAX_OPEN};

use crate::bmc::evidence::Mark;
use crate::notice::Notice;
use crate::notice::usm::Clock;
use crate::now::Now;
use crate::words::Text;
use core::time::Duration;
use table::Table;

/// The file is compacted when it is fuller than this, in octets.
pub const COMPACT_AT_OCTETS: usize = HOT_OCTETS - 64 * 1024;
/// Kinds of steps, each kept once a record.
const STEP_KINDS: usize = 23;

/// Limit: the largest file that `Journal::compact` makes, in octets.
const MAX_COMPACTED_OCTETS: usize = (MAX_OPEN + MAX_CLOSED_RECOVERIES + MAX_CLOSED_OTHERS)
    * (codec::MAX_OPENED_OCTETS + STEP_KINDS * codec::MAX_STEP_OCTETS)
    + codec::MAX_MARK_OCTETS
    + MAX_CLOCKS * codec::MAX_CLOCK_OCTETS
    + MAX_UNKNOWN_OCTETS;
const _: () = assert!(MAX_COMPACTED_OCTETS < COMPACT_AT_OCTETS, "a compacted file would ask for compaction");
const _: () = assert!(codec::MAX_OPENED_OCTETS <= codec::MAX_FRAME_OCTETS, "we would not read what we write");

/// What went not as it should.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that could not be stored; their ids are volatile.
    pub volatile: u64,
    /// Of these, how many for want of a place among the open ones.
    pub overflowed: u64,
    /// Steps of records that are not kept any more.
    pub orphans: u64,
}

/// Mints record ids and makes the octets to append.
#[derive(Debug)]
pub struct Journal {
    boot: BootId,
    next: u64,
    table: Table,
    /// Where we are in the BMC's log, in which boot.
    mark: Option<(Mark, BootId)>,
    /// Of SNMP engines.
    clocks: Vec<Clock>,
    carried: Vec<u8>,
    written: usize,
    /// There is no file, on purpose: what would be written is not made.
    nowhere: bool,
    counts: Counts,
}

/// A record on its way to the file. Its id exists once the shell has said how that went.
#[must_use = "a notice that is not recorded is never recovered"]
#[derive(Debug)]
pub struct Pending {
    serial: u64,
    kept: bool,
}

impl Pending {
    /// Mints the id. `stored`: the octets are in the file. Otherwise the id is volatile, and counted: a
    /// broken journal never stops a recovery.
    pub fn stored(self, journal: &mut Journal, stored: bool) -> RecordId {
        let durable = stored && self.kept;
        if !durable {
            journal.counts.volatile += 1;
        }
        RecordId::mint(self.serial, durable)
    }
}

impl Journal {
    /// Continues what was replayed. The file itself should be replaced by [`Journal::compact`] then,
    /// which leaves torn and damaged places behind.
    pub fn new(boot: BootId, replay: &Replay) -> Self {
        Self {
            boot,
            next: replay.next_serial.max(1),
            table: replay.table.clone(),
            mark: replay.mark,
            clocks: replay.clocks.clone(),
            carried: replay.carried.clone(),
            written: replay.octets,
            nowhere: false,
            counts: Counts::default(),
        }
    }

    /// Nothing is written anywhere: what is to be appended is empty.
    pub fn write_nowhere(&mut self, nowhere: bool) {
        self.nowhere = nowhere;
    }

    /// Whether that is so; then nothing that is not stored is a failure.
    pub fn writes_nowhere(&self) -> bool {
        self.nowhere
    }

    /// Opens a record: these octets are to be appended, then [`Pending::stored`] gives its id. `monitor`
    /// is the name of the monitor that wants the notice; without one nothing will follow.
    pub fn open_record(
        &mut self,
        now: Now,
        notice: &Notice,
        monitor: Option<&str>,
        server: impl Into<Text>,
    ) -> (Pending, Vec<u8>) {
        let serial = self.next;
        self.next = self.next.saturating_add(1);
        let id = RecordId::mint(serial, true);
        let record =
            Record::new(id, self.boot, whole(now), (server.into(), monitor.map(Text::from)), Summary::of(notice));
        let octets = self.appended(|| codec::emit_opened(&record));
        let kept = self.table.insert(record);
        if !kept {
            self.counts.overflowed += 1;
        }
        (Pending { serial, kept }, octets)
    }

    /// The octets of a step; to be appended before what it announces is done.
    pub fn step(&mut self, now: Now, id: RecordId, step: Step) -> Vec<u8> {
        let taken = Taken { step, at: whole(now), boot: self.boot };
        if !self.table.take(id, taken) {
            self.counts.orphans += 1;
        }
        self.appended(|| codec::emit_step(id, &taken))
    }

    /// The octets that say where we are in the log of this server's BMC; the newest counts.
    pub fn mark(&mut self, now: Now, mark: Mark) -> Vec<u8> {
        self.mark = Some((mark, self.boot));
        let (given, boot) = (self.given(), self.boot);
        self.appended(|| codec::emit_mark(given, whole(now), boot, &mark))
    }

    /// The octets that say where an SNMP engine's clock stands, so that no replay works after a restart.
    pub fn clock(&mut self, now: Now, clock: Clock) -> Vec<u8> {
        replay::keep(&mut self.clocks, clock);
        let (given, boot) = (self.given(), self.boot);
        self.appended(|| codec::emit_clock(given, whole(now), boot, &clock))
    }

    /// What is to be appended is counted, and where nothing is written it is not even made.
    fn appended(&mut self, octets: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
        let octets = if self.nowhere { Vec::new() } else { octets() };
        self.written = self.written.saturating_add(octets.len());
        octets
    }

    /// Where the clocks of SNMP engines stood last, oldest first.
    pub fn clocks(&self) -> &[Clock] {
        &self.clocks
    }

    /// A serial that is no other record's to come: every frame must have one.
    fn given(&self) -> u64 {
        self.next.saturating_sub(1).max(1)
    }

    /// Whether the file is so full that it should be replaced by [`Journal::compact`].
    pub fn is_full(&self) -> bool {
        self.written > COMPACT_AT_OCTETS
    }

    /// A fresh file: all open records, the newest closed ones, and what a later release wrote. Always
    /// smaller than `COMPACT_AT_OCTETS`. Volatile records are in it too and so become durable.
    pub fn compact(&mut self) -> Vec<u8> {
        let mut out = self.carried.clone();
        for record in self.table.iter() {
            out.extend(codec::emit_opened(record));
            record.steps().iter().for_each(|taken| out.extend(codec::emit_step(record.id, taken)));
        }
        let at = Now { boottime: Duration::ZERO, wall: Duration::ZERO };
        for clock in &self.clocks {
            out.extend(codec::emit_clock(self.given(), at, self.boot, clock));
        }
        if let Some((mark, boot)) = &self.mark {
            out.extend(codec::emit_mark(self.given(), at, *boot, mark));
        }
        self.written = out.len();
        out
    }

    /// The boot that records are written in.
    pub fn boot(&self) -> BootId {
        self.boot
    }

    /// A record that is still kept.
    pub fn record(&self, id: RecordId) -> Option<&Record> {
        self.table.get(id.serial())
    }

    /// All records that are kept, oldest first.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.table.iter()
    }

    /// The newest record by which a drill has proven the path.
    pub fn proven(&self) -> Option<&Record> {
        self.table.proven()
    }

    /// What went not as it should.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

/// As it is read back: whole milliseconds.
fn whole(now: Now) -> Now {
    let cut = |time| Duration::from_millis(codec::milliseconds(time));
    Now { boottime: cut(now.boottime), wall: cut(now.wall) }
}
