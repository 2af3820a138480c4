//! FreeIPMI's column: its many tools.

use super::bench::{ADMIN, Bench, Cell, OBSERVER, RAW, contains, run};
use super::{Column, watchdog};
use bmcnotice::sim::Power;
use std::fs;
use std::process::Command;

fn tool(
    bench: &Bench,
    (user, password): (&str, &str),
    (suite, level): (&str, &str),
    arguments: &[&str],
) -> (bool, String) {
    // A password in a file: other users see arguments.
    let file = bench.folder.join(format!("{user}-{}.conf", password.len()));
    fs::write(&file, format!("username {user}\npassword {password}\n")).unwrap();
    let (name, rest) = arguments.split_first().unwrap();
    let mut command = Command::new(name);
    command.args(["-D", "LAN_2_0", "-h", &format!("127.0.0.1:{}", bench.port()), "-l", level, "-I", suite]);
    command.args(["--session-timeout", "8000", "--config-file", file.to_str().unwrap()]).args(rest);
    if ["ipmi-sel", "ipmi-sensors"].contains(name) {
        command.args(["--sdr-cache-directory", bench.folder.to_str().unwrap(), "--quiet-cache"]);
    }
    run(&mut command)
}

pub fn column() -> Column {
    let bench = Bench::new("freeipmi", &[17, 3]);
    let say = |arguments: &[&str]| {
        let (ok, text) = tool(&bench, ADMIN, ("17", "ADMIN"), arguments);
        assert!(ok, "{arguments:?}: {text}");
        text
    };
    let raw = |octets: &str| say(&[&["ipmi-raw", "0"], &octets.split(' ').collect::<Vec<_>>()[..]].concat());
    // The settings, without comments and with single blanks.
    let settings = |category: &str, sections: &[&str]| {
        let mut arguments = vec!["ipmi-config", category, "--checkout"];
        sections.iter().for_each(|section| arguments.extend(["-S", section]));
        // Its exit code counts every setting that this BMC does not have.
        let (_, text) = tool(&bench, ADMIN, ("17", "ADMIN"), &arguments);
        assert_eq!(text.matches("EndSection").count(), sections.len(), "{text}");
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.lines().map(words).filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
    };
    let (core, pef) = ("--category=core", "--category=pef");
    let mut column = Column::default();
    for suite in ["17", "3"] {
        let (ok, text) = tool(&bench, ADMIN, (suite, "ADMIN"), &["ipmi-chassis", "--get-chassis-status"]);
        assert!(ok && text.contains("System Power                        : on"), "{text}");
        assert_eq!(bench.sessions().1, suite.parse().ok());
        column.put(if suite == "17" { "session, suite 17" } else { "session, suite 3" }, Cell::Yes);
    }
    let before = bench.sessions().0;
    let status = ["ipmi-chassis", "--get-chassis-status"];
    let (ok, text) = tool(&bench, (ADMIN.0, "wrong"), ("17", "ADMIN"), &status);
    assert!(!ok && text.contains("password") && bench.sessions().0 == before, "{text}");
    column.put("wrong password refused", Cell::Yes);
    let (ok, text) = tool(&bench, OBSERVER, ("17", "USER"), &status);
    assert!(ok, "{text}");
    let (ok, text) = tool(&bench, OBSERVER, ("17", "USER"), &["ipmi-chassis", "--chassis-control=HARD-RESET"]);
    assert!(!ok && text.contains("privilege"), "{text}");
    column.put("user level: may look, may not act", Cell::Yes);

    say(&["ipmi-chassis", "--chassis-control=POWER-DOWN"]);
    assert_eq!(bench.bmc.with(|bmc, _| bmc.power()), Power::Off);
    contains(&say(&status), &["System Power                        : off"]);
    column.put("chassis status", Cell::Yes);
    say(&["ipmi-chassis", "--chassis-control=POWER-UP"]);
    assert!(bench.bmc.with(|bmc, _| bmc.power().is_on()));
    column.put("chassis control", Cell::Yes);
    contains(&say(&["bmc-info", "--get-device-id"]), &["IPMI Version          : 2.0", "0.10"]);
    column.put("device id", Cell::Yes);
    contains(&say(&["bmc-info", "--get-system-guid"]), &["01000000-6563-6981-6f4e-636d6262696c"]);
    column.put("system GUID", Cell::By("last octet first, as the specification has it"));

    bench.happen();
    let list = say(&["ipmi-sel", "--comma-separated-output", "--output-event-state"]);
    let of = |id: &str| list.lines().find(|line| line.starts_with(id)).unwrap_or_else(|| panic!("{list}")).to_owned();
    contains(&of("1,"), &[",PSU 1,Power Supply,", "input lost"]);
    contains(&of("2,"), &[",DIMM A1,Memory,Warning,Correctable memory error"]);
    contains(&of("3,"), &[",PSU 1,Power Supply,"]);
    column.put("event log: list", Cell::Yes);
    contains(&say(&["ipmi-sel", "--info"]), &["Number of log entries                  : 3", "lack of space    : No"]);
    column.put("event log: info", Cell::Yes);
    raw("0a 44 00 00 02 00 00 00 00 41 00 04 0c 20 6f 00 ff ff");
    assert_eq!(bench.sel_words()[3], (4, 0x20, 0x6F));
    column.put("event log: add", RAW);
    say(&["ipmi-sel", "--clear"]);
    assert!(bench.sel_words().is_empty());
    column.put("event log: clear", Cell::Yes);

    let list = say(&["ipmi-sensors", "--comma-separated-output", "--shared-sensors"]);
    let named = bmcnotice::sim::SENSORS.iter().filter(|sensor| sensor.name != "POST Error");
    named.for_each(|sensor| contains(&list, &[sensor.name]));
    contains(&list, &["DIMM B 1", "DIMM B 4"]);
    column.put("sensor records", Cell::By("without the event-only one; shared ones one by one"));
    contains(&list, &["Inlet Temp,Temperature,24.00,C,'OK'"]);
    column.put("sensor readings", Cell::Yes);

    raw("06 24 04 01 00 00 d0 07");
    assert_eq!(watchdog(&bench)[..6], [0x04, 0x01, 0, 0, 0xD0, 0x07]);
    raw("06 22");
    assert_eq!(watchdog(&bench)[0], 0x44);
    contains(&raw("06 25"), &["rcvd: 25 00 44 01 00 00 D0 07"]);
    for operation in ["watchdog: set", "watchdog: start", "watchdog: read"] {
        column.put(operation, Cell::Raw("bmc-watchdog is for the host itself"));
    }
    raw("06 24 04 00 00 00 d0 07");

    contains(&settings(core, &["Lan_Conf"]), &["IP_Address 127.0.0.1", "IP_Address_Source Static"]);
    let text = settings(pef, &["Community_String", "Lan_Alert_Destination_1"]);
    contains(
        &text,
        &["Community_String public", "Alert_Acknowledge Yes", "Alert_Retries 2", "Alert_IP_Address 127.0.0.1"],
    );
    column.put("LAN parameters: read", Cell::Yes);
    for pair in ["Lan_Alert_Destination_2:Alert_IP_Address=10.1.2.3", "Community_String:Community_String=secret"] {
        say(&["ipmi-config", pef, "--commit", "-e", pair]);
    }
    assert_eq!(bench.lan(19, 2)[3..7], [10, 1, 2, 3]);
    assert_eq!(bench.lan(16, 0)[..7], *b"secret\0");
    column.put("LAN parameters: write", Cell::Yes);
    say(&["ipmi-config", pef, "--commit", "-e", "Community_String:Community_String=public"]);

    let text = settings(pef, &["PEF_Conf"]);
    contains(
        &text,
        &["Enable_PEF Yes", "Enable_Alert_Action Yes", "Enable_OEM_Action No", "Enable_PEF_Startup_Delay No"],
    );
    column.put("event filtering: what it can", Cell::Yes);
    let text = settings(pef, &["Event_Filter_1", "Event_Filter_5"]);
    contains(&text, &["Filter_Type Manufacturer_Pre_Configured\nEnable_Filter Yes\nEvent_Filter_Action_Alert Yes"]);
    contains(&text, &["Event_Severity Non_Recoverable", "Sensor_Type Memory", "Enable_Filter No"]);
    column.put("event filtering: filters", Cell::Yes);
    contains(&settings(pef, &["Alert_Policy_1"]), &["Policy_Type Always_Send_To_This_Destination\nPolicy_Enabled Yes"]);
    column.put("event filtering: policies", Cell::Yes);

    raw("04 16 01 01 00 41 04 12 ff 6f 01 ab cd");
    super::given_by_hand(&bench);
    contains(&raw("04 16 01 41 00"), &["rcvd: 16 00 01"]);
    column.put("alert by hand", RAW);
    bench.raise("fan-failure");
    let trap = bench.trap();
    let mut octets = Vec::new();
    trap.emit(&mut octets);
    let mut arguments = vec!["ipmi-pet".to_owned(), "--pet-acknowledge".into(), trap.specific_trap().to_string()];
    arguments.extend(octets.iter().map(|octet| format!("{octet:02x}")));
    say(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    super::acknowledged(&bench);
    column.put("trap acknowledge", Cell::By("in a session"));

    let text = raw("06 3d 00");
    contains(&text, &["08 01 02 04 11 7F 00 00 01"]);
    column.put("sessions", RAW);
    let text = settings(core, &["User2", "User3"]);
    contains(
        &text,
        &["Username admin\nEnable_User Yes\nLan_Enable_IPMI_Msgs Yes", "Lan_Privilege_Limit Administrator"],
    );
    contains(&text, &["Username observer", "Lan_Privilege_Limit User"]);
    column.put("users", Cell::Yes);
    let text = settings(core, &["Lan_Channel"]);
    contains(&text, &["Volatile_Access_Mode Always_Available", "Volatile_Enable_Pef_Alerting Yes"]);
    column.put("channel", Cell::Yes);
    contains(&raw("06 2f"), &["rcvd: 2F 00 08"]);
    raw("06 2e 00");
    assert_eq!(bench.host(0x06, 0x2F, &[]), [0x00]);
    column.put("global enables", RAW);
    assert_eq!(bench.open_sessions(), 0, "it closes its sessions");
    column
}
