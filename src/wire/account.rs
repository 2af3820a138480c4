//! Who may do what over which channel: users, channels, and the BMC's global switches
//! (IPMI 2.0, sections 22.1, 22.2, 22.23, 22.27, 22.29; table G-1 for the numbers).
//!
//! Both directions, as in `command`. Input is a BMC's; hostile.

use super::ipmi::{Command, Error, Request, head};

const fn command(number: u8) -> Command {
    Command { netfn: 0x06, number }
}

/// Set BMC Global Enables.
pub const SET_GLOBAL_ENABLES: Command = command(0x2E);
/// Get BMC Global Enables.
pub const GET_GLOBAL_ENABLES: Command = command(0x2F);
/// Get Channel Access.
pub const GET_CHANNEL_ACCESS: Command = command(0x41);
/// Set Channel Access.
pub const SET_CHANNEL_ACCESS: Command = command(0x40);
/// Get User Access.
pub const GET_USER_ACCESS: Command = command(0x44);
/// Get User Name.
pub const GET_USER_NAME: Command = command(0x46);

/// Bits of the global enables; bits 7:5 are the maker's, 2:0 are about the host's message queue.
pub mod global {
    /// Events are written to the SEL.
    pub const SEL_LOGGING: u8 = 0x08;
    /// The event message buffer is on.
    pub const EVENT_BUFFER: u8 = 0x04;
}

/// Reads the answer to [`GET_GLOBAL_ENABLES`], or the data of Set: bits of [`global`].
pub fn parse_global_enables(data: &[u8]) -> Result<u8, Error> {
    head(data).map(|[enables]| *enables)
}

/// Which of a channel's two settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The one that comes back after a start of the BMC.
    NonVolatile = 1,
    /// The one in force.
    Present = 2,
}

/// The request for [`GET_CHANNEL_ACCESS`].
pub fn channel_access(channel: u8, kept: Kept) -> Request {
    Request::new(GET_CHANNEL_ACCESS, [channel & 0x0F, (kept as u8) << 6])
}

/// The request for [`SET_CHANNEL_ACCESS`]: writes everything but the privilege limit.
pub fn set_channel_access(channel: u8, kept: Kept, access: &ChannelAccess) -> Request {
    const LIMIT_STAYS: u8 = 0x00;
    Request::new(SET_CHANNEL_ACCESS, [channel & 0x0F, (kept as u8) << 6 | access.octet(), LIMIT_STAYS])
}

/// Reads that request's data, as the BMC does: channel, and what is written of which setting, the limit 0
/// where it stays.
pub fn parse_set_channel_access(data: &[u8]) -> Result<(u8, Option<Kept>, ChannelAccess), Error> {
    let [channel, first, limit] = *data else {
        return Err(if data.len() > 3 { Error::TooLong } else { Error::Truncated });
    };
    let kept = match first >> 6 {
        0 => None,
        1 => Some(Kept::NonVolatile),
        2 => Some(Kept::Present),
        _ => return Err(Error::Field),
    };
    let limit = if limit >> 6 == 0 { 0 } else { limit & 0x0F };
    Ok((channel & 0x0F, kept, ChannelAccess::parse(&[first, limit])?))
}

/// Reads the data of Get, as the BMC does: the channel and which settings.
pub fn parse_channel_access_request(data: &[u8]) -> Result<(u8, Kept), Error> {
    match *data {
        [channel, which] if which >> 6 == 1 => Ok((channel & 0x0F, Kept::NonVolatile)),
        [channel, which] if which >> 6 == 2 => Ok((channel & 0x0F, Kept::Present)),
        [_, _] => Err(Error::Field),
        [] | [_] => Err(Error::Truncated),
        _ => Err(Error::TooLong),
    }
}

/// Answer to [`GET_CHANNEL_ACCESS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelAccess {
    /// PEF may send alerts by this channel.
    pub alerting: bool,
    /// Packets are authenticated one by one.
    pub per_message: bool,
    /// Users of the lowest level must authenticate too.
    pub user_level: bool,
    /// 0 disabled, 1 before the boot alone, 2 always, 3 shared.
    pub mode: u8,
    /// The highest privilege on this channel, 1 to 5.
    pub limit: u8,
}

impl ChannelAccess {
    /// Reads the answer.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [first, limit] = *head(data)?;
        Ok(Self {
            alerting: first & 0x20 == 0,
            per_message: first & 0x10 == 0,
            user_level: first & 0x08 == 0,
            mode: first & 7,
            limit: limit & 0x0F,
        })
    }

    /// Writes the answer.
    pub fn emit(&self) -> Vec<u8> {
        vec![self.octet(), self.limit & 0x0F]
    }

    fn octet(&self) -> u8 {
        let off = |on: bool, bit: u8| if on { 0 } else { bit };
        off(self.alerting, 0x20) | off(self.per_message, 0x10) | off(self.user_level, 0x08) | self.mode & 7
    }
}

/// How one may log in: what of the answer to Get Channel Authentication Capabilities is not about the
/// session itself (section 22.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginKinds {
    /// The real number of the channel.
    pub channel: u8,
    /// IPMI 1.5 types: bit 0 none, 1 MD2, 2 MD5, 4 password in the clear, 5 OEM.
    pub types: u8,
    /// There are enabled users with names.
    pub named: bool,
    /// There are enabled users without a name, who have a password.
    pub null_names: bool,
    /// There is one without name and password.
    pub anonymous: bool,
}

impl LoginKinds {
    /// Reads the answer.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [channel, types, status, ..] = *head::<8>(data)?;
        Ok(Self {
            channel: channel & 0x0F,
            types: types & 0x3F,
            named: status & 4 != 0,
            null_names: status & 2 != 0,
            anonymous: status & 1 != 0,
        })
    }
}

/// The request for [`GET_USER_ACCESS`]; users count from 1.
pub fn user_access(channel: u8, user: u8) -> Request {
    Request::new(GET_USER_ACCESS, [channel & 0x0F, user & 0x3F])
}

/// Reads that request's data, as the BMC does: channel and user.
pub fn parse_user_access_request(data: &[u8]) -> Result<(u8, u8), Error> {
    match *data {
        [channel, user] => Ok((channel & 0x0F, user & 0x3F)),
        [] | [_] => Err(Error::Truncated),
        _ => Err(Error::TooLong),
    }
}

/// Answer to [`GET_USER_ACCESS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserAccess {
    /// How many users there can be, 1 to 63.
    pub most: u8,
    /// How many of them are enabled.
    pub enabled: u8,
    /// Whether this one is; `None`: the BMC does not say.
    pub this_enabled: Option<bool>,
    /// How many have names that cannot be changed.
    pub fixed: u8,
    /// He may send IPMI messages over the channel.
    pub messages: bool,
    /// His highest privilege, 1 to 5; Fh: no access.
    pub limit: u8,
}

impl UserAccess {
    /// Reads the answer.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [most, enabled, fixed, access] = *head(data)?;
        let this_enabled = match enabled >> 6 {
            1 => Some(true),
            2 => Some(false),
            _ => None,
        };
        Ok(Self {
            most: most & 0x3F,
            enabled: enabled & 0x3F,
            this_enabled,
            fixed: fixed & 0x3F,
            messages: access & 0x10 != 0,
            limit: access & 0x0F,
        })
    }

    /// Writes the answer.
    pub fn emit(&self) -> Vec<u8> {
        let this = match self.this_enabled {
            None => 0x00,
            Some(true) => 0x40,
            Some(false) => 0x80,
        };
        let access = u8::from(self.messages) << 4 | self.limit & 0x0F;
        vec![self.most & 0x3F, this | self.enabled & 0x3F, self.fixed & 0x3F, access]
    }
}

/// Octets of a user's name.
pub const NAME: usize = 16;

/// The request for [`GET_USER_NAME`].
pub fn user_name(user: u8) -> Request {
    Request::new(GET_USER_NAME, [user & 0x3F])
}

/// Reads the answer to [`GET_USER_NAME`]: what stands before the first NUL.
pub fn parse_user_name(data: &[u8]) -> Result<&[u8], Error> {
    if data.len() > NAME {
        return Err(Error::TooLong);
    }
    Ok(data.split(|octet| *octet == 0).next().unwrap_or_default())
}

/// Writes that answer; a longer name is cut.
pub fn emit_user_name(name: &[u8]) -> Vec<u8> {
    let mut data: Vec<u8> = name.iter().copied().take(NAME).collect();
    data.resize(NAME, 0);
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_and_users_survive_the_wire() {
        let open = ChannelAccess { alerting: true, per_message: true, user_level: true, mode: 2, limit: 4 };
        assert_eq!(open.emit(), [0x02, 0x04]);
        let shut = ChannelAccess { alerting: false, user_level: false, ..open };
        assert_eq!(shut.emit(), [0x2A, 0x04]);
        for access in [open, shut] {
            assert_eq!(ChannelAccess::parse(&access.emit()), Ok(access));
        }
        for kept in [Kept::NonVolatile, Kept::Present] {
            assert_eq!(parse_channel_access_request(&channel_access(1, kept).data), Ok((1, kept)));
        }
        let set = set_channel_access(1, Kept::Present, &shut);
        assert_eq!(set.data, [1, 0xAA, 0]);
        let without_limit = ChannelAccess { limit: 0, ..shut };
        assert_eq!(parse_set_channel_access(&set.data), Ok((1, Some(Kept::Present), without_limit)));
        for wrong in [&[1, 0xEA, 0][..], &[1, 2], &[1, 2, 3, 4]] {
            assert!(parse_set_channel_access(wrong).is_err());
        }
        assert_eq!(parse_channel_access_request(&[1, 0]), Err(Error::Field));
        assert_eq!(parse_channel_access_request(&[1]), Err(Error::Truncated));
        let user = UserAccess { most: 15, enabled: 2, this_enabled: Some(true), fixed: 1, messages: true, limit: 4 };
        assert_eq!(user.emit(), [15, 0x42, 1, 0x14]);
        for this_enabled in [None, Some(false), Some(true)] {
            let user = UserAccess { this_enabled, ..user };
            assert_eq!(UserAccess::parse(&user.emit()), Ok(user));
        }
        assert_eq!(parse_user_access_request(&user_access(1, 2).data), Ok((1, 2)));
        assert_eq!(
            (UserAccess::parse(&[1, 2, 3]), ChannelAccess::parse(&[1])),
            (Err(Error::Truncated), Err(Error::Truncated))
        );
        assert_eq!(parse_user_name(&emit_user_name(b"root")), Ok(&b"root"[..]));
        assert_eq!((parse_user_name(&[]), parse_user_name(&[1; 17])), (Ok(&[][..]), Err(Error::TooLong)));
        assert_eq!((parse_global_enables(&[9]), parse_global_enables(&[])), (Ok(9), Err(Error::Truncated)));
    }

    #[test]
    fn ways_to_log_in() {
        let kinds = LoginKinds { channel: 1, types: 0x15, named: true, null_names: false, anonymous: true };
        assert_eq!(LoginKinds::parse(&[1, 0x95, 0x05, 2, 0, 0, 0, 0]), Ok(kinds));
        assert_eq!(LoginKinds::parse(&[1, 0x95, 0x05, 2]), Err(Error::Truncated));
    }
}
