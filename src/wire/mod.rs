//! Bytes to values and back: SNMP, PET, RMCP+, IPMI. No clock, no socket, no key.
//!
//! Every parser takes exactly the bytes that its element declares and refuses the rest; `parse` and
//! `emit` mirror each other. Input comes from the network and is hostile. Uses nothing of ours.

pub mod command;
pub mod ipmi;
pub mod pet;
pub mod rakp;
pub mod rmcp;
pub mod sel;
