//! The feeder against answers made by hand: what it asks next, whatever the BMC says, and what it never says.

use crate::play::{TIMEOUT, ms, s};
use bmcnotice::bmc::failure::Failure;
use bmcnotice::crypto::Random;
use bmcnotice::heartbeat::Feeder;
use bmcnotice::heartbeat::feeder::{Note, REFUSED_PAUSE, Settings};
use bmcnotice::heartbeat::mark::{Mark, SMS_OS, Vouched, start};
use bmcnotice::now::Now;
use bmcnotice::wire::command::{GET_WATCHDOG, RESET_WATCHDOG, SET_WATCHDOG, Watchdog};
use bmcnotice::wire::ipmi::{Completion, Request, Response};
use std::time::Duration;

struct Talk {
    feeder: Feeder,
    now: Now,
}

impl Talk {
    fn new() -> Self {
        let now = Now { boottime: s(1000), wall: s(0) };
        let settings =
            Settings { period: s(3), timeout: TIMEOUT, vouched: Vouched::Library, word: Duration::MAX, tag: 1 };
        Self { feeder: Feeder::new(now, settings, Random::from_seed([6; 32])), now }
    }

    /// The next question; time passes until it is due.
    fn asks(&mut self) -> Option<Request> {
        if let Some(due) = self.feeder.next_deadline() {
            self.now = self.now.after(due.saturating_sub(self.now.boottime));
        }
        self.feeder.poll(self.now)
    }

    fn is_asked(&mut self, command: bmcnotice::wire::command::Command) -> Request {
        let request = self.asks().expect("a question");
        assert!(request.is(command), "{request:?}");
        request
    }

    fn hears(&mut self, data: impl Into<Vec<u8>>) {
        self.feeder.handle_answer(self.now, Ok(Response::ok(data)));
    }

    /// Up to the feeding that is verified.
    fn fed() -> Self {
        let mut talk = Self::new();
        talk.is_asked(GET_WATCHDOG);
        talk.hears([0; 8]);
        talk.is_asked(SET_WATCHDOG);
        talk.hears([]);
        talk.is_asked(RESET_WATCHDOG);
        talk.hears([]);
        talk.is_asked(GET_WATCHDOG);
        talk.hears(ours(true));
        assert_eq!(talk.feeder.said(), Some(Note::Fed));
        talk
    }
}

fn ours(running: bool) -> Vec<u8> {
    let initial = start(Mark::Lives(Vouched::Library), TIMEOUT, 1);
    Watchdog {
        dont_log: true,
        running,
        timer_use: SMS_OS,
        actions: 0,
        pre_timeout: 0,
        expired: 0,
        initial,
        present: initial,
    }
    .emit()
}

#[test]
fn what_it_sets() {
    let mut talk = Talk::new();
    talk.is_asked(GET_WATCHDOG);
    talk.hears([0; 8]);
    let set = talk.is_asked(SET_WATCHDOG);
    let initial = start(Mark::Lives(Vouched::Library), TIMEOUT, 1).to_le_bytes();
    // Don't log; SMS/OS; stopped by it; no action, no pre-timeout; its old expiry wiped off.
    assert_eq!(set.data, [0x84, 0x00, 0x00, 0x10, initial[0], initial[1]]);
}

#[test]
fn one_word_of_another_owner_and_it_is_given_up_for_good() {
    let mut theirs: Vec<Vec<u8>> = Vec::new();
    for (place, octet) in
        [(0, 0xC1), (0, 0xC2), (0, 0xC3), (0, 0xC5), (1, 0x01), (1, 0x10), (1, 0x02), (4, 0x00), (5, 0x01)]
    {
        let mut octets = ours(true);
        octets[place] = octet;
        theirs.push(octets);
    }
    for octets in &theirs {
        for running in [true, false] {
            let mut octets = octets.clone();
            octets[0] = octets[0] & !0x40 | u8::from(running) << 6;
            // At a look, and at the look behind a feeding.
            for verify in [false, true] {
                let mut talk = if verify { Talk::new() } else { Talk::fed() };
                if verify {
                    talk.is_asked(GET_WATCHDOG);
                    talk.hears([0; 8]);
                    talk.is_asked(SET_WATCHDOG);
                    talk.hears([]);
                    talk.is_asked(RESET_WATCHDOG);
                    talk.hears([]);
                }
                talk.is_asked(GET_WATCHDOG);
                talk.hears(octets.clone());
                assert!(
                    matches!(talk.feeder.said(), Some(Note::Foreign { .. })),
                    "{octets:02x?}: {:?}",
                    talk.feeder.said()
                );
                assert_eq!((talk.asks(), talk.feeder.is_over()), (None, true));
                talk.feeder.part(talk.now);
                assert_eq!(talk.asks(), None, "not even a goodbye");
            }
        }
    }
}

#[test]
fn ours_that_was_stopped_is_started_again_and_not_when_it_bears_another_start() {
    let mut talk = Talk::fed();
    talk.is_asked(GET_WATCHDOG);
    talk.hears(ours(false));
    talk.is_asked(SET_WATCHDOG);
    let mut talk = Talk::fed();
    talk.is_asked(GET_WATCHDOG);
    talk.hears(vec![0x84, 0, 0, 0, 100, 0, 100, 0]);
    assert_eq!(talk.feeder.said(), Some(Note::Foreign { timer_use: SMS_OS, running: false }));
    assert!(talk.feeder.said().unwrap().is_trouble(), "set for somebody, and nobody feeds it");
    assert_eq!(talk.asks(), None);
}

/// Refused, whatever was asked: it is tried again, rarely, from the beginning.
#[test]
fn refusals() {
    for step in 0..4 {
        for code in [0x01, 0xC0, 0xC1, 0xCC, 0xD4, 0xFF] {
            let mut talk = Talk::new();
            let answers: [Vec<u8>; 4] = [vec![0; 8], vec![], vec![], ours(true)];
            for answer in answers.iter().take(step) {
                talk.asks().unwrap();
                talk.hears(answer.clone());
            }
            talk.asks().unwrap();
            let at = talk.now.boottime;
            talk.feeder.handle_answer(talk.now, Ok(Response::refusal(Completion(code))));
            assert_eq!(talk.feeder.said(), Some(Note::Refused(Completion(code))));
            talk.is_asked(GET_WATCHDOG);
            assert_eq!(talk.now.boottime - at, REFUSED_PAUSE, "step {step}");
        }
    }
}

#[test]
fn never_set_is_no_refusal_of_a_feeding_and_one_of_everything_else() {
    let mut talk = Talk::fed();
    talk.is_asked(GET_WATCHDOG);
    talk.feeder.handle_answer(talk.now, Ok(Response::refusal(Completion(0x80))));
    assert_eq!(talk.feeder.said(), Some(Note::Refused(Completion(0x80))));
    let mut talk = Talk::fed();
    talk.is_asked(GET_WATCHDOG);
    talk.hears(ours(true));
    talk.is_asked(RESET_WATCHDOG);
    talk.feeder.handle_answer(talk.now, Ok(Response::refusal(Completion(0x80))));
    talk.is_asked(SET_WATCHDOG);
}

#[test]
fn unanswered() {
    for failure in [Failure::Silent, Failure::SessionLost, Failure::NoLogin, Failure::QueueFull] {
        let mut talk = Talk::fed();
        talk.is_asked(GET_WATCHDOG);
        let at = talk.now.boottime;
        talk.feeder.handle_answer(talk.now, Err(failure));
        assert_eq!(talk.feeder.said(), Some(Note::Unanswered(failure)));
        talk.is_asked(GET_WATCHDOG);
        assert_eq!(talk.now.boottime - at, s(3));
        talk.hears(ours(true));
        talk.is_asked(RESET_WATCHDOG);
        talk.hears([]);
        talk.is_asked(GET_WATCHDOG); // is it still ours, and does it count?
        talk.hears(ours(true));
        assert_eq!(talk.feeder.said(), Some(Note::Fed));
    }
}

#[test]
fn answers_that_nobody_waits_for() {
    let mut talk = Talk::fed();
    for _ in 0..3 {
        talk.hears(vec![0x44, 1, 0, 0, 100, 0, 100, 0]); // another's timer, said to nobody
        talk.feeder.handle_answer(talk.now, Err(Failure::Silent));
    }
    assert_eq!(talk.feeder.said(), Some(Note::Fed));
    talk.is_asked(GET_WATCHDOG);
    assert_eq!(talk.feeder.poll(talk.now.after(s(100))), None, "one at a time");
    assert_eq!(talk.feeder.next_deadline(), None);
}

#[test]
fn nonsense_in_answer() {
    for octets in [vec![], vec![0xC4], vec![0; 7]] {
        let mut talk = Talk::fed();
        talk.is_asked(GET_WATCHDOG);
        talk.hears(octets);
        assert_eq!(talk.feeder.said(), Some(Note::Malformed));
        assert_eq!(talk.feeder.poll(talk.now.after(ms(100))), None);
    }
    // Octets that are too many, and stale ones where there should be none.
    let mut talk = Talk::fed();
    talk.is_asked(GET_WATCHDOG);
    talk.hears([ours(true), vec![0xEE; 24]].concat());
    talk.is_asked(RESET_WATCHDOG);
    talk.hears(ours(true));
    assert_eq!(talk.feeder.said(), Some(Note::Fed));
}

#[test]
fn parting() {
    // What was never ours is left as it is.
    let mut talk = Talk::new();
    talk.feeder.part(talk.now);
    assert_eq!((talk.asks(), talk.feeder.is_over()), (None, true));
    // What is ours no more, too.
    let mut talk = Talk::fed();
    talk.feeder.part(talk.now);
    talk.is_asked(GET_WATCHDOG);
    talk.hears(vec![0x44, 1, 0, 0, 100, 0, 100, 0]);
    assert_eq!((talk.asks(), talk.feeder.is_over()), (None, true));
    // A BMC that is silent, refuses, or talks nonsense is not waited for.
    let answers = [
        Err(Failure::Silent),
        Ok(Response::refusal(Completion(0xFF))),
        Ok(Response::ok([])),
        Ok(Response::ok(ours(true))),
    ];
    for (place, answer) in answers.into_iter().enumerate() {
        let mut talk = Talk::fed();
        talk.feeder.part(talk.now);
        let at = talk.now.boottime;
        talk.is_asked(GET_WATCHDOG);
        assert_eq!(talk.now.boottime, at, "at once");
        talk.feeder.handle_answer(talk.now, answer);
        if place == 3 {
            let goodbye = talk.is_asked(SET_WATCHDOG);
            let initial = start(Mark::Goodbye, TIMEOUT, 1).to_le_bytes();
            assert_eq!(goodbye.data, [0x84, 0x00, 0x00, 0x10, initial[0], initial[1]]);
            talk.feeder.part(talk.now); // twice is once
            talk.feeder.handle_answer(talk.now, Err(Failure::Silent));
        }
        assert_eq!((talk.asks(), talk.feeder.is_over()), (None, true), "{place}");
    }
}

/// Every note is a sentence, and those that somebody should look at are known.
#[test]
fn notes() {
    let notes = [
        (Note::Fed, false),
        (Note::Foreign { timer_use: 4, running: true }, false),
        (Note::Foreign { timer_use: 4, running: false }, true),
        (Note::Refused(Completion(0xC1)), true),
        (Note::Unanswered(Failure::Silent), true),
        (Note::Malformed, true),
        (Note::DoesNotCount, true),
        (Note::NoWord, true),
    ];
    let mut said: Vec<String> = notes.iter().map(|(note, _)| note.to_string()).collect();
    assert!(said.iter().all(|text| text.len() > 20 && text.contains("pulse")), "{said:?}");
    said.sort();
    said.dedup();
    assert_eq!(said.len(), notes.len());
    assert!(notes.iter().all(|(note, trouble)| note.is_trouble() == *trouble));
}
