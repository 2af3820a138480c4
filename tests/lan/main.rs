//! The LAN link, with the BMC's dialogues on top, in virtual time: single troubles, a lossy network, and a rogue BMC
//! that knows the password.
//!
//! `BMCNOTICE_SEED=n` plays one handshake, or one rogue's life, again and tells its story; `BMCNOTICE_SEEDS=n` sets how
//! many handshakes there are, `BMCNOTICE_INPUTS=n` how many inputs of rogues; `BMCNOTICE_REPORT=file` takes the figures.
#![cfg(feature = "sim")]

#[path = "../simulation/dice.rs"]
mod dice;
mod lossy;
mod net;
mod rogue;
mod trouble;
