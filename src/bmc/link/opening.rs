//! From a session's key exchange to a link that is up: privilege, identity, room.
//!
//! Part of [`Link`], apart because it happens once a session. Each question that need not be asked is
//! left out. Input is the BMC's answers, of which only the sender is proven.

use super::{BUSY_PAUSE, BUSY_TRIES, Count, KEEP_ALIVE, Link, Manners, Output, RECOUNT, Stage, Status};
use crate::bmc::failure::Failure;
use crate::bmc::identity::{Checked, Identity};
use crate::config::model::Privilege;
use crate::now::Now;
use crate::suite::Suite;
use crate::wire::command::{GET_SYSTEM_GUID, parse_guid, set_session_privilege};
use crate::wire::ipmi::{Completion, Request, Response};
use crate::words::Guid;

impl Link {
    /// Both sides have proven themselves. The session begins at USER.
    pub(super) fn opened(&mut self, now: Now, suite: Suite, guid: Guid) {
        self.told = Some((suite, guid));
        // Before the BMC's sessions are counted.
        self.output.extend(self.farewell.take().map(Output::Send));
        match self.login.privilege {
            Privilege::User => self.identify(now),
            Privilege::Operator | Privilege::Administrator => self.enter(now, Stage::Raising),
        }
    }

    fn enter(&mut self, now: Now, stage: Stage) {
        self.stage = stage;
        self.busy = 0;
        self.ask_for_stage(now);
    }

    /// Asks what this stage wants to know.
    pub(super) fn ask_for_stage(&mut self, now: Now) {
        let request = match self.stage {
            Stage::Raising => set_session_privilege(self.login.privilege as u8),
            Stage::Identifying => Request::new(GET_SYSTEM_GUID, []),
            Stage::Counting => self.count.get_or_insert_default().request(),
            Stage::Stopped | Stage::Held | Stage::Waiting | Stage::Opening | Stage::Ready => return,
        };
        self.command(now, request);
    }

    pub(super) fn opening_answered(&mut self, now: Now, response: &Response) {
        if Completion(response.completion) == Completion::BUSY && self.busy < BUSY_TRIES {
            self.again = Some(now.boottime + BUSY_PAUSE * 2_u32.pow(self.busy));
            self.busy += 1;
            return;
        }
        match self.stage {
            Stage::Raising => self.raised(now, response),
            Stage::Identifying => self.told_guid(now, response),
            Stage::Counting => match self.count.as_mut().and_then(|count| count.hear(response)) {
                Some(counted) => {
                    if self.counted(counted) {
                        self.identified(now);
                    }
                }
                None => self.ask_for_stage(now),
            },
            Stage::Stopped | Stage::Held | Stage::Waiting | Stage::Opening | Stage::Ready => {}
        }
    }

    /// The BMC answered Set Session Privilege.
    fn raised(&mut self, now: Now, response: &Response) {
        let granted = response.data.first().map_or(u8::MAX, |level| level & 0x0F);
        match response.completion {
            0x00 if granted < self.login.privilege as u8 => self.close(Failure::PrivilegeTooHigh),
            0x00 => self.identify(now),
            0x80..=0x82 => self.close(Failure::PrivilegeTooHigh),
            other if Completion(other) == Completion::PRIVILEGE => self.close(Failure::PrivilegeTooHigh),
            other => self.close(Failure::Rejected(Completion(other))),
        }
    }

    /// The GUID of RAKP Message 2 is covered by the BMC's proof. Where it says enough, nothing is asked.
    fn identify(&mut self, now: Now) {
        let Some((_, guid)) = self.told else { return self.close(Failure::Malformed) };
        let enough = match self.judged(guid) {
            Some(Checked::Matched) => true,
            Some(Checked::NotChecked) => !guid.is_unspecified(),
            None => false,
        };
        if enough {
            self.take_place(now);
        } else {
            self.enter(now, Stage::Identifying);
        }
    }

    /// The BMC answered Get System GUID; not all know the command, and some tell zeros.
    fn told_guid(&mut self, now: Now, response: &Response) {
        let answer = if response.completion == 0 { parse_guid(&response.data).ok() } else { None };
        if let (Some((_, told)), Some(guid)) = (&mut self.told, answer.filter(|guid| !guid.is_unspecified())) {
            *told = guid;
        }
        let Some((_, guid)) = self.told else { return self.close(Failure::Malformed) };
        match self.judged(guid) {
            Some(_) => self.take_place(now),
            None => self.is_wrong(guid),
        }
    }

    /// Whose BMC it must be was learned meanwhile; a session that is open is judged by it at once.
    pub fn expect(&mut self, now: Now, identity: Identity) {
        self.identity = identity;
        if let (Stage::Ready, Status::Up { suite, guid, .. }) = (self.stage, self.status) {
            match self.judged(guid) {
                Some(identity) => self.set_status(Status::Up { suite, guid, identity }),
                None => {
                    self.is_wrong(guid);
                    self.drive(now);
                }
            }
        }
    }

    /// `None`: it is another system's, or not the one that we met first.
    fn judged(&self, guid: Guid) -> Option<Checked> {
        let stranger = self.identity == Identity::Unknown && self.met.is_some_and(|met| !guid.is_same_as(&met));
        self.identity.check(guid).filter(|_| !stranger)
    }

    fn is_wrong(&mut self, guid: Guid) {
        self.wrong = Some(guid);
        self.close(Failure::WrongIdentity);
    }

    /// On another server's BMC only if there is room.
    fn take_place(&mut self, now: Now) {
        match self.login.manners {
            Manners::Own => self.identified(now),
            Manners::Peer => {
                self.count = Some(Count::default());
                self.enter(now, Stage::Counting);
            }
        }
    }

    /// It is the right BMC, and we may stay.
    fn identified(&mut self, now: Now) {
        let Some((suite, guid)) = self.told else { return self.close(Failure::Malformed) };
        let Some(identity) = self.judged(guid) else { return self.is_wrong(guid) };
        self.met = self.met.or(Some(guid).filter(|guid| !guid.is_unspecified()));
        self.stage = Stage::Ready;
        self.wrong = None;
        self.since = now.boottime;
        self.keep_alive = Some(now.boottime + KEEP_ALIVE);
        self.recount = (self.login.manners == Manners::Peer).then_some(now.boottime + RECOUNT);
        self.set_status(Status::Up { suite: Some(suite), guid, identity });
    }
}
