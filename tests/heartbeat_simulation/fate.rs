//! What will happen in a life: drawn before it does, and told in words.

use crate::dice::Dice;
use std::fmt;
use std::time::Duration;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What the network does to a datagram, in percent; and how long it takes.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    pub lost: u64,
    pub repeated: u64,
    pub fastest: Duration,
    pub slowest: Duration,
}

impl Weather {
    pub fn of(lost: u64) -> Self {
        Self { lost, repeated: 2, fastest: ms(1), slowest: ms(20) }
    }
}

/// What happens to a server, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum What {
    /// Its power goes, and comes again.
    PowerOff(Duration),
    Cycle,
    Reset,
    /// Its operating system hangs; then somebody resets it.
    Hang(Duration),
    /// Our process is stopped (SIGSTOP), and goes on.
    Stop(Duration),
    /// It ends cleanly, and is started again.
    CleanStop(Duration),
    /// It is killed, and started again.
    Kill(Duration),
    /// The host sleeps.
    Suspend(Duration),
    /// The BMC restarts, and is away.
    BmcReboot(Duration),
    /// Host and BMC lose all power.
    Dies(Duration),
    /// Others take all of the BMC's sessions, after it was restarted.
    Slots(Duration),
    /// Its wall clock steps.
    Wall(i64),
    /// It does not reach the others' BMCs.
    Cut(Duration),
    /// Nobody reaches its BMC.
    Unplugged(Duration),
}

impl What {
    pub fn name(self) -> &'static str {
        match self {
            Self::PowerOff(_) => "power off",
            Self::Cycle => "power cycle",
            Self::Reset => "reset",
            Self::Hang(_) => "hang of the operating system, then a reset",
            Self::Stop(_) => "our process stopped (SIGSTOP)",
            Self::CleanStop(_) => "clean stop of our process",
            Self::Kill(_) => "our process killed",
            Self::Suspend(_) => "host suspended",
            Self::BmcReboot(_) => "BMC restarted",
            Self::Dies(_) => "host and BMC without power",
            Self::Slots(_) => "BMC restarted, its sessions taken by others",
            Self::Wall(_) => "wall clock stepped",
            Self::Cut(_) => "cut off from the others' BMCs",
            Self::Unplugged(_) => "BMC unplugged from the network",
        }
    }

    fn draw(dice: &mut Dice, timeout: Duration) -> Self {
        let short = dice.up_to(s(12));
        let long = timeout + dice.up_to(timeout) + s(15);
        let span = if dice.percent(45) { short } else { long };
        match dice.below(16) {
            0 | 1 => Self::PowerOff(span),
            2 => Self::Cycle,
            3 => Self::Reset,
            4 | 5 => Self::Hang(span),
            6 | 7 => Self::Stop(span),
            8 => Self::CleanStop(span),
            9 => Self::Kill(span),
            10 => Self::Suspend(span),
            11 => Self::BmcReboot(dice.up_to(s(20))),
            12 => Self::Dies(span),
            13 => match dice.below(3) {
                0 => Self::Slots(span),
                _ => Self::Wall(dice.below(2_000_000_000) as i64 - 1_000_000_000),
            },
            14 => Self::Cut(span),
            _ => Self::Unplugged(span),
        }
    }

    pub fn span(self) -> Duration {
        match self {
            Self::PowerOff(span)
            | Self::Hang(span)
            | Self::Stop(span)
            | Self::CleanStop(span)
            | Self::Kill(span)
            | Self::Suspend(span)
            | Self::BmcReboot(span)
            | Self::Dies(span)
            | Self::Slots(span)
            | Self::Cut(span)
            | Self::Unplugged(span) => span,
            Self::Cycle | Self::Reset | Self::Wall(_) => Duration::ZERO,
        }
    }
}

/// What a server is like.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its firmware uses the timer while it boots.
    pub firmware: bool,
    /// Its kernel feeds a watchdog of so many seconds, whose action is a reset.
    pub kernel: Option<u64>,
    /// Its GUID is pinned.
    pub pinned: bool,
    pub boot_time: Duration,
}

#[derive(Debug, Clone)]
pub struct Fate {
    pub kinds: Vec<Kind>,
    pub interval: Duration,
    pub timeout: Duration,
    pub weather: Weather,
    pub span: Duration,
    /// When, to whom, what.
    pub plan: Vec<(Duration, usize, What)>,
}

impl Fate {
    /// Servers to which nothing happens.
    pub fn quiet(servers: usize, lost: u64, span: Duration) -> Self {
        let kind = Kind { firmware: true, kernel: None, pinned: true, boot_time: s(10) };
        Self {
            kinds: vec![kind; servers],
            interval: s(3),
            timeout: s(90),
            weather: Weather::of(lost),
            span,
            plan: Vec::new(),
        }
    }

    pub fn draw(dice: &mut Dice) -> Self {
        let servers = 2 + dice.below(3) as usize;
        let kinds = (0..servers)
            .map(|_| Kind {
                firmware: dice.percent(60),
                kernel: dice.percent(20).then(|| [10, 30, 60][dice.below(3) as usize]),
                pinned: dice.percent(90),
                boot_time: s(3) + dice.up_to(s(30)),
            })
            .collect();
        let (interval, timeout) = [(3, 90), (3, 90), (3, 30), (3, 9), (1, 10), (10, 60)][dice.below(6) as usize];
        let (interval, timeout) = (s(interval), s(timeout));
        let mut weather = Weather::of([0, 5, 10, 10][dice.below(4) as usize]);
        if dice.percent(25) {
            weather = Weather { lost: 15 + dice.below(25), repeated: dice.below(30), fastest: ms(1), slowest: ms(700) };
        }
        // In half of them one thing is over, and what follows from it, before the next one comes.
        let calm = dice.percent(50);
        let span = if calm { s(900) + timeout * 6 } else { s(300) + timeout * 4 };
        let mut plan = Vec::new();
        for server in 0..if calm { 1 } else { servers } {
            let mut at = s(25) + dice.up_to(s(60));
            while at < span {
                let what = What::draw(dice, timeout);
                plan.push((at, server, what));
                at += what.span() + if calm { s(160) } else { s(5) } + dice.up_to(timeout + s(60));
            }
        }
        Self { kinds, interval, timeout, weather, span, plan }
    }

    pub fn warning(&self) -> Duration {
        self.timeout / 100 * 80
    }

    /// Nothing but loss, and no more than one in ten.
    pub fn is_mild(&self) -> bool {
        self.weather.lost <= 10 && self.weather.slowest <= ms(50)
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "interval {:?}, timeout {:?}, {:?}", self.interval, self.timeout, self.weather)?;
        for (place, kind) in self.kinds.iter().enumerate() {
            writeln!(f, "server{}: {kind:?}", place + 1)?;
        }
        let mut plan = self.plan.clone();
        plan.sort_by_key(|(at, ..)| *at);
        for (at, server, what) in plan {
            writeln!(f, "{:>9.3} server{}: {what:?}", at.as_secs_f64(), server + 1)?;
        }
        Ok(())
    }
}
