//! Why a v3 message was not opened, in words, and what would fit: another user, algorithm or key extension.
//!
//! Part of [`Usm`], for whoever asks why (`engine::explain`); decides and changes nothing. It works with keys that are
//! configured, so it tries other ciphers of a user's key, and other users' keys, and cannot try another passphrase.

use super::users::{Key, User};
use super::{Auth, Cipher, Extension, Privacy, Usm};
use crate::notice::DropReason;
use crate::wire::usm::{Data, EngineId, Scoped, Version3};

const AUTHS: [Auth; 6] = [Auth::Md5, Auth::Sha1, Auth::Sha224, Auth::Sha256, Auth::Sha384, Auth::Sha512];
const PRIVACIES: [Privacy; 4] = [Privacy::Des, Privacy::Aes128, Privacy::Aes192, Privacy::Aes256];
const EXTENSIONS: [Extension; 2] = [Extension::Blumenthal, Extension::Reeder];

impl Usm {
    /// The same users and engines, as if none of them had ever been heard: what is old by now was not old when it came.
    pub fn unheard(&self) -> Self {
        let mut usm = self.clone();
        usm.engines.forget_clocks();
        usm
    }

    /// Who a message says that it is of, and how it is protected.
    pub fn describe(&self, message: &Version3<'_>) -> String {
        let parameters = message.parameters;
        let user = parameters.user.escape_ascii();
        let whose = if parameters.engine == self.own.id.octets() { " (ours)" } else { "" };
        let engine = EngineId::new(parameters.engine).map_or_else(|| "none".into(), |id| id.to_string());
        let (level, boots, time) = (message.level.name(), parameters.boots, parameters.time);
        format!("user \"{user}\", {level}; engine {engine}{whose}, started {boots} times, {time} s ago")
    }

    /// Why it was dropped, and what would fit. The message is one that was refused for `reason`.
    pub fn diagnose(&self, reason: DropReason, message: &Version3<'_>, datagram: &[u8]) -> Option<String> {
        let parameters = message.parameters;
        let user = self.table.users.iter().find(|user| user.name == parameters.user);
        match reason {
            DropReason::UnknownUser => Some(format!("the users that may write: {}", self.names())),
            DropReason::UnknownEngine | DropReason::EngineAwaitsApproval => {
                let known: Vec<String> = self.table.named.iter().map(EngineId::to_string).collect();
                let known = if known.is_empty() { "none".into() } else { known.join(", ") };
                Some(format!("engine_ids of this server's BMC: {known}"))
            }
            DropReason::WrongDigest => Some(self.other_code(user?, message, datagram)),
            DropReason::DecryptionError => Some(other_cipher(user?, message)),
            DropReason::UnsupportedLevel | DropReason::TooWeak => {
                let (it, is, least) = (message.level.name(), user?.level().name(), self.table.least.name());
                Some(format!("it comes with {it}; its user is configured for {is}, and {least} is the least"))
            }
            _ => None,
        }
    }

    fn names(&self) -> String {
        let names: Vec<String> =
            self.table.users.iter().map(|user| format!("\"{}\"", user.name.escape_ascii())).collect();
        names.join(", ")
    }

    /// The length of a code tells its algorithm; and another user's key may fit.
    fn other_code(&self, user: &User, message: &Version3<'_>, datagram: &[u8]) -> String {
        let octets = message.parameters.code.len();
        let made_by: Vec<&str> =
            AUTHS.into_iter().filter(|auth| auth.code_octets() == octets).map(Auth::name).collect();
        let configured = user.auth.as_ref().map_or("none", |(auth, _)| auth.name());
        if made_by.is_empty() {
            return format!("its code has {octets} octets, which no algorithm makes");
        }
        if !made_by.contains(&configured) {
            return format!("its code is of {}, and auth is {configured} here", made_by.join(" or "));
        }
        let engine = message.parameters.engine;
        let named = self.table.named.iter().any(|id| id.octets() == engine);
        let fits = |other: &&User| {
            let keys = other.at(engine, named);
            keys.is_some_and(|keys| keys.mac.verifies(datagram, message.code_at.clone()))
        };
        match self.table.users.iter().filter(|other| other.name != user.name).find(fits) {
            Some(other) => format!("the key of user \"{}\" fits", other.name.escape_ascii()),
            None => {
                format!("no key of ours fits: another passphrase, or it was changed on its way; auth is {configured}")
            }
        }
    }
}

/// Which ciphers of the user's key make sense of it.
fn other_cipher(user: &User, message: &Version3<'_>) -> String {
    let (Some((auth, _)), Some((privacy, key, extension))) = (&user.auth, &user.privacy) else {
        return "its user has no privacy".into();
    };
    let (Key::General(key), Data::Sealed(sealed)) = (key, message.data) else {
        return "its key is a localized one: no other cipher can be tried".into();
    };
    let parameters = message.parameters;
    let localized = auth.localized(key, parameters.engine);
    let mut fits = Vec::new();
    for other in PRIVACIES {
        // A key that is long enough is not lengthened.
        let lengthened = other.key_octets() > auth.key_octets();
        for by in EXTENSIONS.into_iter().take(if lengthened { 2 } else { 1 }) {
            let cipher = Cipher::new(other, *auth, &localized, by, parameters.engine);
            let mut plain = sealed.to_vec();
            let opened = cipher.open(parameters.boots, parameters.time, parameters.salt, &mut plain);
            if opened.is_ok() && Scoped::parse_padded(&plain).is_ok() {
                let extended = if lengthened { format!(" with key_extension {}", by.name()) } else { String::new() };
                fits.push(format!("privacy {}{extended}", other.name()));
            }
        }
    }
    let here = format!("here it is {}, key_extension {}", privacy.name(), extension.name());
    match fits.is_empty() {
        true => format!("no cipher of this passphrase fits: another passphrase; {here}"),
        false => format!("{} would fit; {here}", fits.join(", ")),
    }
}
