//! The in-band road to this server's own BMC: opens the kernel's device, asks one command at a time, knows silence.
//!
//! Sans-IO, of the shape of `link`: orders are `start`, `submit` and `stop`; drain `poll_output` after every call.
//! Every ticket is answered exactly once. Input is what the shell hears from the driver; answers are the BMC's,
//! hostile. What the driver took is never given to it again: it repeats by itself what gets lost on the board.

mod device;
mod ending;

use super::failure::{Failure, Obstacle};
use super::identity::{Checked, Identity};
use super::link::Status;
use super::queue::{Errand, Queue, Ticket, Urgency};
use crate::now::Now;
use crate::wire::command::{GET_DEVICE_ID, GET_SYSTEM_GUID, parse_guid};
use crate::wire::ipmi::{Completion, Request, Response};
use crate::words::Guid;
use core::time::Duration;
pub use device::{Event, Order};
use std::collections::VecDeque;

/// An answer that is out for so long: the BMC is silent. A healthy one answers in milliseconds.
pub const SILENCE: Duration = Duration::from_secs(1);
/// How long an answer is taken at all; the driver itself would wait for a minute.
pub const GIVE_UP: Duration = Duration::from_secs(5);
/// A BMC that nobody asks anything is asked after this time, so that its silence is known before it matters.
pub const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// The same for one that is silent.
pub const PROBE: Duration = Duration::from_secs(2);
/// Between two attempts to open a device that cannot be opened.
pub const REOPEN: Duration = Duration::from_secs(10);
/// Until a BMC that is not the pinned one is looked at again.
pub const RECHECK: Duration = Duration::from_secs(60);
/// Before a command is handed in again that a busy driver did not take.
pub const HAND_IN_AGAIN: Duration = Duration::from_millis(50);

/// What the road wants from the one who drives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Do this with the device.
    Order(Order),
    /// What became of a command.
    Answer {
        /// Which.
        ticket: Ticket,
        /// A response with any completion code, or why there is none.
        result: Result<Response, Failure>,
    },
    /// [`Inband::status`] says something else now.
    Changed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Stopped,
    /// For the next attempt to open the device.
    Waiting,
    /// The shell opens it.
    Opening,
    /// Get System GUID was not answered yet.
    Identifying,
    Ready,
}

#[derive(Debug)]
struct InFlight {
    id: u32,
    request: Request,
    /// `None`: ours.
    ticket: Option<Ticket>,
    /// Whether the driver has it. If not, it is handed in again.
    taken: bool,
    since: Duration,
}

/// The in-band road to this server's own BMC.
#[derive(Debug)]
pub struct Inband {
    device: String,
    pinned: Option<Guid>,
    stage: Stage,
    status: Status,
    /// What the BMC told.
    guid: Guid,
    /// Nothing was heard for [`SILENCE`].
    silent: bool,
    /// While its GUID is not known: it has answered something else.
    lives: bool,
    /// Since when commands wait in vain.
    down_since: Duration,
    queue: Queue,
    in_flight: Option<InFlight>,
    last_id: u32,
    /// Timer: open it again.
    reopen: Option<Duration>,
    /// Timer: ask, so that silence and its end are known.
    probe: Option<Duration>,
    /// Timer: hand in again what a busy driver did not take.
    again: Option<Duration>,
    ignored: u64,
    output: VecDeque<Output>,
}

impl Inband {
    /// A road that is not started. What is on the board is this server's BMC; only a `pinned` GUID can say that the
    /// board itself is another one.
    pub fn new(device: String, pinned: Option<Guid>) -> Self {
        let since = Now { boottime: Duration::ZERO, wall: Duration::ZERO };
        Self {
            device,
            pinned,
            stage: Stage::Stopped,
            status: Status::Down { why: None, since },
            guid: NO_GUID,
            silent: false,
            lives: false,
            down_since: Duration::ZERO,
            queue: Queue::default(),
            in_flight: None,
            last_id: 0,
            reopen: None,
            probe: None,
            again: None,
            ignored: 0,
            output: VecDeque::new(),
        }
    }

    /// Opens the device and keeps it open until `stop`. Does nothing while it is started.
    pub fn start(&mut self, now: Now) {
        if self.stage == Stage::Stopped {
            self.down_since = now.boottime;
            self.set_status(Status::Opening);
            self.open();
        }
    }

    /// Asks as soon as the device is open and what was asked before is answered.
    pub fn submit(&mut self, now: Now, ticket: Ticket, urgency: Urgency, request: Request) {
        if let Some(why) = self.hopeless() {
            return self.answer(ticket, Err(why));
        }
        if let Err(Errand { ticket, .. }) = self.queue.push(Errand::new(now, ticket, urgency, request)) {
            return self.answer(ticket, Err(Failure::QueueFull));
        }
        self.drive(now);
    }

    /// Takes a command back that the driver does not have, and says whether it could; another one is answered all
    /// the same.
    pub fn withdraw(&mut self, ticket: Ticket) -> bool {
        let not_taken = self.in_flight.as_ref().is_some_and(|sent| sent.ticket == Some(ticket) && !sent.taken);
        if not_taken {
            self.in_flight = None; // when it is handed in again, the next one is
        }
        self.queue.withdraw(ticket) || not_taken
    }

    /// Whether this command waits, and the driver does not have it.
    pub(super) fn has_not_sent(&self, ticket: Ticket) -> bool {
        let sent = self.in_flight.as_ref().is_some_and(|sent| sent.ticket == Some(ticket) && sent.taken);
        !sent
    }

    /// The shell has heard something.
    pub fn handle(&mut self, now: Now, event: Event) {
        match (event, self.stage) {
            (Event::Opened, Stage::Opening) => {
                (self.stage, self.lives, self.down_since) = (Stage::Identifying, false, now.boottime);
                self.ask(now, Request::new(GET_SYSTEM_GUID, []));
            }
            (Event::NotOpened(obstacle), Stage::Opening) => self.lost(now, Failure::InBand(obstacle)),
            (Event::NotTaken(id, obstacle), Stage::Identifying | Stage::Ready) => self.not_taken(now, id, obstacle),
            (Event::Lost, Stage::Identifying | Stage::Ready) => {
                self.output.push_back(Output::Order(Order::Close));
                self.lost(now, Failure::Silent);
            }
            (Event::Answer { id, netfn, command, data }, Stage::Identifying | Stage::Ready) => {
                self.heard(now, id, netfn, command, &data);
            }
            (Event::Unasked, _)
            | (Event::Opened | Event::NotOpened(_), _)
            | (
                Event::NotTaken(..) | Event::Lost | Event::Answer { .. },
                Stage::Stopped | Stage::Waiting | Stage::Opening,
            ) => self.ignored += 1,
        }
        self.drive(now);
    }

    /// Time has passed. Before the deadline this does nothing.
    pub fn handle_timeout(&mut self, now: Now) {
        if due(&mut self.reopen, now) {
            self.open();
        }
        if due(&mut self.again, now)
            && let Some(sent) = self.in_flight.as_mut().filter(|sent| !sent.taken)
        {
            sent.taken = true;
            let (id, request) = (sent.id, sent.request.clone());
            self.output.push_back(Output::Order(Order::Send { id, request }));
        }
        if let Some(since) = self.in_flight.as_ref().map(|sent| sent.since) {
            if since + SILENCE <= now.boottime {
                self.fall_silent(now);
            }
            if since + GIVE_UP <= now.boottime {
                self.give_up(now);
            }
        }
        if self.in_flight.is_none() && due(&mut self.probe, now) {
            let guid = self.stage == Stage::Identifying && (self.lives || !self.silent);
            let question = if guid { GET_SYSTEM_GUID } else { GET_DEVICE_ID };
            self.ask(now, Request::new(question, []));
        }
        if !self.is_well() {
            while let Some(waiting) = self.queue.pop_expired(now.boottime, self.down_since, GIVE_UP) {
                self.answer(waiting.ticket, Err(Failure::Silent));
            }
        }
        self.drive(now);
    }

    /// Our own process, or host, slept for so long: what was answered meanwhile was not late.
    pub fn slept(&mut self, for_so_long: Duration) {
        if let Some(sent) = &mut self.in_flight {
            sent.since += for_so_long;
        }
    }

    /// What must be done now; `None`: nothing. Drain it after every call.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// When `handle_timeout` is due, in boottime. May change with every call.
    pub fn next_deadline(&self) -> Option<Duration> {
        let sent = self.in_flight.as_ref().map(|sent| sent.since + if self.silent { GIVE_UP } else { SILENCE });
        let probe = self.probe.filter(|_| self.in_flight.is_none());
        let stopped = self.stage == Stage::Stopped;
        let waiting = if stopped || self.is_well() { None } else { self.queue.next_expiry(self.down_since, GIVE_UP) };
        [sent, probe, waiting, self.reopen, self.again].into_iter().flatten().min()
    }

    /// Closes the device, answers all tickets; after that nothing more comes out.
    pub fn stop(&mut self, now: Now) {
        match self.stage {
            Stage::Stopped => return,
            Stage::Waiting => {}
            Stage::Opening | Stage::Identifying | Stage::Ready => self.output.push_back(Output::Order(Order::Close)),
        }
        self.stage = Stage::Stopped;
        (self.reopen, self.probe, self.again) = (None, None, None);
        self.answer_all(Failure::Stopped);
        self.set_status(Status::Down { why: Some(Failure::Stopped), since: now });
    }

    /// How the road is now.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Whether the BMC answers, and within [`SILENCE`]. One that is slower is up, but no road to be preferred.
    pub fn is_well(&self) -> bool {
        matches!(self.status, Status::Up { .. }) && !self.silent
    }

    /// What was heard and changed nothing: late answers to what was given up, and what nobody asked for.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Why a command could not succeed however long it waited.
    fn hopeless(&self) -> Option<Failure> {
        match self.stage {
            Stage::Stopped => Some(Failure::Stopped),
            Stage::Waiting => Some(self.why()),
            Stage::Opening | Stage::Identifying | Stage::Ready => None,
        }
    }

    fn why(&self) -> Failure {
        match self.status {
            Status::Down { why, .. } => why.unwrap_or(Failure::Silent),
            Status::WrongIdentity { .. } => Failure::WrongIdentity,
            Status::Opening | Status::Up { .. } => Failure::Silent,
        }
    }

    fn open(&mut self) {
        self.stage = Stage::Opening;
        self.output.push_back(Output::Order(Order::Open(self.device.clone())));
    }

    /// Sends the next command, if none is in flight.
    fn drive(&mut self, now: Now) {
        let free = self.in_flight.is_none() && self.stage == Stage::Ready;
        if free && let Some(Errand { ticket, request, .. }) = self.queue.pop() {
            self.send(now, Some(ticket), request);
        }
    }

    fn ask(&mut self, now: Now, request: Request) {
        self.send(now, None, request);
    }

    fn send(&mut self, now: Now, ticket: Option<Ticket>, request: Request) {
        self.last_id = self.last_id.wrapping_add(1);
        let id = self.last_id;
        self.output.push_back(Output::Order(Order::Send { id, request: request.clone() }));
        self.in_flight = Some(InFlight { id, request, ticket, taken: true, since: now.boottime });
    }

    fn not_taken(&mut self, now: Now, id: u32, obstacle: Obstacle) {
        match &mut self.in_flight {
            Some(sent) if sent.id == id => match obstacle {
                Obstacle::Busy => {
                    sent.taken = false;
                    self.again = Some(now.boottime + HAND_IN_AGAIN);
                }
                Obstacle::NoDevice
                | Obstacle::NoDriver
                | Obstacle::NoInterface
                | Obstacle::NotADevice
                | Obstacle::Denied
                | Obstacle::Other(_) => {
                    self.output.push_back(Output::Order(Order::Close));
                    self.lost(now, Failure::InBand(obstacle));
                }
                Obstacle::Forbidden => {
                    if let Some(InFlight { ticket: Some(ticket), .. }) = self.in_flight.take() {
                        self.answer(ticket, Err(Failure::InBand(obstacle)));
                    }
                }
            },
            Some(_) | None => self.ignored += 1,
        }
    }

    fn heard(&mut self, now: Now, id: u32, netfn: u8, command: u8, data: &[u8]) {
        let ours =
            |sent: &InFlight| sent.id == id && netfn == sent.request.netfn | 1 && command == sent.request.command;
        let Some(sent) = self.in_flight.take_if(|sent| ours(sent)) else {
            self.ignored += 1;
            // Late, but it lives: whether it is quick again is found out at once.
            self.probe = self.probe.map(|at| if self.silent { now.boottime } else { at });
            return;
        };
        let result = match data.split_first() {
            None => Err(Failure::Malformed),
            // Said by the driver for a BMC that said nothing, or by the BMC for one behind it.
            Some((&code, _)) if Completion(code) == Completion::TIMEOUT => Err(Failure::Silent),
            Some((&completion, data)) => Ok(Response { completion, data: data.to_vec() }),
        };
        let doubtful = result.as_ref().is_ok_and(|response| !is_the_bmcs(response));
        match result {
            Err(Failure::Silent) => self.fall_silent(now),
            Ok(_) if doubtful && sent.ticket.is_none() && !(self.lives && self.stage == Stage::Identifying) => {
                self.fall_silent(now);
            }
            Ok(_) | Err(_) => self.silent = sent.since + SILENCE <= now.boottime,
        }
        self.probe = Some(match (self.silent, doubtful) {
            (true, _) => now.boottime + PROBE,
            (false, true) => now.boottime, // what it says to a command that every BMC knows decides
            (false, false) => now.boottime + KEEP_ALIVE,
        });
        match (&result, self.stage) {
            (Ok(_), _) if doubtful && self.silent => self.down(now, Failure::Silent),
            (Ok(response), Stage::Identifying) if sent.request.is(GET_SYSTEM_GUID) => self.identified(now, response),
            (Ok(_), Stage::Identifying) => (self.lives, self.probe) = (true, Some(now.boottime)),
            (Ok(_), _) => self.set_status(Status::Up { suite: None, guid: self.guid, identity: Checked::Matched }),
            (Err(why), _) if sent.ticket.is_none() => {
                self.down(now, *why);
                self.probe = Some(now.boottime + PROBE);
            }
            (Err(_), _) => {}
        }
        if let Some(ticket) = sent.ticket {
            self.answer(ticket, result);
        }
    }

    /// The BMC answered Get System GUID; not all know the command, and some tell zeros. Then it is this board's
    /// all the same.
    fn identified(&mut self, now: Now, response: &Response) {
        let told = if response.completion == 0 { parse_guid(&response.data).ok() } else { None };
        self.guid = told.unwrap_or(NO_GUID);
        let pinned = self.pinned.filter(|_| !self.guid.is_unspecified());
        if pinned.is_some_and(|pinned| Identity::Expected(vec![pinned]).check(self.guid).is_none()) {
            self.output.push_back(Output::Order(Order::Close));
            self.stage = Stage::Waiting;
            (self.probe, self.reopen) = (None, Some(now.boottime + RECHECK));
            self.set_status(Status::WrongIdentity { found: self.guid });
            return self.answer_all(Failure::WrongIdentity);
        }
        (self.stage, self.silent) = (Stage::Ready, false);
        self.set_status(Status::Up { suite: None, guid: self.guid, identity: Checked::Matched });
    }
}

/// Whether an answer that came through the driver is surely the BMC's own: the driver says some of these for a BMC
/// that it cannot reach.
pub(super) fn is_the_bmcs(response: &Response) -> bool {
    !matches!(response.completion, 0xD1 | 0xD2 | 0xFF)
}

/// A BMC that does not tell its GUID.
const NO_GUID: Guid = Guid([0; 16]);

/// Whether the timer has run out; clears it then.
fn due(timer: &mut Option<Duration>, now: Now) -> bool {
    timer.take_if(|at| *at <= now.boottime).is_some()
}
