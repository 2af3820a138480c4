//! What a context is made from.

use crate::{raise, settings, values};
use bmcnotice::Config as Core;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyMapping};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// What a context is made from: a file or a text, and values set by calls; nothing is judged before check().
#[pyclass(frozen, module = "bmcnotice")]
pub struct Config(Mutex<Core>);

#[pymethods]
impl Config {
    /// An empty configuration, to be filled by set().
    #[new]
    fn new() -> Self {
        Self(Mutex::new(Core::new()))
    }

    /// Reads a file. Raises OSError.
    #[staticmethod]
    fn from_file(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        file(py, path).map(|core| Self(Mutex::new(core)))
    }

    /// Takes a text; name stands in findings where a file's would.
    #[staticmethod]
    #[pyo3(signature = (text, name="(text)"))]
    fn from_text(text: &str, name: &str) -> Self {
        Self(Mutex::new(Core::from_text(text, name)))
    }

    /// Sets one value, whatever the text says: a dotted path such as "server.server1.bmc.address", and a str, int,
    /// bool, path, list, or mapping for a whole table.
    fn set(&self, path: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let text = settings::text(value)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).set(path, text);
        Ok(())
    }

    /// Everything that is wrong or worth a word, in one pass.
    fn check<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let core = self.core();
        let findings = py.detach(|| core.check());
        values::findings(py, &findings)
    }
}

impl Config {
    fn core(&self) -> Core {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// From whatever a context is made from. A str is always a path: a text that could be either would be guessed at.
pub fn given(config: &Bound<'_, PyAny>) -> PyResult<Core> {
    let py = config.py();
    if let Ok(config) = config.cast::<Config>() {
        return Ok(config.get().core());
    }
    if let Ok(mapping) = config.cast::<PyMapping>() {
        let mut core = Core::new();
        settings::spread(mapping)?.into_iter().for_each(|(path, value)| core.set(path, value));
        return Ok(core);
    }
    match config.extract::<PathBuf>() {
        Ok(path) => file(py, path),
        Err(_) => {
            let kind = config.get_type().name()?;
            Err(PyTypeError::new_err(format!("config is a path, a Config or a mapping of settings, not {kind}")))
        }
    }
}

fn file(py: Python<'_>, path: PathBuf) -> PyResult<Core> {
    py.detach(|| Core::from_file(path)).map_err(|error| raise::from(py, error))
}
