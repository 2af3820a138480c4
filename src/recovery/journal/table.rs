//! The records that are kept in memory, and so survive a compaction: all open ones, the newest others.
//!
//! Filled by `replay` from a file and by `Journal` from what happens. Bounded; an open record is never
//! put out by a later one.

use super::record::{Record, RecordId, Step, Taken};
use std::collections::BTreeMap;

/// Limit: open records kept; a further one gets a volatile id. One recovery at a time a monitor needs one each.
pub const MAX_OPEN: usize = 128;
/// Limit: closed records whose recovery had begun; apart, so that no flood of notices puts them out.
pub const MAX_CLOSED_RECOVERIES: usize = 32;
/// Limit: closed records of all others.
pub const MAX_CLOSED_OTHERS: usize = 64;

#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    records: BTreeMap<u64, Record>,
    /// How many there are of each sort: counting them would touch every record for every notice.
    counts: [usize; 3],
    /// The newest record by which a drill has proven the path: it is not put out by what comes after.
    proven: Option<u64>,
}

/// Who competes with whom for a place.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Sort {
    Open,
    Recovery,
    Other,
}

fn sort(record: &Record) -> Sort {
    if record.is_open() {
        Sort::Open
    } else if record.runs() > 0 {
        Sort::Recovery
    } else {
        Sort::Other
    }
}

impl Table {
    /// False if there is no place, or if the serial is taken.
    pub(super) fn insert(&mut self, record: Record) -> bool {
        let serial = record.id.serial();
        if self.records.contains_key(&serial) || (record.is_open() && self.counts[Sort::Open as usize] >= MAX_OPEN) {
            return false;
        }
        self.counts[sort(&record) as usize] += 1;
        self.records.insert(serial, record);
        self.evict();
        true
    }

    /// False if there is no such record.
    pub(super) fn take(&mut self, id: RecordId, taken: Taken) -> bool {
        let Some(record) = self.records.get_mut(&id.serial()) else { return false };
        self.counts[sort(record) as usize] -= 1;
        record.take(taken);
        self.counts[sort(record) as usize] += 1;
        match taken.step {
            Step::Closed(_) => self.evict(),
            Step::Proven(_) => self.proven = self.proven.max(Some(id.serial())),
            _ => {}
        }
        true
    }

    pub(super) fn get(&self, serial: u64) -> Option<&Record> {
        self.records.get(&serial)
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    pub(super) fn proven(&self) -> Option<&Record> {
        self.get(self.proven?)
    }

    fn evict(&mut self) {
        for (which, limit) in [(Sort::Recovery, MAX_CLOSED_RECOVERIES), (Sort::Other, MAX_CLOSED_OTHERS)] {
            if self.counts[which as usize] > limit {
                let oldest = self.iter().find(|record| self.may_go(record, which)).map(|record| record.id.serial());
                if oldest.and_then(|serial| self.records.remove(&serial)).is_some() {
                    self.counts[which as usize] -= 1;
                }
            }
        }
    }

    fn may_go(&self, record: &Record, which: Sort) -> bool {
        sort(record) == which && self.proven != Some(record.id.serial())
    }
}
