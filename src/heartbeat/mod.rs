//! The BMC heartbeat: when to ask which BMC what, and what its answers say of the server.
//!
//! ```text
//!   probe (the timetable) ─► watch ─► question ──► engine ──► a BMC
//!                              ▲                                │
//!   verdict ◄─ peer ◄─ countdown, mark ◄─ evidence ◄────────────┘
//!
//!   feeder: our own pulse, in our own BMC's watchdog        economy: who holds a session on whose BMC
//! ```
//!
//! Uses `bmc`, `config`, `crypto`, `wire`; its input is answers that `engine` hands in, hostile as everything that comes
//! from a BMC. Never a cluster's only heartbeat: a BMC often dies with its host.

pub mod answer;
pub mod countdown;
pub mod economy;
pub mod evidence;
pub mod feeder;
pub mod mark;
pub mod peer;
pub mod probe;
pub mod take_over;
pub mod trips;
pub mod verdict;
pub mod watch;

pub use answer::{Answer, Question};
pub use evidence::{Doubt, Feeder as FedBy, Power, Pulse};
pub use feeder::Feeder;
pub use peer::{Peer, Rules};
pub use take_over::{TakeOver, take_over};
pub use trips::Trips;
pub use verdict::Verdict;
pub use watch::{Ask, Watch, Weighed};
