//! Every rule has a fixture that breaks it and nothing else; the shipped example breaks none that matters.
//!
//! A fixture is a configuration with orders in comments: `#: expect 12:8` (or a dotted path, for a value set by a call),
//! `#: set path = value` for such a value, `#: fact ...` for what differs from a healthy host.

use bmcnotice::config::facts::{Facts, FileFacts, PortHolder};
use bmcnotice::config::finding::{Finding, Rule, Severity};
use bmcnotice::config::model::{AfterEnded, Handshake, RawMessage, RawOctet, Recovery};
use bmcnotice::config::native::{MAX_SERVERS, MAX_TEXT, Outcome, parse, wanted};
use bmcnotice::config::rules;
use bmcnotice::words::{Obstacle, ServerId};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Rules whose breaking text is made here, because it is long.
const GENERATED: &[&str] = &["BMCN-C015", "BMCN-C016", "BMCN-C103"];

/// The host on which nothing is wrong.
fn healthy() -> Facts {
    let folder = FileFacts {
        exists: true,
        folder: true,
        readable: true,
        writable: true,
        executable: true,
        ..Default::default()
    };
    let secret = FileFacts { exists: true, readable: true, ..Default::default() };
    let program = FileFacts { exists: true, readable: true, executable: true, others_read: true, ..Default::default() };
    Facts {
        host_name: Some("server1.example.com".to_owned()),
        addresses: Some(["127.0.0.1", "10.0.0.1", "192.168.0.1", "fd00::1"].map(|ip| ip.parse().unwrap()).to_vec()),
        port_holders: vec![PortHolder { local: "127.0.0.1:162".parse().unwrap(), process: None }],
        first_port: Some(0),
        queue: Some((8 << 20, 8 << 20)),
        ipmi_device: Some(true),
        devices: vec![("/dev/ipmi0".to_owned(), Ok(()))],
        own_guid: Some(true),
        clusterpro: None,
        bmcnotice_monitors: None,
        watchdog_owner: None,
        esmpro: None,
        proven: Some(Some(Duration::from_secs(3600))),
        files: vec![
            ("/run/bmcnotice".to_owned(), FileFacts { tmpfs: true, ..folder }),
            ("/var/lib/bmcnotice".to_owned(), folder),
            ("/etc/bmcnotice/server1.password".to_owned(), secret),
            ("/etc/bmcnotice/server2.password".to_owned(), secret),
            ("/usr/local/sbin/move-away".to_owned(), program),
        ],
    }
}

/// Applies one `#: fact` order.
fn tell(facts: &mut Facts, order: &str) {
    let words: Vec<&str> = order.split_whitespace().collect();
    match words.as_slice() {
        ["host_name", name] => facts.host_name = Some((*name).to_owned()),
        ["addresses", list @ ..] => facts.addresses = Some(list.iter().map(|ip| ip.parse().unwrap()).collect()),
        ["port", local, "held", "by", pid, name] => {
            let process = Some((pid.parse().unwrap(), (*name).to_owned()));
            facts.port_holders.push(PortHolder { local: local.parse().unwrap(), process });
        }
        ["queue", asked, granted] => facts.queue = Some((asked.parse().unwrap(), granted.parse().unwrap())),
        ["first_port", port] => facts.first_port = Some(port.parse().unwrap()),
        ["no", "ipmi_device"] => facts.ipmi_device = Some(false),
        ["device", path, why] => {
            let why = match *why {
                "no_driver" => Obstacle::NoDriver,
                "no_interface" => Obstacle::NoInterface,
                "not_a_device" => Obstacle::NotADevice,
                "denied" => Obstacle::Denied,
                _ => panic!("no such obstacle: {why}"),
            };
            facts.devices = vec![((*path).to_owned(), Err(why))];
        }
        ["no", "own_guid"] => facts.own_guid = Some(false),
        ["clusterpro", process] => facts.clusterpro = Some((*process).to_owned()),
        ["bmcnotice_monitors", names @ ..] => {
            facts.bmcnotice_monitors = Some(names.iter().map(|name| (*name).to_owned()).collect());
        }
        ["proven", "never"] => facts.proven = Some(None),
        ["proven", days] => {
            facts.proven = Some(Some(Duration::from_secs(86_400 * days.parse::<u64>().unwrap())));
        }
        ["watchdog_owner", owner] => facts.watchdog_owner = Some((*owner).to_owned()),
        ["esmpro", sign] => facts.esmpro = Some((*sign).to_owned()),
        ["file", path, changes @ ..] => {
            if !facts.files.iter().any(|(known, _)| known == path) {
                facts.files.push(((*path).to_owned(), FileFacts::default()));
            }
            let (_, file) = facts.files.iter_mut().find(|(known, _)| known == path).unwrap();
            for change in changes {
                let (name, value) = change.split_once('=').unwrap();
                let value = value == "yes";
                match name {
                    "exists" => file.exists = value,
                    "folder" => file.folder = value,
                    "readable" => file.readable = value,
                    "writable" => file.writable = value,
                    "executable" => file.executable = value,
                    "others_read" => file.others_read = value,
                    "others_write" => file.others_write = value,
                    "tmpfs" => file.tmpfs = value,
                    _ => panic!("no such fact of a file: {name}"),
                }
            }
        }
        _ => panic!("no such fact: {order}"),
    }
}

struct Fixture {
    expect: String,
    outcome: Outcome,
}

fn run(text: &str, file: &str) -> Fixture {
    let mut facts = healthy();
    let mut expect = None;
    let mut overrides = Vec::new();
    for order in text.lines().filter_map(|line| line.strip_prefix("#: ")) {
        let (verb, rest) = order.split_once(' ').unwrap();
        match verb {
            "expect" => expect = Some(rest.to_owned()),
            "fact" => tell(&mut facts, rest),
            "set" => {
                let (path, value) = rest.split_once(" = ").unwrap();
                overrides.push((path.to_owned(), value.to_owned()));
            }
            _ => panic!("{file}: no such order: {order}"),
        }
    }
    Fixture { expect: expect.unwrap_or_default(), outcome: parse(text, file, &overrides, &facts) }
}

fn shown(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("\n  {finding}")).collect()
}

fn rule(id: &str) -> &'static Rule {
    rules::ALL.iter().find(|rule| rule.id == id).unwrap_or_else(|| panic!("no rule is called {id}"))
}

fn fixtures() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("tests/findings")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        found.push((name, fs::read_to_string(&path).unwrap()));
    }
    found.sort();
    found
}

#[test]
fn every_fixture_breaks_its_rule_alone_and_in_its_place() {
    let mut wrong = String::new();
    for (name, text) in fixtures() {
        let id = name.get(..9).unwrap();
        let file = format!("{name}.toml");
        let Fixture { expect, outcome } = run(&text, &file);
        let path = expect.starts_with(|c: char| c.is_alphabetic());
        let place = if path { expect } else { format!("{file}:{expect}") };
        let right = match outcome.findings.as_slice() {
            [only] => {
                only.id == id
                    && only.severity == rule(id).severity
                    && only.place.to_string() == place
                    && outcome.cluster.is_some() == (only.severity < Severity::Error)
            }
            _ => false,
        };
        if !right {
            wrong += &format!("\n{name} expected at {place}:{}", shown(&outcome.findings));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_rule_has_a_fixture() {
    let fixtures: BTreeSet<String> =
        fixtures().into_iter().map(|(name, _)| name.get(..9).unwrap().to_owned()).collect();
    let generated = GENERATED.iter().map(|id| (*id).to_owned());
    let tried: BTreeSet<String> = fixtures.into_iter().chain(generated).collect();
    let known: BTreeSet<String> = rules::ALL.iter().map(|rule| rule.id.to_owned()).collect();
    assert_eq!(tried, known);
    assert_eq!(known.len(), rules::ALL.len(), "an id is used twice");
}

#[test]
fn the_document_explains_exactly_the_rules_that_exist() {
    let text = fs::read_to_string(root().join("docs/findings.md")).unwrap();
    let mut explained = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("### ")) {
        let (id, severity) = line.split_once(' ').unwrap();
        assert_eq!(severity, rule(id).severity.to_string(), "{id}");
        assert!(explained.insert(id.to_owned()), "{id} is explained twice");
    }
    let known: BTreeSet<String> = rules::ALL.iter().map(|rule| rule.id.to_owned()).collect();
    assert_eq!(explained, known);
}

fn example() -> String {
    fs::read_to_string(root().join("examples/seed.toml")).unwrap()
}

#[test]
fn the_examples_have_no_error() {
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "toml") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let outcome = parse(&text, "example.toml", &[], &healthy());
        let errors: Vec<_> = outcome.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        assert!(outcome.cluster.is_some(), "{}", path.display());
    }
}

#[test]
fn a_described_handshake_comes_out_as_written() {
    let text = fs::read_to_string(root().join("examples/handshake.toml")).unwrap();
    let cluster = parse(&text, "handshake.toml", &[], &healthy()).cluster.unwrap();
    let bmc = cluster.servers[0].bmc.as_ref().unwrap();
    let Handshake::Raw { name, armed, ended, keepalive, .. } = &bmc.handshake else { panic!("{:?}", bmc.handshake) };
    assert_eq!(name, "acme");
    let port = [RawOctet::ListenPort(1), RawOctet::ListenPort(0)];
    assert_eq!(armed.as_ref().unwrap().data.get(4..).unwrap(), port);
    let data = vec![RawOctet::Outcome, RawOctet::Record(0), RawOctet::Record(1)];
    let said = RawMessage { netfn: 0x30, lun: 0, command: 0x71, data, accept: vec![0, 0xC1] };
    assert_eq!(ended.as_ref(), Some(&said));
    assert_eq!(keepalive.as_ref().unwrap().1.as_secs(), 30);
    assert_eq!(cluster.servers[1].bmc.as_ref().unwrap().after_ended, AfterEnded::PowerCycle);
    let command = ["/usr/local/sbin/move-away", "orders"].map(str::to_owned).to_vec();
    assert_eq!(cluster.monitors[0].recovery, Recovery::Command(command));
}

#[test]
fn the_seeds_cluster_comes_out_as_described() {
    let outcome = parse(&example(), "seed.toml", &[], &healthy());
    let cluster = outcome.cluster.unwrap();
    assert_eq!(cluster.listen(), Some("192.168.0.1:162".parse().unwrap()));
    assert_eq!(cluster.this_server().name, "server1");
    let bmcs: Vec<String> =
        cluster.servers.iter().map(|server| server.bmc.as_ref().unwrap().address.to_string()).collect();
    assert_eq!(bmcs, ["192.168.0.11:623", "192.168.0.12:623"]);
    let bmc = cluster.this_server().bmc.as_ref().unwrap();
    assert_eq!(bmc.trap_sources, ["192.168.0.11".parse::<std::net::IpAddr>().unwrap()]);
    assert_eq!(bmc.lan.as_ref().unwrap().suites, [17, 3]);
    assert_eq!(cluster.monitors[0].target.as_deref(), Some("failover1"));
    assert_eq!(cluster.heartbeat.timeout.as_secs(), 90);
    assert_eq!(cluster.monitors[0].keyword(ServerId(1)), Some("192.168.0.2:162".parse().unwrap()));
    let inline = example().replace("password_file = \"/etc/bmcnotice/server1.password\"", "password = \"p\"");
    assert!(wanted(&inline, "seed.toml", &[]).paths.contains(&"seed.toml".to_owned()));
    let wanted = wanted(&example(), "seed.toml", &[]);
    assert_eq!(wanted.ports, [162]);
    assert!(!wanted.paths.contains(&"seed.toml".to_owned()), "{wanted:?}");
    assert!(wanted.paths.contains(&"/etc/bmcnotice/server2.password".to_owned()), "{wanted:?}");
}

#[test]
fn everything_wrong_is_said_at_once() {
    let text = example()
        .replace("\"BMCNOTICE\"", "\"BMCNOTE\"")
        .replace("trust = \"corroborated\"", "trust = \"authenticated\"")
        .replace("server2 = \"192.168.0.2\"", "server2 = \"192.168.0.12:1162x\"")
        .replace("address = \"192.168.0.12\"", "adress = \"192.168.0.12\"")
        .replace("deadline = \"60s\"", "deadline = 60")
        .replace("lan = [\"lanhb1\", \"lanhb2\"]", "lan = false");
    let outcome = parse(&text, "broken.toml", &[], &healthy());
    let ids: BTreeSet<&str> = outcome
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.id)
        .collect();
    let expected = ["BMCN-C003", "BMCN-C004", "BMCN-C005", "BMCN-C301", "BMCN-C302", "BMCN-C341", "BMCN-C401"];
    assert_eq!(ids, BTreeSet::from(expected), "{}", shown(&outcome.findings));
    assert!(outcome.cluster.is_none());
    let near = outcome.findings.iter().find(|finding| finding.id == "BMCN-C003").unwrap();
    assert!(near.remedy.contains("address"), "{near}");
    for (id, written) in [("BMCN-C301", "BMCNOTE"), ("BMCN-C302", "192.168.0.12:1162x"), ("BMCN-C003", "adress")] {
        let finding = outcome.findings.iter().find(|finding| finding.id == id).unwrap();
        let (line, text) = text.lines().enumerate().find(|(_, line)| line.contains(written)).unwrap();
        let column = text.find(written).unwrap() + usize::from(id == "BMCN-C003");
        assert_eq!((finding.place.line as usize, finding.place.column as usize), (line + 1, column), "{finding}");
    }
    let places: Vec<(u32, u32)> =
        outcome.findings.iter().map(|finding| (finding.place.line, finding.place.column)).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn a_syntax_error_hides_no_wrong_value_and_invents_no_missing_one() {
    let text = example().replace("name = \"cluster\"", "name = cluster\"").replace("\"BMCNOTICE\"", "\"BMCNOTE\"");
    let outcome = parse(&text, "broken.toml", &[], &healthy());
    let ids: BTreeSet<&str> = outcome
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.id)
        .collect();
    assert_eq!(ids, BTreeSet::from(["BMCN-C001", "BMCN-C301"]), "{}", shown(&outcome.findings));
}

/// The table's head is broken, so its keys and those after it cannot be found where they belong.
#[test]
fn what_may_stand_in_the_broken_part_is_not_missed() {
    for (whole, broken) in
        [("[cluster]", "[cluster"), ("[monitor.keywords]", "[monitor.keywords"), ("[server.bmc]", "[server.")]
    {
        let outcome = parse(&example().replacen(whole, broken, 1), "broken.toml", &[], &healthy());
        let missed = outcome.findings.iter().filter(|finding| rule(finding.id).absence).count();
        assert_eq!(missed, 0, "{broken}: {}", shown(&outcome.findings));
        assert!(outcome.findings.iter().any(|finding| finding.id == "BMCN-C001"), "{broken}");
    }
}

#[test]
fn a_cluster_can_be_described_by_calls_alone() {
    let calls = [
        ("cluster.name", "\"c\""),
        ("cluster.this_server", "\"node.example\""),
        ("server.\"node.example\".addresses", "[\"127.0.0.1\"]"),
        ("server.\"node.example\".bmc.address", "\"127.0.0.1:1623\""),
        ("server.\"node.example\".bmc.handshake", "\"none\""),
        ("user.bmc.auth", "\"sha256\""),
        ("user.bmc.auth_passphrase_file", "\"/etc/snmp.auth\""),
        ("monitor.m.trust", "\"authenticated\""),
        ("monitor.m.recovery", "\"callback\""),
        ("monitor.m.target", "\"group\""),
        ("monitor.m.keywords", "{ \"node.example\" = \"127.0.0.1:1162\" }"),
    ];
    let calls = calls.map(|(path, value)| (path.to_owned(), value.to_owned()));
    let outcome = parse("", "", &calls, &Facts::default());
    let cluster = outcome.cluster.unwrap_or_else(|| panic!("{}", shown(&outcome.findings)));
    assert_eq!(cluster.listen(), Some("127.0.0.1:1162".parse().unwrap()));
    assert_eq!(cluster.servers[0].name, "node.example");
    assert!(cluster.users[0].auth.is_some() && cluster.users[0].is_for(ServerId(0)));
}

#[test]
fn secrets_show_up_nowhere() {
    const SECRET: &str = "hunter2-hunter2-hunter2";
    for (key, line) in [
        ("password_file", format!("password_file = \"{SECRET}\"")),
        ("password_file", format!("password = [\"{SECRET}\"]")),
        ("password_file", format!("password = \"{SECRET}\"")),
        ("password_file", format!("password = {SECRET}")),
        ("password_file", format!("password = \"{SECRET}")),
        ("password_file", format!("password = \"{SECRET}\\0\"")),
        ("community", format!("community = \"{SECRET}\\u0000\"")),
        ("community", format!("community = {{ \"{SECRET}\" = 1 }}")),
    ] {
        let text: String = example()
            .lines()
            .map(|given| if given.starts_with(key) { line.clone() } else { given.to_owned() })
            .map(|line| line + "\n")
            .collect();
        let outcome = parse(&text, "secret.toml", &[], &healthy());
        assert!(!outcome.findings.is_empty());
        let everything = format!("{outcome:?}{}", shown(&outcome.findings));
        assert!(!everything.contains("hunter2"), "{line}: {everything}");
    }
    let calls = [("server.server1.bmc.password".to_owned(), format!("\"{SECRET}\" x"))];
    let outcome = parse(&example(), "secret.toml", &calls, &healthy());
    assert!(!format!("{outcome:?}").contains("hunter2"), "{outcome:?}");
}

#[test]
fn too_many_of_anything_is_an_error_and_no_burden() {
    let ip = |net: u8, n: usize| format!("10.{net}.{}.{}", n / 256, n % 256);
    let servers = |count: usize, community: &str| -> String {
        let server = |n| {
            let (own, bmc) = (ip(1, n), ip(2, n));
            format!(
                "[[server]]\nname = \"s{n}\"\naddresses = [\"{own}\"]\n[server.bmc]\naddress = \"{bmc}\"\nhandshake = \"none\"\n{community}"
            )
        };
        (0..count).map(server).collect()
    };
    let whole = |servers: &str, keywords: usize| {
        let keywords: String = (0..keywords).map(|n| format!("s{n} = \"{}\"\n", ip(1, n))).collect();
        format!(
            "[cluster]\nname = \"c\"\nthis_server = \"s0\"\n{servers}[[monitor]]\nname = \"m\"\ntrust = \"address\"\n\
             recovery = \"callback\"\ntarget = \"t\"\n[monitor.keywords]\n{keywords}[heartbeat]\nlan = true\n"
        )
    };
    let text = whole(&servers(MAX_SERVERS + 1, "community = \"x\"\n"), MAX_SERVERS);
    let facts = Facts::default();
    let outcome = parse(&text, "many.toml", &[], &facts);
    let ids: Vec<&str> = outcome.findings.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["BMCN-C103"], "{}", shown(&outcome.findings));

    let unknown: String = (0..2000).map(|n| format!("key{n} = {n}\n")).collect();
    let outcome = parse(&unknown, "many.toml", &[], &facts);
    assert_eq!(outcome.findings.len(), 501);
    assert_eq!(outcome.findings.last().unwrap().id, "BMCN-C015");

    // A warning for each of many servers hides no error, and is none.
    let weak = |error: &str| whole(&servers(600, ""), 600) + error;
    let outcome = parse(&weak(""), "many.toml", &[], &facts);
    assert!(outcome.cluster.is_some(), "{}", shown(&outcome.findings));
    assert_eq!((outcome.findings.len(), outcome.findings.last().unwrap().id), (501, "BMCN-C016"));
    let outcome = parse(&weak("[nonsense]\n"), "many.toml", &[], &facts);
    let errors = outcome.findings.iter().filter(|finding| finding.severity == Severity::Error).map(|error| error.id);
    assert_eq!((outcome.findings.len(), errors.collect::<Vec<_>>()), (501, vec!["BMCN-C003"]));

    let keywords: String = (0..20_000).map(|n| format!("s{n} = \"10.0.1.1\"\n")).collect();
    let deep = format!("[heartbeat]\nlan = {}{}\n", "[".repeat(9), "]".repeat(9));
    for large in [
        format!("[[monitor]]\n[monitor.keywords]\n{keywords}"),
        deep,
        format!("[journal]\nhot = [{}]", "1,".repeat(200)),
    ] {
        let outcome = parse(&large, "large.toml", &[], &facts);
        assert!(outcome.findings.iter().any(|finding| finding.id == "BMCN-C002"), "{}", shown(&outcome.findings));
    }
    for bomb in [
        "[".repeat(MAX_TEXT),
        "a = ".to_owned() + &"[".repeat(100_000),
        "a.".repeat(MAX_TEXT / 2),
        "=\n".repeat(100_000),
        "x".repeat(MAX_TEXT + 1),
        "[[server]]\n".repeat(50_000),
    ] {
        assert!(parse(&bomb, "bomb.toml", &[], &facts).cluster.is_none());
    }
}

/// Cuts and twists of the example: never a panic, and a cluster exactly when nothing is an error.
#[test]
fn a_cluster_comes_exactly_when_nothing_is_an_error() {
    let text = example();
    let cuts = (0..text.len()).step_by(7).filter_map(|at| text.get(..at).map(str::to_owned));
    let lines: Vec<&str> = text.lines().collect();
    let drops = (0..lines.len()).map(|drop| {
        let kept: Vec<&str> = lines.iter().enumerate().filter(|(n, _)| *n != drop).map(|(_, line)| *line).collect();
        kept.join("\n")
    });
    let swaps = ["\"", "=", "true", "[", "]", "server1", "192", "s\"", "\n"].map(|from| text.replace(from, "7"));
    for twisted in cuts.chain(drops).chain(swaps) {
        let outcome = parse(&twisted, "twisted.toml", &[], &healthy());
        let sound = outcome.findings.iter().all(|finding| finding.severity < Severity::Error);
        assert_eq!(outcome.cluster.is_some(), sound, "{}\n{twisted}", shown(&outcome.findings));
    }
}

#[test]
fn a_finding_is_one_plain_line() {
    let outcome = parse("[cluster]\nname = \"c\"\n", "b.toml", &[], &Facts::default());
    let line = outcome.findings[0].to_string();
    assert!(line.starts_with("b.toml:1:1: error BMCN-C"), "{line}");
    assert!(line.contains(". Rule: ") && line.contains(". Remedy: "), "{line}");
}

/// Where this server's own BMC is talked to in-band, nobody logs in and nobody mistakes it for another.
#[test]
fn in_band_needs_no_login_and_no_pinned_guid() {
    for id in ["BMCN-C205", "BMCN-C211", "BMCN-C324"] {
        let text = fs::read_to_string(root().join(format!("tests/findings/{id}.toml"))).unwrap();
        let ids = |text: &str| -> BTreeSet<&str> {
            run(text, "in-band.toml").outcome.findings.iter().map(|finding| finding.id).collect()
        };
        assert!(ids(&text).contains(id), "LAN alone");
        let text = text.replace("link = \"lan\"\n", "");
        assert!(!ids(&text).contains(id), "{id} in-band: {:?}", ids(&text));
        let broken = format!("#: fact device /dev/ipmi0 no_driver\n{text}");
        assert!(ids(&broken).contains(id), "{id} without the driver");
        let simulated = text.replace("address = \"192.168.0.11\"", "address = \"127.0.0.1\"");
        assert!(ids(&simulated).contains(id), "{id} at a loopback address");
    }
}

/// A host without a device is worth a word only where the device would be used.
#[test]
fn a_missing_device_matters_only_where_it_would_be_used() {
    let facts = Facts { ipmi_device: Some(false), ..healthy() };
    let said = |text: &str| {
        let outcome = parse(text, "device.toml", &[], &facts);
        outcome.findings.iter().any(|finding| finding.id == "BMCN-C506")
    };
    let text = std::fs::read_to_string("tests/findings/BMCN-C506.toml").unwrap();
    assert!(said(&text));
    assert!(!said(&text.replacen("community = ", "link = \"lan\"\ncommunity = ", 1)));
    assert!(!said(&text.replacen("\"192.168.0.11\"", "\"127.0.0.1:9623\"", 1)), "a simulated BMC");
}
