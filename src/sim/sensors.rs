//! What the sensors read (IPMI 2.0 section 35).
//!
//! Uses `sdr` for what there is. Discrete sensors show the faults that are raised; the one thermometer never moves.

use super::ask::{Answer, Context, exactly};
use super::board::Board;
use super::sdr::{self, Kind};
use super::table::{Needs, Row};
use crate::wire::command::Command;
use crate::wire::ipmi::Completion;

const THRESHOLDS: Command = Command { netfn: 0x04, number: 0x27 };
const READING: Command = Command { netfn: 0x04, number: 0x2D };

pub(super) const COMMANDS: &[Row] = &[(THRESHOLDS, Needs::User, thresholds), (READING, Needs::User, reading)];

fn reading(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let [number] = *exactly(data)?;
    let sensor = sdr::find(number).ok_or(Completion::ABSENT)?;
    // Scanned, events enabled; in the last octet bit 7 is reserved and set.
    match sensor.kind {
        Kind::Compact { .. } => {
            let [low, high] = board.state(number).to_le_bytes();
            Ok(vec![0, 0xC0, low, 0x80 | high])
        }
        Kind::Full { reading, upper } => {
            let above = upper.iter().enumerate().filter(|(_, limit)| reading >= **limit);
            let comparison = above.fold(0, |bits, (at, _)| bits | 0x08 << at);
            Ok(vec![reading, 0xC0, 0xC0 | comparison])
        }
        Kind::EventOnly => Err(Completion::ABSENT),
    }
}

fn thresholds(_: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let [number] = *exactly(data)?;
    match sdr::find(number).ok_or(Completion::ABSENT)?.kind {
        Kind::Full { upper: [non_critical, critical, non_recoverable], .. } => {
            Ok(vec![0x38, 0, 0, 0, non_critical, critical, non_recoverable])
        }
        Kind::Compact { .. } | Kind::EventOnly => Err(Completion::ABSENT),
    }
}
