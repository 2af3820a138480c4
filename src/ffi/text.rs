//! Text on its way to C: copied into the caller's buffer, or kept with a NUL.

use crate::Error;
use std::ffi::{CStr, CString, c_char, c_int};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; a panic of another holder leaves texts as good as any.
pub(super) fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Copies `text` into `buffer`, cut to `size` at a character's border, with a NUL; its full length.
///
/// # Safety
/// `buffer` is writable for `size` octets, or `size` is 0.
pub(super) unsafe fn copy(text: &str, buffer: *mut c_char, size: usize) -> Result<c_int, Error> {
    if buffer.is_null() && size > 0 {
        return Err(Error::invalid("buffer is NULL"));
    }
    if size > 0 {
        let fits = (0..=text.len().min(size - 1)).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        // SAFETY: fits < size, and the caller vouches for `size` writable octets.
        unsafe {
            buffer.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), fits);
            buffer.add(fits).write(0);
        }
    }
    Ok(c_int::try_from(text.len()).unwrap_or(c_int::MAX))
}

/// A C string of ours; a NUL inside (which our texts do not have) ends it.
pub(super) fn owned(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}

/// A C string of the caller's.
///
/// # Safety
/// `text` is NULL or a C string that outlives the result.
pub(super) unsafe fn given<'a>(text: *const c_char, what: &str) -> Result<&'a str, Error> {
    if text.is_null() {
        return Err(Error::invalid(format!("{what} is NULL")));
    }
    // SAFETY: a C string, by contract.
    unsafe { CStr::from_ptr(text) }.to_str().map_err(|_| Error::invalid(format!("{what} is not UTF-8")))
}
