//! Attempts that Pacemaker carries out: runs its tools, and brings their answers to the attempt.
//!
//! Part of [`Engine`], like `work`; what is decided is decided in `recovery::pacemaker`.

use super::Engine;
use super::moves::{LEFTOVER_TRIES, Leftover, Move, Run};
use super::output::{Command, CommandEvent, Line, Output, Print, Stage, Urgency};
use super::seat::PATH;
use crate::config::model::{Pacemaker, Recovery, Trigger};
use crate::now::Now;
use crate::recovery::action::Event;
use crate::recovery::journal::{Hold, Reconcile, Record, RecordId, Step};
use crate::recovery::pacemaker::{self, AskId, Ending, Reply, Settings};
use crate::recovery::policy::RETRY;
use crate::words::{Answer, Attempt, Level, Outcome, RecoveryAction};
use core::time::Duration;

/// How long a tool may take that takes something back: a new attempt waits for it.
const WITHDRAW_TIME: Duration = Duration::from_secs(10);
/// The tools' messages are read by people and, in part, by us.
const LANGUAGE: &str = "LC_ALL=C";

impl Engine {
    /// An attempt of a monitor whose recovery is Pacemaker's.
    pub(super) fn recover_by_pacemaker(&mut self, now: Now, place: usize, attempt: Attempt, token: u64) {
        self.drop_move(place);
        let seat = &mut self.seats[place];
        let Recovery::Pacemaker(pacemaker) = &seat.recovery else { return };
        match attempt.action {
            RecoveryAction::Failover | RecoveryAction::StopService => seat.move_waits = true,
            RecoveryAction::Restart => {
                let program = format!("{}/crm_resource", pacemaker.tools);
                // Killed in the middle it would leave the target stopped for good; giving up by itself it does not.
                let patience = format!("{}s", (seat.policy.deadline.as_secs() * 3 / 4).max(1));
                let argv = [&program, "--restart", "--resource", &*seat.target, "--timeout", &patience];
                let argv = argv.map(str::to_owned).to_vec();
                if let Some(matter) = &mut seat.matter {
                    matter.commanded = true;
                }
                let time = seat.policy.deadline;
                self.outputs.push_back(Output::Run(tool(token, argv, Print::Log, time)));
            }
        }
        self.begin_move(now);
    }

    /// One move at a time: a node has one claim. Who comes second finds the node emptied, and proves its own.
    fn begin_move(&mut self, now: Now) {
        // What is being taken back must be gone before it is set anew.
        let withdrawing = self.runs.iter().any(|run| run.ask.is_none());
        if withdrawing || self.seats.iter().any(|seat| seat.moving.is_some()) {
            return;
        }
        let Some(place) = self.seats.iter().position(|seat| seat.move_waits) else { return };
        let nonce = u64::from(self.random.u32()) << 32 | u64::from(self.random.u32());
        let put_off = self.was_put_off(place);
        let seat = &mut self.seats[place];
        seat.move_waits = false;
        let Recovery::Pacemaker(pacemaker) = &seat.recovery else { return };
        let settings = Settings { put_off, ..settings(pacemaker, &seat.target, nonce) };
        let attempt = pacemaker::Attempt::new(now, settings);
        seat.moving = Some(Box::new(Move { attempt, abandoned: false }));
        // The new claim takes its place.
        if let Some(Leftover { token: Some(token), .. }) = self.leftover.take() {
            self.outputs.push_back(Output::Signal { token, urgency: Urgency::Kill });
        }
        self.pump_move(now, place);
    }

    /// Whether another server went first, earlier in this recovery; a former process may have seen it.
    fn was_put_off(&self, place: usize) -> bool {
        let record = self.seats[place].machine.record().and_then(|record| self.journal.record(record));
        let held = |step| (step == Step::Held(Hold::PeerRecovers)).then_some(());
        record.is_some_and(|record| record.find(held).is_some())
    }

    /// Brings an attempt as far as it goes by itself.
    fn pump_move(&mut self, now: Now, place: usize) {
        while let Some(moving) = &mut self.seats[place].moving {
            let abandoned = moving.abandoned;
            if let Some(remark) = moving.attempt.poll_remark() {
                self.progress(now, place, Stage::Remark(remark.level, remark.text));
                continue;
            }
            match moving.attempt.poll() {
                Some(pacemaker::Output::Run(ask)) => {
                    let token = self.token();
                    self.runs.push(Run { token, ask: Some((place, ask.id)), kept: Vec::new() });
                    let time = self.seats[place].policy.deadline;
                    self.outputs.push_back(Output::Run(tool(token, ask.argv, Print::Keep, time)));
                    continue;
                }
                Some(pacemaker::Output::Kill(id)) => {
                    self.kill_runs(|ask| ask == (place, id));
                    continue;
                }
                None => {}
            }
            let Some(ending) = moving.attempt.ending().cloned() else { return };
            self.leftover = moving.attempt.leftover().map(|argv| Leftover::new(now, argv));
            self.learn(place);
            self.seats[place].moving = None;
            if !abandoned {
                self.move_is_over(now, place, ending);
            }
            self.begin_move(now);
        }
    }

    fn move_is_over(&mut self, now: Now, place: usize, ending: Ending) {
        let Some(token) = self.seats[place].matter.as_ref().and_then(|matter| matter.token) else { return };
        let _ = match ending {
            Ending::Done => self.answer(now, token, Answer::Done),
            Ending::Failed(why) => {
                self.progress(now, place, Stage::Remark(Level::Error, why.to_string()));
                self.answer(now, token, Answer::Failed)
            }
            Ending::Deferred(why) => {
                self.progress(now, place, Stage::Remark(Level::Warning, why.to_string()));
                if let Some(matter) = &mut self.seats[place].matter {
                    matter.token = None;
                }
                self.handle(now, place, Event::Deferred);
                Ok(())
            }
        };
    }

    /// What an attempt has learnt outlives it.
    fn learn(&mut self, place: usize) {
        let seat = &mut self.seats[place];
        if let Some(moving) = &seat.moving {
            seat.has_set |= moving.attempt.has_triggered();
            if let Some(node) = moving.attempt.node() {
                seat.node = Some(node.to_owned());
            }
        }
    }

    /// The machine goes on without the attempt: its time is over, or the operator broke it off.
    pub(super) fn abandon_move(&mut self, now: Now, place: usize) {
        self.seats[place].move_waits = false;
        let Some(moving) = &mut self.seats[place].moving else { return };
        let why = moving.attempt.obstacle();
        moving.abandoned = true;
        moving.attempt.abandon(now);
        self.progress(now, place, Stage::Remark(Level::Error, why.to_string()));
        self.pump_move(now, place);
    }

    fn drop_move(&mut self, place: usize) {
        self.learn(place);
        self.seats[place].move_waits = false;
        if self.seats[place].moving.take().is_some() {
            self.kill_runs(|(of, _)| of == place);
        }
    }

    fn kill_runs(&mut self, which: impl Fn((usize, AskId)) -> bool) {
        for run in self.runs.extract_if(.., |run| run.ask.is_some_and(&which)) {
            self.outputs.push_back(Output::Signal { token: run.token, urgency: Urgency::Kill });
        }
    }

    pub(super) fn moves_time_out(&mut self, now: Now) {
        self.take_claim_back(now);
        for place in 0..self.seats.len() {
            if let Some(moving) = &mut self.seats[place].moving
                && moving.attempt.next_deadline().is_some_and(|at| at <= now.boottime)
            {
                moving.attempt.handle_timeout(now);
                self.pump_move(now, place);
            }
        }
    }

    pub(super) fn move_deadline(&self) -> Option<Duration> {
        let leftover = self.leftover.as_ref().filter(|leftover| leftover.token.is_none()).map(|leftover| leftover.at);
        self.seats.iter().filter_map(|seat| seat.moving.as_ref()?.attempt.next_deadline()).chain(leftover).min()
    }

    /// A former process may have died with a claim that nobody takes back if no attempt follows.
    pub(super) fn forget_claim(&mut self, now: Now, place: usize, record: &Record, how: Reconcile) {
        let seat = &self.seats[place];
        let over = match how {
            Reconcile::TellEnded(outcome) | Reconcile::Await { outcome, .. } => outcome != Outcome::Done,
            Reconcile::StayHeld(why) => why == Hold::Failed,
            Reconcile::Resume | Reconcile::Rerun { .. } | Reconcile::GoOn { .. } | Reconcile::Close(_) => false,
        };
        if let (Recovery::Pacemaker(pacemaker), true) = (&seat.recovery, over && record.runs() > 0) {
            let argv = pacemaker::forget_claim(&settings(pacemaker, &seat.target, 0));
            self.leftover = Some(Leftover { at: now.boottime, ..Leftover::new(now, &argv) });
        }
    }

    /// Tries again to take a claim back that stands for nothing.
    fn take_claim_back(&mut self, now: Now) {
        if self.seats.iter().any(|seat| seat.moving.is_some()) {
            self.leftover = None; // the claim is another attempt's
        }
        let due = |leftover: &&mut Leftover| leftover.token.is_none() && leftover.at <= now.boottime;
        let Some(argv) = self.leftover.as_mut().filter(due).map(|leftover| leftover.argv.clone()) else { return };
        let token = self.token();
        if let Some(leftover) = &mut self.leftover {
            leftover.token = Some(token);
        }
        self.outputs.push_back(Output::Run(tool(token, argv, Print::Keep, RETRY)));
    }

    /// What came of it; false if the token is another's.
    fn claim_taken_back(&mut self, now: Now, token: u64, event: &CommandEvent) -> bool {
        let Some(leftover) = self.leftover.as_mut().filter(|leftover| leftover.token == Some(token)) else {
            return false;
        };
        match event {
            CommandEvent::Printed(_) | CommandEvent::Kept(_) => {}
            CommandEvent::Exited(0) => self.leftover = None,
            CommandEvent::Exited(_)
            | CommandEvent::Killed(_)
            | CommandEvent::Lost
            | CommandEvent::Overflowed
            | CommandEvent::NotStarted(_) => {
                (leftover.token, leftover.tries) = (None, leftover.tries + 1);
                leftover.at = now.boottime.saturating_add(RETRY);
                if leftover.tries >= LEFTOVER_TRIES {
                    let argv = leftover.argv.join(" ");
                    self.leftover = None;
                    self.log(Line::error(format!("this server's claim stands, and others wait for it; run: {argv}")));
                }
            }
        }
        true
    }

    /// What happened to a tool; false if the token is none of ours.
    pub(super) fn handle_run(&mut self, now: Now, token: u64, event: &CommandEvent) -> bool {
        if self.claim_taken_back(now, token, event) {
            return true;
        }
        let Some(at) = self.runs.iter().position(|run| run.token == token) else { return false };
        let reply = match event {
            CommandEvent::Printed(line) => {
                self.log(Line::info(format!("cluster tool: {line}")));
                return true;
            }
            CommandEvent::Kept(octets) => {
                self.runs[at].kept.clone_from(octets);
                return true;
            }
            CommandEvent::Exited(status) => Reply::Exited(*status),
            CommandEvent::Killed(_) => Reply::Killed,
            CommandEvent::Lost | CommandEvent::Overflowed => Reply::Lost,
            CommandEvent::NotStarted(why) => Reply::NotStarted(why.clone()),
        };
        let run = self.runs.swap_remove(at);
        match run.ask {
            Some((place, id)) => {
                if let Some(moving) = &mut self.seats[place].moving {
                    moving.attempt.handle_answer(now, id, &reply, &run.kept);
                }
                self.pump_move(now, place);
            }
            None => {
                if reply != Reply::Exited(0) {
                    self.log(Line::error(format!(
                        "what a recovery had set in the cluster may still stand: taking it back ended as {reply:?}"
                    )));
                }
                self.begin_move(now);
            }
        }
        true
    }

    /// Takes back what recoveries of this seat have set in the cluster.
    pub(super) fn withdraw(&mut self, now: Now, place: usize, record: Option<RecordId>) {
        let seat = &mut self.seats[place];
        let Recovery::Pacemaker(pacemaker) = &seat.recovery else { return };
        if !core::mem::take(&mut seat.has_set) {
            return;
        }
        self.leftover = None; // the claim goes with the rest
        let node = seat.node.clone().unwrap_or_else(|| seat.server.to_string());
        let commands = pacemaker::withdraw(&settings(pacemaker, &seat.target, 0), Some(&node));
        if let Some(record) = record {
            self.step(now, record, Step::Withdrawn);
        }
        self.progress(
            now,
            place,
            Stage::Remark(Level::Warning, "what the recovery has set in the cluster is taken back".into()),
        );
        for argv in commands {
            let token = self.token();
            self.runs.push(Run { token, ask: None, kept: Vec::new() });
            let time = self.seats[place].policy.deadline.min(WITHDRAW_TIME);
            self.outputs.push_back(Output::Run(tool(token, argv, Print::Keep, time)));
        }
    }
}

fn settings(pacemaker: &Pacemaker, target: &str, nonce: u64) -> Settings {
    Settings {
        target: Some(target.to_owned()).filter(|target| !target.is_empty()),
        trigger: match pacemaker.trigger {
            Trigger::Auto => pacemaker::Trigger::Auto,
            Trigger::Health => pacemaker::Trigger::Health,
            Trigger::Standby => pacemaker::Trigger::Standby,
        },
        health: pacemaker.attribute.clone(),
        tools: pacemaker.tools.clone(),
        nonce,
        put_off: false,
    }
}

/// Tools of one attempt run beside each other.
fn tool(token: u64, argv: Vec<String>, print: Print, time: Duration) -> Command {
    Command { token, argv, env: vec![PATH.to_owned(), LANGUAGE.to_owned()], print, time, alone: None }
}
