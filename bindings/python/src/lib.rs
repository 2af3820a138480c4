//! The Python module `bmcnotice._bmcnotice`: translates types over the Rust context, nothing else.
//!
//! The public package is `python/bmcnotice`; its exceptions, words and values are Python's own classes, and are
//! made from here. Nothing in the core attaches to the interpreter but callbacks, and those run inside dispatch.

mod callback;
mod config;
mod context;
mod interpreter;
mod raise;
mod settings;

mod values;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _bmcnotice {
    #[pymodule_export]
    use super::config::Config;
    #[pymodule_export]
    use super::context::Context;

    #[pymodule_export]
    #[allow(non_upper_case_globals)] // Python's name
    const __version__: &str = env!("CARGO_PKG_VERSION");

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::interpreter::must_be_main(module.py())
    }
}
