//! Writes notifications, and the response to an Inform.
//!
//! For the simulated BMC, for `bmcnotice send`, and for acknowledging. Appends to what is in `out`.

use super::{INFORM, RESPONSE, TRAP_V1, TRAP_V2, VERSION_1, VERSION_2C};
use super::{Message, Pdu, SNMP_TRAP_OID, SYS_UP_TIME, TrapV1, Value, Varbind};
use crate::wire::ber;
use crate::wire::oid::Oid;

/// A v1 Trap message.
pub fn emit_trap_v1(community: &[u8], trap: &TrapV1<'_>, varbinds: &[Varbind<'_>], out: &mut Vec<u8>) {
    message(VERSION_1, community, TRAP_V1, out, |out| {
        ber::emit_octets(ber::OID, trap.enterprise.content(), out);
        Value::IpAddress(trap.agent).emit(out);
        ber::emit_signed(ber::INTEGER, trap.generic.into(), out);
        // RFC 1157 has a signed number there.
        ber::emit_signed(ber::INTEGER, i64::from(trap.specific as i32), out);
        Value::TimeTicks(trap.uptime).emit(out);
        ber::emit(ber::SEQUENCE, out, |out| varbinds.iter().for_each(|varbind| varbind.emit(out)));
    });
}

/// A v2c Trap message; sysUpTime.0 and snmpTrapOID.0 are put in front of `varbinds`.
pub fn emit_trap_v2c(
    community: &[u8],
    request_id: i32,
    uptime: u32,
    trap_oid: Oid<'_>,
    varbinds: &[Varbind<'_>],
    out: &mut Vec<u8>,
) {
    message(VERSION_2C, community, TRAP_V2, out, |out| notification(request_id, uptime, trap_oid, varbinds, out));
}

/// A v2c Inform message; otherwise like [`emit_trap_v2c`].
pub fn emit_inform(
    community: &[u8],
    request_id: i32,
    uptime: u32,
    trap_oid: Oid<'_>,
    varbinds: &[Varbind<'_>],
    out: &mut Vec<u8>,
) {
    message(VERSION_2C, community, INFORM, out, |out| notification(request_id, uptime, trap_oid, varbinds, out));
}

/// The response to an Inform (RFC 3416 section 4.2.7): its request-id, community and varbinds, no
/// errors. `false`, and nothing written, when the message is no Inform.
pub fn inform_response(inform: &Message<'_>, out: &mut Vec<u8>) -> bool {
    let request_id = match inform.pdu {
        Pdu::Inform { request_id } => request_id,
        Pdu::TrapV1(_) | Pdu::TrapV2 { .. } => return false,
    };
    message(VERSION_2C, inform.community, RESPONSE, out, |out| response(request_id, inform, out));
    true
}

/// The PDU alone of the response to an Inform, for a v3 message; otherwise like [`inform_response`].
pub fn response_pdu(inform: &Message<'_>, out: &mut Vec<u8>) -> bool {
    let request_id = match inform.pdu {
        Pdu::Inform { request_id } => request_id,
        Pdu::TrapV1(_) | Pdu::TrapV2 { .. } => return false,
    };
    ber::emit(RESPONSE, out, |out| response(request_id, inform, out));
    true
}

fn response(request_id: i32, inform: &Message<'_>, out: &mut Vec<u8>) {
    head(request_id, out);
    ber::emit_octets(ber::SEQUENCE, inform.varbinds.octets(), out);
}

/// The PDU alone of a Trap, for a v3 message; otherwise like [`emit_trap_v2c`].
pub fn emit_trap_pdu(request_id: i32, uptime: u32, trap_oid: Oid<'_>, varbinds: &[Varbind<'_>], out: &mut Vec<u8>) {
    ber::emit(TRAP_V2, out, |out| notification(request_id, uptime, trap_oid, varbinds, out));
}

/// The PDU alone of an Inform, for a v3 message; otherwise like [`emit_trap_v2c`].
pub fn emit_inform_pdu(request_id: i32, uptime: u32, trap_oid: Oid<'_>, varbinds: &[Varbind<'_>], out: &mut Vec<u8>) {
    ber::emit(INFORM, out, |out| notification(request_id, uptime, trap_oid, varbinds, out));
}

fn message(version: i64, community: &[u8], pdu: u8, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    ber::emit(ber::SEQUENCE, out, |out| {
        ber::emit_signed(ber::INTEGER, version, out);
        ber::emit_octets(ber::OCTET_STRING, community, out);
        ber::emit(pdu, out, body);
    });
}

fn head(request_id: i32, out: &mut Vec<u8>) {
    ber::emit_signed(ber::INTEGER, request_id.into(), out);
    ber::emit_signed(ber::INTEGER, 0, out); // error-status
    ber::emit_signed(ber::INTEGER, 0, out); // error-index
}

fn notification(request_id: i32, uptime: u32, trap_oid: Oid<'_>, varbinds: &[Varbind<'_>], out: &mut Vec<u8>) {
    head(request_id, out);
    ber::emit(ber::SEQUENCE, out, |out| {
        Varbind { name: SYS_UP_TIME, value: Value::TimeTicks(uptime) }.emit(out);
        Varbind { name: SNMP_TRAP_OID, value: Value::Oid(trap_oid) }.emit(out);
        varbinds.iter().for_each(|varbind| varbind.emit(out));
    });
}
