//! Whether the BMC meant what a trap said: its witness is asked, and what it says reaches the recovery.
//!
//! Part of [`Engine`], like `perform`. Only this server's BMC is asked: no other moves its services.

use super::output::{Line, Stage};
use super::seat::{Seat, remembered};
use super::{Awaited, Engine};
use crate::bmc::evidence::{Access, Asker, Claim, Doubt, Said, Verdict, Wish};
use crate::bmc::link::{Checked, Status};
use crate::bmc::sel_reading::{Read, Unread};
use crate::notice::Notice;
use crate::now::Now;
use crate::recovery::action::Event;
use crate::recovery::journal::{Record, RecordId, Step};
use crate::recovery::machine::State;
use crate::wire::command::GET_DEVICE_ID;
use crate::wire::ipmi::Request;
use crate::wire::sel;
use crate::words::{Class, Level, MonitorId, Trust};
use alloc::sync::Arc;

/// What the BMC is asked about: the event of a PET, or that of a vendor's trap whose profile says which sensor's it is.
fn claimed(notice: &Notice) -> Option<Claim> {
    if let Some(pet) = &notice.pet {
        return Some(Claim::of(pet));
    }
    let [device, sensor_type, number, event_type, offset] = notice.fault?.event()?;
    Some(Claim::from_octets([device, sensor_type, number, event_type, offset, 0, 0, 0])) // no event data
}

impl Engine {
    /// Lets the witness do what it wants, and hears what it says; whether anything has come of it.
    pub(super) fn inquire(&mut self, now: Now) -> bool {
        let mut moved = false;
        loop {
            let access = self.access();
            let Some(witness) = self.witness.as_mut().filter(|_| !self.leaving) else {
                self.inquire_at = None; // what it wanted is due no more
                return moved;
            };
            if let Some(said) = witness.poll_verdict() {
                self.hear_witness(now, said);
            } else if let Some(missed) = witness.poll_missed() {
                self.tell_missed(now, &missed);
            } else if let Some(mark) = witness.poll_mark() {
                let octets = self.journal.mark(now, mark);
                self.append(octets, Awaited::Step);
            } else {
                match witness.poll(now, access) {
                    Wish::Read(reading, urgency) => self.roads.read(now, self.cluster.this, reading, urgency),
                    Wish::Knock => self.roads.wake(now, self.cluster.this, Request::new(GET_DEVICE_ID, [])),
                    Wish::Wait(until) => match witness.poll_verdict() {
                        Some(said) => self.hear_witness(now, said),
                        None => {
                            self.inquire_at = until;
                            return moved;
                        }
                    },
                }
            }
            moved = true;
        }
    }

    /// How this server's BMC can be asked.
    pub(super) fn access(&self) -> Access {
        match self.roads.status(self.cluster.this) {
            None => Access::Never(Doubt::NoRoad),
            Some(Status::Up { identity: Checked::Matched, guid, .. }) => Access::Open(*guid),
            Some(Status::Up { identity: Checked::NotChecked, .. }) => Access::Never(Doubt::Unidentified),
            Some(Status::WrongIdentity { .. }) => Access::Never(Doubt::OtherSystem),
            Some(Status::Down { .. } | Status::Opening) => Access::Closed,
        }
    }

    /// What was read of the log.
    pub(super) fn handle_read(&mut self, now: Now, result: Result<Read, Unread>) {
        let access = self.access();
        if let Some(witness) = &mut self.witness {
            witness.handle_read(now, access, result);
        }
    }

    // ---- asking

    /// Whether this seat wants the notice proven before anything begins.
    pub(super) fn doubts(&self, place: usize, notice: &Notice) -> bool {
        let seat = &self.seats[place];
        let state = seat.machine.state();
        let early = state == State::Idle || waits(state, seat.machine.held().is_some_and(|why| !why.has_begun()));
        early && seat.policy.verify && notice.trust < Trust::Corroborated
    }

    /// A notice came for a monitor that wants it proven. What it says is written down, so that a successor can ask
    /// on; and the log is read at once, whatever the gate says: the record may be gone from memory later.
    pub(super) fn claim(&mut self, now: Now, record: RecordId, notice: &Notice) {
        if let Some(claim) = claimed(notice) {
            self.step(now, record, Step::Asked(claim));
        }
    }

    /// The traps of this seat's recovery wait for their record.
    pub(super) fn ask_for(&mut self, now: Now, place: usize, notice: &Notice) {
        let seat = &self.seats[place];
        let (Some(record), Some(claim)) = (seat.machine.record(), claimed(notice)) else { return };
        if !waits(seat.machine.state(), seat.machine.held().is_some_and(|why| !why.has_begun())) {
            return;
        }
        let asker = Asker { monitor: seat.id, record: record.serial(), clears: false };
        if let Some(witness) = &mut self.witness {
            witness.ask(now, asker, notice.id.0, claim);
        }
    }

    /// The same trap once more: its BMC was not heard, or has logged it only now.
    pub(super) fn ask_again(&mut self, now: Now, notice: &Notice) {
        for place in 0..self.seats.len() {
            let seat = &self.seats[place];
            let Some(job) = seat.machine.record().filter(|_| seat.policy.verify && seat.proven.is_none()) else {
                continue;
            };
            // Its own, or one that joined; not one of an earlier recovery, which the operator may have ended.
            let of = |record: &Record| record.is_for(notice.id, &seat.name) && record.id.serial() >= job.serial();
            if self.journal.records().any(of) {
                self.ask_for(now, place, notice);
            }
        }
    }

    /// A clearing must be proven like a fault: it lets services come back to this server.
    pub(super) fn ask_whether_over(&mut self, now: Now, monitor: MonitorId, notice: &Notice) {
        let at_work = |seat: &Seat| seat.machine.state() != State::Idle || seat.has_set;
        let concerns = |seat: &Seat| seat.id == monitor && at_work(seat) && seat.ends_with(notice);
        if !self.seats.iter().any(concerns) {
            return; // nothing would come of it
        }
        let asker = Asker { monitor, record: 0, clears: true };
        match (&mut self.witness, claimed(notice)) {
            (Some(witness), Some(claim)) => witness.ask(now, asker, notice.id.0, claim),
            (Some(_), None) => self.not_over(monitor, Some(Doubt::NoEvent)),
            (None, _) => self.not_over(monitor, Some(Doubt::NoRoad)),
        }
    }

    /// The machine wants evidence.
    pub(super) fn verify(&mut self, now: Now, place: usize, record: RecordId) {
        let serial = record.serial();
        let seat = &self.seats[place];
        let trusted = seat.matter.as_ref().is_some_and(|matter| matter.notice.trust >= Trust::Corroborated);
        if trusted || seat.proven == Some(serial) {
            return self.handle(now, place, Event::Supported);
        }
        if seat.machine.state() == State::Verifying {
            self.hold_all_back(now); // a recovery may begin: the BMC must not reset the server just now
        }
        if self.witness.is_none() {
            return self.unanswerable(now, place, Doubt::NoRoad);
        }
        if !self.ask_all(now, place, record) {
            self.unanswerable(now, place, Doubt::NoEvent);
        }
    }

    /// Those that are held before they began: their record may come, or be read, only now.
    pub(super) fn ask_for_the_held(&mut self, now: Now) {
        for place in 0..self.seats.len() {
            let seat = &self.seats[place];
            let held = seat.machine.held().filter(|why| seat.policy.verify && !why.has_begun());
            match (held, seat.machine.record()) {
                (Some(why), Some(record)) if why.is_about_evidence() => self.verify(now, place, record),
                (Some(_), Some(record)) => {
                    self.ask_all(now, place, record);
                }
                (_, _) => {}
            }
        }
    }

    /// Asks for all traps of a recovery; false if there is none to ask for.
    fn ask_all(&mut self, now: Now, place: usize, record: RecordId) -> bool {
        let (serial, seat) = (record.serial(), &self.seats[place]);
        let asker = Asker { monitor: seat.id, record: serial, clears: false };
        // Of this process or of a former one, this one's and those that joined.
        let (boot, name) = (self.journal.boot(), seat.name.clone());
        let of = |other: &&Record| {
            other.id.serial() >= serial && other.monitor.as_deref() == Some(&*name) && other.boot.is_same_as(boot)
        };
        let asked = self.journal.records().filter(of).filter_map(|other| Some((other.notice.id.0, other.claim()?)));
        let asked: Vec<(u64, Claim)> = asked.collect();
        // One that the journal could not keep is asked for all the same.
        let own = seat.matter.as_ref().map(|matter| matter.notice.clone());
        let own = own.as_ref().and_then(|notice| Some((notice.id.0, claimed(notice)?)));
        let mut any = false;
        if let Some(witness) = &mut self.witness {
            for (notice, claim) in asked.into_iter().chain(own) {
                any = true;
                witness.ask(now, asker, notice, claim);
            }
        }
        any
    }

    // ---- what comes of it

    fn hear_witness(&mut self, now: Now, said: Said) {
        let Said { asker, notice, verdict } = said;
        if asker == Asker::CLOCK {
            return self.clock_was_lost(now, notice, verdict);
        }
        let Some(place) = self.seats.iter().position(|seat| seat.id == asker.monitor) else { return };
        if asker.clears {
            return match verdict {
                Verdict::Supported(record) => self.over(now, place, notice, record),
                Verdict::Contradicted => self.not_over(asker.monitor, None),
                Verdict::Unanswerable(doubt) => self.not_over(asker.monitor, Some(doubt)),
            };
        }
        let seat = &self.seats[place];
        let Some(record) = seat.machine.record().filter(|record| record.serial() == asker.record) else { return };
        let held = seat.machine.held();
        let asks = seat.machine.state() == State::Verifying || held.is_some_and(|why| why.is_about_evidence());
        match verdict {
            Verdict::Supported(found) => {
                if !waits(seat.machine.state(), held.is_some_and(|why| !why.has_begun())) {
                    return;
                }
                self.statistics.supported += 1;
                self.step(now, record, Step::Supported(found));
                self.believe(place, record, notice);
                let text = format!("the BMC means it: record {:04x}h of its log", found.id());
                self.progress(now, place, Stage::Remark(Level::Info, text));
                if asks {
                    self.handle(now, place, Event::Supported);
                }
            }
            Verdict::Contradicted if seat.machine.state() == State::Verifying => {
                self.statistics.contradicted += 1;
                self.handle(now, place, Event::Contradicted);
            }
            Verdict::Unanswerable(doubt) => self.unanswerable(now, place, doubt),
            Verdict::Contradicted => {}
        }
    }

    /// Nobody knows; that is said, once a recovery.
    fn unanswerable(&mut self, now: Now, place: usize, doubt: Doubt) {
        let seat = &self.seats[place];
        if let (State::Verifying, Some(record)) = (seat.machine.state(), seat.machine.record()) {
            self.step(now, record, Step::Unsupported(doubt));
            self.progress(now, place, Stage::Remark(Level::Warning, format!("no evidence: {doubt}")));
            // What is older than this boot never starts anything, whatever the operator says of what is not known.
            let event = if doubt == Doubt::Older { Event::Contradicted } else { Event::Unanswerable };
            match event {
                Event::Contradicted => self.statistics.contradicted += 1,
                _ => self.statistics.unanswerable += 1,
            }
            self.handle(now, place, event);
        }
    }

    /// The recovery is about what the BMC has logged: if the notice that it began with is not the one, about the one
    /// that is.
    fn believe(&mut self, place: usize, record: RecordId, notice: u64) {
        let found = self.journal.records().find(|record| record.notice.id.0 == notice && record.monitor.is_some());
        let other = found.map(|record| remembered(record, self.cluster.this));
        let seat = &mut self.seats[place];
        seat.proven = Some(record.serial());
        if let Some(matter) = &mut seat.matter {
            let believed = match other {
                Some(other) if matter.notice.id.0 != notice => Notice { received: matter.notice.received, ..other },
                _ => (*matter.notice).clone(),
            };
            let trust = believed.trust.max(Trust::Corroborated);
            matter.notice = Arc::new(Notice { trust, ..believed });
        }
    }

    /// The BMC has logged that the fault is over.
    fn over(&mut self, now: Now, place: usize, notice: u64, found: sel::Record) {
        self.statistics.supported += 1;
        let cleared = |record: &&Record| record.notice.id.0 == notice && record.notice.class == Class::Cleared;
        let record = self.journal.records().find(cleared).map(|record| record.id);
        if let Some(record) = record {
            self.step(now, record, Step::Supported(found));
        }
        self.fault_is_over(now, place);
    }

    fn not_over(&mut self, monitor: MonitorId, doubt: Option<Doubt>) {
        let Some(seat) = self.seats.iter().find(|seat| seat.id == monitor) else { return };
        let name = seat.name.clone();
        match doubt {
            Some(_) => self.statistics.unanswerable += 1,
            None => self.statistics.contradicted += 1,
        }
        let why = doubt.map_or_else(|| "the BMC, asked, shows no such event".to_owned(), |doubt| doubt.to_string());
        self.log(Line::warning(format!("{name}: a trap says that the fault is over; not believed: {why}")));
    }
}

/// Whether a recovery in this state can still be helped by a record.
fn waits(state: State, held_before: bool) -> bool {
    match state {
        State::Recorded | State::Verifying => true,
        State::Held => held_before,
        State::Idle
        | State::Started
        | State::Preparing
        | State::Recovering
        | State::Finishing
        | State::Ending
        | State::AwaitingReset
        | State::Failed => false,
    }
}
