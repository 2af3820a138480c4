//! Who may speak for this server: turns a datagram into a [`VerifiedTrap`], or into a counted reason.
//!
//! Uses `config`, `wire`, `crypto`. Its input is hostile datagrams with the address they came from. The
//! cheapest question comes first: an address that nobody configured costs no decoding. Another server's
//! BMC is known and refused, so that it never fails this server over.

use super::DropReason;
use crate::config::model::Cluster;
use crate::crypto::{Secret, same};
use crate::wire::pet::{self, Pet};
use crate::wire::snmp::{Message, SNMP_TRAP_OID};
use crate::words::{Guid, ServerId, Trust};
use core::net::{IpAddr, SocketAddr};

/// A trap whose sender was accepted, and how. Only [`Speakers`] makes one.
#[derive(Debug, Clone)]
pub struct VerifiedTrap<'a> {
    message: Message<'a>,
    pet: Option<Pet>,
    server: ServerId,
    trust: Trust,
    source: SocketAddr,
}

impl<'a> VerifiedTrap<'a> {
    /// The decoded notification.
    pub fn message(&self) -> &Message<'a> {
        &self.message
    }

    /// The event, if the trap is a PET.
    pub fn pet(&self) -> Option<&Pet> {
        self.pet.as_ref()
    }

    /// The server whose BMC spoke.
    pub fn server(&self) -> ServerId {
        self.server
    }

    /// How its sender was accepted.
    pub fn trust(&self) -> Trust {
        self.trust
    }

    /// Where the datagram came from; IPv4 as IPv4.
    pub fn source(&self) -> SocketAddr {
        self.source
    }

    pub(super) fn into_pet(self) -> Option<Pet> {
        self.pet
    }
}

/// An address that may speak for this server.
#[derive(Debug, Clone, Copy)]
pub struct Admitted {
    source: SocketAddr,
    /// Its BMC's own; otherwise a relay's.
    direct: bool,
}

/// Whom this server listens to.
#[derive(Debug, Clone)]
pub struct Speakers {
    this: ServerId,
    own: Option<Own>,
    /// What speaks for the other servers, in order.
    others: Vec<IpAddr>,
}

/// What this server's BMC must look like.
#[derive(Debug, Clone)]
struct Own {
    sources: Vec<IpAddr>,
    relays: Vec<IpAddr>,
    community: Secret,
    guid: Option<Guid>,
}

impl Speakers {
    /// As configured; a server without a BMC listens to nobody.
    pub fn new(cluster: &Cluster) -> Self {
        let canonical = |addresses: &[IpAddr]| addresses.iter().map(IpAddr::to_canonical).collect::<Vec<_>>();
        let own = cluster.this_server().bmc.as_ref().map(|bmc| Own {
            sources: canonical(&bmc.trap_sources),
            relays: canonical(&bmc.relays),
            community: bmc.community.clone(),
            guid: bmc.guid.filter(|guid| !guid.is_unspecified()),
        });
        let others = cluster.servers.iter().enumerate().filter(|(place, _)| *place != usize::from(cluster.this.0));
        let others = others.filter_map(|(_, server)| server.bmc.as_ref());
        let others = others.flat_map(|bmc| bmc.trap_sources.iter().chain(&bmc.relays)).map(IpAddr::to_canonical);
        let mut others: Vec<IpAddr> = others.collect();
        others.sort_unstable();
        others.dedup();
        Self { this: cluster.this, own, others }
    }

    /// The cheapest question: whether the address may speak for this server.
    pub fn admit(&self, from: SocketAddr) -> Result<Admitted, DropReason> {
        // A socket for both families shows IPv4 senders as ::ffff:a.b.c.d.
        let source = SocketAddr::new(from.ip().to_canonical(), from.port());
        let own = self.own.as_ref().ok_or(DropReason::ForeignSource)?;
        let direct = own.sources.contains(&source.ip());
        if !direct && !own.relays.contains(&source.ip()) {
            return Err(self.not_ours(source.ip(), DropReason::ForeignSource));
        }
        Ok(Admitted { source, direct })
    }

    /// Judges what an admitted address has sent in v1 or v2c.
    pub fn verify<'a>(&self, by: Admitted, message: Message<'a>) -> Result<VerifiedTrap<'a>, DropReason> {
        let own = self.judge(by, &message)?;
        if !same(message.community, own.community.expose()) {
            return Err(DropReason::WrongCommunity);
        }
        self.pet(own, by, message, Trust::Address)
    }

    /// The same in v3, where a user stands for the community; `authenticated`: its code was right.
    pub fn verify_opened<'a>(
        &self,
        by: Admitted,
        message: Message<'a>,
        authenticated: bool,
    ) -> Result<VerifiedTrap<'a>, DropReason> {
        let trust = if authenticated { Trust::Authenticated } else { Trust::Address };
        self.pet(self.judge(by, &message)?, by, message, trust)
    }

    /// Whether it speaks for this server.
    #[inline]
    fn judge(&self, by: Admitted, message: &Message<'_>) -> Result<&Own, DropReason> {
        let own = self.own.as_ref().ok_or(DropReason::ForeignSource)?;
        // Some senders do not name their trap at all; one that names it by anything but an OID is hostile.
        if message.trap_oid().is_none() && message.varbinds.iter().any(|varbind| varbind.name == SNMP_TRAP_OID) {
            return Err(DropReason::BadTag);
        }
        if !by.direct {
            let named = message.speaks_for().map(IpAddr::V4).ok_or(DropReason::RelayNamesNobody)?;
            if !own.sources.contains(&named) {
                return Err(self.not_ours(named, DropReason::RelayNamesNobody));
            }
        }
        Ok(own)
    }

    /// What it tells.
    #[inline]
    fn pet<'a>(
        &self,
        own: &Own,
        by: Admitted,
        message: Message<'a>,
        trust: Trust,
    ) -> Result<VerifiedTrap<'a>, DropReason> {
        let pet = match pet::find(&message) {
            Some((specific_trap, octets)) => Some(Pet::parse(specific_trap, octets)?),
            None => None,
        };
        if let (Some(pinned), Some(pet)) = (&own.guid, &pet)
            && !pet.guid.is_unspecified()
            && !pet.guid.is_same_as(pinned)
        {
            return Err(DropReason::WrongGuid);
        }
        Ok(VerifiedTrap { message, pet, server: self.this, trust, source: by.source })
    }

    fn not_ours(&self, address: IpAddr, otherwise: DropReason) -> DropReason {
        if self.others.binary_search(&address).is_ok() { DropReason::OtherServersBmc } else { otherwise }
    }
}
