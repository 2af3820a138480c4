//! We, or our host, sleep; the wall clock steps: no false verdict, and no *yes* of before.

use crate::play::{Play, ms, s, unknown};
use bmcnotice::bmc::failure::Failure;
use bmcnotice::heartbeat::TakeOver::{NoAnswer, Yes};
use bmcnotice::heartbeat::Verdict::{Alive, Off};
use bmcnotice::heartbeat::{Doubt, Question};
use bmcnotice::wire::ipmi::Response;

#[test]
fn while_we_sleep_no_time_passes_for_others() {
    for span in [s(20), s(80), s(600), s(86_400)] {
        let mut play = Play::alive();
        play.story.clear();
        play.sleep(span);
        // The session is no more: the first rounds are in vain.
        (play.fails, play.latency) = (Some(Failure::SessionLost), ms(2000));
        play.run(s(8));
        (play.fails, play.latency) = (None, ms(5));
        play.run(s(20));
        assert_eq!((play.verdicts(), play.verdict()), (vec![], Alive), "{span:?}");
        // And after that silence is silence.
        play.fails = Some(Failure::Silent);
        let took = play.wait(s(120), |play| play.verdict() == unknown(Doubt::Silent));
        assert!(took >= s(85) && took <= s(95), "{took:?}");
    }
}

#[test]
fn an_off_of_before_our_sleep_is_no_yes() {
    let mut play = Play::alive();
    play.power_off();
    play.run(s(5));
    assert_eq!(play.may_i(), Yes);
    play.sleep(s(600));
    assert_eq!((play.verdict(), play.may_i()), (Off, NoAnswer), "it was, ten minutes ago");
    play.fails = Some(Failure::Silent);
    play.run(s(7));
    assert_eq!(play.verdict(), unknown(Doubt::Silent), "and is not said any more when nobody says it again");
}

/// The answer lay in our socket while we slept.
#[test]
fn what_was_answered_in_our_sleep_is_not_told_as_new() {
    let mut play = Play::alive();
    play.power_off();
    play.run(s(5));
    assert_eq!(play.may_i(), Yes);
    play.latency = ms(50);
    play.wait(s(10), |play| matches!(play.asked, Some((_, Question::Power))));
    let asked = play.asked;
    play.sleep(s(600));
    play.on = true; // meanwhile
    play.asked = asked;
    play.says = Some(Box::new(move |question, _| (question == Question::Power).then(|| Ok(Response::ok([0, 0, 0])))));
    play.wait(s(1), |play| play.asked.is_none() || play.asked != asked);
    assert_eq!(play.may_i(), NoAnswer, "the answer is of any time in our sleep");
    play.says = None;
    play.run(s(5));
    assert!(play.peer().power().is_some_and(|power| power.on));
    // The same with the pulse: fed a second ago, ten minutes ago.
    let mut play = Play::alive();
    play.latency = ms(50);
    play.wait(s(10), |play| matches!(play.asked, Some((_, Question::Pulse))));
    let octets = play.timer.octets(play.now.boottime);
    play.fed_every = None;
    play.sleep(s(200));
    play.says = Some(Box::new(move |question, _| (question == Question::Pulse).then(|| Ok(Response::ok(octets)))));
    play.wait(s(1), |play| play.asked.is_none());
    play.says = None;
    play.run(s(2));
    assert_eq!(play.verdict(), bmcnotice::heartbeat::Verdict::Silent, "{:?}", play.story);
}

#[test]
fn the_wall_clock_may_step() {
    let life = |step: bool| {
        let mut play = Play::alive();
        for round in 0..40_u64 {
            if step {
                play.now.wall = s([0, 1, 4_000_000_000, 1_700_000_000][round as usize % 4]);
            }
            if round == 20 {
                play.power_off();
            }
            play.run(s(5));
        }
        let may = play.may_i();
        (play.story, may)
    };
    assert_eq!(life(true), life(false));
}
