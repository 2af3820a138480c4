//! The house rules that a compiler does not know: who may use whom, who may touch the system, and
//! that the limiting numbers stand in docs/limits.md. CONTRIBUTING.md explains them.
//!
//! The tables below are the rules; `architecture/rules.rs` reads the sources by them, and
//! `architecture/red.rs` shows for each rule a source that breaks it.

#[path = "architecture/limits.rs"]
mod limits;
#[path = "architecture/red.rs"]
mod red;
#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/scan.rs"]
mod scan;
#[path = "architecture/uses.rs"]
mod uses;

use std::fs;
use std::io::Write;
use std::path::Path;

/// The floors, from the ground up. A module uses what is below it; its neighbours only by `NEIGHBOURS`.
const FLOORS: &[&[&str]] = &[
    &["now", "words", "crypto", "wire"],
    &["config", "suite"],
    &["notice", "bmc", "sim"],
    &["recovery", "heartbeat", "audit"],
    &["engine"],
    &["io", "shield", "model"],
    &["setup"],
    &["plant"],
    &["feed"],
    &["context"],
    &["ffi", "bin", "python"],
];

/// (user, used) on one floor.
const NEIGHBOURS: &[(&str, &str)] = &[("wire", "words"), ("io", "shield")];

/// The parts of `std`, `core` and `alloc` that cannot touch the system: all that is allowed below `io`.
#[rustfmt::skip]
const PURE: &[&str] = &[
    "any", "array", "ascii", "assert_eq", "assert_ne", "assert", "borrow", "boxed", "cell", "char", "clone", "cmp",
    "collections", "concat", "convert", "debug_assert", "default", "error", "fmt", "format", "format_args", "hash",
    "hint", "iter", "marker", "matches", "mem", "num", "ops", "option", "rc", "result", "slice", "str", "string",
    "vec", "write", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
];

/// And from `core` alone, so that it shows: addresses without sockets, durations without clocks.
const PURE_CORE: &[&str] = &["net", "time"];

/// And from `alloc`: shared ownership. Its locks and atomics are elsewhere.
const PURE_ALLOC: &[&str] = &["sync"];

/// Every dependency, and the modules that may name it, with all below them.
const CRATES: &[(&str, &[&str])] = &[
    ("aes", &["crypto"]),
    ("cbc", &["crypto"]),
    ("cfb_mode", &["crypto"]),
    ("des", &["crypto"]),
    ("digest", &["crypto"]),
    ("hmac", &["crypto"]),
    ("md5", &["crypto"]),
    ("md_5", &["crypto"]),
    ("rand_chacha", &["crypto"]),
    ("rand_core", &["crypto"]),
    ("sha1", &["crypto"]),
    ("sha2", &["crypto"]),
    ("subtle", &["crypto"]),
    ("zeroize", &["crypto"]),
    ("crc32fast", &["wire", "recovery", "io"]),
    ("nom", &["wire", "config"]),
    ("roxmltree", &["recovery::pacemaker"]),
    ("toml", &["config"]),
    ("roxmltree", &["recovery"]),
    ("libc", &["io"]),
    ("crossbeam_channel", &["io", "plant", "feed", "context", "ffi", "bin", "python"]),
    ("parking_lot", &["io", "plant", "feed", "context", "ffi", "bin", "python"]),
    ("clap", &["bin"]),
    ("etherparse", &["bin"]),
    ("pcap_parser", &["bin"]),
    ("serde_json", &["bin"]),
    ("pyo3", &["python"]),
];

#[test]
fn the_house_is_in_order() {
    let files = sources();
    assert!(files.iter().any(|(path, _)| path == "src/lib.rs"), "the sources were not found");
    for line in rules::long_files(&files) {
        // Not eprintln!: the harness would keep it to itself.
        writeln!(std::io::stderr(), "note: {line}").expect("stderr");
    }
    none(rules::check(&files));
}

/// A document that names a file of ours in backticks names one that is there.
#[test]
fn documents_name_files_that_exist() {
    let mut documents: Vec<String> = vec!["README.md".into(), "CONTRIBUTING.md".into()];
    for folder in ["docs", "docs/decisions"] {
        let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).expect("the documents");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name"));
        documents.extend(names.filter(|name| name.ends_with(".md")).map(|name| format!("{folder}/{name}")));
    }
    let ours = ["src/", "tests/", "docs/", "examples/", "bindings/", "benches/", "include/", "fuzz/"];
    let (mut seen, mut wrong) = (0, Vec::new());
    for document in documents {
        let content = text(&document);
        for name in content.split('`').skip(1).step_by(2) {
            let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "/._-".contains(c));
            if plain && ours.iter().any(|folder| name.starts_with(folder)) {
                seen += 1;
                if !Path::new(env!("CARGO_MANIFEST_DIR")).join(name).exists() {
                    wrong.push(format!("{document}: there is no {name}"));
                }
            }
        }
    }
    assert!(seen > 20, "only {seen} names were found: nothing was looked at");
    none(wrong);
}

#[test]
fn every_dependency_has_its_place() {
    let mut wrong = Vec::new();
    for manifest in ["Cargo.toml", "bindings/python/Cargo.toml"] {
        for name in dependencies(&text(manifest)) {
            let place = CRATES.iter().find(|(known, _)| *known == name.replace('-', "_"));
            if place.is_none() && name != "bmcnotice" {
                wrong.push(format!("{manifest}: {name} is not listed in CRATES of tests/architecture.rs"));
            }
        }
    }
    none(wrong);
}

#[test]
fn limits_are_documented() {
    none(limits::check(&sources(), &text("docs/limits.md")));
}

/// Fails with every line, if there is one.
fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} broken rules:\n{}", wrong.len(), wrong.join("\n"));
}

/// The crates that a manifest's `[dependencies]` name, as they are called in sources.
fn dependencies(manifest: &str) -> Vec<String> {
    let section = manifest.lines().skip_while(|line| line.trim() != "[dependencies]").skip(1);
    let lines = section.take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| Some(line.split_once('=')?.0.trim().to_owned())).collect()
}

/// Every source of the library, the binary and the Python module: (path, text), in order.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("bindings/python/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).expect("below the root").to_str().expect("UTF-8").to_owned();
                let text = text(&name);
                found.push((name, text));
            }
        }
    }
    found.sort();
    found
}

/// A file of the project.
fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
