//! How a link is, and what it wants.
//!
//! Plain values of `link`, read by everything above. Uses `failure`, `identity` and `queue`.

use crate::bmc::failure::Failure;
use crate::bmc::identity::Checked;
use crate::bmc::queue::Ticket;
use crate::now::Now;
use crate::suite::Suite;
use crate::wire::ipmi::Response;
use crate::words::Guid;

/// What the link wants from the one who drives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this datagram to the BMC.
    Send(Vec<u8>),
    /// What became of a command.
    Answer {
        /// Which.
        ticket: Ticket,
        /// A response with any completion code, or why there is none.
        result: Result<Response, Failure>,
    },
    /// [`super::Link::status`] says something else now.
    Changed,
}

/// How the link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// No session.
    Down {
        /// Why the last attempt failed; `None` before the first.
        why: Option<Failure>,
        /// Since when there is none.
        since: Now,
    },
    /// The first attempt is under way, or about to be made.
    Opening,
    /// Commands are answered.
    Up {
        /// The cipher suite in use; `None`: in-band, where none is needed.
        suite: Option<Suite>,
        /// The BMC's system GUID; in-band all zero if it does not tell.
        guid: Guid,
        /// Whether that is the right one.
        identity: Checked,
    },
    /// The BMC is another system's; nothing is sent to it.
    WrongIdentity {
        /// Its system GUID.
        found: Guid,
    },
}
