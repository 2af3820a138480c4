//! The configuration handle.

use super::result::{bmcn_result::*, code, shielded};
use super::text;
use crate::config::finding::Severity;
use crate::{Config, Error, shield};
use std::ffi::{c_char, c_int};
use std::sync::Mutex;

/// A configuration, opaque: a text and settings, judged as a whole when asked.  Any thread, but that
/// bmcn_config_free() must be the last call on it.
pub struct bmcn_config {
    config: Mutex<Config>,
    message: Mutex<String>,
}

/// NULL, panic, message and code of a call on a configuration.
///
/// # Safety
/// `config` is NULL or made by bmcn_config_new and not freed.
pub(super) unsafe fn enter(
    config: *const bmcn_config,
    body: impl FnOnce(&mut Config) -> Result<c_int, Error>,
) -> c_int {
    // SAFETY: by contract.
    let Some(handle) = (unsafe { config.as_ref() }) else { return BMCN_EINVAL as c_int };
    let outcome =
        shield::catch(|| body(&mut text::lock(&handle.config))).unwrap_or_else(|report| Err(Error::Panicked(report)));
    outcome.unwrap_or_else(|error| {
        *text::lock(&handle.message) = error.to_string();
        code(&error)
    })
}

/// What it says now; `None` if it is NULL.
///
/// # Safety
/// `config` is NULL or made by bmcn_config_new and not freed.
pub(super) unsafe fn copy(config: *const bmcn_config) -> Option<Config> {
    // SAFETY: by contract.
    unsafe { config.as_ref() }.map(|handle| text::lock(&handle.config).clone())
}

/// Make an empty configuration.
///
/// `*out` is written only on success; free it with bmcn_config_free().  Any thread.
///
/// Returns BMCN_EINVAL if out is NULL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_config_new(out: *mut *mut bmcn_config) -> c_int {
    shielded(|| {
        // SAFETY: NULL or writable, by contract.
        let out = unsafe { out.as_mut() }.ok_or(Error::invalid("out is NULL"))?;
        let handle = bmcn_config { config: Mutex::new(Config::new()), message: Mutex::default() };
        *out = Box::into_raw(Box::new(handle));
        Ok(BMCN_OK as c_int)
    })
}

/// Free a configuration; NULL is a no-op.  Contexts made from it go on without it.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_config_free(config: *mut bmcn_config) {
    if !config.is_null() {
        // SAFETY: made by bmcn_config_new, given up by the caller.
        drop(unsafe { Box::from_raw(config) });
    }
}

/// Take the text of a file (see docs/configuration.md), in place of what was there, settings included.
///
/// Nothing is judged yet.
///
/// Returns BMCN_EINVAL, BMCN_EIO (the message says which file and why); then nothing has changed.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_config_read_file(config: *mut bmcn_config, path: *const c_char) -> c_int {
    unsafe {
        enter(config, |config| {
            *config = Config::from_file(text::given(path, "path")?)?;
            Ok(BMCN_OK as c_int)
        })
    }
}

/// Take a text, in place of what was there, settings included.  `name`, which may be NULL, stands in
/// messages where a file's would.
///
/// Returns BMCN_EINVAL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_config_read_text(
    config: *mut bmcn_config,
    text: *const c_char,
    name: *const c_char,
) -> c_int {
    unsafe {
        enter(config, |config| {
            let name = if name.is_null() { "(text)" } else { text::given(name, "name")? };
            *config = Config::from_text(text::given(text, "text")?, name);
            Ok(BMCN_OK as c_int)
        })
    }
}

/// Set one value, whatever the text says: `path` with dots as in "server.server1.bmc.address", `value` as it
/// would stand in the file ("\"192.168.0.11\"", "3", "true").
///
/// Judged together with everything else.
///
/// Returns BMCN_EINVAL if one of them is NULL or not UTF-8.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_config_set(config: *mut bmcn_config, path: *const c_char, value: *const c_char) -> c_int {
    unsafe {
        enter(config, |config| {
            config.set(text::given(path, "path")?, text::given(value, "value")?);
            Ok(BMCN_OK as c_int)
        })
    }
}

/// Judge the configuration, and what this host is like, in one pass.
///
/// The findings, errors or not, become the message, one a line.  Returns how many there are if none is an
/// error, else BMCN_ECONFIG; BMCN_EINVAL.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_config_check(config: *mut bmcn_config) -> c_int {
    // SAFETY: by contract.
    let Some(handle) = (unsafe { config.as_ref() }) else { return BMCN_EINVAL as c_int };
    let judge = |config: &mut Config| {
        let findings = config.check();
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            return Err(Error::Config(findings));
        }
        let count = c_int::try_from(findings.len()).unwrap_or(c_int::MAX);
        *text::lock(&handle.message) = Error::Config(findings).to_string();
        Ok(count)
    };
    unsafe { enter(config, judge) }
}

/// Copy the message of the last failed call (of bmcn_ctx_new(), too, that was given this configuration), or
/// the findings of the last check, into `buffer`, cut to `size`, with a NUL.
///
/// Returns the message's full length, so that a result of `size` or more means it was cut.  BMCN_EINVAL if
/// config is NULL, or `buffer` is NULL and `size` is not 0.  Any thread.  Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bmcn_config_message(config: *const bmcn_config, buffer: *mut c_char, size: usize) -> c_int {
    // SAFETY: by contract.
    let Some(handle) = (unsafe { config.as_ref() }) else { return BMCN_EINVAL as c_int };
    // SAFETY: the caller vouches for the buffer.
    shielded(|| unsafe { text::copy(&text::lock(&handle.message), buffer, size) })
}
