//! Keeps the promises: by what is true of a server, and by what passed on the way to us.

use crate::promises::Promise;
use crate::server::Server;
use crate::truth::{State, Timer};
use crate::world::{World, s};
use bmcnotice::engine::PeerStatus;
use bmcnotice::heartbeat::{Doubt, Pulse, TakeOver, Verdict};
use std::time::Duration;

/// The BMC counts in tenths of a second, and so does whoever reads it.
const TENTH: Duration = Duration::from_millis(250);
/// With nothing else wrong than one loss in ten: from what is true to the table's word for it.
const SETTLED: Duration = s(20);

/// What is checked when a condition has lasted for time-out and interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Off,
    Silent,
}

impl World {
    /// A round's questions, at their slowest: each is repeated for so long, and its answer is on its way for so long.
    fn round(&self) -> Duration {
        // A link waits a learnt pace, and on a slow network that is longer.
        let patience = if self.fate.is_mild() { Duration::from_millis(3750) } else { s(9) };
        (patience + self.fate.weather.slowest * 4) * 2
    }

    /// Until somebody who gets no answers has asked twice in vain, at the most.
    fn in_vain(&self) -> Duration {
        self.fate.interval * 5 + self.round() * 2
    }

    /// Until a server that is not fed is silent: another owner may feed as rarely as its timer is long.
    fn timeout_of(&self, peer: usize) -> Duration {
        self.fate.timeout.max(self.servers[peer].kind.kernel.map_or(Duration::ZERO, s))
    }

    fn current(&self) -> Duration {
        (self.fate.interval * 2).max(s(5))
    }

    /// An engine has done something.
    pub fn look_at(&mut self, watcher: usize) {
        if self.servers[watcher].parting {
            return;
        }
        while let Some(status) = self.servers[watcher].engine.as_mut().and_then(|engine| engine.take_touched()) {
            let peer = usize::from(status.id.0);
            self.tally.rounds += 1;
            self.tally.missed += u64::from(status.misses > 0);
            let told = self.servers[watcher].told[peer];
            if self.servers[watcher].seen[peer].as_ref().is_none_or(|seen| seen.pulse != status.pulse) {
                self.servers[watcher].read[peer] = self.time;
            }
            self.servers[watcher].seen[peer] = Some(status.clone());
            if told.unwrap_or(Verdict::Unknown(Doubt::NotAsked)) != status.verdict {
                let what = format!("server{} is {}, told was {told:?}", peer + 1, status.verdict);
                self.broken(Promise::Told, what);
            }
            self.judge(watcher, peer);
        }
        self.judge_answers(watcher);
    }

    /// Every second.
    pub fn judge_all(&mut self) {
        for watcher in 0..self.servers.len() {
            for peer in 0..self.servers.len() {
                self.judge(watcher, peer);
            }
            self.judge_answers(watcher);
        }
    }

    /// "May I take over?", at any moment.
    fn judge_answers(&mut self, watcher: usize) {
        let here = &self.servers[watcher];
        if !here.is_awake() || here.parting {
            return;
        }
        let now = here.now(self.time).boottime;
        for peer in 0..self.servers.len() {
            let Some(status) = &self.servers[watcher].seen[peer] else { continue };
            if status.take_over(now).0 != TakeOver::Yes {
                continue;
            }
            let from = self.time - self.current() - self.fate.weather.slowest * 4;
            let is = self.servers[peer].truth.was(from, self.time, |state, _, _| !state.on);
            self.tally.yes += 1;
            if !is || watcher == peer {
                let what = format!("server{}'s services to server{}: it has power", peer + 1, watcher + 1);
                self.broken(Promise::TakeOver, what);
            }
        }
    }

    fn judge(&mut self, watcher: usize, peer: usize) {
        let here = &self.servers[watcher];
        // Right after it woke, nobody can have asked yet.
        if !here.is_awake() || here.parting || self.time < here.woke + self.round() + self.fate.interval {
            return;
        }
        let Some(status) = here.seen[peer].clone() else { return };
        let Some(heard) = status.heard.map(|heard| here.boot_at + heard.boottime) else { return };
        let slept = if heard < here.woke { here.slept } else { Duration::ZERO };
        let read = here.read[peer];
        let age = self.time.saturating_sub(heard).saturating_sub(slept);
        let longest = match status.verdict {
            Verdict::Off => self.current() + self.in_vain(),
            Verdict::Unknown(_) => Duration::MAX,
            _ => self.timeout_of(peer) + self.in_vain(),
        };
        // One answer alone changes nothing: it may be the one before it that holds.
        let first = status.power == Some(false) && status.verdict != Verdict::Off;
        let before = if first { self.fate.timeout + self.in_vain() } else { self.fate.interval / 8 * 9 };
        let from = heard.saturating_sub(self.round() + before + if first { here.slept } else { Duration::ZERO });
        if age > longest {
            let what = format!(
                "server{} is {} for server{}, by an answer of {age:?} ago",
                peer + 1,
                status.verdict,
                watcher + 1
            );
            self.broken(Promise::Evidence, what);
        }
        // The next question comes an interval later at the most, and what comes of it is known after its round; where a third
        // of everything is lost, several of them may be in vain.
        let asked = if self.fate.is_mild() { self.fate.interval + self.round() } else { self.in_vain() };
        let late = self.timeout_of(peer) + asked + slept;
        let (timeout, warning) = (self.fate.timeout, self.fate.warning());
        let longest = self.timeout_of(peer);
        let to = self.time;
        let was = |so: &dyn Fn(State, Duration, Duration) -> bool| self.servers[peer].truth.was(from, to, so);
        let (promise, is) = match status.verdict {
            Verdict::Off => (Promise::Off, was(&|state, _, _| !state.on)),
            Verdict::Silent => (Promise::Silent, was(&|state, _, end| state.unfed_for(end + TENTH, timeout))),
            Verdict::Alive => {
                let fed = was(&|state, begin, _| state.fed_within(begin, longest + TENTH));
                let lately = self.servers[peer]
                    .truth
                    .was(to.saturating_sub(late), to, |state, begin, _| state.fed_within(begin, TENTH));
                (Promise::Alive, fed && lately)
            }
            Verdict::Delayed => {
                // By now, whether it was seen to be late or was not seen any more: its BMC silent, or its countdown unclear.
                let before = if let Pulse::Fed { ago, .. } = status.pulse { ago } else { Duration::ZERO };
                let read = to.saturating_sub(read) + before + self.round(); // it is told when its round is over
                let unseen = age.max(read) + TENTH > warning;
                (Promise::Alive, unseen || was(&|state, _, _| !state.fed_within(to, warning - TENTH)))
            }
            Verdict::Left => (Promise::Row, was(&|state, _, _| state.on && state.timer == Timer::Goodbye)),
            Verdict::Booting => (Promise::Row, was(&|state, _, _| state.on && state.timer == Timer::Firmware)),
            Verdict::Powered => (Promise::Row, was(&|state, _, _| state.on)),
            Verdict::Unknown(_) => (Promise::Row, true),
        };
        if !is {
            let truth = self.servers[peer].truth.now();
            let what = format!("server{} is {} for server{}: {truth:?}", peer + 1, status.verdict, watcher + 1);
            self.broken(promise, what);
        }
        self.judge_restarts(watcher, peer, &status);
        self.judge_table(watcher, peer, &status);
    }

    /// Whether on the way from one to the other nothing has been wrong since then but loss.
    fn is_calm(&self, watcher: usize, peer: usize, since: Duration) -> bool {
        self.fate.is_mild() && self.rough_until[watcher][peer] <= since && self.servers[watcher].woke + s(30) <= since
    }

    fn judge_table(&mut self, watcher: usize, peer: usize, status: &PeerStatus) {
        let truth = &self.servers[peer].truth;
        let since = truth.same_since.max(self.rough_until[watcher][peer]).max(self.servers[watcher].woke + s(30));
        if !self.is_calm(watcher, peer, since) || self.time < since + SETTLED + self.fate.interval * 2 {
            return;
        }
        if matches!(status.verdict, Verdict::Unknown(Doubt::Elsewhere)) {
            return;
        }
        let pinned = self.servers[peer].kind.pinned || watcher == peer;
        let State { on, timer } = truth.now();
        let fits = match (on, timer, status.verdict) {
            (false, _, Verdict::Off) => pinned,
            (false, _, Verdict::Unknown(Doubt::Unproven)) => !pinned,
            (false, ..) => false,
            (true, Timer::Goodbye, verdict) => verdict == Verdict::Left,
            (true, Timer::Firmware, verdict) => verdict == Verdict::Booting,
            (true, Timer::Stopped, verdict) => verdict == Verdict::Powered,
            (true, Timer::Expired(_), verdict) => matches!(verdict, Verdict::Silent | Verdict::Powered),
            // What it is while it is fed no more has promises of its own.
            (true, Timer::Fed(at), verdict) if at + self.fate.interval * 2 + s(2) > self.time => {
                matches!(verdict, Verdict::Alive | Verdict::Delayed)
                    && (verdict == Verdict::Alive || self.lately_unfed(peer))
            }
            (true, Timer::Fed(at), verdict) => {
                !matches!(verdict, Verdict::Unknown(_)) || at + self.fate.timeout < self.time
            }
        };
        if !fits {
            let what = format!("server{} is {} for server{}: {:?}", peer + 1, status.verdict, watcher + 1, truth.now());
            self.broken(Promise::Table, what);
        }
    }

    /// Whether some moments ago it had not been fed for the warning's share.
    fn lately_unfed(&self, peer: usize) -> bool {
        let from = self.time.saturating_sub(self.fate.interval * 2 + self.round());
        let warning = self.fate.warning();
        self.servers[peer].truth.was(from, self.time, |state, _, end| state.unfed_for(end + TENTH, warning))
    }

    fn judge_restarts(&mut self, watcher: usize, peer: usize, status: &PeerStatus) {
        let Server { boots_seen, .. } = &mut self.servers[watcher];
        let boots = boots_seen[peer];
        let happened = self.servers[peer].truth.boots - boots;
        if status.restarts > happened {
            let what =
                format!("server{} restarted {} times for server{}: {happened}", peer + 1, status.restarts, watcher + 1);
            self.broken(Promise::Restarts, what);
        }
    }

    /// When the next thing has to be found out at last.
    pub fn next_wanted(&self) -> Option<Duration> {
        self.servers
            .iter()
            .filter_map(|server| self.is_wanted(server))
            .map(|(_, at, _)| at)
            .filter(|at| *at > self.time)
            .min()
    }

    /// As a share of time-out and interval.
    pub fn share(&self, took: Duration) -> f64 {
        took.as_secs_f64() / (self.fate.timeout + self.fate.interval).as_secs_f64()
    }

    /// What has to be found out, by when, counted from when.
    fn is_wanted(&self, server: &Server) -> Option<(Wanted, Duration, Duration)> {
        let limit = self.fate.timeout + self.fate.interval;
        let slow = server.kind.kernel.is_some_and(|seconds| s(seconds) > self.fate.timeout);
        match server.truth.now() {
            State { on: false, .. } if server.kind.pinned => {
                let since = server.truth.power_since;
                Some((Wanted::Off, since + limit, since))
            }
            // What is lost is asked again four times a second: in a shorter interval that may not be often enough.
            State { on: true, timer: Timer::Fed(at) } if self.fate.interval >= s(3) && !slow => {
                Some((Wanted::Silent, at + limit, at))
            }
            State { .. } => None,
        }
    }

    /// It is time: who watches it knows.
    pub fn judge_wanted(&mut self) {
        for peer in 0..self.servers.len() {
            let Some((wanted, _, since)) = self.is_wanted(&self.servers[peer]).filter(|(_, at, _)| *at == self.time)
            else {
                continue;
            };
            for watcher in (0..self.servers.len()).filter(|watcher| *watcher != peer) {
                let here = &self.servers[watcher];
                if !here.is_awake() || here.parting || !self.is_calm(watcher, peer, since) {
                    continue;
                }
                let Some(status) = here.seen[peer].clone() else { continue };
                if status.verdict == Verdict::Unknown(Doubt::Elsewhere) {
                    continue;
                }
                let (promise, verdict) = match wanted {
                    Wanted::Off => (Promise::DetectsOff, Verdict::Off),
                    Wanted::Silent => (Promise::DetectsSilent, Verdict::Silent),
                };
                let share = self.share((here.boot_at + status.since).saturating_sub(since));
                self.wanted.push((watcher, peer, verdict, since));
                if status.verdict == verdict {
                    match wanted {
                        Wanted::Off => self.tally.off.note(share),
                        Wanted::Silent => self.tally.silent.note(share),
                    }
                } else {
                    let what =
                        format!("server{} is {} for server{}, since {since:?}", peer + 1, status.verdict, watcher + 1);
                    self.broken(promise, what);
                }
            }
        }
    }

    /// The life is over.
    pub fn sum_up(&mut self) {
        for watcher in 0..self.servers.len() {
            let mut all = Vec::new();
            if let Some(engine) = self.servers[watcher].engine.as_ref().filter(|_| !self.servers[watcher].parting) {
                engine.peers(&mut all);
            }
            for status in all {
                let told = self.servers[watcher].told[usize::from(status.id.0)];
                if told.unwrap_or(Verdict::Unknown(Doubt::NotAsked)) != status.verdict {
                    self.broken(
                        Promise::Told,
                        format!("{} is {} in the end, told was {told:?}", status.server, status.verdict),
                    );
                }
            }
        }
    }
}
