//! OBJECT IDENTIFIER: borrowed over its octets, or built from arcs.
//!
//! Uses `ber`. Input is hostile octets; an [`Oid`] exists only over octets that were checked, so that
//! everything on it is infallible. Arcs padded with 80h in front are accepted, as senders write them,
//! therefore identifiers are compared by their arcs and not by their octets.

use super::Error;
use super::ber::{self, Parsed};
use core::fmt;

/// Limit: the most arcs, as RFC 3416 section 4.1 has it.
pub const MAX_ARCS: usize = 128;

/// Limit: the most octets of one arc: as many as 32 bits need.
pub const MAX_ARC_OCTETS: usize = 5;

/// An object identifier of 2 to [`MAX_ARCS`] arcs of 32 bits.
#[derive(Clone, Copy)]
pub struct Oid<'a>(&'a [u8]);

/// One OBJECT IDENTIFIER element.
#[inline(always)]
pub fn oid(input: &[u8]) -> Parsed<'_, Oid<'_>> {
    let (rest, content) = ber::expect(ber::OID, input)?;
    Ok((rest, Oid::from_content(content)?))
}

impl<'a> Oid<'a> {
    /// Checks the content octets of an OBJECT IDENTIFIER.
    #[inline]
    pub fn from_content(content: &'a [u8]) -> Result<Self, Error> {
        let mut arcs = 1; // the first octets hold two
        let mut width = 0; // octets of this arc that say that more follow
        let mut lead = 0; // the first of them
        for octet in content {
            if *octet < 0x80 {
                // Of the 35 bits of five octets the upper three must be clear.
                if width == MAX_ARC_OCTETS - 1 && lead > 0x8F {
                    return Err(Error::ArcTooWide);
                }
                arcs += 1;
                width = 0;
            } else {
                if width == 0 {
                    lead = *octet;
                }
                width += 1;
                if width == MAX_ARC_OCTETS {
                    return Err(Error::ArcTooWide);
                }
            }
        }
        if width != 0 {
            return Err(Error::UnfinishedArc);
        }
        match arcs {
            1 => Err(Error::EmptyOid),
            2..=MAX_ARCS => Ok(Self(content)),
            _ => Err(Error::TooManyArcs),
        }
    }

    /// Octets that were checked before, or are a constant of this crate.
    #[inline]
    pub(super) const fn checked(content: &'a [u8]) -> Self {
        Self(content)
    }

    /// The content octets, as they came.
    pub fn content(self) -> &'a [u8] {
        self.0
    }

    /// The arcs, first to last.
    #[inline]
    pub fn arcs(self) -> Arcs<'a> {
        Arcs { octets: self.0, first: true, second: None }
    }

    /// Whether it has exactly these arcs.
    pub fn is(self, arcs: &[u32]) -> bool {
        self.arcs().eq(arcs.iter().copied())
    }

    /// Whether it begins with these arcs.
    #[inline]
    pub fn starts_with(self, prefix: Oid<'_>) -> bool {
        match self.against(prefix) {
            Against::Begins => true,
            Against::Shorter | Against::Other => false,
        }
    }

    /// How far it goes along with these arcs.
    #[inline]
    pub(super) fn against(self, prefix: Oid<'_>) -> Against {
        match difference(self.0, prefix.0) {
            // An arc ends in its last octet, so that octets which begin alike are arcs that do.
            Difference::None if self.0.len() >= prefix.0.len() => Against::Begins,
            Difference::None => Against::Shorter,
            Difference::OfArcs => Against::Other,
            Difference::Perhaps if without_prefix(self.arcs(), prefix).is_some() => Against::Begins,
            Difference::Perhaps if without_prefix(prefix.arcs(), self).is_some() => Against::Shorter,
            Difference::Perhaps => Against::Other,
        }
    }

    /// The arcs behind `prefix`, if it begins with that.
    #[inline]
    pub fn strip_prefix(self, prefix: Oid<'_>) -> Option<Arcs<'a>> {
        without_prefix(self.arcs(), prefix)
    }
}

/// The arcs behind `prefix`, if they begin with that.
#[inline]
pub(super) fn without_prefix<A: Iterator<Item = u32>>(mut arcs: A, prefix: Oid<'_>) -> Option<A> {
    for arc in prefix.arcs() {
        if arcs.next() != Some(arc) {
            return None;
        }
    }
    Some(arcs)
}

/// An identifier beside one that it may begin with.
pub(super) enum Against {
    /// It begins with all of it.
    Begins,
    /// It is the beginning of it.
    Shorter,
    /// Neither.
    Other,
}

/// How the octets of two identifiers differ, as far as the shorter one goes.
enum Difference {
    /// Not at all.
    None,
    /// They are different arcs.
    OfArcs,
    /// An arc of one may have 80h in front, so that its octets say less than its arcs.
    Perhaps,
}

/// Looks at the first octet in which they differ. Up to there the arcs are the same, and an octet of either that is no
/// padding makes this one another.
#[inline]
fn difference(these: &[u8], those: &[u8]) -> Difference {
    // Eight at a time: a message's identifiers are compared with those of many profiles.
    let both = these.len().min(those.len());
    let (these_eights, these) = these.get(..both).unwrap_or_default().as_chunks::<8>();
    let (those_eights, those) = those.get(..both).unwrap_or_default().as_chunks::<8>();
    match these_eights.iter().zip(those_eights).find(|(these, those)| these != those) {
        Some((these, those)) => first_difference(these, those),
        None => first_difference(these, those),
    }
}

#[inline]
fn first_difference(these: &[u8], those: &[u8]) -> Difference {
    match these.iter().zip(those).find(|(this, that)| this != that) {
        None => Difference::None,
        Some((0x80, _) | (_, 0x80)) => Difference::Perhaps,
        Some(_) => Difference::OfArcs,
    }
}

impl PartialEq for Oid<'_> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match difference(self.0, other.0) {
            Difference::None => self.0.len() == other.0.len(),
            Difference::OfArcs => false,
            Difference::Perhaps => self.arcs().eq(other.arcs()),
        }
    }
}

impl Eq for Oid<'_> {}

impl PartialEq<[u32]> for Oid<'_> {
    fn eq(&self, arcs: &[u32]) -> bool {
        self.is(arcs)
    }
}

impl fmt::Display for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        dotted(self.arcs(), f)
    }
}

impl fmt::Debug for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        dotted(self.arcs(), f)
    }
}

/// Arcs as dotted decimals.
pub(super) fn dotted(arcs: impl Iterator<Item = u32>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (i, arc) in arcs.enumerate() {
        if i > 0 {
            f.write_str(".")?;
        }
        write!(f, "{arc}")?;
    }
    Ok(())
}

/// The arcs of an [`Oid`].
#[derive(Debug, Clone)]
pub struct Arcs<'a> {
    octets: &'a [u8],
    first: bool,
    second: Option<u32>,
}

impl Iterator for Arcs<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        if let Some(second) = self.second.take() {
            return Some(second);
        }
        let mut arc = 0;
        loop {
            let (octet, rest) = self.octets.split_first()?;
            self.octets = rest;
            arc = arc << 7 | u32::from(octet & 0x7F);
            if *octet < 0x80 {
                break;
            }
        }
        if !self.first {
            return Some(arc);
        }
        self.first = false;
        let top = (arc / 40).min(2);
        self.second = Some(arc - top * 40);
        Some(top)
    }
}

/// An object identifier built here, to be written into a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidBuf(Vec<u8>);

impl OidBuf {
    /// From arcs: 2 to [`MAX_ARCS`], the first at most 2, the second below 40 under 0 and 1.
    pub fn from_arcs(arcs: &[u32]) -> Result<Self, Error> {
        let [top, second, rest @ ..] = arcs else {
            return Err(Error::EmptyOid);
        };
        if arcs.len() > MAX_ARCS {
            return Err(Error::TooManyArcs);
        }
        if *top > 2 || (*top < 2 && *second >= 40) {
            return Err(Error::ArcTooWide);
        }
        let mut octets = Vec::with_capacity(2 * arcs.len());
        emit_arc(second.checked_add(40 * top).ok_or(Error::ArcTooWide)?, &mut octets);
        for arc in rest {
            emit_arc(*arc, &mut octets);
        }
        Ok(Self(octets))
    }

    /// From dotted decimals, with or without a dot in front.
    pub fn from_dotted(text: &str) -> Result<Self, Error> {
        let arcs: Result<Vec<u32>, _> =
            text.strip_prefix('.').unwrap_or(text).split('.').take(MAX_ARCS + 1).map(str::parse).collect();
        Self::from_arcs(&arcs.map_err(|_| Error::Malformed)?)
    }

    /// The borrowed form.
    pub fn as_oid(&self) -> Oid<'_> {
        Oid(&self.0)
    }
}

fn emit_arc(arc: u32, out: &mut Vec<u8>) {
    for shift in [28, 21, 14, 7] {
        if arc >> shift != 0 {
            out.push(0x80 | (arc >> shift & 0x7F) as u8);
        }
    }
    out.push((arc & 0x7F) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arcs_and_dots() {
        let pet = Oid::from_content(&[0x2B, 6, 1, 4, 1, 0x98, 0x6F, 1, 1]).unwrap();
        assert_eq!(pet.to_string(), "1.3.6.1.4.1.3183.1.1");
        assert!(pet.is(&[1, 3, 6, 1, 4, 1, 3183, 1, 1]));
        assert!(!pet.is(&[1, 3, 6, 1, 4, 1, 3183, 1]));
        assert!(!pet.is(&[1, 3, 6, 1, 4, 1, 3183, 1, 1, 1]));
        assert_eq!(pet.strip_prefix(Oid::checked(&[0x2B, 6, 1, 4, 1])).unwrap().collect::<Vec<_>>(), [3183, 1, 1]);
    }

    #[test]
    fn beginnings_of_every_length_are_known_and_padding_is_none() {
        let long = [0x2B, 6, 1, 4, 1, 0x98, 0x6F, 1, 1, 7, 0x81, 0x80, 0, 9, 8, 7, 6, 5];
        let whole = Oid::from_content(&long).unwrap();
        for end in 2..=long.len() {
            let Ok(prefix) = Oid::from_content(&long[..end]) else { continue }; // within an arc
            assert!(whole.starts_with(prefix), "{prefix}");
            assert_eq!(prefix.starts_with(whole) || prefix == whole, end == long.len(), "{prefix}");
            let mut other = long[..end].to_vec();
            *other.last_mut().unwrap() ^= 0x40;
            assert!(!whole.starts_with(Oid::from_content(&other).unwrap()), "{prefix}");
            // The last arc with an octet that says nothing in front.
            let arc = long[..end - 1].iter().rposition(|octet| *octet < 0x80).map_or(0, |before| before + 1);
            let mut padded = long[..end].to_vec();
            padded.insert(arc, 0x80);
            let padded = Oid::from_content(&padded).unwrap();
            assert!(whole.starts_with(padded) && padded == prefix, "{prefix}");
        }
    }

    #[test]
    fn the_first_octets_hold_two_arcs() {
        for (octets, text) in [(&[0x00][..], "0.0"), (&[39], "0.39"), (&[0x2B], "1.3"), (&[0x88, 0x37], "2.999")] {
            assert_eq!(Oid::from_content(octets).unwrap().to_string(), text);
            assert_eq!(OidBuf::from_dotted(text).unwrap().as_oid().content(), octets);
        }
    }

    #[test]
    fn widths() {
        assert_eq!(Oid::from_content(&[]), Err(Error::EmptyOid));
        assert_eq!(Oid::from_content(&[0x2B, 0x81]), Err(Error::UnfinishedArc));
        assert_eq!(Oid::from_content(&[0x2B, 0x8F, 0xFF, 0xFF, 0xFF, 0x7F]).unwrap().to_string(), "1.3.4294967295");
        assert_eq!(Oid::from_content(&[0x2B, 0x90, 0x80, 0x80, 0x80, 0]), Err(Error::ArcTooWide), "2^32");
        assert_eq!(Oid::from_content(&[0x2B, 0x80, 0x80, 0x80, 0x80, 0x80, 0]), Err(Error::ArcTooWide), "padded");
        let padded = Oid::from_content(&[0x2B, 0x80, 0x81, 0xFE, 0x48]).unwrap();
        assert_eq!(padded.to_string(), "1.3.32584");
        assert_eq!(padded, Oid::from_content(&[0x2B, 0x81, 0xFE, 0x48]).unwrap(), "compared by arcs");
    }

    #[test]
    fn at_most_128_arcs() {
        assert_eq!(Oid::from_content(&[1; 127]).unwrap().arcs().count(), MAX_ARCS);
        assert_eq!(Oid::from_content(&[1; 128]), Err(Error::TooManyArcs));
        assert_eq!(OidBuf::from_arcs(&[1; MAX_ARCS + 1]), Err(Error::TooManyArcs));
        assert!(OidBuf::from_arcs(&[1; MAX_ARCS]).is_ok());
        assert_eq!(OidBuf::from_arcs(&[1]), Err(Error::EmptyOid));
        assert_eq!(OidBuf::from_arcs(&[3, 1]), Err(Error::ArcTooWide));
        assert_eq!(OidBuf::from_dotted("1.3.x"), Err(Error::Malformed));
    }

    #[test]
    fn a_beginning_is_one_of_arcs_however_they_are_written() {
        let oid = |octets: &'static [u8]| Oid::from_content(octets).unwrap();
        let whole = oid(&[0x2B, 6, 1, 0x81, 0x80, 0x01]);
        for (prefix, begins) in [
            (&[0x2B, 6][..], true),
            (&[0x2B, 6, 1, 0x81, 0x80, 0x01], true),
            (&[0x2B, 0x80, 6], true), // padded
            (&[0x2B, 6, 2], false),
            (&[0x2B, 6, 1, 1], false), // not the beginning of an arc's octets
            (&[0x2B, 6, 1, 0x81, 0x80, 0x01, 1], false),
        ] {
            assert_eq!(whole.starts_with(oid(prefix)), begins, "{prefix:02x?}");
            assert_eq!(whole.strip_prefix(oid(prefix)).is_some(), begins, "{prefix:02x?}");
        }
        assert!(oid(&[0x2B, 0x80, 6, 1]).starts_with(oid(&[0x2B, 6])));
    }
}
