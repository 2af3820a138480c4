//! The payloads that open an RMCP+ session: Open Session Request and Response, RAKP Messages 1 to 4
//! (IPMI 2.0, sections 13.17 to 13.23).
//!
//! Both directions. Only layouts: what the codes are made of is in `suite`. Input is the payload of
//! an unauthenticated packet; hostile.

use super::rmcp::{Error, Parsed, array, end};
use crate::words::Guid;
use core::fmt;
use nom::bytes::complete::take;
use nom::number::complete::le_u32;

/// Limit: octets of a user's name at most.
pub const MAX_NAME: usize = 16;

/// The RMCP+ status of an answer that refuses (IPMI 2.0, table 13-15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u8);

impl Status {
    /// Whether another cipher suite may have more luck.
    pub fn is_about_suite(self) -> bool {
        matches!(self.0, 0x04 | 0x05 | 0x10 | 0x11 | 0x12)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.0 {
            0x00 => "no error",
            0x01 => "no free session slot",
            0x02 => "unknown session id",
            0x03 => "payload type refused",
            0x04 => "authentication algorithm refused",
            0x05 => "integrity algorithm refused",
            0x06 | 0x07 => "no matching payload",
            0x08 => "session is inactive",
            0x09 => "role refused",
            0x0A => "role not allowed for this user",
            0x0B => "no free session slot at this privilege",
            0x0C => "name too long",
            0x0D => "unknown user name",
            0x0E => "unknown GUID",
            0x0F => "check value wrong",
            0x10 => "confidentiality algorithm refused",
            0x11 => "cipher suite refused",
            0x12 => "illegal parameter",
            other => return write!(f, "status {other:02X}h"),
        };
        write!(f, "{words} ({:02X}h)", self.0)
    }
}

/// The numbers of a cipher suite's three algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Algorithms {
    /// 1 HMAC-SHA1, 3 HMAC-SHA256.
    pub authentication: u8,
    /// 1 HMAC-SHA1-96, 4 HMAC-SHA256-128.
    pub integrity: u8,
    /// 1 AES-CBC-128.
    pub confidentiality: u8,
}

/// Open Session Request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenRequest {
    /// Repeated in the answer.
    pub tag: u8,
    /// The highest privilege wanted; 0 is the highest that suits.
    pub privilege: u8,
    /// The console's session id.
    pub console_session: u32,
    /// Authentication, integrity, confidentiality; `None`: the BMC picks.
    pub proposal: [Option<u8>; 3],
}

impl OpenRequest {
    /// Reads the payload.
    pub fn parse(payload: &[u8]) -> Result<Self, Error> {
        let (rest, [tag, privilege, _, _]) = array(payload)?;
        let (rest, console_session) = le_u32(rest)?;
        let (rest, authentication) = algorithm(0, rest)?;
        let (rest, integrity) = algorithm(1, rest)?;
        let (rest, confidentiality) = algorithm(2, rest)?;
        end(rest)?;
        let proposal = [authentication, integrity, confidentiality];
        Ok(Self { tag, privilege: privilege & 0x0F, console_session, proposal })
    }

    /// Writes the payload.
    pub fn emit(&self) -> Vec<u8> {
        let mut bytes = vec![self.tag, self.privilege, 0, 0];
        bytes.extend(self.console_session.to_le_bytes());
        for (kind, number) in (0..).zip(self.proposal) {
            emit_algorithm(&mut bytes, kind, number);
        }
        bytes
    }
}

fn algorithm(kind: u8, bytes: &[u8]) -> Parsed<'_, Option<u8>> {
    let (rest, block) = array(bytes)?;
    match block {
        [k, _, _, 8, number, _, _, _] if k == kind => Ok((rest, Some(number & 0x3F))),
        [k, _, _, 0, _, _, _, _] if k == kind => Ok((rest, None)),
        _ => Err(nom::Err::Error(Error::Algorithms)),
    }
}

fn emit_algorithm(bytes: &mut Vec<u8>, kind: u8, number: Option<u8>) {
    let length = if number.is_some() { 8 } else { 0 };
    bytes.extend([kind, 0, 0, length, number.unwrap_or(0), 0, 0, 0]);
}

/// What Open Session Response, RAKP 2, 3 and 4 share: tag, status, the receiver's session id, and
/// what follows if the status is zero. Real refusals end anywhere behind the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<T> {
    /// From the message that is answered.
    pub tag: u8,
    /// The receiver's session id; refusals may lack it.
    pub session: Option<u32>,
    /// The rest, or why not.
    pub result: Result<T, Status>,
}

impl<'a, T> Answer<T> {
    fn parse_with(payload: &'a [u8], body: impl FnOnce(u8, &'a [u8]) -> Result<T, Error>) -> Result<Self, Error> {
        let (rest, [tag, status]) = array(payload)?;
        if status != 0 {
            let session = array::<6>(rest).ok().map(|(_, [_, _, sid @ ..])| u32::from_le_bytes(sid));
            return Ok(Self { tag, session, result: Err(Status(status)) });
        }
        let (rest, [privilege, _]) = array(rest)?;
        let (rest, session) = le_u32(rest)?;
        Ok(Self { tag, session: Some(session), result: Ok(body(privilege, rest)?) })
    }

    fn emit_with(&self, body: impl FnOnce(&T, &mut Vec<u8>)) -> Vec<u8> {
        let status = self.result.as_ref().err().map_or(0, |status| status.0);
        let mut bytes = vec![self.tag, status, 0, 0];
        bytes.extend(self.session.unwrap_or(0).to_le_bytes());
        if let Ok(accepted) = &self.result {
            body(accepted, &mut bytes);
        }
        bytes
    }
}

/// What an Open Session Response grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// The highest privilege the session may have.
    pub privilege: u8,
    /// The BMC's session id.
    pub bmc_session: u32,
    /// The suite that both will use.
    pub algorithms: Algorithms,
}

/// Open Session Response; addressed to the console's session id.
pub type OpenResponse = Answer<Opened>;

impl Answer<Opened> {
    /// Reads the payload.
    pub fn parse(payload: &[u8]) -> Result<Self, Error> {
        Self::parse_with(payload, |privilege, rest| {
            let (rest, bmc_session) = le_u32(rest)?;
            let (rest, authentication) = algorithm(0, rest)?;
            let (rest, integrity) = algorithm(1, rest)?;
            let (rest, confidentiality) = algorithm(2, rest)?;
            end(rest)?;
            let algorithms = Algorithms {
                authentication: authentication.ok_or(Error::Algorithms)?,
                integrity: integrity.ok_or(Error::Algorithms)?,
                confidentiality: confidentiality.ok_or(Error::Algorithms)?,
            };
            Ok(Opened { privilege: privilege & 0x0F, bmc_session, algorithms })
        })
    }

    /// Writes the payload.
    pub fn emit(&self) -> Vec<u8> {
        let mut bytes = self.emit_with(|opened, bytes| {
            bytes.extend(opened.bmc_session.to_le_bytes());
            emit_algorithm(bytes, 0, Some(opened.algorithms.authentication));
            emit_algorithm(bytes, 1, Some(opened.algorithms.integrity));
            emit_algorithm(bytes, 2, Some(opened.algorithms.confidentiality));
        });
        bytes[2] = self.result.map_or(0, |opened| opened.privilege);
        bytes
    }
}

/// RAKP Message 1: the console says who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rakp1 {
    /// Repeated in the answer.
    pub tag: u8,
    /// The BMC's session id.
    pub bmc_session: u32,
    /// The console's random number.
    pub random: [u8; 16],
    /// Privilege in bits 3:0; bit 4: the user is looked up by name alone.
    pub role: u8,
    /// At most [`MAX_NAME`] octets.
    pub name: Vec<u8>,
}

impl Rakp1 {
    /// Reads the payload.
    pub fn parse(payload: &[u8]) -> Result<Self, Error> {
        let (rest, [tag, _, _, _]) = array(payload)?;
        let (rest, bmc_session) = le_u32(rest)?;
        let (rest, random) = array(rest)?;
        let (rest, [role, _, _, length]) = array(rest)?;
        if usize::from(length) > MAX_NAME {
            return Err(Error::NameTooLong);
        }
        let (rest, name) = take(length)(rest)?;
        end(rest)?;
        Ok(Self { tag, bmc_session, random, role, name: name.to_vec() })
    }

    /// Writes the payload. A name longer than [`MAX_NAME`] is cut.
    pub fn emit(&self) -> Vec<u8> {
        let name = &self.name[..self.name.len().min(MAX_NAME)];
        let mut bytes = vec![self.tag, 0, 0, 0];
        bytes.extend(self.bmc_session.to_le_bytes());
        bytes.extend(self.random);
        bytes.extend([self.role, 0, 0, name.len() as u8]); // at most 16
        bytes.extend(name);
        bytes
    }
}

/// What RAKP Message 2 tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Introduced<'a> {
    /// The BMC's random number.
    pub random: [u8; 16],
    /// The BMC's GUID.
    pub guid: Guid,
    /// Proves that the BMC knows the password.
    pub code: &'a [u8],
}

/// RAKP Message 2; addressed to the console's session id.
pub type Rakp2<'a> = Answer<Introduced<'a>>;

impl<'a> Answer<Introduced<'a>> {
    /// Reads the payload.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Error> {
        Self::parse_with(payload, |_, rest| {
            let (rest, random) = array(rest)?;
            let (code, guid) = array(rest)?;
            Ok(Introduced { random, guid: Guid(guid), code })
        })
    }

    /// Writes the payload.
    pub fn emit(&self) -> Vec<u8> {
        self.emit_with(|introduced, bytes| {
            bytes.extend(introduced.random);
            bytes.extend(introduced.guid.0);
            bytes.extend(introduced.code);
        })
    }
}

/// RAKP Message 3, addressed to the BMC's session id, and RAKP Message 4, addressed to the console's:
/// the code that proves the sender.
pub type Proof<'a> = Answer<&'a [u8]>;
/// See [`Proof`].
pub type Rakp3<'a> = Proof<'a>;
/// See [`Proof`].
pub type Rakp4<'a> = Proof<'a>;

impl<'a> Answer<&'a [u8]> {
    /// Reads the payload.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Error> {
        Self::parse_with(payload, |_, code| Ok(code))
    }

    /// Writes the payload.
    pub fn emit(&self) -> Vec<u8> {
        self.emit_with(|code, bytes| bytes.extend(*code))
    }
}
