//! `bmcnotice sim`: what is said of wrong arguments, and what its standard input takes.
#![cfg(feature = "cli")]

#[path = "cli/support.rs"]
mod support;

use bmcnotice::sim::QUIRKS;
use support::{code, run, stdout};

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn quirks_are_listed_and_wrong_ones_refused() {
    let help = stdout(&run(&["help", "sim"], ""));
    for quirk in QUIRKS {
        assert!(help.contains(&quirk.sign()) && help.contains(quirk.what), "{}", quirk.name);
    }
    for (wrong, said) in [
        ("nonsense", "no quirk has this name"),
        ("sel-after-pet", "write sel-after-pet=DURATION"),
        ("silent=yes", "silent takes no value"),
    ] {
        let output = run(&["sim", "--quirk", wrong], "");
        assert_eq!(code(&output), 2, "{wrong}");
        assert!(stderr(&output).contains(said), "{wrong}: {}", stderr(&output));
    }
}

#[test]
fn other_users_have_their_password_in_a_file() {
    for (wrong, said) in [
        ("eve", "NAME:LEVEL:FILE"),
        ("eve:root:/dev/null", "user, operator or administrator"),
        ("eve:user:/nonexistent", "cannot read the password in /nonexistent"),
    ] {
        let output = run(&["sim", "--listen", "127.0.0.1:0", "--other-user", wrong], "");
        assert_eq!(code(&output), 2, "{wrong}");
        assert!(stderr(&output).contains(said), "{wrong}: {}", stderr(&output));
    }
}

#[test]
fn quirks_come_and_go_while_it_runs() {
    let input = "fault fan-failure\nstatus\nquirk sel-full\nfault psu-lost\nstatus\nquirk nonsense\nerase\nstatus\n\
                 well\nfault psu-lost\nstatus\nquit\n";
    let output = run(&["sim", "--listen", "127.0.0.1:0", "--control", "--json", "--quirk", "suite-0"], input);
    assert_eq!(code(&output), 0);
    assert!(stderr(&output).contains("no quirk has this name"), "{}", stderr(&output));
    let events: Vec<serde_json::Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = events.iter().filter(|event| event["event"] == "status").map(|event| event["sel_records"].as_u64());
    assert_eq!(told.flatten().collect::<Vec<_>>(), [1, 1, 0, 1]);
}
