//! A command's ending reaches us under hosts that take every child's.
//!
//! One test function: what it sets holds for the whole process. Every scenario first shows that an
//! ordinary child is lost under it, so that it cannot pass by being harmless.

use bmcnotice::io::child::{Child, Ending};
use bmcnotice::io::thread;
use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

const EXIT_7: [&CStr; 3] = [c"/bin/sh", c"-c", c"sleep 0.1; exit 7"];
const ENV: [&CStr; 2] = [c"PATH=/usr/bin:/bin", c"WORD=said"];

/// The wait begins after the end, so that a reaping host has had its chance and no race decides.
const LATE: Duration = Duration::from_millis(400);

fn ordinary_child_is_lost() -> bool {
    let mut child = Command::new("/bin/sh").args(["-c", "sleep 0.1; exit 7"]).spawn().unwrap();
    std::thread::sleep(LATE);
    child.wait().is_err_and(|error| error.raw_os_error() == Some(libc::ECHILD))
}

fn late_ending(argv: &[&CStr]) -> Ending {
    let child = Child::spawn(argv, &ENV).unwrap();
    std::thread::sleep(LATE);
    child.wait().unwrap()
}

fn ending(argv: &[&CStr]) -> Ending {
    Child::spawn(argv, &ENV).unwrap().wait().unwrap()
}

fn shell(script: &str) -> Child {
    Child::spawn(&[c"/bin/sh", c"-c", &CString::new(script).unwrap()], &ENV).unwrap()
}

#[test]
fn endings() {
    under_an_ordinary_host();
    under_a_host_that_ignores_sigchld();
    under_a_host_that_reaps_every_child();
}

fn under_an_ordinary_host() {
    assert!(!ordinary_child_is_lost());
    assert_eq!(ending(&EXIT_7), Ending::Exited(7));
    assert_eq!(ending(&[c"/bin/sh", c"-c", c"kill -TERM $$"]), Ending::Killed(libc::SIGTERM));

    let missing = Child::spawn(&[c"/no/such/program"], &ENV).unwrap_err();
    assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
    assert!(Child::spawn(&[], &ENV).is_err());

    // Started from a thread that blocks every signal, as the library's does.
    let from_library_thread = || {
        let pattern = c"SigBlk:.0000000000000000";
        assert_eq!(ending(&[c"/bin/grep", c"-q", pattern, c"/proc/self/status"]), Ending::Exited(0));
        let not_inherited = c"test -e /proc/$$/fd/2 && test ! -e /proc/$$/fd/42";
        assert_eq!(ending(&[c"/bin/sh", c"-c", not_inherited]), Ending::Exited(0));
    };
    // SAFETY: a descriptor that survives exec, as careless hosts have them.
    let careless = unsafe { libc::dup2(2, 42) };
    thread::spawn(from_library_thread).unwrap().join().unwrap();
    // SAFETY: ours, from above.
    unsafe { libc::close(careless) };

    what_it_prints_is_read();
    an_ending_can_be_looked_at_and_left();
    a_signal_reaches_all_that_the_command_started();
    killing_the_keeper_kills_the_command();
}

fn what_it_prints_is_read() {
    let mut child = shell("echo $WORD; echo loud >&2; test -z \"$HOME\" && read line || echo eof");
    assert_eq!(child.wait().unwrap(), Ending::Exited(0));
    let mut buffer = [0; 64];
    let count = child.read(&mut buffer);
    assert_eq!(std::str::from_utf8(&buffer[..count]).unwrap(), "said\nloud\neof\n");
    assert_eq!(child.read(&mut buffer), 0);
}

fn an_ending_can_be_looked_at_and_left() {
    let child = shell("sleep 0.1; exit 7");
    assert_eq!((child.peek().unwrap(), child.poll().unwrap()), (None, None));
    std::thread::sleep(LATE);
    assert_eq!(child.peek().unwrap(), Some(Ending::Exited(7)));
    assert_eq!(child.peek().unwrap(), Some(Ending::Exited(7)));
    assert_eq!(child.poll().unwrap(), Some(Ending::Exited(7)));
    assert_eq!(child.peek().unwrap(), Some(Ending::Lost), "it was taken");
    // Its number may be a stranger's by now.
    assert_eq!(child.signal(libc::SIGKILL).unwrap_err().raw_os_error(), Some(libc::ESRCH));
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()))
}

/// The number that a script has written into the file.
fn number(file: &Path) -> String {
    let pid = eventually(|| std::fs::read_to_string(file).ok().filter(|text| text.ends_with('\n')));
    std::fs::remove_file(file).unwrap();
    pid.trim().to_owned()
}

fn ends(pid: &str) {
    eventually(|| {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        (state.is_empty() || state.contains(") Z ")).then_some(()) // who reaps orphans is init's business
    });
}

fn a_signal_reaches_all_that_the_command_started() {
    let file = file("grandchild");
    let child = shell(&format!("sleep 600 & echo $! > {}; wait; exit 1", file.display()));
    let grandchild = number(&file);
    child.signal(libc::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap(), Ending::Killed(libc::SIGTERM));
    ends(&grandchild);
}

fn killing_the_keeper_kills_the_command() {
    let file = file("command");
    let child = shell(&format!("echo $$ > {}; exec sleep 600", file.display()));
    let command = number(&file);
    child.signal(libc::SIGKILL).unwrap();
    assert_eq!(child.wait().unwrap(), Ending::Killed(libc::SIGKILL));
    assert_eq!(child.wait().unwrap(), Ending::Lost);
    ends(&command);
}

fn under_a_host_that_ignores_sigchld() {
    // SAFETY: a disposition, set back below.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    assert!(ordinary_child_is_lost());
    assert_eq!(late_ending(&EXIT_7), Ending::Exited(7));
    // SAFETY: as it was.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

fn under_a_host_that_reaps_every_child() {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(SeqCst) {
                // SAFETY: no status is written.
                unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
            }
        });
        let (lost, ours) = (ordinary_child_is_lost(), late_ending(&EXIT_7));
        stop.store(true, SeqCst); // before any assertion: the scope waits for its thread
        assert!(lost);
        assert_eq!(ours, Ending::Exited(7));
    });
}

fn eventually<T>(mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(Instant::now() < end, "did not happen in time");
        std::thread::sleep(Duration::from_millis(10));
    }
}
