//! What is made wrong in a message: structure by structure, or octet by octet. A seed decides.

use crate::dice::Dice;
use crate::tree::{self, Body, Length, Node};

/// The kinds of wrong, in the order of the report.
pub const KINDS: [&str; 12] = [
    "tags, high-tag-number forms among them",
    "lengths: indefinite, wide, too wide, false",
    "numbers at their edges",
    "object identifiers: 128, 129, 4,000 arcs, wide, padded, unfinished",
    "elements twice, gone, swapped, in each other's place",
    "octets of a value",
    "values of another length",
    "values of another type",
    "elements around elements, up to forty deep",
    "thousands of elements, up to 65 kB",
    "parts of another message",
    "octets of the datagram: cut, appended, changed, two spliced",
];
/// So far an element is looked for that fits.
const FAR: usize = 200;
/// The largest payload of a UDP datagram.
const MOST: usize = 65_507;

pub type Counts = [u64; KINDS.len()];

fn octets(dice: &mut Dice, count: u64) -> Vec<u8> {
    (0..count).map(|_| dice.below(256) as u8).collect()
}

fn pick<'a, T>(dice: &mut Dice, all: &'a [T]) -> &'a T {
    &all[dice.below(all.len() as u64) as usize]
}

fn number(dice: &mut Dice) -> Vec<u8> {
    const EDGES: [&[u8]; 14] = [
        &[],
        &[0],
        &[0x7F],
        &[0x80],
        &[0xFF],
        &[0x7F, 0xFF, 0xFF, 0xFF],
        &[0x80, 0, 0, 0],
        &[0, 0xFF, 0xFF, 0xFF, 0xFF],
        &[1, 0, 0, 0, 0],
        &[0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        &[0x80, 0, 0, 0, 0, 0, 0, 0],
        &[1, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0; 40],
        &[0xFF; 40],
    ];
    if dice.percent(30) {
        let count = dice.below(9);
        return octets(dice, count);
    }
    pick(dice, &EDGES).to_vec()
}

fn identifier(dice: &mut Dice, old: &[u8]) -> Vec<u8> {
    let mut out = old.to_vec();
    match dice.below(9) {
        0 => out.resize(127, 1),  // 128 arcs
        1 => out.resize(128, 1),  // 129
        2 => out.resize(3999, 1), // 4,000
        3 => out.clear(),
        4 => out.push(0x81),                                // unfinished
        5 => out.extend([0x8F, 0xFF, 0xFF, 0xFF, 0x7F]),    // the highest arc
        6 => out.extend([0x90, 0x80, 0x80, 0x80, 0]),       // one more
        7 => out.insert(out.len().min(1), 0x80),            // padded
        _ => out.extend([0x80, 0x80, 0x80, 0x80, 0x80, 1]), // wide
    }
    out
}

fn false_length(dice: &mut Dice) -> Vec<u8> {
    match dice.below(7) {
        0 => vec![0x80],
        1 => vec![0x85, 0, 0, 0, 0, 1],
        2 => vec![0xFF, 0, 0, 0, 0, 1],
        3 => vec![0x84, 0xFF, 0xFF, 0xFF, 0xFF],
        4 => vec![0x84, 0x7F, 0xFF, 0xFF, 0xFF],
        5 => vec![dice.below(128) as u8],
        _ => vec![0x82, dice.below(256) as u8, dice.below(256) as u8],
    }
}

fn typed(dice: &mut Dice) -> Node {
    const TAGS: [u8; 16] =
        [0x02, 0x04, 0x05, 0x06, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x80, 0x81, 0x82, 0x01];
    let tag = *pick(dice, &TAGS);
    let content = match tag {
        0x05 | 0x80..=0x82 => Vec::new(),
        0x06 => vec![0x2B, 6, 1, 4, 1, dice.below(128) as u8],
        0x40 => octets(dice, 4),
        0x04 | 0x44 => {
            let count = dice.below(300);
            octets(dice, count)
        }
        _ => number(dice),
    };
    Node::leaf(tag, content)
}

/// The first list at this place or behind it.
fn list_of(nodes: &mut [Node], from: usize) -> Option<&mut Vec<Node>> {
    let all = tree::count(nodes);
    let place = (from..all.min(from + FAR)).find(|place| {
        let mut place = *place;
        matches!(tree::at(nodes, &mut place), Some(Node { body: Body::Nest(inner), .. }) if !inner.is_empty())
    })?;
    let mut place = place;
    match tree::at(nodes, &mut place) {
        Some(Node { body: Body::Nest(inner), .. }) => Some(inner),
        Some(_) | None => None,
    }
}

/// One thing is made wrong in the tree; `other` is a message to take parts from.
pub fn structure(dice: &mut Dice, nodes: &mut [Node], other: &[u8], counts: &mut Counts) {
    if dice.percent(20) {
        tree::freeze(nodes);
    }
    let all = tree::count(nodes) as u64;
    if all == 0 {
        return;
    }
    let kind = if dice.percent(1) { 9 } else { [0, 1, 2, 3, 4, 5, 6, 7, 8, 10][dice.below(10) as usize] };
    counts[kind] += 1;
    let mut place = dice.below(all) as usize;
    if kind == 4 || kind == 9 {
        if kind == 9 {
            // Mostly varbinds, which lie deepest.
            place = place.max(dice.below(all) as usize);
        }
        let Some(list) = list_of(nodes, place).filter(|list| !list.is_empty()) else { return };
        let which = dice.below(list.len() as u64) as usize;
        let another = dice.below(list.len() as u64) as usize;
        match (kind, dice.below(3)) {
            (9, 0) => {
                // The smallest there is, so many that the bound on them is met.
                let small = Node::nest(0x30, vec![Node::leaf(6, [0x2B]), Node::leaf(5, [])]);
                list.splice(which..which, vec![small; 8180 + dice.below(20) as usize]);
            }
            (9, _) => {
                let each = tree::write(&list[which..=which]).len().max(1);
                let times = (dice.below(MOST as u64) as usize / each).min(9000);
                let more = vec![list[which].clone(); times];
                list.splice(which..which, more);
            }
            (_, 0) => list.insert(another, list[which].clone()),
            (_, 1) => drop(list.remove(which)),
            (_, _) => list.swap(which, another),
        }
        return;
    }
    let numbered = |node: &Node| matches!(node.tag[..], [0x02 | 0x41..=0x43 | 0x46 | 0x47]);
    let named = |node: &Node| node.tag == [0x06];
    // Numbers and names are looked for from a place on.
    if kind == 2 || kind == 3 {
        let fits = (0..(all as usize).min(FAR)).map(|step| (place + step) % all as usize).find(|at| {
            let mut at = *at;
            tree::at(nodes, &mut at).is_some_and(|node| if kind == 2 { numbered(node) } else { named(node) })
        });
        let Some(fits) = fits else { return };
        place = fits;
    }
    let Some(node) = tree::at(nodes, &mut place) else { return };
    match (kind, &mut node.body) {
        (0, _) => {
            node.tag = match dice.below(4) {
                0 => vec![dice.below(256) as u8],
                1 => vec![node.tag[0] | 0x1F, dice.below(128) as u8],
                2 => vec![node.tag[0] | 0x1F, 0x80 | dice.below(128) as u8, 0x81, dice.below(128) as u8],
                _ => vec![node.tag[0] ^ [0x20, 0x40, 0x80, 0x01][dice.below(4) as usize]],
            }
        }
        (1, _) => {
            node.length = match dice.below(2) {
                0 => Length::Wide(1 + dice.below(6) as usize),
                _ => Length::Said(false_length(dice)),
            }
        }
        (2, body) => *body = Body::Leaf(number(dice)),
        (3, Body::Leaf(content)) => *content = identifier(dice, content),
        (5, Body::Leaf(content)) if !content.is_empty() => {
            for _ in 0..=dice.below(4) {
                let at = dice.below(content.len() as u64) as usize;
                content[at] = dice.below(256) as u8;
            }
        }
        (6, Body::Leaf(content)) => {
            let count = if dice.percent(3) { dice.below(60_000) } else { dice.below(120) };
            let old = content.len();
            content.resize(count as usize, 0);
            for octet in content.iter_mut().skip(old) {
                *octet = dice.below(256) as u8;
            }
        }
        (8, _) => {
            let deep = if dice.percent(10) { 40 } else { 2 };
            for _ in 0..=dice.below(deep) {
                let inner = std::mem::replace(node, Node::leaf(5, []));
                *node = Node::nest(if dice.percent(50) { 0x30 } else { 0x24 }, vec![inner]);
            }
        }
        (10, _) => {
            let mut other = tree::read(other).unwrap_or_default();
            let mut from = dice.below(tree::count(&other).max(1) as u64) as usize;
            if let Some(part) = tree::at(&mut other, &mut from) {
                *node = part.clone();
            }
        }
        (_, _) => *node = typed(dice),
    }
}

/// Octets are made wrong, whatever they mean.
pub fn raw(dice: &mut Dice, bytes: &mut Vec<u8>, other: &[u8], counts: &mut Counts) {
    counts[KINDS.len() - 1] += 1;
    let length = bytes.len() as u64;
    match dice.below(5) {
        0 => bytes.truncate(dice.below(length + 1) as usize),
        1 => {
            let count = 1 + dice.below(40);
            bytes.extend(octets(dice, count));
        }
        2 => {
            bytes.truncate(dice.below(length + 1) as usize);
            let from = dice.below(other.len() as u64 + 1) as usize;
            bytes.extend_from_slice(&other[from..]);
        }
        _ => {
            for _ in 0..=dice.below(8) {
                if let Some(octet) = bytes.get_mut(dice.below(length.max(1)) as usize) {
                    *octet ^= 1 << dice.below(8);
                }
            }
        }
    }
}

/// No datagram is longer.
pub fn fit(bytes: &mut Vec<u8>) {
    bytes.truncate(MOST);
}
