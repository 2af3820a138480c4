//! A reload: all of it or nothing; what goes on goes on, and no trap is lost.

use crate::bmcs::{Bmc, ENDED_DONE, Simulated, Word};
use crate::host::Host;
use crate::pets::{self, datagram, fatal};
use crate::site::{Site, quoted};
use crate::{ipmi_peer, wait};
use bmcnotice::heartbeat::Verdict;
use bmcnotice::words::Level;
use bmcnotice::{Answer, Config, Error, Mode, Reload};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

const MODES: [Mode; 2] = [Mode::Loop, Mode::Thread];

fn renamed(site: &Site, name: &str) -> Config {
    Config::from_text(site.text().replace("name = \"mrw1\"", &format!("name = \"{name}\"")), "reloaded.toml")
}

fn port() -> u16 {
    ipmi_peer::ports::free()
}

#[test]
fn a_bad_configuration_changes_nothing() {
    for mode in MODES {
        let bmc = Simulated::new();
        let site = Site::of(&bmc);
        let host = Host::start(&site, mode);
        host.armed();

        let broken = Config::from_text(site.text().replace("trust = \"address\"", "trust = \"blind\""), "broken.toml");
        let Err(Error::Config(findings)) = host.context.reload(&broken) else { panic!("taken") };
        assert!(findings.iter().any(|finding| finding.to_string().contains("broken.toml")), "{findings:?}");

        let moved = Config::from_text(site.text().replace("/journal\"", "/elsewhere\""), "moved.toml");
        let error = host.context.reload(&moved).unwrap_err().to_string();
        assert!(error.contains("journal") && error.contains("restart"), "{error}");
        assert!(!site.folder.path().join("elsewhere").exists());

        let held = UdpSocket::bind((site.listen.ip(), 0)).unwrap();
        let taken = site.text().replace(&site.listen.to_string(), &held.local_addr().unwrap().to_string());
        let error = host.context.reload(&Config::from_text(taken, "taken.toml")).unwrap_err().to_string();
        assert!(error.contains(&held.local_addr().unwrap().to_string()), "{error}");

        assert_eq!(host.context.listen().unwrap(), Some(site.listen));
        pets::send(site.listen, bmc.guid(), 1);
        bmc.hears(&[Word::Started, ENDED_DONE]);
        assert_eq!(host.calls(), 1);
        assert!(!host.said(Level::Info, "reloaded"));
    }
}

#[test]
fn a_reload_in_the_middle_of_a_recovery_waits_for_its_end() {
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
        pets::send(site.listen, bmc.guid(), 1);
        host.until("callback", || token.load(SeqCst) != 0);

        assert_eq!(host.context.reload(&renamed(&site, "first")).unwrap(), Reload::Later);
        // A later one takes its place; a bad one does not.
        assert_eq!(host.context.reload(&renamed(&site, "mrw9")).unwrap(), Reload::Later);
        assert!(host.context.reload(&Config::from_text("nonsense", "bad.toml")).is_err());
        host.hear(Level::Warning, "a reload waits for the recovery of monitor mrw1 (record 1)");
        wait::a_while();
        assert_eq!(bmc.recoveries(), [Word::Started], "{}", bmc.story());
        assert!(!host.said(Level::Info, "the configuration was reloaded"));
        assert!(host.context.on_recovery(Some("mrw9"), Arc::new(|_| Answer::Done)).is_err());

        host.context.complete(token.load(SeqCst), Answer::Done).unwrap();
        host.hear(Level::Info, "the configuration was reloaded");
        bmc.hears(&[Word::Started, ENDED_DONE]);
        host.context.on_recovery(Some("mrw9"), Arc::new(|_| Answer::Done)).unwrap();
        assert!(host.context.on_recovery(Some("first"), Arc::new(|_| Answer::Done)).is_err());
        assert_eq!((host.calls(), host.statistics().done), (1, 1), "what was counted stays");
        // Its monitor is gone, so nobody waits for the reset any more.
        host.hear(Level::Warning, "record 1 of monitor mrw1, which is not configured any more, is closed");
    }
}

#[test]
fn a_record_that_awaits_its_reset_goes_on_waiting() {
    for mode in MODES {
        let bmc = Simulated::new();
        let mut site = Site::of(&bmc);
        let host = Host::start(&site, mode);
        host.armed();
        pets::send(site.listen, bmc.guid(), 1);
        bmc.hears(&[Word::Started, ENDED_DONE]);
        host.hear(Level::Info, "the BMC may reset the server now");

        site.monitor("deadline", quoted("7s"));
        assert_eq!(host.context.reload(&site.config()).unwrap(), Reload::Done);
        let before = host.statistics();
        // A repetition is known, and news joins.
        pets::send(site.listen, bmc.guid(), 1);
        pets::send(site.listen, bmc.guid(), 2);
        host.hear(Level::Warning, "joined by");
        host.until("both", || host.statistics().datagrams == before.datagrams + 2);
        assert_eq!((host.statistics().repeats, host.calls()), (before.repeats + 1, 1));
        wait::a_while();
        assert_eq!(bmc.recoveries(), [Word::Started, ENDED_DONE], "{}", bmc.story());
        assert_eq!(bmc.words().iter().filter(|word| **word == Word::Armed).count(), 1, "{}", bmc.story());
    }
}

/// What the kernel dropped at the socket of this port.
fn dropped_by_the_kernel(listen: SocketAddr) -> u64 {
    let table = std::fs::read_to_string("/proc/net/udp").unwrap();
    let port = format!(":{:04X}", listen.port());
    let line = table.lines().find(|line| line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&port)));
    line.unwrap().split_whitespace().last().unwrap().parse().unwrap()
}

#[test]
fn a_hundred_reloads_lose_no_trap_and_run_nothing_twice() {
    for mode in MODES {
        let bmc = Simulated::new();
        let mut site = Site::of(&bmc);
        site.heartbeat();
        let host = Host::start(&site, mode);
        host.armed();
        let (listen, guid) = (site.listen, bmc.guid());
        let sender = std::thread::spawn(move || {
            let socket = UdpSocket::bind((listen.ip(), 0)).unwrap();
            for sequence in 1..=2000 {
                let mut pet = fatal(guid, sequence);
                if sequence != 1000 {
                    pet.deasserted = true; // over: starts nothing
                }
                socket.send_to(&datagram(&pet, b"public"), listen).unwrap();
                std::thread::sleep(Duration::from_micros(300));
            }
        });
        let (mut done, mut later) = (0, 0);
        for round in 0..100 {
            site.monitor("reset_deadline", quoted(format!("{}s", 300 + round)));
            match host.context.reload(&site.config()).unwrap() {
                Reload::Done => done += 1,
                Reload::Later => later += 1,
            }
        }
        sender.join().unwrap();
        host.until("all came", || host.statistics().datagrams >= 2000);
        let counted = host.statistics();
        assert_eq!(dropped_by_the_kernel(site.listen), 0);
        assert_eq!((counted.datagrams, counted.notices, counted.dropped_in_all()), (2000, 2000, 0), "{counted:?}");
        assert_eq!((done + later, host.calls(), counted.recoveries), (100, 1, 1));
        bmc.hears(&[Word::Started, ENDED_DONE]);
        let words = bmc.words();
        assert_eq!(words.iter().filter(|word| **word == Word::Armed).count(), 1, "{words:?}");
        let sessions = bmc.story().matches("session opened by").count();
        assert!(sessions <= 1, "{}", bmc.story());
    }
}

#[test]
fn another_address_is_bound_before_the_old_one_is_given_up_and_its_queue_is_read() {
    let bmc = Simulated::new();
    let mut site = Site::of(&bmc);
    // Nobody dispatches yet, so that what comes waits in the kernel.
    let context = bmcnotice::Context::new(&site.config(), Mode::Loop).unwrap();
    context.on_recovery(None, Arc::new(|_| Answer::Done)).unwrap();
    let old = site.listen;
    for sequence in 1..=50 {
        let mut pet = fatal(bmc.guid(), sequence);
        pet.deasserted = true;
        UdpSocket::bind((old.ip(), 0)).unwrap().send_to(&datagram(&pet, b"public"), old).unwrap();
    }
    site.listen.set_port(port());
    assert_eq!(context.reload(&site.config()).unwrap(), Reload::Done);
    assert_eq!(context.listen().unwrap(), Some(site.listen));
    assert_eq!(context.statistics().unwrap().notices, 50);
    drop(UdpSocket::bind(old).unwrap()); // it is free
    pets::send(site.listen, bmc.guid(), 51);
    wait::until("a notice at the new one", String::new, || {
        context.dispatch(64).unwrap();
        context.statistics().unwrap().notices == 51
    });
    // And back, and the BMC hears each address.
    site.listen = old;
    wait::until("back", String::new, || {
        context.dispatch(64).unwrap();
        context.listen().unwrap() == Some(old) || context.reload(&site.config()).is_ok_and(|done| done == Reload::Done)
    });
}

#[test]
fn what_the_heartbeat_knows_stays_known_and_another_login_is_tried() {
    let bmc = Simulated::new();
    let mut site = Site::of(&bmc);
    site.heartbeat();
    let host = Host::start(&site, Mode::Thread);
    let verdict = || host.context.peer("server1").unwrap();
    host.until("a verdict that stays", || verdict().verdict == Verdict::Alive);
    let before = verdict();
    site.monitor("deadline", quoted("9s"));
    assert_eq!(host.context.reload(&site.config()).unwrap(), Reload::Done);
    assert_eq!((verdict().verdict, verdict().since), (before.verdict, before.since));

    site.bmc("password", quoted("wrong"));
    assert_eq!(host.context.reload(&site.config()).unwrap(), Reload::Done);
    host.hear(Level::Warning, "BMC of server1: ");
    host.until("the session was given back", || bmc.story().contains("session of admin closed"));
}

/// What is held keeps its place and its reason, and is released under the new configuration.
#[test]
fn what_is_held_stays_held_and_maintenance_stays_on() {
    for mode in MODES {
        let bmc = Simulated::new();
        let mut site = Site::of(&bmc);
        let host = Host::with(&site, mode, |recover| {
            assert_eq!(&*recover.target, "failover2", "as it is now");
            Answer::Done
        });
        host.armed();
        host.context.set_maintenance(true).unwrap();
        pets::send(site.listen, bmc.guid(), 1);
        host.hear(Level::Error, "held: maintenance is on");
        site.monitor("target", quoted("failover2"));
        for _ in 0..3 {
            assert_eq!(host.context.reload(&site.config()).unwrap(), Reload::Done, "what is held delays nothing");
        }
        assert!(host.context.maintenance().unwrap());
        assert_eq!((host.calls(), bmc.recoveries()), (0, vec![]));
        host.context.release(1).unwrap();
        bmc.hears(&[Word::Started, ENDED_DONE]);
        assert_eq!((host.calls(), host.statistics().notices), (1, 1));
    }
}

#[test]
fn a_monitor_that_is_gone_leaves_nothing_open() {
    let bmc = Simulated::new();
    let site = Site::of(&bmc);
    let host = Host::start(&site, Mode::Thread);
    host.armed();
    host.context.set_maintenance(true).unwrap();
    pets::send(site.listen, bmc.guid(), 1);
    host.hear(Level::Error, "held: maintenance is on");
    assert_eq!(host.context.reload(&renamed(&site, "another")).unwrap(), Reload::Done);
    host.hear(Level::Warning, "record 1 of monitor mrw1, which is not configured any more, is closed");
    assert!(matches!(host.context.release(1), Err(Error::Stale)));
    drop(host);
    let host = Host::start(&site, Mode::Thread);
    host.hear(Level::Warning, "maintenance is ON, as it was before this start");
    assert!(matches!(host.context.release(1), Err(Error::Stale)), "it was closed in the journal, too");
    assert_eq!(bmc.recoveries(), []);
}
