//! The BMC heartbeat, row by row: what a BMC shows, in the octets that it sends, which verdict follows, and what that
//! entitles to; how verdicts follow each other; BMCs that answer badly; how our own pulse is fed; who holds sessions.
//!
//! Virtual time. `tests/heartbeat_simulation.rs` has whole servers.
#![cfg(feature = "sim")]

#[path = "heartbeat_table/bad.rs"]
mod bad;
#[path = "heartbeat_table/economy.rs"]
mod economy;
#[path = "heartbeat_table/etiquette.rs"]
mod etiquette;
#[path = "heartbeat_table/feeding.rs"]
mod feeding;
#[path = "support/logins.rs"]
mod logins;
#[path = "heartbeat_table/play.rs"]
mod play;
#[path = "heartbeat_table/reload.rs"]
mod reload;
#[path = "heartbeat_table/rows.rs"]
mod rows;
#[path = "heartbeat_table/site.rs"]
mod site;
#[path = "heartbeat_table/sleep.rs"]
mod sleep;
#[path = "heartbeat_table/turns.rs"]
mod turns;
