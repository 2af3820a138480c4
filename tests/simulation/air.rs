//! What is under way, and the network between engine and BMC: it loses, repeats, delays, and so reorders.

use crate::fate::Word;
use crate::truth::Sent;
use crate::world::World;
use bmcnotice::engine::CommandEvent;
use bmcnotice::words::Answer;
use std::net::SocketAddr;
use std::time::Duration;

/// Something that will happen.
#[derive(Debug, Clone)]
pub enum Due {
    /// With the sequence number of the trap in it, if it is one of our BMC's.
    ToTraps(SocketAddr, Option<u16>, Vec<u8>),
    ToClient(SocketAddr, Vec<u8>),
    ToBmc(SocketAddr, Sent, Vec<u8>),
    /// Of which process and which engine.
    Answer(u32, u32, u64, Answer),
    Command(u32, u32, u64, CommandEvent),
    /// A disturbance, by its place.
    Disturb(usize),
    /// The process ends as it should and starts again.
    Reload(u32),
    Operator(Word),
    /// The operating system ends: it asks us to, and then it is gone.
    Leave(u32),
    HostEnds(u8),
    /// A process starts, if it is still this one's turn.
    Start(u32),
    BmcIsWell,
    BmcHears,
    BmcSpeaks,
    PowerButton,
}

impl World {
    /// Puts a datagram into the air: it comes never, once or twice, and when it likes.
    pub fn fly(&mut self, due: Due) {
        let since = self.fault.map(|fault| self.time - fault);
        let out = |(from, span): (Duration, Duration)| since.is_some_and(|since| since >= from && since < from + span);
        // Before the fault the weather is fair: that links open in storms is the links' own test.
        if since.is_none_or(|since| since >= self.fate.calm) && !self.fate.outage.is_some_and(out) {
            return self.put(Duration::from_micros(100), due);
        }
        let copies = if self.fate.outage.is_some_and(out) || self.dice.percent(self.fate.loss) {
            0
        } else if self.dice.percent(self.fate.repeats) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let delay = self.dice.up_to(self.fate.delay);
            self.put(delay, due.clone());
        }
    }

    pub fn put(&mut self, after: Duration, due: Due) {
        self.due.push((self.time + after, due));
    }
}
