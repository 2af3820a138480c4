//! A rogue BMC.
