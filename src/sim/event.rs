//! What the simulated BMC hands out: datagrams to send, and its story in words.
//!
//! `Display` is made for `bmcnotice demo`: one plain sentence each.

use super::host::RestartCause;
use super::log::{Caller, Entry};
use crate::words::Outcome;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

/// What the one who drives the BMC must do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this datagram from the BMC's own RMCP port.
    Send {
        /// To whom.
        to: SocketAddr,
        /// The UDP payload.
        bytes: Vec<u8>,
    },
    /// Nothing; know that this happened.
    Event(Event),
}

/// What happened, in the order it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A fault was raised.
    FaultDetected {
        /// What happened.
        sentence: &'static str,
        /// Its record in the SEL; none if that is full.
        record: Option<u16>,
        /// Whether the server is to be reset for it.
        fatal: bool,
    },
    /// The record of a fault told before was written only now.
    RecordWritten {
        /// Its id.
        record: u16,
    },
    /// A fault is over.
    FaultCleared {
        /// What had happened.
        sentence: &'static str,
    },
    /// A trap went out.
    TrapSent {
        /// Its sequence number.
        sequence: u16,
        /// The first is 1.
        nth: u8,
        /// How often it goes out at most.
        of: u8,
        /// To whom.
        to: SocketAddr,
    },
    /// A trap was acknowledged and is not sent again.
    TrapAcknowledged {
        /// Its sequence number.
        sequence: u16,
        /// By whom.
        by: Caller,
    },
    /// A PET Acknowledge that fits no trap that waits for one.
    AcknowledgeUnmatched {
        /// The sequence number it names.
        sequence: u16,
        /// By whom.
        by: Caller,
    },
    /// Nobody acknowledged a trap.
    TrapGivenUp {
        /// Its sequence number.
        sequence: u16,
    },
    /// *armed* was heard.
    Armed {
        /// From whom.
        by: Caller,
    },
    /// *disarmed* was heard.
    Disarmed {
        /// From whom.
        by: Caller,
    },
    /// *recovery started* was heard.
    RecoveryStarted {
        /// From whom.
        by: Caller,
        /// So long after the newest fault; none without one since the last reset.
        after: Option<Duration>,
    },
    /// *recovery ended* was heard.
    RecoveryEnded {
        /// From whom.
        by: Caller,
        /// How it went.
        outcome: Outcome,
        /// So long after the newest fault; none without one since the last reset.
        after: Option<Duration>,
    },
    /// The reset waits for the recovery.
    Holding {
        /// At most so long.
        patience: Duration,
    },
    /// Another fatal fault joins the one whose reset waits.
    Joined,
    /// Nobody said *ended* in time.
    PatienceOver,
    /// The recovery was not done, and by option the reset is given up.
    ResetGivenUp,
    /// The host is reset.
    Reset {
        /// Why.
        cause: RestartCause,
    },
    /// The host lost its power.
    PowerOff,
    /// The host has power and boots.
    PowerOn,
    /// The host's operating system is up.
    HostBooted,
    /// A diagnostic interrupt was pulsed.
    Nmi,
    /// The identify light was lit.
    Identify,
    /// The watchdog expired.
    WatchdogExpired {
        /// Timer use: 1 FRB2, 2 POST, 3 OS load, 4 SMS/OS, 5 OEM.
        timer_use: u8,
    },
    /// A session is open.
    SessionOpened {
        /// Whose.
        user: String,
        /// Its cipher suite.
        suite: u8,
        /// From where.
        from: SocketAddr,
    },
    /// A session is closed.
    SessionClosed {
        /// Whose.
        user: String,
        /// By its silence, not by a command.
        timed_out: bool,
    },
    /// Somebody could not log in.
    LoginRefused {
        /// The name given; empty before one was.
        user: String,
        /// The RMCP+ status that was answered.
        status: u8,
        /// From where.
        from: SocketAddr,
    },
    /// The BMC itself restarts; its sessions are gone.
    BmcRestarted,
    /// A command was answered.
    Command(Entry),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FaultDetected { sentence, record, fatal } => {
                write!(f, "fault detected: {sentence}")?;
                match record {
                    Some(id) => write!(f, " (SEL record {id})")?,
                    None => f.write_str(" (not in the SEL)")?,
                }
                f.write_str(if *fatal { ", fatal" } else { "" })
            }
            Self::RecordWritten { record } => write!(f, "SEL record {record} written late"),
            Self::FaultCleared { sentence } => write!(f, "fault is over: {sentence}"),
            Self::TrapSent { sequence, nth, of, to } => write!(f, "trap {sequence} sent to {to} ({nth} of {of})"),
            Self::TrapAcknowledged { sequence, by } => write!(f, "trap {sequence} acknowledged by {by}"),
            Self::AcknowledgeUnmatched { sequence, by } => {
                write!(f, "an acknowledge from {by} names trap {sequence}, but none waits that looks so")
            }
            Self::TrapGivenUp { sequence } => write!(f, "trap {sequence} was never acknowledged"),
            Self::Armed { by } => write!(f, "armed by {by}"),
            Self::Disarmed { by } => write!(f, "disarmed by {by}"),
            Self::RecoveryStarted { by, after } => {
                write!(f, "heard: recovery started, from {by}")?;
                since_fault(f, *after)
            }
            Self::RecoveryEnded { by, outcome, after } => {
                write!(f, "heard: recovery ended ({outcome}), from {by}")?;
                since_fault(f, *after)
            }
            Self::Holding { patience } => {
                write!(f, "holding the reset until the recovery has ended, at most {} s", patience.as_secs_f32())
            }
            Self::Joined => f.write_str("the reset is held already"),
            Self::PatienceOver => f.write_str("patience is over"),
            Self::ResetGivenUp => f.write_str("the recovery was not done: no reset"),
            Self::Reset { cause } => write!(f, "resetting the server ({cause})"),
            Self::PowerOff => f.write_str("power off"),
            Self::PowerOn => f.write_str("power on"),
            Self::HostBooted => f.write_str("the server is up again"),
            Self::Nmi => f.write_str("diagnostic interrupt (NMI) pulsed"),
            Self::Identify => f.write_str("identify light on"),
            Self::WatchdogExpired { timer_use } => {
                let timer = ["reserved", "BIOS FRB2", "BIOS/POST", "OS load", "SMS/OS", "OEM"];
                write!(f, "watchdog expired ({})", timer.get(usize::from(*timer_use)).unwrap_or(&"reserved"))
            }
            Self::SessionOpened { user, suite, from } => {
                write!(f, "session opened by {user} from {from}, cipher suite {suite}")
            }
            Self::SessionClosed { user, timed_out: false } => write!(f, "session of {user} closed"),
            Self::SessionClosed { user, timed_out: true } => write!(f, "session of {user} timed out"),
            Self::LoginRefused { user, status, from } => {
                write!(f, "login of \"{}\" from {from} refused, status {status:02X}h", user.escape_default())
            }
            Self::BmcRestarted => f.write_str("the BMC restarts; its sessions are gone"),
            Self::Command(entry) => write!(f, "command {entry}"),
        }
    }
}

fn since_fault(f: &mut fmt::Formatter<'_>, after: Option<Duration>) -> fmt::Result {
    match after {
        Some(after) => write!(f, ", {:.1} ms after the fault", after.as_secs_f64() * 1000.0),
        None => f.write_str(", though no fault is known"),
    }
}

impl fmt::Display for RestartCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "cause unknown",
            Self::ChassisControl => "by a chassis command",
            Self::ResetButton => "by the reset button",
            Self::PowerButton => "by the power button",
            Self::Watchdog => "by the watchdog",
            Self::Pef => "for a fatal fault",
        })
    }
}
