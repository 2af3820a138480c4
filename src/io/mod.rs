//! The only code that touches the operating system.
//!
//! Uses every floor below. Each file wraps one thing of the host; nothing here decides.

pub mod facts;
