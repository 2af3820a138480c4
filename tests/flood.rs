//! A flood of strangers against a real context: the kernel keeps them away, everything is counted, and the BMC is heard.

#[path = "../benches/common/traps.rs"]
mod traps;

use bmcnotice::notice::DropReason;
use bmcnotice::notice::filter::SAMPLE_ONE_IN;
use bmcnotice::notice::guard::ARM_ABOVE;
use bmcnotice::wire::oid::OidBuf;
use bmcnotice::wire::snmp::{ENTERPRISE_SPECIFIC, TrapV1, emit_trap_v1};
use bmcnotice::words::Class;
use bmcnotice::{Config, Context, Mode};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};
use traps::memory_pet;

const PATIENCE: Duration = Duration::from_secs(20);

fn text(listen: SocketAddr, bmc: &str) -> String {
    format!(
        r#"
        [cluster]
        name = "flood"
        this_server = "server1"
        [[server]]
        name = "server1"
        addresses = ["127.0.0.1"]
        [server.bmc]
        address = "127.0.0.1:9"
        trap_sources = ["{bmc}"]
        user = "admin"
        password = "password"
        handshake = "none"
        [[server]]
        name = "server2"
        addresses = ["127.0.0.4"]
        [server.bmc]
        address = "127.0.0.5:9"
        trap_sources = ["127.0.0.5"]
        user = "admin"
        password = "password"
        handshake = "none"
        [[monitor]]
        name = "mrw1"
        category = "BMCNOTICE"
        trust = "address"
        recovery = "callback"
        target = "failover1"
        [monitor.keywords]
        server1 = "{listen}"
        server2 = "127.0.0.4:{}"
        [heartbeat]
        lan = ["lan1"]
        bmc = false
        [journal]
        hot = false
        disk = false
        "#,
        listen.port()
    )
}

fn config(listen: SocketAddr, bmc: &str) -> Config {
    Config::from_text(text(listen, bmc), "flood.toml")
}

/// A vendor's trap of this number.
fn trap(number: u32) -> Vec<u8> {
    let enterprise = OidBuf::from_dotted("1.3.6.1.4.1.674.1").unwrap();
    let (agent, uptime) = (Ipv4Addr::LOCALHOST, 7);
    let enterprise = enterprise.as_oid();
    let head = TrapV1 { enterprise, agent, generic: ENTERPRISE_SPECIFIC, specific: number, uptime };
    let mut bytes = Vec::new();
    emit_trap_v1(b"public", &head, &[], &mut bytes);
    bytes
}

struct World {
    context: Context,
    at: SocketAddr,
    heard: Arc<AtomicU32>,
    said: Arc<Mutex<Vec<String>>>,
    numbers: u32,
}

impl World {
    fn new(mode: Mode) -> Self {
        let at = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let context = Context::new(&config(at, "127.0.0.2"), mode).unwrap();
        let (heard, said) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (count, lines) = (heard.clone(), said.clone());
        context.on_notice(Arc::new(move |_| _ = count.fetch_add(1, SeqCst))).unwrap();
        context.on_log(Arc::new(move |line| lines.lock().unwrap().push(line.text.clone()))).unwrap();
        Self { context, at, heard, said, numbers: 0 }
    }

    fn send(&mut self, from: &str, count: u32) {
        let socket = UdpSocket::bind((from.parse::<IpAddr>().unwrap(), 0)).unwrap();
        for n in 0..count {
            self.numbers += 1;
            socket.send_to(&trap(self.numbers), self.at).unwrap();
            if n % 256 == 0 {
                self.rest(); // or the queue overflows
            }
        }
        self.rest();
    }

    fn rest(&self) {
        while self.context.wait(Some(Duration::from_millis(1))).unwrap() {
            self.context.dispatch(64).unwrap();
        }
    }

    fn drops(&self, reason: DropReason) -> u64 {
        self.context.statistics().unwrap().dropped(reason)
    }

    fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < end, "{what}");
            self.rest();
        }
    }

    fn said(&self, what: &str) -> usize {
        self.said.lock().unwrap().iter().filter(|line| line.contains(what)).count()
    }
}

#[test]
fn a_flood_is_kept_away_counted_and_the_bmc_is_heard() {
    for mode in [Mode::Loop, Mode::Thread] {
        const FLOOD: u32 = 20_000;
        let mut world = World::new(mode);
        world.send("127.0.0.90", ARM_ABOVE as u32);
        world.until("all are read", |world| world.drops(DropReason::ForeignSource) == ARM_ABOVE);
        assert_eq!(world.said("the kernel is to refuse them"), 0, "a rate that can be borne");

        world.send("127.0.0.90", FLOOD);
        world.until("armed", |world| world.said("the kernel is to refuse them") == 1);
        world.send("127.0.0.2", 10);
        world.until("the BMC is heard", |world| world.heard.load(SeqCst) == 10);

        let counted = world.context.statistics().unwrap();
        let foreign = counted.dropped(DropReason::ForeignSource);
        assert!(counted.filtered > u64::from(FLOOD) / 2, "{}", counted.filtered);
        // Every datagram is in one number: read, kept away, or lost.
        let all = u64::from(world.numbers);
        assert_eq!(counted.datagrams + counted.filtered + counted.overflowed, all);
        // What the samples say is near what the kernel counts, and marked as an estimate.
        assert_eq!(counted.datagrams + counted.estimated, foreign + counted.notices);
        assert_eq!(counted.estimated % u64::from(SAMPLE_ONE_IN - 1), 0);
        let (low, high) = (counted.filtered / 2, counted.filtered * 2);
        assert!((low..high).contains(&counted.estimated), "{} of {}", counted.estimated, counted.filtered);
        assert!(counted.datagrams < all / 4, "few of them were read: {}", counted.datagrams);
    }
}

#[test]
fn the_others_bmc_is_a_stranger_with_a_name_of_its_own() {
    let mut world = World::new(Mode::Loop);
    world.send("127.0.0.5", 20_000);
    let counted = world.context.statistics().unwrap();
    assert!(counted.filtered > 10_000 && counted.dropped(DropReason::ForeignSource) == 0);
    assert_eq!(counted.dropped(DropReason::OtherServersBmc), counted.datagrams + counted.estimated);
}

#[test]
fn a_reload_changes_who_passes_while_the_filter_is_armed() {
    let mut world = World::new(Mode::Loop);
    world.send("127.0.0.90", 5_000);
    let armed = world.context.statistics().unwrap().filtered;
    assert!(armed > 2_000, "{armed}");

    world.context.reload(&config(world.at, "127.0.0.90")).unwrap();
    world.rest();
    let before = world.context.statistics().unwrap();
    world.send("127.0.0.90", 500);
    let after = world.context.statistics().unwrap();
    assert_eq!((after.notices - before.notices, after.filtered), (500, before.filtered), "the BMC is there now");
    world.send("127.0.0.2", 5_000);
    let last = world.context.statistics().unwrap();
    assert!(last.filtered - after.filtered > 4_000, "and here no more: {}", last.filtered - after.filtered);
    assert_eq!(last.notices, after.notices);
}

#[test]
fn what_only_looks_like_a_bmcs_answer_is_a_stranger_too() {
    let mut world = World::new(Mode::Loop);
    let socket = UdpSocket::bind(("127.0.0.90", 0)).unwrap();
    // RMCP, IPMI 1.5, no session: what a BMC answers to an acknowledgement begins like this.
    let answer = [6, 0, 0xFF, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0x81, 0x14, 0x6B, 0x20, 0, 0x17, 0, 0xC9];
    for n in 0..5_000 {
        socket.send_to(&answer, world.at).unwrap();
        if n % 256 == 0 {
            world.rest();
        }
    }
    world.rest();
    world.numbers += 5_000;
    let counted = world.context.statistics().unwrap();
    assert_eq!(counted.answers, 0);
    assert!(counted.filtered > 2_000, "{}", counted.filtered);
}

/// Small notices come many times as fast as the application takes them, for longer than the socket's queue is long.
#[test]
fn a_slow_application_hears_the_fatal_one_in_a_storm_of_small_ones() {
    const STORM: u32 = 36_000;
    let world = World::new(Mode::Loop);
    let (fatal, slow) = (Arc::new(AtomicU32::new(0)), Duration::from_millis(2));
    let note = fatal.clone();
    let callback = move |heard: &bmcnotice::Heard| {
        note.fetch_add(u32::from(heard.notice.class == Class::Fatal), SeqCst);
        std::thread::sleep(slow);
    };
    world.context.on_notice(Arc::new(callback)).unwrap();
    let at = world.at;
    let sender = std::thread::spawn(move || {
        let socket = UdpSocket::bind(("127.0.0.2", 0)).unwrap();
        for n in 1..=STORM {
            let bytes = if n == STORM - 1000 { memory_pet(1, false, n) } else { trap(n) };
            socket.send_to(&bytes, at).unwrap();
            if n % 64 == 0 {
                std::thread::sleep(Duration::from_millis(8));
            }
        }
    });
    let end = Instant::now() + PATIENCE;
    while fatal.load(SeqCst) == 0 {
        assert!(Instant::now() < end, "the fatal one is heard");
        world.context.wait(Some(Duration::from_millis(10))).unwrap();
        world.context.dispatch(16).unwrap();
    }
    sender.join().unwrap();
    let counted = world.context.statistics().unwrap();
    assert!(counted.shed > 10_000, "{}", counted.shed);
    assert_eq!(counted.overflowed, 0, "the queue did not run over");
}
