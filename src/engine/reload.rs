//! Takes over another configuration without losing what is known: journal, statistics, what was seen, open
//! records, and every road to a BMC that has not changed.
//!
//! Part of [`Engine`], like `perform`. Its input is a new setup, at a moment when nothing is cut in two.

use super::output::Line;
use super::roads::Owner;
use super::seat::Seat;
use super::{Engine, Setup, watch, witness};
use crate::config::model::Cluster;
use crate::crypto::Random;
use crate::notice::Notice;
use crate::now::Now;
use crate::recovery::journal::{Closed, Hold, Step};
use crate::words::{Outcome, Phase};
use alloc::sync::Arc;

impl Engine {
    /// Why a reload has to wait, in words: a recovery is between its record and its end, or the BMC is being
    /// told or commanded something on its behalf.
    pub fn reload_waits_for(&self) -> Option<String> {
        let busy = self.seats.iter().enumerate().find(|(place, seat)| seat.is_at_work() || self.endings.holds(*place));
        if let Some((_, seat)) = busy {
            let record = seat.matter.as_ref().map_or(0, |matter| matter.record);
            return Some(format!("the recovery of monitor {} (record {record})", seat.name));
        }
        if !self.endings.told.is_empty() || self.roads.talks_for_records() {
            return Some("the BMC to hear of a recovery".into());
        }
        // A tool's answer finds its recovery by its place.
        if self.seats.iter().any(|seat| seat.moving.is_some()) || self.runs.iter().any(|run| run.ask.is_some()) {
            return Some("the cluster's tools".into());
        }
        (!self.awaited.is_empty()).then(|| "the journal".into())
    }

    /// Takes over `setup`, whose journal, boot and maintenance are ignored: ours go on. To be called only when
    /// [`Engine::reload_waits_for`] says nothing.
    pub fn reload(&mut self, now: Now, setup: Setup) {
        let Setup {
            cluster,
            logins,
            users,
            identity,
            boot: _,
            replay: _,
            seed,
            troubles,
            maintenance: _,
            watchdog_owner,
        } = setup;
        let logins = super::watching::shared_out(&cluster, logins);
        let mut random = Random::from_seed(seed);
        let old = self.cluster.clone();

        // While the old names still hold: what no longer is a road is closed, and its last news are taken.
        self.roads.forget(Owner::Context);
        self.roads.forget(Owner::Fill);
        self.drill_breaks_off(now, "another configuration was taken over");
        self.roads.part(now, &old, &cluster, &logins, &identity);
        self.settle(now);
        self.roads.meet(now, &old, &cluster, logins, identity, &mut random);

        self.names = cluster.servers.iter().map(|server| server.name.as_str().into()).collect();
        self.reception.reload(&cluster);
        self.cluster = cluster;
        self.reread_version3(now, users, &mut random);
        self.filter_anew(now);
        self.watch_anew(now, &old, watchdog_owner.as_deref(), &mut random);
        self.reseat(now);
        self.call_the_witness(now, &old);
        self.arm_again(now, &old);

        troubles.into_iter().for_each(|trouble| self.log(Line::warning(trouble)));
        self.log(Line::info("the configuration was reloaded"));
        self.settle(now);
    }

    /// A monitor keeps its place by its name; the records of one that is gone are closed.
    fn reseat(&mut self, now: Now) {
        let mut former = core::mem::replace(&mut self.seats, Seat::all(&self.cluster));
        for seat in &mut self.seats {
            let Some(place) = former.iter().position(|old| old.name == seat.name) else { continue };
            let old = former.swap_remove(place);
            seat.machine = old.machine;
            seat.history = old.history;
            seat.proven = old.proven;
            (seat.has_set, seat.node) = (old.has_set, old.node);
            seat.matter = old.matter.map(|mut matter| {
                if matter.notice.server != self.cluster.this {
                    matter.notice = Arc::new(Notice { server: self.cluster.this, ..(*matter.notice).clone() });
                }
                matter
            });
        }
        for gone in former {
            if gone.has_set {
                self.log(Line::warning(format!(
                    "monitor {} is not configured any more; what its recovery has set in the cluster stays until you \
                     take it back",
                    gone.name
                )));
            }
            let Some(record) = gone.machine.record() else { continue };
            let ended = self.journal.record(record).and_then(|record| {
                record.find(|step| match step {
                    Step::EndedTold(outcome) | Step::EndedGivenUp(outcome) => Some(Closed::from(outcome)),
                    _ => None,
                })
            });
            self.log(Line::warning(format!(
                "record {} of monitor {}, which is not configured any more, is closed",
                record.serial(),
                gone.name
            )));
            // Held after it had begun: the BMC has heard *started*, and waits.
            let begun = gone.machine.held().is_some_and(Hold::has_begun);
            if begun {
                self.step(now, record, Step::Ending(Outcome::Failed));
                let owner = Owner::Leftover(record.serial());
                self.tell(now, owner, Phase::Ended(Outcome::Failed), record.serial(), gone.policy.tell_deadline);
            }
            let reason = if begun { Closed::Failed } else { ended.unwrap_or(Closed::Operator) };
            self.step(now, record, Step::Closed(reason));
        }
    }

    /// Where we are in the log of a BMC that has not moved stays known; those who wait for a record ask again, for
    /// monitors have other numbers now.
    fn call_the_witness(&mut self, now: Now, old: &Cluster) {
        let address = |cluster: &Cluster| cluster.this_server().bmc.as_ref().map(|bmc| bmc.address);
        let new = witness::of(&self.cluster, self.journal.boot(), None);
        match (&mut self.witness, &self.cluster.this_server().bmc) {
            (Some(witness), Some(bmc)) if new.is_some() && address(old) == Some(bmc.address) => {
                witness.change(witness::settings(bmc));
            }
            (_, _) => {
                self.roads.forget(Owner::Witness);
                self.witness = new;
                self.sensors = watch::Names::default(); // another BMC's
            }
        }
        self.ask_for_the_held(now);
    }
}
