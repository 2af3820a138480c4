//! The heartbeat through a bad network: loss, doubles, swaps and a cut change no verdict that they should not change.
//!
//! `BMCNOTICE_WEATHER=seconds` lets the weather last longer.

use crate::cluster::{Cluster, Server, WATCHER};
use crate::drivers::has_daemon;
use crate::hearts::simulated;
use crate::relay::{Relay, Weather};
use crate::wait;
use bmcnotice::heartbeat::TakeOver;
use std::env;
use std::thread::sleep;
use std::time::Duration;

const MILLISECOND: Duration = Duration::from_millis(1);
const CLEAR: Weather = Weather { lost: 0, doubled: 0, delay: MILLISECOND, cut: false };
const LOSSY: Weather = Weather { lost: 10, ..CLEAR };
/// Every second one comes twice, and each copy when it likes.
const WILD: Weather = Weather { lost: 0, doubled: 50, delay: Duration::from_millis(120), cut: false };
const CUT: Weather = Weather { cut: true, ..CLEAR };
/// Asked ten times a second. A command is sent four times within four seconds, and in such weather one in 800 is lost all the
/// same; what is lost is no news within the warning's share of the time-out.
const FASTER: &str = "interval = \"100ms\"\ntimeout = \"12s\"\nwarning = 75\npulse_period = \"500ms\"\n";
/// That a command is not answered is known after four seconds: between the warning and the time-out.
const PATIENT: &str = "interval = \"200ms\"\ntimeout = \"7s\"\nwarning = 40\npulse_period = \"500ms\"\n";

fn lasting() -> Duration {
    let given = env::var("BMCNOTICE_WEATHER").ok();
    Duration::from_secs(given.map_or(8, |seconds| seconds.parse().expect("BMCNOTICE_WEATHER in seconds")))
}

/// A tenth of all datagrams is lost, both the watcher's and the feeders'; or they come twice, and behind each other.
#[test]
fn loss_doubles_and_swaps_change_nothing() {
    if !has_daemon("loss_doubles_and_swaps_change_nothing") {
        return;
    }
    let weathers = [("lossy-a", LOSSY), ("lossy-b", LOSSY), ("lossy-c", LOSSY), ("wild", WILD)];
    let (bmcs, servers): (Vec<_>, Vec<Server>) =
        (51..).zip(weathers).map(|(host, (name, _))| simulated(name, host)).unzip();
    let cluster = Cluster::new(FASTER, servers);
    let relays = |seed| -> Vec<Relay> {
        let all = cluster.servers().zip(weathers).zip(seed..);
        all.map(|((server, (_, weather)), seed)| Relay::new(server.bmc, weather, seed)).collect()
    };
    let road =
        |relays: &[Relay], to: &Server| relays[weathers.iter().position(|(name, _)| *name == to.name).unwrap()].address;
    let (ours, theirs) = (relays(100), relays(200));
    let _daemons: Vec<_> =
        cluster.names().map(|name| cluster.daemon_over(name, |server| road(&theirs, server))).collect();
    let watcher = cluster.watch_over(|server| road(&ours, server));
    cluster.names().for_each(|name| watcher.sees(name, "alive", TakeOver::No));
    let before = watcher.statistics();
    sleep(lasting());
    for name in cluster.names() {
        let words = watcher.words(name);
        assert!(words == ["alive"] || words == ["powered", "alive"], "{name}: {words:?}");
        assert_eq!(watcher.peer(name).restarts, 0, "{name}");
    }
    let after = watcher.statistics();
    assert_eq!(after.pulses_absurd, 0);
    // A lost answer costs some rounds, but of its own server alone.
    let rounds = (lasting().as_millis() / 100) as u64 * weathers.len() as u64;
    assert!(
        after.probes - before.probes > rounds / 2,
        "{} questions, two a round, in {rounds} intervals",
        after.probes - before.probes
    );
    for ((name, weather), relay) in weathers.iter().zip(&ours) {
        let passed = relay.passed();
        assert!(
            (passed.lost > 0) == (weather.lost > 0) && (passed.doubled > 0) == (weather.doubled > 0),
            "{name}: {passed:?}"
        );
        assert!(weather.delay == MILLISECOND || passed.swapped > 0, "{name}: {passed:?}");
    }
    drop(bmcs);
}

/// The watcher is cut off for longer than the time-out: it knows nothing more, and says so, after a warning. Then the daemon is:
/// nobody feeds then, as far as anybody can see. In the end all is as it was.
#[test]
fn a_cut_makes_unknown_or_silent_and_heals() {
    if !has_daemon("a_cut_makes_unknown_or_silent_and_heals") {
        return;
    }
    let (_bmc, server) = simulated("cut-off", 61);
    let (ours, theirs) = (Relay::new(server.bmc, CLEAR, 1), Relay::new(server.bmc, CLEAR, 2));
    let cluster = Cluster::new(PATIENT, vec![server]);
    let _daemon = cluster.daemon_over("cut-off", |_| theirs.address);
    let watcher = cluster.watch_over(|_| ours.address);
    watcher.sees("cut-off", "alive", TakeOver::No);
    ours.set(CUT);
    watcher.sees("cut-off", "unknown (BMC silent)", TakeOver::NoAnswer);
    ours.set(CLEAR);
    watcher.sees("cut-off", "alive", TakeOver::No);
    theirs.set(CUT);
    watcher.sees("cut-off", "silent", TakeOver::FenceFirst);
    theirs.set(CLEAR);
    watcher.sees("cut-off", "alive", TakeOver::No);
    let words = watcher.words("cut-off");
    let from = words.iter().position(|word| word == "alive").unwrap();
    let story = ["alive", "delayed", "unknown (BMC silent)", "alive", "delayed", "silent", "alive"];
    assert_eq!(words[from..], story);
    assert_eq!(watcher.peer("cut-off").restarts, 0);
}

/// It is the watcher that stood still, and what it cannot hear when it goes on is not the silence of all that time.
#[test]
fn a_watcher_that_stood_still_says_nothing_wrong() {
    if !has_daemon("a_watcher_that_stood_still_says_nothing_wrong") {
        return;
    }
    let (_bmc, server) = simulated("seen", 41);
    let ours = Relay::new(server.bmc, CLEAR, 3);
    let cluster = Cluster::new(PATIENT, vec![server]);
    let _daemon = cluster.daemon("seen");
    let watcher = cluster.daemon_over(WATCHER, |_| ours.address);
    let words = || -> Vec<String> {
        let log = watcher.log();
        let said = log.lines().filter_map(|line| line.split_once("heartbeat: seen is "));
        said.map(|(_, said)| said.split(';').next().unwrap().to_owned()).skip_while(|word| word != "alive").collect()
    };
    wait::until("alive", || watcher.log(), || !words().is_empty());
    watcher.signal("STOP");
    sleep(Duration::from_secs(6));
    ours.set(CUT);
    watcher.signal("CONT");
    watcher.hears("this process, or its host, stood still for ");
    wait::until("a warning", || watcher.log(), || words().last().is_some_and(|word| word != "alive"));
    ours.set(CLEAR);
    wait::until("alive again", || watcher.log(), || words().last().is_some_and(|word| word == "alive"));
    assert_eq!(words(), ["alive", "delayed", "alive"]);
}
