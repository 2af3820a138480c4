//! Hosts a simulated BMC on a UDP socket, with a thread of its own: for `demo`, `sim` and the tests.
//!
//! Feature `sim` only. The BMC itself is `sim`, which knows no socket; here are its clock and its wire.

use super::sys::{Epoll, Event, Timer, now};
use super::thread;
use super::udp::{self, Batch};
use crate::now::Now;
use crate::sim::{self, Bmc, Fault, Output};
use parking_lot::Mutex;
use std::io::Result;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::JoinHandle;

/// What happened at the BMC, and when.
#[derive(Debug, Clone)]
pub struct Happened {
    /// When.
    pub at: Now,
    /// What; it tells itself in words.
    pub event: sim::Event,
}

/// Is told what happens at the BMC, on its thread.
pub type OnEvent = dyn Fn(&Happened) + Send + Sync;

struct Shared {
    bmc: Mutex<Bmc>,
    socket: UdpSocket,
    timer: Timer,
    wake: Event,
    stopped: AtomicBool,
    events: Mutex<Vec<Happened>>,
    on_event: Option<Arc<OnEvent>>,
}

/// A simulated BMC at an address of this host; it is gone when this is dropped.
pub struct SimulatedBmc {
    shared: Arc<Shared>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

/// Limit: events that are kept for [`SimulatedBmc::events`]; the oldest go first.
const EVENTS_KEPT: usize = 4096;

impl SimulatedBmc {
    /// Starts it at `address` (port 0: any).
    pub fn start(address: SocketAddr, options: sim::Options, on_event: Option<Arc<OnEvent>>) -> Result<Self> {
        let socket = udp::bind_traps(address)?;
        let address = socket.local_addr()?;
        let bmc = Mutex::new(Bmc::new(options, super::sys::random()?));
        let (timer, wake) = (Timer::new()?, Event::new()?);
        let shared = Arc::new(Shared {
            bmc,
            socket,
            timer,
            wake,
            stopped: AtomicBool::new(false),
            events: Mutex::default(),
            on_event,
        });
        let epoll = Epoll::new()?;
        epoll.add(&shared.socket)?;
        epoll.add(&shared.timer)?;
        epoll.add(&shared.wake)?;
        let works = shared.clone();
        let thread = Some(thread::spawn(move || works.work(&epoll))?);
        Ok(Self { shared, address, thread })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A fault appears on the board.
    pub fn raise(&self, fault: &Fault) {
        self.with(|bmc, now| bmc.raise(now, fault));
    }

    /// It goes away.
    pub fn clear(&self, fault: &Fault) {
        self.with(|bmc, now| bmc.clear(now, fault));
    }

    /// Looks at the BMC, or changes it; what it wants to send is sent.
    pub fn with<T>(&self, body: impl FnOnce(&mut Bmc, Now) -> T) -> T {
        let answer = {
            let mut bmc = self.shared.bmc.lock();
            let answer = body(&mut bmc, now());
            self.shared.drain(&mut bmc);
            answer
        };
        self.shared.wake.raise(); // its deadline may have changed
        answer
    }

    /// What has happened so far.
    pub fn events(&self) -> Vec<Happened> {
        self.shared.events.lock().clone()
    }
}

impl Shared {
    fn work(&self, epoll: &Epoll) {
        let mut batch = Batch::default();
        while !self.stopped.load(SeqCst) {
            epoll.wait(None);
            self.wake.lower();
            let mut bmc = self.bmc.lock();
            batch.refill(&self.socket);
            while let Some((from, bytes)) = batch.read() {
                bmc.handle_datagram(now(), from, bytes);
                self.drain(&mut bmc);
            }
            bmc.handle_timeout(now());
            self.drain(&mut bmc);
        }
    }

    fn drain(&self, bmc: &mut Bmc) {
        while let Some(output) = bmc.poll_output() {
            match output {
                // A datagram that the kernel does not take is lost, like any.
                Output::Send { to, bytes } => drop(udp::send(&self.socket, &bytes, to)),
                Output::Event(event) => {
                    let happened = Happened { at: now(), event };
                    if let Some(tell) = &self.on_event {
                        tell(&happened);
                    }
                    let mut events = self.events.lock();
                    if events.len() == EVENTS_KEPT {
                        events.remove(0);
                    }
                    events.push(happened);
                }
            }
        }
        self.timer.set(bmc.next_deadline());
    }
}

impl Drop for SimulatedBmc {
    fn drop(&mut self) {
        self.shared.stopped.store(true, SeqCst);
        self.shared.wake.raise();
        self.thread.take().map(JoinHandle::join);
    }
}
