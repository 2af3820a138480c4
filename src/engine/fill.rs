//! Watches how full our BMC's event log is, where the handshake is written there.
//!
//! Part of [`Engine`], like `perform`. A full log takes neither a word of the handshake nor the events that notices
//! are proven by, so people hear of it in time: once, and again when it got worse.

use super::Engine;
use super::output::Line;
use super::watch::Said;
use crate::bmc::failure::Failure;
use crate::bmc::fill::{Fill, Filling};
use crate::config::model::Handshake;
use crate::now::Now;
use crate::words::Level;
use core::time::Duration;

/// From here on people are told, in percent.
const WARN_AT: u8 = 75;
/// And from here on again.
const WARN_AGAIN_AT: u8 = 90;
/// Limit: how long the BMC may take to say how full its log is.
const PATIENCE: Duration = Duration::from_secs(10);
/// What helps.
const REMEDY: &str = "save and erase it (ipmitool sel save FILE; ipmitool sel clear)";

impl Engine {
    /// A word of the handshake is in the log, or did not fit: how full is it? Whether that is asked: not in the middle of a recovery: a slow
    /// BMC would hear *ended* only after it has answered this.
    pub(super) fn look_at_fill(&mut self, now: Now) -> bool {
        if !self.fill_due || self.seats.iter().any(super::seat::Seat::is_busy) {
            return false;
        }
        self.fill_due = false;
        let writes =
            self.cluster.this_server().bmc.as_ref().is_some_and(|bmc| matches!(bmc.handshake, Handshake::Sel { .. }));
        let asks = writes && !self.leaving && !self.cluster.observe;
        if asks {
            self.roads.look_at_fill(now, self.cluster.this, Filling::new(now.boottime.saturating_add(PATIENCE)));
        }
        asks
    }

    /// The BMC has said how full its log is, or not: that is not worth a word.
    pub(super) fn filled(&mut self, result: Result<Fill, Failure>) {
        let Ok(fill) = result else { return };
        let Fill { entries, percent, overflow } = fill;
        let now = match percent {
            _ if overflow => Said::Full,
            Some(100..) => Said::Full,
            Some(WARN_AGAIN_AT..) => Said::NearlyFull,
            Some(WARN_AT..) => Said::Filling,
            Some(_) | None => Said::Room,
        };
        let before = core::mem::replace(&mut self.fill, now);
        if now == before || (now < before && now != Said::Room) {
            return; // what was said is still true enough
        }
        let share = percent.map_or("not known".into(), |percent| format!("{percent}% used"));
        let (level, text) = match now {
            Said::Room => (Level::Info, format!("the BMC's event log has room again ({share})")),
            Said::Filling | Said::NearlyFull => (
                Level::Warning,
                format!(
                    "the BMC's event log fills: {share}, {entries} records; {REMEDY}, before it takes no word of the handshake and no event"
                ),
            ),
            Said::Full => {
                let lost = if overflow { ", and records were lost" } else { "" };
                (
                    Level::Error,
                    format!(
                        "the BMC's event log is FULL ({share}, {entries} records{lost}): it takes no word of the handshake, and no event proves a notice; {REMEDY}"
                    ),
                )
            }
        };
        self.log(Line { level, text });
    }
}
