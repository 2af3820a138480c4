//! One road to one BMC: a link where there is a login, else a ping.
//!
//! Used by `roads` alone; hides which of them it is. Its input is datagrams from BMCs.

use crate::bmc::link::{self, Identity, Link, Login, Status, Ticket, Urgency};
use crate::bmc::ping::{self, Probe};
use crate::crypto::Random;
use crate::now::Now;
use crate::wire::ipmi::{Request, Response};
use core::time::Duration;

/// See the module.
#[derive(Debug)]
pub(super) enum Road {
    Link(Box<Link>),
    Ping(Probe),
}

/// What a road says.
#[derive(Debug)]
pub(super) enum Said {
    /// Send this datagram to the BMC.
    Send(Vec<u8>),
    /// What became of a command.
    Answer(Ticket, Result<Response, link::Failure>),
    /// The link's status is another.
    Changed,
    /// A ping was answered, or not.
    Ping(bool),
}

impl Road {
    /// Opens at once, if it is a link.
    pub(super) fn new(now: Now, login: Option<&Login>, identity: &Identity, random: &mut Random) -> Self {
        match login {
            Some(login) => {
                let mut link = Box::new(Link::new(login.clone(), identity.clone(), random.split()));
                link.start(now);
                Self::Link(link)
            }
            None => Self::Ping(Probe::new(random)),
        }
    }

    pub(super) fn status(&self) -> Option<&Status> {
        match self {
            Self::Link(link) => Some(link.status()),
            Self::Ping(_) => None,
        }
    }

    /// Whether the command was taken: its ticket will be answered.
    pub(super) fn submit(&mut self, now: Now, ticket: Ticket, urgency: Urgency, request: Request) -> bool {
        match self {
            Self::Link(link) => {
                link.submit(now, ticket, urgency, request);
                true
            }
            Self::Ping(_) => false,
        }
    }

    pub(super) fn withdraw(&mut self, ticket: Ticket) {
        match self {
            Self::Link(link) => link.withdraw(ticket),
            Self::Ping(_) => {}
        }
    }

    /// Asks for a sign of life where there is no link; whether it did.
    pub(super) fn ping(&mut self, now: Now) -> bool {
        match self {
            Self::Link(_) => false,
            Self::Ping(ping) => {
                ping.ask(now);
                true
            }
        }
    }

    pub(super) fn handle_datagram(&mut self, now: Now, bytes: &[u8]) {
        match self {
            Self::Link(link) => link.handle_datagram(now, bytes),
            Self::Ping(ping) => drop(ping.handle_datagram(now, bytes)),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Now) {
        match self {
            Self::Link(link) => link.handle_timeout(now),
            Self::Ping(ping) => ping.handle_timeout(now),
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        match self {
            Self::Link(link) => link.next_deadline(),
            Self::Ping(ping) => ping.next_deadline(),
        }
    }

    pub(super) fn poll_output(&mut self) -> Option<Said> {
        match self {
            Self::Link(link) => link.poll_output().map(|output| match output {
                link::Output::Send(bytes) => Said::Send(bytes),
                link::Output::Answer { ticket, result } => Said::Answer(ticket, result),
                link::Output::Changed => Said::Changed,
            }),
            Self::Ping(ping) => ping.poll_output().map(|output| match output {
                ping::Output::Send(bytes) => Said::Send(bytes),
                ping::Output::Alive { .. } => Said::Ping(true),
                ping::Output::Silent => Said::Ping(false),
            }),
        }
    }

    /// Closes the session, if there is one.
    pub(super) fn stop(&mut self, now: Now) {
        match self {
            Self::Link(link) => link.stop(now),
            Self::Ping(_) => {}
        }
    }
}
