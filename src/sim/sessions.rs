//! The sessions of the simulated BMC: how long they live, which sequence numbers they take. How they are
//! opened is in `login`.
//!
//! Only suites that guard and encrypt exist here. Uses `suite`; time is boottime, handed in.

use crate::config::model::Privilege;
use crate::suite::{Exchange, Keys, Suite};
use crate::wire::rakp::{OpenRequest, Opened, Rakp1};
use core::net::SocketAddr;
use core::time::Duration;

/// Open sessions at once.
pub const SESSIONS_MAX: usize = 8;
/// Sessions that are being opened at once; one more pushes out the oldest of them.
pub const HALF_OPEN_MAX: usize = 8;
/// Whoever does not finish to log in for so long is forgotten.
pub const HALF_OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// How far a packet's sequence number may be from the newest one, in both directions.
pub const WINDOW: u32 = 16;

/// The privilege of this number, if a session may have it.
pub(super) fn privilege(level: u8) -> Option<Privilege> {
    match level {
        2 => Some(Privilege::User),
        3 => Some(Privilege::Operator),
        4 => Some(Privilege::Administrator),
        _ => None,
    }
}

/// A session that is being opened.
#[derive(Debug)]
pub(super) struct HalfOpen {
    pub from: SocketAddr,
    pub request: OpenRequest,
    pub opened: Opened,
    pub suite: Suite,
    pub deadline: Duration,
    pub introduced: Option<Introduction>,
}

/// What the first RAKP exchange settled.
#[derive(Debug)]
pub(super) struct Introduction {
    pub rakp1: Rakp1,
    pub exchange: Exchange,
    pub user: usize,
    pub limit: Privilege,
    pub rakp2: Vec<u8>,
}

/// An open session.
#[derive(Debug)]
pub(super) struct Session {
    pub id: u32,
    pub console: u32,
    pub handle: u8,
    /// Place in the options' list of users.
    pub user: usize,
    pub from: SocketAddr,
    pub keys: Keys,
    pub limit: Privilege,
    pub privilege: Privilege,
    pub seen_last: Duration,
    pub received: Window,
    pub sent: u32,
    /// The message that opened it and the answer, for a repetition.
    pub proof: (Vec<u8>, Vec<u8>),
}

impl Session {
    /// The sequence number of the next packet to the console.
    pub fn next_sequence(&mut self) -> u32 {
        self.sent = self.sent.checked_add(1).unwrap_or(1);
        self.sent
    }

    /// Whether this number is new; then the session lives on. Only for packets whose code was right.
    pub fn accept(&mut self, now: Duration, sequence: u32) -> bool {
        let new = self.received.accept(sequence);
        if new {
            self.seen_last = now;
        }
        new
    }
}

/// Which sequence numbers came.
#[derive(Debug, Default)]
pub(super) struct Window {
    newest: u32,
    /// Bit n: newest - n came.
    seen: u32,
}

impl Window {
    pub fn accept(&mut self, sequence: u32) -> bool {
        let ahead = sequence.wrapping_sub(self.newest);
        let behind = self.newest.wrapping_sub(sequence);
        if sequence == 0 {
            false
        } else if (1..=WINDOW).contains(&ahead) {
            self.seen = self.seen << ahead | 1;
            self.newest = sequence;
            true
        } else if behind < WINDOW && self.seen & 1 << behind == 0 {
            self.seen |= 1 << behind;
            true
        } else {
            false
        }
    }
}

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    pub(super) half: Vec<HalfOpen>,
    pub(super) open: Vec<Session>,
    handle: u8,
}

impl Sessions {
    pub fn open(&self) -> &[Session] {
        &self.open
    }

    pub fn half_open(&self) -> usize {
        self.half.len()
    }

    pub fn get(&mut self, id: u32) -> Option<&mut Session> {
        self.open.iter_mut().find(|session| session.id == id)
    }

    pub fn remove(&mut self, id: u32) -> Option<Session> {
        let at = self.open.iter().position(|session| session.id == id)?;
        Some(self.open.remove(at))
    }

    /// The BMC restarted: nothing is left.
    pub fn clear(&mut self) {
        self.half.clear();
        self.open.clear();
    }

    pub(super) fn free_handle(&mut self) -> u8 {
        loop {
            self.handle = self.handle % 0xFE + 1; // 1 to FEh
            if !self.open.iter().any(|session| session.handle == self.handle) {
                return self.handle;
            }
        }
    }

    /// When somebody was silent for too long.
    pub fn next_deadline(&self, timeout: Duration) -> Option<Duration> {
        let half = self.half.iter().map(|half| half.deadline);
        half.chain(self.open.iter().map(|session| session.seen_last.saturating_add(timeout))).min()
    }

    /// Forgets those who were silent for too long; hands out the sessions among them.
    pub fn handle_timeout(&mut self, now: Duration, timeout: Duration) -> Vec<Session> {
        self.half.retain(|half| half.deadline > now);
        let is_over = |session: &mut Session| session.seen_last.saturating_add(timeout) <= now;
        self.open.extract_if(.., is_over).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_takes_each_number_once() {
        let mut window = Window::default();
        assert!(!window.accept(0) && window.accept(3), "clients begin at 1 or 3");
        assert!(!window.accept(3), "a replay");
        assert!(window.accept(1) && !window.accept(1), "late, but new");
        assert!(window.accept(3 + WINDOW) && !window.accept(3 + 2 * WINDOW + 1), "not too far ahead");
        assert!(!window.accept(3), "too old to tell");
        let mut wrapped = Window { newest: u32::MAX, seen: 1 };
        assert!(wrapped.accept(2) && !wrapped.accept(u32::MAX) && wrapped.accept(u32::MAX - 1));
    }
}
