//! What the shell is to do with the kernel's device, and what it hears of it.
//!
//! Values; orders are ours, events come from the driver, and answers in them from the BMC.

use crate::wire::ipmi::Request;
use crate::words::Obstacle;

/// What the shell is to do with the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Open this file, in place of what is open; [`Event::Opened`] or [`Event::NotOpened`] is the answer.
    Open(String),
    /// Hand this to the driver, for the BMC itself; without a word if it took it.
    Send {
        /// Comes back with the answer; never used twice.
        id: u32,
        /// What to ask.
        request: Request,
    },
    /// Close it.
    Close,
}

/// What the shell has heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The device is open.
    Opened,
    /// It is not.
    NotOpened(Obstacle),
    /// The driver did not take this command; the device is as it was.
    NotTaken(u32, Obstacle),
    /// The device is gone, or of no use any more.
    Lost,
    /// The driver has an answer.
    Answer {
        /// Of which command.
        id: u32,
        /// The network function of the answer.
        netfn: u8,
        /// Its command.
        command: u8,
        /// The completion code and the data.
        data: Vec<u8>,
    },
    /// The driver has something else: an event, a command for us, or what cannot be read.
    Unasked,
}
