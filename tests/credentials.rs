//! A password that systemd gives to the service: found in its folder, never in a finding, and refused when a BMC could
//! not take it.

use bmcnotice::config::facts::Wanted;
use bmcnotice::io::{facts, host};
use std::fs;
use std::path::Path;

/// One test: the environment is the whole process's.
#[test]
fn a_credential_is_read_where_systemd_put_it() {
    let name = Path::new("$CREDENTIALS_DIRECTORY/server1");
    assert_eq!(host::place(name), name, "without systemd there is nothing to find");
    assert!(host::read_secret(name).is_err());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("credentials");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("server1"), "open sesame\n").unwrap();
    // SAFETY: this process has one test, and so one thread that looks at the environment.
    unsafe { std::env::set_var("CREDENTIALS_DIRECTORY", &folder) };
    assert_eq!(host::read_secret(name).unwrap().expose(), b"open sesame");
    let paths = vec![name.display().to_string(), "$CREDENTIALS_DIRECTORY/other".to_owned()];
    let facts = facts::gather(&Wanted { paths, ..Wanted::default() });
    let known: Vec<_> = facts.files.iter().map(|(_, file)| (file.exists, file.readable)).collect();
    assert_eq!(known, [(true, true), (false, false)]);
    assert_eq!(host::place(Path::new("/etc/password")), Path::new("/etc/password"));
}
