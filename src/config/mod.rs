//! What the operator wrote, as one validated [`model::Cluster`].
//!
//! `native` reads `bmcnotice.toml`, `check` says everything that is wrong with it in one pass; `fleet` reads the small
//! file of a simulated fleet. Uses
//! `words`, `crypto` and `wire`; its input is text that `io` or the caller read, and facts that `io` gathered.
//!
//! ```text
//!  text ──► tree ─┬─► native ─► draft ─┬─► check ─► findings
//!  calls ─► overrides          facts ──┘      └──► build ─► model::Cluster (only without errors)
//! ```

mod build;
mod check;
pub mod clusterpro;
mod draft;
pub mod facts;
pub mod finding;
#[cfg(feature = "sim")]
pub mod fleet;
pub mod model;
pub mod mrw;
pub mod native;
mod overrides;
pub mod pin;
mod reader;
mod report;
pub mod rules;
mod tree;
mod values;

pub use values::MAX_NAME;
pub(crate) use values::hex;
