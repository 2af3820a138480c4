//! `bmcnotice bmc setup`: what to write to the BMC so that fatal notices come, and writes it.

use super::guest::{Guest, Whose, introduction, signals};
use crate::exit::{Exit, complain};
use crate::out::{Look, Out};
use bmcnotice::audit::wanted::{Change, Options, Plan, plan};
use bmcnotice::audit::write::{Writing, Written};
use bmcnotice::bmc::link::Checked;
use bmcnotice::config::model::Privilege;
use bmcnotice::io::sys::now;
use bmcnotice::io::visit::Cut;
use serde_json::{Value, json};
use std::time::Duration;

/// Limit: how long all writing may take.
const WRITING: Duration = Duration::from_secs(120);
/// Limit: how long leaving in good order may take after that.
const LEAVING: Duration = Duration::from_secs(10);

/// Show what to write to the BMC so that fatal notices come here, and write it
///
/// Compares the BMC's alerting with what this configuration needs: a destination that is this
/// monitor (acknowledged, sent again), the community, a policy that leads there, PEF and its alert
/// action, and filters that alert of every fatal event. Prints the difference and changes nothing,
/// unless told to --write; then it reads everything again. Filters that it writes only alert; what
/// the maker's filters do by themselves, before they alert, is taken out by --alert-only alone.
///
/// Over LAN it needs a user who is administrator of the BMC, for this visit alone. Nothing is
/// written to a BMC that is not known to be the right one.
///
/// Ends with 0 when there is nothing to do or all was written and read again, with 3 when there is
/// something to write or something that cannot be, with 1 when the BMC refused.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    whose: Whose,
    /// Write the difference
    #[arg(long)]
    write: bool,
    /// Take reset, power off, power cycle and NMI out of the filters of fatal events
    #[arg(long)]
    alert_only: bool,
    /// The destination to use, from 1 [default: ours, or the first free one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=15))]
    destination: Option<u8>,
    /// Write although the BMC may be another's, or somebody else seems to write
    #[arg(long)]
    force: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The command.
pub fn main(arguments: &Arguments, out: &Out) -> Exit {
    match run(arguments, out) {
        Ok(exit) | Err(exit) => exit,
    }
}

/// What happened.
struct Done {
    plan: Plan,
    written: Option<Written>,
    /// What is still to be written, now that it was read again.
    remaining: Option<Plan>,
}

fn run(arguments: &Arguments, out: &Out) -> Result<Exit, Exit> {
    let (way, signals) = (arguments.whose.way()?, signals()?);
    let mut guest = Guest::meet(&way, Some(Privilege::Administrator), &signals)?;
    let us = guest.us(&way).ok_or(Exit::Failed)?;
    let options = Options { alert_only: arguments.alert_only, destination: arguments.destination };
    let told = guest.ask()?;
    let mut done = Done { plan: plan(&told, &us, options), written: None, remaining: None };
    if arguments.write && !done.plan.changes.is_empty() {
        if guest.met.identity != Checked::Matched && !arguments.force {
            complain(
                format_args!("{}: nothing is written to it", introduction(&way, &guest.met)),
                "pin its GUID (bmcnotice bmc pin shows how), or say --force; without --write the changes are shown",
            );
            return Err(Exit::Failed);
        }
        done.written = Some(write(&mut guest, done.plan.clone(), arguments.force));
        done.remaining = Some(plan(&guest.ask()?, &us, options));
    }
    if arguments.json {
        let mut object = as_json(&done);
        object["server"] = json!(way.server().name);
        object["address"] = json!(way.address.to_string());
        object["in_band"] = json!(guest.met.is_in_band());
        out.json(&object);
    } else {
        out.line(introduction(&way, &guest.met));
        out.line("");
        show(&done, arguments, out);
    }
    Ok(exit(&done))
}

/// Writes; on a signal or a deadline it still leaves in good order.
fn write(guest: &mut Guest<'_>, plan: Plan, force: bool) -> Written {
    let mut writing = Writing::new(plan, force);
    match guest.visit.converse(&mut writing, now().boottime + WRITING) {
        Ok(written) => written,
        Err(cut) => {
            writing.leave(&match cut {
                Cut::Late => "the deadline passed; it may have been written".to_owned(),
                Cut::Interrupted(signal) => format!("{}; it may have been written", signal.name()),
            });
            let left = guest.visit.converse(&mut writing, now().boottime + LEAVING);
            left.unwrap_or_else(|_| writing.so_far().clone())
        }
    }
}

fn exit(done: &Done) -> Exit {
    let stopped = done.written.as_ref().is_some_and(|written| written.stopped.is_some());
    match &done.remaining {
        _ if stopped => Exit::Failed,
        Some(remaining) if !remaining.changes.is_empty() => Exit::Failed,
        None if !done.plan.changes.is_empty() => Exit::No,
        Some(_) | None if !done.plan.cannot.is_empty() => Exit::No,
        Some(_) | None => Exit::Done,
    }
}

fn show(done: &Done, arguments: &Arguments, out: &Out) {
    let Done { plan, written, remaining } = done;
    for change in &plan.changes {
        let mark = match written {
            None => out.paint(Look::Strong, "will be"),
            Some(written) if written.done.contains(change) => out.paint(Look::Good, "written"),
            Some(_) => out.paint(Look::Bad, "not written"),
        };
        out.line(format_args!("{}: {mark}", change.what));
        out.line(format_args!("  - {}", change.from));
        out.line(format_args!("  + {}", change.to));
    }
    list("Only on request:", &plan.on_request, out);
    list("Cannot be set:", &plan.cannot, out);
    if let Some((at, why)) = written.as_ref().and_then(|written| written.stopped.as_ref()) {
        out.line("");
        out.line(out.paint(Look::Bad, format_args!("Stopped at {at}: {why}")));
    }
    let remaining_lines: Vec<String> =
        remaining.iter().flat_map(|remaining| &remaining.changes).map(ToString::to_string).collect();
    list("Read again, and still not so:", &remaining_lines, out);
    out.line("");
    out.line(match (plan.changes.len(), written, remaining) {
        (0, ..) => "Nothing to write.".to_owned(),
        (count, None, _) if arguments.write => format!("{count} changes, none written."),
        (count, None, _) => format!("{count} changes. Say --write to write them."),
        (count, Some(written), remaining) => {
            let left = remaining.as_ref().map_or(count, |remaining| remaining.changes.len());
            let read = match left {
                0 => "read again, the BMC has them all".to_owned(),
                left => format!("read again, {left} are still to do"),
            };
            format!("{} of {count} changes written; {read}.", written.done.len())
        }
    });
}

fn list(title: &str, lines: &[String], out: &Out) {
    if !lines.is_empty() {
        out.line("");
        out.line(out.paint(Look::Strong, title));
        lines.iter().for_each(|line| out.line(format_args!("  {line}")));
    }
}

fn as_json(done: &Done) -> Value {
    let Done { plan, written, remaining } = done;
    let change = |change: &Change| {
        let Change { what, from, to, .. } = change;
        let done = written.as_ref().map(|written| written.done.contains(change));
        json!({ "what": what, "from": from, "to": to, "written": done })
    };
    let stopped = written.as_ref().and_then(|written| written.stopped.as_ref());
    json!({
        "changes": plan.changes.iter().map(change).collect::<Vec<_>>(),
        "cannot": plan.cannot,
        "on_request": plan.on_request,
        "stopped": stopped.map(|(at, why)| json!({ "at": at, "why": why })),
        "remaining": remaining.as_ref().map(|remaining| {
            remaining.changes.iter().map(ToString::to_string).collect::<Vec<_>>()
        }),
    })
}
