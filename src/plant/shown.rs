//! What is shown of the servers, for readers who must not wait for the reactor. Values; `plant` says what changes.

use crate::engine::PeerStatus;
use crate::heartbeat::Trips;
use crate::words::ServerId;
use std::collections::HashMap;
use std::sync::Arc;

/// A server, as the heartbeat sees it.
#[derive(Debug, Clone)]
pub struct Watched {
    /// What is said of it.
    pub status: PeerStatus,
    /// The last round trips to its BMC.
    pub trips: Trips,
}

/// What is shown of the servers, in the configuration's order.
#[derive(Debug, Default)]
pub(super) struct Shown {
    servers: Vec<Watched>,
}

impl Shown {
    /// Shows these from now on; of a server that was shown before, its round trips are kept.
    pub(super) fn set(&mut self, peers: Vec<PeerStatus>) {
        let old = std::mem::take(&mut self.servers).into_iter();
        let mut old: HashMap<Arc<str>, Trips> = old.map(|watched| (watched.status.server, watched.trips)).collect();
        let watched = |status: PeerStatus| Watched { trips: old.remove(&status.server).unwrap_or_default(), status };
        self.servers = peers.into_iter().map(watched).collect();
    }

    /// What is said of a server has changed.
    pub(super) fn change(&mut self, status: &PeerStatus) {
        if let Some(watched) = self.find(status.id) {
            watched.status.clone_from(status);
        }
    }

    /// A round of questions about a server is over.
    pub(super) fn learn(&mut self, status: PeerStatus) {
        if let Some(watched) = self.find(status.id) {
            watched.trips.push(status.round_trip.filter(|_| status.misses == 0));
            watched.status = status;
        }
    }

    pub(super) fn servers(&self) -> Vec<Watched> {
        self.servers.clone()
    }

    pub(super) fn peers(&self) -> Vec<PeerStatus> {
        self.servers.iter().map(|watched| watched.status.clone()).collect()
    }

    /// They stand in the configuration's order; where each has a BMC, a server's number is its place.
    fn find(&mut self, server: ServerId) -> Option<&mut Watched> {
        let number = usize::from(server.0);
        let place = match self.servers.get(number) {
            Some(watched) if watched.status.id == server => number,
            Some(_) | None => self.servers.binary_search_by_key(&server, |watched| watched.status.id).ok()?,
        };
        self.servers.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn status(id: u16, name: &str) -> PeerStatus {
        PeerStatus::unheard(ServerId(id), name)
    }

    #[test]
    fn a_round_is_remembered_once_and_a_reload_keeps_what_it_can() {
        let trips = |shown: &Shown, place: usize| shown.servers[place].trips.iter().collect::<Vec<_>>();
        let (mut shown, ms) = (Shown::default(), Duration::from_millis);
        shown.set(vec![status(0, "a"), status(2, "c")]);
        let answered = PeerStatus { round_trip: Some(ms(3)), ..status(2, "c") };
        shown.change(&answered);
        assert_eq!((shown.peers()[1].round_trip, trips(&shown, 1).len()), (Some(ms(3)), 0), "a change is no round");
        shown.learn(answered.clone());
        shown.learn(PeerStatus { misses: 1, ..answered });
        shown.learn(status(1, "b")); // nobody shows it
        assert_eq!(trips(&shown, 1), [Some(ms(3)), None]);
        shown.set(vec![status(0, "c"), status(1, "a"), status(2, "d")]);
        assert_eq!([0, 1, 2].map(|place| trips(&shown, place).len()), [2, 0, 0]);
    }
}
