//! Get and Set Channel Access (IPMI 2.0 sections 22.22 and 22.23).
//!
//! One channel, one set of settings: what is written to the volatile ones is what the non-volatile ones show.

use super::ask::{Answer, Context, exactly};
use super::board::Board;
use super::channel::{ALWAYS, MODES, this_channel};
use super::table::{Needs, Row};
use crate::config::model::Privilege;
use crate::wire::command::Command;
use crate::wire::ipmi::Completion;

const SET_ACCESS: Command = Command { netfn: 0x06, number: 0x40 };
const GET_ACCESS: Command = Command { netfn: 0x06, number: 0x41 };

/// The highest level of a session.
const LIMIT: u8 = Privilege::Administrator as u8;

pub(super) const COMMANDS: &[Row] =
    &[(SET_ACCESS, Needs::Administrator, set_access), (GET_ACCESS, Needs::User, get_access)];

fn get_access(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let [channel, which] = *exactly(data)?;
    this_channel(channel)?;
    match which >> 6 {
        1 | 2 => Ok(vec![board.channel.modes, LIMIT]),
        _ => Err(Completion::FIELD),
    }
}

fn set_access(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let [channel, modes, limit] = *exactly(data)?;
    this_channel(channel)?;
    if modes >> 6 != 0 && modes & 0x07 != ALWAYS {
        return Err(Completion(0x83)); // no other access mode is supported
    }
    // A lower limit would be shown and not be kept: users have limits of their own.
    if limit >> 6 != 0 && limit & 0x0F != LIMIT {
        return Err(Completion::FIELD);
    }
    if modes >> 6 != 0 {
        board.channel.modes = modes & MODES;
    }
    Ok(Vec::new())
}
