//! The commands about SEL and SDR (IPMI 2.0 sections 31 to 33).
//!
//! Partial reads and erasures need a reservation, which a later one, an erasure or a new record voids.

use super::ask::{Answer, Context, exactly, none};
use super::board::Board;
use super::sdr;
use crate::wire::command::Command;
use crate::wire::ipmi::Completion;

pub(super) const SDR_INFO: Command = Command { netfn: 0x0A, number: 0x20 };
pub(super) const RESERVE_SDR: Command = Command { netfn: 0x0A, number: 0x22 };
pub(super) const GET_SDR: Command = Command { netfn: 0x0A, number: 0x23 };
pub(super) const DELETE_SEL_ENTRY: Command = Command { netfn: 0x0A, number: 0x46 };
pub(super) const CLEAR_SEL: Command = Command { netfn: 0x0A, number: 0x47 };
pub(super) const GET_SEL_TIME: Command = Command { netfn: 0x0A, number: 0x48 };
pub(super) const SET_SEL_TIME: Command = Command { netfn: 0x0A, number: 0x49 };

/// SEL and SDR commands are those of IPMI 1.5 and 2.0.
const VERSION: u8 = 0x51;
/// "The whole record".
const WHOLE: u8 = 0xFF;
/// Octets of an SDR that one answer carries at most; a longer read gets CAh.
const READ_MAX: usize = 32;
const TOO_MANY: Completion = Completion(0xCA);

pub(super) fn sel_info(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    let sel = &board.sel;
    let (added, erased) = sel.times();
    let count = u16::try_from(sel.records().len()).unwrap_or(u16::MAX);
    let mut answer = vec![VERSION];
    answer.extend(count.to_le_bytes());
    answer.extend(sel.free().to_le_bytes());
    answer.extend(added.to_le_bytes());
    answer.extend(erased.to_le_bytes());
    answer.push(if sel.overflow() { 0x80 } else { 0 } | 0x08 | 0x02); // deletes one, reserves
    Ok(answer)
}

fn next_reservation(reservation: &mut u16) -> Answer {
    *reservation = reservation.checked_add(1).unwrap_or(1); // zero is "none"
    Ok(reservation.to_le_bytes().to_vec())
}

pub(super) fn reserve_sel(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    next_reservation(&mut board.reservations.sel)
}

fn reserved(held: u16, given: [u8; 2]) -> Result<(), Completion> {
    match u16::from_le_bytes(given) {
        0 => Err(Completion::RESERVATION),
        given if given == held => Ok(()),
        _ => Err(Completion::RESERVATION),
    }
}

/// The part of a record that was asked for, behind the id of the next record.
fn part(record: &[u8], next: u16, offset: u8, count: u8) -> Answer {
    let rest = record.get(usize::from(offset)..).ok_or(Completion::RANGE)?;
    let wanted = if count == WHOLE { rest.len() } else { usize::from(count).min(rest.len()) };
    let mut answer = next.to_le_bytes().to_vec();
    answer.extend(&rest[..wanted]);
    Ok(answer)
}

pub(super) fn get_sel_entry(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let &[r0, r1, id0, id1, offset, count] = exactly(data)?;
    if offset != 0 {
        reserved(board.reservations.sel, [r0, r1])?;
    }
    let (record, next) = board.sel.get(u16::from_le_bytes([id0, id1])).ok_or(Completion::ABSENT)?;
    part(&record, next, offset, count)
}

pub(super) fn delete_sel_entry(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    let &[r0, r1, id0, id1] = exactly(data)?;
    reserved(board.reservations.sel, [r0, r1])?;
    let time = board.clock(context.now);
    let id = board.sel.delete(time, u16::from_le_bytes([id0, id1])).ok_or(Completion::ABSENT)?;
    Ok(id.to_le_bytes().to_vec())
}

pub(super) fn clear_sel(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    let &[r0, r1, c, l, r, what] = exactly(data)?;
    reserved(board.reservations.sel, [r0, r1])?;
    match ([c, l, r], what) {
        ([b'C', b'L', b'R'], 0xAA) => {
            let time = board.clock(context.now);
            board.sel.clear(time);
        }
        ([b'C', b'L', b'R'], 0x00) => {}
        _ => return Err(Completion::FIELD),
    }
    Ok(vec![0x01]) // erased
}

pub(super) fn get_sel_time(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    Ok(board.clock(context.now).to_le_bytes().to_vec())
}

pub(super) fn set_sel_time(board: &mut Board, context: Context<'_>, data: &[u8]) -> Answer {
    let time = i64::from(u32::from_le_bytes(*exactly(data)?));
    board.clock_ahead = time - i64::try_from(context.now.wall.as_secs()).unwrap_or(i64::MAX);
    Ok(Vec::new())
}

pub(super) fn sdr_info(_: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    let mut answer = vec![VERSION];
    answer.extend((sdr::SENSORS.len() as u16).to_le_bytes());
    answer.extend([0, 0]); // no free space
    answer.extend([0; 4]); // never changes: clients may keep a copy
    answer.extend([0; 4]);
    answer.push(0x02); // reserves
    Ok(answer)
}

pub(super) fn reserve_sdr(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    none(data)?;
    next_reservation(&mut board.reservations.sdr)
}

pub(super) fn get_sdr(board: &mut Board, _: Context<'_>, data: &[u8]) -> Answer {
    let &[r0, r1, id0, id1, offset, count] = exactly(data)?;
    if offset != 0 {
        reserved(board.reservations.sdr, [r0, r1])?;
    }
    let (record, next) = sdr::get(u16::from_le_bytes([id0, id1])).ok_or(Completion::ABSENT)?;
    let answer = part(&record, next, offset, count)?;
    // The id of the next record comes first.
    if answer.len() - 2 > READ_MAX { Err(TOO_MANY) } else { Ok(answer) }
}
