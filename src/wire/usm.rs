//! The SNMPv3 message (RFC 3412 section 6) with USM's parameters (RFC 3414 section 2.4), read in place.
//!
//! Uses `ber` and `snmp`; knows no key. Input is one datagram, hostile. What is sealed is opened elsewhere, and then
//! read by [`Scoped::parse`]. `emit` writes a message with room for its code; the caller seals and signs.

use super::Error;
use super::ber;
use super::oid::Oid;
use super::snmp::{GET, GET_BULK, GET_NEXT, INFORM, REPORT, SET, VERSION_3, Value, Varbind, nothing_left};
use core::fmt;
use core::ops::Range;

/// Limit: the shortest snmpEngineID, in octets (RFC 3411, section 5).
pub const MIN_ENGINE_ID: usize = 5;
/// Limit: the longest snmpEngineID, in octets (RFC 3411, section 5).
pub const MAX_ENGINE_ID: usize = 32;
/// Limit: the longest name of a user, in octets (RFC 3414, section 5).
pub const MAX_USER_NAME: usize = 32;
/// Limit: snmpEngineBoots and snmpEngineTime end here (RFC 3414, section 2.2).
pub const MAX_COUNT: u32 = 0x7FFF_FFFF;
/// Octets of msgPrivacyParameters in every privacy protocol.
pub const SALT_OCTETS: usize = 8;
/// What we say that we take, in octets: the largest datagram.
pub const OUR_MAX_SIZE: u32 = 65_507;

/// The least msgMaxSize.
const LEAST_MAX_SIZE: i64 = 484;
const USM: i64 = 3;
const AUTH: u8 = 1;
const PRIV: u8 = 2;
const REPORTABLE: u8 = 4;

/// How a message is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// By nothing.
    #[default]
    NoAuth,
    /// By a code.
    Auth,
    /// By a code, and its content is sealed.
    AuthPriv,
}

impl Level {
    /// As RFC 3411 calls it (section 3.4.3).
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoAuth => "noAuthNoPriv",
            Self::Auth => "authNoPriv",
            Self::AuthPriv => "authPriv",
        }
    }
}

/// What USM writes into a message (RFC 3414 section 2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters<'a> {
    /// Of the authoritative engine: the sender of a Trap, the receiver of an Inform. Empty in a discovery.
    pub engine: &'a [u8],
    /// How often that engine has started.
    pub boots: u32,
    /// Seconds since its last start.
    pub time: u32,
    /// The user's name; need not be text.
    pub user: &'a [u8],
    /// The code over the whole message; empty without authentication.
    pub code: &'a [u8],
    /// What the initialisation vector is made of; empty without privacy.
    pub salt: &'a [u8],
}

/// The content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data<'a> {
    /// A scoped PDU, to be read by [`Scoped::parse`].
    Plain(&'a [u8]),
    /// A sealed one.
    Sealed(&'a [u8]),
}

/// A v3 message. Borrows the datagram.
#[derive(Debug, Clone)]
pub struct Version3<'a> {
    /// msgID; an answer must carry it.
    pub id: i32,
    /// The largest message that the sender takes.
    pub max_size: u32,
    /// How it is protected.
    pub level: Level,
    /// Whether the sender wants a Report, should this not be understood.
    pub reportable: bool,
    /// What USM has written.
    pub parameters: Parameters<'a>,
    /// Where in the datagram the code stands.
    pub code_at: Range<usize>,
    /// The content.
    pub data: Data<'a>,
}

impl<'a> Version3<'a> {
    /// Reads one datagram, all of it, but for the content.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Error> {
        let (rest, message) = ber::expect(ber::SEQUENCE, datagram).map_err(|_| Error::NotSnmp)?;
        nothing_left(rest)?;
        let (message, version) = ber::integer(message)?;
        if version != VERSION_3 {
            return Err(Error::UnknownVersion);
        }

        let (message, global) = ber::expect(ber::SEQUENCE, message)?;
        let (global, id) = ber::integer(global)?;
        let (global, max_size) = ber::integer(global)?;
        let (global, flags) = ber::expect(ber::OCTET_STRING, global)?;
        let (global, model) = ber::integer(global)?;
        nothing_left(global)?;
        let id = i32::try_from(id).ok().filter(|id| *id >= 0).ok_or(Error::IntegerRange)?;
        let max_size = u32::try_from(max_size.max(LEAST_MAX_SIZE)).map_err(|_| Error::IntegerRange)?;
        if model != USM {
            return Err(Error::SecurityModel);
        }
        let &[flags] = flags else { return Err(Error::SecurityFlags) };
        let level = match (flags & AUTH != 0, flags & PRIV != 0) {
            (false, false) => Level::NoAuth,
            (true, false) => Level::Auth,
            (true, true) => Level::AuthPriv,
            (false, true) => return Err(Error::SecurityFlags),
        };

        let (message, parameters) = ber::expect(ber::OCTET_STRING, message)?;
        let parameters = parse_parameters(parameters)?;
        let (rest, (tag, content)) = ber::element(message)?;
        nothing_left(rest)?;
        let data = match (tag, level) {
            (ber::OCTET_STRING, Level::AuthPriv) => Data::Sealed(content),
            (ber::SEQUENCE, Level::NoAuth | Level::Auth) => Data::Plain(message),
            (_, _) => return Err(Error::UnexpectedTag),
        };
        let code_at = place(datagram, parameters.code).ok_or(Error::Overrun)?;
        Ok(Self { id, max_size, level, reportable: flags & REPORTABLE != 0, parameters, code_at, data })
    }

    /// Whether a Report may answer it: what is readable says so itself, and the sender's word counts for the rest
    /// (RFC 3412 section 7.1, step 3).
    pub fn may_be_reported(&self) -> bool {
        match self.data {
            Data::Plain(scoped) => Scoped::parse(scoped).is_ok_and(|scoped| scoped.wants_an_answer()),
            Data::Sealed(_) => self.reportable,
        }
    }
}

/// Where `part` lies in `whole`, of which it is a part.
fn place(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let range = start..start.checked_add(part.len())?;
    whole.get(range.clone()).map(|_| range)
}

fn parse_parameters(octets: &[u8]) -> Result<Parameters<'_>, Error> {
    let (rest, octets) = ber::expect(ber::SEQUENCE, octets)?;
    nothing_left(rest)?;
    let (octets, engine) = ber::expect(ber::OCTET_STRING, octets)?;
    let (octets, boots) = ber::integer(octets)?;
    let (octets, time) = ber::integer(octets)?;
    let (octets, user) = ber::expect(ber::OCTET_STRING, octets)?;
    let (octets, code) = ber::expect(ber::OCTET_STRING, octets)?;
    let (octets, salt) = ber::expect(ber::OCTET_STRING, octets)?;
    nothing_left(octets)?;
    if !engine.is_empty() && EngineId::new(engine).is_none() {
        return Err(Error::EngineIdLength);
    }
    if user.len() > MAX_USER_NAME {
        return Err(Error::UserNameLength);
    }
    let count = |value| u32::try_from(value).ok().filter(|value| *value <= MAX_COUNT).ok_or(Error::IntegerRange);
    Ok(Parameters { engine, boots: count(boots)?, time: count(time)?, user, code, salt })
}

/// An snmpEngineID, of 5 to 32 octets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EngineId {
    octets: [u8; MAX_ENGINE_ID],
    length: u8,
}

impl EngineId {
    /// `None` if it has another length.
    pub fn new(octets: &[u8]) -> Option<Self> {
        if !(MIN_ENGINE_ID..=MAX_ENGINE_ID).contains(&octets.len()) {
            return None;
        }
        let mut all = [0; MAX_ENGINE_ID];
        all[..octets.len()].copy_from_slice(octets);
        Some(Self { octets: all, length: octets.len() as u8 })
    }

    /// The octets.
    pub fn octets(&self) -> &[u8] {
        &self.octets[..usize::from(self.length)]
    }
}

impl fmt::Display for EngineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.octets().iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for EngineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A scoped PDU (RFC 3412 section 6.8), in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scoped<'a> {
    /// contextEngineID.
    pub engine: &'a [u8],
    /// contextName.
    pub name: &'a [u8],
    /// The PDU, tag and all; see [`super::snmp::Message::of_version3`].
    pub pdu: &'a [u8],
}

impl<'a> Scoped<'a> {
    /// Reads one that was sent in the clear, which must be all there is.
    pub fn parse(octets: &'a [u8]) -> Result<Self, Error> {
        let (rest, scoped) = ber::expect(ber::SEQUENCE, octets)?;
        nothing_left(rest)?;
        Self::content(scoped)
    }

    /// Reads one that was sealed: a block cipher leaves octets behind it, which say nothing.
    pub fn parse_padded(octets: &'a [u8]) -> Result<Self, Error> {
        let (_, scoped) = ber::expect(ber::SEQUENCE, octets)?;
        Self::content(scoped)
    }

    fn content(scoped: &'a [u8]) -> Result<Self, Error> {
        let (scoped, engine) = ber::expect(ber::OCTET_STRING, scoped)?;
        let (pdu, name) = ber::expect(ber::OCTET_STRING, scoped)?;
        let (rest, _) = ber::element(pdu)?;
        nothing_left(rest)?;
        Ok(Self { engine, name, pdu })
    }

    /// Whether its sender waits for an answer: a request or an Inform.
    pub fn wants_an_answer(&self) -> bool {
        matches!(self.pdu.first(), Some(&(GET | GET_NEXT | SET | GET_BULK | INFORM)))
    }

    /// The request-id, if it can be read.
    pub fn request_id(&self) -> Option<i32> {
        let (_, (_, body)) = ber::element(self.pdu).ok()?;
        let (_, id) = ber::integer(body).ok()?;
        i32::try_from(id).ok()
    }
}

/// What a message says beside its content.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// msgID.
    pub id: i32,
    /// How it is protected.
    pub level: Level,
    /// Whether a Report is wanted.
    pub reportable: bool,
    /// What USM writes; as many octets of code as there shall be, of any value.
    pub parameters: Parameters<'a>,
}

/// Writes a message. `data` is the scoped PDU: as it stands, or sealed as `head` says. The answer is where in `out` the
/// code is to be written, over the whole of `out` with zeros in its place.
pub fn emit(head: &Head<'_>, data: &[u8], out: &mut Vec<u8>) -> Range<usize> {
    let Head { id, level, reportable, parameters } = head;
    let flags = match level {
        Level::NoAuth => 0,
        Level::Auth => AUTH,
        Level::AuthPriv => AUTH | PRIV,
    } | if *reportable { REPORTABLE } else { 0 };
    let begin = out.len();
    ber::emit(ber::SEQUENCE, out, |out| {
        ber::emit_signed(ber::INTEGER, VERSION_3, out);
        ber::emit(ber::SEQUENCE, out, |out| {
            ber::emit_signed(ber::INTEGER, (*id).into(), out);
            ber::emit_signed(ber::INTEGER, OUR_MAX_SIZE.into(), out);
            ber::emit_octets(ber::OCTET_STRING, &[flags], out);
            ber::emit_signed(ber::INTEGER, USM, out);
        });
        ber::emit(ber::OCTET_STRING, out, |out| emit_parameters(parameters, out));
        match level {
            Level::AuthPriv => ber::emit_octets(ber::OCTET_STRING, data, out),
            Level::NoAuth | Level::Auth => out.extend_from_slice(data),
        }
    });
    // Lengths are put in front of what is written, so that the place is known only now, counted from the end.
    let behind_code = ber::octets_of(parameters.salt.len());
    let behind = match level {
        Level::AuthPriv => ber::octets_of(data.len()),
        Level::NoAuth | Level::Auth => data.len(),
    };
    let end = out.len().saturating_sub(behind + behind_code);
    let code = end.saturating_sub(parameters.code.len()).max(begin)..end.max(begin);
    out[code.clone()].fill(0);
    code
}

fn emit_parameters(parameters: &Parameters<'_>, out: &mut Vec<u8>) {
    ber::emit(ber::SEQUENCE, out, |out| {
        ber::emit_octets(ber::OCTET_STRING, parameters.engine, out);
        ber::emit_signed(ber::INTEGER, parameters.boots.into(), out);
        ber::emit_signed(ber::INTEGER, parameters.time.into(), out);
        ber::emit_octets(ber::OCTET_STRING, parameters.user, out);
        ber::emit_octets(ber::OCTET_STRING, parameters.code, out);
        ber::emit_octets(ber::OCTET_STRING, parameters.salt, out);
    });
}

/// Writes a scoped PDU.
pub fn emit_scoped(engine: &[u8], name: &[u8], pdu: &[u8], out: &mut Vec<u8>) {
    ber::emit(ber::SEQUENCE, out, |out| {
        ber::emit_octets(ber::OCTET_STRING, engine, out);
        ber::emit_octets(ber::OCTET_STRING, name, out);
        out.extend_from_slice(pdu);
    });
}

/// What a Report counts (RFC 3414 section 3.2), usmStats.N.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stat {
    /// usmStatsUnsupportedSecLevels.
    UnsupportedSecLevels = 1,
    /// usmStatsNotInTimeWindows.
    NotInTimeWindows = 2,
    /// usmStatsUnknownUserNames.
    UnknownUserNames = 3,
    /// usmStatsUnknownEngineIDs.
    UnknownEngineIds = 4,
    /// usmStatsWrongDigests.
    WrongDigests = 5,
    /// usmStatsDecryptionErrors.
    DecryptionErrors = 6,
}

impl Stat {
    /// The name of its instance.
    pub const fn oid(self) -> Oid<'static> {
        match self {
            Self::UnsupportedSecLevels => Oid::checked(&[0x2B, 6, 1, 6, 3, 15, 1, 1, 1, 0]),
            Self::NotInTimeWindows => Oid::checked(&[0x2B, 6, 1, 6, 3, 15, 1, 1, 2, 0]),
            Self::UnknownUserNames => Oid::checked(&[0x2B, 6, 1, 6, 3, 15, 1, 1, 3, 0]),
            Self::UnknownEngineIds => Oid::checked(&[0x2B, 6, 1, 6, 3, 15, 1, 1, 4, 0]),
            Self::WrongDigests => Oid::checked(&[0x2B, 6, 1, 6, 3, 15, 1, 1, 5, 0]),
            Self::DecryptionErrors => Oid::checked(&[0x2B, 6, 1, 6, 3, 15, 1, 1, 6, 0]),
        }
    }
}

/// Writes the PDU of a Report.
pub fn emit_report(request_id: i32, stat: Stat, count: u32, out: &mut Vec<u8>) {
    ber::emit(REPORT, out, |out| {
        ber::emit_signed(ber::INTEGER, request_id.into(), out);
        ber::emit_signed(ber::INTEGER, 0, out);
        ber::emit_signed(ber::INTEGER, 0, out);
        ber::emit(ber::SEQUENCE, out, |out| Varbind { name: stat.oid(), value: Value::Counter32(count) }.emit(out));
    });
}
