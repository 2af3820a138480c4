//! What is known of one server, and the verdict that follows.
//!
//! A round of questions brings what its BMC shows of power and pulse, or why it shows nothing; the verdict is a function of
//! the last round, of what was read before, and of the rules. Silence is never a verdict on the server, and one lost or
//! unclear answer changes nothing; but what was seen lasts no longer than it was good for, and *off* shortest of all.
//! Uses `evidence`, `verdict`; the answers behind it are a BMC's, hostile.

use super::evidence::{Doubt, Power, Pulse};
use super::verdict::Verdict;
use crate::now::Now;
use core::time::Duration;

/// Power off is believed when it was read so often in a row.
const OFF_READINGS: u8 = 2;
/// After a reading that is not believed alone, *off* or a countdown that was not seen to move, the next one follows so soon.
pub const CONFIRM: Duration = Duration::from_millis(500);
/// So many rounds in vain, and an *off* that is older than [`Rules::current`] is over.
const OFF_MISSES: u32 = 2;
/// Behind the moment that decides: the BMC counts in tenths of a second.
const DECIDES_BEHIND: Duration = Duration::from_millis(150);

/// When late is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Not fed, or not answered, for so long: silent, or unknown.
    pub timeout: Duration,
    /// For so long: delayed. Less than `timeout`.
    pub warning: Duration,
    /// For so long an *off* is good.
    pub current: Duration,
}

/// What the watchdog showed in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// It was not asked, or cannot be read.
    Nothing,
    /// Nothing that can be used, this time.
    Unclear,
    /// That it was set anew; it is yet to be seen to count.
    Anew,
    /// This, at this moment (boottime).
    Pulse(Pulse, Duration),
}

/// What a round of questions brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// Power, and what the watchdog showed.
    Told(Power, Shown),
    /// It answered without a session, which tells nothing of the server.
    Answers(Doubt),
    /// It did not answer as it should.
    None(Doubt),
}

/// What a round has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Change {
    /// The verdict is another one.
    pub verdict: bool,
    /// The server has restarted since the last round.
    pub restarted: bool,
    /// Ask again this soon: an answer then decides.
    pub again: Option<Duration>,
}

/// What is known of one server.
#[derive(Debug, Clone)]
pub struct Peer {
    verdict: Verdict,
    since: Duration,
    heard: Option<Now>,
    /// The same (boottime), but that while we slept no time has passed.
    quiet_since: Duration,
    /// When the feeding that was seen last was seen; likewise.
    read_at: Duration,
    /// How long before that it was: perhaps before our own boot.
    fed_before: Duration,
    power: Option<Power>,
    pulse: Pulse,
    round_trip: Option<Duration>,
    misses: u32,
    off_readings: u8,
    /// It was off; its power has not been seen since.
    was_off: bool,
    restarts: u32,
    /// A restart is counted once, by whatever shows it first; until its software was seen to live again. Since when.
    settling: Option<Duration>,
}

impl Peer {
    /// Nothing is known yet.
    pub fn new(now: Now) -> Self {
        Self {
            verdict: Verdict::Unknown(Doubt::NotAsked),
            since: now.boottime,
            heard: None,
            quiet_since: now.boottime,
            read_at: Duration::ZERO,
            fed_before: Duration::ZERO,
            power: None,
            pulse: Pulse::Unread,
            round_trip: None,
            misses: 0,
            off_readings: 0,
            was_off: false,
            restarts: 0,
            settling: None,
        }
    }

    /// The present verdict.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Since when (boottime) it holds.
    pub fn since(&self) -> Duration {
        self.since
    }

    /// When the BMC last answered.
    pub fn heard(&self) -> Option<Now> {
        self.heard
    }

    /// The power, as it was read last.
    pub fn power(&self) -> Option<Power> {
        self.power
    }

    /// The pulse, as it was read last.
    pub fn pulse(&self) -> Pulse {
        self.pulse
    }

    /// How long the last answer took.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Rounds without an answer since the last one with one.
    pub fn misses(&self) -> u32 {
        self.misses
    }

    /// How often the server was seen to restart.
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Our own process, or host, slept for so long: that nobody answered meanwhile is no news. What was seen before is as
    /// old as it is all the same, and [`Peer::heard`] says so.
    pub fn slept(&mut self, for_so_long: Duration) {
        self.quiet_since += for_so_long;
        self.read_at += for_so_long;
    }

    /// The server has restarted; true if that was not known.
    fn restart(&mut self, now: Now) -> bool {
        if self.settling.is_some() {
            return false;
        }
        self.settling = Some(now.boottime);
        self.restarts = self.restarts.saturating_add(1);
        true
    }

    /// Weighs a round. `restarted`: its pulse shows another boot.
    pub fn weigh(
        &mut self,
        now: Now,
        round: Round,
        restarted: bool,
        round_trip: Option<Duration>,
        rules: &Rules,
    ) -> Change {
        let before = self.verdict;
        let mut change = Change::default();
        let verdict = match round {
            Round::Told(power, shown) => {
                self.answered(now, round_trip);
                let former = self.power.replace(power);
                if power.on {
                    self.off_readings = 0;
                    let came_back = core::mem::take(&mut self.was_off);
                    let anew = came_back || restarted;
                    change.restarted = anew && self.restart(now);
                    match shown {
                        Shown::Unclear | Shown::Anew => self.unclear(now, shown, anew, rules, &mut change),
                        Shown::Nothing => self.on(now, (Pulse::Unread, now.boottime), rules, &mut change),
                        Shown::Pulse(pulse, at) => self.on(now, (pulse, at), rules, &mut change),
                    }
                } else {
                    self.off(power, former, &mut change)
                }
            }
            Round::Answers(doubt) => {
                self.answered(now, round_trip);
                self.off_readings = 0;
                Verdict::Unknown(doubt)
            }
            Round::None(doubt) => {
                self.misses = self.misses.saturating_add(1);
                self.off_readings = 0;
                self.unanswered(now, doubt, rules, &mut change)
            }
        };
        if verdict != before {
            self.verdict = verdict;
            self.since = now.boottime;
            change.verdict = true;
        }
        change
    }

    fn answered(&mut self, now: Now, round_trip: Option<Duration>) {
        self.heard = Some(now);
        self.quiet_since = now.boottime;
        self.misses = 0;
        self.round_trip = round_trip.or(self.round_trip);
    }

    /// No power, said a BMC of which it was proven, or not, whose it is.
    fn off(&mut self, power: Power, former: Option<Power>, change: &mut Change) -> Verdict {
        self.pulse = Pulse::Unread;
        let same = former == Some(power);
        self.off_readings = if same { self.off_readings.saturating_add(1) } else { 1 };
        let verdict = if power.proven { Verdict::Off } else { Verdict::Unknown(Doubt::Unproven) };
        if self.off_readings < OFF_READINGS {
            change.again = Some(CONFIRM);
            // What was proven and is not any more does not hold.
            return if self.verdict == Verdict::Off { verdict } else { self.verdict };
        }
        self.was_off = true;
        self.settling = None; // the next boot is another restart
        verdict
    }

    /// Power: `design`'s table, row by row.
    fn on(&mut self, now: Now, (pulse, at): (Pulse, Duration), rules: &Rules, change: &mut Change) -> Verdict {
        self.pulse = pulse;
        match pulse {
            Pulse::Unread | Pulse::Stopped => Verdict::Powered,
            Pulse::Goodbye => {
                self.settling = None;
                Verdict::Left
            }
            Pulse::Boot => Verdict::Booting,
            Pulse::Expired => Verdict::Silent,
            Pulse::Fed { ago, .. } => {
                (self.read_at, self.fed_before) = (at, ago);
                self.settling = self.settling.filter(|since| at < *since + ago); // a former boot's feeding
                let (warning, timeout) = self.limits(rules);
                if ago > timeout {
                    return Verdict::Silent;
                }
                let late = ago > warning;
                change.again = Some(self.until(now, if late { timeout } else { warning }));
                if late { Verdict::Delayed } else { Verdict::Alive }
            }
        }
    }

    /// From which age a feeding is late, and from which it is silence. Another owner is judged by its own pace where that is slower:
    /// who feeds once a minute is not dead after half of one.
    fn limits(&self, rules: &Rules) -> (Duration, Duration) {
        let good_for = match self.pulse {
            Pulse::Fed { good_for, .. } => good_for,
            Pulse::Unread | Pulse::Stopped | Pulse::Goodbye | Pulse::Boot | Pulse::Expired => Duration::ZERO,
        };
        (rules.warning.max(good_for / 5 * 4), rules.timeout.max(good_for))
    }

    /// Until what was fed last is older than this.
    fn until(&self, now: Now, limit: Duration) -> Duration {
        (self.read_at + limit + DECIDES_BEHIND).saturating_sub(now.boottime + self.fed_before)
    }

    /// There is power, and what the watchdog showed cannot be used: what it showed before stands.
    fn unclear(&self, now: Now, shown: Shown, restarted: bool, rules: &Rules, change: &mut Change) -> Verdict {
        let verdict = match self.verdict {
            _ if restarted => Verdict::Powered, // that was another boot's
            // From one that feeds it to another.
            Verdict::Alive => self.aged(now, Verdict::Powered, rules, change),
            Verdict::Delayed if shown == Shown::Unclear => self.aged(now, Verdict::Powered, rules, change),
            Verdict::Silent | Verdict::Left | Verdict::Booting if shown == Shown::Unclear => self.verdict,
            Verdict::Delayed | Verdict::Silent | Verdict::Left | Verdict::Booting => Verdict::Powered,
            Verdict::Powered | Verdict::Off | Verdict::Unknown(_) => Verdict::Powered,
        };
        change.again = Some(CONFIRM);
        verdict
    }

    /// What is left of *alive* or *delayed* without a newer reading.
    fn aged(&self, now: Now, over: Verdict, rules: &Rules, change: &mut Change) -> Verdict {
        let age = now.boottime.saturating_sub(self.read_at) + self.fed_before;
        let (warning, timeout) = self.limits(rules);
        if age > timeout {
            return over;
        }
        let late = self.verdict == Verdict::Delayed || age > warning;
        change.again = Some(self.until(now, if late { timeout } else { warning }));
        if late { Verdict::Delayed } else { Verdict::Alive }
    }

    /// Within the time-out of the last answer, silence changes nothing but that it warns.
    fn unanswered(&self, now: Now, doubt: Doubt, rules: &Rules, change: &mut Change) -> Verdict {
        let unknown = Verdict::Unknown(doubt);
        let Some(heard) = self.heard.filter(|_| matches!(doubt, Doubt::Silent | Doubt::Malformed)) else {
            return unknown;
        };
        let quiet = now.boottime.saturating_sub(self.quiet_since);
        if quiet >= rules.timeout {
            return unknown;
        }
        change.again = Some(rules.timeout - quiet);
        let stale = now.boottime.saturating_sub(heard.boottime) > rules.current;
        let verdict = match self.verdict {
            Verdict::Off if stale && self.misses >= OFF_MISSES => unknown,
            Verdict::Alive | Verdict::Delayed => self.aged(now, unknown, rules, change),
            // It said no more than that it is there; one loss does not make it silent.
            Verdict::Unknown(Doubt::Elsewhere | Doubt::NoLogin | Doubt::Unproven) => self.verdict,
            // Which obstacle there was before is no news any more: it is silent now.
            Verdict::Unknown(
                Doubt::NotAsked | Doubt::Silent | Doubt::Login | Doubt::NoSlot | Doubt::Identity | Doubt::Malformed,
            ) => unknown,
            Verdict::Powered | Verdict::Booting | Verdict::Silent | Verdict::Left | Verdict::Off => self.verdict,
        };
        if self.misses == 1 {
            change.again = Some(Duration::ZERO); // it may have been a loss, no more
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heartbeat::evidence::Feeder;
    use crate::heartbeat::mark::Vouched;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A watcher that boots finds a server that was fed before: what it saw last is as old as it is.
    #[test]
    fn a_feeding_from_before_our_boot_is_as_old_as_it_is() {
        let rules = Rules { timeout: s(90), warning: s(72), current: s(6) };
        let at = |seconds| Now { boottime: s(seconds), wall: s(1000 + seconds) };
        let mut peer = Peer::new(at(1));
        let pulse = Pulse::Fed { ago: s(60), by: Feeder::Ours(Vouched::Library), good_for: s(0) };
        let told = Round::Told(Power { on: true, proven: true }, Shown::Pulse(pulse, s(10)));
        let change = peer.weigh(at(10), told, false, None, &rules);
        assert_eq!((peer.verdict(), change.again), (Verdict::Alive, Some(s(12) + DECIDES_BEHIND)));
        for (seconds, verdict) in [(21, Verdict::Alive), (23, Verdict::Delayed), (39, Verdict::Delayed)] {
            peer.weigh(at(seconds), Round::None(Doubt::Silent), false, None, &rules);
            assert_eq!(peer.verdict(), verdict, "{seconds} s after our boot");
        }
        peer.weigh(at(41), Round::None(Doubt::Silent), false, None, &rules);
        assert_eq!(peer.verdict(), Verdict::Unknown(Doubt::Silent));
    }
}
