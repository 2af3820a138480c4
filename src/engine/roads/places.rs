//! Where the road to every BMC is: found by its server and by its address, looked at when it was touched, woken when
//! it is due.
//!
//! What is done with one road costs the same among two of them and among ten thousand. Used by `roads` alone; its
//! input is servers and addresses of the configuration, and addresses that datagrams came from.

use super::road::{InBand, Road};
use crate::bmc::link::{Identity, Login};
use crate::words::ServerId;
use alloc::collections::{BTreeSet, VecDeque};
use core::net::SocketAddr;
use core::time::Duration;
use std::collections::HashMap;

/// One server's BMC. Small, because ten thousand of them lie side by side.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) server: ServerId,
    pub(super) address: SocketAddr,
    pub(super) road: Road,
    pub(super) origin: Box<Origin>,
    /// A reload gives it up.
    given_up: bool,
    /// When it is in the list of those that are due.
    due: Option<Duration>,
    /// It is in the list of those that were touched.
    touched: bool,
}

/// What a road was made from.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) login: Option<Login>,
    pub(super) identity: Identity,
    pub(super) in_band: Option<InBand>,
}

impl Place {
    pub(super) fn new(server: ServerId, address: SocketAddr, road: Road, origin: Origin) -> Self {
        Self { server, address, road, origin: Box::new(origin), given_up: false, due: None, touched: false }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// By server; none: it has no BMC.
    all: Vec<Option<Place>>,
    /// Two servers that have one address share nothing else: the first of them hears what comes.
    addresses: HashMap<SocketAddr, ServerId>,
    /// Whose BMC is talked to in-band.
    own: Option<ServerId>,
    /// What each road waits for.
    due: BTreeSet<(Duration, ServerId)>,
    /// Those that may have something to say, each once.
    touched: VecDeque<ServerId>,
}

impl Places {
    /// All of them; each may have something to say.
    pub(super) fn new(places: impl IntoIterator<Item = Place>) -> Self {
        let mut new = Self::default();
        for mut place in places {
            let server = place.server;
            (place.due, place.touched) = (None, false);
            new.addresses.entry(place.address).or_insert(server);
            if place.origin.in_band.is_some() {
                new.own = new.own.or(Some(server));
            }
            let at = usize::from(server.0);
            new.all.resize_with(new.all.len().max(at + 1), || None);
            new.all[at] = Some(place);
            new.touch(server);
        }
        new
    }

    pub(super) fn get(&self, server: ServerId) -> Option<&Place> {
        self.all.get(usize::from(server.0))?.as_ref()
    }

    /// A road, to do something with it; it will be looked at.
    pub(super) fn touch(&mut self, server: ServerId) -> Option<&mut Road> {
        let place = self.all.get_mut(usize::from(server.0))?.as_mut()?;
        if !core::mem::replace(&mut place.touched, true) {
            self.touched.push_back(server);
        }
        Some(&mut place.road)
    }

    /// A road that the next configuration does not have, to end it.
    pub(super) fn give_up(&mut self, server: ServerId) -> Option<&mut Road> {
        self.all.get_mut(usize::from(server.0))?.as_mut()?.given_up = true;
        self.touch(server)
    }

    /// Whose BMC is at this address.
    pub(super) fn at(&self, address: SocketAddr) -> Option<ServerId> {
        self.addresses.get(&address).copied()
    }

    /// Whose BMC is talked to in-band.
    pub(super) fn own(&self) -> Option<ServerId> {
        self.own
    }

    /// The servers that have a BMC, in order.
    pub(super) fn servers(&self) -> Vec<ServerId> {
        self.all.iter().flatten().map(|place| place.server).collect()
    }

    /// Those whose link is still to be opened, in order.
    pub(super) fn held(&self) -> Vec<ServerId> {
        self.all.iter().flatten().filter(|place| place.road.is_held()).map(|place| place.server).collect()
    }

    /// One that was touched; once its output is taken, [`Places::rest`] is to follow.
    pub(super) fn poll_touched(&mut self) -> Option<&mut Place> {
        let server = self.touched.pop_front()?;
        let place = self.all.get_mut(usize::from(server.0))?.as_mut()?;
        place.touched = false;
        Some(place)
    }

    /// Nothing more is done with this road for now: what it waits for is written down.
    pub(super) fn rest(&mut self, server: ServerId) {
        let Some(place) = self.all.get_mut(usize::from(server.0)).and_then(Option::as_mut) else { return };
        let due = place.road.next_deadline();
        let before = core::mem::replace(&mut place.due, due);
        if before == due {
            return;
        }
        if let Some(at) = before {
            self.due.remove(&(at, server));
        }
        if let Some(at) = due {
            self.due.insert((at, server));
        }
    }

    /// One that is due by now, each once until it rests.
    pub(super) fn poll_due(&mut self, now: Duration) -> Option<ServerId> {
        let (_, server) = self.due.first().filter(|(at, _)| *at <= now).copied()?;
        self.due.pop_first();
        if let Some(place) = self.all.get_mut(usize::from(server.0)).and_then(Option::as_mut) {
            place.due = None;
        }
        Some(server)
    }

    /// When the first one is due.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes away all that were not given up, by server.
    pub(super) fn take_kept(&mut self) -> Vec<Option<Place>> {
        let all = core::mem::take(self).all.into_iter();
        all.map(|place| place.filter(|place| !place.given_up)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bmc::ping::{AGAIN, Probe};
    use crate::crypto::Random;
    use crate::now::Now;

    /// Places that can only be pinged; each its own address, but for the last one, which has the first one's.
    fn places(count: u16) -> Places {
        let mut random = Random::from_seed([7; 32]);
        let mut places = Places::new((0..count).map(|n| {
            let address = SocketAddr::from(([192, 0, 2, 1], 1000 + (count - n) % (count - 1)));
            let road = Road::Ping(Box::new(Probe::new(&mut random)));
            Place::new(ServerId(n), address, road, Origin { login: None, identity: Identity::Unknown, in_band: None })
        }));
        assert_eq!(drain(&mut places).len(), usize::from(count), "each is looked at once");
        places
    }

    /// Looks at those that were touched, as `roads` does, and says who they were.
    fn drain(places: &mut Places) -> Vec<ServerId> {
        let mut looked_at = Vec::new();
        while let Some(place) = places.poll_touched() {
            let server = place.server;
            while place.road.poll_output().is_some() {}
            places.rest(server);
            looked_at.push(server);
        }
        looked_at
    }

    fn at(ms: u64) -> Now {
        Now { boottime: Duration::from_millis(ms), wall: Duration::ZERO }
    }

    fn ping(places: &mut Places, server: ServerId, now: Now) {
        assert!(places.touch(server).is_some_and(|road| road.ping(now)));
        assert!(places.touch(server).is_some(), "touched twice, it is looked at once");
        assert_eq!(drain(places), [server]);
    }

    fn due(places: &mut Places, now: Now) -> Vec<ServerId> {
        let mut due = Vec::new();
        while let Some(server) = places.poll_due(now.boottime) {
            if let Some(road) = places.touch(server) {
                road.handle_timeout(now);
            }
            due.push(server);
        }
        assert_eq!(drain(places), due, "and no other");
        due
    }

    #[test]
    fn a_timeout_of_one_touches_no_other() {
        let mut places = places(10_000);
        assert_eq!(places.next_deadline(), None);
        for (server, ms) in [(17, 3), (4000, 1), (9999, 2)] {
            ping(&mut places, ServerId(server), at(ms));
        }
        assert_eq!(places.next_deadline(), Some(at(1).boottime + AGAIN));
        assert_eq!(due(&mut places, at(250)), []);
        assert_eq!(due(&mut places, at(251)), [ServerId(4000)]);
        assert_eq!(due(&mut places, at(251)), []);
        assert_eq!(due(&mut places, at(9000)), [ServerId(9999), ServerId(17), ServerId(4000)]);
        assert_eq!((places.next_deadline(), places.due.len()), (None, 0));
    }

    #[test]
    fn what_a_road_waits_for_now_counts() {
        let mut places = places(3);
        ping(&mut places, ServerId(1), at(0));
        ping(&mut places, ServerId(1), at(400));
        assert_eq!((places.next_deadline(), places.due.len()), (Some(at(400).boottime + AGAIN), 1));
    }

    #[test]
    fn of_two_at_one_address_the_first_hears() {
        let places = places(5);
        let all: Vec<_> = (1000..1006).map(|port| places.at(([192, 0, 2, 1], port).into())).collect();
        assert_eq!(all, [Some(1), Some(0), Some(3), Some(2), None, None].map(|server| server.map(ServerId)));
        assert_eq!(places.at(([192, 0, 2, 2], 1001).into()), None);
    }
}
