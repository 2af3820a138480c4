//! The BMC heartbeat: when to ask which BMC, and what its answers say of the server.
//!
//! `probe` keeps the timetable, `verdict` turns evidence into a verdict. Uses `config`; its input is
//! answers that `engine` hands in. Never a cluster's only heartbeat: a BMC often dies with its host.

pub mod probe;
pub mod verdict;

pub use probe::{Ask, Timetable};
pub use verdict::{Doubt, Evidence, Peer, Verdict};
