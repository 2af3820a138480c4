//! `kill -9` at the worst moments: what the next start tells the BMC, once.
//!
//! The victim is this test binary, started again with an order in its environment.

use crate::bmcs::{Bmc, ENDED_DONE, ENDED_UNKNOWN, Simulated, Word};
use crate::host::Host;
use crate::site::{Site, quoted};
use crate::{pets, wait};
use bmcnotice::words::Level;
use bmcnotice::{Answer, Config, Mode};
use std::env;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

const CONFIG: &str = "BMCNOTICE_VICTIM_CONFIG";
const MODE: &str = "BMCNOTICE_VICTIM_MODE";
/// The victim writes no log of its own.
const QUIET: &str = "BMCNOTICE_VICTIM_QUIET";
const MODES: [(Mode, &str); 2] = [(Mode::Loop, "loop"), (Mode::Thread, "thread")];

/// The victim's whole life; without the order, nothing.
#[test]
fn victim() {
    let Some(config) = env::var_os(CONFIG) else { return };
    let mode = if env::var(MODE).unwrap() == "loop" { Mode::Loop } else { Mode::Thread };
    let called = PathBuf::from(&config).with_file_name("called");
    let log = PathBuf::from(&config).with_file_name("log");
    let host = Host::of(&Config::from_file(&config).unwrap(), mode, move |_| {
        File::create(&called).unwrap();
        sleep(Duration::from_secs(60));
        Answer::Done
    });
    let host = host.unwrap_or_else(|error| panic!("{error}"));
    loop {
        if env::var_os(QUIET).is_some() {
            sleep(Duration::from_secs(60)); // all that is sent and written is the library's
            continue;
        }
        fs::write(&log, host.log().join("\n")).unwrap();
        sleep(Duration::from_millis(20));
    }
}

pub struct Victim<'a> {
    process: Child,
    site: &'a Site,
}

fn command(site: &Site, mode: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "kills::victim", "--nocapture"]).env(CONFIG, site.file()).env(MODE, mode);
    command.stdout(Stdio::null());
    command
}

/// A victim that does nothing but what the library does.
pub fn quiet_victim(site: &Site, mode: &str) -> Command {
    let mut command = command(site, mode);
    command.env(QUIET, "");
    command
}

impl<'a> Victim<'a> {
    pub fn start(site: &'a Site, mode: &str) -> Self {
        Self { process: command(site, mode).spawn().unwrap(), site }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.site.folder.path().join("log")).unwrap_or_default()
    }

    fn says(&self, part: &str) {
        wait::until(part, || self.log(), || self.log().contains(part));
    }

    /// Waits until it knows that the BMC knows: in loop mode nothing is said to the BMC while a callback blocks, and what is
    /// urgent waits for the answer to *armed*.
    pub fn armed(&self) {
        self.says("the BMC knows that we are armed");
    }

    fn is_called(&self) {
        let called = self.site.folder.path().join("called");
        wait::until("called", || self.log(), || called.exists());
    }
}

impl Drop for Victim<'_> {
    /// SIGKILL, whatever happens.
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A recovery is killed in its callback.
fn killed_in_the_callback(site: &Site, bmc: &Simulated, mode: &str) {
    let victim = Victim::start(site, mode);
    victim.armed();
    pets::send(site.listen, bmc.guid(), 1);
    victim.is_called();
    let story = || format!("{}\n{}", bmc.story(), victim.log());
    wait::until("the BMC hears started", story, || bmc.recoveries() == [Word::Started]);
}

#[test]
fn the_next_start_tells_that_nobody_knows_once() {
    for (mode, name) in MODES {
        let bmc = Simulated::new();
        let site = Site::of(&bmc);
        killed_in_the_callback(&site, &bmc, name);

        let second = Host::start(&site, mode);
        bmc.hears(&[Word::Started, ENDED_UNKNOWN]);
        second.hear(Level::Error, "killed in the middle of the recovery");
        // The BMC's repetition is no news to the new process.
        pets::send(site.listen, bmc.guid(), 1);
        second.until("a repetition", || second.statistics().repeats == 1);
        assert_eq!(second.calls(), 0);
        second.until("closed", || second.said(Level::Info, "may reset the server now"));
        drop(second);

        let third = Host::start(&site, mode);
        third.armed();
        wait::a_while();
        bmc.hears(&[Word::Started, ENDED_UNKNOWN]);
        assert_eq!(third.calls(), 0);
    }
}

/// The second process is killed, too, before the BMC has heard it.
#[test]
fn it_is_told_even_when_the_next_start_is_killed() {
    let bmc = Simulated::new();
    let site = Site::of(&bmc);
    killed_in_the_callback(&site, &bmc, "thread");
    bmc.change(|quirks| quirks.silent = true);
    let second = Victim::start(&site, "thread");
    second.says("telling the BMC: recovery ended(unknown)");
    drop(second);
    bmc.change(|quirks| quirks.silent = false);
    let _third = Host::start(&site, Mode::Loop);
    bmc.hears(&[Word::Started, ENDED_UNKNOWN]);
}

#[test]
fn after_another_boot_nothing_is_said_and_the_record_is_closed() {
    for (mode, name) in MODES {
        let bmc = Simulated::new();
        let site = Site::of(&bmc);
        killed_in_the_callback(&site, &bmc, name);

        let mut config = site.config();
        config.pretend_boot([7; 16]);
        let second = Host::of(&config, mode, |_| Answer::Done).unwrap();
        second.hear(Level::Info, "closed: interrupted by reset");
        second.armed();
        wait::a_while();
        bmc.hears(&[Word::Started]);
        assert_eq!(second.calls(), 0);
        drop(second);

        let third = Host::of(&config, mode, |_| Answer::Done).unwrap();
        third.armed();
        assert!(!third.said(Level::Info, "interrupted by reset"), "once: {:#?}", third.log());
        bmc.hears(&[Word::Started]);
    }
}

#[test]
fn a_recovery_that_had_not_begun_is_taken_up() {
    for (mode, name) in MODES {
        let bmc = Simulated::new();
        let mut site = Site::of(&bmc);
        site.monitor("wait_for_started", quoted("30s")).monitor("tell_deadline", quoted("30s"));
        let victim = Victim::start(&site, name);
        victim.armed();
        bmc.change(|quirks| quirks.silent = true);
        pets::send(site.listen, bmc.guid(), 1);
        victim.says("telling the BMC: recovery started");
        drop(victim);
        bmc.change(|quirks| quirks.silent = false);

        let second = Host::start(&site, mode);
        second.hear(Level::Warning, "taken up again");
        bmc.hears(&[Word::Started, ENDED_DONE]);
        assert_eq!(second.calls(), 1);
        assert!(!site.folder.path().join("called").exists());
    }
}

/// By a monitor that says so, it runs again.
#[test]
fn a_rerun_is_run_again() {
    let bmc = Simulated::new();
    let mut site = Site::of(&bmc);
    site.monitor("rerun", "true");
    killed_in_the_callback(&site, &bmc, "loop");
    let second = Host::start(&site, Mode::Loop);
    second.hear(Level::Warning, "it runs again");
    bmc.hears(&[Word::Started, Word::Started, ENDED_DONE]);
    assert_eq!(second.calls(), 1);
}

/// The command does not notice that we died, and nobody else lets it run for ever.
#[test]
fn a_command_outlives_us_to_its_deadline() {
    let bmc = Simulated::new();
    let mut site = Site::of(&bmc);
    let folder = site.folder.path().display().to_string();
    site.script(&format!(
        "cd {folder}; echo $$ > begun; for i in $(seq 1000); do echo $i; echo $i > said; sleep 0.01; done"
    ));
    site.monitor("deadline", quoted("3s"));
    let victim = Victim::start(&site, "thread");
    victim.armed();
    pets::send(site.listen, bmc.guid(), 1);
    let text = |name: &str| fs::read_to_string(site.folder.path().join(name)).unwrap_or_default();
    wait::until("begun", || victim.log(), || text("said").ends_with('\n'));
    let pid = text("begun");
    drop(victim);
    let said = |text: String| text.trim().parse::<u32>().unwrap_or(0);
    let before = said(text("said"));
    wait::until("it talks on", String::new, || said(text("said")) > before + 50);
    let gone = || !std::path::Path::new("/proc").join(pid.trim()).join("exe").exists();
    wait::until("its deadline", String::new, gone);
}

/// The rerun ends the old one first, although that is deaf to SIGTERM.
#[test]
fn a_rerun_never_runs_beside_the_old_one() {
    let bmc = Simulated::new();
    let mut site = Site::of(&bmc);
    let folder = site.folder.path().display().to_string();
    let script = format!(
        "cd {folder}; if test -e first; then test -e /proc/$(cat first)/exe && echo both > both; echo again > again; \
         else trap '' TERM; echo $$ > first; while :; do sleep 0.05; done; fi"
    );
    site.script(&script).monitor("rerun", "true");
    let victim = Victim::start(&site, "thread");
    victim.armed();
    pets::send(site.listen, bmc.guid(), 1);
    let there = |name: &str| site.folder.path().join(name).exists();
    wait::until("begun", || victim.log(), || there("first"));
    drop(victim);
    let second = Host::start(&site, Mode::Thread);
    second.hear(Level::Info, "an earlier command of this monitor still runs");
    bmc.hears(&[Word::Started, Word::Started, ENDED_DONE]);
    assert!(there("again") && !there("both"));
}
