//! Why a BMC could not be talked to, in the operator's words.
//!
//! Uses `wire` for the status numbers. Made by `session` and `link`, read by everything above.

use crate::wire::ipmi::Completion;
use crate::wire::rakp::Status;
pub use crate::words::Obstacle;
use core::fmt;

/// Why there is no answer. Which of these a retry can help is [`Failure::is_passing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// Nothing came back.
    Silent,
    /// The BMC does not know the user.
    WrongUser,
    /// The BMC and we do not have the same password (or BMC key).
    WrongPassword,
    /// The user may not have the privilege that was asked for.
    PrivilegeTooHigh,
    /// All of the BMC's sessions are taken.
    NoFreeSlot,
    /// The BMC has sessions left, and we leave them to others.
    Crowded,
    /// The BMC answers, but not in our session: it has restarted, or ended it.
    SessionLost,
    /// The BMC takes none of the cipher suites that we may use.
    SuiteNotOffered,
    /// The BMC refused with another status.
    Refused(Status),
    /// The BMC refused to raise the session's privilege, with a code that does not speak of privilege.
    Rejected(Completion),
    /// Something came back, and it was not what the specification says.
    Malformed,
    /// Too many commands wait for this BMC already.
    QueueFull,
    /// The BMC belongs to another system than the configuration says.
    WrongIdentity,
    /// The link was stopped, or never started.
    Stopped,
    /// No login is configured, so there is no session to send it over.
    NoLogin,
    /// The kernel's driver is not to be had, or did not take it: it was never sent.
    InBand(Obstacle),
}

impl Failure {
    /// What the status of a refused key exchange means to the operator.
    pub(super) fn of(status: Status) -> Self {
        match status.0 {
            0x01 | 0x0B => Self::NoFreeSlot,
            0x04 | 0x05 | 0x10 | 0x11 | 0x12 => Self::SuiteNotOffered,
            0x09 | 0x0A => Self::PrivilegeTooHigh,
            0x0C | 0x0D => Self::WrongUser,
            0x0F => Self::WrongPassword,
            _ => Self::Refused(status),
        }
    }

    /// Whether the same may succeed soon without anybody changing anything.
    pub fn is_passing(self) -> bool {
        match self {
            Self::Silent
            | Self::NoFreeSlot
            | Self::Crowded
            | Self::SessionLost
            | Self::Refused(_)
            | Self::Rejected(_)
            | Self::Malformed
            | Self::QueueFull => true,
            Self::WrongUser
            | Self::WrongPassword
            | Self::PrivilegeTooHigh
            | Self::SuiteNotOffered
            | Self::WrongIdentity
            | Self::Stopped
            | Self::NoLogin => false,
            Self::InBand(obstacle) => obstacle.is_passing(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Silent => "the BMC does not answer",
            Self::WrongUser => "the BMC does not know the user",
            Self::WrongPassword => "wrong password or BMC key (Kg)",
            Self::PrivilegeTooHigh => {
                "the user may not have this privilege (some BMCs give a user only its highest one: see `privilege`)"
            }
            Self::NoFreeSlot => "the BMC has no free session",
            Self::Crowded => "the BMC's last free sessions are left to others",
            Self::SessionLost => "the BMC has forgotten the session",
            Self::SuiteNotOffered => "the BMC offers none of the cipher suites that may be used",
            Self::Refused(status) => return write!(f, "the BMC refused the session: {status}"),
            Self::Rejected(code) => return write!(f, "the BMC refused to set the privilege: {code}"),
            Self::Malformed => "the BMC's answer is malformed",
            Self::QueueFull => "too many commands wait for this BMC",
            Self::WrongIdentity => "this is another system's BMC",
            Self::Stopped => "the link is stopped",
            Self::NoLogin => "no login for this BMC is configured",
            Self::InBand(obstacle) => return write!(f, "in-band: {obstacle}"),
        })
    }
}

/// Why a word did not reach the BMC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Untold {
    /// Until the deadline no answer came, and this is why.
    Unanswered(Failure),
    /// Until the deadline the BMC refused it.
    Refused(Completion),
    /// Until the deadline its event log had no room for it.
    LogFull,
    /// The deadline came before anything else.
    Late,
    /// The message carries our address for traps, and there is none, or none that is IPv4.
    NoAddress,
}

impl fmt::Display for Untold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unanswered(failure) => write!(f, "{failure}"),
            Self::Refused(code) => write!(f, "the BMC refused: {code}"),
            Self::LogFull => f.write_str(
                "its event log is full, and the words of this handshake are records in it; erase it (ipmitool sel clear)",
            ),
            Self::Late => f.write_str("the deadline passed"),
            Self::NoAddress => f.write_str("the message needs an IPv4 address to listen on"),
        }
    }
}
