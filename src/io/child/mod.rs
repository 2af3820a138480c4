//! Runs a command whose ending nobody else can take: not the host's `waitpid(-1)`, not an ignored SIGCHLD.
//!
//! ```text
//!   host ── clone3(exit_signal 0, pidfd) ──► keeper ── clone3(SIGCHLD) ──► command (exec)
//!        ◄── output, report ───────────────  never execs; copies what the command prints, never lets it
//!                                            wait, ends it when its time is over, reports how it ended
//! ```
//!
//! The keeper is needed because `execve` sets the exit signal back to SIGCHLD (execve(2)): a command
//! started directly without exit signal is an ordinary child again as soon as it runs. And it outlives us:
//! see `docs/decisions/0021-commands-outlive-us.md`.

mod calls;
mod keeper;
mod report;
mod stream;

pub use report::Ending;

use super::sys::{check, now};
use super::thread::Blocked;
use calls::clone3;
use keeper::{OUT, Task, WORDS};
use std::cell::OnceCell;
use std::ffi::{CStr, c_char, c_int};
use std::fs::OpenOptions;
use std::io::{Error, ErrorKind, PipeReader, Read, Result, pipe};
use std::mem::zeroed;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::null;
use std::time::Duration;
use stream::Stream;

/// Our ends lie above, so that no `dup2` in the keeper overwrites one that is still needed.
const ABOVE: RawFd = 10;

/// How often a signal is sent to a group that is not there yet.
const STARTING_LOOKS: u32 = 100;
/// The pause between two of them.
const STARTING_LOOK: Duration = Duration::from_millis(1);

/// A command, and how it is to be kept.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The program's path, without a shell, and its arguments.
    pub argv: &'a [&'a CStr],
    /// Its environment, `NAME=value` each.
    pub env: &'a [&'a CStr],
    /// What becomes of its standard output.
    pub output: Output,
    /// Octets of its standard error (and of its output, if they are together) that are handed on; the rest
    /// is thrown away.
    pub room: usize,
    /// It is ended after this time, even when we are dead or stuck.
    pub time: Duration,
    /// After SIGTERM, and before SIGKILL.
    pub grace: Duration,
    /// Whether it runs alone.
    pub alone: Option<Alone<'a>>,
}

/// What becomes of a command's standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// It comes with the standard error. Who does not read in time loses what does not fit a pipe, so that
    /// the command never waits.
    Together,
    /// It comes by itself, nothing of its first octets is lost, and so the command waits for a slow reader.
    Apart {
        /// Octets that are handed on.
        room: usize,
    },
}

/// One command at a time under one number, whoever started it: an earlier one, which a process that is dead now
/// may have left behind, is ended first.
#[derive(Debug, Clone, Copy)]
pub struct Alone<'a> {
    /// The file that is locked.
    pub file: &'a CStr,
    /// Its octet that is locked.
    pub number: u64,
}

/// A running command. Its descriptor is readable once it has ended; dropping it lets it run on.
#[derive(Debug)]
pub struct Child {
    keeper: OwnedFd,
    /// The keeper leads a session and a group of its own, named by this number, and the command is in it.
    group: libc::pid_t,
    output: PipeReader,
    errors: Option<PipeReader>,
    report: PipeReader,
    /// What the keeper reported.
    told: OnceCell<Ending>,
}

impl Child {
    /// Starts a command: default signals, an empty signal mask, an empty standard input, the folder `/`, no
    /// other descriptor, a session of its own. Nothing is waited for: that its program cannot be executed
    /// is an ending like others, for who knows on which disk it lies.
    pub fn spawn(order: &Order<'_>) -> Result<Self> {
        if order.argv.is_empty() {
            return Err(ErrorKind::InvalidInput.into());
        }
        // All memory is made here: between clone and exec a thread's lock may be held for ever.
        let pointers = |list: &[&CStr]| list.iter().map(|text| text.as_ptr()).chain([null()]).collect();
        let (argv, env): (Vec<*const c_char>, Vec<*const c_char>) = (pointers(order.argv), pointers(order.env));
        let mut buffer = vec![0; stream::BUFFER_OCTETS];
        let mut stack = vec![0_u128; keeper::STACK_OCTETS / size_of::<u128>()]; // aligned as stacks are
        let (report, report_end) = pipe()?;
        let (output, output_end) = pipe()?;
        let (errors, errors_end) = match order.output {
            Output::Together => (None, None),
            Output::Apart { .. } => pipe().map(|(ours, its)| (Some(ours), Some(its)))?,
        };
        let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
        let words = errors_end.as_ref().map_or(output_end.as_fd(), AsFd::as_fd);
        let inherited = [raise(null.as_fd())?, raise(report_end.as_fd())?, raise(output_end.as_fd())?, raise(words)?];
        let host = ourselves();
        let [input, message, out, words] = [0, 1, 2, 3].map(|i: usize| inherited[i].as_raw_fd());
        for reader in [Some(&output), errors.as_ref(), Some(&report)].into_iter().flatten() {
            nonblocking(reader.as_fd())?;
        }
        let end = now().boottime.saturating_add(order.time);
        let task = Task {
            argv: argv.as_ptr(),
            env: env.as_ptr(),
            inherited: [input, message, out, words, host.as_ref().map_or(-1, AsRawFd::as_raw_fd)],
            streams: match order.output {
                Output::Together => [Stream::closed(), Stream::hasty(WORDS, order.room)],
                Output::Apart { room } => [Stream::patient(OUT, room), Stream::hasty(WORDS, order.room)],
            },
            end,
            grace: order.grace,
            alone: order.alone.map(|alone| (alone.file.as_ptr(), alone.number)),
            buffer: buffer.as_mut_ptr(),
            stack: stack.as_mut_ptr_range().end.cast(),
        };
        let mut pidfd: RawFd = -1;
        let signals = Blocked::all(); // the host's handlers must not run in the keeper
        // SAFETY: the child calls nothing but `keep`, which only makes system calls.
        let pid = unsafe { clone3(libc::CLONE_PIDFD, 0, &mut pidfd) };
        if pid == 0 {
            unsafe { keeper::keep(&task) }
        }
        drop(signals);
        check(pid as c_int)?;
        // SAFETY: clone3 succeeded and wrote a descriptor that is ours.
        let keeper = unsafe { OwnedFd::from_raw_fd(pidfd) };
        Ok(Self { keeper, group: pid as libc::pid_t, output, errors, report, told: OnceCell::new() })
    }

    /// What the command has printed since the last call, at most a buffer full; 0 when there is nothing now.
    pub fn read(&self, buffer: &mut [u8]) -> usize {
        (&self.output).read(buffer).unwrap_or(0)
    }

    /// The same of its standard error, if that is apart.
    pub fn read_errors(&self, buffer: &mut [u8]) -> usize {
        self.errors.as_ref().map_or(0, |mut errors| errors.read(buffer).unwrap_or(0))
    }

    /// The descriptors that are readable while there is something to read.
    pub fn readable(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        [Some(&self.output), self.errors.as_ref()].into_iter().flatten().map(AsFd::as_fd)
    }

    /// Waits for the end; does not block once the descriptor is readable.
    pub fn wait(&self) -> Result<Ending> {
        Ok(self.ending(0)?.unwrap_or(Ending::Lost))
    }

    /// How it ended, if it has; does not block.
    pub fn poll(&self) -> Result<Option<Ending>> {
        self.ending(libc::WNOHANG)
    }

    /// The same, and leaves the ending to be taken; until then the keeper's number is not given to others.
    pub fn peek(&self) -> Result<Option<Ending>> {
        self.ending(libc::WNOHANG | libc::WNOWAIT)
    }

    fn ending(&self, flags: c_int) -> Result<Option<Ending>> {
        let Some(seen) = self.look(flags)? else { return Ok(None) };
        let mut report = [0; report::REPORT_OCTETS];
        if self.told.get().is_none() && matches!((&self.report).read(&mut report), Ok(report::REPORT_OCTETS)) {
            let _ = self.told.set(report::understand(report));
        }
        // A keeper that was killed with its command has told nothing.
        Ok(Some(self.told.get().copied().unwrap_or(seen)))
    }

    /// How the keeper ended.
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
        if self.look(libc::WNOHANG | libc::WNOWAIT)? == Some(Ending::Lost) {
            return Err(Error::from_raw_os_error(libc::ESRCH));
        }
        for _ in 0..STARTING_LOOKS {
            // SAFETY: no memory is involved.
            match check(unsafe { libc::kill(-self.group, signal) }) {
                // The keeper has not come to making its group yet: that is a matter of microseconds.
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => std::thread::sleep(STARTING_LOOK),
                done => return done.map(drop),
            }
        }
        Err(Error::from_raw_os_error(libc::ESRCH))
    }
}

impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.keeper.as_fd()
    }
}

/// A copy of a descriptor above those that the keeper fills.
fn raise(fd: BorrowedFd<'_>) -> Result<OwnedFd> {
    // SAFETY: a fresh descriptor, ours alone.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, ABOVE) })
        .map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// This process, as a descriptor; none where the kernel does not give it.
fn ourselves() -> Option<OwnedFd> {
    // SAFETY: no memory is involved; the descriptor is fresh and ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, std::process::id(), 0) };
    let fd = check(fd as c_int).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).ok()?;
    raise(fd.as_fd()).ok()
}

fn nonblocking(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: no memory is involved; a pipe's only status flag worth keeping is its direction.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) }).map(drop)
}
