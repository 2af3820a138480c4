//! The sensor data records: what a BMC calls its sensors (IPMI 2.0, chapters 33 and 43).
//!
//! Input is what a BMC answers; hostile. Names are made fit for a terminal here.

use super::command::{GET_SDR, SDR_INFO};
use super::ipmi::{Error, Request};

/// Octets of a record before its body.
pub const HEADER_OCTETS: u8 = 5;
/// Completion code: fewer octets at a time.
pub const TOO_MANY: u8 = 0xCA;

/// When a repository was last another one, by the BMC's own clock: compared with itself alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// How many records there are.
    pub records: u16,
    /// The last addition.
    pub added: u32,
    /// The last erasure.
    pub erased: u32,
}

impl Stamp {
    /// The question.
    pub fn request() -> Request {
        Request::new(SDR_INFO, [])
    }

    /// Whether it shows that a repository of as many records is another one: not every BMC writes down when it changed.
    pub fn shows_changes(&self) -> bool {
        const UNSPECIFIED: u32 = u32::MAX;
        self.added != UNSPECIFIED || self.erased != UNSPECIFIED
    }

    /// Reads the answer to Get SDR Repository Info.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let Some(&[_, r0, r1, _, _, a0, a1, a2, a3, e0, e1, e2, e3]) = data.first_chunk() else {
            return Err(Error::Truncated);
        };
        Ok(Self {
            records: u16::from_le_bytes([r0, r1]),
            added: u32::from_le_bytes([a0, a1, a2, a3]),
            erased: u32::from_le_bytes([e0, e1, e2, e3]),
        })
    }
}

/// The request for a part of a record.
pub fn get_part(reservation: u16, id: u16, offset: u8, count: u8) -> Request {
    let ([r0, r1], [i0, i1]) = (reservation.to_le_bytes(), id.to_le_bytes());
    Request::new(GET_SDR, [r0, r1, i0, i1, offset, count])
}

/// Reads the answer: the next record's id, and the octets.
pub fn parse_part(data: &[u8]) -> Result<(u16, &[u8]), Error> {
    match data {
        [n0, n1, part @ ..] => Ok((u16::from_le_bytes([*n0, *n1]), part)),
        _ => Err(Error::Truncated),
    }
}

/// One sensor's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Slave address or software id of whoever owns it.
    pub owner: u8,
    /// Its number there.
    pub number: u8,
    /// As people are to read it.
    pub text: String,
}

/// The sensors that a whole record names; none: it is of another type, or broken.
pub fn names(record: &[u8]) -> Vec<Name> {
    let (at, share_at) = match record.get(3) {
        Some(0x01) => (47, None),
        Some(0x02) => (31, Some(23)),
        Some(0x03) => (16, Some(12)),
        Some(_) | None => return Vec::new(),
    };
    let (Some(&owner), Some(&number), Some(&form)) = (record.get(5), record.get(7), record.get(at)) else {
        return Vec::new();
    };
    let octets = record.get(at + 1..).unwrap_or_default();
    let octets = octets.get(..usize::from(form & 0x1F)).unwrap_or(octets);
    let text = text(form >> 6, octets);
    if text.is_empty() {
        return Vec::new();
    }
    let octet = |at: usize| share_at.and_then(|share| record.get(share + at)).copied().unwrap_or(0);
    let (sharing, first) = (octet(0), octet(1) & 0x7F);
    let count = sharing & 0x0F;
    if count < 2 {
        return vec![Name { owner, number, text }];
    }
    // One record for several sensors: a number or a letter behind the name tells them apart.
    let modified = |n: u8| match sharing >> 4 & 0x03 {
        1 => format!("{text}{}", char::from(b'A' + (first + n) % 26)),
        _ => format!("{text}{}", u16::from(first) + u16::from(n)),
    };
    (0..count).map(|n| Name { owner, number: number.wrapping_add(n), text: modified(n) }).collect()
}

/// A name's octets in one of four forms; what is no plain character becomes a question mark.
fn text(form: u8, octets: &[u8]) -> String {
    let plain = |octet: u8| if (0x20..0x7F).contains(&octet) { char::from(octet) } else { '?' };
    let text: String = match form {
        3 => octets.iter().take_while(|octet| **octet != 0).map(|octet| plain(*octet)).collect(),
        // Six bits a character, from the space on, the lowest bits first.
        2 => {
            let bits: Vec<bool> =
                octets.iter().flat_map(|octet| (0..8).map(move |bit| octet >> bit & 1 != 0)).collect();
            let six = |bits: &[bool]| bits.iter().rev().fold(0, |value, bit| value << 1 | u8::from(*bit));
            bits.chunks_exact(6).map(|bits| plain(0x20 + six(bits))).collect()
        }
        1 => {
            let digits = b"0123456789 -.:,_";
            let both = octets.iter().flat_map(|octet| [octet >> 4, octet & 0x0F]);
            both.filter_map(|digit| digits.get(usize::from(digit))).map(|digit| plain(*digit)).collect()
        }
        _ => String::new(), // Unicode: nobody uses it
    };
    text.trim().to_owned()
}
