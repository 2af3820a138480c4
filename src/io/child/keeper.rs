//! The keeper: starts the command, copies what it prints, ends it in time, reports how it ended.
//!
//! It is a fork of a process with threads, so it makes system calls on prepared memory and nothing else:
//! no allocation, no lock, no panic. Its input is a [`Task`].

use super::{Ending, clone3};
use std::ffi::{c_char, c_int};
use std::mem::{MaybeUninit, size_of};
use std::os::fd::RawFd;
use std::ptr::{null, null_mut};
use std::time::Duration;

/// What the command inherits.
const INPUT: RawFd = 0;
const OUTPUT: RawFd = 1;
const ERRORS: RawFd = 2;
/// What the keeper inherits besides: towards the host.
const REPORT: RawFd = 3;
const OUT: RawFd = 4;
const WORDS: RawFd = 5;
/// Readable once the host is dead; closed, if it cannot be watched.
const HOST: RawFd = 6;

/// Octets that are read at once.
pub(super) const BUFFER_OCTETS: usize = 16 * 1024;
/// A pipe that can take anything can take so much (pipe(7)).
const CHUNK_OCTETS: usize = libc::PIPE_BUF;
/// How often it is looked whether an earlier command has ended.
const LOOK: Duration = Duration::from_millis(10);

/// The kernel's set of signals.
const SIGSET_OCTETS: usize = 8;

/// What happened, and an error or a status.
pub(super) const REPORT_OCTETS: usize = 2 * size_of::<c_int>();
const NOT_STARTED: c_int = 1;
const ENDED: c_int = 2;

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
}

/// What the command prints, on its way to the host.
#[derive(Clone, Copy)]
pub(super) struct Stream {
    /// Negative: there is none (any more).
    from: RawFd,
    to: RawFd,
    /// Octets that are still handed on.
    room: usize,
    /// The command waits for the host, rather than that octets are lost.
    patient: bool,
    /// The host's end is full.
    full: bool,
}

impl Stream {
    pub(super) const fn closed() -> Self {
        Self { from: -1, to: OUT, room: 0, patient: false, full: false }
    }

    pub(super) const fn to_words(room: usize) -> Self {
        Self { from: -1, to: WORDS, room, patient: false, full: false }
    }

    pub(super) const fn apart(room: usize) -> Self {
        Self { from: -1, to: OUT, room, patient: true, full: false }
    }

    /// Moves a piece, at most `most` octets.
    unsafe fn copy(&mut self, buffer: *mut u8, most: usize) -> Copied {
        // SAFETY: the buffer is as long as `BUFFER_OCTETS`.
        unsafe {
            self.full = self.patient && self.room > 0 && !is_ready(self.to, libc::POLLOUT);
            if self.full {
                return Copied::Octets(0);
            }
            let most = most.min(if self.room > 0 { CHUNK_OCTETS } else { BUFFER_OCTETS });
            let count = libc::read(self.from, buffer.cast(), most);
            if count < 0 && matches!(errno(), libc::EAGAIN | libc::EINTR) {
                return Copied::Octets(0);
            }
            if count <= 0 {
                return Copied::Over;
            }
            let handed = self.room.min(count as usize);
            if handed > 0 && libc::write(self.to, buffer.cast(), handed) < 0 && errno() != libc::EAGAIN {
                self.discard(); // nobody reads
            }
            self.room -= handed.min(self.room);
            Copied::Octets(count as usize)
        }
    }

    fn discard(&mut self) {
        (self.room, self.full) = (0, false);
    }

    /// Makes the pipe; its other end goes to `sink`. Negative: it failed.
    unsafe fn open(&mut self, sink: &mut RawFd) -> c_int {
        let mut ends = [-1; 2];
        // SAFETY: writes two numbers.
        unsafe {
            if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) < 0 {
                return -1;
            }
            (self.from, *sink) = (ends[0], ends[1]);
            // Its own end alone: the command must find an ordinary pipe.
            libc::fcntl(self.from, libc::F_SETFL, libc::O_NONBLOCK)
        }
    }
}

/// What a piece of copying came to.
enum Copied {
    Octets(usize),
    /// Nobody can print there any more.
    Over,
}

/// What a report says.
pub(super) fn understand(report: [u8; REPORT_OCTETS]) -> Ending {
    let [a, b, c, d, rest @ ..] = report;
    let value = c_int::from_ne_bytes(rest);
    match c_int::from_ne_bytes([a, b, c, d]) {
        NOT_STARTED => Ending::NotStarted(value),
        _ if libc::WIFSIGNALED(value) => Ending::Killed(libc::WTERMSIG(value)),
        _ => Ending::Exited(libc::WEXITSTATUS(value)),
    }
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
        let mut ended: RawFd = -1;
        let command = clone3(libc::CLONE_PIDFD, libc::SIGCHLD, &mut ended);
        if command == 0 {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL); // the keeper is single-threaded
            if libc::getppid() != keeper {
                libc::_exit(127); // it died before we asked to die with it
            }
            libc::dup2(sinks[0], OUTPUT);
            libc::dup2(sinks[1], ERRORS);
            unblock();
            libc::execve(*task.argv, task.argv, task.env);
        }
        if command <= 0 {
            not_started(errno());
        }
        close_both(sinks);
        let command = command as libc::pid_t;
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

/// Waits until a descriptor is ready or the time is over.
unsafe fn wait(fds: &mut [libc::pollfd], time: Duration) {
    let time = libc::timespec { tv_sec: time.as_secs() as _, tv_nsec: time.subsec_nanos() as _ };
    // SAFETY: as many entries as are counted; no signal mask is given.
    unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, &time, null()) };
}

unsafe fn is_ready(fd: RawFd, events: libc::c_short) -> bool {
    let mut fds = [libc::pollfd { fd, events, revents: 0 }];
    // SAFETY: one entry.
    unsafe { libc::poll(fds.as_mut_ptr(), 1, 0) > 0 }
}

fn boottime() -> Duration {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec; cannot fail for this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut t) };
    Duration::new(t.tv_sec as u64, t.tv_nsec as u32)
}

unsafe fn errno() -> c_int {
    // SAFETY: the thread's own.
    unsafe { *libc::__errno_location() }
}

unsafe fn unblock() {
    let mut none = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), null_mut());
    }
}
