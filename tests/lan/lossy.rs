//! A handshake over a network that loses, repeats, delays, swaps and damages, with a BMC that is slow or restarts: armed,
//! started, ended, a chassis command, goodbye. A seed decides all of it.

use crate::dice::Dice;
use crate::net::{MILLISECOND, Net, SECOND, Weather, login};
use bmcnotice::bmc::chassis::Order;
use bmcnotice::bmc::dialogue::{Dialogue, Step};
use bmcnotice::bmc::handshake::Telling;
use bmcnotice::bmc::link::{Login, Manners, Ticket, Urgency};
use bmcnotice::config::model::{Handshake, Privilege, RawMessage, RawOctet};
use bmcnotice::crypto::Secret;
use bmcnotice::sim::{Options, Quirks};
use bmcnotice::wire::command::Control;
use bmcnotice::words::{Outcome, Phase};
use std::env;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Handshakes in `make test`.
const SEEDS: u64 = 2000;
/// Until then a word must be understood, or its teller hears why not.
const DEADLINE: Duration = Duration::from_secs(60);
/// Record ids of the handshake.
const RECORD: u64 = 0x0102_0304;

/// What is drawn for one handshake.
#[derive(Debug)]
struct Fate {
    weather: Weather,
    slow: Duration,
    reboots: Vec<(Duration, Duration)>,
    sel: bool,
    options: Options,
    login: Login,
    order: bool,
}

impl Fate {
    fn draw(dice: &mut Dice) -> Self {
        let fastest = dice.up_to(20 * MILLISECOND);
        let spread = [MILLISECOND, 50 * MILLISECOND, 700 * MILLISECOND][dice.below(3) as usize];
        let weather = Weather {
            lost: [0, 5, 15, 35][dice.below(4) as usize],
            repeated: [0, 10, 30][dice.below(3) as usize],
            damaged: [0, 2, 10][dice.below(3) as usize],
            fastest,
            slowest: fastest + spread,
            cut: false,
        };
        let slow = if dice.percent(15) { dice.up_to(5 * SECOND) } else { Duration::ZERO };
        let reboots = (0..dice.below(3)).map(|_| (1000 * SECOND + dice.up_to(40 * SECOND), dice.up_to(8 * SECOND)));
        let reboots = reboots.collect();
        let kg = dice.percent(25).then(|| Secret::new("the BMC's own key"));
        let suites = [vec![17, 3], vec![3], vec![17]][dice.below(3) as usize].clone();
        let quirks = Quirks { answer_delay: slow, ..Quirks::default() };
        let manners = if dice.percent(50) { Manners::Own } else { Manners::Peer };
        let privilege = if dice.percent(70) { Privilege::Operator } else { Privilege::Administrator };
        Self {
            weather,
            slow,
            reboots,
            sel: dice.percent(50),
            options: Options { suites, kg: kg.clone(), quirks, ..Options::default() },
            login: Login { kg, manners, ..login(privilege) },
            order: dice.percent(50),
        }
    }

    /// Nothing here keeps a word from being understood.
    fn is_mild(&self) -> bool {
        let Weather { lost, slowest, .. } = self.weather;
        (lost <= 5 || lost <= 15 && slowest <= 70 * MILLISECOND)
            && self.slow.is_zero()
            && self.reboots.is_empty()
            && self.weather.damaged <= 2
    }
}

fn profile(sel: bool) -> Handshake {
    if sel {
        return Handshake::Sel { record_type: 0xC0, manufacturer: 0x00_1291 };
    }
    let message = |word: u8, rest: &[RawOctet]| {
        let data = [&[RawOctet::Literal(word)], rest].concat();
        Some(RawMessage { netfn: 0x30, lun: 0, command: 0x70, data, accept: vec![0x00] })
    };
    Handshake::Raw {
        name: "sim".into(),
        armed: message(0, &[]),
        started: message(1, &[]),
        ended: message(2, &[RawOctet::Outcome]),
        disarmed: message(3, &[]),
        keepalive: None,
    }
}

impl Net {
    /// Carries a dialogue to its end.
    fn talk<D: Dialogue>(&mut self, mut dialogue: D) -> D::End {
        let mut asked: Option<Ticket> = None;
        loop {
            if let Some(result) = asked.and_then(|ticket| self.answers.remove(&ticket)) {
                asked = None;
                dialogue.handle_answer(self.now, result);
            }
            match dialogue.poll(self.now) {
                Step::Submit(request) => asked = Some(self.submit(Urgency::Urgent, request)),
                Step::Wait(until) => {
                    let end = until.expect("a dialogue has a deadline");
                    self.until(end, |net| asked.is_some_and(|ticket| net.answers.contains_key(&ticket)));
                }
                Step::Over(end) => {
                    if let Some(ticket) = asked {
                        self.link.withdraw(ticket);
                    }
                    return end;
                }
            }
        }
    }

    /// The words that the BMC carried out, in its order; for `sel` what stands in its log.
    fn words(&self, sel: bool) -> Vec<u8> {
        if sel {
            let ours = self.bmc.sel().iter().filter(|record| record[2] == 0xC0);
            return ours.map(|record| record[10]).collect();
        }
        let raw = self.bmc.log().filter(|entry| (entry.netfn, entry.command) == (0x30, 0x70) && entry.completion == 0);
        raw.filter_map(|entry| entry.data.first().map(|word| b"ASED"[usize::from(word & 3)])).collect()
    }
}

#[derive(Debug, Default)]
struct Tally {
    handshakes: u64,
    mild: u64,
    told: u64,
    untold: u64,
    sessions: u64,
    reboots: u64,
    slow: u64,
    packets: u64,
    ignored: u64,
}

/// One handshake; panics where a promise is broken.
fn handshake(seed: u64, tell: bool, tally: &mut Tally) {
    let mut dice = Dice::new(seed);
    let fate = Fate::draw(&mut dice);
    if tell {
        eprintln!("{fate:#?}");
    }
    let mut net = Net::new(seed, fate.login.clone(), fate.options.clone());
    (net.weather, net.reboots, net.story) = (fate.weather, fate.reboots.clone(), tell);
    let profile = profile(fate.sel);
    net.start();
    let mut understood = Vec::new();
    for (phase, word) in
        [(Phase::Armed, b'A'), (Phase::Started, b'S'), (Phase::Ended(Outcome::Failed), b'E'), (Phase::Disarmed, b'D')]
    {
        let deadline = net.now.boottime + DEADLINE;
        let end = net.talk(Telling::new(&profile, phase, RECORD, None, deadline));
        assert!(net.now.boottime <= deadline, "a word takes no longer than its deadline");
        match end {
            Ok(()) => {
                assert!(net.words(fate.sel).contains(&word), "{phase:?} was understood, and is not there");
                understood.push(word);
                tally.told += 1;
            }
            Err(why) => {
                assert!(!fate.is_mild(), "{phase:?}: {why}");
                tally.untold += 1;
            }
        }
        let pause = dice.up_to(10 * SECOND);
        net.run(pause);
    }
    let words = net.words(fate.sel);
    for word in *b"ASED" {
        let count = words.iter().filter(|other| **other == word).count();
        assert!(!fate.sel || count <= 1, "the record {} stands there {count} times", char::from(word));
    }
    let first = |word: u8| words.iter().position(|other| *other == word);
    for pair in b"ASED".windows(2) {
        // A word that was not understood may still be there, late.
        let (before, after) = (first(pair[0]), first(pair[1]));
        let known = understood.contains(&pair[0]) && understood.contains(&pair[1]);
        assert!(!known || before < after, "{:?} are out of order", String::from_utf8_lossy(&words));
    }
    if fate.order && net.link.identity_matched() {
        let deadline = net.now.boottime + 30 * SECOND;
        let _ = net.talk(Order::new(Control::PowerCycle, deadline)); // whatever is known of it, it is given once
    }
    assert!(net.heard(0x00, 0x02) <= 1, "a chassis command is given once at most");
    net.stop();
    tally.ignored += net.link.ignored();
    // What is still under way arrives; what was lost, the BMC forgets by itself.
    net.run(fate.options.session_timeout + 20 * SECOND);
    assert_eq!(net.bmc.sessions(), (0, 0), "sessions are left");
    assert_eq!((net.link.poll_output(), net.link.next_deadline()), (None, None));
    tally.handshakes += 1;
    tally.mild += u64::from(fate.is_mild());
    tally.sessions +=
        net.statuses.iter().filter(|status| matches!(status, bmcnotice::bmc::link::Status::Up { .. })).count() as u64;
    tally.reboots += fate.reboots.len() as u64;
    tally.slow += u64::from(!fate.slow.is_zero());
    tally.packets += net.packets[0] + net.packets[1];
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

#[test]
fn handshakes_over_a_lossy_network() {
    let mut tally = Tally::default();
    if let Some(seed) = number("BMCNOTICE_SEED") {
        return handshake(seed, true, &mut tally);
    }
    let seeds = number("BMCNOTICE_SEEDS").unwrap_or(SEEDS);
    let broken: Vec<u64> = (0..seeds)
        .filter(|seed| catch_unwind(AssertUnwindSafe(|| handshake(*seed, false, &mut tally))).is_err())
        .collect();
    let mut report = String::from("| what | how many |\n|---|---|\n");
    for (what, count) in [
        ("handshakes of four words", tally.handshakes),
        ("of them over a network that excuses nothing", tally.mild),
        ("words understood", tally.told),
        ("words whose teller heard why not", tally.untold),
        ("sessions opened", tally.sessions),
        ("BMC restarts drawn", tally.reboots),
        ("handshakes with a BMC that takes up to 5 s to answer", tally.slow),
        ("datagrams", tally.packets),
        ("of them ignored by the link: repeated, late or damaged", tally.ignored),
        ("broken promises", broken.len() as u64),
    ] {
        writeln!(report, "| {what} | {count} |").expect("a string");
    }
    if let Ok(path) = env::var("BMCNOTICE_REPORT") {
        std::fs::write(path, &report).expect("the report");
    }
    println!("{report}");
    assert!(broken.is_empty(), "{} broken; play one again with BMCNOTICE_SEED=: {broken:?}", broken.len());
    assert!(tally.mild > 20 && tally.untold > 0 && tally.told > tally.untold * 5, "{tally:?}");
}
