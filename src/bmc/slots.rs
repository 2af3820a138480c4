//! How many of a BMC's sessions are taken, and whether we leave enough of them to others.
//!
//! Fencing, an operator's `ipmitool` and a vendor's console need sessions too, and a BMC has few. Asked
//! by Get Session Info inside our own session. Uses `wire`; the answers are a BMC's, hostile.

use crate::wire::ipmi::{Request, Response};
use crate::wire::session_info::{SessionInfo, Which};

/// Limit: sessions of ours on one BMC, over all nodes.
pub const MAX_OURS: u8 = 2;
/// Limit: sessions of a BMC that we leave to others.
pub const LEFT_FREE: u8 = 2;
/// Limit: sessions of a BMC whose user is looked at.
const MAX_LOOKED_AT: u8 = 16;

/// A BMC's sessions, as it told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots {
    /// How many there may be.
    pub slots: u8,
    /// How many there are, ours included.
    pub active: u8,
}

/// What is known in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    /// `None`: the BMC does not say.
    pub(super) slots: Option<Slots>,
    /// Ours must go.
    pub(super) crowded: bool,
}

/// A count that is under way: first of all sessions, then, where it matters, of those of our user.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    slots: Option<Slots>,
    user: u8,
    ours: u8,
    /// The session that is asked about now; 0: our own.
    index: u8,
}

impl Count {
    pub(super) fn request(&self) -> Request {
        if self.index == 0 { Which::This.request() } else { Which::Nth(self.index).request() }
    }

    /// `None`: ask on.
    pub(super) fn hear(&mut self, response: &Response) -> Option<Counted> {
        let info = if response.completion == 0 { SessionInfo::parse(&response.data).ok() } else { None };
        match (self.slots, info) {
            (None, Some(SessionInfo { slots, active, of, .. })) => {
                let free = slots.checked_sub(active);
                self.slots = Some(Slots { slots, active });
                if free.is_none() || slots == 0 {
                    return Some(Counted { slots: None, crowded: false }); // nonsense is no reason to go
                }
                let Some(owner) = of.filter(|_| free >= Some(LEFT_FREE) && active > MAX_OURS) else {
                    return Some(self.end());
                };
                self.user = owner.user;
            }
            (None, None) => return Some(self.end()),
            (Some(_), info) => {
                let user = info.and_then(|info| info.of).map(|owner| owner.user);
                self.ours += u8::from(user == Some(self.user));
            }
        }
        self.index += 1;
        let last = self.slots.map_or(0, |slots| slots.active).min(MAX_LOOKED_AT);
        (self.index > last || self.ours > MAX_OURS).then(|| self.end())
    }

    fn end(&self) -> Counted {
        let few = self.slots.is_some_and(|slots| slots.slots.saturating_sub(slots.active) < LEFT_FREE);
        Counted { slots: self.slots, crowded: few || self.ours > MAX_OURS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end of a count over answers: the user of each session, ours first.
    fn count(slots: u8, users: &[u8]) -> Counted {
        let mut count = Count::default();
        let active = users.len() as u8;
        for _ in 0..20 {
            let [index] = count.request().data[..] else { panic!() };
            let user = users[usize::from(index.saturating_sub(1))];
            let response = Response::ok([index + 1, slots, active, user, 2, 0x11]);
            if let Some(counted) = count.hear(&response) {
                return counted;
            }
        }
        panic!("it does not end")
    }

    #[test]
    fn two_of_ours_and_two_left() {
        assert!(!count(4, &[2]).crowded);
        assert!(!count(4, &[2, 2]).crowded, "two of ours, two free");
        assert!(count(4, &[2, 3, 4]).crowded, "one free");
        assert!(count(8, &[2, 2, 2]).crowded, "a third of ours");
        assert!(!count(8, &[2, 3, 4, 2]).crowded);
        assert_eq!(count(8, &[2, 3]).slots, Some(Slots { slots: 8, active: 2 }));
        let refused = Response::refusal(crate::wire::ipmi::Completion::UNKNOWN_COMMAND);
        assert_eq!(Count::default().hear(&refused), Some(Counted { slots: None, crowded: false }));
        assert!(!count(0, &[2]).crowded && !count(1, &[2, 2]).crowded, "nonsense");
    }
}
