//! Writes a plan to a BMC: each section between "set in progress" and "set complete", in order, until the first
//! refusal.
//!
//! A dialogue; sans-IO. What was begun is also left when it goes wrong. Whether it is there now, only reading
//! it again tells. Its input is a BMC's answers, hostile.

use super::plan::{Change, Plan, Section};
use crate::bmc::dialogue::{Dialogue, Step};
use crate::bmc::failure::Failure;
use crate::now::Now;
use crate::wire::ipmi::{Completion, Request, Response};
use crate::wire::lan::{self, IN_PROGRESS, Progress, READ_ONLY, UNSUPPORTED, parameter as lp};
use crate::wire::pef::{self, parameter as pp};
use core::time::Duration;
use std::collections::VecDeque;

/// Before a busy BMC is told the same again.
const BUSY_PAUSE: Duration = Duration::from_millis(250);
/// How often it is told the same at most.
const BUSY_TRIES: u8 = 8;

/// What came of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Changes that the BMC took.
    pub done: Vec<Change>,
    /// The change that stopped it, if one did, and why.
    pub stopped: Option<(String, String)>,
    /// Changes that were not tried any more.
    pub left: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Task {
    /// Says what we are about to do; `true`: whoever else says so has had his time.
    Begin(Place, bool),
    Change(Change),
    /// Make it last; not every BMC wants to hear it.
    Commit(Place),
    Complete(Place),
}

/// What is begun and completed: a section, and for LAN parameters whose.
type Place = (Section, u8);

/// A plan under way.
#[derive(Debug)]
pub struct Writing {
    tasks: VecDeque<Task>,
    current: Option<Task>,
    /// A section that was begun and not completed.
    open: Option<Place>,
    written: Written,
    tries: u8,
    wake: Option<Duration>,
}

impl Writing {
    /// `force`: goes on although somebody else's change is marked as in progress.
    pub fn new(plan: Plan, force: bool) -> Self {
        let mut tasks = VecDeque::new();
        for section in [Section::Lan, Section::Channel, Section::Pef] {
            let changes: Vec<Change> =
                plan.changes.iter().filter(|change| change.section == section).cloned().collect();
            // A LAN parameter's channel comes first in its request.
            let Some(channel) = changes.first().map(|change| change.request.data.first().copied().unwrap_or(0)) else {
                continue;
            };
            let section = (section, channel);
            tasks.push_back(Task::Begin(section, force));
            tasks.extend(changes.into_iter().map(Task::Change));
            tasks.extend([Task::Commit(section), Task::Complete(section)]);
        }
        Self { tasks, current: None, open: None, written: Written::default(), tries: 0, wake: None }
    }

    /// Stops here: what is open is still completed when it is polled again.
    pub fn leave(&mut self, why: &str) {
        if self.written.stopped.is_none() {
            let at = self.current.as_ref().or(self.tasks.front()).map_or_else(|| "the end".to_owned(), name);
            self.stop(at, why.to_owned());
        }
        (self.current, self.wake) = (None, None);
    }

    /// What came of it until now.
    pub fn so_far(&self) -> &Written {
        &self.written
    }

    fn stop(&mut self, at: String, why: String) {
        self.written.stopped = Some((at, why));
        let left = self.tasks.drain(..).filter_map(|task| match task {
            Task::Change(change) => Some(change),
            Task::Begin(..) | Task::Commit(_) | Task::Complete(_) => None,
        });
        self.written.left = left.collect();
        if let Some(section) = self.open {
            self.tasks.push_back(Task::Complete(section));
        }
    }

    /// The BMC answered.
    fn answered(&mut self, task: Task, result: &Result<u8, Failure>) {
        match (task, result) {
            (Task::Begin(section, _), Ok(0 | UNSUPPORTED)) => self.open = Some(section),
            (Task::Begin(section, true), Ok(IN_PROGRESS)) => {
                self.tasks.push_front(Task::Begin(section, false));
                self.tasks.push_front(Task::Complete(section));
            }
            (Task::Change(change), Ok(0)) => self.written.done.push(change),
            (Task::Commit(_), Ok(_)) => {}
            (Task::Complete(_), Ok(_)) => self.open = None,
            (task, Ok(code)) => self.stop(name(&task), refusal(*code)),
            (task @ Task::Change(_), Err(failure)) => {
                self.stop(name(&task), format!("{failure}; it may have been written"));
            }
            (Task::Complete(_), Err(failure)) => {
                self.open = None;
                if self.written.stopped.is_none() {
                    let at = "\"set complete\"".to_owned();
                    self.stop(at, format!("{failure}; the BMC may still believe that somebody writes"));
                }
            }
            (task, Err(failure)) => self.stop(name(&task), failure.to_string()),
        }
    }
}

fn name(task: &Task) -> String {
    match task {
        Task::Begin(..) => "\"set in progress\"".to_owned(),
        Task::Change(change) => change.to_string(),
        Task::Commit(_) => "\"commit write\"".to_owned(),
        Task::Complete(_) => "\"set complete\"".to_owned(),
    }
}

fn refusal(code: u8) -> String {
    match code {
        UNSUPPORTED => "the BMC does not have this parameter (80h)".to_owned(),
        IN_PROGRESS => "somebody else writes, or began to and died (81h); --force takes over".to_owned(),
        READ_ONLY => "the BMC does not let this be written (82h)".to_owned(),
        code => format!("the BMC refused: {}", Completion(code)),
    }
}

/// The request of a task; a channel's access has no "set in progress".
fn request(task: &Task) -> Option<Request> {
    let progress = |(section, channel): &Place, progress: Progress| match section {
        Section::Lan => Some(lan::set(*channel, lp::PROGRESS, &progress.emit())),
        Section::Pef => Some(pef::set(pp::PROGRESS, &progress.emit())),
        Section::Channel => None,
    };
    match task {
        Task::Begin(section, _) => progress(section, Progress::InProgress),
        Task::Change(change) => Some(change.request.clone()),
        Task::Commit(section) => progress(section, Progress::Commit),
        Task::Complete(section) => progress(section, Progress::Complete),
    }
}

impl Dialogue for Writing {
    type End = Written;

    fn poll(&mut self, now: Now) -> Step<Written> {
        if let Some(wake) = self.wake.filter(|wake| *wake > now.boottime) {
            return Step::Wait(Some(wake));
        }
        if self.current.is_some() && self.wake.is_none() {
            return Step::Wait(None); // the answer is awaited
        }
        self.wake = None;
        loop {
            match self.current.take().or_else(|| self.tasks.pop_front()) {
                Some(task) => {
                    if let Some(request) = request(&task) {
                        self.current = Some(task);
                        return Step::Submit(request);
                    }
                }
                None => return Step::Over(self.written.clone()),
            }
        }
    }

    fn handle_answer(&mut self, now: Now, result: Result<Response, Failure>) {
        let Some(task) = self.current.take() else { return };
        self.tries += 1;
        let result = result.map(|response| response.completion);
        if result.is_ok_and(|code| Completion(code).is_passing()) && self.tries < BUSY_TRIES {
            (self.current, self.wake) = (Some(task), Some(now.boottime + BUSY_PAUSE));
            return;
        }
        self.tries = 0;
        self.answered(task, &result);
    }
}
