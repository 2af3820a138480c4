//! What the journal knows of one notice: its summary and the steps that were taken.
//!
//! Values only; the octets are in `codec`. Texts are cut to their limits here, once, so that what is
//! written is what is read back.

use crate::bmc::evidence::{Claim, Doubt};
use crate::config::model::{AfterEnded, FinalAction};
use crate::notice::{Notice, NoticeId};
use crate::now::Now;
use crate::wire::sel;
use crate::words::{Answer, Attempt, Class, Outcome, Text, Trust};
use core::mem::discriminant;
use core::net::SocketAddr;
use core::time::Duration;

/// Limit: the longest text in a record, in octets; longer ones are cut at a character.
pub const MAX_TEXT_OCTETS: usize = 255;

/// Which boot of the host something happened in (`/proc/sys/kernel/random/boot_id`, 16 octets).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BootId(pub [u8; 16]);

impl BootId {
    /// Nothing is known: all zero. Two unknown boots are never the same one.
    pub fn is_unknown(self) -> bool {
        self.0 == [0; 16]
    }

    /// Whether both surely name one boot.
    pub fn is_same_as(self, other: Self) -> bool {
        !self.is_unknown() && self == other
    }
}

/// Names one record. Only the journal mints it, so whoever holds one knows that the notice was
/// written down, or that the attempt failed and was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId {
    serial: u64,
    durable: bool,
}

impl RecordId {
    pub(super) fn mint(serial: u64, durable: bool) -> Self {
        Self { serial, durable }
    }

    /// Counts up from 1 over the whole life of the journal, restarts and boots included.
    pub fn serial(self) -> u64 {
        self.serial
    }

    /// Whether the record was in the journal when the id was minted: it then survives our process.
    /// A volatile record is not acknowledged to the BMC before its recovery has started.
    pub fn is_durable(self) -> bool {
        self.durable
    }
}

/// A step that was taken for a record. Each is appended before what it announces is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// *Started* goes out to the BMC.
    StartedSent,
    /// The BMC understood *started*.
    StartedTold,
    /// It did not answer in time.
    StartedGivenUp,
    /// The BMC is asked whether its log has a record of this.
    Asked(Claim),
    /// It has: this one.
    Supported(sel::Record),
    /// Whether it has cannot be known, and why.
    Unsupported(Doubt),
    /// The operator's recovery begins.
    Begun {
        /// 1 for the first time; more only after a kill, under `rerun`.
        run: u8,
    },
    /// A further attempt begins; the first one is `Begun`.
    Attempt(Attempt),
    /// The attempt answered.
    Answered(Answer),
    /// Its deadline is over, or the operator cancelled it.
    Abandoned,
    /// *Ended* goes out to the BMC; from here the outcome is fixed.
    Ending(Outcome),
    /// The BMC understood *ended*.
    EndedTold(Outcome),
    /// It did not answer in time.
    EndedGivenUp(Outcome),
    /// A chassis command goes out: once, and never again for this record.
    Chassis(AfterEnded),
    /// The final action goes out: once, and never again for this record.
    Final(FinalAction),
    /// What the recovery has set in the cluster is taken back.
    Withdrawn,
    /// The reset is awaited.
    AwaitingReset,
    /// The recovery waits for the operator.
    Held(Hold),
    /// It may go on.
    Released,
    /// A further notice of the same trouble joined.
    Joined {
        /// Serial of the record that joined.
        other: u64,
        /// How many have joined so far.
        count: u32,
    },
    /// The BMC's trap was acknowledged.
    Acknowledged,
    /// The trap was a drill's, and came through to the application.
    Proven(Proof),
    /// Nothing more will happen.
    Closed(Closed),
}

/// What a drill has proven of the path from the BMC to the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// From the order to the notice's callback, in milliseconds.
    pub took_ms: u32,
    /// The trap carried the drill's own number; otherwise the BMC sent a test alert of its maker's, which is weaker.
    pub own_event: bool,
}

/// Why a recovery waits for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hold {
    /// The BMC, asked, shows no such event.
    Contradicted,
    /// The BMC could not be asked.
    Unverifiable,
    /// The operator works on the server.
    Maintenance,
    /// The last recovery is over only a moment ago; ends by itself.
    CoolDown,
    /// As many recoveries have begun as may.
    Budget,
    /// Another server of the cluster recovers; ends by itself.
    PeerRecovers,
    /// Every attempt has failed, and the BMC shall wait.
    Failed,
}

impl Hold {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Contradicted,
        Self::Unverifiable,
        Self::Maintenance,
        Self::CoolDown,
        Self::Budget,
        Self::PeerRecovers,
        Self::Failed,
    ];

    /// Whether the recovery had begun, so that the BMC waits for *ended*.
    pub fn has_begun(self) -> bool {
        match self {
            Self::PeerRecovers | Self::Failed => true,
            Self::Contradicted | Self::Unverifiable | Self::Maintenance | Self::CoolDown | Self::Budget => false,
        }
    }

    /// Whether the BMC's evidence decides.
    pub fn is_about_evidence(self) -> bool {
        match self {
            Self::Contradicted | Self::Unverifiable => true,
            Self::Maintenance | Self::CoolDown | Self::Budget | Self::PeerRecovers | Self::Failed => false,
        }
    }
}

/// Why a record is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Closed {
    /// The recovery was done.
    Done,
    /// It failed.
    Failed,
    /// Nobody knows how it ended.
    Unknown,
    /// The fault went away.
    Cleared,
    /// The host was reset before the recovery ended.
    InterruptedByReset,
    /// Another record's recovery covers it.
    Superseded,
    /// The operator said so.
    Operator,
}

impl From<Outcome> for Closed {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::Failed => Self::Failed,
            Outcome::Unknown => Self::Unknown,
        }
    }
}

/// A step with its time and boot. Times are whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// What was done.
    pub step: Step,
    /// When.
    pub at: Now,
    /// In which boot.
    pub boot: BootId,
}

/// What is kept of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// See [`Notice::id`]; after a restart it tells repetitions from news.
    pub id: NoticeId,
    /// See [`Notice::class`].
    pub class: Class,
    /// See [`Notice::trust`].
    pub trust: Trust,
    /// See [`Notice::source`]; an IPv6 flow label is not kept.
    pub source: SocketAddr,
    /// See [`Notice::trap_oid`].
    pub trap_oid: Text,
    /// See [`Notice::region`].
    pub region: Text,
    /// See [`Notice::sentence`].
    pub sentence: Text,
}

impl Summary {
    /// What is kept of this notice.
    pub fn of(notice: &Notice) -> Self {
        Self {
            id: notice.id,
            class: notice.class,
            trust: notice.trust,
            source: notice.source,
            trap_oid: cut_text(notice.trap_oid.clone()),
            region: cut_text(notice.region.clone()),
            sentence: cut_text(notice.sentence.clone()),
        }
    }
}

/// One notice in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: RecordId,
    /// The boot in which it was opened.
    pub boot: BootId,
    /// When it was opened.
    pub at: Now,
    /// The server's name: places in a configuration change, names stay.
    pub server: Text,
    /// The monitor's name; none when no monitor wanted the notice, and then nothing follows.
    pub monitor: Option<Text>,
    /// The notice.
    pub notice: Summary,
    /// The steps, oldest first, the newest of each kind. Bounded by the number of kinds.
    steps: Vec<Taken>,
}

impl Record {
    pub(super) fn new(id: RecordId, boot: BootId, at: Now, names: (Text, Option<Text>), notice: Summary) -> Self {
        let (server, monitor) = (cut_text(names.0), names.1.map(cut_text));
        Self { id, boot, at, server, monitor, notice, steps: Vec::new() }
    }

    pub(super) fn take(&mut self, taken: Taken) {
        self.steps.retain(|old| discriminant(&old.step) != discriminant(&taken.step));
        if let Step::Supported(_) = taken.step {
            self.notice.trust = self.notice.trust.max(Trust::Corroborated);
        }
        self.steps.push(taken);
    }

    /// The steps, oldest first, the newest of each kind.
    pub fn steps(&self) -> &[Taken] {
        &self.steps
    }

    /// The newest step.
    pub fn last(&self) -> Option<&Taken> {
        self.steps.last()
    }

    /// Why it is closed; `None` while it is open.
    pub fn closed(&self) -> Option<Closed> {
        self.find(|step| match step {
            Step::Closed(reason) => Some(reason),
            _ => None,
        })
    }

    /// Whether something may still have to be done for it.
    pub fn is_open(&self) -> bool {
        self.monitor.is_some() && self.closed().is_none()
    }

    /// Whether it is of this notice, for the monitor of this name.
    pub fn is_for(&self, notice: NoticeId, monitor: &str) -> bool {
        self.notice.id == notice && self.monitor.as_deref() == Some(&*cut(monitor))
    }

    /// How often the recovery began.
    pub fn runs(&self) -> u8 {
        let run = self.find(|step| match step {
            Step::Begun { run } => Some(run),
            _ => None,
        });
        run.unwrap_or(0)
    }

    /// Whether *started* has gone out.
    pub fn has_started(&self) -> bool {
        self.find(|step| (step == Step::StartedSent).then_some(())).is_some()
    }

    /// The number of the newest attempt; 0: none has begun.
    pub fn attempt(&self) -> u8 {
        let number = self.find(|step| match step {
            Step::Attempt(attempt) => Some(attempt.number),
            Step::Begun { .. } => Some(1),
            _ => None,
        });
        number.unwrap_or(0)
    }

    /// What the BMC was asked for.
    pub fn claim(&self) -> Option<Claim> {
        self.find(|step| if let Step::Asked(claim) = step { Some(claim) } else { None })
    }

    /// The BMC's record that supports it.
    pub fn support(&self) -> Option<sel::Record> {
        self.find(|step| if let Step::Supported(record) = step { Some(record) } else { None })
    }

    /// Why it is held, if it is.
    pub fn held(&self) -> Option<Hold> {
        let held = self.find(|step| match step {
            Step::Held(why) => Some(Some(why)),
            Step::Released | Step::Begun { .. } | Step::StartedSent => Some(None),
            _ => None,
        });
        held.flatten()
    }

    /// What a drill has proven by it, and when that was by the wall.
    pub fn proof(&self) -> Option<(Duration, Proof)> {
        self.steps.iter().rev().find_map(|taken| match taken.step {
            Step::Proven(proof) => Some((taken.at.wall, proof)),
            _ => None,
        })
    }

    /// How many notices have joined.
    pub fn joined(&self) -> u32 {
        let count = self.find(|step| match step {
            Step::Joined { count, .. } => Some(count),
            _ => None,
        });
        count.unwrap_or(0)
    }

    /// The newest step of which `pick` makes something.
    pub fn find<T>(&self, pick: impl Fn(Step) -> Option<T>) -> Option<T> {
        self.steps.iter().rev().find_map(|taken| pick(taken.step))
    }
}

/// The same of one that several hold; mostly it is short enough, and then it is that one.
fn cut_text(text: Text) -> Text {
    if text.len() <= MAX_TEXT_OCTETS { text } else { cut(&text).into() }
}

/// At most `MAX_TEXT_OCTETS` of the text, whole characters.
pub fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_TEXT_OCTETS)].to_owned()
}
