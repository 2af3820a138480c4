//! What somebody should look at, in words; nothing: all is well. The exit code and the lines under the table.

use super::answer::{Answer, Server};
use super::cells::take_over;

/// Limit: servers that one line names.
const NAMED: usize = 8;

/// Every reason, the server's own matters first. `shown`: the servers that are asked about.
pub fn reasons(answer: &Answer, shown: &[&Server]) -> Vec<String> {
    let mut reasons = Vec::new();
    for open in &answer.recoveries {
        let why = open.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
        let state = open.state.replace('_', " ");
        reasons.push(format!("record {} of monitor {} is open: {state}{why}", open.record, open.monitor));
    }
    if let Some(pulse) = answer.pulse.as_ref().filter(|pulse| pulse.trouble) {
        reasons.push(format!("BMC of {}: {}", answer.server, pulse.text));
    }
    if answer.heartbeat {
        reasons.extend(of_servers(shown));
    }
    reasons
}

/// Servers of which the same is said share a line.
fn of_servers(shown: &[&Server]) -> Vec<String> {
    let mut groups: Vec<((&str, &str), Vec<&Server>)> = Vec::new();
    for server in shown.iter().copied().filter(|server| server.needs_a_look()) {
        let said = (server.text.as_str(), server.why.as_str());
        match groups.iter_mut().find(|(same, _)| *same == said) {
            Some((_, servers)) => servers.push(server),
            None => groups.push((said, vec![server])),
        }
    }
    let lines = groups.into_iter().map(|((text, why), servers)| {
        let names: Vec<&str> = servers.iter().take(NAMED).map(|server| server.name.as_str()).collect();
        let more = servers.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let answer = servers.first().map(|server| take_over(server)).unwrap_or_default();
        format!("{}{more}: {text}. Take over? {}: {why}", names.join(", "), capital(&answer))
    });
    lines.collect()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::super::answer::{Pulse, Recovery};
    use super::*;

    fn server(name: &str, verdict: &str, doubt: Option<&str>) -> Server {
        Server {
            name: name.into(),
            verdict: verdict.into(),
            text: verdict.into(),
            doubt: doubt.map(str::to_owned),
            take_over: "fence_first".into(),
            why: "because".into(),
            ..Server::default()
        }
    }

    fn told(answer: &Answer, servers: &[Server]) -> Vec<String> {
        reasons(answer, &servers.iter().collect::<Vec<_>>())
    }

    #[test]
    fn well_is_who_lives_and_who_is_watched_by_others() {
        let answer = Answer { heartbeat: true, ..Answer::default() };
        for (verdict, doubt, well) in [
            ("alive", None, true),
            ("powered", None, true),
            ("booting", None, false),
            ("delayed", None, false),
            ("silent", None, false),
            ("left", None, false),
            ("off", None, false),
            ("unknown", Some("silent"), false),
            ("unknown", Some("no_login"), false),
            ("unknown", Some("elsewhere"), true),
            ("a word of another release", None, false),
        ] {
            let servers = [server("a", verdict, doubt)];
            assert_eq!(told(&answer, &servers).is_empty(), well, "{verdict}");
            let own = [Server { own: true, ..servers[0].clone() }];
            assert!(told(&answer, &own).is_empty(), "the daemon itself answers");
            assert!(told(&Answer::default(), &servers).is_empty(), "the heartbeat does not run");
        }
    }

    #[test]
    fn servers_of_one_fate_share_a_line() {
        let answer = Answer { heartbeat: true, ..Answer::default() };
        let servers: Vec<Server> = (0..NAMED + 2).map(|n| server(&format!("s{n}"), "silent", None)).collect();
        let lines = told(&answer, &servers);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0], "s0, s1, s2, s3, s4, s5, s6, s7 and 2 more: silent. Take over? Fence first: because");
    }

    #[test]
    fn an_open_recovery_and_a_pulse_in_trouble_are_said() {
        let recovery = Recovery {
            record: 7,
            monitor: "m".into(),
            state: "awaiting_reset".into(),
            why: None,
            ..Recovery::default()
        };
        let pulse = Pulse { state: "refused".into(), trouble: true, text: "no pulse".into() };
        let answer = Answer {
            server: "here".into(),
            recoveries: vec![
                recovery.clone(),
                Recovery { why: Some("maintenance is on".into()), state: "held".into(), ..recovery },
            ],
            pulse: Some(pulse.clone()),
            ..Answer::default()
        };
        assert_eq!(
            told(&answer, &[]),
            [
                "record 7 of monitor m is open: awaiting reset",
                "record 7 of monitor m is open: held: maintenance is on",
                "BMC of here: no pulse"
            ]
        );
        let fed = Answer { pulse: Some(Pulse { trouble: false, ..pulse }), recoveries: vec![], ..answer };
        assert!(told(&fed, &[]).is_empty());
    }
}
