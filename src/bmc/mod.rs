//! What to say to a BMC, and what its answers mean; no I/O.
//!
//! `session` is one RMCP+ session (made by `key_exchange`, then `active`), `link` keeps one warm, checks whose
//! BMC it is and leaves sessions to others (`slots`); `inband` is the road through the kernel's driver, `auto`
//! both of them to one BMC; a `dialogue` asks
//! one question after the other until its end is known: `handshake` says one word until it is
//! understood, `chassis` gives one order, `immediate` asks for a test alert, `fill` how full the log is,
//! `sel_reading` reads what was logged, `sensor_names` what sensors are called; `evidence` says whether the log
//! bears a trap out; `ping` asks without a login. Uses `config`,
//! `wire`, `suite` and `crypto`; its input is datagrams from BMCs, hostile until proven.

mod abandoned;
mod active;
pub mod auto;
pub mod chassis;
pub mod dialogue;
pub mod evidence;
pub mod failure;
mod few;
pub mod fill;
pub mod handshake;
pub mod identity;
pub mod immediate;
pub mod inband;
mod key_exchange;
pub mod lan_channel;
pub mod link;
pub mod login;
pub mod pace;
pub mod ping;
pub mod queue;
mod rakp_said;
mod reopen;
mod repeat;
pub mod sel_entry;
pub mod sel_reading;
pub mod sensor_names;
pub mod session;
pub mod slots;
mod suite_list;
mod window;
