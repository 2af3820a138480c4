//! What a vendor's own trap means, by a profile: shipped, or the site's.
//!
//! Uses `config` (the profiles) and `wire`. Takes a message whose sender was accepted; what stands in it is hostile all
//! the same: texts are cut and made fit for a terminal, and a trap that no rule names has no class but *info*.

use super::fault::Fault;
use super::source::VerifiedTrap;
use super::told::Meaning;
use crate::config::model::{Meanings, Profile, ProfileRule, Wanted};
use crate::wire::oid::OidBuf;
use crate::wire::snmp::{Message, TrapOid, Value, Varbind};
use crate::words::Class;

/// Limit: characters that are taken of a text in a trap.
const MAX_SHOWN: usize = 255;
/// The highest number of a sensor; FFh is unspecified.
const LAST_SENSOR: u8 = 0xFE;

/// The meaning of a trap that is no PET, of the server of this name; `None` if no profile knows its enterprise.
pub(super) fn of(trap: &VerifiedTrap<'_>, server: &str, meanings: &Meanings) -> Option<Meaning> {
    let message = trap.message();
    let ours = meanings.profiles.iter().filter(|profile| is_of(message, profile));
    let ruled = ours.clone().find_map(|profile| Some((profile, rule(message, profile)?)));
    let (profile, rule) = match ruled {
        Some((profile, rule)) => (profile, Some(rule)),
        None => (ours.clone().next()?, None),
    };
    // What the site's profile leaves open, a shipped one may know.
    let all = || core::iter::once(profile).chain(ours.clone());
    let text = first(message, all().flat_map(|profile| &profile.text));
    let text = text.or_else(|| rule.and_then(|rule| rule.text.clone()));
    let region = first(message, all().flat_map(|profile| &profile.region));
    let part = || first(message, all().flat_map(|profile| &profile.sensor)).unwrap_or_default();
    let sentence = match (text, rule, message.trap_oid()) {
        (Some(text), Some(_), _) => format!("{}; reported by BMC of {server}", text.trim_end_matches('.')),
        (Some(text), None, Some(oid)) => {
            format!("Unclassified trap {oid}: {}; reported by BMC of {server}", text.trim_end_matches('.'))
        }
        (None, Some(_), Some(oid)) => format!("Trap {oid} of profile {}; reported by BMC of {server}", profile.name),
        (_, _, oid) => unclassified(oid, server),
    };
    let fault = rule.map(|rule| fault(message, profile, rule, part));
    let class = rule.map_or(Class::Info, |rule| rule.class);
    Some(Meaning { class, region: region.unwrap_or_else(|| "unknown".into()), sentence, fault })
}

fn is_of(message: &Message<'_>, profile: &Profile) -> bool {
    let begins = |prefix: &OidBuf| message.trap_oid().is_some_and(|oid| oid.strip_prefix(prefix.as_oid()).is_some());
    profile.enterprise.iter().any(begins)
}

/// The first rule that fits.
fn rule<'p>(message: &Message<'_>, profile: &'p Profile) -> Option<&'p ProfileRule> {
    let last = message.trap_oid().and_then(|oid| oid.arcs().last());
    profile.rules.iter().find(|rule| {
        let named = rule.traps.is_empty() || last.is_some_and(|last| rule.traps.contains(&last));
        let valued = rule.value.as_ref().is_none_or(|(name, wanted)| {
            find(message, name).is_some_and(|varbind| wanted.iter().any(|wanted| is(&varbind.value, wanted)))
        });
        named && valued
    })
}

/// A variable, or an instance of it.
fn find<'a>(message: &Message<'a>, name: &OidBuf) -> Option<Varbind<'a>> {
    message.varbinds.iter().find(|varbind| varbind.name.strip_prefix(name.as_oid()).is_some())
}

fn is(value: &Value<'_>, wanted: &Wanted) -> bool {
    match wanted {
        Wanted::Number(wanted) => number(value) == Some(*wanted),
        Wanted::Text(wanted) => matches!(value, Value::OctetString(octets) if *octets == wanted.as_bytes()),
    }
}

fn number(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Counter32(number) | Value::Gauge32(number) | Value::TimeTicks(number) => Some(i64::from(*number)),
        Value::Counter64(number) => i64::try_from(*number).ok(),
        Value::OctetString(_)
        | Value::Opaque(_)
        | Value::Oid(_)
        | Value::IpAddress(_)
        | Value::Null
        | Value::NoSuchObject
        | Value::NoSuchInstance
        | Value::EndOfMibView => None,
    }
}

/// The first of these variables that says something.
fn first<'p>(message: &Message<'_>, mut names: impl Iterator<Item = &'p OidBuf>) -> Option<String> {
    names.find_map(|name| {
        let value = find(message, name)?.value;
        match value {
            Value::OctetString(octets) => {
                let text = shown(octets);
                (!text.is_empty()).then_some(text)
            }
            other => number(&other).map(|number| number.to_string()),
        }
    })
}

/// Text of a stranger, fit for a terminal and of bounded length.
fn shown(octets: &[u8]) -> String {
    // Four octets are the most that a character has.
    let head = octets.get(..4 * MAX_SHOWN).unwrap_or(octets);
    let text = String::from_utf8_lossy(head);
    let fit = text.trim().chars().take(MAX_SHOWN).map(|c| if c.is_control() { '?' } else { c });
    fit.collect()
}

/// What the trap is about: an IPMI sensor's event where the profile tells it, else the part by its own name.
fn fault(message: &Message<'_>, profile: &Profile, rule: &ProfileRule, part: impl Fn() -> String) -> Fault {
    let cleared = rule.class == Class::Cleared;
    let numbered = profile.sensor_number.iter().find_map(|name| number(&find(message, name)?.value));
    let sensor = numbered.and_then(|number| u8::try_from(number).ok()).filter(|number| *number <= LAST_SENSOR);
    if let (Some([sensor_type, event_type, offset]), Some(sensor)) = (rule.ipmi, sensor) {
        return Fault::of_sensor(Fault::OF_THE_BMC, sensor_type, sensor, event_type, offset, cleared);
    }
    let part = part();
    match &rule.fault {
        Some(name) => Fault::of_part(&profile.name, name.as_bytes(), &part, cleared),
        None => {
            // By its number: a trap that another one clears has a name in its rule.
            let last = message.trap_oid().and_then(|oid| oid.arcs().last()).unwrap_or_default();
            Fault::of_part(&profile.name, &last.to_be_bytes(), &part, cleared)
        }
    }
}

/// What is said of a trap that nobody knows.
pub(super) fn unclassified(oid: Option<TrapOid<'_>>, server: &str) -> String {
    match oid {
        Some(oid) => format!("Unclassified trap {oid}; reported by BMC of {server}"),
        None => format!("Unclassified trap without a name; reported by BMC of {server}"),
    }
}
