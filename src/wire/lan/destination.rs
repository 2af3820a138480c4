//! A BMC's alert destinations: parameters 18 and 19 of the LAN configuration (IPMI 2.0, table 23-4).
//!
//! Both directions, as in `lan`. Input is a BMC's; hostile.

use crate::wire::ipmi::{Error, head};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Type of a destination that gets Platform Event Traps.
pub const PET: u8 = 0;

/// Parameter 18: how one destination is alerted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    /// Its number; 0 is the volatile one.
    pub number: u8,
    /// An alert is sent again until it is acknowledged.
    pub acknowledged: bool,
    /// [`PET`], or 6 and 7: OEM.
    pub kind: u8,
    /// Until it is sent again; counts from 0, so that 0 is one second.
    pub timeout: u8,
    /// How often it is sent again, 0 to 7.
    pub retries: u8,
}

impl Destination {
    /// Reads the parameter.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [number, kind, timeout, retries] = *head(data)?;
        Ok(Self {
            number: number & 0x0F,
            acknowledged: kind & 0x80 != 0,
            kind: kind & 7,
            timeout,
            retries: retries & 7,
        })
    }

    /// Writes the parameter.
    pub fn emit(&self) -> Vec<u8> {
        let kind = u8::from(self.acknowledged) << 7 | self.kind & 7;
        vec![self.number & 0x0F, kind, self.timeout, self.retries & 7]
    }

    /// Seconds between two transmissions.
    pub fn seconds(&self) -> u16 {
        u16::from(self.timeout) + 1
    }
}

/// Parameter 19: where one destination is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DestinationAddress {
    /// Its number.
    pub number: u8,
    /// The address; there is no port: it is always 162.
    pub to: To,
}

/// An alert's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// By IPv4.
    V4 {
        /// Bit 0 (some read bit 7): through the backup gateway. Kept as it was read.
        gateway: u8,
        /// The address.
        address: Ipv4Addr,
        /// Its hardware address; zero: the BMC asks by ARP, or knows its gateway's.
        mac: [u8; 6],
    },
    /// By IPv6.
    V6(Ipv6Addr),
}

impl To {
    /// The address alone.
    pub fn ip(&self) -> IpAddr {
        match self {
            Self::V4 { address, .. } => (*address).into(),
            Self::V6(address) => (*address).into(),
        }
    }
}

impl DestinationAddress {
    /// Reads the parameter.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [number, format] = *head(data)?;
        let to = match format >> 4 {
            0 => {
                let [_, _, gateway, a, b, c, d, mac @ ..] = *head::<13>(data)?;
                To::V4 { gateway, address: [a, b, c, d].into(), mac }
            }
            1 => {
                let [_, _, octets @ ..] = *head::<18>(data)?;
                To::V6(octets.into())
            }
            _ => return Err(Error::Field),
        };
        Ok(Self { number: number & 0x0F, to })
    }

    /// Writes the parameter.
    pub fn emit(&self) -> Vec<u8> {
        let number = self.number & 0x0F;
        match self.to {
            To::V4 { gateway, address, mac } => {
                let mut data = vec![number, 0x00, gateway];
                data.extend(address.octets());
                data.extend(mac);
                data
            }
            To::V6(address) => {
                let mut data = vec![number, 0x10];
                data.extend(address.octets());
                data
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_survive_the_wire() {
        let destination = Destination { number: 1, acknowledged: true, kind: PET, timeout: 4, retries: 3 };
        assert_eq!(destination.emit(), [1, 0x80, 4, 3]);
        assert_eq!(Destination::parse(&destination.emit()), Ok(destination));
        assert_eq!(destination.seconds(), 5);
        let v4 = To::V4 { gateway: 1, address: Ipv4Addr::new(10, 0, 0, 9), mac: [1, 2, 3, 4, 5, 6] };
        for to in [v4, To::V6(Ipv6Addr::LOCALHOST)] {
            let told = DestinationAddress { number: 1, to };
            let octets = told.emit();
            assert_eq!(DestinationAddress::parse(&octets), Ok(told));
            for cut in 0..octets.len() {
                assert_eq!(DestinationAddress::parse(&octets[..cut]), Err(Error::Truncated), "{cut}");
            }
        }
        assert_eq!(Destination::parse(&[1]), Err(Error::Truncated));
        assert_eq!(DestinationAddress::parse(&[1, 0x20]), Err(Error::Field));
    }
}
