//! A recovery and the commands around it, in the numbers of CLUSTERPRO's message list.
//!
//! Pure; part of `alert`, which has the rest.

use super::{About, Alert};
use crate::config::model::{AfterEnded, FinalAction};
use crate::engine::output::Stage;
use crate::recovery::action::Message;
use crate::recovery::journal::{Closed, Hold, Step};
use crate::words::{Answer, Level, Outcome, RecoveryAction};

/// A step of a recovery, as people are told it.
pub fn stage(stage: &Stage, about: &About<'_>) -> Option<Alert> {
    let About { monitor, server, .. } = about;
    let target = about.target();
    match stage {
        Stage::Recorded { sentence, .. } => Some(Alert::mm(
            905,
            Level::Error,
            format!("monitor {monitor}: server {server} is in error; target {target} is to be recovered: {sentence}"),
        )),
        Stage::Answered(Answer::Done) => {
            let (id, what) = match about.action {
                RecoveryAction::StopService => (15, "the cluster's services were stopped"),
                RecoveryAction::Restart => (13, "was restarted"),
                RecoveryAction::Failover => (14, "was failed over"),
            };
            Some(Alert::mm(id, Level::Info, format!("monitor {monitor}: target {target} {what}")))
        }
        Stage::Answered(Answer::Failed) => Some(attempt_failed(about, "failed")),
        Stage::Overrun => Some(attempt_failed(about, "did not end within its deadline")),
        Stage::Answered(Answer::Later)
        | Stage::Joined { .. }
        | Stage::Telling(_)
        | Stage::Told(_)
        | Stage::Untold(..)
        | Stage::Recovering
        | Stage::Chassis(_)
        | Stage::AwaitingReset
        | Stage::Closed(_)
        | Stage::Remark(..)
        | Stage::Drill(..) => None,
    }
}

fn attempt_failed(about: &About<'_>, how: &str) -> Alert {
    let (id, what) = match about.action {
        RecoveryAction::StopService => (21, "stop of the cluster's services"),
        RecoveryAction::Restart => (19, "restart"),
        RecoveryAction::Failover => (20, "failover"),
    };
    Alert::mm(id, Level::Error, format!("monitor {}: {what} of target {} {how}", about.monitor, about.target()))
}

/// A step that is in the journal.
pub fn step(step: Step, about: &About<'_>) -> Option<Alert> {
    let About { monitor, .. } = about;
    let target = about.target();
    let mm = |id, level, text: String| Some(Alert::mm(id, level, text));
    match step {
        Step::Held(Hold::Failed) => {
            mm(907, Level::Error, format!("monitor {monitor}: the recovery of target {target} failed and is held"))
        }
        Step::Held(why) => mm(
            25,
            Level::Warning,
            format!("monitor {monitor}: no recovery of target {target} now: {}", Message::Held(why)),
        ),
        Step::Ending(Outcome::Failed) => {
            mm(907, Level::Error, format!("monitor {monitor}: the recovery of target {target} failed"))
        }
        Step::Ending(Outcome::Unknown) => {
            mm(906, Level::Error, format!("monitor {monitor}: ended in the middle of the recovery of target {target}"))
        }
        Step::Closed(Closed::Done | Closed::Cleared | Closed::Operator) => {
            mm(26, Level::Info, format!("monitor {monitor} is back to normal"))
        }
        Step::Closed(Closed::Failed | Closed::Unknown | Closed::InterruptedByReset) => {
            mm(27, Level::Info, format!("monitor {monitor}: nobody knows how target {target} is"))
        }
        Step::Final(action) => final_action(action, about, false),
        Step::Closed(Closed::Superseded)
        | Step::Attempt(_)
        | Step::Withdrawn
        | Step::StartedSent
        | Step::StartedTold
        | Step::StartedGivenUp
        | Step::Begun { .. }
        | Step::Answered(_)
        | Step::Abandoned
        | Step::Ending(Outcome::Done)
        | Step::EndedTold(_)
        | Step::EndedGivenUp(_)
        | Step::Chassis(_)
        | Step::AwaitingReset
        | Step::Released
        | Step::Joined { .. }
        | Step::Acknowledged
        | Step::Asked(_)
        | Step::Supported(_)
        | Step::Unsupported(_)
        | Step::Proven(_) => None,
    }
}

/// A chassis command was asked for (`failed`: in vain).
pub fn chassis(command: AfterEnded, server: &str, failed: bool) -> Option<Alert> {
    let (id, what) = match command {
        AfterEnded::None | AfterEnded::Bmc => return None,
        AfterEnded::HardReset => (41, "reset by its BMC"),
        AfterEnded::PowerOff => (43, "power off by its BMC"),
        AfterEnded::PowerCycle => (45, "power cycle by its BMC"),
        AfterEnded::Nmi => (47, "NMI by its BMC"),
        AfterEnded::SoftOff => (16, "stop of its operating system"),
    };
    Some(match (failed, id) {
        (false, _) => Alert::mm(id, Level::Info, format!("server {server}: {what} was requested")),
        (true, 16) => Alert::mm(22, Level::Error, format!("server {server}: {what} failed")),
        (true, _) => Alert::mm(id + 1, Level::Error, format!("server {server}: {what} failed")),
    })
}

/// A final action that is the operating system's was asked for (`failed`: in vain).
pub fn final_action(action: FinalAction, about: &About<'_>, failed: bool) -> Option<Alert> {
    let About { server, .. } = about;
    let (id, next, what) = match action {
        FinalAction::Shutdown => (16, 22, "stop of its operating system"),
        FinalAction::Reboot => (17, 23, "reboot of its operating system"),
        FinalAction::SysrqPanic => (35, 36, "panic by sysrq"),
        // Stopping the service is an attempt; the BMC's follow *ended*, and are told then.
        FinalAction::None
        | FinalAction::StopService
        | FinalAction::BmcReset
        | FinalAction::BmcPowerOff
        | FinalAction::BmcPowerCycle
        | FinalAction::BmcNmi => return None,
    };
    Some(match failed {
        false => Alert::mm(id, Level::Info, format!("server {server}: {what} was requested")),
        true => Alert::mm(next, Level::Error, format!("server {server}: {what} failed")),
    })
}

/// The kernel was to panic, and did not.
pub fn no_panic(server: &str, why: &str) -> Alert {
    Alert::mm(36, Level::Error, format!("server {server}: panic by sysrq failed: {why}"))
}

/// The script before an action has ended.
pub fn script(about: &About<'_>, well: bool) -> Alert {
    let About { monitor, .. } = about;
    match well {
        true => Alert::mm(82, Level::Info, format!("monitor {monitor}: the script before the action is done")),
        false => Alert::mm(83, Level::Error, format!("monitor {monitor}: the script before the action failed")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::short;
    use super::*;

    #[test]
    fn attempts_and_final_actions_have_the_numbers_of_what_they_do() {
        let (info, error) = (Level::Info, Level::Error);
        for (action, done, failed) in [
            (RecoveryAction::Restart, 13, 19),
            (RecoveryAction::Failover, 14, 20),
            (RecoveryAction::StopService, 15, 21),
        ] {
            let about = About { monitor: "mrw1", server: "server1", target: "", action };
            assert_eq!(short(stage(&Stage::Answered(Answer::Done), &about)), [(done, info)]);
            assert_eq!(short(stage(&Stage::Answered(Answer::Failed), &about)), [(failed, error)]);
            assert_eq!(short(stage(&Stage::Overrun, &about)), [(failed, error)]);
            assert_eq!(short(stage(&Stage::Answered(Answer::Later), &about)), []);
        }
        for (command, asked, failed) in [
            (AfterEnded::SoftOff, 16, 22),
            (AfterEnded::HardReset, 41, 42),
            (AfterEnded::PowerOff, 43, 44),
            (AfterEnded::PowerCycle, 45, 46),
            (AfterEnded::Nmi, 47, 48),
        ] {
            assert_eq!(short(chassis(command, "server1", false)), [(asked, info)]);
            assert_eq!(short(chassis(command, "server1", true)), [(failed, error)]);
        }
        assert_eq!(chassis(AfterEnded::Bmc, "server1", false), None);
        let about = About { monitor: "mrw1", server: "server1", target: "g", action: RecoveryAction::Failover };
        for (action, asked, failed) in
            [(FinalAction::Shutdown, 16, 22), (FinalAction::Reboot, 17, 23), (FinalAction::SysrqPanic, 35, 36)]
        {
            assert_eq!(short(step(Step::Final(action), &about)), [(asked, info)]);
            assert_eq!(short(final_action(action, &about, true)), [(failed, error)]);
        }
        assert_eq!(
            short([no_panic("server1", "no"), script(&about, true), script(&about, false)]),
            [(36, error), (82, info), (83, error)]
        );
    }

    #[test]
    fn how_a_recovery_stands_has_its_number() {
        let about = About { monitor: "mrw1", server: "server1", target: "g", action: RecoveryAction::Failover };
        let recorded = Stage::Recorded { sentence: "x".into(), durable: true };
        assert_eq!(short(stage(&recorded, &about)), [(905, Level::Error)]);
        for (taken, id, level) in [
            (Step::Held(Hold::Budget), 25, Level::Warning),
            (Step::Held(Hold::Failed), 907, Level::Error),
            (Step::Ending(Outcome::Failed), 907, Level::Error),
            (Step::Ending(Outcome::Unknown), 906, Level::Error),
            (Step::Closed(Closed::Cleared), 26, Level::Info),
            (Step::Closed(Closed::Done), 26, Level::Info),
            (Step::Closed(Closed::Unknown), 27, Level::Info),
        ] {
            assert_eq!(short(step(taken, &about)), [(id, level)], "{taken:?}");
        }
        assert_eq!(short(step(Step::Ending(Outcome::Done), &about)), []);
    }
}
