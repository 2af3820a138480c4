//! How an input is read: a configuration's number, and then datagrams, each behind who sends it, what happens before,
//! and its length. Whatever the octets are, they mean something.

use bmcnotice::words::Answer;
use std::time::Duration;

/// Datagrams of one input at most, so that none lasts.
pub const MOST: usize = 24;
/// Octets before each.
const HEAD: usize = 4;

/// One datagram of an input.
#[derive(Debug, Clone)]
pub struct Frame {
    pub sender: u8,
    /// From the least significant bit: two of time, two of an answer, three of another configuration.
    pub before: u8,
    pub octets: Vec<u8>,
}

impl Frame {
    /// So long after the last one.
    pub fn span(&self) -> Duration {
        Duration::from_millis([20, 1_000, 5_000, 200_000][usize::from(self.before & 3)])
    }

    /// What the application says to the recovery that is due.
    pub fn answer(&self) -> Option<Answer> {
        match self.before >> 2 & 3 {
            1 => Some(Answer::Done),
            2 => Some(Answer::Failed),
            _ => None,
        }
    }

    /// The configuration that is loaded before, if any.
    pub fn site(&self) -> Option<usize> {
        usize::from(self.before >> 4 & 7).checked_sub(1)
    }
}

/// The configuration's number, and the datagrams.
pub fn read(input: &[u8]) -> (usize, Vec<Frame>) {
    let (site, mut rest) = input.split_first().map_or((0, input), |(site, rest)| (usize::from(*site), rest));
    let mut frames = Vec::new();
    while let [sender, before, high, low, octets @ ..] = rest {
        if frames.len() == MOST {
            break;
        }
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(octets.len());
        let (octets, after) = octets.split_at(length);
        frames.push(Frame { sender: *sender, before: *before, octets: octets.to_vec() });
        rest = after;
    }
    (site, frames)
}

/// The same as octets, as far as they fit.
pub fn write(site: usize, frames: &[Frame], most: usize) -> Vec<u8> {
    let mut out = vec![site as u8];
    for frame in frames {
        let Ok(length) = u16::try_from(frame.octets.len()) else { continue };
        if out.len() + HEAD + frame.octets.len() > most {
            break;
        }
        out.extend([frame.sender, frame.before]);
        out.extend(length.to_be_bytes());
        out.extend(&frame.octets);
    }
    out
}
