//! Where dispatch gets its deliveries from: the caller's own thread, or the library's.
//!
//! Below `context` and above `io`: it owns the reactor, the library's thread, and the queue between
//! that thread and dispatch. Its input is readiness.

use crate::config::model::Cluster;
use crate::config::native::MAX_MONITORS;
use crate::engine::{Delivery, Engine, Line, PeerStatus, Refusal, Statistics};
use crate::io::{
    reactor::{Numbers, Reactor, Sockets, moment},
    store::Store,
    sys::{Epoll, Event},
    thread,
};
use crate::model::{Error, Mode};
use crate::now::Now;
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

/// A configuration that is about to be taken over.
struct Next {
    site: Site,
    beside: Sockets,
    rebind: bool,
}

/// What came of a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// The new configuration holds.
    Done,
    /// It will as soon as no recovery is under way.
    Later,
}

/// The reactor with its safety net; in thread mode both threads hold it.
pub struct Plant {
    reactor: Mutex<Reactor>,
    /// Locked after the reactor, if both are.
    site: Mutex<Site>,
    /// A reload that waits for a recovery's end. Locked after the reactor, too.
    next: Mutex<Option<Next>>,
    listen: Mutex<Option<SocketAddr>>,
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
            let mut reactor = self.reactor.lock();
            reactor.pump(&mut |delivery| {
                if let Delivery::Peer(status) = &delivery {
                    self.show_one(status);
                }
                out(delivery);
            });
            self.turn_over_at_last(&mut reactor, out);
        })
        .map_err(|report| self.strike(report))
    }

    /// Takes over another configuration, now or when the last recovery has ended. An error has changed nothing.
    fn reload(&self, mut site: Site, out: &mut dyn FnMut(Delivery)) -> Result<Reload, Error> {
        shield::catch(|| {
            let mut reactor = self.reactor.lock();
            reactor.order(|_, _| (), out); // what is waiting to be written is, before anyone asks whether it waits
            let mut next = self.next.lock();
            let rebind = {
                let held = self.site.lock();
                if (held.hot(), held.disk()) != (site.hot(), site.disk()) {
                    return Err(Error::invalid(
                        "the journal's folders cannot be changed by a reload: nothing was changed; restart for that",
                    ));
                }
                site.same_boot(&held);
                held.listen() != site.listen()
            };
            // A reload that still waits may have bound the same address already.
            let bound = next.as_ref().is_some_and(|next| next.rebind && next.site.listen() == site.listen());
            let mut beside = reactor
                .sockets()
                .beside(rebind && !bound, site.listen(), &site.bmcs())
                .map_err(|error| site.explain_bind(error))?;
            if let Some(former) = next.take().filter(|_| bound) {
                beside.keep_traps(former.beside);
            }
            beside.show_waiting(&reactor.numbers());
            *next = Some(Next { site, beside, rebind });
            drop(next);
            if let Some(why) = reactor.engine().reload_waits_for() {
                out(Delivery::Log(Line::warning(format!(
                    "the configuration is taken over later: a reload waits for {why}"
                ))));
                return Ok(Reload::Later);
            }
            self.turn_over(&mut reactor, out).map(|()| Reload::Done)
        })
        .unwrap_or_else(|report| Err(self.strike(report)))
    }

    /// Takes over the configuration that waits, if there is one and its time has come. It fails if the system
    /// gives no randomness, or no place in the epoll set; the old configuration holds then.
    fn turn_over(&self, reactor: &mut Reactor, out: &mut dyn FnMut(Delivery)) -> Result<(), Error> {
        let mut next = self.next.lock();
        if next.is_none() || reactor.engine().reload_waits_for().is_some() {
            return Ok(());
        }
        let Some(Next { site, beside, rebind }) = next.take() else { return Ok(()) };
        drop(next);
        let setup = site.setup(&[])?;
        reactor.reload(setup, beside, rebind, &self.epoll, out)?;
        *self.listen.lock() = reactor.listen();
        *self.site.lock() = site;
        self.show(reactor);
        Ok(())
    }

    /// The same, when nobody waits for its result.
    fn turn_over_at_last(&self, reactor: &mut Reactor, out: &mut dyn FnMut(Delivery)) {
        if let Err(error) = self.turn_over(reactor, out) {
            let text = format!("the reload failed, the old configuration holds: {error}");
            out(Delivery::Log(Line::error(text)));
        }
    }

    /// Carries out an order of the operator.
    fn order(
        &self,
        order: impl FnOnce(&mut Engine, Now) -> Result<(), Refusal>,
        out: &mut dyn FnMut(Delivery),
    ) -> Result<(), Error> {
        shield::catch(|| {
            let mut reactor = self.reactor.lock();
            let done = reactor.order(order, out);
            self.turn_over_at_last(&mut reactor, out);
            done.map_err(|refusal| match refusal {
                Refusal::NoSuchRecord => Error::Stale,
                Refusal::NotHeld | Refusal::TooLate | Refusal::Runs => Error::invalid(refusal.to_string()),
            })
        })
        .unwrap_or_else(|report| Err(self.strike(report)))
    }

    fn set_maintenance(&self, on: bool, out: &mut dyn FnMut(Delivery)) -> Result<(), Error> {
        let written = shield::catch(|| {
            let mut reactor = self.reactor.lock();
            let written = reactor.write_maintenance(on);
            reactor.order(|engine, now| engine.set_maintenance(now, on), out);
            written
        });
        written.map_err(|report| self.strike(report))?.map_err(|error| {
            let word = if on { "on" } else { "off" };
            Error::Io(
                format!("maintenance is {word} now, but will not be after a restart: it cannot be written down"),
                error,
            )
        })
    }

    /// Whether maintenance is on.
    pub fn maintenance(&self) -> bool {
        self.reactor.lock().engine().maintenance()
    }

    /// What the operator wrote, as it holds now.
    pub fn cluster(&self) -> Arc<Cluster> {
        self.site.lock().cluster().clone()
    }

    /// Where traps are received.
    pub fn listen(&self) -> Option<SocketAddr> {
        *self.listen.lock()
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
        shield::catch(|| {
            let mut reactor = self.reactor.lock();
            let answered = reactor.answer(token, answer, out).map_err(|_| Error::Stale);
            self.turn_over_at_last(&mut reactor, out);
            answered
        })
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
            self.site.lock().setup(&replayed).map(|setup| reactor.rebuild(setup))
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
        setup.maintenance = store.maintenance();
        if setup.maintenance {
            setup.troubles.push("maintenance is ON, as it was before this start: recoveries are held".into());
        }
        let reactor = Reactor::new(sockets, store, setup, &epoll, &wake)?;
        let listen = Mutex::new(reactor.listen());
        let mut descriptors = vec![epoll.raw(), wake.as_fd().as_raw_fd(), halt.as_fd().as_raw_fd()];
        descriptors.extend(reactor.descriptors());
        let (journal, sockets) = (reactor.journal_descriptor(), reactor.numbers());
        let plant = Arc::new(Plant {
            reactor: Mutex::new(reactor),
            site: Mutex::new(site),
            next: Mutex::default(),
            listen,
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
        self.plant.reactor.lock().engine().is_due(token)
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
