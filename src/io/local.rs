//! Sockets for this host's operators: made for their owner alone, and who is at the other end is asked of the
//! kernel.
//!
//! For programs of ours (`bmcnotice run`); the library itself listens to nobody but BMCs.

use super::store::make_folder;
use super::sys::check;
use std::io::{Error, ErrorKind, Result};
use std::mem::{MaybeUninit, size_of};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Limit: clients that wait to be let in; a further one waits in its own connect(2).
const BACKLOG: libc::c_int = 16;
/// Mode of the socket.
const SOCKET_MODE: u32 = 0o600;

/// Listens at `path`, in the place of what a killed process may have left there. Its folder must not be writable
/// for others. Does not block.
pub fn listen(path: &Path) -> Result<UnixListener> {
    make_folder(path.parent().unwrap_or(Path::new("/")))?;
    if UnixStream::connect(path).is_ok() {
        return Err(Error::new(ErrorKind::AddrInUse, "another process listens there"));
    }
    // Under another name until it has its mode, then in one step.
    let new = path.with_extension("new");
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&new)?;
    // SAFETY: no memory is involved. It listens already, and has another backlog from now on.
    check(unsafe { libc::listen(listener.as_raw_fd(), BACKLOG) })?;
    std::fs::set_permissions(&new, PermissionsExt::from_mode(SOCKET_MODE))?;
    std::fs::rename(&new, path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Whether the other end is root's, or of our own user.
pub fn is_trusted(stream: &UnixStream) -> bool {
    // SAFETY: cannot fail, takes nothing.
    let own = unsafe { libc::geteuid() };
    peer(stream).is_ok_and(|uid| uid == 0 || uid == own)
}

fn peer(stream: &UnixStream) -> Result<libc::uid_t> {
    let mut credentials = MaybeUninit::<libc::ucred>::uninit();
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    let (level, option) = (libc::SOL_SOCKET, libc::SO_PEERCRED);
    // SAFETY: writes at most `length` octets, which is the structure's size.
    check(unsafe {
        libc::getsockopt(stream.as_raw_fd(), level, option, credentials.as_mut_ptr().cast(), &mut length)
    })?;
    if length as usize != size_of::<libc::ucred>() {
        return Err(Error::from(ErrorKind::InvalidData));
    }
    // SAFETY: the kernel filled all of it.
    Ok(unsafe { credentials.assume_init() }.uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_its_owners_alone_and_its_peer_is_known() {
        let folder = std::env::temp_dir().join(format!("bmcnotice-local-{}", std::process::id()));
        let path = folder.join("control");
        let first = listen(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(listen(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        let client = UnixStream::connect(&path).unwrap();
        let (server, _) = (0..1000).find_map(|_| first.accept().ok()).unwrap();
        assert!(is_trusted(&server) && is_trusted(&client));
        drop(first);
        drop(listen(&path).unwrap()); // what a killed process left
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).unwrap();
        assert_eq!(listen(&path).unwrap_err().kind(), ErrorKind::PermissionDenied);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
