//! How a command gets to a BMC: to this server's own in-band where the configuration says so, else over LAN.
//!
//! The same choice as the daemon's, made once: with `link = "auto"` LAN is the road if the device cannot be opened or the
//! BMC does not answer by it.

use bmcnotice::bmc::failure::Failure;
use bmcnotice::bmc::inband::GIVE_UP;
use bmcnotice::bmc::link::Identity;
use bmcnotice::config::model::{LinkChoice, Privilege};
use bmcnotice::io::signals::Signals;
use bmcnotice::io::visit::{Met, Shut, Visit};
use bmcnotice::setup::Way;
use std::fmt;
use std::time::Duration;

/// Who is met.
#[derive(Debug, Clone, Copy)]
pub struct Whom<'w> {
    /// What its GUID must be; the configuration's pin counts in-band alone, unless this is unknown.
    pub identity: &'w Identity,
    /// The session's privilege, if not the configuration's; in-band there is none.
    pub privilege: Option<Privilege>,
    /// How long the last road is tried.
    pub patience: Duration,
}

/// Why it was not met.
#[derive(Debug)]
pub struct NotMet {
    /// Why not by the last road.
    pub why: Shut,
    /// Whether that was in-band.
    pub in_band: bool,
    /// Why not in-band, if LAN was tried after it.
    pub before: Option<Shut>,
}

impl fmt::Display for NotMet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_band = |shut: &Shut| match shut {
            Shut::Failed(Failure::InBand(_)) => shut.to_string(), // it says so itself
            shut => format!("in-band: {shut}"),
        };
        match (&self.before, self.in_band) {
            (_, true) => f.write_str(&in_band(&self.why)),
            (None, false) => self.why.fmt(f),
            (Some(before), false) => write!(f, "{}; over LAN: {}", in_band(before), self.why),
        }
    }
}

/// Goes there.
pub fn arrive<'a>(way: &Way, whom: Whom<'_>, signals: Option<&'a Signals>) -> Result<(Visit<'a>, Met), NotMet> {
    let mut before = None;
    if let Some((choice, device)) = way.cluster.in_band(way.server) {
        let pinned = way.bmc().and_then(|bmc| bmc.guid).filter(|_| *whom.identity != Identity::Unknown);
        let beside = choice == LinkChoice::Auto && way.login.is_some();
        let patience = if beside { GIVE_UP } else { whom.patience };
        match by(Visit::in_band(device, pinned, signals), patience) {
            Ok(met) => return Ok(met),
            Err(why) if beside && !matches!(why, Shut::Another { .. } | Shut::Interrupted(_)) => before = Some(why),
            Err(why) => return Err(NotMet { why, in_band: true, before }),
        }
    }
    let lan = || {
        let mut login = way.login.clone().ok_or(Shut::Failed(Failure::NoLogin))?;
        login.privilege = whom.privilege.unwrap_or(login.privilege);
        by(Visit::new(way.address, login, whom.identity.clone(), signals), whom.patience)
    };
    lan().map_err(|why| NotMet { why, in_band: false, before })
}

fn by(visit: std::io::Result<Visit<'_>>, patience: Duration) -> Result<(Visit<'_>, Met), Shut> {
    let mut visit = visit.map_err(Shut::Unsent)?;
    let met = visit.meet(patience)?;
    Ok((visit, met))
}
