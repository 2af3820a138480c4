//! The one model of a cluster that every reader fills and every stage uses.
//!
//! Values here are validated: a `Cluster` exists only when `check` found no error. Uses `words` and
//! `crypto` (for secrets). Where each value came from is kept by the reader, for `check`.

use super::clusterpro::{Clusterpro, Site};
use crate::crypto::Secret;
use crate::words::{Guid, MonitorId, ServerId, Trust};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

/// A cluster, as the operator described it.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Its name, for people.
    pub name: String,
    /// The server that this process runs on.
    pub this: ServerId,
    /// All servers, this one among them.
    pub servers: Vec<Server>,
    /// The rules that tie notices to recoveries.
    pub monitors: Vec<Monitor>,
    /// How the BMC heartbeat asks.
    pub heartbeat: Heartbeat,
    /// Where the journal lies.
    pub journal: Journal,
    /// CLUSTERPRO's alert log, where it is to be written to.
    pub clusterpro: Option<Site>,
    /// Only watch: write notices down and tell people; acknowledge, tell the BMC and recover nothing.
    pub observe: bool,
}

impl Cluster {
    /// A server by its id.
    pub fn server(&self, id: ServerId) -> &Server {
        &self.servers[usize::from(id.0)]
    }

    /// A monitor by its id.
    pub fn monitor(&self, id: MonitorId) -> &Monitor {
        &self.monitors[usize::from(id.0)]
    }

    /// The server that this process runs on.
    pub fn this_server(&self) -> &Server {
        self.server(self.this)
    }

    /// Where this server listens for traps: one address, the same in all its monitors.
    pub fn listen(&self) -> Option<SocketAddr> {
        self.monitors.iter().find_map(|monitor| monitor.keyword(self.this))
    }
}

/// One server of the cluster.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// Its own addresses, on the operating system's side.
    pub addresses: Vec<IpAddr>,
    /// Its BMC, if one is known.
    pub bmc: Option<Bmc>,
}

/// One BMC.
#[derive(Debug, Clone)]
pub struct Bmc {
    /// Where it answers RMCP; port 623 unless said otherwise.
    pub address: SocketAddr,
    /// Where its traps come from: `address` unless said otherwise.
    pub trap_sources: Vec<IpAddr>,
    /// Relays that may speak for it, naming it (v1 agent-addr, snmpTrapAddress).
    pub relays: Vec<IpAddr>,
    /// The community its traps must carry.
    pub community: Secret,
    /// How to log in; none means that it is only pinged.
    pub lan: Option<Lan>,
    /// Its system GUID, pinned by the operator.
    pub guid: Option<Guid>,
    /// What armed, started, ended and disarmed are on the wire.
    pub handshake: Handshake,
    /// What follows a recovery that is done.
    pub after_ended: AfterEnded,
    /// How long it holds its reset, as declared by its vendor.
    pub patience: Option<Duration>,
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
    /// The privilege to ask for.
    pub privilege: Privilege,
}

/// Where a secret is. Files are read by `io` when the context is made.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// Given with the configuration.
    Inline(Secret),
    /// The first line of this file.
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

/// The operator's rule that ties notices to a recovery.
#[derive(Debug, Clone)]
pub struct Monitor {
    /// Its name.
    pub name: String,
    /// Where each server listens for it; the keyword of CLUSTERPRO.
    pub keywords: Vec<(ServerId, SocketAddr)>,
    /// The least trust it takes.
    pub trust: Trust,
    /// The classes that start a recovery.
    pub starts_on: StartsOn,
    /// What the recovery does.
    pub recovery: Recovery,
    /// What the recovery is about, for people and for the recovery itself: a group or a resource.
    pub target: Option<String>,
    /// How long the recovery may take; longer is failed.
    pub deadline: Duration,
    /// How long a phase is re-sent to a BMC that does not answer.
    pub tell_deadline: Duration,
    /// How long the recovery waits for the answer to *started*; zero: not at all.
    pub wait_for_started: Duration,
    /// After *ended*, how long a reset is awaited before the monitor is ready again.
    pub reset_deadline: Duration,
    /// Run again after we were killed in the middle, instead of telling `ended(unknown)`.
    pub rerun: bool,
    /// Allow a chassis command although the trap's only proof is its address.
    pub chassis_on_address: bool,
}

impl Monitor {
    /// Where `server` listens for this monitor.
    pub fn keyword(&self, server: ServerId) -> Option<SocketAddr> {
        self.keywords.iter().find(|(id, _)| *id == server).map(|(_, address)| *address)
    }
}

/// Which classes start a recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartsOn {
    /// Only fatal notices.
    Fatal,
    /// Fatal and recoverable ones.
    Recoverable,
}

/// What a recovery does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// Calls what the program registered for this monitor.
    Callback,
    /// Runs a program, without a shell; the first is its absolute path.
    Command(Vec<String>),
    /// Asks CLUSTERPRO to act.
    Clusterpro(Clusterpro),
}

/// The BMC heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Whether it runs.
    pub enabled: bool,
    /// Between two questions to one BMC.
    pub interval: Duration,
    /// Without an answer for so long: unknown.
    pub timeout: Duration,
}

/// Where the journal lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// The folder of the hot file, on tmpfs; `None`: records are volatile.
    pub hot: Option<String>,
    /// The folder that the storage thread copies to; `None`: no copy.
    pub disk: Option<String>,
}
