//! What SNMPv3's users (USM) need: codes, keys of passphrases, ciphers (RFC 3414, 3826, 7860).
//!
//! With `cipher`, the one beside `crypto` that names a crypto crate. Its input is passphrases, and messages of which nothing is
//! known yet. AES-192 and AES-256 stand in no RFC; two drafts lengthen their keys in different ways.

mod cipher;

use super::{Secret, same};
pub use cipher::{Cipher, Unopenable};
use core::fmt;
use hmac::{Hmac, KeyInit, Mac as _};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

/// Octets that a passphrase is repeated to (RFC 3414, section A.2).
const STRETCHED_OCTETS: usize = 1_048_576;
/// Only under `--cfg fuzzing`, which fuzzers set and nobody else: every code of the right length is right, and what is
/// sealed lies open, so that a fuzzer comes to what is behind.
const FUZZING: bool = cfg!(fuzzing);
/// The longest code, before it is cut.
const LONGEST_CODE: usize = 64;
/// The longest code in a message.
const LONGEST_CUT_CODE: usize = 48;

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

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn octets(hex: &str) -> Vec<u8> {
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
