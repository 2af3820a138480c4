//! After the trigger: watching the cluster until everything runs elsewhere.
//!
//! Uses its neighbours. It has no end of its own but *done*: the deadline is the recovery's.

use super::{At, Attempt, Ending, unexpected};
use crate::now::Now;
use crate::recovery::pacemaker::claim::State;
use crate::recovery::pacemaker::cluster::{Cluster, Health};
use crate::recovery::pacemaker::members::able;
use crate::recovery::pacemaker::runs::{Mode, What};
use crate::recovery::pacemaker::tool::{Meaning, Reply};
use crate::recovery::pacemaker::why::{NotYet, Why};
use crate::words::Level;
use core::time::Duration;

/// No look before: each one takes processor time from the cluster that is moving things, and no move
/// is over sooner.
const FIRST_LOOK: Duration = Duration::from_millis(80);
/// Between two looks: as long as the last one took, at least so long. A look takes processor time
/// from the move itself.
const BRISK: Duration = Duration::from_millis(3);
/// Limit: how long it goes on briskly; then it is `UNHURRIED`.
const BRISK_FOR: Duration = Duration::from_secs(5);
const UNHURRIED: Duration = Duration::from_millis(250);
/// While the claim is marked as gone, and everything else is done.
const GONE_PAUSE: Duration = Duration::from_millis(5);

impl Attempt {
    pub(super) fn triggered(&mut self, now: Now, reply: &Reply, meaning: Meaning) {
        let again = core::mem::take(&mut self.unsure);
        match (meaning, reply) {
            (Meaning::Fine, _) => {}
            // It may have worked all the same; the cluster will show it, or it is run again.
            (Meaning::Bad(why), Reply::Killed | Reply::Lost) => {
                self.unsure = true;
                self.obstructed(Level::Warning, why);
            }
            // So may an earlier run of it.
            (Meaning::Bad(why), Reply::Exited(_) | Reply::NotStarted(_)) if again => {
                self.unsure = true;
                self.obstructed(Level::Warning, why);
            }
            (Meaning::Bad(why), Reply::Exited(_) | Reply::NotStarted(_)) => {
                self.triggered = None;
                return self.finish(now, Ending::Failed(why));
            }
            (Meaning::NotSet, _) => {
                self.triggered = None;
                return self.finish(now, Ending::Failed(unexpected(reply)));
            }
        }
        self.at = At::Proof;
        self.wake_after(now, FIRST_LOOK);
        // Others wait for it. Where nobody did claim, it need not compete with the move's first steps.
        if !self.contest.is_alone() {
            self.say_gone(now);
        }
    }

    fn say_gone(&mut self, now: Now) {
        if !core::mem::replace(&mut self.said_gone, true) {
            self.publish(now, What::Gone, State::Gone);
        }
    }

    /// The next look.
    pub(super) fn look_again(&mut self, now: Now) {
        self.look_asked = now.boottime;
        self.runs.ask(now, What::Look, self.settings.look());
        self.say_gone(now);
    }

    pub(super) fn prove(&mut self, now: Now, cluster: &Cluster) {
        let me = self.contest.me().unwrap_or_default().to_owned();
        let emptied = cluster.node(&me).is_some_and(|node| match self.mode {
            Mode::Red => node.health.is_none_or(|health| health == Health::Red),
            Mode::Standby => node.standby,
        });
        if self.settings.target.is_none() {
            self.members.join(cluster, &me);
        }
        if !emptied && self.unsure {
            self.at = At::Trigger;
            return self.runs.ask(now, What::Trigger, self.trigger());
        }
        let judged = able(cluster, &me).and_then(|()| {
            self.members.elsewhere(cluster, &me).map_err(Why::NotYet)?;
            if emptied { Ok(()) } else { Err(Why::NotYet(NotYet::Unseen)) }
        });
        match judged {
            Ok(()) if self.runs.has(What::Gone) => self.wake_after(now, GONE_PAUSE),
            Ok(()) => self.at = At::Ended(Ending::Done),
            Err(why) => {
                match &why {
                    Why::NotYet(NotYet::Blocked(_)) if cluster.fencing => {
                        self.obstructed(Level::Warning, why);
                    }
                    Why::NotYet(NotYet::Blocked(_) | NotYet::Failed { .. } | NotYet::Gone(_)) => {
                        self.obstructed(Level::Error, why);
                    }
                    Why::NotYet(_) => self.last = Some(why),
                    _ => self.obstructed(Level::Warning, why),
                }
                let brisk = now.boottime < self.triggered.unwrap_or_default().saturating_add(BRISK_FOR);
                let pause = if brisk { BRISK } else { UNHURRIED };
                self.wake_after(now, pause);
            }
        }
    }
}
