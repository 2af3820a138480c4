//! The simulated BMC's LAN side: logins, sessions, damaged and hostile packets, under virtual time.
#![cfg(feature = "sim")]

#[path = "support/console.rs"]
mod console;

use bmcnotice::config::model::Privilege;
use bmcnotice::sim::{Alert, Bmc, Fault, HALF_OPEN_MAX, HALF_OPEN_TIMEOUT, Options, SESSIONS_MAX, User, WINDOW};
use bmcnotice::suite::Suite;
use bmcnotice::wire::ipmi::{Message, Request};
use bmcnotice::wire::pet::{self, Pet};
use bmcnotice::wire::rakp::{OpenResponse, Rakp2};
use bmcnotice::wire::rmcp::{self, Datagram};
use bmcnotice::wire::snmp;
use console::*;
use core::time::Duration;

#[test]
fn both_suites_open_and_close() {
    for suite in [Suite::Seventeen, Suite::Three] {
        let (mut bmc, now) = (Bmc::new(options(), [1; 32]), start());
        let mut console = Console::open(&mut bmc, now, here(5000), suite, "admin", "password").unwrap();
        assert_eq!(bmc.sessions(), (1, 0));
        assert_eq!(console.command(&mut bmc, now, 0x00, 0x01, &[]), Some((0, vec![1, 0, 0])));
        let session = console.session.to_le_bytes();
        assert_eq!(console.command(&mut bmc, now, 0x06, 0x3C, &[9, 9, 9, 9]), Some((0xD4, Vec::new())));
        assert_eq!(console.command(&mut bmc, now, 0x06, 0x3C, &session), Some((0, Vec::new())));
        assert_eq!(bmc.sessions(), (0, 0));
        assert_eq!(console.command(&mut bmc, now, 0x00, 0x01, &[]), None);
        assert_eq!(bmc.drops().unknown_session, 1);
    }
}

#[test]
fn privileges_bind() {
    let (mut bmc, now) = (Bmc::new(options(), [1; 32]), start());
    let mut console = Console::open(&mut bmc, now, here(5000), Suite::Seventeen, "admin", "password").unwrap();
    assert_eq!(console.command(&mut bmc, now, 0x06, 0x3B, &[0]), Some((0, vec![2])), "sessions begin as USER");
    assert_eq!(console.command(&mut bmc, now, 0x00, 0x02, &[3]), Some((0xD4, Vec::new())));
    assert_eq!(console.command(&mut bmc, now, 0x30, 0x70, &[0]), Some((0xD4, Vec::new())));
    assert_eq!(console.command(&mut bmc, now, 0x06, 0x3B, &[3]), Some((0, vec![3])));
    assert_eq!(console.command(&mut bmc, now, 0x00, 0x02, &[3]), Some((0, Vec::new())));
    assert_eq!(console.command(&mut bmc, now, 0x06, 0x02, &[]), Some((0xD4, Vec::new())), "Cold Reset");
    let mut observer = Console::open(&mut bmc, now, here(5001), Suite::Three, "observer", "secret").unwrap();
    assert_eq!(observer.command(&mut bmc, now, 0x06, 0x3B, &[4]), Some((0x81, Vec::new())));
    assert_eq!(bmc.resets(), 1);
}

#[test]
fn sessionless_only_what_may_be() {
    let (mut bmc, now) = (Bmc::new(options(), [1; 32]), start());
    let mut ask = |netfn, command, data: &[u8]| {
        let request = Request { netfn, lun: 0, command, data: data.to_vec() };
        let datagram = rmcp::emit_sessionless(&Message::request(1, &request).emit()).unwrap();
        let answer = only(exchange(&mut bmc, now, here(5000), &datagram));
        let Ok(Datagram::Sessionless(message)) = Datagram::parse(&answer) else { panic!() };
        let response = Message::parse(message).unwrap().to_response().unwrap();
        (response.completion, response.data)
    };
    assert_eq!(ask(0x06, 0x38, &[0x8E, 4]), (0, vec![1, 0x80, 0x04, 0x02, 0, 0, 0, 0]));
    assert_eq!(ask(0x06, 0x38, &[0x0E, 4]).1[3], 0, "IPMI 1.5 is not offered");
    assert_eq!(ask(0x06, 0x54, &[0x0E, 0, 0x80]).1, [1, 0xC0, 17, 3, 0x44, 0x81, 0xC0, 3, 1, 0x41, 0x81]);
    assert_eq!(ask(0x06, 0x54, &[0x0E, 0, 0x81]), (0, vec![1]), "a short part is the last");
    assert_eq!(ask(0x06, 0x37, &[]), (0, Options::default().guid.0.to_vec()));
    assert_eq!(ask(0x04, 0x17, &[0; 12]).0, 0);
    for (netfn, command) in [(0x00, 0x01), (0x06, 0x01), (0x06, 0x3B), (0x06, 0x3C), (0x0A, 0x43), (0x30, 0x70)] {
        assert_eq!(ask(netfn, command, &[0; 6]), (0xD4, Vec::new()), "{netfn:02X}h/{command:02X}h");
    }
    assert_eq!(ask(0x2C, 0x3E, &[]).0, 0xC1);
    assert_eq!(bmc.log().count(), 13);
    let pong = only(exchange(&mut bmc, now, here(5000), &PING));
    assert_eq!(Datagram::parse(&pong), Ok(Datagram::Pong { tag: 9, ipmi: true }));
}

#[test]
fn wrong_logins_are_refused_with_the_reason() {
    let (mut bmc, now) = (Bmc::new(options(), [1; 32]), start());
    let mut refused =
        |user: &str, password: &str| Console::open(&mut bmc, now, here(5000), Suite::Seventeen, user, password).err();
    assert_eq!(refused("admin", "passwore"), Some(0x0F));
    assert_eq!(refused("nobody", "password"), Some(0x0D));
    assert_eq!(refused("", "password"), Some(0x0D));
    assert_eq!(bmc.sessions(), (0, 0), "a refused login leaves nothing behind");
    bmc.quirks_mut().reject_logins = true;
    let login = Login::begin(&mut bmc, now, here(5000), Suite::Three, "admin", "password");
    assert_eq!(login.err(), Some(0x0D));
    bmc.quirks_mut().no_slots = true;
    let login = Login::begin(&mut bmc, now, here(5000), Suite::Three, "admin", "password");
    assert_eq!(login.err(), Some(0x01));
    let only_three = Options { suites: vec![3, 0, 1, 15], ..options() };
    let mut bmc = Bmc::new(only_three, [1; 32]);
    let login = Login::begin(&mut bmc, now, here(5000), Suite::Seventeen, "admin", "password");
    assert_eq!(login.err(), Some(0x04));
    let too_high = only(exchange(&mut bmc, now, here(5000), &open_request(Suite::Three, 5, 1)));
    assert_eq!(OpenResponse::parse(plus(&too_high).payload).unwrap().result.err().map(|status| status.0), Some(0x09));
}

#[test]
fn only_twenty_octets_of_a_password_count() {
    let long = User::new("long", "twenty octets of it: and more", Privilege::User);
    let (mut bmc, now) = (Bmc::new(Options { users: vec![long], ..options() }, [1; 32]), start());
    let mut open = |password| Console::open(&mut bmc, now, here(5000), Suite::Three, "long", password).err();
    assert_eq!(open("twenty octets of it:"), None);
    assert_eq!(open("twenty octets of it"), Some(0x0F));
}

#[test]
fn a_role_above_the_users_is_refused() {
    let (mut bmc, now) = (Bmc::new(options(), [1; 32]), start());
    let mut login = Login::begin(&mut bmc, now, here(5000), Suite::Three, "observer", "secret").unwrap();
    login.exchange.role = 0x14;
    let answer = only(exchange(&mut bmc, now, here(5000), &login.rakp1()));
    assert_eq!(Rakp2::parse(plus(&answer).payload).unwrap().result.err().map(|status| status.0), Some(0x0A));
}

#[test]
fn repetitions_are_answered_again_and_alike() {
    let (mut bmc, now) = (Bmc::new(options(), [1; 32]), start());
    let open = open_request(Suite::Seventeen, 0, 1);
    let first = exchange(&mut bmc, now, here(5000), &open);
    assert_eq!(exchange(&mut bmc, now, here(5000), &open), first);
    assert_eq!(bmc.sessions(), (0, 1));
    let login = Login::begin(&mut bmc, now, here(5000), Suite::Seventeen, "admin", "password").unwrap();
    assert_eq!(bmc.sessions(), (0, 1));
    let rakp1 = login.rakp1();
    let answer = only(exchange(&mut bmc, now, here(5000), &rakp1));
    assert_eq!(Rakp2::parse(plus(&answer).payload).unwrap().result.unwrap().random, login.exchange.bmc_random);
    let rakp3 = login.rakp3();
    let first = exchange(&mut bmc, now, here(5000), &rakp3);
    assert_eq!(exchange(&mut bmc, now, here(5000), &rakp3), first);
    assert_eq!(exchange(&mut bmc, now, here(5001), &rakp3), Vec::<Vec<u8>>::new(), "not to somebody else");
    assert_eq!(bmc.sessions(), (1, 0));
    login.finish(&mut bmc, now).unwrap();
}

#[test]
fn half_open_sessions_are_bounded_and_expire() {
    let (mut bmc, now) = (Bmc::new(options(), [1; 32]), start());
    for port in 0..10_000 {
        exchange(&mut bmc, now, here(port), &open_request(Suite::Seventeen, 0, 1));
    }
    assert_eq!(bmc.sessions(), (0, HALF_OPEN_MAX));
    Console::open(&mut bmc, now, here(20_000), Suite::Seventeen, "admin", "password").unwrap();
    assert_eq!(bmc.sessions(), (1, HALF_OPEN_MAX - 1), "a flood keeps nobody out who is quick");
    let later = now.after(HALF_OPEN_TIMEOUT);
    assert_eq!(bmc.next_deadline(), Some(later.boottime));
    bmc.handle_timeout(later);
    assert_eq!(bmc.sessions(), (1, 0));
}

#[test]
fn open_sessions_are_bounded_and_time_out() {
    let (mut bmc, now) = (Bmc::new(options(), [1; 32]), start());
    let mut consoles: Vec<Console> =
        (0..SESSIONS_MAX as u16).map(|i| Console::admin(&mut bmc, now, here(5000 + i))).collect();
    let login = Login::begin(&mut bmc, now, here(6000), Suite::Three, "admin", "password");
    assert_eq!(login.err(), Some(0x01));
    let info = consoles[2].command(&mut bmc, now, 0x06, 0x3D, &[0]).unwrap().1;
    assert_eq!(info[..10], [3, 8, 8, 2, 4, 0x11, 127, 0, 0, 1]);
    assert_eq!(info[16..], 5002_u16.to_le_bytes());
    let late = now.after(SECOND * 59);
    assert!(consoles[0].command(&mut bmc, late, 0x06, 0x01, &[]).is_some());
    outputs(&mut bmc);
    bmc.handle_timeout(now.after(SECOND * 60));
    assert_eq!(bmc.sessions(), (1, 0));
    assert_eq!(outputs(&mut bmc).1.len(), SESSIONS_MAX - 1);
    bmc.handle_timeout(now.after(SECOND * 119));
    assert_eq!(bmc.sessions(), (0, 0));
}

#[test]
fn damaged_packets_do_nothing() {
    for suite in [Suite::Seventeen, Suite::Three] {
        let (mut bmc, now) = (Bmc::new(options(), [1; 32]), start());
        let mut console = Console::open(&mut bmc, now, here(5000), suite, "admin", "password").unwrap();
        console.command(&mut bmc, now, 0x06, 0x3B, &[4]).unwrap();
        let reset = console.seal(0x00, 0x02, &[3]);
        for at in 0..reset.len() {
            for bit in 0..8 {
                // Sequence and reserved octet of RMCP itself are covered by no code.
                if matches!(at, 1 | 2) {
                    continue;
                }
                let mut damaged = reset.clone();
                damaged[at] ^= 1 << bit;
                assert_eq!(exchange(&mut bmc, now, here(5000), &damaged), Vec::<Vec<u8>>::new(), "octet {at}");
            }
        }
        assert_eq!(bmc.resets(), 0);
        assert!(bmc.drops().unproven > 0);
        assert_eq!(exchange(&mut bmc, now, here(5000), &reset).len(), 1, "the true one still counts");
        assert_eq!(bmc.resets(), 1);
        assert_eq!(exchange(&mut bmc, now, here(5000), &reset).len(), 0, "but only once");
        assert_eq!((bmc.resets(), bmc.drops().out_of_window), (1, 1));
    }
}

#[test]
fn sequence_numbers_far_off_are_ignored() {
    let (mut bmc, now) = (Bmc::new(options(), [1; 32]), start());
    let mut console = Console::admin(&mut bmc, now, here(5000));
    console.sequence += WINDOW;
    assert_eq!(console.command(&mut bmc, now, 0x06, 0x01, &[]), None);
    console.sequence -= 2;
    assert!(console.command(&mut bmc, now, 0x06, 0x01, &[]).is_some());
}

#[test]
fn truncations_and_noise_never_panic() {
    let (mut bmc, mut now) = (Bmc::new(options(), [1; 32]), start());
    let mut console = Console::admin(&mut bmc, now, here(5000));
    console.command(&mut bmc, now, 0x0A, 0x44, &[0xC0; 16]);
    console.command(&mut bmc, now, 0x06, 0x24, &[4, 1, 0, 0, 1, 0]);
    let request = Request { netfn: 0x06, lun: 0, command: 0x38, data: vec![0x8E, 4] };
    let mut all = console.sent.clone();
    all.push(rmcp::emit_sessionless(&Message::request(1, &request).emit()).unwrap());
    all.push(PING.to_vec());
    for datagram in &all {
        for length in 0..datagram.len() {
            now = now.after(Duration::from_millis(1));
            assert_eq!(exchange(&mut bmc, now, here(5009), &datagram[..length]).len(), 0);
        }
        for at in 0..datagram.len() {
            for value in [0x00, 0x01, 0x7F, 0x80, 0xFF] {
                let mut damaged = datagram.clone();
                damaged[at] = value;
                exchange(&mut bmc, now, here(5009), &damaged);
                damaged.push(value);
                exchange(&mut bmc, now, here(5009), &damaged);
            }
        }
    }
    // Every command with every short length of data, in-band, where privilege stops nothing.
    for netfn in (0..0x40).step_by(2) {
        for command in 0..=0xFF {
            for (length, fill) in [0, 1, 2, 3, 4, 6, 7, 12, 16, 17].into_iter().flat_map(|l| [(l, 0), (l, 0xFF)]) {
                let request = Request { netfn, lun: 0, command, data: vec![fill; length] };
                bmc.command(now, &request);
            }
        }
    }
}

#[test]
fn quirks_misbehave() {
    let (mut bmc, now) = (Bmc::new(options(), [1; 32]), start());
    bmc.quirks_mut().drop_next = 2;
    assert_eq!(exchange(&mut bmc, now, here(1), &PING).len(), 0);
    assert_eq!(exchange(&mut bmc, now, here(1), &PING).len(), 0);
    assert_eq!(exchange(&mut bmc, now, here(1), &PING).len(), 1);
    bmc.quirks_mut().silent = true;
    assert_eq!(exchange(&mut bmc, now, here(1), &PING).len(), 0);
    bmc.quirks_mut().silent = false;
    bmc.quirks_mut().answer_delay = SECOND;
    assert_eq!(exchange(&mut bmc, now, here(1), &PING).len(), 0);
    assert_eq!(bmc.next_deadline(), Some(now.boottime + SECOND));
    bmc.handle_timeout(now.after(SECOND));
    assert_eq!(sent(&mut bmc).len(), 1);
    bmc.quirks_mut().answer_delay = Duration::ZERO;
    bmc.restart(now, SECOND * 3);
    assert_eq!(exchange(&mut bmc, now.after(SECOND * 2), here(1), &PING).len(), 0);
    assert_eq!(exchange(&mut bmc, now.after(SECOND * 3), here(1), &PING).len(), 1);
}

#[test]
fn a_restart_forgets_sessions() {
    let (mut bmc, now) = (Bmc::new(options(), [1; 32]), start());
    let mut console = Console::admin(&mut bmc, now, here(5000));
    assert_eq!(console.command(&mut bmc, now, 0x06, 0x02, &[]), Some((0, Vec::new())), "Cold Reset is answered");
    let later = now.after(SECOND * 10);
    assert_eq!(console.command(&mut bmc, later, 0x06, 0x01, &[]), None);
    Console::admin(&mut bmc, later, here(5000));
}

#[test]
fn a_trap_is_acknowledged_without_and_within_a_session() {
    for session in [false, true] {
        let alert = Some(Alert::to(here(1162)));
        let (mut bmc, now) = (Bmc::new(Options { alert, ..options() }, [1; 32]), start());
        bmc.raise(now, &Fault::preset("psu-lost").unwrap());
        let trap = only(sent(&mut bmc));
        let message = snmp::Message::parse(&trap).unwrap();
        let (specific, octets) = pet::find(&message).unwrap();
        let data = Pet::parse(specific, octets).unwrap().acknowledge();
        if session {
            let mut console = Console::admin(&mut bmc, now, here(5000));
            assert_eq!(console.command(&mut bmc, now, 0x04, 0x17, &data), Some((0, Vec::new())));
        } else {
            let request = Request { netfn: 0x04, lun: 0, command: 0x17, data: data.to_vec() };
            let datagram = rmcp::emit_sessionless(&Message::request(1, &request).emit()).unwrap();
            assert_eq!(exchange(&mut bmc, now, here(5000), &datagram).len(), 1);
        }
        bmc.handle_timeout(now.after(SECOND * 20));
        assert_eq!(sent(&mut bmc).len(), 0, "not sent again");
    }
}
