//! The peers that the other tests talk to can be started here.

mod peers;

use std::process::Command;

/// Runs a program that must at least say what it is.
fn says(program: &str, argument: &str, word: &str) {
    if !peers::have(&format!("{program} starts"), &[program]) {
        return;
    }
    let output = Command::new(program).arg(argument).output().expect(program);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains(word), "{program} {argument}: {text}");
}

#[test]
fn snmp_tools_start() {
    says("snmptrap", "-V", "NET-SNMP");
    says("snmptrapd", "-v", "NET-SNMP");
}

#[test]
fn ipmi_tools_start() {
    says("ipmitool", "-V", "ipmitool version");
    says("ipmi-pet", "--version", "FreeIPMI");
    says("ipmi_sim", "--help", "ipmi_sim");
}
