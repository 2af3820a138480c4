//! What vendors' traps mean: real `snmptrap` datagrams, through the shipped profiles and through a site's.

#[path = "peers/mod.rs"]
mod peers;

use bmcnotice::config::facts::Facts;
use bmcnotice::config::finding::Severity;
use bmcnotice::config::model::Cluster;
use bmcnotice::config::native;
use bmcnotice::notice::{Notice, Reception};
use bmcnotice::now::Now;
use bmcnotice::words::Class;
use std::net::UdpSocket;
use std::process::Command;
use std::time::Duration;

const NOW: Now = Now { boottime: Duration::from_secs(1_000), wall: Duration::from_secs(1_700_000_000) };
const RECOVERABLE: Class = Class::Recoverable { degradation: false, predictive: false };
const DEGRADED: Class = Class::Recoverable { degradation: true, predictive: false };
const PREDICTED: Class = Class::Recoverable { degradation: false, predictive: true };

/// A server whose BMC is at loopback, with what a site writes about meaning.
fn cluster(site: &str) -> Cluster {
    let text = format!(
        r#"
[cluster]
name = "profiles"
this_server = "server1"
[[server]]
name = "server1"
addresses = ["192.0.2.1"]
[server.bmc]
address = "127.0.0.1"
handshake = "none"
[heartbeat]
bmc = false
{site}"#
    );
    let outcome = native::parse(&text, "site.toml", &[], &Facts::default());
    let errors: Vec<_> = outcome.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    outcome.cluster.unwrap_or_else(|| panic!("{errors:?}"))
}

/// The datagram that net-snmp's `snmptrap` sends for these words; `@` stands for the receiver.
fn snmptrap(words: &[&str]) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let receiver = format!("udp:{}", socket.local_addr().unwrap());
    let words = words.iter().map(|word| if *word == "@" { receiver.as_str() } else { word });
    let done = Command::new("snmptrap").env("MIBS", "").args(words).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let mut octets = vec![0; 65_536];
    let length = socket.recv(&mut octets).unwrap();
    octets.truncate(length);
    octets
}

fn told(site: &str, datagram: &[u8]) -> Notice {
    let received = Reception::new(&cluster(site)).handle_datagram(NOW, "127.0.0.1:5000".parse().unwrap(), datagram);
    received.unwrap().notice
}

/// The notice of a v2c trap: its OID, and varbinds as (OID, type, value).
fn v2c(site: &str, trap: &str, varbinds: &[(&str, &str, &str)]) -> Notice {
    let mut words = vec!["-v", "2c", "-c", "public", "@", "1000", trap];
    words.extend(varbinds.iter().flat_map(|(name, kind, value)| [*name, *kind, *value]));
    told(site, &snmptrap(&words))
}

/// And of a v1 trap of this enterprise and number.
fn v1(enterprise: &str, number: &str, varbinds: &[(&str, &str, &str)]) -> Notice {
    let mut words = vec!["-v", "1", "-c", "public", "@", enterprise, "127.0.0.1", "6", number, "1000"];
    words.extend(varbinds.iter().flat_map(|(name, kind, value)| [*name, *kind, *value]));
    told("", &snmptrap(&words))
}

/// One is the other's end.
fn clears(over: &Notice, begun: &Notice) {
    assert_eq!(over.class, Class::Cleared, "{}", over.sentence);
    let (over, begun) = (over.fault.unwrap(), begun.fault.unwrap());
    assert!(over != begun && over.is_about(begun), "{over:?} {begun:?}");
}

fn dell(number: u32, id: &str, message: &str, status: &str, part: &str) -> Notice {
    let base = "1.3.6.1.4.1.674.10892.5.3";
    let name = |n: u32| format!("{base}.1.{n}.0");
    let names: Vec<_> = (1..=11).map(name).collect();
    let values = [id, message, status, "ABC1234", "host01", part, "", "", "", "", "idrac"];
    let varbinds: Vec<_> = (0..11).map(|n| (names[n].as_str(), if n == 2 { "i" } else { "s" }, values[n])).collect();
    v2c("", &format!("{base}.2.1.0.{number}"), &varbinds)
}

#[test]
fn dell_idrac() {
    if !peers::have("dell_idrac", &["snmptrap"]) {
        return;
    }
    let lost = dell(2185, "PSU0003", "The power input for power supply 1 is lost.", "5", "PSU.Slot.1");
    assert_eq!((lost.class, lost.region.as_str()), (DEGRADED, "PSU.Slot.1"));
    assert_eq!(lost.sentence, "The power input for power supply 1 is lost; reported by BMC of server1");
    clears(&dell(2187, "PSU0017", "The input power for power supply 1 has been restored.", "3", "PSU.Slot.1"), &lost);
    let other = dell(2187, "PSU0017", "The input power for power supply 2 has been restored.", "3", "PSU.Slot.2");
    assert!(!other.fault.unwrap().is_about(lost.fault.unwrap()), "another supply");

    let ierr = dell(2241, "CPU0000", "CPU 1 has an internal error (IERR).", "5", "CPU.Socket.1");
    assert_eq!((ierr.class, ierr.region.as_str()), (Class::Fatal, "CPU.Socket.1"));
    clears(&dell(2243, "CPU0010", "CPU 1 is well.", "3", "CPU.Socket.1"), &ierr);
    for (id, class) in [("MEM0001", Class::Fatal), ("ASR0001", Class::Fatal), ("ASR0000", Class::Info)] {
        assert_eq!(dell(2265, id, "what", "5", "x").class, class, "{id}");
    }
    for (status, class) in [("3", Class::Info), ("4", RECOVERABLE), ("5", RECOVERABLE), ("6", Class::Fatal)] {
        assert_eq!(dell(2330, "XYZ0001", "what", status, "x").class, class, "status {status}");
    }
    let odd = dell(2330, "XYZ0001", "what", "1", "x");
    assert_eq!((odd.class, odd.fault), (Class::Info, None), "no rule is about it");
    assert_eq!(
        odd.sentence,
        "Unclassified trap 1.3.6.1.4.1.674.10892.5.3.2.1.0.2330: what; reported by BMC of server1"
    );
}

#[test]
fn hpe_ilo() {
    if !peers::have("hpe_ilo", &["snmptrap"]) {
        return;
    }
    let hpe = |number, varbinds: &[(&str, &str, &str)]| v1("1.3.6.1.4.1.232", number, varbinds);
    let status = "1.3.6.1.4.1.232.3.2.3.1.1.4.8.1";
    // The datagram that SNMPTT's documentation shows.
    let rebuilding = hpe("3008", &[("1.3.6.1.2.1.1.5.0", "s", "SERVER08"), (status, "i", "7")]);
    assert_eq!(rebuilding.class, DEGRADED);
    assert_eq!(rebuilding.sentence, "A logical drive has failed, or is being rebuilt; reported by BMC of server1");
    clears(&hpe("3008", &[(status, "i", "2")]), &rebuilding);
    assert_eq!(hpe("3008", &[(status, "i", "4")]).class, Class::Info, "unconfigured: no rule is about it");

    let bay = "1.3.6.1.4.1.232.6.2.9.3.1.2.0.2";
    let failed = hpe("6050", &[(bay, "i", "2")]);
    assert_eq!(failed.class, DEGRADED);
    clears(&hpe("6048", &[(bay, "i", "2")]), &failed);
    let first = hpe("6048", &[("1.3.6.1.4.1.232.6.2.9.3.1.2.0.1", "i", "1")]);
    assert!(!first.fault.unwrap().is_about(failed.fault.unwrap()), "another bay");

    assert_eq!(hpe("6040", &[]).class, Class::Fatal, "the system will be shut down");
    assert_eq!(hpe("6041", &[]).class, RECOVERABLE);
    assert_eq!(hpe("6064", &[]).class, PREDICTED);
    let module = hpe("6064", &[("1.3.6.1.4.1.232.6.2.14.13.1.13.0", "s", "PROC  1 DIMM  1 ")]);
    assert_eq!((module.class, module.region.as_str()), (PREDICTED, "PROC  1 DIMM  1"));
    let unknown = hpe("22004", &[]);
    assert_eq!(unknown.class, Class::Info);
    assert_eq!(unknown.sentence, "Unclassified trap 1.3.6.1.4.1.232.0.22004; reported by BMC of server1");
}

fn xcc(site: &str, number: u32, priority: &str, test: &str, text: &str) -> Notice {
    let base = "1.3.6.1.4.1.19046.11.1.158.5";
    let name = |n: u32| format!("{base}.1.{n}.0");
    let (priority_name, text_name, test_name, fru) = (name(8), name(9), name(20), name(21));
    let varbinds = [
        (priority_name.as_str(), "i", priority),
        (&text_name, "s", text),
        (&test_name, "i", test),
        (&fru, "s", "00FC123"),
    ];
    v2c(site, &format!("{base}.0.{number}"), &varbinds)
}

#[test]
fn lenovo_xcc() {
    if !peers::have("lenovo_xcc", &["snmptrap"]) {
        return;
    }
    let hot = xcc("", 0, "0", "0", "Sensor CPU 1 Temp has transitioned to critical");
    assert_eq!((hot.class, hot.region.as_str()), (RECOVERABLE, "00FC123"));
    assert_eq!(hot.sentence, "Sensor CPU 1 Temp has transitioned to critical; reported by BMC of server1");
    clears(&xcc("", 0, "8", "0", "Sensor CPU 1 Temp is normal"), &hot);
    assert_eq!(xcc("", 11, "0", "0", "fan").class, DEGRADED);
    assert_eq!(xcc("", 27, "4", "0", "PFA").class, PREDICTED);
    assert_eq!(xcc("", 40, "0", "0", "CPU").class, RECOVERABLE, "the MIB does not say that the server is gone");
    assert_eq!(xcc("", 24, "4", "0", "power on").class, Class::Info);
    assert_eq!(xcc("", 0, "0", "1", "a test").class, Class::Info);
}

#[test]
fn fujitsu_irmc() {
    if !peers::have("fujitsu_irmc", &["snmptrap"]) {
        return;
    }
    let base = "1.3.6.1.4.1.231.2.10.2.2.10.20";
    let (server, part) = (format!("{base}.1.1"), format!("{base}.1.4"));
    let sc2 = |number, name| v1(base, number, &[(&server, "s", "host01"), (&part, "s", name)]);
    let memory = sc2("2065", "DIMM-1A");
    assert_eq!((memory.class, memory.region.as_str()), (Class::Fatal, "DIMM-1A"));
    assert_eq!(memory.sentence, "Uncorrectable memory error; reported by BMC of server1");
    let fan = sc2("2014", "FAN1 SYS");
    assert_eq!(fan.class, DEGRADED);
    clears(&sc2("2012", "FAN1 SYS"), &fan);
    for (number, class) in [
        ("2082", Class::Fatal),
        ("2022", RECOVERABLE),
        ("2068", PREDICTED),
        ("2064", Class::Info),
        ("2000", Class::Info),
    ] {
        assert_eq!(sc2(number, "x").class, class, "{number}");
    }
}

#[test]
fn openbmc() {
    if !peers::have("openbmc", &["snmptrap"]) {
        return;
    }
    let obmc = |severity| {
        let varbinds = [
            ("1.3.6.1.4.1.49871.1.0.1.1", "u", "42"),
            ("1.3.6.1.4.1.49871.1.0.1.2", "C", "1720000000123"),
            ("1.3.6.1.4.1.49871.1.0.1.3", "i", severity),
            ("1.3.6.1.4.1.49871.1.0.1.4", "s", "xyz.openbmc_project.Error.Timeout"),
        ];
        v2c("", "1.3.6.1.4.1.49871.1.0.0.1", &varbinds)
    };
    let error = obmc("3");
    assert_eq!(error.class, RECOVERABLE);
    assert_eq!(error.sentence, "xyz.openbmc_project.Error.Timeout; reported by BMC of server1");
    assert_eq!(obmc("6").class, Class::Info);
    assert_eq!(obmc("99").class, Class::Info, "no severity: unclassified");
}

#[test]
fn supermicro() {
    if !peers::have("supermicro", &["snmptrap"]) {
        return;
    }
    let agent = v1("1.3.6.1.4.1.10876", "2147483647", &[]);
    assert_eq!(agent.class, Class::Info);
    // What its BMCs send is a PET: the test trap as one of them sent it, with its octets swapped, and a fatal one.
    let octets =
        "433030314D53AC1F6BB7304400000000000432E4E46EFFFF202002000000000000000000000000197C2A0000340880000100C1";
    let pet = |number, octets| v1("1.3.6.1.4.1.3183.1.1", number, &[("1.3.6.1.4.1.3183.1.1.1", "x", octets)]);
    assert_eq!(pet("0", octets).class, Class::Info);
    assert_eq!(pet("487168", octets).class, Class::Fatal, "processor, IERR");
}

#[test]
fn the_example_of_the_document_holds() {
    if !peers::have("the_example_of_the_document_holds", &["snmptrap"]) {
        return;
    }
    let document = include_str!("../docs/notices.md");
    let examples: Vec<_> = document.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 2, "an override, and a profile");
    // A fan at its critical threshold, which is recoverable otherwise.
    let octets = "00112233445566778899AABBCCDDEEFF0007189C2E80003C20201041301D0102FFFF00000000001900002A7C0100C1";
    let varbinds = [("1.3.6.1.4.1.3183.1.1.1", "x", octets)];
    let fan = |site| v2c(site, "1.3.6.1.4.1.3183.1.1.0.262402", &varbinds);
    assert_eq!((fan("").class, fan(examples[0]).class), (RECOVERABLE, Class::Fatal));
    // A processor alert of a Lenovo.
    let cpu = |site| xcc(site, 40, "0", "0", "CPU 1 has failed with IERR");
    assert_eq!((cpu("").class, cpu(examples[1]).class), (RECOVERABLE, Class::Fatal));
    assert_eq!(
        cpu(examples[1]).sentence,
        "CPU 1 has failed with IERR; reported by BMC of server1",
        "the rest is as shipped"
    );
    clears(&xcc(examples[1], 40, "8", "0", "CPU 1 is well"), &cpu(examples[1]));
    assert_eq!(xcc(examples[1], 41, "0", "0", "memory").class, RECOVERABLE, "only what is named");
}

#[test]
fn a_site_may_say_otherwise_of_ipmi_events() {
    if !peers::have("a_site_may_say_otherwise_of_ipmi_events", &["snmptrap"]) {
        return;
    }
    let octets = "00112233445566778899AABBCCDDEEFF0007189C2E80003C20202041301D0102FFFF00000000001900002A7C0100C1";
    let event = |site, code: &str| {
        v2c(site, &format!("1.3.6.1.4.1.3183.1.1.0.{code}"), &[("1.3.6.1.4.1.3183.1.1.1", "x", octets)]).class
    };
    let site = "[[meaning]]\nsensor_type = 0x0C\nevent_type = 0x6F\noffsets = [1]\nclass = \"recoverable\"\n\
                [[meaning]]\nsensor_type = 0x0C\nclass = \"info\"\n";
    assert_eq!(event("", "814849"), Class::Fatal);
    assert_eq!(event(site, "814849"), RECOVERABLE, "the first that fits counts");
    assert_eq!(event(site, "814850"), Class::Info, "parity, which is fatal elsewhere");
    assert_eq!(event(site, "814977"), Class::Cleared, "over is over, whatever a site says");
    assert_eq!(event(site, "487168"), Class::Fatal, "another sensor type");
}

#[test]
fn one_fault_told_in_two_ways_has_one_name() {
    if !peers::have("one_fault_told_in_two_ways_has_one_name", &["snmptrap"]) {
        return;
    }
    let site = r#"
[profile.ours]
enterprise = ["1.3.6.1.4.1.99999.1"]
sensor_number = ["1.3.6.1.4.1.99999.1.7"]
[[profile.ours.rule]]
traps = [5]
class = "fatal"
ipmi = [0x07, 0x6F, 0x00]
text = "IERR"
[[profile.ours.rule]]
traps = [6]
class = "cleared"
ipmi = [0x07, 0x6F, 0x00]
"#;
    let vendor = |trap, number| v2c(site, trap, &[("1.3.6.1.4.1.99999.1.7.0", "i", number)]);
    let octets = "00112233445566778899AABBCCDDEEFF0007189C2E80003C20202020300301A0FFFF00000000001900002A7C0100C1";
    let pet = v2c(site, "1.3.6.1.4.1.3183.1.1.0.487168", &[("1.3.6.1.4.1.3183.1.1.1", "x", octets)]);
    let (begun, over) = (vendor("1.3.6.1.4.1.99999.1.0.5", "48"), vendor("1.3.6.1.4.1.99999.1.0.6", "48"));
    assert_eq!((begun.class, begun.fault), (Class::Fatal, pet.fault));
    assert_ne!(begun.id, pet.id, "two notices of one fault");
    clears(&over, &pet);
    assert!(!vendor("1.3.6.1.4.1.99999.1.0.5", "49").fault.unwrap().is_about(pet.fault.unwrap()));
    let unnumbered = vendor("1.3.6.1.4.1.99999.1.0.5", "300");
    assert!(!unnumbered.fault.unwrap().is_about(pet.fault.unwrap()), "no sensor has that number");
}

#[test]
fn what_a_stranger_writes_is_cut_and_made_harmless() {
    if !peers::have("what_a_stranger_writes_is_cut_and_made_harmless", &["snmptrap"]) {
        return;
    }
    let long = "\u{1b}[31mRED\n".to_owned() + &"x".repeat(4000);
    let notice = dell(2185, "PSU0003", &long, "5", &long);
    assert!(!notice.sentence.chars().any(char::is_control), "{:?}", notice.sentence);
    assert!(notice.sentence.len() < 320 && notice.region.chars().count() <= 255, "{}", notice.sentence.len());
}
