//! From a notice to its record: written down, acknowledged, handed to its monitor; and the journal's mending.
//!
//! Part of [`Engine`], like `perform`. Its inputs are new notices, and what came of writing.

use super::output::{Delivery, Heard, Output, Stage};
use super::seat::{Acknowledgement, MAX_JOINED, Matter};
use super::{Awaited, Engine, MEND_PAUSE};
use crate::notice::{Notice, NoticeId};
use crate::now::Now;
use crate::recovery::action::Event;
use crate::recovery::journal::{RecordId, Step};
use crate::recovery::machine::State;
use crate::recovery::monitor::{self, Purpose};
use crate::words::MonitorId;
use alloc::sync::Arc;
use core::time::Duration;

/// The most that it is doubled to.
const MEND_PAUSE_MAX: Duration = Duration::from_secs(30);

impl Engine {
    /// The last `Append` was performed; `stored`: the octets are in the file.
    pub fn handle_appended(&mut self, now: Now, stored: bool) {
        if !stored && !self.journal.writes_nowhere() {
            self.statistics.journal_failures += 1;
            self.lacking = true;
        } else if self.lacking {
            self.mend_at = now.boottime; // the file takes something again
        }
        self.mend(now);
        match self.awaited.pop_front() {
            Some(Awaited::Notice { pending, notice, wanted, acknowledge, heard }) => {
                let record = pending.stored(&mut self.journal, stored);
                let id = notice.id;
                self.recorded(now, record, notice, wanted, acknowledge);
                let echo = self.drill_recorded(now, record, id);
                if let Some(heard) = heard {
                    let heard = Heard { record: record.serial(), ..heard };
                    self.outputs.push_back(Output::Deliver(Delivery::Notice(heard)));
                }
                self.outputs.extend(echo); // behind it
            }
            Some(Awaited::Step) | None => {}
        }
        if self.journal.is_full() {
            let fresh = self.journal.compact();
            self.outputs.push_back(Output::Compact(fresh));
        }
        self.settle(now);
    }

    /// The file lacks something now, and a restart would decide by what it lacks: it is written anew, before
    /// anything that waits in the outputs is done. When that fails, too, it is tried again, whatever else happens.
    pub(super) fn mend(&mut self, now: Now) {
        if self.lacking && self.mend_at <= now.boottime {
            self.mend_at = now.boottime + self.mend_pause;
            self.mend_pause = (self.mend_pause * 2).min(MEND_PAUSE_MAX);
            let fresh = self.journal.compact();
            self.outputs.push_front(Output::Compact(fresh));
        }
    }

    /// The last `Compact` was performed.
    pub fn handle_compacted(&mut self, stored: bool) {
        if stored {
            (self.lacking, self.mend_at, self.mend_pause) = (false, Duration::ZERO, MEND_PAUSE);
        } else {
            self.statistics.journal_failures += 1;
        }
    }

    /// Writes a new notice down: once for every monitor that wants to recover, or once for nobody.
    pub(super) fn record(&mut self, now: Now, notice: Notice, mut acknowledge: Vec<Acknowledgement>) {
        if self.cluster.observe {
            acknowledge.clear(); // whoever recovers this server is to hear of it, too
        }
        let notice = Arc::new(notice);
        let cluster = self.cluster.clone();
        let server = self.names[usize::from(notice.server.0)].clone();
        let (mut wanted, mut clears) = (Vec::new(), Vec::new());
        for found in monitor::matches(&cluster, &notice).filter(|_| !cluster.observe) {
            match found.answer {
                // One that has its record was killed before the others had theirs.
                Ok(Purpose::Recover) if self.has_record(&notice, &found.monitor.name) => {}
                Ok(Purpose::Recover) => wanted.push(Some((found.id, found.monitor.name.as_str()))),
                // A clearing starts nothing and needs no record for each monitor.
                Ok(Purpose::Clear) => clears.push((found.id, found.proven)),
                Err(_) => {}
            }
        }
        let nobody = [None];
        let wanted = if wanted.is_empty() { nobody.as_slice() } else { &wanted };
        // Its number is known once it is stored.
        let heard = Heard { notice: notice.clone(), server: server.clone(), record: 0 };
        self.alert_notice(&heard);
        let mut heard = Some(heard);
        let last = wanted.len() - 1;
        for (place, wanted) in wanted.iter().copied().enumerate() {
            let (pending, octets) =
                self.journal.open_record(now, &notice, wanted.map(|(_, name)| name), server.clone());
            let awaited = Awaited::Notice {
                pending,
                notice: notice.clone(),
                wanted: wanted.map(|(id, _)| id),
                // With the last record all are written, and the BMC may forget the event.
                acknowledge: if place == last { core::mem::take(&mut acknowledge) } else { Vec::new() },
                heard: if place == last { heard.take() } else { None },
            };
            self.append(octets, awaited);
        }
        for (id, proven) in clears {
            if !proven {
                self.ask_whether_over(now, id, &notice);
            } else if let Some(place) = self.seats.iter().position(|seat| seat.id == id)
                && self.seats[place].ends_with(&notice)
            {
                self.fault_is_over(now, place);
            }
        }
    }

    /// A clearing notice concerns this monitor.
    pub(super) fn fault_is_over(&mut self, now: Now, place: usize) {
        self.handle(now, place, Event::Cleared);
        if self.seats[place].machine.state() == State::Idle {
            self.withdraw(now, place, None); // its record is closed, what it has set stands
        }
    }

    /// Whether this boot's journal has a record of this notice for the monitor.
    fn has_record(&self, notice: &Notice, monitor: &str) -> bool {
        let here = self.journal.boot();
        self.journal.records().any(|record| record.is_for(notice.id, monitor) && record.boot.is_same_as(here))
    }

    /// A record has its id: acknowledge, and let its monitor go to work.
    fn recorded(
        &mut self,
        now: Now,
        record: RecordId,
        notice: Arc<Notice>,
        wanted: Option<MonitorId>,
        acknowledge: Vec<Acknowledgement>,
    ) {
        let place = wanted.and_then(|id| self.seats.iter().position(|seat| seat.id == id));
        let hold = !record.is_durable() && place.is_some_and(|place| !self.seats[place].has_begun());
        let held = if hold {
            acknowledge
        } else {
            self.acknowledge_unless_held(notice.id, acknowledge);
            Vec::new()
        };
        let Some(place) = place else { return };
        let doubted = self.doubts(place, &notice);
        if doubted {
            self.claim(now, record, &notice);
        }
        let told = notice.clone();
        let seat = &mut self.seats[place];
        if seat.machine.record().is_none() {
            (seat.proven, seat.matter) = (None, Some(Matter::new(record.serial(), notice, held)));
            let sentence = told.sentence.to_string();
            self.progress(now, place, Stage::Recorded { sentence, durable: record.is_durable() });
        } else {
            if let Some(matter) = seat.matter.as_mut().filter(|matter| hold && matter.joined.len() < MAX_JOINED) {
                matter.joined.push(told.id);
                if !held.is_empty() {
                    matter.held.push((told.id, held));
                }
            }
            self.progress(now, place, Stage::Joined { sentence: told.sentence.to_string() });
        }
        self.handle(now, place, Event::Recorded(record));
        if doubted && self.seats[place].proven.is_none() {
            self.ask_for(now, place, &told);
        }
    }

    /// Acknowledges, unless another monitor's record of the notice would not survive us and waits for its beginning.
    pub(super) fn acknowledge_unless_held(&mut self, notice: NoticeId, all: Vec<Acknowledgement>) {
        if all.is_empty() {
            return;
        }
        match self.seats.iter_mut().find(|seat| seat.must_hold(notice)).and_then(|seat| seat.matter.as_mut()) {
            Some(matter) if matter.held.len() < MAX_JOINED => matter.held.push((notice, all)),
            Some(_) => {}
            None => self.acknowledge(all),
        }
    }

    pub(super) fn append(&mut self, octets: Vec<u8>, awaited: Awaited) {
        self.awaited.push_back(awaited);
        self.outputs.push_back(Output::Append(octets));
    }

    pub(super) fn step(&mut self, now: Now, record: RecordId, step: Step) {
        let octets = self.journal.step(now, record, step);
        self.append(octets, Awaited::Step);
    }
}
