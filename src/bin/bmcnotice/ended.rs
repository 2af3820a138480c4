//! `bmcnotice ended`: tells the BMC the end of a recovery from outside the daemon, which is gone: from the crash kernel,
//! once the dump is written.
//!
//! Reads the journal's copy on disk and changes nothing of it: the next start of the daemon closes the record.

use crate::arrive::{NotMet, Whom, arrive};
use crate::check::DEFAULT_FILE;
use crate::control::protocol::socket;
use crate::exit::{Exit, complain, report};
use crate::journal::found::Found;
use crate::out::Out;
use bmcnotice::bmc::failure::Untold;
use bmcnotice::bmc::handshake::Telling;
use bmcnotice::io::sys::now;
use bmcnotice::io::visit::{Cut, Visit};
use bmcnotice::recovery::journal::{Record, Step};
use bmcnotice::words::{Answer, Outcome, Phase};
use bmcnotice::{Config, Error};
use serde_json::json;
use std::fmt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Tell the BMC the end of a recovery whose daemon is gone
///
/// For the crash kernel: a panic that leads into a crash dump comes before the BMC has heard that
/// the recovery ended, so that its reset does not destroy the dump. Run this when the dump is
/// written (kdump_post in /etc/kdump.conf). It reads the journal's copy on disk, finds the recovery
/// whose end the BMC has not heard, and tells it. Nothing is changed on disk; nothing is recovered,
/// and no chassis command is sent.
///
/// The configuration is judged by its text alone: in a crash kernel the host is another one.
///
/// Ends with 3 when no recovery waits for its end, with 1 when the BMC could not be told.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The daemon's configuration
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_FILE)]
    config: PathBuf,
    /// The record, if not the newest whose end is not told
    #[arg(long, value_name = "NUMBER")]
    record: Option<u64>,
    /// How the recovery ended, if not as the journal tells
    #[arg(long, value_name = "HOW")]
    outcome: Option<How>,
    /// Read the journal at this path: a file, or its folder
    #[arg(long, value_name = "PATH")]
    journal: Option<PathBuf>,
    /// This server's name, where the crash kernel has another host name
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// How long the BMC is tried, such as 60s
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = crate::arguments::duration)]
    patience: Duration,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum How {
    Done,
    Failed,
    Unknown,
}

impl From<How> for Outcome {
    fn from(how: How) -> Self {
        match how {
            How::Done => Self::Done,
            How::Failed => Self::Failed,
            How::Unknown => Self::Unknown,
        }
    }
}

/// Why the BMC does not know.
enum Unheard {
    NotMet(NotMet),
    Cut(Cut),
    Untold(Untold),
}

impl fmt::Display for Unheard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMet(why) => why.fmt(f),
            Self::Cut(why) => why.fmt(f),
            Self::Untold(why) => why.fmt(f),
        }
    }
}

/// The command.
pub fn main(arguments: &Arguments, out: &Out) -> Exit {
    match tell(arguments, out) {
        Ok(exit) => exit,
        Err(error) => report(&error),
    }
}

fn tell(arguments: &Arguments, out: &Out) -> Result<Exit, Error> {
    let mut config = Config::from_file(&arguments.config)?;
    config.judge_the_text_alone();
    if let Some(server) = &arguments.server {
        config.set("cluster.this_server", json!(server).to_string());
    }
    let journal = config.journal();
    let hot = journal.hot.as_deref().map(Path::new);
    if hot.is_some_and(|hot| UnixStream::connect(socket(hot)).is_ok()) {
        complain("the daemon runs: it tells the BMC itself", "watch it with: bmcnotice journal --open");
        return Ok(Exit::Failed);
    }
    let paths = match &arguments.journal {
        Some(path) => vec![path.clone()],
        None => [&journal.hot, &journal.disk].into_iter().flatten().map(PathBuf::from).collect(),
    };
    let found = Found::gather(&paths, arguments.journal.is_some());
    let wanted = |record: &&Record| match arguments.record {
        Some(number) => record.id.serial() == number,
        None => waits(record),
    };
    let Some(record) = found.records().filter(wanted).last() else {
        complain("no recovery waits for its end", "name the record, or the journal: bmcnotice ended --help");
        return Ok(Exit::No);
    };
    let outcome = arguments.outcome.map_or_else(|| outcome(record), Outcome::from);
    let (number, phase) = (record.id.serial(), Phase::Ended(outcome));
    let way = config.way(None)?;
    let bmc = way.bmc().ok_or_else(|| Error::invalid("this server has no BMC in the configuration"))?;
    let end = now().boottime + arguments.patience;
    let mut telling = Telling::new(&bmc.handshake, phase, number, way.cluster.listen(), end);
    let whom = Whom { identity: &way.identity, privilege: None, patience: arguments.patience };
    let told = match arrive(&way, whom, None) {
        Ok((mut visit, _)) => hold(&mut visit, &mut telling, end),
        Err(not_met) => Err(Unheard::NotMet(not_met)),
    };
    let text = match &told {
        Ok(()) => format!("record {number}: the BMC knows: recovery {phase}"),
        Err(why) => format!("record {number}: the BMC does NOT know: recovery {phase}: {why}"),
    };
    if arguments.json {
        out.json(&json!({ "record": number, "outcome": outcome.to_string(), "told": told.is_ok(), "text": text }));
    } else if told.is_ok() {
        out.line(text);
    } else {
        complain(text, "");
    }
    Ok(if told.is_ok() { Exit::Done } else { Exit::Failed })
}

fn hold(visit: &mut Visit<'_>, telling: &mut Telling, end: Duration) -> Result<(), Unheard> {
    match visit.converse(telling, end) {
        Ok(told) => told.map_err(Unheard::Untold),
        // It knows better than "late" why it was not understood.
        Err(cut) => Err(telling.so_far().map_or(Unheard::Cut(cut), Unheard::Untold)),
    }
}

/// Whether the BMC heard *started* and has not heard *ended*.
fn waits(record: &&Record) -> bool {
    let heard = record.find(|step| matches!(step, Step::EndedTold(_) | Step::Chassis(_)).then_some(())).is_some();
    record.is_open() && record.has_started() && !heard
}

/// How it ended, as far as the journal knows.
fn outcome(record: &Record) -> Outcome {
    let failed =
        record.steps().iter().any(|taken| matches!(taken.step, Step::Answered(Answer::Failed) | Step::Abandoned));
    let known = record.find(|step| match step {
        Step::Ending(outcome) | Step::EndedGivenUp(outcome) => Some(outcome),
        Step::Answered(Answer::Done) => Some(Outcome::Done),
        // The panic was what was left when all had failed, or the whole of it.
        Step::Final(_) if failed => Some(Outcome::Failed),
        Step::Final(_) => Some(Outcome::Done),
        Step::Answered(Answer::Failed) | Step::Abandoned => Some(Outcome::Failed),
        _ => None,
    });
    known.unwrap_or(Outcome::Unknown)
}
