//! Alerts by hand, and how far the filters have come (IPMI 2.0, sections 30.6 and 30.7).
//!
//! Both directions. Input is a BMC's, or for the simulated BMC a console's; hostile.

use super::{exactly, head};
use crate::wire::ipmi::{Command, Error, Request};
use crate::wire::sel::Record;

/// Get Last Processed Event ID.
pub const LAST_PROCESSED: Command = Command { netfn: 0x04, number: 0x15 };
/// Alert Immediate.
pub const ALERT_IMMEDIATE: Command = Command { netfn: 0x04, number: 0x16 };

/// Completion code of [`ALERT_IMMEDIATE`]: another alert is under way.
pub const ALERT_BUSY: u8 = 0x81;
/// Completion code of [`ALERT_IMMEDIATE`]: an IPMI session is open on the channel (serial ones alone).
pub const SESSION_ACTIVE: u8 = 0x82;

/// What [`ALERT_IMMEDIATE`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Sends an alert.
    Send = 0,
    /// Asks what became of the last one.
    Status = 1,
    /// Forgets what became of it.
    Clear = 2,
}

/// The event that an alert tells, where the BMC takes one: what Platform Event has, its generator in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertEvent {
    /// Slave address or software id.
    pub generator: u8,
    /// Revision of the event message: 04h.
    pub revision: u8,
    /// The sensor's type.
    pub sensor_type: u8,
    /// The sensor's number.
    pub sensor: u8,
    /// Bit 7 deassertion; 6:0 the event type.
    pub event_type: u8,
    /// Offset and details.
    pub data: [u8; 3],
}

/// Data of [`ALERT_IMMEDIATE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertImmediate {
    /// The channel that the alert goes out by.
    pub channel: u8,
    /// What to do.
    pub operation: Operation,
    /// The destination; 0 is the volatile one.
    pub destination: u8,
    /// Bit 7: a string goes with it; 6:0 which.
    pub string: u8,
    /// What it tells. Without it the BMC chooses; some refuse it as too long.
    pub event: Option<AlertEvent>,
}

impl AlertImmediate {
    /// The request.
    pub fn request(&self) -> Request {
        let second = (self.operation as u8) << 6 | self.destination & 0x0F;
        let mut data = vec![self.channel & 0x0F, second, self.string];
        if let Some(event) = &self.event {
            data.extend([event.generator, event.revision, event.sensor_type, event.sensor, event.event_type]);
            data.extend(event.data);
        }
        Request::new(ALERT_IMMEDIATE, data)
    }

    /// Reads the request's data.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let (&[channel, second, string], rest) = data.split_first_chunk().ok_or(Error::Truncated)?;
        let operation = match second >> 6 {
            0 => Operation::Send,
            1 => Operation::Status,
            2 => Operation::Clear,
            _ => return Err(Error::Field),
        };
        let event = match rest {
            [] => None,
            rest => {
                let [generator, revision, sensor_type, sensor, event_type, data @ ..] = *exactly::<8>(rest)?;
                Some(AlertEvent { generator, revision, sensor_type, sensor, event_type, data })
            }
        };
        Ok(Self { channel: channel & 0x0F, operation, destination: second & 0x0F, string, event })
    }
}

/// What became of an alert: the one octet of the answer to [`Operation::Status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertStatus {
    /// None was sent.
    None = 0x00,
    /// It was sent, and acknowledged if its destination wants that.
    Done = 0x01,
    /// It was given up after its retries.
    Retried = 0x02,
    /// It was given up after the time-out.
    TimedOut = 0x03,
    /// It is under way.
    Running = 0xFF,
}

impl AlertStatus {
    /// Reads the answer.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        Ok(match *head(data)? {
            [0x00] => Self::None,
            [0x01] => Self::Done,
            [0x02] => Self::Retried,
            [0x03] => Self::TimedOut,
            [0xFF] => Self::Running,
            [_] => return Err(Error::Field),
        })
    }

    /// Writes the answer.
    pub fn emit(self) -> Vec<u8> {
        vec![self as u8]
    }
}

/// Answer to [`LAST_PROCESSED`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastProcessed {
    /// When the SEL grew last, by the BMC's clock.
    pub added: u32,
    /// The last record; FFFFh: the SEL is empty.
    pub last: u16,
    /// What software has said that it processed.
    pub by_software: u16,
    /// What the BMC has filtered.
    pub by_bmc: u16,
}

impl LastProcessed {
    /// Reads the answer.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [t0, t1, t2, t3, l0, l1, s0, s1, b0, b1] = *head(data)?;
        Ok(Self {
            added: u32::from_le_bytes([t0, t1, t2, t3]),
            last: u16::from_le_bytes([l0, l1]),
            by_software: u16::from_le_bytes([s0, s1]),
            by_bmc: u16::from_le_bytes([b0, b1]),
        })
    }

    /// Writes the answer.
    pub fn emit(&self) -> Vec<u8> {
        let mut data = self.added.to_le_bytes().to_vec();
        for id in [self.last, self.by_software, self.by_bmc] {
            data.extend(id.to_le_bytes());
        }
        data
    }
}

impl AlertEvent {
    /// The record that the event would be, which [`super::filter::Filter::takes`] looks at; without id and time.
    pub fn record(&self) -> Record {
        let [d1, d2, d3] = self.data;
        let (revision, kind, number, event) = (self.revision, self.sensor_type, self.sensor, self.event_type);
        Record([0, 0, 2, 0, 0, 0, 0, self.generator, 0, revision, kind, number, event, d1, d2, d3])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_with_its_event_and_without() {
        let bare = AlertImmediate { channel: 1, operation: Operation::Send, destination: 1, string: 0, event: None };
        assert_eq!(bare.request().data, [1, 1, 0]);
        let event = AlertEvent {
            generator: 0x41,
            revision: 4,
            sensor_type: 0x12,
            sensor: 0xFF,
            event_type: 0x6F,
            data: [0x01, 0xFF, 0xFF],
        };
        let full = AlertImmediate { event: Some(event), ..bare };
        assert_eq!(full.request().data, [1, 1, 0, 0x41, 4, 0x12, 0xFF, 0x6F, 1, 0xFF, 0xFF]);
        let ask = AlertImmediate { operation: Operation::Status, ..bare };
        assert_eq!(ask.request().data, [1, 0x41, 0]);
        for alert in [bare, full, ask] {
            assert_eq!(AlertImmediate::parse(&alert.request().data), Ok(alert));
        }
        assert_eq!(event.record().0[7..13], [0x41, 0, 4, 0x12, 0xFF, 0x6F]);
    }

    #[test]
    fn no_other_length_and_no_unknown_operation() {
        for length in (0..20).filter(|length| ![3, 11].contains(length)) {
            assert!(AlertImmediate::parse(&[0; 20][..length]).is_err(), "{length}");
        }
        assert_eq!(AlertImmediate::parse(&[1, 0xC1, 0]), Err(Error::Field));
        for status in [AlertStatus::None, AlertStatus::Done, AlertStatus::Retried, AlertStatus::TimedOut] {
            assert_eq!(AlertStatus::parse(&status.emit()), Ok(status));
        }
        assert_eq!(AlertStatus::parse(&[0xFF]), Ok(AlertStatus::Running));
        assert_eq!((AlertStatus::parse(&[0x55]), AlertStatus::parse(&[])), (Err(Error::Field), Err(Error::Truncated)));
    }

    #[test]
    fn how_far_the_filters_are() {
        let last = LastProcessed { added: 0x0102_0304, last: 9, by_software: 0xFFFF, by_bmc: 8 };
        assert_eq!(last.emit(), [4, 3, 2, 1, 9, 0, 0xFF, 0xFF, 8, 0]);
        assert_eq!(LastProcessed::parse(&last.emit()), Ok(last));
        assert_eq!(LastProcessed::parse(&[0; 9]), Err(Error::Truncated));
    }
}
