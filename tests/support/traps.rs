//! A PET in an SNMPv1 trap, octet by octet as a BMC sends it.

use bmcnotice::wire::pet::{ENTERPRISE, Pet, VARIABLE};
use bmcnotice::wire::snmp::{ENTERPRISE_SPECIFIC, TrapV1, Value, Varbind, emit_trap_v1};
use std::net::Ipv4Addr;

pub fn v1(pet: &Pet, community: &[u8], agent: Ipv4Addr) -> Vec<u8> {
    let (mut octets, mut bytes) = (Vec::new(), Vec::new());
    pet.emit(&mut octets);
    let (enterprise, generic, specific) = (ENTERPRISE, ENTERPRISE_SPECIFIC, pet.specific_trap());
    let head = TrapV1 { enterprise, agent, generic, specific, uptime: 1 };
    emit_trap_v1(community, &head, &[Varbind { name: VARIABLE, value: Value::OctetString(&octets) }], &mut bytes);
    bytes
}
