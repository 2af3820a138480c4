//! The machine, walked through and drawn.
//!
//! Puts a machine into every state, gives it every event under every kind of policy, and notes what
//! it does. `docs/recovery-machine.md` and the table test come from here, so neither can lie.

use super::action::{Action, Event};
use super::gate::{Gate, Limits};
use super::journal::{BootId, Hold, Journal, RecordId, Replay};
use super::machine::{At, Job, Machine, State};
use super::plan::{Before, Next, Plan};
use super::policy::{Policy, VERIFY_DEADLINE, WhenUnverifiable};
use super::timer::Timer;
use crate::config::model::{AfterEnded, AfterFailure, FinalAction};
use crate::notice::{Notice, NoticeId};
use crate::now::Now;
use crate::words::{Answer, Attempt, Class, Outcome, Phase, RecoveryAction, ServerId, Trust};
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

/// One pair of state and event, and what came of it.
#[derive(Debug, Clone)]
pub struct Transition {
    /// Where the machine stood.
    pub from: State,
    /// The outcome that it knew, in `Ending` and `Failed`; why it was held, in `Held`.
    pub detail: Detail,
    /// What happened; `None`: nothing was needed.
    pub event: Option<Event>,
    /// Under which policy.
    pub policy: Policy,
    /// Where it stands then.
    pub to: State,
    /// What it wants done.
    pub actions: Vec<Action>,
}

/// Every state, every event, every kind of policy.
pub fn walk() -> Vec<Transition> {
    let now = Now { boottime: Duration::from_secs(3600), wall: Duration::from_secs(1_800_000_000) };
    let [ours, other] = records(now);
    let mut all = vec![];
    for policy in policies() {
        for (at, detail) in places(Job { attempt: 1, ..Job::new(ours) }) {
            let from = Machine::placed(at).state();
            for event in events(other) {
                let mut machine = Machine::placed(at);
                let actions = machine.react(now, event, &policy);
                let to = machine.state();
                all.push(Transition { from, detail, event: Some(event), policy, to, actions });
            }
            let mut machine = Machine::placed(at);
            if machine.advance(now, &policy) {
                let to = machine.state();
                all.push(Transition { from, detail, event: None, policy, to, actions: vec![] });
            }
        }
    }
    all
}

/// The changes of state as a Mermaid picture.
pub fn mermaid() -> String {
    let transitions = walk();
    let mut lines = vec!["stateDiagram-v2".to_owned(), "    [*] --> Idle".to_owned()];
    for from in State::ALL {
        for to in State::ALL.into_iter().filter(|to| *to != from) {
            let mut names: Vec<String> = vec![];
            for transition in transitions.iter().filter(|one| one.from == from && one.to == to) {
                let name = transition.event.map_or("(at once)".to_owned(), name);
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            if !names.is_empty() {
                lines.push(format!("    {from:?} --> {to:?}: {}", names.join(", ")));
            }
        }
    }
    lines.join("\n") + "\n"
}

/// The event's name as the picture shows it.
pub fn name(event: Event) -> String {
    match event {
        Event::Recorded(_) => "Recorded".into(),
        Event::Joined(_) => "Joined".into(),
        Event::Told(phase) => format!("Told {phase}"),
        Event::Untold(phase) => format!("Untold {phase}"),
        Event::Answered(verdict) => format!("Answer {verdict:?}"),
        Event::Prepared(true) => "Script done".into(),
        Event::Prepared(false) => "Script failed".into(),
        Event::Finished(true) => "Final done".into(),
        Event::Finished(false) => "Final failed".into(),
        Event::Expired(timer) => format!("Expired {timer:?}"),
        Event::Supported
        | Event::Contradicted
        | Event::Unanswerable
        | Event::Lost
        | Event::Deferred
        | Event::Leaving
        | Event::Cleared
        | Event::Released
        | Event::Cancelled
        | Event::Booted => format!("{event:?}"),
    }
}

/// Every event, with all that it may carry; `other` is the record that joins.
pub fn events(other: RecordId) -> Vec<Event> {
    let ended = [Outcome::Done, Outcome::Failed, Outcome::Unknown].map(Phase::Ended);
    let phases = [[Phase::Armed, Phase::Started].as_slice(), &ended, &[Phase::Disarmed]].concat();
    let mut events = vec![
        Event::Recorded(other),
        Event::Joined(other),
        Event::Supported,
        Event::Contradicted,
        Event::Unanswerable,
        Event::Prepared(true),
        Event::Prepared(false),
        Event::Lost,
        Event::Deferred,
        Event::Finished(true),
        Event::Finished(false),
        Event::Leaving,
        Event::Cleared,
        Event::Released,
        Event::Cancelled,
        Event::Booted,
    ];
    events.extend(phases.iter().map(|phase| Event::Told(*phase)));
    events.extend(phases.iter().map(|phase| Event::Untold(*phase)));
    events.extend([Answer::Done, Answer::Failed, Answer::Later].map(Event::Answered));
    events.extend(Timer::ALL.map(Event::Expired));
    events
}

/// What a held recovery waits for, or what a known outcome is: two columns of one state.
pub type Detail = (Option<Outcome>, Option<Hold>);

fn places(job: Job) -> Vec<(At, Detail)> {
    let attempt = Attempt { action: RecoveryAction::Failover, number: 1 };
    let known = |outcome| (Some(outcome), None);
    let mut all = vec![
        (At::Idle, (None, None)),
        (At::Recorded(job), (None, None)),
        (At::Verifying(job), (None, None)),
        (At::Started(job), (None, None)),
        (At::Preparing(job, Next::Attempt(attempt)), (None, None)),
        (At::Recovering(job, attempt), (None, None)),
        (At::Finishing(job, Outcome::Failed), (None, None)),
        (At::AwaitingReset(job), (None, None)),
        (At::Failed(job, Outcome::Failed), known(Outcome::Failed)),
        (At::Failed(job, Outcome::Unknown), known(Outcome::Unknown)),
    ];
    let outcomes = [Outcome::Done, Outcome::Failed, Outcome::Unknown];
    all.extend(outcomes.map(|outcome| (At::Ending(job, outcome), known(outcome))));
    all.extend(Hold::ALL.map(|why| (At::Held(job, why), (None, Some(why)))));
    all
}

/// Every combination of what changes the machine's way.
pub fn policies() -> Vec<Policy> {
    let usual = Policy {
        verify: false,
        verify_deadline: VERIFY_DEADLINE,
        when_unverifiable: WhenUnverifiable::Hold,
        wait_for_started: Duration::ZERO,
        gate: Gate::default(),
        limits: Limits { cool_down: Duration::from_secs(60), budget: 3, window: Duration::from_secs(3600) },
        plan: Plan::FAILOVER,
        after_failure: AfterFailure::Ended,
        final_allowed: true,
        deadline: Duration::from_secs(300),
        tell_deadline: Duration::from_secs(30),
        reset_deadline: Duration::from_secs(600),
        after_ended: AfterEnded::PowerCycle,
        dump: false,
        chassis_allowed: true,
    };
    let mut all = vec![];
    for bits in 0..16_u8 {
        let when_unverifiable = if bits & 4 == 0 { WhenUnverifiable::Hold } else { WhenUnverifiable::Recover };
        all.push(Policy {
            verify: bits & 1 != 0,
            when_unverifiable,
            wait_for_started: Duration::from_secs(u64::from(bits >> 1 & 1)),
            chassis_allowed: bits & 8 == 0,
            ..usual
        });
    }
    // What the gate, the plan and the final action change.
    let gates = [
        Gate { maintenance: true, ..Gate::default() },
        Gate { spent: true, ..Gate::default() },
        Gate { cool_until: Some(Duration::from_secs(1_000_000)), ..Gate::default() },
    ];
    all.extend(gates.map(|gate| Policy { gate, ..usual }));
    let before = Before { restart: true, failover: true, last: true };
    for final_action in FinalAction::ALL {
        for (restart, failover) in [(0, 0), (1, 1)] {
            for script in [None, Some(Duration::from_secs(30))] {
                for final_allowed in [true, false] {
                    let plan = Plan { restart, failover, final_action, script, before };
                    let dump = final_action == FinalAction::SysrqPanic;
                    all.push(Policy { plan, final_allowed, after_ended: AfterEnded::None, ..usual });
                    if dump {
                        all.push(Policy { plan, final_allowed, after_ended: AfterEnded::None, dump, ..usual });
                    }
                }
            }
        }
    }
    all.push(Policy { after_failure: AfterFailure::Hold, ..usual });
    all
}

/// Two record ids, which only a journal mints.
fn records(now: Now) -> [RecordId; 2] {
    let notice = Notice {
        id: NoticeId(1),
        server: ServerId(0),
        class: Class::Fatal,
        trust: Trust::Authenticated,
        source: SocketAddr::from((Ipv4Addr::LOCALHOST, 162)),
        received: now,
        trap_oid: "".into(),
        pet: None,
        fault: None,
        region: "".into(),
        sentence: "".into(),
    };
    let mut journal = Journal::new(BootId([1; 16]), &Replay::default());
    [(); 2].map(|()| journal.open_record(now, &notice, Some("monitor"), "server").0.stored(&mut journal, true))
}
