//! `bmcnotice sim`: a simulated BMC at an address, or a fleet of them, which tells what happens to it.

mod emit;
mod fleet;
mod host;
mod inlet;
mod json;
mod members;
mod options;
mod orders;
mod show;

use crate::exit::{Exit, complain};
use crate::out::{Look, Out};
use bmcnotice::io::signals::{Signal, Signals};
use bmcnotice::io::simulate::{Happened, SimulatedBmc};
use bmcnotice::io::sys;
use bmcnotice::sim::Fault;
use inlet::{Input, listen_to_commands, listen_to_signals};
use serde_json::json;
use show::Show;
use std::io::{IsTerminal, stdin};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

pub use options::Arguments;
use options::On;

/// The command.
pub fn main(arguments: &Arguments, out: &Out) -> Exit {
    if let Some(file) = &arguments.fleet {
        return fleet::main(file, arguments, out);
    }
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
    let (inlet, inputs) = inlet::queue();
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
        drop(events.try_send(Input::Happened(None, happened.clone())));
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
    opening(&show, &bmc, arguments, controlled);

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
            Ok(Input::Happened(address, happened)) => show.happened(address, &happened),
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

/// One line from standard input; whether to go on.
fn obey(line: &str, bmc: &SimulatedBmc, show: &Show<'_>) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    match *words {
        [] => {}
        ["quit" | "exit"] => return false,
        ["status"] => bmc.with(|bmc, _| show.status(None, bmc)),
        _ => match orders::read(&words) {
            Ok(order) => {
                if !bmc.with(|bmc, now| orders::obey(&order, bmc, now)) {
                    complain("the server has no power to be reset", "power on");
                }
            }
            Err(unread) => unread.complain(line, &commands()),
        },
    }
    true
}

/// What it takes on standard input.
fn commands() -> String {
    format!("{}, status, quit", orders::ORDERS)
}

fn opening(show: &Show<'_>, bmc: &SimulatedBmc, arguments: &Arguments, controlled: bool) {
    let (guid, alert) = bmc.with(|bmc, _| (bmc.options().guid, bmc.alert()));
    let alert = alert.map(|alert| alert.destination.to_string());
    if show.json {
        return show.out.json(&json!({
            "event": "listening", "address": bmc.address().to_string(), "user": arguments.user,
            "guid": guid.to_string(), "alert": alert,
        }));
    }
    let out = show.out;
    out.line(out.paint(Look::Strong, format_args!("simulated BMC at {}", bmc.address())));
    out.line(format_args!("  user {}, GUID {guid}", arguments.user));
    out.line(format_args!("  traps go {}", alert.map_or("nowhere yet (--alert)".into(), |to| format!("to {to}"))));
    if controlled {
        out.line(format_args!("  commands: {}", commands()));
        out.line(format_args!("  faults: {}", orders::names()));
    }
}
