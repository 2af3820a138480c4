//! `[profile.NAME]`: what the traps of a vendor's BMCs are; and the profiles that are shipped.
//!
//! Uses `reader`. Shipped profiles are texts like the site's, in `src/config/profiles`, read by the same code. Each says
//! in its head where its facts are from.

use super::meaning::CLASSES;
use crate::config::draft::Field;
use crate::config::model::{Profile, ProfileRule, Wanted};
use crate::config::reader::Reader;
use crate::config::report::{At, Report, cut};
use crate::config::tree::{self, Node, Table, Value};
use crate::config::{rules, values};
use crate::wire::oid::OidBuf;
use crate::words::Class;

/// Limit: the most profiles of a site.
pub(super) const MAX_PROFILES: usize = 64;
/// Limit: the most rules of a profile.
const MAX_RULES: usize = 256;
/// Limit: the longest text of a rule, in bytes.
const MAX_RULE_TEXT: usize = 255;

const SHIPPED: &[(&str, &str)] = &[
    ("dell-idrac.toml", include_str!("../profiles/dell-idrac.toml")),
    ("fujitsu-irmc.toml", include_str!("../profiles/fujitsu-irmc.toml")),
    ("hpe-ilo.toml", include_str!("../profiles/hpe-ilo.toml")),
    ("lenovo-xcc.toml", include_str!("../profiles/lenovo-xcc.toml")),
    ("openbmc.toml", include_str!("../profiles/openbmc.toml")),
    ("supermicro.toml", include_str!("../profiles/supermicro.toml")),
];

/// The profiles that come with the library, in the order of their names.
pub fn shipped_profiles() -> Vec<Profile> {
    SHIPPED.iter().flat_map(|(file, text)| read_shipped(file, text).0).collect()
}

/// A shipped file, and how many mistakes are in it.
fn read_shipped(file: &str, text: &str) -> (Vec<Profile>, usize) {
    let mut report = Report::new(text, file, &[]);
    let root = tree::read(text, &mut report);
    let mut root = Reader::new(root, file, &mut report);
    let profiles = match root.table("profile") {
        Field::Given(_, table) => read(table, root.report),
        Field::Absent(_) | Field::Bad(_) => Vec::new(),
    };
    root.finish();
    (profiles, report.finish().len())
}

/// All tables below `[profile]`; one that is wrong is left out, and that was said.
pub(super) fn read(table: Table<'_>, report: &mut Report<'_>) -> Vec<Profile> {
    let mut table = Reader::new(table, "[profile]", report);
    let at = table.at();
    let entries = table.rest();
    if entries.len() > MAX_PROFILES {
        table.add(
            &rules::BOUNDS,
            at,
            &format!("there are {} profiles", entries.len()),
            format!("keep to {MAX_PROFILES}"),
        );
    }
    let mut profiles = Vec::new();
    for entry in entries.into_iter().take(MAX_PROFILES) {
        let name = entry.key.into_owned();
        if !values::is_name(&name) {
            let subject = format!("a profile cannot be called \"{}\"", cut(&name));
            table.add(&rules::NAME, entry.at, &subject, "give it the vendor's name, or one of your own");
        }
        let at = entry.node.at;
        let Field::Given(_, inner) = table.as_table(&format!("profile.{}", cut(&name)), entry.node) else { continue };
        profiles.extend(profile(Reader::new(inner, format!("profile {}", cut(&name)), table.report), at, name));
    }
    profiles
}

fn profile(mut table: Reader<'_, '_, '_>, at: At, name: String) -> Option<Profile> {
    let enterprise = oids(&mut table, "enterprise");
    let enterprise =
        table.required("enterprise", enterprise, "write enterprise = [\"1.3.6.1.4.1...\"], what its traps begin with");
    let (text, region) = (oids(&mut table, "text"), oids(&mut table, "region"));
    let (sensor, sensor_number) = (oids(&mut table, "sensor"), oids(&mut table, "sensor_number"));
    let rows = table.rows("rule", usize::MAX);
    if let Field::Absent(_) = rows {
        table.add(
            &rules::MISSING,
            at,
            "there is no rule",
            "write one [[profile.NAME.rule]] table for each class of traps",
        );
    }
    let who = table.who.clone();
    let mut kept = Vec::new();
    let mut everything = None; // the rule that leaves nothing for others
    let rows = match rows {
        Field::Given(_, rows) => rows,
        Field::Absent(_) | Field::Bad(_) => Vec::new(),
    };
    for (number, row) in (1_usize..).zip(rows) {
        if number > MAX_RULES {
            table.add(&rules::BOUNDS, row.at, "there are more rules than may be", format!("keep to {MAX_RULES}"));
            break;
        }
        if let Some(earlier) = everything {
            let subject = format!("rule {number} is never looked at: rule {earlier} takes every trap");
            table.add(&rules::DEAD_RULE, row.at, &subject, "put it before that one, or take it away");
        }
        let rule = rule(Reader::new(row, format!("{who}, rule {number}"), table.report));
        if rule.as_ref().is_some_and(|rule| rule.traps.is_empty() && rule.value.is_none()) {
            everything = everything.or(Some(number));
        }
        kept.push(rule);
    }
    table.finish();
    Some(Profile {
        name,
        enterprise: enterprise.or(Vec::new())?,
        text: text.or(Vec::new())?,
        region: region.or(Vec::new())?,
        sensor: sensor.or(Vec::new())?,
        sensor_number: sensor_number.or(Vec::new())?,
        rules: kept.into_iter().collect::<Option<_>>()?,
    })
}

fn rule(mut table: Reader<'_, '_, '_>) -> Option<ProfileRule> {
    let at = table.at();
    let traps = table.list("traps", "a list of numbers such as [2185]", |table, item| number(table, "traps", item));
    let varbind = table.text("varbind", MAX_RULE_TEXT).and_then(|at, text| oid(&mut table, "varbind", at, &text));
    let is = table.list("is", "a list of numbers and texts such as [5, \"PSU0003\"]", wanted);
    let half = match (varbind.is_absent(), is.is_absent()) {
        (true, false) => Some("is stands without varbind"),
        (false, true) => Some("varbind stands without is"),
        (true, true) | (false, false) => None,
    };
    if let Some(half) = half {
        table.add(&rules::HALF_RULE, at, half, "write both, such as varbind = \"1.3.6.1.4.1...\" and is = [5]");
    }
    let class = table.word("class", CLASSES);
    let class = table.required("class", class, "write class = \"recoverable\", \"info\" or another class");
    let text = table.text("text", MAX_RULE_TEXT);
    let fault = table.name("fault");
    let ipmi = table.octets("ipmi").and_then(|at, octets| {
        let bare: Vec<u8> = octets.iter().map(|(_, octet)| *octet).collect();
        let three = <[u8; 3]>::try_from(bare).ok();
        if three.is_none() {
            table.add(&rules::RANGE, at, "ipmi has not three numbers", "write sensor type, event type and offset");
        }
        three
    });
    let guess = traps.is_absent() && varbind.is_absent() && class.ok() == Some(&Class::Fatal);
    if guess {
        let remedy =
            "name the traps or the values that are fatal: every trap of this vendor would fail the server over";
        table.add(&rules::FATAL_GUESS, at, "it calls every trap fatal", remedy);
    }
    table.finish();
    let value = match (varbind, is) {
        (Field::Given(_, varbind), Field::Given(_, is)) => Some((varbind, is)),
        (Field::Absent(_), Field::Absent(_)) => None,
        (Field::Given(..) | Field::Absent(_) | Field::Bad(_), _) => return None,
    };
    Some(ProfileRule {
        traps: traps.or(Vec::new())?,
        value,
        class: *class.ok()?,
        text: if text.is_absent() { None } else { Some(text.ok()?.clone().into_owned()) },
        fault: if fault.is_absent() { None } else { Some(fault.ok()?.clone()) },
        ipmi: if ipmi.is_absent() { None } else { Some(*ipmi.ok()?) },
    })
}

fn number(table: &mut Reader<'_, '_, '_>, key: &str, item: Node<'_>) -> Option<u32> {
    let at = item.at;
    let number = match item.value {
        Value::Integer(number) => number.and_then(|number| u32::try_from(number).ok()),
        Value::Broken => return None,
        other @ (Value::Text(_) | Value::Boolean(_) | Value::List(_) | Value::Table(_) | Value::Other(_)) => {
            table.add(&rules::TYPE, at, &format!("{key} holds {}", other.kind()), "write numbers in the list");
            return None;
        }
    };
    if number.is_none() {
        table.add(
            &rules::RANGE,
            at,
            &format!("{key} holds a number that no OID has"),
            "write one from 0 to 4294967295",
        );
    }
    number
}

fn wanted<'a>(table: &mut Reader<'_, '_, 'a>, item: Node<'a>) -> Option<Wanted> {
    let at = item.at;
    match item.value {
        Value::Integer(Some(number)) => Some(Wanted::Number(number)),
        Value::Text(text) if text.len() <= MAX_RULE_TEXT => Some(Wanted::Text(text.into_owned())),
        Value::Text(_) | Value::Integer(None) => {
            table.add(
                &rules::RANGE,
                at,
                "is holds a value that is too large",
                "write a number or a text that a trap has",
            );
            None
        }
        Value::Broken => None,
        other @ (Value::Boolean(_) | Value::List(_) | Value::Table(_) | Value::Other(_)) => {
            table.add(&rules::TYPE, at, &format!("is holds {}", other.kind()), "write numbers and texts in the list");
            None
        }
    }
}

fn oids(table: &mut Reader<'_, '_, '_>, key: &'static str) -> Field<Vec<OidBuf>> {
    table.list(key, "a list of OIDs such as [\"1.3.6.1.4.1.674\"]", |table, item| match table.item_text(key, item) {
        Field::Given(at, text) => oid(table, key, at, &text),
        Field::Absent(_) | Field::Bad(_) => None,
    })
}

fn oid(table: &mut Reader<'_, '_, '_>, key: &str, at: At, text: &str) -> Option<OidBuf> {
    let read = OidBuf::from_dotted(text).ok();
    if read.is_none() {
        let remedy = "write it in figures with dots between, such as \"1.3.6.1.4.1.674.10892.5.3.2\"";
        table.add(&rules::OID, at, &format!("{key} holds \"{}\"", cut(text)), remedy);
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_profiles_have_no_mistakes() {
        for (file, text) in SHIPPED {
            let (profiles, mistakes) = read_shipped(file, text);
            assert_eq!((profiles.len(), mistakes), (1, 0), "{file}");
            assert_eq!(Some(profiles[0].name.as_str()), file.strip_suffix(".toml"));
        }
    }
}
