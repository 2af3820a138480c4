//! The IPMI message, as it travels inside RMCP and RMCP+ (IPMI 2.0, section 13.8 and chapter 5).
//!
//! Both directions. A [`Message`] is the frame with addresses and checksums; [`Request`] and
//! [`Response`] are what the floors above think in. Input is a decrypted payload; still hostile,
//! because the BMC itself may be.

use core::fmt;

/// Limit: octets of a message at most, frame included; the kernel's driver has the same limit.
pub const MAX_MESSAGE: usize = 272;
/// Octets of the frame around the data.
const FRAME: usize = 7;

/// Address of the BMC.
pub const BMC: u8 = 0x20;
/// Software id of a remote console.
pub const CONSOLE: u8 = 0x81;

/// Why a message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Error {
    /// Shorter than the frame, or than the answer to this command.
    Truncated,
    /// Longer than [`MAX_MESSAGE`], or than the answer to this command.
    TooLong,
    /// One of the two sums is wrong.
    Checksum,
    /// A response without completion code, or a request where a response belongs.
    Direction,
    /// A field holds what the specification does not allow.
    Field,
}

/// The first `N` octets of data that may have more.
pub(super) fn head<const N: usize>(data: &[u8]) -> Result<&[u8; N], Error> {
    data.first_chunk().ok_or(Error::Truncated)
}

/// All octets of data that has exactly `N`.
pub(super) fn exactly<const N: usize>(data: &[u8]) -> Result<&[u8; N], Error> {
    if data.len() > N { Err(Error::TooLong) } else { head(data) }
}

/// One message with its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// Address of the receiver.
    pub to: u8,
    /// Even in requests, odd in responses; 0 to 3Fh.
    pub netfn: u8,
    /// Logical unit of the receiver.
    pub to_lun: u8,
    /// Address of the sender.
    pub from: u8,
    /// Chosen by the requester, repeated by the responder; 0 to 3Fh.
    pub sequence: u8,
    /// Logical unit of the sender.
    pub from_lun: u8,
    /// Command.
    pub command: u8,
    /// What follows the command; in a response the completion code comes first.
    pub data: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message, which fills `bytes`, and checks both sums.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_MESSAGE {
            return Err(Error::TooLong);
        }
        let Some((&[to, function, first, from, origin, command], rest)) = bytes.split_first_chunk() else {
            return Err(Error::Truncated);
        };
        let Some((&second, data)) = rest.split_last() else {
            return Err(Error::Truncated);
        };
        let message = Self {
            to,
            netfn: function >> 2,
            to_lun: function & 3,
            from,
            sequence: origin >> 2,
            from_lun: origin & 3,
            command,
            data,
        };
        if first != sum(&[to, function]) || second != sum(&bytes[3..bytes.len() - 1]) {
            return Err(Error::Checksum);
        }
        Ok(message)
    }

    /// Writes the message.
    pub fn emit(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FRAME + self.data.len());
        bytes.extend([self.to, self.netfn << 2 | self.to_lun & 3]);
        bytes.push(sum(&bytes));
        bytes.extend([self.from, self.sequence << 2 | self.from_lun & 3, self.command]);
        bytes.extend(self.data);
        bytes.push(sum(&bytes[3..]));
        bytes
    }

    /// A console's request to the BMC.
    pub fn request(sequence: u8, request: &'a Request) -> Self {
        Self {
            to: BMC,
            netfn: request.netfn,
            to_lun: request.lun,
            from: CONSOLE,
            sequence: sequence & 0x3F,
            from_lun: 0,
            command: request.command,
            data: &request.data,
        }
    }

    /// Whether this is a request: its network function is even.
    pub fn is_request(&self) -> bool {
        self.netfn & 1 == 0
    }

    /// The request that this message is.
    pub fn to_request(&self) -> Result<Request, Error> {
        if !self.is_request() {
            return Err(Error::Direction);
        }
        Ok(Request { netfn: self.netfn, lun: self.to_lun, command: self.command, data: self.data.to_vec() })
    }

    /// The response that this message is.
    pub fn to_response(&self) -> Result<Response, Error> {
        match self.data {
            [completion, data @ ..] if !self.is_request() => {
                Ok(Response { completion: *completion, data: data.to_vec() })
            }
            _ => Err(Error::Direction),
        }
    }

    /// The octets of the answer to this request.
    pub fn answer(&self, response: &Response) -> Vec<u8> {
        let mut data = vec![response.completion];
        data.extend(&response.data);
        self.answer_with(&data)
    }

    /// The octets of an answer that has not even a completion code: what some firmware sends.
    pub fn answer_without_data(&self) -> Vec<u8> {
        self.answer_with(&[])
    }

    fn answer_with(&self, data: &[u8]) -> Vec<u8> {
        Message {
            to: self.from,
            netfn: self.netfn | 1,
            to_lun: self.from_lun,
            from: self.to,
            sequence: self.sequence,
            from_lun: self.to_lun,
            command: self.command,
            data,
        }
        .emit()
    }
}

/// What makes the octets and itself add up to zero.
fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum: u8, octet| sum.wrapping_sub(*octet))
}

/// A command's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Command {
    /// Network function of the request.
    pub netfn: u8,
    /// Command.
    pub number: u8,
}

/// A command with its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Network function, even, 0 to 3Eh.
    pub netfn: u8,
    /// Logical unit of the BMC, 0 to 3.
    pub lun: u8,
    /// Command.
    pub command: u8,
    /// Data octets.
    pub data: Vec<u8>,
}

impl Request {
    /// A known command, to logical unit 0.
    pub fn new(command: Command, data: impl Into<Vec<u8>>) -> Self {
        Self { netfn: command.netfn, lun: 0, command: command.number, data: data.into() }
    }

    /// Whether this is that command.
    pub fn is(&self, command: Command) -> bool {
        (self.netfn, self.command) == (command.netfn, command.number)
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// How the command went: 00h well, else see [`Completion`].
    pub completion: u8,
    /// What follows the completion code.
    pub data: Vec<u8>,
}

impl Response {
    /// An answer of the simulated BMC that went well.
    pub fn ok(data: impl Into<Vec<u8>>) -> Self {
        Self { completion: Completion::OK.0, data: data.into() }
    }

    /// An answer of the simulated BMC that refuses.
    pub fn refusal(completion: Completion) -> Self {
        Self { completion: completion.0, data: Vec::new() }
    }
}

/// A completion code, for its words (IPMI 2.0, table 5-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Completion(pub u8);

impl Completion {
    /// It went well.
    pub const OK: Self = Self(0x00);
    /// The BMC has no resources for it just now.
    pub const BUSY: Self = Self(0xC0);
    /// The BMC does not know the command.
    pub const UNKNOWN_COMMAND: Self = Self(0xC1);
    /// The BMC could not do it in time.
    pub const TIMEOUT: Self = Self(0xC3);
    /// The reservation is stale.
    pub const RESERVATION: Self = Self(0xC5);
    /// The data's length is wrong.
    pub const LENGTH: Self = Self(0xC7);
    /// A parameter is out of range.
    pub const RANGE: Self = Self(0xC9);
    /// The requested sensor, data or record is absent.
    pub const ABSENT: Self = Self(0xCB);
    /// A field holds what the BMC does not take.
    pub const FIELD: Self = Self(0xCC);
    /// The session's privilege does not suffice.
    pub const PRIVILEGE: Self = Self(0xD4);
    /// Not in the present state.
    pub const STATE: Self = Self(0xD5);

    /// Whether the same request may well succeed a little later.
    pub fn is_passing(self) -> bool {
        matches!(self.0, 0xC0 | 0xC3 | 0xC5 | 0xD0..=0xD3)
    }
}

impl fmt::Display for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.0 {
            0x00 => "done",
            0x01..=0x7E => "an OEM code",
            0x80..=0xBE => "a code of this command",
            0xC0 => "BMC is busy",
            0xC1 => "unknown command",
            0xC2 => "unknown command for this logical unit",
            0xC3 => "BMC timed out",
            0xC4 => "BMC is out of space",
            0xC5 => "reservation is stale",
            0xC6 => "request was cut",
            0xC7 => "request length is wrong",
            0xC8 => "request is too long",
            0xC9 => "parameter out of range",
            0xCA => "cannot return so many octets",
            0xCB => "sensor, data or record is absent",
            0xCC => "field is invalid",
            0xCD => "command is illegal for this sensor or record",
            0xCE => "BMC has no answer",
            0xCF => "request is a duplicate",
            0xD0 => "SDR repository is updating",
            0xD1 => "BMC firmware is updating",
            0xD2 => "BMC is initialising",
            0xD3 => "destination is unreachable",
            0xD4 => "privilege is too low, or the firmware firewall forbids it",
            0xD5 => "not in the present state",
            0xD6 => "subfunction is disabled",
            _ => "unspecified error",
        };
        write!(f, "{words} ({:02X}h)", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::command;

    #[test]
    fn a_request_as_ipmitool_sends_it() {
        let bytes = [0x20, 0x18, 0xC8, 0x81, 0x04, 0x3B, 0x04, 0x3C];
        let message = Message::parse(&bytes).unwrap();
        let request = message.to_request().unwrap();
        assert!(request.is(command::SET_SESSION_PRIVILEGE));
        assert_eq!((message.sequence, request.data.as_slice()), (1, [0x04].as_slice()));
        assert_eq!(Message::request(1, &request).emit(), bytes);
        assert_eq!(message.to_response(), Err(Error::Direction));
        let answer = [0x81, 0x1C, 0x63, 0x20, 0x04, 0x3B, 0x00, 0x04, 0x9D];
        assert_eq!(message.answer(&Response::ok([0x04])), answer);
        assert_eq!(Message::parse(&answer).unwrap().to_response(), Ok(Response::ok([0x04])));
    }

    #[test]
    fn every_damaged_octet_is_refused() {
        let bytes = Message::request(9, &Request::new(command::CHASSIS_CONTROL, [3])).emit();
        for i in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[i] ^= 0x10;
            assert_eq!(Message::parse(&damaged), Err(Error::Checksum));
            assert!(Message::parse(&bytes[..i]).is_err());
        }
        assert_eq!(Message::parse(&[0; MAX_MESSAGE + 1]), Err(Error::TooLong));
    }
}
