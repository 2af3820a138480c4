//! A visit in-band: opens the own BMC's device in the foreground, asks one thing after another, leaves.
//!
//! For programs that have a question and no engine, beside `visit`, which goes over LAN. Drives a `bmc::inband`. Its
//! input is the kernel's driver, and what the BMC says through it.

use super::ipmidev::Slot;
use super::sys::{Epoll, now};
use crate::bmc::failure::Failure;
use crate::bmc::inband::{Inband, Output};
use crate::bmc::link::{Status, Ticket, Urgency};
use crate::wire::ipmi::{Request, Response};
use crate::words::Guid;
use std::collections::VecDeque;
use std::io::Result;
use std::time::Duration;

/// Why the BMC was not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shut {
    /// It cannot be asked, and this is why.
    Failed(Failure),
    /// Its GUID is not the pinned one.
    Another {
        /// What it is.
        found: Guid,
    },
}

/// One visit; over when it is dropped.
#[derive(Debug)]
pub struct Inside {
    road: Inband,
    slot: Slot,
    epoll: Epoll,
    tickets: u64,
    answers: VecDeque<(Ticket, std::result::Result<Response, Failure>)>,
}

impl Inside {
    /// Nothing is opened yet.
    pub fn new(device: &str, pinned: Option<Guid>) -> Result<Self> {
        let (slot, epoll) = (Slot::new()?, Epoll::new()?);
        epoll.add(slot.set())?;
        let road = Inband::new(device.to_owned(), pinned);
        Ok(Self { road, slot, epoll, tickets: 0, answers: VecDeque::new() })
    }

    /// Opens the device and asks the BMC who it is; all zero: it does not tell.
    pub fn meet(&mut self) -> std::result::Result<Guid, Shut> {
        self.road.start(now());
        self.drain();
        loop {
            match *self.road.status() {
                Status::Up { guid, .. } => return Ok(guid),
                Status::WrongIdentity { found } => return Err(Shut::Another { found }),
                Status::Down { why, .. } => return Err(Shut::Failed(why.unwrap_or(Failure::Silent))),
                Status::Opening => self.turn(),
            }
        }
    }

    /// Asks; it ends within the time that the road gives an answer.
    pub fn ask(&mut self, request: Request) -> std::result::Result<Response, Failure> {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.road.submit(now(), ticket, Urgency::Normal, request);
        self.drain();
        loop {
            match self.answers.pop_front() {
                Some((of, result)) if of == ticket => return result,
                Some(_) => {}
                None => self.turn(),
            }
        }
    }

    /// Waits until something happens, and does what is due then.
    fn turn(&mut self) {
        if let Some(due) = self.road.next_deadline() {
            // Rounded up: a wait that ends within the same millisecond would only spin.
            self.epoll.wait(Some(due.saturating_sub(now().boottime) + Duration::from_millis(1)));
        }
        while let Some(event) = self.slot.hear() {
            self.road.handle(now(), event);
            self.drain();
        }
        self.road.handle_timeout(now());
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.road.poll_output() {
            match output {
                Output::Order(order) => {
                    if let Some(event) = self.slot.perform(order) {
                        self.road.handle(now(), event);
                    }
                }
                Output::Answer { ticket, result } => self.answers.push_back((ticket, result)),
                Output::Changed => {} // `meet` looks at the status itself
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Obstacle;

    #[test]
    fn a_file_is_no_bmc() {
        let mut inside = Inside::new("/proc/self/status", None).unwrap();
        assert_eq!(inside.meet(), Err(Shut::Failed(Failure::InBand(Obstacle::NotADevice))));
        let refused = inside.ask(Request { netfn: 6, lun: 0, command: 1, data: Vec::new() });
        assert_eq!(refused, Err(Failure::InBand(Obstacle::NotADevice)));
    }
}
