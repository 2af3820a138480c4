//! The witness of this server's BMC, as the configuration and the journal want it.
//!
//! Pure; `evidence` drives it.

use crate::bmc::evidence::{Left, Settings, Witness};
use crate::config::model::{Bmc, Cluster, Handshake, Monitor};
use crate::recovery::journal::{BootId, Replay};
use crate::words::Trust;

/// The witness of this server's BMC, if anybody wants to know what it has logged.
pub(super) fn of(cluster: &Cluster, boot: BootId, replay: Option<&Replay>) -> Option<Witness> {
    let bmc = cluster.this_server().bmc.as_ref()?;
    let asked = |monitor: &Monitor| monitor.trust == Trust::Corroborated && monitor.keyword(cluster.this).is_some();
    let wanted = bmc.sel_catch_up || cluster.monitors.iter().any(asked);
    (wanted && !cluster.observe)
        .then(|| Witness::new(settings(bmc), replay.map_or_else(Left::default, |r| left(boot, r))))
}

/// What it must know of its BMC.
pub(super) fn settings(bmc: &Bmc) -> Settings {
    let own = match bmc.handshake {
        Handshake::Sel { record_type, manufacturer } => Some((record_type, manufacturer)),
        Handshake::Raw { .. } | Handshake::None => None,
    };
    Settings { in_sel: bmc.in_sel, own, catch_up: bmc.sel_catch_up }
}

/// What a former process knew of the log. What supported a notice before a boot supports no other after it, and
/// was not missed.
fn left(boot: BootId, replay: &Replay) -> Left {
    Left {
        mark: replay.mark.map(|(mark, _)| mark),
        here: replay.mark.is_some_and(|(_, then)| then.is_same_as(boot)),
        used: replay.records().filter_map(|record| Some((record.support()?, record.notice.id.0))).collect(),
    }
}
