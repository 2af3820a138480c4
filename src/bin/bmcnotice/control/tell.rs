//! What the daemon tells of itself and of the servers: the answer to `status`. `docs/cli.md` promises its fields.
//!
//! Made on the operator's thread from an overview that is its own: one server's JSON at a time, so that ten thousand
//! of them cost no more memory than the text.

use super::protocol::{VERSION, told};
use crate::clock::stamp;
use crate::journal::words::held;
use bmcnotice::heartbeat::feeder::Note;
use bmcnotice::heartbeat::mark::Vouched;
use bmcnotice::heartbeat::{Doubt, FedBy, Pulse, TakeOver, Verdict};
use bmcnotice::notice::DropReason;
use bmcnotice::now::Now;
use bmcnotice::recovery::journal::cut;
use bmcnotice::recovery::machine::State;
use bmcnotice::words::{Class, Trust};
use bmcnotice::{Heard, OpenRecovery, Overview, Statistics, Watched};
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Limit: notices that are told; an older one is in the journal.
pub const NOTICES: usize = 16;

/// The last notices.
#[derive(Debug, Clone, Default)]
pub struct Notices(VecDeque<Noticed>);

#[derive(Debug, Clone)]
struct Noticed {
    at: Now,
    server: Arc<str>,
    class: Class,
    trust: Trust,
    sentence: String,
    record: u64,
}

impl Notices {
    /// One more, in place of the oldest.
    pub fn push(&mut self, heard: &Heard) {
        if self.0.len() >= NOTICES {
            self.0.pop_front();
        }
        let notice = &heard.notice;
        self.0.push_back(Noticed {
            at: notice.received,
            server: heard.server.clone(),
            class: notice.class,
            trust: notice.trust,
            sentence: cut(&notice.sentence),
            record: heard.record,
        });
    }
}

/// The answer, newline included. `up`: since the daemon was started.
pub fn emit(overview: &Overview, notices: &Notices, up: Duration) -> Vec<u8> {
    let (now, cluster) = (overview.now, &overview.cluster);
    let server = &cluster.this_server().name;
    let heartbeat = &cluster.heartbeat;
    let head = json!({
        "version": VERSION,
        "ok": true,
        "code": "done",
        "text": format!("{server} of {} has been watched over for {} s", cluster.name, up.as_secs()),
        "time": stamp(now.wall),
        "wall_ms": ms(now.wall),
        "daemon": {
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "up_ms": ms(up),
            "cluster": cluster.name,
            "server": server,
            "listen": overview.listen.map(|listen| listen.to_string()),
            "observe": cluster.observe,
        },
        "heartbeat": {
            "enabled": heartbeat.enabled,
            "interval_ms": ms(heartbeat.interval),
            "timeout_ms": ms(heartbeat.timeout),
            "warning_ms": ms(heartbeat.warning),
        },
        "pulse": overview.pulse.map(pulse),
        "maintenance": overview.maintenance,
        "drill": told(&overview.drill),
        "recoveries": overview.recoveries.iter().map(|open| recovery(open, now)).collect::<Vec<_>>(),
        "notices": notices.0.iter().map(|noticed| notice(noticed, now)).collect::<Vec<_>>(),
        "statistics": statistics(&overview.statistics),
    });
    let mut out = head.to_string().into_bytes();
    out.pop(); // its brace
    out.extend_from_slice(b",\"servers\":[");
    for (place, watched) in overview.servers.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        let server = watched_server(watched, now).to_string();
        if place == 0 {
            out.reserve(overview.servers.len() * (server.len() + server.len() / 4)); // the others are hardly longer
        }
        out.extend_from_slice(server.as_bytes());
    }
    out.extend_from_slice(b"]}\n");
    out
}

fn pulse(note: Note) -> Value {
    let state = match note {
        Note::Fed => "fed",
        Note::Foreign { .. } => "foreign",
        Note::Refused(_) => "refused",
        Note::Unanswered(_) => "unanswered",
        Note::Malformed => "malformed",
        Note::DoesNotCount => "does_not_count",
        Note::NoWord => "no_word",
    };
    json!({ "state": state, "trouble": note.is_trouble(), "text": note.to_string() })
}

fn recovery(open: &OpenRecovery, now: Now) -> Value {
    let held = open.held.map(held);
    json!({
        "record": open.record,
        "durable": open.durable,
        "monitor": &*open.monitor,
        "target": &*open.target,
        "state": state(open.state),
        "held": held.map(|(name, _)| name),
        "why": held.map(|(_, words)| words),
        "action": open.attempt.map(|attempt| attempt.action.to_string()),
        "attempt": open.attempt.map(|attempt| attempt.number),
        "joined": open.joined,
        "class": open.notice.class.to_string(),
        "sentence": cut(&open.notice.sentence),
        "begun_ms": ms(open.notice.received.wall),
        "since_ms": ms(open.since),
        // The wall's clock may have been set meanwhile.
        "for_ms": ms(now.wall.saturating_sub(open.since)),
    })
}

fn state(state: State) -> &'static str {
    match state {
        State::Idle => "idle",
        State::Recorded => "recorded",
        State::Verifying => "verifying",
        State::Started => "started",
        State::Preparing => "preparing",
        State::Recovering => "recovering",
        State::Finishing => "finishing",
        State::Ending => "ending",
        State::AwaitingReset => "awaiting_reset",
        State::Held => "held",
        State::Failed => "failed",
    }
}

fn notice(noticed: &Noticed, now: Now) -> Value {
    json!({
        "time": stamp(noticed.at.wall),
        "wall_ms": ms(noticed.at.wall),
        "ago_ms": ms(now.boottime.saturating_sub(noticed.at.boottime)),
        "server": &*noticed.server,
        "class": noticed.class.to_string(),
        "trust": noticed.trust.to_string(),
        "sentence": noticed.sentence,
        "record": noticed.record,
    })
}

fn watched_server(watched: &Watched, now: Now) -> Value {
    let status = &watched.status;
    let ago = |at: Duration| ms(now.boottime.saturating_sub(at));
    let (verdict, doubt) = verdict(status.verdict);
    let (pulse, fed) = match status.pulse {
        Pulse::Unread => ("unread", None),
        Pulse::Stopped => ("stopped", None),
        Pulse::Goodbye => ("goodbye", None),
        Pulse::Boot => ("boot", None),
        Pulse::Expired => ("expired", None),
        Pulse::Fed { ago, by, good_for } => ("fed", Some((ago, by, good_for))),
    };
    let by = fed.map(|(_, by, _)| match by {
        FedBy::Ours(Vouched::Library) => "library",
        FedBy::Ours(Vouched::Application) => "application",
        FedBy::Another => "another",
    });
    let (take_over, why) = status.take_over(now.boottime);
    let take_over = match take_over {
        TakeOver::No => "no",
        TakeOver::Yes => "yes",
        TakeOver::FenceFirst => "fence_first",
        TakeOver::NoAnswer => "no_answer",
    };
    json!({
        "server": &*status.server,
        "own": status.own,
        "verdict": verdict,
        "doubt": doubt,
        "text": status.verdict.to_string(),
        "for_ms": ago(status.since),
        "heard_ago_ms": status.heard.map(|heard| ago(heard.boottime)),
        "power": status.power.map(|on| if on { "on" } else { "off" }),
        "pulse": pulse,
        "fed_by": by,
        "fed_ago_ms": fed.map(|(ago, _, _)| ms(ago)),
        "fed_good_for_ms": fed.map(|(_, _, good_for)| good_for).filter(|good_for| !good_for.is_zero()).map(ms),
        "round_trip_us": status.round_trip.map(us),
        "round_trips_us": watched.trips.iter().map(|trip| trip.map(us)).collect::<Vec<_>>(),
        "misses": status.misses,
        "restarts": status.restarts,
        "take_over": take_over,
        "why": why,
    })
}

fn verdict(verdict: Verdict) -> (&'static str, Option<&'static str>) {
    match verdict {
        Verdict::Alive => ("alive", None),
        Verdict::Powered => ("powered", None),
        Verdict::Booting => ("booting", None),
        Verdict::Delayed => ("delayed", None),
        Verdict::Silent => ("silent", None),
        Verdict::Left => ("left", None),
        Verdict::Off => ("off", None),
        Verdict::Unknown(doubt) => {
            let doubt = match doubt {
                Doubt::NotAsked => "not_asked",
                Doubt::Silent => "silent",
                Doubt::Login => "login",
                Doubt::NoSlot => "no_slot",
                Doubt::Identity => "identity",
                Doubt::NoLogin => "no_login",
                Doubt::Malformed => "malformed",
                Doubt::Unproven => "unproven",
                Doubt::Elsewhere => "elsewhere",
            };
            ("unknown", Some(doubt))
        }
    }
}

/// Every counter under its stable name, and the drops by reason.
pub fn statistics(statistics: &Statistics) -> Value {
    // All of them: a new one must be named here.
    let Statistics {
        datagrams,
        notices,
        repeats,
        drops: _,
        answers,
        estimated,
        filtered,
        overflowed,
        shed,
        queue_asked,
        queue_granted,
        acknowledged,
        recoveries,
        done,
        failed,
        told,
        untold,
        supported,
        contradicted,
        unanswerable,
        journal_failures,
        strangers,
        unsent,
        keepalives,
        keepalives_lost,
        probes,
        probes_missed,
        pulses_absurd,
        sleeps,
        undelivered,
    } = statistics;
    let drops = DropReason::ALL.map(|reason| (reason.name().to_owned(), statistics.dropped(reason).into()));
    json!({
        "datagrams": datagrams,
        "notices": notices,
        "repeats": repeats,
        "dropped": Map::from_iter(drops),
        "answers": answers,
        "estimated": estimated,
        "filtered": filtered,
        "overflowed": overflowed,
        "shed": shed,
        "queue_asked": queue_asked,
        "queue_granted": queue_granted,
        "acknowledged": acknowledged,
        "recoveries": recoveries,
        "done": done,
        "failed": failed,
        "told": told,
        "untold": untold,
        "supported": supported,
        "contradicted": contradicted,
        "unanswerable": unanswerable,
        "journal_failures": journal_failures,
        "strangers": strangers,
        "unsent": unsent,
        "keepalives": keepalives,
        "keepalives_lost": keepalives_lost,
        "probes": probes,
        "probes_missed": probes_missed,
        "pulses_absurd": pulses_absurd,
        "sleeps": sleeps,
        "undelivered": undelivered,
    })
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::protocol::MAX_STATUS;
    use crate::status::answer::Answer;
    use bmcnotice::config::MAX_NAME;
    use bmcnotice::heartbeat::Trips;
    use bmcnotice::words::ServerId;
    use bmcnotice::{Config, PeerStatus};

    fn overview(servers: Vec<Watched>) -> Overview {
        let text = std::fs::read_to_string("examples/demo.toml").unwrap();
        Overview {
            now: Now { boottime: Duration::from_secs(9_999_999), wall: Duration::from_secs(1_795_379_117) },
            cluster: Config::from_text(text, "demo.toml").cluster().unwrap(),
            listen: None,
            servers,
            pulse: Some(Note::NoWord),
            recoveries: Vec::new(),
            maintenance: false,
            drill: Default::default(),
            statistics: Statistics::default(),
        }
    }

    fn server(number: u16) -> Watched {
        let mut trips = Trips::default();
        (0..64).for_each(|_| trips.push(Some(Duration::from_secs(6))));
        let name = format!("{number:\\>MAX_NAME$}"); // a backslash is two octets in JSON
        let status = PeerStatus {
            verdict: Verdict::Unknown(Doubt::Elsewhere),
            round_trip: Some(Duration::from_secs(6)),
            pulse: Pulse::Fed {
                ago: Duration::from_secs(6000),
                by: FedBy::Ours(Vouched::Application),
                good_for: Duration::from_secs(6000),
            },
            misses: u32::MAX,
            restarts: u32::MAX,
            ..PeerStatus::unheard(ServerId(number), &name)
        };
        Watched { status, trips }
    }

    #[test]
    fn sixteen_thousand_servers_that_tell_all_they_can_fit_into_an_answer() {
        let line = |count| emit(&overview((0..count).map(server).collect()), &Notices::default(), Duration::MAX);
        let (few, many) = (line(1000), line(1001));
        let each = many.len() - few.len();
        assert!(few.len() + each * (usize::from(u16::MAX) / 4 - 1000) <= MAX_STATUS, "{each} octets a server");
        assert_eq!(many.iter().filter(|octet| **octet == b'\n').count(), 1);
        let answer = Answer::read(&serde_json::from_slice(&many).unwrap());
        assert_eq!(answer.servers.len(), 1001);
        let last = &answer.servers[1000];
        assert!(last.name.ends_with("\\1000") && last.round_trips.len() == 32 && last.misses == u64::from(u32::MAX));
        assert_eq!((last.doubt.as_deref(), last.fed_by.as_deref()), (Some("elsewhere"), Some("application")));
        assert!(answer.pulse.is_some_and(|pulse| pulse.trouble && pulse.state == "no_word"));
        assert_eq!(answer.drops.len(), DropReason::ALL.len());
    }

    #[test]
    fn a_cluster_without_bmcs_is_an_answer_too() {
        let value: Value =
            serde_json::from_slice(&emit(&overview(vec![]), &Notices::default(), Duration::ZERO)).unwrap();
        assert_eq!((&value["ok"], &value["servers"]), (&true.into(), &json!([])));
    }
}
