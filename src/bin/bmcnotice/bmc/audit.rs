//! `bmcnotice bmc audit`: what would keep a fatal notice from this monitor.

use super::guest::{Guest, Whose, introduction, signals};
use crate::exit::Exit;
use crate::out::{Look, Out};
use bmcnotice::audit::finding::{Finding, Reaches, Severity, Verdict};
use bmcnotice::audit::judge::{MARGIN, judge};
use bmcnotice::audit::told::Told;
use bmcnotice::config::model::Privilege;
use bmcnotice::notice::dedup::NUMBERED_SPAN;
use serde_json::json;
use std::time::Duration;

/// Say what would keep a fatal notice from this monitor
///
/// Asks the BMC about its alerting (event filters, policies, destinations, community, retries), its
/// event log and clock, its users and cipher suites, and lists what is wrong with id, rule and
/// remedy; docs/audit.md has a paragraph on each id. Changes nothing. What the BMC does not tell is
/// said, and not judged.
///
/// Ends with 0 when nothing keeps a fatal notice away, with 3 when there is an error or the BMC
/// does not tell enough, with 1 when it cannot be asked.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(flatten)]
    whose: Whose,
    /// Over LAN ask with this privilege, not the configuration's: administrators are told most
    #[arg(long, value_name = "LEVEL")]
    privilege: Option<Level>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Level {
    User,
    Operator,
    Administrator,
}

impl From<Level> for Privilege {
    fn from(level: Level) -> Self {
        match level {
            Level::User => Self::User,
            Level::Operator => Self::Operator,
            Level::Administrator => Self::Administrator,
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
    let (way, signals) = (arguments.whose.way()?, signals()?);
    let mut guest = Guest::meet(&way, arguments.privilege.map(Into::into), &signals)?;
    let told = guest.ask()?;
    let us = guest.us(&way).ok_or(Exit::Failed)?;
    let verdict = judge(&told, &us);
    let blocked: Vec<&str> =
        verdict.findings.iter().filter(|finding| finding.rule.blocks).map(|finding| finding.rule.id).collect();
    if arguments.json {
        out.json(&json!({
            "server": way.server().name,
            "address": way.address.to_string(),
            "in_band": guest.met.is_in_band(),
            "guid": guest.met.guid.to_string(),
            "identity_matched": us.identity == bmcnotice::bmc::link::Checked::Matched,
            "reaches": verdict.reaches.to_string(),
            "blocked_by": blocked,
            "retry_span_s": verdict.retry_span.map(|span| span.as_secs()),
            "errors": verdict.of(Severity::Error).count(),
            "warnings": verdict.of(Severity::Warning).count(),
            "notes": verdict.of(Severity::Info).count(),
            "findings": verdict.findings.iter().map(as_json).collect::<Vec<_>>(),
            "questions": told.asked,
        }));
    } else {
        out.line(introduction(&way, &guest.met));
        out.line(device(&told));
        out.line("");
        for (severity, title, look) in [
            (
                Severity::Error,
                "ERRORS: a fatal notice is kept away or comes too late, or anybody may come in",
                Look::Bad,
            ),
            (Severity::Warning, "WARNINGS: someone should look", Look::Strong),
            (Severity::Info, "NOTES", Look::Strong),
        ] {
            group(&verdict, severity, title, look, out);
        }
        summary(&verdict, &blocked, us.retry_span, out);
    }
    let fine = verdict.reaches == Reaches::Yes && verdict.of(Severity::Error).next().is_none();
    Ok(if fine { Exit::Done } else { Exit::No })
}

fn device(told: &Told) -> String {
    match &told.device {
        Ok(device) => format!(
            "IPMI {}.{}, firmware {}.{:02x}, manufacturer {}, product {}; {} questions",
            device.ipmi_version & 0x0F,
            device.ipmi_version >> 4,
            device.firmware_major,
            device.firmware_minor,
            device.manufacturer,
            device.product,
            told.asked
        ),
        Err(why) => format!("its device id: {why}"),
    }
}

fn group(verdict: &Verdict, severity: Severity, title: &str, look: Look, out: &Out) {
    let mut found = verdict.of(severity).peekable();
    if found.peek().is_none() {
        return;
    }
    out.line(out.paint(look, title));
    for Finding { rule, subject, remedy } in found {
        out.line("");
        out.line(format_args!("  {}  {subject}", out.paint(Look::Strong, rule.id)));
        for (what, text) in [("rule", rule.says), ("remedy", remedy)] {
            out.line(format_args!("    {} {text}", out.paint(Look::Faint, format_args!("{what:<7}"))));
        }
    }
    out.line("");
}

fn summary(verdict: &Verdict, blocked: &[&str], known: Option<Duration>, out: &Out) {
    if let Some(span) = verdict.retry_span {
        let (span, known) = (span.as_secs(), known.unwrap_or(NUMBERED_SPAN).as_secs());
        out.line(format_args!(
            "Duplicates: the BMC sends one alert again for at most {span} s; a repetition is known as such for {known} s."
        ));
        if known == NUMBERED_SPAN.as_secs() {
            let proposal = span + MARGIN.as_secs();
            out.line(format_args!("  closer: retry_span = \"{proposal}s\" in its [server.bmc]"));
        }
    }
    let answer = match verdict.reaches {
        Reaches::Yes => out.paint(Look::Good, "yes, as far as the BMC's settings go; bmcnotice bmc drill proves it"),
        Reaches::No => out.paint(Look::Bad, format_args!("no, or not every one: {}", blocked.join(", "))),
        Reaches::Unknown => out.paint(Look::Strong, "unknown: the BMC does not tell enough (BMCN-A001)"),
    };
    out.line(format_args!("Would a fatal notice reach this monitor? {answer}"));
}

fn as_json(finding: &Finding) -> serde_json::Value {
    let Finding { rule, subject, remedy } = finding;
    json!({
        "id": rule.id,
        "severity": rule.severity.to_string(),
        "blocks": rule.blocks,
        "subject": subject,
        "rule": rule.says,
        "remedy": remedy,
    })
}
