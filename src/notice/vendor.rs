//! What a vendor's own trap means, by a profile: shipped, or the site's.
//!
//! Uses `config` (the profiles) and `wire`. Takes a message whose sender was accepted; what stands in it is hostile all
//! the same: texts are cut and made fit for a terminal, and a trap that no rule names has no class but *info*.

use super::fault::Fault;
use super::source::VerifiedTrap;
use super::told::Meaning;
use crate::config::model::{Meanings, Profile, ProfileRule, Wanted};
use crate::wire::oid::OidBuf;
use crate::wire::snmp::{Message, Value, Varbind, Varbinds};
use crate::words::{Class, Text};
use core::fmt::Write;

/// Limit: characters that are taken of a text in a trap.
const MAX_SHOWN: usize = 255;
/// Before the name of a trap that no rule knows.
const UNCLASSIFIED: &str = "Unclassified trap ";
/// Behind what was said; then the server's name.
const REPORTED: &str = "; reported by BMC of ";
/// The highest number of a sensor; FFh is unspecified.
const LAST_SENSOR: u8 = 0xFE;

/// The meaning of a trap that is no PET, of the server of this name; `None` if no profile knows its enterprise.
pub(super) fn of(
    trap: &VerifiedTrap<'_>,
    trap_oid: &str,
    server: &str,
    meanings: &Meanings,
    draft: &mut String,
) -> Option<Meaning> {
    let oid = trap.message().trap_oid()?;
    let is_of = |profile: &&Profile| profile.enterprise.iter().any(|prefix| oid.starts_with(prefix.as_oid()));
    // Seldom more than one: what the site's profile leaves open, a shipped one may know.
    let ours: Vec<&Profile> = meanings.profiles.iter().filter(is_of).collect();
    let (variables, last) = (Variables::of(trap.message()), oid.arcs().last());
    let ruled = ours.iter().enumerate().find_map(|(place, profile)| Some((place, rule(&variables, last, profile)?)));
    let place = ruled.map_or(0, |(place, _)| place);
    let (profile, rule) = (*ours.get(place)?, ruled.map(|(_, rule)| rule));
    let others = ours.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, profile)| *profile);
    let all = || core::iter::once(profile).chain(others.clone());

    let region = Text::drafted(draft, |region| {
        if !first(&variables, all().flat_map(|profile| &profile.region), region) {
            region.push_str("unknown");
        }
    });
    let sentence = Text::drafted(draft, |sentence| {
        if rule.is_none() {
            sentence.push_str(UNCLASSIFIED);
            sentence.push_str(trap_oid);
        }
        let unsaid = sentence.len();
        if rule.is_none() {
            sentence.push_str(": ");
        }
        let said = first(&variables, all().flat_map(|profile| &profile.text), sentence);
        match (said, rule) {
            (true, _) => sentence.truncate(sentence.trim_end_matches('.').len()),
            (false, None) => sentence.truncate(unsaid),
            (false, Some(ProfileRule { text: Some(text), .. })) => sentence.push_str(text.trim_end_matches('.')),
            (false, Some(ProfileRule { text: None, .. })) => {
                sentence.push_str("Trap ");
                sentence.push_str(trap_oid);
                sentence.push_str(" of profile ");
                sentence.push_str(&profile.name);
            }
        }
        sentence.push_str(REPORTED);
        sentence.push_str(server);
    });
    let part = || {
        let mut part = String::new();
        first(&variables, all().flat_map(|profile| &profile.sensor), &mut part);
        part
    };
    let fault = rule.map(|rule| fault(&variables, last, profile, rule, part));
    let class = rule.map_or(Class::Info, |rule| rule.class);
    Some(Meaning { class, region, sentence, fault })
}

/// The variables of a trap, read once: a profile asks for many.
struct Variables<'a> {
    /// The first of them, which are mostly all.
    read: [Option<Varbind<'a>>; READ],
    all: Varbinds<'a>,
}

/// A vendor's trap has a dozen.
const READ: usize = 16;

impl<'a> Variables<'a> {
    fn of(message: &Message<'a>) -> Self {
        let mut read = [None; READ];
        read.iter_mut().zip(message.varbinds.iter()).for_each(|(place, varbind)| *place = Some(varbind));
        Self { read, all: message.varbinds }
    }

    /// A variable, or an instance of it.
    fn find(&self, name: &OidBuf) -> Option<Varbind<'a>> {
        let is_it = |varbind: &Varbind<'a>| varbind.name.starts_with(name.as_oid());
        let found = self.read.iter().map_while(|varbind| *varbind).find(is_it);
        let rest = || self.all.iter().skip(READ).find(is_it);
        found.or_else(|| (self.all.len() > READ).then(rest).flatten())
    }
}

/// The first rule that fits; `last`: the number of the trap.
fn rule<'p>(variables: &Variables<'_>, last: Option<u32>, profile: &'p Profile) -> Option<&'p ProfileRule> {
    // Rules in a row ask for the same variable.
    let mut asked: Option<(&OidBuf, Option<Varbind<'_>>)> = None;
    profile.rules.iter().find(|rule| {
        let named = rule.traps.is_empty() || last.is_some_and(|last| rule.traps.contains(&last));
        named
            && rule.value.as_ref().is_none_or(|(name, wanted)| {
                let found = match asked {
                    Some((before, found)) if before == name => found,
                    Some(_) | None => variables.find(name),
                };
                asked = Some((name, found));
                found.is_some_and(|varbind| wanted.iter().any(|wanted| is(&varbind.value, wanted)))
            })
    })
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

/// Adds what the first of these variables says that says something; whether one does.
fn first<'p>(variables: &Variables<'_>, mut names: impl Iterator<Item = &'p OidBuf>, to: &mut String) -> bool {
    let before = to.len();
    names.any(|name| {
        match variables.find(name).map(|varbind| varbind.value) {
            Some(Value::OctetString(octets)) => show(octets, to),
            Some(other) => _ = number(&other).map(|number| write!(to, "{number}")),
            None => {}
        }
        to.len() > before
    })
}

/// Adds a stranger's text, fit for a terminal and of bounded length.
fn show(octets: &[u8], to: &mut String) {
    let plain = |octet: &u8| (b' '..=b'~').contains(octet);
    // All octets are looked at, many at once.
    if octets.len() <= MAX_SHOWN && octets.iter().fold(true, |all, octet| all & plain(octet)) {
        // Most texts are.
        return to.push_str(core::str::from_utf8(octets).map(str::trim).unwrap_or_default());
    }
    // Four octets are the most that a character has.
    let head = octets.get(..4 * MAX_SHOWN).unwrap_or(octets);
    let text = String::from_utf8_lossy(head);
    to.extend(text.trim().chars().take(MAX_SHOWN).map(|c| if c.is_control() { '?' } else { c }));
}

/// What the trap is about: an IPMI sensor's event where the profile tells it, else the part by its own name.
fn fault(
    variables: &Variables<'_>,
    last: Option<u32>,
    profile: &Profile,
    rule: &ProfileRule,
    part: impl Fn() -> String,
) -> Fault {
    let cleared = rule.class == Class::Cleared;
    let numbered = profile.sensor_number.iter().find_map(|name| number(&variables.find(name)?.value));
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
pub(super) fn unclassified(trap_oid: &str, server: &str, sentence: &mut String) {
    if trap_oid.is_empty() {
        sentence.push_str("Unclassified trap without a name");
    } else {
        sentence.push_str(UNCLASSIFIED);
        sentence.push_str(trap_oid);
    }
    sentence.push_str(REPORTED);
    sentence.push_str(server);
}
