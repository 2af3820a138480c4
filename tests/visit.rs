//! A visit to a simulated BMC over a real socket: what it finds, and that it always closes its session.
#![cfg(feature = "sim")]

#[path = "support/logins.rs"]
mod logins;

use bmcnotice::bmc::chassis::Order;
use bmcnotice::bmc::dialogue::{Dialogue, Step};
use bmcnotice::bmc::failure::Failure;
use bmcnotice::bmc::link::{Checked, Identity, Login};
use bmcnotice::config::model::Privilege;
use bmcnotice::io::signals::{Signal, Signals};
use bmcnotice::io::simulate::SimulatedBmc;
use bmcnotice::io::sys::now;
use bmcnotice::io::visit::{Cut, Shut, Visit};
use bmcnotice::now::Now;
use bmcnotice::sim::Options;
use bmcnotice::suite::Suite;
use bmcnotice::wire::command::{Control, GET_DEVICE_ID};
use bmcnotice::wire::ipmi::{Request, Response};
use bmcnotice::wire::rakp::{OpenRequest, OpenResponse, Status};
use bmcnotice::wire::rmcp::{Datagram, PayloadType, emit_setup};
use bmcnotice::words::Guid;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);

fn bmc() -> SimulatedBmc {
    SimulatedBmc::start("127.0.0.1:0".parse().unwrap(), Options::default(), None).unwrap()
}

fn login(password: &str) -> Login {
    logins::login("admin", password, &[Suite::Seventeen, Suite::Three], Privilege::Administrator)
}

fn visit<'a>(to: SocketAddr, password: &str, signals: Option<&'a Signals>) -> Visit<'a> {
    Visit::new(to, login(password), Identity::Unknown, signals).unwrap()
}

/// Sessions that the BMC holds, once it has read what was sent before.
fn held(bmc: &SimulatedBmc) -> (usize, usize) {
    let started = Instant::now();
    loop {
        let held = bmc.with(|bmc, _| bmc.sessions());
        if held == (0, 0) || started.elapsed() > Duration::from_secs(2) {
            return held;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Asks the same for ever.
struct Endless {
    asked: u32,
}

impl Dialogue for Endless {
    type End = ();

    fn poll(&mut self, _: Now) -> Step<()> {
        self.asked += 1;
        Step::Submit(Request::new(GET_DEVICE_ID, []))
    }

    fn handle_answer(&mut self, _: Now, _: Result<Response, Failure>) {}
}

#[test]
fn several_dialogues_and_then_the_session_is_closed() {
    let bmc = bmc();
    let mut visit = visit(bmc.address(), "password", None);
    let met = visit.meet(PATIENCE).unwrap();
    assert_eq!((met.identity, met.guid), (Checked::NotChecked, Options::default().guid));
    for control in [Control::PowerDown, Control::PowerUp] {
        let deadline = now().boottime + PATIENCE;
        let end = visit.converse(&mut Order::new(control, deadline), deadline);
        assert!(matches!(end, Ok(Ok(_))), "{control:?}: {end:?}");
    }
    assert_eq!(bmc.with(|bmc, _| bmc.sessions()).0, 1);
    drop(visit);
    assert_eq!(held(&bmc), (0, 0));
}

#[test]
fn a_dialogue_that_does_not_end_is_left() {
    let bmc = bmc();
    let mut visit = visit(bmc.address(), "password", None);
    visit.meet(PATIENCE).unwrap();
    let (started, mut endless) = (Instant::now(), Endless { asked: 0 });
    assert_eq!(visit.converse(&mut endless, now().boottime + Duration::from_millis(200)), Err(Cut::Late));
    assert!(endless.asked > 1 && started.elapsed() < Duration::from_secs(2), "{} questions", endless.asked);
    bmc.with(|bmc, _| bmc.quirks_mut().silent = true);
    assert_eq!(visit.converse(&mut endless, now().boottime + Duration::from_millis(200)), Err(Cut::Late));
    bmc.with(|bmc, _| bmc.quirks_mut().silent = false);
    drop(visit);
    assert_eq!(held(&bmc), (0, 0));
}

#[test]
fn a_signal_cuts_the_wait_and_the_visit_can_still_leave_in_order() {
    let bmc = bmc();
    let signals = Signals::take(&[Signal::User1]).unwrap();
    let mut visit = visit(bmc.address(), "password", Some(&signals));
    visit.meet(PATIENCE).unwrap();
    // SAFETY: the signal is blocked on this thread, and raise sends it to this thread.
    unsafe { libc::raise(libc::SIGUSR1) };
    let deadline = now().boottime + PATIENCE;
    assert_eq!(visit.converse(&mut Endless { asked: 0 }, deadline), Err(Cut::Interrupted(Signal::User1)));
    let end = visit.converse(&mut Order::new(Control::PowerUp, deadline), deadline);
    assert!(matches!(end, Ok(Ok(_))), "{end:?}");
    drop(visit);
    assert_eq!(held(&bmc), (0, 0));

    let mut silent = self::visit(UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap(), "x", Some(&signals));
    // SAFETY: as above.
    unsafe { libc::raise(libc::SIGUSR1) };
    assert!(matches!(silent.meet(PATIENCE), Err(Shut::Interrupted(Signal::User1))));
}

#[test]
fn who_does_not_let_us_in_is_named() {
    let bmc = bmc();
    let started = Instant::now();
    let shut = visit(bmc.address(), "wrong", None).meet(Duration::from_secs(60));
    assert!(matches!(shut, Err(Shut::Failed(Failure::WrongPassword))), "{shut:?}");
    assert!(started.elapsed() < Duration::from_secs(6), "a wrong password is not tried for a minute");

    let other = Identity::Expected(vec![Guid([9; 16])]);
    let shut = Visit::new(bmc.address(), login("password"), other, None).unwrap().meet(PATIENCE);
    assert!(matches!(shut, Err(Shut::Another { found }) if found == Options::default().guid), "{shut:?}");

    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let started = Instant::now();
    let shut = visit(nobody.local_addr().unwrap(), "password", None).meet(Duration::from_millis(300));
    assert!(matches!(shut, Err(Shut::Failed(Failure::Silent))), "{shut:?}");
    assert!(started.elapsed() < Duration::from_secs(2));

    let shut = visit("255.255.255.255:623".parse().unwrap(), "password", None).meet(Duration::from_millis(300));
    assert!(matches!(shut, Err(Shut::Unsent(_))), "{shut:?}");
    assert_eq!(held(&bmc), (0, 0));
}

#[test]
fn nobody_but_the_bmc_is_listened_to() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = silent.local_addr().unwrap();
    // A stranger who hears us refuses in the BMC's stead, over and over.
    let flood = std::thread::spawn(move || {
        let mut heard = [0; 512];
        let (length, visitor) = silent.recv_from(&mut heard).unwrap();
        let Ok(Datagram::Plus(plus)) = Datagram::parse(&heard[..length]) else { panic!("an Open Session Request") };
        let request = OpenRequest::parse(plus.payload).unwrap();
        let wrong_user = Err(Status(0x0D));
        let refusal = OpenResponse { tag: request.tag, session: Some(request.console_session), result: wrong_user };
        let refusal = emit_setup(PayloadType::OpenResponse, &refusal.emit());
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (started, mut sent) = (Instant::now(), 0);
        while started.elapsed() < Duration::from_secs(1) {
            let _ = stranger.send_to(&refusal, visitor);
            sent += 1;
        }
        sent
    });
    let mut visit = visit(to, "password", None);
    let started = Instant::now();
    let shut = visit.meet(Duration::from_millis(400));
    assert!(matches!(shut, Err(Shut::Failed(Failure::Silent))), "{shut:?}");
    assert!(started.elapsed() < Duration::from_secs(2), "a flood keeps nobody past the deadline");
    assert!(flood.join().unwrap() > 100);
}
