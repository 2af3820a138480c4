//! What seals and opens a scoped PDU (RFC 3414 section 8, RFC 3826), and how too short a key is lengthened.
//!
//! Its input is messages whose code was right already, but for whoever knows the user's authentication key alone.

use super::{Auth, Extension, FUZZING, Privacy, Secret};
use aes::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use aes::{Aes128, Aes192, Aes256};
use des::Des;
use zeroize::{Zeroize, Zeroizing};

/// Octets of a DES block.
const DES_BLOCK: usize = 8;
/// Octets of the salt in a message.
const SALT: usize = 8;

/// What was sealed is no whole number of blocks, or its salt has another length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unopenable;

/// A cipher's key.
#[derive(Debug, Clone)]
pub struct Cipher {
    privacy: Privacy,
    key: Secret,
}

impl Cipher {
    /// The cipher of a localized key, which is lengthened if it is too short; `auth` is the hash that made it. With
    /// [`Extension::Reeder`] that costs as much as a passphrase.
    pub fn new(privacy: Privacy, auth: Auth, localized: &Secret, extension: Extension, engine: &[u8]) -> Self {
        let mut key = Zeroizing::new(localized.expose().to_vec());
        let mut last = localized.clone();
        while key.len() < privacy.key_octets() {
            match extension {
                Extension::Blumenthal => {
                    let more = auth.hash(&[&key]);
                    key = Zeroizing::new([&key[..], &more].concat());
                }
                Extension::Reeder => {
                    last = auth.localized(&auth.key(last.expose()), engine);
                    key = Zeroizing::new([&key[..], last.expose()].concat());
                }
            }
        }
        Self { privacy, key: Secret::new(&key[..privacy.key_octets()]) }
    }

    /// What it is a key for.
    pub fn privacy(&self) -> Privacy {
        self.privacy
    }

    fn part<const N: usize>(&self) -> [u8; N] {
        let mut key = [0; N];
        // As long as the cipher says, so that nothing is missing.
        key.iter_mut().zip(self.key.expose()).for_each(|(to, from)| *to = *from);
        key
    }

    fn des_iv(&self, salt: [u8; SALT]) -> [u8; DES_BLOCK] {
        let key = self.part::<16>();
        core::array::from_fn(|at| key[DES_BLOCK + at] ^ salt[at])
    }

    fn aes_iv(boots: u32, time: u32, salt: [u8; SALT]) -> [u8; 16] {
        let mut iv = [0; 16];
        iv[..4].copy_from_slice(&boots.to_be_bytes());
        iv[4..8].copy_from_slice(&time.to_be_bytes());
        iv[8..].copy_from_slice(&salt);
        iv
    }

    /// Opens in place; proves nothing: check the code first.
    pub fn open(&self, boots: u32, time: u32, salt: &[u8], octets: &mut [u8]) -> Result<(), Unopenable> {
        let salt: [u8; SALT] = salt.try_into().map_err(|_| Unopenable)?;
        if FUZZING {
            return Ok(());
        }
        let iv = Self::aes_iv(boots, time, salt).into();
        match self.privacy {
            Privacy::Des => {
                let (blocks, rest) = Array::slice_as_chunks_mut(octets);
                if !rest.is_empty() || blocks.is_empty() {
                    return Err(Unopenable);
                }
                let mut key = self.part::<8>();
                cbc::Decryptor::<Des>::new(&key.into(), &self.des_iv(salt).into()).decrypt_blocks(blocks);
                key.zeroize();
            }
            Privacy::Aes128 => {
                cfb_mode::Decryptor::<Aes128>::new(&self.part::<16>().into(), &iv).decrypt(octets);
            }
            Privacy::Aes192 => {
                cfb_mode::Decryptor::<Aes192>::new(&self.part::<24>().into(), &iv).decrypt(octets);
            }
            Privacy::Aes256 => {
                cfb_mode::Decryptor::<Aes256>::new(&self.part::<32>().into(), &iv).decrypt(octets);
            }
        }
        Ok(())
    }

    /// Seals; DES fills up to whole blocks. The salt must never be the same twice under one key.
    pub fn seal(&self, boots: u32, time: u32, salt: [u8; SALT], octets: &mut Vec<u8>) {
        let iv = Self::aes_iv(boots, time, salt).into();
        match self.privacy {
            Privacy::Des => {
                octets.resize(octets.len().next_multiple_of(DES_BLOCK), 0);
                let (blocks, _) = Array::slice_as_chunks_mut(octets);
                cbc::Encryptor::<Des>::new(&self.part::<8>().into(), &self.des_iv(salt).into()).encrypt_blocks(blocks);
            }
            Privacy::Aes128 => {
                cfb_mode::Encryptor::<Aes128>::new(&self.part::<16>().into(), &iv).encrypt(octets);
            }
            Privacy::Aes192 => {
                cfb_mode::Encryptor::<Aes192>::new(&self.part::<24>().into(), &iv).encrypt(octets);
            }
            Privacy::Aes256 => {
                cfb_mode::Encryptor::<Aes256>::new(&self.part::<32>().into(), &iv).encrypt(octets);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::octets;
    use super::*;

    /// The two drafts differ from octet 20 on with SHA-1, and not at all with SHA-256.
    #[test]
    fn keys_are_lengthened_in_two_ways() {
        let engine = octets("000000000000000000000002");
        let cipher = |auth: Auth, extension| {
            let key = auth.localized(&auth.key(b"maplesyrup"), &engine);
            Cipher::new(Privacy::Aes256, auth, &key, extension, &engine).key
        };
        let tail = |extension| cipher(Auth::Sha1, extension).expose()[20..].to_vec();
        assert_eq!(tail(Extension::Reeder), octets("9b8b6d78936ba6e7d19dfd9c"));
        assert_eq!(tail(Extension::Blumenthal), octets("505e07eb9af25568fa1f5dbe"));
        assert_eq!(cipher(Auth::Sha256, Extension::Reeder), cipher(Auth::Sha256, Extension::Blumenthal));
    }

    #[test]
    fn what_is_sealed_is_opened() {
        for privacy in [Privacy::Des, Privacy::Aes128, Privacy::Aes192, Privacy::Aes256] {
            let key = Auth::Sha1.localized(&Auth::Sha1.key(b"maplesyrup"), b"engine");
            let cipher = Cipher::new(privacy, Auth::Sha1, &key, Extension::Reeder, b"engine");
            let mut sealed = b"forty-two octets, that is no whole block.".to_vec();
            let plain = sealed.clone();
            cipher.seal(1, 2, [3; 8], &mut sealed);
            assert_ne!(sealed[..plain.len()], plain, "{privacy:?}");
            let mut other = sealed.clone();
            cipher.open(1, 2, &[4; 8], &mut other).unwrap();
            assert_ne!(other[..8], plain[..8], "{privacy:?}: another salt");
            cipher.open(1, 2, &[3; 8], &mut sealed).unwrap();
            assert_eq!(sealed[..plain.len()], plain, "{privacy:?}");
            assert_eq!(cipher.open(1, 2, &[3; 7], &mut sealed), Err(Unopenable));
        }
        let des = Cipher::new(Privacy::Des, Auth::Md5, &Secret::new([1; 16]), Extension::Reeder, &[]);
        assert_eq!(des.open(0, 0, &[0; 8], &mut [0; 9]), Err(Unopenable));
        assert_eq!(des.open(0, 0, &[0; 8], &mut []), Err(Unopenable));
    }
}
