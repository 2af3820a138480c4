//! Which server of a new configuration is which of the old one: servers are known by their names.
//!
//! Made once a reload, for everybody who keeps something by server. Uses `config`.

use crate::config::model::Cluster;
use crate::words::ServerId;
use alloc::collections::BTreeMap;

/// By the server's id in the old configuration.
#[derive(Debug)]
pub(super) struct Successors(Vec<Option<ServerId>>);

impl Successors {
    pub(super) fn new(old: &Cluster, new: &Cluster) -> Self {
        let mut by_name = BTreeMap::new();
        for (id, server) in (0..).map(ServerId).zip(&new.servers) {
            by_name.entry(server.name.as_str()).or_insert(id);
        }
        Self(old.servers.iter().map(|server| by_name.get(server.name.as_str()).copied()).collect())
    }

    /// The server's id in the new configuration, if it is there.
    pub(super) fn of(&self, server: ServerId) -> Option<ServerId> {
        *self.0.get(usize::from(server.0))?
    }

    /// The new ids, each with the old one.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ServerId, ServerId)> {
        let all = (0..).map(ServerId).zip(&self.0);
        all.filter_map(|(old, new)| Some(((*new)?, old)))
    }
}
