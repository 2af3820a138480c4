//! Joins the descriptors to the engine: one epoll set, one pump.
//!
//! `pump` does what is due without blocking: BMC answers, timers and endings first, then traps, each
//! kind within a budget (one [`Batch`]), so that no flood keeps another from its turn. After every input all output of
//! the engine is performed, in order: what must be in the journal is there before anyone hears of it.
//! What can wait until the application was called (acknowledgements, the timer) is left to `finish`.
//!
//! Among ten thousand BMCs something is always due: the timer rests a moment after each time that it fired, so that
//! what is due meanwhile goes out together, with few system calls and warm caches.

mod outputs;

use super::action::Actions;
use super::intake::Intake;
use super::ipmidev::Slot;
use super::sockets::{Numbers, Sockets};
use super::store::{News, Store};
use super::sys::{Epoll, Event, Timer, now};
use super::udp::{self, Batch, Outbox};
use crate::engine::{Delivery, Engine, Line, PeerStatus, Setup, Stale, Statistics};
use crate::now::Now;
use crate::words::Answer;
use std::io::Result;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::AtomicI32;
use std::time::Duration;

/// A moment that is over: the timer fires.
const AT_ONCE: Duration = Duration::from_nanos(1);

/// Limit: for so long the timer does not fire again. Nobody waits for anything with a finer measure, and a probe may be
/// so late.
const REST: Duration = Duration::from_millis(4);

/// Limit: rounds in which a socket that is given up is read for the last time: more than its queue holds.
const LAST_ROUNDS: usize = 256;

/// Limit: further reads in one pump while the trap socket's queue is so full that the kernel is about to lose traps.
const CROWDED_ROUNDS: usize = 64;

/// Limit: messages that are taken from the own BMC's device in one pump.
const MESSAGES: usize = 16;

/// The engine with its descriptors.
#[derive(Debug)]
pub struct Reactor {
    sockets: Sockets,
    device: Slot,
    timer: Timer,
    armed: Option<Duration>,
    /// Before that the timer does not fire.
    rested: Duration,
    store: Store,
    actions: Actions,
    engine: Engine,
    intake: Intake,
    /// The application is too slow for what comes: whatever is not fatal is written down, but not handed to it.
    crowded: bool,
    shed: u64,
    /// The delivery before this one was among them.
    shed_last: bool,
    traps: Batch,
    answers: Batch,
    /// Questions to BMCs that go out together, over IPv4 and over IPv6.
    asks: [Outbox; 2],
    /// Acknowledgements: whoever waits for one waits for seconds, so they go after the deliveries.
    replies: Outbox,
    /// Whether `finish` has something to do.
    unfinished: bool,
    unsent: u64,
    numbers: Numbers,
}

impl Reactor {
    /// Adds the descriptors to `epoll` and starts the engine.
    pub fn new(sockets: Sockets, store: Store, setup: Setup, epoll: &Epoll, wake: &Event) -> Result<Self> {
        let timer = Timer::new()?;
        for socket in sockets.all() {
            epoll.add(socket)?;
        }
        epoll.add(&timer)?;
        epoll.add(wake)?;
        let actions = Actions::new(store.folder())?;
        epoll.add(actions.epoll())?;
        let device = Slot::new()?;
        epoll.add(device.set())?;
        let engine = Engine::new(now(), setup);
        // Readable from the start: the engine has something to say to the BMCs.
        timer.set(Some(AT_ONCE));
        let numbers = Numbers::new(std::array::from_fn(|_| AtomicI32::new(-1)));
        sockets.show(&numbers);
        Ok(Self {
            numbers,
            sockets,
            device,
            timer,
            armed: Some(AT_ONCE),
            rested: Duration::ZERO,
            store,
            actions,
            engine,
            intake: Intake::default(),
            crowded: false,
            shed: 0,
            shed_last: false,
            traps: Batch::default(),
            answers: Batch::default(),
            asks: Default::default(),
            replies: Outbox::default(),
            unfinished: false,
            unsent: 0,
        })
    }

    /// Where traps are received.
    pub fn listen(&self) -> Option<SocketAddr> {
        self.sockets.traps.as_ref().and_then(|socket| socket.local_addr().ok())
    }

    /// The sockets, for those who want some beside them.
    pub fn sockets(&self) -> &Sockets {
        &self.sockets
    }

    /// The sockets' descriptors, as they are now.
    pub fn numbers(&self) -> Numbers {
        self.numbers.clone()
    }

    /// Its descriptors that stay the same, for a forked child to close.
    pub fn descriptors(&self) -> Vec<RawFd> {
        let mut all = vec![self.timer.as_fd().as_raw_fd()];
        all.extend([self.actions.epoll().raw(), self.device.set().raw()]);
        all.extend(self.store.descriptors());
        all
    }

    /// The journal's descriptor, as it is now; negative: none. See [`Store::descriptor`].
    pub fn journal_descriptor(&self) -> Arc<AtomicI32> {
        self.store.descriptor()
    }

    /// The engine, to be read.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What the heartbeat says of a server about which something was learnt since this was asked last.
    pub fn take_touched(&mut self) -> Option<PeerStatus> {
        self.engine.take_touched()
    }

    /// What was counted, here and in the engine.
    pub fn statistics(&mut self) -> Statistics {
        let traps = self.sockets.traps.as_ref();
        let (filtered, overflowed) = self.intake.counts(traps);
        let (queue_asked, queue_granted) = traps.map_or((0, 0), udp::queue);
        let counted = self.engine.statistics().clone();
        let (unsent, shed) = (self.unsent, self.shed);
        Statistics { unsent, shed, filtered, overflowed, queue_asked, queue_granted, ..counted }
    }

    /// What the journal's storage counted.
    pub fn storage(&self) -> super::store::Stats {
        self.store.stats()
    }

    /// Does what is due without blocking, and hands every delivery to `out`; `finish` is to follow, once
    /// the application was called.
    pub fn pump(&mut self, out: &mut dyn FnMut(Delivery)) {
        self.finish();
        self.unfinished = true;
        self.receive_all_answers(out);
        // Before any trap: its sentence is made once.
        if let Some(found) = self.store.found_names() {
            self.engine.handle_cached_names(found.map_err(|error| error.to_string()));
            self.drain(now(), out);
        }
        // The timer is armed for whatever the engine waits for: before that a look at every clock is spared.
        let moment = now();
        if self.armed.is_some_and(|at| at <= moment.boottime) {
            self.engine.handle_timeout(moment);
            self.rested = moment.boottime + REST;
        }
        self.drain(moment, out);
        while let Some(ended) = self.actions.poll() {
            let moment = now();
            self.engine.handle_command(moment, ended.token, ended.event);
            self.drain(moment, out);
        }
        self.receive_traps(out);
        self.make_room(out);
        for news in self.store.news(moment.boottime) {
            out(Delivery::Log(match news {
                News::Trouble(text) => Line::warning(text),
                News::Well(text) => Line::info(text),
            }));
        }
    }

    /// Sends the acknowledgements and arms the timer, if there was a pump since.
    pub fn finish(&mut self) {
        if !core::mem::take(&mut self.unfinished) {
            return;
        }
        // Lost like any datagram: whoever waits for it sends again.
        self.unsent += match &self.sockets.traps {
            Some(socket) => self.replies.send(socket),
            None => self.replies.lose(),
        };
        self.rearm();
    }

    /// Answers that came while the host was busy are in time: before any timer, or they are asked for again.
    fn receive_all_answers(&mut self, out: &mut dyn FnMut(Delivery)) {
        for ipv6 in [false, true] {
            self.receive_answers(ipv6, out);
        }
        for _ in 0..MESSAGES {
            let Some(event) = self.device.hear() else { break };
            let moment = now();
            self.engine.handle_in_band(moment, event);
            self.drain(moment, out);
        }
    }

    fn receive_answers(&mut self, ipv6: bool, out: &mut dyn FnMut(Delivery)) {
        let Some(socket) = self.sockets.bmcs(ipv6) else { return };
        self.answers.refill(socket);
        while let Some((from, bytes)) = self.answers.read() {
            let moment = now();
            self.engine.handle_bmc_datagram(moment, from, bytes);
            self.perform(moment, out);
        }
        self.send_asks();
    }

    /// A queue that runs over loses the fatal notice with the small ones. So it is read faster than the application is
    /// called, and only what is fatal waits for that.
    fn make_room(&mut self, out: &mut dyn FnMut(Delivery)) {
        self.crowded = self.intake.is_crowded(self.sockets.traps.as_ref());
        for _ in 0..CROWDED_ROUNDS {
            if !self.crowded || !self.receive_traps(out) {
                break;
            }
            self.crowded = self.intake.has_more();
        }
        self.crowded = false;
    }

    /// Whether any came.
    fn receive_traps(&mut self, out: &mut dyn FnMut(Delivery)) -> bool {
        let Some(socket) = &self.sockets.traps else { return false };
        if self.intake.is_read() {
            self.engine.handle_queue_read(now());
        }
        if let Some((count, most)) = self.traps.refill(socket) {
            self.intake.took(count, most);
        }
        // They came before this moment, all of them.
        let (mut any, moment) = (false, now());
        while let Some((from, bytes)) = self.traps.read() {
            any = true;
            self.engine.handle_datagram(moment, from, bytes);
            self.drain(moment, out);
        }
        any
    }

    /// The application's answer to a recovery.
    pub fn answer(
        &mut self,
        token: u64,
        answer: Answer,
        out: &mut dyn FnMut(Delivery),
    ) -> std::result::Result<(), Stale> {
        self.receive_all_answers(out);
        let moment = now();
        let answered = self.engine.answer(moment, token, answer);
        self.drain(moment, out);
        self.unfinished = true;
        self.finish();
        answered
    }

    /// Carries out an order of the operator.
    pub fn order<T>(&mut self, order: impl FnOnce(&mut Engine, Now) -> T, out: &mut dyn FnMut(Delivery)) -> T {
        let moment = now();
        let done = order(&mut self.engine, moment);
        self.drain(moment, out);
        self.unfinished = true;
        self.finish();
        done
    }

    /// Writes down whether maintenance is on; the engine is told by `order`.
    pub fn write_maintenance(&mut self, on: bool) -> Result<()> {
        self.store.set_maintenance(on)
    }

    /// Says goodbye to the BMCs; `pump` on until `stopped`.
    pub fn stop(&mut self, out: &mut dyn FnMut(Delivery)) {
        let moment = now();
        self.engine.stop(moment);
        self.drain(moment, out);
        self.unfinished = true;
        self.finish();
    }

    /// Gives the BMCs' sessions back.
    pub fn hang_up(&mut self, out: &mut dyn FnMut(Delivery)) {
        let moment = now();
        self.engine.hang_up(moment);
        self.drain(moment, out);
        self.unfinished = true;
        self.finish();
    }

    /// Starts over with a fresh engine, after a panic; the sockets and their queues stay, and the
    /// journal tells the new engine what was going on.
    pub fn rebuild(&mut self, setup: Setup) {
        let setup = Setup { maintenance: self.engine.maintenance(), ..setup };
        self.send_asks();
        let _ = self.intake.filter(self.sockets.traps.as_ref(), None); // the fresh engine knows of none
        self.engine = Engine::new(now(), setup);
        if let Some(names) = self.store.names() {
            self.engine.handle_cached_names(Ok(names.to_vec()));
        }
        // Its output is waiting already, whatever its first deadline is.
        self.timer.set(Some(AT_ONCE));
        self.armed = Some(AT_ONCE);
        self.unfinished = false; // or `finish` would put the timer off
    }

    /// Takes over another configuration; to be called only when the engine waits for nothing. `beside` are the
    /// sockets that come with it, of [`Sockets::beside`]; with `rebind` the trap socket is one of them, or there
    /// is none any more, and what waits at the old one is received first.
    pub fn reload(
        &mut self,
        setup: Setup,
        beside: Sockets,
        rebind: bool,
        epoll: &Epoll,
        out: &mut dyn FnMut(Delivery),
    ) -> Result<()> {
        for socket in beside.all() {
            epoll.add(socket)?;
        }
        let Sockets { traps, bmc4, bmc6 } = beside;
        self.sockets.bmc4 = bmc4.or(self.sockets.bmc4.take());
        self.sockets.bmc6 = bmc6.or(self.sockets.bmc6.take());
        let moment = now();
        self.engine.reload(moment, setup);
        self.drain(moment, out);
        if rebind {
            for _ in 0..LAST_ROUNDS {
                if !self.receive_traps(out) {
                    break;
                }
            }
            // What is acknowledged goes out from where it came to.
            self.unfinished = true;
            self.finish();
            self.intake.counts(self.sockets.traps.as_ref());
            let old = core::mem::replace(&mut self.sockets.traps, traps);
            if let Err(error) = self.intake.move_to(self.sockets.traps.as_ref()) {
                self.engine.handle_filter(moment, Err(error.to_string()));
            }
            self.sockets.show(&self.numbers);
            drop(old);
        } else {
            self.sockets.show(&self.numbers);
        }
        self.unfinished = true;
        self.finish();
        Ok(())
    }

    /// What the journal holds now.
    pub fn journal(&self) -> Vec<u8> {
        self.store.read()
    }

    fn rearm(&mut self) {
        let wanted = self.engine.next_deadline().map(|at| at.max(self.rested));
        // A system call only when the moment has changed; a timer that fired must be set again.
        if wanted != self.armed || wanted.is_some_and(|at| at <= now().boottime) {
            self.timer.set(wanted);
            self.armed = wanted;
        }
    }
}

/// The present moment, for those above who must tell the time.
pub fn moment() -> Now {
    now()
}
