//! The roads of a reloaded configuration: what has not changed stays open.
//!
//! Part of [`Roads`], apart because a reload is rare. Its input is the old and the new cluster.

use super::road::Road;
use super::{Errand, Owner, Place, Roads, expected, in_band};
use crate::bmc::link::{Identity, Login};
use crate::config::model::Cluster;
use crate::crypto::Random;
use crate::now::Now;
use crate::words::ServerId;

impl Roads {
    /// Whether something is being said for a record: it must not be cut in two.
    pub(in crate::engine) fn talks_for_records(&self) -> bool {
        let for_record = |owner| matches!(owner, Owner::Seat(_) | Owner::Leftover(_));
        self.conversations.iter().any(|conversation| for_record(conversation.owner))
    }

    /// Closes every road that the new configuration does not have like this. To be followed by
    /// [`Roads::meet`], once the news were taken.
    pub(in crate::engine) fn part(
        &mut self,
        now: Now,
        old: &Cluster,
        new: &Cluster,
        logins: &[Option<Login>],
        own: &Identity,
    ) {
        for place in &mut self.places {
            let stays = successor(old, new, place.server).is_some_and(|id| place.is_still(new, id, logins, own));
            if !stays {
                place.road.stop(now);
            }
            place.kept = stays;
        }
        self.settle(now);
    }

    /// Opens what is new, and gives what stays the new configuration's ids.
    pub(in crate::engine) fn meet(
        &mut self,
        now: Now,
        old: &Cluster,
        new: &Cluster,
        logins: Vec<Option<Login>>,
        own: Identity,
        random: &mut Random,
    ) {
        let mut former: Vec<Place> = core::mem::take(&mut self.places).into_iter().filter(|place| place.kept).collect();
        self.errands.retain(|_, errand| match errand {
            Errand::Heartbeat(server) => match successor(old, new, *server) {
                Some(id) if former.iter().any(|place| place.server == *server) => {
                    *server = id;
                    true
                }
                Some(_) | None => false,
            },
            Errand::Conversation(_) | Errand::KeepAlive | Errand::Nobody => true,
        });
        for ((id, server), login) in (0..).map(ServerId).zip(&new.servers).zip(logins) {
            let Some(bmc) = &server.bmc else { continue };
            match former.iter().position(|place| successor(old, new, place.server) == Some(id)) {
                Some(at) => self.places.push(Place { server: id, ..former.swap_remove(at) }),
                None => {
                    let identity = expected(new, id, &own);
                    let in_band = in_band(new, id);
                    let road = Road::new(now, login.as_ref(), &identity, in_band.as_ref(), random);
                    let address = bmc.address;
                    self.places.push(Place { server: id, address, login, identity, in_band, road, kept: true });
                }
            }
        }
        self.settle(now);
    }
}

impl Place {
    /// Whether the new configuration has the same road.
    fn is_still(&self, new: &Cluster, id: ServerId, logins: &[Option<Login>], own: &Identity) -> bool {
        let address = new.server(id).bmc.as_ref().map(|bmc| bmc.address);
        let login = logins.get(usize::from(id.0)).and_then(Option::as_ref);
        address == Some(self.address)
            && login == self.login.as_ref()
            && expected(new, id, own) == self.identity
            && in_band(new, id) == self.in_band
    }
}

/// The id of this server in the new configuration: servers are known by their names.
fn successor(old: &Cluster, new: &Cluster, id: ServerId) -> Option<ServerId> {
    let name = &old.servers.get(usize::from(id.0))?.name;
    (0..).map(ServerId).zip(&new.servers).find(|(_, server)| &server.name == name).map(|(id, _)| id)
}
