//! The roads to the BMCs: their links and pings, and what is being said over them.
//!
//! A conversation (telling a phase, ordering a chassis action) belongs to an owner; it asks one question
//! at a time, and its end is news for that owner. Uses `bmc`; its input is datagrams from BMCs, and the
//! engine's orders.

mod news;
mod openings;
mod places;
mod reload;
mod road;
mod settle;
mod talk;

use crate::bmc::chassis::{self, Order};
use crate::bmc::failure::Failure;
use crate::bmc::fill::Filling;
use crate::bmc::handshake::Telling;
use crate::bmc::immediate::{Asking, Looking};
use crate::bmc::inband::{self, Order as InBandOrder};
use crate::bmc::link::{Identity, Login, Status, Ticket, Urgency};
use crate::bmc::ping::Kinds;
use crate::bmc::sel_reading::Reading;
use crate::bmc::sensor_names::NameReading;
use crate::config::model::{AfterEnded, Bmc, Cluster, LinkChoice};
use crate::crypto::Random;
use crate::heartbeat::Question;
use crate::now::Now;
use crate::wire::command::{CHASSIS_STATUS, GET_WATCHDOG};
use crate::wire::ipmi::Request;
use crate::words::{Phase, ServerId};
use alloc::collections::{BTreeMap, VecDeque};
use core::net::SocketAddr;
use core::time::Duration;
pub(super) use news::{Heard, News, Owner};
use openings::Openings;
use places::{Origin, Place, Places};
use road::{InBand, Road};
use talk::Talk;

#[derive(Debug)]
struct Conversation {
    id: u64,
    server: ServerId,
    owner: Owner,
    talk: Talk,
    /// What it asked, as long as that was not answered.
    asked: Option<Ticket>,
    wake: Option<Duration>,
    /// Dropped then, understood or not.
    end: Option<Duration>,
}

/// How long *started* is still tried when *ended* waits behind it: what a BMC needs to answer, not more.
const LAST_CHANCE: Duration = Duration::from_secs(1);

/// How long the effect of a chassis command is looked for.
const LOOK: Duration = Duration::from_secs(30);

/// Who asked what a ticket answers.
#[derive(Debug)]
enum Errand {
    Conversation(u64),
    Heartbeat(ServerId, Question),
    /// Our own pulse is fed.
    Pulse,
    /// Nobody waits for it, but people hear that it fails.
    KeepAlive,
    /// It was said in passing.
    Nobody,
}

/// Whose BMC a server's must be.
fn expected(cluster: &Cluster, id: ServerId, own: &Identity) -> Identity {
    match &cluster.server(id).bmc {
        Some(Bmc { by_address: true, .. }) => Identity::Address,
        Some(Bmc { guid: Some(guid), .. }) => Identity::Expected(vec![*guid]),
        Some(_) | None if id == cluster.this => own.clone(),
        Some(_) | None => Identity::Unknown,
    }
}

/// How a server's BMC is talked to in-band, if it is.
fn in_band(cluster: &Cluster, id: ServerId) -> Option<InBand> {
    let (choice, device) = cluster.in_band(id)?;
    let pinned = cluster.server(id).bmc.as_ref().and_then(|bmc| bmc.guid);
    Some(InBand { device: device.to_owned(), pinned, alone: choice == LinkChoice::InBand })
}

/// How a BMC is asked for a sign of life without a session.
fn kinds(bmc: &Bmc) -> Kinds {
    Kinds { asf: bmc.probes.asf, capabilities: bmc.probes.capabilities }
}

/// A new road to a server's BMC, if it has one.
fn place(
    now: Now,
    cluster: &Cluster,
    id: ServerId,
    login: Option<Login>,
    own: &Identity,
    random: &mut Random,
) -> Option<Place> {
    let bmc = cluster.servers.get(usize::from(id.0))?.bmc.as_ref()?;
    let (identity, in_band) = (expected(cluster, id, own), in_band(cluster, id));
    let road = Road::new(now, login.as_ref(), &identity, in_band.as_ref(), kinds(bmc), random);
    Some(Place::new(id, bmc.address, road, Origin { login, identity, in_band }))
}

/// All roads of a context.
#[derive(Debug)]
pub(super) struct Roads {
    places: Places,
    /// Those that are still to be opened.
    openings: Openings,
    conversations: Vec<Conversation>,
    errands: BTreeMap<u64, Errand>,
    next: u64,
    sends: VecDeque<(SocketAddr, Vec<u8>)>,
    orders: VecDeque<InBandOrder>,
    news: VecDeque<News>,
}

impl Roads {
    /// One road to every BMC: a link where there is a login, else a ping. Links open at once, or soon if there are many.
    pub(super) fn new(
        now: Now,
        cluster: &Cluster,
        logins: Vec<Option<Login>>,
        own_guids: &Identity,
        random: &mut Random,
    ) -> Self {
        let all = (0..).map(ServerId).zip(logins);
        let places = all.filter_map(|(id, login)| place(now, cluster, id, login, own_guids, random));
        let places = Places::new(places);
        let mut roads = Self {
            openings: Openings::new(places.held()),
            places,
            conversations: Vec::new(),
            errands: BTreeMap::new(),
            next: 0,
            sends: VecDeque::new(),
            orders: VecDeque::new(),
            news: VecDeque::new(),
        };
        roads.settle(now);
        roads
    }

    /// The link to a server's BMC, in its present state.
    pub(super) fn status(&self, server: ServerId) -> Option<&Status> {
        self.places.get(server)?.road.status()
    }

    /// What a server's BMC must be.
    pub(super) fn expects(&self, server: ServerId) -> Option<&Identity> {
        self.places.get(server).map(|place| &place.origin.identity)
    }

    /// Begins to tell a server's BMC a phase; its end is news.
    pub(super) fn tell(&mut self, now: Now, server: ServerId, owner: Owner, phase: Phase, telling: Telling) {
        self.converse(now, server, owner, Talk::Telling(telling, phase));
    }

    /// Begins to ask a server's BMC for a test alert; whether it sends one is news.
    pub(super) fn drill(&mut self, now: Now, server: ServerId, asking: Asking) {
        self.converse(now, server, Owner::Drill, Talk::Asking(asking));
    }

    /// Asks what became of the test alert; that is news.
    pub(super) fn look_at_drill(&mut self, now: Now, server: ServerId, looking: Looking) {
        self.converse(now, server, Owner::Drill, Talk::Looking(looking));
    }

    /// Asks how full a server's event log is, unless that is being asked already; it is news.
    pub(super) fn look_at_fill(&mut self, now: Now, server: ServerId, filling: Filling) {
        if !self.talks(Owner::Fill) {
            self.converse(now, server, Owner::Fill, Talk::Filling(filling));
        }
    }

    /// Says once that we live; the answer is news.
    pub(super) fn keep_alive(&mut self, now: Now, server: ServerId, request: Request) {
        let ticket = self.ticket(Errand::KeepAlive);
        if !self.road(server).is_some_and(|road| road.submit(now, ticket, Urgency::Normal, request)) {
            self.errands.remove(&ticket.0);
        }
        self.settle(now);
    }

    /// Says something at once, so that a link that is down is opened.
    pub(super) fn wake(&mut self, now: Now, server: ServerId, request: Request) {
        let ticket = self.ticket(Errand::Nobody);
        if !self.road(server).is_some_and(|road| road.submit(now, ticket, Urgency::Urgent, request)) {
            self.errands.remove(&ticket.0);
        }
        self.settle(now);
    }

    /// The road to a server's BMC, to do something with it; `settle` is to follow, or `rest`.
    fn road(&mut self, server: ServerId) -> Option<&mut Road> {
        self.places.touch(server)
    }

    /// Orders a chassis action, once; its effect is news.
    pub(super) fn order(&mut self, now: Now, server: ServerId, owner: Owner, action: AfterEnded) {
        if let Some(control) = chassis::control(action) {
            let order = Order::new(control, now.boottime + LOOK);
            self.converse(now, server, owner, Talk::Order(order));
        }
    }

    /// Begins to read a BMC's log; what was read is news.
    pub(super) fn read(&mut self, now: Now, server: ServerId, reading: Box<Reading>, urgency: Urgency) {
        self.converse(now, server, Owner::Witness, Talk::Reading(reading, urgency));
    }

    /// Begins to read what a BMC calls its sensors; that is news.
    pub(super) fn read_names(&mut self, now: Now, server: ServerId, reading: NameReading) {
        self.converse(now, server, Owner::Names, Talk::Names(Box::new(reading)));
    }

    /// Asks the heartbeat's question; the answer is news. Where there is no session it is a ping, whatever the question.
    pub(super) fn ask(&mut self, now: Now, server: ServerId, question: Question) {
        let request = match question {
            Question::Pulse => Request::new(GET_WATCHDOG, []),
            Question::Power | Question::Ping => Request::new(CHASSIS_STATUS, []),
        };
        let ticket = self.ticket(Errand::Heartbeat(server, question));
        let road = self.road(server);
        // The answer to a ping bears no ticket.
        if !road.is_some_and(|road| !road.ping(now) && road.submit(now, ticket, Urgency::Normal, request)) {
            self.errands.remove(&ticket.0);
        }
        self.settle(now);
    }

    /// Says something to a server's watchdog; the answer is news.
    pub(super) fn feed(&mut self, now: Now, server: ServerId, request: Request) {
        let ticket = self.ticket(Errand::Pulse);
        if !self.road(server).is_some_and(|road| road.submit(now, ticket, Urgency::Normal, request)) {
            self.errands.remove(&ticket.0);
            self.news.push_back(News::Fed(Err(Failure::NoLogin)));
        }
        self.settle(now);
    }

    /// The owner has something more urgent to say: what it is saying now has little time left.
    pub(super) fn hasten(&mut self, now: Now, owner: Owner) {
        let end = now.boottime + LAST_CHANCE;
        for conversation in self.conversations.iter_mut().filter(|c| c.owner == owner) {
            conversation.end = Some(conversation.end.map_or(end, |earlier| earlier.min(end)));
        }
    }

    /// Drops every conversation of `owner`; it hears no more of them.
    pub(super) fn forget(&mut self, owner: Owner) {
        let (dropped, kept) = core::mem::take(&mut self.conversations).into_iter().partition(|c| c.owner == owner);
        self.conversations = kept;
        let dropped: Vec<Conversation> = dropped;
        for Conversation { server, asked, .. } in dropped {
            if let Some(ticket) = asked {
                self.withdraw(server, ticket);
                self.errands.remove(&ticket.0);
            }
        }
    }

    /// Whether the link had not sent it yet. What is on its way is answered to nobody.
    fn withdraw(&mut self, server: ServerId, ticket: Ticket) -> bool {
        let withdrawn = self.road(server).is_some_and(|road| road.withdraw(ticket));
        self.places.rest(server);
        withdrawn
    }

    /// Drops the chassis commands that a link has not sent yet, and says whose they were.
    pub(super) fn take_orders_back(&mut self) -> Vec<Owner> {
        let is_order = |c: &&Conversation| matches!(c.talk, Talk::Order(_));
        let owners: Vec<Owner> = self.conversations.iter().filter(is_order).map(|c| c.owner).collect();
        owners.iter().for_each(|owner| self.forget(*owner));
        owners
    }

    /// Takes back the chassis commands that no BMC has got yet, and says whose they were: nothing forbids to give them
    /// later. One that may be on its way stays as it is.
    pub(super) fn hold_orders(&mut self) -> Vec<Owner> {
        let mut held = Vec::new();
        for conversation in core::mem::take(&mut self.conversations) {
            let waits = matches!(&conversation.talk, Talk::Order(order) if order.is_unanswered());
            let asked = conversation.asked;
            let back = waits && asked.is_none_or(|ticket| self.withdraw(conversation.server, ticket));
            if !back {
                self.conversations.push(conversation);
                continue;
            }
            if let Some(ticket) = asked {
                self.errands.remove(&ticket.0);
            }
            held.push(conversation.owner);
        }
        held
    }

    /// Whether `owner` is still talking.
    pub(super) fn talks(&self, owner: Owner) -> bool {
        self.conversations.iter().any(|conversation| conversation.owner == owner)
    }

    /// Closes every session.
    pub(super) fn stop(&mut self, now: Now) {
        for server in self.places.servers() {
            if let Some(road) = self.road(server) {
                road.stop(now);
            }
        }
        self.settle(now);
    }

    /// A datagram came; false when it is from no BMC of ours.
    pub(super) fn handle_datagram(&mut self, now: Now, from: SocketAddr, bytes: &[u8]) -> bool {
        let Some(road) = self.places.at(from).and_then(|server| self.places.touch(server)) else { return false };
        road.handle_datagram(now, bytes);
        self.settle(now);
        true
    }

    /// Something was heard of the own BMC's device.
    pub(super) fn handle_in_band(&mut self, now: Now, event: inband::Event) {
        if let Some(road) = self.places.own().and_then(|server| self.places.touch(server)) {
            road.handle_in_band(now, event);
            self.settle(now);
        }
    }

    /// We slept for so long, and hear of it before anything else.
    pub(super) fn slept(&mut self, for_so_long: Duration) {
        for server in self.places.servers() {
            if let Some(road) = self.places.touch(server) {
                road.slept(for_so_long);
            }
        }
    }

    /// Time passed.
    pub(super) fn handle_timeout(&mut self, now: Now) {
        while let Some(server) = self.places.poll_due(now.boottime) {
            if let Some(road) = self.road(server) {
                road.handle_timeout(now);
            }
        }
        self.settle(now);
    }

    /// When `handle_timeout` wants to be called.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let roads = self.places.next_deadline();
        let waits = self.conversations.iter().filter(|c| c.asked.is_none()).filter_map(|c| c.wake);
        let ends = self.conversations.iter().filter_map(|c| c.end);
        roads.into_iter().chain(self.openings.next_deadline()).chain(waits).chain(ends).min()
    }

    /// The next datagram to send.
    pub(super) fn poll_send(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.sends.pop_front()
    }

    /// The next thing to do with the own BMC's device.
    pub(super) fn poll_order(&mut self) -> Option<InBandOrder> {
        self.orders.pop_front()
    }

    /// The next news.
    pub(super) fn poll_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    fn converse(&mut self, now: Now, server: ServerId, owner: Owner, talk: Talk) {
        self.next += 1;
        let id = self.next;
        self.conversations.push(Conversation { id, server, owner, talk, asked: None, wake: None, end: None });
        self.settle(now);
    }

    fn ticket(&mut self, errand: Errand) -> Ticket {
        self.next += 1;
        self.errands.insert(self.next, errand);
        Ticket(self.next)
    }
}
