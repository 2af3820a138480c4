//! A drill: this server's BMC is made to send a test alert, and every step is measured, up to the notice's callback.
//!
//! Part of [`Engine`], like `perform`. Nothing is recovered: the test alert is known by the number in its event data,
//! becomes an informational notice and goes the way of every other, through the journal and to the application. A
//! genuine notice is never taken for it.

use super::Engine;
use super::drills::{Drill, DrillState, Running};
use super::operator::{NoDrill, Refusal};
use super::output::{Delivery, Echo, Output, Progress, Stage};
use super::roads::Owner;
use crate::bmc::immediate::{Accepted, Asking, EVENT_TYPE, Looking, OFFSET, SENSOR_TYPE, Unasked, event};
use crate::notice::{Notice, NoticeId};
use crate::now::Now;
use crate::recovery::journal::{Proof, RecordId, Step};
use crate::wire::pef::alert::{AlertEvent, AlertStatus};
use crate::wire::pet::Pet;
use crate::words::{Class, Level};
use alloc::sync::Arc;
use core::net::IpAddr;
use core::time::Duration;

/// Limit: how long a BMC may take to accept the order, with all that it is asked before.
const ASKING: Duration = Duration::from_secs(20);
/// Limit: how long its trap is waited for.
const TRAP_WAIT: Duration = Duration::from_secs(10);
/// Limit: how long the application may take to be called with the notice.
const DISPATCH_WAIT: Duration = Duration::from_secs(10);
/// Limit: how soon a drill may follow another: each is a dozen datagrams, and a trap that others may hear, too.
const BETWEEN: Duration = Duration::from_secs(10);
/// The dialogues with the BMC end so much earlier, so that what they have found out is said.
const MARGIN: Duration = Duration::from_secs(1);
/// The name that a drill's steps bear in place of a monitor's.
const NAME: &str = "drill";

impl Engine {
    /// Begins a drill; its number. Its steps are delivered as progress, and [`Engine::drill_status`] tells how it stands.
    pub fn drill(&mut self, now: Now) -> Result<u64, Refusal> {
        self.may_drill(now).map_err(Refusal::NoDrill)?;
        let [n0, n1] = self.random.array();
        let event = event([n0, n1]);
        let deadline = now.boottime + ASKING;
        let desk = &mut self.drills;
        desk.last = Some(now.boottime);
        desk.told = Drill { number: desk.told.number + 1, state: DrillState::Running, ..Drill::default() };
        desk.running =
            Some(Running { begun: now, event, accepted: None, fate: None, notice: None, record: None, deadline });
        let number = desk.told.number;
        self.drill_says(now, Level::Info, "begins: this server's BMC is asked for a test alert".into());
        let asking = Asking::new(self.own_addresses(), event, deadline.saturating_sub(MARGIN));
        self.roads.drill(now, self.cluster.this, asking);
        self.settle(now);
        Ok(number)
    }

    fn may_drill(&self, now: Now) -> Result<(), NoDrill> {
        if self.leaving {
            return Err(NoDrill::Leaving);
        }
        if self.cluster.observe {
            return Err(NoDrill::Observing);
        }
        if self.cluster.listen().is_none() {
            return Err(NoDrill::NotListening);
        }
        if self.roads.status(self.cluster.this).is_none() {
            return Err(NoDrill::NoLogin);
        }
        if self.drills.running.is_some() {
            return Err(NoDrill::Runs);
        }
        if self.drills.last.is_some_and(|last| now.boottime < last + BETWEEN) {
            return Err(NoDrill::TooSoon);
        }
        Ok(())
    }

    /// How the drill stands that runs, or how the last one ended; and the newest proof, whoever made it.
    pub fn drill_status(&self) -> Drill {
        Drill { proof: self.journal.proven().and_then(|record| record.proof()), ..self.drills.told.clone() }
    }

    /// Where a BMC can reach us with its traps.
    fn own_addresses(&self) -> Vec<IpAddr> {
        match self.cluster.listen().map(|listen| listen.ip().to_canonical()) {
            Some(ip) if !ip.is_unspecified() => vec![ip],
            Some(_) | None => self.cluster.this_server().addresses.iter().map(IpAddr::to_canonical).collect(),
        }
    }

    // ---- the steps

    /// The BMC has accepted the order, or not.
    pub(super) fn drill_asked(&mut self, now: Now, result: Result<Accepted, Unasked>) {
        let Some(running) = &mut self.drills.running else { return };
        let since = |at: Duration| at.saturating_sub(running.begun.boottime);
        match result {
            Ok(accepted) => {
                running.accepted = Some(accepted);
                let (asked, answered) = (since(accepted.sent), since(now.boottime));
                self.drills.told.asked = Some(asked);
                self.drills.told.accepted = Some(answered);
                let seen = running.notice.is_some();
                let Accepted { channel, destination, own_event, .. } = accepted;
                let event = if own_event { "" } else { "; it makes up the event itself" };
                let text = format!(
                    "the BMC accepted after {}: channel {channel}, destination {destination}{event}",
                    short(answered)
                );
                if !seen {
                    running.deadline = now.boottime + TRAP_WAIT;
                    let looking = Looking::new(now, accepted, running.deadline.saturating_sub(MARGIN));
                    self.roads.look_at_drill(now, self.cluster.this, looking);
                }
                self.drill_says(now, Level::Info, text);
                self.drill_concludes(now);
            }
            // Its trap has come: what became of its answer does not matter.
            Err(_) if running.notice.is_some() => {
                self.drills.told.accepted = self.drills.told.received;
                self.drill_concludes(now);
            }
            Err(why) => self.drill_fails(now, format!("the BMC sends no test alert: {why}")),
        }
    }

    /// What the BMC thinks became of its alert.
    pub(super) fn drill_fate(&mut self, fate: Option<AlertStatus>) {
        if let Some(running) = &mut self.drills.running {
            running.fate = fate;
        }
    }

    /// Whether the notice is the answer to the drill that runs: then it means nothing else.
    pub(super) fn drill_takes(&mut self, now: Now, notice: &mut Notice) {
        let server = self.cluster.this;
        let Some(running) = &mut self.drills.running else { return };
        let Some(pet) = notice.pet.as_ref().filter(|_| notice.server == server && running.notice.is_none()) else {
            return;
        };
        let own = is_of(pet, running.event);
        let made_up = is_made_up(pet) && notice.class != Class::Fatal;
        if !(own || made_up) {
            return;
        }
        notice.class = Class::Info;
        let how = if own { "the drill's own number" } else { "the BMC's own test alert" };
        notice.sentence = format!("Drill: {how}; reported by BMC of {}", self.cluster.server(server).name).into();
        running.notice = Some(notice.id);
        running.deadline = now.boottime + DISPATCH_WAIT;
        let after = now.boottime.saturating_sub(running.begun.boottime);
        self.drills.told.received = Some(after);
        self.drills.told.own_event = own;
        let weak = if own { "" } else { "; without the drill's number, so it may be another test alert" };
        let text = format!("its trap came after {}, from {}{weak}", short(after), notice.source);
        self.drill_says(now, Level::Info, text);
    }

    /// The record of a notice is in the journal: if it is the drill's, what follows its delivery is to come back.
    pub(super) fn drill_recorded(&mut self, now: Now, record: RecordId, notice: NoticeId) -> Option<Output> {
        let running = self.drills.running.as_mut().filter(|running| running.notice == Some(notice))?;
        running.record = Some(record);
        let after = now.boottime.saturating_sub(running.begun.boottime);
        self.drills.told.journalled = Some(after);
        self.drills.told.record = record.serial();
        let where_to = if record.is_durable() { "in the journal" } else { "NOT in the journal" };
        self.drill_says(now, Level::Info, format!("its notice is {where_to} and acknowledged after {}", short(after)));
        Some(Output::Deliver(Delivery::Echo(Echo(self.drills.told.number))))
    }

    /// The application was called with the drill's notice.
    pub fn drill_delivered(&mut self, now: Now, Echo(number): Echo) {
        let desk = &mut self.drills;
        let Some(running) = desk.running.as_ref().filter(|_| desk.told.number == number) else { return };
        desk.told.delivered = Some(now.boottime.saturating_sub(running.begun.boottime));
        self.drill_concludes(now);
        self.settle(now);
    }

    /// Proven, once the application was called and the BMC's answer is there, too.
    fn drill_concludes(&mut self, now: Now) {
        let (Some(delivered), Some(_)) = (self.drills.told.delivered, self.drills.told.accepted) else { return };
        let Some(running) = self.drills.running.take() else { return };
        self.roads.forget(Owner::Drill);
        let proof = Proof {
            took_ms: u32::try_from(delivered.as_millis()).unwrap_or(u32::MAX),
            own_event: self.drills.told.own_event,
        };
        if let Some(record) = running.record {
            self.step(now, record, Step::Proven(proof));
        }
        let weak = if proof.own_event { "" } else { " (by the BMC's own test alert, which is the weaker proof)" };
        let text = format!("PROVEN: from the order to the notice's callback in {}{weak}", short(delivered));
        self.drills.told.state = DrillState::Proven;
        self.drills.told.why.clone_from(&text);
        self.drill_says(now, Level::Info, text);
    }

    fn drill_fails(&mut self, now: Now, why: String) {
        self.drills.running = None;
        self.roads.forget(Owner::Drill);
        self.drills.told.state = DrillState::Failed;
        self.drills.told.why.clone_from(&why);
        self.drill_says(now, Level::Error, format!("FAILED: {why}"));
    }

    /// What runs cannot go on: another configuration holds, or we end.
    pub(super) fn drill_breaks_off(&mut self, now: Now, why: &str) {
        if self.drills.running.is_some() {
            self.drill_fails(now, why.into());
        }
    }

    pub(super) fn drill_times_out(&mut self, now: Now) {
        let Some(running) = self.drills.running.as_ref().filter(|running| running.deadline <= now.boottime) else {
            return;
        };
        let why = match (running.accepted, running.notice, self.drills.told.journalled) {
            (None, None, _) => "the BMC was not asked in time".to_owned(),
            (Some(_), None, _) => no_trap(running.fate),
            (_, Some(_), None) => "the journal does not take the notice".to_owned(),
            (None, Some(_), Some(_)) if self.drills.told.delivered.is_some() => {
                // All came through but the BMC's answer: that is proof enough.
                self.drills.told.accepted = self.drills.told.received;
                return self.drill_concludes(now);
            }
            (_, Some(_), Some(_)) => {
                "the application was not called with the notice in time: does it dispatch, or does \
                                      a callback of its hang?"
                    .to_owned()
            }
        };
        self.drill_fails(now, why);
    }

    fn drill_says(&mut self, now: Now, level: Level, text: String) {
        let progress = Progress {
            record: self.drills.told.record,
            monitor: Arc::from(NAME),
            at: now,
            after: self.drills.last.map_or(Duration::ZERO, |begun| now.boottime.saturating_sub(begun)),
            stage: Stage::Drill(level, text),
        };
        self.outputs.push_back(Output::Deliver(Delivery::Progress(progress)));
    }
}

/// Whether the trap is of the event that we asked for.
fn is_of(pet: &Pet, event: AlertEvent) -> bool {
    (pet.sensor_type, pet.event_type, pet.offset) == (SENSOR_TYPE, EVENT_TYPE, OFFSET)
        && pet.event_data.starts_with(&event.data)
}

/// Whether the trap says nothing of a sensor: what a BMC sends that was told of no event.
fn is_made_up(pet: &Pet) -> bool {
    matches!(pet.sensor_type, 0x00 | 0xFF) || matches!(pet.event_type, 0x00 | 0xFF)
}

fn no_trap(fate: Option<AlertStatus>) -> String {
    let thinks = match fate {
        Some(AlertStatus::Done) => "the BMC says that it was sent",
        Some(AlertStatus::Retried) => "the BMC says that it gave up after its retries",
        Some(AlertStatus::TimedOut) => "the BMC says that no acknowledgement came in time",
        Some(AlertStatus::Running) => "the BMC says that it is still trying",
        Some(AlertStatus::None) | None => "the BMC does not say what became of it",
    };
    format!(
        "the BMC accepted, and no trap came within {} s: {thinks}. Likely reasons: a firewall or a route between the \
         BMC's network and this server; traps go to port 162 and nothing forwards them to our port; the gateway or \
         MAC address of the destination; another community or source address, then it was dropped and counted",
        TRAP_WAIT.as_secs()
    )
}

/// How long, as people read it.
fn short(took: Duration) -> String {
    match took.as_micros() {
        micros @ 0..10_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        micros => format!("{} ms", micros / 1000),
    }
}
