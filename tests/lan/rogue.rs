//! Links and dialogues against a BMC that knows the password and means ill. Authentication is passed, so what it
//! makes up reaches every parser behind it; a seed decides all of it.

mod bmc;

use crate::dice::Dice;
use crate::net::{MILLISECOND, SECOND, identity, login};
use bmc::{LAYERS, Rogue};
use bmcnotice::bmc::chassis::Order;
use bmcnotice::bmc::dialogue::{Dialogue, Step};
use bmcnotice::bmc::failure::Failure;
use bmcnotice::bmc::handshake::Telling;
use bmcnotice::bmc::link::{Link, Login, Manners, Output, Status, Ticket, Urgency};
use bmcnotice::bmc::ping::{self, Probe};
use bmcnotice::config::model::{Handshake, Privilege};
use bmcnotice::crypto::Random;
use bmcnotice::now::Now;
use bmcnotice::sim::Options;
use bmcnotice::wire::command::{self, AuthCapabilities, ChassisStatus, Control, DeviceId, Watchdog};
use bmcnotice::wire::ipmi::{Request, Response};
use bmcnotice::wire::sel::{Entry, SelInfo};
use bmcnotice::wire::session_info::SessionInfo;
use bmcnotice::words::{Guid, Outcome, Phase};
use std::collections::BTreeSet;
use std::env;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Inputs in `make test`.
const INPUTS: u64 = 200_000;
/// Inputs of one life at most.
const LIFE: u64 = 400;
/// Outputs of one input at most.
const MOST_OUTPUTS: usize = 80;

/// What is said in a life, one after the other.
enum Talk {
    Telling(Telling),
    Order(Order),
    Reading(Request),
}

struct World {
    link: Link,
    probe: Probe,
    rogue: Rogue,
    dice: Dice,
    now: Now,
    flying: Vec<(Duration, Vec<u8>)>,
    /// Tickets that are not answered.
    open: BTreeSet<u64>,
    /// Those that were taken back; one that was under way is answered all the same.
    withdrawn: BTreeSet<u64>,
    answer: Option<(u64, Result<Response, Failure>)>,
    tickets: u64,
    inputs: u64,
    sent: u64,
    story: bool,
}

impl World {
    fn drain(&mut self) {
        for count in 0.. {
            let Some(output) = self.link.poll_output() else { break };
            assert!(count < MOST_OUTPUTS, "one input made {count} outputs");
            match output {
                Output::Send(bytes) => {
                    assert!(bytes.len() <= 400, "{} octets", bytes.len());
                    self.send(&bytes);
                }
                Output::Answer { ticket, result } => {
                    let known = self.open.remove(&ticket.0) || self.withdrawn.remove(&ticket.0);
                    assert!(known, "{ticket:?} is answered twice");
                    if let Ok(response) = &result {
                        read_all(&response.data);
                    }
                    self.answer = Some((ticket.0, result));
                }
                Output::Changed => {
                    if self.story {
                        eprintln!("{:?} {:?}", self.now.boottime, self.link.status());
                    }
                }
            }
        }
        while let Some(output) = self.probe.poll_output() {
            if let ping::Output::Send(bytes) = output {
                self.send(&bytes);
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.sent += 1;
        for answer in self.rogue.hear(&mut self.dice, bytes) {
            let delay = if self.dice.percent(3) { 5 * SECOND } else { 2 * MILLISECOND };
            let at = self.now.boottime + self.dice.up_to(delay);
            self.flying.push((at, answer));
        }
        assert!(self.flying.len() < 2000, "the rogue is fed too well");
    }

    /// To this moment, or until something was answered.
    fn until(&mut self, end: Duration) {
        let mut rounds = 0;
        while self.answer.is_none() {
            rounds += 1;
            assert!(rounds < 100_000, "time does not move on: {:?}", self.link);
            let flying = self.flying.iter().map(|(at, _)| *at).min();
            let timers = [flying, self.link.next_deadline(), self.probe.next_deadline()];
            let at = timers.into_iter().flatten().min().filter(|at| *at <= end).unwrap_or(end);
            self.now = self.now.after(at.saturating_sub(self.now.boottime));
            if let Some(n) = self.flying.iter().position(|(at, _)| *at <= self.now.boottime) {
                let (_, bytes) = self.flying.swap_remove(n);
                if self.story {
                    eprintln!("{:?} {bytes:02x?}", self.now.boottime);
                }
                self.inputs += 1;
                self.probe.handle_datagram(self.now, &bytes);
                self.link.handle_datagram(self.now, &bytes);
            } else if at == end {
                break;
            }
            self.probe.handle_timeout(self.now);
            self.link.handle_timeout(self.now);
            self.drain();
        }
        self.link.handle_timeout(self.now);
        self.drain();
    }

    fn submit(&mut self, request: Request) -> u64 {
        self.tickets += 1;
        self.open.insert(self.tickets);
        let urgency = if self.dice.percent(50) { Urgency::Urgent } else { Urgency::Normal };
        self.link.submit(self.now, Ticket(self.tickets), urgency, request);
        self.drain();
        self.tickets
    }

    fn talk<D: Dialogue>(&mut self, mut dialogue: D) {
        let mut asked = None;
        for _ in 0..10_000 {
            if let Some((ticket, result)) = self.answer.take()
                && asked == Some(ticket)
            {
                asked = None;
                dialogue.handle_answer(self.now, result);
            }
            match dialogue.poll(self.now) {
                Step::Submit(request) => asked = Some(self.submit(request)),
                Step::Wait(until) => self.until(until.expect("a dialogue has a deadline")),
                Step::Over(_) => {
                    // As the engine does: what still waits must not go out after its dialogue.
                    if let Some(ticket) = asked.filter(|ticket| self.open.remove(ticket)) {
                        self.withdrawn.insert(ticket);
                        self.link.withdraw(Ticket(ticket));
                    }
                    return;
                }
            }
        }
        panic!("a dialogue does not end");
    }

    fn read(&mut self, request: Request) {
        self.submit(request);
        self.until(self.now.boottime + 5 * SECOND);
        self.answer = None;
    }
}

/// Every parser of what a BMC may answer sees everything.
fn read_all(data: &[u8]) {
    let _ = (DeviceId::parse(data), AuthCapabilities::parse(data), ChassisStatus::parse(data), Watchdog::parse(data));
    let _ = (SelInfo::parse(data), Entry::parse(data), SessionInfo::parse(data), command::parse_guid(data));
    let _ = (command::parse_suite_part(data), command::parse_suite_list(data));
}

#[derive(Debug, Default)]
struct Tally {
    lives: u64,
    inputs: u64,
    sent: u64,
    tickets: u64,
    ups: u64,
    ignored: u64,
    wrong: [u64; 6],
    broken: Vec<u64>,
}

fn life(seed: u64, story: bool, tally: &mut Tally) {
    let mut dice = Dice::new(seed);
    let foreign = dice.percent(15);
    let guid = if foreign { Guid([0x5A; 16]) } else { Options::default().guid };
    let malice = [0, 1, 3, 10, 30, 60][dice.below(6) as usize];
    let manners = if dice.percent(50) { Manners::Own } else { Manners::Peer };
    let privilege = [Privilege::User, Privilege::Operator, Privilege::Administrator][dice.below(3) as usize];
    let login = Login { manners, ..login(privilege) };
    let mut random = Random::from_seed(dice.seed());
    let mut world = World {
        link: Link::new(login, identity(), random.split()),
        probe: Probe::new(&mut random),
        rogue: Rogue::new(guid, malice),
        dice,
        now: Now { boottime: 1000 * SECOND, wall: Duration::ZERO },
        flying: Vec::new(),
        open: BTreeSet::new(),
        withdrawn: BTreeSet::new(),
        answer: None,
        tickets: 0,
        inputs: 0,
        sent: 0,
        story,
    };
    world.link.start(world.now);
    world.drain();
    let sel = Handshake::Sel { record_type: 0xC0, manufacturer: 0x00_1291 };
    let begun = world.now.boottime;
    let mut ups = 0;
    while world.inputs < LIFE && world.now.boottime < begun + 3600 * SECOND {
        world.probe.ask(world.now);
        world.drain();
        let deadline = world.now.boottime + 20 * SECOND;
        let talk = match world.dice.below(6) {
            0 => Talk::Order(Order::new(Control::PowerCycle, deadline)),
            1 => Talk::Telling(Telling::new(&sel, Phase::Started, 7, None, deadline)),
            2 => Talk::Telling(Telling::new(&sel, Phase::Ended(Outcome::Done), 7, None, deadline)),
            3 => Talk::Reading(Request::new(command::SEL_INFO, [])),
            4 => Talk::Reading(Request::new(command::GET_WATCHDOG, [])),
            _ => Talk::Reading(Request { netfn: 0x0A, lun: 0, command: 0x23, data: vec![0; 6] }),
        };
        match talk {
            Talk::Telling(telling) => world.talk(telling),
            Talk::Order(order) => {
                let before = world.rogue.heard.iter().filter(|heard| **heard == (0x00, 0x02)).count();
                world.talk(order);
                let after = world.rogue.heard.iter().filter(|heard| **heard == (0x00, 0x02)).count();
                assert!(after - before <= 1, "a chassis command was said {} times", after - before);
            }
            Talk::Reading(request) => world.read(request),
        }
        ups += u64::from(matches!(world.link.status(), Status::Up { .. }));
        let pause = world.dice.up_to(40 * SECOND);
        world.until(world.now.boottime + pause);
        world.answer = None;
    }
    // What is asked now is answered at the latest when the link stops, and then nothing more comes.
    world.submit(Request::new(command::CHASSIS_STATUS, []));
    world.link.stop(world.now);
    world.drain();
    assert!(world.open.is_empty(), "{} tickets are not answered", world.open.len());
    for (_, bytes) in core::mem::take(&mut world.flying) {
        world.link.handle_datagram(world.now, &bytes);
    }
    assert_eq!((world.link.poll_output(), world.link.next_deadline()), (None, None));
    if foreign {
        let said = |command: &(u8, u8)| [(0x00, 0x02), (0x0A, 0x44), (0x0A, 0x40), (0x00, 0x01)].contains(command);
        assert!(!world.rogue.heard.iter().any(said), "something was said to another system's BMC");
        assert_eq!(ups, 0);
    }
    let seconds = (world.now.boottime - begun).as_secs().max(1);
    assert!(world.sent <= 200 + seconds * 40 + world.inputs * 4, "{} datagrams in {seconds} s", world.sent);
    tally.lives += 1;
    tally.inputs += world.inputs;
    tally.sent += world.sent;
    tally.tickets += world.tickets;
    tally.ups += ups;
    tally.ignored += world.link.ignored();
    tally.wrong.iter_mut().zip(world.rogue.wrong).for_each(|(all, one)| *all += one);
}

/// Lives from `first`, every second one, until so many inputs.
fn lives(first: u64, inputs: u64) -> Tally {
    let mut tally = Tally::default();
    for seed in (first..).step_by(2) {
        if tally.inputs >= inputs || tally.broken.len() > 20 {
            break;
        }
        if catch_unwind(AssertUnwindSafe(|| life(seed, false, &mut tally))).is_err() {
            tally.broken.push(seed);
        }
    }
    tally
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

#[test]
fn a_rogue_bmc_that_knows_the_password() {
    if let Some(seed) = number("BMCNOTICE_SEED") {
        return life(seed, true, &mut Tally::default());
    }
    let inputs = number("BMCNOTICE_INPUTS").unwrap_or(INPUTS);
    let halves: Vec<_> = (0..2).map(|first| std::thread::spawn(move || lives(first, inputs / 2))).collect();
    let halves: Vec<Tally> = halves.into_iter().map(|half| half.join().expect("a thread")).collect();
    let sum = |field: fn(&Tally) -> u64| halves.iter().map(field).sum::<u64>();
    let mut report = String::from("| what | how many |\n|---|---|\n");
    let mut rows = vec![
        ("inputs", sum(|half| half.inputs)),
        ("lives of a link", sum(|half| half.lives)),
        ("datagrams to the rogue", sum(|half| half.sent)),
        ("commands, each answered once", sum(|half| half.tickets)),
        ("inputs that were ignored", sum(|half| half.ignored)),
        ("looks at a link that found it up", sum(|half| half.ups)),
    ];
    let wrong: Vec<String> = LAYERS.iter().map(|layer| format!("wrong on purpose: {layer}")).collect();
    for (n, layer) in wrong.iter().enumerate() {
        rows.push((layer, halves.iter().map(|half| half.wrong[n]).sum()));
    }
    rows.push(("broken promises", sum(|half| half.broken.len() as u64)));
    for (what, count) in &rows {
        writeln!(report, "| {what} | {count} |").expect("a string");
    }
    if let Ok(path) = env::var("BMCNOTICE_REPORT") {
        std::fs::write(path, &report).expect("the report");
    }
    println!("{report}");
    let broken: Vec<u64> = halves.iter().flat_map(|half| half.broken.clone()).collect();
    assert!(broken.is_empty(), "play one again with BMCNOTICE_SEED=: {broken:?}");
    assert!(rows.iter().all(|(what, count)| *count > 0 || *what == "broken promises"), "{report}");
}
