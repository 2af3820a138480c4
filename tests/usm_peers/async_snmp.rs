//! The crate async-snmp, which offers AES-192 and AES-256 in both dialects where net-snmp's Debian build has neither: as a
//! sender to us, as one whose Informs we answer, and as the judge of what our own hand writes. `tests/peers/snmp` is its
//! program.

use crate::version3::{Sender, pet as ours};
use crate::{AUTHS, PRIVACIES, Site, peers, pet, users};
use bmcnotice::crypto::usm::{Auth, Extension, Privacy};
use bmcnotice::notice::DropReason;
use std::env;
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const TRAP: &str = "1.3.6.1.4.1.3183.1.1.0.814849";
const AUTH: [Auth; 6] = [Auth::Md5, Auth::Sha1, Auth::Sha224, Auth::Sha256, Auth::Sha384, Auth::Sha512];

/// Where `make test-rust` builds it.
fn program() -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/debug/bmcnotice-snmp-peer");
    env::var("BMCNOTICE_SNMP_PEER").unwrap_or_else(|_| here.to_str().expect("UTF-8").into())
}

/// A cipher of `PRIVACIES` as async-snmp calls it.
fn its(privacy: &str, extension: &str) -> String {
    match privacy {
        "des" | "aes128" => privacy.into(),
        _ => format!("{privacy}-{extension}"),
    }
}

fn cipher(privacy: &str, extension: &str) -> (Privacy, Extension) {
    let privacy = match privacy {
        "des" => Privacy::Des,
        "aes128" => Privacy::Aes128,
        "aes192" => Privacy::Aes192,
        "aes256" => Privacy::Aes256,
        other => panic!("{other}"),
    };
    (privacy, if extension == "reeder" { Extension::Reeder } else { Extension::Blumenthal })
}

/// (name, hash, cipher) of the users of `users()`, in async-snmp's words.
fn known() -> Vec<(String, &'static str, String)> {
    let pairs = AUTHS.iter().flat_map(|(auth, _)| PRIVACIES.iter().map(move |privacy| (*auth, *privacy)));
    let known =
        pairs.enumerate().map(|(n, (auth, (privacy, _, extension)))| (format!("u{n}"), auth, its(privacy, extension)));
    known.collect()
}

fn send(site: &Site, kind: &str, (user, auth, privacy): (&str, &str, &str), sequence: u16) -> Output {
    let mut command = Command::new(program());
    command.args([kind, &site.listen.to_string(), user, auth, privacy, TRAP, &pet(sequence)]);
    site.while_working(command)
}

#[test]
fn every_algorithm_of_async_snmp_comes_to_a_notice_and_every_inform_is_answered() {
    if !peers::have("async_snmp_sends", &[&program()]) {
        return;
    }
    let site = Site::new("second", "", &users());
    let mut sequence = 0;
    for (user, auth, privacy) in known() {
        for kind in ["trap", "inform"] {
            sequence += 1;
            let what = format!("{kind} {auth} {privacy}");
            let output = send(&site, kind, (&user, auth, &privacy), sequence);
            assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
            site.hears_one(sequence, &what);
        }
    }
    assert_eq!(sequence, 36 * 2);
}

/// It understands our Reports, and ends with what they say.
#[test]
fn an_inform_of_async_snmp_that_is_refused_ends_with_our_report() {
    if !peers::have("async_snmp_reports", &[&program()]) {
        return;
    }
    let site = Site::new("refused", "", &users());
    // u9 is SHA-1 and AES-256 by Blumenthal; u11 the same by Reeder.
    for (user, auth, privacy, reason, word) in [
        ("nobody", "sha1", "aes256-blumenthal", DropReason::UnknownUser, "user"),
        ("u9", "md5", "aes256-blumenthal", DropReason::WrongDigest, "digest"),
        ("u9", "sha1", "aes256-reeder", DropReason::DecryptionError, "decrypt"),
        ("u11", "sha1", "aes256-blumenthal", DropReason::DecryptionError, "decrypt"),
    ] {
        let before = site.dropped(reason);
        let output = send(&site, "inform", (user, auth, privacy), 1);
        assert!(!output.status.success(), "{reason}");
        let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert!(said.contains(word), "{reason}: {said}");
        assert!(site.dropped(reason) > before, "{reason}");
    }
    assert!(site.heard.lock().unwrap().is_empty());
}

#[test]
fn async_snmp_takes_what_our_own_hand_writes() {
    if !peers::have("async_snmp_receives", &[&program()]) {
        return;
    }
    let words = known().into_iter().map(|(user, auth, privacy)| format!("{user}:{auth}:{privacy}"));
    let mut receiver = Command::new(program())
        .arg("receive")
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(receiver.stdout.take().unwrap()).lines();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
    let next = || told.recv_timeout(Duration::from_secs(10)).unwrap();
    let address = next();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut octets = Vec::new();
    ours(1).emit(&mut octets);
    let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    for (place, auth) in AUTH.into_iter().enumerate() {
        for (other, (privacy, _, extension)) in PRIVACIES.iter().enumerate() {
            let name: &'static str = format!("u{}", place * PRIVACIES.len() + other).leak();
            let sender = Sender::new("80001f8880c0ffee0102030405", auth, Some(cipher(privacy, extension)));
            let trap = Sender { name, ..sender }.trap(3, 1000, 1);
            socket.send_to(&trap, &address).unwrap();
            assert_eq!(next(), format!("{name} AuthPriv {TRAP} {hex}"), "{auth:?} {privacy} {extension}");
        }
    }
    drop(receiver.stdin.take());
    assert!(receiver.wait().unwrap().success());
}
