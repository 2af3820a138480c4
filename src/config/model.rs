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
    /// What the final actions run.
    pub commands: Commands,
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

    /// The device of a BMC that is talked to in-band: this server's own, unless LAN alone is wanted. A BMC at a loopback
    /// address is a simulated one, and the device here is not its: that must be written out.
    pub fn in_band(&self, id: ServerId) -> Option<(LinkChoice, &str)> {
        let bmc = self.server(id).bmc.as_ref().filter(|_| id == self.this)?;
        let wanted = match bmc.link {
            LinkChoice::Auto => !bmc.address.ip().is_loopback(),
            LinkChoice::Lan => false,
            LinkChoice::InBand => true,
        };
        wanted.then_some((bmc.link, bmc.device.as_str()))
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

/// The operator's rule that ties notices to a recovery.
#[derive(Debug, Clone)]
pub struct Monitor {
    /// Its name.
    pub name: String,
    /// Where each server listens for it; the keyword of CLUSTERPRO.
    pub keywords: Vec<(ServerId, SocketAddr)>,
    /// The least trust it takes.
    pub trust: Trust,
    /// What follows when the BMC cannot be asked.
    pub when_unverifiable: WhenUnverifiable,
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
    /// How many attempts restart the target before any moves it (CLUSTERPRO: `threshold/restart`).
    pub restart: u8,
    /// How many attempts move the target (CLUSTERPRO: `threshold/fo`).
    pub failover: u8,
    /// What runs before attempts.
    pub script: Option<Script>,
    /// What is done when no attempt was done, or when there is none.
    pub final_action: FinalAction,
    /// Allow the final action although the trap's only proof is its address.
    pub final_action_on_address: bool,
    /// What the BMC hears when every attempt has failed.
    pub after_failure: AfterFailure,
    /// After a recovery is over, the next one waits for so long.
    pub cool_down: Duration,
    /// At most so many recoveries begin within the window; the next one waits for the operator.
    pub budget: u8,
    /// See `budget`.
    pub budget_window: Duration,
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

/// What to do when the BMC cannot be asked whether it meant it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenUnverifiable {
    /// Wait for the operator.
    Hold,
    /// Recover all the same.
    Recover,
}

/// Which classes start a recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartsOn {
    /// Only fatal notices.
    Fatal,
    /// Fatal and recoverable ones.
    Recoverable,
}

/// The script before an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The program's absolute path and its arguments.
    pub command: Vec<String>,
    /// How long it may take; longer is failed. That it failed is said, and stops nothing.
    pub timeout: Duration,
    /// Runs before an attempt that restarts.
    pub before_restart: bool,
    /// Runs before an attempt that moves.
    pub before_failover: bool,
    /// Runs before the final action.
    pub before_final: bool,
}

/// What the BMC hears of a recovery that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// `ended(failed)`: it goes on as it would without us.
    Ended,
    /// Nothing until the operator releases the recovery: the BMC waits as long as its patience.
    Hold,
}

/// The final action of a monitor. The numbers are those of CLUSTERPRO's `emergency/action`; other places of
/// its configuration number the same actions differently and must not share this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FinalAction {
    /// 1: nothing.
    None = 1,
    /// 3: stop the cluster service.
    StopService = 3,
    /// 4: stop the cluster service and shut the OS down.
    Shutdown = 4,
    /// 5: stop the cluster service and reboot the OS.
    Reboot = 5,
    /// 8: panic by sysrq.
    SysrqPanic = 8,
    /// 11: hard reset by the BMC.
    BmcReset = 11,
    /// 12: power off by the BMC.
    BmcPowerOff = 12,
    /// 13: power cycle by the BMC.
    BmcPowerCycle = 13,
    /// 14: NMI by the BMC.
    BmcNmi = 14,
}

impl FinalAction {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::StopService,
        Self::Shutdown,
        Self::Reboot,
        Self::SysrqPanic,
        Self::BmcReset,
        Self::BmcPowerOff,
        Self::BmcPowerCycle,
        Self::BmcNmi,
    ];

    /// CLUSTERPRO's number in `emergency/action`.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The action of this number; `None` for one that is CLUSTERPRO's alone (2, 9, 10, 15, 16) or nobody's.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.number() == number)
    }

    /// As it is written in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::StopService => "stop_service",
            Self::Shutdown => "shutdown",
            Self::Reboot => "reboot",
            Self::SysrqPanic => "sysrq_panic",
            Self::BmcReset => "bmc_reset",
            Self::BmcPowerOff => "bmc_power_off",
            Self::BmcPowerCycle => "bmc_power_cycle",
            Self::BmcNmi => "bmc_nmi",
        }
    }

    /// The chassis command that it is, if it is one.
    pub fn chassis(self) -> Option<AfterEnded> {
        match self {
            Self::BmcReset => Some(AfterEnded::HardReset),
            Self::BmcPowerOff => Some(AfterEnded::PowerOff),
            Self::BmcPowerCycle => Some(AfterEnded::PowerCycle),
            Self::BmcNmi => Some(AfterEnded::Nmi),
            Self::None | Self::StopService | Self::Shutdown | Self::Reboot | Self::SysrqPanic => None,
        }
    }
}

/// What the final actions run on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    /// Stops the cluster service; none: the recovery itself is asked to.
    pub stop_service: Option<Vec<String>>,
    /// Shuts the OS down.
    pub shutdown: Vec<String>,
    /// Reboots the OS.
    pub reboot: Vec<String>,
    /// The kernel's file that panics when a `c` is written to it.
    pub sysrq_trigger: String,
}

impl Default for Commands {
    fn default() -> Self {
        let shutdown = |how: &str| ["/sbin/shutdown", how, "now"].map(str::to_owned).to_vec();
        let (shutdown, reboot) = (shutdown("-h"), shutdown("-r"));
        Self { stop_service: None, shutdown, reboot, sysrq_trigger: "/proc/sysrq-trigger".into() }
    }
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
    /// Moves what runs here through Pacemaker.
    Pacemaker(Pacemaker),
}

/// How Pacemaker is made to move what runs here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pacemaker {
    /// What is set on this node.
    pub trigger: Trigger,
    /// The node attribute that turns red.
    pub attribute: String,
    /// The folder of Pacemaker's tools.
    pub tools: String,
}

impl Default for Pacemaker {
    fn default() -> Self {
        Self { trigger: Trigger::Auto, attribute: "#health-bmc".into(), tools: "/usr/sbin".into() }
    }
}

/// What makes Pacemaker move everything away from a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The health attribute where the cluster has a strategy for it, standby elsewhere.
    Auto,
    /// The health attribute; without a strategy the attempt fails.
    Health,
    /// Standby until the next boot.
    Standby,
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
