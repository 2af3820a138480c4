//! The store: what survives a kill and a reset, who may write, and what a bad disk costs.

use bmcnotice::io::store::{News, Store};
use bmcnotice::notice::{Notice, NoticeId};
use bmcnotice::now::Now;
use bmcnotice::recovery::journal::{BootId, HOT_OCTETS, Journal, Replay, replay};
use bmcnotice::wire::sdr_cache::MAX_CACHE_OCTETS;
use bmcnotice::words::{Class, ServerId, Trust};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Folders of one test, removed at its end. The hot one is on tmpfs where there is one.
struct Folders(PathBuf, PathBuf);

impl Folders {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("bmcnotice-store-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let memory = Path::new("/dev/shm");
        let hot = if memory.is_dir() { memory.join(&name) } else { std::env::temp_dir().join(format!("{name}-hot")) };
        let folders = Self(hot, std::env::temp_dir().join(name));
        folders.remove();
        folders
    }

    fn open(&self) -> (Store, Vec<u8>, Vec<String>) {
        let (store, found, mut troubles) = Store::open(Some(&self.0), Some(&self.1));
        troubles.retain(|trouble| !trouble.contains("not on tmpfs"));
        (store, found, troubles)
    }

    fn remove(&self) {
        let _ = fs::remove_dir_all(&self.0);
        let _ = fs::remove_dir_all(&self.1);
    }

    fn on_disk(&self) -> Vec<u8> {
        fs::read(self.1.join("journal")).unwrap_or_default()
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        self.remove();
    }
}

fn wait(what: &str, mut until: impl FnMut() -> bool) {
    let start = Instant::now();
    while !until() {
        assert!(start.elapsed() < Duration::from_secs(10), "in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn what_was_appended_is_there_after_a_kill() {
    let folders = Folders::new();
    let (mut store, found, troubles) = folders.open();
    assert_eq!((found, troubles), (vec![], vec![]));
    store.append(b"one\n").unwrap();
    store.append(b"two\n").unwrap();
    assert_eq!(fs::metadata(folders.0.join("journal")).unwrap().len(), HOT_OCTETS as u64, "preallocated");
    assert_eq!(fs::metadata(&folders.0).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(folders.0.join("journal")).unwrap().mode() & 0o777, 0o600);
    wait("the copy", || folders.on_disk() == b"one\ntwo\n");
    drop(store);

    let (mut store, found, _) = folders.open();
    assert_eq!(found, b"one\ntwo\n");
    store.append(b"three\n").unwrap();
    store.replace(b"2 and 3\n").unwrap();
    store.append(b"four\n").unwrap();
    let stats = store.stats();
    assert_eq!((stats.appended, stats.replaced, stats.failed, stats.hot), (2, 1, 0, 13));
    drop(store);
    assert_eq!(folders.on_disk(), b"2 and 3\nfour\n", "the end waits for the last copy");
    assert_eq!(folders.open().1, b"2 and 3\nfour\n");
}

#[test]
fn after_a_reset_the_copy_is_found() {
    let folders = Folders::new();
    let (mut store, _, _) = folders.open();
    store.append(b"before the reset\n").unwrap();
    drop(store);
    fs::remove_dir_all(&folders.0).unwrap(); // tmpfs is gone
    let (mut store, found, troubles) = folders.open();
    assert_eq!((found.as_slice(), troubles), (b"before the reset\n".as_slice(), vec![]));
    store.append(b"after\n").unwrap();
    drop(store);
    assert_eq!(folders.on_disk(), b"before the reset\nafter\n", "the first copy must not put it out");
}

#[test]
fn a_torn_tail_is_left_behind() {
    let folders = Folders::new();
    let time = Duration::from_secs(1);
    let notice = Notice {
        id: NoticeId(1),
        server: ServerId(0),
        class: Class::Fatal,
        trust: Trust::Address,
        source: "192.0.2.9:162".parse().unwrap(),
        received: Now { boottime: time, wall: time },
        trap_oid: "".into(),
        pet: None,
        fault: None,
        region: "".into(),
        sentence: "".into(),
    };
    let boot = BootId([1; 16]);
    let (mut store, _, _) = folders.open();
    let mut journal = Journal::new(boot, &Replay::default());
    let (pending, octets) = journal.open_record(notice.received, &notice, Some("memory"), "one");
    let id = pending.stored(&mut journal, store.append(&octets).is_ok());
    assert!(id.is_durable());
    store.append(&octets[..20]).unwrap(); // killed in the middle
    drop(store);
    let (mut store, found, _) = folders.open();
    let read = replay(&found);
    assert!(read.torn_tail && read.open().count() == 1);
    store.replace(&Journal::new(boot, &read).compact()).unwrap();
    drop(store);
    assert!(!replay(&folders.open().1).torn_tail);
}

#[test]
fn a_full_hot_file_refuses_and_is_as_it_was() {
    let folders = Folders::new();
    let (mut store, _, _) = folders.open();
    store.append(&vec![b'x'; HOT_OCTETS - 2]).unwrap();
    assert_eq!(store.append(b"yyy").unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    store.append(b"zz").unwrap();
    assert_eq!((store.stats().failed, store.stats().hot), (1, HOT_OCTETS as u64));
    assert!(store.replace(&vec![b'x'; HOT_OCTETS + 1]).is_err());
}

#[test]
fn a_file_that_was_deleted_is_noticed_and_written_anew() {
    let folders = Folders::new();
    let (mut store, ..) = folders.open();
    store.append(b"one\n").unwrap();
    fs::remove_file(folders.0.join("journal")).unwrap();
    store.append(b"two\n").unwrap();
    let told = store.news(std::time::Duration::ZERO);
    assert!(matches!(&told[..], [News::Trouble(text)] if text.contains("somebody deleted the journal")), "{told:?}");
    store.append(b"three\n").unwrap();
    assert!(fs::read(folders.0.join("journal")).unwrap().starts_with(b"one\ntwo\nthree\n"));
}

#[test]
fn without_a_usable_folder_the_store_says_so_and_works_without() {
    let (mut store, found, troubles) = Store::open(None, None);
    assert!(found.is_empty() && troubles.is_empty() && !store.is_hot());
    assert!(store.append(b"x").is_err() && store.replace(b"x").is_err());
    assert_eq!((store.stats().failed, store.descriptors()), (2, vec![]));

    let folders = Folders::new();
    let (mut store, _, troubles) = Store::open(Some(Path::new("/proc/nowhere")), Some(&folders.1));
    assert!(troubles[0].contains("/proc/nowhere") && troubles[0].contains("volatile"), "{troubles:?}");
    assert!(store.append(b"x").is_err() && !folders.1.exists());

    fs::create_dir(&folders.0).unwrap();
    fs::set_permissions(&folders.0, fs::Permissions::from_mode(0o777)).unwrap();
    let (store, _, troubles) = folders.open();
    assert!(troubles[0].contains("others may write"), "{troubles:?}");
    assert!(!store.is_hot());
}

#[test]
fn a_link_or_a_fifo_is_no_journal() {
    for fifo in [false, true] {
        let folders = Folders::new();
        fs::create_dir(&folders.0).unwrap();
        let path = folders.0.join("journal");
        if fifo {
            assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        } else {
            std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        }
        let (store, _, troubles) = folders.open();
        assert!(!store.is_hot() && troubles.len() == 1, "{troubles:?}");
    }
}

#[test]
fn a_disk_that_comes_back_gets_everything() {
    let folders = Folders::new();
    fs::write(&folders.1, b"a file where the folder should be").unwrap();
    let (mut store, _, _) = folders.open();
    for _ in 0..1000 {
        let start = Instant::now();
        store.append(b"a frame\n").unwrap();
        assert!(start.elapsed() < Duration::from_secs(1));
    }
    wait("an error", || store.stats().disk_errors > 0);
    assert!(store.stats().disk_errors < 10, "a thousand appends are not a thousand tries");
    assert_eq!(store.stats().copied, 0);
    fs::remove_file(&folders.1).unwrap();
    wait("the copy", || store.stats().copied == 8000);
    assert_eq!(folders.on_disk(), b"a frame\n".repeat(1000));
    fs::write(folders.1.join("journal"), b"not ours").unwrap(); // someone meddles
    store.append(b"one more\n").unwrap();
    wait("the repair", || folders.on_disk().ends_with(b"a frame\none more\n"));
    assert_eq!(folders.on_disk().len(), 8009);
}

#[test]
fn a_copy_that_cannot_be_read_is_kept_aside() {
    let folders = Folders::new();
    fs::create_dir(&folders.1).unwrap();
    fs::create_dir(folders.1.join("journal")).unwrap();
    let (mut store, found, troubles) = folders.open();
    assert!(found.is_empty() && troubles.len() == 1, "{troubles:?}");
    store.append(b"new\n").unwrap();
    drop(store);
    assert!(folders.1.join("journal.old").is_dir());
    assert_eq!(folders.on_disk(), b"new\n");
}

#[test]
fn one_writer_at_a_time_and_it_is_named() {
    let folders = Folders::new();
    let (first, _, _) = folders.open();
    let (second, _, troubles) = folders.open();
    assert!(!second.is_hot() && troubles[0].contains("already held by this process"), "{troubles:?}");
    drop(second); // must not take the first one's lock along
    assert_eq!(holds_in_child(&folders.0), format!("held by process {}", std::process::id()));
    drop(first);
    assert_eq!(holds_in_child(&folders.0), "free");
}

/// What a second process is told.
fn holds_in_child(hot: &Path) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "helper_that_opens_the_store", "--nocapture"])
        .env("BMCNOTICE_TEST_HOT", hot)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let answer = lines.find_map(|line| line.unwrap().split_once("ANSWER ").map(|(_, text)| text.to_owned())).unwrap();
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(child.wait().unwrap().success());
    match answer.split_once("held by process ") {
        Some((_, rest)) => format!("held by process {}", rest.split(';').next().unwrap()),
        None => answer,
    }
}

/// Nothing by itself; `holds_in_child` runs it in a second process.
#[test]
fn helper_that_opens_the_store() {
    let Some(hot) = std::env::var_os("BMCNOTICE_TEST_HOT") else { return };
    let (store, _, troubles) = Store::open(Some(Path::new(&hot)), None);
    println!("\nANSWER {}", if store.is_hot() { "free".into() } else { troubles.join(" ") });
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn a_forked_childs_descriptors_are_listed() {
    let folders = Folders::new();
    let (mut store, _, _) = folders.open();
    let journal = store.descriptor();
    for _ in 0..2 {
        let listed = [store.descriptors(), vec![journal.load(SeqCst)]].concat();
        assert_eq!(listed.len(), 2);
        for descriptor in &listed {
            let target = fs::read_link(format!("/proc/self/fd/{descriptor}")).unwrap();
            assert!(target.starts_with(&folders.0), "{target:?}");
            assert!(!target.to_string_lossy().contains("deleted"), "{target:?}");
        }
        assert!(!listed.contains(&std::io::stdin().as_raw_fd()));
        store.replace(b"x\n").unwrap(); // another file, with another descriptor
    }
}

#[test]
fn the_storage_thread_has_its_name_and_takes_no_signals() {
    let folders = Folders::new();
    let (mut store, _, _) = folders.open();
    store.append(b"x\n").unwrap();
    wait("the copy", || store.stats().copied == 2);
    let mut seen = 0;
    for task in fs::read_dir("/proc/self/task").unwrap().flatten() {
        let Ok(status) = fs::read_to_string(task.path().join("status")) else { continue };
        if status.starts_with("Name:\tbmcn-journal") {
            let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t")).unwrap();
            let blocked = u64::from_str_radix(blocked, 16).unwrap();
            for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGCHLD, libc::SIGALRM, libc::SIGUSR1] {
                assert_ne!(blocked & (1 << (signal - 1)), 0, "signal {signal}");
            }
            seen += 1;
        }
    }
    assert!(seen > 0);
}

#[test]
fn maintenance_outlives_the_process_and_the_boot() {
    let folders = Folders::new();
    let (mut store, ..) = folders.open();
    assert!(!store.maintenance());
    store.set_maintenance(true).unwrap();
    assert!(store.maintenance() && folders.0.join("maintenance").exists());
    assert_eq!(fs::metadata(folders.0.join("maintenance")).unwrap().permissions().mode() & 0o777, 0o600);
    wait("the disk knows", || folders.1.join("maintenance").exists());
    drop(store);

    let (mut store, ..) = folders.open();
    assert!(store.maintenance(), "after a restart");
    store.append(b"a record\n").unwrap();
    store.replace(b"another record\n").unwrap();
    assert!(store.maintenance());
    drop(store);

    fs::remove_dir_all(&folders.0).unwrap(); // a boot: tmpfs is gone
    let (mut store, found, troubles) = folders.open();
    assert_eq!((store.maintenance(), found, troubles), (true, b"another record\n".to_vec(), vec![]));
    assert!(folders.0.join("maintenance").exists());

    store.set_maintenance(false).unwrap();
    assert!(!folders.0.join("maintenance").exists());
    wait("the disk knows", || !folders.1.join("maintenance").exists());
    drop(store);
    fs::remove_dir_all(&folders.0).unwrap();
    assert!(!folders.open().0.maintenance(), "after the next boot");
}

#[test]
fn maintenance_without_a_folder_is_an_error_and_the_hot_word_counts() {
    let mut nowhere = Store::open(None, None).0;
    assert!(nowhere.set_maintenance(true).is_err() && !nowhere.maintenance());

    // The disk is late: it still says on.
    let folders = Folders::new();
    let (mut store, ..) = folders.open();
    store.append(b"a record\n").unwrap();
    wait("the copy", || !folders.on_disk().is_empty());
    drop(store);
    fs::write(folders.1.join("maintenance"), b"").unwrap();
    let (store, ..) = folders.open();
    assert!(!store.maintenance());
    wait("the disk learns", || !folders.1.join("maintenance").exists());
    drop(store);

    // What stands in its place is not overwritten through a link.
    std::os::unix::fs::symlink("/nowhere/at/all", folders.0.join("maintenance")).unwrap();
    let (mut store, ..) = folders.open();
    assert!(store.maintenance(), "in doubt it is on");
    assert!(store.set_maintenance(true).is_err());
    store.set_maintenance(false).unwrap();
    assert!(fs::symlink_metadata(folders.0.join("maintenance")).is_err());
}

/// What the disk held, once the storage thread has read it.
fn found_names(store: &mut Store) -> std::io::Result<Vec<u8>> {
    let mut found = None;
    wait("the cache", || {
        found = found.take().or(store.found_names());
        found.is_some()
    });
    found.unwrap()
}

#[test]
fn the_cache_of_names_appears_survives_and_is_replaced() {
    let folders = Folders::new();
    let cache = folders.1.join("sensor-names");
    let (mut store, _, _) = folders.open();
    store.keep_names(b"one".to_vec());
    wait("the cache", || fs::read(&cache).is_ok_and(|octets| octets == b"one"));
    assert_eq!(fs::metadata(&cache).unwrap().mode() & 0o777, 0o600);
    assert!(!folders.0.join("sensor-names").exists(), "the disk alone has it");
    assert!(store.found_names().is_none(), "there was none");
    drop(store);
    for hot in [true, false] {
        if !hot {
            fs::remove_dir_all(&folders.0).unwrap(); // the host was reset
        }
        let (mut store, _, troubles) = folders.open();
        assert_eq!(troubles, Vec::<String>::new());
        let before = if hot { &b"one"[..] } else { b"another" };
        assert_eq!(found_names(&mut store).unwrap(), before);
        assert!(store.found_names().is_none(), "once");
        assert_eq!(store.names(), Some(before));
        let inode = fs::metadata(&cache).unwrap().ino();
        store.keep_names(before.to_vec());
        for _ in 0..2 {
            store.append(b"a record\n").unwrap(); // the second copy comes behind the first one's names
            wait("the copy", || store.stats().copied == store.stats().hot);
        }
        assert_eq!(fs::metadata(&cache).unwrap().ino(), inode, "it is there already");
        store.keep_names(b"another".to_vec());
        drop(store);
        assert_eq!(fs::read(&cache).unwrap(), b"another", "the end waits for it");
        assert!(!folders.1.join("sensor-names.new").exists());
    }
}

#[test]
fn a_cache_that_is_no_file_or_cannot_be_written_harms_no_copy() {
    let folders = Folders::new();
    let cache = folders.1.join("sensor-names");
    fs::create_dir_all(&folders.1).unwrap();
    fs::set_permissions(&folders.1, fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &cache).unwrap();
    let (mut store, _, troubles) = folders.open();
    assert_eq!(troubles, Vec::<String>::new());
    assert!(found_names(&mut store).is_err(), "no link is followed");
    store.keep_names(b"ours".to_vec());
    wait("the cache", || fs::symlink_metadata(&cache).unwrap().is_file());
    drop(store);
    assert_eq!(fs::read(&cache).unwrap(), b"ours");
    assert!(!fs::read("/etc/passwd").unwrap().starts_with(b"ours"));

    // Too long: read no further than needed to know.
    fs::write(&cache, vec![b'x'; 1 << 20]).unwrap();
    let (mut store, _, _) = folders.open();
    assert_eq!(found_names(&mut store).unwrap().len(), MAX_CACHE_OCTETS + 1);

    // A disk that refuses: the journal's copy goes on, and the names come as soon as it takes them.
    fs::remove_file(&cache).unwrap();
    fs::create_dir(&cache).unwrap();
    store.keep_names(b"later".to_vec());
    store.append(b"a record\n").unwrap();
    wait("the copy", || store.stats().copied == store.stats().hot);
    assert_eq!((store.stats().disk_errors, store.news(Duration::from_secs(9))), (0, vec![]));
    wait("the room", || !folders.1.join("sensor-names.new").exists());
    fs::remove_dir(&cache).unwrap();
    store.append(b"another\n").unwrap();
    wait("the cache", || fs::read(&cache).is_ok_and(|octets| octets == b"later"));

    // Without a disk nothing is kept but for this process.
    let mut nowhere = Store::open(None, None).0;
    nowhere.keep_names(b"here".to_vec());
    assert_eq!((nowhere.found_names().is_none(), nowhere.names()), (true, Some(&b"here"[..])));
}
