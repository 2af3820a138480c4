//! Ten thousand servers in one file: read and judged in a time that grows with their number alone, whatever is wrong
//! with them.
//!
//! Time is that of this thread, so that others on the machine do not count.

use bmcnotice::config::facts::{Facts, FileFacts};
use bmcnotice::config::finding::{Finding, Severity};
use bmcnotice::config::native::{MAX_SERVERS, MAX_TEXT, parse, wanted};
use std::fmt::Write;
use std::time::Duration;

/// Ten thousand servers take a third of a second where everything is optimised, and a second or two in a debug build.
const PATIENCE: Duration = Duration::from_secs(20);

/// What this thread has used of the CPU.
fn cpu() -> Duration {
    let mut at = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec; this clock exists.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut at) }, 0);
    Duration::new(at.tv_sec as u64, at.tv_nsec as u32)
}

/// What differs from server to server; each takes the number of one.
struct Fleet {
    name: fn(usize) -> String,
    address: fn(usize) -> String,
    bmc: fn(usize) -> String,
    guid: fn(usize) -> String,
    handshake: fn(usize) -> String,
    sources: fn(usize) -> String,
    keyword: fn(usize) -> String,
}

fn ip(net: u8, n: usize) -> String {
    format!("10.{net}.{}.{}", n / 256, n % 256)
}

/// Nothing is wrong with these.
const SOUND: Fleet = Fleet {
    name: |n| format!("node{n:05}.example"),
    address: |n| ip(1, n),
    bmc: |n| ip(2, n),
    guid: |n| format!("{:032x}", n + 1),
    handshake: |_| "none".into(),
    sources: |n| ip(2, n),
    keyword: |n| format!("node{n:05}.example"),
};

impl Fleet {
    fn text(&self, count: usize) -> String {
        let mut text = format!("[cluster]\nname = \"fleet\"\nthis_server = \"{}\"\n", (self.name)(0));
        for n in 0..count {
            let (name, address, bmc) = ((self.name)(n), (self.address)(n), (self.bmc)(n));
            let (guid, handshake, sources) = ((self.guid)(n), (self.handshake)(n), (self.sources)(n));
            write!(
                text,
                "[[server]]\nname = \"{name}\"\naddresses = [\"{address}\"]\n[server.bmc]\naddress = \"{bmc}\"\n\
                 trap_sources = [\"{sources}\"]\ncommunity = \"mine\"\nuser = \"monitor\"\n\
                 password_file = \"/etc/bmcnotice/{n}\"\nguid = \"{guid}\"\nhandshake = \"{handshake}\"\n"
            )
            .unwrap();
        }
        text += "[[monitor]]\nname = \"m\"\ntrust = \"address\"\nrecovery = \"callback\"\ntarget = \"t\"\n[monitor.keywords]\n";
        for n in 0..count {
            writeln!(text, "\"{}\" = \"{}\"", (self.keyword)(n), (self.address)(n)).unwrap();
        }
        text + "[heartbeat]\nlan = true\n"
    }

    /// What was found, and how long it took.
    fn judge(&self, count: usize) -> (Vec<Finding>, bool, Duration) {
        let text = self.text(count);
        assert!(text.len() <= MAX_TEXT, "{} bytes", text.len());
        let begun = cpu();
        let facts = facts(&text);
        let outcome = parse(&text, "fleet.toml", &[], &facts);
        (outcome.findings, outcome.cluster.is_some(), cpu() - begun)
    }
}

/// A host with every file that was asked for, in an order of its own.
fn facts(text: &str) -> Facts {
    let file = FileFacts { exists: true, readable: true, ..FileFacts::default() };
    let secrets = wanted(text, "fleet.toml", &[]).paths.into_iter().filter(|path| path.starts_with("/etc")).rev();
    Facts { files: secrets.map(|path| (path, file)).collect(), ..Facts::default() }
}

/// Times what ten thousand cost beside a thousand: in proportion, and not more. A rule that compares each with all
/// others makes it 23 times as much. The least of some rounds counts.
fn grows_with_the_number_alone(what: &str, fleet: &Fleet) {
    let least = |count, rounds| (0..rounds).map(|_| fleet.judge(count).2).min().unwrap();
    let (thousand, ten) = (least(1000, 3), least(10_000, 2));
    assert!(ten < PATIENCE, "{what}: {ten:?}");
    assert!(ten < thousand * 18, "{what}: 1,000 servers take {thousand:?}, 10,000 take {ten:?}");
}

#[test]
fn ten_thousand_servers_are_a_cluster() {
    let (findings, sound, took) = SOUND.judge(10_000);
    assert!(sound && findings.iter().all(|finding| finding.severity < Severity::Warning), "{findings:?}");
    assert!(took < PATIENCE, "{took:?}");
    grows_with_the_number_alone("nothing is wrong", &SOUND);
    assert!(SOUND.text(MAX_SERVERS).len() <= MAX_TEXT, "as many as there may be fit into the text");
}

/// Each is wrong ten thousand times in ways that ask for all the others.
#[test]
fn whatever_is_wrong_with_ten_thousand_servers() {
    let wrong = |what: &str, ids: &[&str], fleet: Fleet| {
        let (findings, sound, _) = fleet.judge(20);
        let found = |id: &str| findings.iter().any(|finding| finding.id == id);
        assert!(!sound && ids.iter().all(|id| found(id)), "{what}: not all of {ids:?} in {findings:?}");
        let (findings, _, _) = fleet.judge(1000);
        assert_eq!(findings.last().map(|last| last.id), Some("BMCN-C015"), "{what}: there are more");
        grows_with_the_number_alone(what, &fleet);
    };
    let (name, address) = (|_| "node".into(), |_| "10.1.0.1".into());
    let fleet = Fleet { name, address, handshake: |n| format!("h{n}"), ..SOUND };
    wrong("one name, one address, unknown handshakes", &["BMCN-C104", "BMCN-C105", "BMCN-C215"], fleet);
    let (bmc, guid) = (|_| "10.2.0.1".into(), |_| format!("{:032x}", 7));
    let fleet = Fleet { bmc, guid, sources: |_| "10.3.0.1".into(), ..SOUND };
    wrong("one BMC, one GUID, one source", &["BMCN-C202", "BMCN-C213", "BMCN-C204"], fleet);
    // Beside the right ones, every second with another one; to compare such names takes its time.
    const LONG: &str = "a-name-as-long-as-a-host-of-a-large-site-may-have";
    let misspelt = |n| match n % 2 {
        0 => format!("{n:05}.{LONG}\" = \"10.9.9.9\"\n\"x{n:05}.{LONG}"),
        _ => format!("{n:05}.{LONG}"),
    };
    let fleet = Fleet { name: |n| format!("{n:05}.{LONG}"), keyword: misspelt, ..SOUND };
    wrong("misspelt keywords", &["BMCN-C304"], fleet);
    wrong("BMCs that are servers", &["BMCN-C203", "BMCN-C306"], Fleet { bmc: |n| ip(1, n + 1), ..SOUND });
}
