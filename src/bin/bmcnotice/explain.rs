//! `bmcnotice explain`: why a trap did what it did, or nothing. Asks the daemon's flight recorder, or takes datagrams.

pub mod told;

use crate::capture::Datagram;
use crate::check::DEFAULT_FILE;
use crate::control::protocol::Request;
use crate::control::{Socket, cannot_ask, converse, path};
use crate::exit::{Exit, complain};
use crate::input::Source;
use crate::out::{Look, Out};
use crate::status::refusal;
use bmcnotice::Config;
use bmcnotice::engine::explain::Explainer;
use bmcnotice::io::sys;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use told::steps;

/// Say step by step what became of a trap, and why
///
/// Without a datagram: what the running daemon received last, from its flight recorder. It keeps the
/// last 64 that became notices, the last 64 that were refused, and the last 64 from strangers.
///
///   bmcnotice explain                         the last ten
///   bmcnotice explain --dropped --last 100    what was refused, and why
///
/// With datagrams (hexadecimal, or a capture: pcap, pcapng): what the daemon of this configuration
/// would make of them, had it never received anything before. A capture says where each came from;
/// otherwise it is --from, or this server's BMC.
///
///   bmcnotice explain --file trouble.pcapng
///   bmcnotice explain --from 192.0.2.7 30 82 00 29 ...
///
/// Ends with 0 when every datagram became a notice, with 3 when one did not.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    source: Source,
    /// Where the datagrams came from
    #[arg(long, value_name = "ADDRESS")]
    from: Option<IpAddr>,
    /// Of the daemon's: only what was dropped
    #[arg(long)]
    dropped: bool,
    /// Of the daemon's: so many, the newest
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    last: usize,
    #[command(flatten)]
    socket: Socket,
    /// Print JSON, one object a datagram
    #[arg(long)]
    json: bool,
}

/// The command.
pub fn main(arguments: &Arguments, out: &Out) -> Exit {
    let all = if arguments.source.is_named() { given(arguments) } else { recorded(arguments) };
    let all = match all {
        Ok(all) => all,
        Err(exit) => return exit,
    };
    if all.is_empty() && !arguments.json {
        out.line(if arguments.dropped { "nothing was dropped" } else { "nothing was received" });
    }
    for (number, one) in all.iter().enumerate() {
        if arguments.json {
            out.json(one);
            continue;
        }
        if number > 0 {
            out.line("");
        }
        show(one, out);
        if out.is_closed() {
            break;
        }
    }
    if all.iter().any(|one| one["fate"] == "dropped") { Exit::No } else { Exit::Done }
}

/// What the daemon has received.
fn recorded(arguments: &Arguments) -> Result<Vec<Value>, Exit> {
    let path = path(&arguments.socket)?;
    let mut value = converse(&path, Request::Explain).map_err(|error| cannot_ask(&path, &error))?;
    if let Some(why) = refusal(&value) {
        complain(why, "");
        return Err(Exit::Failed);
    }
    let Value::Array(mut all) = value["datagrams"].take() else { return Ok(Vec::new()) };
    all.retain(|one| !arguments.dropped || one["fate"] == "dropped");
    let before = all.len().saturating_sub(arguments.last);
    Ok(all.split_off(before))
}

/// What is made of datagrams that somebody has.
fn given(arguments: &Arguments) -> Result<Vec<Value>, Exit> {
    let file = arguments.socket.config.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
    let explainer = Config::from_file(file).and_then(|config| config.explainer()).map_err(|error| {
        complain(error, "name the configuration that judges them: --config FILE");
        Exit::Wrong
    })?;
    let (input, datagrams) = arguments.source.read()?;
    datagrams.into_iter().map(|datagram| one(&explainer, arguments.from, &input, datagram)).collect()
}

fn one(explainer: &Explainer, from: Option<IpAddr>, input: &str, datagram: Datagram) -> Result<Value, Exit> {
    let own = explainer.cluster().this_server().bmc.as_ref().and_then(|bmc| bmc.trap_sources.first().copied());
    let from = from.or(datagram.from.map(|from| from.ip())).or(own).ok_or_else(|| {
        complain("nobody says where the datagram came from, and this server has no BMC", "name it: --from ADDRESS");
        Exit::Wrong
    })?;
    let from = SocketAddr::new(from, datagram.from.map_or(0, |from| from.port()));
    let steps = steps(&explainer.explain(sys::now(), from, &datagram.octets));
    Ok(json!({
        "input": input,
        "place": datagram.place,
        "time": datagram.at.map(crate::clock::stamp),
        "from": from.to_string(),
        "octets": datagram.octets.len(),
        "fate": told::fate_of(&steps),
        "steps": steps,
    }))
}

fn show(one: &Value, out: &Out) {
    let word = |key: &str| one[key].as_str();
    let number = match (one["number"].as_u64(), word("input"), one["place"].as_u64()) {
        (Some(number), _, _) => format!("datagram {number}"),
        (None, Some(input), Some(place)) => format!("{input}, {place}"),
        (None, _, _) => "datagram".into(),
    };
    let fate = word("fate").unwrap_or("unknown");
    let fate = out.paint(if fate == "dropped" { Look::Bad } else { Look::Good }, fate);
    let time = word("time").map_or_else(String::new, |time| format!(" at {time}"));
    let (from, octets) = (word("from").unwrap_or_default(), one["octets"].as_u64().unwrap_or_default());
    out.line(format_args!("{}{time} from {from}, {octets} octets: {fate}", out.paint(Look::Strong, number)));
    for step in one["steps"].as_array().into_iter().flatten() {
        let (look, mark) = match step["outcome"].as_str() {
            Some("passed") => (Look::Good, "yes"),
            Some("ended") => (Look::Bad, "no"),
            _ => (Look::Faint, ""),
        };
        let name = step["step"].as_str().unwrap_or_default();
        let why = step["why"].as_str().unwrap_or_default();
        out.line(format_args!("  {} {} {why}", out.paint(look, format_args!("{mark:<3}")), pad(name)));
    }
}

/// Monitors have names of their own, which may be long.
fn pad(name: &str) -> String {
    format!("{:<15}", format_args!("{name}:").to_string())
}
