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
