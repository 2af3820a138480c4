//! What to say to a BMC, and what its answers mean; no I/O.
//!
//! `session` is one RMCP+ session, `link` keeps one warm and checks whose BMC it is; `inband` is the road
//! through the kernel's driver, `auto` both of them to one BMC; a `dialogue` asks
//! one question after the other until its end is known: `handshake` says one word until it is
//! understood, `chassis` gives one order, `immediate` asks for a test alert; `ping` asks without a login. Uses `config`,
//! `wire`, `suite` and `crypto`; its input is datagrams from BMCs, hostile until proven.

mod active;
pub mod auto;
pub mod chassis;
pub mod dialogue;
pub mod evidence;
pub mod failure;
pub mod handshake;
pub mod identity;
pub mod immediate;
pub mod inband;
pub mod link;
pub mod ping;
pub mod queue;
mod repeat;
pub mod sel_entry;
pub mod sel_reading;
pub mod session;
mod window;
