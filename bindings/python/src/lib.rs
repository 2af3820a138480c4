//! The Python module; over `Context`.
