//! `bmcnotice bmc drill` against the real ipmi_sim, which does not know Alert Immediate: that is said, by a daemon and
//! without one.
#![cfg(feature = "cli")]

#[allow(dead_code, reason = "each test program uses its part")]
#[path = "support/ipmi_peer.rs"]
mod ipmi_peer;
#[path = "cli/support.rs"]
mod support;

use ipmi_peer::{Peer, free_address, has_ipmi_sim};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};
use support::{Folder, PATIENCE, Running, code, free, json, program, run, stderr, stdout};

fn configuration(folder: &Folder, peer: &Peer) -> String {
    let text = format!(
        r#"
[cluster]
name = "drilled"
this_server = "server1"
[[server]]
name = "server1"
addresses = ["127.0.0.1"]
[server.bmc]
address = "{}"
user = "ipmiusr"
password = "test"
privilege = "administrator"
handshake = "none"
[[monitor]]
name = "mrw1"
trust = "address"
recovery = {{ command = ["/bin/true"] }}
[monitor.keywords]
server1 = "{}"
[heartbeat]
bmc = false
[journal]
hot = "{}"
disk = false
"#,
        peer.address,
        free(),
        folder.path("journal"),
    );
    let file = folder.file("bmcnotice.toml", &text);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    file
}

#[test]
fn ipmi_sim_cannot_be_drilled_and_that_is_said() {
    if !has_ipmi_sim() {
        return;
    }
    let folder = Folder::new();
    let peer = Peer::ipmi_sim("cli_drill", free_address());
    let file = configuration(&folder, &peer);
    let words = "does not know Alert Immediate: it cannot be drilled";

    let output = run(&["bmc", "drill", "-c", &file], "");
    let text = stdout(&output) + &stderr(&output);
    assert!(code(&output) == 3 && text.contains(words), "without a daemon: {} {text}", code(&output));
    assert!(text.contains("-     the BMC accepted"), "{text}");

    let mut running = Running::start(program().args(["run", "-c", &file]));
    running.error("watching over");
    let end = Instant::now() + PATIENCE;
    while !Path::new(&folder.path("journal/control")).exists() {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = run(&["bmc", "drill", "--json", "-c", &file], "");
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let told = json(&stdout(&output));
    assert_eq!((told[0]["state"].as_str(), told[0]["proven_at_ms"].as_u64()), (Some("failed"), None));
    assert!(told[0]["why"].as_str().unwrap().contains(words), "{}", told[0]);
    running.error(words); // and the log has it
    // A second one at once is refused, which is no verdict on the path.
    let output = run(&["bmc", "drill", "-c", &file], "");
    assert!(code(&output) == 1 && stderr(&output).contains("less than ten seconds ago"), "{}", stderr(&output));
}

/// A simulated BMC that alerts at `alert`, and a configuration that listens at `listen`.
fn simulated(folder: &Folder, alert: &str, listen: &str) -> (Running, String) {
    let arguments = ["sim", "--json", "--control", "--listen", "127.0.0.1:0", "--alert", alert];
    let mut sim = Running::start(program().args(arguments).env("BMCNOTICE_SIM_PASSWORD", "password"));
    let opening = json(&sim.line("listening"));
    let text = std::fs::read_to_string("examples/demo.toml").unwrap();
    let text = text
        .replace("127.0.0.1:9623", opening[0]["address"].as_str().unwrap())
        .replace("127.0.0.1:1162", listen)
        .replace("/dev/shm/bmcnotice-demo", &folder.path("journal"))
        .replace("handshake = \"sel\"", "handshake = \"none\"") // an *armed* would say where traps go
        .replace("privilege = \"operator\"", "privilege = \"administrator\"");
    let file = folder.file("bmcnotice.toml", &text);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    (sim, file)
}

#[test]
fn a_drill_proves_the_path_with_a_daemon_and_without_one() {
    let (folder, listen) = (Folder::new(), free().to_string());
    let (mut sim, file) = simulated(&folder, &listen, &listen);
    let output = run(&["check", &file], "");
    assert!(stdout(&output).contains("BMCN-C542") || stderr(&output).contains("BMCN-C542"), "{}", stdout(&output));

    let output = run(&["bmc", "drill", "-c", &file], "");
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("PROVEN") && text.contains("ms  the notice's callback has returned"), "{text}");
    sim.line("trap_acknowledged");
    let output = run(&["check", &file], "");
    assert!(!(stdout(&output) + &stderr(&output)).contains("BMCN-C54"), "it is proven now");

    let mut daemon = Running::start(program().args(["run", "-c", &file]));
    daemon.error("session open");
    let output = run(&["bmc", "drill", "--json", "-c", &file], "");
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    let told = &json(&stdout(&output))[0];
    assert_eq!((told["state"].as_str(), told["own_event"].as_bool()), (Some("proven"), Some(true)), "{told}");
    let step = |key: &str| told[key].as_u64().unwrap_or_else(|| panic!("{key}: {told}"));
    let way = ["received_us", "journalled_us", "delivered_us"].map(step);
    assert!(way.is_sorted() && step("asked_us") <= step("accepted_us"), "{told}");
    daemon.error("drill: PROVEN");
    daemon.signal("TERM");
    assert_eq!(daemon.code(), 0);
    let output = run(&["journal", "-c", &file], "");
    assert_eq!(stdout(&output).matches("a drill proved the path in").count(), 2, "{}", stdout(&output));
}

#[test]
fn a_trap_that_goes_elsewhere_is_said_with_likely_reasons() {
    let folder = Folder::new();
    let (_sim, file) = simulated(&folder, &free().to_string(), &free().to_string());
    let output = run(&["bmc", "drill", "-c", &file], "");
    let text = stdout(&output);
    assert!(code(&output) == 3 && text.contains("no trap came within 10 s"), "{text}{}", stderr(&output));
    assert!(text.contains("Likely reasons") && text.contains("-     its trap was received"), "{text}");
}
