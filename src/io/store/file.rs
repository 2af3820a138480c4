//! The files' system calls: opened for nobody else, never through a link, bounded when read.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// The file's name, in both folders.
pub(super) const NAME: &str = "journal";
/// While it is being written.
pub(super) const NEW_NAME: &str = "journal.new";
/// A copy that could not be read at the start.
pub(super) const OLD_NAME: &str = "journal.old";
/// Is there while maintenance is on, in both folders.
pub(super) const MAINTENANCE_NAME: &str = "maintenance";
/// What it says to those who find it.
const MAINTENANCE_TEXT: &[u8] = b"Recoveries are held. To end this: bmcnotice maintenance off\n";

/// Whether maintenance is on in this folder.
pub(super) fn is_maintained(folder: &Path) -> bool {
    std::fs::symlink_metadata(folder.join(MAINTENANCE_NAME)).is_ok()
}

/// Writes down that maintenance is on, or off.
pub(super) fn maintain(folder: &Path, on: bool) -> io::Result<()> {
    let path = folder.join(MAINTENANCE_NAME);
    if on {
        let mut file = options().write(true).create(true).truncate(true).open(&path).and_then(regular)?;
        return file.write_all(MAINTENANCE_TEXT);
    }
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What the storage thread copies. Its lock is never held while the disk is touched.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) file: Arc<File>,
    pub(super) end: usize,
    /// Counts the replacements.
    pub(super) generation: u64,
    /// Whether maintenance is on.
    pub(super) maintenance: bool,
}

/// Mode of the folders that we make.
const FOLDER_MODE: u32 = 0o700;
/// Mode of our files.
const FILE_MODE: u32 = 0o600;
/// How often a signal may interrupt a reservation.
const INTERRUPTIONS: u32 = 16;
/// Write permission for others.
const OTHERS_WRITE: u32 = 0o002;

/// Makes the folder if need be. One that others may write to is refused: a forged journal could run
/// a recovery again.
pub(in crate::io) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)?;
    let meta = std::fs::metadata(path)?;
    // SAFETY: cannot fail, takes nothing.
    let own = unsafe { libc::geteuid() };
    if meta.mode() & OTHERS_WRITE != 0 || (meta.uid() != own && meta.uid() != 0) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others may write into this folder"));
    }
    Ok(())
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    // Not blocking: a FIFO under our name must not stop us. Close-on-exec is the library's default.
    options.mode(FILE_MODE).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC);
    options
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "the journal is not a regular file"))
}

/// The hot file, as it is or empty.
pub(super) fn open_hot(path: &Path) -> io::Result<File> {
    options().read(true).write(true).create(true).truncate(false).open(path).and_then(regular)
}

/// A file that exists, for reading.
pub(super) fn open_read(path: &Path) -> io::Result<File> {
    options().read(true).open(path).and_then(regular)
}

/// A file that exists, for writing.
pub(super) fn open_write(path: &Path) -> io::Result<File> {
    options().write(true).open(path).and_then(regular)
}

/// An empty file in the place of what a killed process may have left.
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    options().read(true).write(true).create_new(true).open(path)
}

/// At most `limit` octets from the beginning.
pub(super) fn read(file: &File, limit: usize) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    file.take(limit as u64).read_to_end(&mut octets)?;
    Ok(octets)
}

/// Reserves the space, so that no later write fails for want of it.
pub(super) fn preallocate(file: &File, octets: usize) -> io::Result<()> {
    let mut errno = libc::EINTR;
    for _ in 0..INTERRUPTIONS {
        // SAFETY: the descriptor is open for writing while `file` is borrowed.
        errno = unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, octets as libc::off_t) };
        if errno != libc::EINTR {
            break;
        }
    }
    match errno {
        0 | libc::EOPNOTSUPP => Ok(()), // a file system that cannot reserve can still be written to
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

/// Whether the folder is on a file system that no disk can freeze.
pub(super) fn is_in_memory(folder: &Path) -> io::Result<bool> {
    /// `RAMFS_MAGIC` of linux/magic.h, which the libc crate does not have.
    const RAMFS_MAGIC: i128 = 0x8584_58F6;
    let path = std::ffi::CString::new(folder.as_os_str().as_bytes())?;
    let mut stat = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: `path` ends in a zero; `stat` has room for the answer.
    if unsafe { libc::statfs(path.as_ptr(), stat.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: filled, as the call succeeded. Its type differs between machines.
    let kind = unsafe { stat.assume_init() }.f_type as i128;
    Ok(kind == libc::TMPFS_MAGIC as i128 || kind == RAMFS_MAGIC)
}
