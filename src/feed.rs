//! Where dispatch gets its deliveries from: the caller's own thread, or the library's.
//!
//! Below `context` and above `plant`: it owns the library's thread, and the queue between
//! that thread and dispatch. Its input is readiness.

use crate::config::native::MAX_MONITORS;
use crate::engine::{Delivery, Engine, Refusal};
use crate::io::{
    reactor::Reactor,
    sockets::{Numbers, Sockets},
    store::Store,
    sys::{Epoll, Event},
    thread,
};
use crate::model::{Error, Mode};
use crate::now::Now;
use crate::plant::{Plant, Reload};
use crate::setup::Site;
use crate::words::{Answer, Class};
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use std::thread::JoinHandle;

/// Limit: deliveries between the library's thread and dispatch; more are dropped and counted.
/// Recoveries have a queue of their own with a place for every monitor, so that none is ever dropped.
const QUEUE_DELIVERIES: usize = 1024;
/// Limit: of these, so many may be there for a notice that is not fatal to be added: the rest is for what matters more.
const QUEUE_SMALL: usize = 512;
/// The source of deliveries, in the mode chosen at creation.
pub struct Feed {
    pub plant: Arc<Plant>,
    side: Side,
    /// Readable for ever once raised: ends `run`.
    halt: Event,
    /// The descriptors that stay the same for life.
    descriptors: Vec<RawFd>,
    /// The journal's, which changes when the journal is compacted.
    journal: Arc<AtomicI32>,
    /// The sockets', which a reload may change.
    sockets: Numbers,
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
        let small = matches!(&delivery, Delivery::Notice(heard) if heard.notice.class != Class::Fatal);
        if small && self.others.len() >= QUEUE_SMALL {
            plant.dropped.fetch_add(1, SeqCst);
            return;
        }
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
        setup.troubles.extend(sockets.short_queue());
        setup.maintenance = store.maintenance();
        if setup.maintenance {
            setup.troubles.push("maintenance is ON, as it was before this start: recoveries are held".into());
        }
        let reactor = Reactor::new(sockets, store, setup, &epoll, &wake)?;
        let mut descriptors = vec![epoll.raw(), wake.as_fd().as_raw_fd(), halt.as_fd().as_raw_fd()];
        descriptors.extend(reactor.descriptors());
        let (journal, sockets) = (reactor.journal_descriptor(), reactor.numbers());
        let plant = Arc::new(Plant::new(reactor, site, epoll, wake));
        let side = match mode {
            Mode::Loop => {
                plant.epoll.add(&halt)?;
                Side::Loop { backlog: Mutex::default() }
            }
            Mode::Thread => {
                let (recoveries, recoveries_out) = bounded(MAX_MONITORS);
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
        Ok(Self { plant, side, halt, descriptors, journal, sockets })
    }

    /// Every descriptor of the context, for a forked child to close. Takes no lock: the thread that held it
    /// is not there in the child.
    pub fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        let moving = self.sockets.iter().chain([&*self.journal]).map(|fd| fd.load(SeqCst));
        self.descriptors.iter().copied().chain(moving.filter(|&fd| fd >= 0))
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
        self.plant.is_due(token)
    }

    /// The application's answer to a recovery; what follows from it is done before this returns.
    pub fn answer(&self, token: u64, answer: Answer) -> Result<(), Error> {
        self.act(|plant, out| plant.answer(token, answer, out))
    }

    /// Takes over another configuration; what follows from it is done before this returns.
    pub fn reload(&self, site: Site) -> Result<Reload, Error> {
        self.act(|plant, out| plant.reload(site, out))
    }

    /// An order of the operator about a record.
    pub fn order(&self, order: impl FnOnce(&mut Engine, Now) -> Result<(), Refusal>) -> Result<(), Error> {
        self.act(|plant, out| plant.order(order, out))
    }

    /// Switches maintenance, and writes that down. An error says that only the latter failed.
    pub fn set_maintenance(&self, on: bool) -> Result<(), Error> {
        self.act(|plant, out| plant.set_maintenance(on, out))
    }

    /// Does something at the reactor, from any thread, and sees to what it delivers.
    fn act<T>(&self, body: impl FnOnce(&Plant, &mut dyn FnMut(Delivery)) -> T) -> T {
        match &self.side {
            Side::Loop { backlog } => {
                let done = body(&self.plant, &mut |delivery| backlog.lock().push_back(delivery));
                if !backlog.lock().is_empty() {
                    self.plant.wake.raise(); // dispatch may be asleep
                }
                done
            }
            Side::Thread { outlet, .. } => body(&self.plant, &mut |delivery| outlet.offer(&self.plant, delivery)),
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
        let mut any = false;
        let pumped = plant.pump(&mut |delivery| {
            any = true;
            outlet.offer(plant, delivery);
        });
        if let Err(error) = pumped {
            *outlet.trouble.lock() = Some(error);
            outlet.ready.raise();
        }
        // Whoever waits for a delivery may wait for this core, and what is left can wait.
        if any {
            std::thread::yield_now();
        }
        plant.finish();
    }
    if plant.broken().is_some() {
        outlet.ready.raise(); // whoever struck last: the host is to look
    }
    plant.leave();
}
