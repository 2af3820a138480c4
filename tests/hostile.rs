//! Hostile datagrams through the handlers of the notice side: with a community that is right, with codes that verify and
//! content that opens, and wrong in every layer behind. A seed decides all of it; `docs/assurance/hostile.md` explains.
//!
//! `BMCNOTICE_SEED=n` plays one life again, `BMCNOTICE_INPUTS=n` sets how many datagrams there are,
//! `BMCNOTICE_REPORT=file` writes what they met.

mod common;
#[path = "simulation/dice.rs"]
mod dice;
#[path = "support/logins.rs"]
mod logins;
#[path = "support/traps.rs"]
mod traps;
#[path = "support/version3.rs"]
mod version3;

#[path = "hostile/again.rs"]
mod again;
#[path = "hostile/mail.rs"]
mod mail;
#[path = "hostile/mutate.rs"]
mod mutate;
#[path = "hostile/pen.rs"]
mod pen;
#[path = "hostile/site.rs"]
mod site;
#[path = "hostile/tree.rs"]
mod tree;
#[path = "hostile/world.rs"]
mod world;

use bmcnotice::notice::DropReason;
use bmcnotice::notice::usm::{own_boots, own_id};
use bmcnotice::wire::usm::{Level, emit_scoped};
use bmcnotice::words::Answer;
use dice::Dice;
use mail::{Clocks, Mail};
use pen::{Cover, Desk};
use std::env;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use world::{Letter, World};

/// Datagrams in `make test`, if they are through in time.
const INPUTS: u64 = 100_000;
const TIME: Duration = Duration::from_secs(20);
/// Datagrams of one life at most; one life in eight is ten times as long.
const LIFE: u64 = 300;
/// By so much may the process grow between a tenth of the inputs and all of them, in KiB.
const GROWTH: u64 = 8 * 1024;

#[derive(Debug, Default)]
struct Tally {
    lives: u64,
    inputs: u64,
    again: u64,
    wrong: mutate::Counts,
    seen: world::Seen,
    broken: Vec<u64>,
}

impl Tally {
    fn add(&mut self, seen: &world::Seen) {
        let all = &mut self.seen;
        all.drops.resize(DropReason::ALL.len(), 0);
        all.drops.iter_mut().zip(&seen.drops).for_each(|(all, one)| *all += one);
        for (all, one) in [
            (&mut all.notices, seen.notices),
            (&mut all.repeats, seen.repeats),
            (&mut all.authenticated, seen.authenticated),
            (&mut all.reports, seen.reports),
            (&mut all.responses, seen.responses),
            (&mut all.explained, seen.explained),
            (&mut all.reloads, seen.reloads),
            (&mut all.recoveries, seen.recoveries),
            (&mut all.genuine, seen.genuine),
        ] {
            *all += one;
        }
        all.most_outputs = all.most_outputs.max(seen.most_outputs);
    }

    fn merge(&mut self, other: Tally) {
        self.lives += other.lives;
        self.inputs += other.inputs;
        self.again += other.again;
        self.wrong.iter_mut().zip(other.wrong).for_each(|(all, one)| *all += one);
        self.add(&other.seen);
        self.broken.extend(other.broken);
    }
}

/// A fatal one, under a number that no other has, in v3 where v1 is not taken.
fn genuine(desk: &Desk, world: &World) -> Letter {
    let pet = bmcnotice::wire::pet::Pet { timestamp: 0x7777_7777, ..version3::pet(0x7777) };
    if !world.site.table().version3_only {
        return Letter { bytes: traps::v1(&pet, b"public", Ipv4Addr::new(10, 0, 1, 1)), signed: false };
    }
    let (mut octets, mut pdu, mut scoped) = (Vec::new(), Vec::new(), Vec::new());
    pet.emit(&mut octets);
    let name = format!("{}.{}", bmcnotice::wire::pet::TRAP_OID_PREFIX, pet.specific_trap());
    let name = bmcnotice::wire::oid::OidBuf::from_dotted(&name).expect("a name");
    let value = bmcnotice::wire::snmp::Value::OctetString(&octets);
    let varbinds = [bmcnotice::wire::snmp::Varbind { name: bmcnotice::wire::pet::VARIABLE, value }];
    bmcnotice::wire::snmp::emit_trap_pdu(1, 5, name.as_oid(), &varbinds, &mut pdu);
    let pen = &desk.pens[0];
    emit_scoped(pen.engine.octets(), b"", &pdu, &mut scoped);
    let cover = Cover { user: pen.user, id: 1, boots: 1, time: 1, level: Level::AuthPriv, reportable: false };
    let mut bytes = pen.write(cover, [0; 8], scoped);
    let signed = pen.sign(&mut bytes);
    Letter { bytes, signed }
}

/// Users with their keys: those of the genuine engine, and those whom the hostile sender has.
struct Keys {
    genuine: Desk,
    hostile: Desk,
}

impl Keys {
    fn new() -> Self {
        let mut engines: Vec<_> = site::ENGINES.iter().map(|n| site::engine(*n)).collect();
        engines.push(own_id("hostile", "server1"));
        Self { genuine: Desk::new(&[site::engine(site::GENUINE)]), hostile: Desk::new(&engines) }
    }
}

/// Time goes on, and the application answers.
fn pass(dice: &mut Dice, world: &mut World) {
    let span = match dice.below(100) {
        0 => Duration::from_secs(200),
        1..5 => Duration::from_secs(5),
        _ => Duration::from_millis(20),
    };
    world.pass(dice.up_to(span));
    if dice.percent(20)
        && let Some(token) = world.due()
    {
        let answer = if dice.percent(50) { Answer::Done } else { Answer::Failed };
        world.answer(token, answer);
    }
}

fn life(seed: u64, keys: &Keys, tally: &mut Tally) {
    let mut dice = Dice::new(seed);
    let sites = site::all(&keys.hostile.users);
    let site = sites[dice.below(sites.len() as u64) as usize].clone();
    let mut world = World::new(&mut dice, site);
    let mut mail = Mail::new();
    let own = own_id("hostile", "server1");
    let boots = own_boots(world.now, None);
    let inputs = LIFE * if dice.percent(12) { 10 } else { 1 };
    let inputs = 1 + dice.below(inputs);
    for _ in 0..inputs {
        pass(&mut dice, &mut world);
        if dice.below(100) == 0 {
            let site = &sites[dice.below(sites.len() as u64) as usize];
            world.reload(&mut dice, site);
        }
        let seconds = world.now.boottime.as_secs() as u32;
        let ours = (world.now.boottime - world.began.boottime).as_secs() as u32;
        let clocks = Clocks { theirs: seconds, own, boots, ours };
        let letter = mail.next(&mut dice, &world.site, &keys.hostile, clocks);
        tally.inputs += 1;
        let from = site::SENDERS[if dice.percent(75) { 0 } else { dice.below(5) as usize }];
        world.hear(from.parse().expect("an address"), &letter);
        tally.again += again::read_again(&letter.bytes);
    }
    if !world.site.is_foreign() {
        let letter = genuine(&keys.genuine, &world);
        world.genuine(&letter);
    }
    tally.lives += 1;
    tally.wrong.iter_mut().zip(mail.wrong).for_each(|(all, one)| *all += one);
    tally.add(&world.seen);
}

/// Resident memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the process's status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Lives from `first`, every second one, until so many inputs, or until the time is over; and the memory after a tenth.
fn lives(first: u64, inputs: u64, time: Option<Duration>) -> (Tally, u64) {
    let (mut tally, keys, begun, mut warm) = (Tally::default(), Keys::new(), Instant::now(), None);
    for seed in (first..).step_by(2) {
        let late = time.is_some_and(|time| begun.elapsed() > time);
        if tally.inputs >= inputs || late || tally.broken.len() > 20 {
            break;
        }
        let tenth = tally.inputs >= inputs / 10 || time.is_some_and(|time| begun.elapsed() > time / 4);
        if tenth && warm.is_none() {
            warm = Some(resident());
        }
        if catch_unwind(AssertUnwindSafe(|| life(seed, &keys, &mut tally))).is_err() {
            tally.broken.push(seed);
        }
    }
    (tally, warm.unwrap_or_else(resident))
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

#[test]
fn hostile_datagrams_that_pass_authentication() {
    if let Some(seed) = number("BMCNOTICE_SEED") {
        return life(seed, &Keys::new(), &mut Tally::default());
    }
    let wanted = number("BMCNOTICE_INPUTS");
    let (inputs, time) = (wanted.unwrap_or(INPUTS), if wanted.is_none() { Some(TIME) } else { None });
    let halves: Vec<_> = (0..2).map(|first| std::thread::spawn(move || lives(first, inputs / 2, time))).collect();
    let (mut tally, mut warm) = (Tally::default(), 0);
    for half in halves {
        let (half, at) = half.join().expect("a thread");
        tally.merge(half);
        warm = warm.max(at);
    }
    let grown = resident().saturating_sub(warm);
    let seen = &tally.seen;
    let reasons = seen.drops.iter().filter(|count| **count > 0).count() as u64;
    let mut rows: Vec<(String, u64)> = [
        ("datagrams", tally.inputs),
        ("lives of a reception and an engine", tally.lives),
        ("new notices", seen.notices),
        ("repetitions", seen.repeats),
        ("of both, authenticated", seen.authenticated),
        ("drops", seen.drops.iter().sum()),
        ("reasons for drops that were met", reasons),
        ("Reports", seen.reports),
        ("responses to Informs", seen.responses),
        ("recoveries begun", seen.recoveries),
        ("reloads", seen.reloads),
        ("explanations that agreed", seen.explained),
        ("values read, written and read again", tally.again),
        ("genuine notices after a life, each with its record", seen.genuine),
        ("most outputs of one input", seen.most_outputs),
    ]
    .map(|(what, count)| (what.to_owned(), count))
    .into();
    rows.extend(
        mutate::KINDS.iter().zip(tally.wrong).map(|(kind, count)| (format!("wrong on purpose: {kind}"), count)),
    );
    let broken = tally.broken.len() as u64;
    let mut report = String::from("| what | how many |\n|---|---|\n");
    for (what, count) in &rows {
        writeln!(report, "| {what} | {count} |").expect("a string");
    }
    writeln!(report, "| resident memory after a tenth of it, KiB | {warm} |").expect("a string");
    writeln!(report, "| by which it had grown at the end, KiB | {grown} |").expect("a string");
    writeln!(report, "| broken promises | {broken} |").expect("a string");
    if let Ok(path) = env::var("BMCNOTICE_REPORT") {
        std::fs::write(path, &report).expect("the report");
    }
    println!("{report}");
    assert!(tally.broken.is_empty(), "play one again with BMCNOTICE_SEED=: {:?}", tally.broken);
    assert!(rows.iter().all(|(_, count)| *count > 0), "{report}");
    let unmet: Vec<_> = DropReason::ALL.iter().filter(|reason| seen.drops[**reason as usize] == 0).collect();
    // On a slow machine the time is over before the rarest was met.
    let rushed = time.is_some() && tally.inputs < INPUTS;
    assert!(unmet.is_empty() || rushed, "no datagram was dropped for {unmet:?}");
    assert!(grown < GROWTH, "the process grows: {report}");
}

/// A datagram of 60 kB makes no explanation of 240 kB.
#[test]
fn a_long_community_is_cut() {
    let world = World::new(&mut Dice::new(0), site::all(&[])[3].clone());
    for (length, dots) in [(64, 0), (65, 1), (60_000, 1)] {
        let bytes = traps::v1(&version3::pet(1), &vec![0x1B; length], Ipv4Addr::new(10, 0, 1, 1));
        let why = world.why(&bytes);
        assert_eq!(why.matches("\\x1b").count(), length.min(64), "{why}");
        assert_eq!(why.matches("...").count(), dots, "{why}");
    }
}
