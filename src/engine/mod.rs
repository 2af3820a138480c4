//! Joins the stages: datagrams, answers and time in; work for the shell and deliveries out.
//!
//! The contract: after every `handle_*` (and `answer`, `stop`) the shell drains `poll_output`, and
//! performs what it finds in that order. Everything below is a pure function of what is handed in, so a
//! whole cluster runs under virtual time. Uses all floors below; the shell is `io::reactor`.

mod alert;
mod alert_log;
mod alerts;
mod arming;
mod attributes;
mod course;
mod drill;
mod drills;
mod dump;
mod ending;
mod endings;
mod evidence;
pub mod explain;
mod fill;
mod flood;
mod goodbye;
mod heartbeat;
mod identity;
mod missed;
mod moves;
mod murmur;
mod names;
mod open;
mod operator;
mod output;
mod pacemaker;
mod perform;
mod record;
mod refuse;
mod reload;
mod restart;
mod roads;
mod seat;
mod statistics;
mod successors;
mod usm;
mod version3;
mod watch;
mod watching;
mod witness;
mod work;

pub use alert_log::not_started;
pub use drills::{Drill, DrillState};
pub use open::OpenRecovery;
pub use operator::{NoDrill, Refusal};
pub use output::{
    COMMAND_GRACE, Command, CommandEvent, Delivery, Echo, Heard, Line, Output, PeerStatus, Print, Progress, Recover,
    Stage, Urgency,
};
pub use statistics::Statistics;

use crate::bmc::evidence::Witness;
use crate::bmc::inband;
use crate::bmc::link::{Identity, Login};
use crate::config::model::Cluster;
use crate::crypto::Random;
use crate::heartbeat::{Feeder, Watch, feeder::Note};
use crate::notice::recorder::{Fate, Recorded, Recorder};
use crate::notice::usm::User;
use crate::notice::{Notice, Received, Reception};
use crate::now::Now;
use crate::recovery::action::Event;
use crate::recovery::journal::{BootId, Journal, Pending, Replay};
use crate::wire::rmcp::Datagram;
use crate::words::{Answer, MonitorId};
use alert_log::Alerts;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;
use endings::Endings;
use moves::{Leftover, Run};
use murmur::Murmur;

use roads::Roads;
use seat::{Acknowledgement, Seat};

/// What an engine is made from.
#[derive(Debug)]
pub struct Setup {
    /// What the operator wrote.
    pub cluster: Arc<Cluster>,
    /// How to log in, by server; secrets are resolved.
    pub logins: Vec<Option<Login>>,
    /// The users of SNMPv3 that may speak for this server, with their keys.
    pub users: Vec<User>,
    /// Whose BMC this server's must be, where the configuration pins nothing.
    pub identity: Identity,
    /// This boot of the host.
    pub boot: BootId,
    /// What the journal held.
    pub replay: Replay,
    /// For session ids and the like; never the same twice.
    pub seed: [u8; 32],
    /// What went wrong before the engine was there; it says so first.
    pub troubles: Vec<String>,
    /// The operator works on this server.
    pub maintenance: bool,
    /// Who else owns this server's watchdog; then it is not touched.
    pub watchdog_owner: Option<String>,
}

/// The recovery of a token is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

/// A record on its way into the journal, and what waits for it.
#[derive(Debug)]
enum Awaited {
    /// A step; nothing waits.
    Step,
    /// A notice.
    Notice {
        pending: Pending,
        notice: Arc<Notice>,
        wanted: Option<MonitorId>,
        acknowledge: Vec<Acknowledgement>,
        /// With the last record of a notice: the application hears of it once.
        heard: Option<Heard>,
    },
}

/// A command that was asked to end and will be killed.
#[derive(Debug)]
struct Grace {
    token: u64,
    end: Duration,
}

/// The engine.
#[derive(Debug)]
pub struct Engine {
    cluster: Arc<Cluster>,
    names: Vec<Arc<str>>,
    reception: Reception,
    recorder: Recorder,
    journal: Journal,
    seats: Vec<Seat>,
    roads: Roads,
    /// Knows what this server's BMC has logged.
    witness: Option<Witness>,
    /// When it wants to be asked again.
    inquire_at: Option<Duration>,
    /// What this server's BMC calls its sensors.
    sensors: watch::Names,
    /// When that is to be read.
    names_at: Option<Duration>,
    /// What was missed and written down, so far.
    noted: u8,
    /// Over all servers, by their BMCs.
    watch: Watch,
    /// Of our own pulse.
    feeder: Option<Feeder>,
    pulse_said: Option<Note>,
    /// When an input came last (boottime).
    awake: Duration,
    attributes: watch::Attributes,
    awaited: VecDeque<Awaited>,
    /// The journal's file lacks something that we know.
    lacking: bool,
    /// It is not written anew before.
    mend_at: Duration,
    /// Before the next try, if this one fails.
    mend_pause: Duration,
    graces: Vec<Grace>,
    tokens: u64,
    /// Tools of the cluster's that run.
    runs: Vec<Run>,
    /// This server's claim, if it stands for nothing.
    leftover: Option<Leftover>,
    random: Random,
    endings: Endings,
    /// What a former process left open is being taken up: nobody knows yet who else recovers.
    taking_up: bool,
    armed: bool,
    /// It is to be said, as soon as it can be meant; at this moment in any case (boottime).
    arm_by: Option<Duration>,
    /// When the BMC is to hear again that we live, if its profile wants that.
    keep_alive: Option<Duration>,
    leaving: bool,
    /// *Disarmed* is to be said, once the BMC has heard of a recovery's end.
    farewell: bool,
    /// The operator works on the server.
    maintenance: bool,
    murmur: Murmur,
    flood: flood::Flood,
    alerts: Alerts,
    drills: drills::Desk,
    /// What was said of our BMC's event log.
    fill: watch::Said,
    /// It is to be looked at.
    fill_due: bool,
    /// *Ended* may have to wait for a crash dump.
    dump: Option<watch::Wait>,
    /// Our BMC did not take the last keep-alive.
    unheard: bool,
    statistics: Statistics,
    outputs: VecDeque<Output>,
}

impl Engine {
    /// Takes up what the journal left open, opens the roads to the BMCs, and arms ours.
    pub fn new(now: Now, setup: Setup) -> Self {
        let Setup { cluster, logins, users, identity, boot, replay, seed, troubles, maintenance, watchdog_owner } =
            setup;
        let logins = watching::shared_out(&cluster, logins);
        let mut random = Random::from_seed(seed);
        let mut engine = Self {
            names: cluster.servers.iter().map(|server| server.name.as_str().into()).collect(),
            reception: Reception::new(&cluster),
            recorder: Recorder::default(),
            journal: Journal::new(boot, &replay),
            seats: Seat::all(&cluster),
            witness: witness::of(&cluster, boot, Some(&replay)),
            inquire_at: None,
            sensors: watch::Names::default(),
            names_at: None,
            noted: 0,
            watch: watching::watch(now, &cluster, random.split()),
            feeder: watching::feeder(now, &cluster, boot, watchdog_owner.is_some(), random.split()),
            pulse_said: None,
            awake: now.boottime,
            attributes: watch::Attributes::default(),
            awaited: VecDeque::new(),
            lacking: false,
            mend_at: Duration::ZERO,
            mend_pause: MEND_PAUSE,
            graces: Vec::new(),
            // Tokens of different contexts differ, so that one is not taken for another's.
            tokens: u64::from(random.u32()) << 16,
            runs: Vec::new(),
            leftover: None,
            endings: Endings::default(),
            taking_up: true,
            armed: false,
            arm_by: None,
            keep_alive: None,
            leaving: false,
            farewell: false,
            maintenance,
            murmur: Murmur::default(),
            flood: flood::Flood::new(&cluster),
            alerts: Alerts::default(),
            drills: drills::Desk::default(),
            fill: watch::Said::default(),
            fill_due: false,
            dump: None,
            unheard: false,
            statistics: Statistics::default(),
            outputs: VecDeque::new(),
            roads: Roads::new(now, &cluster, logins, &identity, &mut random),
            random,
            cluster,
        };
        troubles.into_iter().for_each(|trouble| engine.log(Line::warning(trouble)));
        engine.journal.write_nowhere(engine.cluster.journal.hot.is_none());
        let usm = version3::reader(now, &engine.cluster, users, &replay.clocks, &mut engine.random);
        engine.reception.read_version3(usm);
        engine.start_clock(now);
        let started = alert::started(&engine.cluster.this_server().name, engine.seats.len(), engine.cluster.observe);
        engine.alert(started);
        engine.watchdog_is_owned(watchdog_owner.as_deref());
        engine.take_up(now, &replay);
        engine.taking_up = false;
        engine.end_together(now);
        engine.settle(now);
        engine
    }

    // ---- inputs

    /// A datagram at the trap socket.
    pub fn handle_datagram(&mut self, now: Now, from: SocketAddr, bytes: &[u8]) {
        #[cfg(all(feature = "sim", feature = "capi"))]
        crate::sim::bait::nibble(from, bytes);
        if self.leaving {
            return; // not acknowledged: the BMC sends it again, to our successor
        }
        self.look_at_sleep(now);
        self.statistics.datagrams += 1;
        // What a BMC answers to PET Acknowledge comes back to where the acknowledgement came from.
        if self.flood.may_speak(from) && matches!(Datagram::parse(bytes), Ok(Datagram::Sessionless(_))) {
            self.statistics.answers += 1;
            return;
        }
        self.take_datagram(now, from, bytes);
        if self.awaited.is_empty() {
            self.settle(now); // else once its record is written
        }
    }

    /// A trap, or what is taken for one.
    fn take_datagram(&mut self, now: Now, from: SocketAddr, bytes: &[u8]) {
        let received = self.reception.handle_datagram(now, from, bytes);
        self.settle_version3(now, from);
        match received {
            Err(reason) => {
                self.recorder.note(now, from, bytes, Fate::Dropped(reason));
                self.refuse(now, reason, from);
            }
            Ok(Received { repeated: true, reply, notice }) => {
                self.recorder.note(now, from, bytes, Fate::Noticed { id: notice.id, repeated: true });
                self.statistics.repeats += 1;
                self.ask_again(now, &notice);
                // One that must not be acknowledged yet may be among the held ones; the BMC asks again.
                let held = |seat: &Seat| seat.matter.as_ref().is_some_and(|matter| !matter.held.is_empty());
                if !self.cluster.observe && !self.seats.iter().any(held) {
                    let acknowledge = self.acknowledgements(from, reply);
                    self.acknowledge(acknowledge);
                }
            }
            Ok(Received { mut notice, repeated: false, reply }) => {
                self.recorder.note(now, from, bytes, Fate::Noticed { id: notice.id, repeated: false });
                self.statistics.notices += 1;
                self.name_sensor(&mut notice);
                self.drill_takes(now, &mut notice);
                let acknowledge = self.acknowledgements(from, reply);
                self.record(now, notice, acknowledge);
            }
        }
    }

    /// A datagram at a socket that BMCs answer to.
    pub fn handle_bmc_datagram(&mut self, now: Now, from: SocketAddr, bytes: &[u8]) {
        self.look_at_sleep(now);
        if !self.roads.handle_datagram(now, from, bytes) {
            self.statistics.strangers += 1;
        }
        self.settle(now);
    }

    /// Something was heard of the device of this server's own BMC.
    pub fn handle_in_band(&mut self, now: Now, event: inband::Event) {
        self.look_at_sleep(now);
        self.roads.handle_in_band(now, event);
        self.settle(now);
    }

    /// Time passed. A spurious call is a no-op.
    pub fn handle_timeout(&mut self, now: Now) {
        self.look_at_sleep(now);
        self.mend(now);
        self.roads.handle_timeout(now);
        for place in 0..self.seats.len() {
            if self.endings.holds(place) {
                continue;
            }
            let seat = &mut self.seats[place];
            seat.look_at_gate(now, self.maintenance);
            let actions = seat.machine.handle_timeout(now, &seat.policy);
            self.perform(now, place, actions);
        }
        self.moves_time_out(now);
        self.courses_timeout(now);
        self.alerts_timeout(now);
        self.drill_times_out(now);
        self.dump_times_out(now);
        self.names_timeout(now);
        self.flood_times_out(now);
        self.beat(now);
        self.publish_next(now);
        if self.keep_alive.is_some_and(|at| at <= now.boottime) {
            self.say_that_we_live(now);
        }
        let (over, wait) = core::mem::take(&mut self.graces).into_iter().partition(|g| g.end <= now.boottime);
        self.graces = wait;
        let over: Vec<Grace> = over;
        self.outputs.extend(over.into_iter().map(|g| Output::Signal { token: g.token, urgency: Urgency::Kill }));
        self.settle(now);
    }

    /// The answer to a recovery, by its token.
    pub fn answer(&mut self, now: Now, token: u64, answer: Answer) -> Result<(), Stale> {
        self.conclude(now, token, answer, Event::Answered(answer))
    }

    pub(super) fn conclude(&mut self, now: Now, token: u64, answer: Answer, event: Event) -> Result<(), Stale> {
        self.handle_timeout(now); // an answer behind its deadline is stale, even if nobody looked meanwhile
        let place = self.seats.iter().position(|seat| seat.holds(token)).ok_or(Stale)?;
        let seat = &mut self.seats[place];
        if answer != Answer::Later
            && let Some(matter) = &mut seat.matter
        {
            matter.token = None;
        }
        match answer {
            Answer::Done => self.statistics.done += 1,
            Answer::Failed => self.statistics.failed += 1,
            Answer::Later => {}
        }
        self.progress(now, place, Stage::Answered(answer));
        self.handle(now, place, event);
        self.settle(now);
        Ok(())
    }

    // ---- outputs

    /// What is to be done next, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `handle_timeout` wants to be called; may change with every input.
    pub fn next_deadline(&self) -> Option<Duration> {
        let seats = self.seats.iter().enumerate().filter(|(place, _)| !self.endings.holds(*place));
        let seats = seats.filter_map(|(_, seat)| seat.machine.next_deadline());
        let graces = self.graces.iter().map(|grace| grace.end);
        let mend = self.lacking.then_some(self.mend_at);
        let others = [
            self.roads.next_deadline(),
            self.beat_deadline(),
            self.attributes.again,
            self.keep_alive,
            self.arm_by,
            self.inquire_at.filter(|_| !self.leaving),
            self.names_at.filter(|_| !self.leaving),
            self.move_deadline(),
            self.courses_deadline(),
            self.alerts.next_deadline(),
            self.drills.next_deadline(),
            self.dump_deadline(),
            self.flood.next_deadline(),
            mend,
        ];
        seats.chain(graces).chain(others.into_iter().flatten()).min()
    }

    /// Where this server's own BMC is: what it is told must not wait.
    pub fn own_bmc(&self) -> Option<SocketAddr> {
        self.cluster.this_server().bmc.as_ref().map(|bmc| bmc.address)
    }

    /// Whether the token's recovery still waits for its answer.
    pub fn is_due(&self, token: u64) -> bool {
        self.seats.iter().any(|seat| seat.holds(token))
    }

    /// What was counted.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Explains what we make of datagrams, were they the first.
    pub fn explainer(&self) -> explain::Explainer {
        explain::Explainer::with(self.cluster.clone(), self.reception.unheard())
    }

    /// The last datagrams at the trap socket, as they came.
    pub fn flight(&self) -> Vec<Recorded> {
        self.recorder.recorded()
    }
}

/// Between two attempts to write a broken journal anew that fail; doubled each time.
const MEND_PAUSE: Duration = Duration::from_millis(100);
