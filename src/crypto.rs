//! The only file that names a crypto crate: secrets, hashes, ciphers, randomness.
//!
//! Uses nothing of ours. Secrets are redacted in `Debug`, zeroised on drop and compared in constant time.

pub mod usm;

use aes::Aes128;
use aes::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use core::fmt;
use hmac::{Hmac, KeyInit, Mac};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Octets of an AES block, and of an initialisation vector.
pub const AES_BLOCK: usize = 16;

/// Key material of a fixed size, zeroised on drop.
pub type Wiped<T> = Zeroizing<T>;

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

/// A part of a digest that is this long, with its length, is handed over at once.
const SHORT: usize = 64;

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
        let length = (octets.len() as u64).to_be_bytes();
        // Short ones with their length at once: each handing over costs as much as a few octets.
        let mut both = [0; SHORT];
        match both.get_mut(..length.len() + octets.len()) {
            Some(both) => {
                both[..length.len()].copy_from_slice(&length);
                both[length.len()..].copy_from_slice(octets);
                self.0.update(both);
            }
            None => {
                self.0.update(length);
                self.0.update(octets);
            }
        }
    }

    /// The name.
    pub fn finish(self) -> u128 {
        let hash: [u8; 32] = self.0.finalize().into();
        hash.iter().take(16).fold(0, |name, octet| name << 8 | u128::from(*octet))
    }
}

/// HMAC-SHA-1 (RFC 2104) over the parts, as if they were one.
pub fn hmac_sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// HMAC-SHA-256 (RFC 2104) over the parts, as if they were one.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// An HMAC that has taken its key in, for those who use one key again and again: half of the work of a short message
/// is the key's. Zeroised on drop.
#[derive(Clone)]
pub struct Keyed(Kind);

#[derive(Clone)]
enum Kind {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
}

impl Keyed {
    /// HMAC-SHA-1 with this key.
    pub fn sha1(key: &[u8]) -> Self {
        Self(Kind::Sha1(Hmac::new_from_slice(key).expect("HMAC takes a key of any length")))
    }

    /// HMAC-SHA-256 with this key.
    pub fn sha256(key: &[u8]) -> Self {
        Self(Kind::Sha256(Hmac::new_from_slice(key).expect("HMAC takes a key of any length")))
    }

    /// The code of these octets, and how many of its own count.
    pub fn code(&self, octets: &[u8]) -> ([u8; 32], usize) {
        let mut code = [0; 32];
        let length = match &self.0 {
            Kind::Sha1(mac) => {
                let short: [u8; 20] = mac.clone().chain_update(octets).finalize().into_bytes().into();
                code[..short.len()].copy_from_slice(&short);
                short.len()
            }
            Kind::Sha256(mac) => {
                code = mac.clone().chain_update(octets).finalize().into_bytes().into();
                code.len()
            }
        };
        (code, length)
    }
}

impl fmt::Debug for Keyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyed(..)")
    }
}

/// SHA-256.
pub fn sha256(octets: &[u8]) -> [u8; 32] {
    Sha256::digest(octets).into()
}

/// The octets are not a whole number of AES blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotBlocks;

/// AES-128 in CBC mode, in place and without padding: `octets` must be whole blocks.
pub fn aes128_cbc_encrypt(key: &[u8; 16], iv: &[u8; AES_BLOCK], octets: &mut [u8]) -> Result<(), NotBlocks> {
    let (blocks, rest) = Array::slice_as_chunks_mut(octets);
    if !rest.is_empty() {
        return Err(NotBlocks);
    }
    cbc::Encryptor::<Aes128>::new(&(*key).into(), &(*iv).into()).encrypt_blocks(blocks);
    Ok(())
}

/// The way back of [`aes128_cbc_encrypt`]. Proves nothing: check the integrity first.
pub fn aes128_cbc_decrypt(key: &[u8; 16], iv: &[u8; AES_BLOCK], octets: &mut [u8]) -> Result<(), NotBlocks> {
    let (blocks, rest) = Array::slice_as_chunks_mut(octets);
    if !rest.is_empty() {
        return Err(NotBlocks);
    }
    cbc::Decryptor::<Aes128>::new(&(*key).into(), &(*iv).into()).decrypt_blocks(blocks);
    Ok(())
}

/// Unpredictable octets from a seed that the shell took from the kernel (ChaCha20). A fixed seed
/// gives a fixed sequence, for simulations. Not `Clone`: two copies would repeat each other's secrets.
pub struct Random(ChaCha20Rng);

impl Random {
    /// Starts from this seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// A generator of its own, seeded from this one.
    pub fn split(&mut self) -> Self {
        Self::from_seed(self.array())
    }

    /// Fills `octets`.
    pub fn fill(&mut self, octets: &mut [u8]) {
        self.0.fill_bytes(octets);
    }

    /// `N` octets.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut octets = [0; N];
        self.fill(&mut octets);
        octets
    }

    /// 32 bits.
    pub fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2202 case 2 and RFC 4231 case 2.
    #[test]
    fn hmac_as_published() {
        let parts: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        assert_eq!(hmac_sha1(b"Jefe", &parts)[..6], [0xEF, 0xFC, 0xDF, 0x6A, 0xE5, 0xEB]);
        assert_eq!(hmac_sha256(b"Jefe", &parts)[..6], [0x5B, 0xDC, 0xC1, 0x46, 0xBF, 0x60]);
        let (short, long) = (Keyed::sha1(b"Jefe").code(&parts.concat()), Keyed::sha256(b"Jefe").code(&parts.concat()));
        assert_eq!(
            (&short.0[..short.1], &long.0[..long.1]),
            (&hmac_sha1(b"Jefe", &parts)[..], &hmac_sha256(b"Jefe", &parts)[..])
        );
        assert_eq!(sha256(b"abc")[..6], [0xBA, 0x78, 0x16, 0xBF, 0x8F, 0x01]);
    }

    /// NIST SP 800-38A, F.2.1, block 1.
    #[test]
    fn aes_cbc_as_published() {
        let key = [0x2B, 0x7E, 0x15, 0x16, 0x28, 0xAE, 0xD2, 0xA6, 0xAB, 0xF7, 0x15, 0x88, 0x09, 0xCF, 0x4F, 0x3C];
        let iv = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        let plain = [0x6B, 0xC1, 0xBE, 0xE2, 0x2E, 0x40, 0x9F, 0x96, 0xE9, 0x3D, 0x7E, 0x11, 0x73, 0x93, 0x17, 0x2A];
        let mut octets = plain;
        aes128_cbc_encrypt(&key, &iv, &mut octets).unwrap();
        assert_eq!(octets[..6], [0x76, 0x49, 0xAB, 0xAC, 0x81, 0x19]);
        aes128_cbc_decrypt(&key, &iv, &mut octets).unwrap();
        assert_eq!(octets, plain);
        assert_eq!(aes128_cbc_encrypt(&key, &iv, &mut octets[1..]), Err(NotBlocks));
    }

    #[test]
    fn one_seed_one_sequence() {
        let (mut a, mut b) = (Random::from_seed([7; 32]), Random::from_seed([7; 32]));
        assert_eq!(a.array::<40>(), b.array::<40>());
        assert_ne!(a.split().u32(), a.u32());
    }
}
