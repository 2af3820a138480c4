//! pyghmi's column.

use super::bench::{ADMIN, Bench, Cell, Console, OBSERVER, RAW};
use super::{Column, hex, list, watchdog};
use bmcnotice::sim::Power;
use serde_json::{Value, json};

/// A raw command; the data of its answer.
fn raw(console: &mut Console, netfn: u8, command: u8, data: &[u8]) -> String {
    let data = list(data);
    let answer = console.value(&format!("c.raw_command(netfn={netfn}, command={command}, data={data})"));
    assert_eq!(answer["code"], 0, "{answer}");
    answer["data"].as_str().unwrap().to_owned()
}

pub fn column() -> Column {
    let mut column = Column::default();
    let old = Bench::new("pyghmi-3", &[3]);
    let mut console = Console::open(&old, "pyghmi", ADMIN, 3, 4);
    assert_eq!(console.value("c.get_power()"), json!({ "powerstate": "on" }));
    console.close();
    assert_eq!((old.sessions().1, old.open_sessions()), (Some(3), 0));
    column.put("session, suite 3", Cell::By("where 17 is not offered"));

    let bench = Bench::new("pyghmi", &[17, 3]);
    let refused = Console::open(&bench, "pyghmi", (ADMIN.0, "wrong"), 17, 4);
    assert!(refused.opened["error"].as_str().unwrap().contains("Incorrect password"), "{}", refused.opened);
    assert_eq!(bench.sessions().0, 0);
    column.put("wrong password refused", Cell::Yes);
    let mut observer = Console::open(&bench, "pyghmi", OBSERVER, 17, 2);
    assert_eq!(observer.value("c.get_power()"), json!({ "powerstate": "on" }));
    let denied = observer.ask("c.set_power('reset')");
    assert!(denied["error"].as_str().unwrap().contains("privilege"), "{denied}");
    observer.close();
    column.put("user level: may look, may not act", Cell::Yes);

    let mut console = Console::open(&bench, "pyghmi", ADMIN, 17, 4);
    let c = &mut console;
    assert_eq!((&c.opened, bench.sessions().1), (&json!("open"), Some(17)));
    column.put("session, suite 17", Cell::Yes);
    c.value("c.set_power('off')");
    assert_eq!(bench.bmc.with(|bmc, _| bmc.power()), Power::Off);
    assert_eq!(c.value("c.get_power()"), json!({ "powerstate": "off" }));
    column.put("chassis status", Cell::Yes);
    c.value("c.set_power('on')");
    assert!(bench.bmc.with(|bmc, _| bmc.power().is_on()));
    column.put("chassis control", Cell::Yes);
    assert!(raw(c, 0x06, 0x01, &[]).starts_with("2001001002"));
    column.put("device id", RAW);
    assert_eq!(raw(c, 0x06, 0x37, &[]), "6c6962626d634e6f8169636500000001");
    column.put("system GUID", RAW);

    bench.happen();
    let log = c.value("list(c.get_event_log())");
    let words =
        |at: usize| (log[at]["component"].clone(), log[at]["deassertion"].clone(), log[at]["record_id"].clone());
    assert_eq!(words(0), (json!("PSU 1"), json!(false), json!(1)), "{log}");
    assert_eq!(words(1), (json!("DIMM A1"), json!(false), json!(2)), "{log}");
    assert_eq!(words(2), (json!("PSU 1"), json!(true), json!(3)), "{log}");
    assert_eq!(log[1]["event"], "Correctable error");
    column.put("event log: list", Cell::Yes);
    assert!(raw(c, 0x0A, 0x40, &[]).starts_with("510300"));
    column.put("event log: info", RAW);
    raw(c, 0x0A, 0x44, &[0, 0, 2, 0, 0, 0, 0, 0x41, 0, 4, 0x0C, 0x20, 0x6F, 0, 0xFF, 0xFF]);
    assert_eq!(bench.sel_words()[3], (4, 0x20, 0x6F));
    column.put("event log: add", RAW);
    assert_eq!(c.value("len(list(c.get_event_log(clear=True)))"), 4);
    assert!(bench.sel_words().is_empty());
    column.put("event log: clear", Cell::By("while it is read"));

    let sensors = c.value("[(s.name, s.value, s.units) for s in c.get_sensor_data()]");
    let names: Vec<&str> = sensors.as_array().unwrap().iter().filter_map(|sensor| sensor[0].as_str()).collect();
    let known = bmcnotice::sim::SENSORS.iter().map(|sensor| sensor.name).filter(|name| *name != "POST Error");
    known.for_each(|name| assert!(names.contains(&name), "{name} in {names:?}"));
    column.put("sensor records", Cell::By("without the event-only one"));
    let inlet = sensors.as_array().unwrap().iter().find(|sensor| sensor[0] == "Inlet Temp").unwrap();
    assert_eq!((&inlet[1], &inlet[2]), (&json!(24.0), &json!("°C")));
    column.put("sensor readings", Cell::Yes);

    raw(c, 0x06, 0x24, &[4, 1, 0, 0, 0xD0, 0x07]);
    assert_eq!(watchdog(&bench)[..6], [0x04, 0x01, 0, 0, 0xD0, 0x07]);
    raw(c, 0x06, 0x22, &[]);
    assert_eq!(watchdog(&bench)[0], 0x44);
    assert!(raw(c, 0x06, 0x25, &[]).starts_with("44010000d007"));
    for operation in ["watchdog: set", "watchdog: start", "watchdog: read"] {
        column.put(operation, RAW);
    }
    raw(c, 0x06, 0x24, &[4, 0, 0, 0, 0xD0, 0x07]);

    let net = c.value("c.get_net_configuration()");
    assert_eq!((&net["ipv4_address"], &net["ipv4_configuration"]), (&json!("127.0.0.1/8"), &json!("Static")));
    assert_eq!(c.value("c.get_alert_destination_count()"), 4);
    let destination = json!({ "acknowledge_required": true, "acknowledge_timeout": 19, "retries": 2,
                              "address_format": "ipv4", "address": "127.0.0.1" });
    assert_eq!(c.value("c.get_alert_destination(1)"), destination);
    assert!(c.ask("c.get_alert_community()")["error"].is_string(), "it could not");
    column.put("LAN parameters: read", Cell::By("but the community: its function fails in Python 3"));
    c.value("c.set_alert_community('secret')");
    assert_eq!(bench.lan(16, 0)[..7], *b"secret\0");
    assert!(c.ask("c.set_alert_destination('10.1.2.3', destination=2)")["error"].is_string(), "it could not");
    raw(c, 0x0C, 0x01, &[1, 19, 2, 0, 0, 10, 1, 2, 3, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bench.lan(19, 2)[3..7], [10, 1, 2, 3]);
    column.put("LAN parameters: write", Cell::By("but destinations: its function fails in Python 3"));
    c.value("c.set_alert_community('public')");

    super::filtering_in_octets(&bench, &mut column, |netfn, command, data| raw(c, netfn, command, data));
    bench.raise("fan-failure");
    let trap = bench.trap();
    let mut octets = Vec::new();
    trap.emit(&mut octets);
    let told = c.value(&format!("c.decode_pet({}, bytearray.fromhex('{}'))", trap.specific_trap(), hex(&octets)));
    assert_eq!((&told["component_type"], &told["event"]), (&json!("Fan"), &json!("Critical")), "{told}");
    raw(c, 0x04, 0x17, &trap.acknowledge());
    super::acknowledged(&bench);
    column.put("trap acknowledge", Cell::Raw("but it words the trap, with the sensor's number"));

    assert!(raw(c, 0x06, 0x3D, &[0]).contains("08010204117f000001"));
    column.put("sessions", RAW);
    let users = c.value("c.get_users()");
    let user = |id: &str| (users[id]["name"].clone(), users[id]["access"]["privilege_level"].clone());
    assert_eq!((user("2"), user("3")), ((json!("admin"), json!("administrator")), (json!("observer"), json!("user"))));
    assert_eq!(users.as_object().map(serde_json::Map::len), Some(2));
    column.put("users", Cell::Yes);
    let access = c.value("c.get_channel_access()");
    assert_eq!((&access["access_mode"], &access["privilege_level"]), (&json!("always"), &json!("administrator")));
    assert_eq!(access["alerting"], Value::Bool(false), "it takes the bit that forbids for one that allows");
    column.put("channel", Cell::By("what is enabled is shown as disabled"));
    assert_eq!(raw(c, 0x06, 0x2F, &[]), "08");
    raw(c, 0x06, 0x2E, &[0]);
    assert_eq!(bench.host(0x06, 0x2F, &[]), [0x00]);
    column.put("global enables", RAW);
    console.close();
    assert_eq!(bench.open_sessions(), 0, "it closes its sessions");
    column
}
