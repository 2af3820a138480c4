//! `bmcnotice run`: the daemon for clusters whose recovery is a command.
//!
//! The library's thread does the work; this thread writes the log, so that a stuck log delays no recovery.

use crate::check::{DEFAULT_FILE, summary};
use crate::clock;
use crate::control::protocol::Hands;
use crate::control::server::Control;
use crate::control::tell::{self, Notices};
use crate::exit::{Exit, complain, report, tell};
use crate::explain::told;
use crate::out;
use bmcnotice::config::finding::Severity;
use bmcnotice::config::model::{Cluster, Recovery};
use bmcnotice::io::signals::{Signal, Signals};
use bmcnotice::io::sys::{Epoll, Event, now};
use bmcnotice::words::Level;
use bmcnotice::{Config, Context, Drill, Error, Line, Mode, Reload};
use parking_lot::Mutex;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

/// Before a context is made anew whose two engines met a defect.
const PAUSE_AFTER_DEFECT: Duration = Duration::from_secs(1);

/// Watch over this server: receive notices and run the recovery commands
///
/// Reads the configuration, prints every finding, arms the BMC, and runs the command of each
/// monitor whose notices come. The log goes to stderr (under systemd with its levels). SIGTERM or
/// SIGINT end it cleanly: the BMC is told that nobody waits any more. SIGHUP reloads the
/// configuration. Tells systemd when it is ready (Type=notify). Listens to bmcnotice release,
/// cancel, clear, maintenance, reload, status, watch and bmc drill.
///
/// The command's environment says what happened; docs/cli.md lists the variables. Its exit status
/// 0 means done.
///
/// Ends with 0 after a signal, with 2 when the configuration has errors or a monitor wants a
/// callback, with 1 when the system refuses something.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_FILE)]
    config: PathBuf,
    /// Only watch: write notices down and log them; acknowledge, tell the BMC and recover nothing
    #[arg(long)]
    observe: bool,
    /// Log what helps to find a fault in the setup, too
    #[arg(short, long)]
    verbose: bool,
}

/// The command.
pub fn main(arguments: &Arguments) -> Exit {
    let log = Log { verbose: arguments.verbose, journal: std::env::var_os("JOURNAL_STREAM").is_some() };
    let config = match Config::from_file(&arguments.config) {
        Ok(mut config) => {
            if arguments.observe {
                config.set("cluster.observe", "true");
            }
            config
        }
        Err(error) => {
            complain(error, "name the configuration: bmcnotice run -c FILE");
            return Exit::Wrong;
        }
    };
    let cluster = match judge(&config, arguments, &log) {
        Ok(cluster) => cluster,
        Err(exit) => return exit,
    };
    drop(cluster);
    let watch = match Watch::new() {
        Ok(watch) => watch,
        Err(error) => return report(&error.into()),
    };
    let (file, started) = (arguments.config.clone(), Instant::now());
    let desk = Desk { file, config: Mutex::new(config), log, started, notices: Arc::default() };
    loop {
        match serve(&desk, &log, &watch) {
            Ok(()) => return Exit::Done,
            Err(error @ (Error::Broken(_) | Error::Panicked(_))) => {
                log.line(Level::Error, &format!("{error}; starting again from the journal"));
                if watch.wait(PAUSE_AFTER_DEFECT) {
                    return Exit::Done;
                }
            }
            Err(error) => return report(&error),
        }
    }
}

/// Prints the findings; the cluster, if it can be watched by a command line.
fn judge(config: &Config, arguments: &Arguments, log: &Log) -> Result<Arc<Cluster>, Exit> {
    let findings = config.check();
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        findings.iter().for_each(tell);
        complain(
            format_args!("{}: {}", arguments.config.display(), summary(&findings)),
            "mend the errors; nothing was started",
        );
        return Err(Exit::Wrong);
    }
    // The warnings are the first lines of the context's own log.
    for finding in findings.iter().filter(|finding| finding.severity == Severity::Info) {
        log.line(Level::Info, &finding.to_string());
    }
    let cluster = config.cluster().map_err(|error| report(&error))?;
    if let Some(why) = wants_a_callback(&cluster) {
        complain(
            why,
            "write recovery = { command = [\"/path/to/program\", \"argument\"] }, \"pacemaker\" or \"clusterpro\", or load this file from C or Python",
        );
        return Err(Exit::Wrong);
    }
    Ok(cluster)
}

/// What a command line cannot do, if the configuration wants it.
pub fn wants_a_callback(cluster: &Cluster) -> Option<String> {
    let here = cluster.monitors.iter().filter(|monitor| monitor.keyword(cluster.this).is_some());
    let callbacks: Vec<&str> =
        here.filter(|monitor| monitor.recovery == Recovery::Callback).map(|monitor| monitor.name.as_str()).collect();
    (!callbacks.is_empty() && !cluster.observe).then(|| {
        format!(
            "monitor {}: recovery = \"callback\" calls a program's own function, and the command line has none",
            callbacks.join(", ")
        )
    })
}

/// What was written, as it holds now.
struct Desk {
    file: PathBuf,
    config: Mutex<Config>,
    log: Log,
    started: Instant,
    /// The last ones, for who asks.
    notices: Arc<Mutex<Notices>>,
}

/// The operator's hands at the context.
struct Operator<'a> {
    desk: &'a Desk,
    context: &'a Context,
}

impl Hands for Operator<'_> {
    fn release(&self, record: u64) -> Result<(), Error> {
        self.context.release(record)
    }

    fn cancel(&self, record: u64) -> Result<(), Error> {
        self.context.cancel(record)
    }

    fn clear(&self, record: u64) -> Result<(), Error> {
        self.context.clear(record)
    }

    fn maintenance(&self) -> Result<bool, Error> {
        self.context.maintenance()
    }

    fn set_maintenance(&self, on: bool) -> Result<(), Error> {
        self.context.set_maintenance(on)
    }

    fn drill(&self) -> Result<(), Error> {
        self.context.drill()
    }

    fn drill_status(&self) -> Result<Drill, Error> {
        self.context.drill_status()
    }

    fn status(&self) -> Result<Vec<u8>, Error> {
        let (overview, notices) = (self.context.overview()?, self.desk.notices.lock().clone());
        Ok(tell::emit(&overview, &notices, self.desk.started.elapsed()))
    }

    fn explain(&self) -> Result<Vec<u8>, Error> {
        let (explainer, flight) = self.context.flight()?;
        Ok(told::emit(&explainer, &flight))
    }

    fn reload(&self) -> Result<Reload, Error> {
        let reloaded = self.read_again();
        if let Err(error) = &reloaded {
            let why = match error {
                Error::Config(findings) => {
                    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
                    errors.for_each(|finding| self.desk.log.line(Level::Error, &finding.to_string()));
                    summary(findings)
                }
                error => error.to_string(),
            };
            let text = format!("the configuration was not reloaded, the old one holds: {why}");
            self.desk.log.line(Level::Error, &text);
        }
        reloaded
    }
}

impl Operator<'_> {
    fn read_again(&self) -> Result<Reload, Error> {
        let config = Config::from_file(&self.desk.file)?;
        let cluster = config.cluster()?;
        if let Some(why) = wants_a_callback(&cluster) {
            return Err(Error::invalid(why));
        }
        let reloaded = self.context.reload(&config)?;
        announce(&cluster, &self.desk.log);
        *self.desk.config.lock() = config;
        Ok(reloaded)
    }
}

fn announce(cluster: &Cluster, log: &Log) {
    for monitor in &cluster.monitors {
        let by = match &monitor.recovery {
            Recovery::Command(words) => words.join(" "),
            Recovery::Clusterpro(clusterpro) => format!("CLUSTERPRO: {}", clusterpro.failover.fill(|_| None).join(" ")),
            Recovery::Pacemaker(_) => "Pacemaker".to_owned(),
            Recovery::Callback => continue,
        };
        let target = monitor.target.as_deref().unwrap_or("(no target)");
        log.line(Level::Info, &format!("monitor {}: recovers {target} by {by}", monitor.name));
    }
}

/// Until a signal ends it, or a defect.
fn serve(desk: &Desk, log: &Log, watch: &Watch) -> Result<(), Error> {
    let config = desk.config.lock().clone();
    let cluster = config.cluster()?;
    let context = Context::new(&config, Mode::Thread)?;
    let to = *log;
    context.on_log(Arc::new(move |line: &Line| to.line(line.level, &line.text)))?;
    let notices = desk.notices.clone();
    context.on_notice(Arc::new(move |heard| {
        notices.lock().push(heard);
        to.line(Level::Info, &format!("{}: {} notice: {}", heard.server, heard.notice.class, heard.notice.sentence));
    }))?;
    context.on_peer(Arc::new(move |peer| {
        let (entitled, why) = peer.take_over(now().boottime);
        let text = format!("heartbeat: {} is {}; take over: {entitled}, {why}", peer.server, peer.verdict);
        to.line(Level::Info, &text);
    }))?;
    let listen = context.listen()?.map_or("nowhere".to_owned(), |address| address.to_string());
    let how = if cluster.observe { "only observing" } else { "watching over" };
    let text = format!("{how} {} of {}, listening at {listen}", cluster.this_server().name, cluster.name);
    log.line(Level::Info, &text);
    announce(&cluster, log);
    let mut control = control(&cluster, watch, log);
    notify(&format!("READY=1\nSTATUS={text}"), log);

    let over = AtomicBool::new(false);
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            let operator = Operator { desk, context: &context };
            if watch.until(&over, &operator, control.as_mut())
                && let Err(error) = context.stop()
            {
                log.line(Level::Error, &error.to_string());
            }
        });
        let result = rounds(&context, log);
        over.store(true, SeqCst);
        watch.nudge.raise();
        result
    });
    watch.nudge.lower();
    if result.is_ok() {
        let told = watch.signal().map_or("a signal", Signal::name);
        log.line(Level::Info, &format!("{told}: ending"));
        notify("STOPPING=1", log);
        if let Ok(counted) = context.statistics() {
            log.line(
                Level::Info,
                &format!(
                    "{} datagrams: {} notices, {} repetitions, {} dropped; {} recoveries: {} done, {} failed",
                    counted.datagrams,
                    counted.notices,
                    counted.repeats,
                    counted.dropped_in_all(),
                    counted.recoveries,
                    counted.done,
                    counted.failed
                ),
            );
        }
    }
    drop(context); // says goodbye to the BMCs
    if result.is_ok() {
        log.line(Level::Info, "ended");
    }
    result
}

/// The control socket; without one, that is said.
fn control(cluster: &Cluster, watch: &Watch, log: &Log) -> Option<Control> {
    let refused = match cluster.journal.hot.as_deref().map(|hot| Control::listen(Path::new(hot), &watch.epoll)) {
        Some(Ok(control)) => return Some(control),
        Some(Err(error)) => error.to_string(),
        None => "the journal has no hot folder".into(),
    };
    log.line(Level::Warning, &format!("no control socket: {refused}; bmcnotice release and the like do not work"));
    None
}

/// Runs until stopped; a caught defect is reported and survived as long as the context is.
fn rounds(context: &Context, log: &Log) -> Result<(), Error> {
    loop {
        match context.run() {
            Err(error @ Error::Panicked(_)) => log.line(Level::Error, &error.to_string()),
            other => return other,
        }
    }
}

/// The signals that end it, and a nudge for who waits for them.
struct Watch {
    signals: Signals,
    nudge: Event,
    epoll: Epoll,
    told: std::sync::OnceLock<Signal>,
    /// SIGHUP came.
    reload: AtomicBool,
}

impl Watch {
    fn new() -> std::io::Result<Self> {
        let (signals, nudge, epoll) = (Signals::take(&Signal::ENDS)?, Event::new()?, Epoll::new()?);
        epoll.add(&signals)?;
        epoll.add(&nudge)?;
        Ok(Self { signals, nudge, epoll, told: std::sync::OnceLock::new(), reload: AtomicBool::new(false) })
    }

    /// Which signal came.
    fn signal(&self) -> Option<Signal> {
        self.told.get().copied()
    }

    /// Serves the operator until a signal ends it, or until it is over; whether a signal came.
    fn until(&self, over: &AtomicBool, operator: &Operator<'_>, mut control: Option<&mut Control>) -> bool {
        while !over.load(SeqCst) {
            self.epoll.wait(control.as_ref().and_then(|control| control.patience()));
            if self.look(Duration::ZERO) {
                return true;
            }
            if self.reload.swap(false, SeqCst) {
                operator.desk.log.line(Level::Info, "SIGHUP: the configuration is read again");
                let _ = operator.reload(); // it has said why not
            }
            if let Some(control) = &mut control {
                control.serve(operator, &self.epoll);
            }
        }
        false
    }

    /// Waits so long; whether a signal came.
    fn wait(&self, patience: Duration) -> bool {
        self.look(patience)
    }

    fn look(&self, patience: Duration) -> bool {
        match self.signals.wait(Some(patience)) {
            Some(Signal::HangUp) => {
                self.reload.store(true, SeqCst);
                false
            }
            Some(signal) => {
                let _ = self.told.set(signal); // the first one counts
                true
            }
            None => false,
        }
    }
}

/// The log on stderr: with the journal's levels under systemd, which adds the time; else with both.
#[derive(Debug, Clone, Copy)]
struct Log {
    verbose: bool,
    journal: bool,
}

impl Log {
    fn line(&self, level: Level, text: &str) {
        let (number, word) = match level {
            Level::Error => (3, "error  "),
            Level::Warning => (4, "warning"),
            Level::Info => (6, "info   "),
            Level::Debug if !self.verbose => return,
            Level::Debug => (7, "debug  "),
        };
        // One entry, one line: what a command prints must not look like an entry of ours.
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if self.journal {
            out::error(format_args!("<{number}>{text}"));
        } else {
            out::error(format_args!("{} {word} {text}", clock::stamp(now().wall)));
        }
    }
}

/// Tells the service manager, if there is one (sd_notify(3)).
fn notify(state: &str, log: &Log) {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let address = match path.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(&path),
    };
    let sent = address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address));
    if let Err(error) = sent {
        let text = format!("cannot tell the service manager at NOTIFY_SOCKET: {error}");
        log.line(Level::Warning, &text);
    }
}
