//! What is said of the two roads to the own BMC: how they stand together, and remarks when that changes.
//!
//! Part of [`Auto`]. Uses `link` for how each stands.

use super::{Auto, Output, Remark, Via};
use crate::bmc::failure::Failure;
use crate::bmc::link::{Link, Status};

impl Auto {
    /// Says what has changed.
    pub(super) fn show(&mut self) {
        if let Status::Down { why: Some(Failure::InBand(obstacle)), .. } = *self.in_band.status() {
            if self.device_said != Some(obstacle) {
                self.device_said = Some(obstacle);
                self.output.push_back(Output::Remark(Remark::NoDevice(obstacle, self.lan.is_some())));
            }
        } else if self.is_in_band_up() {
            self.device_said = None;
        }
        let up = self.is_lan_up();
        let reopened = up && !self.lan_was_up && self.lan_said.is_some();
        if self.is_in_band_up() {
            let failure = match self.lan.as_ref().map(Link::status) {
                Some(Status::Down { why: Some(why), .. }) if *why != Failure::Stopped => Some(*why),
                Some(Status::WrongIdentity { .. }) => Some(Failure::WrongIdentity),
                Some(Status::Down { .. } | Status::Opening | Status::Up { .. }) | None => None,
            };
            if let Some(why) = failure.filter(|why| self.lan_said != Some(*why)) {
                self.lan_said = Some(why);
                self.output.push_back(Output::Remark(Remark::LanFails(why)));
            }
            if up && !self.lan_was_up {
                self.output.push_back(Output::Remark(Remark::LanBeside));
            }
        }
        if up != self.lan_was_up {
            self.lan_was_up = up;
            self.lan_said = if up { None } else { self.lan_said };
        }
        let status = self.overall();
        if status != self.shown || reopened {
            self.shown = status;
            self.output.push_back(Output::Changed);
        }
    }

    fn overall(&self) -> Status {
        let in_band = *self.in_band.status();
        let Some(lan) = self.lan.as_ref().map(|lan| *lan.status()) else { return in_band };
        let up = |status: Status| matches!(status, Status::Up { .. });
        match (in_band, lan) {
            // The board says that this host is not the server that it is taken for: then LAN is another server's.
            (Status::WrongIdentity { .. }, _) => in_band,
            (_, _) if up(in_band) && (self.via == Via::InBand || !up(lan)) => in_band,
            (_, _) if up(lan) => lan,
            (Status::Down { why: Some(Failure::InBand(_)), .. }, _) | (_, Status::Down { .. }) => lan,
            (_, _) => in_band,
        }
    }
}
