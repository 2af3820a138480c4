//! Users of SNMPv3 with their keys, and what those are at one engine.
//!
//! Uses `crypto`. Its input is secrets that were read already; a passphrase is long since a key. Keys of an engine are
//! made when they are first wanted: the cipher's only of a message that its code has proven, because it may cost.

use crate::crypto::Secret;
use crate::crypto::usm::{Auth, Cipher, Extension, Mac, Privacy};
use crate::wire::usm::Level;

/// A key, as far as it is known without an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// Of a passphrase ([`Auth::key`]): good for every engine.
    General(Secret),
    /// For the engines that the configuration names, and no other.
    Localized(Secret),
}

/// One user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name, as it stands in messages.
    pub name: Vec<u8>,
    /// How it authenticates; none: not at all.
    pub auth: Option<(Auth, Key)>,
    /// How it seals, if it does; then it authenticates, too.
    pub privacy: Option<(Privacy, Key, Extension)>,
}

impl User {
    /// The best that it can do.
    pub fn level(&self) -> Level {
        match (&self.auth, &self.privacy) {
            (None, _) => Level::NoAuth,
            (Some(_), None) => Level::Auth,
            (Some(_), Some(_)) => Level::AuthPriv,
        }
    }

    /// Its keys at this engine; `named`: the configuration names it.
    pub(super) fn at(&self, engine: &[u8], named: bool) -> Option<Keys> {
        let (auth, key) = self.auth.as_ref()?;
        Some(Keys { mac: Mac::new(*auth, &local(*auth, key, engine, named)?), cipher: None })
    }

    fn cipher_at(&self, engine: &[u8], named: bool) -> Option<Cipher> {
        let (auth, _) = self.auth.as_ref()?;
        let (privacy, key, extension) = self.privacy.as_ref()?;
        Some(Cipher::new(*privacy, *auth, &local(*auth, key, engine, named)?, *extension, engine))
    }
}

fn local(auth: Auth, key: &Key, engine: &[u8], named: bool) -> Option<Secret> {
    match key {
        Key::General(key) => Some(auth.localized(key, engine)),
        Key::Localized(key) => named.then(|| key.clone()),
    }
}

/// One user's keys at one engine.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) mac: Mac,
    cipher: Option<Cipher>,
}

impl Keys {
    /// The cipher's, made when it is first asked for.
    pub(super) fn cipher(&mut self, user: &User, engine: &[u8], named: bool) -> Option<&Cipher> {
        if self.cipher.is_none() {
            self.cipher = user.cipher_at(engine, named);
        }
        self.cipher.as_ref()
    }
}

/// The keys of all users at one engine, as far as they were wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyRing(Vec<Option<Keys>>);

impl KeyRing {
    /// The keys of the user at this place.
    pub(super) fn of(&mut self, place: usize, user: &User, engine: &[u8], named: bool) -> Option<&mut Keys> {
        if self.0.len() <= place {
            self.0.resize(place + 1, None);
        }
        let keys = self.0.get_mut(place)?;
        if keys.is_none() {
            *keys = user.at(engine, named);
        }
        keys.as_mut()
    }
}
