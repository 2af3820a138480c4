//! How libFuzzer's inputs are changed: by its own mutations, and by those of `tests/hostile`, which know BER's structure
//! and put lengths right. A seed decides; what is kept, coverage decides.

use crate::dice::Dice;
use crate::frames::{self, Frame};
use crate::{letters, mutate, tree};
use libfuzzer_sys::fuzzer_mutate;

/// Inputs are no longer than this, but for one mutation in `SELDOM`: those are slow.
const USUAL: usize = 4096;
const SELDOM: u64 = 64;
/// Of a hundred mutations.
const BY_STRUCTURE: u64 = 50;
const WHOLE_LETTER: u64 = 2;
const WHOLE_INPUT: u64 = 15;
const ORDER_OF_FRAMES: u64 = 20;

fn most(dice: &mut Dice, size: usize, max: usize) -> usize {
    if dice.below(SELDOM) == 0 { max } else { max.min(USUAL.max(size)) }
}

/// By libFuzzer.
fn plainly(bytes: &mut Vec<u8>, most: usize) {
    let size = bytes.len().min(most);
    bytes.resize(most.max(1), 0);
    let size = fuzzer_mutate(bytes, size, most.max(1));
    bytes.truncate(size);
}

fn message(dice: &mut Dice, bytes: &mut Vec<u8>, most: usize) {
    let letters = letters::all();
    let other = &letters[dice.below(letters.len() as u64) as usize];
    if dice.percent(WHOLE_LETTER) {
        bytes.clone_from(other);
    }
    match tree::read(bytes) {
        Some(mut nodes) if dice.percent(BY_STRUCTURE) => {
            mutate::structure(dice, &mut nodes, other, &mut mutate::Counts::default());
            *bytes = tree::write(&nodes);
        }
        Some(_) | None => plainly(bytes, most),
    }
    bytes.truncate(most);
}

fn put(out: &[u8], data: &mut [u8]) -> usize {
    let size = out.len().min(data.len());
    data[..size].copy_from_slice(&out[..size]);
    size
}

/// An input of `head` octets and one message.
pub fn one(head: usize, data: &mut [u8], size: usize, max: usize, seed: u32) -> usize {
    let mut dice = Dice::new(seed.into());
    let most = most(&mut dice, size, max);
    let mut bytes = data[..size].to_vec();
    if bytes.len() < head || head > 0 && dice.percent(WHOLE_INPUT) {
        plainly(&mut bytes, most);
    } else {
        let mut rest = bytes.split_off(head);
        message(&mut dice, &mut rest, most.saturating_sub(head));
        bytes.extend(rest);
    }
    put(&bytes, data)
}

/// An input of many.
pub fn many(data: &mut [u8], size: usize, max: usize, seed: u32) -> usize {
    let mut dice = Dice::new(seed.into());
    let most = most(&mut dice, size, max);
    let (site, mut frames) = frames::read(&data[..size]);
    if dice.percent(WHOLE_INPUT) {
        let mut bytes = data[..size].to_vec();
        plainly(&mut bytes, most);
        return put(&bytes, data);
    }
    if frames.is_empty() || dice.percent(ORDER_OF_FRAMES) {
        order(&mut dice, &mut frames);
    } else {
        let place = dice.below(frames.len() as u64) as usize;
        message(&mut dice, &mut frames[place].octets, most);
    }
    put(&frames::write(site, &frames, most), data)
}

/// Datagrams come, go, come again, by others and at other times.
fn order(dice: &mut Dice, frames: &mut Vec<Frame>) {
    let letters = letters::all();
    let place = dice.below(frames.len() as u64 + 1) as usize;
    let another = dice.below(frames.len() as u64 + 1) as usize;
    match (dice.below(5), frames.get(place).cloned()) {
        (0, _) | (_, None) => {
            let octets = letters[dice.below(letters.len() as u64) as usize].clone();
            let before = if dice.percent(50) { 0 } else { dice.next() as u8 };
            frames.insert(place, Frame { sender: dice.below(2) as u8, before, octets });
        }
        (1, Some(frame)) => frames.insert(another, frame),
        (2, Some(_)) => drop(frames.remove(place)),
        (3, Some(frame)) => frames[place] = Frame { sender: dice.next() as u8, ..frame },
        (_, Some(frame)) => frames[place] = Frame { before: dice.next() as u8, ..frame },
    }
}
