//! One *ended* for all recoveries of this server: a BMC that holds its reset lets go at the first one.
//!
//! Whoever has ended waits until the last has; then the BMC is told once, with the worst outcome, and all
//! of them hear what came of it. Part of [`Engine`], like `perform`.

use super::Engine;
use super::endings::{Ended, worse};
use super::output::Stage;
use super::roads::Owner;
use crate::now::Now;
use crate::recovery::action::Event;
use crate::recovery::machine::State;
use crate::words::{Level, Outcome, Phase};

impl Engine {
    /// A recovery has ended: the BMC hears of it when all have.
    pub(super) fn end(&mut self, now: Now, place: usize, record: u64, outcome: Outcome) {
        self.endings.waiting.retain(|ended| ended.place != place);
        self.endings.waiting.push(Ended { place, record, outcome });
        if self.seats.iter().any(|seat| seat.is_recovering()) {
            let why = "recovery ended waits for another recovery of this server";
            self.progress(now, place, Stage::Remark(Level::Info, why.into()));
        }
        self.end_together(now);
    }

    /// Tells the BMC, if nobody recovers any more.
    pub(super) fn end_together(&mut self, now: Now) {
        let busy = self.taking_up || self.seats.iter().any(|seat| seat.is_recovering());
        if !busy && self.endings.told.is_empty() && self.endings.waiting.is_empty() {
            self.order_at_last(now);
        }
        if busy || !self.endings.told.is_empty() || self.endings.waiting.is_empty() {
            self.dump = None; // looked for anew when it is time
            return;
        }
        if !self.dump_is_over(now) {
            return;
        }
        self.dump = None;
        let Some(&leader) = self.endings.waiting.last() else { return };
        let all = core::mem::take(&mut self.endings.waiting);
        let worst = all.iter().map(|ended| ended.outcome).fold(Outcome::Done, worse);
        for ended in &all {
            let seat = &mut self.seats[ended.place];
            seat.machine.ended_goes_out(now, &seat.policy);
            let owner = Owner::Seat(seat.id);
            // The others' *started* would come after the *ended* that is theirs, too.
            if ended.place == leader.place { self.roads.hasten(now, owner) } else { self.roads.forget(owner) }
        }
        self.endings.told = all;
        self.progress(now, leader.place, Stage::Telling(Phase::Ended(worst)));
        let seat = &self.seats[leader.place];
        let (owner, patience) = (Owner::Seat(seat.id), seat.policy.tell_deadline);
        self.tell(now, owner, Phase::Ended(worst), leader.record, patience);
    }

    /// Another recovery begins: the *ended* that is being told, and was not understood, waits
    /// for it, and a chassis command that waits to be sent is not.
    pub(super) fn hold_ended_back(&mut self, now: Now) {
        self.hold_telling_back();
        self.endings.held_order = None;
        for owner in self.roads.take_orders_back() {
            if let Some(place) = self.seats.iter().position(|seat| owner == Owner::Seat(seat.id)) {
                let why = "the chassis command is taken back, if it has not gone out: another recovery has begun";
                self.progress(now, place, Stage::Chassis(why.into()));
            }
        }
    }

    /// Another recovery may begin, or a forged trap is looked into: *ended* waits, and so does a chassis command that
    /// was not sent yet.
    pub(super) fn hold_all_back(&mut self, now: Now) {
        self.hold_telling_back();
        for owner in self.roads.hold_orders() {
            let seats = &self.seats;
            if let Some(place) = seats.iter().position(|seat| owner == Owner::Seat(seat.id))
                && let Some(record) = seats[place].machine.record()
            {
                self.endings.held_order = Some((place, record.serial()));
                let why = "the chassis command waits: another recovery may begin";
                self.progress(now, place, Stage::Chassis(why.into()));
            }
        }
    }

    fn hold_telling_back(&mut self) {
        let told = core::mem::take(&mut self.endings.told);
        if let Some(leader) = told.last() {
            self.roads.forget(Owner::Seat(self.seats[leader.place].id));
            self.endings.waiting.splice(0..0, told);
        }
    }

    /// No other recovery has begun: the chassis command that waited for that is given, if it is still wanted.
    fn order_at_last(&mut self, now: Now) {
        let Some((place, record)) = self.endings.held_order.take() else { return };
        let Some(seat) = self.seats.get(place) else { return };
        let waits = seat.machine.state() == State::AwaitingReset
            && seat.machine.record().is_some_and(|own| own.serial() == record);
        if let Some((action, true)) = seat.policy.chassis().filter(|_| waits) {
            self.endings.chassis = Some(place);
            self.chassis(now, place, action);
            self.endings.chassis = None;
        }
    }

    /// What came of telling *ended*, for all whom it concerns.
    pub(super) fn ended_news(&mut self, now: Now, worst: Outcome, stage: &Stage, event: fn(Phase) -> Event) {
        let all = core::mem::take(&mut self.endings.told);
        let leader = all.last().map(|ended| ended.place);
        for ended in all {
            self.progress(now, ended.place, stage.clone());
            self.endings.chassis = leader.filter(|&leader| leader == ended.place && worst == Outcome::Done);
            self.handle(now, ended.place, event(Phase::Ended(ended.outcome)));
        }
        self.endings.chassis = None;
        self.end_together(now);
    }
}
