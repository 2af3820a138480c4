//! The recovery goes through CLUSTERPRO, and its alert log tells the story.
//!
//! There is no CLUSTERPRO here: its commands are stand-ins that record their words. What is proven is what we run,
//! when, and what we make of the endings; not that CLUSTERPRO takes it.

use crate::bmcs::{Bmc, ENDED_DONE, ENDED_FAILED, Simulated, Word};
use crate::host::Host;
use crate::pets;
use crate::site::{Site, quoted};
use crate::wait;
use bmcnotice::words::Level;
use bmcnotice::{Answer, Config, Error, Mode};
use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

/// A server whose cluster is CLUSTERPRO, as far as its commands can be seen.
struct Street {
    site: Site,
    bmc: Simulated,
    settings: Vec<(&'static str, String)>,
}

impl Street {
    /// `verify`: with a stand-in that says whether the group runs elsewhere.
    fn new(verify: bool, deadline: &str) -> Self {
        let bmc = Simulated::new();
        let mut site = Site::of(&bmc);
        site.monitor("deadline", quoted(deadline));
        let street = Self { site, bmc, settings: Vec::new() };
        let bin = street.bin();
        fs::create_dir(&bin).unwrap();
        for name in ["clpgrp", "clpcl", "clplogcmd", "elsewhere"] {
            symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/street/stand-in.sh"), bin.join(name)).unwrap();
        }
        let verify = if verify { "verify = [\"elsewhere\", \"{target}\", \"{server}\"]" } else { "" };
        let mut street = street.set("clusterpro.bin", quoted(bin.display()));
        street.site.monitor("recovery", format!("{{ clusterpro = {{ {verify} }} }}"));
        street
    }

    fn set(mut self, path: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((path, value.into()));
        self
    }

    fn bin(&self) -> PathBuf {
        self.site.folder.path().join("bin")
    }

    fn does(self, name: &str, script: &str) -> Self {
        fs::write(self.bin().join(format!("{name}.does")), script).unwrap();
        self
    }

    fn config(&self) -> Config {
        let mut config = self.site.config();
        for (path, value) in &self.settings {
            config.set(*path, value.clone());
        }
        config
    }

    fn try_start(&self, mode: Mode) -> Result<Host, Error> {
        let mut tries = 20;
        loop {
            match Host::of(&self.config(), mode, |_| Answer::Failed) {
                // Another test's child may hold a copy of the port between its fork and its exec.
                Err(error) if tries > 0 && error.to_string().contains("held by") => tries -= 1,
                other => return other,
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn start(&self, mode: Mode) -> Host {
        self.try_start(mode).unwrap_or_else(|error| panic!("{error}"))
    }

    fn fault(&self, sequence: u16) {
        pets::send(self.site.listen, self.bmc.guid(), sequence);
    }

    /// Every command that ran, in order.
    fn calls(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.bin().join("calls")).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole).to_owned();
        whole.lines().map(|line| line.split('\x1f').map(str::to_owned).collect()).collect()
    }

    /// The alerts: number, level, text behind the number.
    fn alerts(&self) -> Vec<(String, String, String)> {
        let alerts = self.calls().into_iter().filter(|words| words[0] == "clplogcmd");
        alerts
            .map(|words| {
                let [_, m, message, l, level, alert] = words.as_slice() else { panic!("{words:?}") };
                assert_eq!((m.as_str(), l.as_str(), alert.as_str()), ("-m", "-l", "--alert"));
                let (number, text) = message.strip_prefix('[').and_then(|rest| rest.split_once("] ")).unwrap();
                (number.to_owned(), level.clone(), text.to_owned())
            })
            .collect()
    }

    /// What ran beside the alert command.
    fn deeds(&self) -> Vec<String> {
        self.calls().into_iter().filter(|words| words[0] != "clplogcmd").map(|words| words.join(" ")).collect()
    }

    fn alerted(&self, wanted: &[(&str, &str)]) {
        let short =
            || -> Vec<(String, String)> { self.alerts().into_iter().map(|(id, level, _)| (id, level)).collect() };
        let wanted: Vec<(String, String)> =
            wanted.iter().map(|(id, level)| ((*id).to_owned(), (*level).to_owned())).collect();
        wait::until(&format!("alerts {wanted:?}"), || format!("{:#?}", self.alerts()), || short() == wanted);
    }
}

const MODES: [Mode; 2] = [Mode::Loop, Mode::Thread];

/// `elsewhere` says no until it was asked for the fourth time: once before the failover, three times behind it.
const AT_LAST: &str = "[ $(grep -c '^elsewhere' \"$folder/calls\") -ge 4 ] || exit 1";

#[test]
fn a_group_is_failed_over_and_the_alert_log_tells_it() {
    for mode in MODES {
        let street = Street::new(true, "20s").does("elsewhere", AT_LAST);
        let host = street.start(mode);
        host.armed();
        street.alerted(&[("mm 901", "INFO")]);
        street.fault(1);
        street.bmc.hears(&[Word::Started, ENDED_DONE]);
        street.alerted(&[
            ("mm 901", "INFO"),
            ("mm 912", "INFO"),
            ("mm 914", "INFO"),
            ("mm 905", "ERR"),
            ("mm 14", "INFO"),
        ]);
        let asked = "elsewhere failover1 server1";
        assert_eq!(street.deeds(), [asked, "clpgrp -m failover1", asked, asked, asked]);
        host.hear(Level::Info, "verify: the target runs on another server");
        assert_eq!(host.calls(), 0, "no callback for it");
        for (_, _, text) in street.alerts() {
            assert!(text.contains("server1") || text.contains("mrw1"), "{text}");
        }
        assert!(street.alerts()[2].2.contains("memory"), "{:?}", street.alerts());
    }
}

#[test]
fn a_group_that_runs_elsewhere_already_is_not_moved() {
    let street = Street::new(true, "20s");
    let host = street.start(Mode::Thread);
    host.armed();
    street.fault(1);
    street.bmc.hears(&[Word::Started, ENDED_DONE]);
    host.hear(Level::Info, "nothing was moved");
    assert_eq!(street.deeds(), ["elsewhere failover1 server1"]);
}

#[test]
fn a_failover_that_fails_has_its_numbers_too() {
    for (does, deadline) in [("exit 1", "20s"), ("sleep 60", "700ms")] {
        let street = Street::new(false, deadline).does("clpgrp", does);
        let host = street.start(Mode::Thread);
        host.armed();
        street.fault(1);
        street.bmc.hears(&[Word::Started, ENDED_FAILED]);
        assert_eq!(street.deeds(), ["clpgrp -m failover1"]);
        street.alerted(&[
            ("mm 901", "INFO"),
            ("mm 912", "INFO"),
            ("mm 914", "INFO"),
            ("mm 905", "ERR"),
            ("mm 20", "ERR"),
            ("mm 907", "ERR"),
        ]);
    }
}

/// Never proven is never done: the deadline decides.
#[test]
fn a_failover_that_nothing_proves_has_failed() {
    let street = Street::new(true, "2500ms").does("elsewhere", "exit 1");
    let host = street.start(Mode::Loop);
    host.armed();
    street.fault(1);
    street.bmc.hears(&[Word::Started, ENDED_FAILED]);
    host.hear(Level::Error, "overran its deadline");
    let deeds = street.deeds();
    assert_eq!(deeds.iter().filter(|deed| deed.starts_with("clpgrp")).count(), 1, "{deeds:?}");
    assert!(deeds.len() >= 4, "{deeds:?}");
}

#[test]
fn a_verify_that_never_ends_costs_no_failover() {
    let street = Street::new(true, "20s").does("elsewhere", "[ -e \"$folder/moved\" ] || exec sleep 60");
    let street = street.does("clpgrp", ": > \"$folder/moved\"");
    let host = street.start(Mode::Thread);
    host.armed();
    street.fault(1);
    street.bmc.hears(&[Word::Started, ENDED_DONE]);
    host.hear(Level::Warning, "verify does not end");
    let asked = "elsewhere failover1 server1";
    assert_eq!(street.deeds(), [asked, "clpgrp -m failover1", asked]);
}

/// The remote form, words with blanks and quotes, a format of the site's own.
#[test]
fn templates_are_the_sites_own() {
    let mut street = Street::new(false, "20s")
        .set("clusterpro.alert", r#"["clplogcmd", "-i", "{id}", "{module}:{level}", "{text}"]"#)
        .set("clusterpro.levels", r#"["note", "warning", "error"]"#);
    let bin = street.bin();
    street.site.monitor("target", "'''it's \"one\" $word; *'''").monitor(
        "recovery",
        format!("{{ clusterpro = {{ failover = [\"{}/clpgrp\", \"--failover\", \"{{target}}\", \"-h{{address}}\"], address = \"10.0.0.9\" }} }}", bin.display()),
    );
    let host = street.start(Mode::Thread);
    host.armed();
    street.fault(1);
    street.bmc.hears(&[Word::Started, ENDED_DONE]);
    let calls = street.calls();
    let wanted = ["clpgrp", "--failover", "it's \"one\" $word; *", "-h10.0.0.9"];
    assert!(calls.iter().any(|words| words == &wanted), "{calls:?}");
    wait::until(
        "14",
        || format!("{:?}", street.calls()),
        || street.calls().iter().any(|words| words[0] == "clplogcmd" && words[1..4] == ["-i", "14", "mm:note"]),
    );
}

/// One command at a time, whatever comes; what is lost is said, and never what a recovery has to say.
#[test]
fn a_flood_of_notices_is_no_flood_of_commands() {
    let slow =
        "[ ! -e \"$folder/busy\" ] || : > \"$folder/two\"; : > \"$folder/busy\"; sleep 0.05; rm \"$folder/busy\"";
    let street = Street::new(false, "20s").does("clplogcmd", slow);
    let host = street.start(Mode::Thread);
    host.armed();
    for sequence in 1..=400 {
        street.fault(sequence);
        if sequence % 20 == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    host.hear(Level::Warning, "were not written to CLUSTERPRO's alert log");
    assert!(!street.bin().join("two").exists(), "two at a time");
    let alerts = street.alerts();
    for id in ["mm 901", "mm 905", "mm 14"] {
        assert!(alerts.iter().any(|alert| alert.0 == id), "{id} is not in {alerts:#?}");
    }
    assert!(alerts.len() < 250, "{}", alerts.len());
    street.bmc.hears(&[Word::Started, ENDED_DONE]);
}

#[test]
fn an_alert_command_that_fails_or_hangs_holds_nothing_up() {
    let street = Street::new(false, "20s").does("clplogcmd", "exit 9");
    let host = street.start(Mode::Loop);
    host.hear(Level::Warning, "CLUSTERPRO's alert log: the command failed (1): exit status 9");
    host.armed();
    street.fault(1);
    street.bmc.hears(&[Word::Started, ENDED_DONE]);

    let street = Street::new(false, "20s").does("clplogcmd", "exec sleep 60");
    let host = street.start(Mode::Thread);
    host.armed();
    street.fault(1);
    street.bmc.hears(&[Word::Started, ENDED_DONE]);
    host.hear(Level::Warning, "killed by signal 9");
}

// ---- beside CLUSTERPRO's own monitor

/// A process that looks like CLUSTERPRO's, until it is dropped.
struct Clppm(Child);

impl Clppm {
    fn start(street: &Street) -> Self {
        let path = street.bin().join("clppm");
        symlink("/bin/sh", &path).unwrap();
        let child = Command::new(&path).args(["-c", "sleep 30; :"]).spawn().unwrap();
        let comm = format!("/proc/{}/comm", child.id());
        wait::until("clppm runs", String::new, || fs::read_to_string(&comm).is_ok_and(|name| name == "clppm\n"));
        Self(child)
    }
}

impl Drop for Clppm {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// As a real one: EUC-JP, and a comment that no UTF-8 reader takes.
fn clp_conf(street: &Street, category: &str) -> String {
    let mut bytes =
        b"<?xml version=\"1.0\" encoding=\"EUC-JP\"?>\n<root><cluster><comment>\xA5\xAF</comment></cluster>\n".to_vec();
    bytes.extend(format!("<monitor><types name=\"mrw\"/><mrw name=\"mrw1\"><parameters><category>{category}</category></parameters></mrw></monitor></root>").bytes());
    let path = street.site.folder.path().join("clp.conf");
    fs::write(&path, bytes).unwrap();
    quoted(path.display())
}

#[test]
fn beside_an_active_monitor_of_clusterpro_nothing_starts() {
    let street = Street::new(false, "20s");
    let conf = clp_conf(&street, "BMCNOTICE");
    let street = street.set("clusterpro.conf", conf);
    drop(street.start(Mode::Thread)); // its configuration alone is no reason

    let _clppm = Clppm::start(&street);
    let refused = match street.try_start(Mode::Thread) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it started"),
    };
    for part in ["BMCN-C531", "clppm", "mrw1", "mrw_suspended", "--observe"] {
        assert!(refused.contains(part), "no {part} in\n{refused}");
    }

    let street = street.set("clusterpro.mrw_suspended", "true");
    drop(street.start(Mode::Thread));
    let street = street.set("clusterpro.mrw_suspended", "false").set("cluster.observe", "true");
    drop(street.start(Mode::Thread));
    let street = street.set("cluster.observe", "false");
    clp_conf(&street, "NIC");
    drop(street.start(Mode::Thread));
}

/// Everything is seen and told to people, and nothing is said to the BMC or done.
#[test]
fn who_observes_acknowledges_tells_and_recovers_nothing() {
    for mode in MODES {
        let street = Street::new(true, "20s").set("cluster.observe", "true");
        let host = street.start(mode);
        host.hear(Level::Info, "session open");
        let sender = UdpSocket::bind((street.site.listen.ip(), 0)).unwrap();
        let octets = pets::datagram(&pets::fatal(street.bmc.guid(), 1), b"public");
        for _ in 0..3 {
            sender.send_to(&octets, street.site.listen).unwrap();
        }
        street.alerted(&[("mm 901", "INFO"), ("mm 912", "INFO"), ("mm 914", "INFO")]);
        wait::a_while();
        let counted = host.statistics();
        assert_eq!((counted.notices, counted.repeats), (1, 2));
        assert_eq!((counted.acknowledged, counted.recoveries, counted.told), (0, 0, 0));
        sender.set_nonblocking(true).unwrap();
        assert!(sender.recv(&mut [0; 64]).is_err(), "it was acknowledged");
        assert!(street.deeds().is_empty(), "{:?}", street.deeds());
        drop(host);
        assert!(street.bmc.words().is_empty(), "{}", street.bmc.story());
    }
}

/// CLUSTERPRO's two counts, and the script before: each attempt has its template, and its numbers in the alert log.
#[test]
fn a_plan_of_restarts_and_failovers_takes_the_template_of_each() {
    let mut street = Street::new(false, "20s")
        .does("restart", "exit 1")
        .does("clpgrp", "[ -e \"$folder/second\" ] || { : > \"$folder/second\"; exit 1; }")
        .does("before", "exit 2");
    let bin = street.bin();
    for name in ["restart", "before"] {
        symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/street/stand-in.sh"), bin.join(name)).unwrap();
    }
    let script = format!("{{ command = [\"{}/before\"], before = [\"failover\"] }}", bin.display());
    street
        .site
        .monitor("recovery", "{ clusterpro = { restart = [\"restart\", \"{target}\"] } }")
        .monitor("restart", "1");
    street.site.monitor("failover", "2").monitor("script", script).bmc("patience", quoted("1h"));
    let host = street.start(Mode::Thread);
    host.armed();
    street.fault(1);
    street.bmc.hears(&[Word::Started, ENDED_DONE]);
    assert_eq!(street.deeds(), ["restart failover1", "before", "clpgrp -m failover1", "before", "clpgrp -m failover1"]);
    let told = ["mm 901", "mm 912", "mm 914", "mm 905", "mm 19", "mm 83", "mm 20", "mm 83", "mm 14"];
    let levels = ["INFO", "INFO", "INFO", "ERR", "ERR", "ERR", "ERR", "ERR", "INFO"];
    street.alerted(&told.into_iter().zip(levels).collect::<Vec<_>>());
}

/// Stopping CLUSTERPRO's services is an attempt as well, by its own template.
#[test]
fn the_service_is_stopped_when_nothing_else_helps() {
    let mut street = Street::new(true, "20s").does("elsewhere", "exit 1").does("clpgrp", "exit 1");
    street.site.monitor("final_action", quoted("stop_service")).monitor("final_action_on_address", "true");
    let host = street.start(Mode::Thread);
    host.armed();
    street.fault(1);
    street.bmc.hears(&[Word::Started, ENDED_DONE]);
    let asked = "elsewhere failover1 server1";
    assert_eq!(street.deeds(), [asked, "clpgrp -m failover1", asked, "clpcl -t"]);
    street.alerted(&[
        ("mm 901", "INFO"),
        ("mm 912", "INFO"),
        ("mm 914", "INFO"),
        ("mm 905", "ERR"),
        ("mm 20", "ERR"),
        ("mm 15", "INFO"),
    ]);
}

/// Killed in the middle: the next start asks where the group is, and moves it only if it is still here.
#[test]
fn after_a_kill_in_the_middle_the_goal_is_compared() {
    let street = Street::new(true, "20s").does("elsewhere", "[ -e \"$folder/moved\" ]  || exit 1");
    let street = street.does("clpgrp", ": > \"$folder/moved\"; sleep 20");
    let bmc = &street.bmc;
    let host = street.start(Mode::Thread);
    host.armed();
    street.fault(1);
    host.until("moved", || street.bin().join("moved").exists());
    bmc.hears(&[Word::Started]);
    drop(host); // a stop in the middle tells the BMC nothing: the journal has it
    let before = street.deeds().len();
    let host = street.start(Mode::Thread);
    bmc.hears(&[Word::Started, Word::Started, ENDED_DONE]);
    host.hear(Level::Info, "nothing was moved");
    assert_eq!(street.deeds()[before..], ["elsewhere failover1 server1"]);
}
