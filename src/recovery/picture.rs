//! The machine, walked through and drawn.
//!
//! Puts a machine into every state, gives it every event under every kind of policy, and notes what
//! it does. `docs/recovery-machine.md` and the table test come from here, so neither can lie.

use super::action::{Action, Event};
use super::journal::{BootId, Journal, RecordId, Replay};
use super::machine::{At, Job, Machine, State};
use super::policy::{Policy, VERIFY_DEADLINE, WhenUnverifiable};
use super::timer::Timer;
use crate::config::model::AfterEnded;
use crate::notice::{Notice, NoticeId};
use crate::now::Now;
use crate::words::{Answer, Class, Outcome, Phase, ServerId, Trust};
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

/// One pair of state and event, and what came of it.
#[derive(Debug, Clone)]
pub struct Transition {
    /// Where the machine stood.
    pub from: State,
    /// The outcome that it knew, in `Ending` and `Failed`.
    pub outcome: Option<Outcome>,
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
        for (at, outcome) in places(Job { record: ours, joined: 0, run: 1 }) {
            let from = Machine::placed(at).state();
            for event in events(other) {
                let mut machine = Machine::placed(at);
                let actions = machine.react(now, event, &policy);
                let to = machine.state();
                all.push(Transition { from, outcome, event: Some(event), policy, to, actions });
            }
            let mut machine = Machine::placed(at);
            if machine.advance(now, &policy) {
                let to = machine.state();
                all.push(Transition { from, outcome, event: None, policy, to, actions: vec![] });
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
        Event::Expired(timer) => format!("Expired {timer:?}"),
        Event::Supported
        | Event::Contradicted
        | Event::Unanswerable
        | Event::Lost
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
        Event::Lost,
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

fn places(job: Job) -> [(At, Option<Outcome>); 12] {
    let with = |at: fn(Job, Outcome) -> At, outcome| (at(job, outcome), Some(outcome));
    [
        (At::Idle, None),
        (At::Recorded(job), None),
        (At::Verifying(job), None),
        (At::Started(job), None),
        (At::Recovering(job), None),
        with(At::Ending, Outcome::Done),
        with(At::Ending, Outcome::Failed),
        with(At::Ending, Outcome::Unknown),
        (At::AwaitingReset(job), None),
        (At::Held(job), None),
        with(At::Failed, Outcome::Failed),
        with(At::Failed, Outcome::Unknown),
    ]
}

/// Every combination of what changes the machine's way.
pub fn policies() -> Vec<Policy> {
    let mut all = vec![];
    for bits in 0..16_u8 {
        let when_unverifiable = if bits & 4 == 0 { WhenUnverifiable::Hold } else { WhenUnverifiable::Recover };
        all.push(Policy {
            verify: bits & 1 != 0,
            verify_deadline: VERIFY_DEADLINE,
            when_unverifiable,
            wait_for_started: Duration::from_secs(u64::from(bits >> 1 & 1)),
            deadline: Duration::from_secs(300),
            tell_deadline: Duration::from_secs(30),
            reset_deadline: Duration::from_secs(600),
            after_ended: AfterEnded::PowerCycle,
            chassis_allowed: bits & 8 != 0,
        });
    }
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
        trap_oid: String::new(),
        pet: None,
        region: String::new(),
        sentence: String::new(),
    };
    let mut journal = Journal::new(BootId([1; 16]), &Replay::default());
    [(); 2].map(|()| journal.open_record(now, &notice, Some("monitor"), "server").0.stored(&mut journal, true))
}
