//! The end of a context: the BMC need not wait for us, unless a recovery is under way. One that has ended is told of
//! first.
//!
//! Part of [`Engine`], like `perform`, apart because it happens once. Its input is an order.

use super::Engine;
use super::roads::Owner;
use super::seat::Seat;
use crate::heartbeat::Feeder;
use crate::now::Now;
use crate::recovery::action::Event;
use crate::recovery::machine::State;
use crate::words::Phase;
use core::time::Duration;

/// How long a clean stop waits for the BMC to hear of it.
const GOODBYE: Duration = Duration::from_secs(1);

impl Engine {
    /// Says goodbye: the BMC need not wait for us, as soon as it knows how a recovery ended. With one under way nothing
    /// is said, for then it must wait: the next start finds the record and tells its end.
    pub fn stop(&mut self, now: Now) {
        if self.leaving {
            return;
        }
        self.leaving = true;
        (self.arm_by, self.keep_alive) = (None, None);
        self.roads.forget(Owner::Context);
        self.drill_breaks_off(now, "we end");
        self.roads.forget(Owner::Witness);
        self.roads.forget(Owner::Names);
        for place in 0..self.seats.len() {
            self.handle(now, place, Event::Leaving);
        }
        self.farewell = self.armed || self.may_be_armed();
        self.disarm(now);
        if let Some(feeder) = &mut self.feeder {
            feeder.part(now);
        }
        self.beat(now);
        self.settle(now);
    }

    /// Says *disarmed*, if that is still to be said and no recovery keeps it; whether it did.
    pub(super) fn disarm(&mut self, now: Now) -> bool {
        let may = self.farewell && !self.seats.iter().any(Seat::is_busy);
        if may {
            self.farewell = false;
            self.tell(now, Owner::Context, Phase::Disarmed, 0, GOODBYE);
        }
        may
    }

    /// Whether a goodbye has been said and heard.
    pub fn stopped(&self) -> bool {
        let parted = self.feeder.as_ref().is_none_or(Feeder::is_over);
        self.leaving && !self.roads.talks(Owner::Context) && !self.tells_an_end() && parted
    }

    /// Whether the BMC has still to hear of a recovery's end.
    fn tells_an_end(&self) -> bool {
        self.seats.iter().any(|seat| seat.machine.state() == State::Ending)
    }

    /// Gives the BMCs' sessions back; the last thing to be done.
    pub fn hang_up(&mut self, now: Now) {
        self.roads.stop(now);
        self.settle(now);
    }
}
