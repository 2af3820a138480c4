//! Before the trigger: the cluster must be able to move things, a peer healthy, and the claim decided.
//!
//! Uses its neighbours; called with every answer until all are there that it takes.

use super::{At, Attempt, Ending, MISHAP_PAUSE};
use crate::now::Now;
use crate::recovery::pacemaker::claim::{Contest, Peers, Verdict};
use crate::recovery::pacemaker::cluster::{Cluster, Health, Node};
use crate::recovery::pacemaker::members::{Members, able, peers};
use crate::recovery::pacemaker::runs::{Mode, What};
use crate::recovery::pacemaker::tool::Trigger;
use crate::recovery::pacemaker::why::{Unfit, Why};
use crate::words::Level;
use core::time::Duration;
use std::collections::BTreeSet;

/// Limit: how long others may take to decide about their claims before this server steps back.
const CLAIM_PATIENCE: Duration = Duration::from_secs(5);
/// Limit: how long the cluster may be without a coordinator; an election takes about a second.
const COORDINATOR_PATIENCE: Duration = Duration::from_secs(10);
/// How old the cluster's state may be when it is decided on.
const FRESH: Duration = Duration::from_millis(50);
/// Between two readings of the claims.
const CLAIM_PAUSE: Duration = Duration::from_millis(10);
/// Before starting over: the cluster's state follows a lost node's claims by some milliseconds.
const AGAIN_PAUSE: Duration = Duration::from_millis(150);

impl Attempt {
    /// Goes on as soon as everything is there that it takes.
    pub(super) fn decide(&mut self, now: Now) {
        let (Some(claims), At::Guards | At::Waiting) = (self.claims.clone(), &self.at) else { return };
        if !self.contest.find_me(&claims) && self.contest.me().is_none() {
            if self.runs.has(What::Claims) || self.wake.is_some() {
                return;
            }
            if self.claim_is_late(now) {
                return self.finish(now, Ending::Failed(Why::OwnClaimInvisible));
            }
            return self.read_claims(now);
        }
        let (Some(cluster), Some(strategy)) = (self.cluster.clone(), self.strategy.clone()) else { return };
        // The own claim took long to appear: a peer may have turned red or died since.
        if now.boottime > self.looked.saturating_add(FRESH) {
            self.cluster = None;
            return self.runs.ask(now, What::Look, self.settings.look());
        }
        if let Err(ending) = self.guard(now, &cluster, &strategy) {
            return match ending {
                Some(ending) => self.finish(now, ending),
                None => {
                    self.cluster = None;
                    self.wake_after(now, MISHAP_PAUSE);
                }
            };
        }
        let me = self.contest.me().unwrap_or_default().to_owned();
        let (healthy, rest) = peers(&cluster, &me, self.worst());
        if self.resumed {
            return self.resume(now, &cluster, &me, &healthy, rest);
        }
        let online: BTreeSet<String> =
            cluster.nodes.iter().filter(|node| node.online).map(|node| node.name.clone()).collect();
        if healthy.is_empty() {
            let mut others =
                claims.iter().filter(|(node, claim)| **node != me && online.contains(*node) && claim.is_live());
            let ending = match others.next() {
                Some((node, _)) => Ending::Deferred(Why::PeerGoesFirst(node.clone())),
                None if self.settings.put_off => Ending::Deferred(Why::NoHealthyPeer(rest)),
                None => Ending::Failed(Why::NoHealthyPeer(rest)),
            };
            return self.finish(now, ending);
        }
        match self.contest.judge(&claims, Peers { healthy: &healthy, online: &online }) {
            Verdict::Go => self.go(now),
            Verdict::Say(claim) => {
                self.at = At::Waiting;
                self.runs
                    .remark(Level::Warning, "every healthy peer moves its services too: waiting for an order".into());
                self.claims = None;
                self.cluster = None;
                self.publish(now, What::Publish, claim.state);
                self.runs.ask(now, What::Look, self.settings.look());
            }
            Verdict::Invisible if self.claim_is_late(now) => self.finish(now, Ending::Failed(Why::OwnClaimInvisible)),
            Verdict::WaitFor(node) if self.claim_is_late(now) => {
                self.finish(now, Ending::Deferred(Why::PeerIsSilent(node)))
            }
            Verdict::Again if self.claim_is_late(now) => self.finish(now, Ending::Failed(Why::OwnClaimInvisible)),
            Verdict::Invisible => self.wake_after(now, CLAIM_PAUSE),
            Verdict::WaitFor(node) => {
                self.last = Some(Why::PeerIsSilent(node));
                self.wake_after(now, CLAIM_PAUSE);
            }
            Verdict::Again => {
                self.settings.nonce = self.settings.nonce.wrapping_add(1);
                self.contest = Contest::new(self.settings.nonce);
                self.claims = None;
                self.cluster = None;
                self.at = At::StartingOver;
                self.wake_after(now, AGAIN_PAUSE);
            }
            Verdict::StepBack(node) => self.finish(now, Ending::Deferred(Why::PeerGoesFirst(node))),
            Verdict::Replaced => {
                self.claimed = false; // what is there is not ours to take back
                self.finish(now, Ending::Failed(Why::OwnClaimReplaced));
            }
        }
    }

    pub(super) fn claim_is_late(&self, now: Now) -> bool {
        now.boottime >= self.claiming_since.saturating_add(CLAIM_PATIENCE)
    }

    /// The health that a peer may have at worst.
    pub(super) fn worst(&self) -> Health {
        match self.strategy.as_ref().and_then(Option::as_deref) {
            Some("only-green") => Health::Green,
            Some(_) | None => Health::Yellow,
        }
    }

    /// Everything but peers and claims. `Err(None)`: look again in a moment.
    pub(super) fn guard(
        &mut self,
        now: Now,
        cluster: &Cluster,
        strategy: &Option<String>,
    ) -> Result<(), Option<Ending>> {
        let failed = |why| Err(Some(Ending::Failed(why)));
        let me = self.contest.me().unwrap_or_default().to_owned();
        match able(cluster, &me) {
            Ok(()) => {}
            Err(Why::NoCoordinator) if now.boottime < self.begun.saturating_add(COORDINATOR_PATIENCE) => {
                self.obstructed(Level::Warning, Why::NoCoordinator);
                return Err(None);
            }
            // Those that went first take the quorum with them until they are back.
            Err(why @ (Why::NoCoordinator | Why::NoQuorum)) if self.settings.put_off => {
                return Err(Some(Ending::Deferred(why)));
            }
            Err(why) => return failed(why),
        }
        self.mode = match (self.settings.trigger, strategy.as_deref()) {
            (Trigger::Standby, _) => Mode::Standby,
            (Trigger::Auto | Trigger::Health, Some("migrate-on-red" | "only-green")) => Mode::Red,
            (Trigger::Health, Some("progressive" | "custom")) => Mode::Red,
            (Trigger::Health, _) => return failed(Why::StrategyIgnoresRed(strategy.clone())),
            (Trigger::Auto, _) => Mode::Standby,
        };
        // Red that the cluster ignores empties nothing, and must not spare us the contest.
        let red_moves = matches!(strategy.as_deref(), Some("migrate-on-red" | "only-green"));
        let emptied = |node: &Node| node.standby || (red_moves && node.health == Some(Health::Red));
        self.resumed = cluster.node(&me).is_some_and(emptied);
        if self.at == At::Guards {
            self.members = match Members::of(cluster, &me, self.settings.target.as_deref(), self.resumed) {
                Ok(members) => members,
                Err(why) => return failed(why),
            };
        }
        Ok(())
    }

    /// A former process of ours, an operator or another agent has begun to empty this server.
    pub(super) fn resume(
        &mut self,
        now: Now,
        cluster: &Cluster,
        me: &str,
        healthy: &BTreeSet<String>,
        rest: Vec<(String, Unfit)>,
    ) {
        if self.members.elsewhere(cluster, me).is_ok() {
            self.runs.remark(Level::Info, format!("{me} was emptied before: everything runs elsewhere"));
            self.finish(now, Ending::Done)
        } else if healthy.is_empty() {
            self.finish(now, Ending::Failed(Why::NoHealthyPeer(rest)));
        } else {
            self.runs.remark(Level::Info, format!("{me} is being emptied already: going on with it"));
            self.go(now);
        }
    }

    pub(super) fn go(&mut self, now: Now) {
        for unmanaged in core::mem::take(&mut self.members.unmanaged) {
            self.runs.remark(Level::Warning, format!("{unmanaged} is unmanaged and stays here"));
        }
        let text = match (self.mode, self.settings.trigger, self.strategy.as_ref().and_then(Option::as_deref)) {
            (Mode::Red, _, Some("progressive" | "custom")) => {
                Some("red moves services only as far as this cluster's health scores or rules say".to_owned())
            }
            (Mode::Standby, Trigger::Auto, strategy) => {
                let strategy = strategy.unwrap_or("unset");
                Some(format!("node-health-strategy is {strategy}: this server goes into standby instead of red"))
            }
            (Mode::Red | Mode::Standby, _, _) => None,
        };
        if let Some(text) = text {
            self.runs.remark(Level::Info, text);
        }
        self.last = None;
        self.at = At::Trigger;
        self.triggered = Some(now.boottime);
        self.runs.ask(now, What::Trigger, self.trigger());
    }

    /// The words that empty this server.
    pub(super) fn trigger(&self) -> Vec<String> {
        match self.mode {
            Mode::Red => self.settings.red(),
            Mode::Standby => self.settings.standby(self.contest.me().unwrap_or_default()),
        }
    }
}
