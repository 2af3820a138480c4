//! `[[user]]`: users of SNMPv3. And of `[server.bmc]` what is about SNMPv3.
//!
//! Uses `reader` and `draft`. Passphrases and keys stand in files, never in the text.

use super::secrets::{credential, one_of};
use crate::config::draft::{Field, KeyDraft, Placed, UserDraft, Version3Draft};
use crate::config::model::{Learning, Least, SecretSource};
use crate::config::reader::Reader;
use crate::config::report::{Report, cut};
use crate::config::tree::{Node, Table};
use crate::config::{rules, values};
use crate::crypto::usm::{Auth, Extension, Privacy};
use crate::wire::usm::{EngineId, Level, MAX_USER_NAME};

/// Limit: the most users of SNMPv3.
pub const MAX_USERS: usize = 64;

const AUTHS: &[(&str, Option<Auth>)] = &[
    (Auth::Md5.name(), Some(Auth::Md5)),
    (Auth::Sha1.name(), Some(Auth::Sha1)),
    (Auth::Sha224.name(), Some(Auth::Sha224)),
    (Auth::Sha256.name(), Some(Auth::Sha256)),
    (Auth::Sha384.name(), Some(Auth::Sha384)),
    (Auth::Sha512.name(), Some(Auth::Sha512)),
    ("none", None),
];

const PRIVACIES: &[(&str, Option<Privacy>)] = &[
    (Privacy::Des.name(), Some(Privacy::Des)),
    (Privacy::Aes128.name(), Some(Privacy::Aes128)),
    (Privacy::Aes192.name(), Some(Privacy::Aes192)),
    (Privacy::Aes256.name(), Some(Privacy::Aes256)),
    ("none", None),
];

const EXTENSIONS: &[(&str, Extension)] =
    &[(Extension::Blumenthal.name(), Extension::Blumenthal), (Extension::Reeder.name(), Extension::Reeder)];

const LEARNINGS: &[(&str, Learning)] =
    &[("learn", Learning::Learn), ("approve", Learning::Approve), ("never", Learning::Never)];

const LEASTS: &[(&str, Least)] = &[
    ("community", Least::Community),
    (Level::NoAuth.name(), Least::Version3(Level::NoAuth)),
    (Level::Auth.name(), Least::Version3(Level::Auth)),
    (Level::AuthPriv.name(), Least::Version3(Level::AuthPriv)),
];

pub(super) fn read(table: Table<'_>, report: &mut Report<'_>) -> UserDraft {
    let mut table = Reader::new(table, "a user", report);
    let at = table.at();
    let name = table.text("name", MAX_USER_NAME).and_then(|_, text| Some(text.into_owned()));
    let name = table.required("name", name, "write name = \"...\", the user's name in the BMC's SNMPv3 settings");
    if let Some(name) = name.ok() {
        table.who = format!("user {}", cut(name));
    }
    let auth = table.word("auth", AUTHS);
    let auth = table.required("auth", auth, "write auth = \"sha256\" or what the BMC has; \"none\" proves nothing");
    let draft = UserDraft {
        at,
        name,
        auth,
        servers: table.list("servers", "a list of servers' names", server),
        auth_key: KeyDraft {
            passphrase: source(&mut table, "auth_passphrase_file", "auth_passphrase_credential"),
            localized: source(&mut table, "auth_key_file", "auth_key_credential"),
        },
        privacy: table.word("privacy", PRIVACIES),
        privacy_key: KeyDraft {
            passphrase: source(&mut table, "privacy_passphrase_file", "privacy_passphrase_credential"),
            localized: source(&mut table, "privacy_key_file", "privacy_key_credential"),
        },
        extension: table.word("key_extension", EXTENSIONS),
    };
    table.finish();
    draft
}

fn server<'a>(table: &mut Reader<'_, '_, 'a>, item: Node<'a>) -> Option<Placed<String>> {
    match table.item_text("servers", item) {
        Field::Given(at, name) => Some((at, name.into_owned())),
        Field::Absent(_) | Field::Bad(_) => None,
    }
}

fn source(table: &mut Reader<'_, '_, '_>, file: &'static str, name: &'static str) -> Field<SecretSource> {
    let path = table.path(file).and_then(|_, path| Some(SecretSource::File(path)));
    let named = credential(table, name);
    one_of(table, (file, path), (name, named), name)
}

/// What of a BMC is about SNMPv3.
pub(super) fn version3(table: &mut Reader<'_, '_, '_>) -> Version3Draft {
    Version3Draft {
        engine_ids: table.list("engine_ids", "a list of engine ids", engine_id),
        learning: table.word("engine_learning", LEARNINGS),
        least: table.word("minimum_level", LEASTS),
    }
}

fn engine_id<'a>(table: &mut Reader<'_, '_, 'a>, item: Node<'a>) -> Option<Placed<EngineId>> {
    let Field::Given(at, given) = table.item_text("engine_ids", item) else { return None };
    let digits = given.strip_prefix("0x").unwrap_or(&given);
    let id = values::hex(digits).and_then(|octets| EngineId::new(&octets));
    if id.is_none() {
        let remedy = "write the 5 to 32 octets as the BMC shows them, such as \"80001f8880e9630000d61ff449\"";
        table.add(&rules::ENGINE_ID, at, &format!("the engine id is \"{}\"", cut(&given)), remedy);
    }
    Some((at, id?))
}
