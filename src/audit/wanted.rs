//! What to write to a BMC so that fatal notices reach us: the difference between what it told and what is wanted.
//!
//! A pure function. A second run after a good write finds nothing to do. Filters that are written only
//! alert; what others do by themselves is taken away on request alone. Uses `judge` for what leads to us.

mod filters;

use super::judge::{Path, Us};
pub use super::plan::{Change, Options, Plan, Section};
use super::told::{Told, Unsaid};
use crate::wire::account::{ChannelAccess, Kept, set_channel_access};
use crate::wire::lan::{self, Destination, DestinationAddress, PET, To, parameter as lp};
use crate::wire::pef::filter::Policy;
use crate::wire::pef::{self, action, control, parameter as pp};
use core::net::IpAddr;

/// Until an alert is sent again, in seconds.
const TIMEOUT: u16 = 5;
/// How often it is sent again: the most that there is, 35 s in all. A restart of a daemon takes less.
const RETRIES: u8 = 7;
/// A destination that sends again so often is left as it is.
const RETRIES_ENOUGH: u8 = 3;
/// The bit of LAN parameter 50 that promises alerts by IPv6.
const IPV6_ALERTS: u8 = 4;

/// What to write.
pub fn plan(told: &Told, us: &Us<'_>, options: Options) -> Plan {
    let mut plan = Plan::default();
    let path = Path::find(told, us);
    let Some(channel) = told.channel_number() else {
        plan.cannot(format!("the BMC does not tell the number of its channel{}", because(told.logins.as_ref().err())));
        return plan;
    };
    let destination = destination(told, us, &path, channel, options, &mut plan);
    community(told, us, channel, &mut plan);
    alerting(told, channel, &mut plan);
    if let Some(destination) = destination
        && let Some(policy) = policy(told, &path, channel, destination, &mut plan)
    {
        filters::filters(told, &path, policy, options, &mut plan);
    }
    switch(told.actions, pp::ACTIONS, action::ALERT, "the alert action", &mut plan);
    switch(told.control, pp::CONTROL, control::PEF, "PEF", &mut plan); // last: from here on it all works
    plan
}

fn because(why: Option<&Unsaid>) -> String {
    why.map_or_else(String::new, |why| format!(": {why}"))
}

/// Lets one destination be us; its number.
fn destination(told: &Told, us: &Us<'_>, path: &Path, channel: u8, options: Options, plan: &mut Plan) -> Option<u8> {
    let Some(address) = us.address() else {
        plan.cannot("no monitor listens for this server's BMC, so there is no address to send to");
        return None;
    };
    if let Err(why) = &told.destination_count {
        plan.cannot(format!("the BMC does not tell its alert destinations: {why}"));
        return None;
    }
    let free = || told.destinations.iter().find(|to| to.at.is_ok_and(|at| at.to.ip().is_unspecified()));
    let ours = || path.good.first().or(path.ours.first()).copied();
    let Some(number) = options.destination.or_else(ours).or_else(|| free().map(|to| to.number)) else {
        plan.cannot(match told.destinations.len() {
            0 => "the BMC has no alert destinations".to_owned(),
            count => format!("all {count} alert destinations are in use; name one with --destination N"),
        });
        return None;
    };
    let Some(present) = told.destinations.iter().find(|to| to.number == number) else {
        let count = told.destinations.len();
        plan.cannot(format!("there is no destination {number}: the BMC has {count}, counted from 1"));
        return None;
    };
    if !present.at.is_ok_and(|at| us.is_at(at.to.ip())) {
        let to = match address {
            IpAddr::V4(address) => To::V4 { gateway: 0, address, mac: [0; 6] },
            IpAddr::V6(_) if !told.ipv6.is_ok_and(|bits| bits & IPV6_ALERTS != 0) => {
                plan.cannot(format!(
                    "the BMC does not say that it can alert an IPv6 address, and we listen at {address}"
                ));
                return None;
            }
            IpAddr::V6(address) => To::V6(address),
        };
        let from = present.at.map_or_else(|why| format!("not told ({why})"), |at| at.to.ip().to_string());
        let request = lan::set(channel, lp::DESTINATION_ADDRESS, &DestinationAddress { number, to }.emit());
        plan.change(Section::Lan, format!("address of destination {number}"), from, address, request);
    }
    let good = |how: &Destination| how.kind == PET && how.acknowledged && how.retries >= RETRIES_ENOUGH;
    if !present.how.as_ref().is_ok_and(good) {
        let wanted =
            Destination { number, acknowledged: true, kind: PET, timeout: (TIMEOUT - 1) as u8, retries: RETRIES };
        let from = present.how.map_or_else(|why| format!("not told ({why})"), |how| sending(&how));
        let request = lan::set(channel, lp::DESTINATION, &wanted.emit());
        plan.change(Section::Lan, format!("type of destination {number}"), from, sending(&wanted), request);
    }
    Some(number)
}

fn sending(how: &Destination) -> String {
    let kind = if how.kind == PET { "PET".to_owned() } else { format!("type {}", how.kind) };
    match how.acknowledged {
        true => format!("{kind}, acknowledged, sent again {} times every {} s", how.retries, how.seconds()),
        false => format!("{kind}, not acknowledged"),
    }
}

fn community(told: &Told, us: &Us<'_>, channel: u8, plan: &mut Plan) {
    match &told.community {
        Ok(community) if *community == *us.community => {}
        Ok(_) => match lan::community(us.community.expose()) {
            Some(octets) => {
                let request = lan::set(channel, lp::COMMUNITY, &octets);
                plan.change(Section::Lan, "community".to_owned(), "another one", "the configuration's", request);
            }
            None => plan.cannot(format!("the configuration's community has more than {} octets", lan::COMMUNITY)),
        },
        Err(why) => plan.cannot(format!("the BMC does not tell its community, so it stays as it is: {why}")),
    }
}

fn alerting(told: &Told, channel: u8, plan: &mut Plan) {
    for (access, kept, when) in
        [(&told.channel, Kept::Present, "now"), (&told.channel_kept, Kept::NonVolatile, "after a start of the BMC")]
    {
        if let Ok(access) = access
            && !access.alerting
        {
            let request = set_channel_access(channel, kept, &ChannelAccess { alerting: true, ..*access });
            plan.change(Section::Channel, format!("PEF alerting on channel {channel}, {when}"), "off", "on", request);
        }
    }
}

/// Lets one policy lead to the destination; its number.
fn policy(told: &Told, path: &Path, channel: u8, destination: u8, plan: &mut Plan) -> Option<u8> {
    if let Err(why) = &told.policy_count {
        plan.cannot(format!("the BMC does not tell its alert policies: {why}"));
        return None;
    }
    let number = filters::policy_in_use(told, &path.policies);
    let leads = |entry: &Policy| entry.channel == channel && entry.destination == destination && entry.policy == number;
    let wanted = Policy { policy: number, enabled: true, rule: 0, channel, destination, string: 0 };
    let ours = told.policies().find(|(_, entry)| leads(entry));
    let unused = |(_, entry): &(u8, &Policy)| !entry.enabled && (entry.policy == 0 || entry.destination == 0);
    let place =
        ours.or_else(|| told.policies().find(unused)).or_else(|| told.policies().find(|(_, entry)| !entry.enabled));
    match place {
        Some((_, entry)) if leads(entry) && entry.enabled && entry.rule == 0 => {}
        Some((place, entry)) => {
            let wanted = Policy { string: if leads(entry) { entry.string } else { 0 }, ..wanted };
            let request = pef::set(pp::POLICY, &pef::numbered(place, &wanted.emit()));
            plan.change(Section::Pef, format!("policy entry {place}"), leading(entry), leading(&wanted), request);
        }
        None => {
            plan.cannot(match told.policies.len() {
                0 => "the BMC has no alert policies".to_owned(),
                count => format!("all {count} alert policy entries are in use"),
            });
            return None;
        }
    }
    Some(number)
}

fn leading(entry: &Policy) -> String {
    if *entry == (Policy { policy: 0, enabled: false, rule: 0, channel: 0, destination: 0, string: 0 }) {
        return "unused".to_owned();
    }
    let rule = match entry.rule {
        0 => "always",
        1 => "if those before failed",
        _ => "stops there",
    };
    let state = if entry.enabled { "" } else { ", disabled" };
    let Policy { policy, channel, destination, .. } = entry;
    format!("policy {policy}, {rule}, to destination {destination} on channel {channel}{state}")
}

fn switch(told: Result<u8, Unsaid>, parameter: u8, bit: u8, what: &str, plan: &mut Plan) {
    match told {
        Ok(bits) if bits & bit != 0 => {}
        Ok(bits) => plan.change(Section::Pef, what.to_owned(), "off", "on", pef::set(parameter, &[bits | bit])),
        Err(why) => plan.cannot(format!("the BMC does not tell whether {what} is on: {why}")),
    }
}
