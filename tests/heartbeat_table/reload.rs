//! The engine's side of it: what a reload keeps and what it must not, whose BMC it is, and how our own sleep is noticed.

use crate::play::{ms, s};
use crate::site::{Site, guid};
use bmcnotice::heartbeat::Doubt;
use bmcnotice::heartbeat::TakeOver::{NoAnswer, Yes};
use bmcnotice::heartbeat::Verdict::{Off, Powered, Unknown};
use bmcnotice::now::Now;

const THREE: [(u8, u8, u8); 3] = [(1, 1, 1), (2, 2, 2), (3, 3, 3)];

/// Server 2 is off, the others are on.
fn one_off() -> Site {
    let mut site = Site::new(&THREE);
    site.power(2, false);
    site.run(s(6));
    assert_eq!((site.verdict(2), site.verdict(3)), (Off, Powered));
    site
}

fn may(site: &Site, server: u8) -> bmcnotice::heartbeat::TakeOver {
    site.status(server).take_over(site.now.boottime).0
}

#[test]
fn a_reload_that_changes_nothing_keeps_what_is_known() {
    let mut site = one_off();
    let before = [site.status(2), site.status(3)];
    site.reload(&THREE);
    assert_eq!([site.status(2), site.status(3)], before);
    assert_eq!(may(&site, 2), Yes);
}

/// Servers are known by their names: another order in the file makes no server off.
#[test]
fn another_order_changes_no_verdict() {
    let mut site = one_off();
    let (off, on) = (site.status(2), site.status(3));
    site.reload(&[(1, 1, 1), (3, 3, 3), (2, 2, 2)]);
    for _ in 0..10 {
        let (two, three) = (site.status(2), site.status(3));
        assert_eq!((two.verdict, three.verdict), (off.verdict, on.verdict));
        assert_eq!((two.since, three.since), (off.since, on.since));
        assert!(may(&site, 2) == Yes && may(&site, 3) == NoAnswer);
        site.run(s(1));
    }
}

#[test]
fn another_bmc_is_another_story() {
    // Its BMC has moved; another one's GUID is pinned; the name is another server's now.
    for servers in
        [[(1, 1, 1), (2, 4, 4), (3, 3, 3)], [(1, 1, 1), (2, 2, 4), (3, 3, 3)], [(1, 1, 1), (5, 2, 2), (3, 3, 3)]]
    {
        let mut site = one_off();
        site.reload(&servers);
        let server = servers[1].0;
        assert_eq!((site.verdict(server), may(&site, server)), (Unknown(Doubt::NotAsked), NoAnswer), "{servers:?}");
        assert_eq!(site.verdict(3), Powered);
        site.run(s(10));
        let verdict = match servers[1] {
            (_, 4, _) => Powered,
            (_, _, 4) => Unknown(Doubt::Identity),
            _ => Off,
        };
        assert_eq!(site.verdict(server), verdict, "{servers:?}");
    }
}

/// Two others hold the sessions that a cluster may have there: not even a session that says nothing is opened.
#[test]
fn no_session_where_others_hold_them() {
    let servers = [(1, 1, 1), (4, 2, 2), (3, 3, 3)];
    let mut site = Site::new(&servers);
    assert_eq!(site.verdict(4), Unknown(Doubt::Elsewhere));
    assert_eq!(site.verdict(3), Powered);
    let sessions = |site: &Site| site.bmcs.iter().map(|bmc| bmc.sessions().0).collect::<Vec<_>>();
    assert_eq!(sessions(&site), [1, 0, 1, 0]);
    site.run(s(120));
    assert_eq!(sessions(&site), [1, 0, 1, 0]);
    // A reload may turn it round: what is not held any more is given back.
    site.reload(&THREE);
    site.run(s(10));
    assert_eq!((site.verdict(2), sessions(&site)), (Powered, vec![1, 1, 1, 0]));
    site.reload(&servers);
    site.run(s(10));
    assert_eq!((site.verdict(4), sessions(&site)), (Unknown(Doubt::Elsewhere), vec![1, 0, 1, 0]));
}

/// The board is swapped: what the new one says is not said of this server.
#[test]
fn a_changed_guid_is_no_off() {
    let mut site = one_off();
    site.bmcs[1].quirks_mut().shown_guid = Some(guid(9));
    let now = site.now;
    site.bmcs[1].restart(now, s(2));
    site.run(s(20));
    assert_eq!((site.verdict(2), may(&site, 2)), (Unknown(Doubt::Identity), NoAnswer));
    site.bmcs[1].quirks_mut().shown_guid = None;
    let now = site.now;
    site.bmcs[1].restart(now, s(2));
    site.run(s(90));
    assert_eq!(site.verdict(2), Off);
}

/// Whatever input comes first when we wake, it is known that we slept.
#[test]
fn our_sleep_is_noticed_by_any_input() {
    for first in ["a datagram", "the timer", "the application"] {
        let mut site = Site::new(&THREE);
        site.bmcs[1].quirks_mut().silent = true; // nothing of it will come
        let heard = site.status(2).heard.unwrap();
        // Up to a moment when something is on its way to us.
        while !site.flying.iter().any(|(_, to_bmc, _)| to_bmc.is_none()) {
            site.run(ms(1));
        }
        site.pass(s(600));
        match first {
            "a datagram" => while site.deliver_one() {},
            "the timer" => site.engine.handle_timeout(site.now),
            _ => drop(site.engine.vouch(site.now)),
        }
        site.run(s(1));
        assert_eq!(site.engine.statistics().sleeps, 1, "{first}");
        site.run(s(20));
        assert_eq!(site.verdict(2), Powered, "{first}: it has been silent for a moment, not for ten minutes");
        assert_eq!(site.status(2).heard, Some(heard), "{first}: and was heard when it was heard");
        assert_eq!(site.verdict(3), Powered);
        site.run(s(90));
        assert_eq!(site.verdict(2), Unknown(Doubt::Silent), "{first}");
    }
}

/// An answer that lay in our socket while we slept was not slow: what is lost then is said again as soon as ever.
#[test]
fn our_sleep_makes_no_bmc_slow() {
    let mut site = Site::new(&THREE);
    while !site.flying.iter().any(|(_, to_bmc, bytes)| to_bmc.is_none() && bytes[0] == 2) {
        site.run(ms(1));
    }
    site.pass(s(20));
    while site.deliver_one() {}
    site.run(s(2));
    site.bmcs[1].quirks_mut().silent = true;
    let before = site.bmcs[1].drops().lost;
    site.run(s(6));
    let sent = site.bmcs[1].drops().lost - before;
    assert!(sent > 5, "{sent} datagrams in six seconds");
}

#[test]
fn being_busy_is_no_sleep_and_the_wall_clock_no_clock() {
    let mut site = Site::new(&THREE);
    for step in 0..200_u64 {
        site.run(ms(900));
        site.now = Now { wall: s(step % 7 * 1_000_000_000), ..site.now };
    }
    assert_eq!(site.engine.statistics().sleeps, 0);
    assert_eq!((site.verdict(2), site.verdict(3)), (Powered, Powered));
}
