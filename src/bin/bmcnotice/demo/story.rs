//! What happened, from facts to the seven steps: pure, so that it can be told wrong stories in tests.
//!
//! A step counts by what the BMC's own log shows; the library's and the recovery's word is taken only for
//! what a BMC cannot see: the journal, and the recovery itself.

use bmcnotice::heartbeat::Verdict;
use bmcnotice::io::simulate::Happened;
use bmcnotice::sim::Event;
use bmcnotice::words::Outcome;
use bmcnotice::{PeerStatus, Progress, Stage};
use std::time::Duration;

/// Limit: troubles that are kept, to explain a step that was not done.
const TROUBLES: usize = 8;

/// Something that happened.
pub enum Fact {
    /// At server1's BMC.
    Bmc(Happened),
    /// In server1's library.
    Progress(Progress),
    /// The recovery was called.
    Called {
        /// When.
        at: Duration,
        /// What to move.
        target: String,
    },
    /// The recovery is over.
    Answered {
        /// When.
        at: Duration,
        /// Whether the group runs elsewhere.
        moved: bool,
    },
    /// What server2's heartbeat says.
    Peer(PeerStatus),
    /// A warning or an error of a log.
    Trouble(String),
}

/// What is told, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    Armed,
    Detected,
    Sent,
    Recorded,
    Acknowledged,
    Started,
    Called,
    Answered,
    Ended,
    PowerOff,
    SeenOff,
    PowerOn,
}

/// All of them.
pub const BEATS: [Beat; 12] = [
    Beat::Armed,
    Beat::Detected,
    Beat::Sent,
    Beat::Recorded,
    Beat::Acknowledged,
    Beat::Started,
    Beat::Called,
    Beat::Answered,
    Beat::Ended,
    Beat::PowerOff,
    Beat::SeenOff,
    Beat::PowerOn,
];

impl Beat {
    /// Which of the steps 0 to 7 it belongs to.
    pub fn step(self) -> u8 {
        match self {
            Self::Armed => 0,
            Self::Detected => 1,
            Self::Sent => 2,
            Self::Recorded | Self::Acknowledged => 3,
            Self::Started => 4,
            Self::Called | Self::Answered => 5,
            Self::Ended => 6,
            Self::PowerOff | Self::SeenOff | Self::PowerOn => 7,
        }
    }

    /// Who speaks to whom.
    pub fn who(self) -> &'static str {
        match self {
            Self::Armed | Self::Acknowledged | Self::Started | Self::Ended => "server1 -> BMC",
            Self::Detected | Self::PowerOff | Self::PowerOn => "BMC",
            Self::Sent => "BMC -> server1",
            Self::Recorded | Self::Called | Self::Answered => "server1",
            Self::SeenOff => "server2",
        }
    }

    /// What did not happen, if it did not.
    pub fn missing(self) -> &'static str {
        match self {
            Self::Armed => "the BMC was not armed",
            Self::Detected => "the BMC detected no fault",
            Self::Sent => "the BMC sent no trap",
            Self::Recorded => "no notice came into the journal",
            Self::Acknowledged => "the BMC heard no acknowledgement",
            Self::Started => "the BMC did not hear that a recovery started",
            Self::Called => "the recovery was not called",
            Self::Answered => "the recovery did not come to its end",
            Self::Ended => "the BMC did not hear that the recovery ended",
            Self::PowerOff => "the BMC did not reset server1",
            Self::SeenOff => "the heartbeat did not see server1 off",
            Self::PowerOn => "server1 did not get its power back",
        }
    }
}

/// A beat that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// When, in boottime.
    pub at: Duration,
    /// What, in words.
    pub what: String,
    /// What is wrong with it.
    pub wrong: Option<&'static str>,
}

/// What is known so far.
#[derive(Default)]
pub struct Story {
    said: [Option<Said>; BEATS.len()],
    suite: Option<u8>,
    holding: bool,
    patience_over: bool,
    moved: bool,
    /// How often the BMC heard *started* and *ended*, and the recovery was called.
    counts: [u32; 3],
    pub troubles: Vec<String>,
}

impl Story {
    /// One more fact.
    pub fn take(&mut self, fact: Fact) {
        match fact {
            Fact::Bmc(Happened { at, event }) => self.bmc(at.boottime, event),
            Fact::Progress(Progress { at, record, stage: Stage::Recorded { sentence, durable }, .. }) => {
                let wrong = (!durable).then_some("the journal could not be written");
                let what = format!("genuine, new, serious; written down as record {record}: {sentence}");
                self.say(Beat::Recorded, at.boottime, what, wrong);
            }
            Fact::Progress(_) => {}
            Fact::Called { at, target } => {
                self.counts[2] += 1;
                self.say(Beat::Called, at, format!("the recovery runs: stop {target} here, start it on server2"), None);
            }
            Fact::Answered { at, moved } => {
                self.moved = moved;
                let (what, wrong) = match moved {
                    true => ("the recovery is done: failover1 runs on server2", None),
                    false => ("it is over: failover1 is still here", Some("the recovery failed")),
                };
                self.say(Beat::Answered, at, what.into(), wrong);
            }
            Fact::Peer(peer) => {
                if &*peer.server == "server1" && peer.verdict == Verdict::Off {
                    let what = "sees by the BMC heartbeat that server1 is off";
                    self.say(Beat::SeenOff, peer.since, what.into(), None);
                }
            }
            Fact::Trouble(text) => {
                if self.troubles.len() < TROUBLES && !self.troubles.contains(&text) {
                    self.troubles.push(text);
                }
            }
        }
    }

    fn bmc(&mut self, at: Duration, event: Event) {
        match event {
            Event::SessionOpened { suite, .. } => self.suite = Some(suite),
            Event::Armed { by } => {
                let suite = self.suite.map_or(String::new(), |suite| format!(", session of cipher suite {suite}"));
                let user = by.user.unwrap_or_else(|| "nobody".into());
                let what = format!("armed: a reset is to wait for us (user {user}{suite})");
                self.say(Beat::Armed, at, what, None);
            }
            Event::FaultDetected { sentence, record, fatal } => {
                let record = record.map_or("not in its log".into(), |id| format!("SEL record {id}"));
                let fatal = if fatal { ", fatal: it wants a reset" } else { "" };
                self.say(Beat::Detected, at, format!("detects: {sentence} ({record}){fatal}"), None);
            }
            Event::TrapSent { sequence, nth: 1, to, .. } => {
                self.say(Beat::Sent, at, format!("SNMP trap {sequence} (PET) to {to}, and holds the reset"), None);
            }
            Event::Holding { .. } => self.holding = true,
            Event::TrapAcknowledged { sequence, .. } => {
                self.say(Beat::Acknowledged, at, format!("trap {sequence} received, and it is written down"), None);
            }
            Event::RecoveryStarted { .. } => {
                self.counts[0] += 1;
                self.say(Beat::Started, at, "recovery started".into(), None);
            }
            Event::RecoveryEnded { outcome, .. } => {
                self.counts[1] += 1;
                let wrong = (outcome != Outcome::Done).then_some("the recovery was not done");
                self.say(Beat::Ended, at, format!("recovery ended ({outcome}): you may reset now"), wrong);
            }
            Event::PatienceOver => self.patience_over = true,
            Event::PowerOff | Event::Reset { .. } => {
                let wrong = match (self.get(Beat::Ended), self.patience_over) {
                    (_, true) => Some("the BMC's patience was over before the recovery had ended"),
                    (None, false) => Some("the BMC did not wait for the recovery's end"),
                    (Some(_), false) => None,
                };
                let what = match wrong {
                    None => "now that it has ended, power-cycles server1: off",
                    Some(_) => "power-cycles server1: off",
                };
                self.say(Beat::PowerOff, at, what.into(), wrong);
            }
            Event::PowerOn => self.say(Beat::PowerOn, at, "on again: server1 boots".into(), None),
            _ => {}
        }
    }

    /// The first time counts.
    fn say(&mut self, beat: Beat, at: Duration, what: String, wrong: Option<&'static str>) {
        self.said[beat as usize].get_or_insert(Said { at, what, wrong });
    }

    fn get(&self, beat: Beat) -> Option<&Said> {
        self.said[beat as usize].as_ref()
    }

    /// What is told of a beat, once it has happened.
    pub fn said(&self, beat: Beat) -> Option<&Said> {
        self.get(beat)
    }

    /// When the fault appeared, from where all times are counted.
    pub fn fault_at(&self) -> Option<Duration> {
        self.get(Beat::Detected).map(|said| said.at)
    }

    /// Whether the group runs on server2.
    pub fn moved(&self) -> bool {
        self.moved
    }

    /// Everything that is wrong with it, with its step; nothing: every step did.
    pub fn judge(&self, seen_restart: bool) -> Vec<(u8, &'static str)> {
        let mut wrong: Vec<(u8, &'static str)> = BEATS
            .iter()
            .filter_map(|beat| match self.get(*beat) {
                None => Some((beat.step(), beat.missing())),
                Some(said) => said.wrong.map(|wrong| (beat.step(), wrong)),
            })
            .collect();
        let mut demand = |good: bool, step, says| {
            if !good {
                wrong.push((step, says));
            }
        };
        let at = |beat| self.get(beat).map(|said| said.at);
        demand(self.holding || at(Beat::Sent).is_none(), 2, "the BMC did not hold its reset");
        let [started, ended, called] = self.counts;
        demand(started <= 1, 4, "the BMC heard more than once that a recovery started");
        demand(called <= 1, 5, "the recovery was called more than once");
        demand(ended <= 1, 6, "the BMC heard more than once that the recovery ended");
        demand(at(Beat::Ended).is_none() || at(Beat::Started) < at(Beat::Ended), 6, "ended was heard before started");
        demand(at(Beat::Ended).is_none() || at(Beat::Answered) <= at(Beat::Ended), 6, "ended was told before the end");
        demand(seen_restart, 7, "server2's heartbeat did not see server1 restart, once");
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bmcnotice::now::Now;
    use bmcnotice::sim::{Caller, RestartCause};
    use bmcnotice::words::ServerId;

    fn by() -> Caller {
        Caller { channel: 1, from: None, user: Some("bmcnotice".into()) }
    }

    /// A good story; each fact at its place in milliseconds.
    fn facts() -> Vec<Fact> {
        let to = ([127, 0, 0, 1], 1162).into();
        let at = |ms| Now { boottime: Duration::from_millis(ms), wall: Duration::ZERO };
        let bmc = |ms, event| Fact::Bmc(Happened { at: at(ms), event });
        let peer = |ms, verdict| {
            let since = Duration::from_millis(ms);
            Fact::Peer(PeerStatus { verdict, since, ..PeerStatus::unheard(ServerId(0), "server1") })
        };
        let stage = Stage::Recorded { sentence: "memory".into(), durable: true };
        vec![
            bmc(10, Event::Armed { by: by() }),
            peer(20, Verdict::Powered),
            bmc(100, Event::FaultDetected { sentence: "memory", record: Some(1), fatal: true }),
            bmc(101, Event::TrapSent { sequence: 1, nth: 1, of: 3, to }),
            bmc(102, Event::Holding { patience: Duration::from_secs(1) }),
            Fact::Progress(Progress { record: 1, monitor: "mrw1".into(), at: at(103), after: Duration::ZERO, stage }),
            bmc(104, Event::TrapAcknowledged { sequence: 1, by: by() }),
            bmc(105, Event::RecoveryStarted { by: by(), after: None }),
            Fact::Called { at: Duration::from_millis(106), target: "failover1".into() },
            Fact::Answered { at: Duration::from_millis(107), moved: true },
            bmc(108, Event::RecoveryEnded { by: by(), outcome: Outcome::Done, after: None }),
            bmc(109, Event::PowerOff),
            peer(110, Verdict::Off),
            bmc(111, Event::PowerOn),
        ]
    }

    fn judged(facts: Vec<Fact>, seen: bool) -> Vec<u8> {
        let mut story = Story::default();
        facts.into_iter().for_each(|fact| story.take(fact));
        story.judge(seen).into_iter().map(|(step, _)| step).collect()
    }

    #[test]
    fn a_good_story_has_nothing_wrong() {
        assert!(judged(facts(), true).is_empty());
        assert_eq!(judged(facts(), false), [7]);
    }

    #[test]
    fn every_fact_is_needed() {
        for (gone, step) in
            [(0, 0), (2, 1), (3, 2), (4, 2), (5, 3), (6, 3), (7, 4), (8, 5), (9, 5), (10, 6), (11, 7), (12, 7), (13, 7)]
        {
            let mut facts = facts();
            facts.remove(gone);
            assert!(judged(facts, true).contains(&step), "without fact {gone}, step {step} is not done");
        }
    }

    #[test]
    fn a_step_done_wrongly_or_twice_is_not_done() {
        let now = Now { boottime: Duration::from_millis(50), wall: Duration::ZERO };
        let with = |place: usize, event| {
            let mut facts = facts();
            facts.insert(place, Fact::Bmc(Happened { at: now, event }));
            judged(facts, true)
        };
        assert_eq!(with(8, Event::RecoveryStarted { by: by(), after: None }), [4]);
        assert_eq!(with(11, Event::RecoveryEnded { by: by(), outcome: Outcome::Done, after: None }), [6]);
        assert_eq!(with(8, Event::PowerOff), [7], "a reset before the end");
        assert_eq!(with(8, Event::Reset { cause: RestartCause::Pef }), [7]);
        assert_eq!(with(11, Event::PatienceOver), [7]);
        assert!(with(10, Event::RecoveryEnded { by: by(), outcome: Outcome::Failed, after: None }).contains(&6));
        let mut failed = facts();
        failed[9] = Fact::Answered { at: Duration::from_millis(107), moved: false };
        assert_eq!(judged(failed, true), [5]);
    }
}
