//! The commands that wait for a BMC: urgent ones first, both kinds bounded.
//!
//! Uses `wire` for the request. Used by `link`; its input is our own.

use super::few::Few;
use super::repeat::may_repeat;
use crate::now::Now;
use crate::wire::ipmi::Request;
use core::time::Duration;

/// Commands of one urgency that wait at most. An urgent one is never refused because of normal ones.
pub const QUEUE: usize = 32;

/// Before a command that the BMC was too busy for is sent again; doubled each time.
pub const BUSY_PAUSE: Duration = Duration::from_millis(250);
/// Limit: how often a command is sent again that the BMC was too busy for; then its asker hears so.
pub const BUSY_TRIES: u32 = 3;

/// Names a command; chosen by the one who submits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Which of the waiting commands goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Urgency {
    /// A recovery depends on it.
    Urgent,
    /// It can wait for the urgent ones.
    Normal,
}

/// A command of somebody's, waiting or on its way.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) ticket: Ticket,
    pub(super) urgency: Urgency,
    pub(super) request: Request,
    pub(super) since: Duration,
    /// How often the BMC was too busy for it.
    pub(super) busy: u32,
}

impl Errand {
    pub(super) fn new(now: Now, ticket: Ticket, urgency: Urgency, request: Request) -> Self {
        Self { ticket, urgency, request, since: now.boottime, busy: 0 }
    }

    /// Whether it may be sent again after a pause.
    pub(super) fn may_wait(&self) -> bool {
        self.busy < BUSY_TRIES && may_repeat(&self.request)
    }
}

/// Two queues in order of submission.
#[derive(Debug, Default)]
pub(super) struct Queue {
    urgent: Few<Errand>,
    normal: Few<Errand>,
}

impl Queue {
    /// Gives the command back when its queue is full.
    pub(super) fn push(&mut self, errand: Errand) -> Result<(), Errand> {
        let queue = self.of(errand.urgency);
        if queue.len() >= QUEUE {
            return Err(errand);
        }
        queue.push_back(errand);
        Ok(())
    }

    /// Takes back what was sent and made way for another; it is the next of its kind.
    pub(super) fn put_back(&mut self, errand: Errand) {
        self.of(errand.urgency).push_front(errand);
    }

    fn of(&mut self, urgency: Urgency) -> &mut Few<Errand> {
        match urgency {
            Urgency::Urgent => &mut self.urgent,
            Urgency::Normal => &mut self.normal,
        }
    }

    /// Takes a command back that still waits; whether it did.
    pub(super) fn withdraw(&mut self, ticket: Ticket) -> bool {
        let before = self.urgent.len() + self.normal.len();
        self.urgent.retain(|errand| errand.ticket != ticket);
        self.normal.retain(|errand| errand.ticket != ticket);
        self.urgent.len() + self.normal.len() < before
    }

    /// The next one to send.
    pub(super) fn pop(&mut self) -> Option<Errand> {
        self.urgent.pop_front().or_else(|| self.normal.pop_front())
    }

    /// When the first command has waited for `patience`, counted from `down_since` if it is older.
    pub(super) fn next_expiry(&self, down_since: Duration, patience: Duration) -> Option<Duration> {
        let fronts = [self.urgent.front(), self.normal.front()];
        fronts.into_iter().flatten().map(|errand| errand.since.max(down_since) + patience).min()
    }

    /// A command that has waited so long at `now`.
    pub(super) fn pop_expired(&mut self, now: Duration, down_since: Duration, patience: Duration) -> Option<Errand> {
        let expired = |errand: &Errand| errand.since.max(down_since) + patience <= now;
        let queue =
            [&mut self.urgent, &mut self.normal].into_iter().find(|queue| queue.front().is_some_and(expired))?;
        queue.pop_front()
    }
}
