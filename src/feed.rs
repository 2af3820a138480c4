//! Where dispatch gets its deliveries from: the caller's own thread, or the library's.
//!
//! Below `context` and above `io`: it owns the reactor, the library's thread, and the queue between
//! that thread and dispatch. Its input is readiness.

use crate::engine::{Delivery, PeerStatus, Statistics};
use crate::io::{
    reactor::{Reactor, Sockets, moment},
    store::Store,
    sys::{Epoll, Event},
    thread,
};
use crate::model::{Error, Mode};
use crate::setup::Site;
use crate::shield;
use crate::words::Answer;
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU64, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::Duration;

/// Limit: deliveries between the library's thread and dispatch; more are dropped and counted.
/// Recoveries have a queue of their own with a place for every monitor, so that none is ever dropped.
const QUEUE_DELIVERIES: usize = 1024;
/// Limit: how long a closing context says goodbye to its BMCs.
const GOODBYE: Duration = Duration::from_secs(1);
/// How often it looks whether it has been heard.
const GOODBYE_STEP: Duration = Duration::from_millis(1);
/// So many panics break a context.
const BROKEN: u8 = 2;

/// The reactor with its safety net; in thread mode both threads hold it.
pub struct Plant {
    reactor: Mutex<Reactor>,
    site: Site,
    epoll: Epoll,
    /// In loop mode: raised while the backlog is not empty. In thread mode: look at `stopped`.
    wake: Event,
    strikes: AtomicU8,
    report: Mutex<String>,
    dropped: AtomicU64,
    stopped: AtomicBool,
    /// What the heartbeat says, for readers who must not wait for the reactor.
    peers: Mutex<Vec<PeerStatus>>,
}

impl Plant {
    fn pump(&self, out: &mut dyn FnMut(Delivery)) -> Result<(), Error> {
        shield::catch(|| {
            // Who is told of a change and asks must not find the old state.
            self.reactor.lock().pump(&mut |delivery| {
                if let Delivery::Peer(status) = &delivery {
                    self.show_one(status);
                }
                out(delivery);
            });
        })
        .map_err(|report| self.strike(report))
    }

    /// What can wait until the application was called.
    fn finish(&self) {
        let finished = shield::catch(|| {
            let mut reactor = self.reactor.lock();
            reactor.finish();
            self.show(&reactor);
        });
        if let Err(report) = finished {
            self.strike(report); // the next call tells
        }
    }

    fn answer(&self, token: u64, answer: Answer, out: &mut dyn FnMut(Delivery)) -> Result<(), Error> {
        shield::catch(|| self.reactor.lock().answer(token, answer, out).map_err(|_| Error::Stale))
            .unwrap_or_else(|report| Err(self.strike(report)))
    }

    fn show_one(&self, status: &PeerStatus) {
        if let Some(shown) = self.peers.lock().iter_mut().find(|shown| shown.server == status.server) {
            shown.clone_from(status);
        }
    }

    fn show(&self, reactor: &Reactor) {
        reactor.engine().peers(&mut self.peers.lock());
    }

    /// A panic was caught: the first rebuilds the engine from its journal, the second breaks the context.
    pub fn strike(&self, report: String) -> Error {
        *self.report.lock() = report.clone();
        let second = self.strikes.fetch_add(1, SeqCst) > 0;
        if !second && self.rebuild() {
            return Error::Panicked(report);
        }
        self.strikes.store(BROKEN, SeqCst);
        self.wake.raise(); // for good: the host is to look, and the library's thread to end
        Error::Broken(report)
    }

    /// What is wrong with the journal's content would be wrong again: a panic here is no third chance.
    fn rebuild(&self) -> bool {
        let rebuilt = shield::catch(|| {
            let mut reactor = self.reactor.lock();
            let replayed = reactor.journal();
            self.site.setup(&replayed).map(|setup| reactor.rebuild(setup))
        });
        matches!(rebuilt, Ok(Ok(())))
    }

    /// The error that every call returns once the context is broken.
    pub fn broken(&self) -> Option<Error> {
        (self.strikes.load(SeqCst) >= BROKEN).then(|| Error::Broken(self.report.lock().clone()))
    }

    /// What was counted.
    pub fn statistics(&self) -> Statistics {
        let reactor = self.reactor.lock();
        let mut statistics = reactor.engine().statistics().clone();
        statistics.unsent = reactor.unsent();
        statistics.undelivered = self.dropped.load(SeqCst);
        statistics
    }

    /// What the heartbeat says of every server.
    pub fn peers(&self) -> Vec<PeerStatus> {
        self.peers.lock().clone()
    }

    /// Says goodbye to the BMCs, within a bounded time.
    fn leave(&self) {
        let end = moment().boottime + GOODBYE;
        let mut nobody = |_| {};
        let _ = shield::catch(|| {
            self.reactor.lock().stop(&mut nobody);
            while !self.reactor.lock().engine().stopped() && moment().boottime < end {
                std::thread::sleep(GOODBYE_STEP); // the set may stay readable for reasons of its own
                self.reactor.lock().pump(&mut nobody);
            }
            self.reactor.lock().hang_up(&mut nobody);
        });
    }
}

/// The source of deliveries, in the mode chosen at creation.
pub struct Feed {
    pub plant: Arc<Plant>,
    side: Side,
    pub listen: Option<SocketAddr>,
    /// Readable for ever once raised: ends `run`.
    halt: Event,
    /// The descriptors that stay the same for life.
    descriptors: Vec<RawFd>,
    /// The journal's, which changes when the journal is compacted.
    journal: Arc<AtomicI32>,
}

enum Side {
    Loop { backlog: Mutex<VecDeque<Delivery>> },
    Thread { outlet: Arc<Outlet>, queue: Queue, epoll: Epoll, thread: Option<JoinHandle<()>> },
}

/// The reading end between the library's thread and dispatch.
struct Queue {
    recoveries: Receiver<Delivery>,
    others: Receiver<Delivery>,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.recoveries.is_empty() && self.others.is_empty()
    }
}

/// What the library's thread shows to dispatch, and its end of the queue.
struct Outlet {
    ready: Event,
    trouble: Mutex<Option<Error>>,
    recoveries: Sender<Delivery>,
    others: Sender<Delivery>,
    /// The recoveries that nobody fetched: a monitor has one at a time, so in a full queue the oldest is over.
    unfetched: Receiver<Delivery>,
}

impl Outlet {
    fn offer(&self, plant: &Plant, delivery: Delivery) {
        let recovery = matches!(delivery, Delivery::Recover(_));
        let channel = if recovery { &self.recoveries } else { &self.others };
        while recovery && channel.is_full() && self.unfetched.try_recv().is_ok() {
            plant.dropped.fetch_add(1, SeqCst);
        }
        match channel.try_send(delivery) {
            // The length is asked after sending: asked before, a wake-up could be lost.
            Ok(()) if channel.len() == 1 => self.ready.raise(),
            Ok(()) => {}
            Err(_) => drop(plant.dropped.fetch_add(1, SeqCst)),
        }
    }
}

impl Feed {
    pub fn new(site: Site, mode: Mode) -> Result<Self, Error> {
        let (epoll, wake, halt) = (Epoll::new()?, Event::new()?, Event::new()?);
        let sockets = Sockets::bind(site.listen(), &site.bmcs()).map_err(|error| {
            let error = site.explain_bind(error);
            site.tell_not_started(&error);
            error
        })?;
        let (store, replayed, troubles) = Store::open(site.hot(), site.disk());
        let mut setup = site.setup(&replayed)?;
        setup.troubles.extend(troubles);
        let monitors = setup.cluster.monitors.len();
        let reactor = Reactor::new(sockets, store, setup, &epoll, &wake)?;
        let listen = reactor.listen();
        let mut descriptors = vec![epoll.raw(), wake.as_fd().as_raw_fd(), halt.as_fd().as_raw_fd()];
        descriptors.extend(reactor.descriptors());
        let journal = reactor.journal_descriptor();
        let plant = Arc::new(Plant {
            reactor: Mutex::new(reactor),
            site,
            epoll,
            wake,
            strikes: AtomicU8::new(0),
            report: Mutex::default(),
            dropped: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            peers: Mutex::default(),
        });
        plant.show(&plant.reactor.lock());
        let side = match mode {
            Mode::Loop => {
                plant.epoll.add(&halt)?;
                Side::Loop { backlog: Mutex::default() }
            }
            Mode::Thread => {
                let (recoveries, recoveries_out) = bounded(monitors.max(1));
                let (others, others_out) = bounded(QUEUE_DELIVERIES);
                let unfetched = recoveries_out.clone();
                let outlet =
                    Arc::new(Outlet { ready: Event::new()?, trouble: Mutex::default(), recoveries, others, unfetched });
                let epoll = Epoll::new()?;
                epoll.add(&outlet.ready)?;
                epoll.add(&halt)?;
                descriptors.extend([epoll.raw(), outlet.ready.as_fd().as_raw_fd()]);
                let (works, out) = (plant.clone(), outlet.clone());
                let thread = Some(thread::spawn(move || work(&works, &out))?);
                Side::Thread { outlet, queue: Queue { recoveries: recoveries_out, others: others_out }, epoll, thread }
            }
        };
        Ok(Self { plant, side, listen, halt, descriptors, journal })
    }

    /// Every descriptor of the context, for a forked child to close. Takes no lock: the thread that held it
    /// is not there in the child.
    pub fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        let journal = Some(self.journal.load(SeqCst)).filter(|&fd| fd >= 0);
        self.descriptors.iter().copied().chain(journal)
    }

    /// The descriptor to poll, the same for life.
    pub fn epoll(&self) -> &Epoll {
        match &self.side {
            Side::Loop { .. } => &self.plant.epoll,
            Side::Thread { epoll, .. } => epoll,
        }
    }

    /// The next delivery, without blocking.
    pub fn next(&self) -> Result<Option<Delivery>, Error> {
        match &self.side {
            Side::Loop { backlog } => {
                if backlog.lock().is_empty() {
                    self.plant.pump(&mut |delivery| backlog.lock().push_back(delivery))?;
                }
                Ok(backlog.lock().pop_front())
            }
            Side::Thread { outlet, queue, .. } => match outlet.trouble.lock().take() {
                Some(error) => Err(error),
                None => Ok(queue.recoveries.try_recv().or_else(|_| queue.others.try_recv()).ok()),
            },
        }
    }

    /// Whether the token's recovery still waits for its answer.
    pub fn is_due(&self, token: u64) -> bool {
        self.plant.reactor.lock().engine().is_due(token)
    }

    /// The application's answer to a recovery; what follows from it is done before this returns.
    pub fn answer(&self, token: u64, answer: Answer) -> Result<(), Error> {
        match &self.side {
            Side::Loop { backlog } => {
                let answered = self.plant.answer(token, answer, &mut |delivery| backlog.lock().push_back(delivery));
                if !backlog.lock().is_empty() {
                    self.plant.wake.raise(); // from any thread: dispatch may be asleep
                }
                answered
            }
            Side::Thread { outlet, .. } => {
                self.plant.answer(token, answer, &mut |delivery| outlet.offer(&self.plant, delivery))
            }
        }
    }

    /// Ends `run`, now or when it is next entered. Any thread, and inside a signal handler.
    pub fn halt(&self) {
        self.halt.raise();
    }

    /// `run` has seen it.
    pub fn resume(&self) {
        self.halt.lower();
    }

    /// Before a dispatch. The flag is lowered before the queue is read, never after: what arrives
    /// in between raises it again.
    pub fn begin(&self) {
        if let Side::Thread { outlet, .. } = &self.side {
            outlet.ready.lower();
        }
    }

    /// After a dispatch: readable while anything is undelivered. The kernel no longer knows of what
    /// we took from the socket, so this is ours to say.
    pub fn settle(&self) {
        match &self.side {
            Side::Loop { backlog } => {
                self.plant.finish();
                match backlog.lock().is_empty() && self.plant.broken().is_none() {
                    true => self.plant.wake.lower(),
                    false => self.plant.wake.raise(),
                }
            }
            Side::Thread { outlet, queue, .. } => {
                if !queue.is_empty() || outlet.trouble.lock().is_some() || self.plant.broken().is_some() {
                    outlet.ready.raise();
                }
            }
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        match &mut self.side {
            Side::Loop { .. } => self.plant.leave(),
            Side::Thread { thread, .. } => {
                self.plant.stopped.store(true, SeqCst);
                self.plant.wake.raise();
                thread.take().map(JoinHandle::join);
            }
        }
    }
}

/// The library's thread.
fn work(plant: &Plant, outlet: &Outlet) {
    while !plant.stopped.load(SeqCst) && plant.broken().is_none() {
        plant.epoll.wait(None);
        if let Err(error) = plant.pump(&mut |delivery| outlet.offer(plant, delivery)) {
            *outlet.trouble.lock() = Some(error);
            outlet.ready.raise();
        }
        plant.finish();
    }
    if plant.broken().is_some() {
        outlet.ready.raise(); // whoever struck last: the host is to look
    }
    plant.leave();
}
