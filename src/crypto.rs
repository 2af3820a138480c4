//! The only file that names a crypto crate: secrets, hashes, ciphers, randomness.
//!
//! Uses nothing of ours. Secrets are redacted in `Debug`, zeroised on drop and compared in constant time.

use core::fmt;
use sha2::{Digest as _, Sha256};
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

/// A SHA-256 over parts, of which the first 128 bits are used as a name: the same on every node and
/// after every start. A part's length is hashed with it, so that no two lists of parts are the same octets.
#[derive(Debug, Clone)]
pub struct Digest(Sha256);

impl Digest {
    /// Begins a name of this kind; names of different kinds never meet.
    pub fn new(kind: &str) -> Self {
        let mut digest = Self(Sha256::new());
        digest.part(kind.as_bytes());
        digest
    }

    /// Adds a part.
    pub fn part(&mut self, octets: &[u8]) {
        self.0.update((octets.len() as u64).to_be_bytes());
        self.0.update(octets);
    }

    /// The name.
    pub fn finish(self) -> u128 {
        let hash: [u8; 32] = self.0.finalize().into();
        hash.iter().take(16).fold(0, |name, octet| name << 8 | u128::from(*octet))
    }
}
