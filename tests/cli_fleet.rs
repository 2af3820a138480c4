//! `bmcnotice sim --fleet`: the BMCs of a file, what standard input tells them, and the configuration that watches them.
#![cfg(feature = "cli")]

#[path = "support/ports.rs"]
mod ports;
#[path = "cli/support.rs"]
mod support;

use bmcnotice::config::facts::Facts;
use bmcnotice::config::model::SecretSource;
use bmcnotice::config::native;
use bmcnotice::wire::command::GET_SYSTEM_GUID;
use bmcnotice::wire::ipmi::{Message, Request};
use bmcnotice::wire::rmcp::{self, Datagram};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use support::{Folder, Running, code, json, program, run, socket, stderr, stdout};

/// A file of this text, with a port that is free put in for PORT.
fn file(folder: &Folder, text: &str) -> (String, u16) {
    let port = ports::free();
    (folder.file("fleet.toml", &text.replace("PORT", &port.to_string())), port)
}

fn sim(arguments: &[&str]) -> Command {
    let mut command = program();
    command.arg("sim").args(arguments).env_remove("BMCNOTICE_SIM_PASSWORD");
    command
}

/// The GUID that whoever is at this address tells.
fn told_guid(address: SocketAddr) -> Vec<u8> {
    let socket = socket();
    let question = Message::request(1, &Request::new(GET_SYSTEM_GUID, [])).emit();
    socket.send_to(&rmcp::emit_sessionless(&question).expect("short"), address).expect("sent");
    let mut bytes = [0; 128];
    let (length, from) = socket.recv_from(&mut bytes).expect("an answer");
    assert_eq!(from, address);
    let Ok(Datagram::Sessionless(message)) = Datagram::parse(&bytes[..length]) else { panic!("{bytes:02x?}") };
    Message::parse(message).expect("a message").to_response().expect("an answer").data
}

const YARD: &str = r#"
port = PORT
[[bmc]]
address = "127.78.0.1"
count = 300
boot_time = "20min"
[[bmc]]
address = "127.79.0.1"
user = "ro\"ot"
password = "cal\\vin\u007F"
guid = "00112233-4455-6677-8899-aabbccddeeff"
handshake = "none"
"#;

#[test]
fn it_says_where_they_are_and_each_obeys() {
    let folder = Folder::new();
    let (path, port) = file(&folder, YARD);
    let mut fleet = Running::start(&mut sim(&["--fleet", &path, "--control"]));
    let line = fleet.line("BMCs");
    assert_eq!(line, format!("301 BMCs at 127.78.0.1 to 127.78.1.44, 127.79.0.1, port {port}"));
    fleet.say("status");
    let status = fleet.line("servers:");
    assert_eq!(status, "servers: 301 up; 0 resets, 0 records in the event logs, 0 sessions");
    fleet.say("at 127.78.1.44 fault fan-failure");
    let happened = fleet.line("fault detected");
    assert!(happened.contains("  127.78.1.44      fault detected: fan 1 is critical"), "{happened}");
    fleet.say("power off 127.78.0.9");
    assert!(fleet.line("power off").contains("127.78.0.9 "));
    fleet.say("at 127.78.0.10 power reset");
    assert!(fleet.line("resetting").contains("127.78.0.10 "));
    fleet.say("power reset 127.78.0.9");
    fleet.error("1 of these servers have no power to be reset");
    fleet.say("status");
    let status = fleet.line("servers:");
    assert_eq!(status, "servers: 1 booting, 1 off, 299 up; 1 resets, 1 records in the event logs, 0 sessions");
    fleet.say("at 127.78.0.9 status");
    let status = fleet.line("127.78.0.9: ");
    assert_eq!(status, "127.78.0.9: server off, handshake unarmed, 0 resets, 0 records in the event log, 0 sessions");
    fleet.say("power on all");
    assert!(fleet.line("power on").contains("127.78.0.9 "));
    for (typed, said) in [
        ("at 127.80.0.1 well", "no BMC of this fleet is at \"127.80.0.1\""),
        ("at nobody well", "no BMC of this fleet is at \"nobody\""),
        ("at all quirk nonsense", "no quirk has this name"),
        ("at all fault nonsense", "no fault \"nonsense\""),
        ("power up all", "not understood: power up all"),
        ("fault fan-failure", "not understood: fault fan-failure"),
    ] {
        fleet.say(typed);
        fleet.error(said);
    }
    fleet.say("at 127.78.0.1 quirk wrong-guid=ffeeddcc-bbaa-9988-7766-554433221100");
    fleet.say("at 127.78.1.44 erase");
    fleet.say("status");
    assert!(fleet.line("servers:").contains("0 records"));
    assert_eq!(told_guid(([127, 78, 0, 1], port).into())[..4], [0xFF, 0xEE, 0xDD, 0xCC]);
    assert_eq!(told_guid(([127, 78, 0, 2], port).into())[14..], [0, 2], "its neighbour is as before");
    fleet.say("quit");
    assert_eq!(fleet.code(), 0);
}

#[test]
fn json_says_the_same() {
    let folder = Folder::new();
    let (path, port) = file(&folder, YARD);
    let input = "at 127.79.0.1 fault psu-lost\nstatus\nat 127.79.0.1 status\nquit\n";
    let output = run(&["sim", "--fleet", &path, "--control", "--json"], input);
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
    let events = json(&stdout(&output));
    let (first, last) = ("6c696262-6d63-4e6f-8169-636500000001", "00112233-4455-6677-8899-aabbccddeeff");
    let ranges = serde_json::json!([
        { "first": "127.78.0.1", "last": "127.78.1.44", "count": 300, "guid": first },
        { "first": "127.79.0.1", "last": "127.79.0.1", "count": 1, "guid": last },
    ]);
    let opening = serde_json::json!({ "event": "listening", "bmcs": 301, "port": port, "ranges": ranges });
    assert_eq!(events[0], opening);
    let named = |name: &str| events.iter().filter(|event| event["event"] == name).collect::<Vec<_>>();
    assert_eq!(named("fault_detected")[0]["address"], "127.79.0.1");
    let [sums, one] = named("status")[..] else { panic!("{events:?}") };
    let up = serde_json::json!({ "off": 0, "cycling": 0, "booting": 0, "up": 301 });
    assert_eq!((&sums["servers"], &sums["sel_records"], &sums["bmcs"]), (&up, &1.into(), &301.into()));
    assert_eq!((&one["address"], &one["server"], &one["sel_records"]), (&"127.79.0.1".into(), &"up".into(), &1.into()));
}

#[test]
fn the_emitted_configuration_watches_exactly_these() {
    let folder = Folder::new();
    let secret = folder.file("password", "of the file\n");
    let yard = YARD.replace("count = 300", &format!("count = 20\npassword_file = \"{secret}\""));
    let (path, port) = file(&folder, &yard);
    let watch = folder.file("watch.toml", "what was there before");
    std::fs::set_permissions(&watch, PermissionsExt::from_mode(0o644)).expect("its mode");
    let mut fleet = Running::start(&mut sim(&["--fleet", &path, "--emit-config", &watch]));
    fleet.line("21 BMCs");
    let text = std::fs::read_to_string(&watch).expect("written");
    let mode = std::fs::metadata(&watch).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "there are passwords in it");
    let outcome = native::parse(&text, "watch.toml", &[], &Facts::default());
    let cluster = outcome.cluster.unwrap_or_else(|| panic!("{:#?}", outcome.findings));
    assert!(cluster.heartbeat.enabled);
    assert_eq!(cluster.servers.len(), 21);
    for server in &cluster.servers {
        let bmc = server.bmc.as_ref().expect("a BMC");
        assert_eq!(bmc.address.port(), port);
        assert_eq!(bmc.guid.map(|guid| guid.0.to_vec()), Some(told_guid(bmc.address)), "{}", server.name);
    }
    let login = |nth: usize| {
        let lan = cluster.servers[nth].bmc.as_ref().and_then(|bmc| bmc.lan.as_ref()).expect("a login");
        (lan.user.clone(), lan.password.clone())
    };
    assert!(matches!(login(0), (user, SecretSource::File(path)) if user == "admin" && path == secret));
    let (user, SecretSource::Inline(password)) = login(20) else { panic!("a file") };
    assert_eq!((user.as_str(), password.expose()), ("ro\"ot", &b"cal\\vin\x7F"[..]));

    let printed = run(&["sim", "--fleet", &path, "--emit-config", "-"], "");
    assert_eq!((code(&printed), stdout(&printed)), (0, text), "and it does not even try the port, which is taken");
    let check = run(&["check", &watch], "");
    assert_eq!(code(&check), 0, "{}", stdout(&check));
}

#[test]
fn what_is_wrong_is_said_at_once_and_nothing_starts() {
    let folder = Folder::new();
    let (path, _) = file(&folder, "port = PORT\nprot = 1\n[[bmc]]\naddress = \"127.78.0.1\"\nquirks = [\"nope\"]\n");
    let output = run(&["sim", "--fleet", &path, "--emit-config", &folder.path("watch.toml")], "");
    assert_eq!((code(&output), stdout(&output).as_str()), (2, ""));
    let said = stderr(&output);
    assert_eq!(said.lines().count(), 2, "{said}");
    for place in ["2:1: error BMCN-C003", "5:11: error BMCN-C006"] {
        assert!(said.contains(&format!("{path}:{place}")), "{place}: {said}");
    }
    assert!(!std::path::Path::new(&folder.path("watch.toml")).exists());

    let table =
        |address: &str| format!("[[bmc]]\naddress = \"{address}\"\npassword_file = \"/nonexistent/{address}\"\n");
    let (path, _) = file(&folder, &format!("port = PORT\n{}{}", table("127.78.0.1"), table("127.78.0.2")));
    let output = run(&["sim", "--fleet", &path], "");
    assert_eq!(code(&output), 2);
    for address in ["127.78.0.1", "127.78.0.2"] {
        let part = format!("cannot read the password in /nonexistent/{address}");
        assert!(stderr(&output).contains(&part), "{}", stderr(&output));
    }

    for (arguments, exit, said) in [
        (&["--fleet", "/nonexistent"][..], 2, "cannot read /nonexistent"),
        (&["--fleet", "/dev/null", "--user", "root"], 2, "cannot be used with"),
        (&["--emit-config", "-"], 2, "--fleet <FILE>"),
    ] {
        let output = run(&[&["sim"], arguments].concat(), "");
        assert_eq!(code(&output), exit, "{arguments:?}");
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
    }
    let taken = socket();
    let port = taken.local_addr().expect("its address").port();
    let path = folder.file("taken.toml", &format!("port = {port}\n[[bmc]]\naddress = \"127.78.0.1\"\n"));
    let output = run(&["sim", "--fleet", &path], "");
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains(&format!("cannot start the fleet at port {port}")), "{}", stderr(&output));
    let to = folder.path("no/such/folder");
    let (path, _) = file(&folder, YARD);
    let output = run(&["sim", "--fleet", &path, "--emit-config", &to], "");
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains(&format!("cannot write {to}")), "{}", stderr(&output));
}

#[test]
fn one_bmc_has_the_buttons_too() {
    let input = "power off\nstatus\npower reset\npower on\nstatus\nquit\n";
    let output = run(&["sim", "--listen", "127.0.0.1:0", "--control", "--json", "--boot-time", "20min"], input);
    assert_eq!(code(&output), 0);
    assert!(stderr(&output).contains("no power to be reset"), "{}", stderr(&output));
    let events = json(&stdout(&output));
    let told = events.iter().filter(|event| event["event"] == "status").map(|event| event["server"].clone());
    assert_eq!(told.collect::<Vec<_>>(), ["off", "booting"]);
}
