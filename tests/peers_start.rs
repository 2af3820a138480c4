//! The peers that the other tests talk to can be started here.

mod peers;

use std::process::Command;

/// Runs a program that must at least say what it is. One program a test: a test skips once.
fn says(program: &str, argument: &str, word: &str) {
    if !peers::have(&format!("{program}_starts"), &[program]) {
        return;
    }
    let output = Command::new(program).arg(argument).output().expect(program);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains(word), "{program} {argument}: {text}");
}

#[test]
fn snmptrap_starts() {
    says("snmptrap", "-V", "NET-SNMP");
}

#[test]
fn snmptrapd_starts() {
    says("snmptrapd", "-v", "NET-SNMP");
}

#[test]
fn ipmitool_starts() {
    says("ipmitool", "-V", "ipmitool version");
}

#[test]
fn ipmi_pet_starts() {
    says("ipmi-pet", "--version", "FreeIPMI");
}

#[test]
fn ipmi_sim_starts() {
    says("ipmi_sim", "--help", "ipmi_sim");
}
