//! `bmcnotice status` at a real daemon that watches simulated BMCs: the table, the JSON, the metrics, the exit codes;
//! daemons that are not there, of an earlier release, or none at all; and clients that would rather harm than ask.
#![cfg(feature = "cli")]

#[path = "cli/daemon.rs"]
mod daemon;
#[path = "cli/metrics.rs"]
mod metrics;
#[path = "cli/support.rs"]
mod support;

use bmcnotice::config::native::MAX_SERVERS;
use bmcnotice::notice::DropReason;
use daemon::{Daemon, private};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};
use support::{Folder, PATIENCE, Running, code, free, json, program, run, stderr, stdout};

/// A simulated BMC, and where it is.
fn bmc(address: &str) -> (Running, String) {
    let mut bmc = Running::start(program().args(["sim", "--json", "--listen", &format!("{address}:0")]));
    let line = bmc.line("listening");
    let said: Value = serde_json::from_str(&line).unwrap();
    (bmc, said["address"].as_str().unwrap().to_owned())
}

/// This server, `here`, which feeds its pulse, and others, each with its BMC.
fn cluster(folder: &Folder, own: &str, others: &[(&str, &str)], listen: &str) -> String {
    let server = |name: &str, host: &str, bmc: &str| {
        format!(
            "[[server]]\nname = \"{name}\"\naddresses = [\"{host}\"]\n[server.bmc]\naddress = \"{bmc}\"\n\
             user = \"admin\"\npassword = \"password\"\nprivilege = \"operator\"\n"
        )
    };
    let mut text =
        "[cluster]\nname = \"pair\"\nthis_server = \"here\"\n".to_owned() + &server("here", "127.0.0.1", own);
    let mut keywords = format!("here = \"{listen}\"");
    for (place, (name, bmc)) in others.iter().enumerate() {
        let host = format!("127.1.{}.{}", place / 250, place % 250 + 1);
        text += &server(name, &host, bmc);
        keywords += &format!(", {name} = \"{host}:{}\"", listen.rsplit_once(':').unwrap().1);
    }
    text += &format!(
        "[[monitor]]\nname = \"try\"\ntrust = \"address\"\nrecovery = {{ command = [\"/bin/true\"] }}\n\
         target = \"nothing\"\ntell_deadline = \"1s\"\nkeywords = {{ {keywords} }}\n\
         [heartbeat]\nlan = true\ninterval = \"1s\"\ntimeout = \"5s\"\npulse = true\npulse_period = \"1s\"\n\
         [journal]\nhot = \"{}\"\ndisk = false\n",
        folder.path("journal")
    );
    private(folder, &text)
}

/// The answer as JSON, whatever the exit code.
fn status(daemon: &Daemon) -> Value {
    json(&stdout(&daemon.ask(&["status", "--json"]))).remove(0)
}

fn server<'a>(value: &'a Value, name: &str) -> &'a Value {
    let servers = value["servers"].as_array().unwrap();
    servers.iter().find(|server| server["server"] == name).unwrap_or_else(|| panic!("{value:#}"))
}

#[test]
fn a_pair_is_shown_as_table_json_and_metrics_and_its_exit_code_says_whether_all_is_well() {
    let (folder, listen) = (Folder::new(), free());
    let ((_own, own), (mut other, other_address)) = (bmc("127.0.0.1"), bmc("127.0.0.2"));
    let file = cluster(&folder, &own, &[("there", &other_address)], &listen.to_string());
    let mut daemon = Daemon::start(folder, file, listen);
    // A moment ago nobody had been asked.
    daemon.until("all is well", || {
        code(&daemon.ask(&["status"])) == 0 && server(&status(&daemon), "here")["verdict"] == "alive"
    });

    let output = daemon.ask(&["status"]);
    let table = stdout(&output);
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert!(
        table.contains("here of cluster pair: bmcnotice ") && table.contains(&format!("listening at {listen}")),
        "{table}"
    );
    assert!(table.contains("BMC of here: its watchdog bears our pulse; the alert path was never proven"), "{table}");
    let row = |name: &str| -> Vec<String> {
        let row = table.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{table}"));
        row.split_whitespace().map(str::to_owned).collect()
    };
    let here = row("here *");
    assert_eq!((&here[2][..], &here[5][..], &here[6][..]), ("alive", "on", "library"), "{table}");
    assert_eq!(here.last().unwrap(), "no");
    let there = row("there ");
    assert_eq!((&there[1][..], &there[4][..]), ("powered", "on"), "{table}");
    assert!(table.lines().any(|line| line.starts_with("there ") && line.ends_with("no answer")), "{table}");

    let value = status(&daemon);
    let here = server(&value, "here");
    assert_eq!((&value["version"], &value["ok"], &value["code"]), (&1.into(), &true.into(), &"done".into()));
    assert_eq!(value["daemon"]["pid"], daemon.running.child.id());
    assert_eq!((&value["daemon"]["server"], &value["daemon"]["listen"]), (&"here".into(), &listen.to_string().into()));
    assert_eq!((&value["pulse"]["state"], &value["pulse"]["trouble"]), (&"fed".into(), &false.into()));
    assert_eq!((&here["own"], &here["fed_by"], &here["power"]), (&true.into(), &"library".into(), &"on".into()));
    let trips = here["round_trips_us"].as_array().unwrap();
    assert!(!trips.is_empty() && trips.iter().all(|trip| trip.as_u64().is_some_and(|us| us > 0)), "{trips:?}");
    daemon.until("another round trip", || {
        server(&status(&daemon), "here")["round_trips_us"].as_array().unwrap().len() > trips.len().min(31)
    });

    let text = stdout(&daemon.ask(&["status", "--prometheus"]));
    let read = metrics::parse(&text);
    let verdict = |server, verdict| read["bmcnotice_server_verdict"].with(&[("server", server), ("verdict", verdict)]);
    assert_eq!(
        (verdict("here", "alive"), verdict("here", "off"), verdict("there", "powered")),
        (Some(1.0), Some(0.0), Some(1.0))
    );
    assert_eq!(read["bmcnotice_server_verdict"].samples.values().sum::<f64>(), 2.0, "one holds for each");
    assert_eq!(read["bmcnotice_server_take_over"].with(&[("server", "there"), ("answer", "no_answer")]), Some(1.0));
    assert!(
        read["bmcnotice_server_round_trip_seconds"].with(&[("server", "there")]).is_some_and(|s| s > 0.0 && s < 5.0)
    );
    assert!(read["bmcnotice_probes_total"].with(&[]).is_some_and(|count| count >= 4.0), "{text}");
    let drops = &read["bmcnotice_dropped_datagrams_total"];
    assert_eq!(drops.samples.len(), DropReason::ALL.len(), "every reason");
    assert_eq!(drops.with(&[("reason", "not_snmp")]), Some(0.0));

    // One server alone; and one that nobody knows.
    let only = daemon.ask(&["status", "there"]);
    assert!(code(&only) == 0 && !stdout(&only).contains("\nhere *"), "{}", stdout(&only));
    let only = json(&stdout(&daemon.ask(&["status", "there", "--json"])));
    assert_eq!(only[0]["servers"].as_array().unwrap().len(), 1);
    let only = metrics::parse(&stdout(&daemon.ask(&["status", "there", "--prometheus"])));
    assert_eq!(only["bmcnotice_server_own"].samples.len(), 1);
    daemon.wants(&["status", "nowhere"], 2, "knows no server \"nowhere\"");

    // What is no trap is counted under its reason, and a notice is told with its record.
    support::socket().send_to(b"not SNMP", listen).unwrap();
    daemon.wants(&["maintenance", "on"], 0, "on");
    daemon.fault();
    daemon.running.error("held: maintenance is on");
    let value = status(&daemon);
    let drops = value["statistics"]["dropped"].as_object().unwrap();
    let dropped: u64 = drops.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!((&value["maintenance"], dropped), (&true.into(), 1));
    let (open, notice) = (&value["recoveries"][0], &value["notices"][0]);
    assert_eq!((&open["record"], &open["state"], &open["held"]), (&1.into(), &"held".into(), &"maintenance".into()));
    assert_eq!((&notice["record"], &notice["server"], &notice["class"]), (&1.into(), &"here".into(), &"fatal".into()));
    assert!(
        notice["ago_ms"].as_u64().is_some_and(|ago| ago < 60_000)
            && open["for_ms"].as_u64().is_some_and(|ms| ms < 60_000)
    );
    // Since when it is held: what befell it afterwards, such as another notice that joined, is no step.
    daemon.fault();
    daemon.running.error("joined by: ");
    let value = status(&daemon);
    let open = &value["recoveries"][0];
    assert_eq!((&open["record"], &open["joined"]), (&1.into(), &1.into()));
    let record = json(&stdout(&daemon.ask(&["journal", "--record", "1", "--json"]))).pop().unwrap();
    let steps = record["steps"].as_array().unwrap();
    let step = |name: &str| steps.iter().find(|step| step["step"] == name).unwrap_or_else(|| panic!("{record}"));
    assert_eq!(open["since_ms"], step("held")["wall_ms"], "{record}");
    daemon.wants(&["status", "there"], 3, "record 1 of monitor try is open: held: maintenance is on");
    daemon.wants(&["status"], 3, "MAINTENANCE is on");
    let held = metrics::parse(&stdout(&daemon.ask(&["status", "--prometheus"])));
    assert_eq!(held["bmcnotice_open_recoveries"].with(&[("state", "held")]), Some(1.0));
    assert_eq!(held["bmcnotice_maintenance"].with(&[]), Some(1.0));
    daemon.wants(&["cancel", "1"], 0, "cancelled");
    daemon.wants(&["status", "there"], 0, "2 notices, the last ");

    // Its BMC falls silent: that is unknown, and somebody should look; but not who asks about this server alone.
    other.signal("KILL");
    let _ = other.child.wait();
    daemon.until("unknown", || code(&daemon.ask(&["status", "there"])) == 3);
    daemon.wants(&["status", "there"], 3, "there: unknown (BMC silent). Take over? No answer: ");
    daemon.wants(&["status", "here"], 0, "alive");
    let value = status(&daemon);
    let there = server(&value, "there");
    assert_eq!((&there["verdict"], &there["doubt"]), (&"unknown".into(), &"silent".into()));
    assert_eq!(there["round_trips_us"].as_array().unwrap().last(), Some(&Value::Null), "a miss: {there}");
}

/// Who listens in a daemon's place, and what it answers to each.
fn impostor(folder: &Folder, answer: impl Fn(&mut UnixStream) + Send + 'static) -> String {
    let path = folder.path("control");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = [0; 4096];
            let _ = stream.read(&mut line);
            answer(&mut stream);
        }
    });
    path
}

fn asked(words: &[&str], socket: &str) -> Output {
    run(&[words, &["--socket", socket]].concat(), "")
}

#[test]
fn a_daemon_of_an_earlier_release_is_said_to_be_one() {
    let folder = Folder::new();
    let socket = impostor(&folder, |stream| {
        let line =
            r#"{"version":1,"ok":false,"code":"wrong","text":"\"command\" is release, cancel, clear or reload"}"#;
        stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    });
    for words in [&["status"][..], &["status", "--json"], &["status", "--prometheus"], &["watch", "--once"]] {
        let output = asked(words, &socket);
        assert_eq!((code(&output), stdout(&output).as_str()), (1, ""));
        let said = stderr(&output);
        assert!(said.contains("of an earlier release") && said.contains("\"command\" is release"), "{said}");
    }
}

#[test]
fn who_is_no_daemon_is_a_failure_and_no_harm() {
    let folder = Folder::new();
    let absent = folder.path("none");
    for words in [&["status"][..], &["watch", "--once"]] {
        let output = asked(words, &absent);
        assert!(code(&output) == 1 && stderr(&output).contains("no daemon runs there"), "{}", stderr(&output));
    }
    let socket = impostor(&folder, |stream| stream.write_all(b"{\"ok\":tru").unwrap());
    let output = asked(&["status"], &socket);
    assert!(code(&output) == 1 && stderr(&output).contains("it gave no answer"), "{}", stderr(&output));

    // One that never stops, and one that says something else than a daemon would.
    let (folder, portion) = (Folder::new(), vec![b'['; 1 << 20]);
    let socket = impostor(&folder, move |stream| while stream.write_all(&portion).is_ok() {});
    let output = asked(&["status"], &socket);
    assert!(code(&output) == 1 && stderr(&output).contains("it gave no answer"), "{}", stderr(&output));
    let folder = Folder::new();
    let odd =
        r#"{"ok":true,"servers":[3,{"server":"a\u001b[2Jb","verdict":7,"round_trips_us":{},"misses":-1}],"pulse":5}"#;
    let socket = impostor(&folder, move |stream| stream.write_all(format!("{odd}\n").as_bytes()).unwrap());
    for words in [&["status"][..], &["status", "--prometheus"], &["watch", "--once"]] {
        let output = asked(words, &socket);
        assert!([0, 3].contains(&code(&output)) && stderr(&output).is_empty(), "{words:?}: {}", stderr(&output));
        assert!(stdout(&output).contains("a [2Jb") && !stdout(&output).contains('\x1b'), "{}", stdout(&output));
    }
    assert_eq!(code(&run(&["status", "--json", "--prometheus"], "")), 2);
    assert_eq!(code(&run(&["watch", "--interval", "1ms"], "")), 2);
}

#[test]
fn every_field_and_every_metric_is_in_the_page() {
    let page = std::fs::read_to_string("docs/cli.md").unwrap();
    let page = page.split_once("\n## status").expect("a chapter").1;
    let words: BTreeSet<&str> = page.split('`').skip(1).step_by(2).collect();
    let daemon = Daemon::new("true");
    let mut asked = vec![status(&daemon)];
    let mut missing = BTreeSet::new();
    while let Some(value) = asked.pop() {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    if !words.contains(name.as_str()) && DropReason::ALL.iter().all(|reason| reason.name() != name) {
                        missing.insert(name);
                    }
                    asked.push(value);
                }
            }
            Value::Array(values) => asked.extend(values),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    for name in metrics::parse(&stdout(&daemon.ask(&["status", "--prometheus"]))).into_keys() {
        // Counters are named as in the statistics.
        let counter = name.strip_prefix("bmcnotice_").and_then(|name| name.strip_suffix("_total"));
        if !words.contains(name.as_str()) && !counter.is_some_and(|name| words.contains(name)) {
            missing.insert(name);
        }
    }
    assert!(missing.is_empty(), "not in docs/cli.md: {missing:?}");
}

/// Octets of memory that the daemon holds, and descriptors.
fn held(daemon: &Daemon) -> (u64, usize) {
    let process = format!("/proc/{}", daemon.running.child.id());
    let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    (kib * 1024, std::fs::read_dir(format!("{process}/fd")).unwrap().count())
}

/// What a hostile client does with a socket, once.
type Hostile = fn(&mut UnixStream);

#[test]
fn clients_that_flood_never_read_or_say_half_delay_no_recovery_and_cost_nothing() {
    let (folder, listen) = (Folder::new(), free());
    let names: Vec<String> = (1..MAX_SERVERS.min(500)).map(|number| format!("server-{number:0>200}")).collect();
    let bmcs: Vec<String> = (1..=names.len()).map(|n| format!("127.2.{}.{}:9", n / 250, n % 250 + 1)).collect();
    let others: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(bmcs.iter().map(String::as_str)).collect();
    let file = cluster(&folder, "127.0.0.1:9", &others, &listen.to_string());
    let mut daemon = Daemon::start(folder, file, listen);
    let octets = stdout(&daemon.ask(&["status", "--json"])).len();
    assert!(octets > names.len() * 500, "it has something to tell: {octets} octets");
    let (memory, descriptors) = held(&daemon);

    const ASKS: &[u8] = b"{\"version\":1,\"command\":\"status\"}\n";
    let hostile: [Hostile; 5] = [
        |stream| drop(stream.write_all(ASKS)),                    // and never reads
        |stream| drop(stream.write_all(&ASKS[..ASKS.len() - 1])), // half a line
        |stream| drop(stream.write_all(&[b'{'; 100_000])),        // too long a line
        |stream| drop(stream.write_all(&ASKS.repeat(1000))),      // and goes on asking
        |stream| drop(stream.shutdown(std::net::Shutdown::Both)), // and goes
    ];
    let (over, socket) = (AtomicBool::new(false), daemon.socket());
    thread::scope(|scope| {
        for act in hostile {
            let (over, socket) = (&over, &socket);
            scope.spawn(move || {
                let mut kept: Vec<UnixStream> = Vec::new();
                while !over.load(SeqCst) {
                    if let Ok(mut stream) = UnixStream::connect(socket) {
                        let _ = stream.set_write_timeout(Some(Duration::from_millis(20)));
                        act(&mut stream);
                        kept.push(stream);
                    }
                    if kept.len() > 50 {
                        kept.drain(..25);
                    }
                    thread::sleep(Duration::from_millis(1));
                }
            });
        }
        let guard = Over(&over); // a failed assertion ends them, too
        thread::sleep(Duration::from_secs(1));
        // The trap is acknowledged, and its recovery run, as if nobody were there.
        let begun = Instant::now();
        let output = run(&["send", &listen.to_string(), "--wait", "--json"], "");
        assert_eq!(code(&output), 0, "{}", stdout(&output));
        let heard = json(&stdout(&output)).into_iter().find(|event| event["event"] == "heard").unwrap();
        assert!(heard["after_us"].as_u64().is_some_and(|us| us < 500_000), "{heard}");
        daemon.running.error("the recovery is done");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        // And whoever asks is answered, at the first time of asking.
        for _ in 0..3 {
            let output = daemon.ask(&["status", "--json"]);
            assert_eq!((code(&output), stderr(&output).as_str()), (3, ""));
            assert_eq!(json(&stdout(&output))[0]["servers"].as_array().unwrap().len(), others.len() + 1);
        }
        thread::sleep(Duration::from_secs(1));
        let (now, _) = held(&daemon);
        assert!(now < memory + (16 << 20), "it grew from {memory} to {now} octets");
        drop(guard);
    });
    daemon.until("their descriptors", || held(&daemon).1 <= descriptors);
    let before = daemon.used();
    thread::sleep(Duration::from_secs(1));
    assert!(daemon.used() - before < 30, "it does not spin: {} ticks", daemon.used() - before);
}

/// Ends what waits for the flag.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[test]
fn a_plain_picture_is_printed_at_every_interval_and_a_daemon_that_comes_back_is_seen() {
    let mut daemon = Daemon::new("true");
    let once = daemon.ask(&["watch", "--once"]);
    assert!(
        code(&once) == 0 && stdout(&once).contains("\nhere *") && !stdout(&once).contains('\x1b'),
        "{}",
        stdout(&once)
    );
    let mut watch = Running::start(program().args(["watch", "--interval", "100ms", "-c", &daemon.file]));
    for _ in 0..3 {
        watch.line("here of cluster demo");
        watch.line("here *");
    }
    daemon.running.signal("TERM");
    assert_eq!(daemon.running.code(), 0);
    watch.line("NO ANSWER");
    daemon.running = Running::start(program().args(["run", "-c", &daemon.file]));
    watch.line("here of cluster demo");
    // Its reader goes, and so does it.
    let shell = format!("{} watch --interval 100ms -c {} | head -n 1", env!("CARGO_BIN_EXE_bmcnotice"), daemon.file);
    let mut piped = Running::start(std::process::Command::new("/bin/sh").args(["-c", &shell]));
    piped.line("here of cluster demo");
    let end = Instant::now() + PATIENCE;
    while piped.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "it goes on for nobody");
        thread::sleep(Duration::from_millis(20));
    }
}
