//! Both roads to this server's own BMC: in-band first, LAN beside it where in-band is silent.
//!
//! Sans-IO, of the shape of `link`; on top of `inband` and `link`. A command that may be repeated and that in-band has
//! not answered for a second goes over LAN as well, and the first answer counts. What may not be repeated takes one
//! road; it changes the road only if it was never sent. Input is what those two take; hostile.

mod choice;
mod remark;
mod show;

use super::failure::{Failure, Obstacle};
use super::identity::Identity;
use super::inband::{self, Event, Inband, Order, SILENCE, is_the_bmcs};
use super::link::{self, Link, Status};
use super::queue::{Ticket, Urgency};
use super::repeat::may_repeat;
use crate::now::Now;
use crate::wire::ipmi::{Request, Response};
use crate::words::Guid;
pub use choice::{CALM, RETURN_FIRST, RETURN_LAST};
use core::time::Duration;
pub use remark::Remark;
use std::collections::VecDeque;

/// What both roads want from the one who drives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Do this with the device.
    Order(Order),
    /// Send this datagram to the BMC.
    Send(Vec<u8>),
    /// What became of a command.
    Answer {
        /// Which.
        ticket: Ticket,
        /// A response with any completion code, or why there is none.
        result: Result<Response, Failure>,
    },
    /// [`Auto::status`] says something else now, or the BMC may have forgotten who we are.
    Changed,
    /// People should know this.
    Remark(Remark),
}

/// What one road did with a command.
#[derive(Debug)]
enum Side {
    NotAsked,
    Asked,
    /// It brought nothing of use.
    Done(Result<Response, Failure>),
}

#[derive(Debug)]
struct Pending {
    ticket: Ticket,
    urgency: Urgency,
    request: Request,
    since: Duration,
    in_band: Side,
    lan: Side,
    /// Nobody wants it any more: it is asked on no further road.
    withdrawn: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Via {
    InBand,
    Lan,
}

/// Both roads to this server's own BMC.
#[derive(Debug)]
pub struct Auto {
    in_band: Inband,
    /// None without a login, or where the operator wants in-band alone.
    lan: Option<Link>,
    /// Whose BMC LAN must reach, as far as in-band has not said.
    identity: Identity,
    pinned: bool,
    /// The GUID that LAN was told to expect.
    learned: Option<Guid>,
    /// In-band has answered once: what is asked is asked of the BMC on the board.
    met: bool,
    /// Which road is preferred.
    via: Via,
    /// Since when in-band is well.
    well_since: Option<Duration>,
    switched: Option<Duration>,
    hold: Duration,
    pending: Vec<Pending>,
    shown: Status,
    lan_was_up: bool,
    /// What was said of LAN and of the device last.
    lan_said: Option<Failure>,
    device_said: Option<Obstacle>,
    output: VecDeque<Output>,
}

impl Auto {
    /// Two roads that are not started. `identity` is what the BMC must be as far as anybody knows beforehand.
    pub fn new(device: String, pinned: Option<Guid>, identity: Identity, lan: Option<Link>) -> Self {
        let in_band = Inband::new(device, pinned);
        Self {
            shown: *in_band.status(),
            in_band,
            lan,
            identity,
            pinned: pinned.is_some(),
            learned: None,
            met: false,
            via: Via::InBand,
            well_since: None,
            switched: None,
            hold: RETURN_FIRST,
            pending: Vec::new(),
            lan_was_up: false,
            lan_said: None,
            device_said: None,
            output: VecDeque::new(),
        }
    }

    /// Opens both and keeps them open until `stop`.
    pub fn start(&mut self, now: Now) {
        self.in_band.start(now);
        if let Some(lan) = &mut self.lan {
            lan.start(now);
        }
        self.drive(now);
    }

    /// Asks on the better road, and later on the other one if need be.
    pub fn submit(&mut self, now: Now, ticket: Ticket, urgency: Urgency, request: Request) {
        if matches!(self.in_band.status(), Status::WrongIdentity { .. }) {
            let result = Err(Failure::WrongIdentity);
            return self.output.push_back(Output::Answer { ticket, result });
        }
        let (in_band, lan) = self.choose(&request);
        let since = now.boottime;
        let (withdrawn, neither) = (false, || Side::NotAsked);
        self.pending.push(Pending { ticket, urgency, request, since, in_band: neither(), lan: neither(), withdrawn });
        let place = self.pending.len() - 1;
        if in_band {
            self.ask(now, place, Via::InBand);
        }
        if lan {
            self.ask(now, place, Via::Lan);
        }
        self.drive(now);
    }

    /// Takes a command back that waits, and says whether it did; one that is under way is answered all the same.
    pub fn withdraw(&mut self, ticket: Ticket) -> bool {
        let Some(place) = self.pending.iter().position(|pending| pending.ticket == ticket) else { return false };
        let in_band = self.in_band.withdraw(ticket);
        let lan = self.lan.as_mut().is_some_and(|lan| lan.withdraw(ticket));
        let pending = &mut self.pending[place];
        pending.withdrawn = true;
        if in_band {
            pending.in_band = Side::Done(Err(Failure::Stopped));
        }
        if lan {
            pending.lan = Side::Done(Err(Failure::Stopped));
        }
        let waits = !matches!((&pending.in_band, &pending.lan), (Side::Asked, _) | (_, Side::Asked));
        if waits {
            self.pending.remove(place);
        }
        waits
    }

    /// The shell has heard something of the device.
    pub fn handle_in_band(&mut self, now: Now, event: Event) {
        self.in_band.handle(now, event);
        self.drive(now);
    }

    /// A datagram came from the BMC's address.
    pub fn handle_datagram(&mut self, now: Now, bytes: &[u8]) {
        if let Some(lan) = &mut self.lan {
            lan.handle_datagram(now, bytes);
        }
        self.drive(now);
    }

    /// Time has passed. Before the deadline this does nothing.
    pub fn handle_timeout(&mut self, now: Now) {
        self.in_band.handle_timeout(now);
        if let Some(lan) = &mut self.lan {
            lan.handle_timeout(now);
        }
        self.drive(now);
        self.help(now);
        self.drive(now);
    }

    /// Our own process, or host, slept for so long: what was answered meanwhile was not late.
    pub fn slept(&mut self, for_so_long: Duration) {
        self.in_band.slept(for_so_long);
        if let Some(lan) = &mut self.lan {
            lan.slept(for_so_long);
        }
        self.pending.iter_mut().for_each(|pending| pending.since += for_so_long);
    }

    /// What must be done now; `None`: nothing. Drain it after every call.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// When `handle_timeout` is due, in boottime. May change with every call.
    pub fn next_deadline(&self) -> Option<Duration> {
        let help =
            self.pending.iter().filter(|pending| self.wants_help(pending)).map(|pending| pending.since + SILENCE);
        let back = self.well_since.filter(|_| self.via == Via::Lan).map(|since| since + self.hold);
        let lan = self.lan.as_ref().and_then(Link::next_deadline);
        [self.in_band.next_deadline(), lan, back, help.min()].into_iter().flatten().min()
    }

    /// Closes both, answers all tickets; after that nothing more comes out.
    pub fn stop(&mut self, now: Now) {
        self.in_band.stop(now);
        if let Some(lan) = &mut self.lan {
            lan.stop(now);
        }
        self.drive(now);
    }

    /// How the BMC is reached now.
    pub fn status(&self) -> &Status {
        &self.shown
    }

    /// Whether in-band was tried and does not work.
    pub fn is_in_band_down(&self) -> bool {
        matches!(self.in_band.status(), Status::Down { .. })
    }

    fn is_in_band_up(&self) -> bool {
        matches!(self.in_band.status(), Status::Up { .. })
    }

    fn is_lan_up(&self) -> bool {
        self.lan.as_ref().is_some_and(|lan| matches!(lan.status(), Status::Up { .. }))
    }

    fn ask(&mut self, now: Now, place: usize, via: Via) {
        let Some(pending) = self.pending.get_mut(place) else { return };
        let (ticket, urgency, request) = (pending.ticket, pending.urgency, pending.request.clone());
        match (via, &mut self.lan) {
            (Via::InBand, _) => {
                pending.in_band = Side::Asked;
                self.in_band.submit(now, ticket, urgency, request);
            }
            (Via::Lan, Some(lan)) => {
                pending.lan = Side::Asked;
                lan.submit(now, ticket, urgency, request);
            }
            (Via::Lan, None) => {}
        }
    }

    /// Whether a command waits for in-band alone, although LAN could be asked.
    fn wants_help(&self, pending: &Pending) -> bool {
        let alone = matches!((&pending.in_band, &pending.lan), (Side::Asked, Side::NotAsked));
        alone
            && !pending.withdrawn
            && self.may_go_over_lan(&pending.request)
            && (may_repeat(&pending.request) || self.in_band.has_not_sent(pending.ticket))
    }

    /// LAN is asked as well what in-band has not answered for a second.
    fn help(&mut self, now: Now) {
        for place in 0..self.pending.len() {
            let pending = &self.pending[place];
            if pending.since + SILENCE <= now.boottime && self.wants_help(pending) {
                let ticket = pending.ticket;
                if self.in_band.withdraw(ticket) {
                    self.pending[place].in_band = Side::Done(Err(Failure::Silent));
                }
                self.ask(now, place, Via::Lan);
            }
        }
    }

    /// Carries on until neither road has anything more to say.
    fn drive(&mut self, now: Now) {
        loop {
            if let Some(output) = self.in_band.poll_output() {
                match output {
                    inband::Output::Order(order) => self.output.push_back(Output::Order(order)),
                    inband::Output::Answer { ticket, result } => self.answered(now, Via::InBand, ticket, result),
                    inband::Output::Changed => {}
                }
            } else if let Some(output) = self.lan.as_mut().and_then(Link::poll_output) {
                match output {
                    link::Output::Send(datagram) => self.output.push_back(Output::Send(datagram)),
                    link::Output::Answer { ticket, result } => self.answered(now, Via::Lan, ticket, result),
                    link::Output::Changed => {}
                }
            } else if !self.learn(now) {
                break;
            }
        }
        self.prefer(now);
        self.show();
    }

    fn answered(&mut self, now: Now, via: Via, ticket: Ticket, result: Result<Response, Failure>) {
        // The other road was quicker.
        let Some(place) = self.pending.iter().position(|pending| pending.ticket == ticket) else { return };
        if result.as_ref().is_ok_and(|response| via == Via::Lan || is_the_bmcs(response)) {
            self.pending.remove(place);
            self.in_band.withdraw(ticket);
            if let Some(lan) = &mut self.lan {
                lan.withdraw(ticket);
            }
            return self.output.push_back(Output::Answer { ticket, result });
        }
        let never_sent = matches!(result, Err(Failure::InBand(_)));
        let lan = self.may_go_over_lan(&self.pending[place].request);
        let pending = &mut self.pending[place];
        match via {
            Via::InBand => pending.in_band = Side::Done(result),
            Via::Lan => pending.lan = Side::Done(result),
        }
        match (&pending.in_band, &pending.lan) {
            (Side::Asked, _) | (_, Side::Asked) => {}
            (Side::NotAsked, Side::Done(_)) | (Side::Done(_), Side::NotAsked) if pending.withdrawn => self.over(place),
            (Side::Done(_), Side::NotAsked) if lan && (never_sent || may_repeat(&pending.request)) => {
                self.ask(now, place, Via::Lan);
            }
            (Side::NotAsked, Side::Done(_)) if may_repeat(&pending.request) => self.ask(now, place, Via::InBand),
            (Side::NotAsked | Side::Done(_), Side::NotAsked | Side::Done(_)) => self.over(place),
        }
    }

    /// No road brings anything more.
    fn over(&mut self, place: usize) {
        let Pending { ticket, in_band, lan, .. } = self.pending.remove(place);
        self.output.push_back(Output::Answer { ticket, result: better(in_band, lan) });
    }
}

/// Of two that brought nothing of use: an answer before none, LAN's reason before in-band's.
fn better(in_band: Side, lan: Side) -> Result<Response, Failure> {
    match (in_band, lan) {
        (Side::Done(Ok(response)), _) | (_, Side::Done(Ok(response))) => Ok(response),
        (_, Side::Done(Err(why))) | (Side::Done(Err(why)), _) => Err(why),
        (Side::NotAsked | Side::Asked, Side::NotAsked | Side::Asked) => Err(Failure::Silent),
    }
}
