//! Many simulated BMCs on one socket and one thread: each answers as itself, and none notices the others.
#![cfg(feature = "sim")]

#[path = "support/console.rs"]
mod console;
mod peers;
#[allow(dead_code, unused_imports, reason = "the links alone are used here")]
#[path = "support/ipmi.rs"]
mod support;

use bmcnotice::bmc::link::{Checked, Identity, Status};
use bmcnotice::config::model::Privilege;
use bmcnotice::io::fleet::{FLEET_MAX, Fleet};
use bmcnotice::io::simulate::Happened;
use bmcnotice::sim::{Event, Fault, Options};
use bmcnotice::suite::Suite;
use bmcnotice::wire::command::{AUTH_CAPABILITIES, CHASSIS_STATUS, GET_SYSTEM_GUID};
use bmcnotice::wire::ipmi::{Message, Request};
use bmcnotice::wire::rmcp::{self, Datagram};
use bmcnotice::words::Guid;
use console::{Console, PING};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::{Wire, login};

const MS: Duration = Duration::from_millis(1);
/// How long a loaded machine may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the silence is listened to.
const SILENCE: Duration = Duration::from_millis(150);

/// The address of a place: 127.77.0.1 and up, each test's own because each fleet has a port of its own.
fn address(place: usize) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 77, 0, 1)) + place as u32)
}

fn guid(place: usize) -> Guid {
    let mut guid = Options::default().guid;
    guid.0[12..].copy_from_slice(&(place as u32).to_be_bytes());
    guid
}

fn members(count: usize) -> Vec<(Ipv4Addr, Options)> {
    (0..count).map(|place| (address(place), Options { guid: guid(place), ..Options::default() })).collect()
}

fn fleet(count: usize) -> Fleet {
    Fleet::start(0, members(count), None).expect("a fleet")
}

fn client() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    socket
}

/// What is asked without a session.
fn question(number: bmcnotice::wire::command::Command, sequence: u8, data: &[u8]) -> Vec<u8> {
    let message = Message::request(sequence, &Request::new(number, data.to_vec())).emit();
    rmcp::emit_sessionless(&message).expect("short enough")
}

/// An answer without a session: completion code and data.
fn answer(datagram: &[u8]) -> (u8, Vec<u8>) {
    let Ok(Datagram::Sessionless(message)) = Datagram::parse(datagram) else { panic!("{datagram:02x?}") };
    let response = Message::parse(message).expect("a message").to_response().expect("an answer");
    (response.completion, response.data)
}

/// The next datagram, and who sent it.
fn heard(socket: &UdpSocket) -> (SocketAddr, Vec<u8>) {
    let mut bytes = [0; 2048];
    let (length, from) = socket.recv_from(&mut bytes).expect("an answer");
    (from, bytes[..length].to_vec())
}

fn is_silent(socket: &UdpSocket) -> bool {
    socket.set_read_timeout(Some(SILENCE)).expect("a time-out");
    let nothing = socket.recv(&mut [0; 64]).is_err();
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    nothing
}

/// Until it is so; false if it never is.
fn comes(mut done: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    while !done() {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(MS);
    }
    true
}

#[test]
fn hundreds_answer_each_as_itself_and_from_its_own_address() {
    const COUNT: usize = 700; // beyond one batch, and beyond one last octet of the address
    let (fleet, socket) = (fleet(COUNT), client());
    assert_eq!((fleet.len(), fleet.is_empty()), (COUNT, false));
    let to = |place| fleet.address(place).expect("a member");
    let mut guids = BTreeMap::new();
    // A hundred at a time: what our own queue holds.
    for places in (0..COUNT).collect::<Vec<_>>().chunks(100) {
        for place in places {
            socket.send_to(&question(GET_SYSTEM_GUID, 1, &[]), to(*place)).expect("sent");
        }
        for _ in places {
            let (from, datagram) = heard(&socket);
            assert_eq!(guids.insert(from, answer(&datagram)), None, "{from} answered twice");
        }
    }
    for place in 0..COUNT {
        assert_eq!(guids.get(&to(place)), Some(&(0, guid(place).0.to_vec())), "{}", to(place));
    }
    socket.send_to(&question(AUTH_CAPABILITIES, 2, &[0x8E, 4]), to(COUNT - 1)).expect("sent");
    let (from, datagram) = heard(&socket);
    assert_eq!((from, answer(&datagram).0), (to(COUNT - 1), 0));
    let asked = (0..COUNT).map(|place| fleet.with(place, |bmc, _| bmc.log().count()).expect("a member"));
    assert_eq!(asked.sum::<usize>(), COUNT + 1, "each was asked what was asked of it");
}

#[test]
fn places_and_addresses_belong_together() {
    let fleet = fleet(3);
    for place in 0..3 {
        assert_eq!(fleet.address(place), Some(SocketAddr::from((address(place), fleet.port()))));
        assert_eq!(fleet.place(address(place)), Some(place));
        assert_eq!(fleet.with(place, |bmc, _| bmc.options().guid), Some(guid(place)));
    }
    assert_eq!((fleet.address(3), fleet.place(address(3))), (None, None));
    assert_eq!(fleet.with(3, |_, _| panic!("there is none")), None::<()>);
}

#[test]
fn nobody_else_answers() {
    let (fleet, socket) = (fleet(2), client());
    for stranger in [address(2), Ipv4Addr::LOCALHOST] {
        socket.send_to(&PING, (stranger, fleet.port())).expect("sent");
    }
    assert!(is_silent(&socket));
    // Too long for any BMC; the one behind it is heard.
    socket.send_to(&[6; 4096], (address(1), fleet.port())).expect("sent");
    socket.send_to(&PING, (address(1), fleet.port())).expect("sent");
    assert_eq!(heard(&socket).0, SocketAddr::from((address(1), fleet.port())));
    assert_eq!(fleet.with(1, |bmc, _| bmc.drops().malformed), Some(0), "it never saw it");
    drop(fleet);
}

#[test]
fn a_host_without_loopback_in_its_address_is_not_heard() {
    // Nothing is sent: it is asked which address of ours would be used.
    let probe = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket");
    let own = probe.connect("192.0.2.1:9").and_then(|()| probe.local_addr()).map(|address| address.ip());
    let (fleet, near) = (fleet(1), client());
    if let Ok(own) = own.as_ref().map(|own| UdpSocket::bind((*own, 0)).expect("our own address")) {
        own.send_to(&PING, (address(0), fleet.port())).expect("sent");
        assert!(is_silent(&own));
    }
    near.send_to(&PING, (address(0), fleet.port())).expect("sent");
    assert_eq!(heard(&near).0.ip(), address(0));
}

#[test]
fn links_open_each_to_its_own_bmc() {
    let fleet = fleet(300);
    let places = [0, 7, 299];
    let mut wires: Vec<Wire> = Vec::new();
    for place in places {
        let login = login("admin", "password", &[Suite::Seventeen, Suite::Three], Privilege::Administrator);
        let to = fleet.address(place).expect("a member");
        // The socket is connected: it takes nothing from any other address.
        wires.push(Wire::new(to, login, Identity::Expected(vec![guid(place)])));
    }
    for (wire, place) in wires.iter_mut().zip(places) {
        wire.up();
        let up = Status::Up { suite: Some(Suite::Seventeen), guid: guid(place), identity: Checked::Matched };
        assert_eq!(*wire.link.status(), up);
        assert_eq!(wire.ask(Request::new(CHASSIS_STATUS, [])).map(|response| response.completion), Ok(0));
    }
    let open = |place| fleet.with(place, |bmc, _| bmc.sessions()).expect("a member");
    let sessions: Vec<usize> = (0..300).filter(|place| open(*place) != (0, 0)).collect();
    assert_eq!(sessions, places);
    wires[1].stop();
    assert!(comes(|| open(7) == (0, 0)));
    assert_eq!((open(0), open(299)), ((1, 0), (1, 0)));
}

#[test]
fn a_session_is_worth_nothing_at_another_bmc() {
    let (fleet, socket) = (fleet(2), client());
    let here = socket.local_addr().expect("its address");
    let mut console = fleet.with(0, |bmc, now| Console::admin(bmc, now, here)).expect("a member");
    let sealed = console.seal(0x00, 0x01, &[]);
    socket.send_to(&sealed, fleet.address(1).expect("a member")).expect("sent");
    let drops = |place| fleet.with(place, |bmc, _| bmc.drops()).expect("a member");
    assert!(comes(|| drops(1).unknown_session == 1));
    socket.send_to(&sealed, fleet.address(0).expect("a member")).expect("sent");
    let (from, datagram) = heard(&socket);
    assert_eq!(from, fleet.address(0).expect("a member"));
    assert!(console.keys.open(&console::plus(&datagram)).is_ok());
    assert!(is_silent(&socket), "one answer, from the one whose session it is");
    assert_eq!((drops(0), drops(1).unproven), (bmcnotice::sim::Drops::default(), 0));
}

#[test]
fn timers_of_one_are_no_business_of_the_others() {
    let told: Arc<Mutex<Vec<(usize, Happened)>>> = Arc::default();
    let keep = told.clone();
    let mut given = members(100);
    given[3].1.patience = MS * 100;
    let tell = move |place: usize, happened: &Happened| keep.lock().expect("told").push((place, happened.clone()));
    let fleet = Fleet::start(0, given, Some(Arc::new(tell))).expect("a fleet");
    let fault = Fault::preset("uncorrectable-memory").expect("a fault");
    let armed = Request { netfn: 0x30, lun: 0, command: 0x70, data: vec![0] };
    // Place 4 is armed, too, and has its usual patience.
    for place in [3, 4] {
        fleet.with(place, |bmc, now| {
            bmc.command(now, &armed);
            bmc.raise(now, &fault);
        });
    }
    assert!(comes(|| fleet.with(3, |bmc, _| bmc.resets()) == Some(1)));
    let others = (0..100).filter(|place| *place != 3).map(|place| fleet.with(place, |bmc, _| bmc.resets()));
    assert_eq!(others.collect::<BTreeSet<_>>(), BTreeSet::from([Some(0)]));
    let told = told.lock().expect("told");
    assert_eq!(told.iter().map(|(place, _)| *place).collect::<BTreeSet<_>>(), BTreeSet::from([3, 4]));
    let over: Vec<_> = told.iter().filter(|(_, happened)| happened.event == Event::PatienceOver).collect();
    assert_eq!(over.len(), 1);
    let since = told.iter().find(|(place, _)| *place == 3).expect("its first event").1.at.boottime;
    let held = over[0].1.at.boottime.saturating_sub(since);
    assert!((MS * 100..PATIENCE).contains(&held), "{held:?}");
}

#[test]
fn an_answer_that_comes_late_keeps_nobody_waiting() {
    let (fleet, socket) = (fleet(20), client());
    fleet.with(5, |bmc, _| bmc.quirks_mut().answer_delay = MS * 400);
    let begun = Instant::now();
    for place in 0..20 {
        socket.send_to(&PING, fleet.address(place).expect("a member")).expect("sent");
    }
    let order: Vec<SocketAddr> = (0..20).map(|_| heard(&socket).0).collect();
    assert_eq!(order.last().copied(), fleet.address(5), "the last of all");
    assert!(begun.elapsed() >= MS * 400);
    assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 20);
}

#[test]
fn traps_go_out_from_the_bmcs_own_address() {
    let monitor = client();
    let mut given = members(3);
    for (_, options) in &mut given {
        options.alert = Some(bmcnotice::sim::Alert::to(monitor.local_addr().expect("its address")));
    }
    let fleet = Fleet::start(0, given, None).expect("a fleet");
    fleet.with(2, |bmc, now| bmc.raise(now, &Fault::preset("fan-failure").expect("a fault")));
    assert_eq!(heard(&monitor).0, fleet.address(2).expect("a member"));
}

#[test]
fn what_cannot_be_is_refused() {
    let start = |port, members| Fleet::start(port, members, None).map(drop).map_err(|error| (error.kind(), error));
    let refused = |members: Vec<(Ipv4Addr, Options)>| start(0, members).expect_err("it is refused");
    let one = |address: [u8; 4]| vec![(Ipv4Addr::from(address), Options::default())];
    let twice = [one([127, 1, 0, 1]), one([127, 1, 0, 2]), one([127, 1, 0, 1])].concat();
    let (kind, error) = refused(twice);
    assert_eq!((kind, error.to_string().as_str()), (ErrorKind::InvalidInput, "127.1.0.1 is given twice"));
    for nobodys in [[0; 4], [255; 4], [224, 0, 0, 1], [127, 0, 0, 0], [127, 255, 255, 255]] {
        assert_eq!(refused(one(nobodys)).0, ErrorKind::InvalidInput, "{nobodys:?}");
    }
    let (kind, error) = refused(one([192, 0, 2, 1]));
    assert_eq!(kind, ErrorKind::AddrNotAvailable);
    assert!(error.to_string().starts_with("192.0.2.1: "), "{error}");
    let many = (0..=FLEET_MAX as u32).map(|nth| (Ipv4Addr::from(0x7F01_0000 + nth), Options::default()));
    assert_eq!(refused(many.collect()).0, ErrorKind::InvalidInput);
    let fleet = fleet(1);
    assert_eq!(start(fleet.port(), members(1)).map_err(|error| error.0), Err(ErrorKind::AddrInUse));
    let port = fleet.port();
    drop(fleet);
    assert!(start(port, members(1)).is_ok(), "the port is free again");
}

#[test]
fn ipmitool_speaks_with_the_one_it_names() {
    if !peers::have("ipmitool_speaks_with_the_one_it_names", &["ipmitool"]) {
        return;
    }
    let fleet = fleet(50);
    let ipmitool = |place: usize, arguments: &[&str]| {
        let mut command = Command::new("ipmitool");
        command.args(["-I", "lanplus", "-H", &address(place).to_string(), "-p", &fleet.port().to_string()]);
        command.args(["-U", "admin", "-E", "-C", "17", "-R", "1", "-N", "5"]).args(arguments);
        let output = command.env("IPMI_PASSWORD", "password").output().expect("ipmitool");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let told = ipmitool(31, &["mc", "guid"]);
    assert!(told.contains(&guid(31).to_string()), "{told}");
    ipmitool(31, &["chassis", "power", "off"]);
    assert!(ipmitool(31, &["chassis", "power", "status"]).contains("is off"));
    assert!(ipmitool(32, &["chassis", "power", "status"]).contains("is on"));
}
