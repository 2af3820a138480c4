//! `bmcnotice check`: everything that is wrong with a configuration, in one pass.

use crate::exit::{Exit, complain, report};
use crate::live::{self, judge::Bmc};
use crate::out::{Look, Out};
use bmcnotice::Config;
use bmcnotice::config::finding::{Finding, Severity};
use serde_json::json;
use std::path::PathBuf;

/// Where a configuration lies unless said otherwise.
pub const DEFAULT_FILE: &str = "/etc/bmcnotice/bmcnotice.toml";

/// Say everything that is wrong with a configuration, in one pass
///
/// Reads the file, asks this host what matters to it (addresses, ports, files), and lists every
/// finding with its id, place, rule and remedy. Changes nothing. docs/findings.md has a paragraph
/// on each id.
///
/// With --live it then asks every BMC: this server's own in-band and over LAN, the others' over
/// LAN. It says what works, how fast, and what does not. It logs in and reads; it changes nothing.
///
/// Ends with 0 when there is no error, with 2 when there is one, and with 3 when --live finds a
/// BMC that does not work as configured. Warnings and notes do not count.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The configuration
    #[arg(value_name = "FILE", default_value = DEFAULT_FILE)]
    file: PathBuf,
    /// Ask the BMCs, too; takes up to 20 s
    #[arg(long)]
    live: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The command.
pub fn main(arguments: &Arguments, out: &Out) -> Exit {
    let config = match Config::from_file(&arguments.file) {
        Ok(config) => config,
        Err(error) => {
            complain(error, "name the file to check: bmcnotice check FILE; examples/seed.toml is one to copy");
            return Exit::Wrong;
        }
    };
    let findings = config.check();
    let errors = count(&findings, Severity::Error);
    let asked = (arguments.live && errors == 0).then(|| live::ask(&config));
    let live = match asked {
        None => None,
        Some(Ok(live)) => Some(live),
        Some(Err(error)) => return report(&error),
    };
    if arguments.json {
        let list: Vec<_> = findings.iter().map(as_json).collect();
        let mut object = json!({
            "file": arguments.file.display().to_string(),
            "errors": errors,
            "warnings": count(&findings, Severity::Warning),
            "notes": count(&findings, Severity::Info),
            "findings": list,
        });
        if let (Some(live), Some(object)) = (&live, object.as_object_mut()) {
            object.insert("live".into(), live::judge::as_json(live));
        }
        out.json(&object);
    } else {
        for (severity, title, look) in [
            (Severity::Error, "ERRORS: it does not run like this", Look::Bad),
            (Severity::Warning, "WARNINGS: it runs, and someone should look", Look::Strong),
            (Severity::Info, "NOTES", Look::Strong),
        ] {
            group(&findings, severity, title, look, out);
        }
        out.line(format_args!("{}: {}", arguments.file.display(), summary(&findings)));
        match &live {
            Some(live) => live::judge::print(live, out),
            None if arguments.live => out.line("no BMC was asked: correct the errors first"),
            None => {}
        }
    }
    let works = |all: &Vec<Bmc>| !all.iter().any(|bmc| live::judge::is_bad(&live::judge::judge(bmc, all)));
    match live {
        _ if errors > 0 => Exit::Wrong,
        Some(live) if !works(&live) => Exit::No,
        Some(_) | None => Exit::Done,
    }
}

fn group(findings: &[Finding], severity: Severity, title: &str, look: Look, out: &Out) {
    let mut found = findings.iter().filter(|finding| finding.severity == severity).peekable();
    if found.peek().is_none() {
        return;
    }
    out.line(out.paint(look, title));
    for finding in found {
        out.line("");
        out.line(format_args!("  {}  {}", out.paint(Look::Strong, finding.id), finding.place));
        for (what, text) in [("found", &*finding.subject), ("rule", finding.rule), ("remedy", &finding.remedy)] {
            out.line(format_args!("    {} {text}", out.paint(Look::Faint, format_args!("{what:<7}"))));
        }
    }
    out.line("");
}

fn count(findings: &[Finding], severity: Severity) -> usize {
    findings.iter().filter(|finding| finding.severity == severity).count()
}

/// "1 error, 2 warnings, no notes".
pub fn summary(findings: &[Finding]) -> String {
    let part = |severity, name: &str| match count(findings, severity) {
        0 => format!("no {name}s"),
        1 => format!("1 {name}"),
        n => format!("{n} {name}s"),
    };
    let parts = [part(Severity::Error, "error"), part(Severity::Warning, "warning"), part(Severity::Info, "note")];
    parts.join(", ")
}

fn as_json(finding: &Finding) -> serde_json::Value {
    let Finding { id, severity, place, subject, rule, remedy } = finding;
    json!({
        "id": id,
        "severity": severity.to_string(),
        "place": place.to_string(),
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "subject": subject,
        "rule": rule,
        "remedy": remedy,
    })
}
