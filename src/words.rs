//! The words that several floors share; they mean the same in Rust, C, Python and on the command line.
//!
//! Uses nothing. What belongs to one stage alone is defined there and not here.

use core::fmt;

/// Which server, by its place in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(pub u16);

/// Which monitor, by its place in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MonitorId(pub u16);

/// How a trap's sender was accepted; a monitor names the least it takes. Ordered from weak to strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trust {
    /// By its source address alone, which anyone on the network can forge.
    Address,
    /// The BMC, asked over its authenticated link, shows a fresh matching event.
    Corroborated,
    /// The trap itself was authenticated (SNMPv3).
    Authenticated,
}

/// What a notice means for the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The board is dying; starts a recovery.
    Fatal,
    /// The server goes on, with less or not for long.
    Recoverable {
        /// It runs worse than it should.
        degradation: bool,
        /// It is expected to fail.
        predictive: bool,
    },
    /// An earlier event is over (a deassertion).
    Cleared,
    /// For the record.
    Info,
}

/// What is said to a BMC; the four words of the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Notices come to us, and a reset may wait for us.
    Armed,
    /// A recovery runs.
    Started,
    /// It is over, and how.
    Ended(Outcome),
    /// We stop listening; do not wait for us.
    Disarmed,
}

/// How a recovery went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The services run elsewhere, or whatever the operator meant by done.
    Done,
    /// They do not; a failed recovery never leads to a chassis command.
    Failed,
    /// We were killed in the middle and cannot tell.
    Unknown,
}

/// What a recovery answers: a callback by its return value, a command by its exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The recovery is complete.
    Done,
    /// It failed.
    Failed,
    /// It goes on; its token completes it.
    Later,
}

/// What one attempt of a recovery does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecoveryAction {
    /// Starts the target again where it is.
    Restart,
    /// Moves the target to another server.
    Failover,
    /// Stops the cluster service on this server, which makes everything leave it.
    StopService,
}

/// One attempt of a recovery: the first that is done ends it, one that fails is followed by the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// What it does.
    pub action: RecoveryAction,
    /// Counts from 1 over the whole recovery.
    pub number: u8,
}

/// How loud a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Someone must act.
    Error,
    /// Someone should look.
    Warning,
    /// A step was taken.
    Info,
    /// For finding a fault in the setup.
    Debug,
}

/// A BMC's or a system's GUID: 16 octets in wire order. Senders use three byte orders, so it is
/// compared raw and printed as it stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// Whether it identifies nothing: all zero or all one.
    pub fn is_unspecified(&self) -> bool {
        self.0 == [0; 16] || self.0 == [0xFF; 16]
    }

    /// Whether both name one system, in any of the three byte orders that BMCs write: as it stands, with the first
    /// three fields swapped (SMBIOS), wholly reversed (IPMI).
    pub fn is_same_as(&self, other: &Self) -> bool {
        let mut fields = other.0;
        fields[0..4].reverse();
        fields[4..6].reverse();
        fields[6..8].reverse();
        let mut reversed = other.0;
        reversed.reverse();
        [other.0, fields, reversed].contains(&self.0)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, octet) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{octet:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "address",
            Self::Corroborated => "corroborated",
            Self::Authenticated => "authenticated",
        })
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fatal => "fatal",
            Self::Recoverable { .. } => "recoverable",
            Self::Cleared => "cleared",
            Self::Info => "info",
        })
    }
}

impl fmt::Display for RecoveryAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Restart => "restart",
            Self::Failover => "failover",
            Self::StopService => "stop_service",
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        })
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Armed => f.write_str("armed"),
            Self::Started => f.write_str("started"),
            Self::Ended(outcome) => write!(f, "ended({outcome})"),
            Self::Disarmed => f.write_str("disarmed"),
        }
    }
}
