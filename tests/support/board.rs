//! A simulated BMC under virtual time, spoken to by its own host.

#![allow(dead_code, reason = "each test program uses its part")]

use bmcnotice::now::Now;
use bmcnotice::sim::{Alert, Bmc, Event, Fault, Options, Output};
use bmcnotice::wire::ipmi::Request;
use bmcnotice::wire::pet::{self, Pet};
use bmcnotice::wire::snmp::Message;
use core::net::SocketAddr;
use core::time::Duration;

pub const SECOND: Duration = Duration::from_secs(1);
/// 2026-01-01, in Unix seconds.
pub const WALL: u64 = 1_767_225_600;

pub fn monitor() -> SocketAddr {
    "127.0.0.1:1162".parse().unwrap()
}

/// A BMC under virtual time, with all that it did and when.
pub struct World {
    pub bmc: Bmc,
    pub now: Now,
    pub story: Vec<(Duration, Event)>,
    pub traps: Vec<(Duration, SocketAddr, Vec<u8>)>,
}

impl World {
    pub fn new(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options { alert: Some(Alert::to(monitor())), ..Options::default() };
        change(&mut options);
        let now = Now { boottime: SECOND * 1000, wall: Duration::from_secs(WALL) };
        Self { bmc: Bmc::new(options, [3; 32]), now, story: Vec::new(), traps: Vec::new() }
    }

    pub fn drain(&mut self) {
        while let Some(output) = self.bmc.poll_output() {
            let at = self.now.boottime - SECOND * 1000;
            match output {
                Output::Send { to, bytes } => self.traps.push((at, to, bytes)),
                Output::Event(Event::Command(_)) => {}
                Output::Event(event) => self.story.push((at, event)),
            }
        }
    }

    /// Lets time pass, one deadline after the other.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now.boottime + time;
        loop {
            let due = self.bmc.next_deadline().filter(|due| *due <= end);
            let at = due.unwrap_or(end).max(self.now.boottime);
            self.now = self.now.after(at - self.now.boottime);
            self.bmc.handle_timeout(self.now);
            self.drain();
            if due.is_none() {
                return;
            }
        }
    }

    pub fn raise(&mut self, name: &str) {
        self.bmc.raise(self.now, &Fault::preset(name).unwrap());
        self.drain();
    }

    pub fn clear(&mut self, name: &str) {
        self.bmc.clear(self.now, &Fault::preset(name).unwrap());
        self.drain();
    }

    /// The host's command, in-band: completion code and data.
    pub fn command(&mut self, netfn: u8, command: u8, data: &[u8]) -> (u8, Vec<u8>) {
        let request = Request { netfn, lun: 0, command, data: data.to_vec() };
        let response = self.bmc.command(self.now, &request);
        self.drain();
        (response.completion, response.data)
    }

    pub fn say(&mut self, data: &[u8]) {
        assert_eq!(self.command(0x30, 0x70, data), (0, Vec::new()));
    }

    pub fn add_record(&mut self, word: &[u8]) {
        let mut record = [0; 16];
        record[2] = 0xC7;
        record[10..10 + word.len()].copy_from_slice(word);
        assert_eq!(self.command(0x0A, 0x44, &record).0, 0);
    }

    pub fn pet(&self, nth: usize) -> Pet {
        let message = Message::parse(&self.traps[nth].2).unwrap();
        let (specific, octets) = pet::find(&message).unwrap();
        Pet::parse(specific, octets).unwrap()
    }

    pub fn trap_times(&self) -> Vec<u64> {
        self.traps.iter().map(|(at, ..)| at.as_secs()).collect()
    }

    /// When this first happened.
    pub fn when(&self, what: impl Fn(&Event) -> bool) -> Option<Duration> {
        self.story.iter().find(|(_, event)| what(event)).map(|(at, _)| *at)
    }

    pub fn reset_at(&self) -> Option<Duration> {
        self.when(|event| matches!(event, Event::Reset { .. }))
    }
}
