//! Who is watched and how, and how our own pulse is fed: from the configuration to what `heartbeat` wants.
//!
//! Used by the engine when it is made and at a reload. Uses `config` and `heartbeat`; its input is the operator's.

use crate::bmc::link::Login;
use crate::config::model::{Cluster, OwnPulse, Vouch};
use crate::crypto::Random;
use crate::heartbeat::feeder::Settings;
use crate::heartbeat::mark::{self, Vouched};
use crate::heartbeat::watch::Way;
use crate::heartbeat::{Doubt, Feeder, Rules, Verdict, Watch, economy, take_over};
use crate::now::Now;
use crate::recovery::journal::BootId;
use crate::words::ServerId;
use core::time::Duration;

/// What is watched, and how.
pub(super) fn watch(now: Now, cluster: &Cluster, random: Random) -> Watch {
    let heartbeat = &cluster.heartbeat;
    let current = take_over::current(heartbeat.interval);
    let rules = Rules { timeout: heartbeat.timeout, warning: heartbeat.warning, current };
    Watch::new(now, heartbeat.interval, rules, ways(cluster), random)
}

pub(super) fn ways(cluster: &Cluster) -> Vec<(ServerId, Way)> {
    let held = economy::held(cluster);
    let all = (0..).map(ServerId).zip(&cluster.servers).zip(held);
    let all = all.filter_map(|((id, server), held)| {
        let bmc = server.bmc.as_ref()?;
        let road = bmc.lan.is_some() || cluster.in_band(id).is_some();
        let way = match (bmc.probes.needs_session(), road) {
            (true, true) if held => Way::Session { pulse: bmc.probes.pulse },
            (true, true) => Way::Ping(Doubt::Elsewhere),
            (false, _) | (true, false) => Way::Ping(Doubt::NoLogin),
        };
        Some((id, way))
    });
    all.collect()
}

/// How our own pulse is fed, if it is.
pub(super) fn feeder(now: Now, cluster: &Cluster, boot: BootId, owned: bool, random: Random) -> Option<Feeder> {
    let heartbeat = &cluster.heartbeat;
    let OwnPulse { period, vouch } = heartbeat.pulse.filter(|_| heartbeat.enabled && !cluster.observe && !owned)?;
    let bmc = cluster.this_server().bmc.as_ref()?;
    if bmc.lan.is_none() && cluster.in_band(cluster.this).is_none() {
        return None;
    }
    let (vouched, word) = match vouch {
        Vouch::Library => (Vouched::Library, Duration::MAX),
        Vouch::Application(word) => (Vouched::Application, word),
    };
    let settings = Settings { period, timeout: heartbeat.timeout, vouched, word, tag: mark::tag(&boot.0) };
    Some(Feeder::new(now, settings, random))
}

/// The logins of the sessions that are ours to hold: on our own BMC, and on those that we watch over one. On other servers' BMCs two of
/// a cluster hold one, the rest ping.
pub(super) fn shared_out(cluster: &Cluster, logins: Vec<Option<Login>>) -> Vec<Option<Login>> {
    let held = economy::held(cluster);
    let all = (0..).map(ServerId).zip(logins).zip(held);
    let all = all.map(|((id, login), held)| {
        let asked = cluster.servers.get(usize::from(id.0)).and_then(|server| server.bmc.as_ref());
        let asked = cluster.heartbeat.enabled && asked.is_some_and(|bmc| bmc.probes.needs_session());
        login.filter(|_| id == cluster.this || held && asked)
    });
    all.collect()
}

/// What a verdict says of a server, for the cluster's own attributes.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Alive => "alive",
        Verdict::Powered => "powered",
        Verdict::Booting => "booting",
        Verdict::Delayed => "delayed",
        Verdict::Silent => "silent",
        Verdict::Left => "left",
        Verdict::Off => "off",
        Verdict::Unknown(_) => "unknown",
    }
}
