//! Links and the troubles that BMCs and networks make, against the simulated BMC in virtual time: each
//! trouble alone, and what the link makes of it.
use crate::net::{MILLISECOND, Net, SECOND, Weather, identity, login};
use bmcnotice::bmc::failure::Failure;
use bmcnotice::bmc::link::{CROWDED_FIRST, KEEP_ALIVE, Link, Login, Manners, Output, RECOUNT, Status, Urgency};
use bmcnotice::config::model::Privilege;
use bmcnotice::crypto::Random;
use bmcnotice::now::Now;
use bmcnotice::sim::{Options, Quirks, User};
use bmcnotice::suite::Suite;
use bmcnotice::wire::command::{self, Control};
use bmcnotice::wire::ipmi::{Message, Request, Response};
use bmcnotice::wire::rakp::{OpenRequest, OpenResponse, Opened, Rakp1, Rakp2, Rakp3, Rakp4, Status as Refusal};
use bmcnotice::wire::rmcp::{Datagram, PayloadType, Plus, emit_sessionless, emit_setup};
use std::time::Duration;

fn read() -> Request {
    Request::new(command::CHASSIS_STATUS, [])
}

fn net(options: Options) -> Net {
    Net::new(1, login(Privilege::Operator), options)
}

fn plus(bytes: &[u8]) -> Option<Plus<'_>> {
    match Datagram::parse(bytes) {
        Ok(Datagram::Plus(plus)) => Some(plus),
        _ => None,
    }
}

/// Open, RAKP 1 and 3, Set Session Privilege; then the command, and the goodbye.
#[test]
fn few_packets() {
    for (privilege, manners, packets) in [
        (Privilege::User, Manners::Own, 3),
        (Privilege::Operator, Manners::Own, 4),
        (Privilege::User, Manners::Peer, 4),
    ] {
        let mut net = Net::new(1, Login { manners, ..login(privilege) }, Options::default()).up();
        assert_eq!(net.packets, [packets; 2], "{privilege:?} {manners:?}");
        assert!(net.ask(read()).is_ok());
        net.stop();
        net.run(SECOND);
        assert_eq!((net.packets, net.bmc.sessions()), ([packets + 2; 2], (0, 0)));
    }
}

/// A session works at the privilege that was asked for, and at no other.
#[test]
fn least_privilege() {
    let users = vec![User::new("admin", "password", Privilege::Operator)];
    let options = Options { users, ..Options::default() };
    let mut net = Net::new(1, login(Privilege::User), options.clone()).up();
    let refused = net.ask(Control::PowerUp.request()).unwrap();
    assert_eq!(refused.completion, 0xD4);
    let mut net = Net::new(1, login(Privilege::Operator), options.clone()).up();
    assert!(net.ask(Request::new(command::ADD_SEL_ENTRY, [0xC0; 16])).unwrap().completion == 0);
    let mut net = Net::new(1, login(Privilege::Administrator), options);
    net.start();
    net.run(5 * SECOND);
    assert_eq!(net.why(), Some(Failure::PrivilegeTooHigh));
}

/// A BMC whose answers take five seconds, from the start or from some moment on.
#[test]
fn five_seconds_are_waited_for() {
    let slow = |delay| Quirks { answer_delay: delay, ..Quirks::default() };
    for seconds in [1, 2, 5] {
        let delay = seconds * SECOND;
        let mut net = net(Options { quirks: slow(delay), ..Options::default() });
        net.start();
        net.run(60 * SECOND);
        assert!(net.is_up(), "{seconds} s: {:?}", net.link.status());
        let before = net.packets[0];
        for _ in 0..5 {
            assert!(net.ask(read()).is_ok(), "{seconds} s");
        }
        assert!(net.packets[0] - before <= 8, "{seconds} s: not said again in vain: {}", net.packets[0] - before);
        let downs = net.statuses.len();
        net.run(600 * SECOND);
        assert_eq!(net.statuses.len(), downs, "{seconds} s: it stays up");
    }
    let mut net = net(Options::default()).up();
    net.bmc.quirks_mut().answer_delay = 5 * SECOND;
    net.run(120 * SECOND);
    assert!(net.is_up() && net.ask(read()).is_ok(), "{:?}", net.statuses);
    net.bmc.quirks_mut().answer_delay = Duration::ZERO;
    net.run(1200 * SECOND);
    let before = net.now.boottime;
    net.weather.cut = true;
    assert_eq!(net.ask(read()), Err(Failure::Silent));
    assert!(net.now.boottime - before < 5 * SECOND, "it has forgotten how slow the BMC was");
}

/// A session that the BMC has forgotten is noticed before the silence is over, and opened again.
#[test]
fn a_rebooted_bmc_is_noticed_soon() {
    let mut net = net(Options::default()).up();
    net.run(60 * SECOND);
    net.bmc.restart(net.now, 10 * MILLISECOND);
    net.run(SECOND);
    let before = net.now.boottime;
    assert_eq!(net.ask(read()), Err(Failure::SessionLost));
    assert!(net.now.boottime - before < 2 * SECOND, "{:?}", net.now.boottime - before);
    assert!(net.ask(read()).is_ok());
    assert!(net.now.boottime - before < 2 * SECOND);
    assert_eq!(net.bmc.sessions(), (1, 0));
}

/// All sendings of a command are lost but the last one, whose answer comes when the session has just been given up.
#[test]
fn a_late_answer_behind_losses_makes_no_bmc_slow() {
    let mut net = net(Options::default()).up();
    net.weather.cut = true;
    let ticket = net.submit(Urgency::Urgent, read());
    net.run(760 * MILLISECOND);
    // The question outside the session is answered.
    let question = net.sent.last().unwrap().clone();
    let Ok(Datagram::Sessionless(message)) = Datagram::parse(&question) else { panic!("{question:02x?}") };
    let answer = Response::ok(command::AuthCapabilities { channel: 1, kg: false, rmcp_plus: true }.emit());
    let answer = Message::parse(message).unwrap().answer(&answer);
    net.link.handle_datagram(net.now, &emit_sessionless(&answer).unwrap());
    net.run(640 * MILLISECOND);
    net.weather = Weather { cut: false, fastest: 140 * MILLISECOND, slowest: 141 * MILLISECOND, ..net.weather };
    net.run(SECOND);
    assert_eq!(net.answers[&ticket], Err(Failure::SessionLost));
    assert!(net.link.ignored() > 0, "it came late");
    net.weather = Weather::FINE;
    net.run(5 * SECOND);
    assert!(net.is_up());
    let sent = net.packets[0];
    net.weather.cut = true;
    net.submit(Urgency::Urgent, read());
    net.run(SECOND);
    assert!(net.packets[0] - sent >= 4, "{} in a second", net.packets[0] - sent);
}

/// The network parts for some seconds, and the goodbye is lost with all else: the BMC would hold the slot for a minute.
#[test]
fn a_goodbye_that_was_lost_is_said_again() {
    for cut in [5, 20, 45] {
        let mut net = net(Options::default()).up();
        net.weather.cut = true;
        assert!(net.ask(read()).is_err());
        net.run(cut * SECOND);
        net.weather.cut = false;
        net.run(15 * SECOND);
        assert!(net.is_up() && net.ask(read()).is_ok());
        assert_eq!(net.bmc.sessions(), (1, 0), "{cut} s");
        net.stop();
        net.run(SECOND);
        assert_eq!(net.bmc.sessions(), (0, 0), "{cut} s");
    }
}

#[test]
fn a_busy_bmc_is_asked_again() {
    // The simulated BMC says so to the handshake's command and to Add SEL Entry.
    let word = || Request { netfn: 0x30, lun: 0, command: 0x70, data: vec![0x01] };
    let mut net = net(Options::default()).up();
    net.bmc.quirks_mut().handshake_code = Some(0xC0);
    let ticket = net.submit(Urgency::Urgent, word());
    net.run(600 * MILLISECOND);
    assert_eq!((net.heard(0x30, 0x70), net.answers.len()), (2, 0));
    assert!(net.ask(read()).is_ok(), "others go on meanwhile");
    net.bmc.quirks_mut().handshake_code = None;
    net.run(SECOND);
    assert_eq!(net.answers[&ticket].as_ref().map(|response| response.completion), Ok(0));
    net.bmc.quirks_mut().handshake_code = Some(0xC0);
    assert_eq!(net.ask(word()).unwrap().completion, 0xC0, "in the end its asker hears so");
    assert_eq!(net.ask(Request::new(command::ADD_SEL_ENTRY, [0xC0; 16])).unwrap().completion, 0xC0);
    assert_eq!(net.heard(0x0A, 0x44), 1, "what must not happen twice is left to its asker");
}

/// What a third party may say: every refusal, wrong codes, sessions that are none.
fn forge(bytes: &[u8]) -> Vec<Vec<u8>> {
    let Some(plus) = plus(bytes) else { return Vec::new() };
    let mut forged = Vec::new();
    match plus.payload_type {
        PayloadType::OpenRequest => {
            let request = OpenRequest::parse(plus.payload).unwrap();
            let session = Some(request.console_session);
            for status in [0x01, 0x09, 0x11, 0x12] {
                let refusal = OpenResponse { tag: request.tag, session, result: Err(Refusal(status)) };
                forged.push(emit_setup(PayloadType::OpenResponse, &refusal.emit()));
            }
            let [Some(authentication), Some(integrity), Some(confidentiality)] = request.proposal else { panic!() };
            let algorithms = bmcnotice::wire::rakp::Algorithms { authentication, integrity, confidentiality };
            let opened = Opened { privilege: 3, bmc_session: 0xBAD, algorithms };
            let answer = OpenResponse { tag: request.tag, session, result: Ok(opened) };
            forged.push(emit_setup(PayloadType::OpenResponse, &answer.emit()));
        }
        PayloadType::Rakp1 => {
            let tag = Rakp1::parse(plus.payload).unwrap().tag;
            for status in [0x01, 0x02, 0x0D, 0x0F] {
                let refusal = Rakp2 { tag, session: None, result: Err(Refusal(status)) };
                let mut refusal = refusal.emit();
                refusal.truncate(2); // then no session id is needed
                forged.push(emit_setup(PayloadType::Rakp2, &refusal));
            }
        }
        PayloadType::Rakp3 => {
            let tag = Rakp3::parse(plus.payload).unwrap().tag;
            let mut refusal = Rakp4 { tag, session: None, result: Err(Refusal(0x0F)) }.emit();
            refusal.truncate(2);
            forged.push(emit_setup(PayloadType::Rakp4, &refusal));
        }
        _ => {}
    }
    forged
}

/// Whoever answers first does not win: the BMC's own answer comes after it, and counts.
#[test]
fn a_third_party_that_answers_first() {
    for suites in [vec![17, 3], vec![3], vec![17]] {
        let best = if suites.contains(&17) { Suite::Seventeen } else { Suite::Three };
        let mut net = net(Options { suites, ..Options::default() });
        net.forger = Some(Box::new(forge));
        net.start();
        net.run(5 * SECOND);
        assert!(matches!(net.link.status(), Status::Up { suite, .. } if *suite == Some(best)), "{:?}", net.statuses);
        net.run(3600 * SECOND);
        assert_eq!(net.statuses.len(), 2, "{:?}", net.statuses);
    }
}

/// A true refusal costs one wait more than it did when the first answer was believed.
#[test]
fn a_true_refusal_is_believed_soon() {
    let mut net = Net::new(
        1,
        Login { password: bmcnotice::crypto::Secret::new("no"), ..login(Privilege::User) },
        Options::default(),
    );
    net.start();
    let before = net.now.boottime;
    net.until(before + 10 * SECOND, |net| net.why().is_some());
    assert_eq!(net.why(), Some(Failure::WrongPassword));
    assert!(net.now.boottime - before <= 260 * MILLISECOND, "{:?}", net.now.boottime - before);
    net.run(SECOND);
    assert_eq!(net.bmc.sessions(), (0, 0), "and its slot is free again");
}

/// What is begun and not ended is taken back, wherever it was cut.
#[test]
fn half_made_sessions_are_given_back() {
    for cut_after in 0..12 {
        let mut net = net(Options::default());
        net.start();
        let begun = net.packets[0] + net.packets[1];
        net.until(net.now.boottime + SECOND, |net| net.packets[0] + net.packets[1] >= begun + cut_after);
        net.stop();
        net.run(SECOND);
        // An Open Session Request whose answer we did not see alone cannot be taken back: its id is not known.
        let (open, half) = net.bmc.sessions();
        assert!(open == 0 && (half == 0 || cut_after <= 1), "cut after {cut_after}: {open} {half}");
    }
    // While the link lives, even a late answer's slot is freed.
    let mut net =
        net(Options { quirks: Quirks { answer_delay: 4 * SECOND, ..Quirks::default() }, ..Options::default() });
    net.start();
    net.run(4500 * MILLISECOND);
    assert_eq!(net.why(), Some(Failure::Silent));
    assert_eq!(net.bmc.sessions().1, 0);
}

/// Sessions of others on the same BMC, each from its own address.
struct Others(Vec<Link>);

impl Others {
    fn open(net: &mut Net, count: u8, user: &str) -> Self {
        let mut links = Vec::new();
        for n in 0..count {
            let other = Login { user: user.as_bytes().to_vec(), ..login(Privilege::User) };
            let mut link = Link::new(other, identity(), Random::from_seed([n + 7; 32]));
            link.start(net.now);
            let address = format!("192.0.2.{}:1000", 10 + n).parse().unwrap();
            for _ in 0..20 {
                while let Some(output) = link.poll_output() {
                    if let Output::Send(bytes) = output {
                        net.bmc.handle_datagram(net.now, address, &bytes);
                    }
                }
                while let Some(output) = net.bmc.poll_output() {
                    if let bmcnotice::sim::Output::Send { to, bytes } = output
                        && to == address
                    {
                        link.handle_datagram(net.now, &bytes);
                    }
                }
            }
            assert!(matches!(link.status(), Status::Up { .. }), "{:?}", link.status());
            links.push(link);
        }
        Self(links)
    }
}

fn two_users() -> Options {
    let users = ["admin", "fence"].map(|name| User::new(name, "password", Privilege::Administrator)).to_vec();
    Options { users, session_timeout: 100_000 * SECOND, ..Options::default() }
}

/// Of eight sessions two are left free by whoever only asks; the handshake's own stays.
#[test]
fn two_sessions_are_left_to_others() {
    for (others, user, manners, stays) in [
        (5, "fence", Manners::Peer, true),
        (6, "fence", Manners::Peer, false),
        (6, "fence", Manners::Own, true),
        (1, "admin", Manners::Peer, true),
        (2, "admin", Manners::Peer, false),
        (2, "admin", Manners::Own, true),
    ] {
        let mut net = Net::new(1, Login { manners, ..login(Privilege::User) }, two_users());
        let others = Others::open(&mut net, others, user);
        net.start();
        net.run(5 * SECOND);
        assert_eq!(net.is_up(), stays, "{} of {user}, {manners:?}: {:?}", others.0.len(), net.link.status());
        let (open, half) = net.bmc.sessions();
        assert_eq!((open, half), (others.0.len() + usize::from(stays), 0));
        if !stays {
            assert_eq!(net.ask(read()), Err(Failure::Crowded), "at once");
            let before = net.packets[0];
            net.run(CROWDED_FIRST - 10 * SECOND);
            assert_eq!(net.packets[0], before, "it is tried again slowly");
        }
    }
}

/// After a cut the BMC still holds the session from before it: that one's goodbye is said again, and where that is lost, too, it takes
/// no room all the same.
#[test]
fn a_cut_takes_no_room() {
    for (seed, lost) in (0..60).map(|seed| (seed, seed % 3 * 10)) {
        let mut net = Net::new(seed, Login { manners: Manners::Peer, ..login(Privilege::User) }, two_users()).up();
        let others = Others::open(&mut net, 1, "admin");
        net.weather.cut = true;
        while net.ask(read()).is_ok() {}
        net.run(30 * SECOND);
        (net.weather.cut, net.weather.lost) = (false, lost);
        net.run(60 * SECOND);
        assert!(net.is_up(), "{seed}, {lost} in a hundred lost: {:?}", net.link.status());
        let (open, _) = net.bmc.sessions();
        assert!(open == others.0.len() + 1 || lost > 0, "{seed}: {open} sessions");
    }
}

/// A session that was there first leaves when others come.
#[test]
fn a_peers_session_makes_room() {
    let mut net = Net::new(1, Login { manners: Manners::Peer, ..login(Privilege::User) }, two_users()).up();
    let others = Others::open(&mut net, 6, "fence");
    net.run(RECOUNT + KEEP_ALIVE);
    assert_eq!((net.why(), net.bmc.sessions()), (Some(Failure::Crowded), (others.0.len(), 0)));
}

#[test]
fn no_free_slot() {
    let mut net = net(Options { quirks: Quirks { no_slots: true, ..Quirks::default() }, ..Options::default() });
    net.start();
    net.run(2 * SECOND);
    assert_eq!(net.why(), Some(Failure::NoFreeSlot));
    net.bmc.quirks_mut().no_slots = false;
    net.run(15 * SECOND);
    assert!(net.is_up());
}

/// What our own session tells of the BMC's sessions, at the price of nothing: it keeps the session alive.
#[test]
fn the_keep_alive_counts_sessions() {
    let mut net = net(Options::default()).up();
    assert_eq!(net.link.slots(), None);
    let before = net.packets[0];
    net.run(10 * KEEP_ALIVE + SECOND);
    assert_eq!(net.packets[0] - before, 10);
    assert_eq!(net.link.slots().map(|slots| (slots.slots, slots.active)), Some((8, 1)));
}

/// Ten thousand sessions, opened, used and closed; every hundredth is cut somewhere.
#[test]
fn ten_thousand_sessions_leak_nothing() {
    let mut net = net(Options::default());
    net.weather.slowest = net.weather.fastest; // a goodbye that overtakes what it ends is another matter
    for cycle in 0..10_000_u64 {
        net.start();
        if cycle % 100 == 99 {
            let cut = net.packets[0] + net.packets[1] + cycle / 100 % 9;
            net.until(net.now.boottime + SECOND, |net| net.packets[0] + net.packets[1] >= cut);
        } else {
            assert!(net.ask(read()).is_ok(), "cycle {cycle}");
        }
        net.stop();
        // An Open Session Request that was cut off before its answer is forgotten by the BMC itself.
        net.run(if cycle % 100 == 99 { 11 * SECOND } else { 10 * MILLISECOND });
        assert_eq!(net.bmc.sessions(), (0, 0), "cycle {cycle}");
        (net.sent, net.answers, net.statuses) = (Vec::new(), Default::default(), Vec::new());
        assert_eq!((net.link.next_deadline(), net.link.poll_output()), (None, None));
    }
}

#[test]
fn nothing_is_sent_after_the_end() {
    let mut net = net(Options::default()).up();
    net.stop();
    let answer = net.sent.clone();
    let mut link = Link::new(login(Privilege::User), identity(), Random::from_seed([1; 32]));
    let now = Now { boottime: SECOND, wall: SECOND };
    for bytes in &answer {
        link.handle_datagram(now, bytes);
    }
    assert_eq!((link.poll_output(), link.ignored()), (None, answer.len() as u64));
}
