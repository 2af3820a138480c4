//! The BMCs at the end of the street. What they heard is told by their own logs.

use crate::ipmi_peer::{GUID, Peer, free_address, has_ipmi_sim, has_pyghmi};
use crate::wait;
use bmcnotice::io::simulate::SimulatedBmc;
use bmcnotice::sim::{self, Alert, Event};
use bmcnotice::words::{Guid, Outcome};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A word of the handshake, as a BMC heard it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Armed,
    Started,
    /// With the outcome's octet: 0 done, 1 failed, 2 unknown.
    Ended(u8),
    Disarmed,
}

pub const ENDED_DONE: Word = Word::Ended(0);
pub const ENDED_FAILED: Word = Word::Ended(1);
pub const ENDED_UNKNOWN: Word = Word::Ended(2);

pub trait Bmc: Send + Sync {
    fn address(&self) -> SocketAddr;
    fn login(&self) -> (&'static str, &'static str);
    fn guid(&self) -> Guid;
    /// Every word that it heard, in order, repetitions included, refused ones not.
    fn words(&self) -> Vec<Word>;
    /// What was done to the chassis over the LAN, one line each.
    fn chassis(&self) -> Vec<String>;
    /// For a failed test.
    fn story(&self) -> String;

    /// The words without *armed* and *disarmed*: what was said of recoveries.
    fn recoveries(&self) -> Vec<Word> {
        let mut words = self.words();
        words.retain(|word| matches!(word, Word::Started | Word::Ended(_)));
        words
    }

    /// Waits until it has heard this of recoveries, and nothing else.
    fn hears(&self, words: &[Word]) {
        wait::until(&format!("the BMC hears {words:?}"), || self.story(), || self.recoveries() == words);
    }
}

/// The simulated BMC of this library.
pub struct Simulated(pub SimulatedBmc);

impl Simulated {
    pub fn new() -> Self {
        Self::with(sim::Options::default())
    }

    pub fn with(options: sim::Options) -> Self {
        Self::at(Ipv4Addr::LOCALHOST.into(), options)
    }

    pub fn at(address: IpAddr, options: sim::Options) -> Self {
        Self(SimulatedBmc::start((address, 0).into(), options, None).unwrap())
    }

    /// It sends its traps there from now on.
    pub fn alert(&self, listen: SocketAddr) {
        self.0.with(|bmc, _| bmc.set_alert(Some(Alert::to(listen))));
    }

    pub fn resets(&self) -> u64 {
        self.0.with(|bmc, _| bmc.resets())
    }

    pub fn change(&self, change: impl FnOnce(&mut sim::Quirks)) {
        self.0.with(|bmc, _| change(bmc.quirks_mut()));
    }
}

impl Bmc for Simulated {
    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn login(&self) -> (&'static str, &'static str) {
        ("admin", "password")
    }

    fn guid(&self) -> Guid {
        self.0.with(|bmc, _| bmc.options().guid)
    }

    fn words(&self) -> Vec<Word> {
        let word = |event: &Event| match event {
            Event::Armed { .. } => Some(Word::Armed),
            Event::RecoveryStarted { .. } => Some(Word::Started),
            Event::RecoveryEnded { outcome: Outcome::Done, .. } => Some(Word::Ended(0)),
            Event::RecoveryEnded { outcome: Outcome::Failed, .. } => Some(Word::Ended(1)),
            Event::RecoveryEnded { outcome: Outcome::Unknown, .. } => Some(Word::Ended(2)),
            Event::Disarmed { .. } => Some(Word::Disarmed),
            _ => None,
        };
        self.0.events().iter().filter_map(|happened| word(&happened.event)).collect()
    }

    fn chassis(&self) -> Vec<String> {
        self.0.with(|bmc, _| {
            let control = bmc.log().filter(|entry| (entry.netfn, entry.command) == (0x00, 0x02));
            control.map(|entry| format!("{:?}", entry.data)).collect()
        })
    }

    fn story(&self) -> String {
        self.0.events().iter().map(|happened| format!("{:?} {}\n", happened.at.boottime, happened.event)).collect()
    }
}

/// The pyghmi peer's GUID is the MD5 of its address, 127.0.0.1.
pub const PYPEER: Guid = Guid(*b"\xf5\x28\x76\x4d\x62\x4d\xb1\x29\xb3\x2c\x21\xfb\xca\x0c\xb8\xd6");

/// A peer that writes the module's kind of log: OpenIPMI's `ipmi_sim` with our module, or the pyghmi peer.
pub struct Real {
    pub peer: Peer,
    login: (&'static str, &'static str),
    guid: Guid,
}

impl Real {
    /// Suite 3. None, said aloud, where it is not installed.
    pub fn ipmi_sim(name: &str) -> Option<Self> {
        has_ipmi_sim().then(|| Self {
            peer: Peer::ipmi_sim(name, free_address()),
            login: ("ipmiusr", "test"),
            guid: Guid(GUID),
        })
    }

    /// Suite 17. None, said aloud, where it is not installed.
    pub fn pypeer(name: &str) -> Option<Self> {
        has_pyghmi().then(|| Self {
            peer: Peer::pypeer(name, free_address()),
            login: ("admin", "password"),
            guid: PYPEER,
        })
    }

    /// Power gone and back; it keeps what it had written down.
    pub fn restart(&mut self) {
        self.peer.restart();
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.peer.folder.join(name)).unwrap_or_default()
    }

    fn log(&self) -> String {
        self.file("module.log") + &self.file("log")
    }
}

impl Bmc for Real {
    fn address(&self) -> SocketAddr {
        self.peer.address
    }

    fn login(&self) -> (&'static str, &'static str) {
        self.login
    }

    fn guid(&self) -> Guid {
        self.guid
    }

    fn words(&self) -> Vec<Word> {
        let log = self.log();
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole); // its last line may be half written
        let word = |line: &str| {
            let data = line.split_ascii_whitespace().last()?.trim_start_matches("data=");
            if line.contains(" recovery-armed") {
                Some(Word::Armed)
            } else if line.contains(" recovery-started") {
                Some(Word::Started)
            } else if line.contains(" recovery-ended") {
                Some(Word::Ended(u8::from_str_radix(data.get(2..4)?, 16).ok()?))
            } else if line.contains(" recovery-disarmed") {
                Some(Word::Disarmed)
            } else {
                None
            }
        };
        whole.lines().filter_map(word).collect()
    }

    fn chassis(&self) -> Vec<String> {
        let control = |line: &&str| line.contains("netfn=00 cmd=02");
        self.log().lines().filter(control).map(str::to_owned).collect()
    }

    fn story(&self) -> String {
        self.log()
    }
}
