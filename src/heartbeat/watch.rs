//! Watches over all servers that have a BMC: asks round by round, and comes to a verdict on each.
//!
//! Sans-IO: `poll` says what to ask, `answered` takes what came of it. A round asks the watchdog first and the power last,
//! one question at a time, and is weighed as a whole; without a session it is a ping. Uses all of `heartbeat`; the
//! answers are a BMC's, hostile.

use super::answer::{Answer, Question};
use super::countdown::{Countdown, Reading};
use super::evidence::Doubt;
use super::peer::{CONFIRM, Change, Peer, Round, Rules, Shown};
use super::probe::Timetable;
use crate::crypto::Random;
use crate::now::Now;
use crate::words::ServerId;
use alloc::collections::VecDeque;
use core::time::Duration;

/// So many answers in a row that show nothing of the watchdog, and it cannot be read.
const UNCLEAR_READINGS: u8 = 3;

/// A question that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// About which server.
    pub server: ServerId,
    /// What.
    pub question: Question,
}

/// How a server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// Over a session: the power, and the pulse if that is wanted.
    Session {
        /// Whether the watchdog is read, too.
        pulse: bool,
    },
    /// By pings, which tell no more than this.
    Ping(Doubt),
}

/// What a round has brought about one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weighed {
    /// See [`Change`].
    pub change: Change,
    /// The watchdog showed nonsense.
    pub absurd: bool,
    /// Nobody answered.
    pub missed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the timetable.
    Waits,
    /// Since then.
    Asked(Question, Duration),
    /// The round's next question is to be asked.
    Follows,
}

#[derive(Debug)]
struct Row {
    server: ServerId,
    way: Way,
    peer: Peer,
    countdown: Countdown,
    planned: Duration,
    /// When it is asked next.
    due: Duration,
    state: State,
    /// We slept since it was asked: an answer may be as old as that.
    stale: bool,
    /// What this round's first question brought.
    shown: Shown,
    absurd: bool,
    stands: bool,
    /// How often in a row it brought nothing of use.
    unclear: u8,
    /// It showed a restart, and no round has told of it yet.
    restarted: bool,
    /// It is among those who were touched.
    touched: bool,
}

/// The watch over all servers.
#[derive(Debug)]
pub struct Watch {
    rules: Rules,
    rows: Vec<Row>,
    /// Row by server.
    places: Vec<Option<usize>>,
    timetable: Timetable,
    follow: VecDeque<usize>,
    /// Rows that somebody who shows them should look at; each once.
    touched: Vec<usize>,
}

impl Watch {
    /// Watches over these servers, the first of them at once; over nobody if there are none. `random` is its own.
    pub fn new(
        now: Now,
        interval: Duration,
        rules: Rules,
        servers: impl IntoIterator<Item = (ServerId, Way)>,
        random: Random,
    ) -> Self {
        let rows: Vec<Row> = servers
            .into_iter()
            .map(|(server, way)| Row {
                server,
                way,
                peer: Peer::new(now),
                countdown: Countdown::default(),
                planned: now.boottime,
                due: now.boottime,
                state: State::Waits,
                stale: false,
                shown: Shown::Nothing,
                absurd: false,
                stands: false,
                unclear: 0,
                restarted: false,
                touched: false,
            })
            .collect();
        let most = rows.iter().map(|row| usize::from(row.server.0) + 1).max().unwrap_or(0);
        let mut watch = Self {
            rules,
            places: vec![None; most],
            rows,
            timetable: Timetable::new(interval, random),
            follow: VecDeque::new(),
            touched: Vec::new(),
        };
        let count = watch.rows.len();
        for (place, row) in watch.rows.iter_mut().enumerate() {
            watch.places[usize::from(row.server.0)] = Some(place);
            row.planned = watch.timetable.enter(now.boottime, place, count);
            row.due = row.planned;
        }
        watch
    }

    /// Takes over what another watch knows: `old` gives a server's number there.
    pub fn inherit(&mut self, mut from: Self, old: impl Fn(ServerId) -> Option<ServerId>) {
        for row in &mut self.rows {
            let Some(place) = old(row.server).and_then(|server| from.place(server)) else { continue };
            if let Some(known) = from.rows.get_mut(place) {
                core::mem::swap(&mut row.peer, &mut known.peer);
                row.countdown = known.countdown;
                row.restarted = known.restarted;
            }
        }
    }

    /// The next question that is due, if any; call until there is none.
    pub fn poll(&mut self, now: Now) -> Option<Ask> {
        if let Some(place) = self.follow.pop_front() {
            return self.ask(now, place, Question::Power);
        }
        let (_, place) = self.timetable.poll(now.boottime)?;
        let first = match self.rows.get(place)?.way {
            Way::Session { pulse: true } => Question::Pulse,
            Way::Session { pulse: false } => Question::Power,
            Way::Ping(_) => Question::Ping,
        };
        self.ask(now, place, first)
    }

    fn ask(&mut self, now: Now, place: usize, question: Question) -> Option<Ask> {
        let row = self.rows.get_mut(place)?;
        (row.state, row.stale) = (State::Asked(question, now.boottime), false);
        Some(Ask { server: row.server, question })
    }

    /// What came of a question. `None`: the round goes on, or nobody has asked.
    pub fn answered(&mut self, now: Now, server: ServerId, question: Question, answer: Answer) -> Option<Weighed> {
        let place = self.place(server)?;
        let row = self.rows.get_mut(place)?;
        let (asked, since) = match row.state {
            State::Asked(asked, since) => (asked, since),
            State::Waits | State::Follows => return None,
        };
        // Where a session cannot be had it was a ping, whatever was asked.
        if asked != question && question != Question::Ping {
            return None;
        }
        let round = match (question, answer) {
            (_, Answer::None(doubt)) => Round::None(doubt),
            _ if row.stale => Round::None(Doubt::Silent),
            (Question::Pulse, answer) => {
                let reading = match answer {
                    Answer::Timer(timer) => row.countdown.read(now.boottime, &timer, self.rules.timeout),
                    Answer::Alive | Answer::Power(_) | Answer::Refused | Answer::None(_) => Reading::default(),
                };
                row.read(now, reading);
                row.state = State::Follows;
                self.follow.push_back(place);
                return None;
            }
            (Question::Power, Answer::Power(power)) => Round::Told(power, row.shown),
            (Question::Ping, Answer::Alive) => Round::Answers(match row.way {
                Way::Ping(doubt) => doubt,
                Way::Session { .. } => Doubt::NoLogin,
            }),
            (Question::Power | Question::Ping, _) => Round::None(Doubt::Malformed),
        };
        let told = match round {
            Round::Told(power, _) => Some(power.on),
            Round::Answers(_) | Round::None(_) => None,
        };
        let change = row.peer.weigh(now, round, row.restarted, Some(now.boottime.saturating_sub(since)), &self.rules);
        match told {
            Some(true) => row.restarted = false,
            Some(false) => row.countdown.power_lost(),
            None => {}
        }
        row.shown = Shown::Nothing;
        row.state = State::Waits;
        let soon = core::mem::take(&mut row.stands).then_some(CONFIRM);
        let again = [change.again, soon].into_iter().flatten().min().map(|after| now.boottime + after);
        (row.planned, row.due) = self.timetable.plan(now.boottime, place, row.planned, row.peer.misses(), again);
        if !core::mem::replace(&mut row.touched, true) {
            self.touched.push(place);
        }
        let missed = matches!(round, Round::None(_));
        Some(Weighed { change, absurd: core::mem::take(&mut row.absurd), missed })
    }

    /// Our own process, or host, slept for so long: silence of that time is no news, and what was answered meanwhile is
    /// not told as if it were new.
    pub fn slept(&mut self, for_so_long: Duration) {
        for row in &mut self.rows {
            row.peer.slept(for_so_long);
            row.stale = true;
        }
    }

    /// A server's BMC can be talked to again: if it was missed, it is asked now.
    pub fn hasten(&mut self, now: Now, server: ServerId) {
        let row = self.place(server).and_then(|place| Some((place, self.rows.get_mut(place)?)));
        if let Some((place, row)) = row
            && row.peer.misses() > 0
            && self.timetable.hasten(now.boottime, place, row.due)
        {
            row.due = now.boottime;
        }
    }

    /// When `poll` will have something; none while everybody owes an answer.
    pub fn next_deadline(&self) -> Option<Duration> {
        if self.follow.is_empty() { self.timetable.next_deadline() } else { Some(Duration::ZERO) }
    }

    /// What is known of a server; none: it is not watched.
    pub fn peer(&self, server: ServerId) -> Option<&Peer> {
        self.rows.get(self.place(server)?).map(|row| &row.peer)
    }

    /// All of them, in the configuration's order.
    pub fn peers(&self) -> impl Iterator<Item = (ServerId, &Peer)> {
        self.rows.iter().map(|row| (row.server, &row.peer))
    }

    /// A server about which something was learnt since this was asked last.
    pub fn take_touched(&mut self) -> Option<ServerId> {
        let row = self.touched.pop().and_then(|place| self.rows.get_mut(place))?;
        row.touched = false;
        Some(row.server)
    }

    fn place(&self, server: ServerId) -> Option<usize> {
        self.places.get(usize::from(server.0)).copied().flatten()
    }
}

impl Row {
    /// The watchdog was asked.
    fn read(&mut self, now: Now, reading: Reading) {
        self.restarted |= reading.restarted;
        self.absurd |= reading.absurd;
        self.stands = reading.stands;
        self.unclear = if reading.pulse.is_some() { 0 } else { self.unclear.saturating_add(1) };
        self.shown = match reading.pulse {
            Some(pulse) => Shown::Pulse(pulse, now.boottime),
            None if reading.anew => Shown::Anew,
            None if self.unclear < UNCLEAR_READINGS => Shown::Unclear,
            None => Shown::Nothing,
        };
    }
}
