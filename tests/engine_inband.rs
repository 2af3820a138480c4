//! A whole engine over both roads to its own BMC: trap, *started*, recovery, *ended*, in-band and over LAN.
#![cfg(feature = "sim")]

#[path = "support/own_bmc.rs"]
mod own_bmc;

use bmcnotice::bmc::link::{Identity, Login};
use bmcnotice::config::facts::Facts;
use bmcnotice::config::model::{Cluster, Privilege};
use bmcnotice::config::native;
use bmcnotice::crypto::Secret;
use bmcnotice::engine::{Delivery, Engine, Output, Setup};
use bmcnotice::now::Now;
use bmcnotice::recovery::journal::{BootId, replay};
use bmcnotice::sim::{self, Alert, Bmc, Fault, HANDSHAKE_COMMAND, HANDSHAKE_NETFN, Options};
use bmcnotice::suite::Suite;
use bmcnotice::wire::ipmi::Request;
use bmcnotice::words::{Answer, Level, Obstacle};
use core::net::SocketAddr;
use core::time::Duration;
use own_bmc::{Arrival, Board};
use std::sync::Arc;

const TRAPS: &str = "10.0.0.1:162";
const US: &str = "10.0.0.1:40000";
const BMC: &str = "10.0.1.1:623";
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

fn cluster(own: &str) -> Cluster {
    let pulse = !own.contains("# no pulse");
    let trust = if own.contains("#proven") { "corroborated" } else { "address" };
    let text = format!(
        r#"
        [cluster]
        name = "in-band"
        this_server = "server1"
        [[server]]
        name = "server1"
        addresses = ["10.0.0.1"]
        [server.bmc]
        address = "{BMC}"
        handshake = "sim"
        {own}
        [handshake.sim]
        armed = {{ netfn = 0x30, command = 0x70, data = [0] }}
        started = {{ netfn = 0x30, command = 0x70, data = [1] }}
        ended = {{ netfn = 0x30, command = 0x70, data = [2, "outcome"] }}
        disarmed = {{ netfn = 0x30, command = 0x70, data = [3] }}
        [[monitor]]
        name = "mrw1"
        trust = "{trust}"
        chassis_on_address = true
        recovery = "callback"
        target = "failover1"
        [monitor.keywords]
        server1 = "{TRAPS}"
        [heartbeat]
        interval = "3s"
        timeout = "90s"
        pulse = {pulse}
        "#
    );
    let text = if own.contains("# two") {
        format!(
            "{text}\n[[monitor]]\nname = \"mrw2\"\nrecovery = \"callback\"\ntarget = \"failover2\"\n\
             [monitor.keywords]\nserver1 = \"{TRAPS}\"\n"
        )
    } else {
        text
    };
    let outcome = native::parse(&text, "in-band.toml", &[], &Facts::default());
    outcome.cluster.unwrap_or_else(|| panic!("{:#?}", outcome.findings))
}

struct World {
    engine: Engine,
    board: Board,
    now: Now,
    /// When, how loud, what.
    log: Vec<(Duration, Level, String)>,
    peers: Vec<String>,
    recoveries: Vec<(Duration, u64)>,
}

const LOGIN: &str = "user = \"admin\"\npassword = \"password\"";

fn setup(own: &str) -> Setup {
    let login = Login {
        user: b"admin".to_vec(),
        password: Secret::new("password"),
        kg: None,
        suites: vec![Suite::Seventeen],
        privilege: Privilege::Administrator,
        manners: bmcnotice::bmc::link::Manners::Own,
    };
    Setup {
        users: Vec::new(),
        logins: vec![own.contains("user =").then_some(login)],
        cluster: Arc::new(cluster(own)),
        identity: Identity::Unknown,
        boot: BootId([1; 16]),
        replay: replay(&[]),
        seed: [3; 32],
        troubles: Vec::new(),
        maintenance: false,
        watchdog_owner: None,
    }
}

impl World {
    fn new(own: &str, change: impl FnOnce(&mut Board)) -> Self {
        let alert = Alert { agent: [10, 0, 1, 1].into(), ..Alert::to(at(TRAPS)) };
        let options = Options { alert: Some(alert), ..Options::default() };
        let mut board = Board::new(Bmc::new(options, [2; 32]));
        change(&mut board);
        let now = Now { boottime: Duration::from_secs(1000), wall: Duration::from_secs(1_700_000_000) };
        let (log, peers, recoveries) = (Vec::new(), Vec::new(), Vec::new());
        let mut world = Self { engine: Engine::new(now, setup(own)), board, now, log, peers, recoveries };
        world.drain();
        world.run(SECOND * 5);
        world
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Ask { to, bytes } => {
                    assert_eq!(to, at(BMC));
                    self.board.datagram(self.now, bytes);
                }
                Output::InBand(order) => {
                    if let Some(event) = self.board.perform(self.now, order) {
                        self.engine.handle_in_band(self.now, event);
                    }
                }
                Output::Reply { bytes, .. } => self.board.bmc.handle_datagram(self.now, at(TRAPS), &bytes),
                Output::Append(_) => self.engine.handle_appended(self.now, true),
                Output::Compact(_) => self.engine.handle_compacted(true),
                Output::Deliver(Delivery::Recover(recover)) => {
                    self.recoveries.push((self.now.boottime, recover.token));
                }
                Output::Deliver(Delivery::Progress(progress)) => {
                    let line = progress.line();
                    self.log.push((self.now.boottime, line.level, line.text));
                }
                Output::Deliver(Delivery::Log(line)) => self.log.push((self.now.boottime, line.level, line.text)),
                Output::Deliver(Delivery::Peer(peer)) => self.peers.push(format!("{:?}", peer.verdict)),
                Output::Deliver(Delivery::Notice(_) | Delivery::Echo(_)) => {}
                Output::KeepNames(_) | Output::Filter(_) => {}
                Output::Run(_) | Output::Signal { .. } | Output::Panic(_) | Output::LookForDump(_) => {
                    unreachable!("{output:?}")
                }
            }
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.now.boottime + span;
        for turn in 0..100_000 {
            let first = (turn == 0).then_some(self.now.boottime); // what was just raised
            let next = [first, self.engine.next_deadline(), self.board.next()].into_iter().flatten().min();
            let Some(next) = next.filter(|at| *at <= end) else {
                self.now.wall += end - self.now.boottime;
                self.now.boottime = end;
                return;
            };
            self.now.wall += next.saturating_sub(self.now.boottime);
            self.now.boottime = self.now.boottime.max(next);
            let mut traps = Vec::new();
            let arrived = self.board.turn(self.now, at(US), |output| match output {
                sim::Output::Send { to, bytes } if to == at(TRAPS) => traps.push(bytes),
                sim::Output::Send { .. } | sim::Output::Event(_) => {}
            });
            for arrival in arrived {
                match arrival {
                    Arrival::InBand(event) => self.engine.handle_in_band(self.now, event),
                    Arrival::Datagram(bytes) => self.engine.handle_bmc_datagram(self.now, at(BMC), &bytes),
                }
                self.drain();
            }
            for trap in traps {
                self.engine.handle_datagram(self.now, at(BMC), &trap);
                self.drain();
            }
            self.engine.handle_timeout(self.now);
            self.drain();
        }
        panic!("it does not come to rest");
    }

    fn raise(&mut self) {
        self.board.bmc.raise(self.now, &Fault::preset("uncorrectable-memory").unwrap());
    }

    fn said(&self, what: &str) -> usize {
        self.log.iter().filter(|(_, _, text)| text.contains(what)).count()
    }

    /// Whether the BMC heard this word of the handshake, and by which channel.
    fn heard(&self, word: u8) -> Vec<u8> {
        let words = self.board.bmc.log().filter(|entry| {
            (entry.netfn, entry.command) == (HANDSHAKE_NETFN, HANDSHAKE_COMMAND) && entry.data.first() == Some(&word)
        });
        words.map(|entry| entry.caller.channel).collect()
    }
}

const IN_BAND: u8 = 0x0F;
const LAN: u8 = 1;

#[test]
fn without_a_login_everything_goes_in_band() {
    for own in ["", "link = \"in_band\"", &format!("link = \"in_band\"\n{LOGIN}")] {
        let mut world = World::new(own, |_| {});
        assert_eq!(world.heard(0), [IN_BAND], "armed: {:?}", world.log);
        assert_eq!(world.said("BMC of server1: in-band; it is the right one"), 1, "{:?}", world.log);
        assert_eq!(world.peers, ["Powered", "Alive"], "the heartbeat reads power and pulse in-band");
        world.raise();
        world.run(MS * 50);
        let (_, token) = world.recoveries[0];
        assert_eq!(world.heard(1), [IN_BAND]);
        world.engine.answer(world.now, token, Answer::Done).unwrap();
        world.drain();
        world.run(SECOND);
        assert_eq!(world.heard(2), [IN_BAND]);
        assert_eq!(world.board.bmc.resets(), 1, "ended lets it reset");
        assert_eq!(world.board.datagrams, 0, "nothing went over LAN");
        world.engine.stop(world.now);
        world.engine.hang_up(world.now);
        world.drain();
    }
}

#[test]
fn a_stop_right_behind_the_answer_says_goodbye_once_the_end_is_known() {
    let mut world = World::new("link = \"in_band\" # no pulse", |_| {});
    world.raise();
    world.run(MS * 50);
    world.engine.stop(world.now);
    world.drain();
    world.run(MS * 50);
    assert!(world.engine.stopped(), "the recovery is under way: there is nothing to wait for");
    assert_eq!(world.heard(3), [], "and the BMC must wait");

    let mut world = World::new("link = \"in_band\" # no pulse", |_| {});
    world.raise();
    world.run(MS * 50);
    world.engine.answer(world.now, world.recoveries[0].1, Answer::Done).unwrap();
    world.engine.stop(world.now); // *ended* is on its way
    assert!(!world.engine.stopped(), "the BMC is to hear the end first");
    world.drain();
    world.run(MS * 50);
    assert_eq!((world.heard(2), world.heard(3)), (vec![IN_BAND], vec![IN_BAND]), "{:?}", world.log);
    assert!(world.engine.stopped());
    let place =
        |word| world.board.bmc.log().position(|entry| entry.command == HANDSHAKE_COMMAND && entry.data[0] == word);
    assert!(place(2) < place(3), "in this order");
}

#[test]
fn a_stop_does_not_wait_for_a_bmc_that_hears_nothing_of_the_end() {
    let mut world = World::new("link = \"in_band\" # no pulse", |_| {});
    world.raise();
    world.run(MS * 50);
    world.board.hangs = true;
    world.engine.answer(world.now, world.recoveries[0].1, Answer::Done).unwrap();
    world.drain();
    world.engine.stop(world.now);
    world.run(SECOND * 120);
    assert!(world.engine.stopped(), "given up: {:?}", world.log);
}

#[test]
fn a_chassis_command_needs_no_pinned_guid_in_band() {
    let mut world = World::new("after_ended = \"power-cycle\"", |_| {});
    world.raise();
    world.run(MS * 50);
    let (_, token) = world.recoveries[0];
    world.engine.answer(world.now, token, Answer::Done).unwrap();
    world.drain();
    world.run(SECOND * 40);
    assert_eq!(world.board.took(&Request { netfn: 0, lun: 0, command: 2, data: vec![2] }), 1, "{:?}", world.log);
    assert_eq!(world.said("has not proven"), 0);
}

#[test]
fn when_in_band_is_silent_started_goes_over_lan_after_a_second() {
    let mut world = World::new(LOGIN, |_| {});
    assert_eq!(world.heard(0), [IN_BAND]);
    assert_eq!(world.said("LAN works beside in-band"), 1, "{:?}", world.log);
    world.run(SECOND * 4);
    world.board.hangs = true;
    let begun = world.now.boottime;
    world.raise();
    world.run(SECOND * 3);
    // The heartbeat's question hangs first; *started* waits for nobody but its second.
    assert_eq!(world.heard(1), [LAN], "{:?}", world.log);
    let told = world.log.iter().find(|(_, _, text)| text.contains("the BMC knows: recovery started")).unwrap().0;
    assert!(told - begun <= SECOND + MS * 50, "{:?}", told - begun);
    assert!(world.recoveries[0].0 - begun < MS * 20, "the recovery waits for none of that");
    let (_, token) = world.recoveries[0];
    world.engine.answer(world.now, token, Answer::Done).unwrap();
    world.drain();
    let ended = world.now.boottime;
    world.run(MS * 50);
    assert_eq!(world.heard(2), [LAN]);
    let told = world.log.iter().find(|(_, _, text)| text.contains("the BMC knows: recovery ended")).unwrap().0;
    assert!(told - ended < MS * 20, "LAN is known to be the better road by now");
    assert_eq!(world.said("in-band it does not answer"), 1, "said once: {:?}", world.log);

    world.run(SECOND * 120);
    assert_eq!(world.said("in-band it does not answer"), 1);
    world.board.hangs = false;
    world.run(SECOND * 30);
    assert_eq!(world.said("in-band it answers"), 1);
    assert_eq!(world.said("in-band it does not answer"), 1);
    let (taken, datagrams) = (world.board.taken.len(), world.board.datagrams);
    world.run(SECOND * 12);
    assert!(world.board.taken.len() >= taken + 4, "the heartbeat goes in-band again");
    assert!(world.board.datagrams <= datagrams + 1, "LAN is kept warm, no more");
    assert_eq!(world.peers, ["Powered", "Alive"], "the heartbeat noticed nothing of it");
}

#[test]
fn evidence_changes_the_road_with_everything_else() {
    let guid = Options::default().guid;
    for (own, no_guid) in [(format!("{LOGIN} #proven"), false), (format!("{LOGIN}\nguid = \"{guid}\" #proven"), true)] {
        // A BMC that tells its GUID over LAN alone is the same one, too.
        let mut world = World::new(&own, |board| board.no_guid = no_guid);
        world.run(SECOND * 30);
        world.board.hangs = true;
        let begun = world.now.boottime;
        world.raise();
        world.run(SECOND * 5);
        let (at, _) = *world.recoveries.first().unwrap_or_else(|| panic!("{no_guid}: {:?}", world.log));
        assert!(at - begun < SECOND * 3, "{:?}", at - begun);
        // And back.
        let mut world = World::new(&own, |board| board.no_guid = no_guid);
        world.run(SECOND * 30);
        world.board.hangs = true;
        world.run(SECOND * 30);
        world.board.hangs = false;
        world.board.lan_cut = true;
        world.raise();
        world.run(SECOND * 8);
        assert_eq!(world.recoveries.len(), 1, "{no_guid}: {:?}", world.log);
    }
}

/// A trap that the BMC has not sent.
fn forged(now: Now, fault: &str) -> Vec<u8> {
    let alert = Alert { agent: [10, 0, 1, 1].into(), ..Alert::to(at(TRAPS)) };
    let mut other = Bmc::new(Options { alert: Some(alert), ..Options::default() }, [9; 32]);
    other.raise(now, &Fault::preset(fault).unwrap());
    loop {
        if let sim::Output::Send { bytes, .. } = other.poll_output().expect("a trap") {
            return bytes;
        }
    }
}

#[test]
fn a_forged_trap_cancels_no_chassis_command() {
    let cycle = Request { netfn: 0, lun: 0, command: 2, data: vec![2] };
    let mut waited = 0;
    for offset in 0..40 {
        // The first monitor believes an address; the second asks the BMC, and its operator has cancelled that.
        let mut world = World::new("after_ended = \"power-cycle\" # two", |board| board.latency = MS * 400);
        let trap = forged(world.now, "uncorrectable-memory");
        world.engine.handle_datagram(world.now, at(BMC), &trap);
        world.drain();
        world.run(SECOND * 13 + MS * 100 * offset);
        world.engine.cancel(world.now, 2).unwrap();
        let (_, token) = world.recoveries[0];
        world.engine.answer(world.now, token, Answer::Done).unwrap();
        world.drain();
        while world.said("the BMC knows: recovery ended") == 0 {
            world.run(MS * 10);
        }
        // A forged trap is to be looked into just as the order waits for another answer.
        if world.board.took(&cycle) == 0 {
            waited += 1;
            let trap = forged(world.now, "thermal-trip");
            world.engine.handle_datagram(world.now, at(BMC), &trap);
            world.drain();
            world.run(SECOND * 5);
            assert_eq!(world.board.took(&cycle), 0, "a recovery may begin: {:?}", world.log);
        }
        world.run(SECOND * 30);
        assert_eq!(world.board.took(&cycle), 1, "{offset}: {:?}", world.log);
    }
    assert!(waited > 0, "it never waited");
}

#[test]
fn evidence_goes_on_by_the_other_road_whatever_either_tells_of_the_guid() {
    let own = format!("{LOGIN}\nguid = \"{}\" #proven", Options::default().guid);
    // Wherever the heartbeat's question is when in-band falls silent.
    for (no_guid, wait) in [false, true].into_iter().flat_map(|no_guid| (0..16).map(move |n| (no_guid, MS * 250 * n))) {
        let mut world = World::new(&own, |board| board.no_guid = no_guid);
        world.run(SECOND * 4);
        world.board.hangs = true;
        world.run(wait);
        world.raise();
        world.run(SECOND * 5);
        let began = (world.recoveries.len(), world.heard(1));
        assert_eq!(began, (1, vec![LAN]), "no GUID {no_guid}, {wait:?}: {:?}", world.log);
    }
}

#[test]
fn a_shared_port_is_said_once_and_hinders_nothing() {
    // NC-SI: LAN never answers this host.
    let mut world = World::new(LOGIN, |board| board.lan_cut = true);
    world.run(SECOND * 600);
    assert_eq!(world.said("normal where they share a network port"), 1, "{:?}", world.log);
    assert!(world.log.iter().all(|(_, level, _)| *level != Level::Error), "{:?}", world.log);
    world.raise();
    world.run(MS * 50);
    assert_eq!((world.heard(0), world.heard(1)), (vec![IN_BAND], vec![IN_BAND]));
}

#[test]
fn without_the_device_lan_does_everything_and_the_reason_is_said_once() {
    let mut world = World::new(LOGIN, |board| board.device = Err(Obstacle::NoDriver));
    world.run(SECOND * 600);
    assert_eq!(world.said("modprobe ipmi_si and ipmi_devintf"), 1, "{:?}", world.log);
    assert_eq!(world.heard(0), [LAN]);
    world.raise();
    world.run(MS * 50);
    assert_eq!(world.heard(1), [LAN]);
    // With neither, the BMC is pinged, and what cannot be told is said.
    let mut world = World::new("", |board| board.device = Err(Obstacle::Denied));
    assert_eq!(world.peers, ["Unknown(NoLogin)"]);
    world.raise();
    world.run(SECOND * 40);
    assert!(world.said("permission denied") >= 2, "{:?}", world.log);
}

#[test]
fn a_bmc_that_restarted_is_armed_again_though_in_band_noticed_nothing() {
    let mut world = World::new(LOGIN, |_| {});
    world.board.bmc.restart(world.now, SECOND * 20);
    world.run(SECOND * 120);
    assert_eq!(world.heard(0), [IN_BAND, IN_BAND], "the lost session gave it away: {:?}", world.log);
}

#[test]
fn a_reload_keeps_an_unchanged_road_and_changes_a_changed_one() {
    let mut world = World::new(LOGIN, |_| {});
    let opened = world.board.opened.len();
    world.engine.reload(world.now, setup(LOGIN));
    world.drain();
    world.run(SECOND * 5);
    assert_eq!((world.board.opened.len(), world.heard(0).len()), (opened, 1), "nothing was opened or armed anew");

    let lan = format!("link = \"lan\"\n{LOGIN}");
    world.engine.reload(world.now, setup(&lan));
    world.drain();
    world.run(SECOND * 5);
    let taken = world.board.taken.len();
    world.run(SECOND * 60);
    assert_eq!(world.board.taken.len(), taken, "LAN alone");
    let device = format!("device = \"/dev/ipmi1\"\n{LOGIN}");
    world.engine.reload(world.now, setup(&device));
    world.drain();
    world.run(SECOND * 5);
    assert_eq!(world.board.opened.len(), opened + 1);
    world.raise();
    world.run(MS * 50);
    assert_eq!(world.heard(1), [IN_BAND]);
}

#[test]
fn a_bmc_at_a_loopback_address_is_simulated_and_the_device_here_is_not_its() {
    let choice = |link: &str, this: &str| {
        let mut cluster = cluster(link);
        if let Some(bmc) = &mut cluster.servers[0].bmc {
            bmc.address = at(this);
        }
        cluster.in_band(cluster.this).map(|(_, device)| device.to_owned())
    };
    let device = Some("/dev/ipmi0".to_owned());
    assert_eq!(choice(LOGIN, BMC), device);
    assert_eq!(choice(LOGIN, "127.0.0.3:623"), None);
    assert_eq!(choice(LOGIN, "[::1]:623"), None);
    assert_eq!(choice("link = \"in_band\"", "127.0.0.3:623"), device);
    assert_eq!(choice(&format!("link = \"lan\"\n{LOGIN}"), BMC), None);
}
