//! `bmcnotice ended`: the BMC hears of a recovery's end though the daemon died in its middle, as in a crash kernel.
#![cfg(feature = "cli")]

#[path = "cli/support.rs"]
mod support;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;
use support::{Folder, PATIENCE, Running, code, free, json, program, run, stderr, stdout};

fn configuration(folder: &Folder, bmc: SocketAddr, listen: SocketAddr) -> String {
    let text = std::fs::read_to_string("examples/demo.toml").unwrap();
    let text = text
        .replace("127.0.0.1:9623", &bmc.to_string())
        .replace("127.0.0.1:1162", &listen.to_string())
        .replace("/dev/shm/bmcnotice-demo", &folder.path("hot"))
        .replace("disk = false", &format!("disk = \"{}\"", folder.path("disk")))
        .replace("{ command = [\"/usr/bin/env\"] }", "{ command = [\"/bin/sleep\", \"60\"] }");
    let file = folder.file("bmcnotice.toml", &text);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    file
}

#[test]
fn the_end_of_a_recovery_is_told_from_the_copy_on_disk() {
    let (folder, listen) = (Folder::new(), free());
    let alert = listen.to_string();
    let arguments = ["sim", "--json", "--control", "--listen", "127.0.0.1:0", "--alert", &alert, "--boot-time", "50ms"];
    let mut sim = Running::start(program().args(arguments).env("BMCNOTICE_SIM_PASSWORD", "password"));
    let opening: serde_json::Value = serde_json::from_str(&sim.line("listening")).unwrap();
    let bmc: SocketAddr = opening["address"].as_str().unwrap().parse().unwrap();
    let file = configuration(&folder, bmc, listen);
    let ended = |more: &[&str]| run(&[&["ended", "-c", &file], more].concat(), "");

    let output = ended(&[]);
    assert!(code(&output) == 3 && stderr(&output).contains("no recovery waits for its end"), "{}", stderr(&output));

    let mut daemon = Running::start(program().args(["run", "-c", &file]));
    daemon.error("the BMC knows that we are armed");
    sim.say("fault uncorrectable-memory");
    daemon.error("the BMC knows: recovery started");
    let output = ended(&[]);
    assert!(code(&output) == 1 && stderr(&output).contains("the daemon runs"), "{}", stderr(&output));

    // The kernel panics: the daemon is gone, and what lay on tmpfs with it.
    let copy = folder.path("disk/journal");
    let end = Instant::now() + PATIENCE;
    let copied = || {
        let mut hot = std::fs::read(folder.path("hot/journal")).unwrap();
        hot.truncate(hot.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1));
        std::fs::read(&copy).is_ok_and(|copy| copy == hot)
    };
    while !copied() {
        assert!(Instant::now() < end, "the copy");
    }
    daemon.signal("KILL");
    daemon.child.wait().unwrap();
    std::fs::remove_dir_all(folder.path("hot")).unwrap();
    let before = std::fs::read(&copy).unwrap();

    // Where in-band is the only road, it is the one that is tried, without a login and without waiting for a driver.
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("user = \"admin\""));
    let inside = format!("link = \"in_band\"\ndevice = \"{copy}\"\n# user");
    let inside = folder.file("inside.toml", &text.replace("user = \"admin\"", &inside).replace("password = ", "# "));
    let output = run(&["ended", "-c", &inside, "--patience", "5min"], "");
    let said = stderr(&output);
    assert!(code(&output) == 1 && said.contains("does NOT know") && said.contains("in-band: "), "{said}");

    let output = ended(&["--outcome", "failed", "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let told = &json(&stdout(&output))[0];
    assert_eq!(
        (told["record"].as_u64(), told["outcome"].as_str(), told["told"].as_bool()),
        (Some(1), Some("failed"), Some(true))
    );
    let heard: serde_json::Value = serde_json::from_str(&sim.line("recovery_ended")).unwrap();
    assert_eq!(heard["outcome"], "failed", "{heard}");
    assert_eq!(std::fs::read(&copy).unwrap(), before, "the copy is as it was");
}

#[test]
fn a_bmc_that_does_not_answer_is_said() {
    let (folder, listen) = (Folder::new(), free());
    let file = configuration(&folder, "127.0.0.1:9".parse().unwrap(), listen);
    let output = run(&["ended", "-c", &file, "--record", "7"], "");
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let output = run(&["ended", "-c", "/nonexistent"], "");
    assert_eq!(code(&output), 1, "{}", stderr(&output));
}
