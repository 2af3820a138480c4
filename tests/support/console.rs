//! A console that logs in to a simulated BMC, under virtual time: each datagram in the hand of the test.

#![allow(dead_code, reason = "each test program uses its part")]

use bmcnotice::config::model::Privilege;
use bmcnotice::crypto::Secret;
use bmcnotice::now::Now;
use bmcnotice::sim::{Bmc, Event, Options, Output, User};
use bmcnotice::suite::{Exchange, Keys, Suite};
use bmcnotice::wire::ipmi::{Message, Request};
use bmcnotice::wire::rakp::{OpenRequest, OpenResponse, Proof, Rakp1, Rakp2};
use bmcnotice::wire::rmcp::{self, Datagram, PayloadType};
use core::net::SocketAddr;
use core::time::Duration;

pub const SECOND: Duration = Duration::from_secs(1);
pub const CONSOLE: u32 = 0xA0A1_A2A3;
pub const PING: [u8; 12] = [6, 0, 0xFF, 6, 0, 0, 0x11, 0xBE, 0x80, 9, 0, 0];

pub fn start() -> Now {
    Now { boottime: SECOND * 1000, wall: SECOND * 1_767_225_600 }
}

pub fn here(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

pub fn options() -> Options {
    let mut options = Options::default();
    options.users.push(User::new("observer", "secret", Privilege::User));
    options
}

/// The datagrams that one gives back.
pub fn exchange(bmc: &mut Bmc, now: Now, from: SocketAddr, datagram: &[u8]) -> Vec<Vec<u8>> {
    bmc.handle_datagram(now, from, datagram);
    sent(bmc)
}

pub fn sent(bmc: &mut Bmc) -> Vec<Vec<u8>> {
    outputs(bmc).0
}

pub fn outputs(bmc: &mut Bmc) -> (Vec<Vec<u8>>, Vec<Event>) {
    let (mut datagrams, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = bmc.poll_output() {
        match output {
            Output::Send { bytes, .. } => datagrams.push(bytes),
            Output::Event(event) => events.push(event),
        }
    }
    (datagrams, events)
}

pub fn only(datagrams: Vec<Vec<u8>>) -> Vec<u8> {
    assert_eq!(datagrams.len(), 1);
    datagrams.into_iter().next().unwrap()
}

pub fn plus(datagram: &[u8]) -> rmcp::Plus<'_> {
    match Datagram::parse(datagram).unwrap() {
        Datagram::Plus(plus) => plus,
        other => panic!("{other:?}"),
    }
}

pub fn open_request(suite: Suite, privilege: u8, tag: u8) -> Vec<u8> {
    let algorithms = suite.algorithms();
    let proposal = [Some(algorithms.authentication), Some(algorithms.integrity), Some(algorithms.confidentiality)];
    let request = OpenRequest { tag, privilege, console_session: CONSOLE, proposal };
    rmcp::emit_setup(PayloadType::OpenRequest, &request.emit())
}

/// A console in the middle of its login, with everything it sent.
pub struct Login {
    pub from: SocketAddr,
    pub suite: Suite,
    pub password: Secret,
    pub exchange: Exchange,
    pub sent: Vec<Vec<u8>>,
}

impl Login {
    /// Up to RAKP 2; its status if it is refused.
    pub fn begin(
        bmc: &mut Bmc,
        now: Now,
        from: SocketAddr,
        suite: Suite,
        user: &str,
        password: &str,
    ) -> Result<Self, u8> {
        let open = open_request(suite, 0, 1);
        let answer = only(exchange(bmc, now, from, &open));
        let opened = OpenResponse::parse(plus(&answer).payload).unwrap().result.map_err(|status| status.0)?;
        let mut login = Self {
            from,
            suite,
            password: Secret::new(password.as_bytes()),
            exchange: Exchange {
                console_session: CONSOLE,
                bmc_session: opened.bmc_session,
                console_random: [5; 16],
                bmc_random: [0; 16],
                guid: bmc.options().guid,
                role: 0x10,
                name: user.as_bytes().to_vec(),
            },
            sent: vec![open],
        };
        let answer = only(exchange(bmc, now, from, &login.rakp1()));
        login.sent.push(login.rakp1());
        let rakp2 = Rakp2::parse(plus(&answer).payload).unwrap();
        let introduced = rakp2.result.map_err(|status| status.0)?;
        login.exchange.bmc_random = introduced.random;
        assert_eq!(introduced.guid, login.exchange.guid);
        Ok(login)
    }

    pub fn rakp1(&self) -> Vec<u8> {
        let Exchange { bmc_session, console_random: random, role, ref name, .. } = self.exchange;
        let rakp1 = Rakp1 { tag: 2, bmc_session, random, role, name: name.clone() };
        rmcp::emit_setup(PayloadType::Rakp1, &rakp1.emit())
    }

    pub fn rakp3(&self) -> Vec<u8> {
        let code = self.exchange.rakp3_code(self.suite, &self.password);
        let rakp3 = Proof { tag: 3, session: Some(self.exchange.bmc_session), result: Ok(code.octets()) };
        rmcp::emit_setup(PayloadType::Rakp3, &rakp3.emit())
    }

    /// RAKP 3 and 4.
    pub fn finish(mut self, bmc: &mut Bmc, now: Now) -> Result<Console, u8> {
        let answer = only(exchange(bmc, now, self.from, &self.rakp3()));
        let rakp4 = Proof::parse(plus(&answer).payload).unwrap();
        let check = rakp4.result.map_err(|status| status.0)?;
        let keys = self.exchange.keys(self.suite, &self.password, None);
        assert!(keys.rakp4_check(&self.exchange).is(check));
        self.sent.push(self.rakp3());
        Ok(Console { from: self.from, session: self.exchange.bmc_session, keys, sequence: 0, sent: self.sent })
    }
}

/// A console in a session.
pub struct Console {
    pub from: SocketAddr,
    pub session: u32,
    pub keys: Keys,
    pub sequence: u32,
    pub sent: Vec<Vec<u8>>,
}

impl Console {
    pub fn open(
        bmc: &mut Bmc,
        now: Now,
        from: SocketAddr,
        suite: Suite,
        user: &str,
        password: &str,
    ) -> Result<Self, u8> {
        Login::begin(bmc, now, from, suite, user, password)?.finish(bmc, now)
    }

    pub fn admin(bmc: &mut Bmc, now: Now, from: SocketAddr) -> Self {
        let mut console = Self::open(bmc, now, from, Suite::Seventeen, "admin", "password").unwrap();
        assert_eq!(console.command(bmc, now, 0x06, 0x3B, &[4]), Some((0, vec![4])));
        console
    }

    pub fn seal(&mut self, netfn: u8, command: u8, data: &[u8]) -> Vec<u8> {
        self.sequence += 1;
        let request = Request { netfn, lun: 0, command, data: data.to_vec() };
        let message = Message::request(self.sequence as u8, &request).emit();
        self.keys.seal(self.session, self.sequence, [7; 16], &message)
    }

    pub fn command(&mut self, bmc: &mut Bmc, now: Now, netfn: u8, command: u8, data: &[u8]) -> Option<(u8, Vec<u8>)> {
        let sealed = self.seal(netfn, command, data);
        let answer = exchange(bmc, now, self.from, &sealed).into_iter().next()?;
        self.sent.push(sealed);
        let packet = plus(&answer);
        assert_eq!(packet.session, CONSOLE);
        let message = self.keys.open(&packet).unwrap();
        let response = Message::parse(&message).unwrap().to_response().unwrap();
        Some((response.completion, response.data))
    }
}
