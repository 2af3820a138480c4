//! Get Session Info: how many sessions a BMC has, and whose they are (IPMI 2.0, section 22.20).
//!
//! Both directions. Input is a BMC's answer; hostile.

use super::command::GET_SESSION_INFO;
use super::ipmi::{Error, Request};

/// The request about the session that it comes in by.
pub fn this_session() -> Request {
    Request::new(GET_SESSION_INFO, [0])
}

/// The request about the n-th active session, from 1.
pub fn nth_session(index: u8) -> Request {
    Request::new(GET_SESSION_INFO, [index])
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionInfo {
    /// Names the session to the BMC; 0: there is no such session.
    pub handle: u8,
    /// How many sessions there may be.
    pub slots: u8,
    /// How many there are.
    pub active: u8,
    /// The session's user (its number) and present privilege.
    pub whose: Option<(u8, u8)>,
}

impl SessionInfo {
    /// Reads the answer; what tells of a LAN session's other end is left.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        match *data {
            [handle, slots, active, ref rest @ ..] => {
                let whose = match *rest {
                    [user, privilege, ..] if handle != 0 => Some((user & 0x3F, privilege & 0x0F)),
                    _ => None,
                };
                Ok(Self { handle, slots: slots & 0x3F, active: active & 0x3F, whose })
            }
            _ => Err(Error::Truncated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_and_short_answers() {
        let whole = [3, 8, 2, 2, 4, 0x11, 192, 168, 0, 11, 0, 0, 0, 0, 0, 0, 0x70, 2];
        let info = SessionInfo { handle: 3, slots: 8, active: 2, whose: Some((2, 4)) };
        assert_eq!(SessionInfo::parse(&whole), Ok(info));
        assert_eq!(SessionInfo::parse(&[0, 8, 2]), Ok(SessionInfo { handle: 0, whose: None, ..info }));
        assert_eq!(SessionInfo::parse(&[3, 8]), Err(Error::Truncated));
    }
}
