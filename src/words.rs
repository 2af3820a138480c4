//! The words that several floors share; they mean the same in Rust, C, Python and on the command line.
//!
//! Uses nothing. What belongs to one stage alone is defined there and not here.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;

/// A text that several hold, such as a notice and its record: a copy of it costs no memory.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Text(Arc<str>);

impl Text {
    /// What `write` writes; `draft` is where, again and again, so that one allocation is all that it takes.
    pub(crate) fn drafted(draft: &mut String, write: impl FnOnce(&mut String)) -> Self {
        draft.clear();
        write(draft);
        draft.as_str().into()
    }

    /// As a string slice.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Text {
    fn default() -> Self {
        Self("".into())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Self(text)
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

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

/// Why the in-band road is not open, or a command not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Obstacle {
    /// The driver runs, but the device is not there.
    NoDevice,
    /// The driver is not loaded.
    NoDriver,
    /// The driver is loaded and has found no BMC.
    NoInterface,
    /// What is there under this name is no IPMI device.
    NotADevice,
    /// This user may not open it.
    Denied,
    /// The driver has too many users, too many commands, or resets the BMC.
    Busy,
    /// The driver does not take this command from anybody.
    Forbidden,
    /// Another error of the system, by its number.
    Other(i32),
}

impl Obstacle {
    /// Whether the same may succeed soon without anybody changing anything.
    pub fn is_passing(self) -> bool {
        match self {
            Self::Busy | Self::Other(_) => true,
            Self::NoDevice | Self::NoDriver | Self::NoInterface | Self::NotADevice | Self::Denied | Self::Forbidden => {
                false
            }
        }
    }

    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::NoDriver => {
                "start the ipmi service before the cluster (systemctl enable --now ipmi, or modprobe ipmi_si and ipmi_devintf)"
            }
            Self::NoInterface => "look into the kernel's log (dmesg | grep -i ipmi); a server without a BMC has none",
            Self::NoDevice => "name the device that there is (ls /dev/ipmi*)",
            Self::NotADevice => "name the character device of ipmi_devintf, usually /dev/ipmi0",
            Self::Denied => "let a udev rule give the device to this process's group (docs/in-band.md), or run as root",
            Self::Busy | Self::Forbidden | Self::Other(_) => "see docs/in-band.md",
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoDevice => "the driver runs, but the device is not there",
            Self::NoDriver => "the ipmi service does not run: its driver is not loaded",
            Self::NoInterface => "the driver is loaded and has found no BMC",
            Self::NotADevice => "what is there is no IPMI device",
            Self::Denied => "permission denied: this user may not open the device",
            Self::Busy => "the driver is busy",
            Self::Forbidden => "the driver does not take this command",
            Self::Other(number) => return write!(f, "the driver failed with error {number}"),
        })
    }
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
