//! Traps as a BMC sends them.

use bmcnotice::wire::oid::OidBuf;
use bmcnotice::wire::pet::{ENTERPRISE, FIXED_OCTETS, Pet, VARIABLE};
use bmcnotice::wire::snmp::{ENTERPRISE_SPECIFIC, TrapV1, Value, Varbind, emit_trap_v1};
use bmcnotice::words::Guid;
use std::net::Ipv4Addr;

/// The system that all traps here are about.
pub const GUID: Guid = Guid([0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE, 1, 2, 3, 4, 5, 6, 7, 8]);

/// A PET of its own number about a memory module: offset 0 is a correctable error, which starts no
/// recovery, 1 an uncorrectable one.
#[allow(dead_code, reason = "of some benches")]
pub fn memory_pet(offset: u8, deasserted: bool, number: u32) -> Vec<u8> {
    let severity = if offset == 0 { 0x08 } else { 0x20 };
    let pet = Pet {
        sensor_type: 0x0C,
        event_type: 0x6F,
        offset,
        deasserted,
        guid: GUID,
        sequence: number as u16,
        timestamp: 1 + (number >> 16),
        utc_offset: Some(0),
        trap_source: 0x20,
        event_source: 0x20,
        severity,
        sensor_device: 0x20,
        sensor_number: 0x20,
        entity: 0x20,
        entity_instance: 1,
        event_data: [0x60 | offset, 0xFF, 0xFF, 0, 0, 0, 0, 0],
        language: 0x19,
        manufacturer: 0,
        system_id: 0,
    };
    let head = TrapV1 {
        enterprise: ENTERPRISE,
        agent: Ipv4Addr::LOCALHOST,
        generic: ENTERPRISE_SPECIFIC,
        specific: pet.specific_trap(),
        uptime: number,
    };
    let mut octets = Vec::with_capacity(FIXED_OCTETS + 1);
    pet.emit(&mut octets);
    let mut bytes = Vec::new();
    emit_trap_v1(b"public", &head, &[Varbind { name: VARIABLE, value: Value::OctetString(&octets) }], &mut bytes);
    bytes
}

/// A vendor's trap of its own number.
#[allow(dead_code, reason = "of some benches")]
pub fn vendor(number: u32) -> Vec<u8> {
    let enterprise = OidBuf::from_dotted("1.3.6.1.4.1.674.10892.5.3.2.1").expect("an OID");
    let variable = OidBuf::from_dotted("1.3.6.1.4.1.674.10892.5.3.1.2.0").expect("an OID");
    let text = format!("The system board fan {number} is operating less than the lower threshold.");
    let head = TrapV1 {
        enterprise: enterprise.as_oid(),
        agent: Ipv4Addr::LOCALHOST,
        generic: ENTERPRISE_SPECIFIC,
        specific: 2155,
        uptime: number,
    };
    let varbind = Varbind { name: variable.as_oid(), value: Value::OctetString(text.as_bytes()) };
    let mut bytes = Vec::new();
    emit_trap_v1(b"public", &head, &[varbind], &mut bytes);
    bytes
}
