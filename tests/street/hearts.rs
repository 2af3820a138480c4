//! The heartbeat with real BMCs and real daemons: what is seen from outside when a daemon stops, goes, is killed, and comes again, and
//! what a BMC shows that nobody feeds, or that has no power.

use crate::bmcs::{Bmc as _, Simulated};
use crate::cluster::{Cluster, Daemon, FAST, Server};
use crate::drivers::has_daemon;
use crate::ipmi_peer::{Peer, free_address, has_ipmi_sim, has_pyghmi, ports};
use crate::peers;
use bmcnotice::heartbeat::TakeOver;
use bmcnotice::sim;
use bmcnotice::words::Guid;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

fn address(host: u8) -> SocketAddr {
    (Ipv4Addr::new(127, 0, 0, host), ports::free()).into()
}

/// `ipmi_sim` at 127.0.0.`host`, with its GUID made of that.
fn ipmi_sim(name: &'static str, host: u8, module: bool) -> (Peer, Server) {
    let guid = [host; 16];
    let peer = Peer::another_ipmi_sim(name, address(host), guid, module);
    let server = Server { name, bmc: peer.address, login: ("ipmiusr", "test"), guid: Guid(guid) };
    (peer, server)
}

fn pypeer(name: &'static str) -> (Peer, Server) {
    let peer = Peer::pypeer(name, free_address());
    let server = Server { name, bmc: peer.address, login: ("admin", "password"), guid: crate::bmcs::PYPEER };
    (peer, server)
}

pub fn simulated(name: &'static str, host: u8) -> (Simulated, Server) {
    let options = sim::Options { guid: Guid([host; 16]), ..sim::Options::default() };
    let bmc = Simulated::at(Ipv4Addr::new(127, 0, 0, host).into(), options);
    let server = Server { name, bmc: bmc.address(), login: bmc.login(), guid: bmc.guid() };
    (bmc, server)
}

/// All at once, on three kinds of BMC: a daemon is stopped and goes on, ends, is killed, and each time comes again.
#[test]
fn a_daemon_stops_goes_and_is_killed() {
    if !has_daemon("a_daemon_stops_goes_and_is_killed") || !has_ipmi_sim() || !has_pyghmi() {
        return;
    }
    let (_simulated, a) = simulated("heart-simulated", 21);
    let (_ipmi_sim, b) = ipmi_sim("heart-ipmi-sim", 22, true);
    let (_pypeer, c) = pypeer("heart-pypeer");
    let cluster = Cluster::new(FAST, vec![a, b, c]);
    let watcher = cluster.watch();
    let start = || -> Vec<Daemon> { cluster.names().map(|name| cluster.daemon(name)).collect() };
    let all = |word, entitles| cluster.names().for_each(|name| watcher.sees(name, word, entitles));

    all("powered", TakeOver::NoAnswer);
    let daemons = start();
    all("alive", TakeOver::No);
    daemons.iter().for_each(|daemon| daemon.signal("STOP"));
    all("silent", TakeOver::FenceFirst);
    daemons.iter().for_each(|daemon| daemon.signal("CONT"));
    all("alive", TakeOver::No);
    daemons.iter().for_each(|daemon| daemon.hears("this process, or its host, stood still for "));
    daemons.into_iter().for_each(|daemon| daemon.end("TERM"));
    all("left", TakeOver::NoAnswer);

    let daemons = start();
    all("alive", TakeOver::No);
    daemons.into_iter().for_each(|daemon| daemon.end("KILL"));
    all("silent", TakeOver::FenceFirst);
    let _daemons = start();
    all("alive", TakeOver::No);
    for name in cluster.names() {
        let words = watcher.words(name);
        let warned = words.windows(2).all(|pair| pair[1] != "silent" || pair[0] == "delayed");
        assert!(warned, "{name}: delayed is the warning: {words:?}");
        // Set, and not seen to count yet: powered.
        let between = |word: &String| word != "delayed" && word != "powered";
        let words: Vec<String> = words.into_iter().filter(between).collect();
        assert_eq!(words, ["alive", "silent", "alive", "left", "alive", "silent", "alive"], "{name}");
        assert_eq!(watcher.peer(name).restarts, 0, "{name}: no host has restarted");
    }
}

/// By another client than ours.
fn ipmitool(peer: &Server, suite: &str, words: &str) {
    let (host, port) = (peer.bmc.ip().to_string(), peer.bmc.port().to_string());
    let (user, password) = peer.login;
    let mut command = Command::new("ipmitool");
    command.args(["-I", "lanplus", "-C", suite, "-H", &host, "-p", &port, "-U", user, "-E"]);
    let output = command.env("IPMI_PASSWORD", password).args(words.split(' ')).output().unwrap();
    assert!(output.status.success(), "ipmitool {words}: {output:?}");
}

/// Power, and a watchdog that nobody feeds, or whose feeding the BMC does not show.
#[test]
fn power_goes_and_comes_and_a_watchdog_without_countdown_is_no_pulse() {
    let test = "power_goes_and_comes_and_a_watchdog_without_countdown_is_no_pulse";
    if !peers::have(test, &["ipmitool"]) || !has_daemon(test) || !has_ipmi_sim() || !has_pyghmi() {
        return;
    }
    // As it comes ipmi_sim shows no countdown.
    let (_stock, a) = ipmi_sim("power-stock", 31, false);
    let (_ipmi_sim, b) = ipmi_sim("power-ipmi-sim", 32, true);
    let (_pypeer, c) = pypeer("power-pypeer");
    let cluster = Cluster::new(FAST, vec![a, b, c]);
    let watcher = cluster.watch();
    let all = |word, entitles| cluster.names().for_each(|name| watcher.sees(name, word, entitles));
    let power = |word| {
        cluster
            .servers()
            .for_each(|server| ipmitool(server, if server.name == "power-pypeer" { "17" } else { "3" }, word))
    };

    all("powered", TakeOver::NoAnswer);
    let stock = cluster.server("power-stock");
    let daemon = cluster.daemon(stock.name);
    daemon.hears("BMC of power-stock: no pulse: ");
    // Somebody else's, too: timer use SMS/OS, no action, 100 s; and fed.
    ipmitool(stock, "3", "raw 0x06 0x24 0x44 0 0 0x10 0xe8 0x03");
    for _ in 0..4 {
        ipmitool(stock, "3", "raw 0x06 0x22");
        sleep(Duration::from_millis(500));
    }
    daemon.end("TERM");

    power("chassis power off");
    all("off", TakeOver::Yes);
    power("chassis power on");
    all("powered", TakeOver::NoAnswer);
    for name in cluster.names() {
        assert_eq!(watcher.words(name), ["powered", "off", "restarted", "powered"], "{name}");
    }
}
