//! Lets services leave a dying server before its BMC resets it.
//!
//! ```text
//!  step                                              where
//!  0  arm the BMC: notices come here                 bmc::handshake ──► bmc::link ──► wire ──► BMC
//!  1  the BMC detects a fault
//!  2  the BMC sends a trap                           io::udp ◄── BMC
//!  3  genuine? new? serious? write it down           wire::snmp, wire::pet ─► notice::source ─► notice::meaning
//!                                                    ─► notice::dedup ─► recovery::monitor ─► recovery::journal
//!  4  tell the BMC: recovery started                 recovery::machine ─► bmc::handshake ─► bmc::link
//!  5  run the operator's recovery                    recovery::machine ─► context (callback) or io::child (command)
//!  6  tell the BMC: recovery ended, and how          recovery::machine ─► bmc::handshake ─► bmc::link
//!  7  the BMC resets the server                      recovery::machine, bmc::chassis (only where declared)
//!
//!  beside it: heartbeat ─► bmc::link ─► verdict on every server
//! ```
//!
//! Floors, from the ground up; a file uses only floors below its own (`tests/architecture.rs`):
//! `now`, `words`, `crypto`, `wire` · `config`, `suite` · `notice`, `bmc`, `sim` · `recovery`, `heartbeat`
//! · `engine` · `io` · `context` · `ffi`, `bin`, Python.
//!
//! Everything below `io` is a pure function of (state, input, now): no socket, file, clock or thread.

pub mod config;
pub mod crypto;
pub mod io;
pub mod notice;
pub mod now;
pub mod wire;
pub mod words;
