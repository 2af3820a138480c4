//! The configuration of a server, and the addresses.

use crate::fate::Fate;
#[path = "../support/logins.rs"]
mod logins;

use bmcnotice::bmc::link::{Login, Manners};
use bmcnotice::config::facts::Facts;
use bmcnotice::config::model::{Cluster, Privilege};
use bmcnotice::config::native;
use bmcnotice::suite::Suite;
use bmcnotice::words::Guid;
use std::fmt::Write;
use std::net::SocketAddr;

pub fn client(server: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, server as u8 + 1], 40_000))
}

pub fn bmc(server: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 1, server as u8 + 1], 623))
}

/// Whose BMC, or whose client, this address is.
pub fn place(address: SocketAddr) -> usize {
    match address {
        SocketAddr::V4(address) => usize::from(address.ip().octets()[3]) - 1,
        SocketAddr::V6(_) => panic!("{address}"),
    }
}

pub fn guid(server: usize) -> Guid {
    Guid([0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE, 1, 2, 3, 4, 5, 6, 7, server as u8 + 1])
}

pub fn cluster(fate: &Fate, this: usize) -> Cluster {
    let mut text = format!("[cluster]\nname = \"simulation\"\nthis_server = \"server{}\"\n", this + 1);
    for (server, kind) in fate.kinds.iter().enumerate() {
        let guid = if kind.pinned { format!("guid = \"{}\"", guid(server)) } else { String::new() };
        write!(
            text,
            r#"
[[server]]
name = "server{}"
addresses = ["10.0.0.{}"]
[server.bmc]
address = "{}"
user = "admin"
password = "password"
link = "in_band"
handshake = "none"
sel_catch_up = "off"
{guid}
"#,
            server + 1,
            server + 1,
            bmc(server)
        )
        .unwrap();
    }
    write!(
        text,
        r#"
[heartbeat]
lan = true
interval = "{}ms"
timeout = "{}ms"
[[monitor]]
name = "mrw1"
trust = "address"
recovery = "callback"
[monitor.keywords]
"#,
        fate.interval.as_millis(),
        fate.timeout.as_millis()
    )
    .unwrap();
    for server in 1..=fate.kinds.len() {
        writeln!(text, "server{server} = \"10.0.0.{server}:162\"").unwrap();
    }
    let outcome = native::parse(&text, "simulation.toml", &[], &Facts::default());
    outcome.cluster.unwrap_or_else(|| panic!("{:#?}", outcome.findings))
}

pub fn logins(servers: usize, this: usize) -> Vec<Option<Login>> {
    let login = |manners| Login {
        manners,
        ..logins::login("admin", "password", &[Suite::Seventeen, Suite::Three], Privilege::User)
    };
    (0..servers).map(|server| Some(login(if server == this { Manners::Own } else { Manners::Peer }))).collect()
}
