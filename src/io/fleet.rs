//! Hosts any number of simulated BMCs on one UDP socket and one thread: each at an address of its own, all at one port.
//!
//! Feature `sim` only. The BMCs themselves are `sim`, which knows no socket; here are their clock and their wire. On
//! Linux all of 127.0.0.0/8 belongs to the host, so that ten thousand BMCs need no configuration. What a datagram costs
//! does not depend on how many there are.

mod deadlines;
mod socket;

use super::simulate::Happened;
use super::sys::{Epoll, Event, Timer, now, random};
use super::thread;
pub use crate::config::fleet::FLEET_MAX;
use crate::now::Now;
use crate::sim::{Bmc, Options, Output};
use deadlines::Deadlines;
use parking_lot::Mutex;
use socket::{Inbox, Outbox, Socket};
use std::collections::HashMap;
use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::JoinHandle;

/// Is told what happens, and to which of them; on the fleet's thread, or on that of [`Fleet::with`]. It must not call the
/// fleet, which waits for it.
pub type OnEvent = dyn Fn(usize, &Happened) + Send + Sync;

struct Shared {
    yard: Mutex<Yard>,
    addresses: Vec<Ipv4Addr>,
    places: HashMap<Ipv4Addr, usize>,
    socket: Socket,
    timer: Timer,
    wake: Event,
    stopped: AtomicBool,
    on_event: Option<Arc<OnEvent>>,
}

/// What the thread and the callers share.
struct Yard {
    bmcs: Vec<Bmc>,
    deadlines: Deadlines,
    outbox: Outbox,
}

/// Simulated BMCs, each at an address of this host; they are gone when this is dropped.
///
/// A place is the number of a BMC, in the order in which they were given. Nothing is kept of what happens: who wants to
/// know, listens. If all addresses are loopback addresses, nobody beyond this host is heard.
pub struct Fleet {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Fleet {
    /// Starts them at `port` (0: any that is free) of their addresses, each of which belongs to this host and is there once.
    pub fn start(port: u16, members: Vec<(Ipv4Addr, Options)>, on_event: Option<Arc<OnEvent>>) -> Result<Self> {
        if members.len() > FLEET_MAX {
            return Err(invalid(format!("{} BMCs: a fleet has at most {FLEET_MAX}", members.len())));
        }
        let (mut addresses, mut bmcs) = (Vec::with_capacity(members.len()), Vec::with_capacity(members.len()));
        let mut places = HashMap::with_capacity(members.len());
        for (place, (address, options)) in members.into_iter().enumerate() {
            of_this_host(address)?;
            if places.insert(address, place).is_some() {
                return Err(invalid(format!("{address} is given twice")));
            }
            addresses.push(address);
            bmcs.push(Bmc::new(options, random()?));
        }
        let socket = Socket::bind(port, addresses.iter().all(Ipv4Addr::is_loopback))?;
        let deadlines = Deadlines::new(bmcs.len());
        let shared = Arc::new(Shared {
            yard: Mutex::new(Yard { bmcs, deadlines, outbox: Outbox::default() }),
            addresses,
            places,
            socket,
            timer: Timer::new()?,
            wake: Event::new()?,
            stopped: AtomicBool::new(false),
            on_event,
        });
        let epoll = Epoll::new()?;
        epoll.add(&shared.socket)?;
        epoll.add(&shared.timer)?;
        epoll.add(&shared.wake)?;
        let works = shared.clone();
        let thread = Some(thread::spawn(move || works.work(&epoll))?);
        Ok(Self { shared, thread })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.shared.addresses.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.shared.addresses.is_empty()
    }

    /// Where the BMC of this place answers, if there is one.
    pub fn address(&self, place: usize) -> Option<SocketAddr> {
        let address = self.shared.addresses.get(place)?;
        Some(SocketAddr::from((*address, self.shared.socket.port())))
    }

    /// The port of all.
    pub fn port(&self) -> u16 {
        self.shared.socket.port()
    }

    /// The place of the BMC with this address, if there is one.
    pub fn place(&self, address: Ipv4Addr) -> Option<usize> {
        self.shared.places.get(&address).copied()
    }

    /// Looks at the BMC of this place, if there is one, or changes it; what it wants to send is sent.
    pub fn with<T>(&self, place: usize, body: impl FnOnce(&mut Bmc, Now) -> T) -> Option<T> {
        let yard = &mut *self.shared.yard.lock();
        let answer = body(yard.bmcs.get_mut(place)?, now());
        self.shared.settle(yard, place);
        self.shared.finish(yard);
        Some(answer)
    }
}

impl Shared {
    fn work(&self, epoll: &Epoll) {
        let mut inbox = Inbox::default();
        while !self.stopped.load(SeqCst) {
            epoll.wait(None);
            self.wake.lower();
            let yard = &mut *self.yard.lock();
            inbox.refill(&self.socket);
            let at = now();
            for (to, from, bytes) in inbox.datagrams() {
                if let Some(&place) = self.places.get(&to)
                    && let Some(bmc) = yard.bmcs.get_mut(place)
                {
                    bmc.handle_datagram(at, from, bytes);
                    self.settle(yard, place);
                }
            }
            for place in yard.deadlines.due(at.boottime) {
                if let Some(bmc) = yard.bmcs.get_mut(place) {
                    bmc.handle_timeout(at);
                    self.settle(yard, place);
                }
            }
            self.finish(yard);
        }
    }

    /// Takes what one of them has to say, and looks when it is due.
    fn settle(&self, yard: &mut Yard, place: usize) {
        let Some((bmc, address)) = yard.bmcs.get_mut(place).zip(self.addresses.get(place)) else { return };
        while let Some(output) = bmc.poll_output() {
            match (output, &self.on_event) {
                (Output::Send { to, bytes }, _) => yard.outbox.push(*address, to, bytes),
                (Output::Event(event), Some(tell)) => tell(place, &Happened { at: now(), event }),
                (Output::Event(_), None) => {}
            }
        }
        yard.deadlines.set(place, bmc.next_deadline());
    }

    /// Sends what waits, and sets the timer.
    fn finish(&self, yard: &mut Yard) {
        yard.outbox.flush(&self.socket);
        if let Some(first) = yard.deadlines.changed() {
            self.timer.set(first);
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.shared.stopped.store(true, SeqCst);
        self.shared.wake.raise();
        self.thread.take().map(JoinHandle::join);
    }
}

fn invalid(what: String) -> Error {
    Error::new(ErrorKind::InvalidInput, what)
}

/// Whether a BMC can be at this address.
fn of_this_host(address: Ipv4Addr) -> Result<()> {
    // The two ends of 127.0.0.0/8 are everybody's.
    let ends = [Ipv4Addr::new(127, 0, 0, 0), Ipv4Addr::new(127, 255, 255, 255)];
    let nobodys = address.is_unspecified() || address.is_multicast() || address.is_broadcast();
    if nobodys || ends.contains(&address) {
        return Err(invalid(format!("{address} is not an address of one host")));
    }
    if address.is_loopback() {
        return Ok(());
    }
    UdpSocket::bind((address, 0)).map(drop).map_err(|error| Error::new(error.kind(), format!("{address}: {error}")))
}
