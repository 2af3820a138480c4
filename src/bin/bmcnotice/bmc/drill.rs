//! `bmcnotice bmc drill`: has the BMC send a test alert and measures every step to the callback; nothing is recovered.
//!
//! The running daemon is asked to, over its socket: its path is the one to prove. Where none runs, a context of our own
//! does it, and is gone again.

use crate::check::DEFAULT_FILE;
use crate::clock::stamp;
use crate::control::protocol::{Request, told};
use crate::control::{Daemon, converse, path};
use crate::exit::{Exit, complain, report};
use crate::out::{Look, Out};
use crate::run::wants_a_callback;
use bmcnotice::io::sys::now;
use bmcnotice::{Config, Context, Error, Line, Mode};
use serde_json::Value;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Limit: how long a drill is waited for; the library itself gives up earlier.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two questions how it stands.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Have the BMC send a test alert, and measure its way to the callback
///
/// The daemon that runs (bmcnotice run) is asked to; where none runs, this command listens itself
/// for the time of the drill. The BMC is asked for an alert of an event that is never fatal (Alert
/// Immediate), and every step is measured: asked, accepted, received, in the journal and
/// acknowledged, delivered to the notice's callback. Nothing is recovered; a genuine fatal notice
/// that comes meanwhile is recovered from as always. Nothing is written into the BMC.
///
/// Ends with 3 when the path is not proven: what failed is said, and what that means.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    daemon: Daemon,
}

/// The command.
pub fn main(arguments: &Arguments, out: &Out) -> Exit {
    let daemon = &arguments.daemon;
    let socket = match path(&daemon.at) {
        Ok(socket) => socket,
        Err(exit) => return exit,
    };
    let told = match converse(&socket, Request::Drill) {
        Ok(answer) if answer["ok"] == Value::Bool(true) => follow(|| {
            std::thread::sleep(LOOK_EVERY);
            converse(&socket, Request::DrillStatus).map(|answer| answer["drill"].clone()).map_err(Error::from)
        }),
        Ok(answer) => {
            complain(answer["text"].as_str().unwrap_or("the daemon's answer has no text"), "");
            return Exit::Failed;
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => alone(daemon),
        Err(error) => Err(error.into()),
    };
    match told {
        Ok(told) => print(&told, daemon, out),
        Err(error) => report(&error),
    }
}

/// Where no daemon runs: a context for the time of the drill.
fn alone(daemon: &Daemon) -> Result<Value, Error> {
    let file = daemon.at.config.clone().unwrap_or_else(|| DEFAULT_FILE.into());
    let config = Config::from_file(file)?;
    let cluster = config.cluster()?;
    if wants_a_callback(&cluster).is_some() {
        return Err(Error::invalid(
            "no daemon runs, and the recovery of this configuration is a program's own function: drill from that program \
             (bmcn_ctx_drill(), Context.drill())",
        ));
    }
    let context = Context::new(&config, Mode::Thread)?;
    // What it has to say is shown where something goes wrong.
    context.on_log(Arc::new(|line: &Line| {
        if line.level <= bmcnotice::words::Level::Warning {
            crate::out::error(format_args!("{}", line.text));
        }
    }))?;
    context.drill()?;
    follow(|| {
        context.wait(Some(LOOK_EVERY))?;
        context.dispatch(64)?;
        context.drill_status().map(|drill| told(&drill))
    })
}

/// Asks how it stands until it has ended; `look` waits a little by itself.
fn follow(mut look: impl FnMut() -> Result<Value, Error>) -> Result<Value, Error> {
    let end = Instant::now() + PATIENCE;
    loop {
        let drill = look()?;
        if drill["state"] != "running" {
            return Ok(drill);
        }
        if Instant::now() >= end {
            return Err(Error::invalid("the drill does not end: see the daemon's log"));
        }
    }
}

/// The steps, in their order, and what each is for people.
const STEPS: [(&str, &str); 5] = [
    ("asked_us", "the BMC was asked for a test alert"),
    ("accepted_us", "the BMC accepted"),
    ("received_us", "its trap was received and its sender verified"),
    ("journalled_us", "the notice is in the journal and acknowledged"),
    ("delivered_us", "the notice's callback has returned"),
];

fn print(drill: &Value, daemon: &Daemon, out: &Out) -> Exit {
    let proven = drill["state"] == "proven";
    if daemon.json {
        out.json(drill);
    } else {
        for (key, what) in STEPS {
            match drill[key].as_u64() {
                Some(us) => out.line(format_args!("{:>12} ms  {what}", format!("{}.{:03}", us / 1000, us % 1000))),
                None => out.line(out.paint(Look::Faint, format_args!("{:>12}     {what}", "-"))),
            }
        }
        let why = drill["why"].as_str().unwrap_or_default();
        out.line(out.paint(
            if proven { Look::Good } else { Look::Bad },
            if proven { why.into() } else { format!("FAILED: {why}") },
        ));
        if let (false, Some(at)) = (proven, drill["proven_at_ms"].as_u64()) {
            let ago = now().wall.saturating_sub(Duration::from_millis(at)).as_secs() / 86_400;
            out.line(format_args!("The path was proven last at {}, {ago} days ago.", stamp(Duration::from_millis(at))));
        }
    }
    if proven { Exit::Done } else { Exit::No }
}
