//! Who writes SNMPv3 with the right keys, so that codes verify and what is sealed opens.

use crate::version3;
use bmcnotice::crypto::usm::{Auth, Cipher, Extension, Mac, Privacy};
use bmcnotice::notice::usm::{EngineId, User};
use bmcnotice::wire::usm::{self, Head, Level, Parameters, Version3};

const PASSPHRASE: &str = "a long passphrase";
const SECRET: &str = "another long one";

type Kind = (&'static str, Option<Auth>, Option<(Privacy, Extension)>);

/// The users: of every level, and of ciphers of every kind.
const USERS: [Kind; 5] = [
    ("aes", Some(Auth::Sha256), Some((Privacy::Aes128, Extension::Blumenthal))),
    ("auth", Some(Auth::Sha512), None),
    ("des", Some(Auth::Md5), Some((Privacy::Des, Extension::Blumenthal))),
    ("reeder", Some(Auth::Sha1), Some((Privacy::Aes256, Extension::Reeder))),
    ("plain", None, None),
];

/// One user at one engine.
pub struct Pen {
    pub user: &'static str,
    pub engine: EngineId,
    auth: Option<(Auth, Mac)>,
    cipher: Option<Cipher>,
}

/// All users, and their pens for these engines.
pub struct Desk {
    pub users: Vec<User>,
    pub pens: Vec<Pen>,
    /// The same users with other passphrases.
    pub wrong: Vec<Pen>,
}

/// What surrounds a scoped PDU.
#[derive(Debug, Clone, Copy)]
pub struct Cover {
    /// Who is said to write; mostly the pen's own user.
    pub user: &'static str,
    pub id: i32,
    pub boots: u32,
    pub time: u32,
    pub level: Level,
    pub reportable: bool,
}

impl Desk {
    pub fn new(engines: &[EngineId]) -> Self {
        let mut desk = Self { users: Vec::new(), pens: Vec::new(), wrong: Vec::new() };
        for (user, auth, privacy) in USERS {
            let with = |passphrase| auth.map(|auth| (auth, passphrase));
            let seals = privacy.map(|(privacy, extension)| (privacy, SECRET, extension));
            desk.users.push(version3::user(user, with(PASSPHRASE), seals));
            let key = auth.map(|auth| (auth, auth.key(PASSPHRASE.as_bytes()), auth.key(SECRET.as_bytes())));
            for engine in engines {
                let sealer = key.as_ref().zip(privacy).map(|((auth, _, secret), (privacy, extension))| {
                    let local = auth.localized(secret, engine.octets());
                    Cipher::new(privacy, *auth, &local, extension, engine.octets())
                });
                let mac = |key| key_of(auth, key, engine);
                let right = key.as_ref().and_then(|(_, right, _)| mac(right));
                let wrong = key.as_ref().and_then(|(_, _, secret)| mac(secret));
                desk.pens.push(Pen { user, engine: *engine, auth: auth.zip(right), cipher: sealer.clone() });
                desk.wrong.push(Pen { user, engine: *engine, auth: auth.zip(wrong), cipher: sealer });
            }
        }
        desk
    }
}

fn key_of(auth: Option<Auth>, key: &bmcnotice::crypto::Secret, engine: &EngineId) -> Option<Mac> {
    auth.map(|auth| Mac::new(auth, &auth.localized(key, engine.octets())))
}

impl Pen {
    /// The best that it can do.
    pub fn level(&self) -> Level {
        match (&self.auth, &self.cipher) {
            (None, _) => Level::NoAuth,
            (Some(_), None) => Level::Auth,
            (Some(_), Some(_)) => Level::AuthPriv,
        }
    }

    /// A message around this scoped PDU, sealed, not signed.
    pub fn write(&self, cover: Cover, salt: [u8; 8], mut scoped: Vec<u8>) -> Vec<u8> {
        let level = cover.level.min(self.level());
        let salt: &[u8] = match (&self.cipher, level) {
            (Some(cipher), Level::AuthPriv) => {
                cipher.seal(cover.boots, cover.time, salt, &mut scoped);
                &salt
            }
            (_, _) => &[],
        };
        let zeros = [0; 48];
        let code = self.auth.as_ref().filter(|_| level > Level::NoAuth).map_or(0, |(auth, _)| auth.code_octets());
        let parameters = Parameters {
            engine: self.engine.octets(),
            boots: cover.boots,
            time: cover.time,
            user: cover.user.as_bytes(),
            code: &zeros[..code],
            salt,
        };
        let mut out = Vec::new();
        usm::emit(&Head { id: cover.id, level, reportable: cover.reportable, parameters }, &scoped, &mut out);
        out
    }

    /// Signs the message as it stands, if there is room for a code.
    pub fn sign(&self, bytes: &mut [u8]) -> bool {
        let Some((auth, mac)) = &self.auth else { return false };
        let Ok(message) = Version3::parse(bytes) else { return false };
        let at = message.code_at;
        if message.level == Level::NoAuth || at.len() != auth.code_octets() {
            return false;
        }
        bytes[at.clone()].fill(0);
        mac.sign(bytes, at);
        true
    }
}
