//! Reads the journal's files, says what is wrong with them, and merges their records.

use crate::exit::complain;
use bmcnotice::io::store::peek;
use bmcnotice::notice::NoticeId;
use bmcnotice::recovery::journal::{Record, Replay, replay};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// A writer may be in the middle of an append: what looks torn is looked at again.
const SECOND_LOOK: Duration = Duration::from_millis(20);

/// One file.
pub struct File {
    pub path: PathBuf,
    pub octets: usize,
    /// There is more than is looked at.
    pub more: bool,
    pub replay: Replay,
}

/// What was read, the hot file first.
pub struct Found {
    pub files: Vec<File>,
}

impl Found {
    /// Reads what is there. `named`: a path that is not there is worth a word.
    pub fn gather(paths: &[PathBuf], named: bool) -> Self {
        let mut files = Vec::new();
        for path in paths {
            match read(path) {
                Ok(file) => {
                    warn(&file);
                    files.push(file);
                }
                Err(error) if !named && error.kind() == ErrorKind::NotFound => {}
                Err(error) => complain(format_args!("cannot read {}: {error}", path.display()), ""),
            }
        }
        Self { files }
    }

    /// All records, oldest first. Two with one serial are one record, unless a journal was deleted in between
    /// and its numbers began anew: then they tell of different notices.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        let mut merged: BTreeMap<(u64, Duration, NoticeId), &Record> = BTreeMap::new();
        for record in self.files.iter().flat_map(|file| file.replay.records()) {
            let key = (record.id.serial(), record.at.wall, record.notice.id);
            let kept = merged.entry(key).or_insert(record);
            if record.steps().len() > kept.steps().len() {
                *kept = record;
            }
        }
        merged.into_values()
    }
}

fn read(path: &Path) -> std::io::Result<File> {
    let look =
        || peek(path).map(|(path, octets, more)| File { path, octets: filled(&octets), more, replay: replay(&octets) });
    let file = look()?;
    if !file.replay.torn_tail {
        return Ok(file);
    }
    thread::sleep(SECOND_LOOK);
    look()
}

/// Without the zeros of the preallocated end.
fn filled(octets: &[u8]) -> usize {
    octets.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1)
}

fn warn(file: &File) {
    let path = file.path.display();
    let Replay { torn_tail, corrupt, unknown, later, orphans, dropped, .. } = file.replay;
    let many =
        |count: u32, one: &str, more: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {more}") };
    let mut said = Vec::new();
    if torn_tail {
        said.push("its end is torn: the last write was cut short".to_owned());
    }
    if corrupt > 0 {
        said.push(format!("{} skipped", many(corrupt, "damaged place", "damaged places")));
    }
    if later > 0 {
        said.push(format!("{} of a later release not understood", many(later, "entry", "entries")));
    }
    if unknown > later {
        said.push(format!("{} of an unknown kind", many(unknown - later, "entry", "entries")));
    }
    if orphans > 0 {
        said.push(format!("{} of records that are not there", many(orphans, "step", "steps")));
    }
    if dropped > 0 {
        said.push(format!(
            "{} without a place: too many are open, or a number is used twice",
            many(dropped, "record", "records")
        ));
    }
    if file.more {
        said.push("larger than any journal: the rest was not read".to_owned());
    }
    if !said.is_empty() {
        complain(format_args!("{path}: {}", said.join("; ")), "");
    }
    let old = file.path.with_file_name("journal.old");
    if file.path.file_name().is_some_and(|name| name == "journal") && old.exists() {
        complain(
            format_args!("{} lies there, too: a copy that could not be read in time at a start", old.display()),
            &format!("read it with: bmcnotice journal {}", old.display()),
        );
    }
}
