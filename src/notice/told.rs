//! What a verified trap tells: the value that every later stage passes on.
//!
//! Values only; made by the folder's `mod.rs`, where the stages meet.

use super::fault::Fault;
use crate::now::Now;
use crate::wire::pet::Pet;
use crate::words::{Class, ServerId, Text, Trust};
use core::net::SocketAddr;

/// Identifies one notice on every node alike: derived from server, GUID, sequence, PET timestamp and event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NoticeId(pub u64);

/// What a trap means, before it is a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// How bad it is.
    pub class: Class,
    /// What failed: "memory device 1, sensor 20h".
    pub region: Text,
    /// The sentence a person reads.
    pub sentence: Text,
    /// What it is about, if that is known.
    pub fault: Option<Fault>,
}

/// What a verified trap means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The same on every node and for every repetition.
    pub id: NoticeId,
    /// The server whose BMC spoke.
    pub server: ServerId,
    /// What it means for that server.
    pub class: Class,
    /// How its sender was accepted.
    pub trust: Trust,
    /// Where the datagram came from.
    pub source: SocketAddr,
    /// When it came.
    pub received: Now,
    /// The trap's OID in v2 form, as dotted decimals.
    pub trap_oid: Text,
    /// The event, if the trap is a PET.
    pub pet: Option<Pet>,
    /// What it is about, whatever told of it; `None` where that is not known.
    pub fault: Option<Fault>,
    /// What failed, as far as the trap says: "memory, sensor 20h".
    pub region: Text,
    /// The sentence a person reads.
    pub sentence: Text,
}
