//! How often each disturbance fell into each state: what no life ever met is a gap.

use crate::fate::{Back, Place, What, Word};
use crate::ledger::State;
use crate::storage::Stop;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

#[derive(Debug, Default)]
pub struct Coverage(BTreeMap<(&'static str, State), u64>);

/// All rows, in the order of the table.
pub fn rows() -> Vec<&'static str> {
    let z = Duration::ZERO;
    let appends = |short, compaction| What::AppendsFail { percent: 0, short, compaction, span: z };
    let all = [
        What::Kill(Place::Before, z),
        What::Kill(Place::Within, z),
        What::Kill(Place::After, z),
        What::Rebuild,
        What::Reload,
        What::HostReset,
        What::Suspend(z),
        What::Stopped(z),
        What::ClockStep(0),
        appends(false, false),
        appends(true, false),
        appends(false, true),
        What::Deleted,
        What::Damaged,
        What::DiskStops(Stop::Frozen, z),
        What::DiskStops(Stop::Full, z),
        What::DiskStops(Stop::ReadOnly, z),
        What::BmcRestart(z, Back::Well, z),
        What::BmcRestart(z, Back::NoSlots, z),
        What::BmcRestart(z, Back::RefusesLogins, z),
        What::BmcRestart(z, Back::OtherGuid, z),
        What::Deaf(Some(z)),
        What::Deaf(None),
        What::Silent(z),
        What::Operator(Word::Release),
        What::Operator(Word::Cancel),
        What::Operator(Word::Clear),
        What::Operator(Word::Maintenance(true)),
        What::Operator(Word::Maintenance(false)),
        What::Repeats(30),
        What::Repeats(1000),
        What::OtherFault(""),
        What::Cleared,
        What::Foreign(0),
        What::Forged,
        What::Garbage(0),
    ];
    all.map(What::name).to_vec()
}

impl Coverage {
    pub fn count(&mut self, what: What, state: State) {
        *self.0.entry((what.name(), state)).or_default() += 1;
    }

    pub fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|(cell, count)| *self.0.entry(*cell).or_default() += count);
    }

    fn at(&self, row: &'static str, state: State) -> u64 {
        self.0.get(&(row, state)).copied().unwrap_or(0)
    }

    /// The cells that nothing fell into, of those that can be.
    pub fn gaps(&self) -> Vec<(&'static str, State)> {
        let cells = rows().into_iter().flat_map(|row| State::ALL.map(|state| (row, state)));
        cells.filter(|(row, state)| can_be(row, *state) && self.at(row, *state) == 0).collect()
    }

    pub fn table(&self) -> String {
        let mut text = String::from("| disturbance |");
        State::ALL.iter().for_each(|state| write!(text, " {state:?} |").unwrap());
        text.push_str(" all |\n|---|");
        text.push_str(&"---:|".repeat(State::ALL.len() + 1));
        for row in rows() {
            write!(text, "\n| {row} |").unwrap();
            let mut all = 0;
            for state in State::ALL {
                let count = self.at(row, state);
                all += count;
                let cell = if can_be(row, state) { count.to_string() } else { "·".into() };
                write!(text, " {cell} |").unwrap();
            }
            write!(text, " {all} |").unwrap();
        }
        text
    }
}

/// Whether a disturbance can fall into a state: the dead cannot be killed, nor have their file's writes fail.
fn can_be(row: &str, state: State) -> bool {
    let ours = row.starts_with("killed")
        || row.starts_with("panic")
        || row.starts_with("operator")
        || row.starts_with("maintenance")
        || row.starts_with("stop and");
    match state {
        State::Dead => !ours && !row.starts_with("process stopped"),
        State::Down => !ours && !row.starts_with("process stopped") && !row.starts_with("host"),
        _ => true,
    }
}
