//! The search for a BMC's LAN channel: the one that alerts leave by, whichever road we talk by.
//!
//! "This channel" is the LAN's only over LAN; in-band it is the system interface, which has neither destinations nor
//! alerts. Uses `wire`; its input is a BMC's answers, hostile.

use crate::wire::command::{THIS_CHANNEL, parse_lan_channel};

/// The channel to ask about first (Get Channel Info).
pub const FIRST: u8 = THIS_CHANNEL;
/// The LAN's channel where the BMC does not say.
pub const USUAL: u8 = 1;
/// Limit: the last channel that is looked at where the one of our road is no LAN: 1 to 7 are common, the rest is not.
const LAST: u8 = 7;

/// What an answer leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is this one.
    Is(u8),
    /// Ask about this one.
    Ask(u8),
    /// The BMC does not say what its channels are.
    Untold,
    /// None of its channels is a LAN.
    NoLan,
}

/// The answer to Get Channel Info about `asked`; `data`: what came with completion code 00h.
pub fn next(asked: u8, data: Option<&[u8]>) -> Next {
    match data.map(parse_lan_channel) {
        Some(Ok(Some(lan))) => Next::Is(lan),
        // It does not know the command, or not well.
        Some(Err(_)) | None if asked == FIRST => Next::Untold,
        Some(Ok(None) | Err(_)) | None => match asked {
            FIRST => Next::Ask(1),
            LAST.. => Next::NoLan,
            earlier => Next::Ask(earlier + 1),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lan_is_looked_for_where_our_road_is_another() {
        assert_eq!(next(FIRST, Some(&[3, 0x04])), Next::Is(3));
        assert_eq!(next(FIRST, Some(&[15, 0x0C])), Next::Ask(1), "the system interface");
        assert_eq!(next(FIRST, None), Next::Untold);
        assert_eq!(next(FIRST, Some(&[])), Next::Untold);
        assert_eq!(next(1, None), Next::Ask(2), "no such channel");
        assert_eq!(next(6, Some(&[6, 0x05])), Next::Ask(7));
        assert_eq!(next(7, Some(&[])), Next::NoLan);
        assert_eq!(next(2, Some(&[2, 0x84, 1, 0, 0, 0, 0, 0, 0])), Next::Is(2));
    }
}
