//! The flight recorder: the last datagrams as they came, and what became of each.
//!
//! Nothing is decoded here; whoever reads it explains (`engine::explain`). Three parts, so that a flood of strangers wipes
//! out strangers only, and one of rubbish from a BMC's own address no notice. Its input is every datagram at the trap
//! socket; its memory is bounded, and a full part costs no allocation.

use super::{DropReason, NoticeId};
use crate::now::Now;
use core::net::SocketAddr;

/// Limit: datagrams of each part that are kept.
pub const DATAGRAMS_KEPT: usize = 64;
/// Limit: octets of one that are kept; a PET has some two hundred.
pub const OCTETS_KEPT: usize = 2048;

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A notice.
    Noticed {
        /// Which.
        id: NoticeId,
        /// Whether it had been received before.
        repeated: bool,
    },
    /// Nothing, for this reason.
    Dropped(DropReason),
}

/// One datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Counts all datagrams since the start, from 1.
    pub number: u64,
    /// When it came.
    pub at: Now,
    /// Where it came from.
    pub from: SocketAddr,
    /// What it held; not all of it when `length` is more.
    pub octets: Vec<u8>,
    /// How long it was.
    pub length: usize,
    /// What became of it.
    pub fate: Fate,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Recorder {
    count: u64,
    parts: [Part; 3],
}

/// The oldest is overwritten.
#[derive(Debug, Default)]
struct Part {
    kept: Vec<Recorded>,
    oldest: usize,
}

impl Recorder {
    /// One more.
    pub fn note(&mut self, at: Now, from: SocketAddr, octets: &[u8], fate: Fate) {
        self.count += 1;
        let kept = &octets[..octets.len().min(OCTETS_KEPT)];
        let part = &mut self.parts[part(fate)];
        let full = part.kept.len() == DATAGRAMS_KEPT;
        match part.kept.get_mut(part.oldest) {
            Some(place) if full => {
                place.octets.clear();
                place.octets.extend_from_slice(kept);
                (place.number, place.at, place.from) = (self.count, at, from);
                (place.length, place.fate) = (octets.len(), fate);
                part.oldest = (part.oldest + 1) % DATAGRAMS_KEPT;
            }
            Some(_) | None => {
                let (number, length) = (self.count, octets.len());
                part.kept.push(Recorded { number, at, from, octets: kept.to_vec(), length, fate });
            }
        }
    }

    /// What is kept, as it came.
    pub fn recorded(&self) -> Vec<Recorded> {
        let mut all: Vec<Recorded> = self.parts.iter().flat_map(|part| part.kept.iter().cloned()).collect();
        all.sort_unstable_by_key(|one| one.number);
        all
    }
}

fn part(fate: Fate) -> usize {
    match fate {
        Fate::Noticed { .. } => 0,
        Fate::Dropped(DropReason::ForeignSource | DropReason::OtherServersBmc) => 2,
        Fate::Dropped(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    const FROM: SocketAddr = SocketAddr::V4(core::net::SocketAddrV4::new(core::net::Ipv4Addr::LOCALHOST, 162));

    fn note(recorder: &mut Recorder, octets: &[u8], fate: Fate) {
        recorder.note(Now { boottime: Duration::from_secs(1), wall: Duration::ZERO }, FROM, octets, fate);
    }

    #[test]
    fn a_flood_wipes_out_its_own_kind_alone() {
        let mut recorder = Recorder::default();
        let noticed = Fate::Noticed { id: NoticeId(7), repeated: false };
        note(&mut recorder, b"trap", noticed);
        note(&mut recorder, b"rubbish", Fate::Dropped(DropReason::NotSnmp));
        for number in 0..200_u8 {
            note(&mut recorder, &[number; 5], Fate::Dropped(DropReason::ForeignSource));
        }
        let all = recorder.recorded();
        assert_eq!(all.len(), 2 + DATAGRAMS_KEPT);
        assert_eq!((all[0].number, &all[0].octets[..], all[0].fate), (1, &b"trap"[..], noticed));
        assert_eq!((all[1].number, &all[1].octets[..]), (2, &b"rubbish"[..]));
        assert!(all.windows(2).all(|two| two[0].number < two[1].number));
        assert_eq!(all.last().map(|last| (last.number, &last.octets[..])), Some((202, &[199; 5][..])));
    }

    #[test]
    fn a_long_one_is_cut_and_says_so() {
        let mut recorder = Recorder::default();
        let long = vec![3; OCTETS_KEPT + 9];
        for _ in 0..=DATAGRAMS_KEPT {
            note(&mut recorder, &long, Fate::Dropped(DropReason::NotSnmp));
        }
        note(&mut recorder, b"short", Fate::Dropped(DropReason::NotSnmp));
        let all = recorder.recorded();
        assert_eq!((all[0].octets.len(), all[0].length), (OCTETS_KEPT, OCTETS_KEPT + 9));
        assert_eq!((&all[DATAGRAMS_KEPT - 1].octets[..], all[DATAGRAMS_KEPT - 1].length), (&b"short"[..], 5));
    }
}
