//! Lets services leave a dying server before its BMC resets it.
//!
//! ```text
//!  step                                              where
//!  0  arm the BMC: notices come here                 bmc::handshake ─► engine::roads ─► in-band or LAN ─► BMC
//!  1  the BMC detects a fault
//!  2  the BMC sends a trap                           io::udp ◄── BMC
//!  3  genuine? new? serious? write it down           wire::snmp, wire::pet ─► notice::source ─► notice::meaning
//!                                                    ─► notice::dedup ─► recovery::monitor ─► recovery::journal
//!     in SNMPv3: by whom, and fresh?                 wire::usm ─► notice::usm, between source and meaning
//!     strangers that flood                           notice::guard ─► notice::filter ─► io::intake (the kernel refuses them)
//!     did the BMC mean it? its log says so           bmc::evidence ─► bmc::sel_reading ─► engine::roads
//!  4  tell the BMC: recovery started                 recovery::machine ─► bmc::handshake ─► engine::roads
//!  5  run the operator's recovery                    recovery::machine, plan, gate ─► context (callback), io::child (command),
//!                                                    recovery::pacemaker, recovery::clusterpro (the cluster's own tools)
//!  6  tell the BMC: recovery ended, and how          recovery::machine ─► bmc::handshake ─► engine::roads
//!  7  the BMC resets the server                      recovery::machine, bmc::chassis (only where declared)
//!
//!  the roads to a BMC, each a dialogue at a time      engine::roads ─► bmc::dialogue
//!    own BMC, in-band, with LAN beside it             bmc::auto ─► bmc::inband ─► io::ipmidev; bmc::link ─► io::udp
//!    any BMC over LAN, with a session                 bmc::link ─► wire ─► io::udp
//!  beside it: heartbeat ─► verdict on every server    heartbeat::watch ─► engine::heartbeat ─► engine::roads ─► BMCs
//!             our pulse, in our own BMC's watchdog     heartbeat::feeder ─► engine::roads ─► BMC
//!  before it: audit ─► what keeps a notice from us    bin (bmc audit, setup, pin; check --live) ─► io::visit
//!             drill ─► the path is proven             engine::drill ─► bmc::immediate ─► a trap, steps 2 and 3
//!  after it:  why a trap did what it did              notice::recorder ─► engine::explain ─► bin (explain)
//! ```
//!
//! `engine` joins them: datagrams, answers and time in; work and deliveries out. `io::reactor` performs the
//! work, `plant` catches what goes wrong, `feed` carries the deliveries, `context` calls back. `setup` makes all that from what the operator
//! wrote and `config` judged.
//!
//! Floors, from the ground up; a file uses only floors below its own (`tests/architecture.rs`):
//! `now`, `words`, `crypto`, `wire` · `config`, `suite` · `notice`, `bmc`, `sim` · `recovery`, `heartbeat`, `audit`
//! · `engine` · `io`, `shield`, `model` · `setup` · `plant` · `feed` · `context` · `ffi`, `bin`, Python.
//!
//! Everything below `io` is a pure function of (state, input, now): no socket, file, clock or thread.

extern crate alloc;

pub mod audit;
pub mod bmc;
pub mod config;
pub mod context;
pub mod crypto;
pub mod engine;
mod feed;
#[cfg(feature = "capi")]
pub mod ffi;
pub mod heartbeat;
pub mod io;
pub mod model;
pub mod notice;
pub mod now;
mod plant;
pub mod recovery;
pub mod setup;
mod shield;
#[cfg(feature = "sim")]
pub mod sim;
pub mod suite;
pub mod wire;
pub mod words;

pub use context::{Context, Overview, Reload, Watched};
pub use engine::{Drill, DrillState, Heard, Line, OpenRecovery, PeerStatus, Progress, Recover, Stage, Statistics};
pub use model::{Error, Mode};
pub use notice::Notice;
pub use setup::Config;
pub use words::Answer;
