//! The way of an alert: PEF is on, a policy leads to a destination, the destination is us.
//!
//! Used by the judgement and by `wanted`, so that both mean the same way.

use super::found::{Found, SETUP, TRAP_PORT, Us, numbers};
use crate::audit::rules;
use crate::audit::told::Told;
use crate::wire::lan::{Destination, PET};
use crate::wire::pef::{action, control, postpone};
use core::time::Duration;

/// What is added to the span of a BMC's retries for what is on its way.
pub const MARGIN: Duration = Duration::from_secs(60);

/// Which destinations and policies lead to us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path {
    /// Destinations whose address is ours, whatever their type.
    pub ours: Vec<u8>,
    /// Those of them that get PETs, as far as their type was told.
    pub good: Vec<u8>,
    /// Policies with an enabled entry for one of those.
    pub policies: Vec<u8>,
}

impl Path {
    /// Finds it.
    pub fn find(told: &Told, us: &Us<'_>) -> Self {
        let ours: Vec<u8> = told
            .destinations
            .iter()
            .filter(|to| to.at.is_ok_and(|at| us.is_at(at.to.ip())))
            .map(|to| to.number)
            .collect();
        let of_pets = |number: &u8| told.destination(*number).is_none_or(|how| how.kind == PET);
        let good: Vec<u8> = ours.iter().copied().filter(of_pets).collect();
        let channel = told.channel_number();
        let mut policies: Vec<u8> = told
            .policies()
            .filter(|(_, entry)| entry.enabled && channel.is_none_or(|channel| entry.channel == channel))
            .filter(|(_, entry)| good.contains(&entry.destination))
            .map(|(_, entry)| entry.policy)
            .collect();
        policies.sort_unstable();
        policies.dedup();
        Self { ours, good, policies }
    }

    /// How long the BMC may send one alert again, over our destinations.
    pub fn retry_span(&self, told: &Told) -> Option<Duration> {
        let spans = self.good.iter().filter_map(|number| told.destination(*number));
        let span =
            |how: &Destination| u64::from(how.seconds()) * if how.acknowledged { u64::from(how.retries) } else { 0 };
        spans.map(|how| Duration::from_secs(span(how))).max()
    }
}

/// Judges the way.
pub(super) fn judge(told: &Told, us: &Us<'_>, path: &Path, found: &mut Found) {
    switches(told, found);
    match us.listen {
        None => {
            let remedy = "write a [[monitor]] with a keyword for the server";
            found.add(&rules::NO_LISTENER, "no monitor listens for this server's BMC", remedy);
        }
        Some(listen) if listen.port() != TRAP_PORT && us.relays.is_empty() => {
            let subject = format!("we listen at port {}, the BMC sends to port {TRAP_PORT}", listen.port());
            let remedy = format!("listen at port {TRAP_PORT}, or redirect {TRAP_PORT} to it (nftables)");
            found.add(&rules::PORT, subject, remedy);
        }
        Some(_) => {}
    }
    destinations(told, us, path, found);
    if let (Some(known), Some(repeats)) = (us.retry_span, path.retry_span(told))
        && known < repeats
    {
        let (known, repeats) = (known.as_secs(), repeats.as_secs());
        let subject = format!("the BMC repeats a notice for {repeats} s, and retry_span is {known} s");
        let remedy = format!("write retry_span = \"{}s\", or take the line away", repeats + MARGIN.as_secs());
        found.add(&rules::SHORT_SPAN, subject, remedy);
    }
    policies(told, path, found);
    if let Ok(community) = &told.community
        && *community != *us.community
    {
        let subject = "the BMC's community is not the one of the configuration";
        found.add(&rules::COMMUNITY, subject, format!("set the same in both; {SETUP}"));
    }
}

fn switches(told: &Told, found: &mut Found) {
    if told.pef.is_ok_and(|able| able.actions & action::ALERT == 0) {
        found.add(&rules::NO_ALERTS, "this BMC cannot alert at all", "use another source of notices for this server");
    }
    if told.control.is_ok_and(|bits| bits & control::PEF == 0) {
        found.add(&rules::PEF_OFF, "PEF is switched off", SETUP);
    }
    if told.actions.is_ok_and(|bits| bits & action::ALERT == 0) {
        found.add(&rules::ALERT_OFF, "the alert action is switched off", SETUP);
    }
    let channel = told.channel_number().map_or_else(|| "the channel".to_owned(), |number| format!("channel {number}"));
    if told.channel.is_ok_and(|access| !access.alerting) {
        found.add(&rules::CHANNEL_MUTE, format!("PEF alerting is disabled on {channel}"), SETUP);
    } else if told.channel_kept.is_ok_and(|access| !access.alerting) {
        let subject = format!("PEF alerting will be disabled on {channel} when the BMC starts again");
        found.add(&rules::CHANNEL_FORGETS, subject, SETUP);
    }
    let mut delays = Vec::new();
    for (bit, seconds, what) in [
        (control::STARTUP_DELAY, &told.startup_delay, "filters nothing"),
        (control::ALERT_DELAY, &told.alert_delay, "alerts nothing"),
    ] {
        if let (Ok(bits), Ok(seconds)) = (told.control, seconds)
            && bits & bit != 0
            && *seconds > 0
        {
            delays.push(format!("it {what} for {seconds} s"));
        }
    }
    if !delays.is_empty() {
        let subject = format!("after a start of the server {}", delays.join(" and "));
        found.add(&rules::DELAYED, subject, "shorten the delays, or know that faults at boot are not told");
    }
    match told.postpone {
        Ok(postpone::OFF) | Err(_) => {}
        Ok(postpone::FOR_NOW) => {
            let subject = "the filters are postponed until the server is reset";
            found.add(&rules::POSTPONED, subject, "disarm the postpone timer (ipmitool raw 0x04 0x11 0x00)");
        }
        Ok(seconds) => {
            let subject = format!("the filters are postponed for {seconds} s: another agent handles events");
            found.add(&rules::POSTPONED, subject, "stop that agent, or disarm the timer (ipmitool raw 0x04 0x11 0x00)");
        }
    }
}

fn destinations(told: &Told, us: &Us<'_>, path: &Path, found: &mut Found) {
    let all_told = told.destination_count.is_ok() && told.destinations.iter().all(|to| to.at.is_ok());
    if path.ours.is_empty() && all_told && us.listen.is_some() {
        let others: Vec<String> = told
            .destinations
            .iter()
            .filter_map(|to| Some(to.at.ok()?.to.ip()))
            .filter(|address| !address.is_unspecified())
            .map(|address| address.to_string())
            .collect();
        let we = us.address().map_or_else(|| "of this server".to_owned(), |address| address.to_string());
        let subject = match (told.destinations.len(), others.as_slice()) {
            (0, _) => "the BMC has no alert destinations".to_owned(),
            (count, []) => format!("none of its {count} destinations is set, so none is {we}"),
            (_, others) => format!("its destinations are {}; none is {we}", others.join(", ")),
        };
        found.add(&rules::NOT_TO_US, subject, SETUP);
    }
    let wrong: Vec<u8> = path.ours.iter().copied().filter(|number| !path.good.contains(number)).collect();
    if !wrong.is_empty() && path.good.is_empty() {
        let subject = format!("destination {} is not of type PET", numbers(wrong.into_iter()));
        found.add(&rules::NOT_PET, subject, SETUP);
    }
    for number in &path.good {
        let Some(how) = told.destination(*number) else { continue };
        if !how.acknowledged {
            let subject = format!("destination {number} is not acknowledged: a lost trap is lost");
            found.add(&rules::UNACKNOWLEDGED, subject, SETUP);
        } else if how.retries < 3 {
            let subject = format!("destination {number} sends again {} times, every {} s", how.retries, how.seconds());
            found.add(&rules::NO_RETRIES, subject, SETUP);
        }
    }
}

fn policies(told: &Told, path: &Path, found: &mut Found) {
    let all_told = told.policy_count.is_ok() && told.policies.iter().all(|(_, policy)| policy.is_ok());
    if path.policies.is_empty() && all_told && !path.good.is_empty() {
        let disabled = told.policies().find(|(_, entry)| !entry.enabled && path.good.contains(&entry.destination));
        let subject = match disabled {
            Some((number, _)) if told.policies().filter(|(_, entry)| entry.enabled).count() == 0 => {
                format!("no policy entry is enabled; entry {number} would lead to us")
            }
            Some((number, _)) => format!("policy entry {number} leads to us and is disabled"),
            None => "no policy entry leads to our destination".to_owned(),
        };
        found.add(&rules::NO_POLICY, subject, SETUP);
    }
    const ALWAYS: u8 = 0;
    let skipping = told
        .policies()
        .filter(|(_, entry)| entry.enabled && path.good.contains(&entry.destination) && entry.rule != ALWAYS);
    let skipping: Vec<u8> = skipping.map(|(number, _)| number).collect();
    if !skipping.is_empty() {
        let subject =
            format!("policy entry {} may be skipped: its rule is not \"always\"", numbers(skipping.into_iter()));
        found.add(&rules::POLICY_SKIPS, subject, SETUP);
    }
}
