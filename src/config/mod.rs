//! What the operator wrote, as one validated [`model::Cluster`].
//!
//! `native` reads `bmcnotice.toml`, `check` says everything that is wrong with it in one pass. Uses
//! `words`, `crypto` and `wire`; its input is text that `io` or the caller read.

pub mod model;
