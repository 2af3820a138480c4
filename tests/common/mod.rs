//! Reads the vectors.

use std::fs;
use std::path::Path;

/// A file under `tests/vectors`.
pub fn text(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The octets of a line.
pub fn octets(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2), "half an octet");
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}
