//! A link to one BMC that stays warm: opens, proves whose BMC it is, keeps alive, opens again.
//!
//! Sans-IO, on top of `session`: orders are `start`, `submit` and `stop`; drain `poll_output` after
//! every call. Every ticket is answered exactly once. Input is datagrams from the BMC's address.

pub use super::failure::Failure;
pub use super::identity::{Checked, Identity};
use super::queue::{Queue, Waiting};
pub use super::queue::{Ticket, Urgency};
use super::session::{self, Session};
pub use super::session::{Ignored, Login};
use crate::crypto::Random;
use crate::now::Now;
use crate::suite::Suite;
use crate::wire::command::{GET_DEVICE_ID, GET_SYSTEM_GUID, parse_guid, set_session_privilege};
use crate::wire::ipmi::{Completion, Request, Response};
use crate::words::Guid;
use core::time::Duration;
use std::collections::VecDeque;

/// A silent session is used after this time, so that the BMC does not end it (they do after 60 s).
pub const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long a command waits for a session at most.
pub const WAIT_FOR_SESSION: Duration = Duration::from_secs(2);
/// Between the end of an attempt and the next one, at first; doubled each time.
pub const REOPEN_FIRST: Duration = Duration::from_secs(1);
/// The most that it is doubled to.
pub const REOPEN_LAST: Duration = Duration::from_secs(10);
/// The same where only the operator can help: a BMC may lock a user out after too many attempts.
pub const REFUSED_FIRST: Duration = Duration::from_secs(30);
/// The most that it is doubled to.
pub const REFUSED_LAST: Duration = Duration::from_secs(300);
/// Until a BMC that was another system's is looked at again.
pub const RECHECK: Duration = Duration::from_secs(60);

/// What the link wants from the one who drives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this datagram to the BMC.
    Send(Vec<u8>),
    /// What became of a command.
    Answer {
        /// Which.
        ticket: Ticket,
        /// A response with any completion code, or why there is none.
        result: Result<Response, Failure>,
    },
    /// [`Link::status`] says something else now.
    Changed,
}

/// How the link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// No session.
    Down {
        /// Why the last attempt failed; `None` before the first.
        why: Option<Failure>,
        /// Since when there is none.
        since: Now,
    },
    /// The first attempt is under way.
    Opening,
    /// Commands are answered.
    Up {
        /// The cipher suite in use.
        suite: Suite,
        /// The BMC's system GUID.
        guid: Guid,
        /// Whether that is the right one.
        identity: Checked,
    },
    /// The BMC is another system's; nothing is sent to it.
    WrongIdentity {
        /// Its system GUID.
        found: Guid,
    },
}

/// Where in its life the link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Stopped,
    /// For the next attempt.
    Waiting,
    /// Key exchange.
    Opening,
    /// Set Session Privilege is in flight.
    Raising,
    /// Get System GUID is in flight.
    Identifying,
    Ready,
}

/// A warm link to one BMC.
#[derive(Debug)]
pub struct Link {
    login: Login,
    identity: Identity,
    random: Random,
    stage: Stage,
    session: Option<Session>,
    /// Of the session: its suite and the GUID in RAKP Message 2.
    told: Option<(Suite, Guid)>,
    status: Status,
    /// The BMC was another system's when we looked last.
    wrong: Option<Guid>,
    /// Whom we met first, where nobody told us whom to expect: it does not turn into another one.
    met: Option<Guid>,
    /// Why we close the session ourselves.
    because: Option<Failure>,
    queue: Queue,
    /// Whose command is in flight; `None`: ours or nobody's.
    in_flight: Option<Ticket>,
    /// Since when commands wait for a session.
    down_since: Duration,
    /// When the last attempt ended.
    tried: Duration,
    /// Attempts that failed in a row.
    failures: u32,
    /// Those at its end that only the operator can help. The first is not believed: a key exchange
    /// whose messages were repeated on the way looks like a wrong password.
    refusals: u32,
    /// Timer: open again.
    reopen: Option<Duration>,
    /// Timer: use the session, so that it stays.
    keep_alive: Option<Duration>,
    ignored: u64,
    output: VecDeque<Output>,
}

impl Link {
    /// A link that is not started. `random` must be its own.
    pub fn new(login: Login, identity: Identity, random: Random) -> Self {
        let since = Now { boottime: Duration::ZERO, wall: Duration::ZERO };
        Self {
            login,
            identity,
            random,
            stage: Stage::Stopped,
            session: None,
            told: None,
            status: Status::Down { why: None, since },
            wrong: None,
            met: None,
            because: None,
            queue: Queue::default(),
            in_flight: None,
            down_since: Duration::ZERO,
            tried: Duration::ZERO,
            failures: 0,
            refusals: 0,
            reopen: None,
            keep_alive: None,
            ignored: 0,
            output: VecDeque::new(),
        }
    }

    /// Opens the link and keeps it open until `stop`. Does nothing while it is started.
    pub fn start(&mut self, now: Now) {
        if self.stage == Stage::Stopped {
            self.down_since = now.boottime;
            (self.failures, self.refusals) = (0, 0);
            self.set_status(Status::Opening);
            self.attempt(now);
        }
    }

    /// Sends a command as soon as a session is there and those before it are answered. Chassis
    /// Control and Add SEL Entry are sent once; all others again until answered or given up.
    pub fn submit(&mut self, now: Now, ticket: Ticket, urgency: Urgency, request: Request) {
        if let Some(why) = self.hopeless() {
            return self.answer(ticket, Err(why));
        }
        if let Err(Waiting { ticket, .. }) = self.queue.push(urgency, Waiting { ticket, request, since: now.boottime })
        {
            return self.answer(ticket, Err(Failure::QueueFull));
        }
        if urgency == Urgency::Urgent {
            // Does not wait for a pause that has grown long; but no two attempts in a second.
            let soonest = now.boottime.max(self.tried + REOPEN_FIRST);
            self.reopen = self.reopen.map(|at| at.min(soonest));
        }
        self.drive(now);
    }

    /// Takes a command back that waits; one that is under way is answered all the same.
    pub fn withdraw(&mut self, ticket: Ticket) {
        self.queue.withdraw(ticket);
    }

    /// A datagram came from the BMC's address.
    pub fn handle_datagram(&mut self, now: Now, bytes: &[u8]) {
        match self.session.as_mut().map(|session| session.handle_datagram(now, bytes)) {
            Some(Ok(())) => self.drive(now),
            Some(Err(_)) | None => self.ignored += 1,
        }
    }

    /// Time has passed. Before the deadline this does nothing.
    pub fn handle_timeout(&mut self, now: Now) {
        if let Some(session) = &mut self.session {
            session.handle_timeout(now);
        }
        self.drive(now);
        if due(&mut self.reopen, now) {
            self.attempt(now);
        }
        let free = self.session.as_ref().is_some_and(Session::is_free);
        if due(&mut self.keep_alive, now) && free {
            self.command(now, Request::new(GET_DEVICE_ID, []));
        }
        if self.stage != Stage::Ready {
            let why = self.why().unwrap_or(Failure::Silent);
            while let Some(waiting) = self.queue.pop_expired(now.boottime, self.down_since, WAIT_FOR_SESSION) {
                self.answer(waiting.ticket, Err(why));
            }
        }
        self.drive(now);
    }

    /// What must be done now; `None`: nothing. Drain it after every call.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// When `handle_timeout` is due, in boottime. May change with every call.
    pub fn next_deadline(&self) -> Option<Duration> {
        let session = self.session.as_ref().and_then(Session::next_deadline);
        let waiting = match self.stage {
            Stage::Ready | Stage::Stopped => None,
            Stage::Waiting | Stage::Opening | Stage::Raising | Stage::Identifying => {
                self.queue.next_expiry(self.down_since, WAIT_FOR_SESSION)
            }
        };
        [session, waiting, self.reopen, self.keep_alive].into_iter().flatten().min()
    }

    /// Closes the session, answers all tickets; after that nothing more comes out.
    pub fn stop(&mut self, now: Now) {
        if self.stage == Stage::Stopped {
            return;
        }
        if let Some(session) = &mut self.session {
            session.close();
        }
        self.stage = Stage::Stopped;
        self.drive(now);
        (self.session, self.reopen, self.keep_alive, self.wrong) = (None, None, None, None);
        self.answer_all(Failure::Stopped);
        self.set_status(Status::Down { why: Some(Failure::Stopped), since: now });
    }

    /// How the link is now.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Whether the BMC at the other end is known to be the right one. Without that no chassis command.
    pub fn identity_matched(&self) -> bool {
        matches!(self.status, Status::Up { identity: Checked::Matched, .. })
    }

    /// Datagrams that changed nothing: forged, repeated, late or malformed.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Why a command could not succeed however long it waited.
    fn hopeless(&self) -> Option<Failure> {
        match self.stage {
            Stage::Stopped => Some(Failure::Stopped),
            _ if self.wrong.is_some() => Some(Failure::WrongIdentity),
            Stage::Waiting => self.why().filter(|_| self.refusals > 1),
            Stage::Opening | Stage::Raising | Stage::Identifying | Stage::Ready => None,
        }
    }

    fn why(&self) -> Option<Failure> {
        match self.status {
            Status::Down { why, .. } => why,
            Status::WrongIdentity { .. } => Some(Failure::WrongIdentity),
            Status::Opening | Status::Up { .. } => None,
        }
    }

    fn attempt(&mut self, now: Now) {
        self.reopen = None;
        self.stage = Stage::Opening;
        let mut session = Session::new(self.login.clone(), self.random.split());
        session.open(now);
        self.session = Some(session);
        self.drive(now);
    }

    /// Carries on until the session has nothing more to say and nothing more to do.
    fn drive(&mut self, now: Now) {
        loop {
            while let Some(output) = self.session.as_mut().and_then(Session::poll_output) {
                self.session_says(now, output);
            }
            let free = self.session.as_ref().is_some_and(Session::is_free);
            match self.queue.pop_if(free && self.stage == Stage::Ready) {
                Some(waiting) => {
                    self.in_flight = Some(waiting.ticket);
                    self.command(now, waiting.request);
                }
                None => return,
            }
        }
    }

    fn session_says(&mut self, now: Now, output: session::Output) {
        match (output, self.stage) {
            (session::Output::Send(datagram), _) => self.output.push_back(Output::Send(datagram)),
            (session::Output::Opened { suite, guid }, Stage::Opening) => {
                self.told = Some((suite, guid));
                self.stage = Stage::Raising;
                self.command(now, set_session_privilege(self.login.privilege as u8));
            }
            (session::Output::Answer(Ok(response)), Stage::Raising) => self.raised(now, &response),
            (session::Output::Answer(Ok(response)), Stage::Identifying) => self.identified(now, &response),
            (session::Output::Answer(Err(_)), Stage::Raising | Stage::Identifying) => {} // Closed follows
            (session::Output::Answer(result), Stage::Ready | Stage::Stopped) => {
                // After silence the session is tried at once; if it is over, Closed follows anyway.
                let pause = if result.is_ok() { KEEP_ALIVE } else { Duration::ZERO };
                self.keep_alive = Some(now.boottime + pause);
                if let Some(ticket) = self.in_flight.take() {
                    self.answer(ticket, result);
                }
            }
            (session::Output::Closed(why), _) => {
                let why = self.because.take().unwrap_or(why);
                self.lost(now, why);
            }
            // A session says these once and in this order; it is ours and not the BMC's.
            (
                session::Output::Opened { .. },
                Stage::Stopped | Stage::Waiting | Stage::Raising | Stage::Identifying | Stage::Ready,
            )
            | (session::Output::Answer(_), Stage::Waiting | Stage::Opening) => {}
        }
    }

    /// The BMC answered Set Session Privilege.
    fn raised(&mut self, now: Now, response: &Response) {
        let granted = response.data.first().map_or(u8::MAX, |level| level & 0x0F);
        match response.completion {
            0x00 if granted < self.login.privilege as u8 => self.close(Failure::PrivilegeTooHigh),
            0x00 => {
                self.stage = Stage::Identifying;
                self.command(now, Request::new(GET_SYSTEM_GUID, []));
            }
            0x80..=0x82 => self.close(Failure::PrivilegeTooHigh),
            other if Completion(other) == Completion::PRIVILEGE => self.close(Failure::PrivilegeTooHigh),
            other => self.close(Failure::Rejected(Completion(other))),
        }
    }

    /// The BMC answered Get System GUID; not all know the command, and some tell zeros.
    fn identified(&mut self, now: Now, response: &Response) {
        let Some((suite, introduced)) = self.told else {
            return self.close(Failure::Malformed);
        };
        let told = if response.completion == 0 { parse_guid(&response.data).ok() } else { None };
        let guid = told.filter(|guid| !guid.is_unspecified()).unwrap_or(introduced);
        let stranger = self.identity == Identity::Unknown && self.met.is_some_and(|met| !guid.is_same_as(&met));
        match self.identity.check(guid).filter(|_| !stranger) {
            Some(identity) => {
                self.met = self.met.or(Some(guid).filter(|guid| !guid.is_unspecified()));
                self.stage = Stage::Ready;
                self.wrong = None;
                (self.failures, self.refusals) = (0, 0);
                self.keep_alive = Some(now.boottime + KEEP_ALIVE);
                self.set_status(Status::Up { suite, guid, identity });
            }
            None => {
                self.wrong = Some(guid);
                self.close(Failure::WrongIdentity);
            }
        }
    }

    /// Ends the session for a reason of ours.
    fn close(&mut self, because: Failure) {
        self.because = Some(because);
        if let Some(session) = &mut self.session {
            session.close();
        }
    }

    /// The session is over.
    fn lost(&mut self, now: Now, why: Failure) {
        (self.session, self.told, self.keep_alive) = (None, None, None);
        let before = self.stage;
        match before {
            Stage::Stopped => return,
            Stage::Waiting | Stage::Opening | Stage::Raising | Stage::Identifying => {}
            Stage::Ready => self.down_since = now.boottime,
        }
        self.stage = Stage::Waiting;
        self.tried = now.boottime;
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
                let pause = if before == Stage::Ready { Duration::ZERO } else { self.pause(why) };
                self.reopen = Some(now.boottime + pause);
            }
        }
    }

    /// Doubled with each failure, up to a bound; a quarter of it is chance, so that the consoles of a
    /// BMC that comes back do not all knock at once.
    fn pause(&mut self, why: Failure) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.refusals = if why.is_passing() { 0 } else { self.refusals.saturating_add(1) };
        let (first, last, doublings) = match self.refusals {
            0 => (REOPEN_FIRST, REOPEN_LAST, self.failures - 1),
            1 => (REOPEN_FIRST, REOPEN_FIRST, 0),
            refusals => (REFUSED_FIRST, REFUSED_LAST, refusals - 2),
        };
        let doubled = first.saturating_mul(2_u32.saturating_pow(doublings)).min(last);
        let [chance] = self.random.array();
        doubled + doubled / 4 * u32::from(chance) / 255
    }

    fn command(&mut self, now: Now, request: Request) {
        let taken = self.session.as_mut().is_some_and(|session| session.command(now, request).is_ok());
        debug_assert!(taken, "commands are sent only to a free session");
    }

    fn answer(&mut self, ticket: Ticket, result: Result<Response, Failure>) {
        self.output.push_back(Output::Answer { ticket, result });
    }

    fn answer_all(&mut self, why: Failure) {
        if let Some(ticket) = self.in_flight.take() {
            self.answer(ticket, Err(why));
        }
        while let Some(waiting) = self.queue.pop_if(true) {
            self.answer(waiting.ticket, Err(why));
        }
    }

    fn set_status(&mut self, status: Status) {
        if self.status != status {
            self.status = status;
            self.output.push_back(Output::Changed);
        }
    }
}

/// Whether the timer has run out; clears it then.
fn due(timer: &mut Option<Duration>, now: Now) -> bool {
    timer.take_if(|at| *at <= now.boottime).is_some()
}
