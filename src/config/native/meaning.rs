//! `[[meaning]]`: the site's own classes for IPMI events.
//!
//! Uses `reader`. Numbers are those of IPMI 2.0's tables 42-1 and 42-3.

use crate::config::model::Override;
use crate::config::reader::Reader;
use crate::config::report::Report;
use crate::config::rules;
use crate::config::tree::Table;
use crate::words::Class;

/// Limit: the most `[[meaning]]` tables.
pub(super) const MAX_MEANINGS: usize = 256;
/// The highest offset of an event; Fh is unspecified.
const LAST_OFFSET: u8 = 0x0E;

/// What a class is called in a configuration.
pub(super) const CLASSES: &[(&str, Class)] = &[
    ("fatal", Class::Fatal),
    ("recoverable", Class::Recoverable { degradation: false, predictive: false }),
    ("degradation", Class::Recoverable { degradation: true, predictive: false }),
    ("predictive", Class::Recoverable { degradation: false, predictive: true }),
    ("cleared", Class::Cleared),
    ("info", Class::Info),
];

/// One table; `None` where something is wrong with it, which was said.
pub(super) fn read(table: Table<'_>, report: &mut Report<'_>) -> Option<Override> {
    let mut table = Reader::new(table, "a meaning", report);
    let sensor_type = table.integer::<u8>("sensor_type", 0..=0xFF);
    let sensor_type = table.required("sensor_type", sensor_type, "write sensor_type = 0x04 or the like");
    let event_type = table.integer::<u8>("event_type", 0..=0x7F);
    let offsets = table.octets("offsets").and_then(|_, offsets| {
        let wrong: Vec<_> = offsets.iter().filter(|(_, offset)| *offset > LAST_OFFSET).collect();
        for (at, offset) in &wrong {
            let subject = format!("offsets holds {offset} ({offset:#x})");
            table.add(&rules::RANGE, *at, &subject, format!("write numbers from 0 to {LAST_OFFSET}"));
        }
        wrong.is_empty().then_some(offsets)
    });
    let class = table.word("class", CLASSES);
    let class = table.required("class", class, "write class = \"fatal\", \"recoverable\", \"info\" or another class");
    table.finish();
    Some(Override {
        sensor_type: *sensor_type.ok()?,
        event_type: if event_type.is_absent() { None } else { Some(*event_type.ok()?) },
        offsets: offsets.or(Vec::new())?.into_iter().map(|(_, offset)| offset).collect(),
        class: *class.ok()?,
    })
}
