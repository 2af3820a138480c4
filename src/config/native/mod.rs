//! Reads `bmcnotice.toml`: text and values set by calls to a validated cluster, or to everything that is wrong with it.
//!
//! Uses the rest of `config`. Its input is text that the caller read; `docs/configuration.md` lists the keys.

mod clusterpro;
mod handshake;
mod heartbeat;
mod meaning;
mod monitors;
mod profile;
mod recovery;
mod secrets;
mod servers;
mod users;

use super::draft::{Draft, Field, default};
use super::facts::{Facts, Wanted};
use super::finding::{Finding, Severity};
use super::model::{Cluster, Journal, Meanings};
use super::reader::Reader;
use super::report::Report;
pub use super::tree::MAX_TEXT;
use super::tree::{Node, Value};
use super::{build, check, overrides, rules, tree};
pub use monitors::MAX_SERVERS;
pub use profile::shipped_profiles;
pub use users::MAX_USERS;

/// Limit: the most monitors of a cluster.
pub const MAX_MONITORS: usize = 64;

/// What came of a configuration.
#[derive(Debug)]
pub struct Outcome {
    /// Only if no finding is an error.
    pub cluster: Option<Cluster>,
    /// Everything that is wrong or worth knowing, in the order of the text, values set by calls last.
    pub findings: Vec<Finding>,
}

/// Reads and judges a configuration in one pass. `file` is what findings call the text; `overrides` are values set by
/// calls: dotted path (`server.server1.bmc.address`) and the value as TOML text. Never stops at the first error.
pub fn parse(text: &str, file: &str, overrides: &[(String, String)], facts: &Facts) -> Outcome {
    let mut report = Report::new(text, file, overrides);
    let mut draft = draft(text, overrides, &mut report);
    let this = check::run(&draft, facts, file, &mut report);
    let findings = report.finish();
    let sound = findings.iter().all(|finding| finding.severity < Severity::Error);
    add_shipped(&mut draft.meanings);
    let cluster = if sound { this.and_then(|this| build::cluster(draft, this)) } else { None };
    Outcome { cluster, findings }
}

/// What the host should be asked before [`parse`] is called with the answers.
pub fn wanted(text: &str, file: &str, overrides: &[(String, String)]) -> Wanted {
    let mut report = Report::new(text, file, overrides);
    check::wanted(&draft(text, overrides, &mut report), file)
}

/// Where the journal lies, whatever else is wrong with the text: for those who come to read what happened.
pub fn journal(text: &str, file: &str, overrides: &[(String, String)]) -> Journal {
    let draft = draft(text, overrides, &mut Report::new(text, file, overrides));
    let folder = |field: &Field<Option<String>>, default: &str| field.get_or(Some(default.to_owned()));
    Journal { hot: folder(&draft.hot, default::HOT), disk: folder(&draft.disk, default::DISK) }
}

fn draft<'a>(text: &'a str, overrides: &'a [(String, String)], report: &mut Report<'_>) -> Draft {
    let mut root = tree::read(text, report);
    overrides::lay_over(&mut root, overrides, report);
    let mut root = Reader::new(root, "the configuration", report);

    let at = root.at();
    let cluster = root.table("cluster");
    let cluster = root.required("[cluster]", cluster, "write [cluster] and below it name = \"...\"");
    let (at, name, this_server, observe) = match cluster {
        Field::Given(at, table) => {
            let mut table = Reader::new(table, "[cluster]", root.report);
            let name = table.name("name");
            let name = table.required("name", name, "write name = \"...\", for people");
            let this_server = table.name("this_server");
            let observe = table.boolean("observe");
            table.finish();
            (at, name, this_server, observe)
        }
        Field::Absent(_) | Field::Bad(_) => (at, Field::Bad(at), Field::Absent(at), Field::Absent(at)),
    };
    let clusterpro = clusterpro::site(&mut root, at);

    let servers = match root.rows("server", MAX_SERVERS) {
        Field::Given(_, rows) => rows.into_iter().map(|row| servers::read(row, root.report)).collect(),
        Field::Absent(_) => Vec::new(),
        Field::Bad(_) => {
            root.report.partial = true;
            Vec::new()
        }
    };
    let handshakes = match root.table("handshake") {
        Field::Given(_, table) => handshake::read(table, root.report),
        Field::Absent(_) => Vec::new(),
        Field::Bad(_) => {
            root.report.partial = true;
            Vec::new()
        }
    };
    let users = match root.rows("user", MAX_USERS) {
        Field::Given(_, rows) => rows.into_iter().map(|row| users::read(row, root.report)).collect(),
        Field::Absent(_) => Vec::new(),
        Field::Bad(_) => {
            root.report.partial = true;
            Vec::new()
        }
    };
    let monitors = match root.rows("monitor", MAX_MONITORS) {
        Field::Given(_, rows) => {
            rows.into_iter().map(|row| monitors::read(row, root.report, &clusterpro.bin_used())).collect()
        }
        Field::Absent(_) => Vec::new(),
        Field::Bad(_) => {
            root.report.partial = true;
            Vec::new()
        }
    };
    let heartbeat = heartbeat::read(&mut root, at);
    let (hot, disk) = match root.table("journal") {
        Field::Given(_, table) => {
            let mut table = Reader::new(table, "[journal]", root.report);
            let folders = (folder(&mut table, "hot"), folder(&mut table, "disk"));
            table.finish();
            folders
        }
        Field::Absent(_) => (Field::Absent(at), Field::Absent(at)),
        Field::Bad(bad) => (Field::Bad(bad), Field::Bad(bad)),
    };
    let commands = recovery::commands(&mut root, at);
    let meanings = meanings(&mut root);
    root.finish();
    Draft {
        at,
        name,
        this_server,
        servers,
        handshakes,
        users,
        monitors,
        heartbeat,
        hot,
        disk,
        commands,
        clusterpro,
        observe,
        meanings,
    }
}

/// The site's profiles come first, and take the place of a shipped one of their name.
fn add_shipped(site: &mut Meanings) {
    let mut shipped = shipped_profiles();
    shipped.retain(|profile| site.profiles.iter().all(|own| own.name != profile.name));
    site.profiles.append(&mut shipped);
}

/// The site's own classes and profiles.
fn meanings(root: &mut Reader<'_, '_, '_>) -> Meanings {
    let overrides = match root.rows("meaning", usize::MAX) {
        Field::Given(at, rows) => {
            if rows.len() > meaning::MAX_MEANINGS {
                let subject = format!("there are {} [[meaning]] tables", rows.len());
                root.add(&rules::BOUNDS, at, &subject, format!("keep to {}", meaning::MAX_MEANINGS));
            }
            let rows = rows.into_iter().take(meaning::MAX_MEANINGS);
            rows.filter_map(|row| meaning::read(row, root.report)).collect()
        }
        Field::Absent(_) | Field::Bad(_) => Vec::new(),
    };
    let profiles = match root.table("profile") {
        Field::Given(_, table) => profile::read(table, root.report),
        Field::Absent(_) | Field::Bad(_) => Vec::new(),
    };
    Meanings { overrides, profiles }
}

/// A folder, or `false` for none.
fn folder(table: &mut Reader<'_, '_, '_>, key: &'static str) -> Field<Option<String>> {
    let at = table.at();
    let Some(Node { at: value_at, value }) = table.any(key) else { return Field::Absent(at) };
    match value {
        Value::Boolean(false) => Field::Given(value_at, None),
        Value::Text(path) => match table.absolute(key, value_at, path) {
            Some(path) => Field::Given(value_at, Some(path)),
            None => Field::Bad(value_at),
        },
        Value::Broken => Field::Bad(value_at),
        other => {
            table.add(
                &rules::TYPE,
                value_at,
                &format!("{key} is {}", other.kind()),
                "write a folder in \"quotes\", or false",
            );
            Field::Bad(value_at)
        }
    }
}
