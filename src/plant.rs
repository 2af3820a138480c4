//! The reactor with its safety net: a defect is caught, the engine made anew from the journal, once.
//!
//! Below `feed`, which decides whose thread pumps it. It also takes over another configuration and carries out
//! the operator's orders, so that both find the reactor at rest.

mod overview;
mod shown;

pub use overview::Overview;
pub use shown::Watched;

use crate::config::model::Cluster;
use crate::engine::{Delivery, Drill, Engine, Line, PeerStatus, Refusal, Statistics};
use crate::io::{
    reactor::{Reactor, moment},
    sockets::Sockets,
    sys::{Epoll, Event},
};
use crate::model::Error;
use crate::now::Now;
use crate::setup::Site;
use crate::shield;
use crate::words::Answer;
use parking_lot::Mutex;
use shown::Shown;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

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
    pub(crate) epoll: Epoll,
    /// In loop mode: raised while the backlog is not empty. In thread mode: look at `stopped`.
    pub(crate) wake: Event,
    strikes: AtomicU8,
    report: Mutex<String>,
    pub(crate) dropped: AtomicU64,
    pub(crate) stopped: AtomicBool,
    /// What the heartbeat says, for readers who must not wait for the reactor. Locked after it, if both are.
    shown: Mutex<Shown>,
}

impl Plant {
    /// At rest; whoever holds `wake` ends a wait in `epoll`.
    pub fn new(reactor: Reactor, site: Site, epoll: Epoll, wake: Event) -> Self {
        let plant = Self {
            listen: Mutex::new(reactor.listen()),
            reactor: Mutex::new(reactor),
            site: Mutex::new(site),
            next: Mutex::default(),
            epoll,
            wake,
            strikes: AtomicU8::new(0),
            report: Mutex::default(),
            dropped: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            shown: Mutex::default(),
        };
        plant.show(&plant.reactor.lock());
        plant
    }

    /// Whether the token's recovery still waits for its answer.
    pub fn is_due(&self, token: u64) -> bool {
        self.reactor.lock().engine().is_due(token)
    }

    pub fn pump(&self, out: &mut dyn FnMut(Delivery)) -> Result<(), Error> {
        shield::catch(|| {
            // Who is told of a change and asks must not find the old state.
            let mut reactor = self.reactor.lock();
            reactor.pump(&mut |delivery| {
                if let Delivery::Peer(status) = &delivery {
                    self.shown.lock().change(status);
                }
                out(delivery);
            });
            self.turn_over_at_last(&mut reactor, out);
        })
        .map_err(|report| self.strike(report))
    }

    /// Takes over another configuration, now or when the last recovery has ended. An error has changed nothing.
    pub fn reload(&self, mut site: Site, out: &mut dyn FnMut(Delivery)) -> Result<Reload, Error> {
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
    pub fn turn_over(&self, reactor: &mut Reactor, out: &mut dyn FnMut(Delivery)) -> Result<(), Error> {
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
    pub fn turn_over_at_last(&self, reactor: &mut Reactor, out: &mut dyn FnMut(Delivery)) {
        if let Err(error) = self.turn_over(reactor, out) {
            let text = format!("the reload failed, the old configuration holds: {error}");
            out(Delivery::Log(Line::error(text)));
        }
    }

    /// Carries out an order of the operator.
    pub fn order(
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
                Refusal::NotHeld | Refusal::TooLate | Refusal::Runs | Refusal::NoDrill(_) => {
                    Error::invalid(refusal.to_string())
                }
            })
        })
        .unwrap_or_else(|report| Err(self.strike(report)))
    }

    /// How the drill stands.
    pub fn drill_status(&self) -> Drill {
        self.reactor.lock().engine().drill_status()
    }

    /// What has become of our own pulse, in words; none: it is not fed, or nothing is known yet.
    pub fn pulse(&self) -> Option<String> {
        self.reactor.lock().engine().pulse().map(|note| note.to_string())
    }

    pub fn set_maintenance(&self, on: bool, out: &mut dyn FnMut(Delivery)) -> Result<(), Error> {
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
    pub fn finish(&self) {
        let finished = shield::catch(|| {
            let mut reactor = self.reactor.lock();
            reactor.finish();
            self.show_touched(&mut reactor);
        });
        if let Err(report) = finished {
            self.strike(report); // the next call tells
        }
    }

    pub fn answer(&self, token: u64, answer: Answer, out: &mut dyn FnMut(Delivery)) -> Result<(), Error> {
        shield::catch(|| {
            let mut reactor = self.reactor.lock();
            let answered = reactor.answer(token, answer, out).map_err(|_| Error::Stale);
            self.turn_over_at_last(&mut reactor, out);
            answered
        })
        .unwrap_or_else(|report| Err(self.strike(report)))
    }

    /// What is shown of a server changes as soon as something was learnt about it, and of no other.
    pub fn show_touched(&self, reactor: &mut Reactor) {
        let mut shown = self.shown.lock();
        while let Some(status) = reactor.take_touched() {
            shown.learn(status);
        }
    }

    pub fn show(&self, reactor: &Reactor) {
        let mut peers = Vec::new();
        reactor.engine().peers(&mut peers);
        self.shown.lock().set(peers);
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
    pub fn rebuild(&self) -> bool {
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
        let mut statistics = self.reactor.lock().statistics();
        statistics.undelivered = self.dropped.load(SeqCst);
        statistics
    }

    /// What the heartbeat says of every server.
    pub fn peers(&self) -> Vec<PeerStatus> {
        self.shown.lock().peers()
    }

    /// Says goodbye to the BMCs, within a bounded time.
    pub fn leave(&self) {
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
