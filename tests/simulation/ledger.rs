//! An independent reader of the journal, after `docs/journal.md`: what each record says of itself.
//!
//! It shares no code with the library, so that a journal that only its writer understands is found.

use std::collections::BTreeMap;

const MAGIC: &[u8] = b"bmcJ";
const HEADER: usize = 52;

/// Where a recovery stands, as seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// No record is open; the fault has not come, or all is over.
    Idle,
    Recorded,
    Started,
    Recovering,
    /// The final action goes out.
    Finishing,
    Ending,
    AwaitingReset,
    Failed,
    Held,
    /// The last record is closed.
    Closed,
    /// We are dead; the host lives.
    Dead,
    /// The host is down.
    Down,
}

impl State {
    pub const ALL: [Self; 12] = [
        Self::Idle,
        Self::Recorded,
        Self::Started,
        Self::Recovering,
        Self::Finishing,
        Self::Ending,
        Self::AwaitingReset,
        Self::Failed,
        Self::Held,
        Self::Closed,
        Self::Dead,
        Self::Down,
    ];
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub serial: u64,
    pub boot: u8,
    pub body: Vec<u8>,
    pub at: usize,
    pub octets: usize,
}

/// All whole frames; what is between them is skipped.
pub fn frames(bytes: &[u8]) -> Vec<Frame> {
    let (mut all, mut at) = (Vec::new(), 0);
    while at + HEADER < bytes.len() {
        match frame(&bytes[at..]) {
            Some(found) => {
                let octets = found.octets;
                all.push(Frame { at, ..found });
                at += octets;
            }
            None => at += 1,
        }
    }
    all
}

fn frame(bytes: &[u8]) -> Option<Frame> {
    if !bytes.starts_with(MAGIC) {
        return None;
    }
    let length = usize::from(u16::from_le_bytes([bytes[6], bytes[7]]));
    let octets = HEADER + length + 1;
    let whole = bytes.get(..octets)?;
    let mut summed = crc32fast::Hasher::new();
    summed.update(&whole[4..8]);
    summed.update(&whole[12..]);
    let sum = u32::from_le_bytes(whole[8..12].try_into().ok()?);
    let good = summed.finalize() == sum && whole[octets - 1] == b'\n';
    good.then(|| Frame {
        kind: whole[5],
        serial: u64::from_le_bytes(whole[12..20].try_into().unwrap_or_default()),
        boot: whole[36],
        body: whole[HEADER..octets - 1].to_vec(),
        at: 0,
        octets,
    })
}

/// One record: its opening, and the newest step of each kind, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub boot: u8,
    /// Empty: no monitor wanted it.
    pub monitor: String,
    pub steps: Vec<(u8, Vec<u8>)>,
}

impl Entry {
    fn step(&self, kind: u8) -> Option<&[u8]> {
        self.steps.iter().find(|(other, _)| *other == kind).map(|(_, body)| &body[..])
    }

    /// Why it is held, if it is: the newest of held, released, started, begun says so.
    pub fn held(&self) -> Option<u8> {
        let newest = self.steps.iter().rev().find(|(kind, _)| matches!(kind, 0x40 | 0x41 | 0x10 | 0x20));
        newest.filter(|(kind, _)| *kind == 0x40).map(|(_, body)| body[0])
    }

    /// The number of the newest attempt; 0: none has begun.
    pub fn attempt(&self) -> u8 {
        self.step(0x23).map_or(u8::from(self.begun()), |body| body[1])
    }

    /// Why the BMC's log proves nothing.
    pub fn doubt(&self) -> Option<u8> {
        self.step(0x15).map(|body| body[0])
    }

    pub fn finished(&self) -> bool {
        self.step(0x35).is_some()
    }

    /// Between its record and its end: the BMC must not hear *ended* yet.
    pub fn is_recovering(&self) -> bool {
        match self.state() {
            State::Recorded | State::Started | State::Recovering | State::Finishing => true,
            State::Held => matches!(self.held(), Some(5 | 6)), // it had begun
            _ => false,
        }
    }

    pub fn begun(&self) -> bool {
        self.step(0x20).is_some()
    }

    pub fn chassis(&self) -> bool {
        self.step(0x33).is_some()
    }

    pub fn given_up(&self) -> bool {
        self.step(0x32).is_some()
    }

    /// Why it is closed.
    pub fn closed(&self) -> Option<u8> {
        self.step(0x60).map(|body| body[0])
    }

    pub fn is_open(&self) -> bool {
        !self.monitor.is_empty() && self.closed().is_none()
    }

    /// 0 done, 1 failed, 2 unknown, once it is fixed.
    pub fn outcome(&self) -> Option<u8> {
        self.step(0x30).map(|body| body[0])
    }

    /// Whether the other lacks a step of this, or says another outcome.
    pub fn is_lacking_in(&self, other: Option<&Self>) -> bool {
        other.is_none_or(|other| {
            let lacks = self.steps.iter().any(|(kind, _)| other.step(*kind).is_none());
            lacks || other.monitor != self.monitor || (self.outcome().is_some() && self.outcome() != other.outcome())
        })
    }

    pub fn state(&self) -> State {
        let rests = self.step(0x31).or(self.step(0x32)).map(|body| body[0]);
        match (self.closed(), rests, self.outcome()) {
            (Some(_), _, _) => State::Closed,
            (None, Some(0), _) => State::AwaitingReset,
            (None, Some(_), _) => State::Failed,
            (None, None, Some(_)) => State::Ending,
            (None, None, None) if self.held().is_some() => State::Held,
            (None, None, None) if self.step(0x35).is_some() => State::Finishing,
            (None, None, None) if self.begun() => State::Recovering,
            (None, None, None) if self.step(0x10).is_some() => State::Started,
            (None, None, None) => State::Recorded,
        }
    }
}

/// All records of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book(pub BTreeMap<u64, Entry>);

impl Book {
    pub fn of(bytes: &[u8]) -> Self {
        let mut book = Self::default();
        frames(bytes).into_iter().for_each(|frame| book.read(frame));
        book
    }

    pub fn read(&mut self, frame: Frame) {
        if frame.kind == 0x70 {
            return; // where we are in the BMC's log: nobody's step
        }
        if frame.kind == 0x01 {
            let monitor = monitor(&frame.body).unwrap_or_default();
            self.0.insert(frame.serial, Entry { boot: frame.boot, monitor, steps: Vec::new() });
        } else if let Some(entry) = self.0.get_mut(&frame.serial) {
            entry.steps.retain(|(kind, _)| *kind != frame.kind);
            entry.steps.push((frame.kind, frame.body));
        }
    }

    /// The records that are open here and of which `other` lacks something. It may know more: a file that is
    /// written anew tells what is only about to be appended.
    pub fn lacking_in(&self, other: &Self) -> Vec<u64> {
        let open = self.0.iter().filter(|(_, entry)| entry.is_open());
        open.filter(|(serial, entry)| entry.is_lacking_in(other.0.get(serial))).map(|(serial, _)| *serial).collect()
    }
}

/// The name of the monitor in the body of *opened*.
fn monitor(body: &[u8]) -> Option<String> {
    let wanted = *body.get(33)?;
    let server = usize::from(*body.get(34)?);
    let length = usize::from(*body.get(35 + server)?);
    let name = body.get(36 + server..36 + server + length)?;
    (wanted == 1).then(|| String::from_utf8_lossy(name).into_owned())
}
