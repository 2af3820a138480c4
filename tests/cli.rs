//! The command line as users meet it: help, exit codes, `check`, `decode`, pipes that close.
#![cfg(feature = "cli")]

#[path = "cli/support.rs"]
mod support;

use std::fs::File;
use std::process::Stdio;
use support::{Folder, code, json, program, run, stderr, stdout};

const COMMANDS: [&str; 13] = [
    "demo",
    "run",
    "check",
    "bmc",
    "send",
    "decode",
    "journal",
    "release",
    "cancel",
    "clear",
    "maintenance",
    "reload",
    "sim",
];
const SEED: &str = "examples/seed.toml";

#[test]
fn every_command_has_a_page_that_fits_the_screen() {
    for arguments in COMMANDS.iter().flat_map(|command| [vec!["help", command], vec![command, "--help"]]) {
        let output = run(&arguments, "");
        let text = stdout(&output);
        assert_eq!((code(&output), stderr(&output)), (0, String::new()), "{arguments:?}");
        assert!(text.contains("Usage: bmcnotice"), "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{arguments:?}: {line}");
        }
    }
    let output = run(&["--help"], "");
    assert!(COMMANDS.iter().all(|command| stdout(&output).contains(command)) && stdout(&output).contains("Exit codes"));
    assert_eq!(stdout(&run(&["--version"], "")), concat!("bmcnotice ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_wrong_command_line_ends_with_2_and_says_why() {
    for (arguments, word) in [
        (vec![], "Usage"),
        (vec!["dance"], "dance"),
        (vec!["send"], "ADDRESS"),
        (vec!["send", "nowhere"], "nowhere"),
        (vec!["send", "127.0.0.1:1", "--fault", "bad-luck"], "cpu-ierr"),
        (vec!["send", "127.0.0.1:1", "--interval", "1.5s"], "500ms"),
        (vec!["send", "127.0.0.1:1", "--guid", "12"], "32 hexadecimal digits"),
        (vec!["send", "127.0.0.1:1", "--v2c", "--inform"], "--inform"),
        (vec!["send", "127.0.0.1:1", "--sensor", "999"], "0 to 255"),
        (vec!["sim", "--listen", "9623"], "9623"),
        (vec!["sim", "--handshake", "morse"], "raw"),
        (vec!["demo", "--patience", "long"], "500ms"),
    ] {
        let output = run(&arguments, "");
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains(word), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
}

#[test]
fn check_groups_all_findings_and_counts_them() {
    let folder = Folder::new();
    let text = std::fs::read_to_string(SEED).unwrap().replace("trust = \"corroborated\"", "trust = \"authenticated\"");
    let file = folder.file("seed.toml", &text.replace("# this_server", "this_server").replace("name = \"mrw1\"", ""));
    let output = run(&["check", &file], "");
    let text = stdout(&output);
    assert_eq!(code(&output), 2, "{text}");
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part} in\n{text}"));
    assert!(place("ERRORS") < place("NOTES"), "errors come first");
    assert!(text.contains("BMCN-C210") && text.contains("remedy") && text.contains(&format!("{file}:")));
    assert!(text.matches("BMCN-C005").count() >= 2 || text.matches("BMCN-C3").count() >= 1, "all in one pass:\n{text}");
    assert!(text.lines().last().unwrap().starts_with(&format!("{file}: ")), "the counts are the last line");

    let output = run(&["check", &file, "--json"], "");
    assert_eq!(code(&output), 2);
    let [value] = &json(&stdout(&output))[..] else { panic!("one object") };
    let findings = value["findings"].as_array().unwrap();
    let of = |severity: &str| findings.iter().filter(|finding| finding["severity"] == severity).count();
    assert_eq!(value["errors"], of("error"));
    assert_eq!((&value["warnings"], &value["notes"]), (&of("warning").into(), &of("info").into()));
    assert!(
        of("error") > 0 && findings.iter().all(|finding| finding["remedy"].is_string() && finding["id"].is_string())
    );
}

#[test]
fn check_ends_with_0_without_an_error_and_with_2_without_a_file() {
    let output = run(&["check", "examples/demo.toml"], "");
    // Someone may just be following the tour: then the port is held, which is an error, and rightly so.
    if !stdout(&output).contains("is held by") {
        assert_eq!(code(&output), 0, "{}", stdout(&output));
        assert!(stdout(&output).contains("no errors"), "{}", stdout(&output));
    }
    let output = run(&["check", "/does/not/exist.toml"], "");
    assert_eq!((code(&output), stdout(&output)), (2, String::new()));
    assert!(stderr(&output).contains("/does/not/exist.toml") && stderr(&output).contains("bmcnotice check FILE"));
}

#[test]
fn decode_prints_message_event_and_sentence() {
    let file = "tests/vectors/traps/own-snmptrap.hex";
    let output = run(&["decode", "--file", file, "--server", "server1"], "");
    let text = stdout(&output);
    assert_eq!(code(&output), 3, "there are SNMPv3 messages and a Get in it:\n{text}");
    for part in ["SNMPv1 Trap", "SNMPv2c Trap", "SNMPv2c Inform", "IPMI event (PET)", "reported by BMC of server1"] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    let output = run(&["decode", "--json", "--file", file], "");
    let values = json(&stdout(&output));
    assert!(values.iter().all(|value| value["refused"].is_null() == value["sentence"].is_string()));
    let fan = |value: &serde_json::Value| value["pet"]["sensor_type"] == 0x04 && value["class"] == "recoverable";
    assert!(values.iter().any(fan), "a fan below its critical threshold is in it");
}

#[test]
fn decode_takes_hexadecimal_from_everywhere() {
    let line = std::fs::read_to_string("tests/vectors/traps/zeek-snmpv1-trap.hex").unwrap();
    let line = line.lines().find(|line| !line.starts_with('#') && !line.is_empty()).unwrap().to_owned();
    let spaced = line.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect::<Vec<_>>();
    let wanted = stdout(&run(&["decode", &line], ""));
    assert!(wanted.contains("SNMPv1 Trap"), "{wanted}");
    assert_eq!(stdout(&run(&[vec!["decode"], spaced.clone()].concat(), "")), wanted);
    assert_eq!(stdout(&run(&["decode", &spaced.join(":")], "")), wanted);
    assert_eq!(stdout(&run(&["decode"], &format!("# a comment\n\n{line}\n"))), wanted);
    assert_eq!(stdout(&run(&["decode", "-"], &line)), wanted);
}

#[test]
fn decode_refuses_by_name_and_with_3() {
    for (octets, reason) in [("3082", "truncated"), ("0600ff06", "not_snmp"), ("ff", "truncated")] {
        let output = run(&["decode", octets], "");
        assert_eq!(code(&output), 3, "{octets}");
        assert!(stdout(&output).starts_with(&format!("refused: {reason}: ")), "{octets}: {}", stdout(&output));
        let output = run(&["decode", "--json", octets], "");
        assert_eq!((code(&output), &json(&stdout(&output))[0]["refused"]), (3, &reason.into()));
    }
    for file in std::fs::read_dir("tests/vectors/hostile").unwrap() {
        let path = file.unwrap().path().display().to_string();
        let output = run(&["decode", "--json", "--file", &path], "");
        assert_eq!((code(&output), stderr(&output)), (3, String::new()), "{path}");
        assert!(json(&stdout(&output)).iter().any(|value| value["refused"].is_string()), "{path}");
    }
}

#[test]
fn decode_of_what_is_no_hexadecimal_ends_with_2() {
    for (arguments, input, word) in [
        (vec!["decode", "30zz"], "", "not a hexadecimal digit: z"),
        (vec!["decode", "308"], "", "half an octet"),
        (vec!["decode"], "", "no datagram"),
        (vec!["decode"], "# only a comment\n", "no datagram"),
        (vec!["decode"], "\u{0}\u{1b}[2J", "not a hexadecimal digit: \\u{0}"),
        (vec!["decode", "--file", "/does/not/exist"], "", "cannot read"),
    ] {
        let output = run(&arguments, input);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains(word), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_reader_who_goes_away_is_no_failure_and_a_full_disk_is_one() {
    let vectors = ["decode", "--file", "tests/vectors/traps/eipmi-pet.hex"];
    for arguments in [&vectors[..], &["check", "examples/demo.toml"], &["--help"], &["demo"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = program().args(arguments).stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).spawn();
        let output = child.unwrap().wait_with_output().unwrap();
        assert!(!stderr(&output).contains("panicked"), "{arguments:?}: {}", stderr(&output));
        assert!(matches!(code(&output), 0 | 2), "{arguments:?}: {output:?}");

        // Nor is a stderr that nobody reads.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = program().args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(writer).status();
        assert!(matches!(status.unwrap().code(), Some(0 | 2)), "{arguments:?}");
    }
    let full = File::options().write(true).open("/dev/full").unwrap();
    let child = program().args(vectors).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("cannot write the output"), "{}", stderr(&output));
}
