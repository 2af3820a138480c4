//! Real senders of SNMPv3, net-snmp's and async-snmp, through a running context: to a notice, and to an answered Inform.

#[path = "usm_peers/async_snmp.rs"]
mod async_snmp;
mod peers;
#[path = "support/ports.rs"]
mod ports;
#[path = "support/version3.rs"]
mod version3;

use bmcnotice::notice::DropReason;
use bmcnotice::notice::usm::own_id;
use bmcnotice::words::Trust;
use bmcnotice::{Config, Context, Heard, Mode};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const PET: &str = "44454C4C500010598043B2C04F333358004219EEAB64FFFF202000417318008001FF000000000019000002A20100C1";

/// Ours, net-snmp's, and how it lengthens keys; not every build has all.
const PRIVACIES: [(&str, &str, &str); 6] = [
    ("des", "DES", "blumenthal"),
    ("aes128", "AES", "blumenthal"),
    ("aes192", "AES-192", "blumenthal"),
    ("aes256", "AES-256", "blumenthal"),
    ("aes192", "AES-192-C", "reeder"),
    ("aes256", "AES-256-C", "reeder"),
];
const AUTHS: [(&str, &str); 6] = [
    ("md5", "MD5"),
    ("sha1", "SHA"),
    ("sha224", "SHA-224"),
    ("sha256", "SHA-256"),
    ("sha384", "SHA-384"),
    ("sha512", "SHA-512"),
];

/// In hexadecimal digits.
fn pet(sequence: u16) -> String {
    let mut pet = PET.to_owned();
    pet.replace_range(32..36, &format!("{sequence:04X}"));
    pet
}

struct Site {
    folder: PathBuf,
    listen: SocketAddr,
    context: Context,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Drop for Site {
    fn drop(&mut self) {
        if !self.folder.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// One user for each pair of algorithms, each with the same passphrases: u0 to u35.
fn users() -> String {
    let mut text = String::new();
    for (place, (auth, _)) in AUTHS.iter().enumerate() {
        for (other, (privacy, _, extension)) in PRIVACIES.iter().enumerate() {
            let name = place * PRIVACIES.len() + other;
            text += &format!(
                "[[user]]\nname = \"u{name}\"\nauth = \"{auth}\"\nauth_passphrase_file = \"@/auth\"\n\
                 privacy = \"{privacy}\"\nprivacy_passphrase_file = \"@/privacy\"\nkey_extension = \"{extension}\"\n"
            );
        }
    }
    text
}

impl Site {
    fn new(name: &str, bmc: &str, users: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("bmcnotice-usm-{name}-{}", std::process::id()));
        for inner in ["", "snmp", "hot"] {
            fs::create_dir_all(folder.join(inner)).unwrap();
        }
        fs::write(folder.join("auth"), "a long passphrase\n").unwrap();
        fs::write(folder.join("privacy"), "another long one\n").unwrap();
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()));
        let context = Self::context(&folder, listen, bmc, users);
        let heard = Arc::default();
        let site = Self { folder, listen, context, heard };
        site.listen_to();
        site
    }

    fn context(folder: &Path, listen: SocketAddr, bmc: &str, users: &str) -> Context {
        let text = format!(
            r#"
            [cluster]
            name = "usm"
            this_server = "server1"
            [[server]]
            name = "server1"
            addresses = ["127.0.0.1"]
            [server.bmc]
            address = "127.0.0.1:{}"
            handshake = "none"
            {bmc}
            [[monitor]]
            name = "mrw1"
            trust = "authenticated"
            recovery = "callback"
            target = "failover1"
            [monitor.keywords]
            server1 = "{listen}"
            [heartbeat]
            lan = ["lan1"]
            bmc = false
            [journal]
            hot = "@/hot"
            disk = false
            {users}
            "#,
            ports::free()
        );
        let text = text.replace('@', folder.to_str().unwrap());
        let config = Config::from_text(text, "usm.toml");
        ports::once_free(|| Context::new(&config, Mode::Loop)).unwrap_or_else(|error| panic!("{error}"))
    }

    fn listen_to(&self) {
        let heard = self.heard.clone();
        self.context.on_notice(Arc::new(move |notice: &Heard| heard.lock().unwrap().push(notice.clone()))).unwrap();
    }

    /// Closes the context, and starts another on what it left.
    fn again(mut self, bmc: &str, users: &str) -> Self {
        let folder = std::mem::take(&mut self.folder); // not removed with us
        let listen = self.listen;
        drop(self);
        let context = Self::context(&folder, listen, bmc, users);
        let site = Self { folder, listen, context, heard: Arc::default() };
        site.listen_to();
        site
    }

    /// Runs a sender while the context works.
    fn send(&self, program: &str, options: &[&str], sequence: u16) -> Output {
        let pet = pet(sequence);
        let mut command = Command::new(program);
        command.env("SNMP_PERSISTENT_DIR", self.folder.join("snmp")).env("SNMPCONFPATH", self.folder.join("snmp"));
        command.args(["-m", "", "-v", "3", "-r", "2", "-t", "1", "-A", "a long passphrase", "-X", "another long one"]);
        command.args(options).arg(self.listen.to_string());
        command.args(["", "1.3.6.1.4.1.3183.1.1.0.356096", "1.3.6.1.4.1.3183.1.1.1", "x", &pet]);
        self.while_working(command)
    }

    /// Runs a program while the context works.
    fn while_working(&self, mut command: Command) -> Output {
        std::thread::scope(|scope| {
            let running = scope.spawn(move || command.output().unwrap());
            while !running.is_finished() {
                self.work(Duration::from_millis(5));
            }
            running.join().unwrap()
        })
    }

    fn work(&self, time: Duration) {
        self.context.wait(Some(time)).unwrap();
        self.context.dispatch(64).unwrap();
    }

    /// What was heard since the last time; waits for one.
    fn hear(&self) -> Vec<Heard> {
        let end = Instant::now() + Duration::from_secs(5);
        while self.heard.lock().unwrap().is_empty() && Instant::now() < end {
            self.work(Duration::from_millis(10));
        }
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    /// One notice has come, and nothing else: authentic, of this number.
    fn hears_one(&self, sequence: u16, what: &str) {
        let heard = self.hear();
        let [one] = heard.as_slice() else {
            panic!("{what}: {} notices, {:?}", heard.len(), self.context.statistics().unwrap().drops);
        };
        assert_eq!(one.notice.trust, Trust::Authenticated, "{what}");
        assert_eq!(one.notice.pet.as_ref().unwrap().sequence, sequence, "{what}");
    }

    fn dropped(&self, reason: DropReason) -> u64 {
        self.context.statistics().unwrap().dropped(reason)
    }
}

/// Whether this build of net-snmp has the algorithm.
fn offers(option: &str) -> bool {
    let output = Command::new("snmptrap").args(["-m", "", "-v", "3", "-x", option, "-h"]).output().unwrap();
    !String::from_utf8_lossy(&output.stderr).contains("Invalid privacy protocol")
}

#[test]
fn every_algorithm_of_net_snmp_comes_to_a_notice_and_every_inform_is_answered() {
    if !peers::have("usm_peers", &["snmptrap", "snmpinform"]) {
        return;
    }
    let site = Site::new("all", "", &users());
    let mut sequence = 0;
    for (place, (auth, auth_name)) in AUTHS.iter().enumerate() {
        for (other, (privacy, privacy_name, _)) in PRIVACIES.iter().enumerate() {
            if !offers(privacy_name) {
                continue;
            }
            let user = format!("u{}", place * PRIVACIES.len() + other);
            let options = ["-u", &user, "-a", auth_name, "-x", privacy_name];
            for (program, level) in [("snmptrap", "authNoPriv"), ("snmptrap", "authPriv"), ("snmpinform", "authPriv")] {
                sequence += 1;
                let engine = ["-e", "0x80001f8880c0ffee0102030405", "-Z", "3,1000"];
                let trap: &[&str] = if program == "snmptrap" { &engine } else { &[] };
                let output = site.send(program, &[&options, trap, &["-l", level]].concat(), sequence);
                let what = format!("{program} {level} {auth} {privacy} {privacy_name}");
                assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
                site.hears_one(sequence, &what);
            }
        }
    }
    assert!(sequence >= 6 * 2 * 3, "DES and AES-128 are in every build; {sequence} were sent");
}

#[test]
fn an_inform_without_discovery_and_one_that_is_refused() {
    if !peers::have("usm_peers_inform", &["snmpinform"]) {
        return;
    }
    let site = Site::new("inform", "", &users());
    let own = format!("0x{}", own_id("usm", "server1"));
    // u7: SHA-1 and AES-128.
    let options = ["-u", "u7", "-l", "authPriv", "-a", "SHA", "-x", "AES"];
    let output = site.send("snmpinform", &[&options[..], &["-e", &own]].concat(), 1);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(site.hear().len(), 1);
    let output = site.send("snmpinform", &["-u", "nobody", "-l", "authPriv", "-a", "SHA", "-x", "AES"], 2);
    assert!(!output.status.success());
    assert!(site.dropped(DropReason::UnknownUser) > 0);
    let output = site.send("snmpinform", &["-u", "u7", "-l", "authPriv", "-a", "MD5", "-x", "AES"], 2);
    assert!(!output.status.success());
    assert!(site.dropped(DropReason::WrongDigest) > 0);
    assert!(site.heard.lock().unwrap().is_empty());
}

#[test]
fn a_replay_does_not_work_after_a_restart() {
    if !peers::have("usm_peers_replay", &["snmptrap"]) {
        return;
    }
    let site = Site::new("replay", "", &users());
    let trap = |time: &'static str| {
        let engine = ["-e", "0x80001f8880c0ffee0102030405", "-Z", time];
        [&["-u", "u19", "-l", "authPriv", "-a", "SHA-256", "-x", "AES"][..], &engine].concat()
    };
    assert!(site.send("snmptrap", &trap("3,5000"), 1).status.success());
    assert_eq!(site.hear().len(), 1);
    let site = site.again("", &users());
    assert!(site.send("snmptrap", &trap("3,4800"), 2).status.success());
    assert!(site.send("snmptrap", &trap("2,9000"), 3).status.success());
    let end = Instant::now() + Duration::from_secs(5);
    while site.dropped(DropReason::NotInTimeWindow) < 2 && Instant::now() < end {
        site.work(Duration::from_millis(10));
    }
    assert_eq!(site.dropped(DropReason::NotInTimeWindow), 2);
    assert!(site.heard.lock().unwrap().is_empty());
    assert!(site.send("snmptrap", &trap("3,5001"), 4).status.success());
    assert_eq!(site.hear().len(), 1);
}

#[test]
fn communities_are_taken_beside_users_unless_more_is_demanded() {
    if !peers::have("usm_peers_community", &["snmptrap"]) {
        return;
    }
    for (bmc, wanted) in [("minimum_level = \"authNoPriv\"", 0), ("", 1)] {
        let site = Site::new(&format!("community{wanted}"), bmc, &users());
        let to = site.listen.to_string();
        let arguments = ["-m", "", "-v", "2c", "-c", "public", &to, "", "1.3.6.1.6.3.1.1.5.1"];
        assert!(Command::new("snmptrap").args(arguments).status().unwrap().success());
        let end = Instant::now() + Duration::from_secs(5);
        let seen = || site.context.statistics().unwrap().datagrams;
        while seen() < 1 && Instant::now() < end {
            site.work(Duration::from_millis(10));
        }
        let heard = if wanted > 0 { site.hear().len() } else { site.heard.lock().unwrap().len() };
        assert_eq!(heard, wanted);
        assert_eq!(site.dropped(DropReason::TooWeak), 1 - wanted as u64);
    }
}
