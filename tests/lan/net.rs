//! One link and one simulated BMC under virtual time, and the network between them: it loses, repeats,
//! delays, swaps and damages, and a third party may answer first.

use crate::dice::Dice;
#[path = "../support/logins.rs"]
mod logins;

use bmcnotice::bmc::failure::Failure;
use bmcnotice::bmc::link::{Identity, Link, Login, Output, Status, Ticket, Urgency};
use bmcnotice::config::model::Privilege;
use bmcnotice::crypto::Random;
use bmcnotice::now::Now;
use bmcnotice::sim::{self, Bmc, Options};
use bmcnotice::suite::Suite;
use bmcnotice::wire::ipmi::{Request, Response};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

pub const MILLISECOND: Duration = Duration::from_millis(1);
pub const SECOND: Duration = Duration::from_secs(1);

/// What the network does to a datagram, in percent; and how long it takes.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    pub lost: u64,
    pub repeated: u64,
    pub damaged: u64,
    pub fastest: Duration,
    pub slowest: Duration,
    pub cut: bool,
}

impl Weather {
    pub const FINE: Self = Self {
        lost: 0,
        repeated: 0,
        damaged: 0,
        fastest: Duration::from_micros(100),
        slowest: MILLISECOND,
        cut: false,
    };
}

/// What a third party says to a datagram of ours; it comes before the BMC's own answer.
pub type Forger = Box<dyn FnMut(&[u8]) -> Vec<Vec<u8>>>;

pub struct Net {
    pub link: Link,
    pub bmc: Bmc,
    pub now: Now,
    pub weather: Weather,
    pub dice: Dice,
    pub forger: Option<Forger>,
    /// Then the BMC restarts and is away for so long.
    pub reboots: Vec<(Duration, Duration)>,
    pub answers: HashMap<Ticket, Result<Response, Failure>>,
    pub statuses: Vec<Status>,
    /// Datagrams to the BMC and from it.
    pub packets: [u64; 2],
    pub sent: Vec<Vec<u8>>,
    /// Tell what happens.
    pub story: bool,
    flying: Vec<(Duration, bool, Vec<u8>)>,
    address: SocketAddr,
    tickets: u64,
}

pub fn login(privilege: Privilege) -> Login {
    logins::login("admin", "password", &[Suite::Seventeen, Suite::Three], privilege)
}

/// The one that the simulated BMC has by itself.
pub fn identity() -> Identity {
    Identity::Expected(vec![Options::default().guid])
}

impl Net {
    pub fn new(seed: u64, login: Login, options: Options) -> Self {
        let mut dice = Dice::new(seed);
        Self {
            link: Link::new(login, identity(), Random::from_seed(dice.seed())),
            bmc: Bmc::new(options, dice.seed()),
            now: Now { boottime: Duration::from_secs(1000), wall: Duration::from_secs(1_700_000_000) },
            weather: Weather::FINE,
            dice,
            forger: None,
            reboots: Vec::new(),
            answers: HashMap::new(),
            statuses: Vec::new(),
            packets: [0; 2],
            sent: Vec::new(),
            story: false,
            flying: Vec::new(),
            address: "192.0.2.1:50000".parse().unwrap(),
            tickets: 0,
        }
    }

    pub fn start(&mut self) {
        self.link.start(self.now);
        self.drain();
    }

    pub fn up(mut self) -> Self {
        self.start();
        self.run(5 * SECOND);
        assert!(self.is_up(), "{:?}", self.link.status());
        self
    }

    pub fn is_up(&self) -> bool {
        matches!(self.link.status(), Status::Up { .. })
    }

    pub fn why(&self) -> Option<Failure> {
        match self.link.status() {
            Status::Down { why, .. } => *why,
            Status::Opening | Status::Up { .. } | Status::WrongIdentity { .. } => None,
        }
    }

    pub fn stop(&mut self) {
        self.link.stop(self.now);
        self.drain();
    }

    pub fn submit(&mut self, urgency: Urgency, request: Request) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.link.submit(self.now, ticket, urgency, request);
        self.drain();
        ticket
    }

    /// How often the BMC heard it.
    pub fn heard(&self, netfn: u8, command: u8) -> usize {
        self.bmc.log().filter(|entry| (entry.netfn, entry.command) == (netfn, command)).count()
    }

    fn tell(&self, what: impl Fn(&Self) -> String) {
        if self.story {
            eprintln!("{:>12.6} {}", self.now.boottime.as_secs_f64(), what(self));
        }
    }

    fn fly(&mut self, to_bmc: bool, mut bytes: Vec<u8>, at_once: bool) {
        self.packets[usize::from(!to_bmc)] += 1;
        let weather = self.weather;
        if weather.cut || self.dice.percent(weather.lost) {
            return;
        }
        let jitter = weather.slowest - weather.fastest;
        if self.dice.percent(weather.repeated) {
            let late = weather.fastest + self.dice.up_to(jitter * 3);
            self.flying.push((self.now.boottime + late, to_bmc, bytes.clone()));
        }
        if self.dice.percent(weather.damaged) {
            let at = self.dice.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << self.dice.below(8);
        }
        let delay = if at_once { Duration::ZERO } else { weather.fastest + self.dice.up_to(jitter) };
        self.flying.push((self.now.boottime + delay, to_bmc, bytes));
    }

    fn drain(&mut self) {
        loop {
            let mut moved = false;
            while let Some(output) = self.link.poll_output() {
                moved = true;
                match output {
                    Output::Send(bytes) => {
                        assert!(bytes.len() <= 400, "{} octets", bytes.len());
                        let forged = self.forger.as_mut().map(|forger| forger(&bytes)).unwrap_or_default();
                        forged.into_iter().for_each(|bytes| self.fly(false, bytes, true));
                        self.sent.push(bytes.clone());
                        self.fly(true, bytes, false);
                    }
                    Output::Answer { ticket, result } => {
                        assert_eq!(self.answers.insert(ticket, result), None, "{ticket:?} was answered twice");
                    }
                    Output::Changed => {
                        self.statuses.push(*self.link.status());
                        self.tell(|net| format!("the link is {:?}", net.link.status()));
                    }
                }
            }
            while let Some(output) = self.bmc.poll_output() {
                moved = true;
                match output {
                    sim::Output::Send { to, bytes } if to == self.address => self.fly(false, bytes, false),
                    sim::Output::Send { .. } | sim::Output::Event(_) => {}
                }
            }
            if !moved {
                return;
            }
        }
    }

    /// Lets so much time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.now.boottime + time;
        self.until(end, |_| false);
    }

    /// Until `done`, or until this moment.
    pub fn until(&mut self, end: Duration, done: impl Fn(&Self) -> bool) {
        let mut rounds = 0;
        while !done(self) {
            rounds += 1;
            assert!(rounds < 1_000_000, "time does not move on: {:?}", self.link);
            let flying = self.flying.iter().map(|(at, ..)| *at).min();
            let reboot = self.reboots.iter().map(|(at, _)| *at).min();
            let timers = [flying, reboot, self.link.next_deadline(), self.bmc.next_deadline()];
            let Some(at) = timers.into_iter().flatten().min().filter(|at| *at <= end) else {
                self.now = self.now.after(end.saturating_sub(self.now.boottime));
                return;
            };
            self.now = self.now.after(at.saturating_sub(self.now.boottime));
            if let Some(n) = self.reboots.iter().position(|(at, _)| *at <= self.now.boottime) {
                let (_, away) = self.reboots.swap_remove(n);
                self.tell(|_| format!("the BMC restarts and is away for {away:?}"));
                self.bmc.restart(self.now, away);
            }
            // The earliest: of those that come at the same moment, the one sent first.
            if let Some(n) = flying.and_then(|at| self.flying.iter().position(|(other, ..)| *other == at))
                && self.flying[n].0 <= self.now.boottime
            {
                let (_, to_bmc, bytes) = self.flying.remove(n);
                self.tell(|_| format!("{} {bytes:02x?}", if to_bmc { "to the BMC" } else { "to the link" }));
                if to_bmc {
                    self.bmc.handle_datagram(self.now, self.address, &bytes);
                } else {
                    self.link.handle_datagram(self.now, &bytes);
                }
            }
            self.bmc.handle_timeout(self.now);
            self.link.handle_timeout(self.now);
            self.drain();
        }
    }

    pub fn ask(&mut self, request: Request) -> Result<Response, Failure> {
        let ticket = self.submit(Urgency::Urgent, request);
        self.until(self.now.boottime + 600 * SECOND, |net| net.answers.contains_key(&ticket));
        self.answers.remove(&ticket).expect("every ticket is answered")
    }
}
