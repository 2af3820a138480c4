//! The users of SNMPv3, and where their keys are.
//!
//! Part of the model; its values are as valid as the rest of it. Uses `words` and `crypto` (for algorithms).

use super::bmc::SecretSource;
use crate::crypto::usm::{Auth, Extension, Privacy};
use crate::words::ServerId;

/// A user of SNMPv3.
#[derive(Debug, Clone)]
pub struct User {
    /// The name, as it stands in messages.
    pub name: String,
    /// The servers whose BMCs write under it; empty: all.
    pub servers: Vec<ServerId>,
    /// How it authenticates; none: the operator wrote so.
    pub auth: Option<(Auth, KeySource)>,
    /// How it seals, if it does.
    pub privacy: Option<(Privacy, KeySource, Extension)>,
}

impl User {
    /// Whether it writes for this server.
    pub fn is_for(&self, server: ServerId) -> bool {
        self.servers.is_empty() || self.servers.contains(&server)
    }
}

/// Where a key comes from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// A passphrase, of which every engine's key is made.
    Passphrase(SecretSource),
    /// The key for one engine, in hexadecimal digits.
    Localized(SecretSource),
}
