//! What reads SNMPv3, from what was configured and what a former process has written down.

use crate::config::model::Cluster;
use crate::crypto::Random;
use crate::notice::usm::{Clock, Table, User, Usm, own_boots, own_id};
use crate::now::Now;

/// Who may write v3 to this server; `users` are those of the configuration that may, with their keys.
pub(super) fn table(cluster: &Cluster, users: Vec<User>) -> Table {
    let of = |place: usize| cluster.servers.get(place).and_then(|server| server.bmc.as_ref()).map(|bmc| &bmc.version3);
    let this = usize::from(cluster.this.0);
    let own = of(this).cloned().unwrap_or_default();
    let others = (0..cluster.servers.len()).filter(|place| *place != this).filter_map(of);
    let others = others.flat_map(|version3| version3.engine_ids.iter().copied()).collect();
    let (least, version3_only) = own.least(!users.is_empty());
    Table { users, learning: own.learning(), named: own.engine_ids, others, least, version3_only }
}

/// What reads v3 for a server that has users; `clocks` were written down by a former process.
pub(super) fn reader(
    now: Now,
    cluster: &Cluster,
    users: Vec<User>,
    clocks: &[Clock],
    random: &mut Random,
) -> Option<Usm> {
    if users.is_empty() {
        return None;
    }
    let id = own_id(&cluster.name, &cluster.this_server().name);
    let before = clocks.iter().find(|clock| clock.engine == id).map(|clock| clock.boots);
    let salt = u64::from_be_bytes(random.array());
    let mut usm = Usm::new(now, table(cluster, users), id, own_boots(now, before), salt);
    clocks.iter().for_each(|clock| usm.remember(now, *clock));
    Some(usm)
}
