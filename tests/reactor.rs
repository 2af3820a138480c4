//! The descriptors joined to an engine: what is to be done is done at the next turn, and the set says so.

#[path = "support/logins.rs"]
mod logins;

use bmcnotice::bmc::link::Identity;
use bmcnotice::config::facts::Facts;
use bmcnotice::config::model::{Cluster, Privilege};
use bmcnotice::config::native;
use bmcnotice::engine::Setup;
use bmcnotice::io::reactor::{Reactor, Sockets};
use bmcnotice::io::store::Store;
use bmcnotice::io::sys::{Epoll, Event};
use bmcnotice::recovery::journal::{BootId, replay};
use bmcnotice::suite::Suite;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

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
        logins: vec![Some(login)],
        identity: Identity::Unknown,
        boot: BootId([1; 16]),
        replay: replay(&[]),
        seed: [1; 32],
        troubles: Vec::new(),
        maintenance: false,
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
