//! A site to measure: a configuration, and free addresses.

use super::traps::GUID;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;

/// An address of this host where nobody listens at the moment.
pub fn free_address() -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.local_addr().expect("its address")
}

/// Where the other server's BMC is.
pub const PEER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Two servers, this one with its monitor, and their BMCs. Without a hot folder there is no journal.
pub fn text(listen: SocketAddr, own: SocketAddr, peer: u16, hot: Option<&Path>, heartbeat: bool) -> String {
    let hot = hot.map_or("false".into(), |folder| format!("\"{}\"", folder.display()));
    format!(
        r#"
        [cluster]
        name = "bench"
        this_server = "server1"
        [[server]]
        name = "server1"
        addresses = ["127.0.0.1"]
        [server.bmc]
        address = "{own}"
        trap_sources = ["127.0.0.1"]
        user = "admin"
        password = "password"
        guid = "{GUID}"
        handshake = "sim"
        after_ended = "none"
        patience = "200s"
        [[server]]
        name = "server2"
        addresses = ["127.0.0.3"]
        [server.bmc]
        address = "{PEER}:{peer}"
        trap_sources = ["{PEER}"]
        user = "admin"
        password = "password"
        handshake = "none"
        [handshake.sim]
        armed = {{ netfn = 0x30, command = 0x70, data = [0], accept = [0] }}
        started = {{ netfn = 0x30, command = 0x70, data = [1], accept = [0] }}
        ended = {{ netfn = 0x30, command = 0x70, data = [2, "outcome"], accept = [0] }}
        disarmed = {{ netfn = 0x30, command = 0x70, data = [3], accept = [0] }}
        [[monitor]]
        name = "mrw1"
        category = "BMCNOTICE"
        trust = "address"
        recovery = "callback"
        target = "failover1"
        deadline = "20s"
        reset_deadline = "1s"
        cool_down = "0s"
        budget_window = "0s"
        [monitor.keywords]
        server1 = "{listen}"
        server2 = "127.0.0.3:{}"
        [heartbeat]
        lan = ["lan1"]
        bmc = {heartbeat}
        interval = "1s"
        timeout = "5s"
        [journal]
        hot = {hot}
        disk = false
        "#,
        listen.port()
    )
}
