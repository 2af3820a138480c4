//! A terminal: its size, its input key by key, and being stopped by Ctrl-Z.
//!
//! For programs of ours (`bmcnotice watch`). What was changed is put back when the value is dropped, so on every way
//! out but SIGKILL.

use super::sys::check;
use std::io::Result;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// How much a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Characters of a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
}

/// The size of the terminal behind this descriptor; none: there is no terminal, or it does not say.
pub fn size(fd: impl AsFd) -> Option<Size> {
    let mut size = MaybeUninit::<libc::winsize>::zeroed();
    // SAFETY: the kernel writes one winsize, which is all numbers.
    let size = unsafe {
        check(libc::ioctl(fd.as_fd().as_raw_fd(), libc::TIOCGWINSZ, size.as_mut_ptr())).ok()?;
        size.assume_init()
    };
    let size = Size { columns: size.ws_col, rows: size.ws_row };
    (size.columns > 0 && size.rows > 0).then_some(size)
}

/// A terminal that hands over each key at once and shows none of them.
#[derive(Debug)]
pub struct Keys {
    fd: OwnedFd,
    before: libc::termios,
}

impl Keys {
    /// Ctrl-C still is a signal. Ctrl-Z, Ctrl-\ and Ctrl-S are keys: each would leave a screen half drawn.
    pub fn take(fd: impl AsFd) -> Result<Self> {
        let fd = fd.as_fd().try_clone_to_owned()?;
        let before = settings(&fd)?;
        let mut keys = before;
        keys.c_iflag &= !libc::IXON;
        keys.c_lflag &= !(libc::ICANON | libc::ECHO);
        for disabled in [libc::VSUSP, libc::VQUIT, libc::VLNEXT, libc::VDISCARD] {
            keys.c_cc[disabled] = libc::_POSIX_VDISABLE;
        }
        (keys.c_cc[libc::VMIN], keys.c_cc[libc::VTIME]) = (1, 0);
        set(&fd, &keys)?;
        Ok(Self { fd, before })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = set(&self.fd, &self.before); // a terminal that is gone needs none
    }
}

fn settings(fd: &OwnedFd) -> Result<libc::termios> {
    let mut found = MaybeUninit::<libc::termios>::uninit();
    // SAFETY: read only if the kernel filled it.
    unsafe {
        check(libc::tcgetattr(fd.as_raw_fd(), found.as_mut_ptr()))?;
        Ok(found.assume_init())
    }
}

fn set(fd: &OwnedFd, settings: &libc::termios) -> Result<()> {
    // SAFETY: reads one termios of ours.
    check(unsafe { libc::tcsetattr(fd.as_raw_fd(), libc::TCSADRAIN, settings) }).map(drop)
}

/// Stops this process as Ctrl-Z would; returns when it is continued.
pub fn stop() {
    // SAFETY: no memory is involved. The signal is not blocked, and its action is the default one.
    unsafe { libc::raise(libc::SIGTSTP) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::FromRawFd;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// A pair of descriptors: who types, and what sees a terminal.
    fn pair(columns: u16, rows: u16) -> (File, OwnedFd) {
        let (mut master, mut terminal) = (0, 0);
        let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: two descriptors that the kernel gives to us alone; the other pointers may be null.
        unsafe {
            let (name, settings) = (std::ptr::null_mut(), std::ptr::null_mut());
            check(libc::openpty(&mut master, &mut terminal, name, settings, &size)).unwrap();
            (File::from_raw_fd(master), OwnedFd::from_raw_fd(terminal))
        }
    }

    #[test]
    fn a_terminal_says_how_large_it_is_and_what_is_none_does_not() {
        let (_typist, terminal) = pair(100, 30);
        assert_eq!(size(&terminal), Some(Size { columns: 100, rows: 30 }));
        let (_typist, unknown) = pair(0, 0);
        assert_eq!(size(&unknown), None);
        assert_eq!(size(File::open("/dev/null").unwrap()), None);
        assert!(Keys::take(File::open("/dev/null").unwrap()).is_err());
    }

    #[test]
    fn each_key_comes_at_once_and_a_panic_puts_the_terminal_back() {
        let (mut typist, terminal) = pair(80, 24);
        let before = settings(&terminal).unwrap();
        assert_ne!(before.c_lflag & libc::ICANON, 0);
        let reader = terminal.try_clone().unwrap();
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _keys = Keys::take(&terminal).unwrap();
            typist.write_all(b"q\x1a\x1c\x13").unwrap(); // Ctrl-Z, Ctrl-\, Ctrl-S: no Enter, and no signal
            let mut typed = [0; 4];
            File::from(reader).read_exact(&mut typed).unwrap();
            assert_eq!(&typed, b"q\x1a\x1c\x13");
            panic!("on purpose");
        }));
        assert!(caught.is_err_and(|why| why.downcast_ref() == Some(&"on purpose")));
        let after = settings(&terminal).unwrap();
        assert_eq!((after.c_lflag, after.c_iflag, after.c_cc), (before.c_lflag, before.c_iflag, before.c_cc));
    }
}
