//! A command's ending reaches us under hosts that take every child's.
//!
//! One test function: what it sets holds for the whole process. Every scenario first shows that an
//! ordinary child is lost under it, so that it cannot pass by being harmless.

use bmcnotice::io::child::{Alone, Child, Ending, Order, Output};
use bmcnotice::io::thread;
use std::ffi::{CStr, CString};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

const EXIT_7: [&CStr; 3] = [c"/bin/sh", c"-c", c"sleep 0.1; exit 7"];
const ENV: [&CStr; 2] = [c"PATH=/usr/bin:/bin", c"WORD=said"];

/// The wait begins after the end, so that a reaping host has had its chance and no race decides.
const LATE: Duration = Duration::from_millis(400);
/// What must happen happens within this on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

fn ordinary_child_is_lost() -> bool {
    let mut child = Command::new("/bin/sh").args(["-c", "sleep 0.1; exit 7"]).spawn().unwrap();
    std::thread::sleep(LATE);
    child.wait().is_err_and(|error| error.raw_os_error() == Some(libc::ECHILD))
}

fn order<'a>(argv: &'a [&'a CStr]) -> Order<'a> {
    let (time, grace) = (Duration::from_secs(60), Duration::from_millis(300));
    Order { argv, env: &ENV, output: Output::Together, room: 16 * 1024, time, grace, alone: None }
}

fn late_ending(argv: &[&CStr]) -> Ending {
    let child = Child::spawn(&order(argv)).unwrap();
    std::thread::sleep(LATE);
    child.wait().unwrap()
}

fn ending(argv: &[&CStr]) -> Ending {
    Child::spawn(&order(argv)).unwrap().wait().unwrap()
}

fn shell(script: &str) -> Child {
    shell_as(script, |_| {})
}

/// A script, ordered otherwise.
fn shell_as(script: &str, change: impl FnOnce(&mut Order<'_>)) -> Child {
    let script = CString::new(script).unwrap();
    let argv = [c"/bin/sh", c"-c", &script];
    let mut order = order(&argv);
    change(&mut order);
    Child::spawn(&order).unwrap()
}

/// All that it prints until its end, and that.
fn story(child: &Child) -> (String, Ending) {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let ended = child.poll().unwrap();
        loop {
            let count = child.read(&mut buffer);
            if count == 0 {
                break;
            }
            all.extend_from_slice(&buffer[..count]);
        }
        if let Some(ending) = ended {
            return (String::from_utf8_lossy(&all).into_owned(), ending);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn endings() {
    under_an_ordinary_host();
    under_a_host_that_ignores_sigchld();
    under_a_host_that_reaps_every_child(0);
    under_a_host_that_reaps_every_child(libc::__WALL);
}

fn under_an_ordinary_host() {
    assert!(!ordinary_child_is_lost());
    assert_eq!(ending(&EXIT_7), Ending::Exited(7));
    assert_eq!(ending(&[c"/bin/sh", c"-c", c"kill -TERM $$"]), Ending::Killed(libc::SIGTERM));

    what_cannot_be_started_says_why();
    let short = Order { argv: &[], ..order(&[]) };
    assert!(Child::spawn(&short).is_err());

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
    nothing_is_inherited();
    long_words_arrive();
    a_signal_at_once_is_not_lost();
    in_time(it_is_ended_in_time);
    for start in ["", "setsid "] {
        in_time(|| what_it_leaves_behind_delays_nothing_and_lives(start));
    }
    only_what_holds_its_output_is_spoken_of();
    output_never_makes_it_wait();
    output_apart_is_whole();
    one_at_a_time();
}

fn what_cannot_be_started_says_why() {
    let folder = file("folder");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, mode, text: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        CString::new(path.as_os_str().as_bytes()).unwrap()
    };
    let not_executable = write("not-executable", 0o644, b"#!/bin/sh\n");
    let bare = write("bare", 0o755, b"echo no first line says who reads this\n");
    let garbage = write("garbage", 0o755, &[0x7F, b'E', b'L', b'F', 9, 9, 9]);
    let empty = write("empty", 0o755, b"");
    for (path, errno) in [
        (c"/no/such/program", libc::ENOENT),
        (c"", libc::ENOENT),
        (c"/tmp", libc::EACCES),
        (&*not_executable, libc::EACCES),
        (&*bare, libc::ENOEXEC),
        (&*garbage, libc::ENOEXEC),
        (&*empty, libc::ENOEXEC),
    ] {
        assert_eq!(ending(&[path]), Ending::NotStarted(errno), "{path:?}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

fn nothing_is_inherited() {
    // A host with much open (some of it even across exec), much blocked, much ignored, and a secret.
    let secret = file("secret");
    std::fs::write(&secret, "open sesame").unwrap();
    let open: Vec<_> = (0..200).map(|_| std::fs::File::open(&secret).unwrap()).collect();
    for file in open.iter().step_by(2) {
        // SAFETY: a flag of a descriptor of ours.
        unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFD, 0) };
    }
    let ignored = [libc::SIGHUP, libc::SIGINT, libc::SIGPIPE, libc::SIGUSR1, libc::SIGRTMIN() + 3];
    for signal in ignored {
        // SAFETY: dispositions, set back below.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    // SAFETY: this thread's mask, set back below.
    let before = unsafe {
        let (mut all, mut before) = (std::mem::zeroed(), std::mem::zeroed());
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
        before
    };
    let script = "ls -l /proc/self/fd; grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status; env; pwd; tr '\\0' ' ' < /proc/self/cmdline";
    let child = shell(script);
    // SAFETY: as it was.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut()) };
    for signal in ignored {
        // SAFETY: as Rust programs have them.
        unsafe { libc::signal(signal, if signal == libc::SIGPIPE { libc::SIG_IGN } else { libc::SIG_DFL }) };
    }
    let (said, ending) = story(&child);
    assert_eq!(ending, Ending::Exited(0), "{said}");
    // Three standard ones, and the folder that `ls` reads.
    let descriptors: Vec<&str> = said.lines().filter(|line| line.contains(" -> ")).collect();
    assert_eq!(descriptors.len(), 4, "{said}");
    assert!(descriptors[0].ends_with("0 -> /dev/null"), "{said}");
    assert!(descriptors[1..3].iter().all(|line| line.contains("pipe:")), "{said}");
    for word in ["SigBlk", "SigIgn"] {
        assert!(said.contains(&format!("{word}:\t0000000000000000")), "{word} in {said}");
    }
    assert!(said.contains("WORD=said") && !said.contains("CARGO") && !said.contains("secret"), "{said}");
    assert!(said.lines().any(|line| line == "/"), "its folder: {said}");
    std::fs::remove_file(secret).unwrap();
}

fn long_words_arrive() {
    let words: Vec<CString> = (0..61).map(|n| CString::new(vec![b'a' + n % 26; 4095]).unwrap()).collect();
    let mut argv = vec![c"/bin/sh", c"-c", c"echo $#; for word; do echo ${#word}; done | sort -u", c"me"];
    argv.extend(words[1..].iter().map(CString::as_c_str));
    assert_eq!(argv.len(), 64);
    assert_eq!(story(&Child::spawn(&order(&argv)).unwrap()), ("60\n4095\n".into(), Ending::Exited(0)));
}

fn a_signal_at_once_is_not_lost() {
    for signal in [libc::SIGTERM, libc::SIGKILL].repeat(50) {
        let child = shell("sleep 60");
        child.signal(signal).unwrap();
        assert_eq!(child.wait().unwrap(), Ending::Killed(signal));
    }
}

/// A machine that stood still was late, not we: one of five tries is in time.
fn in_time(mut try_it: impl FnMut() -> bool) {
    assert!((0..5).any(|_| try_it()), "late five times");
}

fn it_is_ended_in_time() -> bool {
    let (time, begun) = (Duration::from_millis(500), Instant::now());
    // Nobody signals it but its keeper.
    let obedient = shell_as("sleep 60", |order| order.time = time);
    let deaf = shell_as("trap '' TERM; while :; do sleep 60; done", |order| order.time = time);
    let deaf_child =
        shell_as("trap 'exit 3' TERM; (trap '' TERM; sleep 60; sleep 60) & sleep 60 & wait", |order| order.time = time);
    assert_eq!(obedient.wait().unwrap(), Ending::Killed(libc::SIGTERM));
    let first = begun.elapsed().as_millis();
    assert_eq!(deaf_child.wait().unwrap(), Ending::Exited(3));
    assert_eq!(deaf.wait().unwrap(), Ending::Killed(libc::SIGKILL));
    let second = begun.elapsed().as_millis();
    assert!(first >= 500 && second >= 800, "{first} ms, {second} ms");
    first < 750 && second < 1200
}

/// One in its group or one that has left it; it holds the command's output and goes on printing there.
fn what_it_leaves_behind_delays_nothing_and_lives(start: &str) -> bool {
    let (file, mark) = (file("daemon"), file("mark"));
    let daemon =
        format!("{start}sh -c 'sleep 0.6; echo tick && echo tick && echo lives > {}; sleep 0.2'", mark.display());
    let child = shell(&format!("{daemon} & echo $! > {}; echo done; exit 0", file.display()));
    let begun = Instant::now();
    let (said, ending) = story(&child);
    let took = begun.elapsed();
    assert_eq!(ending, Ending::Exited(0));
    assert!(said.starts_with("done\n"), "{said}");
    drop(child);
    number(&file);
    eventually(|| std::fs::read_to_string(&mark).ok().filter(|text| text == "lives\n"));
    std::fs::remove_file(mark).unwrap();
    took < Duration::from_millis(400) && said.contains("holds its output")
}

fn only_what_holds_its_output_is_spoken_of() {
    let (said, _) = story(&shell("sleep 1 > /dev/null 2>&1 & sleep 0.2; echo done"));
    assert_eq!(said, "done\n", "what holds nothing of ours is not spoken of");
}

fn output_never_makes_it_wait() {
    // Nobody reads, and it prints a gigabyte.
    let begun = Instant::now();
    let child = shell("head -c 1000000000 /dev/zero; exit 9");
    assert_eq!(child.wait().unwrap(), Ending::Exited(9));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(story(&child).0.len(), 16 * 1024, "its room");
    // Nobody can read any more, in whatever way.
    let file = file("survived");
    drop(shell(&format!("sleep 0.2; echo one; echo two; sleep 0.1; echo three && echo yes > {}", file.display())));
    eventually(|| std::fs::read_to_string(&file).ok().filter(|text| text == "yes\n"));
    std::fs::remove_file(file).unwrap();
}

fn output_apart_is_whole() {
    let apart = |script: &str, room| shell_as(script, |order| order.output = Output::Apart { room });
    let child = apart("seq 1 100000; echo word >&2; exit 4", 1 << 20);
    std::thread::sleep(LATE); // it waits for its reader
    assert_eq!(child.poll().unwrap(), None);
    let (said, ending) = story(&child);
    assert_eq!(ending, Ending::Exited(4));
    assert_eq!(said, (1..=100_000).map(|n| format!("{n}\n")).collect::<String>());
    let mut buffer = [0; 64];
    assert_eq!(child.read_errors(&mut buffer), 5);
    let (said, ending) = story(&apart("seq 1 100000", 1000));
    assert_eq!((said.len(), ending), (1000, Ending::Exited(0)));
}

fn one_at_a_time() {
    let path = file("lock");
    let lock = CString::new(path.as_os_str().as_bytes()).unwrap();
    let alone = |script: &str, number| {
        let script = CString::new(script).unwrap();
        let argv = [c"/bin/sh", c"-c", &script];
        drop(Child::spawn(&Order { alone: Some(Alone { file: &lock, number }), ..order(&argv) }).unwrap());
    };
    let log = file("log");
    let told = || std::fs::read_to_string(&log).unwrap_or_default();
    let say = |word: &str| format!("echo {word} >> {}", log.display());
    // A command that cleans up, and one that is deaf: both are over before the next begins.
    let tidy = format!("trap '{}; exit 0' TERM; {}; while :; do sleep 0.05; done", say("cleaned"), say("one"));
    let deaf = format!("trap '' TERM; {}; while :; do sleep 0.05; {}; done", say("two"), say("tick"));
    alone(&tidy, 7);
    eventually(|| (told() == "one\n").then_some(()));
    alone(&say("beside"), 8);
    eventually(|| (told() == "one\nbeside\n").then_some(()));
    alone(&deaf, 7);
    eventually(|| told().starts_with("one\nbeside\ncleaned\ntwo\ntick\n").then_some(()));
    alone(&say("three"), 7);
    eventually(|| told().contains("three").then_some(()));
    std::thread::sleep(Duration::from_millis(300));
    assert!(told().ends_with("tick\nthree\n"), "{}", told());
    for path in [path, log] {
        std::fs::remove_file(path).unwrap();
    }
}

fn what_it_prints_is_read() {
    let child = shell("echo $WORD; echo loud >&2; test -z \"$HOME\" && read line || echo eof");
    assert_eq!(child.wait().unwrap(), Ending::Exited(0));
    let mut buffer = [0; 64];
    let count = child.read(&mut buffer);
    assert_eq!(std::str::from_utf8(&buffer[..count]).unwrap(), "said\nloud\neof\n");
    assert_eq!(child.read(&mut buffer), 0);
}

fn an_ending_can_be_looked_at_and_left() {
    let child = shell("sleep 1; exit 7");
    assert_eq!((child.peek().unwrap(), child.poll().unwrap()), (None, None));
    assert_eq!(eventually(|| child.peek().unwrap()), Ending::Exited(7));
    assert_eq!(child.peek().unwrap(), Some(Ending::Exited(7)));
    assert_eq!(child.poll().unwrap(), Some(Ending::Exited(7)));
    assert_eq!(child.peek().unwrap(), Some(Ending::Exited(7)), "what was reported is known");
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
    assert_eq!(child.wait().unwrap(), Ending::Lost, "it was taken, and nothing was reported");
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

fn under_a_host_that_reaps_every_child(flags: libc::c_int) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(SeqCst) {
                // SAFETY: no status is written.
                unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG | flags) };
            }
        });
        let (lost, ours) = (ordinary_child_is_lost(), late_ending(&EXIT_7));
        // Killed with its keeper, it has nobody to report.
        let killed = shell("sleep 60");
        let signalled = killed.signal(libc::SIGKILL).is_ok();
        std::thread::sleep(LATE);
        let killed = killed.wait();
        stop.store(true, SeqCst); // before any assertion: the scope waits for its thread
        assert!(lost && signalled);
        assert_eq!(ours, Ending::Exited(7));
        assert_eq!(killed.unwrap(), if flags == 0 { Ending::Killed(libc::SIGKILL) } else { Ending::Lost });
    });
}

fn eventually<T>(mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(Instant::now() < end, "did not happen in time");
        std::thread::sleep(Duration::from_millis(10));
    }
}
