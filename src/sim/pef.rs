//! The commands of platform event filtering (IPMI 2.0 section 30).
//!
//! A written parameter counts at once. Data come from administrators. What the filters do is in `tell`.

use super::ask::{Answer, Context, none};
use super::board::Board;
use super::filters::{ABLE, FILTERS, POLICIES};
use super::lan_config::{progress, wrong};
use super::table::{Needs, Row};
use crate::wire::command::Command;
use crate::wire::ipmi::Completion;
use crate::wire::lan;
use crate::wire::pef::alert::{ALERT_IMMEDIATE, AlertImmediate, LAST_PROCESSED, LastProcessed, Operation};
use crate::wire::pef::filter::{FILTER_OCTETS, Filter, Policy};
use crate::wire::pef::{self, Asked, Capabilities, PetGuid, parameter};

const SET_LAST_PROCESSED: Command = Command { netfn: 0x04, number: 0x14 };
/// How many alert strings there are: none.
const STRINGS: u8 = 11;

const UNSUPPORTED: Completion = Completion(lan::UNSUPPORTED);
const READ_ONLY: Completion = Completion(lan::READ_ONLY);

pub(super) const COMMANDS: &[Row] = &[
    (pef::CAPABILITIES, Needs::User, capabilities),
    (pef::POSTPONE, Needs::Administrator, postpone),
    (pef::SET, Needs::Administrator, set),
    (pef::GET, Needs::Operator, get),
    (SET_LAST_PROCESSED, Needs::Administrator, set_last_processed),
    (LAST_PROCESSED, Needs::Administrator, last_processed),
    (ALERT_IMMEDIATE, Needs::Administrator, alert_immediate),
];

fn capabilities(_: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    Ok(Capabilities { actions: ABLE, filters: FILTERS as u8 }.emit())
}

fn postpone(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    let [seconds] = *super::ask::exactly(data)?;
    Ok(vec![board.filters.postpone(context.now.boottime, seconds)])
}

/// The place in a table of the entry with this number.
fn place(number: u8, entries: usize) -> Result<usize, Completion> {
    usize::from(number).checked_sub(1).filter(|at| *at < entries).ok_or(Completion::RANGE)
}

fn get(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let asked = Asked::parse(data).map_err(wrong)?;
    let filters = &board.filters;
    let filter = || place(asked.set & 0x7F, FILTERS).map(|at| &filters.filters[at]);
    let told = match asked.parameter {
        parameter::PROGRESS => filters.progress.emit(),
        parameter::CONTROL => vec![filters.control],
        parameter::ACTIONS => vec![filters.actions],
        parameter::STARTUP_DELAY => vec![filters.startup_delay],
        parameter::ALERT_DELAY => vec![filters.alert_delay],
        parameter::FILTERS => vec![FILTERS as u8],
        parameter::FILTER => pef::numbered(asked.set, &filter()?.emit()),
        parameter::FILTER_STATE => pef::numbered(asked.set, &[filter()?.state()]),
        parameter::POLICIES => vec![POLICIES as u8],
        parameter::POLICY => pef::numbered(asked.set, &filters.policies[place(asked.set & 0x7F, POLICIES)?].emit()),
        parameter::GUID => filters.guid.emit(),
        STRINGS => vec![0],
        _ => return Err(UNSUPPORTED),
    };
    Ok(if asked.revision_only { lan::answer(&[]) } else { lan::answer(&told) })
}

fn set(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let (number, data) = pef::parse_set(data).map_err(wrong)?;
    let filters = &mut board.filters;
    let octet = || super::ask::exactly(data).map(|[octet]: &[u8; 1]| *octet);
    match number {
        parameter::PROGRESS => progress(&mut filters.progress, data)?,
        parameter::CONTROL => filters.control = octet()? & 0x0F,
        parameter::ACTIONS => filters.actions = octet()? & ABLE,
        parameter::STARTUP_DELAY => filters.startup_delay = octet()?,
        parameter::ALERT_DELAY => filters.alert_delay = octet()?,
        parameter::FILTER => {
            let (number, data) = pef::parse_numbered(data).map_err(wrong)?;
            if data.len() != FILTER_OCTETS {
                return Err(Completion::LENGTH);
            }
            filters.filters[place(number, FILTERS)?] = Filter::parse(data).map_err(wrong)?;
        }
        parameter::FILTER_STATE => {
            let (number, data) = pef::parse_numbered(data).map_err(wrong)?;
            let [state] = *super::ask::exactly(data)?;
            let filter = &mut filters.filters[place(number, FILTERS)?];
            (filter.enabled, filter.kind) = (state & 0x80 != 0, state >> 5 & 3);
        }
        parameter::POLICY => {
            let (number, data) = pef::parse_numbered(data).map_err(wrong)?;
            if data.len() != 3 {
                return Err(Completion::LENGTH);
            }
            filters.policies[place(number, POLICIES)?] = Policy::parse(data).map_err(wrong)?;
        }
        parameter::GUID => filters.guid = PetGuid::parse(data).map_err(wrong)?,
        parameter::FILTERS | parameter::POLICIES | STRINGS => return Err(READ_ONLY),
        _ => return Err(UNSUPPORTED),
    }
    Ok(Vec::new())
}

fn set_last_processed(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let [whose, low, high] = *super::ask::exactly(data)?;
    let id = u16::from_le_bytes([low, high]);
    match whose & 1 {
        0 => board.filters.by_software = id,
        _ => board.filters.by_bmc = id,
    }
    Ok(Vec::new())
}

fn last_processed(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    if board.erases(context.now.boottime) {
        return Err(Completion(0x81));
    }
    let last = board.sel.records().last().map_or(u16::MAX, super::sel::id_of);
    let (by_software, by_bmc) = (board.filters.by_software, board.filters.by_bmc);
    Ok(LastProcessed { added: board.sel.times().0, last, by_software, by_bmc }.emit())
}

fn alert_immediate(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    let alert = AlertImmediate::parse(data).map_err(wrong)?;
    super::channel::this_channel(alert.channel)?;
    match alert.operation {
        Operation::Send => board.alert_by_hand(context.now, alert.destination, alert.event).map(|()| Vec::new()),
        Operation::Status => Ok(board.by_hand.emit()),
        Operation::Clear => {
            board.forget_alert_by_hand();
            Ok(Vec::new())
        }
    }
}
