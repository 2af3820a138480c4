//! The engine's hands: performs what the machines want, and brings them what comes of it.
//!
//! Part of [`Engine`], apart from its inputs and outputs so that each can be read in one sitting.

use super::Engine;
use super::output::{Delivery, Line, Output, Progress, Stage};
use super::roads::{News, Owner};
use super::seat::Acknowledgement;
use crate::bmc::handshake::Telling;
use crate::bmc::link::{Checked, Status};
use crate::config::model::AfterEnded;
use crate::notice::Reply;
use crate::now::Now;
use crate::recovery::action::{Action, Event, Message};
use crate::recovery::journal::{Closed, Step};
use crate::recovery::machine::Actions;
use crate::wire::command::PET_ACKNOWLEDGE;
use crate::wire::{ipmi, rmcp};
use crate::words::{Phase, ServerId};
use core::net::SocketAddr;
use core::time::Duration;

impl Engine {
    /// Hands an event to a machine and performs what it wants.
    pub(super) fn handle(&mut self, now: Now, place: usize, event: Event) {
        let seat = &mut self.seats[place];
        seat.look_at_gate(now, self.maintenance);
        let actions = seat.machine.handle(now, event, &seat.policy);
        self.perform(now, place, actions);
    }

    pub(super) fn perform(&mut self, now: Now, place: usize, actions: Actions) {
        for action in actions {
            match action {
                Action::Journal(record, step) => {
                    self.step(now, record, step);
                    self.remember(now, place, record, step);
                    self.follow(now, place, record.serial(), step);
                }
                Action::Verify(record) => self.verify(now, place, record),
                Action::Tell(record, Phase::Ended(outcome)) => self.end(now, place, record.serial(), outcome),
                Action::Tell(record, phase) => {
                    self.hold_ended_back(now);
                    let owner = Owner::Seat(self.seats[place].id);
                    self.progress(now, place, Stage::Telling(phase));
                    let patience = self.seats[place].policy.tell_deadline;
                    self.tell(now, owner, phase, record.serial(), patience);
                }
                Action::Prepare(_, next) => self.prepare(now, place, next),
                Action::Recover(_, attempt) => self.recover(now, place, attempt),
                Action::Abandon(_) => self.abandon(now, place),
                Action::Finish(_, action) => self.finish(now, place, action),
                Action::Withdraw(record) => self.withdraw(now, place, Some(record)),
                Action::AfterEnded(_, action) => self.chassis(now, place, action),
                Action::Report(_, Message::DeadlineOver) => self.progress(now, place, Stage::Overrun),
                Action::Report(level, message) => {
                    if !is_told_by_a_stage(message) {
                        self.progress(now, place, Stage::Remark(level, message.to_string()));
                    }
                }
            }
        }
    }

    /// What people are told of a step that is in the journal.
    fn follow(&mut self, now: Now, place: usize, record: u64, step: Step) {
        if self.seats[place].is_about(record) {
            self.alert_step(place, step);
        }
        match step {
            Step::AwaitingReset => self.progress(now, place, Stage::AwaitingReset),
            // A record that only joined closes without a word.
            Step::Closed(reason) if self.seats[place].is_about(record) => {
                self.progress(now, place, Stage::Closed(closed(reason).into()));
                self.seats[place].matter = None;
                if let Some(witness) = &mut self.witness {
                    witness.forget(self.seats[place].id);
                }
            }
            _ => {}
        }
    }

    /// Begins to tell our BMC a phase.
    pub(super) fn tell(&mut self, now: Now, owner: Owner, phase: Phase, record: u64, patience: Duration) {
        let listen = self.cluster.listen();
        let Some(bmc) = &self.cluster.this_server().bmc else {
            return self.handle_news(now, News::Told(owner, phase));
        };
        let deadline = now.boottime.saturating_add(patience);
        let telling = Telling::new(&bmc.handshake, phase, record, listen, deadline);
        self.roads.tell(now, self.cluster.this, owner, phase, telling);
        self.send(); // before anything else is done: this is what the BMC waits for
    }

    /// A chassis command goes only to a BMC that has proven to be this server's, once for all recoveries.
    pub(super) fn chassis(&mut self, now: Now, place: usize, action: AfterEnded) {
        if !self.endings.allows_chassis(place) {
            return; // one command for all, and none when one of them failed
        }
        let (server, owner) = (self.cluster.this, Owner::Seat(self.seats[place].id));
        match self.roads.status(server) {
            Some(Status::Up { identity: Checked::Matched, .. }) => self.begin_chassis(now, server, owner, action),
            _ => {
                self.alert_chassis(action, true);
                let why = "no chassis command: the BMC has not proven to be this server's (pin its guid)";
                self.progress(now, place, Stage::Chassis(why.into()));
            }
        }
    }

    fn begin_chassis(&mut self, now: Now, server: ServerId, owner: Owner, action: AfterEnded) {
        self.alert_chassis(action, false);
        self.roads.order(now, server, owner, action);
    }

    // ---- what comes of it

    /// Carries news from the roads to whom it concerns, and datagrams to the shell, until all is quiet.
    pub(super) fn settle(&mut self, now: Now) {
        loop {
            self.send(); // what was said is said, before what has come since is weighed
            while let Some(news) = self.roads.poll_news() {
                self.handle_news(now, news);
            }
            self.end_together(now); // whoever had to be waited for may be held now, or gone
            if !(self.inquire(now) | self.arm(now) | self.look_at_fill(now) | self.disarm(now)) {
                break;
            }
        }
        self.send();
        self.write_alerts(now);
    }

    fn send(&mut self) {
        while let Some((to, bytes)) = self.roads.poll_send() {
            self.outputs.push_back(Output::Ask { to, bytes });
        }
        while let Some(order) = self.roads.poll_order() {
            self.outputs.push_back(Output::InBand(order));
        }
    }

    fn handle_news(&mut self, now: Now, news: News) {
        match news {
            News::Told(owner, phase) => {
                self.statistics.told += 1;
                self.fill_due = true;
                match (owner, phase) {
                    (Owner::Seat(_), Phase::Ended(worst)) => {
                        self.ended_news(now, worst, &Stage::Told(phase), Event::Told);
                    }
                    (Owner::Seat(_), _) => self.seat_news(now, owner, Stage::Told(phase), Event::Told(phase)),
                    (Owner::Context, _) => self.context_told(now, phase),
                    (Owner::Drill | Owner::Witness | Owner::Fill | Owner::Names, _) => {} // they ask, and say nothing
                    (Owner::Leftover(record), _) => {
                        self.log(Line::info(format!("record {record}: the BMC knows: recovery {phase}")));
                    }
                }
            }
            News::Untold(owner, phase, why) => {
                self.statistics.untold += 1;
                self.fill_due = true;
                let stage = Stage::Untold(phase, why.to_string());
                match (owner, phase) {
                    (Owner::Seat(_), Phase::Ended(worst)) => self.ended_news(now, worst, &stage, Event::Untold),
                    (Owner::Seat(_), _) => self.seat_news(now, owner, stage, Event::Untold(phase)),
                    (Owner::Drill | Owner::Fill, _) => {}
                    (Owner::Context, _) => {
                        self.log(Line::error(format!("the BMC does not know that we are {phase}: {why}")));
                    }
                    (Owner::Witness | Owner::Names, _) => {}
                    (Owner::Leftover(record), _) => {
                        self.log(Line::error(format!(
                            "record {record}: the BMC does NOT know: recovery {phase}: {why}"
                        )));
                    }
                }
            }
            News::Ordered(owner, result) => {
                let failed = result.is_err();
                let what = match result {
                    Ok(effect) => format!("chassis command sent: {effect}"),
                    Err(why) => format!("chassis command FAILED: {why}"),
                };
                if let Some(place) = self.seat_of(owner) {
                    if failed {
                        self.alert_chassis_failed();
                    }
                    self.progress(now, place, Stage::Chassis(what));
                }
            }
            News::KeptAlive(result) => self.kept_alive(result),
            News::Filled(result) => self.filled(result),
            News::DrillAsked(result) => self.drill_asked(now, result),
            News::DrillFate(fate) => self.drill_fate(fate),
            News::Heard(heard) => self.heard(now, heard),
            News::Fed(result) => self.fed(now, result),
            News::Read(result) => self.handle_read(now, result),
            News::Names(result) => self.handle_names(result),
            News::Link(server) => self.link_changed(now, server),
            News::Remark(server, remark) => {
                let text = format!("BMC of {}: {remark}", self.names[usize::from(server.0)]);
                self.log(Line { level: remark.level(), text });
            }
        }
    }

    fn seat_of(&self, owner: Owner) -> Option<usize> {
        self.seats.iter().position(|seat| owner == Owner::Seat(seat.id))
    }

    fn seat_news(&mut self, now: Now, owner: Owner, stage: Stage, event: Event) {
        if let Some(place) = self.seat_of(owner) {
            self.progress(now, place, stage);
            self.handle(now, place, event);
        }
    }

    /// A link came up or went down.
    fn link_changed(&mut self, now: Now, server: ServerId) {
        let name = self.names[usize::from(server.0)].clone();
        let Some(status) = self.roads.status(server).copied() else { return };
        match status {
            Status::Up { suite, identity, guid } => {
                let known = self.whose(server, identity);
                let how = match suite {
                    Some(suite) => format!("session open, cipher suite {}", suite.number()),
                    None => "in-band".to_owned(),
                };
                let text = format!("BMC of {name}: {how}; {known}");
                let lan = self.cluster.server(server).bmc.as_ref().and_then(|bmc| bmc.lan.as_ref());
                let first = lan.and_then(|lan| lan.suites.first());
                let weaker = first.filter(|first| suite.is_some_and(|suite| suite.number() != **first));
                self.log(match weaker {
                    Some(first) => Line::warning(format!("{text}; it did not take {first}, which is stronger")),
                    None => Line::info(text),
                });
                self.watch.hasten(now, server);
                if server == self.cluster.this {
                    self.names_are_due(now, guid, identity);
                }
                if server == self.cluster.this {
                    self.arm_for_link(now);
                }
            }
            Status::Down { why: Some(why), .. } => self.log(Line::warning(format!("BMC of {name}: {why}"))),
            Status::WrongIdentity { found } => {
                let line = self.wrong_identity(server, found);
                self.log(line);
            }
            Status::Down { why: None, .. } | Status::Opening => {}
        }
    }

    // ---- acknowledging, and telling people

    /// The datagrams that acknowledge a trap.
    pub(super) fn acknowledgements(&self, from: SocketAddr, reply: Reply) -> Vec<Acknowledgement> {
        let mut all = Vec::new();
        if let Some(bytes) = reply.inform {
            all.push(Acknowledgement { to: from, bytes });
        }
        if let Some(data) = reply.pet {
            let request = ipmi::Request::new(PET_ACKNOWLEDGE, data);
            let message = ipmi::Message::request(0, &request).emit();
            if let Ok(bytes) = rmcp::emit_sessionless(&message) {
                // BMCs send from the port where they listen, or from any: then both are tried.
                let listens = SocketAddr::new(from.ip(), RMCP_PORT);
                if from != listens {
                    all.push(Acknowledgement { to: listens, bytes: bytes.clone() });
                }
                all.push(Acknowledgement { to: from, bytes });
            }
        }
        all
    }

    pub(super) fn acknowledge(&mut self, all: Vec<Acknowledgement>) {
        if !all.is_empty() {
            self.statistics.acknowledged += 1;
        }
        self.outputs.extend(all.into_iter().map(|one| Output::Reply { to: one.to, bytes: one.bytes }));
    }

    pub(super) fn log(&mut self, line: Line) {
        self.outputs.push_back(Output::Deliver(Delivery::Log(line)));
    }

    pub(super) fn progress(&mut self, now: Now, place: usize, stage: Stage) {
        self.alert_stage(place, &stage);
        let seat = &self.seats[place];
        let progress = Progress {
            record: seat.matter.as_ref().map_or(0, |matter| matter.record),
            monitor: seat.name.clone(),
            at: now,
            after: seat.began().map_or(Duration::ZERO, |began| now.boottime.saturating_sub(began.boottime)),
            stage,
        };
        self.outputs.push_back(Output::Deliver(Delivery::Progress(progress)));
    }
}

/// Where a BMC listens for acknowledgements, whatever port it sent from.
const RMCP_PORT: u16 = 623;

/// Whether a stage has said the same already.
fn is_told_by_a_stage(message: Message) -> bool {
    matches!(message, Message::Volatile | Message::Recovering | Message::Done | Message::Failed | Message::Joined)
}

fn closed(reason: Closed) -> &'static str {
    match reason {
        Closed::Done => "the recovery was done",
        Closed::Failed => "the recovery failed",
        Closed::Unknown => "nobody knows how the recovery ended",
        Closed::Cleared => "the fault went away",
        Closed::InterruptedByReset => "interrupted by reset: the host has booted since",
        Closed::Superseded => "another record's recovery covers it",
        Closed::Operator => "the operator said so",
    }
}
