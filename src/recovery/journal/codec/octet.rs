//! One octet a word: the numbers that classes, outcomes and reasons have in the journal, for all time.
//!
//! A number is never used again. Input is a file's; what nobody wrote is `None`.

use super::super::record::{Closed, Hold};
use crate::bmc::evidence::Doubt;
use crate::config::model::AfterEnded;
use crate::words::{Class, Outcome, RecoveryAction};

pub(super) fn class_octet(class: Class) -> u8 {
    match class {
        Class::Fatal => 0,
        Class::Info => 1,
        Class::Cleared => 2,
        Class::Recoverable { degradation, predictive } => 4 | u8::from(degradation) | u8::from(predictive) << 1,
    }
}

pub(super) fn parse_class(octet: u8) -> Option<Class> {
    Some(match octet {
        0 => Class::Fatal,
        1 => Class::Info,
        2 => Class::Cleared,
        4..=7 => Class::Recoverable { degradation: octet & 1 != 0, predictive: octet & 2 != 0 },
        _ => return None,
    })
}

pub(super) fn outcome_octet(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Done => 0,
        Outcome::Failed => 1,
        Outcome::Unknown => 2,
    }
}

pub(super) fn parse_outcome(octet: u8) -> Option<Outcome> {
    [Outcome::Done, Outcome::Failed, Outcome::Unknown].into_iter().find(|outcome| outcome_octet(*outcome) == octet)
}

/// Chassis Control's own numbers; what commands nothing has none and gets FEh, FFh.
pub(super) fn chassis_octet(command: AfterEnded) -> u8 {
    match command {
        AfterEnded::PowerOff => 0,
        AfterEnded::PowerCycle => 2,
        AfterEnded::HardReset => 3,
        AfterEnded::Nmi => 4,
        AfterEnded::SoftOff => 5,
        AfterEnded::Bmc => 0xFE,
        AfterEnded::None => 0xFF,
    }
}

pub(super) fn parse_chassis(octet: u8) -> Option<AfterEnded> {
    use AfterEnded::{Bmc, HardReset, Nmi, None, PowerCycle, PowerOff, SoftOff};
    let all = [PowerOff, PowerCycle, HardReset, Nmi, SoftOff, Bmc, None];
    all.into_iter().find(|command| chassis_octet(*command) == octet)
}

pub(super) fn action_octet(action: RecoveryAction) -> u8 {
    match action {
        RecoveryAction::Restart => 0,
        RecoveryAction::Failover => 1,
        RecoveryAction::StopService => 2,
    }
}

pub(super) fn parse_action(octet: u8) -> Option<RecoveryAction> {
    let all = [RecoveryAction::Restart, RecoveryAction::Failover, RecoveryAction::StopService];
    all.into_iter().find(|action| action_octet(*action) == octet)
}

pub(super) fn hold_octet(why: Hold) -> u8 {
    match why {
        Hold::Contradicted => 0,
        Hold::Unverifiable => 1,
        Hold::Maintenance => 2,
        Hold::CoolDown => 3,
        Hold::Budget => 4,
        Hold::PeerRecovers => 5,
        Hold::Failed => 6,
    }
}

pub(super) fn parse_hold(octet: u8) -> Option<Hold> {
    Hold::ALL.into_iter().find(|why| hold_octet(*why) == octet)
}

pub(super) fn doubt_octet(doubt: Doubt) -> u8 {
    Doubt::ALL.iter().position(|other| *other == doubt).map_or(u8::MAX, |place| place as u8)
}

pub(super) fn parse_doubt(octet: u8) -> Option<Doubt> {
    Doubt::ALL.get(usize::from(octet)).copied()
}

pub(super) fn closed_octet(reason: Closed) -> u8 {
    match reason {
        Closed::Done => 0,
        Closed::Failed => 1,
        Closed::Unknown => 2,
        Closed::Cleared => 3,
        Closed::InterruptedByReset => 4,
        Closed::Superseded => 5,
        Closed::Operator => 6,
    }
}

pub(super) fn parse_closed(octet: u8) -> Option<Closed> {
    use Closed::{Cleared, Done, Failed, InterruptedByReset, Operator, Superseded, Unknown};
    let all = [Done, Failed, Unknown, Cleared, InterruptedByReset, Superseded, Operator];
    all.into_iter().find(|reason| closed_octet(*reason) == octet)
}
