//! One monitor at work: its machine, and what the engine must remember for it.
//!
//! Values with few decisions; `engine` performs the machine's actions. Uses `recovery`.

use super::output::{Command, Print, Recover};
use crate::config::model::{Cluster, Monitor, Recovery};
use crate::notice::{Notice, NoticeId};
use crate::now::Now;
use crate::recovery::journal::Record;
use crate::recovery::machine::{Machine, State};
use crate::recovery::policy::Policy;
use crate::words::{MonitorId, ServerId};
use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;

/// Search path of a command: it inherits nothing of ours.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

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
        }
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
        let mut env = vec![
            PATH.to_owned(),
            format!("BMCNOTICE_MONITOR={}", self.name),
            format!("BMCNOTICE_SERVER={}", self.server),
            format!("BMCNOTICE_TARGET={}", self.target),
            // One attempt a recovery, and it is this, until a monitor may say otherwise.
            "BMCNOTICE_ACTION=failover".to_owned(),
            "BMCNOTICE_ATTEMPT=1".to_owned(),
            format!("BMCNOTICE_CLASS={}", notice.class),
            format!("BMCNOTICE_TRUST={}", notice.trust),
            format!("BMCNOTICE_NOTICE={}", notice.sentence),
            format!("BMCNOTICE_REGION={}", notice.region),
            format!("BMCNOTICE_TRAP_OID={}", notice.trap_oid),
            format!("BMCNOTICE_NOTICE_ID={:016x}", notice.id.0),
            format!("BMCNOTICE_RECORD={}", matter.record),
            format!("BMCNOTICE_TOKEN={token}"),
            format!("BMCNOTICE_DEADLINE_MS={}", self.policy.deadline.as_millis()),
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
        let (time, alone) = (self.policy.deadline, Some(number(&self.name)));
        Command { token, argv: argv.to_vec(), env, print: Print::Log, time, alone }
    }
}

/// The same for one monitor in every process and after every restart, and most likely another for each (FNV-1a).
fn number(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01B3))
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
