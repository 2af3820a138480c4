//! The only file that names a crypto crate: secrets, hashes, ciphers, randomness.
//!
//! Uses nothing of ours. Secrets are redacted in `Debug`, zeroised on drop and compared in constant time.

use core::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Octets that must not be shown: redacted in `Debug`, zeroised on drop, compared in constant time.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the octets over.
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(octets.into()))
    }

    /// The octets, for the one who must use them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Compares in a time that depends on the lengths alone.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}
