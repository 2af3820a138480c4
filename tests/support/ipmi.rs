//! Drives links and sessions over a real UDP socket, blocking.

#[allow(dead_code, reason = "each test program uses its part")]
#[path = "ipmi_peer.rs"]
mod ipmi_peer;
#[path = "logins.rs"]
mod logins;

pub use ipmi_peer::{GUID, Peer, free_address, has_ipmi_sim, has_pyghmi, peer};
pub use logins::login;

use bmcnotice::bmc::dialogue::{Dialogue as _, Step};
use bmcnotice::bmc::failure::Failure;
use bmcnotice::bmc::handshake::{Telling, Untold};
use bmcnotice::bmc::link::{Identity, Link, Login, Output, Status, Ticket, Urgency};
use bmcnotice::bmc::sel_reading::{Place, Read, Reading, Unread};
use bmcnotice::config::model::Privilege;
use bmcnotice::crypto::Random;
use bmcnotice::now::Now;
use bmcnotice::suite::Suite;
use bmcnotice::wire::ipmi::{Request, Response};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

/// The administrator of `ipmi_sim`.
pub fn administrator() -> Login {
    login("ipmiusr", "test", &[Suite::Seventeen, Suite::Three], Privilege::Administrator)
}

/// A link on a socket.
pub struct Wire {
    pub link: Link,
    pub answers: HashMap<Ticket, Result<Response, Failure>>,
    pub changes: Vec<Status>,
    pub sent: usize,
    socket: UdpSocket,
    begun: Instant,
    tickets: u64,
}

impl Wire {
    pub fn new(address: SocketAddr, login: Login, identity: Identity) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect(address).unwrap();
        let mut seed = [0; 32];
        seed[..2].copy_from_slice(&socket.local_addr().unwrap().port().to_le_bytes());
        seed[2..18].copy_from_slice(
            &SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos().to_le_bytes(),
        );
        let mut wire = Self {
            link: Link::new(login, identity, Random::from_seed(seed)),
            answers: HashMap::new(),
            changes: Vec::new(),
            sent: 0,
            socket,
            begun: Instant::now(),
            tickets: 0,
        };
        wire.link.start(wire.now());
        wire.drain();
        wire
    }

    pub fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Now { boottime: self.begun.elapsed(), wall }
    }

    fn drain(&mut self) {
        while let Some(output) = self.link.poll_output() {
            match output {
                Output::Send(datagram) => {
                    self.sent += 1;
                    let _ = self.socket.send(&datagram); // refused while the peer is down
                }
                Output::Answer { ticket, result } => {
                    assert_eq!(self.answers.insert(ticket, result), None, "{ticket:?} was answered twice");
                }
                Output::Changed => self.changes.push(*self.link.status()),
            }
        }
    }

    /// Until `done` says so; fails after `patience`.
    pub fn run(&mut self, patience: Duration, mut done: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + patience;
        while !done(self) {
            assert!(Instant::now() < end, "not within {patience:?}: {:?}", self.link.status());
            let now = self.now();
            let due = self.link.next_deadline().map(|due| due.saturating_sub(now.boottime));
            let wait =
                due.unwrap_or(Duration::from_millis(50)).clamp(Duration::from_millis(1), Duration::from_millis(50));
            self.socket.set_read_timeout(Some(wait)).unwrap();
            let mut bytes = [0; 2048];
            if let Ok(length) = self.socket.recv(&mut bytes) {
                self.link.handle_datagram(self.now(), &bytes[..length]);
            }
            self.link.handle_timeout(self.now());
            self.drain();
        }
    }

    pub fn up(&mut self) {
        self.run(Duration::from_secs(10), |wire| matches!(wire.link.status(), Status::Up { .. }));
    }

    pub fn submit(&mut self, urgency: Urgency, request: Request) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.link.submit(self.now(), ticket, urgency, request);
        self.drain();
        ticket
    }

    /// Submits and waits for the answer.
    pub fn ask(&mut self, request: Request) -> Result<Response, Failure> {
        let ticket = self.submit(Urgency::Normal, request);
        self.run(Duration::from_secs(20), |wire| wire.answers.contains_key(&ticket));
        self.answers.remove(&ticket).unwrap()
    }

    /// Reads the log from a place on.
    pub fn read(&mut self, from: Option<Place>, audits: bool) -> Result<Read, Unread> {
        let mut reading = Reading::new(from, audits);
        loop {
            match reading.poll(self.now()) {
                Step::Submit(request) => {
                    let result = self.ask(request);
                    reading.handle_answer(self.now(), result);
                }
                Step::Wait(_) => panic!("it waits for nobody"),
                Step::Over(result) => return result,
            }
        }
    }

    /// Tells a word to its end.
    pub fn tell(&mut self, mut telling: Telling) -> Result<(), Untold> {
        loop {
            match telling.poll(self.now()) {
                Step::Submit(request) => {
                    let result = self.ask(request);
                    telling.handle_answer(self.now(), result);
                }
                Step::Wait(until) => {
                    let until = until.unwrap_or_default();
                    self.run(Duration::from_secs(20), |wire| wire.now().boottime >= until);
                }
                Step::Over(result) => return result,
            }
        }
    }

    pub fn start(&mut self) {
        self.link.start(self.now());
        self.drain();
    }

    pub fn stop(&mut self) {
        self.link.stop(self.now());
        self.drain();
    }
}
