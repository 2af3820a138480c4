//! Sized structs: how the ABI grows.

use crate::{Error, Mode};
use std::mem::{offset_of, size_of};

/// Who does the work of a context.
#[repr(C)]
pub enum bmcn_mode {
    /// The caller's thread, inside bmcn_ctx_dispatch().  Callbacks must not block.
    BMCN_MODE_LOOP = 0,
    /// The library's thread.  Callbacks run inside bmcn_ctx_dispatch() and may block for minutes.
    BMCN_MODE_THREAD = 1,
}

/// How to make a context.  Zero everything, then set `size`.
///
/// Later versions append members.  A `size` smaller than the first version is BMCN_EINVAL; a larger
/// one than this library knows is accepted if the rest is zero, and otherwise BMCN_E2BIG.
#[repr(C)]
pub struct bmcn_options {
    /// sizeof(bmcn_options) of the caller.
    pub size: usize,
    /// One of bmcn_mode.
    pub mode: u32,
    /// Must be zero.
    pub reserved: u32,
}

/// The size of the first version, for ever. It must end without padding: a member added later into
/// padding could not be told from an old caller's garbage.
const FIRST_SIZE: usize = 16;
const _: () = assert!(size_of::<bmcn_options>() == FIRST_SIZE);
const _: () = assert!(offset_of!(bmcn_options, reserved) + size_of::<u32>() == size_of::<bmcn_options>());

/// No version will be longer; a larger size is garbage and nothing is read by it.
const LARGEST_SIZE: usize = 4096;

/// Whether a sized struct of the caller's can be read (or written) as ours.
///
/// # Safety
/// `given` points to a `usize` that says how many octets are readable from there on.
pub(super) unsafe fn fits(given: *const usize, first: usize, known: usize) -> Result<(), Error> {
    // SAFETY: the first member is always there; the others once the size says so.
    let size = unsafe { given.read() };
    if size < first {
        return Err(Error::invalid("size is smaller than the first version of the struct"));
    }
    if size > LARGEST_SIZE {
        return Err(Error::TooBig);
    }
    // SAFETY: the caller vouches for `size` octets, and `size` is at least `known` in this version.
    let tail = unsafe { std::slice::from_raw_parts(given.cast::<u8>().add(known), size.saturating_sub(known)) };
    if tail.iter().any(|&octet| octet != 0) { Err(Error::TooBig) } else { Ok(()) }
}

/// # Safety
/// `options` is NULL or points to `options->size` readable octets.
pub(super) unsafe fn read(options: *const bmcn_options) -> Result<Mode, Error> {
    if options.is_null() {
        return Ok(Mode::default());
    }
    // SAFETY: by contract.
    unsafe { fits(options.cast(), FIRST_SIZE, size_of::<bmcn_options>())? };
    // SAFETY: at least the first version is readable.
    let given = unsafe { &*options };
    if given.reserved != 0 {
        return Err(Error::TooBig);
    }
    match given.mode {
        0 => Ok(Mode::Loop),
        1 => Ok(Mode::Thread),
        _ => Err(Error::invalid("options.mode is not a bmcn_mode")),
    }
}
