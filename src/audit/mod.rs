//! The BMC's own alerting: what it is set to, what of that would keep a fatal notice from us, and how to set it.
//!
//! `ask` asks the BMC everything, one question at a time, into `told`; `judge` turns that into findings,
//! whose catalogue is `rules`; `wanted` makes a `plan` of what to write so that they go, `write` writes it. Sans-IO:
//! dialogues and pure functions. Uses `bmc` for dialogues and `notice` for the deadly events; its input is
//! a BMC's answers, hostile.

pub mod ask;
pub mod finding;
pub mod judge;
pub mod plan;
mod question;
pub mod rules;
pub mod told;
pub mod wanted;
pub mod write;
