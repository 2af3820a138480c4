//! From an event to its alerts: filters, policies, destinations; and the alert that is ordered by hand.
//!
//! A filter's own reset, power-off or power cycle comes **before** its alert, as the specification has it (IPMI 2.0
//! section 17.3): whoever waits for the trap in order to act is too late. Uses `filters`, `settings`, `alert`.

use super::alert::{Afterwards, Ended, Told};
use super::board::Board;
use super::channel::CHANNEL;
use super::event::Event;
use super::fault::Fault;
use super::filters::Decision;
use super::host::{Do, RestartCause};
use super::options::Alert;
use super::sel::record_of;
use crate::now::Now;
use crate::wire::ipmi::Completion;
use crate::wire::pef::action;
use crate::wire::pef::alert::{ALERT_BUSY, AlertEvent, AlertStatus};
use crate::wire::pef::filter::Policy;
use crate::wire::sel::Record;

impl Board {
    /// What the filters do about an event; whether they ended what ran on the server.
    pub fn filter(&mut self, now: Now, fault: &Fault, deasserted: bool) -> bool {
        let up = now.boottime.saturating_sub(self.host_started);
        let record = Record(record_of(fault, deasserted));
        let Decision { actions, severity, policies } = self.filters.decide(now.boottime, up, &record);
        // What is over is told, and nothing more.
        let ended = !deasserted && self.act_for_filter(now, actions);
        let told = Told::fault(fault, deasserted, severity);
        for policy in (1..=15).filter(|policy| policies & 1 << policy != 0) {
            let entries = self.filters.entries(policy).collect();
            self.tell(now, told, entries, None);
        }
        ended
    }

    fn act_for_filter(&mut self, now: Now, actions: u8) -> bool {
        if actions & action::NMI != 0 && self.host.power().is_on() {
            self.say(Event::Nmi);
        }
        // In the order of their priority; one is enough.
        let ends = [(action::POWER_OFF, Do::Off), (action::POWER_CYCLE, Do::Cycle), (action::RESET, Do::Reset)];
        match ends.into_iter().find(|(bit, _)| actions & bit != 0) {
            Some((_, what)) => self.act(now, what, RestartCause::Pef).is_ok(),
            None => false,
        }
    }

    /// Works through the entries of a policy. `previous`: whether the entry before arrived, if there was one.
    fn tell(&mut self, now: Now, told: Told, entries: Vec<Policy>, mut previous: Option<bool>) {
        let mut left = entries.into_iter();
        while let Some(entry) = left.next() {
            match (entry.rule, previous) {
                (0, _) | (_, None | Some(false)) => {}
                (2, Some(true)) => return,
                // 1: this one is not needed; 3 and 4: nor are others of its channel or kind, and all are.
                (_, Some(true)) => continue,
            }
            let mine = entry.channel == CHANNEL && self.channel.alerts();
            let Some(alert) = self.settings.alert(entry.destination).filter(|_| mine) else {
                previous = Some(false);
                continue;
            };
            if alert.acknowledged && left.as_slice().iter().any(|later| later.rule != 0) {
                let entries = left.collect();
                self.send_alert(now, &alert, told, Some(Afterwards { told, entries }));
                return;
            }
            self.send_alert(now, &alert, told, None);
            previous = Some(true);
        }
    }

    fn send_alert(&mut self, now: Now, alert: &Alert, told: Told, afterwards: Option<Afterwards>) -> u16 {
        let (time, pet) = (self.clock(now), self.filters.guid);
        let guid = if pet.used { pet.guid } else { self.options.guid };
        let sending = self.alerts.alert(now, time, alert, guid, &told, afterwards);
        let sequence = sending.sequence;
        self.send_trap(now, sending);
        sequence
    }

    /// An alert is over: it was acknowledged, or given up.
    pub fn alert_ended(&mut self, now: Now, ended: Ended, arrived: bool) {
        if self.by_hand_waits_for == Some(ended.sequence) {
            self.by_hand_waits_for = None;
            self.by_hand = if arrived { AlertStatus::Done } else { AlertStatus::Retried };
        }
        if let Some(Afterwards { told, entries }) = ended.afterwards {
            self.tell(now, told, entries, Some(arrived));
        }
    }

    /// Alert Immediate: neither filter nor policy is asked.
    pub fn alert_by_hand(&mut self, now: Now, destination: u8, event: Option<AlertEvent>) -> Result<(), Completion> {
        if self.by_hand == AlertStatus::Running || self.options.quirks.alert_busy {
            return Err(Completion(ALERT_BUSY));
        }
        if !self.channel.alerts() {
            return Err(Completion::STATE);
        }
        let alert = self.settings.alert(destination).ok_or(Completion::FIELD)?;
        let sequence = self.send_alert(now, &alert, Told::by_hand(event), None);
        let waits = alert.acknowledged;
        self.by_hand_waits_for = waits.then_some(sequence);
        self.by_hand = if waits { AlertStatus::Running } else { AlertStatus::Done };
        Ok(())
    }

    /// Forgets what became of the alert by hand; the trap itself goes on.
    pub fn forget_alert_by_hand(&mut self) {
        self.by_hand = AlertStatus::None;
        self.by_hand_waits_for = None;
    }
}
