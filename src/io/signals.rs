//! Signals as a descriptor, for programs of ours: `bmcnotice run`, `sim`, `demo`.
//!
//! The library itself never touches its host's signals; a program that owns its process may. Made
//! before any thread is started: the mask is inherited.

use super::sys::check;
use std::io::Result;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::null_mut;
use std::time::Duration;

/// A signal that a program waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM.
    Terminate,
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGHUP: the terminal is gone.
    HangUp,
    /// SIGUSR1.
    User1,
    /// SIGUSR2.
    User2,
    /// SIGWINCH: the terminal has another size.
    WindowChange,
}

impl Signal {
    /// What ends a program.
    pub const ENDS: [Self; 3] = [Self::Terminate, Self::Interrupt, Self::HangUp];

    const ALL: [Self; 6] =
        [Self::Terminate, Self::Interrupt, Self::HangUp, Self::User1, Self::User2, Self::WindowChange];

    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
            Self::HangUp => "SIGHUP",
            Self::User1 => "SIGUSR1",
            Self::User2 => "SIGUSR2",
            Self::WindowChange => "SIGWINCH",
        }
    }

    /// Whether whoever started us wants the terminal's end to be ignored, as nohup(1) does. A blocked
    /// signal would wait for us all the same.
    fn is_ignored(self) -> bool {
        if self != Self::HangUp {
            return false;
        }
        let mut action = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: only asks; the structure is read only if the kernel filled it.
        unsafe {
            libc::sigaction(self.number(), std::ptr::null(), action.as_mut_ptr()) == 0
                && action.assume_init().sa_sigaction == libc::SIG_IGN
        }
    }

    fn number(self) -> libc::c_int {
        match self {
            Self::Terminate => libc::SIGTERM,
            Self::Interrupt => libc::SIGINT,
            Self::HangUp => libc::SIGHUP,
            Self::User1 => libc::SIGUSR1,
            Self::User2 => libc::SIGUSR2,
            Self::WindowChange => libc::SIGWINCH,
        }
    }
}

/// Signals that do nothing any more but wait here to be read.
#[derive(Debug)]
pub struct Signals(OwnedFd);

impl Signals {
    /// Takes these signals from this thread and from those that it starts, for good.
    pub fn take(signals: &[Signal]) -> Result<Self> {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset initialises the set before it is used; no pointer is kept.
        let fd = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in signals.iter().filter(|signal| !signal.is_ignored()) {
                libc::sigaddset(set.as_mut_ptr(), signal.number());
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), null_mut());
            check(libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK))?
        };
        // SAFETY: a descriptor that the kernel just gave to us alone.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The next signal; none when `timeout` ran out.
    pub fn wait(&self, timeout: Option<Duration>) -> Option<Signal> {
        let ms = timeout.map_or(-1, |t| t.as_millis().min(i32::MAX as u128) as i32);
        let mut fd = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::uninit();
        // SAFETY: one pollfd of ours; the structure is read only if the kernel filled it.
        let number = unsafe {
            if libc::poll(&mut fd, 1, ms) <= 0 {
                return None;
            }
            let size = size_of::<libc::signalfd_siginfo>();
            if libc::read(self.0.as_raw_fd(), info.as_mut_ptr().cast(), size) != size as isize {
                return None;
            }
            info.assume_init().ssi_signo
        };
        Signal::ALL.into_iter().find(|signal| u32::try_from(signal.number()) == Ok(number))
    }
}

/// Readable while a signal waits.
impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_signal_waits_to_be_read() {
        let signals = Signals::take(&[Signal::User1, Signal::User2]).unwrap();
        assert_eq!(signals.wait(Some(Duration::ZERO)), None);
        // SAFETY: the signal is blocked on this thread, and raise sends it to this thread.
        unsafe { libc::raise(libc::SIGUSR2) };
        assert_eq!(signals.wait(Some(Duration::ZERO)), Some(Signal::User2));
        assert_eq!(signals.wait(Some(Duration::ZERO)), None);
    }
}
