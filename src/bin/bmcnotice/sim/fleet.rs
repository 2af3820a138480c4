//! `bmcnotice sim --fleet`: all the BMCs of a small file on one socket, and what standard input tells them.

use super::inlet::{self, Input, listen_to_commands, listen_to_signals};
use super::options::{self, Arguments};
use super::orders::{self, ORDERS, Order};
use super::show::{Show, power};
use super::{emit, members};
use crate::exit::{Exit, complain};
use crate::out::{Look, Out};
use bmcnotice::config::fleet::{Fleet as Written, Range};
use bmcnotice::io::fleet::Fleet;
use bmcnotice::io::signals::{Signal, Signals};
use bmcnotice::io::simulate::Happened;
use bmcnotice::sim::Event;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{IsTerminal, stdin};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// The command.
pub fn main(file: &Path, arguments: &Arguments, out: &Out) -> Exit {
    match run(file, arguments, out) {
        Ok(()) => Exit::Done,
        Err(exit) => exit,
    }
}

fn run(file: &Path, arguments: &Arguments, out: &Out) -> Result<(), Exit> {
    let written = members::read(file)?;
    let members = members::members(&written)?;
    if let Some(to) = &arguments.emit_config {
        let password = options::default_password();
        emit::emit(&written, &arguments.user, &String::from_utf8_lossy(password.expose()), to, out)?;
        if to == Path::new("-") {
            return Ok(());
        }
    }
    let (inlet, inputs) = inlet::queue();
    // Before the fleet's thread is started: it inherits the mask.
    let signals = Signals::take(&[Signal::Terminate, Signal::Interrupt, Signal::HangUp]).map_err(|error| {
        complain(format_args!("cannot wait for signals: {error}"), "");
        Exit::Failed
    })?;
    listen_to_signals(signals, inlet.clone());
    let (events, verbose) = (inlet.clone(), arguments.verbose);
    let addresses: Vec<Ipv4Addr> = members.iter().map(|(address, _)| *address).collect();
    let lost = Arc::new(AtomicUsize::new(0));
    let loses = lost.clone();
    let tell = move |place: usize, happened: &Happened| {
        let address = addresses.get(place).copied();
        if (verbose || is_rare(&happened.event)) && events.try_send(Input::Happened(address, happened.clone())).is_err()
        {
            loses.fetch_add(1, SeqCst);
        }
    };
    let fleet = Fleet::start(written.port, members, Some(Arc::new(tell))).map_err(|error| {
        let remedy = "choose another port in the file, or addresses of this host; all of 127.0.0.0/8 is";
        complain(format_args!("cannot start the fleet at port {}: {error}", written.port), remedy);
        Exit::Failed
    })?;
    let controlled = arguments.control || stdin().is_terminal();
    if controlled {
        listen_to_commands(inlet);
    }
    let show = Show { json: arguments.json, verbose, out };
    opening(&show, &written, &fleet, controlled);
    while !out.is_closed() {
        match inputs.recv() {
            Ok(Input::Happened(address, happened)) => show.happened(address, &happened),
            Ok(Input::Command(line)) if obey(&line, &fleet, &show) => {}
            Ok(Input::Command(_) | Input::Signal(_)) | Err(_) => break,
        }
        let lost = lost.swap(0, SeqCst);
        if lost > 0 {
            complain(format_args!("{lost} events are not shown: there were too many at once"), "");
        }
    }
    // What the last commands led to, before the end.
    for input in inputs.try_iter() {
        if let Input::Happened(address, happened) = input {
            show.happened(address, &happened);
        }
    }
    Ok(())
}

/// What thousands do all the time is told only to those who want all.
fn is_rare(event: &Event) -> bool {
    !matches!(event, Event::Command(_) | Event::SessionOpened { .. } | Event::SessionClosed { .. })
}

fn opening(show: &Show<'_>, written: &Written, fleet: &Fleet, controlled: bool) {
    if show.json {
        let range = |range: &Range| {
            json!({
                "first": range.first.to_string(), "last": range.last().to_string(), "count": range.count,
                "guid": range.guid.to_string(),
            })
        };
        let ranges: Vec<_> = written.ranges.iter().map(range).collect();
        return show.out.json(&json!({
            "event": "listening", "bmcs": fleet.len(), "port": fleet.port(), "ranges": ranges,
        }));
    }
    let range = |range: &Range| match range.count {
        1 => range.first.to_string(),
        _ => format!("{} to {}", range.first, range.last()),
    };
    let ranges: Vec<_> = written.ranges.iter().map(range).collect();
    let (out, count) = (show.out, fleet.len());
    let bmcs = if count == 1 { "1 BMC".to_owned() } else { format!("{count} BMCs") };
    let line = format!("{bmcs} at {}, port {}", ranges.join(", "), fleet.port());
    out.line(out.paint(Look::Strong, line));
    if controlled {
        out.line(format_args!("  commands: {}", commands()));
        out.line(format_args!("  faults: {}", orders::names()));
    }
}

/// What it takes on standard input.
fn commands() -> String {
    format!("at ADDRESS|all COMMAND, power off|on|reset ADDRESS|all, status, quit; COMMAND: {ORDERS}, status")
}

/// One line from standard input; whether to go on.
fn obey(line: &str, fleet: &Fleet, show: &Show<'_>) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    match *words {
        [] => {}
        ["quit" | "exit"] => return false,
        ["status"] => sums(fleet, show),
        ["at", whom, "status"] => {
            for place in places(whom, fleet) {
                fleet.with(place, |bmc, _| show.status(address(fleet, place), bmc));
            }
        }
        ["at", whom, ref order @ ..] => give(line, whom, order, fleet),
        ["power", button, whom] => give(line, whom, &["power", button], fleet),
        _ => complain(format_args!("not understood: {line}"), &commands()),
    }
    true
}

fn give(line: &str, whom: &str, words: &[&str], fleet: &Fleet) {
    match orders::read(words) {
        Ok(order) => {
            let places = places(whom, fleet);
            let refused = places.filter(|place| !carry_out(fleet, *place, &order)).count();
            if refused > 0 {
                complain(format_args!("{refused} of these servers have no power to be reset"), "power on ADDRESS");
            }
        }
        Err(unread) => unread.complain(line, &commands()),
    }
}

fn carry_out(fleet: &Fleet, place: usize, order: &Order) -> bool {
    fleet.with(place, |bmc, now| orders::obey(order, bmc, now)).unwrap_or(true)
}

/// Whom a word means; none of them, and said so, if it means nobody.
fn places(whom: &str, fleet: &Fleet) -> std::ops::Range<usize> {
    if whom == "all" {
        return 0..fleet.len();
    }
    let place = whom.parse().ok().and_then(|address| fleet.place(address));
    if place.is_none() {
        complain(format_args!("no BMC of this fleet is at \"{whom}\""), "write its address without the port, or all");
    }
    place.map_or(0..0, |place| place..place + 1)
}

fn address(fleet: &Fleet, place: usize) -> Option<Ipv4Addr> {
    match fleet.address(place)?.ip() {
        std::net::IpAddr::V4(address) => Some(address),
        std::net::IpAddr::V6(_) => None,
    }
}

/// How all of them are, in one line.
fn sums(fleet: &Fleet, show: &Show<'_>) {
    let mut servers = BTreeMap::from([("off", 0), ("cycling", 0), ("booting", 0), ("up", 0)]);
    let (mut sessions, mut resets, mut records) = (0, 0, 0);
    for place in 0..fleet.len() {
        fleet.with(place, |bmc, _| {
            *servers.entry(power(bmc.power())).or_insert(0) += 1;
            sessions += bmc.sessions().0;
            resets += bmc.resets();
            records += bmc.sel().len();
        });
    }
    if show.json {
        return show.out.json(&json!({
            "event": "status", "bmcs": fleet.len(), "servers": servers, "resets": resets,
            "sel_records": records, "sessions": sessions,
        }));
    }
    let servers: Vec<_> = servers.iter().filter(|(_, count)| **count > 0).collect();
    let servers: Vec<_> = servers.iter().map(|(power, count)| format!("{count} {power}")).collect();
    show.out.line(format_args!(
        "servers: {}; {resets} resets, {records} records in the event logs, {sessions} sessions",
        servers.join(", ")
    ));
}
