//! The datagrams by which a key exchange is begun and taken back, as they go out.
//!
//! Used by `key_exchange` and `abandoned`. Uses `wire`; its input is our own.

use crate::suite::Exchange;
use crate::wire::rakp::{Proof, Rakp1, Status};
use crate::wire::rmcp::{PayloadType, emit_setup};

/// RAKP status by which we take back what we began.
pub(super) const TAKEN_BACK: Status = Status(0x01);

/// RAKP Message 1 to one of the BMC's session ids.
pub(super) fn introduce(tag: u8, bmc_session: u32, exchange: &Exchange) -> Vec<u8> {
    let Exchange { console_random, role, name, .. } = exchange;
    let message = Rakp1 { tag, bmc_session, random: *console_random, role: *role, name: name.clone() };
    emit_setup(PayloadType::Rakp1, &message.emit())
}

/// RAKP Message 3 that ends an exchange: the BMC's slot is free again.
pub(super) fn take_back(tag: u8, bmc_session: u32, status: Status) -> Vec<u8> {
    let message = Proof { tag, session: Some(bmc_session), result: Err(status) };
    emit_setup(PayloadType::Rakp3, &message.emit())
}

/// The datagram that frees a session of the BMC's that was begun and not followed.
pub(super) fn give_back(bmc_session: u32) -> Vec<u8> {
    take_back(0, bmc_session, TAKEN_BACK)
}
