//! A link to one BMC that stays warm: opens, proves whose BMC it is, keeps alive, opens again.
//!
//! Sans-IO, on top of `session`: orders are `start`, `submit` and `stop`; drain `poll_output` after
//! every call. Every ticket is answered exactly once. Input is datagrams from the BMC's address.

mod ending;
mod errands;
mod opening;
mod status;

use super::abandoned::Abandoned;
pub use super::failure::Failure;
use super::few::Few;
pub use super::identity::{Checked, Identity};
use super::pace::Pace;
pub use super::queue::{BUSY_PAUSE, BUSY_TRIES, Ticket, Urgency};
use super::queue::{Errand, Queue};
use super::reopen::Reopen;
pub use super::reopen::{CROWDED_FIRST, CROWDED_LAST, REFUSED_FIRST, REFUSED_LAST, REOPEN_FIRST, REOPEN_LAST, STEADY};
use super::session::{self, Session};
pub use super::session::{Ignored, Login, Manners};
pub use super::slots::Slots;
use super::slots::{Count, Counted};
use crate::crypto::Random;
use crate::now::Now;
use crate::suite::Suite;
use crate::wire::command::GET_DEVICE_ID;
use crate::wire::ipmi::Request;
use crate::words::Guid;
use core::time::Duration;
pub use status::{Output, Status};

/// A silent session is used after this time, so that the BMC does not end it (they do after 60 s).
pub const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long a command waits for a session at most.
pub const WAIT_FOR_SESSION: Duration = Duration::from_secs(2);
/// Until a BMC that was another system's is looked at again.
pub const RECHECK: Duration = Duration::from_secs(60);
/// Between two looks at how many sessions a peer's BMC has left.
pub const RECOUNT: Duration = Duration::from_secs(60);

/// Where in its life the link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Stopped,
    /// For its owner, who has many to open.
    Held,
    /// For the next attempt.
    Waiting,
    /// Key exchange.
    Opening,
    /// Set Session Privilege is in flight.
    Raising,
    /// Get System GUID is in flight.
    Identifying,
    /// Get Session Info is in flight: may we stay?
    Counting,
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
    /// The command in flight; `None`: ours or nobody's.
    errand: Option<Errand>,
    /// The one that the BMC was too busy for, and when it is sent again.
    parked: Option<(Duration, Errand)>,
    /// How often the BMC was too busy for a command of ours; timer: it is sent again.
    busy: u32,
    again: Option<Duration>,
    /// A count of the BMC's sessions that is under way.
    count: Option<Count>,
    slots: Option<Slots>,
    /// Whether Get Session Info is known here.
    counts: bool,
    /// Timer: count again.
    recount: Option<Duration>,
    /// Since when commands wait for a session, or are answered.
    since: Duration,
    /// When the last attempt ended.
    tried: Duration,
    back_off: Reopen,
    /// Timer: open again.
    reopen: Option<Duration>,
    /// Timer: use the session, so that it stays.
    keep_alive: Option<Duration>,
    /// How fast the BMC answers, and the session before this one, for which answers may still come.
    pace: Pace,
    abandoned: Option<Abandoned>,
    /// What the last session that was open says once more when the next one is.
    farewell: Option<Vec<u8>>,
    ignored: u64,
    output: Few<Output>,
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
            errand: None,
            parked: None,
            busy: 0,
            again: None,
            count: None,
            slots: None,
            counts: true,
            recount: None,
            since: Duration::ZERO,
            tried: Duration::ZERO,
            back_off: Reopen::default(),
            reopen: None,
            keep_alive: None,
            pace: Pace::default(),
            abandoned: None,
            farewell: None,
            ignored: 0,
            output: Few::default(),
        }
    }

    /// Opens the link and keeps it open until `stop`. Does nothing while it is started.
    pub fn start(&mut self, now: Now) {
        if self.stage == Stage::Stopped {
            self.since = now.boottime;
            self.back_off = Reopen::default();
            self.set_status(Status::Opening);
            self.attempt(now);
        }
    }

    /// Opens it when [`Link::begin`] says so, or when something urgent is to be said; what is submitted waits.
    pub fn hold(&mut self) {
        if self.stage == Stage::Stopped {
            self.stage = Stage::Held;
            self.set_status(Status::Opening);
        }
    }

    /// Ends [`Link::hold`].
    pub fn begin(&mut self, now: Now) {
        if self.stage == Stage::Held {
            self.since = now.boottime;
            self.back_off = Reopen::default();
            self.attempt(now);
        }
    }

    /// Whether it waits for [`Link::begin`].
    pub fn is_held(&self) -> bool {
        self.stage == Stage::Held
    }

    /// Sends a command as soon as a session is there and those before it are answered; an urgent one without waiting
    /// for the answer to a normal one that was sent once and may be sent again, which then is asked once more. Chassis
    /// Control and Add SEL Entry are sent once; all others again until answered or given up.
    pub fn submit(&mut self, now: Now, ticket: Ticket, urgency: Urgency, request: Request) {
        if let Some(why) = self.hopeless() {
            return self.answer(ticket, Err(why));
        }
        if let Err(Errand { ticket, .. }) = self.queue.push(Errand::new(now, ticket, urgency, request)) {
            return self.answer(ticket, Err(Failure::QueueFull));
        }
        if urgency == Urgency::Urgent {
            // Does not wait for a pause that has grown long; but no two attempts in a second.
            let soonest = now.boottime.max(self.tried + REOPEN_FIRST);
            self.reopen = self.reopen.map(|at| at.min(soonest));
            self.begin(now);
            self.make_way();
        }
        self.drive(now);
    }

    /// Takes a command back that waits, and says whether it did; one that is under way is answered all the same.
    pub fn withdraw(&mut self, ticket: Ticket) -> bool {
        let parked = self.parked.take_if(|(_, errand)| errand.ticket == ticket).is_some();
        self.queue.withdraw(ticket) || parked
    }

    /// A datagram came from the BMC's address.
    pub fn handle_datagram(&mut self, now: Now, bytes: &[u8]) {
        match self.session.as_mut().map(|session| session.handle_datagram(now, bytes)) {
            Some(Ok(())) => self.drive(now),
            Some(Err(_)) | None => {
                self.ignored += 1;
                self.late(now, bytes);
            }
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
        if due(&mut self.again, now) {
            self.ask_for_stage(now);
        }
        let look = due(&mut self.keep_alive, now) | due(&mut self.recount, now);
        if look && self.stage == Stage::Ready {
            self.keep_alive = Some(now.boottime + KEEP_ALIVE);
            self.look(now);
        }
        if self.stage != Stage::Ready && self.stage != Stage::Held {
            let why = self.why().unwrap_or(Failure::Silent);
            while let Some(errand) = self.queue.pop_expired(now.boottime, self.since, WAIT_FOR_SESSION) {
                self.answer(errand.ticket, Err(why));
            }
        }
        self.drive(now);
    }

    /// Uses the session, for something that is worth knowing where the BMC can tell it.
    fn look(&mut self, now: Now) {
        if self.counts {
            self.count = self.count.or(Some(Count::default()));
        } else if self.session.as_ref().is_some_and(Session::is_free) {
            self.command(now, Request::new(GET_DEVICE_ID, []));
        }
        if self.login.manners == Manners::Peer {
            self.recount = Some(now.boottime + RECOUNT);
        }
    }

    /// Our own process, or host, slept for so long: what was answered meanwhile does not show that the BMC is slow. To be
    /// called before anything else is handed in.
    pub fn slept(&mut self, for_so_long: Duration) {
        if let Some(session) = &mut self.session {
            session.slept(for_so_long);
        }
        if let Some(session) = &mut self.abandoned {
            session.slept(for_so_long);
        }
    }

    /// What must be done now; `None`: nothing. Drain it after every call.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// When `handle_timeout` is due, in boottime. May change with every call.
    pub fn next_deadline(&self) -> Option<Duration> {
        let session = self.session.as_ref().and_then(Session::next_deadline);
        let (waiting, parked) = match self.stage {
            Stage::Ready => {
                let free = self.session.as_ref().is_some_and(Session::is_free);
                (None, self.parked.as_ref().map(|(at, _)| *at).filter(|_| free))
            }
            Stage::Stopped | Stage::Held => (None, None),
            Stage::Waiting | Stage::Opening | Stage::Raising | Stage::Identifying | Stage::Counting => {
                (self.queue.next_expiry(self.since, WAIT_FOR_SESSION), None)
            }
        };
        let timers = [session, waiting, parked, self.again, self.reopen, self.keep_alive, self.recount];
        timers.into_iter().flatten().min()
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
        (self.again, self.recount, self.count) = (None, None, None);
        (self.abandoned, self.farewell) = (None, None);
        self.answer_all(Failure::Stopped);
        self.set_status(Status::Down { why: Some(Failure::Stopped), since: now });
    }

    /// Whether the BMC is this server's own.
    pub fn is_own(&self) -> bool {
        self.login.manners == Manners::Own
    }

    /// How the link is now.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The BMC's sessions, if it tells of them; known once the link has been up for a while.
    pub fn slots(&self) -> Option<Slots> {
        self.slots
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
            Stage::Waiting => self.why().filter(|why| self.back_off.is_refused() || *why == Failure::Crowded),
            Stage::Held | Stage::Opening | Stage::Raising | Stage::Identifying | Stage::Counting | Stage::Ready => None,
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
        let mut session = Session::new(self.login.clone(), self.random.split(), self.pace);
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
            if !free || self.stage != Stage::Ready || !self.go_on(now) {
                return;
            }
        }
    }

    fn session_says(&mut self, now: Now, output: session::Output) {
        match (output, self.stage) {
            (session::Output::Send(datagram), _) => self.output.push_back(Output::Send(datagram)),
            (session::Output::Opened { suite, guid }, Stage::Opening) => self.opened(now, suite, guid),
            (session::Output::Answer(Ok(response)), Stage::Raising | Stage::Identifying | Stage::Counting) => {
                self.opening_answered(now, &response);
            }
            // Closed follows.
            (session::Output::Answer(Err(_)), Stage::Raising | Stage::Identifying | Stage::Counting) => {}
            (session::Output::Answer(result), Stage::Ready | Stage::Stopped) => self.answered(now, result),
            (session::Output::Closed(why), _) => {
                let why = self.because.take().unwrap_or(why);
                self.lost(now, why);
            }
            // A session says these once and in this order; it is ours and not the BMC's.
            (
                session::Output::Opened { .. },
                Stage::Stopped
                | Stage::Held
                | Stage::Waiting
                | Stage::Raising
                | Stage::Identifying
                | Stage::Counting
                | Stage::Ready,
            )
            | (session::Output::Answer(_), Stage::Held | Stage::Waiting | Stage::Opening) => {}
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
