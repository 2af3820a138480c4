//! Alert Immediate, by which a BMC sends a test alert now, and what must be known before: which channel is the LAN,
//! and where its alerts go (IPMI 2.0, sections 22.24, 23.2 and 30.7).
//!
//! Both directions, for the simulated BMC. Input is what a BMC answers; hostile.

use super::ipmi::{Command, Error, Request};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Alert Immediate.
pub const ALERT_IMMEDIATE: Command = Command { netfn: 0x04, number: 0x16 };
/// Get Channel Info.
pub const CHANNEL_INFO: Command = Command { netfn: 0x06, number: 0x42 };
/// Get LAN Configuration Parameters.
pub const LAN_PARAMETER: Command = Command { netfn: 0x0C, number: 0x02 };

/// LAN parameter: how many destinations there are.
pub const DESTINATIONS: u8 = 17;
/// LAN parameter: what kind of destination it is.
pub const DESTINATION_TYPE: u8 = 18;
/// LAN parameter: where it is.
pub const DESTINATION_ADDRESS: u8 = 19;

/// Channel medium: 802.3 LAN.
const MEDIUM_LAN: u8 = 0x04;
/// Alert Immediate rejected: another alert is on its way.
pub const BUSY: u8 = 0x81;
/// The octets of an event are not supported.
pub const NO_EVENT: u8 = 0x83;

/// An event as Alert Immediate carries it: generator, format, sensor type and number, direction and type, data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestEvent(pub [u8; 8]);

/// System software (40h to 46h) makes it, bit 0 set: it is a software id.
const GENERATOR: u8 = 0x41;
/// Event message format of IPMI 1.5 and later.
const FORMAT: u8 = 0x04;
/// Sensor type: system event.
pub const SENSOR_TYPE: u8 = 0x12;
/// Event type: sensor-specific, asserted.
pub const EVENT_TYPE: u8 = 0x6F;
/// Offset of that type: a time stamp clock was set. Nothing dies of that.
pub const OFFSET: u8 = 0x05;
/// Event data 1: octets 2 and 3 hold what the maker says.
const OEM_DATA: u8 = 0xA0;

impl TestEvent {
    /// The one that asks for nobody's attention, with a number that tells one drill from the next.
    pub fn numbered(nonce: [u8; 2]) -> Self {
        Self([GENERATOR, FORMAT, SENSOR_TYPE, 0, EVENT_TYPE, OEM_DATA | OFFSET, nonce[0], nonce[1]])
    }

    /// Its event data, as a trap repeats them.
    pub fn data(&self) -> [u8; 3] {
        [self.0[5], self.0[6], self.0[7]]
    }
}

/// What Alert Immediate is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Send an alert, of this event if it is told.
    Send(Option<TestEvent>),
    /// What became of the last one?
    Status,
}

/// The request.
pub fn alert_immediate(channel: u8, destination: u8, operation: Operation) -> Request {
    let (number, event) = match operation {
        Operation::Send(event) => (0, event),
        Operation::Status => (1, None),
    };
    let mut data = vec![channel & 0x0F, number << 6 | destination & 0x0F, 0];
    data.extend(event.iter().flat_map(|event| event.0));
    Request::new(ALERT_IMMEDIATE, data)
}

/// What the BMC thinks of its last immediate alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It has nothing to say.
    Nothing,
    /// It was sent, and acknowledged if the destination is to acknowledge.
    Sent,
    /// The connection could not be made.
    Unconnected,
    /// No acknowledgement came, in all its tries.
    Unacknowledged,
    /// It is on its way.
    Running,
}

impl Fate {
    /// Reads the answer to [`Operation::Status`].
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        Ok(match data.first().ok_or(Error::Truncated)? {
            0x00 => Self::Nothing,
            0x01 => Self::Sent,
            0x02 => Self::Unconnected,
            0x03 => Self::Unacknowledged,
            0xFF => Self::Running,
            _ => return Err(Error::Field),
        })
    }
}

/// The request for what a channel is.
pub fn channel_info(channel: u8) -> Request {
    Request::new(CHANNEL_INFO, [channel & 0x0F])
}

/// The number of the channel, if it is a LAN.
pub fn parse_lan_channel(data: &[u8]) -> Result<Option<u8>, Error> {
    match data {
        [number, medium, ..] => Ok((medium & 0x7F == MEDIUM_LAN).then_some(number & 0x0F)),
        _ => Err(Error::Truncated),
    }
}

/// The request for a LAN parameter.
pub fn lan_parameter(channel: u8, parameter: u8, set: u8) -> Request {
    Request::new(LAN_PARAMETER, [channel & 0x0F, parameter, set, 0])
}

/// How many destinations there are beside the volatile one.
pub fn parse_destinations(data: &[u8]) -> Result<u8, Error> {
    match data {
        [_revision, count, ..] => Ok(count & 0x0F),
        _ => Err(Error::Truncated),
    }
}

/// Whether the destination is sent PETs.
pub fn parse_is_pet(data: &[u8]) -> Result<bool, Error> {
    match data {
        [_revision, _set, kind, ..] => Ok(kind & 0x07 == 0),
        _ => Err(Error::Truncated),
    }
}

/// Where the destination is; none: nowhere, or in a format that we do not know.
pub fn parse_destination(data: &[u8]) -> Result<Option<IpAddr>, Error> {
    let (format, rest) = match data {
        [_revision, _set, format, rest @ ..] => (format >> 4, rest),
        _ => return Err(Error::Truncated),
    };
    let address = match format {
        0 => {
            let Some(octets) = rest.get(1..5) else { return Err(Error::Truncated) };
            IpAddr::V4(<[u8; 4]>::try_from(octets).map(Ipv4Addr::from).map_err(|_| Error::Truncated)?)
        }
        1 => IpAddr::V6(Ipv6Addr::from(*rest.first_chunk::<16>().ok_or(Error::Truncated)?)),
        _ => return Ok(None),
    };
    Ok((!address.is_unspecified()).then_some(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_as_the_specification_has_them() {
        let event = TestEvent::numbered([0xBE, 0xEF]);
        let request = alert_immediate(1, 2, Operation::Send(Some(event)));
        assert_eq!((request.netfn, request.command), (0x04, 0x16));
        assert_eq!(request.data, [1, 2, 0, 0x41, 0x04, 0x12, 0, 0x6F, 0xA5, 0xBE, 0xEF]);
        assert_eq!(event.data(), [0xA5, 0xBE, 0xEF]);
        assert_eq!(alert_immediate(1, 2, Operation::Status).data, [1, 0x42, 0]);
        assert_eq!(alert_immediate(1, 2, Operation::Send(None)).data, [1, 2, 0]);
    }

    #[test]
    fn answers_of_every_length() {
        assert_eq!(parse_lan_channel(&[0x01, 0x84, 0x01]), Ok(Some(1)));
        assert_eq!(parse_lan_channel(&[0x0F, 0x0C]), Ok(None));
        assert_eq!(parse_destinations(&[0x11, 0xF4]), Ok(4));
        assert_eq!(parse_is_pet(&[0x11, 1, 0x80, 5, 3]), Ok(true));
        assert_eq!(parse_is_pet(&[0x11, 1, 0x06]), Ok(false));
        let v4 = [0x11, 1, 0x00, 0x01, 192, 0, 2, 7, 1, 2, 3, 4, 5, 6];
        assert_eq!(parse_destination(&v4), Ok(Some("192.0.2.7".parse().unwrap())));
        let v6: Vec<u8> = [0x11, 1, 0x10].into_iter().chain([0xFD; 16]).collect();
        assert_eq!(parse_destination(&v6), Ok(Some(IpAddr::from([0xFD; 16]))));
        assert_eq!(parse_destination(&[0x11, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6]), Ok(None));
        assert_eq!(parse_destination(&[0x11, 1, 0x20, 1]), Ok(None), "an unknown format");
        for length in 0..v4.len() {
            let cut = parse_destination(&v4[..length]);
            assert_eq!(cut.is_err(), length < 8, "{length}: {cut:?}");
        }
        for (octet, fate) in [(0, Fate::Nothing), (1, Fate::Sent), (3, Fate::Unacknowledged), (0xFF, Fate::Running)] {
            assert_eq!(Fate::parse(&[octet]), Ok(fate));
        }
        assert!(Fate::parse(&[]).is_err() && Fate::parse(&[4]).is_err());
    }
}
