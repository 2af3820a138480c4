//! The answer as a table of 80 columns: what holds, a line for every server, and what somebody should look at.

use super::answer::{Answer, Server};
use super::cells::{age, pad, pad_left, pulse, take_over, trip, width, wrap};
use crate::clock::date_and_time;
use crate::out::{Line, Look};

/// Columns of a table that nobody made wider.
pub const COLUMNS: usize = 80;
/// Of the columns behind the server's name.
const WIDTHS: [usize; 6] = [7, 7, 5, 15, 8, 11];
/// Between two columns.
const GAP: usize = 2;
/// The least for a name.
const NAME: usize = 15;

/// What may be drawn.
#[derive(Debug, Clone, Copy)]
pub struct Paper {
    /// Columns; none: a name is never cut.
    pub columns: Option<usize>,
    /// More than ASCII.
    pub unicode: bool,
}

/// The lines.
pub fn lines(answer: &Answer, shown: &[&Server], reasons: &[String], paper: Paper) -> Vec<Line> {
    let columns = paper.columns.unwrap_or(COLUMNS).max(COLUMNS);
    let wrapped = |look: Look, text: &str| wrap(text, columns, 2).into_iter().map(move |line| vec![(look, line)]);
    let mut lines: Vec<Line> = head(answer).iter().flat_map(|text| wrapped(Look::Plain, text)).collect();

    let names = shown.iter().map(|server| width(&named(server)));
    let rest: usize = WIDTHS.iter().map(|width| width + GAP).sum();
    let most = if paper.columns.is_some() { columns - rest } else { usize::MAX };
    let name = names.max().unwrap_or(0).max(NAME).min(most);
    if !shown.is_empty() {
        let titles = row(["SERVER", "VERDICT", "FOR", "POWER", "PULSE", "TRIP", "TAKE OVER"], name, paper);
        lines.push(vec![(Look::Strong, titles.concat())]);
    }
    for server in shown {
        let power = server.power.map_or("?", |on| if on { "on" } else { "off" });
        let (for_so_long, pulse, trip, take) =
            (age(server.for_so_long), pulse(server), trip(server), take_over(server));
        let cells = row([&named(server), &server.verdict, &for_so_long, power, &pulse, &trip, &take], name, paper);
        let [first, verdict, rest @ ..] = cells;
        lines.push(vec![(Look::Plain, first), (look(server), verdict), (Look::Plain, rest.concat())]);
    }
    lines.extend(reasons.iter().flat_map(|reason| wrapped(Look::Bad, reason)));
    lines
}

/// How a verdict looks.
pub fn look(server: &Server) -> Look {
    if server.needs_a_look() {
        Look::Bad
    } else if server.verdict == "alive" {
        Look::Good
    } else {
        Look::Plain
    }
}

/// The daemon's own server has a star.
pub fn named(server: &Server) -> String {
    format!("{}{}", server.name, if server.own { " *" } else { "" })
}

fn row(cells: [&str; 7], name: usize, paper: Paper) -> [String; 7] {
    let [w1, w2, w3, w4, w5, w6] = WIDTHS;
    let widths = [name, w1, w2, w3, w4, w5, w6];
    let gap = " ".repeat(GAP);
    let mut place = 0;
    cells.map(|cell| {
        let (width, first) = (widths[place], place == 0);
        let right = place == 2 || place == 5;
        place += 1;
        let cell = if right { pad_left(cell, width, paper.unicode) } else { pad(cell, width, paper.unicode) };
        if first { cell } else { format!("{gap}{cell}") }
    })
}

/// What holds for the server itself.
pub fn head(answer: &Answer) -> Vec<String> {
    let listen = answer.listen.as_ref().map_or("listening nowhere".into(), |listen| format!("listening at {listen}"));
    let mut lines = vec![format!(
        "{} of cluster {}: bmcnotice {}, up {}, {listen}{}",
        answer.server,
        answer.cluster,
        answer.version,
        age(answer.up),
        if answer.observe { ", only observing" } else { "" },
    )];
    lines.push(format!("{}; {}", own_pulse(answer), proven(answer)));
    if answer.maintenance {
        lines.push("MAINTENANCE is on: recoveries are held".into());
    }
    if !answer.heartbeat {
        lines.push("the BMC heartbeat is off: nobody is asked".into());
    }
    if let Some(last) = answer.notices.last() {
        let (when, count) = (date_and_time(last.at), answer.notices.len());
        let count = if count == 1 { "1 notice".to_owned() } else { format!("{count} notices") };
        lines.push(format!("{count}, the last {when} UTC: {} {}: {}", last.server, last.class, last.sentence));
    }
    lines
}

/// What became of its own pulse.
pub fn own_pulse(answer: &Answer) -> String {
    match &answer.pulse {
        Some(pulse) => format!("BMC of {}: {}", answer.server, pulse.text),
        None => "no pulse of its own".into(),
    }
}

/// When a drill proved the path.
pub fn proven(answer: &Answer) -> String {
    match answer.proven {
        Some(at) => format!("the alert path was proven {} ago", age(answer.at.saturating_sub(at))),
        None => "the alert path was never proven (bmcnotice bmc drill)".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::{Notice, Pulse};
    use super::*;
    use std::time::Duration;

    #[test]
    fn it_fits_80_columns_and_a_name_is_cut_on_a_terminal_alone() {
        let server = |name: &str| Server {
            name: name.into(),
            verdict: "delayed".into(),
            for_so_long: Duration::from_secs(7_199),
            power: Some(false),
            pulse: "fed".into(),
            fed_by: Some("another".into()),
            fed_ago: Some(Duration::from_secs(7_199)),
            misses: 5000,
            take_over: "fence_first".into(),
            ..Server::default()
        };
        let long = "a-name-of-a-server-that-is-longer-than-its-column";
        let answer = Answer {
            server: "here".into(),
            cluster: "a cluster of many words ".repeat(9),
            listen: Some("192.168.100.100:16200".into()),
            maintenance: true,
            pulse: Some(Pulse {
                text: "no pulse at the moment, for reasons that take a line ".repeat(3),
                ..Pulse::default()
            }),
            notices: vec![Notice { sentence: "Memory ".repeat(40), ..Notice::default() }],
            servers: vec![server("here"), server(long)],
            ..Answer::default()
        };
        let shown: Vec<&Server> = answer.servers.iter().collect();
        let reasons = ["something long ".repeat(20)];
        let drawn = |columns| -> Vec<String> {
            let lines = lines(&answer, &shown, &reasons, Paper { columns, unicode: true });
            lines.iter().map(|line| line.iter().map(|(_, text)| text.as_str()).collect()).collect()
        };
        let terminal = drawn(Some(80));
        assert!(terminal.iter().all(|line| width(line) <= 80), "{terminal:#?}");
        let row = |name: &str| terminal.iter().find(|line| line.starts_with(name)).unwrap().clone();
        assert_eq!(row("here  "), "here             delayed  119 min  off    another 119 min  999 lost  fence first");
        assert!(row("a-name-of-a-se…").ends_with("fence first"));
        let pipe = drawn(None);
        assert!(pipe.iter().any(|line| line.starts_with(long) && line.ends_with("fence first")), "{pipe:#?}");
        assert!(drawn(Some(120)).iter().any(|line| line.starts_with(long)));
    }
}
