//! Whom the datagrams come to: configurations that ask everything that can be asked of a sender.

use bmcnotice::config::facts::Facts;
use bmcnotice::config::model::{Cluster, Learning, Least, Version3};
use bmcnotice::config::native;
use bmcnotice::notice::usm::{EngineId, Table, User};
use bmcnotice::wire::usm::Level;
use bmcnotice::words::{Guid, Trust};
use std::sync::Arc;

/// That of the traps of `version3::pet`.
const GUID: Guid = Guid([1; 16]);
const OTHER: Guid = Guid([0x5A; 16]);

pub const BMC: &str = "10.0.1.1:40000";
/// Those who send: the BMC in both families, a relay, another server's BMC, a stranger.
pub const SENDERS: [&str; 5] = [BMC, "[::ffff:10.0.1.1]:40000", "10.0.1.50:162", "10.0.1.2:40000", "10.0.9.9:40000"];

/// A monitor for each.
const TRUSTS: [(&str, Trust); 3] =
    [("address", Trust::Address), ("corroborated", Trust::Corroborated), ("authenticated", Trust::Authenticated)];

/// One configuration.
#[derive(Clone)]
pub struct Site {
    pub cluster: Arc<Cluster>,
    pub users: Vec<User>,
}

/// An engine id of ours.
pub fn engine(n: u8) -> EngineId {
    EngineId::new(&[0x80, 0, 0, 0, 5, n]).expect("six octets")
}

/// The engine that no hostile message is written under.
pub const GENUINE: u8 = 0xEE;
/// Those that hostile messages are written under; the last is another server's.
pub const ENGINES: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xBB];

fn text() -> String {
    let monitor = |name: &str| {
        format!(
            r#"
[[monitor]]
name = "{name}"
recovery = "callback"
target = "failover1"
deadline = "60s"
trust = "address"
cool_down = "0s"
[monitor.keywords]
server1 = "10.0.0.1:162"
server2 = "10.0.0.2:162"
"#
        )
    };
    let monitors = TRUSTS.map(|(name, _)| monitor(name));
    format!(
        r#"
[cluster]
name = "hostile"
this_server = "server1"
[heartbeat]
bmc = false
lan = true
[[server]]
name = "server1"
addresses = ["10.0.0.1"]
[server.bmc]
address = "10.0.1.1:623"
user = "admin"
password = "password"
link = "lan"
relays = ["10.0.1.50"]
[[server]]
name = "server2"
addresses = ["10.0.0.2"]
[server.bmc]
address = "10.0.1.2:623"
user = "admin"
password = "password"
link = "lan"
{}"#,
        monitors.concat()
    )
}

/// All of them; the users are those of a desk.
pub fn all(users: &[User]) -> Vec<Site> {
    let outcome = native::parse(&text(), "hostile.toml", &[], &Facts::default());
    let mut cluster = outcome.cluster.unwrap_or_else(|| panic!("{:#?}", outcome.findings));
    // Not in the text, which would want the users there, too.
    cluster.monitors.iter_mut().zip(TRUSTS).for_each(|(monitor, (_, trust))| monitor.trust = trust);
    let site = |learning, least, guid: Option<Guid>, users: &[User], observe| {
        let mut cluster = cluster.clone();
        cluster.observe = observe;
        let bmc = cluster.servers[0].bmc.as_mut().expect("a BMC");
        bmc.guid = guid;
        bmc.version3 = Version3 { engine_ids: vec![engine(GENUINE), engine(1)], learning: Some(learning), least };
        let other = cluster.servers[1].bmc.as_mut().expect("a BMC");
        other.version3.engine_ids = vec![engine(0xBB)];
        Site { cluster: Arc::new(cluster), users: users.to_vec() }
    };
    let least = |level| Some(Least::Version3(level));
    vec![
        site(Learning::Learn, Some(Least::Community), None, users, false),
        site(Learning::Approve, None, Some(GUID), users, false),
        site(Learning::Never, least(Level::AuthPriv), Some(GUID), users, false),
        site(Learning::Learn, None, None, &[], true),
        site(Learning::Learn, None, Some(OTHER), users, false),
        site(Learning::Learn, least(Level::NoAuth), None, users, false),
    ]
}

impl Site {
    /// What a reception reads v3 by.
    pub fn table(&self) -> Table {
        let version3 = |place: usize| self.cluster.servers[place].bmc.as_ref().map(|bmc| bmc.version3.clone());
        let (own, other) = (version3(0).unwrap_or_default(), version3(1).unwrap_or_default());
        let (least, version3_only) = own.least(!self.users.is_empty());
        Table {
            users: self.users.clone(),
            learning: own.learning(),
            named: own.engine_ids,
            others: other.engine_ids,
            least,
            version3_only,
        }
    }

    pub fn has_users(&self) -> bool {
        !self.users.is_empty()
    }

    /// Whether a genuine PET bears another system's GUID here.
    pub fn is_foreign(&self) -> bool {
        self.cluster.servers[0].bmc.as_ref().and_then(|bmc| bmc.guid) == Some(OTHER)
    }
}
