//! python-ipmi's column.

use super::bench::{ADMIN, Bench, Cell, Console, OBSERVER, RAW};
use super::{Column, list, watchdog};
use bmcnotice::sim::Power;
use serde_json::json;

/// A raw command; the data of its answer.
fn raw(console: &mut Console, netfn: u8, command: u8, data: &[u8]) -> String {
    let all = list(&[&[command], data].concat());
    let answer = console.value(&format!("bytes(c.send_raw(0, {netfn}, bytes({all}))).hex()"));
    answer.as_str().unwrap().strip_prefix("00").unwrap_or_else(|| panic!("{answer}")).to_owned()
}

pub fn column() -> Column {
    let mut column = Column::default();
    let bench = Bench::new("pyipmi", &[17, 3]);
    // The key exchange is the same; the keys of the session are not: it derives them with 32 octets, the others with 20.
    let mut new = Console::open(&bench, "pyipmi", ADMIN, 17, 4);
    assert_eq!(bench.sessions(), (1, Some(17)));
    assert!(new.opened["error"].is_string() || new.ask("c.get_chassis_status()")["error"].is_string());
    assert!(bench.bmc.with(|bmc, _| bmc.drops().unproven) > 0, "its packets prove nothing");
    drop(new);
    column.put(
        "session, suite 17",
        Cell::No("logs in, and then makes its keys of 32 octets where the other three take 20"),
    );

    let refused = Console::open(&bench, "pyipmi", (ADMIN.0, "wrong"), 3, 4);
    assert!(refused.opened["error"].is_string() && bench.sessions().0 == 1, "{}", refused.opened);
    column.put("wrong password refused", Cell::Yes);
    let mut observer = Console::open(&bench, "pyipmi", OBSERVER, 3, 2);
    assert_eq!(observer.value("c.get_chassis_status().power_on"), json!(true));
    let denied = observer.ask("c.chassis_control_hard_reset()");
    assert!(denied["error"].as_str().unwrap().contains("212"), "D4h: {denied}");
    observer.close();
    column.put("user level: may look, may not act", Cell::Yes);

    let mut console = Console::open(&bench, "pyipmi", ADMIN, 3, 4);
    let c = &mut console;
    assert_eq!((&c.opened, bench.sessions().1), (&json!("open"), Some(3)));
    column.put("session, suite 3", Cell::Yes);
    c.value("c.chassis_control_power_down()");
    assert_eq!(bench.bmc.with(|bmc, _| bmc.power()), Power::Off);
    assert_eq!(c.value("c.get_chassis_status().power_on"), json!(false));
    column.put("chassis status", Cell::Yes);
    c.value("c.chassis_control_power_up()");
    assert!(bench.bmc.with(|bmc, _| bmc.power().is_on()));
    column.put("chassis control", Cell::Yes);
    let device = c.value("str(c.get_device_id())");
    assert!(device.as_str().unwrap().contains("fw version: 0.10 ipmi: 2.0"), "{device}");
    column.put("device id", Cell::Yes);
    let guid = c.value("bytes(c.get_device_guid().device_guid).hex()");
    assert_eq!(guid, "6c6962626d634e6f8169636500000001");
    assert_eq!(c.value("c.get_device_guid().device_guid_string"), "01000000-6563-6981-6f4e-636d6262696c");
    column.put("system GUID", Cell::By("the device's, last octet first, as the specification has it"));

    bench.happen();
    let log = c.value("[(e.record_id, e.sensor_number, e.event_direction) for e in c.get_sel_entries()]");
    assert_eq!(log, json!([[1, 0x40, 0], [2, 0x20, 0], [3, 0x40, 1]]));
    column.put("event log: list", Cell::By("in numbers"));
    assert_eq!(c.value("c.get_sel_entries_count()"), 3);
    column.put("event log: info", Cell::Yes);
    raw(c, 0x0A, 0x44, &[0, 0, 2, 0, 0, 0, 0, 0x41, 0, 4, 0x0C, 0x20, 0x6F, 0, 0xFF, 0xFF]);
    assert_eq!(bench.sel_words()[3], (4, 0x20, 0x6F));
    column.put("event log: add", RAW);
    c.value("c.clear_sel()");
    assert!(bench.sel_words().is_empty());
    column.put("event log: clear", Cell::Yes);

    let records = c.value("[(s.type, s.number, s.device_id_string) for s in c.get_repository_sdr_list()]");
    let types = [2, 2, 2, 2, 2, 2, 1, 2, 3];
    let known =
        bmcnotice::sim::SENSORS.iter().zip(types).map(|(sensor, kind)| json!([kind, sensor.number, sensor.name]));
    assert_eq!(records, json!(known.collect::<Vec<_>>()));
    column.put("sensor records", Cell::Yes);
    assert_eq!(c.value("c.get_sensor_reading(2)[0]"), 24);
    assert_eq!(c.value("c.get_sensor_thresholds(2)"), json!({ "unr": 50, "ucr": 45, "unc": 40 }));
    column.put("sensor readings", Cell::By("before conversion"));

    c.value("w.update(w=__import__('pyipmi.bmc', fromlist=['x']).Watchdog()) if 'w' in globals() else globals().update(w=__import__('pyipmi.bmc', fromlist=['x']).Watchdog())");
    for (field, value) in [
        ("timer_use", 4),
        ("timeout_action", 1),
        ("pre_timeout_interrupt", 0),
        ("pre_timeout_interval", 0),
        ("timer_use_expiration_flags", 0),
        ("initial_countdown", 2000),
        ("dont_stop", 0),
        ("dont_log", 0),
    ] {
        c.value(&format!("setattr(w, '{field}', {value})"));
    }
    c.value("c.set_watchdog_timer(w)");
    assert_eq!(watchdog(&bench)[..6], [0x04, 0x01, 0, 0, 0xD0, 0x07]);
    column.put("watchdog: set", Cell::Yes);
    c.value("c.reset_watchdog_timer()");
    assert_eq!(watchdog(&bench)[0], 0x44);
    column.put("watchdog: start", Cell::Yes);
    let read = c.value("[(w.is_running, w.timer_use, w.timeout_action, w.initial_countdown, 0 < w.present_countdown <= 2000) for w in [c.get_watchdog_timer()]][0]");
    assert_eq!(read, json!([true, 4, 1, 2000, true]));
    column.put("watchdog: read", Cell::Yes);
    raw(c, 0x06, 0x24, &[4, 0, 0, 0, 0xD0, 0x07]);

    assert_eq!(c.value("c.get_ip_address()"), "127.0.0.1");
    assert_eq!(c.value("c.get_mac_address()"), "02:00:00:00:00:01");
    assert_eq!(c.value("bytes(c.get_lan_config_param(1, 16)).rstrip(bytes(1)).decode()"), "public");
    assert_eq!(c.value("bytes(c.get_lan_config_param(1, 19, 1)).hex()"), "0100007f000001000000000000");
    column.put("LAN parameters: read", Cell::By("destinations and community in octets"));
    c.value("c.set_lan_config_param(1, 19, bytes([2, 0, 0, 10, 1, 2, 3, 0, 0, 0, 0, 0, 0]))");
    assert_eq!(bench.lan(19, 2)[3..7], [10, 1, 2, 3]);
    column.put("LAN parameters: write", Cell::By("destinations and community in octets"));

    super::filtering_in_octets(&bench, &mut column, |netfn, command, data| raw(c, netfn, command, data));
    bench.raise("fan-failure");
    let acknowledge = bench.trap().acknowledge();
    raw(c, 0x04, 0x17, &acknowledge);
    super::acknowledged(&bench);
    column.put("trap acknowledge", RAW);

    assert!(
        raw(c, 0x06, 0x3D, &[0]).contains("08020204117f000001") || raw(c, 0x06, 0x3D, &[0]).contains("0204117f000001")
    );
    column.put("sessions", RAW);
    let user = "[(c.get_username(n).rstrip(bytes(1)).decode(), c.get_user_access(n, 1).privilege_level.value) for n in (2, 3)]";
    assert_eq!(c.value(user), json!([["admin", "administrator"], ["observer", "user"]]));
    column.put("users", Cell::Yes);
    let channel = c.value("[(i.medium_type, i.vendor_id) for i in [c.get_channel_info(1)]][0]");
    assert_eq!(channel, json!([4, 7154]));
    column.put("channel", Cell::By("in numbers, without its access"));
    assert_eq!(raw(c, 0x06, 0x2F, &[]), "08");
    raw(c, 0x06, 0x2E, &[0]);
    assert_eq!(bench.host(0x06, 0x2F, &[]), [0x00]);
    column.put("global enables", RAW);
    console.close();
    column
}
