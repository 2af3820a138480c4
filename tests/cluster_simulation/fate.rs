//! What will happen in a life of a cluster: drawn before it does, and told in words.

use crate::dice::Dice;
use std::fmt;
use std::time::Duration;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// How a node is from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Odd {
    Well,
    /// Red by another agent's word.
    Ill,
    Standby,
    /// Its Pacemaker was never started.
    Down,
    Maintenance,
}

/// How a node's tools answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tools {
    Well,
    /// Status 4, always.
    Denied,
    /// So many in a hundred end with 102, are killed, or are late by seconds.
    Flaky(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Release,
    Cancel,
    Clear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Strike(usize),
    /// Our process dies, and is back after so long.
    Kill(usize, Duration),
    Reset(usize),
    Cleared(usize),
    Operator(usize, Word),
    NoQuorum(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    After(Duration),
    /// At this output of the node's engine since the first fault.
    Output(usize),
}

#[derive(Debug, Clone)]
pub struct Fate {
    pub nodes: usize,
    pub services: usize,
    pub odd: Vec<Odd>,
    pub tools: Vec<Tools>,
    pub strategy: Option<&'static str>,
    pub trigger: &'static str,
    /// The service that alone must move.
    pub target: Option<usize>,
    pub restart: u8,
    pub failover: u8,
    pub holds_after_failure: bool,
    pub deadline: Duration,
    pub resets: bool,
    pub patience: Duration,
    pub stays_after_failed: bool,
    pub after_ended: &'static str,
    pub boot_time: Duration,
    pub plan: Vec<(When, What)>,
    pub struck: Vec<usize>,
    pub quiet: bool,
}

impl What {
    pub fn name(self) -> &'static str {
        match self {
            Self::Strike(_) => "a node is struck",
            Self::Kill(..) => "our process is killed",
            Self::Reset(_) => "a node is reset from outside",
            Self::Cleared(_) => "clearing trap",
            Self::Operator(_, Word::Release) => "operator releases",
            Self::Operator(_, Word::Cancel) => "operator cancels",
            Self::Operator(_, Word::Clear) => "operator clears",
            Self::NoQuorum(_) => "quorum lost",
        }
    }
}

impl Fate {
    pub fn draw(dice: &mut Dice) -> Self {
        let nodes = 2 + dice.below(3) as usize;
        let pick = |dice: &mut Dice| dice.below(nodes as u64) as usize;
        let mut odd = vec![Odd::Well; nodes];
        if dice.percent(25) {
            odd[pick(dice)] = [Odd::Ill, Odd::Standby, Odd::Down, Odd::Maintenance][dice.below(4) as usize];
        }
        let mut tools = vec![Tools::Well; nodes];
        if dice.percent(25) {
            tools[pick(dice)] = if dice.percent(20) { Tools::Denied } else { Tools::Flaky(5 + dice.below(30)) };
        }
        let target = dice.percent(35).then(|| dice.below(nodes as u64) as usize);
        let restart = u8::from(target.is_some() && dice.percent(60));
        // Who is struck, and how soon after the first.
        let mut order: Vec<usize> = (0..nodes).collect();
        for at in (1..nodes).rev() {
            order.swap(at, dice.below(at as u64 + 1) as usize);
        }
        let count = [1, 2.min(nodes), nodes, nodes][dice.below(4) as usize];
        let spread = [ms(0), ms(1), ms(10), ms(50), ms(5000)][dice.below(5) as usize];
        let struck = order[..count].to_vec();
        let mut plan: Vec<(When, What)> = struck
            .iter()
            .enumerate()
            .map(|(nth, node)| (if nth == 0 { ms(0) } else { dice.up_to(spread) }, *node))
            .map(|(after, node)| (When::After(after), What::Strike(node)))
            .collect();
        let quiet = dice.percent(30);
        for _ in 0..if quiet { 0 } else { 1 + dice.below(3) } {
            let node = if dice.percent(70) { struck[0] } else { pick(dice) };
            let soon = dice.percent(60);
            let mut when = When::After(if soon { dice.up_to(ms(3000)) } else { dice.up_to(ms(60_000)) });
            let what = match dice.below(12) {
                0..4 => {
                    when = When::Output(1 + dice.below(90) as usize);
                    What::Kill(node, dice.up_to(ms(2000)))
                }
                4 | 5 => What::Reset(node),
                6 | 7 => What::Cleared(node),
                8 => What::Operator(node, [Word::Release, Word::Cancel, Word::Clear][dice.below(3) as usize]),
                9 => What::NoQuorum(dice.up_to(ms(10_000))),
                _ => What::Strike(pick(dice)),
            };
            plan.push((when, what));
        }
        Self {
            nodes,
            services: nodes + dice.below(3) as usize,
            odd,
            tools,
            strategy: [Some("migrate-on-red"), Some("migrate-on-red"), Some("only-green"), None]
                [dice.below(4) as usize],
            trigger: ["auto", "auto", "auto", "health", "standby"][dice.below(5) as usize],
            target,
            restart,
            failover: if dice.percent(25) { 2 } else { 1 },
            holds_after_failure: dice.percent(15),
            deadline: ms(10_000) + dice.up_to(ms(20_000)),
            resets: dice.percent(70),
            patience: ms(20_000) + dice.up_to(ms(80_000)),
            stays_after_failed: dice.percent(40),
            after_ended: ["bmc", "bmc", "power-cycle", "hard-reset"][dice.below(4) as usize],
            boot_time: ms(4000) + dice.up_to(ms(6000)),
            plan,
            struck,
            quiet,
        }
    }

    /// Nothing but the faults is wrong.
    pub fn is_quiet(&self) -> bool {
        let well = self.odd.iter().all(|odd| *odd == Odd::Well) && self.tools.iter().all(|tools| *tools == Tools::Well);
        self.quiet && well && !(self.trigger == "health" && self.strategy.is_none())
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#?}")
    }
}
