//! RMCP: presence ping and pong, the session-less IPMI 1.5 wrapper, and the RMCP+ packet
//! (IPMI 2.0, section 13; ASF 2.0, section 3.2).
//!
//! Both directions: the client and the simulated BMC use the same layouts. Nothing here knows a key;
//! [`Plus::guarded`] only says which octets a code must cover. Input is one UDP datagram; hostile.

use nom::IResult;
use nom::bytes::complete::take;
use nom::error::ErrorKind;
use nom::number::complete::{be_u32, le_u16, le_u32, u8 as octet};

/// Where BMCs answer RMCP.
pub const PORT: u16 = 623;
/// Limit: octets of an RMCP+ payload at most that we take; the real ones stay below 300.
pub const MAX_PAYLOAD: usize = 1024;

/// IANA number of the ASF forum, in presence messages.
const ASF: u32 = 4542;
/// What follows the pad of an authenticated packet.
const NEXT_HEADER: u8 = 0x07;
const CLASS_ASF: u8 = 0x06;
const CLASS_IPMI: u8 = 0x07;
const AUTH_NONE: u8 = 0x00;
const AUTH_PLUS: u8 = 0x06;

/// Why a datagram or a payload is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Error {
    /// It ends before its last field.
    Truncated,
    /// Octets follow its last field.
    TrailingBytes,
    /// Not RMCP version 1.0.
    Version(u8),
    /// An RMCP class other than ASF and IPMI, or an RMCP acknowledgement.
    Class(u8),
    /// An ASF message other than presence ping and pong.
    AsfType(u8),
    /// An IPMI 1.5 packet that claims a session or a code; we open none.
    Session15,
    /// An authentication type other than none and RMCP+.
    AuthType(u8),
    /// An OEM payload.
    OemPayload,
    /// A payload type that we do not speak.
    PayloadType(u8),
    /// A payload longer than [`MAX_PAYLOAD`].
    TooLong,
    /// A user's name longer than 16 octets.
    NameTooLong,
    /// An algorithm block whose type or length is wrong.
    Algorithms,
    /// The pad or the next-header octet before the code is wrong.
    Trailer,
}

impl<'a> nom::error::ParseError<&'a [u8]> for Error {
    fn from_error_kind(_: &'a [u8], _: ErrorKind) -> Self {
        Self::Truncated // the leaves used here fail in no other way
    }

    fn append(_: &'a [u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

impl From<nom::Err<Error>> for Error {
    fn from(error: nom::Err<Error>) -> Self {
        match error {
            nom::Err::Error(error) | nom::Err::Failure(error) => error,
            nom::Err::Incomplete(_) => Self::Truncated,
        }
    }
}

pub(super) type Parsed<'a, T> = IResult<&'a [u8], T, Error>;

pub(super) fn end(rest: &[u8]) -> Result<(), Error> {
    if rest.is_empty() { Ok(()) } else { Err(Error::TrailingBytes) }
}

pub(super) fn array<const N: usize>(bytes: &[u8]) -> Parsed<'_, [u8; N]> {
    let (head, rest) = bytes.split_first_chunk().ok_or(nom::Err::Error(Error::Truncated))?;
    Ok((rest, *head))
}

/// One datagram of the RMCP port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datagram<'a> {
    /// ASF presence ping.
    Ping {
        /// Repeated in the pong.
        tag: u8,
    },
    /// ASF presence pong.
    Pong {
        /// From the ping.
        tag: u8,
        /// Whether the sender says that it speaks IPMI.
        ipmi: bool,
    },
    /// An IPMI message outside any session, in the 1.5 wrapper.
    Sessionless(&'a [u8]),
    /// RMCP+.
    Plus(Plus<'a>),
}

impl<'a> Datagram<'a> {
    /// Splits a datagram into its layers. Nothing is proven yet.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let (rest, [version, _, _, class]) = array(bytes)?;
        match (version, class) {
            (0x06, CLASS_ASF) => asf(rest),
            (0x06, CLASS_IPMI) => match rest.first() {
                Some(&AUTH_NONE) => sessionless(rest),
                Some(&AUTH_PLUS) => Plus::parse(rest).map(Self::Plus),
                Some(0x01 | 0x02 | 0x04 | 0x05) => Err(Error::Session15),
                Some(&other) => Err(Error::AuthType(other)),
                None => Err(Error::Truncated),
            },
            (0x06, class) => Err(Error::Class(class)),
            (version, _) => Err(Error::Version(version)),
        }
    }
}

fn asf(rest: &[u8]) -> Result<Datagram<'_>, Error> {
    let (rest, iana) = be_u32(rest)?;
    let (rest, [kind, tag, _, length]) = array(rest)?;
    if iana != ASF {
        return Err(Error::AsfType(kind));
    }
    let (rest, data) = take(length)(rest)?;
    end(rest)?;
    match (kind, data) {
        (0x80, []) => Ok(Datagram::Ping { tag }),
        (0x80, _) => Err(Error::TrailingBytes),
        (0x40, data) => {
            let (data, _iana) = be_u32(data)?;
            let (data, _oem) = be_u32(data)?;
            let (data, entities) = octet(data)?;
            let (data, _interactions) = octet(data)?;
            let (data, _reserved) = array::<6>(data)?;
            end(data)?;
            Ok(Datagram::Pong { tag, ipmi: entities & 0x80 != 0 })
        }
        (kind, _) => Err(Error::AsfType(kind)),
    }
}

fn sessionless(rest: &[u8]) -> Result<Datagram<'_>, Error> {
    let (rest, [_, session @ ..]) = array::<9>(rest)?;
    if session != [0; 8] {
        return Err(Error::Session15);
    }
    let (rest, length) = octet(rest)?;
    let (rest, message) = take(length)(rest)?;
    end(rest)?;
    Ok(Datagram::Sessionless(message))
}

/// A presence ping.
pub fn emit_ping(tag: u8) -> Vec<u8> {
    let mut bytes = vec![0x06, 0, 0xFF, CLASS_ASF];
    bytes.extend(ASF.to_be_bytes());
    bytes.extend([0x80, tag, 0, 0]);
    bytes
}

/// A presence pong of a BMC that speaks IPMI.
pub fn emit_pong(tag: u8) -> Vec<u8> {
    let mut bytes = vec![0x06, 0, 0xFF, CLASS_ASF];
    bytes.extend(ASF.to_be_bytes());
    bytes.extend([0x40, tag, 0, 16]);
    bytes.extend(ASF.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 0x81, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

/// An IPMI message outside any session; the wrapper holds 255 octets.
pub fn emit_sessionless(message: &[u8]) -> Result<Vec<u8>, Error> {
    let length = u8::try_from(message.len()).map_err(|_| Error::TooLong)?;
    let mut bytes = vec![0x06, 0, 0xFF, CLASS_IPMI, AUTH_NONE, 0, 0, 0, 0, 0, 0, 0, 0, length];
    bytes.extend(message);
    Ok(bytes)
}

/// What an RMCP+ packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadType {
    /// An IPMI message.
    Ipmi = 0x00,
    /// [`super::rakp::OpenRequest`].
    OpenRequest = 0x10,
    /// [`super::rakp::OpenResponse`].
    OpenResponse = 0x11,
    /// [`super::rakp::Rakp1`].
    Rakp1 = 0x12,
    /// [`super::rakp::Rakp2`].
    Rakp2 = 0x13,
    /// [`super::rakp::Rakp3`].
    Rakp3 = 0x14,
    /// [`super::rakp::Rakp4`].
    Rakp4 = 0x15,
}

impl PayloadType {
    fn parse(number: u8) -> Result<Self, Error> {
        Ok(match number {
            0x00 => Self::Ipmi,
            0x10 => Self::OpenRequest,
            0x11 => Self::OpenResponse,
            0x12 => Self::Rakp1,
            0x13 => Self::Rakp2,
            0x14 => Self::Rakp3,
            0x15 => Self::Rakp4,
            0x02 | 0x20..=0x27 => return Err(Error::OemPayload),
            other => return Err(Error::PayloadType(other)),
        })
    }
}

/// An RMCP+ packet, split but not proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plus<'a> {
    /// What it carries.
    pub payload_type: PayloadType,
    /// The payload is ciphered.
    pub encrypted: bool,
    /// A code follows the payload.
    pub authenticated: bool,
    /// The receiver's session id; zero while a session is being made.
    pub session: u32,
    /// Zero while a session is being made.
    pub sequence: u32,
    /// The payload, ciphered or not.
    pub payload: &'a [u8],
    /// From the authentication type to the last octet.
    whole: &'a [u8],
}

/// Octets that may follow the payload: pad, its count, next header, and the longest code.
const TRAILER_ROOM: usize = 3 + 2 + 32;
/// Octets of the RMCP+ header, from the authentication type to the length.
const PLUS_HEADER: usize = 12;

impl<'a> Plus<'a> {
    fn parse(whole: &'a [u8]) -> Result<Self, Error> {
        let (rest, [_, flags]) = array(whole)?;
        let payload_type = PayloadType::parse(flags & 0x3F)?;
        let (rest, session) = le_u32(rest)?;
        let (rest, sequence) = le_u32(rest)?;
        let (rest, length) = le_u16(rest)?;
        if usize::from(length) > MAX_PAYLOAD {
            return Err(Error::TooLong);
        }
        let (rest, payload) = take(length)(rest)?;
        let (encrypted, authenticated) = (flags & 0x80 != 0, flags & 0x40 != 0);
        if !authenticated {
            end(rest)?;
        }
        Ok(Self { payload_type, encrypted, authenticated, session, sequence, payload, whole })
    }

    /// What the code must cover, and the code, if codes have `code` octets. Check the code, then
    /// [`Self::trailer`].
    pub fn guarded(&self, code: usize) -> Result<(&'a [u8], &'a [u8]), Error> {
        let covered = self.whole.len().checked_sub(code).ok_or(Error::Truncated)?;
        if covered < PLUS_HEADER + self.payload.len() + 2 {
            return Err(Error::Truncated);
        }
        Ok(self.whole.split_at(covered))
    }

    /// Whether pad, its count and the next header are in order. The pad's own octets do not matter.
    pub fn trailer(&self, code: usize) -> Result<(), Error> {
        let (covered, _) = self.guarded(code)?;
        match covered[PLUS_HEADER + self.payload.len()..] {
            [ref pad @ .., count, NEXT_HEADER] if pad.len() == usize::from(count) => Ok(()),
            _ => Err(Error::Trailer),
        }
    }
}

/// The datagram of a packet while a session is being made: no session id, no code.
pub fn emit_setup(payload_type: PayloadType, payload: &[u8]) -> Vec<u8> {
    emit_plus(payload_type as u8, 0, 0, payload)
}

/// The datagram of a packet inside a session up to its next header: the caller appends the code over
/// all that follows the first [`GUARDED_FROM`] octets. `payload` is already ciphered.
pub fn emit_guarded(payload_type: PayloadType, session: u32, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = emit_plus(payload_type as u8 | 0xC0, session, sequence, payload);
    let pad = (bytes.len() + 2).next_multiple_of(4) - (bytes.len() + 2);
    bytes.resize(bytes.len() + pad, 0xFF);
    bytes.extend([pad as u8, NEXT_HEADER]); // 0 to 3
    bytes
}

/// Octets of the RMCP header, which no code covers. A multiple of 4, so it does not disturb the pad.
pub const GUARDED_FROM: usize = 4;

fn emit_plus(flags: u8, session: u32, sequence: u32, payload: &[u8]) -> Vec<u8> {
    debug_assert!(payload.len() <= MAX_PAYLOAD);
    let mut bytes = Vec::with_capacity(GUARDED_FROM + PLUS_HEADER + payload.len() + TRAILER_ROOM);
    bytes.extend([0x06, 0, 0xFF, CLASS_IPMI, AUTH_PLUS, flags]);
    bytes.extend(session.to_le_bytes());
    bytes.extend(sequence.to_le_bytes());
    bytes.extend((payload.len() as u16).to_le_bytes());
    bytes.extend(payload);
    bytes
}
