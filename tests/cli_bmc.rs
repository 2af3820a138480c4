//! `bmcnotice bmc audit`, `setup` and `pin` at a simulated BMC in a process of its own, and at `ipmi_sim`.
#![cfg(feature = "cli")]

#[path = "cli/support.rs"]
mod support;

#[allow(dead_code, reason = "each test program uses its part")]
#[path = "support/ipmi_peer.rs"]
mod ipmi_peer;

use ipmi_peer::{Peer, free_address, has_ipmi_sim};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Output};
use std::time::Duration;
use support::{Folder, Running, code, free, json, program, run, stderr, stdout};

const GUID: &str = "6c696262-6d63-4e6f-8169-636500000001";
const OTHER_GUID: &str = "6c696262-6d63-4e6f-8169-636500000002";

/// A simulated BMC that nobody has set up.
fn simulated(folder: &Folder, guid: &str, trap_port: u16, more: &[&str]) -> (Running, SocketAddr) {
    simulated_at(folder, "127.0.0.1:0", guid, trap_port, more)
}

fn simulated_at(folder: &Folder, at: &str, guid: &str, trap_port: u16, more: &[&str]) -> (Running, SocketAddr) {
    let other = format!("hand:operator:{}", folder.file("hand.password", "handpass"));
    let trap_port = trap_port.to_string();
    let arguments = ["sim", "--json", "--control", "--listen", at, "--guid", guid, "--boot-time", "50ms"];
    let mut command = program();
    command.args(arguments).args(["--trap-port", &trap_port, "--other-user", &other]).args(more);
    let mut sim = Running::start(command.env("BMCNOTICE_SIM_PASSWORD", "password"));
    let opening: serde_json::Value = serde_json::from_str(&sim.line("listening")).unwrap();
    (sim, opening["address"].as_str().unwrap().parse().unwrap())
}

/// The demo's configuration with this BMC, a community of its own, and an operator.
fn configuration(folder: &Folder, bmc: SocketAddr, listen: SocketAddr) -> String {
    let text = std::fs::read_to_string("examples/demo.toml").unwrap();
    let text = text
        .replace("127.0.0.1:9623", &bmc.to_string())
        .replace("127.0.0.1:1162", &listen.to_string())
        .replace("/dev/shm/bmcnotice-demo", &folder.path("journal"))
        .replace("user = \"admin\"", "user = \"admin\"\ncommunity = \"hush\"");
    write(folder, &text)
}

fn write(folder: &Folder, text: &str) -> String {
    let file = folder.file("bmcnotice.toml", text);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    file
}

fn edit(file: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(file, text.replace(from, to)).unwrap();
}

fn bmc(arguments: &[&str], file: &str) -> Output {
    let mut all = vec!["bmc", arguments[0], "-c", file];
    all.extend(&arguments[1..]);
    run(&all, "")
}

/// The one JSON object that is printed.
fn object(output: &Output) -> serde_json::Value {
    let mut lines = json(&stdout(output));
    assert_eq!(lines.len(), 1, "{output:?}");
    lines.remove(0)
}

fn ids(audit: &serde_json::Value) -> Vec<String> {
    let findings = audit["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_page_fits_the_screen() {
    for command in ["audit", "setup", "pin"] {
        let output = run(&["bmc", command, "--help"], "");
        let text = stdout(&output);
        assert!(code(&output) == 0 && text.contains("Usage: bmcnotice bmc"), "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{command}: {line}");
        }
    }
}

#[test]
fn audit_finds_setup_mends_and_a_fault_then_reaches_the_daemon() {
    let (folder, listen) = (Folder::new(), free());
    let (mut sim, address) = simulated(&folder, GUID, listen.port(), &[]);
    let file = configuration(&folder, address, listen);

    let audit = bmc(&["audit", "--json"], &file);
    assert_eq!(code(&audit), 3, "{}", stderr(&audit));
    let found = object(&audit);
    assert_eq!((&found["reaches"], &found["identity_matched"]), (&"no".into(), &true.into()), "{found}");
    for id in ["BMCN-A020", "BMCN-A026", "BMCN-A027"] {
        assert!(ids(&found).contains(&id.to_owned()), "{id}: {found}");
    }
    let text = bmc(&["audit"], &file);
    for words in ["none of its 4 destinations is set", "Would a fatal notice reach this monitor? no", "BMCN-A020"] {
        assert!(stdout(&text).contains(words), "{}", stdout(&text));
    }
    assert!(!stdout(&text).contains("hush") && !stdout(&text).contains("public"), "a community is not shown");

    let shown = bmc(&["setup", "--json"], &file);
    assert_eq!(code(&shown), 3);
    let changes = object(&shown)["changes"].as_array().unwrap().len();
    assert!(changes >= 3);
    assert_eq!(object(&bmc(&["setup", "--json"], &file)), object(&shown), "looking changes nothing");
    let written = bmc(&["setup", "--write"], &file);
    assert_eq!(code(&written), 0, "{}{}", stdout(&written), stderr(&written));
    assert!(stdout(&written).contains(&format!("{changes} of {changes} changes written; read again")));
    let again = bmc(&["setup", "--write", "--json"], &file);
    assert_eq!((code(&again), object(&again)["changes"].as_array().unwrap().len()), (0, 0));

    let audit = bmc(&["audit", "--json", "--privilege", "administrator"], &file);
    let found = object(&audit);
    assert_eq!((code(&audit), &found["reaches"], &found["errors"]), (0, &"yes".into(), &0.into()), "{found}");
    assert_eq!((&found["retry_span_s"], &found["blocked_by"]), (&35.into(), &serde_json::json!([])));

    let mut daemon = Running::start(program().args(["run", "-c", &file]));
    daemon.error("the BMC knows that we are armed");
    sim.say("fault uncorrectable-memory");
    daemon.error("fatal notice: Memory (sensor 20h): Uncorrectable");
    daemon.error("the BMC knows: recovery ended(done)");
    daemon.signal("TERM");
    assert_eq!(daemon.code(), 0);
}

#[test]
fn every_session_is_closed_even_when_interrupted() {
    let (folder, listen) = (Folder::new(), free());
    let (mut sim, address) = simulated(&folder, GUID, listen.port(), &["--quirk", "slow-answers=150ms"]);
    let file = configuration(&folder, address, listen);
    let mut audit = Running::start(program().args(["bmc", "audit", "-c", &file]));
    sim.line("session_opened");
    std::thread::sleep(Duration::from_millis(300));
    audit.signal("INT");
    audit.error("interrupted by SIGINT");
    assert_eq!(audit.code(), 1);
    sim.line("session_closed");
}

#[test]
fn setup_says_who_must_be_administrator() {
    let (folder, listen) = (Folder::new(), free());
    let (_sim, address) = simulated(&folder, GUID, listen.port(), &[]);
    let file = configuration(&folder, address, listen);
    edit(&file, "user = \"admin\"", "user = \"hand\"");
    edit(&file, "password = \"password\"", "password = \"handpass\"");
    let setup = bmc(&["setup"], &file);
    assert_eq!(code(&setup), 1);
    for words in ["the user may not have this privilege", "user hand must be an administrator of the BMC"] {
        assert!(stderr(&setup).contains(words), "{}", stderr(&setup));
    }
    // The audit asks with what there is, and says what that does not suffice for.
    let audit = object(&bmc(&["audit", "--json"], &file));
    assert!(ids(&audit).contains(&"BMCN-A002".to_owned()), "{audit}");
}

#[test]
fn nothing_is_asked_of_another_systems_bmc_and_nothing_written_to_an_unknown_one() {
    let (folder, listen) = (Folder::new(), free());
    let (_sim, address) = simulated_at(&folder, "127.0.0.61:0", OTHER_GUID, listen.port(), &[]);
    let file = configuration(&folder, address, listen);
    for arguments in [&["audit"][..], &["setup", "--write", "--force"]] {
        let refused = bmc(arguments, &file);
        assert_eq!(code(&refused), 1);
        let why = format!("this is another system's BMC: its GUID is {OTHER_GUID}");
        assert!(stderr(&refused).contains(&why), "{}", stderr(&refused));
    }
    // Of another server's BMC, so that this host's own GUID does not speak for it.
    let text = std::fs::read_to_string(&file).unwrap();
    let other = format!(
        "[[server]]\nname = \"there\"\naddresses = [\"127.0.0.9\"]\n\n[server.bmc]\naddress = \"{address}\"\nuser = \"admin\"\n\
         password = \"password\"\n\n[[monitor]]"
    );
    let text = text
        .replace("[[monitor]]", &other)
        .replace("[heartbeat]", "[heartbeat]\nlan = true")
        .replace(&format!("address = \"{address}\"           #"), "address = \"127.0.0.64:9\" #")
        .replace("keywords = { here", &format!("keywords = {{ there = \"127.0.0.9:{}\", here", listen.port()));
    let file = write(&folder, &text);
    let there = ["setup", "--server", "there"];
    let shown = bmc(&there, &file);
    assert_eq!(code(&shown), 3, "{}{}", stdout(&shown), stderr(&shown));
    let refused = bmc(&[&there[..], &["--write"]].concat(), &file);
    assert_eq!(code(&refused), 1, "{}", stdout(&refused));
    assert!(stderr(&refused).contains("nothing is written to it"), "{}", stderr(&refused));
    assert_eq!(stdout(&bmc(&there, &file)), stdout(&shown), "and nothing was");
    let forced = bmc(&[&there[..], &["--write", "--force"]].concat(), &file);
    assert_eq!(code(&forced), 0, "{}{}", stdout(&forced), stderr(&forced));

    let unknown = bmc(&["audit", "--server", "nowhere"], &file);
    assert_eq!(code(&unknown), 2);
    assert!(stderr(&unknown).contains("there is no server nowhere"), "{}", stderr(&unknown));
}

#[test]
fn a_bmc_without_pef_is_told_as_such() {
    let (folder, listen) = (Folder::new(), free());
    let (_sim, address) = simulated(&folder, GUID, listen.port(), &["--quirk", "no-pef"]);
    let file = configuration(&folder, address, listen);
    let audit = bmc(&["audit"], &file);
    assert_eq!(code(&audit), 3);
    assert!(stdout(&audit).contains("not told: PEF control (this BMC does not know it"), "{}", stdout(&audit));
    let setup = bmc(&["setup", "--write"], &file);
    assert!(stdout(&setup).contains("Cannot be set:"), "{}", stdout(&setup));
    assert_eq!(code(&setup), 3, "what can be written was, and the rest is said: {}", stdout(&setup));
}

#[test]
fn open_doors_are_found() {
    let (folder, listen) = (Folder::new(), free());
    let quirks = ["suite-0", "null-user", "logging-off", "sel-full"].map(|quirk| ["--quirk", quirk]).concat();
    let (_sim, address) = simulated(&folder, GUID, listen.port(), &quirks);
    let file = configuration(&folder, address, listen);
    let audit = object(&bmc(&["audit", "--json"], &file));
    for id in ["BMCN-A060", "BMCN-A063", "BMCN-A052", "BMCN-A050"] {
        assert!(ids(&audit).contains(&id.to_owned()), "{id}: {audit}");
    }
}

#[test]
fn guids_are_learnt_compared_and_written_between_the_comments() {
    let (folder, listen) = (Folder::new(), free());
    let (_one, first) = simulated_at(&folder, "127.0.0.61:0", GUID, listen.port(), &[]);
    let (_two, second) = simulated_at(&folder, "127.0.0.62:0", OTHER_GUID, listen.port(), &[]);
    let server = |name: &str, number: u8, address: SocketAddr| {
        format!(
            "[[server]]           # {name}\nname = \"{name}\"\naddresses = [\"127.0.0.{number}\"]\n\n[server.bmc]\n\
             address = \"{address}\"   # its web console\nuser = \"admin\"\npassword = \"password\"\nprivilege = \"operator\"\n\n"
        )
    };
    let rest = "[[monitor]]\nname = \"m\"\ntrust = \"address\"\nrecovery = { command = [\"/bin/true\"] }\n\
                keywords = { a = \"127.0.0.1:1162\", b = \"127.0.0.2:1162\" } # both\n\n[heartbeat]\nlan = true\n";
    let head = "# keep me\n[cluster]\nname = \"c\"\nthis_server = \"b\"\n\n";
    let text = [head, &server("a", 1, first), &server("b", 2, second), rest].concat();
    let file = write(&folder, &text);

    let shown = bmc(&["pin", "--server", "a"], &file);
    assert_eq!(code(&shown), 0, "{}{}", stdout(&shown), stderr(&shown));
    assert!(stdout(&shown).contains(&format!("guid = \"{GUID}\"")) && !stdout(&shown).contains(OTHER_GUID));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "nothing was written");

    assert_eq!(code(&bmc(&["pin", "--server", "a", "--write"], &file)), 0);
    let line = format!("# its web console\nguid = \"{GUID}\"\nuser");
    let expected = text.replacen("# its web console\nuser", &line, 1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
    assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    let again = bmc(&["pin", "--server", "a", "--json", "--write"], &file);
    assert_eq!((&object(&again)["state"], &object(&again)["written"]), (&"pinned".into(), &false.into()));

    // Another board answers at the address: said, and only replaced when it is meant.
    edit(&file, GUID, "00112233-4455-6677-8899-aabbccddeeff");
    let before = std::fs::read_to_string(&file).unwrap();
    let differs = bmc(&["pin", "--server", "a", "--write"], &file);
    assert_eq!(code(&differs), 3);
    assert!(stdout(&differs).contains("another address, or another board?"), "{}", stdout(&differs));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    assert_eq!(code(&bmc(&["pin", "--server", "a", "--write", "--replace"], &file)), 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
    let leftovers = std::fs::read_dir(folder.path(".")).unwrap();
    let leftovers: Vec<_> = leftovers.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!leftovers.iter().any(|name| name.contains(".new-")), "{leftovers:?}");
}

#[test]
fn guids_that_prove_nothing_are_refused() {
    let (folder, listen) = (Folder::new(), free());
    let (_one, first) = simulated_at(&folder, "127.0.0.61:0", GUID, listen.port(), &[]);
    let (_two, second) = simulated_at(&folder, "127.0.0.62:0", GUID, listen.port(), &[]);
    let (_three, third) = simulated_at(&folder, "127.0.0.63:0", OTHER_GUID, listen.port(), &["--quirk", "zero-guid"]);
    let text = std::fs::read_to_string("examples/demo.toml").unwrap();
    let text = text.replace("guid = ", "# guid = ").replace("127.0.0.1:9623", &first.to_string());
    let more: String = [("peer", 2, second), ("zero", 3, third)]
        .map(|(name, number, address)| {
            format!(
                "[[server]]\nname = \"{name}\"\naddresses = [\"127.0.0.{number}\"]\n\n[server.bmc]\naddress = \"{address}\"\n\
                 user = \"admin\"\npassword = \"password\"\n\n"
            )
        })
        .concat();
    let keywords = "keywords = { peer = \"127.0.0.2:1162\", zero = \"127.0.0.3:1162\", here";
    let text = text.replace("[[monitor]]", &format!("{more}[[monitor]]")).replace("keywords = { here", keywords);
    let text = text.replace("after_ended = \"bmc\"", "after_ended = \"none\"").replace("patience = ", "# patience = ");
    let text = text.replace("[heartbeat]", "[heartbeat]\nlan = true");
    let file = write(&folder, &text);
    let refused = bmc(&["pin", "--json", "--write"], &file);
    assert_eq!(code(&refused), 3, "{}{}", stdout(&refused), stderr(&refused));
    let states: Vec<String> =
        json(&stdout(&refused)).iter().map(|line| line["state"].as_str().unwrap().to_owned()).collect();
    // Where this host's firmware has a GUID, "here" is found not to be this host's before it is found shared.
    assert!(["shared", "not_this_host"].contains(&states[0].as_str()), "{states:?}");
    assert_eq!(states[1..], ["shared", "unspecified"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "nothing was written");
}

#[test]
fn what_setup_writes_is_what_ipmitool_reads() {
    let (folder, listen) = (Folder::new(), free());
    if !ipmi_peer::peer("ipmitool", Command::new("ipmitool").arg("-V").output().is_ok()) {
        return;
    }
    let (_sim, address) = simulated(&folder, GUID, listen.port(), &[]);
    let file = configuration(&folder, address, listen);
    assert_eq!(code(&bmc(&["setup", "--write"], &file)), 0);
    let ipmitool = |arguments: &[&str]| {
        let mut command = Command::new("ipmitool");
        command.args(["-I", "lanplus", "-H", "127.0.0.1", "-p", &address.port().to_string(), "-C", "3"]);
        command.args(["-R", "1", "-N", "2", "-U", "admin", "-E"]).args(arguments).env("IPMI_PASSWORD", "password");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let alert = ipmitool(&["lan", "alert", "print", "1", "1"]);
    for line in [
        "Alert Destination       : 1",
        "Alert Acknowledge       : Acknowledged",
        "Destination Type        : PET Trap",
        "Acknowledge Timeout     : 4", // from 0: 5 s
        "Number of Retries       : 7",
        "Alert IP Address        : 127.0.0.1",
    ] {
        assert!(alert.contains(line), "{line}\n{alert}");
    }
    let lan = ipmitool(&["lan", "print", "1"]);
    assert!(lan.contains("SNMP Community String   : hush"), "{lan}");
}

#[test]
fn ipmi_sim_is_audited_truthfully() {
    let folder = Folder::new();
    if !has_ipmi_sim() {
        return;
    }
    let (peer, listen) = (Peer::ipmi_sim("audit", free_address()), free());
    let file = configuration(&folder, peer.address, listen);
    edit(&file, "user = \"admin\"", "user = \"ipmiusr\"");
    edit(&file, "password = \"password\"", "password = \"test\"");
    edit(&file, GUID, "00112233-4455-6677-8899-aabbccddeeff");
    let audit = bmc(&["audit", "--json", "--privilege", "administrator"], &file);
    assert_eq!(code(&audit), 3, "{}", stderr(&audit));
    let found = object(&audit);
    // It has PEF and LAN parameters of a kind: all off, no destination at all, a clock from 0.
    for id in ["BMCN-A010", "BMCN-A011", "BMCN-A020", "BMCN-A053"] {
        assert!(ids(&found).contains(&id.to_owned()), "{id}: {found:#}");
    }
    let findings = found["findings"].as_array().unwrap();
    let silent = findings.iter().find(|finding| finding["id"] == "BMCN-A002").expect("what it does not tell");
    let subject = silent["subject"].as_str().unwrap();
    for untold in [
        "the postpone timer (this BMC does not know it: unknown command (C1h))",
        "the last event",
        "the name of user 1 ",
    ] {
        assert!(subject.contains(untold), "{subject}");
    }
    let setup = bmc(&["setup", "--write"], &file);
    assert!(stdout(&setup).contains("the BMC has no alert destinations"), "{}{}", stdout(&setup), stderr(&setup));
    // It says that it took the community, and does not keep it: only reading again shows that.
    assert!(stdout(&setup).contains("still not so:\n  community:"), "{}", stdout(&setup));
    assert_eq!(code(&setup), 1, "{}", stdout(&setup));
    let after = object(&bmc(&["audit", "--json"], &file));
    assert!(!ids(&after).contains(&"BMCN-A010".to_owned()), "PEF was switched on: {after:#}");
}
