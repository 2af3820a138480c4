//! Which monitors a notice concerns, and why not the others.
//!
//! A pure look-up over `config`; its input is a verified notice.

use crate::config::model::{Cluster, Monitor, StartsOn};
use crate::notice::Notice;
use crate::words::{Class, MonitorId, Trust};

/// What a monitor makes of a notice.
#[derive(Debug, Clone, Copy)]
pub struct Match<'a> {
    /// Which monitor.
    pub id: MonitorId,
    /// The monitor.
    pub monitor: &'a Monitor,
    /// What it wants, or why it wants nothing.
    pub answer: Result<Purpose, WhyNot>,
    /// Whether the notice's own trust suffices; else the BMC is asked first.
    pub proven: bool,
}

/// What a monitor wants with a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To start a recovery, or to join the one that runs.
    Recover,
    /// To tell a machine that waits: the fault is over.
    Clear,
}

/// Why a monitor wants nothing with a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WhyNot {
    /// Another server's BMC spoke; that never moves this server's services.
    OtherServer,
    /// The monitor has no keyword for this server.
    NotHere,
    /// It starts on worse.
    ClassTooLow,
    /// It demands a better proof of the sender.
    TrustTooLow,
}

/// All monitors of the cluster, in the order of their ids, with what each makes of the notice.
pub fn matches<'a>(cluster: &'a Cluster, notice: &Notice) -> impl Iterator<Item = Match<'a>> + use<'a> {
    let (server, class, trust) = (notice.server, notice.class, notice.trust);
    (0..=u16::MAX).zip(&cluster.monitors).map(move |(id, monitor)| {
        let answer = if server != cluster.this {
            Err(WhyNot::OtherServer)
        } else if monitor.keyword(cluster.this).is_none() {
            Err(WhyNot::NotHere)
        } else {
            purpose(class, monitor.starts_on).and_then(|purpose| trusted(trust, monitor.trust).map(|()| purpose))
        };
        Match { id: MonitorId(id), monitor, answer, proven: trust >= monitor.trust }
    })
}

fn purpose(class: Class, starts_on: StartsOn) -> Result<Purpose, WhyNot> {
    match (class, starts_on) {
        (Class::Fatal, StartsOn::Fatal | StartsOn::Recoverable) => Ok(Purpose::Recover),
        (Class::Recoverable { .. }, StartsOn::Recoverable) => Ok(Purpose::Recover),
        (Class::Recoverable { .. }, StartsOn::Fatal) => Err(WhyNot::ClassTooLow),
        (Class::Cleared, StartsOn::Fatal | StartsOn::Recoverable) => Ok(Purpose::Clear),
        (Class::Info, StartsOn::Fatal | StartsOn::Recoverable) => Err(WhyNot::ClassTooLow),
    }
}

fn trusted(has: Trust, wants: Trust) -> Result<(), WhyNot> {
    match (has, wants) {
        (has, wants) if has >= wants => Ok(()),
        (_, Trust::Corroborated) => Ok(()), // the BMC can make it good enough
        (_, Trust::Address | Trust::Authenticated) => Err(WhyNot::TrustTooLow),
    }
}
