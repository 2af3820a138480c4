//! `bmcnotice explain`: the flight recorder of a running daemon, and captures; `decode` of captures.
#![cfg(feature = "cli")]

#[path = "cli/daemon.rs"]
mod daemon;
#[path = "cli/support.rs"]
mod support;

use daemon::Daemon;
use serde_json::Value;
use std::net::UdpSocket;
use support::{Folder, code, json, run, stderr, stdout};

const CAPTURE: &str = "tests/vectors/traps/own-snmptrap.pcap";
const NEXT_GENERATION: &str = "tests/vectors/traps/zeek-leak-test.pcapng";

/// The steps of a datagram, by name: how each ended, and why.
fn step<'a>(one: &'a Value, name: &str) -> Option<(&'a str, &'a str)> {
    let step = one["steps"].as_array().unwrap().iter().find(|step| step["step"] == name)?;
    Some((step["outcome"].as_str().unwrap(), step["why"].as_str().unwrap()))
}

#[test]
fn the_daemon_says_what_became_of_each_datagram() {
    let mut daemon = Daemon::new("true");
    let send = |words: &[&str]| {
        let to = daemon.listen.to_string();
        let output = run(&[&["send", &to][..], words].concat(), "");
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    };
    send(&["--sequence", "1", "--timestamp", "900000000"]);
    send(&["--sequence", "1", "--timestamp", "900000000"]); // of the same second
    send(&["--sequence", "2", "--community", "pubic"]);
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"no SNMP", daemon.listen).unwrap();
    UdpSocket::bind("127.0.0.9:0").unwrap().send_to(&[7; 3000], daemon.listen).unwrap();
    daemon.running.error("foreign_source");

    let output = daemon.ask(&["explain", "--json"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let all = json(&stdout(&output));
    let fates: Vec<&str> = all.iter().map(|one| one["fate"].as_str().unwrap()).collect();
    assert_eq!(fates, ["notice", "repetition", "dropped", "dropped", "dropped"]);
    let numbers: Vec<u64> = all.iter().map(|one| one["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    let [first, again, community, rubbish, stranger] = &all[..] else { unreachable!() };

    assert_eq!(first["notice"], again["notice"]);
    assert_eq!(step(first, "sender"), Some(("passed", "127.0.0.1 is the BMC of here")));
    assert_eq!(step(first, "monitor try").unwrap().0, "passed");
    assert!(step(first, "monitor try").unwrap().1.contains("recovers by /bin/sh"));
    assert!(step(first, "guid").unwrap().1.contains("6c696262-6d63-4e6f-8169-636500000001"));
    assert!(step(first, "acknowledgement").unwrap().1.contains("PET Acknowledge"));
    assert_eq!(step(first, "duplicate"), None);
    assert_eq!(step(again, "duplicate").unwrap().0, "ended");
    assert_eq!((&community["reason"], step(community, "community").unwrap().0), (&"wrong_community".into(), "ended"));
    assert!(step(community, "community").unwrap().1.contains("\"pubic\""), "what came, not what is configured");
    assert_eq!(rubbish["hex"], "6e6f20534e4d50");
    assert_eq!(step(rubbish, "message").unwrap().0, "ended");
    assert_eq!((&stranger["octets"], stranger["hex"].as_str().unwrap().len()), (&3000.into(), 2 * 2048));
    assert!(step(stranger, "sender").unwrap().1.starts_with("127.0.0.9 may not speak for here; who may: 127.0.0.1;"));

    // For people, and what they choose.
    let dropped = stdout(&daemon.ask(&["explain", "--dropped", "--last", "2"]));
    assert_eq!(dropped.matches("dropped").count(), 2, "{dropped}");
    assert!(dropped.contains("datagram 4 at ") && dropped.contains("127.0.0.9"), "{dropped}");
    assert!(dropped.contains("no  message:        the datagram is truncated (truncated)"), "{dropped}");
    assert!(!dropped.contains("datagram 3"), "{dropped}");
}

#[test]
fn a_capture_is_judged_by_the_configuration() {
    let configuration = ["-c", "examples/demo.toml", "--file", CAPTURE];
    let output = run(&[&["explain", "--json", "--port", "11162"][..], &configuration].concat(), "");
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let all = json(&stdout(&output));
    let (first, empty) = (&all[0], &all[2]);
    assert_eq!((&first["place"], &first["fate"]), (&1.into(), &"notice".into()));
    assert_eq!(first["time"], "2026-11-22T14:26:48.198Z");
    assert_eq!(step(first, "sender").unwrap().1, "127.0.0.1 is the BMC of here");
    assert_eq!((&empty["fate"], step(empty, "community").unwrap().0), (&"dropped".into(), "ended"));

    // The same as if it had come from elsewhere.
    let strange = ["explain", "--json", "--port", "11162", "--from", "192.0.2.7"];
    let all = json(&stdout(&run(&[&strange[..], &configuration].concat(), "")));
    let refusal = "192.0.2.7 may not speak for here; who may: 127.0.0.1; relays: none (foreign_source)";
    assert!(all.iter().all(|one| step(one, "sender") == Some(("ended", refusal))), "{}", all[0]);

    let nobody = run(&[&["explain"][..], &configuration].concat(), "");
    assert_eq!(code(&nobody), 2);
    assert!(stderr(&nobody).contains("no datagram in it"), "nothing went to port 162: {}", stderr(&nobody));
}

#[test]
fn decode_reads_captures_by_their_octets_and_from_a_pipe() {
    // Of 79 messages one is a trap, but not to the port of traps.
    let output = run(&["decode", "--json", "--file", NEXT_GENERATION], "");
    let all = json(&stdout(&output));
    assert_eq!(all.iter().filter(|one| one["refused"].is_null()).count(), 1, "{all:?}");
    let broken = run(&["decode", "-"], "\u{a}\r\r\n rubbish");
    assert_eq!(code(&broken), 2);
    assert!(stderr(&broken).contains("the capture cannot be read"), "{}", stderr(&broken));
}

/// Of SNMPv3 it says which user, algorithm or dialect would fit.
#[test]
fn what_would_fit_a_v3_message() {
    let folder = Folder::new();
    let secret = |name: &str, text: &str| {
        let path = folder.file(name, text);
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path
    };
    let user = |name: &str, auth: &str, passphrase: &str, privacy: &str| {
        let file = secret(&format!("{name}.auth"), passphrase);
        format!("[[user]]\nname = \"{name}\"\nauth = \"{auth}\"\nauth_passphrase_file = \"{file}\"\n{privacy}\n")
    };
    let sealed = |name: &str, privacy: &str, passphrase: &str| {
        let file = secret(&format!("{name}.privacy"), passphrase);
        format!("privacy = \"{privacy}\"\nprivacy_passphrase_file = \"{file}\"")
    };
    let text = std::fs::read_to_string("examples/demo.toml").unwrap()
        + &user("sha256AesUser", "sha256", "sha256-auth-pass-03", &sealed("a", "aes128", "aes128-priv-pass-03"))
        + &user("shaAesUser", "sha1", "sha1-auth-pass-02", &sealed("b", "des", "aes128-priv-pass-02"))
        + &user("md5DesUser", "md5", "md5-auth-pass-04", &sealed("c", "des", "a wrong passphrase"))
        + &user("md5User", "md5", "not its passphrase", "")
        + &user("shaUser", "sha512", "sha1-auth-pass-01", "")
        + &user("sha224User", "sha224", "sha224-auth-pass-02", "")
        + &user("other224", "sha224", "sha224-auth-pass-01", "");
    let file = daemon::private(&folder, &text);
    let output = run(&["explain", "--json", "--port", "11162", "--file", CAPTURE, "-c", &file], "");
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let all = json(&stdout(&output));
    let of = |user: &str| {
        let begins = format!("user \"{user}\"");
        all.iter().find(|one| step(one, "protection").is_some_and(|(_, why)| why.starts_with(&begins)))
    };
    let good = of("sha256AesUser").expect("it is opened");
    assert_eq!((&good["fate"], step(good, "message").unwrap().0), (&"notice".into(), "passed"));
    assert!(step(good, "message").unwrap().1.starts_with("SNMPv3 Trap, "), "{good}");
    let protection = step(good, "protection").unwrap().1;
    assert!(protection.contains("authPriv; engine 80001f8880c0ffee0102030405, started 2 times"), "{protection}");
    assert!(step(good, "trust").unwrap().1.starts_with("authenticated"), "{good}");
    assert_eq!(step(good, "community"), None);

    let said = |what: &str| {
        let ended =
            |one: &Value| step(one, "protection").is_some_and(|(end, why)| end == "ended" && why.contains(what));
        all.iter().filter(|one| ended(one)).count()
    };
    assert_eq!(said("privacy aes128 would fit; here it is des, key_extension blumenthal (decryption_error)"), 1);
    assert_eq!(said("no cipher of this passphrase fits: another passphrase; here it is des"), 1);
    assert_eq!(said("its code is of md5 or sha1, and auth is sha512 here (wrong_digest)"), 1);
    assert_eq!(said("no key of ours fits: another passphrase, or it was changed on its way; auth is md5"), 1);
    assert_eq!(said("the key of user \"other224\" fits (wrong_digest)"), 1);
    assert!(said("the users that may write: \"sha256AesUser\", \"shaAesUser\"") > 0);
    assert!(!stdout(&output).contains("pass-0"), "no passphrase is told");
}
