//! What the engine hands out: work for the shell, and deliveries for the application.
//!
//! The shell performs every output in order, and after an `Append` calls `handle_appended` before it
//! asks for the next: what must be in the journal is there before anyone hears of it.

use crate::bmc::inband::Order;
use crate::heartbeat::{Doubt, Pulse, TakeOver, Verdict, take_over};
use crate::notice::Notice;
use crate::notice::filter::{Allowed, Program};
use crate::now::Now;
use crate::words::{Answer, Attempt, Level, Outcome, Phase, ServerId};
use alloc::sync::Arc;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

/// Work for the shell.
#[derive(Debug)]
pub enum Output {
    /// Send from the socket that traps come to: acknowledgements.
    Reply {
        /// To whom.
        to: SocketAddr,
        /// The datagram.
        bytes: Vec<u8>,
    },
    /// Send from a socket that BMCs answer to.
    Ask {
        /// To whom.
        to: SocketAddr,
        /// The datagram.
        bytes: Vec<u8>,
    },
    /// Do this with the device of this server's own BMC; what is heard comes back through `handle_in_band`.
    InBand(Order),
    /// Append to the journal, then call `handle_appended`.
    Append(Vec<u8>),
    /// Put this in place of the whole journal, then call `handle_compacted`.
    Compact(Vec<u8>),
    /// Attach this filter to the trap socket, in place of any other, or take it off; then call `handle_filter`. With it
    /// who passes, for a proof.
    Filter(Option<(Program, Allowed)>),
    /// Start a command; its fate comes back through `handle_command`.
    Run(Command),
    /// Make a command end.
    Signal {
        /// The recovery that it serves.
        token: u64,
        /// How.
        urgency: Urgency,
    },
    /// Look whether one of these files exists, then call `handle_dump`.
    LookForDump(Vec<String>),
    /// Keep this cache of sensors' names for the next start, when the disk has time; nothing comes back.
    KeepNames(Vec<u8>),
    /// Make the kernel panic, by this file of its.
    Panic(String),
    /// Hand to the application.
    Deliver(Delivery),
}

/// A command of the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The recovery that it serves.
    pub token: u64,
    /// The program's absolute path and its arguments.
    pub argv: Vec<String>,
    /// `NAME=value` each; nothing else is inherited.
    pub env: Vec<String>,
    /// What becomes of its standard output.
    pub print: Print,
    /// How long it may take: it is ended some time later even if we are dead or stuck then.
    pub time: Duration,
    /// One command at a time under this number: an earlier one, which a process that is dead now may have left
    /// behind, is ended first.
    pub alone: Option<u64>,
}

/// What becomes of a command's standard output. Its standard error is logged, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Print {
    /// It is logged, line by line.
    Log,
    /// It is kept and handed back as a whole.
    Keep,
}

/// Between SIGTERM and SIGKILL of a command that overran.
pub const COMMAND_GRACE: Duration = Duration::from_secs(5);

/// How a command is made to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// SIGTERM: it may clean up.
    Ask,
    /// SIGKILL.
    Kill,
}

/// What happened to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandEvent {
    /// It printed a line.
    Printed(String),
    /// All that it printed to its standard output, under `Print::Keep`.
    Kept(Vec<u8>),
    /// It exited with this status.
    Exited(i32),
    /// This signal killed it.
    Killed(i32),
    /// The host program took its ending from us (it waits with `__WALL`).
    Lost,
    /// It printed more than can be kept, and was killed.
    Overflowed,
    /// It could not be started, and why.
    NotStarted(String),
}

/// Something for the application.
#[derive(Debug)]
pub enum Delivery {
    /// A recovery is due: call the application's callback, and bring its answer.
    Recover(Recover),
    /// A new notice, whether it starts a recovery or not.
    Notice(Heard),
    /// What the heartbeat says of a server has changed.
    Peer(PeerStatus),
    /// A recovery took a step.
    Progress(Progress),
    /// The notice of a drill was delivered before this: hand it to `drill_delivered`.
    Echo(Echo),
    /// A line for the log.
    Log(Line),
}

/// What an application that saw the whole of a drill tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo(pub(super) u64);

/// A notice, with its server's name.
#[derive(Debug, Clone)]
pub struct Heard {
    /// What was said.
    pub notice: Arc<Notice>,
    /// Of which server.
    pub server: Arc<str>,
    /// Its record in the journal; the last one, if several monitors want it.
    pub record: u64,
}

/// A recovery that is due.
#[derive(Debug, Clone)]
pub struct Recover {
    /// Completes it, once; stale after that.
    pub token: u64,
    /// Its record in the journal.
    pub record: u64,
    /// The monitor that matched.
    pub monitor: Arc<str>,
    /// This server.
    pub server: Arc<str>,
    /// What is to be moved, as the operator named it; empty if not.
    pub target: Arc<str>,
    /// What is to be done, the how manieth time.
    pub attempt: Attempt,
    /// Why.
    pub notice: Arc<Notice>,
    /// How long it may take, from now.
    pub deadline: Duration,
}

/// A step of a recovery.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Its record in the journal.
    pub record: u64,
    /// The monitor.
    pub monitor: Arc<str>,
    /// When.
    pub at: Now,
    /// How long after the trap came.
    pub after: Duration,
    /// What.
    pub stage: Stage,
}

/// The steps of a recovery, as people are told them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// A genuine, new and serious notice is in the journal.
    Recorded {
        /// What it says.
        sentence: String,
        /// Whether a killed process would find it again.
        durable: bool,
    },
    /// A further notice joined the recovery.
    Joined {
        /// What it says.
        sentence: String,
    },
    /// The BMC is being told.
    Telling(Phase),
    /// It has understood.
    Told(Phase),
    /// It has not, within the deadline, and why.
    Untold(Phase, String),
    /// The operator's recovery runs.
    Recovering,
    /// It answered.
    Answered(Answer),
    /// It took too long.
    Overrun,
    /// A chassis command was sent, or why not.
    Chassis(String),
    /// The BMC's reset is awaited.
    AwaitingReset,
    /// The record is closed, and why.
    Closed(String),
    /// Something the operator should know.
    Remark(Level, String),
    /// A drill took a step; it is about no recovery.
    Drill(Level, String),
}

/// A line for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How loud.
    pub level: Level,
    /// One line, no newline at its end.
    pub text: String,
}

impl Line {
    /// A line that someone must act on.
    pub fn error(text: impl Into<String>) -> Self {
        Self { level: Level::Error, text: text.into() }
    }

    /// A line that someone should look at.
    pub fn warning(text: impl Into<String>) -> Self {
        Self { level: Level::Warning, text: text.into() }
    }

    /// A step was taken.
    pub fn info(text: impl Into<String>) -> Self {
        Self { level: Level::Info, text: text.into() }
    }
}

/// What the heartbeat says of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// Which one, by its place in the configuration.
    pub id: ServerId,
    /// Its name.
    pub server: Arc<str>,
    /// Whether it is this server.
    pub own: bool,
    /// What its BMC's words mean.
    pub verdict: Verdict,
    /// Since when (boottime).
    pub since: Duration,
    /// When the BMC last answered.
    pub heard: Option<Now>,
    /// Whether its power is on, as the BMC told last; none: it never did.
    pub power: Option<bool>,
    /// What its watchdog showed last.
    pub pulse: Pulse,
    /// How long the last answer took.
    pub round_trip: Option<Duration>,
    /// Rounds of questions without an answer since the last answer.
    pub misses: u32,
    /// How often it was seen to restart.
    pub restarts: u32,
    /// How old an answer may be for a *yes* of [`PeerStatus::take_over`].
    pub current_for: Duration,
}

impl PeerStatus {
    /// Of a server whose BMC has not been heard yet.
    pub fn unheard(id: ServerId, server: &str) -> Self {
        Self {
            id,
            server: server.into(),
            own: false,
            verdict: Verdict::Unknown(Doubt::NotAsked),
            since: Duration::ZERO,
            heard: None,
            power: None,
            pulse: Pulse::Unread,
            round_trip: None,
            misses: 0,
            restarts: 0,
            current_for: Duration::ZERO,
        }
    }

    /// May I take over what it runs? And why, or why not. `now` in boottime.
    pub fn take_over(&self, now: Duration) -> (TakeOver, &'static str) {
        if self.own {
            return (TakeOver::No, "it is this server");
        }
        let age = self.heard.map_or(Duration::MAX, |heard| now.saturating_sub(heard.boottime));
        take_over(self.verdict, age, self.current_for)
    }
}

impl Progress {
    /// As a line of the log.
    pub fn line(&self) -> Line {
        let text = match self.stage {
            Stage::Drill(..) => format!("{}: {}", self.monitor, self.stage),
            _ => format!("{}: record {}: {}", self.monitor, self.record, self.stage),
        };
        Line { level: self.stage.level(), text }
    }
}

impl Stage {
    /// How loud it is.
    pub fn level(&self) -> Level {
        match self {
            Self::Joined { .. } => Level::Warning,
            Self::Recorded { durable: false, .. } | Self::Untold(..) | Self::Overrun => Level::Error,
            Self::Answered(Answer::Failed) | Self::Told(Phase::Ended(Outcome::Failed | Outcome::Unknown)) => {
                Level::Error
            }
            Self::Remark(level, _) | Self::Drill(level, _) => *level,
            Self::Recorded { .. }
            | Self::Telling(_)
            | Self::Told(_)
            | Self::Recovering
            | Self::Answered(_)
            | Self::Chassis(_)
            | Self::AwaitingReset
            | Self::Closed(_) => Level::Info,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded { sentence, durable: true } => write!(f, "in the journal: {sentence}"),
            Self::Recorded { sentence, durable: false } => {
                write!(f, "NOT in the journal (it would not survive us): {sentence}")
            }
            Self::Joined { sentence } => write!(f, "joined by: {sentence}"),
            Self::Telling(phase) => write!(f, "telling the BMC: recovery {phase}"),
            Self::Told(phase) => write!(f, "the BMC knows: recovery {phase}"),
            Self::Untold(phase, why) => write!(f, "the BMC does NOT know: recovery {phase}: {why}"),
            Self::Recovering => f.write_str("the recovery runs"),
            Self::Answered(Answer::Done) => f.write_str("the recovery is done"),
            Self::Answered(Answer::Failed) => f.write_str("the recovery FAILED"),
            Self::Answered(Answer::Later) => f.write_str("the recovery goes on"),
            Self::Overrun => f.write_str("the recovery overran its deadline: FAILED"),
            Self::Chassis(what) => f.write_str(what),
            Self::AwaitingReset => f.write_str("the BMC may reset the server now"),
            Self::Closed(why) => write!(f, "closed: {why}"),
            Self::Remark(_, what) | Self::Drill(_, what) => f.write_str(what),
        }
    }
}
