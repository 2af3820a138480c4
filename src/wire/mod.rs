//! Bytes to values and back: SNMP, PET, RMCP+, IPMI. No clock, no socket, no key.
//!
//! Every parser takes exactly the bytes that its element declares and refuses the rest; `parse` and
//! `emit` mirror each other. Input comes from the network and is hostile. Uses nothing of ours but `words`.

use core::fmt;

pub mod account;
pub mod ber;
pub mod command;
pub mod ipmi;
pub mod lan;
pub mod oid;
pub mod pef;
pub mod pet;
pub mod rakp;
pub mod rmcp;
pub mod sdr;
pub mod sdr_cache;
pub mod sel;
pub mod session_info;
pub mod snmp;
pub mod usm;

/// Why octets were refused; one reason for each defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Error {
    /// The datagram ends before its outermost element does.
    Truncated,
    /// Octets are left over behind an element that must be the last.
    TrailingBytes,
    /// The datagram is no SEQUENCE, so no SNMP message.
    NotSnmp,
    /// An element reaches past the one that holds it, or is missing in it.
    Overrun,
    /// A tag in the high-tag-number form; SNMP has none.
    HighTag,
    /// A length in the indefinite form, which RFC 3417 section 8 forbids.
    IndefiniteLength,
    /// A length of more than [`ber::MAX_LENGTH_OCTETS`] octets.
    LengthTooWide,
    /// An element of another type, or of another tag class, than the grammar has in this place.
    UnexpectedTag,
    /// An INTEGER of no octets.
    EmptyInteger,
    /// An INTEGER beyond what its place allows.
    IntegerRange,
    /// An OBJECT IDENTIFIER of no octets, or of fewer than two arcs.
    EmptyOid,
    /// The last arc of an OBJECT IDENTIFIER does not end.
    UnfinishedArc,
    /// An arc over 32 bits, or padded to more than [`oid::MAX_ARC_OCTETS`] octets.
    ArcTooWide,
    /// More than [`oid::MAX_ARCS`] arcs.
    TooManyArcs,
    /// An IpAddress that has not 4 octets.
    IpAddressLength,
    /// A NULL, noSuchObject, noSuchInstance or endOfMibView that has octets.
    NullLength,
    /// A varbind's value of a type that SNMP does not have.
    UnknownType,
    /// More than [`snmp::MAX_VARBINDS`] varbinds.
    TooManyVarbinds,
    /// An SNMP version other than 1, 2c and 3.
    UnknownVersion,
    /// An SNMPv3 message; it is read elsewhere, with keys.
    Version3,
    /// msgFlags of v3 that are not one octet, or ask for privacy without authentication.
    SecurityFlags,
    /// A security model of v3 other than USM.
    SecurityModel,
    /// An snmpEngineID that has neither no octets nor 5 to 32.
    EngineIdLength,
    /// A user's name of more than 32 octets.
    UserNameLength,
    /// An SNMP PDU that notifies of nothing: Get, Set, Response, Report.
    NotANotification,
    /// Not a PDU at all.
    UnknownPdu,
    /// A v1 Trap-PDU in a v2c message.
    V1TrapInV2c,
    /// A v2 PDU in a v1 message.
    V2PduInV1,
    /// A generic-trap number beyond 6.
    GenericTrap,
    /// A PET that ends within its fixed octets.
    PetTooShort,
    /// A PET's specific-trap with bits above the sensor type.
    PetSpecificTrap,
    /// A nom combinator gave up, or a text is no dotted object identifier; no leaf of ours says so.
    Malformed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the datagram is truncated",
            Self::TrailingBytes => "octets are left over",
            Self::NotSnmp => "no SNMP message",
            Self::Overrun => "an element reaches past the one that holds it",
            Self::HighTag => "high-tag-number form",
            Self::IndefiniteLength => "indefinite length",
            Self::LengthTooWide => "a length field is too wide",
            Self::UnexpectedTag => "an element of the wrong type",
            Self::EmptyInteger => "an empty integer",
            Self::IntegerRange => "an integer out of range",
            Self::EmptyOid => "an empty object identifier",
            Self::UnfinishedArc => "an unfinished arc",
            Self::ArcTooWide => "an arc over 32 bits",
            Self::TooManyArcs => "too many arcs",
            Self::IpAddressLength => "an IpAddress that has not 4 octets",
            Self::NullLength => "a NULL with octets",
            Self::UnknownType => "a value of unknown type",
            Self::TooManyVarbinds => "too many varbinds",
            Self::UnknownVersion => "an unknown SNMP version",
            Self::Version3 => "an SNMPv3 message",
            Self::SecurityFlags => "flags that ask for privacy without authentication",
            Self::SecurityModel => "a security model other than USM",
            Self::EngineIdLength => "an engine id that has not 5 to 32 octets",
            Self::UserNameLength => "a user's name of more than 32 octets",
            Self::NotANotification => "SNMP, but no notification",
            Self::UnknownPdu => "no SNMP PDU",
            Self::V1TrapInV2c => "a v1 Trap-PDU in a v2c message",
            Self::V2PduInV1 => "a v2 PDU in a v1 message",
            Self::GenericTrap => "a generic-trap number beyond 6",
            Self::PetTooShort => "a PET that is too short",
            Self::PetSpecificTrap => "a specific-trap number that no PET has",
            Self::Malformed => "malformed",
        })
    }
}

impl core::error::Error for Error {}

impl nom::error::ParseError<&[u8]> for Error {
    fn from_error_kind(_: &[u8], _: nom::error::ErrorKind) -> Self {
        Self::Malformed
    }

    fn append(_: &[u8], _: nom::error::ErrorKind, inner: Self) -> Self {
        inner // the leaf's reason is the exact one
    }
}

impl From<Error> for nom::Err<Error> {
    fn from(reason: Error) -> Self {
        Self::Error(reason)
    }
}

impl From<nom::Err<Error>> for Error {
    fn from(refusal: nom::Err<Error>) -> Self {
        match refusal {
            nom::Err::Incomplete(_) => Self::Truncated,
            nom::Err::Error(error) | nom::Err::Failure(error) => error,
        }
    }
}
