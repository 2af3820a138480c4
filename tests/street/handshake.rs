//! A simulated BMC raises a fault and sends its own trap: told *started*, it holds its reset until the
//! recovery has ended, however the application answers.

use crate::bmcs::{Bmc, ENDED_DONE, ENDED_FAILED, ENDED_UNKNOWN, Simulated, Word};
use crate::host::Host;
use crate::site::{Site, quoted};
use crate::{pets, wait};
use bmcnotice::sim::Fault;
use bmcnotice::words::Level;
use bmcnotice::{Answer, Context, Error, Mode};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MODES: [Mode; 2] = [Mode::Loop, Mode::Thread];

fn raise(bmc: &Simulated, site: &Site) {
    bmc.alert(site.listen);
    bmc.0.raise(&Fault::preset("uncorrectable-memory").unwrap());
}

#[test]
fn the_reset_waits_for_the_recovery() {
    for mode in MODES {
        let bmc = Arc::new(Simulated::new());
        let site = Site::of(&*bmc);
        let held = Arc::new(AtomicBool::new(false));
        let (asked, seen) = (bmc.clone(), held.clone());
        let host = Host::with(&site, mode, move |recover| {
            assert_eq!((&*recover.monitor, &*recover.target), ("mrw1", "failover1"));
            std::thread::sleep(Duration::from_millis(300));
            seen.store(asked.resets() == 0, SeqCst);
            Answer::Done
        });
        host.armed();
        raise(&bmc, &site);
        host.until("reset", || bmc.resets() == 1);
        assert!(held.load(SeqCst), "{}", bmc.story());
        assert_eq!(host.calls(), 1);
        let words = bmc.words();
        assert!(words.starts_with(&[Word::Armed, Word::Started, ENDED_DONE]), "{words:?}");
        assert!(bmc.story().contains("trap 1 acknowledged"), "{}", bmc.story());
    }
}

#[test]
fn a_recovery_is_completed_later_by_its_token() {
    for mode in MODES {
        let bmc = Simulated::new();
        let site = Site::of(&bmc);
        let token = Arc::new(AtomicU64::new(0));
        let kept = token.clone();
        let host = Host::with(&site, mode, move |recover| {
            kept.store(recover.token, SeqCst);
            Answer::Later
        });
        host.armed();
        raise(&bmc, &site);
        host.until("callback", || token.load(SeqCst) != 0);
        wait::a_while();
        assert_eq!(bmc.resets(), 0, "it holds");
        host.context.complete(token.load(SeqCst), Answer::Done).unwrap();
        host.until("reset", || bmc.resets() == 1);
        assert!(matches!(host.context.complete(token.load(SeqCst), Answer::Done), Err(Error::Stale)));
    }
}

#[test]
fn a_recovery_that_fails_is_told_as_failed() {
    for mode in MODES {
        let bmc = Simulated::new();
        let site = Site::of(&bmc);
        let host = Host::with(&site, mode, |_| Answer::Failed);
        host.armed();
        pets::send(site.listen, bmc.guid(), 1);
        bmc.hears(&[Word::Started, ENDED_FAILED]);
        host.hear(Level::Error, "FAILED");
        assert_eq!(host.statistics().failed, 1);
    }
}

/// In loop mode nobody can look at the clock while the callback runs; its answer is too late all the same.
#[test]
fn a_callback_that_overruns_has_failed_and_its_answer_is_stale() {
    for mode in MODES {
        let bmc = Simulated::new();
        let mut site = Site::of(&bmc);
        site.monitor("deadline", quoted("300ms"));
        let token = Arc::new(AtomicU64::new(0));
        let kept = token.clone();
        let host = Host::with(&site, mode, move |recover| {
            kept.store(recover.token, SeqCst);
            std::thread::sleep(Duration::from_millis(900));
            Answer::Done
        });
        host.armed();
        pets::send(site.listen, bmc.guid(), 1);
        bmc.hears(&[Word::Started, ENDED_FAILED]);
        host.hear(Level::Error, "overran its deadline");
        assert!(matches!(host.context.complete(token.load(SeqCst), Answer::Done), Err(Error::Stale)));
        wait::a_while();
        bmc.hears(&[Word::Started, ENDED_FAILED]);
        assert_eq!((host.statistics().done, host.statistics().failed), (0, 1));
    }
}

#[test]
fn two_contexts_live_in_one_process() {
    let bmcs = [Simulated::new(), Simulated::new()];
    let sites = [Site::of(&bmcs[0]), Site::of(&bmcs[1])];
    let hosts = [Host::start(&sites[0], Mode::Loop), Host::start(&sites[1], Mode::Thread)];
    hosts.iter().for_each(Host::armed);
    pets::send(sites[0].listen, bmcs[0].guid(), 1);
    bmcs[0].hears(&[Word::Started, ENDED_DONE]);
    wait::a_while();
    assert_eq!((hosts[0].calls(), hosts[1].calls()), (1, 0));
    assert!(bmcs[1].recoveries().is_empty());
    pets::send(sites[1].listen, bmcs[1].guid(), 1);
    bmcs[1].hears(&[Word::Started, ENDED_DONE]);
    bmcs[0].hears(&[Word::Started, ENDED_DONE]);
}

#[test]
fn a_clean_stop_disarms_and_one_in_the_middle_does_not() {
    for mode in MODES {
        let bmc = Simulated::new();
        let site = Site::of(&bmc);
        let host = Host::start(&site, mode);
        host.armed();
        drop(host);
        assert_eq!(bmc.words(), [Word::Armed, Word::Disarmed], "{}", bmc.story());
        wait::until("closed", || bmc.story(), || bmc.story().contains("session of admin closed"));

        let host = Host::with(&site, mode, |_| Answer::Later);
        host.armed();
        pets::send(site.listen, bmc.guid(), 1);
        bmc.hears(&[Word::Started]);
        host.until("the recovery", || host.calls() == 1);
        drop(host);
        wait::a_while();
        assert_eq!(bmc.words()[2..], [Word::Armed, Word::Started], "it must go on waiting");

        let _next = Host::start(&site, mode);
        bmc.hears(&[Word::Started, ENDED_UNKNOWN]);
    }
}

/// The first *ended* lets a BMC go: with two recoveries it is the last one's, and the worst.
#[test]
fn the_bmc_hears_ended_once_when_the_last_recovery_has_ended() {
    for (mode, last, ended) in [(Mode::Loop, Answer::Done, ENDED_DONE), (Mode::Thread, Answer::Failed, ENDED_FAILED)] {
        let bmc = Simulated::new();
        let mut site = Site::of(&bmc);
        site.twin();
        let token = Arc::new(AtomicU64::new(0));
        let kept = token.clone();
        let host = Host::with(&site, mode, move |recover| match &*recover.monitor {
            "mrw1" => Answer::Done,
            _ => {
                kept.store(recover.token, SeqCst);
                Answer::Later
            }
        });
        host.armed();
        raise(&bmc, &site);
        host.until("both callbacks", || host.calls() == 2 && token.load(SeqCst) != 0);
        wait::a_while();
        assert_eq!(bmc.recoveries(), [Word::Started, Word::Started]);
        assert_eq!(bmc.resets(), 0, "it holds");
        host.context.complete(token.load(SeqCst), last).unwrap();
        bmc.hears(&[Word::Started, Word::Started, ended]);
        host.until("both rest", || host.log().iter().filter(|line| line.contains("may reset the server")).count() == 2);
        assert_eq!(bmc.recoveries(), [Word::Started, Word::Started, ended]);
    }
}

/// What the application fetches after its deadline was told to the BMC as failed: it must not begin.
#[test]
fn a_recovery_that_was_fetched_too_late_is_not_begun() {
    let bmc = Simulated::new();
    let mut site = Site::of(&bmc);
    site.monitor("deadline", quoted("200ms")).monitor("reset_deadline", quoted("300ms"));
    site.monitor("cool_down", quoted("0s"));
    let context = Context::new(&site.config(), Mode::Thread).unwrap();
    let (calls, lines) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (counted, kept) = (calls.clone(), lines.clone());
    let recovery = move |_: &_| {
        counted.fetch_add(1, SeqCst);
        Answer::Done
    };
    context.on_recovery(None, Arc::new(recovery)).unwrap();
    context.on_log(Arc::new(move |line| kept.lock().unwrap().push(line.text.clone()))).unwrap();
    wait::until("armed", || bmc.story(), || bmc.words() == [Word::Armed]);
    // Nobody dispatches: the library's thread works alone. The second one finds the first in its place.
    let ended = || bmc.recoveries().into_iter().filter(|word| *word == ENDED_FAILED).count();
    for sequence in 1..=2 {
        pets::send(site.listen, bmc.guid(), sequence);
        wait::until("ended(failed)", || bmc.story(), || ended() == usize::from(sequence));
        std::thread::sleep(Duration::from_millis(400)); // the reset is not awaited any more
    }
    while context.dispatch(64).unwrap() > 0 {}
    let lines = lines.lock().unwrap();
    assert!(lines.iter().any(|line| line.contains("too late")), "{lines:#?}");
    assert_eq!(calls.load(SeqCst), 0);
    assert_eq!(context.statistics().unwrap().undelivered, 1, "the first made room for the second");
}
