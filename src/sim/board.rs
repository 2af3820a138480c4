//! The inside of the simulated BMC, without its network: host, fault, handshake, watchdog, SEL, alerts.
//!
//! Everything that changes tells its story into `outputs`. Time and seed come from outside.

use super::alert::{Alerter, Match};
use super::boot::{Firmware, Step};
use super::channel::Channel;
use super::event::{Event, Output};
use super::fault::{self, Fault};
use super::filters::Filters;
use super::hold::{Action, Hold, Input};
use super::host::{Do, Happened, Host, NotNow, RestartCause};
use super::log::{Caller, Entry, Log};
use super::options::{FatalAction, Options};
use super::quirks::REORDER_WAIT;
use super::reservation::Reservation;
use super::sdr::WATCHDOG_SENSOR;
use super::sel::Sel;
use super::settings::Settings;
use super::watchdog::{self, Watchdog};
use crate::now::Now;
use crate::wire::command::PetAcknowledge;
use crate::wire::lan::Progress;
use crate::wire::pef::alert::AlertStatus;
use crate::words::Guid;
use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

/// So many outputs wait at most; whoever does not poll loses the oldest.
const OUTPUTS_MAX: usize = 4096;
/// So many delayed datagrams wait at most; more are lost.
const DELAYED_MAX: usize = 256;
/// Bit of the global enables: events are written to the SEL.
pub(super) const LOGGING: u8 = 0x08;

/// The BMC without its sessions.
#[derive(Debug)]
pub(super) struct Board {
    pub options: Options,
    pub host: Host,
    pub hold: Hold,
    pub watchdog: Watchdog,
    firmware: Firmware,
    pub sel: Sel,
    pub log: Log,
    pub alerts: Alerter,
    pub channel: Channel,
    pub settings: Settings,
    pub filters: Filters,
    /// What became of the alert by hand, and the sequence number whose end it waits for.
    pub by_hand: AlertStatus,
    pub by_hand_waits_for: Option<u16>,
    /// When the host was reset or switched on last.
    pub host_started: Duration,
    /// The reservations of SEL and SDR.
    pub reservations: Reservations,
    /// What the BMC's clock is ahead of the wall, in seconds.
    pub clock_ahead: i64,
    /// The BMC's global enables.
    pub enables: u8,
    /// The states that each sensor shows, as a mask of offsets.
    pub states: BTreeMap<u8, u16>,
    /// The SEL is busy with an erasure until then.
    pub erasing_until: Option<Duration>,
    /// What is yet to be written to the SEL.
    pub unwritten: VecDeque<Unwritten>,
    /// The octets of the latest Get Watchdog Timer.
    pub watchdog_told: [u8; 8],
    /// Sessions are to be dropped, and nothing is answered for so long.
    pub restart_wanted: Option<Duration>,
    pub newest_fault: Option<Duration>,
    outputs: VecDeque<Output>,
    delayed: Vec<(Duration, SocketAddr, Vec<u8>)>,
    /// An answer that lets the next one go first.
    overtaken: Option<(Duration, SocketAddr, Vec<u8>)>,
}

/// An event whose record is written later.
#[derive(Debug)]
pub(super) struct Unwritten {
    pub at: Duration,
    pub time: u32,
    pub fault: Fault,
    pub deasserted: bool,
}

/// The reservations.
#[derive(Debug, Default)]
pub(super) struct Reservations {
    pub sel: Reservation,
    pub sdr: Reservation,
}

impl Board {
    pub fn new(options: Options) -> Self {
        Self {
            host: Host::new(options.boot_time),
            hold: Hold::new(options.patience, options.after_failed),
            watchdog: Watchdog::default(),
            firmware: Firmware::new(options.boot_timers, options.boot_time),
            sel: Sel::new(options.sel_capacity, options.sel_first_id),
            log: Log::new(options.log_kept),
            alerts: Alerter::default(),
            channel: Channel::default(),
            settings: Settings::new(options.alert.as_ref(), options.trap_port),
            filters: Filters::default(),
            by_hand: AlertStatus::None,
            by_hand_waits_for: None,
            host_started: Duration::ZERO,
            reservations: Reservations::default(),
            clock_ahead: 0,
            enables: LOGGING,
            states: BTreeMap::new(),
            erasing_until: None,
            unwritten: VecDeque::new(),
            watchdog_told: [0; 8],
            restart_wanted: None,
            newest_fault: None,
            outputs: VecDeque::new(),
            delayed: Vec::new(),
            overtaken: None,
            options,
        }
    }

    /// The BMC's clock, in Unix seconds.
    pub fn clock(&self, now: Now) -> u32 {
        let wall = i64::try_from(now.wall.as_secs()).unwrap_or(i64::MAX);
        u32::try_from(wall.saturating_add(self.clock_ahead).max(0)).unwrap_or(u32::MAX)
    }

    /// The GUID that the BMC shows over IPMI.
    pub fn shown_guid(&self) -> Guid {
        self.options.quirks.shown_guid.unwrap_or(self.options.guid)
    }

    pub fn say(&mut self, event: Event) {
        self.push(Output::Event(event));
    }

    fn push(&mut self, output: Output) {
        if self.outputs.len() >= OUTPUTS_MAX {
            self.outputs.pop_front();
        }
        self.outputs.push_back(output);
    }

    /// Sends, unless silent; later, if answers are delayed.
    pub fn send(&mut self, now: Now, to: SocketAddr, bytes: Vec<u8>) {
        let delay = self.options.quirks.answer_delay;
        if self.options.quirks.silent {
        } else if delay.is_zero() {
            self.push(Output::Send { to, bytes });
        } else if self.delayed.len() < DELAYED_MAX {
            self.delayed.push((now.boottime.saturating_add(delay), to, bytes));
        }
    }

    /// Sends an answer to a datagram; twice or out of order, if that is how this BMC is.
    pub fn answer(&mut self, now: Now, to: SocketAddr, bytes: Vec<u8>) {
        if self.options.quirks.duplicate_answers {
            self.send(now, to, bytes.clone());
        }
        if !self.options.quirks.reorder_answers {
            return self.send(now, to, bytes);
        }
        match self.overtaken.take() {
            None => self.overtaken = Some((now.boottime.saturating_add(REORDER_WAIT), to, bytes)),
            Some((_, earlier, late)) => {
                self.send(now, to, bytes);
                self.send(now, earlier, late);
            }
        }
    }

    /// Erases the SEL.
    pub fn erase_sel(&mut self, now: Now) {
        self.sel.clear(self.clock(now));
        self.reservations.sel.lose();
        let busy = self.options.quirks.erasing;
        self.erasing_until = (!busy.is_zero()).then(|| now.boottime.saturating_add(busy));
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// A sensor says that something is wrong: log it, tell it, and see about the reset.
    pub fn raise(&mut self, now: Now, fault: &Fault) {
        let ended = self.report(now, fault, false);
        if fault.fatal && !ended {
            self.hold_step(now, Input::Fatal);
        }
    }

    /// A sensor says that it is over.
    pub fn clear(&mut self, now: Now, fault: &Fault) {
        self.report(now, fault, true);
    }

    pub fn send_trap(&mut self, now: Now, sending: super::alert::Sending) {
        let super::alert::Sending { sequence, nth, of, to, bytes } = sending;
        if !self.options.quirks.silent {
            self.say(Event::TrapSent { sequence, nth, of, to });
        }
        self.send(now, to, bytes);
    }

    /// PET Acknowledge.
    pub fn acknowledge(&mut self, now: Now, acknowledge: &PetAcknowledge, by: &Caller) {
        let (sequence, by) = (acknowledge.sequence, by.clone());
        let (fits, ended) = self.alerts.acknowledge(acknowledge);
        match fits {
            Match::Waiting => self.say(Event::TrapAcknowledged { sequence, by }),
            Match::Again => {} // the same acknowledge, sent twice
            Match::None => self.say(Event::AcknowledgeUnmatched { sequence, by }),
        }
        if let Some(ended) = ended {
            self.alert_ended(now, ended, true);
        }
    }

    pub fn hold_step(&mut self, now: Now, input: Input) {
        match self.hold.handle(now.boottime, input) {
            Action::None => {}
            Action::Hold => self.say(Event::Holding { patience: self.options.patience }),
            Action::Join => self.say(Event::Joined),
            Action::GiveUp => self.say(Event::ResetGivenUp),
            Action::OutOfPatience => {
                self.say(Event::PatienceOver);
                self.reset_for_fault(now);
            }
            Action::Reset => self.reset_for_fault(now),
        }
    }

    fn reset_for_fault(&mut self, now: Now) {
        // Without power there is nothing to reset.
        let what = match self.options.fatal_action {
            FatalAction::Reset => Do::Reset,
            FatalAction::PowerCycle => Do::Cycle,
        };
        let _ = self.act(now, what, RestartCause::Pef);
    }

    /// The BMC restarts: what it keeps in memory is gone.
    pub fn restart(&mut self) {
        self.hold = Hold::new(self.options.patience, self.options.after_failed);
        self.watchdog = Watchdog::default();
        self.alerts = Alerter::default();
        self.reservations = Reservations::default();
        self.erasing_until = None;
        self.overtaken = None;
        self.forget_alert_by_hand();
        self.settings.restarted();
        self.filters.progress = Progress::Complete;
        self.say(Event::BmcRestarted);
    }

    /// Does something to the host.
    pub fn act(&mut self, now: Now, what: Do, cause: RestartCause) -> Result<(), NotNow> {
        if let Some(happened) = self.host.act(now.boottime, what, cause)? {
            self.happened(now, happened);
        }
        Ok(())
    }

    fn happened(&mut self, now: Now, happened: Happened) {
        if matches!(happened, Happened::WasReset | Happened::PoweredOn) {
            self.host_started = now.boottime;
        }
        match happened {
            Happened::WasReset | Happened::PoweredOff => {
                self.watchdog.stop(now.boottime);
                self.firmware.restarted();
                self.newest_fault = None;
                self.filters.restarted();
                self.hold_step(now, Input::Restarted);
            }
            Happened::PoweredOn | Happened::Booted => {}
        }
        self.use_watchdog(now);
        self.say(match happened {
            Happened::WasReset => Event::Reset { cause: self.host.cause() },
            Happened::PoweredOff => Event::PowerOff,
            Happened::PoweredOn => Event::PowerOn,
            Happened::Booted => Event::HostBooted,
        });
    }

    /// The firmware sets the timer, if this one does.
    fn use_watchdog(&mut self, now: Now) {
        match self.firmware.handle(now.boottime, self.host.power()) {
            Some(Step::Start(octets)) => {
                // Both always work: the fields are in range, and it is set before it is started.
                let set = self.watchdog.set(now.boottime, &octets).is_ok();
                let started = self.watchdog.reset(now.boottime).is_ok();
                debug_assert!(set && started);
            }
            Some(Step::Stop) => self.watchdog.stop(now.boottime),
            None => {}
        }
    }

    fn watchdog_expired(&mut self, now: Now, expired: watchdog::Expired) {
        self.say(Event::WatchdogExpired { timer_use: expired.timer_use });
        let (offset, severity, what) = match expired.action {
            watchdog::Action::None => (0, fault::INFORMATION, None),
            watchdog::Action::Reset => (1, fault::NON_RECOVERABLE, Some(Do::Reset)),
            watchdog::Action::PowerOff => (2, fault::NON_RECOVERABLE, Some(Do::Off)),
            watchdog::Action::PowerCycle => (3, fault::NON_RECOVERABLE, Some(Do::Cycle)),
        };
        if expired.log {
            self.report(now, &Fault::watchdog(WATCHDOG_SENSOR, offset, severity, expired.data), false);
        }
        if let Some(what) = what {
            // The timer was stopped when the host lost its power, so it can be acted upon.
            let _ = self.act(now, what, RestartCause::Watchdog);
        }
    }

    pub fn handle_timeout(&mut self, now: Now) {
        self.write_late_records(now.boottime);
        if let Some((_, to, bytes)) = self.overtaken.take_if(|(at, ..)| *at <= now.boottime) {
            self.send(now, to, bytes);
        }
        for sending in self.alerts.handle_timeout(now.boottime) {
            match sending {
                Ok(sending) => self.send_trap(now, sending),
                Err(ended) => {
                    self.say(Event::TrapGivenUp { sequence: ended.sequence });
                    self.alert_ended(now, ended, false);
                }
            }
        }
        self.hold_step(now, Input::Timeout);
        self.use_watchdog(now);
        if let Some(expired) = self.watchdog.handle_timeout(now.boottime) {
            self.watchdog_expired(now, expired);
        }
        while let Some(happened) = self.host.handle_timeout(now.boottime) {
            self.happened(now, happened);
        }
        let (due, later) = core::mem::take(&mut self.delayed).into_iter().partition(|(at, ..)| *at <= now.boottime);
        self.delayed = later;
        let due: Vec<(Duration, SocketAddr, Vec<u8>)> = due;
        for (_, to, bytes) in due {
            self.push(Output::Send { to, bytes });
        }
    }

    pub fn next_deadline(&self) -> Option<Duration> {
        let timers = [
            self.alerts.next_deadline(),
            self.hold.next_deadline(),
            self.watchdog.next_deadline(),
            self.firmware.next_deadline(self.host.power()),
            self.host.next_deadline(),
            self.delayed.iter().map(|(at, ..)| *at).min(),
            self.overtaken.as_ref().map(|(at, ..)| *at),
            self.unwritten.iter().map(|record| record.at).min(),
        ];
        timers.into_iter().flatten().min()
    }

    /// Keeps a command in the log and tells of it, before what it caused.
    pub fn record(&mut self, entry: Entry, run: impl FnOnce(&mut Self) -> u8) {
        let earlier = core::mem::take(&mut self.outputs);
        let completion = run(self);
        let caused = core::mem::replace(&mut self.outputs, earlier);
        let entry = Entry { completion, ..entry };
        self.log.push(&entry);
        self.say(Event::Command(entry));
        caused.into_iter().for_each(|output| self.push(output));
    }
}
