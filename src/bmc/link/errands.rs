//! The commands of a link's owners, one at a time: who waits for which answer, and for whom the BMC is busy.
//!
//! Part of [`Link`], apart because it is all that a link does while it is up. Input is the BMC's answers.

use super::{Counted, Errand, Failure, KEEP_ALIVE, Link, Manners, Output, Session, Stage, Ticket, Urgency};
use crate::bmc::queue::BUSY_PAUSE;
use crate::now::Now;
use crate::wire::ipmi::{Completion, Request, Response};
use core::time::Duration;

impl Link {
    /// Gives the free session something to do; whether there was anything.
    pub(super) fn go_on(&mut self, now: Now) -> bool {
        let parked = self.parked.take_if(|(at, _)| *at <= now.boottime).map(|(_, errand)| errand);
        let errand = parked.or_else(|| self.queue.pop());
        let request = match (&errand, &self.count) {
            (Some(errand), _) => errand.request.clone(),
            (None, Some(count)) => count.request(),
            (None, None) => return false,
        };
        self.errand = errand;
        self.command(now, request);
        true
    }

    /// Something urgent is to be said: it does not wait for the answer to what is not. That is asked again after it, unless
    /// it only kept the session alive, which the urgent one does, too.
    pub(super) fn make_way(&mut self) {
        let is_normal = self.errand.as_ref().is_none_or(|errand| errand.urgency == Urgency::Normal);
        if self.stage == Stage::Ready
            && is_normal
            && self.session.as_mut().is_some_and(Session::interrupt)
            && let Some(errand) = self.errand.take()
        {
            self.queue.put_back(errand);
        }
    }

    /// A command was answered, or not, while the link is up.
    pub(super) fn answered(&mut self, now: Now, result: Result<Response, Failure>) {
        // After silence the session is tried at once; if it is over, Closed follows anyway.
        let pause = if result.is_ok() { KEEP_ALIVE } else { Duration::ZERO };
        self.keep_alive = Some(now.boottime + pause);
        let is_busy = matches!(&result, Ok(response) if Completion(response.completion) == Completion::BUSY);
        match self.errand.take() {
            // Nothing was done, they say; what must not be done twice is still not said again by us.
            Some(errand) if is_busy && self.parked.is_none() && errand.may_wait() => {
                let pause = BUSY_PAUSE * 2_u32.pow(errand.busy);
                self.parked = Some((now.boottime + pause, Errand { busy: errand.busy + 1, ..errand }));
            }
            Some(errand) => self.answer(errand.ticket, result),
            None => {
                if let (Ok(response), Some(count)) = (&result, &mut self.count)
                    && let Some(counted) = count.hear(response)
                {
                    self.counted(counted);
                }
            }
        }
    }

    /// The BMC's sessions were counted; whether we may stay.
    pub(super) fn counted(&mut self, counted: Counted) -> bool {
        self.count = None;
        self.counts = counted.slots.is_some();
        self.slots = counted.slots;
        let stay = self.login.manners == Manners::Own || !counted.crowded;
        if !stay {
            self.close(Failure::Crowded);
        }
        stay
    }

    pub(super) fn command(&mut self, now: Now, request: Request) {
        let taken = self.session.as_mut().is_some_and(|session| session.command(now, request).is_ok());
        debug_assert!(taken, "commands are sent only to a free session");
    }

    pub(super) fn answer(&mut self, ticket: Ticket, result: Result<Response, Failure>) {
        self.output.push_back(Output::Answer { ticket, result });
    }

    pub(super) fn answer_all(&mut self, why: Failure) {
        let parked = self.parked.take().map(|(_, errand)| errand);
        for errand in [self.errand.take(), parked].into_iter().flatten() {
            self.answer(errand.ticket, Err(why));
        }
        while let Some(errand) = self.queue.pop() {
            self.answer(errand.ticket, Err(why));
        }
    }
}
