//! When the BMC hears that we stand by, and that we still do: *armed*, and the keep-alive behind it.
//!
//! Part of [`Engine`], like `perform`. *Armed* is a promise to act on a fatal event. Whoever must see an event in the BMC's log to
//! believe it cannot keep that before it is known what in the log is new: a fault that comes first would look like
//! an old one. So the log is read first.

use super::Engine;
use super::output::Line;
use super::roads::Owner;
use super::seat::Seat;
use crate::bmc::evidence::Access;
use crate::bmc::failure::{Failure, Untold};
use crate::bmc::handshake::raw_request;
use crate::bmc::link::Status;
use crate::config::model::{Cluster, Handshake};
use crate::now::Now;
use crate::wire::ipmi::{Completion, Response};
use crate::words::Phase;
use core::time::Duration;

/// How long *armed* is re-sent before the link's next change is waited for.
const ARMING: Duration = Duration::from_secs(60);
/// A log that cannot be read in this time keeps the BMC from hearing *armed* no longer.
const LOG_WAIT: Duration = Duration::from_secs(10);

impl Engine {
    /// The link to our BMC came up: one that was rebooted has forgotten us. The `sel` profile is for people: it is
    /// written once.
    pub(super) fn arm_for_link(&mut self, now: Now) {
        if (!self.armed || self.handshake_forgets()) && !self.leaving && !self.is_mute() {
            self.roads.forget(Owner::Context);
            self.arm_by = Some(now.boottime + LOG_WAIT);
        }
    }

    /// Says *armed*, if it is to be said and can be meant; whether it did.
    pub(super) fn arm(&mut self, now: Now) -> bool {
        let Some(by) = self.arm_by else { return false };
        let blind = match self.access() {
            Access::Closed => {
                self.arm_by = None; // when it comes up again
                return false;
            }
            Access::Open(_) => self.is_blind(),
            Access::Never(_) => false, // nothing better will come
        };
        if blind && now.boottime < by {
            return false;
        }
        if blind {
            self.log(Line::warning(
                "the BMC's log could not be read yet; it hears all the same that we are armed, but a trap that comes now may find \
                 no evidence",
            ));
        }
        self.arm_by = None;
        self.tell(now, Owner::Context, Phase::Armed, 0, ARMING);
        true
    }

    /// Whether a trap that comes now would find no evidence. A recovery under way has its own, or waits for it with the BMC:
    /// *armed* must not come behind its words.
    fn is_blind(&self) -> bool {
        self.seats.iter().any(|seat| seat.policy.verify)
            && !self.seats.iter().any(Seat::is_busy)
            && self.witness.as_ref().is_some_and(|witness| !witness.knows_what_is_new())
    }

    /// Our BMC is armed anew only if it is another one, or is to hear another address or other words.
    pub(super) fn arm_again(&mut self, now: Now, old: &Cluster) {
        let what = |cluster: &Cluster| {
            let bmc = cluster.this_server().bmc.as_ref();
            (cluster.listen(), bmc.map(|bmc| (bmc.address, bmc.handshake.clone())))
        };
        let (before, after) = (what(old), what(&self.cluster));
        if before != after {
            if let Some((address, _)) =
                before.1.filter(|bmc| self.armed && after.1.as_ref().map(|new| new.0) != Some(bmc.0))
            {
                self.log(Line::warning(format!("the BMC at {address} still believes that we are armed")));
            }
            self.armed = false;
        }
        self.keep_alive = self.keep_alive_after(now).filter(|_| self.armed);
        let up = matches!(self.roads.status(self.cluster.this), Some(Status::Up { .. }));
        self.arm_by = (!self.armed && up && !self.is_mute() && !self.leaving).then(|| now.boottime + LOG_WAIT);
    }

    pub(super) fn context_told(&mut self, now: Now, phase: Phase) {
        self.armed = phase == Phase::Armed;
        self.keep_alive = self.keep_alive_after(now).filter(|_| self.armed);
        if !self.is_mute() {
            self.log(Line::info(format!("the BMC knows that we are {phase}")));
        }
    }

    /// When the BMC is to hear next that we live.
    pub(super) fn keep_alive_after(&self, now: Now) -> Option<Duration> {
        match &self.cluster.this_server().bmc.as_ref()?.handshake {
            Handshake::Raw { keepalive: Some((_, interval)), .. } => Some(now.boottime.saturating_add(*interval)),
            Handshake::Raw { keepalive: None, .. } | Handshake::Sel { .. } | Handshake::None => None,
        }
    }

    /// Whether the BMC can hear us and may have heard *armed*, though its answer did not come.
    pub(super) fn may_be_armed(&self) -> bool {
        !self.is_mute() && matches!(self.roads.status(self.cluster.this), Some(Status::Up { .. }))
    }

    pub(super) fn say_that_we_live(&mut self, now: Now) {
        self.keep_alive = self.keep_alive_after(now);
        let cluster = self.cluster.clone();
        if let Some(bmc) = &cluster.this_server().bmc
            && let Handshake::Raw { keepalive: Some((message, _)), .. } = &bmc.handshake
            && let Ok(request) = raw_request(message, Phase::Armed, 0, cluster.listen())
        {
            self.roads.keep_alive(now, cluster.this, request);
        }
    }

    /// The BMC has answered the keep-alive, or not. It is said when that changes, not each time.
    pub(super) fn kept_alive(&mut self, result: Result<Response, Failure>) {
        let cluster = self.cluster.clone();
        let Some(Handshake::Raw { keepalive: Some((message, _)), .. }) =
            cluster.this_server().bmc.as_ref().map(|bmc| &bmc.handshake)
        else {
            return;
        };
        let lost = match result {
            Ok(response) if message.accept.contains(&response.completion) => None,
            Ok(response) => Some(Untold::Refused(Completion(response.completion))),
            Err(failure) => Some(Untold::Unanswered(failure)),
        };
        let before = core::mem::replace(&mut self.unheard, lost.is_some());
        match lost {
            None => self.statistics.keepalives += 1,
            Some(_) => self.statistics.keepalives_lost += 1,
        }
        match (before, lost) {
            (false, Some(why)) => self.log(Line::warning(format!(
                "the BMC does not take our keep-alive, and may not wait for us: {why}; it is sent on"
            ))),
            (true, None) => self.log(Line::info("the BMC takes our keep-alive again")),
            (false, None) | (true, Some(_)) => {}
        }
    }

    pub(super) fn is_mute(&self) -> bool {
        self.cluster.observe
            || self.cluster.this_server().bmc.as_ref().is_none_or(|bmc| bmc.handshake == Handshake::None)
    }

    fn handshake_forgets(&self) -> bool {
        self.cluster.this_server().bmc.as_ref().is_some_and(|bmc| matches!(bmc.handshake, Handshake::Raw { .. }))
    }
}
