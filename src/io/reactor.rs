//! Joins the descriptors to the engine: one epoll set, one pump.
//!
//! `pump` does what is due without blocking: timers, endings and BMC answers first, then traps, each
//! kind within a budget, so that no flood keeps another from its turn. After every input all output of
//! the engine is performed, in order: what must be in the journal is there before anyone hears of it.

use super::action::Actions;
use super::store::Store;
use super::sys::{Epoll, Event, Timer, now};
use super::udp;
use crate::engine::{Delivery, Engine, Output, Setup, Stale};
use crate::now::Now;
use crate::words::Answer;
use std::io::Result;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

/// Limit: traps taken from the socket in one pump.
const TRAPS_PER_PUMP: usize = 32;
/// Limit: BMC answers taken from a socket in one pump.
const ANSWERS_PER_PUMP: usize = 32;
/// The largest UDP payload, octets.
const DATAGRAM_BYTES: usize = 65_535;

/// The sockets of a context; each may be absent when nothing needs it.
#[derive(Debug)]
pub struct Sockets {
    traps: Option<UdpSocket>,
    bmc4: Option<UdpSocket>,
    bmc6: Option<UdpSocket>,
}

impl Sockets {
    /// Binds `listen`, and a client socket for each family among `bmcs`.
    pub fn bind(listen: Option<SocketAddr>, bmcs: &[SocketAddr]) -> Result<Self> {
        let client = |ipv6| bmcs.iter().any(|bmc| bmc.is_ipv6() == ipv6).then(|| udp::bind_client(ipv6)).transpose();
        Ok(Self { traps: listen.map(udp::bind_traps).transpose()?, bmc4: client(false)?, bmc6: client(true)? })
    }

    fn all(&self) -> impl Iterator<Item = &UdpSocket> {
        [&self.traps, &self.bmc4, &self.bmc6].into_iter().flatten()
    }

    fn client(&self, to: SocketAddr) -> Option<&UdpSocket> {
        if to.is_ipv6() { self.bmc6.as_ref() } else { self.bmc4.as_ref() }
    }
}

/// The engine with its descriptors.
#[derive(Debug)]
pub struct Reactor {
    sockets: Sockets,
    timer: Timer,
    armed: Option<Duration>,
    store: Store,
    actions: Actions,
    engine: Engine,
    buffer: Box<[u8]>,
    unsent: u64,
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
        let actions = Actions::new()?;
        epoll.add(actions.epoll())?;
        let engine = Engine::new(now(), setup);
        let buffer = vec![0; DATAGRAM_BYTES].into();
        // Readable from the start: the engine has something to say to the BMCs.
        let armed = Some(Duration::from_nanos(1));
        timer.set(armed);
        Ok(Self { sockets, timer, armed, store, actions, engine, buffer, unsent: 0 })
    }

    /// Where traps are received.
    pub fn listen(&self) -> Option<SocketAddr> {
        self.sockets.traps.as_ref().and_then(|socket| socket.local_addr().ok())
    }

    /// Its descriptors, for a forked child to close.
    pub fn descriptors(&self) -> Vec<RawFd> {
        let mut all: Vec<RawFd> = self.sockets.all().map(AsRawFd::as_raw_fd).collect();
        all.push(self.timer.as_fd().as_raw_fd());
        all.push(self.actions.epoll().raw());
        all.extend(self.store.descriptors());
        all
    }

    /// The journal's descriptor, as it is now; negative: none. See [`Store::descriptor`].
    pub fn journal_descriptor(&self) -> std::sync::Arc<std::sync::atomic::AtomicI32> {
        self.store.descriptor()
    }

    /// The engine, to be read.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Datagrams that the kernel did not take from us.
    pub fn unsent(&self) -> u64 {
        self.unsent
    }

    /// What the journal's storage counted.
    pub fn storage(&self) -> super::store::Stats {
        self.store.stats()
    }

    /// Does what is due without blocking, and hands every delivery to `out`.
    pub fn pump(&mut self, out: &mut dyn FnMut(Delivery)) {
        self.engine.handle_timeout(now());
        self.drain(out);
        while let Some(ended) = self.actions.poll() {
            self.engine.handle_command(now(), ended.token, ended.event);
            self.drain(out);
        }
        for ipv6 in [false, true] {
            self.receive_answers(ipv6, out);
        }
        self.receive_traps(out);
        self.rearm();
    }

    fn receive_answers(&mut self, ipv6: bool, out: &mut dyn FnMut(Delivery)) {
        for _ in 0..ANSWERS_PER_PUMP {
            let Some(socket) = (if ipv6 { &self.sockets.bmc6 } else { &self.sockets.bmc4 }) else { return };
            let Some((length, from)) = udp::receive(socket, &mut self.buffer) else { return };
            self.engine.handle_bmc_datagram(now(), from, &self.buffer[..length]);
            self.drain(out);
        }
    }

    fn receive_traps(&mut self, out: &mut dyn FnMut(Delivery)) {
        for _ in 0..TRAPS_PER_PUMP {
            let Some(socket) = &self.sockets.traps else { return };
            let Some((length, from)) = udp::receive(socket, &mut self.buffer) else { return };
            self.engine.handle_datagram(now(), from, &self.buffer[..length]);
            self.drain(out);
        }
    }

    /// The application's answer to a recovery.
    pub fn answer(
        &mut self,
        token: u64,
        answer: Answer,
        out: &mut dyn FnMut(Delivery),
    ) -> std::result::Result<(), Stale> {
        let answered = self.engine.answer(now(), token, answer);
        self.drain(out);
        self.rearm();
        answered
    }

    /// Says goodbye to the BMCs; `pump` on until `stopped`.
    pub fn stop(&mut self, out: &mut dyn FnMut(Delivery)) {
        self.engine.stop(now());
        self.drain(out);
        self.rearm();
    }

    /// Gives the BMCs' sessions back.
    pub fn hang_up(&mut self, out: &mut dyn FnMut(Delivery)) {
        self.engine.hang_up(now());
        self.drain(out);
    }

    /// Starts over with a fresh engine, after a panic; the sockets and their queues stay, and the
    /// journal tells the new engine what was going on.
    pub fn rebuild(&mut self, setup: Setup) {
        self.engine = Engine::new(now(), setup);
        self.rearm();
    }

    /// What the journal holds now.
    pub fn journal(&self) -> Vec<u8> {
        self.store.read()
    }

    /// Performs all output, in order.
    fn drain(&mut self, out: &mut dyn FnMut(Delivery)) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Reply { to, bytes } => {
                    let sent = self.sockets.traps.as_ref().map(|socket| udp::send(socket, &bytes, to));
                    self.count_unsent(sent);
                }
                Output::Ask { to, bytes } => {
                    let sent = self.sockets.client(to).map(|socket| udp::send(socket, &bytes, to));
                    self.count_unsent(sent);
                }
                Output::Append(bytes) => {
                    let stored = self.store.append(&bytes).is_ok();
                    self.engine.handle_appended(now(), stored);
                }
                Output::Compact(bytes) => {
                    let stored = self.store.replace(&bytes).is_ok();
                    self.engine.handle_compacted(stored);
                }
                Output::Run(command) => self.actions.run(command),
                Output::Signal { token, urgency } => self.actions.signal(token, urgency),
                Output::Deliver(delivery) => out(delivery),
            }
        }
    }

    fn count_unsent(&mut self, sent: Option<Result<()>>) {
        // Lost like any datagram: whoever sent it sends again, or says that nobody answered.
        if !matches!(sent, Some(Ok(()))) {
            self.unsent += 1;
        }
    }

    fn rearm(&mut self) {
        let wanted = self.engine.next_deadline();
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
