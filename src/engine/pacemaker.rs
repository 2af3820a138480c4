//! Attempts that Pacemaker carries out: runs its tools, and brings their answers to the attempt.
//!
//! Part of [`Engine`], like `work`; what is decided is decided in `recovery::pacemaker`.

use super::Engine;
use super::moves::{Move, Run};
use super::output::{Command, CommandEvent, Line, Output, Print, Stage, Urgency};
use super::seat::PATH;
use crate::config::model::{Pacemaker, Recovery, Trigger};
use crate::now::Now;
use crate::recovery::action::Event;
use crate::recovery::journal::{Hold, RecordId, Step};
use crate::recovery::pacemaker::{self, AskId, Ending, Reply, Settings};
use crate::words::{Answer, Attempt, Level, RecoveryAction};
use core::time::Duration;

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
                let argv = ["crm_resource", "--restart", "--resource", &seat.target];
                let mut argv = argv.map(str::to_owned).to_vec();
                argv[0] = format!("{}/crm_resource", pacemaker.tools);
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
        if self.seats.iter().any(|seat| seat.moving.is_some()) {
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
        self.seats.iter().filter_map(|seat| seat.moving.as_ref()?.attempt.next_deadline()).min()
    }

    /// What happened to a tool; false if the token is none of ours.
    pub(super) fn handle_run(&mut self, now: Now, token: u64, event: &CommandEvent) -> bool {
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
            None if reply == Reply::Exited(0) => {}
            None => self.log(Line::error(format!(
                "what a recovery had set in the cluster may still stand: taking it back ended as {reply:?}"
            ))),
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
            let time = self.seats[place].policy.deadline;
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
