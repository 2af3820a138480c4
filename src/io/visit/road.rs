//! The road of a visit: over LAN a link on a socket of its own, in-band the kernel's device.
//!
//! Used by `visit` alone; hides which of them it is. Its input is datagrams, of which only the BMC's are looked at, and
//! what the kernel's driver says.

use crate::bmc::failure::Failure;
use crate::bmc::inband::{self, Inband};
use crate::bmc::link::{self, Link, Status, Ticket, Urgency};
use crate::io::ipmidev::Slot;
use crate::io::sys::{Epoll, now};
use crate::io::udp::{self, Batch};
use crate::wire::ipmi::{Request, Response};
use std::collections::VecDeque;
use std::io::{Error, Result};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// How long a refusal that only the operator can help is doubted: a link looks a second time, a second later.
const SECOND_LOOK: Duration = Duration::from_secs(3);

/// What became of commands, in order.
pub(super) type Answers = VecDeque<(Ticket, std::result::Result<Response, Failure>)>;

/// Over LAN.
#[derive(Debug)]
pub(super) struct Lan {
    pub(super) link: Link,
    pub(super) to: SocketAddr,
    pub(super) socket: UdpSocket,
    pub(super) batch: Batch,
    /// Why the last datagram was not sent, if so.
    pub(super) unsent: Option<Error>,
}

/// Through the kernel's driver.
#[derive(Debug)]
pub(super) struct InBand {
    pub(super) road: Inband,
    pub(super) slot: Slot,
}

/// See the module.
#[derive(Debug)]
pub(super) enum Road {
    Lan(Box<Lan>),
    InBand(Box<InBand>),
}

impl Road {
    /// Lets `epoll` know when there is something to hear.
    pub(super) fn watch(&self, epoll: &Epoll) -> Result<()> {
        match self {
            Self::Lan(lan) => epoll.add(&lan.socket),
            Self::InBand(inside) => epoll.add(inside.slot.set()),
        }
    }

    pub(super) fn start(&mut self, answers: &mut Answers) {
        match self {
            Self::Lan(lan) => lan.link.start(now()),
            Self::InBand(inside) => inside.road.start(now()),
        }
        self.drain(answers);
    }

    pub(super) fn stop(&mut self, answers: &mut Answers) {
        match self {
            Self::Lan(lan) => lan.link.stop(now()),
            Self::InBand(inside) => inside.road.stop(now()),
        }
        self.drain(answers);
    }

    pub(super) fn status(&self) -> &Status {
        match self {
            Self::Lan(lan) => lan.link.status(),
            Self::InBand(inside) => inside.road.status(),
        }
    }

    /// How long a refusal that only the operator can help is doubted. What the driver says of itself is sure at once.
    pub(super) fn second_look(&self) -> Duration {
        match self {
            Self::Lan(_) => SECOND_LOOK,
            Self::InBand(_) => Duration::ZERO,
        }
    }

    /// Why the last datagram was not sent, if so.
    pub(super) fn take_unsent(&mut self) -> Option<Error> {
        match self {
            Self::Lan(lan) => lan.unsent.take(),
            Self::InBand(_) => None,
        }
    }

    pub(super) fn submit(&mut self, ticket: Ticket, request: Request, answers: &mut Answers) {
        match self {
            Self::Lan(lan) => lan.link.submit(now(), ticket, Urgency::Normal, request),
            Self::InBand(inside) => inside.road.submit(now(), ticket, Urgency::Normal, request),
        }
        self.drain(answers);
    }

    pub(super) fn withdraw(&mut self, ticket: Ticket) {
        match self {
            Self::Lan(lan) => drop(lan.link.withdraw(ticket)),
            Self::InBand(inside) => drop(inside.road.withdraw(ticket)),
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        match self {
            Self::Lan(lan) => lan.link.next_deadline(),
            Self::InBand(inside) => inside.road.next_deadline(),
        }
    }

    /// Takes in what has come.
    pub(super) fn hear(&mut self, answers: &mut Answers) {
        match self {
            Self::Lan(lan) => {
                lan.batch.refill(&lan.socket);
                while let Some((from, bytes)) = lan.batch.read() {
                    if from == lan.to {
                        lan.link.handle_datagram(now(), bytes);
                    }
                }
            }
            Self::InBand(inside) => {
                while let Some(event) = inside.slot.hear() {
                    inside.road.handle(now(), event);
                    inside.drain(answers);
                }
            }
        }
        self.drain(answers);
    }

    pub(super) fn handle_timeout(&mut self, answers: &mut Answers) {
        match self {
            Self::Lan(lan) => lan.link.handle_timeout(now()),
            Self::InBand(inside) => inside.road.handle_timeout(now()),
        }
        self.drain(answers);
    }

    fn drain(&mut self, answers: &mut Answers) {
        match self {
            Self::Lan(lan) => lan.drain(answers),
            Self::InBand(inside) => inside.drain(answers),
        }
    }
}

// That the status is another is no news here: a visit looks at it itself.

impl Lan {
    fn drain(&mut self, answers: &mut Answers) {
        while let Some(output) = self.link.poll_output() {
            match output {
                link::Output::Send(bytes) => self.unsent = udp::send(&self.socket, &bytes, self.to).err(),
                link::Output::Answer { ticket, result } => answers.push_back((ticket, result)),
                link::Output::Changed => {}
            }
        }
    }
}

impl InBand {
    fn drain(&mut self, answers: &mut Answers) {
        while let Some(output) = self.road.poll_output() {
            match output {
                inband::Output::Order(order) => {
                    if let Some(event) = self.slot.perform(order) {
                        self.road.handle(now(), event);
                    }
                }
                inband::Output::Answer { ticket, result } => answers.push_back((ticket, result)),
                inband::Output::Changed => {}
            }
        }
    }
}
