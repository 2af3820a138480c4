//! A watch over one server, and its BMC as far as the heartbeat asks it: octets in, verdicts out, virtual time.

use bmcnotice::bmc::failure::Failure;
use bmcnotice::crypto::Random;
use bmcnotice::heartbeat::mark::{Mark, SMS_OS, Vouched, start};
use bmcnotice::heartbeat::watch::Way;
use bmcnotice::heartbeat::{Answer, Doubt, Peer, Question, Rules, TakeOver, Verdict, Watch, Weighed, take_over};
use bmcnotice::now::Now;
use bmcnotice::wire::ipmi::Response;
use bmcnotice::words::ServerId;
use std::time::Duration;

pub const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub const INTERVAL: Duration = s(3);
pub const TIMEOUT: Duration = s(90);
pub const WARNING: Duration = s(72);
pub const SERVER: ServerId = ServerId(1);
const BEGIN: Duration = s(5000);
const STEP: Duration = ms(100);

/// The timer of the server's BMC (IPMI 2.0, section 27.7), as Get Watchdog Timer tells it.
#[derive(Debug, Clone)]
pub struct Timer {
    /// Octet 1 without the running bit.
    pub timer_use: u8,
    /// Octet 2.
    pub actions: u8,
    /// Octet 4.
    pub expired: u8,
    /// Start value, in tenths of a second.
    pub initial: u16,
    /// Since when it runs; none: it is stopped.
    pub since: Option<Duration>,
    /// What a stopped one shows.
    pub left: u16,
}

impl Timer {
    pub const NEVER: Self = Self { timer_use: 0, actions: 0, expired: 0, initial: 0, since: None, left: 0 };

    /// One that a library like ours has set, in this boot of the server's, and not started.
    pub fn ours(boot: u16) -> Self {
        let initial = start(Mark::Lives(Vouched::Library), TIMEOUT, boot);
        Self { timer_use: 0x80 | SMS_OS, actions: 0, expired: 0, initial, since: None, left: initial }
    }

    pub fn goodbye(boot: u16) -> Self {
        let initial = start(Mark::Goodbye, TIMEOUT, boot);
        Self { initial, left: initial, ..Self::ours(boot) }
    }

    /// The kernel's `ipmi_watchdog`: so many seconds, and then a reset.
    pub fn kernel(seconds: u16) -> Self {
        Self { timer_use: SMS_OS, actions: 0x01, initial: seconds * 10, left: seconds * 10, ..Self::NEVER }
    }

    /// The firmware's, while it boots.
    pub fn boot(timer_use: u8) -> Self {
        Self { timer_use, initial: 6000, left: 6000, ..Self::NEVER }
    }

    fn left(&self, now: Duration) -> u16 {
        self.since.map_or(self.left, |since| {
            let gone = u16::try_from((now - since).as_millis() / STEP.as_millis()).unwrap_or(u16::MAX);
            self.initial.saturating_sub(gone)
        })
    }

    /// Answer to Get Watchdog Timer, behind the completion code.
    pub fn octets(&self, now: Duration) -> [u8; 8] {
        let running = u8::from(self.since.is_some()) << 6;
        let ([i0, i1], [p0, p1]) = (self.initial.to_le_bytes(), self.left(now).to_le_bytes());
        [self.timer_use | running, self.actions, 0, self.expired, i0, i1, p0, p1]
    }

    /// It runs out, if it is time.
    fn pass(&mut self, now: Duration) {
        if self.since.is_some() && self.left(now) == 0 {
            (self.since, self.left) = (None, 0);
            self.expired |= 1 << (self.timer_use & 7);
        }
    }
}

/// What the BMC says instead of the truth.
pub type Says = Box<dyn FnMut(Question, Duration) -> Option<Result<Response, Failure>>>;

pub struct Play {
    pub watch: Watch,
    pub now: Now,
    pub on: bool,
    /// Whether the BMC has proven to be this server's.
    pub proven: bool,
    pub timer: Timer,
    /// The server's software feeds it so often.
    pub fed_every: Option<Duration>,
    pub fed: Duration,
    /// How long an answer takes.
    pub latency: Duration,
    /// What every question comes to, if not to an answer.
    pub fails: Option<Failure>,
    pub says: Option<Says>,
    pub interval: Duration,
    /// What is on its way.
    pub asked: Option<(Duration, Question)>,
    /// Verdicts, as they came.
    pub story: Vec<(Duration, Verdict)>,
    pub restarts: Vec<Duration>,
    pub absurd: usize,
    pub missed: usize,
    pub questions: usize,
}

impl Play {
    /// A server that is on, whose timer was never used.
    pub fn new() -> Self {
        Self::of(INTERVAL, TIMEOUT, WARNING, Way::Session { pulse: true })
    }

    pub fn of(interval: Duration, timeout: Duration, warning: Duration, way: Way) -> Self {
        let now = Now { boottime: BEGIN, wall: s(1_700_000_000) };
        let rules = Rules { timeout, warning, current: take_over::current(interval) };
        Self {
            watch: Watch::new(now, interval, rules, [(SERVER, way)], Random::from_seed([7; 32])),
            now,
            on: true,
            proven: true,
            timer: Timer::NEVER,
            fed_every: None,
            fed: BEGIN,
            latency: ms(5),
            fails: None,
            says: None,
            interval,
            asked: None,
            story: Vec::new(),
            restarts: Vec::new(),
            absurd: 0,
            missed: 0,
            questions: 0,
        }
    }

    /// The server's library feeds its watchdog, and it is known to.
    pub fn alive() -> Self {
        let mut play = Self::new();
        play.feeds(Timer::ours(1));
        play.run(s(10));
        assert_eq!(play.verdict(), Verdict::Alive);
        play
    }

    /// Its software sets the timer, starts it, and feeds it every three seconds.
    pub fn feeds(&mut self, timer: Timer) {
        self.timer = timer;
        self.feed();
        self.fed_every = Some(s(3));
    }

    pub fn feed(&mut self) {
        (self.fed, self.timer.since) = (self.now.boottime, Some(self.now.boottime));
    }

    /// It loses its power, and with it what its software does.
    pub fn power_off(&mut self) {
        (self.on, self.fed_every) = (false, None);
        (self.timer.left, self.timer.since) = (self.timer.left(self.now.boottime), None);
    }

    pub fn peer(&self) -> &Peer {
        self.watch.peer(SERVER).unwrap()
    }

    pub fn verdict(&self) -> Verdict {
        self.peer().verdict()
    }

    /// The verdicts since `from`, each once.
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.story.iter().map(|(_, verdict)| *verdict).collect()
    }

    /// As an application asks it.
    pub fn may_i(&self) -> TakeOver {
        let age = self.peer().heard().map_or(Duration::MAX, |heard| self.now.boottime - heard.boottime);
        take_over(self.verdict(), age, take_over::current(self.interval)).0
    }

    /// What the BMC answers.
    fn answer(&mut self, question: Question) -> Result<Response, Failure> {
        let now = self.now.boottime;
        if let Some(said) = self.says.as_mut().and_then(|says| says(question, now)) {
            return said;
        }
        if let Some(failure) = self.fails {
            return Err(failure);
        }
        self.timer.pass(now);
        Ok(match question {
            Question::Ping => Response::ok([]),
            Question::Pulse => Response::ok(self.timer.octets(now)),
            Question::Power => Response::ok([u8::from(self.on), 0x00, 0x00, 0x00]),
        })
    }

    pub fn hand_in(&mut self, question: Question, answer: Answer) -> Option<Weighed> {
        let before = self.verdict();
        let weighed = self.watch.answered(self.now, SERVER, question, answer)?;
        self.absurd += usize::from(weighed.absurd);
        self.missed += usize::from(weighed.missed);
        assert_eq!(weighed.change.verdict, before != self.verdict(), "a change is told");
        if weighed.change.verdict {
            self.story.push((self.now.boottime, self.verdict()));
        }
        if weighed.change.restarted {
            self.restarts.push(self.now.boottime);
        }
        Some(weighed)
    }

    /// Lets time pass.
    pub fn run(&mut self, span: Duration) {
        let end = self.now.boottime + span;
        self.until(end, |_| false);
    }

    /// Until `done`; gives how long that took.
    pub fn wait(&mut self, most: Duration, done: impl Fn(&Self) -> bool) -> Duration {
        let begin = self.now.boottime;
        self.until(begin + most, &done);
        assert!(done(self), "{:?}: {:?}", self.verdict(), self.story);
        self.now.boottime - begin
    }

    fn until(&mut self, end: Duration, done: impl Fn(&Self) -> bool) {
        for _ in 0..1_000_000 {
            if done(self) {
                return;
            }
            while let Some(ask) = self.watch.poll(self.now) {
                assert_eq!((ask.server, self.asked), (SERVER, None), "one question at a time");
                self.questions += 1;
                self.asked = Some((self.now.boottime, ask.question));
            }
            if done(self) {
                return;
            }
            let answer = self.asked.map(|(at, _)| at + self.latency);
            let feed = self.fed_every.map(|every| self.fed + every);
            let next = [answer, feed, self.watch.next_deadline()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else {
                return self.pass(end);
            };
            self.pass(next);
            if feed.is_some_and(|at| at <= next) {
                self.feed();
            }
            if answer.is_some_and(|at| at <= next) {
                let (_, question) = self.asked.take().unwrap();
                let answer = self.answer(question);
                self.hand_in(question, Answer::of(question, answer, self.proven));
            }
        }
        panic!("it never rests: {:?}", self.story);
    }

    /// Time passes, and nobody looks.
    pub fn pass(&mut self, to: Duration) {
        self.now = self.now.after(to.saturating_sub(self.now.boottime));
    }

    /// We slept so long: nobody asked, and what was on its way came in our sleep.
    pub fn sleep(&mut self, span: Duration) {
        let end = self.now.boottime + span;
        while let Some(every) = self.fed_every.filter(|every| self.fed + *every <= end) {
            (self.fed, self.timer.since) = (self.fed + every, Some(self.fed + every));
        }
        self.pass(end);
        self.watch.slept(span);
    }
}

pub const fn unknown(doubt: Doubt) -> Verdict {
    Verdict::Unknown(doubt)
}
