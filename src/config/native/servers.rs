//! `[[server]]` and `[server.bmc]`.
//!
//! Uses `reader` and `draft`.

use super::secrets::{credential, one_of};
use super::{heartbeat, users};
use crate::config::draft::{BmcDraft, Field, ServerDraft, default};
use crate::config::model::{AfterEnded, LinkChoice, Privilege, SecretSource};
use crate::config::reader::Reader;
use crate::config::report::{Report, cut};
use crate::config::tree::{Node, Table};
use crate::config::{rules, values};
use crate::crypto::Secret;
use crate::words::Guid;
use core::ops::RangeInclusive;
use core::time::Duration;

/// Limit: the longest community, in bytes.
const MAX_COMMUNITY: usize = 255;
/// Limit: the longest text of a login, in bytes; the shorter limits of IPMI are a rule of their own.
const MAX_LOGIN: usize = 255;
/// How long *ended* may wait for a crash dump.
const DUMP_HOLD: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);
/// How old a proof of the path may be.
const DRILL_MAX_AGE: RangeInclusive<Duration> = Duration::from_secs(3600)..=Duration::from_secs(366 * 86_400);

/// What proves whose a BMC is; true: its address does.
const IDENTITIES: &[(&str, bool)] = &[("guid", false), ("address", true)];

/// For how long a BMC may repeat a notice: IPMI's longest is 7 times 256 s.
const RETRY_SPAN: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30 * 60);
/// What a BMC may declare to wait.
const PATIENCE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);

const PRIVILEGES: &[(&str, Privilege)] =
    &[("user", Privilege::User), ("operator", Privilege::Operator), ("administrator", Privilege::Administrator)];

const LINKS: &[(&str, LinkChoice)] =
    &[("auto", LinkChoice::Auto), ("lan", LinkChoice::Lan), ("in_band", LinkChoice::InBand)];
const CATCH_UP: &[(&str, bool)] = &[("report", true), ("off", false)];

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
    let mut draft = BmcDraft {
        address,
        trap_sources: table.ips("trap_sources"),
        relays: table.ips("relays"),
        retry_span: table.duration("retry_span", RETRY_SPAN),
        community: table.text("community", MAX_COMMUNITY).and_then(|_, text| Some(secret(text))),
        user: table.text("user", MAX_LOGIN).and_then(|_, text| Some(text.into_owned())),
        password: password(&mut table),
        kg: kg(&mut table),
        suites: table.octets("cipher_suites"),
        privilege: table.word("privilege", PRIVILEGES),
        link: table.word("link", LINKS),
        device: table.path("device"),
        guid: guid(&mut table),
        handshake: table.name("handshake"),
        after_ended: table.word("after_ended", AFTER_ENDED),
        patience: table.duration("patience", PATIENCE),
        in_sel: table.boolean("in_sel"),
        sel_catch_up: table.word("sel_catch_up", CATCH_UP),
        by_address: table.word("identity", IDENTITIES),
        dump_hold: table.duration("dump_hold", DUMP_HOLD),
        dump_markers: table.list("dump_marker", "a list such as [\"/run/bmcnotice/dump\"]", marker),
        drill_max_age: table.duration("drill_max_age", DRILL_MAX_AGE),
        probes: heartbeat::probes(&mut table),
        version3: users::version3(&mut table),
    };
    if let (Field::Given(at, true), Field::Given(guid, _)) = (&draft.by_address, &draft.guid) {
        let at = (*at).max(*guid);
        let remedy = "keep guid; identity = \"address\" is for a BMC whose GUID says nothing, or is another one's, too";
        table.add(&rules::EXCLUSIVE, at, "identity = \"address\" and guid are both given", remedy);
        draft.by_address = Field::Bad(at);
    }
    table.finish();
    draft
}

fn marker<'a>(table: &mut Reader<'_, '_, 'a>, item: Node<'a>) -> Option<String> {
    let Field::Given(at, path) = table.item_text("dump_marker", item) else { return None };
    table.absolute("dump_marker", at, path)
}

/// Moves the text, which is copied only if it still stands in the configuration.
fn secret(text: std::borrow::Cow<'_, str>) -> Secret {
    Secret::new(text.into_owned().into_bytes())
}

fn password(table: &mut Reader<'_, '_, '_>) -> Field<SecretSource> {
    let inline = table.text("password", MAX_LOGIN).and_then(|_, text| Some(SecretSource::Inline(secret(text))));
    let file = table.path("password_file").and_then(|_, path| Some(SecretSource::File(path)));
    let credential = credential(table, "password_credential");
    let keep = if matches!(credential, Field::Absent(_)) { "password_file" } else { "password_credential" };
    let inline = one_of(table, ("password", inline), ("password_file", file), keep);
    one_of(table, ("password or password_file", inline), ("password_credential", credential), keep)
}

fn kg(table: &mut Reader<'_, '_, '_>) -> Field<SecretSource> {
    let file = table.path("kg_file").and_then(|_, path| Some(SecretSource::File(path)));
    let credential = credential(table, "kg_credential");
    one_of(table, ("kg_file", file), ("kg_credential", credential), "kg_credential")
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
