//! What a witness takes from its BMC's log: where it stands, what was read, what that may still prove.
//!
//! Part of [`Witness`], apart because the rest is about those who ask. Its input is a BMC's log, hostile.

use super::{Access, At, Doubt, MAX_CATCH_UP, MAX_SEEN, Missed, STILLNESS, Seen, Verdict, Waiting, Witness};
use crate::bmc::sel_reading::{Audit, Kept, Place, Read};
use crate::words::Guid;
use core::time::Duration;

impl Witness {
    /// A BMC that comes back, or another one.
    pub(super) fn look(&mut self, now: Duration, access: Access) {
        let Access::Open(guid) = access else {
            self.open = false;
            return;
        };
        let known = self.guid.filter(|known| is_same(known, &guid));
        if known.is_some_and(|known| known.is_unspecified()) {
            self.guid = Some(guid); // told over the other road
        }
        if known.is_none() {
            self.guid = Some(guid);
            self.seen.clear();
            self.stale = self.reading; // the other one's log
            let mark = self.left.mark.take().filter(|mark| is_same(&mark.guid, &guid));
            self.at = mark.map_or(At::Nowhere, |mark| At::Behind(mark.place, 0));
            self.fresh = mark.is_some() && self.left.here;
            (self.open, self.next) = (true, now);
        }
        if !self.open {
            if let At::End(place) = self.at {
                self.at = At::Behind(place, 0);
            }
            (self.open, self.next) = (true, now);
        }
    }

    pub(super) fn take(&mut self, now: Duration, read: Read) {
        (self.heard, self.refused) = (Some(now), false);
        let behind = match self.at {
            At::Behind(_, readings) => Some(readings),
            At::Nowhere | At::End(_) => None,
        };
        match read.kept {
            Kept::Continued => {}
            Kept::New => self.placed = now,
            Kept::Cleared => self.moved = Some(now),
            Kept::Lost => (self.moved, self.placed) = (Some(now), now),
        }
        if matches!(read.kept, Kept::Cleared | Kept::Lost) && behind.is_some() {
            self.missed.push_back(Missed::Unknown);
        }
        self.remember(now, &read, behind.is_some());
        self.at = match (read.more, behind) {
            (true, Some(readings)) if readings + 1 < MAX_CATCH_UP => At::Behind(read.place, readings + 1),
            (true, Some(_)) => {
                self.missed.push_back(Missed::TooMany);
                At::Nowhere
            }
            (_, _) => At::End(read.place),
        };
        if let (At::End(_), false) = (self.at, self.fresh) {
            (self.fresh, self.placed) = (true, now); // what comes from now on is
        }
        self.support();
        if let Some(audit) = read.audit {
            for place in 0..self.cases.len() {
                if let Some(case) = self.cases.get(place)
                    && !case.told
                    && case.since + STILLNESS <= now
                {
                    let known = |waiting: &Waiting| self.old.iter().any(|record| waiting.claim.is_told_by(record));
                    let verdict = match self.silence(now, case.since, audit) {
                        _ if case.waiting.iter().any(known) => Verdict::Unanswerable(Doubt::Older),
                        verdict => verdict,
                    };
                    self.tell(place, verdict);
                }
            }
        }
        self.pause(now);
        if read.more || matches!(self.at, At::Nowhere) {
            self.next = now;
        }
    }

    /// What the log's silence means.
    pub(super) fn silence(&self, now: Duration, since: Duration, audit: Audit) -> Verdict {
        let moved = self.moves(now) || audit.more;
        let doubt = match audit.logging {
            _ if self.placed > since => Doubt::NoPlace,
            _ if moved => Doubt::Moved,
            Some(false) | None => Doubt::NotLogging,
            Some(true) if audit.full => Doubt::Full,
            Some(true) => return Verdict::Contradicted,
        };
        Verdict::Unanswerable(doubt)
    }

    /// Keeps what was read, for traps that wait and for those that are still to come.
    pub(super) fn remember(&mut self, now: Duration, read: &Read, behind: bool) {
        let mut before = Place { last: None, entries: 0, ..read.place };
        let count = u16::try_from(read.records.len()).unwrap_or(u16::MAX);
        before.entries = read.place.entries.saturating_sub(count);
        before.last = match (self.at, read.kept) {
            (At::Behind(place, _) | At::End(place), Kept::Continued) => place.last,
            (At::Nowhere | At::Behind(..) | At::End(_), _) => None,
        };
        for record in &read.records {
            let here = before;
            (before.last, before.entries) = (Some(*record), before.entries.saturating_add(1));
            let own = |(kind, maker): (u8, u32)| record.record_type() == kind && record.manufacturer() == maker;
            if self.settings.own.is_some_and(own) {
                continue;
            }
            let used = self.left.used.iter().find(|(used, _)| used == record).map(|(_, notice)| *notice);
            if behind && self.settings.catch_up && used.is_none() {
                self.missed.push_back(Missed::Event(*record));
            }
            if !self.fresh {
                if self.old.len() >= MAX_SEEN {
                    self.old.pop_front();
                }
                self.old.push_back(*record);
            } else {
                self.moved = Some(now);
                if self.seen.len() >= MAX_SEEN {
                    self.seen.pop_front();
                }
                self.seen.push_back(Seen { record: *record, at: now, used, before: here });
            }
        }
    }
}

/// Whether it is one BMC: some tell their GUID over one road alone, or in another order of octets.
fn is_same(known: &Guid, told: &Guid) -> bool {
    known.is_same_as(told) || known.is_unspecified() || told.is_unspecified()
}
