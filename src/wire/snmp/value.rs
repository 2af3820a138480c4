//! Varbinds and their values (RFC 3416 section 3), checked once and then read in place.
//!
//! Uses `ber` and `oid`. Input is the end of a PDU, hostile.

use super::{IP_ADDRESS, MAX_VARBINDS, TIME_TICKS, nothing_left};
use crate::wire::Error;
use crate::wire::ber;
use crate::wire::oid::{self, Oid};
use core::net::Ipv4Addr;

const COUNTER32: u8 = 0x41;
const GAUGE32: u8 = 0x42;
const OPAQUE: u8 = 0x44;
const COUNTER64: u8 = 0x46;
/// Unsigned32 of the first SNMPv2 (RFC 1442); some senders still write it for a Gauge32.
const UINTEGER32: u8 = 0x47;
const NO_SUCH_OBJECT: u8 = 0x80;
const NO_SUCH_INSTANCE: u8 = 0x81;
const END_OF_MIB_VIEW: u8 = 0x82;

/// A variable's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// INTEGER. SNMP has 32 bits; senders of unsigned numbers write more.
    Integer(i64),
    /// OCTET STRING, need not be text.
    OctetString(&'a [u8]),
    /// NULL.
    Null,
    /// OBJECT IDENTIFIER.
    Oid(Oid<'a>),
    /// IpAddress.
    IpAddress(Ipv4Addr),
    /// Counter32.
    Counter32(u32),
    /// Gauge32 or Unsigned32.
    Gauge32(u32),
    /// TimeTicks, hundredths of a second.
    TimeTicks(u32),
    /// Opaque; what is in it is not looked at.
    Opaque(&'a [u8]),
    /// Counter64.
    Counter64(u64),
    /// noSuchObject; has no business in a notification, but harms nobody.
    NoSuchObject,
    /// noSuchInstance; likewise.
    NoSuchInstance,
    /// endOfMibView; likewise.
    EndOfMibView,
}

impl<'a> Value<'a> {
    /// The value of an element.
    #[inline]
    pub fn parse(tag: u8, content: &'a [u8]) -> Result<Self, Error> {
        Ok(match tag {
            ber::OCTET_STRING => Self::OctetString(content),
            ber::INTEGER => Self::Integer(ber::signed(content)?),
            ber::OID => Self::Oid(Oid::from_content(content)?),
            IP_ADDRESS => {
                let octets: [u8; 4] = content.try_into().map_err(|_| Error::IpAddressLength)?;
                Self::IpAddress(Ipv4Addr::from(octets))
            }
            COUNTER32 => Self::Counter32(ber::unsigned32(content)?),
            GAUGE32 | UINTEGER32 => Self::Gauge32(ber::unsigned32(content)?),
            TIME_TICKS => Self::TimeTicks(ber::unsigned32(content)?),
            OPAQUE => Self::Opaque(content),
            COUNTER64 => Self::Counter64(ber::unsigned64(content)?),
            ber::NULL => empty(content, Self::Null)?,
            NO_SUCH_OBJECT => empty(content, Self::NoSuchObject)?,
            NO_SUCH_INSTANCE => empty(content, Self::NoSuchInstance)?,
            END_OF_MIB_VIEW => empty(content, Self::EndOfMibView)?,
            _ => return Err(Error::UnknownType),
        })
    }

    /// Writes it as one element.
    pub fn emit(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Integer(value) => ber::emit_signed(ber::INTEGER, value, out),
            Self::OctetString(octets) => ber::emit_octets(ber::OCTET_STRING, octets, out),
            Self::Null => ber::emit_octets(ber::NULL, &[], out),
            Self::Oid(oid) => ber::emit_octets(ber::OID, oid.content(), out),
            Self::IpAddress(address) => ber::emit_octets(IP_ADDRESS, &address.octets(), out),
            Self::Counter32(value) => ber::emit_unsigned(COUNTER32, value.into(), out),
            Self::Gauge32(value) => ber::emit_unsigned(GAUGE32, value.into(), out),
            Self::TimeTicks(value) => ber::emit_unsigned(TIME_TICKS, value.into(), out),
            Self::Opaque(octets) => ber::emit_octets(OPAQUE, octets, out),
            Self::Counter64(value) => ber::emit_unsigned(COUNTER64, value, out),
            Self::NoSuchObject => ber::emit_octets(NO_SUCH_OBJECT, &[], out),
            Self::NoSuchInstance => ber::emit_octets(NO_SUCH_INSTANCE, &[], out),
            Self::EndOfMibView => ber::emit_octets(END_OF_MIB_VIEW, &[], out),
        }
    }
}

fn empty<'a>(content: &[u8], value: Value<'a>) -> Result<Value<'a>, Error> {
    if content.is_empty() { Ok(value) } else { Err(Error::NullLength) }
}

/// A variable and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Varbind<'a> {
    /// Which variable.
    pub name: Oid<'a>,
    /// Its value.
    pub value: Value<'a>,
}

impl<'a> Varbind<'a> {
    /// Checks the `VarBind ::= SEQUENCE { name, value }` at the head of `input`; what is behind it.
    #[inline(always)]
    fn check(input: &'a [u8]) -> Result<&'a [u8], Error> {
        let (rest, body) = ber::expect(ber::SEQUENCE, input)?;
        let (body, _name) = oid::oid(body)?;
        let (left, (tag, content)) = ber::element(body)?;
        nothing_left(left)?;
        Value::parse(tag, content)?;
        Ok(rest)
    }

    /// Writes it as one element.
    pub fn emit(&self, out: &mut Vec<u8>) {
        ber::emit(ber::SEQUENCE, out, |out| {
            ber::emit_octets(ber::OID, self.name.content(), out);
            self.value.emit(out);
        });
    }
}

/// The varbinds of a message, all of them checked.
#[derive(Debug, Clone, Copy)]
pub struct Varbinds<'a> {
    octets: &'a [u8],
    count: usize,
}

impl<'a> Varbinds<'a> {
    /// `VarBindList ::= SEQUENCE OF VarBind`, which must be all that is left of the PDU.
    #[inline]
    pub(super) fn parse(input: &'a [u8]) -> Result<Self, Error> {
        let (rest, octets) = ber::expect(ber::SEQUENCE, input)?;
        nothing_left(rest)?;
        let mut unread = octets;
        let mut count = 0;
        while !unread.is_empty() {
            if count == MAX_VARBINDS {
                return Err(Error::TooManyVarbinds);
            }
            unread = Varbind::check(unread)?;
            count += 1;
        }
        Ok(Self { octets, count })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Reads them in place, in their order.
    #[inline]
    pub fn iter(&self) -> Iter<'a> {
        Iter { octets: self.octets }
    }

    /// The octets of all but those of this variable, in runs, as they came.
    pub fn octets_without(&self, name: Oid<'_>, mut take: impl FnMut(&'a [u8])) {
        let (mut run, mut unread) = (self.octets, self.octets);
        while let Some((rest, found, _, _)) = split(unread) {
            if found == name {
                take(run.get(..run.len() - unread.len()).unwrap_or_default());
                run = rest;
            }
            unread = rest;
        }
        take(run);
    }

    /// The octets of all of them, as they came.
    pub(super) fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// The first value of this variable that `take` takes.
    #[inline]
    pub fn find_map<T>(&self, name: Oid<'_>, take: impl Fn(Value<'a>) -> Option<T>) -> Option<T> {
        let mut unread = self.octets;
        while let Some((rest, found, tag, content)) = split(unread) {
            unread = rest;
            if found == name
                && let Some(taken) = Value::parse(tag, content).ok().and_then(&take)
            {
                return Some(taken);
            }
        }
        None
    }
}

impl<'a> IntoIterator for Varbinds<'a> {
    type Item = Varbind<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Reads checked varbinds in place.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    octets: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = Varbind<'a>;

    #[inline]
    fn next(&mut self) -> Option<Varbind<'a>> {
        let (rest, name, tag, content) = split(self.octets)?;
        self.octets = rest;
        Some(Varbind { name, value: Value::parse(tag, content).ok()? })
    }
}

/// The first of checked varbinds, its value unread, and what is behind it. `None` at the end alone.
#[inline(always)]
fn split(octets: &[u8]) -> Option<(&[u8], Oid<'_>, u8, &[u8])> {
    let (rest, (_, body)) = ber::element(octets).ok()?;
    let (body, (_, name)) = ber::element(body).ok()?;
    let (_, (tag, content)) = ber::element(body).ok()?;
    Some((rest, Oid::checked(name), tag, content))
}
