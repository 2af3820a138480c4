//! The filters that are wanted: every fatal event alerts by our policy, and by nobody's reset.
//!
//! Part of `wanted`.

use crate::audit::judge::{Deadly, Path, action_names, coverage, is_deadly};
use crate::audit::plan::{Options, Plan, Section};
use crate::audit::told::Told;
use crate::notice::{deadly, sensors};
use crate::wire::pef::filter::{ANY, Filter, PRECONFIGURED};
use crate::wire::pef::{self, action, parameter as pp};

/// The severity of PETs from our filters: non-recoverable, as these events are.
const SEVERITY: u8 = 0x20;

/// The policy that ours should be: one that leads to us already, else the one of most filters of fatal
/// events, so that they alert us too, else 1.
pub(super) fn policy_in_use(told: &Told, leading: &[u8]) -> u8 {
    let users = |policy: u8| {
        let uses = |filter: &Filter| filter.enabled && filter.actions & action::ALERT != 0 && is_deadly(filter);
        told.filters().filter(|(_, filter)| filter.policy & 0x0F == policy && uses(filter)).count()
    };
    let most = |policies: &mut dyn Iterator<Item = u8>| {
        policies
            .map(|policy| (users(policy), core::cmp::Reverse(policy)))
            .max()
            .map(|(users, policy)| (users, policy.0))
    };
    match most(&mut leading.iter().copied()) {
        Some((_, policy)) => policy,
        None => most(&mut (1..=15)).filter(|(users, _)| *users > 0).map_or(1, |(_, policy)| policy),
    }
}

/// Plans the filters.
pub(super) fn filters(told: &Told, path: &Path, policy: u8, options: Options, plan: &mut Plan) {
    if let Err(why) = &told.filter_count {
        plan.cannot(format!("the BMC does not tell its filters: {why}"));
        return;
    }
    let mut filters: Vec<(u8, Filter)> = told.filters().map(|(number, filter)| (number, *filter)).collect();
    let mut policies = path.policies.clone();
    policies.push(policy);
    for (number, filter) in &mut filters {
        const OWN: u8 = action::ENDS_THE_SERVER | action::NMI;
        if !filter.enabled || filter.actions & OWN == 0 || !is_deadly(filter) {
            continue;
        }
        let leads = policies.contains(&(filter.policy & 0x0F));
        let policy = if leads { filter.policy } else { filter.policy & 0x70 | policy };
        let wanted = Filter { actions: filter.actions & !OWN | action::ALERT, policy, ..*filter };
        let (from, to) = (action_names(filter.actions), action_names(wanted.actions));
        if options.alert_only {
            put(plan, *number, filter, &wanted);
            *filter = wanted;
        } else {
            plan.on_request.push(format!("actions of filter {number}: {from} -> {to} (with --alert-only)"));
        }
    }
    let untold = coverage(filters.iter().map(|(_, filter)| filter), &policies).untold;
    let mut unplaced = Vec::new();
    for (sensor_type, event_type, offsets) in deadly::fatal_events() {
        let missing = untold.iter().filter(|event| event.sensor_type == sensor_type && event.event_type == event_type);
        let missing: Vec<String> = missing.map(Deadly::name).collect();
        if missing.is_empty() {
            continue;
        }
        let wanted = Filter {
            enabled: true,
            kind: 0,
            actions: action::ALERT,
            policy,
            severity: SEVERITY,
            generator: [ANY; 2],
            sensor_type: sensor_type.unwrap_or(ANY),
            sensor: ANY,
            event_type,
            offsets: offsets.iter().fold(0, |mask, offset| mask | 1 << (offset & 0x0F)),
            data: Default::default(),
        };
        let free = |filter: &Filter| !filter.enabled && filter.kind != PRECONFIGURED;
        let place = filters
            .iter()
            .position(|(_, filter)| free(filter) && filter.is_empty())
            .or_else(|| filters.iter().position(|(_, filter)| free(filter)));
        match place.and_then(|place| filters.get_mut(place)) {
            Some((number, filter)) => {
                put(plan, *number, filter, &wanted);
                *filter = wanted;
            }
            None => unplaced.extend(missing),
        }
    }
    if !unplaced.is_empty() {
        let count = told.filters.len();
        plan.cannot(format!("no free filter of the {count} is left for: {}", unplaced.join("; ")));
    }
}

fn put(plan: &mut Plan, number: u8, from: &Filter, to: &Filter) {
    let request = pef::set(pp::FILTER, &pef::numbered(number, &to.emit()));
    plan.change(Section::Pef, format!("filter {number}"), shown(from), shown(to), request);
}

/// A filter in words.
fn shown(filter: &Filter) -> String {
    if filter.is_empty() {
        return "unused".to_owned();
    }
    let whose = match filter.sensor_type {
        ANY => "any sensor",
        sensor_type => sensors::type_name(sensor_type),
    };
    let offsets: Vec<String> =
        (0..15).filter(|bit| filter.offsets & 1 << bit != 0).map(|bit| format!("{bit:X}")).collect();
    let state = if filter.enabled { "" } else { ", disabled" };
    let (event_type, policy) = (filter.event_type, filter.policy & 0x0F);
    let does = action_names(filter.actions);
    format!("{whose}, event type {event_type:02X}h, offsets {}: {does} by policy {policy}{state}", offsets.join(" "))
}
