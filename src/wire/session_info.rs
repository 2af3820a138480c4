//! Get Session Info: how many sessions a BMC has, and whose they are (IPMI 2.0, section 22.20).
//!
//! Both directions, as in `command`. Input is a BMC's, or what a BMC is asked; hostile.

use super::command::GET_SESSION_INFO;
use super::ipmi::{Error, Request};
use core::net::Ipv4Addr;

/// Which session Get Session Info is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one that asks.
    This,
    /// The nth active one, from 1.
    Nth(u8),
    /// The one with this handle.
    Handle(u8),
    /// The one with this id of the BMC's.
    Id(u32),
}

impl Which {
    /// The request.
    pub fn request(self) -> Request {
        let mut data = Vec::new();
        match self {
            Self::This => data.push(0x00),
            Self::Nth(n) => data.push(n),
            Self::Handle(handle) => data.extend([0xFE, handle]),
            Self::Id(id) => {
                data.push(0xFF);
                data.extend(id.to_le_bytes());
            }
        }
        Request::new(GET_SESSION_INFO, data)
    }

    /// Reads the request's data.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        match *data {
            [0x00] => Ok(Self::This),
            [0xFE, handle] => Ok(Self::Handle(handle)),
            [0xFF, a, b, c, d] => Ok(Self::Id(u32::from_le_bytes([a, b, c, d]))),
            [0xFE | 0xFF] | [0xFF, _, ..] | [] if data.len() < 5 => Err(Error::Truncated),
            [n] => Ok(Self::Nth(n)),
            _ => Err(Error::TooLong),
        }
    }
}

/// Answer to Get Session Info.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionInfo {
    /// Its handle; 0: there is no such session.
    pub handle: u8,
    /// How many sessions there can be.
    pub slots: u8,
    /// How many there are.
    pub active: u8,
    /// Whose it is, where there is one.
    pub of: Option<SessionOwner>,
}

/// Whose a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionOwner {
    /// The user's number.
    pub user: u8,
    /// The session's privilege.
    pub privilege: u8,
    /// 0 IPMI 1.5, [`Self::RMCP_PLUS`].
    pub protocol: u8,
    /// The channel.
    pub channel: u8,
    /// The console, where the BMC tells it (LAN): address, hardware address, port.
    pub console: Option<(Ipv4Addr, [u8; 6], u16)>,
}

impl SessionOwner {
    /// The protocol of ours.
    pub const RMCP_PLUS: u8 = 1;
}

impl SessionInfo {
    /// Reads the answer.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let (&[handle, slots, active], rest) = data.split_first_chunk().ok_or(Error::Truncated)?;
        let of =
            rest.split_first_chunk().filter(|_| handle != 0).map(|(&[user, privilege, channel], rest)| SessionOwner {
                user: user & 0x3F,
                privilege: privilege & 0x0F,
                protocol: channel >> 4,
                channel: channel & 0x0F,
                console: rest.first_chunk().map(|&[a, b, c, d, m0, m1, m2, m3, m4, m5, p0, p1]| {
                    (Ipv4Addr::new(a, b, c, d), [m0, m1, m2, m3, m4, m5], u16::from_le_bytes([p0, p1]))
                }),
            });
        Ok(Self { handle, slots: slots & 0x3F, active: active & 0x3F, of })
    }

    /// Writes the answer.
    pub fn emit(&self) -> Vec<u8> {
        let mut data = vec![self.handle, self.slots & 0x3F, self.active & 0x3F];
        if let Some(of) = &self.of {
            data.extend([of.user & 0x3F, of.privilege & 0x0F, of.protocol << 4 | of.channel & 0x0F]);
            if let Some((address, mac, port)) = &of.console {
                data.extend(address.octets());
                data.extend(mac);
                data.extend(port.to_le_bytes());
            }
        }
        data
    }

    /// Sessions that can still be opened.
    pub fn free(&self) -> u8 {
        self.slots.saturating_sub(self.active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_survive_the_wire() {
        for which in [Which::This, Which::Nth(1), Which::Handle(3), Which::Id(0x0102_0304)] {
            assert_eq!(Which::parse(&which.request().data), Ok(which));
        }
        for wrong in [&[][..], &[0xFE], &[0xFF], &[0xFF, 1, 2, 3], &[0, 1], &[0xFE, 1, 2], &[0xFF, 1, 2, 3, 4, 5]] {
            assert!(Which::parse(wrong).is_err(), "{wrong:?}");
        }
        let owner = SessionOwner { user: 2, privilege: 4, protocol: 1, channel: 1, console: None };
        let console = Some((Ipv4Addr::new(10, 0, 0, 1), [1, 2, 3, 4, 5, 6], 40000));
        for of in [None, Some(owner), Some(SessionOwner { console, ..owner })] {
            let info = SessionInfo { handle: 1, slots: 4, active: 1, of };
            assert_eq!(SessionInfo::parse(&info.emit()), Ok(info));
            assert_eq!(info.free(), 3);
        }
        assert_eq!(SessionInfo::parse(&[1, 2]), Err(Error::Truncated));
        let nobody = SessionInfo { handle: 0, slots: 8, active: 2, of: None };
        assert_eq!(SessionInfo::parse(&[0, 8, 2]), Ok(nobody));
        assert_eq!(SessionInfo::parse(&[0, 8, 2, 9, 4, 0x11]), Ok(nobody), "a session that is none is nobody's");
        assert_eq!(SessionInfo { handle: 1, slots: 1, active: 4, of: None }.free(), 0);
    }
}
