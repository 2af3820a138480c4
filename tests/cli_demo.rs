//! `bmcnotice demo`: its story, and that it tells when a step was not done.
#![cfg(feature = "cli")]

#[path = "cli/support.rs"]
mod support;

use std::net::{Ipv4Addr, UdpSocket};
use support::{Running, code, json, program, run, stderr, stdout};

/// Lines of one screen.
const SCREEN: usize = 42;

fn left_behind() -> Vec<String> {
    let folders = std::fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    folders
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|n| n.starts_with("bmcnotice-demo-"))
        .collect()
}

#[test]
fn the_demonstration_tells_its_story_on_one_screen() {
    let output = run(&["demo"], "");
    let text = stdout(&output);
    assert_eq!((code(&output), stderr(&output)), (0, String::new()), "{text}");
    assert!(!text.contains('\x1b'), "no colour without a terminal");
    assert!(text.lines().count() <= SCREEN, "{} lines:\n{text}", text.lines().count());
    for line in text.lines() {
        assert!(line.chars().count() <= 100 && line.is_ascii(), "{line}");
    }
    let mut rest = &text[..];
    for part in [
        "examples/seed.toml",
        "BMC heartbeat as server2 sees it, before",
        "group failover1 runs on server1",
        "\n  0",
        "armed",
        "\n  1 ",
        "uncorrectable memory error",
        "\n  2 ",
        "SNMP trap 1",
        "\n  3 ",
        "record 1",
        "\n  4 ",
        "recovery started",
        "\n  5 ",
        "stop failover1",
        "done: failover1 runs on server2",
        "\n  6 ",
        "recovery ended (done)",
        "\n  7 ",
        "off",
        "sees by the BMC heartbeat that server1 is off",
        "on again",
        "BMC heartbeat as server2 sees it, after",
        "group failover1 runs on server2",
        "\nOK: ",
    ] {
        let at = rest.find(part).unwrap_or_else(|| panic!("no \"{part}\" in its place:\n{text}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn the_demonstration_as_json_says_the_same() {
    let output = run(&["demo", "--json", "--recovery-takes", "50ms"], "");
    let [value] = &json(&stdout(&output))[..] else { panic!("one object") };
    assert_eq!((code(&output), &value["ok"]), (0, &true.into()), "{value:#}");
    let steps = value["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 8);
    for (number, step) in steps.iter().enumerate() {
        assert_eq!((&step["step"], &step["done"]), (&number.into(), &true.into()), "{step:#}");
    }
    let time = |step: usize| steps[step]["said"][0]["after_fault_us"].as_i64().unwrap();
    assert!(time(0) < 0 && time(1) == 0 && time(3) < time(4) && time(4) < time(6) && time(6) <= time(7), "{value:#}");
    assert!(time(6) - time(5) >= 50_000, "the recovery took its time: {value:#}");
    let server1 = |when: &str| value["heartbeat"][when][0].clone();
    assert_eq!((&server1("before")["verdict"], &server1("before")["restarts"]), (&"powered".into(), &0.into()));
    assert_eq!((&server1("after")["verdict"], &server1("after")["restarts"]), (&"powered".into(), &1.into()));
}

#[test]
fn a_bmc_without_patience_is_a_failed_step() {
    let output = run(&["demo", "--patience", "30ms"], "");
    let text = stdout(&output);
    assert_eq!(code(&output), 1, "{text}");
    assert!(text.contains("WRONG") && text.contains("patience was over"), "{text}");
    assert!(text.lines().last().unwrap().starts_with("FAILED: step 7"), "{text}");
    let output = run(&["demo", "--json", "--patience", "30ms"], "");
    let value = &json(&stdout(&output))[0];
    assert_eq!((code(&output), &value["ok"]), (1, &false.into()));
    assert_eq!((&value["steps"][6]["done"], &value["steps"][7]["done"]), (&true.into(), &false.into()), "{value:#}");
}

#[test]
fn a_failed_recovery_is_a_failed_step() {
    let output = run(&["demo", "--fail"], "");
    let text = stdout(&output);
    assert_eq!(code(&output), 1, "{text}");
    assert!(text.contains("recovery ended (failed)") && text.contains("\nFAILED: step 5"), "{text}");
    assert!(!text.contains("runs on server2"), "{text}");
}

#[test]
fn a_port_that_is_held_is_said_with_its_holder() {
    let held = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    let output = run(&["demo", "--port", &port], "");
    assert_eq!((code(&output), stdout(&output)), (1, String::new()));
    let text = stderr(&output);
    assert!(text.contains(&port) && text.contains(&std::process::id().to_string()), "{text}");
}

#[test]
fn an_interrupted_demonstration_cleans_up_and_fails() {
    let mut demo = Running::start(program().args(["demo", "--recovery-takes", "20s"]));
    demo.line("the recovery runs");
    let folder = format!("bmcnotice-demo-{}", demo.child.id());
    assert!(left_behind().contains(&folder) || !std::path::Path::new("/dev/shm").is_dir());
    demo.signal("INT");
    demo.line("FAILED: interrupted");
    assert_eq!(demo.code(), 1, "the recovery is not waited for");
    assert!(!left_behind().contains(&folder));
}
