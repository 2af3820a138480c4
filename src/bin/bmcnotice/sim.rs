//! `bmcnotice sim`: a simulated BMC at an address, which tells what happens to it.

mod host;
mod json;
mod options;

use crate::arguments::{duration, guid};
use crate::clock;
use crate::exit::{Exit, complain};
use crate::out::{Look, Out};
use crate::send::fault_names;
use bmcnotice::io::signals::{Signal, Signals};
use bmcnotice::io::simulate::{Happened, SimulatedBmc};
use bmcnotice::io::sys;
use bmcnotice::sim::{Event, Fault, Handshaking, Power, Quirks};
use bmcnotice::words::Guid;
use clap::ValueEnum;
use serde_json::json;
use std::io::{BufRead, IsTerminal, stdin};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// What it takes on standard input.
const COMMANDS: &str = "fault NAME, clear NAME, quirk NAME[=VALUE], well, erase, status, quit";
/// Limit: events that wait to be printed; more are lost, for the BMC does not wait for its reader.
const QUEUE_EVENTS: usize = 4096;

/// Be a BMC: answer IPMI over LAN, raise faults, send traps
///
/// A simulated BMC with a simulated server behind it: RMCP+ (cipher suites 17 and 3), event log,
/// chassis, watchdog. Once armed it holds the reset of a fatal fault until it hears that the
/// recovery has ended, or until its patience is over. ipmitool talks to it:
///
///   ipmitool -I lanplus -H 127.0.0.1 -p 9623 -U admin -P password sel elist
///
/// On a terminal, or with --control, it takes commands on standard input: fault NAME, clear NAME,
/// quirk NAME[=VALUE], well, erase, status, quit. SIGTERM and SIGINT end it.
#[derive(clap::Args)]
#[command(verbatim_doc_comment, after_help = options::quirks())]
pub struct Arguments {
    /// Where it answers
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9623")]
    listen: SocketAddr,
    /// Who may log in
    #[arg(long, value_name = "NAME", default_value = "admin")]
    user: String,
    /// The file whose first line is the password [default: BMCNOTICE_SIM_PASSWORD, or "password"]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Another one: level user, operator or administrator; the file's first line is the password
    #[arg(long, value_name = "NAME:LEVEL:FILE", value_parser = options::other_user)]
    other_user: Vec<options::OtherUser>,
    /// The system's GUID, in wire order
    #[arg(long, value_name = "GUID", value_parser = guid)]
    guid: Option<Guid>,
    /// Where its traps go; without it, until an armed names an address, nowhere
    #[arg(long, value_name = "IP:PORT")]
    alert: Option<SocketAddr>,
    /// The port of destinations that are set over IPMI, which is 162 at any real BMC [default: that of --alert, or 162]
    #[arg(long, value_name = "PORT")]
    trap_port: Option<u16>,
    /// The community of its traps
    #[arg(long, value_name = "TEXT", default_value = "public")]
    community: String,
    /// How often a trap goes out until it is acknowledged
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    repeat: u8,
    /// Between two sendings of a trap
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = duration)]
    interval: Duration,
    /// How long it holds a reset
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    patience: Duration,
    /// How it hears of recoveries
    #[arg(long, default_value = "both")]
    handshake: Hears,
    /// What a fatal fault does to the server in the end
    #[arg(long, default_value = "reset")]
    fatal_action: Fatal,
    /// How long the server takes to boot
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    boot_time: Duration,
    /// Misbehave in this way, listed below; may be given again
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = options::quirk)]
    quirk: Vec<String>,
    /// Run this, with reset, power-off or power-on as its one argument, when that happens
    #[arg(long, value_name = "PROGRAM")]
    on_reset: Option<PathBuf>,
    /// Raise this fault
    #[arg(long, value_name = "NAME", value_parser = fault_names())]
    fault: Option<String>,
    /// So long after the start [default: 2s, or only on the signal]
    #[arg(long, value_name = "DURATION", requires = "fault", value_parser = duration)]
    after: Option<Duration>,
    /// Raise the fault (uncorrectable-memory, if none is named) whenever this signal comes
    #[arg(long, value_name = "USR1|USR2")]
    fault_on_signal: Option<On>,
    /// Take commands on standard input although it is no terminal
    #[arg(long)]
    control: bool,
    /// Tell every IPMI command, too
    #[arg(short, long)]
    verbose: bool,
    /// Print JSON, one object an event
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Hears {
    /// By the raw command 30h/70h
    Raw,
    /// By OEM records in its event log
    Sel,
    /// Both
    Both,
    /// Not at all, as a stock BMC
    None,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Fatal {
    /// The reset line: the power stays on
    Reset,
    /// Off, then on
    PowerCycle,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum On {
    #[value(name = "USR1", alias = "SIGUSR1", alias = "usr1")]
    User1,
    #[value(name = "USR2", alias = "SIGUSR2", alias = "usr2")]
    User2,
}

/// What comes to the main thread.
enum Input {
    Happened(Happened),
    Signal(Signal),
    Command(String),
}

/// The command.
pub fn main(arguments: &Arguments, out: &Out) -> Exit {
    let options = match options::read(arguments) {
        Ok(options) => options,
        Err(exit) => return exit,
    };
    let mut wanted = vec![Signal::Terminate, Signal::Interrupt, Signal::HangUp];
    let on_signal = arguments.fault_on_signal.map(|on| match on {
        On::User1 => Signal::User1,
        On::User2 => Signal::User2,
    });
    wanted.extend(on_signal);
    let (inlet, inputs) = sync_channel(QUEUE_EVENTS);
    // Before the BMC's thread is started: it inherits the mask.
    match Signals::take(&wanted) {
        Ok(signals) => listen_to_signals(signals, inlet.clone()),
        Err(error) => {
            complain(format_args!("cannot wait for signals: {error}"), "");
            return Exit::Failed;
        }
    }
    let served = match arguments.on_reset.as_deref().map(|program| host::Host::new(program.as_os_str())).transpose() {
        Ok(served) => served,
        Err(error) => {
            complain(format_args!("cannot serve --on-reset: {error}"), "");
            return Exit::Failed;
        }
    };
    let events = inlet.clone();
    let tell = Arc::new(move |happened: &Happened| {
        if let Some(served) = &served {
            served.tell(&happened.event); // first: a reader who is stuck delays no reset
        }
        drop(events.try_send(Input::Happened(happened.clone())));
    });
    let bmc = match SimulatedBmc::start(arguments.listen, options, Some(tell)) {
        Ok(bmc) => bmc,
        Err(error) => {
            let remedy = "choose another with --listen IP:PORT; port 0 takes any that is free";
            complain(format_args!("cannot listen on {}: {error}", arguments.listen), remedy);
            return Exit::Failed;
        }
    };
    let controlled = arguments.control || stdin().is_terminal();
    if controlled {
        listen_to_commands(inlet);
    }
    let show = Show { json: arguments.json, verbose: arguments.verbose, out };
    show.opening(&bmc, arguments, controlled);

    let fault = arguments.fault.as_deref().and_then(Fault::preset);
    let after = arguments.after.or_else(|| on_signal.is_none().then_some(Duration::from_secs(2)));
    let mut due = fault.and(after).map(|after| sys::now().boottime.saturating_add(after));
    let fault = fault.unwrap_or(Fault::PRESETS[0]);
    while !out.is_closed() {
        let left = due.map(|due| due.saturating_sub(sys::now().boottime));
        if left == Some(Duration::ZERO) {
            due = None;
            bmc.raise(&fault);
            continue;
        }
        let next = match left {
            Some(left) => inputs.recv_timeout(left),
            None => inputs.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match next {
            Ok(Input::Happened(happened)) => show.happened(&happened),
            Ok(Input::Signal(signal)) if on_signal == Some(signal) => bmc.raise(&fault),
            Ok(Input::Signal(_)) | Err(RecvTimeoutError::Disconnected) => break,
            Ok(Input::Command(line)) => {
                if !obey(&line, &bmc, &show) {
                    break;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    Exit::Done
}

fn listen_to_signals(signals: Signals, inlet: SyncSender<Input>) {
    thread::spawn(move || {
        while let Some(signal) = signals.wait(None) {
            if inlet.send(Input::Signal(signal)).is_err() {
                return;
            }
        }
    });
}

/// Until standard input ends; the BMC goes on.
fn listen_to_commands(inlet: SyncSender<Input>) {
    thread::spawn(move || {
        for line in stdin().lock().lines() {
            let Ok(line) = line else { return };
            if inlet.send(Input::Command(line)).is_err() {
                return;
            }
        }
    });
}

/// One line from standard input; whether to go on.
fn obey(line: &str, bmc: &SimulatedBmc, show: &Show<'_>) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    match *words {
        [] => {}
        ["quit" | "exit"] => return false,
        ["status"] => show.status(bmc),
        ["erase"] => bmc.with(|bmc, now| bmc.erase_sel(now)),
        ["well"] => bmc.with(|bmc, _| *bmc.quirks_mut() = Quirks::default()),
        ["quirk", quirk] => {
            if let Err(wrong) = bmc.with(|bmc, _| bmc.quirks_mut().set(quirk)) {
                complain(format_args!("quirk \"{quirk}\": {wrong}"), "bmcnotice sim --help lists them");
            }
        }
        [what @ ("fault" | "clear"), name] => match Fault::preset(name) {
            Some(fault) if what == "fault" => bmc.raise(&fault),
            Some(fault) => bmc.clear(&fault),
            None => complain(format_args!("no fault \"{name}\""), &format!("known: {}", names())),
        },
        _ => complain(format_args!("not understood: {line}"), COMMANDS),
    }
    true
}

fn names() -> String {
    Fault::PRESETS.map(|fault| fault.name).join(", ")
}

struct Show<'a> {
    json: bool,
    verbose: bool,
    out: &'a Out,
}

impl Show<'_> {
    fn opening(&self, bmc: &SimulatedBmc, arguments: &Arguments, controlled: bool) {
        let (guid, alert) = bmc.with(|bmc, _| (bmc.options().guid, bmc.alert()));
        let alert = alert.map(|alert| alert.destination.to_string());
        if self.json {
            return self.out.json(&json!({
                "event": "listening", "address": bmc.address().to_string(), "user": arguments.user,
                "guid": guid.to_string(), "alert": alert,
            }));
        }
        let out = self.out;
        out.line(out.paint(Look::Strong, format_args!("simulated BMC at {}", bmc.address())));
        out.line(format_args!("  user {}, GUID {guid}", arguments.user));
        out.line(format_args!("  traps go {}", alert.map_or("nowhere yet (--alert)".into(), |to| format!("to {to}"))));
        if controlled {
            out.line(format_args!("  commands: {COMMANDS}"));
            out.line(format_args!("  faults: {}", names()));
        }
    }

    fn happened(&self, happened: &Happened) {
        if !self.verbose && matches!(happened.event, Event::Command(_)) {
            return;
        }
        if self.json {
            return self.out.json(&json::happened(happened));
        }
        let time = clock::stamp(happened.at.wall);
        let look = match happened.event {
            Event::FaultDetected { .. } | Event::PatienceOver | Event::Reset { .. } | Event::PowerOff => Look::Bad,
            Event::RecoveryStarted { .. } | Event::RecoveryEnded { .. } | Event::Armed { .. } => Look::Strong,
            _ => Look::Plain,
        };
        self.out.line(format_args!("{}  {}", self.out.paint(Look::Faint, time), self.out.paint(look, &happened.event)));
    }

    fn status(&self, bmc: &SimulatedBmc) {
        let (power, handshake, resets, records, sessions) =
            bmc.with(|bmc, _| (bmc.power(), bmc.handshaking(), bmc.resets(), bmc.sel().len(), bmc.sessions().0));
        let power = match power {
            Power::Off => "off",
            Power::Cycling { .. } => "cycling",
            Power::Booting { .. } => "booting",
            Power::Up => "up",
        };
        let handshake = match handshake {
            Handshaking::Unarmed => "unarmed",
            Handshaking::Armed => "armed",
            Handshaking::Holding { .. } => "holding a reset",
        };
        if self.json {
            return self.out.json(&json!({
                "event": "status", "server": power, "handshake": handshake, "resets": resets,
                "sel_records": records, "sessions": sessions,
            }));
        }
        self.out.line(format_args!(
            "server {power}, handshake {handshake}, {resets} resets, {records} records in the event log, {sessions} sessions"
        ));
    }
}
