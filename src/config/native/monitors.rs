//! `[[monitor]]` and its keywords; what its recovery does is in `recovery`.
//!
//! Uses `reader` and `draft`.

use super::recovery;
use crate::config::draft::{Field, MonitorDraft, default};
use crate::config::model::{StartsOn, WhenUnverifiable};
use crate::config::reader::Reader;
use crate::config::report::{At, Report, cut};
use crate::config::rules;
use crate::config::tree::{Node, Table};
use crate::config::values::{self, MAX_KEYWORD, MAX_NAME};
use crate::words::Trust;
use core::net::SocketAddr;
use core::ops::RangeInclusive;
use core::time::Duration;

/// Limit: the most servers of a cluster, and so the most keywords of a monitor.
pub const MAX_SERVERS: usize = 16_384;
/// The one category.
const CATEGORY: &str = "BMCNOTICE";
/// Limit: the longest category of CLUSTERPRO, in bytes.
const MAX_CATEGORY: usize = 32;

const DEADLINE: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(86_400);
const WAIT: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);

const TRUSTS: &[(&str, Trust)] =
    &[("address", Trust::Address), ("corroborated", Trust::Corroborated), ("authenticated", Trust::Authenticated)];

const UNVERIFIABLE: &[(&str, WhenUnverifiable)] =
    &[("hold", WhenUnverifiable::Hold), ("recover", WhenUnverifiable::Recover)];

pub(super) fn read(table: Table<'_>, report: &mut Report<'_>, bin: &str) -> MonitorDraft {
    let mut table = Reader::new(table, "a monitor", report);
    let name = table.name("name");
    let name = table.required("name", name, "write name = \"mrw1\" or the like");
    if let Some(name) = name.ok() {
        table.who = format!("monitor {name}");
    }
    category(&mut table);
    // The common keyword is read because CLUSTERPRO has it, and not used: every server has its own.
    if let Some(node) = table.any("keyword") {
        keyword(&mut table, "keyword", node);
    }
    let (keywords_at, keywords) = keywords(&mut table);
    let trust = table.word("trust", TRUSTS);
    let starts_on = table.word("starts_on", &[("fatal", StartsOn::Fatal), ("recoverable", StartsOn::Recoverable)]);
    let recovery = recovery::recovery(&mut table, bin);
    let draft = MonitorDraft {
        name,
        keywords_at,
        keywords,
        trust,
        when_unverifiable: table.word("when_unverifiable", UNVERIFIABLE),
        starts_on,
        recovery,
        target: table.text("target", MAX_NAME).and_then(|_, text| Some(text.into_owned())),
        deadline: table.duration("deadline", DEADLINE),
        tell_deadline: table.duration("tell_deadline", DEADLINE),
        wait_for_started: table.duration("wait_for_started", WAIT),
        reset_deadline: table.duration("reset_deadline", DEADLINE),
        plan: recovery::plan(&mut table),
        rerun: table.boolean("rerun"),
        chassis_on_address: table.boolean("chassis_on_address"),
    };
    table.finish();
    draft
}

/// There is only one; it is not kept.
fn category(table: &mut Reader<'_, '_, '_>) {
    let Field::Given(at, given) = table.text("category", usize::MAX) else { return };
    let subject = match given.len() {
        _ if given == CATEGORY => return,
        ..=MAX_CATEGORY => format!("category is \"{}\"", cut(&given)),
        long => format!("category has {long} bytes"),
    };
    table.add(&rules::CATEGORY, at, &subject, "write category = \"BMCNOTICE\", in capitals");
}

/// One keyword, under whatever name it is given.
fn keyword<'a>(table: &mut Reader<'_, '_, 'a>, key: &str, node: Node<'a>) -> Field<SocketAddr> {
    table.item_text(key, node).and_then(|at, given| {
        if given.len() <= MAX_KEYWORD
            && let Some(address) = values::address(&given, default::TRAP_PORT)
        {
            return Some(address);
        }
        let subject = match given.len() {
            ..=MAX_KEYWORD => format!("the keyword {key} is \"{}\"", cut(&given)),
            long => format!("the keyword {key} has {long} bytes"),
        };
        table.add(
            &rules::KEYWORD,
            at,
            &subject,
            "write one such as \"192.168.0.1\", \"192.168.0.1:1162\" or \"[fd00::1]:162\"",
        );
        None
    })
}

type Keywords = Vec<(At, String, Field<SocketAddr>)>;

/// `[monitor.keywords]`: server to keyword.
fn keywords(table: &mut Reader<'_, '_, '_>) -> (At, Keywords) {
    match table.table("keywords") {
        Field::Given(at, inner) => {
            let mut inner = Reader::new(inner, table.who.clone(), table.report);
            let mut keywords = Vec::new();
            let entries = inner.rest();
            if entries.len() > MAX_SERVERS {
                let subject = format!("there are {} keywords", entries.len());
                inner.add(&rules::BOUNDS, at, &subject, format!("a cluster has at most {MAX_SERVERS} servers"));
            }
            for entry in entries.into_iter().take(MAX_SERVERS) {
                let server = entry.key.into_owned();
                let field = keyword(&mut inner, &format!("of {}", cut(&server)), entry.node);
                keywords.push((entry.at, server, field));
            }
            (at, keywords)
        }
        Field::Absent(at) => (at, Vec::new()),
        Field::Bad(at) => {
            table.report.partial = true;
            (at, Vec::new())
        }
    }
}
