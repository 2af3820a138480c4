//! Datagrams that nobody should have sent: each is a counted drop with a reason, the log stays short, and a
//! genuine trap still works.

use crate::bmcs::{Bmc, ENDED_DONE, Simulated, Word};
use crate::common;
use crate::host::Host;
use crate::pets::{datagram, fatal, send};
use crate::site::{NEIGHBOUR, Site};
use crate::wait;
use bmcnotice::Mode;
use bmcnotice::engine::Statistics;
use bmcnotice::notice::DropReason;
use bmcnotice::wire::snmp::Message;
use bmcnotice::words::{Guid, Level};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;

/// Datagrams sent before the listener is waited for: fewer than fit into its queue.
const BURST: usize = 64;
/// A line for every reason, and a few more.
const LOG_LINES: usize = DropReason::ALL.len() + 5;

/// Every datagram of the corpus below `folder`.
fn corpus(folder: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(folder);
    let mut files: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    let mut all = Vec::new();
    for file in files.iter().filter_map(|name| name.to_str()).filter(|name| name.ends_with(".hex")) {
        let text = common::text(&format!("{folder}/{file}"));
        // In captures of exchanges the octets are the last word of a line.
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        all.extend(lines.filter_map(|line| line.split_whitespace().last()).map(common::octets));
    }
    assert!(!all.is_empty(), "{folder}");
    all
}

struct Rain {
    socket: UdpSocket,
    listen: SocketAddr,
    sent: u64,
}

impl Rain {
    fn from(address: IpAddr, listen: SocketAddr) -> Self {
        Self { socket: UdpSocket::bind((address, 0)).unwrap(), listen, sent: 0 }
    }

    fn pour<'a>(&mut self, host: &Host, datagrams: impl IntoIterator<Item = &'a [u8]>) {
        let before = host.statistics().datagrams - self.sent;
        for datagram in datagrams {
            self.socket.send_to(datagram, self.listen).unwrap();
            self.sent += 1;
            if self.sent.is_multiple_of(BURST as u64) {
                host.until("received", || host.statistics().datagrams - before == self.sent);
            }
        }
        host.until("received", || host.statistics().datagrams - before == self.sent);
    }
}

/// Every datagram is in exactly one counter.
fn balanced(statistics: &Statistics) {
    let sum = statistics.notices + statistics.repeats + statistics.dropped_in_all() + statistics.answers;
    assert_eq!(sum, statistics.datagrams, "{statistics:#?}");
}

fn still_works(host: &Host, site: &Site, bmc: &Simulated) {
    assert_eq!(host.calls(), 0);
    assert!(bmc.recoveries().is_empty());
    send(site.listen, bmc.guid(), 99);
    bmc.hears(&[Word::Started, ENDED_DONE]);
    assert_eq!(host.calls(), 1);
    let dropped = host.log().iter().filter(|line| line.contains("dropped")).count();
    assert!(dropped <= LOG_LINES, "{dropped} lines: {:#?}", host.log());
    balanced(&host.statistics());
}

#[test]
fn hostile_datagrams() {
    for mode in [Mode::Loop, Mode::Thread] {
        let bmc = Simulated::new();
        let site = Site::of(&bmc);
        let host = Host::start(&site, mode);
        host.armed();
        let hostile = corpus("hostile");
        let mut rain = Rain::from(Ipv4Addr::LOCALHOST.into(), site.listen);
        for datagram in &hostile {
            let before = host.statistics();
            rain.pour(&host, [datagram.as_slice()]);
            let after = host.statistics();
            let (dropped, taken) = (after.dropped_in_all() - before.dropped_in_all(), after.notices - before.notices);
            match Message::parse(datagram) {
                Err(_) => assert_eq!((dropped, taken), (1, 0), "{datagram:02x?}"),
                // Only odd: at the edge of a limit, and on its right side. It starts nothing, as is seen below.
                Ok(_) => assert_eq!(dropped + taken + after.repeats - before.repeats, 1, "{datagram:02x?}"),
            }
        }
        assert!(host.statistics().dropped_in_all() as usize >= hostile.len() * 3 / 4);
        still_works(&host, &site, &bmc);
    }
}

/// Debian 12's snmptrapd dies of each: an enterprise of 128 arcs, and a snmpTrapOID.0 that is no OID.
#[test]
fn what_kills_snmptrapd() {
    let arcs = common::text("hostile/cve-2025-68615-boundary.hex");
    let arcs = common::octets(arcs.lines().find(|line| !line.starts_with('#')).unwrap());
    let no_oid = common::octets(concat!(
        "303802010104067075626c6963a72b0201010201000201003020",
        "300d06082b06010201010300430100",     // sysUpTime.0 = 0
        "300f060a2b060106030101040100020105"  // snmpTrapOID.0 = INTEGER 5
    ));
    let bmc = Simulated::new();
    let site = Site::of(&bmc);
    let host = Host::start(&site, Mode::Loop);
    host.armed();
    let mut rain = Rain::from(Ipv4Addr::LOCALHOST.into(), site.listen);
    rain.pour(&host, [arcs.as_slice(); 3]);
    let statistics = host.statistics();
    // 128 arcs are what RFC 2578 allows: an odd trap of nobody's, noted and no more.
    assert_eq!((statistics.notices, statistics.repeats, statistics.dropped_in_all()), (1, 2, 0));
    rain.pour(&host, [no_oid.as_slice(); 3]);
    assert_eq!(host.statistics().dropped(DropReason::BadTag), 3, "{:?}", host.statistics());
    still_works(&host, &site, &bmc);
}

#[test]
fn every_truncation_of_every_valid_datagram() {
    let bmc = Simulated::new();
    let site = Site::of(&bmc);
    let host = Host::start(&site, Mode::Thread);
    host.armed();
    let valid = corpus("traps");
    let cuts = valid.iter().flat_map(|datagram| (0..datagram.len()).map(|end| &datagram[..end]));
    // One has an octet too many behind it, as an agent was seen to write it: without that it is whole.
    let cuts = cuts.filter(|cut| Message::parse(cut).is_err());
    let mut rain = Rain::from(Ipv4Addr::LOCALHOST.into(), site.listen);
    rain.pour(&host, cuts);
    let statistics = host.statistics();
    assert_eq!(statistics.dropped_in_all(), rain.sent, "{statistics:#?}");
    assert!(rain.sent > 1000);

    // What belongs to another protocol, whole and cut.
    let other = corpus("rmcp");
    let cuts = other.iter().flat_map(|datagram| (0..=datagram.len()).map(|end| &datagram[..end]));
    rain.pour(&host, cuts);
    let statistics = host.statistics();
    assert_eq!(statistics.dropped_in_all() + statistics.answers, rain.sent, "{statistics:#?}");
    still_works(&host, &site, &bmc);
}

/// An octet of the genuine trap changed: most are refused, none does harm. What still is that server's fatal
/// trap may start its recovery: only octets that change the sender or the form are tried with each value.
#[test]
fn a_genuine_trap_with_one_octet_changed() {
    let bmc = Simulated::new();
    let site = Site::of(&bmc);
    let host = Host::start(&site, Mode::Thread);
    host.armed();
    let genuine = datagram(&fatal(bmc.guid(), 1), b"public");
    let form = genuine.len() - 47 - 2; // before the PET's octets and their header
    let mut changed = Vec::new();
    for place in 0..form {
        for bit in 0..8 {
            let mut other = genuine.clone();
            other[place] ^= 1 << bit;
            // Agent address, time and the like do not make it another event.
            if !Message::parse(&other).is_ok_and(|message| message.community == b"public") {
                changed.push(other);
            }
        }
    }
    let mut rain = Rain::from(Ipv4Addr::LOCALHOST.into(), site.listen);
    rain.pour(&host, changed.iter().map(Vec::as_slice));
    assert_eq!(host.statistics().dropped_in_all(), rain.sent);
    still_works(&host, &site, &bmc);
}

/// A genuine trap in everything but one.
#[test]
fn strangers_are_counted_and_start_nothing() {
    let bmc = Simulated::new();
    let site = Site::of(&bmc);
    let host = Host::start(&site, Mode::Loop);
    host.armed();
    let here: IpAddr = Ipv4Addr::LOCALHOST.into();
    let genuine = datagram(&fatal(bmc.guid(), 1), b"public");
    let cases = [
        (Ipv4Addr::new(127, 0, 0, 5).into(), genuine.clone(), DropReason::ForeignSource),
        (NEIGHBOUR, genuine, DropReason::OtherServersBmc),
        (here, datagram(&fatal(bmc.guid(), 1), b"private"), DropReason::WrongCommunity),
        (here, datagram(&fatal(bmc.guid(), 1), b""), DropReason::WrongCommunity),
        (here, datagram(&fatal(Guid([0x77; 16]), 1), b"public"), DropReason::WrongGuid),
    ];
    for (from, datagram, reason) in &cases {
        let before = host.statistics().dropped(*reason);
        Rain::from(*from, site.listen).pour(&host, [datagram.as_slice(); 3]);
        assert_eq!(host.statistics().dropped(*reason), before + 3, "{reason}");
    }
    wait::a_while();
    for (_, _, reason) in &cases {
        let lines = host.log().iter().filter(|line| line.contains(reason.name())).count();
        assert_eq!(lines, 1, "{reason}: {:#?}", host.log());
        assert!(host.said(Level::Warning, reason.name()));
    }
    assert_eq!(host.statistics().acknowledged, 0, "nothing of it is acknowledged");
    still_works(&host, &site, &bmc);
}
