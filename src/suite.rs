//! Cipher suites 17 and 3: the codes of the key exchange, the keys of a session, and the sealing and
//! opening of its packets (IPMI 2.0, sections 13.20 to 13.32).
//!
//! Client and simulated BMC use the same functions. Suites without authentication, integrity or
//! confidentiality cannot be expressed here. Uses `wire` and `crypto`; knows no clock and no socket.

use crate::crypto::{
    AES_BLOCK, Keyed, Secret, Wiped, aes128_cbc_decrypt, aes128_cbc_encrypt, hmac_sha1, hmac_sha256, same,
};
use crate::wire::rakp::Algorithms;
use crate::wire::rmcp::{self, GUARDED_FROM, PayloadType, Plus, emit_guarded};
use crate::words::Guid;
use core::fmt;

/// Octets of the constants that K1 and K2 are derived with; also with SHA-256.
const DERIVATION: usize = 20;

/// A cipher suite that we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128.
    Three,
    /// HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128.
    Seventeen,
}

impl Suite {
    /// Its number in IPMI's table.
    pub fn number(self) -> u8 {
        match self {
            Self::Three => 3,
            Self::Seventeen => 17,
        }
    }

    /// The suite of that number, if we speak it.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            3 => Some(Self::Three),
            17 => Some(Self::Seventeen),
            _ => None,
        }
    }

    /// Its algorithms.
    pub fn algorithms(self) -> Algorithms {
        match self {
            Self::Three => Algorithms { authentication: 1, integrity: 1, confidentiality: 1 },
            Self::Seventeen => Algorithms { authentication: 3, integrity: 4, confidentiality: 1 },
        }
    }

    /// The suite of exactly these algorithms, if we speak it.
    pub fn from_algorithms(algorithms: Algorithms) -> Option<Self> {
        [Self::Seventeen, Self::Three].into_iter().find(|suite| suite.algorithms() == algorithms)
    }

    /// Octets of a packet's code, and of the check value in RAKP Message 4.
    fn code_length(self) -> usize {
        match self {
            Self::Three => 12,
            Self::Seventeen => 16,
        }
    }

    fn keyed(self, key: &[u8]) -> Keyed {
        match self {
            Self::Three => Keyed::sha1(key),
            Self::Seventeen => Keyed::sha256(key),
        }
    }

    fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Code {
        match self {
            Self::Three => Code::new(&hmac_sha1(key, parts)),
            Self::Seventeen => Code::new(&hmac_sha256(key, parts)),
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cipher suite {}", self.number())
    }
}

/// The result of an HMAC, whole or cut. Compared in constant time.
#[derive(Clone)]
pub struct Code {
    octets: Wiped<[u8; 32]>,
    length: usize,
}

impl Code {
    fn new(octets: &[u8]) -> Self {
        let mut code = Self { octets: Wiped::new([0; 32]), length: octets.len() };
        code.octets[..octets.len()].copy_from_slice(octets);
        code
    }

    fn cut(mut self, length: usize) -> Self {
        self.length = self.length.min(length);
        self
    }

    /// The octets, for the wire.
    pub fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }

    /// Whether the peer sent exactly this.
    pub fn is(&self, received: &[u8]) -> bool {
        same(self.octets(), received)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

/// What both sides know of each other once RAKP Message 2 has been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The console's session id.
    pub console_session: u32,
    /// The BMC's session id.
    pub bmc_session: u32,
    /// The console's random number.
    pub console_random: [u8; 16],
    /// The BMC's random number.
    pub bmc_random: [u8; 16],
    /// The GUID that the BMC tells in RAKP Message 2.
    pub guid: Guid,
    /// The role octet of RAKP Message 1, all of its bits.
    pub role: u8,
    /// The user's name.
    pub name: Vec<u8>,
}

impl Exchange {
    fn role_and_length(&self) -> [u8; 2] {
        [self.role, self.name.len() as u8] // at most rakp::MAX_NAME
    }

    /// The code of RAKP Message 2, by which the BMC proves the password.
    pub fn rakp2_code(&self, suite: Suite, password: &Secret) -> Code {
        suite.hmac(
            password.expose(),
            &[
                &self.console_session.to_le_bytes(),
                &self.bmc_session.to_le_bytes(),
                &self.console_random,
                &self.bmc_random,
                &self.guid.0,
                &self.role_and_length(),
                &self.name,
            ],
        )
    }

    /// The code of RAKP Message 3, by which the console proves the password.
    pub fn rakp3_code(&self, suite: Suite, password: &Secret) -> Code {
        let session = self.console_session.to_le_bytes();
        suite.hmac(password.expose(), &[&self.bmc_random, &session, &self.role_and_length(), &self.name])
    }

    /// The keys of the session. A BMC key of zeros is the same as none.
    pub fn keys(&self, suite: Suite, password: &Secret, kg: Option<&Secret>) -> Keys {
        let kg = kg.filter(|kg| kg.expose().iter().any(|octet| *octet != 0)).unwrap_or(password);
        let parts: [&[u8]; 4] = [&self.console_random, &self.bmc_random, &self.role_and_length(), &self.name];
        let session_key = suite.hmac(kg.expose(), &parts);
        let integrity = suite.keyed(suite.hmac(session_key.octets(), &[&[1; DERIVATION]]).octets());
        let derived = suite.hmac(session_key.octets(), &[&[2; DERIVATION]]);
        let mut cipher = Wiped::new([0; 16]);
        cipher.copy_from_slice(&derived.octets()[..16]);
        Keys { suite, session_key, integrity, cipher }
    }
}

/// Why a packet of a session is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refused {
    /// It lacks the code or the encryption that the suite demands.
    Unprotected,
    /// Its code is wrong.
    Code,
    /// It is not whole blocks with an initialisation vector before.
    Blocks,
    /// The confidentiality pad is wrong although the code is right.
    Pad,
    /// Its trailer is wrong.
    Rmcp(rmcp::Error),
}

/// The keys of one session; both directions use the same.
#[derive(Debug, Clone)]
pub struct Keys {
    suite: Suite,
    session_key: Code,
    integrity: Keyed,
    cipher: Wiped<[u8; 16]>,
}

impl Keys {
    /// The suite they belong to.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The check value of RAKP Message 4, by which the BMC proves the keys.
    pub fn rakp4_check(&self, exchange: &Exchange) -> Code {
        let session = exchange.bmc_session.to_le_bytes();
        let parts: [&[u8]; 3] = [&exchange.console_random, &session, &exchange.guid.0];
        self.suite.hmac(self.session_key.octets(), &parts).cut(self.suite.code_length())
    }

    /// The datagram that carries this IPMI message to the peer whose session id is `session`.
    /// `sequence` must never repeat in a session and `iv` must be unpredictable.
    pub fn seal(&self, session: u32, sequence: u32, iv: [u8; AES_BLOCK], message: &[u8]) -> Vec<u8> {
        let whole = (message.len() + 1).next_multiple_of(AES_BLOCK);
        let pad = (whole - message.len() - 1) as u8; // 0 to 15
        let mut payload = Vec::with_capacity(AES_BLOCK + whole);
        payload.extend(iv);
        payload.extend(message);
        payload.extend(1..=pad);
        payload.push(pad);
        aes128_cbc_encrypt(&self.cipher, &iv, &mut payload[AES_BLOCK..]).expect("padded to whole blocks");
        let mut datagram = emit_guarded(PayloadType::Ipmi, session, sequence, &payload);
        let code = self.code(&datagram[GUARDED_FROM..]);
        datagram.extend(code.octets());
        datagram
    }

    /// The code of what a packet guards.
    fn code(&self, covered: &[u8]) -> Code {
        let (octets, length) = self.integrity.code(covered);
        Code::new(&octets[..length]).cut(self.suite.code_length())
    }

    /// The IPMI message in a packet that the peer sealed. The code is checked before anything else
    /// is looked at. Sequence numbers are the session's business.
    pub fn open(&self, packet: &Plus<'_>) -> Result<Vec<u8>, Refused> {
        if !packet.authenticated || !packet.encrypted {
            return Err(Refused::Unprotected);
        }
        let (covered, code) = packet.guarded(self.suite.code_length()).map_err(Refused::Rmcp)?;
        if !self.code(covered).is(code) {
            return Err(Refused::Code);
        }
        packet.trailer(self.suite.code_length()).map_err(Refused::Rmcp)?;
        let Some((iv, ciphered)) = packet.payload.split_first_chunk() else {
            return Err(Refused::Blocks);
        };
        let mut message = ciphered.to_vec();
        aes128_cbc_decrypt(&self.cipher, iv, &mut message).map_err(|_| Refused::Blocks)?;
        let pad = message.pop().ok_or(Refused::Blocks)?;
        let data = message.len().checked_sub(usize::from(pad)).ok_or(Refused::Pad)?;
        if usize::from(pad) >= AES_BLOCK || !message[data..].iter().copied().eq(1..=pad) {
            return Err(Refused::Pad);
        }
        message.truncate(data);
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::rmcp::Datagram;

    fn exchange() -> Exchange {
        Exchange {
            console_session: 1,
            bmc_session: 2,
            console_random: [3; 16],
            bmc_random: [4; 16],
            guid: Guid([5; 16]),
            role: 0x14,
            name: b"admin".to_vec(),
        }
    }

    fn open(keys: &Keys, datagram: &[u8]) -> Result<Vec<u8>, Refused> {
        match Datagram::parse(datagram).unwrap() {
            Datagram::Plus(plus) => keys.open(&plus),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_one_seals_the_other_opens() {
        for suite in [Suite::Three, Suite::Seventeen] {
            let password = Secret::new("secret");
            let keys = exchange().keys(suite, &password, None);
            for length in 0..70 {
                let message: Vec<u8> = (0..length).collect();
                assert_eq!(open(&keys, &keys.seal(2, 9, [7; 16], &message)), Ok(message));
            }
            let datagram = keys.seal(2, 9, [7; 16], &[1, 2, 3]);
            let zeros = Secret::new([0; 20]);
            assert!(open(&exchange().keys(suite, &password, Some(&zeros)), &datagram).is_ok());
            let other = exchange().keys(suite, &password, Some(&Secret::new("key")));
            assert_eq!(open(&other, &datagram), Err(Refused::Code));
        }
    }

    #[test]
    fn a_sender_who_knows_the_keys_but_not_the_format() {
        let keys = exchange().keys(Suite::Seventeen, &Secret::new("secret"), None);
        let sealed = |plain: &mut [u8], authenticated: bool| {
            let mut payload = vec![7; 16];
            aes128_cbc_encrypt(&keys.cipher, &[7; 16], plain).ok();
            payload.extend(&*plain);
            let mut datagram = emit_guarded(PayloadType::Ipmi, 2, 9, &payload);
            if !authenticated {
                datagram[5] &= 0x7F;
            }
            datagram.extend(keys.code(&datagram[GUARDED_FROM..]).octets());
            datagram
        };
        let mut good = [0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8];
        assert_eq!(open(&keys, &sealed(&mut good.clone(), true)), Ok(vec![0; 7]));
        assert_eq!(open(&keys, &sealed(&mut good.clone(), false)), Err(Refused::Unprotected));
        good[8] = 9;
        assert_eq!(open(&keys, &sealed(&mut good.clone(), true)), Err(Refused::Pad));
        let mut too_long = [16; 32];
        too_long[15..31].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
        assert_eq!(open(&keys, &sealed(&mut too_long, true)), Err(Refused::Pad));
        assert_eq!(open(&keys, &sealed(&mut [0xFF; 16], true)), Err(Refused::Pad));
        assert_eq!(open(&keys, &sealed(&mut [1; 7], true)), Err(Refused::Blocks));
        assert_eq!(open(&keys, &sealed(&mut [], true)), Err(Refused::Blocks));
    }
}
