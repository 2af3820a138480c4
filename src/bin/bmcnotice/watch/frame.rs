//! One picture of the live view: a pure function of what the daemon told, of the size, and of what is scrolled to.

use super::spark;
use crate::clock::date_and_time;
use crate::out::{Line, Look};
use crate::status::answer::{Answer, Recovery, Server};
use crate::status::cells::{age, cut, pad, pad_left, pulse, take_over, trip, width, wrap};
use crate::status::table::{look, named, own_pulse, proven};
use std::time::Duration;

/// What is shown.
pub struct View<'a> {
    /// What the daemon told last.
    pub answer: Option<&'a Answer>,
    /// Why it tells no more, and for how long that has been so.
    pub trouble: Option<(&'a str, Duration)>,
    /// The first server that is shown.
    pub first: usize,
    /// The picture stands still.
    pub frozen: bool,
    /// It is asked so often.
    pub interval: Duration,
    /// More than ASCII may be drawn.
    pub unicode: bool,
}

/// A picture.
pub struct Frame {
    /// Its lines; as many as there are rows.
    pub lines: Vec<Line>,
    /// The first server that is shown, at most as far down as makes sense.
    pub first: usize,
    /// The last one that makes sense as the first.
    pub last: usize,
    /// How many servers a page has.
    pub page: usize,
}

/// Columns of the verdict, for how long, the evidence, the last round trip and the answer.
const WIDTHS: [usize; 5] = [7, 7, 15, 8, 11];
/// Columns of a server's name: at least, at most on 80 columns, at most.
const NAME: (usize, usize, usize) = (8, 15, 40);
/// The most round trips that there are.
const TRIPS: usize = 32;
/// Fewer columns than this are no place for a reason.
const WHY: usize = 20;
/// Lines for why the daemon does not answer.
const TROUBLE: usize = 3;
/// Open recoveries that have a line each; one that is not shown is counted.
const RECOVERIES: usize = 3;
/// Lines of notices that servers do not take away.
const NOTICES: usize = 3;
/// Lines that stay for servers, however few rows there are.
const SERVERS: usize = 3;

/// The picture. `rows`: none for one on paper, which is as long as it is.
pub fn frame(view: &View<'_>, columns: usize, rows: Option<usize>) -> Frame {
    let mut lines = Vec::new();
    if let Some((why, since)) = view.trouble {
        let text = format!("NO ANSWER for {}: {why}; asked again every {}", age(since), age(view.interval));
        lines.extend(wrap(&text, columns, 2).into_iter().take(TROUBLE).map(|line| vec![(Look::Bad, line)]));
    }
    let Some(answer) = view.answer else {
        return finish(view, lines, columns, rows, (0, 0, 0));
    };
    lines.extend(head(answer, columns, view.unicode));

    let count = answer.servers.len();
    let below = rows.map(|rows| rows.saturating_sub(lines.len() + 2)); // the titles, and the keys
    let recoveries = recoveries(&answer.recoveries, view.unicode);
    let notices = notices(answer, answer.notices.len());
    let (page, notices) = match below {
        None => (count, notices),
        Some(below) => {
            let below = below.saturating_sub(recoveries.len());
            let least = if notices.is_empty() { 0 } else { 1 + NOTICES.min(answer.notices.len()) };
            let page = count.min(below.saturating_sub(least)).max(SERVERS.min(count)).min(below);
            let left = below - page;
            let some = left.saturating_sub(1).min(answer.notices.len());
            (page, self::notices(answer, some))
        }
    };
    let first = view.first.min(count - page.min(count));
    let shown = &answer.servers[first..(first + page).min(count)];
    if count > 0 {
        let columns_of = Columns::of(&answer.servers, columns);
        lines.push(vec![(Look::Strong, columns_of.titles())]);
        lines.extend(shown.iter().map(|server| columns_of.row(server, view.unicode)));
    }
    lines.extend(recoveries);
    lines.extend(notices);
    finish(view, lines, columns, rows, (first, page, count))
}

/// Cuts every line, fills the picture up, and puts the keys below it.
fn finish(
    view: &View<'_>,
    mut lines: Vec<Line>,
    columns: usize,
    rows: Option<usize>,
    (first, page, count): (usize, usize, usize),
) -> Frame {
    if let Some(rows) = rows {
        lines.resize(rows.saturating_sub(1), Line::new());
        let mut keys = vec![(Look::Faint, "q quit  space freeze  arrows PgUp PgDn scroll".to_owned())];
        if view.frozen {
            keys.insert(0, (Look::Strong, "FROZEN  ".into()));
        }
        if count > page {
            let end = (first + page).min(count);
            keys.push((Look::Plain, format!("  servers {}-{end} of {count}", first + 1)));
        }
        lines.push(keys);
        lines.truncate(rows);
    }
    let lines = lines.into_iter().map(|line| fit(line, columns, view.unicode)).collect();
    Frame { lines, first, last: count - page.min(count), page }
}

/// What of a line has room.
fn fit(line: Line, columns: usize, unicode: bool) -> Line {
    let mut left = columns;
    let fitted = line.into_iter().map(|(look, text)| {
        let text = cut(&text, left, unicode);
        left -= width(&text).min(left);
        (look, text)
    });
    fitted.filter(|(_, text)| !text.is_empty()).collect()
}

fn head(answer: &Answer, columns: usize, unicode: bool) -> Vec<Line> {
    let time = date_and_time(answer.at);
    let time = time.split(' ').next_back().unwrap_or_default();
    let listen = answer.listen.as_ref().map_or(String::new(), |listen| format!(", at {listen}"));
    let observe = if answer.observe { ", only observing" } else { "" };
    let title = format!("{} of cluster {}, up {}{listen}{observe}", answer.server, answer.cluster, age(answer.up));
    let room = columns.saturating_sub(time.len() + 5);
    let title = vec![(Look::Strong, pad(&title, room, unicode)), (Look::Plain, format!(" {time} UTC"))];

    let count = answer.servers.len();
    let verdicts = answer.verdicts().into_iter().map(|(verdict, count)| format!("{count} {verdict}"));
    let counts = format!("{count} {}: {}", plural(count, "server"), verdicts.collect::<Vec<_>>().join(", "));
    let mut state = vec![(Look::Plain, counts)];
    if !answer.heartbeat {
        state.push((Look::Bad, "  the heartbeat is off".into()));
    }
    if answer.maintenance {
        state.push((Look::Bad, "  MAINTENANCE is on".into()));
    }
    let trouble = answer.pulse.as_ref().is_some_and(|pulse| pulse.trouble);
    let pulse = (if trouble { Look::Bad } else { Look::Plain }, own_pulse(answer));
    vec![title, state, vec![pulse, (Look::Plain, format!("; {}", proven(answer)))]]
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

/// How wide what is.
struct Columns {
    name: usize,
    trips: usize,
    why: usize,
}

impl Columns {
    fn of(servers: &[Server], columns: usize) -> Self {
        let (least, narrow, most) = NAME;
        let longest = servers.iter().map(|server| width(&named(server))).max().unwrap_or(0);
        let fixed: usize = WIDTHS.iter().map(|width| width + 1).sum();
        let wide = columns.saturating_sub(fixed + 1 + TRIPS);
        let name = longest.clamp(least, wide.clamp(narrow, most));
        let left = columns.saturating_sub(fixed + name + 1);
        let trips = left.min(TRIPS);
        let why = left.saturating_sub(trips + 1);
        Self { name, trips, why: if why < WHY { 0 } else { why } }
    }

    fn titles(&self) -> String {
        let [w1, w2, w3, w4, w5] = WIDTHS;
        let (name, trips) = (self.name, self.trips);
        let marks = if trips >= "ROUND TRIPS".len() { "ROUND TRIPS" } else { "" };
        let why = if self.why > 0 { "WHY" } else { "" };
        let text = format!(
            "{:name$} {:w1$} {:>w2$} {:w3$} {:>w4$} {marks:trips$} {:w5$} {why}",
            "SERVER", "VERDICT", "FOR", "EVIDENCE", "TRIP", "TAKE OVER"
        );
        text.trim_end().to_owned()
    }

    fn row(&self, server: &Server, unicode: bool) -> Line {
        let [w1, w2, w3, w4, w5] = WIDTHS;
        let left = |text: &str, columns| pad(text, columns, unicode) + " ";
        let right = |text: &str, columns| pad_left(text, columns, unicode) + " ";
        let mut line = vec![
            (Look::Plain, left(&named(server), self.name)),
            (look(server), left(&server.verdict, w1)),
            (
                Look::Plain,
                right(&age(server.for_so_long), w2) + &left(&evidence(server), w3) + &right(&trip(server), w4),
            ),
        ];
        line.extend(spark::line(&server.round_trips, self.trips, unicode));
        line.push((Look::Plain, format!(" {}", pad(&take_over(server), w5, unicode))));
        if self.why > 0 {
            line.push((Look::Faint, format!(" {}", cut(&server.why, self.why, unicode))));
        }
        line
    }
}

/// What the verdict rests on: the pulse, or else the power, or why nothing is known.
fn evidence(server: &Server) -> String {
    if let Some(doubt) = server.doubt.as_ref().filter(|_| server.verdict == "unknown") {
        return match doubt.as_str() {
            "silent" => "BMC silent".into(),
            "login" => "login refused".into(),
            "no_slot" => "no session left".into(),
            "identity" => "another BMC".into(),
            "malformed" => "not understood".into(),
            "unproven" => "off, not proven".into(),
            "elsewhere" => "others watch it".into(),
            other => other.replace('_', " "),
        };
    }
    match (pulse(server).as_str(), server.power) {
        ("-", Some(true)) => "power on".into(),
        ("-", Some(false)) => "power off".into(),
        ("stopped", Some(true)) => "on, no pulse".into(),
        (pulse, _) => pulse.to_owned(),
    }
}

fn recoveries(open: &[Recovery], unicode: bool) -> Vec<Line> {
    if open.is_empty() {
        return Vec::new();
    }
    let count = open.len();
    let title = if count == 1 { "OPEN RECOVERY".to_owned() } else { format!("{count} OPEN RECOVERIES") };
    let mut lines = vec![vec![(Look::Strong, title)]];
    lines.extend(open.iter().take(RECOVERIES).map(|open| {
        let state = open.state.replace('_', " ");
        let why = open.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
        let target = if open.target.is_empty() { String::new() } else { format!(" of {}", open.target) };
        let record = format!("record {} {}{target} ", open.record, cut(&open.monitor, NAME.2, unicode));
        let rest = format!(", for {}: {}", age(open.for_so_long), open.sentence);
        vec![(Look::Plain, record), (Look::Bad, format!("{state}{why}")), (Look::Plain, rest)]
    }));
    lines
}

/// The newest `some`, the newest first, below a title.
fn notices(answer: &Answer, some: usize) -> Vec<Line> {
    if some == 0 {
        return Vec::new();
    }
    let mut lines = vec![vec![(Look::Strong, "LAST NOTICES".to_owned())]];
    let today = date_and_time(answer.at);
    let today = today.split(' ').next().unwrap_or_default();
    lines.extend(answer.notices.iter().rev().take(some).map(|notice| {
        let when = date_and_time(notice.at);
        let when = when.strip_prefix(today).unwrap_or(&when).trim_start();
        let look = if notice.class == "fatal" { Look::Bad } else { Look::Plain };
        let record = notice.record.map_or(String::new(), |record| format!(" (record {record})"));
        vec![
            (Look::Faint, format!("{when} ")),
            (Look::Plain, format!("{} ", notice.server)),
            (look, notice.class.clone()),
            (Look::Plain, format!(" {}{record}", notice.sentence)),
        ]
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::answer::{Notice, Pulse};

    fn answer(servers: usize, recoveries: usize, notices: usize) -> Answer {
        let server = |number: usize| Server {
            name: format!("server{number:03}"),
            own: number == 0,
            verdict: if number % 3 == 1 { "silent" } else { "alive" }.into(),
            pulse: "fed".into(),
            fed_by: Some("library".into()),
            fed_ago: Some(Duration::from_millis(700)),
            round_trip: Some(Duration::from_micros(1_234)),
            round_trips: (0..32).map(|round| (round % 10 != 9).then(|| Duration::from_millis(round))).collect(),
            take_over: if number % 3 == 1 { "fence_first" } else { "no" }.into(),
            why: "its software feeds its watchdog, which is a long reason".into(),
            ..Server::default()
        };
        let recovery = |number| Recovery {
            record: number,
            monitor: "mrw1".into(),
            target: "failover1".into(),
            state: "held".into(),
            why: Some("maintenance is on".into()),
            sentence: "Memory: uncorrectable".into(),
            ..Recovery::default()
        };
        let notice = |number| Notice {
            at: Duration::from_secs(86_400 * 20_000 + 60 + number),
            server: "server000".into(),
            class: "fatal".into(),
            sentence: format!(
                "サーバ Memory event {number} in a sentence that is much longer than a screen is wide, by far"
            ),
            record: Some(number),
        };
        Answer {
            at: Duration::from_secs(86_400 * 20_000 + 45_296),
            server: "server000".into(),
            cluster: "seed".into(),
            version: "9".into(),
            heartbeat: true,
            pulse: Some(Pulse { state: "fed".into(), trouble: false, text: "its watchdog bears our pulse".into() }),
            servers: (0..servers).map(server).collect(),
            recoveries: (1..=recoveries as u64).map(recovery).collect(),
            notices: (1..=notices as u64).map(notice).collect(),
            ..Answer::default()
        }
    }

    fn view<'a>(answer: Option<&'a Answer>, first: usize) -> View<'a> {
        View { answer, trouble: None, first, frozen: false, interval: Duration::from_secs(1), unicode: true }
    }

    fn text(frame: &Frame) -> Vec<String> {
        frame.lines.iter().map(|line| line.iter().map(|(_, text)| text.as_str()).collect::<String>()).collect()
    }

    #[test]
    fn it_fits_every_size_and_fills_it() {
        for (servers, recoveries, notices) in [(0, 0, 0), (2, 1, 4), (100, 0, 16), (100, 9, 16), (5, 0, 0), (1, 9, 1)] {
            let answer = answer(servers, recoveries, notices);
            for (columns, rows) in [(80, 24), (132, 50), (200, 10), (80, 6), (20, 5), (1, 1), (0, 0)] {
                for first in [0, 3, usize::MAX / 2] {
                    let view = View { trouble: Some(("gone", Duration::ZERO)), ..view(Some(&answer), first) };
                    let lines = text(&frame(&view, columns, Some(rows)));
                    assert_eq!(lines.len(), rows, "{columns} x {rows}");
                    assert!(lines.iter().all(|line| width(line) <= columns), "{columns} x {rows}: {lines:#?}");
                }
            }
        }
    }

    #[test]
    fn eighty_columns_have_all_that_matters() {
        let answer = answer(2, 1, 4);
        let lines = text(&frame(&view(Some(&answer), 0), 80, Some(24)));
        let expected = [
            "server000 of cluster seed, up 0.0 s                                 12:34:56 UTC",
            "2 servers: 1 alive, 1 silent",
            "BMC of server000: its watchdog bears our pulse; the alert path was never proven…",
            "SERVER      VERDICT     FOR EVIDENCE            TRIP ROUND TRIPS     TAKE OVER",
            "server000 * alive     0.0 s library 0.7 s     1.3 ms ▄▄×▄▄▄▄▄▄▄▄▄×▄▅ no         ",
            "server001   silent    0.0 s library 0.7 s     1.3 ms ▄▄×▄▄▄▄▄▄▄▄▄×▄▅ fence first",
            "OPEN RECOVERY",
            "record 1 mrw1 of failover1 held: maintenance is on, for 0.0 s: Memory: uncorrec…",
            "LAST NOTICES",
            "00:01:04 server000 fatal サーバ Memory event 4 in a sentence that is much longe…",
        ];
        assert_eq!(lines[..expected.len()], expected, "{lines:#?}");
        assert_eq!(lines[23], "q quit  space freeze  arrows PgUp PgDn scroll");
        let wide = text(&frame(&view(Some(&answer), 0), 140, Some(24)));
        assert!(wide[4].contains(" ▁▁▂▂▃▃▃▃▃×▃▄▄▄"), "all 32 rounds: {}", wide[4]);
        assert!(wide[3].ends_with("WHY") && wide[4].contains("its software feeds"), "{wide:#?}");
        let ascii = View { unicode: false, ..view(Some(&answer), 0) };
        let server = &text(&frame(&ascii, 80, Some(24)))[4];
        assert!(server.is_ascii() && server.contains("::x:::::::::x:="), "{server}");
    }

    #[test]
    fn more_servers_than_lines_are_scrolled_through() {
        let answer = answer(100, 1, 16);
        let shown = |first| {
            let frame = frame(&view(Some(&answer), first), 80, Some(24));
            let lines = text(&frame);
            let servers: Vec<String> = lines.iter().filter(|line| line.starts_with("server0")).cloned().collect();
            (frame.first, frame.page, servers[1..].to_vec(), lines[23].clone()) // but for the title
        };
        let (first, page, servers, keys) = shown(0);
        assert_eq!((first, page, servers.len()), (0, 13, 13));
        assert!(servers[0].starts_with("server000 *") && keys.ends_with("servers 1-13 of 100"), "{keys}");
        let (first, _, servers, keys) = shown(7);
        assert!(first == 7 && servers[0].starts_with("server007") && keys.ends_with("servers 8-20 of 100"));
        let (first, _, servers, keys) = shown(usize::MAX / 2);
        assert!(first == 87 && servers[12].starts_with("server099") && keys.ends_with("servers 88-100 of 100"));
        let frozen = View { frozen: true, ..view(Some(&answer), 0) };
        assert!(text(&frame(&frozen, 80, Some(24)))[23].starts_with("FROZEN"));
        // On paper there are all of them, and no keys.
        let paper = text(&frame(&view(Some(&answer), 0), 132, None));
        assert_eq!(paper.iter().filter(|line| line.starts_with("server0")).count(), 1 + 100);
        assert!(!paper.iter().any(|line| line.contains("q quit")));
        assert_eq!(paper.iter().filter(|line| line.contains("Memory event")).count(), 16);
    }

    #[test]
    fn a_daemon_that_is_gone_is_said_above_what_it_told_last() {
        let answer = answer(2, 0, 0);
        let trouble = Some(("no daemon runs there", Duration::from_secs(12)));
        let lines = text(&frame(&View { trouble, ..view(Some(&answer), 0) }, 80, Some(24)));
        assert_eq!(lines[0], "NO ANSWER for 12 s: no daemon runs there; asked again every 1.0 s");
        assert!(lines[5].starts_with("server000 *"), "{lines:#?}");
        let never = text(&frame(&View { trouble, ..view(None, 0) }, 80, Some(24)));
        assert!(never[0].starts_with("NO ANSWER") && never[1..23].iter().all(String::is_empty), "{never:#?}");
    }

    #[test]
    fn the_evidence_is_the_pulse_or_the_power_or_the_doubt() {
        let server = |verdict: &str, doubt: Option<&str>, power, pulse: &str| Server {
            verdict: verdict.into(),
            doubt: doubt.map(str::to_owned),
            power,
            pulse: pulse.into(),
            ..Server::default()
        };
        for (server, text) in [
            (server("powered", None, Some(true), "unread"), "power on"),
            (server("off", None, Some(false), "unread"), "power off"),
            (server("powered", None, Some(true), "stopped"), "on, no pulse"),
            (server("left", None, Some(true), "goodbye"), "goodbye"),
            (server("unknown", Some("not_asked"), None, "unread"), "not asked"),
            (server("unknown", Some("unproven"), Some(false), "unread"), "off, not proven"),
            (server("unknown", Some("elsewhere"), None, "unread"), "others watch it"),
            (server("", None, None, "unread"), "-"),
        ] {
            assert_eq!(evidence(&server), text);
            assert!(text.len() <= WIDTHS[2]);
        }
    }

    #[test]
    fn what_holds_everything_up_stands_at_the_top() {
        let mut answer = answer(1, 0, 0);
        (answer.maintenance, answer.heartbeat) = (true, false);
        answer.pulse = Some(Pulse { state: "refused".into(), trouble: true, text: "no pulse".into() });
        let frame = frame(&view(Some(&answer), 0), 80, Some(24));
        assert_eq!(text(&frame)[1], "1 server: 1 alive  the heartbeat is off  MAINTENANCE is on");
        assert_eq!(frame.lines[2][0], (Look::Bad, "BMC of server000: no pulse".into()));
    }
}
