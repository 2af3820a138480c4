//! The C ABI: translates types and nothing else. Only this module exports symbols.
//!
//! The header is made from these files by `with_src`, which sees no other module and expands no
//! macro: every name that reaches C is spelt out here, once, and the comments are the manual.
//! Its input is C's: every pointer may be NULL, every number may be any number.
#![allow(non_camel_case_types, clippy::missing_safety_doc)] // C's names; the contract is in the comments

pub mod callback;
pub mod config;
pub mod drill;
pub mod handle;
pub mod heartbeat;
pub mod notice;
pub mod operator;
pub mod options;
pub mod peer;
pub mod progress;
pub mod recovery;
pub mod result;
pub mod statistics;
mod text;
