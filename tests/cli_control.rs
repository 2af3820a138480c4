//! The operator's commands at a running daemon: held, released, cancelled, cleared, in maintenance, reloaded; and
//! clients that say nothing, too much, or nonsense.
#![cfg(feature = "cli")]

#[path = "cli/daemon.rs"]
mod daemon;
#[path = "cli/support.rs"]
mod support;

use daemon::{Daemon, configuration};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use support::{Folder, PATIENCE, Running, code, free, json, program, run, stderr, stdout};

#[test]
fn maintenance_holds_and_the_operator_releases() {
    let mut daemon = Daemon::new("true");
    daemon.wants(&["maintenance", "status"], 3, "maintenance is off");
    daemon.wants(&["maintenance", "on"], 0, "maintenance is on: recoveries are held");
    daemon.running.error("maintenance is ON");
    daemon.wants(&["maintenance", "status"], 0, "maintenance is on");
    let output = daemon.ask(&["maintenance", "status", "--json"]);
    let said = &json(&stdout(&output))[0];
    assert_eq!((&said["version"], &said["ok"], &said["maintenance"]), (&1.into(), &true.into(), &true.into()));

    daemon.fault();
    daemon.running.error("held: maintenance is on");
    let open = run(&["journal", "--open", "-c", &daemon.file], "");
    assert!(stdout(&open).contains("HELD") && stdout(&open).ends_with("1 record, 1 open\n"), "{}", stdout(&open));
    daemon.wants(&["release", "77"], 3, "over, or never was");

    // It outlives the daemon, and so does what is held.
    daemon.running.signal("TERM");
    assert_eq!(daemon.running.code(), 0);
    assert!(!std::path::Path::new(&daemon.socket()).exists());
    daemon.wants(&["maintenance", "status"], 1, "no daemon runs there");
    daemon.running = Running::start(program().args(["run", "-c", &daemon.file]));
    daemon.running.error("maintenance is ON, as it was before this start");
    daemon.until("the socket", || std::path::Path::new(&daemon.socket()).exists());
    daemon.wants(&["maintenance", "off"], 0, "maintenance is off");
    daemon.wants(&["release", "1"], 0, "record 1 is released");
    daemon.running.error("the recovery is done");
    daemon.running.error("the BMC may reset the server now");
    daemon.wants(&["release", "1"], 3, "not held");
    daemon.wants(&["clear", "1"], 0, "the fault of record 1 is over");
    daemon.running.error("closed: ");
    daemon.wants(&["cancel", "1"], 3, "over, or never was");
    let journal = json(&stdout(&run(&["journal", "--record", "1", "--json", "-c", &daemon.file], "")));
    let record = journal.iter().find(|value| value["event"] == "record").unwrap();
    let steps: Vec<&str> =
        record["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert!(steps.contains(&"held") && steps.contains(&"released") && steps.contains(&"closed"), "{steps:?}");
}

#[test]
fn a_recovery_that_runs_is_cancelled_and_nothing_of_it_is_left() {
    let mut daemon = Daemon::new("echo began; exec sleep 300");
    daemon.fault();
    daemon.running.error("command: began");
    daemon.wants(&["clear", "1"], 3, "the recovery runs");
    daemon.wants(&["cancel", "1"], 0, "record 1 is cancelled");
    daemon.running.error("cancelled by the operator");
    daemon.running.error("killed by signal 15");
}

#[test]
fn a_reload_in_the_middle_holds_after_the_recovery() {
    let folder = Folder::new();
    let go = folder.path("go");
    let mut daemon = Daemon::new(&format!("echo began; while [ ! -e {go} ]; do sleep 0.05; done"));
    daemon.wants(&["reload"], 0, "the configuration was reloaded");

    // A bad one changes nothing, and is printed with its places.
    let good = std::fs::read_to_string(&daemon.file).unwrap();
    std::fs::write(&daemon.file, good.replace("trust = \"address\"", "trust = \"blind\"")).unwrap();
    let output = daemon.ask(&["reload"]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains("bmcnotice.toml:") && stderr(&output).contains("Remedy"), "{}", stderr(&output));
    let callback = good.split("recovery = {").next().unwrap().to_owned() + "recovery = \"callback\"\n";
    let rest = good.split_once("recovery = {").unwrap().1.split_once('\n').unwrap().1.to_owned();
    std::fs::write(&daemon.file, callback + &rest).unwrap();
    daemon.wants(&["reload"], 3, "the command line has none");

    daemon.fault();
    daemon.running.error("command: began");
    std::fs::write(&daemon.file, good.replace("echo began", "echo changed")).unwrap();
    let output = daemon.ask(&["reload", "--json"]);
    assert_eq!((code(&output), &json(&stdout(&output))[0]["code"]), (0, &"later".into()));
    daemon.running.error("a reload waits for the recovery of monitor");
    std::fs::write(&go, "").unwrap();
    daemon.running.error("the recovery is done");
    daemon.running.error("the configuration was reloaded");

    // By the signal, too; and the changed command is the one that runs.
    daemon.running.signal("HUP");
    daemon.running.error("SIGHUP: the configuration is read again");
    daemon.running.error("the configuration was reloaded");
    daemon.wants(&["cancel", "1"], 0, "record 1 is cancelled");
    daemon.fault();
    daemon.running.error("held: the last recovery is over only a moment ago"); // that was not forgotten
    daemon.wants(&["release", "2"], 0, "record 2 is released");
    daemon.running.error("command: changed");
    daemon.running.signal("TERM");
    assert_eq!(daemon.running.code(), 0);
}

#[test]
fn silent_talkative_and_foreign_clients_block_nobody() {
    let daemon = Daemon::new("true");
    let mode = |path: &str| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&daemon.socket()), mode(&daemon.folder.path("journal"))), (0o600, 0o700));
    let mut silent: Vec<UnixStream> = (0..100).map(|_| UnixStream::connect(daemon.socket()).unwrap()).collect();
    for client in &mut silent {
        let _ = client.write_all(b"{\"version\":1,");
    }
    daemon.wants(&["maintenance", "status"], 3, "maintenance is off");

    for line in [&b"[".repeat(5000)[..], b"\x00\xff\xfe\n", b"\n", b"{}\n", b"{\"version\":1,\"command\":\"dance\"}\n"]
    {
        let mut client = UnixStream::connect(daemon.socket()).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = client.write_all(line); // it may hang up before all is said
        let mut said = String::new();
        let _ = client.read_to_string(&mut said);
        assert!(said.contains("\"code\":\"wrong\"") && said.ends_with('\n'), "{said}");
    }
    // One that says half a line is given up in time, and the daemon sleeps then.
    let mut half = UnixStream::connect(daemon.socket()).unwrap();
    half.write_all(b"{").unwrap();
    half.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(half.read(&mut [0; 10]).unwrap_or(0), 0);
    drop(silent);
    daemon.wants(&["maintenance", "status"], 3, "maintenance is off");
    let before = daemon.used();
    std::thread::sleep(Duration::from_secs(1));
    assert!(daemon.used() - before < 20, "it does not spin: {} ticks", daemon.used() - before);

    // A second daemon with the same folder does not take the socket away.
    let second = configuration(&daemon.folder, free(), "true");
    let mut other = Running::start(program().args(["run", "-c", &second]));
    other.error("no control socket: another process listens there");
    daemon.wants(&["maintenance", "status"], 3, "maintenance is off");
}

#[test]
fn without_a_daemon_every_command_says_so() {
    let folder = Folder::new();
    for words in [["release", "1"], ["cancel", "1"], ["clear", "1"], ["maintenance", "on"]] {
        let output = run(&[&words[..], &["--socket", &folder.path("control")]].concat(), "");
        assert_eq!(code(&output), 1);
        assert!(stderr(&output).contains("no daemon runs there"), "{}", stderr(&output));
    }
    assert_eq!(code(&run(&["reload", "-c", &folder.path("none")], "")), 2);
    assert_eq!(code(&run(&["release", "one"], "")), 2);
    let file = folder.file("bmcnotice.toml", "[journal]\nhot = false\n");
    let output = run(&["reload", "-c", &file], "");
    assert!(code(&output) == 1 && stderr(&output).contains("no socket"), "{}", stderr(&output));
}
