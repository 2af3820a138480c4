//! `bmcnotice status`: asks the daemon what it knows, and shows it as a table, as JSON, or as metrics.

pub mod answer;
pub mod cells;
pub mod judge;
pub mod prometheus;
pub mod table;

use crate::control::protocol::Request;
use crate::control::{Socket, cannot_ask, converse, path};
use crate::exit::{Exit, complain};
use crate::out::Out;
use answer::{Answer, Server};
use bmcnotice::io::terminal;
use serde_json::Value;
use std::io::{IsTerminal, stdout};
use table::Paper;

/// What the daemon knows: servers, recoveries, its own pulse
///
/// One line for every server that has a BMC: the verdict, for how long it has held, the power, what
/// the server's watchdog shows and when it was fed last, the last round trip to the BMC, and whether
/// its services may be taken over. Below that, what somebody should look at, and why. docs/cli.md
/// explains the columns, the JSON and the metrics.
///
/// Ends with 0 when all is well: every other server alive or powered, no recovery open, the own
/// pulse fed or not wanted. With 3 when something needs a look, with 1 when the daemon could not be
/// asked, with 2 when it knows no server of a name that was given.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// Only these servers
    #[arg(value_name = "SERVER")]
    servers: Vec<String>,
    #[command(flatten)]
    socket: Socket,
    /// Print the daemon's answer: one JSON object
    #[arg(long, conflicts_with = "prometheus")]
    json: bool,
    /// Print metrics in Prometheus' text format
    #[arg(long)]
    prometheus: bool,
}

/// The command.
pub fn main(arguments: &Arguments, out: &Out) -> Exit {
    let path = match path(&arguments.socket) {
        Ok(path) => path,
        Err(exit) => return exit,
    };
    let mut value = match converse(&path, Request::Status) {
        Ok(value) => value,
        Err(error) => return cannot_ask(&path, &error),
    };
    if let Some(why) = refusal(&value) {
        complain(why, "");
        return Exit::Failed;
    }
    let answer = Answer::read(&value);
    let shown = match choose(&answer, &arguments.servers) {
        Ok(shown) => shown,
        Err(name) => {
            complain(
                format_args!("the daemon knows no server \"{name}\" with a BMC"),
                "bmcnotice status, without a name, shows all that it knows",
            );
            return Exit::Wrong;
        }
    };
    let reasons = judge::reasons(&answer, &shown);
    if arguments.json {
        if let (false, Some(servers)) = (arguments.servers.is_empty(), value["servers"].as_array_mut()) {
            servers.retain(|server| arguments.servers.iter().any(|name| server["server"] == name.as_str()));
        }
        out.json(&value);
    } else if arguments.prometheus {
        out.line(prometheus::text(&answer, &shown).trim_end());
    } else {
        let columns = terminal::size(stdout()).filter(|_| stdout().is_terminal()).map(|size| size.columns.into());
        let lines = table::lines(&answer, &shown, &reasons, Paper { columns, unicode: unicode() });
        lines.iter().for_each(|line| out.line(out.painted(line)));
    }
    if reasons.is_empty() { Exit::Done } else { Exit::No }
}

/// Why this is no answer, if so.
pub fn refusal(value: &Value) -> Option<String> {
    let text = value["text"].as_str().unwrap_or("the daemon's answer has no text");
    match (value["ok"].as_bool(), value["code"].as_str()) {
        (Some(true), _) => None,
        // It did not understand a request that every daemon of this release does.
        (_, Some("wrong")) => Some(format!(
            "the daemon that runs is of an earlier release and cannot tell: restart it with this one (it says: {text})"
        )),
        (_, _) => Some(text.to_owned()),
    }
}

fn choose<'a>(answer: &'a Answer, names: &[String]) -> Result<Vec<&'a Server>, String> {
    for name in names {
        if !answer.servers.iter().any(|server| server.name == *name) {
            return Err(name.clone());
        }
    }
    let wanted = |server: &&Server| names.is_empty() || names.contains(&server.name);
    Ok(answer.servers.iter().filter(wanted).collect())
}

/// Whether the locale's characters are Unicode's (locale(7): the first of these that is set counts).
pub fn unicode() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(std::env::var_os).find(|value| !value.is_empty());
    let name = set.unwrap_or_default().to_string_lossy().to_lowercase();
    name.contains("utf-8") || name.contains("utf8")
}
