//! Get and Set LAN Configuration Parameters (IPMI 2.0 sections 23.1 and 23.2).
//!
//! A written parameter counts at once; "commit" is taken and does nothing more. Data come from administrators.

use super::ask::{Answer, Context};
use super::board::Board;
use super::channel::this_channel;
use super::settings::{DESTINATIONS, Destination};
use super::table::{Needs, Row};
use crate::crypto::Secret;
use crate::suite::Suite;
use crate::wire::ipmi::{Completion, Error};
use crate::wire::lan::{self, Asked, DestinationAddress, Progress, SuitePrivileges, parameter};
use core::net::SocketAddr;

const UNSUPPORTED: Completion = Completion(lan::UNSUPPORTED);
const IN_PROGRESS: Completion = Completion(lan::IN_PROGRESS);
const READ_ONLY: Completion = Completion(lan::READ_ONLY);

/// Parameters that the audit does not ask for and other clients do.
const AUTHENTICATION_SUPPORT: u8 = 1;
const AUTHENTICATION_ENABLES: u8 = 2;
const MASK: u8 = 6;
const GATEWAY: u8 = 12;
const GATEWAY_MAC: u8 = 13;
const BACKUP: u8 = 14;
const BACKUP_MAC: u8 = 15;
const VLAN: u8 = 20;
const VLAN_PRIORITY: u8 = 21;

pub(super) const COMMANDS: &[Row] = &[(lan::SET, Needs::Administrator, set), (lan::GET, Needs::Operator, get)];

/// The completion code for data that cannot be read.
pub(super) fn wrong(error: Error) -> Completion {
    match error {
        Error::Truncated | Error::TooLong => Completion::LENGTH,
        Error::Checksum | Error::Direction | Error::Field => Completion::FIELD,
    }
}

/// Whether somebody may go from one state of "set in progress" to the other.
pub(super) fn progress(state: &mut Progress, data: &[u8]) -> Result<(), Completion> {
    let wanted = Progress::parse(data).map_err(wrong)?;
    *state = match (*state, wanted) {
        (Progress::InProgress, Progress::InProgress) => return Err(IN_PROGRESS),
        (state, Progress::Commit) => state,
        (_, wanted) => wanted,
    };
    Ok(())
}

/// The offered suites, as the parameters and Get Channel Cipher Suites tell them.
pub(super) fn suites(board: &Board) -> Vec<u8> {
    let known = board.options.suites.iter().filter(|number| Suite::from_number(**number).is_some());
    let mut suites: Vec<u8> = known.copied().collect();
    if board.options.quirks.offers_suite_0 {
        suites.push(0);
    }
    suites
}

fn get(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let asked = Asked::parse(data).map_err(wrong)?;
    this_channel(asked.channel)?;
    let settings = &board.settings;
    let of = |number: u8| settings.destinations.get(usize::from(number)).ok_or(Completion::RANGE);
    let told = match asked.parameter {
        parameter::PROGRESS => settings.progress.emit(),
        AUTHENTICATION_SUPPORT => vec![0], // none of IPMI 1.5
        AUTHENTICATION_ENABLES => vec![0; 5],
        parameter::ADDRESS => settings.address.octets().to_vec(),
        parameter::ADDRESS_SOURCE => vec![settings.source],
        parameter::MAC => vec![0x02, 0, 0, 0, 0, 0x01], // nobody's: locally administered
        MASK => settings.mask.to_vec(),
        GATEWAY => settings.gateway.to_vec(),
        GATEWAY_MAC | BACKUP_MAC => vec![0; 6],
        BACKUP => vec![0; 4],
        parameter::COMMUNITY => {
            // A longer one, which only the options can bring in, is told cut off.
            let octets = settings.community.expose();
            lan::community(&octets[..octets.len().min(lan::COMMUNITY)]).ok_or(Completion::STATE)?
        }
        parameter::DESTINATIONS => vec![DESTINATIONS as u8],
        parameter::DESTINATION => of(asked.set)?.told(asked.set).emit(),
        parameter::DESTINATION_ADDRESS => of(asked.set)?.told_address(asked.set).emit(),
        VLAN => vec![0, 0],
        VLAN_PRIORITY => vec![0],
        parameter::SUITE_COUNT => vec![suites(board).len().min(lan::SUITES) as u8],
        parameter::SUITES => lan::suites(&suites(board)),
        parameter::SUITE_PRIVILEGES => settings.suite_levels.emit(),
        parameter::IPV6_SUPPORT => vec![0x04], // as an alert's destination alone
        parameter::IPV6_ENABLES => vec![0],
        _ => return Err(UNSUPPORTED),
    };
    Ok(if asked.revision_only { lan::answer(&[]) } else { lan::answer(&told) })
}

fn set(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let (channel, number, data) = lan::parse_set(data).map_err(wrong)?;
    this_channel(channel)?;
    let settings = &mut board.settings;
    match number {
        parameter::PROGRESS => progress(&mut settings.progress, data)?,
        parameter::ADDRESS => settings.address = lan::parse_address(data).map_err(wrong)?,
        parameter::ADDRESS_SOURCE => match *data {
            [source @ 1..=4] => settings.source = source,
            [_] => return Err(Completion::FIELD),
            _ => return Err(Completion::LENGTH),
        },
        MASK => settings.mask = four(data)?,
        GATEWAY => settings.gateway = four(data)?,
        parameter::COMMUNITY => {
            settings.community = Secret::new(lan::parse_community(data).map_err(wrong)?);
        }
        parameter::DESTINATION => {
            let new = lan::Destination::parse(data).map_err(wrong)?;
            let interval = core::time::Duration::from_secs(new.seconds().into());
            let old = destination(&mut settings.destinations, new.number)?;
            *old =
                Destination { acknowledged: new.acknowledged, kind: new.kind, interval, retries: new.retries, ..*old };
        }
        parameter::DESTINATION_ADDRESS => {
            let new = DestinationAddress::parse(data).map_err(wrong)?;
            let port = settings.trap_port;
            let old = destination(&mut settings.destinations, new.number)?;
            old.to = SocketAddr::new(new.to.ip(), port);
            if let lan::To::V4 { gateway, mac, .. } = new.to {
                (old.gateway, old.mac) = (gateway, mac);
            }
        }
        parameter::SUITE_PRIVILEGES => settings.suite_levels = SuitePrivileges::parse(data).map_err(wrong)?,
        AUTHENTICATION_SUPPORT
        | AUTHENTICATION_ENABLES
        | parameter::MAC
        | GATEWAY_MAC
        | BACKUP
        | BACKUP_MAC
        | VLAN
        | VLAN_PRIORITY
        | parameter::DESTINATIONS
        | parameter::SUITE_COUNT
        | parameter::SUITES
        | parameter::IPV6_SUPPORT
        | parameter::IPV6_ENABLES => return Err(READ_ONLY),
        _ => return Err(UNSUPPORTED),
    }
    Ok(Vec::new())
}

fn four(data: &[u8]) -> Result<[u8; 4], Completion> {
    data.try_into().map_err(|_| Completion::LENGTH)
}

fn destination(all: &mut [Destination], number: u8) -> Result<&mut Destination, Completion> {
    all.get_mut(usize::from(number)).ok_or(Completion::RANGE)
}
