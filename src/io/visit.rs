//! A visit to one BMC in the foreground: comes, holds one dialogue after another, leaves.
//!
//! For programs that have a question and no engine: `bmc audit`, `setup`, `pin`, `ended`, `check --live`. Drives a
//! `bmc::link` on a socket of its own, or in-band the kernel's device, until a dialogue is over, a deadline has passed
//! or a signal came; the session is closed on every path, by `drop`. Its input is what `road` takes, and signals.

mod road;

use super::ipmidev::Slot;
use super::signals::{Signal, Signals};
use super::sys::{Epoll, now, random};
use super::udp::{self, Batch};
use crate::bmc::dialogue::{Dialogue, Step};
use crate::bmc::failure::Failure;
use crate::bmc::inband::Inband;
use crate::bmc::link::{Checked, Identity, Link, Login, Status, Ticket};
use crate::crypto::Random;
use crate::now::Now;
use crate::suite::Suite;
use crate::wire::ipmi::{Request, Response};
use crate::words::Guid;
use road::{Answers, InBand, Lan, Road};
use std::fmt;
use std::io::{Error, Result};
use std::net::SocketAddr;
use std::time::Duration;

/// Who was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Met {
    /// The BMC's system GUID.
    pub guid: Guid,
    /// Whether that is the right one.
    pub identity: Checked,
    /// The cipher suite in use; none in-band.
    pub suite: Option<Suite>,
}

impl Met {
    /// Whether it was met in-band.
    pub fn is_in_band(&self) -> bool {
        self.suite.is_none()
    }
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
    road: Road,
    signals: Option<&'a Signals>,
    epoll: Epoll,
    tickets: u64,
    answers: Answers,
}

impl<'a> Visit<'a> {
    /// Goes to the BMC at `to`. Signals in `signals` cut waits short; others end the process as ever, and then
    /// the BMC finds out by itself that the session is over.
    pub fn new(to: SocketAddr, login: Login, identity: Identity, signals: Option<&'a Signals>) -> Result<Self> {
        let socket = udp::bind_client(to.is_ipv6())?;
        let link = Link::new(login, identity, Random::from_seed(random()?));
        let lan = Lan { link, to, socket, batch: Batch::default(), unsent: None };
        Self::by(Road::Lan(Box::new(lan)), signals)
    }

    /// Goes to the BMC on this board by the kernel's `device`. Only a `pinned` GUID can say that it is the wrong one.
    pub fn in_band(device: &str, pinned: Option<Guid>, signals: Option<&'a Signals>) -> Result<Self> {
        let inside = InBand { road: Inband::new(device.to_owned(), pinned), slot: Slot::new()? };
        Self::by(Road::InBand(Box::new(inside)), signals)
    }

    fn by(road: Road, signals: Option<&'a Signals>) -> Result<Self> {
        let epoll = Epoll::new()?;
        road.watch(&epoll)?;
        if let Some(signals) = signals {
            epoll.add(signals)?;
        }
        Ok(Self { road, signals, epoll, tickets: 0, answers: Answers::new() })
    }

    /// Opens the session or the device, and learns who is there. A BMC that is silent or full is asked again until
    /// `patience` is over.
    pub fn meet(&mut self, patience: Duration) -> std::result::Result<Met, Shut> {
        let mut end = now().boottime + patience;
        self.road.start(&mut self.answers);
        loop {
            let at = now().boottime;
            match *self.road.status() {
                Status::Up { suite, guid, identity } => return Ok(Met { guid, identity, suite }),
                Status::WrongIdentity { found } => return Err(Shut::Another { found }),
                Status::Down { why: Some(why), .. } if at >= end => return Err(self.shut(why)),
                Status::Opening | Status::Down { .. } if at >= end => return Err(self.shut(Failure::Silent)),
                Status::Down { why: Some(why), since } if !why.is_passing() => {
                    end = end.min(since.boottime + self.road.second_look());
                }
                Status::Opening | Status::Down { .. } => {}
            }
            match self.turn(end) {
                Some(signal) => return Err(Shut::Interrupted(signal)),
                None => continue,
            }
        }
    }

    /// How the road is now.
    pub fn status(&self) -> &Status {
        self.road.status()
    }

    /// Asks one thing, until it is answered or until `deadline` (in boottime).
    pub fn ask(&mut self, request: Request, deadline: Duration) -> std::result::Result<Response, Failure> {
        self.converse(&mut Once { request: Some(request), result: None }, deadline).unwrap_or_else(|cut| {
            Err(match cut {
                Cut::Late => Failure::Silent,
                Cut::Interrupted(_) => Failure::Stopped,
            })
        })
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
                        self.road.submit(ticket, request, &mut self.answers);
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
            self.road.withdraw(ticket);
        }
        Err(cut)
    }

    fn shut(&mut self, why: Failure) -> Shut {
        match self.road.take_unsent() {
            Some(error) if why == Failure::Silent => Shut::Unsent(error),
            Some(_) | None => Shut::Failed(why),
        }
    }

    /// Waits until something happens, or until this moment, and does what is due then.
    fn turn(&mut self, until: Duration) -> Option<Signal> {
        let due = self.road.next_deadline().map_or(until, |due| due.min(until));
        // Rounded up: a wait that ends within the same millisecond would only spin.
        let pause = due.saturating_sub(now().boottime) + Duration::from_millis(1);
        if self.epoll.wait(Some(pause)) {
            if let Some(signal) = self.signals.and_then(|signals| signals.wait(Some(Duration::ZERO))) {
                return Some(signal);
            }
            self.road.hear(&mut self.answers);
        }
        self.road.handle_timeout(&mut self.answers);
        None
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.road.stop(&mut self.answers);
    }
}

/// One question, and its answer.
struct Once {
    request: Option<Request>,
    result: Option<std::result::Result<Response, Failure>>,
}

impl Dialogue for Once {
    type End = std::result::Result<Response, Failure>;

    fn poll(&mut self, _now: Now) -> Step<Self::End> {
        match (self.request.take(), self.result.take()) {
            (Some(request), _) => Step::Submit(request),
            (None, Some(result)) => Step::Over(result),
            (None, None) => Step::Wait(None),
        }
    }

    fn handle_answer(&mut self, _now: Now, result: std::result::Result<Response, Failure>) {
        self.result = Some(result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Obstacle;

    #[test]
    fn a_file_is_no_bmc() {
        let mut visit = Visit::in_band("/proc/self/status", None, None).unwrap();
        let begun = now().boottime;
        let patience = Duration::from_secs(10);
        let Err(Shut::Failed(why)) = visit.meet(patience) else { panic!("it was met") };
        assert_eq!(why, Failure::InBand(Obstacle::NotADevice));
        let refused = visit.ask(Request { netfn: 6, lun: 0, command: 1, data: Vec::new() }, begun + patience);
        assert_eq!(refused, Err(why));
        assert!(now().boottime < begun + Duration::from_secs(1), "nobody waits for a file to become a device");
    }
}
