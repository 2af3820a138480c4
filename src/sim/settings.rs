//! The LAN channel's settings: its address, the community of its traps, and where they go
//! (IPMI 2.0 section 23, the LAN configuration parameters).
//!
//! What is set is what is done: a destination written over the network is where the next trap goes. Uses `wire`.

use super::options::Alert;
use crate::config::model::Privilege;
use crate::crypto::Secret;
use crate::wire::lan::{self, DestinationAddress, PET, Progress, SuitePrivileges, To};
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;

/// Destinations that outlive a restart, 1 and up; 0 is the volatile one.
pub const DESTINATIONS: usize = 4;
/// The port of traps, which no parameter has.
pub const TRAP_PORT: u16 = 162;
/// The destination that the options' alert and an *armed* with an address mean.
const FIRST: usize = 1;

/// One destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Destination {
    /// Unspecified: none was set.
    pub to: SocketAddr,
    pub gateway: u8,
    pub mac: [u8; 6],
    pub acknowledged: bool,
    pub kind: u8,
    pub interval: Duration,
    pub retries: u8,
}

impl Default for Destination {
    fn default() -> Self {
        Self {
            to: SocketAddr::from((Ipv4Addr::UNSPECIFIED, TRAP_PORT)),
            gateway: 0,
            mac: [0; 6],
            acknowledged: false,
            kind: PET,
            interval: Duration::from_secs(1),
            retries: 0,
        }
    }
}

impl Destination {
    /// Whether a PET can be sent to it.
    pub fn is_set(&self) -> bool {
        self.kind == PET && !self.to.ip().is_unspecified()
    }

    /// As parameter 18 tells it; what does not fit is told as the highest.
    pub fn told(&self, number: u8) -> lan::Destination {
        let seconds = self.interval.as_millis().div_ceil(1000).saturating_sub(1);
        lan::Destination {
            number,
            acknowledged: self.acknowledged,
            kind: self.kind,
            timeout: u8::try_from(seconds).unwrap_or(u8::MAX),
            retries: self.retries.min(7),
        }
    }

    /// As parameter 19 tells it.
    pub fn told_address(&self, number: u8) -> DestinationAddress {
        let to = match self.to.ip() {
            IpAddr::V4(address) => To::V4 { gateway: self.gateway, address, mac: self.mac },
            IpAddr::V6(address) => To::V6(address),
        };
        DestinationAddress { number, to }
    }
}

/// All of it.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub progress: Progress,
    pub address: Ipv4Addr,
    pub source: u8,
    pub mask: [u8; 4],
    pub gateway: [u8; 4],
    pub community: Secret,
    pub destinations: [Destination; DESTINATIONS + 1],
    pub suite_levels: SuitePrivileges,
    /// Where new destinations listen.
    pub trap_port: u16,
}

impl Settings {
    /// What the options say; without an alert no destination is set.
    pub fn new(alert: Option<&Alert>, trap_port: Option<u16>) -> Self {
        let port = trap_port.or(alert.map(|alert| alert.destination.port())).unwrap_or(TRAP_PORT);
        let mut settings = Self {
            progress: Progress::Complete,
            address: Ipv4Addr::LOCALHOST,
            source: 1, // static
            mask: [255, 0, 0, 0],
            gateway: [0; 4],
            community: Secret::new(*b"public"),
            destinations: [Destination::default(); DESTINATIONS + 1],
            suite_levels: SuitePrivileges([Privilege::Administrator as u8; lan::SUITES]),
            trap_port: port,
        };
        settings.set_alert(alert);
        settings
    }

    /// Traps go there, and only there.
    pub fn set_alert(&mut self, alert: Option<&Alert>) {
        self.destinations[FIRST] = Destination::default();
        if let Some(alert) = alert {
            self.community = alert.community.clone();
            self.address = alert.agent;
            self.destinations[FIRST] = Destination {
                to: alert.destination,
                acknowledged: alert.acknowledged,
                interval: alert.interval,
                retries: alert.retries,
                ..Destination::default()
            };
        }
    }

    /// Traps go to this address; as stubbornly as before, or as ASF says.
    pub fn direct(&mut self, to: SocketAddr) {
        let first = &mut self.destinations[FIRST];
        if first.is_set() {
            first.to = to;
        } else {
            let Alert { acknowledged, retries, interval, .. } = Alert::to(to);
            *first = Destination { to, acknowledged, retries, interval, ..Destination::default() };
        }
    }

    /// The BMC restarted: what is volatile is gone.
    pub fn restarted(&mut self) {
        self.progress = Progress::Complete;
        self.destinations[0] = Destination::default();
    }

    /// How a trap goes to this destination; none if nobody is there.
    pub fn alert(&self, number: u8) -> Option<Alert> {
        let destination = self.destinations.get(usize::from(number)).filter(|destination| destination.is_set())?;
        Some(Alert {
            destination: destination.to,
            community: self.community.clone(),
            agent: self.address,
            acknowledged: destination.acknowledged,
            retries: destination.retries,
            interval: destination.interval,
        })
    }
}
