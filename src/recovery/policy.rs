//! What the operator allows one recovery: times, holding, the chassis.
//!
//! Made from the monitor and the BMC's description. Uses `config`.

use super::gate::{Gate, Limits};
use super::plan::Plan;
pub use crate::config::model::WhenUnverifiable;
use crate::config::model::{AfterEnded, AfterFailure, Bmc, Monitor};
use crate::words::Trust;
use core::time::Duration;

/// How long the BMC's evidence is waited for: the 10 s in which the log must not have moved, and what a slow BMC takes
/// to say what that means. A healthy one has said it after 10 s, and one that is silent is given up after 4 s.
pub const VERIFY_DEADLINE: Duration = Duration::from_secs(19);

/// How long after another server of the cluster was found recovering it is asked again.
pub const RETRY: Duration = Duration::from_secs(5);

/// What the machine of one monitor may do, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Ask the BMC first. Whoever performs `Action::Verify` answers `Supported` at once for a notice
    /// whose own trust suffices.
    pub verify: bool,
    /// Without an answer for so long: unanswerable.
    pub verify_deadline: Duration,
    /// What follows then.
    pub when_unverifiable: WhenUnverifiable,
    /// How long the recovery waits for the answer to *started*; zero: not at all.
    pub wait_for_started: Duration,
    /// What stands in the way of a new recovery now; the engine keeps it true.
    pub gate: Gate,
    /// How often recoveries may begin.
    pub limits: Limits,
    /// What is tried, in which order.
    pub plan: Plan,
    /// What the BMC hears when all has failed.
    pub after_failure: AfterFailure,
    /// Whether the final action may follow.
    pub final_allowed: bool,
    /// How long an attempt may take.
    pub deadline: Duration,
    /// How long *ended* is re-sent.
    pub tell_deadline: Duration,
    /// How long the reset is awaited.
    pub reset_deadline: Duration,
    /// What the operator declared to follow *ended*.
    pub after_ended: AfterEnded,
    /// A crash dump is waited for: a panic comes before *ended*, which its crash kernel then tells.
    pub dump: bool,
    /// Whether a chassis command may follow; that the BMC is the right one, `engine` checks.
    pub chassis_allowed: bool,
}

impl Policy {
    /// The policy of a monitor, towards this server's BMC. The monitor's least trust decides about the
    /// chassis, not the single notice's: what one forged datagram could start must not touch it.
    pub fn new(monitor: &Monitor, bmc: Option<&Bmc>) -> Self {
        Self {
            verify: monitor.trust == Trust::Corroborated,
            verify_deadline: VERIFY_DEADLINE,
            when_unverifiable: monitor.when_unverifiable,
            wait_for_started: monitor.wait_for_started,
            gate: Gate::default(),
            limits: Limits { cool_down: monitor.cool_down, budget: monitor.budget, window: monitor.budget_window },
            plan: Plan::new(monitor),
            after_failure: monitor.after_failure,
            final_allowed: monitor.trust > Trust::Address || monitor.final_action_on_address,
            deadline: monitor.deadline,
            tell_deadline: monitor.tell_deadline,
            reset_deadline: monitor.reset_deadline,
            after_ended: bmc.map_or(AfterEnded::None, |bmc| bmc.after_ended),
            dump: bmc.is_some_and(|bmc| bmc.dump.is_some()),
            chassis_allowed: monitor.trust > Trust::Address || monitor.chassis_on_address,
        }
    }

    /// The chassis command that follows `ended(done)`, if the operator declared one, and whether it may: after
    /// the recovery, or as the final action where that is the whole recovery.
    pub fn chassis(&self) -> Option<(AfterEnded, bool)> {
        let declared = match self.after_ended {
            AfterEnded::None | AfterEnded::Bmc => None,
            command @ (AfterEnded::PowerCycle
            | AfterEnded::HardReset
            | AfterEnded::PowerOff
            | AfterEnded::Nmi
            | AfterEnded::SoftOff) => Some((command, self.chassis_allowed)),
        };
        let last = self.plan.final_action.chassis().filter(|_| self.plan.is_final_alone());
        declared.or(last.map(|command| (command, self.final_allowed)))
    }
}
