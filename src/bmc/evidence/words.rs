//! What is asked of a witness, and what it says.
//!
//! Values; made by the folder's `mod` and by those who drive it.

use super::super::sel_reading::Place;
use crate::wire::sel::Record;
use crate::words::{Guid, MonitorId};
use core::fmt;

/// Why the BMC's log says neither yes nor no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// There is no road on which the BMC could be asked.
    NoRoad,
    /// Nobody knows whose BMC it is: no GUID is pinned or known.
    Unidentified,
    /// Another system's BMC answers there.
    OtherSystem,
    /// It does not answer.
    Silent,
    /// It refuses to show its log, or what it shows is none.
    Refused,
    /// It does not write events to its log, or does not say whether it does.
    NotLogging,
    /// Its log is full.
    Full,
    /// Other records came meanwhile, or the log was erased.
    Moved,
    /// Nobody knows what in the log is fresh: it was looked at for the first time after the trap came.
    NoPlace,
    /// The log has a record of it that was there before us: from before this boot, or from before we came.
    Older,
    /// The operator says that this BMC's traps are not in its log.
    NotInLog,
    /// The trap names no sensor's event, so nobody knows which record would be its own.
    NoEvent,
}

impl Doubt {
    /// All of them; the number in a journal is the place here.
    pub const ALL: [Self; 12] = [
        Self::NoRoad,
        Self::Unidentified,
        Self::OtherSystem,
        Self::Silent,
        Self::Refused,
        Self::NotLogging,
        Self::Full,
        Self::Moved,
        Self::NoPlace,
        Self::NotInLog,
        Self::NoEvent,
        Self::Older,
    ];

    /// In one word, for scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoRoad => "no_road",
            Self::Unidentified => "unidentified",
            Self::OtherSystem => "other_system",
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::NotLogging => "not_logging",
            Self::Full => "full",
            Self::Moved => "moved",
            Self::NoPlace => "no_place",
            Self::Older => "older",
            Self::NotInLog => "not_in_log",
            Self::NoEvent => "no_event",
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRoad => "there is no link to the BMC",
            Self::Unidentified => "nobody knows whose BMC it is: pin its guid",
            Self::OtherSystem => "another system's BMC answers at its address",
            Self::Silent => "the BMC does not answer",
            Self::Refused => "the BMC does not show its log",
            Self::NotLogging => "the BMC does not write events to its log",
            Self::Full => "the BMC's log is full",
            Self::Moved => "the BMC's log moved meanwhile, and shows nothing of the kind",
            Self::NoPlace => "the log was first looked at after the trap came: what in it is new is not known",
            Self::Older => "the BMC's log has it, from before this boot or from before we looked: it may be long over",
            Self::NotInLog => "this BMC's traps are not in its log (in_sel = false)",
            Self::NoEvent => "the trap names no sensor's event (no PET, and no profile says which): which record would be its own is not known",
        })
    }
}

/// What the log says of a trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// This record tells of the same event.
    Supported(Record),
    /// The log is written, has room, and did not move: the BMC has not seen what the trap tells.
    Contradicted,
    /// Neither.
    Unanswerable(Doubt),
}

/// A verdict, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// Who asked.
    pub asker: Asker,
    /// The notice that it is about.
    pub notice: u64,
    /// What the log says.
    pub verdict: Verdict,
}

/// Who asks: for one recovery, or for its clearing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// The monitor.
    pub monitor: MonitorId,
    /// The record that the verdict is about; another one's traps are forgotten. Zero where that is no matter.
    pub record: u64,
    /// Whether the fault is said to be over.
    pub clears: bool,
}

impl Asker {
    /// No monitor, but whoever wants to know whether an SNMP engine has lost its clock.
    pub const CLOCK: Self = Self { monitor: MonitorId(u16::MAX), record: 0, clears: false };
}

/// How the BMC can be asked at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It answers, and has proven to be this one.
    Open(Guid),
    /// Not now.
    Closed,
    /// Not before somebody changes something.
    Never(Doubt),
}

/// Where we were in a BMC's log, for the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Whose log.
    pub guid: Guid,
    /// Where.
    pub place: Place,
}

/// What was found in the log after we were away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    /// This record.
    Event(Record),
    /// Records that nobody knows: the log was cleared, or has lost its old ones.
    Unknown,
    /// More than is looked at.
    TooMany,
}
