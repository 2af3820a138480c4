//! The file that keeps what a BMC calls its sensors: octets and back; `docs/journal.md` shows them.
//!
//! Input is a file that may be torn, damaged, foreign or hostile: one wrong octet and all of it is refused, for it can be
//! read from the BMC anew. Its names reach terminals and logs, so each must be plain text again. Uses `sdr` and `words`.

use super::sdr::{Name, Stamp};
use crate::words::Guid;
use core::fmt;

/// Limit: the longest file, in octets; 1024 names of the longest kind fit in.
pub const MAX_CACHE_OCTETS: usize = 72 * 1024;
/// Every file begins with it.
const MAGIC: [u8; 4] = *b"bmcN";
/// The version that we write, and the only one that we read.
const VERSION: u8 = 1;
/// Where the checksum stands.
const SUM: core::ops::Range<usize> = 8..12;
/// The last octet.
const END: u8 = b'\n';

/// Why a file is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It is longer than we ever make it.
    TooLong,
    /// It is no such file, or a later release's.
    Foreign,
    /// It is torn or damaged, or somebody else made it.
    Damaged,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "longer than we ever make it",
            Self::Foreign => "not a file that this release knows",
            Self::Damaged => "torn or damaged",
        })
    }
}

/// The octets of the file. Names beyond its limit are left out.
pub fn emit(guid: &Guid, stamp: &Stamp, names: &[Name]) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(guid.0);
    body.extend(stamp.records.to_le_bytes());
    body.extend(stamp.added.to_le_bytes());
    body.extend(stamp.erased.to_le_bytes());
    let mut count = 0_u16; // a name takes at least four octets: the limit comes first
    for name in names {
        let Ok(length) = u8::try_from(name.text.len()) else { continue };
        if SUM.end + body.len() + 3 + usize::from(length) + 1 > MAX_CACHE_OCTETS {
            break;
        }
        body.extend([name.owner, name.number, length]);
        body.extend(name.text.as_bytes());
        count += 1;
    }
    body.push(END);
    let [count_low, count_high] = count.to_le_bytes();
    let head = [VERSION, 0, count_low, count_high];
    [&MAGIC[..], &head, &checksum(&head, &body).to_le_bytes(), &body].concat()
}

/// Reads all of a file: whose names these are, of which state of the repository, and the names.
pub fn parse(octets: &[u8]) -> Result<(Guid, Stamp, Vec<Name>), Unfit> {
    if octets.len() > MAX_CACHE_OCTETS {
        return Err(Unfit::TooLong);
    }
    match octets.first_chunk() {
        Some(&[m0, m1, m2, m3, VERSION]) if [m0, m1, m2, m3] == MAGIC => {}
        Some(_) => return Err(Unfit::Foreign),
        None => return Err(Unfit::Damaged),
    }
    read(octets).ok_or(Unfit::Damaged)
}

fn read(octets: &[u8]) -> Option<(Guid, Stamp, Vec<Name>)> {
    let head: [u8; 4] = *octets.get(MAGIC.len()..SUM.start)?.first_chunk()?;
    let sum: [u8; 4] = *octets.get(SUM)?.first_chunk()?;
    let body = octets.get(SUM.end..)?;
    if u32::from_le_bytes(sum) != checksum(&head, body) || head[1] != 0 {
        return None;
    }
    let mut rest = body;
    let guid = Guid(take(&mut rest)?);
    let stamp = Stamp {
        records: u16::from_le_bytes(take(&mut rest)?),
        added: u32::from_le_bytes(take(&mut rest)?),
        erased: u32::from_le_bytes(take(&mut rest)?),
    };
    let mut names = Vec::new();
    for _ in 0..u16::from_le_bytes([head[2], head[3]]) {
        let [owner, number, length] = take(&mut rest)?;
        let (text, behind) = rest.split_at_checked(usize::from(length))?;
        // Whoever can write the file can make its checksum, too.
        if text.is_empty() || !text.iter().all(|octet| (0x20..0x7F).contains(octet)) {
            return None;
        }
        names.push(Name { owner, number, text: core::str::from_utf8(text).ok()?.to_owned() });
        rest = behind;
    }
    (rest == [END]).then_some((guid, stamp, names))
}

/// The next octets.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*first)
}

/// Over everything but the magic and the checksum itself, as in the journal.
fn checksum(head: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(body);
    hasher.finalize()
}
