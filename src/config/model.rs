//! The one model of a cluster that every reader fills and every stage uses.
//!
//! Values here are validated: a `Cluster` exists only when `check` found no error. What is about a BMC is in
//! `model/bmc.rs`, what is about the heartbeat in `model/heartbeat.rs`, about SNMPv3 in `model/user.rs`, what traps mean in `model/meaning.rs`. Uses `words`. Where each value came from is kept by
//! the reader, for `check`.

mod bmc;
mod heartbeat;
mod meaning;
mod user;
mod version3;

pub use bmc::{
    AfterEnded, Bmc, CREDENTIALS, DumpHold, Handshake, Lan, LinkChoice, Privilege, RawMessage, RawOctet, SecretSource,
};
pub use heartbeat::{Heartbeat, OwnPulse, Probes, Vouch};
pub use meaning::{Meanings, Override, Profile, ProfileRule, Wanted};
pub use user::{KeySource, User};
pub use version3::{Learning, Least, Version3};

use super::clusterpro::{Clusterpro, Site};
use crate::words::{MonitorId, ServerId, Trust};
use alloc::sync::Arc;
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
    /// The users of SNMPv3.
    pub users: Vec<User>,
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
    /// What events and vendors' traps mean here; shared with whoever reads traps, because profiles are large.
    pub meanings: Arc<Meanings>,
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

/// Where the journal lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// The folder of the hot file, on tmpfs; `None`: records are volatile.
    pub hot: Option<String>,
    /// The folder that the storage thread copies to; `None`: no copy.
    pub disk: Option<String>,
}
