//! The roads of a reloaded configuration: what has not changed stays open.
//!
//! Part of [`Roads`], apart because a reload is rare. Its input is the old and the new cluster.

use super::openings::Openings;
use super::{Errand, Owner, Place, Places, Roads, expected, in_band, kinds, place};
use crate::bmc::link::{Identity, Login};
use crate::config::model::Cluster;
use crate::crypto::Random;
use crate::engine::successors::Successors;
use crate::now::Now;
use crate::words::ServerId;
use alloc::collections::BTreeMap;

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
        let successors = Successors::new(old, new);
        for server in self.places.servers() {
            let still = |place: &Place| successors.of(server).is_some_and(|id| place.is_still(new, id, logins, own));
            if !self.places.get(server).is_some_and(still)
                && let Some(road) = self.places.give_up(server)
            {
                road.stop(now);
            }
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
        let successors = Successors::new(old, new);
        let mut former = self.places.take_kept();
        self.errands.retain(|_, errand| match errand {
            Errand::Heartbeat(server, _) => match successors.of(*server) {
                Some(id) if former.get(usize::from(server.0)).is_some_and(Option::is_some) => {
                    *server = id;
                    true
                }
                Some(_) | None => false,
            },
            Errand::Conversation(_) | Errand::KeepAlive | Errand::Pulse | Errand::Nobody => true,
        });
        let mut kept: BTreeMap<ServerId, Place> = BTreeMap::new();
        for (id, before) in successors.iter() {
            if let Some(mut place) = former.get_mut(usize::from(before.0)).and_then(Option::take) {
                place.server = id;
                kept.insert(id, place);
            }
        }
        let all = (0..).map(ServerId).zip(logins);
        let places =
            all.filter_map(|(id, login)| kept.remove(&id).or_else(|| place(now, new, id, login, &own, random)));
        self.places = Places::new(places);
        self.openings = Openings::new(self.places.held());
        self.settle(now);
    }
}

impl Place {
    /// Whether the new configuration has the same road.
    fn is_still(&self, new: &Cluster, id: ServerId, logins: &[Option<Login>], own: &Identity) -> bool {
        let bmc = new.server(id).bmc.as_ref();
        let login = logins.get(usize::from(id.0)).and_then(Option::as_ref);
        bmc.is_some_and(|bmc| bmc.address == self.address && self.road.asks_like(kinds(bmc)))
            && login == self.origin.login.as_ref()
            && expected(new, id, own) == self.origin.identity
            && in_band(new, id) == self.origin.in_band
    }
}
