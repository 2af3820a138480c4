//! Values set by calls: Python's as TOML text.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyList, PyMapping, PyString, PyTuple};
use std::borrow::Cow;
use std::fmt::Write;
use std::path::PathBuf;

/// Limit: mappings and lists within each other; a list may hold itself.
const MAX_DEPTH: usize = 8;

/// Path and text of every value in a mapping. A mapping within stands for a table; below `server` and `monitor` its
/// names choose among the tables of the list.
pub fn spread(mapping: &Bound<'_, PyMapping>) -> PyResult<Vec<(String, String)>> {
    let mut settings = Vec::new();
    for item in mapping.items()? {
        let (path, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        lay_out(key(&path)?.into_owned(), &value, 0, &mut settings)?;
    }
    Ok(settings)
}

fn lay_out(path: String, value: &Bound<'_, PyAny>, depth: usize, out: &mut Vec<(String, String)>) -> PyResult<()> {
    let Ok(table) = value.cast::<PyMapping>() else {
        let mut text = String::new();
        emit(value, depth, &mut text)?;
        out.push((path, text));
        return Ok(());
    };
    let depth = deeper(depth)?;
    for item in table.items()? {
        let (name, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        lay_out(format!("{path}.{}", step(&key(&name)?)?), &value, depth, out)?;
    }
    Ok(())
}

/// One value as TOML text; a mapping as an inline table.
pub fn text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let mut text = String::new();
    emit(value, 0, &mut text)?;
    Ok(text)
}

fn key<'a>(key: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, str>> {
    match key.cast::<PyString>() {
        Ok(key) => key.to_cow(),
        Err(_) => Err(PyTypeError::new_err("a setting's name is a str")),
    }
}

/// One step of a path; a name that could be taken for more than one stands in quotes.
fn step(name: &str) -> PyResult<String> {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match name {
        "" => Err(PyValueError::new_err("a setting's name is empty")),
        name if name.chars().all(bare) => Ok(name.to_owned()),
        name if name.contains('"') => Err(PyValueError::new_err("a setting's name contains a quote")),
        name => Ok(format!("\"{name}\"")),
    }
}

fn deeper(depth: usize) -> PyResult<usize> {
    if depth >= MAX_DEPTH {
        return Err(PyValueError::new_err("a setting is nested too deeply"));
    }
    Ok(depth + 1)
}

fn emit(value: &Bound<'_, PyAny>, depth: usize, out: &mut String) -> PyResult<()> {
    if let Ok(flag) = value.cast::<PyBool>() {
        out.push_str(if flag.is_true() { "true" } else { "false" });
    } else if value.is_instance_of::<PyInt>() {
        let number: i64 = value.extract()?; // what TOML can hold; else OverflowError
        let _ = write!(out, "{number}");
    } else if let Ok(text) = value.cast::<PyString>() {
        quote(&text.to_cow()?, out);
    } else if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        let depth = deeper(depth)?;
        out.push('[');
        for item in value.try_iter()? {
            emit(&item?, depth, out)?;
            out.push(',');
        }
        out.push(']');
    } else if let Ok(table) = value.cast::<PyMapping>() {
        let depth = deeper(depth)?;
        let mut before = "{ ";
        for item in table.items()? {
            let (name, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
            out.push_str(before);
            quote(&key(&name)?, out);
            out.push_str(" = ");
            emit(&value, depth, out)?;
            before = ", ";
        }
        out.push_str(if before == "{ " { "{}" } else { " }" });
    } else if let Ok(path) = value.extract::<PathBuf>() {
        let path = path.into_os_string().into_string();
        quote(&path.map_err(|_| PyValueError::new_err("a path is not UTF-8"))?, out);
    } else {
        // The type alone: the value may be a secret.
        let kind = value.get_type().name()?;
        let text = format!("a setting is a str, int, bool, path, list or mapping, not {kind}");
        return Err(PyTypeError::new_err(text));
    }
    Ok(())
}

/// A basic string of TOML.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c)); // all of them are below U+00A0
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
