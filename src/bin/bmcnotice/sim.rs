//! `bmcnotice sim`: a simulated BMC at an address, which tells what happens to it.

mod host;
mod json;
mod options;

use crate::clock;
use crate::exit::{Exit, complain};
use crate::out::{Look, Out};
use bmcnotice::io::signals::{Signal, Signals};
use bmcnotice::io::simulate::{Happened, SimulatedBmc};
use bmcnotice::io::sys;
use bmcnotice::sim::{Event, Fault, Handshaking, Power, Quirks};
use serde_json::json;
use std::io::{BufRead, IsTerminal, stdin};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

pub use options::Arguments;
use options::On;

/// What it takes on standard input.
const COMMANDS: &str = "fault NAME, clear NAME, quirk NAME[=VALUE], well, erase, status, quit";
/// Limit: events that wait to be printed; more are lost, for the BMC does not wait for its reader.
const QUEUE_EVENTS: usize = 4096;

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
