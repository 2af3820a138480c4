//! One monitor at work: its machine, and what the engine must remember for it.
//!
//! Values with few decisions; `engine` performs the machine's actions. Uses `recovery`.

use super::alert::About;
use super::output::{Command, Recover};
use crate::config::model::{Cluster, Monitor, Recovery};
use crate::notice::{Notice, NoticeId};
use crate::now::Now;
use crate::recovery::clusterpro::{Course, Which};
use crate::recovery::journal::Record;
use crate::recovery::machine::{Machine, State};
use crate::recovery::policy::Policy;
use crate::words::{Action, MonitorId, ServerId};
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

/// What a recovery in progress is about.
#[derive(Debug, Clone)]
pub(super) struct Matter {
    pub(super) record: u64,
    pub(super) notice: Arc<Notice>,
    /// Completes the recovery while it runs.
    pub(super) token: Option<u64>,
    /// A record that would not survive us is acknowledged only when its recovery has begun.
    pub(super) held: Vec<Acknowledgement>,
}

/// One monitor.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) id: MonitorId,
    pub(super) name: Arc<str>,
    pub(super) server: Arc<str>,
    pub(super) target: Arc<str>,
    pub(super) recovery: Recovery,
    pub(super) policy: Policy,
    pub(super) rerun: bool,
    pub(super) machine: Machine,
    pub(super) matter: Option<Matter>,
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
            policy: Policy::new(monitor, server.bmc.as_ref()),
            rerun: monitor.rerun,
            machine: Machine::new(),
            matter: None,
            running: None,
        }
    }

    /// What is being attempted.
    pub(super) fn action(&self) -> Action {
        Action::Failover
    }

    /// What CLUSTERPRO's alert log is told of.
    pub(super) fn about(&self) -> About<'_> {
        About { monitor: &self.name, server: &self.server, target: &self.target, action: self.action() }
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

    /// Whether a recovery is between its record and its end.
    pub(super) fn is_recovering(&self) -> bool {
        match self.machine.state() {
            State::Recorded | State::Verifying | State::Started | State::Recovering => true,
            State::Idle | State::Ending | State::AwaitingReset | State::Held | State::Failed => false,
        }
    }

    /// Whether a recovery is between its record and the BMC's knowing its end.
    pub(super) fn is_busy(&self) -> bool {
        match self.machine.state() {
            State::Recorded | State::Verifying | State::Started | State::Recovering | State::Ending => true,
            State::Idle | State::AwaitingReset | State::Held | State::Failed => false,
        }
    }

    /// Whether the recovery was begun: whoever told us of the fault need not tell us again.
    pub(super) fn has_begun(&self) -> bool {
        match self.machine.state() {
            State::Recovering | State::Ending | State::AwaitingReset | State::Failed => true,
            State::Idle | State::Recorded | State::Verifying | State::Started | State::Held => false,
        }
    }

    /// Whether it is the question whether the target runs elsewhere.
    pub(super) fn verifies(&self, token: u64) -> bool {
        self.running.as_ref().is_some_and(|running| running.token == token && running.which == Which::Verify)
    }

    /// What the application's callback is told.
    pub(super) fn recover(&self, matter: &Matter, token: u64) -> Recover {
        Recover {
            token,
            record: matter.record,
            monitor: self.name.clone(),
            server: self.server.clone(),
            target: self.target.clone(),
            notice: matter.notice.clone(),
            deadline: self.policy.deadline,
        }
    }

    /// What the operator's command is told: `docs/configuration.md` lists the variables.
    pub(super) fn command(&self, argv: &[String], matter: &Matter, token: u64) -> Command {
        let notice = &matter.notice;
        let env = [
            PATH.to_owned(),
            format!("BMCNOTICE_MONITOR={}", self.name),
            format!("BMCNOTICE_SERVER={}", self.server),
            format!("BMCNOTICE_TARGET={}", self.target),
            format!("BMCNOTICE_CLASS={}", notice.class),
            format!("BMCNOTICE_TRUST={}", notice.trust),
            format!("BMCNOTICE_NOTICE={}", notice.sentence),
            format!("BMCNOTICE_REGION={}", notice.region),
            format!("BMCNOTICE_NOTICE_ID={:016x}", notice.id.0),
            format!("BMCNOTICE_RECORD={}", matter.record),
            format!("BMCNOTICE_TOKEN={token}"),
            format!("BMCNOTICE_DEADLINE_MS={}", self.policy.deadline.as_millis()),
        ];
        Command { token, argv: argv.to_vec(), env: env.into() }
    }
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
        region: notice.region.clone(),
        sentence: notice.sentence.clone(),
    }
}
