//! Four independent clients judge the simulated BMC: ipmitool, FreeIPMI, pyghmi and python-ipmi.
//!
//! Each does every operation that it can, and what it then says is compared with what the BMC holds. How each did it
//! is the table in `docs/ipmi.md`, which is read here, never written by hand: with BMCNOTICE_WRITE=1 it is
//! replaced. Without the clients: skipped, aloud. With BMCNOTICE_REQUIRE_PEERS set: failed.
#![cfg(all(feature = "sim", feature = "cli"))]

#[path = "ipmi_clients/bench.rs"]
mod bench;
#[path = "ipmi_clients/freeipmi.rs"]
mod freeipmi;
#[path = "ipmi_clients/ipmitool.rs"]
mod ipmitool;
mod peers;
#[path = "ipmi_clients/pyghmi.rs"]
mod pyghmi;
#[path = "ipmi_clients/pyipmi.rs"]
mod pyipmi;

use bench::{Bench, Cell, RAW};
use bmcnotice::sim::Event;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs, thread};

/// The rows of the table.
const OPERATIONS: [&str; 28] = [
    "session, suite 17",
    "session, suite 3",
    "wrong password refused",
    "user level: may look, may not act",
    "chassis status",
    "chassis control",
    "device id",
    "system GUID",
    "event log: list",
    "event log: info",
    "event log: add",
    "event log: clear",
    "sensor records",
    "sensor readings",
    "watchdog: set",
    "watchdog: start",
    "watchdog: read",
    "LAN parameters: read",
    "LAN parameters: write",
    "event filtering: what it can",
    "event filtering: filters",
    "event filtering: policies",
    "alert by hand",
    "trap acknowledge",
    "sessions",
    "users",
    "channel",
    "global enables",
];

/// What one client did, and how.
#[derive(Debug, Default)]
pub struct Column(BTreeMap<&'static str, Cell>);

impl Column {
    fn put(&mut self, operation: &'static str, cell: Cell) {
        assert!(OPERATIONS.contains(&operation), "{operation}");
        assert!(self.0.insert(operation, cell).is_none(), "twice: {operation}");
    }
}

/// Does all it can.
type Client = fn() -> Column;

/// Get Watchdog Timer, as the BMC holds it.
fn watchdog(bench: &Bench) -> [u8; 8] {
    bench.bmc.with(|bmc, now| bmc.watchdog(now))
}

/// Alert Immediate to destination 1, with an event that no sensor of the BMC made.
const BY_HAND: [u8; 11] = [0x01, 0x01, 0x00, 0x41, 0x04, 0x12, 0xFF, 0x6F, 0x01, 0xAB, 0xCD];

/// The monitor got it as it was given; acknowledges it.
fn given_by_hand(bench: &Bench) {
    let pet = bench.trap();
    assert_eq!((pet.sensor_type, pet.event_type, pet.offset, pet.sensor_device), (0x12, 0x6F, 1, 0x41));
    assert_eq!(pet.event_data[..3], [0x01, 0xAB, 0xCD]);
    bench.host(0x04, 0x17, &pet.acknowledge());
}

/// Event filtering by a client that only carries our octets.
fn filtering_in_octets(bench: &Bench, column: &mut Column, mut raw: impl FnMut(u8, u8, &[u8]) -> String) {
    assert_eq!(raw(0x04, 0x10, &[]), "512f10");
    column.put("event filtering: what it can", RAW);
    assert!(raw(0x04, 0x13, &[6, 1, 0]).starts_with("1101c0010120ffff0cff6f0200"));
    column.put("event filtering: filters", RAW);
    assert_eq!(raw(0x04, 0x13, &[9, 1, 0]), "1101181100");
    column.put("event filtering: policies", RAW);
    raw(0x04, 0x16, &BY_HAND);
    given_by_hand(bench);
    assert_eq!(raw(0x04, 0x16, &[1, 0x41, 0]), "01");
    column.put("alert by hand", RAW);
}

/// The newest trap was acknowledged.
fn acknowledged(bench: &Bench) {
    let events = bench.bmc.events();
    let newest = events.iter().rev().find_map(|happened| match happened.event {
        Event::TrapSent { sequence, .. } => Some(sequence),
        _ => None,
    });
    let all: Vec<u16> = events
        .iter()
        .filter_map(|happened| match happened.event {
            Event::TrapAcknowledged { sequence, .. } => Some(sequence),
            _ => None,
        })
        .collect();
    assert!(newest.is_some_and(|newest| all.contains(&newest)), "{newest:?} in {all:?}");
}

/// As Python writes it.
fn list(octets: &[u8]) -> String {
    format!("{octets:?}")
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn has_modules() -> bool {
    let import = Command::new(bench::python()).args(["-c", "import pyghmi, pyipmi"]).stderr(Stdio::null()).status();
    let have = import.is_ok_and(|status| status.success());
    if !have {
        assert!(env::var_os("BMCNOTICE_REQUIRE_PEERS").is_none(), "pyghmi and python-ipmi are required");
        eprintln!("\nskipped: four clients: missing: pyghmi and python-ipmi in target/venv (make tools)");
    }
    have
}

const BEGIN: &str = "<!-- The table of tests/ipmi_clients.rs begins; BMCNOTICE_WRITE=1 writes it. -->\n";
const END: &str = "<!-- The table of tests/ipmi_clients.rs ends. -->";

#[test]
fn four_clients_find_what_the_simulated_bmc_holds() {
    let tools =
        ["ipmitool", "ipmi-sel", "ipmi-sensors", "ipmi-chassis", "ipmi-config", "ipmi-raw", "ipmi-pet", "bmc-info"];
    if !peers::have("four clients", &tools) || !has_modules() {
        return;
    }
    let clients: [(&str, Client); 4] = [
        ("ipmitool", ipmitool::column),
        ("FreeIPMI", freeipmi::column),
        ("pyghmi", pyghmi::column),
        ("python-ipmi", pyipmi::column),
    ];
    let threads = clients.map(|(name, column)| (name, thread::spawn(column)));
    let columns = threads.map(|(name, thread)| (name, thread.join().unwrap_or_else(|_| panic!("{name}: see above"))));
    let mut table =
        format!("| operation | {} |\n|---|---|---|---|---|\n", columns.each_ref().map(|(name, _)| *name).join(" | "));
    for operation in OPERATIONS {
        let cells = columns.each_ref().map(|(name, Column(cells))| {
            cells.get(operation).unwrap_or_else(|| panic!("{name} has not done: {operation}")).to_string()
        });
        table += &format!("| {operation} | {} |\n", cells.join(" | "));
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ipmi.md");
    let text = fs::read_to_string(&page).unwrap();
    let (head, rest) = text.split_once(BEGIN).expect("where the table begins");
    let (written, tail) = rest.split_once(END).expect("where the table ends");
    if env::var_os("BMCNOTICE_WRITE").is_some() {
        fs::write(&page, format!("{head}{BEGIN}{table}{END}{tail}")).unwrap();
    } else {
        assert!(written == table, "docs/ipmi.md tells something else; BMCNOTICE_WRITE=1 writes what is true:\n{table}");
    }
}
