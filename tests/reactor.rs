//! The descriptors joined to an engine: what is to be done is done at the next turn, and the set says so.

#[path = "support/logins.rs"]
mod logins;

use bmcnotice::bmc::link::Identity;
use bmcnotice::config::facts::Facts;
use bmcnotice::config::model::{Cluster, Privilege};
use bmcnotice::config::native;
use bmcnotice::engine::{Delivery, Setup};
use bmcnotice::io::reactor::Reactor;
use bmcnotice::io::sockets::Sockets;
use bmcnotice::io::store::Store;
use bmcnotice::io::sys::{Epoll, Event};
use bmcnotice::recovery::journal::{BootId, replay};
use bmcnotice::suite::Suite;
use bmcnotice::wire::sdr::{Name, Stamp};
use bmcnotice::wire::sdr_cache;
use bmcnotice::words::Guid;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn cluster(bmc: SocketAddr) -> Cluster {
    let text = format!(
        r#"
        [cluster]
        name = "reactor"
        this_server = "server1"
        [[server]]
        name = "server1"
        addresses = ["127.0.0.1"]
        [server.bmc]
        address = "{bmc}"
        trap_sources = ["127.0.0.1"]
        user = "admin"
        password = "secret"
        guid = "00112233445566778899aabbccddeeff"
        [[monitor]]
        name = "mrw1"
        trust = "address"
        recovery = "callback"
        target = "failover1"
        [monitor.keywords]
        server1 = "127.0.0.1:1162"
        [heartbeat]
        bmc = false
        "#
    );
    let outcome = native::parse(&text, "reactor.toml", &[], &Facts::default());
    outcome.cluster.unwrap_or_else(|| panic!("{:#?}", outcome.findings))
}

fn setup(bmc: SocketAddr) -> Setup {
    let login = logins::login("admin", "secret", &[Suite::Seventeen], Privilege::Administrator);
    Setup {
        cluster: Arc::new(cluster(bmc)),
        users: Vec::new(),
        logins: vec![Some(login)],
        identity: Identity::Unknown,
        boot: BootId([1; 16]),
        replay: replay(&[]),
        seed: [1; 32],
        troubles: Vec::new(),
        maintenance: false,
        watchdog_owner: None,
    }
}

/// A fresh engine has something to say to the BMC, the first and every later one.
#[test]
fn an_engine_that_is_there_anew_speaks_at_once() {
    let bmc = UdpSocket::bind("127.0.0.1:0").unwrap();
    bmc.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    let at = bmc.local_addr().unwrap();
    let (epoll, wake) = (Epoll::new().unwrap(), Event::new().unwrap());
    let (store, _, _) = Store::open(None, None);
    let sockets = Sockets::bind(None, &[at]).unwrap();
    let mut reactor = Reactor::new(sockets, store, setup(at), &epoll, &wake).unwrap();
    let spoken = || bmc.recv(&mut [0; 512]).is_ok();

    assert!(epoll.wait(Some(Duration::from_millis(100))));
    reactor.pump(&mut |_| {});
    reactor.finish();
    assert!(spoken());
    assert!(!epoll.wait(Some(Duration::ZERO)), "and then it rests");

    reactor.rebuild(setup(at));
    assert!(epoll.wait(Some(Duration::from_millis(20))));
    reactor.pump(&mut |_| {});
    assert!(spoken());
}

/// The cache on disk reaches the engine without any BMC, the first one and one made after a panic.
#[test]
fn cached_names_of_sensors_are_handed_to_every_engine() {
    let folder = std::env::temp_dir().join(format!("bmcnotice-reactor-{}", std::process::id()));
    let (hot, disk) = (folder.join("hot"), folder.join("disk"));
    let remove = || drop(std::fs::remove_dir_all(&folder));
    remove();
    let guid = Guid([0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF]);
    let names = [Name { owner: 0x20, number: 0x20, text: "DIMM A1".into() }];
    let octets = sdr_cache::emit(&guid, &Stamp { records: 1, added: 1, erased: 1 }, &names);
    let (mut store, _, _) = Store::open(Some(&hot), Some(&disk));
    store.keep_names(octets);
    drop(store);

    let bmc = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = bmc.local_addr().unwrap();
    let (epoll, wake) = (Epoll::new().unwrap(), Event::new().unwrap());
    let (store, _, _) = Store::open(Some(&hot), Some(&disk));
    let mut reactor = Reactor::new(Sockets::bind(None, &[at]).unwrap(), store, setup(at), &epoll, &wake).unwrap();
    let told = |reactor: &mut Reactor| {
        let (start, mut told) = (Instant::now(), false);
        while !told {
            reactor.pump(&mut |delivery| {
                told |= matches!(&delivery, Delivery::Log(line) if line.text.contains("1 sensors have names, as cached"));
            });
            assert!(start.elapsed() < Duration::from_secs(10), "in vain");
        }
    };
    told(&mut reactor);
    reactor.rebuild(setup(at));
    told(&mut reactor);
    drop(reactor);
    remove();
}
