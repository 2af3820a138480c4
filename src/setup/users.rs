//! Users of SNMPv3 with their keys, from the files that hold them.
//!
//! Part of `setup`. A passphrase becomes a key here, once: that takes milliseconds, and nothing else needs the passphrase.

use crate::config::hex;
use crate::config::model::{self, KeySource, SecretSource};
use crate::crypto::Secret;
use crate::crypto::usm::Auth;
use crate::model::Error;
use crate::notice::usm::{Key, User};

/// Octets of the shortest passphrase (RFC 3414, section 11.2).
const SHORTEST_PASSPHRASE: usize = 8;

/// `read` reads a secret's file.
pub(super) fn user(user: &model::User, read: impl Fn(&SecretSource) -> Result<Secret, Error>) -> Result<User, Error> {
    let hash = user.auth.as_ref().map(|(auth, _)| *auth);
    let key_of =
        |source: &KeySource, octets: usize| key(source, read(secret_of(source))?, hash.unwrap_or(Auth::Sha1), octets);
    Ok(User {
        name: user.name.clone().into_bytes(),
        auth: match &user.auth {
            Some((auth, source)) => Some((*auth, key_of(source, auth.key_octets())?)),
            None => None,
        },
        privacy: match &user.privacy {
            Some((privacy, source, extension)) => Some((*privacy, key_of(source, privacy.key_octets())?, *extension)),
            None => None,
        },
    })
}

fn secret_of(source: &KeySource) -> &SecretSource {
    match source {
        KeySource::Passphrase(secret) | KeySource::Localized(secret) => secret,
    }
}

fn key(source: &KeySource, secret: Secret, auth: Auth, octets: usize) -> Result<Key, Error> {
    match source {
        KeySource::Passphrase(source) => {
            if secret.expose().len() < SHORTEST_PASSPHRASE {
                let length = secret.expose().len();
                let why = format!("it has {length} octets, and SNMPv3 wants {SHORTEST_PASSPHRASE} at least");
                return Err(unusable(source, why));
            }
            Ok(Key::General(auth.key(secret.expose())))
        }
        KeySource::Localized(source) => {
            let digits = core::str::from_utf8(secret.expose()).ok().map(|text| text.strip_prefix("0x").unwrap_or(text));
            match digits.and_then(hex) {
                Some(key) if key.len() >= octets.min(auth.key_octets()) => Ok(Key::Localized(Secret::new(key))),
                Some(_) | None => {
                    Err(unusable(source, format!("a key of {octets} octets in hexadecimal digits is wanted")))
                }
            }
        }
    }
}

fn unusable(source: &SecretSource, why: String) -> Error {
    let of = match source {
        SecretSource::File(path) => format!("cannot use the secret in {path}"),
        SecretSource::Inline(_) => "cannot use a secret".to_owned(),
    };
    Error::Io(of, std::io::Error::other(why))
}
