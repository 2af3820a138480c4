//! The engines that speak to us, and where their clocks stand (RFC 3414 sections 2.2 and 3.2, step 7).
//!
//! No clock of ours but `Now`. An engine is here because the configuration names it, or because a message that its code
//! has proven came from it; nothing else adds, changes or removes one, and what is configured is never put out.

use super::users::KeyRing;
use crate::now::Now;
use crate::wire::usm::{EngineId, MAX_COUNT};
use core::time::Duration;

/// Limit: how far a clock may be off (RFC 3414, section 2.2.3).
pub const WINDOW: Duration = Duration::from_secs(150);
/// Limit: engines that are learned beside those that the configuration names; a further one is unknown.
pub const MAX_LEARNED: usize = 8;
/// Limit: engines that wait for the operator's approval; the oldest goes first.
pub const MAX_AWAITING: usize = 8;
/// A clock is written down again when it has gone on for so long.
const WRITTEN_EVERY: u32 = 10;

/// Where an engine's clock stood; what survives us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Whose.
    pub engine: EngineId,
    /// How often it had started.
    pub boots: u32,
    /// Seconds since its last start.
    pub time: u32,
}

/// One engine.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    pub(super) id: EngineId,
    pub(super) named: bool,
    pub(super) keys: KeyRing,
    at: Option<Stand>,
}

/// The latest time that was heard.
#[derive(Debug, Clone, Copy)]
struct Stand {
    boots: u32,
    time: u32,
    heard: Duration,
    /// The time that was written down last, in these boots.
    written: Option<u32>,
}

/// How a message's clock stands to what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timely {
    /// It is fresh.
    Fresh,
    /// Too old: a replay, or an engine that has lost its clock.
    Old,
}

impl Engine {
    fn new(id: EngineId, named: bool) -> Self {
        Self { id, named, keys: KeyRing::default(), at: None }
    }

    pub(super) fn judge(&self, now: Now, boots: u32, time: u32) -> Timely {
        let Some(stand) = &self.at else { return Timely::Fresh };
        let since = now.boottime.saturating_sub(stand.heard);
        let estimate = Duration::from_secs(stand.time.into()).saturating_add(since);
        let behind = estimate.saturating_sub(Duration::from_secs(time.into()));
        if stand.boots == MAX_COUNT || boots < stand.boots || (boots == stand.boots && behind > WINDOW) {
            Timely::Old
        } else {
            Timely::Fresh
        }
    }

    /// Takes a proven message's clock over if it is newer; what is to be written down, if anything.
    pub(super) fn adopt(&mut self, now: Now, boots: u32, time: u32) -> Option<Clock> {
        let written = match &self.at {
            Some(stand) if (boots, time) <= (stand.boots, stand.time) => return None,
            Some(stand) if stand.boots == boots => stand.written,
            Some(_) | None => None,
        };
        let due = written.is_none_or(|written| time.saturating_sub(written) >= WRITTEN_EVERY);
        let written = if due { Some(time) } else { written };
        self.at = Some(Stand { boots, time, heard: now.boottime, written });
        due.then_some(Clock { engine: self.id, boots, time })
    }

    /// Sets the clock, back if need be: somebody has proven that the engine lost it.
    pub(super) fn set(&mut self, now: Now, boots: u32, time: u32) -> Clock {
        self.at = Some(Stand { boots, time, heard: now.boottime, written: Some(time) });
        Clock { engine: self.id, boots, time }
    }
}

/// The engines of this server's BMC.
#[derive(Debug, Clone, Default)]
pub(super) struct Engines {
    known: Vec<Engine>,
    awaiting: Vec<EngineId>,
}

impl Engines {
    /// Those that the configuration names.
    pub(super) fn new(named: &[EngineId]) -> Self {
        Self { known: named.iter().map(|id| Engine::new(*id, true)).collect(), awaiting: Vec::new() }
    }

    pub(super) fn place(&self, id: &[u8]) -> Option<usize> {
        self.known.iter().position(|engine| engine.id.octets() == id)
    }

    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut Engine> {
        self.known.get_mut(place)
    }

    /// Makes room for an engine that has proven itself; `None` if there is none, and no named one ever goes.
    pub(super) fn learn(&mut self, id: EngineId) -> Option<&mut Engine> {
        if self.known.iter().filter(|engine| !engine.named).count() >= MAX_LEARNED {
            return None;
        }
        self.known.push(Engine::new(id, false));
        self.known.last_mut()
    }

    /// One that has proven itself and waits for the operator; whether it is new.
    pub(super) fn await_approval(&mut self, id: EngineId) -> bool {
        if self.awaiting.contains(&id) {
            return false;
        }
        if self.awaiting.len() >= MAX_AWAITING {
            self.awaiting.remove(0);
        }
        self.awaiting.push(id);
        true
    }

    /// What a former process, or a former configuration, knew. A learned one is taken over if learning goes on.
    pub(super) fn remember(&mut self, now: Now, clock: Clock, learning: bool) {
        let place = self.place(clock.engine.octets());
        let engine = match place {
            Some(place) => self.known.get_mut(place),
            None if learning => self.learn(clock.engine),
            None => None,
        };
        if let Some(engine) = engine {
            engine.set(now, clock.boots, clock.time);
        }
    }

    /// As if none had ever been heard.
    pub(super) fn forget_clocks(&mut self) {
        self.known.iter_mut().for_each(|engine| engine.at = None);
    }

    /// Where all clocks stand by our estimate.
    pub(super) fn clocks(&self, now: Now) -> impl Iterator<Item = Clock> {
        self.known.iter().filter_map(move |engine| {
            let stand = engine.at.as_ref()?;
            let since = u32::try_from(now.boottime.saturating_sub(stand.heard).as_secs()).unwrap_or(MAX_COUNT);
            let time = stand.time.saturating_add(since).min(MAX_COUNT);
            Some(Clock { engine: engine.id, boots: stand.boots, time })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        Now { boottime: Duration::from_secs(seconds), wall: Duration::ZERO }
    }

    fn engine() -> Engine {
        Engine::new(EngineId::new(&[1; 12]).unwrap(), true)
    }

    #[test]
    fn a_message_is_fresh_for_150_seconds() {
        let mut engine = engine();
        assert_eq!(engine.judge(at(0), 0, 0), Timely::Fresh, "first contact");
        assert!(engine.adopt(at(1000), 7, 500).is_some());
        for (now, boots, time, wanted) in [
            (1000, 7, 350, Timely::Fresh),
            (1000, 7, 349, Timely::Old),
            (1000, 7, 9999, Timely::Fresh), // the future is not bounded: only its owner can write it
            (1100, 7, 450, Timely::Fresh),
            (1100, 7, 449, Timely::Old),
            (1000, 6, 500, Timely::Old),
            (1000, 8, 0, Timely::Fresh),
        ] {
            assert_eq!(engine.judge(at(now), boots, time), wanted, "{now} {boots} {time}");
        }
        assert!(engine.adopt(at(1000), MAX_COUNT, 0).is_some());
        assert_eq!(engine.judge(at(1000), MAX_COUNT, 0), Timely::Old, "the last boots there are");
    }

    #[test]
    fn a_clock_goes_forward_and_is_written_down_now_and_then() {
        let mut engine = engine();
        assert!(engine.adopt(at(0), 7, 500).is_some());
        assert_eq!(engine.adopt(at(0), 7, 400), None);
        assert_eq!(engine.judge(at(0), 7, 350), Timely::Fresh, "an older one moved nothing");
        assert_eq!(engine.judge(at(0), 7, 349), Timely::Old);
        assert_eq!(engine.adopt(at(0), 7, 509), None);
        let clock = engine.adopt(at(0), 7, 510).unwrap();
        assert_eq!((clock.boots, clock.time), (7, 510));
        assert!(engine.adopt(at(0), 8, 0).is_some());
        assert_eq!(engine.judge(at(0), 7, 600), Timely::Old);
        engine.set(at(0), 1, 3);
        assert_eq!(engine.judge(at(0), 1, 3), Timely::Fresh);
    }

    #[test]
    fn the_tables_are_bounded_and_what_is_named_stays() {
        let id = |n: u8| EngineId::new(&[n; 5]).unwrap();
        let mut engines = Engines::new(&[id(0)]);
        for n in 1..=MAX_LEARNED as u8 {
            assert!(engines.learn(id(n)).is_some());
        }
        assert!(engines.learn(id(99)).is_none());
        assert_eq!(engines.place(id(0).octets()), Some(0));
        for n in 0..=MAX_AWAITING as u8 {
            assert!(engines.await_approval(id(n)));
        }
        assert_eq!(engines.awaiting.len(), MAX_AWAITING);
        assert!(!engines.await_approval(id(1)));
        assert!(EngineId::new(&[1; 4]).is_none() && EngineId::new(&[1; 33]).is_none());
    }
}
