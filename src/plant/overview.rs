//! Everything at once, for people who look.
//!
//! Part of [`Plant`]; reads alone. The reactor is held for a moment, whatever the number of servers.

use super::Plant;
use super::shown::Watched;
use crate::config::model::Cluster;
use crate::engine::explain::Explainer;
use crate::engine::{Drill, OpenRecovery, Statistics};
use crate::heartbeat::feeder::Note;
use crate::io::reactor::moment;
use crate::notice::recorder::Recorded;
use crate::now::Now;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

/// All that a person may want to see at once.
#[derive(Debug, Clone)]
pub struct Overview {
    /// When it was made.
    pub now: Now,
    /// What the operator wrote, as it holds.
    pub cluster: Arc<Cluster>,
    /// Where traps are received.
    pub listen: Option<SocketAddr>,
    /// Every server that has a BMC, in the configuration's order.
    pub servers: Vec<Watched>,
    /// What became of our own pulse; none: it is not fed, or nothing is known yet.
    pub pulse: Option<Note>,
    /// Every recovery that is open.
    pub recoveries: Vec<OpenRecovery>,
    /// Whether maintenance is on.
    pub maintenance: bool,
    /// How the drill stands, and when the path was proven last.
    pub drill: Drill,
    /// What was counted.
    pub statistics: Statistics,
}

impl Plant {
    /// The last datagrams, and who explains them.
    pub fn flight(&self) -> (Explainer, Vec<Recorded>) {
        let reactor = self.reactor.lock();
        (reactor.engine().explainer(), reactor.engine().flight())
    }

    /// Everything at once.
    pub fn overview(&self) -> Overview {
        let cluster = self.cluster();
        let (recoveries, pulse, maintenance, drill, mut statistics) = {
            let mut reactor = self.reactor.lock();
            let statistics = reactor.statistics();
            let engine = reactor.engine();
            let (open, drill) = (engine.open_recoveries(), engine.drill_status());
            (open, engine.pulse(), engine.maintenance(), drill, statistics)
        };
        statistics.undelivered = self.dropped.load(SeqCst);
        Overview {
            now: moment(),
            cluster,
            listen: self.listen(),
            servers: self.shown.lock().servers(),
            pulse,
            recoveries,
            maintenance,
            drill,
            statistics,
        }
    }
}
