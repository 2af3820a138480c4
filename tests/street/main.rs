//! The whole street with real sockets, senders and BMCs: what goes in, what the BMC hears, what is
//! survived. One crate, so that its modules share their fixtures:
//!
//! ```text
//!   site     a configuration in a folder of its own     host     a context that runs, and what it said
//!   bmcs     the BMCs, each with its own log            drivers  the same as programs: C, Python, command line
//!   pets     the trap, as octets and from snmptrap      wait     for what must happen, within bounds
//!   cluster  several servers, their daemons, and who watches them   relay  a bad network between
//!   tracer   kills a process at its n-th packet or journal write
//! ```
#![cfg(feature = "sim")]

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "each test program uses its part")]
#[path = "../simulation/dice.rs"]
mod dice;
#[path = "../support/ipmi_peer.rs"]
mod ipmi_peer;
#[path = "../peers/mod.rs"]
mod peers;

mod bmcs;
mod cluster;
mod drivers;
mod host;
mod pets;
mod relay;
mod site;
mod tracer;
mod wait;

mod after_ended;
mod bad_bmcs;
mod bad_input;
mod clusterpro;
mod commands;
mod disks;
mod handshake;
mod hearts;
mod ipv6;
mod journal;
mod kills;
mod plans;
mod ports;
mod reload;
mod senders;
mod strikes;
mod weather;
