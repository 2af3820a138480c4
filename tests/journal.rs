//! The journal: what is written is read back, damage costs little, and a restart does the right thing.

use bmcnotice::config::model::{AfterEnded, FinalAction};
use bmcnotice::notice::{Notice, NoticeId};
use bmcnotice::now::Now;
use bmcnotice::recovery::action::{Action, Event};
use bmcnotice::recovery::journal::{
    BootId, Closed, HOT_OCTETS, Hold, Journal, MAX_CLOSED_OTHERS, MAX_CLOSED_RECOVERIES, MAX_OPEN, MAX_RUNS,
    MAX_UNKNOWN_OCTETS, Proof, Reconcile, RecordId, Replay, Step, reconcile, replay,
};
use bmcnotice::recovery::machine::{Machine, State};
use bmcnotice::recovery::picture;
use bmcnotice::words::{Answer, Attempt, Class, Outcome, Phase, RecoveryAction, ServerId, Trust};
use std::time::Duration;

const BOOT: BootId = BootId([0xA1; 16]);
const NEXT_BOOT: BootId = BootId([0xA2; 16]);
const NOW: Now = Now { boottime: Duration::from_millis(1_000_123), wall: Duration::from_millis(1_800_000_000_456) };

fn notice(source: &str, class: Class, trust: Trust, text: &str) -> Notice {
    Notice {
        id: NoticeId(0x0123_4567_89AB_CDEF),
        server: ServerId(0),
        class,
        trust,
        source: source.parse().unwrap(),
        received: NOW,
        trap_oid: "1.3.6.1.4.1.3183.1.1.0.552705".into(),
        pet: None,
        fault: None,
        region: "memory, sensor 20h".into(),
        sentence: text.into(),
    }
}

fn fatal() -> Notice {
    notice("192.0.2.9:49152", Class::Fatal, Trust::Authenticated, "an uncorrectable memory error")
}

fn fresh() -> Journal {
    Journal::new(BOOT, &Replay::default())
}

/// A journal and its file.
struct Desk {
    journal: Journal,
    file: Vec<u8>,
}

impl Desk {
    fn new() -> Self {
        Self { journal: fresh(), file: vec![] }
    }

    /// As after a restart.
    fn reopen(file: Vec<u8>, boot: BootId) -> Self {
        Self { journal: Journal::new(boot, &replay(&file)), file }
    }

    fn record(&mut self, notice: &Notice, monitor: Option<&str>) -> RecordId {
        let (pending, octets) = self.journal.open_record(NOW, notice, monitor, "one");
        self.file.extend(octets);
        pending.stored(&mut self.journal, true)
    }

    fn step(&mut self, id: RecordId, step: Step) {
        let octets = self.journal.step(NOW.after(Duration::from_millis(id.serial())), id, step);
        self.file.extend(octets);
    }

    fn steps(&mut self, steps: &[Step]) -> RecordId {
        let id = self.record(&fatal(), Some("memory"));
        steps.iter().for_each(|step| self.step(id, *step));
        id
    }
}

const SECOND: Attempt = Attempt { action: RecoveryAction::Failover, number: 2 };

fn all_steps() -> Vec<Step> {
    let mut steps = vec![Step::StartedSent, Step::StartedTold, Step::StartedGivenUp, Step::Begun { run: 2 }];
    steps.extend([Answer::Later, Answer::Done, Answer::Failed].map(Step::Answered));
    steps.extend([Step::Abandoned, Step::AwaitingReset, Step::Released, Step::Acknowledged]);
    for outcome in [Outcome::Done, Outcome::Failed, Outcome::Unknown] {
        steps.extend([Step::Ending(outcome), Step::EndedTold(outcome), Step::EndedGivenUp(outcome)]);
    }
    use AfterEnded::{Bmc, HardReset, Nmi, None, PowerCycle, PowerOff, SoftOff};
    steps.extend([None, Bmc, PowerCycle, HardReset, PowerOff, Nmi, SoftOff].map(Step::Chassis));
    steps.extend(Hold::ALL.map(Step::Held));
    steps.extend(FinalAction::ALL.map(Step::Final));
    let actions = [RecoveryAction::Restart, RecoveryAction::Failover, RecoveryAction::StopService];
    steps.extend(actions.map(|action| Step::Attempt(Attempt { action, number: 7 })));
    steps.push(Step::Withdrawn);
    steps.extend([true, false].map(|own_event| Step::Proven(Proof { took_ms: 70_000, own_event })));
    steps.push(Step::Joined { other: 0x0102_0304_0506, count: 70_000 });
    use Closed::{Cleared, Done, Failed, InterruptedByReset, Operator, Superseded, Unknown};
    steps.extend([Done, Failed, Unknown, Cleared, InterruptedByReset, Superseded, Operator].map(Step::Closed));
    steps
}

/// Without a file nothing is made to be written, however much happens, and so none is ever full.
#[test]
fn where_nothing_is_written_nothing_is_made() {
    let mut desk = Desk::new();
    desk.journal.write_nowhere(true);
    for _ in 0..1_000 {
        let id = desk.steps(&all_steps());
        assert_eq!(desk.journal.record(id).map(|record| record.id), Some(id), "but it is remembered");
    }
    assert!(desk.file.is_empty() && !desk.journal.is_full());
}

#[test]
fn what_is_written_is_read_back() {
    let (both, neither) = ((true, true), (false, false));
    let recoverable = [both, neither, (true, false), (false, true)]
        .map(|(degradation, predictive)| Class::Recoverable { degradation, predictive });
    let classes = [[Class::Fatal, Class::Info, Class::Cleared].as_slice(), &recoverable].concat();
    let mut desk = Desk::new();
    for class in classes {
        for trust in [Trust::Address, Trust::Corroborated, Trust::Authenticated] {
            for source in ["192.0.2.9:162", "[2001:db8::9]:65535", "[fe80::9%3]:1"] {
                let mut notice = notice("192.0.2.9:1", class, trust, &"ö".repeat(200));
                notice.source = match source.split_once('%') {
                    Some(_) => std::net::SocketAddrV6::new("fe80::9".parse().unwrap(), 1, 0, 3).into(),
                    None => source.parse().unwrap(),
                };
                let id = desk.record(&notice, None);
                let read = replay(&desk.file);
                let record = read.records().last().unwrap();
                assert_eq!(Some(record), desk.journal.record(id));
                assert_eq!((record.notice.class, record.notice.trust), (class, trust));
                assert_eq!((record.notice.source, record.at, record.boot), (notice.source, NOW, BOOT));
                assert_eq!(record.notice.sentence, *"ö".repeat(127), "cut at a character");
                assert_eq!((record.server.as_str(), &record.monitor), ("one", &None));
            }
        }
    }
    for step in all_steps() {
        let mut desk = Desk::new();
        let id = desk.steps(&[step]);
        let read = replay(&desk.file);
        let record = read.records().next().unwrap();
        assert_eq!(record.last().unwrap().step, step);
        assert_eq!(Some(record), desk.journal.record(id));
        assert_eq!((read.corrupt, read.unknown, read.torn_tail, read.octets), (0, 0, false, desk.file.len()));
        assert_eq!((read.next_serial, record.closed().is_some()), (2, matches!(step, Step::Closed(_))));
    }
}

/// The document's example, octet by octet.
#[test]
fn the_format_is_the_documented_one() {
    let mut desk = Desk::new();
    let id = desk.steps(&[]);
    let from = desk.file.len();
    desk.step(id, Step::Ending(Outcome::Failed));
    let hex: String = desk.file[from..].iter().map(|octet| format!("{octet:02x} ")).collect();
    let document = include_str!("../docs/journal.md");
    let example: String = document
        .lines()
        .skip_while(|line| !line.starts_with("<!-- example -->"))
        .filter_map(|line| line.strip_prefix("    "))
        .map(|line| line.split("  ").next().unwrap().trim().to_owned() + " ")
        .collect();
    assert_eq!(hex, example);
}

#[test]
fn a_file_cut_anywhere_loses_the_last_frame_alone() {
    let mut desk = Desk::new();
    let mut ends = vec![0];
    let id = desk.record(&fatal(), Some("memory"));
    ends.push(desk.file.len());
    for step in [Step::StartedSent, Step::Begun { run: 1 }, Step::Answered(Answer::Done)] {
        desk.step(id, step);
        ends.push(desk.file.len());
    }
    for length in 0..=desk.file.len() {
        let whole = ends.iter().filter(|end| **end <= length).count() - 1;
        for padding in [0, 1000] {
            let mut file = desk.file[..length].to_vec();
            file.resize(length + padding, 0); // preallocated
            let read = replay(&file);
            assert_eq!((read.octets, read.corrupt), (ends[whole], 0), "cut at {length}");
            assert_eq!(read.torn_tail, length > ends[whole]);
            assert_eq!(read.records().map(|record| 1 + record.steps().len()).sum::<usize>(), whole);
            assert_eq!(read.next_serial, if whole == 0 { 1 } else { 2 });
        }
    }
}

#[test]
fn a_damaged_place_is_skipped_and_counted() {
    let mut desk = Desk::new();
    desk.record(&fatal(), Some("memory"));
    let first = desk.file.len();
    desk.record(&fatal(), Some("disk"));
    let second = desk.file.len();
    desk.record(&fatal(), Some("fan"));
    for at in first..second {
        let mut file = desk.file.clone();
        file[at] ^= 0x10;
        let read = replay(&file);
        let monitors: Vec<_> = read.open().filter_map(|record| record.monitor.as_deref()).collect();
        assert_eq!(
            (monitors.as_slice(), read.corrupt, read.torn_tail),
            (["memory", "fan"].as_slice(), 1, false),
            "{at}"
        );
        assert_eq!(read.next_serial, 4);
    }
}

#[test]
fn what_a_later_release_wrote_is_carried_along() {
    let mut desk = Desk::new();
    let id = desk.steps(&[Step::StartedSent]);
    let known = desk.file.clone();
    let mut later = desk.journal.step(NOW, id, Step::Abandoned);
    for (place, value) in [(4, 9), (5, 0x77)] {
        let mut frame = later.clone();
        frame[place] = value; // the version, or the kind
        mend(&mut frame);
        let mut file = known.clone();
        file.extend(&frame);
        let read = replay(&file);
        assert_eq!((read.unknown, read.corrupt, read.torn_tail), (1, 0, false));
        let compacted = Journal::new(BOOT, &read).compact();
        assert!(compacted.windows(frame.len()).any(|window| window == frame));
        assert_eq!(replay(&compacted).unknown, 1);
    }
    later[4] = 9;
    mend(&mut later);
    let flood = later.repeat(2 * MAX_UNKNOWN_OCTETS / later.len());
    assert!(Journal::new(BOOT, &replay(&flood)).compact().len() <= MAX_UNKNOWN_OCTETS);
}

/// Makes the checksum right again.
fn mend(frame: &mut [u8]) {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&frame[4..8]);
    hasher.update(&frame[12..]);
    let sum = hasher.finalize().to_le_bytes();
    frame[8..12].copy_from_slice(&sum);
}

#[test]
fn hostile_octets_cost_little_and_never_panic() {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut desk = Desk::new();
    for step in all_steps() {
        desk.steps(&[step]);
    }
    for round in 0..400 {
        let mut file = desk.file.clone();
        for _ in 0..1 + random() % 40 {
            let at = random() as usize % file.len();
            file[at] = random() as u8;
        }
        if round % 2 == 0 {
            // With right checksums, so that the contents are parsed.
            let starts: Vec<_> = (0..file.len() - 60).filter(|at| file[*at..].starts_with(b"bmcJ")).collect();
            for at in starts {
                let length = usize::from(u16::from_le_bytes([file[at + 6], file[at + 7]]));
                if let Some(frame) = file.get_mut(at..at + 53 + length) {
                    mend(frame);
                }
            }
        }
        let read = replay(&file);
        let _ = reconcile(&read, BOOT, |_| true).count();
        let compacted = Journal::new(BOOT, &read).compact();
        let again = replay(&compacted);
        assert_eq!(again.records().count(), read.records().count());
        assert_eq!((again.corrupt, again.torn_tail), (0, false));
    }
    let magics = b"bmcJ\x01\x01\xff\x07".repeat(HOT_OCTETS / 8);
    assert!(replay(&magics).torn_tail, "a frame seems to begin everywhere");
}

#[test]
fn a_serial_that_nobody_can_have_reached_is_not_believed() {
    let mut desk = Desk::new();
    desk.record(&fatal(), Some("memory"));
    desk.file[12..20].copy_from_slice(&u64::MAX.to_le_bytes());
    mend(&mut desk.file);
    let read = replay(&desk.file);
    assert_eq!((read.next_serial, read.records().count()), (1, 0));
}

#[test]
fn a_broken_journal_never_stops_a_recovery() {
    let mut journal = fresh();
    let (pending, _) = journal.open_record(NOW, &fatal(), Some("memory"), "one");
    let id = pending.stored(&mut journal, false);
    assert!(!id.is_durable());
    assert_eq!((journal.counts().volatile, journal.counts().overflowed), (1, 0));
    assert_eq!(replay(&journal.compact()).open().count(), 1, "durable once a compaction was stored");
    for _ in 1..MAX_OPEN {
        let pending = journal.open_record(NOW, &fatal(), Some("memory"), "one").0;
        assert!(pending.stored(&mut journal, true).is_durable());
    }
    let pending = journal.open_record(NOW, &fatal(), Some("memory"), "one").0;
    assert!(!pending.stored(&mut journal, true).is_durable(), "no place, and no open one is put out");
    assert_eq!(journal.counts().overflowed, 1);
}

#[test]
fn compaction_keeps_all_open_records_and_the_newest_closed_ones() {
    let mut desk = Desk::new();
    let open = desk.steps(&[Step::StartedSent, Step::Begun { run: 1 }]);
    let recovered: Vec<_> = (0..2 * MAX_CLOSED_RECOVERIES)
        .map(|_| desk.steps(&[Step::Begun { run: 1 }, Step::Closed(Closed::Done)]).serial())
        .collect();
    let mut flood = 0;
    while !desk.journal.is_full() {
        let id = desk.record(&fatal(), None);
        desk.step(id, Step::Acknowledged);
        flood += 1;
    }
    assert!(flood > 1000 && desk.file.len() < HOT_OCTETS);
    let compacted = desk.journal.compact();
    assert!(!desk.journal.is_full() && compacted.len() < HOT_OCTETS / 8);
    let (before, after) = (replay(&desk.file), replay(&compacted));
    assert!(before.records().eq(after.records()), "the same as without compaction");
    assert_eq!(after.next_serial, before.next_serial);
    assert_eq!(after.open().map(|record| record.id).collect::<Vec<_>>(), [open]);
    let kept: Vec<_> = after.records().filter(|record| record.runs() > 0 && !record.is_open()).collect();
    assert_eq!(kept.len(), MAX_CLOSED_RECOVERIES, "no flood puts them out");
    assert_eq!(kept[0].id.serial(), recovered[MAX_CLOSED_RECOVERIES]);
    assert_eq!(after.records().filter(|record| record.monitor.is_none()).count(), MAX_CLOSED_OTHERS);
}

#[test]
fn serials_go_on_after_a_restart() {
    let mut desk = Desk::new();
    for _ in 0..3 {
        desk.record(&fatal(), None);
    }
    let mut desk = Desk::reopen(desk.file, NEXT_BOOT);
    assert_eq!(desk.record(&fatal(), None).serial(), 4);
}

#[test]
fn each_place_of_a_kill_has_its_remedy() {
    use Reconcile::{Await, Close, GoOn, Rerun, Resume, StayHeld, TellEnded};
    let begun = [Step::StartedSent, Step::Begun { run: 1 }];
    let since = NOW.boottime + Duration::from_millis(1);
    let cases: &[(&[Step], Reconcile, Reconcile, Closed)] = &[
        (&[], Resume, Resume, Closed::InterruptedByReset),
        (&[Step::Acknowledged], Resume, Resume, Closed::InterruptedByReset),
        (
            &[Step::Held(Hold::Contradicted)],
            StayHeld(Hold::Contradicted),
            StayHeld(Hold::Contradicted),
            Closed::InterruptedByReset,
        ),
        (
            &[Step::StartedSent, Step::Begun { run: 1 }, Step::Held(Hold::PeerRecovers)],
            StayHeld(Hold::PeerRecovers),
            StayHeld(Hold::PeerRecovers),
            Closed::InterruptedByReset,
        ),
        (&[Step::Held(Hold::Contradicted), Step::Released], Resume, Resume, Closed::InterruptedByReset),
        (&[Step::StartedSent], Resume, Resume, Closed::InterruptedByReset),
        (&begun, TellEnded(Outcome::Unknown), Rerun { run: 2 }, Closed::InterruptedByReset),
        (
            &[Step::Begun { run: 1 }, Step::Answered(Answer::Later)],
            TellEnded(Outcome::Unknown),
            Rerun { run: 2 },
            Closed::InterruptedByReset,
        ),
        (
            &[Step::Begun { run: MAX_RUNS }],
            TellEnded(Outcome::Unknown),
            TellEnded(Outcome::Unknown),
            Closed::InterruptedByReset,
        ),
        (
            &[Step::Begun { run: 1 }, Step::Answered(Answer::Done)],
            TellEnded(Outcome::Done),
            TellEnded(Outcome::Done),
            Closed::InterruptedByReset,
        ),
        (
            &[Step::Begun { run: 1 }, Step::Abandoned],
            GoOn { failed: 1 },
            GoOn { failed: 1 },
            Closed::InterruptedByReset,
        ),
        (
            &[Step::Begun { run: 1 }, Step::Answered(Answer::Failed), Step::Attempt(SECOND)],
            TellEnded(Outcome::Unknown),
            Rerun { run: 2 },
            Closed::InterruptedByReset,
        ),
        (
            &[Step::Begun { run: 1 }, Step::Attempt(SECOND), Step::Answered(Answer::Failed)],
            GoOn { failed: 2 },
            GoOn { failed: 2 },
            Closed::InterruptedByReset,
        ),
        (
            &[Step::Begun { run: 1 }, Step::Answered(Answer::Failed), Step::Final(FinalAction::Reboot)],
            TellEnded(Outcome::Failed),
            TellEnded(Outcome::Failed),
            Closed::InterruptedByReset,
        ),
        (
            &[Step::Begun { run: 1 }, Step::Ending(Outcome::Unknown)],
            TellEnded(Outcome::Unknown),
            TellEnded(Outcome::Unknown),
            Closed::InterruptedByReset,
        ),
        (
            &[Step::Begun { run: 1 }, Step::Ending(Outcome::Done), Step::EndedTold(Outcome::Done)],
            Await { outcome: Outcome::Done, since },
            Await { outcome: Outcome::Done, since },
            Closed::Done,
        ),
        (
            &[Step::Begun { run: 1 }, Step::EndedGivenUp(Outcome::Failed), Step::AwaitingReset],
            Await { outcome: Outcome::Failed, since },
            Await { outcome: Outcome::Failed, since },
            Closed::Failed,
        ),
    ];
    for (steps, plain, with_rerun, rebooted) in cases {
        let mut desk = Desk::new();
        desk.steps(steps);
        let read = replay(&desk.file);
        let decide = |boot, rerun: bool| reconcile(&read, boot, |_| rerun).next().unwrap().1;
        assert_eq!(decide(BOOT, false), *plain, "{steps:?}");
        assert_eq!(decide(BOOT, true), *with_rerun, "{steps:?}");
        for rerun in [false, true] {
            assert_eq!(decide(NEXT_BOOT, rerun), Close(*rebooted), "{steps:?}");
        }
    }
    let mut desk = Desk::new();
    desk.steps(&[Step::Begun { run: 1 }, Step::Closed(Closed::Operator)]);
    desk.record(&fatal(), None);
    assert_eq!(reconcile(&replay(&desk.file), BOOT, |_| true).count(), 0, "nothing is open");
}

#[test]
fn without_a_boot_id_nothing_is_rerun() {
    let unknown = BootId([0; 16]);
    let mut journal = Journal::new(unknown, &Replay::default());
    let (pending, mut file) = journal.open_record(NOW, &fatal(), Some("memory"), "one");
    let id = pending.stored(&mut journal, true);
    file.extend(journal.step(NOW, id, Step::Begun { run: 1 }));
    let read = replay(&file);
    let decisions: Vec<_> = reconcile(&read, unknown, |_| true).map(|(_, how)| how).collect();
    assert_eq!(decisions, [Reconcile::Close(Closed::InterruptedByReset)]);
}

/// Kills the process after every single action of a whole recovery and restarts it, in the same boot
/// and in the next.
#[test]
fn a_kill_anywhere_loses_nothing_and_repeats_no_recovery() {
    // The first ones: a recovery of one attempt.
    for policy in &picture::policies()[..16] {
        for kill_after in 0..40 {
            for boot in [BOOT, NEXT_BOOT] {
                let mut site = Site { desk: Desk::new(), machine: Machine::new(), ..Site::default() };
                let id = site.desk.record(&fatal(), Some("memory"));
                site.budget = kill_after;
                site.live(Some(Event::Recorded(id)), policy);
                let killed = site.budget == 0;
                let chassis_before = site.chassis;
                let over = site.restart(boot, policy);
                assert!(site.recovered <= 1 && site.chassis <= 1, "at most once");
                if boot == BOOT {
                    assert_eq!(site.machine.state() == State::Idle, over, "{site:?}");
                    assert_eq!(site.heard.iter().filter(|phase| matches!(phase, Phase::Ended(_))).count(), 1);
                } else {
                    assert!(!killed || site.chassis == chassis_before, "no chassis command after a boot");
                    assert_eq!(site.machine.state(), State::Idle);
                }
                // Once more: there is nothing left to tell.
                let heard = site.heard.len();
                site.restart(boot, policy);
                assert_eq!(site.heard.len(), heard, "told once over restarts: {site:?}");
            }
        }
    }
}

#[derive(Debug)]
struct Site {
    desk: Desk,
    machine: Machine,
    budget: usize,
    recovered: usize,
    chassis: usize,
    heard: Vec<Phase>,
}

impl Default for Site {
    fn default() -> Self {
        Self { desk: Desk::new(), machine: Machine::new(), budget: 0, recovered: 0, chassis: 0, heard: vec![] }
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(replay(&self.file).records()).finish()
    }
}

impl Site {
    /// Performs actions, and answers each like a world where all goes well, until the budget is used up.
    fn live(&mut self, first: Option<Event>, policy: &bmcnotice::recovery::policy::Policy) {
        let mut events: Vec<Event> = first.into_iter().collect();
        while !events.is_empty() {
            let event = events.remove(0);
            let actions = self.machine.handle(NOW, event, policy);
            if !self.perform(actions, &mut events) {
                return;
            }
        }
    }

    fn perform(&mut self, actions: Vec<Action>, events: &mut Vec<Event>) -> bool {
        for action in actions {
            if self.budget == 0 {
                return false;
            }
            self.budget -= 1;
            match action {
                Action::Journal(id, step) => self.desk.step(id, step),
                Action::Verify(_) => events.push(Event::Supported),
                Action::Tell(_, phase) => {
                    // A killed process sends nothing more, and what is not journaled as told is re-sent.
                    self.heard.retain(|heard| *heard != phase);
                    self.heard.push(phase);
                    events.push(Event::Told(phase));
                }
                Action::Recover(..) => {
                    self.recovered += 1;
                    events.push(Event::Answered(Answer::Done));
                }
                Action::AfterEnded(..) => self.chassis += 1,
                Action::Abandon(_) | Action::Prepare(..) | Action::Finish(..) | Action::Withdraw(_) => {
                    panic!("nothing was late, and there is one attempt: {action:?}")
                }
                Action::Report(..) => {}
            }
        }
        true
    }

    /// True if the record was closed.
    fn restart(&mut self, boot: BootId, policy: &bmcnotice::recovery::policy::Policy) -> bool {
        let file = std::mem::take(&mut self.desk.file);
        let read = replay(&file);
        self.desk = Desk::reopen(file, boot);
        self.machine = Machine::new();
        self.budget = usize::MAX;
        let mut events = vec![];
        for (record, how) in reconcile(&read, boot, |_| false) {
            let actions = self.machine.restore(NOW, record, how, policy);
            self.perform(actions, &mut events);
        }
        for event in events {
            self.live(Some(event), policy);
        }
        read.open().count() == 0
    }
}
