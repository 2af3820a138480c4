//! `bmcnotice release`, `cancel`, `clear`, `maintenance`, `reload`: asks the running daemon, over its socket.

pub mod protocol;
pub mod server;
pub mod tell;

use crate::check::DEFAULT_FILE;
use crate::exit::{Exit, complain};
use crate::out::Out;
use bmcnotice::Config;
use protocol::{Request, socket};
use serde_json::Value;
use std::io::{Error, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Limit: how long the daemon may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// Which daemon is asked.
#[derive(clap::Args)]
pub struct Socket {
    /// The daemon's configuration, which names the folder of its socket
    #[arg(short, long, value_name = "FILE", conflicts_with = "socket")]
    pub config: Option<PathBuf>,
    /// The daemon's socket
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
}

/// Which daemon is asked, and how its answer is shown.
#[derive(clap::Args)]
pub struct Daemon {
    #[command(flatten)]
    pub at: Socket,
    /// Print the daemon's answer: one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Let a held recovery go on
///
/// The daemon says which record is held, and so does bmcnotice journal --open. Ends with 3 when
/// this record is not held.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Release {
    /// The number of the record
    record: u64,
    #[command(flatten)]
    daemon: Daemon,
}

/// End a recovery: held, running, or waiting for its reset
///
/// One that runs is stopped, and the BMC hears that it failed; a held one is closed without having
/// run. Ends with 3 when this record is not open.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Cancel {
    /// The number of the record
    record: u64,
    #[command(flatten)]
    daemon: Daemon,
}

/// Say that a fault is over
///
/// As the BMC's own clearing notice would: a record that waits is closed, and what the recovery set
/// in the cluster is taken back. Ends with 3 when this record is not open.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Clear {
    /// The number of the record
    record: u64,
    #[command(flatten)]
    daemon: Daemon,
}

/// Hold all recoveries while people work on the server, or no longer
///
/// Notices are still received, written down and acknowledged; their recoveries are held. A recovery
/// that runs is not stopped. Outlives a restart of the daemon and a boot.
///
/// status ends with 0 when maintenance is on, with 3 when it is off.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Maintenance {
    /// What is wanted
    what: Switch,
    #[command(flatten)]
    daemon: Daemon,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    On,
    Off,
    Status,
}

/// Let the daemon read its configuration again
///
/// All of it or nothing: a configuration with errors changes nothing, and its findings are printed.
/// While a recovery is under way the new configuration waits for its end. The folders of the journal
/// need a restart. SIGHUP does the same.
///
/// Ends with 2 when the configuration has errors.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Reload {
    #[command(flatten)]
    daemon: Daemon,
}

/// The command.
pub fn release(arguments: &Release, out: &Out) -> Exit {
    ask(&arguments.daemon, Request::Release(arguments.record), out)
}

/// The command.
pub fn cancel(arguments: &Cancel, out: &Out) -> Exit {
    ask(&arguments.daemon, Request::Cancel(arguments.record), out)
}

/// The command.
pub fn clear(arguments: &Clear, out: &Out) -> Exit {
    ask(&arguments.daemon, Request::Clear(arguments.record), out)
}

/// The command.
pub fn maintenance(arguments: &Maintenance, out: &Out) -> Exit {
    let on = match arguments.what {
        Switch::On => Some(true),
        Switch::Off => Some(false),
        Switch::Status => None,
    };
    ask(&arguments.daemon, Request::Maintenance(on), out)
}

/// The command.
pub fn reload(arguments: &Reload, out: &Out) -> Exit {
    ask(&arguments.daemon, Request::Reload, out)
}

fn ask(daemon: &Daemon, request: Request, out: &Out) -> Exit {
    let path = match path(&daemon.at) {
        Ok(path) => path,
        Err(exit) => return exit,
    };
    let answer = match converse(&path, request) {
        Ok(answer) => answer,
        Err(error) => return cannot_ask(&path, &error),
    };
    let text = answer["text"].as_str().unwrap_or("the daemon's answer has no text");
    // The answer to a question may be no, and then it is no failure.
    let off = request == Request::Maintenance(None) && answer["maintenance"] == Value::Bool(false);
    let exit = match (answer["ok"].as_bool(), answer["code"].as_str()) {
        (Some(true), _) if off => Exit::No,
        (Some(true), _) => Exit::Done,
        (_, Some("wrong")) => Exit::Wrong,
        (_, Some("no")) => Exit::No,
        (_, _) => Exit::Failed,
    };
    if daemon.json {
        out.json(&answer);
    } else if answer["ok"] == Value::Bool(true) {
        out.line(text);
    } else {
        for finding in answer["findings"].as_array().into_iter().flatten() {
            crate::out::error(finding.as_str().unwrap_or_default());
        }
        complain(text, "");
    }
    exit
}

/// Says why the daemon could not be asked, and what to do about it.
pub fn cannot_ask(path: &Path, error: &Error) -> Exit {
    let remedy = match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            "no daemon runs there: start it (bmcnotice run), or name its socket (--socket PATH)"
        }
        ErrorKind::PermissionDenied => "only root and the daemon's own user may ask it",
        ErrorKind::WouldBlock => "it has not answered in time: look at its log",
        _ => "",
    };
    complain(format_args!("cannot ask the daemon at {}: {error}", path.display()), remedy);
    Exit::Failed
}

/// Where the daemon's socket is.
pub fn path(at: &Socket) -> Result<PathBuf, Exit> {
    if let Some(path) = &at.socket {
        return Ok(path.clone());
    }
    let config = match &at.config {
        Some(file) => Config::from_file(file).map_err(|error| {
            complain(error, "name the daemon's configuration, or its socket: --socket PATH");
            Exit::Wrong
        })?,
        None => Config::from_file(DEFAULT_FILE).unwrap_or_default(), // without one: the default folder
    };
    match config.journal().hot {
        Some(hot) => Ok(socket(Path::new(&hot))),
        None => {
            complain("without a hot folder for its journal the daemon has no socket", "set hot in [journal]");
            Err(Exit::Failed)
        }
    }
}

/// Asks, and waits for the answer.
pub fn converse(path: &Path, request: Request) -> Result<Value, Error> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(ANSWER_WAIT))?;
    stream.set_write_timeout(Some(ANSWER_WAIT))?;
    stream.write_all(request.emit().as_bytes())?;
    let mut line = Vec::new();
    stream.take(request.most() as u64).read_to_end(&mut line)?;
    serde_json::from_slice(&line).map_err(|_| Error::new(ErrorKind::InvalidData, "it gave no answer"))
}
