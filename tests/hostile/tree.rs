//! A BER tree that may be wrong anywhere: read from good octets, changed, written again.
//!
//! Lengths follow what is changed below them, unless they were frozen before. Independent of the library's own reader.

/// Deeper than any message.
const DEEPEST: usize = 12;
const OCTET_STRING: u8 = 4;

#[derive(Debug, Clone)]
pub enum Body {
    Leaf(Vec<u8>),
    Nest(Vec<Node>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Length {
    /// The shortest that is right.
    Right,
    /// Right, in so many octets behind the first.
    Wide(usize),
    /// These octets, right or not.
    Said(Vec<u8>),
}

#[derive(Debug, Clone)]
pub struct Node {
    pub tag: Vec<u8>,
    pub length: Length,
    pub body: Body,
}

impl Node {
    pub fn leaf(tag: u8, octets: impl Into<Vec<u8>>) -> Self {
        Self { tag: vec![tag], length: Length::Right, body: Body::Leaf(octets.into()) }
    }

    pub fn nest(tag: u8, nodes: Vec<Node>) -> Self {
        Self { tag: vec![tag], length: Length::Right, body: Body::Nest(nodes) }
    }

    fn content(&self) -> Vec<u8> {
        match &self.body {
            Body::Leaf(octets) => octets.clone(),
            Body::Nest(nodes) => write(nodes),
        }
    }
}

fn length(octets: usize, wide: usize) -> Vec<u8> {
    if wide == 0 && octets < 0x80 {
        return vec![octets as u8];
    }
    let all = (octets as u32).to_be_bytes();
    let needed = 4 - all.iter().take_while(|octet| **octet == 0).count().min(3);
    let wide = wide.max(needed);
    let mut out = vec![0x80 | wide as u8];
    out.extend(std::iter::repeat_n(0, wide.saturating_sub(4)));
    out.extend(&all[4 - wide.min(4)..]);
    out
}

pub fn write(nodes: &[Node]) -> Vec<u8> {
    let mut out = Vec::new();
    for node in nodes {
        let content = node.content();
        out.extend(&node.tag);
        match &node.length {
            Length::Right => out.extend(length(content.len(), 0)),
            Length::Wide(wide) => out.extend(length(content.len(), *wide)),
            Length::Said(octets) => out.extend(octets),
        }
        out.extend(content);
    }
    out
}

/// The whole of the octets as elements, or none.
pub fn read(octets: &[u8]) -> Option<Vec<Node>> {
    level(octets, 0)
}

fn level(mut octets: &[u8], depth: usize) -> Option<Vec<Node>> {
    let mut nodes = Vec::new();
    while let [tag, first, rest @ ..] = octets {
        let wide = if *first < 0x80 { 0 } else { usize::from(first & 0x7F) };
        if tag & 0x1F == 0x1F || wide > 4 || *first == 0x80 || rest.len() < wide {
            return None;
        }
        let count = match wide {
            0 => usize::from(*first),
            _ => rest[..wide].iter().fold(0, |count, octet| count << 8 | usize::from(*octet)),
        };
        let content = rest[wide..].get(..count)?;
        octets = &rest[wide + count..];
        // USM's parameters stand in an OCTET STRING.
        let nested = tag & 0x20 != 0 || *tag == OCTET_STRING && content.first() == Some(&0x30);
        let inner = if nested && depth < DEEPEST { level(content, depth + 1) } else { None };
        let body = inner.map_or_else(|| Body::Leaf(content.to_vec()), Body::Nest);
        nodes.push(Node { tag: vec![*tag], length: Length::Right, body });
    }
    octets.is_empty().then_some(nodes)
}

/// From now on every length says what is right now.
pub fn freeze(nodes: &mut [Node]) {
    for node in nodes {
        if node.length == Length::Right {
            node.length = Length::Said(length(node.content().len(), 0));
        }
        if let Body::Nest(nodes) = &mut node.body {
            freeze(nodes);
        }
    }
}

pub fn count(nodes: &[Node]) -> usize {
    nodes
        .iter()
        .map(|node| match &node.body {
            Body::Leaf(_) => 1,
            Body::Nest(nodes) => 1 + count(nodes),
        })
        .sum()
}

/// The node at this place, first to last, parents first.
pub fn at<'a>(nodes: &'a mut [Node], place: &mut usize) -> Option<&'a mut Node> {
    for node in nodes {
        if *place == 0 {
            return Some(node);
        }
        *place -= 1;
        if let Body::Nest(inner) = &mut node.body
            && let Some(found) = at(inner, place)
        {
            return Some(found);
        }
    }
    None
}
