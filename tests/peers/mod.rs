//! What a test needs from outside: real programs that speak our protocols.
//!
//! `mod peers;` in a test under tests/ brings it in. `make test` installs the programs, and then sets
//! `BMCNOTICE_REQUIRE_PEERS`; plain `cargo test` on any machine skips what it cannot do, and says so.

use std::env;
use std::io::Write;
use std::path::Path;

/// Whether all these programs are there. If not, the test has been reported as skipped and must
/// return, and ask only once; or it fails here, where peers are required. A program may be given by its path.
#[must_use]
pub fn have(test: &str, programs: &[&str]) -> bool {
    let missing: Vec<&str> = programs.iter().copied().filter(|program| !is_there(program)).collect();
    if missing.is_empty() {
        return true;
    }
    let why = format!("missing: {}", missing.join(", "));
    assert!(env::var_os("BMCNOTICE_REQUIRE_PEERS").is_none(), "{test}: {why}");
    // Not eprintln!: the harness would keep it. On a line of its own, where tests/suites.sh finds it.
    writeln!(std::io::stderr(), "\nskipped: {test}: {why}").expect("stderr");
    false
}

fn is_there(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
        || Path::new(program).is_absolute() && Path::new(program).is_file()
}
