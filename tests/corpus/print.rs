//! A message as snmptrapd prints it.

use bmcnotice::wire::snmp::{Message, Pdu, Value};
use std::fmt::Write;

fn uptime(ticks: u32) -> String {
    let (days, seconds) = (ticks / 8_640_000, ticks / 100);
    let day = match days {
        0 => String::new(),
        1 => "1 day, ".into(),
        days => format!("{days} days, "),
    };
    format!("{day}{}:{:02}:{:02}.{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60, ticks % 100)
}

/// A value as `snmptrapd -On` prints it.
fn value(value: Value<'_>) -> String {
    match value {
        Value::Integer(number) => format!("INTEGER: {number}"),
        Value::OctetString([]) => "\"\"".into(),
        Value::OctetString(octets) if octets.iter().all(|octet| octet.is_ascii_graphic() || *octet == b' ') => {
            format!("STRING: \"{}\"", std::str::from_utf8(octets).unwrap().replace('"', "\\\""))
        }
        Value::OctetString(octets) => octets.iter().fold("Hex-STRING:".into(), |text, o| format!("{text} {o:02X}")),
        Value::Null => "NULL".into(),
        Value::Oid(oid) => format!("OID: .{oid}"),
        Value::IpAddress(address) => format!("IpAddress: {address}"),
        Value::Counter32(number) => format!("Counter32: {number}"),
        Value::Gauge32(number) => format!("Gauge32: {number}"),
        Value::TimeTicks(ticks) => format!("Timeticks: ({ticks}) {}", uptime(ticks)),
        // Opaque floats: 9F 78 04 and four octets, 9F 79 08 and eight.
        Value::Opaque([0x9F, 0x78, 4, float @ ..]) => {
            format!("Opaque: Float: {:.6}", f32::from_be_bytes(float.try_into().unwrap()))
        }
        Value::Opaque([0x9F, 0x79, 8, float @ ..]) => {
            format!("Opaque: Float: {:.6}", f64::from_be_bytes(float.try_into().unwrap()))
        }
        Value::Opaque(octets) => format!("Opaque: {octets:02X?}"),
        Value::Counter64(number) => format!("Counter64: {number}"),
        Value::NoSuchObject | Value::NoSuchInstance | Value::EndOfMibView => panic!("not in this corpus"),
    }
}

/// A message as `snmptrapd -On` prints it, without the line that says where it came from.
pub fn print(message: &Message<'_>) -> String {
    let mut text = String::new();
    if let Pdu::TrapV1(trap) = message.pdu {
        let generic =
            ["Cold Start", "Warm Start", "Link Down", "Link Up", "Authentication Failure", "EGP Neighbor Loss"];
        let name = generic.get(usize::from(trap.generic)).unwrap_or(&"Enterprise Specific");
        write!(text, ".{} {name} Trap ({}) Uptime: {}", trap.enterprise, trap.specific, uptime(trap.uptime)).unwrap();
    }
    for varbind in message.varbinds {
        write!(text, " .{} = {}", varbind.name, value(varbind.value)).unwrap();
    }
    text
}

/// Without a difference between blanks, tabs and line ends.
pub fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
