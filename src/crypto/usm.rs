//! What SNMPv3's users (USM) need: codes, keys of passphrases, ciphers (RFC 3414, 3826, 7860).
//!
//! The one file beside `crypto` that names a crypto crate. Its input is passphrases, and messages of which nothing is
//! known yet. AES-192 and AES-256 stand in no RFC; two drafts lengthen their keys in different ways.

use super::{Secret, same};
use aes::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use aes::{Aes128, Aes192, Aes256};
use core::fmt;
use des::Des;
use hmac::{Hmac, KeyInit, Mac as _};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use zeroize::{Zeroize, Zeroizing};

/// Octets that a passphrase is repeated to (RFC 3414, section A.2).
const STRETCHED_OCTETS: usize = 1_048_576;
/// Only under `--cfg fuzzing`, which fuzzers set and nobody else: every code of the right length is right, and what is
/// sealed lies open, so that a fuzzer comes to what is behind.
const FUZZING: bool = cfg!(fuzzing);
/// Octets of a DES block.
const DES_BLOCK: usize = 8;
/// The longest code, before it is cut.
const LONGEST_CODE: usize = 64;
/// The longest code in a message.
const LONGEST_CUT_CODE: usize = 48;
/// Octets of the salt in a message.
const SALT: usize = 8;

/// How a user's messages are authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Auth {
    /// HMAC-MD5-96.
    Md5,
    /// HMAC-SHA-1-96.
    Sha1,
    /// HMAC-128-SHA-224.
    Sha224,
    /// HMAC-192-SHA-256.
    Sha256,
    /// HMAC-256-SHA-384.
    Sha384,
    /// HMAC-384-SHA-512.
    Sha512,
}

impl Auth {
    /// As it stands in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Octets of a key.
    pub fn key_octets(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Octets of a code in a message.
    pub fn code_octets(self) -> usize {
        match self {
            Self::Md5 | Self::Sha1 => 12,
            Self::Sha224 => 16,
            Self::Sha256 => 24,
            Self::Sha384 => 32,
            Self::Sha512 => 48,
        }
    }

    fn hash(self, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        fn of<D: Digest>(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
            let mut digest = D::new();
            parts.iter().for_each(|part| digest.update(part));
            Zeroizing::new(digest.finalize().to_vec())
        }
        match self {
            Self::Md5 => of::<Md5>(parts),
            Self::Sha1 => of::<Sha1>(parts),
            Self::Sha224 => of::<Sha224>(parts),
            Self::Sha256 => of::<Sha256>(parts),
            Self::Sha384 => of::<Sha384>(parts),
            Self::Sha512 => of::<Sha512>(parts),
        }
    }

    /// The key of a passphrase, for no engine yet (RFC 3414 section A.2); costs milliseconds. An empty passphrase has
    /// no key of any worth, and is refused before.
    pub fn key(self, passphrase: &[u8]) -> Secret {
        // A whole number of passphrases a part, so that the hash has few parts to take.
        let times = 4096_usize.div_ceil(passphrase.len().max(1));
        let part = Zeroizing::new(passphrase.repeat(times));
        if part.is_empty() {
            return Secret::new(self.hash(&[]).to_vec());
        }
        let whole = STRETCHED_OCTETS / part.len();
        let rest = &part[..STRETCHED_OCTETS % part.len()];
        let parts: Vec<&[u8]> = core::iter::repeat_n(&part[..], whole).chain([rest]).collect();
        Secret::new(self.hash(&parts).to_vec())
    }

    /// The key for this engine alone (RFC 3414 section 2.6).
    pub fn localized(self, key: &Secret, engine: &[u8]) -> Secret {
        Secret::new(self.hash(&[key.expose(), engine, key.expose()]).to_vec())
    }
}

/// How a user's messages are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Privacy {
    /// CBC-DES.
    Des,
    /// CFB128-AES-128.
    Aes128,
    /// CFB128-AES-192.
    Aes192,
    /// CFB128-AES-256.
    Aes256,
}

impl Privacy {
    /// As it stands in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Des => "des",
            Self::Aes128 => "aes128",
            Self::Aes192 => "aes192",
            Self::Aes256 => "aes256",
        }
    }

    /// Octets of a key; half of DES's makes its initialisation vector.
    pub fn key_octets(self) -> usize {
        match self {
            Self::Des | Self::Aes128 => 16,
            Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }
}

/// How a key is lengthened that is too short for its cipher; who seals must do the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extension {
    /// By its hash (draft-blumenthal-aes-usm-04).
    Blumenthal,
    /// By the key of the key, taken for a passphrase (draft-reeder-snmpv3-usm-3desede-00); Cisco's.
    Reeder,
}

impl Extension {
    /// As it stands in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blumenthal => "blumenthal",
            Self::Reeder => "reeder",
        }
    }
}

/// A code's key that was taken in: half of the work is done once.
#[derive(Clone)]
pub struct Mac {
    auth: Auth,
    state: State,
}

#[derive(Clone)]
enum State {
    Md5(Hmac<Md5>),
    Sha1(Hmac<Sha1>),
    Sha224(Hmac<Sha224>),
    Sha256(Hmac<Sha256>),
    Sha384(Box<Hmac<Sha384>>),
    Sha512(Box<Hmac<Sha512>>),
}

impl Mac {
    /// Takes a localized key in.
    pub fn new(auth: Auth, localized: &Secret) -> Self {
        const ANY: &str = "HMAC takes a key of any length";
        let key = localized.expose();
        let state = match auth {
            Auth::Md5 => State::Md5(Hmac::new_from_slice(key).expect(ANY)),
            Auth::Sha1 => State::Sha1(Hmac::new_from_slice(key).expect(ANY)),
            Auth::Sha224 => State::Sha224(Hmac::new_from_slice(key).expect(ANY)),
            Auth::Sha256 => State::Sha256(Hmac::new_from_slice(key).expect(ANY)),
            Auth::Sha384 => State::Sha384(Box::new(Hmac::new_from_slice(key).expect(ANY))),
            Auth::Sha512 => State::Sha512(Box::new(Hmac::new_from_slice(key).expect(ANY))),
        };
        Self { auth, state }
    }

    /// What it is a key for.
    pub fn auth(&self) -> Auth {
        self.auth
    }

    /// The code over a message, zeros in the code's place; cut, in the first octets of what is returned.
    fn code(&self, before: &[u8], after: &[u8]) -> [u8; LONGEST_CODE] {
        let zeros = [0; LONGEST_CUT_CODE];
        let zeros = &zeros[..self.auth.code_octets()];
        let mut code = [0; LONGEST_CODE];
        let octets = &mut code[..self.auth.key_octets()];
        macro_rules! of {
            ($mac:expr) => {
                octets.copy_from_slice(
                    &$mac.clone().chain_update(before).chain_update(zeros).chain_update(after).finalize().into_bytes(),
                )
            };
        }
        match &self.state {
            State::Md5(mac) => of!(mac),
            State::Sha1(mac) => of!(mac),
            State::Sha224(mac) => of!(mac),
            State::Sha256(mac) => of!(mac),
            State::Sha384(mac) => of!(mac),
            State::Sha512(mac) => of!(mac),
        }
        code
    }

    /// Whether the octets at `at` are the code of the message; compared in constant time, and of one length only.
    pub fn verifies(&self, message: &[u8], at: core::ops::Range<usize>) -> bool {
        let (Some(before), Some(given), Some(after)) =
            (message.get(..at.start), message.get(at.clone()), message.get(at.end..))
        else {
            return false;
        };
        if given.len() != self.auth.code_octets() {
            return false;
        }
        FUZZING || same(given, &self.code(before, after)[..given.len()])
    }

    /// Writes the code into its place in the message, which must have its length.
    pub fn sign(&self, message: &mut [u8], at: core::ops::Range<usize>) {
        let (Some(before), Some(after)) = (message.get(..at.start), message.get(at.end..)) else { return };
        let code = self.code(before, after);
        if let Some(place) = message.get_mut(at).filter(|place| place.len() == self.auth.code_octets()) {
            place.copy_from_slice(&code[..self.auth.code_octets()]);
        }
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mac(..)")
    }
}

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
    use super::*;

    fn octets(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// RFC 3414 sections A.3 and A.5, and the same with SHA-2.
    #[test]
    fn keys_as_published() {
        let mut seen = 0;
        for line in include_str!("../../tests/vectors/usm-vectors.txt").lines().filter(|line| !line.starts_with('#')) {
            let [name, passphrase, engine, key, localized] = line.split(" | ").collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            let auth = match name {
                "MD5" => Auth::Md5,
                "SHA1" => Auth::Sha1,
                "SHA224" => Auth::Sha224,
                "SHA256" => Auth::Sha256,
                "SHA384" => Auth::Sha384,
                "SHA512" => Auth::Sha512,
                other => panic!("{other}"),
            };
            let made = auth.key(passphrase.as_bytes());
            assert_eq!(made.expose(), octets(key), "{line}");
            assert_eq!(auth.localized(&made, &octets(engine)).expose(), octets(localized), "{line}");
            seen += 1;
        }
        assert_eq!(seen, 8);
    }

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

    #[test]
    fn a_code_has_one_length() {
        let mac = Mac::new(Auth::Sha256, &Secret::new([1; 32]));
        let mut message = [7; 60];
        mac.sign(&mut message, 10..34);
        assert!(mac.verifies(&message, 10..34));
        for wrong in [10..33, 10..10, 10..35, 50..74] {
            assert!(!mac.verifies(&message, wrong.clone()), "{wrong:?}");
        }
        message[59] ^= 1;
        assert!(!mac.verifies(&message, 10..34));
    }
}
