//! SNMP notifications: v1 Trap (RFC 1157), v2c Trap and Inform (RFC 3416), read in place. v3 wraps the same PDUs: its
//! message is read by `usm`, and what is in it here.
//!
//! Uses `ber` and `oid`. Input is one datagram, hostile. A [`Message`] borrows it and allocates
//! nothing; its varbinds were all checked, so that reading them again cannot fail.
//!
//! A v1 Trap-PDU inside a v2c message is refused. Some receivers take it, but no sender of ours writes
//! it, RFC 3416 has no such PDU, and its agent-addr would be a second way to name a server.

mod emit;
mod value;

pub use emit::{
    emit_inform, emit_inform_pdu, emit_trap_pdu, emit_trap_v1, emit_trap_v2c, inform_response, response_pdu,
};
pub use value::{Iter, Value, Varbind, Varbinds};

use super::Error;
use super::ber;
use super::oid::{self, Against, Arcs, Oid};
use core::fmt::{self, Write};
use core::net::Ipv4Addr;

/// Limit: the most varbinds of one message. A datagram of 65 kB holds as many of 8 octets.
pub const MAX_VARBINDS: usize = 8192;

/// sysUpTime.0, 1.3.6.1.2.1.1.3.0.
pub const SYS_UP_TIME: Oid<'static> = Oid::checked(&[0x2B, 6, 1, 2, 1, 1, 3, 0]);
/// snmpTrapOID.0, 1.3.6.1.6.3.1.1.4.1.0.
pub const SNMP_TRAP_OID: Oid<'static> = Oid::checked(&[0x2B, 6, 1, 6, 3, 1, 1, 4, 1, 0]);
/// snmpTrapAddress.0, 1.3.6.1.6.3.18.1.3.0, with which a relay names the sender (RFC 3584 section 3.1).
pub const SNMP_TRAP_ADDRESS: Oid<'static> = Oid::checked(&[0x2B, 6, 1, 6, 3, 18, 1, 3, 0]);
/// snmpTraps, 1.3.6.1.6.3.1.1.5: under it lie the generic traps.
pub const SNMP_TRAPS: Oid<'static> = Oid::checked(&[0x2B, 6, 1, 6, 3, 1, 1, 5]);

/// The generic-trap number that means "look at specific-trap".
pub const ENTERPRISE_SPECIFIC: u8 = 6;

pub(super) const GET: u8 = 0xA0;
pub(super) const GET_NEXT: u8 = 0xA1;
pub(super) const RESPONSE: u8 = 0xA2;
pub(super) const SET: u8 = 0xA3;
const TRAP_V1: u8 = 0xA4;
pub(super) const GET_BULK: u8 = 0xA5;
pub(super) const INFORM: u8 = 0xA6;
const TRAP_V2: u8 = 0xA7;
pub(super) const REPORT: u8 = 0xA8;

const IP_ADDRESS: u8 = 0x40;
const TIME_TICKS: u8 = 0x43;

const VERSION_1: i64 = 0;
const VERSION_2C: i64 = 1;
pub(super) const VERSION_3: i64 = 3;

/// A notification. Borrows the datagram.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The community, as it came; need not be text. Empty in v3, which has users.
    pub community: &'a [u8],
    /// What kind of notification, and what only that kind has.
    pub pdu: Pdu<'a>,
    /// The varbinds, sysUpTime.0 and snmpTrapOID.0 of v2c among them.
    pub varbinds: Varbinds<'a>,
}

/// A notification's kind. v1 has the first, v2c and v3 the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pdu<'a> {
    /// A v1 Trap.
    TrapV1(TrapV1<'a>),
    /// A Trap of v2c or v3.
    TrapV2 {
        /// Numbers the message; nobody answers it.
        request_id: i32,
    },
    /// An Inform of v2c or v3; its sender waits for a response.
    Inform {
        /// The response must carry it.
        request_id: i32,
    },
}

impl Pdu<'_> {
    /// What a message of v1 or v2c with it is called.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TrapV1(_) => "SNMPv1 Trap",
            Self::TrapV2 { .. } => "SNMPv2c Trap",
            Self::Inform { .. } => "SNMPv2c Inform",
        }
    }
}

/// The head of a v1 Trap-PDU (RFC 1157 section 4.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrapV1<'a> {
    /// What kind of device speaks.
    pub enterprise: Oid<'a>,
    /// The device's own address, 0.0.0.0 when it does not say. A claim, no proof.
    pub agent: Ipv4Addr,
    /// 0 to 6; 6 is [`ENTERPRISE_SPECIFIC`].
    pub generic: u8,
    /// The 32 bits of specific-trap; a sender's -1 is FFFFFFFFh.
    pub specific: u32,
    /// Hundredths of a second since the device started, or whatever it takes for that.
    pub uptime: u32,
}

impl<'a> Message<'a> {
    /// Reads one datagram, all of it.
    #[inline]
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Error> {
        let (rest, (tag, message)) = ber::element(datagram).map_err(|refusal| match refusal.into() {
            Error::Overrun => Error::Truncated,
            other => other,
        })?;
        if tag != ber::SEQUENCE {
            return Err(Error::NotSnmp);
        }
        nothing_left(rest)?;

        let (message, version) = ber::integer(message)?;
        if version != VERSION_1 && version != VERSION_2C {
            return Err(if version == VERSION_3 { Error::Version3 } else { Error::UnknownVersion });
        }
        let (message, community) = ber::expect(ber::OCTET_STRING, message)?;
        let (pdu, varbinds) = notification(version == VERSION_1, message)?;
        Ok(Self { community, pdu, varbinds })
    }

    /// Reads the PDU of a v3 message, which is that of v2c; its community is empty, and whoever hands the octets in
    /// has checked who wrote them.
    pub fn of_version3(pdu: &'a [u8]) -> Result<Self, Error> {
        let (pdu, varbinds) = notification(false, pdu)?;
        Ok(Self { community: &[], pdu, varbinds })
    }

    /// What the trap is called in v2 terms (RFC 3584 section 3.1): the generic traps as snmpTraps.n,
    /// others as enterprise.0.specific. `None` for a v2c message that does not say, as some do not.
    #[inline]
    pub fn trap_oid(&self) -> Option<TrapOid<'a>> {
        match &self.pdu {
            Pdu::TrapV1(trap) if trap.generic < ENTERPRISE_SPECIFIC => {
                Some(TrapOid { base: SNMP_TRAPS, tail: [u32::from(trap.generic) + 1, 0], tail_length: 1 })
            }
            Pdu::TrapV1(trap) => Some(TrapOid { base: trap.enterprise, tail: [0, trap.specific], tail_length: 2 }),
            Pdu::TrapV2 { .. } | Pdu::Inform { .. } => {
                let base = self.varbinds.find_map(SNMP_TRAP_OID, |value| match value {
                    Value::Oid(oid) => Some(oid),
                    _ => None,
                })?;
                Some(TrapOid { base, tail: [0, 0], tail_length: 0 })
            }
        }
    }

    /// Hundredths of a second since the sender started, as it says.
    pub fn uptime(&self) -> Option<u32> {
        match &self.pdu {
            Pdu::TrapV1(trap) => Some(trap.uptime),
            Pdu::TrapV2 { .. } | Pdu::Inform { .. } => self.varbinds.find_map(SYS_UP_TIME, |value| match value {
                Value::TimeTicks(ticks) => Some(ticks),
                _ => None,
            }),
        }
    }

    /// For whom the message claims to speak: agent-addr, or snmpTrapAddress.0 where there is none.
    ///
    /// `None` when it names nobody, or names two: a relay that appends the name to what the sender
    /// already wrote must not let the sender choose.
    pub fn speaks_for(&self) -> Option<Ipv4Addr> {
        let mut named = match &self.pdu {
            Pdu::TrapV1(trap) if !trap.agent.is_unspecified() => return Some(trap.agent),
            Pdu::TrapV1(_) | Pdu::TrapV2 { .. } | Pdu::Inform { .. } => {
                self.varbinds.iter().filter(|varbind| varbind.name == SNMP_TRAP_ADDRESS)
            }
        };
        let address = |varbind: Varbind<'_>| match varbind.value {
            Value::IpAddress(address) => Some(address),
            _ => None,
        };
        let first = named.next().and_then(address)?;
        named.all(|varbind| address(varbind) == Some(first)).then_some(first)
    }
}

/// The PDU of a notification, the last element of its message; v2c and v3 have the same.
#[inline(always)]
fn notification(version1: bool, message: &[u8]) -> Result<(Pdu<'_>, Varbinds<'_>), Error> {
    let (rest, (tag, body)) = ber::element(message)?;
    nothing_left(rest)?;
    match (version1, tag) {
        (true, TRAP_V1) => trap_v1(body),
        (false, TRAP_V2) => {
            let (request_id, varbinds) = trap_v2(body)?;
            Ok((Pdu::TrapV2 { request_id }, varbinds))
        }
        (false, INFORM) => {
            let (request_id, varbinds) = trap_v2(body)?;
            Ok((Pdu::Inform { request_id }, varbinds))
        }
        (false, TRAP_V1) => Err(Error::V1TrapInV2c),
        (true, TRAP_V2 | INFORM) => Err(Error::V2PduInV1),
        (_, GET..=SET | GET_BULK | REPORT) => Err(Error::NotANotification),
        (_, _) => Err(Error::UnknownPdu),
    }
}

pub(super) fn nothing_left(rest: &[u8]) -> Result<(), Error> {
    if rest.is_empty() { Ok(()) } else { Err(Error::TrailingBytes) }
}

/// `Trap-PDU ::= [4] IMPLICIT SEQUENCE { enterprise, agent-addr, generic-trap, specific-trap, time-stamp, variable-bindings }`
#[inline(always)]
fn trap_v1(body: &[u8]) -> Result<(Pdu<'_>, Varbinds<'_>), Error> {
    let (body, enterprise) = oid::oid(body)?;
    let (body, agent) = ber::expect(IP_ADDRESS, body)?;
    let agent: [u8; 4] = agent.try_into().map_err(|_| Error::IpAddressLength)?;
    let (body, generic) = ber::integer(body)?;
    let (body, specific) = ber::integer(body)?;
    let (body, uptime) = ber::expect(TIME_TICKS, body)?;
    let varbinds = Varbinds::parse(body)?;

    let generic = u8::try_from(generic).map_err(|_| Error::GenericTrap)?;
    if generic > ENTERPRISE_SPECIFIC {
        return Err(Error::GenericTrap);
    }
    if specific < i64::from(i32::MIN) || specific > i64::from(u32::MAX) {
        return Err(Error::IntegerRange);
    }
    let trap = TrapV1 {
        enterprise,
        agent: Ipv4Addr::from(agent),
        generic,
        specific: specific as u32,
        uptime: ber::unsigned32(uptime)?,
    };
    Ok((Pdu::TrapV1(trap), varbinds))
}

/// `PDU ::= SEQUENCE { request-id, error-status, error-index, variable-bindings }`; the errors say nothing here.
#[inline(always)]
fn trap_v2(body: &[u8]) -> Result<(i32, Varbinds<'_>), Error> {
    let (body, request_id) = ber::integer(body)?;
    let (body, _error_status) = ber::integer(body)?;
    let (body, _error_index) = ber::integer(body)?;
    let request_id = i32::try_from(request_id).map_err(|_| Error::IntegerRange)?;
    Ok((request_id, Varbinds::parse(body)?))
}

/// What a trap is called: an identifier of its own, or one put together from a v1 trap's head. Up to
/// two arcs more than [`oid::MAX_ARCS`].
#[derive(Clone, Copy)]
pub struct TrapOid<'a> {
    base: Oid<'a>,
    tail: [u32; 2],
    tail_length: usize,
}

impl<'a> TrapOid<'a> {
    /// The arcs, first to last.
    pub fn arcs(self) -> TrapArcs<'a> {
        TrapArcs { base: self.base.arcs(), tail: self.tail.into_iter().take(self.tail_length) }
    }

    /// Whether it has exactly these arcs.
    pub fn is(self, arcs: &[u32]) -> bool {
        self.arcs().eq(arcs.iter().copied())
    }

    /// Whether it begins with these arcs.
    pub fn starts_with(self, prefix: Oid<'_>) -> bool {
        match self.base.against(prefix) {
            Against::Begins => true,
            Against::Shorter => self.tail_length > 0 && self.strip_prefix(prefix).is_some(),
            Against::Other => false,
        }
    }

    /// The arcs behind `prefix`, if it begins with that.
    pub fn strip_prefix(self, prefix: Oid<'_>) -> Option<TrapArcs<'a>> {
        oid::without_prefix(self.arcs(), prefix)
    }
}

impl<'a> TrapOid<'a> {
    /// What it is put together from, to be hashed: octets as they came, and up to two arcs. Two identifiers of one sender
    /// are the same if these are; one that writes the same arcs in two ways counts as two.
    pub fn octets(self) -> (&'a [u8], [u8; 9]) {
        let (mut tail, [first, second]) = ([0; 9], self.tail.map(u32::to_be_bytes));
        tail[0] = self.tail_length as u8;
        tail[1..5].copy_from_slice(&first);
        tail[5..9].copy_from_slice(&second);
        (self.base.content(), tail)
    }

    /// Adds it as dotted decimals.
    pub fn write_dotted(self, text: &mut String) {
        for (place, arc) in self.arcs().enumerate() {
            if place > 0 {
                text.push('.');
            }
            // Most arcs have one digit, and the formatter costs more than that.
            match arc {
                0..=9 => text.push(char::from(b'0' + arc as u8)),
                _ => drop(write!(text, "{arc}")),
            }
        }
    }
}

impl fmt::Display for TrapOid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        oid::dotted(self.arcs(), f)
    }
}

impl fmt::Debug for TrapOid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        oid::dotted(self.arcs(), f)
    }
}

/// The arcs of a [`TrapOid`].
#[derive(Debug, Clone)]
pub struct TrapArcs<'a> {
    base: Arcs<'a>,
    tail: core::iter::Take<core::array::IntoIter<u32, 2>>,
}

impl Iterator for TrapArcs<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.base.next().or_else(|| self.tail.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_what_they_are_called() {
        assert_eq!(SYS_UP_TIME.to_string(), "1.3.6.1.2.1.1.3.0");
        assert_eq!(SNMP_TRAP_OID.to_string(), "1.3.6.1.6.3.1.1.4.1.0");
        assert_eq!(SNMP_TRAP_ADDRESS.to_string(), "1.3.6.1.6.3.18.1.3.0");
        assert_eq!(SNMP_TRAPS.to_string(), "1.3.6.1.6.3.1.1.5");
    }
}
