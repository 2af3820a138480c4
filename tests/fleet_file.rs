//! The file of a simulated fleet: what it means, and that everything wrong with it is said with its place in one pass.
#![cfg(feature = "sim")]

use bmcnotice::config::fleet::{FLEET_MAX, Fleet, Known, Outcome, parse};
use bmcnotice::config::model::SecretSource;
use bmcnotice::sim::{Options, Quirks};
use bmcnotice::words::Guid;
use std::net::Ipv4Addr;
use std::time::Duration;

fn read(text: &str) -> Outcome {
    let quirk = |text: &str| Quirks::default().set(text).err().map(|wrong| wrong.to_string());
    parse(text, "fleet.toml", &Known { guid: Options::default().guid, quirk: &quirk })
}

fn good(text: &str) -> Fleet {
    let Outcome { fleet, findings } = read(text);
    fleet.unwrap_or_else(|| panic!("{findings:#?}"))
}

/// Places and ids of what is wrong.
fn wrong(text: &str) -> Vec<String> {
    let Outcome { fleet, findings } = read(text);
    assert!(fleet.is_none() || findings.is_empty(), "{text}");
    findings.iter().map(|finding| format!("{} {}", finding.place, finding.id)).collect()
}

fn number(guid: Guid) -> u128 {
    u128::from_be_bytes(guid.0)
}

#[test]
fn one_line_is_enough_and_everything_can_be_written() {
    let fleet = good("port = 9623\n[[bmc]]\naddress = \"127.1.0.1\"\n");
    assert_eq!((fleet.port, fleet.ranges.len()), (9623, 1));
    let range = &fleet.ranges[0];
    assert_eq!((range.first, range.last(), range.count), ([127, 1, 0, 1].into(), [127, 1, 0, 1].into(), 1));
    assert_eq!(range.guid, Options::default().guid);
    assert!(range.user.is_none() && range.password.is_none() && range.quirks.is_empty() && range.alert.is_none());

    let text = r#"
port = 623
[[bmc]]
address = "127.1.0.1"
count = 10000
user = "root"
password = "calvin"
guid = "00112233-4455-6677-8899-aabbccddeeff"
quirks = ["slow-answers=5s", "suite-0"]
alert = "127.0.0.1"
trap_port = 1162
community = "yard"
repeat = 2
interval = "5s"
patience = "3min"
handshake = "sel"
fatal_action = "power-cycle"
boot_time = "90s"
boot_timers = true
[[bmc]]
address = "10.0.0.1"
password_file = "/run/fleet.password"
handshake = "none"
"#;
    let fleet = good(text);
    let [all, other] = &fleet.ranges[..] else { panic!("{fleet:?}") };
    assert_eq!((all.count, all.last()), (10_000, [127, 1, 39, 16].into()));
    assert_eq!(all.user.as_deref(), Some("root"));
    assert!(matches!(&all.password, Some(SecretSource::Inline(secret)) if secret.expose() == b"calvin"));
    assert_eq!(all.guid.to_string(), "00112233-4455-6677-8899-aabbccddeeff");
    assert_eq!(all.quirks, ["slow-answers=5s", "suite-0"]);
    assert_eq!((all.alert, all.trap_port), ("127.0.0.1:162".parse().ok(), Some(1162)));
    assert_eq!(all.community.as_ref().map(|community| community.expose().to_vec()), Some(b"yard".to_vec()));
    let second = Duration::from_secs(1);
    assert_eq!((all.repeat, all.interval, all.patience), (Some(2), Some(5 * second), Some(180 * second)));
    assert_eq!((all.handshake, other.handshake), (Some((false, true)), Some((false, false))));
    assert_eq!((all.power_cycle, all.boot_time, all.boot_timers), (Some(true), Some(90 * second), Some(true)));
    assert!(matches!(&other.password, Some(SecretSource::File(path)) if path == "/run/fleet.password"));
    assert!(!format!("{fleet:?}").contains("calvin"), "a password is not shown");
}

#[test]
fn the_documents_example_is_one() {
    let page = include_str!("../docs/ipmi.md");
    let (_, rest) = page.split_once("## A fleet\n").expect("its section");
    let (_, rest) = rest.split_once("```toml\n").expect("its example");
    let fleet = good(rest.split_once("```").expect("the example's end").0);
    assert_eq!(fleet.ranges.iter().map(|range| range.count).collect::<Vec<_>>(), [10_000, 20]);
}

#[test]
fn every_guid_differs_and_can_be_foretold() {
    let text = r#"
port = 623
[[bmc]]
address = "127.1.0.1"
count = 300
[[bmc]]
address = "127.2.0.1"
count = 5
guid = "00000000-0000-0000-0000-0000000000fe"
[[bmc]]
address = "127.3.0.1"
"#;
    let fleet = good(text);
    let first = number(Options::default().guid);
    let [many, own, last] = &fleet.ranges[..] else { panic!("{fleet:?}") };
    assert_eq!([0, 1, 299].map(|nth| number(many.guid(nth)) - first), [0, 1, 299]);
    assert_eq!([0, 4].map(|nth| number(own.guid(nth))), [0xFE, 0x102]);
    assert_eq!(number(last.guid(0)) - first, 305, "it counts on over all tables");
    assert_eq!(many.address(299), Ipv4Addr::new(127, 1, 1, 44));
}

#[test]
fn everything_is_said_at_once_and_where() {
    let text = r#"port = 65536
prot = 5
[[bmc]]
address = "127.1.0.1"
count = 300
quirks = ["nope", "slow-answers", 5, "silent"]
guid = "zz"
[[bmc]]
address = "127.1.1.0"
count = 0
password = "a"
password_file = "/x"
handshake = "bth"
boot_time = "5"
repeat = 256
[[bmc]]
count = 10
alert = "[::1]:5"
boot_timers = 1
[[bmc]]
address = "server1"
fatal_action = "nmi"
"#;
    let expected = [
        "fleet.toml:1:8 BMCN-C007",
        "fleet.toml:2:1 BMCN-C003",
        "fleet.toml:6:11 BMCN-C006",
        "fleet.toml:6:19 BMCN-C006",
        "fleet.toml:6:35 BMCN-C004",
        "fleet.toml:7:8 BMCN-C014",
        "fleet.toml:10:9 BMCN-C007",
        "fleet.toml:12:17 BMCN-C013",
        "fleet.toml:13:13 BMCN-C006",
        "fleet.toml:14:13 BMCN-C008",
        "fleet.toml:15:10 BMCN-C007",
        "fleet.toml:16:1 BMCN-C005",
        "fleet.toml:18:9 BMCN-C009",
        "fleet.toml:19:15 BMCN-C004",
        "fleet.toml:21:11 BMCN-C009",
        "fleet.toml:22:16 BMCN-C006",
    ];
    assert_eq!(wrong(text), expected);
    assert_eq!(wrong(""), ["fleet.toml:1:1 BMCN-C005", "fleet.toml:1:1 BMCN-C005"], "neither port nor BMC");
    assert_eq!(wrong("port = 1\nbmc = 5\n"), ["fleet.toml:2:7 BMCN-C004"]);
    assert_eq!(wrong("port = 1\n[bmc]\naddress = \"127.1.0.1\"\n"), ["fleet.toml:2:1 BMCN-C004"]);
    assert_eq!(wrong("port = 1\n[[bmc]]\naddress = \n"), ["fleet.toml:3:11 BMCN-C001"]);
    for finding in read(text).findings {
        assert!(!finding.subject.is_empty() && !finding.remedy.is_empty(), "{finding}");
    }
}

#[test]
fn what_two_tables_claim_is_said_at_the_later_one() {
    let tables = |all: &[(&str, &str)]| {
        let tables = all.iter().map(|(address, more)| format!("[[bmc]]\naddress = \"{address}\"\n{more}\n"));
        format!("port = 1\n{}", tables.collect::<String>())
    };
    let said = |all: &[(&str, &str)]| {
        let findings = read(&tables(all)).findings;
        let said = findings.iter().map(|finding| format!("{} {} {}", finding.place, finding.id, finding.subject));
        said.collect::<Vec<_>>()
    };
    let none: Vec<String> = Vec::new();
    assert_eq!(said(&[("127.1.0.1", "count = 10"), ("127.1.0.11", ""), ("127.1.0.0", "")]), none);
    let met = said(&[("127.1.0.1", "count = 10"), ("127.1.0.8", "count = 10")]);
    assert_eq!(met, ["fleet.toml:6:11 BMCN-C202 127.1.0.8 to 127.1.0.10 belong to the table in line 3, too"]);
    // The order of the text is not that of the addresses; a table within another one is met as well.
    let met = said(&[("127.1.0.9", ""), ("127.1.0.50", ""), ("127.1.0.1", "count = 100")]);
    assert_eq!(
        met,
        [
            "fleet.toml:9:11 BMCN-C202 127.1.0.9 belongs to the table in line 3, too",
            "fleet.toml:9:11 BMCN-C202 127.1.0.50 belongs to the table in line 6, too"
        ]
    );
    // Whatever else is wrong in them.
    let met = said(&[("127.1.0.1", "user = 5"), ("127.1.0.1", "")]);
    assert_eq!(met.len(), 2, "{met:?}");
    let guid = "guid = \"6c696262-6d63-4e6f-8169-636500000003\"";
    let met = said(&[("127.1.0.1", "count = 4"), ("127.2.0.1", guid)]);
    let subject = "6c696262-6d63-4e6f-8169-636500000003 belongs to the table in line 3, too";
    assert_eq!(met, [format!("fleet.toml:7:8 BMCN-C213 {subject}")]);
}

#[test]
fn addresses_that_cannot_be_a_bmcs_are_refused() {
    for (address, count, met) in [
        ("0.0.0.0", 1, "0.0.0.0"),
        ("127.0.0.0", 1, "127.0.0.0"),
        ("126.255.255.255", 2, "127.0.0.0"),
        ("127.255.255.250", 100, "127.255.255.255"),
        ("223.255.255.255", 2, "224.0.0.0"),
        ("239.1.2.3", 1, "239.1.2.3"),
        ("255.255.255.255", 65_536, "255.255.255.255"),
    ] {
        let findings = read(&format!("port = 1\n[[bmc]]\naddress = \"{address}\"\ncount = {count}\n")).findings;
        let said: Vec<_> = findings.iter().map(|finding| (finding.id, finding.subject.as_str())).collect();
        let subject = format!("the BMC at {address}: {met} is among its addresses");
        assert_eq!(said, [("BMCN-C106", subject.as_str())]);
    }
    for address in ["127.255.255.254", "127.0.0.1", "223.255.255.255", "1.0.0.0"] {
        assert_eq!(wrong(&format!("port = 1\n[[bmc]]\naddress = \"{address}\"\n")), Vec::<String>::new());
    }
}

#[test]
fn it_is_bounded() {
    let table = |first: u32, count: usize| {
        format!("[[bmc]]\naddress = \"{}\"\ncount = {count}\n", Ipv4Addr::from(0x7F01_0000 + first))
    };
    let most = format!("port = 1\n{}{}", table(0, FLEET_MAX - 5), table(0x20_0000, 5));
    assert_eq!(good(&most).ranges.iter().map(|range| range.count as usize).sum::<usize>(), FLEET_MAX);
    let more = format!("port = 1\n{}{}", table(0, FLEET_MAX - 5), table(0x20_0000, 6));
    assert_eq!(wrong(&more), ["fleet.toml:7:9 BMCN-C007"]);
    assert_eq!(wrong(&format!("port = 1\n{}", table(0, FLEET_MAX + 1))), ["fleet.toml:4:9 BMCN-C007"]);
    let tables: String = (0..129).map(|nth| table(nth, 1)).collect();
    assert_eq!(wrong(&format!("port = 1\n{tables}")).len(), 1);
    let last = "guid = \"ffffffff-ffff-ffff-ffff-fffffffffffe\"\n";
    assert_eq!(wrong(&format!("port = 1\n{}{last}", table(0, 2))), ["fleet.toml:5:8 BMCN-C007"]);
    assert_eq!(wrong(&format!("port = 1\n{}{last}", table(0, 1))), Vec::<String>::new());
}

/// Every text that is a good one with something missing or something strange in it is read to its end.
#[test]
fn damaged_texts_do_not_panic() {
    let text = "port = 9623\n[[bmc]]\naddress = \"127.1.0.1\"\ncount = 10\nquirks = [\"silent\"]\nboot_time = \"5s\"\n";
    let mut refused = 0;
    for at in 0..text.len() {
        refused += usize::from(read(&text[..at]).fleet.is_none());
        for strange in ["\"", "[", "]", "=", "\n", "-1", "\u{0}", "ä", "9999999999999999999999"] {
            let Outcome { fleet, findings } = read(&format!("{}{strange}{}", &text[..at], &text[at..]));
            assert_eq!(fleet.is_none(), !findings.is_empty());
            refused += usize::from(fleet.is_none());
        }
    }
    assert!(refused > text.len(), "{refused}");
}
