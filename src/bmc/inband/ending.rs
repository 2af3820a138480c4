//! How the in-band road becomes silent, is lost, and answers all who wait.
//!
//! Part of [`Inband`]; `link` has one of the same kind.

use super::{InFlight, Inband, Output, PROBE, REOPEN, Stage, Status};
use crate::bmc::failure::{Failure, Obstacle};
use crate::bmc::queue::Ticket;
use crate::now::Now;
use crate::wire::ipmi::Response;

impl Inband {
    pub(super) fn fall_silent(&mut self, now: Now) {
        if !self.silent {
            (self.silent, self.down_since) = (true, now.boottime);
        }
    }

    /// No answer to what is in flight is taken any more.
    pub(super) fn give_up(&mut self, now: Now) {
        (self.again, self.probe) = (None, Some(now.boottime + PROBE));
        self.down(now, Failure::Silent);
        if let Some(InFlight { ticket: Some(ticket), taken, .. }) = self.in_flight.take() {
            let why = if taken { Failure::Silent } else { Failure::InBand(Obstacle::Busy) };
            self.answer(ticket, Err(why));
        }
    }

    pub(super) fn down(&mut self, now: Now, why: Failure) {
        let same = matches!(self.status, Status::Down { why: Some(before), .. } if before == why);
        if !same {
            self.set_status(Status::Down { why: Some(why), since: now });
        }
    }

    /// The device is not there, or not any more.
    pub(super) fn lost(&mut self, now: Now, why: Failure) {
        (self.stage, self.silent) = (Stage::Waiting, false);
        (self.probe, self.again) = (None, None);
        self.reopen = Some(now.boottime + REOPEN);
        self.down(now, why);
        self.answer_all(why);
    }

    pub(super) fn answer(&mut self, ticket: Ticket, result: Result<Response, Failure>) {
        self.output.push_back(Output::Answer { ticket, result });
    }

    pub(super) fn answer_all(&mut self, why: Failure) {
        if let Some(InFlight { ticket: Some(ticket), .. }) = self.in_flight.take() {
            self.answer(ticket, Err(why));
        }
        while let Some(waiting) = self.queue.pop() {
            self.answer(waiting.ticket, Err(why));
        }
    }

    pub(super) fn set_status(&mut self, status: Status) {
        if self.status != status {
            self.status = status;
            self.output.push_back(Output::Changed);
        }
    }
}
