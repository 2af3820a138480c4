//! The few IPMI commands that this library itself speaks: their numbers, requests and answers
//! (IPMI 2.0, chapters 20, 22, 27, 28, 30, 31; table G-1 for the numbers).
//!
//! `parse` takes the data after a good completion code and is forgiving about octets that later
//! versions append, never about missing ones; `emit` is for the simulated BMC. Input is hostile.

pub use super::ipmi::Command;
use super::ipmi::{Error, Request, exactly, head};
use crate::words::Guid;

const fn command(netfn: u8, number: u8) -> Command {
    Command { netfn, number }
}

/// Get Chassis Status.
pub const CHASSIS_STATUS: Command = command(0x00, 0x01);
/// Chassis Control.
pub const CHASSIS_CONTROL: Command = command(0x00, 0x02);
/// PET Acknowledge.
pub const PET_ACKNOWLEDGE: Command = command(0x04, 0x17);
/// Get Device ID.
pub const GET_DEVICE_ID: Command = command(0x06, 0x01);
/// Reset Watchdog Timer.
pub const RESET_WATCHDOG: Command = command(0x06, 0x22);
/// Set Watchdog Timer.
pub const SET_WATCHDOG: Command = command(0x06, 0x24);
/// Get Watchdog Timer.
pub const GET_WATCHDOG: Command = command(0x06, 0x25);
/// Get System GUID.
pub const GET_SYSTEM_GUID: Command = command(0x06, 0x37);
/// Get Channel Authentication Capabilities.
pub const AUTH_CAPABILITIES: Command = command(0x06, 0x38);
/// Set Session Privilege Level.
pub const SET_SESSION_PRIVILEGE: Command = command(0x06, 0x3B);
/// Close Session.
pub const CLOSE_SESSION: Command = command(0x06, 0x3C);
/// Get Session Info.
pub const GET_SESSION_INFO: Command = command(0x06, 0x3D);
/// Get Channel Info.
pub const CHANNEL_INFO: Command = command(0x06, 0x42);
/// Get Channel Cipher Suites.
pub const CIPHER_SUITES: Command = command(0x06, 0x54);
/// Get SDR Repository Info.
pub const SDR_INFO: Command = command(0x0A, 0x20);
/// Reserve SDR Repository.
pub const RESERVE_SDR: Command = command(0x0A, 0x22);
/// Get SDR.
pub const GET_SDR: Command = command(0x0A, 0x23);
/// Get SEL Info.
pub const SEL_INFO: Command = command(0x0A, 0x40);
/// Reserve SEL.
pub const RESERVE_SEL: Command = command(0x0A, 0x42);
/// Get SEL Entry.
pub const GET_SEL_ENTRY: Command = command(0x0A, 0x43);
/// Add SEL Entry.
pub const ADD_SEL_ENTRY: Command = command(0x0A, 0x44);

/// The channel that the request comes in by.
pub const THIS_CHANNEL: u8 = 0x0E;

/// Answer to [`GET_DEVICE_ID`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceId {
    /// Device id and revision.
    pub device: [u8; 2],
    /// Firmware, major; its bit 7 (not ready) is in `updating`.
    pub firmware_major: u8,
    /// Firmware, minor, as BCD.
    pub firmware_minor: u8,
    /// The BMC initialises or updates itself.
    pub updating: bool,
    /// 02h is IPMI 2.0, 51h is 1.5.
    pub ipmi_version: u8,
    /// What the BMC offers; bit 2 SEL, bit 7 chassis.
    pub support: u8,
    /// IANA number of the manufacturer, 24 bits.
    pub manufacturer: u32,
    /// Product, by the manufacturer.
    pub product: u16,
}

impl DeviceId {
    /// Reads the answer; the auxiliary firmware revision is left.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [id, revision, major, minor, version, support, m0, m1, m2, p0, p1] = *head(data)?;
        Ok(Self {
            device: [id, revision],
            firmware_major: major & 0x7F,
            firmware_minor: minor,
            updating: major & 0x80 != 0,
            ipmi_version: version,
            support,
            manufacturer: u32::from_le_bytes([m0, m1, m2, 0]),
            product: u16::from_le_bytes([p0, p1]),
        })
    }

    /// Writes the answer.
    pub fn emit(&self) -> Vec<u8> {
        let [m0, m1, m2, _] = self.manufacturer.to_le_bytes();
        let [p0, p1] = self.product.to_le_bytes();
        let major = self.firmware_major & 0x7F | u8::from(self.updating) << 7;
        let [id, revision] = self.device;
        vec![id, revision, major, self.firmware_minor, self.ipmi_version, self.support, m0, m1, m2, p0, p1]
    }
}

/// Reads the answer to [`GET_SYSTEM_GUID`], in wire order.
pub fn parse_guid(data: &[u8]) -> Result<Guid, Error> {
    exactly(data).copied().map(Guid)
}

/// The request for [`CHANNEL_INFO`].
pub fn channel_info(channel: u8) -> Request {
    Request::new(CHANNEL_INFO, [channel & 0x0F])
}

/// Reads the answer to [`CHANNEL_INFO`]: the channel's number, if it is an 802.3 LAN.
pub fn parse_lan_channel(data: &[u8]) -> Result<Option<u8>, Error> {
    let [number, medium] = *head(data)?;
    Ok((medium & 0x7F == 0x04).then_some(number & 0x0F))
}

/// The request for [`AUTH_CAPABILITIES`] of this channel, with the IPMI 2.0 data.
pub fn auth_capabilities(privilege: u8) -> Request {
    auth_capabilities_of(THIS_CHANNEL, privilege)
}

/// The same of another channel.
pub fn auth_capabilities_of(channel: u8, privilege: u8) -> Request {
    Request::new(AUTH_CAPABILITIES, [0x80 | channel & 0x0F, privilege])
}

/// Answer to [`AUTH_CAPABILITIES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthCapabilities {
    /// The real number of the channel.
    pub channel: u8,
    /// A BMC key (Kg) other than zero is set.
    pub kg: bool,
    /// The channel takes RMCP+.
    pub rmcp_plus: bool,
}

impl AuthCapabilities {
    /// Reads the answer.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [channel, types, status, versions, ..] = *head::<8>(data)?;
        let extended = types & 0x80 != 0;
        Ok(Self { channel, kg: extended && status & 0x20 != 0, rmcp_plus: extended && versions & 0x02 != 0 })
    }

    /// Writes the answer of a BMC that takes RMCP+ and named users alone.
    pub fn emit(&self) -> Vec<u8> {
        let status = u8::from(self.kg) << 5 | 0x04;
        vec![self.channel, 0x80, status, u8::from(self.rmcp_plus) << 1, 0, 0, 0, 0]
    }
}

/// Octets of the cipher suite list in one answer; a shorter one is the last.
pub const SUITE_LIST_PART: usize = 16;
/// Answers that a list may have: its index has 6 bits.
pub const SUITE_LIST_PARTS: u8 = 64;

/// The request for one part of this channel's cipher suite list.
pub fn cipher_suites(index: u8) -> Request {
    cipher_suites_of(THIS_CHANNEL, index)
}

/// The same of another channel.
pub fn cipher_suites_of(channel: u8, index: u8) -> Request {
    Request::new(CIPHER_SUITES, [channel & 0x0F, 0x00, 0x80 | index & 0x3F])
}

/// Reads one answer to [`CIPHER_SUITES`]: its part of the list.
pub fn parse_suite_part(data: &[u8]) -> Result<&[u8], Error> {
    match data {
        [_channel, part @ ..] if part.len() <= SUITE_LIST_PART => Ok(part),
        [_, ..] => Err(Error::TooLong),
        [] => Err(Error::Truncated),
    }
}

/// The standard cipher suites in the joined list, in its order; OEM ones are left out.
pub fn parse_suite_list(mut list: &[u8]) -> Result<Vec<u8>, Error> {
    let mut suites = Vec::new();
    while !list.is_empty() {
        list = match *list {
            [0xC0, id, ref rest @ ..] => {
                suites.push(id);
                rest
            }
            [0xC1, _, _, _, _, ref rest @ ..] => rest,
            [0xC0 | 0xC1, ..] => return Err(Error::Truncated),
            _ => return Err(Error::Field),
        };
        let tags = list.iter().take_while(|octet| **octet < 0xC0).count();
        list = &list[tags..];
    }
    Ok(suites)
}

/// The request that raises the session to `privilege`.
pub fn set_session_privilege(privilege: u8) -> Request {
    Request::new(SET_SESSION_PRIVILEGE, [privilege])
}

/// The request that ends the session with this id of the BMC's.
pub fn close_session(bmc_session: u32) -> Request {
    Request::new(CLOSE_SESSION, bmc_session.to_le_bytes())
}

/// Answer to [`CHASSIS_STATUS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChassisStatus {
    /// The server has power.
    pub power: bool,
    /// Bits: 0 AC failed, 1 overload, 2 interlock, 3 power fault, 4 turned on by command.
    pub last_event: u8,
}

impl ChassisStatus {
    /// Reads the answer.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [power, last_event, _misc] = *head(data)?;
        Ok(Self { power: power & 1 != 0, last_event: last_event & 0x1F })
    }

    /// Writes the answer.
    pub fn emit(&self) -> Vec<u8> {
        vec![u8::from(self.power), self.last_event, 0]
    }
}

/// What [`CHASSIS_CONTROL`] can do. Numbers are the wire's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Control {
    /// Power off at once.
    PowerDown = 0,
    /// Power on.
    PowerUp = 1,
    /// Off, then on.
    PowerCycle = 2,
    /// Reset line.
    HardReset = 3,
    /// Diagnostic interrupt (NMI).
    Nmi = 4,
    /// Ask the operating system to shut down.
    SoftOff = 5,
}

impl Control {
    /// The request.
    pub fn request(self) -> Request {
        Request::new(CHASSIS_CONTROL, [self as u8])
    }

    /// Reads the request's data.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [number] = *exactly(data)?;
        Ok(match number & 0x0F {
            0 => Self::PowerDown,
            1 => Self::PowerUp,
            2 => Self::PowerCycle,
            3 => Self::HardReset,
            4 => Self::Nmi,
            5 => Self::SoftOff,
            _ => return Err(Error::Field),
        })
    }
}

/// The present countdown and settings: answer to [`GET_WATCHDOG`], and, without the last two fields,
/// data of [`SET_WATCHDOG`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watchdog {
    /// Bit 7: no SEL entry on expiry.
    pub dont_log: bool,
    /// Get: it runs. Set: it is not stopped.
    pub running: bool,
    /// 1 FRB2, 2 POST, 3 OS load, 4 SMS/OS, 5 OEM.
    pub timer_use: u8,
    /// Pre-timeout interrupt and action octet.
    pub actions: u8,
    /// Seconds before the action that the interrupt comes.
    pub pre_timeout: u8,
    /// Bit n: use n has expired. Set: clears the bits that are one.
    pub expired: u8,
    /// Start value, in 100 ms.
    pub initial: u16,
    /// Get: what is left, in 100 ms.
    pub present: u16,
}

impl Watchdog {
    /// Reads the answer to Get.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [timer_use, actions, pre_timeout, expired, i0, i1, p0, p1] = *head(data)?;
        Ok(Self {
            dont_log: timer_use & 0x80 != 0,
            running: timer_use & 0x40 != 0,
            timer_use: timer_use & 7,
            actions,
            pre_timeout,
            expired,
            initial: u16::from_le_bytes([i0, i1]),
            present: u16::from_le_bytes([p0, p1]),
        })
    }

    /// Reads the data of Set.
    pub fn parse_set(data: &[u8]) -> Result<Self, Error> {
        let [a, b, c, d, e, f] = *exactly(data)?;
        Self::parse(&[a, b, c, d, e, f, 0, 0])
    }

    /// Writes the data of Set.
    pub fn emit_set(&self) -> Vec<u8> {
        let first = u8::from(self.dont_log) << 7 | u8::from(self.running) << 6 | self.timer_use & 7;
        let [i0, i1] = self.initial.to_le_bytes();
        vec![first, self.actions, self.pre_timeout, self.expired, i0, i1]
    }

    /// Writes the answer to Get.
    pub fn emit(&self) -> Vec<u8> {
        let mut data = self.emit_set();
        data.extend(self.present.to_le_bytes());
        data
    }
}

/// Data of [`PET_ACKNOWLEDGE`]: what the trap said, in little-endian here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PetAcknowledge {
    /// Octets 16 and 17 of the trap.
    pub sequence: u16,
    /// Octets 18 to 21.
    pub timestamp: u32,
    /// Octet 25.
    pub event_source: u8,
    /// Octet 27.
    pub sensor_device: u8,
    /// Octet 28.
    pub sensor_number: u8,
    /// Octets 31 to 33.
    pub event_data: [u8; 3],
}

impl PetAcknowledge {
    /// The request.
    pub fn request(&self) -> Request {
        let mut data = self.sequence.to_le_bytes().to_vec();
        data.extend(self.timestamp.to_le_bytes());
        data.extend([self.event_source, self.sensor_device, self.sensor_number]);
        data.extend(self.event_data);
        Request::new(PET_ACKNOWLEDGE, data)
    }

    /// Reads the request's data.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [s0, s1, t0, t1, t2, t3, event_source, sensor_device, sensor_number, event_data @ ..] =
            *exactly::<12>(data)?;
        Ok(Self {
            sequence: u16::from_le_bytes([s0, s1]),
            timestamp: u32::from_le_bytes([t0, t1, t2, t3]),
            event_source,
            sensor_device,
            sensor_number,
            event_data,
        })
    }
}
