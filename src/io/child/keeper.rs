//! The keeper: starts the command, copies what it prints, ends it in time, reports how it ended.
//!
//! It is a fork of a process with threads, so it makes system calls on prepared memory and nothing else:
//! no allocation, no lock, no panic. Its input is a [`Task`].

use super::calls::{boottime, clone3, errno, unblock, wait};
use super::report::{ENDED, NOT_STARTED, REPORT_OCTETS};
use super::stream::{BUFFER_OCTETS, Copied, Stream};
use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr::{null, null_mut};
use std::time::Duration;

/// What the command inherits.
const INPUT: RawFd = 0;
const OUTPUT: RawFd = 1;
const ERRORS: RawFd = 2;
/// What the keeper inherits besides: towards the host.
const REPORT: RawFd = 3;
pub(super) const OUT: RawFd = 4;
pub(super) const WORDS: RawFd = 5;
/// Readable once the host is dead; closed, if it cannot be watched.
const HOST: RawFd = 6;

/// A stack for the few calls between clone and exec.
pub(super) const STACK_OCTETS: usize = 64 * 1024;
/// How often it is looked whether an earlier command has ended.
const LOOK: Duration = Duration::from_millis(10);

/// The kernel's set of signals.
const SIGSET_OCTETS: usize = 8;

const EARLIER: &[u8] = b"(an earlier command of this monitor still runs: it is ended first)\n";
const LEFT_BEHIND: &[u8] = b"(what it started still runs and holds its output, which is not read any more)\n";

/// What the keeper is to do. Pointers are to memory that the host prepared, and so to the keeper's own copy.
pub(super) struct Task {
    pub(super) argv: *const *const c_char,
    pub(super) env: *const *const c_char,
    /// The command's standard input; towards the host the report, the output, the words for people; the host's
    /// own descriptor.
    pub(super) inherited: [RawFd; 5],
    /// Standard output, if it is apart; standard error, perhaps with the output.
    pub(super) streams: [Stream; 2],
    /// When its time is over, in boottime.
    pub(super) end: Duration,
    pub(super) grace: Duration,
    /// A file's path, and its octet that is locked while the keeper lives.
    pub(super) alone: Option<(*const c_char, u64)>,
    /// As long as [`BUFFER_OCTETS`].
    pub(super) buffer: *mut u8,
    /// The upper end of [`STACK_OCTETS`], aligned to 16.
    pub(super) stack: *mut u8,
}

/// How far the command was asked to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Runs,
    /// SIGTERM was sent; SIGKILL follows then.
    Asked(Duration),
}

/// Lives from here to its end.
///
/// # Safety
/// In a process with this one thread alone, all signals blocked; the task's pointers are valid.
pub(super) unsafe fn keep(task: &Task) -> ! {
    // SAFETY: system calls only, on memory prepared by the parent.
    unsafe {
        settle(task);
        let keeper = libc::getpid();
        if let Some((file, number)) = task.alone {
            alone(file, number, task);
        }
        let mut streams = task.streams;
        let mut sinks = [OUTPUT, ERRORS];
        let [out, words] = &mut streams;
        if words.open(&mut sinks[1]) < 0 || (out.patient && out.open(&mut sinks[0]) < 0) {
            not_started(errno());
        }
        if !out.patient {
            sinks[0] = sinks[1];
        }
        let (mut ended, start): (RawFd, _) = (-1, Start { task, keeper, sinks });
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
        // As vfork(2): our memory, which is as large as the host's, is not copied once more. We stand still until
        // the exec, and it has a stack of its own.
        let command = libc::clone(begin, task.stack.cast(), flags, (&raw const start).cast_mut().cast(), &mut ended);
        if command < 0 {
            not_started(errno());
        }
        close_both(sinks);
        if is_asked() {
            libc::kill(command, libc::SIGTERM); // it came before there was a command to hear it
        }
        let stage = supervise(task, &mut streams, ended);
        let mut status = 0;
        libc::waitpid(command, &mut status, 0);
        hand_over_the_rest(task, &mut streams);
        report(ENDED, status);
        if stage != Stage::Runs {
            libc::kill(0, libc::SIGKILL); // what it left in the group may be deaf; and us
        }
        libc::_exit(0)
    }
}

/// What the command's process is given before it is the command.
struct Start<'a> {
    task: &'a Task,
    keeper: libc::pid_t,
    sinks: [RawFd; 2],
}

/// Becomes the command, or reports why not.
extern "C" fn begin(start: *mut c_void) -> c_int {
    // SAFETY: the keeper's own `Start`, while the keeper stands still; system calls only.
    unsafe {
        let Start { task, keeper, sinks } = &*start.cast::<Start<'_>>();
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL); // the keeper is single-threaded
        if libc::getppid() != *keeper {
            libc::_exit(127); // it died before we asked to die with it
        }
        libc::dup2(sinks[0], OUTPUT);
        libc::dup2(sinks[1], ERRORS);
        unblock();
        libc::execve(*task.argv, task.argv, task.env);
        not_started(errno())
    }
}

/// A process of its own: nothing of the host's but what the task gives.
unsafe fn settle(task: &Task) {
    // SAFETY: see `keep`.
    unsafe {
        // An ignored signal would survive exec. By the system call, for the C library refuses the two signals that
        // it uses itself, and whoever started the host may have ignored them. Zeroes are the default.
        let default = [0_u64; 4];
        for signal in 1..=libc::SIGRTMAX() {
            libc::syscall(libc::SYS_rt_sigaction, signal, &default, null::<u8>(), SIGSET_OCTETS);
        }
        libc::setsid();
        libc::chdir(c"/".as_ptr()); // the host's may lie on a disk that is frozen or to be unmounted
        libc::prctl(libc::PR_SET_NAME, c"bmcn-keeper".as_ptr());
        libc::prctl(libc::PR_SET_DUMPABLE, 0); // it has a copy of the host's memory, secrets included
        let [input, message, out, words, host] = task.inherited;
        libc::dup2(input, INPUT);
        libc::dup2(input, OUTPUT);
        libc::dup2(input, ERRORS);
        libc::dup2(message, REPORT);
        libc::dup2(out, OUT);
        libc::dup2(words, WORDS);
        libc::dup2(host, HOST);
        for fd in [REPORT, OUT, WORDS, HOST] {
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
        }
        for fd in [OUT, WORDS] {
            libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK);
        }
        // Close everything else: a socket kept open here would hold the host's port.
        libc::syscall(libc::SYS_close_range, if host < 0 { HOST } else { HOST + 1 }, u32::MAX, 0);
    }
}

/// Copies until the command has ended, and ends it when its time is over.
unsafe fn supervise(task: &Task, streams: &mut [Stream; 2], ended: RawFd) -> Stage {
    let (mut stage, mut host) = (Stage::Runs, HOST);
    loop {
        let now = boottime();
        let next = match stage {
            Stage::Runs => task.end,
            Stage::Asked(kill) => kill,
        };
        // SAFETY: see `keep`.
        unsafe {
            if now >= next {
                match stage {
                    Stage::Runs => {
                        libc::kill(0, libc::SIGTERM);
                        stage = Stage::Asked(now.saturating_add(task.grace));
                    }
                    Stage::Asked(_) => drop(libc::kill(0, libc::SIGKILL)), // and us
                }
                continue;
            }
            let [out, words] = streams.map(|stream| match stream {
                Stream { full: true, to, .. } => (to, libc::POLLOUT),
                Stream { from, .. } => (from, libc::POLLIN),
            });
            let mut fds = [out, words, (ended, libc::POLLIN), (host, libc::POLLIN)].map(|(fd, events)| libc::pollfd {
                fd,
                events,
                revents: 0,
            });
            wait(&mut fds, next - now);
            let [out, words, ended, death] = fds.map(|fd| fd.revents);
            if death & libc::POLLIN != 0 {
                // The command's pipes stay, so that it does not die of SIGPIPE.
                streams.iter_mut().for_each(Stream::discard);
            }
            for (stream, ready) in streams.iter_mut().zip([out, words]) {
                if ready != 0 && matches!(stream.copy(task.buffer, BUFFER_OCTETS), Copied::Over) {
                    libc::close(stream.from);
                    stream.from = -1;
                }
            }
            if death != 0 {
                host = -1; // as far as it can be watched
            }
            if ended != 0 {
                return stage;
            }
        }
    }
}

/// What the command had printed when it ended; what is left running may print for ever, and is not heard.
unsafe fn hand_over_the_rest(task: &Task, streams: &mut [Stream; 2]) {
    let end = task.end.saturating_add(task.grace);
    // SAFETY: see `keep`.
    unsafe {
        for stream in streams.iter_mut().filter(|stream| stream.from >= 0) {
            let mut rest: c_int = 0;
            libc::ioctl(stream.from, libc::FIONREAD, &mut rest);
            let mut rest = rest as usize;
            while rest > 0 {
                let left = end.saturating_sub(boottime());
                match stream.copy(task.buffer, rest.min(BUFFER_OCTETS)) {
                    Copied::Octets(_) if stream.full && left.is_zero() => stream.discard(),
                    Copied::Octets(_) if stream.full => {
                        let fd = |fd, events| libc::pollfd { fd, events, revents: 0 };
                        let mut fds = [fd(stream.to, libc::POLLOUT), fd(HOST, libc::POLLIN)];
                        wait(&mut fds, left);
                        if fds[1].revents & libc::POLLIN != 0 {
                            stream.discard();
                        }
                    }
                    Copied::Octets(count) if count > 0 => rest -= count.min(rest),
                    Copied::Octets(_) | Copied::Over => break,
                }
            }
        }
        let mut said = false;
        for stream in streams.iter().filter(|stream| stream.from >= 0) {
            let mut fd = [libc::pollfd { fd: stream.from, events: 0, revents: 0 }];
            libc::poll(fd.as_mut_ptr(), 1, 0);
            if fd[0].revents & libc::POLLHUP == 0 {
                if !said {
                    libc::write(WORDS, LEFT_BEHIND.as_ptr().cast(), LEFT_BEHIND.len());
                }
                said = true;
                swallow(task, stream.from);
            }
        }
    }
}

/// Leaves a process behind that reads what the command's children print: a daemon that a recovery has started
/// must not die of SIGPIPE once the recovery is done.
unsafe fn swallow(task: &Task, from: RawFd) {
    // SAFETY: see `keep`.
    unsafe {
        if clone3(0, 0, null_mut()) != 0 {
            return;
        }
        libc::setsid();
        libc::fcntl(from, libc::F_SETFL, 0);
        let nowhere = libc::fcntl(INPUT, libc::F_DUPFD, HOST + 1);
        libc::dup2(from, INPUT);
        libc::dup2(nowhere, OUTPUT);
        libc::dup2(nowhere, ERRORS);
        libc::syscall(libc::SYS_close_range, ERRORS + 1, u32::MAX, 0);
        unblock();
        // A small program, for it may run for years, and we are a copy of the host's memory.
        let argv = [c"cat".as_ptr(), null()];
        libc::execve(c"/bin/cat".as_ptr(), argv.as_ptr(), [null()].as_ptr());
        while libc::read(INPUT, task.buffer.cast(), BUFFER_OCTETS) > 0 {}
        libc::_exit(0)
    }
}

/// Takes the lock that lives as long as the keeper, and ends whoever has it. A file that cannot be locked stops
/// no recovery.
unsafe fn alone(file: *const c_char, number: u64, task: &Task) {
    let mut stage = None;
    // SAFETY: see `keep`.
    unsafe {
        let flags = libc::O_RDWR | libc::O_CREAT | libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let fd = libc::open(file, flags, 0o600);
        if fd < 0 {
            return;
        }
        loop {
            let mut lock: libc::flock = MaybeUninit::zeroed().assume_init();
            lock.l_type = libc::F_WRLCK as libc::c_short;
            lock.l_whence = libc::SEEK_SET as libc::c_short;
            lock.l_start = (number & i64::MAX as u64) as libc::off_t;
            lock.l_len = 1;
            if libc::fcntl(fd, libc::F_SETLK, &lock) == 0 || !matches!(errno(), libc::EACCES | libc::EAGAIN) {
                return;
            }
            let now = boottime();
            if now >= task.end {
                not_started(libc::ETIMEDOUT);
            }
            if libc::fcntl(fd, libc::F_GETLK, &mut lock) != 0 || c_int::from(lock.l_type) == libc::F_UNLCK {
                continue; // it is free now
            }
            // A keeper, and so its group's number: it holds the lock, so it lives. Zero: not in our namespace.
            let holder = lock.l_pid;
            match stage {
                None => {
                    libc::write(WORDS, EARLIER.as_ptr().cast(), EARLIER.len());
                    stage = Some(now.saturating_add(task.grace));
                    if holder > 0 {
                        libc::kill(-holder, libc::SIGTERM);
                    }
                }
                Some(kill) if now >= kill && holder > 0 => drop(libc::kill(-holder, libc::SIGKILL)),
                Some(_) => {}
            }
            let mut fds = [libc::pollfd { fd: HOST, events: libc::POLLIN, revents: 0 }];
            wait(&mut fds, LOOK);
            if fds[0].revents & libc::POLLIN != 0 || is_asked() {
                report(ENDED, libc::SIGTERM); // nothing was begun
                libc::_exit(0)
            }
        }
    }
}

/// Whether SIGTERM came; we block it.
unsafe fn is_asked() -> bool {
    let mut pending = MaybeUninit::uninit();
    // SAFETY: sigpending fills the set.
    unsafe {
        libc::sigpending(pending.as_mut_ptr());
        libc::sigismember(pending.as_ptr(), libc::SIGTERM) == 1
    }
}

unsafe fn not_started(errno: c_int) -> ! {
    // SAFETY: see `keep`.
    unsafe {
        report(NOT_STARTED, errno);
        libc::_exit(127)
    }
}

unsafe fn report(what: c_int, value: c_int) {
    let octets = [what.to_ne_bytes(), value.to_ne_bytes()];
    // SAFETY: a pipe that nobody wrote to takes them whole.
    unsafe { libc::write(REPORT, octets.as_ptr().cast(), REPORT_OCTETS) };
}

unsafe fn close_both(fds: [RawFd; 2]) {
    for fd in fds.into_iter().filter(|fd| *fd > HOST) {
        // SAFETY: no memory is involved; the second close of one number finds it closed.
        unsafe { libc::close(fd) };
    }
}
