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
/// Behind what was said; then the server's name.
const REPORTED: &str = "; reported by BMC of ";
/// The highest number of a sensor; FFh is unspecified.
const LAST_SENSOR: u8 = 0xFE;

/// The meaning of a trap that is no PET, of the server of this name; `None` if no profile knows its enterprise.
pub(super) fn of(trap: &VerifiedTrap<'_>, server: &str, meanings: &Meanings) -> Option<Meaning> {
    let message = trap.message();
    let oid = message.trap_oid()?;
    let is_of = |profile: &&Profile| profile.enterprise.iter().any(|prefix| oid.starts_with(prefix.as_oid()));
    // Seldom more than one: what the site's profile leaves open, a shipped one may know.
    let ours: Vec<&Profile> = meanings.profiles.iter().filter(is_of).collect();
    let last = oid.arcs().last();
    let ruled = ours.iter().enumerate().find_map(|(place, profile)| Some((place, rule(message, last, profile)?)));
    let place = ruled.map_or(0, |(place, _)| place);
    let (profile, rule) = (*ours.get(place)?, ruled.map(|(_, rule)| rule));
    let others = ours.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, profile)| *profile);
    let all = || core::iter::once(profile).chain(others.clone());
    let text = first(message, all().flat_map(|profile| &profile.text));
    let text = text.or_else(|| rule.and_then(|rule| rule.text.clone()));
    let region = first(message, all().flat_map(|profile| &profile.region));
    let part = || first(message, all().flat_map(|profile| &profile.sensor)).unwrap_or_default();
    let sentence = match (text, rule) {
        (Some(text), Some(_)) => [text.trim_end_matches('.'), REPORTED, server].concat(),
        (Some(text), None) => format!("Unclassified trap {oid}: {}{REPORTED}{server}", text.trim_end_matches('.')),
        (None, Some(_)) => format!("Trap {oid} of profile {}{REPORTED}{server}", profile.name),
        (None, None) => unclassified(Some(oid), server),
    };
    let fault = rule.map(|rule| fault(message, last, profile, rule, part));
    let class = rule.map_or(Class::Info, |rule| rule.class);
    Some(Meaning { class, region: region.unwrap_or_else(|| "unknown".into()), sentence, fault })
}

/// The first rule that fits; `last`: the number of the trap.
fn rule<'p>(message: &Message<'_>, last: Option<u32>, profile: &'p Profile) -> Option<&'p ProfileRule> {
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
    message.varbinds.iter().find(|varbind| varbind.name.starts_with(name.as_oid()))
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
    let plain = |octet: &u8| octet.is_ascii_graphic() || *octet == b' ';
    if octets.len() <= MAX_SHOWN && octets.iter().all(plain) {
        // Most texts are.
        return core::str::from_utf8(octets).map(str::trim).unwrap_or_default().into();
    }
    // Four octets are the most that a character has.
    let head = octets.get(..4 * MAX_SHOWN).unwrap_or(octets);
    let text = String::from_utf8_lossy(head);
    let fit = text.trim().chars().take(MAX_SHOWN).map(|c| if c.is_control() { '?' } else { c });
    fit.collect()
}

/// What the trap is about: an IPMI sensor's event where the profile tells it, else the part by its own name.
fn fault(
    message: &Message<'_>,
    last: Option<u32>,
    profile: &Profile,
    rule: &ProfileRule,
    part: impl Fn() -> String,
) -> Fault {
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
            let number = last.unwrap_or_default().to_be_bytes();
            Fault::of_part(&profile.name, &number, &part, cleared)
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
