//! The LAN channel: its number, and whether it carries alerts. Uses `wire`.

use crate::wire::command::THIS_CHANNEL;
use crate::wire::ipmi::Completion;

/// The number of the LAN channel.
pub const CHANNEL: u8 = 0x01;

/// Access mode: always available.
pub(super) const ALWAYS: u8 = 0x02;
/// Set for "no alerts on this channel".
const NO_ALERTS: u8 = 0x20;
/// What is kept of the access mode octet.
pub(super) const MODES: u8 = 0x3F;

/// The settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Channel {
    pub modes: u8,
}

impl Default for Channel {
    fn default() -> Self {
        Self { modes: ALWAYS }
    }
}

impl Channel {
    /// Whether alerts go out by it.
    pub fn alerts(self) -> bool {
        self.modes & NO_ALERTS == 0
    }
}

/// Whether this means the LAN channel.
pub(super) fn this_channel(channel: u8) -> Result<(), Completion> {
    match channel & 0x0F {
        THIS_CHANNEL | CHANNEL => Ok(()),
        _ => Err(Completion::FIELD),
    }
}
