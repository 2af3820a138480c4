//! Which fatal events a BMC alerts us of, and what else it does about them.
//!
//! The list of fatal events is the one that `notice` judges notices by.

use super::found::{Found, SETUP, numbers};
use super::path::Path;
use crate::audit::rules;
use crate::audit::told::Told;
use crate::notice::{deadly, sensors};
use crate::wire::pef::action;
use crate::wire::pef::filter::{ANY, Filter};
use crate::wire::sel::Record;

/// One fatal event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadly {
    /// The sensor's type; `None`: any.
    pub sensor_type: Option<u8>,
    /// The event type.
    pub event_type: u8,
    /// The offset.
    pub offset: u8,
}

impl Deadly {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        deadly::fatal_events().flat_map(|(sensor_type, event_type, offsets)| {
            offsets.iter().map(move |offset| Self { sensor_type, event_type, offset: *offset })
        })
    }

    /// In words.
    pub fn name(&self) -> String {
        let event = sensors::event(self.sensor_type.unwrap_or(0), self.event_type, self.offset).unwrap_or("event");
        match self.sensor_type {
            Some(sensor_type) => format!("{}: {event}", sensors::type_name(sensor_type)),
            None => format!("any sensor: {event}"),
        }
    }

    /// The event as a filter sees it; on a sensor type that nobody names where any is meant.
    fn record(&self) -> Record {
        const NOBODYS: u8 = 0xBF;
        let kind = self.sensor_type.unwrap_or(NOBODYS);
        Record([0, 0, 2, 0, 0, 0, 0, 0x20, 0, 4, kind, 1, self.event_type, self.offset, 0, 0])
    }

    /// Whether the filter takes it, and from any sensor with any details.
    fn is_taken(&self, filter: &Filter) -> Option<Taken> {
        let open = Filter { generator: [ANY; 2], sensor: ANY, data: Default::default(), ..*filter };
        let wide = open == *filter;
        if open.takes(&self.record()) {
            return Some(if wide { Taken::Wholly } else { Taken::InPart });
        }
        // A fatal event of any sensor type, on the one that the filter names.
        let some = self.sensor_type.is_none() && Filter { sensor_type: ANY, ..open }.takes(&self.record());
        some.then_some(Taken::InPart)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Wholly,
    InPart,
}

/// How the fatal events are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// From any sensor.
    pub told: Vec<Deadly>,
    /// From some sensors.
    pub in_part: Vec<Deadly>,
    /// Not at all.
    pub untold: Vec<Deadly>,
}

/// Which fatal events are alerted by policies that lead to us.
pub fn coverage<'a>(filters: impl Iterator<Item = &'a Filter>, policies: &[u8]) -> Coverage {
    let alerts = |filter: &&Filter| {
        filter.enabled && filter.actions & action::ALERT != 0 && policies.contains(&(filter.policy & 0x0F))
    };
    let alerting: Vec<&Filter> = filters.filter(alerts).collect();
    let mut coverage = Coverage::default();
    for event in Deadly::all() {
        let taken: Vec<Taken> = alerting.iter().filter_map(|filter| event.is_taken(filter)).collect();
        if taken.contains(&Taken::Wholly) {
            coverage.told.push(event);
        } else if taken.is_empty() {
            coverage.untold.push(event);
        } else {
            coverage.in_part.push(event);
        }
    }
    coverage
}

/// Whether the filter takes any fatal event.
pub fn is_deadly(filter: &Filter) -> bool {
    Deadly::all().any(|event| event.is_taken(filter).is_some())
}

pub(super) fn judge(told: &Told, path: &Path, found: &mut Found) {
    own_actions(told, found);
    let known = told.filter_count.is_ok() && told.filters.iter().all(|(_, filter)| filter.is_ok());
    if !known || path.policies.is_empty() {
        return; // what is not told is listed; and where no policy leads to us, that is the finding
    }
    let coverage = coverage(told.filters().map(|(_, filter)| filter), &path.policies);
    let names = |events: &[Deadly]| events.iter().map(Deadly::name).collect::<Vec<_>>().join("; ");
    if coverage.told.is_empty() && coverage.in_part.is_empty() {
        let count = told.filters().filter(|(_, filter)| filter.enabled).count();
        let subject = match count {
            0 => "no filter is enabled".to_owned(),
            _ => format!("none of the {count} enabled filters alerts us of a fatal event"),
        };
        found.add(&rules::NO_FILTER, subject, SETUP);
    } else if !coverage.untold.is_empty() {
        found.add(&rules::SOME_UNFILTERED, format!("nobody tells us of {}", names(&coverage.untold)), SETUP);
    }
    if !coverage.in_part.is_empty() {
        let subject = format!("only from some sensors, or with some details: {}", names(&coverage.in_part));
        found.add(
            &rules::IN_PART,
            subject,
            "look whether the board has others; setup adds wider filters only for what is not told at all",
        );
    }
    let away: Vec<u8> = told
        .filters()
        .filter(|(_, filter)| filter.enabled && filter.actions & action::ALERT != 0 && is_deadly(filter))
        .filter(|(_, filter)| !path.policies.contains(&(filter.policy & 0x0F)))
        .map(|(number, _)| number)
        .collect();
    if !away.is_empty() {
        let subject = format!("filter {} takes fatal events and alerts somebody else", numbers(away.into_iter()));
        found.add(&rules::LEADS_AWAY, subject, "nothing, if other filters tell us; else let its policy lead to us too");
    }
}

/// Filters of fatal events that act by themselves.
fn own_actions(told: &Told, found: &mut Found) {
    let in_force = told.actions.unwrap_or(u8::MAX);
    let fatal = || told.filters().filter(|(_, filter)| filter.enabled && is_deadly(filter));
    let acts = |bits: u8| fatal().filter(move |(_, filter)| filter.actions & in_force & bits != 0);
    let resets: Vec<String> = acts(action::ENDS_THE_SERVER)
        .map(|(number, filter)| format!("filter {number} ({})", action_names(filter.actions & in_force)))
        .collect();
    if !resets.is_empty() {
        let subject = format!("{} acts on fatal events by itself", resets.join(", "));
        let remedy = "bmcnotice bmc setup --alert-only takes these actions out of filters of fatal events";
        found.add(&rules::RESETS_FIRST, subject, remedy);
    }
    let interrupts: Vec<u8> = acts(action::NMI).map(|(number, _)| number).collect();
    if !interrupts.is_empty() {
        let subject = format!("filter {} sends a diagnostic interrupt", numbers(interrupts.into_iter()));
        found.add(&rules::INTERRUPTS, subject, "bmcnotice bmc setup --alert-only takes it out, too");
    }
}

/// The actions in words.
pub fn action_names(bits: u8) -> String {
    let names = [
        (action::ALERT, "alert"),
        (action::POWER_OFF, "power off"),
        (action::RESET, "reset"),
        (action::POWER_CYCLE, "power cycle"),
        (action::OEM, "OEM"),
        (action::NMI, "NMI"),
        (action::GROUP, "group control"),
    ];
    let named: Vec<&str> = names.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    if named.is_empty() { "no action".to_owned() } else { named.join(", ") }
}
