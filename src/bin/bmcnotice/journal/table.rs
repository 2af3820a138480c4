//! The journal as a table, and one record in full.

use super::words::{named, safe, short, state, took};
use crate::arguments::digits;
use crate::clock::{date_and_time, stamp};
use crate::out::{Look, Out};
use bmcnotice::recovery::journal::{BootId, Record};

/// What a table shows of a sentence, in characters.
const SENTENCE: usize = 48;
/// The columns whose content is a number.
const RIGHT: [usize; 4] = [0, 7, 8, 9];
/// The column of the state, which is coloured.
const STATE: usize = 6;

const TITLES: [&str; 11] = [
    "RECORD",
    "WHEN (UTC)",
    "SERVER",
    "MONITOR",
    "CLASS",
    "WHAT",
    "STATE",
    "STARTED",
    "RECOVERY",
    "ENDED",
    "LAST STEP",
];

/// Prints a line for every record.
pub fn print(records: &[&Record], boot: BootId, out: &Out) {
    let rows: Vec<[String; TITLES.len()]> = records.iter().map(|record| row(record, boot)).collect();
    let mut widths = TITLES.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    out.line(out.paint(Look::Strong, line(&TITLES.map(str::to_owned), &widths, |_, cell| cell)));
    for (row, record) in rows.iter().zip(records) {
        let look = match (record.is_open(), row[STATE].as_str()) {
            (true, _) | (false, "FAILED" | "unknown" | "interrupted") => Look::Bad,
            (false, "done") => Look::Good,
            (false, "noted" | "joined") => Look::Faint,
            (false, _) => Look::Plain,
        };
        out.line(line(row, &widths, |place, cell| if place == STATE { out.paint(look, cell) } else { cell }));
    }
    let open = records.iter().filter(|record| record.is_open()).count();
    let records = if records.len() == 1 { "1 record".to_owned() } else { format!("{} records", records.len()) };
    out.line(format_args!("{records}, {open} open"));
}

fn row(record: &Record, boot: BootId) -> [String; TITLES.len()] {
    let took = took(record);
    let last = record.last().map_or("recorded".to_owned(), |taken| named(taken.step).words);
    [
        record.id.serial().to_string(),
        date_and_time(record.at.wall),
        safe(&record.server),
        record.monitor.as_deref().map_or("-".into(), safe),
        record.notice.class.to_string(),
        cut(&safe(&record.notice.sentence)),
        state(record, boot).to_owned(),
        short(took.started),
        short(took.recovery),
        short(took.ended),
        last,
    ]
}

fn line(
    cells: &[String; TITLES.len()],
    widths: &[usize; TITLES.len()],
    paint: impl Fn(usize, String) -> String,
) -> String {
    let mut text = String::new();
    for (place, (cell, width)) in cells.iter().zip(widths).enumerate() {
        if place > 0 {
            text.push_str("  ");
        }
        let last = place + 1 == TITLES.len();
        let padded = match (RIGHT.contains(&place), last) {
            (true, _) => format!("{cell:>width$}"),
            (false, false) => format!("{cell:<width$}"),
            (false, true) => cell.clone(),
        };
        text.push_str(&paint(place, padded));
    }
    text
}

fn cut(text: &str) -> String {
    if text.chars().count() <= SENTENCE {
        return text.to_owned();
    }
    text.chars().take(SENTENCE - 1).chain(['…']).collect()
}

/// Prints everything that is known of a record.
pub fn in_full(record: &Record, boot: BootId, out: &Out) {
    let notice = &record.notice;
    let which = if record.boot.is_same_as(boot) { "this boot" } else { "another boot" };
    out.line(out.paint(Look::Strong, format_args!("Record {}", record.id.serial())));
    for (what, text) in [
        ("when", stamp(record.at.wall)),
        ("boot", format!("{} ({which}), {:.3} s after it", digits(&record.boot.0), record.at.boottime.as_secs_f64())),
        ("server", safe(&record.server)),
        ("monitor", record.monitor.as_deref().map_or("none wanted it".into(), safe)),
        ("state", state(record, boot).to_owned()),
        ("class", notice.class.to_string()),
        ("trust", notice.trust.to_string()),
        ("source", notice.source.to_string()),
        ("trap", safe(&notice.trap_oid)),
        ("notice", format!("{:016x}", notice.id.0)),
        ("region", safe(&notice.region)),
        ("what", safe(&notice.sentence)),
    ] {
        out.line(format_args!("  {} {text}", out.paint(Look::Faint, format_args!("{what:<8}"))));
    }
    for taken in record.steps() {
        // Boottime tells how long, unless the host has booted in between.
        let after =
            if taken.boot.is_same_as(record.boot) { taken.at.boottime.checked_sub(record.at.boottime) } else { None };
        let after = after.map_or("another boot".into(), |after| format!("+{:.3} s", after.as_secs_f64()));
        out.line(format_args!("  {}  {after:>12}  {}", stamp(taken.at.wall), named(taken.step).words));
    }
}
