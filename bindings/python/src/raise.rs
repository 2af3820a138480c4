//! Errors become exceptions here and nowhere else.

use crate::values;
use bmcnotice::Error as Core;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::{PyErr, import_exception};

import_exception!(bmcnotice.exceptions, BrokenError);
import_exception!(bmcnotice.exceptions, BusyError);
import_exception!(bmcnotice.exceptions, ConfigError);
import_exception!(bmcnotice.exceptions, Error);
import_exception!(bmcnotice.exceptions, ForkError);
import_exception!(bmcnotice.exceptions, StaleError);

/// The exception of an error.
pub fn from(py: Python<'_>, error: Core) -> PyErr {
    let text = error.to_string();
    match error {
        Core::Busy => BusyError::new_err(text),
        Core::Forked => ForkError::new_err(text),
        Core::Stale => StaleError::new_err(text),
        Core::Broken(_) => BrokenError::new_err(text),
        Core::Config(findings) => match values::findings(py, &findings) {
            Ok(list) => ConfigError::new_err((list.unbind(),)),
            Err(error) => error,
        },
        // By its errno Python chooses the class: PermissionError, FileNotFoundError, ...
        Core::Io(_, error) => match error.raw_os_error() {
            Some(errno) => PyOSError::new_err((errno, text)),
            None => PyOSError::new_err(text),
        },
        Core::Invalid(_) | Core::TooBig | Core::Panicked(_) => Error::new_err(text),
    }
}

/// The context was closed, by the end of its `with` for example.
pub fn closed() -> PyErr {
    Error::new_err("the context is closed")
}
