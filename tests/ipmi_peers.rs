//! Links to real BMC implementations over real sockets. What is not installed is skipped, loudly;
//! with BMCNOTICE_REQUIRE_PEERS set it fails instead.

#[path = "support/ipmi.rs"]
mod support;

use bmcnotice::bmc::chassis::{Effect, Order};
use bmcnotice::bmc::dialogue::{Dialogue as _, Step};
use bmcnotice::bmc::evidence::Claim;
use bmcnotice::bmc::failure::Failure;
use bmcnotice::bmc::handshake::{Telling, Untold};
use bmcnotice::bmc::link::{Checked, Identity, Login, Status, Urgency};
use bmcnotice::bmc::ping::{self, Probe};
use bmcnotice::bmc::sel_reading::Kept;
use bmcnotice::bmc::sensor_names::NameReading;
use bmcnotice::config::model::{Handshake, Privilege, RawMessage, RawOctet};
use bmcnotice::crypto::Random;
use bmcnotice::suite::Suite;
use bmcnotice::wire::command::{self, ChassisStatus, Control};
use bmcnotice::wire::ipmi::{Completion, Request};
use bmcnotice::wire::sel;
use bmcnotice::wire::session_info::{SessionInfo, Which};
use bmcnotice::words::{Guid, Outcome, Phase};
use std::fs;
use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;
use support::{GUID, Peer, Wire, administrator, free_address, has_ipmi_sim, has_pyghmi, login};

const SECOND: Duration = Duration::from_secs(1);

fn raw_profile() -> Handshake {
    let message = |word: u8, rest: &[RawOctet]| {
        let data = [&[RawOctet::Literal(word)], rest].concat();
        Some(RawMessage { netfn: 0x30, lun: 0, command: 0x70, data, accept: vec![0x00] })
    };
    let record: Vec<_> = (0..4).map(RawOctet::Record).collect();
    let address: Vec<_> = (0..4).map(RawOctet::ListenAddress).chain((0..2).map(RawOctet::ListenPort)).collect();
    Handshake::Raw {
        name: "the tests' own".into(),
        armed: message(0, &address),
        started: message(1, &record),
        ended: message(2, &[&[RawOctet::Outcome], record.as_slice()].concat()),
        disarmed: message(3, &[]),
        keepalive: None,
    }
}

fn chassis_status() -> Request {
    Request::new(command::CHASSIS_STATUS, [])
}

fn expected() -> Identity {
    Identity::Expected(vec![Guid(GUID)])
}

fn telling(wire: &Wire, phase: Phase, patience: Duration) -> Telling {
    let listen = "192.168.0.11:10162".parse().ok();
    Telling::new(&raw_profile(), phase, 0x0102_0304, listen, wire.now().boottime + patience)
}

#[test]
fn the_handshake_reaches_ipmi_sim_over_suite_3() {
    if !has_ipmi_sim() {
        return;
    }
    let peer = Peer::ipmi_sim("handshake", free_address());
    let mut wire = Wire::new(peer.address, administrator(), expected());
    wire.up();
    let up = Status::Up { suite: Some(Suite::Three), guid: Guid(GUID), identity: Checked::Matched };
    assert_eq!(*wire.link.status(), up, "17 is refused there, then comes 3");
    let status = wire.ask(chassis_status()).unwrap();
    assert!(ChassisStatus::parse(&status.data).unwrap().power);
    for (phase, logged) in [
        (Phase::Armed, "recovery-armed ch=1 netfn=30 cmd=70 lun=0 data=00c0a8000bb227"),
        (Phase::Started, "recovery-started ch=1 netfn=30 cmd=70 lun=0 data=0104030201"),
        (Phase::Ended(Outcome::Failed), "recovery-ended ch=1 netfn=30 cmd=70 lun=0 data=020104030201"),
        (Phase::Disarmed, "recovery-disarmed ch=1 netfn=30 cmd=70 lun=0 data=03"),
    ] {
        assert_eq!(wire.tell(telling(&wire, phase, 5 * SECOND)), Ok(()));
        assert_eq!(peer.logged(logged), 1, "{logged}");
    }
    wire.stop();
    wire.run(SECOND, |_| peer.logged("cmd=3c") == 1); // Close Session
    assert_eq!(wire.ask(chassis_status()), Err(Failure::Stopped));
}

#[test]
fn a_refusal_is_reported_and_said_again_until_the_deadline() {
    if !has_ipmi_sim() {
        return;
    }
    let peer = Peer::ipmi_sim("refusal", free_address());
    fs::write(peer.folder.join("fault.70"), "c0").unwrap();
    let mut wire = Wire::new(peer.address, administrator(), expected());
    wire.up();
    let busy = Untold::Refused(Completion::BUSY);
    assert_eq!(wire.tell(telling(&wire, Phase::Started, 2 * SECOND)), Err(busy));
    let said = peer.logged("recovery-started");
    assert!((3..=5).contains(&said), "{said}");
    fs::write(peer.folder.join("fault.70"), "c1").unwrap();
    let unknown = Untold::Refused(Completion::UNKNOWN_COMMAND);
    assert_eq!(wire.tell(telling(&wire, Phase::Started, 2 * SECOND)), Err(unknown));
    assert_eq!(peer.logged("recovery-started"), said + 1, "slowly");
}

#[test]
fn a_sel_record_is_there_once() {
    if !has_ipmi_sim() {
        return;
    }
    let peer = Peer::ipmi_sim("sel", free_address());
    let mut wire = Wire::new(peer.address, administrator(), expected());
    wire.up();
    let profile = Handshake::Sel { record_type: 0xC0, manufacturer: 0x00_1291 };
    let deadline = wire.now().boottime + 5 * SECOND;
    let mut telling = Telling::new(&profile, Phase::Ended(Outcome::Done), 0xA1B2_C3D4, None, deadline);
    // The answer to the first Add is lost on its way to us: the record is found and not added again.
    let Step::Submit(add) = telling.poll(wire.now()) else { panic!() };
    assert_eq!(wire.ask(add).map(|response| response.completion), Ok(0));
    telling.handle_answer(wire.now(), Err(Failure::Silent));
    assert_eq!(wire.tell(telling), Ok(()));
    let info = wire.ask(Request::new(command::SEL_INFO, [])).unwrap();
    assert_eq!(sel::SelInfo::parse(&info.data).unwrap().entries, 1);
    let entry = sel::Entry::parse(&wire.ask(sel::get_entry(sel::LAST)).unwrap().data).unwrap();
    assert_eq!(entry.record.0[7..], [0x91, 0x12, 0x00, b'E', b'D', 0xA1, 0xB2, 0xC3, 0xD4][..]);
    assert_eq!(peer.logged("cmd=44"), 1);
}

/// By another client: what we wrote ourselves would prove little.
fn ipmitool(peer: &Peer, arguments: &[&str]) -> Option<String> {
    let (host, port) = (peer.address.ip().to_string(), peer.address.port().to_string());
    let login = ["-I", "lanplus", "-C", "3", "-U", "ipmiusr", "-E", "-H", &host, "-p", &port];
    let output = Command::new("ipmitool").env("IPMI_PASSWORD", "test").args(login).args(arguments).output().ok()?;
    assert!(output.status.success(), "ipmitool {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn ipmi_sims_log_proves_what_others_wrote_into_it() {
    if !has_ipmi_sim() || !support::peer("ipmitool", Command::new("ipmitool").arg("-V").output().is_ok()) {
        return;
    }
    let peer = Peer::ipmi_sim("evidence", free_address());
    let mut wire = Wire::new(peer.address, administrator(), expected());
    wire.up();
    let begin = wire.read(None, false).unwrap();
    assert_eq!((begin.kept, begin.place.last), (Kept::New, None), "its log is empty");
    // An uncorrectable memory error of sensor 2, as a board's firmware would log it.
    let octets = "0x0a 0x44 0 0 2 0 0 0 0 0x20 0 4 0x0c 2 0x6f 0x31 0xff 1";
    let arguments: Vec<&str> = ["raw"].into_iter().chain(octets.split(' ')).collect();
    ipmitool(&peer, &arguments);
    let read = wire.read(Some(begin.place), true).unwrap();
    assert_eq!((read.kept, read.records.len(), read.more), (Kept::Continued, 1, false));
    let audit = read.audit.unwrap();
    assert!(!audit.full && !audit.more, "{audit:?}");
    let claim = |sensor| Claim::from_octets([0x20, 0x0C, sensor, 0x6F, 1, 0x31, 0xFF, 1]);
    assert!(claim(2).is_told_by(&read.records[0]) && !claim(3).is_told_by(&read.records[0]));
    assert!(ipmitool(&peer, &["sel", "list"]).unwrap().contains("Uncorrectable ECC"), "as ipmitool reads it");
    // Nothing new; then two more; then all is cleared, and what comes is new.
    let place = wire.read(Some(read.place), false).unwrap().place;
    ipmitool(&peer, &arguments);
    ipmitool(&peer, &arguments);
    let read = wire.read(Some(place), false).unwrap();
    assert_eq!((read.kept, read.records.len()), (Kept::Continued, 2));
    ipmitool(&peer, &["sel", "clear"]);
    wire.run(10 * SECOND, |_| ipmitool(&peer, &["sel", "info"]).unwrap().contains("Entries          : 0"));
    ipmitool(&peer, &arguments);
    let read = wire.read(Some(read.place), false).unwrap();
    assert_eq!((read.kept, read.records.len()), (Kept::Cleared, 1));
    // And what its sensors are called.
    let mut reading = NameReading::new(None);
    let names = loop {
        match reading.poll(wire.now()) {
            Step::Submit(request) => {
                let result = wire.ask(request);
                reading.handle_answer(wire.now(), result);
            }
            Step::Wait(_) => panic!("it waits for nobody"),
            Step::Over(end) => break end.unwrap().expect("names"),
        }
    };
    assert_eq!((names.get(0x20, 2), names.get(0x20, 3), names.get(0x20, 0x20)), (Some("DIMM A1"), Some("Fan 1"), None));
    wire.stop();
}

#[test]
fn a_chassis_order_is_sent_once_and_its_effect_seen() {
    if !has_ipmi_sim() {
        return;
    }
    let peer = Peer::ipmi_sim("chassis", free_address());
    let mut wire = Wire::new(peer.address, administrator(), expected());
    wire.up();
    assert!(wire.link.identity_matched());
    let mut order = Order::new(Control::PowerDown, wire.now().boottime + 10 * SECOND);
    let effect = loop {
        match order.poll(wire.now()) {
            Step::Submit(request) => {
                let result = wire.ask(request);
                order.handle_answer(wire.now(), result);
            }
            Step::Wait(until) => wire.run(2 * SECOND, |wire| wire.now().boottime >= until.unwrap()),
            Step::Over(result) => break result,
        }
    };
    assert_eq!(effect, Ok(Effect::Seen));
    assert_eq!(peer.logged("netfn=00 cmd=02"), 1);
    assert_eq!(fs::read_to_string(peer.folder.join("power")).unwrap().trim(), "0");
}

#[test]
fn failures_that_an_operator_understands() {
    if !has_ipmi_sim() {
        return;
    }
    let peer = Peer::ipmi_sim("failures", free_address());
    let suites = [Suite::Three];
    for (user, password, suites, privilege, why) in [
        ("nobody", "test", &suites[..], Privilege::Administrator, Failure::WrongUser),
        ("ipmiusr", "wrong", &suites[..], Privilege::Administrator, Failure::WrongPassword),
        ("ipmiusr", "test", &[Suite::Seventeen], Privilege::Administrator, Failure::SuiteNotOffered),
        // That a user may not have a privilege is shown in tests/bmc_link.rs: ipmi_sim grants it.
    ] {
        let mut wire = Wire::new(peer.address, login(user, password, suites, privilege), expected());
        assert_eq!(wire.ask(chassis_status()), Err(why), "{user}");
        wire.run(5 * SECOND, |wire| matches!(wire.link.status(), Status::Down { why: Some(seen), .. } if *seen == why));
    }
    let observer = login("observer", "watch20charpasswd0", &suites, Privilege::User);
    let mut wire = Wire::new(peer.address, observer, expected());
    wire.up();
    let refused = wire.ask(Control::PowerDown.request()).unwrap();
    assert_eq!(Completion(refused.completion), Completion::PRIVILEGE);
}

#[test]
fn another_systems_bmc_hears_nothing() {
    if !has_ipmi_sim() {
        return;
    }
    let peer = Peer::ipmi_sim("identity", free_address());
    let mut wire = Wire::new(peer.address, administrator(), Identity::Expected(vec![Guid([7; 16])]));
    let early = wire.submit(Urgency::Urgent, Control::PowerDown.request());
    wire.run(10 * SECOND, |wire| matches!(wire.link.status(), Status::WrongIdentity { .. }));
    assert_eq!(*wire.link.status(), Status::WrongIdentity { found: Guid(GUID) });
    assert_eq!(wire.answers[&early], Err(Failure::WrongIdentity));
    assert_eq!(wire.ask(Control::PowerDown.request()), Err(Failure::WrongIdentity));
    wire.run(SECOND, |_| peer.logged("cmd=3c") == 1); // Close Session
    assert_eq!(peer.logged("netfn=00 cmd=02"), 0);

    let mut wire = Wire::new(peer.address, administrator(), Identity::Unknown);
    wire.up();
    assert!(!wire.link.identity_matched());
    assert!(wire.ask(chassis_status()).is_ok());
}

#[test]
fn a_bmc_that_restarts_is_found_again() {
    if !has_ipmi_sim() {
        return;
    }
    let mut peer = Peer::ipmi_sim("restart", free_address());
    let mut wire = Wire::new(peer.address, administrator(), expected());
    wire.up();
    peer.kill();
    assert_eq!(wire.ask(chassis_status()), Err(Failure::Silent));
    peer.restart();
    wire.up();
    assert_eq!(wire.tell(telling(&wire, Phase::Started, 5 * SECOND)), Ok(()));
    assert_eq!(peer.logged("recovery-started"), 1);
    let downs = wire.changes.iter().filter(|status| matches!(status, Status::Down { .. })).count();
    assert_eq!(downs, 1, "{:?}", wire.changes);
}

#[test]
fn suite_17_with_pyghmi() {
    if !has_pyghmi() {
        return;
    }
    let peer = Peer::pypeer("suite17", free_address());
    let admin = login("admin", "password", &[Suite::Seventeen, Suite::Three], Privilege::Administrator);
    let mut wire = Wire::new(peer.address, admin, Identity::Unknown);
    wire.up();
    assert!(matches!(wire.link.status(), Status::Up { suite: Some(Suite::Seventeen), .. }));
    let status = wire.ask(chassis_status()).unwrap();
    assert!(ChassisStatus::parse(&status.data).unwrap().power);
    for phase in [Phase::Armed, Phase::Started, Phase::Ended(Outcome::Done), Phase::Disarmed] {
        assert_eq!(wire.tell(telling(&wire, phase, 5 * SECOND)), Ok(()));
    }
    for word in ["recovery-armed", "recovery-started", "recovery-ended", "recovery-disarmed"] {
        assert_eq!(peer.logged(word), 1, "{word}");
    }
    for (user, password, why) in
        [("admin", "wrong", Failure::WrongPassword), ("nobody", "password", Failure::WrongUser)]
    {
        let wrong = login(user, password, &[Suite::Seventeen], Privilege::Administrator);
        assert_eq!(Wire::new(peer.address, wrong, Identity::Unknown).ask(chassis_status()), Err(why));
    }
}

/// Needs no peer: a socket that takes everything and says nothing.
#[test]
fn a_silent_bmc() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut wire = Wire::new(silent.local_addr().unwrap(), administrator(), expected());
    let before = wire.now().boottime;
    assert_eq!(wire.ask(chassis_status()), Err(Failure::Silent));
    let waited = wire.now().boottime - before;
    assert!(waited > SECOND && waited < 3 * SECOND, "{waited:?}");
    wire.run(10 * SECOND, |wire| matches!(wire.link.status(), Status::Down { why: Some(Failure::Silent), .. }));
    assert_eq!(wire.sent, 5, "the request four times, and once whether it is for the suite");
}

#[test]
fn a_ping_without_login() {
    if !has_ipmi_sim() {
        return;
    }
    let peer = Peer::ipmi_sim("ping", free_address());
    let wire = Wire::new(free_address(), administrator(), Identity::Unknown); // for its clock alone
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(SECOND)).unwrap();
    let mut probe = Probe::new(&mut Random::from_seed([1; 32]));
    probe.ask(wire.now());
    let Some(ping::Output::Send(question)) = probe.poll_output() else { panic!() };
    socket.send_to(&question, peer.address).unwrap();
    let mut bytes = [0; 64];
    let length = socket.recv(&mut bytes).unwrap();
    let now = wire.now();
    assert!(probe.handle_datagram(now, &bytes[..length]));
    assert!(!probe.handle_datagram(now, &bytes[..length]), "once");
    match probe.poll_output() {
        Some(ping::Output::Alive { at, capabilities }) => assert!(at == now && capabilities.unwrap().rmcp_plus),
        other => panic!("{other:?}"),
    }
}

/// How many sessions are opened and closed, one after the other.
fn cycles(usual: usize) -> usize {
    std::env::var("BMCNOTICE_SESSIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Opens, asks and closes, so often; every tenth is cut in its key exchange.
fn open_and_close(peer: &Peer, login: &Login, times: usize) -> Wire {
    let mut wire = Wire::new(peer.address, login.clone(), Identity::Unknown);
    for cycle in 0..times {
        if cycle > 0 {
            wire.start();
        }
        if cycle % 10 == 9 {
            let (sent, cut) = (wire.sent, 2 + cycle / 10 % 4);
            wire.run(5 * SECOND, |wire| wire.sent >= sent + cut || matches!(wire.link.status(), Status::Up { .. }));
        } else {
            assert!(wire.ask(chassis_status()).is_ok(), "cycle {cycle}: {:?}", wire.link.status());
        }
        wire.stop();
    }
    wire
}

/// `ipmi_sim` has 63 sessions, half-open ones included: a leak ends this long before its last cycle.
#[test]
fn sessions_with_ipmi_sim_leak_nothing() {
    if !has_ipmi_sim() {
        return;
    }
    let peer = Peer::ipmi_sim("sessions", free_address());
    let suites = [Suite::Three];
    let operator = login("ipmiusr", "test", &suites, Privilege::Operator);
    let mut wire = open_and_close(&peer, &operator, cycles(300));
    wire.start();
    wire.up();
    let info = wire.ask(Which::This.request()).unwrap();
    let active = SessionInfo::parse(&info.data).map(|info| info.active);
    assert!(info.completion != 0 || active == Ok(1), "{info:02x?}");
}

#[test]
fn sessions_with_pyghmi_leak_nothing() {
    if !has_pyghmi() {
        return;
    }
    let peer = Peer::pypeer("sessions17", free_address());
    let operator = login("admin", "password", &[Suite::Seventeen], Privilege::Operator);
    // It takes one session from a port for as long as it lives, so none is given back.
    let wires: Vec<_> = (0..cycles(100).min(500)).map(|_| open_and_close(&peer, &operator, 1)).collect();
    assert!(wires.iter().all(|wire| matches!(wire.link.status(), Status::Down { why: Some(Failure::Stopped), .. })));
}

/// What a session costs until the first answer: as many packets as with our own simulated BMC.
#[test]
fn few_packets_with_ipmi_sim() {
    if !has_ipmi_sim() {
        return;
    }
    let peer = Peer::ipmi_sim("packets", free_address());
    let mut wire = Wire::new(peer.address, login("ipmiusr", "test", &[Suite::Three], Privilege::Operator), expected());
    wire.up();
    assert!(wire.ask(chassis_status()).is_ok());
    wire.stop();
    assert_eq!(wire.sent, 6, "Open, RAKP 1 and 3, privilege, the command, goodbye");
}
