//! What will happen in a life: drawn before it does, and told in words.

use crate::dice::Dice;
use crate::ledger::State;
use crate::storage::Stop;
use bmcnotice::words::Answer;
use std::fmt;
use std::time::Duration;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The worst weather is over by then, counted from the fault.
const STORM: Duration = s(30);
/// A disturbance in a state comes within this much of its beginning, if not at once.
const SOON: Duration = Duration::from_millis(500);

/// What a monitor's recovery does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    Answers(Answer, Duration),
    /// Never, and a command ignores SIGTERM, or does not.
    Overruns {
        stubborn: bool,
    },
    /// A command that cannot be started.
    NotStarted,
}

/// The script before the attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    None,
    Exits(i32, Duration),
    Hangs,
}

/// What the operator says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Release,
    Cancel,
    Clear,
    Maintenance(bool),
}

/// One monitor.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub restart: u8,
    pub failover: u8,
    pub final_action: &'static str,
    pub script: Script,
    /// So many attempts fail before one does this.
    pub fail_first: u8,
    pub recovery: Recovery,
    pub holds_after_failure: bool,
    pub cool_down: Duration,
    pub budget: u8,
    pub command: bool,
    pub rerun: bool,
    pub wait: Duration,
    pub deadline: Duration,
    pub on_recoverable: bool,
}

/// When a disturbance comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// So long after the fault.
    After(Duration),
    /// So long after a recovery has first come into this state.
    In(State, Duration),
    /// At this part, in thousandths, of the outputs that the life would have without it.
    Output(u64),
}

/// Where in an output we are killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Before,
    /// An append is torn, a compaction has not taken the old file's place; as before for all else.
    Within,
    After,
}

/// What is wrong with the BMC when it is back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Back {
    Well,
    NoSlots,
    RefusesLogins,
    OtherGuid,
}

/// A disturbance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Kill(Place, Duration),
    /// A panic: a new engine from the journal, in the same process.
    Rebuild,
    /// A clean stop, and a start.
    Reload,
    BmcRestart(Duration, Back, Duration),
    /// It refuses every word of the handshake; none: for ever.
    Deaf(Option<Duration>),
    Silent(Duration),
    HostReset,
    ClockStep(i64),
    Suspend(Duration),
    Stopped(Duration),
    Repeats(u32),
    OtherFault(&'static str),
    Cleared,
    Foreign(u32),
    /// From the BMC's own address, and the BMC has nothing of the kind in its log.
    Forged,
    Garbage(u32),
    AppendsFail {
        percent: u64,
        short: bool,
        compaction: bool,
        span: Duration,
    },
    DiskStops(Stop, Duration),
    Operator(Word),
    Deleted,
    Damaged,
}

impl What {
    /// The row of the coverage table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill(Place::Before, _) => "killed before an output",
            Self::Kill(Place::Within, _) => "killed within an output (torn append)",
            Self::Kill(Place::After, _) => "killed after an output",
            Self::Rebuild => "panic, engine rebuilt",
            Self::Reload => "stop and start",
            Self::BmcRestart(_, Back::Well, _) => "BMC restarts",
            Self::BmcRestart(_, Back::NoSlots, _) => "BMC restarts, then has no free session",
            Self::BmcRestart(_, Back::RefusesLogins, _) => "BMC restarts, then refuses logins",
            Self::BmcRestart(_, Back::OtherGuid, _) => "BMC restarts, then shows another GUID",
            Self::Deaf(Some(_)) => "BMC refuses the handshake for a while",
            Self::Deaf(None) => "BMC refuses the handshake for ever",
            Self::Silent(_) => "BMC is silent",
            Self::HostReset => "host reset from outside",
            Self::ClockStep(_) => "wall clock steps",
            Self::Suspend(_) => "host suspended",
            Self::Stopped(_) => "process stopped (SIGSTOP)",
            Self::Repeats(1000) => "1,000 repeats of the trap",
            Self::Repeats(_) => "some repeats of the trap",
            Self::OtherFault(_) => "another trap",
            Self::Cleared => "clearing trap",
            Self::Foreign(_) => "traps of another server",
            Self::Forged => "forged trap from the BMC's address",
            Self::Garbage(_) => "garbage at both sockets",
            Self::AppendsFail { compaction: true, .. } => "appends and compaction fail",
            Self::AppendsFail { short: true, .. } => "short appends",
            Self::AppendsFail { .. } => "appends fail",
            Self::DiskStops(Stop::Frozen, _) => "disk frozen",
            Self::DiskStops(Stop::Full, _) => "disk full",
            Self::DiskStops(Stop::ReadOnly, _) => "disk read-only",
            Self::Operator(Word::Release) => "operator releases",
            Self::Operator(Word::Cancel) => "operator cancels",
            Self::Operator(Word::Clear) => "operator clears",
            Self::Operator(Word::Maintenance(true)) => "maintenance on",
            Self::Operator(Word::Maintenance(false)) => "maintenance off",
            Self::Deleted => "journal deleted underneath",
            Self::Damaged => "journal octet damaged",
        }
    }

    fn draw(dice: &mut Dice) -> Self {
        let short = Duration::from_millis(dice.below(3000));
        let long = dice.up_to(s(15));
        let pick = |dice: &mut Dice, all: &[&'static str]| all[dice.below(all.len() as u64) as usize];
        match dice.below(43) {
            0..2 => Self::Kill(Place::Before, short),
            2..4 => Self::Kill(Place::Within, short),
            4..7 => Self::Kill(Place::After, short),
            7 => Self::Rebuild,
            8 => Self::Reload,
            9..11 => Self::BmcRestart(long, Back::Well, s(0)),
            11 => {
                let back = [Back::NoSlots, Back::RefusesLogins, Back::OtherGuid][dice.below(3) as usize];
                Self::BmcRestart(short, back, long)
            }
            12 => Self::Deaf(Some(long)),
            13 => Self::Deaf(None),
            14 => Self::Silent(long),
            15..18 => Self::HostReset,
            18 | 19 => {
                let by = [1, 60, 3600, 86_400, 31_536_000][dice.below(5) as usize] * (1 + dice.below(20) as i64);
                Self::ClockStep(if dice.percent(50) { by } else { -by })
            }
            20 => Self::Suspend(long),
            21 => Self::Stopped(short),
            22 => Self::Repeats(if dice.percent(25) { 1000 } else { 30 }),
            23 | 24 => {
                Self::OtherFault(pick(dice, &["cpu-ierr", "thermal-trip", "uncorrectable-memory", "fan-failure"]))
            }
            25 => Self::Cleared,
            26 => Self::Foreign(20),
            27 => Self::Garbage(50),
            28..31 => Self::AppendsFail {
                percent: [30, 60, 100][dice.below(3) as usize],
                short: dice.percent(50),
                compaction: dice.percent(50),
                span: short,
            },
            31 | 32 => Self::DiskStops([Stop::Frozen, Stop::Full, Stop::ReadOnly][dice.below(3) as usize], long),
            33 => Self::Deleted,
            34 => Self::Damaged,
            35 | 36 => Self::Operator(Word::Release),
            37 => Self::Operator(Word::Cancel),
            38 => Self::Operator(Word::Clear),
            39 | 40 => Self::Operator(Word::Maintenance(true)),
            41 => Self::Operator(Word::Maintenance(false)),
            _ => Self::BmcRestart(s(0), Back::Well, s(0)),
        }
    }
}

/// What will happen.
#[derive(Debug, Clone)]
pub struct Fate {
    pub loss: u64,
    pub repeats: u64,
    pub delay: Duration,
    /// Nothing gets through, from and for so long after the fault.
    pub outage: Option<(Duration, Duration)>,
    /// Good weather from here, after the fault.
    pub calm: Duration,
    pub plans: Vec<Plan>,
    /// The fault that begins it.
    pub first: &'static str,
    pub after_ended: &'static str,
    /// The BMC would reset for the fault, and waits so long.
    pub resets: bool,
    pub patience: Duration,
    pub stays_after_failed: bool,
    pub trap_retries: u8,
    pub reset_deadline: Duration,
    pub boot_time: Duration,
    pub disk_lag: Duration,
    /// The BMC's log must say the same as its traps.
    pub proven: bool,
    /// It writes them down so late.
    pub sel_late: Duration,
    pub disturbances: Vec<(When, What)>,
}

impl Plan {
    /// How many attempts there are.
    pub fn attempts(&self) -> u8 {
        self.restart + self.failover + u8::from(self.final_action == "stop_service")
    }

    /// Stopping the service always is one.
    pub fn is_command(&self, attempt: u8) -> bool {
        self.command || attempt > self.restart + self.failover
    }

    /// What this attempt does.
    pub fn does(&self, attempt: u8) -> Recovery {
        match self.recovery {
            Recovery::Answers(..) if attempt <= self.fail_first => {
                Recovery::Answers(Answer::Failed, Duration::from_millis(300))
            }
            recovery => recovery,
        }
    }
}

fn plan(dice: &mut Dice, second: bool) -> Plan {
    let command = dice.percent(40);
    let recovery = match dice.below(20) {
        0..3 => Recovery::Answers(Answer::Done, s(0)),
        3..12 => Recovery::Answers(Answer::Done, dice.up_to(s(6))),
        12..16 => Recovery::Answers(Answer::Failed, dice.up_to(s(6))),
        16 if command => Recovery::NotStarted,
        _ => Recovery::Overruns { stubborn: dice.percent(50) },
    };
    let script = match dice.below(10) {
        0 | 1 => Script::Exits(0, dice.up_to(s(2))),
        2 => Script::Exits(1, dice.up_to(s(2))),
        3 => Script::Hangs,
        _ => Script::None,
    };
    let finals = ["stop_service", "shutdown", "reboot", "sysrq_panic"];
    Plan {
        restart: [0, 0, 0, 1, 2][dice.below(5) as usize],
        failover: [1, 1, 1, 2][dice.below(4) as usize],
        final_action: if dice.percent(75) { "none" } else { finals[dice.below(4) as usize] },
        script,
        fail_first: [0, 0, 0, 1, 2][dice.below(5) as usize],
        holds_after_failure: dice.percent(20),
        cool_down: [s(0), s(5), s(60)][dice.below(3) as usize],
        budget: [1, 2, 4][dice.below(3) as usize],
        recovery,
        command,
        rerun: dice.percent(20),
        wait: if dice.percent(30) { dice.up_to(s(3)) } else { s(0) },
        deadline: if second { s(20) } else { s(10) },
        on_recoverable: second && dice.percent(50),
    }
}

impl Fate {
    pub fn draw(dice: &mut Dice) -> Self {
        let mut plans = vec![plan(dice, false)];
        if dice.percent(35) {
            plans.push(plan(dice, true));
        }
        let count = [0, 1, 1, 1, 2, 2, 2, 3, 3, 5][dice.below(10) as usize];
        let mut disturbances: Vec<(When, What)> = (0..count).map(|_| (when(dice), What::draw(dice))).collect();
        if disturbances.iter().any(|(_, what)| *what == What::Deaf(None)) {
            disturbances.retain(|(_, what)| !matches!(what, What::Deaf(Some(_))));
        }
        // Few recoveries come to their final action by themselves.
        if dice.percent(8) {
            plans[0].final_action = ["shutdown", "reboot"][dice.below(2) as usize];
            plans[0].recovery = Recovery::Answers(Answer::Failed, dice.up_to(s(1)));
            plans[0].holds_after_failure = false;
            let delay = if dice.percent(50) { s(0) } else { dice.up_to(SOON) };
            disturbances.push((When::In(State::Finishing, delay), What::draw(dice)));
        }
        // Nor does one often begin while another one's end is being told.
        let mut first = "uncorrectable-memory";
        if plans.len() == 2 && dice.percent(15) {
            (first, plans[1].on_recoverable) = ("fan-failure", true);
            plans[1].recovery = Recovery::Answers(Answer::Done, dice.up_to(s(1)));
            plans[1].holds_after_failure = false;
            disturbances.push((When::In(State::Recovering, s(0)), What::Silent(s(2) + dice.up_to(s(5)))));
            disturbances.push((When::In(State::Ending, dice.up_to(s(1))), What::OtherFault("cpu-ierr")));
        }
        // Nor are two monitors often told apart by a BMC that forgets one of them.
        if plans.len() == 2 && dice.percent(10) {
            disturbances.push((When::In(State::Recorded, s(0)), What::BmcRestart(s(0), Back::Well, s(0))));
        }
        let foul = dice.percent(60);
        let mut fate = Self {
            loss: if foul { dice.below(40) } else { 0 },
            repeats: if foul { dice.below(30) } else { 0 },
            delay: dice.up_to(Duration::from_millis(if foul { 80 } else { 1 })),
            outage: dice.percent(20).then(|| (dice.up_to(s(5)), dice.up_to(s(20)))),
            calm: dice.up_to(STORM),
            plans,
            first,
            after_ended: ["bmc", "bmc", "none", "power-cycle", "power-cycle", "hard-reset", "power-off", "nmi"]
                [dice.below(8) as usize],
            resets: dice.percent(50),
            patience: if dice.percent(25) { s(1) + dice.up_to(s(20)) } else { s(600) },
            stays_after_failed: dice.percent(40),
            trap_retries: 2 + dice.below(6) as u8,
            reset_deadline: if dice.percent(30) { s(5) + dice.up_to(s(20)) } else { s(900) },
            boot_time: s(1) + dice.up_to(s(8)),
            disk_lag: if dice.percent(70) { Duration::from_millis(2) } else { dice.up_to(s(2)) },
            proven: false,
            sel_late: s(0),
            disturbances,
        };
        // Closed records are met seldom, too.
        if dice.percent(2) {
            fate.reset_deadline = s(5);
            let back = [Back::NoSlots, Back::RefusesLogins, Back::OtherGuid][dice.below(3) as usize];
            fate.disturbances.push((When::In(State::Closed, s(0)), What::BmcRestart(s(1), back, s(4))));
        }
        // Drawn last, so that the other lives are as they were.
        if dice.percent(35) {
            fate.proven = true;
            fate.sel_late = if dice.percent(30) { dice.up_to(s(8)) } else { s(0) };
            for _ in 0..dice.below(4) {
                let place = dice.below(fate.disturbances.len() as u64 + 1) as usize;
                fate.disturbances.insert(place, (when(dice), What::Forged));
            }
        }
        fate
    }
}

impl Fate {
    /// How long the BMC may be unreachable in all.
    pub fn trouble(&self) -> Duration {
        let of = |what: &What| match *what {
            What::BmcRestart(away, _, span) => away + span + s(5),
            What::Deaf(Some(span)) | What::Silent(span) | What::Suspend(span) | What::Stopped(span) => span + s(5),
            _ => s(0),
        };
        let weather = self.calm.max(self.outage.map_or(s(0), |(from, span)| from + span));
        weather + self.disturbances.iter().map(|(_, what)| of(what)).sum::<Duration>()
    }
}

fn when(dice: &mut Dice) -> When {
    let delay = if dice.percent(50) { s(0) } else { dice.up_to(SOON) };
    match dice.below(10) {
        0..4 => When::Output(dice.below(1000)),
        4..8 => When::In(State::ALL[dice.below(State::ALL.len() as u64) as usize], delay),
        _ => When::After(dice.up_to(s(12))),
    }
}

impl fmt::Display for Fate {
    /// One line a fact: what stands at the head of a story.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "weather: {}% lost, {}% twice, {:?} late at most, outage {:?}; calm {:?} after the fault",
            self.loss, self.repeats, self.delay, self.outage, self.calm
        )?;
        writeln!(
            f,
            "BMC: {}, {} for the fault, patient for {:?}{}; after ended: {}; traps {} times",
            self.first,
            if self.resets { "resets" } else { "does not reset" },
            self.patience,
            if self.stays_after_failed { ", gives up after a failure" } else { "" },
            self.after_ended,
            u16::from(self.trap_retries) + 1,
        )?;
        writeln!(
            f,
            "disk: {:?} late; boots in {:?}; reset deadline {:?}",
            self.disk_lag, self.boot_time, self.reset_deadline
        )?;
        if self.proven {
            writeln!(f, "corroborated: the BMC writes its log {:?} after its traps", self.sel_late)?;
        }
        for (place, plan) in self.plans.iter().enumerate() {
            writeln!(f, "monitor mrw{}: {plan:?}", place + 1)?;
        }
        for (when, what) in &self.disturbances {
            writeln!(f, "will be: {}, {when:?}: {what:?}", what.name())?;
        }
        Ok(())
    }
}
