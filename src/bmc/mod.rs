//! What to say to a BMC, and what its answers mean; no I/O.
//!
//! `session` is one RMCP+ session, `link` keeps one warm and checks whose BMC it is; a `dialogue` asks
//! one question after the other until its end is known: `handshake` says one word until it is
//! understood, `chassis` gives one order, `sel_reading` reads what was logged, `sensor_names` what sensors are called;
//! `evidence` says whether the log bears a trap out; `ping` asks without a login. Uses `config`,
//! `wire`, `suite` and `crypto`; its input is datagrams from BMCs, hostile until proven.

mod active;
pub mod chassis;
pub mod dialogue;
pub mod evidence;
pub mod failure;
pub mod handshake;
pub mod identity;
pub mod link;
pub mod ping;
pub mod queue;
pub mod sel_entry;
pub mod sel_reading;
pub mod sensor_names;
pub mod session;
mod window;
