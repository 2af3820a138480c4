//! The table: what the BMC shows, the verdict, and the answer to "may I take over?".

use crate::play::{Play, Timer, WARNING, ms, s, unknown};
use bmcnotice::bmc::failure::Failure;
use bmcnotice::heartbeat::TakeOver::{self, FenceFirst, No, NoAnswer, Yes};
use bmcnotice::heartbeat::Verdict::{self, Alive, Booting, Delayed, Left, Off, Powered, Silent};
use bmcnotice::heartbeat::mark::{Mark, Vouched, start};
use bmcnotice::heartbeat::watch::Way;
use bmcnotice::heartbeat::{Doubt, FedBy, Pulse, Question};
use bmcnotice::wire::ipmi::{Completion, Response};
use bmcnotice::wire::rakp;
use std::time::Duration;

/// What the BMC shows, a verdict, an answer.
struct Row {
    shows: &'static str,
    verdict: Verdict,
    may: TakeOver,
    make: fn(&mut Play),
}

const fn row(shows: &'static str, verdict: Verdict, may: TakeOver, make: fn(&mut Play)) -> Row {
    Row { shows, verdict, may, make }
}

fn stale(play: &mut Play, timer: Timer, since: Duration) {
    play.feeds(timer);
    play.fed_every = None;
    play.timer.since = Some(play.now.boottime - since);
}

fn refuses(question: Question, code: u8) -> crate::play::Says {
    Box::new(move |asked, _| (asked == question).then(|| Ok(Response::refusal(Completion(code)))))
}

/// Every row of the table, and every way to come to it.
const TABLE: &[Row] = &[
    row("on, fed by a library like ours", Alive, No, |play| play.feeds(Timer::ours(1))),
    row("on, fed for an application", Alive, No, |play| {
        let initial = start(Mark::Lives(Vouched::Application), crate::play::TIMEOUT, 1);
        play.feeds(Timer { initial, ..Timer::ours(1) });
    }),
    row("on, fed by the kernel", Alive, No, |play| play.feeds(Timer::kernel(10))),
    row("on, fed by another program, for a long time", Alive, No, |play| play.feeds(Timer::kernel(900))),
    row("on, timer never started", Powered, NoAnswer, |_| {}),
    row("on, timer set and never started", Powered, NoAnswer, |play| play.timer = Timer::ours(1)),
    row("on, stopped by its owner", Powered, NoAnswer, |play| play.timer = Timer { left: 77, ..Timer::kernel(10) }),
    row("on, had run out before anybody looked", Powered, NoAnswer, |play| {
        play.timer = Timer { expired: 0x10, left: 0, ..Timer::kernel(10) };
    }),
    row("on, a boot's timer that was stopped", Powered, NoAnswer, |play| play.timer = Timer::boot(1)),
    row("on, Get Watchdog Timer unknown (C1h)", Powered, NoAnswer, |play| {
        play.says = Some(refuses(Question::Pulse, 0xC1));
    }),
    row("on, Get Watchdog Timer above our privilege (D4h)", Powered, NoAnswer, |play| {
        play.says = Some(refuses(Question::Pulse, 0xD4));
    }),
    row("on, BIOS FRB2", Booting, No, |play| stale(play, Timer::boot(1), s(1))),
    row("on, BIOS POST", Booting, No, |play| stale(play, Timer::boot(2), s(1))),
    row("on, OS load", Booting, No, |play| stale(play, Timer::boot(3), s(1))),
    row("on, late beyond the warning", Delayed, No, |play| stale(play, Timer::ours(1), WARNING + s(1))),
    row("on, stale beyond the time-out", Silent, FenceFirst, |play| stale(play, Timer::ours(1), s(100))),
    row("on, another owner's, beyond our time-out, and nobody knows its pace yet", Alive, No, |play| {
        stale(play, Timer::kernel(900), s(100));
    }),
    row("on, another owner's, near its own end", Delayed, No, |play| stale(play, Timer::kernel(900), s(800))),
    row("on, our feeder said goodbye", Left, NoAnswer, |play| play.timer = Timer::goodbye(1)),
    row("off", Off, Yes, Play::power_off),
    row("off, said by a BMC that was not proven", unknown(Doubt::Unproven), NoAnswer, |play| {
        play.power_off();
        play.proven = false;
    }),
    row("no answer", unknown(Doubt::Silent), NoAnswer, |play| play.fails = Some(Failure::Silent)),
    row("the session is lost again and again", unknown(Doubt::Silent), NoAnswer, |play| {
        play.fails = Some(Failure::SessionLost);
    }),
    row("login refused: password", unknown(Doubt::Login), NoAnswer, |play| play.fails = Some(Failure::WrongPassword)),
    row("login refused: user", unknown(Doubt::Login), NoAnswer, |play| play.fails = Some(Failure::WrongUser)),
    row("login refused: privilege", unknown(Doubt::Login), NoAnswer, |play| {
        play.fails = Some(Failure::PrivilegeTooHigh);
    }),
    row("login refused: suites", unknown(Doubt::Login), NoAnswer, |play| play.fails = Some(Failure::SuiteNotOffered)),
    row("login refused: another status", unknown(Doubt::Login), NoAnswer, |play| {
        play.fails = Some(Failure::Refused(rakp::Status(0x02)));
    }),
    row("no free slot", unknown(Doubt::NoSlot), NoAnswer, |play| play.fails = Some(Failure::NoFreeSlot)),
    row("its last slots are left to others", unknown(Doubt::NoSlot), NoAnswer, |play| {
        play.fails = Some(Failure::Crowded);
    }),
    row("another BMC answers", unknown(Doubt::Identity), NoAnswer, |play| play.fails = Some(Failure::WrongIdentity)),
    row("what answers is not understood", unknown(Doubt::Malformed), NoAnswer, |play| {
        play.fails = Some(Failure::Malformed);
    }),
    row("Get Chassis Status refused", unknown(Doubt::Malformed), NoAnswer, |play| {
        play.says = Some(refuses(Question::Power, 0xFF));
    }),
    row("Get Chassis Status cut short", unknown(Doubt::Malformed), NoAnswer, |play| {
        play.says = Some(Box::new(|asked, _| (asked == Question::Power).then(|| Ok(Response::ok([0x01])))));
    }),
];

#[test]
fn every_row() {
    for row in TABLE {
        let mut play = Play::new();
        (row.make)(&mut play);
        // Each row is one that is met at once: nothing here has to grow old.
        play.run(s(8));
        assert_eq!((play.verdict(), play.may_i()), (row.verdict, row.may), "{}", row.shows);
        let verdict = row.verdict;
        let first = play.verdicts()[0];
        let at_once = first == verdict || matches!(first, Powered);
        assert!(at_once && play.verdicts().len() <= 2, "{}: {:?}", row.shows, play.verdicts());
    }
    let mut all: Vec<String> = TABLE.iter().map(|row| row.verdict.to_string()).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 8 + 5, "every verdict, and of the doubts those of a session: {all:?}");
}

#[test]
fn without_a_session_it_is_said_why() {
    for doubt in [Doubt::NoLogin, Doubt::Elsewhere] {
        let mut play = Play::of(s(3), s(90), s(72), Way::Ping(doubt));
        play.power_off();
        play.run(s(8));
        assert_eq!((play.verdict(), play.may_i()), (unknown(doubt), NoAnswer), "a ping proves nothing");
        play.fails = Some(Failure::Silent);
        play.run(s(30));
        assert_eq!(play.verdict(), unknown(doubt), "one that is lost proves nothing, either");
        play.run(s(90));
        assert_eq!((play.verdict(), play.may_i()), (unknown(Doubt::Silent), NoAnswer));
    }
}

#[test]
fn without_the_pulse_it_is_the_power_alone() {
    let mut play = Play::of(s(3), s(90), s(72), Way::Session { pulse: false });
    play.feeds(Timer::ours(1));
    play.says = Some(Box::new(|asked, _| {
        assert_eq!(asked, Question::Power);
        None
    }));
    play.run(s(8));
    assert_eq!((play.verdict(), play.may_i()), (Powered, NoAnswer));
    play.power_off();
    play.run(s(5));
    assert_eq!((play.verdict(), play.may_i()), (Off, Yes));
}

#[test]
fn the_evidence_is_there_to_be_read() {
    let mut play = Play::alive();
    play.latency = ms(7);
    play.run(s(6));
    let peer = play.peer();
    assert_eq!((peer.round_trip(), peer.misses(), peer.restarts()), (Some(ms(7)), 0, 0));
    assert!(peer.power().is_some_and(|power| power.on && power.proven));
    let Pulse::Fed { ago, by: FedBy::Ours(Vouched::Library), .. } = peer.pulse() else { panic!("{:?}", peer.pulse()) };
    assert!(ago <= s(3), "{ago:?}");
    assert!(peer.heard().is_some_and(|heard| play.now.boottime - heard.boottime <= s(4)));
    assert!(peer.since() < play.now.boottime - s(5));
    play.feeds(Timer::kernel(10));
    play.run(s(10));
    assert!(matches!(play.peer().pulse(), Pulse::Fed { by: FedBy::Another, .. }));
}

/// What each verdict and each doubt is called, and that every answer has its reason.
#[test]
fn words() {
    let verdicts = [Alive, Powered, Booting, Delayed, Silent, Left, Off, unknown(Doubt::NotAsked)];
    let words = ["alive", "powered", "booting", "delayed", "silent", "left", "off", "unknown (not asked yet)"];
    assert_eq!(verdicts.map(|verdict| verdict.to_string()), words);
    for verdict in verdicts {
        let (may, why) = bmcnotice::heartbeat::take_over(verdict, s(1), s(6));
        assert_eq!((may == Yes, may == FenceFirst), (verdict == Off, verdict == Silent), "{verdict}");
        assert!(why.len() > 5 && !why.ends_with('.'), "{why}");
        let (old, _) = bmcnotice::heartbeat::take_over(verdict, s(7), s(6));
        assert_eq!(old, if verdict == Off { NoAnswer } else { may }, "{verdict}: only a yes grows old");
    }
}

/// Only a silent BMC is called silent: where it answers, the reason does not say that it says nothing.
#[test]
fn a_reason_of_its_own_for_what_is_not_known() {
    let answers = [Doubt::Login, Doubt::NoSlot, Doubt::NoLogin, Doubt::Elsewhere, Doubt::Identity, Doubt::Malformed];
    let reason = |doubt| bmcnotice::heartbeat::take_over(unknown(doubt), s(1), s(6)).1;
    assert!(answers.into_iter().all(|doubt| reason(doubt).contains("answers")), "{:?}", answers.map(reason));
    for (doubt, word) in
        [(Doubt::Silent, "says nothing"), (Doubt::NotAsked, "not been asked"), (Doubt::Unproven, "proves")]
    {
        assert!(reason(doubt).contains(word), "{}", reason(doubt));
    }
}
