//! ipmitool's column.

use super::bench::{ADMIN, Bench, Cell, OBSERVER, RAW, contains, run};
use super::{Column, watchdog};
use bmcnotice::sim::Power;
use std::fs;
use std::process::Command;

fn tool(bench: &Bench, (user, password): (&str, &str), suite: &str, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("ipmitool");
    command.args(["-I", "lanplus", "-H", "127.0.0.1", "-p", &bench.port(), "-R", "1", "-N", "4", "-C", suite]);
    run(command.args(["-U", user, "-E"]).args(arguments).env("IPMI_PASSWORD", password))
}

pub fn column() -> Column {
    let bench = Bench::new("ipmitool", &[17, 3]);
    let say = |arguments: &[&str]| {
        let (ok, text) = tool(&bench, ADMIN, "17", arguments);
        assert!(ok, "ipmitool {arguments:?}: {text}");
        text
    };
    let raw = |octets: &str| say(&[&["raw"], &octets.split(' ').collect::<Vec<_>>()[..]].concat());
    let mut column = Column::default();
    for suite in ["17", "3"] {
        let (ok, text) = tool(&bench, ADMIN, suite, &["chassis", "status"]);
        assert!(ok && text.contains("System Power         : on"), "{text}");
        assert_eq!(bench.sessions().1, suite.parse().ok());
        column.put(if suite == "17" { "session, suite 17" } else { "session, suite 3" }, Cell::Yes);
    }
    let before = bench.sessions().0;
    let (ok, text) = tool(&bench, (ADMIN.0, "wrong"), "17", &["-v", "chassis", "status"]);
    assert!(!ok && text.contains("HMAC is invalid") && bench.sessions().0 == before, "{text}");
    column.put("wrong password refused", Cell::Yes);
    let (ok, text) = tool(&bench, OBSERVER, "17", &["-L", "USER", "chassis", "status"]);
    assert!(ok, "{text}");
    let (ok, text) = tool(&bench, OBSERVER, "17", &["-L", "USER", "chassis", "power", "reset"]);
    assert!(!ok && text.contains("privilege"), "{text}");
    column.put("user level: may look, may not act", Cell::Yes);

    say(&["chassis", "power", "off"]);
    assert_eq!(bench.bmc.with(|bmc, _| bmc.power()), Power::Off);
    contains(&say(&["chassis", "status"]), &["System Power         : off"]);
    column.put("chassis status", Cell::Yes);
    say(&["chassis", "power", "on"]);
    assert!(bench.bmc.with(|bmc, _| bmc.power().is_on()));
    column.put("chassis control", Cell::Yes);
    contains(&say(&["mc", "info"]), &["IPMI Version              : 2.0", "Firmware Revision         : 0.10"]);
    column.put("device id", Cell::Yes);
    contains(&say(&["mc", "guid"]), &["6c696262-6d63-4e6f-8169-636500000001"]);
    column.put("system GUID", Cell::By("in wire order"));

    bench.happen();
    let list = say(&["sel", "elist"]);
    let lines = ["Power Supply PSU 1 | Power Supply AC lost | Asserted", "Memory DIMM A1 | Correctable ECC | Asserted"];
    contains(&list, &lines);
    contains(&list, &["Power Supply PSU 1 | Power Supply AC lost | Deasserted"]);
    column.put("event log: list", Cell::Yes);
    contains(&say(&["sel", "info"]), &["Entries          : 3", "Overflow         : false"]);
    column.put("event log: info", Cell::Yes);
    let file = bench.folder.join("event");
    fs::write(&file, "0x04 0x0c 0x20 0x6f 0x00 0xff 0xff # correctable\n").unwrap();
    say(&["sel", "add", file.to_str().unwrap()]);
    assert_eq!(bench.sel_words()[3], (4, 0x20, 0x6F));
    column.put("event log: add", Cell::Yes);
    say(&["sel", "clear"]);
    assert!(bench.sel_words().is_empty());
    column.put("event log: clear", Cell::Yes);

    let list = say(&["sdr", "elist", "all"]);
    bmcnotice::sim::SENSORS.iter().for_each(|sensor| contains(&list, &[sensor.name]));
    contains(&list, &["Event-Only"]);
    column.put("sensor records", Cell::Yes);
    let list = say(&["sensor", "list"]);
    contains(&list, &["Inlet Temp       | 24.000     | degrees C  | ok", "40.000    | 45.000    | 50.000"]);
    column.put("sensor readings", Cell::Yes);

    say(&["mc", "watchdog", "set", "timeout=200", "use=sms", "action=reset"]);
    assert_eq!(watchdog(&bench)[..6], [0x04, 0x01, 0, 0, 0xD0, 0x07]);
    column.put("watchdog: set", Cell::Yes);
    say(&["mc", "watchdog", "reset"]);
    assert_eq!(watchdog(&bench)[0], 0x44);
    column.put("watchdog: start", Cell::Yes);
    let text = say(&["mc", "watchdog", "get"]);
    contains(&text, &["SMS/OS (0x", "Started/Running", "Hard Reset (0x01)", "Initial Countdown:      200.0 sec"]);
    column.put("watchdog: read", Cell::Yes);
    say(&["mc", "watchdog", "off"]);

    contains(&say(&["lan", "print", "1"]), &["SNMP Community String   : public", "RMCP+ Cipher Suites     : 17,3"]);
    contains(&say(&["lan", "alert", "print", "1", "1"]), &[": Acknowledged", ": 127.0.0.1", "Retries       : 2"]);
    column.put("LAN parameters: read", Cell::Yes);
    say(&["lan", "alert", "set", "1", "2", "ipaddr", "10.1.2.3"]);
    say(&["lan", "set", "1", "snmp", "secret"]);
    assert_eq!(bench.lan(19, 2)[3..7], [10, 1, 2, 3]);
    assert_eq!(bench.lan(16, 0)[..7], *b"secret\0");
    column.put("LAN parameters: write", Cell::Yes);
    say(&["lan", "set", "1", "snmp", "public"]);

    contains(&say(&["pef", "info"]), &["16 | 8", "Alert,Power-off,Reset,Power-cycle,Diagnostic-interrupt"]);
    column.put("event filtering: what it can", Cell::Yes);
    let list = say(&["pef", "filter", "list"]);
    contains(&list, &["1 | enabled, pre-configured | Memory | Any | Non-recoverable", " 5 | disabled"]);
    column.put("event filtering: filters", Cell::Yes);
    contains(&say(&["pef", "policy", "list"]), &["1 | 1 | enabled | Match-always | 1 | 802.3 LAN | PET | public"]);
    column.put("event filtering: policies", Cell::Yes);

    raw("0x04 0x16 0x01 0x01 0x00 0x41 0x04 0x12 0xff 0x6f 0x01 0xab 0xcd");
    super::given_by_hand(&bench);
    contains(&raw("0x04 0x16 0x01 0x41 0x00"), &["01"]);
    column.put("alert by hand", RAW);
    bench.raise("fan-failure");
    let octets: Vec<String> = bench.trap().acknowledge().iter().map(|octet| format!("{octet:#04x}")).collect();
    raw(&format!("0x04 0x17 {}", octets.join(" ")));
    super::acknowledged(&bench);
    column.put("trap acknowledge", RAW);

    contains(
        &say(&["session", "info", "active"]),
        &["user id                       : 2", "ADMINISTRATOR", "127.0.0.1"],
    );
    column.put("sessions", Cell::Yes);
    let list = say(&["user", "list", "1"]);
    contains(&list, &["2   admin            true    false      true       ADMINISTRATOR"]);
    contains(&list, &["3   observer         true    false      true       USER", "10  "]);
    column.put("users", Cell::Yes);
    contains(&say(&["channel", "info", "1"]), &["802.3 LAN", "Alerting            : enabled", "always available"]);
    column.put("channel", Cell::Yes);
    contains(&say(&["mc", "getenables"]), &["System Event Logging                     : enabled"]);
    contains(&say(&["mc", "setenables", "system_event_log=off"]), &["Nothing to change"]);
    assert_eq!(bench.host(0x06, 0x2F, &[]), [0x08], "nor did it");
    raw("0x06 0x2e 0x00");
    assert_eq!(bench.host(0x06, 0x2F, &[]), [0x00]);
    column.put("global enables", Cell::By("but writing: `mc setenables` changes nothing"));
    assert_eq!(bench.open_sessions(), 0, "it closes its sessions");
    column
}
