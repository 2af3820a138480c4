//! One monitor at work: its machine, and what the engine must remember for it.
//!
//! Values with few decisions; `engine` performs the machine's actions. Uses `recovery`.

use super::alert::About;
use super::moves::Move;
use super::output::{Command, Print, Recover};

use crate::config::model::{Cluster, Commands, FinalAction, Monitor, Recovery};
use crate::notice::{Notice, NoticeId};
use crate::now::Now;
use crate::recovery::clusterpro::{Course, Which};
use crate::recovery::gate::History;
use crate::recovery::journal::{Hold, Record};
use crate::recovery::machine::{Machine, State};
use crate::recovery::policy::Policy;
use crate::words::{Attempt, MonitorId, RecoveryAction, ServerId};
use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;

/// Search path of a command: it inherits nothing of ours.
pub(super) const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An acknowledgement, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Acknowledgement {
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// Bit 7 of a PET's number: the event is over.
const DEASSERTION: u32 = 0x80;

/// Limit: notices that have joined a recovery by records which would not survive us, and acknowledgements that
/// wait for its beginning; more are not acknowledged, and their BMC sends them again.
pub(super) const MAX_JOINED: usize = 256;

/// What a recovery in progress is about.
#[derive(Debug, Clone)]
pub(super) struct Matter {
    pub(super) record: u64,
    pub(super) notice: Arc<Notice>,
    /// Completes the attempt while it runs.
    pub(super) token: Option<u64>,
    /// The attempt is a command, by the same token.
    pub(super) commanded: bool,
    /// The command that runs beside the attempts, by its token.
    pub(super) errand: Option<(u64, Errand)>,
    /// A record that would not survive us is acknowledged only when its recovery has begun.
    pub(super) held: Vec<(NoticeId, Vec<Acknowledgement>)>,
    /// The notices that have joined by such a record.
    pub(super) joined: Vec<NoticeId>,
}

impl Matter {
    pub(super) fn new(record: u64, notice: Arc<Notice>, held: Vec<Acknowledgement>) -> Self {
        let held = if held.is_empty() { Vec::new() } else { vec![(notice.id, held)] };
        Self { record, notice, token: None, commanded: false, errand: None, held, joined: Vec::new() }
    }
}

/// A command that is no attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errand {
    /// The script before one.
    Script,
    /// The final action.
    Final,
}

/// One monitor.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) id: MonitorId,
    pub(super) name: Arc<str>,
    pub(super) server: Arc<str>,
    pub(super) target: Arc<str>,
    pub(super) recovery: Recovery,
    pub(super) script: Vec<String>,
    commands: Commands,
    pub(super) policy: Policy,
    pub(super) history: History,
    /// What moves through Pacemaker.
    pub(super) moving: Option<Box<Move>>,
    /// It is to, when no other seat's move goes on.
    pub(super) move_waits: bool,
    /// A recovery has set something in the cluster that was not taken back.
    pub(super) has_set: bool,
    /// This server's name in the cluster, once it is known.
    pub(super) node: Option<String>,
    pub(super) rerun: bool,
    pub(super) machine: Machine,
    pub(super) matter: Option<Matter>,
    /// The record whose notice the BMC has logged.
    pub(super) proven: Option<u64>,
    /// What is attempted, or was last.
    pub(super) action: RecoveryAction,
    /// Its number.
    pub(super) attempt: u8,
    /// The attempt through CLUSTERPRO that runs.
    pub(super) running: Option<Running>,
}

/// An attempt through CLUSTERPRO and the token of its present command.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) course: Course,
    pub(super) which: Which,
    pub(super) token: u64,
}

impl Seat {
    /// Whether what is over is what this seat works on; without work anything may be what it had worked on.
    pub(super) fn ends_with(&self, over: &Notice) -> bool {
        self.matter.as_ref().is_none_or(|matter| ends(over, &matter.notice))
    }

    /// The monitors that work on this server.
    pub(super) fn all(cluster: &Cluster) -> Vec<Self> {
        let here = |(_, monitor): &(MonitorId, &Monitor)| monitor.keyword(cluster.this).is_some();
        (0..)
            .map(MonitorId)
            .zip(&cluster.monitors)
            .filter(here)
            .map(|(id, monitor)| Self::new(cluster, id, monitor))
            .collect()
    }

    fn new(cluster: &Cluster, id: MonitorId, monitor: &Monitor) -> Self {
        let server = cluster.this_server();
        Self {
            id,
            name: monitor.name.as_str().into(),
            server: server.name.as_str().into(),
            target: monitor.target.as_deref().unwrap_or_default().into(),
            recovery: monitor.recovery.clone(),
            script: monitor.script.as_ref().map(|script| script.command.clone()).unwrap_or_default(),
            commands: commands(cluster, &monitor.recovery),
            history: History::default(),
            moving: None,
            move_waits: false,
            has_set: false,
            node: None,
            policy: Policy::new(monitor, server.bmc.as_ref()),
            rerun: monitor.rerun || has_goal(&monitor.recovery),
            machine: Machine::new(),
            matter: None,
            proven: None,
            action: RecoveryAction::Failover,
            attempt: 0,
            running: None,
        }
    }

    /// What CLUSTERPRO's alert log is told of.
    pub(super) fn about(&self) -> About<'_> {
        About { monitor: &self.name, server: &self.server, target: &self.target, action: self.action }
    }

    /// Whether the present command of the recovery has this token.
    pub(super) fn runs(&self, token: u64) -> bool {
        self.running.as_ref().is_some_and(|running| running.token == token)
    }

    /// When the trap came, for the times that people are told.
    pub(super) fn began(&self) -> Option<Now> {
        self.matter.as_ref().map(|matter| matter.notice.received)
    }

    /// Whether this is the record of the recovery in progress.
    pub(super) fn is_about(&self, record: u64) -> bool {
        self.matter.as_ref().is_some_and(|matter| matter.record == record)
    }

    /// Whether the token is of the recovery that runs now.
    pub(super) fn holds(&self, token: u64) -> bool {
        self.matter.as_ref().is_some_and(|matter| matter.token == Some(token))
    }

    /// Whether this is the command that runs beside the attempts.
    pub(super) fn runs_errand(&self, token: u64) -> Option<Errand> {
        let errand = self.matter.as_ref().and_then(|matter| matter.errand);
        errand.filter(|(own, _)| *own == token).map(|(_, errand)| errand)
    }

    /// Tells the machine's policy what stands in the way of a new recovery.
    pub(super) fn look_at_gate(&mut self, now: Now, maintenance: bool) {
        self.policy.gate = self.history.gate(now, maintenance, &self.policy.limits);
    }

    /// Whether a recovery is between its record and its end.
    pub(super) fn is_recovering(&self) -> bool {
        match self.machine.state() {
            State::Recorded
            | State::Verifying
            | State::Started
            | State::Preparing
            | State::Recovering
            | State::Finishing => true,
            State::Held => self.machine.held().is_some_and(Hold::has_begun),
            State::Idle | State::Ending | State::AwaitingReset | State::Failed => false,
        }
    }

    /// Whether a recovery is under way and will go on by itself: what is held waits, for the operator or for a moment.
    pub(super) fn is_at_work(&self) -> bool {
        match self.machine.state() {
            State::Recorded
            | State::Verifying
            | State::Started
            | State::Preparing
            | State::Recovering
            | State::Finishing
            | State::Ending => true,
            State::Idle | State::AwaitingReset | State::Held | State::Failed => false,
        }
    }

    /// Whether a recovery is between its record and the BMC's knowing its end.
    pub(super) fn is_busy(&self) -> bool {
        self.is_recovering() || self.machine.state() == State::Ending
    }

    /// Whether the recovery was begun: whoever told us of the fault need not tell us again.
    pub(super) fn has_begun(&self) -> bool {
        match self.machine.state() {
            State::Preparing
            | State::Recovering
            | State::Finishing
            | State::Ending
            | State::AwaitingReset
            | State::Failed => true,
            State::Held => self.machine.held().is_some_and(Hold::has_begun),
            State::Idle | State::Recorded | State::Verifying | State::Started => false,
        }
    }

    /// Whether a repetition of the notice is still needed: its record would not survive us, and nothing has begun.
    pub(super) fn must_hold(&self, notice: NoticeId) -> bool {
        let Some(matter) = self.matter.as_ref().filter(|_| !self.has_begun()) else { return false };
        let volatile = self.machine.record().is_some_and(|record| !record.is_durable());
        // Where too many have joined for each to be known, none is given up.
        volatile && matter.notice.id == notice || matter.joined.contains(&notice) || matter.joined.len() >= MAX_JOINED
    }

    /// Whether it is the question whether the target runs elsewhere.
    pub(super) fn verifies(&self, token: u64) -> bool {
        self.running.as_ref().is_some_and(|running| running.token == token && running.which == Which::Verify)
    }

    /// What the application's callback is told.
    pub(super) fn recover(&self, matter: &Matter, attempt: Attempt, token: u64) -> Recover {
        Recover {
            token,
            record: matter.record,
            monitor: self.name.clone(),
            server: self.server.clone(),
            target: self.target.clone(),
            attempt,
            notice: matter.notice.clone(),
            deadline: self.policy.deadline,
        }
    }

    /// What the operator's command is told: `docs/configuration.md` lists the variables. `action` is what it does,
    /// or what it comes before; `limit` how long it may take.
    pub(super) fn command(
        &self,
        argv: &[String],
        matter: &Matter,
        (action, number): (&str, u8),
        limit: Duration,
        token: u64,
    ) -> Command {
        let notice = &matter.notice;
        let mut env = vec![
            PATH.to_owned(),
            format!("BMCNOTICE_MONITOR={}", self.name),
            format!("BMCNOTICE_SERVER={}", self.server),
            format!("BMCNOTICE_TARGET={}", self.target),
            format!("BMCNOTICE_ACTION={action}"),
            format!("BMCNOTICE_ATTEMPT={number}"),
            format!("BMCNOTICE_CLASS={}", notice.class),
            format!("BMCNOTICE_TRUST={}", notice.trust),
            format!("BMCNOTICE_NOTICE={}", notice.sentence),
            format!("BMCNOTICE_REGION={}", notice.region),
            format!("BMCNOTICE_TRAP_OID={}", notice.trap_oid),
            format!("BMCNOTICE_NOTICE_ID={:016x}", notice.id.0),
            format!("BMCNOTICE_RECORD={}", matter.record),
            format!("BMCNOTICE_TOKEN={token}"),
            format!("BMCNOTICE_DEADLINE_MS={}", limit.as_millis()),
        ];
        if let Some(pet) = &notice.pet {
            let data: Vec<String> = pet.event_data.iter().map(|octet| format!("0x{octet:02x}")).collect();
            env.extend([
                format!("BMCNOTICE_SENSOR_TYPE=0x{:02x}", pet.sensor_type),
                format!("BMCNOTICE_SENSOR_NUMBER=0x{:02x}", pet.sensor_number),
                format!("BMCNOTICE_EVENT_TYPE=0x{:02x}", pet.event_type),
                format!("BMCNOTICE_EVENT_OFFSET={}", pet.offset),
                format!("BMCNOTICE_EVENT_DATA={}", data.join(" ")),
            ]);
        }
        let (time, alone) = (limit, Some(digest(&self.name)));
        Command { token, argv: argv.to_vec(), env, print: Print::Log, time, alone }
    }

    /// The command that stops the cluster service, if this attempt does and there is one.
    pub(super) fn stop_command(&self, attempt: Attempt) -> Option<&[String]> {
        match attempt.action {
            RecoveryAction::StopService => self.commands.stop_service.as_deref(),
            RecoveryAction::Restart | RecoveryAction::Failover => None,
        }
    }

    /// The command of a final action that is one.
    pub(super) fn final_command(&self, action: FinalAction) -> Option<&[String]> {
        match action {
            FinalAction::Shutdown => Some(&self.commands.shutdown),
            FinalAction::Reboot => Some(&self.commands.reboot),
            FinalAction::None
            | FinalAction::StopService
            | FinalAction::SysrqPanic
            | FinalAction::BmcReset
            | FinalAction::BmcPowerOff
            | FinalAction::BmcPowerCycle
            | FinalAction::BmcNmi => None,
        }
    }

    /// The file that makes the kernel panic.
    pub(super) fn sysrq_trigger(&self) -> String {
        self.commands.sysrq_trigger.clone()
    }
}

/// The same for one monitor in every process and after every restart, and most likely another for each (FNV-1a).
fn digest(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01B3))
}

/// What the final actions run. A Pacemaker that stops moves everything away first.
fn commands(cluster: &Cluster, recovery: &Recovery) -> Commands {
    let mut commands = cluster.commands.clone();
    if commands.stop_service.is_none() && matches!(recovery, Recovery::Pacemaker(_)) {
        commands.stop_service = Some(["/usr/bin/systemctl", "stop", "pacemaker"].map(str::to_owned).to_vec());
    }
    commands
}

/// The notice of a record that a former process wrote: what the journal kept of it.
pub(super) fn remembered(record: &Record, server: ServerId) -> Notice {
    let Record { notice, .. } = record;
    Notice {
        id: NoticeId(notice.id.0),
        server,
        class: notice.class,
        trust: notice.trust,
        source: notice.source,
        received: Now { boottime: Duration::ZERO, ..record.at },
        trap_oid: notice.trap_oid.clone(),
        pet: None,
        fault: None,
        region: notice.region.clone(),
        sentence: notice.sentence.clone(),
    }
}

/// Whether the one notice tells the end of the other's fault. Of a notice that a former process wrote down the sensor's
/// number is in its region alone: then the names of both traps must be alike but for the direction.
pub(super) fn ends(over: &Notice, begun: &Notice) -> bool {
    match (over.fault, begun.fault) {
        (Some(over), Some(begun)) => over.is_about(begun),
        (Some(_), None) | (None, Some(_)) | (None, None) => {
            let undirected = |notice: &Notice| {
                let (name, number) = notice.trap_oid.rsplit_once('.')?;
                Some((name.to_owned(), number.parse::<u32>().ok()? & !DEASSERTION))
            };
            over.region == begun.region && undirected(over).is_some() && undirected(over) == undirected(begun)
        }
    }
}

/// Whether the recovery asks first whether its goal is reached, so that to run it again does no harm.
fn has_goal(recovery: &Recovery) -> bool {
    match recovery {
        Recovery::Clusterpro(clusterpro) => clusterpro.verify.is_some(),
        Recovery::Pacemaker(_) => true,
        Recovery::Callback | Recovery::Command(_) => false,
    }
}
