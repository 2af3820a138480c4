//! *Ended* waits while a crash dump is written: the reset that follows it would destroy the dump.
//!
//! Part of [`Engine`], like `ending`. Whether one is written is told by files that the site's dump script makes and
//! takes away; the shell looks for them. The wait is bounded, and the BMC's patience is checked against it.

use super::Engine;
use super::output::{Output, Stage};
use super::watch::Wait;
use crate::now::Now;
use crate::words::Level;
use core::time::Duration;

/// Between two looks for the markers.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Engine {
    /// Whether *ended* may go out as far as a crash dump is concerned; if not, what comes of it calls again.
    pub(super) fn dump_is_over(&mut self, now: Now) -> bool {
        let Some(hold) = self.cluster.this_server().bmc.as_ref().and_then(|bmc| bmc.dump.as_ref()) else { return true };
        match &self.dump {
            Some(wait) => wait.over,
            None => {
                let deadline = now.boottime.saturating_add(hold.longest);
                self.dump = Some(Wait { deadline, look: None, said: false, over: false });
                self.outputs.push_back(Output::LookForDump(hold.markers.clone()));
                false
            }
        }
    }

    /// The shell has looked: this marker is there, or none.
    pub fn handle_dump(&mut self, now: Now, found: Option<String>) {
        let Some(wait) = &mut self.dump else { return };
        let late = now.boottime >= wait.deadline;
        let (said, left) = (wait.said, wait.deadline.saturating_sub(now.boottime));
        wait.over = late || found.is_none();
        wait.look = (!wait.over).then(|| wait.deadline.min(now.boottime.saturating_add(LOOK_EVERY)));
        wait.said = true;
        let remark = match found {
            Some(marker) if late => Some((
                Level::Error,
                format!("the crash dump is not written in time ({marker} still exists): the BMC is told all the same"),
            )),
            Some(marker) if !said => Some((
                Level::Warning,
                format!("recovery ended waits for the crash dump ({marker} exists), for {} s at most", left.as_secs()),
            )),
            None if said => Some((Level::Info, "the crash dump is written".to_owned())),
            Some(_) | None => None,
        };
        if let Some((level, text)) = remark {
            for place in self.endings.waiting.iter().map(|ended| ended.place).collect::<Vec<_>>() {
                self.progress(now, place, Stage::Remark(level, text.clone()));
            }
        }
        if self.dump.as_ref().is_some_and(|wait| wait.over) {
            self.end_together(now);
        }
        self.settle(now);
    }

    /// When to look again.
    pub(super) fn dump_deadline(&self) -> Option<Duration> {
        self.dump.as_ref().and_then(|wait| wait.look)
    }

    pub(super) fn dump_times_out(&mut self, now: Now) {
        let bmc = self.cluster.this_server().bmc.as_ref();
        let markers = bmc.and_then(|bmc| bmc.dump.as_ref()).map(|hold| hold.markers.clone()).unwrap_or_default();
        if let Some(wait) = &mut self.dump
            && wait.look.is_some_and(|at| at <= now.boottime)
        {
            wait.look = None;
            self.outputs.push_back(Output::LookForDump(markers));
        }
    }
}
