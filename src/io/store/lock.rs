//! One writer at a time: a record lock on a file of its own, and a list for this process.
//!
//! A record lock (`F_SETLK`) belongs to the process: unlike `flock` it is not held on by a forked child
//! that outlives us, and the kernel names its holder. It does not keep two stores of one process
//! apart, and ends when *any* descriptor of the file is closed here: so the list, asked first.

use parking_lot::Mutex;
use std::fs::{File, OpenOptions};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Device and inode of the lock files that this process holds.
static HELD: Mutex<Vec<(u64, u64)>> = Mutex::new(Vec::new());

#[derive(Debug)]
pub(super) struct Lock {
    /// `None` only while it is dropped.
    file: Option<File>,
    key: (u64, u64),
}

impl Lock {
    /// An error says in words who holds it.
    pub(super) fn acquire(path: &Path) -> Result<Self, String> {
        let of = |error: io::Error| format!("{}: {error}", path.display());
        let mut held = HELD.lock(); // to the end: opening and closing the file must not race
        if let Ok(meta) = std::fs::metadata(path)
            && held.contains(&(meta.dev(), meta.ino()))
        {
            return Err(format!("{} is already held by this process, {}", path.display(), std::process::id()));
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path).map_err(of)?;
        let meta = file.metadata().map_err(of)?;
        match set(&file, libc::F_SETLK) {
            Ok(_) => {}
            Err(error) if matches!(error.raw_os_error(), Some(libc::EACCES | libc::EAGAIN)) => {
                let holder = match set(&file, libc::F_GETLK) {
                    Ok(lock) if i32::from(lock.l_type) != libc::F_UNLCK && lock.l_pid > 0 => {
                        format!("process {}", lock.l_pid)
                    }
                    Ok(_) | Err(_) => "a process that cannot be seen from here".into(),
                };
                return Err(format!("{} is held by {holder}", path.display()));
            }
            Err(error) => return Err(of(error)),
        }
        let key = (meta.dev(), meta.ino());
        held.push(key);
        Ok(Self { file: Some(file), key })
    }

    pub(super) fn descriptor(&self) -> Option<RawFd> {
        self.file.as_ref().map(AsRawFd::as_raw_fd)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut held = HELD.lock();
        held.retain(|key| *key != self.key);
        // Closed under the list's lock: another store of this process must not take the lock before,
        // only to lose it by this closing.
        self.file = None;
    }
}

/// A lock command for the whole file.
fn set(file: &File, command: libc::c_int) -> io::Result<libc::flock> {
    // SAFETY: a plain C structure; all zero is valid, and means: from the first octet to the last.
    let mut lock: libc::flock = unsafe { MaybeUninit::zeroed().assume_init() };
    lock.l_type = libc::F_WRLCK as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    // SAFETY: the descriptor is open while `file` is borrowed; `lock` lives through the call.
    match unsafe { libc::fcntl(file.as_raw_fd(), command, &mut lock) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(lock),
    }
}
