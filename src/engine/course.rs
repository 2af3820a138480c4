//! A recovery through CLUSTERPRO at work: runs the commands that its course wants, one after the other.
//!
//! Part of [`Engine`], like `perform`. The commands have tokens of their own; the recovery's answer goes to its own.

use super::output::{COMMAND_GRACE, CommandEvent, Output, Stage, Urgency};
use super::seat::Running;
use super::{Engine, Grace};
use crate::config::clusterpro::Clusterpro;
use crate::config::model::Recovery;
use crate::now::Now;
use crate::recovery::action::Event;
use crate::recovery::clusterpro::{Course, How, Next, Which, Why};
use crate::words::{Answer, Level, RecoveryAction};
use core::time::Duration;

impl Engine {
    /// Begins an attempt.
    pub(super) fn begin_course(&mut self, now: Now, place: usize) {
        let seat = &mut self.seats[place];
        let verified = templates(&seat.recovery)
            .is_some_and(|clusterpro| clusterpro.verify.is_some() && seat.action == RecoveryAction::Failover);
        let (course, next) = Course::begin(now, verified);
        seat.running = Some(Running { course, which: Which::Act, token: 0 });
        self.follow_course(now, place, next);
    }

    /// The recovery is over, whatever its commands do.
    pub(super) fn abandon_course(&mut self, now: Now, place: usize) {
        if let Some(Running { token, .. }) = self.seats[place].running.take() {
            self.outputs.push_back(Output::Signal { token, urgency: Urgency::Ask });
            self.graces.push(Grace { token, end: now.boottime + COMMAND_GRACE });
        }
    }

    /// The next moment at which a course goes on by itself.
    pub(super) fn courses_deadline(&self) -> Option<Duration> {
        self.seats.iter().filter_map(|seat| seat.running.as_ref()?.course.next_deadline()).min()
    }

    pub(super) fn courses_timeout(&mut self, now: Now) {
        for place in 0..self.seats.len() {
            let Some(running) = &mut self.seats[place].running else { continue };
            let next = running.course.handle_timeout(now);
            self.follow_course(now, place, next);
        }
    }

    /// Whether the command belongs to a course; then it is no answer by itself.
    pub(super) fn course_command(&mut self, now: Now, token: u64, event: &CommandEvent) -> bool {
        let of = |seat: &super::seat::Seat| seat.running.as_ref().is_some_and(|running| running.token == token);
        let Some(place) = self.seats.iter().position(of) else { return false };
        let how = match event {
            CommandEvent::Printed(_) | CommandEvent::Kept(_) => return true,
            CommandEvent::Exited(0) => How::Well,
            CommandEvent::Exited(_)
            | CommandEvent::Killed(_)
            | CommandEvent::NotStarted(_)
            | CommandEvent::Overflowed => How::Badly,
            CommandEvent::Lost => How::Lost,
        };
        if let Some(running) = &mut self.seats[place].running {
            let next = running.course.ended(now, how);
            self.follow_course(now, place, next);
        }
        true
    }

    fn follow_course(&mut self, now: Now, place: usize, next: Next) {
        match next {
            Next::Run(which) => self.run_course(now, place, which),
            Next::GiveUpLooking => {
                if let Some(running) = &self.seats[place].running {
                    self.outputs.push_back(Output::Signal { token: running.token, urgency: Urgency::Kill });
                }
                self.progress(
                    now,
                    place,
                    Stage::Remark(Level::Warning, "verify does not end; acting without it".into()),
                );
                self.run_course(now, place, Which::Act);
            }
            Next::Wait => {}
            Next::Over(answer, why) => {
                let seat = &mut self.seats[place];
                seat.running = None;
                let token = seat.matter.as_ref().and_then(|matter| matter.token);
                let level = if answer == Answer::Failed { Level::Error } else { Level::Info };
                self.progress(now, place, Stage::Remark(level, why.to_string()));
                if let Some(token) = token {
                    // It may be too late by a hair: then the deadline has spoken.
                    let _ = self.conclude(now, token, answer, Event::Answered(answer));
                }
            }
        }
    }

    fn run_course(&mut self, now: Now, place: usize, which: Which) {
        self.tokens += 1;
        let token = self.tokens;
        let seat = &mut self.seats[place];
        let (Some(clusterpro), Some(matter)) = (templates(&seat.recovery), &seat.matter) else { return };
        let template = match (which, seat.action) {
            (Which::Verify, _) => clusterpro.verify.as_ref(),
            (Which::Act, RecoveryAction::Failover) => Some(&clusterpro.failover),
            (Which::Act, RecoveryAction::Restart) => clusterpro.restart.as_ref(),
            (Which::Act, RecoveryAction::StopService) => Some(&clusterpro.stop_service),
        };
        let record = matter.record.to_string();
        let argv = template.map(|template| {
            template.fill(|name| match name {
                "target" => Some(&*seat.target),
                "address" => clusterpro.address.as_deref(),
                "server" => Some(&*seat.server),
                "monitor" => Some(&*seat.name),
                "record" => Some(&*record),
                _ => None,
            })
        });
        let Some(argv) = argv else {
            return self.follow_course(now, place, Next::Over(Answer::Failed, Why::NoCommand));
        };
        let about = (seat.action.to_string(), seat.attempt);
        let mut command =
            seat.command(&argv, matter, (&about.0, about.1), seat.policy.deadline, matter.token.unwrap_or_default());
        command.token = token;
        if let Some(running) = &mut seat.running {
            running.token = token;
            running.which = which;
        }
        let say = format!("running {}", argv.join(" "));
        let level = if which == Which::Act { Level::Info } else { Level::Debug };
        self.outputs.push_back(Output::Run(command));
        self.progress(now, place, Stage::Remark(level, say));
    }
}

fn templates(recovery: &Recovery) -> Option<&Clusterpro> {
    match recovery {
        Recovery::Clusterpro(clusterpro) => Some(clusterpro),
        Recovery::Callback | Recovery::Command(_) | Recovery::Pacemaker(_) => None,
    }
}
