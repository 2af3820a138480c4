//! How many of a BMC's sessions are taken, and whether we leave enough of them to others.
//!
//! Fencing, an operator's `ipmitool` and a vendor's console need sessions too, and a BMC has few. Asked
//! by Get Session Info inside our own session. Uses `wire`; the answers are a BMC's, hostile.

use crate::wire::ipmi::{Request, Response};
use crate::wire::session_info::{SessionInfo, SessionOwner, Which};
use core::net::Ipv4Addr;

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

/// A count that is under way: first of all sessions, then, where it matters, of those of our user. Several from one
/// address are one server's: what a process left behind that was killed, or an interruption, the BMC forgets by itself,
/// and nobody else is to give up his place for it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    slots: Option<Slots>,
    user: u8,
    ours: u8,
    /// From where they come, as far as the BMC tells.
    places: [Option<Ipv4Addr>; MAX_OURS as usize],
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
                let of = info.and_then(|info| info.of).filter(|of| of.user == self.user);
                self.ours += u8::from(of.is_some_and(|of| self.is_new(of)));
            }
        }
        self.index += 1;
        let last = self.slots.map_or(0, |slots| slots.active).min(MAX_LOOKED_AT);
        (self.index > last || self.ours > MAX_OURS).then(|| self.end())
    }

    /// Whether nobody has been met at the place where this session comes from.
    fn is_new(&mut self, of: SessionOwner) -> bool {
        let place = of.console.map(|(address, ..)| address).filter(|address| !address.is_unspecified());
        let Some(place) = place else { return true };
        let known = self.places.contains(&Some(place));
        if let Some(free) = self.places.iter_mut().find(|free| free.is_none()).filter(|_| !known) {
            *free = Some(place);
        }
        !known
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

    /// Whether it is crowded by sessions of one user from these addresses, ours last; 0: the BMC does not tell.
    fn crowded(hosts: &[u8]) -> bool {
        let mut count = Count::default();
        loop {
            let [index] = count.request().data[..] else { panic!() };
            let place = if index == 0 { hosts.len() - 1 } else { usize::from(index) - 1 };
            let mut told = vec![place as u8 + 1, 15, hosts.len() as u8, 2, 2, 0x11];
            if hosts[place] > 0 {
                told.extend([10, 0, 0, hosts[place], 0, 0, 0, 0, 0, 0, place as u8, 100]);
            }
            if let Some(counted) = count.hear(&Response::ok(told)) {
                return counted.crowded;
            }
        }
    }

    #[test]
    fn several_from_one_address_are_one_servers() {
        assert!(!crowded(&[1, 2, 2, 2]), "ours, what we left behind, and another server's");
        assert!(!crowded(&[1, 1, 2]), "what another one left behind");
        assert!(crowded(&[1, 3, 2]) && crowded(&[3, 1, 1, 2]), "a third server");
        assert!(crowded(&[0, 0, 0]) && crowded(&[1, 0, 2]), "nobody knows from where");
        assert!(!crowded(&[1, 2]));
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
