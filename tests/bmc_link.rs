//! Links under virtual time: a BMC that does as told, over a network that loses, repeats and swaps.

#[path = "support/logins.rs"]
mod logins;
#[path = "support/scripted_bmc.rs"]
mod scripted_bmc;

use bmcnotice::bmc::failure::Failure;
use bmcnotice::bmc::link::{Checked, Identity, KEEP_ALIVE, Link, Login, Output, RECHECK, Status, Ticket, Urgency};
use bmcnotice::bmc::queue::QUEUE;
use bmcnotice::config::model::Privilege;
use bmcnotice::crypto::{Random, Secret};
use bmcnotice::now::Now;
use bmcnotice::suite::Suite;
use bmcnotice::wire::command::{self, Control};
use bmcnotice::wire::ipmi::{Completion, Request, Response};
use bmcnotice::wire::rakp::Algorithms;
use bmcnotice::words::Guid;
use core::time::Duration;
use scripted_bmc::Bmc;
use std::collections::HashMap;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// One link, one BMC, and what is on its way between them.
struct World {
    link: Link,
    bmc: Bmc,
    now: Now,
    /// When, to the BMC or from it, what.
    flying: Vec<(Duration, bool, Vec<u8>)>,
    chance: Random,
    /// Of 256 datagrams: lost, repeated, damaged.
    faults: [u8; 3],
    /// Each way, beside a few milliseconds of chance.
    delay: Duration,
    /// So long the BMC works at each request, and hears nothing meanwhile.
    deaf: Duration,
    deaf_until: Duration,
    cut: bool,
    answers: HashMap<Ticket, Result<Response, Failure>>,
    order: Vec<Ticket>,
    sent: Vec<Vec<u8>>,
    tickets: u64,
}

fn login() -> Login {
    logins::login("admin", "secret", &[Suite::Seventeen, Suite::Three], Privilege::Administrator)
}

fn identity() -> Identity {
    Identity::Expected(vec![Guid([0xA5; 16])])
}

impl World {
    fn new(seed: u8, login: Login, identity: Identity) -> Self {
        Self {
            link: Link::new(login, identity, Random::from_seed([seed; 32])),
            bmc: Bmc::new(),
            now: Now { boottime: Duration::from_secs(1000), wall: Duration::ZERO },
            flying: Vec::new(),
            chance: Random::from_seed([!seed; 32]),
            faults: [0; 3],
            delay: Duration::ZERO,
            deaf: Duration::ZERO,
            deaf_until: Duration::ZERO,
            cut: false,
            answers: HashMap::new(),
            order: Vec::new(),
            sent: Vec::new(),
            tickets: 0,
        }
    }

    fn up() -> Self {
        let mut world = Self::new(1, login(), identity());
        world.start();
        world.run(SECOND);
        assert!(world.is_up(), "{:?}", world.link.status());
        world
    }

    fn is_up(&self) -> bool {
        matches!(self.link.status(), Status::Up { .. })
    }

    fn why(&self) -> Option<Failure> {
        match self.link.status() {
            Status::Down { why, .. } => *why,
            _ => None,
        }
    }

    fn start(&mut self) {
        self.link.start(self.now);
        self.drain();
    }

    fn submit(&mut self, urgency: Urgency, request: Request) -> Ticket {
        self.tickets += 1;
        self.link.submit(self.now, Ticket(self.tickets), urgency, request);
        self.drain();
        Ticket(self.tickets)
    }

    fn fly(&mut self, to_bmc: bool, mut bytes: Vec<u8>) {
        let [lost, repeated, damaged] = self.chance.array::<3>();
        if self.cut || lost < self.faults[0] {
            return;
        }
        if repeated < self.faults[1] {
            let late = MILLISECOND * (self.chance.u32() % 700);
            self.flying.push((self.now.boottime + late, to_bmc, bytes.clone()));
        }
        // UDP's own sum finds damage; what gets past it was made by somebody. Only sealed packets withstand that.
        if damaged < self.faults[2] && bytes[5] & 0xC0 == 0xC0 {
            let at = self.chance.u32() as usize % bytes.len();
            bytes[at] ^= 1 << (self.chance.u32() % 8);
        }
        let works = if to_bmc { Duration::ZERO } else { self.deaf };
        let delay = works + self.delay + MILLISECOND * (1 + self.chance.u32() % 4);
        self.flying.push((self.now.boottime + delay, to_bmc, bytes));
    }

    fn drain(&mut self) {
        while let Some(output) = self.link.poll_output() {
            match output {
                Output::Send(bytes) => {
                    self.sent.push(bytes.clone());
                    self.fly(true, bytes);
                }
                Output::Answer { ticket, result } => {
                    assert_eq!(self.answers.insert(ticket, result), None, "{ticket:?} was answered twice");
                    self.order.push(ticket);
                }
                Output::Changed => {}
            }
        }
    }

    /// Lets so much time pass.
    fn run(&mut self, time: Duration) {
        let end = self.now.boottime + time;
        loop {
            let flying = self.flying.iter().map(|(at, _, _)| *at).min();
            let next = [flying, self.link.next_deadline()].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= end) else {
                break;
            };
            self.now = self.now.after(at.saturating_sub(self.now.boottime));
            let landed = self.flying.iter().position(|(at, _, _)| *at <= self.now.boottime);
            if let Some(landed) = landed {
                let (_, to_bmc, bytes) = self.flying.swap_remove(landed);
                if !to_bmc {
                    self.link.handle_datagram(self.now, &bytes);
                } else if self.now.boottime >= self.deaf_until
                    && let Some(answer) = self.bmc.handle(&bytes)
                {
                    self.deaf_until = self.now.boottime + self.deaf;
                    self.fly(false, answer);
                }
            }
            self.link.handle_timeout(self.now);
            self.drain();
        }
        self.now = self.now.after(end - self.now.boottime);
    }
}

fn read() -> Request {
    Request::new(command::CHASSIS_STATUS, [])
}

#[test]
fn opens_and_answers() {
    let mut world = World::up();
    let up = Status::Up { suite: Some(Suite::Seventeen), guid: Guid([0xA5; 16]), identity: Checked::Matched };
    assert_eq!((*world.link.status(), world.link.identity_matched()), (up, true));
    let ticket = world.submit(Urgency::Normal, read());
    world.run(SECOND);
    assert_eq!(world.answers[&ticket], Ok(Response::ok([])));
    world.link.stop(world.now);
    world.drain();
    world.run(SECOND);
    assert_eq!((world.bmc.sessions(), world.link.next_deadline()), (0, None));
    assert_eq!(world.why(), Some(Failure::Stopped));
    let late = world.submit(Urgency::Urgent, read());
    assert_eq!(world.answers[&late], Err(Failure::Stopped));
}

#[test]
fn why_it_does_not_open() {
    type Change = fn(&mut Bmc, &mut Login);
    let cases: [(Change, Failure); 10] = [
        (|bmc, _| bmc.user = b"other".to_vec(), Failure::WrongUser),
        (|_, login| login.password = Secret::new("wrong"), Failure::WrongPassword),
        (|_, login| login.kg = Some(Secret::new("key")), Failure::WrongPassword),
        (|bmc, _| bmc.kg = Some(Secret::new("key")), Failure::WrongPassword),
        (|bmc, _| bmc.privilege = 3, Failure::PrivilegeTooHigh),
        (|bmc, _| bmc.suites.clear(), Failure::SuiteNotOffered),
        (|_, login| login.suites.clear(), Failure::SuiteNotOffered),
        (|bmc, _| bmc.open_status = Some(0x01), Failure::NoFreeSlot),
        (|bmc, _| bmc.open_status = Some(0x0A), Failure::PrivilegeTooHigh),
        (|bmc, _| bmc.open_status = Some(0x12), Failure::SuiteNotOffered),
    ];
    for (i, (change, why)) in cases.into_iter().enumerate() {
        let (mut bmc, mut login) = (Bmc::new(), login());
        change(&mut bmc, &mut login);
        let mut world = World::new(2, login, identity());
        world.bmc = bmc;
        world.start();
        let ticket = world.submit(Urgency::Urgent, read());
        world.run(3 * SECOND);
        assert_eq!((world.why(), &world.answers[&ticket]), (Some(why), &Err(why)), "case {i}");
        assert_eq!(world.bmc.heard(command::CHASSIS_STATUS), 0, "case {i}");
        // With another BMC key nothing we say reaches the session that the BMC believes in.
        let unreachable = matches!(i, 2 | 3);
        assert!(world.bmc.sessions() == 0 || unreachable, "case {i}");
        // An operator's fault is not tried often: a BMC may lock the user out.
        world.run(60 * SECOND);
        assert!(why.is_passing() || world.bmc.opens <= 3, "case {i}: {}", world.bmc.opens);
    }
}

#[test]
fn a_bmc_key_and_a_lone_suite() {
    let key = Some(Secret::new("key of the bmc"));
    let mut world = World::new(3, Login { kg: key.clone(), ..login() }, identity());
    world.bmc.kg = key;
    world.bmc.suites = vec![Suite::Three];
    world.start();
    world.run(SECOND);
    assert!(matches!(world.link.status(), Status::Up { suite: Some(Suite::Three), .. }));
}

#[test]
fn whose_bmc_it_is() {
    let zero = Guid([0; 16]);
    for told in [Ok(zero), Err(Completion::UNKNOWN_COMMAND)] {
        let mut world = World::new(4, login(), identity());
        world.bmc.told_guid = told; // then the one in RAKP Message 2 counts
        world.start();
        world.run(SECOND);
        assert!(world.link.identity_matched());
    }
    let mut world = World::new(5, login(), identity());
    (world.bmc.guid, world.bmc.told_guid) = (Guid([2; 16]), Ok(Guid([1; 16])));
    world.start();
    let early = world.submit(Urgency::Urgent, Control::PowerCycle.request());
    world.run(SECOND);
    let late = world.submit(Urgency::Urgent, Control::PowerCycle.request());
    for ticket in [early, late] {
        assert_eq!(world.answers[&ticket], Err(Failure::WrongIdentity));
    }
    assert_eq!(*world.link.status(), Status::WrongIdentity { found: Guid([1; 16]) });
    assert_eq!((world.bmc.heard(command::CHASSIS_CONTROL), world.bmc.sessions()), (0, 0));
    world.bmc.told_guid = Ok(Guid([0xA5; 16]));
    world.run(RECHECK + SECOND);
    assert!(world.link.identity_matched(), "looked at again");
}

#[test]
fn stays_warm_and_finds_a_rebooted_bmc() {
    let mut world = World::up();
    world.run(10 * KEEP_ALIVE + SECOND);
    // This BMC does not know Get Session Info, so it is asked once.
    let used = [command::GET_SESSION_INFO, command::GET_DEVICE_ID].map(|command| world.bmc.heard(command));
    assert_eq!((used, world.bmc.opens), ([1, 9], 1));
    world.bmc.reboot();
    world.run(KEEP_ALIVE + 5 * SECOND);
    assert_eq!((world.is_up(), world.bmc.opens, world.bmc.sessions()), (true, 2, 1));
}

#[test]
fn a_cut_network_comes_back() {
    let mut world = World::up();
    world.cut = true;
    let ticket = world.submit(Urgency::Urgent, read());
    let behind = world.submit(Urgency::Normal, read());
    world.run(3750 * MILLISECOND);
    assert_eq!(world.answers[&ticket], Err(Failure::Silent));
    assert!(!world.answers.contains_key(&behind), "waits for a session");
    world.run(2 * SECOND);
    assert_eq!(world.answers[&behind], Err(Failure::Silent));
    world.run(600 * SECOND);
    assert_eq!(world.why(), Some(Failure::Silent));
    world.cut = false;
    let hurried = world.submit(Urgency::Urgent, read());
    world.run(2 * SECOND);
    assert!(world.answers[&hurried].is_ok() || world.answers[&hurried] == Err(Failure::Silent));
    world.run(20 * SECOND);
    assert!(world.is_up());
}

#[test]
fn urgent_first_and_bounded() {
    let mut world = World::up();
    let first = world.submit(Urgency::Normal, read());
    let normal: Vec<_> = (0..QUEUE).map(|_| world.submit(Urgency::Normal, read())).collect();
    let over = world.submit(Urgency::Normal, read());
    let urgent = world.submit(Urgency::Urgent, read());
    assert_eq!(world.answers[&over], Err(Failure::QueueFull));
    world.run(10 * SECOND);
    let mut order = vec![over, urgent, first];
    order.extend(normal);
    assert_eq!(world.order, order);
}

#[test]
fn what_is_urgent_waits_for_no_answer_to_what_is_not() {
    let mut world = World::up();
    let (sent, heard) = (world.sent.len(), world.bmc.heard.len());
    let normal = world.submit(Urgency::Normal, read());
    let urgent = world.submit(Urgency::Urgent, Request::new(command::GET_DEVICE_ID, []));
    let behind = world.submit(Urgency::Urgent, read());
    assert_eq!(world.sent.len() - sent, 2, "at once; urgent ones wait for each other");
    world.run(SECOND);
    assert_eq!(world.order, [urgent, behind, normal]);
    assert!(world.order.iter().all(|ticket| world.answers[ticket].is_ok()));
    let heard: Vec<_> = world.bmc.heard[heard..].iter().map(|request| request.command).collect();
    let (id, status) = (command::GET_DEVICE_ID.number, command::CHASSIS_STATUS.number);
    assert!(heard == [status, id, status, status] || heard == [id, status, status, status], "{heard:?}");
}

/// Some take nothing while they work: once they have answered, what they did not hear is repeated soon.
#[test]
fn what_is_urgent_and_was_not_heard_is_repeated_soon() {
    let mut world = World::up();
    world.deaf = 40 * MILLISECOND;
    let normal = world.submit(Urgency::Normal, read());
    world.run(10 * MILLISECOND);
    let heard = world.bmc.heard.len();
    let urgent = world.submit(Urgency::Urgent, Request::new(command::GET_DEVICE_ID, []));
    world.run(60 * MILLISECOND);
    assert_eq!(world.bmc.heard.len(), heard, "it was not heard");
    world.run(100 * MILLISECOND);
    assert!(world.answers[&urgent].is_ok(), "long before 250 ms are over");
    world.run(SECOND);
    assert!(world.answers[&normal].is_ok());
    assert_eq!(world.bmc.heard.len(), heard + 2);
}

/// A chassis command is never said twice, and what was said twice already is about to show whether the session lives.
#[test]
fn what_is_urgent_interrupts_nothing_that_matters() {
    let mut world = World::up();
    let cycle = world.submit(Urgency::Normal, Control::PowerCycle.request());
    let urgent = world.submit(Urgency::Urgent, read());
    world.run(SECOND);
    assert_eq!(world.order, [cycle, urgent]);
    world.cut = true;
    let lost = world.submit(Urgency::Normal, read());
    world.run(300 * MILLISECOND);
    world.cut = false;
    let sent = world.sent.len();
    let urgent = world.submit(Urgency::Urgent, read());
    assert_eq!(world.sent.len(), sent);
    world.run(2 * SECOND);
    assert_eq!(world.order[2..], [lost, urgent]);
}

/// What keeps the session alive, and the counting of sessions, make way, too.
#[test]
fn what_is_urgent_interrupts_what_nobody_asked_for() {
    let mut world = World::up();
    world.delay = 100 * MILLISECOND;
    let sent = world.sent.len();
    while world.sent.len() == sent {
        world.run(10 * MILLISECOND);
    }
    let sent = world.sent.len();
    let urgent = world.submit(Urgency::Urgent, read());
    assert_eq!(world.sent.len(), sent + 1);
    world.run(SECOND);
    assert!(world.answers[&urgent].is_ok() && world.is_up());
    let heard = world.bmc.heard.len();
    world.run(2 * KEEP_ALIVE);
    assert!(world.bmc.heard.len() > heard && world.is_up(), "it is kept alive as before");
}

#[test]
fn a_bmc_that_does_not_know_the_password() {
    let mut world = World::new(6, login(), identity());
    (world.bmc.password, world.bmc.trusting) = (Secret::new("guess"), true);
    world.start();
    world.run(500 * MILLISECOND);
    assert_eq!(world.why(), Some(Failure::WrongPassword));
    let proofs: Vec<_> = world.sent.iter().filter(|bytes| bytes[5] == 0x14).collect();
    assert_eq!((proofs.len(), proofs[0].len(), proofs[0][17]), (1, 24, 0x0F), "RAKP Message 3 without a proof");
}

/// A BMC that says nothing to a suite that it does not have is asked what it has; one that has it is only slow.
#[test]
fn a_bmc_that_is_mute_about_suites() {
    let mut world = World::new(8, login(), identity());
    (world.bmc.suites, world.bmc.mute_about_suites) = (vec![Suite::Three], true);
    world.start();
    world.run(4 * SECOND);
    assert!(matches!(world.link.status(), Status::Up { suite: Some(Suite::Three), .. }), "{:?}", world.link.status());
    assert_eq!(world.bmc.outside.len(), 1);
    // Suite 17 stays the only one where nothing else is allowed, however mute the BMC is.
    let mut world = World::new(8, Login { suites: vec![Suite::Seventeen], ..login() }, identity());
    (world.bmc.suites, world.bmc.mute_about_suites) = (vec![Suite::Three], true);
    world.start();
    world.run(60 * SECOND);
    assert_eq!((world.why(), world.bmc.outside.len(), world.bmc.opens), (Some(Failure::Silent), 0, 0));
}

#[test]
fn a_bmc_that_picks_another_suite() {
    for algorithms in [[0, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1]] {
        let [authentication, integrity, confidentiality] = algorithms;
        let mut world = World::new(7, Login { suites: vec![Suite::Seventeen], ..login() }, identity());
        world.bmc.other_algorithms = Some(Algorithms { authentication, integrity, confidentiality });
        world.start();
        world.run(4 * SECOND);
        assert_eq!(world.why(), Some(Failure::Malformed));
        assert!(world.sent.iter().all(|bytes| bytes[5] == 0x10), "nothing but Open Session Requests");
    }
}

#[test]
fn what_must_not_happen_twice_is_sent_once() {
    for (request, sends) in
        [(Control::PowerCycle.request(), 1), (Request::new(command::ADD_SEL_ENTRY, [0; 16]), 1), (read(), 12)]
    {
        let mut world = World::up();
        (world.cut, world.sent) = (true, Vec::new());
        let ticket = world.submit(Urgency::Urgent, request);
        world.run(3749 * MILLISECOND);
        let in_session = world.sent.iter().filter(|bytes| bytes[4] == 6).count();
        let outside = usize::from(sends > 1); // what is repeated in vain is followed by a question outside
        assert_eq!((in_session, world.sent.len()), (sends, sends + outside));
        world.run(2 * MILLISECOND);
        assert_eq!(world.answers[&ticket], Err(Failure::Silent));
        world.cut = false;
        world.run(6 * SECOND);
        assert!(world.is_up());
        assert!(world.bmc.sessions() <= 2);
    }
}

fn echo(octet: u8) -> Request {
    Request::new(command::CHASSIS_STATUS, [octet])
}

/// A slow BMC answers each transmission: the second answer to one command must not pass for the
/// first answer to the next.
#[test]
fn late_answers_are_not_mixed_up() {
    let mut world = World::up();
    world.delay = 200 * MILLISECOND;
    let tickets: Vec<_> = (0..20).map(|i| world.submit(Urgency::Normal, echo(i))).collect();
    world.run(20 * SECOND);
    for (i, ticket) in (0..).zip(tickets) {
        assert_eq!(world.answers[&ticket], Ok(Response::ok([i])));
    }
    assert!(world.link.ignored() >= 19);
}

/// After 64 commands the same number returns: an answer that was recorded then is not taken now.
#[test]
fn recorded_answers_are_not_taken() {
    let mut world = World::up();
    world.submit(Urgency::Normal, echo(0));
    let question = world.sent.last().cloned().unwrap();
    let recorded = world.bmc.handle(&question).unwrap();
    world.link.handle_datagram(world.now, &recorded);
    world.drain();
    assert_eq!(world.answers.len(), 1);
    for i in 1..64 {
        world.submit(Urgency::Normal, echo(i));
        world.run(100 * MILLISECOND);
    }
    assert_eq!(world.answers.len(), 64);
    let ticket = world.submit(Urgency::Normal, echo(64));
    world.link.handle_datagram(world.now, &recorded);
    world.drain();
    assert!(!world.answers.contains_key(&ticket));
    world.run(SECOND);
    assert_eq!(world.answers[&ticket], Ok(Response::ok([64])));
}

/// Nobody who cannot seal can make an answer, whatever of the real ones he repeats or changes.
#[test]
fn forged_datagrams_change_nothing() {
    let mut world = World::up();
    let ticket = world.submit(Urgency::Normal, read());
    let mut answers: Vec<Vec<u8>> = Vec::new();
    for bytes in world.sent.clone() {
        answers.extend(World::up().bmc.handle(&bytes));
        answers.push(bytes);
    }
    let ignored = world.link.ignored();
    let mut forged = 0;
    for bytes in answers {
        // Octets 1 and 2 of RMCP (reserved, sequence) are nobody's: no code covers them, nothing reads them.
        for at in (0..bytes.len()).filter(|at| !matches!(at, 1 | 2)) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x41;
            world.link.handle_datagram(world.now, &changed);
            forged += 1;
        }
    }
    assert_eq!(world.link.ignored() - ignored, forged);
    assert!(!world.answers.contains_key(&ticket));
    world.run(SECOND);
    assert_eq!((world.answers[&ticket].is_ok(), world.bmc.opens), (true, 1));
}

/// Whatever the network does: every ticket is answered once, what must not happen twice does not,
/// and the link comes up again.
fn chaos(faults: [u8; 3], least_good: usize) {
    for seed in 0..60 {
        let mut world = World::new(seed, login(), identity());
        world.faults = faults;
        world.start();
        for i in 0..40_u8 {
            let request = match i % 4 {
                0 => Control::PowerUp.request(),
                1 => Request::new(command::ADD_SEL_ENTRY, [i; 16]),
                _ => Request { netfn: 0x30, lun: 0, command: 0x70, data: vec![i, seed] },
            };
            world.submit(if i % 3 == 0 { Urgency::Urgent } else { Urgency::Normal }, request);
            let pause = MILLISECOND * (world.chance.u32() % 900);
            world.run(pause);
            if i == 20 {
                world.bmc.reboot();
            }
        }
        world.run(60 * SECOND);
        assert_eq!(world.answers.len(), 40, "seed {seed}");
        assert!(world.bmc.heard(command::CHASSIS_CONTROL) <= 10, "seed {seed}");
        for i in 0..40_u8 {
            let added = Request::new(command::ADD_SEL_ENTRY, [i; 16]);
            assert!(world.bmc.heard.iter().filter(|request| **request == added).count() <= 1, "seed {seed}");
        }
        let good = world.answers.values().filter(|result| result.is_ok()).count();
        assert!(good >= least_good, "seed {seed}: {good}");
        world.faults = [0; 3];
        world.run(60 * SECOND);
        assert!(world.is_up(), "seed {seed}: {:?}", world.link.status());
        world.link.stop(world.now);
        world.drain();
        world.run(SECOND);
        assert_eq!(world.link.poll_output(), None);
    }
}

#[test]
fn a_tenth_is_lost() {
    chaos([25, 40, 10], 20);
}

#[test]
fn a_third_is_lost() {
    chaos([80, 80, 30], 0);
}
