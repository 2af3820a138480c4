//! What the parts of the judgement share: who we are, and the list of findings.
//!
//! Values; used by all parts.

use crate::audit::finding::{Finding, Rule};
use crate::bmc::identity::Checked;
use crate::crypto::Secret;
use crate::words::Guid;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

/// The only port that an IPMI BMC sends traps to.
pub const TRAP_PORT: u16 = 162;

/// What the operator and the session say of us and of this BMC.
#[derive(Debug, Clone)]
pub struct Us<'a> {
    /// Where the BMC's server listens for its traps; `None`: no monitor of it listens.
    pub listen: Option<SocketAddr>,
    /// The addresses of that server, for one that listens at all of them.
    pub addresses: &'a [IpAddr],
    /// Relays, which may be the destination in our stead.
    pub relays: &'a [IpAddr],
    /// What its traps must carry.
    pub community: &'a Secret,
    /// How long the configuration says that it repeats a notice.
    pub retry_span: Option<Duration>,
    /// The BMC's system GUID, as the session told it.
    pub guid: Guid,
    /// Whether that is the right one.
    pub identity: Checked,
}

impl Us<'_> {
    /// Whether what is sent to this address comes to us.
    pub fn is_at(&self, address: IpAddr) -> bool {
        let Some(listen) = self.listen else { return false };
        let listens = listen.ip() == address || listen.ip().is_unspecified() && self.addresses.contains(&address);
        listens || self.relays.contains(&address)
    }

    /// The address that the BMC must send to: where we listen, or a server's first address of its family.
    pub fn address(&self) -> Option<IpAddr> {
        let listen = self.listen?.ip();
        if !listen.is_unspecified() {
            return Some(listen);
        }
        self.addresses.iter().find(|address| address.is_ipv4() == listen.is_ipv4()).copied()
    }
}

/// Collects findings.
#[derive(Debug, Default)]
pub(super) struct Found(pub(super) Vec<Finding>);

impl Found {
    pub(super) fn add(&mut self, rule: &'static Rule, subject: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Finding { rule, subject: subject.into(), remedy: remedy.into() });
    }
}

/// What `setup` mends.
pub(super) const SETUP: &str = "bmcnotice bmc setup shows what to write, and writes it with --write";

/// `1, 3, 5`.
pub(super) fn numbers(all: impl Iterator<Item = u8>) -> String {
    all.map(|number| number.to_string()).collect::<Vec<_>>().join(", ")
}
