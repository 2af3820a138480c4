//! `bmcnotice journal`: what the journal holds, read beside a running daemon or long after it.
//!
//! Takes no lock and writes nothing. Its input may be torn, damaged or hostile: `recovery::journal` reads it
//! within its limits, and nothing of it reaches a terminal unchanged.

pub mod found;
mod json;
mod table;
pub mod words;

use crate::check::DEFAULT_FILE;
use crate::exit::{Exit, complain};
use crate::out::Out;
use bmcnotice::Config;
use bmcnotice::io::host;
use bmcnotice::recovery::journal::{BootId, Record};
use found::Found;
use std::path::PathBuf;

/// Show what was noticed and done: the journal
///
/// Reads the journal's hot file and its copy on disk, as the configuration names their folders, and
/// merges them: of two copies of a record the one with more steps counts. The newest record comes
/// last. The daemon may run meanwhile; nothing is locked or changed.
///
/// PATH names a journal, or a folder with one, that is read instead. What is damaged, torn or of a
/// later release is said on stderr and does not hide the rest.
///
/// Ends with 1 when no journal can be read, with 3 when there is no record N.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// A journal, or a folder with one
    #[arg(value_name = "PATH", conflicts_with = "config")]
    paths: Vec<PathBuf>,
    /// The configuration that names the folders
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only what is open
    #[arg(long)]
    open: bool,
    /// One record, in full
    #[arg(long, value_name = "N", conflicts_with = "open")]
    record: Option<u64>,
    /// Print a JSON object a line: the files, then the records
    #[arg(long)]
    json: bool,
}

/// The command.
pub fn main(arguments: &Arguments, out: &Out) -> Exit {
    let (paths, named) = match folders(arguments) {
        Ok(folders) => folders,
        Err(exit) => return exit,
    };
    let found = Found::gather(&paths, named);
    if found.files.is_empty() {
        let tried: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        complain(
            format_args!("there is no journal to read in {}", tried.join(" or ")),
            "name a journal or its folder: bmcnotice journal PATH",
        );
        return Exit::Failed;
    }
    // Without it no boot is taken for this one.
    let boot = BootId(host::boot_id().unwrap_or_default());
    let wanted = |record: &&Record| match arguments.record {
        Some(serial) => record.id.serial() == serial,
        None => !arguments.open || record.is_open(),
    };
    let records: Vec<&Record> = found.records().filter(wanted).collect();
    if arguments.json {
        found.files.iter().for_each(|file| out.json(&json::file(file)));
        records.iter().for_each(|record| out.json(&json::record(record, boot)));
    } else if arguments.record.is_some() {
        records.iter().for_each(|record| table::in_full(record, boot, out));
    } else {
        table::print(&records, boot, out);
    }
    match arguments.record {
        Some(serial) if records.is_empty() => {
            complain(format_args!("there is no record {serial}"), "");
            Exit::No
        }
        _ => Exit::Done,
    }
}

/// Where to look, and whether these very places were asked for.
fn folders(arguments: &Arguments) -> Result<(Vec<PathBuf>, bool), Exit> {
    if !arguments.paths.is_empty() {
        return Ok((arguments.paths.clone(), true));
    }
    let config = match (&arguments.config, Config::from_file(DEFAULT_FILE)) {
        (Some(file), _) => Config::from_file(file).map_err(|error| {
            complain(error, "name the configuration, or the journal itself: bmcnotice journal PATH");
            Exit::Wrong
        })?,
        (None, Ok(config)) => config,
        (None, Err(_)) => Config::new(), // the default folders
    };
    let journal = config.journal();
    let folders: Vec<PathBuf> = [journal.hot, journal.disk].into_iter().flatten().map(PathBuf::from).collect();
    if folders.is_empty() {
        complain("the configuration says that there is no journal: its [journal] has neither hot nor disk", "");
        return Err(Exit::Failed);
    }
    Ok((folders, false))
}
