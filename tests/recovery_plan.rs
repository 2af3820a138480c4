//! Plans, holds and final actions: what is tried in which order, what stands in the way, what comes last.

use bmcnotice::config::model::{AfterEnded, AfterFailure, FinalAction};
use bmcnotice::notice::{Notice, NoticeId};
use bmcnotice::now::Now;
use bmcnotice::recovery::action::{Action, Event, Message};
use bmcnotice::recovery::gate::Gate;
use bmcnotice::recovery::journal::{
    BootId, Closed, Hold, Journal, Reconcile, RecordId, Replay, Step, reconcile, replay,
};
use bmcnotice::recovery::machine::{Machine, State};
use bmcnotice::recovery::picture;
use bmcnotice::recovery::plan::{Before, Next, Plan};
use bmcnotice::recovery::policy::{Policy, RETRY};
use bmcnotice::words::{Answer, Attempt, Class, Outcome, Phase, RecoveryAction, ServerId, Trust};
use std::time::Duration;

const NOW: Now = Now { boottime: Duration::from_secs(1000), wall: Duration::from_secs(1_800_000_000) };
const BOOT: BootId = BootId([7; 16]);

/// A machine with its journal; every action is kept.
struct Desk {
    journal: Journal,
    file: Vec<u8>,
    machine: Machine,
    policy: Policy,
    now: Now,
}

impl Desk {
    fn new(plan: Plan) -> Self {
        let policy = Policy { plan, after_ended: AfterEnded::None, ..picture::policies()[0] };
        let journal = Journal::new(BOOT, &Replay::default());
        Self { journal, file: vec![], machine: Machine::new(), policy, now: NOW }
    }

    fn fault(&mut self) -> (RecordId, Vec<Action>) {
        let notice = Notice {
            id: NoticeId(1),
            server: ServerId(0),
            class: Class::Fatal,
            trust: Trust::Authenticated,
            source: "127.0.0.1:162".parse().unwrap(),
            received: NOW,
            trap_oid: "".into(),
            pet: None,
            fault: None,
            region: "".into(),
            sentence: "".into(),
        };
        let (pending, octets) = self.journal.open_record(NOW, &notice, Some("memory"), "one");
        self.file.extend(octets);
        let id = pending.stored(&mut self.journal, true);
        (id, self.on(Event::Recorded(id)))
    }

    fn keep(&mut self, actions: Vec<Action>) -> Vec<Action> {
        for action in &actions {
            if let Action::Journal(id, step) = action {
                self.file.extend(self.journal.step(self.now, *id, *step));
            }
        }
        actions
    }

    fn on(&mut self, event: Event) -> Vec<Action> {
        let actions = self.machine.handle(self.now, event, &self.policy);
        self.keep(actions)
    }

    fn wait(&mut self, time: Duration) -> Vec<Action> {
        self.now = self.now.after(time);
        let actions = self.machine.handle_timeout(self.now, &self.policy);
        self.keep(actions)
    }

    /// What it does after we were killed and started again.
    fn restart(&mut self) -> (Reconcile, Vec<Action>) {
        let read = replay(&self.file);
        self.journal = Journal::new(BOOT, &read);
        self.machine = Machine::new();
        let (record, how) = reconcile(&read, BOOT, |_| false).next().unwrap();
        let actions = self.machine.restore(self.now, record, how, &self.policy);
        (how, self.keep(actions))
    }
}

/// What is run, in order.
fn runs(actions: &[Action]) -> Vec<String> {
    let run = |action: &Action| match action {
        Action::Recover(_, attempt) => Some(format!("{} {}", attempt.action, attempt.number)),
        Action::Prepare(_, Next::Attempt(attempt)) => Some(format!("script before {}", attempt.action)),
        Action::Prepare(_, Next::Final) => Some("script before final".into()),
        Action::Finish(_, action) => Some(format!("final {}", action.name())),
        Action::Tell(_, phase) => Some(phase.to_string()),
        Action::AfterEnded(_, command) => Some(format!("{command:?}")),
        Action::Abandon(_) => Some("abandon".into()),
        Action::Withdraw(_) => Some("withdraw".into()),
        Action::Journal(..) | Action::Verify(_) | Action::Report(..) => None,
    };
    actions.iter().filter_map(run).collect()
}

fn says(actions: &[Action], message: Message) -> bool {
    actions.iter().any(|action| matches!(action, Action::Report(_, said) if *said == message))
}

fn plan(restart: u8, failover: u8, final_action: FinalAction) -> Plan {
    Plan { restart, failover, final_action, ..Plan::FAILOVER }
}

const FAILED: Event = Event::Answered(Answer::Failed);
const DONE: Event = Event::Answered(Answer::Done);

#[test]
fn restarts_come_first_then_failovers_and_the_first_that_is_done_ends_it() {
    let mut desk = Desk::new(plan(1, 2, FinalAction::None));
    let (_, actions) = desk.fault();
    assert_eq!(runs(&actions), ["started", "restart 1"]);
    assert_eq!(runs(&desk.on(FAILED)), ["failover 2"]);
    let deadline = desk.policy.deadline;
    assert_eq!(runs(&desk.wait(deadline)), ["abandon", "failover 3"], "one that overruns has failed");
    assert_eq!(desk.machine.attempt(), Some(Attempt { action: RecoveryAction::Failover, number: 3 }));
    assert_eq!(runs(&desk.on(DONE)), ["ended(done)"]);
}

#[test]
fn when_all_have_failed_the_bmc_hears_it_once() {
    let mut desk = Desk::new(plan(1, 1, FinalAction::None));
    desk.fault();
    desk.on(FAILED);
    assert_eq!(runs(&desk.on(Event::Lost)), ["ended(failed)"]);
    assert!(runs(&desk.on(Event::Told(Phase::Ended(Outcome::Failed)))).is_empty());
    assert_eq!(desk.machine.state(), State::Failed);
}

#[test]
fn a_failure_may_be_held_until_the_operator_lets_go() {
    let mut desk = Desk::new(Plan::FAILOVER);
    desk.policy.after_failure = AfterFailure::Hold;
    desk.fault();
    let actions = desk.on(FAILED);
    assert!(says(&actions, Message::Held(Hold::Failed)) && runs(&actions).is_empty());
    assert_eq!((desk.machine.held(), desk.machine.next_deadline()), (Some(Hold::Failed), None));
    let (how, actions) = desk.restart();
    assert_eq!((how, runs(&actions)), (Reconcile::StayHeld(Hold::Failed), vec![]), "a restart changes nothing");
    assert_eq!(runs(&desk.on(Event::Released)), ["ended(failed)"]);
}

#[test]
fn the_script_runs_before_what_it_is_declared_for_and_stops_nothing() {
    let before = Before { restart: false, failover: true, last: true };
    let script = Some(Duration::from_secs(30));
    let mut desk = Desk::new(Plan { before, script, ..plan(1, 1, FinalAction::Reboot) });
    assert_eq!(runs(&desk.fault().1), ["started", "restart 1"]);
    assert_eq!(runs(&desk.on(FAILED)), ["script before failover"]);
    assert_eq!(desk.machine.state(), State::Preparing);
    let actions = desk.on(Event::Prepared(false));
    assert!(says(&actions, Message::ScriptFailed));
    assert_eq!(runs(&actions), ["failover 2"]);
    assert_eq!(runs(&desk.on(FAILED)), ["script before final"]);
    assert_eq!(runs(&desk.wait(Duration::from_secs(30))), ["abandon", "final reboot"]);
}

#[test]
fn an_operating_system_that_ends_tells_us_and_the_bmc_hears_of_it_then() {
    for action in [FinalAction::Shutdown, FinalAction::Reboot] {
        let mut desk = Desk::new(plan(0, 1, action));
        desk.fault();
        let actions = desk.on(FAILED);
        let name = format!("final {}", action.name());
        assert_eq!(runs(&actions), [name]);
        assert!(desk.on(Event::Finished(true)).is_empty());
        assert_eq!(runs(&desk.on(Event::Leaving)), ["ended(failed)"]);

        let mut desk = Desk::new(plan(0, 1, action));
        desk.fault();
        desk.on(FAILED);
        let deadline = desk.policy.deadline;
        assert_eq!(runs(&desk.wait(deadline)), ["ended(failed)"], "it did not end");

        let mut desk = Desk::new(plan(0, 1, action));
        desk.fault();
        desk.on(FAILED);
        assert_eq!(runs(&desk.restart().1), ["ended(failed)"], "never a second time");

        let mut desk = Desk::new(plan(0, 1, action));
        desk.policy.final_allowed = false;
        desk.fault();
        let actions = desk.on(FAILED);
        assert!(says(&actions, Message::FinalWithheld));
        assert_eq!(runs(&actions), ["ended(failed)"], "an address alone may not do that");
    }
}

#[test]
fn a_panic_comes_last() {
    for told in [Event::Told(Phase::Ended(Outcome::Failed)), Event::Untold(Phase::Ended(Outcome::Failed))] {
        let mut desk = Desk::new(plan(0, 1, FinalAction::SysrqPanic));
        desk.fault();
        assert_eq!(runs(&desk.on(FAILED)), ["ended(failed)"]);
        assert_eq!(runs(&desk.on(told)), ["final sysrq_panic"]);
        let (how, actions) = desk.restart();
        assert!(matches!(how, Reconcile::Await { .. }) && runs(&actions).is_empty(), "{how:?}");
    }
    let mut desk = Desk::new(plan(0, 1, FinalAction::SysrqPanic));
    desk.fault();
    desk.on(DONE);
    assert!(runs(&desk.on(Event::Told(Phase::Ended(Outcome::Done)))).is_empty(), "nothing failed");
}

#[test]
fn a_failed_recovery_never_leads_to_a_chassis_command() {
    for action in FinalAction::ALL.into_iter().filter(|action| action.chassis().is_some()) {
        let mut desk = Desk::new(plan(0, 1, action));
        desk.fault();
        let actions = desk.on(FAILED);
        assert!(says(&actions, Message::FinalAfterFailure));
        assert!(runs(&desk.on(Event::Told(Phase::Ended(Outcome::Failed)))).is_empty());

        let mut desk = Desk::new(plan(0, 0, action));
        assert_eq!(runs(&desk.fault().1), ["started", "ended(done)"], "the final action is the whole recovery");
        let told = runs(&desk.on(Event::Told(Phase::Ended(Outcome::Done))));
        assert_eq!(told, [format!("{:?}", action.chassis().unwrap())]);

        let mut desk = Desk::new(plan(0, 0, action));
        desk.policy.final_allowed = false;
        desk.fault();
        let actions = desk.on(Event::Told(Phase::Ended(Outcome::Done)));
        assert!(runs(&actions).is_empty() && says(&actions, Message::ChassisWithheld));
    }
}

#[test]
fn stopping_the_service_is_the_last_attempt() {
    let mut desk = Desk::new(plan(0, 1, FinalAction::StopService));
    desk.fault();
    assert_eq!(runs(&desk.on(FAILED)), ["stop_service 2"]);
    assert_eq!(runs(&desk.on(DONE)), ["ended(done)"]);
}

#[test]
fn maintenance_and_a_spent_budget_hold_until_the_operator_releases() {
    for (gate, why) in [
        (Gate { maintenance: true, ..Gate::default() }, Hold::Maintenance),
        (Gate { spent: true, ..Gate::default() }, Hold::Budget),
    ] {
        let mut desk = Desk::new(Plan::FAILOVER);
        desk.policy.gate = gate;
        let (id, actions) = desk.fault();
        assert!(actions.contains(&Action::Journal(id, Step::Held(why))) && says(&actions, Message::Held(why)));
        assert!(runs(&actions).is_empty(), "the BMC hears nothing of it");
        desk.policy.gate = Gate::default();
        assert!(desk.wait(Duration::from_secs(86_400)).is_empty());
        assert_eq!(runs(&desk.on(Event::Released)), ["started", "failover 1"]);
    }
    let mut desk = Desk::new(Plan::FAILOVER);
    desk.policy.gate = Gate { maintenance: true, ..Gate::default() };
    let (id, _) = desk.fault();
    assert_eq!(desk.on(Event::Cleared).last(), Some(&Action::Journal(id, Step::Closed(Closed::Cleared))));
}

#[test]
fn a_cool_down_ends_by_itself_unless_the_fault_is_cleared() {
    let until = NOW.boottime + Duration::from_secs(20);
    let cooling = Gate { cool_until: Some(until), ..Gate::default() };
    let mut desk = Desk::new(Plan::FAILOVER);
    desk.policy.gate = cooling;
    assert!(runs(&desk.fault().1).is_empty());
    assert_eq!(desk.machine.next_deadline(), Some(until));
    desk.restart();
    assert_eq!(desk.machine.next_deadline(), Some(until), "a restart changes nothing");
    assert!(desk.wait(Duration::from_secs(19)).is_empty());
    desk.policy.gate = Gate::default();
    assert_eq!(runs(&desk.wait(Duration::from_secs(1))), ["started", "failover 1"]);
    let mut desk = Desk::new(Plan::FAILOVER);
    desk.policy.gate = cooling;
    desk.fault();
    desk.on(Event::Cleared);
    assert_eq!(desk.machine.state(), State::Idle);
}

#[test]
fn where_a_peer_recovers_the_attempt_waits_and_the_bmc_with_it() {
    let mut desk = Desk::new(Plan::FAILOVER);
    desk.fault();
    let actions = desk.on(Event::Deferred);
    assert!(says(&actions, Message::Held(Hold::PeerRecovers)) && runs(&actions).is_empty());
    assert_eq!(runs(&desk.wait(RETRY)), ["failover 1"], "the same attempt, for it has moved nothing");
    desk.on(Event::Deferred);
    assert_eq!(desk.restart().0, Reconcile::StayHeld(Hold::PeerRecovers));
    assert_eq!(runs(&desk.wait(RETRY)), ["failover 1"]);
    desk.on(Event::Deferred);
    assert_eq!(runs(&desk.on(Event::Cleared)), ["ended(failed)"], "who heard started hears ended");
}

#[test]
fn killed_between_two_attempts_the_next_one_follows() {
    let mut desk = Desk::new(plan(1, 1, FinalAction::None));
    let (id, _) = desk.fault();
    let octets = desk.journal.step(NOW, id, Step::Answered(Answer::Failed));
    desk.file.extend(octets);
    let (how, actions) = desk.restart();
    assert_eq!((how, runs(&actions)), (Reconcile::GoOn { failed: 1 }, vec!["failover 2".to_owned()]));
    let (how, actions) = desk.restart();
    let unknown = Reconcile::TellEnded(Outcome::Unknown);
    assert_eq!((how, runs(&actions)), (unknown, vec!["ended(unknown)".to_owned()]), "nobody knows of this one");
}

#[test]
fn what_was_set_in_the_cluster_is_taken_back_when_the_fault_is_over() {
    for event in [Event::Cleared, Event::Cancelled] {
        let mut desk = Desk::new(Plan::FAILOVER);
        desk.fault();
        desk.on(DONE);
        desk.on(Event::Told(Phase::Ended(Outcome::Done)));
        assert_eq!(runs(&desk.on(event)), ["withdraw"]);
    }
}

#[test]
fn numbers_are_those_of_emergency_action() {
    let numbers: Vec<u8> = FinalAction::ALL.iter().map(|action| action.number()).collect();
    assert_eq!(numbers, [1, 3, 4, 5, 8, 11, 12, 13, 14]);
    for number in [0, 2, 6, 7, 9, 10, 15, 16, 255] {
        assert_eq!(FinalAction::from_number(number), None, "{number}");
    }
    assert_eq!(FinalAction::from_number(13), Some(FinalAction::BmcPowerCycle));
}
