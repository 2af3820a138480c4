//! What the operator says to the engine: release, cancel, clear, maintenance.
//!
//! Part of [`Engine`], like `perform`; a record is named by its serial, as the journal prints it.

use super::Engine;
use super::output::Line;
use crate::now::Now;
use crate::recovery::action::Event;
use crate::recovery::machine::State;
use core::fmt;

/// Why the operator's word has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No recovery in progress is about this record.
    NoSuchRecord,
    /// The recovery is not held.
    NotHeld,
    /// It is too late: *ended* is on its way.
    TooLate,
    /// The recovery runs: only its own end tells what has moved.
    Runs,
    /// There is no drill now.
    NoDrill(NoDrill),
}

/// Why there is no drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoDrill {
    /// Who only observes says nothing to a BMC.
    Observing,
    /// This server's BMC has no login.
    NoLogin,
    /// No monitor listens on this server.
    NotListening,
    /// One runs.
    Runs,
    /// The last one is only a moment ago.
    TooSoon,
    /// The context ends.
    Leaving,
}

impl fmt::Display for NoDrill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Observing => "there are no drills while we only observe: nothing is said to the BMC",
            Self::NoLogin => "a drill needs a login at this server's BMC: user and password_file in [server.bmc]",
            Self::NotListening => "no monitor listens on this server, so there is no path to drill",
            Self::Runs => "a drill runs already",
            Self::TooSoon => "the last drill began less than ten seconds ago",
            Self::Leaving => "we are just ending",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoDrill(why) => return why.fmt(f),
            Self::NoSuchRecord => "no recovery in progress is about this record",
            Self::NotHeld => "the recovery is not held",
            Self::TooLate => "it is too late: the BMC is being told of its end",
            Self::Runs => "the recovery runs; cancel it, or wait for its end",
        })
    }
}

impl Engine {
    /// Lets a held recovery go on.
    pub fn release(&mut self, now: Now, record: u64) -> Result<(), Refusal> {
        let place = self.place_of(record)?;
        if self.seats[place].machine.state() != State::Held {
            return Err(Refusal::NotHeld);
        }
        self.hear(now, place, Event::Released, "release");
        Ok(())
    }

    /// Ends a recovery: what runs is killed and has failed, what is held or awaits its reset is closed.
    pub fn cancel(&mut self, now: Now, record: u64) -> Result<(), Refusal> {
        let place = self.place_of(record)?;
        if self.seats[place].machine.state() == State::Ending {
            return Err(Refusal::TooLate);
        }
        self.hear(now, place, Event::Cancelled, "cancel");
        Ok(())
    }

    /// The fault is over, as if the BMC had said so: what is held or awaits its reset is closed, and what was
    /// set in the cluster is taken back.
    pub fn clear(&mut self, now: Now, record: u64) -> Result<(), Refusal> {
        let place = self.place_of(record)?;
        match self.seats[place].machine.state() {
            State::Held | State::AwaitingReset | State::Failed => {}
            State::Ending => return Err(Refusal::TooLate),
            State::Idle
            | State::Recorded
            | State::Verifying
            | State::Started
            | State::Preparing
            | State::Recovering
            | State::Finishing => return Err(Refusal::Runs),
        }
        self.hear(now, place, Event::Cleared, "clear");
        Ok(())
    }

    /// Switches maintenance: while it is on, new recoveries are held. What runs goes on, and what is held stays
    /// held when it ends, for the fault may be long over.
    pub fn set_maintenance(&mut self, now: Now, on: bool) {
        if self.maintenance != on {
            self.maintenance = on;
            self.log(Line::warning(if on {
                "maintenance is ON: recoveries are held until you release them"
            } else {
                "maintenance is off; what was held stays held until you release it"
            }));
        }
        self.settle(now);
    }

    /// Whether maintenance is on.
    pub fn maintenance(&self) -> bool {
        self.maintenance
    }

    fn place_of(&self, record: u64) -> Result<usize, Refusal> {
        let about = |record: u64| move |seat: &super::seat::Seat| seat.is_about(record);
        self.seats.iter().position(about(record)).ok_or(Refusal::NoSuchRecord)
    }

    fn hear(&mut self, now: Now, place: usize, event: Event, word: &str) {
        let name = self.seats[place].name.clone();
        let record = self.seats[place].machine.record().map_or(0, |record| record.serial());
        self.log(Line::warning(format!("{name}: record {record}: the operator says: {word}")));
        self.handle(now, place, event);
        self.settle(now);
    }
}
