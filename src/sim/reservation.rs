//! A reservation: what makes partial reads and erasures safe (IPMI 2.0 sections 31.4 and 33.11).
//!
//! A later one, and whatever changes what was reserved, voids it. Uses nothing.

use crate::wire::ipmi::Completion;

/// The newest reservation of a store.
#[derive(Debug, Default)]
pub(super) struct Reservation {
    last: u16,
    held: bool,
}

impl Reservation {
    /// A new one, as Reserve answers it.
    pub fn next(&mut self) -> Vec<u8> {
        self.last = self.last.checked_add(1).unwrap_or(1); // zero is "none"
        self.held = true;
        self.last.to_le_bytes().to_vec()
    }

    /// Whoever holds it must reserve again.
    pub fn lose(&mut self) {
        self.held = false;
    }

    /// Only the newest one will do. So many of the next are `lost` by a quirk; the highest number means for ever.
    pub fn check(&self, lost: &mut u32, given: [u8; 2]) -> Result<(), Completion> {
        if *lost > 0 {
            *lost = if *lost == u32::MAX { u32::MAX } else { *lost - 1 };
            return Err(Completion::RESERVATION);
        }
        if self.held && u16::from_le_bytes(given) == self.last { Ok(()) } else { Err(Completion::RESERVATION) }
    }
}
