//! The LAN configuration parameters: where a BMC listens, and where it sends its alerts
//! (IPMI 2.0, sections 23.1 and 23.2, table 23-4).
//!
//! Both directions: `parse` reads a parameter's data, the revision octet in front taken off by
//! [`answered`]; `emit` writes them, for Set and for the simulated BMC. Alert destinations are in
//! `lan/destination.rs`. Input is a BMC's; hostile.

mod destination;

pub use destination::{Destination, DestinationAddress, PET, To};

use super::ipmi::{Command, Error, Request, exactly, head};
use core::net::{Ipv4Addr, Ipv6Addr};

/// Set LAN Configuration Parameters.
pub const SET: Command = Command { netfn: 0x0C, number: 0x01 };
/// Get LAN Configuration Parameters.
pub const GET: Command = Command { netfn: 0x0C, number: 0x02 };

/// Before the data of every answer: the revision of the parameter's format, oldest and present.
pub const REVISION: u8 = 0x11;

/// Completion code: the BMC does not have the parameter.
pub const UNSUPPORTED: u8 = 0x80;
/// Completion code: somebody else's Set is in progress.
pub const IN_PROGRESS: u8 = 0x81;
/// Completion code: the parameter cannot be written.
pub const READ_ONLY: u8 = 0x82;

/// The numbers of the parameters that are used here.
pub mod parameter {
    /// See [`super::Progress`].
    pub const PROGRESS: u8 = 0;
    /// The BMC's IPv4 address, 4 octets.
    pub const ADDRESS: u8 = 3;
    /// Where it has the address from: bits 3:0 say 1 static, 2 DHCP, 3 BIOS, 4 other.
    pub const ADDRESS_SOURCE: u8 = 4;
    /// Its MAC address, 6 octets.
    pub const MAC: u8 = 5;
    /// The community of its traps; see [`super::community`].
    pub const COMMUNITY: u8 = 16;
    /// Bits 3:0: alert destinations beside the volatile one, which is number 0.
    pub const DESTINATIONS: u8 = 17;
    /// See [`super::Destination`]; a set selector.
    pub const DESTINATION: u8 = 18;
    /// See [`super::DestinationAddress`]; a set selector.
    pub const DESTINATION_ADDRESS: u8 = 19;
    /// Bits 3:0: how many cipher suites are offered.
    pub const SUITE_COUNT: u8 = 22;
    /// Which they are; see [`super::suites`].
    pub const SUITES: u8 = 23;
    /// What each may do; see [`super::SuitePrivileges`].
    pub const SUITE_PRIVILEGES: u8 = 24;
    /// Bit 0 IPv6 alone, 1 both at once, 2 IPv6 destinations of alerts.
    pub const IPV6_SUPPORT: u8 = 50;
    /// 0 IPv4 alone, 1 IPv6 alone, 2 both.
    pub const IPV6_ENABLES: u8 = 51;
    /// See [`super::Ipv6Address`]; a set selector. The low nibble of its octet 1 is its source.
    pub const IPV6_STATIC: u8 = 56;
    /// The same, for what DHCPv6 or a router gave.
    pub const IPV6_DYNAMIC: u8 = 59;
}

/// The request for a parameter.
pub fn get(channel: u8, parameter: u8, set: u8) -> Request {
    Request::new(GET, [channel & 0x0F, parameter, set, 0])
}

/// The request that writes a parameter.
pub fn set(channel: u8, parameter: u8, data: &[u8]) -> Request {
    let mut all = vec![channel & 0x0F, parameter];
    all.extend(data);
    Request::new(SET, all)
}

/// What [`get`] asks, as the BMC reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The channel; 0Eh is the one that the request came by.
    pub channel: u8,
    /// Only the revision octet is wanted.
    pub revision_only: bool,
    /// The parameter.
    pub parameter: u8,
    /// Which of a table.
    pub set: u8,
    /// Which part of a long parameter.
    pub block: u8,
}

impl Asked {
    /// Reads the request's data.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [channel, parameter, set, block] = *exactly(data)?;
        Ok(Self { channel: channel & 0x0F, revision_only: channel & 0x80 != 0, parameter, set, block })
    }
}

/// What [`set`] writes, as the BMC reads it: channel, parameter and its data.
pub fn parse_set(data: &[u8]) -> Result<(u8, u8, &[u8]), Error> {
    match data {
        [channel, parameter, data @ ..] => Ok((channel & 0x0F, *parameter, data)),
        _ => Err(Error::Truncated),
    }
}

/// The parameter's data in an answer to Get: what follows the revision.
pub fn answered(data: &[u8]) -> Result<&[u8], Error> {
    data.split_first().map(|(_revision, data)| data).ok_or(Error::Truncated)
}

/// The octets of an answer to Get.
pub fn answer(data: &[u8]) -> Vec<u8> {
    let mut all = vec![REVISION];
    all.extend(data);
    all
}

/// Parameter 0, here and of PEF: whether somebody writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nobody does; to be written at the end.
    Complete = 0,
    /// Somebody does, or wants to.
    InProgress = 1,
    /// Make what was written last; not every BMC wants it.
    Commit = 2,
}

impl Progress {
    /// Reads the parameter.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        match *head(data)? {
            [state] if state & 3 == 0 => Ok(Self::Complete),
            [state] if state & 3 == 1 => Ok(Self::InProgress),
            [state] if state & 3 == 2 => Ok(Self::Commit),
            [_] => Err(Error::Field),
        }
    }

    /// Writes the parameter.
    pub fn emit(self) -> Vec<u8> {
        vec![self as u8]
    }
}

/// Reads [`parameter::ADDRESS`].
pub fn parse_address(data: &[u8]) -> Result<Ipv4Addr, Error> {
    head::<4>(data).copied().map(Ipv4Addr::from)
}

/// Octets of a community in its parameter.
pub const COMMUNITY: usize = 18;

/// Reads [`parameter::COMMUNITY`]: what stands before the first NUL.
pub fn parse_community(data: &[u8]) -> Result<&[u8], Error> {
    if data.len() > COMMUNITY {
        return Err(Error::TooLong);
    }
    Ok(data.split(|octet| *octet == 0).next().unwrap_or_default())
}

/// Writes [`parameter::COMMUNITY`]; `None`: it has no room for so long a one.
pub fn community(community: &[u8]) -> Option<Vec<u8>> {
    let mut data = community.to_vec();
    (data.len() <= COMMUNITY && !data.contains(&0)).then(|| {
        data.resize(COMMUNITY, 0);
        data
    })
}

/// Cipher suites in parameters 22 to 24 at most.
pub const SUITES: usize = 16;

/// Reads [`parameter::SUITES`], of which `count` (parameter 22) are told: a reserved octet, then the ids.
pub fn parse_suites(count: u8, data: &[u8]) -> Result<Vec<u8>, Error> {
    let (_, ids) = data.split_first().ok_or(Error::Truncated)?;
    let count = usize::from(count & 0x1F).min(SUITES);
    ids.get(..count).map(<[u8]>::to_vec).ok_or(Error::Truncated)
}

/// Writes [`parameter::SUITES`].
pub fn suites(ids: &[u8]) -> Vec<u8> {
    let mut data = vec![0];
    data.extend(ids.iter().take(SUITES));
    data.resize(1 + SUITES, 0);
    data
}

/// Parameter 24: the highest privilege of each suite, in the order of parameter 23.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SuitePrivileges(pub [u8; SUITES]);

impl SuitePrivileges {
    /// Reads the parameter: a reserved octet, then two suites an octet, the first in the low nibble. A
    /// privilege is 0 (not usable), 1 callback, 2 user, 3 operator, 4 administrator, 5 OEM.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [_, octets @ ..] = head::<9>(data)?;
        let mut levels = [0; SUITES];
        for (pair, octet) in levels.chunks_exact_mut(2).zip(octets) {
            pair.copy_from_slice(&[octet & 0x0F, octet >> 4]);
        }
        Ok(Self(levels))
    }

    /// Writes the parameter.
    pub fn emit(&self) -> Vec<u8> {
        let mut data = vec![0];
        let nibbles = |pair: &[u8]| pair.iter().rev().fold(0, |octet, level| octet << 4 | level & 0x0F);
        data.extend(self.0.chunks_exact(2).map(nibbles));
        data
    }
}

/// Parameters 56 and 59: one IPv6 address of the BMC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv6Address {
    /// Which of the table.
    pub number: u8,
    /// Bit 7: enabled (static ones); 3:0: where it is from.
    pub source: u8,
    /// The address.
    pub address: Ipv6Addr,
    /// Bits of its prefix.
    pub prefix: u8,
    /// 0 active, 1 disabled, 2 pending, 3 failed, 4 deprecated, 5 invalid.
    pub status: u8,
}

impl Ipv6Address {
    /// Reads the parameter.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [number, source, octets @ .., prefix, status] = head::<20>(data)?;
        let mut address = [0; 16];
        address.copy_from_slice(octets);
        Ok(Self { number: *number, source: *source, address: address.into(), prefix: *prefix, status: *status })
    }

    /// Writes the parameter.
    pub fn emit(&self) -> Vec<u8> {
        let mut data = vec![self.number, self.source];
        data.extend(self.address.octets());
        data.extend([self.prefix, self.status]);
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_as_ipmitool_sends_them() {
        assert_eq!(get(1, parameter::DESTINATION_ADDRESS, 2).data, [1, 19, 2, 0]);
        assert_eq!(Asked::parse(&[0x81, 19, 2, 0]).map(|asked| (asked.channel, asked.revision_only)), Ok((1, true)));
        assert_eq!(parse_set(&set(1, 0, &Progress::InProgress.emit()).data), Ok((1, 0, &[1][..])));
        assert_eq!(Asked::parse(&[1, 2, 3]), Err(Error::Truncated));
        assert_eq!(Asked::parse(&[1, 2, 3, 4, 5]), Err(Error::TooLong));
        assert_eq!(parse_set(&[1]), Err(Error::Truncated));
        assert_eq!((answered(&[]), answered(&answer(&[7]))), (Err(Error::Truncated), Ok(&[7][..])));
    }

    #[test]
    fn communities_have_room_for_eighteen_octets() {
        let octets = community(b"public").unwrap();
        assert_eq!((octets.len(), parse_community(&octets)), (18, Ok(&b"public"[..])));
        assert_eq!(parse_community(b"public"), Ok(&b"public"[..]), "some tell it without its zeros");
        assert_eq!((community(&[b'x'; 19]), community(b"a\0b")), (None, None));
        assert_eq!(parse_community(&[b'x'; 19]), Err(Error::TooLong));
    }

    #[test]
    fn suites_and_their_privileges() {
        assert_eq!(parse_suites(2, &suites(&[3, 17])), Ok(vec![3, 17]));
        assert_eq!(parse_suites(2, &[0, 3]), Err(Error::Truncated));
        assert_eq!(parse_suites(0xFF, &[]), Err(Error::Truncated));
        let mut levels = SuitePrivileges::default();
        levels.0[0] = 4;
        levels.0[1] = 2;
        levels.0[15] = 3;
        assert_eq!(levels.emit(), [0, 0x24, 0, 0, 0, 0, 0, 0, 0x30]);
        assert_eq!(SuitePrivileges::parse(&levels.emit()), Ok(levels));
        assert_eq!(SuitePrivileges::parse(&[0; 8]), Err(Error::Truncated));
    }

    #[test]
    fn nothing_of_a_wrong_length_is_believed() {
        for cut in 0..20 {
            assert_eq!(Ipv6Address::parse(&[0xFF; 20][..cut]), Err(Error::Truncated));
        }
        let address = Ipv6Address { number: 0, source: 0x80, address: Ipv6Addr::LOCALHOST, prefix: 64, status: 0 };
        assert_eq!(Ipv6Address::parse(&address.emit()), Ok(address));
        assert_eq!((Progress::parse(&[3]), Progress::parse(&[])), (Err(Error::Field), Err(Error::Truncated)));
        assert_eq!(parse_address(&[1, 2, 3]), Err(Error::Truncated));
    }
}
