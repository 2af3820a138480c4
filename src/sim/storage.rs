//! The commands about SEL and SDR (IPMI 2.0 sections 31 to 33).
//!
//! Partial reads and erasures need a reservation, which a later one, an erasure or a new record voids. While the SEL
//! is being erased, it answers 81h.

use super::ask::{Answer, Context, exactly, none};
use super::board::Board;
use super::sdr;
use super::table::{Needs, Row};
use crate::wire::command::{self as known, Command};
use crate::wire::ipmi::Completion;

const SDR_INFO: Command = Command { netfn: 0x0A, number: 0x20 };
const RESERVE_SDR: Command = Command { netfn: 0x0A, number: 0x22 };
const GET_SDR: Command = Command { netfn: 0x0A, number: 0x23 };
const DELETE_SEL_ENTRY: Command = Command { netfn: 0x0A, number: 0x46 };
const CLEAR_SEL: Command = Command { netfn: 0x0A, number: 0x47 };
const GET_SEL_TIME: Command = Command { netfn: 0x0A, number: 0x48 };
const SET_SEL_TIME: Command = Command { netfn: 0x0A, number: 0x49 };

pub(super) const COMMANDS: &[Row] = &[
    (SDR_INFO, Needs::User, sdr_info),
    (RESERVE_SDR, Needs::User, reserve_sdr),
    (GET_SDR, Needs::User, get_sdr),
    (known::SEL_INFO, Needs::User, sel_info),
    (known::RESERVE_SEL, Needs::User, reserve_sel),
    (known::GET_SEL_ENTRY, Needs::User, get_sel_entry),
    (known::ADD_SEL_ENTRY, Needs::Operator, add_sel_entry),
    (DELETE_SEL_ENTRY, Needs::Operator, delete_sel_entry),
    (CLEAR_SEL, Needs::Operator, clear_sel),
    (GET_SEL_TIME, Needs::User, get_sel_time),
    (SET_SEL_TIME, Needs::Operator, set_sel_time),
];

/// SEL and SDR commands are those of IPMI 1.5 and 2.0.
const VERSION: u8 = 0x51;
/// "The whole record".
const WHOLE: u8 = 0xFF;
/// Octets of an SDR that one answer carries at most; a longer read gets CAh.
const READ_MAX: usize = 32;
const TOO_MANY: Completion = Completion(0xCA);
const OUT_OF_SPACE: Completion = Completion(0xC4);
const ERASING: Completion = Completion(0x81);
/// Answers to Clear SEL.
const ERASURE_RUNS: u8 = 0x00;
const ERASED: u8 = 0x01;

fn idle(board: &Board, context: Context<'_>) -> Result<(), Completion> {
    if board.erases(context.now.boottime) { Err(ERASING) } else { Ok(()) }
}

fn sel_info(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    idle(board, context)?;
    let (sel, full) = (&board.sel, board.options.quirks.sel_full);
    let (added, erased) = sel.times();
    let count = u16::try_from(sel.records().len()).unwrap_or(u16::MAX);
    let mut answer = vec![VERSION];
    answer.extend(count.to_le_bytes());
    answer.extend(if full { [0, 0] } else { sel.free().to_le_bytes() });
    answer.extend(added.to_le_bytes());
    answer.extend(erased.to_le_bytes());
    answer.push(if sel.overflow() { 0x80 } else { 0 } | 0x08 | 0x02); // deletes one, reserves
    Ok(answer)
}

fn reserve_sel(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    idle(board, context)?;
    Ok(board.reservations.sel.next())
}

fn reserved_sel(board: &mut Board, given: [u8; 2]) -> Result<(), Completion> {
    board.reservations.sel.check(&mut board.options.quirks.lost_reservations, given)
}

/// The part of a record that was asked for, behind the id of the next record.
fn part(record: &[u8], next: u16, offset: u8, count: u8) -> Answer {
    let rest = record.get(usize::from(offset)..).ok_or(Completion::RANGE)?;
    let wanted = if count == WHOLE { rest.len() } else { usize::from(count).min(rest.len()) };
    let mut answer = next.to_le_bytes().to_vec();
    answer.extend(&rest[..wanted]);
    Ok(answer)
}

fn get_sel_entry(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    let &[r0, r1, id0, id1, offset, count] = exactly(data)?;
    idle(board, context)?;
    if offset != 0 {
        reserved_sel(board, [r0, r1])?;
    }
    let (record, next) = board.sel.get(u16::from_le_bytes([id0, id1])).ok_or(Completion::ABSENT)?;
    part(&record, next, offset, count)
}

fn add_sel_entry(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    let record = exactly(data)?;
    if let Some(code) = board.options.quirks.handshake_code {
        return Err(Completion(code));
    }
    idle(board, context)?;
    let id = board.add_record(context.now, *record).map_err(|_| OUT_OF_SPACE)?;
    board.hear_record(context.now, record, context.caller);
    Ok(id.to_le_bytes().to_vec())
}

fn delete_sel_entry(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    let &[r0, r1, id0, id1] = exactly(data)?;
    idle(board, context)?;
    reserved_sel(board, [r0, r1])?;
    let time = board.clock(context.now);
    let id = board.sel.delete(time, u16::from_le_bytes([id0, id1])).ok_or(Completion::ABSENT)?;
    board.reservations.sel.lose();
    Ok(id.to_le_bytes().to_vec())
}

fn clear_sel(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    let &[r0, r1, c, l, r, what] = exactly(data)?;
    let now = context.now;
    match ([c, l, r], what) {
        ([b'C', b'L', b'R'], 0xAA) => {
            idle(board, context)?;
            reserved_sel(board, [r0, r1])?;
            board.erase_sel(now);
        }
        // Its own erasure took the reservation of whoever asks how far it is.
        ([b'C', b'L', b'R'], 0x00) => {}
        _ => return Err(Completion::FIELD),
    }
    Ok(vec![if board.erases(now.boottime) { ERASURE_RUNS } else { ERASED }])
}

fn get_sel_time(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    Ok(board.clock(context.now).to_le_bytes().to_vec())
}

fn set_sel_time(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    let time = i64::from(u32::from_le_bytes(*exactly(data)?));
    board.clock_ahead = time - i64::try_from(context.now.wall.as_secs()).unwrap_or(i64::MAX);
    Ok(Vec::new())
}

fn sdr_info(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    let mut answer = vec![VERSION];
    answer.extend(board.options.quirks.sdr_count.unwrap_or(sdr::SENSORS.len() as u16).to_le_bytes());
    answer.extend([0, 0]); // no free space
    answer.extend([0; 4]); // never changes: clients may keep a copy
    answer.extend([0; 4]);
    answer.push(0x02); // reserves
    Ok(answer)
}

fn reserve_sdr(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    Ok(board.reservations.sdr.next())
}

fn get_sdr(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let &[r0, r1, id0, id1, offset, count] = exactly(data)?;
    if offset != 0 {
        board.reservations.sdr.check(&mut board.options.quirks.lost_reservations, [r0, r1])?;
    }
    let (record, next) = sdr::get(u16::from_le_bytes([id0, id1])).ok_or(Completion::ABSENT)?;
    let answer = part(&record, next, offset, count)?;
    // The id of the next record comes first.
    let most = board.options.quirks.sdr_read_max.map_or(READ_MAX, usize::from);
    if answer.len() - 2 > most { Err(TOO_MANY) } else { Ok(answer) }
}
