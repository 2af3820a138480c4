//! How one verdict follows another: from every row to every row, what comes between, how soon, and how restarts are counted.

use crate::play::{INTERVAL, Play, TIMEOUT, Timer, WARNING, ms, s, unknown};
use bmcnotice::bmc::failure::Failure;
use bmcnotice::heartbeat::TakeOver::{NoAnswer, Yes};
use bmcnotice::heartbeat::Verdict::{self, Alive, Booting, Delayed, Left, Off, Powered, Silent};
use bmcnotice::heartbeat::mark::SMS_OS;
use bmcnotice::heartbeat::watch::Way;
use bmcnotice::heartbeat::{Doubt, Pulse};
use std::time::Duration;

const LOST: Verdict = unknown(Doubt::Silent);
const REFUSED: Verdict = unknown(Doubt::Login);
const UNPROVEN: Verdict = unknown(Doubt::Unproven);

/// Makes the BMC show this from now on, whatever it showed before. A boot that begins is another one.
fn show(play: &mut Play, verdict: Verdict, boot: u16) {
    (play.on, play.proven, play.fails, play.fed_every) = (true, true, None, None);
    match verdict {
        Alive => play.feeds(Timer::ours(boot)),
        Powered => play.timer = Timer::NEVER,
        Booting => {
            play.timer = Timer::boot(2);
            play.feed();
        }
        Delayed | Silent => {
            play.timer = Timer::ours(boot);
            let age = if verdict == Silent { TIMEOUT } else { WARNING };
            play.timer.since = Some(play.now.boottime - age - s(1));
        }
        Left => play.timer = Timer::goodbye(boot),
        Off => play.power_off(),
        UNPROVEN => {
            play.power_off();
            play.proven = false;
        }
        LOST => play.fails = Some(Failure::Silent),
        REFUSED => play.fails = Some(Failure::WrongPassword),
        Verdict::Unknown(_) => unreachable!(),
    }
}

const ALL: [Verdict; 10] = [Alive, Powered, Booting, Delayed, Silent, Left, Off, LOST, REFUSED, UNPROVEN];

/// How long what was seen before may stand when the BMC says nothing more.
fn lasts(before: Verdict) -> Duration {
    match before {
        Alive | Powered | Booting | Silent | Left | UNPROVEN => TIMEOUT,
        Delayed => TIMEOUT - WARNING, // the last feeding is so old already
        Off => s(12),
        Verdict::Unknown(_) => Duration::ZERO,
    }
}

#[test]
fn from_every_row_to_every_row() {
    for before in ALL {
        for after in ALL {
            let mut play = Play::new();
            show(&mut play, before, 1);
            play.wait(TIMEOUT + s(20), |play| play.verdict() == before);
            play.story.clear();
            show(&mut play, after, 1);
            let took = play.wait(TIMEOUT + s(20), |play| play.verdict() == after);
            // The next question comes within an interval and its jitter; two readings may be wanted.
            let most = INTERVAL + INTERVAL / 8 * 2 + s(2) + if after == LOST { lasts(before) } else { s(0) };
            assert!(took <= most, "{before} to {after} took {took:?}");
            let between: Vec<Verdict> = play.verdicts().into_iter().filter(|verdict| *verdict != after).collect();
            let allowed = match (before, after) {
                (Alive, LOST) => vec![Delayed],                 // a warning before anything worse
                (_, Alive | Delayed | Silent) => vec![Powered], // there is power; it is yet to be seen to count
                _ => vec![],
            };
            assert!(between.iter().all(|verdict| allowed.contains(verdict)), "{before} to {after}: {between:?}");
            assert!(between.len() <= 1, "{before} to {after}: {between:?}");
        }
    }
}

/// From a countdown to another one there is no *powered* between.
#[test]
fn a_pulse_that_is_set_anew_is_no_other_verdict() {
    for (before, after) in
        [(Timer::ours(1), Timer::kernel(60)), (Timer::kernel(60), Timer::ours(1)), (Timer::ours(1), Timer::kernel(10))]
    {
        let mut play = Play::new();
        play.feeds(before);
        play.run(s(10));
        play.story.clear();
        for _ in 0..5 {
            play.feeds(after.clone());
            play.run(s(10));
        }
        assert_eq!((play.verdict(), play.verdicts()), (Alive, vec![]));
    }
    let mut play = Play::alive();
    play.fed_every = None;
    play.timer = Timer::goodbye(1);
    play.run(s(5));
    play.feeds(Timer::ours(1));
    play.run(s(5));
    assert_eq!(play.verdicts()[2..], [Left, Powered, Alive], "what is set anew has not left: {:?}", play.story);
}

#[test]
fn a_single_loss_changes_nothing() {
    for before in [Alive, Powered, Booting, Silent, Left, Off] {
        // Of *off* no more than one round may be lost: see below.
        for lost in 1..=if before == Off { 1 } else { 2_usize } {
            let mut play = Play::new();
            show(&mut play, before, 1);
            play.wait(s(120), |play| play.verdict() == before);
            play.story.clear();
            for _ in 0..4 {
                play.wait(s(10), |play| play.asked.is_none());
                let begin = play.questions;
                play.fails = Some(Failure::Silent);
                play.latency = ms(if lost == 1 { 3750 } else { 1500 }); // what a link takes to give up
                play.wait(s(20), |play| play.questions == begin + lost + 1);
                (play.fails, play.latency) = (None, ms(5));
                // The one more that was asked is answered.
                play.run(s(7));
                assert_eq!((play.verdicts(), play.verdict()), (vec![], before), "{lost} lost");
            }
            assert!(play.missed >= 4, "{}", play.missed);
        }
    }
}

#[test]
fn what_is_lost_is_asked_again_at_once() {
    let mut play = Play::alive();
    play.fails = Some(Failure::Silent);
    play.wait(s(5), |play| play.peer().misses() == 1);
    play.fails = None;
    let took = play.wait(s(5), |play| play.peer().misses() == 0);
    assert!(took < ms(100), "{took:?}");
}

#[test]
fn off_is_read_twice() {
    let mut play = Play::alive();
    play.power_off();
    play.wait(s(5), |play| play.peer().power().is_some_and(|power| !power.on));
    assert_eq!((play.verdict(), play.may_i()), (Alive, bmcnotice::heartbeat::TakeOver::No), "not on one reading");
    let took = play.wait(s(5), |play| play.verdict() == Off);
    assert!(took >= ms(500) && took < ms(700), "{took:?}");
    assert_eq!(play.may_i(), Yes);
    // One reading alone, between two that say on: nothing.
    let mut play = Play::alive();
    for _ in 0..20 {
        play.on = false;
        play.wait(s(5), |play| play.peer().power().is_some_and(|power| !power.on));
        play.on = true;
        play.run(s(5));
    }
    assert_eq!((play.verdicts(), play.restarts.len()), (vec![Powered, Alive], 0), "{:?}", play.story);
}

#[test]
fn off_counts_only_when_both_readings_were_proven() {
    let mut play = Play::alive();
    play.proven = false;
    play.power_off();
    play.wait(s(5), |play| play.peer().power().is_some_and(|power| !power.on));
    play.proven = true;
    play.wait(s(1), |play| play.peer().power().is_some_and(|power| power.proven));
    assert_eq!(play.verdict(), Alive);
    play.run(s(1));
    assert_eq!((play.verdict(), play.may_i()), (Off, Yes));
    play.proven = false;
    play.run(s(4));
    assert_eq!((play.verdict(), play.may_i()), (UNPROVEN, NoAnswer), "it holds no longer than it is proven");
}

/// A BMC that dies with its host, or behind it: *off* was true then, and is no *yes* for long.
#[test]
fn off_does_not_outlast_its_evidence() {
    let mut play = Play::alive();
    play.power_off();
    play.wait(s(5), |play| play.verdict() == Off);
    (play.fails, play.latency) = (Some(Failure::Silent), ms(3750));
    let yes = play.wait(s(60), |play| play.may_i() != Yes);
    assert!(yes <= s(6) + s(1), "{yes:?}");
    let off = yes + play.wait(s(60), |play| play.verdict() != Off);
    assert_eq!(play.verdict(), LOST);
    assert!(off <= s(13), "{off:?}");
}

#[test]
fn a_warning_comes_before_anything_worse() {
    for (interval, timeout, warning) in
        [(s(3), s(90), s(72)), (s(10), s(30), s(24)), (s(3), s(9), s(7)), (s(1), s(3), s(2))]
    {
        let mut play = Play::of(interval, timeout, warning, Way::Session { pulse: true });
        play.feeds(Timer::ours(1));
        play.fed_every = Some(interval / 2);
        play.run(interval * 3);
        (play.fed_every, play.story) = (None, Vec::new());
        play.run(timeout + interval);
        assert_eq!(play.verdicts(), [Delayed, Silent], "{interval:?}, {timeout:?}");
        let after = |place: usize| play.story[place].0 - play.fed;
        assert!(after(0) > warning && after(0) < warning + s(1), "{:?}", after(0));
        assert!(after(1) > timeout && after(1) < timeout + s(1), "just behind the moment: {:?}", after(1));
        // A BMC that falls silent.
        let mut play = Play::of(interval, timeout, warning, Way::Session { pulse: true });
        play.feeds(Timer::ours(1));
        play.fed_every = Some(interval / 2);
        play.run(interval * 3);
        (play.fails, play.story) = (Some(Failure::Silent), Vec::new());
        let heard = play.peer().heard().unwrap().boottime;
        play.run(timeout * 2 + interval * 5);
        assert_eq!(play.verdicts(), [Delayed, LOST], "{interval:?}, {timeout:?}");
        assert!(play.story[1].0 - heard < timeout + s(1), "{:?}", play.story[1].0 - heard);
    }
}

/// What was fed last is as old as it is, however often the BMC was heard since, or not.
#[test]
fn alive_does_not_outlast_the_last_feeding() {
    let mut play = Play::alive();
    play.fed_every = None;
    play.run(s(60));
    assert_eq!(play.verdict(), Alive);
    (play.fails, play.latency) = (Some(Failure::Silent), ms(3750));
    play.wait(s(20), |play| play.verdict() == Delayed);
    assert!(play.now.boottime - play.fed < WARNING + s(8), "{:?}", play.now.boottime - play.fed);
    play.wait(s(30), |play| play.verdict() == LOST);
    assert!(play.now.boottime - play.fed < TIMEOUT + s(8), "{:?}", play.now.boottime - play.fed);
}

#[test]
fn the_moment_that_decides_is_counted_from_the_reading() {
    // The power's answer takes two seconds: the pulse that was read before is as much older by then.
    let mut play = Play::alive();
    play.fed_every = None;
    play.run(s(80));
    play.latency = s(2);
    let took = play.wait(s(30), |play| play.verdict() == Silent);
    assert!(
        took > s(0) && play.now.boottime - play.fed < TIMEOUT + s(2) * 4 + s(1),
        "{:?}",
        play.now.boottime - play.fed
    );
}

#[test]
fn a_restart_is_counted_once_whatever_shows_it_first() {
    // Power off and on; the new boot has another mark, and its firmware ran the timer.
    type Happens = fn(&mut Play);
    let boots: [(&str, Happens); 6] = [
        ("power", |play| {
            play.power_off();
            play.run(s(10));
            (play.on, play.timer) = (true, Timer::NEVER);
        }),
        ("power, and a timer that goes on all the same", |play| {
            let timer = play.timer.clone();
            play.power_off();
            play.timer = timer;
            play.run(s(10));
            play.on = true;
        }),
        ("mark", |play| play.power_off()),
        ("firmware", |play| {
            (play.fed_every, play.timer) = (None, Timer::boot(1));
            play.feed();
        }),
        ("firmware, after the power", |play| {
            play.power_off();
            play.run(s(10));
            (play.on, play.timer) = (true, Timer::boot(2));
            play.feed();
        }),
        ("nothing but the mark", |play| (play.fed_every, play.timer.since) = (None, None)),
    ];
    for (what, goes_down) in boots {
        let mut play = Play::alive();
        for boot in 2..6 {
            goes_down(&mut play);
            if what == "mark" {
                play.on = true; // a moment that nobody saw
            }
            play.run(s(40));
            play.feeds(Timer::ours(boot));
            play.run(s(20));
            assert_eq!(
                (play.verdict(), play.restarts.len()),
                (Alive, usize::from(boot) - 1),
                "{what}: {:?}",
                play.story
            );
            assert_eq!(play.peer().restarts(), u32::from(boot) - 1);
        }
    }
    // The same boot, another process: no restart. A process that ended, and the next boot's: one.
    let mut play = Play::alive();
    play.timer = Timer::goodbye(1);
    play.fed_every = None;
    play.run(s(20));
    play.feeds(Timer::ours(1));
    play.run(s(20));
    assert_eq!(play.restarts.len(), 0);
    for boot in 2..5 {
        play.fed_every = None;
        play.timer = Timer::goodbye(boot); // it has lived and left between two looks
        play.run(s(20));
        assert_eq!((play.verdict(), play.restarts.len()), (Left, usize::from(boot) - 1));
    }
}

#[test]
fn a_restart_that_was_seen_is_told_even_if_the_next_answer_is_lost() {
    let mut play = Play::alive();
    play.feeds(Timer::ours(2));
    play.says =
        Some(Box::new(|asked, _| (asked == bmcnotice::heartbeat::Question::Power).then_some(Err(Failure::Silent))));
    play.run(s(10));
    assert_eq!(play.restarts.len(), 0, "no round has ended");
    play.says = None;
    play.run(s(5));
    assert_eq!(play.restarts.len(), 1);
}

/// A foreign watchdog of ten seconds whose action is a reset: nobody feeds it, and it acts.
#[test]
fn a_foreign_watchdog_that_resets_its_server() {
    let mut play = Play::new();
    play.feeds(Timer::kernel(10));
    play.run(s(30));
    assert_eq!(play.verdict(), Alive);
    for times in 1..4 {
        (play.fed_every, play.story) = (None, Vec::new());
        play.run(s(15));
        assert_eq!((play.verdicts(), play.restarts.len()), (vec![Silent], times));
        assert_eq!(play.peer().pulse(), Pulse::Expired);
        let left = play.timer.expired;
        assert_eq!(left, 1 << SMS_OS);
        play.timer = Timer { expired: left, ..Timer::boot(1) };
        play.feed();
        play.run(s(20));
        assert_eq!((play.verdict(), play.restarts.len()), (Booting, times), "told already");
        // The flag of its expiry stays, as the kernel does not wipe it off.
        play.feeds(Timer { expired: left, ..Timer::kernel(10) });
        play.run(s(30));
        assert_eq!((play.verdict(), play.restarts.len()), (Alive, times));
    }
    // Power off instead of a reset: the restart is when the power comes back.
    play.timer.actions = 0x02;
    play.feeds(play.timer.clone());
    play.run(s(10));
    play.fed_every = None;
    play.run(s(9));
    play.on = false;
    play.run(s(20));
    assert_eq!(play.verdict(), Off);
    let before = play.restarts.len();
    play.on = true;
    play.run(s(10));
    assert_eq!((play.verdict(), play.restarts.len(), before), (Powered, 4, 3), "{:?}", play.story);
}
