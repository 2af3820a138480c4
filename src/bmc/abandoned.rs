//! A session that we gave up: what still comes for it shows that the BMC is slow, not silent.
//!
//! Used by `link`. Input is datagrams from whoever can reach our port. Of the key exchange only our session
//! id, a random number, is looked at, so whoever has seen it can make us patient, and no more.

use super::pace::SLOWEST;
use super::rakp_said::give_back;
use crate::suite::Keys;
use crate::wire::command::CLOSE_SESSION;
use crate::wire::ipmi::Message;
use crate::wire::rakp::{OpenResponse, Opened, Rakp2, Rakp4};
use crate::wire::rmcp::{Datagram, PayloadType, Plus};
use core::time::Duration;

/// Limit: datagrams for it that are looked at.
const MAX_HEARD: u8 = 8;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Abandoned {
    console_session: u32,
    /// Of a session that was open.
    keys: Option<Keys>,
    /// When the message that was not answered was sent first.
    sent: Duration,
    heard: u8,
}

/// What came for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Late {
    /// How long the BMC has taken.
    pub(super) after: Duration,
    /// What frees the slot that it now holds for us.
    pub(super) free: Option<Vec<u8>>,
}

impl Abandoned {
    pub(super) fn new(console_session: u32, keys: Option<Keys>, sent: Duration) -> Self {
        Self { console_session, keys, sent, heard: 0 }
    }

    /// We slept for so long.
    pub(super) fn slept(&mut self, for_so_long: Duration) {
        self.sent += for_so_long;
    }

    /// `None`: it is not for this session, or too late to tell anything.
    pub(super) fn hear(&mut self, now: Duration, bytes: &[u8]) -> Option<Late> {
        let after = now.saturating_sub(self.sent);
        if self.heard >= MAX_HEARD || after > SLOWEST * 2 {
            return None;
        }
        let Ok(Datagram::Plus(plus)) = Datagram::parse(bytes) else { return None };
        let free = self.answered(&plus)?;
        self.heard += 1;
        Some(Late { after, free: free.map(give_back) })
    }

    /// Whether it is an answer for us; the session id that it opened.
    fn answered(&self, plus: &Plus<'_>) -> Option<Option<u32>> {
        let ours = Some(self.console_session);
        let (session, opened) = match plus.payload_type {
            PayloadType::Ipmi => {
                let message = self.keys.as_ref()?.open(plus).ok()?;
                let message = Message::parse(&message).ok()?;
                // The answer to our goodbye is no late answer.
                (Some(plus.session).filter(|_| message.command != CLOSE_SESSION.number), None)
            }
            PayloadType::OpenResponse => {
                let response = OpenResponse::parse(plus.payload).ok()?;
                (response.session, response.result.ok().map(|Opened { bmc_session, .. }| bmc_session))
            }
            PayloadType::Rakp2 => (Rakp2::parse(plus.payload).ok()?.session, None),
            PayloadType::Rakp4 => (Rakp4::parse(plus.payload).ok()?.session, None),
            PayloadType::OpenRequest | PayloadType::Rakp1 | PayloadType::Rakp3 => return None,
        };
        (session == ours).then_some(opened)
    }
}
