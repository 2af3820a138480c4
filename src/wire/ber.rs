//! The leaves of BER (X.690) as SNMP uses it: one element, one integer; and their writers.
//!
//! Uses `wire::Error` and nom's result type. Input is hostile octets. What real senders write is
//! accepted: lengths and integers that are not minimal. What SNMP forbids is refused: indefinite
//! lengths, high tag numbers. Nothing here recurses, so that depth needs no budget: the message
//! grammar in `snmp` is five elements deep and no value is looked into.

use super::Error;
use nom::IResult;

/// What a leaf parser returns: the octets behind the element, and its value.
pub type Parsed<'a, T> = IResult<&'a [u8], T, Error>;

/// Limit: the widest length field that is read, in octets behind the first.
pub const MAX_LENGTH_OCTETS: usize = 4;

/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// OCTET STRING, primitive.
pub const OCTET_STRING: u8 = 0x04;
/// NULL.
pub const NULL: u8 = 0x05;
/// OBJECT IDENTIFIER.
pub const OID: u8 = 0x06;
/// SEQUENCE and SEQUENCE OF.
pub const SEQUENCE: u8 = 0x30;

/// Refuses, with a reason.
#[inline]
pub fn refuse<T>(reason: Error) -> Result<T, nom::Err<Error>> {
    Err(nom::Err::Error(reason))
}

/// One element: its tag octet, and exactly the octets that it declares.
#[inline(always)]
pub fn element(input: &[u8]) -> Parsed<'_, (u8, &[u8])> {
    let Some((&[tag, first], rest)) = input.split_first_chunk::<2>() else {
        return refuse(Error::Overrun);
    };
    if tag & 0x1F == 0x1F {
        return refuse(Error::HighTag);
    }
    let (rest, length) = if first < 0x80 { (rest, usize::from(first)) } else { long_length(first, rest)? };
    match rest.split_at_checked(length) {
        Some((content, rest)) => Ok((rest, (tag, content))),
        None => refuse(Error::Overrun),
    }
}

/// The octets of a length in the long form.
#[cold]
fn long_length(first: u8, input: &[u8]) -> Parsed<'_, usize> {
    let width = usize::from(first & 0x7F);
    if width == 0 {
        return refuse(Error::IndefiniteLength);
    }
    if width > MAX_LENGTH_OCTETS {
        return refuse(Error::LengthTooWide);
    }
    let Some((octets, rest)) = input.split_at_checked(width) else {
        return refuse(Error::Overrun);
    };
    let length = octets.iter().fold(0_u32, |length, octet| length << 8 | u32::from(*octet));
    match usize::try_from(length) {
        Ok(length) => Ok((rest, length)),
        Err(_) => refuse(Error::Overrun),
    }
}

/// One element of this tag and no other; class and construction count. Its content.
#[inline(always)]
pub fn expect(tag: u8, input: &[u8]) -> Parsed<'_, &[u8]> {
    let (rest, (found, content)) = element(input)?;
    if found == tag { Ok((rest, content)) } else { refuse(Error::UnexpectedTag) }
}

/// One INTEGER, of up to 64 significant bits; padding in front is not counted.
#[inline(always)]
pub fn integer(input: &[u8]) -> Parsed<'_, i64> {
    let (rest, content) = expect(INTEGER, input)?;
    Ok((rest, signed(content)?))
}

/// The value of an INTEGER's octets.
#[inline]
pub fn signed(content: &[u8]) -> Result<i64, Error> {
    let Some(&first) = content.first() else {
        return Err(Error::EmptyInteger);
    };
    let padding: i64 = if first < 0x80 { 0 } else { -1 };
    let mut content = content;
    while content.len() > 8 {
        // What is dropped must be the sign, and what is left must still say the same sign.
        if content[0] != padding as u8 || (content[1] ^ content[0]) & 0x80 != 0 {
            return Err(Error::IntegerRange);
        }
        content = &content[1..];
    }
    Ok(content.iter().fold(padding, |value, octet| value << 8 | i64::from(*octet)))
}

/// The value of a Counter32's, Gauge32's or TimeTicks' octets; see [`unsigned64`].
#[inline]
pub fn unsigned32(content: &[u8]) -> Result<u32, Error> {
    u32::try_from(unsigned64(content)?).map_err(|_| Error::IntegerRange)
}

/// The value of a Counter64's octets.
///
/// The correct form has a 00h in front when the top bit is set; senders leave it out, so the octets
/// are read as the unsigned number that was meant.
#[inline]
pub fn unsigned64(content: &[u8]) -> Result<u64, Error> {
    if content.is_empty() {
        return Err(Error::EmptyInteger);
    }
    let mut content = content;
    while content.len() > 8 {
        if content[0] != 0 {
            return Err(Error::IntegerRange);
        }
        content = &content[1..];
    }
    Ok(content.iter().fold(0, |value, octet| value << 8 | u64::from(*octet)))
}

/// Writes one element; `content` writes what is in it. Lengths are minimal.
pub fn emit(tag: u8, out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    let start = out.len();
    content(out);
    let length = out.len() - start;
    if length < 0x80 {
        out.insert(start, length as u8);
        return;
    }
    let octets = length.to_be_bytes();
    let leading = octets.iter().take_while(|octet| **octet == 0).count();
    let field = core::iter::once(0x80 | (octets.len() - leading) as u8).chain(octets[leading..].iter().copied());
    out.splice(start..start, field);
}

/// How many octets an element has whose content has so many.
pub fn octets_of(content: usize) -> usize {
    let significant = usize::BITS.div_ceil(8) - content.leading_zeros() / 8;
    let length = if content < 0x80 { 1 } else { 1 + significant as usize };
    1 + length + content
}

/// Writes one element whose octets are known.
pub fn emit_octets(tag: u8, octets: &[u8], out: &mut Vec<u8>) {
    emit(tag, out, |out| out.extend_from_slice(octets));
}

/// Writes a signed number in its shortest form.
pub fn emit_signed(tag: u8, value: i64, out: &mut Vec<u8>) {
    let octets = value.to_be_bytes();
    let dropped = (0..7).take_while(|i| {
        let sign = if octets[i + 1] < 0x80 { 0 } else { 0xFF };
        octets[*i] == sign
    });
    emit_octets(tag, &octets[dropped.count()..], out);
}

/// Writes an unsigned number in its shortest correct form, with 00h in front of a set top bit.
pub fn emit_unsigned(tag: u8, value: u64, out: &mut Vec<u8>) {
    let mut octets = [0; 9];
    octets[1..].copy_from_slice(&value.to_be_bytes());
    let dropped = (0..8).take_while(|i| octets[*i] == 0 && octets[i + 1] < 0x80).count();
    emit_octets(tag, &octets[dropped..], out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason<T: core::fmt::Debug>(parsed: Parsed<'_, T>) -> Error {
        parsed.unwrap_err().into()
    }

    #[test]
    fn an_element_takes_exactly_what_it_declares() {
        assert_eq!(element(&[4, 1, 7, 9]), Ok((&[9][..], (4, &[7][..]))));
        assert_eq!(reason(element(&[4, 2, 7])), Error::Overrun);
        assert_eq!(reason(element(&[4])), Error::Overrun);
        assert_eq!(reason(element(&[])), Error::Overrun);
    }

    #[test]
    fn lengths_need_not_be_minimal_but_definite() {
        for head in [&[4, 1][..], &[4, 0x81, 1], &[4, 0x82, 0, 1], &[4, 0x83, 0, 0, 1], &[4, 0x84, 0, 0, 0, 1]] {
            let octets = [head, &[7]].concat();
            assert_eq!(element(&octets), Ok((&[][..], (4, &[7][..]))), "{octets:02x?}");
        }
        assert_eq!(reason(element(&[4, 0x80, 7, 0, 0])), Error::IndefiniteLength);
        assert_eq!(reason(element(&[4, 0x85, 0, 0, 0, 0, 1, 7])), Error::LengthTooWide);
        assert_eq!(reason(element(&[4, 0xFF, 0, 0, 0, 0, 1, 7])), Error::LengthTooWide);
        assert_eq!(reason(element(&[6, 0x84, 0x7F, 0xFF, 0xFF, 0xFF, 1])), Error::Overrun);
        assert_eq!(reason(element(&[6, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 1])), Error::Overrun);
        assert_eq!(reason(element(&[4, 0x82, 0])), Error::Overrun);
        assert_eq!(reason(element(&[0xBF, 4, 1])), Error::HighTag);
        assert_eq!(reason(expect(OCTET_STRING, &[0x24, 1, 7])), Error::UnexpectedTag);
    }

    #[test]
    fn integers_as_senders_write_them() {
        for (octets, value) in [
            (&[0][..], 0),
            (&[0, 0, 0, 1], 1),
            (&[0xFF], -1),
            (&[0xFF, 0x7F], -129),
            (&[0x80, 0, 0, 0], i64::from(i32::MIN)),
            (&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5], 5),
            (&[0xFF; 12], -1),
            (&[0x80, 0, 0, 0, 0, 0, 0, 0], i64::MIN),
        ] {
            assert_eq!(signed(octets), Ok(value), "{octets:02x?}");
        }
        assert_eq!(signed(&[]), Err(Error::EmptyInteger));
        assert_eq!(signed(&[1, 0, 0, 0, 0, 0, 0, 0, 0]), Err(Error::IntegerRange));
        assert_eq!(signed(&[0, 0x80, 0, 0, 0, 0, 0, 0, 0]), Err(Error::IntegerRange), "2^63 is not -2^63");
        assert_eq!(unsigned32(&[0, 0xFF, 0xFF, 0xFF, 0xFF]), Ok(u32::MAX));
        assert_eq!(unsigned32(&[0xFF, 0xFF, 0xFF, 0xFF]), Ok(u32::MAX), "without the 00h in front");
        assert_eq!(unsigned32(&[1, 0, 0, 0, 0]), Err(Error::IntegerRange));
        assert_eq!(unsigned64(&[0; 40]), Ok(0));
        assert_eq!(unsigned64(&[1; 9]), Err(Error::IntegerRange));
        assert_eq!(unsigned64(&[]), Err(Error::EmptyInteger));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for value in [0, 1, -1, 127, 128, -128, -129, 255, 256, i64::from(i32::MIN), i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            emit_signed(INTEGER, value, &mut out);
            assert_eq!(integer(&out), Ok((&[][..], value)), "{out:02x?}");
        }
        for value in [0, 127, 128, 255, 0x7FFF_FFFF, 0x8000_0000, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            emit_unsigned(0x46, value, &mut out);
            assert_eq!(unsigned64(element(&out).unwrap().1.1), Ok(value), "{out:02x?}");
            assert!(out[2] < 0x80, "{out:02x?}");
        }
        for length in [0, 127, 128, 255, 256, 65_536] {
            let mut out = Vec::new();
            emit_octets(OCTET_STRING, &vec![7; length], &mut out);
            assert_eq!(expect(OCTET_STRING, &out).unwrap().1.len(), length);
        }
    }
}
