//! The answer as metrics, in Prometheus' text format 0.0.4. Their names are a promise (`docs/cli.md`).

use super::answer::{Answer, Server, VERDICTS};
use std::fmt::Write;
use std::time::Duration;

/// The states of an open recovery.
const STATES: [&str; 10] = [
    "recorded",
    "verifying",
    "started",
    "preparing",
    "recovering",
    "finishing",
    "ending",
    "awaiting_reset",
    "held",
    "failed",
];
/// The answers to "may I take over?".
const ANSWERS: [&str; 4] = ["no", "yes", "fence_first", "no_answer"];
/// What may become of our own pulse.
const PULSES: [&str; 7] = ["fed", "foreign", "refused", "unanswered", "malformed", "does_not_count", "no_word"];

/// Every counter of the statistics, and what it counts.
pub const COUNTERS: [(&str, &str); 27] = [
    ("datagrams", "Datagrams at the trap socket."),
    ("notices", "Of those, new notices."),
    ("repeats", "Of those, repetitions of a notice."),
    ("answers", "Of those, a BMC's answers to acknowledgements."),
    ("estimated", "Dropped unseen by the kernel's filter, as its samples say; part of the dropped ones by reason."),
    ("filtered", "Kept away by the kernel's filter, as the kernel counts."),
    ("overflowed", "Lost because the trap socket's queue was full; at most so many while the filter is armed."),
    ("shed", "Notices, none of them fatal, not handed on because dispatch was too slow."),
    ("acknowledged", "Acknowledgements and Inform responses sent."),
    ("recoveries", "Recoveries begun."),
    ("done", "Recoveries done."),
    ("failed", "Recoveries failed."),
    ("told", "Phases of a recovery that a BMC understood."),
    ("untold", "Phases that it did not understand within the deadline."),
    ("supported", "Notices that the BMC's log has proven."),
    ("contradicted", "Notices that the BMC's log shows to be none of the BMC's."),
    ("unanswerable", "Notices about which the BMC could not be asked, or says neither."),
    ("journal_failures", "Appends to the journal that failed."),
    ("strangers", "Datagrams at the BMC sockets that came from no BMC of ours."),
    ("unsent", "Datagrams that the kernel did not take."),
    ("keepalives", "Keep-alives that the BMC took."),
    ("keepalives_lost", "Keep-alives that the BMC did not take."),
    ("probes", "Questions of the heartbeat."),
    ("probes_missed", "Rounds of questions that nobody answered."),
    ("pulses_absurd", "Watchdogs that showed nonsense."),
    ("sleeps", "How often the process, or its host, stood still."),
    ("undelivered", "Deliveries dropped because dispatch was too slow."),
];

/// What the statistics tell that goes up and down.
pub const GAUGES: [(&str, &str); 2] = [
    ("queue_asked", "Octets of the trap socket's queue that were asked for."),
    ("queue_granted", "Octets of the trap socket's queue that the kernel granted."),
];

/// The metrics; of the servers that are asked about alone.
pub fn text(answer: &Answer, shown: &[&Server]) -> String {
    let mut page = Page::default();
    let about = [
        ("version", answer.version.as_str()),
        ("cluster", answer.cluster.as_str()),
        ("server", answer.server.as_str()),
    ];
    page.metric("bmcnotice_info", "gauge", "Which daemon this is.", [(about, 1.0)]);
    page.one("bmcnotice_up_seconds", "Since the daemon was started.", answer.up.as_secs_f64());
    page.one("bmcnotice_maintenance", "Whether recoveries are held by the operator.", flag(answer.maintenance));
    page.one("bmcnotice_heartbeat", "Whether the BMC heartbeat runs.", flag(answer.heartbeat));
    if let Some(at) = answer.proven {
        page.one("bmcnotice_drill_proven_timestamp_seconds", "When a drill proved the alert path.", at.as_secs_f64());
    }
    let pulse = answer.pulse.as_ref().map_or("", |pulse| pulse.state.as_str());
    let states = PULSES.map(|state| ([("state", state)], flag(state == pulse)));
    page.metric("bmcnotice_pulse", "gauge", "What became of this server's own pulse.", states);
    page.one(
        "bmcnotice_pulse_trouble",
        "Whether this server's own pulse needs a look.",
        flag(answer.pulse.as_ref().is_some_and(|pulse| pulse.trouble)),
    );
    let open = STATES.map(|state| {
        let count = answer.recoveries.iter().filter(|open| open.state == state).count();
        ([("state", state)], count as f64)
    });
    page.metric("bmcnotice_open_recoveries", "gauge", "Recoveries that are open, by their state.", open);
    servers(&mut page, shown);
    counters(&mut page, answer);
    page.text
}

fn servers(page: &mut Page, shown: &[&Server]) {
    let states = |names: &'static [&'static str], what: fn(&Server) -> &str, label: &'static str| {
        shown.iter().flat_map(move |server| {
            let one = move |name: &&'static str| {
                ([("server", server.name.as_str()), (label, *name)], flag(*name == what(server)))
            };
            names.iter().map(one)
        })
    };
    let verdicts = states(&VERDICTS, |server| &server.verdict, "verdict");
    page.metric(
        "bmcnotice_server_verdict",
        "gauge",
        "What the BMC shows of a server: 1 for the one that holds.",
        verdicts,
    );
    let answers = states(&ANSWERS, |server| &server.take_over, "answer");
    page.metric("bmcnotice_server_take_over", "gauge", "May I take over? 1 for the answer that holds.", answers);

    let mut each = |name: &str, kind: &str, help: &str, value: fn(&Server) -> Option<f64>| {
        let values = shown.iter().filter_map(|server| Some(([("server", server.name.as_str())], value(server)?)));
        page.metric(name, kind, help, values);
    };
    let own: fn(&Server) -> Option<f64> = |server| Some(flag(server.own));
    each("bmcnotice_server_own", "gauge", "Whether it is the daemon's own server.", own);
    let since = "For how long its verdict has held.";
    each("bmcnotice_server_verdict_seconds", "gauge", since, |server| Some(server.for_so_long.as_secs_f64()));
    each("bmcnotice_server_heard_seconds", "gauge", "How long ago its BMC answered.", |server| seconds(server.heard));
    each("bmcnotice_server_power", "gauge", "Whether it has power, as its BMC told last.", |server| {
        server.power.map(flag)
    });
    each(
        "bmcnotice_server_fed_seconds",
        "gauge",
        "How long ago its watchdog had been fed when it was read.",
        |server| seconds(server.fed_ago),
    );
    each("bmcnotice_server_round_trip_seconds", "gauge", "How long its BMC's last answer took.", |server| {
        seconds(server.round_trip)
    });
    each("bmcnotice_server_misses", "gauge", "Rounds without an answer since the last answer.", |server| {
        Some(server.misses as f64)
    });
    each("bmcnotice_server_restarts_total", "counter", "How often it was seen to restart.", |server| {
        Some(server.restarts as f64)
    });
}

fn counters(page: &mut Page, answer: &Answer) {
    for (name, help) in COUNTERS {
        let count = answer.counters.iter().find(|(counted, _)| counted == name);
        let count = count.map(|(_, count)| ([], *count as f64));
        page.metric(&format!("bmcnotice_{name}_total"), "counter", help, count);
    }
    for (name, help) in GAUGES {
        let size = answer.counters.iter().find(|(counted, _)| counted == name);
        page.metric(&format!("bmcnotice_{name}_bytes"), "gauge", help, size.map(|(_, size)| ([], *size as f64)));
    }
    let drops = answer.drops.iter().map(|(reason, count)| ([("reason", reason.as_str())], *count as f64));
    page.metric("bmcnotice_dropped_datagrams_total", "counter", "Datagrams dropped, by reason.", drops);
}

fn flag(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

fn seconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64())
}

/// What is being written.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn one(&mut self, name: &str, help: &str, value: f64) {
        self.metric(name, "gauge", help, [([], value)]);
    }

    /// One metric with its samples. A value of ours is a count, a flag or a time: a finite number.
    fn metric<'a, const LABELS: usize>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl IntoIterator<Item = ([(&'a str, &'a str); LABELS], f64)>,
    ) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            self.sample(name, &labels, value);
        }
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.text.push_str(name);
        for (place, (label, value)) in labels.iter().enumerate() {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.text, "{}{label}=\"{value}\"", if place == 0 { '{' } else { ',' });
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::tell::statistics;
    use bmcnotice::Statistics;

    #[test]
    fn every_counter_of_the_daemon_is_a_metric() {
        let told = statistics(&Statistics::default());
        let mut told: Vec<&str> = told.as_object().unwrap().keys().map(String::as_str).collect();
        told.retain(|name| *name != "dropped");
        let mut metrics = COUNTERS.iter().chain(&GAUGES).map(|(name, _)| *name).collect::<Vec<_>>();
        told.sort_unstable();
        metrics.sort_unstable();
        assert_eq!(told, metrics);
    }

    #[test]
    fn what_a_label_must_not_have_is_escaped() {
        let server = Server { name: "a\\b\"c\nd".into(), ..Server::default() };
        let text = text(&Answer::default(), &[&server]);
        assert!(text.contains(r#"bmcnotice_server_misses{server="a\\b\"c\nd"} 0"#), "{text}");
    }

    #[test]
    fn a_value_is_written_in_full_and_one_that_is_not_known_is_left_out() {
        let counters = vec![("datagrams".to_owned(), 12_345_678_901)];
        let server = Server { name: "s".into(), round_trip: Some(Duration::from_micros(250)), ..Server::default() };
        let text = text(&Answer { counters, ..Answer::default() }, &[&server]);
        assert!(text.contains("\nbmcnotice_datagrams_total 12345678901\n"), "{text}");
        assert!(text.contains("\nbmcnotice_server_round_trip_seconds{server=\"s\"} 0.00025\n"), "{text}");
        assert!(!text.contains("bmcnotice_server_heard_seconds{") && !text.contains("\nbmcnotice_notices_total "));
        assert!(!text.contains("drill_proven"), "{text}");
    }
}
