//! What a command prints, on its way to the host: bounded, and never waited for longer than it may be.
//!
//! Used in the keeper, under its rules. Its input is whatever the command prints.

use super::calls::{errno, is_ready};
use std::ffi::c_int;
use std::os::fd::RawFd;

/// Octets that are read at once.
pub(super) const BUFFER_OCTETS: usize = 16 * 1024;
/// A pipe that can take anything can take so much (pipe(7)).
const CHUNK_OCTETS: usize = libc::PIPE_BUF;

/// What the command prints, on its way to the host.
#[derive(Clone, Copy)]
pub(super) struct Stream {
    /// Negative: there is none (any more).
    pub(super) from: RawFd,
    pub(super) to: RawFd,
    /// Octets that are still handed on.
    pub(super) room: usize,
    /// The command waits for the host, rather than that octets are lost.
    pub(super) patient: bool,
    /// The host's end is full.
    pub(super) full: bool,
}

impl Stream {
    /// None.
    pub(super) const fn closed() -> Self {
        Self { from: -1, to: -1, room: 0, patient: false, full: false }
    }

    /// Octets may be lost, but for the first `room` if they are read in time.
    pub(super) const fn hasty(to: RawFd, room: usize) -> Self {
        Self { from: -1, to, room, patient: false, full: false }
    }

    /// The first `room` octets are waited for.
    pub(super) const fn patient(to: RawFd, room: usize) -> Self {
        Self { from: -1, to, room, patient: true, full: false }
    }

    /// Moves a piece, at most `most` octets.
    pub(super) unsafe fn copy(&mut self, buffer: *mut u8, most: usize) -> Copied {
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

    /// Throws away what comes.
    pub(super) fn discard(&mut self) {
        (self.room, self.full) = (0, false);
    }

    /// Makes the pipe; its other end goes to `sink`. Negative: it failed.
    pub(super) unsafe fn open(&mut self, sink: &mut RawFd) -> c_int {
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
pub(super) enum Copied {
    Octets(usize),
    /// Nobody can print there any more.
    Over,
}
