//! How a session of a link ends, and what follows: a pause, another attempt, answers that come too late.
//!
//! Part of [`Link`], apart because it happens once a session. Input is datagrams from whoever can reach our port.

use super::{Failure, Link, Output, RECHECK, Reopen, STEADY, Session, Stage, Status};
use crate::now::Now;
use core::time::Duration;

impl Link {
    /// Something for the session before this one: the BMC was slow, not silent.
    pub(super) fn late(&mut self, now: Now, bytes: &[u8]) {
        let Some(late) = self.abandoned.as_mut().and_then(|session| session.hear(now.boottime, bytes)) else { return };
        self.pace.heard_after(late.after);
        if let Some(session) = &mut self.session {
            session.is_slow(late.after);
        }
        if let Some(datagram) = late.free
            && self.stage != Stage::Stopped
        {
            self.output.push_back(Output::Send(datagram));
        }
    }

    /// Ends the session for a reason of ours.
    pub(super) fn close(&mut self, because: Failure) {
        self.because = Some(because);
        if let Some(session) = &mut self.session {
            session.close();
        }
    }

    /// The session is over.
    pub(super) fn lost(&mut self, now: Now, why: Failure) {
        let repeated = self.session.as_ref().is_some_and(Session::was_repeated);
        if let Some(session) = &mut self.session {
            (self.pace, self.abandoned) = (session.pace(), session.take_abandoned());
            self.farewell = session.take_farewell().or(self.farewell.take());
        }
        (self.session, self.told, self.keep_alive) = (None, None, None);
        (self.again, self.recount, self.count) = (None, None, None);
        let lived = match self.stage {
            Stage::Stopped | Stage::Held => return,
            Stage::Waiting | Stage::Opening | Stage::Raising | Stage::Identifying | Stage::Counting => None,
            Stage::Ready => Some(now.boottime.saturating_sub(core::mem::replace(&mut self.since, now.boottime))),
        };
        self.stage = Stage::Waiting;
        self.tried = now.boottime;
        if let Some((_, errand)) = self.parked.take() {
            self.answer(errand.ticket, Err(why));
        }
        match self.wrong {
            Some(found) => {
                self.set_status(Status::WrongIdentity { found });
                self.answer_all(Failure::WrongIdentity);
                self.reopen = Some(now.boottime + RECHECK);
            }
            None => {
                let since = match self.status {
                    Status::Down { since, .. } => since,
                    Status::Opening | Status::Up { .. } | Status::WrongIdentity { .. } => now,
                };
                self.set_status(Status::Down { why: Some(why), since });
                let pause = match (lived, why) {
                    (Some(lived), Failure::Silent | Failure::SessionLost) if lived >= STEADY => {
                        self.back_off = Reopen::default();
                        Duration::ZERO
                    }
                    (_, why) => self.back_off.pause(why, repeated, &mut self.random),
                };
                self.reopen = Some(now.boottime + pause);
                if why == Failure::Crowded {
                    self.answer_all(why);
                }
            }
        }
    }
}
