//! A visit to one BMC in the foreground: comes, holds one dialogue after another, leaves.
//!
//! For programs that have a question and no engine: `bmc audit`, `setup`, `pin`, `check --live`. Drives a
//! `bmc::link` on a socket of its own until a dialogue is over, a deadline has passed or a signal came;
//! the session is closed on every path, by `drop`. Its input is datagrams, of which only the BMC's are
//! looked at, and signals.

use super::signals::{Signal, Signals};
use super::sys::{Epoll, now, random};
use super::udp::{self, Batch};
use crate::bmc::dialogue::{Dialogue, Step};
use crate::bmc::failure::Failure;
use crate::bmc::link::{Checked, Identity, Link, Login, Output, Status, Ticket, Urgency};
use crate::crypto::Random;
use crate::suite::Suite;
use crate::wire::ipmi::Response;
use crate::words::Guid;
use std::collections::VecDeque;
use std::fmt;
use std::io::{Error, Result};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// How long a refusal that only the operator can help is doubted: the link looks a second time, a second later.
const SECOND_LOOK: Duration = Duration::from_secs(3);

/// Who was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Met {
    /// The BMC's system GUID.
    pub guid: Guid,
    /// Whether that is the right one.
    pub identity: Checked,
    /// The cipher suite in use.
    pub suite: Suite,
}

/// Why a dialogue was left before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Its deadline passed.
    Late,
    /// A signal came. The visit can go on, to leave in good order.
    Interrupted(Signal),
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => f.write_str("the deadline passed"),
            Self::Interrupted(signal) => write!(f, "interrupted by {}", signal.name()),
        }
    }
}

/// Why nobody was met.
#[derive(Debug)]
pub enum Shut {
    /// There is no session, and this is why.
    Failed(Failure),
    /// The BMC is another system's.
    Another {
        /// Its system GUID.
        found: Guid,
    },
    /// The operating system does not send to this address.
    Unsent(Error),
    /// A signal came.
    Interrupted(Signal),
}

impl fmt::Display for Shut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) => write!(f, "{failure}"),
            Self::Another { found } => write!(f, "{}: its GUID is {found}", Failure::WrongIdentity),
            Self::Unsent(error) => write!(f, "cannot send to it: {error}"),
            Self::Interrupted(signal) => write!(f, "{}", Cut::Interrupted(*signal)),
        }
    }
}

/// One visit; over when it is dropped.
#[derive(Debug)]
pub struct Visit<'a> {
    link: Link,
    to: SocketAddr,
    socket: UdpSocket,
    signals: Option<&'a Signals>,
    epoll: Epoll,
    batch: Batch,
    tickets: u64,
    answers: VecDeque<(Ticket, std::result::Result<Response, Failure>)>,
    /// Why the last datagram was not sent, if so.
    unsent: Option<Error>,
}

impl<'a> Visit<'a> {
    /// Goes to the BMC at `to`. Signals in `signals` cut waits short; others end the process as ever, and then
    /// the BMC finds out by itself that the session is over.
    pub fn new(to: SocketAddr, login: Login, identity: Identity, signals: Option<&'a Signals>) -> Result<Self> {
        let socket = udp::bind_client(to.is_ipv6())?;
        let epoll = Epoll::new()?;
        epoll.add(&socket)?;
        if let Some(signals) = signals {
            epoll.add(signals)?;
        }
        let link = Link::new(login, identity, Random::from_seed(random()?));
        Ok(Self {
            link,
            to,
            socket,
            signals,
            epoll,
            batch: Batch::default(),
            tickets: 0,
            answers: VecDeque::new(),
            unsent: None,
        })
    }

    /// Opens the session. A BMC that is silent or full is asked again until `patience` is over.
    pub fn meet(&mut self, patience: Duration) -> std::result::Result<Met, Shut> {
        let mut end = now().boottime + patience;
        self.link.start(now());
        self.drain();
        loop {
            let at = now().boottime;
            match *self.link.status() {
                Status::Up { suite: Some(suite), guid, identity } => return Ok(Met { guid, identity, suite }),
                Status::WrongIdentity { found } => return Err(Shut::Another { found }),
                Status::Down { why: Some(why), .. } if at >= end => return Err(self.shut(why)),
                Status::Opening | Status::Down { .. } | Status::Up { suite: None, .. } if at >= end => {
                    return Err(self.shut(Failure::Silent));
                }
                Status::Down { why: Some(why), since } if !why.is_passing() => {
                    end = end.min(since.boottime + SECOND_LOOK);
                }
                Status::Opening | Status::Down { .. } | Status::Up { suite: None, .. } => {}
            }
            match self.turn(end) {
                Some(signal) => return Err(Shut::Interrupted(signal)),
                None => continue,
            }
        }
    }

    /// How the link is now.
    pub fn status(&self) -> &Status {
        self.link.status()
    }

    /// Holds a dialogue until its end, or until `deadline` (in boottime). What was asked last and not
    /// answered then is taken back if it still waits.
    pub fn converse<D: Dialogue>(&mut self, dialogue: &mut D, deadline: Duration) -> std::result::Result<D::End, Cut> {
        let mut asked: Option<Ticket> = None;
        let cut = loop {
            while let Some((ticket, result)) = self.answers.pop_front() {
                if asked == Some(ticket) {
                    asked = None;
                    dialogue.handle_answer(now(), result);
                }
            }
            let mut until = deadline;
            if asked.is_none() {
                match dialogue.poll(now()) {
                    Step::Over(end) => return Ok(end),
                    Step::Submit(request) => {
                        self.tickets += 1;
                        let ticket = Ticket(self.tickets);
                        asked = Some(ticket);
                        self.link.submit(now(), ticket, Urgency::Normal, request);
                        self.drain();
                    }
                    Step::Wait(wake) => until = wake.map_or(deadline, |wake| wake.min(deadline)),
                }
            }
            if now().boottime >= deadline {
                break Cut::Late;
            }
            if self.answers.is_empty()
                && let Some(signal) = self.turn(until)
            {
                break Cut::Interrupted(signal);
            }
        };
        if let Some(ticket) = asked {
            self.link.withdraw(ticket);
        }
        Err(cut)
    }

    fn shut(&mut self, why: Failure) -> Shut {
        match self.unsent.take() {
            Some(error) if why == Failure::Silent => Shut::Unsent(error),
            Some(_) | None => Shut::Failed(why),
        }
    }

    /// Waits until something happens, or until this moment, and does what is due then.
    fn turn(&mut self, until: Duration) -> Option<Signal> {
        let due = self.link.next_deadline().map_or(until, |due| due.min(until));
        // Rounded up: a wait that ends within the same millisecond would only spin.
        let pause = due.saturating_sub(now().boottime) + Duration::from_millis(1);
        if self.epoll.wait(Some(pause)) {
            if let Some(signal) = self.signals.and_then(|signals| signals.wait(Some(Duration::ZERO))) {
                return Some(signal);
            }
            self.batch.refill(&self.socket);
            while let Some((from, bytes)) = self.batch.read() {
                if from == self.to {
                    self.link.handle_datagram(now(), bytes);
                }
            }
        }
        self.link.handle_timeout(now());
        self.drain();
        None
    }

    fn drain(&mut self) {
        while let Some(output) = self.link.poll_output() {
            match output {
                Output::Send(bytes) => self.unsent = udp::send(&self.socket, &bytes, self.to).err(),
                Output::Answer { ticket, result } => self.answers.push_back((ticket, result)),
                Output::Changed => {} // `meet` looks at the status itself
            }
        }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.link.stop(now());
        self.drain();
    }
}
