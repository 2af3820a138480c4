//! Runs a command whose ending nobody else can take: not the host's `waitpid(-1)`, not an ignored SIGCHLD.
//!
//! ```text
//!   host ── clone3(exit_signal 0, pidfd) ──► keeper ── clone3(SIGCHLD) ──► command (exec)
//!                                            never execs; ends as its command ended
//! ```
//!
//! The keeper is needed because `execve` sets the exit signal back to SIGCHLD (execve(2)): a command
//! started directly without exit signal is an ordinary child again as soon as it runs.

use super::sys::check;
use super::thread::Blocked;
use std::ffi::{CStr, c_char, c_int};
use std::fs::File;
use std::io::{Error, ErrorKind, PipeReader, Read, Result, pipe};
use std::mem::{MaybeUninit, size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::{null, null_mut};

/// Where the keeper has what it inherits: the command's three, then its own report.
const INPUT: RawFd = 0;
const OUTPUT: RawFd = 1;
const ERRORS: RawFd = 2;
const REPORT: RawFd = 3;
/// Our ends lie above, so that no `dup2` in the keeper overwrites one that is still needed.
const ABOVE: RawFd = 10;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this status.
    Exited(c_int),
    /// This signal killed it.
    Killed(c_int),
    /// Someone waited for it with `__WALL` before us, or it was waited for already.
    Lost,
}

/// A running command. Its descriptor is readable once it has ended; dropping it lets it run on.
#[derive(Debug)]
pub struct Child {
    keeper: OwnedFd,
    /// The keeper leads a session and a group of its own, named by this number, and the command is in it.
    group: libc::pid_t,
    output: PipeReader,
}

impl Child {
    /// Starts the program at the path `argv[0]` with the environment `env` (`NAME=value` each), without a
    /// shell: default signals, an empty signal mask, an empty standard input, its output to [`Child::read`],
    /// no other descriptor, a session of its own. A failed `execve` is this function's error.
    pub fn spawn(argv: &[&CStr], env: &[&CStr]) -> Result<Self> {
        if argv.is_empty() {
            return Err(ErrorKind::InvalidInput.into());
        }
        // All memory is made here: between clone and exec a thread's lock may be held for ever.
        let pointers = |list: &[&CStr]| list.iter().map(|text| text.as_ptr()).chain([null()]).collect();
        let (argv, env): (Vec<*const c_char>, Vec<*const c_char>) = (pointers(argv), pointers(env));
        let (mut failure, report) = pipe()?;
        let (output, written) = pipe()?;
        let inherited = [raise(File::open("/dev/null")?.as_fd())?, raise(written.as_fd())?, raise(report.as_fd())?];
        let [input, sink, message] = [0, 1, 2].map(|i: usize| inherited[i].as_raw_fd());
        let mut pidfd: RawFd = -1;
        let signals = Blocked::all(); // the host's handlers must not run in the keeper
        // SAFETY: the child calls nothing but `keep`, which only makes system calls.
        let pid = unsafe { clone3(libc::CLONE_PIDFD, 0, &mut pidfd) };
        if pid == 0 {
            unsafe { keep(&argv, &env, [input, sink, message]) }
        }
        drop((signals, report, written, inherited));
        check(pid as c_int)?;
        // SAFETY: clone3 succeeded and wrote a descriptor that is ours.
        let keeper = unsafe { OwnedFd::from_raw_fd(pidfd) };
        nonblocking(output.as_fd())?;
        let child = Self { keeper, group: pid as libc::pid_t, output };

        let mut errno = [0; size_of::<c_int>()];
        match failure.read_exact(&mut errno) {
            Err(_) => Ok(child), // closed by a successful exec
            Ok(()) => {
                child.wait()?;
                Err(Error::from_raw_os_error(c_int::from_ne_bytes(errno)))
            }
        }
    }

    /// What the command has printed since the last call, at most a buffer full; 0 when there is nothing now.
    pub fn read(&mut self, buffer: &mut [u8]) -> usize {
        self.output.read(buffer).unwrap_or(0)
    }

    /// The descriptor that is readable while there is output.
    pub fn output(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }

    /// Waits for the end; does not block once the descriptor is readable.
    pub fn wait(&self) -> Result<Ending> {
        Ok(self.look(0)?.unwrap_or(Ending::Lost))
    }

    /// How it ended, if it has; does not block.
    pub fn poll(&self) -> Result<Option<Ending>> {
        self.look(libc::WNOHANG)
    }

    /// The same, and leaves the ending to be taken; until then the keeper's number is not given to others.
    pub fn peek(&self) -> Result<Option<Ending>> {
        self.look(libc::WNOHANG | libc::WNOWAIT)
    }

    fn look(&self, flags: c_int) -> Result<Option<Ending>> {
        let (fd, flags) = (self.keeper.as_raw_fd() as libc::id_t, libc::WEXITED | libc::__WALL | flags);
        // SAFETY: waitid writes one siginfo_t, for which zeroes are valid.
        let mut info: libc::siginfo_t = unsafe { zeroed() };
        while let Err(error) = check(unsafe { libc::waitid(libc::P_PIDFD, fd, &mut info, flags) }) {
            match error.raw_os_error() {
                Some(libc::EINTR) => continue,
                Some(libc::ECHILD) => return Ok(Some(Ending::Lost)),
                _ => return Err(error),
            }
        }
        // SAFETY: waitid left zeroes, or filled the fields of a child's ending.
        let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
        Ok(match info.si_code {
            _ if pid == 0 => None, // WNOHANG, and it still runs
            libc::CLD_EXITED => Some(Ending::Exited(status)),
            _ => Some(Ending::Killed(status)),
        })
    }

    /// Sends a signal to the command and all that it started in its group. The keeper blocks what can be
    /// blocked, so that it still tells how the command ended.
    pub fn signal(&self, signal: c_int) -> Result<()> {
        // The number cannot have been given to strangers: the keeper holds it until `wait` has reaped it, or a
        // host that waits with `__WALL`.
        if self.peek()? == Some(Ending::Lost) {
            return Err(Error::from_raw_os_error(libc::ESRCH));
        }
        // SAFETY: no memory is involved.
        check(unsafe { libc::kill(-self.group, signal) }).map(drop)
    }
}

impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.keeper.as_fd()
    }
}

/// As fork(2), without its handlers, and with a chosen exit signal.
///
/// # Safety
/// In the child only async-signal-safe calls are allowed.
unsafe fn clone3(flags: c_int, exit_signal: c_int, pidfd: *mut RawFd) -> libc::c_long {
    // SAFETY: zeroes are a valid clone_args; a null stack means a copy of the caller's.
    unsafe {
        let mut args: libc::clone_args = zeroed();
        args.flags = flags as u64;
        args.exit_signal = exit_signal as u64;
        args.pidfd = pidfd as u64;
        libc::syscall(libc::SYS_clone3, &args, size_of::<libc::clone_args>())
    }
}

/// A copy of a descriptor above those that the keeper fills.
fn raise(fd: BorrowedFd<'_>) -> Result<OwnedFd> {
    // SAFETY: a fresh descriptor, ours alone.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, ABOVE) })
        .map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

fn nonblocking(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: no memory is involved; a pipe's only status flag worth keeping is its direction.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) }).map(drop)
}

/// The keeper: starts the command, waits, and ends in the same way.
unsafe fn keep(argv: &[*const c_char], env: &[*const c_char], [input, sink, message]: [RawFd; 3]) -> ! {
    // SAFETY: system calls only, on memory prepared by the parent.
    unsafe {
        for signal in 1..=libc::SIGRTMAX() {
            libc::signal(signal, libc::SIG_DFL); // an ignored signal would survive exec
        }
        libc::setsid();
        libc::dup2(input, INPUT);
        libc::dup2(sink, OUTPUT);
        libc::dup2(sink, ERRORS);
        libc::dup2(message, REPORT);
        // Close everything else: a socket kept open here would hold the host's port.
        libc::syscall(libc::SYS_close_range, REPORT + 1, u32::MAX, 0);
        libc::fcntl(REPORT, libc::F_SETFD, libc::FD_CLOEXEC);

        let command = clone3(0, libc::SIGCHLD, null_mut());
        if command == 0 {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL); // the keeper is single-threaded
            unblock();
            libc::execve(argv[0], argv.as_ptr(), env.as_ptr());
        }
        if command <= 0 {
            let errno = (*libc::__errno_location()).to_ne_bytes();
            libc::write(REPORT, errno.as_ptr().cast(), errno.len());
            libc::_exit(127);
        }
        libc::close(REPORT);

        let mut status = 0;
        libc::waitpid(command as c_int, &mut status, 0);
        if libc::WIFSIGNALED(status) {
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            libc::setrlimit(libc::RLIMIT_CORE, &none); // one core dump is enough
            unblock();
            libc::kill(libc::getpid(), libc::WTERMSIG(status));
        }
        libc::_exit(libc::WEXITSTATUS(status))
    }
}

unsafe fn unblock() {
    let mut none = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), null_mut());
    }
}
