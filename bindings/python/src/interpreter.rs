//! Which interpreter imports us.
//!
//! A callback attaches to the main interpreter, whichever made the context. pyo3 no longer refuses the others.

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

/// The module that tells interpreters apart: from Python 3.13 on, and before.
const MODULES: [&str; 2] = ["_interpreters", "_xxsubinterpreters"];

/// Refuses a sub-interpreter. A Python that was built without the means to tell is taken at its word.
pub fn must_be_main(py: Python<'_>) -> PyResult<()> {
    let Some(module) = MODULES.iter().find_map(|name| py.import(*name).ok()) else { return Ok(()) };
    if module.call_method0("get_current")?.eq(module.call_method0("get_main")?)? {
        return Ok(());
    }
    Err(PyImportError::new_err("bmcnotice works in the main interpreter, not in a subinterpreter"))
}
