//! Whose BMC is this: the GUID it tells, against the GUID that this server must have.
//!
//! A mistyped address must never reset another server. Uses `words` alone; one side of the
//! comparison comes from a BMC.

use crate::words::Guid;

/// What the BMC's system GUID must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// One of these, in any byte order: see [`Guid::is_same_as`].
    Expected(Vec<Guid>),
    /// Nobody told us. The link works, but the BMC is not known to be the right one; another one than the
    /// first that was met is surely wrong.
    Unknown,
    /// The operator says that its GUID says nothing: whoever answers at its address is taken for it.
    Address,
}

/// What came of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Checked {
    /// The BMC is the right one.
    Matched,
    /// There was nothing to compare with.
    NotChecked,
}

impl Identity {
    /// `None`: the BMC is another system's, or does not say.
    pub fn check(&self, found: Guid) -> Option<Checked> {
        match self {
            Self::Unknown | Self::Address => Some(Checked::NotChecked),
            Self::Expected(guids) => {
                let fits = |guid: &Guid| found.is_same_as(guid);
                (!found.is_unspecified() && guids.iter().any(fits)).then_some(Checked::Matched)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_byte_orders_and_no_other() {
        let guid = Guid([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        let smbios = Guid([3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]);
        let reversed = Guid([15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
        let other = Guid([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 14]);
        let identity = Identity::Expected(vec![Guid([9; 16]), guid]);
        for found in [guid, smbios, reversed, Guid([9; 16])] {
            assert_eq!(identity.check(found), Some(Checked::Matched));
        }
        assert_eq!(identity.check(other), None);
        assert_eq!(Identity::Unknown.check(other), Some(Checked::NotChecked));
        assert_eq!(Identity::Address.check(other), Some(Checked::NotChecked));
        let nothing = Guid([0; 16]);
        assert_eq!(Identity::Expected(vec![nothing]).check(nothing), None);
    }
}
