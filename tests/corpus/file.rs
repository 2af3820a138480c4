//! The datagrams of a file of vectors.

use crate::common::{octets, text};

/// A datagram with the comments before it.
pub struct Datagram {
    /// The last `# case` line.
    pub case: String,
    /// The last comment but the one of tshark.
    pub comment: String,
    pub octets: Vec<u8>,
}

pub fn datagrams(file: &str) -> Vec<Datagram> {
    let (mut case, mut comment, mut all) = (String::new(), String::new(), Vec::new());
    for line in text(file).lines() {
        match line.strip_prefix("# ") {
            Some(line) => {
                if let Some(name) = line.strip_prefix("case ") {
                    case = name.into();
                }
                if !line.starts_with("tshark:") {
                    comment = line.into();
                }
            }
            None if line.is_empty() => {}
            None => all.push(Datagram { case: case.clone(), comment: comment.clone(), octets: octets(line) }),
        }
    }
    all
}
