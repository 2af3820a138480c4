//! The engine's side of the heartbeat: carries the watch's questions to the roads and their answers back, feeds our own
//! pulse, and tells people what has changed.
//!
//! Part of [`Engine`], like `perform`. The answers are BMCs', hostile.

use super::Engine;
use super::output::{Delivery, Line, Output, PeerStatus};
use super::roads::Heard;
use super::successors::Successors;
use super::watching::{feeder, watch, ways};
use crate::bmc::failure::Failure;
use crate::config::model::{Cluster, OwnPulse, Server, Vouch};
use crate::crypto::Random;
use crate::heartbeat::feeder::Note;
use crate::heartbeat::watch::Way;
use crate::heartbeat::{Answer, Feeder, Peer, Weighed, take_over};
use crate::now::Now;
use crate::wire::ipmi::Response;
use crate::words::{Level, ServerId};
use alloc::collections::BTreeMap;
use core::time::Duration;

/// Woken so much later than asked for, we, or the host, have slept: silence meanwhile is nobody's.
const SLEPT: Duration = Duration::from_secs(2);

impl Engine {
    /// Somebody else feeds this server's watchdog, or may any moment.
    pub(super) fn watchdog_is_owned(&mut self, owner: Option<&str>) {
        let Some(owner) = owner.filter(|_| self.cluster.heartbeat.enabled && !self.cluster.observe) else { return };
        let server = &self.cluster.this_server().name;
        let text = format!("BMC of {server}: its watchdog belongs to {owner}, whose feeding is the pulse");
        self.log(Line::info(text));
    }

    /// Asks what is due, and feeds the pulse.
    pub(super) fn beat(&mut self, now: Now) {
        if self.cluster.heartbeat.enabled && !self.leaving {
            while let Some(ask) = self.watch.poll(now) {
                self.statistics.probes += 1;
                self.roads.ask(now, ask.server, ask.question);
            }
        }
        self.feed(now);
    }

    fn feed(&mut self, now: Now) {
        let request = self.feeder.as_mut().and_then(|feeder| feeder.poll(now));
        if let Some(request) = request {
            self.roads.feed(now, self.cluster.this, request);
        }
        self.note_pulse();
    }

    /// When `beat` has something to do.
    pub(super) fn beat_deadline(&self) -> Option<Duration> {
        let watch = self.watch.next_deadline().filter(|_| self.cluster.heartbeat.enabled && !self.leaving);
        let feeder = self.feeder.as_ref().and_then(Feeder::next_deadline);
        [watch, feeder].into_iter().flatten().min()
    }

    /// The first thing of an input that may ask or hear a BMC. Woken too late, nobody could be heard: counted from when
    /// somebody was to be asked, or from the last input, whichever was later.
    pub(super) fn look_at_sleep(&mut self, now: Now) {
        let before = core::mem::replace(&mut self.awake, now.boottime);
        if now.boottime.saturating_sub(before) <= SLEPT {
            return;
        }
        let due = [self.beat_deadline(), self.roads.next_deadline()].into_iter().flatten().min();
        let late = due.map_or(Duration::ZERO, |at| now.boottime.saturating_sub(at.max(before)));
        if late <= SLEPT {
            return;
        }
        self.watch.slept(late);
        self.roads.slept(late);
        self.statistics.sleeps += 1;
        let seconds = late.as_secs_f64();
        self.log(Line::warning(format!("this process, or its host, stood still for {seconds:.1} s")));
    }

    /// What came of a question.
    pub(super) fn heard(&mut self, now: Now, heard: Heard) {
        let Heard { server, question, result, proven } = heard;
        if self.leaving {
            return;
        }
        let answer = Answer::of(question, result, proven);
        if let Some(weighed) = self.watch.answered(now, server, question, answer) {
            self.weighed(now, server, weighed);
        }
        self.beat(now); // a round's second question
    }

    fn weighed(&mut self, now: Now, server: ServerId, weighed: Weighed) {
        self.statistics.probes_missed += u64::from(weighed.missed);
        self.statistics.pulses_absurd += u64::from(weighed.absurd);
        if !weighed.change.verdict && !weighed.change.restarted {
            return;
        }
        let Some(status) = self.watch.peer(server).map(|peer| self.status(server, peer)) else { return };
        if weighed.change.restarted {
            let text = format!("heartbeat: {} has restarted; seen {} times", status.server, status.restarts);
            self.log(Line { level: Level::Info, text });
        }
        if weighed.change.verdict {
            self.alert_peer(&status);
            self.publish_verdict(now, &status);
        }
        self.outputs.push_back(Output::Deliver(Delivery::Peer(status)));
    }

    /// The BMC has answered the feeder, or not.
    pub(super) fn fed(&mut self, now: Now, result: Result<Response, Failure>) {
        if let Some(feeder) = &mut self.feeder {
            feeder.handle_answer(now, result);
        }
        self.feed(now);
    }

    /// Says what has become of our pulse, when that changes.
    fn note_pulse(&mut self) {
        let said = self.feeder.as_ref().and_then(Feeder::said);
        if said == self.pulse_said {
            return;
        }
        self.pulse_said = said;
        let Some(note) = said else { return };
        let text = format!("BMC of {}: {note}", self.cluster.this_server().name);
        self.log(Line { level: if note.is_trouble() { Level::Warning } else { Level::Info }, text });
        if matches!(note, Note::Refused(_) | Note::Malformed | Note::DoesNotCount) {
            self.alert_no_pulse(note);
        }
    }

    /// The application lives. False: nobody asks it to vouch.
    pub fn vouch(&mut self, now: Now) -> bool {
        self.look_at_sleep(now);
        let asked = matches!(self.cluster.heartbeat.pulse, Some(OwnPulse { vouch: Vouch::Application(_), .. }));
        if let Some(feeder) = &mut self.feeder {
            feeder.vouch(now);
        }
        self.beat(now);
        self.settle(now);
        asked
    }

    /// What became of our own pulse; none: it is not fed, or nothing is known yet.
    pub fn pulse(&self) -> Option<Note> {
        self.pulse_said
    }

    /// What the heartbeat says of every server that has a BMC, in the configuration's order.
    pub fn peers(&self, out: &mut Vec<PeerStatus>) {
        out.clear();
        out.extend(self.watch.peers().map(|(server, peer)| self.status(server, peer)));
    }

    /// Of one about which something was learnt since this was asked last.
    pub fn take_touched(&mut self) -> Option<PeerStatus> {
        let server = self.watch.take_touched()?;
        self.watch.peer(server).map(|peer| self.status(server, peer))
    }

    fn status(&self, server: ServerId, peer: &Peer) -> PeerStatus {
        PeerStatus {
            id: server,
            server: self.names[usize::from(server.0)].clone(),
            own: server == self.cluster.this,
            verdict: peer.verdict(),
            since: peer.since(),
            heard: peer.heard(),
            power: peer.power().map(|power| power.on),
            pulse: peer.pulse(),
            round_trip: peer.round_trip(),
            misses: peer.misses(),
            restarts: peer.restarts(),
            current_for: take_over::current(self.cluster.heartbeat.interval),
        }
    }

    /// Under way to a reload: what is known of a BMC that has not moved stays known.
    pub(super) fn watch_anew(&mut self, now: Now, old: &Cluster, owner: Option<&str>, random: &mut Random) {
        let cluster = self.cluster.clone();
        let successors: BTreeMap<ServerId, ServerId> = Successors::new(old, &cluster).iter().collect();
        // By its name, where its BMC is the same one.
        let bmc = |server: &Server| server.bmc.as_ref().map(|bmc| (bmc.address, bmc.guid, bmc.by_address));
        let former = |id: ServerId| {
            let before = *successors.get(&id)?;
            (bmc(old.server(before)) == bmc(cluster.server(id))).then_some(before)
        };
        let ways = (ways(old), ways(&cluster));
        let stays = |(id, _): &(ServerId, Way)| former(*id) == Some(*id);
        let still = old.heartbeat == cluster.heartbeat && ways.0 == ways.1 && ways.1.iter().all(stays);
        if !still {
            let fresh = watch(now, &cluster, random.split());
            let watch = core::mem::replace(&mut self.watch, fresh);
            self.watch.inherit(watch, former);
        }
        let of = |cluster: &Cluster| {
            (cluster.heartbeat.clone(), cluster.observe, cluster.this_server().bmc.as_ref().map(|bmc| bmc.address))
        };
        if of(old) != of(&cluster) {
            self.feeder = feeder(now, &cluster, self.journal.boot(), owner.is_some(), random.split());
            self.pulse_said = None;
            self.watchdog_is_owned(owner);
        }
    }
}
