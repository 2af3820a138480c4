//! The configuration of a node, and the addresses.

use crate::fate::Fate;
use crate::xml::name;
#[path = "../support/logins.rs"]
mod logins;

use bmcnotice::bmc::link::Login;
use bmcnotice::config::facts::Facts;
use bmcnotice::config::model::{Cluster, Privilege};
use bmcnotice::config::native;
use bmcnotice::suite::Suite;
use bmcnotice::words::Guid;
use std::fmt::Write;
use std::net::SocketAddr;

pub fn traps(node: usize) -> SocketAddr {
    format!("10.0.0.{}:162", node + 1).parse().unwrap()
}

pub fn client(node: usize) -> SocketAddr {
    format!("10.0.0.{}:40000", node + 1).parse().unwrap()
}

pub fn bmc(node: usize) -> SocketAddr {
    format!("10.0.1.{}:623", node + 1).parse().unwrap()
}

pub fn guid(node: usize) -> Guid {
    Guid([0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE, 1, 2, 3, 4, 5, 6, 7, node as u8 + 1])
}

pub fn cluster(fate: &Fate, this: usize) -> Cluster {
    let mut text = format!("[cluster]\nname = \"simulation\"\nthis_server = \"{}\"\n", name(this));
    let ended = fate.after_ended;
    for node in 0..fate.nodes {
        let (name, bmc, guid) = (name(node), bmc(node), guid(node));
        write!(text, "[[server]]\nname = \"{name}\"\naddresses = [\"10.0.0.{}\"]\n[server.bmc]\n", node + 1).unwrap();
        writeln!(text, "address = \"{bmc}\"").unwrap();
        if node == this {
            writeln!(
                text,
                "user = \"admin\"\npassword = \"password\"\nguid = \"{guid}\"\nhandshake = \"sim\"\nlink = \"lan\"\nafter_ended = \"{ended}\"\npatience = \"1000s\""
            )
            .unwrap();
        } else {
            writeln!(text, "handshake = \"none\"").unwrap();
        }
    }
    let target = fate.target.map(|service| format!("target = \"svc{service}\"")).unwrap_or_default();
    write!(
        text,
        r#"
        [handshake.sim]
        armed = {{ netfn = 0x30, command = 0x70, data = [0] }}
        started = {{ netfn = 0x30, command = 0x70, data = [1] }}
        ended = {{ netfn = 0x30, command = 0x70, data = [2, "outcome"] }}
        disarmed = {{ netfn = 0x30, command = 0x70, data = [3] }}
        [heartbeat]
        bmc = false
        lan = false
        [[monitor]]
        name = "mrw1"
        trust = "address"
        chassis_on_address = true
        recovery = {{ pacemaker = {{ trigger = "{}" }} }}
        {target}
        restart = {}
        failover = {}
        after_failure = "{}"
        cool_down = "0s"
        budget = 9
        deadline = "{}ms"
        tell_deadline = "30s"
        reset_deadline = "900s"
        [monitor.keywords]
        "#,
        fate.trigger,
        fate.restart,
        fate.failover,
        if fate.holds_after_failure { "hold" } else { "ended" },
        fate.deadline.as_millis(),
    )
    .unwrap();
    for node in 0..fate.nodes {
        writeln!(text, "{} = \"{}\"", name(node), traps(node)).unwrap();
    }
    let outcome = native::parse(&text, "simulation.toml", &[], &Facts::default());
    outcome.cluster.unwrap_or_else(|| panic!("{:#?}", outcome.findings))
}

pub fn logins(nodes: usize, this: usize) -> Vec<Option<Login>> {
    let login = || logins::login("admin", "password", &[Suite::Seventeen, Suite::Three], Privilege::Administrator);
    (0..nodes).map(|node| (node == this).then(login)).collect()
}
