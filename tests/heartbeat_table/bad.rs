//! BMCs that answer late, twice, for someone else, or nonsense: no false verdict, and counted.

use crate::play::{INTERVAL, Play, SERVER, TIMEOUT, Timer, ms, s, unknown};
use bmcnotice::bmc::failure::Failure;
use bmcnotice::crypto::Random;
use bmcnotice::heartbeat::Verdict::{Alive, Booting, Delayed, Left, Powered, Silent};
use bmcnotice::heartbeat::countdown::FROZEN_READINGS;
use bmcnotice::heartbeat::watch::Way;
use bmcnotice::heartbeat::{Answer, Doubt, Power, Pulse, Question, Rules, Verdict, Watch, take_over};
use bmcnotice::now::Now;
use bmcnotice::wire::ipmi::{Completion, Response};
use bmcnotice::words::ServerId;

const ON: Answer = Answer::Power(Power { on: true, proven: true });
const OFF: Answer = Answer::Power(Power { on: false, proven: true });

#[test]
fn late_answers_are_as_good_as_early_ones() {
    let mut play = Play::alive();
    play.latency = ms(2900);
    play.story.clear();
    play.run(s(60));
    assert_eq!((play.verdict(), play.verdicts()), (Alive, vec![]));
    play.power_off();
    let took = play.wait(s(60), |play| play.verdict() == Verdict::Off);
    assert!(took < INTERVAL + s(12), "{took:?}");
}

#[test]
fn twice_is_once() {
    let mut play = Play::alive();
    let mut plain = Play::alive();
    for _ in 0..20 {
        // Every answer comes again, and once more while the next question is out.
        let begin = play.questions;
        play.wait(s(5), |play| play.questions > begin && play.asked.is_none());
        let again = play.timer.octets(play.now.boottime);
        let timer = Answer::of(Question::Pulse, Ok(Response::ok(again)), true);
        for (question, answer) in [(Question::Pulse, timer), (Question::Power, ON), (Question::Ping, Answer::Alive)] {
            assert_eq!(play.hand_in(question, answer), None, "nobody has asked");
        }
    }
    plain.run(play.now.boottime - plain.now.boottime);
    assert_eq!((play.verdict(), play.story.len()), (Alive, plain.story.len()));
    assert_eq!(play.questions, plain.questions, "no answer makes a question of its own");
}

#[test]
fn an_answer_to_another_question_is_none() {
    let mut play = Play::alive();
    play.latency = s(1);
    let begin = play.questions;
    play.wait(s(5), |play| play.questions > begin);
    assert!(matches!(play.asked, Some((_, Question::Pulse))));
    assert_eq!(play.hand_in(Question::Power, OFF), None);
    assert_eq!(play.peer().power().map(|power| power.on), Some(true));
    play.run(s(10));
    assert_eq!(play.verdict(), Alive);
}

#[test]
fn an_answer_for_someone_else_is_no_answer() {
    let now = Now { boottime: s(100), wall: s(0) };
    let rules = Rules { timeout: TIMEOUT, warning: s(72), current: take_over::current(INTERVAL) };
    let way = Way::Session { pulse: false };
    let servers = [(ServerId(0), way), (SERVER, way)];
    let mut watch = Watch::new(now, INTERVAL, rules, servers, Random::from_seed([1; 32]));
    let ask = watch.poll(now).unwrap();
    assert_eq!((ask.server, ask.question), (ServerId(0), Question::Power));
    for server in [SERVER, ServerId(2), ServerId(u16::MAX)] {
        assert_eq!(watch.answered(now, server, Question::Power, OFF), None, "{server:?}");
    }
    assert_eq!(watch.peer(SERVER).unwrap().power(), None);
    assert!(watch.peer(ServerId(2)).is_none());
    assert!(watch.answered(now, ServerId(0), Question::Power, ON).is_some());
}

/// Answers that are as a BMC must not give them, one alone among good ones, and one after the other for ever.
#[test]
fn nonsense_changes_nothing_for_a_while_and_is_not_believed_for_long() {
    let refusal = |code| Response::refusal(Completion(code));
    let nonsense: &[(&str, usize, Response)] = &[
        ("present above start", 1, Response::ok([0x84, 0, 0, 0, 100, 0, 200, 0])),
        ("a reserved use", 1, Response::ok([0x87 | 0x40, 0, 0, 0, 100, 0, 50, 0])),
        ("another boot's mark, and nonsense", 1, Response::ok([0xC4, 0, 0, 0, 106, 0, 0xFF, 0xFF])),
        ("all ones", 1, Response::ok([0xFF; 8])),
        ("cut short", 0, Response::ok([0xC4, 0, 0, 0, 100, 0, 50])),
        ("empty", 0, Response::ok([])),
        ("busy", 0, refusal(0xC0)),
        ("time-out", 0, refusal(0xC3)),
        ("unspecified", 0, refusal(0xFF)),
    ];
    for (what, absurd, response) in nonsense {
        for before in [Alive, Silent, Left, Booting] {
            let mut play = Play::new();
            match before {
                Alive => play.feeds(Timer::ours(1)),
                Silent => {
                    play.feeds(Timer::ours(1));
                    play.fed_every = None;
                    play.run(s(95));
                }
                Left => play.timer = Timer::goodbye(1),
                _ => {
                    play.timer = Timer::boot(1);
                    play.feed();
                }
            }
            play.run(s(10));
            assert_eq!(play.verdict(), before);
            (play.story, play.absurd) = (Vec::new(), 0);
            let answer = response.clone();
            play.says = Some(Box::new(move |asked, _| (asked == Question::Pulse).then(|| Ok(answer.clone()))));
            let begin = play.questions;
            play.wait(s(5), |play| play.questions == begin + 2 && play.asked.is_none());
            assert_eq!((play.verdicts(), play.absurd), (vec![], *absurd), "{what}: one of it");
            // The power was told all the same, and soon the timer is asked again.
            assert_eq!(play.peer().misses(), 0);
            play.run(s(10));
            assert_eq!(play.verdicts(), [Powered], "{what}: nothing but the power is known");
            assert!(*absurd == 0 || play.absurd >= 3, "{what}: {}", play.absurd);
            play.says = None;
            play.run(s(10));
            assert_eq!((play.verdict(), play.restarts.len()), (before, 0), "{what}");
        }
    }
}

#[test]
fn power_that_cannot_be_read_is_as_if_lost() {
    for response in [Response::ok([]), Response::ok([0]), Response::refusal(Completion(0xC0))] {
        let mut play = Play::alive();
        play.story.clear();
        let answer = response.clone();
        play.says = Some(Box::new(move |asked, _| (asked == Question::Power).then(|| Ok(answer.clone()))));
        play.run(s(30));
        assert_eq!(play.verdicts(), [], "no off, though an octet says so");
        play.run(s(80));
        assert_eq!(play.verdicts(), [Delayed, unknown(Doubt::Malformed)]);
    }
}

#[test]
fn a_frozen_countdown_is_no_pulse_for_longer_than_the_time_out() {
    for interval in [ms(500), s(3), s(10)] {
        let mut play = Play::of(interval, TIMEOUT, s(72), Way::Session { pulse: true });
        play.feeds(Timer::ours(1));
        play.run(interval * 4);
        assert_eq!(play.verdict(), Alive);
        play.fed_every = None; // and the server hangs
        play.run(s(4));
        let frozen = play.timer.octets(play.now.boottime);
        play.says = Some(Box::new(move |asked, _| (asked == Question::Pulse).then(|| Ok(Response::ok(frozen)))));
        play.wait(TIMEOUT + interval * 3, |play| play.verdict() == Powered);
        assert!(play.now.boottime - play.fed <= TIMEOUT + interval * 3, "{interval:?}");
        play.run(s(200));
        assert_eq!((play.verdict(), play.absurd), (Powered, 1), "{interval:?}: counted once");
        play.says = None;
        play.feeds(Timer::ours(1));
        play.run(interval * 3);
        assert_eq!(play.verdict(), Alive, "it moves again");
    }
    const { assert!(FROZEN_READINGS >= 4, "a coarse one shows the same now and then") };
}

/// Feeding that comes as regularly as the questions, so that they always meet it at the same place.
#[test]
fn a_feeder_in_step_with_the_questions_is_no_frozen_countdown() {
    let mut play = Play::alive();
    play.story.clear();
    let initial = Timer::ours(1).initial;
    // So it looks at every planned question; what is asked in between shows that it counts.
    let in_step = Timer { since: None, left: initial - 12, ..Timer::ours(1) };
    let mut octets = in_step.octets(play.now.boottime);
    octets[0] |= 0x40;
    let last = std::cell::Cell::new(play.now.boottime);
    play.says = Some(Box::new(move |asked, now| {
        (asked == Question::Pulse).then(|| {
            let since = now - last.replace(now);
            let mut octets = octets;
            if since < s(2) {
                let left = initial - 12 - (since.as_millis() / 100) as u16;
                [octets[6], octets[7]] = left.to_le_bytes();
            }
            Ok(Response::ok(octets))
        })
    }));
    let begin = play.questions;
    play.run(s(600));
    assert_eq!((play.verdict(), play.verdicts(), play.absurd), (Alive, vec![], 0));
    assert!(play.questions - begin < 600 / 3 * 2 * 2, "not many more: {}", play.questions - begin);
}

/// A BMC that counts in whole seconds, and a feeder that feeds every two.
#[test]
fn a_coarse_countdown_is_no_frozen_one() {
    let mut play = Play::new();
    play.feeds(Timer::kernel(60));
    play.fed_every = Some(ms(2100));
    let seen = std::rc::Rc::new(std::cell::Cell::new(Timer::kernel(60).octets(s(0))));
    let told = seen.clone();
    play.says = Some(Box::new(move |asked, _| (asked == Question::Pulse).then(|| Ok(Response::ok(told.get())))));
    for _ in 0..20_000 {
        let mut octets = play.timer.octets(play.now.boottime);
        let left = u16::from_le_bytes([octets[6], octets[7]]) / 10 * 10;
        [octets[6], octets[7]] = left.to_le_bytes();
        seen.set(octets);
        play.run(ms(50));
    }
    assert_eq!((play.verdict(), play.verdicts().len(), play.absurd), (Alive, 2, 0), "{:?}", play.story);
}

#[test]
fn a_running_bit_that_is_stuck_is_seen_through() {
    let mut play = Play::new();
    play.feeds(Timer::ours(1));
    let seen = std::rc::Rc::new(std::cell::Cell::new([0; 8]));
    let told = seen.clone();
    play.says = Some(Box::new(move |asked, _| (asked == Question::Pulse).then(|| Ok(Response::ok(told.get())))));
    let look = |play: &mut Play, span| {
        for _ in 0..span {
            let mut octets = play.timer.octets(play.now.boottime);
            octets[0] &= !0x40;
            seen.set(octets);
            play.run(ms(50));
        }
    };
    play.fed_every = Some(s(10));
    look(&mut play, 20 * 20);
    assert_eq!(play.verdict(), Alive, "it falls, so it runs");
    play.fed_every = None;
    look(&mut play, 20 * 94);
    assert_eq!(play.verdict(), Silent);
    (play.timer.left, play.timer.since) = (play.timer.octets(play.now.boottime)[6].into(), None);
    look(&mut play, 20 * 20);
    assert_eq!(play.verdict(), Powered, "it stands");
}

/// The driver stops its timer and starts it again: the running bit is not stuck, and a stopped one does not run.
#[test]
fn a_timer_that_is_stopped_again_and_again_is_no_pulse() {
    let mut play = Play::new();
    for _ in 0..10 {
        play.feeds(Timer::kernel(60));
        play.run(s(9));
        assert_eq!(play.verdict(), Alive);
        play.fed_every = None;
        play.run(s(3));
        (play.timer.left, play.timer.since) = (500, None);
        play.run(s(4));
        assert_eq!(play.verdict(), Powered);
    }
}

#[test]
fn a_foreign_countdown_counts_and_vouches_for_nobody_of_ours() {
    let mut play = Play::new();
    play.feeds(Timer::kernel(60));
    play.run(s(10));
    assert_eq!(play.verdict(), Alive);
    // Whole seconds are no mark of ours, whatever boot it looks like: no restart.
    for seconds in [60, 61, 90, 128, 600] {
        play.feeds(Timer::kernel(seconds));
        play.run(s(10));
    }
    assert_eq!((play.verdict(), play.restarts.len()), (Alive, 0));
    assert!(matches!(play.peer().pulse(), Pulse::Fed { by: bmcnotice::heartbeat::FedBy::Another, .. }));
}

#[test]
fn another_bmc_at_the_address_takes_the_verdict_with_it() {
    for before in [Alive, Verdict::Off] {
        let mut play = Play::alive();
        if before == Verdict::Off {
            play.power_off();
        }
        play.run(s(10));
        assert_eq!(play.verdict(), before);
        play.fails = Some(Failure::WrongIdentity);
        play.run(s(5));
        assert_eq!(play.verdict(), unknown(Doubt::Identity), "at once: what was said was another's, perhaps");
    }
}

#[test]
fn a_bmc_that_is_silent_is_asked_less_and_found_again() {
    let mut play = Play::alive();
    (play.fails, play.latency) = (Some(Failure::Silent), ms(3750));
    play.run(s(300));
    assert_eq!(play.verdict(), unknown(Doubt::Silent));
    let begin = play.questions;
    play.run(s(600));
    assert!(play.questions - begin <= 60, "{}", play.questions - begin);
    (play.fails, play.latency) = (None, ms(5));
    let took = play.wait(s(60), |play| play.verdict() == Alive);
    assert!(took <= INTERVAL * 5 + s(4), "{took:?}");
}

/// What is said of a BMC takes no more room, however often it is said.
#[test]
fn who_was_touched_is_told_once() {
    let mut play = Play::alive();
    play.run(s(600));
    assert_eq!(play.watch.take_touched(), Some(SERVER));
    assert_eq!(play.watch.take_touched(), None);
    play.run(s(4));
    assert_eq!(play.watch.take_touched(), Some(SERVER));
}
