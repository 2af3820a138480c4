//! What the BMC does with an event of one of its sensors: shows it, logs it, hands it to the filters (`tell`).
//!
//! Also the SEL as the board keeps it: whether it takes a record, and when. Uses `sel`.

use super::board::{Board, LOGGING, Unwritten};
use super::event::Event;
use super::fault::Fault;
use super::sel::{Full, Record, record_of};
use crate::now::Now;
use core::time::Duration;
use std::collections::VecDeque;

/// So many records wait to be written late; more are lost.
const UNWRITTEN_MAX: usize = 64;

impl Board {
    /// Whether events are written to the SEL: bit 3 of the global enables.
    pub fn logs(&self) -> bool {
        self.enables & LOGGING != 0 && !self.options.quirks.logging_off
    }

    /// Whether the SEL is being erased; then it answers 81h and takes nothing.
    pub fn erases(&self, now: Duration) -> bool {
        self.erasing_until.is_some_and(|until| until > now)
    }

    /// Whether this command in a session is the one at which the BMC restarts; counts it.
    pub fn reboots_here(&mut self) -> bool {
        match &mut self.options.quirks.reboot_at_command {
            Some(0 | 1) => self.options.quirks.reboot_at_command.take().is_some(),
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    /// The states that this sensor shows, as a mask of offsets.
    pub fn state(&self, sensor: u8) -> u16 {
        self.states.get(&sensor).copied().unwrap_or(0)
    }

    /// Adds a record to the SEL.
    pub fn add_record(&mut self, now: Now, record: Record) -> Result<u16, Full> {
        if self.options.quirks.sel_full {
            return Err(self.sel.refuse());
        }
        self.reservations.sel.lose(); // whoever read it before would not know of this record
        self.sel.add(self.clock(now), record)
    }

    fn add_fault(&mut self, time: u32, fault: &Fault, deasserted: bool) -> Option<u16> {
        if self.options.quirks.sel_full {
            self.sel.refuse();
            return None;
        }
        self.reservations.sel.lose();
        let id = self.sel.add(time, record_of(fault, deasserted)).ok()?;
        self.filters.by_bmc = id;
        Some(id)
    }

    /// An event: show it, log it, filter it. Whether a filter has ended what ran on the server.
    pub fn report(&mut self, now: Now, fault: &Fault, deasserted: bool) -> bool {
        let states = self.states.entry(fault.sensor).or_default();
        let bit = 1 << (fault.offset & 0x0F);
        *states = if deasserted { *states & !bit } else { *states | bit };
        let record = self.log_event(now, fault, deasserted);
        if deasserted {
            self.say(Event::FaultCleared { sentence: fault.sentence });
        } else {
            self.newest_fault = Some(now.boottime);
            self.say(Event::FaultDetected { sentence: fault.sentence, record, fatal: fault.fatal });
        }
        self.filter(now, fault, deasserted)
    }

    fn log_event(&mut self, now: Now, fault: &Fault, deasserted: bool) -> Option<u16> {
        let (time, late) = (self.clock(now), self.options.quirks.sel_after_pet);
        if self.options.quirks.no_sel_record || !self.logs() || self.erases(now.boottime) {
            None
        } else if late.is_zero() {
            self.add_fault(time, fault, deasserted)
        } else {
            if self.unwritten.len() < UNWRITTEN_MAX {
                let at = now.boottime.saturating_add(late);
                self.unwritten.push_back(Unwritten { at, time, fault: *fault, deasserted });
            }
            None
        }
    }

    /// Writes the records whose time has come.
    pub fn write_late_records(&mut self, now: Duration) {
        let (due, later) = core::mem::take(&mut self.unwritten).into_iter().partition(|record| record.at <= now);
        self.unwritten = later;
        let due: VecDeque<Unwritten> = due;
        for Unwritten { time, fault, deasserted, .. } in due {
            if let Some(record) = self.add_fault(time, &fault, deasserted) {
                self.say(Event::RecordWritten { record });
            }
        }
    }
}
