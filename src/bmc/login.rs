//! How to log in to a BMC, and how much room to take there.
//!
//! Plain values, made from what the operator wrote. Uses `config`, `crypto` and `suite`.

use crate::config::model::Privilege;
use crate::crypto::Secret;
use crate::suite::Suite;

/// How to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user's name, at most 16 octets.
    pub user: Vec<u8>,
    /// At most 20 octets.
    pub password: Secret,
    /// The BMC's own key, if it has one; at most 20 octets.
    pub kg: Option<Secret>,
    /// The cipher suites to try, in this order.
    pub suites: Vec<Suite>,
    /// The privilege to ask for.
    pub privilege: Privilege,
    /// How much room we may take on this BMC.
    pub manners: Manners,
}

/// How much room we may take on a BMC: sessions are few, and fencing needs one when it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Manners {
    /// This server's own BMC: the handshake's session stays, whatever others do.
    Own,
    /// Another server's BMC: the session is given back when it would leave too few to others.
    Peer,
}
