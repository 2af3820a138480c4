//! Performs what the engine and the BMC put out, one by one, and dies in between if fate says so.

#[path = "../support/traps.rs"]
mod traps;

use crate::air::Due;
use crate::fate::{Place, Recovery, Script, What};
use crate::ledger::State;
use crate::promises::Promise;
use crate::site::{BMC, CLIENT, GUID, OTHER_BMC, TRAPS};
use crate::truth::{Sent, place};
use crate::world::{MOST_OUTPUTS, Says, World, s};
use bmcnotice::engine::{CommandEvent, Delivery, Engine, Output, Stage, Urgency};
use bmcnotice::sim::{self, Event, NON_RECOVERABLE, Power};
use bmcnotice::wire::command::PetAcknowledge;
use bmcnotice::wire::ipmi::Message;
use bmcnotice::wire::pet::{self, Pet};
use bmcnotice::wire::rmcp::Datagram;
use bmcnotice::wire::snmp;
use bmcnotice::words::{Answer, Outcome, Phase};
use std::time::Duration;

/// A command that is told to end needs so long.
const TIDY: Duration = Duration::from_millis(50);
/// Octets of a PET that make it what it is, from its GUID on.
const EVENT: usize = 46;

/// What a trap of our BMC says.
fn says(bytes: &[u8]) -> Says {
    let message = snmp::Message::parse(bytes).expect("a trap");
    let (specific, octets) = pet::find(&message).expect("a PET");
    let pet = Pet::parse(specific, octets).expect("a good one");
    match (pet.deasserted, pet.severity) {
        (true, _) => Says::Cleared,
        (false, NON_RECOVERABLE) => Says::Fatal,
        (false, _) => Says::Recoverable,
    }
}

/// A trap that looks like the BMC's, of an event that it never has: another sensor's.
pub fn forged(sequence: u16) -> Vec<u8> {
    let pet = Pet {
        sensor_type: 0x07,
        event_type: 0x6F,
        offset: 0,
        deasserted: false,
        guid: GUID,
        sequence,
        timestamp: 77,
        utc_offset: Some(0),
        trap_source: 0x20,
        event_source: 0x20,
        severity: NON_RECOVERABLE,
        sensor_device: 0x20,
        sensor_number: 0x77,
        entity: 3,
        entity_instance: 9,
        event_data: [0, 0xFF, 0xFF, 0, 0, 0, 0, 0],
        language: 0x19,
        manufacturer: 0,
        system_id: 0,
    };
    traps::v1(&pet, b"public", std::net::Ipv4Addr::new(10, 0, 1, 1))
}

impl World {
    /// Performs all output, the engine's first.
    pub fn drain(&mut self) {
        let mut count = 0;
        while self.paused.is_none() {
            let Some(output) = self.engine.as_mut().and_then(Engine::poll_output) else { break };
            count += 1;
            self.outputs += usize::from(self.fault.is_some());
            let here = self.at_outputs.iter().position(|(nth, _)| self.fault.is_some() && *nth == self.outputs);
            let what = here.map(|place| self.fate.disturbances[self.at_outputs[place].1].1);
            match what {
                Some(What::Kill(at, away)) => self.killed_at(output, at, away),
                Some(what) => {
                    let life = self.life;
                    self.disturb(what);
                    self.last_event = self.time;
                    if self.engine.is_some() && self.life == life {
                        self.perform(output, true);
                    }
                }
                None => self.perform(output, true),
            }
            self.look();
        }
        if count > MOST_OUTPUTS {
            self.broken(Promise::Bounded, format!("{count} outputs for one input"));
        }
        self.drain_bmc();
    }

    fn killed_at(&mut self, output: Output, at: Place, away: Duration) {
        match (at, &output) {
            (Place::Within, Output::Append(bytes)) => self.storage.tear(bytes, &mut self.dice),
            (Place::Before | Place::Within, _) => {}
            (Place::After, _) => {}
        }
        let text = match &output {
            Output::Append(_) => "append",
            Output::Compact(_) => "compaction",
            Output::KeepNames(_) => "cache",
            Output::Filter(_) => "filter",
            Output::Ask { .. } | Output::Reply { .. } | Output::InBand(_) => "datagram",
            Output::Run(_) | Output::Signal { .. } | Output::Panic(_) | Output::LookForDump(_) => "command",
            Output::Deliver(_) => "delivery",
        };
        self.tell(&format!("at this {text}, the output {} since the fault:", self.outputs));
        let state = self.state();
        if at == Place::After {
            self.perform(output, false);
        }
        // The state in which it came to us, not the one that the output has made.
        self.coverage.count(What::Kill(at, away), state);
        self.tell(&format!("DISTURBED in {state:?}: {}, back after {away:?}", What::Kill(at, away).name()));
        self.last_event = self.time;
        self.kill(away);
    }

    fn perform(&mut self, output: Output, tell: bool) {
        let now = self.now();
        match output {
            Output::Reply { to, bytes } => {
                assert_eq!(to, BMC.parse().unwrap());
                if let Some(trap) = self.acknowledged(&bytes) {
                    self.note_acknowledge(trap);
                }
                self.fly(Due::ToBmc(TRAPS.parse().unwrap(), Sent::default(), bytes));
            }
            Output::Ask { to, .. } if to == OTHER_BMC.parse().unwrap() => {} // nobody is there
            Output::InBand(_) => unreachable!("the configuration says link = \"lan\""),
            Output::Ask { to, bytes } => {
                assert_eq!(to, BMC.parse().unwrap());
                let sent = self.snapshot();
                self.fly(Due::ToBmc(CLIENT.parse().unwrap(), sent, bytes));
            }
            Output::Append(bytes) => {
                let stored = self.storage.append(self.time, &bytes, &mut self.dice);
                if !stored {
                    self.tell("(an append fails)");
                }
                self.note_append(&bytes, stored);
                if let (true, Some(engine)) = (tell, &mut self.engine) {
                    engine.handle_appended(now, stored);
                }
                if !matches!(self.state(), State::Idle | State::Closed) {
                    self.settled = self.outputs + 20;
                }
            }
            Output::Compact(bytes) => {
                let stored = self.storage.replace(self.time, &bytes, &mut self.dice);
                if !stored {
                    self.tell("(a compaction fails)");
                }
                self.note_compact(&bytes, stored);
                if let (true, Some(engine)) = (tell, &mut self.engine) {
                    engine.handle_compacted(stored);
                }
            }
            Output::Deliver(Delivery::Recover(recover)) => {
                self.start(&recover.monitor, recover.record, recover.attempt.number, recover.token, tell)
            }
            Output::Run(command) => {
                let of = |name: &str| command.env.iter().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
                let record = of("BMCNOTICE_RECORD=").parse().unwrap();
                let (monitor, attempt) = (of("BMCNOTICE_MONITOR="), of("BMCNOTICE_ATTEMPT=").parse().unwrap());
                match &*command.argv[0] {
                    "/bin/prepare" => self.prepare(&monitor, command.token),
                    "/bin/end" => {
                        self.note_final(record);
                        self.tokens.push((command.token, self.life, 0, self.time));
                        self.tell(&format!("{monitor}: the final action of record {record} goes out"));
                        let ended = CommandEvent::Exited(0);
                        self.put(TIDY, Due::Command(self.process, self.life, command.token, ended));
                        self.put(s(1), Due::Leave(self.process));
                    }
                    _ => self.start(&monitor, record, attempt, command.token, tell),
                }
            }
            Output::KeepNames(_) | Output::Filter(_) => {} // nothing of a recovery hangs on it
            Output::LookForDump(_) => unreachable!("no dump is waited for here"),
            Output::Panic(_) => {
                let record = self.finishing;
                self.note_final(record);
                self.tell("the kernel panics");
                self.host_ends();
            }
            Output::Signal { token, urgency } => self.signal(token, urgency),
            Output::Deliver(Delivery::Progress(progress)) => {
                if let Stage::Untold(Phase::Ended(_), _) = progress.stage
                    && let Some(truth) = self.truth(progress.record)
                {
                    truth.untold = true;
                }
                self.tell(&progress.line().text);
            }
            Output::Deliver(Delivery::Log(line)) => self.tell(&line.text),
            Output::Deliver(Delivery::Notice(_) | Delivery::Peer(_) | Delivery::Echo(_)) => {}
        }
    }

    /// A recovery is started. `lives`: we live on to hear of it.
    fn start(&mut self, monitor: &str, record: u64, attempt: u8, token: u64, lives: bool) {
        self.note_start(record, monitor, attempt);
        self.starts += 1;
        self.last_event = self.time;
        self.tokens.push((token, self.life, record, self.time));
        self.tell(&format!("{monitor}: attempt {attempt} of record {record} really runs"));
        if !lives {
            return;
        }
        let plan = self.fate.plans[place(monitor)];
        let (process, life) = (self.process, self.life);
        let soon = Duration::ZERO;
        match (plan.does(attempt), plan.is_command(attempt)) {
            (Recovery::Answers(answer, after), false) => {
                // At once is answered in between, as by a callback; else by its token.
                if !after.is_zero() {
                    self.put(soon, Due::Answer(process, life, token, Answer::Later));
                }
                self.put(after, Due::Answer(process, life, token, answer));
                // And once more, which must be refused.
                self.put(after + s(1), Due::Answer(process, life, token, Answer::Failed));
            }
            (Recovery::Answers(answer, after), true) => {
                let status = i32::from(answer != Answer::Done);
                self.put(after, Due::Command(process, life, token, CommandEvent::Exited(status)));
            }
            (Recovery::Overruns { .. }, false) => {
                // Long after its deadline, when nobody asks any more.
                self.put(plan.deadline + s(2), Due::Answer(process, life, token, Answer::Done));
            }
            (Recovery::Overruns { .. }, true) => {}
            (Recovery::NotStarted, _) => {
                self.put(soon, Due::Command(process, life, token, CommandEvent::NotStarted("none".into())));
            }
        }
    }

    fn prepare(&mut self, monitor: &str, token: u64) {
        self.tokens.push((token, self.life, 0, self.time));
        self.tell(&format!("{monitor}: the script runs"));
        if let Script::Exits(status, after) = self.fate.plans[place(monitor)].script {
            self.put(after, Due::Command(self.process, self.life, token, CommandEvent::Exited(status)));
        }
    }

    fn signal(&mut self, token: u64, urgency: Urgency) {
        let Some(&(_, life, record, _)) = self.tokens.iter().find(|(t, l, ..)| *t == token && *l == self.life) else {
            return self.broken(Promise::Stale, "a signal for a command that this engine never started".into());
        };
        let plan = self.book.0.get(&record).map(|entry| self.fate.plans[place(&entry.monitor)]);
        let attempt = self.book.0.get(&record).map_or(0, |entry| entry.attempt());
        if plan.is_some_and(|plan| !plan.is_command(attempt)) {
            return; // a callback's token names no command
        }
        let stubborn = plan.is_some_and(|plan| plan.recovery == Recovery::Overruns { stubborn: true });
        let signal = match urgency {
            Urgency::Ask if stubborn => return,
            Urgency::Ask => 15,
            Urgency::Kill => 9,
        };
        self.put(TIDY, Due::Command(self.process, life, token, CommandEvent::Killed(signal)));
    }

    /// The trap that a PET Acknowledge names.
    fn acknowledged(&self, bytes: &[u8]) -> Option<u16> {
        let Ok(Datagram::Sessionless(message)) = Datagram::parse(bytes) else { return None };
        let names = PetAcknowledge::parse(Message::parse(message).ok()?.data).ok()?;
        let mut event = names.sequence.to_be_bytes().to_vec();
        event.extend(names.timestamp.to_be_bytes());
        let place = self.traps.iter().position(|(trap, _)| trap[16..22] == event);
        place.and_then(|place| u16::try_from(place).ok())
    }

    pub fn drain_bmc(&mut self) {
        while let Some(output) = self.bmc.poll_output() {
            match output {
                sim::Output::Send { to, bytes } if to == TRAPS.parse().unwrap() => {
                    let trap = self.number(&bytes);
                    self.last_trap = trap.map(|trap| (trap, bytes.clone())).or(self.last_trap.take());
                    self.fly(Due::ToTraps(BMC.parse().unwrap(), trap, bytes));
                }
                sim::Output::Send { to, bytes } if to == CLIENT.parse().unwrap() => {
                    self.fly(Due::ToClient(BMC.parse().unwrap(), bytes));
                }
                sim::Output::Send { .. } => {} // an answer to garbage
                sim::Output::Event(event) => self.happened(&event),
            }
        }
    }

    /// Which trap this is; repetitions are the same one. None: the answer to an acknowledge.
    pub fn number(&mut self, bytes: &[u8]) -> Option<u16> {
        let at = bytes.windows(16).position(|window| window == GUID.0)?;
        let event = bytes[at..at + EVENT].to_vec();
        let place = self.traps.iter().position(|(other, _)| *other == event).unwrap_or_else(|| {
            self.traps.push((event, says(bytes)));
            self.sent_in.push(self.boot);
            self.traps.len() - 1
        });
        u16::try_from(place).ok()
    }

    fn happened(&mut self, event: &Event) {
        if !matches!(event, Event::Command(_)) {
            self.tell(&format!("BMC: {event}"));
        }
        let hearing = self.hearing.clone();
        match event {
            Event::RecoveryStarted { .. } => self.heard_started(&hearing),
            Event::RecoveryEnded { outcome, .. } => {
                self.ended.push(match outcome {
                    Outcome::Done => 0,
                    Outcome::Failed => 1,
                    Outcome::Unknown => 2,
                });
                self.heard_ended(&hearing, *outcome);
            }
            Event::Command(entry) if (entry.netfn, entry.command) == (0x00, 0x02) && entry.caller.from.is_some() => {
                self.tell(&format!("BMC: {event}"));
                self.chassis += 1;
                self.heard_chassis(&hearing, entry.data[0]);
            }
            Event::Reset { .. } => self.host_dies(),
            Event::PowerOff => {
                self.host_dies();
                if self.bmc.power() == Power::Off {
                    self.put(s(20), Due::PowerButton);
                }
            }
            Event::HostBooted => self.host_boots(),
            _ => {}
        }
    }
}
