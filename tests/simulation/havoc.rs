//! The disturbances, done.

use crate::air::Due;
use crate::fate::{Back, What, Word};
use crate::site::{BMC, OTHER_BMC, OTHER_GUID, STRANGER};
use crate::storage::Failing;
use crate::truth::Sent;
use crate::world::{World, s};
use bmcnotice::sim::Fault;
use bmcnotice::wire::command::CHASSIS_CONTROL;
use bmcnotice::wire::ipmi::Request;
use std::time::Duration;

impl World {
    /// A disturbance comes.
    pub fn fire(&mut self, place: usize) {
        let (_, what) = self.fate.disturbances[place];
        self.fired[place] = true;
        if !self.disturb(what) {
            return;
        }
        self.last_event = self.last_event.max(self.time);
    }

    /// False: it can do nothing here.
    pub fn disturb(&mut self, what: What) -> bool {
        let state = self.state();
        let alive = self.engine.is_some();
        let ours = matches!(what, What::Operator(_) | What::Kill(..) | What::Rebuild | What::Reload | What::Stopped(_));
        let hosts = matches!(what, What::HostReset | What::Suspend(_));
        if (ours && !alive) || (hosts && !self.host_up) {
            return false;
        }
        self.tell(&format!("DISTURBED in {state:?}: {}: {what:?}", what.name()));
        self.coverage.count(what, state);
        match what {
            What::Kill(_, away) => self.kill(away),
            What::Rebuild => {
                self.excused = self.storage.is_excused(self.time);
                self.engine = None;
                self.come_up();
            }
            What::Reload => self.put(Duration::ZERO, Due::Reload(self.process)), // between two inputs
            What::BmcRestart(away, back, span) => {
                let quirks = self.bmc.quirks_mut();
                match back {
                    Back::Well => {}
                    Back::NoSlots => quirks.no_slots = true,
                    Back::RefusesLogins => quirks.reject_logins = true,
                    Back::OtherGuid => quirks.shown_guid = Some(OTHER_GUID),
                }
                // Who it is, is asked again only after a minute.
                self.bmc_may_not_listen |= back == Back::OtherGuid;
                self.bmc.restart(self.bmc_now(), away);
                self.drain_bmc();
                self.put(away + span, Due::BmcIsWell);
            }
            What::Deaf(span) => {
                self.bmc.quirks_mut().handshake_code = Some(0xD5);
                match span {
                    Some(span) => self.put(span, Due::BmcHears),
                    None => self.bmc_may_not_listen = true,
                }
            }
            What::Silent(span) => {
                self.bmc.quirks_mut().silent = true;
                self.put(span, Due::BmcSpeaks);
            }
            What::HostReset => {
                let _ = self.bmc.command(self.bmc_now(), &Request::new(CHASSIS_CONTROL, [3]));
                self.drain_bmc();
            }
            What::ClockStep(by) => self.ahead += by,
            What::Suspend(span) | What::Stopped(span) => {
                let until = self.time + span;
                self.storage.nobody_runs_until(self.time, until);
                self.paused = Some((until, matches!(what, What::Suspend(_))));
            }
            What::Repeats(count) => {
                let Some((trap, bytes)) = self.last_trap.clone() else { return true };
                for _ in 0..count {
                    self.put(Duration::ZERO, Due::ToTraps(BMC.parse().unwrap(), Some(trap), bytes.clone()));
                }
            }
            What::OtherFault(name) => self.raise(name),
            What::Cleared => {
                let fault = Fault::preset("uncorrectable-memory").unwrap();
                self.bmc.clear(self.bmc_now(), &fault);
                self.drain_bmc();
            }
            What::Foreign(count) => {
                let Some((_, bytes)) = self.last_trap.clone() else { return true };
                for nth in 0..count {
                    let from = if nth % 2 == 0 { OTHER_BMC } else { STRANGER };
                    self.put(Duration::ZERO, Due::ToTraps(from.parse().unwrap(), None, bytes.clone()));
                }
            }
            What::Forged => {
                let bytes = crate::hands::forged(self.dice.below(1 << 16) as u16);
                let trap = self.number(&bytes);
                self.forged.extend(trap);
                self.put(Duration::ZERO, Due::ToTraps(BMC.parse().unwrap(), trap, bytes));
            }
            What::Garbage(count) => (0..count).for_each(|_| self.garbage()),
            What::AppendsFail { percent, short, compaction, span } => {
                self.storage.fail(Failing { until: self.time + span, percent, short, compaction });
            }
            What::Operator(word) => self.put(Duration::ZERO, Due::Operator(word)),
            What::DiskStops(stop, span) => self.storage.stop(stop, self.time + span),
            What::Deleted => self.storage.delete(),
            What::Damaged => {
                let _ = self.storage.damage(&mut self.dice);
            }
        }
        true
    }

    pub fn kill(&mut self, away: Duration) {
        self.die();
        self.put(away, Due::Start(self.process));
    }

    pub fn reload(&mut self) {
        let now = self.now();
        let Some(engine) = &mut self.engine else { return };
        engine.stop(now);
        self.drain();
        if let Some(engine) = &mut self.engine {
            engine.hang_up(now);
            self.drain();
        }
        if self.engine.is_some() {
            self.die();
            self.come_up();
        }
    }

    fn garbage(&mut self) {
        let length = self.dice.below(120) as usize;
        let mut bytes: Vec<u8> = (0..length).map(|_| self.dice.below(256) as u8).collect();
        if let Some((_, trap)) = &self.last_trap
            && self.dice.percent(40)
        {
            bytes = trap[..self.dice.below(trap.len() as u64) as usize].to_vec();
        }
        let from = [BMC, OTHER_BMC, STRANGER][self.dice.below(3) as usize].parse().unwrap();
        self.put(Duration::ZERO, Due::ToTraps(from, None, bytes.clone()));
        self.put(Duration::ZERO, Due::ToClient(from, bytes.clone()));
        self.put(Duration::ZERO, Due::ToBmc(from, Sent::default(), bytes));
    }

    /// The host is gone: with it we, and tmpfs.
    pub fn host_dies(&mut self) {
        self.die();
        self.storage.host_died(&mut self.dice);
        (self.host_up, self.last_event) = (false, self.time);
    }

    /// The operator's word, to every recovery that is not closed.
    pub fn operate(&mut self, word: Word) {
        let now = self.now();
        let open = self.book.0.iter().filter(|(_, entry)| entry.is_open() && entry.boot == self.boot);
        for serial in open.map(|(serial, _)| *serial).collect::<Vec<_>>() {
            let Some(engine) = &mut self.engine else { return };
            let done = match word {
                Word::Release => engine.release(now, serial),
                Word::Cancel => engine.cancel(now, serial),
                Word::Clear => engine.clear(now, serial),
                Word::Maintenance(on) => {
                    engine.set_maintenance(now, on);
                    self.maintenance = on;
                    Ok(())
                }
            };
            if let (Ok(()), Word::Release, Some(truth)) = (&done, word, self.truth(serial)) {
                truth.released = true;
            }
            let ends = matches!(word, Word::Cancel | Word::Clear);
            if let (Ok(()), true, Some(truth)) = (done, ends, self.truth(serial)) {
                truth.cancelled = true;
            }
            self.drain();
        }
    }

    /// The operating system ends or panics, and boots again.
    pub fn host_ends(&mut self) {
        let _ = self.bmc.command(self.bmc_now(), &Request::new(CHASSIS_CONTROL, [3]));
        self.drain_bmc();
    }

    pub fn host_boots(&mut self) {
        if self.host_up {
            return;
        }
        let (since, wait) = (self.dice.up_to(s(30)), self.dice.up_to(s(5)));
        (self.host_up, self.boot, self.boot_at) = (true, self.boot + 1, self.time - since);
        (self.process, self.last_event) = (self.process + 1, self.time);
        self.tell("the host is up, and all on tmpfs is gone");
        self.put(wait, Due::Start(self.process));
    }

    pub fn press_power(&mut self) {
        let _ = self.bmc.command(self.bmc_now(), &Request::new(CHASSIS_CONTROL, [1]));
        self.drain_bmc();
    }
}
