//! BMCs that are silent, refuse, belong to another server, or restart in the middle: the recovery runs all the
//! same, nothing is done to the chassis, and someone is told loudly.

use crate::bmcs::{Bmc, ENDED_DONE, Real, Simulated, Word};
use crate::host::Host;
use crate::site::{Site, quoted};
use crate::{pets, wait};
use bmcnotice::heartbeat::Verdict;
use bmcnotice::sim::{Options, Quirks};
use bmcnotice::words::{Guid, Level};
use bmcnotice::{Answer, Mode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

const OTHER: Guid = Guid([0x77; 16]);

/// A chassis command would follow, were it allowed to.
fn eager(site: &mut Site) -> &mut Site {
    site.bmc("after_ended", quoted("power-cycle")).monitor("chassis_on_address", "true")
}

/// The recovery runs, and both words stay unheard, loudly and for this reason.
fn untold(site: &Site, bmc: &Simulated, guid: Guid, why: &str) -> Host {
    let host = Host::start(site, Mode::Thread);
    pets::send(site.listen, guid, 1);
    host.until("the recovery", || host.calls() == 1);
    host.hear(Level::Error, "the BMC does NOT know: recovery started");
    host.hear(Level::Error, "the BMC does NOT know: recovery ended(done)");
    let because = |line: &String| line.contains("does NOT know: recovery ended") && line.contains(why);
    assert!(host.log().iter().any(because), "{why}: {:#?}", host.log());
    wait::a_while();
    assert!(bmc.chassis().is_empty(), "{:?}", bmc.chassis());
    assert_eq!((host.calls(), host.statistics().done), (1, 1));
    host
}

#[test]
fn a_silent_bmc() {
    let bmc = Simulated::with(Options { quirks: Quirks { silent: true, ..Quirks::default() }, ..Options::default() });
    let mut site = Site::of(&bmc);
    eager(&mut site).monitor("tell_deadline", quoted("3s"));
    untold(&site, &bmc, bmc.guid(), "the BMC does not answer");
    assert!(bmc.0.with(|bmc, _| bmc.drops().lost) > 3, "it is asked again and again");
}

#[test]
fn a_silent_bmc_that_speaks_again_in_time_hears_ended() {
    let bmc = Simulated::with(Options { quirks: Quirks { silent: true, ..Quirks::default() }, ..Options::default() });
    let mut site = Site::of(&bmc);
    site.monitor("tell_deadline", quoted("60s"));
    let host = Host::start(&site, Mode::Loop);
    pets::send(site.listen, bmc.guid(), 1);
    host.hear(Level::Error, "the BMC does NOT know: recovery started");
    bmc.change(|quirks| quirks.silent = false);
    // A late *started* may come before it, and never after.
    host.until("ended", || bmc.recoveries().last() == Some(&ENDED_DONE));
    wait::a_while();
    let words = bmc.recoveries();
    assert!(words == [ENDED_DONE] || words == [Word::Started, ENDED_DONE], "{words:?}");
    assert_eq!(host.calls(), 1);
}

#[test]
fn a_wrong_password() {
    let bmc = Simulated::new();
    let mut site = Site::of(&bmc);
    eager(&mut site).bmc("password", quoted("wrong")).monitor("tell_deadline", quoted("3s"));
    untold(&site, &bmc, bmc.guid(), "wrong password");
    assert!(bmc.words().is_empty());
}

#[test]
fn another_servers_bmc_behind_the_address() {
    let bmc = Simulated::new();
    let mut site = Site::of(&bmc);
    eager(&mut site).bmc("guid", quoted(OTHER)).monitor("tell_deadline", quoted("3s"));
    let host = untold(&site, &bmc, OTHER, "another system's BMC");
    assert!(host.said(Level::Error, "another system answers at its address"), "{:#?}", host.log());
    assert!(bmc.words().is_empty(), "nothing is said to it");
}

/// A code that says "never" and one that says "not now".
#[test]
fn a_bmc_that_refuses_the_words() {
    for (code, name) in [(0xC1, "C1h"), (0xC0, "C0h")] {
        let quirks = Quirks { handshake_code: Some(code), ..Quirks::default() };
        let bmc = Simulated::with(Options { quirks, ..Options::default() });
        let mut site = Site::of(&bmc);
        eager(&mut site).monitor("tell_deadline", quoted("2s"));
        untold(&site, &bmc, bmc.guid(), name);
        let refused = bmc.0.with(|bmc, _| {
            let words = bmc.log().filter(|entry| (entry.netfn, entry.command) == (0x30, 0x70) && entry.data[0] == 2);
            words.map(|entry| entry.completion).collect::<Vec<_>>()
        });
        assert!(refused.iter().all(|completion| *completion == code), "{refused:02x?}");
        let enough = if code == 0xC0 { refused.len() > 2 } else { refused.len() == 1 };
        assert!(enough, "a passing refusal is asked again soon, another not: {refused:02x?}");
    }
}

#[test]
fn a_bmc_that_refuses_for_a_while_hears_ended_in_the_end() {
    let quirks = Quirks { handshake_code: Some(0xC0), ..Quirks::default() };
    let bmc = Simulated::with(Options { quirks, ..Options::default() });
    let mut site = Site::of(&bmc);
    site.monitor("tell_deadline", quoted("60s"));
    let host = Host::start(&site, Mode::Thread);
    pets::send(site.listen, bmc.guid(), 1);
    host.hear(Level::Error, "the BMC does NOT know: recovery started");
    bmc.change(|quirks| quirks.handshake_code = None);
    bmc.hears(&[ENDED_DONE]);
}

/// The BMC is killed and comes back between *started* and *ended*.
#[test]
fn a_bmc_that_restarts_in_the_middle_hears_ended() {
    let Some(mut bmc) = Real::ipmi_sim("street-restart") else { return };
    let mut site = Site::of(&bmc);
    site.monitor("tell_deadline", quoted("60s")).monitor("wait_for_started", quoted("10s"));
    let token = Arc::new(AtomicU64::new(0));
    let kept = token.clone();
    let host = Host::with(&site, Mode::Thread, move |recover| {
        kept.store(recover.token, SeqCst);
        Answer::Later
    });
    host.armed();
    pets::send(site.listen, bmc.guid(), 1);
    host.until("the recovery", || token.load(SeqCst) != 0);
    bmc.peer.kill();
    host.context.complete(token.load(SeqCst), Answer::Done).unwrap();
    wait::a_while();
    bmc.restart();
    bmc.hears(&[Word::Started, ENDED_DONE]);
    assert_eq!(host.calls(), 1);
}

#[test]
fn the_heartbeat_knows_who_answers() {
    let bmc = Simulated::new();
    let mut site = Site::of(&bmc);
    site.heartbeat();
    let host = Host::start(&site, Mode::Thread);
    let verdict = |server| host.context.peer(server).unwrap().verdict;
    host.until("powered", || verdict("server1") == Verdict::Powered);
    assert!(matches!(verdict("server2"), Verdict::Unknown(_)), "{:?}", verdict("server2"));
    bmc.change(|quirks| quirks.silent = true);
    host.until("unknown", || matches!(verdict("server1"), Verdict::Unknown(_)));
}
