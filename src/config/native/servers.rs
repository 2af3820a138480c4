//! `[[server]]` and `[server.bmc]`.
//!
//! Uses `reader` and `draft`.

use super::reader::Reader;
use crate::config::draft::{BmcDraft, Field, ServerDraft, default};
use crate::config::model::{AfterEnded, Privilege, SecretSource};
use crate::config::report::{At, Report, cut};
use crate::config::tree::Table;
use crate::config::{rules, values};
use crate::crypto::Secret;
use crate::words::Guid;
use core::ops::RangeInclusive;
use core::time::Duration;

/// Limit: the longest community, in bytes.
const MAX_COMMUNITY: usize = 255;
/// Limit: the longest text of a login, in bytes; the shorter limits of IPMI are a rule of their own.
const MAX_LOGIN: usize = 255;
/// For how long a BMC may repeat a notice: IPMI's longest is 7 times 256 s.
const RETRY_SPAN: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30 * 60);
/// What a BMC may declare to wait.
const PATIENCE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);

const PRIVILEGES: &[(&str, Privilege)] =
    &[("user", Privilege::User), ("operator", Privilege::Operator), ("administrator", Privilege::Administrator)];

const AFTER_ENDED: &[(&str, AfterEnded)] = &[
    ("none", AfterEnded::None),
    ("bmc", AfterEnded::Bmc),
    ("power-cycle", AfterEnded::PowerCycle),
    ("hard-reset", AfterEnded::HardReset),
    ("power-off", AfterEnded::PowerOff),
    ("nmi", AfterEnded::Nmi),
    ("soft-off", AfterEnded::SoftOff),
];

pub(super) fn read(table: Table<'_>, report: &mut Report<'_>) -> ServerDraft {
    let mut table = Reader::new(table, "a server", report);
    let at = table.at();
    let name = table.name("name");
    let name = table.required("name", name, "write name = \"...\", the host's name");
    if let Some(name) = name.ok() {
        table.who = format!("server {name}");
    }
    let addresses = table.ips("addresses");
    let addresses = table.required("addresses", addresses, "write addresses = [\"...\"], the operating system's own");
    let bmc = match table.table("bmc") {
        Field::Given(at, bmc) => {
            let who = format!("the BMC of {}", table.who);
            Field::Given(at, read_bmc(Reader::new(bmc, who, table.report)))
        }
        Field::Absent(at) => Field::Absent(at),
        Field::Bad(at) => Field::Bad(at),
    };
    table.finish();
    ServerDraft { at, name, addresses, bmc }
}

fn read_bmc(mut table: Reader<'_, '_, '_>) -> BmcDraft {
    let address = table.address("address", default::BMC_PORT);
    let address = table.required("address", address, "write address = \"...\", where the BMC's web console is");
    let draft = BmcDraft {
        address,
        trap_sources: table.ips("trap_sources"),
        relays: table.ips("relays"),
        retry_span: table.duration("retry_span", RETRY_SPAN),
        community: table.text("community", MAX_COMMUNITY).and_then(|_, text| Some(secret(text))),
        user: table.text("user", MAX_LOGIN).and_then(|_, text| Some(text.into_owned())),
        password: password(&mut table),
        kg: table.path("kg_file").and_then(|_, path| Some(SecretSource::File(path))),
        suites: table.octets("cipher_suites"),
        privilege: table.word("privilege", PRIVILEGES),
        guid: guid(&mut table),
        handshake: table.name("handshake"),
        after_ended: table.word("after_ended", AFTER_ENDED),
        patience: table.duration("patience", PATIENCE),
    };
    table.finish();
    draft
}

/// Moves the text, which is copied only if it still stands in the configuration.
fn secret(text: std::borrow::Cow<'_, str>) -> Secret {
    Secret::new(text.into_owned().into_bytes())
}

fn password(table: &mut Reader<'_, '_, '_>) -> Field<SecretSource> {
    let inline = table.text("password", MAX_LOGIN).and_then(|_, text| Some(SecretSource::Inline(secret(text))));
    let file = table.path("password_file").and_then(|_, path| Some(SecretSource::File(path)));
    match (inline, file) {
        (inline, Field::Absent(_)) => inline,
        (Field::Absent(_), file) => file,
        (Field::Given(inline, _) | Field::Bad(inline), Field::Given(file, _) | Field::Bad(file)) => {
            let at: At = inline.max(file);
            let remedy = "keep password_file and take password away";
            table.add(&rules::EXCLUSIVE, at, "password and password_file are both given", remedy);
            Field::Bad(at)
        }
    }
}

fn guid(table: &mut Reader<'_, '_, '_>) -> Field<Guid> {
    table.text("guid", MAX_LOGIN).and_then(|at, given| {
        let guid = values::guid(&given);
        if guid.is_none() {
            let remedy = "write it as bmcnotice prints it, such as \"00112233-4455-6677-8899-aabbccddeeff\"";
            table.add(&rules::GUID, at, &format!("guid is \"{}\"", cut(&given)), remedy);
        }
        guid
    })
}
