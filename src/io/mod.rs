//! The only code that touches the operating system, and the only unsafe code below `ffi`.
//!
//! `reactor` joins descriptors to the engine; the other files are one kind of descriptor each. Uses
//! everything below; its input is the operating system.

pub mod action;
pub mod child;
pub mod facts;
#[cfg(feature = "sim")]
pub mod fleet;
pub mod fork;
pub mod host;
pub mod intake;
pub mod ipmidev;
pub mod local;
pub mod reactor;
pub mod signals;
#[cfg(feature = "sim")]
pub mod simulate;
pub mod sockets;
pub mod store;
pub mod sys;
pub mod terminal;
pub mod thread;
pub mod udp;
pub mod visit;
