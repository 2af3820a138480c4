//! `bmcnotice run`, `sim` and `send` with each other: the whole street from the command line.
#![cfg(feature = "cli")]

#[path = "peers/mod.rs"]
mod peers;
#[path = "cli/support.rs"]
mod support;

use bmcnotice::wire::snmp::{Message, inform_response};
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use support::{Folder, PATIENCE, Running, code, free, json, program, run, socket, stderr, stdout};

fn event(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// A configuration for loopback, and a journal folder of its own.
fn configuration(folder: &Folder, bmc: SocketAddr, listen: SocketAddr, recovery: &str) -> String {
    let text = std::fs::read_to_string("examples/demo.toml").unwrap();
    let text = text
        .replace("127.0.0.1:9623", &bmc.to_string())
        .replace("127.0.0.1:1162", &listen.to_string())
        .replace("/dev/shm/bmcnotice-demo", &folder.path("journal"))
        .replace("{ command = [\"/usr/bin/env\"] }", recovery);
    let file = folder.file("bmcnotice.toml", &text);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, mode).unwrap();
    file
}

const ENV: &str = "{ command = [\"/usr/bin/env\"] }";

/// A simulated BMC and the daemon that it belongs to.
fn street(folder: &Folder, prepare: impl FnOnce(&mut std::process::Command)) -> (Running, Running, SocketAddr) {
    let listen = free();
    let alert = listen.to_string();
    let arguments = ["sim", "--json", "--control", "--listen", "127.0.0.1:0", "--alert", &alert, "--boot-time", "50ms"];
    let mut sim = Running::start(program().args(arguments).env("BMCNOTICE_SIM_PASSWORD", "password"));
    let opening = event(&sim.line("listening"));
    let bmc: SocketAddr = opening["address"].as_str().unwrap().parse().unwrap();
    let file = configuration(folder, bmc, listen, ENV);
    let mut command = program();
    prepare(command.args(["run", "-c", &file]));
    let mut daemon = Running::start(&mut command);
    daemon.error("the BMC knows that we are armed");
    sim.line("\"armed\"");
    (sim, daemon, listen)
}

#[test]
fn a_fault_runs_the_command_between_started_and_ended() {
    let folder = Folder::new();
    let notify = UnixDatagram::bind(folder.path("notify")).unwrap();
    notify.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut sim, mut daemon, _) = street(&folder, |command| {
        command.env("NOTIFY_SOCKET", folder.path("notify"));
    });
    let mut buffer = [0; 256];
    let length = notify.recv(&mut buffer).unwrap();
    assert!(buffer[..length].starts_with(b"READY=1\nSTATUS="), "{}", buffer[..length].escape_ascii());

    sim.say("fault uncorrectable-memory");
    daemon.error("fatal notice: Memory (sensor 20h): Uncorrectable");
    for variable in [
        "BMCNOTICE_MONITOR=try",
        "BMCNOTICE_SERVER=here",
        "BMCNOTICE_TARGET=nothing",
        "BMCNOTICE_CLASS=fatal",
        "BMCNOTICE_TRUST=address",
        "BMCNOTICE_NOTICE=Memory (sensor 20h)",
        "BMCNOTICE_REGION=",
        "BMCNOTICE_NOTICE_ID=",
        "BMCNOTICE_RECORD=1",
        "BMCNOTICE_TOKEN=",
        "BMCNOTICE_DEADLINE_MS=30000",
    ] {
        daemon.error(variable);
    }
    daemon.error("the BMC knows: recovery ended(done)");
    let mut story = Vec::new();
    while story.last().is_none_or(|last| last != "host_booted") {
        let happened = event(&sim.line("\"event\""));
        story.push(happened["event"].as_str().unwrap().to_owned());
    }
    let place =
        |name: &str| story.iter().position(|event| event == name).unwrap_or_else(|| panic!("{name}: {story:?}"));
    let order =
        ["fault_detected", "trap_sent", "recovery_started", "recovery_ended", "reset", "host_booted"].map(place);
    assert!(order.is_sorted(), "{story:?}");
    // Acknowledged once it is in the journal, but after what is more urgent.
    assert!(place("trap_acknowledged") > place("trap_sent"), "{story:?}");
    sim.say("status");
    assert_eq!(event(&sim.line("status"))["resets"], 1);

    daemon.signal("TERM");
    daemon.error("SIGTERM: ending");
    daemon.error("1 notices");
    assert_eq!(daemon.code(), 0);
    sim.line("disarmed");
    let length = notify.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"STOPPING=1");
    sim.signal("TERM");
    assert_eq!(sim.code(), 0);
}

#[test]
fn a_vendors_trap_recovers_by_its_profile() {
    if !peers::have("a_vendors_trap_recovers_by_its_profile", &["snmptrap"]) {
        return;
    }
    let folder = Folder::new();
    let (mut sim, mut daemon, listen) = street(&folder, |_| {});
    let receiver = format!("udp:{listen}");
    let alert = "1.3.6.1.4.1.674.10892.5.3";
    let send = |number: &str, id: &str, text: &str, status: &str| {
        let [trap, id_name, text_name, status_name, part_name] =
            [&format!("2.1.0.{number}"), "1.1.0", "1.2.0", "1.3.0", "1.6.0"].map(|end| format!("{alert}.{end}"));
        let words = ["-v", "2c", "-c", "public", &receiver, "1000", &trap, &id_name, "s", id, &text_name, "s", text];
        let more = [&*status_name, "i", status, &part_name, "s", "CPU.Socket.1"];
        let done = std::process::Command::new("snmptrap").env("MIBS", "").args(words).args(more).status();
        assert!(done.unwrap().success());
    };
    send("2185", "PSU0003", "The power input for power supply 1 is lost.", "5");
    daemon.error("The power input for power supply 1 is lost; reported by BMC of here");
    send("2241", "CPU0000", "CPU 1 has an internal error (IERR).", "5");
    daemon.error("fatal notice: CPU 1 has an internal error (IERR); reported by BMC of here");
    daemon.error("BMCNOTICE_REGION=CPU.Socket.1");
    daemon.error("the BMC knows: recovery ended(done)");
    daemon.signal("TERM");
    assert_eq!(daemon.code(), 0);
    sim.signal("TERM");
    assert_eq!(sim.code(), 0);
}

#[test]
fn a_trap_sent_three_times_recovers_once_and_is_acknowledged() {
    let folder = Folder::new();
    let (mut sim, mut daemon, listen) = street(&folder, |command| {
        command.env("JOURNAL_STREAM", "8:1234");
    });
    let to = listen.to_string();
    let output = run(&["send", &to, "--repeat", "3", "--interval", "50ms", "--wait"], "");
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert!(stdout(&output).contains("acknowledged: PET Acknowledge from"), "{}", stdout(&output));
    sim.line("recovery_started");
    sim.line("recovery_ended");

    let output = run(&["send", &to, "--inform", "--fault", "psu-lost", "--wait", "--json"], "");
    let heard = json(&stdout(&output));
    assert_eq!(code(&output), 0, "{heard:?}");
    assert!(heard.iter().any(|value| value["what"] == "response to the Inform"), "{heard:?}");

    let output = run(&["send", &to, "--community", "wrong", "--wait", "200ms"], "");
    assert_eq!(code(&output), 3, "{}", stdout(&output));
    assert!(stdout(&output).contains("no acknowledgement"), "{}", stdout(&output));
    assert!(daemon.error("wrong_community").starts_with("<4>"), "the journal's levels");

    daemon.signal("INT");
    let counted = daemon.error("datagrams: ");
    assert!(
        counted.starts_with("<6>") && counted.contains("2 notices, 2 repetitions, 1 dropped; 1 recoveries"),
        "{counted}"
    );
    assert_eq!(daemon.code(), 0);
    let more = sim.rest();
    assert!(!more.iter().any(|line| line.contains("recovery_started")), "{more:#?}");
}

#[test]
fn run_refuses_what_it_cannot_do() {
    let folder = Folder::new();
    let file = configuration(&folder, free(), free(), "\"callback\"");
    let output = run(&["run", "-c", &file], "");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("monitor try") && stderr(&output).contains("command = ["), "{}", stderr(&output));

    let held = socket();
    let file = configuration(&folder, free(), held.local_addr().unwrap(), ENV);
    let output = run(&["run", "-c", &file], "");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains(&format!("process {}", std::process::id())), "{}", stderr(&output));

    let file = folder.file("wrong.toml", "[cluster]\nnom = 1\n[[monitor]]\n");
    let output = run(&["run", "-c", &file], "");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).matches(": error BMCN-C").count() > 2, "all of them at once: {}", stderr(&output));

    let output = run(&["run", "-c", "/does/not/exist"], "");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("/does/not/exist"), "{}", stderr(&output));
}

#[test]
fn send_sends_what_a_bmc_sends() {
    let receiver = socket();
    let to = receiver.local_addr().unwrap().to_string();
    let mut buffer = [0; 2048];
    let output =
        run(&["send", &to, "--repeat", "3", "--interval", "1ms", "--fault", "cpu-ierr", "--sequence", "77"], "");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(stdout(&output).matches("sent to").count(), 3, "{}", stdout(&output));
    let datagrams: Vec<Vec<u8>> = (0..3)
        .map(|_| {
            let (length, _) = receiver.recv_from(&mut buffer).unwrap();
            buffer[..length].to_vec()
        })
        .collect();
    assert!(datagrams.iter().all(|datagram| *datagram == datagrams[0]), "a retransmission is the same datagram");
    let hex: String = datagrams[0].iter().map(|octet| format!("{octet:02x}")).collect();
    let decoded = &json(&stdout(&run(&["decode", "--json", &hex], "")))[0];
    assert_eq!((&decoded["kind"], &decoded["class"]), (&"SNMPv1 Trap".into(), &"fatal".into()), "{decoded:#}");
    assert_eq!((&decoded["pet"]["sequence"], &decoded["pet"]["sensor"]), (&77.into(), &0x10.into()), "{decoded:#}");

    let changed = ["--v2c", "--deassert", "--sensor", "21h", "--severity", "non-critical", "--community", "x"];
    assert_eq!(code(&run(&[&["send", &to][..], &changed].concat(), "")), 0);
    let (length, _) = receiver.recv_from(&mut buffer).unwrap();
    let hex: String = buffer[..length].iter().map(|octet| format!("{octet:02x}")).collect();
    let decoded = &json(&stdout(&run(&["decode", "--json", &hex], "")))[0];
    assert_eq!((&decoded["kind"], &decoded["class"]), (&"SNMPv2c Trap".into(), &"cleared".into()), "{decoded:#}");
    assert_eq!((&decoded["community"], &decoded["pet"]["severity"]), (&"x".into(), &8.into()), "{decoded:#}");
    assert_eq!(decoded["pet"]["sensor"], 0x21);
}

#[test]
fn send_believes_only_the_answer_to_its_own_inform() {
    let receiver = socket();
    let to = receiver.local_addr().unwrap().to_string();
    for (mine, wanted) in [(true, 0), (false, 3)] {
        let sender = std::thread::spawn({
            let to = to.clone();
            move || run(&["send", &to, "--inform", "--sequence", "300", "--wait", "500ms"], "")
        });
        let mut buffer = [0; 2048];
        let (length, from) = receiver.recv_from(&mut buffer).unwrap();
        let mut response = Vec::new();
        assert!(inform_response(&Message::parse(&buffer[..length]).unwrap(), &mut response));
        if !mine {
            let at = response.windows(4).position(|octets| octets == [0x02, 0x02, 0x01, 0x2C]).unwrap();
            response[at + 3] = 0x2D;
        }
        receiver.send_to(&response, from).unwrap();
        let output = sender.join().unwrap();
        assert_eq!(code(&output), wanted, "{}", stdout(&output));
    }
}

#[test]
fn a_simulated_bmc_raises_faults_on_time_on_a_signal_and_on_command() {
    let folder = Folder::new();
    let file = folder.file("password", "secret\n");
    let arguments = ["sim", "--listen", "127.0.0.1:0", "--json", "--password-file", &file];
    let options = ["--fault", "fan-failure", "--after", "50ms", "--fault-on-signal", "USR1", "--control"];
    let mut sim = Running::start(program().args(arguments).args(options));
    sim.line("listening");
    assert_eq!(event(&sim.line("fault_detected"))["sentence"], "fan 1 is critical");
    sim.signal("USR1");
    assert_eq!(event(&sim.line("fault_detected"))["sel_record"], 2);
    sim.say("clear fan-failure");
    sim.line("fault_cleared");
    sim.say("fault bad-luck");
    sim.error("no fault \"bad-luck\"");
    sim.error("uncorrectable-memory");
    sim.say("dance");
    sim.error("not understood: dance");
    sim.say("fault cpu-ierr");
    assert_eq!(event(&sim.line("reset"))["cause"], "for a fatal fault");
    sim.say("quit");
    assert_eq!(sim.code(), 0);
}

#[test]
fn a_simulated_bmc_says_why_it_cannot_begin() {
    let held = socket();
    let output = run(&["sim", "--listen", &held.local_addr().unwrap().to_string()], "");
    assert_eq!(code(&output), 1);
    assert!(
        stderr(&output).contains("cannot listen on") && stderr(&output).contains("--listen"),
        "{}",
        stderr(&output)
    );
    let output = run(&["sim", "--password-file", "/does/not/exist"], "");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("/does/not/exist"), "{}", stderr(&output));
}

#[test]
fn what_happens_to_the_simulated_server_can_happen_to_a_real_one() {
    let folder = Folder::new();
    let story = folder.path("story");
    let program = folder.file("host", &format!("#!/bin/sh\necho \"$# $1\" >> {story}\necho told $1\n"));
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&program, mode).unwrap();
    let arguments = ["sim", "--json", "--control", "--listen", "127.0.0.1:0", "--boot-time", "50ms"];
    let arguments = arguments.iter().copied().chain(["--fatal-action", "power-cycle", "--on-reset", &program]);
    let mut sim = Running::start(self::program().args(arguments));
    sim.line("listening");
    sim.say("fault cpu-ierr"); // nobody is armed
    sim.error("told power-off");
    sim.error("told power-on");
    sim.line("host_booted");
    assert_eq!(std::fs::read_to_string(&story).unwrap(), "1 power-off\n1 power-on\n");

    let arguments = ["sim", "--control", "--listen", "127.0.0.1:0", "--on-reset", "/nonexistent"];
    let mut sim = Running::start(self::program().args(arguments));
    sim.say("fault cpu-ierr");
    sim.error("--on-reset: the program does not run");
    sim.say("quit");
    assert_eq!(sim.code(), 0);
}
