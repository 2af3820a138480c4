//! The recovery's own work: attempts, the script before them, the final action.
//!
//! Part of [`Engine`], like `perform`: what the machine wants run, and what comes of commands.

use super::output::{COMMAND_GRACE, Command, CommandEvent, Delivery, Line, Output, Stage, Urgency};
use super::seat::{Errand, Matter, Seat};
use super::{Engine, Grace};
use crate::config::model::{FinalAction, Recovery};
use crate::now::Now;
use crate::recovery::action::Event;
use crate::recovery::journal::{RecordId, Step};
use crate::recovery::plan::Next;
use crate::words::{Answer, Attempt, Level};
use core::time::Duration;

impl Engine {
    /// What the gate must know of a step.
    pub(super) fn remember(&mut self, now: Now, place: usize, record: RecordId, step: Step) {
        let seat = &mut self.seats[place];
        match step {
            Step::Begun { .. } => {
                self.statistics.recoveries += 1;
                seat.history.begun(now, Duration::ZERO, &seat.policy.limits);
            }
            Step::Closed(_) if self.journal.record(record).is_some_and(|record| record.runs() > 0) => {
                seat.history.over(now, Duration::ZERO, &seat.policy.limits);
            }
            _ => {}
        }
    }

    pub(super) fn token(&mut self) -> u64 {
        self.tokens += 1;
        self.tokens
    }

    /// The script before an attempt, or before the final action.
    pub(super) fn prepare(&mut self, now: Now, place: usize, next: Next) {
        let token = self.token();
        let seat = &mut self.seats[place];
        let limit = seat.policy.plan.script_before(next).unwrap_or_default();
        let Some(matter) = &mut seat.matter else { return };
        matter.errand = Some((token, Errand::Script));
        let matter = matter.clone();
        let before = match next {
            Next::Attempt(attempt) => (attempt.action.to_string(), attempt.number),
            Next::Final => ("final".to_owned(), 0),
        };
        let command = seat.command(&seat.script, &matter, (&before.0, before.1), limit, token);
        self.begin_work(now, place, Output::Run(command));
    }

    /// An attempt of the operator's recovery.
    pub(super) fn recover(&mut self, now: Now, place: usize, attempt: Attempt) {
        let token = self.token();
        let seat = &mut self.seats[place];
        let Some(matter) = &mut seat.matter else { return };
        matter.token = Some(token);
        (seat.action, seat.attempt) = (attempt.action, attempt.number);
        let matter: Matter = matter.clone();
        let limit = seat.policy.deadline;
        let command = |argv: &[String]| -> Command {
            seat.command(argv, &matter, (&attempt.action.to_string(), attempt.number), limit, token)
        };
        let work = match (seat.stop_command(attempt), &seat.recovery) {
            (Some(argv), _) => Output::Run(command(argv)),
            (None, Recovery::Command(argv)) => Output::Run(command(argv)),
            (None, Recovery::Callback) => Output::Deliver(Delivery::Recover(seat.recover(&matter, attempt, token))),
            (None, Recovery::Clusterpro(_)) => {
                self.begin_course(now, place);
                return self.begun(now, place);
            }
            (None, Recovery::Pacemaker(_)) => {
                self.begun(now, place);
                return self.recover_by_pacemaker(now, place, attempt, token);
            }
        };
        if let Some(matter) = &mut seat.matter {
            matter.commanded = matches!(work, Output::Run(_));
        }
        self.begin_work(now, place, work);
    }

    /// Hands out what begins a recovery, or goes on with it.
    fn begin_work(&mut self, now: Now, place: usize, work: Output) {
        self.outputs.push_back(work);
        self.begun(now, place);
    }

    /// The recovery has begun: whoever told us of the fault may forget it.
    fn begun(&mut self, now: Now, place: usize) {
        self.progress(now, place, Stage::Recovering);
        let held = self.seats[place].matter.as_mut().map(|matter| core::mem::take(&mut matter.held));
        for (notice, held) in held.unwrap_or_default() {
            self.acknowledge_unless_held(notice, held);
        }
    }

    /// Ends what runs: an attempt, or the script before it.
    pub(super) fn abandon(&mut self, now: Now, place: usize) {
        self.abandon_move(now, place);
        self.abandon_course(now, place);
        let Some(matter) = &mut self.seats[place].matter else { return };
        let attempt = matter.token.take();
        self.statistics.failed += u64::from(attempt.is_some());
        let errand = matter.errand.take().map(|(token, _)| token);
        let command = attempt.filter(|_| matter.commanded);
        for token in command.into_iter().chain(errand) {
            self.outputs.push_back(Output::Signal { token, urgency: Urgency::Ask });
            self.graces.push(Grace { token, end: now.boottime + COMMAND_GRACE });
        }
    }

    /// The final action, as far as it is the operating system's.
    pub(super) fn finish(&mut self, now: Now, place: usize, action: FinalAction) {
        let token = self.token();
        let seat = &mut self.seats[place];
        let Some(matter) = seat.matter.clone() else { return };
        let work = match (seat.final_command(action), action) {
            (None, FinalAction::SysrqPanic) => Output::Panic(seat.sysrq_trigger()),
            (None, _) => return, // the chassis's follow *ended*
            (Some(argv), _) => {
                let command = seat.command(argv, &matter, (action.name(), 0), seat.policy.deadline, token);
                Output::Run(Command { alone: None, ..command }) // it waits for nobody
            }
        };
        if let (Output::Run(_), Some(matter)) = (&work, &mut seat.matter) {
            matter.errand = Some((token, Errand::Final));
        }
        self.begin_work(now, place, work);
    }

    /// Something happened to a command.
    pub fn handle_command(&mut self, now: Now, token: u64, event: CommandEvent) {
        if self.alert_ended(token, &event)
            || self.attribute_ended(now, token, &event)
            || self.handle_run(now, token, &event)
        {
            return self.settle(now);
        }
        let asks = self.seats.iter().any(|seat| seat.verifies(token));
        let of = |seat: &Seat| seat.holds(token) || seat.runs(token) || seat.runs_errand(token).is_some();
        let place = self.seats.iter().position(of);
        let name = place.map(|place| self.seats[place].name.clone());
        let who = name.as_deref().unwrap_or("a recovery that is over");
        let what = match &event {
            CommandEvent::Printed(line) => format!("command: {line}"),
            CommandEvent::Kept(_) => return,
            CommandEvent::Exited(status) => format!("command exited with status {status}"),
            CommandEvent::Killed(signal) => format!("command killed by signal {signal}"),
            CommandEvent::Lost => {
                "the host program waits for every child (__WALL) and took the command's ending".into()
            }
            CommandEvent::Overflowed => "command printed more than can be kept, and was killed".into(),
            CommandEvent::NotStarted(why) => format!("command could not be started: {why}"),
        };
        self.log(match event {
            // It says no until it says yes.
            CommandEvent::Exited(_) if asks => Line { level: Level::Debug, text: format!("{who}: verify: {what}") },
            CommandEvent::Printed(_) | CommandEvent::Exited(0) => Line::info(format!("{who}: {what}")),
            _ => Line::error(format!("{who}: {what}")),
        });
        if !matches!(event, CommandEvent::Printed(_)) {
            self.graces.retain(|grace| grace.token != token);
            match place.and_then(|place| Some((place, self.seats[place].runs_errand(token)?))) {
                Some((place, errand)) => self.errand_is_over(now, place, errand, event == CommandEvent::Exited(0)),
                None if self.course_command(now, token, &event) => {}
                None => self.attempt_is_over(now, token, event),
            }
        }
        self.settle(now);
    }

    fn errand_is_over(&mut self, now: Now, place: usize, errand: Errand, well: bool) {
        self.handle_timeout(now); // an end behind its deadline is stale, even if nobody looked meanwhile
        let seat = &mut self.seats[place];
        let Some(matter) = seat.matter.as_mut().filter(|matter| matter.errand.is_some()) else { return };
        matter.errand = None;
        self.alert_errand(place, errand, well);
        self.handle(
            now,
            place,
            match errand {
                Errand::Script => Event::Prepared(well),
                Errand::Final => Event::Finished(well),
            },
        );
    }

    /// The command of an attempt that is over may end late: that is no answer.
    fn attempt_is_over(&mut self, now: Now, token: u64, event: CommandEvent) {
        let _ = match event {
            CommandEvent::Exited(0) => self.answer(now, token, Answer::Done),
            CommandEvent::Lost => self.conclude(now, token, Answer::Failed, Event::Lost),
            _ => self.answer(now, token, Answer::Failed),
        };
    }
}
