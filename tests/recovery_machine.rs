//! The recovery machine: every pair of state and event, its promises under a random walk, its picture.

use bmcnotice::config::model::{AfterEnded, FinalAction};
use bmcnotice::notice::{Notice, NoticeId};
use bmcnotice::now::Now;
use bmcnotice::recovery::action::{Action, Event, Message};
use bmcnotice::recovery::journal::{BootId, Closed, Hold, Journal, RecordId, Replay, Step};
use bmcnotice::recovery::machine::{MAX_ACTIONS, Machine, State};
use bmcnotice::recovery::picture;
use bmcnotice::recovery::policy::{Policy, WhenUnverifiable};
use bmcnotice::recovery::timer::Timer;
use bmcnotice::words::{Answer, Attempt, Class, Outcome, Phase, RecoveryAction, ServerId, Trust};
use std::collections::BTreeMap;
use std::time::Duration;

const NOW: Now = Now { boottime: Duration::from_secs(1000), wall: Duration::from_secs(1_800_000_000) };

const FIRST: Attempt = Attempt { action: RecoveryAction::Failover, number: 1 };

struct Mint(Journal);

impl Mint {
    fn new() -> Self {
        Self(Journal::new(BootId([7; 16]), &Replay::default()))
    }

    fn id(&mut self, stored: bool) -> RecordId {
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
        self.0.open_record(NOW, &notice, Some("memory"), "one").0.stored(&mut self.0, stored)
    }
}

/// Recovers at once, by one failover, and then allows the chassis.
fn policy() -> Policy {
    picture::policies()[0]
}

/// Where each event leads from each state, under the policy that holds what cannot be verified, of a recovery of
/// one failover. `.` nothing at all; `=` stays, but does something; a letter: goes there. I idle, R recorded,
/// S started, p preparing, P recovering, f finishing, E ending, A awaiting reset, H held, F failed. Ending and
/// Failed stand here once for each outcome they may know (d done, f failed, u unknown), Held once for each
/// reason: contradicted, unverifiable, maintenance, cool-down, budget, peer recovers, failed.
const PAIRS: &str = "
event                  I  R  V  S  p  P  f  Ed Ef Eu A  Ff Fu Hc Hu Hm Hd Hb Hp Hf
Recorded               R  =  =  =  =  =  =  =  =  =  =  =  =  =  =  =  =  =  =  =
Joined                 R  =  =  =  =  =  =  =  =  =  =  =  =  =  =  =  =  =  =  =
Supported              .  .  S  .  .  .  .  .  .  .  .  .  .  S  S  .  .  .  .  .
Contradicted           .  .  H  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
Unanswerable           .  .  H  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
Expired_Verify         .  .  H  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
Released               .  .  .  .  .  .  .  .  .  .  .  .  .  S  S  S  S  S  P  E
Cleared                .  .  .  .  .  .  .  .  .  .  I  I  I  I  I  I  I  I  E  E
Cancelled              .  I  I  E  E  E  E  .  .  .  I  I  I  I  I  I  I  I  E  E
Booted                 .  I  I  .  .  .  .  .  .  .  I  I  I  I  I  I  I  I  .  .
Leaving                .  .  .  .  .  .  E  .  .  .  .  .  .  .  .  .  .  .  .  .
Told_armed             .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
Told_started           .  .  .  P  =  =  =  =  =  =  .  .  .  .  .  .  .  .  =  =
Told_ended(done)       .  .  .  .  .  .  .  A  .  .  .  .  .  .  .  .  .  .  .  .
Told_ended(failed)     .  .  .  .  .  .  .  .  F  .  .  .  .  .  .  .  .  .  .  .
Told_ended(unknown)    .  .  .  .  .  .  .  .  .  F  .  .  .  .  .  .  .  .  .  .
Told_disarmed          .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
Untold_armed           .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
Untold_started         .  .  .  P  =  =  =  .  .  .  .  .  .  .  .  .  .  .  =  =
Untold_ended(done)     .  .  .  .  .  .  .  A  .  .  .  .  .  .  .  .  .  .  .  .
Untold_ended(failed)   .  .  .  .  .  .  .  .  F  .  .  .  .  .  .  .  .  .  .  .
Untold_ended(unknown)  .  .  .  .  .  .  .  .  .  F  .  .  .  .  .  .  .  .  .  .
Untold_disarmed        .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
Expired_WaitForStarted .  .  .  P  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
Script_done            .  .  .  .  P  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
Script_failed          .  .  .  .  P  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
Expired_Script         .  .  .  .  P  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
Answer_Done            =  =  =  =  =  E  =  =  =  =  =  =  =  =  =  =  =  =  =  =
Answer_Failed          =  =  =  =  =  E  =  =  =  =  =  =  =  =  =  =  =  =  =  =
Answer_Later           =  =  =  =  =  =  =  =  =  =  =  =  =  =  =  =  =  =  =  =
Lost                   .  .  .  .  .  E  .  .  .  .  .  .  .  .  .  .  .  .  .  .
Deferred               .  .  .  .  .  H  .  .  .  .  .  .  .  .  .  .  .  .  .  .
Expired_Recovery       .  .  .  .  .  E  .  .  .  .  .  .  .  .  .  .  .  .  .  .
Final_done             .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
Final_failed           .  .  .  .  .  .  E  .  .  .  .  .  .  .  .  .  .  .  .  .
Expired_Final          .  .  .  .  .  .  E  .  .  .  .  .  .  .  .  .  .  .  .  .
Expired_EndedTold      .  .  .  .  .  .  .  A  F  F  .  .  .  .  .  .  .  .  .  .
Expired_Reset          .  .  .  .  .  .  .  .  .  .  I  I  I  .  .  .  .  .  .  .
Expired_Retry          .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  R  .  P  .
";

#[test]
fn every_pair_is_as_the_table_says() {
    let plain = |state| (state, (None, None));
    let known = |state, outcome| (state, (Some(outcome), None));
    let mut columns = vec![
        plain(State::Idle),
        plain(State::Recorded),
        plain(State::Verifying),
        plain(State::Started),
        plain(State::Preparing),
        plain(State::Recovering),
        plain(State::Finishing),
        known(State::Ending, Outcome::Done),
        known(State::Ending, Outcome::Failed),
        known(State::Ending, Outcome::Unknown),
        plain(State::AwaitingReset),
        known(State::Failed, Outcome::Failed),
        known(State::Failed, Outcome::Unknown),
    ];
    columns.extend(Hold::ALL.map(|why| (State::Held, (None, Some(why)))));
    let mut expected = BTreeMap::new();
    for line in PAIRS.lines().skip(2) {
        let mut words = line.split_whitespace();
        let event = words.next().unwrap().replace('_', " ");
        for column in &columns {
            expected.insert((format!("{column:?}"), event.clone()), words.next().unwrap());
        }
        assert_eq!(words.next(), None, "{event}");
    }

    let mut seen: BTreeMap<(String, String), &str> = BTreeMap::new();
    for one in picture::walk() {
        let Some(event) = one.event else { continue };
        assert!(one.actions.len() <= MAX_ACTIONS);
        let usual = picture::policies()[..16].contains(&one.policy);
        if !usual || one.policy.when_unverifiable == WhenUnverifiable::Recover || !one.policy.chassis_allowed {
            continue;
        }
        let got = match one.to {
            to if to == one.from && one.actions.is_empty() => ".",
            to if to == one.from => "=",
            State::Idle => "I",
            State::Recorded => "R",
            State::Verifying => "V",
            State::Started => "S",
            State::Preparing => "p",
            State::Recovering => "P",
            State::Finishing => "f",
            State::Ending => "E",
            State::AwaitingReset => "A",
            State::Held => "H",
            State::Failed => "F",
        };
        let key = (format!("{:?}", (one.from, one.detail)), picture::name(event));
        let before = seen.insert(key.clone(), got);
        assert!(before.is_none_or(|before| before == got), "{key:?} is not always the same: {:?}", one.actions);
    }
    if expected != seen {
        let mut events: Vec<&String> = seen.keys().map(|(_, event)| event).collect();
        events.dedup_by_key(|event| (*event).clone());
        for event in events.into_iter().take(seen.len() / columns.len()) {
            let row = columns.iter().map(|column| seen[&(format!("{column:?}"), event.clone())]);
            println!("{:<22} {}", event.replace(' ', "_"), row.collect::<Vec<_>>().join("  "));
        }
        panic!("the table says otherwise; above is what the machine does");
    }
    assert_eq!(expected.len(), 20 * 39);
}

#[test]
fn what_cannot_be_verified_recovers_where_the_policy_says_so() {
    let mut differing = 0;
    for one in picture::walk() {
        let unverifiable = matches!(one.event, Some(Event::Unanswerable | Event::Expired(Timer::Verify)));
        if one.from == State::Verifying && unverifiable && one.policy.when_unverifiable == WhenUnverifiable::Recover {
            assert_eq!(one.to, State::Started);
            assert!(one.actions.iter().any(|action| matches!(action, Action::Report(_, Message::RecoverUnverified))));
            differing += 1;
        }
    }
    assert_eq!(differing, 2 * 8, "in half of the policies that differ in this");
}

#[test]
fn a_recovery_that_is_done() {
    let (mut mint, mut machine, policy) = (Mint::new(), Machine::new(), policy());
    let (id, other) = (mint.id(true), mint.id(true));

    let actions = quiet(machine.handle(NOW, Event::Recorded(id), &policy));
    let expected = [
        Action::Journal(id, Step::StartedSent),
        Action::Tell(id, Phase::Started),
        Action::Journal(id, Step::Begun { run: 1 }),
        Action::Recover(id, FIRST),
    ];
    assert_eq!(actions, expected, "started goes out, and the recovery does not wait for its answer");
    assert_eq!((machine.state(), machine.record()), (State::Recovering, Some(id)));
    assert_eq!(machine.next_deadline(), Some(NOW.boottime + policy.deadline));

    let told = quiet(machine.handle(NOW, Event::Told(Phase::Started), &policy));
    assert_eq!(told, [Action::Journal(id, Step::StartedTold)]);
    let later = quiet(machine.handle(NOW, Event::Answered(Answer::Later), &policy));
    assert_eq!(later, [Action::Journal(id, Step::Answered(Answer::Later))]);
    assert_eq!(machine.next_deadline(), Some(NOW.boottime + policy.deadline), "later wins no time");

    let now = NOW.after(Duration::from_secs(10));
    let actions = quiet(machine.handle(now, Event::Answered(Answer::Done), &policy));
    let expected = [
        Action::Journal(id, Step::Answered(Answer::Done)),
        Action::Journal(id, Step::Ending(Outcome::Done)),
        Action::Tell(id, Phase::Ended(Outcome::Done)),
    ];
    assert_eq!(actions, expected);
    let actions = quiet(machine.handle(now, Event::Told(Phase::Ended(Outcome::Done)), &policy));
    let expected = [
        Action::Journal(id, Step::EndedTold(Outcome::Done)),
        Action::Journal(id, Step::AwaitingReset),
        Action::Journal(id, Step::Chassis(AfterEnded::PowerCycle)),
        Action::AfterEnded(id, AfterEnded::PowerCycle),
    ];
    assert_eq!(actions, expected);

    let actions = quiet(machine.handle(now, Event::Joined(other), &policy));
    let expected = [
        Action::Journal(id, Step::Joined { other: other.serial(), count: 1 }),
        Action::Journal(other, Step::Closed(Closed::Superseded)),
    ];
    assert_eq!(actions, expected, "no second recovery");
    assert_eq!(machine.joined(), 1);
    assert!(machine.handle(now, Event::Joined(id), &policy).is_empty(), "a record does not join itself");

    let end = now.after(policy.reset_deadline);
    assert_eq!(machine.next_deadline(), Some(end.boottime));
    let actions = machine.handle_timeout(end, &policy);
    assert_eq!(actions.last(), Some(&Action::Journal(id, Step::Closed(Closed::Done))));
    assert_eq!((machine.state(), machine.next_deadline()), (State::Idle, None));
}

#[test]
fn over_the_deadline_the_recovery_has_failed_and_its_answer_is_stale() {
    let (mut mint, mut machine, policy) = (Mint::new(), Machine::new(), policy());
    let id = mint.id(true);
    machine.handle(NOW, Event::Recorded(id), &policy);
    let early = NOW.after(policy.deadline - Duration::from_millis(1));
    assert!(machine.handle_timeout(early, &policy).is_empty(), "a spurious timeout does nothing");
    assert!(machine.handle(early, Event::Expired(Timer::Recovery), &policy).is_empty());

    let over = NOW.after(policy.deadline);
    let actions = quiet(machine.handle_timeout(over, &policy));
    let expected = [
        Action::Journal(id, Step::Abandoned),
        Action::Abandon(id),
        Action::Journal(id, Step::Ending(Outcome::Failed)),
        Action::Tell(id, Phase::Ended(Outcome::Failed)),
    ];
    assert_eq!(actions, expected);
    let stale = machine.handle(over, Event::Answered(Answer::Done), &policy);
    assert!(matches!(stale[..], [Action::Report(_, Message::StaleAnswer)]));
    let actions = quiet(machine.handle(over, Event::Told(Phase::Ended(Outcome::Failed)), &policy));
    let expected = [Action::Journal(id, Step::EndedTold(Outcome::Failed)), Action::Journal(id, Step::AwaitingReset)];
    assert_eq!(actions, expected, "a failed recovery never leads to a chassis command");
    assert_eq!(machine.state(), State::Failed);
}

#[test]
fn a_bmc_that_does_not_hear_the_end_gets_no_chassis_command() {
    let (mut mint, policy) = (Mint::new(), policy());
    for by_timer in [false, true] {
        let (mut machine, id) = (Machine::new(), mint.id(true));
        machine.handle(NOW, Event::Recorded(id), &policy);
        machine.handle(NOW, Event::Answered(Answer::Done), &policy);
        let over = NOW.after(policy.tell_deadline);
        let actions = if by_timer {
            machine.handle_timeout(over, &policy)
        } else {
            machine.handle(over, Event::Untold(Phase::Ended(Outcome::Done)), &policy)
        };
        assert!(actions.contains(&Action::Journal(id, Step::EndedGivenUp(Outcome::Done))));
        assert!(actions.iter().any(|action| matches!(action, Action::Report(_, Message::EndedUnanswered))));
        let late = machine.handle(over, Event::Told(Phase::Ended(Outcome::Done)), &policy);
        let all = [actions, late].concat();
        assert!(!all.iter().any(|action| matches!(action, Action::AfterEnded(..))), "{all:?}");
        assert_eq!(machine.state(), State::AwaitingReset);
    }
}

#[test]
fn the_chassis_is_left_alone_on_the_trust_of_an_address() {
    let (mut mint, mut machine) = (Mint::new(), Machine::new());
    let policy = Policy { chassis_allowed: false, ..policy() };
    machine.handle(NOW, Event::Recorded(mint.id(true)), &policy);
    machine.handle(NOW, Event::Answered(Answer::Done), &policy);
    let actions = machine.handle(NOW, Event::Told(Phase::Ended(Outcome::Done)), &policy);
    assert!(!actions.iter().any(|action| matches!(action, Action::AfterEnded(..))));
    assert!(actions.iter().any(|action| matches!(action, Action::Report(_, Message::ChassisWithheld))));
}

#[test]
fn started_may_be_waited_for() {
    let (mut mint, policy) = (Mint::new(), Policy { wait_for_started: Duration::from_secs(1), ..policy() });
    let answers = [Event::Told(Phase::Started), Event::Untold(Phase::Started), Event::Expired(Timer::WaitForStarted)];
    for answer in answers {
        let (mut machine, id) = (Machine::new(), mint.id(true));
        let actions = quiet(machine.handle(NOW, Event::Recorded(id), &policy));
        assert_eq!(actions, [Action::Journal(id, Step::StartedSent), Action::Tell(id, Phase::Started)]);
        let actions = machine.handle(NOW.after(policy.wait_for_started), answer, &policy);
        assert!(actions.contains(&Action::Recover(id, FIRST)));
        assert_eq!(machine.state(), State::Recovering);
    }
    let (mut machine, id) = (Machine::new(), mint.id(true));
    machine.handle(NOW, Event::Recorded(id), &policy);
    let actions = machine.handle(NOW, Event::Cancelled, &policy);
    assert!(actions.contains(&Action::Tell(id, Phase::Ended(Outcome::Failed))), "who heard started hears ended");
}

#[test]
fn the_bmc_is_asked_first_and_a_held_recovery_waits_for_the_operator() {
    let (mut mint, mut machine) = (Mint::new(), Machine::new());
    let policy = Policy { verify: true, ..policy() };
    let id = mint.id(true);
    assert_eq!(machine.handle(NOW, Event::Recorded(id), &policy), [Action::Verify(id)]);
    assert_eq!(
        (machine.state(), machine.next_deadline()),
        (State::Verifying, Some(NOW.boottime + policy.verify_deadline))
    );
    machine.handle(NOW, Event::Contradicted, &policy);
    assert_eq!((machine.state(), machine.next_deadline()), (State::Held, None));
    let again = machine.handle(NOW, Event::Joined(mint.id(true)), &policy);
    assert_eq!(again.last(), Some(&Action::Verify(id)), "a retransmission asks again");
    assert!(machine.handle(NOW, Event::Released, &policy).contains(&Action::Recover(id, FIRST)));
}

#[test]
fn a_volatile_record_is_recovered_loudly() {
    let (mut mint, mut machine) = (Mint::new(), Machine::new());
    let id = mint.id(false);
    let actions = machine.handle(NOW, Event::Recorded(id), &policy());
    assert!(matches!(actions[0], Action::Report(_, Message::Volatile)));
    assert!(actions.contains(&Action::Recover(id, FIRST)));
}

/// Without what people are told.
fn quiet(actions: Vec<Action>) -> Vec<Action> {
    actions.into_iter().filter(|action| !matches!(action, Action::Report(..))).collect()
}

/// xorshift64*: small, seeded, and nothing more is needed here.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }
}

/// What the machine has done for one record.
#[derive(Default, Debug)]
struct Life {
    begun: u32,
    recovered: u16,
    /// How often the attempt found another server recovering; it had moved nothing then.
    deferred: u16,
    started: u32,
    ended: Vec<Outcome>,
    told_done: bool,
    chassis: u32,
    finished: u32,
    closed: u32,
}

#[test]
fn a_random_walk_keeps_the_promises() {
    for seed in 1..=200 {
        walk(&mut Random(seed), 1000);
    }
}

fn walk(random: &mut Random, steps: usize) {
    let (mut mint, mut machine, mut now) = (Mint::new(), Machine::new(), NOW);
    let policies = picture::policies();
    let policy = policies[random.below(policies.len())];
    let mut lives: BTreeMap<u64, Life> = BTreeMap::new();
    for _ in 0..steps {
        now = now.after(Duration::from_secs([0, 1, 40, 700][random.below(4)]));
        let before = machine;
        let (event, actions) = if random.below(4) == 0 {
            (None, machine.handle_timeout(now, &policy))
        } else {
            let fresh = mint.id(random.below(5) > 0);
            let events = picture::events(fresh);
            let event = events[random.below(events.len())];
            (Some(event), machine.handle(now, event, &policy))
        };
        assert!(actions.len() <= MAX_ACTIONS);
        if let (Some(Event::Told(Phase::Ended(Outcome::Done))), State::Ending) = (event, before.state()) {
            let life = lives.entry(before.record().unwrap().serial()).or_default();
            life.told_done = life.ended == [Outcome::Done];
        }
        if let (Some(Event::Deferred), State::Recovering) = (event, before.state()) {
            lives.entry(before.record().unwrap().serial()).or_default().deferred += 1;
        }
        for action in &actions {
            note(&mut lives, action, &machine, &policy);
        }
        check(&lives, &machine, &before, &policy);
    }
    let ended = lives.values().filter(|life| life.closed > 0).count();
    assert!(ended > 10, "the walk must get somewhere: {ended}");
}

fn note(lives: &mut BTreeMap<u64, Life>, action: &Action, machine: &Machine, policy: &Policy) {
    match action {
        Action::Journal(id, step) => {
            let life = lives.entry(id.serial()).or_default();
            assert_eq!(life.closed, 0, "a step after the end: {action:?}");
            match step {
                Step::Begun { run } => {
                    assert_eq!(*run, 1);
                    life.begun += 1;
                }
                Step::Closed(_) => life.closed += 1,
                _ => {}
            }
        }
        Action::Tell(id, phase) => {
            let life = lives.entry(id.serial()).or_default();
            match phase {
                Phase::Started => life.started += 1,
                Phase::Ended(outcome) => life.ended.push(*outcome),
                Phase::Armed | Phase::Disarmed => panic!("not a recovery's to say: {action:?}"),
            }
        }
        Action::Recover(id, _) => {
            let life = lives.entry(id.serial()).or_default();
            life.recovered += 1;
            assert_eq!(life.begun, 1, "journaled before it begins");
        }
        Action::AfterEnded(id, _) => {
            let life = lives.entry(id.serial()).or_default();
            assert!(life.told_done, "the BMC has not understood ended(done)");
            life.chassis += 1;
        }
        Action::Abandon(id) | Action::Verify(id) | Action::Prepare(id, _) => assert_eq!(machine.record(), Some(*id)),
        Action::Finish(id, action) => {
            let life = lives.entry(id.serial()).or_default();
            life.finished += 1;
            // What leaves no time to say anything comes last, unless the crash kernel is to say it.
            let last = matches!(action, FinalAction::SysrqPanic) && !policy.dump;
            assert_eq!(life.ended.len(), usize::from(last), "{action:?}");
        }
        Action::Withdraw(_) | Action::Report(..) => {}
    }
}

fn check(lives: &BTreeMap<u64, Life>, machine: &Machine, before: &Machine, policy: &Policy) {
    let over: Vec<u64> = match (before.record(), machine.record()) {
        (Some(old), None) => vec![old.serial()],
        _ => vec![],
    };
    for serial in over.into_iter().chain(machine.record().map(RecordId::serial)) {
        let Some(life) = lives.get(&serial) else { continue };
        assert!(life.recovered <= policy.plan.attempts() + life.deferred, "{life:?}");
        assert!(life.started <= 1 && life.chassis <= 1 && life.finished <= 1 && life.ended.len() <= 1, "{life:?}");
        let ending = matches!(machine.state(), State::Ending | State::AwaitingReset | State::Failed | State::Idle);
        assert_eq!(life.ended.len() as u32, if ending { life.started } else { 0 }, "{life:?} {machine:?}");
        assert_eq!(life.closed, u32::from(machine.state() == State::Idle), "{life:?}");
    }
    match machine.state() {
        State::Idle => assert_eq!(machine.next_deadline(), None),
        State::Held => {
            let by_itself = matches!(machine.held(), Some(Hold::CoolDown | Hold::PeerRecovers));
            assert_eq!(machine.next_deadline().is_some(), by_itself, "{machine:?}");
        }
        State::Verifying | State::Started | State::Preparing | State::Recovering | State::Finishing | State::Ending => {
            assert!(machine.next_deadline().is_some())
        }
        State::AwaitingReset | State::Failed => assert!(machine.next_deadline().is_some()),
        State::Recorded => panic!("nothing rests here"),
    }
}

#[test]
fn the_picture_in_the_documents_is_drawn_from_the_code() {
    let text = "# The recovery machine\n\n\
        Drawn from the code by `src/recovery/picture.rs`; a test compares. `(at once)`: the policy asks for no\n\
        verification, or for no waiting. Events that leave the state as it is are not shown.\n\
        To draw it again: `BMCNOTICE_DRAW=1 cargo test --test recovery_machine picture`.\n\n\
        ```mermaid\n"
        .to_owned()
        + &picture::mermaid()
        + "```\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/recovery-machine.md");
    if std::env::var_os("BMCNOTICE_DRAW").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text);
}

/// The simple picture for people shows only ways that the machine really goes.
#[test]
fn the_simple_picture_goes_no_other_ways() {
    let whole = picture::mermaid();
    let text = include_str!("../docs/recovery.md");
    let mut arrows = 0;
    for line in text.lines().filter(|line| line.contains(" --> ")) {
        let (from, rest) = line.trim().split_once(" --> ").unwrap();
        let to = rest.split_once(':').map_or(rest, |(to, _)| to);
        // What needs no event of its own is left out there; the rest must be in the whole picture.
        let (from, to) = (if from == "[*]" { "Idle" } else { from }, if to == "[*]" { "Idle" } else { to });
        let passes = match (from, to) {
            ("Recorded", "Started") => "Recorded --> Verifying",
            ("Recovering", "Recovering") => "Recovering --> Preparing",
            _ => &format!("{from} --> {to}"),
        };
        assert!(whole.contains(&format!("    {passes}:")), "{line}: the machine has no {passes}\n{whole}");
        arrows += 1;
    }
    assert!(arrows > 8, "{arrows}");
}
