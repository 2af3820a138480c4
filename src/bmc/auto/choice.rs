//! Which of the two roads to the own BMC a command takes, and which is the better one from now on.
//!
//! Part of [`Auto`], apart because it judges and sends nothing. Uses `inband` and `link` for how they stand.

use super::{Auto, Output, Remark, Via};
use crate::bmc::identity::Identity;
use crate::bmc::link::Status;
use crate::bmc::repeat::{may_repeat, needs_proof};
use crate::now::Now;
use crate::wire::ipmi::Request;
use core::time::Duration;

/// For so long in-band must have been well before it is preferred again; doubled with each switch.
pub const RETURN_FIRST: Duration = Duration::from_secs(3);
/// The most that it is doubled to: a BMC that comes and goes must not flood the log.
pub const RETURN_LAST: Duration = Duration::from_secs(300);
/// Without a switch for so long, the next one is the first again.
pub const CALM: Duration = Duration::from_secs(1800);

impl Auto {
    /// Whether LAN may have this command. What is on the board is this server's; where that was asked once, the BMC at
    /// the address must prove that it is the same.
    pub(super) fn may_go_over_lan(&self, request: &Request) -> bool {
        let proves = match self.identity {
            Identity::Expected(_) => true,
            Identity::Unknown => self.learned.is_some(),
            Identity::Address => false,
        };
        self.lan.is_some() && (proves || !self.met || !needs_proof(request))
    }

    /// Which roads a command takes at once: in-band, LAN.
    pub(super) fn choose(&self, request: &Request) -> (bool, bool) {
        if !self.may_go_over_lan(request) {
            return (true, false);
        }
        match (self.via == Via::InBand && self.in_band.is_well(), self.is_lan_up()) {
            (true, _) => (true, false),
            (false, true) => (false, true),
            (false, false) if self.in_band.is_well() || self.lan.is_none() => (true, false),
            // Nothing is known to work.
            (false, false) if may_repeat(request) => (true, true),
            (false, false) => match self.in_band.status() {
                Status::Opening | Status::Up { .. } => (true, false),
                Status::Down { .. } | Status::WrongIdentity { .. } => (false, true),
            },
        }
    }

    /// What in-band says of the BMC is what LAN must find; whether LAN was told something new.
    pub(super) fn learn(&mut self, now: Now) -> bool {
        let Status::Up { guid, .. } = self.in_band.status() else { return false };
        if self.pinned || guid.is_unspecified() || self.learned == Some(*guid) {
            return false;
        }
        let Some(lan) = &mut self.lan else { return false };
        self.learned = Some(*guid);
        let mut guids = match &self.identity {
            Identity::Expected(guids) => guids.clone(),
            Identity::Unknown => Vec::new(),
            Identity::Address => return false, // its GUID says nothing, whoever tells it
        };
        guids.push(*guid);
        lan.expect(now, Identity::Expected(guids));
        true
    }

    /// Which road is the better one from now on.
    pub(super) fn prefer(&mut self, now: Now) {
        let well = self.in_band.is_well();
        self.met |= well;
        self.well_since = if well { self.well_since.or(Some(now.boottime)) } else { None };
        let lan = self.is_lan_up();
        match self.via {
            Via::InBand if !well && lan => {
                self.via = Via::Lan;
                let calm = self.switched.is_none_or(|at| now.boottime.saturating_sub(at) >= CALM);
                self.hold = if calm { RETURN_FIRST } else { (self.hold * 2).min(RETURN_LAST) };
                self.switched = Some(now.boottime);
                // A device that was never open is said in other words.
                if self.device_said.is_none() && !matches!(self.in_band.status(), Status::Opening) {
                    self.output.push_back(Output::Remark(Remark::OverLan));
                }
            }
            Via::Lan if well => {
                let long = self.well_since.is_some_and(|since| since + self.hold <= now.boottime);
                if long || !lan {
                    self.via = Via::InBand;
                    self.output.push_back(Output::Remark(Remark::Back));
                }
            }
            Via::InBand | Via::Lan => {}
        }
    }
}
