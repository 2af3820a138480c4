//! What has to run elsewhere, which nodes could take it, and whether it does run there.
//!
//! Pure questions to a `cluster` that was read; every doubt counts as *not yet*.

use super::cluster::{Cluster, Health, Node, Resource, Role};
use super::why::{NotYet, Unfit, Why};
use std::collections::BTreeSet;

/// What has to leave this server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Members {
    /// Must be started on another node.
    pub movable: BTreeSet<String>,
    /// Have copies elsewhere by design: need only be gone from here.
    pub copies: BTreeSet<String>,
    /// Of those, the ones that were promoted here and must be promoted elsewhere.
    pub promoted: BTreeSet<String>,
    /// Ran here, but nobody may move them.
    pub unmanaged: BTreeSet<String>,
    /// Once ran here and were at rest when it began: nobody waits for them.
    pub idle: BTreeSet<String>,
}

impl Members {
    /// What has to leave `me`, at the start. `resumed` is a move that had begun before this process: what
    /// it has stopped already, and what comes up elsewhere, is known from the node's history.
    pub fn of(cluster: &Cluster, me: &str, target: Option<&str>, resumed: bool) -> Result<Self, Why> {
        let mut members = Self::default();
        let wanted = |resource: &&Resource| target.is_none_or(|target| resource.is(target));
        let known = cluster.resources.iter().filter(wanted);
        if let Some(target) = target.filter(|_| known.clone().next().is_none()) {
            return Err(Why::UnknownTarget(target.to_owned()));
        }
        for resource in known.filter(|resource| !resource.fence && !resource.orphaned) {
            let here = resource.is_on(me);
            let was_here = || cluster.history.contains(&(me.to_owned(), resource.id.clone()));
            let named = target.is_some() && !resource.copies && !resource.disabled;
            let settled = resource.active && matches!(resource.role, Role::Started | Role::Promoted);
            let lost = resumed && !resource.copies && !settled && !resource.disabled && was_here();
            if !here && !named && !lost {
                if (!resource.active || resource.failed) && was_here() {
                    members.idle.insert(resource.id.clone());
                }
                continue;
            }
            let set = match (resource.managed || resource.blocked, resource.copies) {
                (false, _) => &mut members.unmanaged,
                (true, true) => &mut members.copies,
                (true, false) => &mut members.movable,
            };
            set.insert(resource.id.clone());
            if here && resource.copies && resource.managed && resource.role == Role::Promoted {
                members.promoted.insert(resource.id.clone());
            }
        }
        match members.unmanaged.first() {
            Some(first) if target.is_some() || members.is_empty() => Err(Why::Unmanaged(first.clone())),
            Some(_) | None => Ok(members),
        }
    }

    /// Another server's services may have been on their way here when it began: what is here now, or was in
    /// between, has to leave as well.
    pub fn join(&mut self, cluster: &Cluster, me: &str) {
        for resource in cluster.resources.iter().filter(|resource| !resource.fence && !resource.orphaned) {
            let was_here = || cluster.history.contains(&(me.to_owned(), resource.id.clone()));
            // It may have come and gone between two looks, and be on its way elsewhere.
            let passed = !resource.copies && !resource.disabled && was_here();
            let came = resource.is_on(me) || (passed && !self.idle.contains(&resource.id));
            if came && resource.managed {
                let gone = resource.copies || resource.disabled;
                let set = if gone { &mut self.copies } else { &mut self.movable };
                set.insert(resource.id.clone());
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.movable.is_empty() && self.copies.is_empty()
    }

    /// Whether all of it runs elsewhere; otherwise what most needs a person.
    pub fn elsewhere(&self, cluster: &Cluster, me: &str) -> Result<(), NotYet> {
        let movable = self.movable.iter().filter_map(|id| moved(cluster, id, me).err());
        let copies = self.copies.iter().filter_map(|id| left(cluster, id, me).err());
        let promoted = self.promoted.iter().filter(|id| {
            let leads =
                |resource: &Resource| resource.id == **id && resource.role == Role::Promoted && !resource.failed;
            let online = |resource: &Resource| resource.nodes.iter().any(|node| node != me && cluster.is_online(node));
            !cluster.resources.iter().any(|resource| leads(resource) && online(resource))
        });
        let promoted = promoted.map(|id| NotYet::NotPromoted(id.clone()));
        movable.chain(copies).chain(promoted).min().map_or(Ok(()), Err)
    }
}

/// Every entry of this resource is gone from here and well elsewhere.
fn moved(cluster: &Cluster, id: &str, me: &str) -> Result<(), NotYet> {
    let mut found = false;
    for resource in cluster.resources.iter().filter(|resource| resource.id == id && !resource.orphaned) {
        found = true;
        let name = || resource.id.clone();
        if resource.blocked {
            return Err(NotYet::Blocked(name()));
        }
        if resource.is_on(me) {
            return Err(NotYet::StillHere(name()));
        }
        let Some(node) = resource.nodes.first().filter(|_| resource.active) else {
            return Err(NotYet::Stopped(name()));
        };
        if resource.failed {
            return Err(NotYet::Failed { resource: name(), node: node.clone() });
        }
        // What runs inside a bundle is on a guest node, which crm_mon lists as online like any other.
        if let Some(node) = resource.nodes.iter().find(|node| !cluster.is_online(node)) {
            return Err(NotYet::OnLostNode { resource: name(), node: node.clone() });
        }
        match resource.role {
            Role::Started | Role::Promoted => {}
            Role::Stopped => return Err(NotYet::Stopped(name())),
            Role::Starting | Role::Unpromoted | Role::Other => {
                return Err(NotYet::Starting { resource: name(), node: node.clone() });
            }
        }
    }
    // An orphan of it that is still here is not gone either.
    let here = cluster.resources.iter().any(|resource| resource.id == id && resource.is_on(me));
    match (found, here) {
        (_, true) => Err(NotYet::StillHere(id.to_owned())),
        (false, false) => Err(NotYet::Gone(id.to_owned())),
        (true, false) => Ok(()),
    }
}

/// No instance of it is here.
fn left(cluster: &Cluster, id: &str, me: &str) -> Result<(), NotYet> {
    match cluster.resources.iter().find(|resource| resource.id == id && resource.is_on(me)) {
        Some(resource) if resource.blocked => Err(NotYet::Blocked(id.to_owned())),
        Some(_) => Err(NotYet::StillHere(id.to_owned())),
        None => Ok(()),
    }
}

impl Resource {
    fn is(&self, target: &str) -> bool {
        self.id == target || self.within.iter().any(|id| id == target)
    }

    fn is_on(&self, node: &str) -> bool {
        self.nodes.iter().any(|name| name == node)
    }
}

/// Whether this node could take services; `worst` is the health that still counts as good.
pub fn fit(node: &Node, worst: Health) -> Result<(), Unfit> {
    let unfit = [
        (!node.online, Unfit::Offline),
        (node.unclean, Unfit::Unclean),
        (node.pending, Unfit::Pending),
        (node.shutdown, Unfit::ShuttingDown),
        (node.standby, Unfit::Standby),
        (node.maintenance, Unfit::Maintenance),
        (node.health.is_some_and(|health| health > worst), Unfit::Ill),
    ];
    unfit.into_iter().find(|(is, _)| *is).map_or(Ok(()), |(_, why)| Err(why))
}

/// Members of the cluster other than `me`: the healthy ones, and why the rest are not.
pub fn peers(cluster: &Cluster, me: &str, worst: Health) -> (BTreeSet<String>, Vec<(String, Unfit)>) {
    let (mut healthy, mut rest) = (BTreeSet::new(), Vec::new());
    for node in cluster.nodes.iter().filter(|node| node.member && node.name != me) {
        match fit(node, worst) {
            Ok(()) => drop(healthy.insert(node.name.clone())),
            Err(unfit) => rest.push((node.name.clone(), unfit)),
        }
    }
    (healthy, rest)
}

/// What the cluster as a whole must be able to do before anything is triggered.
pub fn able(cluster: &Cluster, me: &str) -> Result<(), Why> {
    let node = cluster.node(me).ok_or_else(|| Why::UnknownNode(me.to_owned()))?;
    match () {
        () if !cluster.coordinator => Err(Why::NoCoordinator),
        () if !cluster.quorum => Err(Why::NoQuorum),
        () if cluster.maintenance => Err(Why::MaintenanceMode),
        () if cluster.stop_all => Err(Why::StopAll),
        () if node.maintenance => Err(Why::NodeInMaintenance(me.to_owned())),
        () => Ok(()),
    }
}
