//! What is known of one BMC: where it is, how to log in, and what the handshake is on its wire.
//!
//! Part of the model; its values are as valid as the rest of it. Uses `words` and `crypto` (for secrets).

use super::Probes;
use super::version3::Version3;
use crate::crypto::Secret;
use crate::words::Guid;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

/// One BMC.
#[derive(Debug, Clone)]
pub struct Bmc {
    /// Where it answers RMCP; port 623 unless said otherwise.
    pub address: SocketAddr,
    /// Where its traps come from: `address` unless said otherwise.
    pub trap_sources: Vec<IpAddr>,
    /// Relays that may speak for it, naming it (v1 agent-addr, snmpTrapAddress).
    pub relays: Vec<IpAddr>,
    /// How long it may repeat a notice, as its audit says; none: nobody knows.
    pub retry_span: Option<Duration>,
    /// The community its traps must carry.
    pub community: Secret,
    /// How to log in; none means that it is only pinged.
    pub lan: Option<Lan>,
    /// How it is talked to, where it is this server's own.
    pub link: LinkChoice,
    /// The kernel's device of the own BMC.
    pub device: String,
    /// Its system GUID, pinned by the operator.
    pub guid: Option<Guid>,
    /// Its GUID says nothing: it is known by its address alone, and no chassis command goes to it.
    pub by_address: bool,
    /// What armed, started, ended and disarmed are on the wire.
    pub handshake: Handshake,
    /// What follows a recovery that is done.
    pub after_ended: AfterEnded,
    /// How long it holds its reset, as declared by its vendor.
    pub patience: Option<Duration>,
    /// Whether its traps are in its System Event Log, too.
    pub in_sel: bool,
    /// Whether what it logged while we were away is told.
    pub sel_catch_up: bool,
    /// How *ended* waits for a crash dump, if it does.
    pub dump: Option<DumpHold>,
    /// What the heartbeat asks it.
    pub probes: Probes,
    /// Its SNMPv3.
    pub version3: Version3,
}

/// How a server's own BMC is talked to; another server's is always asked over LAN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkChoice {
    /// In-band where the device is, LAN beside it.
    Auto,
    /// LAN alone.
    Lan,
    /// In-band alone.
    InBand,
}

/// While any of the markers exists a crash dump is being written, and *ended* waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpHold {
    /// At most so long.
    pub longest: Duration,
    /// Absolute paths; who writes the dump makes one and takes it away.
    pub markers: Vec<String>,
}

/// A login over RMCP+.
#[derive(Debug, Clone)]
pub struct Lan {
    /// The user's name, at most 16 octets.
    pub user: String,
    /// Where the password is.
    pub password: SecretSource,
    /// Where the BMC's own key (Kg) is, if it has one.
    pub kg: Option<SecretSource>,
    /// The cipher suites to try, in this order: 17 and 3 are known.
    pub suites: Vec<u8>,
    /// The privilege to ask for; `None`: the least that does.
    pub privilege: Option<Privilege>,
}

/// Stands for systemd's folder of this service's credentials in the path of a [`SecretSource::File`].
pub const CREDENTIALS: &str = "$CREDENTIALS_DIRECTORY";

/// Where a secret is. Files are read by `io` when the context is made.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// Given with the configuration.
    Inline(Secret),
    /// The first line of this file; its folder may be [`CREDENTIALS`].
    File(String),
}

/// An IPMI privilege level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    /// 2: reads.
    User = 2,
    /// 3: also adds SEL entries and controls the chassis.
    Operator = 3,
    /// 4: also configures.
    Administrator = 4,
}

/// What the four words of the handshake are on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "there is one a BMC, and none is copied in a hurry")]
pub enum Handshake {
    /// Nothing is said.
    None,
    /// An OEM record in the SEL, for people to read.
    Sel {
        /// The record type, C0h to DFh: the BMC adds its time.
        record_type: u8,
        /// The manufacturer id of the record, 24 bits.
        manufacturer: u32,
    },
    /// Commands as the vendor's manual gives them.
    Raw {
        /// The profile's name, for people.
        name: String,
        /// See [`crate::words::Phase::Armed`].
        armed: Option<RawMessage>,
        /// See [`crate::words::Phase::Started`].
        started: Option<RawMessage>,
        /// See [`crate::words::Phase::Ended`].
        ended: Option<RawMessage>,
        /// See [`crate::words::Phase::Disarmed`].
        disarmed: Option<RawMessage>,
        /// Repeated while armed, so that the BMC knows that we live.
        keepalive: Option<(RawMessage, Duration)>,
    },
}

/// One raw IPMI command with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawMessage {
    /// Network function of the request, even, 0 to 3Eh.
    pub netfn: u8,
    /// Logical unit.
    pub lun: u8,
    /// Command.
    pub command: u8,
    /// Data octets.
    pub data: Vec<RawOctet>,
    /// Completion codes that mean "understood".
    pub accept: Vec<u8>,
}

/// An octet of a raw command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawOctet {
    /// As written.
    Literal(u8),
    /// The outcome: 0 done, 1 failed, 2 unknown (0 in the other phases).
    Outcome,
    /// Octet `n` (0 lowest) of the record id.
    Record(u8),
    /// Octet `n` (0 first) of the address traps are to be sent to; IPv4 only.
    ListenAddress(u8),
    /// Octet `n` (0 lowest) of the port traps are to be sent to.
    ListenPort(u8),
}

/// What follows a recovery that is done. Never follows a failed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterEnded {
    /// Nothing: the operator decides.
    None,
    /// Nothing from us: the BMC resets by itself.
    Bmc,
    /// Chassis Control 2.
    PowerCycle,
    /// Chassis Control 3.
    HardReset,
    /// Chassis Control 0.
    PowerOff,
    /// Chassis Control 4.
    Nmi,
    /// Chassis Control 5.
    SoftOff,
}
