//! The journal's files under a running recovery: a disk that is full, read-only or frozen, files that are deleted. Whatever
//! happens there, the recovery is done, the BMC hears it, nothing is late, and people are told.

use crate::bmcs::{Bmc, ENDED_DONE, Simulated, Word};
use crate::host::Host;
use crate::site::{Site, quoted};
use crate::{kills, pets, wait};
use bmcnotice::words::Level;
use bmcnotice::{Answer, Mode};
use std::ffi::{CString, c_int};
use std::fs;
use std::io::Error;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

/// From the trap to the BMC's knowing the end, whatever the disk does. On a healthy one it takes milliseconds; a
/// busy machine may take as long as this.
const BOUND: Duration = Duration::from_millis(1500);
const MODES: [Mode; 2] = [Mode::Loop, Mode::Thread];

/// A recovery under `host`, within the bound.
fn recovers(host: &Host, bmc: &Simulated, site: &Site, sequence: u16) {
    let before = bmc.recoveries().len();
    let begun = Instant::now();
    pets::send(site.listen, bmc.guid(), sequence);
    host.until("the BMC knows the end", || bmc.recoveries()[before..] == [Word::Started, ENDED_DONE]);
    assert!(begun.elapsed() < BOUND, "{:?}: {:#?}", begun.elapsed(), host.log());
}

/// A site that copies its journal to `disk`, and is ready for the next recovery after each.
fn with_disk(disk: &Path) -> (Simulated, Site) {
    let bmc = Simulated::new();
    let mut site = Site::of(&bmc);
    site.disk(disk).monitor("reset_deadline", quoted("100ms")).monitor("cool_down", quoted("0s"));
    (bmc, site)
}

fn ready(host: &Host, times: usize) {
    host.until("ready again", || host.log().iter().filter(|line| line.contains("closed:")).count() >= times);
}

/// A small file system of its own below a folder, in a mount namespace that this thread alone is in. None, said
/// aloud, where that is not allowed.
struct Mount(CString);

impl Mount {
    fn tiny(folder: &Path, test: &str) -> Option<Self> {
        let path = CString::new(folder.as_os_str().as_bytes()).unwrap();
        fs::create_dir_all(folder).unwrap();
        // SAFETY: strings that live through the calls; threads that are started later inherit the namespace.
        let rc = unsafe {
            libc::unshare(libc::CLONE_NEWNS)
                | libc::mount(null(), c"/".as_ptr(), null(), libc::MS_REC | libc::MS_PRIVATE, null())
                | libc::mount(
                    c"tiny".as_ptr(),
                    path.as_ptr(),
                    c"tmpfs".as_ptr(),
                    0,
                    c"size=64k,mode=700".as_ptr().cast(),
                )
        };
        if rc != 0 {
            println!("skipped: {test}: no mount namespace of our own: {}", Error::last_os_error());
            return None;
        }
        Some(Self(path))
    }

    /// A disk with a fault becomes read-only at once; here the kernel waits for who has a file open to write, and the
    /// journal's thread may be in a copy just then.
    fn remount(&self, flags: libc::c_ulong) {
        let mounted = || {
            // SAFETY: as above.
            let rc = unsafe { libc::mount(null(), self.0.as_ptr(), null(), libc::MS_REMOUNT | flags, null()) };
            let error = Error::last_os_error();
            assert!(rc == 0 || error.raw_os_error() == Some(libc::EBUSY), "{error}");
            rc == 0
        };
        wait::until("mounted anew", || "a file stays open there".into(), mounted);
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(self.0.to_str().unwrap())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // SAFETY: as above; what is still open there goes with its last user.
        unsafe { libc::umount2(self.0.as_ptr(), libc::MNT_DETACH) };
    }
}

/// Fills a file system to its last octet.
fn fill(folder: &Path) {
    use std::io::Write;
    let mut file = fs::File::create(folder.join("filling")).unwrap();
    while file.write_all(&[b'x'; 4096]).is_ok() {}
    while file.write_all(b"x").is_ok() {}
}

#[test]
fn a_full_disk() {
    for mode in MODES {
        let place = Site::at(([127, 0, 0, 1], 1).into()); // for its folder
        let Some(mount) = Mount::tiny(&place.folder.path().join("disk"), "a_full_disk") else { return };
        fill(&mount.path());
        let (bmc, site) = with_disk(&mount.path());
        let host = Host::start(&site, mode);
        host.armed();
        recovers(&host, &bmc, &site, 1);
        host.hear(Level::Warning, "copy on disk is behind");
        host.hear(Level::Warning, "No space left");
        fs::remove_file(mount.path().join("filling")).unwrap();
        ready(&host, 1);
        recovers(&host, &bmc, &site, 2);
        host.until("told that it is well again", || {
            pets::send(site.listen, bmc.guid(), 2); // a quiet host looks when something happens
            host.said(Level::Info, "copy on disk is complete again")
        });
        let copy = fs::metadata(mount.path().join("journal")).unwrap();
        assert!(copy.len() > 0);
    }
}

#[test]
fn a_disk_that_becomes_read_only() {
    for mode in MODES {
        let place = Site::at(([127, 0, 0, 1], 1).into());
        let Some(mount) = Mount::tiny(&place.folder.path().join("disk"), "a_disk_that_becomes_read_only") else {
            return;
        };
        let (bmc, site) = with_disk(&mount.path());
        let host = Host::start(&site, mode);
        host.armed();
        recovers(&host, &bmc, &site, 1);
        ready(&host, 1);
        host.until("copied", || fs::metadata(mount.path().join("journal")).is_ok_and(|meta| meta.len() > 0));
        mount.remount(libc::MS_RDONLY);
        recovers(&host, &bmc, &site, 2);
        ready(&host, 2);
        host.until("told", || {
            pets::send(site.listen, bmc.guid(), 2);
            host.said(Level::Warning, "Read-only file system")
        });
        mount.remount(0);
        host.until("told that it is well again", || {
            pets::send(site.listen, bmc.guid(), 2);
            host.said(Level::Info, "copy on disk is complete again")
        });
    }
}

/// While the recovery runs.
#[test]
fn a_journal_deleted_underneath() {
    for mode in MODES {
        for whole in [false, true] {
            let bmc = Simulated::new();
            let site = Site::of(&bmc);
            let hot = site.folder.path().join("journal");
            let gone = hot.clone();
            let host = Host::with(&site, mode, move |_| {
                match whole {
                    true => fs::remove_dir_all(&gone).unwrap(),
                    false => fs::remove_file(gone.join("journal")).unwrap(),
                }
                Answer::Done
            });
            host.armed();
            recovers(&host, &bmc, &site, 1);
            host.hear(Level::Warning, "somebody deleted the journal");
            host.hear(Level::Info, "may reset the server now");
            drop(host);
            // What is there now is the whole journal: the next start has nothing to tell.
            let second = Host::start(&site, mode);
            second.armed();
            pets::send(site.listen, bmc.guid(), 1);
            second.until("a repetition", || second.statistics().repeats == 1);
            bmc.hears(&[Word::Started, ENDED_DONE]);
        }
    }
}

/// The storage thread hangs, as one does in a write to a disk that does not answer: ptrace stops it.
#[test]
fn a_frozen_disk() {
    let place = Site::at(([127, 0, 0, 1], 1).into());
    for (mode, name) in [(Mode::Loop, "loop"), (Mode::Thread, "thread")] {
        let _ = mode;
        let (bmc, mut site) = with_disk(&place.folder.path().join(name));
        let folder = site.folder.path().display().to_string();
        site.script(&format!("echo run >> {folder}/runs"));
        let victim = kills::Victim::start(&site, name);
        victim.armed();
        let Some(frozen) = Frozen::thread(victim.id(), "bmcn-journal") else { return };
        let begun = Instant::now();
        pets::send(site.listen, bmc.guid(), 1);
        wait::until("the end", || victim.log(), || bmc.recoveries() == [Word::Started, ENDED_DONE]);
        assert!(begun.elapsed() < BOUND, "{:?}", begun.elapsed());
        let runs = fs::read_to_string(format!("{folder}/runs")).unwrap();
        assert_eq!(runs, "run\n");
        wait::until(
            "told",
            || victim.log(),
            || {
                pets::send(site.listen, bmc.guid(), 1);
                victim.log().contains("the disk does not answer")
            },
        );
        drop(frozen);
        let copy = place.folder.path().join(name).join("journal");
        let hot = || fs::read(site.folder.path().join("journal/journal")).unwrap();
        wait::until(
            "the copy is made up for",
            || victim.log(),
            || {
                let copy = fs::read(&copy).unwrap_or_default();
                !copy.is_empty() && hot().starts_with(&copy) && hot()[copy.len()..].iter().all(|octet| *octet == 0)
            },
        );
    }
}

/// A thread of another process that stands still while this lives. Belongs to the thread that made it.
struct Frozen(libc::pid_t);

impl Frozen {
    fn thread(process: u32, name: &str) -> Option<Self> {
        let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap().flatten();
        let is_it = |path: &PathBuf| fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim() == name);
        let path = tasks.map(|task| task.path()).find(is_it).expect("there is such a thread");
        let task: libc::pid_t = path.file_name().unwrap().to_str().unwrap().parse().unwrap();
        let request = |request, data: c_int| {
            // SAFETY: numbers alone.
            unsafe { libc::ptrace(request, task, null_mut::<libc::c_void>(), data as libc::c_long) }
        };
        if request(libc::PTRACE_SEIZE, 0) != 0 {
            println!("skipped: a_frozen_disk: no ptrace: {}", Error::last_os_error());
            return None;
        }
        assert_eq!(request(libc::PTRACE_INTERRUPT, 0), 0);
        let mut status = 0;
        // SAFETY: writes one number.
        assert_eq!(unsafe { libc::waitpid(task, &mut status, libc::__WALL) }, task);
        Some(Self(task))
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // SAFETY: numbers alone; fails if the process is gone.
        unsafe { libc::ptrace(libc::PTRACE_DETACH, self.0, null_mut::<libc::c_void>(), 0) };
    }
}
