//! Platform Event Filtering: which events a BMC alerts of, whom, and what it does by itself
//! (IPMI 2.0, chapters 17 and 30; tables 17-2, 17-4 and 30-6).
//!
//! The parameters here, the two tables in `filter`, what is done by hand in `alert`. Both directions, as
//! in `lan`, whose shape of the parameters it shares. Input is a BMC's; hostile.

pub mod alert;
pub mod filter;

use super::ipmi::{Command, Error, Request, exactly, head};
use crate::words::Guid;

const fn command(number: u8) -> Command {
    Command { netfn: 0x04, number }
}

/// Get PEF Capabilities.
pub const CAPABILITIES: Command = command(0x10);
/// Arm PEF Postpone Timer.
pub const POSTPONE: Command = command(0x11);
/// Set PEF Configuration Parameters.
pub const SET: Command = command(0x12);
/// Get PEF Configuration Parameters.
pub const GET: Command = command(0x13);

/// The numbers of the parameters that are used here.
pub mod parameter {
    /// See [`crate::wire::lan::Progress`].
    pub const PROGRESS: u8 = 0;
    /// See [`super::control`].
    pub const CONTROL: u8 = 1;
    /// Which actions are enabled at all; see [`super::action`].
    pub const ACTIONS: u8 = 2;
    /// Seconds after the server's start in which nothing is filtered.
    pub const STARTUP_DELAY: u8 = 3;
    /// Seconds after the server's start in which nothing is alerted.
    pub const ALERT_DELAY: u8 = 4;
    /// Bits 6:0: how many filters there are.
    pub const FILTERS: u8 = 5;
    /// See [`super::filter::Filter`]; the number comes first, and counts from 1.
    pub const FILTER: u8 = 6;
    /// A filter's first octet alone.
    pub const FILTER_STATE: u8 = 7;
    /// Bits 6:0: how many policies there are.
    pub const POLICIES: u8 = 8;
    /// See [`super::filter::Policy`]; the number comes first, and counts from 1.
    pub const POLICY: u8 = 9;
    /// See [`super::PetGuid`].
    pub const GUID: u8 = 10;
}

/// Bits of [`parameter::CONTROL`].
pub mod control {
    /// Events are filtered.
    pub const PEF: u8 = 1;
    /// Actions are told as events of their own.
    pub const EVENTS: u8 = 2;
    /// The startup delay counts.
    pub const STARTUP_DELAY: u8 = 4;
    /// The alert delay counts.
    pub const ALERT_DELAY: u8 = 8;
}

/// Bits of what a filter does, of [`parameter::ACTIONS`], and of what a BMC can.
pub mod action {
    /// An alert is sent.
    pub const ALERT: u8 = 1;
    /// The server is powered off.
    pub const POWER_OFF: u8 = 2;
    /// It is reset.
    pub const RESET: u8 = 4;
    /// It is powered off and on.
    pub const POWER_CYCLE: u8 = 8;
    /// What the maker knows.
    pub const OEM: u8 = 0x10;
    /// A diagnostic interrupt (NMI).
    pub const NMI: u8 = 0x20;
    /// A filter's alone: the group control operation.
    pub const GROUP: u8 = 0x40;
    /// All that end what runs on the server.
    pub const ENDS_THE_SERVER: u8 = POWER_OFF | RESET | POWER_CYCLE;
}

/// The request for a parameter.
pub fn get(parameter: u8, set: u8) -> Request {
    Request::new(GET, [parameter, set, 0])
}

/// The request that writes a parameter.
pub fn set(parameter: u8, data: &[u8]) -> Request {
    let mut all = vec![parameter];
    all.extend(data);
    Request::new(SET, all)
}

/// What [`get`] asks, as the BMC reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
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
        let [parameter, set, block] = *exactly(data)?;
        Ok(Self { revision_only: parameter & 0x80 != 0, parameter: parameter & 0x7F, set, block })
    }
}

/// What [`set`] writes, as the BMC reads it: the parameter and its data.
pub fn parse_set(data: &[u8]) -> Result<(u8, &[u8]), Error> {
    data.split_first().map(|(parameter, data)| (parameter & 0x7F, data)).ok_or(Error::Truncated)
}

/// Answer to [`CAPABILITIES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// What it can do; see [`action`]. Bit 7: OEM records are filtered too.
    pub actions: u8,
    /// How many filters there are.
    pub filters: u8,
}

impl Capabilities {
    /// Reads the answer.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [_version, actions, filters] = *head(data)?;
        Ok(Self { actions, filters })
    }

    /// Writes the answer.
    pub fn emit(&self) -> Vec<u8> {
        vec![0x51, self.actions, self.filters]
    }
}

/// What [`POSTPONE`] is asked, and answers: for how long nothing is filtered.
pub mod postpone {
    /// Not at all. 01h to FDh are seconds.
    pub const OFF: u8 = 0x00;
    /// Until a reset or a power cycle of the server.
    pub const FOR_NOW: u8 = 0xFE;
    /// Only asks.
    pub const ASK: u8 = 0xFF;
}

/// The request that arms the postpone timer, or asks for it.
pub fn postpone(seconds: u8) -> Request {
    Request::new(POSTPONE, [seconds])
}

/// Reads the request's data, or the answer: one octet of [`mod@postpone`].
pub fn parse_postpone(data: &[u8]) -> Result<u8, Error> {
    head(data).map(|[seconds]| *seconds)
}

/// Reads an entry of a table: its number, which counts from 1, and what follows it.
pub fn parse_numbered(data: &[u8]) -> Result<(u8, &[u8]), Error> {
    data.split_first().map(|(number, data)| (number & 0x7F, data)).ok_or(Error::Truncated)
}

/// Writes an entry of a table.
pub fn numbered(number: u8, data: &[u8]) -> Vec<u8> {
    let mut all = vec![number & 0x7F];
    all.extend(data);
    all
}

/// Parameter 10: the GUID in PETs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PetGuid {
    /// This one; else the system's.
    pub used: bool,
    /// In wire order.
    pub guid: Guid,
}

impl PetGuid {
    /// Reads the parameter.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let [used, guid @ ..] = *head::<17>(data)?;
        Ok(Self { used: used & 1 != 0, guid: Guid(guid) })
    }

    /// Writes the parameter.
    pub fn emit(&self) -> Vec<u8> {
        let mut data = vec![u8::from(self.used)];
        data.extend(self.guid.0);
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::lan::answered;

    #[test]
    fn requests_and_what_the_bmc_reads_in_them() {
        assert_eq!(get(parameter::FILTER, 3).data, [6, 3, 0]);
        let asked = Asked { revision_only: true, parameter: 6, set: 3, block: 0 };
        assert_eq!(Asked::parse(&[0x86, 3, 0]), Ok(asked));
        assert_eq!((Asked::parse(&[6, 3]), Asked::parse(&[6, 3, 0, 0])), (Err(Error::Truncated), Err(Error::TooLong)));
        assert_eq!(parse_set(&set(parameter::CONTROL, &[control::PEF]).data), Ok((1, &[1][..])));
        assert_eq!(parse_set(&[]), Err(Error::Truncated));
        assert_eq!(parse_postpone(&postpone(postpone::ASK).data), Ok(0xFF));
        assert_eq!(parse_postpone(&[]), Err(Error::Truncated));
    }

    #[test]
    fn answers_survive_the_wire_and_no_cut_one_is_believed() {
        let able = Capabilities { actions: action::ALERT | action::RESET, filters: 40 };
        assert_eq!(able.emit(), [0x51, 0x05, 40]);
        assert_eq!(Capabilities::parse(&able.emit()), Ok(able));
        assert_eq!(Capabilities::parse(&[0x51, 5]), Err(Error::Truncated));
        let guid = PetGuid { used: true, guid: Guid([7; 16]) };
        assert_eq!(PetGuid::parse(&guid.emit()), Ok(guid));
        for cut in 0..17 {
            assert_eq!(PetGuid::parse(&guid.emit()[..cut]), Err(Error::Truncated));
        }
        assert_eq!(parse_numbered(&numbered(9, &[1, 2])), Ok((9, &[1, 2][..])));
        assert_eq!(parse_numbered(&[]), Err(Error::Truncated));
        assert_eq!(answered(&[0x11]), Ok(&[][..]), "a BMC that tells a parameter of no octets");
    }
}
