//! Sources that break the rules: a rule is worth something only if it can go red.
//!
//! Each test gives a source that is wrong, and beside it one that looks alike and is right.

use super::{limits, rules};

const OPEN: &str = "//! What it is for.\n";

/// What the rules say about these files, each opened as it should be.
fn verdict(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<_> = files.iter().map(|(path, text)| (path.to_string(), format!("{OPEN}{text}"))).collect();
    rules::check(&files)
}

#[track_caller]
fn green(files: &[(&str, &str)]) {
    assert_eq!(verdict(files), Vec::<String>::new());
}

/// Exactly one complaint, that begins with `place` and says `what`.
#[track_caller]
fn red(files: &[(&str, &str)], place: &str, what: &str) {
    let wrong = verdict(files);
    assert!(wrong.len() == 1 && wrong[0].starts_with(place) && wrong[0].contains(what), "{place} {what}: {wrong:#?}");
}

/// A house of empty rooms around one file.
fn house<'a>(path: &'a str, text: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut files = vec![
        ("src/lib.rs", "pub mod wire; pub mod config; pub use context::Context; pub use words::*;"),
        ("src/words.rs", ""),
        ("src/now.rs", ""),
        ("src/crypto.rs", ""),
        ("src/wire/mod.rs", ""),
        ("src/wire/pet.rs", ""),
        ("src/config/mod.rs", "pub mod model; pub use model::Cluster;"),
        ("src/config/model.rs", ""),
        ("src/suite.rs", ""),
        ("src/notice/mod.rs", ""),
        ("src/bmc/mod.rs", ""),
        ("src/io/mod.rs", ""),
        ("src/context.rs", ""),
        ("src/ffi/mod.rs", ""),
        ("src/bin/bmcnotice/main.rs", ""),
        ("bindings/python/src/lib.rs", ""),
    ];
    files.retain(|(known, _)| *known != path);
    files.push((path, text));
    files
}

#[test]
fn a_floor_above_or_beside_is_refused() {
    red(&house("src/wire/pet.rs", "use crate::notice::Notice;"), "src/wire/pet.rs:2:", "`wire` may not use `notice`");
    red(&house("src/notice/mod.rs", "\nfn f(x: crate::bmc::X) {}"), "src/notice/mod.rs:3:", "may not use `bmc`");
    red(&house("src/wire/pet.rs", "use crate::crypto::Secret;"), "src/wire/pet.rs:2:", "may not use `crypto`");
    red(&house("src/wire/pet.rs", "use super::super::io::udp;"), "src/wire/pet.rs:2:", "may not use `io`");
    red(&house("src/words.rs", "use crate::{now::Now};"), "src/words.rs:2:", "may not use `now`");
    red(&house("src/ffi/mod.rs", "use crate::bin;"), "src/ffi/mod.rs:2:", "may not use `bin`");
    green(&house("src/wire/pet.rs", "use crate::words::Guid; use super::Error;"));
    green(&house("src/config/model.rs", "use crate::{crypto::Secret, now::Now, wire::{self, pet::Pet}, words};"));
    green(&house("src/context.rs", "use crate::io::{self, udp::Socket}; fn f() -> ::std::io::Result<()> {}"));
    green(&house("bindings/python/src/lib.rs", "use bmcnotice::{Context, config::Cluster};"));
}

#[test]
fn groups_are_opened_and_names_followed() {
    let text = "use crate::{\n  words::{Guid, Trust},\n  config::{model::Cluster as C, check},\n};";
    let wrong = verdict(&house("src/wire/mod.rs", text));
    assert_eq!(wrong.len(), 2, "{wrong:#?}");
    assert!(wrong.iter().all(|line| line.starts_with("src/wire/mod.rs:4: `crate::config::")), "{wrong:#?}");

    // lib.rs hands Context on; that does not put it on the ground floor.
    red(&house("src/suite.rs", "use crate::Context;"), "src/suite.rs:2:", "may not use `context`");
    red(&house("src/suite.rs", "use crate::Nothing;"), "src/suite.rs:2:", "neither a module nor handed on");
    red(&house("src/suite.rs", "use crate as all;"), "src/suite.rs:2:", "takes the whole crate");
    red(&house("bindings/python/src/lib.rs", "use bmcnotice::ffi::x;"), "bindings/python/", "may not use `ffi`");
    red(&house("src/bin/bmcnotice/main.rs", "fn f() { bmcnotice::ffi::x() }"), "src/bin/", "may not use `ffi`");
    red(&house("src/suite.rs", "macro_rules! m { () => { $crate::io::x() } }"), "src/suite.rs:2:", "may not use `io`");
    red(&house("src/suite.rs", "mod inner { use super::super::io::x; }"), "src/suite.rs:2:", "may not use `io`");
    green(&house("src/suite.rs", "mod inner { use super::x; } pub(in crate::io) struct X;"));
}

#[test]
fn an_unlisted_module_is_refused() {
    red(&house("src/helpers.rs", ""), "src/helpers.rs:", "module `helpers` has no floor");
    red(&house("src/helpers/deep.rs", ""), "src/helpers/deep.rs:", "module `helpers` has no floor");
}

#[test]
fn a_circle_is_found() {
    let two = [("src/bmc/mod.rs", "pub mod a; pub mod b;"), ("src/bmc/a.rs", "use super::b::B;")];
    green(&[two[0], two[1], ("src/bmc/b.rs", "")]);
    red(
        &[two[0], two[1], ("src/bmc/b.rs", "fn f() { crate::bmc::a::f() }")],
        "a circle: ",
        "bmc::a -> bmc::b -> bmc::a",
    );

    // A folder that hands a name on is no way round, and is not itself part of the circle.
    let folder = ("src/bmc/mod.rs", "pub mod a; pub mod b; pub use a::A; pub use b::B;");
    red(
        &[folder, ("src/bmc/a.rs", "use super::B;"), ("src/bmc/b.rs", "use super::A;")],
        "a circle: ",
        "bmc::a -> bmc::b",
    );
    green(&[folder, ("src/bmc/a.rs", "use super::B;"), ("src/bmc/b.rs", "use super::Error;")]);
    red(
        &[("src/bmc/mod.rs", "mod a; use a::A;"), ("src/bmc/a.rs", "use super::Error;")],
        "a circle: ",
        "bmc -> bmc::a",
    );
    red(
        &[
            ("src/bin/bmcnotice/main.rs", "mod demo; fn main() { demo::run() }"),
            ("src/bin/bmcnotice/demo.rs", "use crate::usage;"),
        ],
        "a circle: ",
        "bin::bmcnotice::demo",
    );
}

#[test]
fn the_system_is_out_of_reach_below_io() {
    for name in [
        "std::net::UdpSocket",
        "std::fs",
        "std::io::Read",
        "std::thread",
        "std::process::Command",
        "std::sync::Arc",
        "core::sync::atomic::AtomicU32",
        "alloc::task::Wake",
        "std::os::fd::RawFd",
        "std::env",
        "std::time::Instant",
        "std::time::SystemTime",
        "std::time::Duration", // from core::time, so that the line shows that it is no clock
        "std::net::IpAddr",
        "std::*",
        "std",
    ] {
        red(&house("src/notice/mod.rs", &format!("use {name};")), "src/notice/mod.rs:2:", "below io");
        green(&house("src/io/mod.rs", &format!("use {name};")));
    }
    red(&house("src/engine.rs", "use std::fs;"), "src/engine.rs:2:", "below io");
    red(&house("src/suite.rs", "fn f() { ::std::thread::park() }"), "src/suite.rs:2:", "`std::thread::park` below io");
    red(&house("src/suite.rs", "use std::{fmt, fs};"), "src/suite.rs:2:", "`std::fs` below io");
    for name in ["println", "eprintln", "print", "eprint", "thread_local"] {
        let text = format!("fn f() {{ {name}!(\"x\") }}");
        red(&house("src/suite.rs", &text), "src/suite.rs:2:", &format!("`{name}!` below io"));
        green(&house("src/bin/bmcnotice/main.rs", &text));
    }
    let pure = "use core::net::IpAddr; use core::time::Duration; use alloc::sync::Arc; use std::collections::HashMap;";
    green(&house("src/suite.rs", pure));
}

#[test]
fn a_crate_stays_in_its_place() {
    for name in ["aes", "cbc", "hmac", "sha1", "sha2", "md5", "rand_chacha", "subtle", "zeroize"] {
        red(&house("src/suite.rs", &format!("use {name}::X;")), "src/suite.rs:2:", "may be named in crypto alone");
        green(&house("src/crypto.rs", &format!("use {name}::X;")));
    }
    red(&house("src/context.rs", "fn f() { unsafe_free(libc::EINTR) }"), "src/context.rs:2:", "crate `libc`");
    let tree = "use roxmltree::Document;";
    red(&house("src/recovery/machine.rs", tree), "src/recovery/machine.rs:2:", "in recovery::pacemaker alone");
    green(&house("src/recovery/pacemaker/cluster.rs", tree));
    red(&house("src/bmc/mod.rs", "use parking_lot::Mutex;"), "src/bmc/mod.rs:2:", "crate `parking_lot`");
    red(
        &house("src/bmc/mod.rs", "use crossbeam_channel as channel;"),
        "src/bmc/mod.rs:2:",
        "crate `crossbeam_channel`",
    );
    green(&house("src/bmc/mod.rs", "fn f(libc: u8) -> u8 { let aes = libc; aes }"));
}

#[test]
fn unsafe_stands_in_io_and_ffi_alone() {
    red(&house("src/context.rs", "fn f() { unsafe { g() } }"), "src/context.rs:2:", "`unsafe`");
    red(&house("src/suite.rs", "#[cfg(test)] mod tests { unsafe fn f() {} }"), "src/suite.rs:2:", "`unsafe`");
    green(&house("src/io/mod.rs", "fn f() { unsafe { g() } }"));
    green(&house("src/ffi/mod.rs", "#[unsafe(no_mangle)] extern \"C\" fn f() {}"));
    green(&house("src/suite.rs", "#![forbid(unsafe_code)]"));
}

#[test]
fn a_file_opens_with_its_purpose_and_is_short() {
    let check = |text: String| rules::check(&[("src/words.rs".into(), text)]);
    for text in ["", "use core::fmt;\n", "// A comment.\n", "/// An item.\nstruct X;\n", "//!\n"] {
        let wrong = check(text.into());
        assert!(wrong.len() == 1 && wrong[0].contains("opens without"), "{text:?}: {wrong:?}");
    }
    let lines = |count: usize| OPEN.to_owned() + &"\n".repeat(count - 1);
    assert!(check(lines(rules::MOST_LINES)).is_empty());
    assert!(check(lines(rules::MOST_LINES + 1))[0].contains("601 lines"));
    let long = |count| rules::long_files(&[("src/words.rs".into(), lines(count))]).len();
    assert_eq!((long(rules::AIM), long(rules::AIM + 1)), (0, 1));
}

#[test]
fn debts_are_refused() {
    for debt in ["fn f() { todo!() }", "fn f() { unimplemented!() }", "#[allow(dead_code)] fn f() {}"] {
        red(&house("src/io/mod.rs", debt), "src/io/mod.rs:2:", "`");
    }
    red(&house("src/io/mod.rs", "#[cfg(test)] mod t { #[test] #[ignore] fn f() {} }"), "src/io/mod.rs:2:", "ignore");
    green(&house("src/io/mod.rs", "fn todo() -> u8 { 1 } fn ignore() {}"));
}

#[test]
fn comments_strings_and_tests_are_not_code() {
    let hidden = r####"
        // use crate::io::x; unsafe
        /* unsafe /* nested */ use std::fs; */
        /// Like [`crate::io::x`], `unsafe`.
        const A: &str = "unsafe { std::fs::read() } \" unsafe";
        const B: &[u8] = br##"unsafe "# crate::io::x"##;
        const C: [char; 4] = ['"', '\'', '\\', '\u{22}'];
        const D: &'static str = r#"unsafe"#;
        fn f<'a>(x: &'a str) -> &'a str { let r#fn = b'"'; x }
        #[cfg(test)] use std::fs::{self, File};
        #[cfg(test)] const E: std::time::Instant = { now() };
        #[test] fn t<A, B>() where A: B { println!("{}", std::env::args()) }
        #[cfg(all(test, feature = "sim"))] #[rustfmt::skip] pub(crate) mod tests { use crate::io::x; }
        "####;
    green(&house("src/suite.rs", hidden));

    // What follows any of these is code again.
    for before in ["/* /* */ */", "const A: &str = \"\\\\\";", "const B: char = '\"';", "#[cfg(test)] mod t {}"] {
        red(&house("src/suite.rs", &format!("{before} use std::fs;")), "src/suite.rs:2:", "std::fs");
    }
    for before in ["#[cfg(not(test))]", "#[cfg(any(test, unix))]", "#[cfg_attr(test, x)]"] {
        red(&house("src/suite.rs", &format!("{before} use std::fs;")), "src/suite.rs:2:", "std::fs");
    }

    // A test module in a file of its own.
    let tests = ("src/suite/tests.rs", "use std::fs;");
    green(&[("src/suite/mod.rs", "#[cfg(test)] mod tests;"), tests]);
    red(&[("src/suite/mod.rs", "mod tests;"), tests], "src/suite/tests.rs:2:", "std::fs");
}

#[test]
fn limits_and_their_table_must_agree() {
    let source = "//! x\n/// Limit: arcs of one OID.\npub const ARCS: usize = 128;\n\
                  /// Limit: how long we wait.\n#[rustfmt::skip] pub(crate) const WAIT: Duration = Duration::from_millis(2 * 500);\n\
                  /// No limit at all.\nconst OTHER: u8 = 7;\n";
    let check = |source: &str, table: &str| limits::check(&[("src/a.rs".into(), source.into())], table);
    let table = "| name | value | unit | where | why |\n|---|---|---|---|---|\n";
    let arcs = "| `ARCS` | 128 | arcs | `src/a.rs` | RFC 2578 3.5 |\n";
    let wait = "| `WAIT` | 1 | s | `src/a.rs` | patience |\n";
    assert_eq!(check(source, &format!("{table}{arcs}{wait}")), Vec::<String>::new());

    #[track_caller]
    fn says(wrong: Vec<String>, what: &str) {
        assert!(wrong.len() == 1 && wrong[0].contains(what), "{what}: {wrong:#?}");
    }
    says(check(source, &format!("{table}{arcs}")), "add: | `WAIT` | 1 | s | `src/a.rs` | ? |");
    says(check(&source.replace("128", "0x81"), &format!("{table}{arcs}{wait}")), "the source says 129");
    says(check(source, &format!("{table}{arcs}{}", wait.replace("| s |", "| ms |"))), "the source says 1 | s");
    says(check(source, &format!("{table}{arcs}{wait}| `GONE` | 1 | x | `src/a.rs` | y |")), "is not in that file");
    says(check(source, &format!("{table}{arcs}{wait}| `OTHER` | 7 | x | `src/a.rs` | y |")), "does not say `Limit:`");
    says(check(source, &format!("{table}{}{wait}", arcs.replace("RFC 2578 3.5", ""))), "no reason");
    says(check(source, &format!("{table}{}{wait}", arcs.replace("128", "many"))), "no number");
    says(check(source, &format!("{table}{arcs}{wait}| a | b |")), "not five cells");
    says(check("/// What f says.\nconst MAX_LENGTH: usize = f();", table), "MAX_LENGTH limits something");
    says(check("/// Octets.\nconst MAX_LENGTH: usize = 1 << 16;", table), "MAX_LENGTH limits something");
    says(
        check("/// Limit: x.\nconst A: usize = f();", &format!("{table}{}", arcs.replace("ARCS", "A"))),
        "can read it",
    );

    // What a value may be made of: Rust's precedence, and constants of other files.
    for (expression, value) in [
        ("1 + 2 * (3 + 4) - 5", 10),
        ("1 << 2 + 2", 16),
        ("OTHER * 2", 14),
        ("crate::b::FAR", 5),
        ("(u16::MAX as usize) * 2", 131_070),
        ("0x1F", 31),
        ("1_000u16", 1000),
    ] {
        let source = format!("const OTHER: u8 = 7;\n/// Limit: x.\nconst A: usize = {expression};");
        let files = [("src/a.rs".to_owned(), source), ("src/b.rs".to_owned(), "pub const FAR: u8 = 5;".to_owned())];
        let row = |value: i32| format!("{table}| `A` | {value} | x | `src/a.rs` | y |");
        assert_eq!(limits::check(&files, &row(value)), Vec::<String>::new(), "{expression}");
        says(limits::check(&files, &row(value + 1)), &format!("the source says {value}"));
    }
}
