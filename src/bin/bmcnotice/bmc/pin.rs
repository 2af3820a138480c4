//! `bmcnotice bmc pin`: who the BMCs are, and what to write so that no other is taken for one of them.

use super::guest::{Guest, load, signals};
use crate::arrive::NotMet;
use crate::check::DEFAULT_FILE;
use crate::exit::{Exit, complain, report};
use crate::out::{Look, Out};
use bmcnotice::bmc::link::{Checked, Identity};
use bmcnotice::config::pin;
use bmcnotice::io::host;
use bmcnotice::io::signals::Signals;
use bmcnotice::io::visit::Shut;
use bmcnotice::setup::Way;
use bmcnotice::words::Guid;
use bmcnotice::{Config, crypto::Wiped};
use serde_json::{Value, json};
use std::fmt;
use std::path::{Path, PathBuf};

/// Read the BMCs' GUIDs and show what to write to pin them
///
/// Visits every BMC of the configuration and reads its system GUID. Compares it with what is pinned
/// already and, for this host's own BMC over LAN, with what its firmware (SMBIOS) says. A
/// GUID that identifies nothing, or that two BMCs share, is not pinned.
///
/// --write puts the missing lines into the configuration file, which keeps its comments.
///
/// Ends with 0 when every BMC is pinned or can be, with 3 when one cannot or is another than
/// before, with 1 when one could not be asked.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_FILE)]
    config: PathBuf,
    /// Only the BMC of this server
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// Write the lines into the configuration file
    #[arg(long)]
    write: bool,
    /// With --write, also replace a GUID that is another now: the board was changed
    #[arg(long, requires = "write")]
    replace: bool,
    /// Print one JSON object a BMC
    #[arg(long)]
    json: bool,
}

/// What a BMC's GUID means.
#[derive(Debug)]
enum State {
    /// It is pinned, and it is this one.
    Pinned(Guid),
    /// It can be pinned.
    New(Guid),
    /// Another one is pinned.
    Differs { pinned: Guid, found: Guid },
    /// This host's firmware says another one.
    NotThisHost(Guid),
    /// It identifies nothing.
    Unspecified(Guid),
    /// Another BMC has it, too.
    Shared { found: Guid, with: String },
    /// It could not be asked.
    Failed(NotMet),
}

impl State {
    fn name(&self) -> &'static str {
        match self {
            Self::Pinned(_) => "pinned",
            Self::New(_) => "new",
            Self::Differs { .. } => "differs",
            Self::NotThisHost(_) => "not_this_host",
            Self::Unspecified(_) => "unspecified",
            Self::Shared { .. } => "shared",
            Self::Failed(_) => "failed",
        }
    }

    fn guid(&self) -> Option<Guid> {
        match self {
            Self::Pinned(found)
            | Self::New(found)
            | Self::Differs { found, .. }
            | Self::NotThisHost(found)
            | Self::Unspecified(found)
            | Self::Shared { found, .. } => Some(*found),
            Self::Failed(_) => None,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned(found) => write!(f, "{found}, as it is pinned"),
            Self::New(found) => write!(f, "{found}, not pinned yet"),
            Self::Differs { pinned, found } => {
                write!(f, "{found}, and {pinned} is pinned: another address, or another board?")
            }
            Self::NotThisHost(found) => {
                write!(f, "{found}, and this host's firmware says another one: is the address this server's BMC?")
            }
            Self::Unspecified(found) => write!(f, "{found}, which identifies nothing: have its maker's tool set it"),
            Self::Shared { found, with } => {
                write!(f, "{found}, which the BMC of {with} has, too: have the maker's tool set it")
            }
            Self::Failed(shut) => write!(f, "{shut}"),
        }
    }
}

/// The command.
pub fn main(arguments: &Arguments, out: &Out) -> Exit {
    match run(arguments, out) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn run(arguments: &Arguments, out: &Out) -> Result<Exit, Exit> {
    let config = load(&arguments.config)?;
    let ways = config.ways().map_err(|error| report(&error))?;
    let signals = signals()?;
    let wanted = |way: &&Way| arguments.server.as_ref().is_none_or(|name| way.server().name == *name);
    if !ways.iter().any(|way| wanted(&way)) {
        complain("no such server has a BMC in the configuration", "look at its [[server]] tables");
        return Err(Exit::Wrong);
    }
    let mut found: Vec<(&Way, State)> = Vec::new();
    for way in ways.iter().filter(wanted) {
        let state = ask(way, &signals);
        if let State::Failed(NotMet { why: why @ Shut::Interrupted(_), .. }) = &state {
            complain(why, "");
            return Err(Exit::Failed);
        }
        found.push((way, state));
    }
    find_shared(&ways, &mut found);
    let fit =
        |state: &State| matches!(state, State::New(_)) || arguments.replace && matches!(state, State::Differs { .. });
    let lines: Vec<(&str, Guid)> = found
        .iter()
        .filter(|(_, state)| arguments.write && fit(state))
        .filter_map(|(way, state)| Some((way.server().name.as_str(), state.guid()?)))
        .collect();
    if !lines.is_empty() {
        write(&arguments.config, &lines)?;
    }
    for (way, state) in &found {
        let written = lines.iter().any(|(name, _)| *name == way.server().name);
        if arguments.json {
            out.json(&as_json(way, state, written));
        } else {
            show(way, state, written, out);
        }
    }
    let refused = |state: &State| !matches!(state, State::Pinned(_) | State::New(_) | State::Failed(_));
    let left =
        |(way, state): &(&Way, State)| refused(state) && !lines.iter().any(|(name, _)| *name == way.server().name);
    Ok(if found.iter().any(|(_, state)| matches!(state, State::Failed(_))) {
        Exit::Failed
    } else if found.iter().any(left) {
        Exit::No
    } else {
        Exit::Done
    })
}

/// Whatever it is, it is learnt: what must match is compared here.
fn ask(way: &Way, signals: &Signals) -> State {
    let met = match Guest::try_meet(way, &Identity::Unknown, None, signals) {
        Ok(guest) => guest.met,
        Err(not_met) => return State::Failed(not_met),
    };
    let guid = met.guid;
    let is = |identity: &Identity| identity.check(guid).is_some();
    let pinned = way.bmc().and_then(|bmc| bmc.guid);
    match pinned {
        _ if guid.is_unspecified() => State::Unspecified(guid),
        Some(pinned) if is(&Identity::Expected(vec![pinned])) => State::Pinned(guid),
        Some(pinned) => State::Differs { pinned, found: guid },
        // What is on the board is this host's, whatever the firmware says.
        None if way.is_own() && !met.is_in_band() && !is(&way.own) => State::NotThisHost(guid),
        None => State::New(guid),
    }
}

/// A GUID that two BMCs have pins neither; those that were not asked count by what is pinned.
fn find_shared(ways: &[Way], found: &mut [(&Way, State)]) {
    let known: Vec<(String, Guid)> = found
        .iter()
        .filter_map(|(way, state)| Some((way.server().name.clone(), state.guid()?)))
        .chain(ways.iter().filter_map(|way| Some((way.server().name.clone(), way.bmc()?.guid?))))
        .collect();
    for (way, state) in found {
        let (State::New(guid) | State::Differs { found: guid, .. }) = *state else { continue };
        let name = &way.server().name;
        let same = |other: Guid| Identity::Expected(vec![other]).check(guid) == Some(Checked::Matched);
        if let Some((with, _)) = known.iter().find(|(other, guid)| other != name && same(*guid)) {
            *state = State::Shared { found: guid, with: with.clone() };
        }
    }
}

/// Puts the lines into the file, and only if it then says what it should and nothing else.
fn write(file: &Path, lines: &[(&str, Guid)]) -> Result<(), Exit> {
    let failed = |what: String| {
        complain(what, "write the lines yourself; the file is as it was");
        Exit::Failed
    };
    let before = host::read_text(file).map(Wiped::new).map_err(|error| failed(error.to_string()))?;
    let mut text = before.clone();
    for (server, guid) in lines {
        let next = pin::pin(&text, server, *guid);
        text = Wiped::new(next.ok_or_else(|| failed(format!("cannot find the place for the guid of {server}")))?);
    }
    let judged = Config::from_text(text.to_string(), file.display().to_string());
    let says = judged.ways().is_ok_and(|ways| {
        let pinned = |name: &str| ways.iter().find(|way| way.server().name == name)?.bmc()?.guid;
        lines.iter().all(|(server, guid)| pinned(server) == Some(*guid))
    });
    if !says {
        return Err(failed(format!("with the new lines {} would not be read as meant", file.display())));
    }
    host::replace_text(file, &before, &text)
        .map_err(|error| failed(format!("cannot write {}: {error}", file.display())))
}

fn show(way: &Way, state: &State, written: bool, out: &Out) {
    let look = match state {
        State::Pinned(_) => Look::Good,
        State::New(_) => Look::Strong,
        _ if written => Look::Strong,
        _ => Look::Bad,
    };
    let name = &way.server().name;
    out.line(format_args!("{}: {}", out.paint(look, format_args!("{name} ({})", way.address)), state));
    match (state, written) {
        (_, true) => out.line("  written"),
        (State::New(guid), false) => {
            out.line(format_args!("  write in [server.bmc] of {name}, or say --write:"));
            out.line(format_args!("  guid = \"{guid}\""));
        }
        (State::Differs { .. }, false) => out.line("  if the board was changed: --write --replace"),
        _ => {}
    }
}

fn as_json(way: &Way, state: &State, written: bool) -> Value {
    json!({
        "server": way.server().name,
        "address": way.address.to_string(),
        "state": state.name(),
        "guid": state.guid().map(|guid| guid.to_string()),
        "text": state.to_string(),
        "written": written,
    })
}
