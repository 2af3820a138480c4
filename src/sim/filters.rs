//! What the platform event filtering is set to: its tables, and whether it runs (IPMI 2.0 section 17).
//!
//! Uses `wire` for the tables. Time is boottime, handed in.

use super::channel::CHANNEL;
use super::fault::{Fault, NON_RECOVERABLE};
use crate::wire::lan::Progress;
use crate::wire::pef::filter::{ANY, Compare, Filter, PRECONFIGURED, Policy};
use crate::wire::pef::{PetGuid, action, control, postpone};
use crate::wire::sel::Record;
use crate::words::Guid;
use core::time::Duration;

/// Entries of the filter table.
pub const FILTERS: usize = 16;
/// Entries of the policy table.
pub const POLICIES: usize = 8;
/// The policy of the filters that are there from the beginning.
const POLICY: u8 = 1;

/// What the simulated BMC can do about an event.
pub(super) const ABLE: u8 = action::ALERT | action::POWER_OFF | action::RESET | action::POWER_CYCLE | action::NMI;

/// Whether filtering is put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Postponed {
    No,
    /// In boottime.
    Until(Duration),
    /// The server's reset or loss of power.
    Restart,
}

/// What the filters make of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Decision {
    /// What is to be done; only what is enabled.
    pub actions: u8,
    /// The highest severity that a filter gives it; 0: none does.
    pub severity: u8,
    /// Bit n: policy n alerts.
    pub policies: u16,
}

/// The settings.
#[derive(Debug, Clone)]
pub(super) struct Filters {
    pub progress: Progress,
    pub control: u8,
    pub actions: u8,
    pub startup_delay: u8,
    pub alert_delay: u8,
    pub filters: [Filter; FILTERS],
    pub policies: [Policy; POLICIES],
    pub guid: PetGuid,
    pub by_software: u16,
    pub by_bmc: u16,
    postponed: Postponed,
}

const EMPTY: Filter = Filter {
    enabled: false,
    kind: 0,
    actions: 0,
    policy: 0,
    severity: 0,
    generator: [0; 2],
    sensor_type: 0,
    sensor: 0,
    event_type: 0,
    offsets: 0,
    data: [Compare { mask: 0, exact: 0, value: 0 }; 3],
};

/// An alert for this event of any sensor of this type.
fn alerting(sensor_type: u8, event_type: u8, offsets: u16) -> Filter {
    Filter {
        enabled: true,
        actions: action::ALERT,
        policy: POLICY,
        generator: [ANY; 2],
        sensor_type,
        sensor: ANY,
        event_type,
        offsets,
        ..EMPTY
    }
}

impl Default for Filters {
    /// The maker's filters for what is fatal, one for everything else, and one policy: always to destination 1.
    fn default() -> Self {
        let mut filters = [EMPTY; FILTERS];
        let fatal = Fault::PRESETS.iter().filter(|fault| fault.fatal).map(|fault| Filter {
            kind: PRECONFIGURED,
            severity: NON_RECOVERABLE,
            ..alerting(fault.sensor_type, fault.event_type, 1 << (fault.offset & 0x0F))
        });
        let all = fatal.chain([alerting(ANY, ANY, 0x7FFF)]);
        filters.iter_mut().zip(all).for_each(|(entry, filter)| *entry = filter);
        let none = Policy { policy: 0, enabled: false, rule: 0, channel: 0, destination: 0, string: 0 };
        let mut policies = [none; POLICIES];
        policies[0] = Policy { policy: POLICY, enabled: true, channel: CHANNEL, destination: 1, ..none };
        Self {
            progress: Progress::Complete,
            control: control::PEF,
            actions: ABLE,
            startup_delay: 0,
            alert_delay: 0,
            filters,
            policies,
            guid: PetGuid { used: false, guid: Guid([0; 16]) },
            by_software: 0,
            by_bmc: 0,
            postponed: Postponed::No,
        }
    }
}

impl Filters {
    /// Arms the postpone timer, or asks for it; what is left of it.
    pub fn postpone(&mut self, now: Duration, seconds: u8) -> u8 {
        match seconds {
            postpone::ASK => {}
            postpone::OFF => self.postponed = Postponed::No,
            postpone::FOR_NOW => self.postponed = Postponed::Restart,
            seconds => self.postponed = Postponed::Until(now + Duration::from_secs(seconds.into())),
        }
        match self.postponed {
            Postponed::No => postpone::OFF,
            Postponed::Restart => postpone::FOR_NOW,
            Postponed::Until(until) => until.saturating_sub(now).as_millis().div_ceil(1000) as u8, // at most FDh
        }
    }

    /// The server was reset or lost its power.
    pub fn restarted(&mut self) {
        if self.postponed == Postponed::Restart {
            self.postponed = Postponed::No;
        }
    }

    /// What is to be done about this event, `up` after the server's start. What happens while filtering is off or put
    /// off is never filtered later.
    pub fn decide(&self, now: Duration, up: Duration, record: &Record) -> Decision {
        let waits = match self.postponed {
            Postponed::No => false,
            Postponed::Restart => true,
            Postponed::Until(until) => now < until,
        };
        let early = |bit: u8, delay: u8| self.control & bit != 0 && up < Duration::from_secs(delay.into());
        if self.control & control::PEF == 0 || waits || early(control::STARTUP_DELAY, self.startup_delay) {
            return Decision::default();
        }
        let mut decision = Decision::default();
        for filter in self.filters.iter().filter(|filter| filter.enabled && filter.takes(record)) {
            let actions = filter.actions & self.actions;
            decision.actions |= actions;
            decision.severity = decision.severity.max(filter.severity);
            if actions & action::ALERT != 0 && !early(control::ALERT_DELAY, self.alert_delay) {
                decision.policies |= 1 << (filter.policy & 0x0F);
            }
        }
        decision
    }

    /// The entries of this policy, in the table's order.
    pub fn entries(&self, policy: u8) -> impl Iterator<Item = Policy> + '_ {
        self.policies.iter().copied().filter(move |entry| entry.enabled && entry.policy == policy)
    }
}
