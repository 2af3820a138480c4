//! `bmcnotice journal` over real files: whole, torn, damaged, hostile, huge, and in use.
#![cfg(feature = "cli")]

#[path = "cli/support.rs"]
mod support;

use bmcnotice::io::store::Store;
use bmcnotice::notice::{Notice, NoticeId};
use bmcnotice::now::Now;
use bmcnotice::recovery::journal::{BootId, Closed, Hold, Journal, MAX_REPLAY_OCTETS, Replay, Step};
use bmcnotice::words::{Answer, Class, Outcome, ServerId, Trust};
use std::path::Path;
use std::process::Output;
use std::time::Duration;
use support::{Folder, code, json, run, stderr, stdout};

const OTHER_BOOT: BootId = BootId([0xA1; 16]);

fn at(ms: u64) -> Now {
    Now { boottime: Duration::from_millis(5_000 + ms), wall: Duration::from_millis(1_795_379_117_000 + ms) }
}

fn notice(sentence: &str) -> Notice {
    Notice {
        id: NoticeId(0x0123_4567_89AB_CDEF),
        server: ServerId(0),
        class: Class::Fatal,
        trust: Trust::Address,
        source: "192.0.2.9:49152".parse().unwrap(),
        received: at(0),
        trap_oid: "1.3.6.1.4.1.3183.1.1.0.552705".into(),
        pet: None,
        fault: None,
        region: "memory, sensor 20h".into(),
        sentence: sentence.into(),
    }
}

/// A journal, and the octets of its file.
struct Desk(Journal, Vec<u8>);

impl Desk {
    fn new(boot: BootId) -> Self {
        Self(Journal::new(boot, &Replay::default()), vec![])
    }

    fn record(&mut self, ms: u64, monitor: Option<&str>, sentence: &str, steps: &[(u64, Step)]) {
        let (pending, octets) = self.0.open_record(at(ms), &notice(sentence), monitor, "server1");
        let id = pending.stored(&mut self.0, true);
        self.1.extend(octets);
        for (ms, step) in steps {
            let octets = self.0.step(at(*ms), id, *step);
            self.1.extend(octets);
        }
    }

    /// One of each sort.
    fn story(boot: BootId) -> Self {
        let mut desk = Self::new(boot);
        let told = [
            (0, Step::StartedSent),
            (12, Step::StartedTold),
            (20, Step::Begun { run: 1 }),
            (3_420, Step::Answered(Answer::Done)),
            (3_421, Step::Ending(Outcome::Done)),
            (3_441, Step::EndedTold(Outcome::Done)),
        ];
        let closed = [told.as_slice(), &[(9_000, Step::Closed(Closed::Done))]].concat();
        desk.record(0, Some("failover"), "an uncorrectable memory error", &closed);
        desk.record(10_000, None, "a fan was plugged in", &[]);
        desk.record(20_000, Some("failover"), "a CPU failed", &[(20_010, Step::Held(Hold::Contradicted))]);
        desk
    }
}

fn this_boot() -> BootId {
    BootId(bmcnotice::io::host::boot_id().unwrap())
}

fn journal(arguments: &[&str]) -> Output {
    run(&[&["journal"], arguments].concat(), "")
}

fn write(folder: &Folder, name: &str, octets: &[u8]) -> String {
    std::fs::write(folder.path(name), octets).unwrap();
    folder.path(name)
}

#[test]
fn the_table_has_a_line_for_every_record_the_newest_last() {
    let folder = Folder::new();
    let file = write(&folder, "journal", &Desk::story(this_boot()).1);
    let output = journal(&[&file]);
    let text = stdout(&output);
    assert_eq!((code(&output), stderr(&output)), (0, String::new()));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(lines[0].starts_with("RECORD  WHEN (UTC)"), "{text}");
    let words: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(words[..6], ["1", "2026-11-22", "20:25:17", "server1", "failover", "fatal"], "{text}");
    for part in ["an uncorrectable memory error  done", "12 ms", "3.4 s", "20 ms", "closed: the recovery was done"] {
        assert!(lines[1].contains(part), "{part}: {text}");
    }
    assert!(lines[2].contains("a fan was plugged in") && lines[2].contains("noted"), "{text}");
    assert!(lines[3].contains("HELD") && lines[3].ends_with("held: the BMC, asked, shows no such event"), "{text}");
    assert_eq!(lines[4], "3 records, 1 open");

    let open = stdout(&journal(&["--open", &file]));
    assert!(
        open.contains("a CPU failed") && open.ends_with("1 record, 1 open\n") && !open.contains("memory"),
        "{open}"
    );

    // The same after a boot: nothing is held any more.
    let file = write(&folder, "older", &Desk::story(OTHER_BOOT).1);
    assert!(stdout(&journal(&["--open", &file])).contains("CUT SHORT"));
}

#[test]
fn one_record_is_shown_in_full() {
    let folder = Folder::new();
    write(&folder, "journal", &Desk::story(this_boot()).1);
    let folder = folder.path(".");
    let output = journal(&[&folder, "--record", "1"]);
    let text = stdout(&output);
    for part in [
        "Record 1\n",
        "this boot",
        "192.0.2.9:49152",
        "an uncorrectable memory error",
        "+3.420 s  the recovery is done",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!((code(&output), text.matches("Record ").count()), (0, 1));
    let output = journal(&[&folder, "--record", "77"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("no record 77"), "{}", stderr(&output));
}

#[test]
fn json_holds_every_step_with_its_times_and_its_boot() {
    let folder = Folder::new();
    let file = write(&folder, "journal", &Desk::story(OTHER_BOOT).1);
    let values = json(&stdout(&journal(&["--json", &file])));
    assert_eq!((values.len(), &values[0]["event"], &values[0]["records"]), (4, &"file".into(), &3.into()));
    let record = &values[1];
    assert_eq!(
        (&record["record"], &record["state"], &record["this_boot"], &record["took_ms"]["recovery"]),
        (&1.into(), &"done".into(), &false.into(), &3_400.into())
    );
    let steps: Vec<&str> =
        record["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["started_sent", "started_told", "begun", "answered", "ending", "ended_told", "closed"]);
    let step = &record["steps"][3];
    assert_eq!(
        (&step["answer"], &step["boottime_ms"], &step["time"], &step["boot"]),
        (&"done".into(), &8_420.into(), &"2026-11-22T20:25:20.420Z".into(), &"a1".repeat(16).into())
    );
    assert_eq!((&values[2]["monitor"], &values[2]["open"]), (&serde_json::Value::Null, &false.into()));
    assert_eq!((&values[3]["steps"][0]["reason"], &values[3]["open"]), (&"contradicted".into(), &true.into()));
}

#[test]
fn the_copy_with_more_steps_counts() {
    let (hot, disk) = (Folder::new(), Folder::new());
    let mut desk = Desk::story(this_boot());
    write(&disk, "journal", &desk.1);
    let late = desk.1.clone();
    let id = desk.0.records().last().unwrap().id;
    let octets = desk.0.step(at(30_000), id, Step::Released);
    desk.1.extend(octets);
    desk.record(40_000, Some("failover"), "only in memory", &[]);
    write(&hot, "journal", &desk.1);
    for folders in [[hot.path("."), disk.path(".")], [disk.path("."), hot.path(".")]] {
        let text = stdout(&journal(&[&folders[0], &folders[1]]));
        assert!(text.contains("released by the operator") && text.contains("only in memory"), "{text}");
        assert!(text.ends_with("4 records, 2 open\n"), "{text}");
    }
    // The configuration names both folders; of the hot one nothing is left after a boot.
    let text = format!("[journal]\nhot = \"{}/gone\"\ndisk = \"{}\"\n", hot.path("."), disk.path("."));
    let config = hot.file("bmcnotice.toml", &text);
    write(&disk, "journal", &late);
    let output = journal(&["-c", &config]);
    assert_eq!((code(&output), stderr(&output)), (0, String::new()));
    assert!(stdout(&output).ends_with("3 records, 1 open\n"), "{}", stdout(&output));
}

#[test]
fn what_is_torn_or_damaged_or_of_a_later_release_is_said_and_hides_nothing() {
    let folder = Folder::new();
    let whole = Desk::story(this_boot()).1;
    let second = whole[1..].windows(4).position(|four| four == b"bmcJ").unwrap() + 1;

    let file = write(&folder, "torn", &whole[..whole.len() - 3]);
    let output = journal(&[&file]);
    assert_eq!(code(&output), 0);
    assert!(stderr(&output).contains("its end is torn"), "{}", stderr(&output));
    assert!(stdout(&output).ends_with("3 records, 1 open\n"), "{}", stdout(&output));

    let mut damaged = whole.clone();
    damaged[second + 20] ^= 1; // a step
    let file = write(&folder, "damaged", &damaged);
    let output = journal(&[&file]);
    assert!(stderr(&output).contains("1 damaged place skipped"), "{}", stderr(&output));
    assert!(stdout(&output).ends_with("3 records, 1 open\n"), "{}", stdout(&output));
    let values = json(&stdout(&journal(&["--json", &file])));
    assert_eq!((&values[0]["damaged"], &values[0]["torn_tail"]), (&1.into(), &false.into()));

    let reframe = |place: usize, octet: u8| {
        let mut changed = whole.clone();
        changed[second + place] = octet;
        let end = second + 53 + usize::from(changed[second + 6]);
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&changed[second + 4..second + 8]);
        hasher.update(&changed[second + 12..end]);
        changed[second + 8..second + 12].copy_from_slice(&hasher.finalize().to_le_bytes());
        changed
    };
    let output = journal(&[&write(&folder, "later", &reframe(4, 2))]);
    assert!(stderr(&output).contains("1 entry of a later release not understood"), "{}", stderr(&output));
    let output = journal(&[&write(&folder, "kind", &reframe(5, 0xEE))]);
    assert!(stderr(&output).contains("1 entry of an unknown kind"), "{}", stderr(&output));
    assert!(stdout(&output).ends_with("3 records, 1 open\n"), "{}", stdout(&output));
}

#[test]
fn a_hostile_or_huge_file_costs_little_and_reaches_no_terminal() {
    let folder = Folder::new();
    let mut desk = Desk::new(this_boot());
    desk.record(0, Some("fail\u{9b}31m\nover"), "\u{1b}]0;owned\u{7}\u{1b}[2J an error", &[]);
    let output = journal(&[&write(&folder, "escapes", &desk.1)]);
    let text = stdout(&output);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n') && text.contains("an error"), "{text:?}");
    assert_eq!(text.lines().count(), 3, "{text:?}");
    let text = stdout(&journal(&[&folder.path("escapes"), "--record", "1"]));
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");

    let mut huge = Desk::story(this_boot()).1;
    huge.resize(3 * MAX_REPLAY_OCTETS, b'J');
    let output = journal(&[&write(&folder, "huge", &huge)]);
    assert!(stderr(&output).contains("larger than any journal"), "{}", stderr(&output));
    assert!(stdout(&output).ends_with("3 records, 1 open\n"), "{}", stdout(&output));

    let magic = b"bmcJ\x01\x30\x00\x08".repeat(MAX_REPLAY_OCTETS / 8);
    let output = journal(&[&write(&folder, "magic", &magic)]);
    assert!(stderr(&output).contains("its end is torn") && stdout(&output).ends_with("0 records, 0 open\n"));
}

#[test]
fn no_journal_is_a_failure_and_says_where_it_was_looked_for() {
    let folder = Folder::new();
    let output = journal(&[&folder.path("nothing")]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("nothing") && stderr(&output).contains("bmcnotice journal PATH"));
    std::os::unix::fs::symlink(folder.path("nothing"), folder.path("link")).unwrap();
    assert_eq!(code(&journal(&[&folder.path("link")])), 1);
    assert_eq!(code(&journal(&["/dev/zero"])), 1);
    assert_eq!(code(&journal(&["-c", &folder.path("nothing")])), 2);
    assert_eq!(code(&journal(&["--open", "--record", "1", "/"])), 2);
    // An empty one is none: a configuration's folders may be new.
    let output = journal(&[&write(&folder, "journal", b"")]);
    assert_eq!((code(&output), stdout(&output).ends_with("0 records, 0 open\n")), (0, true));
}

#[test]
fn it_is_read_beside_its_writer() {
    let (hot, disk) = (Folder::new(), Folder::new());
    let (mut store, _, troubles) = Store::open(Some(Path::new(&hot.path("."))), Some(Path::new(&disk.path("."))));
    assert_eq!(troubles, Vec::<String>::new());
    store.append(&Desk::story(this_boot()).1).unwrap();
    let output = journal(&[&hot.path("."), &disk.path(".")]);
    assert_eq!((code(&output), stderr(&output)), (0, String::new()));
    assert!(stdout(&output).ends_with("3 records, 1 open\n"), "{}", stdout(&output));
    store.append(&Desk::story(this_boot()).1).unwrap(); // and the writer still writes
}
