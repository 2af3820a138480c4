//! What a simulated BMC is like, and how it misbehaves on request.
//!
//! Plain values, set by the one who runs the simulation. Uses `config` (privilege), `crypto`, `words`.

use super::log::LOG_MAX;
use super::quirks::Quirks;
use crate::config::model::Privilege;
use crate::crypto::Secret;
use crate::words::Guid;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

/// The IPMI 2.0 limit of a user's name, in octets.
pub const USER_NAME_MAX: usize = 16;
/// The IPMI 2.0 limit of a password, in octets.
pub const PASSWORD_MAX: usize = 20;

/// What the simulated BMC is.
#[derive(Debug, Clone)]
pub struct Options {
    /// The system's GUID: in answers, in PETs, in the RAKP exchange.
    pub guid: Guid,
    /// Who may log in.
    pub users: Vec<User>,
    /// Offered cipher suites, best first; 17 and 3 are known, others are ignored.
    pub suites: Vec<u8>,
    /// The BMC's own key (Kg), if sessions need it.
    pub kg: Option<Secret>,
    /// What Get Device ID says.
    pub device: DeviceId,
    /// Where traps go in the beginning: its first destination. None until an *armed* or a parameter names one.
    pub alert: Option<Alert>,
    /// The port of the destinations that are set over the network, which is 162 on every real BMC; none: the port
    /// that `alert` has, or 162.
    pub trap_port: Option<u16>,
    /// The ways in which it hears the handshake.
    pub handshake: Handshake,
    /// How long an armed BMC holds its reset for a recovery.
    pub patience: Duration,
    /// What follows a recovery that is not done.
    pub after_failed: AfterFailed,
    /// What a fatal fault does to the host, sooner or later.
    pub fatal_action: FatalAction,
    /// How long the host takes to come back.
    pub boot_time: Duration,
    /// Whether its firmware runs the watchdog while the host boots, for BIOS FRB2, POST and OS load one after the
    /// other, and stops it when the host is up.
    pub boot_timers: bool,
    /// How many records the SEL takes.
    pub sel_capacity: usize,
    /// The id of its first record; the ids wrap after FFFEh.
    pub sel_first_id: u16,
    /// A session without a valid packet for so long is closed.
    pub session_timeout: Duration,
    /// How many of the newest commands it keeps for [`Bmc::log`](super::Bmc::log), at most [`LOG_MAX`]: about
    /// 150 octets each, which thousands of BMCs had better not spend.
    pub log_kept: usize,
    /// How it misbehaves.
    pub quirks: Quirks,
}

impl Default for Options {
    /// An armed-capable BMC with user `admin`, password `password`, and no alert destination.
    fn default() -> Self {
        Self {
            guid: Guid(*b"\x6c\x69\x62\x62\x6d\x63\x4e\x6f\x81\x69\x63\x65\x00\x00\x00\x01"),
            users: vec![User::new("admin", "password", Privilege::Administrator)],
            suites: vec![17, 3],
            kg: None,
            device: DeviceId::default(),
            alert: None,
            trap_port: None,
            handshake: Handshake { raw: true, sel: true },
            patience: Duration::from_secs(120),
            after_failed: AfterFailed::Reset,
            fatal_action: FatalAction::Reset,
            boot_time: Duration::from_secs(5),
            boot_timers: false,
            sel_capacity: 512,
            sel_first_id: 1,
            session_timeout: Duration::from_secs(60),
            log_kept: LOG_MAX,
            quirks: Quirks::default(),
        }
    }
}

/// Someone who may log in.
#[derive(Debug, Clone)]
pub struct User {
    /// At most [`USER_NAME_MAX`] octets; longer never matches.
    pub name: String,
    /// At most [`PASSWORD_MAX`] octets count.
    pub password: Secret,
    /// The highest level that a session of this user may have.
    pub privilege: Privilege,
    /// Whether the account is enabled.
    pub enabled: bool,
    /// Whether it is for IPMI messaging at all; without, its level is shown as "no access".
    pub messaging: bool,
}

impl User {
    /// A user who may log in.
    pub fn new(name: &str, password: &str, privilege: Privilege) -> Self {
        Self::with_secret(name, Secret::new(password.as_bytes()), privilege)
    }

    /// A user who may log in, by a password from elsewhere.
    pub fn with_secret(name: &str, password: Secret, privilege: Privilege) -> Self {
        Self { name: name.into(), password, privilege, enabled: true, messaging: true }
    }

    /// Whether a session of it may be opened. The nameless never may.
    pub fn may_log_in(&self) -> bool {
        self.enabled && self.messaging && !self.name.is_empty()
    }

    /// What of the password counts.
    pub(super) fn key(&self) -> Secret {
        let octets = self.password.expose();
        Secret::new(&octets[..octets.len().min(PASSWORD_MAX)])
    }
}

/// What Get Device ID says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceId {
    /// Device id.
    pub id: u8,
    /// Device revision, 0 to 15.
    pub revision: u8,
    /// Firmware, major: 0 to 127.
    pub major: u8,
    /// Firmware, minor, BCD.
    pub minor: u8,
    /// IANA number of the manufacturer, 24 bits.
    pub manufacturer: u32,
    /// The manufacturer's product number.
    pub product: u16,
}

impl Default for DeviceId {
    /// No vendor's: the manufacturer number is 0, "unspecified".
    fn default() -> Self {
        Self { id: 0x20, revision: 1, major: 0, minor: 0x10, manufacturer: 0, product: 1 }
    }
}

/// Where traps go and how stubbornly.
#[derive(Debug, Clone)]
pub struct Alert {
    /// The monitor's address and port.
    pub destination: SocketAddr,
    /// The trap's community.
    pub community: Secret,
    /// The BMC's own address, for the trap's agent-addr field.
    pub agent: Ipv4Addr,
    /// Whether an acknowledge is awaited; if not, each trap goes out once.
    pub acknowledged: bool,
    /// How often it is sent again; ASF sends three times in all.
    pub retries: u8,
    /// Between two sendings; ASF wants all within a minute.
    pub interval: Duration,
}

impl Alert {
    /// ASF's way to `destination`: community `public`, three in all, 20 s apart.
    pub fn to(destination: SocketAddr) -> Self {
        Self {
            destination,
            community: Secret::new(*b"public"),
            agent: Ipv4Addr::LOCALHOST,
            acknowledged: true,
            retries: 2,
            interval: Duration::from_secs(20),
        }
    }
}

/// The ways in which the handshake is heard. Neither: a stock BMC, which nobody can arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handshake {
    /// NetFn 30h, command 70h.
    pub raw: bool,
    /// OEM records added to the SEL.
    pub sel: bool,
}

/// What a fatal fault does to the host; event filters offer both (IPMI 2.0 section 17.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FatalAction {
    /// The reset line: the power stays on, so that nobody sees it from outside.
    Reset,
    /// Off, then on.
    PowerCycle,
}

/// What follows *ended(failed)* and *ended(unknown)* while a reset is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailed {
    /// It resets: the board is dying all the same.
    Reset,
    /// It gives the reset up and stays armed.
    Stay,
}
