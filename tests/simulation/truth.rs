//! What really happened to each record, beside what the journal says of it; and the promises held to both.

use crate::fate::{Plan, What};
use crate::ledger::{Book, Entry, State, frames};
use crate::promises::Promise;
use crate::world::World;
use bmcnotice::words::{Answer, Outcome};
use std::time::Duration;

/// So long a command to the BMC may be under way.
const UNDER_WAY: Duration = Duration::from_secs(5);

/// One record, as the world saw it.
#[derive(Debug, Clone)]
pub struct Truth {
    pub serial: u64,
    pub monitor: String,
    /// The trap that opened it.
    pub sequence: Option<u16>,
    pub boot: u8,
    pub opened: Duration,
    /// Its octets are in the file.
    pub stored: bool,
    /// In which lives of the engine which attempt was started.
    pub starts: Vec<(u32, u8)>,
    /// Final actions that went out.
    pub finals: u32,
    /// The operator has broken it off.
    pub cancelled: bool,
    /// The operator has let it go on.
    pub released: bool,
    pub answered: Option<Answer>,
    /// The engine that was answered last.
    pub answered_in: u32,
    /// The BMC has heard this of it, or of all of them together.
    pub heard: Option<u8>,
    /// The engine that gave it up, and whether people were told that the BMC does not know.
    pub given_up_in: u32,
    pub untold: bool,
    pub chassis_used: bool,
    /// The file has lost something of it when we were killed: what is promised then is written in the page.
    pub hurt: bool,
    /// The engine of today knows it.
    pub known: bool,
}

/// What stood open when a datagram was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// Records between opening and end.
    pub recovering: Vec<u64>,
    /// Records whose *ended* was not yet understood.
    pub unended: Vec<u64>,
    pub telling: Vec<u64>,
}

impl World {
    pub fn broken(&mut self, promise: Promise, what: String) {
        self.tell(&format!("BROKEN: {promise}: {what}"));
        self.violations.push((promise, what));
    }

    pub fn truth(&mut self, serial: u64) -> Option<&mut Truth> {
        self.truths.iter_mut().find(|truth| truth.known && truth.serial == serial)
    }

    /// The engine says something to its journal, whether it is stored or not.
    pub fn note_append(&mut self, octets: &[u8], stored: bool) {
        let all = frames(octets);
        if all.len() != 1 || all[0].octets != octets.len() {
            return self.broken(Promise::File, "an append is not one frame".into());
        }
        for frame in all {
            let (kind, serial, body) = (frame.kind, frame.serial, frame.body.clone());
            self.book.read(frame);
            let monitor = self.book.0.get(&serial).map(|entry| entry.monitor.clone()).unwrap_or_default();
            if kind == 0x01 {
                self.note_opened(serial, monitor, stored);
            } else if kind == 0x30 {
                self.note_ending(serial, body[0]);
            } else if kind == 0x35 {
                self.finishing = serial;
            } else if (kind, body.first()) == (0x40, Some(&0)) {
                self.note_contradicted(serial);
            } else if kind == 0x41 {
                let now = self.time;
                self.truth(serial).into_iter().for_each(|truth| truth.opened = now); // as if it had just come
            } else if kind == 0x32 {
                let life = self.life;
                self.truth(serial).into_iter().for_each(|truth| truth.given_up_in = life);
            }
        }
        let open = self.book.0.values().filter(|entry| entry.is_open()).count();
        if open > 128 {
            self.broken(Promise::Bounded, format!("{open} open records"));
        }
    }

    fn note_opened(&mut self, serial: u64, monitor: String, stored: bool) {
        let (sequence, boot) = (self.handling, self.boot);
        for former in self.truths.iter_mut().filter(|truth| truth.serial == serial) {
            former.known = false; // a serial that the file had forgotten
        }
        let again = self.truths.iter().find(|t| t.monitor == monitor && t.sequence == sequence && t.known);
        if let Some(again) = again.map(|truth| truth.serial)
            && !monitor.is_empty()
        {
            self.broken(Promise::Once, format!("trap {sequence:?} is record {again} and {serial}"));
        }
        if !monitor.is_empty() && sequence.is_none() {
            self.broken(Promise::Recorded, format!("record {serial} of {monitor} comes of nothing that our BMC said"));
        }
        self.truths.push(Truth {
            serial,
            monitor,
            sequence,
            boot,
            opened: self.time,
            stored,
            starts: Vec::new(),
            finals: 0,
            cancelled: false,
            released: false,
            answered: None,
            answered_in: 0,
            heard: None,
            given_up_in: 0,
            untold: false,
            chassis_used: false,
            hurt: false,
            known: true,
        });
    }

    /// The traps that this recovery is about: its own, and those that have joined it.
    fn traps_of(&self, serial: u64) -> Vec<u16> {
        let Some(own) = self.truths.iter().find(|t| t.known && t.serial == serial) else { return Vec::new() };
        let joined = self.truths.iter().filter(|t| t.known && t.serial >= serial && t.boot == own.boot);
        joined.filter(|t| t.monitor == own.monitor).filter_map(|t| t.sequence).collect()
    }

    /// The recovery is held because the BMC has logged nothing of the kind.
    fn note_contradicted(&mut self, serial: u64) {
        let fates = &self.fate.disturbances;
        let files = |what: &What| {
            matches!(what, What::AppendsFail { .. } | What::Deleted | What::Damaged | What::DiskStops(..))
        };
        if fates.iter().any(|(_, what)| files(what)) {
            return; // it may have forgotten where it was in the log
        }
        let (boot, now) = (self.boot, self.time);
        let before_us = self.book.0.get(&serial).is_some_and(|entry| entry.doubt() == Some(11));
        if before_us {
            return; // the host was up, and we were not there yet
        }
        let old = |trap: &u16| {
            let came = |t: &&Truth| t.sequence == Some(*trap);
            self.truths.iter().filter(came).all(|t| t.opened + UNDER_WAY < now)
        };
        let traps = self.traps_of(serial);
        let meant = |trap: &&u16| {
            !self.forged.contains(trap) && self.sent_in.get(usize::from(**trap)) == Some(&boot) && old(trap)
        };
        if let Some(trap) = traps.iter().find(meant) {
            self.broken(Promise::Proven, format!("record {serial}: trap {trap} is the BMC's, and is said to be none"));
        }
    }

    fn note_ending(&mut self, serial: u64, outcome: u8) {
        let life = self.life;
        let entry = self.book.0.get(&serial).cloned();
        let plans = self.fate.plans.clone();
        let Some(truth) = self.truth(serial) else { return };
        let former = truth.starts.iter().all(|(start, _)| *start < life);
        let told = (truth.answered, truth.hurt);
        let done = truth.answered == Some(Answer::Done);
        let (torn, cancelled) = (truth.answered_in < life, truth.cancelled);
        let attempts = plans.get(place(&truth.monitor)).map_or(0, Plan::attempts);
        let tried = entry.as_ref().is_some_and(|entry| entry.attempt() >= attempts);
        let fits = match outcome {
            0 => done,
            // All was tried, or the operator broke it off.
            1 => (!done || torn) && (tried || cancelled),
            _ => former && entry.is_some_and(|entry| entry.begun()),
        };
        if !fits && !told.1 {
            self.broken(Promise::Truth, format!("record {serial} ends with {outcome}, it answered {:?}", told.0));
        }
    }

    /// The file is replaced; the octets hold all that the engine knows.
    pub fn note_compact(&mut self, octets: &[u8], stored: bool) {
        let fresh = Book::of(octets);
        if stored {
            for truth in self.truths.iter_mut().filter(|t| t.known && fresh.0.contains_key(&t.serial)) {
                truth.stored = true;
            }
        }
        let lost = self.book.lacking_in(&fresh);
        if !lost.is_empty() {
            self.broken(Promise::File, format!("a compaction loses something of the open records {lost:?}"));
        }
    }

    /// A recovery is started: for good, whatever becomes of us.
    pub fn note_start(&mut self, serial: u64, name: &str, attempt: u8) {
        let (life, boot) = (self.life, self.boot);
        let (rerun, attempts) = (self.fate.plans[place(name)].rerun, self.fate.plans[place(name)].attempts());
        let Some(truth) = self.truth(serial) else {
            return self.broken(Promise::Recorded, format!("a recovery runs for record {serial}, which nobody opened"));
        };
        truth.starts.push((life, attempt));
        let (starts, hurt, of, monitor) = (truth.starts.clone(), truth.hurt, truth.boot, truth.monitor.clone());
        if of != boot {
            self.broken(Promise::Boot, format!("record {serial} of boot {of} is run in boot {boot}"));
        }
        let traps = self.traps_of(serial);
        let released = self.truths.iter().any(|t| t.known && t.serial == serial && t.released);
        if self.fate.proven && !released && traps.iter().all(|trap| self.forged.contains(trap)) {
            self.broken(Promise::Proven, format!("record {serial} is run for a forged trap"));
        }
        if monitor != name {
            self.broken(Promise::Recorded, format!("record {serial} of {monitor} is run for {name}"));
        }
        let most = if rerun { 3 } else { 1 };
        let same = starts.iter().filter(|start| start.1 == attempt).count();
        let twice_a_life = starts.iter().filter(|start| **start == (life, attempt)).count() > 1;
        if (same > most || twice_a_life) && !hurt {
            self.broken(Promise::Once, format!("record {serial} is run as (life, attempt) {starts:?}"));
        }
        if attempt == 0 || attempt > attempts {
            self.broken(Promise::Once, format!("record {serial}: attempt {attempt} of {attempts}"));
        }
        let begun = self.book.0.get(&serial).is_some_and(|entry| entry.begun() && entry.attempt() >= attempt);
        if !begun {
            self.broken(Promise::File, format!("record {serial} is run before the journal says so"));
        }
    }

    /// A final action goes out.
    pub fn note_final(&mut self, serial: u64) {
        let boot = self.boot;
        let said = self.book.0.get(&serial).is_some_and(|entry| entry.finished());
        let Some(truth) = self.truth(serial) else { return };
        truth.finals += 1;
        let (finals, hurt, of) = (truth.finals, truth.hurt, truth.boot);
        if (finals > 1 && !hurt) || of != boot {
            self.broken(Promise::Once, format!("record {serial} of boot {of}: final action {finals} in boot {boot}"));
        }
        if !said {
            self.broken(Promise::File, format!("record {serial}: a final action before the journal says so"));
        }
    }

    pub fn note_acknowledge(&mut self, sequence: u16) {
        let Some(fatal) = self.fatal(sequence) else { return };
        for place in self.wanting(fatal) {
            let name = format!("mrw{}", place + 1);
            let safe = |t: &&Truth| t.monitor == name && (t.stored || !t.starts.is_empty());
            let of_it = self.truths.iter().filter(safe).any(|truth| truth.sequence == Some(sequence));
            // It joined what has begun.
            let begun = self.has_begun(&name);
            if !of_it && !begun && !self.is_of_an_earlier_boot(sequence) {
                self.broken(Promise::Acknowledged, format!("trap {sequence} has no record of {name} in the file"));
            }
        }
    }

    /// Whether a recovery of this monitor has begun and is open.
    fn has_begun(&self, name: &str) -> bool {
        let mine = |entry: &&Entry| entry.monitor == name && entry.boot == self.boot && entry.is_open();
        self.book.0.values().filter(mine).any(|entry| entry.begun() || entry.outcome().is_some())
    }

    /// What a journal of an earlier boot knows is a repetition, and nothing begins.
    pub fn is_of_an_earlier_boot(&self, trap: u16) -> bool {
        self.truths.iter().any(|t| t.sequence == Some(trap) && t.known && t.boot != self.boot)
    }

    pub fn snapshot(&self) -> Sent {
        let mut sent = Sent::default();
        for (serial, entry) in self.book.0.iter().filter(|(_, e)| e.is_open() && e.boot == self.boot) {
            let state = entry.state();
            if entry.is_recovering() {
                sent.recovering.push(*serial);
            }
            if entry.is_recovering() || state == State::Ending {
                sent.unended.push(*serial);
            }
            if state == State::Ending {
                sent.telling.push(*serial);
            }
        }
        sent
    }

    pub fn heard_started(&mut self, sent: &Sent) {
        if sent.unended.is_empty() {
            self.broken(Promise::StartedFirst, "the BMC hears started, and nothing recovers".into());
        }
    }

    pub fn heard_ended(&mut self, sent: &Sent, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::Unknown => 2,
        };
        // A command that was under way when the recovery began is repeated until it is answered.
        let since = |serial: &u64| self.truths.iter().find(|t| t.known && t.serial == *serial).map(|t| t.opened);
        let long = |serial: &u64| since(serial).is_some_and(|opened| opened + UNDER_WAY < self.time);
        if sent.recovering.iter().any(long) {
            self.broken(Promise::EndedLast, format!("the BMC hears ended while {:?} recover", sent.recovering));
        }
        let (mut worse, now) = (Vec::new(), self.time);
        for serial in &sent.telling {
            let own = self.book.0.get(serial).and_then(|entry| entry.outcome());
            let Some(truth) = self.truth(*serial) else { continue };
            truth.heard = Some(outcome);
            if outcome == 0 && own != Some(0) && !truth.hurt && truth.opened + UNDER_WAY < now {
                worse.push(*serial);
            }
        }
        if !worse.is_empty() {
            self.broken(Promise::Truth, format!("the BMC hears done, though {worse:?} are not"));
        }
        if sent.telling.is_empty() {
            self.broken(Promise::NoSilence, "the BMC hears ended, and nothing is ending".into());
        }
    }

    pub fn heard_chassis(&mut self, sent: &Sent, control: u8) {
        let (boot, declared) = (self.boot, crate::site::control(self.fate.after_ended));
        let book = &self.book;
        let mut grounds = 0;
        for truth in self.truths.iter_mut().filter(|truth| truth.known && truth.boot == boot) {
            let said = book.0.get(&truth.serial).is_some_and(|entry| entry.chassis());
            if said && truth.heard == Some(0) && !truth.chassis_used {
                truth.chassis_used = true;
                grounds += 1;
            }
        }
        if grounds == 0 {
            self.broken(Promise::Chassis, format!("chassis command {control} without an ended(done)"));
        }
        if declared != Some(control) {
            self.broken(Promise::Chassis, format!("chassis command {control}, declared is {declared:?}"));
        }
        if !sent.recovering.is_empty() {
            self.broken(Promise::Chassis, format!("chassis command while {:?} recover", sent.recovering));
        }
    }

    /// A start has read this; whatever is not there is forgotten.
    pub fn note_replay(&mut self, found: &[u8], excused: bool) {
        let file = Book::of(found);
        let now_boot = self.boot;
        let mut unexcused = Vec::new();
        for truth in self.truths.iter_mut().filter(|truth| truth.known) {
            let (said, is) = (self.book.0.get(&truth.serial), file.0.get(&truth.serial));
            if said.is_some_and(|entry| !entry.is_open()) && is.is_none_or(|entry| !entry.is_open()) {
                truth.known = is.is_some();
                continue; // all is over for it
            }
            if said.is_some_and(|entry| entry.is_lacking_in(is)) {
                truth.hurt = truth.boot == now_boot;
                if !excused && truth.hurt {
                    unexcused.push(truth.serial);
                }
            }
            truth.known = is.is_some();
        }
        if !unexcused.is_empty() {
            self.broken(
                Promise::File,
                format!("the file lacks something of {unexcused:?}, and nothing was wrong with it"),
            );
        }
        self.book = file;
    }

    /// After the first outputs of a start.
    pub fn judge_start(&mut self) {
        let boot = self.boot;
        let open = |(serial, entry): (&u64, &Entry)| (entry.boot != boot && entry.is_open()).then_some(*serial);
        let open: Vec<u64> = self.book.0.iter().filter_map(open).collect();
        if !open.is_empty() {
            self.broken(Promise::Boot, format!("the records {open:?} of an earlier boot stay open"));
        }
    }

    /// The end of the life: nothing is lost, nothing was silent.
    pub fn judge(&mut self) {
        let all = self.truths.clone();
        // One that is held in the middle lets the BMC wait for all of them, visibly.
        let held = |entry: &&Entry| entry.is_open() && entry.state() == State::Held && entry.is_recovering();
        let waits = self.book.0.values().filter(|entry| entry.boot == self.boot).any(|entry| held(&entry));
        for truth in all.iter().filter(|truth| !truth.monitor.is_empty() && !truth.hurt) {
            let entry = self.book.0.get(&truth.serial).filter(|_| truth.known).cloned();
            let entry = entry.as_ref();
            let survived = truth.boot == self.boot;
            let serial = truth.serial;
            let begun = entry.is_some_and(|entry| entry.begun()) || !truth.starts.is_empty();
            let settled = entry.is_none_or(|e| e.closed().is_some_and(|why| matches!(why, 3 | 5 | 6)));
            let held = entry.is_some_and(|entry| entry.state() == State::Held);
            if survived && truth.stored && !begun && !settled && !held && !truth.cancelled {
                let state = entry.map(|entry| entry.state());
                self.broken(Promise::NotLost, format!("record {serial} is {state:?}, its recovery never began"));
            }
            if !survived || truth.starts.is_empty() || !truth.known || waits {
                continue;
            }
            // Who was killed before he could say so has left it in the journal.
            let said = truth.untold || truth.given_up_in < self.life;
            let given_up = entry.is_some_and(|entry| entry.given_up()) && said;
            if truth.heard.is_none() && !(given_up && self.bmc_may_not_listen) {
                let how = format!("given up: {given_up}, BMC may be deaf: {}", self.bmc_may_not_listen);
                self.broken(Promise::NoSilence, format!("record {serial} was run, the BMC never heard ended ({how})"));
            }
        }
    }
}

/// The place of a monitor by its name.
pub fn place(name: &str) -> usize {
    name.trim_start_matches("mrw").parse::<usize>().map_or(0, |number| number - 1)
}
