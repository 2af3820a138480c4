//! What a former process left open in the journal: taken up, told to the BMC, or closed.
//!
//! Part of [`Engine`], like `perform`; its input is the replayed journal.

use super::Engine;
use super::output::{Line, Output};
use super::roads::Owner;
use super::seat::{Matter, ends, remembered};
use crate::notice::Notice;
use crate::now::Now;
use crate::recovery::journal::{Closed, Reconcile, Record, Replay, Step, reconcile};
use crate::recovery::monitor::{self, Purpose};
use crate::words::{Class, Outcome, Phase};
use alloc::sync::Arc;
use core::time::Duration;

/// How long the end of a record without a monitor is told.
const TELL: Duration = Duration::from_secs(60);

impl Engine {
    /// What a former process left open in the journal.
    pub(super) fn take_up(&mut self, now: Now, replay: &Replay) {
        if replay.torn_tail || replay.corrupt > 0 {
            self.log(Line::warning(format!(
                "the journal was damaged: {} places skipped, {} records kept",
                replay.corrupt + u32::from(replay.torn_tail),
                replay.records().count()
            )));
        }
        // A repetition of what we know already is no news, even if it was another process that knew it.
        let boot = self.journal.boot();
        for record in replay.records() {
            // Unless not all its records were written when we were killed: it is news for the monitors without.
            if self.is_whole(record, replay) {
                self.reception.remember(now, record.notice.id);
            }
            for seat in self.seats.iter_mut().filter(|seat| Some(&*seat.name) == record.monitor.as_deref()) {
                seat.history.remember(now, record, boot, &seat.policy.limits);
                // One that is open all the same was to be closed when we were killed: its tools may not have ended.
                let withdrawn =
                    !record.is_open() && record.find(|step| (step == Step::Withdrawn).then_some(())).is_some();
                seat.has_set |= record.runs() > 0 && record.boot.is_same_as(boot) && !withdrawn;
            }
        }
        let fresh = self.journal.compact();
        self.outputs.push_back(Output::Compact(fresh));
        if self.cluster.observe {
            let open = replay.records().filter(|record| record.is_open()).count();
            if open > 0 {
                self.log(Line::warning(format!("only observing: {open} open records are left as they are")));
            }
            return;
        }
        let seats = &self.seats;
        let rerun = |name: &str| seats.iter().any(|seat| &*seat.name == name && seat.rerun);
        let open: Vec<_> =
            reconcile(replay, self.journal.boot(), rerun).map(|(record, how)| (record.clone(), how)).collect();
        for (record, how) in open {
            let place = self.seats.iter().position(|seat| Some(&*seat.name) == record.monitor.as_deref());
            match place {
                Some(place) => {
                    let seat = &mut self.seats[place];
                    if seat.matter.is_none() {
                        let notice = Arc::new(Notice { received: now, ..remembered(&record, self.cluster.this) });
                        seat.matter = Some(Matter::new(record.id.serial(), notice, Vec::new()));
                    }
                    self.forget_claim(now, place, &record, how);
                    let seat = &mut self.seats[place];
                    seat.look_at_gate(now, self.maintenance);
                    let actions = seat.machine.restore(now, &record, how, &seat.policy);
                    self.perform(now, place, actions);
                }
                None => self.leave_behind(now, &record, how),
            }
        }
        self.ask_for_the_held(now);
        self.clear_again(now, replay);
    }

    /// A former process may have been killed between the record of a clearing notice and what it ends.
    fn clear_again(&mut self, now: Now, replay: &Replay) {
        let (boot, cluster) = (self.journal.boot(), self.cluster.clone());
        let here = &cluster.this_server().name;
        let clearing = |record: &&Record| record.notice.class == Class::Cleared && record.boot.is_same_as(boot);
        for record in replay.records().filter(clearing).filter(|record| *record.server == **here) {
            let notice = remembered(record, cluster.this);
            let found =
                monitor::matches(&cluster, &notice).filter(|found| found.answer == Ok(Purpose::Clear) && found.proven);
            for id in found.map(|found| found.id) {
                let Some(place) = self.seats.iter().position(|seat| seat.id == id) else { continue };
                let name = &*self.seats[place].name;
                let own = replay.records().filter(|other| other.monitor.as_deref() == Some(name));
                let Some(newest) = own.max_by_key(|other| other.id.serial()) else { continue };
                let heard = matches!(newest.closed(), Some(Closed::Cleared | Closed::Operator));
                let same = ends(&notice, &remembered(newest, cluster.this));
                if !heard && same && newest.id.serial() < record.id.serial() {
                    self.fault_is_over(now, place);
                }
            }
        }
    }

    /// Whether every monitor that wants the record's notice has a record of it.
    fn is_whole(&self, record: &Record, replay: &Replay) -> bool {
        let notice = remembered(record, self.cluster.this);
        let mut wanting = monitor::matches(&self.cluster, &notice).filter(|found| found.answer == Ok(Purpose::Recover));
        let has = |name: &str| replay.records().any(|other| other.is_for(notice.id, name));
        !record.boot.is_same_as(self.journal.boot()) || wanting.all(|found| has(&found.monitor.name))
    }

    /// A record whose monitor is no longer configured: its end is told and it is closed.
    fn leave_behind(&mut self, now: Now, record: &Record, how: Reconcile) {
        let monitor = record.monitor.as_deref().unwrap_or("(none)");
        self.log(Line::warning(format!(
            "record {} of monitor {monitor}, which is not configured any more, is closed",
            record.id.serial()
        )));
        let (outcome, reason) = match how {
            Reconcile::TellEnded(outcome) => (Some(outcome), outcome.into()),
            Reconcile::Rerun { .. } => (Some(Outcome::Unknown), Closed::Unknown),
            Reconcile::GoOn { .. } => (Some(Outcome::Failed), Closed::Failed),
            Reconcile::StayHeld(why) if why.has_begun() => (Some(Outcome::Failed), Closed::Failed),
            Reconcile::Resume | Reconcile::StayHeld(_) => (None, Closed::Operator),
            Reconcile::Await { outcome, .. } => (None, outcome.into()),
            Reconcile::Close(reason) => (None, reason),
        };
        if let Some(outcome) = outcome {
            self.step(now, record.id, Step::Ending(outcome));
            let owner = Owner::Leftover(record.id.serial());
            self.tell(now, owner, Phase::Ended(outcome), record.id.serial(), TELL);
        }
        self.step(now, record.id, Step::Closed(reason));
    }
}
